# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Thunderbird without a display, as the other party: with its own
OpenPGP it shows letters, and writes, signs and encrypts some."""
import os

from . import KitError, provider, wait_for, write
from .thunderbird_profile import account
from .thunderbird_program import Program

# What Thunderbird's numbers of a signature's state mean.
SIGNATURE = {0: "none", 1: "valid-self", 2: "valid-key-verified",
             3: "valid-key-unverified", 4: "key-unavailable",
             5: "uid-mismatch", 6: "key-not-accepted", 7: "invalid",
             8: "invalid-key-rejected", 9: "invalid-date-mismatch"}

IMPORT = """
let mod = n => ChromeUtils.importESModule(
  'chrome://openpgp/content/modules/' + n + '.sys.mjs');
const {RNP} = mod('RNP'), {EnigmailKeyRing} = mod('keyRing');
await mod('core').EnigmailCore.init();
let armor = A[0], mine = A[1], accepted = A[2];
let r = mine
  ? await RNP.importSecKeyBlockImpl(null, () => {
      throw new Error('this key has a passphrase'); }, false, armor)
  : await RNP.importPubkeyBlockAutoAcceptImpl(null, armor, accepted);
EnigmailKeyRing.clearCache();
// what is imported is told by key id, what is accepted by fingerprint
let fprs = r.importedKeys.map(k => EnigmailKeyRing.getKeyById(k).fpr);
if (!fprs.length) throw new Error('nothing imported: ' + r.errorMsg);
if (mine) {
  await mod('sqliteDb').PgpSqliteDb2.acceptAsPersonalKey(fprs[0]);
  let id = MailServices.accounts.defaultAccount.defaultIdentity;
  id.setUnicharAttribute('openpgp_key_id', fprs[0].slice(-16));
  id.setIntAttribute('e2etechpref', 1);
}
return fprs[0];"""

SHOW = """
let w = Services.wm.getMostRecentWindow('mail:3pane');
let p3 = w.gTabmail.currentAbout3Pane;
let sleep = ms => new Promise(r => w.setTimeout(r, ms));
let until = async (what, ms) => {
  for (let end = Date.now() + ms; !what() && Date.now() < end;) await sleep(15);
  return what(); };
let child = () => { try { return root.getChildNamed('read'); }
                    catch (e) { return null; } };
let root = MailServices.accounts.localFoldersServer.rootFolder;
if (!child()) root.createSubfolder('read', null);
let folder = await until(child, 5000);

let file = Cc['@mozilla.org/file/local;1'].createInstance(Ci.nsIFile);
file.initWithPath(A[0]);
let old = new Set([...folder.messages].map(m => m.messageKey));
let status = await new Promise(res => MailServices.copy.copyFileMessage(
  file, folder, null, false, 0, '', {
    QueryInterface: ChromeUtils.generateQI(['nsIMsgCopyServiceListener']),
    onStartCopy() {}, onProgress() {}, setMessageKey() {},
    getMessageId() { return null; }, onStopCopy(s) { res(s); } }, null));
if (status) throw new Error('copyFileMessage ' + status);
let hdr = [...folder.messages].find(m => !old.has(m.messageKey));

p3.displayFolder(folder.URI);
await until(() => p3.gFolder?.URI == folder.URI && p3.gDBView, 5000);
let mb = p3.messageBrowser.contentWindow, loaded = false, judged = false;
let onLoad = () => { loaded = true; }, onPgp = () => { judged = true; };
p3.addEventListener('MsgLoaded', onLoad);
mb.addEventListener('MsgLoaded', onLoad);
mb.document.addEventListener('openpgpprocessed', onPgp);
await sleep(50);
p3.threadTree.selectedIndex = -1;
await sleep(30);
p3.threadTree.selectedIndex = p3.gDBView.findIndexOfMsgHdr(hdr, true);
await until(() => loaded, 10000);
await until(() => judged, A[1]);
await sleep(100);
p3.removeEventListener('MsgLoaded', onLoad);
mb.removeEventListener('MsgLoaded', onLoad);
mb.document.removeEventListener('openpgpprocessed', onPgp);

const {MsgHdrProcessor} = ChromeUtils.importESModule(
  'resource:///modules/ExtensionMessages.sys.mjs');
