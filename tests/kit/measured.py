# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests/bench.py measures: agents, and what is beside them."""
import os

from kit import certs, client, dovecot, keys, letters, write
from kit.agent import Agent
from kit.fast import Fast
from kit.measure import (ALICE, BOB, CLEAR, BIG, SMALL, TLS, PASS, KB, MB,
                         ANCHOR, clock, median, letter, Gpg, made_home, hand,
                         whole, quiet, Table)


class Rig:
    """The keyrings, servers and agents that are measured, in turn."""

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
