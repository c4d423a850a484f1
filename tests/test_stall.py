# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients and providers that stall or crawl: others are not held up, and
deadlines hold."""
import threading
import time

import pytest

from kit import client, keys, letters, provider, wait_for
from kit.provider import Gate, Provider
from people import ALICE, BOB

CLIENT, PROVIDER = 3, 3         # seconds of silence
# a provider's: each of its deadlines
SHORT = {k: PROVIDER for k in ("connect-timeout", "greeting-timeout",
                               "reply-timeout", "provider-timeout")}
GRACE = 10                      # how much later than its deadline it may be
HASTE = 3                       # seconds a letter may take beside others


@pytest.fixture
def alice(scripted):
    a = scripted(agent={"client-timeout": CLIENT, "provider-timeout": PROVIDER})
    wait_for(lambda: a.role("upstream"))
    return a


def not_held_up(a):
    t = time.monotonic()
    n = len(a.smtp.accepted)
    assert a.send([BOB], letters.html()).code == 250
    assert len(a.smtp.accepted) == n + 1
    a.inbox.mailbox[:] = [("u1", letters.bare())]
    assert len(client.fetch(a.pop3, ALICE, "x")) == 1
    assert time.monotonic() - t < HASTE


def stalled(a):
    """Clients that have stopped, each at another point."""
    out = {"smtp, greeted": client.Smtp(a.submission)}
    out["smtp, half a command"] = c = client.Smtp(a.submission)
    c.send("EHL")
    out["smtp, logged in"] = client.Smtp(a.submission, ALICE, "x")
    out["smtp, in the header"] = c = client.Smtp(a.submission, ALICE, "x")
    assert c.envelope(ALICE, [BOB]).code == 354
    c.send(b"From: al")
    out["smtp, in the body"] = c = client.Smtp(a.submission, ALICE, "x")
    assert c.envelope(ALICE, [BOB]).code == 354
    c.send(client.stuffed(letters.long_text(600000))[:300000])
    out["smtp, before the last dot"] = c = client.Smtp(a.submission, ALICE, "x")
    assert c.envelope(ALICE, [BOB]).code == 354
    c.send(client.stuffed(letters.text())[:-1])
    out["pop3, greeted"] = client.Pop3(a.pop3)
    out["pop3, logged in"] = client.Pop3(a.pop3, ALICE, "x")
    return out


def test_clients_that_stall(alice):
    clients = stalled(alice)
    t = time.monotonic()
    not_held_up(alice)
    for what, c in clients.items():
        left = CLIENT + GRACE - (time.monotonic() - t)
        assert c.closed(max(left, 0.1)), what
    assert time.monotonic() - t > CLIENT - 1.5
    # nothing of half a letter stayed with the provider
    assert len(alice.smtp.accepted) == 1
    assert not letters.canaries(alice.smtp.wire())
    not_held_up(alice)


def connected(c):
    """Is the agent's end of this connection still open?"""
    ends = [":%04X" % c.sock.getpeername()[1], ":%04X" % c.sock.getsockname()[1]]
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return any([x[-5:] for x in row[1:3]] == ends and row[3] == "01"
               for row in rows)     # 01: ESTABLISHED


def test_a_client_that_reads_nothing(alice):
    """A letter of 40 MB nobody takes ends with the client's deadline."""
    alice.inbox.mailbox[:] = [("u1", letters.long_text(40 << 20))]
    with client.Pop3(alice.pop3, ALICE, "x") as c:
        assert connected(c)
        c.send("RETR 1\r\n")
        time.sleep(0.5)
        not_held_up(alice)
        assert connected(c)
        wait_for(lambda: not connected(c), CLIENT + GRACE)


