# SPDX-License-Identifier: GPL-3.0-or-later
"""The walls between the processes: what a role that has gone wrong, a keeper
that stands still or an odd starter can't do to the others."""
import array
import contextlib
import ctypes
import errno
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from kit import client, frames, free_ports, keys, letters, provider, wait_for, write
from kit.agent import ROLES, Agent, Process, built, processes, sanitized
from kit.plugin import Plugin, path
from people import ALICE, BOB
from test_compromised import abi
from test_failclosed import assert_free, gpg_agents

PARTS = [r for r in ROLES if r != "guard"]
G_ASKER, G_LANE, K_CAME, K_CODE = (frames.numbers()[x] for x in (
    "G_ASKER", "G_LANE", "K_CAME", "K_CODE"))
PLACES = ("keeper", "front", "mime", "crypt", "upstream", "plugin")  # spawn.h
# who else than front may ask what
OF_CRYPT = ("K_MAC", "K_RECALL", "K_REMEMBER", "K_CAME", "K_DOOR", "K_KEY",
            "K_JUDGED", "K_WAITS", "K_PEER", "K_PEER_KEY", "K_PEER_KEYS",
            "K_LEARNT", "K_FOUND", "K_UNFIT", "K_RENEWED", "K_LASTS")
OF_PLUGIN = ("K_STATUS", "K_CHANGED", "K_WATCH", "K_CONTACTS",
             "K_CONTACT_SET", "K_RENEWAL", "K_ENDING")
OF_BOTH = ("K_CHECK", "K_CONTACT", "K_CODE", "K_DID_COME",
           "K_LOOKUP")          # front and plugin
LEASH = 3


