# SPDX-License-Identifier: GPL-3.0-or-later
"""Letters that come in, one file of corpus/ for each attack or quirk, against
what corpus/manifest says of it: through `letterlock open` and through the live
agent, with one result."""
import concurrent.futures
import glob
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time

import pytest

from kit import client, folder, keys, letters, provider
from kit.agent import built
from kit.plugin import Plugin, path
from people import BOB

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
sys.path.insert(0, CORPUS)

import base     # noqa: E402
import large    # noqa: E402

MAX = "8M"          # max-message-size
SLOW = 60           # seconds for one letter, however hostile
# of so many letters one is opened by a plug-in, too; all of them take a minute
ONE_OF = int(os.environ.get("CORPUS_ONE_OF", "29"))
# what a user may have in gpg.conf, and what must not count
CONF = "auto-key-retrieve\nauto-key-locate local,wkd\n"


# ---- the manifest

class Entry:
    """A line of it: name, rows, encryption[:reason], signature[:key],
    how it is handed over, and what is to be seen: key="value" ..."""

    def __init__(self, line):
        words = shlex.split(line)
        self.name, rows, enc, sig, self.how = words[:5]
        self.rows = rows.split(",")
        self.encryption, _, self.reason = enc.partition(":")
        self.signature, _, self.key = sig.partition(":")
        more = [w.partition("=") for w in words[5:]]
        self.see = {k: v.encode().decode("unicode_escape").encode("latin-1")
                    for k, _, v in more}
        assert set(self.see) <= {"subject", "from", "body", "like", "has",
                                 "hasnt", "signer", "xfail", "pending"}, line
        self.xfail = self.see.pop("xfail", b"").decode()
        self.pending = self.see.pop("pending", b"").decode()

    def raw(self):
        if self.name in large.MADE:
            base.NAME[0] = self.name
            return large.MADE[self.name]()
        with open(os.path.join(CORPUS, self.name + ".eml"), "rb") as f:
            return f.read()


def manifest():
    with open(os.path.join(CORPUS, "manifest"), encoding="utf-8") as f:
        return [Entry(x) for x in f if x.strip() and not x.startswith("#")]


ENTRIES = manifest()
WANT = [pytest.param(e, id=e.name, marks=[pytest.mark.xfail(
    reason=e.xfail or "not there yet", strict=not e.pending)]
    if e.xfail or e.pending else []) for e in ENTRIES]


def test_each_letter_has_its_line():
    names = [e.name for e in ENTRIES]
    assert len(names) == len(set(names))
    there = {os.path.basename(f)[:-4]
             for f in glob.glob(os.path.join(CORPUS, "*.eml"))}
    assert there | set(large.MADE) == set(names)
    size = sum(os.path.getsize(f) for f in
               glob.glob(os.path.join(CORPUS, "**"), recursive=True)
               if os.path.isfile(f))
    assert size < 3 << 19


@pytest.mark.parametrize("row", ["R%d" % i for i in range(1, 11)] + [
    "I%d" % i for i in (1, 4, 5, 6, 7, 8, 9, 12, 15, 17, 18)])
def test_each_rule_has_letters_of_both_kinds(row):
    """What is done and what is not done."""
    kinds = {(e.encryption, e.reason, e.signature, e.see.get("body"))
             for e in ENTRIES if row in e.rows}
    assert len(kinds) > 1, kinds


# ---- the reader

class Lookups(threading.Thread):
    """Listens where gpg would look for dirmngr, its one way to the network."""

    def __init__(self, home):
        super().__init__(daemon=True)
        self.path = subprocess.run(
            ["gpgconf", "--homedir", home, "--list-dirs", "dirmngr-socket"],
            check=True, capture_output=True, text=True).stdout.strip()
        self.calls = 0
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(self.path)
        self.sock.listen(16)

    def run(self):
        while True:
            try:
                c, _ = self.sock.accept()
            except OSError:
                return
            self.calls += 1
            c.close()

    def stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        os.unlink(self.path)


