# SPDX-License-Identifier: GPL-3.0-or-later
"""The MIME scanner beside Python's email package and libetpan: the same letters
must have the same parts, and where they don't it is said why."""
import email
import functools
import hashlib
import os
import random
import subprocess

import pytest

from kit import letters

BUILD = os.environ.get("LETTERLOCK_BUILD", "")


class Seen:
    """What a parser saw: (depth, kind, type, octets of a leaf's body), children
    before their parents; odd, if it is ours."""

    def __init__(self):
        self.parts, self.odd = [], None


def dumped(tool, folder, raws):
    """What one of our two programs saw."""
    env = {k: v for k, v in os.environ.items() if "MAKE" not in k}
    subprocess.run(["make", "-s", "-C", BUILD, "tests/unit/" + tool],
                   check=True, env=env, stdout=subprocess.DEVNULL)
    names = []
    for i, raw in enumerate(raws):
        names.append(os.path.join(str(folder), "%d.eml" % i))
        with open(names[-1], "wb") as f:
            f.write(raw)
    out = subprocess.run([os.path.join(BUILD, "tests/unit", tool)] + names,
                         check=True, capture_output=True).stdout
    seen = []
    for line in out.decode("latin-1").splitlines():
        words = line.split(" ")
        if words[0] == "=":
            seen.append(Seen())
            continue
        if words[0] == "odd":
            seen[-1].odd = words[1] == "1"
            continue
        octets = None
        if len(words) > 4:
            begin, end, digest = int(words[-3]), int(words[-2]), words[-1]
            octets = raws[len(seen) - 1][begin:end]
            assert hashlib.sha256(octets).hexdigest() == digest
            words = words[:-3]
        seen[-1].parts.append((int(words[0]), words[1],
                               words[2] if len(words) > 2 else None, octets))
    assert len(seen) == len(raws)
    return seen


def python(raw):
    """What the email package sees."""
    parts = []

    def walk(m, depth):
        kind, octets = "leaf", None
        if m.is_multipart():
            kind = "multi" if m.get_content_maintype() == "multipart" \
                else "message"
            for child in m.get_payload():
                walk(child, depth + 1)
        else:
            octets = (m._payload or "").encode("ascii", "surrogateescape")
        parts.append((depth, kind, m.get_content_type(), octets))

    walk(email.message_from_bytes(raw), 0)
    return parts


# ---- well-formed letters

BCHARS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+_,-./:=?"
LEAVES = ["text/plain", "text/html; charset=utf-8", "image/png; name=\"a;b\"",
          "application/octet-stream", "text/plain; format=flowed", None]


class Maker:
    """A random letter; see make()."""

    def __init__(self, seed):
        self.r = random.Random(seed)
        self.eol = self.r.choice([b"\r\n", b"\r\n", b"\n"])
        self.boundaries = []
        self.hard = False       # is libetpan known to read it wrong?

    def line(self, n=None):
        n = self.r.choice([0, 1, 5, 70, 998, 3000]) if n is None else n
        return bytes(self.r.choices(b"-- abcxyz=.\t\x00\xe9\xff", k=n))

    def lines(self, most=6):
        out = []
        for _ in range(self.r.randrange(most)):
            x = self.line()
            if self.boundaries and self.r.random() < 0.2:   # like a delimiter
                b = self.r.choice(self.boundaries)
                x = self.r.choice([b" --" + b, b"-" + b, b"--" + b + b"x",
                                   b"--" + b[:-1], b"--" + b + b"-",
                                   b"--" + b + b"--x", b"--" + b + b" x",
                                   b"x--" + b + b"--"])
            if any(x.startswith(b"--" + b) for b in self.boundaries):
                self.hard = True        # it compares beginnings
            if x[2:].rstrip(b" \t") in self.boundaries + [
                    b + b"--" for b in self.boundaries]:
                x = b"x" + x
            out.append(x)
        return out

    def boundary(self):
        while True:
            b = "".join(self.r.choice(BCHARS) for _ in range(
                self.r.choice([1, 2, 5, 30, 69]))).encode() + b"_"
            if not any(b.startswith(o) or o.startswith(b)
                       for o in self.boundaries):
                self.boundaries.append(b)
                return b

    def header(self, content_type):
        h = [b"X-%d: %s" % (i, self.line(9).replace(b"\0", b"0"))
             for i in range(self.r.randrange(3))]
        if content_type:
            h.insert(self.r.randrange(len(h) + 1), self.r.choice(
                [b"Content-Type: ", b"content-type:", b"CONTENT-TYPE:" +
                 self.eol + b"\t"]) + content_type)
        if not h:
            self.hard = True    # it drops line ends that follow
        return self.eol.join(h + [b""]) + self.eol

    def make(self, depth=0, in_digest=False):
        """An entity: header block and body."""
        choice = self.r.random()
        if depth > 5 or choice < 0.4:
            t = self.r.choice(LEAVES)
            if in_digest and not t:     # a message
                return self.header(None) + self.make(depth + 1)
            body = self.lines()
            if not body or not body[0]:
                self.hard = True        # it drops empty parts
            return self.header(t and t.encode()) + self.eol.join(body)
        if choice < 0.55:
            inner = self.make(depth + 1)
            return self.header(b"message/rfc822") + inner
        b = self.boundary()
        quoted = b'"' + b + b'"' if self.r.random() < 0.7 or not b.isalnum() \
            else b
        kind = self.r.choice([b"mixed", b"alternative", b"related", b"digest",
                              b"x-unknown"])
        out = [self.header(b"multipart/" + kind + b"; boundary=" + quoted +
                           self.r.choice([b"", b"; x=y"]))]
        before = self.r.choice([[], [b""], [b"This is MIME"], self.lines()])
        out += [x + self.eol for x in before]
        for i in range(self.r.randrange(1, 4)):
            blanks = self.r.choice([b"", b"", b" ", b"\t "])
            out.append(b"--" + b + blanks + self.eol +
                       self.make(depth + 1, kind == b"digest") + self.eol)
        out.append(b"--" + b + b"--")
        after = self.r.choice([[], [b""], [b"footer", b""], self.lines()])
        out += [self.eol + x for x in after]
        return b"".join(out)


