# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys looked for by WKD with the real dirmngr, in a network of the tests' own."""
import re
import threading
import time

import pytest

from kit import certs, keys, letters
from kit.plugin import command
from people import BOB, DAN, EVE
from test_wkd import octets
from test_watch import Watcher

pytestmark = pytest.mark.own_network

NO_KEY = "cannot read sealed letters yet: no key was found"
NOT_NOW = "cannot read sealed letters yet: a key could not be looked for now"


@pytest.fixture
def alice(scripted, world):
    """Her agent: dirmngr is started by it, and ends with its keyring."""
    def start(**kw):
        return scripted(agent={"discover": "wkd"}, **kw)
    return start


def settled(ask):
    """What is said once the look-up has ended: nobody waits for it for longer than
    three seconds, and this computer may be busy."""
    for _ in range(100):
        said = ask()
        if NOT_NOW not in str(said):
            break
        time.sleep(0.1)
    return said


def find(a, addr, status=0, say=settled):
    q = say(lambda: command(a, "keys", "find", addr))
    assert q.returncode == status and not q.stderr, q
    return q.stdout


def sends(a, to, code=250, say=settled):
    r = say(lambda: a.send([to], letters.text(to=[to])))
    assert r.code == code, r
    return r.text


def refused(a, to, say=settled):
    said = sends(a, to, 550, say)
    assert not a.smtp.accepted
    return said


def once(ask):
    return ask()


# ---- found

def test_found(alice, world):
    """By both methods, at once; told with where it comes from; and the user's
    keyring is as it was."""
    a = alice()
    world.serves("example.net", eve=octets("eve"))
    world.serves("example.com", advanced=False, dan=octets("dan"))
    before = keys.run(a.home, "--list-keys")[1]
    for name, to in (("eve", EVE), ("dan", DAN)):
        sends(a, to)
        got = letters.cipher(a.smtp.accepted[-1].data)
        assert keys.sealed_to(got) == keys.ids("alice", name)
        text = find(a, to)
        assert "published by their own provider (WKD)" in text
        assert "  seen since " in text and text.startswith(to + " can read")
    sends(a, EVE)
    assert world.asked() == ["eve", "dan"]
    assert keys.run(a.home, "--list-keys")[1] == before
    assert [p for p in a.all() if p.name == "dirmngr"]


def test_keys_find(alice, world):
    """It waits for what comes of it, and says what that is."""
    a = alice()
    world.serves("example.net", eve=octets("eve"), none=404)
    world.serves("example.com", dan=octets("dan"))
    world.web.certs["openpgpkey.example.com"] = world.cert("example.com")
    text = find(a, EVE)
    assert "published by their own provider (WKD)" in text
    assert "\n  2984 2101" in text and "  new" in text
    assert NO_KEY in find(a, "none@example.net", 65)
    assert NOT_NOW in find(a, DAN, 65, once)
    assert not a.smtp.accepted


def test_two_keys(alice, world):
    """An old one and its successor: the one made last."""
    a = alice(trusted=())
    world.serves("example.org", bob=octets("bob") + octets("bob-new"))
    sends(a, BOB)
    assert keys.sealed_to(letters.cipher(
        a.smtp.accepted[-1].data)) == keys.ids("alice", "bob-new")


def test_renewed(alice, world, make):
    """The user's copy of a key has ended, and its owner has made it last longer."""
    who, owner, a = "late@example.org", make.home(["dan"]), alice()
    keys.run(owner, "--passphrase", "", "--faked-system-time", "20240101T000000",
             "--quick-gen-key", who, "future-default", "default", "1y")
    fpr = re.search(rb"^fpr:+([0-9A-F]{40})", keys.run(
        owner, "--list-keys", "--with-colons", who)[1], re.M)[1].decode()
    keys.run(a.home, "--import", data=keys.run(owner, "--export", fpr)[1])
    for subkeys in ((), ("*",)):
        keys.run(owner, "--quick-set-expire", fpr, "1y", *subkeys)
    world.serves("example.org", late=keys.run(owner, "--export", fpr)[1])
    sends(a, who)
    assert letters.cipher(a.smtp.accepted[-1].data)
    assert world.asked() == ["late"]


