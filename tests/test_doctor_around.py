# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock doctor looks around: at the provider's servers and systemd's units."""
import os
import socket
import time

import pytest

from kit import certs, write
from kit.patient import Patient
from kit.provider import Gate, Provider
from people import ALICE

PASSWORD = "Kn0w-nothing-of-tHis"
NOBODY = "letterlock setup " + ALICE


@pytest.fixture
def patient(make, tmp_path):
    return Patient(str(tmp_path), make.home(secret=["alice"]))


def ask(p, pki, servers, more=""):
    """What is found of these servers: {(check, state): text}."""
    p.configure("connect-timeout = 2\ngreeting-timeout = 2", "ca-file = %s\n%s\n%s"
                % (pki.ca, "".join("%s = %s\n" % s for s in servers), more),
                smtp="")
    began = time.monotonic()
    # anything is an option but --offline
    found = p.look("--json")
    assert time.monotonic() - began < 60
    return {k: v for k, v in found.items() if k[0] in ("server", "login")}


def quiet(*providers):
    """Nobody was named, and no password tried."""
    for p in providers:
        for verb in ("AUTH", "USER", "PASS", "MAIL"):
            assert not p.heard(verb), p.lines()
        assert ALICE.encode() not in p.wire()


def test_servers(patient, pki):
    with Provider("smtp", {}, tls="tls", pair=pki.good) as s, \
            Provider("pop3", {}, tls="starttls", pair=pki.good) as q:
        found = ask(patient, pki, [("smtp", s.conf), ("pop3", q.conf)])
        assert set(found) == {("server", "ok")}, found
        assert "%d answers and proves who it is" % q.port in found["server", "ok"]
        quiet(s, q)
        assert s.heard("EHLO") == q.heard("STLS") == 1
        assert s.heard("QUIT") == q.heard("QUIT") == 1
    # nobody is asked without a word
    with Provider("smtp", {}) as s:
        patient.configure(smtp=s.conf)
        assert not [c for c, _ in patient.look() if c == "server"]
        assert not s.sessions


def closed():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_closed_port(patient, pki):
    found = ask(patient, pki, [("smtp", "127.0.0.1:%d tls" % closed())])
    assert set(found) == {("server", "wrong")}
    assert "refused" in found["server", "wrong"]
    assert NOBODY in found["server", "wrong"]


@pytest.mark.parametrize("how, words", [
    (dict(san="DNS:other.example.test"), "is for another name"),
    (dict(san="IP:127.0.0.1", dates=("200101000000Z", "210101000000Z")),
     "has expired"),
    (dict(san="IP:127.0.0.1", by=None), "vouched for by itself only")],
    ids=["name", "expired", "itself"])
def test_bad_certificate(patient, pki, how, words):
    pair = certs.certificate(patient.d, "bad", **dict(
        {"by": (pki.ca, pki.ca[:-4] + ".key")}, **how))
    with Provider("smtp", {}, tls="tls", pair=pair) as s:
        found = ask(patient, pki, [("smtp", s.conf)])
        assert set(found) == {("server", "wrong")}
        assert words in found["server", "wrong"]
        assert NOBODY in found["server", "wrong"]
        assert ("clock" in found["server", "wrong"]) == ("dates" in how)
        quiet(s)


def test_pins(patient, pki):
    """The account's own, too."""
    with Provider("smtp", {}, tls="tls", pair=pki.good) as s:
        found = ask(patient, pki, [("smtp", s.conf)],
                    "pin = " + certs.pin(pki.ca))
        assert ("server", "ok") in found, found
        stranger = certs.certificate(patient.d, "stranger")
        found = ask(patient, pki, [("smtp", s.conf)],
                    "pin = " + certs.pin(stranger[0]))
        assert "pinned" in found["server", "wrong"]


def test_no_starttls(patient, pki):
    with Provider("smtp", {}) as s:
        found = ask(patient, pki, [("smtp", s.conf.replace("plaintext",
                                                           "starttls"))])
        assert "does not offer to encrypt" in found["server", "wrong"]
        quiet(s)


@pytest.mark.parametrize("stage", ["connect", "ehlo"])
def test_silence(patient, pki, stage):
    """One that says nothing keeps nobody waiting, and the other is told of."""
    gate = Gate()
    with Provider("smtp", {}, hooks={stage: gate}) as s, \
            Provider("pop3", {}) as q:
        try:
            found = ask(patient, pki, [("smtp", s.conf), ("pop3", q.conf)])
        finally:
            gate.open()
        assert "in time" in found["server", "wrong"]
        assert "%d answers" % q.port in found["server", "ok"]


