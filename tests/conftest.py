# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures. Servers are real, on loopback, in short folders of /tmp."""
import contextlib
import os
import types

import pytest

from kit import certs, client, dovecot, folder, keys, netns, postfix
from kit.agent import Agent
from kit.both import Both
from kit.provider import Provider
from kit.world import World
from people import ALICE, BOB, USERS


def pytest_configure(config):
    config.addinivalue_line("markers", "own_network: see kit/netns.py")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    return netns.runtest(item)


class Mail:
    """The real provider: Postfix in front, Dovecot behind. pair: its certificate;
    ports: theirs."""

    def __init__(self, d, ca, pair, ports=(None, None)):
        self.users, self.ca = USERS, ca
        self.dovecot = dovecot.Dovecot(os.path.join(d, "d"), *pair, USERS,
                                       ports=ports[1])
        self.postfix = postfix.postfix(
            d=os.path.join(d, "p"), sasl=self.dovecot.sasl, cert=pair[0],
            key=pair[1], mail=self.dovecot.mail, uid=self.dovecot.uid,
            gid=self.dovecot.gid, users=sorted(USERS), ports=ports[0])

    def __enter__(self):
        try:
            self.dovecot.start()
            self.postfix.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *a):
        self.postfix.stop()
        self.dovecot.stop()

    def account(self, form="tls"):
        """The keys of an account section; form: tls or starttls."""
        p, d = self.postfix, self.dovecot
        smtp, pop3 = {"tls": (p.submissions, d.pop3s),
                      "starttls": (p.submission, d.pop3),
                      "plaintext": (p.plain, d.pop3)}[form]
        # one by name, one by number: both stand in the certificate
        return {"smtp": "localhost:%d %s" % (smtp, form),
                "pop3": "127.0.0.1:%d %s" % (pop3, form),
                "ca-file": self.ca, "autocrypt": "yes"}


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
        with Mail(d, pki.ca, pki.good) as m:
            yield m


@pytest.fixture
def world(pki):
    """A network of its own (with the mark own_network), and what there is in it."""
    netns.trust(pki.ca)
    with World(os.path.dirname(pki.ca)) as w:
        yield w


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


@pytest.fixture(scope="module")
def people(make_once, real):
    """people(form): Alice's and Bob's agents, each with its own keyring, on
    the real provider by tls or starttls; started when first asked for."""
    known = {}

    def get(form):
        if form not in known:
            alice = make_once.agent(
                make_once.home(["alice"], ["gone", "mallory"],
                               ["bob", "carol", "dan", "frank"]),
                {ALICE: real.account(form)})
            bob = make_once.agent(
                make_once.home(["bob"], ["mallory"], ["alice", "frank"]),
                {BOB: real.account(form)})
            known[form] = types.SimpleNamespace(alice=alice, bob=bob)
        return known[form]
    return get


@pytest.fixture(scope="module")
def reader(make_once):
    """reader(name): a keyring of plain gpg with this secret key."""
    known = {}

    def get(name):
        if name not in known:
            known[name] = make_once.home([name], [n for n in ("alice", "bob")
                                                  if n != name])
        return known[name]
    return get


@pytest.fixture
def scripted(make):
    """scripted(...): Alice's agent (password x) on a scripted provider, which
    is its smtp and inbox; send(to, raw) sends a letter through it."""
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q:
        def start(secret=("alice",), public=(), trusted=("bob", "frank"),
                  account=(), contacts=(), agent=(), conf="", **kw):
            a = make.agent(
                make.home(list(secret), list(public), list(trusted),
                          conf=conf),
                {ALICE: dict({"smtp": p.conf, "pop3": q.conf}, **dict(account))},
                agent, contacts, **kw)
            a.smtp, a.inbox = p, q
            a.send = lambda to, raw, **kw: client.send(
                a.submission, ALICE, "x", to, raw, **kw)
            return a
        yield start


@pytest.fixture(scope="module")
def ours(make_once):
    """Alice with the command line and a live agent on scripted providers."""
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q:
        yield Both(make_once, make_once.home(["alice"], trusted=[
            "bob", "dan", "frank"]), ALICE, p, q)
