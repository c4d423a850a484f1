/* SPDX-License-Identifier: GPL-3.0-or-later
 * Words in the user's language, and pages that show them. */
"use strict";

/*
 * words.message(key, ...values)  the text of _locales; values for $1, $2 ...
 * words.date(seconds)            a day as people write it
 * words.fpr(fpr)                 a fingerprint in groups of four
 *
 * In a page, at start: data-i18n="key" becomes the element's text,
 * data-i18n-label its aria-label, data-i18n-title its title,
 * data-i18n-placeholder its placeholder.
 */
const words = {
	message(key, ...values) {
		return messenger.i18n.getMessage(key, values.map(String)) || key;
	},

	date(seconds) {
		return new Date(seconds * 1000).toLocaleDateString(
			messenger.i18n.getUILanguage(),
			{year: "numeric", month: "long", day: "numeric"});
	},

	fpr(fpr) {
		return (fpr || "").toUpperCase().replace(/(.{4})(?=.)/g, "$1 ");
	},

	page() {
		const kinds = {
			"i18n": (e, text) => e.textContent = text,
			"i18n-label": (e, text) => e.setAttribute("aria-label", text),
			"i18n-title": (e, text) => e.setAttribute("title", text),
			"i18n-placeholder": (e, text) =>
				e.setAttribute("placeholder", text),
		};
		for (const [kind, set] of Object.entries(kinds))
			for (const e of document.querySelectorAll(`[data-${kind}]`))
				set(e, words.message(e.getAttribute(`data-${kind}`)));
		document.documentElement.lang = messenger.i18n.getMessage("@@ui_locale")
			.replace("_", "-");
	},
};

if (!location.pathname.startsWith("/_generated_background"))
	words.page();
