# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock setup: one command from an address to a sealed letter; what goes
wrong is told with what to do; undo takes it back."""
import os
import pty
import re
import signal
import socket
import termios
import xml.etree.ElementTree

import pytest

from kit import client, keys, letters, write
from kit.agent import Agent, built
from kit.newcomer import LOCAL, NOWHERE, PASSWORD, Newcomer
from kit.provider import Provider
from people import ALICE, BOB, USERS, lies


@pytest.fixture
def newcomer(make):
    return Newcomer(make)


@pytest.fixture
def owner(make):
    return Newcomer(make, secret=["alice"])


@pytest.fixture
def servers():
    with Provider("smtp", {ALICE: PASSWORD}) as p, \
            Provider("pop3", {ALICE: PASSWORD}) as q:
        yield ["--smtp", p.conf, "--pop3", q.conf] + list(LOCAL)


def test_to_the_first_sealed_letter(newcomer, mail, make):
    """One command, and a letterlockd that begins with what it wrote."""
    account = mail.account()
    p = newcomer.setup("--smtp", account["smtp"], "--pop3", account["pop3"],
                       "--ca-file", mail.ca, "--no-passphrase",
                       "--name", "Alice Liddell", *LOCAL,
                       password=USERS[ALICE])
    assert os.stat(newcomer.conf).st_mode & 0o777 == 0o600
    fpr, = newcomer.keys()
    assert fpr in p.stdout
    revocation = re.search(r"(/\S+\.rev)", p.stdout)[1]
    assert fpr in revocation and os.path.getsize(revocation)
    out = keys.run(newcomer.gnupg, "--list-keys", "--with-colons", fpr)[1]
    assert b":ed25519:" in out and b":cv25519:" in out
    assert b"Alice Liddell <alice@example.org>" in out
    ends = int(re.search(rb"^pub:(?:[^:]*:){4}(\d+):(\d+)", out, re.M)[2])
    made = int(re.search(rb"^pub:(?:[^:]*:){4}(\d+):(\d+)", out, re.M)[1])
    assert 729 <= (ends - made) / 86400 <= 732
    a = Agent(make.folder(), newcomer.gnupg, {}, conf=newcomer.text())
    with a:
        raw = letters.text(to=[ALICE])
        assert client.send(a.submission, ALICE, USERS[ALICE], [ALICE],
                           raw).code == 250
        lay, = lies(mail, ALICE)
        assert not letters.canaries(lay) and b"BEGIN PGP MESSAGE" in lay
        got, = client.fetch(a.pop3, ALICE, USERS[ALICE])
        verdict = letters.verdict(got)
        assert (verdict["encryption"], verdict["signature"]) == ("ok", "good")
        assert letters.canaries(got)


def test_again_changes_nothing(owner, servers):
    """What is right stays, to the octet; a key is never made a second time."""
    owner.setup(*servers)
    was, at = owner.text(), os.stat(owner.conf)
    assert owner.keys() == [keys.FPR["alice"]]
    p = owner.setup()       # the servers are known now
    assert "stays as it is" in p.stdout
    assert owner.text() == was
    assert os.stat(owner.conf).st_ino == at.st_ino
    assert owner.keys() == [keys.FPR["alice"]]


def test_what_others_wrote_stays(owner, servers):
    os.makedirs(os.path.dirname(owner.conf))
    other = ("# mine\n[agent]\nsubmission = 127.0.0.1:2587\n"
             "gnupghome = %s\n\n[%s] # Bob\nsmtp = mail.example.org:465 tls\n"
             "  # the end" % (owner.gnupg, BOB))
    write(owner.conf, other, 0o600)
    owner.setup(*servers[:4])
    assert owner.text().startswith(other + "\n\n[%s]\nsmtp = " % ALICE)
    # a server that moved is repaired, and what else stands there stays
    write(owner.conf, owner.text() + "encrypt = always\n", 0o600)
    with Provider("smtp", {ALICE: PASSWORD}) as p:
        owner.setup("--smtp", p.conf)
        assert owner.text().startswith(other + "\n\n[%s]\nsmtp = %s\npop3 = "
                                       % (ALICE, p.conf))
    assert owner.text().endswith("encrypt = always\n")
    p = owner.run("undo", "--yes", ALICE)
    assert p.returncode == 0, p.stderr
    assert owner.text().rstrip("\n") == other
    assert servers[3] in p.stdout       # what to put back
    assert owner.keys() == [keys.FPR["alice"]]
    again = owner.run("undo", "--yes", ALICE)
    assert again.returncode == 0 and "has no account" in again.stdout


def test_wrong_password(owner, servers):
    p = owner.setup(*servers, password="another one", ok=77)
    assert "does not take this password" in p.stderr
    assert not os.path.exists(owner.conf)


def test_unreachable(owner):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))        # and nobody listens
        server = "127.0.0.1:%d plaintext" % s.getsockname()[1]
        p = owner.setup("--smtp", server, ok=69)
    assert "refused" in p.stderr and not os.path.exists(owner.conf)


def test_strange_authority(owner, mail):
    """No password goes to a server that can't show who it is."""
    p = owner.setup("--smtp", mail.account()["smtp"], "--sending-only", ok=69)
    assert "certificate" in p.stderr
    assert not os.path.exists(owner.conf)


