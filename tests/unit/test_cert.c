/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/cert*.c: what the certificate says, that its authority can
 * vouch for nothing else, and its file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "agent/cert_file.h"

static char dir[] = "/tmp/test_cert.XXXXXX";
static char path[sizeof dir + sizeof CERT_FILE];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/" CERT_FILE, dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

/* ---- what a verifier says ---- */

/* As a TLS client would, that trusts only this authority. */
static int verify(X509 *ca, X509 *leaf, const char *name, bool ip)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *p;
	int v;

	assert_int_equal(X509_STORE_add_cert(store, ca), 1);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, leaf, NULL), 1);
	X509_STORE_CTX_set_default(ctx, "ssl_server");
	p = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
	X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (ip)
		assert_int_equal(X509_VERIFY_PARAM_set1_ip_asc(p, name), 1);
	else
		assert_int_equal(X509_VERIFY_PARAM_set1_host(p, name, 0), 1);
	v = X509_verify_cert(ctx) == 1 ? X509_V_OK
	    : X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return v;
}

static struct cert_names names_of(const char *a, const char *b)
{
	struct cert_names n = { 0 };

	if (a)
		assert_int_equal(cert_names_add(&n, a, NULL), 0);
	if (b)
		assert_int_equal(cert_names_add(&n, b, NULL), 0);
	return n;
}

/* A certificate for the second names by an authority for the first. */
static int judged(struct cert_names may, struct cert_names says,
                  const char *name, bool ip)
{
	struct cert_pair ca, leaf;
	int v;

	assert_int_equal(cert_new_authority(&ca, &may, NULL), 0);
	assert_int_equal(cert_new_server(&leaf, &ca, &says, NULL), 0);
	v = verify(ca.cert, leaf.cert, name, ip);
	cert_pair_free(&leaf);
	cert_pair_free(&ca);
	return v;
}

static void test_trusted(void **state)
{
	struct cert_names none = { 0 };
	struct cert_names some = names_of("mail.example.org", "192.168.1.7");

	(void)state;
	assert_int_equal(judged(none, none, "localhost", false), X509_V_OK);
	assert_int_equal(judged(none, none, "127.0.0.1", true), X509_V_OK);
	assert_int_equal(judged(none, none, "::1", true), X509_V_OK);
	assert_int_equal(judged(some, some, "mail.example.org", false),
	                 X509_V_OK);
	assert_int_equal(judged(some, some, "192.168.1.7", true), X509_V_OK);
	assert_int_equal(judged(none, none, "127.0.0.2", true),
	                 X509_V_ERR_IP_ADDRESS_MISMATCH);
	assert_int_equal(judged(none, none, "example.org", false),
	                 X509_V_ERR_HOSTNAME_MISMATCH);
}

static void test_constrained(void **state)
{
	struct cert_names none = { 0 };
	static const char *const others[] = {
		"example.org", "xlocalhost", "10.0.0.1", "127.0.0.2", "::2"
	};

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(judged(none, names_of(others[i], NULL),
		                        "localhost", false),
		                 X509_V_ERR_PERMITTED_VIOLATION);
	/* widened to these, and to nothing else */
	assert_int_equal(judged(names_of("a.example.org", "10.0.0.1"),
	                        names_of("b.example.org", NULL), "localhost",
	                        false), X509_V_ERR_PERMITTED_VIOLATION);
	assert_int_equal(judged(names_of("a.example.org", "10.0.0.1"),
	                        names_of("10.0.0.2", NULL), "localhost",
	                        false), X509_V_ERR_PERMITTED_VIOLATION);
}

/* No further authority by it (pathlen 0), and none for clients or mail. */
static void test_no_more(void **state)
{
	struct cert_names none = { 0 };
	struct cert_pair ca;
	X509_PURPOSE *p;

	(void)state;
	assert_int_equal(cert_new_authority(&ca, &none, NULL), 0);
	assert_int_equal(X509_get_pathlen(ca.cert), 0);
	assert_int_equal(X509_get_key_usage(ca.cert), KU_KEY_CERT_SIGN);
	assert_int_equal(X509_get_extended_key_usage(ca.cert), XKU_SSL_SERVER);
	for (int i = 0; i < X509_PURPOSE_get_count(); i++) {
		int id;

		p = X509_PURPOSE_get0(i);
		id = X509_PURPOSE_get_id(p);
		if (id == X509_PURPOSE_SMIME_SIGN
		    || id == X509_PURPOSE_SMIME_ENCRYPT
		    || id == X509_PURPOSE_SSL_CLIENT)
			assert_int_equal(X509_check_purpose(ca.cert, id, 1), 0);
	}
	cert_pair_free(&ca);
}

