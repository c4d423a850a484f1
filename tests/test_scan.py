# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock scan: keys that came with letters of the time before (I13)."""
import json
import mailbox
import os
import pty
import signal
import subprocess
import time

import pytest

from kit import keys, letters, wait_for, write
from kit.agent import built
from kit.plugin import Plugin, b64, command, path
from people import ALICE, BOB, DAN, EVE, FRANK
from test_autocrypt import field, key_of, peers, seen     # noqa: F401

DAY = "Tue, %d Nov 2016 07:30:00 +0000"
SEP = b"From - Mon Nov 23 07:30:00 2026\r\n"


def old(sender, key, day=8, to=(ALICE,), extra="", date=None, body=None):
    """A letter of the time before, from this one with this key (or none)."""
    return letters.text(
        body, sender=sender, to=to, date=date or DAY % day,
        extra=extra + (field(sender, key) if key else ""))


def mbox(name, *raws):
    return write(name, b"".join(SEP + b"X-Mozilla-Status: 0001\r\n" +
                                x.replace(b"\nFrom ", b"\n>From ") + b"\r\n"
                                for x in raws))


def agent(scripted, **account):
    return scripted(trusted=(), account={"autocrypt": "yes", **account})


def scan(a, *args, status=0):
    q = command(a, "scan", "--json", *args)
    assert q.returncode == status and not q.stderr, q
    return json.loads(q.stdout)


def knows_nobody(a):
    """Its file is made when somebody asks for the first time."""
    command(a, "contacts")
    return peers(a) == {}


def who(list_):
    return [x["address"] for x in list_]


def test_thunderbird(scripted, make, key_of):
    """Its folders, found by its profile; what is learnt is used, in words."""
    a = agent(scripted, encrypt="ask")
    d = os.path.join(a.dirs["home"], ".thunderbird")
    mail = os.path.join(d, "x.default", "Mail", "Local Folders")
    imap = os.path.join(d, "x.default", "ImapMail", "imap.example.org")
    for p in (mail + "/Inbox.sbd", imap):
        os.makedirs(p)
    write(d + "/profiles.ini",
          "[Profile0]\nName=x\nIsRelative=1\nPath=x.default\n")
    mbox(mail + "/Inbox", old(BOB, key_of("bob")), old(DAN, None, 9),
         old(BOB, key_of("bob"), 10))
    mbox(mail + "/Inbox.sbd/Family", old(FRANK, key_of("frank"), 3))
    mbox(mail + "/Trash", old(DAN, key_of("dan")))
    mbox(imap + "/INBOX", old(EVE, key_of("eve"), 5),
         old(EVE, None, 7))
    mbox(mail + "/Sent", old(ALICE, key_of("alice"), to=(BOB,)))
    write(mail + "/Inbox.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->")
    q = subprocess.run([built("letterlock"), "scan"], input="n\n", env=a.env,
                       capture_output=True, text=True, timeout=60)
    assert q.returncode == 0 and mail.rsplit("/", 1)[0] in q.stdout
    assert os.path.dirname(imap) in q.stdout and "sealed to" not in q.stdout
    q = command(a, "scan", "-y")
    assert q.returncode == 0 and not q.stderr, q
    assert q.stdout == (
        "Read 7 letters in 4 files. With 4 of them came a key\n"
        "Passed over: 1 your own, 1 folders of junk or of what was deleted\n"
        "You can already write sealed to 3 people:\n"
        "  %s  since 2016-11-08  from their letters\n"
        "  %s  since 2016-11-05  from their letters\n"
        "  %s  since 2016-11-03  from their letters\n" % (BOB, EVE, FRANK)), \
        q.stdout
    assert peers(a) == {x: (keys.FPR[n], "", 1) for x, n in (
        (BOB, "bob"), (FRANK, "frank"), (EVE, "eve"))}
    was = seen(a, EVE)
    assert was[0] == was[1] + 2 * 86400
    # once more nothing changes, and gpg has nothing to do
    again = scan(a, "-y")
    assert who(again["people"]) == [BOB, EVE, FRANK] and again["new"] == 0
    assert seen(a, EVE) == was
    assert a.send([BOB], letters.text()).code == 250
    (out,) = a.smtp.accepted
    assert letters.header(out.data).get_content_type() == "multipart/encrypted"
    assert keys.run(a.home, "--list-keys", keys.FPR["bob"], check=False)[0]


