# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock keys: list, find, verify, import, export, extend."""
import json
import os
import subprocess
import time

import pytest

from kit import keys, letters, wait_for, write
from kit.agent import built
from kit.plugin import Plugin, command, path
from people import ALICE, BOB, EVE, FRANK

FPR = keys.FPR
DAY = 86400


def read_out(fpr):
    return " ".join(fpr[i:i + 4] for i in range(0, 40, 4))


def said(a, *args, status=0):
    q = command(a, "keys", *args)
    assert q.returncode == status and not q.stderr, q
    return q.stdout


def answered(a, text, *args):
    """What keys says when somebody types this."""
    return subprocess.run([built("letterlock"), "keys"] + list(args),
                          input=text, env=a.env, capture_output=True,
                          text=True, timeout=60)


def test_list(scripted):
    """How far each is trusted, in plain words."""
    a = scripted(trusted=["frank"], public=["bob", "bob-new"],
                 account={"encrypt": "ask"})
    own = "%s\n  %s  yours\n" % (ALICE, read_out(FPR["alice"]))
    assert said(a) == said(a, "list") == own
    said(a, "reject", BOB, FPR["bob-new"])
    today = time.strftime("%Y-%m-%d")
    assert a.send([BOB], letters.text()).code == 250
    assert a.send([FRANK], letters.text(to=(FRANK,))).code == 250
    text = said(a, "list")
    assert text.startswith(own)
    for line in ("  %s  seen since %s\n" % (read_out(FPR["bob"]), today),
                 "  %s  rejected\n" % read_out(FPR["bob-new"]),
                 "  %s  verified\n" % read_out(FPR["frank"])):
        assert line in text
    found = json.loads(said(a, "--json", "list"))
    assert [x["address"] for x in found["own"]] == [ALICE]
    assert [x["address"] for x in found["contacts"]] == [BOB, FRANK]
    assert {k["fpr"]: k["trust"] for x in found["contacts"]
            for k in x["keys"]} == {FPR["bob"]: "seen", FPR["frank"]: "verified",
                                    FPR["bob-new"]: "rejected"}
    shown = json.loads(said(a, "show", "--json", BOB))["keys"]
    assert {k["fpr"]: k["rejected"] for k in shown} == {
        FPR["bob"]: False, FPR["bob-new"]: True}


def test_a_changed_key(scripted):
    a = scripted(trusted=[], public=["bob"])
    assert a.send([BOB], letters.text()).code == 250
    keys.run(a.home, "--delete-keys", FPR["bob"])
    keys.run(a.home, "--import", keys.asc("bob-new"))
    assert a.send([BOB], letters.text()).code == 550
    text = said(a, "list")
    assert read_out(FPR["bob-new"]) + "  changed\n" in text
    assert read_out(FPR["bob"]) + "  seen since " in text
    assert "new key" in said(a, "find", BOB, status=65)
    q = answered(a, "yes\n", "verify", BOB)
    assert q.returncode == 0 and read_out(FPR["bob-new"]) in q.stdout
    assert read_out(FPR["bob-new"]) + "  verified\n" in said(a, "list")
    assert said(a, "find", BOB).endswith(
        "  %s  verified\n  from your GnuPG keyring\n" % read_out(
            FPR["bob-new"]))


def test_find(scripted):
    a = scripted(trusted=["frank"], public=["bob"])
    assert said(a, "find", BOB) == (
        "bob@example.org can read sealed letters. Nobody has checked the key "
        "yet: compare it by phone if much depends on it\n"
        "  %s  new\n  from your GnuPG keyring\n" % read_out(FPR["bob"]))
    assert "  verified\n" in said(a, "find", FRANK)
    assert "cannot read sealed letters yet" in said(a, "find", EVE, status=65)
    it = json.loads(said(a, "--json", "find", BOB))
    assert (it["state"], it["key"]["fpr"]) == ("sealed", FPR["bob"])


def test_verify(scripted):
    a = scripted(trusted=[], public=["bob"])
    for no in ("no\n", "", "yesterday\n"):
        q = answered(a, no, "verify", BOB)
        assert q.returncode == 77 and "Nothing was changed" in q.stdout
    for fpr in (FPR["alice"], FPR["bob"]):
        assert "\n    %s\n" % read_out(fpr) in q.stdout
    assert "new\n" in said(a, "find", BOB)
    assert "accepted for " + BOB in said(a, "verify", "--yes", BOB)
    assert "verified\n" in said(a, "find", BOB)
    q = command(a, "keys", "verify", "--yes", BOB, FPR["eve"])
    assert q.returncode == 65 and "no such key" in q.stderr


