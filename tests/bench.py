#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent costs, as ratios measured side by side in one run.

Each line sets the agent against the same letters sent or fetched straight at
the same server, plus gpg on the command line where the agent seals or opens.
The two are measured in turn; a ratio is that of the medians of one round, and
the one shown is the median over the rounds.  Read the ratios, not the ms.

  anchor   gpg -a --sign --encrypt --trust-model always --compress-algo none,
           recipients by fingerprint, the agent's own keyring, output thrown
           away; "zlib" is the same without --compress-algo
  session  many letters over one connection
  connect  connection, EHLO, AUTH, letter, QUIT; the agent at rest before it
  burst    the same without a pause, so that no spare is ready
  made     a keyring whose secret key was generated in it, as people have it
  imported one that was filled by --import (gpg is quicker on these)

The exit status is 1 if one of the lines that are to hold now does not."""
import argparse
import os
import re
import resource
import shutil
import ssl
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import (certs, client, dovecot, folder, free_ports,  # noqa: E402
                 keys, letters, wait_for, write)
from kit.agent import Agent                                   # noqa: E402
from kit.fast import Fast                                     # noqa: E402

ALICE, BOB = "alice@example.org", "bob@example.org"
CLEAR, BIG, SMALL, TLS = ("clear@example.org", "big@example.org",
                          "small@example.org", "tls@example.org")
PASS = "x"
KB, MB = 1 << 10, 1 << 20
ANCHOR, ZLIB = ["--compress-algo", "none"], []
clock, median = time.perf_counter, statistics.median


# ---- letters

def letter(octets, sender=ALICE):
    """One of about so many octets, as clients make them."""
    head = letters.head(sender=sender, to=(BOB,))
    if octets <= 8 * KB:
        head += letters.crlf("MIME-Version: 1.0\nContent-Type: text/plain; "
                             "charset=us-ascii\n\n")
        row = b"The quick brown fox jumps over the lazy dog, and then.\r\n"
        return head + row * max(1, (octets - len(head)) // len(row))
    return letters.attachment(octets, sender=sender, to=(BOB,))


# ---- gpg as people call it

class Gpg:
    def __init__(self, home, signer, to):
        self.home, self.signer, self.to = home, signer, to
        self.env = dict(os.environ, LC_ALL="C")

    def run(self, args, path, out=os.devnull):
        """Seconds, and user and system seconds of the process itself."""
        argv = ["gpg", "--homedir", self.home, "--batch", "--yes", "--quiet",
                "--no-tty"] + args
        t = clock()
        pid = os.posix_spawn("/usr/bin/gpg", argv, self.env, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, path, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, out,
             os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
        _, status, use = os.wait4(pid, 0)
        t = clock() - t
        assert status == 0, "%s: %d" % (" ".join(argv), status)
        return t, use.ru_utime + use.ru_stime

    def seal(self, path, more=(), out=os.devnull):
        return self.run(["-a", "--trust-model", "always", "--sign",
                         "--encrypt", "-u", self.signer, "-r", self.signer,
                         "-r", self.to] + list(more), path, out)

    def open(self, path):
        return self.run(["--decrypt"], path)

    def agent(self):
        """The gpg-agent of this home, or None."""
        for n in os.listdir("/proc"):
            if n.isdigit():
                try:
                    with open("/proc/%s/cmdline" % n, "rb") as f:
                        argv = f.read().split(b"\0")
                except OSError:
                    continue
                if (os.path.basename(argv[0]) == b"gpg-agent"
                        and self.home.encode() in argv):
                    return int(n)
        return None


def made_home(d):
    """A keyring as a user has it: own key generated, Bob's fetched."""
    home = keys.home(d, public=["bob"], name="m")
    keys.run(home, "--passphrase", "", "--quick-gen-key",
             "Alice Example <%s>" % ALICE, "future-default", "default",
             "never")
    fpr = re.search(r"(?m)^fpr:+([0-9A-F]{40}):", keys.run(
        home, "--with-colons", "--list-secret-keys")[1].decode()).group(1)
    keys.run(home, "--quick-lsign-key", keys.FPR["bob"])
    keys.run(home, "--check-trustdb")
    return home, Gpg(home, fpr, keys.FPR["bob"])


