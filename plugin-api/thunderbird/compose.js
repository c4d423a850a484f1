/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writing, in the background: looks what stands in the compose windows, asks
 * the agent what it means, shows it on the button, and stops a letter that the
 * agent would refuse. */
"use strict";

/*
 * Pages ask by runtime messages {to: "compose", op, tabId, ...}, answered by a
 * view (see view()), and hear {to: "compose-page", view} when it changes:
 *   look                    ask the agent anew
 *   wish {name, value}      X-Letterlock; value true, false, or null
 *   invite {address}        open the letter that asks for a key
 *   window {address}        open the popup's page in a window of its own
 */
const compose = (() => {
	/* There is no event for changed recipients. */
	const POLL_MS = 500;
	const POLL_MOST_MS = 4000;
	/* A window that isn't ready holds up no other. */
	const LOOK_MS = 3000;
	/* Asked again so often, since others may change keys and contacts. */
	const AGAIN_MS = 20000;
	const ASK_MS = 8000;
	/* The window is locked meanwhile; the limit is 3 s. */
	const SEND_MS = 2200;
	const OPEN_MS = [20, 50, 100, 200, 400];
	const FOCUS_MS = 1500;
	/* A new answer mostly comes before anybody could read "checking". */
	const CHECKING_MS = 250;

	const letters = new Map();      /* tab id -> letter */
	let timer = null;
	let took = [0, 0];              /* by the last two looks */

	function wait(ms, value) {
		return new Promise(done => setTimeout(done, ms, value));
	}

	function failure(e) {
		return {code: e.code || "failed", text: e.text || String(e)};
	}

	/* ---- what the agent said a short while ago ---- */

	/* A function that asks at most every AGAIN_MS, and once at a time. */
	function remembered(ask) {
		let promise = null, time = 0;
		const get = () => {
			if (!promise || Date.now() - time > AGAIN_MS) {
				time = Date.now();
				promise = ask();
				promise.catch(() => promise = null);
			}
			return promise;
		};

		get.forget = () => promise = null;
		return get;
	}

	const accounts = remembered(async () => {
		const ok = await host.ask("accounts", {}, ASK_MS);

		messenger.storage.local.set({compose_accounts: ok.accounts});
		return ok.accounts;
	});
	const keys = remembered(async () => {
		const ok = await host.ask("status", {keys: true}, ASK_MS);

		return new Map(ok.accounts.map(a => [a.address, a.key]));
	});

	/* Those known last, for when the agent is not there. */
	async function accountsAnyhow() {
		try {
			return await accounts();
		} catch (e) {
			const kept = await messenger.storage.local.get(
				"compose_accounts");
			return kept.compose_accounts || [];
		}
	}

	/* ---- what the agent says of it ---- */

	function request(l, account, wish) {
		const m = {account: account.address,
			to: l.to.map(r => r.address)};

		for (const name of ["encrypt", "sign"])
			if (typeof wish[name] == "boolean")
				m[name] = wish[name];
		if (l.answers.length)
			m.answers = l.answers;
		if (l.code !== undefined)
			m.code = l.code;
		return m;
	}

	/* {account, answer, error}, as in composeState.faceOf(). */
	async function judge(l, wish = l.wish) {
		const got = {account: undefined, answer: null, error: null};

		try {
			got.account = composeState.accountOf(await accounts(), l.from);
			if (got.account && l.to.length)
				got.answer = await host.ask("recipients",
					request(l, got.account, wish), ASK_MS);
		} catch (e) {
			if (e.code == "no-account") {
				accounts.forget();
				got.account = null;
			} else {
				got.error = failure(e);
			}
		}
		return got;
	}

	/* Judge, unless it is judged anew meanwhile, and show it. */
	async function update(l) {
		const serial = ++l.serial;

		l.asked = Date.now();
		const got = await judge(l);
		if (serial != l.serial || letters.get(l.tabId) != l)
			return got;
		Object.assign(l, got, {pending: false});
		show(l);
		if (l.account)
			updateKey(l);
		return got;
	}

	/* Costs the agent a little more, so the answer isn't waited for. */
	async function updateKey(l) {
		const all = await keys().catch(() => new Map());
		const key = l.account && all.get(l.account.address);

		if (key !== l.key) {
			l.key = key;
			show(l);
		}
	}

	/* Until it is known what the new recipients mean, the button keeps what
	 * it says for a moment only. */
	function unsettle(l) {
		if (!l.pending)
			setTimeout(() => l.pending && show(l), CHECKING_MS);
		l.pending = true;
	}

	/* ---- showing it ---- */

	/* What a page is told of a letter. */
	function view(l) {
		return {
			tabId: l.tabId, from: l.from, face: l.face, to: l.to,
			lists: l.lists, bad: l.bad, news: l.news,
			foreign: l.foreign, wish: l.wish, answer: l.answer,
			error: l.error, key: l.key, stopped: l.stopped,
			account: l.account && l.account.address,
			usuallySigns: !!l.account && l.account.sign != "never",
		};
	}

	function show(l) {
		const face = composeState.faceOf(l), tabId = l.tabId;
		const a = messenger.composeAction;
		const gone = () => {};          /* the window was closed */

		l.face = {name: face.name, icon: face.icon,
			label: words.message(...face.label),
			title: words.message(...face.title)};
		messenger.runtime.sendMessage(
			{to: "compose-page", view: view(l)}).catch(gone);
		if (JSON.stringify(face) == l.shown)
			return;
		l.shown = JSON.stringify(face);
		a.setIcon({tabId, path: face.icon}).catch(gone);
		a.setBadgeText({tabId, text: face.badge}).catch(gone);
		a.setBadgeBackgroundColor({tabId, color: face.color}).catch(gone);
		a.setBadgeTextColor({tabId, color: "#ffffff"}).catch(gone);
		a.setTitle({tabId, title: l.face.title}).catch(gone);
		a.setLabel({tabId, label: l.face.label}).catch(gone);
	}

	/* ---- the windows ---- */

	function letterOf(tab) {
		let l = letters.get(tab.id);

		if (!l) {
			l = {tabId: tab.id, windowId: tab.windowId, serial: 0,
				reads: 0, read: 0,
				raw: null, from: "", to: [], lists: [], bad: [],
				wish: {}, answers: [], related: null,
				restore: null,
				account: undefined, answer: null, error: null,
				asked: 0, shown: null, stopped: false,
				acts: Promise.resolve()};
			letters.set(tab.id, l);
			accounts.forget();
			keys.forget();
		}
		return l;
	}

	/* What was wished when the draft was saved. */
	async function restore(l, details) {
		const wish = {...l.restore, ...l.wish};

		l.restore = null;
		if (composeState.withWish([], wish).length)
			await messenger.compose.setComposeDetails(l.tabId, {
				customHeaders: composeState.withWish(
					details.customHeaders, wish)});
	}

	async function look(tab) {
		const l = letterOf(tab);
		const details = await messenger.compose.getComposeDetails(tab.id);

		if (await composeRead.into(l, details)) {
			if (l.restore)
				await restore(l, details);
			l.stopped = false;
			unsettle(l);
			update(l);
		} else if (Date.now() - l.asked > AGAIN_MS) {
			update(l);
		}
	}

	async function poll() {
		const began = Date.now();
		const tabs = await messenger.tabs.query({type: "messageCompose"})
			.catch(() => []);

		await Promise.race([wait(LOOK_MS), Promise.all(
			tabs.map(tab => look(tab).catch(() => {})))]);
		for (const id of letters.keys())
			if (!tabs.some(tab => tab.id == id))
				letters.delete(id);
		/* Thunderbird hands over the whole text each time: where that
		 * is much, less often. A window being opened is slow once. */
		took = [took[1], Date.now() - began];
		timer = tabs.length ? setTimeout(poll, Math.min(POLL_MOST_MS,
			Math.max(POLL_MS, 5 * Math.min(...took)))) : null;
	}

	function begin() {
		if (timer === null) {
			timer = 0;
			poll();
		}
	}

	function updateAll() {
		for (const l of letters.values())
			if (l.raw !== null)
				update(l);
	}

	/* ---- sending ---- */

	function openWindow(l, address) {
		const where = new URLSearchParams({tab: l.tabId});

		if (address)
			where.set("import", address);
		return messenger.windows.create({type: "popup", width: 520,
			height: 560, allowScriptsToClose: true,
			url: `compose_popup.html?${where}`});
	}

	/* The button can't be pressed while its window is locked; it may have
	 * been taken from the toolbar; and its window may not get the focus. */
	async function openPopup(l) {
		for (const ms of OPEN_MS) {
			await wait(ms);
			const opened = await Promise.race([wait(FOCUS_MS, null),
				messenger.composeAction.openPopup(
					{windowId: l.windowId}).catch(() => false)]);
			if (opened)
				return;
			if (opened === null)
				break;
		}
		if (letters.get(l.tabId) == l)
			await openWindow(l);
	}

	async function judgeNow(l, details) {
		await composeRead.into(l, details);
		return update(l);
	}

	async function beforeSend(tab, details) {
		const l = letterOf(tab);
		const late = {error: {code: "timeout",
			text: words.message("common_timeout")}};
		const got = await Promise.race([judgeNow(l, details)
			.catch(e => ({error: failure(e)})), wait(SEND_MS, late)]);

		if (got == late) {
			/* the agent itself still refuses what it must */
			l.serial++;
			Object.assign(l, late, {pending: false});
			show(l);
		}
		composeSent.promise(tab.id, got.answer?.outcome);
		if (got.error || l.foreign || got.answer?.outcome != "refused")
			return {};
		l.stopped = true;
		show(l);
		openPopup(l);
		return {cancel: true};
	}

	/* ---- what pages ask for ---- */

	/* What the agent does where nothing is wished. */
	async function usual(l, name) {
		const wish = {...l.wish, [name]: undefined};
		const {account, answer} = await judge(l, wish);

		if (answer)
			return name == "sign" ? answer.signed :
				answer.outcome != "readable";
		if (!account)
			return undefined;
		return account[name] != "never";
	}

	async function setWish(l, name, value) {
		if (value === await usual(l, name))
			value = undefined;
		const wish = {...l.wish, [name]: value ?? undefined};
		const details = await messenger.compose.getComposeDetails(l.tabId);

		await messenger.compose.setComposeDetails(l.tabId, {
			customHeaders: composeState.withWish(
				details.customHeaders, wish)});
		await composeRead.into(l, await messenger.compose.getComposeDetails(l.tabId));
		l.stopped = false;
		await update(l);
	}

	async function invite(l, address) {
		const language = messenger.i18n.getUILanguage()
			.startsWith("de") ? "de" : "en";
		const ok = await host.ask("invite",
			{account: l.account.address, to: address, language});
		const {name, type, data} = ok.attachment;

		await messenger.compose.beginNew({
			to: [address], subject: ok.subject,
			isPlainText: true, plainTextBody: ok.body,
			attachments: [{name, file: new File([data], name, {type})}],
			/* whoever has no key yet has to be able to read it */
			customHeaders: composeState.withWish([], {encrypt: false}),
			...(l.identity && {identityId: l.identity}),
		});
	}

	async function doOne(l, m) {
		switch (m.op) {
		case "look":
			await look({id: l.tabId, windowId: l.windowId});
			accounts.forget();
			keys.forget();
			await update(l);
			break;
		case "wish":
			await setWish(l, m.name, m.value);
			break;
		case "invite":
			await invite(l, m.address);
			break;
		case "window":
			await openWindow(l, m.address);
			break;
		}
		return {view: view(l)};
	}

	/* One behind the other, for each reads fields and sets them anew. */
	function act(l, m) {
		const done = l.acts.then(() => doOne(l, m));

		l.acts = done.catch(() => {});
		return done;
	}

	/* ---- listening ---- */

	messenger.runtime.onMessage.addListener(m => {
		if (m?.to != "compose")
			return;
		const l = letters.get(m.tabId);
		if (!l)
			return Promise.resolve({gone: true});
		return act(l, m).catch(e => ({view: view(l),
			error: failure(e)}));
	});

	host.onEvent(e => {
		if (["agent", "locked", "unlocked", "key-needed", "recipients"]
			.includes(e.event)) {
			accounts.forget();
			keys.forget();
			updateAll();
		}
	});

	messenger.permissions.onAdded.addListener(() => {
		for (const l of letters.values())
			l.raw = null;
	});
	messenger.tabs.onCreated.addListener(begin);
	messenger.windows.onCreated.addListener(begin);
	messenger.compose.onComposeStateChanged.addListener(begin);
	messenger.compose.onBeforeSend.addListener(beforeSend);
	begin();

	return {accountsAnyhow};
})();
