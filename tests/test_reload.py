# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGHUP: the configuration is read again; and what systemd and syslog are
told."""
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from kit import client, free_ports, letters, provider, wait_for, write
from kit.agent import built, conf_text
from kit.plugin import Plugin, path
from people import ALICE, BOB, CAROL, FRANK

AGAIN = "the configuration was read again"
STAYS = "the old one stays"


def said(a, what):
    return a.text().count(what)


def reload(a, text, what=AGAIN):
    n = said(a, what)
    write(a.conf, text)
    a.process.send_signal(signal.SIGHUP)
    wait_for(lambda: said(a, what) > n)


class Two:
    """Alice's agent with another provider to turn to."""

    def __init__(self, make, old, new):
        self.old, self.new = old, new
        self.home = make.home(["alice", "frank"], trusted=["bob"])
        self.ports = free_ports(3)
        self.a = make.agent(self.home, {}, conf=self.conf())

    def conf(self, to=None, submission=None, pop3=None, accounts=(ALICE,),
             **more):
        keys = {"gnupghome": self.home,
                "submission": submission or "127.0.0.1:%d" % self.ports[0],
                "pop3": pop3 or "127.0.0.1:%d" % self.ports[1]}
        keys.update({k.replace("_", "-"): v for k, v in more.items()})
        return conf_text({x: {"smtp": (to or self.old).conf}
                          for x in accounts}, keys)


@pytest.fixture
def two(make):
    users = {ALICE: "x", FRANK: "y"}
    with provider.Provider("smtp", users) as p, \
            provider.Provider("smtp", users) as q:
        yield Two(make, p, q)


def test_new_sessions_use_it(two):
    a = two.a
    before = client.Smtp(a.submission, ALICE, "x")
    reload(a, two.conf(two.new))
    assert client.send(a.submission, ALICE, "x", [BOB],
                       letters.text()).code == 250
    assert (len(two.old.accepted), len(two.new.accepted)) == (0, 1)
    # one that was there goes on with the old one
    assert before.send_letter(ALICE, [BOB], letters.text()).code == 250
    assert (len(two.old.accepted), len(two.new.accepted)) == (1, 1)
    before.quit()


def test_a_session_keeps_its_accounts(two):
    """Also for what it starts later: accounts are numbers between the roles,
    and the number of Alice's is another one's now."""
    a = two.a
    before = client.Smtp(a.submission, ALICE, "x")
    reload(a, two.conf(two.new, accounts=(FRANK, ALICE)))
    r = before.send_letter(ALICE, [BOB, CAROL, FRANK], letters.text(
        to=(BOB,), extra="X-Letterlock: encrypt=no\n"))
    assert r.code in (250, 550)
    # a Bcc of a sealed letter has a lane of its own
    r = before.send_letter(ALICE, [BOB, FRANK], letters.text(to=(BOB,)))
    assert r.code == 250
    assert not two.new.sessions and len(two.old.accepted) >= 2
    assert client.send(a.submission, FRANK, "y", [BOB], letters.text(
        sender=FRANK)).code == 250
    assert len(two.new.accepted) == 1
    before.quit()


@pytest.mark.parametrize("bad", ["encrypt = perhaps", "command = \"secret 4\"x",
                                 "[alice@example.org]"])
def test_a_bad_one_is_refused(two, bad):
    a = two.a
    reload(a, two.conf(two.new) + bad + "\n", STAYS)
    line = [x for x in a.log if STAYS in x][-1]
    assert re.search(r"error at \S+/letterlock.conf:\d+, ", line)
    assert "alice" not in line and "secret" not in line
    assert client.send(a.submission, ALICE, "x", [BOB],
                       letters.text()).code == 250
    assert len(two.old.accepted) == 1
    os.unlink(a.conf)
    n = said(a, STAYS)
    a.process.send_signal(signal.SIGHUP)
    wait_for(lambda: said(a, STAYS) > n)
    reload(a, two.conf(two.new))


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


