# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of letterlock setup: the agent runs, a letter to oneself proves it, and
undo takes it back."""
import os
import re
import socket
import subprocess

import pytest

from kit import client, keys, letters, write
from kit.agent import built
from kit.newcomer import LOCAL, NOWHERE, PASSWORD, Newcomer
from kit.provider import Provider, say
from people import ALICE, BOB, USERS, lies


@pytest.fixture
def owner(make):
    n = Newcomer(make, secret=["alice"])
    n.env["XDG_RUNTIME_DIR"] = os.path.join(n.d, "run")
    os.mkdir(n.env["XDG_RUNTIME_DIR"], 0o700)
    yield n
    if n.agent():
        n.run("undo", "--yes", ALICE)
        assert not n.agent()


@pytest.fixture
def servers():
    with Provider("smtp", {ALICE: PASSWORD}) as p, \
            Provider("pop3", {ALICE: PASSWORD}) as q:
        yield ["--smtp", p.conf, "--pop3", q.conf]


def at(mail, *args):
    account = mail.account()
    return ["--smtp", account["smtp"], "--pop3", account["pop3"],
            "--ca-file", mail.ca, *args]


def birds(owner, kind):
    """A profile of Thunderbird with an account of this kind."""
    profile = os.path.join(owner.d, ".thunderbird", "p")
    os.makedirs(profile)
    write(os.path.join(profile, "..", "profiles.ini"),
          "[Profile0]\nIsRelative=1\nPath=p\n")
    write(os.path.join(profile, "prefs.js"), "".join(
        'user_pref("mail.%s", "%s");\n' % x for x in [
            ("account.account3.identities", "id2,id7"),
            ("account.account3.server", "server5"),
            ("server.server5.type", kind),
            ("identity.id7.useremail", ALICE)]))


# ---- the agent, and the letter

def test_welcome(owner, mail):
    """Sealed on its way, opened here, both shown; it stays in the inbox."""
    p = owner.setup(*at(mail, *LOCAL), password=USERS[ALICE], start=True)
    lay, = lies(mail, ALICE)
    assert b"BEGIN PGP MESSAGE" in lay and b"Welcome" not in lay
    seen, read = p.stdout.split("What you read")
    seen = seen.split("What your provider saw")[1]
    assert "BEGIN PGP MESSAGE" in seen and "Welcome" not in seen
    assert "Subject: Welcome to Letterlock" in read
    # a mail program has what was told
    port = int(re.search(r"fetching  127\.0\.0\.1, port (\d+)", p.stdout)[1])
    got, = client.fetch(port, ALICE, USERS[ALICE])
    assert letters.verdict(got)["signature"] == "good"
    assert b"letterlock backup FILE" in got
    # again: the agent that runs goes on
    was = owner.agent()
    p = owner.setup(password=USERS[ALICE], start=True)
    assert "runs already" in p.stdout and owner.agent() == was
    lies(mail, ALICE)       # the first was fetched


def test_welcome_by_tls(owner, mail):
    """Where mail programs speak TLS, by our own authority alone."""
    tls = ["--listen-smtp", "127.0.0.1:0 tls", "--listen-pop3",
           "127.0.0.1:0 starttls"]
    owner.setup(*at(mail, *tls), password=USERS[ALICE], start=True)
    lies(mail, ALICE)


def test_welcome_by_sending_alone(owner, mail):
    account = mail.account()
    p = owner.setup("--sending-only", "--smtp", account["smtp"], "--ca-file",
                    mail.ca, *LOCAL, password=USERS[ALICE], start=True)
    assert "the add-on opens it" in p.stdout
    assert b"BEGIN PGP MESSAGE" in lies(mail, ALICE)[0]


def test_no_welcome(owner, mail):
    owner.setup("--no-welcome", *at(mail, *LOCAL), password=USERS[ALICE],
                start=True)
    assert owner.agent() and not mail.dovecot.raws(ALICE)


def test_refused(owner, servers):
    """The provider takes no letters: said, and the rest stays."""
    with Provider("smtp", {ALICE: PASSWORD},
                  hooks={"rcpt": say("550 5.7.1 not today")}) as p:
        servers[1] = p.conf
        q = owner.setup(*servers, *LOCAL, start=True, ok=69)
    assert "was not sent: " in q.stderr and "not today" in q.stderr
    assert owner.agent() and ALICE in owner.text()
    assert "In your mail program" in q.stdout


@pytest.mark.parametrize("change, words", [
    (lambda x: [], "not there yet"),
    (lambda x: [x.replace(b"BEGIN PGP MESSAGE", b"BEGIN PGP MESSAG")],
     "not opened as it should"),
    (lambda x: [re.sub(rb"(?s)\r\n\r\n.*", b"\r\n\r\nWelcome!\r\n", x)],
     "readable on its way"),
    (lambda x: [(b"X: " + b"y" * 993 + b"\r\n") * 140000], "has no end")])
def test_comes_back_otherwise(owner, change, words):
    def put(session, user):
        got.mailbox = [("uid", x) for a in sent.accepted
                       for x in change(a.data)]
    with Provider("smtp", {ALICE: PASSWORD}) as sent, \
            Provider("pop3", {ALICE: PASSWORD}, hooks={
                "auth": put, "top": say("-ERR it is optional")}) as got:
        q = owner.setup("--smtp", sent.conf, "--pop3", got.conf, *LOCAL,
                        "--welcome-wait", "1", start=True, ok=69)
    assert words in q.stderr and "has not come back as it should" in q.stderr
    assert owner.agent() and "What you read" not in q.stdout


def test_agent_does_not_start(owner, servers):
    """A port that somebody has: said with what to do; no letter."""
    with Provider("pop3", {}) as p:
        port = p.conf.split()[0]
        q = owner.setup(*servers, "--listen-smtp", port, "--listen-pop3",
                        "127.0.0.1:0", start=True, ok=69)
    assert "in use" in q.stderr and "letterlockd -t" in q.stderr
    assert "welcome letter" not in q.stdout
    assert not owner.agent() and ALICE in owner.text()


def test_locked(make, mail):
    """Nobody says the passphrase: what to do is said, and it can be done."""
    n = Newcomer(make)
    n.env["XDG_RUNTIME_DIR"] = n.d
    os.chmod(n.d, 0o700)
    keys.pinentry(n.gnupg, "cancel", "")
    r, w = os.pipe()
    os.write(w, b"%s\nopen sesame\n" % USERS[ALICE].encode())
    os.close(w)
    fds = ["--password-fd", str(r), "--passphrase-fd", str(r)]
    try:
        q = subprocess.run(
            [built("letterlock"), "setup", "--yes", *NOWHERE, *fds,
             *at(mail, *LOCAL), ALICE], env=n.env, pass_fds=(r,), text=True,
            capture_output=True, timeout=60)
        assert q.returncode == 69, q.stderr
        assert "not sent: Letterlock did not send this: your key is locked" \
            in q.stderr
        keys.pinentry(n.gnupg, "answer", "open sesame")
        n.setup(password=USERS[ALICE], start=True)
    finally:
        os.close(r)
        n.run("undo", "--yes", ALICE)
    assert not n.agent()


def test_undo_of_a_half(owner, servers):
    """What was begun is taken back, whatever was not reached."""
    p = owner.run("undo", "--yes", ALICE)       # nothing at all
    assert p.returncode == 0 and "has no account" in p.stdout
    run(owner, *servers, *LOCAL)
    os.unlink(owner.conf)
    p = owner.run("undo", "--yes", ALICE)
    assert p.returncode == 0 and "letterlockd was ended" in p.stdout
    assert not owner.agent()


# ---- by systemd

PLAYED = r"""#!/bin/sh
# systemctl as it is where %(has)s can be had; what is not said here is refused
echo "$*" >> '%(log)s'
case "$*" in
*is-system-running) case "%(has)s" in *"$1"*) echo running;; *)
	echo offline; exit 1;; esac;;
