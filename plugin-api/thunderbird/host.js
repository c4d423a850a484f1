/* SPDX-License-Identifier: GPL-3.0-or-later
 * The way to the agent: one native port, kept by the background; pages go
 * through it. */
"use strict";

/*
 * host.ask(call, members, ms)  a promise of what is in "ok"; else it throws an
 *                              Error with .code (PROTOCOL.md, and "no-host":
 *                              there is no letterlock-nmh; "timeout") and
 *                              .text, words for people.
 * host.onEvent(fn)             fn(event) for each event of the agent, and for
 *                              {event: "agent", running: bool} whenever that
 *                              changes, also when the host itself goes; it
 *                              comes with true again when what is shown has
 *                              to be asked for again.
 * host.running                 true, false, or null while nobody knows.
 *
 * The same in the background and in pages (popups, tabs).
 */
const host = (() => {
	const NAME = "letterlock";
	const ASK_MS = 10000;
	const BACK_OFF_MS = [1000, 1000, 2000, 4000, 8000, 16000];
	const STEADY_MS = 10000;  /* a host that lived so long is no failure */
	const PARTS_MAX = 1000;
	const PART = 400000;	/* of text; what is as long is ASCII */

	const listeners = new Set();
	const inPage = !location.pathname.startsWith("/_generated_background");

	function failure(code = "failed", text = code) {
		const e = new Error(text);
		e.code = code;
		e.text = text;
		return e;
	}

	function tell(event) {
		for (const fn of listeners)
			try {
				fn(event);
			} catch (e) {
				console.error(e);
			}
	}

	/* ---- in a page: all goes through the background ---- */

	function pageHost() {
		const h = {
			running: null,
			onEvent: fn => listeners.add(fn),
			ask: async (call, members = {}, ms = ASK_MS) => {
				const r = await messenger.runtime.sendMessage(
					{to: "host", call, members, ms});
				if (!r)
					throw failure("no-host",
						words.message("common_no_host"));
				if (r.error)
					throw failure(r.error.code, r.error.text);
				return r.ok;
			},
		};

		messenger.runtime.onMessage.addListener(m => {
			if (m?.to != "pages")
				return;
			if (m.event.event == "agent")
				h.running = m.event.running;
			tell(m.event);
		});
		messenger.runtime.sendMessage({to: "host"}).then(r => {
			if (h.running === null && r)
				h.running = r.running;
		}, () => {});
		return h;
	}

	/* ---- in the background ---- */

	const waiting = new Map();  /* id -> {done, fail, timer, parts} */
	let port = null;
	let last = 0;
	let failures = 0;
	let again = null;
	let heard = false;  /* anything from this port */
	let born = 0;

	function backgroundHost() {
		const h = {running: null, ask, onEvent: fn => listeners.add(fn)};

		function setRunning(running) {
			if (h.running === running)
				return;
			h.running = running;
			event({event: "agent", running});
		}

		function event(m) {
			tell(m);
			/* fails where no page is open, which is no matter */
			messenger.runtime.sendMessage({to: "pages", event: m})
				.catch(() => {});
		}

		function take(id) {
			const w = waiting.get(id);

			if (w) {
				waiting.delete(id);
				clearTimeout(w.timer);
			}
			return w;
		}

		function answer(m) {
			if (m.part !== undefined) {
				const w = waiting.get(m.id);
				if (!w)
					return;
				if (!(m.of <= PARTS_MAX)) {
					take(m.id).fail(failure("too-large",
						words.message("common_too_large")));
					return;
				}
				w.parts.push(m.text);
				if (w.parts.length < m.of)
					return;
				m = JSON.parse(w.parts.join(""));
			}
			if (m.ok)
				setRunning(true);
			else if (m.error?.code == "not-running")
				setRunning(false);
			const w = take(m.id);
			if (!w)
				return;
			if (m.ok)
				w.done(m.ok);
			else
				w.fail(failure(m.error?.code, m.error?.text));
		}

		function received(m) {
			heard = true;
			if (m.event == "agent")
				h.running = !!m.running;
			if (m.event)
				event(m);
			else
				answer(m);
		}

		function lost(gone) {
			const absent = gone.error && !heard;

			if (gone != port)
				return;
			port = null;
			if (Date.now() - born > STEADY_MS)
				failures = 0;
			for (const id of [...waiting.keys()])
				take(id).fail(absent ?
					failure("no-host",
						words.message("common_no_host")) :
					failure("not-running",
						words.message("common_host_lost")));
			setRunning(false);
			if (again === null)
				again = setTimeout(() => {
					again = null;
					connect();
				}, BACK_OFF_MS[Math.min(failures,
					BACK_OFF_MS.length - 1)]);
			failures++;
		}

		/* An open port keeps this event page alive. */
		function connect() {
			if (port)
				return port;
			clearTimeout(again);
			again = null;
			heard = false;
			born = Date.now();
			port = messenger.runtime.connectNative(NAME);
			port.onMessage.addListener(received);
			port.onDisconnect.addListener(lost);
			/* so that it is known whether the agent is there */
			ask("status").then(() => setRunning(true), () => {});
			return port;
		}

		/* Thunderbird takes quadratic time for a long message, so it
		 * goes in parts. */
		function post(id, message) {
			const text = JSON.stringify(message);
			const of = Math.ceil(text.length / PART);

			if (of == 1) {
				port.postMessage(message);
				return;
			}
			for (let part = 1; part <= of; part++)
				port.postMessage({id, part, of, text: text.slice(
					(part - 1) * PART, part * PART)});
		}

		function ask(call, members = {}, ms = ASK_MS) {
			return new Promise((done, fail) => {
				connect();
				const id = ++last;
				waiting.set(id, {
					done, fail, parts: [],
					timer: setTimeout(() => {
						waiting.delete(id);
						fail(failure("timeout",
							words.message("common_timeout")));
					}, ms),
				});
				try {
					post(id, {...members, id, call});
				} catch (e) {
					take(id).fail(failure("not-running",
						words.message("common_host_lost")));
				}
			});
		}

		messenger.runtime.onMessage.addListener(m => {
			if (m?.to != "host")
				return;
			if (!m.call)
				return Promise.resolve({running: h.running});
			return ask(m.call, m.members, m.ms).then(ok => ({ok}),
				e => ({error: {code: e.code, text: e.text}}));
		});
		connect();
		return h;
	}

	return inPage ? pageHost() : backgroundHost();
})();