# ---- not found

def test_none(alice, world):
    """With a policy and without; and where there is no such domain."""
    a = alice()
    world.serves("example.net", eve=404)
    world.serves("example.com", policy=False, dan=404)
    world.serves("example.org", advanced=False, policy=False, x=404)
    for to in (EVE, DAN, "x@example.org", "x@nowhere.example"):
        assert NO_KEY in refused(a, to)
        assert NO_KEY in refused(a, to)
    assert world.asked() == ["eve", "dan", "x"]


def test_of_no_use(alice, world):
    """A key for another, one that has ended, a page."""
    a = alice()
    world.serves("example.net", eve=octets("bob"),
                 page=b"<html>Welcome</html>", large=b"x" * (3 << 20))
    world.serves("example.org", expired=octets("expired"),
                 revoked=octets("revoked"))
    for to in (EVE, "page@example.net", "large@example.net",
               "expired@example.org", "revoked@example.org"):
        assert NO_KEY in refused(a, to), to


def test_a_changed_key(alice, world):
    """What was sealed to before is not replaced by what a domain says."""
    a = alice(public=("bob",), trusted=())
    sends(a, BOB)
    keys.run(a.home, "--yes", "--batch", "--delete-keys", keys.FPR["bob"])
    world.serves("example.org", bob=octets("bob-new"))
    assert sends(a, BOB, 550).startswith(
        "5.7.5 Letterlock did not send this: %s has a new key" % BOB)
    assert "new key" in find(a, BOB, 65)
    assert world.asked() == ["bob"]


def test_rejected(alice, world):
    """What the user has said counts, whoever publishes it."""
    a = alice()
    world.serves("example.net", eve=octets("eve"))
    assert "  new" in find(a, EVE)
    assert command(a, "keys", "reject", EVE, keys.FPR["eve"]).returncode == 0
    assert "cannot read sealed letters" in refused(a, EVE)


# ---- could not look

def test_could_not_look(alice, world):
    """A server that can't show who it is, none at all, no DNS: each is not the
    same as no key, and no key comes of it."""
    a = alice()
    for domain, name in (("example.net", "eve"), ("example.com", "dan")):
        world.serves(domain, **{name: octets(name)})
    world.web.certs["openpgpkey.example.net"] = certs.server(
        world.d, "self", ["openpgpkey.example.net"], self_signed=True)
    world.web.certs["openpgpkey.example.com"] = world.cert("example.com")
    world.names.at["openpgpkey.down.example"] = "127.0.0.9"
    world.names.broken.update(("openpgpkey.broken.example", "broken.example"))
    for to in (EVE, DAN, "x@down.example", "x@broken.example"):
        assert NOT_NOW in refused(a, to, once), to
    assert not world.asked()


def test_a_slow_server(alice, world):
    """A letter waits for three seconds; what comes later counts for the next."""
    a = alice()
    go = threading.Event()

    def page(handler):
        go.wait(30)
        return octets("eve")
    world.serves("example.net", eve=page)
    with Watcher(a) as w:
        start = time.monotonic()
        assert NOT_NOW in refused(a, EVE, once)
        assert 2.9 < time.monotonic() - start < 8
        w.next("refused")
        go.set()
        assert w.next("recipients")["addresses"] == [EVE]
    sends(a, EVE)
    assert world.asked() == ["eve"]


def test_after_a_bad_moment(alice, world):
    """What dirmngr once took for a domain without WKD it asks no more, for as long
    as it runs; but for its policy, and that is how it learns."""
    a = alice()
    assert NO_KEY in find(a, "none@example.net", 65)
    world.serves("example.net", eve=octets("eve"))
    sends(a, EVE)
    assert world.asked() == ["eve"]
