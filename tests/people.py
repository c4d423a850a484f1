# SPDX-License-Identifier: GPL-3.0-or-later
"""Who writes to whom in the tests, and what they do all the time."""
from kit import client, letters, wait_for

ALICE, BOB, CAROL, DAN, EVE, FRANK, GONE = (
    "alice@example.org", "bob@example.org", "carol@example.org",
    "dan@example.com", "eve@example.net", "frank@example.org",
    "gone@example.org")

# Everybody's password at the real provider; gone@example.org has no mailbox.
USERS = {a: a.split("@")[0] + "'s password, 17" for a in (
    ALICE, BOB, CAROL, DAN, EVE, FRANK, "mallory@example.net",
    "sally@example.org")}


def submit(people, to, raw, sender=ALICE):
    """Alice's client sends a letter through her agent: the last reply."""
    return client.send(people.alice.submission, ALICE, USERS[ALICE], to, raw,
                       sender=sender)


def lies(mail, user, n=1):
    """The n letters in a mailbox of the real provider, once they are there,
    with CRLF line ends."""
    wait_for(lambda: len(mail.dovecot.raws(user)) >= n, 20)
    raws = mail.dovecot.raws(user)
    assert len(raws) == n
    return [letters.crlf(r) for r in raws]


def only(people):
    """Bob's only letter, as his client gets it."""
    got = client.fetch(people.bob.pop3, BOB, USERS[BOB])
    assert len(got) == 1
    return got[0]
