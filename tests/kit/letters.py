# SPDX-License-Identifier: GPL-3.0-or-later
"""Letters with canaries, and the comparison of what came with what was sent."""
import base64
import email
import email.policy
import email.utils
import itertools
import random
import re

SUBJECT = "kanarienvogel-7391"      # in every subject
BODY = "zebrafink-5528"             # in every body
DATE = "Mon, 23 Nov 2026 07:30:00 +0000"

_count = itertools.count(1)


def crlf(text):
    data = text if isinstance(text, bytes) else text.encode()
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def head(sender="alice@example.org", to=("bob@example.org",), cc=(),
         subject="Dear Bob: " + SUBJECT, extra="", date=DATE):
    """A header block without its empty line and Content-* fields."""
    h = ("From: Alice Example <%s>\nTo: %s\n" % (sender, ",\n ".join(to)) +
         ("Cc: %s\n" % ", ".join(cc) if cc else "") +
         "Subject: %s\nDate: %s\nMessage-ID: <%d.%s@example.org>\n" % (
             subject, date, next(_count),
             "%08x" % random.getrandbits(32)) +
         "User-Agent: Quillpen 7.1 secret-agent\n" + extra)
    return crlf(h)


def text(body=None, **kw):
    """Plain text that hurts where dots, blanks and From lines do."""
    if body is None:
        body = ("Hello Bob,\n\n.\n..\n.leading dot\nFrom here on\n"
                ">From there\ntrailing blanks  \n\ttab\t\n%s\n-- \nAlice\n\n\n"
                + "x" * 990 + "\n") % BODY
    return (head(**kw) + crlf("MIME-Version: 1.0\nContent-Type: text/plain; "
                              "charset=us-ascii\n\n") + crlf(body))


def bare(**kw):
    """No MIME at all."""
    return head(**kw) + crlf("\nJust %s\n" % BODY)


