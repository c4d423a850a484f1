# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may connect: programs of ourselves and of those whom users names, which
the kernel knows, and nobody else."""
import contextlib
import ctypes
import json
import os
import platform
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

from kit import client, letters, provider, wait_for, write
from kit.agent import as_systemd
from people import ALICE, BOB

NOBODY, ANOTHER = 65534, 65533
NOT_YOURS = b"421 4.3.2 Letterlock serves another user of this computer\r\n"
NOT_YOURS_POP3 = b"-ERR [SYS/TEMP] Letterlock serves another user of this " \
                 b"computer\r\n"
UNSEEN = b"421 4.3.2 Letterlock can't see which user of this computer this " \
         b"is\r\n"
SESSION = ("EHLO x\r\nAUTH PLAIN %s\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n"
           "DATA\r\nFrom: <%s>\r\n\r\nx\r\n.\r\nQUIT\r\n" % (
               client.plain(ALICE, "x"), ALICE, BOB, ALICE)).encode()

root = pytest.mark.skipif(os.geteuid() != 0,
                          reason="only root can be somebody else")

# argv: host, port, how often, what is said first, "close" or "read"
VISITOR = """
import socket, sys
host, port, n, say, end = sys.argv[1:]
socks = []
for _ in range(int(n)):
    s = socket.create_connection((host, int(port)), 20)
    s.sendall(say.encode("latin-1"))
    socks.append(s)
for s in socks:
    got = b""
    try:
        while end == "read":
            more = s.recv(4096)
            got += more
            if not more or got[:1] in b"2+":
                break
    except ConnectionResetError:
        got += b"(reset)"
    s.close()
    sys.stdout.buffer.write(got)
