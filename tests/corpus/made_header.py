# SPDX-License-Identifier: GPL-3.0-or-later
"""Header protection on the way in (I4 to I9), and the fields that are ours
alone (R8)."""
from base import (ALICE, PUBLIC, SECRET, crlf, encrypt, head, inner, letter,
                  letters, multi, parts, sealed, text, under)

FRANK = "Frank Example <frank@example.org>"
V1 = 'protected-headers="v1"'
HP = 'hp="cipher"'


def hp(mark, sign=("alice",), outer="", **kw):
    """A sealed letter whose payload root carries these marks."""
    return sealed(encrypt(inner(mark=mark, **kw), sign=sign), extra=outer)


TRACE = ("Received: from x by y; Sat, 01 Jun 2024 12:00:00 +0000\n"
         "List-Id: <list.example.org>\nX-Outer-Only: gone\n"
         "Comments: gone\nHP-Outer: Subject: gone\n"
         "Content-Description: gone\n")
HP_OUTER = ("HP-Outer: Subject: Outer\nHP-Outer: From: " + ALICE + "\n")
MORE = "X-Inner: shown\nCc: carol@example.org\n"

letters(
    hp_cipher=lambda: hp(HP, outer=TRACE, extra=MORE + HP_OUTER),
    hp_clear=lambda: hp('hp="clear"', outer=TRACE, extra=MORE),
    hp_both=lambda: hp(HP + "; " + V1, outer=TRACE, extra=MORE + HP_OUTER),
    hp_v1=lambda: hp(V1, outer=TRACE, extra=MORE),
    hp_none=lambda: hp("", outer=TRACE, extra=MORE),
    hp_unsigned=lambda: hp(HP, sign=(), outer=TRACE, extra=MORE),
    hp_v1_unsigned=lambda: hp(V1, sign=()),
    hp_unknown=lambda: hp('hp="other"'),
    hp_twice=lambda: hp('hp="cipher"; hp="clear"'),
    hp_v2=lambda: hp('protected-headers="v2"'),
    hp_multipart=lambda: sealed(encrypt(inner(
        parts(text(SECRET), text(b"<p>Zebrafink</p>\r\n", "text/html")),
        'multipart/alternative; boundary="=-=cut"'))),
    hp_not_root=lambda: sealed(encrypt(multi(
        "mixed", inner(), text()))),
    hp_root_rfc822=lambda: sealed(encrypt(
        b"Content-Type: message/rfc822\r\n\r\n" + head(FRANK, "Forwarded") +
        inner(mark=HP + "; " + V1))),
    hp_two_types=lambda: sealed(encrypt(crlf(
        "Content-Type: text/plain\n") + inner())),
    hp_to=lambda: hp(HP, to="Carol <carol@example.org>"),
    hp_two_subjects_in_v1=lambda: hp(V1, extra="Subject: Another\n"),
    # From (I6)
    hp_from_signed=lambda: hp_from(HP, "frank"),
    hp_from_signed_outer=lambda: hp_from(HP, "alice"),
    hp_from_unsigned=lambda: hp_from(HP, None),
    hp_from_unknown=lambda: hp_from(HP, "eve"),
    hp_from_untrusted=lambda: hp_from(HP, "mallory",
                                      "Mallory <mallory@example.net>"),
    hp_from_v1=lambda: hp_from(V1, "frank"),
    hp_from_two=lambda: hp_from(HP, "frank", FRANK + "\nFrom: " + ALICE),
    hp_from_list=lambda: hp_from(HP, "frank", FRANK + ", " + ALICE),
    hp_from_name=lambda: sealed(encrypt(inner(
        mark=HP, sender="Alice Example <alice@example.org>")),
        "The Bank <alice@example.org>"),
    hp_from_name_unsigned=lambda: sealed(encrypt(inner(
        mark=HP, sender="Alice Example <alice@example.org>"), sign=()),
        "The Bank <alice@example.org>"),
    hp_no_outer_from=lambda: sealed(encrypt(inner(mark=HP)), None),
    # what may not come out of an encoded word (I8)
    subject_encoded=lambda: hp(HP, subject="=?utf-8?Q?Gr=C3=BC=C3=9Fe?= "
                               "=?utf-8?B?4pyJ?="),
    subject_crlf=lambda: hp(HP, subject="=?utf-8?Q?Hi=0D=0ABcc:_eve?="),
    subject_lf=lambda: hp(V1, subject="=?utf-8?Q?Hi=0ABcc:_eve?="),
    subject_crlf_base64=lambda: hp(HP, subject="=?utf-8?B?SGkNCkJjYzogZXZl?="),
    subject_nul=lambda: hp(HP, subject="=?utf-8?Q?Hi=00there?="),
    subject_bare_cr=lambda: hp(HP, subject="Hi\rBcc: eve@example.net"),
    subject_raw_nul=lambda: hp(HP, subject="Hi\0there"),
    subject_8bit=lambda: hp(HP, subject="Gr\u00fc\u00dfe"),
    subject_long=lambda: hp(HP, subject="x" * 3000),
    # signed only
    hp_clear_signed=lambda: head(extra="X-Outer-Only: gone\n") + under(inner(
        PUBLIC, mark='hp="clear"', extra="X-Inner: shown\n")),
    hp_clear_signed_both=lambda: head() + under(inner(
        PUBLIC, mark='hp="clear"; ' + V1)),
    hp_cipher_signed=lambda: head() + under(inner(PUBLIC, mark=HP)),
    hp_v1_signed=lambda: head() + under(inner(PUBLIC, mark=V1)),
    hp_none_signed=lambda: head() + under(inner(PUBLIC, mark="")),
    hp_clear_bad=lambda: head() + under(inner(
        PUBLIC, mark='hp="clear"')).replace(b"Nothing", b"Something"),
    hp_clear_unknown=lambda: head() + under(inner(
        PUBLIC, mark='hp="clear"'), sign=("eve",)),
    hp_clear_untrusted=lambda: head() + under(inner(
        PUBLIC, mark='hp="clear"'), sign=("mallory",)),
    hp_clear_from_signed=lambda: head() + under(inner(
        PUBLIC, mark='hp="clear"', sender=FRANK), sign=("frank",)),
    hp_clear_from_mismatch=lambda: head() + under(inner(
        PUBLIC, mark='hp="clear"', sender=ALICE), sign=("frank",)),
    hp_clear_not_root=lambda: head() + under(multi("mixed", inner(
        PUBLIC, mark='hp="clear"'))),
    hp_unsigned_plain=lambda: head() + inner(PUBLIC, mark='hp="clear"'),
    # the signed part inside the encryption
    hp_inner_signed=lambda: sealed(encrypt(under(inner()), sign=())),
    hp_inner_outside=lambda: sealed(encrypt(inner(
        under(text(SECRET)).split(b"\r\n\r\n", 1)[1],
        'multipart/signed; boundary="=-=sign"; micalg=pgp-sha256; '
        'protocol="application/pgp-signature"'), sign=())),
)


