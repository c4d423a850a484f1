# SPDX-License-Identifier: GPL-3.0-or-later
"""RULES.md names for each rule of mail what shows it, ACCESS.md for each attack;
here: that it is there."""
import os
import re

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
RULES = (["R%d" % i for i in range(1, 11)] +
         ["I%d" % i for i in (1, *range(4, 16), 17, 18)] +
         ["O%d" % i for i in (*range(1, 7), 8, 9, *range(12, 18), 19, 20,
                              *range(22, 26))])


def text(*path):
    with open(os.path.join(HERE, *path), encoding="utf-8") as f:
        return f.read()


ROWS = {m[0]: m[1].split() for m in re.findall(
    r"(?m)^\| ([RIO]\d+) \|.*\| ([^|]*) \|$", text("RULES.md"))}
ATTACKS = re.findall(r"(?m)^\| ([TLWG]\d+) \|.*\| ([^|]*) \|$",
                     text("ACCESS.md"))


def is_there(rule, name):
    """corpus, golden, test_x.py, test_x.py::test_y, unit/test_x.c::test_y"""
    if name == "corpus":
        return any(rule in x.split()[1].split(",")
                   for x in text("corpus", "manifest").splitlines()
                   if x.strip() and not x.startswith("#"))
    if name == "golden":
        return re.search(r'Case\("[^"]*\b%s\b' % rule,
                         text("test_golden_out.py"))
    path, _, function = name.partition("::")
    if not os.path.exists(os.path.join(HERE, path)):
        return False
    return not function or re.search(r"(?m)^(def |static void )%s\(" %
                                     re.escape(function), text(path))


def test_every_rule_has_its_row():
    assert sorted(ROWS) == sorted(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_what_shows_a_rule_exists(rule):
    names = [n.strip("`,") for n in ROWS[rule]]
    assert names
    assert [n for n in names if not is_there(rule, n)] == []


def test_attacks_are_numbered():
    count = {x: sum(n[0] == x for n, _ in ATTACKS) for x in "TLWG"}
    assert min(count.values()) > 0
    assert [n for n, _ in ATTACKS] == [
        "%s%d" % (x, i) for x in "TLWG" for i in range(1, count[x] + 1)]
    assert len(ATTACKS) == len(re.findall(
        r"(?m)^\| [^|]", text("ACCESS.md")))


@pytest.mark.parametrize("attack, names", ATTACKS, ids=[n for n, _ in ATTACKS])
def test_what_stops_an_attack_exists(attack, names):
    names = [n.strip("`") for n in names.split()]
    assert names
    assert [n for n in names if "." not in n or not is_there(attack, n)] == []
