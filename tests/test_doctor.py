# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock doctor finds each fault that was planted, and names it."""
import contextlib
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import time

import pytest

from kit import keys, letters, wait_for, write
from kit.agent import built
from kit.patient import Patient
from people import ALICE, BOB


@pytest.fixture
def patient(make, tmp_path):
    return Patient(str(tmp_path), make.home(secret=["alice"], public=[],
                                            trusted=[]))


# Those that a healthy one without a running letterlockd has, and what depends on
# the machine.
USUAL = {"agent"}
MACHINE = {"disk", "room", "pinentry"}


def bad(found):
    return {check for check, state in found if state != "ok"} - MACHINE


def test_healthy(patient):
    found = patient.look()
    assert bad(found) == USUAL
    assert {c for c, s in found if s == "ok"} >= {
        "configuration", "port", "gnupg", "gpg-agent", "home", "key", "memory",
        "clock",
        "sending", "fetching", "addon", "host"}
    # nothing was made that letterlock restore would not overwrite
    assert not {"mac.key", "contacts.db"} & set(
        os.listdir(patient.state) if os.path.exists(patient.state) else ())


def test_newcomer(patient, tmp_path):
    """Who has just installed it has nothing yet, and is led to setup."""
    shutil.rmtree(patient.home)
    os.makedirs(patient.home)
    os.unlink(patient.conf)
    gnupg = str(tmp_path / "g")
    os.mkdir(gnupg, 0o700)
    try:
        found = patient.look(GNUPGHOME=gnupg)
    finally:
        keys.kill(gnupg)
    assert bad(found) == {"configuration", "agent"}, found
    assert "letterlock setup" in found["configuration", "wrong"]
    assert "answers. Start it" in found["agent", "wrong"]


def test_running(scripted):
    """One that runs is asked, and how it went with the provider is told."""
    a = scripted()

    def look():
        p = subprocess.run([built("letterlock"), "doctor", "--json", "-c",
                            a.conf], env=a.env, text=True,
                           capture_output=True, timeout=120)
        return {(c["check"], c["state"]): c["text"]
                for c in json.loads(p.stdout)["checks"]}
    found = look()
    assert ("agent", "ok") in found and ("provider", "ok") not in found
    assert "wrong" not in {s for c, s in found if c not in MACHINE}, found
    assert a.send([BOB], letters.text()).code == 250
    found = look()
    assert "send went well" in found["provider", "ok"]
    time.sleep(1.1)     # times are told in seconds
    a.smtp.stop()
    a.send([BOB], letters.text())
    assert "failed" in look()["provider", "wrong"]


# What is planted -> the check that names it.
def plant_no_configuration(p):
    os.unlink(p.conf)


def plant_unknown_key(p):
    p.configure("nonesuch = 1")


def plant_others_write_the_configuration(p):
    os.chmod(p.conf, 0o666)


def plant_no_account(p):
    write(p.conf, "[agent]\ngnupghome = %s\nsubmission = 127.0.0.1:%d\n"
          "pop3 = 127.0.0.1:%d\n" % (p.gnupg, *p.ports()))


def plant_port_taken(p):
    s = socket.socket()
    s.bind(("127.0.0.1", p.port))
    s.listen()
    return s


def plant_no_home(p):
    keys.kill(p.gnupg)
    os.rename(p.gnupg, p.gnupg + ".away")
    yield
    os.rename(p.gnupg + ".away", p.gnupg)


def plant_open_home(p):
    os.chmod(p.gnupg, 0o755)


def plant_no_key(p):
    keys.run(p.gnupg, "--delete-secret-keys", keys.FPR["alice"])


def plant_another_key(p):
    p.configure(account="key = %s" % keys.FPR["bob"])


def expire(p, when):
    keys.run(p.gnupg, "--quick-set-expire", keys.FPR["alice"], when)
    keys.run(p.gnupg, "--quick-set-expire", keys.FPR["alice"], when, "*")


def plant_key_ends_soon(p):
    expire(p, "20d")


def plant_key_ended(p):
    expire(p, "seconds=1")
    time.sleep(2.1)


def plant_no_pinentry(p):
    with open(os.path.join(p.gnupg, "gpg-agent.conf")) as f:
        text = f.read()
    write(os.path.join(p.gnupg, "gpg-agent.conf"),
          text.replace("/pinentry\n", "/nonesuch\n"))


def plant_no_gpg_agent(p):
    """It can't listen where it should."""
    keys.kill(p.gnupg)
    socket_ = subprocess.run(
        ["gpgconf", "--homedir", p.gnupg, "--list-dirs", "agent-socket"],
        check=True, capture_output=True, text=True).stdout.strip()
    wait_for(lambda: not os.path.exists(socket_))
    os.makedirs(os.path.join(socket_, "in", "the", "way"))
    yield
    shutil.rmtree(socket_)


