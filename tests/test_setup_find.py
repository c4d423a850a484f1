# SPDX-License-Identifier: GPL-3.0-or-later
"""How letterlock setup finds the servers: what it asks whom, whom it believes."""
import base64
import contextlib
import os
import re
import time

import pytest

from kit import certs, keys, write
from kit.agent import assert_sane, built
from kit.alone import alone
from kit.dirmngr import REFUSED, Dirmngr
from kit.newcomer import LOCAL, Newcomer
from kit.provider import Provider
from people import ALICE, BOB
from test_setup import ISP
from test_wkd import octets

HOSTS = ["autoconfig.example.org", "example.org", "other.example.net"]
FIRST = "autoconfig.example.org/mail/config-v1.1.xml?emailaddress=alice%40example.org"
SECOND = "example.org/.well-known/autoconfig/mail/config-v1.1.xml"
MOZILLA = "autoconfig.thunderbird.net/v1.1/example.org"
SERVERS = ("user = alice\nsmtp = smtp.example.org:587 starttls\n"
           "pop3 = pop.example.org:995 tls\n")


@pytest.fixture
def owner(make):
    return Newcomer(make, secret=["alice"])


@pytest.fixture
def newcomer(make):
    return Newcomer(make)


@pytest.fixture(scope="module")
def web(make_once):
    """An authority, and a certificate of its for all our hosts."""
    d = make_once.folder()
    certs.authority(d)
    names = HOSTS + ["autoconfig.thunderbird.net",
                     "autoconfig.xn--bcher-kva.example.net"]
    return {"ca": os.path.join(d, "ca.pem"),
            "cert": certs.server(d, "web", names, ()),
            "self": certs.server(d, "self", names, (), self_signed=True)}


class Looked:
    def __init__(self, p, owner, log):
        self.code, self.out, self.err = p.returncode, p.stdout, p.stderr
        self.section = None
        if os.path.exists(owner.conf):
            self.section = owner.text().split("]\n")[-1]
            os.unlink(owner.conf)
        self.asked = []
        if os.path.exists(log):
            with open(log, encoding="utf-8") as f:
                self.asked = f.read().split()
            os.unlink(log)


@pytest.fixture
def look(owner, web):
    """look(option ..., pages={url: text or [status, fields, text]}): setup in a
    network where these can be asked."""
    def run(*args, pages=(), address=ALICE, cert="cert", ca=True, **spec):
        log = os.path.join(owner.d, "asked")
        spec = dict({"hosts": HOSTS, "cert": web[cert], "log": log}, **spec)
        spec["pages"] = {u: [200, {}, x] if isinstance(x, str) else x
                         for u, x in dict(pages).items()}
        p = alone(spec, [built("letterlock"), "setup", "--yes", "--no-start",
                         "--no-login", "--no-wkd", "--no-guess", "--isp-dir",
                         owner.d, *LOCAL, *(("--ca-file", web["ca"]) if ca else ()), *args,
                         address], env=owner.env)
        if not p:
            pytest.skip("no name space of its own")
        assert_sane(p.stderr)
        return Looked(p, owner, log)
    return run


def servers(looked):
    assert looked.code == 0, (looked.out, looked.err)
    return re.sub(r"^ca-file = .*\n", "", looked.section, flags=re.M)


def test_thunderbirds_list(owner):
    """What Thunderbird knows of the provider, with its kind of login."""
    write(os.path.join(owner.d, "example.org.xml"), ISP)
    args = ["--isp-dir", owner.d, "--no-dns", "--no-guess", "--no-login", *LOCAL]
    owner.setup(*args)
    assert owner.text().split("[%s]\n" % ALICE)[1] == SERVERS
    os.unlink(owner.conf)
    owner.setup("--no-isp", *args, ok=69)
    write(os.path.join(owner.d, "example.org.xml"), ISP[:-1])
    assert "is not understood" in owner.setup(*args, ok=69).stdout


def test_dns(look):
    """SRV records: what they say of hosts of the domain is believed, others are
    for the user to judge."""
    def srv(host):
        return look("--no-autoconfig", srv={"_submissions": [host, 465],
                                            "_pop3s": [host, 995]})
    p = srv("mx.example.com")
    assert p.code == 69 and "DNS alone says so" in p.out and not p.section
    assert not p.asked
    assert servers(srv("mx.example.org")) == (
        "smtp = mx.example.org:465 tls\npop3 = mx.example.org:995 tls\n")


def test_a_provider_of_many_domains(look):
    """Who has the domain's mail is known by its MX; its own word comes first."""
    p = look("--no-autoconfig", mx="aspmx.l.google.com")
    assert "example.org has its mail with Gmail, DNS says" in p.out
    assert "myaccount.google.com" in p.out
    assert servers(p) == ("smtp = smtp.gmail.com:465 tls\n"
                          "pop3 = pop.gmail.com:995 tls\n")
    assert servers(look(pages={FIRST: ISP}, mx="aspmx.l.google.com")) == SERVERS
    office = "example-org.mail.protection.outlook.com"
    p = look(mx=office)
    assert p.code == 69 and "--token-command" in p.err
    srv = {"_submissions": ["mx.example.org", 465],
           "_pop3s": ["mx.example.org", 995]}
    assert "smtp = mx.example.org:465" in servers(look(mx=office, srv=srv))
    p = look("--token-command", "oama", mx=office)
    assert "smtp = smtp.office365.com:587 starttls\n" in servers(p)
    p = look(mx="mx.example.org")
    assert p.code == 69 and "has its mail" not in p.out


