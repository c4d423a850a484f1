# SPDX-License-Identifier: GPL-3.0-or-later
"""Signed letters, and letters that are sealed in other ways than the usual one:
what is claimed of them, and that nothing else of them is changed. Each goes through
"letterlock open" and through the agent."""
import re
import resource
import threading

import pytest

from kit import cli, client, keys, letters, provider, wait_for
from kit.agent import sanitized
from kit.fakegpg import FakeGpg
from kit.letters import crlf, field
from people import ALICE, BOB, FRANK
from test_letters_in import relaxed

MALLORY = "mallory@example.net"


class Box:
    """Alice's agent and her command line on one keyring, and who writes to her:
    homes of plain gpg by name."""

    def __init__(self, make, inbox):
        home = make.home(["alice"], public=["frank"], trusted=["bob", "mallory"])
        self.home, self.inbox = home, inbox
        self.agent = make.agent(home, {ALICE: {"pop3": inbox.conf}})
        self.open = cli.Cli(make.folder(), home)
        self.homes = {n: make.home([n], [x for x in ("alice", "bob") if x != n])
                      for n in ("bob", "frank", "mallory", "eve")}

    def sign(self, part, who="bob", more=()):
        return keys.sign(self.homes.get(who, self.homes["bob"]), part, who, more)

    def signed(self, part, who="bob", sender=BOB, more=(), **kw):
        return letters.signed(part, self.sign(part, who, more), sender=sender,
                              to=(ALICE,), **kw)

    def sealed(self, payload, who=None, **kw):
        return letters.sealed(
            keys.encrypt(self.homes["bob"], payload, ["alice"], who),
            sender=BOB, to=(ALICE,), **kw)

    def fetch(self, *raws):
        self.inbox.mailbox[:] = [("u%d" % i, r) for i, r in enumerate(raws)]
        return client.fetch(self.agent.pop3, ALICE, "x")

    def __call__(self, raw):
        """The letter as it comes out, the same of both."""
        p = self.open.run("open", data=raw)
        assert p.returncode in (0, 65), p.stderr
        got, = self.fetch(raw)
        one, two = (re.sub(rb"; (t|kid|mac)=[^;\r]*", b"", x, count=3)
                    for x in (p.stdout, got))
        # the state folders, and so the keys of the MAC, are not the same
        assert one == two
        v = letters.verdict(got)
        if "bh" in v:
            assert v["bh"] == relaxed(letters.body(got))
        else:
            assert v["signature"] == "none" and v["encryption"] != "ok"
        return got


@pytest.fixture(scope="module")
def box(make_once):
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        yield Box(make_once, q)


def says(got, signature, encryption="none", **more):
    v = letters.verdict(got)
    assert (v["encryption"], v["signature"]) == (encryption, signature), v
    if signature in ("good", "untrusted"):
        assert v["signer"]
    elif signature in ("none", "bad", "unknown-key"):
        assert not {"signer", "fpr", "trust"} & set(v), v
    for k, x in more.items():
        assert v.get(k) == x, v
    return v


def unchanged(got, raw):
    return letters.without_verdict(got) == raw


PART = crlf("Content-Type: text/plain; charset=us-ascii\n\nHello Alice,\n%s\n"
            "-- \nBob\n" % letters.BODY)


# ---- signed and not sealed

@pytest.mark.parametrize("who, sender, signature", [
    ("bob", BOB, "good"), ("bob", "BOB@Example.ORG", "good"),
    ("bob", MALLORY, "mismatch"), ("mallory", BOB, "mismatch"),
    ("frank", FRANK, "untrusted"), ("frank", BOB, "mismatch"),
    ("eve", "eve@example.net", "unknown-key")])
def test_words(box, who, sender, signature):
    raw = box.signed(PART, who, sender)
    got = box(raw)
    assert unchanged(got, raw)
    v = says(got, signature)
    if signature == "good":
        assert v["signer"] == sender and v["fpr"] == keys.FPR["bob"]
        assert v["trust"] == "verified"
    else:
        assert "trust" not in v


def swapped(raw, old, new):
    assert raw.count(old) == 1
    return raw.replace(old, new)


