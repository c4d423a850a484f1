# SPDX-License-Identifier: GPL-3.0-or-later
"""credentials = command: a program prints the password, the client shows a
token."""
import os
import re
import subprocess
import threading
import time

import pytest

from kit import client, letters, wait_for, write
from kit.agent import built
from kit.provider import Provider
from people import ALICE, BOB

SECRET = "Kn0w-nothing-of-tHis"         # what the command prints


class Vault:
    """Alice's agent with a command that logs its calls and does as told; Bob's
    account on it has his own password."""

    def __init__(self, make, smtp, inbox, **kw):
        d = make.folder()
        self.log, self.how = os.path.join(d, "log"), os.path.join(d, "how")
        write(self.log, "")
        self.does("echo " + SECRET)
        script = write(os.path.join(d, "vault"), "#!/bin/sh\n"
                       "echo called >> %s\n. %s\n" % (self.log, self.how),
                       0o700)
        self.smtp, self.inbox = smtp, inbox
        servers = {"smtp": smtp.conf, "pop3": inbox.conf}
        self.agent = make.agent(
            make.home(["alice"], trusted=["bob", "frank"]),
            {ALICE: dict(servers, user="alice", credentials=
                         'command "%s one two"' % script), BOB: servers},
            **kw)

    def does(self, text):
        write(self.how, text + "\n")

    def waits(self):
        """It tells the password once told() is called."""
        self.does("until [ -e %s.told ]; do sleep 0.05; done; echo %s" % (
            self.how, SECRET))

    def told(self):
        write(self.how + ".told", "")

    @property
    def calls(self):
        with open(self.log) as f:
            return len(f.readlines())

    def cli(self, *args):
        return subprocess.run(
            [built("letterlock"), "token", "-c", self.agent.conf] + list(args),
            env=self.agent.env, capture_output=True, timeout=20, text=True)

    def token(self):
        p = self.cli()
        assert p.returncode == 0, p.stderr
        return p.stdout.strip()

    def auth(self, word, user="alice"):
        with client.Smtp(self.agent.submission) as c:
            c.hello()
            return c.auth(user, word)

    def send(self, word):
        return client.send(self.agent.submission, ALICE, word, [BOB],
                           letters.html())


@pytest.fixture
def providers():
    users = {"alice": SECRET, BOB: "b"}
    with Provider("smtp", users) as p, Provider("pop3", users) as q:
        yield p, q


@pytest.fixture
def vault(make, providers):
    return Vault(make, *providers)


def test_the_command_logs_in(vault):
    token = vault.token()
    vault.inbox.mailbox[:] = [("u1", letters.bare())]
    assert vault.send(token).code == 250
    assert len(client.fetch(vault.agent.pop3, ALICE, token)) == 1
    assert vault.calls == 1, "it is asked again each time"
    for p in (vault.smtp, vault.inbox):
        assert token.encode() not in p.wire()
        assert p.heard("AUTH") + p.heard("PASS") == 1


def test_other_words_do_not(vault):
    def wrong(word):
        r = vault.auth(word)
        assert r.code == 535 and "token" in client.words(r), r
        with client.Pop3(vault.agent.pop3) as c:
            r = c.try_login(ALICE, word)
            assert r.startswith("-ERR [AUTH] ") and "token" in r, r

    wrong("A" * 43)     # there is none yet
    token = vault.token()
    assert re.fullmatch("[A-Za-z0-9_-]{43}", token)
    # a login that is right lets the next wrong ones go undelayed
    for word in (SECRET, token[:-1], token + "A", token.swapcase()):
        wrong(word)
        assert vault.auth(token).code == 235
    assert vault.calls == 1
    assert vault.auth("x" * 8000).code == 535
    assert vault.auth("b", BOB).code == 235
    assert len(vault.smtp.sessions) == 5


def test_the_token_is_for_one_account(vault):
    p = vault.cli(BOB)
    assert p.returncode == 0 and "credentials = client" in p.stderr
    assert vault.auth(p.stdout.strip()).code == 535


def test_a_new_token_counts_at_once(vault):
    old = vault.token()
    assert vault.auth(old).code == 235
    new = vault.token()
    assert old != new
    assert vault.auth(old).code == 535
    assert vault.auth(new).code == 235
    p = vault.cli("--list")
    assert re.fullmatch(ALICE + r"  since \d{4}-\d\d-\d\d\n", p.stdout)
    assert vault.cli("--remove", "Alice@Example.org").returncode == 0
    assert vault.auth(new).code == 535
    assert vault.cli("--remove", ALICE).returncode == 65
    assert vault.cli("--list").stdout == ""