def test_a_byte_a_second(alice):
    """Slow is not silent: the letter arrives whole, nobody else waits."""
    raw = letters.text()
    wire = client.stuffed(raw)
    with client.Smtp(alice.submission) as c:
        for i in b"EHLO x\r\n":
            time.sleep(0.6)
            c.send(bytes([i]))
        assert c.reply().code == 250
        c.login(ALICE, "x")
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(wire[:len(wire) // 2])
        for i in range(6):
            time.sleep(1)
            at = len(wire) // 2 + i
            c.send(wire[at:at + 1])
            if i == 2:
                not_held_up(alice)
        c.send(wire[at + 1:])
        assert c.reply().code == 250
    got = keys.Decrypted(alice.home, letters.cipher(
        alice.smtp.accepted[-1].data))
    letters.assert_same(got.data, raw)


def in_parallel(jobs):
    """Run functions at the same time; their results, or the first error."""
    out, errors = {}, []

    def run(name, f):
        try:
            out[name] = f()
        except BaseException as e:
            errors.append((name, e))

    threads = [threading.Thread(target=run, args=x) for x in jobs.items()]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    if errors:
        raise AssertionError("%s: %r" % errors[0]) from errors[0][1]
    assert len(out) == len(jobs)
    return out


def test_providers_that_stall(make):
    """Each at another point, all at once: 451 in time, nothing accepted. (The
    last dot has ten minutes: test_provider_hostile.)"""
    stages = ["connect", "banner"] + [s for s in provider.SMTP_STAGES
                                      if s not in ("connect", "quit", "dot")]
    users = {"%s@example.org" % s: "x" for s in stages}
    made, accounts = {}, {}
    home = make.home(["alice"], trusted=["bob"])
    try:
        for s in stages:
            made[s] = Provider("smtp", users, hooks={s: Gate()},
                               body_at=200000).start()
            accounts["%s@example.org" % s] = {
                "smtp": made[s].conf, "key": keys.FPR["alice"]}
        a = make.agent(home, accounts, dict(SHORT, **{"client-timeout": 30}))

        def job(stage):
            me = "%s@example.org" % stage
            t = time.monotonic()
            raw = letters.attachment(8 << 20, sender=me)
            r = client.send(a.submission, me, "x", [BOB], raw)
            assert r.code in (451, 421), r
            # a log-in and a letter have a deadline each
            assert time.monotonic() - t < 2 * PROVIDER + GRACE, stage
            assert made[stage].accepted == []
            assert not letters.canaries(made[stage].wire())

        in_parallel({s: (lambda s=s: job(s)) for s in stages})
        assert a.alive()
    finally:
        for p in made.values():
            for h in p.hooks.values():
                h.open()
            p.stop()


def test_pop3_providers_that_stall(make):
    stages = ["connect", "banner"] + [s for s in provider.POP3_STAGES
                                      if s not in ("connect", "capa")]
    users = {"%s@example.org" % s: "x" for s in stages}
    made, accounts = {}, {}
    raw = letters.long_text(400000)
    try:
        for s in stages:
            made[s] = Provider("pop3", users, hooks={s: Gate()},
                               mailbox=[raw], body_at=200000).start()
            accounts["%s@example.org" % s] = {"pop3": made[s].conf}
        a = make.agent(make.home(["alice"]), accounts,
                       dict(SHORT, **{"client-timeout": 30}))

        def job(stage):
            t = time.monotonic()
            said = []
            try:
                with client.Pop3(a.pop3) as c:
                    said.append(c.try_login("%s@example.org" % stage, "x"))
                    said.append(c.cmd("STAT"))
                    for q in ("LIST", "UIDL", "RETR 1"):
                        said.append(c.ask(q)[0])
                    said.append(c.cmd("DELE 1"))
                    said.append(c.cmd("QUIT"))
            except client.Closed:
                said.append("-closed")
            assert any(x.startswith("-") for x in said), (stage, said)
            assert time.monotonic() - t < 2 * PROVIDER + GRACE, stage
            assert len(made[stage].mailbox) == 1, stage

        in_parallel({s: (lambda s=s: job(s)) for s in stages})
        assert a.alive()
    finally:
        for p in made.values():
            for h in p.hooks.values():
                h.open()
            p.stop()


def test_more_sessions_than_there_may_be(scripted):
    """The one too many hears so or waits; when the others go it is served."""
    a = scripted(agent={"max-sessions": 3, "client-timeout": CLIENT})
    held = [client.Smtp(a.submission, ALICE, "x") for _ in range(3)]
    try:
        with client.Smtp(a.submission, timeout=1) as c:
            assert c.banner.code == 421
    except (client.Closed, OSError):
        pass
    for c in held:
        c.close()

    def served():
        try:
            return a.send([BOB], letters.text()).ok
        except (client.Closed, AssertionError):
            return False
    wait_for(served, CLIENT + GRACE)


def test_two_at_once(alice):
    """Sealing in parallel: each gets its own letter's answer."""
    raws = {i: letters.long_text(400000 + i, subject="n%d" % i)
            for i in range(4)}
    out = in_parallel({i: (lambda r=r: alice.send([BOB], r))
                       for i, r in raws.items()})
    assert all(r.code == 250 for r in out.values())
    got = sorted(len(letters.body(keys.Decrypted(
        alice.home, letters.cipher(x.data)).data))
        for x in alice.smtp.accepted)
    assert got == sorted(len(letters.body(r)) for r in raws.values())
