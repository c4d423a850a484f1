# SPDX-License-Identifier: GPL-3.0-or-later
"""What is never told: canaries in every field, both ways, in sessions that go
well and in those that fail, are in no log line, no file of the agent, no
command line and no environment."""
import os
import re
import socket
import subprocess
import threading
import time

import pytest

from kit import client, keys, letters, wait_for
from kit.agent import Agent
from kit.fakegpg import FakeGpg
from kit.provider import Provider, bye, drop, say
from people import ALICE, BOB, FRANK
from test_credentials import Vault

USER = "login-zaunkoenig-4410"
PASSWORD = "passwort-rotkehlchen-8153"
WRONG = "falsch-girlitz-2209"
TOKEN = "token-wendehals-6604"
WORDS = "anbieter-kleiber-3077"         # of the provider
FIELD, VALUE = "X-Dompfaff-5190", "wert-pirol-7742"
MESSAGE_ID = "kennung-stieglitz-1288@meldung.example"
BOUNDARY = "grenze-eisvogel-9365"
FILE = "datei-neuntoeter-4823.pdf"
NAME = "Anzeige-Goldammer-6031"         # displayed names
STRANGER = "fremd-heckenbraunelle-5517@nirgendwo.example"
COMMAND = "BEFEHL-WIEDEHOPF-3346"
SECRET = [USER, PASSWORD, WRONG, TOKEN, WORDS, FIELD, VALUE, MESSAGE_ID,
          BOUNDARY, FILE, NAME, COMMAND, letters.SUBJECT, letters.BODY]
SECRET_OF_COMMAND = "geheimnis-blaukehlchen-9914"
# of addresses and user IDs their parts too, in any case
ADDRESSES = ["alice", "bob@", "frank", "mallory", "example.org",
             "heckenbraunelle", "nirgendwo"]


def found(data, what):
    """Which of them are in these octets, as they are or in base64."""
    low = data.lower()
    return [c for c in what
            if c.lower().encode() in low
            or any(f in data for f in letters.forms(c)[1:] if len(f) > 8)]


class Told(Agent):
    options = ["-v", "-v"]

    def within(self, cmd):
        return super().within(cmd + self.options)


class Look:
    """The command lines and environments of all of an agent's processes, as
    long as it lives; gpg: what gpg is started with."""

    def __init__(self, a):
        self.a, self.seen, self.gpg, self.names = a, set(), set(), set()
        self.end = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *x):
        self.end.set()
        self.thread.join(10)

    def _run(self):
        while not self.end.wait(0.01):
            for p in self.a.all():
                self.names.add("guard" if p.pid == self.a.pid else p.name)
                for n in ("cmdline", "environ"):
                    try:
                        with open("/proc/%d/%s" % (p.pid, n), "rb") as f:
                            data = f.read()
                    except OSError:
                        continue
                    (self.gpg if b"--status-fd" in data else self.seen).add(
                        data)


def letter(to=(BOB,), **kw):
    """Canaries everywhere."""
    head = ("From: %s <%s>\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: <%s>\n"
            "%s: %s\n" % (NAME, ALICE,
                          ", ".join("%s <%s>" % (NAME, t) for t in to),
                          letters.SUBJECT, letters.DATE, MESSAGE_ID, FIELD,
                          VALUE))
    return letters.crlf(head + """MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="%s"

--%s
Content-Type: text/plain

%s
--%s
Content-Type: application/pdf; name="%s"
Content-Disposition: attachment; filename="%s"

%s
--%s--
""" % (BOUNDARY, BOUNDARY, letters.BODY, BOUNDARY, FILE, FILE, VALUE,
       BOUNDARY))


