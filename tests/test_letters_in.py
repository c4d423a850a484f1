# SPDX-License-Identifier: GPL-3.0-or-later
"""Letters that are made to be awkward: none is lost, none blocks the mailbox,
none speaks with our voice."""
import base64
import hashlib
import re

import pytest

from kit import client, keys, letters, provider
from people import ALICE, BOB


@pytest.fixture(scope="module")
def box(make_once):
    """An agent for Alice, a mailbox, and Bob who can seal for her."""
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(make_once.home(["alice"], trusted=["bob"]),
                            {ALICE: {"pop3": q.conf}})
        a.inbox = q
        a.bob = make_once.home(["bob"], ["alice"])
        yield a


def sealed(a, payload, **kw):
    return letters.sealed(keys.encrypt(a.bob, payload, ["alice"], "bob"),
                          sender=BOB, to=(ALICE,), **kw)


def fetch(a, *raws):
    a.inbox.mailbox[:] = [("u%d" % i, r) for i, r in enumerate(raws)]
    return client.fetch(a.pop3, ALICE, "x")


@pytest.mark.parametrize("size", [70_000, 300_000, 900_000, 3_000_000])
def test_large_unsealed_letters_in_a_row(box, size):
    """The look-ahead keeps them whole, the header included."""
    raws = [letters.text(subject="n%d" % i) + b"%07d\r\n" % i * (size // 9)
            for i in range(6)]
    box.inbox.mailbox[:] = [("u%d" % i, r) for i, r in enumerate(raws)]
    with client.Pop3(box.pop3, ALICE, "x") as c:
        c.ask("LIST")
        for i, raw in enumerate(raws):
            assert c.cmd("RETR %d" % (i + 1)).startswith("+OK")
            assert letters.without_verdict(c.body()) == raw


@pytest.mark.parametrize("payload", [
    b"X: y\r\n" * 20_001 + b"\r\nhello",
    b"no empty line " * 5000,
    b"a" * (5 << 20),
    b"\r\n\r\nempty header",
    b"Subject: a header and no more\r\n",
    b"a line\rwith bare ones\nof both kinds\r\n" * 3],
    ids=["fields", "long", "huge", "empty", "header only", "bare"])
def test_odd_cleartext_blocks_nothing(box, payload):
    one, two = fetch(box, sealed(box, payload), letters.text(subject="next"))
    v = letters.verdict(one)
    assert (v["encryption"], v["signature"]) == ("ok", "good")
    assert b"next" in two
    if len(payload) < 70_000:
        assert letters.body(one).replace(b"\r\n", b"\n").rstrip(b"\n") in (
            payload.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        assert v["bh"] == relaxed(letters.body(one))


def relaxed(body):
    """SHA-256 of RFC 6376 section 3.4.4's form, as the verdict has it."""
    lines = [re.sub(rb"[ \t]+", b" ", x).rstrip(b" ")
             for x in body.replace(b"\r\n", b"\n").split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    text = b"".join(x + b"\r\n" for x in lines)
    return base64.urlsafe_b64encode(
        hashlib.sha256(text).digest()).rstrip(b"=").decode()


@pytest.mark.parametrize("fields", [20_001, 0])
def test_no_verdict_behind_a_header_that_is_too_much(box, fields):
    fake = b"Letterlock-Status: v=1; encryption=ok; signature=good\r\n"
    raw = fake + (b"X: y\r\n" * fields if fields
                  else b"X: " + b"y" * (4 << 20) + b"\r\n") + fake + b"\r\nhi\r\n"
    got, = fetch(box, raw)
    head = got.split(b"\r\n\r\n", 1)[0]
    assert len(re.findall(rb"(?im)^letterlock-status", head)) == 1
    assert letters.verdict(got)["signature"] == "none"
    assert got.endswith(raw)    # and all of it is there


def test_the_name_shown_is_the_signed_one(box):
    raw = sealed(box, (
        b'Content-Type: text/plain; hp="cipher"; protected-headers="v1"\r\n'
        b'From: "Bob Example" <%s>\r\nTo: %s\r\nSubject: x\r\n\r\nhi\r\n'
        % (BOB.encode(), ALICE.encode())))
    raw = re.sub(rb"(?m)^From: .*$", b'From: "The Bank" <%s>\r' % BOB.encode(),
                 raw, count=1)
    got, = fetch(box, raw)
    assert letters.verdict(got)["signature"] == "good"
    assert b"Bob Example" in got and b"The Bank" not in got


def test_a_browser_is_hung_up_on(box):
    c = client.Pop3(box.pop3)
    c.send("GET / HTTP/1.1\r\n")
    assert c.closed(5)


def test_a_prompt_nobody_answers(make):
    """The letter stays at the provider; a letter that cannot be asked for does
    not keep others from being asked for."""
    who = "carol@example.org"
    with provider.Provider("pop3", {who: "x"}) as q:
        home = make.home(["carol"], trusted=["bob"])
        a = make.agent(home, {who: {"pop3": q.conf}},
                       {"unlock-timeout": "2", "gpg-timeout": "3"})
        bob = make.home(["bob"], ["carol"])
        raw = letters.sealed(keys.encrypt(
            bob, letters.payload(sender=BOB, to=(who,)), ["carol"], "bob"),
            sender=BOB, to=(who,))
        q.mailbox[:] = [("u1", raw)]
        keys.pinentry(home, "hang")
        with client.Pop3(a.pop3, who, "x") as c:
            s = c.cmd("RETR 1")
            assert s.startswith("-ERR [SYS/TEMP] Your key is locked"), s
            assert c.cmd("QUIT").startswith("+OK")
        assert len(q.mailbox) == 1
        keys.close_pinentry(home)


def test_a_prompt_for_the_key_that_it_is_for(make):
    """Its sister is unlocked, and has another passphrase."""
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        home, bob = make.home(["alice"], trusted=["bob"]), make.home(["bob"])
        keys.run(home, "--pinentry-mode", "loopback", "--passphrase", "other",
                 "--quick-add-key", keys.FPR["alice"], "cv25519", "encr", "0")
        keys.run(bob, "--import", data=keys.run(home, "--export",
                                                keys.FPR["alice"])[1])
        keys.kill(home)
        a = make.agent(home, {ALICE: {"pop3": q.conf}})
        q.mailbox[:] = [("u1", letters.sealed(keys.encrypt(
            bob, letters.payload(sender=BOB, to=(ALICE,)), ["alice"], "bob"),
            sender=BOB, to=(ALICE,)))]
        keys.pinentry(home, "answer", "other")
        for _ in range(2):
            got, = client.fetch(a.pop3, ALICE, "x", delete=False)
            assert b"encryption=ok" in got.split(b"\r\n")[0], got
        assert keys.prompts(home) == 1
