/* SPDX-License-Identifier: GPL-3.0-or-later
 * The popup of the compose button, and the same page in a window of its own
 * (?tab=N, &import=address), which stays open while a file is chosen. */
"use strict";

(async () => {
	const UNLOCK_MS = 200000;
	const IMPORT_MAX = 48 * 1024;

	const where = new URLSearchParams(location.search);
	const $ = id => document.getElementById(id);
	const steps = new Map();        /* address -> the step that asks back */
	const inWindow = where.has("tab");
	const tabId = inWindow ? Number(where.get("tab"))
		: (await messenger.tabs.query(
			{active: true, currentWindow: true}))[0].id;
	let view = null;
	let drawn = "";
	let sought = null;              /* the address whose key is looked for */

	/* ---- showing ---- */

	function put(id, text) {
		$(id).textContent = text || "";
		$(id).hidden = !text;
	}

	function notice(text) {
		put("notice", text);
	}

	function explanation() {
		const a = view.answer;

		if (view.error && view.account !== null)
			return view.error.text;
		if (view.stopped)
			return words.message("compose_stopped");
		if (view.face.name == "no-key" || view.face.name == "refused")
			return "";
		if (view.news)
			return words.message("compose_news");
		if (a && a.outcome == "readable" &&
		    view.wish.encrypt === undefined &&
		    a.recipients.some(r => r.state != "sealed"))
			return words.message("compose_readable_why");
		return "";
	}

	function seals() {
		return view.wish.encrypt ?? (!view.answer ||
			view.answer.outcome != "readable");
	}

	/* A letter that will be refused: as it would be signed if it were sealed. */
	function signs() {
		const a = view.answer;

		return view.wish.sign ?? (!a || a.outcome == "refused" ?
			view.usuallySigns : !!a.signed);
	}

	function drawSwitches() {
		const ours = view.account && !view.foreign &&
			!["not-running", "other"].includes(view.face.name);
		const means = (name, yes) => words.message(
			`compose_${name}_${yes ? "yes" : "no"}`) + " " +
			words.message(view.wish[name == "seal" ? "encrypt" : "sign"]
				=== undefined ? "compose_as_usual" :
				"compose_this_only");

		$("switches").hidden = !ours;
		$("seal").checked = seals();
		$("sign").checked = signs();
		$("seal-means").textContent = means("seal", seals());
		$("sign-means").textContent = means("sign", signs());
	}

	/* Whether the letter could go readable, and what that means. */
	function drawReadable() {
		const a = view.answer, many = a ? a.recipients.length : 0;
		const refused = !!a && a.outcome == "refused" &&
			view.wish.encrypt === undefined &&
			a.recipients.some(r => r.state != "sealed");
		const may = refused && !!a["may-be-readable"];

		$("readable").hidden = !refused;
		$("allow-once").hidden = !may;
		$("allow-once-means").textContent = words.message(
			!may ? "compose_allow_once_not" :
				many == 1 ? "compose_allow_once_means_one" :
					"compose_allow_once_means", many);
	}

	/* Focus stays where it was, though all is made anew. */
	function keepFocus(change) {
		const e = document.activeElement;
		const li = e?.closest("li")?.dataset.address;
		const id = e?.id, name = e?.dataset?.do;

		change();
		if (document.activeElement == e || (!id && !name))
			return;
		const here = li === undefined ? document :
			[...document.querySelectorAll("#recipients > li")]
				.find(x => x.dataset.address == li);
		const again = id ? $(id) :
			here?.querySelector(`[data-do="${name}"]`);
		(again || here?.querySelector?.("button") || $("summary")).focus();
	}

	function draw(next) {
		view = next;
		const text = JSON.stringify([view, [...steps]]);
		if (text == drawn)
			return;
		drawn = text;
		keepFocus(() => {
			$("icon").src = view.face.icon;
			if ($("summary").textContent != view.face.title)
				$("summary").textContent = view.face.title;
			$("summary").dataset.state = view.face.name;
			put("explain", explanation());
			put("words", view.answer?.words);
			$("unlock").hidden = view.key != "locked" ||
				!view.account;
			drawReadable();
			drawSwitches();
			$("recipients-title").hidden = !view.answer &&
				!view.lists.length && !view.bad.length;
			people.draw($("recipients"), view, steps, act);
		});
	}

	function gone() {
		if (inWindow)
			window.close();
		put("explain", words.message("compose_gone"));
	}

	/* ---- asking ---- */

	async function tell(op, more = {}) {
		const r = await messenger.runtime.sendMessage(
			{to: "compose", op, tabId, ...more});

		if (!r || r.gone)
			return gone();
		if (r.error)
			notice(r.error.text);
		draw(r.view);
	}

	/* Ask the agent, then look what it means for this letter. */
	async function ask(call, members, ms) {
		try {
			const ok = await host.ask(call, members, ms);

			await tell("look");
			return ok;
		} catch (e) {
			notice(e.text || String(e));
			draw(view);
			return null;
		}
	}

	function recipient(address) {
		return view.answer?.recipients.find(r => r.address == address);
	}

	function stateOf(address) {
		return recipient(address)?.state;
	}

	/* ---- what the buttons do ---- */

	/* A look-up on the network ends later: a view comes then. */
	function tellFound() {
		const r = sought && recipient(sought);

		if (!sought || r?.looked == "not-yet")
			return;
		notice(words.message(r?.state == "sealed" ? "compose_find_found" :
			r?.looked == "none" ? "compose_find_none" :
			r?.looked == "failed" ? "compose_find_failed" :
				"compose_find_not", sought));
		sought = null;
	}

	async function find(address) {
		notice(words.message("compose_find_looking", address));
		await tell("look", {seek: true});
		sought = address;
		tellFound();
	}

	async function askAccept(address, r) {
		const step = {do: "accept", keys: [], changed: null};

		try {
			const known = (await host.ask("contacts", {address}))
				.contacts[0];
			const all = (await host.ask("keys", {address})).keys;

			step.changed = known?.changed || (r.state == "changed" ?
				r.key?.fpr : null) || null;
			step.keys = all.filter(k => k.usable !== false ||
				k.fpr == step.changed);
			step.keys.sort((a, b) => (b.fpr == step.changed) -
				(a.fpr == step.changed));
		} catch (e) {
			step.error = e.text || String(e);
		}
		steps.clear();
		steps.set(address, step);
		draw(view);
		focusStep(address);
	}

	function focusStep(address) {
		const step = [...document.querySelectorAll("#recipients > li")]
			.find(li => li.dataset.address == address)
			?.querySelector(".step");

		step?.scrollIntoView({block: "nearest"});
		step?.querySelector("input:checked, button")?.focus(
			{preventScroll: true});
	}

	async function accept(address, members) {
		steps.clear();
		if (await ask("contacts", {address, ...members}))
			notice(words.message(members.reject ?
				"compose_rejected" : "compose_accepted", address));
	}

	async function allow(address, readable) {
		steps.clear();
		if (await ask("contacts", {address, set: {readable}}))
			notice(words.message(readable ? "compose_allowed" :
				"compose_forbidden", address));
	}

	/* Asked for at once, while the click still counts. */
	async function lists() {
		const asked = messenger.permissions.request(
			{permissions: ["addressBooks"]});

		notice(words.message("compose_lists_asked"));
		if (await asked)
			await tell("look");
		notice("");
	}

	const ACTS = {
		"find": find,
		"import": address => inWindow ? askFile(address) :
			tell("window", {address}).then(() => window.close()),
		"invite": address => tell("invite", {address}),
		"accept": askAccept,
		"accept-verified": (address, fpr) =>
			accept(address, {accept: fpr, verified: true}),
		"accept-unverified": (address, fpr) =>
			accept(address, {accept: fpr, verified: false}),
		"reject": (address, fpr) => accept(address, {reject: fpr}),
		"allow-contact": address => {
			steps.clear();
			steps.set(address, {do: "allow-contact"});
			draw(view);
			focusStep(address);
		},
		"allow-contact-yes": address => allow(address, true),
		"forbid-contact": address => allow(address, false),
		"cancel": () => {
			steps.clear();
			draw(view);
		},
		"lists": lists,
	};

	function act(name, address, more) {
		notice("");
		sought = null;
		return Promise.resolve(ACTS[name](address, more))
			.catch(e => notice(e.text || String(e)));
	}

	async function unlock() {
		notice(words.message("compose_unlocking"));
		if (await ask("unlock", {account: view.account}, UNLOCK_MS))
			notice("");
	}

	/* ---- a key from a file ---- */

	function askFile() {
		$("importer").hidden = false;
		$("file").focus();
	}

	function showImported(keys) {
		$("imported").replaceChildren(...keys.map(k => people.make("li", {},
			people.make("span", {class: "fpr"}, words.fpr(k.fpr)),
			people.make("br"), (k.uids || []).join(" \u00b7 "))));
	}

	async function importFile() {
		const file = $("file").files[0];

		if (!file)
			return;
		showImported([]);
		if (file.size > IMPORT_MAX)
			return notice(words.message("compose_import_too_large"));
		const armor = await file.text();
		if (!armor.includes("-----BEGIN PGP PUBLIC KEY BLOCK-----"))
			return notice(words.message("compose_import_no_armor"));
		const ok = await ask("keys", {import: armor});
		if (!ok)
			return;
		showImported(ok.keys);
		const address = where.get("import");
		if (address && stateOf(address) && stateOf(address) != "sealed")
			notice(words.message("compose_import_other", address));
		else
			notice(words.message("compose_imported"));
	}

	/* ---- the beginning ---- */

	$("seal").addEventListener("change", () =>
		tell("wish", {name: "encrypt", value: $("seal").checked}));
	$("sign").addEventListener("change", () =>
		tell("wish", {name: "sign", value: $("sign").checked}));
	$("allow-once").addEventListener("click", () =>
		tell("wish", {name: "encrypt", value: false}));
	$("unlock").addEventListener("click", unlock);
	$("file").addEventListener("change", importFile);
	messenger.runtime.onMessage.addListener(m => {
		if (m?.to == "compose-page" && m.view.tabId == tabId) {
			draw(m.view);
			tellFound();
		}
	});
	if (inWindow) {
		document.body.classList.add("window");
		if (where.has("import"))
			askFile();
	}
	await tell("look");
	/* so that it is read out, and Tab goes on from there */
	if (document.activeElement == document.body)
		$("summary").focus();
})();
