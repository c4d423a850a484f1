/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's letter: written, read, and made fit to be shown. */
#include "agent/demo_letter.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "crypto/header.h"

enum {
	TEXT_MAX = 1 << 20,
	CODED_SHOWN = 2,		/* lines of armor shown before "more" */
	BASE64_LINE = 57		/* octets that make 76 columns */
};

const char *const demo_text[] = {
	"Dear Bob,",
	"",
	"the quince tree by the old bridge is in bloom.",
	"Shall we have lunch there, at half past twelve?",
	"The way is on the map.",
	"",
	"Alice",
	NULL
};

const char *const demo_map[] = {
	"                  N",
	"                  |      * quince tree, lunch here",
	"  ~~~~~~~~~~~~~~~ | ~~~~/~~~~~~~~~~ river",
	"              old bridge",
	"  ~~~~~~~~~~~~~~~ | ~~~~~~~~~~~~~~~",
	"                  |",
	"    station [##]--'",
	NULL
};

static int put_lines(struct membuf *m, const char *const *line,
                     const char *end)
{
	for (; *line; line++)
		if (membuf_printf(m, NULL, "%s%s", *line, end) < 0)
			return -1;
	return 0;
}

static int put_base64(struct membuf *m, const char *p, size_t n)
{
	unsigned char line[BASE64_LINE / 3 * 4 + 1];

	while (n > 0) {
		size_t k = n < BASE64_LINE ? n : BASE64_LINE;

		EVP_EncodeBlock(line, (const unsigned char *)p, (int)k);
		if (membuf_printf(m, NULL, "%s\r\n", (char *)line) < 0)
			return -1;
		p += k;
		n -= k;
	}
	return 0;
}

static int put_map(struct membuf *m)
{
	struct membuf map;
	int rc;

	membuf_init(&map, TEXT_MAX);
	rc = put_lines(&map, demo_map, "\n");
	if (rc == 0)
		rc = put_base64(m, map.buf, map.len);
	membuf_free(&map);
	return rc;
}

const char *const *demo_secrets(void)
{
	static char base64[BASE64_LINE / 3 * 4 + 1];
	static const char *const secret[] = {
		"Lunch on Thursday", "quince tree", "half past twelve",
		"Dear Bob", "old bridge", DEMO_FILE, base64, NULL
	};
	struct membuf m;

	membuf_init(&m, TEXT_MAX);
	if (put_map(&m) == 0)
		memcpy(base64, m.buf, sizeof base64 - 1);
	membuf_free(&m);
	return secret;
}

static int put_header(struct membuf *m, const char *from, const char *to,
                      const char *bcc)
{
	time_t now = time(NULL);
	char date[64];
	struct tm tm;

	if (!localtime_r(&now, &tm) ||
	    !strftime(date, sizeof date, "%a, %d %b %Y %T %z", &tm))
		return -1;
	if (membuf_printf(m, NULL, "From: %s\r\nTo: %s\r\n", from, to) < 0 ||
	    (bcc && membuf_printf(m, NULL, "Bcc: %s\r\n", bcc) < 0))
		return -1;
	return membuf_printf(m, NULL,
		"Subject: " DEMO_SUBJECT "\r\n"
		"Date: %s\r\n"
		"Message-ID: <%lld.%s@example.org>\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: multipart/mixed; boundary=\"demo\"\r\n\r\n",
		date, (long long)now, bcc ? "lunch" : "again");
}

char *demo_letter_write(const char *from, const char *to, const char *bcc)
{
	struct membuf m;
	char *letter = NULL;

	membuf_init(&m, TEXT_MAX);
	if (put_header(&m, from, to, bcc) == 0 &&
	    membuf_printf(&m, NULL, "--demo\r\n"
	                  "Content-Type: text/plain\r\n\r\n") == 0 &&
	    put_lines(&m, demo_text, "\r\n") == 0 &&
	    membuf_printf(&m, NULL, "--demo\r\n"
	                  "Content-Type: text/plain; name=\"%s\"\r\n"
	                  "Content-Disposition: attachment; filename=\"%s\"\r\n"
	                  "Content-Transfer-Encoding: base64\r\n\r\n",
	                  DEMO_FILE, DEMO_FILE) == 0 &&
	    put_map(&m) == 0 &&
	    membuf_printf(&m, NULL, "--demo--\r\n") == 0)
		letter = strndup(m.buf, m.len);
	membuf_free(&m);
	return letter;
}

static char *field_copy(const struct header *h, const char *name)
{
	const struct field *f = header_get(h, name, 0);

	return f ? field_text(f) : strdup("");
}

/* The text without CR, or, where it is base64, decoded; malloced. */
static char *part_decode(const char *p, size_t n, bool base64, size_t *len)
{
	char *out = malloc(n + 4);
	size_t k = 0, pad = 0;
	int got;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (p[i] != '\r' && (!base64 || p[i] != '\n'))
			out[k++] = p[i];
	if (base64) {
		while (pad < k && out[k - 1 - pad] == '=')
			pad++;
		got = EVP_DecodeBlock((unsigned char *)out,
		                      (unsigned char *)out, (int)k);
		k = got > 0 && (size_t)got >= pad ? (size_t)got - pad : 0;
	}
	out[k] = '\0';
	*len = k;
	return out;
}

/* One part: the first text without a file name is the text, the first part
 * with one is the attachment. */
static int part_read(struct demo_opened *o, const char *p, size_t n,
                     struct err *e)
{
	const struct field *f;
	struct header h = { 0 };
	size_t from = 0, span = header_span(p, n, &from), len;
	char *file = NULL, *how = NULL;
	bool twice;
	int rc = header_cut(&h, p, span, e);

