# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking ahead: letters asked for in a row come from further openers, the
same letters in the same order, and nothing is lost when one of them dies."""
import pytest

from kit import client, keys, letters, provider
from people import ALICE, BOB

N = 14


@pytest.fixture(scope="module")
def mailbox(make_once):
    reader = make_once.home(["bob"], ["alice", "mallory"])
    out = []
    for i in range(N):
        if i % 5 == 3:
            raw = letters.text(subject="clear %d" % i)
        else:
            box = keys.encrypt(reader, letters.payload(
                letters.BODY + " number %d" % i, sender=BOB, to=(ALICE,)),
                ["alice" if i % 5 != 4 else "mallory"], "bob")
            raw = letters.sealed(box, sender=BOB, to=(ALICE,))
        out.append(("u%d" % i, raw))
    return out


def agent(make, q, ahead="4"):
    return make.agent(make.home(["alice"], trusted=["bob"]),
                      {ALICE: {"pop3": q.conf}}, {"look-ahead": ahead})


def check(i, got):
    v = letters.verdict(got)
    if i % 5 == 3:
        assert (v["encryption"], v["signature"]) == ("none", "none")
        assert b"clear %d" % i in got
    elif i % 5 == 4:
        assert (v["encryption"], v["reason"]) == ("failed", "no-secret-key")
    else:
        assert (v["encryption"], v["signature"]) == ("ok", "good")
        assert b"number %d" % i in got


def retr(c, n):
    s = c.cmd("RETR %d" % n)
    assert s.startswith("+OK"), s
    return c.body()


@pytest.mark.parametrize("ahead", ["0", "1", "4", "16"])
@pytest.mark.parametrize("delete", [False, True])
def test_a_mailbox_in_a_row(make, mailbox, ahead, delete):
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        q.mailbox[:] = mailbox
        a = agent(make, q, ahead)
        with client.Pop3(a.pop3, ALICE, "x") as c:
            c.ask("LIST")
            for i in range(N):
                check(i, retr(c, i + 1))
                if delete:
                    assert c.cmd("DELE %d" % (i + 1)).startswith("+OK")
                if i == 7:
                    openers = len(a.role("mime"))
            assert c.cmd("RETR %d" % (N + 1)).startswith("-ERR")
            assert c.cmd("QUIT").startswith("+OK")
        # the session's own and the further ones, and perhaps the spare
        assert openers - 1 - min(int(ahead), N - 2) in (0, 1)
        assert len(q.mailbox) == (0 if delete else N)


def test_a_client_that_asks_for_no_list(make, mailbox):
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        q.mailbox[:] = mailbox
        a = agent(make, q)
        with client.Pop3(a.pop3, ALICE, "x") as c:
            for i in range(N):
                check(i, retr(c, i + 1))
                if i == 7:
                    assert len(a.role("mime")) >= 5
            assert c.cmd("QUIT").startswith("+OK")


def test_out_of_order(make, mailbox):
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        q.mailbox[:] = mailbox
        a = agent(make, q)
        with client.Pop3(a.pop3, ALICE, "x") as c:
            c.ask("LIST")
            for i in (0, 1, 2, 9, 10, 4, 3, 5, 6, 0, 1, 13, 12, 11):
                check(i, retr(c, i + 1))
                assert c.cmd("NOOP").startswith("+OK")
                c.ask("UIDL")
                if i == 10:
                    s = c.cmd("TOP 12 3")
                    assert s.startswith("+OK")
                    check(11, c.body())


@pytest.mark.parametrize("role", ["mime", "crypt", "keeper"])
def test_openers_killed(make, mailbox, role):
    """An answer or a closed connection, and all of it by another session."""
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        q.mailbox[:] = mailbox
        a = agent(make, q)
        with client.Pop3(a.pop3, ALICE, "x") as c:
            c.ask("LIST")
            for i in range(4):
                check(i, retr(c, i + 1))
            a.kill_role(role)
            try:
                for i in range(4, N):
                    s = c.cmd("RETR %d" % (i + 1))
                    if s.startswith("+OK"):
                        check(i, c.body())
                    else:
                        assert s.startswith("-ERR [SYS/TEMP]"), s
            except client.Closed:
                pass
        got = client.fetch(a.pop3, ALICE, "x")
        assert len(got) == N
        for i, g in enumerate(got):
            check(i, g)


def test_a_provider_that_drops(make, mailbox):
    with provider.Provider("pop3", {ALICE: "x"}) as q:
        q.mailbox[:] = mailbox
        a = agent(make, q)
        with client.Pop3(a.pop3, ALICE, "x") as c:
            c.ask("LIST")
            for i in range(3):
                check(i, retr(c, i + 1))
            q.hooks["retr"] = provider.drop
            with pytest.raises((client.Closed, AssertionError)):
                for i in range(3, N):
                    check(i, retr(c, i + 1))
        q.hooks.clear()
        assert len(client.fetch(a.pop3, ALICE, "x")) == N
