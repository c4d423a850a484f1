/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A public key as text, for a plug-in. */
#include <stdlib.h>
#include <string.h>

#include "agent/plugin.h"
#include "crypto/engine.h"

enum { WORDS_MAX = 1000 };

static int take(struct frame *f, char **armor, struct fault *fault)
{
	char words[WORDS_MAX];
	struct unpack u;

	unpack_init(&u, f);
	if (f->type == C_EXPORTED && (*armor = malloc(KEY_ARMOR_MAX + 1))) {
		unpack_str(&u, *armor, KEY_ARMOR_MAX + 1);
		if (unpack_end(&u))
			return 0;
		free(*armor);
		*armor = NULL;
	}
	if (f->type == C_DONE && unpack_u32(&u) == DONE_REFUSED) {
		fault_set(fault, "no-key", "There is no such key");
	} else if (f->type == C_DONE) {
		unpack_str(&u, words, sizeof words);
		fault_set(fault, "failed", "The key could not be read: %s",
		          words);
	} else {
		fault_set(fault, "failed", "The key could not be read. Try "
		          "again");
	}
	return -1;
}

static int ask(struct plugin *p, uint32_t account, const char *fpr,
               char **armor, struct fault *fault)
{
	struct chan *crypt = plugin_kept_crypt(p);
	struct pack q;
	struct frame f;

	*armor = NULL;
	pack_init(&q);
	pack_u32(&q, account);
	pack_str(&q, fpr);
	if (crypt && pack_send(&q, crypt, C_EXPORT, NULL) == 0
	    && plugin_wait_for(p, crypt, plugin_patience(p)) == 0
	    && chan_recv(crypt, &f, NULL) == 0)
		return take(&f, armor, fault);
	if (crypt)
		chan_close(crypt);
	fault_set(fault, "failed", "The key could not be read. Try again");
	return -1;
}

int plugin_export(struct plugin *p, const char *fpr, char **armor,
                  struct fault *f)
{
	if (*fpr)
		return ask(p, 0, fpr, armor, f);
	fault_set(f, "no-key", "There is no such key");
	return -1;
}

int plugin_export_own(struct plugin *p, const struct account *a, char **armor,
                      struct fault *f)
{
	if (ask(p, (uint32_t)(a - p->conf->account), "", armor, f) == 0)
		return 0;
	if (strcmp(f->code, "no-key") == 0)
		fault_set(f, "no-key", "There is no usable key of your own for "
		          "%s on this computer", a->address);
	return -1;
}
