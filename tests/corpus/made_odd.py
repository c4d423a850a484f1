# SPDX-License-Identifier: GPL-3.0-or-later
"""What has nothing to do with us and must come as it is (R9, R10, I17):
oddities of mail, S/MIME, keys, calendars, receipts."""
import base64
import os
import re
import subprocess
import tempfile

from base import (ALICE, BOB, PUBLIC, SECRET, crlf, encrypt, fpr, gpg, head,
                  inner, letters, multi, parts, sealed, text, under)
import openpgp


# ---- S/MIME, with a certificate that is thrown away

def smime(*args, data=PUBLIC):
    with tempfile.TemporaryDirectory() as d:
        run = lambda *a, **kw: subprocess.run(
            ("openssl",) + a, cwd=d, check=True, capture_output=True, **kw)
        run("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k", "-out", "c",
            "-subj", "/CN=alice@example.org", "-days", "36500")
        return crlf(run("cms", "-out", "-", *args, input=text(data)).stdout)


SIGN = ("-sign", "-signer", "c", "-inkey", "k", "-md", "sha256")


def body_of(mime):
    """Without the fields that openssl puts in front."""
    at = re.search(rb"(?im)^content-type:", mime).start()
    return mime[at:]


# ---- keys

def key(name="eve", secret=False):
    return gpg("--armor", "--export-secret-keys" if secret else "--export",
               fpr(name))


def autocrypt(name="eve", addr="eve@example.net"):
    raw = base64.b64encode(openpgp.dearmor(key(name))).decode()
    return "Autocrypt: addr=%s; prefer-encrypt=mutual; keydata=\n%s" % (
        addr, "".join(" %s\n" % raw[i:i + 70]
                      for i in range(0, len(raw), 70)))


def setup_message():
    """Autocrypt Level 1 section 4.4: a secret key in a symmetric message."""
    code = gpg("--armor", "--symmetric", "--s2k-count", "65536",
               data=key("eve", True))
    return head(extra="Autocrypt-Setup-Message: v1\n") + multi(
        "mixed", text(b"This is the Autocrypt Setup Message.\r\n"),
        text(crlf(b"<html><body><pre>\n" + code.replace(
            b"-----\n", b"-----\nPassphrase-Format: numeric9x4\n"
            b"Passphrase-Begin: 17\n", 1) + b"</pre></body></html>\n"),
            "application/autocrypt-setup",
            'Content-Disposition: attachment; filename="setup.html"\n'))


KEYS = "application/pgp-keys; name=key.asc"

letters(
    smime_signed=lambda: head() + body_of(smime(*SIGN)),
    smime_opaque=lambda: head() + body_of(smime(*SIGN, "-nodetach")),
    smime_enveloped=lambda: head() + body_of(smime(
        "-encrypt", "-aes-256-cbc", "c")),
    key_attached=lambda: head() + multi("mixed", text(), text(
        crlf(key()), KEYS, "Content-Disposition: attachment\n")),
    key_alone=lambda: head() + text(crlf(key()), KEYS),
    key_secret=lambda: head() + multi("mixed", text(), text(
        crlf(key("eve", True)), KEYS)),
    key_inline=lambda: head() + text(PUBLIC + crlf(key())),
    key_inline_whole=lambda: head() + text(crlf(key())),
    key_autocrypt=lambda: head("Eve <eve@example.net>",
                               extra=autocrypt()) + text(),
    key_autocrypt_other=lambda: head(extra=autocrypt(
        "eve", "alice@example.org")) + text(),
    key_setup_message=setup_message,
    key_in_sealed=lambda: sealed(encrypt(inner(
        parts(text(SECRET), text(crlf(key()), KEYS)),
        'multipart/mixed; boundary="=-=cut"'))),
    key_secret_in_sealed=lambda: sealed(encrypt(inner(
        parts(text(SECRET), text(crlf(key("eve", True)), KEYS)),
        'multipart/mixed; boundary="=-=cut"'))),
    key_autocrypt_sealed=lambda: sealed(encrypt(inner(
        sender="Eve <eve@example.net>", extra=autocrypt()), sign=("eve",)),
        "Eve <eve@example.net>", extra=autocrypt()),
    key_gossip=lambda: sealed(encrypt(inner(
        extra=autocrypt().replace("Autocrypt:", "Autocrypt-Gossip:", 1)))),
    key_update=lambda: head("Mallory <mallory@example.net>") + text(
        crlf(key("twoface")), KEYS),
    key_in_signature=lambda: sealed(encrypt(
        inner(sender="Eve <eve@example.net>"), "--include-key-block",
        sign=("eve",)), "Eve <eve@example.net>"),
    key_signed=lambda: head("Eve <eve@example.net>", extra=autocrypt()) +
    under(multi("mixed", text(), text(crlf(key()), KEYS)), sign=("eve",)),
)


