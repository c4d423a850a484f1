/* SPDX-License-Identifier: GPL-3.0-or-later
 * The first page: what works, and what to do next. */
"use strict";

(() => {
	const UNLOCK_MS = 600000;
	const LEGEND = ["verified", "sealed", "unsigned", "signed", "readable",
		"bad", "forged", "closed", "locked", "off"];
	const $ = id => document.getElementById(id);
	let turn = 0;

	function item(...children) {
		const li = document.createElement("li");

		li.append(...children);
		return li;
	}

	function legend() {
		$("legend").replaceChildren(...LEGEND.flatMap(kind => {
			const dt = document.createElement("dt");
			const dd = document.createElement("dd");
			const img = document.createElement("img");
			img.src = verdict.icon(kind);
			img.alt = "";
			dt.append(img, verdict.label(kind));
			dd.textContent = verdict.title(kind);
			return [dt, dd];
		}));
	}

	/* The addresses that Thunderbird's own accounts write from. */
	async function identities() {
		const all = await messenger.accounts.list(false);

		return new Set(all.flatMap(a => a.identities || [])
			.map(i => i.email.toLowerCase()));
	}

	function unlockButton(address) {
		const b = document.createElement("button");

		b.textContent = words.message("read_unlock");
		b.setAttribute("aria-label",
			words.message("welcome_unlock", address));
		b.dataset.unlock = address;
		b.addEventListener("click", async () => {
			b.disabled = true;
			try {
				await host.ask("unlock", {account: address},
					UNLOCK_MS);
				$("answer").hidden = true;
			} catch (e) {
				$("answer").textContent = e.text || String(e);
				$("answer").className = "bad";
				$("answer").hidden = false;
			}
			draw();
		});
		return b;
	}

	const SAFE = new Set(["unlocked", "locked", "none"]);

	function account(a, there) {
		const key = SAFE.has(a.key) ? a.key : "unknown";
		const li = item(words.message("welcome_key_" + key, a.address));

		li.dataset.address = a.address;
		li.dataset.key = key;
		li.className = "box";
		if (!there)
			li.append(" ", words.message("welcome_not_here"));
		if (key == "locked")
			li.append(" ", unlockButton(a.address));
		return li;
	}

	/* What is in the way, the first thing first. */
	function steps(accounts, here) {
		const out = [];
		const say = (key, ...values) =>
			out.push(words.message("welcome_do_" + key, ...values));

		if (!accounts.length)
			say("configure");
		for (const a of accounts) {
			const there = here.has(a.address.toLowerCase());
			if (a.key == "none")
				say("key", a.address);
			if (!there)
				say("account", a.address);
		}
		if (accounts.some(a => a.key == "locked"))
			say("unlock");
		if (!out.length)
			say("write");
		return out;
	}

	function show(state, text, accounts, next) {
		$("agent").dataset.state = state;
		$("agent").textContent = text;
		$("agent").className = "box " +
			(state == "running" ? "good" : "bad");
		$("accounts").replaceChildren(...accounts);
		$("next").replaceChildren(...next.map(text => item(text)));
	}

	async function draw() {
		const mine = ++turn;

		try {
			const [status, here] = await Promise.all([
				host.ask("status", {keys: true}), identities()]);
			const all = status.accounts || [];
			if (turn == mine)
				show("running", words.message("welcome_running"),
					all.map(a => account(a, here.has(
						a.address.toLowerCase()))),
					steps(all, here));
		} catch (e) {
			const step = e.code == "no-host" ? "install" :
				e.code == "not-running" ? "start" : "wait";
			if (turn == mine)
				show(e.code || "failed", e.text || String(e), [],
					[words.message("welcome_do_" + step)]);
		}
	}

	$("options").addEventListener("click",
		() => messenger.runtime.openOptionsPage());
	host.onEvent(e => {
		if (["agent", "locked", "unlocked"].includes(e.event))
			draw();
	});
	legend();
	draw();
})();
