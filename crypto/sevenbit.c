/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A body made 7bit while it streams: leaves encoded, all else checked line by
 * line. */
#include "crypto/sevenbit.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/ascii.h"
#include "crypto/encode.h"
#include "crypto/parts.h"

#define CTE "Content-Transfer-Encoding"

enum { LINE_OCTETS = 998, LINE_MAX_ALL = LINE_OCTETS + 2, BATCH = 8192 };

/* How octets are written. */
enum manner {
	AS_IS,		/* checked alone */
	TRIMMED,	/* without blanks at line ends */
	FIELDS,		/* the same, and without lines of blanks */
	WAS_QP,		/* trimmed, and no line begins "From " */
	TO_QP, TO_BASE64
};

struct level {
	enum manner manner;	/* of a leaf's body */
	bool kept;		/* what is in it is signed or sealed already */
	bool claims_7bit;
	bool begun, closed;	/* a multipart */
};

/* Small pieces become few. */
struct batch {
	struct sink sink;
	struct sink *out;
	char buf[BATCH];
	size_t len;
};

struct sevenbit {
	struct parts_to to;	/* first: the callbacks get it */
	struct parts *parts;
	struct batch batch;
	struct sink *out;	/* the batch */
	struct level level[PARTS_DEPTH_MAX + 1];
	struct encode encode;
	enum manner manner;	/* of the line */
	char line[LINE_MAX_ALL];
	size_t n_line;
};

static int batch_flush(struct batch *b, struct err *e)
{
	size_t n = b->len;

	b->len = 0;
	return sink_put(b->out, b->buf, n, e);
}

static int batch_put(struct sink *sink, const void *buf, size_t n,
                     struct err *e)
{
	struct batch *b = (struct batch *)sink;

	if (n > sizeof b->buf - b->len && batch_flush(b, e))
		return -1;
	if (n > sizeof b->buf)
		return sink_put(b->out, buf, n, e);
	memcpy(b->buf + b->len, buf, n);
	b->len += n;
	return 0;
}

static int err_octets(struct err *e)
{
	return err_set(e, GPG_ERR_INV_VALUE,
	               "A part of this letter cannot be signed as it is: it "
	               "has lines that are too long, or not plain ASCII. Take "
	               "that part out and press Send again");
}

static bool begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What an entity says of its encoding; *token is to be freed. */
static enum transfer claim_of(const struct header *h, char **token)
{
	const struct field *f = header_get(h, CTE, 0);

	*token = f ? field_token(f) : NULL;
	return f && !*token ? TRANSFER_UNKNOWN : transfer_of(*token);
}

static const char *encoding_of(const struct part *p)
{
	char *token, *type = part_type(p);
	const char *encoding = NULL;

	if (claim_of(p->header, &token) != TRANSFER_NONE || !type)
		goto out;
	if (begins(type, "multipart/") || begins(type, "message/"))
		encoding = token && strcmp(token, "7bit") != 0 ? "7bit" : NULL;
	else
		encoding = begins(type, "text/") ? "quoted-printable"
		                                 : "base64";
out:
	free(token);
	free(type);
	return encoding;
}

const char *sevenbit_encoding(const struct header *h)
{
	const struct part root = { .header = h };

	return encoding_of(&root);
}

/* ---- lines ---- */

/* Octets that every server takes (RFC 5322 section 2.1). */
static bool octets_ok(const char *p, size_t n)
{
	unsigned bad = 0;

	for (size_t i = 0; i < n; i++)
		bad |= (unsigned char)p[i] > 126 || !p[i] || p[i] == '\r' ||
		       p[i] == '\n';
	return !bad;
}

/* Write the line, with its end or (the last one) without. */
static int line_done(struct sevenbit *s, struct err *e)
{
	static const char from[] = "=46rom ";
	const char *p = s->line, *end = p + s->n_line, *text_end = end;
	bool whole = s->n_line && end[-1] == '\n';

	s->n_line = 0;
	if (whole && (end - p < 2 || end[-2] != '\r'))
		return err_octets(e);
	text_end -= whole ? 2 : 0;
	if (text_end - p > LINE_OCTETS || !octets_ok(p, (size_t)(text_end - p)))
		return err_octets(e);
	while (s->manner != AS_IS && text_end > p && ascii_blank(text_end[-1]))
		text_end--;
	if (s->manner == FIELDS && text_end == p)
		return 0;
	if (s->manner == WAS_QP && text_end - p >= 5 &&
	    memcmp(p, "From ", 5) == 0) {
		if (sink_put(s->out, from, sizeof from - 1, e))
			return -1;
		p += 5;
	}
	if (sink_put(s->out, p, (size_t)(text_end - p), e))
		return -1;
	return whole ? sink_put(s->out, "\r\n", 2, e) : 0;
}