# ---- forms of ordinary mail

CALENDAR = (b"BEGIN:VCALENDAR\r\nMETHOD:%s\r\nBEGIN:VEVENT\r\n"
            b"UID:1@example.org\r\nSUMMARY:Zebrafink\r\nEND:VEVENT\r\n"
            b"END:VCALENDAR\r\n")
RECEIPT = (b"Reporting-UA: client\r\nFinal-Recipient: rfc822;alice@example.org"
           b"\r\nOriginal-Message-ID: <1@example.org>\r\n"
           b"Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n")
TNEF = bytes.fromhex("789f3e22") + bytes(range(256))


def receipt():
    return multi("report", text(b"Your letter was read.\r\n"),
                 text(RECEIPT, "message/disposition-notification"),
                 params="report-type=disposition-notification")


def tnef():
    return multi("mixed", text(), text(
        crlf(base64.encodebytes(TNEF)), 'application/ms-tnef; '
        'name="winmail.dat"', "Content-Transfer-Encoding: base64\n"))


def names():
    """RFC 2231 and 2047 in the names of files."""
    return multi(
        "mixed", text(), text(
            b"x\r\n", "application/pdf;\n name*0*=utf-8'de'B%C3%BCcher;\n"
            " name*1*=%20und;\n name*2=\" mehr.pdf\"",
            "Content-Disposition: attachment;\n "
            "filename*=iso-8859-1''B%FCcher%20und%20mehr.pdf\n"),
        text(b"y\r\n", "text/csv; name=\"=?utf-8?Q?B=C3=BCcher.csv?=\""),
        text(b"z\r\n", "text/csv", 'Content-Disposition: attachment; '
             'filename="../../etc/passwd"\n'))


def nested(depth):
    out = text(SECRET)
    for i in range(depth):
        out = multi("mixed", out, boundary="b%d" % i)
    return out


def pair(name, entity):
    """As it is, and sealed."""
    letters(**{
        name: lambda: head() + entity(),
        "sealed_" + name: lambda: sealed(encrypt(entity()))})


pair("calendar_request", lambda: text(
    CALENDAR % b"REQUEST", "text/calendar; method=REQUEST; charset=utf-8"))
pair("calendar_reply", lambda: multi(
    "alternative", text(), text(CALENDAR % b"REPLY",
                                "text/calendar; method=REPLY")))
pair("read_receipt", receipt)
pair("winmail", tnef)
pair("partial", lambda: text(
    b"the second part\r\n", 'message/partial; id="x@example.org"; number=2; '
    "total=3"))
pair("external_body", lambda: text(
    b"Content-Type: text/html\r\nContent-ID: <x@example.org>\r\n\r\n",
    'message/external-body; access-type=URL; URL="http://evil.example/x"'))
pair("names_2231", names)
pair("nested_30", lambda: nested(30))
pair("html_remote", lambda: text(
    b'<html><img src="http://evil.example/beacon.png"></html>\r\n',
    "text/html"))
pair("dots", lambda: text(b".\r\n..\r\n.a\r\n\r\n.\r\n...\r\n"))
pair("from_lines", lambda: text(
    b"From here\r\n>From there\r\n\r\nFrom x@y Sat Jun  1\r\n"))
pair("trailing_blanks", lambda: text(b"-- \r\na \t\r\n\t\r\n\r\n\r\n"))
pair("line_998", lambda: text(b"x" * 998 + b"\r\n" + b"y" * 999 + b"\r\n" +
                              b"z" * 20000 + b"\r\n"))
pair("nul", lambda: text(b"a\0b\r\n\0\r\nc\0\0\r\n"))
pair("eight_bit", lambda: text(
    "Grüße aus Köln\r\n".encode() + b"\xff\xfe\x80\r\n",
    extra="Content-Transfer-Encoding: 8bit\n"))
pair("binary", lambda: text(bytes(range(256)) + b"\r\n",
                            "application/octet-stream",
                            "Content-Transfer-Encoding: binary\n"))
pair("delivery_report", lambda: multi(
    "report", text(b"It did not arrive.\r\n"), text(
        b"Reporting-MTA: dns; example.org\r\n\r\nAction: failed\r\n",
        "message/delivery-status"), text(
            b"Subject: Hello\r\n\r\n", "text/rfc822-headers"),
    params="report-type=delivery-status"))

