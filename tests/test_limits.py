# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits for clients: each is answered in words, nothing is sent, and the
session or the next one goes on."""
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

import pytest

from kit import client, keys, letters, wait_for
from kit.provider import Provider
from people import ALICE, BOB

CLEAR = "clear@example.org"     # nobody knows a key for
SIZE = 1 << 20                  # what the provider takes
VERBS = ("GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE",
         "PATCH", "TRACE", "PRI")


@pytest.fixture(scope="module")
def kept(make_once):
    with Provider("smtp", {ALICE: "x"},
                  keywords=("SIZE %d" % SIZE, "8BITMIME")) as p, \
            Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(
            make_once.home(["alice"], trusted=["bob"]),
            {ALICE: {"smtp": p.conf, "pop3": q.conf,
                     "encrypt": "when-possible"}},
            {"max-message-size": "2M", "client-timeout": 2})
        a.smtp, a.inbox = p, q
        yield a


@pytest.fixture
def alice(kept):
    kept.smtp.accepted.clear()
    kept.smtp.sessions.clear()
    yield kept
    assert kept.alive()
    assert client.send(kept.submission, ALICE, "x", [BOB],
                       letters.text()).code == 250


def of_size(n, to):
    raw = letters.text(to=(to,))
    line = b"y" * 70 + b"\r\n"
    return raw + line * ((n - len(raw)) // len(line))


# ---- before the login

def test_a_silent_client(alice):
    with client.Smtp(alice.submission) as c:
        r = c.reply()
        assert r.code == 421 and client.words(r).startswith("Letterlock")
        assert c.closed(1)
    with client.Pop3(alice.pop3) as c:
        assert c.closed(4)      # RFC 1939 section 3: nothing is said


def test_commands_before_the_login(alice):
    with client.Smtp(alice.submission) as c:
        for _ in range(50):
            assert c.cmd("NOOP").code == 250
        r = c.reply()
        assert r.code == 421 and "before the login" in client.words(r)
        assert c.closed(2)
    with client.Pop3(alice.pop3) as c:
        for _ in range(50):
            assert c.cmd("CAPA").startswith("+OK") and c.body()
        assert "before the login" in c.status()
        assert c.closed(2)
    with client.Smtp(alice.submission, ALICE, "x") as c:
        for _ in range(200):
            assert c.cmd("NOOP").code == 250
    with client.Pop3(alice.pop3, ALICE, "x") as c:
        for _ in range(200):
            assert c.cmd("NOOP").startswith("+OK")


# ---- who is no mail program

def ended(alice, kind, login, data):
    """The connection ends and nothing is said to this."""
    make, port = {"smtp": (client.Smtp, alice.submission),
                  "pop3": (client.Pop3, alice.pop3)}[kind]
    n = len(alice.smtp.sessions) + len(alice.inbox.sessions)
    with make(port, *((ALICE, "x") if login else ())) as c:
        try:
            c.send(data)
        except client.Closed:
            pass
        c.sock.settimeout(1.5)      # less than client-timeout
        got = b""
        try:
            while True:
                more = c.sock.recv(4096)
                got += more
                if not more:
                    break
        except ConnectionResetError:
            pass
        except socket.timeout:
            pytest.fail("the session went on")
        assert got == b"", (kind, login, data)
    # nor was anything of it obeyed
    m = len(alice.smtp.sessions) + len(alice.inbox.sessions)
    assert m - n == (1 if login else 0)


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("kind", ["smtp", "pop3"])
def test_browsers(alice, kind, login):
    """A web page can make a browser speak to us (ALPACA and older)."""
    body = ("EHLO x\r\nAUTH PLAIN %s\r\nUSER %s\r\nPASS x\r\nSTAT\r\n"
            % (client.plain(ALICE, "x"), ALICE))
    for verb in VERBS:
        for v in (verb, verb.lower(), verb.capitalize()):
            ended(alice, kind, login,
                  "%s /<script>alert(1)</script> HTTP/1.1\r\n"
                  "Host: 127.0.0.1\r\n\r\n%s" % (v, body))
    ended(alice, kind, login, "GET\t/ HTTP/1.0\n\n" + body)
    ended(alice, kind, login, "get\r\n" + body)


def hello():
    """A ClientHello, as a mail program set to TLS begins with."""
    there, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    o = ssl.create_default_context().wrap_bio(there, out,
                                              server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        o.do_handshake()
    return out.read()


@pytest.mark.parametrize("login", [False, True])
@pytest.mark.parametrize("kind", ["smtp", "pop3"])
def test_tls_on_a_port_that_has_none(alice, kind, login):
    data = hello()
    assert data[:2] == b"\x16\x03"
    ended(alice, kind, login, data)
    ended(alice, kind, login, data.replace(b"\n", b""))
    wait_for(lambda: "STARTTLS is what to set" in alice.text())


# ---- recipients

def test_recipients(make):
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(make.home(["alice"]), {ALICE: {
            "smtp": p.conf, "encrypt": "never"}}, {"max-recipients": "3"})
        to = ["r%d@example.org" % i for i in range(4)]
        with client.Smtp(a.submission, ALICE, "x") as c:
            assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 250
            for x in to[:3] + to[:3]:       # the same once more is no other
                assert c.cmd("RCPT TO:<%s>" % x).code == 250
            r = c.cmd("RCPT TO:<%s>" % to[3])
            assert r.code == 452 and r.text.startswith("4.5.3 ")
            assert "at most 3 recipients" in client.words(r)
            # the others are still to have it (RFC 5321 section 4.5.3.1.10)
            assert c.cmd("DATA").code == 354
            c.send(client.stuffed(letters.text(to=to[:3])))
            assert c.reply().code == 250
            assert p.accepted[0].to == to[:3]
            r = c.envelope(ALICE, to)
            assert r.code == 452


def test_as_many_recipients_as_there_may_be(make):
    """Also the longest addresses, which have to fit into one frame."""
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(make.home(["alice"]), {ALICE: {
            "smtp": p.conf, "encrypt": "when-possible"}})
        many = ["r%d.%s@example.org" % (i, "x" * 37) for i in range(1001)]
        long = ["%s%04d@%s.example.org" % (
            "x" * 60, i, ".".join(["y" * 60] * 2)) for i in range(400)]
        with client.Smtp(a.submission, ALICE, "x") as c:
            for to, most, why in ((many, 1000, "1000 recipients"),
                                  (long, 290, "60000 octets")):
                assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 250
                c.send("".join("RCPT TO:<%s>\r\n" % x for x in to))
                said = [c.reply() for _ in to]
                n = [r.code for r in said].index(452)
                assert n == most or (to is long and n >= most)
                assert why in client.words(said[n])
                assert {r.code for r in said[n:]} == {452}
                assert c.cmd("DATA").code == 354
                c.send(client.stuffed(letters.text(to=to[:2])))
                assert c.reply().code == 250
                assert p.accepted[-1].to == to[:n]


# ---- octets

def test_size_at_mail(alice):
    with client.Smtp(alice.submission, ALICE, "x") as c:
        r = c.cmd("MAIL FROM:<%s> SIZE=%d" % (ALICE, (2 << 20) + 1))
        assert r.code == 552 and r.text.startswith("5.3.4 ")
        assert "2097152 octets" in client.words(r)
        assert c.cmd("MAIL FROM:<%s> SIZE=%d" % (ALICE, 2 << 20)).code == 250


@pytest.mark.parametrize("to", [BOB, CLEAR])
def test_size_while_it_comes(make, to):
    """It ends there, and not when all of it has been sealed and sent."""
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(make.home(["alice"], trusted=["bob"]), {ALICE: {
            "smtp": p.conf, "encrypt": "when-possible"}},
            {"max-message-size": "1M"})
        with client.Smtp(a.submission, ALICE, "x") as c:
            r = c.send_letter(ALICE, [to], of_size(7 << 19, to))
            assert r.code == 552 and r.text.startswith("5.3.4 ")
            assert "1 MB, which max-message-size" in client.words(r)
            assert c.send_letter(ALICE, [to], letters.text()).code == 250
        assert len(p.accepted) == 1 and len(p.wire()) < 2 << 20


def test_size_that_came_with_the_header(make):
    """There was never more to come."""
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(make.home(["alice"]), {ALICE: {
            "smtp": p.conf, "encrypt": "never"}},
            {"max-message-size": "64K"})
        with client.Smtp(a.submission, ALICE, "x") as c:
            raw = letters.head() + b"X: " + b"x" * 900 + b"\r\n"
            raw += b"X-Fill: " + (b" " + b"y" * 70 + b"\r\n") * 1500
            r = c.send_letter(ALICE, [CLEAR], raw)
            assert r.code == 552 and "64 KB" in client.words(r)
        assert p.accepted == []


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize("to, fits, most", [
    (BOB, SIZE // 14 * 10, "731 KB"), (CLEAR, SIZE, "1 MB")])
def test_the_providers_size(alice, to, fits, most, told):
    """Too large for the provider is told by us, for a sealed letter before it
    is; and what may be sent goes."""
    def send(n):
        raw = of_size(n, to)
        with client.Smtp(alice.submission, ALICE, "x") as c:
            return c.send_letter(ALICE, [to], raw, " SIZE=%d" % len(raw)
                                 if told else "")
    r = send(fits + 500)
    assert r.code == 552 and r.text.startswith("5.3.4 "), r
    assert most in client.words(r) and "takes letters of at most 1 MB" in r.text
    assert ("once sealed" in r.text) == (to == BOB)
    assert alice.smtp.accepted == []
    if told:            # the provider never heard of it
        assert alice.smtp.heard("MAIL") == 0
    assert send(fits - 500).code == 250
    assert len(alice.smtp.accepted[0].data) <= SIZE


def test_header_fields(alice):
    raw = letters.head() + b"X-Many: 1\r\n" * 20001
    with client.Smtp(alice.submission, ALICE, "x") as c:
        r = c.send_letter(ALICE, [BOB], raw)
        assert r.code == 554, r
        assert "20000 header fields" in client.words(r)
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250


# ---- connections

TOO_MANY = "Letterlock has too many connections open"
WHO = """
import socket, sys
a = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
     for _ in range(3)]
