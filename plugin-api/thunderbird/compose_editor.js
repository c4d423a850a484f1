/* SPDX-License-Identifier: GPL-3.0-or-later
 * In the text of a letter being written: tells when somebody is writing there,
 * where no recipients change. It reads nothing and changes nothing. */
"use strict";

(() => {
	let port = null;

	/* The background may have gone to sleep; then the port ends. */
	function tell(writing) {
		if (!port) {
			port = messenger.runtime.connect({name: "compose-editor"});
			port.onDisconnect.addListener(() => port = null);
		}
		port.postMessage(writing);
	}

	window.addEventListener("focus", () => tell(true));
	window.addEventListener("blur", () => tell(false));
	if (document.hasFocus())
		tell(true);
})();
