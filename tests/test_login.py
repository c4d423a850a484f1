# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong passwords: answered at the provider's speed, then ever later."""
import time

import pytest

from kit import client, wait_for
from kit.provider import drop, say
from people import ALICE, BOB

FREE = 5                # wrong ones without a delay
SLACK = 0.9             # seconds a login may take besides its delay


@pytest.fixture
def alice(scripted):
    a = scripted()
    wait_for(lambda: a.role("front"))
    return a


class Tries:
    """Logins, timed, in one session or in many."""

    def __init__(self, a):
        self.a = a

    def smtp(self, password, user=ALICE):
        with client.Smtp(self.a.submission) as c:
            c.hello()
            t = time.monotonic()
            return c.auth(user, password).code, time.monotonic() - t

    def pop3(self, password):
        with client.Pop3(self.a.pop3) as c:
            t = time.monotonic()
            r = c.try_login(ALICE, password)
            assert r.startswith("+OK") or r.startswith("-ERR [AUTH] "), r
            return r[:3], time.monotonic() - t

    def wrong(self, n=FREE):
        for i in range(n):
            code, t = self.smtp("wrong") if i % 2 else self.pop3("wrong")
            assert code in (535, "-ER") and t < SLACK, (code, t)


def between(t, low):
    assert low <= t < 2 * low, t


def test_the_delay_grows_and_a_right_one_ends_it(alice):
    tries = Tries(alice)
    tries.wrong()
    heard = len(alice.smtp.sessions)
    code, t = tries.smtp("wrong")
    assert code == 535
    between(t, 1)
    assert len(alice.smtp.sessions) == heard + 1
    code, t = tries.pop3("wrong")
    assert code == "-ER"
    between(t, 2)
    code, t = tries.smtp("x")
    assert code == 235
    between(t, 4)
    code, t = tries.pop3("x")
    assert code == "+OK" and t < SLACK
    tries.wrong(FREE)
    assert "wrong passwords in a row" in alice.text()


def test_one_session_is_a_client_too(alice):
    with client.Smtp(alice.submission) as c:
        c.hello()
        for _ in range(FREE):
            assert c.auth(ALICE, "wrong").code == 535
        t = time.monotonic()
        assert c.auth(ALICE, "x").code == 235
        between(time.monotonic() - t, 1)


def test_unknown_names_count(alice):
    tries = Tries(alice)
    for _ in range(FREE):
        code, t = tries.smtp("x", "eve@example.net")
        assert code == 535 and t < SLACK
    between(tries.smtp("x")[1], 1)
    assert len(alice.smtp.sessions) == 1, "nobody asked the provider"


@pytest.mark.parametrize("hook", [drop, say("454 4.7.0 later")])
def test_unreachable_does_not_count(alice, hook):
    tries = Tries(alice)
    alice.smtp.hooks["auth"] = hook
    for _ in range(FREE + 2):
        code, t = tries.smtp("x")
        assert code == 235 and t < SLACK
    del alice.smtp.hooks["auth"]
    assert tries.smtp("x")[1] < SLACK


def test_a_session_that_is_in_stays_in(alice):
    """The password of a session is right whatever others try."""
    with client.Pop3(alice.pop3, ALICE, "x") as c:
        Tries(alice).wrong()
        t = time.monotonic()
        assert c.cmd("STAT") == "+OK 0 0"
        assert c.cmd("NOOP").startswith("+OK")
        assert time.monotonic() - t < SLACK


def test_who_hangs_up_is_not_waited_for(alice):
    tries = Tries(alice)
    tries.wrong()
    between(tries.smtp("wrong")[1], 1)
    between(tries.smtp("wrong")[1], 2)
    wait_for(lambda: len(alice.role("front")) == 1)
    heard = len(alice.smtp.sessions)
    with client.Smtp(alice.submission) as c:
        c.hello()
        c.send("AUTH PLAIN %s\r\n" % client.plain(ALICE, "wrong"))
        time.sleep(0.5)
        assert len(alice.role("front")) == 2
        t = time.monotonic()
    wait_for(lambda: len(alice.role("front")) == 1)
    assert time.monotonic() - t < 2.5   # not the rest of four seconds
    assert len(alice.smtp.sessions) == heard


def test_the_log_names_nobody(alice):
    Tries(alice).wrong()
    for word in (ALICE, BOB, "wrong\"", "uid"):
        assert word not in alice.text()