def test_the_token_is_not_stored(vault):
    token = vault.token()
    d = os.path.join(vault.agent.dirs["state"], "letterlock")
    assert os.stat(os.path.join(d, "tokens")).st_mode & 0o777 == 0o600
    assert "tokens.new" not in os.listdir(d)
    for at, _, names in os.walk(d):
        for name in names:
            with open(os.path.join(at, name), "rb") as f:
                assert token.encode() not in f.read()


def test_command_line(vault):
    assert vault.cli("--help").stdout.startswith("Usage: letterlock token")
    for args in (["--list", ALICE], ["--remove"], ["--list", "--remove", "a"],
                 [ALICE, BOB], ["--what"]):
        assert vault.cli(*args).returncode == 64, args
    p = vault.cli("eve@example.net")
    assert p.returncode == 64 and "no account" in p.stderr


def test_a_damaged_file_lets_nobody_in(vault):
    token = vault.token()
    path = os.path.join(vault.agent.dirs["state"], "letterlock", "tokens")
    with open(path, "r+b") as f:
        f.write(b"\0")
    r = vault.send(token)
    assert r.code == 451 and "tokens" in r.text
    assert vault.calls == 0 and not vault.smtp.sessions
    assert vault.cli().returncode == 73
    assert vault.cli("--list").returncode == 65