def login(p, pki, said):
    """Alice has a command that says this, and a server."""
    with Provider("smtp", {ALICE: PASSWORD}, tls="tls", pair=pki.good) as s:
        found = ask(p, pki, [("smtp", s.conf)],
                    'credentials = command "%s"' % said)
        return found, s


def test_login(patient, pki):
    found, s = login(patient, pki, "echo " + PASSWORD)
    assert set(found) == {("server", "ok"), ("login", "ok")}, found
    assert s.logins and not s.accepted


def test_wrong_password(patient, pki):
    found, s = login(patient, pki, "echo another")
    assert set(found) == {("login", "wrong")}
    assert "another" not in found["login", "wrong"]


def test_no_password(patient, pki):
    """The server is looked at all the same."""
    found, s = login(patient, pki, "echo %s; exit 3" % PASSWORD)
    assert set(found) == {("server", "ok"), ("login", "wrong")}
    assert "status 3" in found["login", "wrong"]
    assert PASSWORD not in str(found)
    quiet(s)


# ---- systemd

def show(id, load="loaded", active="active", file="enabled", result="success",
         listen=()):
    return "".join("Listen=%s (Stream)\n" % x for x in listen) + (
        "Result=%s\nId=%s\nLoadState=%s\nActiveState=%s\nUnitFileState=%s\n\n"
        % (result, id, load, active, file))


def units(p, user="", system=""):
    """A systemctl that knows these, and what is found."""
    for name, text in ("user", user), ("system", system):
        write(os.path.join(p.d, name), text)
    p.systemctl('f=system; for a; do case "$a" in --user) f=user;; esac; done\n'
                'cat "%s/$f"\n' % p.d)
    return p.look()


GONE = show("letterlock.socket", "not-found", "inactive", "")
SOCKET = dict(id="letterlock.socket", listen=["127.0.0.1:1587",
                                              "127.0.0.1:1110"])


def test_systemd_listens(patient):
    """It is well that no letterlockd runs, and the ports are taken."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", patient.port))
        s.listen()
        found = units(patient, show(**SOCKET) + show(
            "letterlock.service", active="inactive", file="disabled"))
    assert "(letterlock.socket)" in found["units", "ok"]
    assert "systemd starts it" in found["agent", "ok"]
    assert not [c for c, _ in found if c == "port"]
    assert ("sending", "wrong") not in found
    # Thunderbird's port is one of those, or another's
    patient.prefs(mail__smtpserver__smtp1__port=1588)
    assert "another program" in patient.look()["sending", "wrong"]
    patient.prefs(mail__smtpserver__smtp1__port=1587)
    assert ("sending", "ok") in patient.look()


@pytest.mark.parametrize("user, system, state, words", [
    (GONE, GONE, "note", "does not know Letterlock"),
    (show("letterlock.socket", active="inactive", file="disabled"), GONE, "note",
     "enable --now letterlock.socket"),
    (GONE, show("letterlock@0.socket", active="inactive"), "note",
     "enable --now letterlock.socket"),
    (show(**SOCKET) + show("letterlock.service", active="failed",
                           result="exit-code"), GONE, "wrong",
     "letterlock.service has failed (exit-code). systemctl --user status"),
    (GONE, show("letterlock@0.socket", active="failed", result="resources"),
     "wrong", "has failed (resources). sudo systemctl status"),
    (show("letterlock.socket", "bad-setting", "inactive"), GONE, "wrong",
     "does not take letterlock.socket (bad-setting)"),
    (show(file="disabled", **SOCKET), GONE, "note",
     "not after the next start: systemctl --user enable"),
    (show(**SOCKET), show("letterlock@0.socket"), "note", "twice"),
])
def test_units(patient, user, system, state, words):
    found = units(patient, user, system)
    assert words in found.get(("units", state), ""), found


def test_no_systemd(patient):
    assert not [c for c, _ in patient.look() if c == "units"]
    # one that hangs is not waited for
    patient.systemctl("exec sleep 60\n")
    began = time.monotonic()
    assert not [c for c, _ in patient.look() if c == "units"]
    assert time.monotonic() - began < 50
