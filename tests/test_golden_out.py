# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of letters on their way out, octet by octet: tests/golden/out/
has a letter NAME.eml as the client sends it, and for each way that an account
can send (sealed, signed only, readable) a file of what the provider got, or of
the reply. @WORDS@ stand for what is new each time: Date and Message-ID where
they are ours, the boundary of what we wrap, the armor, keys. Our own key, which
goes along with each letter, is looked at and left out.

UPDATE_GOLDEN=1 writes the files anew; read each change as you would a patch."""
import contextlib
import functools
import os
import re

import pytest

from kit import client, keys, letters
from kit.provider import KEYWORDS, Provider
from people import ALICE, BOB, DAN, EVE, FRANK

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "golden", "out")
WAYS = {"sealed": {"encrypt": "always"},
        "signed": {"encrypt": "never", "sign": "always"},
        "clear": {"encrypt": "never"}}
ALIASES = "a@example.org"
PLAIN = tuple(k for k in KEYWORDS if k not in ("8BITMIME", "SMTPUTF8"))


class Case:
    """rows: the rows of tests/RULES.md that it proves. to: the envelope.
    keywords: what the provider offers. params: of the client's MAIL."""

    def __init__(self, rows, to=(BOB,), keywords=KEYWORDS, params=""):
        self.rows, self.to = rows.split(), list(to)
        self.keywords, self.params = keywords, params


CASES = {
    # a text, and what every letter must have
    "plain": Case("O1 O3 O8 O9 O12 O25"),
    "nothing": Case("O8 O12"),
    "no-date": Case("O12"),
    "no-message-id": Case("O12"),
    "two-dates": Case("O12"),
    "two-message-ids": Case("O12"),
    "two-subjects": Case("O12"),
    "two-types": Case("O12 O17"),
    # whose it is
    "two-from": Case("O12"),
    "two-in-from": Case("O12"),
    "from-group": Case("O12"),
    "no-from": Case("O12"),
    "from-another": Case("O12"),
    # for whom it is
    "resent": Case("O6 O8 O9 O23", to=(FRANK, BOB)),
    "resent-bcc": Case("O6 O23", to=(FRANK, BOB, DAN)),
    "resent-foreign": Case("O12", to=(FRANK,)),
    "bcc": Case("O6", to=(BOB, DAN)),
    "bcc-resent": Case("O6"),
    "groups": Case("O5 O8 O23", to=(BOB, FRANK)),
    "idn-ascii": Case("O14 O5", to=(BOB, "joerg@xn--bcher-kva.example")),
    "idn-utf8": Case("O14 O5", to=(BOB, "joerg@b\u00fccher.example")),
    "smtputf8": Case("O14", to=("j\u00f6rg@example.org",),
                     params=" SMTPUTF8"),
    "smtputf8-not-offered": Case("O14", to=("j\u00f6rg@example.org",),
                                 keywords=PLAIN, params=" SMTPUTF8"),
    "smtputf8-unsaid": Case("O14", to=("j\u00f6rg@example.org",)),
    # fields
    "list": Case("O8 O9"),
    "ours": Case("O6 O8 O9 O22 O25"),
    "code": Case("O9"),
    "code-encoded": Case("O9 O17"),
    "raw-8bit": Case("O9 O13 O14"),
    "raw-8bit-not-offered": Case("O14", keywords=PLAIN),
    "raw-8bit-said": Case("O14", params=" SMTPUTF8"),
    "raw-8bit-said-not-offered": Case("O14", params=" SMTPUTF8",
                                      keywords=PLAIN + ("8BITMIME",)),
    "plain-said": Case("O14", params=" SMTPUTF8"),
    "encoded-words": Case("O8 O9 O17"),
    "names": Case("O2 O8"),
    "root-8bit-name": Case("O2 O14"),
    "part-8bit-name": Case("O2 O14"),
    "wants-receipt": Case("O8 O9"),
    "long-lines": Case("O2 O9 O13"),
    # lines that are no fields
    "no-colon": Case("O17"),
    "blank-before-colon": Case("O17"),
    "nul-in-header": Case("O17"),
    "8bit-name": Case("O17"),
    "folded-first": Case("O17"),
    "mbox-line": Case("O17"),
    "bad-type": Case("O8 O17"),
    "bare-in-header": Case("O16 O17"),
    "lf-in-header": Case("O16 O17"),
    # bodies
    "empty-body": Case("O1 O2"),
    "header-only": Case("O1 O2"),
    "8bit": Case("O2 O14", params=" BODY=8BITMIME"),
    "8bit-not-offered": Case("O2 O14", keywords=PLAIN),
    "8bit-unlabelled": Case("O2 O14"),
    "8bit-says-7bit": Case("O2"),
    "bare": Case("O16"),
    "nul": Case("O16"),
    "dots": Case("O16"),
    "from-lines": Case("O2"),
    "blanks": Case("O2 O15"),
    "flowed": Case("O15"),
    "dashes": Case("O2"),
    "not-closed": Case("O2"),
    # kinds
    "partial": Case("O2 O8"),
    "external-body": Case("O2 O8"),
    "calendar-request": Case("O8"),
    "calendar-reply": Case("O8"),
    "receipt": Case("O8"),
    "winmail": Case("O2"),
    "winmail-8bit": Case("O2 O14"),
    "forwarded": Case("O2 O6"),
    "forwarded-8bit": Case("O2"),
    "signed-inside": Case("O2 O24"),
}