static int lines_put(struct sevenbit *s, enum manner manner, const char *p,
                     size_t n, struct err *e)
{
	const char *end = p + n, *lf;
	size_t len;

	s->manner = manner;
	while (p < end) {
		lf = memchr(p, '\n', (size_t)(end - p));
		len = (size_t)((lf ? lf + 1 : end) - p);
		if (len > sizeof s->line - s->n_line)
			return err_octets(e);
		memcpy(s->line + s->n_line, p, len);
		s->n_line += len;
		p += len;
		if (lf && line_done(s, e))
			return -1;
	}
	return 0;
}

/* Whole lines, and what stands at the end without one. */
static int lines_all(struct sevenbit *s, enum manner manner, const char *p,
                     size_t n, struct err *e)
{
	if (line_done(s, e) || lines_put(s, manner, p, n, e))
		return -1;
	return line_done(s, e);
}

/* ---- parts ---- */

static struct level *level_of(struct sevenbit *s, const struct part *p)
{
	return &s->level[p->depth];
}

/* Is it inside of what is signed or sealed already? */
static bool is_kept(struct sevenbit *s, const struct part *p)
{
	return p->parent && level_of(s, p->parent)->kept;
}

static enum manner manner_of(enum transfer how, const char *type)
{
	switch (how) {
	case TRANSFER_QP: return WAS_QP;
	case TRANSFER_BASE64: return TRIMMED;
	case TRANSFER_UNKNOWN: return AS_IS;	/* blanks may count */
	case TRANSFER_NONE: break;
	}
	if (begins(type, "multipart/") || begins(type, "message/"))
		return AS_IS;
	return begins(type, "text/") ? TO_QP : TO_BASE64;
}

/* A header that other readers may understand in another way. */
static int header_ok(const struct header *h, const char *type,
                     enum transfer how, struct err *e)
{
	static const char *const once[] = { "Content-Type", CTE };

	for (int i = 0; i < 2; i++)
		if (header_count(h, once[i]) > 1)
			return err_set(e, GPG_ERR_INV_VALUE,
			               "A part of this letter has more than "
			               "one %s line", once[i]);
	if (begins(type, "multipart/") && how != TRANSFER_NONE)
		return err_set(e, GPG_ERR_INV_VALUE,
		               "A part of this letter is said to be encoded "
		               "and has other parts in it, which mail does not "
		               "allow");
	return 0;
}

/* A part begins, its header is known. */
static int part_begin(struct sevenbit *s, const struct part *p, struct err *e)
{
	struct level *l = level_of(s, p);
	char *token, *type = part_type(p);
	enum transfer how = claim_of(p->header, &token);
	int rc = 0;

	*l = (struct level){ .kept = is_kept(s, p), .manner = AS_IS };
	if (!type)
		rc = err_errno(e, "Out of memory");
	else if (!l->kept && !p->opaque)
		rc = header_ok(p->header, type, how, e);
	if (rc || l->kept || p->opaque)
		goto out;
	l->manner = manner_of(how, type);
	l->kept = strcmp(type, "multipart/signed") == 0 ||
	          strcmp(type, "multipart/encrypted") == 0;
	l->claims_7bit = token && strcmp(token, "7bit") == 0;
	encode_init(&s->encode, l->manner == TO_QP ? TRANSFER_QP
	                                           : TRANSFER_BASE64, s->out);
out:
	free(token);
	free(type);
	return rc;
}

static int put_encoding(struct sevenbit *s, const char *encoding,
                        struct err *e)
{
	if (sink_put(s->out, CTE ": ", sizeof CTE + 1, e) ||
	    sink_put(s->out, encoding, strlen(encoding), e))
		return -1;
	return sink_put(s->out, "\r\n", 2, e);
}

