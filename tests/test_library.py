# SPDX-License-Identifier: GPL-3.0-or-later
"""libletterlock as it is installed: what it offers, what it is linked with, and a
program of somebody else's that is built with it."""
import os
import re
import shutil
import subprocess

import pytest

from kit import folder, write
from kit.agent import sanitized
from kit.fakeagent import Fake
from people import ALICE, BOB

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("LETTERLOCK_BUILD", "")
SERVERS = {"smtp": "127.0.0.1:9 plaintext", "pop3": "127.0.0.1:9 plaintext"}

# What a program may rely on for ever: a change here is a new version.
OFFERED = set("""
letterlock_accounts letterlock_accounts_free letterlock_call letterlock_can
letterlock_close letterlock_connect letterlock_fd letterlock_hello
letterlock_next_event letterlock_open letterlock_recipients
letterlock_recipients_free letterlock_reconnect letterlock_status
letterlock_status_free letterlock_unlock letterlock_verdict
letterlock_verdict_free letterlock_watch""".split())

plain = pytest.mark.skipif(
    sanitized(), reason="what is linked with a library that has sanitizers "
    "needs them, too")


def said(*cmd, **env):
    return subprocess.run(cmd, check=True, capture_output=True, text=True,
                          timeout=60, env=dict(os.environ, MAKEFLAGS="",
                                               **env)).stdout


@pytest.fixture(scope="module")
def installed():
    """The library, its header and its .pc, where make install puts them."""
    with folder("lli") as d:
        said("make", "-s", "-C", BUILD, "install-soexecPROGRAMS",
             "install-includeHEADERS", "install-pkgconfigDATA",
             "install-exec-hook", "DESTDIR=" + d)
        pc = said("find", d, "-name", "letterlock.pc").strip()
        yield d, os.path.dirname(os.path.dirname(pc))


def test_names(installed):
    """Offered are the list above, the map and the header: all the same."""
    so = os.path.join(installed[1], "libletterlock.so")
    out = said("nm", "-D", "--defined-only", so)
    names = dict(x.split()[-1].split("@@") for x in out.splitlines()
                 if " A " not in x)
    assert set(names.values()) == {"LETTERLOCK_0.1"}
    with open(os.path.join(TOP, "plugin-api", "letterlock.map")) as f:
        in_map = re.findall(r"^\t(\w+);", f.read(), re.M)
    with open(os.path.join(TOP, "plugin-api", "letterlock.h")) as f:
        in_header = re.findall(r"^(?:int|void|bool) (\w+)\(", f.read(), re.M)
    assert set(names) == set(in_map) == set(in_header) == OFFERED
    assert in_map == sorted(in_map)
    assert len(in_header) == len(OFFERED)


@plain
def test_linkage(installed):
    """jansson and libc, nothing else; found by its soname."""
    so = os.path.join(installed[1], "libletterlock.so")
    needed = re.findall(r"\(NEEDED\).*\[(.*?)\]", said("readelf", "-dW", so))
    assert {n.split(".so")[0] for n in needed} <= {"libjansson", "libc"}
    assert "[libletterlock.so.0]" in said("readelf", "-dW", so)
    assert "not found" not in said("ldd", "-r", so)
    assert "undefined" not in said("ldd", "-r", so)
    for link in ("libletterlock.so", "libletterlock.so.0"):
        assert os.path.realpath(os.path.join(installed[1], link)) \
            == os.path.join(installed[1], "libletterlock.so.0.1.0")


@pytest.fixture(scope="module")
def example(installed):
    """examples/recipients.c, built with what pkg-config says alone."""
    d, lib = installed
    env = {"PKG_CONFIG_PATH": os.path.join(lib, "pkgconfig"),
           "PKG_CONFIG_SYSROOT_DIR": d}
    flags = said("pkg-config", "--cflags", "--libs", "letterlock",
                 **env).split()
    assert "json" not in " ".join(flags)
    assert said("pkg-config", "--modversion", "letterlock", **env) == "0.1\n"
    program = os.path.join(d, "recipients")
    said("cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o",
         program, os.path.join(TOP, "plugin-api", "examples", "recipients.c"),
         *flags)

    def run(env, *args):
        q = subprocess.run([program] + list(args), text=True, timeout=60,
                           env=dict(env, LD_LIBRARY_PATH=lib),
                           capture_output=True)
        return q.returncode, q.stdout, q.stderr
    return run


@plain
def test_example(example, make):
    """With a live agent."""
    a = make.agent(make.home(["alice"], trusted=["bob"]), {ALICE: SERVERS})
    code, out, err = example(a.env, ALICE, BOB)
    assert (code, err) == (0, "")
    assert re.match(r"sealed +%s  [0-9A-F]{40} " % re.escape(BOB), out)
    assert "sealed, signed" in out
    code, out, err = example(a.env, ALICE, BOB, "eve@example.net")
    assert (code, err) == (2, "")
    assert re.search(r"(?m)^no-key +eve@example.net\n +\w", out)
    code, out, err = example(a.env, "nobody@example.org", BOB)
    assert code == 3 and "(no-account)" in err


@plain
def test_example_without_an_agent(example):
    with folder() as d:
        where = os.path.join(d, "r", "s")
        env = {"LETTERLOCK_SOCKET": where}
        assert example(env, "a", "b") == (
            3, "", "recipients: Letterlock is not running (nobody listens at "
            "%s) (not-running)\n" % where)
        with Fake(where, recipients={
                "outcome": "readable", "recipients": [
                    {"address": "b", "state": "no-key"}]}) as f:
            assert example(env, "a", "b") == (
                1, "no-key     b\nreadable\n", "")
            assert f.asked == [{"id": 2, "call": "recipients", "account": "a",
                                "to": ["b"]}]
        with Fake(where, recipients=lambda r, c: None):
            code, out, err = example(env, "a", "b")
            assert (code, out) == (3, "") and "(lost)" in err
    assert example({}, "a", "b")[2] == \
        "recipients: XDG_RUNTIME_DIR is not set (use)\n"


@pytest.mark.parametrize("name, compiler", [
    ("x.c", ["cc", "-std=c11"]),
    pytest.param("x.cc", ["g++"], marks=pytest.mark.skipif(
        not shutil.which("g++"), reason="g++ is missing (Debian: g++)"))])
def test_header_alone(name, compiler):
    """It needs nothing before it, and C++ takes it, too."""
    with folder() as d:
        x = write(os.path.join(d, name), "#include <letterlock.h>\n")
        said(*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror",
             "-fsyntax-only", "-I", os.path.join(TOP, "plugin-api"), x)
