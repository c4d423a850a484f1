# SPDX-License-Identifier: GPL-3.0-or-later
"""Marionette, the remote control of Thunderbird: privileged JavaScript in its
main window. The server greets; then each packet is a length, a colon, JSON."""
import json
import socket

from . import KitError

SECONDS = 60        # the longest that any answer may take


class Refused(KitError):
    """Thunderbird answered with an error."""


class Marionette:
    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port), 5)
        self.sock.settimeout(SECONDS + 10)
        self.buf, self.n = b"", 0
        self._packet()      # the greeting
        # the default answer to a dialog is to close it unseen
        self.cmd("WebDriver:NewSession", {"capabilities": {
            "alwaysMatch": {"unhandledPromptBehavior": "ignore"}}})
        self.cmd("Marionette:SetContext", {"value": "chrome"})
        self.cmd("WebDriver:SetTimeouts", {"script": SECONDS * 1000})

    def _more(self):
        data = self.sock.recv(1 << 18)
        if not data:
            raise OSError("Thunderbird hung up")
        self.buf += data

    def _packet(self):
        while b":" not in self.buf:
            self._more()
        n, _, self.buf = self.buf.partition(b":")
        n = int(n)
        while len(self.buf) < n:
            self._more()
        data, self.buf = self.buf[:n], self.buf[n:]
        return json.loads(data)

    def cmd(self, name, params=None):
        """Command [0, id, name, params], answer [1, id, error, result]."""
        self.n += 1
        text = json.dumps([0, self.n, name, params or {}]).encode()
        self.sock.sendall(b"%d:%s" % (len(text), text))
        while True:
            _, n, error, result = self._packet()
            if n == self.n:
                break
        if error:
            # data: the words of a dialog, which is closed by that
            raise Refused("%s: %s %s" % (error.get("error"), error.get(
                "message"), error.get("data") or ""))
        return result

    def js(self, body, *args):
        """What this body of an async function returns (as JSON); its
        arguments are the array A."""
        script = (
            "let A = Array.from(arguments), done = A.pop();"
            "(async () => {"
            "const {MailServices} = ChromeUtils.importESModule("
            "'resource:///modules/MailServices.sys.mjs');"
            # the line end: the body's last line may be a comment
            "%s\n})().then(r => done({ok: r === undefined ? null : r}),"
            "e => done({bad: e + '\\n' + (e?.stack || '')}))" % body)
        got = self.cmd("WebDriver:ExecuteAsyncScript", {
            "script": script, "args": list(args), "newSandbox": True,
            "sandbox": "system"})["value"]
        if "bad" in got:
            raise Refused(got["bad"])
        return got["ok"]

    def close(self):
        self.sock.close()
