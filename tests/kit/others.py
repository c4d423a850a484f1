# SPDX-License-Identifier: GPL-3.0-or-later
"""PGP/MIME as others make it and take it apart, with nothing of ours."""
import base64
import re

from . import keys, letters


def letter(kind, sender, to):
    """A letter of this kind, to be sealed or signed by another program."""
    return letters.KINDS[kind](sender=sender, to=to).replace(
        b"Alice Example", sender.split("@")[0].title().encode() + b" Example")


def entity(raw, hp='; protected-headers="v1"'):
    """The letter as the payload: all its fields, said to be protected."""
    return re.sub(rb"(?m)^(Content-Type: [^;\r]*)", rb"\1" + hp.encode(), raw,
                  count=1)


def outside(raw, subject=None):
    """Its header block without MIME fields and the empty line."""
    head = re.sub(rb"(?im)^(Content-|MIME-)[^\r]*\r\n([ \t][^\r]*\r\n)*", b"",
                  raw.split(b"\r\n\r\n", 1)[0] + b"\r\n")
    if subject:
        head = re.sub(rb"(?m)^Subject: [^\r]*", b"Subject: " + subject.encode(),
                      head)
    return head


def sealed(raw, openpgp):
    """RFC 3156 section 4 around this OpenPGP message, in the letter's name."""
    return outside(raw, "...") + letters.crlf(
        'MIME-Version: 1.0\nContent-Type: multipart/encrypted; '
        'protocol="application/pgp-encrypted";\n boundary="a=_b"\n\n'
        "This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)\n"
        "--a=_b\nContent-Type: application/pgp-encrypted\n"
        "Content-Description: PGP/MIME version identification\n\nVersion: 1\n\n"
        '--a=_b\nContent-Type: application/octet-stream; name="encrypted.asc"\n'
        "Content-Disposition: inline; filename=\"encrypted.asc\"\n\n") + \
        letters.crlf(openpgp) + b"\r\n--a=_b--\r\n"


def signed_entity(payload, signature, micalg="pgp-sha512"):
    """RFC 3156 section 5: a multipart/signed, from its Content-Type on."""
    return letters.crlf(
        "Content-Type: multipart/signed; micalg=%s;\n"
        ' protocol="application/pgp-signature"; boundary="s=_c"\n\n'
        "This is an OpenPGP/MIME signed message (RFC 4880 and 3156)\n"
        "--s=_c\n" % micalg) + payload + b"\r\n" + letters.crlf(
        '--s=_c\nContent-Type: application/pgp-signature; '
        'name="signature.asc"\nContent-Description: OpenPGP digital '
        "signature\n\n") + letters.crlf(signature) + b"\r\n--s=_c--\r\n"


def signed(raw, payload, signature, micalg="pgp-sha512"):
    return outside(raw) + b"MIME-Version: 1.0\r\n" + signed_entity(
        payload, signature, micalg)


def gpg_sign(home, payload, name, *more):
    """A detached signature by plain gpg, armored, of SHA-512."""
    return keys.run(home, "--armor", "--detach-sign", "--digest-algo",
                    "SHA512", "--local-user", keys.FPR[name],
                    "--pinentry-mode", "loopback", "--passphrase", "", *more,
                    data=payload)[1]


def crc24(data):
    """RFC 9580 section 6.1.1, as the line of an armor."""
    crc = 0xb704ce
    for x in data:
        crc ^= x << 16
        for _ in range(8):
            crc = crc << 1 ^ (crc >> 23 & 1) * 0x1864cfb
    return b"=" + base64.b64encode(crc.to_bytes(3, "big")) + b"\r\n"


def dearmored(raw, word=b"PGP MESSAGE"):
    """(where the base64 begins, where it ends, its octets)"""
    begin = raw.index(b"\n", raw.index(b"-----BEGIN " + word))
    begin = re.compile(rb"\r?\n\r?\n").search(raw, begin - 1).end()
    end = raw.index(b"-----END " + word)
    lines = raw[begin:end].split()
    if lines[-1].startswith(b"=") and len(lines[-1]) == 5:
        lines.pop()
    return begin, end, base64.b64decode(b"".join(lines))


def rearmored(raw, bit=0, crc=True):
    """The armor in it made anew; bit: one of the ciphertext is changed; with
    a checksum or without."""
    begin, end, data = dearmored(raw)
    data = bytearray(data)
    data[len(data) // 2] ^= bit
    return raw[:begin] + letters.crlf(base64.encodebytes(bytes(data))) + (
        crc24(data) if crc else b"") + raw[end:]


def flip(raw, bit=1):
    """One bit of the ciphertext is another, the armor is in order; bit 0:
    nothing is changed."""
    return rearmored(raw, bit)
