# SPDX-License-Identifier: GPL-3.0-or-later
"""Who a letter says it is from, against who signed it (R6)."""
from base import crlf, encrypt, head, inner, letter, sealed, text, under

ALICE, FRANK = "alice@example.org", "frank@example.org"


def both(name, sender, sign="alice", extra=""):
    """Sealed (the header inside says nothing of From) and signed only."""
    letter("from-" + name)(lambda: sealed(encrypt(
        inner(sender=None, mark=""), sign=(sign,)), sender, extra=extra))
    letter("clear-from-" + name)(lambda: head(
        sender, extra=extra) + under(text(), sign=(sign,)))


both("plain", ALICE)
both("case", "Alice <ALICE@Example.ORG>")
both("comment", "alice@example.org (Alice, of example.org)")
both("quoted-name", '"Example, Alice" <alice@example.org>')
both("encoded-name", "=?utf-8?Q?Alice_Gr=C3=BC=C3=9Fe?= <alice@example.org>")
both("folded", "Alice\n Example\n <alice@example.org>")
both("none", None)
both("empty", "")
both("two-fields", "alice@example.org\nFrom: eve@example.net")
both("two-fields-turned", "eve@example.net\nFrom: alice@example.org")
both("two-fields-alike", "alice@example.org\nFrom: alice@example.org")
both("two-fields-disguised", "alice@example.org\nFrom : eve@example.net")
both("two-addresses", "alice@example.org, eve@example.net")
both("two-addresses-turned", "eve@example.net, alice@example.org")
both("two-semicolon", "alice@example.org; eve@example.net")
both("group", "Friends: alice@example.org;")
both("group-empty", "Undisclosed:;")
both("group-then", "Friends:; , alice@example.org")
both("name-is-address", '"alice@example.org" <frank@example.org>')
both("name-is-address-frank", '"alice@example.org" <frank@example.org>',
     "frank")
both("name-is-bare-address", "alice@example.org <frank@example.org>")
both("name-is-bare-address-frank", "alice@example.org <frank@example.org>",
     "frank")
both("name-is-encoded-address",
     "=?utf-8?Q?alice=40example=2Eorg?= <frank@example.org>")
both("name-is-encoded-angles",
     "=?utf-8?Q?Alice_<alice=40example=2Eorg>?= <frank@example.org>")
both("address-encoded", "=?utf-8?Q?alice=40example=2Eorg?=")
both("comment-trick", "alice@example.org (x) <frank@example.org>")
both("comment-trick-frank", "alice@example.org (x) <frank@example.org>",
     "frank")
both("comment-address", "<frank@example.org> (alice@example.org)")
both("comment-open", "frank@example.org (alice@example.org")
both("two-angles", "<alice@example.org> <frank@example.org>")
both("angle-in-angle", "<alice@example.org<frank@example.org>>")
both("quote-open", '"<alice@example.org> <frank@example.org>')
both("nul", "alice@example.org\0.evil.example")
both("nul-between", "alice@example.org\0 <frank@example.org>")
both("bare-cr", "frank@example.org\rFrom: alice@example.org")
both("longer", "alice@example.org.evil.example")
both("shorter", "lice@example.org")
both("homograph", "\u0430lice@example.org")
both("local-case-unicode", "al\u0131ce@example.org")
both("no-address", "Alice Example")
both("sender", "frank@example.org", extra="Sender: alice@example.org\n")
both("reply-to", "frank@example.org", extra="Reply-To: alice@example.org\n")
both("resent", "frank@example.org", extra="Resent-From: alice@example.org\n")
both("idn", "J\u00f6rg <joerg@m\u00fcnchen.example>", "idn")
both("idn-ascii", "Joerg <joerg@xn--mnchen-3ya.example>", "idn")