"""


def visit(uid, port, host="127.0.0.1", n=1, say=b"", end="read"):
    """What a program of this user hears, n times."""
    who = {}
    if uid != os.geteuid():
        who = {"user": uid, "group": uid, "extra_groups": []}
    return subprocess.run(
        [sys.executable, "-c", VISITOR, host, str(port), str(n),
         say.decode("latin-1"), end], stdout=subprocess.PIPE, timeout=60,
        check=True, cwd="/", **who).stdout


@pytest.fixture
def alice(make):
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        def start(start=True, **keys):
            keys = {k.replace("_", "-"): v for k, v in keys.items()}
            a = make.agent(
                make.home(["alice"], trusted=["bob"]),
                {ALICE: {"smtp": p.conf, "pop3": q.conf}}, keys, start=start)
            a.smtp = p
            return a
        yield start


def serves(a):
    assert client.send(a.submission, ALICE, "x", [BOB],
                       letters.text()).code == 250


@root
def test_another_user(alice):
    a = alice(submission="127.0.0.1:0, [::1]:0, 127.0.0.2:0")
    for port, host in zip(a.submissions, ("127.0.0.1", "::1", "127.0.0.2")):
        assert visit(NOBODY, port, host) == NOT_YOURS
        # also when it spoke first: our line is not lost with its
        assert visit(NOBODY, port, host, say=SESSION) == NOT_YOURS
        assert visit(0, port, host) == b"220 Letterlock ESMTP\r\n"
    assert visit(NOBODY, a.submission, "::ffff:127.0.0.1") == NOT_YOURS
    assert visit(0, a.submission, "::ffff:127.0.0.1")[:3] == b"220"
    assert visit(NOBODY, a.pop3) == NOT_YOURS_POP3
    assert a.smtp.sessions == []
    assert "another user (uid %d)" % NOBODY in a.text()
    assert "127.0.0.1" not in re.sub("listening on .*", "", a.text())
    serves(a)


@root
def test_users_who_are_named(alice):
    a = alice(users="%d" % NOBODY)
    assert visit(NOBODY, a.submission) == b"220 Letterlock ESMTP\r\n"
    assert visit(NOBODY, a.pop3).startswith(b"+OK Letterlock")
    assert visit(ANOTHER, a.submission) == NOT_YOURS
    serves(a)


@root
def test_root_is_another_user(alice):
    """What runs as root may speak for anybody (a proxy), so it is let in only
    where it is named."""
    a = alice(start=False)
    top = os.path.dirname(os.path.dirname(a.d))
    os.chmod(top, 0o755)
    for d in (os.path.dirname(a.d), a.home):
        for at, dirs, files in os.walk(d):
            for n in [at] + [os.path.join(at, f) for f in dirs + files]:
                os.chown(n, NOBODY, NOBODY, follow_symlinks=False)
    os.chown(os.path.dirname(a.home), NOBODY, NOBODY)
    first = a.command()
    probe = subprocess.run(
        ["setpriv", "--reuid=%d" % NOBODY, "--clear-groups", "test", "-x",
         first[0]], stderr=subprocess.DEVNULL)
    if probe.returncode:
        pytest.skip("the build folder is not for others to read")
    a.command = lambda: ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY,
                         "--clear-groups"] + first
    a.start()
    assert visit(0, a.submission) == NOT_YOURS
    assert visit(NOBODY, a.submission) == b"220 Letterlock ESMTP\r\n"
    a.stop()


@root
def test_who_sends_and_closes(alice):
    """A socket that was closed has no owner any more; it looks like root's,
    which is us here."""
    a = alice()
    for uid in (NOBODY, 0):
        os.kill(a.pid, signal.SIGSTOP)
        visit(uid, a.submission, n=20, say=SESSION, end="close")
        visit(uid, a.pop3, n=20, say=b"QUIT\r\n", end="close")
        os.kill(a.pid, signal.SIGCONT)
        wait_for(lambda: "hung up already" in a.text())
        a.log.clear()
        serves(a)
        assert len(a.smtp.sessions) == len(a.smtp.accepted) == 1
        a.smtp.sessions.clear()
        a.smtp.accepted.clear()
        time.sleep(1.1)         # a refusal a second is logged


@root
def test_a_burst_of_others(alice):
    a = alice()
    with client.Smtp(a.submission, ALICE, "x") as c:
        t = time.monotonic()
        assert visit(NOBODY, a.submission, n=200) == 200 * NOT_YOURS
        assert time.monotonic() - t < 10
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
    serves(a)
    assert a.text().count("turned away") < 12
    assert len(a.role("front")) <= 3


def test_a_burst_of_ours(alice):
    """So many get a session, all others are told at once."""
    a = alice(max_sessions="3")
    socks = [socket.create_connection(("127.0.0.1", a.submission), 30)
             for _ in range(200)]
    said = [s.recv(200)[:3] for s in socks]
    assert said.count(b"220") == 3 and said.count(b"421") == 197
    for s in socks:
        s.close()

    def again():
        try:
            return client.send(a.submission, ALICE, "x", [BOB],
                               letters.text()).code == 250
        except client.Closed:
            return False
    wait_for(again)


# ---- without netlink

class Filter(ctypes.Structure):
    _fields_ = [("n", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def no_netlink():
    """seccomp(2): socket(AF_NETLINK) fails with EPERM from now on."""
    nr = {"x86_64": 41, "aarch64": 198}[platform.machine()]
    code = b"".join(struct.pack("=HBBI", *x) for x in (
        (0x20, 0, 0, 0), (0x15, 0, 3, nr),          # the call's number
        (0x20, 0, 0, 16), (0x15, 0, 1, 16),         # AF_NETLINK
        (0x06, 0, 0, 0x00050001), (0x06, 0, 0, 0x7fff0000)))
    buf = ctypes.create_string_buffer(code, len(code))
    prog = Filter(len(code) // 8, ctypes.cast(buf, ctypes.c_void_p))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(prog)):
        raise OSError(ctypes.get_errno(), "seccomp")


def netlinks(pid):
    """How many sockets of NETLINK_SOCK_DIAG it has; None: not for us to see."""
    if os.geteuid() != 0:
        return None
    with open("/proc/net/netlink") as f:
        inodes = {x.split()[9] for x in f.readlines()[1:]
                  if x.split()[1] == "4"}
    fds, found = "/proc/%d/fd" % pid, 0
    for n in os.listdir(fds):
        try:
            found += os.readlink(os.path.join(fds, n))[8:-1] in inodes
        except FileNotFoundError:
            pass        # the guard makes its spares meanwhile
    return found


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"),
                    reason="the number of socket(2) is not known here")
def test_without_netlink(alice):
    a = alice()
    serves(a)           # it is listed once it was used
    assert netlinks(a.pid) in (1, None)
    a.stop()
    a.smtp.sessions.clear()
    limit = a._limit

    def less():
        limit()
        no_netlink()
    a._limit = less
    with open(a.conf) as f:
        text = f.read().replace("submission = 127.0.0.1:0",
                                "submission = 127.0.0.1:0, [::1]:0")
    with open(a.conf, "w") as f:
        f.write(text)
    a.start()
    assert netlinks(a.pid) in (0, None)
    me = os.geteuid()
    for port, host in zip(a.submissions + a.submissions[:1],
                          ("127.0.0.1", "::1", "::ffff:127.0.0.1")):
        assert visit(me, port, host) == b"220 Letterlock ESMTP\r\n"
        if me == 0:
            assert visit(NOBODY, port, host) == NOT_YOURS
    time.sleep(1.1)             # a refusal a second is logged
    os.kill(a.pid, signal.SIGSTOP)
    visit(me, a.submission, n=5, say=SESSION, end="close")
    os.kill(a.pid, signal.SIGCONT)
    wait_for(lambda: "hung up already" in a.text())
    assert a.smtp.sessions == []
    serves(a)


# ---- sockets of systemd, and other networks

@root
def test_sockets_from_systemd(alice, make):
    a = alice(start=False)
    path = os.path.join(make.folder(), "s")
    with socket.create_server(("127.0.0.1", 0)) as s, \
            socket.socket(socket.AF_UNIX) as u:
        u.bind(path)
        u.listen()
        os.chmod(path, 0o777)
        for d in (path, os.path.dirname(path)):
            while d != "/tmp":
                os.chmod(d, 0o777)
                d = os.path.dirname(d)
        port = s.getsockname()[1]
        with as_systemd(a, [s, u]):
            assert visit(NOBODY, port) == NOT_YOURS
            assert visit(0, port) == b"220 Letterlock ESMTP\r\n"
            for uid, want in ((0, b"220"), (NOBODY, b"421")):
                got = subprocess.run(
                    [sys.executable, "-c", "import socket, sys\n"
                     "s = socket.socket(socket.AF_UNIX)\n"
                     "s.connect(sys.argv[1])\n"
                     "sys.stdout.buffer.write(s.recv(3))", path], user=uid,
                    stdout=subprocess.PIPE, timeout=20, check=True).stdout
                assert got == want


# In a network of its own: gives its listeners to us, and connects as told.
ELSEWHERE = """
import array, fcntl, json, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
def at(name, addr):
    fcntl.ioctl(s, 0x8916, struct.pack("16sHH4s8x", name, socket.AF_INET, 0,
                                       socket.inet_aton(addr)))
fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x41))    # up
at(b"lo:1", "10.99.0.1")
at(b"lo:2", "10.99.0.2")
mine = [socket.create_server((h, 0)) for h in ("127.0.0.1", "10.99.0.1")]
up = socket.socket(fileno=3)
up.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                     array.array("i", [m.fileno() for m in mine]))])
for line in sys.stdin:
    src, i = json.loads(line)
    c = socket.create_connection(mine[i].getsockname(), 20, (src, 0))
    print(json.dumps(c.recv(300).decode()), flush=True)
    c.close()
"""


@contextlib.contextmanager
def elsewhere():
    """A network of its own: (its listeners, ask(source, which))."""
    ours, theirs = socket.socketpair()

    def give():
        os.dup2(theirs.fileno(), 3)
    p = subprocess.Popen(["unshare", "-n", sys.executable, "-c", ELSEWHERE],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         close_fds=False, preexec_fn=give, text=True)
    theirs.close()
    try:
        _, fds, _, _ = socket.recv_fds(ours, 10, 4)
        if len(fds) != 2:
            pytest.skip("no network namespaces here")
        socks = [socket.socket(fileno=fd) for fd in fds]

        def ask(src, i):
            p.stdin.write(json.dumps([src, i]) + "\n")
            p.stdin.flush()
            return json.loads(p.stdout.readline()).encode()
        yield socks, ask
        for s in socks:
            s.close()
    finally:
        p.stdin.close()
        p.wait(10)
        p.stdout.close()
        ours.close()


@root
@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare is missing")
def test_another_network_namespace(alice):
    """Where its socket can't be seen, nobody knows whose it is."""
    a = alice(start=False)
    with elsewhere() as (socks, ask):
        with as_systemd(a, socks[:1]) as q:
            assert ask("127.0.0.1", 0) == UNSEEN
            assert ask("127.0.0.5", 0) == UNSEEN
            wait_for(lambda: b"network namespace" in q.said)
        with as_systemd(a, socks) as q:         # 10.99.0.1 is for all the world
            assert q.wait(10) == 69
            wait_for(lambda: b"allow-remote = yes" in q.said)


@root
@pytest.mark.skipif(not shutil.which("unshare"), reason="unshare is missing")
def test_another_machine(alice):
    """It has no socket here, and that is right where allow-remote says so; what
    comes from one of our own addresses is not another machine."""
    a = alice(start=False, allow_remote="yes", max_sessions_per_user="2")
    with elsewhere() as (socks, ask), as_systemd(a, socks):
        assert ask("10.99.0.2", 1).startswith(b"220 ")
        assert ask("10.99.0.1", 1) == UNSEEN
        assert ask("127.0.0.1", 0) == UNSEEN
        got = ask("10.99.0.2", 0)           # to loopback?
        assert got.endswith(b" serves this computer only\r\n")


def test_other_machines_no_longer(alice):
    """A configuration without allow-remote is not taken while systemd's
    sockets are for other machines."""
    a = alice(start=False, allow_remote="yes")
    with socket.create_server(("0.0.0.0", 0)) as s, as_systemd(a, [s]) as q:
        wait_for(lambda: b"listening on" in q.said)
        with open(a.conf) as f:
            text = f.read()
        write(a.conf, text.replace("allow-remote = yes", ""))
        q.send_signal(signal.SIGHUP)
        wait_for(lambda: b"the old one stays: the socket unit listens for "
                 b"other machines" in q.said)


@root
def test_a_listener_for_all_the_world(alice):
    """Programs of this machine are checked there as well."""
    a = alice(allow_remote="yes", submission="0.0.0.0:0 starttls")
    assert visit(NOBODY, a.submission) == NOT_YOURS
    assert visit(0, a.submission) == b"220 Letterlock ESMTP\r\n"
    assert visit(NOBODY, a.submission, "127.0.0.7") == NOT_YOURS
