# SPDX-License-Identifier: GPL-3.0-or-later
"""Thunderbird as the client of an agent, with the add-on: it writes, sends,
fetches and shows, and tells what its buttons and popups say."""
import base64
import json
import os

from . import KitError, letters, wait_for, write
from .agent import assert_sane, built
from .thunderbird_profile import account
from .thunderbird_program import Program
from .thunderbird_wire import Refused

ID, HOST = "addon@letterlock", "letterlock"

with open(os.path.splitext(__file__)[0] + ".js", encoding="utf-8") as _f:
    LL = _f.read()

# What may be seen of a button.
BUTTON = """
let b = LL.button(A[0]);
return b && {label: b.getAttribute('label') || '', badge: b.getAttribute(
  'badge') || '', title: b.getAttribute('tooltiptext') || '',
  disabled: b.disabled, hidden: b.hidden,
  icon: b.style.getPropertyValue('--webextension-toolbar-image') ||
        b.getAttribute('image')};"""

# From now on note the values that the progress meter takes.
PROGRESS = """
let main = LL.main(), seen = main.ll_progress = [];
main.clearInterval(main.ll_meter);
main.ll_meter = main.setInterval(() => {
  for (let w of Services.wm.getEnumerator(null)) {
    let m = w.document.getElementById('dialog.progress');
    if (m?.hasAttribute('value') && m.value != seen.at(-1))
      seen.push(m.value);
  }}, 10);"""


