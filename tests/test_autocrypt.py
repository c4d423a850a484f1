# SPDX-License-Identifier: GPL-3.0-or-later
"""Autocrypt over a live agent: keys that go along with what we send (O22,
O23), and what is learnt from those that come (I13)."""
import base64
import contextlib
import email.utils
import os
import sqlite3
import time

import pytest

from kit import client, keys, letters, wait_for, write
from kit.plugin import Plugin, path
from kit.provider import Provider
from people import ALICE, BOB, DAN, EVE, FRANK

YES = {"autocrypt": "yes"}


def gpg_keys(make, key):
    """What gpg makes of a key in an empty keyring: its colon lines."""
    d = make.folder()
    keys.run(d, "--import", write(d + "/key", key))
    return keys.run(d, "--list-sigs", "--with-colons",
                    "--with-fingerprint")[1].decode()


def rows(colons, kind):
    return [x.split(":") for x in colons.splitlines()
            if x.startswith(kind + ":")]


def sent(a, to=(BOB,), raw=None, **kw):
    a.smtp.accepted.clear()
    r = a.send(list(to), raw if raw is not None else letters.text(to=to), **kw)
    assert r.code == 250, r
    return a.smtp.accepted


@pytest.mark.parametrize("account, begins", [
    ({"encrypt": "always"}, rb'multipart/encrypted'),
    ({"encrypt": "never", "sign": "always"}, rb'multipart/signed'),
    ({"encrypt": "never"}, rb'text/plain')], ids=["sealed", "signed", "clear"])
def test_our_key_goes_along(scripted, make, account, begins):
    """Minimal: one user ID, one subkey, their newest self-signatures."""
    a = scripted(account=dict(account, **YES))
    fpr = keys.FPR["alice"]
    keys.run(a.home, "--quick-add-uid", fpr, "A <other@example.org>")
    (got,) = sent(a, raw=b"Autocrypt: addr=alice@example.org; keydata=AAAA\r\n"
                  + letters.text())
    raw, addr, key = letters.without_autocrypt(got.data)
    assert addr == ALICE
    assert begins in letters.header(raw)["Content-Type"].encode()
    said = gpg_keys(make, key)
    assert [x[9] for x in rows(said, "fpr")][0] == fpr
    assert len(rows(said, "pub")) == len(rows(said, "sub")) == 1
    (uid,) = rows(said, "uid")
    assert "<%s>" % ALICE in uid[9]
    assert len(rows(said, "sig")) == 2
    # and it is inside of nothing
    if account["encrypt"] == "always":
        inside = keys.Decrypted(a.home, letters.cipher(raw)).data
        assert b"utocrypt" not in inside


def test_our_key_of_today(scripted, make):
    """It is remembered, and cut anew when the keyring changed."""
    a = scripted(account=dict(YES, encrypt="never"))
    first = letters.without_autocrypt(sent(a)[0].data)[2]
    assert letters.without_autocrypt(sent(a)[0].data)[2] == first
    keys.run(a.home, "--quick-set-expire", keys.FPR["alice"], "1y")
    later = letters.without_autocrypt(sent(a)[0].data)[2]
    assert later != first
    assert rows(gpg_keys(make, later), "pub")[0][6]
    assert not rows(gpg_keys(make, first), "pub")[0][6]


def test_no_key_no_header(scripted):
    """It is no reason not to send."""
    a = scripted(secret=(), public=("alice",), trusted=(),
                 account=dict(YES, encrypt="never"))
    raw = letters.text()
    assert sent(a, raw=raw)[0].data == raw


def test_it_can_be_switched_off(scripted):
    a = scripted(account={"autocrypt": "no", "encrypt": "never"})
    raw = letters.text()
    assert sent(a, raw=raw)[0].data == raw


def test_an_alias(scripted):
    a = scripted(account={"autocrypt": "yes", "encrypt": "never",
                          "aliases": "a@example.org"})
    (got,) = sent(a, raw=letters.text(sender="a@example.org"),
                  sender="a@example.org")
    assert letters.without_autocrypt(got.data)[1] == "a@example.org"


