# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys looked for by WKD: when, for how long a letter waits, what is said of it, and
who is not asked about."""
import base64
import re
import threading
import time

import pytest

from kit import keys, letters, wait_for
from kit.client import words
from kit.dirmngr import REFUSED, Dirmngr
from kit.plugin import Plugin, path
from people import ALICE, BOB, DAN, EVE
from test_watch import Watcher

BEGIN = "Letterlock did not send this: " + EVE
NONE = BEGIN + (" cannot read sealed letters yet: no key was found. Remove or invite "
                "that address, or put [clear ")
FAILED = BEGIN + (" cannot read sealed letters yet: a key could not be looked for now. "
                  "Try again later, or remove or invite that address, or put [clear ")
BEFORE = BEGIN + " cannot read sealed letters yet. Remove or invite that address, or"


def octets(name):
    with open(keys.asc(name), encoding="ascii") as f:
        text = f.read().split("\n\n", 1)[1].rsplit("\n=", 1)[0]
    return base64.b64decode(text)


@pytest.fixture
def wkd(scripted):
    """An agent that looks for keys, and the dirmngr it asks."""
    started = []

    def start(discover="wkd", **kw):
        a = scripted(agent={"discover": discover}, **kw)
        d = Dirmngr(a.home)
        started.append(d)
        d.__enter__()
        return a, d
    yield start
    for d in started:
        d.__exit__()


def sends(a, code=250, to=(EVE,), **kw):
    r = a.send(list(to), letters.text(to=to, **kw))
    assert r.code == code, r
    return r if code == 250 else words(r)


def asks(a, to=(EVE,), **members):
    with Plugin(path(a)) as p:
        return p.call("recipients", account=ALICE, to=list(to), **members)["ok"]


# ---- found

def test_found(wkd):
    """The letter goes sealed, at once, and the user's keyring is as it was."""
    a, d = wkd()
    d.gives[EVE] = octets("eve")
    before = keys.run(a.home, "--list-keys")[1]
    sends(a)
    got = letters.cipher(a.smtp.accepted[-1].data)
    assert keys.sealed_to(got) == keys.ids("alice", "eve")
    sends(a)
    assert d.asked == [EVE] and d.calls == 1
    assert keys.run(a.home, "--list-keys")[1] == before
    r = asks(a)["recipients"][0]
    assert r["state"] == "sealed" and r["key"]["from"] == "wkd"
    assert r["key"]["trust"] == "seen"


def signed_by_many(make):
    """Eve's key with what others signed of it: more than is kept of one."""
    many = ["alice", "bob", "bob-new", "dan", "frank", "gone", "mallory",
            "sally"]
    home = make.home(many, ["eve"])
    with open(home + "/gpg.conf", "a", encoding="ascii") as f:
        for i in range(11):
            f.write("cert-notation n%d@example.org=%s\n" % (i, "x" * 800))
    for name in many:
        keys.run(home, "--local-user", keys.FPR[name], "--quick-sign-key",
                 keys.FPR["eve"])
    return keys.run(home, "--export", keys.FPR["eve"])[1]


def test_a_large_key(wkd, make):
    """What others say of it is left out, and letters go to it."""
    a, d = wkd()
    d.gives[EVE] = signed_by_many(make)
    assert len(d.gives[EVE]) > 60 << 10
    sends(a)
    got = letters.cipher(a.smtp.accepted[-1].data)
    assert keys.sealed_to(got) == keys.ids("alice", "eve")
    assert asks(a)["recipients"][0]["key"]["from"] == "wkd"


def test_a_key_that_is_not_theirs(wkd):
    """gpg judges what was found: for another address, ended, no key at all."""
    a, d = wkd()
    d.gives.update({EVE: octets("bob"), DAN: b"<html>Welcome</html>",
                    "expired@example.org": octets("expired")})
    assert sends(a, 550).startswith(NONE)
    for to in (DAN, "expired@example.org"):
        assert "cannot read sealed letters yet: no key was found" in sends(
            a, 550, to=[to])
    assert sends(a, 550).startswith(NONE)
    assert d.asked == [EVE, DAN, "expired@example.org"]
    assert not a.smtp.accepted


def test_a_changed_key(wkd):
    """What was sealed to before is not replaced by what a domain says."""
    a, d = wkd(public=("bob",), trusted=())
    sends(a, to=[BOB])
    keys.run(a.home, "--yes", "--batch", "--delete-keys", keys.FPR["bob"])
    d.gives[BOB] = octets("bob-new")
    said = sends(a, 550, to=[BOB])
    assert d.asked == [BOB]
    assert said.startswith("Letterlock did not send this: %s has a new key" % BOB)


# ---- not found

def test_none(wkd):
    a, d = wkd()
    # who does not want it is not looked for
    r = asks(a, to=[DAN], look=False)["recipients"][0]
    assert r["state"] == "no-key" and "was found" not in r["words"]
    assert sends(a, 550).startswith(NONE)
    assert sends(a, 550).startswith(NONE)
    r = asks(a)
    assert r["words"].startswith(NONE)
    assert r["recipients"][0]["state"] == "no-key"
    assert r["recipients"][0]["words"] == (
        EVE + " cannot read sealed letters yet: no key was found. Send an "
        "invitation, or import the key if you have it")
    assert d.asked == [EVE] and d.calls == 1
    # whoever writes that address how
    assert "no key was found" in sends(a, 550, to=["EVE@Example.net"])
    assert d.calls == 1


