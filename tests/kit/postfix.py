# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Postfix in a folder of its own: submission with STARTTLS, with TLS
from the start, and in plaintext; SASL by Dovecot; delivery by virtual(8) into
Dovecot's maildirs. Postfix is started by root only; a user who may sudo lets
this file run as root: python3 -m kit.postfix SETTINGS, until its input ends."""
import grp
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys

from . import KitError, die_with_parent, free_ports, greets, write

DAEMONS = "/usr/lib/postfix/sbin"
REFUSED = "nobody@example.org"      # 550 at RCPT; other unknown users bounce
DOMAINS = ("example.org", "example.net", "example.com")

MAIN = """
compatibility_level = 3.6
queue_directory = {d}/q
data_directory = {d}/data
daemon_directory = {daemons}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {d}/mail.log
maillog_file_prefixes = /tmp
myhostname = mail.example.test
myorigin = example.test
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
append_dot_mydomain = no
local_recipient_maps =
local_transport = error:5.1.1 no local mail here
default_transport = error:5.4.4 no mail leaves the test
relayhost =
alias_maps =
alias_database =
smtputf8_enable = yes
message_size_limit = 157286400
mailbox_size_limit = 0
virtual_mailbox_limit = 0
queue_minfree = 0
in_flow_delay = 0
minimal_backoff_time = 1s
smtpd_banner = $myhostname ESMTP
smtpd_error_sleep_time = 0
smtpd_client_connection_count_limit = 0
smtpd_sasl_type = dovecot
smtpd_sasl_path = {sasl}
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_session_cache_database =
smtpd_reject_unlisted_recipient = no
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions =
 check_recipient_access inline:{{{{{refused} = 550 5.1.1 No such person here}}}},
 permit_sasl_authenticated, reject
virtual_mailbox_domains = {domains}
virtual_mailbox_base = {mail}
virtual_mailbox_maps = texthash:{d}/mailboxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
"""

MASTER = """
postlog   unix-dgram n  -       n       -       1       postlogd
{submission} inet n     -       n       -       -       smtpd
  -o smtpd_tls_security_level=encrypt
{submissions} inet n    -       n       -       -       smtpd
  -o smtpd_tls_wrappermode=yes
{plain}   inet  n       -       n       -       -       smtpd
  -o smtpd_tls_security_level=none
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
proxymap  unix  -       -       n       -       -       proxymap
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
virtual   unix  -       n       n       -       -       virtual
anvil     unix  -       -       n       -       1       anvil
"""

QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
          "incoming", "private", "saved", "trace")


class Postfix:
    """settings: d (a folder of its own), sasl (Dovecot's socket), cert, key,
    mail (the maildirs), uid, gid, users, ports (not any three, but these). After start(): the ports submission
    (STARTTLS demanded), submissions (TLS from the start) and plain."""

    ports = None

    def __init__(self, settings):
        self.__dict__.update(settings)
        self.process = None

    def start(self):
        os.makedirs(self.d, exist_ok=True)
        os.chmod(self.d, 0o755)
        owner = pwd.getpwnam("postfix")
        drop = grp.getgrnam("postdrop").gr_gid
        for n, uid, gid, mode in (
                [("q", 0, 0, 0o755), ("data", owner.pw_uid, 0, 0o700),
                 ("q/pid", 0, 0, 0o755), ("q/public", owner.pw_uid, drop, 0o2710),
                 ("q/maildrop", owner.pw_uid, drop, 0o1730)] +
                [("q/" + n, owner.pw_uid, 0, 0o700) for n in QUEUES]):
            p = os.path.join(self.d, n)
            os.makedirs(p, exist_ok=True)
            os.chown(p, uid, gid)
            os.chmod(p, mode)
        write(os.path.join(self.d, "mailboxes"), "".join(
            "%s %s/\n" % (u, u) for u in self.users), 0o644)
        write(os.path.join(self.d, "main.cf"), MAIN.format(
            d=self.d, daemons=DAEMONS, sasl=self.sasl, cert=self.cert,
            key=self.key, mail=self.mail, uid=self.uid, gid=self.gid,
            refused=REFUSED, domains=", ".join(DOMAINS)), 0o644)
        write(os.path.join(self.d, "dynamicmaps.cf"), "", 0o644)
        # postlogd keeps the mode: the log is for whoever runs the tests
        write(os.path.join(self.d, "mail.log"), "", 0o644)
        for _ in range(5):      # somebody may take a port meanwhile
            self.submission, self.submissions, self.plain = (
                self.ports or free_ports(3))
            if self._try():
                return self
        raise KitError("postfix does not start: " + self.log())

    def _try(self):
        write(os.path.join(self.d, "master.cf"), MASTER.format(
            submission=self.submission, submissions=self.submissions,
            plain=self.plain), 0o644)
        with open(os.path.join(self.d, "out"), "ab") as out:
            self.process = subprocess.Popen(
                [DAEMONS + "/master", "-c", self.d, "-s"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                     "MAIL_CONFIG": self.d, "MAIL_LOGTAG": "postfix"},
                start_new_session=True, preexec_fn=die_with_parent)
        if greets(self.process, self.plain, b"220"):
            return True
        self.stop()
        return False

    def stop(self):
        """master ends its process group; no daemon outlives it."""
        p, self.process = self.process, None
        if not p:
            return
        for sig in (signal.SIGTERM, signal.SIGKILL):
            if p.poll() is not None:
                break
            p.send_signal(sig)
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def log(self):
        text = ""
        for n in ("out", "mail.log"):
            try:
                with open(os.path.join(self.d, n), errors="replace") as f:
                    text += f.read()
            except FileNotFoundError:
                pass
        return text


class ByRoot(Postfix):
    """The same for a user who may sudo without being asked."""

    def start(self):
        settings = {k: v for k, v in self.__dict__.items() if k != "process"}
        self.process = subprocess.Popen(
            ["sudo", "-n", "env", "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=" +
             os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
             "/usr/bin/python3", "-m", "kit.postfix", json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        ports = self.process.stdout.readline()
        if not ports:
            raise KitError("Postfix wants to be started by root, or by sudo "
                           "without a password: run the tests as root")
        self.__dict__.update(json.loads(ports))
        return self

    def stop(self):
        p, self.process = self.process, None
        if p:
            p.stdin.close()
            p.wait(20)
            p.stdout.close()


def postfix(**settings):
    return (Postfix if os.geteuid() == 0 else ByRoot)(settings)


def main():
    p = Postfix(json.loads(sys.argv[1]))
    try:
        p.start()
        print(json.dumps({k: getattr(p, k) for k in (
            "submission", "submissions", "plain")}), flush=True)
        sys.stdin.read()
    finally:
        p.stop()
        shutil.rmtree(p.d, ignore_errors=True)


if __name__ == "__main__":
    main()
