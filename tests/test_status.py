# SPDX-License-Identifier: GPL-3.0-or-later
"""The plug-in socket, and the commands that ask over it."""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest

from kit import client, keys, letters, provider, wait_for, write
from kit.agent import as_systemd, built, sanitized
from kit.plugin import Plugin, command, path
from people import ALICE, BOB, CAROL


# ---- the socket

def test_the_socket_is_ours_alone(scripted):
    a = scripted()
    st = os.stat(path(a))
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path(a))).st_mode) == 0o700
    assert "listening on %s (plugin)" % path(a) in a.text()
    assert os.listdir(os.path.dirname(path(a))) == ["agent.sock"]
    a.stop()
    assert not os.path.exists(path(a))


def test_another_name(scripted):
    a = scripted(start=False)
    other = os.path.join(a.d, "own", "s")
    a.env["LETTERLOCK_SOCKET"] = other
    with a:
        assert stat.S_ISSOCK(os.stat(other).st_mode)
        assert not os.path.exists(path(a))
        assert command(a, "status").returncode == 0
    assert not os.path.exists(other)


def test_a_stale_one_is_replaced(scripted):
    a = scripted(start=False)
    os.mkdir(os.path.dirname(path(a)), 0o700)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path(a))
    with a:
        assert command(a, "status").returncode == 0


def run(a):
    return subprocess.run([built("letterlockd"), "-c", a.conf], env=a.env,
                          capture_output=True, text=True, timeout=20)


def test_another_letterlockd_runs(scripted):
    a = scripted()
    q = run(a)
    assert q.returncode == 69 and "another letterlockd runs" in q.stderr
    assert command(a, "status").returncode == 0


def test_one_that_is_not_ours_stays(scripted):
    """Somebody else's socket, by now at the same path."""
    a = scripted()
    os.unlink(path(a))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path(a))
        a.stop()
        assert os.path.exists(path(a))


@pytest.mark.parametrize("wrong", ["mode", "link", "file", "owner"])
def test_a_folder_that_others_can_enter(scripted, wrong):
    a = scripted(start=False)
    d = os.path.dirname(path(a))
    if wrong == "owner" and os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.mkdir(d if wrong != "link" else d + "x", 0o700)
    if wrong == "mode":
        os.chmod(d, 0o750)
    elif wrong == "link":
        os.symlink(d + "x", d)
    elif wrong == "owner":
        os.chown(d, 12345, 12345)
    else:
        write(path(a), "not a socket")
    q = run(a)
    assert q.returncode == 69
    assert ("no socket" if wrong == "file" else "folder of your own") in q.stderr
    assert wrong != "file" or os.path.exists(path(a))


def test_no_place_for_it(scripted):
    a = scripted(start=False)
    del a.env["XDG_RUNTIME_DIR"]
    with a:
        assert a.text().count("XDG_RUNTIME_DIR is not set") == 1
        assert "(plugin)" not in a.text()
        q = command(a, "status")
        assert q.returncode == 69 and "XDG_RUNTIME_DIR" in q.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_turned_away(scripted):
    """Even where the path was open to all, before an octet is read or said."""
    a = scripted()
    p = a.dirs["run"]
    for d in (os.path.dirname(a.d), a.d, p, os.path.dirname(path(a))):
        os.chmod(d, 0o755)
    os.chmod(os.path.dirname(os.path.dirname(a.d)), 0o755)
    os.chmod(path(a), 0o666)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setuid(12345)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path(a))
            s.settimeout(10)
            try:
                said = s.recv(100)
            except ConnectionResetError:
                said = b""
            os.write(w, b"said:" + said)
        os._exit(0)
    os.waitpid(pid, 0)
    assert os.read(r, 200) == b"said:"
    assert "of another user" in a.text()
    with Plugin(path(a)):
        pass


# ---- the protocol

def test_hello(scripted):
    a = scripted()
    with Plugin(path(a), hello=False) as p:
        assert p.fault(b'{"id":1,"call":"status"}') == "hello-first"
        assert p.fault(b'{"id":1,"call":"hello","version":2}') == "version"
        assert p.fault(b'{"id":1,"call":"status"}') == "hello-first"
        ok = p.call("hello", version=1)["ok"]
        assert ok["version"] == 1 and ok["agent"].startswith("Letterlock ")
        assert {"status", "unlock"} <= set(ok["capabilities"])
        assert "ok" in p.call("status")