# ---- clients

def hand(c, sender, data):
    """One letter, already stuffed, over an open connection: seconds."""
    t = clock()
    r = c.envelope(sender, [BOB])
    assert r.code == 354, r
    c.sock.sendall(data)
    r = c.reply()
    assert r.code == 250, r
    return clock() - t


def whole(connect, sender, data):
    """Connect, log in, hand over, leave: seconds."""
    t = clock()
    c = connect(sender)
    hand(c, sender, data)
    assert c.quit().code == 221
    return clock() - t


def smtp(port):
    return lambda user: client.Smtp(port, user, PASS)


def smtps(port, ca):
    context = ssl.create_default_context(cafile=ca)

    class Tls(client.Smtp):
        def __init__(self, user):
            client.Line.__init__(self, port)
            self.sock = context.wrap_socket(self.sock,
                                            server_hostname="localhost")
            self.banner = self.reply()
            self.hello()
            self.login(user, PASS)
    return Tls


class Fetch(client.Pop3):
    """RETR that looks at nothing but the end."""
    block = bytearray(MB)

    def octets(self, n):
        self.send(b"RETR %d\r\n" % n)
        view, tail, size = memoryview(self.block), b"", 0
        while tail != b"\r\n.\r\n":
            k = self.sock.recv_into(view)
            assert k, "the connection broke"
            if not size:
                assert self.block[:3] == b"+OK", bytes(view[:k])
            size += k
            tail = (tail + view[max(0, k - 5):k])[-5:]
        return size

    def all(self, n):
        """Messages 1 to n: seconds."""
        t = clock()
        for i in range(1, n + 1):
            self.octets(i)
        return clock() - t


def fetch_all(port, user, n):
    with Fetch(port, user, PASS) as c:
        return c.all(n)


# ---- processes

def tree(pid):
    """This process and all below it."""
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        try:
            for t in os.listdir("/proc/%d/task" % p):
                with open("/proc/%d/task/%s/children" % (p, t)) as f:
                    todo += map(int, f.read().split())
        except OSError:
            continue
        out.append(p)
    return out


def cpu_clock(pid):
    """Seconds of CPU that a process has used (its CPU-time clock)."""
    return time.clock_gettime((~pid << 3) | 2)


def name_of(pid):
    with open("/proc/%d/cmdline" % pid, "rb") as f:
        argv = f.read().split(b"\0")
    m = re.search(rb"--role=(\w+)", b" ".join(argv))
    return (m.group(1) if m else os.path.basename(argv[0])).decode()


def field(pid, file, name):
    """A number (kB or a count) of a /proc file."""
    with open("/proc/%d/%s" % (pid, file)) as f:
        return sum(map(int, re.findall(r"(?m)^%s:\s*(\d+)" % name, f.read())))


def quiet(agent, seconds=5):
    """Wait until no process of the agent does anything."""
    end, last, same = clock() + seconds, None, 0
    while same < 3 and clock() < end:
        now = {}
        for p in tree(agent.pid):
            try:
                now[p] = cpu_clock(p)
            except OSError:
                pass
        same = same + 1 if now == last else 0
        last = now
        time.sleep(0.01)


class Peak:
    """The most memory of an agent's processes while a block runs, in kB:
    rss by name, and pss of all without and with gpg."""

    def __init__(self, agent):
        self.agent, self.rss, self.pss, self.with_gpg = agent, {}, 0, 0
        self.stop = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *a):
        self.stop.set()
        self.thread.join(10)

    def _look(self):
        own = every = 0
        for p in tree(self.agent.pid):
            try:
                name = name_of(p)
                rss = field(p, "status", "VmHWM")
                self.rss[name] = max(rss, self.rss.get(name, 0))
                pss = field(p, "smaps_rollup", "Pss")
            except (OSError, ValueError):
                continue
            every += pss
            own += 0 if name.startswith("gpg") else pss
        self.pss = max(self.pss, own)
        self.with_gpg = max(self.with_gpg, every)

    def _run(self):
        while not self.stop.wait(0.04):
            self._look()


