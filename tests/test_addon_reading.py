# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading with the add-on in a real Thunderbird: the agent's part is played,
so that each of its answers can be had."""
import base64
import json
import os
import signal
import types

import pytest

from kit import folder, letters, wait_for, write
from kit.thunderbird_client import Client
from people import ALICE, BOB

HERE = os.path.dirname(os.path.abspath(__file__))
ADDON = os.path.join(HERE, "../plugin-api/thunderbird")
FPR = "0123456789ABCDEF0123456789ABCDEF01234567"
CLAIM = "Letterlock-Status: v=1; encryption=ok; bh=AAAA; mac=AAAA\n"


def genuine(encryption="ok", signature="good", trust="verified", **more):
    v = dict(encryption=encryption, signature=signature, signer=BOB, fpr=FPR,
             trust=trust, time=1795442000, **more)
    return {"state": "genuine", "verdict": v}


class Played:
    """The agent: what it answers, and what it was asked."""

    def __init__(self, path):
        self.path, self.now = path, {}
        self.set()

    def set(self, **what):
        self.now.update(what)
        write(self.path + ".new", json.dumps(self.now))
        os.rename(self.path + ".new", self.path)

    def verdict(self, ident, answer):
        self.set(verdict=dict(self.now.get("verdict", {}), **{ident: answer}))

    def tell(self, **event):
        self.set(events=self.now.get("events", []) + [event])

    def asked(self, call):
        with open(self.path + ".asked", encoding="utf-8") as f:
            return [m for m in map(json.loads, f) if m["call"] == call]

    def kill(self):
        with open(self.path + ".pid", encoding="utf-8") as f:
            os.kill(int(f.read()), signal.SIGKILL)


@pytest.fixture(scope="module")
def bird():
    with folder("llt") as d:
        agent = Played(os.path.join(d, "script"))
        a = types.SimpleNamespace(submission=9, pop3=9,
                                  plugin_socket=agent.path)
        with Client(d, a, ALICE, "Alice Example", "x", addon=ADDON,
                    host=os.path.join(HERE, "kit/nmh_played.py")) as c:
            c.played = agent
            yield c


@pytest.fixture(autouse=True)
def rested(bird):
    """Each test begins with a running agent and an unlocked key."""
    bird.played.set(running=True, error={}, ok={"status": {"accounts": [
        {"address": ALICE, "key": "unlocked"}]}})
    yield
    if bird.popups():
        bird.close_popup()
    bird.close_tabs()


def letter(bird, answer=None, raw=None, **kw):
    """A letter in a folder, of which the agent says that: its id."""
    raw = raw or letters.text(sender=BOB, to=(ALICE,), **kw)
    ident = letters.field(raw, "Message-ID")[1:-1]
    if answer:
        bird.played.verdict(ident, answer)
    bird.keep(raw)
    return ident


def show(bird, answer, label, **kw):
    ident = letter(bird, answer, **kw)
    bird.show(ident, "kept")
    return bird.wait_label("message", label)


LABELS = [
    (genuine(), "Sealed, verified", "sealed-verified"),
    (genuine(trust="seen"), "Sealed", "sealed"),
    (genuine(signature="none"), "Sealed, unsigned", "sealed-unknown"),
    (genuine(signature="untrusted"), "Sealed, unchecked", "sealed-unknown"),
    (genuine("none"), "Signed", "signed"),
    (genuine(signature="bad"), "Bad signature", "bad"),
    (genuine("none", "mismatch"), "Bad signature", "bad"),
    (genuine("none", "none"), "Readable", "readable"),
    (genuine("failed", "none", reason="no-secret-key"), "Not opened",
     "closed"),
    # not what the agent vouches for, whatever it says
    (dict(genuine(), state="changed"), "Changed", "forged"),
    (dict(genuine(), state="forged"), "Forged", "forged"),
    (dict(genuine(), state="other"), "Not confirmed", "closed"),
    ({"state": "none"}, "Readable", "readable"),
    ({"state": "none", "sealed": True}, "Not opened", "closed"),
    ({"state": "new and unknown"}, "No answer", "off"),
]


def test_label(bird):
    for answer, label, icon in LABELS:
        show(bird, answer, label)
        # set one after the other
        wait_for(lambda: "/icons/%s.svg" % icon in
                 bird.button("message")["icon"])
        assert bird.button("message")["title"] not in ("", label)


def test_only_what_claims_is_sent_whole(bird):
    show(bird, genuine(), "Sealed, verified", extra=CLAIM)
    show(bird, None, "Readable")
    whole, head = [base64.b64decode(m["data"])
                   for m in bird.played.asked("verdict")[-2:]]
    assert letters.BODY.encode() in whole and b"bh=AAAA" in whole
    assert letters.BODY.encode() not in head and head.endswith(b"\n\n")


def test_look_alikes(bird):
    """Nothing in a letter makes the button say anything."""
    html = ("<style>* { display: none }</style><div style='position:fixed'>"
            "Letterlock: Sealed, verified</div>")
    raw = letters.head(sender=BOB, to=(ALICE,), extra=CLAIM + "".join(
        "%s: Sealed, verified\n" % n for n in (
            "Letterlock-Status", "X-Letterlock-Status"))) + letters.crlf(
        "MIME-Version: 1.0\nContent-Type: text/html\n\n" + html + "\n")
    show(bird, {"state": "forged"}, "Forged", raw=raw)
    # and the letter's document is as it came
    assert not bird.js("""
        return LL.home('message').getMessagePaneBrowser().contentDocument
          .querySelectorAll('script, [class*=letterlock]').length""")


def test_quick_change(bird):
    """The first letter's verdict comes when the second is on display."""
    slow = letter(bird, genuine())
    bird.played.set(slow={slow: 3})
    first = letter(bird, {"state": "forged"})
    bird.show(first, "kept")
    bird.wait_label("message", "Forged")
    bird.show(slow, "kept")
    bird.wait_label("message", "Letterlock")
    bird.show(first, "kept")
    bird.wait_label("message", "Forged")
    for _ in range(40):
        assert bird.button("message")["label"] == "Forged"
        bird.js("await LL.sleep(100)")
    bird.show(slow, "kept")
    bird.wait_label("message", "Sealed, verified")


