/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A call of a plug-in: what it asks, whether it may, and its answer. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/plugin.h"

enum { MEMBERS_MAX = 8 };

static json_t *plugin_hello(struct plugin *p, json_t *request, struct fault *f);

static const struct call {
	const char *name;
	json_t *(*run)(struct plugin *p, json_t *request, struct fault *f);
	/* what a request has besides id and call, and of which type: an
	 * array is one of strings */
	struct member {
		const char *name;
		json_type type;
		bool wanted;
	} member[MEMBERS_MAX];
} calls[] = {
	{ "hello", plugin_hello, { { "version", JSON_INTEGER, true } } },
	{ "accounts", plugin_accounts, { { NULL } } },
	{ "contacts", plugin_contacts, {
		{ "address", JSON_STRING, false },
		{ "after", JSON_STRING, false }, { "set", JSON_OBJECT, false },
		{ "accept", JSON_STRING, false },
		{ "verified", JSON_TRUE, false },
		{ "reject", JSON_STRING, false } } },
	{ "invite", plugin_invite, {
		{ "account", JSON_STRING, true }, { "to", JSON_STRING, true },
		{ "language", JSON_STRING, false } } },
	{ "keys", plugin_keys, {
		{ "account", JSON_STRING, false },
		{ "address", JSON_STRING, false },
		{ "import", JSON_STRING, false },
		{ "export", JSON_STRING, false } } },
	{ "recipients", plugin_recipients, {
		{ "account", JSON_STRING, true }, { "to", JSON_ARRAY, true },
		{ "encrypt", JSON_TRUE, false }, { "sign", JSON_TRUE, false },
		{ "answers", JSON_ARRAY, false },
		{ "look", JSON_TRUE, false },
		{ "code", JSON_INTEGER, false },
		{ "wait", JSON_TRUE, false } } },
	{ "senders", plugin_senders, {
		{ "letters", JSON_ARRAY, true }, { "more", JSON_TRUE, false } } },
	{ "learn", plugin_learn, {
		{ "address", JSON_STRING, true },
		{ "date", JSON_INTEGER, true }, { "key", JSON_STRING, false },
		{ "mutual", JSON_TRUE, false },
		{ "judge-only", JSON_TRUE, false } } },
	{ "status", plugin_status, { { "keys", JSON_TRUE, false } } },
	{ "unlock", plugin_unlock, { { "account", JSON_STRING, true } } },
	{ "open", plugin_open, { { "data", JSON_STRING, true },
	                         { "more", JSON_TRUE, true },
	                         { "ask", JSON_TRUE, false } } },
	{ "verdict", plugin_verdict, { { "data", JSON_STRING, true },
	                               { "more", JSON_TRUE, true } } },
	{ "put", plugin_put, { { "data", JSON_STRING, true },
	                       { "more", JSON_TRUE, true } } },
	{ "get", plugin_get, { { NULL } } },
	{ "watch", plugin_watch, { { NULL } } },
};
enum { CALLS = sizeof calls / sizeof calls[0] };

json_t *fault_set(struct fault *f, const char *code, const char *fmt, ...)
{
	va_list ap;

	f->code = code;
	va_start(ap, fmt);
	if (vsnprintf(f->text, sizeof f->text, fmt, ap) < 0)
		f->text[0] = '\0';
	va_end(ap);
	return NULL;
}

json_t *plugin_error(const json_t *id, const struct fault *f)
{
	json_t *n = id ? json_deep_copy(id) : json_null();

	return json_pack("{s:o, s:{s:s, s:o}}", "id", n, "error",
	                 "code", f->code, "text", json_words(f->text));
}

static json_t *plugin_hello(struct plugin *p, json_t *request, struct fault *f)
{
	json_t *names;

	if (json_integer_value(json_object_get(request, "version"))
	    != PLUGIN_VERSION)
		return fault_set(f, "version", "This Letterlock speaks version "
		                 "%d of the plug-in protocol", PLUGIN_VERSION);
	p->greeted = true;
	names = json_array();
	for (int i = 1; i < CALLS; i++)
		json_array_append_new(names, json_string(calls[i].name));
	return json_pack("{s:i, s:s, s:o, s:i}", "version", PLUGIN_VERSION,
	                 "agent", PACKAGE_STRING, "capabilities", names,
	                 "line-max", JSON_LINE_MAX);
}

/* ---- is it a request? ---- */

static bool of_type(const json_t *j, json_type wanted)
{
	const json_t *item;
	size_t i;

	if (wanted == JSON_TRUE)
		return json_is_boolean(j);
	json_array_foreach(j, i, item)
		if (!json_is_string(item))
			return false;
	return json_typeof(j) == wanted;
}

static const struct member *member_find(const struct call *c, const char *name)
{
	for (int i = 0; i < MEMBERS_MAX && c->member[i].name; i++)
		if (strcmp(c->member[i].name, name) == 0)
			return &c->member[i];
	return NULL;
}

static bool members_fit(const struct call *c, json_t *request, struct fault *f)
{
	const struct member *m;
	const char *name;
	json_t *value;

	json_object_foreach(request, name, value) {
		if (strcmp(name, "id") == 0 || strcmp(name, "call") == 0)
			continue;
		m = member_find(c, name);
		if (!m)
			fault_set(f, "request", "%s has a member that is not "
			          "known", c->name);
		else if (!of_type(value, m->type))
			fault_set(f, "request", "%s is of the wrong type",
			          m->name);
		if (!m || f->code)
			return false;
	}
	for (int i = 0; i < MEMBERS_MAX && c->member[i].name; i++) {
		m = &c->member[i];
		if (m->wanted && !json_object_get(request, m->name)) {
			fault_set(f, "request", "%s lacks %s", c->name, m->name);
			return false;
		}
	}
	return true;
}

static const struct call *call_find(const struct plugin *p, json_t *request,
                                    struct fault *f)
{
	const char *name = json_string_value(json_object_get(request, "call"));
	const struct call *c = NULL;

	if (!name) {
		fault_set(f, "request", "call has to be a string");
		return NULL;
	}
	for (int i = 0; i < CALLS && !c; i++)
		if (strcmp(calls[i].name, name) == 0)
			c = &calls[i];
	if (!c)
		fault_set(f, "unknown-call", "This call is not known");
	else if (!p->greeted && c != calls)
		fault_set(f, "hello-first", "The first call has to be hello");
	else if (members_fit(c, request, f))
		return c;
	return NULL;
}

/* ---- the answer ---- */

/* A whole number that JavaScript can hold, too (RFC 8259 section 6). */
static json_t *id_of(json_t *request)
{
	json_t *id = json_object_get(request, "id");
	const json_int_t max = ((json_int_t)1 << 53) - 1;

	return json_is_integer(id) && json_integer_value(id) >= 0
	       && json_integer_value(id) <= max ? id : NULL;
}

json_t *plugin_call(struct plugin *p, const char *line, size_t n)
{
	struct fault f = { .code = NULL };
	json_t *request, *answer = NULL, *ok = NULL;
	const struct call *c;
	json_t *id;
	struct err e;

	if (!(request = json_read(line, n, &e))) {
		fault_set(&f, "json", "%s", e.text);
		return plugin_error(NULL, &f);
	}
	id = id_of(request);
	if (!id)
		fault_set(&f, "request", "id has to be a whole number from 0 "
		          "to 2^53 - 1");
	else if ((c = call_find(p, request, &f)))
		ok = c->run(p, request, &f);
	if (ok)
		answer = json_pack("{s:O, s:o}", "id", id, "ok", ok);
	else if (f.code)
		answer = plugin_error(id, &f);
	json_decref(request);
	return answer;
}
