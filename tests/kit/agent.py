# SPDX-License-Identifier: GPL-3.0-or-later
"""A letterlockd of the test's own: started, watched, ended."""
import contextlib
import os
import re
import resource
import signal
import subprocess
import threading
import time
import uuid

from . import KitError, die_with_parent, letters, mounted, wait_for, write

ROLES = ("guard", "keeper", "front", "mime", "crypt", "upstream")
HELPERS = ("gpg", "gpg-agent", "gpgconf", "gpgsm", "dirmngr", "scdaemon")


def built(name):
    """The path of a program under test."""
    build = os.environ.get("LETTERLOCK_BUILD")
    if not build:
        raise KitError("LETTERLOCK_BUILD must name the build folder")
    for p in (name, "agent/" + name):
        p = os.path.join(build, p)
        if os.access(p, os.X_OK):
            return os.path.abspath(p)
    raise KitError("no %s in %s" % (name, build))


def sanitized():
    """Is it a build with sanitizers?  They need memory, and take the boxes."""
    with open(os.path.join(os.environ["LETTERLOCK_BUILD"], "config.h"),
              encoding="utf-8") as f:
        return "#define SANITIZERS" in f.read()


def assert_sane(log):
    """No sanitizer, nor valgrind, has said anything on stderr."""
    found = re.search(r"^(==\d+==|.*: runtime error: )", log, re.M)
    assert not found, log[found.start():]


def conf_text(accounts, agent=(), contacts=()):
    """letterlock.conf: accounts and contacts are section -> {key: value}.
    Most tests compare octets, so that no key goes along unless they say so."""
    out = "[agent]\n" + "".join("%s = %s\n" % x for x in dict(agent).items())
    quiet = [(n, {**k, "autocrypt": k.get("autocrypt", "no")})
             for n, k in dict(accounts).items()]
    for name, keys in quiet + [("to " + n, k)
                               for n, k in dict(contacts).items()]:
        out += "\n[%s]\n" % name
        out += "".join("%s = %s\n" % x for x in keys.items())
    return out


class Process:
    def __init__(self, pid):
        self.pid = pid
        with open("/proc/%d/stat" % pid) as f:
            rest = f.read().rsplit(")", 1)[1].split()
        self.state, self.ppid, self.session = rest[0], int(rest[1]), int(rest[3])
        with open("/proc/%d/cmdline" % pid, "rb") as f:
            self.argv = [x.decode("utf-8", "replace")
                         for x in f.read().split(b"\0")]

    @property
    def name(self):
        base = os.path.basename(self.argv[0].split(" ")[0].rstrip(":"))
        if base == "sh" and self.argv[1:] and self.argv[1].endswith("/pinentry"):
            return "pinentry"
        if base in HELPERS:
            return base
        m = re.search(r"\b(%s)\b" % "|".join(ROLES + ("plugin",)),
                      " ".join([self.argv[0].split("/")[-1]] + self.argv[1:]))
        return m.group(1) if m else base

    def __repr__(self):
        return "<%d %s %s>" % (self.pid, self.state, " ".join(self.argv)[:80])


def processes():
    out = []
    for n in os.listdir("/proc"):
        if n.isdigit():
            try:
                out.append(Process(int(n)))
            except (OSError, IndexError):
                pass
    return out