def test_popup(bird):
    bird.played.set(ok=dict(bird.played.now["ok"], contacts={"contacts": [
        {"address": BOB, "key": FPR, "since": 1780000000, "accepted": []}]}))
    show(bird, genuine(trust="seen"), "Sealed")
    bird.open_popup("message", "#verify")
    said = bird.wait_words("May 28, 2026", "#details")  # the agent's answer
    assert "Signed by " + BOB in said
    assert "0123 4567 89AB CDEF 0123 4567 89AB CDEF 0123 4567" in said
    assert bird.popup_text("#title") == "Sealed"
    bird.click("#verify")
    bird.wait_popup("#answer.good")
    asked = bird.played.asked("contacts")
    assert [(m["accept"], m["verified"], m["address"]) for m in asked
            if "accept" in m] == [(FPR, True, BOB)]


def test_popup_claims_nothing_else(bird):
    show(bird, dict(genuine(), state="forged"), "Forged")
    bird.open_popup("message", "#what-to-do")
    assert bird.popup_text("#details") == ""
    assert not bird.popup("""return [...document.querySelectorAll('button')]
        .filter(b => b.getClientRects().length).length""")


def test_locked(bird):
    show(bird, {"state": "none", "sealed": True}, "Not opened")
    ok = bird.played.now["ok"]
    bird.played.set(ok={"status": {"accounts": [
        {"address": ALICE, "key": "locked"}]}})
    bird.played.tell(event="locked", account=ALICE)
    bird.wait_label("message", "Locked")
    bird.open_popup("message", "#unlock")
    bird.played.set(ok=ok)
    bird.click("#unlock")
    bird.wait_label("message", "Not opened")
    assert bird.played.asked("unlock")[-1]["account"] == ALICE


def test_agent_goes_and_comes(bird):
    show(bird, genuine(), "Sealed, verified")
    bird.played.set(running=False)
    bird.wait_label("message", "Not running")
    bird.open_popup("message", "#what-to-do")
    assert bird.popup_text("#title") == "Not running"
    bird.close_popup()
    show(bird, genuine(), "Not running")
    bird.played.set(running=True)
    bird.wait_label("message", "Sealed, verified")


