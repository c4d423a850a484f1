# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Dovecot: POP3 (plain, STLS, TLS) and the SASL service of Postfix, in
a folder of its own."""
import grp
import os
import pwd
import subprocess
import time
import uuid

from . import KitError, die_with_parent, free_ports, greets, write

CONF = """
base_dir = {d}/run
state_dir = {d}/run
log_path = {d}/dovecot.log
protocols = pop3
listen = 127.0.0.1
mail_location = maildir:{d}/mail/%u
disable_plaintext_auth = no
auth_mechanisms = {mechs}
auth_failure_delay = 0
first_valid_uid = 1
{users}
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_min_protocol = TLSv1.2
mail_fsync = never
mail_max_userip_connections = 100
passdb {{
{passdb}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={d}/mail/%u
}}
service auth {{
  unix_listener {d}/sasl {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


PASSWORDS = """  driver = passwd-file
  args = scheme=PLAIN username_format=%u {d}/passwd"""
TOKENS = """  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {d}/oauth.conf"""
OAUTH = """
introspection_url = {url}
introspection_mode = auth
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
"""


class Dovecot:
    """d: a short folder. users: address -> password. oauth: where it asks for
    whom a token is (RFC 7662; GET, the token in the header), and no password
    counts. ports: not any two, but these. After start(): the ports pop3 (plain and STLS) and pop3s, the socket
    sasl, uid and gid of the mail."""

    def __init__(self, d, cert, key, users, mechs="plain login scram-sha-256",
                 oauth=None, ports=None):
        self.mechs, self.oauth, self.ports = mechs, oauth, ports
        self.d, self.cert, self.key, self.users = d, cert, key, users
        self.mail = os.path.join(d, "mail")
        self.sasl = os.path.join(d, "sasl")
        self.root = os.geteuid() == 0
        # Dovecot gives no mail to uid 0
        u = pwd.getpwnam("mail") if self.root else pwd.getpwuid(os.geteuid())
        self.uid, self.gid = u.pw_uid, u.pw_gid
        self.process = None

    def start(self):
        os.makedirs(self.d, exist_ok=True)
        os.chmod(self.d, 0o755)
        os.makedirs(self.mail, exist_ok=True)
        self._own(self.mail)
        write(os.path.join(self.d, "passwd"), "".join(
            "%s:{PLAIN}%s\n" % x for x in self.users.items()), 0o644)
        if self.oauth:
            write(os.path.join(self.d, "oauth.conf"),
                  OAUTH.format(url=self.oauth), 0o644)
        for u in self.users:
            self.maildir(u)
        for _ in range(5):      # somebody may take a port meanwhile
            self.pop3, self.pop3s = self.ports or free_ports(2)
            if self._try():
                return self
        raise KitError("dovecot does not start: " + self.log())

    def _try(self):
        me = (pwd.getpwuid(os.geteuid()).pw_name,) * 2 + (
            grp.getgrgid(self.gid).gr_name,)
        users = "" if self.root else (
            "default_internal_user = %s\ndefault_login_user = %s\n"
            "default_internal_group = %s\n" % me + "".join(
                "service %s {\n  chroot =\n}\n" % s
                for s in ("anvil", "pop3-login", "stats")))
        conf = write(os.path.join(self.d, "dovecot.conf"), CONF.format(
            d=self.d, cert=self.cert, key=self.key, uid=self.uid,
            gid=self.gid, pop3=self.pop3, pop3s=self.pop3s, users=users,
            mechs=self.mechs, passdb=(TOKENS if self.oauth else
                                      PASSWORDS).format(d=self.d)), 0o644)
        with open(os.path.join(self.d, "out"), "ab") as out:
            self.process = subprocess.Popen(
                ["/usr/sbin/dovecot", "-F", "-c", conf], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True,
                preexec_fn=die_with_parent)
        if greets(self.process, self.pop3, b"+OK"):
            return True
        self.stop()
        return False

    def stop(self):
        p, self.process = self.process, None
        if not p:
            return
        if p.poll() is None:
            p.terminate()
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait(5)

    def log(self):
        text = ""
        for n in ("out", "dovecot.log"):
            try:
                with open(os.path.join(self.d, n), errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text

    def _own(self, path):
        os.chmod(path, 0o770)
        if self.root:
            os.chown(path, self.uid, self.gid)

    def maildir(self, user):
        m = os.path.join(self.mail, user)
        for s in ("", "tmp", "new", "cur"):
            os.makedirs(os.path.join(m, s), exist_ok=True)
            self._own(os.path.join(m, s))
        return m

    def deliver(self, user, raw):
        """Put a message into a mailbox; lies in order of these calls."""
        m = self.maildir(user)
        n = "%d.M%dQ%s.test" % (time.time(), time.time_ns() // 1000 % 10 ** 6,
                                uuid.uuid4().hex)
        t = os.path.join(m, "tmp", n)
        with open(t, "wb") as f:
            f.write(raw)
        if self.root:
            os.chown(t, self.uid, self.gid)
        os.rename(t, os.path.join(m, "new", n))

    def raws(self, user):
        """What lies in the mailbox, oldest first, octet by octet."""
        found = []
        for s in ("new", "cur"):
            d = os.path.join(self.maildir(user), s)
            for n in os.listdir(d):
                p = os.path.join(d, n)
                found.append((os.stat(p).st_mtime_ns, p))
        out = []
        for _, p in sorted(found):
            with open(p, "rb") as f:
                out.append(f.read())
        return out

    def clear(self, user):
        m = self.maildir(user)
        for s in ("new", "cur"):
            for n in os.listdir(os.path.join(m, s)):
                os.unlink(os.path.join(m, s, n))
