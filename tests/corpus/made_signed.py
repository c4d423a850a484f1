# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures (R5, R6, R7): inside the encryption, around it, over a letter
that is not sealed, over less than what is shown ("Johnny, you are fired!")."""
import base64

from base import (ALICE, PUBLIC, SECRET, SIGNED, attached, box, by, crlf,
                  detached, encrypt, gpg, head, inner, letter, letters, multi,
                  sealed, signed, text, under)
import openpgp
from openpgp import LITERAL, ONEPASS, SIG, join, packet

MALLORY = "Mallory Example <mallory@example.net>"
FRANK = "Frank Example <frank@example.org>"
DAN = "Dan Example <dan@example.com>"
EXPIRED = "Expired Example <expired@example.org>"
REVOKED = "Revoked Example <revoked@example.org>"
BEFORE = "20240715T120000"      # while the expired key was good
OLD_DIGESTS = ["--allow-weak-digest-algos", "--digest-algo"]


# ---- the same questions of sealed letters, of signed ones, and of signed ones
# that are sealed without a signature in the OpenPGP message

def three(name, sender=ALICE, *more, sign=("alice",), time="20240601T120000"):
    """NAME in the OpenPGP message, clear-NAME as multipart/signed, inner-NAME
    as multipart/signed that is the root of what is sealed."""
    letter("sig-" + name)(lambda: sealed(encrypt(
        inner(sender=sender), *more, sign=sign, time=time), sender))
    letter("clear-" + name)(lambda: head(sender) + under(
        text(), *more, sign=sign, time=time))
    letter("inner-" + name)(lambda: sealed(encrypt(under(
        inner(sender=sender), *more, sign=sign, time=time), sign=()), sender))


three("good")
three("unknown", "Eve Example <eve@example.net>", sign=("eve",))
three("unknown-as-alice", sign=("eve",))
three("untrusted", MALLORY, sign=("mallory",))
three("untrusted-as-alice", sign=("mallory",))
three("mismatch", sign=("frank",))
three("key-expired", EXPIRED, sign=("expired",), time=BEFORE)
three("key-revoked", REVOKED, sign=("revoked",))
three("expired", ALICE, "--default-sig-expire", "20240602T120000")
three("sha1", DAN, *OLD_DIGESTS, "SHA1", sign=("dan",))
three("ripemd", DAN, *OLD_DIGESTS, "RIPEMD160", sign=("dan",))
three("md5", DAN, *OLD_DIGESTS, "MD5", sign=("dan",))
three("sha224", DAN, "--digest-algo", "SHA224", sign=("dan",))
three("rsa", DAN, sign=("dan",))
three("subkey", "Sub Key <subkey@example.org>", sign=("subkey",))
three("two", sign=("alice", "frank"))
three("two-turned", sign=("frank", "alice"))
three("with-unknown", sign=("alice", "eve"))
three("with-unknown-turned", sign=("eve", "alice"))
three("with-untrusted", sign=("mallory", "alice"))
# a user ID with two addresses, one nobody vouches for, one that was given up
three("uid-two-angles", sign=("angles",))
three("uid-two-angles-other", "twin@example.net", sign=("angles",))
three("uid-not-valid", sign=("twoface",))
three("uid-valid", "twoface@example.net", sign=("twoface",))
three("uid-revoked", "Old Name <old@example.org>", sign=("olduid",))
three("uid-left", "New Name <new@example.org>", sign=("olduid",))


# ---- bad ones

def changed(parts_, at=-15):
    """The same packets; the text says something else."""
    return [(t, b[:at] + b"Z" + b[at + 1:] if t == LITERAL else b)
            for t, b in parts_]


def joined(good, bad):
    """Two signatures over one text: first good's, then bad's."""
    return [good[0], bad[0]] + [p for p in good if p[0] == LITERAL] + [
        bad[-1], good[-1]]


@letter("sig-bad")
def _():
    return sealed(box(join(changed(signed(inner())))))


@letter("sig-good-and-bad")
def _():
    good = signed(inner())
    bad = signed(inner(b"something else\r\n"), sign=("frank",))
    first = (ONEPASS, good[0][1][:-1] + b"\0")      # another one follows
    return sealed(box(join(joined([first] + good[1:], bad))))


@letter("sig-bad-and-good")
def _():
    good = signed(inner(), sign=("frank",))
    bad = signed(inner(b"something else\r\n"))
    first = (ONEPASS, good[0][1][:-1] + b"\0")
    return sealed(box(join(joined([first] + good[1:], bad))), FRANK)


def outside(pgp):
    """A signature around the encryption: packets ONEPASS, encrypted, SIG."""
    sig = signed(inner())
    return openpgp.armor(packet(*sig[0]) + openpgp.dearmor(pgp) +
                         packet(*sig[-1]))


letters(
    sig_outside=lambda: sealed(outside(encrypt(inner(), sign=()))),
    sig_outside_and_inside=lambda: sealed(outside(encrypt(inner()))),
    sig_behind=lambda: sealed(openpgp.armor(
        openpgp.dearmor(encrypt(inner(), sign=())) +
        packet(*signed(inner())[-1]))),
    sig_no_text=lambda: sealed(box(join(
        [p for p in signed(inner()) if p[0] != LITERAL]))),
    sig_old_form=lambda: sealed(box(old_form())),
    sig_notation=lambda: sealed(encrypt(
        inner(), "--sig-notation", "x@example.org=Letterlock-Status: good",
        "--sig-keyserver-url", "http://keys.example/alice")),
    sig_unknown_with_url=lambda: sealed(encrypt(
        inner(sender="Eve Example <eve@example.net>"), "--sig-keyserver-url",
        "http://keys.example/eve", "--sender", "eve@example.net",
        sign=("eve",)), "Eve Example <eve@example.net>"),
    sig_version_6=lambda: sealed(box(version(6))),
    sig_version_5=lambda: sealed(box(version(5))),
    sig_algo_unknown=lambda: sealed(box(algo())),
)


def old_form():
    """The signature before the text, as PGP 2 and PGP/MIME of old had it."""
    s = signed(inner())
    return join([s[-1], s[1]])


def version(n):
    s = signed(inner())
    return join(s[:-1] + [(SIG, bytes([n]) + s[-1][1][1:])])


def algo():
    s = signed(inner())
    one = s[0][1][:3] + b"\x63" + s[0][1][4:]
    return join([(ONEPASS, one), s[1],
                 (SIG, s[2][1][:2] + b"\x63" + s[2][1][3:])])


# ---- multipart/signed: the text, the parts, the signature

def broken(entity, old, new, sign=("alice",)):
    """multipart/signed whose text was changed on the way."""
    out = under(entity, sign=sign)
    assert out.count(old) == 1
    return out.replace(old, new)


letters(
    clear_bad=lambda: head() + broken(text(), b"Nothing", b"Something"),
    clear_bad_header=lambda: head() + broken(
        text(), b"text/plain", b"text/html "),
    clear_bad_blank=lambda: head() + broken(
        text(b"a line \r\nanother\r\n"), b"line \r\n", b"line\r\n"),
    clear_bad_last_line=lambda: head() + broken(
        text(), b"secret\r\n\r\n", b"secret\r\n\r\n\r\n"),
    inner_bad=lambda: sealed(encrypt(broken(
        inner(), b"Zebrafink", b"Nachtigall"), sign=())),
    inner_bad_in_good=lambda: sealed(encrypt(broken(
        inner(), b"Zebrafink", b"Nachtigall"))),
    inner_other_in_good=lambda: sealed(encrypt(under(
        inner(), sign=("frank",)))),
    inner_in_bad=lambda: sealed(box(join(changed(signed(under(inner())),
                                                 -30)))),
    inner_footer=lambda: sealed(encrypt(multi(
        "mixed", under(inner()), text(b"a footer\r\n")), sign=())),
    inner_attached=lambda: sealed(encrypt(multi(
        "mixed", inner(), b"Content-Type: message/rfc822\r\n\r\n" + head() +
        under(text())), sign=())),
    inner_twice=lambda: sealed(encrypt(under(
        under(inner(), boundary="=-=in", sign=("frank",))), sign=())),
    inner_smime=lambda: sealed(encrypt(multi(
        "signed", inner(), text(b"MIIB\r\n", "application/pkcs7-signature"),
        params='protocol="application/pkcs7-signature"; micalg=sha-256'),
        sign=())),
    clear_swapped=lambda: head() + multi(
        "signed", attached(detached(text())), text(), params=SIGNED),
    clear_three=lambda: head() + under(text(), third=[text()]),
    clear_one=lambda: head() + multi("signed", text(), params=SIGNED),
    clear_not_closed=lambda: head() + under(text(), close=False),
    clear_no_protocol=lambda: head() + under(text(), params="micalg=x"),
    clear_protocol_wrong=lambda: head() + under(
        text(), params='protocol="application/x-other"'),
    clear_protocol_smime=lambda: head() + under(
        text(), params='protocol="application/pkcs7-signature"'),
    clear_protocol_twice=lambda: head() + under(
        text(), params=SIGNED +
        '; protocol="application/pkcs7-signature"'),
    clear_signature_type=lambda: head() + under(
        text(), signature=attached(detached(text()), "text/plain")),
    clear_signature_smime=lambda: head() + under(
        text(), signature=attached(detached(text()),
                                   "application/pkcs7-signature")),
    clear_micalg_wrong=lambda: head() + under(
        text(), params='micalg=pgp-md5; protocol="application/pgp-signature"'),
    clear_text_before_armor=lambda: head() + under(
        text(), signature=attached(b"Pay 100\n" + detached(text()))),
    clear_text_after_armor=lambda: head() + under(
        text(), signature=attached(detached(text()) + b"Pay 100\n")),
    clear_two_armors=lambda: head() + under(
        text(), signature=attached(detached(text()) + detached(text()))),
    clear_binary=lambda: head() + under(text(), signature=attached(
        base64.encodebytes(openpgp.dearmor(detached(text()))),
        extra="Content-Transfer-Encoding: base64\n")),
    clear_armor_is_message=lambda: head() + under(
        text(), signature=attached(gpg("--armor", *by("alice"), "--sign",
                                       data=text()))),
    clear_not_a_signature=lambda: head() + under(
        text(), signature=attached(openpgp.armor(
            b"\xcb\5hello", kind="PGP SIGNATURE"))),
    clear_signature_and_literal=lambda: head() + under(
        text(b"Pay 100\r\n"), signature=attached(openpgp.armor(
            openpgp.dearmor(detached(text())) + openpgp.literal(text()),
            kind="PGP SIGNATURE"))),
    clear_message_as_signature=lambda: head() + under(
        text(b"Pay 100\r\n"), signature=attached(openpgp.armor(
            join(signed(text())), kind="PGP SIGNATURE"))),
    clear_empty_signature=lambda: head() + under(
        text(), signature=attached(b"")),
    clear_signature_qp=lambda: head() + under(
        text(), signature=attached(detached(text()).replace(b"=", b"=3D"),
                                   extra="Content-Transfer-Encoding: "
                                   "quoted-printable\n")),
    clear_good_and_bad=lambda: head() + under(text(), signature=attached(
        openpgp.armor(openpgp.dearmor(detached(text())) + openpgp.dearmor(
            detached(b"else", sign=("frank",))), kind="PGP SIGNATURE"))),
    clear_bad_and_good=lambda: head() + under(text(), signature=attached(
        openpgp.armor(openpgp.dearmor(detached(b"else", sign=("frank",))) +
                      openpgp.dearmor(detached(text())),
                      kind="PGP SIGNATURE"))),
    clear_textmode=lambda: head() + under(text(), "--textmode"),
    clear_8bit=lambda: head() + under(text(
        "Grüße\r\n".encode(), extra="Content-Transfer-Encoding: 8bit\n")),
    clear_nul=lambda: head() + under(text(b"a\0b \xff\r\n")),
    clear_trailing=lambda: head() + under(text(b"-- \r\nsig \t\r\n\r\n\r\n")),
    clear_empty_part=lambda: head() + under(b"\r\n"),
    clear_long_lines=lambda: head() + under(text(b"y" * 5000 + b"\r\n")),
    clear_no_header_in_part=lambda: head() + under(b"\r\nNo header\r\n"),
    clear_dashes=lambda: head() + under(text(
        b"--=-=sig\r\n--=-=signature\r\n --=-=sign\r\n-- \r\n--\r\n")),
    clear_boundary_inside=lambda: head() + broken(
        text(), b"Nothing", b"--=-=sign\r\n\r\nNothing"),
    clear_preamble=lambda: head() + under(
        text(), pre=b"This is an OpenPGP/MIME signed message (RFC 4880 and "
        b"3156)\r\n", post=b"\r\n"),
    clear_closed_twice=lambda: head() + under(
        text(), post=b"--=-=sign\r\n" + text(b"Pay 100\r\n") +
        b"\r\n--=-=sign--\r\n"),
    clear_boundary_blank=lambda: head() + under(text()).replace(
        b"--=-=sign\r\n", b"--=-=sign \t\r\n"),
    clear_two_types=lambda: head() + b"Content-Type: text/html\r\n" +
    under(text()),
    clear_base64_top=lambda: head() + crlf(
        'Content-Type: multipart/signed; boundary="=-=sign"; ' +
        SIGNED + "\nContent-Transfer-Encoding: base64\n\n") + crlf(
            base64.encodebytes(under(text()).split(b"\r\n\r\n", 1)[1])),
    # ---- less than all of what is shown
    part_footer=lambda: head() + multi(
        "mixed", under(text()), text(b"_____\r\nlist@example.org\r\n")),
    part_before=lambda: head() + multi(
        "mixed", text(b"Pay 100 to Mallory\r\n"), under(text())),
    part_attached=lambda: head() + multi(
        "mixed", text(b"Pay 100 to Mallory\r\n"),
        text(extra="Content-Disposition: attachment; filename=x.txt\n"),
        attached(detached(text()),
                 extra="Content-Disposition: attachment; filename=x.sig\n")),
    part_related=lambda: head() + multi(
        "related", text(b"<p>Pay 100</p><div style=display:none><img "
                        b"src=cid:s>\r\n", "text/html"),
        multi("mixed", under(text()), extra="Content-ID: <s>\n")),
    part_alternative=lambda: head() + multi(
        "alternative", under(text()),
        text(b"<p>Pay 100 to Mallory</p>\r\n", "text/html")),
    part_forwarded=lambda: head(
        "Mallory <mallory@example.net>") + b"Content-Type: message/rfc822"
    b"\r\n\r\n" + head() + under(text()),
    part_forwarded_mixed=lambda: head() + multi(
        "mixed", text(), b"Content-Type: message/rfc822\r\n\r\n" + head() +
        under(text())),
    part_inline=lambda: head() + text(
        b"Pay 100 to Mallory\r\n\r\n" + crlf(gpg(
            "--clearsign", *by("alice"), data=PUBLIC))),
    part_inline_html=lambda: head() + text(
        b"<div style=display:none>\r\n" + crlf(gpg(
            "--clearsign", *by("alice"), data=PUBLIC)) +
        b"</div>Pay 100\r\n", "text/html"),
    part_signed_inside_signed=lambda: head(FRANK) + under(
        multi("mixed", text(b"Look what Alice says:\r\n"), under(
            text(), boundary="=-=in")), sign=("frank",)),
    part_mallory_around=lambda: head() + under(
        multi("mixed", text(b"Pay 100 to Mallory\r\n"), under(
            text(), boundary="=-=in")), sign=("mallory",)),
    part_sealed_then_text=lambda: sealed(encrypt(multi(
        "mixed", under(inner()), text(b"Pay 100\r\n")), sign=())),
    part_encrypted_attachment=lambda: head() + multi(
        "mixed", text(), text(
            crlf(encrypt(SECRET)), "application/pgp-encrypted",
            "Content-Disposition: attachment; filename=x.asc\n")),
)
