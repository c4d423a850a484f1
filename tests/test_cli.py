# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock seal and letterlock open: the same sealing and opening on a
pipe."""
import re
import subprocess

import pytest

from kit import keys, letters
from kit.agent import built
from kit.cli import Cli
from kit.letters import field
from people import ALICE, BOB


@pytest.fixture
def alice(make):
    return Cli(make.folder(), make.home(["alice"], ["mallory"],
                                        ["bob", "expired"]))


@pytest.fixture
def bob(make):
    return Cli(make.folder(), make.home(["bob"], trusted=["alice"]), BOB)


@pytest.mark.parametrize("kind", sorted(letters.KINDS))
def test_round_trip(alice, bob, kind):
    sent = letters.KINDS[kind]()
    raw = alice("seal", "-r", BOB, data=sent)
    got = keys.Decrypted(bob.home, letters.cipher(raw))
    assert got.ok and got.signer == keys.FPR["alice"]
    assert sorted(got.enc_to) == keys.ids("alice", "bob")
    came = bob("open", data=raw)
    v = letters.verdict(came)
    assert (v["encryption"], v["signature"]) == ("ok", "good")
    letters.assert_same(came, sent)


def test_recipients_from_the_headers(alice, bob):
    raw = alice("seal", data=letters.text(to=(BOB,)))
    assert keys.sealed_to(letters.cipher(raw)) == keys.ids("alice", "bob")


def test_line_ends_of_unix(alice, bob):
    sent = letters.text()
    raw = alice("seal", "-r", BOB, data=sent.replace(b"\r\n", b"\n"))
    got = keys.Decrypted(bob.home, letters.cipher(letters.crlf(raw)))
    letters.assert_same(got.data, sent)
    came = bob("open", data=letters.crlf(raw).replace(b"\r\n", b"\n"))
    assert b"encryption=ok" in came.split(b"\n")[0]


def test_the_verdict_alone(alice, bob):
    raw = alice("seal", "-r", BOB, data=letters.text())
    out = bob("open", "--verdict", data=raw).decode()
    assert re.fullmatch(r"(Letterlock-Status: )?v=1; encryption=ok; "
                        r"signature=good; [ -~]*\r?\n", out), out
    out = bob("open", "--verdict", data=letters.text()).decode()
    assert "encryption=none; signature=none" in out


@pytest.mark.parametrize("to", ["eve@example.net", "expired@example.org",
                                "nobody"])
def test_no_key_no_output(alice, to):
    p = alice("seal", "-r", to, data=letters.text(to=(to,)), ok=False)
    assert p.stderr.startswith(b"letterlock")
    assert p.stdout == b""
    assert to in p.stderr.decode()


def test_bad_input_no_output(alice):
    for raw in (b"", b"no header\r\n", letters.text().replace(b"From:", b"F:"),
                b"From: <%s>\r\n" % ALICE.encode() + letters.text()):
        assert alice("seal", "-r", BOB, data=raw, ok=False).stdout == b""


def test_what_cannot_be_opened(alice, bob):
    raw = alice("seal", "-r", BOB, data=letters.long_text(50000))
    for bad, reason in (
            (raw.replace(b"-----END PGP", b"-----End PGP"), "malformed"),
            (raw[:len(raw) // 2] + raw[len(raw) // 2 + 64:], "integrity")):
        p = subprocess.run([built("letterlock"), "open", "-c", bob.conf],
                           input=bad, capture_output=True, env=bob.env,
                           timeout=60)
        assert p.returncode == 65       # EX_DATAERR
        v = letters.verdict(p.stdout)
        assert v["encryption"] == "failed" and v["signature"] == "none"
        assert v["reason"] in (reason, "malformed", "integrity")
        assert letters.body(p.stdout) == letters.body(bad)
        assert not letters.canaries(p.stdout)
    p = alice("open", "--verdict", data=letters.sealed(keys.encrypt(
        alice.home, letters.payload(), ["mallory"])), ok=False)
    assert p.returncode == 65
    assert b"encryption=failed" in p.stdout
    assert b"reason=no-secret-key" in p.stdout


def test_a_locked_key(make):
    """75: later, when it is unlocked; nothing else comes out."""
    carol = Cli(make.folder(), make.home(["carol"], ["bob"]),
                "carol@example.org")
    raw = letters.sealed(keys.encrypt(carol.home, letters.payload(), ["carol"]),
                         to=("carol@example.org",))
    p = carol("open", data=raw, ok=False)
    assert p.returncode == 75 and p.stdout == b""       # EX_TEMPFAIL
    keys.unlock(carol.home, "carol")
    assert letters.verdict(carol("open", data=raw))["encryption"] == "ok"


def test_what_is_not_sealed_comes_as_it_is(bob):
    for raw in (letters.eight_bit(), letters.bare(), letters.html()):
        assert letters.without_verdict(bob("open", data=raw)) == raw


def test_a_full_disk(alice):
    """What can't be written is no success."""
    with open("/dev/full", "wb") as full:
        p = subprocess.run([built("letterlock"), "seal", "-r", BOB, "-c",
                            alice.conf], input=letters.text(), stdout=full,
                           stderr=subprocess.PIPE, env=alice.env, timeout=60)
    assert p.returncode > 0 and p.stderr


def test_bcc_is_no_header_of_a_sealed_letter(alice, bob):
    raw = alice("seal", "-r", BOB, data=letters.text(
        extra="Bcc: carol@example.org\n"))
    got = keys.Decrypted(bob.home, letters.cipher(raw))
    assert field(raw, "Bcc") is None and field(got.data, "Bcc") is None
    assert b"carol" not in raw and b"carol" not in got.data


def test_help():
    for args in (["--help"], ["--version"], ["help", "seal"], ["help", "open"],
                 ["seal", "--help"]):
        p = subprocess.run([built("letterlock")] + args, capture_output=True,
                           timeout=20, text=True)
        assert p.returncode == 0 and p.stdout, args
    for args in (["frobnicate"], ["seal", "--frobnicate"], []):
        p = subprocess.run([built("letterlock")] + args, capture_output=True,
                           timeout=20, text=True, stdin=subprocess.DEVNULL)
        assert p.returncode == 64 and p.stderr, args