/* ---- the text ---- */

/* The nth of the three blocks of a text, with the text behind it. */
static const char *block(const char *p, int nth)
{
	while (nth--)
		p = strstr(strstr(p, "-----END"), "-----BEGIN");
	return p;
}

static int look_mixed(const char *server, const char *ca, const char *key)
{
	const char *from[] = { server, ca, key }, *p;
	char all[CERT_PEM_MAX] = "";
	struct cert_look look;
	size_t n = 0, len;

	for (int i = 0; i < 3; i++) {
		p = block(from[i], i);
		len = (size_t)(strstr(strstr(p, "-----END"), "-----\n") + 6 - p);
		memcpy(all + n, p, len);
		n += len;
	}
	return cert_look(all, n, &look, NULL);
}

static void test_look(void **state)
{
	struct cert_names some = names_of("mail.example.org", "2001:db8::7");
	char *pem, *other;
	struct cert_look look, again;
	struct cert_pair server;
	size_t n, other_n;
	X509 *ca;
	struct err e;

	(void)state;
	assert_int_equal(cert_make(&some, &pem, &n, &e), 0);
	assert_int_equal(cert_look(pem, n, &look, &e), 0);
	assert_int_equal(look.names.n, 2);
	assert_true(cert_names_have(&look.names, "mail.example.org"));
	assert_true(cert_names_have(&look.names, "2001:DB8:0::7"));
	assert_true(cert_names_have(&look.names, "127.0.0.1"));
	assert_false(cert_names_have(&look.names, "127.0.0.2"));
	assert_int_equal(strlen(look.authority), CERT_PRINT - 1);
	assert_string_not_equal(look.authority, look.server);
	assert_int_equal(cert_valid(&look, time(NULL), &e), 0);
	assert_int_equal(cert_valid(&look, time(NULL) + (CERT_DAYS - 1) * 86400L,
	                            &e), 0);
	assert_int_equal(cert_valid(&look, time(NULL) + CERT_DAYS * 86400L + 60,
	                            &e), -1);
	assert_non_null(strstr(e.text, "letterlock certificate renew"));
	assert_int_equal(cert_valid(&look, time(NULL) - 3 * 86400L, &e), -1);
	assert_int_equal(cert_read(pem, n, &server, &ca, &e), 0);
	assert_int_equal(verify(ca, server.cert, "2001:db8::7", true),
	                 X509_V_OK);
	X509_free(ca);
	cert_pair_free(&server);

	/* one key, and not the authority's */
	assert_null(strstr(strstr(pem, "PRIVATE KEY-----\n") + 20,
	                   "BEGIN PRIVATE KEY"));

	/* two of them, mixed: the parts do not belong together */
	assert_int_equal(cert_make(&some, &other, &other_n, &e), 0);
	assert_int_equal(cert_look(other, other_n, &again, &e), 0);
	assert_string_not_equal(look.authority, again.authority);
	assert_int_equal(look_mixed(pem, pem, pem), 0);
	assert_int_equal(look_mixed(other, pem, pem), -1);
	assert_int_equal(look_mixed(pem, other, pem), -1);
	assert_int_equal(look_mixed(pem, pem, other), -1);
	cert_free(other, other_n);
	cert_free(pem, n);
}

/* Cut anywhere, or with any octet changed, it is refused or says the same. */
static void test_damaged(void **state)
{
	struct cert_names none = { 0 };
	struct cert_look look, bad;
	char *pem;
	size_t n;

	(void)state;
	assert_int_equal(cert_make(&none, &pem, &n, NULL), 0);
	assert_int_equal(cert_look(pem, n, &look, NULL), 0);
	for (size_t i = 0; i + 1 < n; i++) {
		char was = pem[i];

		if (cert_look(pem, i, &bad, NULL) == 0)
			fail_msg("cut at %zu", i);
		pem[i] ^= (char)(1 << i % 6);
		if (cert_look(pem, n, &bad, NULL) == 0) {
			assert_string_equal(look.authority, bad.authority);
			assert_string_equal(look.server, bad.server);
		}
		pem[i] = was;
	}
	assert_int_equal(cert_look(pem, CERT_PEM_MAX + 1, &bad, NULL), -1);
	cert_free(pem, n);
}