BAD = [
    (b"", "json"), (b"x", "json"), (b"[]", "json"), (b"1", "json"),
    (b"{", "json"), (b"{}{}", "json"), (b'{"id":1,"id":1}', "json"),
    (b'{"id":1,"call":"\xff"}', "json"), (b'{"id":1,"call":"\0"}', "json"),
    (b'{"id":1,"call":"\\u0000"}', "json"), (b'{"id":1e999}', "json"),
    (b'{"id":99999999999999999999999}', "json"),
    (b'{"a":' + b"[" * 16 + b"]" * 16 + b"}", "json"),
    (b'{"a":' + b"[" * 30000, "json"), (b'{"a":"' + b"[" * 30000, "json"),
    (b"{}", "request"), (b'{"id":1}', "request"),
    (b'{"call":"status"}', "request"), (b'{"id":"1"}', "request"),
    (b'{"id":-1,"call":"status"}', "request"),
    (b'{"id":9007199254740992,"call":"status"}', "request"),
    (b'{"id":1.0,"call":"status"}', "request"),
    (b'{"id":null,"call":"status"}', "request"),
    (b'{"id":1,"call":1}', "request"), (b'{"id":1,"call":{}}', "request"),
    (b'{"id":1,"call":"statu"}', "unknown-call"),
    (b'{"id":1,"call":"status","x":1}', "request"),
    (b'{"id":1,"call":"status","keys":1}', "request"),
    (b'{"id":1,"call":"unlock"}', "request"),
    (b'{"id":1,"call":"unlock","account":null}', "request"),
    (b'{"id":1,"call":"unlock","account":"nobody"}', "no-account"),
    (b'{"id":1,"call":"hello","version":"1"}', "request"),
    (b'{"id":1,"call":"status","a":' + b"[" * 15 + b"]" * 15 + b"}", "request"),
]


def test_nonsense(scripted):
    """Each gets its words, and the connection lives on."""
    a = scripted()
    with Plugin(path(a)) as p:
        for line, code in BAD:
            assert p.fault(line) == code, line[:100]
            assert "ok" in p.call("status")


def test_an_id_comes_back(scripted):
    a = scripted()
    with Plugin(path(a)) as p:
        for n in (0, 7, 2 ** 53 - 1):
            assert p.raw(b'{"call":"status","id":%d}' % n)["id"] == n
        r = p.raw(b'{"id":5,"call":"nonesuch"}')
        assert r["id"] == 5


def test_a_line_that_is_too_long(scripted):
    a = scripted()
    with Plugin(path(a)) as p:
        head = b'{"id":1,"call":"status","x":"'
        # the longest that there may be
        assert p.fault(head + b"y" * (65536 - len(head) - 3) + b'"}') \
            == "request"
        assert p.fault(head + b"y" * 65536) == "too-long"
        assert p.ended()


def test_many_in_one_piece(scripted):
    a = scripted()
    with Plugin(path(a)) as p:
        p.s.sendall(b"".join(b'{"id":%d,"call":"status"}\r\n' % i
                             for i in range(50)))
        assert [p.line()["id"] for _ in range(50)] == list(range(50))
        p.s.sendall(b'{"id":99,"call":"status"}\n{"id":')
        p.s.shutdown(socket.SHUT_WR)
        assert p.line()["id"] == 99
        assert p.ended()


def test_too_many_plugins(scripted):
    a = scripted(agent={"max-sessions": "2"})
    with Plugin(path(a)) as first:
        more = [Plugin(path(a)) for _ in range(15)]
        last = Plugin(path(a), hello=False)
        r = last.line()
        assert r["id"] is None and r["error"]["code"] == "busy"
        assert last.ended()
        # mail has places of its own
        assert a.send([BOB], letters.text()).code == 250
        wait_for(lambda: first.call("status")["ok"]["sessions"] == 0)
        for p in more + [last]:
            p.__exit__()

        def again():
            try:
                with Plugin(path(a)):
                    return True
            except (OSError, AssertionError):   # busy still, and closed
                return False
        wait_for(again)


def test_a_role_of_its_own(scripted):
    """A process each, in its box, which dies alone."""
    a = scripted()
    with Plugin(path(a)), Plugin(path(a)) as q:
        roles = wait_for(lambda: (lambda r: len(r) == 2 and r)(
            a.role("plugin")))
        for r in roles:
            with open("/proc/%d/status" % r.pid) as f:
                said = dict(x.split(":\t", 1) for x in f.read().splitlines())
            assert sanitized() or (said["NoNewPrivs"], said["Seccomp"]) == (
                "1", "2")
        assert a.kill_role("plugin") == 2
        assert q.ended()
    with Plugin(path(a)):
        pass
    wait_for(lambda: not a.role("plugin"))


# ---- status

