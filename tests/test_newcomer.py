# SPDX-License-Identifier: GPL-3.0-or-later
"""A person with a mailbox and nothing else: one command, and letters go sealed."""
import os
import re
import subprocess
import time

import pytest

from conftest import Mail
from kit import certs, client, folder, keys, letters
from kit.newcomer import Newcomer
from people import ALICE, BOB, USERS, lies
from test_wkd import octets

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
    """With a home folder and nothing in it, nor in the environment."""

    def __init__(self, d):
        self.d = os.path.join(d, "home")
        os.mkdir(self.d, 0o700)
        self.gnupg = os.path.join(self.d, ".gnupg")
        self.conf = os.path.join(self.d, ".config/letterlock/letterlock.conf")
        self.state = os.path.join(self.d, ".local/state")
        self.env = {"PATH": "/usr/bin:/bin", "HOME": self.d, "LANG": "C.UTF-8"}
        self.nowhere = ()       # it is asked for all

    def ports(self):
        return [int(re.search(r"^%s = 127.0.0.1:(\d+)$" % x, self.text(), re.M)
                    [1]) for x in ("submission", "pop3")]

    def end(self):
        subprocess.run(["gpgconf", "--kill", "all"], env=self.env, check=True)


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
def person(make):
    p = Person(make.folder())
    yield p
    p.run("undo", "--yes", ALICE)
    p.end()
    assert not p.agent()


def sends(person, to):
    port, _ = person.ports()
    raw = letters.text(to=[to])
    assert client.send(port, ALICE, USERS[ALICE], [to], raw).code == 250


def test_setup_to_the_first_sealed_letter(person, provider, world, make):
    """One command. What it sends itself is sealed, and so is the next letter, to
    somebody whose key nobody had to look for."""
    world.serves("example.org", bob=octets("bob"))
    begin = time.monotonic()
    p = person.setup("--no-passphrase", "--name", "Alice Liddell",
                     password=USERS[ALICE], start=True)
    took = time.monotonic() - begin
    assert took < SECONDS, "it took %.1f s\n%s" % (took, p.stdout)
    assert "smtp.example.org:465 tls (your provider's word)" in p.stdout
    lay, = lies(provider, ALICE)
    fpr, = person.keys()
    assert b"BEGIN PGP MESSAGE" in lay and b"Welcome" not in lay
    sends(person, BOB)
    lay, = lies(provider, BOB)
    assert not letters.canaries(lay)
    home = make.home(["bob"])
    box = letters.cipher(lay)
    assert letters.canaries(keys.Decrypted(home, box).data)
    assert set(keys.ids("bob")) < set(keys.sealed_to(box))
    # what she sent to herself is opened by her agent
    sends(person, ALICE)
    lies(provider, ALICE, 2)
    got = client.fetch(person.ports()[1], ALICE, USERS[ALICE])
    verdict = letters.verdict(got[-1])
    assert (verdict["encryption"], verdict["signature"]) == ("ok", "good")
    assert letters.canaries(got[-1]) and verdict["fpr"] == fpr
    assert world.asked() == ["alice", "bob"]


def found(person, provider, *args):
    """Where setup logged in at last."""
    p = person.setup("--no-passphrase", *args, password=USERS[ALICE])
    return re.findall(r"^  (\S+) \w+ \((.*)\) \.\.\. logged in$", p.stdout, re.M)


def test_without_autoconfig(person, provider, world):
    """By what DNS says, in its order; and by the usual names."""
    world.web.pages.clear()
    world.names.srv.update({
        "_submissions._tcp.example.org": [
            (20, 0, 465, "second.example.org"), (10, 0, 465, "smtp.example.org")],
        "_pop3s._tcp.example.org": [(0, 1, 995, "pop.example.org")]})
    assert found(person, provider) == [("smtp.example.org:465", "DNS"),
                                       ("pop.example.org:995", "DNS")]
    os.unlink(person.conf)
    world.names.srv.clear()
    assert [x[0] for x in found(person, provider)] == [
        "smtp.example.org:465", "pop.example.org:995"]


def test_a_key_on_another_computer(person, provider, world):
    """Those who write to her have it: no second one is made."""
    world.serves("example.org", alice=octets("alice"))
    p = person.setup("--no-passphrase", password=USERS[ALICE], ok=65)
    assert keys.FPR["alice"] in p.stderr
    assert not person.keys() and not os.path.exists(person.conf)
