/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a plug-in says to the plug-in socket. */
#include <string.h>

#include "agent/plugin.h"
#include "tests/fuzz/play.h"

/* Each answer is a line, an object with an id, and either ok or an error. */
static void check_answers(const struct membuf *heard)
{
	const char *p = heard->len ? heard->buf : "", *lf;
	const char *end = p + heard->len;
	const char *code, *text;
	json_t *j, *ok, *error;

	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		CHECK(lf && lf - p < JSON_ANSWER_MAX);
		j = json_read(p, (size_t)(lf - p), NULL);
		CHECK(j && json_object_size(j) == 2);
		ok = json_object_get(j, "ok");
		error = json_object_get(j, "error");
		CHECK(json_object_get(j, "id"));
		CHECK(json_is_object(ok)
		      || json_unpack(error, "{s:s, s:s !}", "code", &code,
		                     "text", &text) == 0);
		json_decref(j);
	}
}

/* They come between answers, whole; taken out, since when they do depends on how
 * the plug-in's octets are cut. */
static void check_events(struct membuf *heard)
{
	struct membuf events;
	const char *p, *lf;
	json_t *j;

	play_events(heard, &events);
	p = events.buf;
	for (size_t left = events.len; left; left -= (size_t)(lf + 1 - p),
	     p = lf + 1) {
		lf = memchr(p, '\n', left);
		j = json_read(p, (size_t)(lf - p), NULL);
		CHECK(j && json_object_get(j, "event")
		      && !json_object_get(j, "id"));
		json_decref(j);
	}
	membuf_free(&events);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	uint8_t know = fuzz_octet(&data, &size);
	struct script one = { .p = data, .n = size }, many = one;
	struct membuf whole, cut, guard, guard_cut;

	many.how = how;
	play_plugin(&one, know, &whole, &guard);
	play_plugin(&many, know, &cut, &guard_cut);
	check_events(&whole);
	check_events(&cut);
	check_answers(&whole);
	CHECK(same(&whole, &cut) && same(&guard, &guard_cut));
	membuf_free(&whole);
	membuf_free(&cut);
	membuf_free(&guard);
	membuf_free(&guard_cut);
	return 0;
}
