# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may call whom, by the includes and by the symbols; and what every file
must have."""
import glob
import os
import re
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("LETTERLOCK_BUILD", "")

# A header of the outer world -> the files that may see it, even through ours.
MAY_SEE = {
    r"openssl/ssl\.h": r"agent/tls(_\w+)?\.[ch]",
    r"libetpan/.*": r"agent/(upstream|stream|tls|sasl)(_\w+)?\.[ch]",
    r"gpgme\.h": r"crypto/engine(_\w+)?\.[ch]",
    r"curl/.*": r"agent/setup_https\.c",
    r"gsasl\.h": r"agent/sasl(_\w+)?\.[ch]",
    r"ini\.h": r"agent/(conf(_\w+)?|thunderbird_profile)\.c",
    r"qrencode\.h": r"agent/qr\.c",
    r"jansson\.h":
        r"agent/(json|ask|(cmd|doctor|plugin|setup|thunderbird)(_\w+)?)\.[ch]|"
        r"plugin-api/(?!letterlock\.h)\w+\.[ch]",
    r"sqlite3\.h": r"agent/(contacts|peers)(_\w+)?\.[ch]",
    r"seccomp\.h|linux/landlock\.h": r"agent/box(_\w+)?\.c",
    # ours
    r"agent/.*": r"(agent|tests)/.*",
}
# The same by the names the linker sees: prefix -> objects that may need it.
MAY_NEED = {
    r"SSL_\w+": r"tls(_\w+)?\.o",
    r"(mailstream|mailsmtp|mailesmtp|mailpop3|mailmime)_\w+":
        r"(upstream|stream|tls|sasl)(_\w+)?\.o",
    r"gpgme_\w+": r"engine(_\w+)?\.o",
    r"curl_\w+": r"setup_https\.o",
    r"gsasl_\w+": r"sasl(_\w+)?\.o",
    r"ini_\w+": r"(conf(_\w+)?|thunderbird_profile)\.o",
    r"json_\w+": r"(json|ask|(cmd|doctor|plugin|setup|thunderbird)_\w+|plugin)\.o",
    r"sqlite3_\w+": r"(contacts|peers)(_\w+)?\.o",
    r"(seccomp|landlock)_\w+": r"box(_\w+)?\.o",
}


def sources():
    """What is in git, so that work in progress beside it does not count; all
    that is there in an unpacked release."""
    found = []
    for pattern in ("agent/*.[ch]", "crypto/*.[ch]", "plugin-api/**/*.[ch]",
                    "tests/**/*.[ch]"):
        found += glob.glob(pattern, root_dir=TOP, recursive=True)
    try:
        known = subprocess.run(["git", "-C", TOP, "ls-files"], check=True,
                               capture_output=True, text=True).stdout.split("\n")
        found = [f for f in found if f in known] or found
    except (OSError, subprocess.CalledProcessError):
        pass
    assert len(found) > 20
    return sorted(found)


SOURCES = sources()


def includes(name, _memo={}):
    """The headers that a file sees, through ours too."""
    if name not in _memo:
        _memo[name] = set()
        with open(os.path.join(TOP, name), encoding="utf-8") as f:
            direct = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)', f.read(),
                                re.M)
        seen = set(direct)
        for d in direct:
            if os.path.exists(os.path.join(TOP, d)):
                seen |= includes(d)
        _memo[name] = seen
    return _memo[name]


@pytest.mark.parametrize("header", MAY_SEE)
def test_includes(header):
    bad = ["%s sees %s" % (f, h) for f in SOURCES for h in includes(f)
           if re.fullmatch(header, h)
           and not re.fullmatch(MAY_SEE[header], f)
           and not f.startswith("tests/")]
    assert not bad


def test_plugin_api_stands_alone():
    bad = ["%s sees %s" % (f, h) for f in SOURCES for h in includes(f)
           if f.startswith("plugin-api/")
           and re.match(r"(agent|crypto)/|libetpan/|gpgme\.h", h)]
    assert not bad


def archive(path, wanted):
    """Object -> names of one kind (U: needed, else defined) in an archive."""
    out = subprocess.run(["nm", "-A", "-P", os.path.join(BUILD, path)],
                         check=True, capture_output=True, text=True).stdout
    names = {}
    for line in out.splitlines():
        m = re.match(r".*\[(.*)\]: (\S+) (\w)", line)
        if m and (m[3] == "U") == (wanted == "U") and m[3] not in "bdrt":
            names.setdefault(m[1], set()).add(m[2])
    assert names
    return names


@pytest.mark.parametrize("names", MAY_NEED)
def test_symbols(names):
    bad = []
    for path in ("crypto/liblockcrypto.a", "agent/libagent.a"):
        for obj, needed in archive(path, "U").items():
            bad += ["%s(%s) needs %s" % (path, obj, n) for n in needed
                    if re.fullmatch(names, n)
                    and not re.fullmatch(MAY_NEED[names], obj)]
    # Our own names may begin alike.
    own = set().union(*archive("agent/libagent.a", "D").values(),
                      *archive("crypto/liblockcrypto.a", "D").values())
    assert not [b for b in bad if b.split()[-1] not in own]


def test_crypto_needs_nothing_of_agent():
    needed = set().union(*archive("crypto/liblockcrypto.a", "U").values())
    agent = set().union(*archive("agent/libagent.a", "D").values())
    own = set().union(*archive("crypto/liblockcrypto.a", "D").values())
    assert not (needed - own) & agent


def test_plugin_api_is_linked_alone():
    """Its libraries need nothing of agent/ and crypto/, and its program links
    nothing but jansson."""
    ours = ["plugin-api/libletterlock.a", "plugin-api/libnmh.a"]
    needed = set().union(*(n for p in ours for n in archive(p, "U").values()))
    own = set().union(*(n for p in ours for n in archive(p, "D").values()))
    house = set().union(*archive("agent/libagent.a", "D").values(),
                        *archive("crypto/liblockcrypto.a", "D").values())
    assert not own & house      # tests link both
    assert not (needed - own) & house
    assert not [n for n in needed
                if re.match(r"(gpgme|mail\w*|SSL|EVP|gsasl|gpg_err)_", n)]
    said = subprocess.run(
        ["readelf", "-dW", os.path.join(BUILD, "letterlock-nmh")], check=True,
        capture_output=True, text=True).stdout
    assert {n for n in re.findall(r"\(NEEDED\).*\[lib(\w+)\.", said)
            if n not in ("asan", "ubsan")} <= {"jansson", "c"}


def test_spdx_and_purpose():
    bad = []
    for name in SOURCES:
        with open(os.path.join(TOP, name), encoding="utf-8") as f:
            lines = f.read().split("\n")
        if lines[0] != "/* SPDX-License-Identifier: GPL-3.0-or-later */" \
                or not re.match(r"/\* \w", lines[1]):
            bad.append(name)
    assert not bad


def test_nothing_is_left_out_of_the_build():
    with open(os.path.join(TOP, "Makefile.am"), encoding="utf-8") as f:
        listed = set(re.findall(r"[\w./-]+", f.read()))
    bad = [f for f in SOURCES if f not in listed
           and not (re.match("tests/(unit|fuzz)/", f) and f[:-2] in listed)]
    assert not bad
