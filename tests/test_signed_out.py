# SPDX-License-Identifier: GPL-3.0-or-later
"""Readable letters that are signed (encrypt = never, sign = always): for plain
gpg, octet by octet as they came to the provider."""
import os
import re
import signal

import pytest

from kit import client, keys, letters, provider, wait_for
from kit.agent import ROLES, Watch, sanitized
from kit.cli import Cli
from kit.client import words
from kit.fakegpg import FakeGpg
from kit.letters import field
from kit.provider import Gate
from people import ALICE, BOB, CAROL, EVE, USERS, lies

MICALG = {8: "pgp-sha256", 9: "pgp-sha384", 10: "pgp-sha512"}
CLEAR = {"encrypt": "never", "sign": "always"}


def check(home, raw, sent=None, signer="alice"):
    """A letter that plain gpg verifies and that says what was sent; what is
    signed."""
    text, sig, micalg = letters.signature(raw)
    v = keys.Verified(home, sig, text)
    assert v.ok, v.err
    assert v.signer == keys.FPR[signer] and v.kind == 0
    assert micalg == MICALG[v.hash]
    if sent is not None:
        letters.assert_same(text, sent)
        for name in ("From", "To", "Cc", "Subject", "Date", "Message-ID"):
            assert field(raw, name) == field(sent, name), name
    return text


@pytest.fixture(scope="module")
def kept(make_once):
    """One agent for the file; reader: Bob's keyring."""
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(make_once.home(["alice"], trusted=["bob"]),
                            {ALICE: dict(CLEAR, smtp=p.conf, pop3=q.conf)},
                            {"provider-timeout": "5", "client-timeout": "10"})
        a.smtp, a.inbox = p, q
        a.reader = make_once.home(["bob"], ["alice"])
        a.send = lambda to, raw, **kw: client.send(
            a.submission, ALICE, "x", to, raw, **kw)
        yield a


@pytest.fixture
def alice(kept):
    kept.smtp.hooks.clear()
    kept.smtp.sessions.clear()
    kept.smtp.accepted.clear()
    kept.smtp.body_at = 0
    return kept


def next_letter_works(a):
    n, raw = len(a.smtp.accepted), letters.html()
    assert a.send([BOB], raw).code == 250
    assert len(a.smtp.accepted) == n + 1
    check(a.reader, a.smtp.accepted[n].data, raw)


# ---- what it is

@pytest.mark.parametrize("kind", sorted(letters.KINDS))
def test_every_kind(alice, kind):
    raw = letters.KINDS[kind](cc=(EVE,))
    r = alice.send([BOB, EVE], raw, params=" BODY=8BITMIME")
    assert r.code == 250, r
    got, = alice.smtp.accepted
    assert got.to == [BOB, EVE]
    assert "BODY" not in got.params.upper()
    text = check(alice.reader, got.data, raw)
    root = letters.header(text)
    assert root.get_param("hp") == "clear"
    assert root.get_param("protected-headers") == "v1"


AWKWARD = {
    "From lines": "From me\n>From there\n From x\nFrom\n",
    "blanks": "trailing  \n \n\t\n  \ttab\t\n",
    "equals": "a=b =\n=20\n=\n",
    "dots": ".\n..\n.x\n" + "." * 2000 + "\n",
    "long": "x" * 998 + "\n" + "y" * 20000 + "\n",
    "8-bit": "Köln €\n" * 500 + "\u00a0\n",
    "empty": "",
    "one line": "no end",
    "empty lines": "\n\n\n",
    "boundary": "--x\n--x--\n-- \n",
}


@pytest.mark.parametrize("name", sorted(AWKWARD))
def test_awkward_text(alice, name):
    """To the octet, once decoded."""
    body = letters.crlf(AWKWARD[name])
    raw = letters.head() + letters.crlf(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8; "
        "format=flowed\nContent-Transfer-Encoding: 8bit\n\n") + body
    assert alice.send([BOB], raw).code == 250
    text = check(alice.reader, alice.smtp.accepted[0].data)
    root = letters.parse(text)
    assert root.get_param("format") == "flowed"
    # the CRLF that ends the letter is the line end before the delimiter
    got = root.get_payload(decode=True)
    assert got.rstrip(b"\r\n") == body.rstrip(b"\r\n")
    assert body.startswith(got) or got.startswith(body)


