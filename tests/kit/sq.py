# SPDX-License-Identifier: GPL-3.0-or-later
"""Sequoia's sq, which has no keyring: everything is said by files."""
import os
import re
import shutil
import subprocess
import tempfile

from . import KitError, keys, write


def run(*args, data=b""):
    """sq on this input: (status, output, its words)."""
    if not shutil.which("sq"):
        raise KitError("no sq (Debian: sq)")
    p = subprocess.run(["sq"] + list(args), input=data, capture_output=True,
                       timeout=60, env={"PATH": "/usr/bin:/bin",
                                        "HOME": "/nonexistent",
                                        "LANG": "C.UTF-8"},
                       start_new_session=True)     # no terminal to ask on
    return p.returncode, p.stdout, p.stderr.decode("utf-8", "replace")


def must(*args, data=b""):
    rc, out, words = run(*args, data=data)
    if rc:
        raise KitError("sq %s: %s" % (" ".join(args), words))
    return out


def cert(name):
    """The file of a public key: a name of tests/keys, or a path."""
    return name if os.path.isabs(name) else keys.asc(name)


def key(name):
    return name if os.path.isabs(name) else keys.asc(name, True)


def make(folder, user_id):
    """A new key as sq makes them: (fingerprint, secret file, public file)."""
    sec, pub = (os.path.join(folder, x) for x in ("sq.sec", "sq.pub"))
    must("key", "generate", "--userid", user_id, "--export", sec)
    write(pub, must("key", "extract-cert", sec))
    fpr = re.search(r"Fingerprint: ([0-9A-F]{40})",
                    must("inspect", pub).decode()).group(1)
    return fpr, sec, pub


def encrypt(data, to, sign=None):
    """Armored OpenPGP; to and sign are names or paths."""
    args = ["encrypt"] + [x for n in to
                          for x in ("--recipient-cert", cert(n))]
    return must(*args, *(["--signer-key", key(sign)] if sign else []),
                data=data)


def decrypt(data, name, signer=None):
    """(status, cleartext, words)"""
    return run("decrypt", "--recipient-key", key(name),
               *(["--signer-cert", cert(signer)] if signer else []), data=data)


def sign(data, name):
    """A detached signature, armored."""
    return must("sign", "--detached", "--signer-key", key(name), data=data)


def verify(data, signature, name):
    """(status, words) on a detached signature."""
    with tempfile.TemporaryDirectory(prefix="llq", dir="/tmp") as d:
        f = write(os.path.join(d, "s"), signature)
        rc, _, words = run("verify", "--signer-cert", cert(name),
                           "--detached", f, data=data)
    return rc, words