for s in a:
    print(s.makefile().readline().strip())
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.geteuid() != 0,
                    reason="only root can be somebody else")
def test_sessions_of_one_user(make):
    """Nobody takes all of them from others."""
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(
            make.home(["alice"], trusted=["bob"]), {ALICE: {"smtp": p.conf}},
            {"users": "65534", "max-sessions": "3",
             "max-sessions-per-user": "2"})
        q = subprocess.Popen(
            [sys.executable, "-c", WHO, str(a.submission)], user=65534,
            cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            said = [q.stdout.readline() for _ in range(3)]
            assert [x[:3] for x in said] == ["220", "220", "421"]
            assert TOO_MANY + " for this user" in said[2]
            with client.Smtp(a.submission, ALICE, "x") as c:
                with client.Line(a.pop3) as d:
                    assert d.line().decode().startswith(
                        "-ERR [SYS/TEMP] " + TOO_MANY + ". Close")
                assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
        finally:
            q.stdin.close()
            q.wait(10)
            q.stdout.close()


@pytest.mark.skipif(os.geteuid() != 0,
                    reason="only root can be somebody else")
def test_others_leave_room(make):
    """However many connections others may have, the user's own get in."""
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(
            make.home(["alice"], trusted=["bob"]), {ALICE: {"smtp": p.conf}},
            {"users": "65534", "max-sessions": "4"})
        q = subprocess.Popen(
            [sys.executable, "-c", WHO.replace("range(3)", "range(4)"),
             str(a.submission)], user=65534, cwd="/", stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        try:
            said = [q.stdout.readline() for _ in range(4)]
            assert [x[:3] for x in said] == ["220", "220", "220", "421"]
            assert TOO_MANY + ". Close" in said[3]
            assert client.send(a.submission, ALICE, "x", [BOB],
                               letters.text()).code == 250
        finally:
            q.stdin.close()
            q.wait(10)
            q.stdout.close()


def at_once(jobs):
    """Each in a thread of its own; the first exception is raised again."""
    bad = []

    def run(job):
        try:
            job()
        except BaseException as e:      # pytest.fail too
            bad.append(e)
    threads = [threading.Thread(target=run, args=(j,)) for j in jobs]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    if bad:
        raise bad[0]


def cost(pid):
    """kB of memory of its own, and its descriptors (0: not for us to see)."""
    with open("/proc/%d/status" % pid) as f:
        kb = int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))
    try:
        return kb, len(os.listdir("/proc/%d/fd" % pid))
    except PermissionError:
        return kb, 0


