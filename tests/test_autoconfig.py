# SPDX-License-Identifier: GPL-3.0-or-later
"""How letterlock setup finds the servers: what it asks whom, and whom it believes."""
import os
import re
import subprocess

import pytest

from kit import certs, netns, write
from kit.agent import assert_sane, built
from kit.names import Names
from kit.newcomer import LOCAL, Newcomer
from kit.web import Web
from people import ALICE
from test_setup import ISP

pytestmark = pytest.mark.own_network
HOSTS = ["autoconfig.example.org", "example.org", "other.example.net"]
FIRST = "autoconfig.example.org/mail/config-v1.1.xml?emailaddress=alice@example.org"
SECOND = "example.org/.well-known/autoconfig/mail/config-v1.1.xml"
MOZILLA = "autoconfig.thunderbird.net/v1.1/example.org"
SERVERS = ("user = alice\nsmtp = smtp.example.org:587 starttls\n"
           "pop3 = pop.example.org:995 tls\n")


@pytest.fixture
def owner(make):
    return Newcomer(make, secret=["alice"])


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
    """What came of it; asked: whom it asked for what, as URLs."""

    def __init__(self, p, owner, asked):
        self.code, self.out, self.err = p.returncode, p.stdout, p.stderr
        self.section = None
        if os.path.exists(owner.conf):
            self.section = owner.text().split("]\n")[-1]
            os.unlink(owner.conf)
        self.asked = [host + path + (query and "?" + query)
                      for host, path, query in asked]


@pytest.fixture
def look(owner, web):
    """look(option ..., pages={url: text or as kit.web has it}): setup in a network
    where these can be asked, each also without TLS."""
    def run(*args, pages=(), address=ALICE, cert="cert", ca=True, hosts=HOSTS,
            srv=(), mx=None):
        pages = {(u.partition("/")[0], "/" + u.partition("/")[2].split("?")[0]):
                 x.encode() if isinstance(x, str) else x
                 for u, x in dict(pages).items()}
        with Names() as n, Web(web[cert]) as w, Web(web[cert], port=80,
                                                    tls=False) as plain:
            n.at = {h: "127.0.0.1" for h in hosts}
            n.srv = {"%s._tcp.example.org" % s: [(0, 1, port, host)]
                     for s, (host, port) in dict(srv).items()}
            n.mx = {"example.org": [(10, mx)]} if mx else {}
            w.pages = plain.pages = pages
            p = subprocess.run(
                [built("letterlock"), "setup", "--yes", "--no-start",
                 "--no-login", "--no-wkd", "--no-guess", "--isp-dir", owner.d,
                 *LOCAL, *(("--ca-file", web["ca"]) if ca else ()), *args,
                 address], env=owner.env, text=True, capture_output=True,
                timeout=60)
            asked = w.asked + plain.asked
        assert_sane(p.stderr)
        return Looked(p, owner, asked)
    return run


def servers(looked):
    assert looked.code == 0, (looked.out, looked.err)
    return re.sub(r"^ca-file = .*\n", "", looked.section, flags=re.M)


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
        pages = {u.split("//")[-1]: (302, {"Location": to}, b"moved")
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
    def page(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"
                            + ISP.encode())
        handler.server.web.end.wait(50)
    p = look(pages={FIRST: page})
    assert p.code == 69
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
        "alïce@bücher.example.net": ISP},
        address="alïce@bücher.example.net")
    assert "smtp = smtp.xn--bcher-kva.example.net:587 starttls\n" in servers(p)


def test_authorities(look, web, tmp_path):
    """The system's, and ca-file's besides them."""
    netns.trust(web["ca"])
    try:
        assert servers(look(pages={FIRST: ISP}, ca=False)) == SERVERS
        certs.authority(str(tmp_path))
        p = look("--ca-file", str(tmp_path / "ca.pem"), pages={FIRST: ISP},
                 ca=False)
        assert servers(p) == SERVERS
    finally:
        netns.trust(os.devnull)


@pytest.mark.parametrize("pages", [
    {FIRST: (302, {"Location": "x\xc2\x9b2J\x1b[2J://example.org/"}, b"")},
    {FIRST: lambda h: h.wfile.write(b"HTTP/1.1\xc2\x9b2J \x1b[2J x\r\n\r\n")
     and None},
    {FIRST: ISP.replace("%EMAILLOCALPART%", "al\x9b2Jice")},
    {FIRST: ISP.replace("%EMAILLOCALPART%", "al\u202eice")},
])
def test_no_word_of_theirs_reaches_the_terminal(look, pages):
    """Nothing that a terminal would obey, or by which it would show something
    else."""
    p = look(pages=pages, srv={"_submissions": ["mx.example.org", 465],
                               "_pop3s": ["mx.example.org", 995]})
    assert p.code == 0 and "user = al" not in p.section
    assert not re.search("[^\n -~]", p.out + p.err)
