# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever breaks: no cleartext at the provider or in a file, no 250 unless
the provider said so, an answer or a closed connection, and the next letter
works. Roles that die: test_killed.py."""
import os
import resource
import signal

import pytest

from kit import client, keys, letters, provider, wait_for
from kit.agent import processes
from kit.client import words
from kit.fakegpg import FakeGpg
from kit.letters import field
from kit.provider import Gate
from people import ALICE, BOB, CAROL

PATIENCE = {"gpg-timeout": "2", "provider-timeout": "3", "client-timeout": "5",
            "unlock-timeout": "2"}


def attempt(a, to, raw):
    """The last reply, or None where the connection was closed."""
    try:
        return a.send(to, raw)
    except client.Closed:
        return None


def check(a, reply, before):
    """What must hold after any failure; before: letters accepted then."""
    assert not letters.canaries(a.smtp.wire())
    a.assert_no_leak()
    got = a.smtp.accepted[before:]
    if reply is not None and reply.ok:
        assert got, "250, but the provider has nothing"
    for x in got:
        assert keys.Decrypted(a.reader, letters.cipher(x.data)).ok


def next_letter_works(a):
    before = len(a.smtp.accepted)
    raw = letters.html()
    r = a.send([BOB], raw)
    assert r.code == 250, r
    got = keys.Decrypted(a.reader, letters.cipher(a.smtp.accepted[before].data))
    assert got.ok
    letters.assert_same(got.data, raw)


@pytest.fixture
def alice(scripted, make):
    """Alice's agent with short patience; reader: Bob's keyring."""
    a = scripted(agent=PATIENCE)
    a.reader = make.home(["bob"], ["alice"])
    return a


# ---- gpg

@pytest.fixture(scope="module")
def fooled(make_once):
    """An agent whose gpg is a fake, on scripted providers."""
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        home = make_once.home(["alice"], ["mallory"], ["bob"])
        fake = FakeGpg(make_once.folder(), home, keys.FPR["mallory"])
        a = make_once.agent(home, {ALICE: {"smtp": p.conf, "pop3": q.conf}},
                            PATIENCE, mounts=fake.mounts)
        a.smtp, a.inbox, a.fake = p, q, fake
        a.reader = make_once.home(["bob"], ["alice"])
        a.send = lambda to, raw: client.send(a.submission, ALICE, "x", to, raw)
        yield a


FAKES = ["die", "die-middle", "die-late", "die-end", "hang", "hang-middle",
         "hang-end", "garbage", "garbage-status", "flood"]


@pytest.mark.parametrize("size", [2000, 1000000])
@pytest.mark.parametrize("mode", FAKES + ["cut", "echo", "echo-lies", "reader",
                                          "weak"])
def test_sealing_with_a_broken_gpg(fooled, mode, size):
    """cut: all is well by its words, but not all of it came."""
    a, before = fooled, len(fooled.smtp.accepted)
    a.fake.mode(mode)
    try:
        r = attempt(a, [BOB], letters.long_text(size))
        assert a.fake.used("seal")
    finally:
        a.fake.mode("normal")
    check(a, r, before)
    assert r is not None and r.code in (451, 554, 550), r
    assert len(a.smtp.accepted) == before
    assert words(r).startswith("Letterlock")
    next_letter_works(a)


@pytest.mark.parametrize("size", [2000, 1000000])
@pytest.mark.parametrize("mode", FAKES)
def test_opening_with_a_broken_gpg(fooled, mode, size):
    a = fooled
    text = letters.payload(letters.BODY + "\n" +
                           ("y" * 70 + "\n") * (size // 71))
    raw = letters.sealed(keys.encrypt(a.reader, text, ["alice"], "bob",
                                      ["--compress-algo", "none"]),
                         sender=BOB, to=(ALICE,))
    a.inbox.mailbox[:] = [("u1", raw), ("u2", letters.bare())]
    a.fake.mode(mode)
    try:
        with client.Pop3(a.pop3, ALICE, "x") as c:
            s, got = c.ask("RETR 1")
            assert a.fake.used("open")
            if got is None:
                assert s.startswith("-ERR [SYS/TEMP]")
            else:
                assert letters.verdict(got)["encryption"] == "failed"
                assert letters.verdict(got)["signature"] == "none"
                assert letters.body(got) == letters.body(raw)
                assert not letters.canaries(got)
        # the unprotected one can be had all the same
        with client.Pop3(a.pop3, ALICE, "x") as c:
            assert letters.without_verdict(c.retr(2)) == a.inbox.mailbox[1][1]
    finally:
        a.fake.mode("normal")
    a.assert_no_leak()
    with client.Pop3(a.pop3, ALICE, "x") as c:
        got = c.retr(1)
        assert letters.verdict(got)["encryption"] == "ok"
        assert letters.body(got).rstrip() == letters.body(text).rstrip()


# ---- gpg-agent and locked keys

def gpg_agents(home):
    return [p for p in processes()
            if p.name == "gpg-agent" and home in p.argv]


def assert_free(agents):
    """A gpg-agent that was started within a box would stay there for the
    user's whole log-in."""
    assert agents
    for p in agents:
        with open("/proc/%d/status" % p.pid) as f:
            status = f.read()
        assert "NoNewPrivs:\t0" in status and "Seccomp:\t0" in status, p


