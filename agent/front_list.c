/* SPDX-License-Identifier: GPL-3.0-or-later */
/* LIST and UIDL for the client (RFC 1939): lines of the provider's, made
 * anew. */
#include <stdio.h>

#include "agent/pop3.h"

struct list {
	unsigned type;		/* U_LIST or U_UIDL */
	uint32_t one;		/* the message asked about, 0 = all */
	bool begun;
};

static int lost(struct pop3 *s, const struct list *list)
{
	struct lane *l = &s->lane;

	if (list->begun)
		return -1;	/* half a list must not look whole */
	l->outcome = DONE_LOST;
	snprintf(l->text, sizeof l->text, "the connection broke");
	return pop3_say_err(s);
}

/* One U_ITEM: 0, 1 that it is none, -1 to end the connection. */
static int give_item(struct pop3 *s, struct list *list, const struct frame *f)
{
	struct unpack u;
	char text[100];
	uint32_t n;

	unpack_init(&u, f);
	n = unpack_u32(&u);
	unpack_str(&u, text, sizeof text);
	if (!unpack_end(&u))
		return 1;
	if (list->type == U_LIST)
		ahead_size(s, n, text);
	if (!list->begun && !list->one)
		client_say(&s->client, "+OK");
	list->begun = true;
	return client_say(&s->client, "%s%u %s", list->one ? "+OK " : "", n,
	                  text) ? -1 : 0;
}

/* What comes behind the items. */
static int give_end(struct pop3 *s, const struct list *list,
                    const struct frame *f)
{
	struct lane *l = &s->lane;
	struct unpack u;

	unpack_init(&u, f);
	l->outcome = (enum outcome)unpack_u32(&u);
	unpack_u32(&u);
	unpack_str(&u, l->text, sizeof l->text);
	if (f->type != U_DONE || u.bad)
		return lost(s, list);
	if (l->outcome != DONE_OK)
		return list->begun ? -1 : pop3_say_err(s);
	if (list->one)
		return list->begun ? 0 : pop3_bad_number(s);
	if (!list->begun)
		client_say(&s->client, "+OK");
	return client_say(&s->client, ".");
}

static int listing(struct pop3 *s, unsigned type, char *arg)
{
	struct list list = { .type = type };
	struct lane *l = &s->lane;
	struct frame f;
	int rc;

	if (*arg && pop3_numbers(arg, &list.one, 1, MESSAGE_MAX))
		return pop3_bad_number(s);
	if (ahead_settle(s) || lane_tell(l, type, &list.one, sizeof list.one))
		return pop3_say_err(s);
	for (;;) {
		if (!chan_wait(&l->upstream, -1)
		    || chan_recv(&l->upstream, &f, NULL))
			return lost(s, &list);
		if (f.type != U_ITEM)
			return give_end(s, &list, &f);
		rc = give_item(s, &list, &f);
		if (rc)
			return rc > 0 ? lost(s, &list) : -1;
	}
}

int pop3_list(struct pop3 *s, char *arg)
{
	return listing(s, U_LIST, arg);
}

int pop3_uidl(struct pop3 *s, char *arg)
{
	return listing(s, U_UIDL, arg);
}
