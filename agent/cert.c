/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Making certificates of this installation. */
#include "agent/cert.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "crypto/sink.h"

enum {
	SERIAL_OCTETS = 16,
	LABEL_MAX = 63,
	BACK_SECONDS = 24 * 3600	/* a clock may be set back a little */
};

/* ---- names ---- */

static const char *const always[] = { "localhost", "127.0.0.1", "::1" };
enum { ALWAYS = sizeof always / sizeof always[0] };

static int family(const char *name)
{
	unsigned char ip[16];

	return inet_pton(AF_INET, name, ip) == 1 ? AF_INET
	       : inet_pton(AF_INET6, name, ip) == 1 ? AF_INET6 : 0;
}

/* Labels of letters, digits and hyphens (RFC 1123), the last one no number. */
static bool is_host(const char *p)
{
	size_t n = 0;
	bool letter = false;

	if (strlen(p) > CERT_NAME_MAX)
		return false;
	for (; *p; p++) {
		if (*p == '.') {
			if (n == 0 || p[-1] == '-')
				return false;
			n = 0;
			letter = false;
			continue;
		}
		if (!isascii((unsigned char)*p) ||
		    (!isalnum((unsigned char)*p) && (*p != '-' || n == 0)) ||
		    ++n > LABEL_MAX)
			return false;
		letter |= isalpha((unsigned char)*p) != 0;
	}
	return n > 0 && letter && p[-1] != '-';
}

/* In one spelling: lower case, addresses as inet_ntop() has them. */
static int spell(const char *name, char out[CERT_NAME_MAX + 1])
{
	unsigned char ip[16];
	int af = family(name);

	if (af) {
		inet_pton(af, name, ip);
		return inet_ntop(af, ip, out, CERT_NAME_MAX) ? 0 : -1;
	}
	if (!is_host(name))
		return -1;
	for (size_t i = 0; i <= strlen(name); i++)
		out[i] = (char)tolower((unsigned char)name[i]);
	return 0;
}

bool cert_names_have(const struct cert_names *names, const char *name)
{
	char one[CERT_NAME_MAX + 1];

	if (spell(name, one))
		return false;
	for (unsigned i = 0; i < ALWAYS; i++)
		if (strcmp(always[i], one) == 0)
			return true;
	for (unsigned i = 0; i < names->n; i++)
		if (strcmp(names->name[i], one) == 0)
			return true;
	return false;
}

int cert_names_add(struct cert_names *names, const char *name, struct err *e)
{
	char one[CERT_NAME_MAX + 1] = "";

	if (spell(name, one))
		return err_set(e, gpg_error(GPG_ERR_INV_VALUE),
		               "%.100s: a host name or an IP address is wanted",
		               name);
	if (cert_names_have(names, one))
		return 0;
	if (names->n == CERT_NAMES_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_MANY),
		               "at most %d names are possible", CERT_NAMES_MAX);
	memcpy(names->name[names->n++], one, sizeof one);
	return 0;
}

/* ---- making ---- */

static int failed(struct err *e)
{
	return err_set(e, gpg_error(GPG_ERR_GENERAL),
	               "the certificate could not be made");
}

void cert_pair_free(struct cert_pair *p)
{
	X509_free(p->cert);
	EVP_PKEY_free(p->key);
	*p = (struct cert_pair){ 0 };
}

/* The names never hold a comma: see is_host(). */
static int name_list(struct membuf *m, const struct cert_names *names,
                     bool constraint)
{
	const char *between = constraint ? "critical," : "";

	for (unsigned i = 0; i < ALWAYS + names->n; i++) {
		const char *name = i < ALWAYS ? always[i]
		                   : names->name[i - ALWAYS];
		int af = family(name);
		const char *mask = !constraint || !af ? ""
			: af == AF_INET ? "/255.255.255.255"
			: "/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";

		if (membuf_printf(m, NULL, "%s%s%s:%s%s", between,
		                  constraint ? "permitted;" : "",
		                  af ? "IP" : "DNS", name, mask))
			return -1;
		between = ",";
	}
	return sink_put(&m->sink, "", 1, NULL);
}

static int extend(X509 *x, X509 *by, int nid, const char *value)
{
	X509_EXTENSION *ext;
	X509V3_CTX ctx;
	int ok;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, by, x, NULL, NULL, 0);
	if (!(ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)))
		return -1;
	ok = X509_add_ext(x, ext, -1);
	X509_EXTENSION_free(ext);
	return ok ? 0 : -1;
}

static int extend_names(X509 *x, X509 *by, int nid,
                        const struct cert_names *names)
{
	struct membuf list;
	int rc = -1;

	membuf_init(&list, CERT_PEM_MAX);
	if (name_list(&list, names, nid == NID_name_constraints) == 0)
		rc = extend(x, by, nid, list.buf);
	membuf_free(&list);
	return rc;
}

/* No two installations, and no two of one, have the same subject. */
static int set_subject(X509 *x, const char *what, const unsigned char *serial)
{
	X509_NAME *n = X509_get_subject_name(x);
	char text[64];

	if (serial)
		snprintf(text, sizeof text, "%s %02x%02x%02x%02x", what,
		         serial[1], serial[2], serial[3], serial[4]);
	else
		snprintf(text, sizeof text, "%s", what);
	return X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC,
	       (const unsigned char *)text, -1, -1, 0) ? 0 : -1;
}

