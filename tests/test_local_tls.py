# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS between the mail program and the agent: the certificate of this
installation, STARTTLS, STLS, and listeners that begin with it."""
import base64
import glob
import hashlib
import os
import poplib
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import time

import pytest

from kit import (certs, client, folder, free_ports, letters, wait_for,
                 write)
from kit.agent import Watch, built
from kit.provider import Gate, Provider
from kit.thunderbird import Thunderbird
from people import ALICE, BOB

WAYS = {"offered": 0, "starttls": 1, "tls": 2}      # the n-th listener
LISTEN = "127.0.0.1:0, 127.0.0.1:0 starttls, 127.0.0.1:0 tls"
KEYS = {"submission": LISTEN, "pop3": LISTEN}


def command(a, *args):
    """letterlock certificate, for the installation of this agent."""
    return subprocess.run([built("letterlock"), "certificate"] + list(args),
                          env=a.env, capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)


def certificate(a):
    return os.path.join(a.dirs["state"], "letterlock", "certificate.pem")


def blocks(a):
    """The DER of what is in its file: the server's, the authority's, the
    key."""
    with open(certificate(a)) as f:
        return [base64.b64decode(x) for x in re.findall(
            r"-----BEGIN [A-Z ]+-----\n(.*?)-----END", f.read(), re.S)]


def trust(a, **kw):
    """A client that trusts what is exported, and nothing else."""
    return anyone(cadata=wait_for(lambda: command(a, "export").stdout), **kw)


def anyone(low=None, high=None, **kw):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.verify_flags |= ssl.VERIFY_X509_STRICT
    ctx.load_verify_locations(**kw) if kw else None
    if low:
        ctx.minimum_version = low
    if high:
        ctx.maximum_version = high
    return ctx


def careless(**kw):
    ctx = anyone(**kw)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    return ctx


@pytest.fixture(scope="module")
def kept(make_once):
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(make_once.home(["alice"], trusted=["bob"]),
                            {ALICE: {"smtp": p.conf, "pop3": q.conf,
                                     "encrypt": "when-possible"}},
                            dict(KEYS, **{"client-timeout": 10}))
        a.smtp, a.inbox = p, q
        a.trust = trust(a)
        yield a


@pytest.fixture
def alice(kept):
    """The agent; afterwards it serves a letter each way by TLS."""
    kept.smtp.accepted.clear()
    kept.smtp.sessions.clear()
    kept.inbox.sessions.clear()
    kept.inbox.mailbox[:] = [("u1", letters.bare())]
    yield kept
    n = len(kept.smtp.accepted)
    with smtp(kept, "tls") as c:
        c.login(ALICE, "x")
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
    assert len(kept.smtp.accepted) == n + 1


def smtp(a, way, ctx=None, **kw):
    """A session that speaks TLS and has said EHLO."""
    ctx = ctx or a.trust
    c = client.Smtp(a.submissions[WAYS[way]],
                    tls=ctx if way == "tls" else None, **kw)
    c.hello()
    if way != "tls":
        assert c.cmd("STARTTLS").code == 220
        c.begin_tls(ctx)
        c.hello()
    return c


def pop3(a, way, ctx=None, **kw):
    ctx = ctx or a.trust
    c = client.Pop3(a.pop3s[WAYS[way]], tls=ctx if way == "tls" else None,
                    **kw)
    if way != "tls":
        assert c.cmd("STLS").startswith("+OK")
        c.begin_tls(ctx)
    return c


# ---- the certificate

def test_it_is_made_at_the_start(alice):
    wait_for(lambda: "a certificate was made" in alice.text())
    st = os.stat(certificate(alice))
    assert st.st_mode & 0o7777 == 0o600 and st.st_uid == os.geteuid()
    shown = command(alice)
    assert shown.returncode == 0
    server, ca, _ = blocks(alice)
    for der in (server, ca):
        print_ = hashlib.sha256(der).hexdigest().upper()
        assert ":".join(re.findall("..", print_)) in shown.stdout
    assert certificate(alice) in shown.stdout
    assert "For:         localhost, 127.0.0.1, ::1\n" in shown.stdout
    assert "Trust this CA to identify websites" in shown.stdout
    assert command(alice, "export").stdout == ssl.DER_cert_to_PEM_cert(ca)


def test_one_key_and_nowhere_else(alice):
    """The authority's key was thrown away; the server's is in one file."""
    found = []
    for name, path in list(alice.kept_files()) + list(alice.open_files()):
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as f:
            found += [name] * len(re.findall(rb"BEGIN \w* ?PRIVATE KEY",
                                             f.read(8 << 20)))
    assert found == [certificate(alice)]
    mine = subprocess.run(["openssl", "pkey", "-in", certificate(alice),
                           "-pubout", "-outform", "DER"], check=True,
                          capture_output=True).stdout
    server, ca, _ = blocks(alice)
    assert mine in server and mine not in ca


def memory_holds(pid, words):
    try:
        with open("/proc/%d/maps" % pid) as f:
            spans = [x.split() for x in f]
        mem = open("/proc/%d/mem" % pid, "rb")
    except (FileNotFoundError, ProcessLookupError):
        return False        # it has ended meanwhile
    with mem:
        for s in spans:
            if s[1].startswith("rw"):
                start, end = (int(x, 16) for x in s[0].split("-"))
                mem.seek(start)
                try:
                    data = mem.read(end - start)
                except OSError:     # none can be read here
                    continue
                if any(w in data for w in words):
                    return True
    return False


def test_the_key_is_wiped_where_it_is_not_used(alice):
    """In the guard that made it, in the other parts, and in a front once its
    session stays in clear; not in one that speaks TLS, so that this test sees
    what it looks for."""
    key = blocks(alice)[2]
    with open(certificate(alice), "rb") as f:
        lines = f.read().split(b"PRIVATE KEY-----\n")[1].split(b"\n")
    scalar = key[36:68]
    assert b"\x04\x20" + scalar in key
    words = [scalar, scalar[::-1], lines[0], lines[1]]
    # what the test before had is over
    wait_for(lambda: len(alice.role("front")) <= 1)
    with client.Smtp(alice.submission, ALICE, "x") as c:
        assert c.cmd("NOOP").code == 250
        try:
            found = [p for p in alice.own() if memory_holds(p.pid, words)]
        except PermissionError:
            pytest.skip("this user may not read the memory of processes")
        assert not found
    with smtp(alice, "tls") as c:
        assert c.cmd("NOOP").code == 250
        found = [p for p in alice.own() if memory_holds(p.pid, words)]
        assert [p.name for p in found] == ["front"]


def test_commands(make, tmp_path):
    a = make.agent(None, {}, start=False)
    p = command(a)
    assert p.returncode == 66 and "certificate make" in p.stderr
    assert command(a, "export").returncode == 66
    p = command(a, "make", "-c", a.conf, "--name", "Mail.example.org")
    assert p.returncode == 0 and "A new certificate was made" in p.stdout
    assert "::1, mail.example.org\n" in p.stdout
    first = blocks(a)
    p = command(a, "make", "-c", a.conf)
    assert p.returncode == 0 and "There is one" in p.stdout
    assert blocks(a) == first
    assert "::1, mail.example.org\n" in command(a, "renew").stdout
    assert not set(blocks(a)) & set(first)
    assert "::1, 10.0.0.7\n" in command(a, "renew", "-n", "10.0.0.7").stdout
    out = str(tmp_path / "ca.pem")
    assert command(a, "export", out).returncode == 0
    with open(out) as f:
        assert f.read() == command(a, "export").stdout
    assert command(a, "export", "/nonexistent/x").returncode == 73
    for args in (["frob"], ["show", "x"], ["make", "x"], ["--frob"],
                 ["renew", "-n", "a,DNS:b"], ["export", "-n", "a"]):
        p = command(a, *args)
        assert p.returncode == 64 and p.stderr, args
    assert "Usage" in command(a, "--help").stdout
    assert command(a, "renew", "-c", "/nonexistent").returncode == 78
    os.chmod(certificate(a), 0o644)
    p = command(a)
    assert p.returncode == 65 and "renew" in p.stderr
    assert command(a, "renew").returncode == 0
    write(certificate(a), "no certificate")
    assert command(a).returncode == 65
    assert command(a, "export").returncode == 65
    assert os.listdir(os.path.dirname(certificate(a))) == ["certificate.pem"]


def test_thunderbirds_that_have_it(make):
    a = make.agent(None, {}, start=False)
    p = os.path.join(a.dirs["home"], ".thunderbird", "x.default")
    os.makedirs(p)
    command(a, "make", "-c", a.conf)
    db = os.path.join(p, "cert9.db")
    write(db, b"x" * 5000)
    assert "%s does not have it" % p in command(a).stdout
    write(db, b"x" * 5000 + blocks(a)[1] + b"x")
    assert "%s has it" % p in command(a).stdout


# ---- real clients

@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("way", WAYS)
def test_smtplib(alice, way, host):
    port = alice.submissions[WAYS[way]]
    if way == "tls":
        c = smtplib.SMTP_SSL(host, port, context=alice.trust, timeout=30)
    else:
        c = smtplib.SMTP(host, port, timeout=30)
        c.ehlo()
        assert c.has_extn("starttls")
        assert c.has_extn("auth") == (way == "offered")
        c.starttls(context=alice.trust)
    with c:
        c.ehlo()
        assert not c.has_extn("starttls") and c.has_extn("auth")
        assert c.sock.version() == "TLSv1.3"
        c.login(ALICE, "x")
        assert c.sendmail(ALICE, [BOB], letters.text()) == {}
    assert len(alice.smtp.accepted) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("way", WAYS)
def test_poplib(alice, way, host):
    port = alice.pop3s[WAYS[way]]
    if way == "tls":
        c = poplib.POP3_SSL(host, port, context=alice.trust, timeout=30)
    else:
        c = poplib.POP3(host, port, timeout=30)
        assert "STLS" in c.capa()
        assert ("USER" in c.capa()) == (way == "offered")
        c.stls(context=alice.trust)
    assert "STLS" not in c.capa() and "USER" in c.capa()
    c.user(ALICE)
    c.pass_("x")
    assert letters.BODY.encode() in b"\n".join(c.retr(1)[1])
    c.quit()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("kind", ["smtp", "pop3"])
def test_s_client(alice, kind, way, version, tmp_path):
    ca = write(str(tmp_path / "ca.pem"), command(alice, "export").stdout)
    ports = alice.submissions if kind == "smtp" else alice.pop3s
    p = subprocess.run(
        ["openssl", "s_client", "-connect", "127.0.0.1:%d" % ports[WAYS[way]],
         "-CAfile", ca, "-verify_ip", "127.0.0.1", "-verify_return_error",
         "-x509_strict", "-crlf", "-quiet", version] +
        ([] if way == "tls" else ["-starttls", kind]),
        input="NOOP\nQUIT\n", capture_output=True, text=True, timeout=30)
    assert p.returncode == 0, p.stderr
    assert "verify error" not in p.stderr
    assert ("250 2.0.0 Fine" if kind == "smtp" else "Goodbye") in p.stdout


@pytest.mark.parametrize("way", WAYS)
def test_pipelining_in_tls(alice, way):
    with smtp(alice, way) as c:
        c.login(ALICE, "x")
        c.send("MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (ALICE, BOB))
        assert [c.reply().code for _ in range(3)] == [250, 250, 354]
        c.send(client.stuffed(letters.text()) + b"NOOP\r\nQUIT\r\n")
        assert [c.reply().code for _ in range(3)] == [250, 250, 221]
        assert c.sock.recv(1) == b""        # with a goodbye, or an error
    assert len(alice.smtp.accepted) == 1


@pytest.mark.parametrize("way", ["offered", "tls"])
def test_whom_it_is_not_for(alice, way):
    """A name that is not in it, and a client that does not trust it."""
    other = trust(alice)
    for ctx, host in ((anyone(), None), (other, "mail.example.org")):
        c = client.Smtp(alice.submission) if way == "offered" else \
            client.Line(alice.submissions[2])
        if way == "offered":
            c.hello()
            assert c.cmd("STARTTLS").code == 220
        if host:
            c.host = host
        with c, pytest.raises(ssl.SSLCertVerificationError):
            c.begin_tls(ctx)
    wait_for(lambda: "does not trust our certificate" in alice.text())


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


def rest(c):
    """All that comes until the end, which is no reset."""
    c.sock.settimeout(8)
    out = c.buf
    while True:
        data = c.sock.recv(1 << 16)
        if not data:
            return out
        out += data


def test_no_certificate_no_tls(make):
    """None is offered; once one is made, sessions that begin then offer it."""
    a = make.agent(None, {ALICE: {"smtp": "127.0.0.1:9 plaintext"}})
    assert not glob.glob(certificate(a))
    with client.Smtp(a.submission) as c, client.Pop3(a.pop3) as d:
        assert "STARTTLS" not in c.hello().text
        r = c.cmd("STARTTLS")
        assert r.code == 454 and "certificate make" in r.text
        assert c.cmd("NOOP").code == 250
        assert b"STLS" not in d.ask("CAPA")[1]
        assert d.cmd("STLS").startswith("-ERR [SYS/PERM] Letterlock: there")
        assert command(a, "make", "-c", a.conf).returncode == 0
        assert "STARTTLS" not in c.hello().text
    a.trust = trust(a)
    smtp(a, "offered").close()
    pop3(a, "offered").close()


def test_renewed_while_it_runs(make):
    a = make.agent(None, {}, dict(KEYS))
    a.trust = trust(a)
    for _ in range(2):
        with smtp(a, "tls") as c, client.Line(a.submissions[1]) as half:
            half.line()
            old = c.sock.getpeercert(True)
            assert command(a, "renew").returncode == 0
            assert c.cmd("NOOP").code == 250        # it goes on
            with pytest.raises(ssl.SSLCertVerificationError):
                smtp(a, "tls", a.trust)
            a.trust = trust(a)
            with smtp(a, "tls") as d, pop3(a, "offered") as e:
                assert d.sock.getpeercert(True) != old
                assert d.sock.getpeercert(True) == e.sock.getpeercert(True)


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


def made_by_hand(d, days):
    """A text as ours, which ends in so many days."""
    certs.authority(d)
    key, pem = (os.path.join(d, "x" + e) for e in (".key", ".pem"))
    ext = write(os.path.join(d, "x.ext"), "subjectAltName=DNS:localhost\n")
    certs._key(key)
    certs._openssl("req", "-new", "-key", key, "-subj", "/CN=x", "-out",
                   os.path.join(d, "x.csr"))
    certs._openssl("x509", "-req", "-in", os.path.join(d, "x.csr"), "-days",
                   str(days), "-extfile", ext, "-CA", os.path.join(d, "ca.pem"),
                   "-CAkey", os.path.join(d, "ca.key"), "-CAcreateserial",
                   "-out", pem)
    return "".join(open(f).read() for f in (
        pem, os.path.join(d, "ca.pem"), key))


@pytest.mark.parametrize("bad, words", [
    ("ended", "the certificate ended on 20"), ("damaged", "cannot be read"),
    ("others", "others can read or change it")])
def test_a_certificate_that_is_no_good(make, tmp_path, bad, words):
    a = make.agent(None, {}, dict(KEYS), start=False)
    os.makedirs(os.path.dirname(certificate(a)), 0o700)
    text = made_by_hand(str(tmp_path), -1)
    write(certificate(a), "x" if bad == "damaged" else text,
          0o644 if bad == "others" else 0o600)
    with a:
        wait_for(lambda: words in a.text())
        with client.Line(a.submissions[2]) as c:
            assert rest(c) == b""
        with client.Smtp(a.submission) as c:
            c.hello()
            r = c.cmd("STARTTLS")
            assert r.code == 454
            assert (words if bad != "others" else
                    "letterlock certificate says why") in r.text
            assert c.cmd("NOOP").code == 250
        assert command(a).returncode == 65
        # and it is mended while it runs
        assert command(a, "renew").returncode == 0
        a.trust = trust(a)
        smtp(a, "tls").close()


def test_it_is_told_before_it_ends(make, tmp_path):
    a = make.agent(None, {}, dict(KEYS), start=False)
    os.makedirs(os.path.dirname(certificate(a)), 0o700)
    write(certificate(a), made_by_hand(str(tmp_path), 20))
    with a:
        wait_for(lambda: "the certificate ends in " in a.text())
        assert "It ends soon" in command(a).stdout
        assert command(a, "renew").returncode == 0
        assert "It ends soon" not in command(a).stdout


def test_wanted_later(make):
    """A listener that SIGHUP brings has a certificate, too."""
    a, port = make.agent(None, {}), free_ports(1)[0]
    with open(a.conf) as f:
        text = re.sub("(?m)^submission = .*", r"\g<0>, 127.0.0.1:%d tls"
                      % port, f.read())
    write(a.conf, text)
    a.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "a certificate was made" in a.text())
    wait_for(lambda: port in a.submissions)
    with client.Smtp(port, tls=trust(a)) as c:
        assert c.hello().ok


# ---- Thunderbird

TRUST = """
let db = Cc['@mozilla.org/security/x509certdb;1'].getService(
  Ci.nsIX509CertDB);
