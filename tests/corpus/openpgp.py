# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP packets by hand, for what gpg will not make (RFC 9580): containers
with any content, without integrity, cut, of versions that gpg does not know."""
import base64
import hashlib
import os
import re
import struct
import subprocess

PKESK, SIG, SKESK, ONEPASS, PUBKEY, COMPRESSED, SED, MARKER, LITERAL = (
    1, 2, 3, 4, 6, 8, 9, 10, 11)
SEIPD, MDC, AEAD = 18, 19, 20


# ---- framing

def packet(tag, body):
    """A packet in the new format, with a length of the shortest form."""
    n = len(body)
    if n < 192:
        size = bytes([n])
    elif n < 8384:
        size = bytes([192 + (n - 192 >> 8), n - 192 & 255])
    else:
        size = b"\xff" + struct.pack(">I", n)
    return bytes([0xc0 | tag]) + size + body


def _length(data, at, new, kind):
    """(octets of the length, octets of the body, is it partial?)"""
    if not new:
        n = 1 << kind
        if kind == 3:
            return 0, len(data) - at, False
        return n, int.from_bytes(data[at:at + n], "big"), False
    a = data[at]
    if a < 192:
        return 1, a, False
    if a < 224:
        return 2, (a - 192 << 8) + data[at + 1] + 192, False
    if a == 255:
        return 5, struct.unpack(">I", data[at + 1:at + 5])[0], False
    return 1, 1 << (a & 31), True


def packets(data):
    """[(tag, body)] of a message."""
    out, at = [], 0
    while at < len(data):
        head = data[at]
        assert head & 0x80
        new = head & 0x40
        tag = head & 63 if new else head >> 2 & 15
        at += 1
        body, more = b"", True
        while more:
            k, n, more = _length(data, at, new, head & 3)
            body += data[at + k:at + k + n]
            at += k + n
        out.append((tag, body))
    return out


def join(parts):
    return b"".join(packet(tag, body) for tag, body in parts)


def literal(data, form=b"b", name=b"", date=0):
    return packet(LITERAL, form + bytes([len(name)]) + name +
                  struct.pack(">I", date) + data)


def compressed(data, algo=2, level=9):
    """algo 1: ZIP, 2: ZLIB, 3: BZip2."""
    import bz2
    import zlib
    if algo == 3:
        return packet(COMPRESSED, b"\3" + bz2.compress(data, 9))
    c = zlib.compressobj(level, zlib.DEFLATED, -13 if algo == 1 else 13)
    return packet(COMPRESSED, bytes([algo]) + c.compress(data) + c.flush())


# ---- armor

def crc24(data):
    crc = 0xb704ce
    for octet in data:
        crc ^= octet << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= 0x1864cfb
    return crc


def armor(data, kind="PGP MESSAGE", headers=(), check=True):
    """LF line ends, as gpg gives them."""
    text = base64.b64encode(data).decode()
    rows = ["-----BEGIN %s-----" % kind, *headers, ""]
    rows += [text[i:i + 64] for i in range(0, len(text), 64)]
    if check:
        rows.append("=" + base64.b64encode(
            crc24(data).to_bytes(3, "big")).decode())
    rows.append("-----END %s-----" % kind)
    return "".join(r + "\n" for r in rows).encode()


def dearmor(text):
    m = re.search(rb"-----BEGIN [^\n]*-----\n(?:[^\n]+:[^\n]*\n)*\n(.*?)"
                  rb"(?:\n=[A-Za-z0-9+/]{4})?\n-----END", text, re.S)
    return base64.b64decode(m.group(1))


# ---- encryption

def openssl(*args, data=b""):
    return subprocess.run(["openssl"] + list(args), input=data, check=True,
                          capture_output=True).stdout


def cfb(key, iv, data):
    return openssl("enc", "-aes-256-cfb", "-K", key.hex(), "-iv", iv.hex(),
                   data=data)


def seipd(key, content, mdc=True):
    """Tag 18 version 1 under an AES-256 session key; mdc: True, False (there
    is none), or the 20 octets that stand for it."""
    head = os.urandom(16)
    clear = head + head[-2:] + content
    if mdc is True:
        mdc = hashlib.sha1(clear + b"\xd3\x14").digest()
    if mdc:
        clear += b"\xd3\x14" + mdc
    return packet(SEIPD, b"\1" + cfb(key, bytes(16), clear))


def sed(key, content):
    """Tag 9, the old container without integrity (RFC 9580 section 5.7)."""
    head = os.urandom(16)
    first = cfb(key, bytes(16), head + head[-2:])
    return packet(SED, first + cfb(key, first[2:18], content))


def _aes(key, blocks):
    return openssl("enc", "-aes-256-ecb", "-nopad", "-K", key.hex(),
                   data=blocks)


def _xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def _double(block):
    n = int.from_bytes(block, "big") << 1
    if n >> 128:
        n = n & ((1 << 128) - 1) ^ 0x87
    return n.to_bytes(16, "big")


def ocb(key, nonce, ad, data):
    """AES-OCB (RFC 7253) with a tag of 16 octets behind."""
    star = _aes(key, bytes(16))
    dollar = _double(star)

    def run(text, offset, crypt):
        l, n, total = dollar, 0, bytes(16)
        masked, offsets = b"", []
        ls = []
        for i in range(0, len(text) - len(text) % 16, 16):
            n += 1
            k = (n & -n).bit_length() - 1
            while len(ls) <= k:
                l = _double(l)
                ls.append(l)
            offset = _xor(offset, ls[k])
            offsets.append(offset)
            masked += _xor(text[i:i + 16], offset)
            total = _xor(total, text[i:i + 16])
        done = _aes(key, masked) if masked else b""
        done = [done[i:i + 16] for i in range(0, len(done), 16)]
        rest = text[len(text) - len(text) % 16:]
        if crypt:
            out = b"".join(map(_xor, done, offsets))
            if rest:
                offset = _xor(offset, star)
                out += _xor(rest, _aes(key, offset))
                total = _xor(total, rest + b"\x80" + bytes(15 - len(rest)))
            return out, _aes(key, _xor(_xor(total, offset), dollar))
        total = bytes(16)
        for b in done:
            total = _xor(total, b)
        if rest:
            offset = _xor(offset, star)
            pad = rest + b"\x80" + bytes(15 - len(rest))
            total = _xor(total, _aes(key, _xor(pad, offset)))
        return None, total

    n = bytearray(b"\0" * (15 - len(nonce)) + b"\1" + nonce)
    n[0] |= 0 if len(nonce) == 15 else 0
    bottom = n[15] & 63
    n[15] &= 0xc0
    top = _aes(key, bytes(n))
    stretch = int.from_bytes(top + _xor(top[:8], top[1:9]), "big")
    start = (stretch >> 64 - bottom & (1 << 128) - 1).to_bytes(16, "big")
    out, tag = run(data, start, True)
    return out + _xor(tag, run(ad, bytes(16), False)[1])


def aead(key, content):
    """Tag 20 version 1, AES-256 and OCB, one chunk: what GnuPG 2.3 makes."""
    iv = os.urandom(15)
    head = bytes([0xd4, 1, 9, 2, 16])
    first = ocb(key, _xor(iv, bytes(15)), head + bytes(8), content)
    last = ocb(key, _xor(iv, (1).to_bytes(15, "big")),
               head + (1).to_bytes(8, "big") +
               len(content).to_bytes(8, "big"), b"")
    return packet(AEAD, bytes([1, 9, 2, 16]) + iv + first + last)
