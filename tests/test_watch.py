# SPDX-License-Identifier: GPL-3.0-or-later
"""watch: what plug-ins are told of what happens, and what can't stop it."""
import contextlib
import json
import os
import signal
import threading
import time

import pytest

from kit import client, keys, letters, nmh, provider, wait_for, write
from kit.agent import Agent
from kit.plugin import Plugin, command, path
from people import ALICE, BOB, CAROL, EVE, FRANK

NOBODY = "nobody@example.net"       # to whom nothing may go readable


class Watcher(Plugin):
    """A plug-in that watches."""

    def __init__(self, a):
        super().__init__(path(a))
        self.events, self.answers = [], []
        assert self.call("watch")["ok"] == {}

    def take(self):
        """One line, which is an answer or an event."""
        x = self.line()
        assert ("event" in x) != ("id" in x), x
        (self.events if "event" in x else self.answers).append(x)
        return x

    def next(self, what):
        """The next event, which has to be such a one."""
        while not self.events:
            self.take()
        x = self.events.pop(0)
        assert x["event"] == what, x
        assert abs(x.pop("time") - time.time()) < 30
        return x

    def some(self, *what):
        """The next events, which have to be these in any order: a key's come
        another way than a letter's. The one that is named first."""
        got = {}
        for _ in what:
            while not self.events:
                self.take()
            x = self.events.pop(0)
            got[x["event"]] = x
        assert set(got) == set(what), got
        return got[what[0]]

    def answer(self, name, **members):
        self.n += 1
        self.s.sendall(json.dumps(dict(members, id=self.n, call=name)).encode()
                       + b"\n")
        while not self.answers:
            self.take()
        x = self.answers.pop(0)
        assert x["id"] == self.n
        return x

    def nothing(self):
        """What came before this question was answered."""
        self.answer("status")
        assert not self.events


def message_id(raw):
    return letters.field(raw, "Message-ID")


def without_id(raw):
    return b"".join(x for x in raw.splitlines(True)
                    if not x.startswith(b"Message-ID:"))


class Told(Agent):
    """It says all it can say."""

    def within(self, cmd):
        return super().within(cmd + ["-v", "-v"])


@pytest.fixture
def told(make):
    """Alice's agent, whose log must not tell what happens."""
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            provider.Provider("pop3", {ALICE: "x"}) as q:
        a = Told(make.folder(), make.home(["alice"], trusted=["bob", "frank"]),
                 {ALICE: {"smtp": p.conf, "pop3": q.conf, "sign": "always",
                          "encrypt": "when-possible"}},
                 {}, {NOBODY: {"encrypt": "ask"}})
        a.smtp, a.inbox = p, q
        a.reader = make.home(["bob"], ["alice"])
        a.send = lambda to, raw: client.send(a.submission, ALICE, "x", to, raw)
        make.stack.enter_context(a)
        yield a
        for x in ("@example", "Letterlock did", letters.SUBJECT):
            assert x not in a.text()


# ---- each of them

def test_sent(told):
    to_bob = letters.text()
    with Watcher(told) as w:
        for raw, to, how in (
                (to_bob, [BOB], "sealed"),
                (without_id(letters.text(to=(BOB, FRANK))), [BOB, FRANK],
                 "sealed"),
                (letters.text(to=(EVE,)), [EVE], "signed"),
                (letters.text(to=(EVE,), extra="X-Letterlock: sign=no\n"),
                 [EVE], "readable"),
                (letters.sealed(keys.encrypt(
                    told.reader, letters.payload(), ["alice", "bob"])), [BOB],
                 "passed")):
            assert told.send(to, raw).code == 250
            x = w.next("sent")
            gone = told.smtp.accepted[-1].data
            assert x == {"event": "sent", "account": ALICE, "how": how,
                         "message-id": message_id(gone), "recipients": to}
            assert message_id(raw) in (None, x["message-id"])
        # each Bcc goes up alone, and is one letter all the same
        assert told.send([BOB, FRANK], letters.text()).code == 250
        assert w.next("sent")["recipients"] == [BOB, FRANK]
        w.nothing()


