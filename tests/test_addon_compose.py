# SPDX-License-Identifier: GPL-3.0-or-later
"""The compose button and its popup, in a real Thunderbird with a live agent:
what is said of a letter, what stops it, and what can be done about it."""
import json
import os
import re
import signal
import threading
import time

import pytest

from kit import folder, keys, letters, wait_for
from kit.dirmngr import Dirmngr
from kit.plugin import Plugin, path
from kit.provider import Provider, say
from kit.thunderbird_client import Client, host
from people import ALICE, BOB, CAROL, DAN, EVE
from test_wkd import octets

ADDON = os.path.abspath(os.path.join(os.path.dirname(__file__), "..",
                                     "plugin-api", "thunderbird"))
WORK = "alice@work.example"

# A field of the newest compose window, its value as it will be sent.
HEADER = """
let f = LL.writing().at(-1).gMsgCompose.compFields;
return f.hasHeader(A[0]) ? f.getHeader(A[0]) : null;"""

# What the functions without Thunderbird and agent say, as JSON.
STATE = """
let s = new Cu.Sandbox(null, {wantGlobalProperties: ["URL"]});
let text = await IOUtils.readUTF8(A[0]);
return A[1].map(expression => Cu.evalInSandbox(
  "(() => {" + text + "; let {complete, fold, accountOf, wishOf, withWish," +
  " codeOf, faceOf} = composeState; return JSON.stringify(" + expression +
  ") ?? null; })()", s));"""

# compose_sent.js in a Thunderbird that does not say what it has sent.
SENT = """
let s = new Cu.Sandbox(null, {});
let text = await IOUtils.readUTF8(A[0]);
s.done = new Promise(done => s.tell = done);
Cu.evalInSandbox(`
  let heard, after, on = {addListener() {}};
  let messenger = {
    runtime: {onMessage: {addListener: f => heard = f}},
    windows: {onRemoved: on, create: async () => ({id: 1})},
    compose: {onAfterSend: {addListener: f => after = f}}};
  let host = {onEvent() {}}, setTimeout = f => f();
  let compose = {accountsAnyhow: async () => []};
  let composeRead = {parse: async text => [{email: text}]};
  let composeState = {accountOf: () => ({})};
  ${text};
  composeSent.promise(1, "sealed", {from: "a@b.c", to: ["x@y.z"], subject: "S"});
  after({id: 1}, {mode: "sendNow", headerMessageId: "<1@b.c>"})
    .then(() => heard({to: "compose-sent"}))
    .then(r => tell(JSON.stringify(r.letters)), e => tell(String(e)));`, s);
return s.done;"""

OPEN_DRAFT = """
let find = () => MailServices.accounts.accounts.map(a => a.incomingServer
  .rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Drafts))
  .find(f => f?.getTotalMessages(false));
let w = LL.writing()[0], old = new Set(LL.writing());
w.SaveAsDraft();
let drafts = await LL.until(find, 10000, 'a draft');
let hdr = await LL.until(() => [...drafts.messages][0], 5000, 'its header');
await LL.until(() => !w.gSaveOperationInProgress, 5000, 'it saved');
w.gContentChanged = false;
w.close();
MailServices.compose.OpenComposeWindow(null, hdr, drafts.getUriForMsg(hdr),
  Ci.nsIMsgCompType.Draft, Ci.nsIMsgCompFormat.Default,
  MailServices.accounts.defaultAccount.defaultIdentity, null,
  LL.main().msgWindow);
await LL.until(() => LL.writing().some(x => !old.has(x) &&
  x.composeEditorReady), 10000, 'the draft open');"""

REPLY = """
let hdr = [...LL.inbox().messages].find(m => m.messageId == A[0]);
MailServices.compose.OpenComposeWindow(null, hdr,
  hdr.folder.getUriForMsg(hdr), Ci.nsIMsgCompType.ReplyToSender,
  Ci.nsIMsgCompFormat.Default,
  MailServices.accounts.defaultAccount.defaultIdentity, null,
  LL.main().msgWindow);
await LL.until(() => LL.writing()[0]?.composeEditorReady, 10000, 'a reply');"""

# A page of the add-on in a window of its own.
IN_WINDOW = """
let w = await LL.until(() => [...Services.wm.getEnumerator(null)].find(
  w => w.location.href.endsWith('/extensionPopup.xhtml') && w.document
    .querySelector('browser')?.currentURI?.filePath == '/' + A[0]),
  A[3], 'a window with ' + A[0]);
return LL.within(w.document.querySelector('browser'), A[1], A[2]);"""

