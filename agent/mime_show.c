/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mime on the way in: which header block is shown, and the verdict on it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/mime_in.h"
#include "crypto/addr.h"
#include "crypto/protect.h"

/* ---- the verdict ---- */

/* Its Message-IDs, outside and inside: both may be answered. */
static void pack_ids(struct in *in, struct pack *p, const struct header *shown)
{
	const struct header *of[] = { &in->outer, shown };
	char id[IDS_MAX][ID_MAX + 1], *text;
	const struct field *f;
	uint32_t n = 0;
	const char *at;

	for (int i = 0; i < 2; i++) {
		f = header_get(of[i], "Message-ID", 0);
		at = text = f ? field_text(f) : NULL;
		while (at && n < IDS_MAX && mime_next_id(&at, id[n]))
			n++;
		free(text);
	}
	pack_u32(p, n);
	for (uint32_t i = 0; i < n; i++)
		pack_str(p, id[i]);
}

/* For in_finish(): what is told of it. */
static void keep_told(struct in *in, const struct header *shown,
                      const char *line)
{
	const struct field *f = header_get(shown, "Message-ID", 0);
	char *text = f ? field_text(f) : NULL;
	const char *at = text;
	size_t skip = strlen(VERDICT_NAME ":");

	snprintf(in->verdict, sizeof in->verdict, "%s",
	         strlen(line) > skip ? line + skip : "");
	if (!text || !mime_next_id(&at, in->id))
		in->id[0] = '\0';
	free(text);
}

/* Crypt's verdict on a header block as it will be shown. */
static int judge(struct in *in, const struct header *shown,
                 const struct addrs *from, const unsigned char *body,
                 char line[VERDICT_LINE_MAX])
{
	static const unsigned char none[VERDICT_DIGEST];
	unsigned char digest[VERDICT_DIGEST];
	struct unpack u;
	struct frame f;
	struct pack p;

	if (verdict_digest(shown, digest, NULL))
		return -1;
	memcpy(in->digest, digest, sizeof in->digest);
	memcpy(in->judged_body, body ? body : none, sizeof in->judged_body);
	pack_init(&p);
	pack_ids(in, &p, shown);
	pack_u32(&p, (uint32_t)from->n);
	for (size_t i = 0; i < from->n; i++)
		pack_str(&p, from->addr[i]);
	pack_mem(&p, digest, sizeof digest);
	pack_u32(&p, body != NULL);
	pack_mem(&p, body ? body : none, VERDICT_DIGEST);
	if (pack_send(&p, in->crypt, X_JUDGE, NULL)
	    || chan_expect(in->crypt, X_VERDICT, &f, NULL))
		return -1;
	unpack_init(&u, &f);
	unpack_str(&u, line, VERDICT_LINE_MAX);
	if (!unpack_end(&u) || !line[0])
		return -1;
	keep_told(in, shown, line);
	return 0;
}

/* An odd field may be another one to another reader. */
void in_from(const struct header *h, struct addrs *list)
{
	const struct field *f = header_get(h, "From", 0);
	char *text;

	memset(list, 0, sizeof *list);
	for (size_t i = 0; i < h->n; i++)
		if (h->field[i].odd)
			return;
	if (!f || header_count(h, "From") != 1 || !(text = field_text(f)))
		return;
	if (addrs_parse(list, text, NULL) || list->bad || list->group
	    || list->n != 1)
		addrs_free(list);
	free(text);
}

static int judge_by_from(struct in *in, const struct header *shown,
                         const unsigned char *body,
                         char line[VERDICT_LINE_MAX])
{
	struct addrs from;
	int rc;

	in_from(shown, &from);
	rc = judge(in, shown, &from, body, line);
	addrs_free(&from);
	return rc;
}

/* ---- on top ---- */

uint64_t in_raw_body(const struct in *in)
{
	return in->octets - in->head_len;
}

int in_put_top(struct in *in, const char *line, const void *shown, size_t n,
               uint64_t body)
{
	struct pack p;

	if (in->stored) {
		pack_init(&p);
		pack_u32(&p, true);
		pack_str(&p, line + sizeof VERDICT_NAME);
		pack_mem(&p, in->digest, sizeof in->digest);
		pack_mem(&p, in->judged_body, sizeof in->judged_body);
		pack_u32(&p, FORM_OTHER);
		pack_u64(&p, strlen(line) + n + body);
		if (pack_send(&p, in->front, M_CHECKED, NULL))
			return -1;
	}
	return sink_put(&in->to_front.sink, line, strlen(line), NULL)
	       || sink_put(&in->to_front.sink, shown, n, NULL) ? -1 : 0;
}

/* ---- as it came ---- */

int in_put_original(struct in *in, const unsigned char *body)
{
	char line[VERDICT_LINE_MAX];
	struct header shown = { 0 };
	struct membuf text;
	size_t at = 0;
	int rc = -1;

	membuf_init(&text, 2 * HEADER_MAX);
	for (size_t i = 0; i < in->outer.n; i++) {
		const struct field *f = &in->outer.field[i];

		at = (size_t)(f->raw - in->head.buf) + f->raw_len;
		if (!protect_lookalike(f)
		    && sink_put(&text.sink, f->raw, f->raw_len, NULL))
			goto out;
	}
	if (header_cut(&shown, text.buf ? text.buf : "", text.len, NULL)
	    || judge_by_from(in, &shown, body, line)
	    || (in->opaque && sink_put(&text.sink, "\r\n", 2, NULL))
	    || (at < in->head_len
	        && sink_put(&text.sink, in->head.buf + at, in->head_len - at,
	                    NULL)))
		goto out;
	rc = in_put_top(in, line, text.buf, text.len, in_raw_body(in));
out:
	header_free(&shown);
	membuf_free(&text);
	return rc;
}

/* ---- restored ---- */

static int judge_shown(struct in *in, const struct membuf *shown,
                       const unsigned char *body, char line[VERDICT_LINE_MAX])
{
	struct header h = { 0 };
	int rc = header_cut(&h, shown->buf, shown->len, NULL);

	if (rc == 0)
		rc = judge_by_from(in, &h, body, line);
	header_free(&h);
	return rc;
}

int in_restore(struct in *in, const struct header *inner,
               const struct header *content, const unsigned char *body,
               struct membuf *shown, char line[VERDICT_LINE_MAX])
{
	bool differs = protect_from_differs(&in->outer, inner);

	for (int with_inner = 1; with_inner >= 0; with_inner--) {
		membuf_free(shown);
		if (protect_restore_signed(&in->outer, inner, content,
		                           with_inner, shown, NULL)
		    || judge_shown(in, shown, body, line))
			return -1;
		if (!differs || strstr(line, "; signature=good;"))
			break;
	}
	return 0;
}

int in_restore_inline(struct in *in, const unsigned char *body,
                      struct membuf *shown, char line[VERDICT_LINE_MAX])
{
	return protect_restore_inline(&in->outer, shown, NULL)
	       || judge_shown(in, shown, body, line) ? -1 : 0;
}
