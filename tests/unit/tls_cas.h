/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates made for units, and what is said of a server that has them. */
#ifndef TESTS_TLS_CAS_H
#define TESTS_TLS_CAS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "agent/stream.h"
#include "agent/tls.h"
#include "agent/tls_cas.h"
#include "agent/tls_words.h"

#define SYSTEM "/etc/ssl/certs/ca-certificates.crt"
#define HOST "mail.example.test"

enum { OTHERS = 140 };

static char bundle[] = "/tmp/test_tls_cas.XXXXXX";
static char account[] = "/tmp/test_tls_cas.XXXXXX";

/* ---- making certificates ---- */

struct who {
	X509 *cert;
	EVP_PKEY *key;
};

enum kind { AUTHORITY, SERVER, CLIENT, OLD_SERVER, OLD_AUTHORITY };

static inline void add(X509_NAME *n, const char *field, const char *text, int type)
{
	size_t width = type == V_ASN1_BMPSTRING ? 2
	               : type == V_ASN1_UNIVERSALSTRING ? 4 : 1;
	unsigned char wide[400] = { 0 };
	size_t len = strlen(text);

	assert_true(len * width <= sizeof wide);
	for (size_t i = 0; i < len; i++)
		wide[(i + 1) * width - 1] = (unsigned char)text[i];
	assert_int_equal(X509_NAME_add_entry_by_txt(n, field, type, wide,
		(int)(len * width), -1, 0), 1);
}

static inline X509_NAME *name(const char *cn, int type)
{
	X509_NAME *n = X509_NAME_new();

	add(n, "O", "Letterlock", type);
	add(n, "CN", cn, type);
	return n;
}

