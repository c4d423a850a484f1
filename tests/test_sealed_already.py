# SPDX-License-Identifier: GPL-3.0-or-later
"""Letters that the mail program has sealed or signed itself (RULES.md O24):
passed on if they are what they say and for those they go to, or not at all."""
import base64
import os
import re
import subprocess

import pytest

from kit import client, keys, letters, provider
from kit.client import words
from kit.letters import field
from kit.provider import Gate
from people import ALICE, BOB, CAROL, DAN, EVE

AGAIN = r"\. Switch its own encryption off, then press Send again"


@pytest.fixture(scope="module")
def kept(make_once):
    """One agent for the file; writer: a keyring of the mail program's own."""
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(
            make_once.home(["alice"], trusted=["bob", "dan"]),
            {ALICE: {"smtp": p.conf, "pop3": q.conf}},
            {"client-timeout": "10", "provider-timeout": "5"})
        a.smtp = p
        a.writer = make_once.home(["alice"], ["bob", "dan", "mallory", "eve"])
        a.reader = make_once.home(["bob"], ["alice"])
        a.send = lambda to, raw, **kw: client.send(
            a.submission, ALICE, "x", to, raw, **kw)
        yield a


@pytest.fixture
def alice(kept):
    kept.smtp.hooks.clear()
    kept.smtp.sessions.clear()
    kept.smtp.accepted.clear()
    return kept


def box(a, to, text=None, more=()):
    return keys.encrypt(a.writer, text or letters.payload(), to, "alice",
                        ["--compress-algo", "none"] + list(more))


def refused(a, to, raw, code, pattern):
    """In these words, and nothing of it went up."""
    r = a.send(to, raw)
    assert r.code == code, r
    assert re.fullmatch("Letterlock did not send this: " + pattern, words(r)), r
    assert a.smtp.accepted == []
    heard = a.smtp.wire()
    assert b"From:" not in heard and b"-----BEGIN" not in heard
    assert not letters.canaries(heard)


# ---- PGP/MIME

