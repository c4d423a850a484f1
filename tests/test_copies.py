# SPDX-License-Identifier: GPL-3.0-or-later
"""Several copies of one peer's key: what its owner said of it once is not undone by a
copy that lacks it, whoever sends that."""
import time

import pytest

from kit import keys, letters, wait_for
from people import ALICE, BOB, EVE
from test_autocrypt import came, field, seen, store
from test_peers import AUTOCRYPT, WKD, ask, binary, folder, learnt, sends

FPR = keys.FPR["bob"]
OTHER = "bob@else.example"


def subkeys(home):
    out = keys.run(home, "--with-colons", "--list-keys", FPR)[1].decode()
    return [x.split(":")[4] for x in out.splitlines() if x.startswith("sub:")]


def export(home):
    return keys.run(home, "--export", FPR)[1]


@pytest.fixture(scope="module")
def copies(make_once):
    """Bob's key, as it was and as it became, binary; and its subkeys."""
    home = make_once.home(["bob"])
    got = {"first": export(home)}
    old, = subkeys(home)
    keys.run(home, "--pinentry-mode", "loopback", "--passphrase", "",
             "--quick-add-key", FPR, "cv25519", "encr", "1y")
    got["two"] = export(home)
    new, = set(subkeys(home)) - {old}
    keys.run(home, "--command-fd", "0", "--edit-key", FPR, "key 1", "revkey",
             "save", data=b"y\n0\n\ny\n")
    got["new"] = export(home)
    keys.run(home, "--quick-set-expire", FPR, "90d")
    got["sooner"] = export(home)
    keys.run(home, "--quick-add-uid", FPR, "Bob <%s>" % OTHER)
    keys.run(home, "--command-fd", "0", "--edit-key", FPR, "revkey", "save",
             data=b"y\n0\n\ny\n")
    got["revoked"] = export(home)
    home = make_once.home(["bob"])
    keys.run(home, "--quick-add-uid", FPR, "Bob <%s>" % OTHER)
    got["other"] = keys.run(home, "--export-filter",
                            "keep-uid=mbox=" + OTHER, "--export", FPR)[1]
    return got, old, new


def theirs(a, addr):
    """What of a letter's keys is not Alice's."""
    _, out, _ = keys.run(a.home, "--with-colons", "--list-keys",
                         keys.FPR["alice"])
    return [x for x in sends(a, addr) if x not in out.decode()]


def revoked(a):
    with store(a) as db:
        return db.execute("SELECT revoked FROM peer_key").fetchall()


def brings(a, data, addr=BOB, date=[0]):
    """A letter with this key, newer than all before, whoever wrote it."""
    date[0] += 60
    when = time.time() - 86400 + date[0]
    raw = letters.text(sender=addr, to=(ALICE,), extra=field(addr, data),
                       date=time.strftime("%a, %d %b %Y %H:%M:%S +0000",
                                          time.gmtime(when)))
    came(a, raw)
    wait_for(lambda: (seen(a, addr) or (0, 0))[0] == int(when), 20)


@pytest.fixture
def agent(scripted):
    def start():
        return scripted(trusted=(), public=(), account={"autocrypt": "yes"})
    return start


@pytest.mark.parametrize("how", [AUTOCRYPT, WKD])
@pytest.mark.parametrize("again", ["first", "two"])
def test_a_subkey_withdrawn(agent, copies, how, again):
    """Whoever has it reads nothing more, though an older copy is sent around."""
    a = agent()
    got, old, new = copies
    learnt(a, BOB, "bob", how, data=got["new"])
    assert theirs(a, BOB) == [new]
    brings(a, got[again])
    assert theirs(a, BOB) == [new]