def test_status(scripted):
    a = scripted(secret=("alice", "carol"))
    with client.Smtp(a.submission), Plugin(path(a)) as p:
        ok = p.call("status", keys=True)["ok"]
    assert {"address": "127.0.0.1:%d" % a.submission, "protocol": "submission",
            "tls": "offered"} in ok["listening"]
    assert {"address": "127.0.0.1:%d" % a.pop3, "protocol": "pop3",
            "tls": "offered"} in ok["listening"]
    assert {"address": path(a), "protocol": "plugin"} in ok["listening"]
    assert len(ok["listening"]) == 3
    assert (ok["sessions"], ok["sessions-most"]) == (1, 1)
    assert abs(ok["started"] - os.stat(path(a)).st_mtime) < 5
    assert set(ok["walls"]) == {"words", "whole", "required"}
    assert ok["walls"]["required"] is False
    account, = ok["accounts"]
    assert account["address"] == ALICE and account["key"] == "unlocked"


def account(a):
    with Plugin(path(a)) as p:
        return p.call("status")["ok"]["accounts"][0]


def test_when_the_provider_was_reached(scripted):
    a = scripted()
    assert account(a) == {"address": ALICE, "submission": {}, "pop3": {}}
    assert a.send([BOB], letters.text()).code == 250
    now = account(a)
    assert abs(now["submission"]["reached"] - time.time()) < 30
    assert set(now["submission"]) == {"reached"} and now["pop3"] == {}
    # the accounts have other numbers then
    with open(a.conf) as f:
        text = f.read()
    write(a.conf, text.replace("[%s]" % ALICE, "[%s]\nsmtp = 127.0.0.1:9 "
                               "plaintext\n\n[%s]" % (BOB, ALICE)))
    a.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "was read again" in a.text())
    with Plugin(path(a)) as p:
        both = p.call("status")["ok"]["accounts"]
    assert [x["address"] for x in both] == [BOB, ALICE]
    assert both[0]["submission"] == {}
    assert both[1]["submission"] == now["submission"]
    a.smtp.__exit__()
    assert a.send([BOB], letters.text()).code == 451
    with Plugin(path(a)) as p:
        both = p.call("status")["ok"]["accounts"]
    assert both[1]["submission"]["failed"] >= now["submission"]["reached"]
    assert both[1]["submission"]["failure"]
    said = command(a, "status").stdout
    assert re.search(r"submission reached 20\d\d-\d\d-\d\d ", said)
    assert re.search(r"submission failed  ?20\d\d-\d\d-\d\d .*: \w", said)


def test_sockets_from_systemd(scripted):
    """The plug-in socket by its name; "tls" by name, which is which by port."""
    a = scripted(start=False)
    mine = os.path.join(a.d, "passed")
    with socket.socket(socket.AF_UNIX) as u, \
            socket.create_server(("127.86.75.30", 1587)) as s, \
            socket.create_server(("127.86.75.30", 1110)) as t:
        u.bind(mine)
        u.listen()
        with as_systemd(a, (u, s, t), ["plugin", "tls", "tls"]), \
                Plugin(mine) as p:
            found = p.call("status")["ok"]["listening"]
    assert found == [
        {"address": mine, "protocol": "plugin"},
        {"address": "127.86.75.30:1587", "protocol": "submission",
         "tls": "tls"},
        {"address": "127.86.75.30:1110", "protocol": "pop3", "tls": "tls"}]
    assert os.path.exists(mine)     # it is systemd's
    assert not os.path.exists(path(a))


def test_status_command(scripted):
    a = scripted()
    assert a.send([BOB], letters.text()).code == 250
    with Plugin(path(a)) as p:
        wait_for(lambda: p.call("status")["ok"]["sessions"] == 0)
    q = command(a, "status")
    assert q.returncode == 0 and not q.stderr
    for said in ("running    since ", "127.0.0.1:%d (submission)" % a.submission,
                 path(a), "0 now, 1 at most", "walls      ", ALICE,
                 "key        unlocked"):
        assert said in q.stdout, said
    q = command(a, "status", "--json")
    ok = json.loads(q.stdout)
    assert q.stdout.count("\n") == 1
    with Plugin(path(a)) as p:
        assert p.call("status", keys=True)["ok"] == ok


def test_not_running(scripted):
    a = scripted()
    a.stop()
    for what in (["status"], ["status", "--json"], ["unlock"]):
        q = command(a, *what)
        assert q.returncode == 69 and not q.stdout
        assert "does not run" in q.stderr
    with socket.socket(socket.AF_UNIX) as s:    # a stale socket
        s.bind(path(a))
    assert command(a, "status").returncode == 69