@pytest.mark.parametrize("to", [["bob", "alice"], ["bob"]])
@pytest.mark.parametrize("size", [0, 1000000])
def test_passed_on(alice, to, size):
    text = letters.payload(letters.BODY + "\n" + ("q" * 70 + "\n") *
                           (size // 71))
    openpgp = box(alice, to, text)
    raw = letters.sealed(openpgp, extra=(
        "Bcc: hidden@example.org\nX-Letterlock: sign=yes\n"
        "Letterlock-Status: v=1; encryption=ok\nX-Own: kept\n"))
    r = alice.send([BOB], raw)
    assert r.code == 250, r
    got, = alice.smtp.accepted
    assert got.to == [BOB]
    assert letters.cipher(got.data) == letters.crlf(openpgp).strip()
    for name in ("From", "To", "Subject", "Date", "Message-ID", "User-Agent",
                 "X-Own"):
        assert field(got.data, name) == field(raw, name), name
    for name in ("Bcc", "X-Letterlock", "Letterlock-Status"):
        assert field(got.data, name) is None
    opened = keys.Decrypted(alice.reader, letters.cipher(got.data))
    assert opened.ok and opened.data == text


def test_its_wrapper_is_not_passed_on(alice):
    """Preamble, epilogue, odd fields: none of the client's but the armor."""
    openpgp = letters.crlf(box(alice, ["bob"])).replace(
        b"\r\n\r\n", b"\r\nComment: leak-1\r\n\r\n", 1)
    raw = letters.sealed(openpgp).replace(
        b"--sealed\r\n", b"leak-2\r\n--sealed\r\nContent-Description: leak-3"
        b"\r\n", 1) + b"leak-4\r\n"
    raw = raw.replace(b"boundary=sealed", b"boundary=sealed; x=leak-5")
    assert alice.send([BOB], raw).code == 250
    got = alice.smtp.accepted[0].data
    assert b"leak" not in got
    assert keys.Decrypted(alice.reader, letters.cipher(got)).ok


def test_it_streams(alice):
    text = letters.payload(("q" * 70 + "\n") * 40000)
    wire = client.stuffed(letters.sealed(box(alice, ["bob", "alice"], text)))
    gate = Gate()
    alice.smtp.body_at = 200000
    alice.smtp.hooks["body"] = gate
    with client.Smtp(alice.submission, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(wire[:len(wire) // 2])
        gate.wait()
        gate.open()
        c.send(wire[len(wire) // 2:])
        assert c.reply().code == 250
    assert len(alice.smtp.accepted) == 1


def test_two_people(alice):
    raw = letters.sealed(box(alice, ["bob", "dan", "alice"]), to=(BOB, DAN))
    assert alice.send([BOB, DAN], raw).code == 250
    assert alice.smtp.accepted[0].to == [BOB, DAN]


OTHER = r"your mail program sealed it, but for other keys too than those of " \
    r"the people it goes to" + AGAIN


@pytest.mark.parametrize("keys_of, more, pattern", [
    (["alice"], [], r"your mail program sealed it, but not for the key of "
     r"bob@example\.org" + AGAIN),
    (["mallory", "alice"], [], r"your mail program sealed it, but not for the "
     r"key of bob@example\.org" + AGAIN),
    (["bob", "mallory"], [], OTHER),
    (["bob", "alice"], ["--hidden-recipient", keys.FPR["mallory"]], OTHER),
    (["bob", "alice"], ["--throw-keyids"], r"your mail program sealed it, but "
     r"not for the key of bob@example\.org" + AGAIN),
    (["bob", "alice"], ["--rfc2440", "--disable-mdc"], r"your mail program "
     r"sealed it in an old way that can be changed on the way" + AGAIN),
], ids=["not Bob", "another", "one more", "one hidden", "all hidden",
        "no integrity"])
@pytest.mark.parametrize("size", [0, 1000000])
def test_for_other_keys(alice, keys_of, more, pattern, size):
    text = letters.payload(("q" * 70 + "\n") * (size // 71)) if size else None
    raw = letters.sealed(box(alice, keys_of, text, more))
    refused(alice, [BOB], raw, 550, pattern)


def test_with_a_password_too(alice):
    _, openpgp, _ = keys.run(
        alice.writer, "--armor", "--trust-model", "always", "--recipient",
        keys.FPR["bob"], "--symmetric", "--encrypt", "--pinentry-mode",
        "loopback", "--passphrase", "y", data=letters.payload())
    refused(alice, [BOB], letters.sealed(openpgp), 550, OTHER)


def test_for_one_of_two(alice):
    raw = letters.sealed(box(alice, ["bob", "alice"]), to=(BOB, DAN))
    refused(alice, [BOB, DAN], raw, 550, r"your mail program sealed it, but "
            r"not for the key of dan@example\.com" + AGAIN)


@pytest.mark.parametrize("size", [0, 1000000])
def test_bcc(alice, size):
    """It would show them to everybody."""
    text = letters.payload(("q" * 70 + "\n") * (size // 71 + 1))
    raw = letters.sealed(box(alice, ["bob", "dan", "alice"], text))
    refused(alice, [BOB, DAN], raw, 550, r"your mail program sealed it, which "
            r"shows everybody who is in Bcc" + AGAIN)


def packets(data):
    """Binary packets, those with lengths that fit one octet first."""
    out = []
    while data and data[0] in (0x84, 0xc1) and data[1] < 192:
        n = 2 + data[1]
        out.append(data[:n])
        data = data[n:]
    return out + [data]


def test_made_by_hand(alice):
    """A reader twice, and one by a packet that nobody knows."""
    _, raw, _ = keys.run(alice.writer, "--dearmor",
                         data=box(alice, ["bob", "alice"]))
    bob, own, rest = packets(raw)
    assert alice.send([BOB], letters.sealed(armor(bob + own + rest))).code == 250
    alice.smtp.accepted.clear()
    alice.smtp.sessions.clear()
    refused(alice, [BOB], letters.sealed(armor(bob + bob + rest)), 550,
            r"your mail program sealed it, but not for the key of "
            r"bob@example\.org" + AGAIN)
    v6 = bob[:2] + b"\6" + bob[3:]
    refused(alice, [BOB], letters.sealed(armor(bob + v6 + rest)), 550, OTHER)


def armor(data):
    """PGP MESSAGE armor of anything, as gpg writes it."""
    crc = 0xb704ce
    for c in data:
        crc ^= c << 16
        for _ in range(8):
            crc = crc << 1 ^ (0x1864cfb if crc & 0x800000 else 0)
    return (b"-----BEGIN PGP MESSAGE-----\n\n" + base64.encodebytes(data) +
            b"=" + base64.b64encode(crc.to_bytes(3, "big")) +
            b"\n-----END PGP MESSAGE-----\n")


def fakes(a):
    good = box(a, ["bob", "alice"])
    secret = letters.BODY.encode() + b"\n"
    _, signed, _ = keys.run(a.writer, "--armor", "--sign", "--local-user",
                            keys.FPR["alice"], data=secret)
    _, stored, _ = keys.run(a.writer, "--armor", "--store", data=secret)
    tail = b"--sealed--\r\n"
    yield "no armor", letters.sealed(secret)
    yield "text in armor", letters.sealed(
        b"-----BEGIN PGP MESSAGE-----\n\nhello %s\n-----END PGP MESSAGE-----\n"
        % secret)
    yield "armor of text", letters.sealed(armor(secret))
    yield "text before it", letters.sealed(secret + good)
    yield "text behind it", letters.sealed(good + secret)
    yield "signed only", letters.sealed(signed)
    yield "stored only", letters.sealed(stored)
    yield "cut short", letters.sealed(good[:len(good) // 2])
    yield "never closed", letters.sealed(good).replace(tail, b"")
    yield "a third part", letters.sealed(good).replace(
        tail, b"--sealed\r\n\r\n" + secret + tail)
    yield "a first part", letters.sealed(good).replace(
        b"--sealed\r\n", b"--sealed\r\n\r\n" + secret + b"--sealed\r\n", 1)
    yield "another version", letters.sealed(good).replace(
        b"Version: 1\r\n", b"Version: 1\r\n" + secret)
    yield "empty", letters.sealed(b"")
    yield "no body", letters.sealed(good).split(b"\r\n\r\n")[0] + b"\r\n\r\n"


FAKES = ["no armor", "text in armor", "armor of text", "text before it",
         "text behind it", "signed only", "stored only", "cut short",
         "never closed", "a third part", "a first part", "another version",
         "empty", "no body"]


@pytest.mark.parametrize("what", FAKES)
def test_a_fake(alice, what):
    """Cleartext in the clothes of a sealed letter: nothing is accepted, and
    none of the text goes up."""
    raw = dict(fakes(alice))[what]
    r = alice.send([BOB], raw)
    assert r.code in (550, 554), r
    assert re.fullmatch(r"Letterlock did not send this: it says that it is "
                        r"sealed( \(PGP/MIME\))?, and is not(%s)?" % AGAIN,
                        words(r)), r
    assert alice.smtp.accepted == []
    assert not letters.canaries(alice.smtp.wire())
    raw = letters.text()
    assert alice.send([BOB], raw).code == 250
    assert letters.cipher(alice.smtp.accepted[0].data)


def test_every_fake_is_tried(alice):
    assert [n for n, _ in fakes(alice)] == FAKES


def test_a_large_fake(alice):
    """Right at first, and cleartext in the end: never accepted, and what is no
    armor never goes up."""
    text = letters.payload(("q" * 70 + "\n") * 20000)
    good = box(alice, ["bob", "alice"], text)
    cut = good.index(b"\n", len(good) * 2 // 3)
    raw = letters.sealed(good[:cut] + b"\n" + letters.BODY.encode() + good[cut:])
    r = alice.send([BOB], raw)
    assert r.code == 554, r
    assert alice.smtp.accepted == []
    assert not letters.canaries(alice.smtp.wire())


@pytest.mark.parametrize("role", ["crypt", "mime", "upstream"])
def test_killed_in_the_middle(alice, role):
    text = letters.payload(("q" * 70 + "\n") * 40000)
    wire = client.stuffed(letters.sealed(box(alice, ["bob", "alice"], text)))
    with client.Smtp(alice.submission, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(wire[:len(wire) // 2])
        assert alice.kill_role(role)
        c.send(wire[len(wire) // 2:])
        assert c.reply().code == 451
    assert alice.smtp.accepted == []
    assert alice.send([BOB], letters.text()).code == 250


# ---- what policy says to it

def test_a_refusal_stands(scripted, make):
    """A mail program may seal to a key that the user's policy does not take."""
    writer = make.home(["alice"], ["bob", "eve"])
    for account, public, name in (({"encrypt": "always"}, ["bob"], "bob"),
                                  ({}, [], "eve")):
        a = scripted(account=account, public=public, trusted=[])
        to = keys.ADDR[name]
        raw = letters.sealed(keys.encrypt(writer, letters.payload(), [name],
                                          "alice"), to=(to,))
        r = a.send([to], raw)
        assert r.code == 550 and r.text.startswith("5.7.5 "), r
        assert a.smtp.heard("MAIL") == 0


@pytest.mark.parametrize("account, to", [
    ({"encrypt": "never"}, BOB), ({"encrypt": "when-possible"}, EVE),
    ({"encrypt": "never", "sign": "always"}, BOB)])
def test_clear_is_octet_by_octet(scripted, make, account, to):
    """Whatever it is, with or without a Bcc."""
    writer = make.home(["alice"], ["bob", "mallory"])
    a = scripted(account=account)
    for openpgp in (keys.encrypt(writer, letters.payload(), ["mallory"]),
                    b"no armor\n"):
        raw = letters.sealed(openpgp, to=(to,))
        assert a.send([to, DAN], raw).code == 250
        got = a.smtp.accepted[-1]
        assert got.data == raw and got.to == [to, DAN]


def test_once_passed_never_clear(scripted, make):
    a = scripted(trusted=["bob"])
    writer = make.home(["alice"], ["bob"])
    raw = letters.sealed(keys.encrypt(writer, letters.payload(), ["bob"]))
    assert a.send([BOB], raw).code == 250
    keys.run(a.home, "--delete-keys", keys.FPR["bob"])
    r = a.send([BOB], letters.text(extra="X-Letterlock: encrypt=no\n"))
    assert r.code == 550, r


def test_its_own_key_is_not_needed(scripted, make):
    """A key of ours that has no secret part here: passing needs none."""
    a = scripted(["bob"], trusted=[], public=["dan"])
    writer = make.home(["alice"], ["dan"])
    good = letters.sealed(keys.encrypt(writer, letters.payload(), ["dan"]),
                          to=(DAN,))
    r = a.send([DAN], good)
    assert r.code == 250, r
    more = letters.sealed(keys.encrypt(writer, letters.payload(),
                                       ["dan", "alice"]), to=(DAN,))
    assert a.send([DAN], more).code == 550


# ---- what is sealed all the same

def opened(a, n=0):
    got = keys.Decrypted(a.reader, letters.cipher(a.smtp.accepted[n].data))
    assert got.ok and got.signer == keys.FPR["alice"]
    return got.data


def test_signed_input_is_sealed_unchanged(alice):
    """The signature inside is still one, by plain gpg."""
    part = letters.crlf("Content-Type: text/plain; charset=utf-8\n"
                        "Content-Transfer-Encoding: 8bit\n\n"
                        "Grüße  \nFrom me\n.\n%s" % letters.BODY)
    _, sig, _ = keys.run(alice.writer, "--armor", "--detach-sign", "--local-user",
                         keys.FPR["alice"], data=part)
    raw = letters.head() + letters.crlf(
        'MIME-Version: 1.0\nContent-Type: multipart/signed; micalg=pgp-sha256;'
        ' protocol="application/pgp-signature"; boundary=b\n\n--b\n') + part + \
        letters.crlf("\n--b\nContent-Type: application/pgp-signature\n\n") + \
        letters.crlf(sig) + b"--b--\r\n"
    assert alice.send([BOB], raw).code == 250
    inner = opened(alice)
    assert letters.body(inner) == letters.body(raw)
    assert letters.header(inner).get_param("micalg") == "pgp-sha256"
    text = inner.split(b"--b\r\n", 1)[1].split(b"\r\n--b\r\n", 1)[0]
    v = keys.Verified(alice.reader, sig, text)
    assert v.ok and v.signer == keys.FPR["alice"], v.err


def test_inline_armor_is_text(alice):
    raw = letters.head() + b"\r\n" + letters.crlf(box(alice, ["bob"]))
    assert alice.send([BOB], raw).code == 250
    assert letters.body(opened(alice)) == letters.body(raw)


# ---- S/MIME

@pytest.fixture(scope="module")
def smime(make_once):
    """smime(form, data): CMS by openssl, DER."""
    d = make_once.folder()
    cert, key = (os.path.join(d, n) for n in ("c.pem", "k.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                    "-subj", "/CN=bob", "-out", cert, "-keyout", key],
                   check=True, capture_output=True)

    def make(form, data):
        args = {"enveloped": ["-encrypt", "-aes-256-cbc"],
                "streamed": ["-encrypt", "-aes-256-cbc", "-stream"],
                "authenveloped": ["-encrypt", "-aes-256-gcm"],
                "signed": ["-sign", "-nodetach", "-signer", cert, "-inkey",
                           key]}[form]
        return subprocess.run(
            ["openssl", "cms", "-outform", "DER", "-binary"] + args +
            ([cert] if "-encrypt" in args else []), input=data, check=True,
            capture_output=True).stdout
    return make


def pkcs7(der, to=(BOB,), extra="", encoding="base64",
          kind="application/pkcs7-mime; smime-type=enveloped-data"):
    text = base64.encodebytes(der) if encoding == "base64" else der
    return letters.head(to=to, extra=extra) + letters.crlf(
        'MIME-Version: 1.0\nContent-Type: %s; name="smime.p7m"\n'
        "Content-Transfer-Encoding: %s\n\n" % (kind, encoding)) + \
        letters.crlf(text)


SECRET = letters.BODY.encode() * 10


@pytest.mark.parametrize("size", [1, 20000])
@pytest.mark.parametrize("form", ["enveloped", "streamed", "authenveloped"])
def test_smime_is_passed_on(alice, smime, form, size):
    """Octet by octet, whatever key is known, but for what is ours."""
    for to in (BOB, EVE):
        mine = "Bcc: x@example.org\nX-Letterlock: sign=yes\n"
        raw = pkcs7(smime(form, SECRET * size), (to,), mine)
        r = alice.send([to], raw)
        assert r.code == 250, r
        assert alice.smtp.accepted[-1].data == raw.replace(
            letters.crlf(mine), b"")
    assert not letters.canaries(alice.smtp.wire().replace(
        letters.SUBJECT.encode(), b""))


@pytest.mark.parametrize("account", [
    {"encrypt": "always"}, {"encrypt": "never", "sign": "always"},
    {"encrypt": "when-possible"}])
def test_smime_under_any_policy(scripted, smime, account):
    a = scripted(account=account)
    raw = pkcs7(smime("enveloped", SECRET))
    assert a.send([BOB], raw).code == 250
    assert a.smtp.accepted[0].data == raw


def test_smime_and_bcc(alice, smime):
    refused(alice, [BOB, DAN], pkcs7(smime("enveloped", SECRET)), 550,
            r"your mail program sealed it, which shows everybody who is in Bcc"
            + AGAIN)


def smime_fakes(smime):
    der = smime("enveloped", SECRET)
    yield "text", pkcs7(SECRET + b"\n", encoding="7bit")
    yield "text in base64", pkcs7(SECRET)
    yield "signed", pkcs7(smime("signed", SECRET))
    yield "binary", pkcs7(der, encoding="binary")
    yield "another type", pkcs7(der, kind="application/octet-stream")
    yield "text before it", pkcs7(der).replace(
        b"\r\n\r\n", b"\r\n\r\n" + SECRET + b"\r\n", 1)
    yield "empty", pkcs7(b"")
    yield "two encodings", pkcs7(der).replace(
        b"Content-Transfer", b"Content-Transfer-Encoding: 7bit\r\n"
        b"Content-Transfer", 1)


SMIME_FAKES = ["text", "text in base64", "signed", "binary", "another type",
               "text before it", "empty", "two encodings"]


@pytest.mark.parametrize("what", SMIME_FAKES)
def test_smime_fakes_are_sealed(alice, smime, what):
    """As any other letter: to Bob sealed, to Eve not at all."""
    raw = dict(smime_fakes(smime))[what]
    r = alice.send([EVE], raw)
    assert r.code == 550, r
    assert alice.smtp.heard("MAIL") == 0
    r = alice.send([BOB], raw)
    assert r.code == 250, r
    inner = opened(alice)
    if what != "binary":    # in which CR and LF mean nothing, and become CRLF
        assert letters.body(inner) == letters.body(raw)
    assert not letters.canaries(alice.smtp.wire())


def test_every_smime_fake_is_tried(smime):
    assert [n for n, _ in smime_fakes(smime)] == SMIME_FAKES


@pytest.mark.parametrize("tail", [b"Dear Bob, " + letters.BODY.encode(),
                                  b"A", b"=", b"--x--"])
def test_smime_that_is_none_in_the_end(alice, smime, tail):
    """A short one is seen through at once, and sealed."""
    end = b"\r\n" + tail + b"\r\n"
    # without its last group, which may be padded
    raw = pkcs7(smime("enveloped", SECRET))[:-6] + end
    assert alice.send([BOB], raw).code == 250
    assert letters.body(opened(alice)) == letters.body(raw)
    alice.smtp.accepted.clear()
    raw = pkcs7(smime("enveloped", SECRET * 20000))[:-6] + end
    raw = raw.replace(letters.SUBJECT.encode(), b"x")
    r = alice.send([BOB], raw)
    assert r.code == 554, r
    assert words(r) == ("Letterlock did not send this: it says that it is "
                        "sealed by S/MIME, and is not")
    assert alice.smtp.accepted == []
    assert not letters.canaries(alice.smtp.wire())


def test_smime_with_a_slow_client(alice, smime):
    """The body does not come with the header block."""
    wire = client.stuffed(pkcs7(smime("enveloped", SECRET * 1000)))
    cut = wire.index(b"\r\n\r\n") + 4
    with client.Smtp(alice.submission, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        for i, j in ((0, cut - 2), (cut - 2, cut), (cut, cut + 3),
                     (cut + 3, cut + 90), (cut + 90, len(wire))):
            c.send(wire[i:j])
            c.sock.settimeout(0.1)
            try:
                c.more()
            except OSError:
                pass
            c.sock.settimeout(60)
        assert c.reply().code == 250
    assert client.stuffed(alice.smtp.accepted[0].data) == wire