letters(
    bare_cr=lambda: head() + text(b"one\rtwo\r\rthree\r\n"),
    bare_lf=lambda: head() + text(b"one\ntwo\n\nthree\r\n"),
    lf_only=lambda: (head() + text()).replace(b"\r\n", b"\n"),
    lf_only_sealed=lambda: sealed(encrypt(inner())).replace(b"\r\n", b"\n"),
    lf_payload=lambda: sealed(encrypt(inner().replace(b"\r\n", b"\n"))),
    bare_cr_payload=lambda: sealed(encrypt(inner(b"one\rtwo\nthree\r\n"))),
    no_last_line_end=lambda: head() + text(b"no end"),
    no_last_line_end_sealed=lambda: sealed(encrypt(inner(b"no end"))),
    no_body=lambda: head() + b"\r\n",
    no_empty_line=lambda: head(),
    no_last_header_end=lambda: head()[:-2],
    no_header=lambda: b"\r\nOnly a body\r\n",
    no_header_end=lambda: b"this is no header\r\nnor is this\r\n" * 20,
    empty=lambda: b"",
    empty_line=lambda: b"\r\n",
    dot=lambda: b".\r\n",
    no_mime=lambda: head().replace(b"MIME-Version: 1.0\r\n", b"") +
    b"\r\nJust text\r\n",
    mbox_line=lambda: b"From alice@example.org Sat Jun  1 12:00:00 2024\r\n" +
    head() + text(),
    header_8bit=lambda: head(subject="Gr\u00fc\u00dfe") + text(),
    header_nul=lambda: head(extra="X-Odd: a\0b\n") + text(),
    header_bare_cr=lambda: head(extra="X-Odd: a\rb\n") + text(),
    header_blank_colon=lambda: head(extra="X-Odd : a\n") + text(),
    header_no_colon=lambda: head(extra="no colon here\n") + text(),
    header_empty_name=lambda: head(extra=": no name\n") + text(),
    header_blank_line=lambda: head(extra="X-Odd: a\n \n b\n") + text(),
    header_fold_first=lambda: b" folded at once\r\n" + head() + text(),
    header_long_line=lambda: head(extra="X-Long: " + "x" * 5000 + "\n") +
    text(),
    header_two_of_all=lambda: head() + head(subject="Another") + text(),
    header_encoded=lambda: head(
        "=?utf-8?B?QWxpY2U=?= <alice@example.org>",
        "=?utf-8?Q?Gr=C3=BC=C3=9Fe?= =?x?Q?=0D=0A?= =?utf-8?B?") + text(),
    multipart_no_boundary=lambda: head() +
    b"Content-Type: multipart/mixed\r\n\r\n--\r\n\r\nx\r\n----\r\n",
    multipart_empty_boundary=lambda: head() +
    b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n',
    multipart_not_closed=lambda: head() + multi("mixed", text(), close=False),
    type_garbage=lambda: head() + b"Content-Type: ;;=\"(\r\n\r\nx\r\n",
    type_unknown=lambda: head() + text(ctype="x-what/ever"),
    cte_garbage=lambda: head() + text(
        b"\x80\r\n", extra="Content-Transfer-Encoding: x-what\n"),
    multipart_base64=lambda: head() + crlf(
        "Content-Type: multipart/mixed; boundary=b\n"
        "Content-Transfer-Encoding: base64\n\n") + crlf(base64.encodebytes(
            parts(text(), boundary="b"))),
    body_like_armor_line=lambda: head() + text(
        b"-----BEGIN PGP MESSAGE-----\r\n"),
    body_like_boundary=lambda: head() + text(b"--=-=seal\r\n--=-=seal--\r\n"),
    lookalike_protected=lambda: head() + inner(PUBLIC),
    resent=lambda: head(extra="Resent-From: %s\nResent-To: %s\nResent-Date: "
                        "Sat, 01 Jun 2024 12:00:00 +0000\n" % (BOB, ALICE)) +
    text(),
    list_headers=lambda: head(extra="List-Id: <l.example.org>\nList-Unsubscribe"
                              ": <http://example.org/u>\nPrecedence: list\n") +
    text(),
    group_to=lambda: head(to="Friends: bob@example.org, carol@example.org;") +
    text(),
    random_body=lambda: head() + b"\r\n" + os.urandom(6000).replace(
        b"\n.", b"\n"),
)