def test_headers_that_are_not_ascii(alice):
    raw = letters.text(subject="Grüße aus Köln")
    assert alice.send([BOB], raw).code == 250
    got = alice.smtp.accepted[0].data
    text = check(alice.reader, got)
    for x in (got, text):
        m = letters.email.header.make_header(
            letters.email.header.decode_header(field(x, "Subject")))
        assert str(m) == "Grüße aus Köln"


def test_bcc(alice):
    """One letter for all, and nothing of it inside or outside."""
    raw = letters.text(extra="Bcc: %s\nX-Letterlock: sign=yes\n" % CAROL)
    assert alice.send([BOB, CAROL], raw).code == 250
    got, = alice.smtp.accepted
    assert got.to == [BOB, CAROL]
    text = check(alice.reader, got.data)
    for x in (got.data, text):
        assert field(x, "Bcc") is None and b"carol" not in x
        assert field(x, "X-Letterlock") is None


def test_a_provider_without_8bitmime(alice):
    keywords = alice.smtp.keywords
    alice.smtp.keywords = ("SIZE 1000000000",)
    try:
        raw = letters.eight_bit()
        assert alice.send([BOB], raw, params=" BODY=8BITMIME").code == 250
        check(alice.reader, alice.smtp.accepted[0].data, raw)
    finally:
        alice.smtp.keywords = keywords


@pytest.mark.parametrize("kind", ["text", "8bit", "html"])
def test_on_real_servers(make_once, mail, reader, kind):
    a = make_once.agent(make_once.home(["alice"]),
                        {ALICE: dict(CLEAR, **mail.account("tls"))})
    raw = letters.KINDS[kind](to=(BOB,))
    r = client.send(a.submission, ALICE, USERS[ALICE], [BOB], raw)
    assert r.code == 250, r
    got, = lies(mail, BOB)
    check(reader("bob"), got, raw)


# ---- what is not signed

