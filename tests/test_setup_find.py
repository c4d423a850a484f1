# SPDX-License-Identifier: GPL-3.0-or-later
"""What letterlock setup finds on this computer and at the provider: the servers in
Thunderbird's list, a key that was used before, and what a command tells."""
import base64
import contextlib
import os

import pytest

from kit import keys, write
from kit.dirmngr import REFUSED, Dirmngr
from kit.newcomer import LOCAL, Newcomer
from kit.provider import Provider
from people import ALICE, BOB
from test_setup import ISP
from test_wkd import octets


@pytest.fixture
def owner(make):
    return Newcomer(make, secret=["alice"])


@pytest.fixture
def newcomer(make):
    return Newcomer(make)


def test_thunderbirds_list(owner):
    """What Thunderbird knows of the provider, with its kind of login."""
    write(os.path.join(owner.d, "example.org.xml"), ISP)
    args = ["--isp-dir", owner.d, "--no-dns", "--no-guess", "--no-login", *LOCAL]
    owner.setup(*args)
    assert owner.text().split("[%s]\n" % ALICE)[1] == (
        "user = alice\nsmtp = smtp.example.org:587 starttls\n"
        "pop3 = pop.example.org:995 tls\n")
    os.unlink(owner.conf)
    owner.setup("--no-isp", *args, ok=69)
    write(os.path.join(owner.d, "example.org.xml"), ISP[:-1])
    assert "is not understood" in owner.setup(*args, ok=69).stdout


# ---- the user's own key

MADE = ("--smtp", "mail.example.org:465 tls", "--pop3", "mail.example.org:995 tls",
        "--no-login", "--no-passphrase", *LOCAL)


@pytest.fixture
def published(make):
    """published(name, secret): somebody whose domain publishes this key."""
    started = []

    def start(gives, secret=(), address=ALICE):
        n = Newcomer(make, secret)
        n.nowhere = ["--no-autoconfig", "--no-dns"]
        n.dirmngr = Dirmngr(n.gnupg)
        n.dirmngr.gives[address] = gives
        started.append(n.dirmngr)
        n.dirmngr.__enter__()
        return n
    yield start
    for d in started:
        d.__exit__()


@pytest.mark.parametrize("name", ["alice", "expired"])
def test_published(published, name):
    """A key that the domain publishes, and whose secret part is elsewhere."""
    address = keys.ADDR[name]
    n = published(octets(name), address=address)
    p = n.setup(*MADE, address=address, ok=65)
    assert keys.FPR[name] in p.stderr and "letterlock restore" in p.stderr
    assert n.dirmngr.asked == [address]
    assert not n.keys() and not os.path.exists(n.conf)
    n.setup(*MADE, "--new-key", address=address)
    assert len(n.keys()) == 1 and n.dirmngr.asked == [address]


@pytest.mark.parametrize("gives, words, address", [
    (None, "no", ALICE), (REFUSED, "that can't be found out", ALICE),
    (b"no key at all", "no", ALICE), ("bob", "no", ALICE),
    ("revoked", "no", "revoked@example.org")])
def test_none_published(published, gives, words, address):
    n = published(octets(gives) if isinstance(gives, str) else gives,
                  address=address)
    p = n.setup(*MADE, address=address)
    assert "publishes a key of yours ... " + words in p.stdout
    assert len(n.keys()) == 1 and n.dirmngr.asked == [address]
    n.setup(*MADE, address=address)     # who has one need not look
    assert n.dirmngr.asked == [address]


def test_not_looked_for(published):
    n = published(octets("alice"))
    n.setup(*MADE, "--no-wkd")
    assert not n.dirmngr.asked
    n = published(octets("alice"))
    os.makedirs(os.path.dirname(n.conf))
    write(n.conf, "[agent]\ndiscover = none\n", 0o600)
    n.setup(*MADE)
    assert not n.dirmngr.asked


def test_published_by_another_name(published):
    """The key is here, but the address was taken off it."""
    n = published(octets("alice"), secret=["alice"])
    fpr = keys.FPR["alice"]
    keys.run(n.gnupg, "--quick-add-uid", fpr, "Al <al@example.net>")
    keys.run(n.gnupg, "--quick-revoke-uid", fpr,
             "Alice Example <alice@example.org>")
    p = n.setup(*MADE, ok=65)
    assert "--key " + fpr in p.stderr
    n.setup(*MADE, "--key", fpr)
    assert n.keys() == [fpr]


def sent(name, day, address=ALICE, sender=None, body=""):
    """A letter as Thunderbird stores it, with this key in its Autocrypt field."""
    key = base64.b64encode(octets(name)).decode()
    return ("From - Mon Nov 02 10:00:00 2026\nX-Mozilla-Status: 0001\n"
            "From: Alice <%s>\nTo: bob@example.org\n"
            "Date: %d Nov 2026 10:00:00 +0000\n"
            "Autocrypt: addr=%s; keydata=\n %s\nSubject: x\n\nHello\n%s\n\n"
            % (sender or address, day, address, "\n ".join(
                key[i:i + 70] for i in range(0, len(key), 70)), body))


@pytest.fixture
def writer(newcomer):
    """Somebody with a Thunderbird: writer(folder, text) puts text there."""
    profile = os.path.join(newcomer.d, ".thunderbird", "p")
    os.makedirs(profile)
    write(os.path.join(profile, "..", "profiles.ini"),
          "[Profile0]\nIsRelative=1\nPath=p\n")
    write(os.path.join(profile, "prefs.js"),
          'user_pref("mail.identity.id1.fullName", "Alice");\n'
          'user_pref("mail.identity.id1.useremail", "%s");\n' % ALICE)

    def put(name, text):
        path = os.path.join(profile, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path, text)
    newcomer.put = put
    return newcomer


