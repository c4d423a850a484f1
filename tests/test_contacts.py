# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of contacts and said of their keys: by the calls contacts and
keys, and what letters do then."""
import os
import re
import sqlite3
import time
import types

import pytest

from kit import client, keys, letters, wait_for
from kit.client import words
from kit.plugin import Plugin, path
from people import ALICE, BOB, DAN, EVE, FRANK

OLD = keys.FPR["bob"]
CHANGED = ("Letterlock did not send this: bob@example.org has a new key, which "
           "means a new computer or somebody posing as its owner. Ask by phone, "
           "then accept it with the Letterlock button or: letterlock keys accept "
           "bob@example.org")


def call(a, name, **members):
    with Plugin(path(a)) as p:
        return p.call(name, **members)


def contact(a, addr=BOB, **members):
    """What is remembered of one, after a change perhaps."""
    r = call(a, "contacts", address=addr, **members)
    assert "ok" in r, r
    found = r["ok"]["contacts"]
    assert set(r["ok"]) == {"contacts"} and len(found) < 2
    return found[0] if found else None


def imports(a, text):
    return call(a, "keys", **{"import": text})["ok"]


def public(name):
    with open(keys.asc(name), encoding="ascii") as f:
        return f.read()


@pytest.fixture(scope="module")
def new(make_once):
    """A key that somebody made for Bob's address today."""
    home = make_once.home(public=["alice"])
    _, _, said = keys.run(home, "--passphrase", "", "--quick-gen-key",
                          "Bob <bob@example.org>", "future-default", "default",
                          "0")
    fpr = re.search(r"KEY_CREATED . (\w{40})", said).group(1)
    return types.SimpleNamespace(fpr=fpr, text=keys.run(
        home, "--armor", "--export", fpr)[1].decode())


def sealed_to(letter):
    return keys.sealed_to(letters.cipher(letter.data))


def sends(a, code=250, to=BOB, **kw):
    r = a.send([to], letters.text(to=(to,), **kw))
    assert r.code == code, r
    return words(r) if code != 250 else sealed_to(a.smtp.accepted[-1])


# ---- keys that change

def test_a_changed_key(scripted, new):
    """Refused until it is accepted; then the new one is used, and no other."""
    a = scripted(public=("bob",), trusted=())
    old = sends(a)
    now = contact(a)
    assert abs(now.pop("since") - time.time()) < 60
    assert abs(now.pop("sealed-before") - time.time()) < 60
    assert now == {"address": BOB, "readable-allowed": False, "key": OLD,
                   "accepted": []}
    got = imports(a, new.text)
    assert got["imported"] == 1
    assert [k["fpr"] for k in got["keys"]] == [new.fpr]
    for extra in ("", "X-Letterlock: encrypt=no\n"):
        assert sends(a, 550, extra=extra) == CHANGED
    r = call(a, "recipients", account=ALICE, to=[BOB])["ok"]
    assert (r["outcome"], r["words"]) == ("refused", CHANGED)
    assert r["recipients"][0]["state"] == "changed"
    assert r["recipients"][0]["key"]["fpr"] == new.fpr
    assert contact(a)["changed"] == new.fpr
    # also after all processes have been another time
    a.kill_role("keeper")
    assert sends(a, 550) == CHANGED
    now = contact(a, "BOB@Example.org", accept=new.fpr)
    assert now["accepted"] == [new.fpr] and "changed" not in now
    assert sends(a) != old
    assert contact(a)["key"] == new.fpr
    r = call(a, "recipients", account=ALICE, to=[BOB])["ok"]["recipients"][0]
    assert (r["state"], r["key"]["trust"]) == ("sealed", "seen")
    assert abs(r["key"]["since"] - time.time()) < 60


def certified(make, text, fpr, by="bob"):
    """The key with somebody's signature on it."""
    home = make.home([by])
    keys.run(home, "--import", data=text.encode())
    keys.run(home, "--local-user", keys.FPR[by], "--quick-sign-key", fpr)
    return keys.run(home, "--armor", "--export", fpr)[1].decode()


def test_a_key_that_the_old_one_certified(scripted, new, make):
    """Its owner has both."""
    a = scripted(public=("bob", "mallory"), trusted=())
    old = sends(a)
    imports(a, certified(make, new.text, new.fpr, "mallory"))
    assert sends(a, 550) == CHANGED
    imports(a, certified(make, new.text, new.fpr))
    assert sends(a) != old
    now = contact(a)
    assert now["key"] == new.fpr and "changed" not in now


