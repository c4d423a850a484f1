# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Thunderbird as the client: what it writes leaves sealed, and what
came sealed it shows, by its own windows, without the add-on."""
import pytest

from kit import folder, keys, letters
from kit.provider import Provider
from kit.thunderbird_client import Client
from people import ALICE, BOB


@pytest.fixture(scope="module")
def bird(make_once):
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q, folder("llt") as d:
        home = make_once.home(["alice"], trusted=["bob", "frank"])
        a = make_once.agent(home, {ALICE: {"smtp": p.conf, "pop3": q.conf}})
        with Client(d, a, ALICE, "Alice Example", "x") as c:
            c.smtp, c.inbox = p, q
            yield c


def test_send(bird):
    bird.compose("", "Dear Bob: " + letters.SUBJECT, letters.BODY)
    bird.type("To", BOB + "\n")
    bird.press_send()
    bird.sent()
    got = bird.smtp.accepted[-1]
    assert got.to == [BOB]
    assert letters.BODY.encode() in keys.Decrypted(
        bird.agent.home, letters.cipher(got.data)).data


def test_fetch(bird):
    box = keys.encrypt(bird.agent.home, letters.payload(sender=BOB, to=(ALICE,)),
                       ["alice"], "alice")
    raw = letters.sealed(box, sender=BOB, to=(ALICE,))
    bird.inbox.mailbox[:] = [("u1", raw)]
    assert bird.fetch() == 0
    bird.show(letters.field(raw, "Message-ID")[1:-1])
    assert "Sealed " + letters.BODY in bird.shown()
