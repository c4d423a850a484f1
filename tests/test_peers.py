# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers' keys that came by letters and look-ups: which one a letter is sealed to,
what a signature of one is worth, and that the user's keyring is left alone."""
import glob
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import time

import pytest

from kit import client, keys, letters, wait_for
from kit.agent import built, sanitized
from kit.client import words
from kit.fakegpg import FakeGpg
from kit.plugin import Plugin, command, path
from people import ALICE, BOB, EVE

AUTOCRYPT, GOSSIP, WKD, IMPORT = 1, 2, 3, 4
COLUMN = {AUTOCRYPT: "fpr", GOSSIP: "gossip_fpr", WKD: "wkd_fpr",
          IMPORT: "import_fpr"}
NEW = keys.FPR["bob-new"]


def folder(a):
    return os.path.join(a.dirs["state"], "letterlock", "peers")


def sql(a, *statements):
    where = os.path.join(a.dirs["state"], "letterlock", "contacts.db")
    wait_for(lambda: os.path.exists(where))
    db = sqlite3.connect("file:%s?mode=rw" % where, uri=True, timeout=10)
    try:
        with db:
            for s in statements:
                db.execute(*s)
    finally:
        db.close()


def binary(name):
    """A key's octets, by its name or as text."""
    text = name if isinstance(name, bytes) else open(keys.asc(name), "rb").read()
    p = subprocess.run(["gpg", "--dearmor"], input=text, capture_output=True,
                       check=True)
    return p.stdout


def learnt(a, addr, name, how=AUTOCRYPT, fpr=None, data=None):
    """As if it had come so."""
    fpr, data = fpr or keys.FPR[name], data or binary(name)
    now = int(time.time())
    sql(a, ("DELETE FROM peer_key WHERE fpr = ?", (fpr,)),
        ("INSERT INTO peer_key (fpr, source, learnt, seen, expires, revoked, "
         "hash, data) VALUES (?, ?, ?, ?, 0, 0, ?, ?)",
         (fpr, how, now, now, hashlib.sha256(data).digest(), data)),
        ("INSERT OR IGNORE INTO peer (addr) VALUES (?)", (addr,)),
        ("UPDATE peer SET %s = ? WHERE addr = ?" % COLUMN[how], (fpr, addr)))
    if how == AUTOCRYPT:
        sql(a, ("UPDATE peer SET own_fpr = ? WHERE addr = ? AND own_fpr = ''",
                (fpr, addr)))


def ask(a, addr):
    """What a plug-in is told of one recipient."""
    with Plugin(path(a)) as p:
        r, = p.call("recipients", account=ALICE, to=[addr])["ok"]["recipients"]
        return r


def contact(a, addr, **members):
    with Plugin(path(a)) as p:
        return p.call("contacts", address=addr, **members)


def sends(a, addr, code=250):
    r = a.send([addr], letters.text(to=(addr,)))
    assert r.code == code, r
    return words(r) if code != 250 else keys.sealed_to(
        letters.cipher(a.smtp.accepted[-1].data))


def reads(name):
    """What a letter to this one and Alice is sealed to."""
    home = keys.template([], ["alice", name], [])
    _, out, _ = keys.run(home, "--with-colons", "--list-keys", keys.FPR[name],
                         keys.FPR["alice"])
    return sorted(x.split(":")[4] for x in out.decode().splitlines()
                  if x[:3] == "sub" and "e" in x.split(":")[11])


def keyring(a):
    """All of it, and what gpg lists of it."""
    found = {}
    for f in sorted(glob.glob(os.path.join(a.home, "**"), recursive=True)):
        name = os.path.basename(f)
        if os.path.isfile(f) and name not in (
                "mode", "pids", "prompts", "random_seed"):
            with open(f, "rb") as x:
                found[f] = x.read()
    return found, keys.run(a.home, "--with-colons", "--list-keys")[1]


# ---- sealing