def test_wrong_use(scripted):
    a = scripted(start=False)
    for what in (["status", "x"], ["status", "--x"], ["unlock", "a", "b"]):
        assert command(a, *what).returncode == 64


# ---- unlock

@pytest.fixture
def carol(make, request):
    """Carol, whose key has a passphrase."""
    with provider.Provider("smtp", {CAROL: "x"}) as p, \
            provider.Provider("pop3", {CAROL: "x"}) as q:
        a = make.agent(make.home(["carol"], trusted=["bob"]),
                       {CAROL: {"smtp": p.conf, "pop3": q.conf}},
                       {"unlock-timeout": getattr(request, "param", "3")})
        a.smtp, a.inbox = p, q
        yield a


def state(a):
    with Plugin(path(a)) as p:
        return p.call("status", keys=True)["ok"]["accounts"][0]["key"]


@pytest.mark.parametrize("named", [True, False])
def test_unlock(carol, named):
    """As the words of a refusal say; then the letter goes, and sealed ones are
    opened, and nobody is asked again."""
    r = client.send(carol.submission, CAROL, "x", [BOB], letters.text(sender=CAROL))
    assert r.code == 451 and "letterlock unlock" in r.text
    assert state(carol) == "locked"
    keys.pinentry(carol.home, "answer", keys.PASSPHRASE["carol"])
    q = command(carol, "unlock", *([CAROL] if named else []))
    assert (q.returncode, q.stdout) == (0, "unlocked: %s\n" % CAROL), q.stderr
    assert state(carol) == "unlocked"
    n = keys.prompts(carol.home)
    keys.pinentry(carol.home, "cancel")
    assert command(carol, "unlock", CAROL).returncode == 0
    r = client.send(carol.submission, CAROL, "x", [BOB], letters.text(sender=CAROL))
    assert r.code == 250
    carol.inbox.mailbox[:] = [("u1", letters.sealed(keys.encrypt(
        carol.home, letters.payload(), ["carol"]), to=(CAROL,)))]
    got = client.fetch(carol.pop3, CAROL, "x")
    assert letters.verdict(got[0])["encryption"] == "ok"
    assert keys.prompts(carol.home) == n


def test_unlock_looks_at_both_keys(scripted):
    """That which signs, and that which opens: here only that has a passphrase,
    and a key is not called unlocked that can't open."""
    a = scripted(secret=(), start=False)

    def gpg(passphrase, *args):
        subprocess.run(["gpg", "--homedir", a.home, "--batch", "--quiet",
                        "--pinentry-mode", "loopback", "--passphrase",
                        passphrase] + list(args), check=True, timeout=30,
                       stderr=subprocess.DEVNULL)
    gpg("", "--quick-generate-key", ALICE, "ed25519", "sign,cert")
    fpr = subprocess.run(
        ["gpg", "--homedir", a.home, "--batch", "--with-colons", "-K"],
        capture_output=True, text=True).stdout.split("\nfpr:")[1]
    gpg("of the other", "--quick-add-key", fpr.strip(":").split(":")[0],
        "cv25519", "encr")
    subprocess.run(["gpgconf", "--homedir", a.home, "--reload", "gpg-agent"])
    with a:
        q = command(a, "unlock")
        assert q.returncode == 77 and "stays locked" in q.stderr


@pytest.mark.parametrize("mode, passphrase, words", [
    ("cancel", "", "Nobody gave the passphrase"),
    ("hang", "", "not given in time"),
    ("answer", "wrong", "stays locked")])
def test_it_stays_locked(carol, mode, passphrase, words):
    keys.pinentry(carol.home, mode, passphrase)
    q = command(carol, "unlock", CAROL)
    assert q.returncode == 77 and words in q.stderr and not q.stdout
    assert state(carol) == "locked"


def test_unlock_without_a_key(scripted):
    a = scripted(secret=())
    q = command(a, "unlock")
    assert q.returncode == 65 and "no usable key" in q.stderr
    q = command(a, "unlock", "nobody@example.org")
    assert q.returncode == 65 and "no such account" in q.stderr
    q = command(a, "status")
    assert "none is usable" in q.stdout


@pytest.mark.parametrize("carol", ["60"], indirect=True)
def test_a_plugin_that_leaves_takes_its_prompt_along(carol):
    keys.pinentry(carol.home, "hang")
    with Plugin(path(carol)) as p:
        p.s.sendall(b'{"id":1,"call":"unlock","account":"%s"}\n'
                    % CAROL.encode())
        wait_for(lambda: keys.prompts(carol.home))
    wait_for(lambda: not carol.role("plugin"))
    wait_for(lambda: not carol.role("gpg"))
