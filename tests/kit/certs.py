# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate authority of the tests and a server certificate by it."""
import base64
import hashlib
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


def certificate(d, name, san="", by=None, md="sha256", rsa=0, dates=(),
                ext="extendedKeyUsage=serverAuth", cn="mail.example.test"):
    """d/NAME.pem and d/NAME.key by the pair BY (else by itself), as bad as
    wanted: san is OpenSSL's subjectAltName, rsa the bits of such a key, dates
    begin and end as YYMMDDHHMMSSZ."""
    key, pem, csr = (os.path.join(d, name + x) for x in (".key", ".pem", ".csr"))
    if rsa:
        _openssl("genpkey", "-algorithm", "RSA", "-pkeyopt",
                 "rsa_keygen_bits:%d" % rsa, "-out", key)
    else:
        _key(key)
    _openssl("req", "-new", "-key", key, "-subj", "/CN=" + cn, "-out", csr)
    text = ext + "\n" + ("subjectAltName=%s\n" % san if san else "")
    exts = write(os.path.join(d, name + ".ext"), text)
    signer = ["-signkey", key] if not by else [
        "-CA", by[0], "-CAkey", by[1], "-CAcreateserial"]
    if dates:
        _dated(d, name, by, dates, text)
    else:
        _openssl("x509", "-req", "-in", csr, "-days", "30", "-" + md,
                 "-extfile", exts, "-out", pem, *signer)
    return pem, key


def _dated(d, name, by, dates, ext):
    """Only openssl ca sets both dates."""
    index = write(os.path.join(d, name + ".index"), "")
    conf = write(os.path.join(d, name + ".cnf"), (
        "[ca]\ndefault_ca=x\n[x]\nnew_certs_dir=%s\ndatabase=%s\n"
        "default_md=sha256\npolicy=p\nrand_serial=yes\nx509_extensions=e\n"
        "[p]\ncommonName=supplied\n[e]\n%s") % (d, index, ext))
    _openssl("ca", "-batch", "-config", conf, "-cert", by[0], "-keyfile", by[1],
             "-in", os.path.join(d, name + ".csr"), "-notext",
             "-out", os.path.join(d, name + ".pem"),
             "-startdate", dates[0], "-enddate", dates[1])


def pin(pem):
    """sha256//... of the certificate's public key."""
    def openssl(data, *args):
        return subprocess.run(("openssl",) + args, input=data, check=True,
                              timeout=60, stdout=subprocess.PIPE).stdout
    with open(pem, "rb") as f:
        key = openssl(f.read(), "x509", "-noout", "-pubkey")
    der = openssl(key, "pkey", "-pubin", "-outform", "DER")
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


class Pki:
    """ca, and the pairs good (our names), other (another name) and self."""

    def __init__(self, d):
        os.makedirs(d, exist_ok=True)
        authority(d)
        self.ca = os.path.join(d, "ca.pem")
        self.good = server(d, "good")
        self.other = server(d, "other", ("other.example.test",), ())
        self.self_signed = server(d, "self", self_signed=True)
