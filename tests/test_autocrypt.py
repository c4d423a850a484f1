# SPDX-License-Identifier: GPL-3.0-or-later
"""Autocrypt over a live agent: keys that go along with what we send (O22, O23)."""
import base64

import pytest

from kit import keys, letters, write
from people import ALICE, BOB, DAN, FRANK

YES = {"autocrypt": "yes"}


def gpg_keys(make, key):
    """What gpg makes of a key in an empty keyring: its colon lines."""
    d = make.folder()
    keys.run(d, "--import", write(d + "/key", key))
    return keys.run(d, "--list-sigs", "--with-colons",
                    "--with-fingerprint")[1].decode()


def rows(colons, kind):
    return [x.split(":") for x in colons.splitlines()
            if x.startswith(kind + ":")]


def sent(a, to=(BOB,), raw=None, **kw):
    a.smtp.accepted.clear()
    r = a.send(list(to), raw if raw is not None else letters.text(to=to), **kw)
    assert r.code == 250, r
    return a.smtp.accepted


@pytest.mark.parametrize("account, begins", [
    ({"encrypt": "always"}, rb'multipart/encrypted'),
    ({"encrypt": "never", "sign": "always"}, rb'multipart/signed'),
    ({"encrypt": "never"}, rb'text/plain')], ids=["sealed", "signed", "clear"])
def test_our_key_goes_along(scripted, make, account, begins):
    """Minimal: one user ID, one subkey, their newest self-signatures."""
    a = scripted(account=dict(account, **YES))
    fpr = keys.FPR["alice"]
    keys.run(a.home, "--quick-add-uid", fpr, "A <other@example.org>")
    (got,) = sent(a, raw=b"Autocrypt: addr=alice@example.org; keydata=AAAA\r\n"
                  + letters.text())
    raw, addr, key = letters.without_autocrypt(got.data)
    assert addr == ALICE
    assert begins in letters.header(raw)["Content-Type"].encode()
    said = gpg_keys(make, key)
    assert [x[9] for x in rows(said, "fpr")][0] == fpr
    assert len(rows(said, "pub")) == len(rows(said, "sub")) == 1
    (uid,) = rows(said, "uid")
    assert "<%s>" % ALICE in uid[9]
    assert len(rows(said, "sig")) == 2
    # and it is inside of nothing
    if account["encrypt"] == "always":
        inside = keys.Decrypted(a.home, letters.cipher(raw)).data
        assert b"utocrypt" not in inside


def test_our_key_of_today(scripted, make):
    """It is remembered, and cut anew when the keyring changed."""
    a = scripted(account=dict(YES, encrypt="never"))
    first = letters.without_autocrypt(sent(a)[0].data)[2]
    assert letters.without_autocrypt(sent(a)[0].data)[2] == first
    keys.run(a.home, "--quick-set-expire", keys.FPR["alice"], "1y")
    later = letters.without_autocrypt(sent(a)[0].data)[2]
    assert later != first
    assert rows(gpg_keys(make, later), "pub")[0][6]
    assert not rows(gpg_keys(make, first), "pub")[0][6]


def test_no_key_no_header(scripted):
    """It is no reason not to send."""
    a = scripted(secret=(), public=("alice",), trusted=(),
                 account=dict(YES, encrypt="never"))
    raw = letters.text()
    assert sent(a, raw=raw)[0].data == raw


def test_it_can_be_switched_off(scripted):
    a = scripted(account={"autocrypt": "no", "encrypt": "never"})
    raw = letters.text()
    assert sent(a, raw=raw)[0].data == raw


def test_an_alias(scripted):
    a = scripted(account={"autocrypt": "yes", "encrypt": "never",
                          "aliases": "a@example.org"})
    (got,) = sent(a, raw=letters.text(sender="a@example.org"),
                  sender="a@example.org")
    assert letters.without_autocrypt(got.data)[1] == "a@example.org"


def gossip(home, raw):
    """address -> key, of a sealed letter."""
    text = letters.without_autocrypt(raw)[0]
    assert b"Autocrypt-Gossip" not in text
    inside = keys.Decrypted(home, letters.cipher(text))
    assert inside.ok and inside.signer == keys.FPR["alice"]
    out = {}
    for field in letters.header(inside.data).get_all("Autocrypt-Gossip", []):
        addr, key = field.split(";", 1)
        assert addr.startswith("addr=") and addr[5:] not in out
        assert key.split("=")[0].strip() == "keydata"
        out[addr[5:]] = base64.b64decode(key.split("=", 1)[1])
    return out


@pytest.fixture
def sealing(scripted):
    def start(**kw):
        return scripted(trusted=("bob", "dan", "frank"),
                        account={**YES, "encrypt": "always", **kw})
    return start


def test_gossip(sealing, make):
    """All in To and Cc, on the lane of a Bcc too, and whose that is nowhere."""
    a = sealing()
    raw = letters.text(to=(BOB,), cc=(FRANK,))
    got = sent(a, to=(BOB, FRANK, DAN), raw=raw)
    assert sorted(x.to for x in got) == [[BOB, FRANK], [DAN]]
    for x in got:
        told = gossip(a.home, x.data)
        assert sorted(told) == [BOB, FRANK]
        for name in ("bob", "frank"):
            said = gpg_keys(make, told[keys.ADDR[name]])
            assert rows(said, "fpr")[0][9] == keys.FPR[name]
            # what others signed of it stays with us
            assert len(rows(said, "sig")) == 2
        # what is below is as it was
        assert letters.body(keys.Decrypted(a.home, letters.cipher(
            x.data)).data) == letters.body(raw)


@pytest.mark.parametrize("to, shown, account", [
    ((BOB,), (BOB,), {}), ((BOB, DAN), (BOB,), {}),
    ((BOB, FRANK), (BOB, FRANK), {"autocrypt": "no"}),
    ((BOB, FRANK), (BOB, FRANK), {"encrypt": "never", "sign": "always"})],
    ids=["one", "one and a Bcc", "switched off", "not sealed"])
def test_no_gossip(sealing, to, shown, account):
    a = sealing(**account)
    for x in sent(a, to=to, raw=letters.text(to=shown)):
        assert b"Autocrypt-Gossip" not in x.data
        if "encrypt" not in account:
            inside = keys.Decrypted(a.home, letters.cipher(x.data))
            assert inside.ok and b"utocrypt" not in inside.data
