# SPDX-License-Identifier: GPL-3.0-or-later
"""OAuth from end to end: the client's token, or the one a command prints, logs
in to the provider by OAUTHBEARER or XOAUTH2, and in no other way."""
import base64
import http.server
import json
import os
import subprocess
import threading

import pytest

from kit import client, dovecot, folder, letters, postfix, wait_for, write
from kit.agent import built
from kit.provider import Provider
from people import ALICE, BOB, CAROL

LONGEST = 8191                  # octets of a token
MECHS = ("XOAUTH2", "OAUTHBEARER")
NO_WAY = "offers no way to log in with a token (OAuth)"


def first(mech, user, token):
    """What the client says behind AUTH."""
    text = ("user=%s\1auth=Bearer %s\1\1" if mech == "XOAUTH2" else
            "n,a=%s,\1host=127.0.0.1\1port=1\1auth=Bearer %s\1\1")
    return base64.b64encode((text % (user, token)).encode()).decode()


def auth(c, mech, user, token):
    """The last answer to AUTH, by SMTP or POP3."""
    if isinstance(c, client.Smtp):
        c.hello()
    return c.cmd("AUTH %s %s" % (mech, first(mech, user, token)))


def token_of(size):
    return ("ya29.a0-_~+/" * (size // 12 + 1))[:size - 1] + "="


def send(a, mech, token, to=(BOB,), user=ALICE):
    """The last answer there was."""
    with client.Smtp(a.submission) as c:
        r = auth(c, mech, user, token)
        return r if r.code != 235 else c.send_letter(
            ALICE, list(to), letters.text())


def stat(a, mech, token, user=ALICE):
    with client.Pop3(a.pop3) as c:
        r = auth(c, mech, user, token)
        return r if not r.startswith("+OK") else c.cmd("STAT")


class Issuer:
    """Says for whom a token is (RFC 7662), to whoever asks on loopback."""

    def __init__(self):
        self.tokens, self.asked, issuer = {}, [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                token = self.headers["Authorization"].split(" ", 1)[1]
                issuer.asked.append(token)
                user = issuer.tokens.get(token)
                text = json.dumps({"active": user is not None,
                                   "username": user or ""}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *a):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/who" % self.server.server_port
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def world(make_once, pki):
    """Alice's agent on a Postfix and a Dovecot that take tokens only."""
    with folder("llo") as d:
        os.chmod(d, 0o755)
        issuer, users = Issuer(), {ALICE: "", BOB: ""}
        v = dovecot.Dovecot(os.path.join(d, "d"), *pki.good, users,
                            "oauthbearer xoauth2", issuer.url)
        p = postfix.postfix(
            d=os.path.join(d, "p"), sasl=v.sasl, cert=pki.good[0],
            key=pki.good[1], mail=v.mail, uid=v.uid, gid=v.gid,
            users=sorted(users))
        try:
            v.start()
            p.start()
            a = make_once.agent(
                make_once.home(["alice"], trusted=["bob"]),
                {ALICE: {"smtp": "localhost:%d tls" % p.submissions,
                         "pop3": "localhost:%d tls" % v.pop3s,
                         "ca-file": pki.ca}})
            a.dovecot, a.issuer, a.postfix = v, issuer, p
            yield a
        finally:
            p.stop()
            v.stop()
            issuer.stop()


@pytest.mark.parametrize("mech", MECHS)
@pytest.mark.parametrize("size", [100, 2500])
def test_real_servers(world, mech, size):
    token = token_of(size)
    world.issuer.tokens[token] = ALICE
    world.dovecot.clear(ALICE), world.dovecot.clear(BOB)
    world.dovecot.deliver(ALICE, letters.bare())
    assert stat(world, mech, token).startswith("+OK 1 ")
    r = send(world, mech, token)
    assert r.code == 250, r
    wait_for(lambda: world.dovecot.raws(BOB), 20)
    assert not letters.canaries(world.dovecot.raws(BOB)[0])
    assert set(world.issuer.asked[-2:]) == {token}
    assert "method=OAUTHBEARER," in world.dovecot.log()


@pytest.mark.parametrize("mech", MECHS)
def test_real_servers_refuse(world, mech):
    token, good = token_of(300)[:-1] + "x", token_of(200)
    world.issuer.tokens.pop(token, None)
    world.issuer.tokens[good] = ALICE
    # a right one, so that the wrong ones are not delayed
    assert stat(world, mech, good).startswith("+OK")
    r = stat(world, mech, token)
    assert r.startswith("-ERR [AUTH] localhost says: "), r
    r = send(world, mech, token)
    assert r.code == 535 and "localhost says: " in r.text, r
    # somebody else's
    world.issuer.tokens[token] = BOB
    assert stat(world, mech, token).startswith("-ERR [AUTH] ")
    assert send(world, mech, token).code == 535


class Scripted:
    """Providers for Alice that take this token, and her agent."""

    def __init__(self, make, mechs, token, **account):
        users = {ALICE: token}
        self.smtp = Provider("smtp", users, mechs=mechs).start()
        self.inbox = Provider("pop3", users, mechs=mechs,
                              mailbox=[letters.bare()]).start()
        self.both = self.smtp, self.inbox
        self.agent = make.agent(
            make.home(["alice"], trusted=["bob", "carol"]),
            {ALICE: dict({"smtp": self.smtp.conf, "pop3": self.inbox.conf},
                         **account)})

    def unseen(self, *words):
        """None of these went to a provider, in any form of base64."""
        for p in self.both:
            heard = p.wire()
            for word in words:
                for shift in range(3):
                    inner = base64.b64encode(
                        b"x" * shift + word.encode())[4:-4]
                    assert inner not in heard
                assert word.encode() not in heard


@pytest.fixture
def scripted(make):
    made = []

    def start(*a, **kw):
        made.append(Scripted(make, *a, **kw))
        return made[-1]

    yield start
    for s in made:
        for p in s.both:
            p.stop()


@pytest.mark.parametrize("mech", MECHS)
@pytest.mark.parametrize("offered", MECHS)
def test_the_longest_token(scripted, mech, offered):
    token = token_of(LONGEST)
    s = scripted("PLAIN LOGIN SCRAM-SHA-256 " + offered, token)
    assert stat(s.agent, mech, token).startswith("+OK 1 ")
    r = send(s.agent, mech, token, [BOB, CAROL])
    assert r.code == 250, r         # Carol is in Bcc: a login of her own
    assert s.inbox.logins == [offered] and s.smtp.logins == [offered] * 2
    assert len(s.smtp.accepted) == 2
    assert token not in s.agent.text()


@pytest.mark.parametrize("mech", MECHS)
@pytest.mark.parametrize("offered", ["PLAIN LOGIN", "SCRAM-SHA-256 PLAIN", ""])
def test_a_provider_without_oauth(scripted, mech, offered):
    """It is told in words, and a token is no password."""
    token = token_of(400)
    s = scripted(offered, token)
    r = stat(s.agent, mech, token)
    assert r.startswith("-ERR [SYS/TEMP] ") and NO_WAY in r, r
    r = send(s.agent, mech, token)
    assert r.code == 451 and NO_WAY in r.text, r
    assert s.smtp.logins == s.inbox.logins == []
    assert not s.inbox.heard("USER") and not s.inbox.heard("PASS")
    s.unseen(token)


def token_made(agent):
    p = subprocess.run([built("letterlock"), "token", "-c", agent.conf],
                       env=agent.env, capture_output=True, timeout=20,
                       text=True, check=True)
    return p.stdout.strip()


@pytest.mark.parametrize("offered", ["PLAIN XOAUTH2", "PLAIN SCRAM-SHA-256"])
def test_a_command_prints_it(make, scripted, offered):
    """The client shows the local token, the provider gets the OAuth token."""
    token = token_of(2000)
    script = write(os.path.join(make.folder(), "vault"),
                   "#!/bin/sh\necho '%s'\n" % token, 0o700)
    s = scripted(offered, token, credentials='command "%s"' % script,
                 login="oauth")
    local = token_made(s.agent)
    with client.Pop3(s.agent.pop3) as c:
        assert c.try_login(ALICE, local).startswith("+OK")
        pop3 = c.cmd("STAT")
    r = client.send(s.agent.submission, ALICE, local, [BOB], letters.text())
    s.unseen(local)
    if "XOAUTH2" in offered:
        assert pop3.startswith("+OK 1 ") and r.code == 250, (pop3, r)
        assert s.smtp.logins == s.inbox.logins == ["XOAUTH2"]
        return
    assert pop3.startswith("-ERR [SYS/TEMP] ") and NO_WAY in pop3
    assert r.code == 451 and NO_WAY in r.text
    assert s.smtp.logins == s.inbox.logins == []
    s.unseen(token)