def test_refused(told):
    """In the words of the answer, without its codes."""
    many = [BOB, NOBODY] + ["x%d@example.net" % i for i in range(70)]
    with Watcher(told) as w:
        def refused(to, raw=None):
            sent = raw or letters.text()
            r = told.send(to, sent)
            known = {} if raw else {"message-id": message_id(sent)}
            assert w.next("refused") == dict(
                known, event="refused", account=ALICE, code=r.code,
                words=client.words(r), recipients=to[:50])
            return r
        assert refused([NOBODY]).code == 550
        assert refused(many).code == 550
        # one that can't be read has no Message-ID either
        assert refused([BOB], without_from(letters.text())).code == 550
        told.smtp.hooks["rcpt"] = provider.say("550 5.1.1 No\x07body \xfc\r")
        assert refused([BOB]).code == 550
        del told.smtp.hooks["rcpt"]
        told.smtp.hooks["dot"] = provider.say("451 4.2.0 Full")
        assert refused([BOB]).code == 451
        del told.smtp.hooks["dot"]
        # who goes before the end asks for nothing
        with client.Smtp(told.submission, ALICE, "x") as c:
            assert c.envelope(ALICE, [BOB]).code == 354
            c.send(letters.text()[:200])
        assert told.send([BOB], letters.text()).code == 250
        w.next("sent")
        w.nothing()


def without_from(raw):
    return raw.replace(b"From: ", b"X-From: ", 1)


def test_opened(told):
    box = keys.encrypt(told.reader, letters.payload(sender=BOB, to=(ALICE,)),
                       ["alice"], "bob")
    plain = letters.text(sender=BOB, to=(ALICE,))
    told.inbox.mailbox[:] = [
        ("u1", letters.sealed(box, sender=BOB, to=(ALICE,))),
        ("u2", plain), ("u3", without_id(plain)),
        ("u4", b"Letterlock-Status: v=1; encryption=ok\r\n" + plain)]
    with Watcher(told) as w, client.Pop3(told.pop3, ALICE, "x") as c:
        for i in (1, 2, 3, 4):
            c.ask("TOP %d 5" % i)
            raw = c.retr(i)
            v, x = letters.verdict(raw), w.next("opened")
            want = {k: v[k] for k in ("encryption", "signature", "signer",
                                      "fpr", "trust", "reason") if k in v}
            assert x.pop("verdict") == dict(want, time=int(v["t"]))
            if message_id(raw):
                assert x.pop("message-id") == message_id(raw)
            assert x == {"event": "opened", "account": ALICE}
        assert letters.verdict(c.retr(1))["signature"] == "good"
        w.next("opened")
        w.nothing()


@pytest.fixture
def carol(make):
    """Carol, whose key has a passphrase."""
    with provider.Provider("smtp", {CAROL: "x"}) as p, \
            provider.Provider("pop3", {CAROL: "x"}) as q:
        a = make.agent(make.home(["carol"]), {CAROL: {
            "smtp": p.conf, "pop3": q.conf}}, {"unlock-timeout": "60"})
        a.smtp, a.inbox = p, q
        yield a


def test_a_locked_key(carol):
    """By a letter out, a letter in, and unlock: each question is told, and what
    came of it; what stays as it is, is not."""
    key = {"account": CAROL}
    letter = letters.text(sender=CAROL)
    carol.inbox.mailbox[:] = [("u1", letters.sealed(keys.encrypt(
        carol.home, letters.payload(), ["carol"]), to=(CAROL,))),
        ("u2", letters.text(to=(CAROL,)))]
    with Watcher(carol) as w:
        for _ in range(2):
            assert client.send(carol.submission, CAROL, "x", [CAROL],
                               letter).code == 451
            assert "locked" in w.some("refused", "key-needed",
                                      "locked")["words"]
        with client.Pop3(carol.pop3, CAROL, "x") as c:
            for first in (True, False):     # asked for once in a while
                assert c.ask("RETR 1")[0].startswith("-ERR [SYS/TEMP]")
                if first:
                    w.next("key-needed")
                    w.next("locked")
        assert w.answer("unlock", account=CAROL)["error"]["code"] == "cancelled"
        w.next("key-needed")
        w.next("locked")
        keys.pinentry(carol.home, "answer", keys.PASSPHRASE["carol"])
        assert "ok" in w.answer("unlock", account=CAROL)
        assert w.next("key-needed") == dict(key, event="key-needed")
        assert w.next("unlocked") == dict(key, event="unlocked")
        with client.Pop3(carol.pop3, CAROL, "x") as c:
            c.retr(1)
        w.next("opened")
        assert client.send(carol.submission, CAROL, "x", [CAROL],
                           letter).code == 250
        w.next("sent")
        w.nothing()


