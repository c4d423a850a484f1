/* SPDX-License-Identifier: GPL-3.0-or-later
 * Makes a letter's HTML harmless: a few elements and attributes are kept, and
 * nothing that runs, loads, styles or leads anywhere. */
"use strict";

/*
 * tidy.page(texts, pictures) a whole document as text, for a sandboxed frame;
 *                            texts: each {html} or {plain}, of letters;
 *                            pictures: content id -> data: URL
 * tidy.text(html)            its words alone
 */
const tidy = (() => {
	const KEEP = new Set(["a", "abbr", "address", "article", "b", "big",
		"blockquote", "br", "caption", "center", "cite", "code", "col",
		"colgroup", "dd", "del", "dfn", "div", "dl", "dt", "em", "font",
		"footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr",
		"i", "img", "ins", "kbd", "li", "main", "ol", "p", "pre", "q",
		"s", "samp", "section", "small", "span", "strike", "strong",
		"sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
		"tr", "tt", "u", "ul", "var"]);
	/* these go with all that is in them */
	const DROP = new Set(["applet", "audio", "base", "button", "canvas",
		"datalist", "embed", "form", "frame", "frameset", "iframe",
		"input", "link", "map", "math", "meta", "noembed", "noframes",
		"noscript", "object", "option", "script", "select", "style",
		"svg", "template", "textarea", "title", "video"]);
	const ATTRIBUTES = new Set(["align", "alt", "border", "cellpadding",
		"cellspacing", "colspan", "dir", "height", "nowrap", "reversed",
		"rowspan", "start", "valign", "width"]);
	const BLOCK = /^(address|article|blockquote|br|center|d[dlt]|div|footer|h[1-6]|header|hr|li|main|ol|p|pre|section|table|tr|ul)$/;
	const NODES_MAX = 200000;
	const DEPTH_MAX = 200;
	const POLICY = "default-src 'none'; img-src data:";

	const parse = html =>
		new DOMParser().parseFromString(html, "text/html");

	function attributes(from, to, tag, pictures) {
		for (const {name, value} of from.attributes)
			if (ATTRIBUTES.has(name))
				to.setAttribute(name, value.slice(0, 2000));
		if (tag == "img") {
			const cid = (from.getAttribute("src") || "")
				.match(/^cid:(.{1,500})$/i);
			const picture = cid && pictures.get(
				cid[1].replace(/%40/g, "@"));
			if (picture)
				to.setAttribute("src", picture);
		}
	}

	/* A link's words stay, and where it leads is said behind them: a frame
	 * in a sandbox can't open anything. */
	function leads(from, to, doc) {
		const href = from.getAttribute("href") || "";

		if (/^(https?|mailto):/i.test(href) &&
		    from.textContent.trim() != href)
			to.append(doc.createTextNode(
				` <${href.slice(0, 500)}>`));
	}

	function copy(from, to, doc, pictures, count, depth) {
		for (const node of from.childNodes) {
			if (++count.n > NODES_MAX || depth > DEPTH_MAX)
				return;
			if (node.nodeType == Node.TEXT_NODE) {
				to.append(doc.createTextNode(node.data));
				continue;
			}
			const tag = node.localName;
			if (node.nodeType != Node.ELEMENT_NODE || DROP.has(tag))
				continue;
			let into = to;
			if (KEEP.has(tag)) {
				into = doc.createElement(tag);
				attributes(node, into, tag, pictures);
				to.append(into);
			}
			copy(node, into, doc, pictures, count, depth + 1);
			if (tag == "a")
				leads(node, into, doc);
		}
	}

	function page(texts, pictures) {
		const count = {n: 0};
		const doc = document.implementation.createHTMLDocument("");
		const face = doc.createElement("font");
		const policy = doc.createElement("meta");
		const scheme = doc.createElement("meta");

		policy.httpEquiv = "Content-Security-Policy";
		policy.content = POLICY;
		scheme.name = "color-scheme";
		scheme.content = "light dark";
		doc.head.prepend(policy, scheme);
		face.setAttribute("face", "sans-serif");
		doc.body.append(face);
		for (const {html, plain} of texts) {
			const box = doc.createElement(html ? "div" : "pre");
			if (html)
				copy(parse(html).body, box, doc, pictures,
					count, 0);
			else
				box.textContent = plain;
			face.append(box);
		}
		return new XMLSerializer().serializeToString(doc);
	}

	function words(node, out, depth) {
		for (const child of node.childNodes) {
			if (out.length > NODES_MAX)
				return;
			if (child.nodeType == Node.TEXT_NODE)
				out.push(child.data.replace(/\s+/g, " "));
			if (child.nodeType != Node.ELEMENT_NODE ||
			    DROP.has(child.localName) || depth > DEPTH_MAX)
				continue;
			const block = BLOCK.test(child.localName);
			if (block)
				out.push("\n");
			words(child, out, depth + 1);
			if (block)
				out.push("\n");
		}
	}

	function text(html) {
		const out = [];

		words(parse(html).body, out, 0);
		return out.join("").split("\n").map(line => line.trim())
			.join("\n").replace(/\n{3,}/g, "\n\n").trim();
	}

	return {page, text};
})();