def test_nothing_known(owner):
    p = owner.setup("--offline", ok=69)
    assert "--smtp" in p.stderr


ISP = """<clientConfig version="1.1"><emailProvider id="example.org">
<incomingServer type="pop3"><hostname>pop.example.org</hostname><port>995</port>
<socketType>SSL</socketType><username>%EMAILLOCALPART%</username></incomingServer>
<outgoingServer type="smtp"><hostname>smtp.%EMAILDOMAIN%</hostname>
<port>587</port><socketType>STARTTLS</socketType>
<username>%EMAILLOCALPART%</username></outgoingServer>
</emailProvider></clientConfig>"""


def test_tell_thunderbird(owner, servers):
    """It finds the agent by its own list; undo takes that out.  What others put
    there stays."""
    isp = os.path.join(owner.d, "isp")
    os.mkdir(isp)
    path = os.path.join(isp, "example.org.xml")
    args = [*servers[:4], "--thunderbird", "--isp-dir", isp, "--listen-smtp",
            "127.0.0.1:1587 tls", "--listen-pop3", "127.0.0.1:1110 starttls"]
    owner.setup(*args)
    top = xml.etree.ElementTree.parse(path).getroot()
    assert [(x.get("type"), x.find("hostname").text, x.find("port").text,
             x.find("socketType").text) for x in top[0] if x.get("type")] == [
        ("pop3", "127.0.0.1", "1110", "STARTTLS"),
        ("smtp", "127.0.0.1", "1587", "SSL")]
    # it does not take itself for the provider
    owner.setup("--no-login", "--no-dns", "--isp-dir", isp, "--no-guess",
                address="frank@example.org", ok=69)
    p = owner.run("undo", "--yes", "--isp-dir", isp, ALICE)
    assert p.returncode == 0 and not os.path.exists(path)
    write(path, ISP)
    assert "type in" in owner.setup(*args).stdout
    owner.run("undo", "--yes", "--isp-dir", isp, ALICE)
    with open(path) as f:
        assert f.read() == ISP
    # a folder that is not to be written to
    args[args.index("--isp-dir") + 1] = "/proc"
    assert "sudo install -m 644 %s/letterlock/example.org.xml /proc/" % (
        owner.state) in owner.setup(*args).stdout


def test_sending_only(owner, servers):
    owner.setup("--sending-only", *servers[:2], *LOCAL)
    assert "\nsmtp = " in owner.text()
    assert "pop3" not in owner.text().split("[%s]" % ALICE)[1]


def test_new_key(owner, servers):
    """Only --new-key makes a second one, and it is the one that is used then."""
    owner.setup(*servers, "--new-key", "--no-passphrase")
    new, = set(owner.keys()) - {keys.FPR["alice"]}
    assert "\nkey = %s\n" % new in owner.text()


def test_gnupghome_is_made(newcomer, servers):
    """gpg makes only its usual home."""
    home = newcomer.gnupg = os.path.join(newcomer.d, "g")
    newcomer.env["GNUPGHOME"] = home
    try:
        newcomer.setup(*servers, "--no-passphrase")
        assert len(newcomer.keys()) == 1 and os.stat(home).st_mode & 0o77 == 0
        assert "\ngnupghome = %s\n" % home in newcomer.text()
    finally:
        keys.kill(home)