def sealed(reader, size=0):
    text = letters.payload(letters.BODY + "\n" + ("q" * 70 + "\n") *
                           (size // 71), sender=BOB, to=(ALICE,))
    box = keys.encrypt(reader, text, ["alice"], "bob",
                       ["--compress-algo", "none"])
    return letters.sealed(box, sender=BOB, to=(ALICE,))


def greeted(port, seconds=3):
    """Does a new session begin?"""
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        s.settimeout(seconds)
        return s.recv(100).startswith((b"220", b"+OK"))


def streams(pid):
    """What a process has open; a role, when it has taken its configuration
    and closed that: sooner it has not even closed what it got. Nothing once it
    has ended."""
    def look():
        if not os.path.exists("/proc/%d" % pid):
            return {None: None}
        try:
            found = {int(n): os.readlink("/proc/%d/fd/%s" % (pid, n))
                     for n in os.listdir("/proc/%d/fd" % pid)}
        except FileNotFoundError:       # closed while we looked
            return None
        role = any(x.startswith("--role=") for x in Process(pid).argv)
        return None if role and found.get(4, "").startswith(
            "/memfd:letterlock.conf") else found
    return wait_for(look)


# ---- a front that has gone wrong

def getfd(pid, fd):
    """A descriptor of another process, as a socket of our own."""
    p = os.pidfd_open(pid)
    try:
        got = ctypes.CDLL(None, use_errno=True).syscall(438, p, fd, 0)
    finally:
        os.close(p)
    if got < 0:
        pytest.skip("pidfd_getfd: " + os.strerror(ctypes.get_errno()))
    return got


@pytest.fixture
def front(scripted):
    """The leash of a front in a session, in our hands."""
    a = scripted()
    wait_for(lambda: all(len(a.role(r)) == 1 for r in PARTS))
    pid = a.role("front")[0].pid
    a.leash = socket.socket(fileno=getfd(pid, LEASH))
    with client.Smtp(a.submission):
        os.kill(pid, signal.SIGSTOP)
        yield a
        a.leash.close()
        assert greeted(a.submission)
        t = time.monotonic()
        a.stop()
        assert time.monotonic() - t < 8


@pytest.mark.parametrize("said", [b"\3\0", struct.pack("II", G_LANE, 60000),
                                  struct.pack("II", G_LANE, 1) + b"x"])
def test_half_a_frame_on_a_leash(front, said):
    front.leash.send(said)
    assert greeted(front.submission)


def test_a_front_that_reads_nothing(front):
    wait_for(lambda: len(front.role("crypt")) == 2)
    time.sleep(0.3)     # the spares are made
    for n, what in streams(front.pid).items():
        if what.startswith("socket"):
            with socket.socket(fileno=getfd(front.pid, n)) as s:
                if s.family == socket.AF_UNIX:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    with pytest.raises(OSError):    # it gives up on us
        for _ in range(20):
            front.leash.send(struct.pack("II", G_LANE, 0))
            time.sleep(0.2)
    assert greeted(front.submission, 10)


def test_two_sets_of_lanes(front):
    """32 for Bcc and one, twice: a second try comes at once."""
    fds = array.array("i")
    for i in range(65):
        front.leash.send(struct.pack("II", G_LANE, 0))
        _, more, _, _ = front.leash.recvmsg(8, socket.CMSG_SPACE(32))
        for _, _, data in more:
            fds.frombytes(data)
        assert len(fds) == 3 * (i + 1)
    for fd in fds:
        os.close(fd)


# ---- the keeper

class Keeper:
    """A keeper whose guard we are."""

    def __init__(self, a):
        self.guard, leash = socket.socketpair()
        conf = os.open(a.conf, os.O_RDONLY)

        def place():
            high = [os.dup2(x, 60 + i)
                    for i, x in enumerate((leash.fileno(), conf))]
            for i, x in enumerate(high):
                os.dup2(x, LEASH + i, inheritable=True)

        self.p = subprocess.Popen(
            [built("letterlockd"), "--role=keeper"], env=a.env,
            close_fds=False, preexec_fn=place)
        leash.close()
        os.close(conf)

    def asker(self, role="front", kind=0):
        ours, theirs = socket.socketpair()
        socket.send_fds(self.guard, [struct.pack(
            "IIIIII", G_ASKER, 16, PLACES.index(role), 0, 1, kind)], [
                theirs.fileno()])
        theirs.close()
        ours.settimeout(5)
        return ours

    def end(self):
        self.guard.close()
        self.p.wait(10)


@pytest.fixture
def keeper(make):
    a = make.agent(make.home(["alice"]), {}, start=False)
    k = Keeper(a)
    yield k
    k.end()


def frame(kind, payload):
    return struct.pack("II", kind, len(payload)) + payload


def ask(s):
    """One question: how long the answer takes."""
    t = time.monotonic()
    s.sendall(frame(K_CODE, struct.pack("I", 1) + b"x"))
    assert len(s.recv(100)) == 16
    return time.monotonic() - t


def test_half_a_frame_to_the_keeper(keeper):
    other = keeper.asker()
    ask(other)
    evil = keeper.asker()
    for i in frame(K_CODE, struct.pack("I", 1) + b"x")[:-1]:
        evil.sendall(bytes([i]))
        assert ask(other) < 1
    evil.sendall(b"x")
    assert len(evil.recv(100)) == 16


@pytest.mark.parametrize("role", ["front", "crypt", "plugin", "mime",
                                  "upstream"])
def test_each_asks_for_its_own(keeper, role):
    """A verdict's MAC is for crypt alone, and so on: who asks for what is
    another's is dropped."""
    for name, number in frames.numbers().items():
        if not name.startswith("K_") or name == "K_ANSWER":
            continue
        owners = (["crypt"] if name in OF_CRYPT else ["plugin"]
                  if name in OF_PLUGIN else ["front", "plugin"]
                  if name in OF_BOTH else ["front"])
        if role in owners:
            continue
        with keeper.asker(role) as s:
            s.sendall(frame(number, b"\0" * 200))
            assert s.recv(100) == b"", name
    ask(keeper.asker())


def test_who_fetches_sends_nothing(keeper):
    """Nobody is looked for, nor asked about, by who only reads."""
    for name in ("K_LOOKUP", "K_CONTACT", "K_CODE", "K_DID_COME", "K_SEALED",
                 "K_CLEAR", "K_PART_FIND", "K_PART_KEEP"):
        with keeper.asker(kind=1) as s:
            s.sendall(frame(frames.numbers()[name], b"\0" * 8))
            assert s.recv(100) == b"", name
    ask(keeper.asker())


def came(i):
    return frame(K_CAME, struct.pack("I", 6) + b"%06d" % i)


def test_an_asker_that_never_stops(keeper):
    other, evil = keeper.asker(), keeper.asker("crypt")
    evil.settimeout(None)
    ask(other)
    end = threading.Event()
    for i in range(5000):   # what has to be searched for each of the many
        evil.sendall(came(i))
    many = came(4999) * 10000

    def send():
        while not end.is_set():
            evil.sendall(many)

    t = threading.Thread(target=send, daemon=True)
    t.start()
    time.sleep(0.3)
    try:
        assert max(ask(other) for _ in range(20)) < 1
        assert t.is_alive()
    finally:
        end.set()
        t.join(10)


def test_an_asker_that_takes_no_answer(keeper):
    other, evil = keeper.asker(), keeper.asker()
    many = frame(K_CODE, struct.pack("I", 1) + b"x") * 100
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        while True:
            evil.sendall(many)
    assert ask(other) < 1


def test_a_keeper_that_stands_still(scripted, make):
    """Sessions end in words, and a new one is made."""
    a = scripted()
    reader = make.home(["bob"], ["alice"])
    assert a.send([BOB], letters.text()).code == 250
    old = a.role("keeper")[0].pid
    a.inbox.mailbox[:] = [("u1", sealed(reader))]
    with client.Pop3(a.pop3, ALICE, "x") as c:
        os.kill(old, signal.SIGSTOP)
        t = time.monotonic()
        r = a.send([BOB], letters.text())
        assert r.code == 451, r
        assert time.monotonic() - t < 40
        s, got = c.ask("RETR 1")
        assert s.startswith("-ERR [SYS/TEMP]"), (s, got)
        assert time.monotonic() - t < 60
    assert len(a.smtp.accepted) == 1
    assert a.send([BOB], letters.text()).code == 250
    assert [p.pid for p in a.role("keeper")] != [old]
    assert not os.path.exists("/proc/%d" % old)


# ---- the end

@pytest.mark.parametrize("role", PARTS)
def test_a_stopped_role_at_the_end(scripted, role):
    a = scripted()
    with client.Smtp(a.submission, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        wait_for(lambda: len(a.role(role)) == (1 if role == "keeper" else 2))
        if role == "crypt":     # it may be about to be done with a gpg
            wait_for(lambda: not a.role("gpg"))
        for p in a.role(role):
            with contextlib.suppress(ProcessLookupError):   # it has just ended
                os.kill(p.pid, signal.SIGSTOP)
        t = time.monotonic()
        a.process.send_signal(signal.SIGTERM)
        a.process.wait(10)
        assert time.monotonic() - t < 8
        wait_for(lambda: not a.own(), 2)


# ---- what a role is given

class Started(Agent):
    """Through this shell command, or this of seccomp."""
    shell = seccomp = ""

    def within(self, cmd):
        if self.seccomp:
            return [sys.executable, "-c", SECCOMP, self.seccomp] + cmd
        return ["sh", "-c", self.shell + ' exec "$@"', "sh"] + cmd


@pytest.fixture
def started(make):
    """started(shell= or seccomp=): Alice's agent, that starts so."""
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        def start(run=True, agent=(), **how):
            home = make.home(["alice"], trusted=["bob"])
            a = Started(make.folder(), home,
                        {ALICE: {"smtp": p.conf, "pop3": q.conf}}, agent)
            a.__dict__.update(how)
            a.smtp, a.inbox = p, q
            return make.stack.enter_context(a) if run else a
        yield start


def test_no_descriptor_of_the_starter(started, tmp_path):
    secret = write(str(tmp_path / "secret"), "s")
    a = started(shell="exec 5<%s 7<%s 9<%s;" % (secret, secret, secret))
    with client.Smtp(a.submission, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        seen = set()
        for p in a.all():
            if p.pid != a.pid:
                seen.add(p.name)
                assert secret not in streams(p.pid).values(), p
        assert seen >= set(PARTS)


def test_closed_standard_streams(started):
    port, = free_ports(1)
    a = started(run=False, agent={"submission": "127.0.0.1:%d" % port},
                shell="exec <&- >&- 2>&-;")
    p = subprocess.Popen(a.command(), env=a.env)
    a.pid = p.pid

    def up():
        try:
            return greeted(port)
        except OSError:
            return False
    try:
        wait_for(up)
        wait_for(lambda: all(a.role(r) for r in PARTS))
        for x in a.all():
            if x.name in ROLES or x.pid == p.pid:
                found = streams(x.pid)      # the first session's may be gone
                assert None in found or [found[i] for i in range(3)] == [
                    "/dev/null"] * 3, x
        assert client.send(port, ALICE, "x", [BOB], letters.text()).code == 250
    finally:
        p.terminate()
        assert p.wait(10) == 0


# ---- kernels and file systems that have not got everything

# A filter of our own: each argument is SYSCALL:ERRNO[:ARG:MASK:VALUE].
SECCOMP = r"""
import ctypes, os, sys
lib = ctypes.CDLL("libseccomp.so.2")
class Cmp(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]
lib.seccomp_init.restype = ctypes.c_void_p
f = ctypes.c_void_p(lib.seccomp_init(0x7fff0000))
for rule in sys.argv[1].split(","):
    name, no, *rest = rule.split(":")
    rest = [int(x, 0) for x in rest]
    cmp = (Cmp * 1)(Cmp(rest[0], 7, rest[1], rest[2])) if rest else None
    nr = lib.seccomp_syscall_resolve_name(name.encode())
    assert lib.seccomp_rule_add_array(
        f, ctypes.c_uint32(0x50000 | int(no)), nr, len(rest) // 3, cmp) == 0
assert lib.seccomp_load(f) == 0
os.execv(sys.argv[2], sys.argv[2:])
"""
NO_TMPFILE = "openat:95:2:0x400000:0x400000"
EPERM, EINVAL = 1, 22


def no_seccomp(error):
    return "seccomp:%d,prctl:%d:0:0xffffffff:22" % (error, error)


def test_no_tmpfile(started, make):
    """NFS and FUSE have none: a large sealed letter opens all the same."""
    a = started(seccomp=NO_TMPFILE)
    a.inbox.mailbox[:] = [("u1", sealed(make.home(["bob"], ["alice"]),
                                        1000000))]
    got, = client.fetch(a.pop3, ALICE, "x")
    assert letters.verdict(got)["encryption"] == "ok"
    assert not [n for n, _ in a.kept_files() if "spool" in n]
    assert "no spool" not in a.text()


def test_no_spool_at_all(started, make):
    """Said once; small letters open."""
    a = started(seccomp=NO_TMPFILE)
    state = os.path.join(a.dirs["state"], "letterlock")
    raw = sealed(make.home(["bob"], ["alice"]))
    assert greeted(a.pop3)
    with Plugin(path(a)) as p:      # the keeper has made all its files then
        assert "ok" in p.call("contacts")
    os.rename(state, state + ".gone")
    write(state, "")    # or a spare crypt makes the folder again
    for _ in range(2):
        a.inbox.mailbox[:] = [("u1", raw)]
        got, = client.fetch(a.pop3, ALICE, "x")
        assert letters.verdict(got)["encryption"] == "ok"
    os.unlink(state)
    os.rename(state + ".gone", state)
    assert a.text().count("no spool in") == 1


@pytest.mark.skipif(sanitized(), reason="sanitizers go without boxes")
def test_a_box_that_does_not_close(started):
    """No role goes on without its box."""
    a = started(seccomp=no_seccomp(EPERM))
    try:
        r = client.send(a.submission, ALICE, "x", [BOB], letters.text())
        assert r.code == 451
    except client.Closed:
        pass
    assert a.smtp.accepted == []
    wait_for(lambda: "seccomp: " in a.text())


LACKING = [
    (no_seccomp(EINVAL), "this kernel has no seccomp; "),
    ("landlock_create_ruleset:%d" % errno.ENOSYS,
     "this kernel has no Landlock; "),
    ("landlock_create_ruleset:%d" % errno.EOPNOTSUPP,
     "this kernel has no Landlock; "),
    (no_seccomp(EINVAL) + ",landlock_create_ruleset:%d" % errno.ENOSYS,
     "this kernel has no seccomp and no Landlock; ")]


@pytest.mark.skipif(sanitized(), reason="sanitizers go without boxes")
@pytest.mark.parametrize("seccomp,words", LACKING)
def test_a_kernel_without(started, make, seccomp, words):
    """It goes on with what there is, and says so, once."""
    a = started(seccomp=seccomp)
    r = client.send(a.submission, ALICE, "x", [BOB], letters.text())
    assert r.code == 250
    a.inbox.mailbox[:] = [("u1", sealed(make.home(["bob"], ["alice"])))]
    got, = client.fetch(a.pop3, ALICE, "x")
    assert letters.verdict(got)["encryption"] == "ok"
    assert a.text().count(words) == a.text().count("this kernel") == 1


@pytest.mark.skipif(sanitized(), reason="sanitizers go without boxes")
@pytest.mark.parametrize("seccomp,words", LACKING)
def test_walls_that_are_required(started, seccomp, words):
    a = started(run=False, agent={"sandbox": "required"}, seccomp=seccomp)
    p = subprocess.run(a.command(), env=a.env, timeout=20, text=True,
                       capture_output=True)
    assert p.returncode == 69    # EX_UNAVAILABLE
    assert "sandbox = required, but " + words.rstrip("; ") in p.stderr
    assert "listening" not in p.stderr


# somebody around us listens for system calls: connect() can't be held up
NO_DOOR = "seccomp:%d:1:8:8" % errno.EBUSY
ANY_SOCKET = "nothing here keeps gpg from sockets other than gpg-agent's"


@pytest.mark.skipif(sanitized(), reason="sanitizers go without boxes")
@pytest.mark.skipif(abi() >= 9, reason="Landlock tells sockets apart here")
@pytest.mark.parametrize("required", (False, True))
def test_a_door_that_cannot_be_made(started, required):
    a = started(seccomp=NO_DOOR, agent={
        "sandbox": "required" if required else "when-possible"})
    try:
        code = client.send(a.submission, ALICE, "x", [BOB],
                           letters.text()).code
    except client.Closed:
        code = 451
    assert code == (451 if required else 250)
    assert len(a.smtp.accepted) == (0 if required else 1)
    wait_for(lambda: ANY_SOCKET in a.text())
    assert ("sandbox = required, but " + ANY_SOCKET in a.text()) == required


@pytest.mark.skipif(sanitized(), reason="sanitizers go without boxes")
def test_required_walls_that_are_there(started):
    a = started(agent={"sandbox": "required"})
    r = client.send(a.submission, ALICE, "x", [BOB], letters.text())
    assert r.code == 250


# ---- who looks in

NOBODY = 65534


class Plain(Agent):
    """As a user who may do nothing, when we are root."""

    def within(self, cmd):
        for d, _, names in os.walk(os.path.dirname(self.d)):
            for n in [d] + [os.path.join(d, n) for n in names]:
                os.chown(n, NOBODY, NOBODY)
        return ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY,
                "--clear-groups"] + cmd


@pytest.mark.skipif(os.geteuid() != 0, reason="root only can be another")
@pytest.mark.skipif(sanitized(), reason="sanitizers go without boxes")
def test_not_dumpable(make, scripted):
    """Not even a process of the same user reads their memory, and no core is
    written, of guard and keeper neither: what is so of /proc is root's."""
    os.chmod(make.d, 0o711)
    parent = make.folder()
    home = keys.home(parent, ["alice"], [], ["bob"])
    keys.kill(home)
    reader = make.home(["bob"], ["alice"])
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q, \
            Plain(parent, home, {ALICE: {"smtp": p.conf, "pop3": q.conf}},
                  {"users": "0"}) as a:
        with client.Smtp(a.submission, ALICE, "x") as c:
            assert c.envelope(ALICE, [BOB]).code == 354
            seen = set()
            for x in a.all():
                if x.name not in ROLES and x.pid != a.pid:
                    continue
                seen.add("guard" if x.pid == a.pid else x.name)
                with open("/proc/%d/limits" % x.pid) as f:
                    assert re.search(r"core file size +0 +0 ", f.read()), x
                with open("/proc/%d/status" % x.pid) as f:
                    assert "Uid:\t%d\t" % NOBODY in f.read(), x
                assert os.stat("/proc/%d/maps" % x.pid).st_uid == 0, x
            assert seen == set(ROLES)
        r = client.send(a.submission, ALICE, "x", [BOB], letters.text())
        assert r.code == 250
        q.mailbox[:] = [("u1", sealed(reader))]
        got, = client.fetch(a.pop3, ALICE, "x")
        assert letters.verdict(got)["encryption"] == "ok"
    keys.kill(home)


@pytest.fixture
def run_user():
    """/run/user/UID of a user who has none."""
    d = "/run/user/%d" % NOBODY
    if os.path.exists(d):
        pytest.skip(d + " is in use")
    os.makedirs(d, 0o700)
    os.chown(d, NOBODY, NOBODY)
    yield d
    shutil.rmtree(d)


@pytest.mark.skipif(os.geteuid() != 0, reason="root only can be another")
def test_the_usual_home_of_gnupg(make, run_user):
    """~/.gnupg, and gpg-agent's socket in /run."""
    os.chmod(make.d, 0o711)
    reader = make.home(["bob"], ["alice"])
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        a = Plain(make.folder(), None, {ALICE: {"smtp": p.conf,
                                                "pop3": q.conf}},
                  {"users": "0"})
        keys.kill(keys.home(a.dirs["home"], ["alice"], [], ["bob"],
                            name=".gnupg"))
        with a:
            for _ in range(2):
                r = client.send(a.submission, ALICE, "x", [BOB],
                                letters.text())
                assert r.code == 250
            q.mailbox[:] = [("u1", sealed(reader))]
            got, = client.fetch(a.pop3, ALICE, "x")
            assert letters.verdict(got)["encryption"] == "ok"
            assert os.listdir(run_user + "/gnupg") == [
                n for n in os.listdir(run_user + "/gnupg") if "S.gpg" in n]
            assert "S.gpg-agent" in os.listdir(run_user + "/gnupg")


# ---- gpg-agent

def kill_gpg_agent(a):
    old = [p.pid for p in gpg_agents(a.home)]
    for pid in old:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not [p for p in processes() if p.pid in old
                          and p.state not in "ZX"])


def gpg_agent_up(a):
    q = subprocess.run(["gpg-connect-agent", "--no-autostart",
                        "GETINFO pid", "/bye"], env=a.env, timeout=10,
                       capture_output=True)
    return b"OK" in q.stdout


def test_gpg_agent_killed_in_a_session(scripted, make):
    """It is back, and free, before the next letter."""
    a = scripted()
    a.inbox.mailbox[:] = [("u1", sealed(make.home(["bob"], ["alice"])))]
    with client.Pop3(a.pop3, ALICE, "x") as c:
        for _ in range(2):
            got = c.retr(1)
            assert letters.verdict(got)["encryption"] == "ok"
            kill_gpg_agent(a)
            wait_for(lambda: gpg_agent_up(a), 5)
            assert_free(gpg_agents(a.home))


def test_gpg_agent_killed_between_sessions(scripted):
    """The next session does not even notice."""
    a = scripted()
    for _ in range(3):
        assert a.send([BOB], letters.text()).code == 250
        wait_for(lambda: not a.role("gpgconf") and len(a.role("crypt")) == 1)
        time.sleep(0.2)     # the spare has done what it does beforehand
        kill_gpg_agent(a)
        assert a.send([BOB], letters.text()).code == 250
        assert_free(gpg_agents(a.home))