def greeting(port):
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        return s.recv(100)[:4]


def test_listeners_change(two):
    a, (sub, pop, more) = two.a, two.ports
    reload(a, two.conf(submission="127.0.0.1:%d, 127.0.0.1:%d" % (sub, more)))
    assert greeting(sub) == greeting(more) == b"220 "
    reload(a, two.conf(submission="127.0.0.1:%d" % more))
    assert refused(sub) and greeting(more) == b"220 "
    # what was one protocol's is the other's now
    reload(a, two.conf(submission="127.0.0.1:%d" % pop,
                       pop3="127.0.0.1:%d" % more))
    assert greeting(pop) == b"220 " and greeting(more)[:3] == b"+OK"
    with Plugin(path(a)) as p:
        found = {(x["address"], x["protocol"])
                 for x in p.call("status")["ok"]["listening"]}
    assert found == {("127.0.0.1:%d" % pop, "submission"),
                     ("127.0.0.1:%d" % more, "pop3"), (path(a), "plugin")}
    # nobody missed a connection: port 0 is no other port by now
    reload(a, two.conf(submission="127.0.0.1:0"))
    n = a.submissions[-1]
    reload(a, two.conf(submission="127.0.0.1:0"))
    assert a.submissions[-1] == n and greeting(n) == b"220 "


def test_a_port_in_use(two):
    """Nothing changes, then, not even the other ports."""
    a, (sub, pop, more) = two.a, two.ports
    with socket.create_server(("127.0.0.1", 0)) as s:
        reload(a, two.conf(two.new, submission="127.0.0.1:%d, 127.0.0.1:%d" % (
            more, s.getsockname()[1])), STAYS)
        assert "in use" in a.text()
    assert refused(more)
    assert greeting(sub) == b"220 " and greeting(pop)[:3] == b"+OK"
    assert client.send(a.submission, ALICE, "x", [BOB],
                       letters.text()).code == 250
    assert len(two.old.accepted) == 1


def test_limits_change(two):
    a = two.a
    held = [client.Smtp(a.submission) for _ in range(3)]
    reload(a, two.conf(max_sessions="2"))
    assert greeting(a.submission) == b"421 "
    for c in held[:2]:
        c.quit()
    wait_for(lambda: greeting(a.submission) == b"220 ")
    held[2].quit()


def test_a_plugin_is_to_connect_again(two):
    with Plugin(path(two.a)) as p:
        assert len(p.call("status")["ok"]["accounts"]) == 1
        reload(two.a, two.conf(accounts=(ALICE, FRANK)))
        assert p.ended()
    with Plugin(path(two.a)) as p:
        assert len(p.call("status")["ok"]["accounts"]) == 2


def test_the_keeper_remembers(two):
    """It is the same process, and serves sessions of before and after."""
    a = two.a
    pid = wait_for(lambda: a.role("keeper"))[0].pid
    before = client.Smtp(a.submission, ALICE, "x")
    for _ in range(3):
        reload(a, two.conf(two.new))
    assert [p.pid for p in a.role("keeper")] == [pid]
    assert before.send_letter(ALICE, [BOB], letters.text()).code == 250
    before.quit()
    # a new one counts as the guard does
    a.kill_role("keeper")
    assert client.send(a.submission, ALICE, "x", [BOB],
                       letters.text()).code == 250


def test_hundred_times(two):
    """Nothing is left over."""
    a = two.a
    fds = "/proc/%d/fd" % a.pid

    def settled():
        spares = [a.role(r) for r in ("front", "mime", "crypt", "upstream")]
        return all(len(s) == 1 for s in spares) and len(os.listdir(fds))
    n = wait_for(settled)
    names = [os.readlink("%s/%d" % (fds, i)) for i in range(3)]
    for i in range(30):
        reload(a, two.conf(two.new if i % 2 else two.old))
    wait_for(lambda: settled() == n)
    assert [os.readlink("%s/%d" % (fds, i)) for i in range(3)] == names
    assert client.send(a.submission, ALICE, "x", [BOB],
                       letters.text()).code == 250