@pytest.mark.parametrize("old, new, signature", [
    (b"Hello Alice", b"Hello alice", "bad"),
    (b"us-ascii", b"utf-8", "bad"),             # a header of the part
    (b"-- \r\nBob", b"--\r\nBob", "bad"),
    (b"\r\nBob\r\n\r\n--signed", b"\r\nBob\r\n--signed", "bad"),
    (b"\r\n\r\nHello", b"\r\n\r\n\r\nHello", "bad"),
    (b"\r\n\r\n--signed\r\n", b"\r\n\r\npreamble\r\n--signed\r\n", "good"),
    (b"pgp-sha512", b"pgp-md5", "good"),        # gpg knows what it was
    (b"\r\n--signed--\r\n", b"\r\n--signed--\r\nepilogue\r\n", "good"),
    (b"Subject: Dear", b"Subject: dear", "good")],
    ids=["body", "part header", "blank", "line end", "empty line", "preamble",
         "micalg", "epilogue", "subject"])
def test_changed_on_the_way(box, old, new, signature):
    raw = box.signed(PART)
    if old.startswith(b"\r\n\r\n--signed"):
        at = raw.index(old)
        raw = raw[:at] + new + raw[at + len(old):]
    else:
        raw = swapped(raw, old, new)
    got = box(raw)
    assert unchanged(got, raw)
    says(got, signature)


@pytest.mark.parametrize("line", [
    "From: %s\nFrom: %s" % (BOB, BOB), "From: %s\nFrom : %s" % (BOB, MALLORY),
    "From: %s, %s" % (BOB, MALLORY), "From: friends: %s;" % BOB,
    "From: %s\nSender: %s\nReply-To: %s" % (MALLORY, BOB, BOB),
    'From: "%s" <%s>' % (BOB, MALLORY), "From: %s (%s)" % (MALLORY, BOB),
    "From: <%s> <%s>" % (BOB, MALLORY), "From:", "X-From: " + BOB,
    "X: y\rFrom: %s\nFrom: %s" % (MALLORY, BOB)])
def test_who_it_is_from_must_be_clear(box, line):
    raw = swapped(box.signed(PART), b"From: Alice Example <%s>\r\n" %
                  BOB.encode(), line.encode().replace(b"\n", b"\r\n") + b"\r\n")
    got = box(raw)
    assert unchanged(got, raw)
    says(got, "mismatch")


def test_a_user_id_with_two_addresses_is_nobodys(box, make_once):
    home = make_once.home(["mallory"])
    run = ["--pinentry-mode", "loopback", "--passphrase", ""]
    keys.run(home, *run, "--quick-gen-key",
             "Two <%s> <%s>" % (MALLORY, BOB), "ed25519", "sign", "0")
    listed = keys.run(home, "--with-colons", "-k", "Two")[1].decode()
    fpr = re.search(r"fpr:+([0-9A-F]{40}):", listed).group(1)
    keys.run(box.home, "--import", data=keys.run(home, "--export", fpr)[1])
    keys.run(box.home, *run, "--quick-lsign-key", fpr)
    for sender in (MALLORY, BOB):
        raw = letters.signed(PART, keys.sign(home, PART, fpr), sender=sender)
        says(box(raw), "mismatch", fpr=fpr)


def test_octets_pass_as_they_are(box):
    """8 bit, NUL, lines without end, no line end before the boundary."""
    for part in (b"\r\n\xff\xfe \x00 " + b"z" * 5000 + b"\r\n.\r\n..\r\n",
                 b"Content-Type: text/plain\r\n\r\n",
                 b"Content-Type: text/plain\r\n\r\nno line end",
                 crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\n"
                      "%s\n--b--\n" % letters.BODY)):
        raw = box.signed(part)
        got = box(raw)
        assert unchanged(got, raw)
        says(got, "good")


def test_bare_line_feeds(box):
    """A file with LF alone: signed with CRLF (RFC 3156 section 5)."""
    raw = box.signed(PART).replace(b"\r\n", b"\n")
    p = box.open.run("open", data=raw)
    says(crlf(p.stdout), "good")
    assert p.stdout.split(b"\r\n", 1)[1] == raw


@pytest.mark.parametrize("how", [
    "three parts", "one part", "two signatures", "wrong order", "not closed",
    "no boundary", "other type", "not armored", "text around armor", "two types",
    "encoded", "a bare CR"])
