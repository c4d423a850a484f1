# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plug-in is told of a letter's recipients, before it is sent: the same
as what becomes of it, in the same words."""
import json
import os
import re
import select
import signal
import time

import pytest

from kit import client, keys, letters, wait_for
from kit.agent import sanitized
from kit.client import words
from kit.fakegpg import FakeGpg
from kit.plugin import Plugin, path
from people import ALICE, BOB, DAN, EVE, FRANK

EXPIRED = "expired@example.org"
OUTCOME = {"sealed": 250, "readable": 250, "refused": 550}


def ask(a, to, **members):
    with Plugin(path(a)) as p:
        return p.call("recipients", account=ALICE, to=to, **members)["ok"]


def extra(members):
    """What stands in the letter for what the plug-in asks."""
    w = ["%s=%s" % (k, "yes" if members[k] else "no")
         for k in ("encrypt", "sign") if k in members]
    return ("X-Letterlock: %s\n" % "; ".join(w) if w else "") + "".join(
        "In-Reply-To: <%s>\n" % i for i in members.get("answers", []))


def same(a, to, subject="Hi", **members):
    """Ask, then send it: the same became of it. The answer, and the reply."""
    ok = ask(a, to, **members)
    before = len(a.smtp.accepted)
    r = a.send(to, letters.text(to=to, subject=subject, extra=extra(members)))
    assert r.code == OUTCOME[ok["outcome"]], (ok, r)
    assert ("words" in ok) == (ok["outcome"] == "refused")
    if r.code == 550:
        assert ok["words"] == words(r)
        return ok, r
    got = a.smtp.accepted[before].data
    sealed = b"application/pgp-encrypted" in got
    assert sealed == (ok["outcome"] == "sealed")
    if not sealed:
        assert (b"multipart/signed" in got) == ok["signed"]
    return ok, r


def states(ok):
    return {x["address"]: x["state"] for x in ok["recipients"]}


# ---- accounts

def test_accounts(make):
    a = make.agent(make.home(["alice"]), {
        ALICE: {"user": "alice", "aliases": "a@example.org, *@alice.example",
                "smtp": "127.0.0.1:9 plaintext"},
        BOB: {"encrypt": "when-possible", "sign": "always",
              "pop3": "127.0.0.1:9 plaintext"}})
    with Plugin(path(a)) as p:
        assert p.call("accounts")["ok"]["accounts"] == [
            {"address": ALICE, "login": "alice",
             "aliases": ["a@example.org", "*@alice.example"], "encrypt": "ask",
             "sign": "sealed", "submission": True, "pop3": False},
            {"address": BOB, "login": BOB, "aliases": [],
             "encrypt": "when-possible", "sign": "always",
             "submission": False, "pop3": True}]
        for name in (ALICE, "alice", "a@example.org", "x@alice.example"):
            r = p.call("recipients", account=name, to=[EVE])
            assert r["ok"]["key"] == ("usable"), name
        # whose letter it would be is in the words
        r = p.call("recipients", account=BOB, to=[EVE], encrypt=False)["ok"]
        assert (r["key"], r["outcome"]) == ("none", "refused")
        assert "of your own for %s on" % BOB in r["words"]
        assert p.call("recipients", account="b@example.org",
                      to=[EVE])["error"]["code"] == "no-account"


# ---- the same as by SMTP

def test_no_key_and_its_code(scripted):
    a = scripted()
    ok, r = same(a, [EVE, BOB])
    assert ok["may-be-readable"] is True and ok["key"] == "usable"
    eve, bob = ok["recipients"]
    assert eve == {
        "address": EVE, "state": "no-key", "encrypt": "ask",
        "sealed-before": False, "readable-allowed": False,
        "words": EVE + " cannot read sealed letters yet. Send an invitation, "
        "or import the key if you have it"}
    assert bob == {
        "address": BOB, "state": "sealed", "encrypt": "ask",
        "sealed-before": False, "readable-allowed": False,
        "key": {"fpr": keys.FPR["bob"], "from": "keyring",
                "trust": "verified"},
        "words": BOB + " can read sealed letters, and the key was checked"}
    code = re.search(r"\[clear (\d{4})\]", r.text).group(1)
    # of 10000 codes today's and yesterday's are right: by chance one of these is
    wrong = [ask(a, [EVE, BOB], code=(int(code) + i) % 10000)["outcome"]
             for i in (1, 2, 3)]
    assert wrong.count("refused") >= 2, (code, wrong)
    other = [ask(a, to, code=int(code))["outcome"]
             for to in ([EVE], ["x@example.net"], [EVE, "x@example.net"])]
    assert other.count("refused") >= 2, (code, other)
    ok, r = same(a, [EVE, BOB], "[clear %s] Hi" % code, code=int(code))
    assert ok["outcome"] == "readable" and ok["signed"] is False
    # it is remembered, and said
    ok, r = same(a, [EVE])
    assert ok["outcome"] == "readable"
    assert ok["recipients"][0]["readable-allowed"] is True
    assert "you allowed" in ok["recipients"][0]["words"]


def test_sealed_or_not_by_the_letter_itself(scripted):
    a = scripted()
    assert same(a, [BOB], encrypt=False)[0]["outcome"] == "readable"
    ok = same(a, [BOB], encrypt=False, sign=True)[0]
    assert ok["outcome"] == "readable" and ok["signed"] is True
    ok, r = same(a, [EVE], encrypt=True)
    assert "[clear" not in ok["words"] and ok["may-be-readable"] is True
    ok = same(a, [FRANK, BOB])[0]
    assert ok["outcome"] == "sealed" and ok["signed"] is True
    # and from now on always
    ok = same(a, [BOB], encrypt=False)[0]
    assert "stay sealed" in ok["words"] and "may-be-readable" not in ok
    assert ok["recipients"][0]["sealed-before"] is True
    keys.run(a.home, "--delete-keys", keys.FPR["bob"])
    ok = same(a, [BOB])[0]
    assert states(ok) == {BOB: "no-key"} and "may-be-readable" not in ok
    assert "any more" in ok["recipients"][0]["words"]


@pytest.mark.parametrize("public, account, to, state, trust", [
    ("expired", "ask", EXPIRED, "expired", "new"),
    ("expired", "when-possible", EXPIRED, "expired", "new"),
    ("revoked", "ask", "revoked@example.org", "unusable", None),
    ("bob", "always", BOB, "unchecked", "new"),
    ("bob", "ask", BOB, "sealed", "new"),
    ("bob bob-new", "ask", BOB, "unchecked", None),
    ("", "always", EVE, "no-key", None),
    ("", "never", EVE, "no-key", None)])
def test_keys_that_do_not_serve(scripted, public, account, to, state, trust):
    a = scripted(trusted=[], public=public.split(),
                 account={"encrypt": account})
    ok = same(a, [to])[0]
    one, = ok["recipients"]
    assert (one["state"], one["encrypt"]) == (state, account)
    assert one.get("key", {}).get("trust") == trust
    assert to in one["words"] and not one["words"].endswith(".")
    assert ok.get("may-be-readable", False) == (
        account == "ask" and state != "sealed")
    if state == "expired":
        assert "ended on 1 August 2024" in one["words"]
        day = one["key"]["expires"]
        assert time.strftime("%Y-%m-%d", time.gmtime(day)) == "2024-08-01"


@pytest.mark.parametrize("secret, state", [
    ((), "none"), (("expired",), "expired")])
def test_no_key_of_our_own(scripted, secret, state):
    a = scripted(secret=secret, trusted=[], public=["bob"], account=(
        {"key": keys.FPR["expired"]} if secret else {}))
    ok = same(a, [BOB])[0]
    assert ok["key"] == state and "our own" in ok["words"]
    assert ok["may-be-readable"] is True and states(ok) == {BOB: "sealed"}
    assert same(a, [BOB], encrypt=False)[0]["outcome"] == "readable"
    assert "our own" in same(a, [BOB], encrypt=False, sign=True)[0]["words"]


def test_a_key_that_changed(scripted):
    a = scripted(trusted=[], public=["bob"])
    assert same(a, [BOB])[0]["outcome"] == "sealed"
    key = ask(a, [BOB])["recipients"][0]["key"]
    assert key["trust"] == "seen" and abs(key["since"] - time.time()) < 60
    keys.run(a.home, "--delete-keys", keys.FPR["bob"])
    keys.run(a.home, "--import", keys.asc("bob-new"))
    ok = same(a, [BOB])[0]
    assert states(ok) == {BOB: "changed"} and "may-be-readable" not in ok
    key = ok["recipients"][0]["key"]
    assert (key["fpr"], key["trust"]) == (keys.FPR["bob-new"], "new")
    assert "since" not in key
    assert "new key" in ok["words"] and "new key" in ok["recipients"][0][
        "words"]
    assert same(a, [BOB, EVE], encrypt=False)[0]["outcome"] == "refused"


def test_contacts_of_the_configuration(scripted):
    a = scripted(account={"encrypt": "never"}, contacts={
        "@example.net": {"encrypt": "always"},
        FRANK: {"encrypt": "when-possible"}})
    ok = same(a, [BOB, EVE])[0]
    assert [x["encrypt"] for x in ok["recipients"]] == ["never", "always"]
    assert same(a, [FRANK])[0]["outcome"] == "sealed"


def test_an_answer_to_a_sealed_letter(scripted):
    a = scripted(account={"encrypt": "when-possible"})
    reader = make_sealed(a)
    ok = same(a, [EVE], answers=[reader])[0]
    assert ok["outcome"] == "readable"
    client.fetch(a.pop3, ALICE, "x")
    for answers in ([reader], ["<other@x>", "<%s>" % reader]):
        ok = ask(a, [EVE], answers=answers)
        assert ok["outcome"] == "refused" and "[clear" not in ok["words"]
    assert same(a, [EVE], answers=[reader])[0]["outcome"] == "refused"
    assert same(a, [EVE], answers=["y" * 990])[0]["outcome"] == "readable"
    assert ask(a, [EVE], answers=["", "<", "y" * 9000])["outcome"] \
        == "readable"


def make_sealed(a):
    """A sealed letter in the inbox: its Message-ID, without < and >."""
    box = keys.encrypt(a.home, letters.payload(sender=BOB, to=(ALICE,)),
                       ["alice"], "alice")
    a.inbox.mailbox[:] = [("u1", re.sub(
        rb"(?mi)^Message-ID:.*$", b"Message-ID: <it@example.org>\r",
        letters.sealed(box, sender=BOB, to=(ALICE,))))]
    return "it@example.org"


def test_addresses(scripted):
    """One is said once, as it was given first; what none is, is an error."""
    a = scripted()
    ok = ask(a, ["Bob@Example.Org", BOB, EVE])
    assert states(ok) == {"Bob@Example.Org": "sealed", EVE: "no-key"}
    ok = ask(a, ["x@b\u00fccher.example"])
    assert ok["recipients"][0]["address"] == "x@b\u00fccher.example"
    assert "x@xn--bcher-kva.example cannot" in ok["words"]
    with Plugin(path(a)) as p:
        for to in ([], [""], ["bob"], ["bob@"], [BOB, "a b@c.example"],
                   ["@example.org"], ["<%s>" % BOB], ["x" * 400 + "@x.org"],
                   ["a@b\n"], "x", [1], [[BOB]], None):
            r = p.call("recipients", account=ALICE, to=to)
            assert r.get("error", {}).get("code") == "request", to
        for more in ({"code": "1"}, {"encrypt": 1}, {"answers": "x"},
                     {"answers": [1]}, {"x": 1}):
            r = p.call("recipients", account=ALICE, to=[BOB], **more)
            assert r["error"]["code"] == "request", more


# ---- how fast, and for how long

def test_so_many(scripted):
    """As many as there may be: their answer is one line."""
    a = scripted()
    to = ["somebody-with-a-name-%d@example.com" % i for i in range(1001)]
    with Plugin(path(a)) as p:
        # gpg is asked for each; what was found is kept when time runs out
        r = wait_for(lambda: p.call("recipients", account=ALICE,
                                    to=to[:100]).get("ok"), 60)
        assert len(r["recipients"]) == 100 and "more" in r["words"]
        r = p.call("recipients", account=ALICE, to=to)
        assert r["error"]["code"] == "request"


def crypts(a):
    """Without a gpg, which looks like one before it is executed."""
    return [x.pid for x in a.role("crypt") if x.ppid == a.pid]


def only_crypt(a):
    """The spare, which who asks next is given."""
    return wait_for(lambda: (lambda c: len(c) == 1 and c[0])(crypts(a)))


def test_while_somebody_types(scripted):
    """One crypt for all questions, which goes when there are none; what is known
    is said at once, and what changes is seen."""
    a = scripted(trusted=["bob"])
    with Plugin(path(a)) as p:
        def call(*to):
            return p.call("recipients", account=ALICE, to=list(to))["ok"]

        spare = only_crypt(a)
        call(BOB)
        call(BOB, EVE)
        took = []
        for _ in range(20):
            t = time.monotonic()
            call(BOB, EVE)
            took.append(time.monotonic() - t)
        assert spare in crypts(a)
        # at best: it may not be the only one who wants the processor
        assert sanitized() or sorted(took)[2] < 0.02, took
        assert states(call(EVE)) == {EVE: "no-key"}
        keys.run(a.home, "--import", keys.asc("eve"))
        assert states(call(EVE)) == {EVE: "sealed"}
        # whoever dies is not missed
        os.kill(spare, signal.SIGKILL)
        wait_for(lambda: spare not in crypts(a))
        assert states(call(BOB)) == {BOB: "sealed"}
        wait_for(lambda: len(crypts(a)) == 2)
        last = time.monotonic()
        wait_for(lambda: len(crypts(a)) == 1, 20)
        assert time.monotonic() - last > 1.5
        assert states(call(DAN)) == {DAN: "no-key"}


def test_a_keeper_that_died(scripted):
    a = scripted()
    with Plugin(path(a)) as p:
        assert "ok" in p.call("recipients", account=ALICE, to=[BOB])
        a.kill_role("keeper")
        assert p.ended()
    assert ask(a, [BOB])["outcome"] == "sealed"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a name space")
def test_gpg_stands_still(make):
    home = make.home(["alice"], trusted=["bob"])
    gpg = FakeGpg(make.folder(), home)
    a = make.agent(home, {ALICE: {"smtp": "127.0.0.1:9 plaintext"}},
                   agent={"gpg-timeout": "3"}, mounts=gpg.mounts)
    with Plugin(path(a)) as p:
        gpg.mode("hang-list")
        t = time.monotonic()
        r = p.call("recipients", account=ALICE, to=[BOB])
        assert r["error"]["code"] == "failed" and gpg.used("list")
        assert 2.9 < time.monotonic() - t < 12
        gpg.mode("normal")
        r = p.call("recipients", account=ALICE, to=[BOB])
        assert r["ok"]["outcome"] == "sealed"


def test_crypt_stands_still(scripted):
    """It is not waited for longer than for gpg, and a little, however much there
    is to tell meanwhile."""
    a = scripted(agent={"gpg-timeout": "2"})
    with Plugin(path(a)) as p:
        pid = only_crypt(a)
        assert "ok" in p.call("recipients", account=ALICE, to=[BOB])
        assert "ok" in p.call("watch")
        os.kill(pid, signal.SIGSTOP)
        t = time.monotonic()
        p.s.sendall(json.dumps({"id": 9, "call": "recipients", "to": [BOB],
                                "account": ALICE}).encode() + b"\n")
        while not select.select([p.s], [], [], 0)[0] or "event" in p.line():
            assert time.monotonic() - t < 10
            assert a.send([BOB], letters.text()).code == 250
        assert time.monotonic() - t > 3.9
        os.kill(pid, signal.SIGKILL)
    assert ask(a, [BOB])["outcome"] == "sealed"