def gossip(home, raw):
    """address -> key, of a sealed letter."""
    text = letters.without_autocrypt(raw)[0]
    assert b"Autocrypt-Gossip" not in text
    inside = keys.Decrypted(home, letters.cipher(text))
    assert inside.ok and inside.signer == keys.FPR["alice"]
    out = {}
    for field in letters.header(inside.data).get_all("Autocrypt-Gossip", []):
        addr, key = field.split(";", 1)
        assert addr.startswith("addr=") and addr[5:] not in out
        assert key.split("=")[0].strip() == "keydata"
        out[addr[5:]] = base64.b64decode(key.split("=", 1)[1])
    return out


@pytest.fixture
def sealing(scripted):
    def start(**kw):
        return scripted(trusted=("bob", "dan", "frank"),
                        account={**YES, "encrypt": "always", **kw})
    return start


def test_gossip(sealing, make):
    """All in To and Cc, on the lane of a Bcc too, and whose that is nowhere."""
    a = sealing()
    raw = letters.text(to=(BOB,), cc=(FRANK,))
    got = sent(a, to=(BOB, FRANK, DAN), raw=raw)
    assert sorted(x.to for x in got) == [[BOB, FRANK], [DAN]]
    for x in got:
        told = gossip(a.home, x.data)
        assert sorted(told) == [BOB, FRANK]
        for name in ("bob", "frank"):
            said = gpg_keys(make, told[keys.ADDR[name]])
            assert rows(said, "fpr")[0][9] == keys.FPR[name]
            # what others signed of it stays with us
            assert len(rows(said, "sig")) == 2
        # what is below is as it was
        assert letters.body(keys.Decrypted(a.home, letters.cipher(
            x.data)).data) == letters.body(raw)


@pytest.mark.parametrize("to, shown, account", [
    ((BOB,), (BOB,), {}), ((BOB, DAN), (BOB,), {}),
    ((BOB, FRANK), (BOB, FRANK), {"autocrypt": "no"}),
    ((BOB, FRANK), (BOB, FRANK), {"encrypt": "never", "sign": "always"})],
    ids=["one", "one and a Bcc", "switched off", "not sealed"])
def test_no_gossip(sealing, to, shown, account):
    a = sealing(**account)
    for x in sent(a, to=to, raw=letters.text(to=shown)):
        assert b"Autocrypt-Gossip" not in x.data
        if "encrypt" not in account:
            inside = keys.Decrypted(a.home, letters.cipher(x.data))
            assert inside.ok and b"utocrypt" not in inside.data


# ---- what comes

@pytest.fixture(scope="module")
def key_of(make_once):
    """key_of(name): the public key, binary."""
    d = make_once.folder()
    known = {}

    def get(name):
        if name not in known:
            keys.run(d, "--import", keys.asc(name))
            known[name] = keys.run(d, "--export", keys.FPR[name])[1]
        return known[name]
    return get


def field(addr, key, name="Autocrypt", more=" prefer-encrypt=mutual;"):
    text = base64.b64encode(key).decode()
    return "%s: addr=%s;%s keydata=\n%s" % (name, addr, more, "".join(
        " %s\n" % text[i:i + 70] for i in range(0, len(text), 70)))


@contextlib.contextmanager
def store(a):
    p = os.path.join(a.dirs["state"], "letterlock", "contacts.db")
    db = sqlite3.connect(p, timeout=10)
    try:
        yield db
    finally:
        db.close()


def peers(a):
    """addr -> (fpr, gossip_fpr, mutual)"""
    with store(a) as db:
        return {x[0]: x[1:] for x in db.execute(
            "SELECT addr, fpr, gossip_fpr, mutual FROM peer")}


def seen(a, addr):
    with store(a) as db:
        return db.execute("SELECT last_seen, autocrypt_timestamp FROM peer "
                          "WHERE addr = ?", (addr,)).fetchone()


def came(a, *raws):
    a.inbox.mailbox[:] = [("u%d" % i, x) for i, x in enumerate(raws)]
    return client.fetch(a.pop3, ALICE, "x")