CLOSE_WINDOWS = """
for (let w of [...Services.wm.getEnumerator(null)])
  if (w.location.href.endsWith('/extensionPopup.xhtml')) w.close();"""


@pytest.fixture(scope="module")
def bird(make_once):
    with Provider("smtp", {ALICE: "x"}) as p, \
            Provider("pop3", {ALICE: "x"}) as q, folder("lac") as d:
        home = make_once.home(["alice"], public=["carol"], trusted=["bob"])
        a = make_once.agent(home, {ALICE: {"smtp": p.conf, "pop3": q.conf}},
                            {"discover": "wkd"})
        with Client(d, a, ALICE, "Alice Example", "x", ADDON, host()) as c:
            c.smtp, c.inbox, c.keyring = p, q, home
            with Dirmngr(home) as c.dirmngr:
                yield c


@pytest.fixture(autouse=True)
def tidy(bird):
    yield
    while bird.popups():
        bird.close_popup()
    bird.js(CLOSE_WINDOWS)
    bird.close_writing()


def letter(bird, to, label):
    bird.compose(to, "Subject", "Text")
    return bird.wait_label("compose", label)


def call(bird, name, **members):
    with Plugin(path(bird.agent)) as p:
        return p.call(name, **members)["ok"]


def in_window(bird, name, body, *args, seconds=10):
    return bird.js(IN_WINDOW, name, body, list(args), seconds * 1000)


@pytest.mark.parametrize("expression, want", [
    ("['bob@example.org', '\"b b\"@x', 'bob', 'a@b@c', 'bob@', 'a b@c']"
     ".map(complete)", [True, False, False, False, False, False]),
    ("fold('Bob@B\\u00fccher.Example.')", "bob@xn--bcher-kva.example"),
    ("accountOf([{address: 'a@b.c', aliases: ['*@x.y']}], 'Me@X.Y').address",
     "a@b.c"),
    ("accountOf([{address: 'a@b.c', aliases: ['*@x.y']}], 'me@zx.y')", None),
    ("accountOf([{address: 'a@b.c', submission: false}], 'a@b.c')", None),
    ("wishOf([{name: 'x-letterlock', value: 'Encrypt=NO; sign=maybe'}])",
     {"encrypt": False}),
    ("withWish([{name: 'X-A', value: '1'}, {name: 'X-LETTERLOCK', value: ''}],"
     " {encrypt: true, sign: false})",
     [{"name": "X-A", "value": "1"},
      {"name": "X-Letterlock", "value": "encrypt=yes; sign=no"}]),
    ("withWish([{name: 'X-Letterlock', value: 'sign=no'}], {})", []),
    ("codeOf(' [CLEAR 0042] Hello')", 42),
    ("codeOf('Hello [clear 0042]') ?? null", None)])
def test_without_windows(bird, expression, want):
    got = bird.js(STATE, os.path.join(ADDON, "compose_state.js"), [expression])
    assert json.loads(got[0]) == want


def test_sent_in_an_older_thunderbird(bird):
    """Before 147 only what was to be sent is known: a warning comes all the same."""
    letter, = json.loads(bird.js(SENT, os.path.join(ADDON, "compose_sent.js")))
    assert (letter["kind"], letter["from"], letter["to"], letter["subject"]) == (
        "unseen", "a@b.c", ["x@y.z"], "S")


def face(**more):
    """What the button shows: its name. more: over a letter sealed for all."""
    letter = {"account": {"address": ALICE}, "error": None, "foreign": None,
              "pending": False, "key": "unlocked", "wish": {}, "lists": [],
              "bad": [], "news": False, "from": ALICE, "answer": {
                  "outcome": "sealed", "signed": True, "key": "usable",
                  "recipients": [{"address": BOB, "state": "sealed"}]}}
    answer = more.pop("answer", {})
    letter.update(more)
    if answer is None:
        letter["answer"] = None
    else:
        letter["answer"].update(answer)
    return "faceOf(%s).name" % json.dumps(letter)


