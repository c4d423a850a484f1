# SPDX-License-Identifier: GPL-3.0-or-later
"""A running Thunderbird: started, steered, ended."""
import os
import signal
import subprocess
import uuid

from . import KitError, die_with_parent, wait_for
from .thunderbird_profile import make
from .thunderbird_wire import Marionette, Refused

# the script of that name in /usr/bin looks into ~/.thunderbird
PROGRAM = "/usr/lib/thunderbird/thunderbird"

READY = """
let w = Services.wm.getMostRecentWindow('mail:3pane');
return w?.document.readyState == 'complete' &&
  w.gTabmail?.currentAbout3Pane?.document.readyState == 'complete' &&
  w.gTabmail.currentAbout3Pane.folderTree?.rowCount > 0;"""


class Program:
    """folder: short, its own; the home and the profile are in it. under: what
    it is run by."""

    def __init__(self, folder, under=()):
        if not os.access(PROGRAM, os.X_OK):
            raise KitError("no %s (Debian: thunderbird)" % PROGRAM)
        self.d, self.process, self.remote = folder, None, None
        self.profile = os.path.join(folder, "profile")
        self.home = os.path.join(folder, "home")
        self.log = os.path.join(folder, "log")
        self.under = list(under)
        self.mark = uuid.uuid4().hex
        os.makedirs(self.home, 0o700, exist_ok=True)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *a):
        self.stop()

    def launch(self, prefs, env=(), display=None):
        """Without a display there are no pictures, but all the rest."""
        make(self.profile, prefs)
        env = dict({
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC",
            "HOME": self.home, "TMPDIR": self.home,
            "XDG_RUNTIME_DIR": self.home,
            "DBUS_SESSION_BUS_ADDRESS": "disabled:", "NO_AT_BRIDGE": "1",
            "MOZ_CRASHREPORTER_DISABLE": "1", "LL_TEST": self.mark},
            **dict(env))
        if display:
            env.update(DISPLAY=display, GDK_BACKEND="x11")
        port = os.path.join(self.profile, "MarionetteActivePort")
        if os.path.exists(port):        # of an earlier run
            os.unlink(port)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                self.under + [PROGRAM] + ([] if display else ["--headless"]) +
                ["--profile", self.profile, "--no-remote",
                 "--new-instance", "--marionette",
                 "--remote-allow-system-access"], env=env, cwd=self.home,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent)
        wait_for(lambda: self._alive() and os.path.exists(port) and
                 open(port).read().strip(), 60, 0.05)
        self.remote = Marionette(int(open(port).read()))

        def ready():
            """Thunderbird's main window"""
            try:
                return self.js(READY)
            except Refused:     # the window is being made
                return False
        wait_for(ready, 60, 0.05)

    def _alive(self):
        if self.process.poll() is not None:
            raise KitError("Thunderbird ended (%s):\n%s" % (
                self.process.returncode, open(self.log).read()[-4000:]))
        return True

    def stop(self):
        if self.process:
            try:
                if self.remote:
                    self.remote.sock.settimeout(5)
                    self.remote.cmd("Marionette:Quit",
                                    {"flags": ["eForceQuit"]})
                    self.process.wait(10)
            except (OSError, KitError, subprocess.TimeoutExpired):
                pass
            self._kill()
        if self.remote:
            self.remote.close()

    def processes(self):
        """The ids of all processes that came from it."""
        mark, out = ("LL_TEST=" + self.mark).encode(), []
        for n in os.listdir("/proc"):
            try:
                with open("/proc/%d/environ" % int(n), "rb") as f:
                    if mark in f.read().split(b"\0"):
                        out.append(int(n))
            except (OSError, ValueError):
                pass
        return out

    def _kill(self):
        """All that came from it: it is the leader of a group of its own."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(10)
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def js(self, body, *args):
        return self.remote.js(body, *args)
