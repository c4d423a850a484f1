/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reading: for each message on display, what the message button shows. */
"use strict";

const reading = (() => {
	const HEAD_MS = 8000;
	const LETTER_MS = 60000;
	const OWN_MS = 3000;
	const REST_MS = 700;	/* on display for so long before it is opened */
	const SEEN_MAX = 500;
	const TEXT_MAX = 1 << 20;

	const tabs = new Map();		/* tab id -> {turn, message, view} */
	const seen = new Map();		/* message -> view, for this session */
	const opened = new Set();	/* messages that were opened by themselves */
	const letters = new Map();	/* secret of a letter's tab -> message */
	let turns = 0;

	const name = m => `${m.id} ${m.size} ${m.headerMessageId}`;

	function remember(m, view) {
		seen.set(name(m), view);
		if (seen.size > SEEN_MAX)
			seen.delete(seen.keys().next().value);
	}

	/* ---- what is to be said of a message ---- */

	/* Only a verdict that claims something has the body under its MAC. */
	function claims(head) {
		return /^Letterlock-Status:.*[; \t]bh=/im.test(
			new TextDecoder().decode(head));
	}

	/* Sealed in its text, which its header does not tell? */
	function inText(octets) {
		return new TextDecoder("windows-1252").decode(
			octets.subarray(0, TEXT_MAX))
			.includes("-----BEGIN PGP MESSAGE-----");
	}

	/* Has Thunderbird itself opened it? */
	async function own(m) {
		const full = await Promise.race([
			messenger.messages.getFull(m.id, {decrypt: true}),
			new Promise(done => setTimeout(done, OWN_MS)),
		]);
		return full?.decryptionStatus == "success";
	}

	async function addresses(m) {
		if (!m.folder?.accountId)
			return [];
		const account = await messenger.accounts.get(m.folder.accountId,
			false);
		return (account?.identities || []).map(
			i => i.email.toLowerCase());
	}

	/* The agent's account whose locked key may be what is missing, or "". */
	async function lockedAccount(m) {
		const [status, mine] = await Promise.all([
			host.ask("status", {keys: true}), addresses(m)]);
		const all = status.accounts || [];
		const account = all.find(
			a => mine.includes(a.address.toLowerCase()));
		if (account)
			return account.key == "locked" ? account.address : "";
		if (all.some(a => a.key == "unlocked"))
			return "";
		return all.find(a => a.key == "locked")?.address || "";
	}

	/* More of a sealed letter that is not open, which takes a moment. */
	async function closed(m, view) {
		if (view.kind == "closed" && await own(m).catch(() => false))
			return {...view, kind: "own"};
		const account = await lockedAccount(m).catch(() => "");
		return account ? {...view, kind: "locked", account} : view;
	}

	async function look(m) {
		if (m.size > raw.MAX)
			return {kind: "large"};
		const octets = await raw.read(m.id);
		if (octets.length > raw.MAX)
			return {kind: "large"};
		const head = raw.head(octets);
		const whole = claims(head) || inText(octets);
		const answer = await host.ask("verdict",
			{data: (whole ? octets : head).toBase64()},
			whole ? LETTER_MS : HEAD_MS);
		const view = verdict.view(answer);
		if (view.kind == "readable" && !view.verdict)
			view.signed = /^multipart\/signed\b/i.test(
				raw.field(head, "Content-Type"));
		view.canOpen = view.signed || !!answer.sealed ||
			view.kind == "failed";
		return view;
	}

	async function assess(m) {
		let view = seen.get(name(m));

		try {
			if (!view) {
				view = await look(m);
				if (view.kind != "error")
					remember(m, view);
			}
			return view;
		} catch (e) {
			return verdict.failure(e);
		}
	}

	/* ---- the button ---- */

	function paint(tabId) {
		const t = tabs.get(tabId);
		const action = messenger.messageDisplayAction;
		let kind = t?.view.kind || "wait";

		if (host.running === false && kind != "wait")
			kind = "off";
		/* not one after the other: a later turn's calls stay behind these */
		return Promise.all([
			action.setLabel({tabId, label: verdict.label(kind)}),
			action.setTitle({tabId, title: verdict.title(kind)}),
			action.setIcon({tabId, path: verdict.icon(kind)}),
			messenger.runtime.sendMessage({to: "message_popup", tabId})
				.catch(() => {}),
		]).catch(() => tabs.delete(tabId));	/* the tab has gone */
	}

	/* A turn is one look at one tab's message: what a turn finds out is
	 * shown only while it is that tab's last. */
	async function show(tabId, message) {
		const turn = ++turns;

		tabs.set(tabId, {turn, message, view: {kind: "wait"}});
		paint(tabId);
		if (!message)
			return;
		let view = await assess(message);
		if (!found(tabId, turn, message, view) ||
		    (view.kind != "closed" && view.kind != "failed"))
			return;
		view = await closed(message, view);
		if (found(tabId, turn, message, view) && view.kind == "closed")
			openUnasked(tabId, turn, message);
	}

	function found(tabId, turn, message, view) {
		if (tabs.get(tabId)?.turn != turn)
			return false;
		tabs.set(tabId, {turn, message, view});
		paint(tabId);
		return true;
	}

	function again() {
		for (const [tabId, t] of tabs)
			if (t.message)
				show(tabId, t.message);
	}

	/* What was on display before this script was there. */
	async function begin() {
		for (const tab of await messenger.tabs.query({})) {
			if (tab.type != "mail" && tab.type != "messageDisplay")
				continue;
			const list = await messenger.messageDisplay
				.getDisplayedMessages(tab.id).catch(() => null);
			if (list?.messages.length == 1 && !tabs.has(tab.id))
				show(tab.id, list.messages[0]);
		}
	}

	/* ---- opening ---- */

	async function openUnasked(tabId, turn, message) {
		const {open} = await messenger.storage.local.get({open: "click"});

		if (open != "auto" || opened.has(name(message)))
			return;
		await new Promise(done => setTimeout(done, REST_MS));
		if (tabs.get(tabId)?.turn == turn)
			openLetter(message);
	}

	/* The page gets no message's number in its address: after a restart of
	 * Thunderbird the number would be another message's. */
	async function openLetter(message) {
		const secret = crypto.randomUUID();

		opened.add(name(message));
		letters.set(secret, message);
		await messenger.tabs.create({url: "letter.html?" + secret});
	}

	/* ---- what the pages ask ---- */

	const answers = {
		view({tabId}) {
			const t = tabs.get(tabId);
			if (!t?.message)
				return {kind: "wait"};
			if (host.running === false)
				return {kind: "off"};
			return {...t.view, author: t.message.author};
		},
		open({tabId}) {
			const t = tabs.get(tabId);
			return t?.message && openLetter(t.message);
		},
		letter({secret}) {
			return letters.get(secret) || null;
		},
		account({secret}) {
			return lockedAccount(letters.get(secret));
		},
		again({tabId}) {
			const t = tabs.get(tabId);
			return t?.message && show(tabId, t.message);
		},
	};

	messenger.runtime.onMessage.addListener(m => {
		if (m?.to == "reading" && Object.hasOwn(answers, m.what))
			return Promise.resolve(answers[m.what](m)).then(
				r => r === undefined ? null : r);
	});
	messenger.messageDisplay.onMessagesDisplayed.addListener((tab, list) =>
		show(tab.id, list.messages.length == 1 ? list.messages[0] : null));
	/* earlier than the display of the next: nothing old stays meanwhile */
	messenger.mailTabs.onSelectedMessagesChanged.addListener((tab, list) => {
		const t = tabs.get(tab.id);
		if (t?.message && list.messages[0]?.id != t.message.id)
			show(tab.id, null);
	});
	messenger.tabs.onRemoved.addListener(tabId => tabs.delete(tabId));
	messenger.runtime.onInstalled.addListener(({reason}) => {
		if (reason == "install")
			messenger.tabs.create({url: "welcome.html"});
	});
	host.onEvent(e => {
		if (e.event == "agent" && !e.running)
			for (const tabId of tabs.keys())
				paint(tabId);
		else if (["agent", "locked", "unlocked"].includes(e.event))
			again();
	});
	begin();

	return {openLetter};
})();