def test_a_key_that_was_left(scripted, make, key_of):
    """Who writes without one since may have lost it."""
    a, d = agent(scripted), make.folder()
    for day, left in ((12, False), (14, True)):
        mbox(d + "/a", old(BOB, key_of("bob"), 8), old(
            BOB, None, date="%d Dec 2016 07:30:00 +0000" % day))
        (bob,) = scan(a, d)["people"]
        assert bob.get("left", False) == left
    assert "2016-11-08  from their letters, but not with the last ones: ask" \
        in command(a, "scan", d).stdout


def test_maildir_and_files(scripted, make, key_of):
    a, d = agent(scripted), make.folder()
    box = mailbox.Maildir(d + "/m", create=True)
    box.add(old(BOB, key_of("bob")))
    box.add_folder("Friends").add(
        letters.text(sender=DAN, to=(ALICE,), extra=field(
            DAN, key_of("dan"))).replace(b"\r\n", b"\n"))
    box.add_folder("Junk").add(old(FRANK, key_of("frank")))
    trashed = mailbox.MaildirMessage(old(FRANK, key_of("frank")))
    trashed.set_subdir("cur")
    trashed.add_flag("T")
    box.add(trashed)
    os.makedirs(d + "/x/y")
    write(d + "/x/y/1.EML", old(EVE, key_of("eve")))
    got = scan(a, d)
    assert who(got["people"]) == [BOB, DAN, EVE]
    assert got["letters"] == 3 and got["passed-over"] == {
        "junk": 1, "deleted": 1}
    assert len(peers(a)) == 3
    # what is named is read
    assert who(scan(a, d + "/m/.Junk")["people"]) == [FRANK]


def test_dry_run(scripted, make, key_of):
    a, d = agent(scripted), make.folder()
    mbox(d + "/a", old(BOB, key_of("bob")), old(EVE, key_of("mallory")))
    for args in (["--dry-run"], ["-n"]):
        got = scan(a, *args, d)
        assert who(got["people"]) == [BOB] and got["new"] == 1
        assert who(got["unfit"]) == [EVE]
        assert knows_nobody(a)
    (why,) = [x["words"] for x in scan(a, d)["unfit"]]
    assert why == got["unfit"][0]["words"] == "It is no key for this address"
    q = command(a, "scan", "-n", d)
    assert "You could write sealed to 1 person" in q.stdout, q
    assert "%s: " % EVE in q.stdout


@pytest.fixture(scope="module")
def evil(make_once):
    """Another key that says it is Bob's, and the same with other signatures."""
    d = make_once.folder()
    keys.run(d, "--batch", "--passphrase", "", "--quick-gen-key",
             "Bob <%s>" % BOB, "future-default", "default", "9y")
    fpr = keys.run(d, "--list-keys", "--with-colons")[1].decode().split(
        "fpr:::::::::")[1].split(":")[0]
    first = keys.run(d, "--export")[1]
    keys.run(d, "--batch", "--passphrase", "", "--quick-set-expire", fpr, "8y")
    return first, keys.run(d, "--export")[1]


def held_back(a, got):
    """Bob has several keys: letters to him wait, and his user is told."""
    assert got["people"] == [] and who(got["changed"]) == [BOB]
    assert got["changed"][0]["state"] == "changed"
    assert a.send([BOB], letters.text()).code == 550


