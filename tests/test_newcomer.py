# SPDX-License-Identifier: GPL-3.0-or-later
"""A person with a mailbox and nothing else: one command, and letters go sealed."""
import os
import re
import ssl
import subprocess
import time

import pytest

from conftest import Mail
from kit import certs, client, folder, keys, letters
from kit.newcomer import Newcomer
from people import ALICE, BOB, USERS, lies
from test_wkd import octets
from test_wkd_real import settled

pytestmark = pytest.mark.own_network

SECONDS = 20
SERVER = """<%sServer type="%s"><hostname>%s.example.org</hostname>
<port>%d</port><socketType>SSL</socketType><username>%%EMAILADDRESS%%</username>
<authentication>password-cleartext</authentication></%sServer>"""
AUTOCONFIG = ("""<?xml version="1.0"?><clientConfig version="1.1">
<emailProvider id="example.org"><domain>example.org</domain>%s%s</emailProvider>
</clientConfig>""" % (
    SERVER % ("incoming", "pop3", "pop", 995, "incoming"),
    SERVER % ("outgoing", "smtp", "smtp", 465, "outgoing"))).encode()


class Person(Newcomer):
    """With a mailbox, a home folder and nothing in it, nor in the environment."""

    def __init__(self, d, address):
        self.d, self.address = os.path.join(d, "home"), address
        os.mkdir(self.d, 0o700)
        self.gnupg = os.path.join(self.d, ".gnupg")
        self.conf = os.path.join(self.d, ".config/letterlock/letterlock.conf")
        self.state = os.path.join(self.d, ".local/state")
        self.env = {"PATH": "/usr/bin:/bin", "HOME": self.d, "LANG": "C.UTF-8"}
        self.nowhere = ()       # all are asked

    def setup(self, *args, **kw):
        return super().setup("--no-passphrase", *args, address=self.address,
                             password=USERS[self.address], **kw)

    def end(self):
        self.run("undo", "--yes", self.address)
        subprocess.run(["gpgconf", "--kill", "all"], env=self.env, check=True)
        assert not self.agent()

    # ---- the mail program

    def _at(self, what):
        """What setup said to type in."""
        port, tls = re.search(r"^%s = 127.0.0.1:(\d+)( tls)?$" % what,
                              self.text(), re.M).groups()
        return {"port": int(port), "user": self.address,
                "password": USERS[self.address],
                "tls": tls and ssl.create_default_context(cafile=os.path.join(
                    self.state, "letterlock", "authority.pem"))}

    def sends(self, to, **kw):
        """The reply, once a key was looked for."""
        return settled(lambda: client.send(
            **self._at("submission"), to=[to], data=letters.text(
                to=[to], sender=self.address, **kw)))

    def fetches(self):
        """The last letter, and its verdict."""
        got = client.fetch(**self._at("pop3"))[-1]
        return got, letters.verdict(got)


@pytest.fixture(scope="module")
def post(pki):
    """Where everybody has a mailbox, at the ports that all know."""
    pair = certs.server(os.path.dirname(pki.ca), "post",
                        ("smtp.example.org", "pop.example.org"))
    with folder("llm") as d:
        os.chmod(d, 0o755)      # for Postfix's and Dovecot's users
        with Mail(d, None, pair, ((2587, 465, 2525), (2110, 995))) as m:
            yield m


@pytest.fixture
def provider(post, world):
    """The same with empty mailboxes, by its names, and its autoconfig."""
    for u in USERS:
        post.dovecot.clear(u)
    for name in ("autoconfig", "smtp", "pop"):
        world.host(name + ".example.org")
    world.web.pages["autoconfig.example.org",
                    "/mail/config-v1.1.xml"] = AUTOCONFIG
    return post


@pytest.fixture
def people(make):
    """people(address): a newcomer."""
    known = []

    def get(address):
        known.append(Person(make.folder(), address))
        return known[-1]
    yield get
    for p in known:
        p.end()


