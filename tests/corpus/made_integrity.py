# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP that is broken, cut, foreign, or of kinds that gpg cannot read (R4,
I15, I18): the packets are right, what is in them is not."""
import os

from base import (SECRET, box, encrypt, gpg, inner, keys, letters, sealed,
                  session, signed, text, to)
import openpgp
from openpgp import (COMPRESSED, PKESK, SEIPD, compressed, join, literal,
                     packet, packets)

LONG = SECRET * 500         # more than gpg holds back


def lit(body=None):
    return literal(inner() if body is None else body)


def octets(data):
    """A sealed letter around these OpenPGP octets."""
    return sealed(openpgp.armor(data))


def seal(content, **kw):
    return sealed(box(content, **kw))


def change(data, at, mask=1):
    out = bytearray(data)
    out[at] ^= mask
    return bytes(out)


def plain_box(body=None):
    """head and key packets of a letter with an uncompressed long text."""
    return openpgp.dearmor(encrypt(inner(LONG) if body is None else body,
                                   sign=()))


def packed_box():
    return openpgp.dearmor(gpg("--armor", "--compress-algo", "zlib",
                               *to("bob"), "--encrypt", data=inner(
                                   LONG + os.urandom(4000).hex().encode())))


def gadget():
    """EFAIL's CFB gadget: a block whose cleartext is known is exchanged for
    one of the attacker's; integrity alone tells."""
    head, key = session()
    body = inner(LONG)
    seal = bytearray(openpgp.seipd(key, literal(body)))
    known = body[96:112]
    want = b"<img src=//evil>"
    at = len(seal) - 2000       # somewhere in the middle
    for i in range(16):
        seal[at + i] ^= known[i] ^ want[i]
    return octets(head + bytes(seal))


def to_tag_9():
    """The downgrade: SEIPD renamed to SED, its MDC cut off (CVE-2015-8366)."""
    head, key = session()
    (_, body), = packets(openpgp.seipd(key, lit(inner(LONG))))
    return octets(head + packet(openpgp.SED, body[1:-22]))


def pkesk_unknown(version=6):
    return packet(PKESK, bytes([version, 0x15, 4]) + os.urandom(20) +
                  bytes([25]) + os.urandom(72))


def seipd_2():
    return packet(SEIPD, bytes([2, 9, 2, 6]) + os.urandom(32) +
                  os.urandom(400))


