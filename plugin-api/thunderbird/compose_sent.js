/* SPDX-License-Identifier: GPL-3.0-or-later
 * After a letter was sent: did it really go through the agent? Where it did
 * not, say so. */
"use strict";

/*
 * compose_warning.html asks by {to: "compose-sent"} for the letters to warn of,
 * [{kind, from, to, more, subject, time}], kind "unseen" or "readable", and
 * hears {to: "compose-warning", letters} of more.
 */
const composeSent = (() => {
	const HEAR_MS = 10000;
	const EVENTS_MAX = 200;
	const LETTERS_MAX = 50;
	const NAMES_MAX = 10;

	const heard = new Map();        /* Message-ID -> event "sent" */
	const waiting = new Map();      /* Message-ID -> who waits for it */
	const promised = new Map();     /* tab id -> {said, details} */
	let letters = [];
	let shown = null;               /* the window with them */

	function bare(id) {
		return String(id || "").replace(/^<|>$/g, "");
	}

	host.onEvent(e => {
		if (e.event != "sent")
			return;
		const id = bare(e["message-id"]);

		heard.set(id, e);
		if (heard.size > EVENTS_MAX)
			heard.delete(heard.keys().next().value);
		waiting.get(id)?.(e);
	});

	/* The event, or null when none came in time. */
	async function hear(id) {
		if (heard.has(id))
			return heard.get(id);
		const e = await new Promise(done => {
			waiting.set(id, done);
			setTimeout(done, HEAR_MS, null);
		});

		waiting.delete(id);
		return e;
	}

	async function warn(kind, from, details) {
		const all = [details.to, details.cc, details.bcc]
			.flatMap(list => [].concat(list || []))
			.filter(s => typeof s == "string");

		letters = [...letters, {kind, from, to: all.slice(0, NAMES_MAX),
			more: Math.max(0, all.length - NAMES_MAX),
			subject: details.subject || "", time: Date.now(),
		}].slice(-LETTERS_MAX);
		if (shown !== null) {
			messenger.runtime.sendMessage(
				{to: "compose-warning", letters}).catch(() => {});
			await messenger.windows.update(shown, {focused: true})
				.catch(() => shown = null);
		}
		if (shown === null)
			shown = (await messenger.windows.create({type: "popup",
				width: 560, height: 480, allowScriptsToClose: true,
				url: "compose_warning.html"})).id;
	}

	async function afterSend(tab, info) {
		const {said, details: before} = promised.get(tab.id) || {};
		/* Thunderbird tells them from 147 on */
		const details = info.details || before;

		promised.delete(tab.id);
		/* a letter for later goes to the outbox, and is not told again */
		if (info.error || info.mode != "sendNow" ||
		    !info.headerMessageId || !details)
			return;
		const from = (await composeRead.parse([].concat(
			details.from || "")[0] || ""))[0]?.email || "";
		const account = composeState.accountOf(
			await compose.accountsAnyhow(), from);
		const posted = !["to", "cc", "bcc"].some(
			f => [].concat(details[f] || []).length);

		if (!account || posted)
			return;
		const e = await hear(bare(info.headerMessageId));
		if (!e)
			await warn("unseen", from, details);
		else if (said == "sealed" && ["readable", "signed"].includes(e.how))
			await warn("readable", from, details);
	}

	messenger.runtime.onMessage.addListener(m => {
		if (m?.to == "compose-sent")
			return Promise.resolve({letters});
	});
	messenger.windows.onRemoved.addListener(id => {
		if (id == shown) {
			shown = null;
			letters = [];
		}
	});
	messenger.compose.onAfterSend.addListener(afterSend);

	/* Remember a letter about to be sent, and what the button says of it. */
	function promise(tabId, said, {from, to, cc, bcc, subject}) {
		promised.set(tabId, {said,
			details: {from, to, cc, bcc, subject}});
	}

	return {promise};
})();
