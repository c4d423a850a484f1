# SPDX-License-Identifier: GPL-3.0-or-later
"""Each role played compromised: system calls are put into its live process,
each gets the errno that its box promises, and the letter still goes."""
import contextlib
import errno
import json
import os
import platform
import signal
import socket
import struct
import subprocess
import time

import pytest

from kit import client, keys, letters, provider, wait_for, write
from kit.agent import built
from kit.fakegpg import FakeGpg
from people import ALICE, BOB

CANNOT = 77             # tests/unit/inject.c
OPEN_FLAGS = os.O_RDONLY
CREATE = os.O_WRONLY | os.O_CREAT
AT_FDCWD, AT_EMPTY_PATH = -100 & 0xffffffffffffffff, 0x1000
PROT_RX, MAP_ANON = 5, 0x22
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
TIOCSTI = 0x5412
F_SETOWN, F_SETSIG, F_SETOWN_EX, FIOSETOWN = 8, 10, 15, 0x8901
ROLES = ("front", "mime", "crypt", "upstream")
TALK = ("front", "mime", "upstream")


def sanitized():
    with open(built("letterlockd"), "rb") as f:
        return b"__asan_init" in f.read()


def abi():
    """The version of Landlock's ABI here, 0: none."""
    import ctypes
    return max(0, ctypes.CDLL(None).syscall(444, None, 0, 1))


pytestmark = [
    pytest.mark.skipif(sanitized(), reason="sanitizers go without boxes"),
    pytest.mark.skipif(platform.machine() != "x86_64",
                       reason="tests/unit/inject.c is for x86-64 only"),
    pytest.mark.skipif(os.geteuid() != 0,
                       reason="only root may look into another process")]
needs_landlock = pytest.mark.skipif(abi() == 0, reason="no Landlock here")


