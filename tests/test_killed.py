# SPDX-License-Identifier: GPL-3.0-or-later
"""Each role is killed with SIGKILL at ten stages of a letter, both ways:
never cleartext, never a false 250, an answer or a closed connection, and the
next letter works."""
import socket

import pytest

from kit import KitError, client, keys, letters, provider, wait_for
from kit.agent import ROLES
from kit.provider import Gate
from people import ALICE, BOB

SENDING = ("greeted", "ehlo", "login", "mail", "rcpt", "data", "header", "body",
           "dot", "answered")
FETCHING = ("greeted", "capa", "login", "stat", "list", "uidl", "retr", "body",
            "answer", "dele")
OUT = letters.long_text(1500000)
IN = letters.payload(letters.BODY + "\n" + ("q" * 70 + "\n") * 20000,
                     sender=BOB, to=(ALICE,))


@pytest.fixture(scope="module")
def kept(make_once):
    """One agent for the file, started anew where it has ended."""
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(make_once.home(["alice"], trusted=["bob"]),
                            {ALICE: {"smtp": p.conf, "pop3": q.conf}},
                            {"provider-timeout": "5", "client-timeout": "10"})
        a.smtp, a.inbox = p, q
        a.reader = make_once.home(["bob"], ["alice"])
        box = keys.encrypt(a.reader, IN, ["alice"], "bob",
                           ["--compress-algo", "none"])
        a.sealed = letters.sealed(box, sender=BOB, to=(ALICE,))
        yield a


@pytest.fixture
def alice(kept):
    if not kept.alive():
        restart(kept)
    kept.smtp.hooks.clear()
    kept.inbox.hooks.clear()
    kept.smtp.sessions.clear()
    kept.smtp.accepted.clear()
    kept.inbox.mailbox[:] = [("u1", kept.sealed), ("u2", letters.bare())]
    # killing is only worth something once all roles are there
    try:
        client.Pop3(kept.pop3).quit()
        wait_for(lambda: all(kept.role(r) for r in ROLES), 3)
    except (client.Closed, KitError):   # what an earlier test left behind
        kept.process.kill()
        restart(kept)
        wait_for(lambda: all(kept.role(r) for r in ROLES), 3)
    return kept


def restart(a):
    """After the guard's end: nothing of it is left."""
    a.process.wait(5)
    wait_for(lambda: not a.own(), 5)
    a.process = None
    a.start()


def strike(a, role, when, stage):
    if stage == when:
        a.killed += a.kill_role(role)


def give(a, role, when, gate):
    """Send OUT as far as it goes: the last reply, None if closed."""
    def at(stage):
        strike(a, role, when, stage)

    try:
        with client.Smtp(a.submission, timeout=20) as c:
            at("greeted")
            r = c.cmd("EHLO x")
            at("ehlo")
            for stage, line, code in (
                    ("login", "AUTH PLAIN " + client.plain(ALICE, "x"), 235),
                    ("mail", "MAIL FROM:<%s>" % ALICE, 250),
                    ("rcpt", "RCPT TO:<%s>" % BOB, 250), ("data", "DATA", 354)):
                r = c.cmd(line)
                if r.code != code:
                    return r
                at(stage)
            wire = client.stuffed(OUT)
            c.send(wire[:60])
            at("header")
            c.send(wire[60:len(wire) // 2])
            at("body")
            c.send(wire[len(wire) // 2:])
            if when == "dot":
                gate.reached.wait(10)
                at("dot")
            gate.open()
            r = c.reply()
            at("answered")
            return r
    except client.Closed:
        return None
    except socket.timeout:
        pytest.fail("neither an answer nor a closed connection")
    finally:
        gate.open()


@pytest.mark.parametrize("stage", SENDING)
@pytest.mark.parametrize("role", ROLES)
def test_killed_while_sending(alice, role, stage):
    a, gate = alice, Gate()
    a.killed = 0
    if stage == "dot":
        a.smtp.hooks["dot"] = gate
    r = give(a, role, stage, gate)
    assert a.killed, "there was no such process"
    a.smtp.hooks.clear()
    assert not letters.canaries(a.smtp.wire())
    a.assert_no_leak()
    if r is not None and r.ok:
        assert a.smtp.accepted
    if stage == "answered":
        assert r is not None and r.code == 250
    for x in a.smtp.accepted:
        got = keys.Decrypted(a.reader, letters.cipher(x.data))
        assert got.ok and letters.body(got.data) == letters.body(OUT)
    if role == "guard":
        restart(a)
    raw = letters.html()
    n = len(a.smtp.accepted)
    r = client.send(a.submission, ALICE, "x", [BOB], raw)
    assert r.code == 250, r
    got = keys.Decrypted(a.reader, letters.cipher(a.smtp.accepted[n].data))
    letters.assert_same(got.data, raw)


def take(a, role, when, gate):
    """Fetch as far as it goes: the first letter, None if it did not come."""
    def at(stage):
        strike(a, role, when, stage)

    got = None
    try:
        with client.Pop3(a.pop3, timeout=20) as c:
            at("greeted")
            c.ask("CAPA")
            at("capa")
            if not c.try_login(ALICE, "x").startswith("+OK"):
                return None
            at("login")
            c.cmd("STAT")
            at("stat")
            for verb in ("LIST", "UIDL"):
                c.ask(verb)
                at(verb.lower())
            c.send("RETR 1\r\n")
            if when in ("retr", "body"):
                gate.reached.wait(10)
                at(when)
                gate.open()
            s = c.status()
            if s.startswith("+OK"):
                while len(c.buf) < 1000:
                    c.more()
                at("answer")
                got = c.body()
            else:
                assert s.startswith("-ERR [SYS/TEMP]"), s
            c.cmd("DELE 1")
            at("dele")
            c.cmd("NOOP")
            c.abort()
    except client.Closed:
        pass
    except socket.timeout:
        pytest.fail("neither an answer nor a closed connection")
    finally:
        gate.open()
    return got


def whole(a, got):
    v = letters.verdict(got)
    assert (v["encryption"], v["signature"]) == ("ok", "good")
    assert letters.body(got).rstrip() == letters.body(IN).rstrip()


@pytest.mark.parametrize("stage", FETCHING)
@pytest.mark.parametrize("role", ROLES)
def test_killed_while_fetching(alice, role, stage):
    a, gate = alice, Gate()
    a.killed = 0
    a.inbox.body_at = len(a.sealed) // 2
    if stage in ("retr", "body"):
        a.inbox.hooks[stage] = gate
    got = take(a, role, stage, gate)
    assert a.killed, "there was no such process"
    a.inbox.hooks.clear()
    a.assert_no_leak()
    if got is not None:     # a letter that ends is the whole letter
        whole(a, got)
    if role == "guard":
        restart(a)
    assert len(a.inbox.mailbox) == 2
    with client.Pop3(a.pop3, ALICE, "x") as c:
        whole(a, c.retr(1))
        assert letters.verdict(c.retr(2))["encryption"] == "none"
        assert c.quit().startswith("+OK")
