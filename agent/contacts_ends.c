/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is remembered of contacts: when their keys end. */
#include "agent/contacts_private.h"

int contacts_lasts(struct contacts *c, const char *fpr, int64_t at,
                   struct err *e)
{
	enum contacts_query q = at ? Q_LASTS : Q_NEVER;

	if (!fpr_ok(fpr))
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA), "no fingerprint");
	contacts_bind(c->query[q], 1, fpr);
	if (at)
		sqlite3_bind_int64(c->query[q], 2, at);
	return contacts_run(c, c->query[q], e);
}

int contacts_ending(struct contacts *c, int64_t since, int64_t from, int64_t to,
                    struct contact_end *list, size_t max, size_t *n,
                    struct err *e)
{
	sqlite3_stmt *s = c->query[Q_ENDING];
	int got, rc = 0;

	*n = 0;
	sqlite3_bind_int64(s, 1, since);
	sqlite3_bind_int64(s, 2, from);
	sqlite3_bind_int64(s, 3, to);
	sqlite3_bind_int64(s, 4, (int64_t)max);
	while ((got = sqlite3_step(s)) == SQLITE_ROW && rc == 0) {
		struct contact_end *x = &list[*n];

		if (contacts_column(s, 0, x->addr, sizeof x->addr)
		    || contacts_column_fpr(s, 1, x->fpr, false))
			rc = contacts_damaged(e);
		x->at = sqlite3_column_int64(s, 2);
		++*n;
	}
	if (rc == 0 && got != SQLITE_DONE)
		rc = contacts_failed(c, e);
	contacts_reset(s);
	return rc;
}