static int part_header(struct sevenbit *s, const struct part *p,
                       const char *buf, size_t n, struct err *e)
{
	const char *encoding;
	size_t fields = 0;
	bool replaced = false, whole;

	if (part_begin(s, p, e))
		return -1;
	if (is_kept(s, p) || p->opaque)
		return lines_all(s, AS_IS, buf, n, e);
	encoding = encoding_of(p);
	for (size_t i = 0; i < p->header->n; i++) {
		const struct field *f = &p->header->field[i];

		fields += f->raw_len;
		if (encoding && field_is(f, CTE)) {
			replaced = true;
			if (put_encoding(s, encoding, e))
				return -1;
		} else if (lines_all(s, FIELDS, f->raw, f->raw_len, e)) {
			return -1;
		}
	}
	whole = fields < n;
	if (whole && encoding && !replaced && put_encoding(s, encoding, e))
		return -1;
	return whole ? sink_put(s->out, "\r\n", 2, e) : 0;
}

static int part_body(struct sevenbit *s, const struct part *p,
                     const char *buf, size_t n, struct err *e)
{
	const struct level *l = level_of(s, p);
	unsigned char octets = 0;

	if (p->opaque || (l->manner != TO_QP && l->manner != TO_BASE64))
		return lines_put(s, p->opaque ? AS_IS : l->manner, buf, n, e);
	for (size_t i = 0; l->claims_7bit && i < n; i++)
		octets |= (unsigned char)buf[i];
	if (octets & 0x80)
		return err_octets(e);
	return sink_put(&s->encode.sink, buf, n, e);
}

/* The line end before a multipart's first delimiter was the preamble's. */
static int delimiter(struct sevenbit *s, const struct part *p, bool closing,
                     const char *buf, size_t n, struct err *e)
{
	struct level *l = level_of(s, p);

	if (!l->begun && !l->kept && n >= 2 && memcmp(buf, "\r\n", 2) == 0) {
		buf += 2;
		n -= 2;
	}
	l->begun = true;
	l->closed = closing;
	return lines_all(s, l->kept ? AS_IS : TRIMMED, buf, n, e);
}

static int on_piece(struct parts_to *t, struct part *p, enum parts_piece what,
                    const char *buf, size_t n, struct err *e)
{
	struct sevenbit *s = (struct sevenbit *)t;

	switch (what) {
	case PIECE_HEADER:
		return part_header(s, p, buf, n, e);
	case PIECE_BODY:
		return part_body(s, p, buf, n, e);
	case PIECE_DELIMITER:
		return delimiter(s, p, false, buf, n, e);
	case PIECE_CLOSE:
		return delimiter(s, p, true, buf, n, e);
	case PIECE_PREAMBLE:
	case PIECE_EPILOGUE:
		break;
	}
	return level_of(s, p)->kept ? lines_put(s, AS_IS, buf, n, e) : 0;
}

static int on_end(struct parts_to *t, struct part *p, struct err *e)
{
	struct sevenbit *s = (struct sevenbit *)t;
	const struct level *l = level_of(s, p);

	if (line_done(s, e))
		return -1;
	if (p->kind == PART_MULTI && !l->closed && !is_kept(s, p))
		return err_set(e, GPG_ERR_INV_VALUE,
		               "The parts of this letter do not end as they "
		               "should, so it cannot be signed");
	return encode_end(&s->encode, e);
}

/* ---- the filter ---- */

struct sevenbit *sevenbit_new(const struct header *root, struct sink *out,
                              struct err *e)
{
	struct sevenbit *s = calloc(1, sizeof *s);
	const struct part top = { .header = root };

	if (!s) {
		err_errno(e, "Out of memory");
		return NULL;
	}
	s->to = (struct parts_to){ .piece = on_piece, .end = on_end };
	s->batch.sink.put = batch_put;
	s->batch.out = out;
	s->out = &s->batch.sink;
	encode_init(&s->encode, TRANSFER_BASE64, s->out);
	if (part_begin(s, &top, e) ||
	    !(s->parts = parts_new(root, PARTS_DEPTH_MAX, false, &s->to, e))) {
		sevenbit_free(s);
		return NULL;
	}
	return s;
}

int sevenbit_put(struct sevenbit *s, const void *buf, size_t n, struct err *e)
{
	if (parts_put(s->parts, buf, n, e))
		return -1;
	return batch_flush(&s->batch, e);
}

int sevenbit_end(struct sevenbit *s, struct err *e)
{
	if (parts_end(s->parts, e))
		return -1;
	return batch_flush(&s->batch, e);
}

void sevenbit_free(struct sevenbit *s)
{
	if (!s)
		return;
	parts_free(s->parts);
	free(s);
}
