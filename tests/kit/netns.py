# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests in a network of their own, where names are what they say and every port is
free: with the mark own_network, such tests of a file run together in one more
pytest within it, and what came of each is told here."""
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys

import pytest

from . import die_with_parent, folder, names, write

ROOM = "LETTERLOCK_OWN_NETWORK"     # the folder of what is bound over /etc
SECONDS = 150
NO_ROOM = 99
TOLD = "reports"

# The user's gpg-agent and other services, which are no part of a test.
EMPTY = ("/run/user", "/run/systemd", "/run/dbus")
# What every program reads, whoever resolves the names for it.
BOUND = {
    "hosts": ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    "resolv.conf": ("/etc/resolv.conf", "nameserver %s\n" % names.WHERE),
    "nsswitch.conf": ("/etc/nsswitch.conf",
                      "passwd: files\ngroup: files\nhosts: files dns\n"),
    "cas.pem": ("/etc/ssl/certs/ca-certificates.crt", ""),
}


def within():
    return ROOM in os.environ


def trust(pem):
    """The only authority that the system knows of there."""
    with open(pem, "rb") as f:
        write(os.path.join(os.environ[ROOM], "cas.pem"), f.read(), 0o644)


# ---- within

def _make(d):
    """In new name spaces: loopback, and our files."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x49))   # up
    os.chmod(d, 0o755)
    for name, (where, text) in BOUND.items():
        subprocess.run(["mount", "--bind", write(os.path.join(d, name), text,
                                                 0o644), where], check=True)
    for where in EMPTY:
        if os.path.isdir(where):
            subprocess.run(["mount", "-t", "tmpfs", "none", where], check=True)


class _Tell:
    """Each report as a line of JSON for those outside."""

    def __init__(self, path):
        self.out = open(path, "w", encoding="utf-8")

    @pytest.hookimpl
    def pytest_configure(self, config):
        self.config = config

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report):
        d = self.config.hook.pytest_report_to_serializable(
            config=self.config, report=report)
        print(json.dumps(d), file=self.out, flush=True)


def main():
    d, *args = sys.argv[1:]
    try:
        _make(d)
    except (OSError, subprocess.CalledProcessError) as e:
        print(e, file=sys.stderr)
        return NO_ROOM
    os.environ[ROOM] = d
    return pytest.main(args, [_Tell(os.path.join(d, TOLD))])


# ---- outside

def _run(config, ids):
    """Those tests in a network of their own: (reports, what else was said, None or
    why there can be no such network)."""
    if not shutil.which("unshare"):
        return [], "", "unshare is missing"
    # in a user's own name space gpg would belong to nobody we know, and nobody
    # would believe in it; and Postfix is for root
    if os.geteuid():
        return [], "", "run the tests as root"
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with folder("lln") as d:
        p = subprocess.Popen(
            ["unshare", "-nm", "--propagation", "private", sys.executable, "-m",
             "kit.netns", d, "-q", "-p", "no:cacheprovider",
             "-p", "no:xdist", "--rootdir", str(config.rootpath)] + (
                 ["-x"] if config.getoption("maxfail", 0) == 1 else []) +
            [str(config.rootpath / i) for i in ids],
            env=dict(os.environ, PYTHONPATH=here),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=die_with_parent)
        try:
            said = p.communicate(timeout=SECONDS)[0].decode("utf-8", "replace")
        except subprocess.TimeoutExpired:
            p.kill()
            said = "not within %d s\n" % SECONDS + p.communicate()[0].decode(
                "utf-8", "replace")
        told = os.path.join(d, TOLD)
        reports = []
        if os.path.exists(told):
            with open(told, encoding="utf-8") as f:
                reports = [_report(config, x) for x in f if x.endswith("\n")]
    no = p.returncode == NO_ROOM or said.startswith("unshare: ")
    return reports, said, said.strip() if no else None


def _report(config, line):
    data = json.loads(line)
    if isinstance(data["longrepr"], list):      # why it was skipped
        data["longrepr"] = tuple(data["longrepr"])
    return config.hook.pytest_report_from_serializable(config=config, data=data)


def _none(item, outcome, why):
    return pytest.TestReport(
        item.nodeid, item.location, {x: 1 for x in item.keywords}, outcome,
        why if outcome == "failed" else (item.location[0], item.location[1] or 0,
                                         "Skipped: " + why), "call")


def _reports(item):
    """Of this test; the first that asks runs all of its file."""
    session = item.session
    if not hasattr(session, "own_network"):
        session.own_network = {}
    if item.path not in session.own_network:
        session.own_network[item.path] = _run(item.config, [
            x.nodeid for x in session.items if x.path == item.path
            and x.get_closest_marker("own_network")])
    reports, said, no = session.own_network[item.path]
    if no is not None:
        return [_none(item, "skipped", "no network of its own: " + no)]
    return [r for r in reports if r.nodeid == item.nodeid] or [
        _none(item, "failed", "this test did not run:\n" + said)]


def runtest(item):
    """pytest_runtest_protocol: True when it is done here."""
    if within() or not item.get_closest_marker("own_network"):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid,
                                       location=item.location)
    for report in _reports(item):
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid,
                                        location=item.location)
    return True


if __name__ == "__main__":
    sys.exit(main())
