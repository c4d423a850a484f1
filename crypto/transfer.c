/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Quoted-printable and base64 bodies, octet by octet into small blocks. */
#include "crypto/transfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BLOCK = 4096 };

enum transfer transfer_of(const char *token)
{
	if (!token || !*token || strcasecmp(token, "7bit") == 0
	    || strcasecmp(token, "8bit") == 0
	    || strcasecmp(token, "binary") == 0)
		return TRANSFER_NONE;
	if (strcasecmp(token, "quoted-printable") == 0)
		return TRANSFER_QP;
	if (strcasecmp(token, "base64") == 0)
		return TRANSFER_BASE64;
	return TRANSFER_UNKNOWN;
}

enum transfer transfer_in(const struct header *h)
{
	const struct field *f = header_get(h, "Content-Transfer-Encoding", 0);
	enum transfer how;
	char *token;

	if (!f)
		return TRANSFER_NONE;
	token = field_token(f);
	how = !token || header_count(h, "Content-Transfer-Encoding") > 1
	      ? TRANSFER_UNKNOWN : transfer_of(token);
	free(token);
	return how;
}

static int b64_value(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static int base64_put(struct untransfer *t, const unsigned char *p, size_t n,
                      struct err *e)
{
	unsigned char out[BLOCK];
	size_t len = 0;
	int v;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '=') {
			t->pad++;
			continue;
		}
		if ((v = b64_value(p[i])) < 0) {
			if (!strchr("\r\n \t", p[i]) || !p[i])
				t->bad = true;
			continue;
		}
		if (t->pad)
			t->bad = true;	/* something behind the padding */
		t->bits = t->bits << 6 | (unsigned)v;
		t->n_bits += 6;
		if (t->n_bits < 8)
			continue;
		t->n_bits -= 8;
		out[len++] = (unsigned char)(t->bits >> t->n_bits);
		if (len == sizeof out) {
			if (sink_put(t->out, out, len, e))
				return -1;
			len = 0;
		}
	}
	return sink_put(t->out, out, len, e);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One octet behind '='; what is no escape passes as it stands. */
static int qp_escape(struct untransfer *t, char c, struct err *e)
{
	char octet;

	t->esc[t->n_esc++] = c;
	if (t->n_esc == 2 && c == '\n') {	/* "=LF": soft line break */
		t->n_esc = 0;
		return 0;
	}
	if (t->n_esc == 2 && (c == '\r' || hex_value(c) >= 0))
		return 0;
	if (t->n_esc == 3 && t->esc[1] == '\r' && c == '\n') {
		t->n_esc = 0;
		return 0;
	}
	if (t->n_esc == 3 && t->esc[1] != '\r' && hex_value(c) >= 0) {
		octet = (char)(hex_value(t->esc[1]) << 4 | hex_value(c));
		t->n_esc = 0;
		return sink_put(t->out, &octet, 1, e);
	}
	t->bad = true;
	octet = (char)t->n_esc;
	t->n_esc = 0;
	return sink_put(t->out, t->esc, (size_t)octet, e);
}

static int qp_put(struct untransfer *t, const char *p, size_t n,
                  struct err *e)
{
	const char *end = p + n, *eq;

	while (p < end) {
		if (t->n_esc) {
			if (qp_escape(t, *p++, e))
				return -1;
			continue;
		}
		eq = memchr(p, '=', (size_t)(end - p));
		if (sink_put(t->out, p, (size_t)((eq ? eq : end) - p), e))
			return -1;
		if (!eq)
			return 0;
		t->esc[t->n_esc++] = '=';
		p = eq + 1;
	}
	return 0;
}

static int untransfer_put(struct sink *sink, const void *buf, size_t n,
                          struct err *e)
{
	struct untransfer *t = (struct untransfer *)sink;

	switch (t->how) {
	case TRANSFER_BASE64: return base64_put(t, buf, n, e);
	case TRANSFER_QP: return qp_put(t, buf, n, e);
	case TRANSFER_UNKNOWN: t->bad = true; return 0;
	case TRANSFER_NONE: break;
	}
	return sink_put(t->out, buf, n, e);
}

void untransfer_init(struct untransfer *t, enum transfer how, struct sink *out)
{
	memset(t, 0, sizeof *t);
	t->sink.put = untransfer_put;
	t->how = how;
	t->out = out;
}

void untransfer_end(struct untransfer *t)
{
	if (t->n_esc || t->n_bits >= 6 || t->pad > 2)
		t->bad = true;
}
