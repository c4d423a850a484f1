# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs are what the hardening flags promise."""
import os
import re
import subprocess

import pytest

from kit.agent import sanitized

BUILD = os.environ.get("LETTERLOCK_BUILD", "")
PROGRAMS = ("letterlockd", "letterlock")


def readelf(option, program):
    return subprocess.run(["readelf", "-W", option,
                           os.path.join(BUILD, program)], check=True,
                          capture_output=True, text=True,
                          env=dict(os.environ, LC_ALL="C")).stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_position_independent(program):
    assert re.search(r"Type:\s+DYN ", readelf("-h", program))
    assert re.search(r"FLAGS_1.*\bPIE\b", readelf("-d", program))


@pytest.mark.parametrize("program", PROGRAMS)
def test_tables_are_read_only(program):
    assert "GNU_RELRO" in readelf("-l", program)
    assert re.search(r"\(FLAGS(_1)?\).*\b(BIND_)?NOW\b",
                     readelf("-d", program))


@pytest.mark.parametrize("program", PROGRAMS)
def test_stack(program):
    stack = re.search(r"GNU_STACK.*", readelf("-l", program))[0]
    assert "RWE" not in stack
    assert "__stack_chk_fail" in readelf("-s", program)


@pytest.mark.parametrize("program", PROGRAMS)
def test_fortified(program):
    if sanitized():
        pytest.skip("sanitizers and _FORTIFY_SOURCE exclude each other")
    with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as f:
        if "_FORTIFY_SOURCE=2" not in f.read():
            pytest.skip("built without optimisation")
    assert re.search(r"__\w+_chk\b(?<!__stack_chk)", readelf("-s", program))


@pytest.mark.parametrize("program", PROGRAMS)
def test_links_what_it_uses(program):
    """-letpan drags no foreign libraries in, and no path is built in."""
    dynamic = readelf("-d", program)
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic
    assert not re.search(r"NEEDED.*\[lib(gnutls|db|lockfile|sasl2)", dynamic)
