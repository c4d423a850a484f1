/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/tls_cas.c, against a store of the whole bundle, and of the
 * trust in agent/tls.c. */
#include "tests/unit/tls_cas.h"

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
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_rejected),
		cmocka_unit_test(test_indefinite),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_system),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
