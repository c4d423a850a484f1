# SPDX-License-Identifier: GPL-3.0-or-later
"""Thunderbird's own OpenPGP at the other end: Bob has a Thunderbird and no
agent. It is started once."""
import base64
import email.header
import email.utils
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


@pytest.mark.parametrize("kind", ["text", "8bit", "html"])
def test_what_we_sign_it_verifies(ours, bird, kind):
    sent = letters.KINDS[kind](to=(BOB,), date=email.utils.formatdate())
    got = bird.show(ours.seal(sent, BOB, "--sign-only"))
    assert got.signature == "valid-key-verified" and not got.opened, got
    assert got.signer == keys.FPR["alice"][-16:]
    assert_shown(got, sent)
    if kind != "html":
        assert lines(got.body) == lines(letters.body(sent).decode())


def test_what_is_signed_and_changed_it_refuses(ours, bird):
    raw = ours.seal(letters.text(to=(BOB,), date=email.utils.formatdate()),
                    BOB, "--sign-only")
    got = bird.show(raw.replace(b"zebra", b"Zebra"))
    assert got.signature == "invalid", got


def test_its_own_rule_on_dates(ours, bird):
    """A Date far from the time of the signature is no good to Thunderbird,
    unless the letter is sealed too."""
    sent = letters.text(to=(BOB,), date="Mon, 23 Nov 2020 07:30:00 +0000")
    got = bird.show(ours.seal(sent, BOB, "--sign-only"))
    assert got.signature == "invalid-date-mismatch", got
    assert bird.show(ours.seal(sent, BOB)).signature == "valid-key-verified"


# ---- what it sends

def assert_came(got, to=ALICE):
    """The letter is as Bob wrote it in his window."""
    v = letters.parse(got)
    assert letters.field(got, "From") == "Bob Example <%s>" % BOB
    assert letters.field(got, "To") == to
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


def test_its_copies_for_bcc(ours, bird):
    """Thunderbird seals once for all: Alice is hidden in no header."""
    with open(keys.asc("frank")) as f:
        bird.knows(f.read())
    raw = bird.send(FRANK, SUBJECT, BODY, bcc=ALICE)
    assert keys.sealed_to(raw[raw.index(b"-----BEGIN"):]) == keys.ids(
        "alice", "bob", "frank")
    v, got = ours.open(raw)
    assert (v["encryption"], v["signature"]) == ("ok", "good")
    assert_came(got, FRANK)
    assert ALICE.encode() not in got


def test_what_we_hand_on_it_shows(ours, bird):
    """Thunderbird as our own client: nothing of the protection is left for it
    to stumble over."""
    files = [write(os.path.join(bird.d, "a.bin"), letters.noise(5000))]
    raw = bird.send(ALICE, SUBJECT, BODY, files=files)
    got = bird.show(ours.open(raw)[1])
    assert got.subject == got.listed == SUBJECT, got
    assert lines(got.body) == lines(BODY)
    assert got.attachments == ["a.bin"] and got.notes == []
    assert not got.opened and got.signature == "none"


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


@pytest.mark.parametrize("files", [0, 1], ids=["text", "attachment"])
def test_what_it_signs_we_verify(ours, bird, files):
    files = [write(os.path.join(bird.d, "a.bin"), letters.noise(5000))] * files
    raw = bird.send(ALICE, SUBJECT, BODY, encrypt=False, files=files)
    assert letters.header(raw).get_content_type() == "multipart/signed"
    assert b'hp="clear"' in raw
    v, got = ours.open(raw)
    assert v == {"v": "1", "encryption": "none", "signature": "good",
                 "signer": BOB, "fpr": keys.FPR["bob"], "trust": "verified"}
    assert_came(got)
    assert letters.body(got) == letters.body(raw)


def test_what_it_signs_and_is_changed_we_refuse(ours, bird):
    raw = bird.send(ALICE, SUBJECT, BODY, encrypt=False)
    word = base64.b64encode(BODY.replace("\n", "\r\n").encode())[:8]
    assert raw.count(word) == 1
    bad = raw.replace(word, word.swapcase())
    v, got = ours.open(bad)
    assert v == {"v": "1", "encryption": "none", "signature": "bad"}
    assert letters.body(got) == letters.body(bad)
