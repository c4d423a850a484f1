# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock-nmh as Thunderbird starts and hears it."""
import json
import os
import queue
import struct
import subprocess
import threading

from .agent import built

ID = "addon@letterlock"
OUT_MAX = 700000


class Host:
    """env: its environment. heard: messages, parts joined; those with an id
    wait for answer(id), the others for event()."""

    def __init__(self, env, ident=ID):
        self.p = subprocess.Popen(
            [built("letterlock-nmh"), "/m/letterlock.json", ident],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,     # and it is no part of the agent
            env={k: v for k, v in env.items() if k != "LL_TEST"})
        self.n, self.parts, self.answers = 0, {}, {}
        self.came, self.events = threading.Condition(), queue.Queue()
        self.longest, self.seen, self.ended = 0, [], False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *a):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait(10)
        self.reader.join(10)
        self.p.stdin.close()
        self.p.stdout.close()
        self.p.stderr.close()

    def _read(self):
        while True:
            head = self.p.stdout.read(4)
            if len(head) < 4:
                break
            body = self.p.stdout.read(struct.unpack("=I", head)[0])
            self.longest = max(self.longest, len(body))
            self._take(json.loads(body))
        with self.came:
            self.ended = True
            self.came.notify_all()

    def _take(self, m):
        if "part" in m:
            got = self.parts.setdefault(m["id"], [])
            got.append(m["text"])
            assert len(got) == m["part"] <= m["of"]
            if len(got) < m["of"]:
                return
            m = json.loads("".join(self.parts.pop(m["id"])))
        if "id" not in m:
            self.events.put(m)
            return
        with self.came:
            self.answers[m["id"]] = m
            self.seen.append(m["id"])
            self.came.notify_all()

    # ---- what the add-on does

    def write(self, data):
        self.p.stdin.write(data)
        self.p.stdin.flush()

    def send(self, message):
        body = json.dumps(message).encode()
        self.write(struct.pack("=I", len(body)) + body)

    def ask(self, call, **members):
        """Its id."""
        self.n += 1
        self.send(dict(members, id=self.n, call=call))
        return self.n

    def ask_in_parts(self, size, call, **members):
        """The same, each part's text with so many characters."""
        self.n += 1
        text = json.dumps(dict(members, id=self.n, call=call))
        cuts = [text[i:i + size] for i in range(0, len(text), size)]
        for k, cut in enumerate(cuts):
            self.send({"id": self.n, "part": k + 1, "of": len(cuts),
                       "text": cut})
        return self.n

    def answer(self, n, seconds=20):
        with self.came:
            assert self.came.wait_for(
                lambda: n in self.answers or self.ended, seconds)
            return self.answers.pop(n)

    def call(self, call, **members):
        return self.answer(self.ask(call, **members))

    def code(self, call, **members):
        return self.call(call, **members)["error"]["code"]

    def event(self, seconds=20):
        return self.events.get(timeout=seconds)

    def running(self, seconds=20):
        """Whether the next event of this kind says that the agent runs."""
        while True:
            e = self.event(seconds)
            if e["event"] == "agent":
                return e["running"]

    def end(self):
        """The exit code after the end of stdin, and what it said on stderr."""
        self.p.stdin.close()
        return self.p.wait(10), self.p.stderr.read().decode()
