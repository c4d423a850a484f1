# SPDX-License-Identifier: GPL-3.0-or-later
"""A gpg that fails on demand, put in the place of the real one for one agent
(in a mount name space, since GPGME and the box of crypt know /usr/bin/gpg).
What it does stands in the file "fake" of the keyring's folder: the box reads
nothing else of ours. The box runs one gpg, and the loader of shared libraries;
so what the fake runs is started by hand through that."""
import os
import re
import shutil

from . import write

REAL = "/usr/games"     # empty on Debian; the folder of the real gpg goes there

SCRIPT = r"""#!%(loader)s /bin/bash
real="%(loader)s %(real)s/gpg" home=%(home)s
cat() { %(loader)s /usr/bin/cat "$@"; }
grep() { %(loader)s /usr/bin/grep "$@"; }
head() { %(loader)s /usr/bin/head "$@"; }
yes() { %(loader)s /usr/bin/yes "$@"; }
sleep="%(loader)s /usr/bin/sleep"
op= status=1 in=0 prev= mode=normal
[ ! -e $home/fake.args ] || echo "$*" >> $home/fake.args
for a; do
	case $a in
	--decrypt) op=open ;;
	--encrypt) op=seal ;;
	--detach) op=sign ;;
	--verify) op=verify ;;
	--list-keys) op=list ;;
	-\&*) in=${a#-&} ;;
	esac
	[ "$prev" = --status-fd ] && status=$a
	prev=$a
done
[ -z "$op" ] || read -r mode < $home/fake
[ "$op" != list ] || [ "$mode" = hang-list ] || mode=normal
[ "$mode" != normal ] || exec $real "$@"
echo $op $mode >> $home/fake.log

say() {
	eval "echo '[GNUPG:] $*' >&$status"
}
# the real one's output and status lines, but for its last words
unsaid() {
	{
		eval "$real \"\$@\" $status>&1 >&12 12>&-" |
			eval "grep --line-buffered -Ev \
			'END_|SIG_CREATED|DECRYPTION_OKAY|GOODMDC' >&$status"
	} 12>&1
}
case $mode in
die) exit 2 ;;
die-middle) unsaid "$@" | head -c 1500; exit 2 ;;
die-late) unsaid "$@" | head -c 300000; exit 2 ;;
cut) $real "$@" | head -c 1500; exit 2 ;;
die-end) unsaid "$@"; exit 2 ;;
hang|hang-list) exec $sleep 600 ;;
hang-middle) unsaid "$@" | head -c 1500; exec $sleep 600 ;;
hang-end) unsaid "$@"; exec $sleep 600 ;;
garbage) head -c 200000 /dev/urandom; exit 0 ;;
garbage-status) eval "head -c 9000 /dev/urandom >&$status"; exit 0 ;;
flood) eval "yes '[GNUPG:] PROGRESS x ? 1 1' | head -c 300000 >&$status"
	exit 2 ;;
echo) eval "cat <&$in"; exit 0 ;;
echo-lies)
	say BEGIN_SIGNING H8
	say BEGIN_ENCRYPTION 2 9
	eval "cat <&$in"
	say END_ENCRYPTION
	exit 0 ;;
probe)
	%(loader)s /usr/bin/python3 -I $home/probe.py > $home/probe.out 2>&1
	exec $real "$@" ;;
reader) exec $real --recipient %(reader)s "$@" ;;
weak) exec $real --cipher-algo 3DES --digest-algo SHA1 "$@" ;;
lies)
	say BEGIN_SIGNING H10
	unsaid --digest-algo SHA256 "$@"
	exit 0 ;;
esac
exit 2
"""


def loader():
    """What loads a program's shared libraries: its name is in the program."""
    with open("/bin/bash", "rb") as f:
        return re.search(rb"/[\w/.-]*/ld[\w.-]*\.so\.\d", f.read(8192)
                         ).group().decode()


class FakeGpg:
    """folder: its own; home: the keyring of the agent; reader: the
    fingerprint that mode "reader" adds. mounts: for Agent()."""

    def __init__(self, folder, home, reader="0"):
        self.home = home
        real = os.path.join(folder, "real")
        os.mkdir(real, 0o755)
        shutil.copy("/usr/bin/gpg", real)
        fake = write(os.path.join(folder, "gpg"), SCRIPT % dict(
            real=REAL, home=home, reader=reader, loader=loader()), 0o755)
        self.mounts = [(real, REAL), (fake, "/usr/bin/gpg")]
        self.mode("normal")

    def mode(self, mode):
        write(os.path.join(self.home, "fake"), mode + "\n")
        write(os.path.join(self.home, "fake.log"), "")

    def used(self, op):
        """Did it play its trick on this operation (seal, sign, open, verify
        or, by hang-list alone, list)?"""
        with open(os.path.join(self.home, "fake.log")) as f:
            return any(x.startswith(op + " ") for x in f)
