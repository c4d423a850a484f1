/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints how crypto/parts.c sees letters, for comparison with other parsers. */
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/parts.h"
#include "crypto/sink.h"

enum { FILE_MAX = 64 << 20 };

struct dump {
	struct parts_to to;	/* first */
	const char *letter;
	size_t at, from, to_;	/* of the leaf's body */
};

static int on_piece(struct parts_to *to, struct part *p, enum parts_piece what,
                    const char *buf, size_t n, struct err *e)
{
	struct dump *d = (struct dump *)to;

	(void)buf;
	(void)e;
	if (what == PIECE_BODY && !p->user) {
		p->user = d;
		d->from = d->at;
	}
	d->at += n;
	if (what == PIECE_BODY)
		d->to_ = d->at;
	return 0;
}

/* "DEPTH KIND TYPE FROM TO SHA256", of a leaf's body in the letter. */
static int on_end(struct parts_to *to, struct part *p, struct err *e)
{
	static const char *const kinds[] = { "leaf", "multi", "message" };
	struct dump *d = (struct dump *)to;
	unsigned char hash[SHA256_DIGEST_LENGTH];
	char *type = part_type(p);

	(void)e;
	if (!p->user)
		d->from = d->to_ = d->at;
	printf("%u %s %s", p->depth, p->opaque ? "opaque" : kinds[p->kind],
	       type ? type : "");
	free(type);
	if (p->kind == PART_LEAF) {
		printf(" %zu %zu ", d->from, d->to_);
		SHA256((const unsigned char *)d->letter + d->from,
		       d->to_ - d->from, hash);
		for (size_t i = 0; i < sizeof hash; i++)
			printf("%02x", hash[i]);
	}
	printf("\n");
	return 0;
}

static int dump(const char *letter, size_t len)
{
	struct dump d = { { on_piece, on_end }, letter, 0, 0, 0 };
	struct parts *p = NULL;
	struct header h;
	size_t from = 0, n, k;
	int rc = -1;

	n = header_span(letter, len, &from);
	d.at = n ? n : len;
	if (header_cut(&h, letter, d.at, NULL))
		goto out;
	p = parts_new(&h, PARTS_DEPTH_MAX, true, &d.to, NULL);
	if (!p)
		goto out;
	/* in pieces of 1, 2, 3 ... octets */
	n = d.at;
	for (size_t i = 1; n < len; n += k, i++) {
		k = i < len - n ? i : len - n;
		if (parts_put(p, letter + n, k, NULL))
			goto out;
	}
	rc = parts_end(p, NULL);
	printf("odd %d\n", parts_odd(p));
out:
	parts_free(p);
	header_free(&h);
	return rc;
}

static int dump_file(const char *name)
{
	char *letter = malloc(FILE_MAX);
	FILE *f = fopen(name, "rb");
	int rc = -1;

	if (f && letter) {
		printf("= %s\n", name);
		rc = dump(letter, fread(letter, 1, FILE_MAX, f));
	}
	if (f)
		fclose(f);
	free(letter);
	return rc;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (dump_file(argv[i]))
			return 1;
	return 0;
}
