# SPDX-License-Identifier: GPL-3.0-or-later
"""Thunderbirds with the add-on, each on an agent between scripted providers."""
import contextlib
import os

from kit import folder
from kit.provider import Provider
from kit.thunderbird_client import Client, host
from people import ALICE


def xpi():
    """The add-on as it was built."""
    return os.path.join(os.environ["LETTERLOCK_BUILD"], "letterlock.xpi")


@contextlib.contextmanager
def bird(make, me=ALICE, secret=("alice",), public=(), trusted=(), agent=(),
         account=(), others=(), contacts=(), with_host=True, conf="",
         password="x", **kw):
    """A running client of the fixture make. smtp, inbox: its providers;
    keyring: the agent's. others: more accounts, address -> keys."""
    with Provider("smtp", {me: "x"}) as p, Provider("pop3", {me: "x"}) as q, \
            folder("llt") as d:
        keyring = make.home(list(secret), list(public), list(trusted),
                            conf=conf)
        accounts = {me: dict({"smtp": p.conf, "pop3": q.conf},
                             **dict(account))}
        accounts.update(others)
        a = make.agent(keyring, accounts, agent, contacts)
        name = me.split("@")[0].capitalize() + " Example"
        with Client(d, a, me, name, password, xpi(),
                    host() if with_host else None, **kw) as c:
            c.smtp, c.inbox, c.keyring = p, q, keyring
            yield c
