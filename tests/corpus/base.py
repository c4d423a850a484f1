# SPDX-License-Identifier: GPL-3.0-or-later
"""What the letters of the corpus are made of: gpg with the fixed keys, MIME
by hand, and the list of who makes which letter."""
import atexit
import functools
import os
import re
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import openpgp                      # noqa: E402
from kit import keys                # noqa: E402

TIME = "20240601T120000"        # signatures of that day are good for ever
SECRET = b"Zebrafink at noon\r\n"       # what the sealed letters say
PUBLIC = b"Nothing here is secret\r\n"
PEOPLE = ["alice", "frank", "mallory", "eve", "dan", "expired", "bob",
          "carol"]
OWN = ["angles", "twoface", "olduid", "subkey", "idn"]  # keys/ beside us

MADE = {}       # name -> function
NAME = ["?"]    # of the letter being made


def letter(name):
    """Marks the function that makes NAME.eml."""
    def mark(f):
        assert name not in MADE, name
        MADE[name] = f
        return f
    return mark


def letters(**more):
    """The short ones: name (with _ for -) = function."""
    for name, f in more.items():
        letter(name.replace("_", "-"))(f)


# ---- gpg

@functools.lru_cache(None)
def home():
    """Everybody's secret keys; nothing of it is the reader's."""
    d = tempfile.TemporaryDirectory(prefix="llc", dir="/tmp")
    h = keys.home(d.name, PEOPLE)
    atexit.register(d.cleanup)
    atexit.register(keys.kill, h)
    for n in OWN:
        gpg("--import", os.path.join(HERE, "keys", n + ".sec.asc"), at=h)
    # as it was before it was revoked
    with open(keys.asc("revoked", True), "rb") as f:
        key = [p for p in openpgp.packets(openpgp.dearmor(f.read()))
               if p[0] != openpgp.SIG or p[1][1] != 0x20]
    gpg("--import", data=openpgp.join(key), at=h)
    return h


def gpg(*args, data=b"", time=TIME, at=None, check=True):
    return keys.run(at or home(), "--pinentry-mode", "loopback",
                    "--passphrase", keys.PASSPHRASE["carol"],
                    "--faked-system-time", time, "--trust-model", "always",
                    "--no-auto-check-trustdb", *args, data=data,
                    check=check)[1]


@functools.lru_cache(None)
def fpr(name):
    if name in keys.FPR:
        return keys.FPR[name]
    with open(os.path.join(HERE, "keys", "fingerprints")) as f:
        return dict(x.split() for x in f)[name]


def by(*names):
    out = []
    for n in names:
        out += ["--local-user", fpr(n)]
    return out


def to(*names, hidden=()):
    out = []
    for n in names:
        out += ["--recipient", fpr(n)]
    for n in hidden:
        out += ["--hidden-recipient", fpr(n)]
    return out


def encrypt(data, *more, for_=("bob",), sign=("alice",), hidden=(), **kw):
    """Armored; sign: whose signatures are inside."""
    args = ["--armor", "--compress-algo", "none", *more, *to(
        *for_, hidden=hidden)]
    if sign:
        args += ["--sign", *by(*sign)]
    return gpg(*args, "--encrypt", data=data, **kw)


def detached(data, *more, sign=("alice",), **kw):
    return gpg("--armor", *more, *by(*sign), "--detach-sign", data=data, **kw)


def signed(data, *more, sign=("alice",), **kw):
    """The packets of a signed message, neither encrypted nor compressed."""
    return openpgp.packets(gpg("--compress-algo", "none", *more, *by(*sign),
                               "--sign", data=data, **kw))


@functools.lru_cache(None)
def session(names=("bob",), hidden=()):
    """(PKESK packets for these keys, their AES-256 session key)"""
    box = gpg("--cipher-algo", "AES256", "--compress-algo", "none",
              *to(*names, hidden=hidden), "--encrypt", data=b"x")
    _, _, err = keys.run(home(), "--pinentry-mode", "loopback",
                         "--passphrase", keys.PASSPHRASE["carol"],
                         "--trust-model", "always", "--show-session-key",
                         "--decrypt", data=box)
    key = re.search(r"SESSION_KEY 9:([0-9A-F]{64})", err).group(1)
    head = [p for p in openpgp.packets(box) if p[0] == openpgp.PKESK]
    return openpgp.join(head), bytes.fromhex(key)