db.addCertFromBase64(A[0], 'C,,');"""

VERIFY = """
let db = Cc['@mozilla.org/security/x509certdb;1'].getService(
  Ci.nsIX509CertDB);
let c = db.constructX509FromBase64(A[0]);
return await new Promise(done => db.asyncVerifyCertAtTime(
  c, Ci.nsIX509CertDB.verifyUsageTLSServer, 0, A[1], Date.now() / 1000, [],
  {verifyCertFinished(error) { done(error); }}));"""

SERVER = """
let s = (MailServices.outgoingServer || MailServices.smtp).defaultServer;
s = s.QueryInterface ? s.QueryInterface(Ci.nsISmtpServer || s) : s;
[s.hostname, s.port, s.socketType, s.username] = A;
s.authMethod = 3;
s.password = 'x';"""


def test_thunderbird(alice):
    """Not before it trusts the authority; then by both ways and both names,
    and we see that it has it."""
    with folder("llt") as d, Thunderbird(d, ALICE, "Alice") as t:
        own, t.sink = t.sink, alice.smtp
        try:
            def send(way, host="127.0.0.1"):
                t.js(SERVER, host, alice.submissions[WAYS[way]],
                     3 if way == "tls" else 2, ALICE)
                t.send(BOB, letters.SUBJECT, "Hello", encrypt=False,
                       sign=False)

            server, ca = (base64.b64encode(x).decode()
                          for x in blocks(alice)[:2])
            assert t.js(VERIFY, server, "127.0.0.1") == -8179   # by whom?
            t.js(TRUST, ca)
            assert t.js(VERIFY, server, "127.0.0.1") == 0
            assert t.js(VERIFY, server, "localhost") == 0
            assert t.js(VERIFY, server, "127.0.0.2") == -12276  # not for it
            for n, args in enumerate((("tls",), ("starttls",),
                                      ("offered", "localhost"))):
                send(*args)
                assert len(alice.smtp.accepted) == n + 1
        finally:
            t.sink = own
        home = os.path.join(d, "elsewhere")
        os.makedirs(os.path.join(home, ".thunderbird"))
        os.symlink(os.path.join(d, "profile"),
                   os.path.join(home, ".thunderbird", "x"))
        p = subprocess.run([built("letterlock"), "certificate"],
                           env=dict(alice.env, HOME=home), text=True,
                           capture_output=True, timeout=60)
        assert home + "/.thunderbird/x has it" in p.stdout


# ---- big letters

BIG = 25 << 20


def test_big_letters(alice):
    """Sealed and sent, and fetched, by TLS; no part grows."""
    sent = letters.attachment(BIG, to=("dan@example.com",))
    with Watch(alice) as w:
        with smtp(alice, "starttls") as c:
            c.login(ALICE, "x")
            assert c.send_letter(ALICE, ["dan@example.com"],
                                 sent).code == 250
        letters.assert_same(alice.smtp.accepted[0].data, sent)
        alice.inbox.mailbox[:] = [("big", sent)]
        with pop3(alice, "tls") as c:
            c.login(ALICE, "x")
            letters.assert_same(letters.without_verdict(c.retr(1)), sent)
    assert w.peak["front"] < 20 << 10, w.peak
    alice.smtp.accepted.clear()


@pytest.mark.parametrize("how", ["goodbye", "end", "reset"])
def test_a_client_that_did_not_hear_the_answer(alice, how):
    """Its letter comes again and goes to nobody twice, as in clear."""
    raw, gate = letters.text(), Gate()
    alice.smtp.hooks["dot"] = gate
    with smtp(alice, "tls") as c:
        c.login(ALICE, "x")
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(client.stuffed(raw))
        gate.wait()
        if how == "goodbye":
            c.sock.settimeout(0.2)
            with pytest.raises(OSError):
                c.sock.unwrap()     # it is not answered yet
        c.abort() if how == "reset" else c.close()
        gate.open()
        wait_for(lambda: len(alice.smtp.accepted) == 1)
    alice.smtp.hooks.clear()
    wait_for(lambda: len(alice.role("front")) <= 1)
    with smtp(alice, "tls") as c:
        c.login(ALICE, "x")
        assert c.send_letter(ALICE, [BOB], raw).code == 250
    assert len(alice.smtp.accepted) == 1


# ---- other machines

@pytest.fixture
def elsewhere():
    """An address of this machine that is not loopback's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            host = s.getsockname()[0]
        except OSError:
            host = "127.0.0.1"
    if host.startswith("127."):
        pytest.skip("this machine has no address but loopback's")
    return host


