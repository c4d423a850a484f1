# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock-nmh between an add-on and a live agent."""
import signal

import pytest

from kit import nmh
from people import ALICE

SERVERS = {"smtp": "127.0.0.1:9 plaintext", "pop3": "127.0.0.1:9 plaintext"}


@pytest.fixture(scope="module")
def alice(make_once):
    return make_once.agent(make_once.home(["alice"]), {ALICE: SERVERS})


def test_calls(alice):
    with nmh.Host(alice.env) as h:
        assert h.running()
        ok = h.call("status")["ok"]
        assert ok["accounts"][0]["address"] == ALICE
        assert h.call("status", keys=True)["ok"]["accounts"][0]["key"]
        assert h.code("nonesuch") == "unknown-call"
        assert h.code("status", x=1) == "request"
        assert h.code("hello", version=1) == "unknown-call"
        assert h.call("watch")["ok"] == {}
        assert h.end() == (0, "")


def test_goes_and_comes(make):
    """Stopped, started, killed, started again: said each time, at once, and
    calls are answered all the while."""
    a = make.agent(make.home(["alice"]), {ALICE: SERVERS}, start=False)
    with nmh.Host(a.env) as h:
        assert h.running() is False
        e = h.call("status")["error"]
        assert e["code"] == "not-running"
        assert e["text"].startswith("Letterlock is not running")
        a.start()
        assert h.running() is True
        assert "ok" in h.call("status")
        a.stop()
        assert h.running() is False
        assert h.code("status") == "not-running"
        a.start()
        assert h.running() is True
        assert "ok" in h.call("status")
        a.process.send_signal(signal.SIGHUP)    # ends all connections
        assert h.running() is True
        assert "ok" in h.call("status")
        assert h.end() == (0, "")
    a.stop()
