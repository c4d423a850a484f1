/* SPDX-License-Identifier: GPL-3.0-or-later
 * Warns of letters that were sent, but not as the button said. */
"use strict";

(async () => {
	function line(text, kind) {
		const p = document.createElement("p");

		p.className = kind;
		p.textContent = text;
		return p;
	}

	function item(l) {
		const li = document.createElement("li");
		const to = l.to.join(", ") + (l.more ? ` (+ ${l.more})` : "");

		li.className = "box bad-box";
		li.dataset.kind = l.kind;
		li.append(
			line(words.message("compose_warning_" + l.kind), ""),
			line(words.message("compose_warning_letter", l.subject, to,
				l.from, new Date(l.time).toLocaleTimeString()),
				"faint"));
		return li;
	}

	function draw(letters) {
		document.getElementById("letters").replaceChildren(
			...letters.map(item));
	}

	messenger.runtime.onMessage.addListener(m => {
		if (m?.to == "compose-warning")
			draw(m.letters);
	});
	const close = document.getElementById("close");
	close.addEventListener("click", () => window.close());
	close.focus();
	draw((await messenger.runtime.sendMessage(
		{to: "compose-sent"})).letters);
})();