def test_what_is_never_called_sealed(bird):
    states = [
        (face(), "sealed"),
        (face(key="locked"), "locked"),
        (face(key="locked", answer={"signed": False}), "sealed"),
        (face(account=None), "other"),
        (face(foreign="OpenPGP"), "own"),
        (face(pending=True), "checking"),
        (face(news=True), "readable"),
        (face(lists=["Friends"]), "unsure"),
        (face(bad=["bob"]), "unsure"),
        (face(answer={"key": "expired"}), "refused"),
        (face(answer={"outcome": "refused"}), "refused"),
        (face(answer={"outcome": "readable"}), "readable"),
        (face(answer=None), "idle"),
        (face(answer=None, error={"code": "failed", "text": ""}), "unsure"),
        (face(error={"code": "timeout", "text": ""}), "not-running"),
        (face(answer={"outcome": "refused", "recipients": [
            {"address": EVE, "state": "no-key"}]}), "no-key"),
        (face(answer={"outcome": "refused", "recipients": [
            {"address": EVE, "state": "no-key"},
            {"address": BOB, "state": "changed"}]}), "refused")]
    got = bird.js(STATE, os.path.join(ADDON, "compose_state.js"),
                  [e for e, _ in states])
    assert [json.loads(g) for g in got] == [want for _, want in states]


def test_code_before_the_subject(bird):
    letter(bird, "new@example.net", "1 without key")
    bird.press_send()
    bird.wait_popup("#words")
    words = bird.popup_text("#words")
    code = re.search(r"\[clear \d{4}\]", words).group()
    bird.close_popup()
    bird.js("LL.writing()[0].document.getElementById('msgSubject').value ="
            "A[0] + ' Subject'", code)
    bird.wait_label("compose", "Readable")
    before = len(bird.smtp.accepted)
    bird.press_send()
    bird.sent()
    assert len(bird.smtp.accepted) == before + 1


def test_switches(bird):
    letter(bird, BOB, "Sealed")
    bird.js("LL.writing()[0].gMsgCompose.compFields.setHeader('X-Other', 'y')")
    bird.open_popup("compose", "#sign")
    bird.click("#sign")
    wait_for(lambda: "not signed" in bird.popup_text("#summary"), 5)
    assert bird.js(HEADER, "X-Letterlock") == "sign=no"
    bird.click("#seal")
    bird.wait_label("compose", "Readable")
    assert bird.js(HEADER, "X-Letterlock") == "encrypt=no; sign=no"
    bird.click("#seal")
    bird.click("#sign")
    wait_for(lambda: bird.js(HEADER, "X-Letterlock") is None, 5)
    bird.wait_label("compose", "Sealed")
    assert bird.js(HEADER, "X-Other") == "y"


def test_a_switch_and_send_at_once(bird):
    """What a switch says counts, though Send comes before all was asked."""
    letter(bird, BOB, "Sealed")
    bird.open_popup("compose", "#sign")
    asked = bird.agent.role("plugin")
    for p in asked:         # so that it takes long
        os.kill(p.pid, signal.SIGSTOP)
    try:
        bird.click("#sign")
        bird.press_send()
        bird.sent()
    finally:
        for p in asked:
            os.kill(p.pid, signal.SIGCONT)
    got = keys.Decrypted(bird.keyring, letters.cipher(
        bird.smtp.accepted[-1].data))
    assert got.ok and got.signer is None


def test_names_are_only_text(bird):
    name = '<img src=x onerror="document.body.remove()">'
    letter(bird, '"%s" <%s>, Bob <BOB@example.org>' % (
        name.replace('"', r'\"'), BOB), "Sealed")
    bird.open_popup("compose", "#recipients li")
    assert name in bird.popup_text("#recipients li .address")
    assert bird.popup("return document.querySelectorAll('#recipients li')"
                      ".length;") == 1


def test_look_for_a_key(bird):
    letter(bird, DAN, "1 without key")
    bird.open_popup("compose", "[data-do='find']")
    wait_for(lambda: DAN in bird.dirmngr.asked)
    gate = bird.dirmngr.gives[DAN] = threading.Event()
    before = bird.dirmngr.asked.count(DAN)
    time.sleep(2.1)     # not so soon after the first
    bird.click("[data-do='find']")
    wait_for(lambda: bird.dirmngr.asked.count(DAN) > before)
    assert bird.popup_text("#notice").startswith("Looking for a key")
    gate.set()
    bird.wait_words("nor at that person's provider", "#notice")
    bird.dirmngr.gives[DAN] = octets("dan")
    time.sleep(2.1)
    bird.click("[data-do='find']")
    bird.wait_words("There is a usable key of", "#notice")
    bird.wait_label("compose", "Sealed")


