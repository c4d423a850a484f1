/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Prints how libetpan's MIME parser sees letters, for comparison with ours. */
#include <libetpan/mailmime.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 64 << 20 };

/* "DEPTH KIND FROM TO SHA256", of a leaf's body in the letter. */
static void dump(struct mailmime *m, unsigned depth, const char *letter)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	const struct mailmime_data *d = m->mm_body;
	clistiter *c;

	if (m->mm_type == MAILMIME_MULTIPLE) {
		for (c = clist_begin(m->mm_data.mm_multipart.mm_mp_list); c;
		     c = clist_next(c))
			dump(clist_content(c), depth + 1, letter);
		printf("%u multi\n", depth);
	} else if (m->mm_type == MAILMIME_MESSAGE) {
		if (m->mm_data.mm_message.mm_msg_mime)
			dump(m->mm_data.mm_message.mm_msg_mime, depth + 1,
			     letter);
		printf("%u message\n", depth);
	} else if (d && d->dt_type == MAILMIME_DATA_TEXT) {
		printf("%u leaf %zu %zu ", depth,
		       (size_t)(d->dt_data.dt_text.dt_data - letter),
		       (size_t)(d->dt_data.dt_text.dt_data - letter)
		       + d->dt_data.dt_text.dt_length);
		SHA256((const unsigned char *)d->dt_data.dt_text.dt_data,
		       d->dt_data.dt_text.dt_length, hash);
		for (size_t i = 0; i < sizeof hash; i++)
			printf("%02x", hash[i]);
		printf("\n");
	} else {
		printf("%u leaf\n", depth);
	}
}

static int dump_file(const char *name)
{
	char *letter = malloc(FILE_MAX);
	FILE *f = fopen(name, "rb");
	struct mailmime *m = NULL;
	size_t at = 0, n;
	int rc = -1;

	if (f && letter) {
		n = fread(letter, 1, FILE_MAX, f);
		printf("= %s\n", name);
		rc = mailmime_parse(letter, n, &at, &m) == MAILIMF_NO_ERROR
		     ? 0 : -1;
	}
	if (rc == 0) {
		/* its own root stands around the letter */
		dump(m->mm_type == MAILMIME_MESSAGE
		     ? m->mm_data.mm_message.mm_msg_mime : m, 0, letter);
		mailmime_free(m);
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
