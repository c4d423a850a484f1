/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Public keys out of a text, block by block, and seen to be such. */
#include "crypto/public.h"

#include <stdbool.h>
#include <string.h>

#include "crypto/armor.h"
#include "crypto/packet.h"

#define BEGIN "-----BEGIN PGP "
#define END "-----END PGP "

struct reader {
	struct dearmor *block;	/* the one that is being read, or NULL */
	unsigned blocks;
	struct membuf *out;
};

static bool begins(const char *line, size_t n, const char *with)
{
	return n >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static int block_begin(struct reader *r, const char *line, size_t n,
                       struct err *e)
{
	if (begins(line, n, BEGIN "PRIVATE KEY BLOCK"))
		return err_set(e, gpg_error(GPG_ERR_FORBIDDEN),
		               "There is a secret key in it");
	if (!begins(line, n, BEGIN "PUBLIC KEY BLOCK"))
		return 0;	/* text, or somebody's signature */
	if (r->blocks++ == PUBLIC_BLOCKS_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_MANY), "There are more "
		               "than %d blocks in it", PUBLIC_BLOCKS_MAX);
	r->block = dearmor_new("PGP PUBLIC KEY BLOCK", &r->out->sink);
	return r->block ? 0 : err_errno(e, "memory");
}

/* One line with its end. */
static int line_read(struct reader *r, const char *line, size_t n,
                     struct err *e)
{
	int rc;

	if (!r->block && begins(line, n, BEGIN)
	    && block_begin(r, line, n, e))
		return -1;
	if (!r->block)
		return 0;
	rc = dearmor_put(r->block, line, n, e);
	if (rc || !begins(line, n, END))
		return rc;
	rc = dearmor_end(r->block, e);
	dearmor_free(r->block);
	r->block = NULL;
	return rc;
}

int public_read(const char *text, size_t n, struct membuf *out, struct err *e)
{
	struct reader r = { .out = out };
	const char *end = text + n, *lf;
	int rc = 0;

	while (text < end && rc == 0) {
		lf = memchr(text, '\n', (size_t)(end - text));
		lf = lf ? lf + 1 : end;
		rc = line_read(&r, text, (size_t)(lf - text), e);
		text = lf;
	}
	if (rc == 0 && r.block)
		rc = dearmor_end(r.block, e);	/* says what is missing */
	dearmor_free(r.block);
	return rc ? rc : packet_public(out->buf, out->len, e);
}
