/* SPDX-License-Identifier: GPL-3.0-or-later
 * What the agent says of a letter, as a label, an icon, and sentences. */
"use strict";

/*
 * A view is {kind, verdict, ...}: verdict is there only where the agent gave
 * one.  The kinds are the keys of ICON; each has the words read_label_KIND,
 * read_title_KIND and mostly read_todo_KIND.
 */
const verdict = (() => {
	const ICON = {
		bad: "bad",		/* a signature not to rely on */
		changed: "forged",	/* another body than when it was judged */
		closed: "closed",	/* sealed, and not opened by us */
		error: "off",
		failed: "closed",	/* tried, and not to be opened */
		forged: "forged",
		large: "closed",
		locked: "locked",
		off: "off",
		other: "closed",	/* another installation's word */
		own: "letter",		/* opened by Thunderbird's own OpenPGP */
		readable: "readable",
		sealed: "sealed",	/* and signed by a known key */
		signed: "signed",
		unchecked: "sealed-unknown",	/* signed by who knows whom */
		unsigned: "sealed-unknown",
		verified: "sealed-verified",
		wait: "letter",
	};
	const GOOD = new Set(["verified", "sealed", "signed"]);
	const BAD = new Set(["bad", "changed", "forged"]);

	/* The kind of a letter the agent vouches for. */
	function genuine(v) {
		const sealed = v.encryption == "ok";

		if (v.encryption == "failed")
			return "failed";
		switch (v.signature) {
		case "good":
			if (!sealed)
				return "signed";
			return v.trust == "verified" ? "verified" : "sealed";
		case "none":
			return sealed ? "unsigned" : "readable";
		case "unknown-key":
		case "untrusted":
			return sealed ? "unchecked" : "readable";
		default:
			return "bad";
		}
	}

	/* A view of the answer to the call verdict. */
	function view(answer) {
		const v = answer.verdict;

		switch (answer.state) {
		case "genuine":
			return v ? {kind: genuine(v), verdict: v} : {kind: "error"};
		case "changed":
		case "forged":
		case "other":
			return {kind: answer.state};
		case "none":
			return {kind: answer.sealed ? "closed" : "readable"};
		default:
			return {kind: "error"};
		}
	}

	/* What an error of host.ask() makes of it. */
	function failure(e) {
		switch (e.code) {
		case "locked":
		case "cancelled":
		case "wrong":
			return {kind: "locked", text: e.text};
		case "too-large":
			return {kind: "large", text: e.text};
		case "no-host":
		case "not-running":
			return {kind: "off", text: e.text};
		default:
			return {kind: "error", text: e.text || String(e)};
		}
	}

	/* The lines of details: [{term, text, tone, fpr}], all but fpr and tone
	 * words; since: when this key was first seen, where it is known. */
	function details(w, since) {
		const v = w.verdict, lines = [];
		const say = (term, text, tone) =>
			lines.push({term: words.message("read_term_" + term),
				text, tone});

		if (!v)
			return lines;
		if (v.encryption == "failed")
			say("seal", words.message("read_reason_" +
				(v.reason || "none").replace(/-/g, "_")), "bad");
		else
			say("seal", words.message("read_seal_" + v.encryption));
		if (v.encryption == "failed")
			return lines;
		say("signature", words.message("read_signature_" +
			v.signature.replace(/-/g, "_"),
			v.signer || words.message("read_somebody")),
			v.signature == "good" ? "good" :
			v.signature == "none" ? undefined :
			/^un/.test(v.signature) ? "warn" : "bad");
		if (v.signature == "good")
			say("trust", v.trust == "verified" ?
				words.message("read_trust_verified") :
				since ? words.message("read_trust_since",
					words.date(since)) :
				words.message("read_trust_seen"));
		if (v.fpr)
			lines.push({term: words.message("read_term_key"),
				text: words.fpr(v.fpr), fpr: true});
		if (v.time)
			say("time", words.date(v.time));
		return lines;
	}

	/* What to do about it: "" where nothing is. */
	function todo({kind, verdict: v}) {
		if (kind == "failed" && v && v.reason != "no-secret-key")
			return words.message("read_todo_broken");
		if (v?.signature == "unknown-key")
			return words.message("read_todo_unknown_key");
		if (v?.signature == "untrusted")
			return words.message("read_todo_unchecked");
		return messenger.i18n.getMessage("read_todo_" + kind);
	}

	return {
		genuine, view, failure, details,
		icon: kind => `icons/${ICON[kind]}.svg`,
		label: kind => words.message("read_label_" + kind),
		title: kind => words.message("read_title_" + kind),
		todo,
		tone: kind => GOOD.has(kind) ? "good" :
			BAD.has(kind) ? "bad" : "",
	};
})();
