# SPDX-License-Identifier: GPL-3.0-or-later
"""What letterlock setup does to Thunderbird's accounts, and undo takes back."""
import fcntl
import json
import os
import re
import types

import pytest

from kit import folder, letters, thunderbird_profile, wait_for, write
from kit.newcomer import LOCAL, PASSWORD, Newcomer
from kit.provider import Provider
from kit.thunderbird_client import Client
from people import ALICE, BOB

PORTS = ["--listen-smtp", "127.0.0.1:1587 tls", "--listen-pop3",
         "127.0.0.1:1110 starttls"]


@pytest.fixture
def owner(make):
    n = Newcomer(make, secret=["alice"])
    n.env["XDG_RUNTIME_DIR"] = os.path.join(n.d, "run")
    os.mkdir(n.env["XDG_RUNTIME_DIR"], 0o700)
    yield n
    n.run("undo", "--yes", ALICE)


@pytest.fixture
def servers():
    with Provider("smtp", {ALICE: PASSWORD}) as p, \
            Provider("pop3", {ALICE: PASSWORD}) as q:
        yield ["--smtp", p.conf, "--pop3", q.conf], p


class Profile:
    def __init__(self, owner, path, prefs):
        self.path = path
        dot = os.path.join(owner.d, ".thunderbird")
        os.makedirs(dot, exist_ok=True)
        write(os.path.join(dot, "profiles.ini"),
              "[Profile0]\nIsRelative=0\nPath=%s\n" % path)
        self.first = "// Mozilla User Preferences\n\n" + "".join(
            "user_pref(%s, %s);\n" % (json.dumps(k), json.dumps(v))
            for k, v in prefs.items())
        os.makedirs(path, exist_ok=True)
        write(self.at("prefs.js"), self.first)

    def at(self, name):
        return os.path.join(self.path, name)

    def text(self, name="prefs.js"):
        with open(self.at(name)) as f:
            return f.read()

    def prefs(self):
        return {k: json.loads(v) for k, v in re.findall(
            r'^user_pref\("(.*?)", (.*)\);$', self.text(), re.M)}


PREFS = {
    "mail.account.account1.server": "server1",
    "mail.account.account1.identities": "id1,id2",
    "mail.server.server1.type": "pop3",
    "mail.server.server1.hostname": "pop.example.org",
    "mail.identity.id1.useremail": ALICE,
    "mail.identity.id1.smtpServer": "smtp3",
    "mail.identity.id2.useremail": BOB,
    "mail.smtp.defaultserver": "smtp3",
    "mail.smtpservers": "smtp1,smtp3",
    "mail.smtpserver.smtp3.hostname": "smtp.example.org",
    "strange": "Größe \\ \"x\")"}


def test_an_account_that_is_there(owner, servers):
    """It gets a server of its own for sending; others keep theirs."""
    p = Profile(owner, os.path.join(owner.d, "p"), PREFS)
    args = [*servers[0], *PORTS, "--thunderbird"]
    q = owner.setup(*args)
    assert "through Letterlock" in q.stdout
    assert ("Server Name 127.0.0.1, Port 1110, Connection security STARTTLS"
            in q.stdout)
    now = p.prefs()
    assert now["mail.identity.id1.smtpServer"] == "smtp4"
    assert now["mail.smtpservers"] == "smtp1,smtp3,smtp4"
    assert {k[len("mail.smtpserver.smtp4."):]: v for k, v in now.items()
            if k.startswith("mail.smtpserver.smtp4.")} == {
        "hostname": "127.0.0.1", "port": 1587, "try_ssl": 3, "authMethod": 3,
        "username": ALICE, "type": "smtp", "description": "Letterlock"}
    assert PREFS.items() - now.items() == {
        ("mail.identity.id1.smtpServer", "smtp3"),
        ("mail.smtpservers", "smtp1,smtp3")}
    assert [x.split("\t")[0] for x in p.text("cert_override.txt")
            .splitlines()] == ["127.0.0.1:1587:", "127.0.0.1:1110:"]
    # again: the same; a port that has changed is mended
    was = p.prefs()
    owner.setup(*args)
    assert p.prefs() == was
    owner.setup(*args[:4], "--thunderbird", "--listen-smtp", "127.0.0.1:2587")
    assert p.prefs()["mail.smtpserver.smtp4.port"] == 2587
    assert p.prefs()["letterlock.before.id1"] == "smtp3"
    for _ in range(2):
        assert owner.run("undo", "--yes", ALICE).returncode == 0
        assert p.prefs() == PREFS


