# SPDX-License-Identifier: GPL-3.0-or-later
"""What we seal is opened by plain gpg and by Sequoia's sq, what they seal by
us, with the right verdict (Thunderbird: test_interop_thunderbird.py)."""
import base64
import re

import pytest

from kit import keys, letters, others, sq
from people import ALICE, BOB, DAN, EVE, FRANK

KINDS = ["text", "8bit", "flowed", "html", "nested"]


def gpg_decrypt(home, armor):
    got = keys.Decrypted(home, armor)
    assert got.ok, got.err
    return got.data, got.signer


def sq_decrypt(name, armor, signer="alice"):
    rc, data, words = sq.decrypt(armor, name, signer)
    assert rc == 0, words
    assert "Encrypted using AES-256" in words, words
    assert "1 good signature." in words, words
    assert "Good signature from " + keys.FPR["alice"][-16:] in words, words
    return data


# ---- what we seal

@pytest.mark.parametrize("kind", KINDS)
def test_what_we_seal_is_opened(ours, reader, kind):
    sent = letters.KINDS[kind](to=(BOB,))
    armor = letters.cipher(ours.seal(sent, BOB))
    data, signer = gpg_decrypt(reader("bob"), armor)
    assert signer == keys.FPR["alice"]
    assert sq_decrypt("bob", armor) == data
    letters.assert_same(data, sent)


def test_copies_for_bcc_are_opened(ours, reader):
    """Each is for its reader alone; Dan's key is RSA."""
    sent = letters.html(to=(FRANK,))
    got = ours.send(sent, [FRANK, BOB, DAN])
    assert sorted(got) == sorted([FRANK, BOB, DAN])
    for who, raw in got.items():
        name = who.split("@")[0]
        armor = letters.cipher(raw)
        assert keys.sealed_to(armor) == keys.ids(name, "alice")
        data, signer = gpg_decrypt(reader(name), armor)
        assert signer == keys.FPR["alice"]
        assert sq_decrypt(name, armor) == data
        letters.assert_same(data, sent)
    rc, data, words = sq.decrypt(letters.cipher(got[BOB]), "dan", "alice")
    assert rc and not data and "No key to decrypt message" in words


def test_sealed_without_a_signature(ours, reader):
    sent = letters.text(to=(BOB,))
    armor = letters.cipher(ours.seal(sent, BOB, "--no-sign"))
    data, signer = gpg_decrypt(reader("bob"), armor)
    assert signer is None
    letters.assert_same(data, sent)
    rc, out, words = sq.decrypt(armor, "bob")
    assert rc == 0 and out == data and "ignature" not in words
    rc, out, words = sq.decrypt(armor, "bob", "alice")
    assert rc and not out and "Verification failed" in words


@pytest.mark.parametrize("args, word", [((), "BADSIG"),
                                        (("--no-sign",), "BADMDC")],
                         ids=["signed", "unsigned"])
def test_what_we_seal_and_is_changed_is_refused(ours, reader, args, word):
    raw = ours.seal(letters.long_text(3000, to=(BOB,)), BOB, *args)
    armor = letters.cipher(others.flip(raw, 0))     # alone that does no harm
    assert keys.Decrypted(reader("bob"), armor).ok
    assert sq.decrypt(armor, "bob")[0] == 0
    armor = letters.cipher(others.flip(raw))
    got = keys.Decrypted(reader("bob"), armor)
    assert got.rc and not got.ok and word in got.status, got.err
    rc, data, words = sq.decrypt(armor, "bob")
    assert rc and not data
    assert "Message has been manipulated" in words, words


# ---- what they seal

def gpg_seal(home, data, sign):
    return keys.encrypt(home, data, ["alice"], sign)


def sq_seal(home, data, sign):
    return sq.encrypt(data, ["alice"], sign)


SEAL = {"gpg": gpg_seal, "sq": sq_seal}


def is_good(verdict, name="bob", encryption="ok"):
    assert verdict == {"v": "1", "encryption": encryption,
                       "signature": "good", "signer": keys.ADDR[name],
                       "fpr": keys.FPR[name], "trust": "verified"}


def is_unsigned(verdict):
    assert verdict == {"v": "1", "encryption": "ok", "signature": "none"}