def test_not_of_the_one_right_form(box, how):
    """Nothing is claimed, nothing is changed."""
    sig = crlf(box.sign(PART))
    raw = letters.signed(PART, sig, sender=BOB, to=(ALICE,))
    part = b"--signed\r\nContent-Type: text/html\r\n\r\nevil\r\n"
    end = b"--signed--\r\n"
    raw = {
        "three parts": lambda: raw.replace(end, part + end),
        "one part": lambda: raw[:raw.rindex(b"--signed\r\n")] + end,
        "two signatures": lambda: raw.replace(end, raw[raw.rindex(
            b"--signed\r\n"):]),
        "wrong order": lambda: swapped(raw, b"--signed\r\n" + PART,
                                       raw[raw.rindex(b"--signed\r\n"):-len(end)]
                                       + b"--signed\r\n" + PART),
        "not closed": lambda: raw.replace(end, b""),
        "no boundary": lambda: raw.replace(b'boundary="signed"', b"x=y"),
        "other type": lambda: raw.replace(b"Type: application/pgp-signature",
                                          b"Type: application/pgp-keys"),
        "not armored": lambda: raw.replace(sig, b"good\r\n"),
        "text around armor": lambda: raw.replace(sig, b"Hi\r\n" + sig),
        "two types": lambda: raw.replace(
            b"MIME-Version", b"Content-Type: text/html\r\nMIME-Version"),
        "encoded": lambda: raw.replace(
            b"MIME-Version", b"Content-Transfer-Encoding: base64\r\n"
            b"MIME-Version"),
        # a boundary to those who see a line's end there
        "a bare CR": lambda: raw.replace(
            b"\r\n\r\n--signed\r\n", b"\r\n\r\nx\r--signed\r\n\r\nevil\r\n"
            b"--signed\r\n", 1),
    }[how]()
    got = box(raw)
    assert unchanged(got, raw)
    says(got, "none")


FORWARDED = "Content-Type: message/rfc822\n\n"
MIXED = "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=mix\n\n"


@pytest.mark.parametrize("how", ["list footer", "attachment", "forwarded",
                                 "forwarded alone", "clear-signed text"])
def test_a_signature_that_is_not_over_all(box, how):
    raw = box.signed(PART)
    entity = raw[raw.index(b"MIME-Version"):]
    note = "--mix\nContent-Type: text/plain\n\nA word from %s\n" % how
    top = letters.head(sender=BOB, to=(ALICE,))
    if how == "list footer":
        out = crlf(MIXED + "--mix\n") + entity + crlf("\n" + note + "--mix--\n")
    elif how == "forwarded alone":
        out = crlf("MIME-Version: 1.0\n" + FORWARDED) + raw
    elif how == "clear-signed text":
        out = crlf("\n" + keys.run(box.homes["bob"], "--clearsign", data=b"Hi\n")
                   [1].decode())
        assert b"BEGIN PGP SIGNED MESSAGE" in out
    else:
        out = crlf(MIXED + note + "--mix\n") + (
            entity if how == "attachment" else crlf(FORWARDED) + raw) + crlf(
            "\n--mix--\n")
    got = box(top + out)
    assert unchanged(got, top + out)
    says(got, "none")


def test_a_signature_around_a_sealed_letter_opens_nothing(box):
    """R2: the top is signed, and below the top nothing is opened."""
    inner = box.sealed(letters.payload())
    part = inner[inner.index(b"Content-Type"):]
    raw = box.signed(part)
    got = box(raw)
    assert unchanged(got, raw)
    says(got, "good")
    raw = swapped(raw, b"\r\nVersion: 1", b"\r\nVersion:  1")
    says(box(raw), "bad")


def hp(fields, params='hp="clear"; protected-headers="v1"'):
    return crlf('Content-Type: text/plain; %s\n%s\nHello, %s\n' % (
        params, fields, letters.BODY))


@pytest.mark.parametrize("params", ['hp="clear"', 'protected-headers="v1"'])
def test_protected_fields_of_a_good_signature(box, params):
    part = hp("From: %s\nTo: %s\nSubject: the real one\nDate: %s\n" % (
        BOB, ALICE, letters.DATE), params)
    raw = box.signed(part, subject="[list] changed", extra="List-Id: <l.x>\n")
    got = box(raw)
    says(got, "good")
    assert field(got, "Subject") == "the real one"
    assert field(got, "List-Id") == "<l.x>"
    assert field(got, "Content-Type") == field(raw, "Content-Type")
    assert letters.body(got) == letters.body(raw)
    for bad in (swapped(raw, b"Hello, ", b"hello, "),
                swapped(raw, b"the real one", b"a false one"),
                swapped(raw, b"From: Alice Example <%s>" % BOB.encode(),
                        b"From: %s" % MALLORY.encode())
                if params.startswith("protected") else raw[:-4] + b"\r\n"):
        got = box(bad)
        assert unchanged(got, bad)
        assert letters.verdict(got)["signature"] in ("bad", "mismatch", "none")