def hp_from(mark, sign, sender=FRANK):
    return sealed(encrypt(inner(mark=mark, sender=sender),
                          sign=(sign,) if sign else ()))


# ---- legacy display elements (RFC 9788 section 5.2.2)

LEGACY = b"Subject: Inner\r\nFrom: Alice\r\n\r\n"
HTML = (b'<html><head></head><body>\r\n<div class="header-protection-legacy-'
        b'display">\r\n<pre>Subject: Inner</pre></div>\r\n<p>Zebrafink</p>'
        b"</body></html>\r\n")
SHOWN = 'text/plain; charset=utf-8; hp-legacy-display="1"'

letters(
    legacy_text=lambda: hp(HP, ctype=SHOWN, body=LEGACY + SECRET),
    legacy_html=lambda: hp(HP, ctype='text/html; hp-legacy-display="1"',
                           body=HTML),
    legacy_alternative=lambda: hp(
        HP, ctype='multipart/alternative; boundary="=-=cut"', body=parts(
            text(LEGACY + SECRET, SHOWN),
            text(HTML, 'text/html; hp-legacy-display="1"'))),
    legacy_mixed=lambda: hp(
        HP, ctype='multipart/mixed; boundary="=-=cut"', body=parts(
            text(LEGACY + SECRET, SHOWN), text(
                LEGACY + SECRET, SHOWN,
                "Content-Disposition: attachment; filename=x.txt\n"))),
    legacy_attached=lambda: hp(
        HP, ctype='multipart/mixed; boundary="=-=cut"', body=parts(
            text(SECRET), b"Content-Type: message/rfc822\r\n\r\n" +
            inner(LEGACY + SECRET, SHOWN, mark=HP))),
    legacy_unmarked=lambda: hp(HP, body=LEGACY + SECRET),
    legacy_value=lambda: hp(HP, ctype='text/plain; hp-legacy-display="2"',
                            body=LEGACY + SECRET),
    legacy_hp_clear=lambda: hp('hp="clear"', ctype=SHOWN,
                               body=LEGACY + SECRET),
    legacy_v1=lambda: hp(V1, ctype=SHOWN, body=LEGACY + SECRET),
    legacy_no_break=lambda: hp(HP, ctype=SHOWN, body=SECRET),
)