def learns(a, want):
    """Soon: nobody waits for it."""
    wait_for(lambda: peers(a) == want, 10)


NOON = int(email.utils.parsedate_to_datetime(letters.DATE).timestamp())
EVES = {EVE: (keys.FPR["eve"], "", 1)}


def test_a_key_that_came_is_learnt(scripted, key_of):
    """I13, R10: and stays out of the user's keyring."""
    a = scripted(account=YES)
    before = keys.run(a.home, "--list-keys", "--with-colons")[1]
    raw = letters.text(sender=EVE, to=(ALICE,),
                       extra=field(EVE, key_of("eve")))
    got, = came(a, raw)
    assert letters.without_verdict(got) == raw
    learns(a, EVES)
    assert seen(a, EVE) == (NOON, NOON)
    with store(a) as db:
        (data,), = db.execute("SELECT data FROM peer_key").fetchall()
    assert data == key_of("eve")
    assert keys.run(a.home, "--list-keys", "--with-colons")[1] == before


def from_eve(extra, **kw):
    return letters.text(sender=EVE, to=(ALICE,), extra=extra, **kw)


def sealed_by(a, name, to, extra=""):
    """A letter that this one sealed for Alice, and its payload."""
    inside = letters.crlf(extra) + letters.payload(
        sender=keys.ADDR[name], to=to)
    return letters.sealed(keys.encrypt(a.home, inside, ["alice"]),
                          sender=keys.ADDR[name], to=to)


def hostile(a, key_of):
    """name -> a letter from which nothing may be learnt."""
    good = field(EVE, key_of("eve"))
    secret = keys.run(a.home, "--export-secret-keys", keys.FPR["alice"])[1]
    report = from_eve(good).replace(
        b"text/plain; charset=us-ascii",
        b"multipart/report; boundary=x; report-type=delivery-status")
    assert report != from_eve(good)
    gossip = field(DAN, key_of("dan"), "Autocrypt-Gossip", "")
    return {
        "another's address": from_eve(field(DAN, key_of("dan"))),
        "another's key": from_eve(field(EVE, key_of("mallory"))),
        "two of them": from_eve(good + field(EVE, key_of("mallory"))),
        "two From": from_eve(good + "From: <%s>\n" % DAN),
        "two in From": from_eve(good).replace(
            b"<%s>" % EVE.encode(), b"<%s>, <%s>" % (EVE.encode(),
                                                     DAN.encode())),
        "by a machine": from_eve(good + "Auto-Submitted: auto-replied\n"),
        "a report": report,
        "critical": from_eve(field(EVE, key_of("eve"), more=" x=y;")),
        "no key": from_eve(field(EVE, b"zebrafink")),
        "secret": letters.text(to=(ALICE,), extra=field(ALICE, secret)),
        "too large": from_eve(field(EVE, key_of("eve") * 40)),
        "ended": letters.text(sender=keys.ADDR["expired"], to=(ALICE,),
                              extra=field(keys.ADDR["expired"],
                                          key_of("expired"))),
        "revoked": letters.text(sender=keys.ADDR["revoked"], to=(ALICE,),
                                extra=field(keys.ADDR["revoked"],
                                            key_of("revoked"))),
        "nothing": from_eve(""),
        "gossip outside": from_eve(gossip, cc=(DAN,)),
        "inside": sealed_by(a, "bob", (ALICE,), field(BOB, key_of("bob"))),
        "gossip of nobody": sealed_by(a, "bob", (ALICE,), gossip),
        "gossip of another": sealed_by(
            a, "bob", (ALICE, DAN),
            field(DAN, key_of("mallory"), "Autocrypt-Gossip", "")),
    }


def test_nothing_is_learnt(scripted, key_of):
    """I13. They come as ever; what comes last shows that all was seen."""
    a = scripted(account=YES, agent={"look-ahead": "0"})
    raws = hostile(a, key_of)
    last = letters.text(sender=DAN, to=(ALICE,),
                        extra=field(DAN, key_of("dan")))
    got = came(a, *raws.values(), last)
    for name, raw, x in zip(raws, raws.values(), got):
        if b"BEGIN PGP" in raw:
            assert letters.verdict(x)["encryption"] == "ok", name
        else:
            assert letters.without_verdict(x) == raw, name
    learns(a, {DAN: (keys.FPR["dan"], "", 1)})
    assert "@" not in "".join(x for x in a.log if "learnt" in x)


