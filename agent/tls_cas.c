/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The system's CAs, each decoded only when a server's chain names it. */
#include "agent/tls_cas.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

struct ca {
	X509_NAME *subject;
	unsigned char *der;	/* NULL once decoded */
	long len;
	bool aux;		/* OpenSSL's own trust settings follow */
};

struct tls_cas {
	struct ca *ca;
	size_t n, room;
};

/* ---- reading ---- */

/* Step into (or, if over, past) one element of a definite length. */
static bool step(const unsigned char **at, const unsigned char *end,
                 int class, int tag, bool over)
{
	int got_class, got_tag;
	long len;
	int r = ASN1_get_object(at, &len, &got_tag, &got_class, end - *at);

	if (r & 0x81 || got_tag != tag || got_class != class)
		return false;
	if (over)
		*at += len;
	return true;
}

/* Certificate and TBSCertificate of RFC 5280 section 4.1, up to subject. */
static X509_NAME *walk(const unsigned char *at, long len)
{
	const unsigned char *end = at + len;
	const int before[] = { V_ASN1_INTEGER, V_ASN1_SEQUENCE,
	                       V_ASN1_SEQUENCE, V_ASN1_SEQUENCE };
	const int u = V_ASN1_UNIVERSAL;

	if (!step(&at, end, u, V_ASN1_SEQUENCE, false) ||
	    !step(&at, end, u, V_ASN1_SEQUENCE, false))
		return NULL;
	if (at < end && *at == 0xa0 &&
	    !step(&at, end, V_ASN1_CONTEXT_SPECIFIC, 0, true))
		return NULL;
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (!step(&at, end, u, before[i], true))
			return NULL;
	return d2i_X509_NAME(NULL, &at, end - at);
}

static X509 *decode(const struct ca *a)
{
	const unsigned char *at = a->der;

	return a->aux ? d2i_X509_AUX(NULL, &at, a->len)
	              : d2i_X509(NULL, &at, a->len);
}

/* The slow way to the subject, for what is not plain DER. */
static X509_NAME *ask(const struct ca *a)
{
	X509 *x = decode(a);
	X509_NAME *name = x ? X509_NAME_dup(X509_get_subject_name(x)) : NULL;

	X509_free(x);
	return name;
}

/* a's data is c's now, or freed; -1: no memory. */
static int keep(struct tls_cas *c, struct ca *a)
{
	size_t room = c->room ? 2 * c->room : 256;
	struct ca *more;

	if (!(a->subject = walk(a->der, a->len)) && !(a->subject = ask(a))) {
		OPENSSL_free(a->der);
		return 0;
	}
	if (c->n == c->room) {
		more = reallocarray(c->ca, room, sizeof *more);
		if (!more) {
			X509_NAME_free(a->subject);
			OPENSSL_free(a->der);
			return -1;
		}
		c->ca = more;
		c->room = room;
	}
	c->ca[c->n++] = *a;
	return 0;
}

/* The labels, and what they mean, of PEM_X509_INFO_read_bio(). */
static int keep_block(struct tls_cas *c, struct ca *a, const char *label,
                      const char *header)
{
	a->aux = strcmp(label, PEM_STRING_X509_TRUSTED) == 0;
	if (*header == '\0' && (a->aux || strcmp(label, PEM_STRING_X509) == 0 ||
	                        strcmp(label, PEM_STRING_X509_OLD) == 0))
		return keep(c, a);
	OPENSSL_free(a->der);
	return 0;
}

static int read_all(struct tls_cas *c, BIO *b)
{
	char *label, *header;
	unsigned long why;
	int rc = 0;

	while (rc == 0) {
		struct ca a = { 0 };

		ERR_clear_error();
		if (PEM_read_bio(b, &label, &header, &a.der, &a.len) == 1) {
			rc = keep_block(c, &a, label, header);
			OPENSSL_free(label);
			OPENSSL_free(header);
			continue;
		}
		why = ERR_peek_last_error();
		if (ERR_GET_LIB(why) == ERR_LIB_PEM &&
		    ERR_GET_REASON(why) == PEM_R_NO_START_LINE)
			break;
		if (ERR_GET_REASON(why) == ERR_R_MALLOC_FAILURE)
			rc = -1;
	}
	ERR_clear_error();
	return rc;
}

struct tls_cas *tls_cas_read(const char *file)
{
	struct tls_cas *c = calloc(1, sizeof *c);
	BIO *b = BIO_new_file(file, "r");

	if (!c || !b || read_all(c, b) || c->n == 0) {
		tls_cas_free(c);
		c = NULL;
	}
	BIO_free(b);
	return c;
}

void tls_cas_free(struct tls_cas *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++) {
		X509_NAME_free(c->ca[i].subject);
		OPENSSL_free(c->ca[i].der);
	}
	free(c->ca);
	free(c);
}

/* ---- supplying ---- */

/* All of this name into store, and to the end of todo. */
static int supply(struct tls_cas *c, const X509_NAME *name, X509_STORE *store,
                  STACK_OF(X509) *todo)
{
	for (size_t i = 0; i < c->n; i++) {
		struct ca *a = &c->ca[i];
		X509 *x;

		if (!a->der || X509_NAME_cmp(a->subject, name) != 0)
			continue;
		x = decode(a);
		OPENSSL_free(a->der);
		a->der = NULL;
		if (!x)
			continue;
		if (X509_STORE_add_cert(store, x) != 1 ||
		    sk_X509_push(todo, x) <= 0) {
			X509_free(x);
			return -1;
		}
	}
	return 0;
}

int tls_cas_supply(struct tls_cas *c, X509_STORE *store,
                   STACK_OF(X509) *certs)
{
	STACK_OF(X509) *todo = X509_chain_up_ref(certs);
	int rc = todo ? 0 : -1;

	ERR_set_mark();
	for (int i = 0; rc == 0 && i < sk_X509_num(todo); i++) {
		const X509 *x = sk_X509_value(todo, i);

		rc = supply(c, X509_get_subject_name(x), store, todo);
		if (rc == 0)
			rc = supply(c, X509_get_issuer_name(x), store, todo);
	}
	ERR_pop_to_mark();
	sk_X509_pop_free(todo, X509_free);
	return rc;
}

const X509_NAME *tls_cas_subject(const struct tls_cas *c, size_t i,
                                 int *decoded)
{
	if (i >= c->n)
		return NULL;
	*decoded = !c->ca[i].der;
	return c->ca[i].subject;
}
