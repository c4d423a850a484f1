/* SPDX-License-Identifier: GPL-3.0-or-later
 * A sealed letter, opened by the agent, in a tab of its own.  Its text lives
 * in this page only. */
"use strict";

(() => {
	const OPEN_MS = 660000;		/* the passphrase may be asked for */
	const PICTURES_MAX = 20 << 20;
	const LINKS_MAX = 2000;
	const TEXT_MAX = 1 << 20;	/* characters on display */
	const HTML_MAX = 4 << 20;
	const $ = id => document.getElementById(id);
	const urls = [];
	const ask = what => messenger.runtime.sendMessage(
		{to: "reading", what, secret: location.search.slice(1)});

	/* The subject stays out of the tab's title, which Thunderbird may keep
	 * on disk, and which is ours to say. */
	function head(kind, text, lines = []) {
		$("icon").src = verdict.icon(kind);
		$("title").textContent = verdict.label(kind);
		$("words").textContent = text;
		$("verdict").dataset.tone = verdict.tone(kind);
		$("verdict").dataset.kind = kind;
		$("more").hidden = !lines.length;
		$("details").replaceChildren(...lines.flatMap(l => {
			const dt = document.createElement("dt");
			const dd = document.createElement("dd");
			dt.textContent = l.term;
			dd.textContent = l.text;
			dd.className = `${l.tone || ""} ${l.fpr ? "fpr" : ""}`;
			return [dt, dd];
		}));
	}

	/* The mark at a sentence's end is not the link's. */
	function bare(url) {
		let n = url.length;

		while (n && ".,;:!?)]".includes(url[n - 1]))
			n--;
		return url.slice(0, n);
	}

	/* Text in which links can be pressed; they open in the browser. */
	function linked(text) {
		const out = [];
		let at = 0, n = 0;

		for (const m of text.matchAll(/\bhttps?:\/\/[^\s<>"']{1,2000}/gi)) {
			if (++n > LINKS_MAX)
				break;
			const url = bare(m[0]);
			const a = document.createElement("a");
			a.href = a.textContent = url;
			a.addEventListener("click", e => {
				e.preventDefault();
				messenger.windows.openDefaultBrowser(url);
			});
			out.push(text.slice(at, m.index), a);
			at = m.index + url.length;
		}
		out.push(text.slice(at));
		return out;
	}

	function pictures(parts) {
		const found = new Map();
		let size = 0;

		for (const p of parts) {
			const octets = mime.octets(p);
			size += octets.length;
			if (size > PICTURES_MAX)
				break;
			found.set(p.id, `data:${p.type};base64,` +
				octets.toBase64());
		}
		return found;
	}

	function asText(text) {
		const all = linked(text.slice(0, TEXT_MAX));

		if (text.length > TEXT_MAX)
			all.push("\n\n" + words.message("letter_cut"));
		$("body").replaceChildren(...all);
		$("body").hidden = false;
		$("frame").hidden = true;
		$("frame").removeAttribute("srcdoc");
	}

	function asHtml(texts, inline) {
		$("frame").srcdoc = tidy.page(texts.map(t => t.html ?
			{html: mime.text(t.html).slice(0, HTML_MAX)} :
			{plain: mime.text(t.plain).slice(0, TEXT_MAX)}),
			pictures(inline));
		$("frame").hidden = false;
		$("body").hidden = true;
	}

	const textOf = ({plain, html}) => plain ? mime.text(plain) :
		html ? tidy.text(mime.text(html).slice(0, HTML_MAX)) : "";

	function bodies({texts, inline}) {
		const some = texts.filter(t => t.plain || t.html);
		const swap = toHtml => {
			$("as-html").hidden = toHtml;
			$("as-text").hidden = !toHtml;
			if (toHtml)
				asHtml(some, inline);
			else
				asText(some.map(textOf).join("\n"));
		};

		$("as-html").onclick = () => swap(true);
		$("as-text").onclick = () => swap(false);
		swap(some.some(t => !t.plain));
		if (!some.some(t => t.html))
			$("as-html").hidden = true;
	}

	const fileName = p => (p.name || (p.type == "message/rfc822" ?
		words.message("letter_message") + ".eml" :
		words.message("letter_file"))).replace(/[/\\:*?"<>|]/g, "_")
		.replace(/^\.+/, "").slice(-120);

	/* Nothing is on disk until somebody saves it. */
	function save(p) {
		const a = document.createElement("a");
		const url = URL.createObjectURL(new Blob([mime.octets(p)],
			{type: "application/octet-stream"}));

		urls.push(url);
		a.href = url;
		a.download = fileName(p);
		a.click();
	}

	function files(parts) {
		$("attached").hidden = !parts.length;
		$("files").replaceChildren(...parts.map(p => {
			const li = document.createElement("li");
			const name = document.createElement("bdi");
			const size = document.createElement("span");
			const b = document.createElement("button");
			name.textContent = fileName(p);
			size.className = "faint";
			size.textContent = words.message("letter_size",
				Math.ceil(mime.octets(p).length / 1024));
			b.textContent = words.message("letter_save");
			b.setAttribute("aria-label", words.message(
				"letter_save_name", fileName(p)));
			b.addEventListener("click", () => save(p));
			li.append(b, name, size);
			return li;
		}));
	}

	function letter(octets) {
		const top = mime.parse(octets), got = mime.pick(top);
		const date = new Date(mime.field(top, "date"));

		for (const name of ["from", "to", "cc", "subject"])
			$(name).textContent = mime.field(top, name);
		$("cc-term").hidden = $("cc-value").hidden =
			!$("cc").textContent;
		$("date").textContent = isNaN(date) ? mime.field(top, "date") :
			date.toLocaleString(messenger.i18n.getUILanguage());
		bodies(got);
		/* what is too long to be shown can be saved */
		files([...got.attached, ...got.texts.flatMap(
			t => [t.plain, t.html]).filter(
			p => p && p.body.length > TEXT_MAX)]);
		$("letter").hidden = false;
	}

	/* The one thing more to know at a glance: by whom, or why not. */
	function title(view) {
		const [seal, signature] = verdict.details(view);

		return [verdict.title(view.kind),
			(signature || seal).text].join(". ");
	}

	async function opened() {
		const message = await ask("letter");

		if (!message)
			throw {code: "gone", text: words.message("letter_gone")};
		if (message.size > raw.MAX)
			throw {code: "too-large", text: verdict.title("large")};
		return host.ask("open", {ask: true,
			data: (await raw.read(message.id)).toBase64()}, OPEN_MS);
	}

	/* After a Cancel nobody is asked for half an hour, but by this. */
	async function unlock() {
		$("unlock").disabled = true;
		try {
			await host.ask("unlock", {account: await ask("account")},
				OPEN_MS);
			run();
		} catch (e) {
			$("words").textContent = e.text || String(e);
		}
		$("unlock").disabled = false;
	}

	async function run() {
		$("retry").hidden = $("unlock").hidden = true;
		$("title").textContent = words.message("letter_opening");
		$("words").textContent = words.message("letter_wait");
		try {
			const answer = await opened();
			const view = {kind: verdict.genuine(answer.verdict),
				verdict: answer.verdict};
			head(view.kind, title(view),
				verdict.details(view));
			if (view.kind != "failed")
				letter(Uint8Array.fromBase64(answer.data || ""));
		} catch (e) {
			const {kind} = e.code == "gone" ? {kind: "closed"} :
				verdict.failure(e);
			head(kind, e.text || String(e));
			$("retry").hidden = e.code == "gone";
			$("unlock").hidden = kind != "locked";
		}
	}

	$("retry").addEventListener("click", run);
	$("unlock").addEventListener("click", unlock);
	addEventListener("pagehide", () => urls.forEach(URL.revokeObjectURL));
	run();
})();
