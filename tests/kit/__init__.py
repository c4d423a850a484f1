# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests share: keys, certificates, servers, the agent, letters."""
import contextlib
import os
import shutil
import socket
import tempfile
import time


class KitError(Exception):
    """Something of the kit, not of the agent, went wrong."""


@contextlib.contextmanager
def folder(name="ll"):
    """A short folder (unix sockets allow 108 octets) that goes in the end."""
    d = tempfile.mkdtemp(prefix=name, dir="/tmp")
    try:
        yield d
    finally:
        shutil.rmtree(d, ignore_errors=True)


def free_ports(n):
    """n TCP ports of 127.0.0.1 that were free a moment ago."""
    socks = []
    try:
        for _ in range(n):
            s = socket.socket()
            s.bind(("127.0.0.1", 0))
            socks.append(s)
        return [s.getsockname()[1] for s in socks]
    finally:
        for s in socks:
            s.close()


def wait_for(what, seconds=10, pause=0.02):
    """The first true value of what(), or KitError after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        v = what()
        if v:
            return v
        if time.monotonic() > end:
            raise KitError("not within %g s: %s" % (
                seconds, getattr(what, "__doc__", None) or what))
        time.sleep(pause)


def greets(process, port, word, seconds=15):
    """Does this server come to say this, before it ends?"""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as s:
                if s.recv(len(word)) == word and process.poll() is None:
                    return True
        except OSError:
            time.sleep(0.03)
    return False


def mounted(binds):
    """What a command is run by to find these (what, where) bound over, in a name
    space of its own."""
    own = ["-m"] if os.geteuid() == 0 else ["-rm"]
    return ["unshare"] + own + ["--propagation", "private", "sh", "-c", "".join(
        'mount --bind "%s" "%s" && ' % b for b in binds) + 'exec "$@"', "sh"]


def die_with_parent():
    """For preexec_fn: SIGKILL for this process when the tests die."""
    import ctypes
    import signal
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def write(path, text, mode=0o600):
    data = text if isinstance(text, bytes) else text.encode()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode),
              "wb") as f:
        os.fchmod(f.fileno(), mode)     # whatever the umask is
        f.write(data)
    return path
