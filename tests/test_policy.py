# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets a letter sealed, who gets it readable, and the words of a
refusal."""
import re

import pytest

from kit import keys, letters
from kit.client import words
from kit.letters import field
from people import ALICE, BOB, DAN, EVE

def sealed_to(letter):
    """The key IDs a letter that the provider accepted is sealed to."""
    return keys.sealed_to(letters.cipher(letter.data))


NO_KEY = (r"Letterlock did not send this: eve@example\.net cannot read sealed "
          r"letters yet\. Remove or invite that address, or put "
          r"\[clear (\d{4})\] before the subject to send it readable by "
          r"anyone on the way")


def test_refusal_and_its_code(scripted):
    a = scripted()
    r = a.send([EVE], letters.text(to=(EVE,)))
    assert r.code == 550 and r.text.startswith("5.7.5 "), r
    code = re.fullmatch(NO_KEY, words(r)).group(1)
    # the provider has heard of nobody
    assert a.smtp.heard("MAIL") == a.smtp.heard("RCPT") == 0
    wrong = "%04d" % ((int(code) + 1) % 10000)
    for tag, to in ((wrong, [EVE]), (code, [EVE, DAN])):
        r = a.send(to, letters.text(to=to, subject="[clear %s] Hi" % tag))
        assert r.code == 550, (tag, to)
    assert a.smtp.heard("MAIL") == 0
    raw = letters.text(to=(EVE,), subject="[clear %s] Hi there" % code)
    assert a.send([EVE], raw).code == 250
    got = a.smtp.accepted[0].data
    assert field(got, "Subject") == "Hi there"
    assert letters.body(got) == letters.body(raw)
    # remembered for her until a key is known
    raw = letters.text(to=(EVE,), subject="Hi again")
    assert a.send([EVE], raw).code == 250
    assert letters.body(a.smtp.accepted[1].data) == letters.body(raw)


def test_the_code_is_for_the_recipients_of_the_refusal(scripted):
    """All or nothing: with Bob it is another code, and Bob's letter is then
    as readable as Eve's."""
    a = scripted()
    r = a.send([BOB, EVE], letters.text(to=(BOB, EVE)))
    code = re.fullmatch(NO_KEY, words(r)).group(1)
    assert BOB not in r.text
    assert a.send([EVE], letters.text(
        to=(EVE,), subject="[clear %s] x" % code)).code == 550
    r = a.send([BOB, EVE], letters.text(
        to=(BOB, EVE), subject="[clear %s] x" % code))
    assert r.code == 250
    assert a.smtp.accepted[0].to == [BOB, EVE]
    assert field(a.smtp.accepted[0].data, "Subject") == "x"


def test_once_sealed_never_clear(scripted, make):
    """A contact ever sealed to is refused without a key, and no code helps."""
    a = scripted(trusted=["bob"])
    assert a.send([BOB], letters.text()).code == 250
    assert sealed_to(a.smtp.accepted[0])
    keys.run(a.home, "--delete-keys", keys.FPR["bob"])
    r = a.send([BOB], letters.text())
    assert r.code == 550, r
    m = re.search(r"\[clear (\d{4})\]", r.text)
    if m:       # even the code that is spoken of must not work
        r = a.send([BOB], letters.text(subject="[clear %s] x" % m.group(1)))
        assert r.code == 550
    r = a.send([BOB], letters.text(extra="X-Letterlock: encrypt=no\n"))
    assert r.code == 550
    assert len(a.smtp.accepted) == 1


SEALED, CLEAR, REFUSED = "sealed", "clear", "refused"


