/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock scan: the keys that were found are given to the agent, in an order in
 * which nobody can pass for somebody else.
 *
 * A letter's date is what its writer says, so that among several keys of one address
 * none is the first for sure.  All of them that are fit are given, by the date of the
 * last letter with each: the last becomes the address's, and another one that which
 * it had before.  So it is a changed key, which is refused until the user accepts it,
 * whatever dates somebody makes up. */
#include "agent/cmd_scan.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/autocrypt.h"

enum {
	ASKED_MAX = 20		/* recipients at a time */
};

/* ---- keys to the agent ---- */

/* What becomes of a key, into k: 0 or -1. */
static int tell(struct scan *s, json_t *p, const char *key, json_t *k,
                bool judge, struct err *e)
{
	json_t *ok = ask_call(&s->ask, "learn", json_pack(
		"{s:O, s:O, s:s, s:O, s:b}", "address",
		json_object_get(p, "address"), "date",
		json_object_get(k, "date"), "key", key, "mutual",
		json_object_get(k, "mutual"), "judge-only", judge),
		SCAN_SECONDS, e);

	if (!ok)
		return -1;
	json_object_update(k, ok);
	json_decref(ok);
	return 0;
}

static bool is(const json_t *k, const char *what)
{
	const char *so = scan_text(k, "is");

	return so && strcmp(so, what) == 0;
}

/* One key of an address; last: of a letter with any key that has this fingerprint. */
struct one {
	const char *key;
	json_t *j;
	json_int_t date, last;
};

static int by_last(const void *a, const void *b)
{
	const struct one *x = a, *y = b;
	int r;

	if (x->last != y->last)
		return x->last < y->last ? -1 : 1;
	if ((r = strcmp(scan_text(x->j, "fpr"), scan_text(y->j, "fpr"))))
		return r;
	return x->date < y->date ? -1 : x->date > y->date ? 1
	       : strcmp(x->key, y->key);
}

/* The fit ones, in their order: how many, or -1. */
static int sorted(struct scan *s, json_t *p, struct one *list, struct err *e)
{
	json_t *keys = json_object_get(p, "keys"), *k;
	const char *key;
	bool unfit;
	int n = 0;

	json_object_foreach(keys, key, k) {
		if (tell(s, p, key, k, true, e))
			return -1;
		unfit = is(k, "unfit");
		/* but it may tell that its owner has withdrawn it */
		if (unfit && !s->dry && tell(s, p, key, k, false, e))
			return -1;
		if (unfit || !scan_text(k, "fpr") || n == SCAN_KEYS_MAX)
			continue;
		list[n].key = key;
		list[n].j = k;
		list[n].date = list[n].last = scan_number(k, "date");
		n++;
	}
	for (int i = 0; i < n; i++)
		for (int j = 0; j < n; j++)
			if (strcmp(scan_text(list[i].j, "fpr"),
			           scan_text(list[j].j, "fpr")) == 0
			    && list[j].date > list[i].last)
				list[i].last = list[j].date;
	qsort(list, (size_t)n, sizeof *list, by_last);
	return n;
}

static int learn_keys(struct scan *s, json_t *p, struct err *e)
{
	json_t *keys = json_object_get(p, "keys");
	struct one list[SCAN_KEYS_MAX];
	const char *key;
	json_t *k;
	int n;

	if (json_object_get(p, "many"))
		return 0;
	if (json_object_size(keys) == 1) {
		json_object_foreach(keys, key, k)
			return tell(s, p, key, k, s->dry, e);
	}
	n = sorted(s, p, list, e);
	for (int i = 0; i < n && !s->dry; i++)
		if (tell(s, p, list[i].key, list[i].j, false, e))
			return -1;
	return n < 0 ? -1 : 0;
}

/* When they last wrote without one. */
static int learn_bare(struct scan *s, json_t *p, struct err *e)
{
	json_t *bare = json_object_get(p, "bare"), *ok;

	if (!bare || s->dry)
		return 0;
	ok = ask_call(&s->ask, "learn", json_pack("{s:O, s:O}", "address",
	              json_object_get(p, "address"), "date", bare), SCAN_SECONDS, e);
	json_decref(ok);
	return ok ? 0 : -1;
}

/* ---- who can be written to ---- */

/* The first letter with this key, or 0. */
static json_int_t first_of(json_t *p, const char *fpr)
{
	json_int_t first = 0;
	const char *key;
	json_t *k;

	json_object_foreach(json_object_get(p, "keys"), key, k)
		if (fpr && scan_text(k, "fpr") && strcmp(scan_text(k, "fpr"), fpr) == 0
		    && (!first || scan_number(k, "first") < first))
			first = scan_number(k, "first");
	return first;
}

/* They have gone on writing without a key for long: perhaps it is lost (see
 * autocrypt_advise()). */