*LoadState*) echo LoadState=loaded;;
*ReadWritePaths*) echo 'ReadWritePaths=-/run/user/1 -%(home)s';;
*is-active*|*is-enabled*) test -e '%(log)s'"$1";;
*' enable --now '*) %(enable)s; touch '%(log)s'"$1";;
*disable*) rm '%(log)s'"$1";;
*' enable '*|*reload-or-restart*) %(run)s;;
*) exit 9;;
esac
"""


@pytest.fixture
def played(owner):
    """played(has, enable, run): a home with a systemctl of its own, which tells
    what it was asked to do."""
    bin_dir, log = os.path.join(owner.d, "bin"), os.path.join(owner.d, "log")
    os.mkdir(bin_dir)
    for x in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        del owner.env[x]
    owner.conf = os.path.join(owner.d, ".config/letterlock/letterlock.conf")
    owner.state = os.path.join(owner.d, ".local/state")
    owner.env["PATH"] = bin_dir + ":/usr/bin:/bin"

    def play(has="--system --user", enable="true", run="true", home=owner.d):
        write(os.path.join(bin_dir, "systemctl"), PLAYED % {
            "has": has, "log": log, "enable": enable, "run": run,
            "home": home}, 0o755)

    def done():
        """What it was asked to change, and forget it."""
        with open(log, "a+") as f:
            f.seek(0)
            said = f.read().splitlines()
        os.unlink(log)
        return [x.replace("--no-ask-password ", "") for x in said
                if re.search("able|start", x) and "is-" not in x]
    play.done = done
    return play


def run(owner, *args, **kw):
    return owner.setup("--no-welcome", *args, start=True, **kw)


SYSTEM = "letterlock@%d" % os.getuid()


def test_system_units(owner, played, servers):
    """The ports that nobody can take; undo gives them up, twice if asked."""
    played()
    p = run(owner, *servers)
    assert played.done() == [
        "--system enable --now %s.socket" % SYSTEM,
        "--system reload-or-restart %s.service" % SYSTEM]
    assert ("submission = 127.0.0.1:587\npop3 = 127.0.0.1:110\n"
            in owner.text())
    assert "port 587" in p.stdout and not owner.agent()
    # again is the same again
    text = owner.text()
    run(owner)
    assert played.done()[0] == "--system enable --now %s.socket" % SYSTEM
    assert owner.text() == text
    owner.run("undo", "--yes", ALICE)
    assert played.done() == [
        "--system disable --now %s.socket %s.service" % (SYSTEM, SYSTEM)]
    p = owner.run("undo", "--yes", ALICE)
    assert p.returncode == 0 and played.done() == []


def test_user_units(owner, played, servers):
    """Where an administrator would be asked: one's own, with TLS."""
    played(enable="test $1 = --user || { echo 'Access denied'; exit 4; }")
    p = run(owner, *servers)
    assert "no: Access denied" in p.stdout
    assert played.done() == [
        "--system enable --now %s.socket" % SYSTEM,
        "--user enable --now letterlock.socket",
        "--user enable letterlock.service",
        "--user reload-or-restart letterlock.service"]
    assert ("submission = 127.0.0.1:1587 tls\npop3 = 127.0.0.1:1110 tls\n"
            in owner.text())
    assert os.path.exists(os.path.join(owner.state,
                                       "letterlock/certificate.pem"))
    # what is there already is not changed for another
    played()
    run(owner)
    assert "--system" not in " ".join(played.done())
    # the account is not the last
    write(owner.conf, owner.text() + "[%s]\nsmtp = x.example:25 tls\n" % BOB)
    owner.run("undo", "--yes", ALICE)
    assert played.done() == []
    owner.run("undo", "--yes", BOB)
    assert played.done() == [
        "--user disable --now letterlock.socket letterlock.service"]


