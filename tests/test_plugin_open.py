# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored letters that plug-ins have opened, or ask about: open, put, get and
verdict at the socket of a live agent."""
import os
import re
import resource
import signal
import socket
import time

import pytest

from kit import client, keys, letters, provider, wait_for
from kit.agent import sanitized
from kit.plugin import Plugin, b64, path
from people import ALICE, BOB, CAROL, EVE
from test_golden_out import read
from test_verdict import MBOX, MOZILLA, lf, line

FORGED = (b"Letterlock-Status: v=1; encryption=ok; signature=good; "
          b"signer=bob@example.org; trust=verified; t=1; kid=01234567; mac=x\r\n")


class Box:
    """Alice's agent, a plug-in at it, and who writes to her."""

    def __init__(self, make, inbox):
        self.home = make.home(["alice"], public=["frank"], trusted=["bob"])
        self.inbox = inbox
        self.agent = make.agent(self.home, {ALICE: {"pop3": inbox.conf}})
        self.other = make.agent(self.home, {ALICE: {"pop3": inbox.conf}},
                                {"max-message-size": "1M"})
        self.bob = make.home(["bob"], ["alice"])
        self.payload = letters.payload(sender=BOB, to=(ALICE,))
        self.sealed = self.seal(self.payload)
        self.signed = letters.signed(
            self.payload, keys.sign(self.bob, self.payload, "bob"),
            sender=BOB, to=(ALICE,))
        self.plain = letters.text(sender=BOB, to=(ALICE,))
        self.plugin = Plugin(path(self.agent))
        self.open, self.verdict = self.plugin.open, self.plugin.verdict

    def seal(self, payload, to="alice", **kw):
        return letters.sealed(
            keys.encrypt(self.bob, payload, [to], "bob",
                         ["--compress-algo", "none"]),
            sender=BOB, to=(ALICE,), **kw)

    def fetch(self, raw, agent=None):
        self.inbox.mailbox[:] = [("u1", raw)]
        return client.fetch((agent or self.agent).pop3, ALICE, "x")[0]


@pytest.fixture(scope="module")
def box(make_once):
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        b = Box(make_once, q)
        yield b
        b.plugin.__exit__()


def words(v):
    return v["encryption"], v["signature"], v.get("reason")


def timeless(raw):
    return re.sub(rb"; (t|mac)=[^;\r]*", b"", raw, count=2)


