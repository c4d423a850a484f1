# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock-nmh between an add-on and an agent: a live one, and one that is
played."""
import base64
import json
import os
import signal
import struct
import subprocess
import threading
import time

import pytest

from kit import folder, keys, letters, nmh, wait_for
from kit.agent import built
from kit.fakeagent import Fake, Letters
from people import ALICE, BOB, CAROL

SERVERS = {"smtp": "127.0.0.1:9 plaintext", "pop3": "127.0.0.1:9 plaintext"}


@pytest.fixture
def where():
    with folder() as d:
        yield os.path.join(d, "r", "agent.sock")


# ---- a live agent

@pytest.fixture(scope="module")
def alice(make_once):
    return make_once.agent(make_once.home(["alice"]), {ALICE: SERVERS})


def test_calls(alice):
    with nmh.Host(alice.env) as h:
        e = h.event()
        assert e["event"] == "agent" and e["running"] is True
        assert e["agent"].startswith("Letterlock ")
        assert "status" in e["capabilities"]
        ok = h.call("status")["ok"]
        assert ok["accounts"][0]["address"] == ALICE
        assert h.call("status", keys=True)["ok"]["accounts"][0]["key"]
        assert h.code("nonesuch") == "unknown-call"
        assert h.code("status", x=1) == "request"
        assert h.code("hello", version=1) == "unknown-call"
        assert h.call("watch")["ok"] == {}
        assert h.end() == (0, "")


def test_goes_and_comes(make):
    """Started, read again, stopped, started: said each time, and calls are
    answered at once all the while."""
    a = make.agent(make.home(["alice"]), {ALICE: SERVERS}, start=False)
    with nmh.Host(a.env) as h:
        assert h.running() is False
        e = h.call("status")["error"]
        assert e["code"] == "not-running"
        assert e["text"].startswith("Letterlock is not running")
        with a:
            assert h.running() is True
            assert "ok" in h.call("status")
            a.process.send_signal(signal.SIGHUP)    # ends all connections
            assert h.running() is True
            assert "ok" in h.call("status")
        assert h.running() is False
        assert h.code("status") == "not-running"
        with a:
            assert h.running() is True
            assert "ok" in h.call("status")
        assert h.end() == (0, "")


def test_open(make):
    """A sealed letter of 1 MB; its verdict; a locked key; nonsense."""
    bob = make.home(["bob"], ["alice", "carol"])
    payload = letters.payload(body=os.urandom(1 << 19).hex("\n", 32),
                              sender=BOB, to=(ALICE,))
    a = make.agent(make.home(["alice", "carol"], trusted=["bob"]),
                   {ALICE: SERVERS, CAROL: SERVERS})

    def seal(to):
        return base64.b64encode(letters.sealed(
            keys.encrypt(bob, payload, [to], "bob",
                         ["--compress-algo", "none"]),
            sender=BOB, to=(ALICE,))).decode()

    with nmh.Host(a.env) as h:
        sealed = seal("alice")
        ok = h.call("open", data=sealed)["ok"]
        assert ok["verdict"]["encryption"] == "ok"
        assert ok["verdict"]["signature"] == "good"
        opened = base64.b64decode(ok["data"], validate=True)
        assert len(opened) == ok["size"] > 1 << 20
        assert payload.splitlines()[-1] in opened
        assert h.longest <= nmh.OUT_MAX
        ok = h.call("verdict", data=sealed)["ok"]
        assert (ok["state"], ok["sealed"]) == ("none", True)
        assert h.code("open", data=seal("carol"), ask=False) == "locked"
        assert h.code("open", data="not base64!") == "request"


@pytest.fixture
def asking(make):
    """An agent whose user is being asked for a passphrase, once it is asked to
    unlock Carol's key; nobody answers."""
    a = make.agent(make.home(["carol"]), {CAROL: SERVERS},
                   {"unlock-timeout": "60"})
    keys.pinentry(a.home, "hang")
    yield a
    for p in a.all():
        if p.name in ("pinentry", "gpg"):
            os.kill(p.pid, signal.SIGKILL)