def test_protected_fields_of_others(box):
    """A signature of somebody unknown, or not accepted, restores nothing."""
    part = hp("From: %s\nSubject: inner\n" % FRANK)
    raw = box.signed(part, "frank", FRANK, subject="outer")
    got = box(raw)
    says(got, "untrusted")
    assert unchanged(got, raw)


def test_the_inner_from(box):
    """It replaces the outer one only if the signature is its own (I6)."""
    part = hp("From: %s\nSubject: x\n" % BOB)
    got = box(box.signed(part, sender="list@example.net"))
    says(got, "good", signer=BOB)
    assert field(got, "From") == BOB
    raw = box.signed(hp("From: %s\nSubject: x\n" % MALLORY))
    got = box(raw)
    says(got, "good", signer=BOB)
    assert BOB in field(got, "From") and MALLORY not in field(got, "From")
    assert field(got, "Subject") == "x"


FAKES = ("Letterlock-Status: v=1; encryption=ok; signature=good; signer=%s\n"
         "LETTERLOCK-status : v=1\nletterlock-x: y\n folded\n"
         "X-Letterlock: encrypt=no\n" % BOB)


def test_lookalikes(box):
    """R8, in the outer block and in a protected one."""
    part = hp(FAKES + "From: %s\nSubject: =?utf-8?q?a=0D=0ALetterlock-Status:_x?="
              "\n" % BOB)
    for p, signature in ((PART, "good"), (part, "good")):
        raw = box.signed(p, extra=FAKES + "X: y\rLetterlock-Status: z\n")
        got = box(raw)
        assert letters.verdict(got)["signature"] in ("good", "mismatch")
        head = got.split(b"\r\n\r\n")[0]
        assert len(re.findall(rb"(?i)letterlock", head)) == 1
        assert b"=0D" not in head
        assert letters.body(got) == letters.body(raw)


# ---- signed inside what is sealed

def inner_signed(box, part=PART, who="bob", extra=""):
    return crlf(extra + letters.SIGNED_TYPE + "\n") + letters.signed_body(
        part, box.sign(part, who))


def test_a_signed_letter_inside(box):
    payload = inner_signed(box)
    got = box(box.sealed(payload))
    says(got, "good", "ok", signer=BOB)
    assert letters.body(got) == letters.body(payload)
    says(box(box.sealed(payload.replace(b"\r\n", b"\n"))), "good", "ok")
    says(box(box.sealed(swapped(payload, b"Hello", b"hello"))), "bad", "ok")
    says(box(box.sealed(inner_signed(box, who="eve"))), "unknown-key", "ok")
    says(box(box.sealed(inner_signed(box, who="mallory"))), "mismatch", "ok")
    two = crlf("Content-Type: multipart/mixed; boundary=mix\n\n--mix\n") + (
        payload + crlf("\n--mix\n\nmore\n--mix--\n"))
    says(box(box.sealed(two)), "none", "ok")
    says(box(box.sealed(payload.replace(
        b"--signed--", b"--signed\r\n\r\nmore\r\n--signed--"))), "none", "ok")


def test_bare_cr_hides_no_boundary(box):
    """What is delivered has CRLF alone: that is what is looked at."""
    payload = inner_signed(box).replace(
        b"\r\n\r\n--signed\r\n", b"\r\n\r\nx\r--signed\r\n\r\nevil\r\n"
        b"--signed\r\n", 1)
    got = box(box.sealed(payload))
    says(got, "none", "ok")


def test_a_combined_signature_rules_alone(box):
    """R5: the inner one says nothing then."""
    payload = inner_signed(box, hp("Subject: of the part\n"), "mallory")
    got = box(box.sealed(payload, "bob"))
    says(got, "good", "ok", signer=BOB)
    assert field(got, "Subject") == "[...]"
    payload = inner_signed(box)
    armor = keys.encrypt(box.homes["mallory"], payload, ["alice"], "mallory")
    raw = letters.sealed(armor, sender=BOB, to=(ALICE,))
    says(box(raw), "mismatch", "ok", fpr=keys.FPR["mallory"])


