# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock setup and undo where something else happens meanwhile, or something
else is there: no secret stays behind, nobody's words are lost, no other agent is
ended."""
import os
import signal
import subprocess
import time

import pytest

from kit import wait_for, write
from kit.agent import built
from kit.newcomer import LOCAL, NOWHERE, PASSWORD, Newcomer
from kit.provider import Gate, Provider
from people import ALICE, BOB


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
        yield ["--smtp", p.conf, "--pop3", q.conf, *LOCAL]


def program(owner, text):
    """A letterlockd that begins so."""
    name = os.path.join(owner.d, "letterlockd")
    write(name, "#!/usr/bin/python3\nimport os, sys, time\n%s"
          "os.execv(%r, sys.argv)\n" % (text, built("letterlockd")), 0o755)
    return name


def comm(pid):
    with open("/proc/%d/comm" % pid) as f:
        return f.read().strip()


def command(*args):
    return [built("letterlock"), "setup", "--yes", *NOWHERE, "--no-welcome",
            *args, ALICE]


def test_password_file_is_not_kept(owner, servers):
    """It is open for us alone: neither the agent that goes on nor any part of it
    has it, nor whatever else was open here."""
    name = os.path.join(owner.d, "password")
    write(name, PASSWORD + "\n", 0o600)
    listing = os.path.join(owner.d, "listing")
    lists = program(owner, "held = os.popen('readlink /proc/%%d/fd/*' %%"
                    " os.getpid()).read()\nopen(%r, 'w').write(held)\n" % listing)
    with open(name) as f, open(os.path.join(owner.d, "other"), "w") as other:
        p = subprocess.run(command("--password-fd", str(f.fileno()), *servers),
                           env=dict(owner.env, LETTERLOCKD=lists), text=True, capture_output=True,
                           pass_fds=(f.fileno(), other.fileno()), timeout=60)
    assert p.returncode == 0, p.stderr
    with open(listing) as f:
        held = f.read().splitlines()
    assert "/dev/null" in held
    assert not [x for x in held if x in (name, other.name)]


def test_changed_meanwhile(owner, servers):
    """Somebody edits the configuration while the servers are asked: it stays, and
    the next run takes it as it is."""
    os.makedirs(os.path.dirname(owner.conf))
    for before in (None, "# mine\n[agent]\n"):
        if before:
            write(owner.conf, before, 0o600)
        gate = Gate()
        with Provider("smtp", {ALICE: PASSWORD}, hooks={"auth": gate}) as p:
            r, w = os.pipe()
            os.write(w, PASSWORD.encode() + b"\n")
            os.close(w)
            q = subprocess.Popen(
                command("--no-start", "--password-fd", str(r), "--smtp", p.conf,
                        "--sending-only", *LOCAL), env=owner.env, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=(r,))
            os.close(r)
            gate.wait()
            write(owner.conf, "# edited\n[agent]\n", 0o600)
            gate.open()
            err = q.communicate(timeout=60)[1]
        assert q.returncode == 73 and "changed meanwhile" in err
        assert owner.text() == "# edited\n[agent]\n"
    owner.setup(*servers)
    assert owner.text().startswith("# edited\n[agent]\n")


def test_undo_of_another_configuration(owner, servers):
    """It ends no agent that has nothing to do with it."""
    owner.setup(*servers, "--no-welcome", start=True)
    was, text = owner.agent(), owner.text()
    other = os.path.join(owner.d, "other.conf")
    for there in (False, True):
        if there:
            write(other, "[agent]\n", 0o600)
        p = owner.run("undo", "--yes", "-c", other, ALICE)
        assert p.returncode == 0 and "has no account" in p.stdout
        assert "was ended" not in p.stdout and owner.agent() == was
    assert owner.text() == text


def test_an_agent_of_another_configuration(owner, servers):
    """It would go on with that one, and is not said to do otherwise."""
    other = os.path.join(owner.d, "other.conf")
    write(other, "[agent]\nsubmission = 127.0.0.1:0\npop3 = 127.0.0.1:0\n"
          "gnupghome = %s\n[%s]\nsmtp = 127.0.0.1:9 plaintext\n" % (
              owner.gnupg, BOB), 0o600)
    agent = subprocess.Popen([built("letterlockd"), "-c", other], env=owner.env,
                             stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: os.listdir(owner.env["XDG_RUNTIME_DIR"]))
        p = owner.setup(*servers, start=True, ok=69)
        assert "kill %d" % agent.pid in p.stderr
        assert "anew" not in p.stdout and "welcome letter" not in p.stdout
        assert agent.poll() is None and ALICE in owner.text()
    finally:
        agent.terminate()
        agent.wait()
    assert "Letterlock runs now" in owner.setup("--no-welcome",
                                                start=True).stdout


def test_section_with_a_bracket_behind(owner, servers):
    """A comment behind its name does not hide a section."""
    owner.setup(*servers)
    write(owner.conf, owner.text().replace("[%s]" % ALICE,
                                           "[%s] ; mine [and hers]" % ALICE),
          0o600)
    p = owner.run("undo", "--yes", ALICE)
    assert p.returncode == 0 and not p.stderr
    assert ALICE not in owner.text()


def test_no_backup_without_its_code(owner, servers):
    """One whose code nobody saw would never open, and keep others from being made;
    an old one stays."""
    owner.setup(*servers)
    file = os.path.join(owner.d, "backup")
    for old in (False, True):
        if old:
            write(file, "old", 0o600)
        with open("/dev/full", "w") as full:
            p = subprocess.run([built("letterlock"), "backup", "--force", file],
                               env=owner.env, stdout=full,
                               stderr=subprocess.PIPE, timeout=60)
        assert p.returncode == 74
        assert os.path.exists(file) == old
        if old:
            with open(file) as f:
                assert f.read() == "old"


def test_killed_at_any_moment(owner, servers):
    """Whatever is there then: the next run makes it whole, and undo takes it
    back."""
    for ms in (20, 60, 110, 170, 240):
        r, w = os.pipe()
        os.write(w, PASSWORD.encode() + b"\n")
        os.close(w)
        q = subprocess.Popen(command("--password-fd", str(r), *servers),
                             env=owner.env, pass_fds=(r,),
                             stdout=subprocess.DEVNULL)
        os.close(r)
        time.sleep(ms / 1000)
        q.send_signal(signal.SIGKILL)
        q.wait()
        owner.setup(*servers, "--no-welcome", start=True)
        assert owner.agent() and len(owner.keys()) == 1
        p = owner.run("undo", "--yes", ALICE)
        assert p.returncode == 0 and wait_for(lambda: not owner.agent())
        os.unlink(owner.conf)


def test_killed_while_the_agent_begins(owner, servers):
    """It goes on beginning, and the next run tells it so rather than ends it."""
    go = os.path.join(owner.d, "go")
    slow = program(owner, "while not os.path.exists(%r):\n\ttime.sleep(0.05)\n"
                   % go)
    r, w = os.pipe()
    os.write(w, PASSWORD.encode() + b"\n")
    os.close(w)
    q = subprocess.Popen(command("--password-fd", str(r), *servers),
                         env=dict(owner.env, LETTERLOCKD=slow), pass_fds=(r,),
                         stdout=subprocess.DEVNULL)
    os.close(r)
    pid = wait_for(owner.agent)
    wait_for(lambda: comm(pid) == "letterlockd")
    q.send_signal(signal.SIGKILL)
    q.wait()
    owner.setup(*servers, "--no-welcome", start=True)
    write(go, "")
    wait_for(lambda: os.listdir(owner.env["XDG_RUNTIME_DIR"]))
    p = owner.setup(*servers, "--no-welcome", start=True)
    assert "runs already" in p.stdout and owner.agent() == pid