def test_it_runs(owner, servers):
    """What Thunderbird would write over is left alone, and it is said."""
    p = Profile(owner, os.path.join(owner.d, "p"), PREFS)
    with open(p.at(".parentlock"), "w") as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        q = owner.setup(*servers[0], *PORTS, "--thunderbird")
    assert "Thunderbird runs" in q.stdout and p.text() == p.first
    os.symlink("127.0.1.1:+%d" % os.getpid(), p.at("lock"))
    assert "Thunderbird runs" in owner.setup("--thunderbird").stdout
    os.unlink(p.at("lock"))
    os.symlink("127.0.1.1:+%d" % 0x3fffff, p.at("lock"))    # a crash left it
    owner.setup("--thunderbird")
    assert "letterlock.smtp.id1" in p.prefs()


def test_undo_while_it_runs(owner, servers):
    """What has to be done once more is no success; who never had it is not told of
    it."""
    p = Profile(owner, os.path.join(owner.d, "p"), PREFS)
    args = [*servers[0], *PORTS]
    for more, code in (([], 0), (["--thunderbird"], 75)):
        owner.setup(*args, *more)
        was = p.text()
        with open(p.at(".parentlock"), "w") as f:
            fcntl.lockf(f, fcntl.LOCK_EX)
            q = owner.run("undo", "--yes", ALICE)
        assert q.returncode == code and p.text() == was
        assert ("Thunderbird runs" in q.stdout) == bool(more)
        assert ALICE not in owner.text()
    q = owner.run("undo", "--yes", ALICE)
    assert q.returncode == 0 and p.prefs() == PREFS


def test_many_servers(owner, servers):
    """None of the list is lost, however long it is."""
    all_ = ",".join("smtp%d" % i for i in range(1, 1200))
    was = {**PREFS, "mail.smtpservers": all_}
    p = Profile(owner, os.path.join(owner.d, "p"), was)
    owner.setup(*servers[0], *PORTS, "--thunderbird")
    assert p.prefs()["mail.smtpservers"] == all_ + ",smtp1200"
    owner.run("undo", "--yes", ALICE)
    assert p.prefs() == was


def test_unasked(owner, servers):
    p = Profile(owner, os.path.join(owner.d, "p"), PREFS)
    owner.setup(*servers[0], *PORTS)
    assert p.text() == p.first


def test_real(owner, servers):
    """The real one sends sealed from its next start, by TLS that it trusts; undo
    finds its way in what it has written since."""
    smtp = servers[1]
    with folder("llt") as d:
        b = Client(d, types.SimpleNamespace(plugin_socket="/nowhere"), ALICE,
                   "Alice", PASSWORD)
        p = Profile(owner, b.profile, thunderbird_profile.account(
            b.profile, ALICE, "Alice", smtp.port, password=True))
        owner.setup(*servers[0], "--listen-smtp", "127.0.0.1:0 tls",
                    *LOCAL[2:], "--thunderbird", "--no-welcome", start=True)
        try:
            b.launch({})
            b.remember("smtp", ALICE, PASSWORD)
            b.compose(ALICE, "Dear me", letters.BODY)
            b.press_send()
            b.sent()
            wait_for(lambda: smtp.accepted)
        finally:
            b.stop()
        assert b"BEGIN PGP MESSAGE" in smtp.accepted[0].data
        assert p.prefs()["mail.identity.id1.smtpServer"] == "smtp2"
        assert "DO NOT EDIT" in p.text()
        owner.run("undo", "--yes", ALICE)
        now = p.prefs()
        assert now["mail.identity.id1.smtpServer"] == "smtp1"
        assert now["mail.smtpservers"] == "smtp1"
        assert not [k for k in now if "letterlock" in k or "smtp2" in k]