def test_protected_fields_inside(box):
    """Of what is inside of all layers alone."""
    root = "Subject: of the root\nFrom: %s\n" % BOB
    both = inner_signed(box, hp("From: %s\nSubject: of the part\n" % BOB), extra=(
        root)).replace(b"multipart/signed;", b'multipart/signed; hp="cipher";')
    got = box(box.sealed(both))
    says(got, "good", "ok")
    assert field(got, "Subject") == "of the part"
    assert field(got, "Content-Type").startswith("multipart/signed")
    only = inner_signed(box, extra=root).replace(
        b"multipart/signed;", b'multipart/signed; hp="cipher";')
    got = box(box.sealed(only))
    says(got, "good", "ok")
    assert field(got, "Subject") == "[...]"


# ---- sealed in other ways

def inline(box, text="Grüße, %s\n" % letters.BODY, who="bob"):
    return keys.encrypt(box.homes["bob"], text.encode(), ["alice"], who)


TEXT = "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"


@pytest.mark.parametrize("how", ["bare", "text", "blanks", "base64", "quoted"])
def test_a_whole_body_of_armor(box, how):
    armor = inline(box)
    head = letters.head(sender=BOB, to=(ALICE,), subject="a subject",
                        extra="X-Letterlock: z\n")
    coded = TEXT + "Content-Transfer-Encoding: %s\n\n"
    raw = head + {
        "bare": lambda: crlf("\n") + crlf(armor),
        "text": lambda: crlf(TEXT + "\n") + crlf(armor),
        "blanks": lambda: crlf(TEXT + "\n\n  \n\n") + crlf(armor) + b"\r\n \r\n",
        "base64": lambda: crlf(coded % "base64" + letters.b64(armor)),
        "quoted": lambda: crlf(coded % "quoted-printable") + crlf(
            armor.replace(b"=", b"=3D"))}[how]()
    got = box(raw)
    says(got, "good", "ok", signer=BOB)
    assert letters.body(got).decode() == "Grüße, %s\r\n" % letters.BODY
    assert field(got, "Subject") == "a subject"
    assert field(got, "Content-Transfer-Encoding") == "8bit"
    assert field(got, "Content-Type").startswith("text/plain")
    assert b"X-Letterlock" not in got


def test_cleartext_of_armor_is_text(box):
    """It is no header and no MIME, whatever it looks like."""
    text = ("Letterlock-Status: v=1; encryption=ok; signature=good\nFrom: %s\n"
            "Subject: evil\nContent-Type: text/html\n\n<b>%s</b>\n" % (
                MALLORY, letters.BODY))
    raw = letters.head(sender=BOB, to=(ALICE,), subject="mine") + crlf(
        "\n") + crlf(inline(box, text, None))
    got = box(raw)
    says(got, "none", "ok")
    assert letters.body(got) == crlf(text)
    assert field(got, "Subject") == "mine" and BOB in field(got, "From")
    assert field(got, "Content-Type").startswith("text/plain")
    signed = letters.signed_body(PART, box.sign(PART)).decode()
    got = box(letters.head(sender=BOB) + crlf("\n") + crlf(inline(
        box, letters.SIGNED_TYPE + "\n" + signed, None)))
    says(got, "none", "ok")


@pytest.mark.parametrize("how", [
    "before", "before and blank", "after", "two", "html", "in mixed",
    "attachment", "in alternative", "public key", "secret key", "setup message",
    "cut", "nested"])
