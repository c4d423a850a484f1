# SPDX-License-Identifier: GPL-3.0-or-later
"""A plug-in of the test's own at an agent's socket, and the commands that ask
there."""
import json
import os
import socket
import subprocess

from .agent import built


def path(a):
    return os.path.join(a.dirs["run"], "letterlock", "agent.sock")


def command(a, *args, **env):
    return subprocess.run([built("letterlock")] + list(args),
                          env=dict(a.env, **env), capture_output=True,
                          text=True, timeout=60)


class Plugin:
    """A plug-in: lines of JSON."""

    def __init__(self, where, hello=True):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(30)
        self.s.connect(where)
        self.f = self.s.makefile("rb")
        self.n = 0
        if hello:
            self.hello = self.call("hello", version=1)["ok"]

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.f.close()
        self.s.close()

    def raw(self, line):
        self.s.sendall(line + b"\n")
        return self.line()

    def line(self):
        line = self.f.readline()
        assert line.endswith(b"\n"), line
        return json.loads(line)

    def call(self, name, **members):
        self.n += 1
        r = self.raw(json.dumps(dict(members, id=self.n, call=name)).encode())
        assert r["id"] == self.n
        return r

    def fault(self, line):
        r = self.raw(line)
        assert set(r) == {"id", "error"} and r["error"]["text"]
        return r["error"]["code"]

    def ended(self):
        return self.f.read() == b""
