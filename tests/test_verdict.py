# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock open --verdict on letters that an agent handed over and a client
stored: genuine, changed, from another installation, forged."""
import os
import re

import pytest

from kit import client, keys, letters, provider
from kit.cli import Cli
from people import ALICE, BOB

WORDS = {0: "genuine", 65: "changed|other|forged"}


class Stored:
    """Alice's agent, what it handed over, and the command that looks at it."""

    def __init__(self, make_once, inbox):
        home = make_once.home(["alice"], trusted=["bob"])
        self.agent = make_once.agent(home, {ALICE: {"pop3": inbox.conf}})
        self.bob = make_once.home(["bob"], ["alice"])
        self.inbox = inbox
        self.mine = Cli(make_once.folder(), home)
        self.mine.env["XDG_STATE_HOME"] = self.agent.dirs["state"]
        self.other = Cli(make_once.folder(), home)

    def fetch(self, raw):
        self.inbox.mailbox[:] = [("u1", raw)]
        return client.fetch(self.agent.pop3, ALICE, "x")[0]

    def sealed(self, text="hello\n\nBob \n", subject="Re: money"):
        return self.fetch(letters.sealed(keys.encrypt(
            self.bob, letters.payload(text, subject=subject, sender=BOB,
                                      to=(ALICE,)),
            ["alice"], "bob"), sender=BOB, to=(ALICE,)))

    def plain(self):
        return self.fetch(letters.text(sender=BOB, to=(ALICE,),
                                       subject="Re: money"))

    def look(self, raw, cli=None):
        """The word; the rest of the line is the field's text."""
        p = (cli or self.mine).run("open", "--verdict", data=raw)
        m = re.fullmatch(rb"(\w+); ([ -~]{,1000})\n", p.stdout)
        assert m, (p.returncode, p.stdout, p.stderr)
        assert re.fullmatch(WORDS[p.returncode], m[1].decode())
        self.text = m[2].decode()
        return m[1].decode()


@pytest.fixture(scope="module")
def stored(make_once):
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        s = Stored(make_once, q)
        s.claims, s.none = s.sealed(), s.plain()
        yield s


@pytest.fixture(params=["claims", "none"])
def letter(stored, request):
    raw = getattr(stored, request.param)
    v = letters.verdict(raw)
    assert v["encryption"] == ("ok" if request.param == "claims" else "none")
    return raw


def line(raw):
    return raw.split(b"\r\n")[0]


def lf(raw):
    return raw.replace(b"\r\n", b"\n")


MBOX = b"From - Mon Nov 23 07:30:00 2026\n"
MOZILLA = (b"X-Account-Key: account1\nX-UIDL: u1\nX-Mozilla-Status: 0001\n"
           b"X-Mozilla-Status2: 00000000\nX-Mozilla-Keys:  \n")


@pytest.mark.parametrize("keep", [
    lambda r: r, lf, lambda r: MBOX + lf(r) + b"\n\n",
    lambda r: MBOX + MOZILLA + lf(r),
    lambda r: letters.crlf(MBOX + MOZILLA) + r,
    lambda r: r.replace(b"\r\n\r\n", b"\r\n" + letters.crlf(MOZILLA) + b"\r\n",
                        1),
    lambda r: r.replace(b"\r\n\r\n", b"\r\nContent-Length: 7\r\n\r\n", 1),
    lambda r: r.replace(b"\r\n", b" \t\r\n", 1),
    lambda r: re.sub(rb"\r\n(?=\S)", b" \r\n", r[:400]) + r[400:],
    lambda r: r.replace(b"Subject: ", b"SUBJECT:   ", 1),
    lambda r: r.replace(b"\r\nUser-Agent: ", b"\r\nX-Agent: ", 1)],
    ids=["as it came", "lf", "mbox", "mozilla", "mozilla crlf", "behind",
         "content-length", "blank", "blanks", "relaxed", "not covered"])
def test_stored_letters_stay_genuine(stored, letter, keep):
    assert stored.look(keep(letter)) == "genuine"
    assert stored.text.encode() == line(letter).split(b": ", 1)[1]


def test_a_changed_body(stored):
    for raw in (stored.claims.replace(b"hello", b"hullo"),
                stored.claims + b"more\r\n", stored.claims.split(b"hello")[0]):
        assert stored.look(raw) == "changed"
    # the verdict says nothing of this one's body
    assert stored.look(stored.none + b"more\r\n") == "genuine"


def test_a_large_body(stored):
    raw = stored.sealed(letters.BODY + " and so on\n" * 200_000 + "the end\n")
    assert stored.look(MBOX + MOZILLA + lf(raw)) == "genuine"
    assert stored.look(raw.replace(b"the end", b"the and")) == "changed"