def test_could_not_look(wkd):
    """It is not the same as none, also where one of two has none."""
    a, d = wkd()
    d.gives[EVE] = REFUSED
    assert sends(a, 550).startswith(FAILED)
    assert "a key could not be looked for now" in sends(a, 550, to=[DAN, EVE])
    assert asks(a)["recipients"][0]["words"] == (
        EVE + " cannot read sealed letters yet: a key could not be looked for now. "
        "Try again later, send an invitation, or import the key if you have it")
    assert asks(a)["recipients"][0]["looked"] == "failed"
    assert sorted(d.asked) == [DAN, EVE]
    # whoever it is that listens there
    d._answer = lambda x: b"D %0\n" + b"x" * 5000
    assert "could not be looked for" in sends(a, 550, to=["x@example.net"])
    assert d.calls == 3


def test_it_stands_still(wkd):
    """A letter waits for three seconds, and nobody else meanwhile."""
    a, d = wkd()
    still = d.gives[EVE] = threading.Event()
    said = []
    start = time.monotonic()
    t = threading.Thread(target=lambda: said.append(
        (sends(a, 550), time.monotonic() - start)))
    t.start()
    wait_for(lambda: d.asked)
    begin = time.monotonic()
    sends(a, to=[BOB])
    assert time.monotonic() - begin < 2
    t.join(20)
    assert said[0][0].startswith(FAILED) and 2.9 < said[0][1] < 5
    # it goes on, and what comes of it counts
    with Watcher(a) as w:
        still.set()
        assert w.next("recipients")["addresses"] == [EVE]
    assert sends(a, 550).startswith(NONE)
    assert d.calls == 1


# ---- typing

def test_typing(wkd):
    """A plug-in is answered at once, and told when a look-up has ended."""
    a, d = wkd()
    still = d.gives[EVE] = threading.Event()
    with Watcher(a) as w:
        start = time.monotonic()
        r = w.answer("recipients", account=ALICE, to=[EVE, BOB])["ok"]
        assert time.monotonic() - start < 2
        assert "cannot read sealed letters yet. Remove" in r["words"]
        wait_for(lambda: d.asked == [EVE])
        w.answer("recipients", account=ALICE, to=[EVE])
        still.set()
        assert w.next("recipients")["addresses"] == [EVE]
        r = w.answer("recipients", account=ALICE, to=[EVE])["ok"]
        assert r["words"].startswith(NONE)
    assert d.asked == [EVE]


def test_typing_found(wkd):
    a, d = wkd()
    d.gives[EVE] = octets("eve")
    with Watcher(a) as w:
        w.answer("recipients", account=ALICE, to=[EVE])
        assert w.next("recipients")["addresses"] == [EVE]
        r = w.answer("recipients", account=ALICE, to=[EVE])["ok"]
        assert r["outcome"] == "sealed", r
    assert d.calls == 1


def test_again(wkd):
    """Whoever asks for it has one looked for anew, though none was found."""
    a, d = wkd()
    with Watcher(a) as w:
        def ask(**more):
            return w.answer("recipients", account=ALICE, to=[EVE],
                            **more)["ok"]["recipients"][0]
        assert ask()["looked"] == "not-yet"
        w.next("recipients")
        assert ask()["looked"] == "none"
        d.gives[EVE] = octets("eve")
        # not so often
        assert ask(look=True)["looked"] == "none"
        time.sleep(2.1)
        assert ask()["looked"] == "none" and d.calls == 1
        assert ask(look=True)["looked"] == "not-yet"
        w.next("recipients")
        assert ask()["state"] == "sealed" and d.calls == 2
        # what was found stays
        assert ask(look=True)["state"] == "sealed" and d.calls == 2


# ---- nobody is asked

def test_turned_off(wkd):
    a, d = wkd(discover="none")
    assert sends(a, 550).startswith(BEFORE)
    assert asks(a)["words"].startswith(BEFORE)
    assert "looked" not in asks(a, look=True)["recipients"][0]
    assert d.calls == 0


def test_where_it_would_not_help(wkd):
    """The letter goes readable, or is refused, whatever is found."""
    a, d = wkd()
    assert "no key was found" in sends(a, 550, to=["eve@localhost"])
    sends(a, to=[BOB])
    sends(a, to=[EVE], extra="X-Letterlock: encrypt=no\n")
    assert asks(a, [EVE], encrypt=False)["outcome"] == "readable"
    assert d.calls == 0
    code = re.search(r"clear (\d{4})", sends(a, 550)).group(1)
    assert d.asked == [EVE]
    sends(a, to=[EVE], subject="[clear %s] Hi" % code)
    assert d.calls == 1


def test_when_possible(wkd):
    """Sealed if there is a key; the domain is asked for that first."""
    a, d = wkd(account={"encrypt": "when-possible"})
    sends(a)
    assert d.asked == [EVE] and b"application/pgp-encrypted" not in (
        a.smtp.accepted[-1].data)


def test_never(wkd):
    a, d = wkd(account={"encrypt": "never"})
    sends(a)
    asks(a)
    assert d.calls == 0