def test_import_and_export(scripted, make):
    a = scripted(trusted=[])
    with open(keys.asc("bob")) as f:
        text = "Hi, \xe4 here is\n" + f.read() + "mine\n"
    name = os.path.join(make.folder(), "k")
    write(name, text)
    got = said(a, "import", name)
    assert read_out(FPR["bob"]) in got and "1 imported, 1 of them new" in got
    q = answered(a, text + "word " * 10000 + text, "import", "-")
    assert q.returncode == 65 and "Larger ones: gpg --import" in q.stderr, q
    q = answered(a, text, "import", "-")
    assert q.returncode == 0 and "1 imported, 0 of them new" in q.stdout
    assert "sealed letters" in said(a, "find", BOB)
    for args, who in (((), "alice"), ((ALICE.upper(),), "alice"),
                      ((BOB,), "bob"), ((read_out(FPR["bob"]),), "bob")):
        armor = said(a, "export", *args)
        out = keys.run(a.home, "--with-colons", "--show-keys",
                       data=armor.encode())[1].decode()
        assert FPR[who] in out and "sec:" not in out


@pytest.mark.parametrize("args, status", [
    (["list", "x"], 64), (["find"], 64), (["find", BOB, "x"], 64),
    (["verify"], 64), (["import"], 64), (["export", BOB, "x"], 64),
    (["extend", BOB, "x"], 64), (["extend", "--years", "0"], 64),
    (["extend", "--years", "11"], 64), (["extend", "--years", "2x"], 64),
    (["show", "--yes", BOB], 64), (["export", "--json"], 64),
    (["import", "/dev/null"], 65), (["import", "/nowhere/x"], 66),
    (["import", keys.asc("bob", True)], 65), (["export", EVE], 65),
    (["export", FPR["eve"]], 65), (["extend", BOB], 65), (["find", "bob"], 65),
    (["verify", EVE], 65)])
def test_what_is_not_taken(ours_alone, args, status):
    if args[0] == "extend" and status != 64:
        args = args + ["-c", ours_alone.conf]
    q = command(ours_alone, "keys", *args)
    assert q.returncode == status and q.stderr and not q.stdout


@pytest.fixture(scope="module")
def ours_alone(make_once):
    return make_once.agent(make_once.home(["alice"]), {ALICE: {}})


def ends(home, name):
    """When a key and its subkeys end."""
    out = keys.run(home, "--with-colons", "--list-keys", FPR[name])[1].decode()
    return [int(x.split(":")[6] or 0) for x in out.splitlines()
            if x[:4] in ("pub:", "sub:")]


def expire(home, name, when):
    # the subkey first: gpg does nothing for one of a key that has ended
    keys.run(home, "--quick-set-expire", FPR[name], when, "*")
    keys.run(home, "--quick-set-expire", FPR[name], when)


def test_extend(scripted):
    """Key and subkey, also those that have ended; one that never ends stays."""
    a = scripted()
    args = ["-c", a.conf]
    assert "nothing to do" in said(a, "extend", *args)
    assert ends(a.home, "alice") == [0, 0]
    expire(a.home, "alice", "20d")
    text = said(a, "extend", *args, ALICE)
    now = time.time()
    assert all(abs(x - now - 2 * 365.25 * DAY) < 3 * DAY
               for x in ends(a.home, "alice"))
    assert "%s\n  %s  until %s\n" % (
        ALICE, read_out(FPR["alice"]), time.strftime(
            "%Y-%m-%d", time.localtime(ends(a.home, "alice")[0]))) in text
    assert "next letters" in text
    expire(a.home, "alice", "seconds=1")
    # to gpg it has not ended in the very second of its end
    wait_for(lambda: max(ends(a.home, "alice")) + 1 < time.time())
    assert a.send([BOB], letters.text()).code == 550
    assert ", ended " in said(a, "list")
    said(a, "extend", *args, "--years", "10", FPR["alice"].lower())
    assert all(x > now + 9 * 365 * DAY for x in ends(a.home, "alice"))
    assert a.send([BOB], letters.text()).code == 250
    with Plugin(path(a)) as p:
        assert not p.call("keys", account=ALICE)["ok"]["keys"][0]["expired"]
