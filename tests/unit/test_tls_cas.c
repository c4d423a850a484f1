/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/tls_cas.c, against a store of the whole bundle, and of the
 * trust in agent/tls.c. */
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

static void add(X509_NAME *n, const char *field, const char *text, int type)
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

static X509_NAME *name(const char *cn, int type)
{
	X509_NAME *n = X509_NAME_new();

	add(n, "O", "Letterlock", type);
	add(n, "CN", cn, type);
	return n;
}

static void extend(X509 *x, int nid, const char *value)
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
static struct who make(enum kind kind, const char *cn, EVP_PKEY *key,
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

static struct who plain(enum kind kind, const char *cn, const struct who *by)
{
	return make(kind, cn, NULL, by, V_ASN1_UTF8STRING, V_ASN1_UTF8STRING);
}

static void gone(struct who *w)
{
	X509_free(w->cert);
	EVP_PKEY_free(w->key);
}

/* ---- the world ---- */

static struct who root, other_root, inter, crossed_root, crossed_inter,
	inter_root, printable, unknown, old_root, twin, twin_utf8;
static struct who others[OTHERS];

static void put(FILE *f, const struct who *w)
{
	assert_int_equal(PEM_write_X509(f, w->cert), 1);
}

/* The bundle; with junk, also what a damaged one might hold. */
static void write_bundle(bool junk)
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

static int set_up(void **state)
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

static int tear_down(void **state)
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

static STACK_OF(X509) *sent(const struct chain *c)
{
	STACK_OF(X509) *sk = sk_X509_new_null();

	assert_true(sk_X509_push(sk, c->leaf.cert) > 0);
	for (size_t i = 0; c->sent[i]; i++)
		assert_true(sk_X509_push(sk, c->sent[i]->cert) > 0);
	return sk;
}

static int judge(X509_STORE *store, const struct chain *c,
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
static int both(const struct chain *c, size_t *used)
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

static void pin_key(const struct who *w)
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
static void shake(const struct chain *c, const char *host, const char *ca_file,
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
static void expect(struct chain c, int verdict, size_t used)
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

/* ---- the tests ---- */

static void test_accepted(void **state)
{
	struct who by_unknown = plain(SERVER, "leaf", &unknown);
	struct chain crossed = { by_unknown, { &crossed_root } };

	(void)state;
	/* straight, by an intermediate that is sent, sent in disorder */
	expect((struct chain){ plain(SERVER, "leaf", &root), { 0 } },
	       X509_V_OK, 1);
	expect((struct chain){ plain(SERVER, "leaf", &root), { &root } },
	       X509_V_OK, 1);
	expect((struct chain){ plain(SERVER, "leaf", &inter), { &inter } },
	       X509_V_OK, 1);
	expect((struct chain){ plain(SERVER, "leaf", &inter),
	                       { &root, &others[3], &inter } }, X509_V_OK, 2);
	/* an intermediate in the bundle: its issuer is wanted as well */
	expect((struct chain){ plain(SERVER, "leaf", &crossed_inter), { 0 } },
	       X509_V_OK, 2);
	/* a root that only another root's signature makes known */
	expect(crossed, X509_V_OK, 1);
}

static void test_encodings(void **state)
{
	static const int types[] = { V_ASN1_PRINTABLESTRING, V_ASN1_UTF8STRING,
		V_ASN1_BMPSTRING, V_ASN1_T61STRING, V_ASN1_UNIVERSALSTRING };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		expect((struct chain){ make(SERVER, "leaf", NULL, &printable,
			types[i], types[i]), { 0 } }, X509_V_OK, 1);
	/* where one encoding is found, the other may be the one that helps */
	expect((struct chain){ make(SERVER, "leaf", NULL, &twin,
		V_ASN1_UTF8STRING, V_ASN1_UTF8STRING), { 0 } }, X509_V_OK, 2);
	expect((struct chain){ make(SERVER, "leaf", NULL, &twin_utf8,
		V_ASN1_BMPSTRING, V_ASN1_BMPSTRING), { 0 } }, X509_V_OK, 2);
}

static void test_refused(void **state)
{
	struct who forged = make(AUTHORITY, "Root", NULL, NULL,
		V_ASN1_UTF8STRING, V_ASN1_UTF8STRING);
	struct who leaf = plain(SERVER, "leaf", &root);
	char said[ERR_TEXT_MAX];

	(void)state;
	expect((struct chain){ plain(SERVER, "leaf", NULL), { 0 } },
	       X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, 0);
	expect((struct chain){ plain(SERVER, "leaf", &unknown), { 0 } },
	       X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0);
	expect((struct chain){ plain(SERVER, "leaf", &unknown), { &unknown } },
	       X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, 0);
	expect((struct chain){ plain(SERVER, "leaf", &inter), { 0 } },
	       X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, 0);
	/* of a known CA's name, not by its key */
	expect((struct chain){ plain(SERVER, "leaf", &forged), { 0 } },
	       X509_V_ERR_CERT_SIGNATURE_FAILURE, 1);
	expect((struct chain){ plain(SERVER, "leaf", &forged), { &forged } },
	       X509_V_ERR_CERT_SIGNATURE_FAILURE, 1);
	expect((struct chain){ plain(OLD_SERVER, "leaf", &root), { 0 } },
	       X509_V_ERR_CERT_HAS_EXPIRED, 1);
	expect((struct chain){ plain(SERVER, "leaf", &old_root), { 0 } },
	       X509_V_ERR_CERT_HAS_EXPIRED, 1);
	expect((struct chain){ plain(CLIENT, "leaf", &root), { 0 } },
	       X509_V_ERR_INVALID_PURPOSE, 1);
	/* a server's certificate is no CA */
	expect((struct chain){ plain(SERVER, "by", &leaf), { &leaf } },
	       X509_V_ERR_INVALID_CA, 1);
	shake(&(struct chain){ leaf, { 0 } }, "other.example.test", NULL, said,
	      sizeof said);
	assert_string_equal(said, "other.example.test: its certificate is for "
	                    "another name");
	gone(&forged);
	gone(&leaf);
}

/* The account's own: beside the system's, and leading back to them. */
static void test_account(void **state)
{
	struct chain by_unknown = { plain(SERVER, "leaf", &unknown), { 0 } };
	struct chain by_inter = { plain(SERVER, "leaf", &inter), { 0 } };
	struct chain by_root = { plain(SERVER, "leaf", &root), { 0 } };
	struct who namesake = plain(AUTHORITY, "Root", NULL);
	char said[ERR_TEXT_MAX];
	FILE *f = fopen(account, "w");

	(void)state;
	put(f, &unknown);
	put(f, &inter);
	put(f, &namesake);
	assert_int_equal(fclose(f), 0);
	shake(&by_unknown, HOST, NULL, said, sizeof said);
	assert_string_not_equal(said, "");
	shake(&by_unknown, HOST, account, said, sizeof said);
	assert_string_equal(said, "");
	shake(&by_inter, HOST, account, said, sizeof said);
	assert_string_equal(said, "");
	shake(&by_root, HOST, account, said, sizeof said);
	assert_string_equal(said, "");
	gone(&by_unknown.leaf);
	gone(&by_inter.leaf);
	gone(&by_root.leaf);
	gone(&namesake);
}

/* What is said with this key pinned. */
static void pinned(const struct chain *c, const struct who *key,
                   const char *host, const char *want)
{
	char said[ERR_TEXT_MAX], text[ERR_TEXT_MAX] = "";

	pin_key(key);
	if (*want)
		snprintf(text, sizeof text, "%s: %s", host, want);
	shake(c, host, NULL, said, sizeof said);
	assert_string_equal(said, text);
}

static void test_pins(void **state)
{
	static const char none[] = "its certificate has none of the pinned keys";
	struct chain c = { plain(SERVER, "leaf", &inter),
	                   { &others[3], &inter } };
	struct chain alone = { plain(SERVER, "leaf", NULL), { 0 } };
	struct chain old = { plain(OLD_SERVER, "leaf", &root), { 0 } };

	(void)state;
	/* besides the chain: any of it, but not what was only sent */
	pinning = PIN;
	pinned(&c, &c.leaf, HOST, "");
	pinned(&c, &inter, HOST, "");
	pinned(&c, &root, HOST, "");
	pinned(&c, &others[3], HOST, none);
	pinned(&c, &alone.leaf, HOST, none);
	pinned(&c, &c.leaf, "x.example.test",
	       "its certificate is for another name");
	pinned(&alone, &alone.leaf, HOST,
	       "its certificate is vouched for by itself only");
	/* instead of it: the server's own, and nothing else */
	pinning = PIN_ONLY;
	pinned(&c, &c.leaf, "x.example.test", "");
	pinned(&alone, &alone.leaf, HOST, "");
	pinned(&old, &old.leaf, HOST, "");
	pinned(&c, &inter, HOST, none);
	pinned(&c, &root, HOST, none);
	pinning = NO_PIN;
	gone(&c.leaf);
	gone(&alone.leaf);
	gone(&old.leaf);
}

/* The server's side: it tells what binds to this channel, and ends. */
static void tell_binding(SSL *ssl)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char text[TLS_BINDING_MAX];
	size_t n = 32;

	if (SSL_accept(ssl) != 1)
		_exit(1);
	if (SSL_version(ssl) == TLS1_3_VERSION)
		SSL_export_keying_material(ssl, text, n, label,
			sizeof label - 1, (const unsigned char *)"", 0, 1);
	else
		n = SSL_get_peer_finished(ssl, text, sizeof text);
	SSL_write(ssl, text, (int)n);
	SSL_read(ssl, text, 1);
	_exit(0);
}

/* With a server of this version: what binds is of this type (NULL: nothing),
 * and the server knows it. */
static void binding(int version, uint64_t options, const char *type)
{
	struct who leaf = plain(SERVER, "leaf", &root);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct tls_trust *t = tls_trust_read(bundle, NULL);
	unsigned char text[TLS_BINDING_MAX];
	struct tls_binding b;
	struct err e = { 0 };
	mailstream_low *low;
	int fd[2];
	pid_t pid;

	SSL_CTX_use_certificate(ctx, leaf.cert);
	SSL_CTX_use_PrivateKey(ctx, leaf.key);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_options(ctx, options);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		SSL *ssl = SSL_new(ctx);

		close(fd[0]);
		SSL_set_fd(ssl, fd[1]);
		tell_binding(ssl);
	}
	close(fd[1]);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	low = tls_low_new(t, fd[0], HOST, stream_clock() + 10000, &e);
	assert_non_null(low);
	assert_true(tls_is(low));
	assert_int_equal(tls_binding(low, &b), !!type);
	if (type) {
		assert_string_equal(b.type, type);
		assert_int_equal(mailstream_low_read(low, text, sizeof text),
		                 b.n);
		assert_memory_equal(text, b.data, b.n);
	}
	mailstream_low_close(low);
	mailstream_low_free(low);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	tls_trust_free(t);
	SSL_CTX_free(ctx);
	gone(&leaf);
}

static void test_binding(void **state)
{
	struct tls_binding b;
	mailstream_low *clear;
	int fd[2];

	(void)state;
	binding(TLS1_3_VERSION, 0, "tls-exporter");
	binding(TLS1_2_VERSION, 0, "tls-unique");
	binding(TLS1_2_VERSION, SSL_OP_NO_EXTENDED_MASTER_SECRET, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	clear = stream_low_new(fd[0]);
	assert_false(tls_is(clear));
	assert_false(tls_binding(clear, &b));
	mailstream_low_close(clear);
	mailstream_low_free(clear);
	close(fd[1]);
}

static void test_junk(void **state)
{
	struct chain c = { plain(SERVER, "leaf", &root), { 0 } };
	const struct who *end = &others[OTHERS - 1];
	struct chain last = { plain(SERVER, "leaf", end), { 0 } };
	struct tls_cas *cas;
	char said[ERR_TEXT_MAX];
	int decoded;
	size_t n = 0;

	(void)state;
	write_bundle(true);
	cas = tls_cas_read(bundle);
	assert_non_null(cas);
	while (tls_cas_subject(cas, n, &decoded))
		n++;
	tls_cas_free(cas);
	assert_int_equal(n, OTHERS + 8);
	shake(&c, HOST, NULL, said, sizeof said);
	assert_string_equal(said, "");
	shake(&last, HOST, NULL, said, sizeof said);
	assert_string_equal(said, "");
	write_bundle(false);
	gone(&c.leaf);
	gone(&last.leaf);
}

/* OpenSSL's own trust settings are kept: one that is rejected for servers. */
static void test_rejected(void **state)
{
	ASN1_OBJECT *server = OBJ_nid2obj(NID_server_auth);
	X509 *x = X509_dup(root.cert);
	struct chain c = { plain(SERVER, "leaf", &root), { 0 } };
	FILE *f = fopen(bundle, "w");
	size_t n;

	(void)state;
	X509_add1_reject_object(x, server);
	assert_int_equal(PEM_write_X509_AUX(f, x), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(both(&c, &n), X509_V_ERR_CERT_REJECTED);
	assert_int_equal(n, 1);
	write_bundle(false);
	X509_free(x);
	gone(&c.leaf);
}

/* BER that is not DER, which OpenSSL reads and the walk does not. */
static void test_indefinite(void **state)
{
	struct chain c = { plain(SERVER, "leaf", &root), { 0 } };
	unsigned char *der = NULL;
	int len = i2d_X509(root.cert, &der);
	FILE *f = fopen(bundle, "w");
	size_t n;

	(void)state;
	assert_true(len > 256 && der[1] == 0x82);
	memmove(der + 2, der + 4, (size_t)len - 4);
	der[1] = 0x80;
	der[len - 2] = der[len - 1] = 0;
	PEM_write(f, PEM_STRING_X509, "", der, len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(both(&c, &n), X509_V_OK);
	assert_int_equal(n, 1);
	write_bundle(false);
	OPENSSL_free(der);
	gone(&c.leaf);
}

static void test_nothing(void **state)
{
	struct err e;

	(void)state;
	assert_null(tls_cas_read("/nonexistent"));
	assert_null(tls_cas_read("/tmp"));
	assert_null(tls_cas_read("/dev/null"));
	assert_null(tls_trust_read("/dev/null", &e));
	assert_string_equal(e.text,
	                    "the system's certificates cannot be read");
	tls_cas_free(NULL);
}

static bool same_name(const X509_NAME *x, const X509_NAME *y)
{
	const unsigned char *a, *b;
	size_t a_n, b_n;

	assert_int_equal(X509_NAME_get0_der(x, &a, &a_n), 1);
	assert_int_equal(X509_NAME_get0_der(y, &b, &b_n), 1);
	return a_n == b_n && memcmp(a, b, a_n) == 0;
}

static void check_damaged(const unsigned char *der, int n)
{
	const unsigned char *at = der;
	X509 *x = d2i_X509(NULL, &at, n);
	FILE *f = fopen(bundle, "w");
	const X509_NAME *first, *second;
	struct tls_cas *cas;
	int decoded;

	PEM_write(f, PEM_STRING_X509, "", der, n);
	put(f, &root);
	assert_int_equal(fclose(f), 0);
	cas = tls_cas_read(bundle);
	assert_non_null(cas);
	first = tls_cas_subject(cas, 0, &decoded);
	second = tls_cas_subject(cas, 1, &decoded);
	assert_true(same_name(second ? second : first,
	                      X509_get_subject_name(root.cert)));
	if (x)
		assert_true(second &&
		            same_name(first, X509_get_subject_name(x)));
	X509_free(x);
	tls_cas_free(cas);
}

/* One certificate cut, and changed, at every byte: what OpenSSL still reads has
 * the subject that OpenSSL reads, and the one behind it is not lost. */
static void test_damage(void **state)
{
	static const unsigned char change[] = { 0x01, 0x20, 0x80, 0xff };
	unsigned char *der = NULL;
	int len = i2d_X509(root.cert, &der);

	(void)state;
	assert_true(len > 0);
	for (int i = 0; i < len; i++) {
		check_damaged(der, i);
		for (size_t k = 0; k < sizeof change; k++) {
			der[i] ^= change[k];
			check_damaged(der, len);
			der[i] ^= change[k];
		}
	}
	OPENSSL_free(der);
	write_bundle(false);
}

/* As long as this machine has one: each subject is what d2i_X509() says. */
static void test_system(void **state)
{
	struct tls_cas *cas = tls_cas_read(SYSTEM);
	FILE *f = fopen(SYSTEM, "r");
	size_t n = 0;
	int decoded;
	X509 *x;

	(void)state;
	if (!f)
		skip();
	assert_non_null(cas);
	while ((x = PEM_read_X509(f, NULL, NULL, NULL))) {
		const X509_NAME *found = tls_cas_subject(cas, n++, &decoded);

		assert_non_null(found);
		assert_true(same_name(found, X509_get_subject_name(x)));
		X509_free(x);
	}
	ERR_clear_error();
	assert_true(n > 0);
	assert_null(tls_cas_subject(cas, n, &decoded));
	fclose(f);
	tls_cas_free(cas);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_indefinite),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_system),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
