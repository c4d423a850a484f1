# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock thunderbird: what it writes for Thunderbird, and takes back."""
import json
import os
import stat
import subprocess

import pytest

from kit import write
from kit.agent import built

XPI = b"not looked into"
ID = "addon@letterlock"
HOST = ".mozilla/native-messaging-hosts/letterlock.json"
POLICIES = "etc/thunderbird/policies/policies.json"


class Box:
    """A home with two profiles, and a root for --system."""

    def __init__(self, d):
        self.d, self.home = d, os.path.join(d, "home")
        self.root = os.path.join(d, "root")
        os.makedirs(self.root)
        os.makedirs(os.path.join(d, "a b?"))
        self.addon = write(os.path.join(d, "a b?", "letterlock.xpi"), XPI)
        self.host = write(os.path.join(d, "nmh"), b"")
        self.tb = os.path.join(self.home, ".thunderbird")
        self.old = os.path.join(self.tb, "old.default")
        self.far = os.path.join(d, "far away")
        for p in (self.old, self.far):
            os.makedirs(p)
        write(os.path.join(self.old, "extensions.json"), b"{}")
        write(os.path.join(self.tb, "profiles.ini"), (
            "[Install1]\nDefault=old.default\n"
            "[Profile0]\nName=old\nIsRelative=1\nPath=old.default\n"
            "[Profile1]\nName=far\nIsRelative=0\nPath=%s\n"
            "[Profile2]\nName=gone\nIsRelative=1\nPath=gone.default\n"
            "[General]\nVersion=2\n" % self.far).encode())

    def run(self, *args, system=False):
        p = subprocess.run(
            [built("letterlock"), "thunderbird"] + list(args) +
            ["--addon", self.addon, "--host", self.host] +
            (["--system", "--root", self.root] if system else []),
            env={"HOME": self.home, "PATH": "/usr/bin:/bin",
                 "LANG": "C.UTF-8"},
            capture_output=True, text=True, timeout=30)
        assert not p.stderr or p.returncode
        return p

    def policies(self, at=POLICIES):
        with open(os.path.join(self.root, at)) as f:
            return json.load(f)

    def have(self, text, at=POLICIES):
        path = os.path.join(self.root, at)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return write(path, text.encode())


@pytest.fixture
def box(tmp_path):
    return Box(str(tmp_path))


def tree(top):
    """Each file below, with its octets."""
    out = {}
    for d, _, files in os.walk(top):
        for f in files:
            path = os.path.join(d, f)
            out[os.path.relpath(path, top)] = open(path, "rb").read()
    return out


def test_a_user(box):
    before = tree(box.d)
    p = box.run("install")
    assert p.returncode == 0, p.stderr
    for profile in (box.old, box.far):
        path = os.path.join(profile, "extensions", ID + ".xpi")
        assert open(path, "rb").read() == XPI
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o644
    host = json.load(open(os.path.join(box.home, HOST)))
    assert host == {"name": "letterlock", "type": "stdio", "path": box.host,
                    "description": host["description"],
                    "allowed_extensions": [ID]}
    # only the one that was never used has to be looked after
    lines = p.stdout.split("\n")
    told = [i for i, x in enumerate(lines) if "never used" in x]
    assert len(told) == 1 and box.far in lines[told[0] - 1]
    again = tree(box.d)
    assert box.run("install").returncode == 0 and tree(box.d) == again
    p = box.run("uninstall")
    assert p.returncode == 0 and tree(box.d) == before
    p = box.run("uninstall")
    assert p.returncode == 0 and p.stdout == "" and tree(box.d) == before


def test_no_profile(box):
    os.unlink(os.path.join(box.tb, "profiles.ini"))
    p = box.run("install")
    assert p.returncode == 66 and "Start it once" in p.stderr


def test_no_addon(box):
    os.unlink(box.addon)
    before = tree(box.d)
    p = box.run("install")
    assert p.returncode == 66 and box.addon in p.stderr
    assert tree(box.d) == before


def test_not_writable(box):
    """A file where a folder is wanted: nobody can write there, not even root."""
    write(os.path.join(box.home, ".mozilla"), b"")
    p = box.run("install")
    assert p.returncode == 73 and ".mozilla" in p.stderr
    assert not os.path.exists(os.path.join(box.old, "extensions"))


def test_all_of_a_system(box):
    home = tree(box.home)
    p = box.run("install", system=True)
    assert p.returncode == 0, p.stderr
    url, = box.policies()["policies"]["Extensions"]["Install"]
    version = subprocess.run([built("letterlock"), "--version"], text=True,
                             capture_output=True).stdout.split()[1]
    assert url == "file://" + box.addon.replace(" ", "%20").replace(
        "?", "%3F") + "?" + version
    assert json.load(open(os.path.join(
        box.root, "usr/lib/mozilla/native-messaging-hosts/letterlock.json"
        )))["path"] == box.host
    box.run("uninstall", system=True)
    assert box.policies() == {"policies": {"Extensions": {
        "Uninstall": [ID]}}}
    box.run("uninstall", system=True)
    assert tree(box.root) == {} and tree(box.home) == home


def test_what_others_want_stays(box):
    theirs = {"policies": {
        "DisableTelemetry": True,
        "Extensions": {"Install": ["file:///opt/other.xpi"],
                       "Uninstall": ["other@example.org"],
                       "Locked": ["third@example.org"]}}, "comment": "é"}
    box.have(json.dumps(theirs))
    assert box.run("install", system=True).returncode == 0
    got = box.policies()
    assert got["policies"]["Extensions"]["Install"][0] == \
        "file:///opt/other.xpi"
    assert len(got["policies"]["Extensions"]["Install"]) == 2
    for _ in range(2):
        assert box.run("uninstall", system=True).returncode == 0
    assert box.policies() == theirs


def test_an_older_one_is_replaced(box):
    box.have(json.dumps({"policies": {"Extensions": {
        "Install": ["file:///usr/share/letterlock/letterlock.xpi?0.0"],
        "Uninstall": [ID]}}}))
    assert box.run("install", system=True).returncode == 0
    ext = box.policies()["policies"]["Extensions"]
    assert len(ext["Install"]) == 1 and "?0.0" not in ext["Install"][0]
    assert "Uninstall" not in ext


def test_the_one_in_force(box):
    """In /usr/lib it counts only while there is none in /etc."""
    at = "usr/lib/thunderbird/distribution/policies.json"
    box.have('{"policies":{"DisableTelemetry":true}}', at)
    assert box.run("install", system=True).returncode == 0
    assert box.policies(at)["policies"]["DisableTelemetry"] is True
    assert box.policies(at)["policies"]["Extensions"]
    assert not os.path.exists(os.path.join(box.root, POLICIES))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"policies":[]}',
                                  '{"policies":{},"policies":{}}',
                                  "{}" + " " * (1 << 20)])
def test_a_file_that_is_none(box, text):
    path = box.have(text)
    p = box.run("install", system=True)
    assert p.returncode in (65, 73) and path in p.stderr
    assert open(path).read() == text


@pytest.mark.parametrize("args", [[], ["nonesuch"], ["install", "x"],
                                  ["install", "--nonesuch"]])
def test_usage(box, args):
    p = subprocess.run([built("letterlock"), "thunderbird"] + args,
                       env={"HOME": box.home}, capture_output=True, text=True)
    assert p.returncode == 64 and "Usage" in p.stderr
