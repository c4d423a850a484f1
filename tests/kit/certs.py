# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority of the tests and a server certificate by it."""
import os
import subprocess

from . import write

NAMES = ("mail.example.test", "localhost")


def _openssl(*args, data=b""):
    subprocess.run(("openssl",) + args, input=data, check=True, timeout=60,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _key(path):
    _openssl("genpkey", "-algorithm", "EC", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-out", path)


def authority(d):
    """d/ca.pem and d/ca.key."""
    _key(os.path.join(d, "ca.key"))
    _openssl("req", "-x509", "-new", "-key", os.path.join(d, "ca.key"),
             "-days", "30", "-subj", "/CN=Letterlock test CA",
             "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,keyCertSign",
             "-out", os.path.join(d, "ca.pem"))


def server(d, name="server", names=NAMES, ips=("127.0.0.1", "::1"),
           self_signed=False):
    """d/NAME.pem and d/NAME.key, by d's authority."""
    key, pem = (os.path.join(d, name + x) for x in (".key", ".pem"))
    _key(key)
    san = ",".join(["DNS:" + n for n in names] + ["IP:" + i for i in ips])
    ext = write(os.path.join(d, name + ".ext"),
                "subjectAltName=%s\nextendedKeyUsage=serverAuth\n" % san)
    csr = os.path.join(d, name + ".csr")
    _openssl("req", "-new", "-key", key, "-subj", "/CN=" + (names or ips)[0],
             "-out", csr)
    by = ["-signkey", key] if self_signed else [
        "-CA", os.path.join(d, "ca.pem"), "-CAkey", os.path.join(d, "ca.key"),
        "-CAcreateserial"]
    _openssl("x509", "-req", "-in", csr, "-days", "30", "-sha256",
             "-extfile", ext, "-out", pem, *by)
    return pem, key


class Pki:
    """ca, and the pairs good (our names), other (another name) and self."""

    def __init__(self, d):
        os.makedirs(d, exist_ok=True)
        authority(d)
        self.ca = os.path.join(d, "ca.pem")
        self.good = server(d, "good")
        self.other = server(d, "other", ("other.example.test",), ())
        self.self_signed = server(d, "self", self_signed=True)