def test_remote(make, elsewhere):
    a = make.agent(None, {ALICE: {"smtp": "127.0.0.1:9 plaintext",
                                  "pop3": "127.0.0.1:9 plaintext"}}, {
        "submission": "127.0.0.1:0, %s:0 starttls, %s:0 tls" % (
            elsewhere, elsewhere),
        "pop3": "127.0.0.1:0, %s:0 starttls, %s:0 tls" % (
            elsewhere, elsewhere), "allow-remote": "yes"})
    a.trust = trust(a)
    for way in ("starttls", "tls"):
        with smtp(a, way, host=elsewhere) as c:
            assert ("IP Address", elsewhere) in c.sock.getpeercert()[
                "subjectAltName"]
            assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 530
            # the provider's password is not for other machines to try
            r = c.auth(ALICE, "x")
            assert r.code == 535 and "without a token" in r.text
        with pop3(a, way, host=elsewhere) as c:
            assert "without a token" in c.try_login(ALICE, "x")
    with client.Smtp(a.submissions[1], host=elsewhere) as c:
        assert c.hello() and c.auth(ALICE, "x").code == 530
        assert "STARTTLS" in c.auth(ALICE, "x").text
    a.stop()
    # one that was made for less is told of
    command(a, "renew", "-c", write(a.conf + ".2", "[agent]\n"), "-n", "x.org")
    a.start()
    wait_for(lambda: "is not for %s" % elsewhere in a.text())
