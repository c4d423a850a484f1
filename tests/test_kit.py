# SPDX-License-Identifier: GPL-3.0-or-later
"""The kit on its own: what the other tests lean on does what it says."""
import base64
import os
import poplib
import smtplib
import ssl
import subprocess

import pytest

from kit import client, keys, letters, wait_for
from kit.agent import Agent
from kit.fakegpg import FakeGpg
from kit.provider import Provider

ALICE, BOB = "alice@example.org", "bob@example.org"


@pytest.mark.parametrize("form", ["tls", "starttls"])
@pytest.mark.parametrize("kind", ["text", "8bit", "html"])
def test_real_servers(mail, form, kind):
    """Postfix takes a letter and Dovecot gives it back, over both TLS forms."""
    context = ssl.create_default_context(cafile=mail.ca)
    raw = letters.KINDS[kind]()
    p, d = mail.postfix, mail.dovecot
    if form == "tls":
        s = smtplib.SMTP_SSL("localhost", p.submissions, context=context)
    else:
        s = smtplib.SMTP("localhost", p.submission)
        s.starttls(context=context)
    s.login(ALICE, mail.users[ALICE])
    assert s.sendmail(ALICE, [BOB], raw, ["BODY=8BITMIME"]) == {}
    s.quit()
    wait_for(lambda: d.raws(BOB))
    assert letters.canaries(d.raws(BOB)[0])
    if form == "tls":
        c = poplib.POP3_SSL("localhost", d.pop3s, context=context)
    else:
        c = poplib.POP3("localhost", d.pop3)
        c.stls(context)
    c.user(BOB)
    c.pass_(mail.users[BOB])
    got = b"\r\n".join(c.retr(1)[1]) + b"\r\n"
    c.dele(1)
    c.quit()
    assert d.raws(BOB) == []
    assert letters.body(got) == letters.body(raw)
    letters.assert_same(got, raw)


def test_real_servers_need_tls_and_a_password(mail):
    with client.Smtp(mail.postfix.submission) as c:
        assert "STARTTLS" in c.hello().text and "AUTH" not in c.ehlo.text
        assert c.cmd("MAIL FROM:<%s>" % ALICE).code == 530
    with client.Smtp(mail.postfix.plain) as c:
        c.hello()
        assert c.auth(ALICE, "wrong").code == 535
        c.cmd("MAIL FROM:<%s>" % ALICE)
        assert c.cmd("RCPT TO:<%s>" % BOB).code == 554


def test_bounce_and_refusal(mail):
    r = client.send(mail.postfix.plain, ALICE, mail.users[ALICE],
                    ["nobody@example.org"], letters.text())
    assert r.code == 550
    r = client.send(mail.postfix.plain, ALICE, mail.users[ALICE],
                    ["gone@example.org"], letters.text())
    assert r.code == 250
    wait_for(lambda: mail.dovecot.raws(ALICE))
    assert b"Undelivered Mail Returned to Sender" in mail.dovecot.raws(ALICE)[0]


def test_keys(make):
    alice = make.home(["alice"], ["mallory"], ["bob", "carol", "expired"])
    bob = make.home(["bob"], trusted=["alice"])
    validity = {}
    for line in keys.run(alice, "--with-colons", "--list-keys")[1].decode() \
            .splitlines():
        f = line.split(":")
        if f[0] == "uid":
            validity[f[9].split("<")[1].split("@")[0]] = f[1]
    assert validity == {"alice": "u", "bob": "f", "carol": "f",
                        "mallory": "-", "expired": "e"}
    box = keys.encrypt(alice, b"hello", ["bob", "carol"], "alice")
    got = keys.Decrypted(bob, box)
    assert got.ok and got.data == b"hello" and got.signer == keys.FPR["alice"]
    assert got.enc_to == keys.enc_ids("bob") + keys.enc_ids("carol")


def test_pinentry(make):
    home = make.home(["carol"])
    box = keys.encrypt(home, b"hello", ["carol"])
    assert keys.run(home, "--decrypt", data=box, check=False)[0] == 2
    assert keys.prompts(home) == 1
    keys.pinentry(home, "answer", keys.PASSPHRASE["carol"])
    assert keys.run(home, "--decrypt", data=box)[1] == b"hello"
    assert keys.run(home, "--decrypt", data=box)[1] == b"hello"
    assert keys.prompts(home) == 2


@pytest.mark.parametrize("cut", range(14))
def test_provider_reads_a_letter_cut_anywhere(cut):
    raw = b".a\r\n..\r\n\r\n"
    wire = client.stuffed(raw)
    with Provider("smtp", {ALICE: "x"}) as p, \
            client.Smtp(p.port, ALICE, "x") as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(wire[:cut])
        wait_for(lambda: p.sessions[0].heard[-1].endswith(wire[:cut]))
        c.send(wire[cut:])
        assert c.reply().ok
        assert p.accepted[0].data == raw


def test_provider_pop3():
    raws = [f() for f in letters.KINDS.values()] + [b"a: b\r\n\r\n.\r\n", b"\r\n"]
    with Provider("pop3", {BOB: "x"}, mailbox=raws) as p:
        assert client.fetch(p.port, BOB, "x") == raws
        assert p.mailbox == []


@pytest.mark.parametrize("mode, output, status", [
    ("normal", "sealed", True), ("die", "none", False),
    ("die-middle", "some", False), ("die-end", "sealed", False),
    ("cut", "some", True), ("garbage", "some", False), ("echo", "clear", False),
    ("echo-lies", "clear", True), ("reader", "sealed", True),
    ("weak", "sealed", True)])
def test_fake_gpg(make, mode, output, status):
    home = make.home(["alice"], ["mallory"], ["bob"])
    fake = FakeGpg(make.folder(), home, keys.FPR["mallory"])
    a = Agent(make.folder(), home, {}, mounts=fake.mounts)
    fake.mode(mode)
    gpg = ["gpg", "--homedir", home, "--batch", "--no-tty", "--status-fd", "14",
           "--enable-special-filenames", "--trust-model", "always",
           "--compress-algo", "none", "--encrypt", "--sign", "--recipient",
           keys.FPR["bob"], "--output", "-", "--", "-&15"]
    clear = (letters.BODY * 5000).encode()
    with open(os.path.join(home, "in"), "wb") as f:
        f.write(clear)
    p = subprocess.run(
        a.within(["bash", "-c", '"$@" 14>%s/status 15<%s/in' % (home, home),
                  "bash"] + gpg), capture_output=True, timeout=20)
    with open(os.path.join(home, "status")) as f:
        said = f.read()
    assert ("END_ENCRYPTION" in said) == status, (said, p.stderr)
    assert (p.returncode == 0) == (mode in (
        "normal", "garbage", "echo", "echo-lies", "reader", "weak"))
    assert fake.used("seal") == (mode != "normal")
    if output == "sealed":
        bob = make.home(["bob"], ["alice"])
        got = keys.Decrypted(bob, p.stdout)
        assert got.data == clear
        assert (keys.enc_ids("mallory")[0] in got.enc_to) == (mode == "reader")
        assert (got.cipher == 2) == (mode == "weak")
    elif output == "clear":
        assert p.stdout == clear
    else:
        assert (output == "some") == (len(p.stdout) > 1000)
        assert not letters.canaries(p.stdout)


def test_canaries_are_found():
    for n in range(40):
        for c in (letters.SUBJECT, letters.BODY):
            clear = os.urandom(n) + c.encode() + os.urandom(n % 7)
            assert letters.canaries(clear)
            assert letters.canaries(base64.b64encode(clear))
    assert not letters.canaries(base64.b64encode(os.urandom(1 << 20)))
