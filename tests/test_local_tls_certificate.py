# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificate of this installation: made, shown, renewed, and none or a bad
one."""
import glob
import hashlib
import os
import re
import signal
import ssl
import subprocess

import pytest

from kit import certs, client, free_ports, local_tls, wait_for, write
from kit.local_tls import (KEYS, blocks, certificate, command, pop3, rest, smtp,
                           trust)
from people import ALICE

kept, alice = local_tls.kept, local_tls.alice


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