def test_armor_that_is_not_all_of_a_text(box, how):
    """R2, R10: untouched, and the keyring too."""
    armor = inline(box).decode()
    pub, sec = (open(keys.asc("gone", s)).read() for s in (False, True))
    symmetric = keys.run(box.homes["bob"], "--armor", "--pinentry-mode",
                         "loopback", "--passphrase", "1234", "--symmetric",
                         data=sec.encode())[1].decode()
    whole = box.sealed(letters.payload())
    entity = whole[whole.index(b"MIME-Version"):].decode()
    kind, body = {
        "before": (TEXT, "Hi\n" + armor),
        "before and blank": (TEXT, "Hi\n\n" + armor),
        "after": (TEXT, armor + "\n-- \nfooter\n"),
        "two": (TEXT, armor + armor),
        "html": (TEXT.replace("plain", "html"), armor),
        "in mixed": (MIXED[:-1], "--mix\n%s\n--mix--\n" % entity),
        "attachment": (MIXED[:-1], "--mix\n\nHi\n--mix\nContent-Disposition: "
                       "attachment\n\n%s\n--mix--\n" % armor),
        "in alternative": (MIXED[:-1].replace("mixed", "alternative"),
                           "--mix\n\n%s\n--mix--\n" % armor),
        "public key": (TEXT, pub), "secret key": (TEXT, sec),
        "setup message": (MIXED[:-1] + "Autocrypt-Setup-Message: v1\n",
                          "--mix\n\nHi\n--mix\nContent-Type: "
                          "application/autocrypt-setup\n\n%s\n--mix--\n"
                          % symmetric),
        "cut": (TEXT, armor[:armor.rindex("-----END")]),
        "nested": (MIXED[:-1], "--mix\nContent-Type: message/rfc822\n\n%s\n"
                   "--mix--\n" % whole.decode()),
    }[how]
    raw = letters.head(sender=BOB, to=(ALICE,)) + crlf(kind + "\n" + body)
    before = keyring(box)
    got = box(raw)
    assert unchanged(got, raw)
    if how in ("after", "two", "cut"):
        says(got, "none", "failed", reason="malformed")
    else:
        says(got, "none")
    assert keyring(box) == before


def keyring(box):
    return (keys.run(box.home, "--with-colons", "-k")[1],
            keys.run(box.home, "--with-colons", "-K")[1])


def mangled(box, first="", **kw):
    """What Exchange makes of a sealed letter."""
    raw = box.sealed(letters.payload(), "bob", **kw)
    return swapped(swapped(
        raw, b'multipart/encrypted; protocol="application/pgp-encrypted"',
        b"multipart/mixed"), b"--sealed\r\nContent-Type: application/pgp-enc",
        crlf("--sealed\nContent-Type: text/plain\n\n%s\n--sealed\n"
             "Content-Type: application/pgp-enc" % first))


def test_what_exchange_makes_of_it(box):
    got = box(mangled(box))
    says(got, "good", "ok", signer=BOB)
    assert letters.body(got).rstrip() == b"Sealed " + letters.BODY.encode()
    assert field(got, "Subject") == "Dear Bob: " + letters.SUBJECT
    got = box(mangled(box, first=" \n\n"))
    says(got, "good", "ok")
    raw = mangled(box, first="Please answer")
    got = box(raw)
    assert unchanged(got, raw)
    says(got, "none")