def test_events_while_a_call_waits(carol):
    carol.inbox.mailbox[:] = [("u1", letters.text(to=(CAROL,)))]
    keys.pinentry(carol.home, "hang")
    with Watcher(carol) as w:
        w.s.sendall(b'{"id":77,"call":"unlock","account":"%s"}\n'
                    % CAROL.encode())
        w.next("key-needed")
        with client.Pop3(carol.pop3, CAROL, "x") as c:
            c.retr(1)
        w.next("opened")
        assert not w.answers
    wait_for(lambda: not carol.role("plugin"))


def test_a_provider_that_can_not_be_reached(scripted):
    """Once an outage; a wrong password is none."""
    a = scripted()
    with Watcher(a) as w:
        with client.Smtp(a.submission) as c:
            c.hello()
            assert c.auth(ALICE, "wrong").code == 535
        a.smtp.hooks["connect"] = provider.drop
        for first in (True, False, False):
            assert a.send([BOB], letters.text()).code == 451
            if first:
                x = w.next("error")
                assert x["account"] == ALICE and x["words"]
                assert x["protocol"] == "submission"
            # whose login nobody has seen names nobody
            x = w.next("refused")
            assert x["code"] == 451 and x["recipients"] == []
            assert "message-id" not in x
        with client.Pop3(a.pop3, ALICE, "x"):
            pass
        w.nothing()
        del a.smtp.hooks["connect"]
        assert a.send([BOB], letters.text()).code == 250
        w.next("sent")
        a.smtp.hooks["connect"] = provider.drop
        assert a.send([BOB], letters.text()).code == 451
        w.next("error")


def test_as_the_add_on_hears_it(scripted):
    """By the library and the native-messaging host, in any keeper's time."""
    a = scripted()
    with nmh.Host(a.env) as h:
        for n in (1, 2):
            assert h.running() is True
            assert a.send([BOB], letters.text()).code == 250
            x = h.event()
            assert (x["event"], x["how"]) == ("sent", "sealed")
            assert x["message-id"] == message_id(a.smtp.accepted[-1].data)
            if n == 1:
                a.kill_role("keeper")


# ---- who watches, and how

def flood(a, n):
    """So many events in a moment."""
    a.inbox.mailbox[:] = [("u1", b"Subject: x\r\n\r\nx\r\n")]
    with client.Pop3(a.pop3, ALICE, "x") as c:
        for _ in range(n):
            c.retr(1)


def test_a_slow_one(scripted):
    """It misses some and knows how many; others miss none, and no letter waits
    for it."""
    a = scripted()
    n = 700
    with Watcher(a) as slow, Watcher(a) as fast:
        reader = threading.Thread(
            target=lambda: [fast.take() for _ in range(n)])
        reader.start()
        flood(a, n)
        reader.join(10)
        assert [x["event"] for x in fast.events] == ["opened"] * n
        got = lost = 0
        while got + lost < n:
            x = slow.take()
            got += x["event"] == "opened"
            lost += x.get("count", 0)
        assert got + lost == n and got > 50 and lost > 50
        assert [x["event"] for x in slow.events].count("lost") < 10
        slow.events.clear()
        flood(a, 1)
        slow.next("opened")
        slow.nothing()
        # its process waits for nothing but what comes
        flood(a, 400)
        a.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not a.role("plugin"), 5)


def test_one_that_stands_still(scripted):
    """Its process does; the keeper's memory does not grow."""
    a = scripted()
    with Watcher(a) as w:
        role, = a.role("plugin")
        os.kill(role.pid, signal.SIGSTOP)
        flood(a, 200)
        os.kill(role.pid, signal.SIGCONT)
        got = lost = 0
        while got + lost < 200:
            x = w.take()
            got += x["event"] == "opened"
            lost += x.get("count", 0)
        assert lost