def test_popup_by_keys(bird):
    """It begins at its heading; the first Tab leads to what can be done."""
    letter(bird, EVE, "1 without key")
    bird.open_popup("compose", "[data-do='find']")
    at = """
    let e = document.activeElement;
    return e.id || e.dataset.do;"""
    wait_for(lambda: bird.popup(at) == "summary", 5)
    bird.js("""
    let w = LL.writing()[0], key = new w.KeyboardEvent("", {
      key: "Tab", code: "Tab", keyCode: 9});
    LL.popups()[0].focus();
    let tip = LL.make("text-input-processor;1", Ci.nsITextInputProcessor);
    tip.beginInputTransactionForTests(w);
    tip.keydown(key);
    tip.keyup(key);""")
    wait_for(lambda: bird.popup(at) == "find", 5)
    assert bird.popup("""
    return [...document.querySelectorAll("button, input")].filter(
      e => e.getClientRects().length && !(e.textContent || e.ariaLabel ||
        e.labels?.length)).length;""") == 0


def test_wish_of_a_draft(bird):
    """What makes it safer is kept, what others might have put there not."""
    letter(bird, BOB, "Sealed")
    bird.js("LL.writing()[0].gMsgCompose.compFields.setHeader("
            "'X-Letterlock', 'encrypt=yes; sign=no');")
    bird.js(OPEN_DRAFT)
    bird.wait_label("compose", "Sealed")
    wait_for(lambda: bird.js(HEADER, "X-Letterlock") == "encrypt=yes", 5)


def test_encryption_of_thunderbird(bird):
    letter(bird, BOB, "Sealed")
    bird.js("""
    let w = LL.writing()[0];
    w.gSelectedTechnologyIsPGP = w.gSendEncrypted = true;
    w.document.getElementById('button-encryption').setAttribute(
      'checked', 'true');""")
    bird.wait_label("compose", "OpenPGP is on")


def test_own_windows_and_identities(bird):
    """Each window has its own button; a sender whom the agent doesn't know
    is never called sealed."""
    bird.js("""
    let id = MailServices.accounts.createIdentity();
    id.email = A[0];
    id.smtpServerKey = 'smtp1';
    MailServices.accounts.defaultAccount.addIdentity(id);""", WORK)
    letter(bird, BOB, "Sealed")
    letter(bird, BOB, "Sealed")
    bird.js("""
    let w = LL.writing().at(-1), list = w.document.getElementById('msgIdentity');
    list.selectedItem = [...list.menupopup.children].find(
      e => e.getAttribute('value')?.includes(A[0]));
    w.LoadIdentity(false);""", WORK)
    bird.wait_label("compose", "Not through Letterlock")
    bird.js("let w = LL.writing().at(-1); w.gContentChanged = false; w.close()")
    bird.wait_label("compose", "Sealed")


def test_agent_that_hangs(bird):
    """The window is not held up; the SMTP side still does what it must."""
    letter(bird, BOB, "Sealed")
    asked = bird.agent.role("plugin")
    assert asked
    for p in asked:
        os.kill(p.pid, signal.SIGSTOP)
    try:
        bird.press_send()
        wait_for(lambda: bird.js("return LL.writing()[0]?.gWindowLocked"), 5,
                 0.01)
        began = time.monotonic()
        bird.js("await LL.until(() => !LL.writing()[0]?.gWindowLocked ||"
                "LL.writing()[0]?.gSendOperationInProgress, 9000, 'it sent')")
        assert time.monotonic() - began < 3
        bird.sent()
    finally:
        for p in asked:
            os.kill(p.pid, signal.SIGCONT)
    assert b"multipart/encrypted" in bird.smtp.accepted[-1].data


def test_allow_a_contact(bird):
    """Only behind a step that says what it means, and until it is taken
    back."""
    someone = "someone@example.net"
    letter(bird, someone, "1 without key")
    bird.open_popup("compose", "[data-do='allow-contact']")
    bird.click("[data-do='allow-contact']")
    bird.wait_popup(".step")
    assert "readable by anyone" in bird.popup_text(".step")
    assert call(bird, "contacts", address=someone)["contacts"] == []
    bird.click("[data-do='allow-contact-yes']")
    bird.wait_label("compose", "Readable")
    bird.click("[data-do='forbid-contact']")
    bird.wait_label("compose", "1 without key")


def test_answer_to_a_sealed_letter(bird):
    """It quotes what came sealed, so there is no way to send it readable."""
    box = keys.encrypt(bird.keyring, letters.payload(
        sender="new@example.net", to=(ALICE,)), ["alice"])
    raw = letters.sealed(box, sender="new@example.net", to=(ALICE,))
    bird.inbox.mailbox[:] = [("u1", raw)]
    assert bird.fetch() == 0
    bird.js(REPLY, letters.field(raw, "Message-ID")[1:-1])
    bird.wait_label("compose", "1 without key")
    bird.open_popup("compose", "#allow-once-means")
    assert "it answers a sealed letter" in bird.popup_text("#readable")
    assert bird.popup("return document.querySelector('#allow-once').hidden;")