def test_sixteen_clients(make):
    """Sixteen at once send and fetch sealed letters, each its own; one more is
    told so; and the guard is as large as before."""
    home = make.home(["alice"], trusted=["bob"])
    reader = make.home(["bob"], ["alice"])
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q:
        a = make.agent(home, {ALICE: {"smtp": p.conf, "pop3": q.conf}},
                       {"look-ahead": "1"})
        q.mailbox[:] = [("u%d" % i, letters.sealed(keys.encrypt(
            reader, letters.payload(letters.BODY + " number %d" % i,
                                    sender=BOB, to=(ALICE,)),
            ["alice"], "bob"), sender=BOB, to=(ALICE,))) for i in range(3)]

        def send(c, i):
            for _ in range(2):
                r = c.send_letter(ALICE, [BOB], letters.text(
                    body="I am client %d %s\n" % (i, letters.BODY)))
                assert r.code == 250, r

        def fetch(c):
            for i in range(3):
                got = c.retr(i + 1)
                v = letters.verdict(got)
                assert (v["encryption"], v["signature"]) == ("ok", "good")
                assert b"number %d" % i in got

        def all_of_them():
            ins = [None] * 8
            outs = [None] * 8

            def in_(i):
                ins[i] = client.Pop3(a.pop3, ALICE, "x")

            def out(i):
                outs[i] = client.Smtp(a.submission, ALICE, "x")
            at_once([lambda i=i: in_(i) for i in range(8)]
                    + [lambda i=i: out(i) for i in range(8)])
            t = time.monotonic()
            with client.Line(a.submission) as c:
                assert c.line().decode().startswith("421 4.3.2 " + TOO_MANY)
                assert c.closed(2)
            with client.Line(a.pop3) as c:
                assert c.line().decode().startswith(
                    "-ERR [SYS/TEMP] " + TOO_MANY)
            assert time.monotonic() - t < 5
            at_once([lambda c=c: fetch(c) for c in ins]
                    + [lambda i=i: send(outs[i], i) for i in range(8)])
            for c in ins + outs:
                c.quit()
            got = [keys.Decrypted(reader, letters.cipher(x.data)).data
                   for x in p.accepted]
            assert sorted(int(re.search(rb"client (\d+)", x).group(1))
                          for x in got) == sorted(2 * list(range(8)))
            p.accepted.clear()
            wait_for(lambda: len(a.role("front")) <= 1, 20)

        began = time.monotonic()
        all_of_them()
        first = cost(a.pid)
        for _ in range(2):
            all_of_them()
        last = cost(a.pid)
        print("16 clients: %.1f s for a round; the guard: %d kB, %d files, "
              "then %d kB, %d files" % ((time.monotonic() - began) / 3,
                                        *first, *last))
        assert last[0] - first[0] < 200, (first, last)
        assert last[1] - first[1] < 6, (first, last)
