# SPDX-License-Identifier: GPL-3.0-or-later
"""Which login a provider gets: the strongest that both have, bound to the TLS
connection where it can be; nothing weaker when that one fails."""
import os
import ssl

import pytest

from kit import client, dovecot, folder, keys, letters
from kit.provider import Provider, say
from people import BOB

PASSWORD = "pass, word = 17"
ALL = ("LOGIN PLAIN CRAM-MD5 XOAUTH2 OAUTHBEARER SCRAM-SHA-1 SCRAM-SHA-256 "
       "SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS")
V12 = ssl.TLSVersion.TLSv1_2
UNPROVEN = "did not prove that it knows the password"

# case -> what is offered, over what, the login used, its word on the channel
CHOICES = {
    "all, TLS 1.3": (ALL, "tls", None, "SCRAM-SHA-256-PLUS", "p=tls-exporter"),
    "all, TLS 1.2": (ALL, "tls", V12, "SCRAM-SHA-256-PLUS", "p=tls-unique"),
    "all, STARTTLS": (ALL, "starttls", V12, "SCRAM-SHA-256-PLUS",
                      "p=tls-unique"),
    "all, in clear": (ALL, "plaintext", None, "SCRAM-SHA-256", "n"),
    "SHA-1-PLUS": ("SCRAM-SHA-256 SCRAM-SHA-1-PLUS", "tls", V12,
                   "SCRAM-SHA-1-PLUS", "p=tls-unique"),
    "SHA-256": ("SCRAM-SHA-1 SCRAM-SHA-256 PLAIN", "tls", None,
                "SCRAM-SHA-256", "y"),
    "SHA-256, TLS 1.2": ("SCRAM-SHA-256", "tls", V12, "SCRAM-SHA-256", "y"),
    "SHA-256, in clear": ("SCRAM-SHA-256", "plaintext", None, "SCRAM-SHA-256",
                          "n"),
    "SHA-1": ("PLAIN SCRAM-SHA-1 LOGIN", "tls", None, "SCRAM-SHA-1", "y"),
    "PLAIN": ("LOGIN PLAIN", "tls", None, "PLAIN", None),
    "LOGIN": ("LOGIN CRAM-MD5", "tls", None, "LOGIN", None),
    "XOAUTH2": ("XOAUTH2 CRAM-MD5", "tls", None, None, None),
}


class World:
    def __init__(self, make, pki):
        self.make, self.pki, self.accounts, self.providers = make, pki, {}, {}

    def add(self, case, mechs, tls="tls", tls_max=None, hooks=(), user=True,
            binds=None):
        me = "c,%d=@example.org" % len(self.accounts)
        account = {"user": me, "key": keys.FPR["alice"], "ca-file": self.pki.ca}
        for kind in ("smtp", "pop3"):
            p = Provider(kind, {me: PASSWORD}, tls, self.pki.good,
                         mechs=mechs, tls_max=tls_max, hooks=dict(hooks),
                         mailbox=[letters.bare()])
            p.capa_user = user
            if binds is not None:
                p.binds = binds
            self.providers[case, kind] = p.start()
            account[kind] = p.conf
        address = "c%d@example.org" % len(self.accounts)
        self.accounts[case] = me, address, account

    def start(self):
        self.agent = self.make.agent(
            self.make.home(["alice"], trusted=["bob"]),
            {a: x for _, a, x in self.accounts.values()})
        return self

    def send(self, case):
        me, address, _ = self.accounts[case]
        with client.Smtp(self.agent.submission) as c:
            c.hello()
            r = c.auth(me, PASSWORD)
            return r if r.code != 235 else c.send_letter(
                address, [BOB], letters.text(sender=address))

    def fetch(self, case):
        with client.Pop3(self.agent.pop3) as c:
            r = c.try_login(self.accounts[case][0], PASSWORD)
            return r if not r.startswith("+OK") else c.cmd("STAT")


def hook_first(message):
    return lambda s, said: message if said.startswith("r=") else None


