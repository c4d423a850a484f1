# SPDX-License-Identifier: GPL-3.0-or-later
"""Providers that are slow or silent on purpose: each deadline by its own
setting, in SMTP and in POP3, and what must not be cut off."""
import socket
import threading
import time

import pytest

from kit import client, keys, letters, write
from kit.provider import Gate, Provider
from people import ALICE, BOB

GRACE = 4
LONG = {k: 60 for k in ("connect-timeout", "greeting-timeout", "reply-timeout",
                        "provider-timeout", "client-timeout")}


def crawl(text, pause=0.5, after=""):
    """Say it octet by octet."""
    def hook(session, arg):
        if after:
            session.send(after)
        for c in text:
            time.sleep(pause)
            session.send(c)
    return hook


def stop_in(text):
    """Say the beginning of something, and then nothing."""
    gate = Gate()

    def hook(session, arg):
        session.send(text)
        return gate(session, arg)
    hook.open = gate.open
    return hook


# case -> kind, stage, what happens there, which setting it hits
CASES = {
    "connect, SMTP": ("smtp", "connect", Gate(), "connect-timeout", "tls"),
    "connect, POP3": ("pop3", "connect", Gate(), "connect-timeout", "tls"),
    "greeting, SMTP": ("smtp", "banner", Gate(), "greeting-timeout", None),
    "greeting, POP3": ("pop3", "banner", Gate(), "greeting-timeout", None),
    "slow greeting": ("smtp", "banner", crawl("220 " + "x" * 80),
                      "greeting-timeout", None),
    "reply to EHLO": ("smtp", "ehlo", Gate(), "reply-timeout", None),
    "slow reply": ("smtp", "mail", crawl("250 " + "x" * 80), "reply-timeout",
                   None),
    "slow reply, POP3": ("pop3", "stat", crawl("+OK 1 " + "1" * 80),
                         "reply-timeout", None),
    "slow CAPA": ("pop3", "capa", crawl("+OK\r\n" + "X\r\n" * 40),
                  "reply-timeout", None),
    "half a reply": ("smtp", "mail", stop_in("250-a\r\n"), "provider-timeout",
                     None),
    "half a list": ("pop3", "list", stop_in("+OK\r\n1 5\r\n"),
                    "provider-timeout", None),
    "half a letter": ("pop3", "retr", stop_in("+OK\r\nSubject: x\r\n"),
                      "provider-timeout", None),
    "letter not taken": ("smtp", "body", Gate(), "provider-timeout", None),
}


def run(a, kind):
    """What the client hears: the first no."""
    if kind == "smtp":
        r = client.send(a.submission, ALICE, "x", [BOB],
                        letters.attachment(8 << 20))
        assert r.code in (421, 451), r
        return r.text
    with client.Pop3(a.pop3, timeout=90) as c:
        try:
            assert c.try_login(ALICE, "x").startswith("+OK")
            for q in ("STAT", "LIST", "RETR 1"):
                r = c.cmd(q) if q == "STAT" else c.ask(q)[0]
                if not r.startswith("+OK"):
                    return r
        except client.Closed:
            return "closed"
    raise AssertionError("nothing was cut off")


@pytest.mark.parametrize("case", CASES)
def test_deadlines(make, pki, case):
    kind, stage, hook, setting, tls = CASES[case]
    with Provider(kind, {ALICE: "x"}, tls or "plaintext", pki.good,
                  hooks={stage: hook}, body_at=100000,
                  mailbox=[letters.bare()]) as p:
        a = make.agent(make.home(["alice"], trusted=["bob"]),
                       {ALICE: {kind: p.conf, "ca-file": pki.ca}},
                       dict(LONG, **{setting: 2}))
        t = time.monotonic()
        said = run(a, kind)
        t = time.monotonic() - t
        if hasattr(hook, "open"):
            hook.open()
        # a log-in and its repetition have a deadline each
        assert 1.5 < t < 2 * 2 + GRACE, (t, said)
        assert p.accepted == [] and not letters.canaries(p.wire())


def test_the_last_dot_has_time(make):
    """RFC 5321 section 4.5.3.2.6: else the letter may go out twice."""
    with Provider("smtp", {ALICE: "x"},
                  hooks={"dot": lambda s, to: time.sleep(5)}) as p:
        a = make.agent(make.home(["alice"], trusted=["bob"]),
                       {ALICE: {"smtp": p.conf}},
                       dict(LONG, **{"reply-timeout": 2,
                                     "provider-timeout": 2}))
        r = client.send(a.submission, ALICE, "x", [BOB], letters.text())
        assert r.code == 250 and len(p.accepted) == 1, r


def slowly(session, arg):
    """Nine octets a second."""
    session.send("+OK\r\n")
    for _ in range(700):
        session.send("Subject: ")
        time.sleep(1)


def test_min_rate(make):
    """Over a minute, and only while the provider is waited for: a client that
    reads slowly costs nobody the session."""
    slow, quick = (Provider("pop3", {ALICE: "x"}, mailbox=[letters.bare()])
                   for _ in range(2))
    slow.hooks["retr"] = slowly
    with slow, quick:
        a = make.agent(make.home(["alice"]), {
            ALICE: {"pop3": slow.conf},
            BOB: {"pop3": quick.conf, "key": keys.FPR["alice"]}},
            dict(LONG, **{"min-rate": 100, "client-timeout": 120}))
        quick.users = {BOB: "x"}
        quick.mailbox = [("u", letters.long_text(8 << 20))]
        got = []

        def patient():
            with client.Pop3(a.pop3, timeout=120) as c:
                assert c.try_login(BOB, "x").startswith("+OK")
                c.send("RETR 1\r\n")
                time.sleep(63)
                got.append(len(c.body()))

        other = threading.Thread(target=patient)
        other.start()
        t = time.monotonic()
        with client.Pop3(a.pop3, timeout=90) as c:
            assert c.try_login(ALICE, "x").startswith("+OK")
            try:
                assert not c.ask("RETR 1")[0].startswith("+OK")
            except client.Closed:
                pass
        t = time.monotonic() - t
        assert 55 < t < 60 + GRACE + 4
        other.join(60)
        assert got and got[0] > 8 << 20


def test_a_slow_look_up(make):
    """A name server that never answers holds nobody up for longer."""
    d = make.folder()
    deaf = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        deaf.bind(("127.0.0.9", 53))
    except OSError:
        pytest.skip("no port below 1024 can be had here")
    with deaf:
        mounts = [(write(d + "/resolv", "nameserver 127.0.0.9\n", 0o644),
                   "/etc/resolv.conf"),
                  (write(d + "/nss", "hosts: files dns\n", 0o644),
                   "/etc/nsswitch.conf")]
        a = make.agent(make.home(["alice"], trusted=["bob"]), {ALICE: {
            k: "mail.example.test:%d tls" % n
            for k, n in (("smtp", 465), ("pop3", 995))}},
            dict(LONG, **{"connect-timeout": 1}), mounts=mounts)
        for f in (lambda: client.send(a.submission, ALICE, "x", [BOB],
                                      letters.text()).text,
                  lambda: run(a, "pop3")):
            t = time.monotonic()
            assert "cannot reach mail.example.test" in f()
            # twice in SMTP: at AUTH and at DATA
            assert 0.9 < time.monotonic() - t < 2 * 2 + 2
