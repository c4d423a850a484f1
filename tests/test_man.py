# SPDX-License-Identifier: GPL-3.0-or-later
"""The man pages: well-formed, and they name what the programs know, no more and
no less."""
import glob
import os
import re
import shutil
import subprocess

import pytest

from kit.agent import built

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = ["letterlockd.8", "letterlock.1", "letterlock.conf.5",
         "letterlock-nmh.8"]


def path(name):
    return os.path.join(TOP, "plugin-api" if "nmh" in name else "agent", name)


def page(name):
    with open(path(name)) as f:
        return f.read()


@pytest.mark.skipif(not shutil.which("man"),
                    reason="man is missing (Debian: man-db)")
@pytest.mark.parametrize("name", PAGES)
def test_no_warnings(name):
    q = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
         path(name)], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, timeout=60,
        env=dict(os.environ, LC_ALL="C.UTF-8", MANROFFSEQ="", MANWIDTH="80"))
    assert q.returncode == 0 and not q.stderr, q.stderr


def said(*cmd):
    return subprocess.run([built(cmd[0])] + list(cmd[1:]), check=True,
                          capture_output=True, text=True, timeout=20).stdout


def options(text):
    """The options in a --help or a page."""
    text = text.replace("\\-", "-").replace("\\fR", "").replace("\\fI", "")
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", text))


def described(text):
    """Those that stand at the head of a paragraph of the page."""
    return set().union(*(options(x) for x in re.findall(
        r"(?m)^\.TP\n(\.B.*-.*)", text)), set())


def helped(text):
    """Those that stand at the head of a line of --help."""
    return set().union(*(options(x) for x in re.findall(
        r"(?m)^ +(-.*?)(?:  |$)", text)), set())


@pytest.mark.parametrize("program, behind", [
    ("letterlockd", ".SH SIGNALS"), ("letterlock-nmh", ".SH ENVIRONMENT")])
def test_options(program, behind):
    text = page(program + ".8")
    options_ = text[text.index(".SH OPTIONS"):text.index(behind)]
    assert described(options_) == helped(said(program, "--help"))


COMMANDS = re.findall(r"(?m)^  (\w+) +\S", said("letterlock", "help"))


def section(command):
    """The page's paragraph of a command, with what is indented under it."""
    text = page("letterlock.1")
    text = text[text.index(".SH COMMANDS"):text.index(".SH ENVIRONMENT")]
    m = re.search(r"(?ms)^\.TP\n\.B %s\n(.*?)(?=^\.TP\n\.B \w+\n|\Z)"
                  % command, re.sub(
                      r"(?ms)^\.RS\n.*?^\.RE$",
                      lambda m: m[0].replace(".TP\n.B ", ".TP\n.BR "), text))
    assert m, command
    return m[1]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "help"])
def test_command(command):
    known = helped(said("letterlock", "help", command)) - {"-h", "--help"}
    assert options(section(command)) - {"--help"} >= known
    assert described(section(command)) <= known


def test_commands():
    text = page("letterlock.1")
    names = set(re.findall(r"(?m)^\.B letterlock (\w+)",
                           text[:text.index(".SH DESCRIPTION")]))
    assert names == set(COMMANDS)


def test_keys_of_the_configuration():
    """letterlock.conf(5) has each key that the error for an unknown one names."""
    q = subprocess.run([built("letterlockd"), "-t", "-c", "/dev/stdin"],
                       input="[agent]\nnonesuch = 1\n", text=True,
                       capture_output=True, timeout=20)
    keys = re.findall(r"[a-z][a-z0-9-]+(?=,| is wanted)",
                      q.stderr.split("one of ")[1])
    assert len(keys) > 10
    text = page("letterlock.conf.5").replace("\\-", "-")
    assert not [k for k in keys if not re.search(
        r"(?m)^\.BR? (.*[ ,])?\"?%s\b" % k, text)]


def test_commands_that_are_named():
    """What a page, a message or a word of the add-on tells people to run is there."""
    known = set(re.findall(r"(?m)^  ([a-z]+) ", said("letterlock", "help")))
    assert "setup" in known and "certificate" in known
    for pattern in ("README.md", "NEWS", "agent/*.[c158]", "plugin-api/*.[c8]",
                    "plugin-api/thunderbird/_locales/*/*.json"):
        for name in glob.glob(os.path.join(TOP, pattern)):
            with open(name, encoding="utf-8") as f:
                text = re.sub(r'"\s*\n\s*"', "", f.read())
            named = set(re.findall(r"\bletterlock (?:-\w )?([a-z]+)\b", text))
            assert named <= known, (name, named - known)