/* A new key and all of its certificate but the extensions and signature. */
static int blank(struct cert_pair *p, const char *subject, bool numbered)
{
	unsigned char serial[SERIAL_OCTETS];
	ASN1_INTEGER *number;
	BIGNUM *bn;
	bool ok;

	if (!(p->key = EVP_EC_gen("P-256")) || !(p->cert = X509_new()) ||
	    RAND_bytes(serial, sizeof serial) != 1)
		return -1;
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
	bn = BN_bin2bn(serial, sizeof serial, NULL);
	number = X509_get_serialNumber(p->cert);
	ok = bn && BN_to_ASN1_INTEGER(bn, number);
	BN_free(bn);
	return ok && X509_set_version(p->cert, X509_VERSION_3) &&
	       X509_gmtime_adj(X509_getm_notBefore(p->cert), -BACK_SECONDS) &&
	       X509_time_adj_ex(X509_getm_notAfter(p->cert), CERT_DAYS, 0,
	                        NULL) &&
	       X509_set_pubkey(p->cert, p->key) &&
	       set_subject(p->cert, subject, numbered ? serial : NULL) == 0
	       ? 0 : -1;
}

static int sign(X509 *x, const struct cert_pair *by)
{
	return X509_sign(x, by->key, EVP_sha256()) > 0 ? 0 : -1;
}

int cert_new_authority(struct cert_pair *out, const struct cert_names *names,
                       struct err *e)
{
	X509 *x;

	*out = (struct cert_pair){ 0 };
	if (blank(out, "Letterlock on this computer", true))
		goto bad;
	x = out->cert;
	if (!X509_set_issuer_name(x, X509_get_subject_name(x)) ||
	    extend(x, x, NID_subject_key_identifier, "hash") ||
	    extend(x, x, NID_authority_key_identifier, "keyid:always") ||
	    extend(x, x, NID_basic_constraints,
	           "critical,CA:TRUE,pathlen:0") ||
	    extend(x, x, NID_key_usage, "critical,keyCertSign") ||
	    extend(x, x, NID_ext_key_usage, "serverAuth") ||
	    extend_names(x, x, NID_name_constraints, names) ||
	    sign(x, out))
		goto bad;
	return 0;
bad:
	cert_pair_free(out);
	return failed(e);
}

int cert_new_server(struct cert_pair *out, const struct cert_pair *by,
                    const struct cert_names *names, struct err *e)
{
	X509 *x;

	*out = (struct cert_pair){ 0 };
	if (blank(out, "Letterlock", false))
		goto bad;
	x = out->cert;
	if (!X509_set_issuer_name(x, X509_get_subject_name(by->cert)) ||
	    extend(x, by->cert, NID_subject_key_identifier, "hash") ||
	    extend(x, by->cert, NID_authority_key_identifier,
	           "keyid:always") ||
	    extend(x, by->cert, NID_basic_constraints, "critical,CA:FALSE") ||
	    extend(x, by->cert, NID_key_usage, "critical,digitalSignature") ||
	    extend(x, by->cert, NID_ext_key_usage, "serverAuth") ||
	    extend_names(x, by->cert, NID_subject_alt_name, names) ||
	    sign(x, by))
		goto bad;
	return 0;
bad:
	cert_pair_free(out);
	return failed(e);
}

/* The server's certificate, its authority's, and the server's key. */
static int write_all(const struct cert_pair *server, X509 *authority,
                     char **pem_secret, size_t *len)
{
	BIO *b = BIO_new(BIO_s_secmem());
	char *p;
	long n;
	int rc = -1;

	if (!b || PEM_write_bio_X509(b, server->cert) != 1 ||
	    PEM_write_bio_X509(b, authority) != 1 ||
	    PEM_write_bio_PKCS8PrivateKey(b, server->key, NULL, NULL, 0, NULL,
	                                  NULL) != 1)
		goto out;
	n = BIO_get_mem_data(b, &p);
	if (n <= 0 || n > CERT_PEM_MAX || !(*pem_secret = malloc((size_t)n + 1)))
		goto out;
	memcpy(*pem_secret, p, (size_t)n);
	(*pem_secret)[n] = '\0';
	*len = (size_t)n;
	rc = 0;
out:
	BIO_free(b);
	return rc;
}

int cert_make(const struct cert_names *names, char **pem_secret, size_t *len,
              struct err *e)
{
	struct cert_pair ca = { 0 }, server = { 0 };
	int rc = -1;

	*pem_secret = NULL;
	if (cert_new_authority(&ca, names, e))
		goto out;
	if (cert_new_server(&server, &ca, names, e))
		goto out;
	/* from here on nobody can sign by this authority */
	EVP_PKEY_free(ca.key);
	ca.key = NULL;
	rc = write_all(&server, ca.cert, pem_secret, len);
	if (rc)
		failed(e);
out:
	cert_pair_free(&server);
	cert_pair_free(&ca);
	return rc;
}

void cert_free(char *pem_secret, size_t len)
{
	if (pem_secret)
		explicit_bzero(pem_secret, len);
	free(pem_secret);
}
