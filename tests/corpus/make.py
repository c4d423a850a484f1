#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the letters of the corpus: make.py makes all of them, make.py NAME...
these, make.py -n those that are not there yet.  What gpg gives differs from
run to run; the tests use what is committed.  Needs gpg and openssl."""
import os
import sys

import base
import made_from        # noqa: F401
import made_header      # noqa: F401
import made_integrity   # noqa: F401
import made_odd         # noqa: F401
import made_sealed      # noqa: F401
import made_signed      # noqa: F401


def path(name):
    return os.path.join(base.HERE, name + ".eml")


def main(args):
    names = args or list(base.MADE)
    if args == ["-n"]:
        names = [n for n in base.MADE if not os.path.exists(path(n))]
    bad = 0
    for name in names:
        base.NAME[0] = name
        try:
            raw = base.MADE[name]()
        except Exception as e:      # the others are wanted all the same
            print("%s: %s" % (name, e), file=sys.stderr)
            bad += 1
            continue
        with open(path(name), "wb") as f:
            f.write(raw)
    if not args:
        for f in sorted(os.listdir(base.HERE)):
            if f.endswith(".eml") and f[:-4] not in base.MADE:
                print("nobody makes %s" % f, file=sys.stderr)
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
