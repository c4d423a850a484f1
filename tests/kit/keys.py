# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixed keys of tests/keys, and a GNUPGHOME of its own for each test."""
import atexit
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile

from . import KitError, write

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                    "keys")
FPR = {}        # name -> 40 hex digits
ADDR = {}       # name -> address
with open(os.path.join(HERE, "fingerprints")) as _f:
    for _line in _f:
        _n, FPR[_n], ADDR[_n] = _line.split()
PASSPHRASE = {"carol": "carol's secret"}

PINENTRY = """#!/bin/sh
# answers what the file "mode" beside it says: a passphrase, cancel, or hang
D=%s
echo $$ >> $D/pids
echo "OK Pleased to meet you"
while read -r verb rest; do
	case $verb in
	GETPIN|CONFIRM)
		echo "$verb" >> $D/prompts
		read -r mode < $D/mode
		case $mode in
		cancel) echo "ERR 83886179 Operation cancelled <Pinentry>" ;;
		hang) kill -STOP $$ ;;
		*) echo "D $(sed -n 2p $D/mode)"; echo OK ;;
		esac ;;
	GETINFO)	# without its number gpg would not say that it asks
		[ "$rest" = pid ] && echo "D $$"
		echo OK ;;
	BYE) echo OK; exit 0 ;;
	*) echo OK ;;
	esac
done
"""

_templates = {}     # combination -> folder
_store = None


def asc(name, secret=False):
    """The path of an armored key."""
    return os.path.join(HERE, "%s.%s.asc" % (name, "sec" if secret else "pub"))


def run(home, *args, data=b"", check=True, env=None):
    """gpg on this home without questions: (status, output, status lines)."""
    p = subprocess.run(
        ["gpg", "--homedir", home, "--batch", "--yes", "--quiet", "--no-tty",
         "--status-fd", "2"] + list(args),
        input=data, capture_output=True, timeout=120,
        env=dict(os.environ, LC_ALL="C", **(env or {})))
    err = p.stderr.decode("utf-8", "replace")
    if check and p.returncode:
        raise KitError("gpg %s: %s" % (" ".join(args), err))
    return p.returncode, p.stdout, err


def _make(d, secret, public, trusted):
    os.makedirs(d, 0o700)
    loop = ["--pinentry-mode", "loopback"]
    files = [asc(n, True) for n in secret] + [asc(n) for n in public]
    run(d, "--import", *files)
    # what we own is ultimate; what is trusted we sign
    owned = list(secret) or list(trusted)
    if owned:
        run(d, "--import-ownertrust",
            data="".join("%s:6:\n" % FPR[n] for n in owned).encode())
    for n in trusted:
        if n in owned:
            continue
        run(d, *loop, "--passphrase", PASSPHRASE.get(secret[0], ""),
            "--local-user", FPR[secret[0]], "--quick-lsign-key", FPR[n])
    run(d, "--check-trustdb")
    kill(d)


def template(secret, public, trusted):
    global _store
    combo = (tuple(secret), tuple(public), tuple(trusted))
    if combo not in _templates:
        if _store is None:
            _store = tempfile.mkdtemp(prefix="llk", dir="/tmp")
            atexit.register(shutil.rmtree, _store, True)
        d = os.path.join(tempfile.mkdtemp(dir=_store), "g")
        _make(d, *combo)
        _templates[combo] = d
    return _templates[combo]


def home(parent, secret=(), public=(), trusted=(), name="g", conf=""):
    """A new GNUPGHOME parent/name. trusted names are public keys too."""
    public = list(public) + [t for t in trusted
                             if t not in public and t not in secret]
    d = os.path.join(parent, name)
    shutil.copytree(template(secret, public, trusted), d,
                    ignore=shutil.ignore_patterns("S.*", ".#*", "*.lock"))
    os.chmod(d, 0o700)
    p = os.path.join(d, "pin")
    os.mkdir(p)
    write(os.path.join(p, "pinentry"), PINENTRY % p, 0o700)
    pinentry(d, "cancel")
    write(os.path.join(d, "gpg-agent.conf"),
          "pinentry-program %s/pinentry\ndisable-scdaemon\ns2k-count 65536\n"
          % p)
    if conf:
        write(os.path.join(d, "gpg.conf"), conf)
    return d


def pinentry(home, mode, passphrase=""):
    """What the next prompts get: "answer" (with a passphrase), "cancel" or
    "hang"."""
    write(os.path.join(home, "pin", "mode"), "%s\n%s\n" % (mode, passphrase))


def prompts(home):
    """How often a passphrase was asked for in this home."""
    try:
        with open(os.path.join(home, "pin", "prompts")) as f:
            return len(f.readlines())
    except FileNotFoundError:
        return 0


def unlock(home, name):
    """Let this home's gpg-agent remember the passphrase of a key."""
    run(home, "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE[name],
        "--local-user", FPR[name], "--sign", data=b"x")
    # the encryption subkey is a key of its own to the agent
    _, box, _ = run(home, "--trust-model", "always", "--encrypt",
                    "--recipient", FPR[name], data=b"x")
    run(home, "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE[name],
        "--decrypt", data=box)


