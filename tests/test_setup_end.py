# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of letterlock setup: the agent runs, a letter to oneself proves it, and
undo takes it back."""
import os

import pytest

from kit.newcomer import LOCAL, Newcomer
from people import ALICE, USERS, lies


@pytest.fixture
def owner(make):
    n = Newcomer(make, secret=["alice"])
    n.env["XDG_RUNTIME_DIR"] = os.path.join(n.d, "run")
    os.mkdir(n.env["XDG_RUNTIME_DIR"], 0o700)
    yield n
    n.run("undo", "--yes", ALICE)
    assert not n.agent()


def at(mail, *args):
    account = mail.account()
    return ["--smtp", account["smtp"], "--pop3", account["pop3"],
            "--ca-file", mail.ca, *LOCAL, *args]


def test_welcome(owner, mail):
    """Sealed on its way, opened here, both shown; it stays in the inbox."""
    p = owner.setup(*at(mail), password=USERS[ALICE], start=True)
    lay, = lies(mail, ALICE)
    assert b"BEGIN PGP MESSAGE" in lay and b"Welcome" not in lay
    seen, read = p.stdout.split("What you read")
    assert "BEGIN PGP MESSAGE" in seen and "Welcome" not in seen.split(
        "What your provider saw")[1]
    assert "Subject: Welcome to Letterlock" in read