class Stage:
    def __init__(self, make, options):
        self.users = {USER: PASSWORD}
        self.smtp = make.stack.enter_context(Provider("smtp", self.users))
        self.pop3 = make.stack.enter_context(Provider("pop3", self.users))
        home = make.home(["alice"], ["mallory"], ["bob", "frank"])
        self.reader = make.home(["bob"], ["alice"])
        self.fake = FakeGpg(make.folder(), home)
        with open(os.path.join(home, "fake.args"), "w"):
            pass
        a = Told(make.folder(), home, {ALICE: {
            "smtp": self.smtp.conf, "pop3": self.pop3.conf, "user": USER,
            "encrypt": "when-possible"}}, {"gpg-timeout": "5"},
            {FRANK: {"encrypt": "always"}}, mounts=self.fake.mounts)
        a.options = options
        self.a = make.stack.enter_context(a)

    def send(self, to, raw, password=PASSWORD, **kw):
        try:
            return client.send(self.a.submission, USER, password, to, raw,
                               sender=ALICE, **kw)
        except (client.Closed, AssertionError) as e:
            return e

    def code(self, *a, **kw):
        r = self.send(*a, **kw)
        assert isinstance(r, client.Reply), r
        return r.code

    def sealed(self, text):
        return letters.sealed(keys.encrypt(self.reader, text, ["alice"],
                                           "bob"), sender=BOB, to=(ALICE,))


def sending(s):
    """Letters that go, and letters that do not."""
    hooks = s.smtp.hooks
    assert s.code([BOB], letter()) == 250
    assert s.code([STRANGER], letter([STRANGER])) == 250    # readable
    assert s.code([BOB, STRANGER], letter([BOB, STRANGER])) in (250, 451, 550,
                                                                554)
    for stage, hook in [
            ("auth", say("535 5.7.8 %s <%s>" % (WORDS, ALICE))),
            ("auth", drop), ("ehlo", bye("421 4.3.2 " + WORDS)),
            ("mail", say("550 5.1.8 %s <%s>" % (WORDS, ALICE))),
            ("rcpt", say("550 5.1.1 <%s> %s" % (BOB, WORDS))),
            ("data", say("451 4.3.0 " + WORDS)), ("data", drop),
            ("dot", say("554 5.6.0 " + WORDS)), ("dot", drop),
            ("dot", say("nonsense " + WORDS))]:
        hooks[stage] = hook
        s.send([BOB], letter())
        del hooks[stage]
    for mode in ("die", "cut", "garbage", "garbage-status", "weak"):
        s.fake.mode(mode)
        s.send([BOB], letter())
    s.fake.mode("normal")
    # sealed by the client already, and not for whom it goes to
    box = keys.encrypt(s.reader, letter(), ["bob", "alice"])
    s.send([FRANK], letters.sealed(box, sender=ALICE, to=(FRANK,)))
    s.send([BOB], letters.sealed(box, sender=ALICE, to=(BOB,)))
    # what no client says
    with client.Smtp(s.a.submission) as c:
        c.hello()
        for line in (COMMAND, "MAIL FROM:<%s>" % ALICE, "AUTH " + COMMAND,
                     "AUTH PLAIN ====", "VRFY " + STRANGER,
                     "AUTH XOAUTH2 " + client.plain("user=" + USER, TOKEN),
                     "AUTH PLAIN " + client.plain(STRANGER, WRONG)):
            c.cmd(line)
            if c.buf == b"" and line.startswith("AUTH X"):
                try:
                    c.cmd("*")
                except client.Closed:
                    break
    s.send([BOB], letter(), password=WRONG)
    with client.Smtp(s.a.submission, USER, PASSWORD) as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(letter()[:900])
        c.abort()
    with client.Smtp(s.a.submission, USER, PASSWORD) as c:
        assert c.envelope(ALICE, [BOB]).code == 354
        c.send(letter()[:900])
        s.a.kill_role("mime")
        c.send(client.stuffed(letter()))
        try:
            c.reply()
        except client.Closed:
            pass


