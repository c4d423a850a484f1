/* SPDX-License-Identifier: GPL-3.0-or-later
 * Takes an opened letter apart (RFC 2045 to 2047, 2183, 2231): enough to read
 * it and to save what is attached. */
"use strict";

/*
 * mime.parse(octets)   a part: {fields, type, params, name, inline, body,
 *                      parts}; fields: [[name, text]], body: octets, encoded
 *                      as they were.  It never throws: what can't be
 *                      understood is a part without parts.
 * mime.field(part, n)  the text of the first such field, its words decoded,
 *                      without control and direction characters; ""
 * mime.octets(part)    the body, decoded
 * mime.text(part)      the same as text
 * mime.pick(part)      {texts, inline, attached}: what is to be shown, in
 *                      order, each {plain, html} (one may be null); pictures
 *                      that belong there; the rest
 */
const mime = (() => {
	const DEPTH_MAX = 12;
	const PARTS_MAX = 1000;
	const FIELDS_MAX = 2000;
	const HEAD_MAX = 1 << 20;
	const LF = 10, DASH = 45;

	const latin = octets => {
		let s = "";

		for (let i = 0; i < octets.length; i += 8192)
			s += String.fromCharCode(
				...octets.subarray(i, i + 8192));
		return s;
	};

	const unlatin = s => Uint8Array.from(s, c => c.charCodeAt(0) & 255);

	function decode(octets, charset) {
		for (const label of [charset || "utf-8", "utf-8"])
			try {
				return new TextDecoder(label,
					{fatal: label == "utf-8"}).decode(octets);
			} catch { /* not that, then */ }
		return new TextDecoder("windows-1252").decode(octets);
	}

	/* Characters that move, hide or break what stands beside them. */
	const tame = s => s.replace(
		/[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu, " ");

	function quoted(octets, underscores) {
		const out = new Uint8Array(octets.length);
		const hex = c => c >= 48 && c <= 57 ? c - 48 :
			c >= 65 && c <= 70 ? c - 55 :
			c >= 97 && c <= 102 ? c - 87 : -1;
		let n = 0;

		for (let i = 0; i < octets.length; i++) {
			let c = octets[i];
			if (c == 61) {
				const a = hex(octets[i + 1]), b = hex(octets[i + 2]);
				if (a >= 0 && b >= 0) {
					c = a * 16 + b;
					i += 2;
				} else if (octets[i + 1] == LF) {
					i++;
					continue;
				} else if (octets[i + 1] == 13 &&
					   octets[i + 2] == LF) {
					i += 2;
					continue;
				}
			} else if (c == 95 && underscores) {
				c = 32;
			}
			out[n++] = c;
		}
		return out.subarray(0, n);
	}

	/* As lenient as mail is: what is no base64 is skipped. */
	function base64(octets) {
		const out = new Uint8Array(Math.ceil(octets.length * 3 / 4));
		let n = 0, bits = 0, have = 0;

		for (const c of octets) {
			const v = c >= 65 && c <= 90 ? c - 65 :
				c >= 97 && c <= 122 ? c - 71 :
				c >= 48 && c <= 57 ? c + 4 :
				c == 43 ? 62 : c == 47 ? 63 : -1;
			if (c == 61)
				break;
			if (v < 0)
				continue;
			bits = (bits << 6 | v) & 0xfff;
			have += 6;
			if (have >= 8) {
				have -= 8;
				out[n++] = bits >> have & 255;
			}
		}
		return out.subarray(0, n);
	}

	/* RFC 2047; neighbours of one charset are joined before they are read,
	 * since some programs cut within a character. */
	function unword(text) {
		const word = /=\?([\w!#$%&+^`{}~'-]{1,40})(?:\*[\w-]*)?\?([bq])\?([^? ]*)\?=/gi;
		const runs = [];
		let at = 0;

		for (const m of text.matchAll(word)) {
			const gap = text.slice(at, m.index);
			const octets = m[2].toLowerCase() == "b" ?
				base64(unlatin(m[3])) : quoted(unlatin(m[3]), true);
			const last = runs.at(-1);
			const charset = m[1].toLowerCase();
			if (last?.charset == charset && /^[ \t]*$/.test(gap)) {
				last.octets.push(octets);
			} else {
				if (!last?.charset || !/^[ \t]*$/.test(gap))
					runs.push({text: gap});
				runs.push({charset, octets: [octets]});
			}
			at = m.index + m[0].length;
		}
		runs.push({text: text.slice(at)});
		return runs.map(r => r.charset ?
			decode(join(r.octets), r.charset) : r.text).join("");
	}

	function join(list) {
		const out = new Uint8Array(list.reduce((n, o) => n + o.length, 0));
		let at = 0;

		for (const o of list) {
			out.set(o, at);
			at += o.length;
		}
		return out;
	}

	/* "text/plain; charset=x; name*0*=utf-8''..." */
	function parameters(text) {
		const value = (text.match(/^[^;]*/)[0]).trim().toLowerCase();
		const found = new Map(), long = new Map();
		const one = /;\s*([^\s=;"]{1,60})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))/g;

		for (const m of text.matchAll(one)) {
			const key = m[1].toLowerCase();
			const val = m[2] !== undefined ?
				m[2].replace(/\\(.)/g, "$1") : m[3].trim();
			const cut = key.match(/^([^*]+)\*(?:(\d{1,3})(\*)?)?$/);
			if (!cut) {
				found.set(key, unword(val));
				continue;
			}
			if (!long.has(cut[1]))
				long.set(cut[1], []);
			long.get(cut[1]).push({n: Number(cut[2] || 0), val,
				coded: cut[3] || cut[2] === undefined});
		}
		for (const [key, pieces] of long)
			found.set(key, unpiece(pieces));
		return {value, found};
	}

	function unpiece(pieces) {
		let charset = "utf-8";

		pieces.sort((a, b) => a.n - b.n);
		const all = pieces.map((p, i) => {
			let val = p.val;
			if (!p.coded)
				return new TextEncoder().encode(val);
			const m = i == 0 && val.match(/^([^']*)'[^']*'/);
			if (m) {
				charset = m[1] || charset;
				val = val.slice(m[0].length);
			}
			return unlatin(val.replace(/%([0-9a-f]{2})/gi,
				(_, h) => String.fromCharCode(parseInt(h, 16))));
		});
		return decode(join(all), charset);
	}

	function fields(head) {
		const text = decode(head.subarray(0, HEAD_MAX), "utf-8").replace(/\r?\n(?=[ \t])/g, "");
		const out = [];

		for (const line of text.split(/\r?\n/)) {
			const m = line.match(/^([!-9;-~]{1,200})[ \t]*:(.*)$/);
			if (m && out.length < FIELDS_MAX)
				out.push([m[1].toLowerCase(), m[2].trim()]);
		}
		return out;
	}

	const first = (part, name) =>
		part.fields.find(([n]) => n == name)?.[1] || "";

	/* Where the parts between the boundary's lines begin and end. */
	function cuts(body, boundary) {
		const mark = unlatin("--" + boundary);
		const found = [];
		let start = -1;

		for (let at = 0; at < body.length && found.length < PARTS_MAX;) {
			const end = body.indexOf(LF, at);
			const next = end < 0 ? body.length : end + 1;
			if (body[at] == DASH && body[at + 1] == DASH &&
			    mark.every((c, i) => body[at + i] == c)) {
				const rest = latin(body.subarray(
					at + mark.length,
					Math.min(next, at + mark.length + 100)));
				const m = rest.match(/^(--)?[ \t]*\r?\n?$/);
				if (m && start >= 0)
					found.push([start, line_end(body, at)]);
				if (m)
					start = next;
				if (m?.[1])
					return found;
			}
			at = next;
		}
		if (start >= 0)
			found.push([start, body.length]);
		return found;
	}

	/* The line end in front of a boundary is the boundary's. */
	function line_end(body, at) {
		if (body[at - 1] == LF)
			at--;
		if (body[at - 1] == 13)
			at--;
		return at;
	}

	function parse(octets, depth = 0, count = {n: 0}) {
		const head = raw.head(octets);
		const part = {fields: fields(head), parts: [],
			body: octets.subarray(head.length)};
		const type = parameters(first(part, "content-type") ||
			"text/plain");
		const place = parameters(first(part, "content-disposition"));

		part.type = /^[\w.+-]+\/[\w.+-]+$/.test(type.value) ?
			type.value : "text/plain";
		part.params = type.found;
		part.name = tame(place.found.get("filename") ||
			type.found.get("name") || "");
		part.inline = place.value != "attachment";
		part.id = first(part, "content-id").replace(/^<|>$/g, "");
		const boundary = type.found.get("boundary");
		if (!part.type.startsWith("multipart/") || !boundary ||
		    depth >= DEPTH_MAX)
			return part;
		for (const [from, to] of cuts(part.body, boundary))
			if (count.n++ < PARTS_MAX)
				part.parts.push(parse(part.body.subarray(
					from, to), depth + 1, count));
		return part;
	}

	function octets(part) {
		switch (first(part, "content-transfer-encoding").toLowerCase()) {
		case "base64":
			return base64(part.body);
		case "quoted-printable":
			return quoted(part.body);
		default:
			return part.body;
		}
	}

	const text = part => decode(octets(part), part.params.get("charset"))
		.replace(/\r\n?/g, "\n");

	/* into: the alternatives that this part is one of. */
	function pick(part, got = {texts: [], inline: [], attached: []},
		into = null) {
		const kind = {"text/plain": "plain", "text/html": "html"}[
			part.type];

		if (part.parts.length) {
			let all = into;
			if (!all && part.type == "multipart/alternative") {
				all = {plain: null, html: null};
				got.texts.push(all);
			}
			part.parts.forEach(p => pick(p, got, all));
		} else if (kind && part.inline && !part.name &&
			   !into?.[kind]) {
			if (into)
				into[kind] = part;
			else
				got.texts.push({plain: null, html: null,
					[kind]: part});
		} else if (part.id &&
			   /^image\/(png|jpeg|gif|webp)$/.test(part.type)) {
			got.inline.push(part);
		} else {
			got.attached.push(part);
		}
		return got;
	}

	return {
		parse, octets, text, pick,
		field: (part, name) => tame(unword(first(part, name))),
	};
})();
