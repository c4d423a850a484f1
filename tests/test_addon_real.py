# SPDX-License-Identifier: GPL-3.0-or-later
"""Thunderbird with the add-on, the agent, Postfix and Dovecot: a letter there
and back."""
from birds import bird as a_bird
from kit import keys, letters, wait_for
from people import ALICE, BOB, USERS, lies


def test_there_and_back(make_once, mail, reader):
    with a_bird(make_once, trusted=["bob"], account=mail.account("tls"),
                password=USERS[ALICE]) as b:
        b.compose(BOB, "Dear Bob: " + letters.SUBJECT, letters.BODY)
        b.type("Cc", ALICE + "\n")
        b.wait_label("compose", "Sealed")
        b.press_send()
        b.sent()
        for user, name in ((BOB, "bob"), (ALICE, "alice")):
            raw, = lies(mail, user)
            got = keys.Decrypted(reader(name), letters.cipher(raw))
            assert got.ok and got.signer == keys.FPR["alice"]
            assert letters.BODY.encode() in got.data
        assert b.fetch() == 0
        mine, = wait_for(b.ids)
        b.show(mine)
        b.wait_label("message", "Sealed, verified")
        assert letters.BODY in b.shown()
