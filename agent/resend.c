/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The digest of a letter's lines, in runs of those that count. */
#include "agent/resend.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

static void hash(struct resend *r, const char *p, size_t n)
{
	if (n && EVP_DigestUpdate(r->sha, p, n) != 1)
		r->failed = true;
}

static bool begins(const char *p, size_t n, const char *with)
{
	size_t len = strlen(with);

	return n >= len && strncasecmp(p, with, len) == 0;
}

static bool skip_in_header(struct resend *r, const char *p, size_t n)
{
	if (p[0] == '\r' || p[0] == '\n') {
		r->body = true;
		return false;
	}
	if (p[0] != ' ' && p[0] != '\t')
		r->skip_field = begins(p, n, "Message-ID:")
		                || begins(p, n, "Date:")
		                || begins(p, n, "Content-Type:");
	if (r->skip_field && memmem(p, n, "boundary=", 9))
		r->parts = true;
	return r->skip_field;
}

/* Does the line that begins with these octets not count? */
static bool skips(struct resend *r, const char *p, size_t n)
{
	if (!r->body)
		return skip_in_header(r, p, n);
	if (!r->parts)
		return false;
	if (p[0] == '-')
		return n > 1 && p[1] == '-';
	if (p[0] != ' ' && p[0] != '\t' && p[0] != 'C' && p[0] != 'c')
		return false;
	return memmem(p, n, "boundary=", 9) != NULL;
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
	r->skip_line = skips(r, r->line, r->len);
	if (!r->skip_line)
		hash(r, r->line, r->len);
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
		if (skips(r, p, (size_t)(lf - p) < RESEND_LINE
		          ? (size_t)(lf - p) + 1 : RESEND_LINE)) {
			hash(r, run, (size_t)(p - run));
			run = lf + 1;
		}
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

	if (r->len && !skips(r, r->line, r->len))
		hash(r, r->line, r->len);
	ok = !r->failed && EVP_DigestFinal_ex(r->sha, out, NULL) == 1;
	resend_free(r);
	return ok ? 0 : -1;
}

void resend_free(struct resend *r)
{
	EVP_MD_CTX_free(r->sha);
	r->sha = NULL;
	explicit_bzero(r->line, sizeof r->line);
}
