# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the agent listens: IPv6, several addresses, sockets that systemd
passes, and what it says when it may not."""
import os
import re
import socket
import subprocess

import pytest

from kit import client, letters, provider, wait_for
from kit.agent import as_systemd, built
from people import ALICE, BOB


def agent(make, p, **kw):
    return make.agent(make.home(["alice"], trusted=["bob"]),
                      {ALICE: {"smtp": p.conf}}, **kw)


def test_ipv6_and_several(make):
    with provider.Provider("smtp", {ALICE: "x"}) as p:
        a = agent(make, p, agent={
            "submission": "127.0.0.1:0, [::1]:0, 127.0.0.2:0"})
        said = "\n".join(str(x) for x in a.log)
        found = re.findall(r"listening on (\S+):(\d+) \(submission\)", said)
        assert [x for x, _ in found] == ["127.0.0.1", "[::1]", "127.0.0.2"]
        for host, port in found:
            s = socket.create_connection((host.strip("[]"), int(port)), 10)
            with s, s.makefile("rb") as f:
                assert f.readline().startswith(b"220 Letterlock")


def test_sockets_from_systemd(make, tmp_path):
    """LISTEN_FDS with names, as sd_listen_fds(3) says; ports of the
    configuration are then not bound."""
    with provider.Provider("smtp", {ALICE: "x"}) as p:
        a = agent(make, p)
        a.stop()
        socks = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        with as_systemd(a, socks, ["pop3", "submission"]) as q:
            ports = [s.getsockname()[1] for s in socks]
            with socket.create_connection(("127.0.0.1", ports[0]), 10) as s:
                assert s.recv(100).startswith(b"+OK")
            r = client.send(ports[1], ALICE, "x", [BOB], letters.text())
            assert r.code == 250
        for s in socks:
            s.close()
        assert q.returncode == 0
        assert len(re.findall(b"listening on 127", q.said)) == 2


def run(make, p, submission, user=None):
    a = agent(make, p)
    a.stop()
    with open(a.conf) as f:
        text = re.sub(r"(?m)^submission = .*", "submission = " + submission,
                      f.read())
    with open(a.conf, "w") as f:
        f.write(text)
    return subprocess.run([built("letterlockd"), "-c", a.conf], env=a.env,
                          capture_output=True, text=True, timeout=20)


def test_a_port_in_use(make):
    with provider.Provider("smtp", {ALICE: "x"}) as p, \
            socket.create_server(("127.0.0.1", 0)) as s:
        q = run(make, p, "127.0.0.1:%d" % s.getsockname()[1])
        assert q.returncode == 69 and "in use" in q.stderr


@pytest.mark.skipif(
    os.geteuid() == 0 or int(open(
        "/proc/sys/net/ipv4/ip_unprivileged_port_start").read()) <= 587,
    reason="this user may bind port 587")
def test_a_port_that_needs_privileges(make):
    with provider.Provider("smtp", {ALICE: "x"}) as p:
        q = run(make, p, "127.0.0.1:587")
        assert q.returncode == 69
        assert "socket units" in q.stderr and "1587" in q.stderr


def test_many_sessions_are_turned_away_in_words(make):
    with provider.Provider("smtp", {ALICE: "x"}) as p:
        a = agent(make, p, agent={"max-sessions": "2"})
        open_ = [client.Smtp(a.submission) for _ in range(2)]
        s = socket.create_connection(("127.0.0.1", a.submission), 10)
        assert s.recv(200).startswith(b"421 4.3.2 Letterlock has too many")
        s.close()
        open_[0].quit()

        def again():
            with socket.create_connection(("127.0.0.1", a.submission), 5) as t:
                return t.recv(200).startswith(b"220")
        wait_for(again)
        open_[1].quit()
