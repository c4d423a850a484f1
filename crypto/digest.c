/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the verdict's MAC covers of a message, in DKIM's relaxed forms. */
#include "crypto/verdict.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"

enum { DIGEST_BUF = 16 << 10 };

/* Canonical octets on their way into the hash. */
struct digest {
	EVP_MD_CTX *ctx;
	size_t n;
	bool failed;
	unsigned char buf[DIGEST_BUF];
};

static bool digest_init(struct digest *d)
{
	d->n = 0;
	d->ctx = EVP_MD_CTX_new();
	d->failed = !d->ctx ||
	            EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1;
	return !d->failed;
}

static void digest_flush(struct digest *d)
{
	if (d->n && !d->failed)
		d->failed = EVP_DigestUpdate(d->ctx, d->buf, d->n) != 1;
	d->n = 0;
}

static void digest_put(struct digest *d, const char *p, size_t n)
{
	if (n > DIGEST_BUF - d->n)
		digest_flush(d);
	if (n > DIGEST_BUF) {
		if (!d->failed)
			d->failed = EVP_DigestUpdate(d->ctx, p, n) != 1;
		return;
	}
	memcpy(d->buf + d->n, p, n);
	d->n += n;
}

static int digest_end(struct digest *d, unsigned char out[VERDICT_DIGEST],
                      struct err *e)
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	digest_flush(d);
	if (!d->failed)
		d->failed = EVP_DigestFinal_ex(d->ctx, hash, NULL) != 1;
	if (d->failed)
		return err_set(e, GPG_ERR_DIGEST_ALGO,
		               "SHA-256 cannot be computed");
	memcpy(out, hash, VERDICT_DIGEST);
	return 0;
}

/* RFC 6376 section 3.4.2, with CRLF at the end. */
static void relaxed_field(struct digest *d, const struct field *f)
{
	const char *p = f->value, *end = p + f->value_len;
	bool blank = false, begun = false;
	char c;

	for (size_t i = 0; i < f->name_len; i++) {
		c = ascii_lower(f->name[i]);
		digest_put(d, &c, 1);
	}
	digest_put(d, ":", 1);
	for (; p < end; p++) {
		if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n'))
			continue;
		if (ascii_blank(*p)) {
			blank = begun;
			continue;
		}
		if (blank)
			digest_put(d, " ", 1);
		digest_put(d, p, 1);
		begun = true;
		blank = false;
	}
	digest_put(d, "\r\n", 2);
}

/* Content-Length says nothing of a letter: mbox readers write and change it. */
static bool is_content(const struct field *f)
{
	return field_begins(f, "Content-") && !field_is(f, "Content-Length");
}

int verdict_digest(const struct header *h, unsigned char out[VERDICT_DIGEST],
                   struct err *e)
{
	static const char *const names[] = {
		"From", "To", "Cc", "Reply-To", "Date", "Subject",
		"Message-ID", "Content-"
	};
	const size_t last = sizeof names / sizeof *names - 1;
	struct digest *d = malloc(sizeof *d);
	bool found;
	int rc = -1;

	if (!d)
		return err_errno(e, "Out of memory");
	digest_init(d);
	for (size_t k = 0; k <= last; k++) {
		found = false;
		for (size_t i = 0; i < h->n; i++) {
			if (k == last ? !is_content(&h->field[i])
			              : !field_is(&h->field[i], names[k]))
				continue;
			relaxed_field(d, &h->field[i]);
			found = true;
		}
		if (!found) {	/* no ':', so it is no empty field either */
			digest_put(d, names[k], strlen(names[k]));
			digest_put(d, "\r\n", 2);
		}
	}
	rc = digest_end(d, out, e);
	EVP_MD_CTX_free(d->ctx);
	free(d);
	return rc;
}

struct body_digest {
	struct sink sink;
	struct digest d;
	uint64_t empty;		/* lines that count only if more follows */
	bool blank;		/* WSP that counts only if more follows */
	bool cr;		/* a CR that may be half a line end */
	bool line;		/* the line has something in it */
};

static bool is_plain(char c)
{
	static const bool special[256] = {
		['\t'] = true, ['\n'] = true, ['\r'] = true, [' '] = true
	};

	return !special[(unsigned char)c];
}

/* Octets that stand as they are: it begins and ends with a plain one, and has
 * single SP and CRLF only between such.  Most mail is one long run. */
static size_t plain_run(const char *p, const char *end)
{
	const char *s = p;

	while (p < end) {
		if (is_plain(*p))
			p++;
		else if (p == s)
			break;
		else if (*p == ' ' && end - p > 1 && is_plain(p[1]))
			p += 2;
		else if (*p == '\r' && end - p > 2 && p[1] == '\n' &&
		         is_plain(p[2]))
			p += 3;
		else
			break;
	}
	return (size_t)(p - s);
}

/* Something comes that is no blank and no line end: what waited counts. */
static void body_begin(struct body_digest *b)
{
	for (; b->empty; b->empty--)
		digest_put(&b->d, "\r\n", 2);
	if (b->blank)
		digest_put(&b->d, " ", 1);
	b->blank = false;
	b->line = true;
}

static void body_line_end(struct body_digest *b)
{
	if (b->line)
		digest_put(&b->d, "\r\n", 2);
	else
		b->empty++;
	b->blank = b->line = false;
}

static void body_cr(struct body_digest *b)
{
	body_begin(b);
	digest_put(&b->d, "\r", 1);
	b->cr = false;
}

static int body_put(struct sink *s, const void *buf, size_t n, struct err *e)
{
	struct body_digest *b = (struct body_digest *)s;
	const char *p = buf, *end = p + n;
	size_t run;

	for (; p < end; p++) {
		if (b->cr && *p != '\n')
			body_cr(b);
		b->cr = false;
		run = plain_run(p, end);
		if (run) {
			if (b->blank || !b->line)
				body_begin(b);
			digest_put(&b->d, p, run);
			p += run;
			if (p == end)
				break;
		}
		if (*p == '\n')
			body_line_end(b);
		else if (*p == '\r')
			b->cr = true;
		else
			b->blank = true;
	}
	return b->d.failed ? err_set(e, GPG_ERR_DIGEST_ALGO,
	                             "SHA-256 cannot be computed") : 0;
}

struct body_digest *body_digest_new(void)
{
	struct body_digest *b = calloc(1, sizeof *b);

	if (b && !digest_init(&b->d)) {
		body_digest_free(b);
		return NULL;
	}
	if (b)
		b->sink.put = body_put;
	return b;
}

struct sink *body_digest_sink(struct body_digest *b)
{
	return &b->sink;
}

int body_digest_end(struct body_digest *b, unsigned char out[VERDICT_DIGEST],
                    struct err *e)
{
	if (b->cr)
		body_cr(b);
	if (b->line)
		body_line_end(b);
	return digest_end(&b->d, out, e);
}

void body_digest_free(struct body_digest *b)
{
	if (!b)
		return;
	EVP_MD_CTX_free(b->d.ctx);
	free(b);
}
