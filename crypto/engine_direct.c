/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A letter's octets between gpg's pipes and our callbacks without a detour:
 * GPGME looks at each octet and moves 4 KB at a time, which for a large letter
 * costs as much as all else.  It still sees each pipe's first and last octets. */
#include "crypto/engine_private.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What GPGME writes at once (at most PIPE_BUF, to a pipe with room for it) goes
 * out whole or not at all, so that nothing of it waits behind ours. */

void engine_direct_in(struct engine *g, engine_get *get, void *handle)
{
	if (!g->at)
		return;
	g->at->get = get;
	g->at->handle = handle;
}

void engine_direct_out(struct engine *g, engine_put *put, void *handle)
{
	if (!g->at)
		return;
	g->at->put = put;
	g->at->handle = handle;
}

void engine_direct_begin(struct engine *g)
{
	g->at = NULL;
	g->out_off = g->out_len = 0;
	explicit_bzero(g->block, sizeof g->block);
}

/* From gpg: as direct(). */
static int take(struct engine *g, struct engine_fd *f)
{
	ssize_t n = read(f->fd, g->block, sizeof g->block);

	if (n > 0)
		return f->put(f->handle, g->block, (size_t)n) < 0 ? -1 : 1;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	f->put = NULL;		/* the end is GPGME's to see */
	return 0;
}

/* To gpg: as direct(). */
static int give(struct engine *g, struct engine_fd *f)
{
	ssize_t n;

	if (g->out_off == g->out_len) {
		n = f->get(f->handle, g->out, sizeof g->out);
		if (n < 0)
			return -1;
		g->out_off = 0;
		g->out_len = (size_t)n;
	}
	n = g->out_len == 0 ? 0 : write(f->fd, g->out + g->out_off,
	                                g->out_len - g->out_off);
	if (n > 0) {
		g->out_off += (size_t)n;
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 1;
	f->get = NULL;		/* the end, or a gpg that has gone */
	return 0;
}

int engine_direct(struct engine *g, struct engine_fd *f)
{
	return f->put ? take(g, f) : f->get ? give(g, f) : 0;
}