def test_a_key_that_came(scripted):
    """It is used, and stays out of the user's keyring."""
    a = scripted()
    sends(a, BOB)           # gpg has made what files it makes
    before = keyring(a)
    assert ask(a, EVE)["state"] == "no-key"
    assert not os.path.exists(os.path.join(folder(a), "pubring.kbx"))
    learnt(a, EVE, "eve")
    r = ask(a, EVE)
    assert (r["state"], r["key"]["from"], r["key"]["trust"]) == (
        "sealed", "autocrypt", "new")
    assert r["key"]["fpr"] == keys.FPR["eve"]
    assert sorted(sends(a, EVE)) == reads("eve")
    assert sorted(sends(a, EVE)) == reads("eve")
    assert ask(a, EVE)["key"]["trust"] == "seen"
    r = a.send([BOB, EVE], letters.text(to=(BOB, EVE)))
    assert r.code == 250 and len(keys.sealed_to(
        letters.cipher(a.smtp.accepted[-1].data))) == 3
    with Plugin(path(a)) as p:
        key, = p.call("keys", address=EVE)["ok"]["keys"]
    assert (key["fpr"], key["from"]) == (keys.FPR["eve"], "autocrypt")
    after = keyring(a)
    assert [x for x in after[0] if after[0][x] != before[0].get(x)] == []
    assert after == before
    assert os.stat(folder(a)).st_mode & 0o7777 == 0o700
    # and found again in a ring that is put up to date
    learnt(a, "dan@example.com", "dan", GOSSIP)
    assert ask(a, "dan@example.com")["key"]["from"] == "gossip"
    assert sorted(sends(a, EVE)) == reads("eve")


def test_the_order(scripted):
    """The user's keyring, then letters of its own, of others, then look-ups."""
    a = scripted(trusted=())
    learnt(a, BOB, "bob-new", WKD)
    assert ask(a, BOB)["key"]["from"] == "wkd"
    learnt(a, BOB, "bob", GOSSIP)
    r = ask(a, BOB)["key"]
    assert (r["from"], r["fpr"]) == ("gossip", keys.FPR["bob"])
    learnt(a, BOB, "bob-new")
    r = ask(a, BOB)["key"]
    assert (r["from"], r["fpr"]) == ("autocrypt", NEW)
    keys.run(a.home, "--import", keys.asc("bob"))
    r = ask(a, BOB)["key"]
    assert (r["from"], r["fpr"]) == ("keyring", keys.FPR["bob"])
    assert sorted(sends(a, BOB)) == reads("bob")
    # but what the user says goes before
    assert "ok" in contact(a, BOB, accept=NEW)
    assert sorted(sends(a, BOB)) == reads("bob-new")
    assert ask(a, BOB)["key"]["from"] == "autocrypt"
    # what is not for the address, or can't be used, is not taken
    learnt(a, EVE, "mallory")
    assert ask(a, EVE)["state"] == "unusable"
    learnt(a, "revoked@example.org", "revoked", GOSSIP)
    assert ask(a, "revoked@example.org")["state"] == "unusable"
    learnt(a, "expired@example.org", "expired", GOSSIP)
    assert ask(a, "expired@example.org")["state"] == "expired"


def test_a_changed_key(scripted):
    """Wherever the new one comes from, it is refused until it is accepted."""
    a = scripted(trusted=(), account={"encrypt": "when-possible"})
    learnt(a, BOB, "bob")
    learnt(a, BOB, "bob-new")
    # not even sealed to yet
    assert ask(a, BOB)["state"] == "changed"
    assert "has a new key" in sends(a, BOB, 550)
    learnt(a, BOB, "bob")
    old = sends(a, BOB)
    assert sorted(old) == reads("bob")
    for how in (AUTOCRYPT, IMPORT):
        learnt(a, BOB, "bob-new", how)
        assert "has a new key" in sends(a, BOB, 550)
    found = contact(a, BOB)["ok"]["contacts"][0]
    assert (found["key"], found["changed"]) == (keys.FPR["bob"], NEW)
    assert "ok" in contact(a, BOB, reject=NEW)
    assert sends(a, BOB) == old
    assert "ok" in contact(a, BOB, accept=NEW)
    assert sorted(sends(a, BOB)) == reads("bob-new")
    assert len(a.smtp.accepted) == 3