def test_its_end_is_followed(agent, copies):
    """The owner's last word counts, also where the key ends sooner by it."""
    a = agent()
    got, old, new = copies
    brings(a, got["first"])
    assert theirs(a, BOB) == [old]
    brings(a, got["new"])
    assert theirs(a, BOB) == [new]
    assert ask(a, BOB)["key"].get("expires", 0) - time.time() > 300 * 86400
    brings(a, got["sooner"])
    brings(a, got["two"])
    assert 0 < ask(a, BOB)["key"]["expires"] - time.time() < 91 * 86400


def test_for_two_addresses(agent, copies):
    """A copy cut for one of them leaves the other one's user ID alone."""
    a = agent()
    got, old, new = copies
    brings(a, got["first"])
    assert theirs(a, BOB) == [old]
    brings(a, got["other"], OTHER)
    assert theirs(a, OTHER) == [old]
    assert theirs(a, BOB) == [old]


def packets(data):
    """Each whole, as gpg exports them: with lengths of the old format."""
    out = []
    while data:
        n = 1 << (data[0] & 3)
        n += 1 + int.from_bytes(data[1:1 + n], "big")
        out.append(data[:n])
        data = data[n:]
    return out


def test_withdrawn_in_another_place(agent, copies):
    """gpg puts the packets of what it imports in order, and so do we; nor is the
    copy that has them in order kept away by one that has not."""
    a = agent()
    got, old, new = copies
    brings(a, got["first"])
    assert theirs(a, BOB) == [old]
    key, sig, *rest = packets(got["revoked"])
    assert sig[2] == 4 and sig[3] == 0x20
    for data in (b"".join([key, *rest, sig]), got["revoked"]):
        came(a, letters.text(sender=BOB, to=(ALICE,), extra=field(BOB, data)))
        wait_for(lambda: revoked(a) == [(1,)], 20)
        assert ask(a, BOB)["state"] == "unusable"
        ring = folder(a) + "/pubring.kbx"
        out = keys.run(a.home, "--no-default-keyring", "--keyring", ring,
                       "--with-colons", "--list-keys", FPR)[1]
        assert b"pub:r:" in out


def test_withdrawn(agent, copies):
    """Known at once, though it was looked up before; and for good."""
    a = agent()
    got, old, new = copies
    brings(a, got["first"])
    assert theirs(a, BOB) == [old]
    came(a, letters.text(sender=BOB, to=(ALICE,),
                         extra=field(BOB, got["revoked"])))
    wait_for(lambda: revoked(a) == [(1,)], 20)
    assert ask(a, BOB)["state"] == "unusable"
    assert a.send([BOB], letters.text(to=(BOB,))).code == 550
    came(a, letters.text(sender=BOB, to=(ALICE,),
                         extra=field(BOB, got["first"])))
    brings(a, binary("eve"), EVE)   # one after the other
    assert sorted(revoked(a)) == [(0,), (1,)]
    assert ask(a, BOB)["state"] == "unusable"


def test_a_signing_subkey_withdrawn(scripted, make):
    """The user's copy has ended and says so; the one that came is older."""
    home = make.home(["bob"], ["alice"])
    keys.run(home, "--pinentry-mode", "loopback", "--passphrase", "",
             "--quick-add-key", FPR, "ed25519", "sign", "1y")
    older = export(home)
    part = letters.crlf("Content-Type: text/plain\n\nHello\n")
    signed = letters.signed(part, keys.sign(home, part, "bob"), sender=BOB,
                            to=(ALICE,))
    keys.run(home, "--command-fd", "0", "--edit-key", FPR, "key 2", "revkey",
             "save", data=b"y\n0\n\ny\n")
    keys.run(home, "--quick-set-expire", FPR, "seconds=1")
    newest = export(home)
    a = scripted(trusted=(), public=())
    keys.run(a.home, "--import", data=newest)
    learnt(a, BOB, "bob", data=older)
    wait_for(lambda: b"pub:e:" in keys.run(
        a.home, "--with-colons", "--list-keys", FPR)[1], 20)
    got, = came(a, signed)
    assert letters.verdict(got)["signature"] in ("expired", "revoked")