def spoilt(make, armored, by="bob"):
    """The same, but what that key says of it is not by that key."""
    home = make.home([by])
    raw = bytearray(keys.run(home, "--dearmor", data=armored.encode())[1])
    told = keys.run(home, "--list-packets", data=bytes(raw))[1].decode()
    for off, head, n in re.findall(
            r"off=(\d+) .*hlen=(\d+) plen=(\d+)\n:signature packet: algo \d+, "
            "keyid " + keys.FPR[by][-16:], told):
        raw[int(off) + int(head) + int(n) - 1] ^= 1
    return keys.run(home, "--enarmor", data=bytes(raw))[1].decode().replace(
        "ARMORED FILE", "PUBLIC KEY BLOCK")


def test_a_key_that_the_old_one_seems_to_certify(scripted, new, make):
    a = scripted(public=("bob",), trusted=())
    sends(a)
    good = certified(make, new.text, new.fpr)
    bad = spoilt(make, good)
    assert bad != good
    imports(a, bad)
    assert sends(a, 550) == CHANGED
    imports(a, good)
    sends(a)


def test_when_possible_is_no_way_around(scripted, new):
    """Who makes a key known does not make a letter readable by that."""
    a = scripted(public=("bob",), trusted=(),
                 account={"encrypt": "when-possible"})
    sends(a)
    imports(a, new.text)
    assert sends(a, 550) == CHANGED
    assert sends(a, 550, extra="X-Letterlock: encrypt=no\n") == CHANGED
    assert len(a.smtp.accepted) == 1


def test_a_rejected_key(scripted, new):
    """It is never used, and what there was before goes on."""
    a = scripted(public=("bob",), trusted=())
    old = sends(a)
    imports(a, new.text)
    sends(a, 550)
    now = contact(a, reject=new.fpr)
    assert now["accepted"] == [] and "changed" not in now
    assert sends(a) == old
    k = {k["fpr"]: k for k in call(a, "keys", address=BOB)["ok"]["keys"]}
    assert k[new.fpr]["rejected"] and not k[OLD]["rejected"]
    # also the only one there is, and though GnuPG calls it valid
    contact(a, reject=OLD)
    assert "cannot read sealed letters" in sends(a, 550)
    contact(a, FRANK, reject=keys.FPR["frank"])
    contact(a, accept=OLD)
    assert sends(a) == old


def test_a_rejected_key_that_is_valid(scripted):
    a = scripted(trusted=("bob",))
    contact(a, reject=OLD)
    assert "cannot read sealed letters" in sends(a, 550)
    assert contact(a) == {"address": BOB, "readable-allowed": False,
                          "accepted": []}


def test_several_keys(scripted, new):
    """None of them, until one is accepted, which wins."""
    a = scripted(public=("bob",), trusted=())
    imports(a, new.text)
    assert "nobody has checked" in sends(a, 550)
    assert contact(a) is None
    contact(a, accept=OLD)
    old = sends(a)
    # the word that was said last of all
    contact(a, accept=new.fpr, verified=True)
    assert sends(a) != old
    r = call(a, "recipients", account=ALICE, to=[BOB])["ok"]["recipients"][0]
    assert r["key"]["fpr"] == new.fpr and r["key"]["trust"] == "verified"
    assert contact(a)["accepted"] == [new.fpr, OLD]
    # the last that was accepted is used, though the other was compared
    contact(a, accept=OLD)
    assert sends(a) == old
    assert contact(a)["accepted"] == [OLD, new.fpr]


def test_always_needs_an_accepted_key(scripted):
    a = scripted(public=("bob",), trusted=(), account={"encrypt": "always"})
    assert "nobody has checked" in sends(a, 550)
    contact(a, accept=OLD)
    sends(a)