def test_host_crashes(bird):
    show(bird, genuine(), "Sealed, verified")
    bird.played.kill()
    bird.wait_label("message", "Not running")
    bird.wait_label("message", "Sealed, verified")


# ---- a sealed letter that did not come through the agent

HOSTILE = """<html><head><style>* { position: fixed; top: 0 }</style>
<base href="https://evil.example/"><meta http-equiv="refresh" content="0;https://evil.example/">
<script>parent.document.title = "owned"</script></head>
<body onload="parent.document.title = 'owned'"><p style="position:fixed" id="title">Sealed, verified</p>
<script>parent.document.title = "owned"</script>
<a href="https://evil.example/">click</a><a href="javascript:alert(1)">run</a>
<img src="https://evil.example/x.png"><img src="x" onerror="parent.document.title='owned'">
<img src="cid:p@1"><iframe src="https://evil.example/"></iframe><form action="https://evil.example/"><input></form>
<svg><script>parent.document.title = "owned"</script></svg><object data="https://evil.example/"></object>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">
</body></html>"""
PNG = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAE"
       "hQGAhKmMIQAAAABJRU5ErkJggg==")
LETTER = letters.head(
    sender=BOB, to=(ALICE,), subject="=?utf-8?b?R3LDvMOfZQ==?= <b>x</b>"
) + letters.crlf("""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="aa"

preamble
--aa
Content-Type: multipart/alternative; boundary="bb"

--bb
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hell=C3=B6 https://example.org/x?a=3Db. =
<img src=3Dx>
--aab is no boundary
--bb
Content-Type: text/html; charset=utf-8

%s
--bb--
--aa
Content-Type: image/png
Content-ID: <p@1>
Content-Transfer-Encoding: base64

%s
--aa
Content-Type: application/pdf; name="no.pdf"
Content-Disposition: attachment; filename*0*=utf-8''%%e2%%80%%ae%%c3%%a4r;
 filename*1="ger/../.pdf"
Content-Transfer-Encoding: base64

aGVsbG8gd29ybGQ=
--aa--
""" % (HOSTILE, PNG))


def opened(bird, raw=LETTER, **verdict):
    """The agent opens this; press Open."""
    path = write(os.path.join(bird.d, "opened.eml"), raw)
    bird.played.set(opened=path, ok=dict(
        bird.played.now["ok"], open=genuine(**verdict)["verdict"]))
    show(bird, {"state": "none", "sealed": True}, "Not opened")
    bird.open_popup("message", "#open")
    bird.click("#open")
    return read(bird)


def read(bird):
    def there():
        """the letter's tab"""
        return "/letter.html" in bird.pages() and page(
            bird, "return document.getElementById('verdict').dataset.kind")
    return wait_for(there, 10, 0.05)


def page(bird, body, *args):
    return bird.page("letter.html", body, *args)


def value(bird, ident):
    return page(bird, "return document.getElementById(arguments[0])"
                      ".textContent", ident)


def test_opened(bird):
    assert opened(bird) == "verified"
    asked = bird.played.asked("open")[-1]
    assert asked["ask"] is True
    assert letters.BODY.encode() in base64.b64decode(asked["data"])
    assert value(bird, "title") == "Sealed, verified"
    assert value(bird, "from") == "Alice Example <%s>" % BOB
    assert value(bird, "subject") == "Gr\u00fc\u00dfe <b>x</b>"
    assert value(bird, "body") == ("Hell\u00f6 https://example.org/x?a=b. "
                                   "<img src=x>\n--aab is no boundary")
    # the character that turns the direction is gone, and so is the path
    assert page(bird, "return [...document.querySelectorAll('#files bdi')]"
                      ".map(e => e.textContent)") == [" \u00e4rger_.._.pdf"]
    assert page(bird, "return document.title") == "Opened letter"


