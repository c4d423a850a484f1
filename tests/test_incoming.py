# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes in: opened letters and their verdicts, unprotected ones as they
are, unreadable ones untouched, the POP3 dialogue."""
import re

import pytest

from kit import client, keys, letters, wait_for
from kit.letters import field
from people import ALICE, BOB, only

def test_unprotected_mail_comes_as_it_is(people, mail):
    """Byte for byte but for the verdict: 8-bit, bare, no final line end."""
    p = people("starttls")
    raws = [letters.eight_bit(), letters.bare(), letters.html(),
            letters.head(subject="no body"), b"\r\nonly a body\r\n",
            letters.head() + b"\r\nl\xff\xfe\x80 " + b"z" * 5000 + b"\r\n.\r\n"]
    for r in raws:
        mail.dovecot.deliver(BOB, r)
    got = client.fetch(p.bob.pop3, BOB, mail.users[BOB])
    assert sorted(letters.without_verdict(g) for g in got) == sorted(raws)
    for g in got:
        v = letters.verdict(g)
        assert (v["encryption"], v["signature"]) == ("none", "none")
        assert not {"signer", "fpr", "trust", "reason"} & set(v)


def test_lookalikes_are_removed(people, mail):
    p = people("tls")
    mail.dovecot.deliver(BOB, letters.head(extra=(
        "Letterlock-Status: v=1; encryption=ok; signature=good; signer=%s\n"
        "LETTERLOCK-status : v=1; encryption=ok\nX-Letterlock: forged\n"
        "letterlock-Other: forged\n folded: too\n") % ALICE) + b"\r\nhi\r\n")
    got = only(p)
    assert letters.verdict(got)["signature"] == "none"
    assert len(re.findall(rb"(?i)letterlock", got)) == 1
    assert b"forged" not in got and b"folded" not in got


@pytest.mark.parametrize("who, signature", [
    ("alice", "good"), ("mallory", "mismatch"), ("frank", "mismatch"),
    ("eve", "unknown-key"), (None, "none")])
def test_verdicts(people, mail, make, who, signature):
    """Sealed by plain gpg in Alice's name, signed by somebody."""
    p = people("tls")
    home = make.home([who] if who else [], [n for n in ("bob",) if n != who])
    box = keys.encrypt(home, letters.payload(), ["bob"], who)
    mail.dovecot.deliver(BOB, letters.sealed(box))
    got = only(p)
    v = letters.verdict(got)
    assert (v["encryption"], v["signature"]) == ("ok", signature)
    assert field(got, "Subject") == "Dear Bob: " + letters.SUBJECT
    assert letters.body(got).rstrip() == b"Sealed " + letters.BODY.encode()
    if signature != "good":
        assert v.get("trust") != "verified"


@pytest.mark.parametrize("how, reason", [
    ("for somebody else", "no-secret-key"), ("a bit flipped", "integrity"),
    ("cut", "integrity|malformed"), ("not armored", "malformed")],
    ids=lambda x: x.replace(" ", "-"))
def test_what_cannot_be_opened_comes_untouched(people, mail, make, how, reason):
    p = people("tls")
    home = make.home(["alice"], ["bob", "eve"])
    box = keys.encrypt(home, letters.payload(letters.BODY + "x" * 9000),
                       ["eve" if how == "for somebody else" else "bob"],
                       "alice", ["--compress-algo", "none"])
    if how == "a bit flipped":
        row = box.splitlines(True)
        row[-12] = row[-12][:9] + (b"A" if row[-12][9:10] != b"A" else b"B") + \
            row[-12][10:]
        row = [x for x in row if not x.startswith(b"=")]    # no CRC24
        box = b"".join(row)
    elif how == "cut":
        row = box.splitlines(True)
        box = b"".join(row[:60] + [row[-1]])
    elif how == "not armored":
        box = b"hello"
    raw = letters.sealed(box)
    mail.dovecot.deliver(BOB, raw)
    got = only(p)
    v = letters.verdict(got)
    assert (v["encryption"], v["signature"]) == ("failed", "none")
    assert v["reason"] in reason.split("|")
    rest = letters.without_verdict(got)
    # the outer Subject may say so where it is only a placeholder
    assert letters.body(rest) == letters.body(raw)
    assert not letters.canaries(got)


def test_pop3_dialogue(people, mail):
    """Our own lines, the provider's numbers; UIDLs stay, DELE is real only
    at QUIT, TOP agrees with RETR."""
    p = people("starttls")
    raws = [letters.text(), letters.eight_bit(), letters.bare()]
    for r in raws:
        mail.dovecot.deliver(BOB, r)
    with client.Pop3(mail.dovecot.pop3, BOB, mail.users[BOB]) as c:
        uids, sizes = c.rows("UIDL"), c.rows("LIST")
        c.quit()
    with client.Pop3(p.bob.pop3) as c:
        r, capa = c.ask("CAPA")
        words = capa.decode().split("\r\n")
        assert "UIDL" in words and "TOP" in words and "USER" in words
        assert any(w.startswith("SASL") and "PLAIN" in w for w in words)
        assert c.cmd("STAT").startswith("-ERR")
        assert c.cmd("AUTH PLAIN").rstrip() == "+"
        assert c.cmd(client.plain(BOB, mail.users[BOB])).startswith("+OK")
        assert c.cmd("STAT").split()[:2] == ["+OK", "3"]
        assert c.rows("UIDL") == uids and c.rows("LIST") == sizes
        assert c.cmd("UIDL 2") == "+OK 2 " + uids[1][1]
        assert c.cmd("LIST 3").startswith("+OK 3 ")
        assert c.cmd("LIST 4").startswith("-ERR")
        assert c.cmd("RETR 4").startswith("-ERR")
        assert c.cmd("RETR 0").startswith("-ERR")
        r, top = c.ask("TOP 1 2")
        whole = c.retr(1)
        assert r.startswith("+OK")
        head = whole.split(b"\r\n\r\n")[0]
        # the time in the verdict may differ, nothing else
        assert letters.without_verdict(top).startswith(
            letters.without_verdict(head))
        assert letters.body(top) == b"".join(
            x + b"\r\n" for x in letters.body(whole).split(b"\r\n")[:2])
        assert c.cmd("DELE 1").startswith("+OK")
        assert c.cmd("RETR 1").startswith("-ERR")
        assert c.cmd("RSET").startswith("+OK")
        assert c.cmd("NOOP").startswith("+OK")
        assert len(c.rows("UIDL")) == 3
        assert c.cmd("DELE 2").startswith("+OK")
        c.abort()
    wait_for(lambda: len(mail.dovecot.raws(BOB)) == 3)
    with client.Pop3(p.bob.pop3, BOB, mail.users[BOB]) as c:
        assert c.rows("UIDL") == uids
        assert c.cmd("DELE 2").startswith("+OK")
        assert c.quit().startswith("+OK")
    assert len(mail.dovecot.raws(BOB)) == 2