@pytest.mark.parametrize("how, why", [
    (dict(has=""), ""),
    (dict(has="--user", enable="echo no; exit 1"), "no: no\n")])
def test_no_units(owner, played, servers, how, why):
    """Nobody holds the ports for it, so it runs by itself, which is said; and
    goes on so, though systemd could by now."""
    played(**how)
    with socket.socket() as s, socket.socket() as t:
        for x, port in (s, 1587), (t, 1110):
            try:
                x.bind(("127.0.0.1", port))
                x.listen()
            except OSError:
                pass
        p = run(owner, *servers, "--listen-smtp", "127.0.0.1:1587 tls",
                "--listen-pop3", "127.0.0.1:1110 tls", ok=69)
    assert why in p.stdout and "in use" in p.stderr
    owner.setup(*LOCAL)
    p = run(owner, *LOCAL)
    assert owner.agent() and "letterlockd -c %s &" % owner.conf in p.stdout
    owner.setup("--listen-smtp", "127.0.0.1:1587 tls", "--listen-pop3",
                "127.0.0.1:1110 tls")
    played()
    played.done()
    p = run(owner)
    assert "runs already" in p.stdout
    assert played.done() == []


def test_wish_for_units(owner, played, servers):
    played(has="--user")
    p = run(owner, *servers, "--units", "system", ok=69)
    assert "Leave out --units" in p.stderr and not os.path.exists(owner.conf)
    played(has="--system", home="/elsewhere")   # it could not write there
    run(owner, *servers, "--units", "system", ok=69)
    played(has="--user")
    run(owner, *servers, "--units", "user")
    assert "--user enable letterlock.service" in played.done()


