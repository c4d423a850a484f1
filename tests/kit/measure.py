# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests/bench.py measures with: letters, gpg as people call it, clients
that do no more than they must, what processes use, and the table of it."""
import os
import re
import ssl
import statistics
import subprocess
import threading
import time

from kit import client, free_ports, keys, letters, wait_for

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
