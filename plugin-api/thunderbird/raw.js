/* SPDX-License-Identifier: GPL-3.0-or-later
 * A letter's octets as Thunderbird stores them. */
"use strict";

const raw = {
	MAX: 100 << 20,

	/* All octets of a message of Thunderbird's. */
	async read(id) {
		const file = await messenger.messages.getRaw(id,
			{data_format: "File"});
		return new Uint8Array(await file.arrayBuffer());
	},

	/* The header block with the empty line behind it. */
	head(octets) {
		const LF = 10, CR = 13;

		for (let at = 0; ;) {
			const end = octets.indexOf(LF, at);
			if (end < 0)
				return octets;
			if (end == at || (end == at + 1 && octets[at] == CR))
				return octets.subarray(0, end + 1);
			at = end + 1;
		}
	},

	/* One field's text in a header block, unfolded; "" if it is absent. */
	field(head, name) {
		const text = new TextDecoder().decode(head)
			.replace(/\r?\n(?=[ \t])/g, "");
		for (const line of text.split("\n"))
			if (line.slice(0, name.length + 1).toLowerCase() ==
			    name.toLowerCase() + ":")
				return line.slice(name.length + 1).trim();
		return "";
	},
};