def test_invite(bird):
    """A letter with the own key, which its reader can open without one."""
    letter(bird, EVE, "1 without key")
    bird.open_popup("compose", "[data-do='invite']")
    bird.click("[data-do='invite']")
    wait_for(lambda: bird.writing() == 2)
    bird.wait_label("compose", "Readable")
    before = len(bird.smtp.accepted)
    bird.press_send()
    wait_for(lambda: len(bird.smtp.accepted) > before)
    got = bird.smtp.accepted[-1]
    assert got.to == [EVE]
    assert b"-----BEGIN PGP PUBLIC KEY BLOCK-----" in got.data
    assert letters.field(got.data, "X-Letterlock") is None


def test_import(bird):
    """In a window of its own, which the choice of a file doesn't close."""
    frank = keys.ADDR["frank"]
    letter(bird, frank, "1 without key")
    bird.open_popup("compose", "[data-do='import']")
    bird.click("[data-do='import']")
    give = """
    let data = new DataTransfer(), file = document.querySelector('#file');
    data.items.add(new File([arguments[0]], 'key.asc'));
    file.files = data.files;
    file.dispatchEvent(new Event('change'));"""
    notice = "return document.querySelector('#notice').textContent;"
    wait_for(lambda: in_window(bird, "compose_popup.html", """
    return document.querySelectorAll('#recipients li').length;"""))
    with open(keys.asc("frank", secret=True), encoding="ascii") as f:
        in_window(bird, "compose_popup.html", give, f.read())
    wait_for(lambda: "no public key" in in_window(
        bird, "compose_popup.html", notice))
    with open(keys.asc("dan"), encoding="ascii") as f:
        in_window(bird, "compose_popup.html", give, f.read())
    wait_for(lambda: "still cannot" in in_window(bird, "compose_popup.html",
                                                 notice))
    with open(keys.asc("frank"), encoding="ascii") as f:
        in_window(bird, "compose_popup.html", give, f.read())
    bird.wait_label("compose", "Sealed")


def test_changed_key(bird, make_once):
    letter(bird, CAROL, "Sealed")
    bird.press_send()
    bird.sent()
    home = make_once.home(public=["alice"])
    _, _, said = keys.run(home, "--passphrase", "", "--quick-gen-key",
                          "Carol <%s>" % CAROL, "future-default", "default",
                          "0")
    new = re.search(r"KEY_CREATED . (\w{40})", said).group(1)
    call(bird, "keys", **{"import": keys.run(
        home, "--armor", "--export", new)[1].decode()})
    letter(bird, CAROL, "Will be refused")
    bird.press_send()
    bird.wait_popup("#words")
    assert "has a new key" in bird.popup_text("#words")
    bird.click("[data-do='accept']")
    bird.wait_popup(".step input:checked")
    assert bird.popup("return document.querySelector('.step input:checked')"
                      ".value;") == new
    bird.click("[data-do='accept-verified']")
    bird.wait_label("compose", "Sealed")
    assert [k["verified"] for k in call(bird, "keys", address=CAROL)["keys"]
            if k["fpr"] == new] == [True]


def test_sent_past_the_agent(bird):
    """By another server, of which the button can't know: it is said after, and
    of this letter alone."""
    with Provider("smtp", {}, mechs="", hooks={"mail": say("250 ok")}) as other:
        bird.js("""
        let s = MailServices.outgoingServer.createServer('smtp');
        s.QueryInterface(Ci.nsISmtpServer);
        s.hostname = '127.0.0.1';
        s.port = A[0];
        s.authMethod = 1;
        MailServices.accounts.defaultAccount.defaultIdentity.smtpServerKey =
          s.key;""", other.port)
        letter(bird, BOB, "Sealed")
        bird.press_send()
        bird.sent()
        assert len(other.accepted) == 1
    text = in_window(bird, "compose_warning.html", "return new Promise(done =>"
                     "setTimeout(() => done(document.body.innerText), 300));",
                     seconds=20)
    assert "did not go through Letterlock" in text and BOB in text
    assert in_window(bird, "compose_warning.html", """
    return document.querySelectorAll('#letters li').length;""") == 1
