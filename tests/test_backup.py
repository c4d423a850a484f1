# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock backup and restore: the old computer is gone, nothing else is."""
import io
import itertools
import os
import pty
import re
import shutil
import stat
import subprocess
import tarfile

import pytest

from kit import keys, write
from kit.agent import built
from kit.plugin import Plugin, path as plug
from people import ALICE, BOB

CODE = r"[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){6}"


class Computer:
    """A home, with GnuPG in it or somewhere else."""

    def __init__(self, d, name, gnupg=None):
        self.d = os.path.join(d, name)
        os.mkdir(self.d, 0o700)
        self.gnupg = gnupg or os.path.join(self.d, "gnupg")
        self.env = {"PATH": "/usr/bin:/bin", "HOME": self.d,
                    "LANG": "C.UTF-8", "GNUPGHOME": self.gnupg,
                    "XDG_STATE_HOME": os.path.join(self.d, "state"),
                    "XDG_CONFIG_HOME": os.path.join(self.d, "config"),
                    "XDG_RUNTIME_DIR": self.d}
        self.conf = os.path.join(self.d, "config", "letterlock",
                                 "letterlock.conf")
        self.state = os.path.join(self.d, "state", "letterlock")

    def run(self, *args, data=""):
        return subprocess.run([built("letterlock")] + list(args),
                              input=data, text=True, env=self.env,
                              capture_output=True, timeout=60)

    def set_up(self):
        os.makedirs(os.path.dirname(self.conf))
        write(self.conf, "[agent]\ngnupghome = %s\n[%s]\n"
              "smtp = 127.0.0.1:1 plaintext\n" % (self.gnupg, ALICE))

    def backup(self, file, *args):
        p = self.run("backup", file, *args)
        assert p.returncode == 0, p.stderr
        return re.search(CODE, p.stdout)[0]


@pytest.fixture
def old(make, tmp_path):
    c = Computer(str(tmp_path), "old", make.home(
        secret=["alice"], public=["bob"], trusted=["bob"]))
    c.set_up()
    return c


@pytest.fixture
def new(old, tmp_path):
    """The same names of folders as on the old one, which is put away: its
    configuration says where GnuPG is."""
    c = Computer(str(tmp_path), "new", old.gnupg)
    yield c
    keys.kill(c.gnupg)


def gone(c):
    """All of its GnuPG."""
    keys.kill(c.gnupg)
    shutil.rmtree(c.gnupg)


def seal(c, text=b"From: %s\r\nTo: %s\r\nSubject: a\r\n\r\nsecret words\r\n"
         % (ALICE.encode(), BOB.encode())):
    p = subprocess.run([built("letterlock"), "seal"], input=text, env=c.env,
                       capture_output=True, timeout=60)
    assert p.returncode == 0, p.stderr
    return p.stdout


def opened(c, letter, *args):
    return subprocess.run([built("letterlock"), "open"] + list(args),
                          input=letter, env=c.env, capture_output=True,
                          timeout=60)


def secrets(home):
    out = keys.run(home, "--list-secret-keys", "--with-colons")[1].decode()
    return re.findall(r"(?m)^fpr:+(\w+)", out)


def owner_trust(home):
    out = keys.run(home, "--export-ownertrust")[1].split(b"\n")
    return sorted(x for x in out if x and not x.startswith(b"#"))


def test_from_computer_to_computer(old, new, tmp_path):
    """Each old letter opens, each old verdict is genuine, and who was sealed to
    is not forgotten."""
    letter = seal(old)
    stored = opened(old, letter).stdout
    assert b"secret words" in stored
    assert opened(old, stored, "--verdict").stdout.startswith(b"genuine")
    had, trust = secrets(old.gnupg), owner_trust(old.gnupg)
    file = str(tmp_path / "backup")
    code = old.backup(file)
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    conf = open(old.conf).read()
    mac = open(os.path.join(old.state, "mac.key"), "rb").read()
    gone(old)
    shutil.rmtree(old.d)
    p = new.run("restore", file, data=code.lower().replace("-", " ") + "\n")
    assert p.returncode == 0, p.stderr
    assert code not in p.stdout + p.stderr
    assert open(new.conf).read() == conf
    assert open(os.path.join(new.state, "mac.key"), "rb").read() == mac
    assert secrets(new.gnupg) == had
    assert owner_trust(new.gnupg) == trust
    again = opened(new, letter)
    assert b"secret words" in again.stdout
    assert opened(new, stored, "--verdict").stdout.startswith(b"genuine")
    for d, _, files in os.walk(new.state):
        for f in files:
            assert stat.S_IMODE(os.stat(os.path.join(d, f)).st_mode) == 0o600
    # and who was trusted is: a letter to him is sealed
    seal(new)


