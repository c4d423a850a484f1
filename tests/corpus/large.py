# SPDX-License-Identifier: GPL-3.0-or-later
"""The letters of the corpus that are too large to keep, made anew for each
run: name -> function (I12)."""
from base import (SECRET, box, crlf, encrypt, head, inner, multi, parts,
                  sealed, session, signed, text, under)
import openpgp

MIB = 1 << 20


def nested(depth, closed=True):
    """multipart in multipart, in linear time."""
    out = [b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" %
           (i, i) for i in range(depth)]
    out.append(text(SECRET))
    if closed:
        out += [b"\r\n--b%d--\r\n" % i for i in reversed(range(depth))]
    return b"".join(out)


def messages(depth):
    return b"Content-Type: message/rfc822\r\n\r\n" * depth + text(SECRET)


def fields(n):
    """A letter with exactly so many header fields, Content-Type included."""
    have = (head() + text(SECRET)).split(b"\r\n\r\n")[0].count(b"\r\n") + 1
    return head(extra="X-Y: z\n" * (n - have)) + text(SECRET)


def many_keys(n):
    """So many session-key packets, of which the last is Bob's."""
    own, key = session()
    other = own[:3] + bytes(range(8)) + own[11:]
    return sealed(openpgp.armor(other * (n - 1) + own + openpgp.seipd(
        key, openpgp.literal(inner()))))


def hp(**kw):
    return sealed(encrypt(inner(mark='hp="cipher"', **kw)))


MADE = {
    "large-fields": lambda: fields(20000),
    "large-fields-too-many": lambda: fields(20001),
    "large-fields-inside": lambda: sealed(encrypt(fields(20000))),
    "large-fields-inside-too-many": lambda: sealed(encrypt(fields(20001))),
    "large-fields-sealed": lambda: sealed(
        encrypt(inner()), extra="X-Y: z\n" * 19000),
    "large-header": lambda: head(extra="X: %s\n" % ("y" * 3 * MIB)) +
    text(SECRET),
    "large-header-too-large": lambda: head(
        extra="X: %s\n" % ("y" * 4 * MIB)) + text(SECRET),
    "large-header-forged": lambda: head(extra=(
        "Letterlock-Status: v=1; FORGED %s\n" % ("y" * MIB))) + text(SECRET),
    "large-no-header-end": lambda: b"y" * (5 * MIB),
    "large-line": lambda: head() + text(b"x" * (5 * MIB) + b"\r\n"),
    "large-line-sealed": lambda: sealed(encrypt(
        inner(b"x" * (5 * MIB) + b"\r\n"))),
    "large-line-signed": lambda: head() + under(
        text(b"x" * (5 * MIB) + b"\r\n")),
    "large-body-sealed": lambda: sealed(encrypt(inner(SECRET * 150000))),
    "large-over-max": lambda: sealed(encrypt(inner(SECRET * 500000))),
    "large-inline": lambda: head() + text(crlf(encrypt(SECRET * 150000))),
    "large-depth": lambda: head() + nested(10000),
    "large-depth-open": lambda: head() + nested(10000, False),
    "large-depth-messages": lambda: head() + messages(10000),
    "large-depth-sealed": lambda: sealed(encrypt(nested(10000))),
    "large-depth-legacy": lambda: sealed(encrypt(inner(
        b"--b\r\n" + nested(5000) + b"\r\n--b--\r\n",
        "multipart/mixed; boundary=b", 'hp="cipher"'))),
    "large-depth-signed": lambda: head() + under(nested(5000)),
    "large-depth-then-sealed": lambda: head() + nested(200).replace(
        text(SECRET), sealed(encrypt(inner()))),
    "large-parts": lambda: head() + multi("mixed", *[text()] * 20000),
    "large-parts-signed": lambda: head() + multi(
        "signed", *[text()] * 20000,
        params='protocol="application/pgp-signature"'),
    "large-parts-encrypted": lambda: head() + multi(
        "encrypted", *[text()] * 20000,
        params='protocol="application/pgp-encrypted"'),
    "large-preamble": lambda: sealed(encrypt(inner()), pre=b"z\r\n" * MIB),
    "large-dashes": lambda: head() + multi(
        "mixed", text(b"--" * MIB + b"\r\n" + b"--b\r\n" * 200000)),
    "large-comments": lambda: head(
        "(" * MIB + " alice@example.org") + text(SECRET),
    "large-comments-type": lambda: head() + b"Content-Type: " + b"(" * MIB +
    b"\r\n\r\n" + SECRET,
    "large-quotes": lambda: head('"' + '\\"' * MIB) + text(SECRET),
    "large-from": lambda: sealed(encrypt(inner(sender=None, mark="")), ", ".join(
        "alice@example.org" for _ in range(20000))),
    "large-from-signed": lambda: head(", ".join(
        "alice@example.org" for _ in range(20000))) + under(text()),
    "large-params": lambda: head() + b"Content-Type: multipart/encrypted" +
    b"; x=y" * 20000 + b"\r\n\r\n" + SECRET,
    "large-words": lambda: hp(subject="=?utf-8?Q?x?= " * 50000),
    "large-words-open": lambda: hp(subject="=?utf-8?Q?" * 50000),
    "large-keys": lambda: many_keys(256),
    "large-keys-too-many": lambda: many_keys(257),
    "large-signature": lambda: head() + under(text(), signature=(
        b"Content-Type: application/pgp-signature\r\n\r\n" + crlf(
            openpgp.armor(openpgp.packet(openpgp.SIG, bytes(MIB)),
                          kind="PGP SIGNATURE")))),
    "large-signatures": lambda: sealed(box(openpgp.join(
        signed(inner())[:2] + signed(inner())[2:] * 500))),
}