def test_many(scripted):
    a = scripted()
    with contextlib.ExitStack() as stack:
        all_of_them = [stack.enter_context(Watcher(a)) for _ in range(16)]
        assert a.send([BOB], letters.text()).code == 250
        for w in all_of_them:
            w.next("sent")
            assert w.answer("watch")["ok"] == {}    # once more is once
        flood(a, 3)
        for w in all_of_them:
            for _ in range(3):
                w.next("opened")
            w.nothing()
    # places are free again, more often than there are
    def again():
        try:
            with Watcher(a) as w:
                return w
        except AssertionError:      # busy
            return None
    for _ in range(40):
        wait_for(again)


def test_answers_between_events(scripted):
    """Never inside one another."""
    a = scripted()
    with Watcher(a) as w:
        asked = b"".join(b'{"id":%d,"call":"status"}\n' % i
                         for i in range(1000, 1300))
        a.inbox.mailbox[:] = [("u1", b"Subject: x\r\n\r\nx\r\n")]
        with client.Pop3(a.pop3, ALICE, "x") as c:
            w.s.sendall(asked)
            for _ in range(50):
                c.retr(1)
        while len(w.answers) < 300 or len(w.events) < 50:
            w.take()
        assert [x["id"] for x in w.answers] == list(range(1000, 1300))


def test_who_does_not_watch(scripted):
    a = scripted()
    with Plugin(path(a)) as p:
        assert a.send([BOB], letters.text()).code == 250
        for _ in range(3):
            p.call("status")


# ---- what ends, and what goes on

def test_the_keeper_is_killed(scripted):
    """A connection ends with the keeper it began with; the next has a new one."""
    a = scripted()
    with Watcher(a) as w, Plugin(path(a)) as p:
        a.kill_role("keeper")
        assert w.ended() and p.ended()
    with Watcher(a) as w:
        assert a.send([BOB], letters.text()).code == 250
        w.next("sent")


def test_the_configuration_is_read_again(scripted):
    """A connection ends; a session from before tells of its own account still,
    though that has another number."""
    a = scripted()
    a.inbox.mailbox[:] = [("u1", b"Subject: x\r\n\r\nx\r\n")]
    with Watcher(a) as w, client.Pop3(a.pop3, ALICE, "x") as c:
        with open(a.conf) as f:
            text = f.read()
        write(a.conf, text.replace("[%s]" % ALICE, "[%s]\nsmtp = 127.0.0.1:9 "
                                   "plaintext\n\n[%s]" % (BOB, ALICE)))
        a.process.send_signal(signal.SIGHUP)
        assert w.ended()
        with Watcher(a) as w:
            c.retr(1)
            assert w.next("opened")["account"] == ALICE
        # and none where it is no more
        write(a.conf, text.replace("[%s]" % ALICE, "[%s]" % BOB))
        a.process.send_signal(signal.SIGHUP)
        wait_for(lambda: a.text().count("was read again") == 2)
        with Watcher(a) as w:
            c.retr(1)
            w.nothing()


def test_a_front_that_is_killed(scripted):
    a = scripted()
    with Watcher(a) as w:
        with client.Pop3(a.pop3, ALICE, "x"):
            a.kill_role("front")
        assert a.send([BOB], letters.text()).code == 250
        w.next("sent")
        assert command(a, "status").returncode == 0


def test_a_key_that_ends(scripted):
    """Told in the status, and once to who watches, also by an agent that was
    started anew."""
    a = scripted()
    with Plugin(path(a)) as p:
        assert "key-expires" not in p.call("status", keys=True)["ok"][
            "accounts"][0]
    assert "ends" not in command(a, "status").stdout
    keys.run(a.home, "--quick-set-expire", keys.FPR["alice"], "12d")
    end = time.time() + 12 * 86400
    with Watcher(a) as w:
        status = w.answer("status", keys=True)["ok"]["accounts"][0]
        assert abs(status["key-expires"] - end) < 100
        assert w.next("key-ends") == {"event": "key-ends", "account": ALICE,
                                      "days": 12}
        w.answer("status", keys=True)
        w.nothing()
    text = command(a, "status").stdout
    assert "  key        ends in 12 days, on %s: letterlock keys extend\n" % (
        time.strftime("%Y-%m-%d", time.localtime(end))) in text
    a.stop()
    with a, Watcher(a) as w:
        w.answer("status", keys=True)
        time.sleep(0.2)
        w.nothing()