# ---- what systemd hears

@pytest.mark.parametrize("abstract", [False, True])
def test_notify(scripted, abstract):
    a = scripted(start=False)
    name = ("@ll-%s" % a.mark) if abstract else os.path.join(a.d, "n")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        s.bind(name.replace("@", "\0"))
        a.env["NOTIFY_SOCKET"] = name
        with a:
            assert s.recv(200) == b"READY=1"
            client.Smtp(a.submission).quit()
            now = time.monotonic()
            a.process.send_signal(signal.SIGHUP)
            m = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)",
                             s.recv(200))
            assert abs(int(m[1]) / 1e6 - now) < 5
            assert s.recv(200) == b"READY=1"
            for p in a.role("keeper"):
                with open("/proc/%d/environ" % p.pid, "rb") as f:
                    assert b"NOTIFY_SOCKET" not in f.read()
        assert s.recv(200) == b"STOPPING=1"


# ---- where the log goes

class Dev(socket.socket):
    """A /dev of the agent's own, whose log is ours."""

    def __init__(self, d):
        super().__init__(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.settimeout(20)
        self.d = d
        self.bind(os.path.join(d, "log"))

    def within(self, cmd):
        nodes = "null zero full random urandom"
        binds = ("for n in %s; do : >$0/$n; mount --bind /dev/$n $0/$n; done; "
                 "mount --rbind $0 /dev && exec \"$@\"" % nodes)
        own = ["-m"] if os.geteuid() == 0 else ["-rm"]
        return ["unshare"] + own + ["--propagation", "private", "sh", "-c",
                                    binds, self.d] + cmd

    def line(self):
        return self.recv(2000).decode()


def test_syslog(scripted, make):
    """From within the boxes too, with level and facility."""
    a = scripted(start=False)
    with Dev(make.folder()) as dev:
        q = subprocess.Popen(
            dev.within([built("letterlockd"), "--syslog", "-c", a.conf]),
            env=a.env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        try:
            lines = [dev.line() for _ in range(3)]
            port = int([re.search(r":(\d+) \(submission", x)[1]
                        for x in lines if "(submission" in x][0])
            for x in lines:         # LOG_MAIL is 2 << 3, notices are 5
                assert re.match(r"<21>.{15} letterlockd\[%d\]: guard: "
                                "listening" % q.pid, x)
            a.smtp.__exit__()
            r = client.send(port, ALICE, "x", [BOB], letters.text())
            assert r.code == 451
            front = dev.line()
            while "not sent" not in front:
                front = dev.line()
            assert re.match(r"<21>.{15} letterlockd\[\d+\]: front: ", front)
            n = q.pid
            write(a.conf, "nonsense")
            os.kill(n, signal.SIGHUP)
            bad = dev.line()
            while STAYS not in bad:
                bad = dev.line()
            assert bad.startswith("<19>")
        finally:
            q.terminate()
            assert q.stderr.read() == b""
            q.wait(10)


@pytest.mark.parametrize("right", [True, False])
def test_journal(scripted, right):
    """Where stderr leads to the journal its lines begin with the level."""
    a = scripted(start=False)
    r, w = os.pipe()
    st = os.fstat(w)
    a.env["JOURNAL_STREAM"] = "%d:%d" % (st.st_dev, st.st_ino + (not right))
    q = subprocess.Popen([built("letterlockd"), "-c", a.conf], env=a.env,
                         stderr=w)
    os.close(w)
    try:
        with open(r) as f:
            assert re.match(r"<5>guard: listening" if right else
                            r"letterlockd\[\d+\] guard: listening",
                            f.readline())
    finally:
        q.terminate()
        q.wait(10)
