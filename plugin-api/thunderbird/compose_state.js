/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writing, without Thunderbird and the agent: addresses, wishes, and what the
 * compose button shows of what is known of a letter. */
"use strict";

const composeState = (() => {
	const HEADER = "X-Letterlock";
	const ADDRESS_MAX = 320;
	/* what a person whose key is in such a state can't do */
	const CANNOT = ["no-key", "expired", "unusable"];

	/* ---- addresses ---- */

	/* Is this one whole local@domain, worth asking the agent about? */
	function complete(address) {
		return address.length <= ADDRESS_MAX &&
			/^("[^"\s]+"|[^\s@<>()[\],;:\\"]+)@[^\s@<>()[\],;:\\"]+$/
				.test(address);
	}

	/* Equal for what the agent takes for the same mailbox. */
	function fold(address) {
		const lower = s => s.replace(/[A-Z]/g, c => c.toLowerCase());
		const at = address.lastIndexOf("@");
		let domain = address.slice(at + 1).replace(/\.$/, "");

		try {
			domain = new URL("http://" + domain).hostname;
		} catch (e) {
			/* no host name: compared as it is */
		}
		return lower(address.slice(0, at + 1) + domain);
	}

	function owns(account, address) {
		const own = fold(address);

		return [account.address, account.login, ...(account.aliases || [])]
			.some(a => a && (a.startsWith("*@") || a.startsWith("@")
				? fold("x" + a.replace(/^\*/, "")).slice(1) ==
					own.slice(own.lastIndexOf("@"))
				: fold(a) == own));
	}

	/* The account of the agent that sends letters from this address: null
	 * when there is none, and also when the agent knows no server to send
	 * them to. */
	function accountOf(accounts, address) {
		return accounts.find(a => a.submission !== false &&
			owns(a, address)) || null;
	}

	/* ---- wishes: X-Letterlock ---- */

	/* {encrypt, sign}: true, false, or undefined for "as policy says". */
	function wishOf(headers) {
		const wish = {};
		const h = (headers || []).find(
			h => h.name.toLowerCase() == HEADER.toLowerCase());

		for (const word of (h ? h.value : "").split(/[; \t]+/)) {
			const m = /^(encrypt|sign)=(yes|no)$/i.exec(word);
			if (m)
				wish[m[1].toLowerCase()] =
					m[2].toLowerCase() == "yes";
		}
		return wish;
	}

	/* All custom headers, for the set is always replaced as a whole. */
	function withWish(headers, wish) {
		const value = ["encrypt", "sign"]
			.filter(name => typeof wish[name] == "boolean")
			.map(name => `${name}=${wish[name] ? "yes" : "no"}`)
			.join("; ");
		const others = (headers || []).filter(
			h => h.name.toLowerCase() != HEADER.toLowerCase());

		return value ? [...others, {name: HEADER, value}] : others;
	}

	/* The code of a refusal, where it stands before the subject. */
	function codeOf(subject) {
		const m = /^[ \t]*\[clear (\d{4})\]/i.exec(subject || "");

		return m ? Number(m[1]) : undefined;
	}

	/* ---- what the button shows ---- */

	/* No badge: in Thunderbird it hides the icon and a part of the label. */
	function face(name, icon, label, title) {
		return {name, icon: `icons/${icon}.svg`, label, title};
	}

	function notRunning(error) {
		const not = error.code == "not-running";

		return face("not-running", "off",
			[error.code == "timeout" ? "compose_label_no_answer" :
				"compose_label_not_running"],
			[not ? "compose_title_not_running" :
				"compose_title_no_answer"]);
	}

	function cannotJudge() {
		return face("unsure", "refused",
			["compose_label_unknown"],
			["compose_title_failed"]);
	}

	function refused(l) {
		const all = l.answer.recipients;
		const without = all.filter(r => CANNOT.includes(r.state)).length;
		const other = all.some(r => r.state != "sealed" &&
			!CANNOT.includes(r.state));

		if (without && !other && l.wish.encrypt !== false)
			return face("no-key", "no-key",
				["compose_label_no_key", without],
				[without == 1 ? "compose_title_no_key_one" :
					"compose_title_no_key", without]);
		return face("refused", "refused",
			["compose_label_refused"], ["compose_title_refused"]);
	}

	function readable(l) {
		return face("readable", "readable",
			["compose_label_readable"],
			[l.answer && l.answer.signed ?
				"compose_title_readable_signed" :
				"compose_title_readable"]);
	}

	function locked() {
		return face("locked", "locked",
			["compose_label_locked"], ["compose_title_locked"]);
	}

	function sealed(l) {
		const open = l.lists.length + l.bad.length;

		if (l.news)
			return readable(l);
		if (open)
			return face("unsure", "refused",
				["compose_label_unsure"],
				[l.lists.length ? "compose_title_lists" :
					"compose_title_incomplete", open]);
		if (l.key == "locked" && l.answer.signed)
			return locked();
		return face("sealed", "sealed",
			["compose_label_sealed"],
			[l.answer.signed ? "compose_title_sealed_signed" :
				"compose_title_sealed"]);
	}

	function empty(l) {
		if (l.news)
			return readable(l);
		if (l.lists.length)
			return sealed(l);
		if (l.key == "locked")
			return locked();
		return face("idle", "letter",
			["compose_label_idle"], ["compose_title_idle"]);
	}

	/*
	 * What is known of a letter, {
	 *   error    {code, text} or null: why the agent told nothing
	 *   account  of the agent, null: none of them, undefined: not known yet
	 *   foreign  "OpenPGP" or "S/MIME" where Thunderbird itself encrypts
	 *   pending  its recipients are not those of the answer
	 *   answer   of the call recipients, or null where there are none
	 *   key      our own: "locked", "unlocked" ...
	 *   wish, lists (of the address book, unknown who is in them), bad (no
	 *   whole addresses), news (goes to a newsgroup too)
	 * }, becomes {name, icon, label, title}; label and title
	 * are a key of _locales and its values.
	 */
	function faceOf(l) {
		if (l.account === null)
			return face("other", "off",
				["compose_label_other"],
				["compose_title_other", l.from]);
		if (l.error && ["not-running", "no-host", "timeout"]
			.includes(l.error.code))
			return notRunning(l.error);
		if (l.foreign)
			return face("own", "refused",
				["compose_label_own", l.foreign],
				["compose_title_own", l.foreign]);
		if (l.error)
			return cannotJudge();
		if (l.pending || l.account === undefined)
			return face("checking", "letter",
				["compose_label_checking"],
				["compose_title_checking"]);
		if (!l.answer)
			return empty(l);
		if (l.answer.signed && l.answer.key && l.answer.key != "usable")
			return face("refused", "refused",
				["compose_label_refused"],
				["compose_title_own_key", l.from]);
		if (l.answer.outcome == "sealed")
			return sealed(l);
		return l.answer.outcome == "readable" ? readable(l) : refused(l);
	}

	return {complete, fold, accountOf, wishOf, withWish, codeOf, faceOf};
})();
