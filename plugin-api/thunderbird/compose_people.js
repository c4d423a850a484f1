/* SPDX-License-Identifier: GPL-3.0-or-later
 * The recipients in the compose popup: each with its state, the agent's words,
 * and what can be done. */
"use strict";

/*
 * people.draw(ul, view, steps, act)  fill the list. steps: Map of address to
 * the step that asks back there, {do, keys} or {do, error}; act(name, address,
 * more) is called for a pressed button.
 */
const people = (() => {
	const STATES = {
		"sealed": ["sealed", "good"],
		"no-key": ["no-key", "bad"],
		"expired": ["no-key", "bad"],
		"unusable": ["no-key", "bad"],
		"unchecked": ["refused", "warn"],
		"changed": ["refused", "bad"],
	};
	const BUTTONS = {
		"sealed": [],
		"no-key": ["find", "import", "invite"],
		"expired": ["find", "import", "invite"],
		"unusable": ["find", "import", "invite"],
		"unchecked": ["accept", "find"],
		"changed": ["accept", "import"],
	};

	/* An element; text of others only ever comes in as text. */
	function make(tag, attributes = {}, ...children) {
		const e = document.createElement(tag);

		for (const [name, value] of Object.entries(attributes))
			e.setAttribute(name, value);
		e.append(...children.filter(c => c !== null));
		return e;
	}

	function paragraph(text, kind = "") {
		return text ? make("p", {class: kind}, text) : null;
	}

	function button(name, address, act, more) {
		const text = words.message(
			"compose_" + name.replaceAll("-", "_"));
		const b = make("button", {type: "button", "data-do": name,
			"aria-label": `${text}: ${address}`}, text);

		b.addEventListener("click", () => act(name, address, more));
		return b;
	}

	function buttons(...list) {
		return make("div", {class: "buttons"}, ...list);
	}

	/* Whose key, from where, how much it is trusted. */
	function keyLine(key) {
		if (!key)
			return null;
		const about = [words.message("compose_key_from_" +
			(key.from || "keyring"))];

		if (key.trust)
			about.push(words.message("compose_trust_" + key.trust));
		if (key.since)
			about.push(words.message("compose_key_since",
				words.date(key.since)));
		if (key.expires)
			about.push(words.message("compose_key_expires",
				words.date(key.expires)));
		return make("p", {class: "faint"},
			make("span", {class: "fpr"}, words.fpr(key.fpr)),
			" \u00b7 " + about.filter(Boolean).join(" \u00b7 "));
	}

	/* ---- the steps that ask back ---- */

	function keyChoice(k, address, checked) {
		const id = `key-${k.fpr}`;
		const radio = make("input", {type: "radio", id, value: k.fpr,
			name: `key of ${address}`});

		radio.checked = checked;
		return make("label", {for: id}, radio, " ",
			make("span", {class: "fpr"}, words.fpr(k.fpr)),
			make("br"), [...(k.uids || []), k.created &&
				words.message("compose_key_created",
					words.date(k.created)),
				k.rejected && words.message("compose_key_rejected")]
				.filter(Boolean).join(" \u00b7 "));
	}

	function acceptStep(address, step, act) {
		const box = make("div", {class: "step box", role: "group",
			"aria-label": words.message("compose_accept")});
		const chosen = () => box.querySelector(
			"input[type=radio]:checked")?.value;
		const go = (name, a) => act(name, a, chosen());

		if (step.error || !step.keys.length) {
			box.append(paragraph(step.error ||
				words.message("compose_accept_none"), "bad"),
				buttons(button("cancel", address, act)));
			return box;
		}
		box.append(
			paragraph(words.message(step.changed ?
				"compose_accept_changed_means" :
				"compose_accept_means", address)),
			...step.keys.map((k, i) => keyChoice(k, address,
				step.changed ? k.fpr == step.changed : i == 0)),
			paragraph(words.message("compose_accept_how"), "faint"),
			buttons(button("accept-verified", address, go),
				button("accept-unverified", address, go),
				step.changed ? button("reject", address, go) : null,
				button("cancel", address, act)));
		return box;
	}

	function allowStep(address, act) {
		return make("div", {class: "step box warn-box", role: "group",
			"aria-label": words.message("compose_allow_contact")},
			paragraph(words.message("compose_allow_contact_means",
				address)),
			buttons(button("allow-contact-yes", address, act),
				button("cancel", address, act)));
	}

	/* ---- one recipient ---- */

	/* May the user allow readable letters to this one at all? */
	function mayAllow(r, view) {
		return r.state == "no-key" && !r["readable-allowed"] &&
			r.encrypt == "ask" &&
			view.wish.encrypt === undefined &&
			!!view.answer["may-be-readable"];
	}

	function stepOf(r, step, act) {
		if (step?.do == "accept")
			return acceptStep(r.address, step, act);
		if (step?.do == "allow-contact")
			return allowStep(r.address, act);
		return null;
	}

	function personLine(icon, kind, address, name, state) {
		return make("div", {class: "person"},
			make("img", {src: `icons/${icon}.svg`, alt: ""}),
			make("span", {class: "address"}, address,
				name ? make("span", {class: "faint"},
					` (${name})`) : null),
			make("span", {class: `state ${kind}`}, state));
	}

	function person(r, name, view, step, act) {
		const [icon, kind] = STATES[r.state] || ["refused", "warn"];
		const list = (BUTTONS[r.state] || []).map(
			b => button(b, r.address, act, r));
		const line = personLine(icon, kind, r.address, name,
			words.message("compose_state_" +
				r.state.replaceAll("-", "_")));
		const about = [paragraph(r.words), keyLine(r.key)];

		if (mayAllow(r, view))
			list.push(button("allow-contact", r.address, act));
		if (r["readable-allowed"])
			list.push(button("forbid-contact", r.address, act));
		return make("li", {"data-address": r.address,
			"data-state": r.state},
			/* where all is well, what is more is for who asks */
			...(r.state == "sealed" ? [make("details", {},
				make("summary", {"data-do": "about"}, line),
				...about)] :
				[line, ...about]),
			r["readable-allowed"] ? paragraph(words.message(
				"compose_readable_allowed"), "warn") : null,
			list.length ? buttons(...list) : null,
			stepOf(r, step, act));
	}

	/* What the agent can't be asked about: lists, and what is no address. */
	function other(text, state, means, act) {
		return make("li", {"data-address": text, "data-state": state},
			personLine("refused", "warn", text, "", words.message(
				"compose_state_" + state)),
			paragraph(words.message(means)),
			state == "list" ? buttons(button("lists", text, act)) :
				null);
	}

	/* The agent may write an address in another way than the window does. */
	function nameOf(r, i, view) {
		const same = view.to.find(t => t.address.toLowerCase() ==
			r.address.toLowerCase());

		return (same || (view.to.length == view.answer.recipients.length &&
			view.to[i]))?.name || "";
	}

	function draw(ul, view, steps, act) {
		const known = (view.answer ? view.answer.recipients : [])
			.map((r, i) => ({r, name: nameOf(r, i, view)}));

		/* those with something to do first */
		known.sort((a, b) => (a.r.state == "sealed") -
			(b.r.state == "sealed"));
		const open = [...ul.querySelectorAll("details[open]")]
			.map(d => d.closest("li").dataset.address);

		ul.replaceChildren(
			...known.map(({r, name}) => person(r, name, view,
				steps.get(r.address), act)),
			...view.lists.map(name => other(name, "list",
				"compose_list_means", act)),
			...view.bad.map(text => other(text, "incomplete",
				"compose_incomplete_means", act)));
		for (const d of ul.querySelectorAll("details"))
			d.open = open.includes(d.closest("li").dataset.address);
	}

	return {draw, make};
})();