static bool is_left(json_t *p)
{
	json_int_t last = 0;
	const char *key;
	json_t *k;

	json_object_foreach(json_object_get(p, "keys"), key, k)
		if (scan_number(k, "date") > last)
			last = scan_number(k, "date");
	return scan_number(p, "bare") > last + AUTOCRYPT_OLD;
}

static void sort_out(struct scan *s, json_t *p, json_t *it)
{
	json_t *key = json_object_get(it, "key"), *j;
	const char *state = scan_text(it, "state"), *fpr = scan_text(key, "fpr");
	json_int_t first = first_of(p, fpr);
	bool sealed = state && strcmp(state, "sealed") == 0;

	j = json_pack("{s:O, s:s}", "address", json_object_get(p, "address"),
	              "state", state ? state : "");
	if (fpr)
		json_object_update(j, key);
	if (first)
		json_object_set_new(j, "since", json_integer(first));
	if (is_left(p))
		json_object_set_new(j, "left", json_true());
	json_array_append_new(json_object_get(s->result, sealed ? "people"
	                                      : "changed"), j);
}

static int ask_states(struct scan *s, json_t *people, const char *account,
                      struct err *e)
{
	json_t *to, *ok, *it, *p;
	size_t i, n = json_array_size(people);

	for (size_t at = 0; at < n; at += ASKED_MAX) {
		to = json_array();
		for (i = at; i < n && i < at + ASKED_MAX; i++)
			json_array_append(to, json_object_get(
				json_array_get(people, i), "address"));
		ok = ask_call(&s->ask, "recipients", json_pack("{s:s, s:o, s:b}",
		              "account", account, "to", to, "look", 0),
		              SCAN_SECONDS, e);
		if (!ok)
			return -1;
		json_array_foreach(json_object_get(ok, "recipients"), i, it) {
			p = json_array_get(people, at + i);
			if (p)
				sort_out(s, p, it);
		}
		json_decref(ok);
	}
	return 0;
}

/* Of one who has keys: how many are new, and is any fit? */
static bool count(struct scan *s, json_t *p, json_int_t *new)
{
	json_t *keys = json_object_get(p, "keys"), *k, *words = NULL;
	const char *key, *list = "unfit";
	bool fit = false;

	json_object_foreach(keys, key, k) {
		*new += is(k, "new");
		fit = fit || (scan_text(k, "is") && !is(k, "unfit"));
		if (is(k, "unfit"))
			words = json_object_get(k, "words");
	}
	if (json_object_get(p, "many"))
		words = json_string("Too many different keys");
	else
		json_incref(words);
	if (!fit && words)
		json_array_append_new(json_object_get(s->result, list),
			json_pack("{s:O, s:O}", "address",
			          json_object_get(p, "address"), "words", words));
	json_decref(words);
	return fit;
}

static int states(struct scan *s, json_t *people, struct err *e)
{
	json_t *ok, *a, *p;
	const char *account;
	size_t i;
	int rc;

	if (s->dry) {
		json_array_foreach(people, i, p)
			json_array_append_new(json_object_get(s->result,
				"people"), json_pack("{s:O}", "address",
				json_object_get(p, "address")));
		return 0;
	}
	if (!(ok = ask_call(&s->ask, "accounts", NULL, SCAN_SECONDS, e)))
		return -1;
	a = json_array_get(json_object_get(ok, "accounts"), 0);
	account = scan_text(a, "address");
	rc = account ? ask_states(s, people, account, e) : 0;
	json_decref(ok);
	return rc;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Everybody's folded addresses in their order, to be freed; NULL: no memory. */
static const char **names(json_t *people)
{
	const char **list = calloc(json_object_size(people) + 1, sizeof *list);
	const char *name;
	size_t n = 0;
	json_t *p;

	if (!list)
		return NULL;
	json_object_foreach(people, name, p)
		list[n++] = name;
	qsort(list, n, sizeof *list, compare);
	return list;
}

int scan_learn(struct scan *s, struct err *e)
{
	const char **name = names(s->people);
	json_t *fit = json_array(), *attached, *p;
	json_int_t new = 0;
	int rc = 0;

	s->result = json_pack("{s:[], s:[], s:[], s:[]}", "people", "changed",
	                      "unfit", "attached");
	attached = json_object_get(s->result, "attached");
	for (size_t i = 0; name && name[i] && rc == 0; i++) {
		p = json_object_get(s->people, name[i]);
		rc = learn_keys(s, p, e) || learn_bare(s, p, e) ? -1 : 0;
		if (rc == 0 && count(s, p, &new))
			json_array_append(fit, p);
		else if (json_object_get(p, "attached"))
			json_array_append(attached,
			                  json_object_get(p, "address"));
	}
	if (rc == 0)
		rc = name ? states(s, fit, e) : err_errno(e, "memory");
	json_object_set_new(s->result, "new", json_integer(new));
	json_decref(fit);
	free(name);
	return rc;
}