def test_killed_in_the_middle_of_a_call(asking):
    """Meanwhile others are answered; then this connection's process is killed,
    and another one's, and all of Letterlock."""
    with nmh.Host(asking.env) as h:
        assert h.running() is True
        n = h.ask("unlock", account=CAROL)
        wait_for(lambda: keys.prompts(asking.home))
        assert "ok" in h.call("status", keys=True)
        asking.kill_role("plugin")
        assert h.answer(n)["error"]["code"] == "not-running"
        assert h.running() is True
        n = h.ask("unlock", account=CAROL)
        assert "ok" in h.call("status")
        asking.kill_role("guard")
        # its parts may still have said that others are gone
        assert h.answer(n)["error"]["code"] in ("not-running", "failed")
        assert h.running() is False
        assert h.end() == (0, "")
    asking.process.wait(10)
    asking.process = None


def test_ends_in_the_middle_of_a_call(asking):
    """Thunderbird closes: the question for the passphrase is taken back."""
    with nmh.Host(asking.env) as h:
        h.ask("unlock", account=CAROL)
        wait_for(lambda: keys.prompts(asking.home))
        assert h.end() == (0, "")
    wait_for(lambda: not asking.role("plugin"))


# ---- one that is played

def test_big_letters(where):
    """3 MB there, 4 MB back: in pieces on both sides, and the same octets."""
    back = "QUJDREVG" * 500000
    played = Letters(back)
    with Fake(where, **played.answers) as f, nmh.Host(f.env) as h:
        assert h.running()
        letter = "T3Blbi4u" * 400000
        ok = h.call("open", data=letter, ask=True)["ok"]
        assert played.got == letter
        assert ok == {"data": back, "size": 1, "verdict": {"encryption": "ok"}}
        assert f.asked[0]["ask"] is True and "ask" not in f.asked[1]
        assert h.longest <= nmh.OUT_MAX
        assert h.call("verdict", data=letter)["ok"] == {"state": "none"}
        assert played.got == letter
        assert h.call("verdict", data="")["ok"] == {"state": "none"}
        # the last piece exactly full
        assert h.call("verdict", data="QUJD" * 22500)["ok"]
        assert played.got == "QUJD" * 22500


def test_asked_in_parts(where):
    """A big letter, and a small call cut at every place."""
    played = Letters("QUJD")
    with Fake(where, **played.answers) as f, nmh.Host(f.env) as h:
        assert h.running()
        letter = "T3Blbi4u" * 400000
        n = h.ask_in_parts(500000, "verdict", data=letter)
        assert h.answer(n)["ok"] == {"state": "none"}
        assert played.got == letter
        for size in range(1, 60):
            n = h.ask_in_parts(size, "status", keys="\u00e9")
            assert h.answer(n)["ok"] == {}
            assert f.asked[-1]["keys"] == "\u00e9"
        assert h.end() == (0, "")


def part(k, of, text="{}", ident=1):
    return {"id": ident, "part": k, "of": of, "text": text}


@pytest.mark.parametrize("parts", [
    [part(2, 2)], [part(0, 2)], [part(2, 1)], [part(1, 1)], [part(1, 1, "{")],
    [part(1, 2), part(1, 2)], [part(1, 3), part(3, 3)],
    [part(1, 2), part(2, 2, ident=2)], [part(1, 2, 7)], [part("1", 2)],
    [part(1, 2), {"id": 2, "call": "watch"}]])
def test_parts_that_are_none(where, parts):
    code, said = ends(where, b"".join(
        frame(json.dumps(p).encode()) for p in parts))
    assert code == 76 and "no request" in said


def test_parts_are_whole_characters(where):
    text = "".join("\"\\\n\u00e9\u20ac\U0001f512"[i % 6] for i in range(300000))
    with Fake(where, accounts={"x": text}) as f, nmh.Host(f.env) as h:
        assert h.call("accounts")["ok"] == {"x": text}
        assert 300000 < h.longest <= nmh.OUT_MAX


def test_lanes(where):
    """An unlock that waits, an open behind it, a verdict that takes long: none
    holds up what is quick, nor events; and connections are few."""
    gate, slow = threading.Event(), threading.Event()
    played = Letters("QUJD")
    answers = dict(played.answers, recipients={"outcome": "sealed"},
                   unlock=lambda r, c: gate.wait(20) and {},
                   keys=lambda r, c: slow.wait(20) and {})
    with Fake(where, **answers) as f, nmh.Host(f.env) as h:
        assert h.running()
        waiting = [h.ask("unlock", account="a"), h.ask("open", data="QUJD"),
                   h.ask("keys")]
        wait_for(lambda: len(f.asked) == 2)
        for _ in range(20):
            assert h.call("recipients")["ok"] == {"outcome": "sealed"}
        f.say({"event": "sent", "n": 1})
        assert h.event() == {"event": "sent", "n": 1}
        assert not set(waiting) & set(h.seen)
        slow.set()
        assert h.answer(waiting[2])["ok"] == {}
        gate.set()
        assert h.answer(waiting[0])["ok"] == {}
        assert h.answer(waiting[1])["ok"]["data"] == "QUJD"
        assert f.most == 4


