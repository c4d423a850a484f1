# SPDX-License-Identifier: GPL-3.0-or-later
"""One person with the command line and with a live agent between scripted
providers; what they find in a letter must be the same."""
from . import client, letters
from .cli import Cli

OWN = ("t", "kid", "mac")       # what differs between two installations


class Both:
    """make: what the fixture make gives. address is the only account."""

    def __init__(self, make, home, address, smtp, pop3):
        self.address, self.home = address, home
        self.cli = Cli(make.folder(), home, address)
        self.smtp, self.inbox, self.n = smtp, pop3, 0
        # readable, but signed, for those without a key
        self.agent = make.agent(home, {address: {
            "smtp": smtp.conf, "pop3": pop3.conf,
            "encrypt": "when-possible", "sign": "always"}})

    def seal(self, raw, *args):
        """By the command line: args are recipients and options."""
        return self.cli("seal", *[x for a in args for x in (
            [a] if a.startswith("-") else ["-r", a])], data=raw)

    def send(self, raw, to):
        """By the live agent: what the provider got, recipient -> letter."""
        n = len(self.smtp.accepted)
        r = client.send(self.agent.submission, self.address, "x", to, raw)
        assert r.code == 250, r
        return {a: x.data for x in self.smtp.accepted[n:] for a in x.to}

    def open(self, raw):
        """(verdict, letter), once both said the same; the verdict without
        what differs from letter to letter."""
        p = self.cli.run("open", data=raw)
        self.n += 1
        self.inbox.mailbox[:] = [("uid%d" % self.n, raw)]
        live, = client.fetch(self.agent.pop3, self.address, "x")
        one, two = letters.verdict(p.stdout), letters.verdict(live)
        assert p.returncode == (65 if one["encryption"] == "failed" else 0)
        for k in OWN:
            one.pop(k), two.pop(k)
        assert one == two
        assert letters.without_verdict(p.stdout) == \
            letters.without_verdict(live)
        one.pop("bh", None)
        return one, p.stdout
