# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server over TLS that says what a test wants, in a network of its own:
several names on one address."""
import hashlib
import http.server
import ssl
import threading
import urllib.parse


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def setup(self):
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.timeout)
            self.request.do_handshake()
        super().setup()

    def do_GET(self):
        web = self.server.web
        host = self.headers.get("Host", "").split(":")[0].lower()
        path, _, query = self.path.partition("?")
        web.asked.append((host, path, urllib.parse.unquote(query)))
        page = web.pages.get((host, path), web.pages.get((host, None), 404))
        if callable(page):
            page = page(self)
        if page is None:        # it has answered by itself
            self.close_connection = True
            return
        status, headers, body = (
            page if isinstance(page, tuple) else
            (page, {}, b"none\n") if isinstance(page, int) else (200, {}, page))
        self.send_response(status)
        for x in headers.items():
            self.send_header(*x)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *a):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address):
        pass                    # who does not like our certificate, hangs up


class Web:
    """pages: (host, path) -> octets, a status, (status, headers, octets), or a
    function of the handler that gives one of these, or None when it has answered
    by itself; path None: all others of that host. certs: host -> (pem, key), else
    the pair cert. asked: (host, path, query). end: an Event that is set when it
    ends, for pages that wait."""

    def __init__(self, cert, address="127.0.0.1", port=443, tls=True):
        self.pages, self.asked, self.certs = {}, [], {}
        self.end = threading.Event()
        self.server = _Server((address, port), _Handler,
                              bind_and_activate=False)
        self.server.allow_reuse_address = True
        self.server.web = self
        self.server.server_bind()
        self.server.server_activate()
        if tls:
            c = self._context(cert)
            c.sni_callback = self._choose
            self.server.socket = c.wrap_socket(
                self.server.socket, server_side=True,
                do_handshake_on_connect=False)

    @staticmethod
    def _context(cert):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(*cert)
        return c

    def _choose(self, sock, name, context):
        if name in self.certs:
            sock.context = self._context(self.certs[name])

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *a):
        self.end.set()
        self.server.shutdown()
        self.thread.join(10)
        self.server.server_close()


def zbase32(octets):
    """As a Web Key Directory writes the hash of who it is."""
    bits = "".join("%d" % (b >> i & 1) for b in octets for i in range(7, -1, -1))
    bits += "0" * (-len(bits) % 5)
    return "".join("ybndrfg8ejkmcpqxot1uwisza345h769"[int(bits[i:i + 5], 2)]
                   for i in range(0, len(bits), 5))


def wkd(address, advanced=True):
    """Where the key of an address is looked for: (host, path of the key, path of
    the policy). draft-koch-openpgp-webkey-service, 3.1."""
    local, domain = address.lower().split("@")
    top = "/.well-known/openpgpkey/" + (domain + "/" if advanced else "")
    hu = zbase32(hashlib.sha1(local.encode()).digest())
    return (("openpgpkey." if advanced else "") + domain, top + "hu/" + hu,
            top + "policy")