class Client(Program):
    """agent: a live one with an account of this address. addon: a folder or
    an .xpi. host: the native-messaging host, None without one."""

    def __init__(self, folder, agent, address, name, password, addon=None,
                 host=None, prefs=(), display=None):
        super().__init__(folder)
        self.agent, self.address, self.name = agent, address, name
        self.password, self.addon, self.display = password, addon, display
        self.prefs, self.n = dict(prefs), 0
        self.hosts = os.path.join(self.home, ".mozilla",
                                  "native-messaging-hosts")
        os.makedirs(self.hosts)
        if host:
            self.host(host)

    def start(self):
        a = self.agent
        prefs = account(self.profile, self.address, self.name, a.submission,
                        a.pop3, True)
        prefs.update(self.prefs)
        self.launch(prefs, {"LETTERLOCK_SOCKET": a.plugin_socket},
                    self.display and self.display.name)
        for kind in ("mailbox", "smtp"):
            self.remember(kind, self.address, self.password)
        if self.addon:
            self.remote.cmd("Addon:Install", {
                "path": self.addon, "temporary": os.path.isdir(self.addon)})

    def stop(self):
        super().stop()
        with open(self.log, encoding="utf-8", errors="replace") as f:
            assert_sane(f.read())       # what the host said is in it

    def remember(self, kind, user, password):
        """A password, for mailbox (POP3) or smtp."""
        self.js("""
        let o = A[0] + '://127.0.0.1';
        let login = LL.make('login-manager/loginInfo;1', Ci.nsILoginInfo);
        login.init(o, null, o, A[1], A[2], '', '');
        await Services.logins.initializationPromise;
        await Services.logins.addLoginAsync(login);""", kind, user, password)

    def js(self, body, *args):
        return super().js(LL + body, *args)

    def host(self, path):
        """Where Thunderbird looks for the native-messaging host."""
        return write(os.path.join(self.hosts, HOST + ".json"), json.dumps({
            "name": HOST, "description": "Letterlock", "type": "stdio",
            "path": path, "allowed_extensions": [ID]}))

    def follow(self):
        """After the agent's start: its ports are others."""
        self.js("""
        let server = MailServices.accounts.defaultAccount.incomingServer;
        server.port = A[1];
        Services.prefs.setIntPref('mail.smtpserver.smtp1.port', A[0]);""",
                self.agent.submission, self.agent.pop3)

    # ---- letters

    def second(self, address, password):
        """One more POP3 account on the agent, to fetch from."""
        self.remember("mailbox", address, password)
        self.js("""
        let s = MailServices.accounts.createIncomingServer(A[0], '127.0.0.1',
                                                           'pop3');
        s.port = A[1];
        s.loginAtStartUp = s.doBiff = false;
        MailServices.accounts.createAccount().incomingServer = s;""",
                address, self.agent.pop3)

    def fetch(self, seconds=50, address=None):
        """All new mail: 0, or Thunderbird's error; "timeout"."""
        return self.js("return LL.fetch(...A);", int(seconds * 1000), address)

    def begin_fetch(self, address=None):
        """The same, but not waited for: see fetched()."""
        self.js("""LL.main().ll_fetched = null;
        let main = LL.main();
        LL.fetch(600000, A[0]).then(r => { main.ll_fetched = r; });""",
                address)

    def fetched(self):
        """What came of it: None as long as it goes on."""
        return self.js("return LL.main().ll_fetched;")

    def keep(self, raw, folder="kept"):
        """A letter into a local folder, as by an import."""
        self.n += 1
        path = write(os.path.join(self.d, "%d.eml" % self.n),
                     raw.replace(b"\r\n", b"\n"))
        self.js("await LL.copy(A[0], await LL.local(A[1]));", path, folder)

    def show(self, message_id, folder=None, address=None):
        """Select a letter of an inbox, or of a local folder; id without <>."""
        self.js("await LL.show(A[1] ? await LL.local(A[1]) : LL.inbox(A[2]), "
                "A[0]);", message_id, folder, address)

    def stored(self, message_id, folder=None):
        """The octets of a letter in the inbox or a local folder."""
        return letters.crlf(base64.b64decode(self.js(
            "return LL.stored(A[1] ? await LL.local(A[1]) : LL.inbox(), "
            "A[0]);", message_id, folder)))

    def shown(self):
        """The text of the letter that is shown."""
        return self.js("""
        let w = LL.home('message');
        return w.getMessagePaneBrowser().contentDocument?.body?.innerText;""")

    def ids(self, address=None):
        """The message ids of an inbox."""
        return self.js("return [...LL.inbox(A[0]).messages]"
                       ".map(m => m.messageId)", address)

    # ---- writing

    def compose(self, to="", subject="", body="", files=(), **more):
        """Open a compose window. more: cc, bcc."""
        self.js("await LL.compose(...A);", to, subject, body, more,
                list(files))

    def type(self, field, text):
        """Type into To, Cc, Bcc or Subject of the newest compose window."""
        self.js("await LL.type(...A);", field, text)

    def press_send(self):
        self.js("let w = LL.writing().at(-1); w.setTimeout(() => "
                "w.document.getElementById('button-send').click(), 0);")

    def writing(self):
        """How many compose windows are open."""
        return self.js("return LL.writing().length;")

    def sent(self, seconds=30):
        """Wait until the compose window is gone; KitError with the words of
        a dialog that is in the way."""
        def gone():
            """the letter sent"""
            said = self.dialogs()
            if said:
                raise KitError("; ".join(said))
            return not self.writing()
        wait_for(gone, seconds, 0.05)

    def cancel_sending(self):
        """Press Cancel in the window that shows how far it is."""
        self.js("""
        let w = [...Services.wm.getEnumerator(null)].find(
          w => w.location.href.includes('sendProgress'));
        w.document.querySelector('dialog').cancelDialog();""")

    def send_and_watch(self, seconds=150):
        """Press Send; the values that the progress meter takes until all is
        sent."""
        self.js(PROGRESS)
        self.press_send()
        self.sent(seconds)
        return self.js("LL.main().clearInterval(LL.main().ll_meter);"
                       "return LL.main().ll_progress;")

    def close_writing(self):
        """Close all compose windows, whatever is in them."""
        self.accept_dialogs()
        self.js("""
        for (let w of LL.writing()) { w.gContentChanged = false; w.close(); }
        await LL.until(() => !LL.writing().length, 5000, 'windows closed');""")

    def dialogs(self):
        """The words of all dialogs that are open."""
        return self.js("""
        return LL.dialogs().map(w => w.document.getElementById('infoBody')
          ?.textContent.trim()).filter(t => t);""")

    def accept_dialogs(self):
        self.js("""for (let w of LL.dialogs())
          w.document.querySelector('dialog').acceptDialog();""")

    # ---- the add-on

    def button(self, where):
        """label, badge, title, icon, disabled, hidden of a button of the
        add-on, or None; where: compose or message."""
        return self.js(BUTTON, where)

    def wait_label(self, where, label, seconds=15):
        """The button once its label is this."""
        last = [None]

        def is_so():
            last[0] = self.button(where)
            return last[0] and last[0]["label"] == label
        try:
            wait_for(is_so, seconds, 0.05)
        except KitError:
            raise KitError("the button does not say %r: %r" % (
                label, last[0]))
        return last[0]

    def open_popup(self, where, ready="body"):
        """Press a button; back when this selector is in its popup."""
        self.js("""
        if (!LL.popups().length) LL.button(A[0]).click();
        await LL.until(() => LL.popups().length, 10000, 'a popup');""", where)
        self.wait_popup(ready)

    def popups(self):
        """How many popups are open."""
        return self.js("return LL.popups().length;")

    def close_popup(self):
        self.js("""for (let b of LL.popups()) b.closest('panel').hidePopup();
        await LL.until(() => !LL.popups().length, 5000, 'popups closed');""")

    def popup(self, body, *args):
        """What this body of a function returns in the popup."""
        return self.js("return LL.within(LL.popups()[0], A[0], A[1]);", body,
                       list(args))

    def wait_popup(self, selector, seconds=10):
        """An element that matches is in the popup, and to be seen."""
        def there():
            """an element in the popup"""
            try:
                return self.popup("""
                let e = document.querySelector(arguments[0]);
                return !!e && e.getClientRects().length > 0;""", selector)
            except Refused:     # the page is being loaded, or gone
                return False
        try:
            wait_for(there, seconds, 0.05)
        except KitError:
            raise KitError("no %s in the popup: %s" % (
                selector, self.popup_text()
                if self.popups() else "there is none"))

    def popup_text(self, selector="body"):
        """The words of an element of the popup, or None."""
        return self.popup("return document.querySelector(arguments[0])"
                          "?.innerText ?? null;", selector)

    def wait_words(self, words, selector="body", page=None, seconds=15):
        """Until an element of the popup, or of a tab with this page, says
        so: all that it says."""
        last = [None]

        def says():
            body = ("return document.querySelector(arguments[0])?.innerText"
                    " ?? '';")
            try:
                last[0] = self.page(page, body, selector) if page else \
                    self.popup(body, selector)
            except Refused:     # it is being loaded
                return False
            return words in last[0]
        try:
            wait_for(says, seconds, 0.05)
        except KitError:
            raise KitError("%s does not say %r: %r" % (
                page or "the popup", words, last[0]))
        return last[0]

    def click(self, selector):
        """Click at an element of the popup, once it is there."""
        self.wait_popup(selector)
        self.popup("document.querySelector(arguments[0]).click();", selector)

    def background(self, body, *args):
        """What this body of a function returns in the background's page."""
        return self.js("return LL.within(LL.background(), A[0], A[1]);", body,
                       list(args))

    def pages(self):
        """The URLs of the tabs with pages of the add-on, without the host."""
        return self.js("return LL.pages().map(b => b.currentURI.filePath)")

    def page(self, name, body, *args):
        """The same as popup() in a tab with a page of the add-on."""
        return self.js("""
        let b = LL.pages().find(x => x.currentURI.filePath == '/' + A[0]);
        if (!b) throw new Error('no tab with ' + A[0]);
        return LL.within(b, A[1], A[2]);""", name, body, list(args))

    def close_tabs(self):
        """All but the first."""
        self.js("let t = LL.main().gTabmail; t.closeOtherTabs(t.tabInfo[0]);")


def host():
    """The native-messaging host that was built."""
    return built("letterlock-nmh")
