# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input of clients, providers and users: a clear error each, nothing
lost, the guard alive."""
import os
import random
import re
import socket
import subprocess

import pytest

from kit import client, keys, letters
from kit.agent import built, conf_text
from kit.provider import Provider, say
from people import ALICE, BOB

CLEAR = "clear@example.org"     # nobody knows a key for


@pytest.fixture(scope="module")
def kept(make_once):
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(
            make_once.home(["alice"], trusted=["bob"]),
            {ALICE: {"smtp": p.conf, "pop3": q.conf,
                     "encrypt": "when-possible"}},
            {"max-message-size": "1M", "client-timeout": 5,
             "provider-timeout": 5})
        a.smtp, a.inbox = p, q
        a.send = lambda to, raw: client.send(a.submission, ALICE, "x", to, raw)
        yield a


@pytest.fixture
def alice(kept):
    """The agent; afterwards it serves a letter each way as if nothing had
    been."""
    a = kept
    a.smtp.hooks.clear()
    a.inbox.hooks.clear()
    a.smtp.accepted.clear()
    a.smtp.sessions.clear()
    a.inbox.mailbox[:] = [("u1", letters.bare())]
    pid = a.pid
    yield a
    a.smtp.hooks.clear()
    a.inbox.hooks.clear()
    assert a.alive() and a.pid == pid
    n = len(a.smtp.accepted)
    assert a.send([BOB], letters.text()).code == 250
    assert len(a.smtp.accepted) == n + 1
    a.inbox.mailbox[:] = [("u1", letters.bare())]
    assert len(client.fetch(a.pop3, ALICE, "x")) == 1


# ---- clients

LONG = b"A" * (1 << 20)


@pytest.mark.parametrize("where", ["greeted", "logged in", "in AUTH"])
def test_a_command_line_of_1_mb(alice, where):
    with client.Smtp(alice.submission) as c:
        c.hello()
        if where == "logged in":
            c.login(ALICE, "x")
        if where == "in AUTH":
            assert c.cmd("AUTH PLAIN").code == 334
        try:
            r = c.cmd(LONG + b"\r\n")
        except client.Closed:
            return
        assert r.code in (421, 500, 501, 535), r
        if r.code != 421:
            assert c.cmd("NOOP").code == 250


def test_a_pop3_line_of_1_mb(alice):
    with client.Pop3(alice.pop3) as c:
        try:
            assert c.cmd(LONG + b"\r\n").startswith("-ERR")
            c.login(ALICE, "x")
            assert c.cmd(b"RETR " + LONG + b"\r\n").startswith("-ERR")
        except client.Closed:
            pass


@pytest.mark.parametrize("line, codes", [
    (b"NO\0OP\r\n", (500, 501)), (b"NOOP\0\r\n", (500, 501)),
    (b"\0\r\n", (500, 501)), (b"\r\n", (500, 501)), (b"FROB x\r\n", (500,)),
    (b"N\xc3\xbc\xff\r\n", (500,)), (b"STARTTLS\r\n", (500, 502, 503, 454)),
    (b"TURN\r\n", (500, 502)), (b"DATA\r\n", (503,)),
    (b"RCPT TO:<%s>\r\n" % BOB.encode(), (503,)),
    (b"MAIL FROM:alice@example.org\r\n", (501, 553, 555)),
    (b"MAIL FROM:<alice@example.org\r\n", (501,)),
    (b"MAIL FROM:<alice@example.org>RCPT TO:<v@example.org>\r\n", (501, 555)),
    (b"MAIL FROM:<alice@example.org>\rRCPT TO:<v@example.org>\r\n",
     (500, 501, 555)),
    (b"MAIL FROM:<alice@example.org> FROB=1\r\n", (501, 504, 555)),
    (b"MAIL FROM:<alice@example.org> SIZE=99999999999999999999999\r\n",
     (501, 552)),
    (b"MAIL FROM:<alice@example.org> SIZE=9999999\r\n", (552,)),
    (b"MAIL FROM:<alice@example.org> SIZE=-1\r\n", (501, 555)),
    (b"AUTH FROB x\r\n", (501, 503, 504)),
])
def test_bad_commands(alice, line, codes):
    with client.Smtp(alice.submission, ALICE, "x") as c:
        r = c.cmd(line)
        assert r.code in codes, r
        assert c.cmd("NOOP").code == 250
        # and the session is still good for a letter
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
    assert len(alice.smtp.accepted) == 1


@pytest.mark.parametrize("line", [
    b"RETR\r\n", b"RETR abc\r\n", b"RETR -1\r\n", b"RETR 0\r\n",
    b"RETR 99999999999999999999999\r\n", b"RETR 1 1\r\n", b"TOP 1\r\n",
    b"TOP 1 -1\r\n", b"TOP 1 99999999999999999999\r\n", b"LIST 2\r\n",
    b"UIDL x\r\n", b"DELE\r\n", b"DELE 2\r\n", b"FROB\r\n", b"\r\n",
    b"ST\0AT\r\n", b"USER x\r\n", b"AUTH PLAIN\r\n", b"XTND x\r\n"])
def test_bad_pop3_commands(alice, line):
    with client.Pop3(alice.pop3, ALICE, "x") as c:
        r = c.cmd(line)
        if line.startswith(b"TOP 1 9"):
            assert r.startswith("-ERR") or c.body()
        else:
            assert r.startswith("-ERR"), r
        assert c.cmd("STAT").startswith("+OK 1 ")
        assert letters.verdict(c.retr(1))


def test_pipelined_garbage(alice):
    """Errors, then the door; the rest of the connection is not obeyed as
    something else."""
    rnd = random.Random(1)
    for port in (alice.submission, alice.pop3):
        for data in (b"GARBAGE\r\n" * 5000, rnd.randbytes(200000),
                     b"\r\n" * 20000, b"\n" * 20000,
                     b"A" * 100000 + b"\n" + b"QUIT\r\n"):
            with client.Line(port) as c:
                try:
                    c.send(data + b"\r\nQUIT\r\n")
                    c.sock.shutdown(socket.SHUT_WR)
                except (client.Closed, OSError):
                    pass
                assert c.closed(20)


def test_pipelined_commands(alice):
    """What is advertised works: a whole session in one write."""
    wire = ("EHLO x\r\nAUTH PLAIN %s\r\nMAIL FROM:<%s>\r\nRCPT TO:<%s>\r\n"
            "DATA\r\n" % (client.plain(ALICE, "x"), ALICE, BOB)).encode()
    with client.Smtp(alice.submission) as c:
        c.send(wire)
        assert [c.reply().code for _ in range(5)] == [250, 235, 250, 250, 354]
        c.send(client.stuffed(letters.text()) + b"NOOP\r\nQUIT\r\n")
        assert [c.reply().code for _ in range(3)] == [250, 250, 221]


def test_a_browser(alice):
    """A web page can make a browser speak to us: that ends the session."""
    body = "EHLO x\r\nAUTH PLAIN %s\r\n" % client.plain(ALICE, "x")
    for verb in ("GET", "POST", "PUT", "OPTIONS", "HEAD"):
        for port in (alice.submission, alice.pop3):
            n = len(alice.smtp.sessions)
            with client.Line(port) as c:
                c.line()
                try:
                    c.send("%s / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n%s" % (
                        verb, body))
                except client.Closed:
                    pass
                assert c.closed(3), (verb, "pop3" if port == alice.pop3
                                     else "submission")
            assert len(alice.smtp.sessions) == n


@pytest.mark.parametrize("end", [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r",
                                 b"\r\n.\r", b"\r\r\n.\r\r\n"])
def test_only_one_end_of_data(alice, end):
    """What looks like an end to others is text, both here and to the
    provider (CVE-2023-51764 to 51766)."""
    smuggled = (b"MAIL FROM:<%s>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\n"
                b"From: x\r\n\r\nsmuggled" % ALICE.encode())
    for to in (BOB, CLEAR):
        alice.smtp.accepted.clear()
        alice.smtp.sessions.clear()
        raw = letters.bare(to=(to,)) + b"first" + end + smuggled
        with client.Smtp(alice.submission, ALICE, "x") as c:
            assert c.envelope(ALICE, [to]).code == 354
            c.send(raw + b"\r\n.\r\n")
            assert c.reply().code == 250
            assert c.cmd("NOOP").code == 250
        assert len(alice.smtp.accepted) == 1
        got = alice.smtp.accepted[0].data
        if to == BOB:
            got = keys.Decrypted(alice.home, letters.cipher(got)).data
        else:
            assert not re.search(rb"(?<!\r)\n|\r(?!\n)", got)
        assert b"smuggled" in got
        assert alice.smtp.heard("RCPT TO:<VICTIM") == 0


@pytest.mark.parametrize("what, change", [
    ("no colon", lambda r: r.replace(b"Subject:", b"Subject", 1)),
    ("a blank before the colon", lambda r: r.replace(b"Date:", b"Date :", 1)),
    ("a NUL", lambda r: r.replace(b"Dear", b"De\0r", 1)),
    ("8 bits in a name", lambda r: r.replace(b"Date:", b"D\xe4te:", 1)),
    ("two From", lambda r: b"From: <%s>\r\n" % ALICE.encode() + r),
    ("no From", lambda r: re.sub(rb"^From: .*\r\n", b"", r, 1)),
    ("two in From", lambda r: r.replace(b"From: ", b"From: <%s>, "
                                        % ALICE.encode(), 1)),
    ("two Date", lambda r: b"Date: %s\r\n" % letters.DATE.encode() + r),
    ("two Subject", lambda r: b"Subject: x\r\n" + r),
], ids=lambda x: x.replace(" ", "-") if isinstance(x, str) else "")
def test_bad_headers(alice, what, change):
    for to in (BOB, CLEAR):
        r = alice.send([to], change(letters.text(to=(to,))))
        assert r.code in (550, 554), (what, to, r)
        assert client.words(r)
    assert alice.smtp.accepted == []
    assert not letters.canaries(alice.smtp.wire())


def test_too_large(alice):
    r = alice.send([BOB], letters.long_text((1 << 20) + 5000))
    assert r.code in (552, 554), r
    assert alice.smtp.accepted == []


def test_a_header_block_without_end(alice):
    raw = letters.head() + b"X-Long: " + b"x" * 70 + b"\r\n" + (
        b" " + b"y" * 70 + b"\r\n") * 100 + b"X-Many: 1\r\n" * 25000
    r = alice.send([BOB], raw)
    assert r.code in (550, 552, 554), r
    assert alice.smtp.accepted == []


def test_a_line_without_end(alice):
    raw = letters.head() + b"\r\n" + b"q" * 900000 + letters.BODY.encode()
    assert alice.send([BOB], raw).code == 250
    got = keys.Decrypted(alice.home,
                         letters.cipher(alice.smtp.accepted[0].data))
    assert letters.body(got.data).rstrip() == letters.body(raw)


# ---- providers

@pytest.mark.parametrize("stage, text", [
    ("ehlo", "250-x\r\n250 AUTH FOO\tBAR PLAIN"), ("ehlo", "250 " + "x" * 70000),
    ("ehlo", "250-x\r\n" * 5000 + "250 AUTH PLAIN LOGIN"), ("ehlo", "banana"),
    ("banner", "220-" + "x" * 1000000), ("banner", "\0\0\0"),
    ("mail", "250 ok\r\n250 ok\r\n250 ok\r\n250 ok"), ("dot", "99999 x"),
    ("dot", "25"), ("auth", "235"), ("rcpt", "\xff\xfe")],
    ids=lambda x: repr(x[:30]))
def test_hostile_smtp_providers(alice, stage, text):
    alice.smtp.hooks[stage] = say(text)
    n = len(alice.smtp.accepted)
    try:
        r = alice.send([BOB], letters.text())
    except (client.Closed, AssertionError):
        r = None
    alice.smtp.hooks.clear()
    assert not letters.canaries(alice.smtp.wire())
    if stage == "dot":
        assert r is not None and not r.ok
    if r is not None and r.ok:
        assert len(alice.smtp.accepted) > n


@pytest.mark.parametrize("stage, text", [
    ("list", "+OK\r\n0 5\r\n."), ("list", "+OK\r\n4000000000 5\r\n."),
    ("list", "+OK\r\n" + "1 5\r\n" * 100000 + "."), ("list", "+OK\r\nx\r\n."),
    ("uidl", "+OK\r\n1 " + "u" * 100000 + "\r\n."), ("uidl", "+OK\r\n1\r\n."),
    ("stat", "+OK"), ("stat", "+OK -1 -1"), ("stat", "+OK 99999999999 1"),
    ("banner", "+OK" + "x" * 1000000), ("retr", "+OK\r\n."),
    ("capa", "+OK\r\n" + "X\r\n" * 100000 + "."), ("auth", "+" * 5000)],
    ids=lambda x: repr(x[:30]))
def test_hostile_pop3_providers(alice, stage, text):
    alice.inbox.hooks[stage] = say(text)
    try:
        with client.Pop3(alice.pop3, timeout=20) as c:
            c.try_login(ALICE, "x")
            c.cmd("STAT")
            for q in ("LIST", "UIDL"):
                c.ask(q)
            c.ask("RETR 1")
            c.abort()
    except client.Closed:
        pass


# ---- configurations

GOOD = {"smtp": "127.0.0.1:2525 plaintext", "pop3": "127.0.0.1:1110 plaintext"}
AGENT = {"submission": "127.0.0.1:0", "pop3": "127.0.0.1:0"}


@pytest.mark.parametrize("agent, account, line, wanted", [
    (dict(AGENT, frobnicate="yes"), GOOD, 4, "frobnicate"),
    (dict(AGENT, submission="127.0.0.1:99999"), GOOD, 2, "submission"),
    (dict(AGENT, submission="127.0.0.1:smtp"), GOOD, 2, "submission"),
    (dict(AGENT, submission="0.0.0.0:2587"), GOOD, 2, "submission"),
    ({"max-sessions": "many"}, GOOD, 2, "max-sessions"),
    (AGENT, dict(GOOD, smtp="127.0.0.1:0 plaintext"), 6, "smtp"),
    (AGENT, dict(GOOD, smtp="smtp.example.org:25 plaintext"), 6, "smtp"),
    (AGENT, dict(GOOD, smtp="smtp.example.org:465"), 6, "smtp"),
    (AGENT, dict(GOOD, smtp="smtp.example.org:465 ssl"), 6, "smtp"),
    (AGENT, dict(GOOD, encrypt="sometimes"), 8, "encrypt"),
    (AGENT, dict(GOOD, key="short"), 8, "key"),
    (AGENT, dict(GOOD, Smpt="127.0.0.1:1 tls"), 8, "Smpt"),
])
def test_bad_configurations(make, agent, account, line, wanted):
    """One line that names file, line, key, and what would be right."""
    d = make.folder()
    path = os.path.join(d, "letterlock.conf")
    with open(path, "w") as f:
        f.write(conf_text({ALICE: account}, agent))
    with open(path) as f:
        assert wanted in f.read().split("\n")[line - 1]
    p = subprocess.run([built("letterlockd"), "-c", path], timeout=20,
                       capture_output=True, text=True, env={
                           "PATH": "/usr/bin:/bin", "HOME": d,
                           "XDG_STATE_HOME": d, "XDG_RUNTIME_DIR": d})
    assert p.returncode == 78, p.stderr     # EX_CONFIG
    m = [x for x in p.stderr.splitlines()
         if re.search(r"letterlock\.conf:%d: " % line, x)]
    assert len(m) == 1 and wanted in m[0], p.stderr
    assert len(m[0].split(wanted, 1)[1]) > 10, "it says what would be right"


def test_no_configuration(make):
    d = make.folder()
    p = subprocess.run([built("letterlockd")], timeout=20, text=True,
                       capture_output=True,
                       env={"PATH": "/usr/bin:/bin", "HOME": d})
    assert p.returncode in (66, 78), p.stderr
    assert ".config/letterlock/letterlock.conf" in p.stderr


def test_bad_arguments():
    p = subprocess.run([built("letterlockd"), "--frobnicate"], timeout=20,
                       capture_output=True, text=True)
    assert p.returncode == 64       # EX_USAGE
    for opt in ("--help", "--version"):
        p = subprocess.run([built("letterlockd"), opt], timeout=20,
                           capture_output=True, text=True)
        assert p.returncode == 0 and "letterlock" in p.stdout.lower()


def test_a_port_that_is_taken(make):
    home = make.home(["alice"])
    with socket.create_server(("127.0.0.1", 0)) as s:
        a = make.agent(home, {ALICE: GOOD}, {
            "submission": "127.0.0.1:%d" % s.getsockname()[1]}, start=False)
        p = subprocess.run(a.command(), env=a.env, timeout=20,
                           capture_output=True, text=True)
        assert p.returncode not in (0, -11)
        assert str(s.getsockname()[1]) in p.stderr