class Agent:
    """folder: short and its own. home: the GNUPGHOME, or None. accounts:
    address -> {key: value}. limits: resource -> value for letterlockd.
    mounts: [(what, where)] are bound over in a name space of its own. under:
    what it is run by, which makes it so many times slower."""

    def __init__(self, folder, home, accounts, agent=(), contacts=(),
                 limits=(), mounts=(), env=(), conf=None, under=(),
                 slower=1):
        self.d, self.home = os.path.join(folder, "a"), home
        self.limits, self.mounts = dict(limits), list(mounts)
        self.under, self.slower = list(under), slower
        self.log, self.process, self.mark = [], None, uuid.uuid4().hex
        self.dirs = {k: os.path.join(self.d, k) for k in (
            "home", "config", "state", "run", "tmp", "cwd")}
        for p in [self.d] + list(self.dirs.values()):
            os.makedirs(p, 0o700)
        keys = {"submission": "127.0.0.1:0", "pop3": "127.0.0.1:0",
                "discover": "none"}
        if home:
            keys["gnupghome"] = home
        keys.update(agent)
        self.conf = write(os.path.join(self.d, "letterlock.conf"),
                          conf if conf is not None else
                          conf_text(accounts, keys, contacts))
        self.env = {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
            "HOME": self.dirs["home"], "TMPDIR": self.dirs["tmp"],
            "XDG_CONFIG_HOME": self.dirs["config"],
            "XDG_STATE_HOME": self.dirs["state"],
            "XDG_RUNTIME_DIR": self.dirs["run"], "LL_TEST": self.mark}
        if home:
            self.env["GNUPGHOME"] = home
        for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if k in os.environ:
                self.env[k] = os.environ[k]
        self.env.update(env)
        self.submission = self.pop3 = None
        self.plugin_socket = os.path.join(self.dirs["run"], "letterlock",
                                          "agent.sock")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, *a):
        # what went wrong first is what is to be seen
        try:
            self.stop()
        except AssertionError:
            if kind is None:
                raise

    # ---- life

    def _limit(self):
        die_with_parent()
        for what, value in self.limits.items():
            resource.setrlimit(what, (value, value))

    def command(self):
        return self.within(self.under + [built("letterlockd"), "-c",
                                         self.conf])

    def within(self, cmd):
        """This command with the mounts in place."""
        return mounted(self.mounts) + cmd if self.mounts else cmd

    def start(self, seconds=15):
        self.submissions, self.pop3s = [], []
        self.process = subprocess.Popen(
            self.command(), env=self.env, cwd=self.dirs["cwd"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, start_new_session=True,
            preexec_fn=self._limit)
        self.pid = self.process.pid
        self.logger = threading.Thread(target=self._read, daemon=True,
                                       args=(self.process.stderr,))
        self.logger.start()

        def up():
            if self.process.poll() is not None:
                self.logger.join(2)
                raise KitError("letterlockd ended at once (%s):\n%s" % (
                    self.process.returncode, "".join(self.log)))
            return self.submissions and self.pop3s

        wait_for(up, seconds * self.slower, 0.005)
        self.submission, self.pop3 = self.submissions[0], self.pop3s[0]
        return self

    def _read(self, pipe):
        for line in pipe:
            line = line.decode("utf-8", "replace")
            self.log.append(line)
            m = re.search(r"listening on (\S+):(\d+) \((submission|pop3)\)",
                          line)
            if m:
                (self.submissions if m.group(3) == "submission" else
                 self.pop3s).append(int(m.group(2)))
        pipe.close()

    def stop(self, seconds=10):
        """SIGTERM ends it cleanly and leaves no process but gpg-agent."""
        p, self.process = self.process, None
        if not p:
            return
        running = p.poll() is None
        try:
            if running:
                p.send_signal(signal.SIGTERM)
                try:
                    p.wait(seconds * self.slower)
                except subprocess.TimeoutExpired:
                    raise AssertionError("letterlockd lives on after SIGTERM")
            try:
                wait_for(lambda: not self.own(), 5 * self.slower)
            except KitError:
                raise AssertionError("left behind: %r" % self.own())
            self.logger.join(5)
            assert p.returncode == 0, "letterlockd ended with %d\n%s" % (
                p.returncode, self.text())
            assert_sane(self.text())
        finally:
            for x in self.all():
                try:
                    os.kill(x.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            p.wait(5)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def text(self):
        return "".join(self.log)

    # ---- its processes

    def all(self):
        """Every process that came from it, by its mark, session, or parent."""
        mark = ("LL_TEST=" + self.mark).encode()
        found, rest = {}, processes()
        for p in rest:
            if p.session == self.pid or p.pid == self.pid:
                found[p.pid] = p
                continue
            try:
                with open("/proc/%d/environ" % p.pid, "rb") as f:
                    if mark in f.read().split(b"\0"):
                        found[p.pid] = p
            except OSError:
                pass
        while True:
            more = [p for p in rest if p.ppid in found and p.pid not in found]
            if not more:
                break
            found.update((p.pid, p) for p in more)
        return [p for p in found.values() if p.state not in "ZX"]

    def own(self):
        """Those that must be gone after the end."""
        return [p for p in self.all()
                if p.name not in ("gpg-agent", "pinentry", "scdaemon",
                                  "dirmngr")]

    def role(self, name):
        if name == "guard":
            return [p for p in self.all() if p.pid == self.pid]
        out = [p for p in self.all() if p.name == name and p.pid != self.pid]
        # a child that is about to become a gpg still has its parent's name
        pids = {p.pid for p in out}
        return [p for p in out if p.ppid not in pids]

    def kill_role(self, name):
        """SIGKILL for each process of a role; back when the guard has buried
        them. How many there were."""
        killed = []
        for p in self.role(name):
            try:
                os.kill(p.pid, signal.SIGKILL)
                killed.append(p.pid)
            except ProcessLookupError:
                pass
        if name != "guard":
            wait_for(lambda: not any(os.path.exists("/proc/%d" % pid)
                                     for pid in killed))
        return len(killed)

    # ---- its files

    def kept_files(self):
        """The files in the folders it may write to: (name, path)."""
        for top in [self.d] + ([self.home] if self.home else []):
            for d, _, names in os.walk(top):
                for n in names:
                    p = os.path.join(d, n)
                    if os.path.isfile(p) and not os.path.islink(p):
                        yield p, p

    def open_files(self):
        """What its processes have open, deleted or not: (name, path)."""
        for p in self.all():
            fds = "/proc/%d/fd" % p.pid
            try:
                names = os.listdir(fds)
            except OSError:
                continue
            for n in names:
                f = os.path.join(fds, n)
                try:
                    to = os.readlink(f)
                except OSError:
                    continue
                if (to.startswith("/") and not to.startswith(
                        ("/dev/", "/proc/", "/usr/", "/lib", "/memfd:"))):
                    yield "%s: %s" % (p, to), f

    def leaks(self, most=32 << 20, kept=True):
        """Files that hold a canary among their first `most` octets."""
        found = []
        files = list(self.open_files()) + (
            list(self.kept_files()) if kept else [])
        for name, path in files:
            try:
                with open(path, "rb") as f:
                    if letters.canaries(f.read(most)):
                        found.append(name)
            except (OSError, ValueError):
                pass
        if letters.canaries(self.text().encode()):
            found.append("the log")
        return found

    def assert_no_leak(self):
        found = self.leaks()
        assert not found, "cleartext in %s" % ", ".join(found)


@contextlib.contextmanager
def as_systemd(a, socks, names=None):
    """letterlockd with these sockets, as systemd would pass them by these names
    (sd_listen_fds(3); none: all are submission): its process, with what it has
    said."""
    env = dict(a.env, LISTEN_FDS=str(len(socks)),
               LISTEN_FDNAMES=":".join(names or ["submission"] * len(socks)))

    def give():
        # from above, so that none overwrites another
        high = [os.dup2(s.fileno(), 60 + i) for i, s in enumerate(socks)]
        for i, fd in enumerate(high):
            os.dup2(fd, 3 + i, inheritable=True)
    q = subprocess.Popen(
        ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", built("letterlockd"),
         "-c", a.conf], env=env, close_fds=False, preexec_fn=give,
        stderr=subprocess.PIPE)
    q.said = b""

    def read():
        for line in q.stderr:
            q.said += line
    t = threading.Thread(target=read)
    t.start()
    try:
        yield q
    finally:
        q.terminate()
        q.wait(10)
        t.join(10)
        q.stderr.close()


class Watch:
    """Samples the memory of every process of an agent, and looks for
    cleartext in its files meanwhile. peak: name -> most kB resident."""

    def __init__(self, agent, pause=0.02):
        self.agent, self.pause = agent, pause
        self.peak, self.found, self.end = {}, set(), threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *a):
        self.end.set()
        self.thread.join(10)

    def _run(self):
        last = 0
        while not self.end.wait(self.pause):
            for p in self.agent.all():
                try:
                    with open("/proc/%d/status" % p.pid) as f:
                        m = re.search(r"VmHWM:\s*(\d+) kB", f.read())
                except OSError:
                    continue
                if m:
                    n = "guard" if p.pid == self.agent.pid else p.name
                    self.peak[n] = max(self.peak.get(n, 0), int(m.group(1)))
            # a spool may be gone in no time, a kept file stays
            self.found.update(self.agent.leaks(
                1 << 20, time.monotonic() - last > 0.5))
            if time.monotonic() - last > 0.5:
                last = time.monotonic()
