#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A native-messaging host as a test wants it: it answers from the JSON file
that $LETTERLOCK_SOCKET names, and writes what it was asked to that name with
".asked".

The file: {"running": false, "verdict": {Message-ID: answer}, "slow":
{Message-ID: seconds}, "opened": name of a file, "ok": {call: answer},
"error": {call: code}, "events": [...]}, each of which may be absent.  A new
event in it is sent."""
import base64
import json
import os
import re
import struct
import sys
import threading
import time

SCRIPT = os.environ["LETTERLOCK_SOCKET"]
# so short that most of what is answered comes in parts, but not in too many
PART, PARTS = 400, 20
lock = threading.Lock()


def script():
    with open(SCRIPT, encoding="utf-8") as f:
        return json.load(f)


def put(message):
    data = json.dumps(message).encode()
    with lock:
        sys.stdout.buffer.write(struct.pack("=I", len(data)) + data)
        sys.stdout.buffer.flush()


def send(message):
    text = json.dumps(message)
    size = max(PART, len(text) // PARTS)
    cuts = [text[i:i + size] for i in range(0, len(text), size)]
    if len(cuts) == 1 or "id" not in message:
        put(message)
        return
    for k, cut in enumerate(cuts):
        put({"id": message["id"], "part": k + 1, "of": len(cuts),
             "text": cut})


def verdict(m, s):
    ident = re.search(rb"(?mi)^Message-ID: <(.*?)>",
                      base64.b64decode(m["data"]))[1].decode()
    time.sleep(s.get("slow", {}).get(ident, 0))
    return s.get("verdict", {}).get(ident, {"state": "none"})


def opened(s):
    with open(s["opened"], "rb") as f:
        data = f.read()
    return {"verdict": s["ok"]["open"], "size": len(data),
            "data": base64.b64encode(data).decode()}


def answer(m):
    s, call = script(), m["call"]
    code = s.get("error", {}).get(call)
    if s.get("running") is False:
        code = "not-running"
    if code:
        return {"error": {"code": code, "text": "%s, says the host" % code}}
    if call == "verdict":
        return {"ok": verdict(m, s)}
    if call == "open":
        return {"ok": opened(s)}
    return {"ok": s.get("ok", {}).get(call, {})}


def serve(m):
    with open(SCRIPT + ".asked", "a", encoding="utf-8") as f:
        f.write(json.dumps(m) + "\n")
    send(dict(answer(m), id=m["id"]))


def watch():
    old = script()
    while True:
        time.sleep(0.05)
        new = script()
        if new.get("running") != old.get("running"):
            send({"event": "agent", "running": new.get("running", True)})
        for event in new.get("events", [])[len(old.get("events", [])):]:
            send(event)
        old = new


def main():
    with open(SCRIPT + ".pid", "w", encoding="utf-8") as f:
        f.write(str(os.getpid()))
    threading.Thread(target=watch, daemon=True).start()
    parts = []
    while True:
        head = sys.stdin.buffer.read(4)
        if len(head) < 4:
            os._exit(0)
        m = json.loads(sys.stdin.buffer.read(struct.unpack("=I", head)[0]))
        if "part" in m:
            parts.append(m["text"])
            if len(parts) < m["of"]:
                continue
            m, parts = json.loads("".join(parts)), []
        threading.Thread(target=serve, args=(m,), daemon=True).start()


if __name__ == "__main__":
    main()
