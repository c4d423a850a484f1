# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody who sets Letterlock up, or takes it back."""
import os
import re
import subprocess

from . import keys
from .agent import Process, assert_sane, built

ALICE = "alice@example.org"
PASSWORD = "the walrus, 17"
# nobody but this machine is asked
NOWHERE = ("--no-autoconfig", "--no-dns", "--no-wkd")
LOCAL = ("--listen-smtp", "127.0.0.1:0", "--listen-pop3", "127.0.0.1:0")


class Newcomer:
    """Somebody with a home folder and nothing in it."""

    def __init__(self, make, secret=()):
        self.d, self.nowhere = make.folder(), NOWHERE
        self.gnupg = make.home(secret=list(secret), public=["bob"])
        self.conf = os.path.join(self.d, "config", "letterlock",
                                 "letterlock.conf")
        self.state = os.path.join(self.d, "state")
        self.env = {"PATH": "/usr/bin:/bin", "HOME": self.d,
                    "LANG": "C.UTF-8", "GNUPGHOME": self.gnupg,
                    "XDG_CONFIG_HOME": os.path.join(self.d, "config"),
                    "XDG_STATE_HOME": self.state}

    def run(self, command, *args, password=None, data=""):
        fds, more = (), list(self.nowhere) if command == "setup" else []
        if password is not None:
            r, w = os.pipe()
            os.write(w, password.encode() + b"\n")
            os.close(w)
            fds, more = (r,), more + ["--password-fd", str(r)]
        try:
            p = subprocess.run(
                [built("letterlock"), command] + more + list(args),
                env=self.env, input=data, text=True, capture_output=True,
                pass_fds=fds, timeout=60)
        finally:
            for fd in fds:
                os.close(fd)
        assert_sane(p.stderr)
        assert not password or password not in p.stdout + p.stderr
        return p

    def setup(self, *args, address=ALICE, password=PASSWORD, ok=0,
              start=False):
        """start: the agent too, and a welcome letter; to be ended by undo."""
        p = self.run("setup", "--yes", *([] if start else ["--no-start"]),
                     *args, address, password=password)
        assert p.returncode == ok, (p.stdout, p.stderr)
        return p

    def text(self):
        with open(self.conf) as f:
            return f.read()

    def keys(self):
        out = keys.run(self.gnupg, "--list-secret-keys", "--with-colons")[1]
        return re.findall(r"^sec:.*\n(?:fpr:+([0-9A-F]{40}):)",
                          out.decode(), re.M)

    def agent(self):
        """The process of the letterlockd that setup started, if it runs."""
        try:
            with open(os.path.join(self.state, "letterlock",
                                   "letterlockd.pid")) as f:
                pid = int(f.read())
            return pid if Process(pid).state not in "ZX" else None
        except (OSError, ValueError, IndexError):
            return None
