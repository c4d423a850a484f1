# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer to a letter that came sealed is not sent readable by a code, and
not silently where sealing is only done when possible."""
import re

import pytest

from kit import client, keys, letters, provider
from people import ALICE, BOB

EVE = "eve@example.net"
ID = "<came-sealed-1@example.org>"


@pytest.fixture
def alice(make, request):
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        home = make.home(["alice"], trusted=["bob"])
        a = make.agent(home, {ALICE: {"smtp": p.conf, "pop3": q.conf,
                                      "encrypt": request.param}})
        reader = make.home(["bob"], ["alice"])
        box = keys.encrypt(reader, letters.payload(sender=BOB, to=(ALICE,)),
                           ["alice"], "bob")
        raw = re.sub(rb"(?mi)^Message-ID:.*$", b"Message-ID: " + ID.encode() + b"\r",
                     letters.sealed(box, sender=BOB, to=(ALICE,)))
        q.mailbox[:] = [("u1", raw)]
        a.smtp = p
        yield a


def fetch(a):
    got, = client.fetch(a.pop3, ALICE, "x")
    assert letters.verdict(got)["encryption"] == "ok"


def answer(a, extra, subject="Re: it"):
    return client.send(a.submission, ALICE, "x", [EVE],
                       letters.text(to=(EVE,), subject=subject, extra=extra))


@pytest.mark.parametrize("alice", ["when-possible"], indirect=True)
@pytest.mark.parametrize("field", ["In-Reply-To", "References",
                                   "X-Forwarded-Message-Id"])
def test_when_possible_refuses_an_answer(alice, field):
    extra = "%s: <other@x> %s\n" % (field, ID)
    assert answer(alice, extra).code == 250      # nothing came yet
    fetch(alice)
    r = answer(alice, extra)
    assert r.code == 550 and EVE in r.text and "[clear" not in r.text
    assert answer(alice, "In-Reply-To: <another@x>\n").code == 250
    assert len(alice.smtp.accepted) == 2


@pytest.mark.parametrize("alice", ["ask"], indirect=True)
def test_no_code_for_an_answer(alice):
    r = answer(alice, "")
    code = re.search(r"\[clear (\d{4})\]", r.text).group(1)
    fetch(alice)
    extra = "In-Reply-To: %s\n" % ID
    r = answer(alice, extra, "[clear %s] Re: it" % code)
    assert r.code == 550 and "[clear" not in r.text
    assert not alice.smtp.accepted
    assert answer(alice, "", "[clear %s] it" % code).code == 250
