# SPDX-License-Identifier: GPL-3.0-or-later
"""One letter of each kind through all the roles, under valgrind; for
make check-valgrind, since it takes minutes."""
import os

import pytest

from kit import client, letters, wait_for
from kit.agent import ROLES
from kit.cli import Cli
from kit.valgrind import SLOWER, Valgrind
from people import ALICE, BOB, EVE

pytestmark = pytest.mark.skipif(
    not os.environ.get("LETTERLOCK_VALGRIND"),
    reason="make check-valgrind runs it")
FORGED = letters.text().replace(b"Subject:", b"Letterlock-Status: v=1\r\nSubject:")


@pytest.fixture(scope="module")
def valgrind(make_once):
    return Valgrind(make_once.folder())


@pytest.fixture(scope="module")
def alice(make_once, valgrind):
    c = Cli(make_once.folder(), make_once.home(["alice"], trusted=["bob"]))
    c.under, c.slower = valgrind.command, SLOWER
    c.env.update(valgrind.env)
    return c


@pytest.fixture
def agent(scripted, valgrind):
    """Alice's; her user is asked for nothing."""
    a = scripted(under=valgrind.command, slower=SLOWER, env=valgrind.env,
                 account={"encrypt": "when-possible", "sign": "always"})
    yield a
    assert "keeper takes nothing" not in a.text()


def test_command_line(alice):
    sent = letters.text()
    for args in (["-r", BOB], ["--no-sign", "-r", BOB], ["--sign-only"]):
        raw = alice("seal", *args, data=sent)
        v = letters.verdict(alice("open", data=raw))
        assert v["encryption"] == ("none" if "--sign-only" in args else "ok")
        assert v["signature"] == ("none" if "--no-sign" in args else "good")
    for raw, code in ((letters.nested(), 0), (FORGED, 0),
                      (letters.sealed(b"no OpenPGP\r\n"), 65)):
        assert alice.run("open", data=raw).returncode == code
    assert alice.run("seal", "-r", EVE, data=sent).returncode == 67


def test_session(agent):
    """What a role leaves behind it must say within the guard's patience with
    it; all else is said at once."""
    patience = 60 * SLOWER
    with client.Smtp(agent.submission, ALICE, "x", timeout=patience) as c:
        for to in ([BOB], [BOB, EVE], [EVE]):
            assert c.send_letter(ALICE, to, letters.text()).code == 250
        c.cmd("QUIT")
    sent = [x.data for x in agent.smtp.accepted]
    agent.inbox.mailbox[:] = [
        ("u%d" % i, raw) for i, raw in enumerate(
            sent + [letters.text(), letters.nested(), FORGED])]
    with client.Pop3(agent.pop3, ALICE, "x", timeout=patience) as c:
        for i, raw in enumerate(sent):
            v = letters.verdict(c.retr(i + 1))
            assert v["signature"] == "good"
        for i in range(3):
            v = letters.verdict(c.retr(len(sent) + i + 1))
            assert v["encryption"] == v["signature"] == "none"
        c.cmd("QUIT")
    wait_for(lambda: all(len(agent.role(r)) < 2 for r in ROLES), patience)