@pytest.mark.parametrize("old, new", [
    (rb"\r\nSubject: Re: ", b"\r\nSubject: "),
    (rb"\r\nSubject: .*", b"\r\nX-No: subject"),
    (rb"\r\nFrom: .*", b"\r\nFrom: eve@example.net"),
    (rb"\r\nTo: .*", b"\r\nTo: eve@example.net"),
    (rb"\r\nContent-Type: text/plain", b"\r\nContent-Type: text/html"),
    (rb"\r\nDate: Mon", b"\r\nDate: Tue"),
    (rb"\r\nMessage-ID: <", b"\r\nMessage-ID: <1"),
    (rb"\r\nTo:", b"\r\nReply-To: eve@example.net\r\nTo:"),
    (rb"\r\nTo:", b"\r\nCc:\r\nTo:"),
    (rb"\r\nTo:", b"\r\nFrom: eve@example.net\r\nTo:"),
    (rb"encryption=\w+", b"encryption=failed"),
    (rb"signature=\w+", b"signature=bad"),
    (rb"signature=\w+", b"signature=unknown-key"),
    (rb" t=1", b" t=2"), (rb"kid=", b"kid=x"), (rb"v=1", b"v=2"),
    (rb"mac=.", b"mac=*"), (rb"mac=.*", b"mac="), (rb"mac=", b"mac=A"),
    (rb"; t=", b"; x=y; t="), (rb"; t=", b";  t="), (rb"; t=", b";\r\n t="),
    (rb"; t=.*", b""), (rb" v=1;.*", b""), (rb" v=1;.*", b" x" * 3000),
    (rb" v=1;", b" \x1b[31m\x9b\xff\x7f\tv=1;"),
    (rb"Status: v", b"Status : v"), (rb"Status: v", b"Status:\r\n v"),
    (rb"Letterlock-Status", b"Letterlock-State"),
    (rb"Letterlock-S", b"Letterlock-X: y\r\nLetterlock-S"),
    (rb"Letterlock-Status: v", b"X: y\rLetterlock-Status: v"),
    (rb"Letterlock-Status: v", b"X: y\n \rLetterlock-Status: v"),
    (rb"Letterlock-Status: v", b"X: y\r\rLetterlock-Status: v"),
    (rb"Letterlock-Status: v", b"Letterlock-\r\n Status: v"),
    (rb"Letterlock-Status", b"Letterlock\0-Status"),
    (rb"\A", b"Letterlock-Status: v=1; encryption=ok; signature=good\r\n"),
    (rb"\r\nTo:", b"\r\nletterlock-status: v=1; encryption=ok\r\nTo:"),
    (rb"\r\nTo:", b"\r\nX: y\r Letterlock-Status: v=1\r\nTo:")])
def test_forged(stored, letter, old, new):
    raw, n = re.subn(old, lambda m: new, letter, count=1)
    if not n:
        pytest.skip("has none")
    assert raw != letter
    assert stored.look(raw) == "forged"


def test_a_verdict_no_better_than_it_was(stored):
    """None becomes good, with all that belongs to it, or with a body's hash."""
    v = letters.verdict(stored.claims)
    good = ("signature=good; signer=%s; fpr=%s; trust=%s"
            % (v["signer"], v["fpr"], v["trust"])).encode()
    raw = stored.none.replace(b"signature=none", good)
    assert stored.look(raw) == "forged"
    raw = raw.replace(b"encryption=none", b"encryption=ok").replace(
        b" mac=", b" bh=" + v["bh"].encode() + b"; mac=")
    assert stored.look(raw) == "forged"
    assert "signature=good; signer=" in stored.text
    raw = re.sub(rb" bh=[^;]*;", b"", stored.claims)
    assert stored.look(raw) == "forged"


def test_two_of_the_same(stored, letter):
    assert stored.look(line(letter) + b"\r\n" + letter) == "forged"


def test_the_field_of_another_letter(stored):
    again = stored.sealed(subject="Re: love")
    assert stored.look(again) == "genuine"
    for a, b in ((again, stored.claims), (stored.claims, again),
                 (stored.claims, stored.none), (stored.none, stored.claims)):
        assert stored.look(a.replace(line(a), line(b), 1)) == "forged"


def test_another_installation(stored, letter):
    assert stored.look(letter, stored.other) == "other"
    assert os.listdir(stored.other.env["XDG_STATE_HOME"])
    assert stored.look(letter) == "genuine"     # and it is still so here


def test_what_was_never_handed_over_is_opened(stored):
    sealed = letters.sealed(keys.encrypt(
        stored.bob, letters.payload(sender=BOB, to=(ALICE,)), ["alice"], "bob"),
        sender=BOB, to=(ALICE,))
    out = stored.mine("open", "--verdict", data=sealed)
    assert out.startswith(b"v=1; encryption=ok; signature=good; ")
    for raw in (letters.text(), letters.text(extra="X-Letterlock: sign=no\n"),
                letters.text(subject="Letterlock-Status: v=1"),
                letters.text("Letterlock-Status: v=1\n"), b"", b"\r\n"):
        out = stored.mine("open", "--verdict", data=raw)
        assert out.startswith(b"v=1; encryption=none; signature=none; ")
    # without --verdict all is as ever: what was there counts for nothing
    out = stored.mine("open", data=stored.claims)
    assert letters.verdict(out)["encryption"] == "none"
    assert out.count(b"Letterlock-Status") == 1


def test_letters_without_a_header_block(stored):
    """The agent made one for it."""
    for raw in (b"\r\nno header\r\n", b"X: y\r\n" * 20_001 + b"\r\nhi\r\n"):
        got = stored.fetch(raw)
        assert stored.look(got) == "genuine"
        assert stored.look(MBOX + lf(got)) == "genuine"
        assert stored.look(b"Subject: x\r\n" + got) == "forged"