def test_gpg_agent_killed(alice):
    """Before a letter, and in the middle of one."""
    next_letter_works(alice)
    agents = gpg_agents(alice.home)
    for p in agents:
        os.kill(p.pid, signal.SIGKILL)
    before = len(alice.smtp.accepted)
    r = attempt(alice, [BOB], letters.text())
    check(alice, r, before)
    next_letter_works(alice)
    assert_free(gpg_agents(alice.home))
    before = len(alice.smtp.accepted)
    raw = letters.long_text(1000000)
    with client.Smtp(alice.submission, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        wire = client.stuffed(raw)
        c.send(wire[:500000])
        agents = gpg_agents(alice.home)
        assert agents
        for p in agents:
            os.kill(p.pid, signal.SIGKILL)
        try:
            c.send(wire[500000:])
            r = c.reply()
        except client.Closed:
            r = None
    check(alice, r, before)
    next_letter_works(alice)
    assert_free(gpg_agents(alice.home))


def test_gpg_agent_stopped(alice):
    """It hangs: the client hears so in time, and once it is back all is
    well."""
    next_letter_works(alice)
    before = len(alice.smtp.accepted)
    agents = gpg_agents(alice.home)
    assert agents
    for p in agents:
        os.kill(p.pid, signal.SIGSTOP)
    try:
        r = attempt(alice, [BOB], letters.text())
        check(alice, r, before)
        assert r is not None and r.code == 451, r
        assert len(alice.smtp.accepted) == before
    finally:
        for p in agents:
            os.kill(p.pid, signal.SIGCONT)
    next_letter_works(alice)


LOCKED_OUT = ("Letterlock did not send this: your key is locked. Unlock it "
              "with the Letterlock button or: letterlock unlock. Then press "
              "Send again")
LOCKED_IN = ("-ERR [SYS/TEMP] Your key is locked, so sealed letters wait "
             "safely at your provider. Unlock it with the Letterlock button "
             "or: letterlock unlock. Then fetch again")


@pytest.fixture
def carol(make):
    """Carol's agent: her key has a passphrase."""
    with provider.Provider("smtp", {CAROL: "x"}) as p, \
            provider.Provider("pop3", {CAROL: "x"}) as q:
        home = make.home(["carol"], trusted=["bob", "alice"])
        # with time for gpg: it is a prompt that is not waited for
        a = make.agent(home, {CAROL: {"smtp": p.conf, "pop3": q.conf}},
                       dict(PATIENCE, **{"gpg-timeout": "20"}))
        a.smtp, a.inbox = p, q
        a.reader = make.home(["bob"], ["carol", "alice"])
        a.send = lambda to, raw: client.send(a.submission, CAROL, "x", to, raw)
        yield a


@pytest.mark.parametrize("mode", ["cancel", "hang", "wrong"])
def test_a_locked_key_when_sending(carol, mode):
    """451 at DATA, in words, before the client gives the letter away."""
    keys.pinentry(carol.home, "answer" if mode == "wrong" else mode, "wrong")
    with client.Smtp(carol.submission, CAROL, "x") as c:
        r = c.envelope(CAROL, [BOB])
        assert r.code == 451 and words(r) == LOCKED_OUT
        assert c.cmd("NOOP").code == 250
    assert keys.prompts(carol.home) >= 1
    assert carol.smtp.heard("MAIL") == 0
    keys.close_pinentry(carol.home)
    wait_for(lambda: not {"gpg", "pinentry"} & {p.name for p in carol.all()},
             20)
    # unlocked, the next letter works, and is asked for once only
    keys.pinentry(carol.home, "answer", keys.PASSPHRASE["carol"])
    n = keys.prompts(carol.home)
    for _ in range(2):
        assert carol.send([BOB], letters.text(sender=CAROL)).code == 250
    assert keys.prompts(carol.home) == n + 1
    got = keys.Decrypted(carol.reader,
                         letters.cipher(carol.smtp.accepted[0].data))
    assert got.ok and got.signer == keys.FPR["carol"]
    carol.assert_no_leak()


def test_a_locked_key_is_no_matter_for_a_clear_letter(carol):
    raw = letters.text(sender=CAROL, to=("eve@example.net",))
    r = carol.send(["eve@example.net"], raw)
    assert r.code in (550, 451)
    assert carol.smtp.accepted == []


def test_a_locked_key_in_front_of_a_clear_letter(carol):
    """The sealed one waits at the provider, the clear one comes; later both."""
    box = keys.encrypt(carol.reader, letters.payload(sender=BOB, to=(CAROL,)),
                       ["carol"], "bob")
    sealed = letters.sealed(box, sender=BOB, to=(CAROL,))
    clear = letters.eight_bit(sender=BOB, to=(CAROL,))
    carol.inbox.mailbox[:] = [("u1", sealed), ("u2", clear), ("u3", sealed)]
    keys.pinentry(carol.home, "cancel")
    with client.Pop3(carol.pop3, CAROL, "x") as c:
        assert c.cmd("RETR 1") == LOCKED_IN
        assert letters.without_verdict(c.retr(2)) == clear
        assert c.cmd("DELE 2").startswith("+OK")
        assert c.cmd("RETR 3") == LOCKED_IN
        assert c.quit().startswith("+OK")
    assert keys.prompts(carol.home) == 1    # one prompt a session
    assert [u for u, _ in carol.inbox.mailbox] == ["u1", "u3"]
    carol.assert_no_leak()
    keys.unlock(carol.home, "carol")
    got = client.fetch(carol.pop3, CAROL, "x")
    for g in got:
        v = letters.verdict(g)
        assert (v["encryption"], v["signature"]) == ("ok", "good")
        assert field(g, "Subject") == "Dear Bob: " + letters.SUBJECT
    assert len(got) == 2


def test_a_letter_for_others_raises_no_prompt(carol, make):
    """Foreign, hidden and symmetric ones: a passphrase prompt would be a
    stranger's doing."""
    home = make.home([], ["alice", "carol"])
    text = letters.payload(sender=BOB, to=(CAROL,))
    foreign = keys.encrypt(home, text, ["alice"])
    hidden = keys.encrypt(home, text, ["carol"], more=["--throw-keyids"])
    _, symmetric, _ = keys.run(home, "--armor", "--symmetric",
                               "--pinentry-mode", "loopback",
                               "--passphrase", "y", data=text)
    for box in (foreign, hidden, symmetric):
        raw = letters.sealed(box, sender=BOB, to=(CAROL,))
        carol.inbox.mailbox[:] = [("u1", raw)]
        with client.Pop3(carol.pop3, CAROL, "x") as c:
            s, got = c.ask("RETR 1")
            if got is None:
                assert s == LOCKED_IN and box is hidden
            else:
                assert letters.verdict(got)["encryption"] == "failed"
                assert letters.body(got) == letters.body(raw)
        assert keys.prompts(carol.home) == 0


# ---- disk

def test_disk_full_for_the_spool(scripted, make):
    """The opened letter does not fit: nothing of it comes, the letter stays."""
    a = scripted(limits={resource.RLIMIT_FSIZE: 512 << 10})
    bob = make.home(["bob"], ["alice"])
    a.reader = bob
    big = letters.payload(letters.BODY + ("z" * 70 + "\n") * 40000)
    small = letters.payload()
    a.inbox.mailbox[:] = [
        ("u%d" % i, letters.sealed(keys.encrypt(
            bob, x, ["alice"], "bob", ["--compress-algo", "none"]),
            sender=BOB, to=(ALICE,)))
        for i, x in enumerate((big, small))]
    with client.Pop3(a.pop3, ALICE, "x") as c:
        try:
            r = c.cmd("RETR 1")
            assert r.startswith("-ERR [SYS/TEMP]"), r
        except client.Closed:
            pass
    a.assert_no_leak()
    with client.Pop3(a.pop3, ALICE, "x") as c:
        assert letters.verdict(c.retr(2))["encryption"] == "ok"
    assert len(a.inbox.mailbox) == 2
    next_letter_works(a)
    # sending needs no spool
    assert a.send([BOB], letters.attachment(3 << 20)).code == 250


# ---- the provider goes

@pytest.mark.parametrize("how", ["drop", "reset"])
@pytest.mark.parametrize("stage", provider.SMTP_STAGES)
def test_the_provider_goes_while_sending(alice, stage, how):
    p = alice.smtp
    p.body_at = 300000
    p.hooks[stage] = getattr(provider, how)
    r = attempt(alice, [BOB], letters.long_text(1000000))
    check(alice, r, 0)
    if stage == "quit":
        assert r is not None and r.code == 250
    else:
        assert r is not None and r.code == 451, r
        assert words(r).startswith("Letterlock")
        assert p.accepted == []
    p.hooks.clear()
    next_letter_works(alice)


@pytest.mark.parametrize("stage", provider.POP3_STAGES)
def test_the_provider_goes_while_fetching(alice, make, stage):
    p, bob = alice.inbox, make.home(["bob"], ["alice"])
    text = letters.payload(letters.BODY + ("z" * 70 + "\n") * 4000)
    sealed = letters.sealed(keys.encrypt(bob, text, ["alice"], "bob"),
                            sender=BOB, to=(ALICE,))
    clear = letters.long_text(300000)
    for raw in (sealed, clear):
        p.mailbox[:] = [("u1", raw)]
        p.body_at = len(raw) // 2
        p.hooks[stage] = provider.drop
        cut = None
        try:
            with client.Pop3(alice.pop3) as c:
                c.ask("CAPA")
                c.try_login(ALICE, "x")
                c.cmd("STAT")
                for verb in ("LIST", "UIDL"):
                    c.ask(verb)
                s, cut = c.ask("RETR 1")
                c.cmd("DELE 1")
                q = c.cmd("QUIT")
                if stage == "quit":     # nobody knows whether it was deleted
                    assert q.startswith("-ERR")
        except client.Closed:
            pass
        if cut is not None:     # a letter that ends is the whole letter
            assert stage not in ("connect", "auth", "retr", "body")
            want = letters.body(text if raw is sealed else raw)
            assert letters.body(cut).rstrip() == want.rstrip()
        p.hooks.clear()
        alice.assert_no_leak()
        assert len(p.mailbox) == 1
        got, = client.fetch(alice.pop3, ALICE, "x")
        assert letters.verdict(got)["encryption"] == (
            "ok" if raw is sealed else "none")


def test_the_client_goes_while_sending(alice):
    """Half a letter is never sent."""
    wire = client.stuffed(letters.long_text(1000000))
    for at in (10, 5000, 600000, len(wire) - 1):
        c = client.Smtp(alice.submission, ALICE, "x")
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(wire[:at])
        c.abort()
    next_letter_works(alice)
    assert len(alice.smtp.accepted) == 1
    assert not letters.canaries(alice.smtp.wire())
    wait_for(lambda: len(alice.role("front")) <= 2)


def test_the_client_goes_before_the_answer(alice):
    """The 250 nobody heard: sent again, the letter is not doubled."""
    gate = Gate()
    alice.smtp.hooks["dot"] = gate
    raw = letters.text()
    c = client.Smtp(alice.submission, ALICE, "x")
    assert c.envelope(ALICE, [BOB]).code == 354
    c.send(client.stuffed(raw))
    gate.wait()
    c.abort()
    alice.smtp.hooks.clear()
    gate.open()
    alice.smtp.wait_accepted(1)
    # what is remembered is written when the answer could not be given
    again = raw.replace(b"Message-ID: <", b"Message-ID: <again.")
    wait_for(lambda: not any(p.state == "R" for p in alice.all()))
    assert alice.send([BOB], again).code == 250
    assert len(alice.smtp.accepted) == 1
    # a letter the client got a 250 for is never taken for a duplicate
    assert alice.send([BOB], again).code == 250
    assert len(alice.smtp.accepted) == 2