def test_signatures(scripted, make):
    """Untrusted, until the key is accepted; a rejected one never more."""
    a = scripted(public=("bob",), trusted=("frank",))
    bob = make.home(["bob", "frank"], ["alice"])

    def signed(name, sender):
        part = letters.payload(letters.BODY, sender=sender, to=(ALICE,))
        a.inbox.mailbox[:] = [("u", letters.sealed(
            keys.encrypt(bob, part, ["alice"], name), sender=sender,
            to=(ALICE,)))]
        got, = client.fetch(a.pop3, ALICE, "x")
        v = letters.verdict(got)
        return v["signature"], v.get("trust")

    assert signed("bob", BOB) == ("untrusted", None)
    contact(a, accept=OLD)
    assert signed("bob", BOB) == ("good", "seen")
    contact(a, accept=OLD, verified=True)
    assert signed("bob", BOB) == ("good", "verified")
    # it was accepted for Bob
    assert signed("bob", FRANK)[0] == "mismatch"
    contact(a, reject=OLD)
    assert signed("bob", BOB) == ("untrusted", None)
    assert signed("frank", FRANK) == ("good", "verified")
    contact(a, FRANK, reject=keys.FPR["frank"])
    assert signed("frank", FRANK) == ("untrusted", None)


# ---- what is said of a contact

def test_policy_and_readable(scripted):
    a = scripted(public=("bob",), trusted=(), contacts={
        "@example.org": {"encrypt": "ask"}})
    assert contact(a, set={"encrypt": "always"})["encrypt"] == "always"
    assert "nobody has checked" in sends(a, 550)
    # the strictest counts
    assert contact(a, set={"encrypt": "never"})["encrypt"] == "never"
    sends(a)
    assert "encrypt" not in contact(a, set={"encrypt": ""})
    assert sends(a, 550, EVE).startswith("Letterlock did not send this: eve@")
    now = contact(a, EVE, set={"readable": True, "encrypt": "ask"})
    assert now == {"address": EVE, "readable-allowed": True, "accepted": [],
                   "encrypt": "ask"}
    assert a.send([EVE], letters.text(to=(EVE,))).code == 250
    assert not contact(a, EVE, set={"readable": False})["readable-allowed"]
    sends(a, 550, EVE)


def test_paging(scripted):
    a = scripted()
    named = ["%04d@example.net" % i for i in range(601)]
    with Plugin(path(a)) as p:
        p.call("contacts")
        db = sqlite3.connect(state_file(a))
        with db:
            db.executemany("INSERT INTO contact (addr) VALUES (?)",
                           [(x,) for x in named])
        db.close()
        first = p.call("contacts")["ok"]
        assert first["more"] is True and len(first["contacts"]) == 500
        after = first["contacts"][-1]["address"]
        rest = p.call("contacts", after=after)["ok"]
        assert "more" not in rest
        assert [x["address"] for x in first["contacts"] + rest["contacts"]] \
            == named
        assert p.call("contacts", after=named[-1])["ok"]["contacts"] == []


def test_who_watches_is_told(scripted):
    a = scripted()
    with Plugin(path(a)) as p:
        p.call("watch")
        contact(a, set={"encrypt": "always"})
        assert p.line()["addresses"] == [BOB]
        imports(a, public("dan"))
        assert p.line()["addresses"] == [DAN]


# ---- keys

def test_keys(scripted):
    a = scripted(public=("bob", "expired", "revoked"), trusted=("frank",))
    own, = call(a, "keys", account=ALICE)["ok"]["keys"]
    assert own["fpr"] == keys.FPR["alice"] and own["secret"] and own["usable"]
    bob, = call(a, "keys", address=BOB)["ok"]["keys"]
    assert "bob@example.org" in bob.pop("uids")[0]
    assert 1500000000 < bob.pop("created") < time.time()
    assert bob.pop("from") == "keyring"
    assert own["trust"] == "own" and bob.pop("trust") == "new"
    assert bob == {"fpr": OLD, "secret": False, "usable": True, "valid": False,
                   "accepted": False, "verified": False, "rejected": False,
                   "revoked": False, "expired": False}
    for who, what in (("expired", "expired"), ("revoked", "revoked")):
        k, = call(a, "keys", address=who + "@example.org")["ok"]["keys"]
        assert k[what] and not k["usable"], k
    k, = call(a, "keys", address=FRANK)["ok"]["keys"]
    assert k["valid"]
    assert call(a, "keys", address=EVE)["ok"]["keys"] == []
    contact(a, accept=OLD, verified=True)
    bob, = call(a, "keys", address=BOB)["ok"]["keys"]
    assert bob["accepted"] and bob["verified"]


def test_export(scripted, make):
    a = scripted()
    armor = call(a, "keys", export=OLD)["ok"]["armor"]
    home = make.home(public=["alice"])
    keys.run(home, "--import", data=armor.encode())
    assert OLD.encode() in keys.run(home, "--list-keys", "--with-colons")[1]
    assert call(a, "keys", export="A" * 40)["error"]["code"] == "no-key"


