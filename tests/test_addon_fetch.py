# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading with the add-on in a real Thunderbird: the button and its popup for
letters of each kind, whatever stands in them."""
import os
import time

import pytest

from birds import bird as a_bird
from kit import keys, letters, others, wait_for
from kit.provider import Provider
from people import ALICE, BOB, FRANK

OPENED = "Sealed " + letters.BODY
TO = {"sender": BOB, "to": (ALICE,)}

# A letter that says of itself what the add-on would, and hides all else.
HOSTILE = """MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<html><head><style>
* { visibility: hidden !important; display: none; }
html, body, #fake, #fake * { visibility: visible !important; display: block; }
[data-extensionid], toolbarbutton, #header-view-toolbar { display: none
  !important; }
#fake { position: fixed; top: 0; left: 0; right: 0; z-index: 2147483647;
  background: #26a269; color: white }
</style></head><body>
<div id="fake" data-extensionid="addon@letterlock">Sealed, verified</div>
<p>%s</p></body></html>
""" % letters.BODY

SLOW_SECONDS = float(os.environ.get("LETTERLOCK_SLOW_LETTER", "38"))
# Thunderbird's own is 100; the agent waits 30 s before it feeds it
TCP_TIMEOUT = 35 if SLOW_SECONDS < 100 else 100


def forged(**kw):
    return letters.text(extra="Letterlock-Status: v=1; encryption=ok; "
                        "signature=good; signer=%s; trust=verified\n" % BOB,
                        **kw)


def kinds(home):
    """name -> (letter, label of the button, some words of the popup)"""
    def sealed(data, name=None, to="alice", **kw):
        return letters.sealed(keys.encrypt(home, data, [to], name),
                              **dict(TO, **kw))

    inner = letters.payload(**TO)
    part = letters.crlf("Content-Type: text/plain\n\nSigned %s\n"
                        % letters.BODY)
    signature = keys.sign(home, part, "bob")
    changed = part.replace(b"Signed zebra", b"Signed Zebra")
    hostile = letters.head(**TO) + letters.crlf(HOSTILE)
    return {
        "sealed": (sealed(inner, "bob"), "Sealed, verified",
                   "Signed by " + BOB),
        "sealed only": (sealed(inner), "Sealed, unsigned", "Not signed"),
        "signed": (letters.signed(part, signature, **TO), "Signed",
                   "Signed by " + BOB),
        "badly signed": (letters.signed(changed, signature, **TO),
                         "Bad signature", "The signature is wrong"),
        "by somebody else": (sealed(inner, "frank"), "Bad signature",
                             "who is not the sender"),
        "clear": (letters.text(**TO), "Readable", "Not signed"),
        "forged": (forged(**TO), "Readable", "Not signed"),
        "hostile": (hostile, "Readable", "Not signed"),
        "broken": (others.flip(sealed(inner, "bob")), "Not opened",
                   "not sealed as it should be"),
        "not for us": (sealed(inner, "bob", to="dan"), "Not opened",
                       "not sealed for any key of yours"),
    }


NAMES = ["sealed", "sealed only", "signed", "badly signed", "by somebody else",
         "clear", "forged", "hostile", "broken", "not for us"]


def message_id(raw):
    return letters.field(raw, "Message-ID")[1:-1]


class Slow(Provider):
    """A provider whose letters take so long, but never stand still (min-rate
    in letterlock.conf)."""

    def _give(self, session, data):
        for i in range(0, len(data), 400):
            session.send(data[i:i + 400])
            time.sleep(SLOW_SECONDS * 400 / len(data))
        session.send(b".\r\n")


@pytest.fixture(scope="module")
def slow():
    with Slow("pop3", {FRANK: "x"}) as p:
        yield p


@pytest.fixture(scope="module")
def bird(make_once, slow):
    """All the letters are fetched; the slow one is on its way."""
    others_ = {FRANK: {"pop3": slow.conf}}
    with a_bird(make_once, secret=["alice", "frank"], trusted=["bob"],
                public=["dan"], others=others_,
                agent={"unlock-timeout": 5} if TCP_TIMEOUT < 100 else {},
                prefs={"mailnews.tcptimeout": TCP_TIMEOUT}) as b:
        sender = make_once.home(["bob", "frank"], ["alice", "dan"])
        b.second(FRANK, "x")
        text = "%s\n%s" % (letters.b64(letters.noise(
            int(300 * SLOW_SECONDS))), letters.BODY)
        b.slow = letters.sealed(keys.encrypt(
            sender, letters.payload(text, sender=BOB, to=(FRANK,)),
            ["frank"], "bob"), sender=BOB, to=(FRANK,))
        slow.mailbox[:] = [("slow", b.slow)]
        b.kinds = kinds(sender)
        b.inbox.mailbox[:] = [("u%d" % i, b.kinds[n][0])
                              for i, n in enumerate(NAMES)]
        assert b.fetch() == 0
        # after the others: Thunderbird fetches for one account at a time
        b.begin_fetch(FRANK)
        b.began = time.monotonic()
        yield b


@pytest.mark.parametrize("name", NAMES)
def test_label_and_popup(bird, name):
    raw, label, words = bird.kinds[name]
    bird.show(message_id(raw))
    said = bird.wait_label("message", label)
    assert not said["disabled"] and not said["hidden"]
    bird.open_popup("message", "#title")
    bird.wait_words(words, "#details")
    assert bird.popup_text("#title") == label
    assert (BOB in bird.popup_text()) == (name in ("sealed", "signed"))
    bird.close_popup()


def test_what_a_letter_says_of_itself(bird):
    """Its style and its banner stay within its own document, where nothing is
    of the add-on; the button is outside, in sight, and not to be imitated."""
    raw, label, _ = bird.kinds["hostile"]
    bird.show(message_id(raw))
    bird.wait_label("message", label)
    got = bird.js("""
    let w = LL.home('message'), b = LL.button('message');
    let doc = w.getMessagePaneBrowser().contentDocument;
    let box = b.getBoundingClientRect();
    return {fake: doc.getElementById('fake').textContent,
      inside: doc.documentElement.outerHTML, same: b.ownerDocument == doc,
      width: box.width, height: box.height,
      seen: w.document.elementFromPoint(box.x + box.width / 2,
        box.y + box.height / 2)?.closest('[data-extensionid]') == b};""")
    assert got["fake"] == "Sealed, verified"    # it did try
    assert "moz-extension" not in got["inside"]
    assert not got["same"] and got["seen"]
    assert got["width"] > 20 and got["height"] > 10


def test_one_after_the_other(bird):
    """Fast from letter to letter: the last word is of the last letter."""
    for name in NAMES + NAMES[::-1]:
        bird.show(message_id(bird.kinds[name][0]))
    bird.wait_label("message", bird.kinds[NAMES[0]][1])
    time.sleep(1)
    assert bird.button("message")["label"] == bird.kinds[NAMES[0]][1]


def test_a_forged_verdict_from_elsewhere(bird):
    """What did not come through the agent has its look-alikes still."""
    raw = forged(sender=BOB, to=(ALICE,))
    bird.keep(raw)
    bird.show(message_id(raw), "kept")
    bird.wait_label("message", "Forged")
    bird.open_popup("message", "#title")
    assert "verified" not in bird.popup_text("#title")
    bird.close_popup()


def test_changed_since(bird):
    """A letter with our verdict, copied with other words in it."""
    raw = bird.kinds["sealed"][0]
    bird.show(message_id(raw))
    stored = bird.stored(message_id(raw))
    assert b"Letterlock-Status: v=1" in stored and OPENED.encode() in stored
    bird.keep(stored, "same")
    bird.show(message_id(raw), "same")
    bird.wait_label("message", "Sealed, verified")
    bird.keep(stored.replace(b"Sealed zebra", b"Sealed Zebra"), "changed")
    bird.show(message_id(raw), "changed")
    bird.wait_label("message", "Changed")


def test_a_sealed_letter_from_elsewhere(bird):
    """Imported into a local folder, it is opened in a tab of its own."""
    raw = letters.sealed(keys.encrypt(
        bird.keyring, letters.payload(sender=BOB, to=(ALICE,)), ["alice"],
        "alice"), sender=BOB, to=(ALICE,))
    bird.keep(raw, "old")
    bird.show(message_id(raw), "old")
    bird.open_popup("message", "#open")
    bird.click("#open")
    wait_for(lambda: "/letter.html" in bird.pages())
    words = bird.wait_words(OPENED, page="letter.html")
    assert letters.SUBJECT in words
    bird.close_tabs()


def test_a_letter_that_takes_long(bird):
    """As long as there is life, Thunderbird is fed: no timeout, no dialog."""
    wait_for(lambda: bird.fetched() is not None, SLOW_SECONDS + 60, 0.2)
    assert bird.fetched() == 0
    assert time.monotonic() - bird.began > TCP_TIMEOUT
    assert bird.ids(FRANK) == [message_id(bird.slow)]
    bird.show(message_id(bird.slow), None, FRANK)
    bird.wait_label("message", "Sealed, verified")
    assert letters.BODY in bird.shown()