def test_certified_by_the_old_key(scripted, make):
    """Its owner has both; but one that was compared is not followed so."""
    a = scripted(trusted=())
    home = make.home(["bob"], ["bob-new"])
    keys.run(home, "--local-user", keys.FPR["bob"], "--quick-sign-key", NEW)
    new = keys.run(home, "--export", NEW)[1]
    learnt(a, BOB, "bob")
    assert sorted(sends(a, BOB)) == reads("bob")
    learnt(a, BOB, "bob-new", data=new)
    assert sorted(sends(a, BOB)) == reads("bob-new")
    learnt(a, BOB, "bob")
    assert "has a new key" in sends(a, BOB, 550)
    assert "ok" in contact(a, BOB, accept=keys.FPR["bob"], verified=True)
    assert sorted(sends(a, BOB)) == reads("bob")
    sql(a, ("UPDATE peer SET own_fpr = '', fpr = ?", (NEW,)))
    assert sorted(sends(a, BOB)) == reads("bob")


# ---- shown

def test_shown_before_it_is_used(scripted):
    """By all that list keys, with where it is from and how far it is trusted."""
    a = scripted()
    today = time.strftime("%Y-%m-%d")
    sends(a, BOB)           # he is in the keyring
    learnt(a, EVE, "eve")
    learnt(a, "dan@example.com", "dan", GOSSIP)
    learnt(a, keys.ADDR["sally"], "sally", WKD)
    with Plugin(path(a)) as p:
        found = p.call("contacts")["ok"]["contacts"]
        for c in found:
            assert p.call("contacts", address=c["address"])["ok"][
                "contacts"] == [c]
    assert [c["address"] for c in found] == [
        BOB, "dan@example.com", EVE, keys.ADDR["sally"]]
    assert "keys" not in found[0]
    for c, name, how in zip(found[1:], ("dan", "eve", "sally"),
                            ("gossip", "autocrypt", "wkd")):
        key, = c.pop("keys")
        assert abs(key.pop("learnt") - time.time()) < 60
        assert key == {"fpr": keys.FPR[name], "from": how, "revoked": False,
                       "expired": False, "trust": "new"}
        assert c == {"address": keys.ADDR[name], "readable-allowed": False,
                     "accepted": []}
    assert command(a, "contacts", "show", EVE).stdout == (
        "%s\n  came      %s, new\n" % (EVE, keys.FPR["eve"]))
    text = command(a, "keys", "list").stdout
    for name, words in (
            ("eve", "from a letter of theirs (Autocrypt)"),
            ("dan", "from a letter that somebody else wrote to you both"),
            ("sally", "published by their own provider (WKD)")):
        fpr = keys.FPR[name]
        line = "  %s  new\n    %s, %s\n" % (" ".join(
            fpr[i:i + 4] for i in range(0, 40, 4)), words, today)
        assert "%s\n%s" % (keys.ADDR[name], line) in text
        shown = command(a, "keys", "show", keys.ADDR[name]).stdout
        assert "\n  new\n  %s, %s\n" % (words, today) in shown


def trust(a, addr):
    """As the calls keys and contacts have it, which have to agree."""
    with Plugin(path(a)) as p:
        one = {k["fpr"]: (k["trust"], "since" in k, "learnt" in k)
               for k in p.call("keys", address=addr)["ok"]["keys"]}
        c, = p.call("contacts", address=addr)["ok"]["contacts"]
        for k in c["keys"]:
            assert one[k["fpr"]] == (k["trust"], "since" in k, "learnt" in k)
    return {fpr: x[0] for fpr, x in one.items()}


