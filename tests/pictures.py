#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of the add-on in a real Thunderbird, in every state, light and
dark: pictures.py FOLDER [STATE...].  Whatever is cut or can't be shown is told;
then the exit status is 1."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from birds import bird as a_bird                              # noqa: E402
from conftest import homes_and_agents                         # noqa: E402
from kit import KitError, folder, keys, letters, others       # noqa: E402
from kit.display import Display                               # noqa: E402
from people import ALICE, BOB, CAROL, EVE, FRANK              # noqa: E402

STRICT, UNSURE, EXPIRED = ("gina@strict.example", "mallory@example.net",
                           "expired@example.org")
WIDTH, HEIGHT = 1100, 720
TEXT = """Hello Alice,

the tickets are here: Friday at eight, row seven. I bring the sandwiches, you
bring the thermos. The code for the door is 4711.

See you soon
Bob
"""

# What of a page is cut at its side; downwards it can be moved.
CUT = """
let out = [];
for (let x of document.querySelectorAll('html, body *'))
  if (x.clientWidth && x.scrollWidth > x.clientWidth + 1 &&
      (x == document.documentElement || getComputedStyle(x).overflowX !=
       'visible'))
    out.push(x.tagName + '#' + x.id + ' ' + x.scrollWidth + ' in ' +
             x.clientWidth + ': ' + x.textContent.trim().slice(0, 40));
return out;"""

BOX = """
let r = A[0] == 'compose' ? LL.writing().at(-1) : LL.main();
let p = LL.popups()[0]?.closest('panel').getOuterScreenRect();
return [r.outerWidth, p ? p.bottom : 0];"""


class Album:
    def __init__(self, d, display, only):
        self.d, self.x, self.bad, self.b = d, display, [], None
        self.only = only

    def state(self, name, how, where, *args):
        """One state: how it comes to be, then its pictures."""
        if self.only and name not in self.only:
            return
        try:
            how(*args)
            self.take(name, where)
        except KitError as e:
            self.bad.append("%s: %s" % (name, e))
            print("%s: %s" % (name, e), flush=True)
        try:
            if where != "page":
                self.b.close_popup()
            if where == "compose":
                self.b.close_writing()
            self.b.close_tabs()
        except KitError as e:
            print("after %s: %s" % (name, e), flush=True)

    def take(self, name, where):
        b = self.b
        time.sleep(0.7)
        if b.popups():
            self.cut(name, b.popup(CUT))
        width, bottom = b.js(BOX, where)
        height = HEIGHT if where == "page" else max(430, bottom + 8)
        for dark in (0, 1):
            b.js("Services.prefs.setIntPref('ui.systemUsesDarkTheme', A[0]);",
                 dark)
            time.sleep(0.7)
            self.x.picture(
                os.path.join(self.d, "%s-%s.png" % (
                    name, ("light", "dark")[dark])),
                (0, 0, width, min(HEIGHT, height)))
        b.js("Services.prefs.setIntPref('ui.systemUsesDarkTheme', 0);")
        print(name, b.button(where)["label"] if where != "page" else "",
              flush=True)

    def cut(self, name, what):
        if what:
            self.bad.append("%s is cut: %s" % (name, what))
            print(self.bad[-1], flush=True)

    # ---- writing

    def writes(self, to, label, *clicks):
        b = self.b
        b.compose(to, "Friday", "Hello,\n\nthe code for the door is 4711.\n")
        b.js("LL.writing().at(-1).resizeTo(A[0], A[1]);", WIDTH, HEIGHT)
        b.wait_label("compose", label)
        b.open_popup("compose", "#summary")
        for c in clicks:
            b.click(c)
            time.sleep(0.5)

    def is_refused(self, to, label):
        b = self.b
        self.writes(to, label)
        b.close_popup()
        b.press_send()
        b.wait_popup("#words")

    def changes(self, label):
        """Bob has another key all of a sudden."""
        b = self.b
        self.writes(BOB, "Sealed")
        b.close_popup()
        b.press_send()
        b.sent()
        keys.run(b.keyring, "--delete-keys", keys.FPR["bob"])
        keys.run(b.keyring, "--import", keys.asc("bob-new"))
        self.writes(BOB, label, "button[data-do=accept]")

    # ---- reading

    def reads(self, raw, label, place=None):
        b = self.b
        b.js("LL.pane().paneLayout.folderPaneVisible = false;")
        if place:
            b.keep(raw, place)
        else:
            b.inbox.mailbox.append(("u%d" % len(b.inbox.mailbox), raw))
            assert b.fetch() == 0
        b.show(letters.field(raw, "Message-ID")[1:-1], place)
        b.wait_label("message", label)
        b.open_popup("message", "#title")

    def page(self, name):
        b = self.b
        b.js("""
        let {GlobalManager} = ChromeUtils.importESModule(
          'resource://gre/modules/ExtensionParent.sys.mjs').ExtensionParent;
        LL.main().openContentTab(GlobalManager.getExtension(LL.id)
          .baseURI.resolve(A[0]));
        await LL.until(() => LL.pages().length, 5000, 'the page');""", name)
        time.sleep(1)
        self.cut(name, b.page(name, CUT))

    def opens(self, raw):
        self.reads(raw, "Not opened", "old")
        self.b.click("#open")
        time.sleep(2)