FUTURE = "Tue, 8 Nov 2095 07:30:00 +0000"
LONG_AGO = "Tue, 8 Nov 1994 07:30:00 +0000"


@pytest.mark.parametrize("dates", [[FUTURE], [LONG_AGO, FUTURE]],
                         ids=["later", "both"])
def test_another_key(scripted, make, key_of, evil, dates):
    """Whatever dates an attacker's letters bear, and wherever they lie."""
    a, d = agent(scripted, encrypt="ask"), make.folder()
    assert evil[0] != evil[1]
    forged = [old(BOB, x, date=y) for x, y in zip(evil, dates)]
    mbox(d + "/a", *forged, *(old(BOB, key_of("bob"), day)
                              for day in (3, 4, 5)), *forged)
    for _ in range(2):
        held_back(a, scan(a, d))
    text = command(a, "scan", d).stdout
    assert "  letterlock keys verify %s\n" % BOB in text
    assert "None of these letters" in text
    # and the user's word ends it
    fpr = keys.FPR["bob"]
    assert command(a, "keys", "accept", BOB, fpr).returncode == 0
    assert [x["fpr"] for x in scan(a, d)["people"]] == [fpr]


def test_a_copy_of_a_key_without_use(scripted, make, key_of, evil):
    """Bob's primary key with a user ID that nobody has signed moves nothing."""
    a, d = agent(scripted, encrypt="ask"), make.folder()
    real = key_of("bob")
    spoilt = real[:-40] + bytes(x ^ 1 for x in real[-40:])
    mbox(d + "/a", old(BOB, evil[0], date=LONG_AGO), old(BOB, real, 5),
         old(BOB, evil[0], 9), old(BOB, spoilt, date=FUTURE))
    held_back(a, scan(a, d))


def test_a_known_contact(scripted, make, key_of, evil):
    """The key that letters are sealed for stays, until another is accepted."""
    a, d = agent(scripted, encrypt="ask"), make.folder()
    mbox(d + "/a", old(BOB, key_of("bob")))
    assert who(scan(a, d)["people"]) == [BOB]
    assert a.send([BOB], letters.text()).code == 250
    mbox(d + "/b", old(BOB, evil[0], 20))
    held_back(a, scan(a, d + "/b"))
    # an older letter with it says nothing
    b = agent(scripted, encrypt="ask")
    mbox(d + "/b", old(BOB, evil[0], 1))
    scan(b, d + "/a")
    assert who(scan(b, d + "/b")["people"]) == [BOB]
    assert b.send([BOB], letters.text()).code == 250
    assert peers(b)[BOB][0] == keys.FPR["bob"]


def test_too_many_keys(scripted, make, key_of, evil):
    """Who has more than can be told apart has none: junk crowds nobody out."""
    a, d = agent(scripted), make.folder()
    real = key_of("bob")
    junk = [real[:-2] + n.to_bytes(2, "big") for n in range(15)]
    mbox(d + "/a", *(old(BOB, x) for x in junk), old(BOB, evil[0], 9),
         old(BOB, real, 20))
    got = scan(a, d)
    assert got["people"] == [] and knows_nobody(a)
    assert got["unfit"] == [{"address": BOB,
                             "words": "Too many different keys"}]


def test_from_lines_in_texts(scripted, make, key_of):
    """No letter within a letter; and what only looks like the end of one."""
    a, d = agent(scripted), make.folder()
    inner = old(DAN, key_of("dan"))
    write(d + "/a", SEP + old(BOB, None, body="x\n") + b"\r\n>" + SEP + inner +
          b"\r\nFrom here on\r\n" + inner + SEP + inner +
          b"\r\n" + SEP + b"\r\n" + inner + b"\r\n" +
          SEP + old(EVE, key_of("eve")))
    got = scan(a, d)
    assert who(got["people"]) == [EVE] and got["letters"] == 2