# ---- autoconfig

def test_autoconfig(look):
    """The domain's own word, over DNS's; the address goes to the one host that is
    there for it."""
    srv = {"_submissions": ["mx.example.org", 465],
           "_pop3s": ["mx.example.org", 995]}
    p = look(pages={FIRST: ISP}, srv=srv)
    assert servers(p) == SERVERS
    assert sorted(p.asked) == [FIRST, SECOND]
    assert "your provider's word" in p.out
    p = look(pages={SECOND: ISP}, hosts=HOSTS[1:], srv=srv)
    assert servers(p) == SERVERS and p.asked == [SECOND]
    # a site with a page for everything
    p = look(pages={FIRST: "<!DOCTYPE html><p>Welcome", SECOND: ISP}, srv=srv)
    assert servers(p) == SERVERS
    assert "autoconfig.example.org: it names no server" in p.out
    # and nothing at all: DNS is next
    p = look(srv=srv)
    assert servers(p).startswith("smtp = mx.example.org:465 tls\n")
    assert "autoconfig.example.org: it answers 404" in p.out
    p = look("--no-autoconfig", pages={FIRST: ISP})
    assert p.code == 69 and not p.asked


def test_autoconfig_on_another_domain(look):
    """Over verified HTTPS the domain may name whom it wants."""
    p = look(pages={FIRST: ISP.replace("%EMAILDOMAIN%", "example.com")})
    assert "smtp = smtp.example.com:587 starttls\n" in servers(p)


def test_autoconfig_untrusted(look):
    """Who can't show that it is the domain is not listened to, and not told the
    address."""
    for how in ({"cert": "self"}, {"ca": False}, {"cert": "cert", "hosts": [
            "autoconfig.example.com"], "address": "alice@example.com"}):
        p = look(pages={FIRST: ISP, SECOND: ISP}, **how)
        assert p.code == 69 and not p.section and not p.asked
        assert "certificate" in p.out


def test_autoconfig_redirected(look, owner):
    def via(*urls):
        urls = [FIRST] + list(urls)
        pages = {u.split("//")[-1]: [302, {"Location": to}, "moved"]
                 for u, to in zip(urls, urls[1:])}
        return look(pages={**pages, urls[-1].split("//")[-1]: ISP})
    other = "https://other.example.net/x"
    p = via(other)
    assert servers(p) == SERVERS and "other.example.net/x" in p.asked
    assert servers(via(other, other + "x", other + "xx")) == SERVERS
    p = via(other, other + "x", other + "xx", other + "xxx")
    assert p.code == 69 and "other.example.net/xxxx" not in p.asked
    p = via("http://other.example.net/x")
    assert p.code == 69 and "other.example.net/x" not in p.asked
    write(os.path.join(owner.d, "x"), ISP)
    assert via("file://%s/x" % owner.d).code == 69


def test_autoconfig_too_large(look):
    room = 65536 - len(ISP) - len("<!---->")
    p = look(pages={FIRST: ISP + "<!--" + "x" * room + "-->"})
    assert servers(p) == SERVERS
    p = look(pages={FIRST: ISP + "<!--" + "x" * (room + 1) + "-->"})
    assert p.code == 69 and "too large" in p.out


def test_autoconfig_slow(look):
    """It is not waited for, but for some seconds."""
    began = time.monotonic()
    p = look(pages={FIRST: [200, {"Content-Length": "9000"}, ISP]})
    assert p.code == 69 and time.monotonic() - began < 30
    assert "autoconfig.example.org: Operation timed out" in p.out


@pytest.mark.parametrize("text", [
    '<!DOCTYPE a [<!ENTITY b "smtp.example.org">]>' + ISP,
    ISP.replace("%EMAILLOCALPART%", "alice\nkey"), ""])
def test_autoconfig_hostile(look, text):
    p = look(pages={FIRST: text})
    assert p.code == 69 and not p.section


def test_no_network(look):
    p = look(hosts=[])
    assert p.code == 69 and "or there is no network" in p.out
    assert "--smtp" in p.err


def test_mozillas_list(look):
    """Only where that is wanted: it would learn who asks for which domain."""
    hosts = ["autoconfig.thunderbird.net"]
    p = look(pages={MOZILLA: ISP}, hosts=hosts)
    assert p.code == 69 and not p.asked
    p = look("--ispdb", pages={MOZILLA: ISP}, hosts=hosts)
    assert servers(p) == SERVERS and p.asked == [MOZILLA]
    p = look("--ispdb", pages={FIRST: ISP, MOZILLA: ISP}, hosts=HOSTS + hosts)
    assert MOZILLA not in p.asked


def test_internationalized(look):
    """A domain of other letters is asked by its ASCII name."""
    host = "autoconfig.xn--bcher-kva.example.net"
    p = look("--new-key", "--no-passphrase", hosts=[host], pages={
        host + "/mail/config-v1.1.xml?emailaddress="
        "al%C3%AFce%40b%C3%BCcher.example.net": ISP},
        address="alïce@bücher.example.net")
    assert "smtp = smtp.xn--bcher-kva.example.net:587 starttls\n" in servers(p)


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
            "Autocrypt: addr=%s; keydata=\n %s\nSubject: x\n\nHello\n%s\n"
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
    sent("alice", 1).split("Subject")[0], ""],
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