def test_armor_after_a_long_blank(box):
    """The body is looked at no further than it must be, and never lost."""
    head = letters.head(sender=BOB, to=(ALICE,)) + crlf(TEXT + "\n")
    for n, encryption in ((30_000, "ok"), (70_000, "none")):
        raw = head + b"\r\n" * (n // 2) + crlf(inline(box))
        got = box(raw)
        assert letters.verdict(got)["encryption"] == encryption
        if encryption == "none":
            assert unchanged(got, raw)
    raw = head + b"\r\n" * 20_000
    assert unchanged(box(raw), raw)


# ---- the agent

def test_look_ahead_and_top(box):
    """In a row, and by TOP, the same comes as by RETR."""
    raws = [box.signed(PART, subject="one"), box.signed(PART, "eve"),
            box.signed(hp("From: %s\nSubject: inner\n" % BOB), subject="outer"),
            box.sealed(inner_signed(box)),
            letters.head(sender=BOB) + crlf("\n") + crlf(inline(box)),
            mangled(box), letters.text(), box.signed(PART, subject="last")]
    box.inbox.mailbox[:] = [("u%d" % i, r) for i, r in enumerate(raws)]
    with client.Pop3(box.agent.pop3, ALICE, "x") as c:
        c.ask("LIST")
        got = [c.retr(i + 1) for i in range(len(raws))]
        tops = []
        for i in range(len(raws)):
            r, top = c.ask("TOP %d 1" % (i + 1))
            assert r.startswith("+OK")
            tops.append(top)
    assert [letters.verdict(g)["signature"] for g in got] == [
        "good", "unknown-key", "good", "good", "good", "good", "none", "good"]
    for g, t in zip(got, tops):
        assert letters.verdict(g)["signature"] == letters.verdict(t)["signature"]
        head, body = letters.without_verdict(g).split(b"\r\n\r\n", 1)
        assert letters.without_verdict(t) == (
            head + b"\r\n\r\n" + body.split(b"\r\n")[0] + b"\r\n")


def test_top_of_a_large_one_claims_nothing(box):
    part = PART + b"and so on\r\n" * 40_000
    box.inbox.mailbox[:] = [("u1", box.signed(part))]
    with client.Pop3(box.agent.pop3, ALICE, "x") as c:
        tops = [c.ask("TOP 1 %d" % n)[1] for n in (3, 100_000)]
        says(c.retr(1), "good")
    for top in tops:
        says(top, "none")


def test_a_huge_one(box):
    """25 MB: it waits on disk, not in memory."""
    part = letters.attachment(25 << 20)
    part = part[part.index(b"Content-Type"):]
    raw = box.signed(part)
    box.inbox.mailbox[:] = [("u1", raw)]
    with client.Pop3(box.agent.pop3, ALICE, "x") as c:
        got = c.retr(1)
        for p in box.agent.own():
            with open("/proc/%d/status" % p.pid) as f:
                peak = int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
            assert p.name not in ("mime", "crypt", "front", "upstream") or (
                sanitized() or peak < 16_000), (p, peak)
    says(got, "good")
    assert unchanged(got, raw)


# ---- what fails

@pytest.fixture(scope="module")
def fooled(make_once):
    """An agent whose gpg is a fake and whose files can't grow over 512 KB."""
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        home = make_once.home(["alice"], trusted=["bob"])
        fake = FakeGpg(make_once.folder(), home)
        a = make_once.agent(home, {ALICE: {"pop3": q.conf}},
                            {"gpg-timeout": "2"}, mounts=fake.mounts,
                            limits={resource.RLIMIT_FSIZE: 512 << 10})
        a.inbox, a.fake = q, fake
        a.raw = letters.signed(PART, keys.sign(make_once.home(["bob"]), PART,
                                               "bob"), sender=BOB,
                               # nothing of it may go out in vain
                               extra=("X: %s\n" % ("y" * 90)) * 1000)
        yield a


def test_all_is_well_again(fooled):
    fooled.fake.mode("normal")
    fooled.inbox.mailbox[:] = [("u1", fooled.raw)]
    with client.Pop3(fooled.pop3, ALICE, "x") as c:
        says(c.retr(1), "good")


@pytest.mark.parametrize("mode", ["die", "hang", "hang-end", "garbage",
                                  "garbage-status", "flood"])
def test_a_broken_gpg(fooled, mode):
    """No claim, or the letter stays where it is; the next one comes."""
    a = fooled
    a.inbox.mailbox[:] = [("u1", a.raw), ("u2", letters.bare())]
    a.fake.mode(mode)
    with client.Pop3(a.pop3, ALICE, "x") as c:
        s, got = c.ask("RETR 1")
        assert a.fake.used("verify")
        if got is None:
            assert s.startswith("-ERR [SYS/TEMP]"), s
        else:
            assert letters.verdict(got)["signature"] in ("none", "bad")
            assert unchanged(got, a.raw)
    with client.Pop3(a.pop3, ALICE, "x") as c:
        assert unchanged(c.retr(2), a.inbox.mailbox[1][1])
    test_all_is_well_again(a)


@pytest.mark.parametrize("role", ["crypt", "mime"])
def test_killed_while_verifying(fooled, role):
    a = fooled
    a.inbox.mailbox[:] = [("u1", a.raw)]
    a.fake.mode("hang")
    with client.Pop3(a.pop3, ALICE, "x") as c:
        said = []
        t = threading.Thread(target=lambda: said.append(c.ask("RETR 1")[0]))
        t.start()
        wait_for(lambda: a.fake.used("verify"))
        a.kill_role(role)
        t.join(10)
        assert said and said[0].startswith("-ERR [SYS/TEMP]"), said
    test_all_is_well_again(a)


def test_no_room_for_it(fooled):
    """A signed letter that can't be kept stays where it is."""
    a = fooled
    a.fake.mode("normal")
    a.inbox.mailbox[:] = [("u1", a.raw + b"epilogue\r\n" * 100_000),
                          ("u2", a.raw)]
    with client.Pop3(a.pop3, ALICE, "x") as c:
        assert c.cmd("RETR 1").startswith("-ERR [SYS/TEMP]")
    with client.Pop3(a.pop3, ALICE, "x") as c:
        says(c.retr(2), "good")
    assert len(a.inbox.mailbox) == 2
