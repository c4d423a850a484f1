/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Mail addresses: the addr-specs of an address list (RFC 5322 section 3.4,
 * RFC 6532), and comparing them. */
#ifndef CRYPTO_ADDR_H
#define CRYPTO_ADDR_H

#include <stdbool.h>
#include <stddef.h>

#include "crypto/err.h"

enum {
	ADDR_MAX = 320,		/* octets of one addr-spec: 64 + @ + 255 */
	ADDRS_MAX = 2000	/* addresses in one letter */
};

struct addrs {
	char **addr;	/* as written, comments and blanks dropped, not folded in case */
	size_t n;
	bool group;	/* a group (RFC 5322 section 3.4) was among them */
	bool bad;	/* something could not be understood */
};

/* Add the addr-specs of the address list in text (an unfolded field value) to
 * list.  Display names, comments, quoted strings, routes, groups and encoded
 * words are understood; what can't be parsed sets list->bad and is skipped to
 * the next comma.  Errors: GPG_ERR_TOO_LARGE (more than ADDRS_MAX), no memory. */
int addrs_parse(struct addrs *list, const char *text, struct err *e);
int addrs_add(struct addrs *list, const char *addr, struct err *e);
void addrs_free(struct addrs *list);
bool addrs_have(const struct addrs *list, const char *addr);

/* Is addr one plain local@domain: exactly one @ outside quotes, no blank, no
 * control, no angle bracket, at most ADDR_MAX octets?  (What may be put
 * between < and > of an SMTP command.) */
bool addr_ok(const char *addr);
/* The address with its domain in A-labels, or in U-labels where it has such (RFC
 * 5890): out.  False: it can't be, or it gets too long; out is then undefined. */
bool addr_to_ascii(const char *addr, char out[ADDR_MAX + 1]);
bool addr_to_utf8(const char *addr, char out[ADDR_MAX + 1]);
/* The same mailbox: both parts compared without case (ASCII), the domain's
 * U-labels as A-labels, its trailing dot ignored. */
bool addr_same(const char *a, const char *b);
/* Does addr match pattern: an address, "*@domain", or "@domain"? */
bool addr_match(const char *pattern, const char *addr);
/* Lower-case copy (ASCII) with A-labels, without the domain's trailing dot, for
 * use as a look-up key: the same for what is addr_same(); malloced. */
char *addr_fold(const char *addr);
/* The one addr-spec of an OpenPGP user ID: "Name <a@b>" or "a@b"; two angle
 * addresses, or none, give false. out has ADDR_MAX + 1 octets. */
bool addr_of_uid(const char *uid, char *out);

#endif