def test_one_run_answers_all(vault):
    token, codes = vault.token(), []
    vault.does("sleep 1; echo " + SECRET)
    threads = [threading.Thread(
        target=lambda: codes.append(vault.auth(token).code))
        for _ in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert codes == [235] * 6 and vault.calls == 1


def test_others_are_not_held_up(vault):
    token = vault.token()
    vault.waits()
    with client.Smtp(vault.agent.submission) as c:
        c.hello()
        c.send("AUTH PLAIN %s\r\n" % client.plain("alice", token))
        wait_for(lambda: vault.calls == 1)
        vault.inbox.mailbox[:] = [("u1", letters.bare())]
        got, = client.fetch(vault.agent.pop3, BOB, "b")
        assert b"; mac=" in got.split(b"\r\n")[0], "the keeper's"
        vault.told()
        assert c.reply().code == 235


FAILS = {
    "exit 3": "status 3",
    "echo %s; exit 1" % SECRET: "status 1",
    "kill -9 $PPID": "signal 9",
    "": "printed nothing",
    "echo": "printed nothing",
    "printf 'a\\tb\\n'": "no password",
    "printf 'a\\0b\\n'": "no password",
    "printf %08192d 7": "no password",
    "head -c 3000000 /dev/zero; sleep 30": "far too much",
    "while :; do echo x; done": "far too much",
    "exec nonsuch": "status 127",
}


@pytest.mark.parametrize("how", FAILS)
def test_a_command_that_fails(vault, how):
    """It is no wrong password: it is told with the letter, and the next one is
    tried anew."""
    token = vault.token()
    vault.does(how)
    t = time.monotonic()
    r = vault.send(token)
    assert r.code == 451 and FAILS[how] in client.words(r), r
    assert "Letterlock has no password" in r.text
    with client.Pop3(vault.agent.pop3) as c:
        assert c.try_login(ALICE, token).startswith("+OK")
        r = c.cmd("STAT")
        assert r.startswith("-ERR [SYS/TEMP] ") and FAILS[how] in r
    assert time.monotonic() - t < 8
    assert not vault.smtp.sessions and not vault.inbox.sessions
    assert vault.calls == 1, "one Send asks once"
    vault.does("echo " + SECRET)
    wait_for(lambda: vault.send(token).code == 250, 10, 0.5)
    assert SECRET not in vault.agent.text()


@pytest.mark.parametrize("how", [
    "printf %s", "echo %s; echo more", "printf '%s\\r\\nx'",
    "echo %s; head -c 900000 /dev/zero", "sleep 100 & echo %s",
    "echo %s; (trap '' TERM; sleep 100) & :", "echo %s >&2; echo %s"])
def test_only_the_first_line_counts(vault, how):
    token = vault.token()
    vault.does(how.replace("%s", SECRET))
    assert vault.auth(token).code == 235
    assert vault.smtp.heard("AUTH") == 1


def test_a_long_secret(vault):
    token = vault.token()
    vault.smtp.users["alice"] = "7".zfill(8191)
    vault.does("printf %08191d 7")
    assert vault.auth(token).code == 235


def test_it_runs_apart(vault):
    """A session of its own, nothing to read, nothing of ours open."""
    token = vault.token()
    out = vault.log + ".out"
    vault.does("(ls -l /proc/self/fd; cat; cut -d' ' -f5,6 /proc/self/stat; "
               "echo $PPID) > %s; echo %s" % (out, SECRET))
    assert vault.auth(token).code == 235
    with open(out) as f:
        text = f.read()
    fds = re.findall(r" (\d+) -> (\S+)", text)
    assert [n for n, _ in fds][:3] == ["0", "1", "2"]
    assert dict(fds)["0"] == dict(fds)["2"] == "/dev/null"
    assert len(fds) == 4        # ls has the folder open
    pid = text.split()[-1]
    assert "%s %s\n" % (pid, pid) in text


def test_the_end_of_the_agent_ends_it(vault):
    """The kit sees what is left behind."""
    token = vault.token()
    vault.does("trap '' TERM; (trap '' TERM; sleep 1000) & sleep 1000")
    with client.Smtp(vault.agent.submission) as c:
        c.hello()
        c.send("AUTH PLAIN %s\r\n" % client.plain("alice", token))
        wait_for(lambda: vault.calls == 1)
        wait_for(lambda: len([p for p in vault.agent.all()
                              if p.name == "sleep"]) == 2)
        vault.agent.stop()


def test_a_client_that_goes(vault):
    token = vault.token()
    vault.waits()
    idle = len(vault.agent.role("front"))
    with client.Smtp(vault.agent.submission) as c:
        c.hello()
        c.send("AUTH PLAIN %s\r\n" % client.plain("alice", token))
        wait_for(lambda: vault.calls == 1)
    # front waits for nobody
    wait_for(lambda: len(vault.agent.role("front")) <= idle, 5)
    # what it printed is for the next
    vault.told()
    wait_for(lambda: not [p for p in vault.agent.all()
                          if any(x.endswith("/vault") for x in p.argv)])
    assert vault.auth(token).code == 235 and vault.calls == 1


def test_a_client_that_only_listens(vault):
    """All commands in one go, and the half of the connection closed."""
    token = vault.token()
    vault.does("sleep 1; echo " + SECRET)
    with client.Pop3(vault.agent.pop3) as c:
        c.send("USER alice\r\nPASS %s\r\nSTAT\r\nQUIT\r\n" % token)
        c.sock.shutdown(1)
        got = [c.status() for _ in range(4)]
    assert [x[:3] for x in got] == ["+OK"] * 4 and "0 0" in got[2]


def test_a_password_that_changed(vault):
    token = vault.token()
    assert vault.auth(token).code == 235
    vault.smtp.users["alice"] = "new"
    vault.does("echo new")
    r = vault.auth(token)       # the old one, from memory
    assert r.code == 535 and "says: " in r.text and vault.calls == 1
    assert vault.auth(token).code == 235 and vault.calls == 2


def test_secrets_are_nowhere(make, providers):
    """Neither in a log, however much it says, nor in a file, nor where other
    programs look."""
    v = Vault(make, *providers, start=False)
    a = v.agent
    plain = a.command
    a.command = lambda: plain() + ["-v", "-v", "-v"]
    with a:
        token = v.token()
        v.does("sleep 1; echo " + SECRET)
        seen = []
        t = threading.Thread(target=lambda: v.send(token))
        t.start()
        while t.is_alive():
            for p in a.all():
                try:
                    seen.append("\0".join(p.argv).encode())
                    with open("/proc/%d/environ" % p.pid, "rb") as f:
                        seen.append(f.read())
                except OSError:
                    pass
            time.sleep(0.1)
        assert len(v.smtp.accepted) == 1
        v.auth("wrong-" + SECRET)
        texts = seen + [a.text().encode()]
        for _, path in list(a.kept_files()) + list(a.open_files()):
            try:
                with open(path, "rb") as f:
                    texts.append(f.read(1 << 20))
            except OSError:
                pass
        assert any(b"letterlockd" in x for x in seen)
        for word in (SECRET, token, client.plain("alice", SECRET)):
            assert not [x for x in texts if word.encode() in x]
