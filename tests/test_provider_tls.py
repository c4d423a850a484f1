# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider whose certificate, TLS or way to TLS is bad: neither a password
nor an octet of the letter reaches it, and the user hears why."""
import base64
import ssl
import time

import pytest

from kit import certs, client, keys, letters, write
from kit.provider import Provider, say
from people import BOB

HOST, DEEP, IP = "mail.example.test", "a.mail.example.test", "127.0.0.1"
PASSWORD = "a password of 17"

OTHER_NAME = "its certificate is for another name"
ITSELF = "its certificate is vouched for by itself only"
NO_AUTHORITY = "its certificate is from an authority that is not trusted"
EXPIRED = "its certificate has expired"
WEAK = "its certificate has a weak signature"
SMALL = "its certificate has a key that is too small"
NO_PIN = "its certificate has none of the pinned keys"

GOOD = "DNS:" + HOST
# case -> how the certificate is made, host, words (None: all is well)
CERTIFICATES = {
    "good": (dict(san=GOOD), HOST, None),
    "wildcard": (dict(san="DNS:*.example.test"), HOST, None),
    "address": (dict(san="IP:127.0.0.1", cn="x"), IP, None),
    "rsa": (dict(san=GOOD, rsa=2048), HOST, None),
    "self-signed": (dict(san=GOOD, by="itself"), HOST, ITSELF),
    "other authority": (dict(san=GOOD, by="stranger"), HOST, NO_AUTHORITY),
    "by a leaf": (dict(san=GOOD, by="leaf"), HOST, NO_AUTHORITY),
    "other name": (dict(san="DNS:other.example.test"), HOST, OTHER_NAME),
    "other name in CN": (dict(san="DNS:other.example.test", cn=HOST), HOST,
                         OTHER_NAME),
    "no SAN": (dict(cn=HOST), HOST, OTHER_NAME),
    "no SAN, address": (dict(cn=IP), IP, OTHER_NAME),
    "*.*": (dict(san="DNS:*.*.test"), HOST, OTHER_NAME),
    "m*": (dict(san="DNS:m*.example.test"), HOST, OTHER_NAME),
    "*l": (dict(san="DNS:*l.example.test"), HOST, OTHER_NAME),
    "*": (dict(san="DNS:*"), HOST, OTHER_NAME),
    "*.test": (dict(san="DNS:*.test"), HOST, OTHER_NAME),
    "mail.*.test": (dict(san="DNS:mail.*.test"), HOST, OTHER_NAME),
    "one label for two": (dict(san="DNS:*.example.test"), DEEP, OTHER_NAME),
    "wildcard address": (dict(san="DNS:*.0.0.1"), IP, OTHER_NAME),
    "address as a name": (dict(san="DNS:127.0.0.1"), IP, OTHER_NAME),
    "other address": (dict(san="IP:127.0.0.2"), IP, OTHER_NAME),
    "mail address": (dict(san="email:x@" + HOST), HOST, OTHER_NAME),
    "expired": (dict(san=GOOD, dates=("200101000000Z", "210101000000Z")), HOST,
                EXPIRED),
    "not yet": (dict(san=GOOD, dates=("400101000000Z", "410101000000Z")), HOST,
                "its certificate is not valid yet"),
    "for clients": (dict(san=GOOD, ext="extendedKeyUsage=clientAuth"), HOST,
                    "its certificate is not for servers"),
    "SHA-1": (dict(san=GOOD, md="sha1"), HOST, WEAK),
    "MD5": (dict(san=GOOD, md="md5", by="rsa authority"), HOST, WEAK),
    "intermediate": (dict(san=GOOD, by="rsa authority"), HOST, None),
    "RSA of 1024": (dict(san=GOOD, rsa=1024), HOST, SMALL),
}
# case -> certificate, pin of which, pin-only, host, words
PINS = {
    "pinned": ("good", "good", "no", HOST, None),
    "pinned authority": ("good", "ca", "no", HOST, None),
    "second of two pins": ("good", "stranger good", "no", HOST, None),
    "other pin": ("good", "stranger", "no", HOST, NO_PIN),
    "pinned, other name": ("good", "good", "no", IP, OTHER_NAME),
    "pinned, self-signed": ("self-signed", "self-signed", "no", HOST, ITSELF),
    "pin-only": ("self-signed", "self-signed", "yes", IP, None),
    "pin-only, other": ("good", "self-signed", "yes", HOST, NO_PIN),
    "pin-only, authority": ("good", "ca", "yes", HOST, NO_PIN),
}


def injected(reply, more, pause=0):
    """A reply with something behind it, at once or in a packet of its own."""
    def hook(session, arg):
        session.send(reply + "\r\n" + ("" if pause else more + "\r\n"))
        if pause:
            time.sleep(pause)
            session.send(more + "\r\n")
        time.sleep(0.5)
        return "X"
    return hook


def before_tls(*words):
    """What EHLO hears before TLS, and nothing of it afterwards."""
    def hook(session, arg):
        if not session.secure:
            return "\r\n".join("250%s%s" % ("-" if w != words[-1] else " ", w)
                               for w in words)
    return hook


def until_tls(text):
    """Say this in clear; under TLS what is usual."""
    return lambda session, arg: None if session.secure else text


STRIPPED = "does not offer to encrypt the connection (STARTTLS)"
BEHIND = "sent something in clear behind its answer to STARTTLS"
# case -> kind, how the provider is made, how it is configured, words
WAYS = {
    "TLS 1.1": ("both", dict(tls="tls", tls_max=ssl.TLSVersion.TLSv1_1), "tls",
                "it speaks no TLS 1.2 or later"),
    "TLS 1.1 by STARTTLS": (
        "both", dict(tls="starttls", tls_max=ssl.TLSVersion.TLSv1_1),
        "starttls", "it speaks no TLS 1.2 or later"),
    "TLS 1.2": ("both", dict(tls="tls", tls_max=ssl.TLSVersion.TLSv1_2), "tls",
                None),
    "STARTTLS": ("both", dict(tls="starttls"), "starttls", None),
    "no TLS at all": ("both", dict(tls="plaintext"), "tls",
                      "it speaks no TLS on this port"),
    "STARTTLS stripped": ("smtp", dict(tls="plaintext"), "starttls", STRIPPED),
    "STARTTLS refused": ("smtp", dict(tls="starttls", hooks={
        "starttls": say("454 4.7.0 TLS not available")}), "starttls",
        "says: 454 4.7.0 TLS not available"),
    "STARTTLS answered oddly": ("smtp", dict(tls="starttls", hooks={
        "starttls": say("250 2.0.0 ok")}), "starttls", "says: 250 2.0.0 ok"),
    "STLS stripped": ("pop3", dict(tls="plaintext", hooks={
        "stls": say("-ERR what is that")}), "starttls",
        "does not encrypt the connection (STLS): what is that"),
    "STLS refused": ("pop3", dict(tls="starttls", hooks={
        "stls": say("-ERR you are logged in")}), "starttls",
        "does not encrypt the connection (STLS): you are logged in"),
    "behind STARTTLS": ("smtp", dict(tls="starttls", hooks={
        "starttls": injected("220 go", "250-x\r\n250 AUTH PLAIN")}),
        "starttls", BEHIND),
    "after STARTTLS": ("smtp", dict(tls="starttls", hooks={
        "starttls": injected("220 go", "250-x\r\n250 AUTH PLAIN", 0.2)}),
        "starttls", "it speaks no TLS on this port"),
    "behind STLS": ("pop3", dict(tls="starttls", hooks={
        "stls": injected("+OK go", "+OK\r\nSASL PLAIN\r\n.")}), "starttls",
        BEHIND),
    "after STLS": ("pop3", dict(tls="starttls", hooks={
        "stls": injected("+OK go", "+OK\r\nSASL PLAIN\r\n.", 0.2)}),
        "starttls", "it speaks no TLS on this port"),
    "greets with 235": ("smtp", dict(tls="starttls", hooks={
        "banner": say("235 2.7.0 welcome back")}), "starttls",
        "says: 235 2.7.0 welcome back"),
    "greets with 250": ("smtp", dict(tls="tls", hooks={
        "banner": say("250 ready for MAIL")}), "tls", "says: 250"),
    "greets with 354": ("smtp", dict(tls="tls", hooks={
        "banner": say("354 go ahead")}), "tls", "says: 354 go ahead"),
    "greets as IMAP": ("pop3", dict(tls="starttls", hooks={
        "banner": say("* PREAUTH welcome back")}), "starttls",
        "sent an answer that cannot be read"),
    "greets with +": ("pop3", dict(tls="starttls", hooks={
        "banner": say("+ go on")}), "starttls", "says: go on"),
    "logins before TLS only": ("smtp", dict(tls="starttls", mechs="", hooks={
        "ehlo": before_tls("x", "STARTTLS", "AUTH PLAIN LOGIN")}), "starttls",
        "offers no way to log in"),
    "two greetings": ("smtp", dict(tls="starttls", hooks={
        "banner": say("220 x\r\n250-x\r\n250 AUTH PLAIN")}), "starttls",
        "spoke out of turn"),
    "two greetings, POP3": ("pop3", dict(tls="starttls", hooks={
        "banner": say("+OK x\r\n+OK y")}), "starttls", "spoke out of turn"),
}


class World:
    """One agent with an account for each case, and its two providers."""

    def __init__(self, make, d, pki):
        self.make, self.d, self.pki = make, d, pki
        self.accounts, self.providers, self.host = {}, {}, {}
        self.pairs = {"ca": (pki.ca, pki.ca[:-4] + ".key"), "itself": None}
        stranger = make.folder()
        certs.authority(stranger)
        self.pairs["stranger"] = (stranger + "/ca.pem", stranger + "/ca.key")
        self.pairs["leaf"] = pki.good
        self.pairs["rsa authority"] = certs.certificate(
            d, "rsa", by=self.pairs["ca"], rsa=2048, cn="An RSA authority",
            ext="basicConstraints=critical,CA:TRUE")

    def pair(self, name):
        if name not in self.pairs:
            how = dict(CERTIFICATES[name][0])
            by = how.pop("by", "ca")
            self.pairs[name] = certs.certificate(
                self.d, "c%d" % len(self.pairs), by=self.pairs[by], **how)
            if by == "rsa authority":       # not known to the agent
                with open(self.pairs[by][0]) as f, \
                        open(self.pairs[name][0], "a") as out:
                    out.write(f.read())
        return self.pairs[name]

    def add(self, case, pair, host, kinds, form, provider, **more):
        me = "c%d@example.org" % len(self.accounts)
        keys_ = {"key": keys.FPR["alice"], "ca-file": self.pki.ca}
        for kind in kinds:
            p = Provider(kind, {me: PASSWORD}, pair=pair, weak=True,
                         mailbox=[letters.bare()], **provider).start()
            self.providers[case, kind] = p
            keys_[kind] = "%s:%d %s" % (
                host, p.port, form)
        self.accounts[case] = me, dict(keys_, **more)
        self.host[case] = host

    def start(self):
        hosts = write(self.d + "/hosts", "127.0.0.1 localhost %s %s\n" % (
            HOST, DEEP), 0o644)
        self.agent = self.make.agent(
            self.make.home(["alice"], trusted=["bob"]),
            dict(self.accounts.values()), mounts=[(hosts, "/etc/hosts")])
        return self

    def send(self, case):
        return client.send(self.agent.submission, self.accounts[case][0],
                           PASSWORD, [BOB],
                           letters.text(sender=self.accounts[case][0]))

    def fetch(self, case):
        """What STAT says."""
        with client.Pop3(self.agent.pop3) as c:
            assert c.try_login(self.accounts[case][0], PASSWORD).startswith(
                "+OK")
            return c.cmd("STAT")


@pytest.fixture(scope="module")
def world(make_once, pki):
    w = World(make_once, make_once.folder(), pki)
    for case, (how, host, words) in CERTIFICATES.items():
        w.add(case, w.pair(case), host, ("smtp", "pop3"), "tls",
              {"tls": "tls"})
    w.start()
    yield w
    for p in w.providers.values():
        p.stop()


@pytest.fixture(scope="module")
def ways(make_once, pki):
    w = World(make_once, make_once.folder(), pki)
    for case, (pair, pins, only, host, words) in PINS.items():
        w.add(case, w.pair(pair), host, ("smtp", "pop3"), "tls",
              {"tls": "tls"}, **{"pin-only": only, "pin": ", ".join(
                  certs.pin(w.pair(p)[0]) for p in pins.split())})
    for case, (kinds, provider, form, words) in WAYS.items():
        w.add(case, w.pair("good"), HOST,
              ("smtp", "pop3") if kinds == "both" else (kinds,), form, provider)
    w.start()
    yield w
    for p in w.providers.values():
        p.stop()


def nothing_reached(provider):
    """No verb of a login, no password, nothing of the letter."""
    wire = provider.wire()
    for verb in ("AUTH", "USER", "PASS", "MAIL", "DATA"):
        assert not provider.heard(verb), provider.lines()
    for secret in (PASSWORD.encode(), base64.b64encode(PASSWORD.encode())):
        assert secret not in wire
    assert not letters.canaries(wire)
    assert provider.accepted == []


def check(w, case, words):
    # SNI, and never an address (RFC 6066 section 3)
    names = {None if w.host[case] == IP else w.host[case]}
    if (case, "smtp") in w.providers:
        p, r = w.providers[case, "smtp"], w.send(case)
        if words:
            assert r.code == 451 and w.host[case] in r.text, r
            assert words in r.text, r
            nothing_reached(p)
        else:
            assert r.code == 250 and len(p.accepted) == 1, r
            assert set(p.names) == names
    if (case, "pop3") in w.providers:
        p, r = w.providers[case, "pop3"], w.fetch(case)
        if words:
            assert r.startswith("-ERR") and w.host[case] in r, r
            assert words in r, r
            nothing_reached(p)
        else:
            assert r.startswith("+OK 1 "), r
            assert set(p.names) == names


@pytest.mark.parametrize("case", CERTIFICATES)
def test_certificates(world, case):
    check(world, case, CERTIFICATES[case][2])


@pytest.mark.parametrize("case", PINS)
def test_pins(ways, case):
    check(ways, case, PINS[case][4])


@pytest.mark.parametrize("case", WAYS)
def test_ways_to_tls(ways, case):
    check(ways, case, WAYS[case][3])
