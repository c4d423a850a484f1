/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One look-up, as dirmngr speaks of it: a greeting, our command, then lines of data
 * until OK or ERR. */
#include "agent/dirmngr.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 4096, READ_TURNS = 16 };	/* then it is others' turn */

int dirmngr_begin(struct dirmngr *d, const struct sockaddr_un *at,
                  const char *addr)
{
	memset(d, 0, sizeof *d);
	membuf_init(&d->key, KEYDATA_MAX);
	snprintf(d->addr, sizeof d->addr, "%s", addr);
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd == -1)
		return -1;
	return connect(d->fd, (const struct sockaddr *)at, sizeof *at);
}

void dirmngr_end(struct dirmngr *d)
{
	if (d->fd != -1)
		close(d->fd);
	d->fd = -1;
	membuf_free(&d->key);
}

/* ---- lines ---- */

/* It fits into the socket, which is empty. */
static enum looked ask(struct dirmngr *d, int step)
{
	char line[ADDR_MAX + 40];
	int n = snprintf(line, sizeof line, "WKD_GET %s-- %s\n",
	                 step == DIRMNGR_POLICY ? "--policy-flags " : "",
	                 d->addr);

	d->step = step;
	d->stale = false;
	return send(d->fd, line, (size_t)n, MSG_NOSIGNAL) == n ? LOOKED_NOT
	       : LOOKED_FAILED;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The octets of a line of data, in which some stand as %0A. */
static enum looked data(struct dirmngr *d, char *text, size_t n)
{
	size_t out = 0;

	if (d->step == DIRMNGR_POLICY)
		return LOOKED_NOT;	/* that there is one is enough */
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '%') {
			if (n - i < 3 || hex(text[i + 1]) < 0
			    || hex(text[i + 2]) < 0)
				return LOOKED_FAILED;
			text[out++] = (char)(hex(text[i + 1]) << 4
			                     | hex(text[i + 2]));
			i += 2;
		} else {
			text[out++] = text[i];
		}
	}
	/* what is larger than any key is none */
	if (d->key.len + out > KEYDATA_MAX)
		return LOOKED_NONE;
	return sink_put(&d->key.sink, text, out, NULL) ? LOOKED_FAILED
	       : LOOKED_NOT;
}

/* "ERR 167772218 No data <Dirmngr>": is it the domain's no? */
static enum looked refusal(struct dirmngr *d, const char *text, size_t n)
{
	unsigned long code = 0;
	size_t i = 0;

	for (; i < n && i < 10 && text[i] >= '0' && text[i] <= '9'; i++)
		code = code * 10 + (unsigned long)(text[i] - '0');
	if (i == 0 || (i < n && text[i] != ' '))
		return LOOKED_FAILED;
	switch (gpg_err_code((gpg_error_t)code)) {
	case GPG_ERR_NO_DATA: case GPG_ERR_NOT_FOUND:
		return d->stale && d->step == DIRMNGR_KEY
		       ? ask(d, DIRMNGR_POLICY) : LOOKED_NONE;
	case GPG_ERR_NO_NAME: case GPG_ERR_UNKNOWN_HOST:
		d->no_name = true;
		return LOOKED_NONE;
	default:
		return LOOKED_FAILED;
	}
}

static bool begins(const char *line, size_t n, const char *word)
{
	size_t len = strlen(word);

	return n >= len && memcmp(line, word, len) == 0
	       && (n == len || line[len] == ' ');
}

static enum looked line(struct dirmngr *d, char *text, size_t n)
{
	if (n && text[0] == '#')
		return LOOKED_NOT;
	if (d->step == DIRMNGR_GREETING)
		return begins(text, n, "OK") ? ask(d, DIRMNGR_KEY)
		       : LOOKED_FAILED;
	if (n >= 2 && begins(text, n, "D"))
		return data(d, text + 2, n - 2);
	if (begins(text, n, "S NOTE wkd_cached_result"))
		d->stale = true;
	if (begins(text, n, "S"))
		return LOOKED_NOT;	/* how it goes on */
	if (begins(text, n, "OK") && d->step == DIRMNGR_POLICY)
		return ask(d, DIRMNGR_AGAIN);
	if (begins(text, n, "OK"))
		return d->key.len ? LOOKED_FOUND : LOOKED_NONE;
	if (n > 4 && begins(text, n, "ERR"))
		return refusal(d, text + 4, n - 4);
	return LOOKED_FAILED;	/* it has nothing to ask us */
}

static enum looked octets(struct dirmngr *d, const char *p, size_t n)
{
	enum looked is = LOOKED_NOT;

	for (; n && is == LOOKED_NOT; p++, n--) {
		if (d->len == sizeof d->line
		    || ++d->octets > DIRMNGR_OCTETS_MAX)
			return LOOKED_FAILED;
		if (*p != '\n') {
			d->line[d->len++] = *p;
			continue;
		}
		is = line(d, d->line, d->len);
		d->len = 0;
	}
	return is;
}

enum looked dirmngr_take(struct dirmngr *d)
{
	enum looked is = LOOKED_NOT;
	char buf[READ_SIZE];
	ssize_t n;

	for (int i = 0; i < READ_TURNS && is == LOOKED_NOT; i++) {
		n = read(d->fd, buf, sizeof buf);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return LOOKED_NOT;
		is = n > 0 ? octets(d, buf, (size_t)n) : LOOKED_FAILED;
	}
	return is;
}