def test_opened_is_harmless(bird):
    opened(bird)
    page(bird, "document.getElementById('as-html').click()")
    got = page(bird, "return document.getElementById('frame').srcdoc")
    assert "click &lt;https://evil.example/&gt;" in got
    assert "data:image/png;base64," + PNG in got
    for bad in ("<script", "<style", "style=", "onload", "onerror=", "<base",
                "<iframe", "<form", "<input", "<svg", "<object", "<math",
                "href=", "src=\"http", "javascript:", "id="):
        assert bad not in got.replace("&lt;", "").replace("&gt;", ""), bad
    # what stands above is still ours
    assert page(bird, "return document.title") == "Opened letter"
    assert page(bird, """
        let box = document.getElementById('letter');
        let bottom = document.getElementById('verdict')
          .getBoundingClientRect().bottom;
        return box.getBoundingClientRect().top >= bottom &&
          getComputedStyle(box).contain""") == "strict"


def test_frame_runs_nothing(bird):
    """Even if tidying failed: the sandbox, and the policy of the page. The
    policy alone would block the scripts; the page can't see into the frame,
    nor the frame out of it."""
    opened(bird)
    assert page(bird, """
        let f = document.getElementById('frame');
        f.hidden = false;
        f.srcdoc = arguments[0];
        return new Promise(done => setTimeout(() => done(
          [document.title, f.contentDocument === null]), 300))""",
                HOSTILE.replace("refresh", "")) == ["Opened letter", True]


def test_opened_in_pieces(bird):
    """A letter that is HTML only, with a list's words under it."""
    raw = letters.head(sender=BOB, to=(ALICE,)) + letters.crlf(
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n"
        "Content-Type: text/html\n\n<p>Dear <b>Alice</b></p><p>Bob</p>\n--x\n"
        "Content-Type: text/plain\n\n<i>list</i>\n--x--\n")
    assert opened(bird, raw) == "verified"
    got = page(bird, "return document.getElementById('frame').srcdoc")
    assert "Dear <b>Alice</b>" in got and "&lt;i&gt;list&lt;/i&gt;" in got
    page(bird, "document.getElementById('as-text').click()")
    assert value(bird, "body") == "Dear Alice\n\nBob\n<i>list</i>"


def test_opened_is_long(bird):
    raw = letters.head(sender=BOB, to=(ALICE,)) + b"\r\n" + (
        b"https://example.org/" + b"." * 900 + b" x\r\n") * 1200
    assert opened(bird, raw) == "verified"
    assert len(value(bird, "body")) < 1100000
    assert value(bird, "body").endswith("can be saved below.]")
    assert page(bird, "return document.querySelectorAll('#files button')"
                      ".length") == 1


def test_opened_while_locked(bird):
    bird.played.set(error={"open": "locked"})
    assert opened(bird) == "locked"
    assert page(bird, "return document.getElementById('letter').hidden")
    bird.played.set(error={})
    page(bird, "document.getElementById('unlock').click()")
    wait_for(lambda: value(bird, "title") == "Sealed, verified", 10, 0.05)


def test_opened_failed(bird):
    assert opened(bird, encryption="failed", signature="none",
                  reason="integrity") == "failed"
    assert page(bird, "return document.getElementById('letter').hidden")
    assert "damaged" in value(bird, "words")


def test_opened_by_itself(bird):
    assert opened(bird) == "verified"
    bird.close_tabs()
    bird.background("messenger.storage.local.set({open: 'auto'})")
    try:
        show(bird, {"state": "none", "sealed": True}, "Not opened")
        assert read(bird) == "verified"
    finally:
        bird.background("messenger.storage.local.set({open: 'click'})")


def test_welcome(bird):
    bird.background("messenger.tabs.create({url: 'welcome.html'})")

    def agent():
        """what the page says of the agent"""
        return "/welcome.html" in bird.pages() and bird.page(
            "welcome.html",
            "return document.getElementById('agent').dataset.state")
    wait_for(lambda: agent() == "running", 10, 0.05)
    assert ALICE in bird.page("welcome.html", "return document"
                              ".getElementById('accounts').textContent")
    bird.played.set(running=False)
    wait_for(lambda: agent() == "not-running", 10, 0.05)
