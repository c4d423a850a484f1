# SPDX-License-Identifier: GPL-3.0-or-later
"""One letter through, on real servers: Alice's client, her agent, Postfix,
Dovecot, Bob's agent, Bob's client."""
import re

import pytest

from kit import client, keys, letters
from kit.letters import field
from people import ALICE, BOB, CAROL, DAN, FRANK, GONE, lies, only, submit

FORMS = ["tls", "starttls"]

def decrypt(home, raw, name=None):
    got = keys.Decrypted(home, letters.cipher(raw),
                         keys.PASSPHRASE.get(name, ""))
    assert got.ok, got.err
    return got


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", sorted(letters.KINDS))
def test_round_trip(people, mail, reader, form, kind):
    p = people(form)
    sent = letters.KINDS[kind](to=(BOB,))
    r = submit(p, [BOB], sent)
    assert r.code == 250, r
    # the provider's answer, in its own words
    assert re.search(r"localhost says: .*queued as", r.text), r
    raw, = lies(mail, BOB)
    assert not letters.canaries(raw)
    got = decrypt(reader("bob"), raw)
    assert sorted(got.enc_to) == keys.ids("bob", "alice")
    assert got.signer == keys.FPR["alice"]
    letters.assert_same(got.data, sent)
    came = only(p)
    v = letters.verdict(came)
    assert (v["encryption"], v["signature"]) == ("ok", "good")
    assert v["signer"] == ALICE and v["fpr"] == keys.FPR["alice"]
    assert v["trust"] == "verified" and "reason" not in v
    letters.assert_same(came, sent)
    assert mail.dovecot.raws(BOB) == []


def test_the_body_of_a_text_comes_octet_by_octet(people, mail):
    """Blanks, dots, empty lines at the end: nothing is tidied up."""
    p = people("tls")
    for kind in ("text", "flowed", "8bit"):
        sent = letters.KINDS[kind](to=(BOB,))
        assert submit(p, [BOB], sent).code == 250
        lies(mail, BOB)
        assert letters.body(only(p)) == letters.body(sent), kind


def test_many_letters_in_one_session(people, mail):
    p = people("starttls")
    sent = [letters.text(to=(BOB,)), letters.html(to=(BOB,)),
            letters.flowed(to=(BOB,))]
    with client.Smtp(p.alice.submission, ALICE, mail.users[ALICE]) as c:
        for raw in sent:
            assert c.send_letter(ALICE, [BOB], raw).code == 250
        # one given up half-way, then another
        assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 250
        assert c.cmd("RCPT TO:<%s>" % BOB).code == 250
        assert c.cmd("RSET").code == 250
        assert c.cmd("DATA").code == 503
        assert c.cmd("NOOP").code == 250
        assert c.cmd("VRFY bob").code == 252
        sent.append(letters.eight_bit(to=(BOB,)))
        assert c.send_letter(ALICE, [BOB], sent[-1], " BODY=8BITMIME SIZE=%d"
                             % len(sent[-1])).code == 250
        assert c.quit().code == 221
    lies(mail, BOB, 4)
    got = client.fetch(p.bob.pop3, BOB, mail.users[BOB])
    for raw in sent:
        mine = [g for g in got
                if field(g, "Message-ID") == field(raw, "Message-ID")]
        assert len(mine) == 1
        letters.assert_same(mine[0], raw)