static inline void extend(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(ext);
	assert_int_equal(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
}

/* For key, or a new one; by is NULL for a self-signed one.  No key identifiers:
 * only the names say what leads to what. */
static inline struct who make(enum kind kind, const char *cn, EVP_PKEY *key,
                              const struct who *by, int subject_type, int issuer_type)
{
	static long serial;
	struct who w = { X509_new(), key };
	char by_cn[100];
	X509_NAME *n;
	bool ca = kind == AUTHORITY || kind == OLD_AUTHORITY;
	long end = kind == OLD_SERVER || kind == OLD_AUTHORITY ? -60 : 86400;

	if (key)
		EVP_PKEY_up_ref(key);
	else
		w.key = EVP_EC_gen("P-256");
	assert_true(w.cert && w.key);
	X509_set_version(w.cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(w.cert), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(w.cert), -86400);
	X509_gmtime_adj(X509_getm_notAfter(w.cert), end);
	X509_set_pubkey(w.cert, w.key);
	n = name(cn, subject_type);
	X509_set_subject_name(w.cert, n);
	X509_NAME_free(n);
	if (by)
		X509_NAME_get_text_by_NID(X509_get_subject_name(by->cert),
			NID_commonName, by_cn, sizeof by_cn);
	n = name(by ? by_cn : cn, issuer_type);
	X509_set_issuer_name(w.cert, n);
	X509_NAME_free(n);
	extend(w.cert, NID_basic_constraints,
	       ca ? "critical,CA:TRUE" : "CA:FALSE");
	if (ca)
		extend(w.cert, NID_key_usage, "critical,keyCertSign");
	else
		extend(w.cert, NID_subject_alt_name, "DNS:" HOST);
	if (!ca)
		extend(w.cert, NID_ext_key_usage,
		       kind == CLIENT ? "clientAuth" : "serverAuth");
	assert_true(X509_sign(w.cert, by ? by->key : w.key, EVP_sha256()) > 0);
	return w;
}

static inline struct who plain(enum kind kind, const char *cn, const struct who *by)
{
	return make(kind, cn, NULL, by, V_ASN1_UTF8STRING, V_ASN1_UTF8STRING);
}

static inline void gone(struct who *w)
{
	X509_free(w->cert);
	EVP_PKEY_free(w->key);
}

/* ---- the world ---- */

static struct who root, other_root, inter, crossed_root, crossed_inter,
	inter_root, printable, unknown, old_root, twin, twin_utf8;
static struct who others[OTHERS];

static inline void put(FILE *f, const struct who *w)
{
	assert_int_equal(PEM_write_X509(f, w->cert), 1);
}

/* The bundle; with junk, also what a damaged one might hold. */
static inline void write_bundle(bool junk)
{
	static const char text[] = "# a comment\n-----BEGIN nothing\n";
	static const char bad64[] = "-----BEGIN CERTIFICATE-----\n"
		"!!!! not base64 !!!!\n-----END CERTIFICATE-----\n";
	static const char badder[] = "-----BEGIN CERTIFICATE-----\n"
		"MIIBAgMEBQYHCAkKCwwNDg8Q\n-----END CERTIFICATE-----\n";
	static const char empty[] = "-----BEGIN CERTIFICATE-----\n"
		"-----END CERTIFICATE-----\n";
	static const char sealed[] = "-----BEGIN CERTIFICATE-----\n"
		"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMIIB\n"
		"-----END CERTIFICATE-----\n";
	static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
		"MIIBAgMEBQYHCAkKCwwNDg8Q\n-----END PRIVATE KEY-----\n";
	static const char *const bad[] = { text, bad64, badder, empty, sealed,
	                                   key };
	const struct who *const known[] = { &root, &other_root, &crossed_inter,
		&inter_root, &printable, &old_root, &twin, &twin_utf8 };
	FILE *f = fopen(bundle, "w");

	assert_non_null(f);
	for (size_t i = 0; i < OTHERS; i++) {
		if (junk && i % 20 == 0)
			fputs(bad[i / 20 % 6], f);
		put(f, &others[i]);
		if (i % 10 == 5 && i / 10 < sizeof known / sizeof *known)
			put(f, known[i / 10]);
	}
	if (junk)
		fputs("-----BEGIN CERTIFICATE-----\nMIIB", f);
	assert_int_equal(fclose(f), 0);
}

static inline int set_up(void **state)
{
	char cn[40];

	(void)state;
	assert_int_equal(close(mkstemp(bundle)), 0);
	assert_int_equal(close(mkstemp(account)), 0);
	for (size_t i = 0; i < OTHERS; i++) {
		snprintf(cn, sizeof cn, "Other CA %zu", i);
		others[i] = plain(AUTHORITY, cn, NULL);
	}
	root = plain(AUTHORITY, "Root", NULL);
	other_root = plain(AUTHORITY, "Other root", NULL);
	inter = plain(AUTHORITY, "Intermediate", &root);
	/* known by another's signature only: its own root is not in it */
	unknown = plain(AUTHORITY, "Unknown", NULL);
	crossed_root = make(AUTHORITY, "Unknown", unknown.key, &other_root,
	                    V_ASN1_UTF8STRING, V_ASN1_UTF8STRING);
	inter_root = plain(AUTHORITY, "Root of the crossed", NULL);
	crossed_inter = plain(AUTHORITY, "Crossed", &inter_root);
	printable = make(AUTHORITY, "Printable  CA", NULL, NULL,
	                 V_ASN1_PRINTABLESTRING, V_ASN1_PRINTABLESTRING);
	old_root = plain(OLD_AUTHORITY, "Old", NULL);
	/* one name in two encodings, the first out of date */
	twin = make(OLD_AUTHORITY, "Twin", NULL, NULL, V_ASN1_UTF8STRING,
	            V_ASN1_UTF8STRING);
	twin_utf8 = make(AUTHORITY, "TWIN", twin.key, NULL,
	                 V_ASN1_PRINTABLESTRING, V_ASN1_PRINTABLESTRING);
	write_bundle(false);
	return 0;
}

static inline int tear_down(void **state)
{
	struct who *const all[] = { &root, &other_root, &inter, &crossed_root,
		&crossed_inter, &inter_root, &printable, &unknown, &old_root,
		&twin, &twin_utf8 };

	(void)state;
	for (size_t i = 0; i < OTHERS; i++)
		gone(&others[i]);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		gone(all[i]);
	unlink(bundle);
	unlink(account);
	return 0;
}

/* ---- a server's chain, and what is said of it ---- */

struct chain {
	struct who leaf;
	const struct who *sent[4];
};

static inline STACK_OF(X509) *sent(const struct chain *c)
{
	STACK_OF(X509) *sk = sk_X509_new_null();

	assert_true(sk_X509_push(sk, c->leaf.cert) > 0);
	for (size_t i = 0; c->sent[i]; i++)
		assert_true(sk_X509_push(sk, c->sent[i]->cert) > 0);
	return sk;
}

static inline int judge(X509_STORE *store, const struct chain *c,
                        STACK_OF(X509) *untrusted, int *depth)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int v;

	assert_int_equal(X509_STORE_CTX_init(ctx, store, c->leaf.cert,
	                                     untrusted), 1);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx), HOST, 0);
	v = X509_verify_cert(ctx) == 1 ? X509_V_OK
	                               : X509_STORE_CTX_get_error(ctx);
	*depth = sk_X509_num(X509_STORE_CTX_get0_chain(ctx));
	X509_STORE_CTX_free(ctx);
	return v;
}

