# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong between a client's DATA and its answer: no letter lost, no
letter twice, no promise forgotten, and an answer that helps."""
import os
import resource
import socket
import sqlite3
import time

import pytest

from kit import client, letters, wait_for
from kit.client import words
from kit.provider import Gate, Provider
from people import ALICE, BOB, DAN, EVE

HEADER_MAX, BLOCK = 4 << 20, 64 << 10   # agent/front.h, crypto/header.h


@pytest.fixture
def alice(scripted):
    return scripted(trusted=("bob", "dan", "frank"))


def session(a):
    return client.Smtp(a.submission, ALICE, "x")


# ---- sent again

def unheard(a, raw, to=(BOB,)):
    """The provider takes the letter, its client hears nothing of that."""
    gate, n = Gate(), len(a.smtp.accepted)
    a.smtp.hooks["dot"] = gate
    c = session(a)
    assert c.envelope(ALICE, to).code == 354
    c.send(client.stuffed(raw))
    gate.wait()
    c.abort()
    gate.open()
    wait_for(lambda: len(a.smtp.accepted) == n + 1)
    a.smtp.hooks.clear()
    wait_for(lambda: not [p for p in a.all() if p.name == "gpg"])


@pytest.mark.parametrize("was, now", [
    (b"-- we pay 1000", b"-- we pay 10"),
    (b"--outer--=_1\r\nContent-Type: text/csv",
     b"--outer--=_1\r\nContent-Type: text/xml"),
    (b"multipart/mixed", b"multipart/digest"),
    (b"charset=utf-8", b"charset=koi8-r")])
def test_an_edited_letter_is_another_letter(alice, was, now):
    raw = letters.html().replace(b"preamble\r\n",
                                 b"preamble\r\n-- we pay 1000\r\n")
    assert was in raw
    unheard(alice, raw)
    assert alice.send([BOB], raw.replace(was, now)).code == 250
    assert len(alice.smtp.accepted) == 2
    assert alice.send([BOB], raw).code == 250   # not yet heard of
    assert len(alice.smtp.accepted) == 2


def test_another_content_type_is_another_letter(alice):
    raw = letters.text()
    unheard(alice, raw)
    now = raw.replace(b"text/plain", b"text/html")
    assert alice.send([BOB], now).code == 250
    assert len(alice.smtp.accepted) == 2


def test_a_client_that_closes_its_side_hears_the_answer(alice):
    c, raw = session(alice), letters.text()
    assert c.envelope(ALICE, [BOB]).code == 354
    c.send(client.stuffed(raw))
    c.sock.shutdown(socket.SHUT_WR)
    assert c.reply().code == 250
    assert c.closed(5)
    assert len(alice.smtp.accepted) == 1
    # whether it was heard nobody knows
    assert alice.send([BOB], raw).code == 250
    assert len(alice.smtp.accepted) == 1


# ---- once sealed, sealed for ever

def contacts_file(a):
    return os.path.join(a.dirs["state"], "letterlock", "contacts.db")


def contacts(a):
    """How many are noted as sealed to."""
    db = sqlite3.connect("file:%s?mode=ro" % contacts_file(a), uri=True)
    try:
        return db.execute("SELECT count(*) FROM contact WHERE first > 0"
                          ).fetchone()[0]
    finally:
        db.close()


def test_it_is_noted_before_it_is_sent(alice):
    """No keeper: not sent, not even in part; then anew."""
    gate = Gate()
    alice.smtp.hooks["data"] = gate
    c = session(alice)
    c.send("MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (ALICE, BOB))
    assert [c.reply().code for _ in range(3)] == [250, 250, 354]
    c.send(client.stuffed(letters.text()))
    gate.wait()
    alice.kill_role("keeper")
    gate.open()
    r = c.reply()
    assert r.code == 451 and words(r).startswith("A part of Letterlock"), r
    assert c.closed(5)
    assert alice.smtp.accepted == [] and contacts(alice) == 0
    alice.smtp.hooks.clear()
    assert alice.send([BOB], letters.text()).code == 250
    assert contacts(alice) == 1


def test_it_is_noted_of_those_who_have_it(alice):
    alice.smtp.hooks["dot"] = lambda s, to: (
        "452 4.2.2 mailbox full" if DAN in to else None)
    assert alice.send([BOB, DAN], letters.text(to=(BOB,))).code == 554
    assert [x.to for x in alice.smtp.accepted] == [[BOB]]
    assert contacts(alice) == 2
    # once is enough
    assert alice.send([BOB], letters.html()).code == 250
    assert contacts(alice) == 2


def test_no_room_to_note_it(scripted):
    a = scripted()
    wait_for(lambda: os.path.exists(contacts_file(a)))
    pid, = [p.pid for p in a.role("keeper")]
    was = resource.prlimit(pid, resource.RLIMIT_FSIZE, (1000, -1))
    r = a.send([BOB], letters.text())
    assert r.code == 451 and "disk full" in words(r), r
    assert a.smtp.accepted == [] and contacts(a) == 0
    resource.prlimit(pid, resource.RLIMIT_FSIZE, was)
    assert a.send([BOB], letters.text()).code == 250
    assert contacts(a) == 1


# ---- parts that die

@pytest.mark.parametrize("role", ["mime", "crypt", "keeper"])
def test_a_session_that_lost_a_part_ends(alice, role):
    with session(alice) as c:
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
        alice.kill_role(role)
        r = c.send_letter(ALICE, [BOB], letters.html())
        assert r.code == 451 and words(r).startswith("A part of"), r
        assert c.closed(5)
    assert alice.send([BOB], letters.html()).code == 250
    assert len(alice.smtp.accepted) == 2


# ---- answers

@pytest.mark.parametrize("over", [-60000, -300, -1, 0, 1, 180, 300, 70000])
def test_a_header_that_is_too_large(alice, over):
    """Its final dot may come with what is one octet too much."""
    head = letters.head()
    fill = b"X-Fill: " + b"y" * 70 + b"\r\n"
    size = HEADER_MAX + BLOCK + over
    head += fill * ((size - len(head)) // len(fill))
    head += b"X: " + b"z" * max(size - len(head) - 5, 0) + b"\r\n"
    with session(alice) as c:
        c.sock.settimeout(15)
        r = c.send_letter(ALICE, [BOB], head)
        assert r.code in (550, 554) and "header is larger than" in words(r), r
        assert alice.smtp.accepted == []
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250


def test_the_log_holds_no_words_of_the_provider(alice):
    secret = "spy@secret.example"
    alice.smtp.hooks["banner"] = lambda s, x: "554 5.7.1 away with %s" % secret
    with session(alice) as c:
        r = c.send_letter(ALICE, [BOB], letters.text())
        assert r.code == 451 and secret in r.text
    wait_for(lambda: "not sent: the provider of" in alice.text())
    assert secret not in alice.text()


def test_many_long_recipients(scripted):
    """200 addresses of 300 octets: a refusal, not a failure."""
    a = scripted(account={"encrypt": "when-possible"})
    to = ["%s%03d@%s.example" % ("a" * 60, i, ".".join(["d" * 50] * 4))
          for i in range(200)]
    assert sum(map(len, to)) > 50000
    raw = letters.text(to=(EVE,))
    assert a.send(to, raw).code == 250
    assert a.smtp.accepted[0].to == to
    yes = letters.text(to=(EVE,), extra="X-Letterlock: encrypt=yes\n")
    r = a.send(to, yes)
    assert r.code == 550 and len(a.smtp.accepted) == 1, r


def test_too_many_copies_and_on(alice, make):
    with Provider("smtp", {ALICE: "x"}) as p:
        b = make.agent(alice.home, {ALICE: {"smtp": p.conf}}, {"max-bcc": "1"})
        with session(b) as c:
            for n in (1, 2, 3):
                r = c.send_letter(ALICE, [BOB, DAN, "frank@example.org"],
                                  letters.text(to=(BOB,)))
                assert r.code == 452, r
                r = c.send_letter(ALICE, [BOB, DAN], letters.text(to=(BOB,)))
                assert r.code == 250 and len(p.accepted) == 2 * n, r


# ---- a provider that does not wait

@pytest.mark.parametrize("bye", [b"", b"421 4.4.2 idle for too long\r\n"],
                         ids=["silent", "421"])
def test_an_idle_connection_that_was_closed(alice, bye):
    with session(alice) as c:
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
        assert alice.smtp.heard("NOOP") == 0
        s = alice.smtp.sessions[-1]
        n = len(alice.smtp.sessions)
        s.send(bye)
        s.sock.shutdown(socket.SHUT_RDWR)
        time.sleep(2.2)
        r = c.send_letter(ALICE, [BOB], letters.html())
        assert r.code == 250, r
        assert len(alice.smtp.accepted) == 3
        assert len(alice.smtp.sessions) == n + 1
        time.sleep(2.2)         # and one that was not
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
        assert len(alice.smtp.sessions) == n + 1
        assert alice.smtp.heard("NOOP") == 1


# ---- what a readable letter may hold

def test_eight_bits_are_declared(scripted):
    a = scripted(account={"encrypt": "never"})
    for params in ("", " BODY=7BIT", " BODY=8BITMIME"):
        raw = letters.eight_bit()
        assert a.send([BOB], raw, params=params).code == 250
        assert a.smtp.accepted[-1].data == raw
        assert "BODY=8BITMIME" in a.smtp.accepted[-1].params.upper()


@pytest.fixture
def ascii_only(scripted):
    a = scripted(account={"encrypt": "when-possible"})
    a.smtp.keywords = ("SIZE",)
    return a


BIG = ("y" * 70 + "\n") * 20000


@pytest.mark.parametrize("big", [False, True], ids=["small", "1.4 MB"])
@pytest.mark.parametrize("params", ["", " BODY=8BITMIME"])
def test_eight_bits_a_provider_does_not_take(ascii_only, params, big):
    a = ascii_only
    body = (BIG if big else "") + letters.BODY + " in Köln\n"
    with session(a) as c:
        r = c.send_letter(ALICE, [EVE], letters.text(body, to=(EVE,)), params)
        assert r.code == 554 and words(r).startswith("Letterlock did not"), r
        assert r.text.startswith("5.6.3 ") and "quoted-printable" in r.text
        assert a.smtp.accepted == []
        assert "ö".encode() not in a.smtp.wire()
        # what is ASCII goes, whatever was declared; and so does what is sealed
        raw = letters.text(to=(EVE,))
        assert c.send_letter(ALICE, [EVE], raw, params).code == 250
        assert a.smtp.accepted[-1].data == raw
        assert c.send_letter(ALICE, [BOB], letters.eight_bit(),
                             params).code == 250
        letters.cipher(a.smtp.accepted[-1].data)


@pytest.mark.parametrize("big", [False, True], ids=["small", "1.4 MB"])
def test_a_nul_is_refused_for_good(scripted, big):
    a = scripted(account={"encrypt": "never"})
    with session(a) as c:
        r = c.send_letter(ALICE, [BOB], letters.text(
            (BIG if big else "") + "a\0b\n"))
        assert r.code == 554 and words(r).startswith("Letterlock did not"), r
        assert r.text.startswith("5.6.0 ") and "NUL" in r.text
        assert a.smtp.accepted == []
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250


# ---- secrets

def memory_of(pid):
    with open("/proc/%d/maps" % pid) as f:
        rows = [x.split() for x in f if " rw" in x]
    with open("/proc/%d/mem" % pid, "rb", 0) as f:
        for row in rows:
            a, b = (int(x, 16) for x in row[0].split("-"))
            if b - a > 1 << 30:     # a sanitizer's shadow
                continue
            try:
                f.seek(a)
                yield f.read(b - a)
            except OSError:
                pass


def test_what_auth_brought_is_wiped(alice):
    token = client.plain(ALICE, "x").encode()
    with client.Smtp(alice.submission) as c:
        c.hello()
        c.login(ALICE, "x")
        c.cmd("NOOP")
        try:
            all = b"".join(b"".join(memory_of(p.pid))
                           for p in alice.role("front"))
        except PermissionError:
            pytest.skip("only root may look into other processes")
        assert ALICE.encode() in all and token not in all