def test_too_many_requests(where):
    gate = threading.Event()
    with Fake(where, unlock=lambda r, c: gate.wait(20) and {}) as f, \
            nmh.Host(f.env) as h:
        first = h.ask("unlock")
        wait_for(lambda: f.asked)
        more = [h.ask("unlock") for _ in range(65)]
        assert h.answer(more[64])["error"]["code"] == "busy"
        gate.set()
        for n in [first] + more[:64]:
            assert h.answer(n)["ok"] == {}


def test_hung_up(where):
    """In the middle of a call, and between calls."""
    with Fake(where, accounts=lambda r, c: None) as f, nmh.Host(f.env) as h:
        assert h.running()
        assert h.code("accounts") == "not-running"
        assert h.call("status")["ok"] == {}
        f.hang_up()
        assert h.call("status")["ok"] == {}
        assert h.running() is True


def test_agent_speaks_nonsense(where):
    def nonsense(r, c):
        c.sendall(b"{\"id\":}\n")
        return {}
    with Fake(where, accounts=nonsense) as f, nmh.Host(f.env) as h:
        assert h.code("accounts") == "bad-answer"
        assert h.call("status")["ok"] == {}


def cpu(pid):
    with open("/proc/%d/stat" % pid) as f:
        t = f.read().rsplit(")", 1)[1].split()
    return (int(t[11]) + int(t[12])) / os.sysconf("SC_CLK_TCK")


def test_idle(where):
    """Whether there is an agent or not, waiting costs nothing."""
    with nmh.Host({"LETTERLOCK_SOCKET": where}) as h:
        assert h.running() is False
        began = cpu(h.p.pid)
        time.sleep(0.7)
        assert h.events.empty()     # said once
        assert cpu(h.p.pid) - began < 0.1
        with Fake(where):
            assert h.running() is True
            began = cpu(h.p.pid)
            time.sleep(0.3)
            assert cpu(h.p.pid) - began < 0.1


# ---- how it is started, and what ends it

def ends(where, data, close=True):
    with nmh.Host({"LETTERLOCK_SOCKET": where}) as h:
        h.write(data)
        return h.end() if close else (h.p.wait(10), h.p.stderr.read().decode())


def frame(body):
    return struct.pack("=I", len(body)) + body


@pytest.mark.parametrize("data, says", [
    (b"\1\0", "ended too early"),
    (struct.pack("=I", 10) + b"{}", "ended too early")])
def test_ends_too_early(where, data, says):
    code, said = ends(where, data)
    assert code == 76 and says in said and said.count("\n") == 1


@pytest.mark.parametrize("data, says", [
    (b"\xff\xff\xff\xff", "too long"),
    (frame(b""), "no request"),
    (frame(b"{"), "no request"),
    (frame(b"[]"), "no request"),
    (frame(b'{"id":1}'), "no request"),
    (frame(b'{"call":"status"}'), "no request"),
    (frame(b'{"id":"1","call":"status"}'), "no request"),
    (frame(b'{"id":1,"call":"status"}\0'), "no request"),
    (frame(b'{"id":1,"id":1,"call":"status"}'), "no request"),
    (frame(b'{"id":1,"call":"\xff"}'), "no request")])
def test_bad_messages(where, data, says):
    code, said = ends(where, data, close=False)
    assert code == 76 and says in said and said.count("\n") == 1


def run(*args):
    return subprocess.run([built("letterlock-nmh")] + list(args),
                          stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=20)


def test_how_it_is_started():
    q = run("/m.json", "other@example.org")
    assert q.returncode == 77 and not q.stdout and "add-on only" in q.stderr
    for args in ((), ("/m.json",), ("/m.json", nmh.ID, "x"), ("--x",)):
        q = run(*args)
        assert q.returncode == 64 and not q.stdout and q.stderr
    q = run("--help")
    assert q.returncode == 0 and q.stdout.startswith("Usage: letterlock-nmh")
    q = run("--version")
    assert q.returncode == 0 and q.stdout.startswith("Letterlock ")