@functools.lru_cache
def made(n):
    out = []
    for seed in range(n):
        m = Maker(seed)
        raw = b"From: a@example.org" + m.eol + m.make()
        out.append((raw, m))
    return out


def samples():
    out = [make() for kind, make in letters.KINDS.items() if kind != "25MB"]
    out += [letters.attachment(300000), letters.nested(90),
            letters.sealed("-----BEGIN PGP MESSAGE-----\n\nx\n"),
            b"", b"\r\n", b"\r\nhello", b"A: b\r\n", b"A: b\r\n\r\n\r\n"]
    out += [x.replace(b"\r\n", b"\n") for x in out]
    return out


def test_samples(tmp_path):
    for raw, seen in zip(samples(), dumped("dump_parts", tmp_path, samples())):
        assert seen.parts == python(raw)
        # there b1 begins b10
        assert seen.odd == (b"boundary=b10" in raw)


def test_random_letters(tmp_path):
    """Hundreds of nested ones: the same parts, octet by octet."""
    raws = [raw for raw, _ in made(600)]
    parts = 0
    for i, seen in enumerate(dumped("dump_parts", tmp_path, raws)):
        assert seen.parts == python(raws[i]), "seed %d" % i
        assert not seen.odd, "seed %d" % i
        parts += len(seen.parts)
    assert parts > 3000


def test_libetpan(tmp_path):
    """A third opinion, on letters it is not known to read wrong."""
    raws = samples()[:8] + [raw for raw, m in made(600) if not m.hard]
    ours = dumped("dump_parts", tmp_path, raws)
    compared = 0
    for i, seen in enumerate(dumped("dump_etpan", tmp_path, raws)):
        want = [(d, k, o) for d, k, _, o in ours[i].parts]
        assert [(d, k, o) for d, k, _, o in seen.parts] == want, raws[i]
        compared += len(want)
    assert compared > 400


# ---- hostile ones

def mixed(body, params="boundary=b", more=""):
    return letters.crlf("Content-Type: multipart/mixed; %s\n%s\n" % (
        params, more)) + body.replace(b"\n", b"\r\n").replace(b"\r\r\n", b"\r\n")


ROOT = (0, "multi", "multipart/mixed", None)
TWO = b"--b\n\nhi\n--b\n\nho\n--b--\n"


def hi(octets=b"hi"):
    return (1, "leaf", "text/plain", octets)