def spin():
    """What the second core is worth now: 2.0 is a whole free one."""
    def burn():
        for _ in range(3):
            sum(range(400000))

    def wall(n):
        t = clock()
        kids = []
        for _ in range(n):
            pid = os.fork()
            if not pid:
                burn()
                os._exit(0)
            kids.append(pid)
        for pid in kids:
            os.waitpid(pid, 0)
        return clock() - t
    return median(2 * wall(1) / wall(2) for _ in range(3))


# ---- the table

class Table:
    def __init__(self):
        self.failed = []

    def head(self, group):
        print("\n%-46s %9s %9s  %-24s %s" % (
            group, "agent", "beside", "ratio (of all rounds)", "goals"),
            flush=True)

    def _verdict(self, what, value, goals):
        """goals: "<=" or ">=", limit, name; the name "now" is binding."""
        out = []
        for sign, limit, name in goals:
            ok = value <= limit if sign == "<=" else value >= limit
            out.append("%s %s %.3g: %s" % (name, sign, limit,
                                           "yes" if ok else "NO"))
            if name == "now" and not ok:
                self.failed.append(what)
        return ", ".join(out)

    def ratio(self, what, a, b, goals=(), speed=False, unit=1e3):
        """a, b: seconds in each round, of the agent and of what is beside;
        speed: how many times as quick, instead of how many times as long."""
        r = [y / x if speed else x / y for x, y in zip(a, b)]
        m = median(r)
        text = "%.2fx %s (%.2f-%.2f)" % (m, "speed" if speed else "time",
                                         min(r), max(r))
        print("  %-44s %9.2f %9.2f  %-24s %s" % (
            what, median(a) * unit, median(b) * unit, text,
            self._verdict(what, m, goals)), flush=True)

    def value(self, what, value, unit, goals=(), beside=""):
        print("  %-44s %9.2f %9s  %-24s %s" % (
            what, value, beside, unit, self._verdict(what, value, goals)),
            flush=True)


