/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The rule of identity (RFC 9787): a signature is good only by a key of the
 * one who says the letter is from them. */
#include <string.h>

#include "crypto/engine.h"

static bool has(const struct addrs *uids, const char *addr)
{
	for (size_t i = 0; i < uids->n; i++)
		if (addr_same(uids->addr[i], addr))
			return true;
	return false;
}

/* The one mailbox of From if it is an address of a signing key, which is fpr. */
static const char *signer(const struct opened *o, const struct addrs *from,
                          const char **fpr)
{
	*fpr = o->fpr;
	if (from->n != 1 || from->group || from->bad)
		return NULL;
	if (has(&o->uids, from->addr[0]))
		return from->addr[0];
	for (unsigned i = 0; i < o->n_also; i++)
		if (has(&o->also[i].uids, from->addr[0])) {
			*fpr = o->also[i].fpr;
			return from->addr[0];
		}
	return NULL;
}

/* Can it stand in a verdict?  What can't is nobody's, rather than no letter. */
static bool can_stand(const char *addr)
{
	for (const char *p = addr; *p; p++)
		if (*p <= 0x20 || *p >= 0x7f || *p == ';')
			return false;
	return addr_ok(addr);
}

bool fpr_ok(const char *fpr)
{
	return strlen(fpr) == 40 && strspn(fpr, "0123456789ABCDEF") == 40;
}

enum judged judgement_of(const struct judgement *j, const char *fpr)
{
	for (unsigned i = 0; j && i < j->n; i++)
		if (strcmp(j->key[i].fpr, fpr) == 0)
			return j->key[i].is;
	return JUDGED_NOT;
}

static bool rejected(const struct judgement *j, const char *fpr)
{
	return judgement_of(j, fpr) == JUDGED_REJECTED;
}

/* The next one that is as good takes the place of the first. */
static void promote(struct opened *o)
{
	addrs_free(&o->uids);
	memcpy(o->fpr, o->also[0].fpr, sizeof o->fpr);
	o->uids = o->also[0].uids;
	o->n_also--;
	memmove(&o->also[0], &o->also[1], o->n_also * sizeof o->also[0]);
	memset(&o->also[o->n_also], 0, sizeof o->also[0]);
}

static void drop_rejected(struct opened *o, const struct judgement *j)
{
	unsigned n = 0;

	for (unsigned i = 0; i < o->n_also; i++) {
		struct opened_signer one = o->also[i];

		memset(&o->also[i], 0, sizeof one);
		if (rejected(j, one.fpr))
			addrs_free(&one.uids);
		else
			o->also[n++] = one;
	}
	o->n_also = n;
	if (!rejected(j, o->fpr))
		return;
	if (o->n_also) {
		promote(o);
		return;
	}
	o->signature = SIG_UNTRUSTED;
	o->trust = TRUST_NONE;
}

void opened_accept(struct opened *o, const struct judgement *j)
{
	if (o->signature == SIG_GOOD)
		drop_rejected(o, j);
	if (o->signature != SIG_UNTRUSTED)
		return;
	switch (judgement_of(j, o->fpr)) {
	case JUDGED_VERIFIED: o->trust = TRUST_VERIFIED; break;
	case JUDGED_ACCEPTED: o->trust = TRUST_SEEN; break;
	case JUDGED_NOT: case JUDGED_REJECTED: o->trust = TRUST_NONE; break;
	}
}

void opened_judge(const struct opened *o, const struct addrs *from,
                  struct verdict *v)
{
	const char *fpr, *addr = signer(o, from, &fpr);
	char a_label[ADDR_MAX + 1];

	v->signature = SIG_NONE;
	v->trust = TRUST_NONE;
	v->signer[0] = v->fpr[0] = '\0';
	if (o->encryption == ENC_FAILED)
		return;		/* nothing of a failed opening is used */
	v->signature = o->signature;
	memcpy(v->fpr, fpr, sizeof v->fpr);
	if (o->signature != SIG_GOOD && o->signature != SIG_UNTRUSTED)
		return;
	if (addr && addr_to_ascii(addr, a_label))
		addr = a_label;
	if (!addr || strlen(addr) >= sizeof v->signer || !can_stand(addr)) {
		v->signature = SIG_MISMATCH;
		return;
	}
	memcpy(v->signer, addr, strlen(addr) + 1);
	v->trust = o->trust;
	v->signature = o->trust == TRUST_NONE ? SIG_UNTRUSTED : SIG_GOOD;
}
