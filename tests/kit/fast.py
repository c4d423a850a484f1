# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider for the bench: SMTP and POP3 in a process of its own, as quick as
Python can be, that keeps nothing but the last letter.

As a program: fast.py FOLDER [CERTIFICATE KEY].  The folder's files, in the
order of their names, are everybody's mailbox, each read again at its RETR."""
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading

if __name__ != "__main__":
    from . import die_with_parent

BLOCK = 1 << 20
EHLO = (b"250-fast.example.test\r\n250-SIZE 209715200\r\n250-8BITMIME\r\n"
        b"250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 AUTH PLAIN\r\n")
CAPA = (b"+OK\r\nTOP\r\nUIDL\r\nUSER\r\nPIPELINING\r\nSASL PLAIN\r\n.\r\n")


class Fast:
    """A running one: ports smtp, pop3 and (with a pair) smtps."""

    def __init__(self, folder, pair=()):
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), folder] + list(pair),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            preexec_fn=die_with_parent)
        self.smtp, self.pop3, self.smtps = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise OSError("the provider of the bench ended")
        return json.loads(line)

    def last(self):
        """How many letters came, the octets of the last, and its first."""
        self.process.stdin.write(b"last\n")
        self.process.stdin.flush()
        n, size, head = self._answer()
        return n, size, head.encode("latin-1")

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait(10)


# ---- the other process

class Conn:
    last = (0, 0, b"")

    def __init__(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.buf = sock, b""
        self.block = bytearray(BLOCK)

    def line(self):
        while True:
            i = self.buf.find(b"\n")
            if i >= 0:
                break
            more = self.sock.recv(65536)
            if not more:
                raise EOFError
            self.buf += more
        line, self.buf = self.buf[:i].rstrip(b"\r"), self.buf[i + 1:]
        return line

    def letter(self):
        """Up to the final dot, of which nothing is behind."""
        head, size, tail = self.buf[:65536], len(self.buf), self.buf[-5:]
        view = memoryview(self.block)
        self.buf = b""
        while tail != b"\r\n.\r\n":
            n = self.sock.recv_into(view)
            if not n:
                raise EOFError
            if len(head) < 65536:
                head += view[:n]
            size += n
            tail = (tail + view[max(0, n - 5):n])[-5:]
        Conn.last = (Conn.last[0] + 1, size, head[:65536])


def smtp(c):
    send = c.sock.sendall
    send(b"220 fast.example.test ESMTP\r\n")
    while True:
        verb = c.line()[:4].upper()
        if verb == b"EHLO":
            send(EHLO)
        elif verb == b"AUTH":
            send(b"235 2.7.0 welcome\r\n")
        elif verb == b"DATA":
            send(b"354 go ahead\r\n")
            c.letter()
            send(b"250 2.0.0 queued as F00D\r\n")
        elif verb == b"QUIT":
            send(b"221 2.0.0 bye\r\n")
            return
        else:
            send(b"250 2.1.0 ok\r\n")


def pop3(c, folder):
    send = c.sock.sendall
    names = sorted(os.listdir(folder))
    paths = [os.path.join(folder, n) for n in names]
    sizes = [os.path.getsize(p) for p in paths]
    send(b"+OK fast\r\n")
    while True:
        verb, _, arg = c.line().decode().partition(" ")
        if verb == "CAPA":
            send(CAPA)
        elif verb == "STAT":
            send(b"+OK %d %d\r\n" % (len(sizes), sum(sizes)))
        elif verb in ("LIST", "UIDL"):
            rows = enumerate(sizes if verb == "LIST" else names, 1)
            send(b"+OK\r\n" + b"".join(
                b"%d %s\r\n" % (i, str(x).encode()) for i, x in rows) +
                b".\r\n")
        elif verb == "RETR":
            n = int(arg) - 1
            if sizes[n] < 65536:
                with open(paths[n], "rb") as f:
                    send(b"+OK\r\n" + f.read() + b".\r\n")
                continue
            send(b"+OK\r\n")
            with open(paths[n], "rb") as f:
                c.sock.sendfile(f)
            send(b".\r\n")
        elif verb == "QUIT":
            send(b"+OK bye\r\n")
            return
        else:
            send(b"+OK\r\n")


def serve(sock, context, run, *args):
    try:
        if context:
            sock = context.wrap_socket(sock, server_side=True)
        run(Conn(sock), *args)
    except (OSError, EOFError, ValueError):
        pass
    finally:
        sock.close()


def listen(context, run, *args):
    server = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept():
        while True:
            sock, _ = server.accept()
            threading.Thread(target=serve, args=(sock, context, run) + args,
                             daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return server.getsockname()[1]


def main(folder, *pair):
    context = None
    for n in os.listdir(folder):    # what is sent as it lies must be stuffed
        with open(os.path.join(folder, n), "rb") as f:
            data = f.read()
        assert data.endswith(b"\r\n") and not re.search(rb"(^|\n)\.", data), n
    if pair:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
    ports = (listen(None, smtp), listen(None, pop3, folder),
             listen(context, smtp) if pair else None)
    print(json.dumps(ports), flush=True)
    for _ in sys.stdin:
        n, size, head = Conn.last
        print(json.dumps([n, size, head.decode("latin-1")]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