def plant_no_screen(p):
    """A pinentry with a window, and an agent that was started without one."""
    window = os.path.join(p.d, "pinentry-qt")
    write(window, "#!/bin/sh\n", 0o755)
    write(os.path.join(p.gnupg, "gpg-agent.conf"),
          "pinentry-program %s\n" % window)


def plant_open_state(p):
    os.makedirs(p.state, 0o700)
    os.chmod(p.state, 0o755)


def plant_damaged_contacts(p):
    os.makedirs(p.state, 0o700)
    write(os.path.join(p.state, "contacts.db"), b"x" * 5000)


def plant_damaged_mac(p):
    os.makedirs(p.state, 0o700)
    write(os.path.join(p.state, "mac.key"), b"x")


def plant_damaged_peers(p):
    """Contacts can be read, but not the keys of theirs."""
    db = os.path.join(p.state, "contacts.db")
    agent = subprocess.Popen([built("letterlockd"), "-c", p.conf], env=p.env,
                             stderr=subprocess.DEVNULL)
    wait_for(lambda: os.path.exists(db), 60)
    agent.terminate()
    agent.wait(60)
    assert "0 keys" in p.look()["memory", "ok"]
    with contextlib.closing(sqlite3.connect(db)) as c:
        c.executescript("drop table peer_key; create table peer_key (x)")


def plant_no_certificate(p):
    """What is there is none."""
    os.makedirs(p.state, 0o700)
    write(os.path.join(p.state, "certificate.pem"), "x", 0o600)


def plant_other_certificate(p):
    """Mail programs connect to an address that does not stand in it."""
    subprocess.run([built("letterlock"), "certificate", "make", "-c", p.conf],
                   env=p.env, check=True, capture_output=True, timeout=60)
    p.configure("allow-remote = yes\nsubmission = 192.0.2.1:1 tls",
                ports=False)


def plant_clock(p):
    t = time.time() + 86400
    os.utime(p.conf, (t, t))


def plant_sends_straight(p):
    p.prefs(mail__identity__id1__smtpServer="smtp2")


def plant_sends_by_default(p):
    p.prefs(mail__identity__id1__smtpServer=None)


def plant_sends_by_another(p):
    """Another mail program's bridge, say."""
    p.prefs(mail__smtpserver__smtp1__port=p.port + 1)


def plant_sends_by_a_name(p):
    p.prefs(mail__smtpserver__smtp1__hostname="127.0.0.1.example.org")


def plant_fetches_by_another(p):
    p.prefs(mail__server__server1__port=p.port)


def plant_fetches_straight(p):
    p.prefs(mail__server__server1__hostname="pop.example.org")


def plant_imap(p):
    p.prefs(mail__server__server1__type="imap")


def plant_openpgp(p):
    p.prefs(mail__identity__id1__openpgp_key_id="0123456789ABCDEF",
            mail__identity__id1__encryptionPolicy=2)


def plant_drafts(p):
    p.prefs(mail__identity__id1__draft_folder="imap://a@x/Drafts")


def plant_sent(p):
    p.prefs(mail__identity__id1__fcc_folder="imap://a@x/Sent")


def plant_no_addon(p):
    os.unlink(os.path.join(p.profile, "extensions", "addon@letterlock.xpi"))


def plant_no_manifest(p):
    os.unlink(p.manifest)


def plant_no_host(p):
    write(p.manifest, json.dumps({"path": "/nonesuch"}))


