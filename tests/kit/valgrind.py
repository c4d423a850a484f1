# SPDX-License-Identifier: GPL-3.0-or-later
"""Our programs with all of their roles under valgrind: what is wrong with the
memory of one is said on stderr, where the kit looks for it."""
import os
import shlex
import subprocess

OPTIONS = ["-q", "--vgdb=no", "--error-exitcode=99", "--leak-check=full",
           "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]
SLOWER = 20             # times, and more where others want the processors too


class Valgrind:
    """command: what goes before a program; env: what it needs."""

    def __init__(self, d):
        self.command = ["/usr/bin/valgrind"] + OPTIONS
        shim = os.path.join(d, "valgrind.so")
        subprocess.run(
            shlex.split(os.environ.get("CC", "cc")) + [
                "-Wall", "-shared", "-fPIC", "-o", shim,
                "-DVALGRIND=" + ",".join('"%s"' % x for x in self.command),
                os.path.join(os.path.dirname(__file__), "valgrind.c")],
            check=True)
        self.env = {"LD_PRELOAD": shim}