def fetching(s):
    whole = s.sealed(letter())
    armor = whole.index(b"-----BEGIN PGP MESSAGE") + 200
    s.pop3.mailbox[:] = [("u%d-%s" % (i, VALUE), m) for i, m in enumerate([
        whole, letter(), whole[:armor] + b"!!" + whole[armor + 2:],
        whole[:armor], letters.sealed(b"no armor " + letters.BODY.encode(),
                                      sender=BOB, to=(ALICE,)),
        letter().replace(BOUNDARY.encode(), b"(" * 9000)])]
    got = client.fetch(s.a.pop3, USER, PASSWORD)
    assert letters.verdict(got[0])["encryption"] == "ok"
    for mode in ("die", "garbage", "garbage-status", "die-end"):
        s.fake.mode(mode)
        try:
            client.fetch(s.a.pop3, USER, PASSWORD)
        except (client.Closed, AssertionError):
            pass
    s.fake.mode("normal")
    for stage, hook in [("auth", say("-ERR [AUTH] " + WORDS)),
                        ("stat", say("-ERR " + WORDS)),
                        ("list", say("+OK " + WORDS + "\r\n" + VALUE)),
                        ("uidl", drop), ("retr", drop),
                        ("retr", say("-ERR " + WORDS))]:
        s.pop3.hooks[stage] = hook
        try:
            with client.Pop3(s.a.pop3, USER, PASSWORD) as c:
                c.cmd("STAT")
                c.ask("RETR 1")
        except (client.Closed, AssertionError, ValueError):
            pass
        del s.pop3.hooks[stage]
    try:
        with client.Pop3(s.a.pop3, USER, WRONG) as c:
            pass
    except (client.Closed, AssertionError):
        pass
    with client.Pop3(s.a.pop3) as c:
        c.cmd(COMMAND)
        c.cmd("USER " + STRANGER)


def away(s):
    """The provider is not there."""
    s.smtp.stop()
    s.pop3.stop()
    s.send([BOB], letter())
    try:
        with client.Pop3(s.a.pop3, USER, PASSWORD) as c:
            c.cmd("STAT")
    except (client.Closed, AssertionError):
        pass


def plugin(s):
    path = os.path.join(s.a.dirs["run"], "letterlock", "agent.sock")
    with socket.socket(socket.AF_UNIX) as c:
        c.settimeout(10)
        c.connect(path)
        for line in ('{"id":1,"call":"hello","version":1}',
                     '{"id":2,"call":"%s"}' % COMMAND,
                     '{"id":3,"call":"keys","addresses":["%s"]}' % STRANGER,
                     COMMAND + TOKEN):
            c.sendall(line.encode() + b"\n")
            if not c.recv(65536):
                break


def play(s):
    with Look(s.a) as look:
        sending(s)
        fetching(s)
        plugin(s)
        away(s)
        wait_for(lambda: len(s.a.role("crypt")) <= 1)
    assert {"guard", "keeper", "front", "mime", "crypt",
            "upstream"} <= look.names, look.names
    files = {}
    for n, path in list(s.a.kept_files()) + list(s.a.open_files()):
        if path == s.a.conf or n.startswith(s.a.home):
            continue    # these are the user's
        try:
            with open(path, "rb") as f:
                files[n] = f.read(1 << 22)
        except OSError:
            pass
    with open(os.path.join(s.a.home, "fake.args"), "rb") as f:
        look.gpg.add(f.read())
    return look, files


def addresses(look, files, text):
    """Who was written to is remembered in one file, and there alone."""
    files = {n: f for n, f in files.items() if not n.endswith("/contacts.db")}
    return (found(text.encode(), ADDRESSES),
            {n: x for n, x in ((n, found(f, ADDRESSES))
                               for n, f in files.items()) if x},
            [found(x, ADDRESSES) for x in look.seen if found(x, ADDRESSES)])


def secrets(look, files, text):
    return (found(text.encode(), SECRET),
            {n: x for n, x in ((n, found(f, SECRET))
                               for n, f in files.items()) if x},
            [found(x, SECRET) for x in look.seen | look.gpg
             if found(x, SECRET)])


def test_nothing_is_told(make):
    s = Stage(make, ["-v", "-v"])
    look, files = play(s)
    text = s.a.text()
    print(text)
    assert any("/state/" in n for n in files), list(files)
    assert secrets(look, files, text) == ([], {}, [])
    assert addresses(look, files, text) == ([], {}, [])
    # all of it was about one account
    assert len(set(re.findall(r"provider of (<[0-9a-f]{6}>)", text))) == 1
    assert len(re.findall(r"provider of <", text)) >= 2


