# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing with the add-on in a real Thunderbird: what the button and its popup
say is what then goes to the provider."""
import time

import pytest

from birds import bird as a_bird
from kit import client, keys, letters, write
from people import ALICE, BOB, CAROL, DAN, EVE, FRANK

SUBJECT = "Dear Bob: " + letters.SUBJECT
BODY = "Hello, %s\n" % letters.BODY
NOBODY, OTHER = "nobody@example.net", "other@example.net"   # no keys either


@pytest.fixture(scope="module")
def the_bird(make_once):
    with a_bird(make_once, trusted=["bob", "dan", "frank", "carol"],
                public=["mallory"]) as b:
        yield b


@pytest.fixture
def bird(the_bird):
    the_bird.before = len(the_bird.smtp.accepted)
    yield the_bird
    the_bird.close_writing()


def accepted(b):
    """What the provider has got in this test."""
    return b.smtp.accepted[b.before:]


def opened(reader, name, letter):
    """A letter on the wire is opened by its reader with plain gpg."""
    got = keys.Decrypted(reader(name), letters.cipher(letter.data))
    assert got.ok and got.signer == keys.FPR["alice"]
    assert letters.BODY.encode() in got.data
    assert letters.SUBJECT.encode() in got.data


def refused(b):
    """Send was stopped: the window stays, its popup says why, and the
    provider has heard nothing: the words."""
    heard = b.smtp.heard("MAIL")
    b.press_send()
    b.wait_popup("#words")
    said = b.wait_words("Letterlock", "#words").strip()
    assert b.writing() == 1 and not b.dialogs()
    assert b.smtp.heard("MAIL") == heard and not accepted(b)
    return said


def test_sealed_for_two(bird, reader):
    bird.compose("", SUBJECT, BODY)
    bird.type("To", BOB + "\n" + FRANK + "\n")
    t = time.monotonic()
    bird.wait_label("compose", "Sealed")
    assert time.monotonic() - t < 5     # one second where nothing else runs
    bird.open_popup("compose", "#recipients li")
    assert bird.popup(STATES) == [[BOB, "sealed"], [FRANK, "sealed"]]
    bird.close_popup()
    bird.press_send()
    bird.sent()
    got, = accepted(bird)
    assert got.to == [BOB, FRANK]
    assert keys.sealed_to(letters.cipher(got.data)) == keys.ids(
        "alice", "bob", "frank")
    opened(reader, "bob", got)
    opened(reader, "frank", got)


STATES = """
return [...document.querySelectorAll('#recipients li')].map(
  e => [e.dataset.address, e.dataset.state]);"""


def test_a_third_without_a_key(bird):
    """Nobody of them got a sealed letter before: see test_sealed_once."""
    bird.compose("", SUBJECT, BODY)
    bird.type("To", CAROL + "\n" + DAN + "\n")
    bird.wait_label("compose", "Sealed")
    bird.type("To", EVE + "\n")
    bird.wait_label("compose", "1 without key")
    said = refused(bird)
    assert said.startswith("Letterlock did not send this") and EVE in said
    # what any other mail program would have been told
    r = client.send(bird.agent.submission, ALICE, "x", [CAROL, DAN, EVE],
                    letters.text())
    assert r.code == 550 and r.text.endswith(said), (r.text, said)
    assert bird.popup(STATES)[0] == [EVE, "no-key"]
    bird.click("#allow-once")
    bird.wait_label("compose", "Readable")
    bird.close_popup()
    bird.press_send()
    bird.sent()
    got, = accepted(bird)
    assert got.to == [CAROL, DAN, EVE]
    assert letters.field(got.data, "Subject") == SUBJECT
    assert letters.BODY.encode() in letters.body(got.data)
    assert b"BEGIN PGP" not in got.data


def test_readable_once_is_once(bird):
    bird.compose(NOBODY, SUBJECT, BODY)
    bird.wait_label("compose", "1 without key")
    bird.open_popup("compose", "#allow-once")
    bird.click("#allow-once")
    bird.wait_label("compose", "Readable")
    bird.close_popup()
    bird.close_writing()
    bird.compose(NOBODY, SUBJECT, BODY)
    bird.wait_label("compose", "1 without key")


def test_readable_for_a_contact(bird):
    """Allowed for good: the next letter asks nothing."""
    bird.compose(OTHER, SUBJECT, BODY)
    bird.wait_label("compose", "1 without key")
    bird.open_popup("compose", "#recipients li")
    bird.click("button[data-do=allow-contact]")
    bird.click("button[data-do=allow-contact-yes]")
    bird.wait_label("compose", "Readable")
    bird.close_popup()
    bird.close_writing()
    bird.compose(OTHER, SUBJECT, BODY)
    bird.wait_label("compose", "Readable")
    bird.press_send()
    bird.sent()
    got, = accepted(bird)
    assert got.to == [OTHER] and letters.BODY.encode() in got.data


def test_bcc(bird, reader):
    """A copy for each that is hidden, and nobody sees of the other."""
    bird.compose(BOB, SUBJECT, BODY)
    bird.type("Bcc", DAN + "\n")
    bird.wait_label("compose", "Sealed")
    bird.press_send()
    bird.sent()
    got = {x.to[0]: x for x in accepted(bird)}
    assert sorted(got) == [BOB, DAN] and len(accepted(bird)) == 2
    for name, x in (("bob", got[BOB]), ("dan", got[DAN])):
        assert len(x.to) == 1 and letters.field(x.data, "Bcc") is None
        assert keys.sealed_to(letters.cipher(x.data)) == keys.ids(
            "alice", name)
        opened(reader, name, x)
    assert DAN.encode() not in got[BOB].data


def test_a_bcc_without_a_key(bird):
    bird.compose(BOB, SUBJECT, BODY)
    bird.wait_label("compose", "Sealed")
    bird.type("Bcc", EVE + "\n")
    bird.wait_label("compose", "1 without key")
    assert EVE in refused(bird)


def test_not_to_be_sealed(bird):
    """The switch in the popup: what is switched off leaves readable."""
    bird.compose(CAROL, SUBJECT, BODY)
    bird.wait_label("compose", "Sealed")
    bird.open_popup("compose", "#seal")
    assert bird.popup("return document.querySelector('#seal').checked;")
    bird.click("#seal")
    bird.wait_label("compose", "Readable")
    bird.click("#seal")
    bird.wait_label("compose", "Sealed")
    bird.click("#seal")
    bird.wait_label("compose", "Readable")
    bird.close_popup()
    bird.press_send()
    bird.sent()
    got, = accepted(bird)
    assert letters.BODY.encode() in letters.body(got.data)


def test_sealed_once(bird):
    """Who got a sealed letter gets no readable one by a switch alone."""
    bird.compose(BOB, SUBJECT, BODY)
    bird.wait_label("compose", "Sealed")
    bird.press_send()
    bird.sent()
    bird.compose(BOB, SUBJECT, BODY)
    bird.wait_label("compose", "Sealed")
    bird.open_popup("compose", "#seal")
    bird.click("#seal")
    bird.wait_label("compose", "Will be refused")
    bird.close_popup()
    bird.before = len(bird.smtp.accepted)
    assert "stay sealed" in refused(bird)


def test_not_to_be_signed(bird, reader):
    bird.compose(FRANK, SUBJECT, BODY)
    bird.wait_label("compose", "Sealed")
    bird.open_popup("compose", "#sign")
    assert bird.popup("return document.querySelector('#sign').checked;")
    bird.click("#sign")
    bird.wait_words("not signed", "#summary")
    bird.close_popup()
    bird.press_send()
    bird.sent()
    got, = accepted(bird)
    got = keys.Decrypted(reader("frank"), letters.cipher(got.data))
    assert got.ok and got.signer is None


def test_a_large_attachment(bird):
    """25 MB: Thunderbird's own progress moves, and it leaves sealed."""
    path = write(bird.d + "/big.bin", letters.noise(25 << 20))
    bird.compose(BOB, SUBJECT, BODY, [path])
    bird.wait_label("compose", "Sealed")
    moved = bird.send_and_watch()
    between = [x for x in moved if 0 < x < 100]
    assert len(set(between)) >= 5, moved
    got, = accepted(bird)
    assert keys.sealed_to(letters.cipher(got.data)) == keys.ids("alice", "bob")
    assert len(got.data) > 25 << 20


def test_no_false_alarm(bird):
    """All of it went through the agent: no window says that something did
    not, nor anything else."""
    assert not bird.dialogs()
    assert bird.js("""return [...Services.wm.getEnumerator(null)]
      .filter(w => w.location.href.includes('extensionPopup')).length;""") == 0