class Injected:
    """A process that does what we say. call(): what the system call returned,
    or the name of its errno; after an ending, "killed 31" and the like."""

    def __init__(self, pid):
        self.pid = pid
        self.p = subprocess.Popen(
            [built("tests/unit/inject"), str(pid)], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said = self.p.stdout.readline().strip()
        if said != "ready":
            self.p.wait(10)
            if self.p.returncode == CANNOT:
                pytest.skip("system calls can't be put into it: " + said)
            raise AssertionError(said)

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.p.stdin.close()
        self.p.wait(10)
        self.p.stdout.close()

    def call(self, name, *args):
        words = [name]
        for a in args:
            words.append('"' + a if isinstance(a, str) else "=" + a.hex()
                         if isinstance(a, bytes) else "%d" % a)
        assert not any(set(w) & {" ", "\n"} for w in words), words
        self.p.stdin.write(" ".join(words) + "\n")
        said = self.p.stdout.readline().strip()
        try:
            r = int(said)
        except ValueError:
            return said
        return errno.errorcode[-r] if -4096 < r < 0 else r


def unix(path):
    """A struct sockaddr_un; \\0 in front: abstract."""
    return struct.pack("H", socket.AF_UNIX) + path.encode() + b"\0"


def inet(port):
    return (struct.pack("H", socket.AF_INET) + struct.pack("!H", port) +
            socket.inet_aton("127.0.0.1") + bytes(8))


class Scene:
    """What an intruder would like to get at."""

    def __init__(self, folder, home):
        self.home = home
        self.secret = write(os.path.join(folder, "secret"), "s")
        self.new = os.path.join(folder, "new")
        self.link = os.path.join(folder, "link")
        self.bus, self.inet = (socket.socket(socket.AF_UNIX),
                               socket.socket())
        self.bus_path = os.path.join(folder, "bus")
        self.bus.bind(self.bus_path)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.abstract_name = "\0letterlock-test-%d" % os.getpid()
        self.abstract.bind(self.abstract_name)
        self.inet.bind(("127.0.0.1", 0))
        for s in (self.bus, self.abstract, self.inet):
            s.listen(5)
        self.port = self.inet.getsockname()[1]
        self.victim = subprocess.Popen(["/bin/sleep", "600"])

    def close(self):
        for s in (self.bus, self.abstract, self.inet):
            s.close()
        self.victim.kill()
        self.victim.wait()

    def untouched(self):
        assert self.victim.poll() is None
        assert os.stat(self.secret).st_mode & 0o7777 == 0o600
        assert os.path.getsize(self.secret) == 1
        assert os.stat(self.secret).st_nlink == 1
        for p in (self.new, self.link):
            assert not os.path.lexists(p), p


@pytest.fixture
def scene(scripted, make):
    """An agent with a session of each kind, and what it must not reach."""
    a = scripted()
    s = Scene(make.folder(), a.home)
    a.reader = make.home(["bob"], ["alice"])
    a.scene = s
    yield a
    s.close()


# ---- the tables: what is tried, what it answers

DENIED = "EACCES"


def everywhere(s):
    """Of front, mime and upstream, which have what they have and no more."""
    return [
        ("a file", ("open", s.secret, OPEN_FLAGS), DENIED),
        ("/etc/passwd", ("openat", AT_FDCWD, "/etc/passwd", 0), DENIED),
        ("GNUPGHOME", ("open", s.home, os.O_DIRECTORY), DENIED),
        ("the keyring", ("open", s.home + "/pubring.kbx", 0), DENIED),
        ("a look at a file", ("stat", s.secret, bytes(256)), DENIED),
        ("another way to look", ("newfstatat", AT_FDCWD, s.secret,
                                 bytes(256), 0), DENIED),
        ("a third", ("statx", AT_FDCWD, s.secret, 0, 0xfff, bytes(256)),
         DENIED),
        ("is it there?", ("access", s.secret, 0), DENIED),
        ("where a link leads", ("readlink", "/proc/self/exe", bytes(64), 64),
         DENIED),
        ("a new file", ("open", s.new, CREATE, 0o600), DENIED),
        ("a program", ("execve", "/usr/bin/id", 0, 0), DENIED),
        ("a child", ("fork",), DENIED),
        ("a child by clone", ("clone", signal.SIGCHLD, 0, 0, 0, 0), DENIED),
        ("a child by clone3", ("clone3", bytes(64), 64), DENIED),
        ("a child by vfork", ("vfork",), DENIED),
        ("an internet socket", ("socket", socket.AF_INET,
                                socket.SOCK_STREAM, 0), DENIED),
        ("a unix socket", ("socket", socket.AF_UNIX,
                           socket.SOCK_STREAM, 0), DENIED),
        ("netlink", ("socket", socket.AF_NETLINK, 3, 0), DENIED),
        ("a pair", ("socketpair", 1, 1, 0, bytes(8)), DENIED),
        ("a second connection", ("connect", 3, inet(s.port), 16), DENIED),
        ("listening", ("listen", 3, 5), DENIED),
        ("a signal to others", ("kill", s.victim.pid, 9), DENIED),
        ("a signal to all", ("kill", -1 & (2 ** 64 - 1), 9), DENIED),
        ("a thread's signal", ("tgkill", s.victim.pid, s.victim.pid, 9),
         DENIED),
        ("a signal by a file", ("fcntl", 2, F_SETOWN, s.victim.pid), DENIED),
        ("which signal", ("fcntl", 2, F_SETSIG, 9), DENIED),
        ("another's descriptors", ("pidfd_open", s.victim.pid, 0), DENIED),
        ("truncate", ("truncate", s.secret, 0), DENIED),
        ("chmod", ("chmod", s.secret, 0o666), DENIED),
        ("chown", ("chown", s.secret, 1, 1), DENIED),
        ("link", ("link", s.secret, s.link), DENIED),
        ("symlink", ("symlink", s.secret, s.link), DENIED),
        ("unlink", ("unlink", s.secret), DENIED),
        ("rename", ("rename", s.secret, s.new), DENIED),
        ("mkdir", ("mkdir", s.new, 0o700), DENIED),
        ("new code", ("mmap", 0, 4096, PROT_RX, MAP_ANON, 2 ** 64 - 1, 0),
         DENIED),
        ("io_uring", ("io_uring_setup", 1, bytes(128)), DENIED),
        ("dumpable", ("prctl", 4, 1, 0, 0, 0), DENIED),
        ("a limit raised", ("prlimit64", 0, 7, bytes(16), 0), DENIED),
        ("an ioctl", ("ioctl", 2, TIOCSTI, bytes(8)), DENIED),
    ]


def in_crypt(s):
    return [
        ("a file", ("open", s.secret, OPEN_FLAGS), DENIED),
        ("/etc/shadow", ("open", "/etc/shadow", OPEN_FLAGS), DENIED),
        ("the home folder", ("open", os.path.expanduser("~"),
                             os.O_DIRECTORY), DENIED),
        ("/proc", ("open", "/proc", os.O_DIRECTORY), DENIED),
        ("another's memory", ("open", "/proc/%d/mem" % s.victim.pid, 2),
         DENIED),
        ("another's environment", ("open", "/proc/%d/environ" %
                                   s.victim.pid, 0), DENIED),
        ("/run", ("open", "/run", os.O_DIRECTORY), DENIED),
        ("/tmp", ("open", "/tmp", os.O_DIRECTORY), DENIED),
        ("a new file", ("open", s.new, CREATE, 0o600), DENIED),
        ("a new file in /tmp", ("open", "/tmp", os.O_TMPFILE | os.O_RDWR,
                                0o600), DENIED),
        ("writing to /usr", ("open", "/usr/letterlock-test", CREATE, 0o600),
         DENIED),
        ("another program", ("execve", "/usr/bin/id", 0, 0), DENIED),
        ("a shell", ("execve", "/bin/sh", 0, 0), DENIED),
        ("a program of its own", ("memfd_create", "x", 0), DENIED),
        ("a program by descriptor", ("execveat", 0, "", 0, 0,
                                     AT_EMPTY_PATH), DENIED),
        ("an internet socket", ("socket", socket.AF_INET,
                                socket.SOCK_STREAM, 0), DENIED),
        ("IPv6", ("socket", socket.AF_INET6, socket.SOCK_DGRAM, 0), DENIED),
        ("netlink", ("socket", socket.AF_NETLINK, 3, 0), DENIED),
        ("vsock", ("socket", 40, 1, 0), DENIED),
        ("the kernel's crypto", ("socket", 38, 5, 0), DENIED),
        ("a server", ("bind", 3, unix(s.new), 108), DENIED),
        ("a signal to others", ("kill", s.victim.pid, 9), "EPERM"),
        ("a signal to all", ("kill", -1 & (2 ** 64 - 1), 9), DENIED),
        ("a signal to a group", ("kill", -s.victim.pid & (2 ** 64 - 1), 9),
         DENIED),
        ("a thread's signal", ("tgkill", s.victim.pid, s.victim.pid, 9),
         "EPERM"),
        ("a signal by a file", ("fcntl", 2, F_SETOWN, s.victim.pid), DENIED),
        ("one by fcntl's other way", ("fcntl", 2, F_SETOWN_EX, bytes(8)),
         DENIED),
        ("one by ioctl", ("ioctl", 2, FIOSETOWN, bytes(8)), DENIED),
        ("another's descriptors", ("pidfd_open", s.victim.pid, 0), DENIED),
        ("truncate", ("truncate", s.secret, 0), DENIED),
        ("truncate by open", ("open", s.secret, os.O_WRONLY | os.O_TRUNC),
         DENIED),
        ("chmod", ("chmod", s.secret, 0o666), DENIED),
        ("chmod by fchmodat", ("fchmodat", AT_FDCWD, s.secret, 0o666),
         DENIED),
        ("chown", ("chown", s.secret, 1, 1), DENIED),
        ("an attribute", ("setxattr", s.secret, "user.x", "y", 1, 0), DENIED),
        ("times", ("utimensat", AT_FDCWD, s.secret, 0, 0), DENIED),
        ("link into its home", ("link", s.secret, s.home + "/x"), "EXDEV"),
        ("link elsewhere", ("link", s.secret, s.link), DENIED),
        ("symlink", ("symlink", "/etc/shadow", s.home + "/x"), DENIED),
        ("unlink", ("unlink", s.secret), DENIED),
        ("rename", ("rename", s.secret, s.home + "/x"), DENIED),
        ("a folder in its home", ("mkdir", s.home + "/x", 0o700), DENIED),
        ("a socket in its home", ("mknod", s.home + "/x", 0o140600, 0),
         DENIED),
        ("a session of its own", ("setsid",), DENIED),
        ("a group of its own", ("setpgid", 0, s.victim.pid), DENIED),
        ("a name space", ("unshare", CLONE_NEWUSER), DENIED),
        ("a name space by clone", ("clone", CLONE_NEWNET | signal.SIGCHLD, 0,
                                   0, 0, 0), DENIED),
        ("a name space by clone3", ("clone3", bytes(64), 64), "ENOSYS"),
        ("another user", ("setuid", 0), DENIED),
        ("shared memory", ("shmget", 1, 4096, 0o1600), DENIED),
        ("io_uring", ("io_uring_setup", 1, bytes(128)), DENIED),
        ("typing", ("ioctl", 0, TIOCSTI, "x"), DENIED),
    ]


UNTHINKABLE = {
    "ptrace": ("ptrace", 0, 0, 0, 0),
    "others' memory": ("process_vm_readv", 1, 0, 0, 0, 0, 0),
    "bpf": ("bpf", 0, 0, 0),
    "a module": ("finit_module", 0, "", 0),
    "kexec": ("kexec_load", 0, 0, 0, 0),
    "mount": ("mount", "none", "/tmp", "tmpfs", 0, 0),
    "userfaultfd": ("userfaultfd", 0),
    "perf": ("perf_event_open", 0, 0, 0, 0, 0),
    "keyctl": ("keyctl", 0, 0, 0, 0, 0),
}
UNTHINKABLE_TALK = {
    "another user": ("setuid", 0),
    "another root": ("chroot", "/tmp"),
    "a name space": ("unshare", CLONE_NEWUSER),
}


def seen(i, table):
    """What differs from the table."""
    wrong = []
    for what, call, want in table:
        got = i.call(*call)
        print("%-26s %s" % (what, got))
        if got != want:
            wrong.append((what, want, got))
        assert isinstance(got, int) or got.startswith("E"), (what, got)
    return wrong


# ---- a session of each kind

@contextlib.contextmanager
def smtp(a):
    """A client that has logged in; in the end its letter is sent."""
    with client.Smtp(a.submission, ALICE, "x") as c:
        yield
        before = len(a.smtp.accepted)
        r = c.send_letter(ALICE, [BOB], letters.text())
        assert r.code == 250, r
        assert len(a.smtp.accepted) == before + 1


@contextlib.contextmanager
def pop3(a):
    text = letters.payload(letters.BODY, sender=BOB, to=(ALICE,))
    a.inbox.mailbox[:] = [("u1", letters.sealed(keys.encrypt(
        a.reader, text, ["alice"], "bob"), sender=BOB, to=(ALICE,)))]
    with client.Pop3(a.pop3, ALICE, "x") as c:
        yield
        assert letters.verdict(c.retr(1))["encryption"] == "ok"


@contextlib.contextmanager
def plugin(a):
    """A plug-in, which is answered in the end."""
    with socket.socket(socket.AF_UNIX) as c:
        c.settimeout(30)
        c.connect(os.path.join(a.dirs["run"], "letterlock", "agent.sock"))
        for hello in (True, False):
            c.sendall(b'{"id":1,"call":"hello","version":1}\n' if hello
                      else b'{"id":2,"call":"status"}\n')
            with c.makefile("rb") as f:
                assert "ok" in json.loads(f.readline())
            if hello:
                yield


KINDS = {"smtp": smtp, "pop3": pop3, "plugin": plugin}
SESSIONS = [(k, r) for k in ("smtp", "pop3") for r in TALK] + [
    ("plugin", "plugin")]


def in_session(a, role):
    """The process of the session, not the spare, nor what begins as gpg."""
    def boxed():
        """a role in its box"""
        for p in a.role(role):
            try:
                with open("/proc/%d/status" % p.pid) as f:
                    if p.ppid == a.pid and "\nSeccomp:\t2\n" in f.read():
                        return p.pid
            except FileNotFoundError:
                pass
        return None
    return wait_for(boxed)


@needs_landlock
@pytest.mark.parametrize("kind,role", SESSIONS)
def test_one_that_talks(scene, role, kind):
    with KINDS[kind](scene):
        with Injected(in_session(scene, role)) as i:
            wrong = seen(i, everywhere(scene.scene))
        assert not wrong
        scene.scene.untouched()


@pytest.mark.skipif(abi() < 6, reason="signals leave older kernels' boxes")
@pytest.mark.parametrize("kind", ("smtp", "pop3"))
def test_crypt(scene, kind):
    with KINDS[kind](scene):
        with Injected(in_session(scene, "crypt")) as i:
            wrong = seen(i, in_crypt(scene.scene))
        assert not wrong
        scene.scene.untouched()


def arrived(s):
    """Does somebody wait for accept()?"""
    s.settimeout(0.2)
    try:
        s.accept()[0].close()
    except socket.timeout:
        return False
    return True


def agent_socket(a):
    return subprocess.run(["gpgconf", "--list-dirs", "agent-socket"],
                          env=a.env, check=True, capture_output=True,
                          text=True).stdout.strip()


def connects(i, to):
    fd = i.call("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0)
    assert isinstance(fd, int)
    got = i.call("connect", fd, to, len(to))
    assert i.call("close", fd) == 0
    return got


def greeting(i, to):
    """connect(), and what is read there: an errno, or the first octets."""
    fd = i.call("socket", socket.AF_UNIX, socket.SOCK_STREAM, 0)
    assert isinstance(fd, int)
    got = i.call("connect", fd, to, len(to))
    if got == 0:
        where = i.call("mmap", 0, 4096, 3, MAP_ANON, 2 ** 64 - 1, 0)
        time.sleep(0.3)
        got = i.call("recvfrom", fd, where, 5, socket.MSG_DONTWAIT, 0, 0)
        if isinstance(got, int):
            with open("/proc/%d/mem" % i.pid, "rb", 0) as f:
                f.seek(where)
                got = f.read(got)
        assert i.call("munmap", where, 4096) == 0
    assert i.call("close", fd) == 0
    return got


def test_crypt_and_unix_sockets(scene):
    """gpg-agent is all there is, by whatever name; not the bus of the
    desktop."""
    s = scene.scene
    with smtp(scene), Injected(in_session(scene, "crypt")) as i:
        assert greeting(i, unix(agent_socket(scene))) == b"OK Pl"
        for to, there in ((s.bus_path, s.bus), (s.abstract_name, s.abstract)):
            got = greeting(i, unix(to))
            print(repr(to), got)
            assert got in (b"OK Pl", DENIED, "EPERM")
            assert not arrived(there)
        # its door is the keeper's alone
        fds = "/proc/%d/fd/" % i.pid
        assert not [n for n in os.listdir(fds)
                    if "seccomp" in os.readlink(fds + n)]
        assert i.call("seccomp", 1, 8, bytes(16)) == DENIED
        assert i.call("prctl", 22, 2, bytes(16)) == DENIED
        for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
            assert i.call("socket", socket.AF_UNIX, kind, 0) == DENIED


@pytest.mark.parametrize("role,what", [
    (r, w) for r in ROLES for w in UNTHINKABLE] + [
    (r, w) for r in TALK for w in UNTHINKABLE_TALK])
def test_the_unthinkable(scene, role, what):
    """It ends the process, and no more than its session."""
    call = dict(UNTHINKABLE, **UNTHINKABLE_TALK)[what]
    with client.Smtp(scene.submission, ALICE, "x"):
        pid = in_session(scene, role)
        with Injected(pid) as i:
            assert i.call(*call) == "killed %d" % signal.SIGSYS
    assert scene.send([BOB], letters.text()).code == 250
    wait_for(lambda: not os.path.exists("/proc/%d" % pid))


# ---- what gpg inherits

# In the place of gpg: each attempt and its errno, as JSON.
PROBE = r"""
import errno, json, os, socket, sys
def tries(what):
    try:
        eval(what)
        return 0
    except OSError as e:
        return errno.errorcode[e.errno]
print(json.dumps({what: tries(what) for what in %r}))
"""


@pytest.mark.skipif(abi() < 6, reason="signals leave older kernels' boxes")
def test_gpg_inherits_the_box(make):
    home = make.home(["alice"], [], ["bob"])
    fake = FakeGpg(make.folder(), home)
    s = Scene(make.folder(), home)
    want = {
        "open(%r)" % s.secret: DENIED,
        "open('/etc/shadow')": DENIED,
        "open(%r, 'w')" % s.new: DENIED,
        "open('/proc/%d/environ')" % s.victim.pid: DENIED,
        "os.listdir('/tmp')": DENIED,
        "os.listdir(%r)" % os.path.expanduser("~"): DENIED,
        "os.execv('/usr/bin/id', ['id'])": DENIED,
        "os.execv('/bin/sh', ['sh'])": DENIED,
        "os.truncate(%r, 0)" % s.secret: DENIED,
        "os.chmod(%r, 0o666)" % s.secret: DENIED,
        "os.link(%r, %r)" % (s.secret, home + "/x"): "EXDEV",
        "os.symlink('/etc/shadow', %r)" % (home + "/x"): DENIED,
        "os.kill(%d, 9)" % s.victim.pid: "EPERM",
        "os.kill(-1, 9)": DENIED,
        "os.setsid()": DENIED,
        "os.memfd_create('x')": DENIED,
        "socket.socket(socket.AF_INET)": DENIED,
        "socket.create_connection(('127.0.0.1', %d))" % s.port: DENIED,
        "socket.socket(socket.AF_UNIX).connect(%r)" % s.bus_path: True,
        "socket.socket(socket.AF_UNIX).connect(%r)" % s.abstract_name: True,
        # what gpg needs
        "open(%r)" % (home + "/pubring.kbx"): 0,
        "open(%r, 'w')" % (home + "/probe.lock"): 0,
        "os.link(%r, %r)" % (home + "/probe.lock", home + "/probe.2"): 0,
        "os.unlink(%r)" % (home + "/probe.2"): 0,
        "os.fork() or os._exit(0)": 0,
    }
    write(os.path.join(home, "probe.py"), PROBE % list(want))
    fake.mode("probe")
    try:
        with provider.Provider("smtp", {ALICE: "x"}) as p:
            a = make.agent(home, {ALICE: {"smtp": p.conf}},
                           mounts=fake.mounts)
            assert client.send(a.submission, ALICE, "x", [BOB],
                               letters.text()).code == 250
        with open(os.path.join(home, "probe.out")) as f:
            text = f.read()
        print(text)
        got = json.loads(text)
        for what in want:
            if want[what] is True:  # no, or gpg-agent's, by whatever name
                assert got[what] in (0, DENIED, "EPERM")
                want[what] = got[what]
        assert got == want
        assert not arrived(s.bus) and not arrived(s.abstract)
        s.untouched()
    finally:
        s.close()


def test_gpg_makes_its_own_files(scripted):
    """The locks, the trust database and the random seed of a keyring."""
    a = scripted()
    trust = os.path.join(a.home, "trustdb.gpg")
    # out of date: gpg looks at it once more, and locks it
    subprocess.run(["gpg", "--batch", "--import-ownertrust"], check=True,
                   input=keys.FPR["bob"] + ":5:\n", text=True, env=a.env,
                   capture_output=True)
    seed = os.path.join(a.home, "random_seed")
    if os.path.exists(seed):
        os.unlink(seed)
    was = os.stat(trust).st_mtime_ns
    assert a.send([BOB], letters.text()).code == 250
    assert os.path.getsize(seed) > 0
    assert os.stat(trust).st_mtime_ns > was
    assert not [n for n in os.listdir(a.home) if "lock" in n or "#lk" in n]