/* The same with all decoded and with what was named: the verdict.  *used is
 * the number of those decoded. */
static inline int both(const struct chain *c, size_t *used)
{
	X509_STORE *all = X509_STORE_new(), *few = X509_STORE_new();
	struct tls_cas *cas = tls_cas_read(bundle);
	STACK_OF(X509) *sk = sent(c);
	int v, depth, few_depth, decoded;

	assert_int_equal(X509_STORE_load_file(all, bundle), 1);
	v = judge(all, c, sk, &depth);
	assert_non_null(cas);
	assert_int_equal(tls_cas_supply(cas, few, sk), 0);
	assert_int_equal(judge(few, c, sk, &few_depth), v);
	assert_int_equal(few_depth, depth);
	*used = 0;
	for (size_t i = 0; tls_cas_subject(cas, i, &decoded); i++)
		*used += (size_t)decoded;
	assert_int_equal(sk_X509_OBJECT_num(X509_STORE_get0_objects(few)),
	                 *used);
	sk_X509_free(sk);
	tls_cas_free(cas);
	X509_STORE_free(few);
	X509_STORE_free(all);
	return v;
}

static unsigned char pin[1][32];
static enum { NO_PIN, PIN, PIN_ONLY } pinning;

static inline void pin_key(const struct who *w)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(w->key, &der);

	assert_true(len > 0);
	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len,
	                              pin[0], NULL), 1);
	OPENSSL_free(der);
}

/* What the client says after a handshake with a server of this chain, as
 * tls.c does it all: "" if it is content. */
static inline void shake(const struct chain *c, const char *host, const char *ca_file,
                         char *said, size_t n)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct err e = { 0 };
	struct tls_trust *t = tls_trust_read(bundle, &e);
	mailstream_low *low;
	int fd[2];
	pid_t pid;

	assert_non_null(t);
	if (ca_file)
		assert_int_equal(tls_trust_add(t, ca_file, &e), 0);
	if (pinning)
		tls_trust_pin(t, pin, 1, pinning == PIN_ONLY);
	SSL_CTX_use_certificate(ctx, c->leaf.cert);
	SSL_CTX_use_PrivateKey(ctx, c->leaf.key);
	SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
	for (size_t i = 0; c->sent[i]; i++)
		SSL_CTX_add1_chain_cert(ctx, c->sent[i]->cert);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		SSL *ssl = SSL_new(ctx);
		char end;

		close(fd[0]);
		SSL_set_fd(ssl, fd[1]);
		if (SSL_accept(ssl) == 1)
			SSL_read(ssl, &end, 1);
		_exit(0);
	}
	close(fd[1]);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	low = tls_low_new(t, fd[0], host, stream_clock() + 10000, &e);
	snprintf(said, n, "%s", low ? "" : e.text);
	if (low) {
		mailstream_low_close(low);
		mailstream_low_free(low);
	} else {
		close(fd[0]);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	tls_trust_free(t);
	SSL_CTX_free(ctx);
}

/* Verdict, number decoded, and the words of tls.c, in one. */
static inline void expect(struct chain c, int verdict, size_t used)
{
	char said[ERR_TEXT_MAX], want[ERR_TEXT_MAX] = "";
	size_t n;

	assert_int_equal(both(&c, &n), verdict);
	assert_int_equal(n, used);
	if (verdict != X509_V_OK)
		snprintf(want, sizeof want, HOST ": %s",
		         tls_words_cert(verdict));
	shake(&c, HOST, NULL, said, sizeof said);
	assert_string_equal(said, want);
	gone(&c.leaf);
}

#endif
