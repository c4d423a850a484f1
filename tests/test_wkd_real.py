# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys looked for by WKD with the real dirmngr, in a network of the tests' own."""
import threading
import time

import pytest

from kit import certs, keys, letters
from kit.plugin import command
from people import BOB, DAN, EVE
from test_wkd import FAILED, octets, sends
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


def find(a, addr, status=0):
    q = command(a, "keys", "find", addr)
    assert q.returncode == status and not q.stderr, q
    return q.stdout


def refused(a, to):
    said = sends(a, 550, to=[to])
    assert not a.smtp.accepted
    return said


# ---- found

def test_found(alice, world):
    """By both methods, at once; told with where it comes from; and the user's
    keyring is as it was."""
    a = alice()
    world.serves("example.net", eve=octets("eve"))
    world.serves("example.com", advanced=False, dan=octets("dan"))
    before = keys.run(a.home, "--list-keys")[1]
    for name, to in (("eve", EVE), ("dan", DAN)):
        sends(a, to=[to])
        got = letters.cipher(a.smtp.accepted[-1].data)
        assert keys.sealed_to(got) == keys.ids("alice", name)
        text = find(a, to)
        assert "published by their own provider (WKD)" in text
        assert "  seen since " in text and text.startswith(to + " can read")
    sends(a)
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
    assert NOT_NOW in find(a, DAN, 65)
    assert not a.smtp.accepted


def test_two_keys(alice, world):
    """An old one and its successor: the one made last."""
    a = alice(trusted=())
    world.serves("example.org", bob=octets("bob") + octets("bob-new"))
    sends(a, to=[BOB])
    assert keys.sealed_to(letters.cipher(
        a.smtp.accepted[-1].data)) == keys.ids("alice", "bob-new")


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
    sends(a, to=[BOB])
    keys.run(a.home, "--yes", "--batch", "--delete-keys", keys.FPR["bob"])
    world.serves("example.org", bob=octets("bob-new"))
    assert sends(a, 550, to=[BOB]).startswith(
        "Letterlock did not send this: %s has a new key" % BOB)
    assert "new key" in find(a, BOB, 65)
    assert world.asked() == ["bob"]


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
        assert NOT_NOW in refused(a, to), to
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
        assert sends(a, 550).startswith(FAILED)
        assert 2.9 < time.monotonic() - start < 8
        w.next("refused")
        go.set()
        assert w.next("recipients")["addresses"] == [EVE]
    sends(a)
    assert world.asked() == ["eve"]


def test_after_a_bad_moment(alice, world):
    """What dirmngr once took for a domain without WKD it asks no more, for as long
    as it runs; but for its policy, and that is how it learns."""
    a = alice()
    assert NO_KEY in find(a, "none@example.net", 65)
    world.serves("example.net", eve=octets("eve"))
    sends(a)
    assert world.asked() == ["eve"]
