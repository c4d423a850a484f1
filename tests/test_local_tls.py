# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS between the mail program and the agent: STARTTLS, STLS, and listeners
that begin with it."""
import base64
import os
import poplib
import smtplib
import socket
import ssl
import subprocess

import pytest

from kit import client, folder, letters, local_tls, wait_for, write
from kit.agent import Watch, built
from kit.local_tls import WAYS, anyone, blocks, command, pop3, smtp, trust
from kit.provider import Gate
from kit.thunderbird import Thunderbird
from people import ALICE, BOB

kept, alice = local_tls.kept, local_tls.alice


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
