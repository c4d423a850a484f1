# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client hears: log-ins, the provider's answers, and what became of
each recipient."""
import base64
import re

from kit import client, free_ports, letters
from kit.client import words
from kit.provider import Provider, say
from people import ALICE, BOB, CAROL, DAN, EVE, FRANK, lies, only, submit


def test_logins(people, mail):
    p = people("tls")
    good, bad = mail.users[ALICE], "not the password"

    def enc(x):
        return base64.b64encode(x.encode()).decode()

    with client.Smtp(p.alice.submission) as c:
        text = c.hello().text
        for word in ("SIZE", "8BITMIME", "PIPELINING", "ENHANCEDSTATUSCODES"):
            assert re.search(r"(?m)^%s\b" % word, text), word
        assert re.search(r"(?m)^AUTH .*PLAIN", text)
        assert re.search(r"(?m)^AUTH .*LOGIN", text)
        assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 530
        assert c.auth(ALICE, bad).code == 535
        assert c.auth("stranger@example.org", bad).code == 535
        assert c.auth(ALICE, good).code == 235
        assert c.cmd("AUTH PLAIN " + client.plain(ALICE, good)).code == 503
    with client.Smtp(p.alice.submission) as c:
        assert c.cmd("EHLO x").code == 250
        assert c.cmd("AUTH PLAIN").code == 334
        assert c.cmd(client.plain(ALICE, good)).code == 235
    with client.Smtp(p.alice.submission) as c:
        assert c.cmd("EHLO x").code == 250
        c.send("AUTH LOGIN\r\n")
        assert c.line() == b"334 VXNlcm5hbWU6\r\n"
        c.send(enc(ALICE) + "\r\n")
        assert c.line() == b"334 UGFzc3dvcmQ6\r\n"
        assert c.cmd(enc(good)).code == 235
    with client.Smtp(p.alice.submission) as c:
        assert c.cmd("HELO x").code == 250
        assert c.cmd("AUTH PLAIN *").code in (501, 535)
    with client.Pop3(p.bob.pop3) as c:
        assert c.try_login(BOB, bad).startswith("-ERR")
        r = c.try_login(BOB, mail.users[BOB])
        assert r.startswith("+OK")
    # a user the provider knows, but who is no account here
    with client.Pop3(p.bob.pop3) as c:
        assert c.try_login(CAROL, mail.users[CAROL]).startswith("-ERR")


def test_scram_is_used_where_the_provider_has_it(people, mail):
    p = people("tls")
    assert submit(p, [BOB], letters.text()).code == 250
    lies(mail, BOB)
    only(p)
    assert "sasl_method=SCRAM-SHA-256" in mail.postfix.log()
    assert "method=SCRAM-SHA-256" in mail.dovecot.log()


def test_the_certificate_counts(make, mail, pki, real):
    """Another authority, another name, another host: an error, no fallback."""
    home = make.home(["alice"], trusted=["bob"])
    users = {ALICE: "x"}
    for pair, form in ((pki.other, "tls"), (pki.self_signed, "tls"),
                       (pki.other, "starttls")):
        with Provider("smtp", users, form, pair) as s, \
                Provider("pop3", users, form, pair) as q:
            a = make.agent(home, {ALICE: {
                "smtp": s.conf, "pop3": q.conf, "ca-file": pki.ca}})
            r = client.send(a.submission, ALICE, "x", [BOB], letters.text())
            assert r.code == 451, r
            with client.Pop3(a.pop3) as c:
                c.try_login(ALICE, "x")
                assert c.cmd("STAT").startswith("-ERR")
            assert s.lines() == [] or form == "starttls"
            for x in (s, q):
                assert b"AUTH" not in x.wire() and b"PASS" not in x.wire()
                assert not letters.canaries(x.wire())
            a.stop()


def test_the_providers_no_reaches_the_client(scripted):
    a = scripted()
    a.smtp.hooks["dot"] = say("554 5.7.1 We do not \x07like it")
    r = a.send([BOB], letters.text())
    assert r.code == 554 and "127.0.0.1 says: " in r.text, r
    assert "We do not" in r.text and "\x07" not in r.text
    a.smtp.hooks["dot"] = say("452 4.3.1 Full for now")
    r = a.send([BOB], letters.text())
    assert r.code == 452 and "Full for now" in r.text
    a.smtp.hooks["dot"] = say("250 2.0.0 " + "w" * 900)
    r = a.send([BOB], letters.text())
    assert r.code == 250 and len(r.text) <= 500
    a.smtp.hooks.clear()
    a.smtp.hooks["mail"] = say("550 5.7.1 not you")
    r = a.send([BOB], letters.text())
    assert r.code == 550 and "not you" in r.text


def test_a_refused_recipient_is_named(scripted):
    a = scripted()
    a.smtp.hooks["rcpt"] = lambda s, to: (
        "550 5.1.1 never heard of" if to == FRANK else None)
    n = len(a.smtp.accepted)
    r = a.send([BOB, FRANK], letters.long_text(300000, to=(BOB, FRANK)))
    assert r.code // 100 == 5 and FRANK in r.text, r
    assert "never heard of" in r.text and BOB not in r.text
    assert len(a.smtp.accepted) == n
    a.smtp.hooks.clear()
    assert a.send([BOB], letters.text()).code == 250


def test_part_sent(scripted):
    """A Bcc copy that failed: who has it and who has not; sent again it goes
    only to those who lack it."""
    a = scripted(trusted=("bob", "dan"))
    a.smtp.hooks["dot"] = lambda s, to: (
        "452 4.2.2 mailbox full" if DAN in to else None)
    raw = letters.text(to=(BOB,))
    r = a.send([BOB, DAN], raw)
    assert r.code == 554, r
    assert re.search(r"%s has this letter, %s does not: 127\.0\.0\.1 says: "
                     r".*mailbox full. Press Send again within an hour and "
                     r"only %s will get it$" % (BOB, DAN, DAN), r.text), r
    assert [x.to for x in a.smtp.accepted] == [[BOB]]
    a.smtp.hooks.clear()
    # clients choose a new Message-ID at every try
    again = re.sub(rb"Message-ID: <", b"Message-ID: <again.", raw)
    assert a.send([BOB, DAN], again).code == 250
    assert [x.to for x in a.smtp.accepted] == [[BOB], [DAN]]
    # and now it is a letter like any other
    assert a.send([BOB, DAN], again).code == 250
    assert sorted(x.to[0] for x in a.smtp.accepted[2:]) == [BOB, DAN]


def test_too_many_bcc(scripted, make):
    a = scripted(trusted=("bob", "dan", "frank", "carol"), contacts={})
    a.stop()
    with Provider("smtp", {ALICE: "x"}) as p:
        b = make.agent(a.home, {ALICE: {"smtp": p.conf}}, {"max-bcc": "2"})
        r = client.send(b.submission, ALICE, "x", [BOB, DAN, FRANK, CAROL],
                        letters.text(to=(BOB,)))
        assert r.code == 452 and r.text.split(" ", 1)[1][:10] == "Letterlock"
        assert p.accepted == []
        assert client.send(b.submission, ALICE, "x", [BOB, DAN, FRANK],
                           letters.text(to=(BOB,))).code == 250


def test_eight_bit_where_the_provider_has_none(make):
    with Provider("smtp", {ALICE: "x"}, keywords=("SIZE",)) as p:
        a = make.agent(make.home(["alice"], trusted=["bob"]),
                       {ALICE: {"smtp": p.conf, "encrypt": "when-possible"}})
        raw = letters.eight_bit(to=(EVE,))
        r = client.send(a.submission, ALICE, "x", [EVE], raw,
                        params=" BODY=8BITMIME")
        assert r.code == 554 and r.text.startswith("5.6.3 "), r
        assert p.accepted == []
        r = client.send(a.submission, ALICE, "x", [BOB],
                        letters.eight_bit(), params=" BODY=8BITMIME")
        assert r.code == 250
        p.accepted[0].data.decode("ascii")
        assert "8BITMIME" not in p.accepted[0].params.upper()


def test_wrong_password(scripted):
    a = scripted()
    with client.Smtp(a.submission) as c:
        c.hello()
        assert c.auth(ALICE, "wrong").code == 535
        assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 530
        assert c.auth(ALICE, "x").code == 235


def test_unreachable(make):
    """No failed login (clients would ask for a new password): words, later."""
    port, = free_ports(1)
    a = make.agent(make.home(["alice"], trusted=["bob"]), {ALICE: {
        "smtp": "127.0.0.1:%d plaintext" % port,
        "pop3": "127.0.0.1:%d plaintext" % port}})
    with client.Smtp(a.submission) as c:
        c.hello()
        assert c.auth(ALICE, "x").code == 235
        assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 250
        assert c.cmd("RCPT TO:<%s>" % BOB).code == 250
        r = c.cmd("DATA")
        assert r.code == 451
        assert words(r) == ("Letterlock cannot reach 127.0.0.1, so nothing was "
                            "sent. Check the connection and press Send again")
    with client.Pop3(a.pop3) as c:
        assert c.try_login(ALICE, "x").startswith("+OK")
        r = c.cmd("STAT")
        assert r.startswith("-ERR") and "127.0.0.1" in r
        assert not r.endswith(".")
