# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that end: copies of theirs that last longer, our own made to last, and what is
said before."""
import base64
import email
import os
import socket
import subprocess
import tempfile
import time

import pytest

from kit import client, keys, letters, wait_for
from kit.plugin import Plugin, command, path
from kit.provider import Provider
from people import ALICE, BOB
from test_peers import AUTOCRYPT, GOSSIP, WKD, ask, contact, learnt, reads, sends
from test_watch import Watcher

FPR = keys.FPR
CAROL = keys.ADDR["carol"]
DAY = 86400


@pytest.fixture(scope="module")
def copies(make_once):
    """Bob's key, until some day or as its owner has withdrawn it: binary."""
    home = make_once.home(["bob"])

    def until(days_ago, when):
        then = time.strftime("%Y%m%dT%H%M%S",
                             time.gmtime(time.time() - days_ago * DAY))
        for sub in ((), ("*",)):
            keys.run(home, "--faked-system-time", then, "--quick-set-expire",
                     FPR["bob"], when, *sub)
        return keys.run(home, "--export", FPR["bob"])[1]

    got = {"ended": until(60, "1w"), "ended too": until(60, "2w"),
           "lasts": until(60, "2y"), "ends": until(40, "47d"),
           "renewed": until(30, "2y")}
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


# ---- our own is renewed

def ends(home, fpr):
    """When a key and its subkeys end."""
    out = keys.run(home, "--with-colons", "--list-keys", fpr)[1].decode()
    return [int(x.split(":")[6] or 0) for x in out.splitlines()
            if x[:4] in ("pub:", "sub:")]


def expire(home, name, when):
    for sub in ((), ("*",)):
        keys.run(home, "--quick-set-expire", FPR[name], when, *sub)


def lasts(home, name):
    """Two years from now, if at all?"""
    return all(not x or abs(x - time.time() - 730 * DAY) < 2 * DAY
               for x in ends(home, FPR[name]))


def account(p):
    return p.call("status", keys=True)["ok"]["accounts"][0]


def along(raw):
    """When the key ends that goes along with a letter."""
    field = email.message_from_bytes(raw)["Autocrypt"]
    data = base64.b64decode("".join(field.split("keydata=")[1].split()))
    with tempfile.TemporaryDirectory() as home:
        out = keys.run(home, "--with-colons", "--show-keys",
                       data=data)[1].decode()
    return [int(x.split(":")[6] or 0) for x in out.splitlines()
            if x[:4] in ("pub:", "sub:")]


def test_after_a_letter(scripted):
    """It goes along with the next one; no letter waits, and all is told."""
    a = scripted(account={"autocrypt": "yes"})
    expire(a.home, "alice", "150d")
    with Watcher(a) as w:
        sends(a, BOB)
        event = w.some("key-renewed", "sent")
    assert event["account"] == ALICE and lasts(a.home, "alice")
    assert event["key-expires"] == min(ends(a.home, FPR["alice"]))
    with Plugin(path(a)) as p:
        assert abs(account(p)["key-renewed"] - time.time()) < 100
        assert account(p)["key-expires"] == event["key-expires"]
    day = time.strftime("%Y-%m-%d", time.localtime(event["key-expires"]))
    assert "  key        renewed on %s: it now lasts until %s\n" % (
        time.strftime("%Y-%m-%d"), day) in command(a, "status").stdout
    sends(a, BOB)
    first, then = [along(x.data) for x in a.smtp.accepted]
    assert max(first) < time.time() + 160 * DAY
    assert then == ends(a.home, FPR["alice"])


def test_not_wanted(scripted):
    a = scripted(account={"renew": "no"})
    expire(a.home, "alice", "150d")
    was = ends(a.home, FPR["alice"])
    sends(a, BOB)
    with Plugin(path(a)) as p:
        assert "ok" in p.call("unlock", account=ALICE)
        time.sleep(1)           # more than it would have taken
        assert "key-renewed" not in account(p)
    assert ends(a.home, FPR["alice"]) == was


def test_it_fails(scripted):
    """That is told, and letters go all the same; the next try may do it."""
    a = scripted(agent={"gpg-timeout": "2"})
    expire(a.home, "alice", "150d")
    lock = os.path.join(a.home, "pubring.kbx.lock")
    with open(lock, "w") as f:  # as gpg does it, of one that is still there
        f.write("%10d\n%s\n" % (os.getpid(), socket.gethostname()))
    sends(a, BOB)
    with Plugin(path(a)) as p:
        wait_for(lambda: "key-not-renewed" in account(p))
        assert "  key        could not be renewed: " in command(
            a, "status").stdout
        sends(a, BOB)
        os.unlink(lock)
        assert "ok" in p.call("unlock", account=ALICE)
        wait_for(lambda: "key-renewed" in account(p))
        assert "key-not-renewed" not in account(p)
    assert lasts(a.home, "alice")


def test_at_an_unlock(make):
    """With the passphrase that was given then: nobody is asked once more."""
    home = make.home(["carol"], trusted=["bob"])
    keys.run(home, "--pinentry-mode", "loopback", "--passphrase",
             keys.PASSPHRASE["carol"], "--quick-set-expire", FPR["carol"],
             "150d")
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "gpg-agent"],
                   check=True)
    was = ends(home, FPR["carol"])
    with Provider("smtp", {CAROL: "x"}) as p:
        a = make.agent(home, {CAROL: {"smtp": p.conf}})
        keys.pinentry(home, "cancel")
        assert command(a, "unlock").returncode == 77
        assert ends(home, FPR["carol"]) == was
        keys.pinentry(home, "answer", keys.PASSPHRASE["carol"])
        n = keys.prompts(home)
        assert command(a, "unlock").returncode == 0
        wait_for(lambda: lasts(home, "carol"))
        assert keys.prompts(home) <= n + 2      # as many as unlock needs
        with Plugin(path(a)) as p:
            wait_for(lambda: "key-renewed" in account(p))


# ---- contacts' keys end

def test_a_contact(scripted, copies):
    """Told to who watches, and in the status, once a letter was sealed to it; no
    more when there is a renewed one."""
    a = scripted(trusted=())
    import_(a, copies["ends"])
    with Watcher(a) as w:
        assert ask(a, BOB)["state"] == "sealed"
        assert w.answer("status", keys=True)["ok"]["ending"] == []
        assert not w.events
        sends(a, BOB)
        w.next("sent")
    with Watcher(a) as w:
        assert w.next("contact-key-ends") == {
            "event": "contact-key-ends", "address": BOB, "days": 7}
        found, = w.answer("status", keys=True)["ok"]["ending"]
        assert found["address"] == BOB
        assert abs(found["key-expires"] - time.time() - 7 * DAY) < 1000
    assert "\nkeys of contacts that end\n  %s in 7 days, on %s\n" % (
        BOB, time.strftime("%Y-%m-%d", time.localtime(found["key-expires"]))
    ) in command(a, "status").stdout
    import_(a, copies["renewed"])
    assert "of contacts" not in command(a, "status").stdout
