/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch: a plug-in is told of events, which the keeper sends as frames. */
#include <stdlib.h>
#include <string.h>

#include "agent/keeper_tell.h"
#include "agent/plugin.h"
#include "crypto/verdict.h"

static const char *const how_name[] = {
	[GOES_CLEAR] = "readable", [GOES_SEALED] = "sealed",
	[GOES_SIGNED] = "signed", [GOES_PASSED] = "passed"
};
static const char *const event_name[] = {
	[EVENT_SENT] = "sent", [EVENT_REFUSED] = "refused",
	[EVENT_OPENED] = "opened", [EVENT_KEY_NEEDED] = "key-needed",
	[EVENT_LOCKED] = "locked", [EVENT_UNLOCKED] = "unlocked",
	[EVENT_ERROR] = "error", [EVENT_RECIPIENTS] = "recipients",
	[EVENT_LOST] = "lost", [EVENT_KEY_ENDS] = "key-ends",
	[EVENT_KEY_RENEWED] = "key-renewed",
	[EVENT_CONTACT_KEY_ENDS] = "contact-key-ends"
};
enum { EVENTS = sizeof event_name / sizeof event_name[0] };

json_t *plugin_watch(struct plugin *p, json_t *request, struct fault *f)
{
	(void)request;
	if (!chan_open(&p->events)
	    && keeper_watch(&p->ends->keeper, &p->events))
		return fault_set(f, "failed", "A part of Letterlock did not "
		                 "answer. Try again");
	return json_object();
}

/* ---- a frame as an object ---- */

/* A text, unless it is "". */
static void put_text(json_t *j, const char *name, struct unpack *u)
{
	char text[EVENT_WORDS_MAX];

	unpack_str(u, text, sizeof text);
	if (text[0])
		json_object_set_new(j, name, json_words(text));
}

static void put_number(json_t *j, const char *name, uint64_t n)
{
	json_object_set_new(j, name, json_integer((json_int_t)n));
}

static void put_addrs(json_t *j, const char *name, struct unpack *u)
{
	json_t *list = json_array();
	char addr[ADDR_MAX + 1];
	uint32_t n = unpack_u32(u);

	while (n-- && !u->bad) {
		unpack_str(u, addr, sizeof addr);
		json_array_append_new(list, json_words(addr));
	}
	json_object_set_new(j, name, list);
}

static void put_letter(json_t *j, struct unpack *u)
{
	put_text(j, "message-id", u);
	put_addrs(j, "recipients", u);
}

static void put_sent(json_t *j, struct unpack *u)
{
	uint32_t how = unpack_u32(u);

	if (how > GOES_PASSED)
		u->bad = true;
	else
		json_object_set_new(j, "how", json_string(how_name[how]));
	put_letter(j, u);
}

json_t *plugin_verdict_text(const char *text)
{
	static const char *const word[] = {
		"encryption", "signature", "signer", "fpr", "trust", "reason"
	};
	json_t *j = json_object();
	const char *value;
	size_t n;

	for (text += strspn(text, " "); *text; text += n + strspn(text + n, "; \r\n")) {
		n = strcspn(text, ";\r\n");
		if (!(value = memchr(text, '=', n)))
			continue;
		for (size_t i = 0; i < sizeof word / sizeof *word; i++)
			if ((size_t)(value - text) == strlen(word[i])
			    && strncmp(text, word[i], strlen(word[i])) == 0)
				json_object_set_new(j, word[i], json_stringn(
					value + 1,
					n - (size_t)(value + 1 - text)));
		if (strncmp(text, "t=", 2) == 0)
			json_object_set_new(j, "time", json_integer(
				strtoll(text + 2, NULL, 10)));
	}
	return j;
}

static void put_opened(json_t *j, struct unpack *u)
{
	char text[VERDICT_LINE_MAX];

	unpack_str(u, text, sizeof text);
	json_object_set_new(j, "verdict", plugin_verdict_text(text));
	put_text(j, "message-id", u);
}

static void put_rest(json_t *j, uint32_t what, struct unpack *u)
{
	uint32_t n;

	switch ((enum event)what) {
	case EVENT_SENT: put_sent(j, u); break;
	case EVENT_REFUSED:
		put_number(j, "code", unpack_u32(u));
		put_text(j, "words", u);
		put_letter(j, u);
		break;
	case EVENT_OPENED: put_opened(j, u); break;
	case EVENT_ERROR:
		n = unpack_u32(u);
		json_object_set_new(j, "protocol", json_string(
			n == SESSION_POP3 ? "pop3" : "submission"));
		put_text(j, "words", u);
		break;
	case EVENT_RECIPIENTS: put_addrs(j, "addresses", u); break;
	case EVENT_LOST: put_number(j, "count", unpack_u32(u)); break;
	case EVENT_KEY_ENDS: put_number(j, "days", unpack_u32(u)); break;
	case EVENT_KEY_RENEWED:
		put_number(j, "key-expires", unpack_u64(u));
		break;
	case EVENT_CONTACT_KEY_ENDS:
		put_text(j, "address", u);
		put_number(j, "days", unpack_u32(u));
		break;
	case EVENT_KEY_NEEDED: case EVENT_LOCKED: case EVENT_UNLOCKED: break;
	}
}

json_t *plugin_event(const struct frame *f)
{
	struct unpack u;
	uint32_t what;
	json_t *j;

	unpack_init(&u, f);
	what = unpack_u32(&u);
	if (u.bad || f->type != K_EVENT || what >= EVENTS)
		return NULL;
	j = json_pack("{s:s}", "event", event_name[what]);
	put_number(j, "time", unpack_u64(&u));
	put_text(j, "account", &u);
	put_rest(j, what, &u);
	if (unpack_end(&u))
		return j;
	json_decref(j);
	return NULL;
}
