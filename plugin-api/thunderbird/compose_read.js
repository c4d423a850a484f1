/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writing: what stands in a compose window. */
"use strict";

/*
 * composeRead.into(letter, details)  what getComposeDetails() says, into the
 *      letter: from, identity, to [{address, name}], lists (of the address
 *      book, whose members are not known), bad (what is no whole address),
 *      news, foreign, wish, code (of a refusal), answers (Message-IDs), restore
 *      (a wish that its draft has). A promise of false where the details are
 *      the same as before.
 * composeRead.parse(text)            [{name, email}]
 */
const composeRead = (() => {
	const ANSWERS_MAX = 50;

	function strings(list) {
		return [].concat(list || []).filter(s => typeof s == "string" && s);
	}

	async function parse(text, expand) {
		const parse = messenger.messengerUtilities.parseMailboxString;

		if (expand)
			try {
				return await parse(text, {expandMailingLists: true});
			} catch (e) {
				/* a Thunderbird that can't yet */
			}
		return parse(text);
	}

	/* One mailbox of a window, parsed, into the letter. */
	function addMailbox(l, {name, email}) {
		if (!email) {
			if (name)
				l.bad.push(name);
		} else if (composeState.complete(email)) {
			if (!l.to.some(r => composeState.fold(r.address) ==
					composeState.fold(email)))
				l.to.push({address: email, name: name || ""});
		} else if (name == email) {
			l.lists.push(name);
		} else {
			l.bad.push(email);
		}
	}

	async function headersOf(messageId) {
		const got = messenger.messages.getHeaders
			? await messenger.messages.getHeaders(messageId)
			: (await messenger.messages.getFull(messageId)).headers;

		return got || {};
	}

	/* The fields of a letter that tell what it answers: where a window began
	 * with it, its own fields will have those of the letter. */
	const ANSWERS = {
		"reply": ["message-id", "in-reply-to", "references"],
		"forward": ["message-id"],
		"redirect": ["message-id"],
		"draft": ["in-reply-to", "references", "x-forwarded-message-id"],
		"new": ["references", "x-forwarded-message-id"],
	};

	/* What the letter that the window began with says of it. */
	async function related(l, details) {
		l.related = details.relatedMessageId;
		l.answers = [];
		if (!l.related)
			return;
		const headers = await headersOf(l.related).catch(() => ({}));
		const ids = (ANSWERS[details.type] || ANSWERS.reply)
			.flatMap(n => headers[n] || [])
			.flatMap(v => v.match(/<[^<>\s]{1,250}>/g) || []);

		l.answers = [...new Set(ids)].slice(0, ANSWERS_MAX);
		/* Thunderbird forgets them. "no" is not taken from a draft, since
		 * others may write into its folder. */
		const wish = composeState.wishOf((headers["x-letterlock"] || [])
			.map(value => ({name: "X-Letterlock", value})));
		if (details.type == "draft")
			l.restore = {encrypt: wish.encrypt || undefined,
				sign: wish.sign || undefined};
	}

	function rawOf(d) {
		return JSON.stringify([d.from, d.to, d.cc, d.bcc, d.newsgroups,
			d.customHeaders, d.selectedEncryptionTechnology,
			d.relatedMessageId, composeState.codeOf(d.subject)]);
	}

	async function into(l, details) {
		const raw = rawOf(details), began = ++l.reads;

		if (raw == l.raw)
			return false;
		const expand = await messenger.permissions.contains(
			{permissions: ["addressBooks"]});
		const next = {to: [], lists: [], bad: []};
		const all = ["to", "cc", "bcc"].flatMap(f => strings(details[f]));

		for (const list of await Promise.all(
			all.map(text => parse(text, expand))))
			for (const mailbox of list)
				addMailbox(next, mailbox);
		const from = await parse(strings(details.from)[0] || "");
		if (details.relatedMessageId !== l.related)
			await related(l, details);
		/* the one that began last has the newest details */
		if (began < l.read)
			return false;
		l.read = began;
		const own = details.selectedEncryptionTechnology;
		Object.assign(l, next, {
			raw,
			from: from[0]?.email || "",
			identity: details.identityId,
			news: strings(details.newsgroups).length > 0,
			foreign: own && own.encryptBody ? own.name : null,
			wish: composeState.wishOf(details.customHeaders),
			code: composeState.codeOf(details.subject),
		});
		return true;
	}

	return {into, parse};
})();