def test_trust_in_words(scripted):
    a = scripted(trusted=())
    old = keys.FPR["bob"]
    learnt(a, BOB, "bob")
    assert trust(a, BOB) == {old: "new"}
    learnt(a, BOB, "bob-new")
    assert trust(a, BOB) == {old: "new", NEW: "changed"}    # unasked
    learnt(a, BOB, "bob")
    sends(a, BOB)
    assert trust(a, BOB)[old] == "seen"
    learnt(a, BOB, "bob-new")
    assert trust(a, BOB) == {old: "seen", NEW: "changed"}
    sends(a, BOB, 550)
    assert trust(a, BOB) == {old: "seen", NEW: "changed"}
    contact(a, BOB, reject=NEW)
    assert trust(a, BOB) == {old: "seen", NEW: "rejected"}
    contact(a, BOB, accept=NEW)
    assert trust(a, BOB) == {old: "seen", NEW: "seen"}
    contact(a, BOB, accept=NEW, verified=True)
    assert trust(a, BOB) == {old: "seen", NEW: "verified"}


# ---- signatures

def test_a_signature(scripted, make):
    """Seen where it is the peer's own key; nothing where somebody else is known
    by that address."""
    a = scripted(trusted=("frank",))
    home = make.home(["bob"], ["alice"])
    part = letters.crlf(letters.PART if hasattr(letters, "PART")
                        else "Content-Type: text/plain\n\nHello\n")
    signed = letters.signed(part, keys.sign(home, part, "bob"), sender=BOB,
                            to=(ALICE,))
    sealed = letters.sealed(keys.encrypt(home, part, ["alice"], "bob"),
                            sender=BOB, to=(ALICE,))

    def verdicts():
        a.inbox.mailbox[:] = [("u0", signed), ("u1", sealed)]
        got = [letters.verdict(x) for x in client.fetch(a.pop3, ALICE, "x")]
        assert got[1]["encryption"] == "ok"
        assert got[0]["signature"] == got[1]["signature"], got
        assert got[0].get("trust") == got[1].get("trust")
        return got[0]["signature"], got[0].get("trust")

    assert verdicts() == ("unknown-key", None)
    learnt(a, BOB, "bob", GOSSIP)
    assert verdicts() == ("untrusted", None)
    learnt(a, BOB, "bob")
    assert verdicts() == ("good", "seen")
    # another is known by this address, who has been sealed to
    sql(a, ("UPDATE peer SET own_fpr = ?", (NEW,)))
    assert verdicts() == ("untrusted", None)
    learnt(a, BOB, "bob-new")
    sends(a, BOB)
    sql(a, ("UPDATE peer SET own_fpr = ?", (keys.FPR["bob"],)))
    assert verdicts() == ("untrusted", None)
    assert "ok" in contact(a, BOB, accept=keys.FPR["bob"], verified=True)
    assert verdicts() == ("good", "verified")
    # whose key the user has is not known by another
    sql(a, ("DELETE FROM key",), ("DELETE FROM contact",))
    assert verdicts() == ("good", "seen")
    keys.run(a.home, "--import", keys.asc("bob-new"))
    assert verdicts() == ("untrusted", None)


# ---- the ring is a cache

def ruin(a, how):
    ring = os.path.join(folder(a), "pubring.kbx")
    if how == "missing":
        shutil.rmtree(folder(a))
        os.mkdir(folder(a), 0o700)
    elif how == "cut":
        os.truncate(ring, 100)
    elif how == "other":
        with open(ring, "wb") as f:
            f.write(os.urandom(3000))
    elif how == "empty":
        os.truncate(ring, 0)
    elif how == "linked":
        os.rename(ring, ring + ".x")
        os.symlink(ring + ".x", ring)


def test_made_anew(scripted):
    a = scripted()
    learnt(a, EVE, "eve")
    wanted = reads("eve")
    for how in (None, "missing", "cut", "other", "empty", "linked"):
        ruin(a, how)
        assert sorted(sends(a, EVE)) == wanted, how


