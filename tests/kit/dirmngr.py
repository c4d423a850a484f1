# SPDX-License-Identifier: GPL-3.0-or-later
"""A dirmngr that is played: it listens where GnuPG's would, and goes nowhere."""
import os
import re
import socket
import subprocess
import threading

NO_DATA, REFUSED = 167772218, 167804953     # of dirmngr: No data, Connection refused


def where(home):
    return subprocess.run(
        ["gpgconf", "--homedir", home, "--list-dirs", "dirmngr-socket"],
        check=True, capture_output=True, text=True).stdout.strip()


class Dirmngr:
    """gives: address -> a key's octets, the number of an error, or an Event, until
    which it stands still; else it finds nothing. asked: the addresses."""

    def __init__(self, home):
        self.path, self.gives, self.asked = where(home), {}, []
        self.calls, self.bad, self.threads = 0, [], []
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(self.path)
        self.sock.listen(16)

    def __enter__(self):
        self._start(self._accept)
        return self

    def __exit__(self, *a):
        os.unlink(self.path)
        for x in self.gives.values():
            if isinstance(x, threading.Event):
                x.set()
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for t in self.threads:
            t.join(10)
        assert not self.bad

    def _start(self, what, *args):
        self.threads.append(threading.Thread(target=what, args=args,
                                             daemon=True))
        self.threads[-1].start()

    def _accept(self):
        while True:
            try:
                c = self.sock.accept()[0]
            except OSError:
                return
            self.calls += 1
            self._start(self._serve, c)

    def _serve(self, c):
        with c, c.makefile("rwb", buffering=0) as f:
            c.sendall(b"OK Pleased to meet you, process 1\n")
            line = f.readline().decode()
            m = re.fullmatch(r"WKD_GET -- (\S+@\S+)\n", line)
            if not m:
                self.bad += [line] if line else []
                return
            self.asked.append(m[1])
            x = self.gives.get(m[1])
            if isinstance(x, threading.Event):
                x.wait(30)
                x = None
            try:
                c.sendall(self._answer(x))
                f.read(1)           # until it hangs up
            except OSError:
                pass

    @staticmethod
    def _answer(x):
        if not isinstance(x, bytes):
            return b"ERR %d Something <Dirmngr>\n" % (x or NO_DATA)
        out = b"S SOURCE https://openpgpkey.example.net\n"
        for i in range(0, len(x), 300):
            out += b"D " + re.sub(
                rb"[%\r\n]", lambda m: b"%%%02X" % m[0][0], x[i:i + 300]) + b"\n"
        return out + b"OK\n"
