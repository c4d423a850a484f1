/* SPDX-License-Identifier: GPL-3.0-or-later */
/* open, verdict, put, get: a stored letter goes to an opener in pieces, and comes back
 * with what it is worth.  Nothing of it is looked at here. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/base64.h"
#include "agent/conf.h"
#include "agent/keeper.h"
#include "agent/plugin.h"

enum {
	GIVEN_MAX = 450000,	/* octets of a letter in one answer */
	LOCKED = 2		/* in M_BAD, see frames.h */
};

static unsigned char octets[GIVEN_MAX];	/* of the piece at hand */

/* ---- the opener ---- */

void plugin_letter_begin(struct plugin *p)
{
	memset(&p->letter, 0, sizeof p->letter);
	chan_init(&p->letter.mime, -1);
	p->letter.pipe = -1;
}

void plugin_letter_forget(struct plugin *p)
{
	struct plugin_letter *l = &p->letter;

	chan_close(&l->mime);
	if (l->pipe >= 0)
		close(l->pipe);
	plugin_letter_begin(p);
	explicit_bzero(octets, sizeof octets);
}

/* Whose letter it is nobody knows: unless an account wants nothing of it. */
static bool learns(const struct conf *c)
{
	for (unsigned i = 0; i < c->n_accounts; i++)
		if (!c->account[i].autocrypt)
			return false;
	return true;
}

int plugin_reader(struct plugin *p, unsigned type, struct chan *mime, int *pipe)
{
	struct chan *guard = &p->ends->guard;
	struct frame f;
	int flags;

	if (chan_send(guard, type, NULL, 0, NULL)
	    || chan_expect(guard, type, &f, NULL))
		return -1;
	chan_init(mime, chan_take_fd(guard));
	plugin_hurry(mime);
	*pipe = chan_take_fd(guard);
	flags = fcntl(*pipe, F_GETFL);
	return flags == -1 || fcntl(*pipe, F_SETFL, flags | O_NONBLOCK) == -1
	       ? -1 : 0;
}

/* A new one for each letter: no letter gets to what another one may have spoilt, and
 * none waits here for days.  For a verdict mime is enough, which costs little. */
static int opener_start(struct plugin *p, bool verdict_only, bool ask)
{
	struct plugin_letter *l = &p->letter;
	unsigned type = verdict_only ? G_READER : G_OPENER;
	uint32_t how[3] = { FETCHED_STORED, ask, learns(p->conf) };

	if (verdict_only)
		how[0] = FETCHED_VERDICT;
	if (plugin_reader(p, type, &l->mime, &l->pipe))
		return -1;
	l->state = LETTER_COMES;
	l->verdict_only = verdict_only;
	return chan_send(&l->mime, M_OPEN, how, sizeof how, NULL);
}

