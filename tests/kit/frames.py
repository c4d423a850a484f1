# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbers of the frames between the roles, from agent/frames.h."""
import os
import re

HEADER = os.path.join(os.path.dirname(__file__), "../../agent/frames.h")


def numbers():
    """name -> number, of enum frame_type."""
    with open(HEADER) as f:
        body = f.read().split("enum frame_type {", 1)[1].split("};", 1)[0]
    out, n = {}, -1
    for name, given in re.findall(r"^\t([A-Z]_\w+)(?: = (\d+))?", body, re.M):
        n = int(given) if given else n + 1
        out[name] = n
    return out
