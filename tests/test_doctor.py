# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock doctor finds each fault that was planted, and names it."""
import contextlib
import json
import os
import re
import socket
import subprocess
import time

import pytest

from kit import keys, letters, write
from kit.agent import built
from kit.thunderbird_profile import QUIET
from people import ALICE, BOB


class Patient:
    """A healthy one: GnuPG, a configuration, a Thunderbird with one account."""

    def __init__(self, d, home):
        self.d, self.gnupg = d, home
        self.home = os.path.join(d, "home")
        self.state = os.path.join(d, "state", "letterlock")
        self.profile = os.path.join(self.home, ".thunderbird", "p")
        self.conf = os.path.join(d, "letterlock.conf")
        self.env = {"PATH": "/usr/bin:/bin", "HOME": self.home,
                    "LANG": "C.UTF-8", "GNUPGHOME": home,
                    "XDG_STATE_HOME": os.path.join(d, "state"),
                    "XDG_RUNTIME_DIR": d}
        os.makedirs(os.path.join(self.profile, "extensions"))
        write(os.path.join(self.profile, "..", "profiles.ini"),
              "[Profile0]\nIsRelative=1\nPath=p\n")
        write(os.path.join(self.profile, "extensions", "addon@letterlock.xpi"),
              b"")
        self.manifest = os.path.join(self.home, ".mozilla",
                                     "native-messaging-hosts",
                                     "letterlock.json")
        os.makedirs(os.path.dirname(self.manifest))
        write(self.manifest, json.dumps({"path": "/bin/cat"}))
        self.prefs()
        self.configure()

    def configure(self, agent="", account="", mode=0o600):
        write(self.conf, "[agent]\ngnupghome = %s\n"
              "submission = 127.0.0.1:%d\npop3 = 127.0.0.1:%d\n%s\n[%s]\n"
              "smtp = 127.0.0.1:9 plaintext\n%s\n"
              % (self.gnupg, *self.ports(), agent, ALICE, account), mode)

    def ports(self):
        with contextlib.ExitStack() as s:
            made = [s.enter_context(socket.socket()) for _ in range(2)]
            for x in made:
                x.bind(("127.0.0.1", 0))
            self.port = made[0].getsockname()[1]
            return [x.getsockname()[1] for x in made]

    def prefs(self, **more):
        p = {"mail.account.account1.server": "server1",
             "mail.account.account1.identities": "id10,id1",
             "mail.server.server1.type": "pop3",
             "mail.server.server1.hostname": "127.0.0.1",
             "mail.identity.id1.useremail": ALICE,
             "mail.identity.id1.smtpServer": "smtp1",
             "mail.identity.id10.useremail": BOB,
             "mail.smtpserver.smtp1.hostname": "127.0.0.1",
             "mail.smtpserver.smtp2.hostname": "smtp.example.org",
             "mail.server.server2.type": "pop3",
             "mail.smtp.defaultserver": "smtp2", **QUIET,
             **{k.replace("__", "."): v for k, v in more.items()}}
        write(os.path.join(self.profile, "prefs.js"), "// a comment\n" + "".join(
            "user_pref(%s, %s);\n" % (json.dumps(k), json.dumps(v))
            for k, v in p.items() if v is not None))

    def look(self, **env):
        """{(check, state): text}, and whether it says that all is well."""
        p = subprocess.run([built("letterlock"), "doctor", "--json", "-c",
                            self.conf], env=dict(self.env, **env), text=True,
                           capture_output=True, timeout=120)
        assert not p.stderr, p.stderr
        got = json.loads(p.stdout)
        assert got["well"] == (p.returncode == 0)
        assert p.returncode in (0, 78)
        return {(c["check"], c["state"]): c["text"] for c in got["checks"]}


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
        "configuration", "port", "gnupg", "home", "key", "memory", "clock",
        "sending", "fetching", "addon", "host"}
    # nothing was made that letterlock restore would not overwrite
    assert not {"mac.key", "contacts.db"} & set(
        os.listdir(patient.state) if os.path.exists(patient.state) else ())


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


def plant_open_state(p):
    os.makedirs(p.state, 0o700)
    os.chmod(p.state, 0o755)


def plant_damaged_contacts(p):
    os.makedirs(p.state, 0o700)
    write(os.path.join(p.state, "contacts.db"), b"x" * 5000)


def plant_damaged_mac(p):
    os.makedirs(p.state, 0o700)
    write(os.path.join(p.state, "mac.key"), b"x")


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
    (plant_port_taken, "port", "wrong", "Another program"),
    (plant_no_home, "home", "wrong", "not there"),
    (plant_open_home, "home", "wrong", "chmod 700"),
    (plant_no_key, "key", "wrong", "no usable secret key"),
    (plant_another_key, "key", "wrong", "no usable secret key"),
    (plant_key_ends_soon, "key", "note", "ends on"),
    (plant_key_ended, "key", "wrong", "ended on"),
    (plant_no_pinentry, "pinentry", "wrong", "nonesuch"),
    (plant_open_state, "state", "wrong", "chmod 700"),
    (plant_damaged_contacts, "memory", "wrong", "contacts.db"),
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
    assert bad(found) <= USUAL | {check, "key", "gnupg", "configuration"}


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