/* While mime takes nothing (crypt may wait for a passphrase) the plug-in may leave. */
int plugin_pipe_put(struct plugin *p, int fd, unsigned type, const void *data,
                    size_t n)
{
	uint32_t head[2] = { type, (uint32_t)n };
	struct iovec v[2] = {
		{ head, sizeof head }, { (void *)(uintptr_t)data, n }
	}, *at = v;
	ssize_t r;

	while (at < v + 2) {
		r = writev(fd, at, (int)(v + 2 - at));
		if (r == -1 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (r == -1 && errno == EAGAIN
		    && plugin_wait_room(p, fd))
			return -1;
		if (r == -1)
			continue;
		while (at < v + 2 && (size_t)r >= at->iov_len)
			r -= (ssize_t)at++->iov_len;
		if (at < v + 2) {
			at->iov_base = (char *)at->iov_base + r;
			at->iov_len -= (size_t)r;
		}
	}
	return 0;
}

static int mime_says(struct plugin *p, struct frame *f)
{
	return plugin_wait(p, &p->letter.mime)
	       || chan_recv(&p->letter.mime, f, NULL) ? -1 : 0;
}

/* ---- what went wrong ---- */

static json_t *broken(struct plugin *p, struct fault *f)
{
	plugin_letter_forget(p);
	return fault_set(f, "failed", "A part of Letterlock failed while this "
	                 "letter was opened. Try again");
}

/* M_BAD, or what is none of ours. */
static json_t *not_given(struct plugin *p, const struct frame *said,
                         struct fault *f)
{
	struct unpack u;

	unpack_init(&u, said);
	if (said->type != M_BAD || unpack_u32(&u) != LOCKED)
		return broken(p, f);
	plugin_letter_forget(p);
	return fault_set(f, "locked", "Your key is locked, so this letter stays "
	                 "sealed. Unlock it with the Letterlock button or: "
	                 "letterlock unlock");
}

/* ---- the verdict ---- */

/* What mime read is judged by the keeper, in words that came from it once: a mime
 * that went wrong has no verdict to offer that was not ours. */
struct checked {
	enum verdict_check check;
	bool sealed;		/* what is below it */
	uint64_t size;
	json_t *verdict;	/* NULL: it says nothing */
};

static int take_checked(struct plugin *p, const struct frame *f,
                        struct checked *c)
{
	unsigned char digest[VERDICT_DIGEST], body[VERDICT_DIGEST];
	char text[VERDICT_LINE_MAX];
	struct unpack u;
	bool strict;

	unpack_init(&u, f);
	strict = unpack_u32(&u) != 0;
	unpack_str(&u, text, sizeof text);
	unpack_mem(&u, digest, sizeof digest);
	unpack_mem(&u, body, sizeof body);
	c->sealed = unpack_u32(&u) == FORM_SEALED;
	c->size = unpack_u64(&u);
	c->check = VERDICT_FORGED;
	c->verdict = NULL;
	if (!unpack_end(&u))
		return -1;
	if (!strict)
		return 0;
	if (keeper_check(&p->ends->keeper, text, digest, body, &c->check, NULL))
		return -1;
	if (c->check == VERDICT_GENUINE || c->check == VERDICT_CHANGED)
		c->verdict = plugin_verdict_text(text);
	return 0;
}

/* ---- a letter comes back ---- */

/* Its next octets, into ok. */
static json_t *give(struct plugin *p, json_t *ok, struct fault *f)
{
	static char text[BASE64_LEN(GIVEN_MAX)];
	bool more = true;
	struct frame said;
	size_t n = 0;

	while (more && n <= GIVEN_MAX - FRAME_DATA) {
		if (mime_says(p, &said))
			said.type = 0;
		more = said.type == M_DATA;
		if ((!more && said.type != M_END)
		    || (more && said.len > FRAME_DATA)) {
			json_decref(ok);
			return not_given(p, &said, f);
		}
		if (more)
			memcpy(octets + n, said.data, said.len);
		n += more ? said.len : 0;
	}
	n = base64_encode(octets, n, text);
	json_object_set_new(ok, "data", json_stringn_nocheck(text, n));
	json_object_set_new(ok, "more", json_boolean(more));
	explicit_bzero(text, n);
	if (!more)
		plugin_letter_forget(p);
	return ok;
}

static json_t *opened(struct plugin *p, struct fault *f)
{
	struct checked c;
	struct frame said;
	json_t *ok;

	if (mime_says(p, &said))
		return broken(p, f);
	if (said.type != M_CHECKED)
		return not_given(p, &said, f);
	if (take_checked(p, &said, &c))
		return broken(p, f);
	if (c.check != VERDICT_GENUINE) {
		json_decref(c.verdict);
		return broken(p, f);
	}
	p->letter.state = LETTER_GOES;
	ok = json_pack("{s:o, s:I}", "verdict", c.verdict, "size",
	               (json_int_t)c.size);
	return give(p, ok, f);
}

/* ---- what a stored verdict is worth ---- */

static json_t *worth(struct plugin *p, struct fault *f)
{
	static const char *const state[] = {
		[VERDICT_GENUINE] = "genuine", [VERDICT_CHANGED] = "changed",
		[VERDICT_OTHER_KEY] = "other", [VERDICT_FORGED] = "forged"
	};
	struct checked c = { .check = VERDICT_FORGED };
	const char *said_of_it;
	struct frame said;
	struct unpack u;
	json_t *ok;

	if (mime_says(p, &said))
		return broken(p, f);
	if (said.type == M_FORM) {
		unpack_init(&u, &said);
		c.sealed = unpack_u32(&u) == FORM_SEALED;
		ok = json_pack("{s:s, s:b}", "state", "none", "sealed",
		               c.sealed);
	} else if (said.type != M_CHECKED) {
		return not_given(p, &said, f);
	} else if (take_checked(p, &said, &c)
	           || (unsigned)c.check > VERDICT_FORGED) {
		return broken(p, f);
	} else {
		said_of_it = json_string_value(json_object_get(c.verdict,
		                                               "encryption"));
		if (said_of_it && strcmp(said_of_it, "ok") == 0)
			c.sealed = false;
		ok = json_pack("{s:s, s:b}", "state", state[c.check], "sealed",
		               c.sealed);
		if (c.verdict)
			json_object_set_new(ok, "verdict", c.verdict);
	}
	plugin_letter_forget(p);
	return ok;
}

/* ---- a letter comes ---- */

/* The octets of "data": how many, or -1. */
static ssize_t read_data(json_t *request, struct fault *f)
{
	json_t *data = json_object_get(request, "data");
	ssize_t n = base64_decode(json_string_value(data),
	                        json_string_length(data), octets,
	                        sizeof octets);

	if (n == -1)
		fault_set(f, "request", "data has to be base64");
	return n;
}

static json_t *take(struct plugin *p, size_t n, bool more, struct fault *f)
{
	struct plugin_letter *l = &p->letter;
	uint64_t max = p->conf->max_message_size;
	size_t part;

	l->octets += n;
	if (l->octets > max) {
		plugin_letter_forget(p);
		return fault_set(f, "too-large", "The letter is larger than %llu "
		                 "octets (max-message-size)",
		                 (unsigned long long)max);
	}
	for (size_t at = 0; at < n; at += part) {
		part = n - at < FRAME_DATA ? n - at : FRAME_DATA;
		if (plugin_pipe_put(p, l->pipe, P_DATA, octets + at, part))
			return broken(p, f);
	}
	if (more)
		return json_object();
	if (plugin_pipe_put(p, l->pipe, P_END, NULL, 0))
		return broken(p, f);
	return l->verdict_only ? worth(p, f) : opened(p, f);
}

static bool has_more(json_t *request)
{
	return json_is_true(json_object_get(request, "more"));
}

static json_t *begin(struct plugin *p, json_t *request, bool verdict_only,
                     struct fault *f)
{
	bool ask = json_is_true(json_object_get(request, "ask"));
	ssize_t n;

	plugin_letter_forget(p);
	n = read_data(request, f);
	if (n == -1)
		return NULL;
	if (opener_start(p, verdict_only, ask))
		return broken(p, f);
	return take(p, (size_t)n, has_more(request), f);
}

json_t *plugin_open(struct plugin *p, json_t *request, struct fault *f)
{
	return begin(p, request, false, f);
}

json_t *plugin_verdict(struct plugin *p, json_t *request, struct fault *f)
{
	return begin(p, request, true, f);
}

static json_t *no_letter(struct fault *f)
{
	return fault_set(f, "no-letter", "There is no letter to go on with");
}

json_t *plugin_put(struct plugin *p, json_t *request, struct fault *f)
{
	ssize_t n;

	if (p->letter.state != LETTER_COMES)
		return no_letter(f);
	n = read_data(request, f);
	if (n == -1) {
		plugin_letter_forget(p);
		return NULL;
	}
	return take(p, (size_t)n, has_more(request), f);
}

json_t *plugin_get(struct plugin *p, json_t *request, struct fault *f)
{
	(void)request;
	if (p->letter.state != LETTER_GOES)
		return no_letter(f);
	return give(p, json_object(), f);
}
