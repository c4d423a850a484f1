/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writing, in the background: stops a letter that the agent would refuse, and
 * does what the popup asks for. */
"use strict";

/*
 * Pages ask by runtime messages {to: "compose", op, tabId, ...}, answered by a
 * view (compose.view()), and hear {to: "compose-page", view} when it changes:
 *   look {seek}             ask the agent anew; seek: it looks for keys, too
 *   wish {name, value}      X-Letterlock; value true, false, or null
 *   invite {address}        open the letter that asks for a key
 *   window {address}        open the popup's page in a window of its own
 */
(() => {
	/* The window is locked meanwhile; the limit is 3 s. */
	const SEND_MS = 2200;
	const OPEN_MS = [20, 50, 100, 200, 400];
	const FOCUS_MS = 1500;

	function wait(ms, value) {
		return new Promise(done => setTimeout(done, ms, value));
	}

	function failure(e) {
		return {code: e.code || "failed", text: e.text || String(e)};
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
		if (compose.letters.get(l.tabId) == l)
			await openWindow(l);
	}

	async function judgeNow(l, details) {
		await composeRead.into(l, details);
		return compose.update(l);
	}

	/* A switch was pressed, and what it wishes may not stand in the letter yet:
	 * it goes in now. Returned is what Thunderbird has to change. */
	function hurry(l, details) {
		if (!Object.keys(l.wished).length)
			return {};
		details.customHeaders = composeState.withWish(
			details.customHeaders, {...composeState.wishOf(
				details.customHeaders), ...l.wished});
		return {details: {customHeaders: details.customHeaders}};
	}

	async function beforeSend(tab, details) {
		const l = compose.letterOf(tab);
		const change = hurry(l, details);
		const late = {error: {code: "timeout",
			text: words.message("common_timeout")}};
		const got = await Promise.race([judgeNow(l, details)
			.catch(e => ({error: failure(e)})), wait(SEND_MS, late)]);

		if (got == late) {
			/* the agent itself still refuses what it must */
			l.serial++;
			Object.assign(l, late, {pending: false});
			compose.show(l);
		}
		composeSent.promise(tab.id, got.answer?.outcome, details);
		if (got.error || l.foreign || got.answer?.outcome != "refused")
			return change;
		l.stopped = true;
		compose.show(l);
		openPopup(l);
		return {cancel: true};
	}

	/* ---- what pages ask for ---- */

	/* What the agent does where nothing is wished. */
	async function usual(l, name) {
		const wish = {...l.wish, [name]: undefined};
		const {account, answer} = await compose.judge(l, wish);

		if (answer)
			return name == "sign" ? answer.signed :
				answer.outcome != "readable";
		if (!account)
			return undefined;
		return account[name] != "never";
	}

	async function setWish(l, name, value) {
		const wished = value;

		if (value === await usual(l, name))
			value = undefined;
		const wish = {...l.wish, [name]: value ?? undefined};
		const details = await messenger.compose.getComposeDetails(l.tabId);

		await messenger.compose.setComposeDetails(l.tabId, {
			customHeaders: composeState.withWish(
				details.customHeaders, wish)});
		if (l.wished[name] === wished)
			delete l.wished[name];
		await compose.look(l);
		l.stopped = false;
		await compose.update(l);
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
			compose.forget();
			await compose.look(l);
			l.seek = !!m.seek;
			await compose.update(l);
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
		return {view: compose.view(l)};
	}

	/* One behind the other, for each reads fields and sets them anew. */
	function act(l, m) {
		if (m.op == "wish")
			l.wished[m.name] = m.value;
		const done = l.acts.then(() => doOne(l, m));

		l.acts = done.catch(() => {});
		return done;
	}

	messenger.runtime.onMessage.addListener(m => {
		if (m?.to != "compose")
			return;
		const l = compose.letters.get(m.tabId);
		if (!l)
			return Promise.resolve({gone: true});
		return act(l, m).catch(e => ({view: compose.view(l),
			error: failure(e)}));
	});
	messenger.compose.onBeforeSend.addListener(beforeSend);
})();