def test_without_us(old, tmp_path):
    """gpg and tar alone open it."""
    file = str(tmp_path / "backup")
    seal(old)
    code = old.backup(file)
    home = str(tmp_path / "g")
    os.mkdir(home, 0o700)
    with open(file, "rb") as f:
        raw = f.read()
    assert b"mac.key" not in raw and b"PRIVATE" not in raw
    tar = keys.run(home, "--pinentry-mode", "loopback", "--passphrase", code,
                   "-d", data=raw)[1]
    with tarfile.open(fileobj=io.BytesIO(tar)) as t:
        names = t.getnames()
        assert len(names) == len(set(names))
        assert names[:3] == ["letterlock-backup", "READ-ME.txt",
                             "letterlock.conf"]
        assert {"state/mac.key", "state/contacts.db", "keys/public.gpg",
                "keys/secret.gpg", "keys/ownertrust.txt"} <= set(names)
        secret = t.extractfile("keys/secret.gpg").read()
        assert all(m.mode == 0o600 and m.isfile() for m in t)
    keys.run(home, "--import", data=secret)
    assert secrets(home) == secrets(old.gnupg)
    keys.kill(home)


def test_another_code(old, new, tmp_path):
    file = str(tmp_path / "backup")
    old.backup(file)
    other = old.backup(file, "--force")
    third = old.backup(str(tmp_path / "third"))
    gone(old)
    p = new.run("restore", file, data=third + "\n")
    assert p.returncode == 65 and "another backup" in p.stderr
    assert not os.path.exists(new.conf) and not os.path.exists(new.gnupg)
    # mistyped: seen before anything is tried
    for bad in (other[:-1] + ("2" if other[-1] != "2" else "3"), other[1:],
                other + "0", "", "\0", "x" * 500,
                other[1] + other[0] + other[2:]
                if abs(ord(other[0]) - ord(other[1])) % 16 else "a"):
        p = new.run("restore", file, data=bad + "\n")
        assert p.returncode == 65 and "mistyped" in p.stderr, bad
    assert new.run("restore", file, data=other + "\n").returncode == 0


def test_a_damaged_file(old, new, tmp_path):
    file = str(tmp_path / "backup")
    code = old.backup(file)
    gone(old)
    raw = open(file, "rb").read()
    half = len(raw) // 2
    for bad in (raw[:-30], raw[:half] + bytes([raw[half] ^ 1]) +
                raw[half + 1:], b"", b"Subject: no backup\n\n", None):
        if bad is None:
            os.unlink(file)
        else:
            write(file, bad)
        p = new.run("restore", file, data=code + "\n")
        assert p.returncode == (66 if bad is None else 65), p.stderr
        assert not os.path.exists(new.conf)
        assert not os.path.exists(new.gnupg)
        assert not os.path.exists(os.path.join(new.state, "mac.key"))


