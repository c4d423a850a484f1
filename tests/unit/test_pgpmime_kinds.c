/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/pgpmime.c: long letters, and kinds of others. */
#include "tests/unit/pgpmime.h"

/* ---- long ones ---- */

/* Lines about as long as what is looked at, and much longer ones. */
static void test_long_lines(void **state)
{
	static char x[70000], body[200000];
	static const size_t part[] = { 0, 1, 100, 1023, 1024, 4096 };
	struct membuf m;
	int n;

	(void)state;
	memset(x, 'x', sizeof x - 1);
	for (int len = 1; len < (int)sizeof x; len += len < 1010 ? 60
	     : len < 1040 || (len > 2030 && len < 2060) ? 1 : len / 3) {
		/* what follows the long part is no delimiter */
		n = snprintf(body, sizeof body, "%.*s--b\r\n%.*s--b--\r\n%s"
		             "%.*s--b--\r\n", len, x, len / 3 + 1, x, BODY,
		             len / 3 + 1, x);
		for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
			assert_true(read_body(&m, B, body, (size_t)n, part[i],
			                      part[i]));
			assert_hello(&m);
		}
		/* this is one, and one too many */
		n = snprintf(body, sizeof body, "--b%*s\r\n%s", len % 2000, "",
		             PART_1 PART_2 ARMOR "--b--");
		assert_false(read_body(&m, B, body, (size_t)n, 0, 0));
		membuf_free(&m);
		/* one alone, as far as its blanks are looked at */
		n = snprintf(body, sizeof body, "--b%*s\r\n%s\r\nVersion: 1\r\n"
		             "%s", len, "", TYPE_1, PART_2 ARMOR "--b--");
		assert_int_equal(read_body(&m, B, body, (size_t)n, 0, 0),
		                 len + 5 <= PARTS_LINE_MAX);
		membuf_free(&m);
	}
}

/* Long fields and long lines of data, as far as the armor takes them. */
static void test_long_data(void **state)
{
	static char body[80000];
	struct membuf m;
	int n;

	(void)state;
	for (int len = 900; len < 70000; len += len % 1000 < 100 ? 1 : 450) {
		n = snprintf(body, sizeof body, "%s--b\r\nX: %0*d\r\n%s"
		             "\r\n%s--b--", PART_1, len, 0, TYPE_2, ARMOR);
		if (read_body(&m, B, body, (size_t)n, 0, 0))
			assert_in_range(len, 900, PART_HEADER_MAX);
		else
			assert_in_range(len, PART_HEADER_MAX - 100, 70000);
		membuf_free(&m);
		n = snprintf(body, sizeof body, "%s-----BEGIN PGP MESSAGE-----"
		             "\r\nX: %0*d\r\n\r\naGVsbG8=\r\n"
		             "-----END PGP MESSAGE-----\r\n--b--",
		             PART_1 PART_2, len, 0);
		assert_int_equal(read_body(&m, B, body, (size_t)n, 0, 0),
		                 len <= 4092);
		membuf_free(&m);
		assert_int_equal(read_body(&m, B, body, (size_t)n, 777, 777),
		                 len <= 4092);
		membuf_free(&m);
		/* a long version text is none */
		n = snprintf(body, sizeof body, "--b\r\n%s\r\nVersion: %0*d\r\n"
		             "%s--b--", TYPE_1, len, 1, PART_2 ARMOR);
		assert_false(read_body(&m, B, body, (size_t)n, 0, 0));
		membuf_free(&m);
	}
}

static void test_big(void **state)
{
	enum { OCTETS = 300000 };
	static unsigned char in[OCTETS];
	struct membuf body, m;
	struct armor a;

	(void)state;
	for (size_t i = 0; i < OCTETS; i++)
		in[i] = i * i >> 5 & 0xff;
	membuf_init(&body, 2 * OCTETS);
	membuf_printf(&body, NULL, "%s", PART_1 PART_2);
	armor_init(&a, &body.sink);
	assert_int_equal(sink_put(&a.sink, in, OCTETS, NULL), 0);
	assert_int_equal(armor_end(&a, NULL), 0);
	membuf_printf(&body, NULL, "\r\n--b--\r\n");
	for (size_t part = 1; part < OCTETS; part += 1 + part / 2) {
		assert_true(read_body(&m, B, body.buf, body.len, part, part));
		assert_int_equal(m.len, OCTETS);
		assert_memory_equal(m.buf, in, OCTETS);
		membuf_free(&m);
	}
	membuf_free(&body);
}

/* ---- other kinds ---- */

#define MIXED "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
#define EMPTY "--b\r\nContent-Type: text/plain; charset=\"us-ascii\"\r\n" \
	"Content-Transfer-Encoding: 7bit\r\n\r\n\r\n"

