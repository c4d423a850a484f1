# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail clients of the tests, byte by byte."""
import base64
import re
import socket
import ssl
import struct


class Closed(Exception):
    """The server closed the connection."""


class Line:
    """A connection that is read by lines and written raw. tls: an
    ssl.SSLContext for TLS from the start."""

    def __init__(self, port, host="127.0.0.1", timeout=60, tls=None):
        self.sock = socket.create_connection((host, port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf, self.host = b"", host
        if tls:
            self.begin_tls(tls)

    def __enter__(self):
        return self

    def __exit__(self, *a):
        self.close()

    def begin_tls(self, tls):
        assert not self.buf, self.buf
        self.sock = tls.wrap_socket(self.sock, server_hostname=self.host)

    def close(self):
        self.sock.close()

    def abort(self):
        """Go without a farewell: a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        try:
            self.sock.sendall(data if isinstance(data, bytes)
                              else data.encode())
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError) as e:
            raise Closed(str(e))

    def more(self):
        try:
            data = self.sock.recv(1 << 18)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        if not data:
            raise Closed(repr(self.buf[:200]))
        self.buf += data

    def line(self):
        at = 0
        while True:
            i = self.buf.find(b"\n", at)
            if i >= 0:
                break
            at = len(self.buf)
            self.more()
        line, self.buf = self.buf[:i + 1], self.buf[i + 1:]
        return line

    def closed(self, seconds):
        """Is the connection closed by the other side within so many s?"""
        self.sock.settimeout(seconds)
        try:
            while self.sock.recv(1 << 16):
                pass
        except socket.timeout:
            return False
        except OSError:
            pass
        return True


def stuffed(data):
    """The octets of a message as SMTP and POP3 carry them, end included."""
    if data and not data.endswith(b"\r\n"):
        data += b"\r\n"
    if data.startswith(b"."):
        data = b"." + data
    return data.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def plain(user, password):
    return base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode()


class Reply:
    """code, the words (lines joined by LF, codes kept), and raw lines."""

    def __init__(self, lines):
        self.lines = [x.rstrip(b"\r\n").decode("utf-8", "replace")
                      for x in lines]
        self.code = int(self.lines[-1][:3])
        self.text = "\n".join(x[4:] for x in self.lines)

    @property
    def ok(self):
        return 200 <= self.code < 300

    def __repr__(self):
        return "<%d %s>" % (self.code, self.text)


def words(reply):
    """The text of a reply behind its enhanced code (RFC 3463)."""
    m = re.match(r"([245]\.\d+\.\d+) (.*)", reply.text, re.S)
    assert m and m.group(1)[0] == str(reply.code)[0], reply
    assert not m.group(2).endswith("."), "the client adds the full stop"
    return m.group(2)


class Smtp(Line):
    def __init__(self, port, user=None, password=None, **kw):
        super().__init__(port, **kw)
        self.banner = self.reply()
        self.ehlo = None
        if user:
            self.hello()
            self.login(user, password)

    def reply(self):
        lines = []
        while True:
            x = self.line()
            assert len(x) >= 5 and x.endswith(b"\r\n"), x
            lines.append(x)
            if x[3:4] != b"-":
                assert x[3:4] == b" ", x
                return Reply(lines)

    def cmd(self, text):
        self.send(text if isinstance(text, bytes) else text + "\r\n")
        return self.reply()

    def hello(self):
        self.ehlo = self.cmd("EHLO [127.0.0.1]")
        assert self.ehlo.code == 250, self.ehlo
        return self.ehlo

    def auth(self, user, password):
        return self.cmd("AUTH PLAIN " + plain(user, password))

    def login(self, user, password):
        r = self.auth(user, password)
        assert r.code == 235, r

    def envelope(self, sender, to, params=""):
        """MAIL, RCPTs and DATA: the first reply that is not as wished, or
        the 354."""
        r = self.cmd("MAIL FROM:<%s>%s" % (sender, params))
        if not r.ok:
            return r
        for a in to:
            r = self.cmd("RCPT TO:<%s>" % a)
            if not r.ok:
                return r
        return self.cmd("DATA")

    def send_letter(self, sender, to, data, params=""):
        """The last reply there was."""
        r = self.envelope(sender, to, params)
        if r.code != 354:
            return r
        self.send(stuffed(data))
        return self.reply()

    def quit(self):
        try:
            return self.cmd("QUIT")
        finally:
            self.close()


class Pop3(Line):
    def __init__(self, port, user=None, password=None, **kw):
        super().__init__(port, **kw)
        self.banner = self.status()
        if user:
            self.login(user, password)

    def status(self):
        x = self.line()
        assert x.endswith(b"\r\n") and x[:3] in (b"+OK", b"-ER", b"+ \r"), x
        return x.rstrip(b"\r\n").decode("utf-8", "replace")

    def cmd(self, text):
        self.send(text if isinstance(text, bytes) else text + "\r\n")
        return self.status()

    def try_login(self, user, password):
        r = self.cmd("USER " + user)
        return r if not r.startswith("+OK") else self.cmd("PASS " + password)

    def login(self, user, password):
        r = self.try_login(user, password)
        assert r.startswith("+OK"), r

    def body(self):
        """A multi-line answer, dots unstuffed, octet by octet."""
        end, at = b"\r\n.\r\n", 0
        if not self.buf:
            self.more()
        while not self.buf.startswith(b".\r\n"):
            i = self.buf.find(end, max(0, at - 4))
            if i >= 0:
                break
            at = len(self.buf)
            if len(self.buf) > 1 << 20:     # big: gather, then look once
                return self._big()
            self.more()
        if self.buf.startswith(b".\r\n"):
            self.buf = self.buf[3:]
            return b""
        data, self.buf = self.buf[:i + 2], self.buf[i + 5:]
        return self._bare(data)

    def _big(self):
        got, tail = [self.buf], self.buf[-4:]
        while True:
            self.buf = b""
            self.more()
            look = tail + self.buf
            if b"\r\n.\r\n" in look:
                i = look.index(b"\r\n.\r\n") + 5 - len(tail)
                got.append(self.buf[:i])
                self.buf = self.buf[i:]
                return self._bare(b"".join(got)[:-3])
            got.append(self.buf)
            tail = look[-4:]

    @staticmethod
    def _bare(data):
        if data.startswith(b"."):
            data = data[1:]
        return data.replace(b"\r\n.", b"\r\n")

    def ask(self, text):
        """(status, body or None)"""
        r = self.cmd(text)
        return r, self.body() if r.startswith("+OK") else None

    def rows(self, verb):
        r, b = self.ask(verb)
        assert r.startswith("+OK"), r
        return [x.decode().split(" ", 1) for x in b.splitlines()]

    def retr(self, n):
        r, b = self.ask("RETR %d" % n)
        assert r.startswith("+OK"), r
        return b

    def quit(self):
        try:
            return self.cmd("QUIT")
        finally:
            self.close()


def send(port, user, password, to, data, sender=None, params="", tls=None):
    """One letter on a connection of its own: the last reply."""
    with Smtp(port, user, password, tls=tls) as c:
        r = c.send_letter(sender or user, to, data, params)
        try:
            c.cmd("QUIT")
        except Closed:
            pass
        return r


def fetch(port, user, password, delete=True, tls=None):
    """All letters of a mailbox."""
    with Pop3(port, user, password, tls=tls) as c:
        n = int(c.cmd("STAT").split()[1])
        out = []
        for i in range(1, n + 1):
            out.append(c.retr(i))
            if delete:
                assert c.cmd("DELE %d" % i).startswith("+OK")
        r = c.cmd("QUIT")
        assert r.startswith("+OK"), r
        return out