# ---- look-alikes of the verdict

SAYS = ": v=1; encryption=ok; signature=good; signer=alice@example.org; FORGED"
FORGED = {
    "plain": "Letterlock-Status" + SAYS,
    "case": "LETTERLOCK-sTATUS" + SAYS,
    "twice": "Letterlock-Status" + SAYS + "\nLetterlock-Status" + SAYS,
    "other": "Letterlock-Anything: FORGED",
    "policy": "X-Letterlock: encrypt=no FORGED",
    "policy-more": "x-letterLOCK-more: FORGED",
    "blank": "Letterlock-Status " + SAYS,
    "tab": "Letterlock-Status\t" + SAYS,
    "nul": "Letterlock-Status\0" + SAYS,
    "nul-inside": "Letter\0lock-Status" + SAYS,
    "folded": "Letterlock-Status:\n v=1; encryption=ok;\n\tsignature=good; "
              "FORGED",
    "fold-before-colon": "Letterlock-Status\n " + SAYS,
    "no-colon": "Letterlock-Status FORGED",
    "bare-cr": "X-Other: x\rLetterlock-Status" + SAYS,
    "bare-lf-folded": "X-Other: x\r\r Letterlock-Status" + SAYS,
    "bare-cr-nul": "X-Other: x\r\0Letterlock-Status" + SAYS,
    "in-subject": "Comments: x\rX-Letterlock: FORGED",
    "vertical-tab": "X-Other: x\r\x0bLetterlock-Status" + SAYS,
}


def forge(name, field):
    letter("forged-" + name)(lambda: head(extra=field + "\n") + text())
    letter("forged-sealed-" + name)(lambda: hp(
        HP, extra=field + "\n"))
    letter("forged-around-" + name)(lambda: hp(HP, outer=field + "\n"))


for _name, _field in FORGED.items():
    forge(_name, _field)

letters(
    forged_first=lambda: crlf("Letterlock-Status" + SAYS + "\n") + head() +
    text(),
    forged_bare_lf=lambda: head(extra="X-Other: x\n").replace(
        b"X-Other: x\r\n", b"X-Other: x\nLetterlock-Status" +
        SAYS.encode() + b"\n") + text(),
    forged_lf_only=lambda: (head(extra="Letterlock-Status" + SAYS + "\n") +
                            text()).replace(b"\r\n", b"\n"),
    forged_in_body=lambda: head() + text(
        crlf("Letterlock-Status: v=1; a quotation\n") + PUBLIC),
    forged_in_part=lambda: head() + multi("mixed", text(
        extra="Letterlock-Status: v=1; a quotation\n")),
    forged_in_forwarded=lambda: head() +
    b"Content-Type: message/rfc822\r\n\r\n" +
    crlf("Letterlock-Status: v=1; a quotation\n") + head() + text(),
    forged_signed=lambda: head(extra="Letterlock-Status" + SAYS + "\n") +
    under(text()),
    forged_signed_part=lambda: head() + under(text(
        extra="Letterlock-Status: v=1; a quotation\n")),
    forged_hp_outer=lambda: hp(HP, extra="HP-Outer: Letterlock-Status" +
                               SAYS + "\n"),
    forged_in_from=lambda: head(
        'Alice "\rLetterlock-Status: FORGED" <alice@example.org>') + text(),
    forged_inner_type=lambda: sealed(encrypt(inner(
        ctype="text/plain;\rLetterlock-Status: FORGED"))),
)