def close_pinentry(home):
    """A prompt that hangs goes; gpg-agent alone would wait for it for ever,
    even when nobody asks any more."""
    try:
        with open(os.path.join(home, "pin", "pids")) as f:
            pids = [int(x) for x in f]
    except FileNotFoundError:
        return
    for pid in pids:
        try:
            with open("/proc/%d/cmdline" % pid) as f:
                if os.path.join(home, "pin") in f.read():
                    os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass


def kill(home):
    """End the gpg-agent (and dirmngr) of this home."""
    close_pinentry(home)
    for what in ("--kill", "--remove-socketdir"):
        subprocess.run(["gpgconf", "--homedir", home, what] +
                       (["all"] if what == "--kill" else []),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=20)


def remove(home):
    kill(home)
    shutil.rmtree(home, ignore_errors=True)


def encrypt(home, data, to, sign=None, more=()):
    """Armored OpenPGP by plain gpg; to and sign are names of keys."""
    args = ["--armor", "--trust-model", "always", "--encrypt"] + list(more)
    for n in to:
        args += ["--recipient", FPR[n]]
    if sign:
        args += ["--sign", "--local-user", FPR[sign], "--pinentry-mode",
                 "loopback", "--passphrase", PASSPHRASE.get(sign, "")]
    return run(home, *args, data=data)[1]


def sign(home, data, name, more=()):
    """A detached armored signature by plain gpg; name: of a key, or its
    fingerprint."""
    return run(home, "--armor", "--detach-sign", "--local-user",
               FPR.get(name, name), "--pinentry-mode", "loopback",
               "--passphrase", PASSPHRASE.get(name, ""), *more, data=data)[1]


class Decrypted:
    """What plain gpg says of an OpenPGP message."""

    def __init__(self, home, data, passphrase=""):
        self.rc, self.data, err = run(
            home, "--pinentry-mode", "loopback", "--passphrase", passphrase,
            "--trust-model", "always", "--decrypt", data=data, check=False)
        lines = [x.split()[1:] for x in err.splitlines()
                 if x.startswith("[GNUPG:] ")]
        self.status = [x[0] for x in lines]
        self.ok = self.rc == 0 and "DECRYPTION_OKAY" in self.status
        self.enc_to = [x[1] for x in lines if x[0] == "ENC_TO"]
        valid = [x for x in lines if x[0] == "VALIDSIG"]
        self.signer = valid[0][-1] if len(valid) == 1 else None
        # RFC 9580 section 9.5: 8 to 10 are SHA256 to SHA512
        self.hash = int(valid[0][8]) if valid else None
        # RFC 9580 section 9.3: 2 is 3DES, 7 to 9 are AES
        info = [x for x in lines if x[0] == "DECRYPTION_INFO"]
        self.cipher = int(info[0][2]) if info else None
        self.err = err


class Verified:
    """What plain gpg says of a detached signature of this text."""

    def __init__(self, home, sig, text):
        with tempfile.TemporaryDirectory(prefix="llk", dir="/tmp") as d:
            files = [write(os.path.join(d, n), "") for n in ("sig", "text")]
            for name, data in zip(files, (sig, text)):
                with open(name, "wb") as f:
                    f.write(data)
            self.rc, _, self.err = run(home, "--trust-model", "always",
                                       "--verify", *files, check=False)
        valid = [x.split()[2:] for x in self.err.splitlines()
                 if x.startswith("[GNUPG:] VALIDSIG ")]
        self.ok = self.rc == 0 and len(valid) == 1
        self.signer = valid[0][-1] if self.ok else None
        self.hash = int(valid[0][7]) if self.ok else None
        # RFC 9580 section 5.2.1: 0 is of a binary document
        self.kind = int(valid[0][8], 16) if self.ok else None


@functools.lru_cache(None)
def enc_ids(name):
    """The 16-digit key IDs of the encryption subkeys of a key."""
    with tempfile.TemporaryDirectory(prefix="llk", dir="/tmp") as d:
        _, out, _ = run(d, "--with-colons", "--show-keys", asc(name))
    return [f[4] for f in (x.split(":") for x in out.decode().splitlines())
            if f[0] == "sub" and "e" in f[11]]


def ids(*names):
    """The key IDs of their encryption subkeys, sorted."""
    return sorted(i for n in names for i in enc_ids(n))


def sealed_to(armor):
    """The key IDs that an armored message is sealed to, sorted."""
    with tempfile.TemporaryDirectory(prefix="llk", dir="/tmp") as d:
        out = run(d, "--list-packets", data=armor, check=False)[1]
    return sorted(re.findall(r"(?m)^:pubkey enc packet:.*keyid ([0-9A-F]{16})",
                             out.decode("utf-8", "replace")))


def packets(key):
    """The packets of a key as gpg exports it (each in the old format)."""
    out = []
    while key:
        assert key[0] & 0xc0 == 0x80 and key[0] & 3 != 3
        n = 1 << (key[0] & 3)
        end = 1 + n + int.from_bytes(key[1:1 + n], "big")
        out.append(key[:end])
        key = key[end:]
    return out