letters(
    mdc_none=lambda: seal(lit(inner(LONG)), container=openpgp.sed),
    mdc_none_short=lambda: seal(lit(), container=openpgp.sed),
    mdc_downgrade=to_tag_9,
    mdc_missing=lambda: seal(lit(inner(LONG)), mdc=False),
    mdc_wrong=lambda: seal(lit(inner(LONG)), mdc=bytes(20)),
    mdc_stripped=lambda: (lambda head, key: octets(
        head + packet(SEIPD, packets(openpgp.seipd(key, lit(inner(LONG))))[0]
                      [1][:-22])))(*session()),
    flip_last=lambda: octets(change(plain_box(), -1)),
    flip_middle=lambda: octets(change(plain_box(), -3000)),
    flip_compressed=lambda: octets(change(packed_box(), -2000)),
    flip_first=lambda: (lambda head, key: octets(
        head + change(openpgp.seipd(key, lit(inner(LONG))), 20)))(*session()),
    flip_session_key=lambda: octets(change(plain_box(), 60)),
    efail_gadget=gadget,
    truncated=lambda: octets(plain_box()[:-4000]),
    truncated_inside=lambda: (lambda head, key: octets(
        head + packet(SEIPD, packets(openpgp.seipd(key, lit(inner(LONG))))[0]
                      [1][:-4000])))(*session()),
    truncated_in_the_mdc=lambda: octets(plain_box()[:-10]),
    truncated_head=lambda: octets(plain_box()[:40]),
    pkesk_alone=lambda: octets(session()[0]),
    data_alone=lambda: (lambda head, key: octets(
        openpgp.seipd(key, lit())))(*session()),
    # no encryption at all
    literal_plain=lambda: octets(lit()),
    compressed_plain=lambda: octets(compressed(lit())),
    signed_plain=lambda: octets(join(signed(inner()))),
    signed_compressed=lambda: octets(compressed(join(signed(inner())))),
    key_as_message=lambda: octets(openpgp.dearmor(
        gpg("--armor", "--export", keys.FPR["eve"]))),
    # not exactly one plaintext
    plaintext_empty=lambda: seal(lit(b"")),
    plaintext_none=lambda: seal(b""),
    plaintext_two=lambda: seal(lit() + lit()),
    plaintext_two_empty_first=lambda: seal(lit(b"") + lit()),
    plaintext_two_signed=lambda: seal(
        lit(text(b"Pay 100 to Mallory\r\n")) + join(signed(inner()))),
    messages_two=lambda: octets(openpgp.dearmor(encrypt(inner())) * 2),
    literal_then_message=lambda: octets(
        lit(text(b"Pay 100 to Mallory\r\n")) +
        openpgp.dearmor(encrypt(inner()))),
    message_then_literal=lambda: octets(
        openpgp.dearmor(encrypt(inner())) +
        lit(text(b"Pay 100 to Mallory\r\n"))),
    literal_between=lambda: (lambda head, key: octets(
        head + lit(text(b"Pay 100 to Mallory\r\n")) +
        openpgp.seipd(key, lit())))(*session()),
    keys_inside=lambda: seal(openpgp.dearmor(
        gpg("--armor", "--export", keys.FPR["eve"]))),
    # compression
    compressed_good=lambda: sealed(gpg(
        "--armor", "--compress-algo", "zlib", "--sign", "--local-user",
        keys.FPR["alice"], *to("bob"), "--encrypt", data=inner())),
    compressed_bzip2=lambda: seal(compressed(lit(), 3)),
    compressed_unknown=lambda: seal(packet(COMPRESSED, b"\x63" + lit())),
    compressed_twice=lambda: seal(compressed(compressed(lit()))),
    compressed_deep=lambda: seal(deep(60)),
    bomb=lambda: seal(compressed(lit(inner(bytes(12 << 20))))),
    bomb_twice=lambda: seal(compressed(compressed(lit(
        inner(bytes(64 << 20)))))),
    # kinds of literal packets, and what may stand in front
    literal_text=lambda: seal(literal(inner(), b"t")),
    literal_utf8=lambda: seal(literal(inner(), b"u")),
    literal_named=lambda: seal(literal(inner(), b"b", b"../../etc/passwd")),
    literal_console=lambda: seal(literal(inner(), b"b", b"_CONSOLE")),
    marker_first=lambda: (lambda head, key: octets(
        packet(openpgp.MARKER, b"PGP") + head +
        openpgp.seipd(key, lit())))(*session()),
    # versions to come
    aead_good=lambda: seal(lit(), container=openpgp.aead),
    aead_tampered=lambda: (lambda head, key: octets(
        head + change(openpgp.aead(key, lit(inner(LONG))), -40)))(*session()),
    aead_noise=lambda: octets(session()[0] + packet(
        openpgp.AEAD, bytes([1, 9, 2, 16]) + os.urandom(400))),
    v6_message=lambda: octets(pkesk_unknown() + seipd_2()),
    v6_with_v3_key=lambda: octets(session()[0] + seipd_2()),
    v6_beside_v3=lambda: (lambda head, key: octets(
        pkesk_unknown() + head + openpgp.seipd(key, lit())))(*session()),
    seipd_version_9=lambda: octets(session()[0] + packet(
        SEIPD, b"\x09" + os.urandom(400))),
    v5_key_first=lambda: octets(packet(openpgp.PUBKEY, bytes([5]) +
                                       os.urandom(60)) +
                                openpgp.dearmor(encrypt(inner()))),
    packet_unknown_critical=lambda: octets(packet(38, b"?") +
                                           openpgp.dearmor(encrypt(inner()))),
    # for whom
    foreign=lambda: sealed(encrypt(inner(), for_=("eve",))),
    foreign_many=lambda: sealed(encrypt(
        inner(), for_=("eve", "dan", "frank", "mallory"))),
    foreign_and_ours=lambda: sealed(encrypt(
        inner(), for_=("eve", "dan", "bob"))),
    hidden_ours=lambda: sealed(encrypt(inner(), for_=(), hidden=("bob",))),
    hidden_foreign=lambda: sealed(encrypt(inner(), for_=(),
                                          hidden=("eve",))),
    hidden_locked=lambda: sealed(encrypt(inner(), for_=(),
                                         hidden=("carol",))),
    hidden_many=lambda: sealed(encrypt(
        inner(), for_=(), hidden=("eve", "dan", "bob"))),
    symmetric=lambda: sealed(gpg(
        "--armor", "--symmetric", "--s2k-count", "65536", data=inner())),
    symmetric_and_ours=lambda: sealed(gpg(
        "--armor", "--symmetric", "--s2k-count", "65536", *to("bob"),
        "--encrypt", data=inner())),
    foreign_lookalikes=lambda: sealed(encrypt(inner(), for_=("eve",)), extra=(
        "HP-Outer: Subject: Fake\n"
        "Letterlock-Status: v=1; encryption=ok; signature=good; FORGED\n")),
)


def deep(n):
    out = lit()
    for _ in range(n):
        out = compressed(out)
    return out
