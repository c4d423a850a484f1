# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock contacts and letterlock keys."""
import json
import os
import socket
import subprocess
import threading

import pytest

from kit import keys, letters
from kit.agent import built
from kit.plugin import Plugin, command, path
from people import ALICE, BOB, EVE

FPR = keys.FPR["bob"]
READ = " ".join(FPR[i:i + 4] for i in range(0, 40, 4))


def said(a, *args):
    q = command(a, *args)
    assert q.returncode == 0 and not q.stderr, q
    return q.stdout


def test_contacts(scripted):
    a = scripted(trusted=["bob"])
    assert said(a, "contacts") == "nobody is known yet\n"
    assert said(a, "contacts", "show", EVE) == "nothing is known of %s\n" % EVE
    assert a.send([BOB], letters.text()).code == 250
    assert said(a, "contacts", "set", EVE, "encrypt=always") == (
        "%s\n  encrypt   always\n" % EVE)
    both = said(a, "contacts", "list")
    assert both == said(a, "contacts", "show", BOB) + "\n" + said(
        a, "contacts", "show", EVE)
    assert "sealed    last on 20" in both and "key       " + FPR in both
    found = json.loads(said(a, "contacts", "--json"))["contacts"]
    assert [x["address"] for x in found] == [BOB, EVE]
    # it counts
    assert a.send([EVE], letters.text(to=(EVE,))).code == 550
    assert "encrypt" not in said(a, "contacts", "set", EVE, "encrypt=")
    assert "readable  allowed" in said(a, "contacts", "allow-clear", EVE)
    assert a.send([EVE], letters.text(to=(EVE,))).code == 250
    assert "readable" not in said(a, "contacts", "forbid-clear", EVE)
    assert a.send([EVE], letters.text(to=(EVE,))).code == 550


@pytest.mark.parametrize("args, status", [
    (["contacts", "x"], 64), (["contacts", "show"], 64),
    (["contacts", "set", EVE], 64), (["contacts", "set", EVE, "x=y"], 64),
    (["contacts", "list", "x"], 64), (["contacts", "allow-clear"], 64),
    (["keys", "x"], 64), (["keys", "show"], 64), (["keys", "accept"], 64),
    (["keys", "accept", EVE, FPR, "x"], 64), (["keys", "x", EVE], 64),
    (["keys", "reject", "--compared", EVE], 64),
    (["contacts", "show", "eve"], 65), (["keys", "show", "eve"], 65),
    (["contacts", "set", EVE, "encrypt=perhaps"], 65),
    (["keys", "accept", EVE], 65), (["keys", "accept", EVE, FPR[1:]], 65),
    (["keys", "accept", EVE, FPR], 65), (["keys", "reject", EVE, "g" * 40], 65)])
def test_what_is_not_taken(ours_alone, args, status):
    q = command(ours_alone, *args)
    assert q.returncode == status and q.stderr and not q.stdout


@pytest.fixture(scope="module")
def ours_alone(make_once):
    return make_once.agent(make_once.home(["alice"]), {ALICE: {}})


def test_keys(scripted):
    a = scripted(trusted=[], public=["bob", "bob-new"],
                 account={"encrypt": "always"})
    assert a.send([BOB], letters.text()).code == 550
    shown = said(a, "keys", "show", BOB)
    assert READ in shown and shown.count(BOB) == 2 and "accepted" not in shown
    q = command(a, "keys", "accept", BOB)
    assert q.returncode == 65 and "several keys" in q.stderr
    assert said(a, "keys", "accept", "--compared", BOB, READ.lower()) == (
        "accepted for %s:\n%s\n" % (BOB, READ))
    assert READ + "  accepted\n" in said(a, "keys", "show", BOB)
    with Plugin(path(a)) as p:
        assert [x["verified"] for x in p.call("keys", address=BOB)["ok"][
            "keys"] if x["fpr"] == FPR] == [True]
    assert a.send([BOB], letters.text()).code == 250
    assert "accepted  " + FPR in said(a, "contacts", "show", BOB)
    assert said(a, "keys", "reject", BOB, FPR).startswith("rejected for ")
    assert a.send([BOB], letters.text()).code == 550
    assert said(a, "keys", "show", EVE) == "there is no key for this address\n"


def test_a_changed_key(scripted):
    """As the words of the refusal say."""
    a = scripted(trusted=[], public=["bob"])
    assert a.send([BOB], letters.text()).code == 250
    keys.run(a.home, "--delete-keys", FPR)
    keys.run(a.home, "--import", keys.asc("bob-new"))
    r = a.send([BOB], letters.text())
    assert r.code == 550 and r.text.endswith("letterlock keys accept " + BOB)
    assert "new key   " + keys.FPR["bob-new"] in said(a, "contacts")
    said(a, *r.text.split("letterlock ")[1].split())
    assert a.send([BOB], letters.text()).code == 250
    assert "new key" not in said(a, "contacts")


def test_not_running(ours_alone, make):
    env = dict(ours_alone.env, LETTERLOCK_SOCKET=os.path.join(
        make.folder(), "none"))
    for args in (["contacts"], ["contacts", "show", EVE],
                 ["keys", "show", EVE], ["keys", "accept", EVE]):
        q = subprocess.run([built("letterlock")] + args, env=env,
                           capture_output=True, text=True, timeout=60)
        assert q.returncode == 69 and "does not run" in q.stderr


def test_page_by_page(make):
    """From an agent that knows so many that they fit in no line."""
    where = os.path.join(make.folder(), "s")
    asked = []

    def answer(r):
        if r["call"] == "hello":
            return {"version": 1}
        asked.append(r.get("after"))
        n = len(asked)
        return {"contacts": [{"address": "%d@x.example" % i} for i in range(
            3 * n - 2, 3 * n + 1)], "more": n < 3}

    def serve(s):
        c = s.accept()[0]
        with c, c.makefile("rwb") as f:
            for line in f:
                r = json.loads(line)
                f.write(json.dumps({"id": r["id"], "ok": answer(r)}).encode()
                        + b"\n")
                f.flush()

    with socket.socket(socket.AF_UNIX) as s:
        s.bind(where)
        s.listen()
        t = threading.Thread(target=serve, args=(s,))
        t.start()
        q = subprocess.run([built("letterlock"), "contacts"], text=True,
                           env={"LETTERLOCK_SOCKET": where}, timeout=20,
                           capture_output=True)
        t.join(20)
    assert q.stdout == "\n".join("%d@x.example\n" % i for i in range(1, 10))
    assert asked == [None, "3@x.example", "6@x.example"]
