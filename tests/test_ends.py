# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that end: copies of theirs that last longer, our own made to last, and what is
said before."""
import sqlite3

import pytest

from kit import client, keys, letters
from people import ALICE, BOB
from test_peers import AUTOCRYPT, GOSSIP, WKD, ask, contact, learnt, reads, sends

FPR = keys.FPR


@pytest.fixture(scope="module")
def copies(make_once):
    """Bob's key, until some day or as its owner has withdrawn it: binary."""
    home = make_once.home(["bob"])

    def until(when):
        for sub in ((), ("*",)):
            keys.run(home, "--faked-system-time", "20260901T000000",
                     "--quick-set-expire", FPR["bob"], when, *sub)
        return keys.run(home, "--export", FPR["bob"])[1]

    got = {"ended": until("1w"), "ended too": until("2w"), "lasts": until("2y")}
    keys.run(home, "--command-fd", "0", "--edit-key", FPR["bob"], "revkey",
             "save", data=b"y\n0\n\ny\n")
    got["revoked"] = keys.run(home, "--export", FPR["bob"])[1]
    return got


def import_(a, data):
    keys.run(a.home, "--import", data=data)


# ---- a copy that lasts longer

def test_a_renewed_copy(scripted, copies):
    """The keyring's copy has ended, the one that came has not: the same key."""
    a = scripted(trusted=())
    import_(a, copies["ended"])
    learnt(a, BOB, "bob", WKD, data=copies["ended too"])
    assert ask(a, BOB)["state"] == "expired"
    for how, name in ((WKD, "wkd"), (GOSSIP, "gossip"),
                      (AUTOCRYPT, "autocrypt")):
        learnt(a, BOB, "bob", how, data=copies["lasts"])
        r = ask(a, BOB)
        assert (r["state"], r["key"]["fpr"], r["key"]["from"]) == (
            "sealed", FPR["bob"], name)
        assert sorted(sends(a, BOB)) == reads("bob")
    # what the user's keyring says of it is not undone by another copy
    learnt(a, BOB, "bob", data=copies["lasts"])
    import_(a, copies["revoked"])
    assert ask(a, BOB)["state"] == "unusable"


def test_no_other_key_for_it(scripted, copies):
    """A renewed copy goes before another key, and another one is no renewal."""
    a = scripted(trusted=(), public=("bob",))
    assert sorted(sends(a, BOB)) == reads("bob")
    keys.run(a.home, "--delete-keys", FPR["bob"])
    import_(a, copies["ended"])
    learnt(a, BOB, "bob-new")
    assert "has a new key" in sends(a, BOB, 550)
    learnt(a, BOB, "bob", GOSSIP, data=copies["lasts"])
    assert sorted(sends(a, BOB)) == reads("bob")
    assert "ok" in contact(a, BOB, reject=FPR["bob"])
    assert "has a new key" in sends(a, BOB, 550)


def test_a_signature_of_a_renewed_key(scripted, make, copies):
    a = scripted(trusted=())
    import_(a, copies["ended"])
    part = letters.crlf("Content-Type: text/plain\n\nHello\n")
    home = make.home(["bob"], ["alice"])
    signed = letters.signed(part, keys.sign(home, part, "bob"), sender=BOB,
                            to=(ALICE,))
    sealed = letters.sealed(keys.encrypt(home, part, ["alice"], "bob"),
                            sender=BOB, to=(ALICE,))

    def verdicts():
        a.inbox.mailbox[:] = [("u0", signed), ("u1", sealed)]
        got = [letters.verdict(x) for x in client.fetch(a.pop3, ALICE, "x")]
        said = [(v["signature"], v.get("trust")) for v in got]
        assert said[0] == said[1]
        return said[0]

    assert verdicts()[0] == "expired"
    learnt(a, BOB, "bob", data=copies["ended too"])
    assert verdicts()[0] == "expired"
    learnt(a, BOB, "bob", data=copies["lasts"])
    assert verdicts() == ("good", "seen")