def test_what_is_passed_over(scripted, make, key_of):
    """Each is said, with its reason; nothing of it is fatal."""
    a, d = agent(scripted), make.folder()
    good = old(BOB, key_of("bob"))
    mbox(d + "/a", old(EVE, key_of("eve"),
                       extra="Auto-Submitted: auto-replied\n"),
         old(EVE, key_of("eve"), extra="From: <%s>\n" % DAN),
         old(EVE, key_of("eve"), date="yesterday"),
         old(EVE, key_of("eve"), extra="X: %s\n" % ("x" * (256 << 10))),
         old(EVE, None, extra="X: %s\n" % ("x" * (200 << 10))),
         old(DAN, None, body="-----BEGIN PGP PUBLIC KEY BLOCK-----\n"),
         good)
    write(d + "/b", SEP + good + b"\r\n" + SEP + good[:200])
    write(d + "/deleted", SEP + b"X-Mozilla-Status: 0009\r\n" +
          old(EVE, key_of("eve")))
    os.symlink(d, d + "/loop")
    os.mkfifo(d + "/pipe")
    write(d + "/empty", b"")
    write(d + "/none", b"\0\xff" * 5000)
    if os.geteuid():
        os.chmod(mbox(d + "/secret", good), 0)
        os.makedirs(d + "/closed")
        os.chmod(d + "/closed", 0)
    os.makedirs(d + "/" + "/".join(["deep"] * 22))
    got = scan(a, d)
    if os.geteuid():
        os.chmod(d + "/closed", 0o700)
        assert sorted(x["file"] for x in got["not-read"]) == [
            d + "/closed", d + "/secret"]
        assert all("ermission" in x["words"] for x in got["not-read"])
    assert who(got["people"]) == [BOB] and got["attached"] == [DAN]
    assert got["letters"] == 10 and got["passed-over"] == {
        "machine": 1, "unread": 1, "no-date": 1, "cut": 2, "deleted": 1,
        "links": 1, "deep": 1}, got
    assert BOB in peers(a) and len(peers(a)) == 1


def test_it_is_refused(scripted, make, key_of):
    a, d = agent(scripted, autocrypt="no"), make.folder()
    mbox(d + "/a", old(BOB, key_of("bob")))
    q = command(a, "scan", d)
    assert q.returncode == 65 and "autocrypt = no" in q.stderr
    assert command(a, "scan", d + "/x").returncode == 66
    q = command(a, "scan", "-y")
    assert q.returncode == 66 and "no letters" in q.stderr
    assert command(a, "scan", "--what").returncode == 64
    a.stop()
    q = command(a, "scan", d)
    assert q.returncode == 69 and "does not run" in q.stderr


def test_ctrl_c(scripted, make, key_of):
    """It ends, and what was found is kept."""
    a, d = agent(scripted), make.folder()
    mbox(d + "/a", old(BOB, key_of("bob")), old(DAN, None))
    with open(d + "/a", "ab") as f:
        f.truncate(1 << 40)         # which takes a while
    at, tty = pty.openpty()
    q = subprocess.Popen([built("letterlock"), "scan", d], env=a.env,
                         stdout=subprocess.PIPE, stderr=tty, text=True)
    os.close(tty)
    said = b""
    while b"\r1 letters" not in said:
        said += os.read(at, 1000)
    q.send_signal(signal.SIGINT)
    out = q.communicate(timeout=30)[0]
    os.close(at)
    assert q.returncode == 130 and "Stopped" in out, (out, said)
    assert "sealed to 1 person" in out and BOB in peers(a)


def test_many_letters(scripted, make, key_of):
    """One run of gpg for a key, however many letters it came with."""
    a, d = agent(scripted), make.folder()
    mbox(d + "/a", *(old(BOB, key_of("bob"), 1 + n % 28, body="y\n" * 50)
                     for n in range(600)))
    got = scan(a, d)
    assert (got["letters"], got["keys"], got["new"]) == (600, 600, 1)


# ---- the calls

