# SPDX-License-Identifier: GPL-3.0-or-later
"""letterlock thunderbird, and what the real one makes of it."""
import json
import os
import subprocess
import time
import zipfile

import pytest

from kit import folder, mounted, thunderbird_program, wait_for, write
from kit.agent import built
from kit.thunderbird_profile import account
from people import ALICE

pytestmark = pytest.mark.skipif(
    not os.access(thunderbird_program.PROGRAM, os.X_OK),
    reason="Thunderbird is missing (Debian: thunderbird)")

ID = "addon@letterlock"
OURS = """
const {AddonManager} = ChromeUtils.importESModule(
  'resource://gre/modules/AddonManager.sys.mjs');
let a = await AddonManager.getAddonByID('%s');
""" % ID
STATE = OURS + """return a && {active: a.isActive, version: a.version,
  removable: !!(a.permissions & AddonManager.PERM_CAN_UNINSTALL)};"""


def xpi(path, version):
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("manifest.json", json.dumps({
            "manifest_version": 3, "name": "test", "version": version,
            "browser_specific_settings": {"gecko": {"id": ID}}}))
    return path


class Program(thunderbird_program.Program):
    """One that can be started again with what it has become."""

    def start(self):
        self.launch(account(self.profile, ALICE, "Alice", 9))

    def addon(self, there=True):
        """What is known of the add-on, once it is there, or gone."""
        wait_for(lambda: bool(self.js(STATE)) == there, 20, 0.1)
        return self.js(STATE)


@pytest.fixture
def d():
    with folder() as d:
        yield d


def letterlock(d, *args):
    subprocess.run(
        [built("letterlock"), "thunderbird"] + list(args) + [
            "--addon", os.path.join(d, "letterlock.xpi"), "--host", "/bin/cat"],
        env={"HOME": os.path.join(d, "home")}, check=True, timeout=30,
        stdout=subprocess.DEVNULL)


def test_a_profile_in_use(d):
    xpi(os.path.join(d, "letterlock.xpi"), "0.1")
    with Program(d) as t:
        assert not t.js(STATE)
    write(os.path.join(t.home, ".thunderbird", "profiles.ini"),
          "[Profile0]\nIsRelative=0\nPath=%s\n" % t.profile)
    letterlock(d, "install")
    with t:
        assert t.addon() == {"active": True, "removable": True,
                             "version": "0.1"}
    letterlock(d, "uninstall")
    with t:
        t.addon(there=False)


def test_a_system(d):
    """In new profiles; who removes it keeps it away; uninstall takes it out of
    where it still is."""
    etc = os.path.join(d, "root", "etc", "thunderbird")
    os.makedirs(etc)
    under = mounted([(etc, "/etc/thunderbird")])
    if subprocess.run(under + ["true"], capture_output=True).returncode:
        pytest.skip("no name space for mounts can be made here")
    xpi(os.path.join(d, "letterlock.xpi"), "0.1")
    system = ["--system", "--root", os.path.join(d, "root")]
    letterlock(d, "install", *system)
    os.mkdir(os.path.join(d, "two"))
    two = Program(os.path.join(d, "two"), under)
    with two:
        assert two.addon()["active"]
    with Program(d, under) as t:
        assert t.addon() == {"active": True, "removable": True,
                             "version": "0.1"}
        t.js(OURS + "await a.uninstall();")
    with t:
        time.sleep(1.5)         # as long as an installation takes, and more
        assert not t.js(STATE)
    letterlock(d, "uninstall", *system)
    with two:
        two.addon(there=False)
