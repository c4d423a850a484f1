# SPDX-License-Identifier: GPL-3.0-or-later
"""The letter that asks a contact for a key, with our own."""
import re

import pytest

from kit import keys, write
from kit.plugin import Plugin, path
from people import ALICE, BOB, EVE


def invite(a, account=ALICE, to=EVE, **members):
    with Plugin(path(a)) as p:
        return p.call("invite", account=account, to=to, **members)


@pytest.fixture(scope="module")
def alice(make_once):
    """With a key that others have signed, and an account that has none."""
    home = make_once.home(["alice", "frank"])
    keys.run(home, "--local-user", keys.FPR["frank"], "--quick-sign-key",
             keys.FPR["alice"])
    return make_once.agent(home, {
        ALICE: {"aliases": "a@example.org, *@alice.example"}, BOB: {}})


@pytest.mark.parametrize("language, words", [
    (None, ["Letterlock", "Thunderbird", "OpenPGP", "public key", EVE, ALICE,
            "free program"]),
    ("en", ["only you can open"]),
    ("de", ["Letterlock", "Thunderbird", "OpenPGP", "öffentlichen Schlüssel",
            EVE, ALICE, "freies Programm"])])
def test_the_letter(alice, language, words):
    ok = invite(alice, **({"language": language} if language else {}))["ok"]
    assert set(ok) == {"subject", "body", "attachment"}
    assert ok["subject"] and "\n" not in ok["subject"]
    for w in words:
        assert w in ok["body"], w
    assert ok["body"].endswith("\n%s\n" % ALICE)
    # nothing that only we understand
    assert not re.search(r"[Ff]ingerprint|PGP/MIME|certificate|encrypt\b|"
                         r"%s|WKD|\bsign", ok["body"])
    one = ok["attachment"]
    assert one["name"] == ALICE + ".asc" and one["name"] in ok["body"]
    assert one["type"] == "application/pgp-keys"


def packets(make, armor):
    """What gpg makes of the key in an empty keyring: its colon lines."""
    d = make.folder()
    keys.run(d, "--import", write(d + "/key", armor))
    assert not keys.run(d, "--list-secret-keys", "--with-colons")[1]
    return keys.run(d, "--list-sigs", "--with-colons")[1].decode()


def test_our_key_and_nothing_else(alice, make):
    armor = invite(alice)["ok"]["attachment"]["data"]
    assert armor.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    assert armor.endswith("\n-----END PGP PUBLIC KEY BLOCK-----\n")
    said = packets(make, armor)
    assert keys.FPR["alice"] in said and said.count("\npub:") == 1
    # who knows us is nobody's business
    assert ":%s:" % keys.FPR["frank"][-16:] not in said
    before = keys.run(alice.home, "--list-sigs", "--with-colons",
                      keys.FPR["alice"])[1].decode()
    assert ":%s:" % keys.FPR["frank"][-16:] in before


def test_from_another_address(alice):
    for mine, name in (("a@example.org", "a@example.org.asc"),
                       ('"./a"@alice.example', "_._a_@alice.example.asc")):
        ok = invite(alice, mine)["ok"]
        assert ok["body"].endswith("\n%s\n" % mine)
        assert ok["attachment"]["name"] == name


def test_errors(alice):
    def code(**kw):
        return invite(alice, **kw)["error"]["code"]
    assert code(account=BOB) == "no-key"
    assert code(account=EVE) == "no-account"
    assert code(to="eve") == code(to="") == "request"
    assert code(language="fr") == code(language=1) == "request"
