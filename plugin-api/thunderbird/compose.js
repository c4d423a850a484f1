/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writing, in the background: looks what stands in the compose windows, asks
 * the agent what it means, and shows it on the button. */
"use strict";

/*
 * compose.letters         Map of tab id to letter
 * compose.letterOf(tab)   the letter of a compose window
 * compose.look(letter)    read its window, now
 * compose.update(letter)  ask the agent and show it: {account, answer, error}
 * compose.judge(letter, wish)  the same without showing it
 * compose.show(letter)    put it on the button, and before the pages
 * compose.view(letter)    what a page is told of it
 * compose.forget()        ask anew for accounts and keys
 * compose.accountsAnyhow()  those known last, where the agent isn't there
 */
const compose = (() => {
	/* There is no event for changed recipients, and Thunderbird hands over
	 * the whole text each time it is asked: where that takes long, it is
	 * asked less often, and while somebody writes in the text, rarely. */
	const POLL_MS = 500, POLL_COST = 5, POLL_MOST_MS = 4000;
	const WRITING_MS = 3000, WRITING_COST = 20, WRITING_MOST_MS = 15000;
	/* A window that isn't ready holds up no other. */
	const LOOK_MS = 3000;
	/* Asked again so often, since others may change keys and contacts. */
	const AGAIN_MS = 20000;
	const ASK_MS = 8000;
	/* A new answer mostly comes before anybody could read "checking". */
	const CHECKING_MS = 250;

	const letters = new Map();      /* tab id -> letter */
	let timer = null;

	function wait(ms) {
		return new Promise(done => setTimeout(done, ms));
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
				const asked = promise = ask();
				asked.catch(() => {
					if (promise == asked)
						promise = null;
				});
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
		if (l.seek)
			m.look = true;
		l.seek = false;
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
				wish: {}, wished: {}, seek: false, answers: [], related: null,
				restore: null,
				account: undefined, answer: null, error: null,
				asked: 0, shown: null, stopped: false,
				acts: Promise.resolve(),
				writing: false, looked: 0, took: [0, 0]};
			letters.set(tab.id, l);
			forget();
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

	async function look(l) {
		const details = await messenger.compose.getComposeDetails(l.tabId);

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

	/* A window being opened is slow once. */
	function isDue(l) {
		const cost = Math.min(...l.took), now = Date.now();

		return now - l.looked >= (l.writing
			? Math.min(WRITING_MOST_MS,
				Math.max(WRITING_MS, WRITING_COST * cost))
			: Math.min(POLL_MOST_MS, POLL_COST * cost));
	}

	async function lookIfDue(tab) {
		const l = letterOf(tab), began = Date.now();

		if (!isDue(l))
			return;
		try {
			await look(l);
		} catch (e) {
			/* the window was closed */
		}
		l.looked = Date.now();
		l.took = [l.took[1], l.looked - began];
	}

	async function poll() {
		const tabs = await messenger.tabs.query({type: "messageCompose"})
			.catch(() => []);

		await Promise.race([wait(LOOK_MS), Promise.all(
			tabs.map(lookIfDue))]);
		for (const id of letters.keys())
			if (!tabs.some(tab => tab.id == id))
				letters.delete(id);
		timer = tabs.length ? setTimeout(poll, POLL_MS) : null;
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

	/* ---- listening ---- */

	function forget() {
		accounts.forget();
		keys.forget();
	}

	/* Of compose_editor.js. */
	messenger.runtime.onConnect.addListener(port => {
		const tell = writing => {
			const l = letters.get(port.sender?.tab?.id);

			if (l)
				Object.assign(l, {writing, looked: 0});
		};

		if (port.name != "compose-editor")
			return;
		port.onMessage.addListener(tell);
		port.onDisconnect.addListener(() => tell(false));
	});

	host.onEvent(e => {
		if (["agent", "locked", "unlocked", "key-needed", "recipients"]
			.includes(e.event)) {
			forget();
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
	begin();

	return {letters, letterOf, look, update, judge, show, view, forget,
		accountsAnyhow};
})();
