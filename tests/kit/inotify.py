# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks into each file as soon as its writer has closed it."""
import ctypes
import os
import select
import struct
import threading

from . import letters

CLOSE_WRITE, MOVED_TO = 0x8, 0x80


class Closed:
    """Between enter and exit: written: every file closed after writing in
    these folders (not below); found: those that held a canary."""

    def __init__(self, folders):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self.libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.where, self.written, self.found = {}, set(), set()
        for d in folders:
            wd = self.libc.inotify_add_watch(self.fd, d.encode(),
                                             CLOSE_WRITE | MOVED_TO)
            assert wd > 0, d
            self.where[wd] = d
        self.end = threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *a):
        self.end.set()
        self.thread.join(10)
        os.close(self.fd)

    def _run(self):
        while True:
            ready = select.select([self.fd], [], [], 0.1)[0]
            if not ready:
                if self.end.is_set():
                    return
                continue
            data = os.read(self.fd, 1 << 16)
            while data:
                wd, _, _, n = struct.unpack("iIII", data[:16])
                name = data[16:16 + n].rstrip(b"\0").decode("utf-8", "replace")
                data = data[16 + n:]
                if wd in self.where:
                    self._look(os.path.join(self.where[wd], name))

    def _look(self, path):
        self.written.add(path)
        try:
            with open(path, "rb") as f:
                if letters.canaries(f.read(8 << 20)):
                    self.found.add(path)
        except OSError:
            pass