/* What Exchange makes of the right form. */
static void test_mangled(void **state)
{
	static const char *const no[] = {
		BODY, EMPTY PART_2 ARMOR "--b--\r\n", EMPTY PART_1 "--b--\r\n",
		PART_1 EMPTY PART_2 ARMOR "--b--\r\n",
		EMPTY EMPTY BODY, EMPTY PART_1 BODY,
		EMPTY PART_1 PART_2 ARMOR EMPTY "--b--\r\n",
		"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" BODY,
		"--b\r\nContent-Type: text/plain\r\n\r\n.\r\n\r\n" BODY,
		"--b\r\nContent-Type: text/html\r\n\r\n<br>\r\n" BODY,
		"--b\r\nContent-Type: text/calendar\r\n\r\n" BODY,
		"--b\r\n" BODY, "--b\r\nContent-Type: text/plain\r\n" BODY,
		"--b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
		"=41" BODY,
		"--b\r\nContent-Transfer-Encoding: x\r\n\r\n" BODY,
		"--b\r\nContent-Type: text/plain\r\nContent-Type: text/plain"
		"; x=y\r\n" BODY,
		"--b\r\n\r\nVersion: 1\r\n--b\r\n" TYPE_1 "\r\n\r\n" PART_2
		ARMOR "--b--\r\n",
		EMPTY "--b\r\n" TYPE_1 "\r\nVersion: 2\r\n" PART_2 ARMOR
		"--b--\r\n",
		EMPTY PART_1 PART_2 "x\r\n" ARMOR "--b--\r\n",
		EMPTY PART_1 PART_2 ARMOR,
	};

	(void)state;
	kind = KIND_MANGLED;
	assert_opens(MIXED, EMPTY BODY);
	assert_opens(MIXED, "--b\r\n\r\n" BODY);
	assert_opens(MIXED, "--b\r\nContent-Type: text/html\r\n\r\n \t\r\n\r\n"
	             BODY);
	assert_opens(MIXED, "--b\r\nContent-Type: text/plain\r\n"
	             "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
	             "=20=0D=0A\r\n" BODY);
	assert_opens(MIXED, EMPTY "--b\r\n" TYPE_1
	             "Content-Transfer-Encoding: base64\r\n\r\n"
	             "VmVyc2lvbjogMQ0K\r\n\r\n--b\r\n" TYPE_2
	             "Content-Transfer-Encoding: base64\r\n\r\n"
	             "LS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tDQoNCmFHVnNiRzg9DQo9"
	             "\r\nUi9XSw0KLS0tLS1FTkQgUEdQIE1FU1NBR0UtLS0tLQ==\r\n"
	             "\r\n--b--\r\n");
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_refused(MIXED, no[i]);
	kind = KIND_SEALED;
	assert_refused(B, EMPTY BODY);
}

/* Without one boundary there is nothing to read. */
static void test_no_boundary(void **state)
{
	static const char *const t[] = {
		"Content-Type: multipart/encrypted\r\n", TOP "b; boundary=b\r\n",
		TOP "\"\"\r\n", TOP "\"b \"\r\n",
	};
	struct membuf m;
	struct header h;
	struct err e;

	(void)state;
	membuf_init(&m, 100);
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		memset(&e, 0, sizeof e);
		assert_int_equal(header_cut(&h, t[i], strlen(t[i]), NULL), 0);
		assert_null(pgpmime_new(&h, KIND_SEALED, &m.sink, &e));
		assert_int_equal(e.code, GPG_ERR_BAD_DATA);
		header_free(&h);
	}
}

/* The whole body is armor (R2). */
static void test_inline(void **state)
{
	static const char qp[] = "Content-Transfer-Encoding: Quoted-Printable"
		"\r\n\r\n";
	static const char base64[] = "Content-Type: text/plain\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n";
	static const char *const no[] = {
		"", "\r\n", "hi\r\n", "hi\r\n" ARMOR, ARMOR "-- \r\nAlice\r\n",
		ARMOR ARMOR, " " ARMOR, "> " ARMOR,
		"-----BEGIN PGP MESSAGE-----\r\n\r\naGVsbG8=\r\n",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\naGVsbG8=\r\n"
		"-----END PGP PUBLIC KEY BLOCK-----\r\n",
		BODY,
	};

	(void)state;
	kind = KIND_INLINE;
	assert_opens("", ARMOR);
	assert_opens("Content-Type: text/plain; format=flowed\r\n", "\r\n \t\r\n"
	             ARMOR " \r\n\r\n");
	assert_opens(qp, "=20\r\n-----BEGIN PGP MESSAGE-----\r\n\r\naGVs="
	             "\r\nbG8=3D\r\n=3DR/WK\r\n=2D----END PGP MESSAGE-----\r\n");
	assert_opens(base64, "LS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tCgphR1ZzYkc4"
	             "PQotLS0tLUVORCBQR1AgTUVTU0FHRS0tLS0t\r\n");
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		assert_refused("", no[i]);
	assert_refused(qp, ARMOR);
	assert_refused(base64, ARMOR);
	assert_refused("Content-Transfer-Encoding: 7bit\r\n"
	               "Content-Transfer-Encoding: 7bit\r\n", ARMOR);
	assert_refused("Content-Transfer-Encoding: x-uuencode\r\n", ARMOR);
	assert_refused("Content-Transfer-Encoding: (7bit\r\n", ARMOR);
	kind = KIND_SEALED;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_data),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_no_boundary),
		cmocka_unit_test(test_mangled),
		cmocka_unit_test(test_inline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