def eight_bit(**kw):
    body = "Grüße aus Köln, %s\n.Punkt\n日本語 und ½ €\n" % BODY
    return (head(**kw) + crlf(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n\n") + crlf(body))


def flowed(**kw):
    body = ("This is a paragraph that flows over \nmore than one line and "
            "ends here with %s.\n\n> quoted and \n> flowed\n>> deeper\n"
            " From stuffed\n-- \nsignature\n") % BODY
    return (head(**kw) + crlf(
        "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8; "
        "format=flowed\nContent-Transfer-Encoding: 7bit\n\n") + crlf(body))


def b64(data):
    return base64.encodebytes(data).decode()


def noise(n, seed=1):
    return random.Random(seed).randbytes(n)


def html(**kw):
    """Alternatives, an inline image, attachments with awkward names."""
    parts = """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer--=_1"

preamble
--outer--=_1
Content-Type: multipart/related; boundary=inner2; type="multipart/alternative"

--inner2
Content-Type: multipart/alternative; boundary="alt 3"

--alt 3
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Gr=C3=BC=C3=9Fe %(body)s =20
--alt 3
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: 8bit

<p>Grüße %(body)s <img src="cid:bird@example.org"></p>
--alt 3--

--inner2
Content-Type: image/png; name="bird.png"
Content-Transfer-Encoding: base64
Content-ID: <bird@example.org>
Content-Disposition: inline; filename="bird.png"

%(png)s
--inner2--

--outer--=_1
Content-Type: application/pdf
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename*=utf-8''B%%C3%%BCcher%%20%%26%%20mehr.pdf

%(pdf)s
--outer--=_1
Content-Type: text/csv; charset=iso-8859-1; name="=?utf-8?Q?B=C3=BCcher.csv?="
Content-Transfer-Encoding: base64
Content-Disposition: attachment

%(csv)s
--outer--=_1
Content-Type: message/rfc822

From: carol@example.org
To: alice@example.org
Subject: forwarded %(body)s

.forwarded
--outer--=_1--
epilogue
""" % dict(body=BODY, png=b64(noise(3000)), pdf=b64(noise(40000, 2)),
           csv=b64("Bücher;1\r\n".encode("latin-1")))
    return head(**kw) + crlf(parts)


def nested(depth=30, **kw):
    out = "MIME-Version: 1.0\n"
    for i in range(depth):
        out += "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i)
        if i % 5 == 0:
            out += "Content-Type: text/plain\n\nat %d %s\n--b%d\n" % (i, BODY, i)
    out += "Content-Type: text/plain\n\ninnermost %s\n" % BODY
    for i in reversed(range(depth)):
        out += "--b%d--\n" % i
    return head(**kw) + crlf(out)


def attachment(octets, **kw):
    """A letter of about so many octets on the wire, with a canary in clear
    every now and then: text first, then a base64 attachment whose decoded
    octets hold it too."""
    n = int(octets * 57 / 78)
    block = noise(64 << 10, 3)
    canary = BODY.encode()
    body = b"".join(canary + block[len(canary):]
                    for _ in range(n // len(block) + 1))[:n]
    lines = base64.encodebytes(body).replace(b"\n", b"\r\n")
    return (head(**kw) + crlf(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=big\n\n"
        "--big\nContent-Type: text/plain\n\n%s\n--big\n"
        "Content-Type: application/octet-stream; name=big.bin\n"
        "Content-Transfer-Encoding: base64\n"
        "Content-Disposition: attachment; filename=big.bin\n\n" % BODY) +
        lines + b"--big--\r\n")


def long_text(octets, **kw):
    """Plain text of about so many octets, each line with the canary."""
    row = ("%s %s\r\n" % (BODY, "y" * 50)).encode()
    return (head(**kw) + crlf(
        "MIME-Version: 1.0\nContent-Type: text/plain\n\n") +
        row * (octets // len(row)))


KINDS = {"text": text, "bare": bare, "8bit": eight_bit, "flowed": flowed,
         "html": html, "nested": nested,
         "25MB": lambda **kw: attachment(25 << 20, **kw)}


# ---- PGP/MIME by plain gpg, without the agent

def sealed(openpgp, subject="[...]", sender="alice@example.org",
           to=("bob@example.org",), extra=""):
    """multipart/encrypted around an armored OpenPGP message."""
    return (head(sender=sender, to=to, subject=subject, extra=extra) + crlf(
        'MIME-Version: 1.0\nContent-Type: multipart/encrypted; '
        'protocol="application/pgp-encrypted"; boundary=sealed\n\n'
        "--sealed\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n"
        "--sealed\nContent-Type: application/octet-stream\n\n") +
        crlf(openpgp) + b"\r\n--sealed--\r\n")


def signed_body(part, signature, boundary="signed"):
    """The body of a multipart/signed around a part with CRLF line ends."""
    b = boundary.encode()
    return (b"--" + b + b"\r\n" + part + b"\r\n--" + b +
            b"\r\nContent-Type: application/pgp-signature; "
            b'name="signature.asc"\r\n\r\n' + crlf(signature) + b"\r\n--" +
            b + b"--\r\n")


SIGNED_TYPE = ('MIME-Version: 1.0\nContent-Type: multipart/signed; '
               'micalg=pgp-sha512;\n protocol="application/pgp-signature"; '
               'boundary="signed"\n')


def signed(part, signature, **kw):
    """multipart/signed (RFC 3156 section 5): a part and what sign() made."""
    return head(**kw) + crlf(SIGNED_TYPE + "\n") + signed_body(part, signature)


def payload(body=None, subject="Dear Bob: " + SUBJECT,
            sender="alice@example.org", to=("bob@example.org",)):
    """A protected MIME entity as Thunderbird would make it."""
    return crlf(
        'Content-Type: text/plain; charset=utf-8; protected-headers="v1"\n'
        "From: Alice Example <%s>\nTo: %s\nSubject: %s\nDate: %s\n\n%s\n" % (
            sender, ", ".join(to), subject, DATE, body or "Sealed " + BODY))


# ---- looking at them

def parse(raw):
    return email.message_from_bytes(raw, policy=email.policy.compat32)


def body(raw):
    return raw.split(b"\r\n\r\n", 1)[1]


def header(raw):
    """The header block alone, parsed."""
    return parse(raw.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n")


def field(raw, name):
    """The unfolded value of the only field of this name, None if absent."""
    v = header(raw).get_all(name, [])
    assert len(v) < 2, "%s stands %d times" % (name, len(v))
    return re.sub(r"\r?\n(?=[ \t])", "", v[0]).strip() if v else None


HP = ("hp", "protected-headers", "hp-legacy-display")


def without_autocrypt(raw):
    """A letter that went out with our key: (it without the field, addr of that,
    the key)."""
    m = re.match(rb"Autocrypt: addr=([^;\r]+); prefer-encrypt=mutual;\r\n"
                 rb" keydata=\r\n((?: [A-Za-z0-9+/=]{1,76}\r\n)+)", raw)
    assert m, raw[:1000]
    assert len(m.group()) <= 10 << 10
    rest = raw[m.end():]
    assert not re.search(rb"(?mi)^Autocrypt:", rest.split(b"\r\n\r\n")[0])
    return rest, m.group(1).decode(), base64.b64decode(
        m.group(2).replace(b"\r\n ", b""), validate=False)


def leaves(raw):
    """What a reader has of each part: its description and decoded octets."""
    out = []
    for p in parse(raw).walk():
        params = {k: v for k, v in (p.get_params() or [])[1:]
                  if k not in HP + ("boundary",)}
        if p.get_content_maintype() == "text":
            params.setdefault("charset", "us-ascii")
        what = (p.get_content_type(), params, p.get("Content-ID"),
                p.get("Content-Disposition"))
        out.append((what, None if p.is_multipart()
                    else p.get_payload(decode=True)))
    return out


def assert_same(got, sent, fields=("From", "To", "Cc", "Subject", "Date",
                                   "Message-ID")):
    """The letter that came is the one that was sent, part by part."""
    for f in fields:
        assert field(got, f) == field(sent, f), f
    if body(got) == body(sent):     # octet by octet: parts of one body
        got, sent = (x.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"
                     for x in (got, sent))
    a, b = leaves(got), leaves(sent)
    assert [x[0] for x in a] == [x[0] for x in b]
    for (what, x), (_, y) in zip(a, b):
        if x != y:      # not by pytest's diff of 25 MB
            raise AssertionError("%s differs: %s %r... / %s %r..." % (
                what[0], x and len(x), x and x[:80], y and len(y), y and y[:80]))


def forms(canary):
    """How a canary may look: as it is, and within base64 at each offset."""
    c = canary.encode()
    out = [c]
    for off in range(3):
        enc = base64.b64encode(b"\0" * off + c)
        first = -(-off * 8 // 6)    # whole characters of what is before
        if off:
            first += 1
        last = len(c) + off
        out.append(enc[first:last * 8 // 6])
    return out


CANARIES = [f for c in (SUBJECT, BODY) for f in forms(c)]


def canaries(data):
    """The canaries found in these octets."""
    return [c for c in CANARIES if c in data]


def verdict(raw):
    """The fields of the verdict, which must be the first header and ours."""
    m = re.match(rb"Letterlock-Status: (v=1; [ -~]*)\r\n(?![ \t])", raw)
    assert m, "no verdict in front: %r" % raw[:200]
    rest = header(raw).get_all("Letterlock-Status")
    assert len(rest) == 1, rest
    v = {}
    for part in m.group(1).decode().split("; "):
        k, _, x = part.partition("=")
        assert k not in v, "%s twice" % k
        v[k] = x
    for k in ("encryption", "signature", "t", "kid", "mac"):
        assert k in v, k
    return v


def without_verdict(raw):
    """The message as it was before the verdict was put in front."""
    verdict(raw)
    return raw.split(b"\r\n", 1)[1]


def signature(raw):
    """What is signed in a letter that must be exactly what RFC 3156 section 5
    says and fit for every server; its armored signature; its micalg."""
    m = header(raw)
    assert m.get_content_type() == "multipart/signed", m.get_content_type()
    assert m.get_param("protocol") == "application/pgp-signature"
    assert raw.isascii() and b"\0" not in raw
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\r" in x or b"\n" in x for x in lines)
    b = b"--" + m.get_boundary().encode()
    head, text, sig, end = (b"\r\n" + body(raw)).split(b"\r\n" + b)
    assert head == b"" and text[:2] == sig[:2] == b"\r\n"
    assert end == b"--\r\n"
    text, sig = text[2:], sig[2:]
    assert header(sig).get_content_type() == "application/pgp-signature"
    assert field(sig, "Content-Transfer-Encoding") in (None, "7bit")
    armor = body(sig).strip()
    assert armor.startswith(b"-----BEGIN PGP SIGNATURE-----")
    assert armor.endswith(b"-----END PGP SIGNATURE-----")
    assert armor.count(b"-----BEGIN") == 1
    # what servers change on the way (RFC 3156 section 5)
    for x in text.split(b"\r\n"):
        assert not x.endswith((b" ", b"\t")), x
        assert not x.startswith(b"From "), x
    return text, armor, m.get_param("micalg")


def cipher(raw):
    """The armored OpenPGP message of a letter that must be exactly what
    RFC 3156 section 4 says, and keep what is to be kept from outside."""
    m = header(raw)
    assert m.get_content_type() == "multipart/encrypted", m.get_content_type()
    assert m.get_param("protocol") == "application/pgp-encrypted"
    # by hand: the email package takes seconds over a large one
    cut = body(b"\r\n\r\n\r\n" + body(raw)).split(
        b"\r\n--" + m.get_boundary().encode())
    assert len(cut) == 4 and cut[3].startswith(b"--")
    assert [header(p[2:]).get_content_type() for p in cut[1:3]] == [
        "application/pgp-encrypted", "application/octet-stream"]
    assert field(cut[2][2:], "Content-Transfer-Encoding") in (None, "7bit")
    version, armor = (body(p).strip() for p in cut[1:3])
    assert version == b"Version: 1"
    assert field(raw, "Subject") == "[...]"
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert armor.startswith(b"-----BEGIN PGP MESSAGE-----")
    assert armor.endswith(b"-----END PGP MESSAGE-----")
    assert armor.count(b"-----BEGIN") == 1
    assert not canaries(raw)
    return armor