@pytest.mark.xfail(strict=True, reason="gpg looks for a key by the address on "
                   "its command line, which other users may read")
def test_gpg_is_started_without_addresses(make):
    s = Stage(make, [])
    with Look(s.a) as look:
        assert s.code([BOB], letter()) == 250
    with open(os.path.join(s.a.home, "fake.args"), "rb") as f:
        look.gpg.add(f.read())
    assert [found(x, ADDRESSES) for x in look.gpg if found(x, ADDRESSES)] == []


def test_addresses_are_told_when_wanted(make):
    """And nothing else."""
    s = Stage(make, ["-v", "-v", "--log-addresses"])
    look, files = play(s)
    text = s.a.text()
    print(text)
    assert secrets(look, files, text) == ([], {}, [])
    assert not re.search("<[0-9a-f]{6}>", text)
    assert "provider of <%s> could not be reached" % ALICE in text
    assert addresses(look, files, "")[1:] == ({}, [])


def test_debugging_of_libraries_is_off(make, tmp_path):
    """GPGME would write down all that it sees."""
    debug = str(tmp_path / "debug")
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(make.home(["alice"], [], ["bob"]),
                       {ALICE: {"smtp": p.conf}},
                       env={"GPGME_DEBUG": "9:" + debug})
        assert client.send(a.submission, ALICE, "x", [BOB],
                           letters.text()).code == 250
    assert not os.path.exists(debug)


def test_credentials_are_not_told(make):
    """Tokens, and what a command prints, on stderr too."""
    wrong = WRONG.replace("-", "_") + "A" * 10
    users = {"alice": SECRET_OF_COMMAND}
    with Provider("smtp", users) as p, Provider("pop3", users) as q:
        v = Vault(make, p, q)
        token = v.token()
        with Look(v.agent) as look:
            for does in ("echo %s; echo %s; exit 3", "echo x%s%s",
                         "echo %s >&2; echo %s"):
                v.does(does % (SECRET_OF_COMMAND, SECRET_OF_COMMAND))
                for word in (token, wrong, token):
                    v.auth(word)
                time.sleep(3.2)     # what failed is not asked again at once
        text = v.agent.text()
        print(text)
        assert "no password for" in text
        told = [SECRET_OF_COMMAND, token, wrong]
        assert not found(text.encode(), told + ADDRESSES)
        assert not [x for x in look.seen | look.gpg if found(x, told)]
        for n, path in v.agent.kept_files():
            with open(path, "rb") as f:
                assert not found(f.read(), told), n


def test_another_name_in_each_run(make):
    """Lines of two runs can't be put side by side."""
    names = set()
    for _ in range(2):
        with Provider("smtp", {ALICE: "x"}) as p:
            a = make.agent(make.home(["alice"]), {ALICE: {"smtp": p.conf}})
            p.stop()
            client.Smtp(a.submission, ALICE, "x").close()
            wait_for(lambda: "provider of" in a.text())
            names.update(re.findall(r"provider of (<[0-9a-f]{6}>)", a.text()))
            a.stop()
    assert len(names) == 2


def test_a_log_that_is_a_file(make, tmp_path):
    """Every part of the agent can still write to it from its box."""
    with Provider("smtp", {ALICE: "x"}) as p:
        a = make.agent(make.home(["alice"]), {ALICE: {"smtp": p.conf}},
                       start=False)
        p.stop()
    with open(tmp_path / "log", "w+") as log:
        agent = subprocess.Popen(a.command(), env=a.env, stderr=log)
        try:
            def said(words):
                log.seek(0)
                return re.search(words, log.read())

            wait_for(lambda: said(r"listening on \S+ \(pop3\)"))
            port = int(said(r":(\d+) \(submission\)").group(1))
            client.Smtp(port, ALICE, "x").close()
            wait_for(lambda: said(r"front: the provider of"))
        finally:
            agent.terminate()
            agent.wait(10)