def archive(files):
    """Sealed as a backup is, by gpg and tarfile."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, data in files:
            m = tarfile.TarInfo(name)
            m.size = len(data)
            t.addfile(m, io.BytesIO(data))
    return out.getvalue()


HEAD = [("letterlock-backup", b"1\n"), ("keys/secret.gpg", b"x")]


OTHERS = [
    ([("x", b"1\n")], "no backup"), (HEAD[1:], "no backup"),
    (HEAD[:1], "no backup"), (HEAD + HEAD, "no backup"),
    ([("letterlock-backup", b"2\n")] + HEAD[1:], "newer"),
    (HEAD + [("f%d" % i, b"") for i in range(40)], "no backup"),
    (HEAD + [("letterlock.conf", b"[agent]\nnonesuch = 1\n")], "nonesuch")]


def test_another_archive(new, tmp_path):
    code = "0000-0000-0000-0000-0000-0000-0000"
    home = str(tmp_path / "g")
    os.mkdir(home, 0o700)
    gone(new)
    for files, words in OTHERS:
        sealed = keys.run(home, "--pinentry-mode", "loopback", "--passphrase",
                          code, "--symmetric", data=archive(files))[1]
        p = new.run("restore", write(str(tmp_path / "backup"), sealed),
                    data=code + "\n")
        assert p.returncode in (65, 78) and words in p.stderr, files
        assert not os.path.exists(new.conf)
        assert not os.path.exists(new.gnupg)
    keys.kill(home)


def test_not_sealed(old, new, tmp_path):
    """What nobody sealed to the code is no backup: gpg hands out a letter that
    is only packed, and is content."""
    file = str(tmp_path / "b")
    code = old.backup(file)
    sealed = open(file, "rb").read()
    home = str(tmp_path / "g")
    os.mkdir(home, 0o700)
    secret = open(keys.asc("alice", True), "rb").read()
    packed = keys.run(home, "--store", data=archive([
        HEAD[0], ("keys/secret.gpg", secret),
        ("letterlock.conf", b"[agent]\n")]))[1]
    keys.kill(home)
    gone(old)
    # alone, behind how the code would be used, and around what was sealed
    for bad in (packed, sealed[:2 + sealed[1]] + packed, packed + sealed,
                sealed + packed):
        p = new.run("restore", write(file, bad), data=code + "\n")
        assert p.returncode == 65 and "does not open" in p.stderr, p.stderr
        assert not os.path.exists(new.conf)
        assert not os.path.exists(new.gnupg)


def test_files_outside_are_not_written(new, tmp_path):
    """Only what has a place of its own is put anywhere."""
    code = "0000-0000-0000-0000-0000-0000-0000"
    home = str(tmp_path / "g")
    os.mkdir(home, 0o700)
    secret = open(keys.asc("alice", True), "rb").read()
    sealed = keys.run(
        home, "--pinentry-mode", "loopback", "--passphrase", code,
        "--symmetric", data=archive([
            HEAD[0], ("keys/secret.gpg", secret),
            ("state/../../escaped", b"x"), ("/tmp/escaped", b"x"),
            ("state/other", b"x")]))[1]
    keys.kill(home)
    gone(new)
    os.mkdir(new.gnupg, 0o700)
    p = new.run("restore", write(str(tmp_path / "b"), sealed),
                data=code + "\n")
    assert p.returncode == 0, p.stderr
    assert secrets(new.gnupg)
    for d, _, files in os.walk(str(tmp_path)):
        assert not {"escaped", "other"} & set(files)


def test_something_is_there(old, tmp_path):
    file = str(tmp_path / "backup")
    seal(old)
    code = old.backup(file)
    p = old.run("restore", file, data=code + "\n")
    assert p.returncode == 73 and "--force" in p.stderr
    write(old.conf, "[agent]\n")
    mac = write(os.path.join(old.state, "mac.key"), b"x" * 32)
    assert old.run("restore", file, "--force",
                   data=code + "\n").returncode == 0
    assert "smtp" in open(old.conf).read()
    assert open(mac, "rb").read() != b"x" * 32


def test_a_file_is_there(old, tmp_path):
    file = write(str(tmp_path / "backup"), b"mine")
    p = old.run("backup", file)
    assert p.returncode == 73 and open(file, "rb").read() == b"mine"


def test_no_key(new, tmp_path):
    gone(new)
    os.mkdir(new.gnupg, 0o700)
    new.set_up()
    p = new.run("backup", str(tmp_path / "b"))
    assert p.returncode == 65 and "no secret key" in p.stderr
    assert not os.path.exists(str(tmp_path / "b"))


def test_a_passphrase(make, tmp_path):
    """Its owner is asked; who says no has no backup; what is in it has the
    passphrase still."""
    c = Computer(str(tmp_path), "c", make.home(secret=["carol"], public=[],
                                               trusted=[]))
    c.set_up()
    file = str(tmp_path / "b")
    keys.pinentry(c.gnupg, "cancel")
    p = c.run("backup", file)
    assert p.returncode == 69 and not os.path.exists(file), p.stderr
    keys.pinentry(c.gnupg, "answer", keys.PASSPHRASE["carol"])
    code = c.backup(file)
    home = str(tmp_path / "g")
    os.mkdir(home, 0o700)
    tar = keys.run(home, "--pinentry-mode", "loopback", "--passphrase", code,
                   "-d", file)[1]
    with tarfile.open(fileobj=io.BytesIO(tar)) as t:
        secret = t.extractfile("keys/secret.gpg").read()
    packets = keys.run(home, "--list-packets", data=secret)[1]
    assert b"protect" in packets
    keys.kill(home)


def test_while_the_agent_runs(scripted, tmp_path):
    a = scripted()
    file = str(tmp_path / "b")
    with Plugin(plug(a)) as p:
        p.call("status")
        run = lambda *args, data="": subprocess.run(
            [built("letterlock")] + list(args), input=data, text=True,
            env=a.env, capture_output=True, timeout=60)
        q = run("backup", "-c", a.conf, file)
        assert q.returncode == 0, q.stderr
        code = re.search(CODE, q.stdout)[0]
        q = run("restore", "-c", a.conf, "--force", file, data=code + "\n")
        assert q.returncode == 75 and "Stop it first" in q.stderr


# ---- the QR code

ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
MASKS = [lambda r, c: (r + c) % 2, lambda r, c: r % 2, lambda r, c: c % 3,
         lambda r, c: (r + c) % 3, lambda r, c: (r // 2 + c // 3) % 2,
         lambda r, c: r * c % 2 + r * c % 3,
         lambda r, c: (r * c % 2 + r * c % 3) % 2,
         lambda r, c: ((r + c) % 2 + r * c % 3) % 2]
QUIET = 4


def modules(lines):
    """Rows of True (dark), without the light ones around them."""
    rows = []
    for line in lines:
        rows += [["█▀".count(x) > 0 for x in line],
                 ["█▄".count(x) > 0 for x in line]]
    n = len(lines[0])
    rows = rows[:n]
    assert all(len(x) == n for x in rows)
    around = [x for i, x in enumerate(rows) if i < QUIET or i >= n - QUIET] + [
        x[:QUIET] + x[-QUIET:] for x in rows]
    assert not any(itertools.chain(*around))
    return [x[QUIET:-QUIET] for x in rows[QUIET:-QUIET]]


def read_qr(m):
    """The text of one of version 2 in alphanumeric mode (ISO/IEC 18004), without a
    look at what corrects errors."""
    n = len(m)
    assert n == 25 and [all(m[r][c] for c in range(7)) for r in (0, 6)] == [
        True, True]
    form = sum(m[r][c] << (14 - i) for i, (r, c) in enumerate(
        [(8, c) for c in (0, 1, 2, 3, 4, 5, 7, 8)] +
        [(r, 8) for r in (7, 5, 4, 3, 2, 1, 0)])) ^ 0x5412
    assert form >> 13 == 0      # level M
    mask = MASKS[form >> 10 & 7]
    bits, up, col = "", True, n - 1
    while col > 0:
        col -= col == 6
        for r in range(n - 1, -1, -1) if up else range(n):
            for c in (col, col - 1):
                if not (r == 6 or c == 6 or (r < 9 and c < 9) or
                        (r < 9 and c > n - 9) or (r > n - 9 and c < 9) or
                        (16 <= r <= 20 and 16 <= c <= 20)):
                    bits += str(int(m[r][c] ^ (mask(r, c) == 0)))
        up, col = not up, col - 2
    assert bits[:4] == "0010"
    count, at, text = int(bits[4:13], 2), 13, ""
    while len(text) < count:
        k = 11 if count - len(text) > 1 else 6
        x, at = int(bits[at:at + k], 2), at + k
        text += (ALNUM[x // 45] if k == 11 else "") + ALNUM[x % 45]
    return text


def drawn(text):
    return [x for x in text.split("\n") if re.search("[▀▄█]", x) or
            (len(x) == 33 and not x.strip())]


def on_terminal(c, *args, **env):
    at, tty = pty.openpty()
    p = subprocess.Popen([built("letterlock"), "backup"] + list(args),
                         env=dict(c.env, **{"TERM": "xterm", **env}), stdout=tty)
    os.close(tty)
    said = b""
    while True:
        try:
            said += os.read(at, 4096)
        except OSError:
            break
    os.close(at)
    assert p.wait(60) == 0
    return said.decode().replace("\r\n", "\n")


def test_qr(old, tmp_path):
    """The code is in it; colours where there are such."""
    p = old.run("backup", "--qr", str(tmp_path / "1"))
    assert p.returncode == 0 and "\033" not in p.stdout
    assert read_qr(modules(drawn(p.stdout))) == re.search(CODE, p.stdout)[0]
    said = on_terminal(old, str(tmp_path / "2"), LC_ALL="")
    lines = re.findall("\033\\[30;107m(.*)\033\\[0m\n", said)
    assert read_qr(modules(lines)) == re.search(CODE, said)[0]


def test_no_qr(old, tmp_path):
    """Where nobody could see it, or nobody wants it."""
    old.env["TERM"] = "xterm"
    assert not drawn(old.run("backup", str(tmp_path / "1")).stdout)
    for i, (args, env) in enumerate([
            (["--no-qr"], {}), ([], {"LANG": "C"}), ([], {"TERM": "dumb"}),
            ([], {"LC_ALL": "POSIX"})]):
        said = on_terminal(old, *args, str(tmp_path / ("t%d" % i)), **env)
        assert re.search(CODE, said) and not drawn(said)
    assert old.run("restore", "--qr", str(tmp_path / "1")).returncode == 64
