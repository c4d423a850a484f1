/* SPDX-License-Identifier: GPL-3.0-or-later */
/* senders, learn: whose keys came with letters that lie somewhere, and what is to be
 * remembered of them.  mime reads the letters, crypt judges the keys. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/base64.h"
#include "agent/plugin.h"
#include "crypto/engine.h"

enum {
	LETTERS_MAX = 500,		/* that are begun in one request */
	HEAD_OCTETS_MAX = 256 << 10,	/* of one header block */
	KEY_MAX = 10 << 10,
	WORDS_MAX = 500
};

/* Unless no account wants any. */
static bool learns(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_accounts; i++)
		if (c->account[i].autocrypt)
			return true;
	return false;
}

static json_t *wants_none(struct fault *f)
{
	return fault_set(f, "request", "letterlock.conf wants no keys that come "
	                 "with letters: autocrypt = no");
}

static bool is_own(const struct conf *c, const char *addr)
{
	for (unsigned i = 0; i < c->n_accounts; i++)
		if (account_owns(&c->account[i], addr))
			return true;
	return false;
}

/* ---- senders ---- */

void plugin_senders_begin(struct plugin *p)
{
	memset(&p->senders, 0, sizeof p->senders);
	chan_init(&p->senders.mime, -1);
	p->senders.pipe = -1;
}

void plugin_senders_forget(struct plugin *p)
{
	chan_close(&p->senders.mime);
	if (p->senders.pipe >= 0)
		close(p->senders.pipe);
	plugin_senders_begin(p);
}

static json_t *broken(struct plugin *p, struct fault *f)
{
	plugin_senders_forget(p);
	return fault_set(f, "failed", "A part of Letterlock failed while these "
	                 "letters were read. Try again");
}

static int begin(struct plugin *p)
{
	static const uint32_t how[3] = { FETCHED_SENDER, 0, 0 };
	struct plugin_senders *s = &p->senders;

	if (s->comes)
		return 0;
	if (!chan_open(&s->mime)
	    && plugin_reader(p, G_READER, &s->mime, &s->pipe))
		return -1;
	s->comes = true;
	s->octets = 0;
	return chan_send(&s->mime, M_OPEN, how, sizeof how, NULL);
}

/* What mime read, in JSON that says no more than that. */
static json_t *take_sender(struct plugin *p, const struct frame *f)
{
	static const char *const words[] = {
		[SENDER_UNREAD] = "unread", [SENDER_PASSED] = "machine",
		[SENDER_NO_KEY] = "no-key", [SENDER_KEY] = "key"
	};
	static char text[BASE64_LEN(KEY_MAX)];
	char addr[ADDR_MAX + 1];
	uint32_t is, mutual;
	struct unpack u;
	uint64_t date;
	json_t *j;

	unpack_init(&u, f);
	is = unpack_u32(&u);
	unpack_str(&u, addr, sizeof addr);
	date = unpack_u64(&u);
	mutual = unpack_u32(&u);
	if (u.bad || is > SENDER_KEY || date > INT64_MAX || u.left > KEY_MAX
	    || (is == SENDER_KEY) != (u.left > 0))
		return NULL;
	if (!addr_ok(addr))
		return json_pack("{s:s}", "is", words[SENDER_UNREAD]);
	j = json_pack("{s:s, s:o}", "is", is_own(p->conf, addr) ? "own"
	              : words[is], "address", json_words(addr));
	if (date)
		json_object_set_new(j, "date", json_integer((json_int_t)date));
	if (is != SENDER_KEY || is_own(p->conf, addr))
		return j;
	json_object_set_new(j, "mutual", json_boolean(mutual));
	json_object_set_new(j, "key", json_stringn_nocheck(
		text, base64_encode(u.p, u.left, text)));
	return j;
}

static json_t *take_senders(struct plugin *p, unsigned n, struct fault *f)
{
	json_t *list = json_array(), *j;
	struct frame said;

	for (unsigned i = 0; i < n; i++) {
		j = plugin_wait(p, &p->senders.mime)
		    || chan_expect(&p->senders.mime, M_SENDER, &said, NULL)
		    ? NULL : take_sender(p, &said);
		if (!j) {
			json_decref(list);
			return broken(p, f);
		}
		json_array_append_new(list, j);
	}
	return json_pack("{s:o}", "letters", list);
}

/* The octets of each string behind one another, and where each ends: 0 or -1. */
static int read_letters(json_t *letters, unsigned char *octets, size_t size,
                        size_t *end, struct fault *f)
{
	size_t i, at = 0;
	json_t *item;
	ssize_t n;

	if (json_array_size(letters) > LETTERS_MAX) {
		fault_set(f, "request", "At most %d letters can be looked at at "
		          "once", LETTERS_MAX);
		return -1;
	}
	json_array_foreach(letters, i, item) {
		n = base64_decode(json_string_value(item),
		                  json_string_length(item), octets + at,
		                  size - at);
		if (n == -1) {
			fault_set(f, "request", "letters have to be base64");
			return -1;
		}
		end[i] = at += (size_t)n;
	}
	return 0;
}