@pytest.mark.parametrize("sign", ["bob", None], ids=["signed", "unsigned"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", SEAL)
def test_what_they_seal_we_open(ours, reader, tool, kind, sign):
    sent = others.letter(kind, BOB, (ALICE,))
    box = SEAL[tool](reader("bob"), others.entity(sent), sign)
    v, got = ours.open(others.sealed(sent, box))
    (is_good if sign else is_unsigned)(v)
    letters.assert_same(got, sent)
    assert letters.field(got, "From") == "Bob Example <%s>" % BOB


def test_a_hidden_recipient(ours, reader):
    sent = others.letter("8bit", BOB, (ALICE,))
    box = keys.encrypt(reader("bob"), others.entity(sent), ["alice"], "bob",
                       ["--throw-keyids"])
    assert keys.sealed_to(box) == ["0" * 16]
    v, got = ours.open(others.sealed(sent, box))
    is_good(v)
    letters.assert_same(got, sent)


def test_an_rsa_key_signs(ours):
    sent = others.letter("8bit", DAN, (ALICE,))
    v, got = ours.open(others.sealed(sent, sq.encrypt(
        others.entity(sent), ["alice"], "dan")))
    is_good(v, "dan")
    letters.assert_same(got, sent)


def test_without_protected_headers(ours, reader):
    """Older senders protect the body alone: the outer Subject stays."""
    sent = others.letter("8bit", BOB, (ALICE,))
    box = gpg_seal(reader("bob"), others.entity(sent, ""), "bob")
    v, got = ours.open(others.sealed(sent, box))
    is_good(v)
    assert letters.field(got, "Subject") == "..."
    assert letters.body(got) == letters.body(sent)


@pytest.mark.parametrize("tool", SEAL)
def test_what_they_seal_and_is_changed_we_refuse(ours, reader, tool):
    sent = others.letter("text", BOB, (ALICE,))
    raw = others.sealed(sent, SEAL[tool](
        reader("bob"), others.entity(sent), "bob"))
    is_good(ours.open(others.flip(raw, 0))[0])
    bad = others.flip(raw)
    v, got = ours.open(bad)
    # what both compress may be past expanding before it is past checking
    assert v.pop("reason") in ("integrity", "malformed")
    assert v == {"v": "1", "encryption": "failed", "signature": "none"}
    assert letters.body(got) == letters.body(bad)


def test_armor_without_a_checksum(ours, reader):
    """RFC 9580 section 6.1: it may be absent.  gpg 2.2 takes the line behind
    for base64 where nothing pads the last octets; we do not."""
    seen = set()
    for n in range(60):
        sent = others.letter("8bit", BOB, (ALICE,)) + b"x" * n + b"\r\n"
        box = keys.encrypt(reader("bob"), others.entity(sent), ["alice"],
                           "bob", ["--compress-algo", "none"])
        raw = others.rearmored(others.sealed(sent, box), crc=False)
        octets = len(others.dearmored(raw)[2]) % 3
        if octets not in seen:
            seen.add(octets)
            is_good(ours.open(raw)[0])
            armor = raw[raw.index(b"-----BEGIN"):]
            assert keys.Decrypted(ours.home, armor).ok == (octets != 0)
        if len(seen) == 3:
            return
    assert 0, "no armor of each length"


# ---- what is signed only

def verified(home, raw):
    """What is signed, which gpg and sq verify as Alice's."""
    text, sig, micalg = letters.signature(raw)
    got = keys.Verified(home, sig, text)
    assert got.ok and got.signer == keys.FPR["alice"], got.err
    rc, words = sq.verify(text, sig, "alice")
    assert rc == 0 and "1 good signature." in words, words
    assert "Good signature from " + keys.FPR["alice"][-16:] in words, words
    dump = packets(sig)
    assert "Hash algo: " + micalg[4:].upper() in dump, dump
    return text


@pytest.mark.parametrize("kind", KINDS)
def test_what_we_sign_is_verified(ours, reader, kind):
    sent = letters.KINDS[kind](to=(BOB,))
    text = verified(reader("bob"), ours.seal(sent, BOB, "--sign-only"))
    letters.assert_same(text, sent)


def test_what_the_agent_signs_is_verified(ours, reader):
    sent = letters.html(to=(EVE,))
    letters.assert_same(verified(reader("bob"), ours.send(sent, [EVE])[EVE]),
                        sent)


def test_what_we_sign_and_is_changed_is_refused(ours, reader):
    raw = ours.seal(letters.text(to=(BOB,)), BOB, "--sign-only")
    text, sig, _ = letters.signature(raw.replace(b"zebra", b"Zebra"))
    assert "BADSIG" in keys.Verified(reader("bob"), sig, text).err
    rc, words = sq.verify(text, sig, "alice")
    assert rc and "Message has been manipulated" in words


SIGN = {"gpg": lambda home, data: others.gpg_sign(home, data, "bob"),
        "gpg --textmode": lambda home, data: others.gpg_sign(
            home, data, "bob", "--textmode"),
        "sq": lambda home, data: sq.sign(data, "bob")}
CLEAR = '; protected-headers="v1"; hp="clear"'


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tool", SIGN)
def test_what_they_sign_we_verify(ours, reader, tool, kind):
    sent = others.letter(kind, BOB, (ALICE,))
    payload = others.entity(sent, CLEAR)
    raw = others.signed(sent, payload, SIGN[tool](reader("bob"), payload))
    v, got = ours.open(raw)
    is_good(v, encryption="none")
    assert letters.field(got, "Subject") == letters.field(sent, "Subject")
    assert payload in got       # as it was signed, octet by octet


@pytest.mark.parametrize("tool", SIGN)
def test_what_they_sign_and_is_changed_we_refuse(ours, reader, tool):
    sent = others.letter("text", BOB, (ALICE,))
    payload = others.entity(sent, CLEAR)
    raw = others.signed(sent, payload.replace(b"zebra", b"Zebra"),
                        SIGN[tool](reader("bob"), payload))
    v, got = ours.open(raw)
    assert v == {"v": "1", "encryption": "none", "signature": "bad"}
    assert letters.body(got) == letters.body(raw)


@pytest.mark.parametrize("tool", SEAL)
def test_signed_first_then_sealed(ours, reader, tool):
    """RFC 3156 section 6.1"""
    sent = others.letter("html", BOB, (ALICE,))
    payload = others.entity(sent)
    inner = others.signed_entity(payload, SIGN[tool](reader("bob"), payload))
    v, got = ours.open(others.sealed(sent, SEAL[tool](reader("bob"), inner,
                                                      None)))
    is_good(v)
    assert letters.field(got, "Subject") == letters.field(sent, "Subject")
    assert payload in got


# ---- keys as sq makes them

@pytest.fixture(scope="module")
def quentin(make_once, ours):
    """(address, fingerprint, secret key, public key) of one who has a key of
    sq's, which signs by a subkey; Alice has accepted it."""
    address = "quentin@example.org"
    fpr, sec, pub = sq.make(make_once.folder(), "Quentin <%s>" % address)
    keys.run(ours.home, "--import", pub)
    keys.run(ours.home, "--pinentry-mode", "loopback", "--passphrase", "",
             "--local-user", keys.FPR["alice"], "--quick-lsign-key", fpr)
    return address, fpr, sec, pub


def test_a_key_of_sqs(ours, quentin):
    address, fpr, sec, _ = quentin
    sent = letters.html(to=(address,))
    data = sq_decrypt(sec, letters.cipher(ours.seal(sent, address)))
    letters.assert_same(data, sent)
    sent = others.letter("html", address, (ALICE,))
    v, got = ours.open(others.sealed(sent, sq.encrypt(
        others.entity(sent), ["alice"], sec)))
    assert (v["encryption"], v["signature"]) == ("ok", "good")
    # the primary key's, though a subkey signed
    assert (v["signer"], v["fpr"]) == (address, fpr)
    letters.assert_same(got, sent)
    payload = others.entity(sent, CLEAR)
    v, _ = ours.open(others.signed(sent, payload, sq.sign(payload, sec)))
    assert (v["encryption"], v["signature"]) == ("none", "good")
    assert (v["signer"], v["fpr"]) == (address, fpr)


# ---- what tools of this age cannot do, in their own words

def packets(armor):
    """What sq sees in an OpenPGP message."""
    return sq.must("packet", "dump", data=armor).decode()


def test_nobody_here_makes_aead(ours, reader):
    """RFC 4880's encryption with MDC is what all three make; when one of them
    begins to do otherwise, the other two are to be asked again."""
    for armor in (letters.cipher(ours.seal(letters.text(), BOB)),
                  gpg_seal(reader("bob"), b"x", "bob"),
                  sq_seal(None, b"x", "bob")):
        dump = packets(armor)
        assert re.findall(r"(?m)^(\S.*) Packet, .*\n +Version: (\d)", dump)[
            -1] == ("Sym. Encrypted and Integrity Protected Data", "1"), dump
        assert "AEAD" not in dump


def armored(data):
    return (b"-----BEGIN PGP MESSAGE-----\n\n" + base64.encodebytes(data) +
            b"-----END PGP MESSAGE-----\n")


def v6_message():
    """The outside of a message of RFC 9580: a session key of version 6 for
    an X25519 key of version 6, and SEIPD version 2 (AES-256, OCB)."""
    noise = letters.noise(300)
    pkesk = (b"\x06\x21\x06" + noise[:32] + b"\x19" + noise[32:64] +
             b"\x28" + noise[64:104])
    seipd = b"\x02\x09\x02\x06" + noise[104:292]
    return armored(b"".join(
        bytes([0xc0 | tag]) + (bytes([len(x)]) if len(x) < 192 else bytes(
            [192 + (len(x) - 192 >> 8), len(x) - 192 & 255])) + x
        for tag, x in ((1, pkesk), (18, seipd))))


def test_a_message_of_rfc_9580(ours, reader):
    """Too new for gpg 2.2 and sq 0.27, hence for us: handed on as it came."""
    box = v6_message()
    got = keys.Decrypted(reader("bob"), box)
    assert not got.ok and "packet(1) with unknown version 6" in got.err
    rc, data, words = sq.decrypt(box, "bob")
    assert rc and not data
    assert "Invalid OpenPGP message: SEIP packet (at [1]) not expected" in words
    raw = others.sealed(others.letter("text", BOB, (ALICE,)), box)
    v, came = ours.open(raw)
    assert v == {"v": "1", "encryption": "failed", "signature": "none",
                 "reason": "unsupported"}
    assert letters.body(came) == letters.body(raw)


def test_sq_and_a_passphrase(ours):
    """It would ask for Carol's on a terminal, if there were one."""
    p = sq.run("decrypt", "--recipient-key", sq.key("carol"),
               data=sq.encrypt(b"x", ["carol"]))
    assert p[:2] == (1, b"") and "No such device or address" in p[2]
