/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recipients ACCOUNT ADDRESS...: what would become of a letter to these.
 *
 *     cc -o recipients recipients.c $(pkg-config --cflags --libs letterlock)
 */
#include <stdio.h>
#include <string.h>

#include <letterlock.h>

enum { MS = 10000 };

/* Exit codes: it would be sealed, be readable, be refused; or it is not known. */
enum { SEALED, READABLE, REFUSED, UNKNOWN };

static int failed(const struct letterlock_error *e)
{
	fprintf(stderr, "recipients: %s (%s)\n", e->text, e->word);
	return UNKNOWN;
}

static void show_one(const struct letterlock_recipient *r)
{
	printf("%-10s %s", r->state, r->address);
	if (r->fpr)
		printf("  %s (%s)", r->fpr, r->trust ? r->trust : "?");
	if (r->words)
		printf("\n           %s", r->words);
	printf("\n");
}

static int show(const struct letterlock_recipients *all)
{
	for (size_t i = 0; i < all->n; i++)
		show_one(all->recipient[i]);
	printf("%s%s\n", all->outcome, all->is_signed ? ", signed" : "");
	if (all->words)
		printf("%s\n", all->words);
	if (strcmp(all->outcome, "sealed") == 0)
		return SEALED;
	return strcmp(all->outcome, "readable") == 0 ? READABLE : REFUSED;
}

int main(int argc, char **argv)
{
	struct letterlock_recipients *all;
	struct letterlock_error e;
	struct letterlock *l;
	int code;

	if (argc < 3) {
		fprintf(stderr, "usage: recipients ACCOUNT ADDRESS...\n");
		return UNKNOWN;
	}
	if (letterlock_connect(&l, NULL, MS, &e))
		return failed(&e);
	if (letterlock_recipients(l, argv[1], (const char *const *)argv + 2,
	                          LETTERLOCK_BY_POLICY, LETTERLOCK_BY_POLICY,
	                          &all, MS, &e)) {
		code = failed(&e);
	} else {
		code = show(all);
		letterlock_recipients_free(all);
	}
	letterlock_close(l);
	return code;
}