json_t *plugin_senders(struct plugin *p, json_t *request, struct fault *f)
{
	static unsigned char octets[JSON_LINE_MAX];
	json_t *letters = json_object_get(request, "letters");
	bool more = json_is_true(json_object_get(request, "more"));
	size_t end[LETTERS_MAX], at = 0, n = json_array_size(letters);
	struct plugin_senders *s = &p->senders;
	unsigned whole = 0;

	if (!learns(p->conf))
		return wants_none(f);
	if (read_letters(letters, octets, sizeof octets, end, f)) {
		plugin_senders_forget(p);
		return NULL;
	}
	/* no pipe is full of what fits in one line, and no socket of what comes
	 * back: so nobody waits for us meanwhile */
	for (size_t i = 0; i < n; at = end[i++]) {
		if (begin(p))
			return broken(p, f);
		s->octets += end[i] - at;
		if (s->octets > HEAD_OCTETS_MAX) {
			plugin_senders_forget(p);
			return fault_set(f, "too-large", "A header block may "
			                 "have %d octets", HEAD_OCTETS_MAX);
		}
		if (end[i] > at && plugin_pipe_put(p, s->pipe, P_DATA,
		                                   octets + at, end[i] - at))
			return broken(p, f);
		if (more && i + 1 == n)
			break;
		if (plugin_pipe_put(p, s->pipe, P_END, NULL, 0))
			return broken(p, f);
		s->comes = false;
		whole++;
	}
	return take_senders(p, whole, f);
}

/* ---- learn ---- */

static json_t *no_answer(struct plugin *p, struct fault *f)
{
	chan_close(&p->crypt);
	return fault_set(f, "failed", "A part of Letterlock did not answer. Try "
	                 "again");
}

static json_t *take_learnt(struct plugin *p, struct frame *said,
                           struct fault *f)
{
	static const char *const is_word[] = {
		[LEARNT_NEW] = "new", [LEARNT_KNOWN] = "known",
		[LEARNT_OLDER] = "older", [LEARNT_UNFIT] = "unfit"
	};
	char fpr[41], words[WORDS_MAX];
	struct unpack u;
	uint32_t is;
	json_t *ok;

	unpack_init(&u, said);
	is = unpack_u32(&u);
	if (said->type == C_DONE) {
		unpack_str(&u, words, sizeof words);
		return fault_set(f, "failed", "The key could not be looked at: "
		                 "%s", words);
	}
	unpack_str(&u, fpr, sizeof fpr);
	unpack_str(&u, words, sizeof words);
	if (said->type != C_LEARNED || !unpack_end(&u) || is > LEARNT_UNFIT
	    || (fpr[0] && !fpr_ok(fpr)))
		return no_answer(p, f);
	ok = json_pack("{s:s}", "is", is_word[is]);
	if (fpr[0])
		json_object_set_new(ok, "fpr", json_string(fpr));
	if (words[0])
		json_object_set_new(ok, "words", json_words(words));
	return ok;
}

static json_t *ask_crypt(struct plugin *p, struct pack *q, struct fault *f)
{
	struct chan *crypt = plugin_kept_crypt(p);
	struct frame said;

	if (!crypt || pack_send(q, crypt, C_LEARN, NULL)
	    || plugin_wait_for(p, crypt, plugin_patience(p))
	    || chan_recv(crypt, &said, NULL))
		return no_answer(p, f);
	return take_learnt(p, &said, f);
}

json_t *plugin_learn(struct plugin *p, json_t *request, struct fault *f)
{
	const char *addr = json_string_value(
		json_object_get(request, "address"));
	json_t *key = json_object_get(request, "key");
	json_int_t date = json_integer_value(json_object_get(request, "date"));
	bool judge = json_is_true(json_object_get(request, "judge-only"));
	unsigned char octets[KEY_MAX];
	ssize_t n = 0;
	struct pack q;

	if (!learns(p->conf))
		return wants_none(f);
	if (!addr_ok(addr) || is_own(p->conf, addr))
		return fault_set(f, "request", "address is no address of "
		                 "somebody else");
	if (key)
		n = base64_decode(json_string_value(key),
		                  json_string_length(key), octets,
		                  sizeof octets);
	if (date <= 0 || n < 0 || (!n && (key || judge)))
		return fault_set(f, "request", "learn wants the date of a letter, "
		                 "and its key in base64, of %d octets at most",
		                 KEY_MAX);
	pack_init(&q);
	pack_u32(&q, !judge);
	pack_str(&q, addr);
	pack_u64(&q, (uint64_t)date);
	pack_u32(&q, json_is_true(json_object_get(request, "mutual")));
	pack_mem(&q, octets, (size_t)n);
	return ask_crypt(p, &q, f);
}
