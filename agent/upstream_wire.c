/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lines and blocks on a mailstream, with a bound for each. */
#include "agent/upstream.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/stream.h"

int wire_open(struct wire *w, mailstream_low *low, struct err *e)
{
	w->stream = mailstream_new(low, WIRE_STREAM);
	if (!w->stream)
		return err_set(e, GPG_ERR_ENOMEM, "Out of memory");
	w->off = w->len = 0;
	wire_patience(w, w->reply_timeout);
	return 0;
}

void wire_close(struct wire *w)
{
	if (w->stream)
		mailstream_close(w->stream);
	w->stream = NULL;
	w->off = w->len = 0;
}

void wire_patience(struct wire *w, unsigned seconds)
{
	struct stream *s = stream_of(w->stream);

	s->deadline = stream_clock() + (int64_t)seconds * 1000;
	s->silence = 0;
	s->least = 0;
}

void wire_letter(struct wire *w)
{
	struct stream *s = stream_of(w->stream);

	s->deadline = INT64_MAX;
	s->silence = (int64_t)w->silence * 1000;
	s->least = (uint64_t)w->min_rate * (STREAM_MINUTE / 1000);
	s->moved = 0;
	s->waited = 0;
}

/* Why the last read or write failed. */
static int wire_broken(struct wire *w, struct err *e)
{
	int error = stream_of(w->stream)->error;

	if (error == ETIME)
		return err_set(e, GPG_ERR_ETIMEDOUT, "%s is too slow: less than "
		               "%u octets in a second", w->host, w->min_rate);
	if (error == ETIMEDOUT)
		return err_set(e, GPG_ERR_ETIMEDOUT,
		               "%s did not answer in time", w->host);
	if (error == 0 || error == EPIPE || error == ECONNRESET)
		return err_set(e, GPG_ERR_EPIPE, "%s closed the connection",
		               w->host);
	return err_set(e, gpg_error_from_errno(error), "%s: %s", w->host,
	               strerror(error));
}

static int wire_missing(struct wire *w, struct err *e)
{
	return err_set(e, GPG_ERR_ENOTCONN,
	               "the connection to %s is closed",
	               w->host ? w->host : "the provider");
}

int wire_starttls(struct wire *w, struct tls_trust *trust, struct err *e)
{
	mailstream_low *low, *old = mailstream_get_low(w->stream);
	struct stream *s = old->data;

	if (w->off != w->len || w->stream->read_buffer_len)
		return err_set(e, GPG_ERR_BAD_DATA,
		               "%s sent something in clear behind its answer "
		               "to STARTTLS", w->host);
	low = tls_low_new(trust, s->fd, w->host, stream_clock() +
	                  (int64_t)w->connect_timeout * 1000, e);
	if (!low)
		return -1;
	s->fd = -1;
	mailstream_set_low(w->stream, low);
	mailstream_low_free(old);
	return 0;
}

int wire_write(struct wire *w, const void *buf, size_t n, struct err *e)
{
	/* what could not be written whole is a short count, not only -1 */
	if (mailstream_write(w->stream, buf, n) != (ssize_t)n)
		return wire_broken(w, e);
	return 0;
}

int wire_flush(struct wire *w, struct err *e)
{
	return mailstream_flush(w->stream) ? wire_broken(w, e) : 0;
}

int wire_send(struct wire *w, struct err *e, const char *fmt, ...)
{
	char line_secret[WIRE_COMMAND_MAX];
	int n, rc = -1;
	va_list ap;

	if (!w->stream)
		return wire_missing(w, e);
	if (w->off != w->len || w->stream->read_buffer_len)
		return err_set(e, GPG_ERR_BAD_DATA, "%s spoke out of turn",
		               w->host);
	wire_patience(w, w->reply_timeout);
	va_start(ap, fmt);
	n = vsnprintf(line_secret, sizeof line_secret - 2, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof line_secret - 2) {
		err_set(e, GPG_ERR_TOO_LARGE, "that is too long to be sent");
		goto out;
	}
	memcpy(line_secret + n, "\r\n", 2);
	n += 2;
	if (wire_write(w, line_secret, (size_t)n, e) || wire_flush(w, e))
		goto out;
	rc = 0;
out:
	explicit_bzero(line_secret, sizeof line_secret);
	explicit_bzero(w->stream->write_buffer, sizeof line_secret);
	return rc;
}

int wire_fill(struct wire *w, struct err *e)
{
	ssize_t n;

	if (w->off < w->len)
		return 0;
	w->off = w->len = 0;
	n = mailstream_read(w->stream, w->in, sizeof w->in);
	if (n <= 0)
		return wire_broken(w, e);
	w->len = (size_t)n;
	stream_of(w->stream)->silence = (int64_t)w->silence * 1000;
	return 0;
}

bool wire_spoke(struct wire *w)
{
	struct stream *s = stream_of(w->stream);
	const int64_t deadline = s->deadline;
	bool spoke;

	s->deadline = 0;
	spoke = wire_fill(w, NULL) == 0 || s->error != ETIMEDOUT;
	s->deadline = deadline;
	return spoke;
}

int wire_line(struct wire *w, struct line *l, struct err *e)
{
	const char *at, *lf;
	size_t n;

	if (!w->stream)
		return wire_missing(w, e);
	l->len = 0;
	do {
		if (wire_fill(w, e))
			return -1;
		at = w->in + w->off;
		lf = memchr(at, '\n', w->len - w->off);
		n = lf ? (size_t)(lf - at) : w->len - w->off;
		if (n > WIRE_LINE_MAX - l->len)
			return err_set(e, GPG_ERR_TOO_LARGE,
			               "%s sent a line of more than %d octets",
			               w->host, WIRE_LINE_MAX);
		memcpy(l->text + l->len, at, n);
		l->len += n;
		w->off += n + !!lf;
	} while (!lf);
	if (l->len && l->text[l->len - 1] == '\r')
		l->len--;
	l->text[l->len] = '\0';
	return 0;
}

void reply_add(struct reply *r, const char *words, size_t n)
{
	size_t len = strlen(r->text);
	unsigned char c;

	if (len && n && len < WIRE_LINE_MAX)
		r->text[len++] = ' ';
	for (; n && len < WIRE_LINE_MAX; n--) {
		c = (unsigned char)*words++;
		if (c == '\t')
			c = ' ';
		if (c < 0x20 || c >= 0x7f) {
			c = '?';
			r->odd = true;
		}
		r->text[len++] = (char)c;
	}
	r->text[len] = '\0';
}

size_t parse_number(const char *s, uint64_t max, uint64_t *v)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0 || n > 19)		/* 19 digits fit into 64 bits */
		return 0;
	*v = strtoull(s, NULL, 10);
	return *v <= max ? n : 0;
}

bool arg_ok(const char *s, size_t max)
{
	size_t n = 0;

	for (; s[n]; n++)
		if ((unsigned char)s[n] < 0x20 || s[n] == 0x7f || n >= max)
			return false;
	return true;
}