@pytest.fixture(scope="module")
def ways(make_once):
    """Alice's agents, one for each way."""
    with contextlib.ExitStack() as stack:
        out = {}
        for way, account in WAYS.items():
            p = stack.enter_context(Provider("smtp", {ALICE: "x"}))
            q = stack.enter_context(Provider("pop3", {ALICE: "x"}))
            a = make_once.agent(
                make_once.home(["alice"], trusted=["bob", "dan", "frank"]),
                {ALICE: dict(account, smtp=p.conf, pop3=q.conf,
                             aliases=ALIASES, autocrypt="yes")})
            a.smtp = p
            a.send = functools.partial(client.send, a.submission, ALICE, "x")
            out[way] = a
        yield out


def read(name, ext):
    try:
        with open(os.path.join(HERE, name + ext), "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def of(name):
    """Several cases share a letter."""
    return re.sub("(-said|-unsaid)?(-not-offered)?$", "", name)


def letter_of(name):
    return read(of(name), ".eml")


# ---- what came out, as text

def openpgp(outer, home):
    """A sealed letter with what is inside behind it."""
    armor = re.search(rb"-----BEGIN PGP MESSAGE-----\r\n.*?"
                      rb"-----END PGP MESSAGE-----", outer, re.S).group()
    got = keys.Decrypted(home, armor)
    assert got.ok and got.signer == keys.FPR["alice"], got.err
    assert got.cipher >= 7 and got.hash >= 8            # AES, SHA-256: O4
    assert max(map(len, armor.split(b"\r\n"))) == 64    # O13
    to = [n for n in keys.FPR if set(keys.enc_ids(n)) & set(got.enc_to)]
    assert len(to) == len(got.enc_to)
    inside = re.sub(rb"(?m)^(Autocrypt-Gossip: addr=[^;]+;)\r\n keydata=\r\n"
                    rb"(?: [\w+/=]{1,76}\r\n)+", rb"\1 keydata=@KEY@\r\n",
                    got.data)
    return (outer.replace(armor, b"@ARMOR@") + b"INSIDE: " +
            " ".join(sorted(to)).encode() + b"\r\n" + inside)


def detached(raw, home):
    """A letter that is signed only, the signature being right (O2)."""
    b = letters.header(raw).get_boundary().encode()
    text, rest = letters.body(raw)[len(b) + 4:].split(b"\r\n--" + b + b"\r\n")
    armor = re.search(rb"-----BEGIN PGP SIGNATURE-----\r\n.*?"
                      rb"-----END PGP SIGNATURE-----", rest, re.S).group()
    got = keys.Verified(home, armor, text)
    assert got.ok and got.signer == keys.FPR["alice"] and got.kind == 0
    micalg = letters.header(raw).get_param("micalg")
    assert micalg == {8: "pgp-sha256", 9: "pgp-sha384",
                      10: "pgp-sha512"}[got.hash]
    assert raw.isascii() and b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    return raw.replace(armor, b"@ARMOR@").replace(
        b"micalg=" + micalg.encode(), b"micalg=@MICALG@")


def ours(text, sent):
    """Placeholders for what is made anew for each letter."""
    head = sent.split(b"\r\n\r\n", 1)[0].lower()
    for name, value in (
            ("Date", rb"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000"),
            ("Message-ID", rb"<[0-9a-f]{32}@example\.org>")):
        if re.search(rb"(?m)^%s:" % name.lower().encode(), head):
            continue
        m = re.search(rb"(?m)^%s: (%s)\r$" % (name.encode(), value), text)
        assert m, name
        text = text.replace(m.group(1), b"@%s@" % name.upper().encode())
    m = re.search(rb'(?m)^ boundary="([0-9a-f]{30})"', text)
    return text.replace(m.group(1), b"@BOUNDARY@") if m else text


def without_key(raw):
    """O22: our key stands above all, once."""
    text, addr, key = letters.without_autocrypt(raw)
    assert addr in letters.field(text, "From")
    assert key.startswith(b"\x98") and len(key) < 1000
    return text


def outcome(agent, way, case, raw):
    agent.smtp.keywords = case.keywords
    agent.smtp.accepted.clear()
    r = agent.send(case.to, raw, params=case.params)
    if r.code != 250:
        assert agent.smtp.accepted == []
        client.words(r)
        return ("%d %s\n" % (r.code, r.text)).encode()
    out = []
    for x in sorted(agent.smtp.accepted, key=lambda x: x.to):
        # O13, O16 and what RFC 5321 section 4.5.3.1.6 says of lines
        assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", x.data)
        text = without_key(x.data)
        if way == "sealed":
            assert text.isascii()
            assert max(map(len, text.split(b"\r\n"))) <= 998
            text = openpgp(text, agent.home)
        elif way == "signed":
            text = detached(text, agent.home)
        params = re.sub(r"\bSIZE=\d+", "SIZE=@SIZE@", x.params)
        out.append("".join(["MAIL FROM:<%s>%s\r\n" % (
            x.sender, params and " " + params)] + [
                "RCPT TO:<%s>\r\n" % a for a in x.to]).encode() +
            ours(text, raw))
    return b"\r\n".join(out)


def cases():
    for name in CASES:
        for way in WAYS:
            yield pytest.param(name, way, id="%s-%s" % (name, way))


@pytest.mark.parametrize("name, way", cases())
def test_golden(ways, name, way):
    """See CASES for the rows of tests/RULES.md each letter proves."""
    case, raw = CASES[name], letter_of(name)
    got = outcome(ways[way], way, case, raw)
    if os.environ.get("UPDATE_GOLDEN"):
        with open(os.path.join(HERE, name + "." + way), "wb") as f:
            f.write(got)
    want = read(name, "." + way)
    assert got.split(b"\n") == want.split(b"\n")


# ---- what is too large for a file, and what takes more than one letter

FIELDS_MAX = 20000      # crypto/header.h


def text_of(agent, way, raw):
    """What the reader of the last letter has."""
    if way == "sealed":
        got = keys.Decrypted(agent.home, letters.cipher(raw))
        assert got.ok
        return got.data
    if way == "signed":
        detached(raw, agent.home)
        b = letters.header(raw).get_boundary().encode()
        return letters.body(raw)[len(b) + 4:].split(b"\r\n--" + b)[0]
    return raw


@pytest.mark.parametrize("way", WAYS)
def test_deep(ways, way):
    """O2: more levels of parts than are looked into."""
    a, raw = ways[way], letters.nested(depth=120)
    a.smtp.accepted.clear()
    assert a.send([BOB], raw).code == 250
    got = text_of(a, way, without_key(a.smtp.accepted[0].data))
    letters.assert_same(got.rstrip(b"\r\n"), raw.rstrip(b"\r\n"))
    if way != "signed":
        assert letters.body(got) == letters.body(raw)


@pytest.mark.parametrize("way", WAYS)
def test_20000_fields(ways, way):
    """O17, O9: as many fields as are taken, and one more."""
    a = ways[way]
    head = letters.head()
    n = FIELDS_MAX - letters.crlf(head).count(b"\r\n")
    more = b"".join(b"X-%d: y\r\n" % i for i in range(n + 1))
    a.smtp.accepted.clear()
    r = a.send([BOB], head + more + b"\r\nHello\r\n")
    assert r.code == 554, r
    assert client.words(r) == (
        "Letterlock did not send this: the letter has more than 20000 header "
        "fields")
    assert a.smtp.accepted == []
    more = more[:more.rindex(b"X-")]
    assert a.send([BOB], head + more + b"\r\nHello\r\n").code == 250
    raw = without_key(a.smtp.accepted[0].data)
    assert raw.startswith(head[:head.index(b"Subject")])
    for text in (raw, text_of(a, way, raw)):
        head_out = text[:text.index(b"\r\n\r\n")]
        assert re.findall(rb"(?m)^X-\d+: y\r?$", head_out + b"\r") == [
            x + b"\r" for x in more.split(b"\r\n") if x]
    if way == "sealed":
        assert head_out.count(b"HP-Outer: X-") == n


def test_the_key_of_an_idn_address(scripted, make):
    """O14, O5: the labels of the envelope, the header and the key may be
    either way."""
    a = scripted(account={"encrypt": "always"})
    bob = make.home(["bob"])
    keys.run(bob, "--quick-add-uid", keys.FPR["bob"],
             "J\u00f6rg <joerg@b\u00fccher.example>")
    keys.run(bob, "--quick-add-uid", keys.FPR["bob"],
             "Bob <bob@xn--mnchen-3ya.example>")
    keys.run(a.home, "--import",
             data=keys.run(bob, "--export", keys.FPR["bob"])[1])
    keys.run(a.home, "--local-user", keys.FPR["alice"],
             "--quick-lsign-key", keys.FPR["bob"])
    for to, rcpt in (("joerg@b\u00fccher.example",
                      "joerg@xn--bcher-kva.example"),
                     ("joerg@xn--bcher-kva.example",) * 2,
                     ("JOERG@XN--Bcher-KVA.example",) * 2,
                     ("bob@m\u00fcnchen.example",
                      "bob@xn--mnchen-3ya.example"),
                     ("bob@xn--mnchen-3ya.example",) * 2):
        for shown in (to, rcpt):
            a.smtp.accepted.clear()
            r = a.send([to], letters.text(to=(shown,)))
            assert r.code == 250, r
            got, = a.smtp.accepted      # it is no Bcc either
            assert got.to == [rcpt]
            assert keys.sealed_to(letters.cipher(got.data)) == keys.ids(
                "bob", "alice")
            assert letters.field(got.data, "To") == rcpt


JOERG, BUECHER = "j\u00f6rg@example.org", "alice@b\u00fccher.example"


def test_utf8_before_the_at(scripted, make):
    """O14, O5: an address with UTF-8 before its @ finds its key; the letter
    can be sealed where the address stands in the envelope alone."""
    a = scripted(account={"encrypt": "always", "aliases": JOERG})
    bob = make.home(["bob"])
    keys.run(bob, "--quick-add-uid", keys.FPR["bob"], "J\u00f6rg <%s>" % JOERG)
    keys.run(a.home, "--import",
             data=keys.run(bob, "--export", keys.FPR["bob"])[1])
    keys.run(a.home, "--local-user", keys.FPR["alice"],
             "--quick-lsign-key", keys.FPR["bob"])
    utf8 = " SMTPUTF8"
    no = ("Letterlock did not send this: an address of this letter has letters"
          " other than a to z, digits and signs before its @, and can't stand "
          "on a sealed or signed letter. Use another address, then press Send "
          "again")
    for sender, to in ((ALICE, JOERG), (JOERG, FRANK)):
        r = a.send([to], letters.text(sender=sender, to=(to,)), sender=sender,
                   params=utf8)
        assert r.code == 550 and r.text.startswith("5.6.7 "), r
        assert client.words(r) == no
    for to, why in (("j\u00f6rg@example.net", "cannot read"),  # has no key
                    ("J\u00d6RG@example.org", "cannot read")):
        r = a.send([to], letters.text(to=(to,)), params=utf8)
        assert r.code == 550 and r.text.startswith("5.7.5 "), r
        assert to + " " + why in client.words(r)
    assert not a.smtp.accepted and not a.smtp.heard("MAIL")
    # Bcc, and the sender of the envelope
    assert a.send([FRANK, JOERG], letters.text(to=(FRANK,)),
                  params=utf8).code == 250
    assert a.send([FRANK], letters.text(to=(FRANK,)), sender=JOERG,
                  params=utf8).code == 250
    assert [(x.sender, x.to, x.params) for x in sorted(
        a.smtp.accepted, key=lambda x: x.params)] == [
            (ALICE, [FRANK], ""), (ALICE, [JOERG], "SMTPUTF8"),
            (JOERG, [FRANK], "SMTPUTF8")]
    for x in a.smtp.accepted:
        assert x.data.isascii()
        assert keys.sealed_to(letters.cipher(x.data)) == keys.ids(
            "alice", "bob" if JOERG in x.to else "frank")
    # nobody gets any where one of them can't
    a.smtp.accepted.clear()
    a.smtp.sessions.clear()
    a.smtp.keywords = ("SIZE", "SMTPUTF8")      # never without 8BITMIME
    r = a.send([FRANK, JOERG], letters.text(to=(FRANK,)), params=utf8)
    assert r.code == 550 and r.text.startswith("5.6.7 "), r
    assert not a.smtp.accepted and not a.smtp.heard("MAIL")


def test_a_message_id_of_an_idn_sender(scripted):
    """O14, O12: a Message-ID that we make is ASCII."""
    a = scripted(account={"encrypt": "always", "aliases": BUECHER})
    raw = re.sub(rb"Message-ID: .*\r\n", b"", letters.text(sender=BUECHER))
    r = a.send([BOB], raw, sender=BUECHER)
    assert r.code == 250, r
    got, = a.smtp.accepted
    assert got.data.isascii() and got.sender == "alice@xn--bcher-kva.example"
    assert letters.field(got.data, "Message-ID").endswith(
        "@xn--bcher-kva.example>")


def test_nothing_else_bars_a_readable_letter(scripted):
    """O14: what only a sealed letter can't have outside is sent readable as it
    came."""
    a = scripted(account={"encrypt": "never"})
    for name, value in (("Message-ID", "<1@b\u00fccher.example>"),
                        ("To", "<%s>" % JOERG), ("Cc", "B\u00f6b <bob@x"),
                        ("X" * 80, "\u00e4")):
        raw = re.sub(rb"(?m)^%s: .*\r\n" % name.encode(), b"",
                     letters.text(subject="x"))
        raw = b"%s: %s\r\n" % (name.encode(), value.encode()) + raw
        a.smtp.accepted.clear()
        r = a.send([BOB], raw)
        assert r.code == 250, r
        got, = a.smtp.accepted
        assert got.data == raw and "SMTPUTF8" not in got.params


@pytest.mark.parametrize("name", ["calendar-reply", "receipt"])
def test_it_goes_as_the_request_came(scripted, name):
    """DESIGN, Policy: answers of a calendar and receipts are sealed if what
    they answer was."""
    a = scripted(account={"encrypt": "when-possible"})
    answer = read(name, ".eml").replace(BOB.encode(), EVE.encode())
    assert a.send([EVE], answer).code == 250
    assert a.smtp.accepted[0].data == answer        # it came readable
    box = keys.encrypt(a.home, letters.payload(sender=BOB, to=(ALICE,)),
                       ["alice"])
    came = letters.sealed(box, sender=BOB, to=(ALICE,))
    came = re.sub(rb"(?m)^Message-ID: .*$", b"Message-ID: <r@example.org>\r",
                  came.replace(b"\r\n", b"\n")).replace(
                      b"\r", b"").replace(b"\n", b"\r\n")
    a.inbox.mailbox[:] = [("u1", came)]
    got, = client.fetch(a.pop3, ALICE, "x")
    assert letters.verdict(got)["encryption"] == "ok"
    r = a.send([EVE], answer)
    assert r.code == 550 and "sealed" in client.words(r), r
    assert len(a.smtp.accepted) == 1
    assert a.send([BOB], read(name, ".eml")).code == 250
    assert keys.Decrypted(a.home, letters.cipher(
        a.smtp.accepted[1].data)).data.endswith(letters.body(
            read(name, ".eml")))


def test_every_file_is_used():
    names = {n for n in os.listdir(HERE) if not n.endswith(".eml")}
    assert names == {"%s.%s" % (n, w) for n in CASES for w in WAYS}
    assert {n for n in os.listdir(HERE) if n.endswith(".eml")} == {
        of(n) + ".eml" for n in CASES}
