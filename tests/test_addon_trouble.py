# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on in a real Thunderbird when the agent, its host or the key is not
there: it says so, holds nothing up, and is back by itself."""
import os
import signal
import time

import pytest

from birds import bird as a_bird
from kit import keys, letters, wait_for
from kit.provider import Gate, drop
from people import ALICE, BOB, CAROL, EVE

SUBJECT = "Dear Bob: " + letters.SUBJECT
BODY = "Hello, %s\n" % letters.BODY


@pytest.fixture(scope="module")
def the_bird(make_once):
    with a_bird(make_once, trusted=["bob"]) as b:
        b.inbox.mailbox[:] = [("u1", letters.text(sender=BOB, to=(ALICE,)))]
        assert b.fetch() == 0
        yield b


@pytest.fixture
def bird(the_bird):
    yield the_bird
    the_bird.close_writing()
    if the_bird.agent.alive():
        return
    the_bird.agent.start()
    the_bird.follow()


def both(b, compose, message, seconds=15):
    b.wait_label("compose", compose, seconds)
    b.wait_label("message", message, seconds)


@pytest.fixture
def at_work(bird):
    """A letter is being written, another is read."""
    bird.show(bird.ids()[0])
    bird.compose(BOB, SUBJECT, BODY)
    both(bird, "Sealed", "Readable")
    return bird


def hosts(b):
    """The native-messaging hosts of this Thunderbird."""
    out = []
    for pid in b.processes():
        try:
            with open("/proc/%d/cmdline" % pid, "rb") as f:
                name = f.read().split(b"\0")[0]
        except OSError:
            continue
        if os.path.basename(name) == b"letterlock-nmh":
            out.append(pid)
    return out


def end_host(b):
    pid, = hosts(b)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: pid not in hosts(b))


def back(b):
    """The agent is started again, and the add-on sees it by itself."""
    if b.agent.process:
        b.agent.process.wait(5)
        b.agent.process = None
    b.agent.start()
    b.follow()
    both(b, "Sealed", "Readable")


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_agent_gone_and_back(at_work, how):
    b = at_work
    if how == "stopped":
        b.agent.stop()
    else:
        b.agent.kill_role("guard")
        wait_for(lambda: not b.agent.own())
    both(b, "Not running", "Not running")
    b.open_popup("compose", "#summary")
    b.wait_words("not running", "#summary")
    b.close_popup()
    back(b)
    b.press_send()
    b.sent()
    assert keys.sealed_to(letters.cipher(
        b.smtp.accepted[-1].data)) == keys.ids("alice", "bob")


def test_agent_killed_while_it_sends(at_work):
    """Thunderbird waits on when a connection goes; but the add-on says why,
    and after Cancel the letter is there and leaves by the next agent."""
    b = at_work
    gate = b.smtp.hooks["dot"] = Gate(drop)
    b.press_send()
    gate.wait()
    for p in b.agent.own():
        os.kill(p.pid, signal.SIGKILL)
    gate.open()
    both(b, "Not running", "Not running")
    b.cancel_sending()
    b.smtp.hooks.clear()
    n = len(b.smtp.accepted)
    back(b)
    wait_for(lambda: not b.button("compose")["disabled"])
    b.press_send()
    b.sent()
    assert len(b.smtp.accepted) == n + 1


def test_host_crashes(at_work):
    """It is started again at once for who asks, and else in a while."""
    b = at_work
    end_host(b)
    b.type("To", EVE + "\n")
    b.wait_label("compose", "1 without key")
    b.close_writing()
    b.js("LL.pane().threadTree.selectedIndex = -1;")
    end_host(b)
    wait_for(lambda: hosts(b))
    b.show(b.ids()[0])
    b.wait_label("message", "Readable")


def test_a_stalled_agent_holds_up_nobody(at_work):
    """The window of a letter is free again within 3 s."""
    b = at_work
    stopped = [p.pid for p in b.agent.role("plugin")]
    assert stopped
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        t = time.monotonic()
        n = len(b.smtp.accepted)
        b.press_send()
        wait_for(lambda: b.popups() or len(b.smtp.accepted) > n, 10)
        assert time.monotonic() - t < 3 + 2     # a busy machine
    finally:
        for pid in stopped:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass


# ---- a key with a passphrase

@pytest.fixture(scope="module")
def carols(make_once):
    with a_bird(make_once, me=CAROL, secret=["carol"], trusted=["bob"],
                agent={"unlock-timeout": 5}) as b:
        yield b


def test_a_letter_for_a_locked_key(carols, make):
    """One from elsewhere: it can't be opened, then it can."""
    b = carols
    raw = letters.sealed(keys.encrypt(
        make.home(["bob"], ["carol"]), letters.payload(
            sender=BOB, to=(CAROL,)), ["carol"], "bob"), sender=BOB,
        to=(CAROL,))
    b.keep(raw)
    b.show(letters.field(raw, "Message-ID")[1:-1], "kept")
    b.wait_label("message", "Locked")
    keys.pinentry(b.keyring, "answer", keys.PASSPHRASE["carol"])
    b.open_popup("message", "#unlock")
    b.click("#unlock")
    b.click("#open")
    wait_for(lambda: "/letter.html" in b.pages())
    b.wait_words("Sealed " + letters.BODY, page="letter.html")
    b.close_tabs()


def test_locked_key(carols):
    b = carols
    keys.kill(b.keyring)    # gpg-agent forgets
    b.compose(BOB, SUBJECT, BODY)
    b.wait_label("compose", "Locked")
    keys.pinentry(b.keyring, "answer", keys.PASSPHRASE["carol"])
    b.open_popup("compose", "#unlock")
    b.click("#unlock")
    b.wait_label("compose", "Sealed")
    b.close_popup()
    b.press_send()
    b.sent()
    assert keys.sealed_to(letters.cipher(
        b.smtp.accepted[-1].data)) == keys.ids("bob", "carol")