class Bench:
    def __init__(self, d, args):
        self.d, self.args, self.table = d, args, Table()
        self.files = {}

    # ---- set-up

    def __enter__(self):
        d = self.d
        self.pki = certs.Pki(os.path.join(d, "c"))
        self.box = os.path.join(d, "box")
        os.mkdir(self.box)
        self.imported = keys.home(d, ["alice"], trusted=["bob"], name="i")
        self.gpg = {"imported": Gpg(self.imported, keys.FPR["alice"],
                                    keys.FPR["bob"])}
        self.made, self.gpg["made"] = made_home(d)
        self.bob = keys.home(d, ["bob"], trusted=["alice"], name="b")
        self.mailbox()
        self.fast = Fast(self.box, self.pki.good)
        self.dovecot = None
        if os.path.exists("/usr/sbin/dovecot"):
            self.dovecot = self.real()
        self.agents = {n: self.agent(n) for n in ("made", "imported")}
        for a in self.agents.values():
            a.start()
            quiet(a)
        return self

    def __exit__(self, *a):
        for x in self.agents.values():
            x.stop()
        if self.dovecot:
            self.dovecot.stop()
        self.fast.stop()
        for h in (self.imported, self.made, self.bob):
            keys.kill(h)

    def file(self, octets, sender=ALICE):
        """A letter on disk for gpg: path, and its stuffed octets."""
        if (octets, sender) not in self.files:
            raw = letter(octets, sender)
            self.files[octets, sender] = (write(os.path.join(
                self.d, "letter%d" % len(self.files)), raw),
                client.stuffed(raw))
        return self.files[octets, sender]

    def sealed(self, i, octets):
        """A letter from Bob to Alice, sealed by gpg."""
        raw = letters.payload("x" * 70 + "\n", sender=BOB, to=(ALICE,))
        if octets > MB:
            raw = letters.crlf(
                'Content-Type: multipart/mixed; boundary=big; '
                'protected-headers="v1"\nFrom: <%s>\nTo: <%s>\nSubject: s\n\n'
                % (BOB, ALICE)) + letters.body(letter(octets, BOB))
        else:
            raw += b"A line of text in a letter that is sealed.\r\n" * (
                (octets * 5 // 8 - len(raw)) // 44)
        inner = write(os.path.join(self.d, "inner"), raw)
        asc = os.path.join(self.d, "sealed%d.asc" % i)
        Gpg(self.bob, keys.FPR["bob"], keys.FPR["alice"]).seal(
            inner, ANCHOR, asc)
        with open(asc, "rb") as f:
            return asc, letters.sealed(f.read(), sender=BOB, to=(ALICE,))

    def mailbox(self):
        """The mailbox of the quick provider: 1 plain 25 MB, 2 plain 2 KB,
        3 sealed."""
        self.plain = {25: letter(25 * MB), 2: letter(2 * KB)}
        self.asc, self.post = [], []
        for i in range(10):
            asc, raw = self.sealed(i, 4 * KB)
            self.asc.append(asc)
            self.post.append(raw)
        for n, raw in (("1", self.plain[25]), ("2", self.plain[2]),
                       ("3", self.post[0])):
            write(os.path.join(self.box, n), raw)

    def real(self):
        """Dovecot with its mailboxes: one of 25 MB, 2,000 small, 200
        sealed; lines end with LF there, as MTAs deliver them."""
        self.n_small = 300 if self.args.quick else 2000
        self.n_sealed = 25 if self.args.quick else 200
        d = dovecot.Dovecot(os.path.join(self.d, "dc"), *self.pki.good,
                            {u: PASS for u in (ALICE, BIG, SMALL)})
        d.start()
        d.deliver(BIG, self.plain[25].replace(b"\r\n", b"\n"))
        small = self.plain[2].replace(b"\r\n", b"\n")
        for _ in range(self.n_small):
            d.deliver(SMALL, small)
        for i in range(self.n_sealed):
            d.deliver(ALICE, self.post[i % len(self.post)].replace(
                b"\r\n", b"\n"))
        for user in (BIG, SMALL, ALICE):    # its index files
            with client.Pop3(d.pop3, user, PASS) as c:
                c.cmd("STAT")
                c.quit()
        return d

    def agent(self, ring, port=None, name=None):
        d = os.path.join(self.d, name or "a" + ring)
        os.mkdir(d, 0o700)
        smtp = "127.0.0.1:%d plaintext" % (port or self.fast.smtp)
        fast = "127.0.0.1:%d plaintext" % self.fast.pop3
        real = ("127.0.0.1:%d plaintext" % self.dovecot.pop3
                if self.dovecot else fast)
        accounts = {
            ALICE: {"smtp": smtp, "pop3": real},
            CLEAR: {"smtp": smtp, "pop3": fast, "encrypt": "never"},
            BIG: {"smtp": smtp, "pop3": real},
            SMALL: {"smtp": smtp, "pop3": real},
            TLS: {
                "smtp": "localhost:%d tls" % self.fast.smtps, "pop3": fast,
                "ca-file": self.pki.ca, "key": self.gpg[ring].signer}}
        return Agent(d, self.gpg[ring].home, accounts,
                     {"max-message-size": "200M", "max-sessions": "32"})

    # ---- rounds

    def rounds(self, seconds, *runs):
        """Each run() is a generator of seconds, and they take turns at every
        one of these, the other way round in every other round.  The medians
        of each round, run by run, and all samples."""
        most = self.args.rounds or (3 if self.args.quick else 9)
        if self.args.quick:
            seconds /= 3
        out, every, end = [], [[] for _ in runs], clock() + seconds
        for i in range(most):
            if i >= 3 and clock() > end:
                break
            got, live = [[] for _ in runs], [r() for r in runs]
            order = list(range(len(runs)))[::1 if i % 2 == 0 else -1]
            while order:
                for k in list(order):
                    try:
                        got[k].append(next(live[k]))
                    except StopIteration:
                        order.remove(k)
            for k, x in enumerate(got):
                every[k] += x
            out.append([median(x) for x in got])
        return [list(x) for x in zip(*out)], every

    def over_session(self, a, connect, sender, data, n):
        """n letters over one connection that is already open."""
        def run():
            quiet(a)
            c = connect(sender)
            hand(c, sender, data)       # what only the first one pays
            quiet(a)
            for _ in range(n):
                yield hand(c, sender, data)
            c.quit()
            quiet(a)
        return run

    def over_connections(self, a, connect, sender, data, n, pause=True):
        """pause: the agent is at rest before each, else before the first."""
        def run():
            if pause:
                for _ in range(n):
                    quiet(a)
                    t = whole(connect, sender, data)
                    quiet(a)
                    yield t
            else:
                quiet(a)
                x = [whole(connect, sender, data) for _ in range(n)]
                quiet(a)
                yield from x
        return run

    def by_gpg(self, ring, path, more, n):
        return lambda: (self.gpg[ring].seal(path, more)[0] for _ in range(n))

    # ---- sealed submission

    def seal_one(self, ring, octets, how, n, seconds, goals=(), zlib=False,
                 p99=False):
        """how: session, connect, burst or tls."""
        a = self.agents[ring]
        sender = TLS if how == "tls" else ALICE
        path, data = self.file(octets, sender)
        near = smtp(a.submission)
        far = (smtps(self.fast.smtps, self.pki.ca) if how == "tls"
               else smtp(self.fast.smtp))
        if how == "session":
            runs = [self.over_session(a, near, sender, data, n),
                    self.over_session(a, far, sender, data, n)]
        else:
            runs = [self.over_connections(a, c, sender, data, n,
                                          how != "burst") for c in (near, far)]
        runs.append(self.by_gpg(ring, path, ANCHOR, n))
        if zlib:
            runs.append(self.by_gpg(ring, path, ZLIB, max(1, n // 2)))
        med, every = self.rounds(seconds, *runs)
        size = "%d MB" % (octets // MB) if octets >= MB else "1 KB"
        what = "%s, %s, %s ring" % (size, how, ring)
        base = [x + y for x, y in zip(med[1], med[2])]
        self.table.ratio(what, med[0], base, goals)
        if zlib:
            self.table.ratio(what + ", zlib", med[0], [
                x + y for x, y in zip(med[1], med[3])])
        if p99:
            q = [sorted(x)[int(len(x) * .99)] / median(x) for x in
                 (every[0], [x + y for x, y in zip(every[1], every[2])])]
            self.table.value("%s: p99/p50 of %d" % (what, len(every[0])), q[0],
                             "", [("<=", 2, "M14")], "%.2f" % q[1])

    def seal(self):
        q = self.args.quick
        self.table.head("sealed submission / straight + gpg, ms")
        now15, now25, now10 = (("<=", 1.5, "now"), ("<=", 2.5, "now"),
                               ("<=", 1.0, "now"))
        n = 6 if q else 15
        self.seal_one("made", KB, "session", n, 10,
                      [now15, ("<=", 1.0, "M1")], True, True)
        self.seal_one("imported", KB, "session", n, 7, [now15])
        self.seal_one("made", KB, "connect", n // 3, 12,
                      [now25, ("<=", 1.0, "M1")])
        if not q:
            self.seal_one("imported", KB, "connect", n // 3, 8, [now25])
        self.seal_one("made", KB, "burst", n // 3, 8, [])
        self.seal_one("made", KB, "tls", n // 3, 8, [])
        self.seal_one("made", MB, "session", 3, 8, [], not q)
        self.seal_one("made", MB, "connect", 3, 7)
        big = [now10, ("<=", 0.8, "M3")]
        self.seal_one("made", 25 * MB, "session", 1, 14, big, not q)
        self.seal_one("made", 25 * MB, "connect", 1, 9, big)
        whole(smtp(self.agents["made"].submission), ALICE, self.file(KB)[1])
        _, _, head = self.fast.last()
        assert b"multipart/encrypted" in head and b"quick brown" not in head \
            and letters.SUBJECT.encode() not in head, head[:2000]

    # ---- clear submission

    def clear(self):
        self.table.head("clear submission (policy never) / straight, ms")
        a = self.agents["made"]
        hop = Socat(self.fast.smtp) if shutil.which("socat") else None
        try:
            for octets, how, n in ((KB, "session", 30), (KB, "connect", 6),
                                   (25 * MB, "connect", 1)):
                _, data = self.file(octets, CLEAR)
                over = (self.over_session if how == "session" else
                        self.over_connections)
                ports = [a.submission, self.fast.smtp]
                if hop:
                    ports.append(hop.port)
                med, _ = self.rounds(8, *(over(a, smtp(p), CLEAR, data, n)
                                          for p in ports))
                size = "25 MB" if octets >= MB else "1 KB"
                what = "%s, %s" % (size, how)
                self.table.ratio(what, med[0], med[1], [("<=", 1 / .95, "M4")]
                                 if octets >= MB else [], False)
                if how == "session":
                    self.table.value("%s: added" % what, median(
                        x - y for x, y in zip(med[0], med[1])) * 1e3, "ms",
                        [("<=", .25, "M4")])
                if hop:
                    self.table.ratio(what + " / socat", med[0], med[2],
                                     [("<=", 1 / .95, "M4")])
        finally:
            if hop:
                hop.stop()
            else:
                print("  (socat is not installed: no hop to compare with)")
        whole(smtp(a.submission), CLEAR, self.file(25 * MB, CLEAR)[1])
        _, _, head = self.fast.last()
        assert b"multipart/mixed" in head, head[:2000]

    # ---- fetching

    def fetch(self):
        self.table.head("RETR, unprotected / straight, ms")
        a = self.agents["made"]
        speed = [(">=", .9, "now"), (">=", .95, "M4")]

        def over(port, user, first, n, times):
            def run():
                quiet(a)
                with Fetch(port, user, PASS) as c:
                    c.octets(first)
                    quiet(a)
                    for _ in range(times):
                        t = clock()
                        for i in range(n):
                            c.octets(first if n == 1 else i + 1)
                        yield clock() - t
            return run
        if self.dovecot:
            med, _ = self.rounds(10, over(a.pop3, BIG, 1, 1, 3),
                                 over(self.dovecot.pop3, BIG, 1, 1, 3))
            self.table.ratio("25 MB, Dovecot", *med, speed, True)
        med, _ = self.rounds(6, over(a.pop3, CLEAR, 1, 1, 3),
                             over(self.fast.pop3, CLEAR, 1, 1, 3))
        self.table.ratio("25 MB, a provider at the speed of memory", *med, [],
                         True)
        if self.dovecot:
            n = self.n_small
            med, _ = self.rounds(10, over(a.pop3, SMALL, 1, n, 1),
                                 over(self.dovecot.pop3, SMALL, 1, n, 1))
            self.table.ratio("%d of 2 KB, Dovecot" % n, *med, [], True)
            self.table.value("... added to each", median(
                x - y for x, y in zip(*med)) / n * 1e3, "ms",
                [("<=", .25, "M4")])

        def login(port):
            def run():
                for _ in range(4):
                    quiet(a)
                    t = clock()
                    with client.Pop3(port, SMALL, PASS) as c:
                        assert c.cmd("STAT").startswith("+OK")
                        c.quit()
                    t = clock() - t
                    quiet(a)
                    yield t
            return run
        if self.dovecot:
            med, _ = self.rounds(5, login(a.pop3), login(self.dovecot.pop3))
            self.table.ratio("log in, STAT, QUIT, Dovecot", *med)

    def open(self):
        if not self.dovecot:
            print("\n(Dovecot is not installed: no mailbox of sealed letters)")
            return
        n = self.n_sealed
        a, port = self.agents["imported"], self.dovecot.pop3
        self.table.head("a mailbox of %d sealed letters of 4 KB, s" % n)
        with client.Pop3(a.pop3, ALICE, PASS) as c:
            v = letters.verdict(c.retr(1))
            assert (v["encryption"], v["signature"]) == ("ok", "good"), v

        def near():
            quiet(a)
            t = fetch_all(a.pop3, ALICE, n)
            quiet(a)
            yield t

        def far():
            yield fetch_all(port, ALICE, n) + sum(
                self.gpg["imported"].open(self.asc[i % len(self.asc)])[0]
                for i in range(n))
        med, _ = self.rounds(20, near, far)
        self.table.ratio("RETR / straight + gpg --decrypt each", *med,
                         [(">=", 1.8, "M6")], True, 1)

    # ---- what it takes

    def start(self):
        self.table.head("start, memory, wake-ups, CPU")
        times = []
        for i in range(3 if self.args.quick else 7):
            a = self.agent("made", name="s%d" % i)
            t = clock()
            p = subprocess.Popen(a.command(), env=a.env, cwd=a.dirs["cwd"],
                                 stderr=subprocess.PIPE)
            seen = 0
            while seen < 2:
                line = p.stderr.readline()
                assert line, "letterlockd ended at once"
                seen += b"listening on" in line
            times.append(clock() - t)
            p.terminate()
            p.wait(10)
            p.stderr.close()
        self.table.value("start to listening", median(times) * 1e3, "ms",
                         [("<=", 30, "M10")])
        a = self.agents["made"]
        quiet(a)
        time.sleep(0.5)
        pids = tree(a.pid)
        names = [name_of(p) for p in pids]
        try:
            pss = [field(p, "smaps_rollup", "Pss") for p in pids]
        except PermissionError:     # not for us, unless by root
            print("  (PSS can be read by root only)")
        else:
            self.table.value("idle, PSS of all %d processes" % len(pids),
                             sum(pss) / 1024, "MB", [("<=", 12, "M8")])
            print("    " + ", ".join("%s %.1f" % (x, y / 1024)
                                     for x, y in zip(names, pss)))
        seconds = 2 if self.args.quick else 6
        count = [self.switches(pids)]
        time.sleep(seconds)
        count.append(self.switches(pids))
        self.table.value("idle, wake-ups in a second",
                         (count[1] - count[0]) / seconds, "",
                         [("<=", 0, "M9")])

    @staticmethod
    def switches(pids):
        return sum(field(p, "status", "(?:non)?voluntary_ctxt_switches")
                   for p in pids)

    def memory(self):
        octets = (25 if self.args.quick else 100) * MB
        self.table.head("memory at a letter of %d MB, MB" % (octets // MB))
        a = self.agents["imported"]
        _, data = self.file(octets)
        _, clear = self.file(octets, CLEAR)
        _, raw = self.sealed(99, octets)
        write(os.path.join(self.box, "4"), raw)
        del raw
        for what, run in (
                ("sealing", lambda: whole(smtp(a.submission), ALICE, data)),
                ("clear", lambda: whole(smtp(a.submission), CLEAR, clear)),
                ("opening", lambda: self.retr(a, 4))):
            quiet(a)
            with Peak(a) as peak:
                t = run()
            rss = {n: v / 1024 for n, v in peak.rss.items() if n and v}
            own = max(v for n, v in rss.items() if not n.startswith("gpg"))
            self.table.value("%s: most resident in one process" % what, own,
                             "%.1f s" % t, [("<=", 32, "limit")])
            if not peak.pss:
                continue
            self.table.value("%s: PSS of all without gpg" % what,
                             peak.pss / 1024, "", [("<=", 16, "M8")])
            self.table.value("%s: PSS of all with gpg" % what,
                             peak.with_gpg / 1024, "", [("<=", 32, "M8")])
            print("    resident: " + ", ".join(
                "%s %.1f" % x for x in sorted(rss.items())))
        self.files.clear()
        os.unlink(os.path.join(self.box, "4"))

    def retr(self, a, n):
        with Fetch(a.pop3, CLEAR, PASS) as c:
            t = clock()
            c.octets(n)
            return clock() - t

    def cpu_of(self, ring, how, n):
        """CPU seconds of an agent with all its children that sends n."""
        self.n_agents = getattr(self, "n_agents", 0) + 1
        a = self.agent(ring, name="u%d" % self.n_agents)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _, data = self.file(KB)
        with a:
            quiet(a)
            if n and how == "session":
                with smtp(a.submission)(ALICE) as c:
                    for _ in range(n):
                        hand(c, ALICE, data)
                    c.quit()
            elif n:
                for _ in range(n):
                    quiet(a)
                    whole(smtp(a.submission), ALICE, data)
            quiet(a)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return sum(getattr(after, x) - getattr(before, x)
                   for x in ("ru_utime", "ru_stime"))

    def cpu(self):
        self.table.head("CPU of all for a sealed 1 KB letter / gpg's, ms")
        n = 8 if self.args.quick else 20
        path, _ = self.file(KB)
        for ring in ("made",) if self.args.quick else ("made", "imported"):
            g = self.gpg[ring]
            g.seal(path)
            ga = g.agent()
            rounds = {"session": [], "connect": []}
            base = []
            for _ in range(1 if self.args.quick else 2):
                idle = self.cpu_of(ring, "", 0)
                for how in rounds:
                    t = cpu_clock(ga)
                    x = self.cpu_of(ring, how, n) - idle
                    rounds[how].append((x + cpu_clock(ga) - t) / n)
                t = cpu_clock(ga)
                x = sum(g.seal(path, ANCHOR)[1] for _ in range(n))
                base.append((x + cpu_clock(ga) - t) / n)
            for how, x in rounds.items():
                self.table.ratio("1 KB, %s, %s ring" % (how, ring), x, base,
                                 [("<=", 1.1, "M12")])


class Socat:
    """A hop that does nothing but pass on."""

    def __init__(self, to):
        self.port, = free_ports(1)
        self.process = subprocess.Popen(
            ["socat", "TCP-LISTEN:%d,bind=127.0.0.1,fork,reuseaddr,nodelay"
             % self.port, "TCP:127.0.0.1:%d,nodelay" % to],
            stderr=subprocess.DEVNULL)

        def up():
            try:
                client.Line(self.port).close()
                return True
            except OSError:
                return False
        wait_for(up)

    def stop(self):
        self.process.kill()
        self.process.wait(5)


PARTS = ("seal", "clear", "fetch", "open", "start", "memory", "cpu")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.
                                RawDescriptionHelpFormatter)
    p.add_argument("--quick", action="store_true", help="under a minute")
    p.add_argument("--rounds", type=int, help="at most so many of each")
    p.add_argument("--only", choices=PARTS, action="append", metavar="NAME",
                   help="one of: " + ", ".join(PARTS))
    args = p.parse_args()
    t = clock()
    print(__doc__.split("\n\n", 1)[1].rsplit("\n\n", 1)[0])
    print("\nthe second core was worth %.1f before" % spin(), end="")
    with folder("llb") as d:
        os.chmod(d, 0o755)
        with Bench(d, args) as b:
            for part in args.only or PARTS:
                getattr(b, part)()
            failed = b.table.failed
    print("\nthe second core was worth %.1f after; %.0f s" % (
        spin(), clock() - t))
    if failed:
        print("to hold now, and does not: " + "; ".join(failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