def hook_proof(message):
    return lambda s, said: message if said.startswith("v=") else None


def weaker_then(answer, stage="v="):
    """Such an answer, and from then on only PLAIN is offered."""
    def hook(session, said):
        if said.startswith(stage):
            session.provider.mechs = "PLAIN"
            return answer
    return hook


BAD = "v=" + "A" * 43 + "="
# case -> how the provider is made, words
SCRAMS = {
    "wrong proof": (dict(hooks={"scram": hook_proof(BAD)}), UNPROVEN),
    "no proof": (dict(hooks={"scram": hook_proof("none")}), UNPROVEN),
    "no exchange": (dict(hooks={"auth": say("235 2.7.0 welcome")}), UNPROVEN),
    "nonce of its own": (dict(hooks={"scram": hook_first(
        "r=abcdefghijk,s=QSXCR+Q6sek8bf92,i=4096")}), "out of bounds"),
    "a billion rounds": (dict(hooks={"scram": hook_first(
        "r=abcdefghijk,s=QSXCR+Q6sek8bf92,i=1000000000")}), "out of bounds"),
    "PLUS stripped": (dict(mechs="PLAIN SCRAM-SHA-256", binds=True),
                      "wrong user or password"),
    "another channel": (dict(hooks={"scram": hook_proof(
        "e=channel-bindings-dont-match")}), "another encrypted connection"),
    "its no in SCRAM": (dict(hooks={"scram": hook_proof("e=invalid-proof"),
                                    "auth": None}), None),
    "504": (dict(hooks={"auth": say("504 5.5.4 not that one")}),
            "says: 504 5.5.4 not that one"),
}

# case -> hooks, words: all offer PLAIN alone behind it
WEAKER = {
    "wrong proof": ({"scram": weaker_then(BAD)}, UNPROVEN),
    "no proof": ({"scram": weaker_then("none")}, UNPROVEN),
    "a billion rounds": ({"scram": weaker_then(
        "r=abcdefghijk,s=QSXCR+Q6sek8bf92,i=1000000000", "r=")},
        "out of bounds"),
    "504": ({"auth": weaker_then("504 5.5.4 not that one", "SCRAM")},
            "says: 504 5.5.4 not that one"),
}


@pytest.fixture(scope="module")
def world(make_once, pki):
    w = World(make_once, pki)
    for case, (mechs, tls, tls_max, login, flag) in CHOICES.items():
        w.add(case, mechs, tls, tls_max, user=login is not None)
    w.add("POP3 without USER", "LOGIN", user=False)
    for case, (how, words) in SCRAMS.items():
        w.add(case, **dict({"mechs": "LOGIN PLAIN SCRAM-SHA-256"}, **how))
    w.start()
    yield w
    for p in w.providers.values():
        p.stop()


@pytest.fixture(scope="module")
def weaker(make_once, pki):
    w = World(make_once, pki)
    for case, (hooks, _) in WEAKER.items():
        w.add(case, "PLAIN SCRAM-SHA-256", hooks=hooks)
    w.start()
    yield w
    for p in w.providers.values():
        p.stop()


@pytest.mark.parametrize("case", CHOICES)
def test_the_strongest(world, case):
    mechs, _, _, login, flag = CHOICES[case]
    p, q = world.providers[case, "smtp"], world.providers[case, "pop3"]
    r = world.send(case)
    if login is None:
        assert r.code == 451 and "offers no way to log in with a password" in \
            r.text, r
        assert p.logins == []
        return
    assert r.code == 250, r
    assert set(p.logins) == {login} and len(p.accepted) == 1
    r = world.fetch(case)
    assert r.startswith("+OK 1 "), r
    assert q.logins == ["USER" if login == "LOGIN" else login]
    for x in (p, q):
        assert set(x.scram) == ({(login, flag)} if flag else set())
        if flag:
            assert PASSWORD.encode() not in x.wire()