def box(content, container=openpgp.seipd, names=("bob",), **kw):
    """These very packets, encrypted for Bob: armored."""
    head, key = session(names)
    return openpgp.armor(head + container(key, content, **kw))


# ---- MIME

def crlf(text):
    data = text if isinstance(text, bytes) else text.encode()
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


ALICE, BOB = "Alice Example <alice@example.org>", "Bob Example <bob@example.org>"


def head(sender=ALICE, subject="Outer", extra="", to=BOB):
    """A header block without Content-* and its empty line; sender None: no
    From at all."""
    return crlf(("From: %s\n" % sender if sender is not None else "") +
                "To: %s\nSubject: %s\nDate: Sat, 01 Jun 2024 12:00:00 +0000\n"
                "Message-ID: <%s@example.org>\n" % (to, subject, NAME[0])) + \
        crlf(extra) + b"MIME-Version: 1.0\r\n"


def text(body=PUBLIC, ctype="text/plain; charset=utf-8", extra=""):
    """A MIME entity."""
    return crlf("Content-Type: %s\n%s\n" % (ctype, extra)) + body


def inner(body=SECRET, ctype="text/plain; charset=utf-8",
          mark='hp="cipher"; protected-headers="v1"', sender=ALICE,
          subject="Inner", extra="", to=BOB):
    """A payload with header protection."""
    return crlf("Content-Type: %s%s\n" % (ctype, "; " + mark if mark else "") +
                ("From: %s\n" % sender if sender else "") +
                "To: %s\nSubject: %s\nDate: Sat, 01 Jun 2024 12:00:00 +0000\n"
                "Message-ID: <%s@example.org>\n" % (to, subject, NAME[0]) +
                extra + "\n") + body


def parts(*of, boundary="=-=cut", pre=b"", post=b"", close=True):
    """The body of a multipart."""
    b = b"--" + boundary.encode()
    out = pre
    for p in of:
        out += b + b"\r\n" + p + b"\r\n"
    return out + (b + b"--\r\n" if close else b"") + post


def multi(kind, *of, boundary="=-=cut", params="", extra="", **kw):
    """A MIME entity multipart/kind."""
    return crlf('Content-Type: multipart/%s; boundary="%s"%s\n%s\n' % (
        kind, boundary, params and "; " + params, extra)) + parts(
            *of, boundary=boundary, **kw)


ENCRYPTED = 'protocol="application/pgp-encrypted"'
SIGNED = 'micalg=pgp-sha256; protocol="application/pgp-signature"'
VERSION = b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n"


def data(pgp, extra=""):
    return crlf("Content-Type: application/octet-stream\n%s\n" % extra) + \
        crlf(pgp)


def wrapped(pgp, params=ENCRYPTED, **kw):
    """The MIME entity multipart/encrypted."""
    return multi("encrypted", VERSION, data(pgp), params=params,
                 boundary="=-=seal", **kw)


def sealed(pgp, sender=ALICE, subject="Outer", extra="", **kw):
    """The letter."""
    return head(sender, subject, extra) + wrapped(pgp, **kw)


def attached(sig, ctype="application/pgp-signature", extra=""):
    return crlf("Content-Type: %s; name=signature.asc\n%s\n" % (
        ctype, extra)) + crlf(sig)


def under(entity, *more, params=SIGNED, signature=None, third=(), kind="signed",
          boundary="=-=sign", sign=("alice",), pre=b"", post=b"", close=True,
          extra="", **kw):
    """The MIME entity multipart/signed over entity."""
    sig = signature if signature is not None else attached(
        detached(entity, *more, sign=sign, **kw))
    return multi(kind, entity, sig, *third, params=params, boundary=boundary,
                 pre=pre, post=post, close=close, extra=extra)