def test_setup_to_the_first_sealed_letter(people, provider, world, make):
    """One command. What it sends itself is sealed, and so is the next letter, to
    somebody whose key nobody had to look for."""
    world.serves("example.org", bob=octets("bob"))
    alice = people(ALICE)
    begin = time.monotonic()
    p = alice.setup("--name", "Alice Liddell", start=True)
    took = time.monotonic() - begin
    assert took < SECONDS, "it took %.1f s\n%s" % (took, p.stdout)
    assert "smtp.example.org:465 tls (your provider's word)" in p.stdout
    lay, = lies(provider, ALICE)
    assert b"BEGIN PGP MESSAGE" in lay and b"Welcome" not in lay
    assert alice.sends(BOB).code == 250
    lay, = lies(provider, BOB)
    assert not letters.canaries(lay)
    box = letters.cipher(lay)
    assert letters.canaries(keys.Decrypted(make.home(["bob"]), box).data)
    assert set(keys.ids("bob")) < set(keys.sealed_to(box))
    assert world.asked() == ["alice", "bob"]


def test_two_newcomers(people, provider):
    """On one computer, with no key of each other: the first letter goes readable,
    by the code, and all that follow are sealed."""
    alice, bob = people(ALICE), people(BOB)
    alice.setup(start=True)
    bob.setup(start=True)
    for u in USERS:
        provider.dovecot.clear(u)
    said = alice.sends(BOB)
    assert said.code == 550 and "no key was found" in said.text
    code = re.search(r"\[clear \d{4}\]", said.text)[0]
    assert alice.sends(BOB, subject=code + " Hello").code == 250
    lies(provider, BOB)
    got, verdict = bob.fetches()
    assert letters.canaries(got) and verdict["encryption"] == "none"
    # a key that comes with a letter counts from the next one on
    for a, b, signature in ((bob, alice, "unknown-key"), (alice, bob, "good"),
                            (bob, alice, "good")):
        assert a.sends(b.address).code == 250
        lay, = lies(provider, b.address)
        assert not letters.canaries(lay)
        got, verdict = b.fetches()
        assert letters.canaries(got)
        assert (verdict["encryption"], verdict["signature"]) == ("ok", signature)


def test_again(people, provider):
    """Setup changes nothing where all is well, and says so."""
    alice = people(ALICE)
    alice.setup(start=True)
    was, pid, own = alice.text(), alice.agent(), alice.keys()
    p = alice.setup(start=True)
    assert "stays as it is" in p.stdout and "runs already" in p.stdout
    assert (alice.text(), alice.agent(), alice.keys()) == (was, pid, own)


def found(person, *args):
    """Where setup logged in at last."""
    p = person.setup(*args)
    return re.findall(r"^  (\S+) \w+ \((.*)\) \.\.\. logged in$", p.stdout, re.M)


def test_without_autoconfig(people, provider, world):
    """By what DNS says, in its order; and by the usual names."""
    alice = people(ALICE)
    world.web.pages.clear()
    world.names.srv.update({
        "_submissions._tcp.example.org": [
            (20, 0, 465, "second.example.org"), (10, 0, 465, "smtp.example.org")],
        "_pop3s._tcp.example.org": [(0, 1, 995, "pop.example.org")]})
    assert found(alice) == [("smtp.example.org:465", "DNS"),
                            ("pop.example.org:995", "DNS")]
    os.unlink(alice.conf)
    world.names.srv.clear()
    assert [x[0] for x in found(alice)] == ["smtp.example.org:465",
                                            "pop.example.org:995"]


def test_a_key_on_another_computer(people, provider, world):
    """Those who write to her have it: no second one is made."""
    world.serves("example.org", alice=octets("alice"))
    alice = people(ALICE)
    p = alice.setup(ok=65)
    assert keys.FPR["alice"] in p.stderr
    assert not alice.keys() and not os.path.exists(alice.conf)
