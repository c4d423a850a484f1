# SPDX-License-Identifier: GPL-3.0-or-later
"""A plug-in socket that is played: what each call is answered with."""
import json
import os
import socket
import threading


class Fake:
    """answers: call -> what is "ok", or a function of (request, connection)
    that gives it; None hangs up. asked: the requests, hello's not among them.
    most: the most connections there were at one time."""

    def __init__(self, path, **answers):
        self.answers, self.asked = answers, []
        self.most, self.open = 0, []
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
        self.env = {"LETTERLOCK_SOCKET": path, "PATH": "/usr/bin:/bin"}
        self.s = socket.socket(socket.AF_UNIX)
        self.s.bind(path)
        self.s.listen(64)
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def __enter__(self):
        return self

    def __exit__(self, *a):
        os.unlink(self.s.getsockname())
        self.s.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        for t in self.threads:
            t.join(10)
        self.s.close()

    def hang_up(self):
        """All connections end."""
        for c in list(self.open):
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def say(self, event):
        """To all that watch."""
        for c in list(self.open):
            if c in self.watchers:
                c.sendall(json.dumps(event).encode() + b"\n")

    watchers = ()

    def _accept(self):
        while True:
            try:
                c = self.s.accept()[0]
            except OSError:
                return
            self.open.append(c)
            self.most = max(self.most, len(self.open))
            t = threading.Thread(target=self._serve, args=(c,), daemon=True)
            t.start()
            self.threads.append(t)

    def _serve(self, c):
        try:
            with c, c.makefile("rb") as f:
                for line in f:
                    if not self._answer(c, line):
                        break
        except OSError:
            pass
        self.open.remove(c)

    def _answer(self, c, line):
        r = json.loads(line)
        assert len(line) <= 65536
        if r["call"] == "hello":
            ok = {"version": 1, "agent": "Fake", "capabilities": [],
                  "line-max": 65536}
        elif r["call"] == "watch":
            self.watchers += (c,)
            ok = {}
        else:
            self.asked.append(r)
            ok = self.answers.get(r["call"], {})
            ok = ok(r, c) if callable(ok) else ok
        if ok is None:
            return False
        answer = ok if "error" in ok else {"ok": ok}
        c.sendall(json.dumps(dict(answer, id=r["id"]),
                             ensure_ascii=False).encode() + b"\n")
        return True


class Letters:
    """Answers to open, verdict, put and get: got is what came, and what is
    opened is back with this verdict, in pieces of so many octets."""

    def __init__(self, back="", piece=600000):
        self.got, self.back, self.piece = "", back, piece
        self.answers = {"open": self._first, "verdict": self._first,
                        "put": self._put, "get": self._get}

    def _first(self, r, c):
        self.got, self.call, self.at = "", r["call"], 0
        return self._put(r, c)

    def _put(self, r, c):
        assert 0 <= len(r["data"]) <= 45000
        self.got += r["data"]
        if r["more"]:
            return {}
        if self.call == "verdict":
            return {"state": "none"}
        return dict(self._get(r, c), verdict={"encryption": "ok"}, size=1)

    def _get(self, r, c):
        data = self.back[self.at:self.at + self.piece]
        self.at += len(data)
        return {"data": data, "more": self.at < len(self.back)}