FAULTS = [
    (plant_no_configuration, "configuration", "wrong", ""),
    (plant_unknown_key, "configuration", "wrong", "nonesuch"),
    (plant_others_write_the_configuration, "configuration", "wrong", ""),
    (plant_no_account, "accounts", "wrong", "no account"),
    (plant_port_taken, "port", "wrong", "(process %d)" % os.getpid()),
    (plant_no_home, "home", "wrong", "not there"),
    (plant_open_home, "home", "wrong", "chmod 700"),
    (plant_no_key, "key", "wrong", "no usable secret key"),
    (plant_another_key, "key", "wrong", "no usable secret key"),
    (plant_key_ends_soon, "key", "note", "ends on"),
    (plant_key_ended, "key", "wrong", "ended on"),
    (plant_no_pinentry, "pinentry", "wrong", "nonesuch"),
    (plant_no_gpg_agent, "gpg-agent", "wrong", "does not answer"),
    (plant_no_screen, "pinentry", "note", "updatestartuptty"),
    (plant_open_state, "state", "wrong", "chmod 700"),
    (plant_damaged_contacts, "memory", "wrong", "contacts.db"),
    (plant_damaged_peers, "memory", "wrong", "contacts.db"),
    (plant_no_certificate, "certificate", "wrong", "renew"),
    (plant_other_certificate, "certificate", "note", "192.0.2.1"),
    (plant_damaged_mac, "memory", "wrong", "mac.key"),
    (plant_clock, "clock", "wrong", "from the future"),
    (plant_sends_straight, "sending", "wrong", "smtp.example.org"),
    (plant_sends_by_another, "sending", "wrong", "another program on this"),
    (plant_sends_by_a_name, "sending", "wrong", "127.0.0.1.example.org"),
    (plant_sends_by_default, "sending", "wrong", "smtp.example.org"),
    (plant_fetches_straight, "fetching", "wrong", "pop.example.org"),
    (plant_fetches_by_another, "fetching", "wrong", "another program on"),
    (plant_imap, "fetching", "note", "IMAP"),
    (plant_openpgp, "openpgp", "wrong", ALICE),
    (plant_drafts, "folders", "wrong", "drafts"),
    (plant_sent, "folders", "wrong", "sent letters"),
    (plant_no_addon, "addon", "note", "thunderbird install"),
    (plant_no_manifest, "host", "note", "thunderbird install"),
    (plant_no_host, "host", "note", "thunderbird install"),
]


@pytest.mark.parametrize("plant,check,state,words", FAULTS,
                         ids=[f[0].__name__[6:] for f in FAULTS])
def test_a_fault(patient, plant, check, state, words):
    kept = plant(patient)
    if hasattr(kept, "__next__"):   # it is taken back afterwards
        next(kept)
    found = patient.look()
    assert (check, state) in found, found
    assert words in found[check, state]
    if hasattr(kept, "__next__"):
        next(kept, None)
    elif kept:
        kept.close()
    # and only that, but for what can't be known without it
    assert bad(found) <= USUAL | {check, "key", "gnupg", "configuration"} | (
        {"port"} if check == "certificate" else set())


def test_no_gpg(patient, tmp_path):
    found = patient.look(PATH="/nonexistent")
    assert "Install GnuPG" in found["gnupg", "wrong"]


def test_in_words(patient):
    """What people read has the same, and no control of their terminal."""
    patient.prefs(mail__identity__id1__smtpServer="s",
                  mail__smtpserver__s__hostname="a\x1b[31mb")
    p = subprocess.run([built("letterlock"), "doctor", "-c", patient.conf],
                       env=patient.env, text=True, capture_output=True,
                       timeout=120)
    assert p.returncode == 78 and "\x1b" not in p.stdout
    assert "WRONG  Thunderbird sends" in p.stdout
    assert "ok     GnuPG is" in p.stdout


# How gpg-agent writes a salt and a count: whichever of the first two suits the salt's
# octets, and the third before GnuPG 2.3.
WRITTEN = {
    "hex": b'(sha1 #1122334455667788#\n  "%s")',
    "string": b'(sha1 "R\xf1\\"#)}X\xfd\\\\"\n  "%s")',
    "canonical": b'(4:sha18:R"#1)ZX\xfd%s)',
}


@pytest.mark.parametrize("how", WRITTEN)
def test_a_slow_passphrase(make, tmp_path, how):
    """Which gpg-agent hashes millions of times for each letter."""
    home = make.home(secret=["carol"], public=[], trusted=[])
    p = Patient(str(tmp_path), home)
    write(p.conf, "[agent]\ngnupghome = %s\nsubmission = 127.0.0.1:%d\n"
          "pop3 = 127.0.0.1:%d\n[%s]\nsmtp = 127.0.0.1:9 plaintext\n" % (
              home, *p.ports(), keys.ADDR["carol"]))
    keys.unlock(home, "carol")      # by which gpg-agent writes it its own way
    assert ("slow-passphrase", "note") not in p.look()
    folder = os.path.join(home, "private-keys-v1.d")
    for count in b"65536", b"65011712":
        text = count
        if how == "canonical":
            text = b"%d:%s" % (len(count), count)
        for f in os.listdir(folder):
            with open(os.path.join(folder, f), "rb") as k:
                raw = k.read()
            new, n = re.subn(rb'\((?:4:)?sha1.*?"?[0-9]+"?\)(?=[(#1])',
                             lambda _: WRITTEN[how] % text, raw, flags=re.S)
            assert n == 1 and new != raw, raw
            write(os.path.join(folder, f), new)
        said = p.look().get(("slow-passphrase", "note"), "")
        assert ("s2k-count" in said) == (len(count) > 5), raw
