# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent that speaks TLS with mail programs, and clients of it."""
import base64
import os
import re
import ssl
import subprocess

import pytest

from kit import client, letters, wait_for
from kit.agent import built
from kit.provider import Provider
from people import ALICE, BOB

WAYS = {"offered": 0, "starttls": 1, "tls": 2}      # the n-th listener
LISTEN = "127.0.0.1:0, 127.0.0.1:0 starttls, 127.0.0.1:0 tls"
KEYS = {"submission": LISTEN, "pop3": LISTEN}


def command(a, *args):
    """letterlock certificate, for the installation of this agent."""
    return subprocess.run([built("letterlock"), "certificate"] + list(args),
                          env=a.env, capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)


def certificate(a):
    return os.path.join(a.dirs["state"], "letterlock", "certificate.pem")


def blocks(a):
    """The DER of what is in its file: the server's, the authority's, the
    key."""
    with open(certificate(a)) as f:
        return [base64.b64decode(x) for x in re.findall(
            r"-----BEGIN [A-Z ]+-----\n(.*?)-----END", f.read(), re.S)]


def trust(a, **kw):
    """A client that trusts what is exported, and nothing else."""
    return anyone(cadata=wait_for(lambda: command(a, "export").stdout), **kw)


def anyone(low=None, high=None, **kw):
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.verify_flags |= ssl.VERIFY_X509_STRICT
    ctx.load_verify_locations(**kw) if kw else None
    if low:
        ctx.minimum_version = low
    if high:
        ctx.maximum_version = high
    return ctx


def careless(**kw):
    ctx = anyone(**kw)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    return ctx


@pytest.fixture(scope="module")
def kept(make_once):
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(make_once.home(["alice"], trusted=["bob"]),
                            {ALICE: {"smtp": p.conf, "pop3": q.conf,
                                     "encrypt": "when-possible"}},
                            dict(KEYS, **{"client-timeout": 10}))
        a.smtp, a.inbox = p, q
        a.trust = trust(a)
        yield a


@pytest.fixture
def alice(kept):
    """The agent; afterwards it serves a letter each way by TLS."""
    kept.smtp.accepted.clear()
    kept.smtp.sessions.clear()
    kept.inbox.sessions.clear()
    kept.inbox.mailbox[:] = [("u1", letters.bare())]
    yield kept
    n = len(kept.smtp.accepted)
    with smtp(kept, "tls") as c:
        c.login(ALICE, "x")
        assert c.send_letter(ALICE, [BOB], letters.text()).code == 250
    assert len(kept.smtp.accepted) == n + 1


def smtp(a, way, ctx=None, **kw):
    """A session that speaks TLS and has said EHLO."""
    ctx = ctx or a.trust
    c = client.Smtp(a.submissions[WAYS[way]],
                    tls=ctx if way == "tls" else None, **kw)
    c.hello()
    if way != "tls":
        assert c.cmd("STARTTLS").code == 220
        c.begin_tls(ctx)
        c.hello()
    return c


def pop3(a, way, ctx=None, **kw):
    ctx = ctx or a.trust
    c = client.Pop3(a.pop3s[WAYS[way]], tls=ctx if way == "tls" else None,
                    **kw)
    if way != "tls":
        assert c.cmd("STLS").startswith("+OK")
        c.begin_tls(ctx)
    return c


def rest(c):
    """All that comes until the end, which is no reset."""
    c.sock.settimeout(8)
    out = c.buf
    while True:
        data = c.sock.recv(1 << 16)
        if not data:
            return out
        out += data
