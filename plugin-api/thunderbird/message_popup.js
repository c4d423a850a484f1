/* SPDX-License-Identifier: GPL-3.0-or-later
 * The message button's popup: who, which key, since when, what to do. */
"use strict";

(() => {
	const UNLOCK_MS = 600000;
	const $ = id => document.getElementById(id);
	let tabId, view, settled;	/* the key that was just accepted */

	const ask = (what, more) => messenger.runtime.sendMessage(
		{to: "reading", what, tabId, ...more});

	function line({term, text, tone, fpr}) {
		const dt = document.createElement("dt");
		const dd = document.createElement("dd");

		dt.textContent = term;
		dd.textContent = text;
		dd.className = `${tone || ""} ${fpr ? "fpr" : ""}`;
		return [dt, dd];
	}

	/* What is known of the signer now: a contact, or nothing. */
	async function contact() {
		const v = view.verdict;

		if (!v?.signer)
			return null;
		const {contacts} = await host.ask("contacts", {address: v.signer})
			.catch(() => ({}));
		return contacts?.[0] || null;
	}

	function since(c, v) {
		return c?.key == v?.fpr ? c?.since : undefined;
	}

	/* Nothing is accepted that has no name, or whose signature is wrong. */
	function buttons(c) {
		const v = view.verdict;
		const known = v?.signer && v.fpr && v.fpr != settled &&
			(v.signature == "good" || v.signature == "untrusted");
		const accepted = c?.accepted?.includes(v?.fpr);

		$("open").hidden = !view.canOpen;
		$("open").textContent = words.message(
			view.signed ? "read_check" : "read_open");
		$("unlock").hidden = view.kind != "locked" || !view.account;
		$("open").className = $("unlock").hidden ? "main" : "";
		$("accept").hidden = !known || v.signature == "good" || accepted;
		$("verify").hidden = !known || v.trust == "verified";
		$("again").hidden = view.kind != "off" && view.kind != "error";
	}

	async function draw() {
		view = await ask("view") || {kind: "off"};
		const {kind} = view, drawn = view;

		$("icon").src = verdict.icon(kind);
		$("title").textContent = verdict.label(kind);
		$("title").className = verdict.tone(kind);
		$("words").textContent = verdict.title(kind);
		$("what-to-do").textContent = view.signed ?
			words.message("read_todo_check") :
			view.text || verdict.todo(view);
		$("what-to-do").hidden = !$("what-to-do").textContent;
		$("details").replaceChildren(
			...verdict.details(view).flatMap(line));
		document.body.dataset.kind = kind;
		document.querySelector("main").hidden = false;
		buttons(null);
		const c = await contact();
		if (view != drawn || !c)
			return;
		$("details").replaceChildren(...verdict.details(view,
			since(c, view.verdict)).flatMap(line));
		buttons(c);
	}

	function say(text, tone) {
		$("answer").textContent = text;
		$("answer").className = tone;
		$("answer").hidden = false;
	}

	/* Does what a button says, and says how it went. */
	function press(id, what, done) {
		$(id).addEventListener("click", async () => {
			$(id).disabled = true;
			try {
				await what();
				if (done)
					say(words.message(done), "good");
			} catch (e) {
				say(e.text || String(e), "bad");
			}
			$(id).disabled = false;
			draw();
		});
	}

	async function accept(verified) {
		const {signer, fpr} = view.verdict;

		await host.ask("contacts", {address: signer, accept: fpr,
			verified});
		settled = fpr;
	}

	press("open", async () => {
		await ask("open");
		window.close();
	});
	press("unlock", async () => {
		await host.ask("unlock", {account: view.account}, UNLOCK_MS);
		await ask("again");
	});
	press("accept", () => accept(false), "read_accepted");
	press("verify", () => accept(true), "read_verified");
	press("again", () => ask("again"));

	messenger.runtime.onMessage.addListener(m => {
		if (m?.to == "message_popup" && m.tabId == tabId)
			draw();
	});
	host.onEvent(() => draw());
	messenger.tabs.query({active: true, currentWindow: true}).then(([tab]) => {
		tabId = tab.id;
		draw();
	});
})();