@pytest.mark.parametrize("policy, known, to, outcome", [
    ("always", "trusted", [BOB], SEALED),
    ("always", "public", [BOB], REFUSED),       # nobody has judged this key
    ("always", "trusted", [EVE], REFUSED),
    ("always", "trusted", [BOB, EVE], REFUSED),
    ("ask", "trusted", [BOB], SEALED),
    ("ask", "public", [BOB], SEALED),
    ("ask", "trusted", [EVE], REFUSED),
    ("ask", "trusted", [BOB, EVE], REFUSED),
    (None, "trusted", [EVE], REFUSED),          # ask is the default
    ("when-possible", "trusted", [BOB], SEALED),
    ("when-possible", "trusted", [EVE], CLEAR),
    ("when-possible", "trusted", [BOB, EVE], CLEAR),
    ("never", "trusted", [BOB], CLEAR),
    ("never", "trusted", [EVE], CLEAR),
])
def test_policy(scripted, policy, known, to, outcome):
    a = scripted(account={"encrypt": policy} if policy else {},
                 trusted=["bob"] if known == "trusted" else [],
                 public=["bob"] if known == "public" else [])
    raw = letters.text(to=to)
    r = a.send(to, raw)
    if outcome == REFUSED:
        assert r.code == 550 and "Letterlock did not send this" in words(r)
        assert a.smtp.accepted == [] and a.smtp.heard("RCPT") == 0
        return
    assert r.code == 250, r
    got, = a.smtp.accepted
    assert got.to == to and got.sender == ALICE
    if outcome == SEALED:
        assert sealed_to(got) == keys.ids("bob", "alice")
    else:
        assert got.data == raw


@pytest.mark.parametrize("account, contacts, to, outcome", [
    ("never", {BOB: "always"}, [BOB], SEALED),
    ("never", {"@example.net": "always"}, [EVE], REFUSED),
    ("never", {"@example.net": "always"}, [BOB], CLEAR),
    ("when-possible", {EVE: "ask"}, [EVE], REFUSED),
    ("when-possible", {EVE: "never"}, [EVE], CLEAR),
    ("never", {"@example.org": "when-possible"}, [BOB], SEALED),
])
def test_the_strictest_policy_wins(scripted, account, contacts, to, outcome):
    a = scripted(account={"encrypt": account}, trusted=["bob"],
                 contacts={k: {"encrypt": v} for k, v in contacts.items()})
    r = a.send(to, letters.text(to=to))
    if outcome == REFUSED:
        assert r.code == 550 and a.smtp.accepted == []
    else:
        assert r.code == 250, r
        assert bool(letters.canaries(a.smtp.wire())) == (outcome == CLEAR)


def test_one_letter_decided_by_its_header(scripted):
    a = scripted(account={"encrypt": "when-possible"})
    no = "X-Letterlock: encrypt=no\n"
    yes = "X-Letterlock: encrypt=yes\n"
    assert a.send([EVE], letters.text(to=(EVE,), extra=yes)).code == 550
    assert a.smtp.accepted == []
    raw = letters.text(to=(EVE,), extra=no)
    assert a.send([EVE], raw).code == 250
    got = a.smtp.accepted[0].data
    assert got == raw.replace(letters.crlf(no), b"")


def test_no_header_loosens_always(scripted):
    a = scripted(account={"encrypt": "always"})
    r = a.send([EVE], letters.text(to=(EVE,),
                                   extra="X-Letterlock: encrypt=no\n"))
    assert r.code == 550 and a.smtp.accepted == []
    code = re.search(r"\[clear (\d{4})\]", r.text)
    if code:
        assert a.send([EVE], letters.text(
            to=(EVE,), subject=code.group(0) + " x")).code == 550
    a.send([BOB], letters.text(extra="X-Letterlock: encrypt=no; sign=no\n"))
    assert not letters.canaries(a.smtp.wire())


def test_clear_letters_are_not_touched(scripted):
    """But for Bcc and what is ours: octet by octet, 8BITMIME if need be."""
    a = scripted(account={"encrypt": "never"})
    for kind in ("text", "8bit", "flowed", "html", "nested", "bare"):
        raw = letters.KINDS[kind](extra="Bcc: hidden@example.org\n")
        assert a.send([BOB], raw, params=" BODY=8BITMIME").code == 250
        got = a.smtp.accepted[-1]
        assert got.data == raw.replace(b"Bcc: hidden@example.org\r\n", b"")
        if max(raw) > 127:
            assert "BODY=8BITMIME" in got.params.upper()


