/* SPDX-License-Identifier: GPL-3.0-or-later
 * The add-on's settings: {open: "click" or "auto"}. */
"use strict";

(async () => {
	const boxes = [...document.querySelectorAll("input[name=open]")];
	const {open} = await messenger.storage.local.get({open: "click"});

	for (const box of boxes) {
		box.checked = box.value == open;
		box.addEventListener("change", async () => {
			await messenger.storage.local.set({open: box.value});
			document.getElementById("saved").textContent =
				words.message("options_saved");
		});
	}
	document.getElementById("welcome").addEventListener("click",
		() => messenger.tabs.create({url: "welcome.html"}));
})();
