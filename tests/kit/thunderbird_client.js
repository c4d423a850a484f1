// SPDX-License-Identifier: GPL-3.0-or-later
// What Thunderbird's windows can be asked and told, run as the first part of
// each script of thunderbird_client.py: LL is put in front of that.
const LL = {
  id: "addon@letterlock",

  main: () => Services.wm.getMostRecentWindow("mail:3pane"),
  pane: () => LL.main().gTabmail.currentAbout3Pane ||
    LL.main().gTabmail.tabInfo[0].chromeBrowser.contentWindow,
  sleep: ms => new Promise(r => LL.main().setTimeout(r, ms)),

  async until(what, ms, name) {
    for (let end = Date.now() + ms; ; await LL.sleep(15)) {
      let got = await what();
      if (got) return got;
      if (Date.now() > end)
        throw new Error("not within " + ms + " ms: " + (name || what));
    }
  },

  make: (name, what) => Cc["@mozilla.org/" + name].createInstance(what),

  file(path) {
    let f = LL.make("file/local;1", Ci.nsIFile);
    f.initWithPath(path);
    return f;
  },

  // ---- folders and letters

  // of the account of this address, else of the first
  inbox(address) {
    let server = MailServices.accounts.accounts.map(a => a.incomingServer)
      .find(s => s.username == address) ||
      MailServices.accounts.defaultAccount.incomingServer;
    let get = () => server.rootFolder.getFolderWithFlags(
      Ci.nsMsgFolderFlags.Inbox);
    if (!get()) server.performExpand(null);
    return get();
  },

  async local(name) {
    let root = MailServices.accounts.localFoldersServer.rootFolder;
    let get = () => { try { return root.getChildNamed(name); }
                      catch (e) { return null; } };
    if (!get()) root.createSubfolder(name, null);
    return LL.until(get, 5000, "the folder");
  },

  fetch: (ms, address) => new Promise(done => {
    let box = LL.inbox(address);
    LL.main().setTimeout(() => done("timeout"), ms);
    MailServices.pop3.GetNewMail(LL.main().msgWindow, {
      QueryInterface: ChromeUtils.generateQI(["nsIUrlListener"]),
      OnStartRunningUrl() {}, OnStopRunningUrl(u, status) { done(status); },
    }, box, box.server);
  }),

  // A file of one letter into a folder, the way Thunderbird's own import goes.
  copy: (path, folder) => new Promise((done, bad) =>
    MailServices.copy.copyFileMessage(LL.file(path), folder, null, false, 0,
      "", {
        QueryInterface: ChromeUtils.generateQI(["nsIMsgCopyServiceListener"]),
        onStartCopy() {}, onProgress() {}, setMessageKey() {},
        getMessageId() { return null; },
        onStopCopy(s) { s ? bad(new Error("copy " + s)) : done(); } }, null)),

  async stored(folder, id) {
    let hdr = [...folder.messages].find(m => m.messageId == id);
    let {MsgHdrProcessor} = ChromeUtils.importESModule(
      "resource:///modules/ExtensionMessages.sys.mjs");
    return btoa(await new MsgHdrProcessor(hdr).getOriginalMessage());
  },

  async show(folder, id) {
    let p = LL.pane();
    LL.main().gTabmail.switchToTab(0);
    let hdr = [...folder.messages].find(m => m.messageId == id);
    if (!hdr) throw new Error("no letter " + id);
    p.displayFolder(folder.URI);
    await LL.until(() => p.gFolder?.URI == folder.URI && p.gDBView, 5000,
                   "the list");
    let b = p.messageBrowser.contentWindow, loaded = false;
    let on = () => { loaded = true; };
    p.addEventListener("MsgLoaded", on);
    b.addEventListener("MsgLoaded", on);
    p.threadTree.selectedIndex = -1;
    await LL.sleep(30);
    p.threadTree.selectedIndex = p.gDBView.findIndexOfMsgHdr(hdr, true);
    await LL.until(() => loaded, 15000, "the letter loaded");
    p.removeEventListener("MsgLoaded", on);
    b.removeEventListener("MsgLoaded", on);
  },

  // ---- writing

  writing: () => [...Services.wm.getEnumerator("msgcompose")],

  async compose(to, subject, body, more, files) {
    let fields = LL.make("messengercompose/composefields;1",
                         Ci.nsIMsgCompFields);
    Object.assign(fields, {to, subject, body}, more);
    for (let path of files) {
      let a = LL.make("messengercompose/attachment;1", Ci.nsIMsgAttachment);
      let f = LL.file(path);
      a.url = Services.io.newFileURI(f).spec;
      a.name = f.leafName;
      a.size = f.fileSize;
      fields.addAttachment(a);
    }
    let p = LL.make("messengercompose/composeparams;1",
                    Ci.nsIMsgComposeParams);
    p.type = Ci.nsIMsgCompType.New;
    p.format = Ci.nsIMsgCompFormat.PlainText;
    p.identity = MailServices.accounts.defaultAccount.defaultIdentity;
    p.composeFields = fields;
    let old = new Set(LL.writing());
    MailServices.compose.OpenComposeWindowWithParams(null, p);
    await LL.until(() => {
      let w = LL.writing().find(x => !old.has(x));
      return w?.document.readyState == "complete" && w.gMsgCompose &&
        w.composeEditorReady;
    }, 20000, "a compose window");
  },

  // Key by key into one of the fields To, Cc, Bcc or the Subject; a line end
  // is the Enter key.
  async type(field, text) {
    let w = LL.writing().at(-1), doc = w.document;
    let row = doc.getElementById("addressRow" + field);
    if (row?.classList.contains("hidden"))
      doc.getElementById("addr_" + field.toLowerCase() + "ShowAddressRowButton"
        )?.click();
    let box = doc.getElementById(row ?
      field.toLowerCase() + "AddrInput" : "msg" + field);
    box.focus();
    await LL.sleep(50);
    let tip = LL.make("text-input-processor;1", Ci.nsITextInputProcessor);
    if (!tip.beginInputTransactionForTests(w))
      throw new Error("cannot type");
    for (let c of text) {
      let key = new w.KeyboardEvent("", c == "\n" ?
        {key: "Enter", code: "Enter", keyCode: 13} : {key: c});
      tip.keydown(key);
      tip.keyup(key);
    }
  },

  // ---- the add-on's buttons and popups; where: "compose" or "message"

  home(where) {
    if (where == "compose") return LL.writing().at(-1);
    let tab = LL.main().gTabmail.currentTabInfo;
    return tab.mode.name == "mail3PaneTab" ?
      LL.pane().messageBrowser.contentWindow : tab.chromeBrowser.contentWindow;
  },

  button(where) {
    return LL.home(where)?.document.querySelector(
      "[data-extensionid='" + LL.id + "']");
  },

  popups() {
    let top = [...LL.writing(), LL.main()];
    return top.flatMap(w => [...w.document.querySelectorAll("panel browser")])
      .filter(b => b.currentURI?.scheme == "moz-extension" &&
              b.closest("panel").state == "open");
  },

  pages: () => LL.main().gTabmail.tabInfo.map(t => t.browser)
    .filter(b => b?.currentURI?.scheme == "moz-extension"),

  // its page that nobody sees
  background() {
    let {GlobalManager} = ChromeUtils.importESModule(
      "resource://gre/modules/ExtensionParent.sys.mjs").ExtensionParent;
    return [...GlobalManager.getExtension(LL.id).views]
      .find(v => v.viewType == "background")?.xulBrowser;
  },

  // Within a page of the add-on, which lives in another process.
  within: (browser, body, args) => browser.browsingContext.currentWindowGlobal
    .getActor("MarionetteCommands").executeScript(body, args,
      {sandboxName: null, newSandbox: true, timeout: 20000, async: false}),

  // ---- dialogs, also those within a window

  dialogs: () => [...Services.wm.getEnumerator(null)].flatMap(w => [w,
      ...[...w.document.querySelectorAll(".dialogFrame")]
        .map(f => f.contentWindow)])
    .filter(w => w?.location.href.includes("commonDialog")),
};