class Rig:
    """Bob's agent and keyring, all letters in his mailbox, fetched and
    opened.  A letter that lacks its last line end has it here, since POP3 can
    do no other."""

    def __init__(self, make):
        self.home = make.home(["bob", "carol"],
                              ["mallory", "revoked"],
                              ["alice", "frank", "dan", "expired"],
                              conf=CONF)
        for n in base.OWN:
            keys.run(self.home, "--import",
                     os.path.join(CORPUS, "keys", n + ".pub.asc"))
        for n, uid in (("angles", ()), ("subkey", ()), ("idn", ()),
                       ("olduid", ()),
                       ("twoface", ("Two Face <twoface@example.net>",))):
            keys.run(self.home, "--pinentry-mode", "loopback", "--local-user",
                     keys.FPR["bob"], "--quick-lsign-key", base.fpr(n), *uid)
        keys.run(self.home, "--check-trustdb")
        self.raw = {e.name: whole(e.raw()) for e in ENTRIES}
        self.keys_before = self.keyring()
        self.lookups = Lookups(self.home)
        self.lookups.start()
        self.provider = provider.Provider(
            "pop3", {BOB: "x"}, mailbox=list(self.raw.values()))
        self.provider.start()
        self.agent = make.agent(self.home, {BOB: {"pop3": self.provider.conf}},
                                {"max-message-size": MAX,
                                 "discover": "wkd"})
        self.live, self.seconds = {}, {}
        self.fetch()
        self.opened, self.pool = {}, None

    def fetch(self):
        """All of it, in one session."""
        with client.Pop3(self.agent.pop3, BOB, "x", timeout=SLOW) as c:
            c.ask("LIST")
            for i, name in enumerate(self.raw, 1):
                t = time.monotonic()
                r, body = c.ask("RETR %d" % i)
                self.live[name] = body if body is not None else r.encode()
                self.seconds[name] = time.monotonic() - t
            self.quit = c.quit()

    def open(self, name):
        """From the second on, all the others are opened meanwhile."""
        if self.opened and not self.pool:
            self.pool = concurrent.futures.ThreadPoolExecutor(3)
            for n in self.raw:
                self.opened.setdefault(n, self.pool.submit(self._open, n))
        elif not self.opened:
            self.opened[name] = concurrent.futures.Future()
            self.opened[name].set_result(self._open(name))
        return self.opened[name].result()

    def _open(self, name):
        p = subprocess.run(
            [built("letterlock"), "open", "-c", self.agent.conf],
            input=self.raw[name], capture_output=True, timeout=SLOW,
            env=self.agent.env)
        return p.returncode, p.stdout, p.stderr

    def keyring(self):
        return keys.run(self.home, "--list-options", "show-unusable-uids",
                        "--with-colons", "--list-keys")[1] + \
            keys.run(self.home, "--with-colons", "--list-secret-keys")[1]

    def stop(self):
        if self.pool:
            self.pool.shutdown(cancel_futures=True)
        self.lookups.stop()
        self.provider.stop()


def whole(raw):
    return raw if not raw or raw.endswith(b"\r\n") else raw + b"\r\n"


@pytest.fixture(scope="module")
def rig(make_once):
    r = Rig(make_once)
    yield r
    r.stop()


# ---- what is to be seen

def split(raw):
    """(fields, body): by any line end; a field with its folds."""
    m = re.search(rb"(?:\A|\n)\r?\n", raw)
    head, body = (raw[:m.end()], raw[m.end():]) if m else (raw, b"")
    return re.findall(rb"[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*",
                      head.rstrip(b"\r\n") + b"\r\n")[:-1], body


def value(fields, name):
    """The unfolded value of the only field of this name, or None."""
    found = [f for f in fields
             if re.match(name + rb"[ \t\0]*:", f, re.I)]
    assert len(found) < 2, found
    return re.sub(rb"\r?\n", b"", found[0].split(b":", 1)[1]).strip() \
        if found else None


def cleaned(raw):
    """Without the header fields that are marked as forged."""
    m = re.search(rb"(?:\A|\n)\r?\n", raw)
    head, rest = (raw[:m.start() + 1], raw[m.start() + 1:]) if m else (raw, b"")
    fields = re.findall(rb"[^\n]*\n(?:[ \t][^\n]*\n)*", head)
    return b"".join(f for f in fields if b"FORGED" not in f) + rest


def check_verdict(e, v):
    got = v["encryption"] + (":" + v["reason"] if "reason" in v else "")
    want = e.encryption + (":" + e.reason if e.reason else "")
    assert (got, v["signature"]) == (want, e.signature)
    assert v.get("fpr", "") == (base.fpr(e.key) if e.key else "")
    signer = ""
    if e.signature in ("good", "untrusted"):
        signer = e.see.get("signer", b"").decode() or address(e.key)
    assert v.get("signer", "").lower() == signer
    assert v.get("trust") == ("verified" if e.signature == "good" else None)
    claims = e.encryption == "ok" or e.signature != "none"
    assert ("bh" in v) == claims


def address(key):
    own = {"subkey": "subkey@example.org", "idn": "joerg@xn--mnchen-3ya.example",
           "twoface": "twoface@example.net", "olduid": "new@example.org"}
    return own.get(key) or keys.ADDR[key]


