# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted provider, SMTP or POP3, in threads of the test: it records every
octet it hears and can be told to fail anywhere."""
import base64
import hashlib
import hmac
import re
import socket
import ssl
import struct
import threading
import time

from . import wait_for

KEYWORDS = ("SIZE 157286400", "8BITMIME", "SMTPUTF8", "PIPELINING", "DSN",
            "ENHANCEDSTATUSCODES")
SMTP_STAGES = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "body",
               "dot", "quit")
POP3_STAGES = ("connect", "capa", "auth", "stat", "list", "uidl", "retr",
               "body", "dele", "quit")


class Drop(Exception):
    """The provider hangs up; hard: by a reset."""

    def __init__(self, hard=False):
        self.hard = hard


def drop(session, arg):
    raise Drop()


def reset(session, arg):
    raise Drop(True)


def say(text):
    """A hook that answers this instead."""
    return lambda session, arg: text


def bye(text):
    """A hook that answers this and hangs up."""
    def hook(session, arg):
        session.send(text + "\r\n")
        raise Drop()
    return hook


class Gate:
    """A hook that stops at its stage until open() (or 60 s have passed)."""

    def __init__(self, then=None):
        self.reached, self.go, self.then = (threading.Event(),
                                            threading.Event(), then)

    def __call__(self, session, arg):
        self.reached.set()
        self.go.wait(60)
        return self.then(session, arg) if self.then else None

    def wait(self, seconds=20):
        assert self.reached.wait(seconds), "the provider was not reached"

    def open(self):
        self.go.set()


class Letter:
    def __init__(self, sender, params, to, data):
        self.sender, self.params, self.to, self.data = sender, params, to, data


class Session:
    """One connection: what was heard (after TLS), line by line of the
    dialogue too."""

    def __init__(self, provider, sock):
        self.provider, self.sock = provider, sock
        self.heard, self.lines = [], []
        self.buf = b""
        self.secure = False

    def tls(self):
        self.buf = b""
        self.sock = self.provider.context.wrap_socket(self.sock,
                                                      server_side=True)
        self.secure = True

    def send(self, data):
        self.sock.sendall(data.encode() if isinstance(data, str) else data)

    def recv(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise Drop()
        self.heard.append(data)
        return data

    def line(self):
        while b"\n" not in self.buf:
            self.buf += self.recv()
        line, self.buf = self.buf.split(b"\n", 1)
        text = line.rstrip(b"\r").decode("utf-8", "replace")
        self.lines.append(text)
        return text

    def hook(self, stage, arg=None):
        h = self.provider.hooks.get(stage)
        return h(self, arg) if h else None

    def say(self, stage, default, arg=None):
        """Answer what the hook of this stage says, or else the default."""
        text = self.hook(stage, arg)
        text = default if text is None else text
        self.send(text + "\r\n")
        return text


class Provider:
    """kind: smtp or pop3. tls: plaintext, tls, starttls. pair: certificate and
    key (weak: such as OpenSSL would not take). hooks: stage -> function(session, argument) that returns a reply or
    None, or raises Drop; body_at: after how many octets the stage "body" is
    reached. As a context manager it is started and stopped."""

    def __init__(self, kind, users, tls="plaintext", pair=None, hooks=None,
                 mailbox=(), keywords=KEYWORDS, mechs="PLAIN LOGIN",
                 body_at=0, host="127.0.0.1", tls_max=None, weak=False):
        self.kind, self.users, self.tls = kind, users, tls
        self.hooks = dict(hooks or {})
        self.keywords, self.mechs, self.body_at = keywords, mechs, body_at
        self.sessions, self.accepted = [], []
        self.logins, self.scram, self.after_no = [], [], []
        self.binds, self.capa_user = "-PLUS" in mechs, True
        self.mailbox = [("uid%d" % (i + 1), m) for i, m in enumerate(mailbox)]
        self.host, self.names = host, []
        if pair:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if tls_max or weak:
                self.context.set_ciphers("ALL:@SECLEVEL=0")
            if tls_max:
                self.context.minimum_version = ssl.TLSVersion.TLSv1
                self.context.maximum_version = tls_max
            self.context.load_cert_chain(*pair)
            # those that clients asked for in TLS
            self.context.sni_callback = lambda sock, name, context: \
                self.names.append(name)

    def __enter__(self):
        return self.start()

    def __exit__(self, *a):
        self.stop()

    @property
    def conf(self):
        """The value for the agent's configuration."""
        return "%s:%d %s" % (self.host, self.port, self.tls)

    def start(self, port=0):
        self.listener = socket.create_server((self.host, port), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self.listener,),
                         daemon=True).start()
        return self

    def stop(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for s in self.sessions:
            try:
                s.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def wire(self):
        """All it has ever heard."""
        return b"".join(b"".join(s.heard) for s in self.sessions)

    def lines(self):
        return [x for s in self.sessions for x in s.lines]

    def heard(self, verb):
        """How many commands began like this."""
        return sum(x.upper().startswith(verb) for x in self.lines())

    def wait_accepted(self, n, seconds=10):
        wait_for(lambda: len(self.accepted) >= n, seconds)

    def _accept(self, listener):
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            s = Session(self, sock)
            self.sessions.append(s)
            threading.Thread(target=self._serve, args=(s,),
                             daemon=True).start()

    def _serve(self, s):
        try:
            s.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.hook("connect")
            if self.tls == "tls":
                s.tls()
            (self._smtp if self.kind == "smtp" else self._pop3)(s)
        except Drop as d:
            if d.hard:
                s.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
        except (OSError, ssl.SSLError, ValueError):
            pass
        finally:
            try:
                s.sock.close()
            except OSError:
                pass

    # ---- credentials

    def _plain(self, token):
        try:
            _, user, pw = base64.b64decode(token).decode().split("\0")
        except ValueError:
            return False
        return self._known(user, pw)

    def _known(self, user, pw):
        return hmac.compare_digest(self.users.get(user, "\1").encode(),
                                   pw.encode())

    def _scram(self, s, mech, first, more):
        """RFC 5802. The hook "scram" may change a message of the server's."""
        def b64(text):
            return base64.b64encode(text if isinstance(text, bytes) else
                                    text.encode()).decode()

        name = "sha1" if "SHA-1" in mech else "sha256"

        def mac(key, text):
            return hmac.digest(key, text.encode(), name)

        flag, _, bare = base64.b64decode(first).decode().split(",", 2)
        self.scram.append((mech, flag))
        user, nonce = (x[2:] for x in bare.split(",")[:2])
        plus = mech.endswith("-PLUS")
        if plus != flag.startswith("p=") or flag == "y" and self.binds:
            return False            # somebody took our -PLUS away
        salt, n = b"a grain of salt", 4096
        said = "r=%sservers,s=%s,i=%d" % (nonce, b64(salt), n)
        said = s.hook("scram", said) or said
        final = base64.b64decode(more(b64(said))).decode()
        bound, _, proof = final.rpartition(",p=")
        text = ",".join((bare, said, bound))
        c = base64.b64decode(bound.split(",")[0][2:])
        want = (flag + ",,").encode()
        if flag == "p=tls-unique":
            want += s.sock.get_channel_binding("tls-unique")
        elif plus:                  # Python cannot tell us tls-exporter
            want += c[-32:]
        secret = self.users.get(user.replace("=2C", ",").replace("=3D", "="))
        if secret is None or c != want:
            return False
        salted = hashlib.pbkdf2_hmac(name, secret.encode(), salt, n)
        key = mac(salted, "Client Key")
        sign = mac(hashlib.new(name, key).digest(), text)
        if base64.b64decode(proof) != bytes(a ^ b for a, b in zip(key, sign)):
            return False
        v = "v=" + b64(mac(mac(salted, "Server Key"), text))
        v = s.hook("scram", v) or v
        if v == "none":
            return True
        return more(b64(v)) == ""

    def _token(self, mech, first, more):
        """OAuth: the user's password is the token."""
        text = base64.b64decode(first).decode()
        bearer = re.search("\1auth=Bearer ([^\1]*)\1", text).group(1)
        user = re.match("n,a=([^,]*)," if mech == "OAUTHBEARER" else
                        "user=([^\1]*)", text).group(1)
        if self._known(user, bearer):
            return True
        self.after_no.append(more(base64.b64encode(
            b'{"status":"invalid_token","schemes":"bearer"}').decode()))
        return False

    def _auth(self, s, args, more):
        """more(prompt): send a continuation, give the answer."""
        mech = args[0].upper()
        self.logins.append(mech)
        if mech.startswith("SCRAM-"):
            return self._scram(s, mech, args[1] if len(args) > 1 else more(""),
                               more)
        if mech in ("OAUTHBEARER", "XOAUTH2"):
            return self._token(mech, args[1] if len(args) > 1 else more(""),
                               more)
        if args[0].upper() == "PLAIN":
            return self._plain(args[1] if len(args) > 1 else more(""))
        if args[0].upper() == "LOGIN":
            user = base64.b64decode(more("VXNlcm5hbWU6")).decode()
            pw = base64.b64decode(more("UGFzc3dvcmQ6")).decode()
            return self._known(user, pw)
        return False

    # ---- SMTP

    def _smtp(self, s):
        s.say("banner", "220 fake.example.test ESMTP")
        sender = params = None
        to, authed = [], False

        def more(prompt):
            s.send("334 %s\r\n" % prompt)
            return s.line()

        while True:
            line = s.line()
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            if verb in ("EHLO", "HELO"):
                words = ["fake.example.test"]
                if verb == "EHLO":
                    words += list(self.keywords)
                    if self.tls == "starttls" and not s.secure:
                        words.append("STARTTLS")
                    elif self.mechs:
                        words.append("AUTH " + self.mechs)
                s.say("ehlo", "\r\n".join(
                    "250%s%s" % ("-" if i < len(words) - 1 else " ", w)
                    for i, w in enumerate(words)), rest)
            elif verb == "STARTTLS":
                s.say("starttls", "220 2.0.0 go")
                s.tls()
            elif verb == "AUTH":
                text = s.hook("auth", rest)
                if text is None:
                    authed = self._auth(s, rest.split(), more)
                    text = ("235 2.7.0 welcome" if authed else
                            "535 5.7.8 wrong user or password")
                s.send(text + "\r\n")
            elif verb == "MAIL":
                m = re.match(r"FROM:<([^>]*)>(.*)", rest, re.I)
                sender, params, to = m.group(1), m.group(2).strip(), []
                s.say("mail", "250 2.1.0 ok" if authed else
                      "530 5.7.0 who are you", sender)
            elif verb == "RCPT":
                a = re.match(r"TO:<([^>]*)>", rest, re.I).group(1)
                if s.say("rcpt", "250 2.1.5 ok", a).startswith("2"):
                    to.append(a)
            elif verb == "DATA":
                if not to:
                    s.send("503 5.5.1 nobody to send to\r\n")
                    continue
                if not s.say("data", "354 go ahead").startswith("354"):
                    continue
                data = self._body(s)
                text = s.hook("dot", to) or "250 2.0.0 queued as F00D"
                if text.startswith("2"):
                    self.accepted.append(Letter(sender, params, to, data))
                s.send(text + "\r\n")
                to = []
            elif verb in ("RSET", "NOOP"):
                if verb == "RSET":
                    to = []
                s.say(verb.lower(), "250 2.0.0 ok")
            elif verb == "QUIT":
                s.say("quit", "221 2.0.0 bye")
                return
            else:
                s.send("502 5.5.2 what\r\n")

    def _body(self, s):
        got, tail, size, hooked = [], b"\r\n", 0, False
        buf, s.buf = s.buf, b""
        while True:
            if not hooked and size + len(buf) >= self.body_at:
                hooked = True
                s.hook("body", size)
            look = tail + buf
            i = look.find(b"\r\n.\r\n")
            if i >= 0:
                got.append(buf[:max(0, i + 2 - len(tail))])
                s.buf = look[i + 5:]
                break
            got.append(buf)
            size += len(buf)
            tail = look[-4:]
            buf = s.recv()
        data = b"".join(got)
        # what of the end came with an earlier piece is no part of the letter
        early = len(tail) - (i + 2)
        if early > 0:
            data = data[:-early]
        if data.startswith(b"."):
            data = data[1:]
        return data.replace(b"\r\n.", b"\r\n")

    # ---- POP3

    def _pop3(self, s):
        s.say("banner", "+OK fake")
        user, gone, mine, authed = "", set(), [], False

        def more(prompt):
            s.send("+ %s\r\n" % prompt)
            return s.line()

        def login(ok):
            text = s.hook("auth", user)
            if text is None:
                text = "+OK welcome" if ok else "-ERR [AUTH] wrong password"
            s.send(text + "\r\n")
            return ok and text.startswith("+OK")

        def item(arg):
            n = int(arg)
            if not 1 <= n <= len(mine) or n in gone:
                raise IndexError
            return n

        while True:
            line = s.line()
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            live = [(i + 1, u, m) for i, (u, m) in enumerate(mine)
                    if i + 1 not in gone]
            try:
                if verb == "CAPA":
                    words = ["TOP", "UIDL", "RESP-CODES", "SASL " + self.mechs]
                    if self.capa_user:
                        words.append("USER")
                    if self.tls == "starttls" and not s.secure:
                        words = ["TOP", "UIDL", "STLS"]
                    s.say("capa", "+OK\r\n" + "\r\n".join(words) + "\r\n.")
                elif verb == "STLS":
                    s.say("stls", "+OK go")
                    s.tls()
                elif verb == "USER":
                    user = rest
                    s.say("user", "+OK")
                elif verb in ("PASS", "AUTH"):
                    if verb == "PASS":
                        self.logins.append("USER")
                    ok = (self._known(user, rest) if verb == "PASS" else
                          self._auth(s, rest.split(), more))
                    if login(ok):
                        authed, mine = True, list(self.mailbox)
                elif verb == "QUIT":
                    text = s.hook("quit")
                    if text is None:
                        keep = {u for i, (u, m) in enumerate(mine)
                                if i + 1 in gone}
                        self.mailbox = [x for x in self.mailbox
                                        if x[0] not in keep]
                    s.send((text or "+OK bye") + "\r\n")
                    return
                elif not authed:
                    s.send("-ERR log in first\r\n")
                elif verb == "STAT":
                    s.say("stat", "+OK %d %d" % (
                        len(live), sum(len(m) for _, _, m in live)))
                elif verb in ("LIST", "UIDL"):
                    def row(i, u, m):
                        return "%d %s" % (i, u if verb == "UIDL" else len(m))
                    if rest:
                        n = item(rest)
                        s.say(verb.lower(), "+OK " + row(n, *mine[n - 1]))
                    else:
                        s.say(verb.lower(), "\r\n".join(
                            ["+OK"] + [row(*x) for x in live] + ["."]))
                elif verb in ("RETR", "TOP"):
                    args = rest.split()
                    n = item(args[0])
                    if s.say(verb.lower(), "+OK here", n).startswith("+"):
                        data = mine[n - 1][1]
                        if verb == "TOP":
                            head, _, body = data.partition(b"\r\n\r\n")
                            ls = body.split(b"\r\n")[:int(args[1])]
                            data = head + b"\r\n\r\n" + b"".join(
                                x + b"\r\n" for x in ls)
                        self._give(s, data)
                elif verb == "DELE":
                    n = item(rest)
                    if s.say("dele", "+OK", n).startswith("+"):
                        gone.add(n)
                elif verb in ("NOOP", "RSET"):
                    if verb == "RSET":
                        gone.clear()
                    s.say(verb.lower(), "+OK")
                else:
                    s.send("-ERR what\r\n")
            except IndexError:
                s.send("-ERR no such message\r\n")

    def _give(self, s, data):
        if data and not data.endswith(b"\r\n"):
            data += b"\r\n"
        if data.startswith(b"."):
            data = b"." + data
        data = data.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        at = min(self.body_at, len(data) - 3)
        s.send(data[:at])
        s.hook("body", at)
        s.send(data[at:])


def slowly(seconds):
    """A hook that takes its time."""
    def hook(session, arg):
        time.sleep(seconds)
    return hook