def test_damaged(scripted):
    """Whatever octet of it the disk spoils: sealed to that key, or refused."""
    a = scripted(account={"encrypt": "when-possible"})
    learnt(a, EVE, "eve")
    learnt(a, "dan@example.com", "dan")
    wanted = reads("eve")
    assert sorted(sends(a, EVE)) == wanted
    ring = os.path.join(folder(a), "pubring.kbx")
    with open(ring, "rb") as f:
        good = f.read()
    times = os.stat(ring)
    for at in range(0, len(good), 61):
        if not os.path.exists(os.path.join(folder(a), "note")):
            assert sorted(sends(a, EVE)) == wanted      # made anew
            with open(ring, "rb") as f:
                good = f.read()
            times = os.stat(ring)
        with open(ring, "r+b") as f:
            f.write(good[:at] + bytes([good[at] ^ 1 << at % 8])
                    + good[at + 1:])
        # nothing but its octets tells
        os.utime(ring, ns=(times.st_atime_ns, times.st_mtime_ns))
        n = len(a.smtp.accepted)
        r = a.send([EVE], letters.text(to=(EVE,)))
        if r.code == 250:
            assert sorted(keys.sealed_to(letters.cipher(
                a.smtp.accepted[-1].data))) == wanted, at
        else:
            assert r.code in (451, 550) and words(r), (at, r)
            assert len(a.smtp.accepted) == n, at


def listed(home, ring):
    """All that gpg knows of the keys in a keyring, each signature checked."""
    _, out, said = keys.run(home, "--no-default-keyring", "--keyring", ring,
                            "--no-auto-check-trustdb", "--with-colons",
                            "--fixed-list-mode", "--check-sigs")
    blocks = re.split("(?m)^(?=pub:)", out.decode())
    return sorted(x for x in blocks if x.startswith("pub:"))


def test_it_is_as_gpg_makes_it(scripted, make):
    """The same to gpg as if it had imported the keys; also when one comes anew."""
    a = scripted()
    names = ["eve", "carol", "frank", "bob-new"]
    d = make.folder()
    keys.run(d, "--no-default-keyring", "--keyring", d + "/x.kbx", "--import",
             *map(keys.asc, names))
    ring = os.path.join(folder(a), "pubring.kbx")
    for name in names:
        learnt(a, keys.ADDR[name], name)
        sends(a, EVE)
    want = listed(d, d + "/x.kbx")
    assert len(want) == 4 and all(x.count("\nsig:!:") == 2 for x in want)
    assert listed(d, ring) == want
    ruin(a, "missing")
    sends(a, EVE)
    assert listed(d, ring) == want
    home = make.home(["eve"])
    keys.run(home, "--quick-set-expire", keys.FPR["eve"], "1y")
    keys.run(home, "--quick-set-expire", keys.FPR["eve"], "1y", "*")
    data = keys.run(home, "--export", keys.FPR["eve"])[1]
    learnt(a, EVE, "eve", data=data)
    sends(a, EVE)
    now = listed(d, ring)
    assert len(now) == 4 and len(set(now) - set(want)) == 1
    assert sorted(sends(a, EVE)) == reads("eve")


@pytest.mark.parametrize("how", ["lock", "new.kbx", "no folder"])
def test_not_to_be_used(scripted, how):
    """Who is in the user's keyring gets sealed letters; others none at all."""
    a = scripted(account={"encrypt": "when-possible"}, start=False)
    os.makedirs(os.path.dirname(folder(a)), 0o700, exist_ok=True)
    if how == "no folder":
        os.symlink("/nonexistent", folder(a))
    else:
        os.makedirs(os.path.join(folder(a), how, "x"))
        os.chmod(folder(a), 0o700)
    a.start()
    try:
        assert sends(a, EVE, 250) is not None
    except AssertionError:
        pass                # nothing is known of Eve: it went as it was
    n = len(a.smtp.accepted)
    learnt(a, EVE, "eve")
    assert sorted(sends(a, BOB)) == reads("bob")
    r = a.send([EVE], letters.text(to=(EVE,)))
    assert r.code == 451 and "keys" in words(r), r
    r = a.send([BOB, EVE], letters.text(to=(BOB, EVE)))
    assert r.code == 451, r
    assert len(a.smtp.accepted) == n + 1
    assert "keys that c" in a.text()
    a.stop()