def check_body(e, fields, body, raw):
    if "like" in e.see:     # as the twin that was not sealed
        twin = os.path.join(CORPUS, e.see["like"].decode() + ".eml")
        with open(twin, "rb") as f:
            other, want = split(f.read())
        assert value(fields, b"Content-Type") == value(other, b"Content-Type")
        assert value(fields, b"Content-Transfer-Encoding") == value(
            other, b"Content-Transfer-Encoding")
    elif e.how == "restored":
        want = split(raw)[1]
    elif "body" in e.see:
        want = e.see["body"]
    elif "has" not in e.see:
        want = base.SECRET
    else:
        return
    want = re.sub(rb"\r\n|\r|\n", b"\r\n", want)
    assert body[:2000] == whole(want)[:2000]
    assert body == whole(want)


def check_opened(e, rest, raw):
    """The header is the one inside, as far as it counts; nothing of what was
    around it is left."""
    fields, body = split(rest)
    for name, want in ((b"Subject", e.see.get("subject", b"Inner")),
                       (b"From", e.see.get("from", base.ALICE.encode()))):
        assert want == b"*" or (value(fields, name) or b"") == want
    assert value(fields, b"MIME-Version") == b"1.0"
    head = b"".join(fields)
    assert not re.search(rb"(?m)^(?i:hp-outer|letterlock|x-letterlock)|"
                         rb"FORGED|[\r\0](?!\n)", head)
    if "has" not in e.see and "like" not in e.see:
        assert b"multipart/" not in head or e.how == "restored"
    for line in head.split(b"\r\n"):
        assert b"\n" not in line
    check_body(e, fields, body, raw)


def check(e, got, raw):
    v = letters.verdict(got)
    check_verdict(e, v)
    rest = letters.without_verdict(got)
    if e.how == "original":
        same(rest, raw)
    elif e.how == "cleaned":
        assert b"FORGED" in raw
        same(rest, cleaned(raw))
    elif e.how == "headless":   # its header could not be read: all is body
        assert rest.startswith(b"\r\n")
        same(rest[2:], raw)
    else:
        assert e.how in ("opened", "restored")
        check_opened(e, rest, raw)
    for k in ("has", "hasnt"):
        if k in e.see:
            assert bool(re.search(e.see[k], rest, re.S)) == (k == "has")


def same(got, want):
    if got != want:     # not by pytest's diff of 5 MB
        n = next((i for i, (a, b) in enumerate(zip(got, want)) if a != b),
                 min(len(got), len(want)))
        raise AssertionError("differs at %d: %r / %r" % (
            n, got[max(n - 40, 0):n + 80], want[max(n - 40, 0):n + 80]))


@pytest.mark.parametrize("e", WANT)
def test_letter(rig, e):
    check(e, rig.live[e.name], rig.raw[e.name])


def timeless(raw):
    """The verdict without what follows from the time."""
    return re.sub(rb"\A(Letterlock-Status: [^\r]*); t=\d+; (kid=[0-9A-F]{8})"
                  rb"([^\r]*); mac=[\w-]+\r\n", rb"\1 \2\3\r\n", raw)


@pytest.mark.parametrize("e", ENTRIES, ids=lambda e: e.name)
def test_the_command_agrees(rig, e):
    code, out, err = rig.open(e.name)
    same(timeless(whole(out)), timeless(rig.live[e.name]))
    assert code == (65 if b"; encryption=failed" in out[:200] else 0), err


# what it takes as a mail program stored it
STORED = ("forged-lf-only", "lf-only", "mbox-line")


def test_a_plugin_agrees(rig):
    """It has the same letter opened, with the same verdict."""
    with Plugin(path(rig.agent)) as p:
        for e in ENTRIES[::ONE_OF]:
            v, got = p.open(rig.raw[e.name])
            if e.name == "large-over-max":
                assert v == "too-large"
            elif e.name not in STORED:
                same(timeless(whole(got)), timeless(rig.live[e.name]))
                check_verdict(e, dict(letters.verdict(got), **v))


def test_no_letter_ends_the_session(rig):
    assert rig.quit.startswith("+OK")
    assert len(rig.live) == len(ENTRIES)
    bad = [n for n, x in rig.live.items() if x.startswith(b"-ERR")]
    assert not bad
    slow = {n: round(s, 1) for n, s in rig.seconds.items() if s > 20}
    assert not slow
    assert rig.agent.alive()


def test_nothing_of_it_is_asked_of_anybody(rig):
    """No key server, no directory, no passphrase, and the keys are as they
    were (R10, I15)."""
    for e in ENTRIES:
        rig.open(e.name)
    assert rig.lookups.calls == 0
    assert keys.prompts(rig.home) == 0
    assert rig.keyring() == rig.keys_before
    assert not [p for p in rig.agent.all() if p.name == "dirmngr"]
    # plain gpg would have asked, with this gpg.conf and this letter
    armor = re.search(rb"-----BEGIN.*-----END PGP MESSAGE-----",
                      rig.raw["sig-unknown"], re.S).group(0)
    keys.run(rig.home, "--decrypt", data=armor, check=False)
    assert rig.lookups.calls