def test_unit_fails(owner, played, servers):
    played(run="echo 'Job failed.'; exit 1")
    p = run(owner, *servers, ok=69)
    assert "Job failed." in p.stderr
    assert "journalctl -u %s.service" % SYSTEM in p.stderr
    played()
    run(owner)


def test_other_ports_than_the_units(owner, played, servers):
    played()
    run(owner, *servers, *LOCAL)
    assert owner.agent() and played.done() == []


# ---- IMAP

def account(owner):
    return owner.text().split("[%s]" % ALICE)[1]


def test_imap_stays(owner, servers):
    """Where Thunderbird fetches by IMAP nothing of that is touched."""
    birds(owner, "imap")
    p = owner.setup(*servers[:2])
    assert "by IMAP: that stays" in p.stdout and "fetching:" not in p.stdout
    assert "pop3 =" not in account(owner)
    os.unlink(os.path.join(owner.d, ".thunderbird", "profiles.ini"))
    owner.setup()       # as it was
    assert "pop3 =" not in account(owner)
    owner.setup("--with-pop3", "--pop3", servers[3])
    assert "pop3 =" in account(owner)


@pytest.mark.parametrize("kind, more", [
    ("pop3", []), ("imap", ["--with-pop3"]), ("imap", None)])
def test_pop3_where_it_is_wanted(owner, servers, kind, more):
    birds(owner, kind)
    if more is None:
        owner.setup(*servers, *LOCAL)
        assert "pop3 =" in account(owner)
    else:
        p = owner.setup("--offline", *servers[:2], *LOCAL[:2], *more,
                        ok=69)
        assert "fetching" in p.stdout


# ---- the backup

def test_backup(owner, servers):
    file = os.path.join(owner.d, "kept")
    p = owner.setup(*servers, *LOCAL, "--backup", file)
    code, = re.findall(r"\n {4}(\S[A-Z0-9 -]{27,})\n", p.stdout)
    assert os.path.getsize(file)
    with open(file, "rb") as f:
        was = f.read()
    keys.kill(owner.gnupg)
    other = dict(owner.env, GNUPGHOME=os.path.join(owner.d, "g"),
                 XDG_STATE_HOME=os.path.join(owner.d, "s2"),
                 XDG_CONFIG_HOME=os.path.join(owner.d, "c2"))
    os.mkdir(other["GNUPGHOME"], 0o700)
    p = owner.setup("--backup", file)
    assert "is there already" in p.stdout
    with open(file, "rb") as f:
        assert f.read() == was
    q = subprocess.run([built("letterlock"), "restore", file], env=other,
                       input=code + "\n", text=True, capture_output=True)
    assert q.returncode in (0, 73), q.stderr