	if (rc == 0 && (f = header_get(&h, "Content-Disposition", 0)))
		file = field_param(f, "filename", &twice);
	if (rc == 0 && (f = header_get(&h, "Content-Transfer-Encoding", 0)))
		how = field_token(f);
	p += span;
	n -= span;
	if (rc == 0 && file && !o->file) {
		o->file = file;
		file = NULL;
		o->data = part_decode(p, n, how && !strcmp(how, "base64"),
		                      &o->len);
	} else if (rc == 0 && !o->text) {
		o->text = part_decode(p, n, how && !strcmp(how, "base64"),
		                      &len);
	}
	free(file);
	free(how);
	header_free(&h);
	return rc;
}

/* The parts between the boundary's lines (RFC 2046 section 5.1.1). */
static int parts_read(struct demo_opened *o, const char *body,
                      const char *boundary, struct err *e)
{
	char line[80];
	const char *p, *next;
	int n = snprintf(line, sizeof line, "\n--%s", boundary);

	if (n < 0 || (size_t)n >= sizeof line)
		return err_set(e, GPG_ERR_TOO_LARGE,
		               "The boundary is too long");
	/* The line end before a boundary belongs to it, but our text ends in
	 * one of its own in front of it only by convention: keep it. */
	p = !strncmp(body, line + 1, (size_t)n - 1) ? body - 1 :
	                                              strstr(body, line);
	for (; p && (next = strstr(p + 1, line)); p = next) {
		const char *start = strchr(p + n, '\n');

		if (!start || start > next ||
		    part_read(o, start + 1, (size_t)(next - start), e) < 0)
			return err_set(e, GPG_ERR_BAD_DATA, "A part is broken");
	}
	return 0;
}

int demo_letter_read(const char *letter, struct demo_opened *o, struct err *e)
{
	struct header h = { 0 };
	const struct field *f;
	char *boundary = NULL;
	bool twice;
	size_t from = 0, span = header_span(letter, strlen(letter), &from);
	int rc = -1;

	memset(o, 0, sizeof *o);
	if (header_cut(&h, letter, span, e) < 0)
		goto out;
	o->from = field_copy(&h, "From");
	o->to = field_copy(&h, "To");
	o->subject = field_copy(&h, "Subject");
	o->status = field_copy(&h, "Letterlock-Status");
	if ((f = header_get(&h, "Content-Type", 0)))
		boundary = field_param(f, "boundary", &twice);
	rc = boundary ? parts_read(o, letter + span, boundary, e) :
	                part_read(o, letter, strlen(letter), e);
out:
	free(boundary);
	header_free(&h);
	return rc;
}

void demo_opened_free(struct demo_opened *o)
{
	free(o->from);
	free(o->to);
	free(o->subject);
	free(o->status);
	free(o->text);
	free(o->file);
	free(o->data);
	memset(o, 0, sizeof *o);
}

bool demo_text_is(const char *text, const char *const *lines)
{
	struct membuf m;
	bool same = false;

	membuf_init(&m, TEXT_MAX);
	if (text && put_lines(&m, lines, "\n") == 0)
		same = strlen(text) == m.len && !memcmp(text, m.buf, m.len);
	membuf_free(&m);
	return same;
}

/* Armor and other codings: a line's worth of one word. */
static bool line_coded(const char *p, size_t n)
{
	if (n < 2 || !strncmp(p, "--", 2))
		return false;
	for (size_t i = 1; i < n; i++)
		if (isspace((unsigned char)p[i]))
			return false;
	return true;
}

int demo_show_raw(const char *letter, struct membuf *out, struct err *e)
{
	size_t run = 0, n;
	int rc = 0;

	for (; rc == 0 && *letter; letter += n, letter += *letter == '\r',
	     letter += *letter == '\n') {
		n = strcspn(letter, "\r\n");
		if (line_coded(letter, n) && (run || n >= 60)) {
			run++;
		} else {
			if (run > CODED_SHOWN)
				rc = membuf_printf(out, e,
				                   "... %zu more lines\n",
				                   run - CODED_SHOWN);
			run = 0;
		}
		if (rc == 0 && run <= CODED_SHOWN)
			rc = membuf_printf(out, e, "%.*s\n", (int)n, letter);
	}
	return rc == 0 ? sink_put(&out->sink, "", 1, e) : rc;
}

/* What a reader cares for: without version, time, fingerprint and MAC. */
static int put_status(const char *status, struct membuf *out, struct err *e)
{
	static const char *const shown[] = {
		"encryption=", "reason=", "signature=", "signer=", "trust="
	};
	int rc = membuf_printf(out, e, "Letterlock-Status:");

	while (rc == 0 && *status) {
		size_t n = strcspn(status, ";");

		for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
			if (!strncmp(status, shown[i], strlen(shown[i])))
				rc = membuf_printf(out, e, "%s %.*s;",
				                   i == 3 ? "\n " : "",
				                   (int)n, status);
		status += n;
		status += strspn(status, "; ");
	}
	return rc == 0 ? membuf_printf(out, e, " ...\n") : rc;
}

int demo_show_opened(const struct demo_opened *o, struct membuf *out,
                     struct err *e)
{
	if (put_status(o->status, out, e) < 0 ||
	    membuf_printf(out, e, "From: %s\nTo: %s\nSubject: %s\n\n%s",
	                  o->from, o->to, o->subject,
	                  o->text ? o->text : "") < 0)
		return -1;
	if (o->file &&
	    membuf_printf(out, e, "\n[%s, %zu octets]\n%s", o->file, o->len,
	                  o->data ? o->data : "") < 0)
		return -1;
	return sink_put(&out->sink, "", 1, e);
}