@pytest.mark.parametrize("name", [
    "Mail/Local Folders/Sent", "Mail/pop.example.org/Sent-2026",
    "ImapMail/imap.example.org/INBOX.sbd/Gesendete Objekte"])
def test_used_before(writer, name):
    """The newest of the user's own letters that names a key counts."""
    writer.put(name, sent("mallory", 1) + sent("alice", 3)
               + "\n" + sent("mallory", 2))
    p = writer.setup(*MADE, ok=65)
    assert "your letter of 2026-11-03" in p.stderr
    assert keys.FPR["alice"] in p.stderr and not writer.keys()
    writer.setup(*MADE, "--new-key")
    assert len(writer.keys()) == 1


def test_used_long_ago(writer):
    """A folder may be large: its end is read."""
    many = sent("alice", 1) + "x" * (4 << 20)
    writer.put("Mail/Local Folders/Sent", many)
    writer.setup(*MADE)
    assert len(writer.keys()) == 1


def test_used_at_its_end(writer):
    writer.put("Mail/Local Folders/Sent",
               sent("bob", 9, body="x" * (4 << 20))
               + sent("alice", 1))
    writer.setup(*MADE, ok=65)


@pytest.mark.parametrize("text", [
    sent("alice", 1, sender=BOB), sent("bob", 1, BOB, ALICE),
    sent("bob", 1), "\n" + sent("alice", 1)[31:],
    "From x\n\n" + sent("alice", 1).replace("From - ", ">From - "),
    sent("alice", 1)[:600], ""],
    ids=["another", "for another", "no key of hers", "no begin", "quoted", "cut",
         "empty"])
def test_not_used_before(writer, text):
    writer.put("Mail/Local Folders/Sent", text)
    writer.put("Mail/Local Folders/Inbox", sent("alice", 1))
    writer.put("Mail/Local Folders/Sent.msf", sent("alice", 1))
    writer.setup(*MADE)
    assert len(writer.keys()) == 1


# ---- passwords and tokens that a command tells

TOKEN = "ya29.the-walrus-and-the-carpenter"


@pytest.fixture
def providers():
    def start(auth):
        both = [stack.enter_context(Provider(kind, {ALICE: TOKEN}, mechs=auth))
                for kind in ("smtp", "pop3")]
        return both, ["--smtp", both[0].conf, "--pop3", both[1].conf, *LOCAL]
    with contextlib.ExitStack() as stack:
        yield start


def test_token_command(owner, providers):
    """A provider that takes nothing but tokens: tried with one, and configured."""
    both, args = providers("XOAUTH2")
    command = "cat %s #1" % write(os.path.join(owner.d, "a token"), TOKEN + "\n")
    command = command.replace("a token", "a' 'token")
    p = owner.setup(*args, "--token-command", command, password=None)
    assert [x.logins for x in both] == [["XOAUTH2"], ["XOAUTH2"]]
    assert TOKEN not in p.stdout + p.stderr and "letterlock token" in p.stdout
    was = owner.text()
    assert ('\ncredentials = command "%s"\nlogin = oauth\n' % command) in was
    owner.setup(password=None)
    assert owner.text() == was
    write(os.path.join(owner.d, "a token"), "another\n")
    p = owner.setup(*args, "--token-command", command, password=None, ok=77)
    assert "does not take this token" in p.stderr


def test_password_command(owner, providers):
    both, args = providers("PLAIN")
    owner.setup(*args, "--password-command", "echo " + TOKEN, password=None)
    assert [x.logins for x in both] == [["PLAIN"], ["PLAIN"]]
    assert 'command "echo %s"\n' % TOKEN in owner.text()
    assert "login" not in owner.text()


@pytest.mark.parametrize("command, code, words", [
    ("exit 3", 77, "3"), ("true", 77, "printed nothing"),
    ("a\nb", 64, "in quotes"), ("", 64, "in quotes"),
    ('a" #', 64, "configuration")])
def test_a_command_that_fails(owner, providers, command, code, words):
    args = providers("PLAIN")[1]
    p = owner.setup(*args, "--password-command", command, password=None, ok=code)
    assert words in p.stderr and not os.path.exists(owner.conf)


def test_only_tokens(owner):
    """Said before a password is sent where it can't do."""
    text = ISP.replace("</socketType>",
                       "</socketType><authentication>OAuth2</authentication>")
    write(os.path.join(owner.d, "example.org.xml"), text)
    args = ["--isp-dir", owner.d, "--no-dns", "--no-guess", "--no-login", *LOCAL]
    p = owner.setup(*args, ok=69)
    assert "smtp.example.org:587 starttls, takes no passwords" in p.stderr
    assert "--token-command" in p.stderr
    owner.setup(*args, "--token-command", "oama access " + ALICE)
    assert "login = oauth\n" in owner.text()


def test_outlook(owner):
    """Its table says that it takes tokens alone."""
    p = owner.setup("--offline", address="a@outlook.com", ok=69)
    assert "--token-command" in p.stderr
    owner.setup("--offline", "--no-login", "--token-command", "oama access x",
                "--new-key", "--no-passphrase", *LOCAL, address="a@outlook.com")
    assert "\nsmtp = smtp-mail.outlook.com:587 starttls\n" in owner.text()