let mime = null, refused = null;
try { mime = await new MsgHdrProcessor(hdr).getDecryptedMessage(); }
catch (e) { refused = String(e); }
let pgp = mb.Enigmail.hdrView, shown = mb.document;
let box = n => shown.getElementById('expanded' + n + 'Box');
return {
  loaded, judged, mime, refused,
  signature: pgp.msgSignatureState, encryption: pgp.msgEncryptionState,
  signer: pgp.msgSignatureKeyId,
  subject: box('subject')?.value?.textContent,
  sender: [...(box('from')?.querySelectorAll('.recipient-single-line') || [])]
    .map(e => e.textContent),
  listed: hdr.mime2DecodedSubject,
  body: mb.getMessagePaneBrowser().contentDocument?.body?.innerText,
  attachments: (mb.currentAttachments || []).map(a => a.name),
  notes: [...shown.querySelectorAll('notification-message')].map(
    n => (n.shadowRoot || n).textContent.trim())};"""

COMPOSE = """
let [to, bcc, subject, body, files, encrypt, sign] = A;
let id = MailServices.accounts.defaultAccount.defaultIdentity;
id.encryptionPolicy = encrypt ? 2 : 0;
id.signMail = sign;
id.protectSubject = true;
let make = (name, what) => Cc['@mozilla.org/' + name].createInstance(what);
let fields = make('messengercompose/composefields;1', Ci.nsIMsgCompFields);
Object.assign(fields, {to, bcc, subject, body});
for (let path of files) {
  let f = make('file/local;1', Ci.nsIFile);
  f.initWithPath(path);
  let a = make('messengercompose/attachment;1', Ci.nsIMsgAttachment);
  a.url = Services.io.newFileURI(f).spec;
  a.name = f.leafName;
  a.size = f.fileSize;
  fields.addAttachment(a);
}
let p = make('messengercompose/composeparams;1', Ci.nsIMsgComposeParams);
p.type = Ci.nsIMsgCompType.New;
p.format = Ci.nsIMsgCompFormat.PlainText;
p.identity = id;
p.composeFields = fields;
let main = Services.wm.getMostRecentWindow('mail:3pane'), w;
let sleep = ms => new Promise(r => main.setTimeout(r, ms));
MailServices.compose.OpenComposeWindowWithParams(null, p);
for (let i = 0; i < 500; i++) {
  w = Services.wm.getMostRecentWindow('msgcompose');
  if (w?.document.readyState == 'complete' && w.gMsgCompose &&
      w.composeEditorReady) break;
  await sleep(20);
}
if (!w?.composeEditorReady) throw new Error('no compose window');
await sleep(300);
// the window sets them, too, once it has looked at the recipients' keys
for (let calm = 0, i = 0; calm < 3 && i < 50; i++) {
  calm = w.gSendEncrypted == encrypt && w.gSendSigned == sign ? calm + 1 : 0;
  w.gSendEncrypted = encrypt;
  w.gSendSigned = sign;
  w.gUserTouchedSendSigned = true;
  await sleep(100);
}
w.setTimeout(() => w.goDoCommand('cmd_sendNow'), 0);"""

# Is the window gone? If not, what stands in the way?
SENT = """
let open = [...Services.wm.getEnumerator('msgcompose')];
let texts = [...Services.wm.getEnumerator(null)].flatMap(
    w => [w, ...[...w.document.querySelectorAll('.dialogFrame')].map(
      f => f.contentWindow)])
  .filter(w => w?.location.href.includes('commonDialog'))
  .map(w => w.document.getElementById('infoBody')?.textContent);
if (open.some(w => w.document.getElementById('keyAssistant')?.open))
  texts.push('OpenPGP Key Assistant: no usable key');
return {open: open.length, texts: texts.filter(t => t)};"""

CLOSE = """
for (let w of Services.wm.getEnumerator('msgcompose')) {
  w.gContentChanged = false;
  w.close();
}"""


class Shown:
    """What the reader sees of a letter: subject (listed: in the list), sender,
    body, attachments, notes; the signature's state by name, its key ID;
    whether it was encrypted and could be opened; mime: all of it decrypted,
    None when that was refused."""

    def __init__(self, got):
        vars(self).update(got)
        self.signature = SIGNATURE[got["signature"]]
        # Enigmail's numbers: 0 not encrypted, 1 opened, 3 not to be opened
        self.opened = got["encryption"] == 1

    def __repr__(self):
        return "<%s>" % ", ".join("%s=%r" % x for x in vars(self).items())


class Thunderbird(Program):
    """folder: short, its own. It sends to a provider of its own, which takes
    letters without a login."""

    def __init__(self, folder, address, name):
        super().__init__(folder)
        self.sink = provider.Provider("smtp", {}, mechs="", hooks={
            "mail": provider.say("250 2.1.0 ok")})
        self.address, self.name = address, name

    def start(self):
        self.sink.start()
        self.launch(account(self.profile, self.address, self.name,
                            self.sink.port))

    def stop(self):
        super().stop()
        self.sink.stop()

    # ---- what it does

    def own(self, armored):
        """This secret key becomes the one of its identity: fingerprint."""
        return self.js(IMPORT, armored, True, None)

    def knows(self, armored, accepted="verified"):
        """It accepts a public key (verified, unverified, rejected,
        undecided): fingerprint."""
        return self.js(IMPORT, armored, False, accepted)

    def show(self, raw, seconds=3):
        """It shows this letter: Shown. seconds: how long to wait for its
        word on the OpenPGP in it."""
        path = write(os.path.join(self.d, "letter.eml"),
                     raw.replace(b"\r\n", b"\n"))   # as in its folders
        return Shown(self.js(SHOW, path, int(seconds * 1000)))

    def send(self, to, subject, body, encrypt=True, sign=True, files=(),
             bcc=""):
        """It writes a letter in its window and sends it: the octets that went
        over SMTP. KitError with its words if it does not."""
        n = len(self.sink.accepted)
        self.js(COMPOSE, to, bcc, subject, body, list(files), encrypt, sign)

        def gone():
            """the letter sent"""
            now = self.js(SENT)
            if now["texts"]:
                self.js(CLOSE)
                raise KitError("; ".join(now["texts"]))
            return not now["open"] and len(self.sink.accepted) > n
        wait_for(gone, 30, 0.05)
        return self.sink.accepted[-1].data