def test_plain_gpg_without_peers(make, scripted):
    """As long as there is nothing in it, nothing of it is run."""
    if sanitized():
        pytest.skip("sanitizers run no fake gpg")
    home = make.home(["alice"], trusted=["bob"])
    fake = FakeGpg(make.folder(), home)
    args = os.path.join(home, "fake.args")
    from kit.provider import Provider
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(home, {ALICE: {"smtp": p.conf}}, mounts=fake.mounts)
        a.smtp = p
        a.send = lambda to, raw: client.send(a.submission, ALICE, "x", to, raw)
        open(args, "w").close()
        sends(a, BOB)
        with open(args) as f:
            said = f.read()
        assert "--encrypt" in said and "--keyring" not in said
        learnt(a, EVE, "eve")
        sends(a, BOB)
        with open(args) as f:
            assert "--keyring" not in f.read()
        sends(a, EVE)
        with open(args) as f:
            said = [x for x in f if "--encrypt" in x][-1]
        assert said.startswith("--keyring %s/pubring.kbx " % folder(a))


# ---- letterlock-gpg

@pytest.fixture
def wrapped(tmp_path):
    """Run letterlock-gpg around a program that says what it was given."""
    gpg = tmp_path / "gpg"
    gpg.write_text("#!/bin/sh\necho \"$@\"\n")
    gpg.chmod(0o755)
    ring = tmp_path / "ring.kbx"
    ring.write_bytes(b"x")
    ring.chmod(0o644)

    def run(*args, **env):
        e = {"LETTERLOCK_GPG": str(gpg), "LETTERLOCK_RING": str(ring)}
        e.update(env)
        p = subprocess.run([built("letterlock-gpg"), *args], text=True,
                           capture_output=True, timeout=20,
                           env={k: v for k, v in e.items() if v is not None})
        return p.returncode, p.stdout.strip()
    run.gpg, run.ring, run.d = gpg, ring, tmp_path
    return run


def test_what_is_put_in_front(wrapped):
    ring = wrapped.ring
    for args in ("--verify", "x"), ("--import",), ("--dry-run", "--import"):
        assert wrapped(*args) == (0, " ".join(("--keyring", str(ring)) + args))
    ring.unlink()
    assert wrapped("--verify") == (0, "--verify")
    assert wrapped("--version", LETTERLOCK_RING=None) == (0, "--version")


@pytest.mark.parametrize("what", [
    "no gpg", "relative gpg", "linked gpg", "writable gpg", "folder gpg",
    "itself", "no ring", "relative ring", "linked ring", "writable ring",
    "folder ring"])
def test_what_is_not_run(wrapped, what):
    env, args = {}, ["--verify"]
    name, which = what.rsplit(" ", 1) if " " in what else (what, "gpg")
    path_, key = {"gpg": (wrapped.gpg, "LETTERLOCK_GPG"),
                  "ring": (wrapped.ring, "LETTERLOCK_RING")}[which]
    if name == "no":
        env[key] = None
    elif name == "relative":
        env[key] = os.path.relpath(path_)
    elif name == "linked":
        os.symlink(path_, wrapped.d / "link")
        env[key] = str(wrapped.d / "link")
    elif name == "writable":
        path_.chmod(0o777)
    elif name == "folder":
        env[key] = str(wrapped.d)
    elif name == "itself":
        env[key] = built("letterlock-gpg")
    assert wrapped(*args, **env) == (2, "")
