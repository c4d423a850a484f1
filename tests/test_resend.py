# SPDX-License-Identifier: GPL-3.0-or-later
"""A letter whose 250 the client never heard is sent again and goes to nobody
twice; one whose 250 was heard is a new letter whenever it is sent."""
import re
import threading

import pytest

from kit import client, letters, provider, wait_for
from people import ALICE, BOB


@pytest.fixture
def alice(make):
    with provider.Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(make.home(["alice"], trusted=["bob", "dan"]),
                       {ALICE: {"smtp": p.conf}})
        a.smtp = p
        yield a


def again(raw, n):
    """As a client makes it anew at each Send."""
    raw = re.sub(rb"(?m)^Message-ID: .*$", b"Message-ID: <again%d@x>\r" % n, raw)
    raw = re.sub(rb"(?m)^Date: .*$",
                 b"Date: Mon, 23 Nov 2026 0%d:00:00 +0000\r" % n, raw)
    for b in set(re.findall(rb'boundary="([^"]+)"', raw)):
        raw = raw.replace(b, b"other%d" % n + b)
    return raw


def send(a, raw, to=(BOB,)):
    return client.send(a.submission, ALICE, "x", list(to), raw)


def test_an_answer_nobody_heard(alice):
    raw, heard = letters.html(), threading.Event()
    alice.smtp.hooks["dot"] = lambda s, to: heard.wait(10) and None
    c = client.Smtp(alice.submission, ALICE, "x")
    assert c.envelope(ALICE, [BOB]).code == 354
    c.send(client.stuffed(raw))
    wait_for(lambda: alice.smtp.heard("DATA") == 1)
    c.abort()
    heard.set()
    wait_for(lambda: len(alice.smtp.accepted) == 1)
    alice.smtp.hooks.clear()
    wait_for(lambda: not [p for p in alice.all() if p.name == "gpg"])
    r = send(alice, again(raw, 1))
    assert r.code == 250
    assert len(alice.smtp.accepted) == 1
    # that 250 was heard: the same words once more are another letter
    assert send(alice, again(raw, 2)).code == 250
    assert len(alice.smtp.accepted) == 2
    # and another letter was never in doubt
    assert send(alice, letters.text()).code == 250
    assert len(alice.smtp.accepted) == 3


def test_heard_letters_are_never_duplicates(alice):
    for n in (1, 2, 3):
        assert send(alice, letters.html()).code == 250
        assert len(alice.smtp.accepted) == n