def attached(head, text):
    return (letters.head() + letters.crlf(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\n%s\n\n%s\n--b--\n" % (head, text)))


UNFIT = {
    "8-bit message": attached("Content-Type: message/rfc822", "Subject: x\n\n"
                              "Grüße " + letters.BODY),
    "8-bit partial": attached("Content-Type: message/partial; id=x; number=1",
                              "Subject: x\n\nGrüße " + letters.BODY),
    "claims base64": attached("Content-Type: text/plain\n"
                              "Content-Transfer-Encoding: base64", "Grüße"),
    "8-bit part header": attached("Content-Type: text/plain\n"
                                  "Content-Description: Grüße", "x"),
    "long line": attached("Content-Type: message/rfc822", "Subject: x\n\n" +
                          "y" * 2000),
    "never closed": letters.head() + letters.crlf(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
        "--b\n\n" + letters.BODY),
}


@pytest.mark.parametrize("what", sorted(UNFIT))
def test_what_cannot_be_signed(alice, what):
    """Never half of it, never without its signature."""
    raw = UNFIT[what]
    big = raw.replace(b"--b\r\n", b"--b\r\n\r\n" +
                      b"z" * 70 * 20000 + b"\r\n--b\r\n", 1)
    big = re.sub(rb"z{70}", lambda m: m.group(0) + b"\r\n", big)
    for x in (raw, big):
        r = alice.send([BOB], x)
        assert r.code == 554, r
        assert words(r).startswith("Letterlock did not send this: ")
    assert alice.smtp.accepted == []
    next_letter_works(alice)


@pytest.mark.parametrize("account, wish, signed", [
    (CLEAR, "sign=no", False),
    (CLEAR, "encrypt=no", True),
    ({"encrypt": "never"}, "sign=yes", True),
    ({"encrypt": "never"}, "encrypt=no", False),
    ({"encrypt": "never", "sign": "never"}, "encrypt=no", False),
    ({"encrypt": "never", "sign": "never"}, "sign=yes", True),
    ({}, "encrypt=no; sign=yes", True),
    ({"sign": "always"}, "encrypt=no", True),
    ({"sign": "always"}, "encrypt=no; sign=no", False),
    ({"encrypt": "when-possible", "sign": "always"}, "", True),
])
def test_who_is_signed(scripted, account, wish, signed):
    """Eve has no key: readable is all it can be."""
    a = scripted(account=account)
    mine = "X-Letterlock: %s\n" % wish if wish else ""
    raw = letters.html(to=(EVE,), extra=mine)
    assert a.send([EVE], raw).code == 250
    got = a.smtp.accepted[0].data
    if signed:
        check(a.home, got, raw)
    else:
        assert got == raw.replace(letters.crlf(mine), b"")


@pytest.mark.parametrize("account, wish, signed", [
    ({}, "sign=no", False), ({}, "", True), ({"sign": "never"}, "", False),
    ({"sign": "never"}, "sign=yes", True), ({"sign": "always"}, "", True)])
def test_sealed_ones_as_ever(scripted, make, account, wish, signed):
    a = scripted(account=account)
    raw = letters.text(extra="X-Letterlock: %s\n" % wish if wish else "")
    assert a.send([BOB], raw).code == 250
    got = keys.Decrypted(make.home(["bob"], ["alice"]),
                         letters.cipher(a.smtp.accepted[0].data))
    assert got.ok and got.signer == (keys.FPR["alice"] if signed else None)


def test_what_is_signed_already(alice):
    """As it is, not twice: by PGP, or by S/MIME."""
    part = letters.crlf("Content-Type: text/plain; charset=us-ascii\n\n"
                        "signed %s\n" % letters.BODY)
    _, sig, _ = keys.run(alice.home, "--armor", "--detach-sign", data=part)
    for protocol, sub in (("pgp-signature", sig), ("pkcs7-signature", b"x\n"),
                          ("x-pkcs7-signature", b"x\n")):
        raw = letters.head() + letters.crlf(
            'MIME-Version: 1.0\nContent-Type: multipart/signed; micalg='
            'pgp-sha256; protocol="application/%s"; boundary=b\n\n--b\n'
            % protocol) + part + letters.crlf(
            "\n--b\nContent-Type: application/%s\n\n" % protocol) + \
            letters.crlf(sub) + b"--b--\r\n"
        assert alice.send([BOB], raw).code == 250
        assert alice.smtp.accepted[-1].data == raw
    # the word alone is no signature
    raw = letters.head() + letters.crlf(
        "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=b\n\n"
        "--b\n\nx\n--b--\n")
    assert alice.send([BOB], raw).code == 250
    check(alice.reader, alice.smtp.accepted[-1].data)


# ---- GnuPG's configuration

def test_the_users_digest(scripted):
    a = scripted(account=CLEAR, conf="digest-algo SHA512\n")
    for raw in (letters.text(), letters.long_text(1000000)):
        assert a.send([BOB], raw).code == 250
        got = a.smtp.accepted[-1].data
        check(a.home, got, raw)
        assert letters.header(got).get_param("micalg") == "pgp-sha512"


@pytest.mark.parametrize("conf", [
    "digest-algo SHA1", "digest-algo RIPEMD160", "armor", "textmode",
    "local-user %s" % keys.FPR["carol"]],
    ids=["SHA1", "RIPEMD160", "armor", "textmode", "local-user"])
@pytest.mark.parametrize("size", [2000, 1000000])
def test_the_users_gpg_conf_weakens_nothing(scripted, conf, size):
    a = scripted(["alice", "carol"], account=CLEAR, conf=conf + "\n")
    keys.unlock(a.home, "carol")
    r = a.send([BOB], letters.long_text(size))
    assert r.code == 451 and words(r).startswith("Letterlock"), r
    assert a.smtp.accepted == []
    if conf.startswith("digest-algo"):      # known before the first octet
        assert not letters.canaries(a.smtp.wire())


# ---- streaming

def test_it_streams(alice):
    """The provider has begun to hear it before the client has said half."""
    wire = client.stuffed(letters.long_text(4000000))
    gate = Gate()
    alice.smtp.body_at = 200000
    alice.smtp.hooks["body"] = gate
    with client.Smtp(alice.submission, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(wire[:len(wire) // 2])
        gate.wait()
        assert letters.canaries(alice.smtp.wire())
        gate.open()
        c.send(wire[len(wire) // 2:])
        assert c.reply().code == 250
    check(alice.reader, alice.smtp.accepted[0].data)


def test_nothing_before_the_digest_is_known(alice):
    """A client that stops right behind the header."""
    wire = client.stuffed(letters.long_text(4000000))
    with client.Smtp(alice.submission, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(wire[:3000])
        wait_for(lambda: alice.smtp.heard("DATA"))
        assert not letters.canaries(alice.smtp.wire())
        c.send(wire[3000:])
        assert c.reply().code == 250
    check(alice.reader, alice.smtp.accepted[0].data)


@pytest.mark.parametrize("kind", ["base64", "text"])
def test_memory_is_flat(alice, kind):
    raw = (letters.attachment(25 << 20) if kind == "base64" else
           letters.long_text(25 << 20).replace(b"yyy\r\n", b"yy \r\n"))
    with Watch(alice) as watch:
        assert alice.send([BOB], raw).code == 250
    assert set(ROLES) <= set(watch.peak), watch.peak
    assert sanitized() or max(watch.peak.values()) < 32 << 10, watch.peak
    check(alice.reader, alice.smtp.accepted[0].data, raw)


# ---- locked keys

LOCKED = ("Letterlock did not send this: your key is locked. Unlock it with "
          "the Letterlock button or: letterlock unlock. Then press Send again")


@pytest.fixture
def carol(make):
    """carol(account): her agent; her key has a passphrase."""
    with provider.Provider("smtp", {CAROL: "x"}) as p:
        def start(account):
            home = make.home(["carol"])
            a = make.agent(home, {CAROL: dict(account, smtp=p.conf,
                                              pop3=p.conf)},
                           {"unlock-timeout": "5"})
            a.smtp = p
            a.send = lambda to, raw: client.send(a.submission, CAROL, "x", to,
                                                 raw, sender=CAROL)
            return a
        yield start


@pytest.mark.parametrize("account, wish", [
    (CLEAR, ""), ({"encrypt": "never"}, "X-Letterlock: sign=yes\n"),
    ({"encrypt": "never", "sign": "never"}, "X-Letterlock: sign=yes\n")],
    ids=["before 354", "by its header", "against the account"])
def test_a_locked_key(carol, account, wish):
    a = carol(account)
    raw = letters.text(sender=CAROL, extra=wish)
    keys.pinentry(a.home, "cancel")
    r = a.send([BOB], raw)
    assert (r.code, words(r)) == (451, LOCKED)
    assert keys.prompts(a.home) == 1
    assert a.smtp.heard("MAIL") == 0
    keys.pinentry(a.home, "answer", keys.PASSPHRASE["carol"])
    assert a.send([BOB], raw).code == 250
    assert keys.prompts(a.home) == 2
    check(a.home, a.smtp.accepted[0].data, signer="carol")


def test_before_354(carol):
    """The client hears of it before it sends the letter."""
    a = carol(CLEAR)
    with client.Smtp(a.submission, CAROL, "x") as c:
        assert c.envelope(CAROL, [BOB]).code == 451


def test_no_prompt_for_what_is_not_signed(carol):
    a = carol({"encrypt": "never"})
    assert a.send([BOB], letters.text(sender=CAROL)).code == 250
    assert keys.prompts(a.home) == 0


def test_no_key_at_all(scripted):
    a = scripted(["bob"], account=CLEAR)
    r = a.send([BOB], letters.text())
    assert r.code == 550 and "no usable key of your own" in words(r)
    assert a.smtp.heard("MAIL") == 0


# ---- what breaks

@pytest.mark.parametrize("role", ["crypt", "mime", "gpg", "upstream", "front"])
def test_killed_in_the_middle(alice, role):
    wire = client.stuffed(letters.long_text(3000000))
    r = None
    try:
        with client.Smtp(alice.submission, ALICE, "x") as c:
            assert c.envelope(ALICE, [BOB]).code == 354
            c.send(wire[:len(wire) // 2])
            wait_for(lambda: alice.role("gpg"))
            if role == "gpg":
                for p in alice.role("gpg"):
                    os.kill(p.pid, signal.SIGKILL)
            else:
                assert alice.kill_role(role)
            c.send(wire[len(wire) // 2:])
            r = c.reply()
    except client.Closed:
        assert role == "front"
    assert r is None or r.code == 451, r
    assert alice.smtp.accepted == []
    next_letter_works(alice)


@pytest.fixture(scope="module")
def fooled(make_once):
    """An agent whose gpg is a fake."""
    with provider.Provider("smtp", {ALICE: "x"}) as p:
        home = make_once.home(["alice"], ["mallory"], ["bob"])
        fake = FakeGpg(make_once.folder(), home)
        a = make_once.agent(home, {ALICE: dict(CLEAR, smtp=p.conf,
                                               pop3=p.conf)},
                            {"gpg-timeout": "2", "client-timeout": "10"},
                            mounts=fake.mounts)
        a.smtp, a.fake, a.reader = p, fake, make_once.home(["bob"], ["alice"])
        a.send = lambda to, raw: client.send(a.submission, ALICE, "x", to, raw)
        yield a


@pytest.mark.parametrize("size", [2000, 1000000])
@pytest.mark.parametrize("mode", [
    "die", "die-middle", "die-end", "hang", "hang-middle", "hang-end",
    "garbage", "garbage-status", "flood", "echo", "echo-lies", "weak", "lies"])
def test_signing_with_a_broken_gpg(fooled, mode, size):
    a, before = fooled, len(fooled.smtp.accepted)
    a.fake.mode(mode)
    try:
        r = a.send([BOB], letters.long_text(size))
        assert a.fake.used("sign")
    finally:
        a.fake.mode("normal")
    assert r.code == 451 and words(r).startswith("Letterlock"), r
    assert len(a.smtp.accepted) == before
    next_letter_works(a)


def test_the_client_goes_in_the_middle(alice):
    wire = client.stuffed(letters.long_text(1000000))
    for at in (10, 5000, 600000, len(wire) - 1):
        c = client.Smtp(alice.submission, ALICE, "x")
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(wire[:at])
        c.abort()
    next_letter_works(alice)
    assert len(alice.smtp.accepted) == 1


@pytest.mark.parametrize("stage", ["data", "body", "dot"])
def test_the_provider_goes(alice, stage):
    alice.smtp.body_at = 300000
    alice.smtp.hooks[stage] = provider.drop
    r = alice.send([BOB], letters.long_text(1000000))
    assert r.code == 451, r
    alice.smtp.hooks.clear()
    assert alice.smtp.accepted == []
    next_letter_works(alice)


# ---- by hand

@pytest.fixture
def cli(make):
    return Cli(make.folder(), make.home(["alice"], ["mallory"]))


@pytest.mark.parametrize("kind", sorted(letters.KINDS))
def test_seal_sign_only(cli, reader, kind):
    raw = letters.KINDS[kind](to=(EVE,))
    got = cli("seal", "--sign-only", data=raw)
    check(reader("bob"), got, raw)


def test_seal_sign_only_needs_nobody(cli, reader):
    raw = re.sub(rb"To: [^\r]*\r\n", b"", letters.text())
    check(reader("bob"), cli("seal", "-s", data=raw), raw)


@pytest.mark.parametrize("what", sorted(UNFIT))
def test_seal_sign_only_refused(cli, what):
    p = cli.run("seal", "--sign-only", data=UNFIT[what])
    assert p.returncode == 65 and b"did not send" in p.stderr


def test_seal_sign_only_or_not(cli):
    assert cli.run("seal", "-s", "-n", data=letters.text()).returncode == 64