# name -> letter, is it odd to us, what we see if that is worth a word.  Python
# sees another thing.
DIFFERENT = {
    "a bare CR ends a line for Python":
        (mixed(b"--b\n\nhi\r--b\r\n\nho\n--b--\n"), False,
         [hi(b"hi\r--b\r\n\r\nho"), ROOT]),
    "a CR before a delimiter's line end, too":
        (mixed(TWO)[:-10] + b"\r\n--b\r\r\n\r\nhu\r\n--b--", True, None),
    "a line without a colon ends a header for Python":
        (mixed(b"--b\nX: y\nno field\nContent-Type: text/html\n\nhi\n--b--\n"),
         False, [(1, "leaf", "text/html", b"hi"), ROOT]),
    "a blank before the colon is no field for Python":
        (mixed(b"--b\nContent-Type : text/html\n\nhi\n--b--\n"), False,
         [(1, "leaf", "text/html", b"hi"), ROOT]),
    "Python takes the first of two types":
        (mixed(b"--b\nContent-Type: multipart/mixed; boundary=c\n"
               b"Content-Type: text/plain\n\n--c\n\nhi\n--c--\n--b--\n"), True,
         [hi(b"--c\r\n\r\nhi\r\n--c--"), ROOT]),
    "the same at the top":
        (letters.crlf("Content-Type: text/html\n") + mixed(TWO), True, None),
    "Python takes the first of two boundaries":
        (mixed(TWO, "boundary=b; boundary=c"), True, None),
    "Python cuts blanks from a boundary's end":
        (mixed(TWO, 'boundary="b "'), True, None),
    "Python has no limit for a boundary":
        (mixed(TWO.replace(b"b", b"b" * 71), "boundary=" + "b" * 71), True,
         None),
    "Python decodes a boundary":
        (mixed(TWO, "boundary*=us-ascii''%62"), True, None),
    "Python takes an open comment for a type":
        (letters.crlf("Content-Type: multipart/mixed (; boundary=b\n\n") +
         TWO, True, [(0, "leaf", "text/plain", TWO)]),
    "blanks in a type are none for us":
        (letters.crlf("Content-Type: multipart / mixed; boundary=b\n\n") +
         TWO.replace(b"\n", b"\r\n"), False, [hi(), hi(b"ho"), ROOT]),
    "no delimiter: text for Python, no part for us":
        (mixed(b"hi\n"), True, [ROOT]),
    "closed before it began":
        (mixed(b"--b--\n" + TWO), True, [ROOT]),
    "more blanks behind a delimiter than we look at":
        (mixed(b"--b" + b" " * 2000 + b"\n\nhi\n--b\n\nho\n--b--\n"), True,
         [hi(b"ho"), ROOT]),
    "a header longer than our limit":
        (mixed(b"--b\nX: " + b"x" * 70000 + b"\n\nhi\n--b--\n"), True,
         [(1, "opaque", "text/plain",
           b"X: " + b"x" * 70000 + b"\r\n\r\nhi"), ROOT]),
    "more fields than our limit":
        (mixed(b"--b\n" + b"X: y\n" * 1001 + b"\nhi\n--b--\n"), True,
         [(1, "opaque", "text/plain", b"X: y\r\n" * 1001 + b"\r\nhi"), ROOT]),
    "the last line end of what is not closed is no delimiter's":
        (mixed(b"--b\n\nhi\n"), True, [hi(b"hi\r\n"), ROOT]),
    "one boundary for two":
        (mixed(b"--b\nContent-Type: multipart/x; boundary=b\n\n--b\n\nhi\n"
               b"--b--\n--b--"), True,
         [(2, "leaf", "text/plain", b"hi"), (1, "multi", "multipart/x", None),
          ROOT]),
    "Python looks into an encoded message":
        (mixed(b"--b\nContent-Type: message/rfc822\n"
               b"Content-Transfer-Encoding: base64\n\nA: b\n\nhi\n--b--\n"),
         False, [(1, "leaf", "message/rfc822", b"A: b\r\n\r\nhi"), ROOT]),
    "Python looks into parts of a message":
        (mixed(b"--b\nContent-Type: message/partial\n\nA: b\n\nhi\n--b--\n"),
         False, [(1, "leaf", "message/partial", b"A: b\r\n\r\nhi"), ROOT]),
}

# name -> letter, what we see, and Python too; for us it is odd.
ODD = {
    "not closed": (mixed(b"--b\n\nhi"), [hi(), ROOT]),
    "closed, and more": (mixed(TWO + TWO), [hi(), hi(b"ho"), ROOT]),
    "a header without its empty line":
        (mixed(b"--b\nContent-Type: text/html\n--b\n\nho\n--b--\n"),
         [(1, "leaf", "text/html", b""), hi(b"ho"), ROOT]),
    "the outer one ends the inner one":
        (mixed(b"--b\nContent-Type: multipart/x; boundary=c\n\n--c\n\nhi\n--b--"),
         [(2, "leaf", "text/plain", b"hi"), (1, "multi", "multipart/x", None),
          ROOT]),
    "one boundary begins another":
        (mixed(b"--b\nContent-Type: multipart/x; boundary=bc\n\n--bc\n\nhi\n"
               b"--bc--\n--b--"),
         [(2, "leaf", "text/plain", b"hi"), (1, "multi", "multipart/x", None),
          ROOT]),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_different(tmp_path, name):
    raw, odd, want = DIFFERENT[name]
    seen, = dumped("dump_parts", tmp_path, [raw])
    if want is not None:
        assert seen.parts == want
    assert seen.odd == odd
    assert python(raw) != seen.parts


@pytest.mark.parametrize("name", ODD)
def test_odd(tmp_path, name):
    raw, want = ODD[name]
    seen, = dumped("dump_parts", tmp_path, [raw])
    assert seen.parts == want == python(raw)
    assert seen.odd


def test_deep(tmp_path):
    """Deeper than our limit Python looks on, and we don't."""
    seen, = dumped("dump_parts", tmp_path, [letters.nested(120)])
    assert max(p[0] for p in seen.parts) == 100
    assert [p[1] for p in seen.parts].count("opaque") == 1
    assert max(p[0] for p in python(letters.nested(120))) > 100


def test_hundred_thousand_messages(tmp_path):
    """No stack to overflow."""
    raw = b"Content-Type: message/rfc822\r\n\r\n" * 100000
    seen, = dumped("dump_parts", tmp_path, [raw])
    assert len(seen.parts) == 101