def test_passphrase_by_pinentry(newcomer, servers):
    keys.pinentry(newcomer.gnupg, "answer", "open sesame, 17")
    newcomer.setup(*servers)
    assert keys.prompts(newcomer.gnupg) and len(newcomer.keys()) == 1


def test_key_in_thunderbird(newcomer, servers):
    profile = os.path.join(newcomer.d, ".thunderbird", "p")
    os.makedirs(profile)
    write(os.path.join(profile, "..", "profiles.ini"),
          "[Profile0]\nIsRelative=1\nPath=p\n")
    write(os.path.join(profile, "prefs.js"),
          'user_pref("mail.identity.id1.openpgp_key_id", "0123456789ABCDEF");\n'
          'user_pref("mail.identity.id1.useremail", "%s");\n' % ALICE)
    p = newcomer.setup(*servers, ok=65)
    assert "Backup Secret Key" in p.stderr
    assert not newcomer.keys() and not os.path.exists(newcomer.conf)
    newcomer.setup(*servers, "--new-key", "--no-passphrase")
    assert len(newcomer.keys()) == 1


def test_certificate(owner, servers):
    """Ports that anybody could take are spoken with by TLS."""
    owner.setup(*servers[:4], "--listen-smtp", "127.0.0.1:1587 tls",
                "--listen-pop3", "127.0.0.1:1110 tls")
    pem = os.path.join(owner.state, "letterlock", "certificate.pem")
    assert os.stat(pem).st_mode & 0o777 == 0o600


def test_answers(owner, servers):
    """Without --yes it asks, and a no leaves all as it was."""
    owner.setup(*servers)
    was = owner.text()
    assert owner.run("undo", ALICE, data="n\n").returncode == 64
    assert owner.text() == was
    assert owner.run("undo", ALICE, data="y\n").returncode == 0
    assert ALICE not in owner.text()


class Terminal:
    """Setup at a terminal of its own."""

    def __init__(self, who, *args):
        self.said = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:       # whatever the tests were started by
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execve(built("letterlock"),
                      ["letterlock", "setup", "--no-start", "--no-backup",
                       *NOWHERE, *args, ALICE], who.env)

    def until(self, words):
        while words not in self.said:
            try:
                self.said += os.read(self.fd, 4096)
            except OSError:     # nobody has it open any more
                break
        return words in self.said

    def type(self, text):
        os.write(self.fd, text)

    def echoes(self):
        return bool(termios.tcgetattr(self.fd)[3] & termios.ECHO)

    def end(self):
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return status


def test_terminal(owner, servers):
    """The password is asked for, and not shown."""
    t = Terminal(owner, *servers)
    assert t.until(b"Password for alice@example.org") and not t.echoes()
    t.type(PASSWORD.encode() + b"\n")
    t.until(b"never said")
    assert t.end() == 0, t.said
    assert PASSWORD.encode() not in t.said and os.path.exists(owner.conf)


def test_terminal_left(owner, servers):
    """After Ctrl-C what is typed is seen again."""
    t = Terminal(owner, *servers)
    assert t.until(b"Password for") and not t.echoes()
    t.type(b"the wal\x03")
    status = os.waitpid(t.pid, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGINT
    assert t.echoes() and not os.path.exists(owner.conf)
    os.close(t.fd)


@pytest.mark.parametrize("address, words", [
    ("alice@tuta.com", "no mail program"),
    ("alice@outlook.com", "OAuth"),
    ("alice@icloud.com", "--sending-only")])
def test_provider_that_does_not_work(owner, address, words):
    """Said first: before the password is asked for."""
    p = owner.run("setup", address)
    assert p.returncode in (64, 69) and words in p.stderr


@pytest.mark.parametrize("args", [
    [], ["alice"], [ALICE, BOB], ["--password-fd", "x", ALICE],
    ["--yes", ALICE], ["--smtp", "nonsense", "--yes", "--no-login", ALICE]])
def test_usage(owner, args):
    p = owner.run("setup", *args)
    assert p.returncode in (64, 78) and p.stderr
    assert not os.path.exists(owner.conf)