def secret_as_public():
    """A secret key with the label of a public one."""
    with open(keys.asc("bob-new", True), encoding="ascii") as f:
        return f.read().replace("PRIVATE KEY", "PUBLIC KEY")


def test_import(scripted):
    """Whatever text is around them; all or nothing of it, and nothing secret."""
    a = scripted(trusted=())
    bob, dan = public("bob"), public("dan")
    with open(keys.asc("bob-new", True), encoding="ascii") as f:
        secret = f.read()
    bad = [secret, bob + secret, secret_as_public(), bob + secret_as_public(),
           "", "no key", bob[:-100], bob.replace("\n\n", "\n\nAAAA\n", 1),
           bob.replace("PUBLIC KEY BLOCK", "MESSAGE"), bob * 17]
    with Plugin(path(a)) as p:
        for text in bad:
            r = p.call("keys", **{"import": text})
            assert r["error"]["code"] == "request", text[:300]
        assert p.call("keys", **{"import": bob + " " * (48 << 10)})["error"][
            "code"] == "too-large"
        assert p.call("keys", address=BOB)["ok"]["keys"] == []
        text = "Hi,\r\nmy key:\r\n%s\nand\n%s-- \nBob\n" % (
            bob.replace("\n", "\r\n"), dan)
        for n in (2, 0):
            ok = p.call("keys", **{"import": text})["ok"]
            assert ok["imported"] == n
            assert [k["fpr"] for k in ok["keys"]] == [OLD, keys.FPR["dan"]]
    sends(a)
    out = keys.run(a.home, "--list-secret-keys", "--with-colons")[1]
    assert out.count(b"sec:") == 1


# ---- hostile requests

BAD = [
    ("contacts", {"address": "x"}), ("contacts", {"address": BOB, "after": BOB}),
    ("contacts", {"after": "x"}), ("contacts", {"set": {"readable": True}}),
    ("contacts", {"address": BOB, "set": {}}),
    ("contacts", {"address": BOB, "set": {"readable": 1}}),
    ("contacts", {"address": BOB, "set": {"encrypt": "sometimes"}}),
    ("contacts", {"address": BOB, "set": {"encrypt": None}}),
    ("contacts", {"address": BOB, "set": {"readable": True, "x": 1}}),
    ("contacts", {"address": BOB, "set": []}),
    ("contacts", {"address": BOB, "accept": "A"}),
    ("contacts", {"address": BOB, "accept": OLD.lower()}),
    ("contacts", {"address": BOB, "reject": "' OR 1=1 --"}),
    ("contacts", {"address": BOB, "reject": OLD, "verified": True}),
    ("contacts", {"address": BOB, "reject": OLD, "accept": OLD}),
    ("contacts", {"address": BOB, "verified": True}),
    ("contacts", {"accept": OLD}),
    ("keys", {}), ("keys", {"account": ALICE, "address": BOB}),
    ("keys", {"address": "--import"}), ("keys", {"address": 1}),
    ("keys", {"export": "--armor"}), ("keys", {"export": OLD[:16]}),
    ("keys", {"import": ["x"]}),
]


def test_nonsense(scripted):
    a = scripted()
    with Plugin(path(a)) as p:
        for name, members in BAD:
            r = p.call(name, **members)
            assert r.get("error", {}).get("code") == "request", (members, r)
        assert p.call("keys", account="x")["error"]["code"] == "no-account"
        # nobody accepts what is not there
        for fpr in ("A" * 40, keys.FPR["alice"]):
            assert p.call("contacts", address=BOB, accept=fpr)["error"][
                "code"] == "no-key"
        assert p.call("contacts")["ok"] == {"contacts": []}


def state_file(a):
    return os.path.join(a.dirs["state"], "letterlock", "contacts.db")


def test_a_damaged_file(scripted):
    """Nothing is sent, and nothing is begun anew."""
    a = scripted()
    sends(a)
    a.stop()
    was = os.path.getsize(state_file(a))
    with open(state_file(a), "r+b") as f:
        f.write(b"junk")
    a.start()
    assert a.send([BOB], letters.text()).code == 451
    wait_for(lambda: "contacts.db in the state folder is damaged" in a.text())
    assert len(a.smtp.accepted) == 1
    assert os.path.getsize(state_file(a)) == was