KINDS = {
    "sealed": lambda b: (b.sealed, ("ok", "good", None)),
    "signed": lambda b: (b.signed, ("none", "good", None)),
    "bad signature": lambda b: (b.signed.replace(b"Sealed", b"Seeled"),
                                ("none", "bad", None)),
    "clear": lambda b: (b.plain, ("none", "none", None)),
    "forged": lambda b: (FORGED + b.plain, ("none", "none", None)),
    "forged, sealed": lambda b: (FORGED + b.sealed, ("ok", "good", None)),
    "not for us": lambda b: (b.seal(b.payload, "bob"),
                             ("failed", "none", "no-secret-key")),
    "broken": lambda b: (b.sealed.replace(b"Version: 1", b"Version: 2"),
                         ("failed", "none", "malformed")),
    "large header": lambda b: (b.plain.replace(
        b"Subject:", b"X-Y: z\r\n" * 15000 + b"Subject:"),
        ("none", "none", None)),
    "too many fields": lambda b: (b"X: y\r\n" * 20001 + b"\r\nhi\r\n",
                                  ("none", "none", None)),
    "no header": lambda b: (b"\r\nno header\r\n", ("none", "none", None)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_as_it_is_fetched(box, kind):
    """The same letter comes out as by POP3, with its verdict told beside it."""
    raw, want = KINDS[kind](box)
    v, got = box.open(raw)
    assert words(v) == want
    there = letters.verdict(got)
    assert abs(v.pop("time") - time.time()) < 60
    assert v == {k: x for k, x in there.items()
                 if k not in ("v", "t", "kid", "bh", "mac")}
    assert timeless(got) == timeless(box.fetch(raw))
    # what it says is ours from then on
    said = box.verdict(got)
    assert said["state"] == "genuine" and words(said["verdict"]) == want
    assert said["sealed"] is (want[0] == "failed")
    assert box.verdict(raw) == {
        "state": "forged" if "forged" in kind else "none",
        "sealed": b"application/pgp-encrypted" in raw}


def test_nothing_and_little(box):
    for raw in (b"", b"\r\n", b"\n", b"From", b"From ", b"x", b"\0\xff"):
        v, got = box.open(raw)
        assert words(v) == ("none", "none", None)
        assert got.endswith(raw.replace(b"\n", b"\r\n")
                            if raw == b"\n" else raw)
        assert box.verdict(raw) == {"state": "none", "sealed": False}
    assert letters.verdict(box.open(b"From x")[1])["encryption"] == "none"


STORED = {"lf": lf, "mbox": lambda r: MBOX + lf(r),
          "mozilla": lambda r: MBOX + MOZILLA + lf(r),
          "mozilla crlf": lambda r: letters.crlf(MBOX + MOZILLA) + r,
          "mixed": lambda r: MBOX + r}


@pytest.mark.parametrize("how", STORED)
@pytest.mark.parametrize("kind", ["sealed", "signed", "clear"])
def test_as_programs_store_them(box, how, kind):
    raw, want = KINDS[kind](box)
    v, got = box.open(STORED[how](raw))
    assert words(v) == want
    head, body = got.split(b"\r\n\r\n", 1)
    assert b"From - " not in head and b"\n" not in got.replace(b"\r\n", b"")
    assert body == box.fetch(raw).split(b"\r\n\r\n", 1)[1]
    assert box.verdict(STORED[how](raw))["state"] == "none"
    assert box.verdict(STORED[how](got))["state"] == "genuine"


def test_small_pieces(box):
    for raw in (MBOX + lf(box.signed), box.sealed):
        ok = box.plugin.letter("open", raw, octets=5)
        assert ok["verdict"]["signature"] == "good"
        got = box.plugin.rest(ok)
        r = box.plugin.letter("verdict", MBOX + lf(got), octets=5)
        assert r["state"] == "genuine"


def test_inline(box):
    armor = keys.encrypt(box.bob, b"dear Alice\r\n", ["alice"], "bob")
    raw = letters.text(armor.decode(), sender=BOB, to=(ALICE,))
    assert box.verdict(lf(raw)) == {"state": "none", "sealed": True}
    v, got = box.open(lf(raw))
    assert words(v) == ("ok", "good", None)
    assert letters.body(got) == b"dear Alice\r\n"
    assert box.verdict(got)["sealed"] is False


def test_what_a_verdict_is_worth(box):
    for raw in (box.sealed, box.plain):
        got = box.fetch(raw)
        claims = raw == box.sealed
        assert box.verdict(got)["state"] == "genuine"
        # without a claim the header block says all
        top = got.split(b"\r\n\r\n")[0]
        for head in (top + b"\r\n\r\n", top + b"\r\n"):
            assert box.verdict(head)["state"] == ("changed" if claims
                                                  else "genuine")
        r = box.verdict(got + b"more\r\n")
        assert r["state"] == ("changed" if claims else "genuine")
        assert r["verdict"]["encryption"] == ("ok" if claims else "none")
        for bad in (got.replace(b"\r\nFrom: ", b"\r\nFrom: Eve ", 1),
                    line(got) + b"\r\n" + got, FORGED + got):
            r = box.verdict(bad)
            assert r == {"state": "forged", "sealed": False}
        other = box.fetch(raw, box.other)
        assert box.verdict(other) == {"state": "other", "sealed": False}
    # sealed below a verdict that is not ours, or one that says it stayed so
    got = box.fetch(box.seal(box.payload, "bob"))
    assert box.verdict(got)["sealed"] is True
    assert box.verdict(got.split(b"\r\n\r\n")[0])["sealed"] is True
    assert box.verdict(FORGED + box.sealed) == {"state": "forged",
                                                "sealed": True}


def test_what_was_opened_came_sealed(scripted):
    """An answer that only goes as what it answers came."""
    a = scripted(account={"encrypt": "when-possible"})
    came = letters.sealed(keys.encrypt(
        a.home, letters.payload(sender=BOB, to=(ALICE,)), ["alice"]),
        sender=BOB, to=(ALICE,))
    came = re.sub(rb"\r\nMessage-ID: [^\r]*",
                  b"\r\nMessage-ID: <r@example.org>", came)
    receipt = read("receipt", ".eml").replace(BOB.encode(), EVE.encode())
    assert a.send([EVE], receipt).code == 250
    with Plugin(path(a)) as p:
        assert words(p.open(lf(came))[0]) == ("ok", "none", None)
    r = a.send([EVE], receipt)
    assert r.code == 550 and "sealed" in client.words(r), r


def test_one_letter_at_a_time(box):
    p = box.plugin
    for call in ("get", "put"):
        more = {"data": "", "more": False} if call == "put" else {}
        assert p.call(call, **more)["error"]["code"] == "no-letter"
    for bad in ("A", "AA=A", "AB==", "A\nA=", "\u00e4\u00e4"):
        assert p.call("open", data=b64(b"A: b\r\n"), more=True)["ok"] == {}
        assert p.call("open", data=bad, more=True)["error"]["code"] == "request"
        assert p.call("put", data="",
                      more=True)["error"]["code"] == "no-letter"
    # a letter that was not ended, nor fetched
    assert p.call("open", data=b64(b"A: b\r\n"), more=True)["ok"] == {}
    assert box.verdict(box.sealed)["state"] == "none"
    assert p.call("put", data="", more=True)["error"]["code"] == "no-letter"
    big = letters.attachment(1 << 20)
    assert p.letter("open", big)["more"] is True
    assert words(box.open(box.sealed)[0]) == ("ok", "good", None)
    assert p.call("get")["error"]["code"] == "no-letter"
    assert "ok" in p.call("status")
    wait_for(lambda: not roles(box.agent))


def roles(a):
    """Those of plug-ins' letters; spares have no box."""
    found = []
    for name in ("mime", "crypt"):
        for q in a.role(name):
            try:
                with open("/proc/%d/status" % q.pid) as f:
                    if "\nSeccomp:\t2\n" in f.read():
                        found.append(q)
            except OSError:
                pass
    return found


def peak(q):
    """The most memory that a process had, in kB."""
    with open("/proc/%d/status" % q.pid) as f:
        return int(re.search(r"VmHWM:\s*(\d+) kB", f.read()).group(1))


@pytest.mark.skipif(sanitized(), reason="it measures")
def test_25_mb(box):
    """It waits in the encrypted spools of crypt, and nowhere else."""
    p, a = box.plugin, box.agent
    clear = letters.attachment(25 << 20, sender=BOB, to=(ALICE,))
    sealed = box.seal(box.payload + (b"\r\n" + b"z" * 70) * 100000)
    for raw, want in ((clear, "none"), (sealed, "ok")):
        t = time.monotonic()
        ok = p.letter("open", raw)
        assert ok["verdict"]["encryption"] == want
        for q in roles(a) + a.role("plugin"):
            assert peak(q) < 30000, q
        assert not a.leaks(1 << 20, False)
        got = p.rest(ok)
        assert time.monotonic() - t < 30
        assert len(got) == ok["size"] > 6 << 20
        if want == "none":
            assert letters.without_verdict(got) == raw
    wait_for(lambda: not roles(a))


def test_too_large(box):
    with Plugin(path(box.other)) as p:
        for call in ("open", "verdict"):
            for n in (1, 40000):
                r = p.letter(call, b"x" * ((1 << 20) + n))
                assert r["code"] == "too-large"
                assert "max-message-size" in r["text"]
            r = p.call("put", data="", more=True)
            assert r["error"]["code"] == "no-letter"
        assert p.verdict(b"x" * (1 << 20))["state"] == "none"


# ---- locked

@pytest.fixture
def carol(make):
    """Carol, whose key has a passphrase, and a sealed letter for her."""
    with provider.Provider("pop3", {CAROL: "x"}) as q:
        a = make.agent(make.home(["carol"], trusted=["bob"]),
                       {CAROL: {"pop3": q.conf}}, {"unlock-timeout": "60"})
        a.raw = letters.sealed(keys.encrypt(a.home, letters.payload(),
                                            ["carol"]), to=(CAROL,))
        yield a


def test_locked(carol):
    with Plugin(path(carol)) as p:
        r = p.letter("open", carol.raw)
        assert r["code"] == "locked" and "letterlock unlock" in r["text"]
        assert p.open(carol.raw, ask=False)[0] == "locked"
        assert keys.prompts(carol.home) == 0
        assert p.open(carol.raw, ask=True)[0] == "locked"   # pressed Cancel
        assert keys.prompts(carol.home) == 1
        assert p.verdict(carol.raw) == {"state": "none", "sealed": True}
        keys.pinentry(carol.home, "answer", keys.PASSPHRASE["carol"])
        assert "ok" in p.call("unlock", account=CAROL)
        assert words(p.open(carol.raw)[0]) == ("ok", "none", None)
        assert words(p.open(letters.text())[0]) == ("none", "none", None)
    wait_for(lambda: not roles(carol))


def test_a_passphrase_is_given(carol):
    keys.pinentry(carol.home, "answer", keys.PASSPHRASE["carol"])
    with Plugin(path(carol)) as p:
        assert words(p.open(carol.raw, ask=True)[0]) == ("ok", "none", None)
    assert keys.prompts(carol.home) == 1


@pytest.mark.skipif(sanitized(), reason="sanitizers go without boxes")
def test_who_leaves_takes_the_prompt_along(carol):
    """While nothing goes into the pipe any more, since gpg waits for it."""
    keys.pinentry(carol.home, "hang")
    big = letters.sealed(keys.encrypt(
        carol.home, letters.payload() + letters.noise(8 << 20), ["carol"],
        more=["--compress-algo", "none"]), to=(CAROL,))
    with Plugin(path(carol)) as p:
        p.s.settimeout(1)
        with pytest.raises(socket.timeout):
            p.letter("open", big, ask=True)
        wait_for(lambda: keys.prompts(carol.home))
        assert roles(carol)
    wait_for(lambda: not carol.role("plugin"))
    wait_for(lambda: not roles(carol) and not carol.role("gpg"))


# ---- what goes wrong

def part(a, name):
    found, = wait_for(lambda: [q for q in roles(a) if q.name == name])
    return found


@pytest.mark.skipif(sanitized(), reason="it looks for the boxes")
@pytest.mark.parametrize("who", ["mime", "crypt"])
@pytest.mark.parametrize("when", ["coming", "going"])
def test_a_part_dies(box, who, when):
    """It is said once, and the next letter is opened by others."""
    big = letters.attachment(4 << 20)
    p, a = box.plugin, box.agent
    wait_for(lambda: not roles(a))
    if when == "coming":
        assert p.call("open", data=b64(big[:33000]), more=True)["ok"] == {}
        os.kill(part(a, who).pid, signal.SIGKILL)
        codes = {p.call("put", data=b64(big[:33000]), more=i < 9)
                 .get("error", {}).get("code") for i in range(10)}
        assert "failed" in codes and codes <= {"failed", "no-letter", None}
    else:
        assert p.letter("open", big)["more"] is True
        os.kill(part(a, who).pid, signal.SIGKILL)
        r = {}
        while "error" not in r:
            r = p.call("get")
        assert r["error"]["code"] == "failed"
    assert p.call("get")["error"]["code"] == "no-letter"
    wait_for(lambda: not roles(a))
    assert words(box.open(box.sealed)[0]) == ("ok", "good", None)


@pytest.mark.skipif(sanitized(), reason="it looks for the boxes")
def test_a_plugin_that_stops_in_the_middle(box):
    a = box.agent
    wait_for(lambda: not roles(a))
    with Plugin(path(a)) as p:
        assert p.call("open", data=b64(b"A: b\r\n"), more=True)["ok"] == {}
        wait_for(lambda: len(roles(a)) == 2)
    wait_for(lambda: not roles(a))
    with Plugin(path(a)) as p:
        p.s.sendall(b'{"id":1,"call":"verdict","data":"","more":true}\n'
                    b'{"id":2,"call":"put","data":"aGk=","mo')
        p.line()
    wait_for(lambda: not roles(a))
    assert words(box.open(box.sealed)[0]) == ("ok", "good", None)


def test_a_keeper_that_died(make, box):
    """This connection has none any more, and ends; the next has."""
    a = make.agent(box.home, {ALICE: {"pop3": box.inbox.conf}})
    with Plugin(path(a)) as p:
        got = p.open(box.sealed)[1]
        a.kill_role("keeper")
        assert p.ended()
    with Plugin(path(a)) as p:
        assert p.verdict(got)["state"] == "genuine"


def test_a_full_disk(scripted, box):
    a = scripted(limits={resource.RLIMIT_FSIZE: 512 << 10})
    with Plugin(path(a)) as p:
        for raw in (letters.attachment(3 << 20),
                    box.seal(box.payload + b"z" * (3 << 20))):
            assert p.open(raw)[0] == "failed"
            assert words(p.open(box.sealed)[0]) == ("ok", "good", None)
    a.assert_no_leak()
