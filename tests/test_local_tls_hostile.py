# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS with the mail program: commands before it, and what is no TLS, is old or
stalls."""
import ssl
import time

import pytest

from kit import client, local_tls, wait_for
from kit.local_tls import KEYS, WAYS, careless, pop3, rest, smtp
from people import ALICE, BOB

kept, alice = local_tls.kept, local_tls.alice


# ---- before TLS

def test_what_wants_tls_first(alice):
    with client.Smtp(alice.submissions[1]) as c:
        for line in ("AUTH PLAIN " + client.plain(ALICE, "x"),
                     "MAIL FROM:<%s>" % ALICE, "RCPT TO:<%s>" % BOB, "DATA",
                     "VRFY x"):
            r = c.cmd(line)
            assert str(r).startswith(
                "<530 5.7.0 Must issue a STARTTLS command first"), line
        assert c.cmd("NOOP").code == c.cmd("RSET").code == 250
        assert "STARTTLS" in c.hello().text and "AUTH" not in c.ehlo.text
        assert c.auth(ALICE, "x").code == 530
    with client.Pop3(alice.pop3s[1]) as c:
        for line in ("USER " + ALICE, "PASS x", "AUTH PLAIN", "STAT"):
            assert c.cmd(line).startswith("-ERR This port wants TLS"), line
        assert c.ask("CAPA")[1].count(b"STLS") == 1
        assert c.quit().startswith("+OK")
    assert not alice.smtp.heard("AUTH") and not alice.inbox.heard("AUTH")


def test_what_was_said_before_is_forgotten(alice):
    with client.Smtp(alice.submission) as c:
        c.hello()
        assert c.cmd("STARTTLS").code == 220
        c.begin_tls(alice.trust)
        assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 503
        assert c.auth(ALICE, "x").code == 503
        assert "STARTTLS" not in c.hello().text
        assert c.cmd("STARTTLS").code == 503
        c.login(ALICE, "x")
    with client.Pop3(alice.pop3) as c:
        assert c.cmd("USER " + ALICE).startswith("+OK")
        assert c.cmd("STLS").startswith("+OK")
        c.begin_tls(alice.trust)
        assert c.cmd("PASS x") == "-ERR USER comes first"
        assert c.cmd("STLS") == "-ERR TLS is on"
        c.login(ALICE, "x")


def test_not_after_the_login(alice):
    with client.Smtp(alice.submission, ALICE, "x") as c:
        assert c.cmd("STARTTLS").code == 503
        assert c.cmd("STARTTLS x").code == 501
        assert "STARTTLS" not in c.hello().text
    with client.Pop3(alice.pop3, ALICE, "x") as c:
        assert c.cmd("STLS") == "-ERR You are logged in"


@pytest.mark.parametrize("behind", ["NOOP\r\n", "\n", "\0", "NOOP",
                                    "EHLO x\r\nAUTH PLAIN x\r\n"])
def test_injected_behind_starttls(alice, behind):
    """CVE-2011-0411: it is not taken for something said in TLS."""
    with client.Smtp(alice.submission) as c:
        c.hello()
        assert c.cmd("STARTTLS\r\n" + behind).code == 421
        assert c.closed(5)
    with client.Pop3(alice.pop3) as c:
        assert c.cmd("STLS\r\n" + behind).startswith("-ERR More than")
        assert c.closed(5)


def test_injected_before_the_handshake(alice):
    """The same once STARTTLS was answered."""
    for c, word in ((client.Smtp(alice.submission), "STARTTLS"),
                    (client.Pop3(alice.pop3), "STLS")):
        with c:
            c.cmd("EHLO x") if word == "STARTTLS" else None
            c.cmd(word)
            c.send("NOOP\r\nQUIT\r\n")
            assert b"250" not in rest(c) and b"OK" not in rest(c)


# ---- what is no good

@pytest.mark.parametrize("high", ["TLSv1", "TLSv1_1"])
@pytest.mark.parametrize("way", ["offered", "tls"])
def test_old_versions(alice, way, high):
    ctx = careless(low=ssl.TLSVersion.TLSv1, high=ssl.TLSVersion[high])
    ctx.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="(?i)protocol.version|unsupported"):
        smtp(alice, way, ctx)


@pytest.mark.parametrize("alpn", [["h2", "http/1.1"], ["http/1.1"]])
def test_a_browsers_handshake(alice, alpn):
    ctx = careless()
    ctx.set_alpn_protocols(alpn)
    with pytest.raises(ssl.SSLError, match="(?i)alert.no.application"):
        smtp(alice, "tls", ctx)
    ctx.set_alpn_protocols(["smtp"])
    smtp(alice, "tls", ctx).close()


@pytest.mark.parametrize("way", WAYS)
def test_a_browsers_request(alice, way):
    for c in (smtp(alice, way), pop3(alice, way)):
        with c:
            c.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\nNOOP\r\n")
            assert rest(c) == b""


def test_tls_where_none_begins(alice):
    for port in (alice.submissions[0], alice.submissions[1], alice.pop3):
        with client.Line(port) as c:
            c.line()
            with pytest.raises((ssl.SSLError, OSError)):
                c.begin_tls(careless())


@pytest.mark.parametrize("said", [b"EHLO x\r\n", b"GET / HTTP/1.1\r\n\r\n",
                                  b"\0" * 400000, b"\x16\x03\x01\xff\xff" +
                                  b"x" * 70000])
def test_no_tls_where_it_begins(alice, said):
    """A clean end, and no word but an alert."""
    for port in (alice.submissions[2], alice.pop3s[2]):
        with client.Line(port) as c:
            c.send(said)
            time.sleep(0.2)     # all of it is there when it is refused
            got = rest(c)
            assert got == b"" or (got[0] == 0x15 and len(got) == 7)


def hello(ctx=None):
    """The first octets of a client's handshake."""
    out = ssl.MemoryBIO()
    o = (ctx or careless()).wrap_bio(ssl.MemoryBIO(), out,
                                     server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        o.do_handshake()
    return out.read()


def test_a_handshake_that_stalls(make):
    a = make.agent(None, {}, dict(KEYS, **{"client-timeout": 3}))
    start = time.monotonic()
    cs = [client.Line(a.submissions[2]), client.Line(a.pop3s[2]),
          client.Line(a.submissions[2]), client.Smtp(a.submissions[0])]
    cs[2].send(hello()[:100])
    cs[3].hello()
    assert cs[3].cmd("STARTTLS").code == 220
    for c in cs:
        assert rest(c) == b""
    assert 2.5 < time.monotonic() - start < 9
    # and none of them is waited for once more
    wait_for(lambda: len(a.role("front")) <= 1, 2)
    for c in cs:
        c.close()


def test_death_in_the_handshake(alice):
    """At any place, by an end or a reset; the next session is as ever (see
    the fixture)."""
    first = hello()
    for n in list(range(0, len(first), 61)) + [len(first)]:
        for hard in (True, False):
            with client.Line(alice.submissions[2]) as c:
                c.send(first[:n])
                if n == len(first):
                    c.more()
                c.abort() if hard else c.close()
    wait_for(lambda: len(alice.role("front")) <= 1, 10)


def test_octet_by_octet(alice):
    ctx, inc, out = alice.trust, ssl.MemoryBIO(), ssl.MemoryBIO()
    o = ctx.wrap_bio(inc, out, server_hostname="localhost")
    with client.Line(alice.submissions[2]) as c:
        def step(f):
            while True:
                try:
                    r = f()
                except ssl.SSLWantReadError:
                    r = None
                for x in out.read():
                    c.send(bytes([x]))
                if r is not None:
                    return r
                inc.write(c.sock.recv(100))

        step(lambda: o.do_handshake() or True)
        assert step(lambda: o.read(100)).startswith(b"220 ")
        o.write(b"EHLO x\r\nNOOP\r\nQUIT\r\n")
        got = b""
        while b"221" not in got:
            got += step(lambda: o.read(1000))
