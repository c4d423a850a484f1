# SPDX-License-Identifier: GPL-3.0-or-later
"""The program letterlock with a configuration of its own."""
import os
import subprocess

from . import letters, write
from .agent import assert_sane, built, conf_text


class Cli:
    """under: what it is run by, which makes it so many times slower."""
    under, slower = [], 1

    def __init__(self, d, home, account="alice@example.org"):
        self.d, self.home = d, home
        self.conf = write(os.path.join(d, "c.conf"), conf_text(
            {account: {"smtp": "127.0.0.1:2525 plaintext",
                       "pop3": "127.0.0.1:1110 plaintext"}}))
        self.env = {"PATH": "/usr/bin:/bin", "HOME": d, "GNUPGHOME": home,
                    "XDG_STATE_HOME": os.path.join(d, "s"),
                    "XDG_CONFIG_HOME": d, "LANG": "C.UTF-8"}

    def run(self, *args, data=b"", conf=True):
        p = subprocess.run(self.under + [built("letterlock")] + list(args) +
                           (["-c", self.conf] if conf else []), input=data,
                           capture_output=True, env=self.env,
                           timeout=60 * self.slower)
        assert_sane(p.stderr.decode("utf-8", "replace"))
        return p

    def __call__(self, *args, data=b"", ok=True, conf=True):
        """What it wrote; with ok=False it must fail, and is given whole."""
        p = self.run(*args, data=data, conf=conf)
        if ok:
            assert p.returncode == 0, p.stderr
            return p.stdout
        assert p.returncode > 0, (p.returncode, p.stdout[:500])
        assert not letters.canaries(p.stderr)
        assert not letters.canaries(p.stdout)
        return p
