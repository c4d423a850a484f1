# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd's units: systemd understands them, and they are hardened."""
import os
import re
import shutil
import subprocess

import pytest

from kit import folder, write
from kit.agent import built

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("LETTERLOCK_BUILD", "")
SYSTEM, USER = "letterlock@", "letterlock"

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"),
    reason="systemd-analyze is missing (Debian: systemd)")


def text(name):
    d = TOP if name.endswith(".socket") else BUILD
    with open(os.path.join(d, "agent", name)) as f:
        return f.read()


@pytest.fixture
def units():
    """Them as they are installed, but for the program's place."""
    with folder("llu") as d:
        for name in (SYSTEM, USER):
            write(os.path.join(d, name + ".socket"), text(name + ".socket"))
            write(os.path.join(d, name + ".service"), re.sub(
                r"(?m)^ExecStart=.*", "ExecStart=" + built("letterlockd"),
                text(name + ".service")))
        yield d


def analyze(*args, path):
    return subprocess.run(
        ["systemd-analyze"] + list(args), capture_output=True, text=True,
        timeout=60, env=dict(os.environ, SYSTEMD_UNIT_PATH=path + ":",
                             XDG_RUNTIME_DIR=path, SYSTEMD_COLORS="0"))


@needs_systemd
@pytest.mark.parametrize("how, unit", [
    ("--system", "letterlock@1000.socket"),
    ("--system", "letterlock@1000.service"),
    ("--user", "letterlock.socket"), ("--user", "letterlock.service")])
def test_verify(units, tmp_path, how, unit):
    q = analyze("verify", how, "--man=no", "--recursive-errors=no",
                os.path.join(units, unit), path=units)
    said = [x for x in (q.stdout + q.stderr).splitlines()
            if "letterlock" in x]
    assert q.returncode == 0 and not said, q.stderr


@needs_systemd
def test_verify_sees_errors(units):
    p = os.path.join(units, "letterlock@.service")
    with open(p, "a") as f:
        f.write("[Service]\nProtectSystem=perhaps\nRestartt=no\n")
    q = analyze("verify", "--system", "--man=no", os.path.join(
        units, "letterlock@1000.service"), path=units)
    assert "perhaps" in q.stderr and "Restartt" in q.stderr


@needs_systemd
@pytest.mark.parametrize("unit, most", [(SYSTEM, 3.0), (USER, 7.0)])
def test_security(units, unit, most):
    """How exposed systemd thinks them, of 10: few points are the aim."""
    q = analyze("security", "--offline=yes", "--no-pager", os.path.join(
        units, unit + ".service"), path=units)
    m = re.search(r"Overall exposure level for (\S+): ([\d.]+)", q.stdout)
    assert m, q.stderr
    print(m[0])
    assert float(m[2]) <= most, q.stdout


def test_where_they_point():
    for name in (SYSTEM, USER):
        start = re.search(r"(?m)^ExecStart=(.*)", text(name + ".service"))[1]
        assert start.startswith("/") and start.endswith("/bin/letterlockd")
        assert "@bindir" not in text(name + ".service")
        assert "Type=notify\n" in text(name + ".service")
    assert "127.0.0.1:587\n" in text(SYSTEM + ".socket")
    assert "127.0.0.1:1587\n" in text(USER + ".socket")
    # anybody could take these ports
    assert "FileDescriptorName=tls\n" in text(USER + ".socket")


@pytest.mark.parametrize("how, system, user", [
    ((), "usr/local/lib/systemd/system", "usr/local/lib/systemd/user"),
    (("systemdsystemunitdir=/elsewhere/s", "systemduserunitdir=/elsewhere/u"),
     "elsewhere/s", "elsewhere/u")])
def test_install(how, system, user):
    with folder("llu") as d:
        subprocess.run(
            ["make", "-s", "-C", BUILD, "DESTDIR=" + d, "prefix=/usr/local",
             "install-systemdsystemunitDATA", "install-systemduserunitDATA"] +
            list(how), check=True, capture_output=True, timeout=60)
        assert sorted(os.listdir(os.path.join(d, system))) == [
            "letterlock@.service", "letterlock@.socket"]
        assert sorted(os.listdir(os.path.join(d, user))) == [
            "letterlock.service", "letterlock.socket"]


def test_the_drop_in_of_the_man_page():
    """A second user: what letterlockd(8) says is what systemd needs."""
    with open(os.path.join(TOP, "agent/letterlockd.8")) as f:
        page = f.read()
    assert ("[Socket]\nListenStream=\nListenStream=127.0.0.2:587\n"
            "ListenStream=127.0.0.2:110\n") in page
    assert "letterlock@1001.socket.d" in page
