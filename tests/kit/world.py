# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is in a network of the tests' own: names and web pages."""
from . import certs
from .names import Names
from .web import Web, wkd

HERE = "127.0.0.1"


class World:
    """names and web, where everything is at 127.0.0.1; d: the folder of the
    authority that all know of."""

    def __init__(self, d):
        self.d, self.n, self.names = d, 0, Names()
        self.web = Web(self.cert("nobody.example"))

    def __enter__(self):
        self.names.__enter__()
        self.web.__enter__()
        return self

    def __exit__(self, *a):
        self.web.__exit__()
        self.names.__exit__()

    def cert(self, *names):
        """A good one for these hosts: the pair."""
        self.n += 1
        return certs.server(self.d, "world%d" % self.n, names)

    def host(self, name):
        """There is such a host, and its certificate."""
        self.names.at[name] = HERE
        if name not in self.web.certs:
            self.web.certs[name] = self.cert(name)

    def serves(self, domain, advanced=True, policy=True, **keys_of):
        """A domain's keys by WKD: local part -> what its page is."""
        self.host("openpgpkey." + domain if advanced else domain)
        for who, page in keys_of.items():
            host, path, where = wkd("%s@%s" % (who, domain), advanced)
            self.web.pages[host, path] = page
            if policy:
                self.web.pages[host, where] = b""

    def asked(self):
        """Local parts that a key was looked for, one for each time."""
        return [q[2:] for _, path, q in self.web.asked if "/hu/" in path]
