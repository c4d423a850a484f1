# SPDX-License-Identifier: GPL-3.0-or-later
"""A display without a screen, and pictures of what is on it."""
import os
import shutil
import subprocess

from . import KitError, die_with_parent

PROGRAMS = {"Xvfb": "xvfb", "import": "imagemagick", "openbox": "openbox"}

# No frames around windows, and the newest one has the keys.
RC = """<?xml version="1.0"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
<focus><focusNew>yes</focusNew></focus>
<applications><application class="*"><decor>no</decor>
<position force="yes"><x>0</x><y>0</y></position></application></applications>
</openbox_config>
"""


class Display:
    """folder: its own. name: what DISPLAY is to be."""

    def __init__(self, folder, size="1280x900"):
        for program, package in PROGRAMS.items():
            if not shutil.which(program):
                raise KitError("no %s (Debian: %s)" % (program, package))
        self.d, self.size, self.started = folder, size, []

    def __enter__(self):
        r, w = os.pipe()
        self._run(["Xvfb", "-displayfd", str(w), "-screen", "0",
                   self.size + "x24", "-nolisten", "tcp"], pass_fds=(w,))
        os.close(w)
        n = b""
        # the number and the line end come apart; a closed pipe would end it
        while not n.endswith(b"\n"):
            more = os.read(r, 20)
            if not more:
                raise KitError("Xvfb did not start")
            n += more
        os.close(r)
        self.name = ":" + n.decode().strip()
        rc = os.path.join(self.d, "openbox.xml")
        with open(rc, "w", encoding="utf-8") as f:
            f.write(RC)
        self._run(["openbox", "--config-file", rc], env=self._env())
        return self

    def __exit__(self, *a):
        for p in reversed(self.started):
            p.terminate()
            try:
                p.wait(5)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait(5)

    def _env(self):
        return {"PATH": "/usr/bin:/bin", "HOME": self.d, "DISPLAY": self.name,
                "LANG": "C.UTF-8"}

    def _run(self, cmd, **kw):
        with open(os.path.join(self.d, "display.log"), "a") as log:
            self.started.append(subprocess.Popen(
                cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=die_with_parent, **kw))

    def picture(self, path, box=None):
        """What is on it, or in box (x, y, width, height) of it, as PNG."""
        cut = ["-crop", "%dx%d+%d+%d" % (box[2], box[3], box[0], box[1]),
               "+repage"] if box else []
        subprocess.run(["import", "-window", "root"] + cut +
                       ["-strip", path], env=self._env(), check=True,
                       timeout=30)
        return path
