# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's files: what its manifest asks for, that nothing in its sources
runs or loads what is not in them, and that no word is missing in a language."""
import glob
import json
import os
import re
import xml.etree.ElementTree as xml

import pytest

ADDON = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                     "../plugin-api/thunderbird")
LANGUAGES = ("de", "en")


def names(*endings):
    return sorted(os.path.relpath(p, ADDON) for p in
                  glob.glob(os.path.join(ADDON, "**"), recursive=True)
                  if p.endswith(endings))


def text(name):
    with open(os.path.join(ADDON, name), encoding="utf-8") as f:
        return f.read()


def no_comments(source):
    return re.sub(r"/\*.*?\*/|^\s*//[^\n]*", "", source, flags=re.S | re.M)


def once(pairs):
    keys = [k for k, _ in pairs]
    assert len(set(keys)) == len(keys), [k for k in keys if keys.count(k) > 1]
    return dict(pairs)


def messages(language):
    return {k: v["message"] for k, v in json.loads(
        text("_locales/%s/messages.json" % language),
        object_pairs_hook=once).items()}


MANIFEST = json.loads(text("manifest.json"), object_pairs_hook=once)
SCRIPTS, PAGES = names(".js"), names(".html")


# ---- the manifest

def test_manifest():
    m = MANIFEST
    assert m["manifest_version"] == 3
    gecko = m["browser_specific_settings"]["gecko"]
    assert gecko["id"] == "addon@letterlock"
    assert gecko["strict_min_version"] == "140.0"
    assert m["default_locale"] == "en"
    # these, and no host, no tab, no download, no network
    assert set(m["permissions"]) <= {
        "accountsRead", "compose", "messagesRead", "nativeMessaging",
        "storage"}
    # asked for when somebody presses the button that needs it
    assert set(m["optional_permissions"]) <= {"addressBooks"}
    assert not {"host_permissions", "content_scripts",
                "optional_host_permissions", "web_accessible_resources",
                "externally_connectable", "experiment_apis"} & set(m)


def test_manifest_policy():
    policy = dict(x.split(None, 1) for x in MANIFEST[
        "content_security_policy"]["extension_pages"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    allowed = {"'none'", "'self'", "data:"}
    assert all(set(v.split()) <= allowed for v in policy.values())
    assert [k for k, v in policy.items() if "data:" in v] == ["img-src"]
    # these do not follow default-src
    assert {"form-action", "base-uri"} <= set(policy)


def test_manifest_files():
    m = MANIFEST
    used = m["background"]["scripts"] + list(m["icons"].values()) + [
        m["options_ui"]["page"]] + [
        m[a][k] for a in ("compose_action", "message_display_action")
        for k in ("default_icon", "default_popup")]
    assert not [f for f in used if not os.path.isfile(
        os.path.join(ADDON, f))]


# ---- the sources

def test_spdx():
    bad = [f for f in names(".js", ".html", ".css", ".svg") if
           "SPDX-License-Identifier: GPL-3.0-or-later" not in
           "".join(text(f).splitlines(True)[:3])]
    assert not bad


FORBIDDEN = (
    r"innerHTML", r"outerHTML", r"insertAdjacentHTML", r"setHTML",
    r"createContextualFragment", r"document\s*\.\s*write", r"\beval\b",
    r"\bFunction\s*\(", r"set(Timeout|Interval)\s*\(\s*[\"'`]",
    r"importScripts", r"\bimport\s*\(", r"\bfetch\s*\(", r"XMLHttpRequest",
    r"WebSocket", r"EventSource", r"sendBeacon", r"executeScript",
    r"registerScripts", r"localStorage", r"indexedDB", r"storage\.sync",
    # an address somewhere else; not what merely looks for one
    r"(https?|wss?|ftp)://[a-z0-9]")


@pytest.mark.parametrize("name", SCRIPTS)
def test_script(name):
    source = no_comments(text(name))
    assert not [p for p in FORBIDDEN if re.search(p, source)]
    assert '"use strict"' in source
    assert not re.search(r"[^\x00-\x7f]", source), "words are in _locales"


@pytest.mark.parametrize("name", PAGES)
def test_page(name):
    page = text(name)
    assert page.startswith("<!doctype html>")
    assert re.search(r"<html lang=", page)
    assert '<meta charset="utf-8">' in page and "<title" in page
    # no script and no style within the page
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<base", page)
    assert not re.search(r"<script(?! src=\"[\w.]+\"></script>)", page)
    for f in re.findall(r"(?:src|href)=\"([^\"]*)\"", page):
        assert os.path.isfile(os.path.join(ADDON, f)), f
    # words.js first: the others need it
    assert re.search(r"<script src=\"([^\"]*)\"", page)[1] == "words.js"


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_heard(name):
    """Each picture has a text, each field and frame a name, and no words
    stand in a page that are not in _locales."""
    page = re.sub(r"<!--.*?-->|<!doctype[^>]*>", "", text(name), flags=re.S)
    assert not re.search(r"<img(?![^>]*\salt=)", page)
    assert not re.search(r"<iframe(?![^>]*\sdata-i18n-title=)", page)
    for tag in re.findall(r"<(?:select|textarea|input)\b[^>]*>", page):
        assert "data-i18n-label=" in tag or re.search(
            r"<label[^>]*>\s*" + re.escape(tag), page) or re.search(
            r"<label[^>]*for=\"%s\"" % re.search(
                r"\sid=\"([^\"]*)\"", tag)[1], page), tag
    words = re.sub(r"<[^>]*>", " ", page).split()
    assert set(words) <= {"Letterlock"}


def test_frame_of_a_letter():
    """In a sandbox that allows nothing."""
    assert re.search(r"<iframe [^>]*\ssandbox=\"\"", text("letter.html"))
    assert "allow-" not in text("letter.html") + text("letter.js")


@pytest.mark.parametrize("name", names(".css"))
def test_style(name):
    assert not re.search(r"url\(|@import|expression", text(name))


@pytest.mark.parametrize("name", names(".svg"))
def test_icon(name):
    source = text(name)
    assert not re.search(r"<script|<image|<foreignObject|\son\w+=|href=|url\(",
                         source)
    assert len(source) < 4000
    top = xml.fromstring(source)
    assert top.get("width") == top.get("height") == "16"
    assert top.find("{http://www.w3.org/2000/svg}title").text


def test_icons_differ():
    """Without their colours, too."""
    shapes = {re.sub(r"#[0-9a-f]{3,6}|<title>.*</title>", "", text(f))
              for f in names(".svg")}
    assert len(shapes) == len(names(".svg"))


# ---- the words

def test_languages():
    here = sorted(os.listdir(os.path.join(ADDON, "_locales")))
    assert here == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_words(language):
    m = messages(language)
    assert list(m) == sorted(m)
    assert {k.split("_")[0] for k in m} <= {
        "common", "compose", "letter", "options", "read", "welcome"}
    assert not [k for k, v in m.items() if not v.strip() or v != v.strip()]


def test_words_of_both():
    en, de = messages("en"), messages("de")
    assert set(en) == set(de)
    values = {k: sorted(set(re.findall(r"\$.?", v))) for k, v in en.items()}
    assert values == {k: sorted(set(re.findall(r"\$.?", v)))
                      for k, v in de.items()}
    # forgotten, unless it is the same word
    same = {k for k in en if en[k] == de[k] and " " in en[k]}
    assert same <= {"letter_size"}


KEY = (r"[\"'`]((?:common|compose|letter|options|read|welcome)_[a-z0-9_]*)"
       r"([\"'`]\s*\+|\$\{)?")


def calls(source):
    """What stands in the brackets of each call of words.message()."""
    for m in re.finditer(r"\b(?:getM|m)essage\(", source):
        depth, end = 1, m.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(source[end], 0)
            end += 1
        yield source[m.end():end]


def used():
    """The keys that are asked for, the beginnings of those that are made, and
    all words in the scripts that may be keys."""
    keys, made, may = set(), set(), set()
    for f in PAGES:
        keys |= set(re.findall(r"data-i18n(?:-\w+)?=\"([^\"]*)\"", text(f)))
    for f in SCRIPTS:
        source = no_comments(text(f))
        for call in calls(source):
            for k, more in re.findall(KEY, call):
                (made if more else keys).add(k)
        may |= {k for k, _ in re.findall(KEY, source)}
    keys |= set(re.findall(r"__MSG_(\w+)__", text("manifest.json")))
    return keys, made, may


def test_words_are_there():
    keys, made, _ = used()
    assert len(keys) > 50 and made
    assert not keys - set(messages("en"))
    assert not [b for b in made if not any(
        k.startswith(b) for k in messages("en"))]


def test_words_are_used():
    keys, made, may = used()
    assert not [k for k in messages("en") if k not in keys | may and
                not k.startswith(tuple(made))]


def test_each_kind_has_words():
    """A verdict's kinds: a label, a sentence, an icon."""
    table = re.search(r"const ICON = \{(.*?)\n\t\};",
                      no_comments(text("verdict.js")), re.S)[1]
    kinds = dict(re.findall(r"(\w+): \"([\w-]+)\"", table))
    assert len(kinds) > 10
    m = messages("en")
    for kind, icon in kinds.items():
        assert "read_label_" + kind in m and "read_title_" + kind in m
        assert "icons/%s.svg" % icon in names(".svg")
    # what crypto/verdict.h can say
    with open(os.path.join(ADDON, "../../crypto/verdict.c"),
              encoding="utf-8") as f:
        source = f.read()
    for table in ("SIGNATURE", "REASON"):
        said = re.search(r"%s\[\] = \{(.*?)\};" % table, source, re.S)[1]
        for word in re.findall(r"\"([\w-]+)\"", said):
            assert "read_%s_%s" % (table.lower(),
                                   word.replace("-", "_")) in m
    # short: they stand on a button
    assert not [v for language in LANGUAGES
                for k, v in messages(language).items()
                if k.startswith("read_label_") and len(v) > 22]