def test_what_stays_outside(people, mail, reader):
    """The placeholder subject, nothing of the client or this machine; inside
    the headers that protect, both kinds of mark."""
    p = people("tls")
    sent = letters.html(to=(BOB,), cc=(FRANK,), extra=(
        "X-Mailer: quillpen\nComments: secret comment\nKeywords: secret word\n"
        "In-Reply-To: <x@example.org>\nX-Letterlock: sign=yes\n"
        "Letterlock-Status: v=1; encryption=ok; signature=good\n"))
    assert submit(p, [BOB, FRANK], sent).code == 250
    raw, = lies(mail, BOB)
    assert field(raw, "Subject") == "[...]"
    for name in ("From", "To", "Cc", "Date", "Message-ID", "In-Reply-To"):
        assert field(raw, name) == field(sent, name), name
    for name in ("User-Agent", "X-Mailer", "Comments", "Keywords",
                 "X-Letterlock", "Letterlock-Status"):
        assert field(raw, name) is None, name
    assert b"quillpen" not in raw.lower() and b"secret" not in raw
    received = " ".join(letters.parse(raw).get_all("Received"))
    helo = re.search(r"from (\S+)", received).group(1)
    assert helo in ("[127.0.0.1]", "example.org")   # not this machine's name
    inner = decrypt(reader("bob"), raw).data
    assert re.search(rb'hp="?cipher', inner)
    assert re.search(rb'protected-headers="v1"', inner)
    for name in ("Subject", "From", "To", "Cc", "Date", "Message-ID",
                 "User-Agent", "Comments"):
        assert field(inner, name) == field(sent, name), name
    outer = letters.parse(inner).get_all("HP-Outer")
    assert "Subject: [...]" in outer
    assert not any(x.startswith(("User-Agent", "Comments")) for x in outer)
    for name in ("X-Letterlock", "Letterlock-Status", "Bcc"):
        assert field(inner, name) is None
    got = only(p)
    assert field(got, "HP-Outer") is None
    letters.verdict(got)
    letters.assert_same(got, sent)


def test_missing_date_and_message_id_are_added(people, mail, reader):
    p = people("tls")
    sent = re.sub(rb"(Date|Message-ID): [^\r]*\r\n", b"", letters.text())
    assert submit(p, [BOB], sent).code == 250
    raw, = lies(mail, BOB)
    inner = decrypt(reader("bob"), raw).data
    for name in ("Date", "Message-ID"):
        assert field(raw, name) and field(raw, name) == field(inner, name)
    assert field(raw, "Message-ID").endswith("@example.org>")


def test_bcc(people, mail, reader):
    """Each Bcc recipient gets a copy of its own, and nobody sees of it."""
    p = people("tls")
    sent = letters.text(to=(BOB,), cc=(FRANK,),
                        extra="Bcc: Carol <%s>, %s\n" % (CAROL, DAN))
    assert submit(p, [BOB, FRANK, CAROL, DAN], sent).code == 250
    copies = {a: lies(mail, a)[0] for a in (BOB, FRANK, CAROL, DAN)}
    want = {BOB: keys.ids("bob", "frank", "alice"),
            FRANK: keys.ids("bob", "frank", "alice"),
            CAROL: keys.ids("carol", "alice"), DAN: keys.ids("dan", "alice")}
    for who, raw in copies.items():
        name = who.split("@")[0]
        got = decrypt(reader(name), raw, name)
        assert sorted(got.enc_to) == want[who], who
        for a in (CAROL, DAN):
            if a != who:
                assert a.encode() not in raw and a.encode() not in got.data
        for text in (raw, got.data):
            assert field(text, "Bcc") is None
            assert not re.search(rb"(?im)^HP-Outer:\s*Bcc", text)
        letters.assert_same(got.data, sent)
    letters.assert_same(only(p), sent)


def test_a_bcc_that_only_stands_in_the_envelope(people, mail, reader):
    p = people("tls")
    sent = letters.text(to=(BOB,))
    assert submit(p, [BOB, DAN], sent).code == 250
    assert sorted(decrypt(reader("bob"), lies(mail, BOB)[0]).enc_to) == \
        keys.ids("bob", "alice")
    assert sorted(decrypt(reader("dan"), lies(mail, DAN)[0]).enc_to) == \
        keys.ids("dan", "alice")


def test_a_bounce_arrives_readable(people, mail):
    p = people("tls")
    assert submit(p, [GONE], letters.text(to=(GONE,))).code == 250
    raw, = lies(mail, ALICE)
    got, = client.fetch(p.alice.pop3, ALICE, mail.users[ALICE])
    v = letters.verdict(got)
    assert (v["encryption"], v["signature"]) == ("none", "none")
    assert letters.without_verdict(got) == raw
    assert b"unknown user" in got
    # what we sealed comes back sealed
    assert not letters.canaries(got)
