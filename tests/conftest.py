# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures. Servers are real, on loopback, in short folders of /tmp."""
import contextlib
import os

import pytest

from kit import certs, dovecot, folder, keys, postfix
from kit.agent import Agent

# The people of the tests: everybody's password at the provider.
USERS = {a: a.split("@")[0] + "'s password, 17" for a in (
    "alice@example.org", "bob@example.org", "carol@example.org",
    "dan@example.com", "eve@example.net", "frank@example.org",
    "mallory@example.net", "sally@example.org")}


class Mail:
    """The real provider: Postfix in front, Dovecot behind."""

    def __init__(self, d, pki):
        self.users, self.ca = USERS, pki.ca
        self.dovecot = dovecot.Dovecot(os.path.join(d, "d"), *pki.good, USERS)
        self.postfix = postfix.Postfix(os.path.join(d, "p"), self.dovecot,
                                       *pki.good)

    def account(self, form="tls"):
        """The keys of an account section; form: tls or starttls."""
        p, d = self.postfix, self.dovecot
        smtp, pop3 = {"tls": (p.submissions, d.pop3s),
                      "starttls": (p.submission, d.pop3),
                      "plaintext": (p.plain, d.pop3)}[form]
        # one by name, one by number: both stand in the certificate
        return {"smtp": "localhost:%d %s" % (smtp, form),
                "pop3": "127.0.0.1:%d %s" % (pop3, form),
                "ca-file": self.ca}


@pytest.fixture(scope="session")
def pki():
    with folder("llp") as d:
        os.chmod(d, 0o755)
        yield certs.Pki(d)


@pytest.fixture(scope="session")
def real(pki):
    """The real provider, started once; see mail."""
    with folder("llm") as d:
        os.chmod(d, 0o755)
        m = Mail(d, pki)
        try:
            m.dovecot.start()
            m.postfix.start()
            yield m
        finally:
            m.postfix.stop()
            m.dovecot.stop()


@pytest.fixture
def mail(real):
    """The real provider with empty mailboxes."""
    for u in real.users:
        real.dovecot.clear(u)
    return real


@contextlib.contextmanager
def homes_and_agents():
    """make.home(secret, public, trusted) and make.agent(home, accounts, ...),
    all of which is ended and checked in the end."""
    class Make:
        def __init__(self, d, stack):
            self.d, self.stack, self.n = d, stack, 0

        def folder(self):
            self.n += 1
            p = os.path.join(self.d, str(self.n))
            os.mkdir(p, 0o700)
            return p

        def home(self, secret=(), public=(), trusted=(), **kw):
            h = keys.home(self.folder(), secret, public, trusted, **kw)
            self.stack.callback(keys.kill, h)
            return h

        def agent(self, home, accounts, *a, start=True, **kw):
            x = Agent(self.folder(), home, accounts, *a, **kw)
            return self.stack.enter_context(x) if start else x

    with folder() as d, contextlib.ExitStack() as stack:
        yield Make(d, stack)


@pytest.fixture
def make():
    with homes_and_agents() as m:
        yield m


@pytest.fixture(scope="module")
def make_once():
    """The same for a whole file."""
    with homes_and_agents() as m:
        yield m
