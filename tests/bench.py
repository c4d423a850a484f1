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
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kit import client, folder, letters, write  # noqa: E402
from kit.measure import (ALICE, CLEAR, BIG, SMALL, TLS, PASS, KB,  # noqa: E402
                         MB, ANCHOR, ZLIB, clock, median, hand, whole, smtp,
                         smtps, Fetch, fetch_all, tree, cpu_clock, name_of,
                         field, quiet, Peak, spin, Socat)
from kit.measured import Rig                                  # noqa: E402


class Bench(Rig):
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