def test_pop3_without_user(world):
    assert world.fetch("POP3 without USER").startswith("+OK 1 ")
    assert world.providers["POP3 without USER", "pop3"].logins == ["LOGIN"]


@pytest.mark.parametrize("case", SCRAMS)
def test_a_scram_that_fails(world, case):
    """It ends there: no weaker login, no letter."""
    words = SCRAMS[case][1]
    p, q = world.providers[case, "smtp"], world.providers[case, "pop3"]
    r = world.send(case)
    assert r.code in (451, 535), r
    if words:
        assert words in r.text, r
    assert p.accepted == [] and not p.heard("MAIL")
    assert not letters.canaries(p.wire())
    if not words or "504" not in case and "exchange" not in case:
        r = world.fetch(case)
        assert r.startswith("-ERR"), r
        if words and "wrong user" not in words:
            assert words in r, r
    for x in (p, q):
        assert not set(x.logins) - {"SCRAM-SHA-256"}, x.logins
        assert PASSWORD.encode() not in x.wire()


@pytest.mark.parametrize("case", WEAKER)
def test_nothing_weaker_in_the_next_try(weaker, case):
    """No proof, and then only PLAIN is offered: the session asks no more."""
    p = weaker.providers[case, "smtp"]
    r = weaker.send(case)
    assert r.code == 451 and WEAKER[case][1] in r.text, r
    assert set(p.logins) <= {"SCRAM-SHA-256"} and len(p.sessions) == 1
    assert p.accepted == []


def test_nothing_weaker_in_the_next_session(make, pki):
    """But once it proves that it knows the password, all is forgotten."""
    def hook(session, said):
        if said.startswith("v="):
            return BAD if session.provider.bad else None

    w = World(make, pki)
    w.add("x", "PLAIN LOGIN SCRAM-SHA-256", hooks={"scram": hook})
    p, q = both = w.providers["x", "smtp"], w.providers["x", "pop3"]
    try:
        w.start()
        for x in both:
            x.bad = True
        assert w.send("x").code == 451 and UNPROVEN in w.fetch("x")
        for x in both:
            x.mechs, x.bad = "PLAIN LOGIN", False
        for _ in range(2):
            r = w.send("x")
            assert r.code == 451 and "only without that proof" in r.text, r
            r = w.fetch("x")
            assert r.startswith("-ERR") and "only without that proof" in r, r
        for x in both:
            assert set(x.logins) == {"SCRAM-SHA-256"}
            assert not x.heard("USER") and PASSWORD.encode() not in x.wire()
            x.mechs = "PLAIN SCRAM-SHA-256"
        assert w.send("x").code == 250 and w.fetch("x").startswith("+OK")
        for x in both:
            x.mechs = "PLAIN"
        assert w.send("x").code == 250 and w.fetch("x").startswith("+OK")
        assert p.logins[-1] == q.logins[-1] == "PLAIN"
    finally:
        for x in both:
            x.stop()


@pytest.mark.parametrize("offered, used", [
    ("plain login scram-sha-1", "SCRAM-SHA-1"), ("plain login", "PLAIN"),
    ("scram-sha-1 scram-sha-256", "SCRAM-SHA-256")])
def test_dovecot(make, pki, offered, used):
    users = {"alice@example.org": PASSWORD}
    with folder("llv") as d:
        os.chmod(d, 0o755)
        v = dovecot.Dovecot(os.path.join(d, "d"), *pki.good, users, offered)
        try:
            v.start()
            v.deliver("alice@example.org", letters.bare())
            a = make.agent(None, {"alice@example.org": {
                "pop3": "localhost:%d tls" % v.pop3s, "ca-file": pki.ca}})
            with client.Pop3(a.pop3) as c:
                assert c.try_login("alice@example.org", "wrong").startswith(
                    "-ERR [AUTH]")
                assert c.try_login("alice@example.org", PASSWORD).startswith(
                    "+OK")
                assert c.cmd("STAT").startswith("+OK 1 ")
            assert "method=%s," % used in v.log()
        finally:
            v.stop()