def test_senders(scripted, key_of):
    """Header blocks in pieces, stored in any way, and what is no such call."""
    a = agent(scripted)
    raw = old(BOB, key_of("bob")).split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    fact = {"is": "key", "address": BOB, "mutual": True,
            "key": b64(key_of("bob")), "date": 1478590200}
    lf = raw.replace(b"\r\n", b"\n")
    with Plugin(path(a)) as p:
        assert {"senders", "learn"} <= set(p.hello["capabilities"])
        got = p.call("senders", letters=[b64(x) for x in (
            raw, lf, b"From x\n" + lf, old(ALICE, key_of("alice")), b"",
            old(DAN, None))])["ok"]["letters"]
        assert got[:3] == [fact] * 3
        assert got[3]["is"] == "own" and "key" not in got[3]
        assert got[4] == {"is": "unread"}
        assert got[5]["is"] == "no-key"
        for at in range(0, len(raw), 97):
            assert p.call("senders", letters=[b64(raw[:at])],
                          more=True)["ok"]["letters"] == []
            assert p.call("senders", letters=[b64(raw[at:]), b64(lf)])[
                "ok"]["letters"] == [fact] * 2
        assert p.call("senders", letters=[], more=True)["ok"]["letters"] == []
        assert p.call("senders", letters=["?"])["error"]["code"] == "request"
        assert p.call("senders", letters=[""] * 501)[
            "error"]["code"] == "request"
        for i in range(6):
            r = p.call("senders", letters=[b64(b"x" * 45000)], more=True)
        assert r["error"]["code"] == "too-large"
        assert p.call("senders", letters=[b64(raw)])["ok"]["letters"] == [fact]
        # a letter that is opened meanwhile is another matter
        p.call("senders", letters=[b64(raw[:50])], more=True)
        assert p.open(old(DAN, None))[1]
        assert p.call("senders", letters=[b64(raw[50:])])[
            "ok"]["letters"] == [fact]
        # and one that lost its reader begins anew
        p.call("senders", letters=[b64(raw[:50])], more=True)
        a.kill_role("mime")
        assert p.call("senders", letters=[b64(raw[50:])])[
            "error"]["code"] == "failed"
        assert p.call("senders", letters=[b64(raw)])["ok"]["letters"] == [fact]


def test_learn(scripted, key_of):
    a = agent(scripted)
    key = b64(key_of("bob"))
    now = int(time.time())
    with Plugin(path(a)) as p:
        def learn(**kw):
            r = p.call("learn", **{"address": BOB, "date": 1000, "key": key,
                                   **kw})
            return r["ok"]["is"] if "ok" in r else r["error"]["code"]
        assert learn(**{"judge-only": True}) == "new" and knows_nobody(a)
        assert p.call("learn", address=BOB, date=1000, key=key)["ok"] == {
            "is": "new", "fpr": keys.FPR["bob"]}
        assert learn(**{"judge-only": True}) == learn() == "known"
        for date in (999, 2000):
            assert learn(date=date, **{"judge-only": True}) == "known"
        assert seen(a, BOB) == (1000, 1000)
        assert learn(date=999) == "older"
        assert learn(date=now + 9999, mutual=True) == "known"
        assert now <= seen(a, BOB)[1] <= time.time()
        assert learn(address=EVE) == "unfit" == learn(key=b64(b"x"))
        assert learn(address=EVE) == "unfit"
        r = p.call("learn", address=FRANK, date=5)["ok"]
        assert r == {"is": "older"} and list(peers(a)) == [BOB]
        for bad in (dict(address=ALICE), dict(address="x"), dict(date=0),
                    dict(date=-1), dict(key=""), dict(key="?"),
                    dict(key=b64(b"x" * 10241))):
            assert learn(**bad) == "request", bad
        assert p.call("learn", address=BOB, date=5, **{
            "judge-only": True})["error"]["code"] == "request"
