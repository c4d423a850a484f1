# SPDX-License-Identifier: GPL-3.0-or-later
"""100 MB each way: no process of the agent grows beyond 32 MB resident, and
no file ever holds cleartext."""
import os

import pytest

from kit import client, keys, letters
from kit.agent import ROLES, Watch, sanitized
from kit.inotify import Closed
from kit.provider import Provider
from people import ALICE, BOB

pytestmark = pytest.mark.skipif(sanitized(), reason="sanitizers need memory")
SIZE, MOST = 100 << 20, 32 << 10        # octets, kB


@pytest.fixture(scope="module")
def alice(make_once):
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q:
        a = make_once.agent(make_once.home(["alice"], trusted=["bob"]),
                            {ALICE: {"smtp": p.conf, "pop3": q.conf}},
                            {"max-message-size": "200M"})
        a.smtp, a.inbox = p, q
        a.reader = make_once.home(["bob"], ["alice"])
        yield a


@pytest.fixture(scope="module")
def big():
    return letters.attachment(SIZE, sender=ALICE, to=(BOB,))


def below(top):
    return [d for d, _, _ in os.walk(top)]


class Look:
    """Memory and files meanwhile; checked at the end."""

    def __init__(self, a):
        self.watch = Watch(a)
        self.closed = Closed(below(a.d) + below(a.home) +
                             ["/tmp", "/var/tmp", "/dev/shm"])

    def __enter__(self):
        self.closed.__enter__()
        return self.watch.__enter__()

    def __exit__(self, kind, *a):
        self.watch.__exit__()
        self.closed.__exit__()
        if kind is None:
            peak = self.watch.peak
            print("kB:", peak)
            assert set(ROLES) <= set(peak), peak
            assert max(peak.values()) < MOST, peak
            assert not self.watch.found and not self.closed.found


def test_sending(alice, big):
    with Look(alice) as watch:
        r = client.send(alice.submission, ALICE, "x", [BOB], big)
    assert r.code == 250, r
    assert "gpg" in watch.peak
    got = keys.Decrypted(alice.reader,
                         letters.cipher(alice.smtp.accepted[0].data))
    assert got.ok
    assert letters.body(got.data) == letters.body(big)


def test_fetching_sealed(alice, big):
    head = letters.crlf('Content-Type: multipart/mixed; boundary=big; '
                        'protected-headers="v1"\nFrom: <%s>\nTo: <%s>\n'
                        "Subject: %s\n\n" % (BOB, ALICE, letters.SUBJECT))
    inner = head + letters.body(big)
    box = keys.encrypt(alice.reader, inner, ["alice"], "bob",
                       ["--compress-algo", "none"])
    alice.inbox.mailbox[:] = [("u1", letters.sealed(box, sender=BOB,
                                                    to=(ALICE,)))]
    with Look(alice):
        with client.Pop3(alice.pop3, ALICE, "x") as c:
            got = c.retr(1)
    v = letters.verdict(got)
    assert (v["encryption"], v["signature"]) == ("ok", "good")
    assert letters.body(got).rstrip() == letters.body(inner).rstrip()


def test_fetching_unprotected(alice, big):
    alice.inbox.mailbox[:] = [("u1", big)]
    with Look(alice):
        with client.Pop3(alice.pop3, ALICE, "x") as c:
            got = c.retr(1)
    assert letters.without_verdict(got) == big
