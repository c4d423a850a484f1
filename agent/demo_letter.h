/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's letter: as Alice's mail client writes it, as the provider sees
 * it, as Bob's mail client shows it. */
#ifndef AGENT_DEMO_LETTER_H
#define AGENT_DEMO_LETTER_H

#include <stdbool.h>

#include "crypto/err.h"
#include "crypto/sink.h"

#define DEMO_SUBJECT "Lunch on Thursday?"
#define DEMO_FILE "map.txt"
extern const char *const demo_text[];	/* lines, NULL behind the last */
extern const char *const demo_map[];	/* the attachment's lines */

/* What must not be seen of it anywhere: words of subject, text and attachment
 * and the attachment in base64, NULL behind the last. */
extern const char *const *demo_secrets(void);

/* The letter with its attachment, CRLF line ends, malloced; NULL: no memory.
 * For a letter without a Bcc field bcc is NULL. */
char *demo_letter_write(const char *from, const char *to, const char *bcc);

/* What a mail client shows of a letter. */
struct demo_opened {
	char *from, *to, *subject, *status;	/* "" where absent */
	char *text;			/* the first part, LF line ends */
	char *file;			/* name of the attachment */
	char *data;			/* of the attachment, NUL behind it */
	size_t len;
};
int demo_letter_read(const char *letter, struct demo_opened *o, struct err *e);
void demo_opened_free(struct demo_opened *o);

/* Is text (LF line ends) just these lines? */
bool demo_text_is(const char *text, const char *const *lines);
/* As text to be shown: what the provider has, its armor cut short, and what the
 * reader's client shows. */
int demo_show_raw(const char *letter, struct membuf *out, struct err *e);
int demo_show_opened(const struct demo_opened *o, struct membuf *out,
                     struct err *e);

#endif
