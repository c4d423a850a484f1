/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The digest of a letter's lines, in runs where all of them count. */
#include "agent/resend.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

static void hash(struct resend *r, const char *p, size_t n)
{
	if (n && EVP_DigestUpdate(r->sha, p, n) != 1)
		r->failed = true;
}

/* A boundary's value, by its number: nothing else there holds a bare CR. */
static void hash_boundary(struct resend *r, unsigned n)
{
	char mark[] = { '\r', (char)(0x80 | n) };

	hash(r, mark, sizeof mark);
}

static bool begins(const char *p, size_t n, const char *with)
{
	size_t len = strlen(with);

	return n >= len && strncasecmp(p, with, len) == 0;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* ---- Content-Type ---- */

/* Behind the ';' that begins the next parameter, or end. */
static const char *next_param(const char *p, const char *end)
{
	bool quoted = false;

	for (; p < end && (quoted || *p != ';'); p++) {
		if (quoted && *p == '\\' && p + 1 < end)
			p++;
		else if (*p == '"')
			quoted = !quoted;
	}
	for (p += p < end; p < end && blank(*p); p++)
		;
	return p;
}

/* The value of a multipart's boundary in a field: its octets, 0 if none. */
static size_t find_boundary(const char *field, size_t n, const char **value)
{
	const char *p = field + strlen("Content-Type:"), *end = field + n;
	const char *stop;

	while (p < end && blank(*p))
		p++;
	if (!begins(p, (size_t)(end - p), "multipart/"))
		return 0;
	do
		p = next_param(p, end);
	while (p < end && !begins(p, (size_t)(end - p), "boundary="));
	if (p == end)
		return 0;
	p += strlen("boundary=");
	if (p < end && *p == '"') {
		p++;
		stop = memchr(p, '"', (size_t)(end - p));
		if (!stop || memchr(p, '\\', (size_t)(stop - p)))
			return 0;
	} else {
		for (stop = p; stop < end && !blank(*stop) && *stop != ';'
		               && *stop != '('; stop++)
			;
	}
	*value = p;
	return (size_t)(stop - p);
}

/* A field is over: a Content-Type was kept for its boundary. */
static void end_field(struct resend *r)
{
	const char *value = NULL, *rest = r->type;
	unsigned k = r->boundaries;
	size_t n = 0;

	if (r->in == RESEND_TYPE)
		n = find_boundary(r->type, r->type_len, &value);
	if (n && n <= RESEND_BOUNDARY && k < RESEND_BOUNDARIES) {
		memcpy(r->boundary[k], value, n);
		r->boundary_len[k] = (unsigned char)n;
		r->boundaries++;
		hash(r, r->type, (size_t)(value - r->type));
		hash_boundary(r, k);
		rest = value + n;
	}
	hash(r, rest, r->type_len - (size_t)(rest - r->type));
	r->type_len = 0;
	r->in = RESEND_COUNTS;
}

/* ---- lines ---- */

/* "--boundary" or, *last, "--boundary--" without its line end: its number, or
 * -1. */
static int delimiter(const struct resend *r, const char *p, size_t n,
                     bool *last)
{
	if (n < 3 || p[0] != '-' || p[1] != '-')
		return -1;
	p += 2;
	n -= 2;
	for (unsigned i = 0; i < r->boundaries; i++) {
		size_t len = r->boundary_len[i];

		*last = n == len + 2 && memcmp(p + len, "--", 2) == 0;
		if ((n == len || *last) && !memcmp(p, r->boundary[i], len))
			return (int)i;
	}
	return -1;
}

static bool take_delimiter(struct resend *r, const char *p, size_t n)
{
	bool last, crlf = n > 1 && p[n - 2] == '\r' && p[n - 1] == '\n';
	int i = delimiter(r, p, crlf ? n - 2 : n, &last);

	if (i == -1)
		return false;
	if (r->at == RESEND_PART)
		end_field(r);
	hash_boundary(r, (unsigned)i);
	hash(r, last ? "\r-" : "\r+", 2);
	hash(r, "\r\n", crlf ? 2 : 0);
	r->at = last ? RESEND_BODY : RESEND_PART;
	return true;
}

static void take_in_header(struct resend *r, const char *p, size_t n)
{
	bool cut = p[n - 1] != '\n' && n == RESEND_LINE;

	if (p[0] != ' ' && p[0] != '\t') {
		end_field(r);
		if (begins(p, n, "Content-Type:"))
			r->in = RESEND_TYPE;
		else if (r->at == RESEND_TOP && (begins(p, n, "Message-ID:")
		                                 || begins(p, n, "Date:")))
			r->in = RESEND_SKIPPED;
		if (p[0] == '\r' || p[0] == '\n')
			r->at = RESEND_BODY;
	}
	r->skip_line = r->in == RESEND_SKIPPED;
	if (r->skip_line)
		return;
	if (r->in == RESEND_TYPE && !cut && n <= RESEND_FIELD - r->type_len) {
		memcpy(r->type + r->type_len, p, n);
		r->type_len += n;
		return;
	}
	if (r->in == RESEND_TYPE) {	/* too long to be looked at */
		r->in = RESEND_COUNTS;
		end_field(r);
	}
	hash(r, p, n);
}

/* A line, or its first RESEND_LINE octets. */
static void take_line(struct resend *r, const char *p, size_t n)
{
	r->skip_line = false;
	if (r->at != RESEND_TOP && take_delimiter(r, p, n))
		return;
	if (r->at == RESEND_BODY)
		hash(r, p, n);
	else
		take_in_header(r, p, n);
}

/* A line whose begin came with an earlier block: complete it as far as it is
 * looked at.  Returns the octets used. */
static size_t take_rest(struct resend *r, const char *p, size_t n)
{
	const char *lf = memchr(p, '\n', n);
	size_t len = lf ? (size_t)(lf - p) + 1 : n;

	if (r->in_line) {
		if (!r->skip_line)
			hash(r, p, len);
		r->in_line = !lf;
		return len;
	}
	if (len > RESEND_LINE - r->len)
		len = RESEND_LINE - r->len;
	memcpy(r->line + r->len, p, len);
	r->len += len;
	if (r->len < RESEND_LINE && r->line[r->len - 1] != '\n')
		return len;
	take_line(r, r->line, r->len);
	r->in_line = r->line[r->len - 1] != '\n';
	r->len = 0;
	return len;
}

static void digest(struct resend *r, const char *p, size_t n)
{
	const char *end = p + n, *run, *lf;

	while (p < end && (r->len || r->in_line))
		p += take_rest(r, p, (size_t)(end - p));
	for (run = p; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf)
			break;
		if (r->at == RESEND_BODY && (p[0] != '-' || p[1] != '-'))
			continue;
		hash(r, run, (size_t)(p - run));
		for (run = p; run <= lf; )
			run += take_rest(r, run, (size_t)(lf + 1 - run));
	}
	hash(r, run, (size_t)(p - run));
	while (p < end)
		p += take_rest(r, p, (size_t)(end - p));
}

static int resend_put(struct sink *s, const void *buf, size_t n,
                      struct err *e)
{
	struct resend *r = (struct resend *)s;

	digest(r, buf, n);
	return sink_put(r->out, buf, n, e);
}

void resend_init(struct resend *r, struct sink *out)
{
	memset(r, 0, sizeof *r);
	r->sink.put = resend_put;
	r->out = out;
	r->sha = EVP_MD_CTX_new();
	if (!r->sha || EVP_DigestInit_ex(r->sha, EVP_sha256(), NULL) != 1)
		r->failed = true;
}

int resend_end(struct resend *r, unsigned char out[RESEND_DIGEST])
{
	bool ok;

	if (r->len)
		take_line(r, r->line, r->len);
	if (r->at != RESEND_BODY)
		end_field(r);
	ok = !r->failed && EVP_DigestFinal_ex(r->sha, out, NULL) == 1;
	resend_free(r);
	return ok ? 0 : -1;
}

void resend_free(struct resend *r)
{
	EVP_MD_CTX_free(r->sha);
	r->sha = NULL;
	explicit_bzero(r->line, sizeof r->line);
	explicit_bzero(r->type, sizeof r->type);
}