def test_what_is_kept_of_a_key(scripted, key_of):
    """Nothing that only claims to be checked, or to be hers."""
    a = scripted(account=YES)
    key, uid, sig, *sub = keys.packets(key_of("eve"))
    checked = b"\xb0\x0c\0\0gpg\2\0\0\0\0\0\0"
    dan = "Dan <%s>" % DAN
    more = b"".join([key, uid, checked, sig, b"\xb0\x06\0\3gpg\0",
                     b"\xd1\2pp", sig,
                     b"\xcd" + bytes([len(dan)]) + dan.encode(), checked,
                     *sub])
    came(a, from_eve(field(EVE, more)))
    learns(a, EVES)
    with store(a) as db:
        (data,), = db.execute("SELECT data FROM peer_key").fetchall()
    assert data == key_of("eve")
    # and it is not hers in Dan's name
    came(a, letters.text(sender=DAN, to=(ALICE,), extra=field(DAN, more)),
         letters.text(sender=BOB, to=(ALICE,), extra=field(BOB, key_of("bob"))))
    learns(a, {**EVES, BOB: (keys.FPR["bob"], "", 1)})


def test_gossip_that_came(scripted, key_of):
    """I13: of those who are named, inside; a direct key is another thing."""
    a = scripted(account=YES)
    told = "".join(field(keys.ADDR[n], key_of(n), "Autocrypt-Gossip", "")
                   for n in ("dan", "eve", "frank"))
    raw = sealed_by(a, "bob", (ALICE, DAN, EVE), told)
    came(a, raw, from_eve(field(EVE, key_of("eve"))))
    learns(a, {DAN: ("", keys.FPR["dan"], 0),
               EVE: (keys.FPR["eve"], keys.FPR["eve"], 1)})


def test_newer_wins(scripted, key_of, make):
    """A Date in the future counts as now; an older letter changes nothing."""
    a = scripted(account=YES, agent={"look-ahead": "0"})
    day = "Tue, %d Nov 2016 07:30:00 +0000"
    new = make.folder()
    keys.run(new, "--batch", "--passphrase", "", "--quick-gen-key",
             "Eve <%s>" % EVE, "future-default", "default", "never")
    other = keys.run(new, "--export")[1]
    fpr = rows(keys.run(new, "--list-keys", "--with-colons")[1].decode(),
               "fpr")[0][9]
    came(a, from_eve(field(EVE, key_of("eve")), date=day % 8),
         from_eve(field(EVE, other), date=day % 1))
    learns(a, EVES)
    was = seen(a, EVE)
    assert was[0] == was[1]
    # without a field only when it was last heard of changes
    came(a, from_eve("", date=day % 15))
    wait_for(lambda: seen(a, EVE) == (was[0] + 7 * 86400, was[1]), 10)
    assert peers(a) == EVES
    came(a, from_eve(field(EVE, other, more=""),
                     date="Tue, 8 Nov 2095 07:30:00 +0000"))
    learns(a, {EVE: (fpr, "", 0)})
    assert was[1] < seen(a, EVE)[1] <= time.time()


def test_a_letter_costs_few_runs_of_gpg(scripted, make, key_of):
    """Ten; what is left is learnt from the next one."""
    a, d = scripted(account=YES, agent={"look-ahead": "0"}), make.folder()
    who = ["p%d@example.org" % i for i in range(12)]
    for addr in who:
        keys.run(d, "--batch", "--passphrase", "", "--quick-gen-key", addr,
                 "future-default", "default", "never")
    told = "".join(field(x, keys.run(d, "--export", x)[1],
                         "Autocrypt-Gossip", "") for x in who)
    raw = sealed_by(a, "bob", [ALICE] + who, told)
    came(a, raw, from_eve(field(EVE, key_of("eve"))))
    wait_for(lambda: EVE in peers(a), 10)
    assert len(peers(a)) == 11
    came(a, raw)
    wait_for(lambda: sorted(peers(a)) == sorted(who + [EVE]), 10)