static void test_authority(void **state)
{
	struct cert_names none = { 0 };
	char *pem, *ca, *der;
	size_t n, ca_n, der_n;
	struct cert_look look;

	(void)state;
	assert_int_equal(cert_make(&none, &pem, &n, NULL), 0);
	assert_int_equal(cert_look(pem, n, &look, NULL), 0);
	assert_int_equal(cert_authority(pem, n, false, &ca, &ca_n, NULL), 0);
	assert_int_equal(cert_authority(pem, n, true, &der, &der_n, NULL), 0);
	assert_non_null(memmem(pem, n, ca, ca_n));
	assert_null(memmem(ca, ca_n, "PRIVATE", 7));
	assert_true(der_n < 1000 && der[0] == 0x30);
	free(der);
	free(ca);
	assert_int_equal(cert_authority(pem, n / 2, true, &ca, &ca_n, NULL),
	                 -1);
	assert_null(ca);
	cert_free(pem, n);
}

/* ---- names ---- */

static void test_names(void **state)
{
	static const char *const bad[] = {
		"", ".", "a,DNS:b", "a..b", "-a", "a-", "a-.b", "a.-b", "*.b",
		"a b", "1.2.3", "1.2.3.4.5", "300.1.1.1", "a/b", "a:b", "a_b",
		"\xc3\xa4.example", "127.0.0.1/8", "a.example.", "[::1]",
		"a123456789012345678901234567890123456789012345678901234567890123"
	};
	struct cert_names n = { 0 };
	char text[300];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (cert_names_add(&n, bad[i], &e) == 0)
			fail_msg("%s", bad[i]);
	memset(text, 'a', sizeof text);
	for (size_t i = 50; i < sizeof text; i += 50)
		text[i] = '.';
	text[CERT_NAME_MAX + 1] = '\0';
	assert_int_equal(cert_names_add(&n, text, &e), -1);
	assert_int_equal(n.n, 0);
	text[CERT_NAME_MAX] = '\0';
	assert_int_equal(cert_names_add(&n, text, &e), 0);
	assert_int_equal(cert_names_add(&n, "LocalHost", &e), 0);
	assert_int_equal(cert_names_add(&n, "0:0::1", &e), 0);
	assert_int_equal(n.n, 1);
	assert_int_equal(cert_names_add(&n, "A-1.Example", &e), 0);
	assert_int_equal(cert_names_add(&n, "a-1.eXample", &e), 0);
	assert_int_equal(n.n, 2);
	assert_string_equal(n.name[1], "a-1.example");
	for (unsigned i = 2; i < CERT_NAMES_MAX; i++) {
		snprintf(text, sizeof text, "10.0.0.%u", i);
		assert_int_equal(cert_names_add(&n, text, &e), 0);
	}
	assert_int_equal(cert_names_add(&n, "10.0.1.1", &e), -1);
	assert_int_equal(cert_names_add(&n, "10.0.0.5", &e), 0);
}

/* ---- the file ---- */

static void assert_file(const char *want)
{
	struct stat st;
	char *got;
	size_t n;

	assert_int_equal(cert_load(dir, &got, &n, NULL), 1);
	assert_int_equal(n, strlen(want));
	assert_memory_equal(got, want, n);
	cert_free(got, n);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_file(void **state)
{
	mode_t old = umask(0);
	char *got, name[100];
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(cert_load(dir, &got, &n, &e), 0);
	assert_int_equal(cert_store(dir, "one", 3, false, &e), 0);
	assert_file("one");
	assert_int_equal(cert_store(dir, "two", 3, false, &e), 1);
	assert_file("one");
	/* what a crash left is no obstacle */
	snprintf(name, sizeof name, "%s.%ld", path, (long)getpid());
	assert_int_equal(symlink(path, name), 0);
	assert_int_equal(cert_store(dir, "three", 5, true, &e), 0);
	assert_file("three");
	assert_int_equal(access(name, F_OK), -1);
	umask(old);

	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(cert_load(dir, &got, &n, &e), -1);
	assert_non_null(strstr(e.text, "renew"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(cert_load(dir, &got, &n, &e), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(cert_load(dir, &got, &n, &e), -1);
	assert_int_equal(cert_store(dir, "x", 1, true, &e), 0);
	assert_int_equal(truncate(path, CERT_PEM_MAX + 1), 0);
	assert_int_equal(cert_load(dir, &got, &n, &e), -1);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(cert_load("/nonexistent", &got, &n, &e), -1);
	assert_int_equal(cert_store("/nonexistent", "x", 1, true, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trusted),
		cmocka_unit_test(test_constrained),
		cmocka_unit_test(test_no_more),
		cmocka_unit_test(test_look),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_authority),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
