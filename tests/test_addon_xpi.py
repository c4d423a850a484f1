# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on as it is packed, and what Mozilla's linter says of it."""
import json
import os
import shlex
import shutil
import subprocess
import zipfile

import pytest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../plugin-api/thunderbird")
# The linter knows Firefox only: what else there is in Thunderbird.
PERMISSIONS = ("MANIFEST_PERMISSIONS", "MANIFEST_OPTIONAL_PERMISSIONS")
THUNDERBIRD_ONLY = ('"accountsRead"', '"addressBooks"', '"compose"',
                    '"messagesRead"')
# The version is that of Thunderbird, which there is not for Android.
ANDROID = "KEY_FIREFOX_ANDROID_UNSUPPORTED_BY_MIN_VERSION"


@pytest.fixture(scope="module")
def xpi():
    return os.path.join(os.environ["LETTERLOCK_BUILD"], "letterlock.xpi")


def test_all_of_it_is_packed(xpi):
    """Each file once, in one order, with one time: the same octets again."""
    want = {}
    for d, _, names in os.walk(SOURCE):
        for n in names:
            p = os.path.join(d, n)
            if not n.startswith(".") and not n.endswith("~"):
                with open(p, "rb") as f:
                    want[os.path.relpath(p, SOURCE)] = f.read()
    with zipfile.ZipFile(xpi) as z:
        assert z.testzip() is None
        assert z.namelist() == sorted(want, key=str.encode)
        assert {n: z.read(n) for n in z.namelist()} == want
        for i in z.infolist():
            assert i.date_time == (2026, 1, 1, 0, 0, 0)
            assert i.external_attr >> 16 == 0o100644 and not i.extra


def test_linter(xpi):
    linter = os.environ.get("ADDONS_LINTER") or shutil.which("addons-linter")
    if not linter:
        pytest.skip("addons-linter is not installed (npm)")
    p = subprocess.run(shlex.split(linter) + ["-o", "json", xpi],
                       capture_output=True, timeout=300)
    assert p.stdout.startswith(b"{"), p.stderr.decode()
    said = json.loads(p.stdout)
    told = [x for k in ("errors", "warnings", "notices") for x in said[k]
            if not (x["code"] in PERMISSIONS and any(
                n in x["message"] for n in THUNDERBIRD_ONLY))
            and x["code"] != ANDROID]
    assert not told, json.dumps(told, indent=1)
