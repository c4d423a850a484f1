# SPDX-License-Identifier: GPL-3.0-or-later
"""A small DNS server, for a network of the tests' own: addresses, SRV and MX records
as a test says, and no other name exists."""
import socket
import struct
import threading

WHERE = "127.0.0.53"
A, MX, SRV = 1, 15, 33
TTL = 60
REFUSED, NO_NAME = 5, 3


def _name(name):
    return b"".join(bytes([len(x)]) + x.encode("ascii")
                    for x in name.split(".")) + b"\0"


class Names:
    """at: name -> IPv4 address; srv: name -> [(priority, weight, port, target)];
    mx: name -> [(preference, host)];
    silent: names about which nothing is answered; broken: those that are refused.
    asked: (name, type). Names are in lower case."""

    def __init__(self):
        self.at, self.srv, self.mx, self.asked = {}, {}, {}, []
        self.silent, self.broken = set(), set()

    def __enter__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((WHERE, 53))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *a):
        self.sock.sendto(b"", self.sock.getsockname())
        self.thread.join(10)
        self.sock.close()

    def _run(self):
        while True:
            try:
                q, who = self.sock.recvfrom(4096)
                if not q:
                    return
            except OSError:
                return
            a = self._answer(q)
            if a:
                self.sock.sendto(a, who)

    def _exists(self, name):
        return any(x == name or x.endswith("." + name)
                   for x in (*self.at, *self.srv, *self.mx))

    def _data(self, name, kind):
        """The data of each record."""
        if kind == A and name in self.at:
            return [socket.inet_aton(self.at[name])]
        if kind == SRV:
            return [struct.pack(">3H", *x[:3]) + _name(x[3])
                    for x in self.srv.get(name, ())]
        if kind == MX:
            return [struct.pack(">H", x[0]) + _name(x[1])
                    for x in self.mx.get(name, ())]
        return []

    def _answer(self, q):
        labels, at = [], 12
        while q[at]:
            labels.append(q[at + 1:at + 1 + q[at]])
            at += 1 + q[at]
        question = q[12:at + 5]
        name = b".".join(labels).decode("ascii").lower()
        kind = struct.unpack(">H", q[at + 1:at + 3])[0]
        self.asked.append((name, kind))
        if name in self.silent:
            return None
        code = (REFUSED if name in self.broken else
                0 if self._exists(name) else NO_NAME)
        data = [] if code else self._data(name, kind)
        # RFC 1035, 4.1: recursion was available; each name is that of the question
        head = struct.pack(">5H", 0x8180 | code, 1, len(data), 0, 0)
        return q[:2] + head + question + b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, TTL, len(d)) + d
            for d in data)
