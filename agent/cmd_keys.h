/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of letterlock keys share. */
#ifndef AGENT_CMD_KEYS_H
#define AGENT_CMD_KEYS_H

#include <stdbool.h>

#include "agent/ask.h"

enum { KEYS_SECONDS = 60, KEYS_FPR = 40, KEYS_DAY_MAX = 32 };

struct keys_job {
	struct ask ask;		/* its code: which exit status an error has */
	const char *config;	/* or NULL */
	bool json, compared, yes;
	unsigned years;
	unsigned n;		/* words behind the verb */
	char **word;
};

/* The verbs: 0; 1: done, but the answer is no, as was printed; -1 with e filled. */
int keys_list(struct keys_job *j, struct err *e);
int keys_show(struct keys_job *j, struct err *e);
int keys_find(struct keys_job *j, struct err *e);
int keys_accept(struct keys_job *j, struct err *e);
int keys_reject(struct keys_job *j, struct err *e);
int keys_verify(struct keys_job *j, struct err *e);
int keys_import(struct keys_job *j, struct err *e);
int keys_export(struct keys_job *j, struct err *e);
int keys_extend(struct keys_job *j, struct err *e);

/* ---- what they need ---- */

/* -1: what the user gave is not to be used (GPG_ERR_INV_VALUE) ... */
int keys_refuse(struct keys_job *j, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const char *keys_text(json_t *j, const char *name);
bool keys_is(json_t *key, const char *what);
/* The day of a time, or NULL for none. */
const char *keys_day(json_t *j, const char *name, char day[KEYS_DAY_MAX]);
/* In groups of four, as they are read out. */
void keys_print_fpr(const char *fpr);
/* What the user writes: blanks and small letters are fine.  False: it is none. */
bool keys_take_fpr(const char *given, char fpr[KEYS_FPR + 1]);

/* Calls.  Each is a new reference, or NULL with e filled. */
json_t *keys_of(struct keys_job *j, const char *what, const char *addr,
                struct err *e);	/* what: "address", "account" */
json_t *keys_accounts(struct keys_job *j, struct err *e);	/* addresses */
/* What recipients says of this one address, sent to from the first account, once a
 * key was looked for. */
json_t *keys_recipient(struct keys_job *j, const char *addr, struct err *e);
/* The usable key of an account: 0, or -1: there is none, or several. */
int keys_own(struct keys_job *j, const char *account, char fpr[KEYS_FPR + 1],
             struct err *e);

#endif