def test_whose_letter_it_may_be(scripted):
    """A From that is not the account's is refused; an alias is not."""
    a = scripted(account={"aliases": "a@example.org, *@alice.example"})
    for sender, code in ((BOB, 550), ("a@example.org", 250),
                         ("any@alice.example", 250), (ALICE, 250)):
        raw = letters.text(sender=sender)
        assert a.send([BOB], raw).code == code, sender
    two = letters.text().replace(b"From: ", b"From: x@example.org\r\nFrom: ", 1)
    assert a.send([BOB], two).code == 550
    none = re.sub(rb"From: [^\r]*\r\n", b"", letters.text(), count=1)
    assert a.send([BOB], none).code == 550
    assert not letters.canaries(a.smtp.wire())


@pytest.mark.parametrize("who, text", [
    ("expired", r"Letterlock did not send this: the key of "
     r"expired@example\.org ended on 1 August 2024 and no newer one was found"
     r"\. Ask .* to renew it and write to you once, then press Send again"),
    ("revoked", r"Letterlock did not send this: .*revoked@example\.org.*"),
    ("sally", r"Letterlock did not send this: .*sally@example\.org.*")],
    ids=["expired", "revoked", "signs only"])
def test_keys_that_do_not_serve(scripted, who, text):
    # nobody can sign a revoked key
    a = scripted(trusted=["bob"], public=[who])
    to = keys.ADDR[who]
    r = a.send([BOB, to], letters.text(to=(BOB, to)))
    assert r.code == 550 and re.fullmatch(text, words(r)), r
    assert a.smtp.accepted == [] and not letters.canaries(a.smtp.wire())


def test_two_keys_that_nobody_judged(scripted):
    """Several candidates: never a silent choice; the valid one is taken."""
    a = scripted(trusted=[], public=["bob", "bob-new"])
    r = a.send([BOB], letters.text())
    assert r.code == 550 and BOB in words(r)
    b = scripted(trusted=["bob-new"], public=["bob"])
    assert b.send([BOB], letters.text()).code == 250
    assert sealed_to(b.smtp.accepted[0]) == keys.ids("bob-new", "alice")


def test_an_address_is_compared_whole(scripted):
    """GnuPG would take n@example.org for a part of alan@example.org."""
    a = scripted(trusted=["bob"])
    assert a.send(["ob@example.org"], letters.text(
        to=("ob@example.org",))).code == 550
    assert a.send(["BOB@Example.ORG"], letters.text(
        to=("BOB@Example.ORG",))).code == 250
    assert sealed_to(a.smtp.accepted[0])


def test_the_users_gpg_conf_adds_no_reader(scripted):
    a = scripted(public=["mallory"],
                 conf="encrypt-to %s\nhidden-encrypt-to %s\n" % (
                     keys.FPR["mallory"], keys.FPR["mallory"]))
    r = a.send([BOB], letters.text())
    assert not letters.canaries(a.smtp.wire())
    for x in a.smtp.accepted:
        assert sealed_to(x) == keys.ids("bob", "alice")
    assert r.ok == bool(a.smtp.accepted)


@pytest.mark.parametrize("conf", ["cipher-algo 3DES", "digest-algo SHA1"])
def test_the_users_gpg_conf_weakens_nothing(scripted, conf):
    a = scripted(conf=conf + "\n")
    r = a.send([BOB], letters.text())
    assert (r.code, len(a.smtp.accepted)) in ((250, 1), (451, 0), (554, 0),
                                               (550, 0)), r
    # refused, or sealed all the same with what we want
    for x in a.smtp.accepted:
        got = keys.Decrypted(a.home, letters.cipher(x.data))
        assert got.cipher >= 7 and got.hash >= 8


def test_what_is_sealed_already_is_passed_on(scripted):
    a = scripted()
    box = keys.encrypt(a.home, letters.payload(), ["bob", "alice"], "alice")
    assert a.send([BOB], letters.sealed(box)).code == 250
    assert letters.cipher(a.smtp.accepted[0].data) == letters.crlf(box).strip()


def test_a_label_alone_is_not_believed(scripted):
    """Cleartext in the clothes of a sealed letter does not pass."""
    a = scripted()
    fake = letters.sealed(b"-----BEGIN PGP MESSAGE-----\n\nhello %s\n"
                          b"-----END PGP MESSAGE-----\n"
                          % letters.BODY.encode())
    r = a.send([BOB], fake)
    assert not letters.canaries(a.smtp.wire())
    assert r.ok == bool(a.smtp.accepted)
