# SPDX-License-Identifier: GPL-3.0-or-later
"""A plug-in of the test's own at an agent's socket, and the commands that ask
there."""
import base64
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


def b64(raw):
    return base64.b64encode(raw).decode()


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

    def letter(self, name, raw, octets=33000, **members):
        """open or verdict, in pieces: what is ok, or the error."""
        for at in range(0, max(len(raw), 1), octets):
            r = self.call(name, data=b64(raw[at:at + octets]),
                          more=at + octets < len(raw), **members)
            if "error" in r:
                return r["error"]
            name, members = "put", {}
        return r["ok"]

    def rest(self, ok):
        """The opened letter, whole."""
        raw = base64.b64decode(ok["data"], validate=True)
        while ok["more"]:
            assert len(ok["data"]) <= 600000
            ok = self.call("get")["ok"]
            raw += base64.b64decode(ok["data"], validate=True)
        return raw

    def open(self, raw, **members):
        """(verdict, letter), or (code of the error, None)."""
        ok = self.letter("open", raw, **members)
        if "code" in ok:
            return ok["code"], None
        got = self.rest(ok)
        assert ok["size"] == len(got)
        return ok["verdict"], got

    def verdict(self, raw):
        return self.letter("verdict", raw)

    def ended(self):
        return self.f.read() == b""
