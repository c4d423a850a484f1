# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock demo: all of it holds, in under ten seconds, in plain text where
there is no terminal, and nothing is left behind."""
import os
import signal
import subprocess
import time

from kit import wait_for
from kit.agent import built, processes


def environment(tmp_path):
    return {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8",
            "LETTERLOCKD": built("letterlockd"), "LL_DEMO": str(tmp_path)}


def ours(tmp_path):
    mark = b"LL_DEMO=" + str(tmp_path).encode()
    out = []
    for p in processes():
        try:
            with open("/proc/%d/environ" % p.pid, "rb") as f:
                if mark in f.read().split(b"\0"):
                    out.append(p)
        except OSError:
            pass
    return out


def folders():
    return {x for x in os.listdir("/tmp") if x.startswith("letterlock-demo-")}


def test_the_demo(tmp_path):
    before, start = folders(), time.monotonic()
    p = subprocess.run([built("letterlock"), "demo"], capture_output=True,
                       env=environment(tmp_path), timeout=60, text=True)
    assert p.returncode == 0, p.stdout + p.stderr
    assert time.monotonic() - start < 10
    assert "signature=good" in p.stdout and "Subject: [...]" in p.stdout
    assert "eve@example.net cannot read sealed" in p.stdout.replace("\n    ", " ")
    assert p.stdout.count("\n  ok ") == 12 and "\033" not in p.stdout
    assert "All 12 checks held" in p.stdout
    assert not ours(tmp_path)
    wait_for(lambda: folders() <= before)   # another demo may run beside it


def test_interrupted(tmp_path):
    before = folders()
    p = subprocess.Popen([built("letterlock"), "demo"],
                         env=environment(tmp_path), stdout=subprocess.PIPE)
    wait_for(lambda: folders() - before)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=20)
    assert p.returncode != 0
    wait_for(lambda: folders() <= before and not ours(tmp_path))


def test_without_the_agent(tmp_path):
    """It says what is wrong, and it is no success."""
    env = dict(environment(tmp_path), LETTERLOCKD="/nonexistent")
    p = subprocess.run([built("letterlock"), "demo"], capture_output=True,
                       env=env, timeout=60, text=True)
    assert p.returncode > 1 and "letterlockd" in p.stderr
