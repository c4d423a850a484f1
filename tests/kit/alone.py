# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of its own for one command, with names and web pages in it: run in
name spaces of its own by alone()."""
import ctypes
import fcntl
import http.server
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading

UNABLE = 99


def alone(spec, cmd, **kw):
    """Run cmd there, None where that is forbidden. spec: "hosts", a list, all of
    which are this machine; "srv", {service: [host, port]}; "mx", a host; "pages",
    {"host/path?query": [status, {header: value}, body]}, also without TLS, by the
    certificate "cert", [pem, key]; "log", a file for what was asked."""
    p = subprocess.run(
        ["unshare", "-rnm", sys.executable, __file__, json.dumps(spec), *cmd],
        text=True, capture_output=True, timeout=60, **kw)
    return None if p.returncode == UNABLE or "unshare:" in p.stderr else p


def network(d):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 0x49))
    path = os.path.join(d, "resolv.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write("nameserver 127.0.0.1\n")
    if ctypes.CDLL(None).mount(path.encode(), b"/etc/resolv.conf", None, 4096,
                               None):
        raise OSError("mount")


class Names:
    def __init__(self, spec):
        self.spec = spec
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 53))

    def record(self, name, kind):
        """The data for a question; None where there is no such name."""
        s, labels = self.spec, name.split(".")
        if kind == 33 and labels[0] in s.get("srv", {}):
            host, port = s["srv"][labels[0]]
            return struct.pack(">3H", 0, 1, port) + wire(host)
        if kind == 15 and s.get("mx"):
            return struct.pack(">H", 10) + wire(s["mx"])
        if name in s.get("hosts", ()):
            return socket.inet_aton("127.0.0.1") if kind == 1 else b""
        return None

    def answer(self):
        while True:
            q, who = self.sock.recvfrom(4096)
            end, labels, at = q.index(b"\0", 12) + 5, [], 12
            while q[at]:
                labels.append(q[at + 1:at + 1 + q[at]].decode())
                at += 1 + q[at]
            kind = struct.unpack(">H", q[end - 4:end - 2])[0]
            d = self.record(".".join(labels).lower(), kind)
            a = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(d)) + d \
                if d else b""
            self.sock.sendto(
                q[:2] + b"\x81" + (b"\x83" if d is None else b"\x80")
                + struct.pack(">4H", 1, bool(a), 0, 0) + q[12:end] + a, who)


def wire(host):
    return b"".join(bytes([len(x)]) + x.encode()
                    for x in host.split(".")) + b"\0"


def web(spec):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            url = self.headers["Host"] + self.path
            with open(spec["log"], "a", encoding="utf-8") as f:
                f.write(url + "\n")
            status, fields, body = spec["pages"].get(url, [404, {}, ""])
            length = {"Content-Length": str(len(body.encode()))}
            self.send_response(status)
            for name, value in {**length, **fields}.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body.encode())
                if "Content-Length" in fields:      # of more than there is
                    self.rfile.read(1)
            except OSError:     # it has enough
                pass

        def log_message(self, *args):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *args):
            pass
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(*spec["cert"])
    plain, s = (Server(("127.0.0.1", port), Handler) for port in (80, 443))
    s.socket = ctx.wrap_socket(s.socket, server_side=True,
                               do_handshake_on_connect=False)
    return [plain, s]


def main():
    spec = json.loads(sys.argv[1])
    try:
        network(os.environ["HOME"])
        names = Names(spec)
        servers = web(spec) if "pages" in spec else []
    except OSError as e:
        print(e, file=sys.stderr)
        return UNABLE
    for serve in [names.answer] + [s.serve_forever for s in servers]:
        threading.Thread(target=serve, daemon=True).start()
    return subprocess.run(sys.argv[2:], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