def plain(sender=BOB, to=ALICE, subject="Friday", extra=""):
    return letters.crlf(
        "From: Bob Example <%s>\nTo: Alice Example <%s>\nSubject: %s\n"
        "Date: %s\n%sMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n\n%s" % (
            sender, to, subject, letters.DATE,
            "Message-ID: <%s@example.org>\n%s" % (time.time_ns(), extra),
            TEXT))


def sealed(home, to="alice", signer="bob", **kw):
    raw = plain(**kw)
    inner = others.entity(raw)
    return others.sealed(raw, keys.encrypt(home, inner, [to], signer))


def signed(home, signer="bob", change=lambda part: part):
    raw = plain()
    part = letters.crlf("Content-Type: text/plain\n\n" + TEXT)
    return others.signed(raw, change(part), keys.sign(home, part, signer))


def writing(album):
    two = "Bob Example <%s>, Frank Example <%s>" % (BOB, FRANK)
    for name, to, label, *clicks in (
            ("write-sealed", two, "Sealed"),
            ("write-no-key", "%s, %s" % (two, EVE), "1 without key"),
            ("write-allow-contact", EVE, "1 without key",
             "button[data-do=allow-contact]"),
            ("write-readable", "%s, %s" % (two, EVE), "1 without key",
             "#allow-once"),
            ("write-not-to-be-sealed", BOB, "Sealed", "#seal"),
            ("write-invite", EVE, "1 without key", "button[data-do=invite]"),
            ("write-expired", EXPIRED, "1 without key"),
            ("write-strict", STRICT, "1 without key"),
            ("write-unsure", UNSURE, "Will be refused"),
            ("write-accept", UNSURE, "Will be refused",
             "button[data-do=accept]")):
        album.state(name, album.writes, "compose", to, label, *clicks)
    album.state("write-stopped", album.is_refused, "compose",
                "%s, %s" % (two, EVE), "1 without key")


def reading(album, home):
    bad = signed(home, change=lambda x: x.replace(b"4711", b"4712"))
    for name, raw, label, place in (
            ("read-verified", sealed(home), "Sealed, verified", None),
            ("read-sealed", sealed(home, signer=None), "Sealed, unsigned",
             None),
            ("read-signed", signed(home), "Signed", None),
            ("read-bad", bad, "Bad signature", None),
            ("read-unknown", signed(home, "dan"), "Readable", None),
            ("read-clear", plain(), "Readable", None),
            ("read-broken", others.flip(sealed(home)), "Not opened", None),
            ("read-not-for-us", sealed(home, to="frank"), "Not opened", None),
            ("read-elsewhere", sealed(home), "Not opened", "old"),
            ("read-forged", plain(extra=(
                "Letterlock-Status: v=1; encryption=ok; signature=good\n")),
             "Forged", "old")):
        album.state(name, album.reads, "message", raw, label, place)
    album.state("letter", album.opens, "page", sealed(home))
    album.state("welcome", album.page, "page", "welcome.html")
    album.state("options", album.page, "page", "options.html")


def main(d, *only):
    os.makedirs(d, exist_ok=True)
    with homes_and_agents() as make, folder("llx") as dx, Display(
            dx, "%dx%d" % (WIDTH, HEIGHT)) as x:
        album = Album(d, x, only)
        home = make.home(["bob", "frank", "dan"], ["alice"])
        with a_bird(make, trusted=["bob", "frank"],
                    public=["mallory", "expired"], display=x, contacts={
                        "@strict.example": {"encrypt": "always"},
                        UNSURE: {"encrypt": "always"}}) as b:
            album.b = b
            time.sleep(1)
            b.js("LL.main().resizeTo(A[0], A[1]);", WIDTH, HEIGHT)
            b.close_tabs()
            writing(album)
            reading(album, home)
            album.state("write-changed", album.changes, "compose",
                        "Will be refused")
            b.agent.stop()
            album.state("write-not-running", album.writes, "compose", BOB,
                        "Not running")
            album.state("read-not-running", album.reads, "message", plain(),
                        "Not running", "late")
        with a_bird(make, me=CAROL, secret=["carol"], trusted=["bob"],
                    display=x) as b:
            album.b = b
            time.sleep(1)
            b.js("LL.main().resizeTo(A[0], A[1]);", WIDTH, HEIGHT)
            b.close_tabs()
            album.state("write-locked", album.writes, "compose", BOB,
                        "Locked")
            album.state("read-locked", album.reads, "message",
                        sealed(home=make.home(["bob"], ["carol"]), to="carol"),
                        "Locked", "old")
    return album.bad


if __name__ == "__main__":
    sys.exit(bool(main(*sys.argv[1:])))
