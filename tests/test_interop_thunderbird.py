# SPDX-License-Identifier: GPL-3.0-or-later
"""Thunderbird's own OpenPGP at the other end: Bob has a Thunderbird and no
agent. It is started once."""
import email.header
import os

import pytest

from kit import folder, keys, letters, others, write
from kit.thunderbird import Thunderbird
from people import ALICE, BOB, FRANK

SUBJECT = "Grüße, " + letters.SUBJECT
BODY = "Liebe Alice,\n\n.\nFrom here on %s for 10 €\n" % letters.BODY


@pytest.fixture(scope="module")
def bird():
    with folder("llt") as d, Thunderbird(d, BOB, "Bob Example") as t:
        with open(keys.asc("bob", True)) as mine, open(
                keys.asc("alice")) as hers:
            assert t.own(mine.read()) == keys.FPR["bob"]
            assert t.knows(hers.read()) == keys.FPR["alice"]
        yield t


def lines(text):
    """The lines that are not empty, blanks at the end apart."""
    return [x.rstrip() for x in text.splitlines() if x.strip()]


def assert_shown(got, sent):
    """What the reader sees is what was written."""
    assert got.subject == got.listed == letters.field(sent, "Subject")
    assert got.sender == ["Alice Example <%s>" % ALICE]
    assert letters.BODY in got.body and got.notes == []


# ---- what we send

@pytest.mark.parametrize("kind", ["text", "8bit", "flowed", "html", "bare"])
def test_what_we_seal_it_shows(ours, bird, kind):
    sent = letters.KINDS[kind](to=(BOB,))
    got = bird.show(ours.seal(sent, BOB))
    assert got.opened and got.signature == "valid-key-verified", got
    assert got.signer == keys.FPR["alice"][-16:]
    assert_shown(got, sent)
    if kind in ("text", "8bit"):
        assert lines(got.body) == lines(letters.body(sent).decode())
    assert got.attachments == (["Bücher & mehr.pdf", "Bücher.csv",
                                "ForwardedMessage.eml"]
                               if kind == "html" else [])


def test_a_copy_for_bcc_it_shows(ours, bird):
    sent = letters.html(to=(FRANK,))
    copies = ours.send(sent, [FRANK, BOB])
    got = bird.show(copies[BOB])
    assert got.opened and got.signature == "valid-key-verified", got
    assert_shown(got, sent)
    # and the other is not Bob's
    got = bird.show(copies[FRANK])
    assert not got.opened and got.mime is None and got.subject == "[...]"
    assert any("secret key that is required" in x for x in got.notes), got


def test_without_a_signature(ours, bird):
    sent = letters.eight_bit(to=(BOB,))
    got = bird.show(ours.seal(sent, BOB, "--no-sign"))
    assert got.opened and got.signature == "none", got
    assert_shown(got, sent)


def test_what_is_changed_on_the_way_it_refuses(ours, bird):
    raw = ours.seal(letters.long_text(3000, to=(BOB,)), BOB)
    got = bird.show(others.flip(raw, 0))    # alone that does no harm
    assert got.opened and got.signature == "valid-key-verified", got
    got = bird.show(others.flip(raw))
    assert not got.opened and got.mime is None and not got.body.strip(), got
    assert got.signature == "none" and got.subject == "[...]"


# ---- what it sends

def assert_came(got):
    """The letter is as Bob wrote it in his window."""
    v = letters.parse(got)
    assert letters.field(got, "From") == "Bob Example <%s>" % BOB
    assert letters.field(got, "To") == ALICE
    assert str(email.header.make_header(email.header.decode_header(
        v["Subject"]))) == SUBJECT
    texts = [p for p in v.walk() if p.get_content_type() == "text/plain"
             and not p.get_filename()]
    assert len(texts) == 1
    assert texts[0].get_param("format") == "flowed"
    # RFC 3676 section 4.4: a blank is put before "From"
    assert texts[0].get_payload(decode=True).decode().splitlines() == [
        (" " if x.startswith("From") else "") + x for x in BODY.splitlines()]
    for name in ("HP-Outer", "Letterlock-Status"):
        assert len(v.get_all(name, [])) == (name == "Letterlock-Status")


@pytest.mark.parametrize("sign", [True, False], ids=["signed", "unsigned"])
def test_what_it_seals_we_open(ours, bird, sign):
    raw = bird.send(ALICE, SUBJECT, BODY, sign=sign)
    assert letters.field(raw, "Subject") == "..."
    assert not letters.canaries(raw)
    v, got = ours.open(raw)
    assert v == dict({"v": "1", "encryption": "ok"}, **{
        "signature": "good", "signer": BOB, "fpr": keys.FPR["bob"],
        "trust": "verified"} if sign else {"signature": "none"})
    assert_came(got)


def test_attachments(ours, bird):
    data = letters.noise(30000)
    files = [write(os.path.join(bird.d, n), x) for n, x in (
        ("Bücher & mehr.bin", data), ("plain.txt", b"From here\n.\n"))]
    v, got = ours.open(bird.send(ALICE, SUBJECT, BODY, files=files))
    assert (v["encryption"], v["signature"]) == ("ok", "good")
    assert_came(got)
    came = {p.get_filename(): p.get_payload(decode=True)
            for p in letters.parse(got).walk() if p.get_filename()}
    assert len(came) == 2 and came.pop("plain.txt") == b"From here\n.\n"
    assert list(came.values()) == [data]


def test_its_autocrypt_key_stays_out(ours, bird):
    """R10: nothing that comes by mail enters the keyring."""
    before = keys.run(ours.home, "--list-keys", "--with-colons")[1]
    raw = bird.send(ALICE, SUBJECT, BODY)
    assert letters.field(raw, "Autocrypt")
    ours.open(raw)
    after = keys.run(ours.home, "--list-keys", "--with-colons")[1]
    assert after == before


def test_what_is_changed_on_the_way_we_refuse(ours, bird):
    raw = bird.send(ALICE, SUBJECT, BODY)
    assert ours.open(others.flip(raw, 0))[0]["signature"] == "good"
    bad = others.flip(raw)
    v, got = ours.open(bad)
    assert v.pop("reason") in ("integrity", "malformed")
    assert v == {"v": "1", "encryption": "failed", "signature": "none"}
    assert letters.body(got) == letters.body(bad)
