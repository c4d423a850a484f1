/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading and checking certificates of this installation. */
#include "agent/cert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

/* A key with a passphrase is none of ours, and nobody is asked for one. */
static int no_passphrase(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

int cert_read(const char *pem_secret, size_t len, struct cert_pair *server,
              X509 **authority, struct err *e)
{
	BIO *b = len <= CERT_PEM_MAX ? BIO_new_mem_buf(pem_secret, (int)len)
	                             : NULL;
	X509 *ca = NULL;
	int rc = -1;

	*server = (struct cert_pair){ 0 };
	if (b && (server->cert = PEM_read_bio_X509(b, NULL, no_passphrase, NULL))
	    && (ca = PEM_read_bio_X509(b, NULL, no_passphrase, NULL))
	    && (server->key = PEM_read_bio_PrivateKey(b, NULL, no_passphrase,
	                                              NULL))
	    && X509_check_private_key(server->cert, server->key) == 1)
		rc = 0;
	ERR_clear_error();
	BIO_free(b);
	if (rc)
		cert_pair_free(server);
	if (rc == 0 && authority)
		*authority = ca;
	else
		X509_free(ca);
	return rc ? err_set(e, gpg_error(GPG_ERR_BAD_CERT),
	                    "the certificate cannot be read") : 0;
}

/* ---- what stands in it ---- */

static int print_of(const X509 *x, char out[CERT_PRINT])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (X509_digest(x, EVP_sha256(), md, &n) != 1 || n != 32)
		return -1;
	for (unsigned i = 0; i < n; i++)
		snprintf(out + 3 * i, 4, "%02X%s", md[i], i + 1 < n ? ":" : "");
	return 0;
}

static int time_of(const ASN1_TIME *t, time_t *out)
{
	struct tm tm = { 0 };

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return -1;
	*out = timegm(&tm);
	return 0;
}

static int name_of(const GENERAL_NAME *g, char out[CERT_NAME_MAX + 1])
{
	int type, n;
	const ASN1_STRING *s = GENERAL_NAME_get0_value(g, &type);
	const unsigned char *p;

	if (type != GEN_DNS && type != GEN_IPADD)
		return -1;
	p = ASN1_STRING_get0_data(s);
	n = ASN1_STRING_length(s);
	if (type == GEN_IPADD)
		return (n == 4 || n == 16)
		       && inet_ntop(n == 4 ? AF_INET : AF_INET6, p, out,
		                    CERT_NAME_MAX) ? 0 : -1;
	if (n < 1 || n > CERT_NAME_MAX || memchr(p, '\0', (size_t)n))
		return -1;
	memcpy(out, p, (size_t)n);
	out[n] = '\0';
	return 0;
}

static int names_of(const X509 *x, struct cert_names *names)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL,
	                                      NULL);
	char name[CERT_NAME_MAX + 1];
	int rc = all ? 0 : -1;

	for (int i = 0; rc == 0 && i < sk_GENERAL_NAME_num(all); i++)
		if (name_of(sk_GENERAL_NAME_value(all, i), name)
		    || cert_names_add(names, name, NULL))
			rc = -1;
	GENERAL_NAMES_free(all);
	return rc;
}

int cert_look_at(X509 *server, X509 *ca, struct cert_look *look, struct err *e)
{
	bool ok;

	memset(look, 0, sizeof *look);
	ok = X509_check_issued(ca, server) == X509_V_OK
	     && X509_verify(server, X509_get0_pubkey(ca)) == 1
	     && X509_verify(ca, X509_get0_pubkey(ca)) == 1
	     && names_of(server, &look->names) == 0
	     && time_of(X509_get0_notBefore(server), &look->from) == 0
	     && time_of(X509_get0_notAfter(server), &look->until) == 0
	     && print_of(ca, look->authority) == 0
	     && print_of(server, look->server) == 0;
	ERR_clear_error();
	return ok ? 0 : err_set(e, gpg_error(GPG_ERR_BAD_CERT), "the parts of "
	                        "the certificate do not belong together");
}

int cert_look(const char *pem_secret, size_t len, struct cert_look *look,
              struct err *e)
{
	struct cert_pair server;
	X509 *ca = NULL;
	int rc;

	if (cert_read(pem_secret, len, &server, &ca, e))
		return -1;
	rc = cert_look_at(server.cert, ca, look, e);
	cert_pair_free(&server);
	X509_free(ca);
	return rc;
}

int cert_valid(const struct cert_look *look, time_t now, struct err *e)
{
	char day[32];
	bool early = now < look->from;
	struct tm tm;

	if (!early && now <= look->until)
		return 0;
	strftime(day, sizeof day, "%Y-%m-%d", gmtime_r(early ? &look->from
	         : &look->until, &tm));
	if (early)
		return err_set(e, gpg_error(GPG_ERR_CERT_TOO_YOUNG),
		               "the certificate begins on %s only (is the "
		               "clock right?)", day);
	return err_set(e, gpg_error(GPG_ERR_CERT_EXPIRED),
	               "the certificate ended on %s. Make a new one: "
	               "letterlock certificate renew", day);
}

int cert_authority(const char *pem_secret, size_t len, bool der, char **out,
                   size_t *out_len, struct err *e)
{
	struct cert_pair server;
	BIO *b = BIO_new(BIO_s_mem());
	X509 *ca = NULL;
	char *p;
	long n;
	int rc = -1;

	*out = NULL;
	if (cert_read(pem_secret, len, &server, &ca, e))
		goto out;
	if (b && (der ? i2d_X509_bio(b, ca) : PEM_write_bio_X509(b, ca)) == 1
	    && (n = BIO_get_mem_data(b, &p)) > 0
	    && (*out = malloc((size_t)n))) {
		memcpy(*out, p, (size_t)n);
		*out_len = (size_t)n;
		rc = 0;
	} else {
		err_set(e, gpg_error(GPG_ERR_ENOMEM), "no memory");
	}
out:
	cert_pair_free(&server);
	X509_free(ca);
	BIO_free(b);
	return rc;
}
