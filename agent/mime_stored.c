/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on what a plug-in has: letters as mail programs store them, brought into the
 * form they had on their way. */
#include <string.h>

#include "agent/mime_in.h"
#include "crypto/ascii.h"

static const char mbox[] = "From ";

void stored_begin(struct stored *s)
{
	s->at = STORED_TOP;
	s->held = 0;
	s->known = s->lf = s->cr = false;
}

static void put(struct stored *s, unsigned char c)
{
	if (c == '\n') {
		if (!s->known)
			s->lf = !s->cr;
		s->known = true;
		if (s->lf && !s->cr)
			s->out[s->n++] = '\r';
	}
	s->out[s->n++] = c;
	s->cr = c == '\r';
}

/* It is no mbox line. */
static void give_held(struct stored *s)
{
	s->at = STORED_LETTER;
	for (unsigned i = 0; i < s->held; i++)
		put(s, (unsigned char)mbox[i]);
	s->held = 0;
}

static void take(struct stored *s, unsigned char c)
{
	if (s->at == STORED_TOP && s->held < sizeof mbox - 1
	    && c == (unsigned char)mbox[s->held]) {
		s->held++;
		return;
	}
	if (s->at == STORED_TOP) {
		/* "From : x" is a field (RFC 5322 section 4.5.2) */
		if (s->held == sizeof mbox - 1 && c != ':'
		    && !ascii_blank((char)c))
			s->at = STORED_MBOX;
		else
			give_held(s);
	}
	if (s->at == STORED_LETTER)
		put(s, c);
	else if (c == '\n')
		s->at = STORED_LETTER;
}

size_t stored_put(struct stored *s, const unsigned char *p, size_t n,
                  const unsigned char **out)
{
	if (s->at == STORED_LETTER && s->known && !s->lf) {
		*out = p;
		return n;
	}
	s->n = 0;
	for (size_t i = 0; i < n; i++)
		take(s, p[i]);
	*out = s->out;
	return s->n;
}

size_t stored_end(struct stored *s, const unsigned char **out)
{
	s->n = 0;
	if (s->at == STORED_TOP)
		give_held(s);
	*out = s->out;
	return s->n;
}