def test_what_a_plug_in_opens(scripted, key_of):
    """But not what it only asks the verdict of."""
    a = scripted(account=YES)
    with Plugin(path(a)) as p:
        p.verdict(letters.text(sender=DAN, to=(ALICE,),
                               extra=field(DAN, key_of("dan"))))
        p.open(from_eve(field(EVE, key_of("eve"))))
    learns(a, EVES)


# ---- the acceptance

class Person:
    """Who has a key of their own and knows nobody."""

    def __init__(self, make, stack, name):
        self.addr = keys.ADDR[name]
        self.smtp = stack.enter_context(Provider("smtp", {self.addr: "x"}))
        self.inbox = stack.enter_context(Provider("pop3", {self.addr: "x"}))
        self.home = make.home([name])
        self.agent = make.agent(self.home, {self.addr: {
            "smtp": self.smtp.conf, "pop3": self.inbox.conf,
            "encrypt": "when-possible", "autocrypt": "yes"}})

    def writes(self, *people):
        """To these, who have it in their mailboxes: what went out."""
        to = [p.addr for p in people]
        self.smtp.accepted.clear()
        r = client.send(self.agent.submission, self.addr, "x", to,
                        letters.text(sender=self.addr, to=to,
                                     date=email.utils.formatdate()))
        assert r.code == 250, r
        (out,) = self.smtp.accepted
        for p in people:
            p.inbox.mailbox.append(("u%d" % time.time_ns(), out.data))
        return out.data

    def reads(self):
        out = client.fetch(self.agent.pop3, self.addr, "x")
        assert len(out) == 1
        return letters.verdict(out[0])

    def knows(self, *people):
        wait_for(lambda: {p.addr for p in people} <= set(peers(self.agent)),
                 10)


def is_sealed(raw):
    return letters.header(raw).get_content_type() == "multipart/encrypted"


def test_two_who_know_nothing_of_each_other(make):
    """One letter each way, and they write sealed; a third whom both write to is
    introduced by gossip."""
    with contextlib.ExitStack() as stack:
        alice, bob, frank = (Person(make, stack, n)
                             for n in ("alice", "bob", "frank"))
        before = [keys.run(p.home, "--list-keys", "--with-colons")[1]
                  for p in (alice, bob, frank)]
        assert not is_sealed(bob.writes(alice))
        assert alice.reads()["encryption"] == "none"
        alice.knows(bob)
        assert is_sealed(alice.writes(bob))
        v = bob.reads()     # whose key came with it
        assert (v["encryption"], v["signature"]) == ("ok", "unknown-key"), v
        bob.knows(alice)
        assert is_sealed(bob.writes(alice))
        v = alice.reads()
        assert (v["encryption"], v["signature"]) == ("ok", "good"), v
        assert v["fpr"] == keys.FPR["bob"] and v["trust"] == "seen", v
        # and all three
        frank.writes(alice)
        alice.reads()
        alice.knows(frank)
        assert is_sealed(alice.writes(bob, frank))
        assert bob.reads()["encryption"] == frank.reads()["encryption"] == "ok"
        bob.knows(frank)
        frank.knows(alice, bob)
        assert is_sealed(frank.writes(alice, bob))
        assert bob.reads()["encryption"] == alice.reads()["encryption"] == "ok"
        assert [keys.run(p.home, "--list-keys", "--with-colons")[1]
                for p in (alice, bob, frank)] == before


def test_who_wants_none_learns_none(scripted, key_of):
    """autocrypt = no is for both directions."""
    a = scripted(account={"autocrypt": "no"})
    came(a, letters.text(sender=EVE, to=(ALICE,),
                         extra=field(EVE, key_of("eve"))))
    time.sleep(1)       # longer than it takes where it is wanted
    assert peers(a) == {}
