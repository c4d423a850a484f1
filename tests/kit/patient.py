# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody whom letterlock doctor looks at."""
import contextlib
import json
import os
import socket
import subprocess

from . import keys, write
from .agent import built
from .thunderbird_profile import QUIET

ALICE, BOB = keys.ADDR["alice"], keys.ADDR["bob"]


class Patient:
    """A healthy one: GnuPG, a configuration, a Thunderbird with one account."""

    def __init__(self, d, home):
        self.d, self.gnupg = d, home
        self.home = os.path.join(d, "home")
        self.state = os.path.join(d, "state", "letterlock")
        self.profile = os.path.join(self.home, ".thunderbird", "p")
        self.conf = os.path.join(d, "letterlock.conf")
        self.bin = os.path.join(d, "bin")
        self.env = {"PATH": self.bin + ":/usr/bin:/bin", "HOME": self.home,
                    "LANG": "C.UTF-8", "GNUPGHOME": home,
                    "XDG_STATE_HOME": os.path.join(d, "state"),
                    "XDG_RUNTIME_DIR": d}
        os.makedirs(os.path.join(self.profile, "extensions"))
        write(os.path.join(self.profile, "..", "profiles.ini"),
              "[Profile0]\nIsRelative=1\nPath=p\n")
        write(os.path.join(self.profile, "extensions", "addon@letterlock.xpi"),
              b"")
        self.manifest = os.path.join(self.home, ".mozilla",
                                     "native-messaging-hosts",
                                     "letterlock.json")
        os.makedirs(os.path.dirname(self.manifest))
        write(self.manifest, json.dumps({"path": "/bin/cat"}))
        os.mkdir(self.bin)
        self.systemctl("exit 1\n")
        self.prefs()
        self.configure()

    def configure(self, agent="", account="", mode=0o600,
                  smtp="127.0.0.1:9 plaintext", ports=True):
        """ports: it says where to listen; smtp "": account does it."""
        text = "[agent]\ngnupghome = %s\n" % self.gnupg
        if ports:
            text += "submission = 127.0.0.1:%d\npop3 = 127.0.0.1:%d\n" % tuple(
                self.ports())
        text += "%s\n[%s]\n" % (agent, ALICE)
        if smtp:
            text += "smtp = %s\n" % smtp
        write(self.conf, text + account + "\n", mode)

    def ports(self):
        with contextlib.ExitStack() as s:
            made = [s.enter_context(socket.socket()) for _ in range(2)]
            for x in made:
                x.bind(("127.0.0.1", 0))
            self.port = made[0].getsockname()[1]
            return [x.getsockname()[1] for x in made]

    def prefs(self, **more):
        p = {"mail.account.account1.server": "server1",
             "mail.account.account1.identities": "id10,id1",
             "mail.server.server1.type": "pop3",
             "mail.server.server1.hostname": "127.0.0.1",
             "mail.identity.id1.useremail": ALICE,
             "mail.identity.id1.smtpServer": "smtp1",
             "mail.identity.id10.useremail": BOB,
             "mail.smtpserver.smtp1.hostname": "127.0.0.1",
             "mail.smtpserver.smtp2.hostname": "smtp.example.org",
             "mail.server.server2.type": "pop3",
             "mail.smtp.defaultserver": "smtp2", **QUIET,
             **{k.replace("__", "."): v for k, v in more.items()}}
        write(os.path.join(self.profile, "prefs.js"), "// a comment\n" + "".join(
            "user_pref(%s, %s);\n" % (json.dumps(k), json.dumps(v))
            for k, v in p.items() if v is not None))

    def systemctl(self, script):
        """Have this be systemctl."""
        write(os.path.join(self.bin, "systemctl"), "#!/bin/sh\n" + script,
              0o755)

    def look(self, *options, **env):
        """{(check, state): text}, and whether it says that all is well."""
        p = subprocess.run([built("letterlock"), "doctor", "--json", "-c",
                            self.conf, *(options or ["--offline"])],
                           env=dict(self.env, **env), text=True,
                           capture_output=True, timeout=120)
        assert not p.stderr, p.stderr
        got = json.loads(p.stdout)
        assert got["well"] == (p.returncode == 0)
        assert p.returncode in (0, 78)
        return {(c["check"], c["state"]): c["text"] for c in got["checks"]}
