/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of crypto/pgpmime.c: what may be opened, and no more (R1 to R3). */
#include "tests/unit/pgpmime.h"

/* ---- the top ---- */

static void test_top(void **state)
{
	static const char *const yes[] = {
		TOP "b\r\n\r\n",
		"Content-Type: multipart/encrypted; boundary=b\r\n",
		"content-TYPE:Multipart/ENCRYPTED; boundary=b\r\n",
		"Content-Type: multipart/encrypted (sealed);\r\n"
		"\tPROTOCOL=Application/PGP-Encrypted; boundary=b\r\n",
		"Subject: x\r\nContent-Type:multipart/encrypted\r\nTo: y\r\n",
	};
	static const char *const no[] = {
		"", "Subject: multipart/encrypted\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n",
		"Content-Type: multipart/signed; boundary=b;\r\n"
		" protocol=\"application/pgp-encrypted\"\r\n",
		"Content-Type: multipart/encrypted-not; boundary=b\r\n",
		"Content-Type: text/plain; x=multipart/encrypted\r\n",
		"Content-Type: application/pkcs7-mime\r\n",
		"Content-Type: multipart/encrypted; boundary=b;\r\n"
		" protocol=\"application/pgp-signature\"\r\n",
		"Content-Type: multipart/encrypted; boundary=b;\r\n"
		" protocol=\"\"\r\n",
		TOP "b; protocol=\"application/pgp-encrypted\"\r\n",
		TOP "b; protocol=text/plain\r\n",
		TOP "b\r\nContent-Type: text/plain\r\n",
		"Content-Type: text/plain\r\n" TOP "b\r\n",
		TOP "b\r\n" TOP "b\r\n",
		"Content-Type : multipart/encrypted; boundary=b\r\n",
		TOP "b\rContent-Type: text/plain\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!is(yes[i]))
			fail_msg("not: %s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (is(no[i]))
			fail_msg("is: %s", no[i]);
}

static void test_boundary(void **state)
{
	char body[1000], head[500], b[BOUNDARY_MAX + 2];

	(void)state;
	assert_opens(TOP "b\r\n", BODY);
	assert_opens(TOP "\"b\"\r\n", BODY);
	assert_opens(TOP " \"\\b\" (so)\r\n", BODY);
	assert_opens("Content-Type: multipart/encrypted; BOUNDARY=b\r\n", BODY);
	/* RFC 2231 section 3 */
	snprintf(head, sizeof head, "%s", "Content-Type: multipart/encrypted;"
	         " boundary*0=\"=_a \";\r\n\tboundary*1=b\r\n");
	snprintf(body, sizeof body, "--=_a b\r\n%s--=_a b\r\n%s"
	         "--=_a b--", TYPE_1 "\r\nVersion: 1\r\n\r\n",
	         TYPE_2 "\r\n" ARMOR);
	assert_opens(head, body);
	/* the longest, and one more */
	for (size_t n = BOUNDARY_MAX; n <= BOUNDARY_MAX + 1; n++) {
		memset(b, 'x', n);
		b[n] = '\0';
		snprintf(head, sizeof head, TOP "%s\r\n", b);
		snprintf(body, sizeof body, "--%s\r\n%s--%s\r\n%s--%s--", b,
		         TYPE_1 "\r\nVersion: 1\r\n\r\n", b,
		         TYPE_2 "\r\n" ARMOR, b);
		if (n == BOUNDARY_MAX)
			assert_opens(head, body);
		else
			assert_refused(head, body);
	}
	assert_refused("Content-Type: multipart/encrypted\r\n", BODY);
	assert_refused(TOP "b; boundary=b\r\n", BODY);
	assert_refused(TOP "b; boundary=c\r\n", BODY);
	assert_refused(TOP "\"\"\r\n", "--\r\n" TYPE_1 "\r\nVersion: 1\r\n"
	               "--\r\n" TYPE_2 "\r\n" ARMOR "----\r\n");
	assert_refused(TOP "\"b\r\n", BODY);
	assert_refused("Subject: x\r\n", BODY);
}

/* ---- the right form ---- */

static void test_right(void **state)
{
	(void)state;
	assert_opens(B, BODY);
	/* the last line end belongs to nobody */
	assert_opens(B, PART_1 PART_2 ARMOR "--b--");
	/* any order and case of fields, and fields we don't know */
	assert_opens(B, "--b\r\nContent-Description: PGP/MIME version\r\n"
	             "CONTENT-type: Application/PGP-Encrypted; x=y\r\n"
	             "\r\nVersion: 1\r\n"
	             "--b\r\nContent-Type: application/octet-stream;\r\n"
	             " name=\"encrypted.asc\"\r\n"
	             "Content-Disposition: inline\r\n\r\n" ARMOR "--b--\r\n");
	assert_opens(B, "--b\r\n" TYPE_1 "\r\n\r\n version:1 \r\n\r\n" PART_2
	             "\r\n \r\n" ARMOR "\r\n\r\n--b--\r\n");
	/* trailing blanks behind a delimiter */
	assert_opens(B, "--b \t \r\n" TYPE_1 "\r\nVersion: 1\r\n--b\t\r\n"
	             TYPE_2 "\r\n" ARMOR "--b-- \r\n");
	/* line ends that some program changed */
	assert_opens(B, "--b\nContent-Type: application/pgp-encrypted\n\n"
	             "Version: 1\n\n--b\n"
	             "Content-Type: application/octet-stream\n\n"
	             "-----BEGIN PGP MESSAGE-----\n\naGVsbG8=\n"
	             "-----END PGP MESSAGE-----\n--b--\n");
}

/* Its wrapper's words go with the wrapper (R3). */
static void test_around(void **state)
{
	(void)state;
	assert_opens(B, "This is sealed.\r\n\r\n" BODY "\r\nA footer\r\n");
	assert_opens(B, ARMOR BODY ARMOR);
	assert_opens(B, "-- \r\n--\r\n-\r\n\r\n--c\r\n" BODY "--c\r\n--\r\n-");
	assert_opens(B, "text --b\r\n --b\r\n-b\r\n" BODY " --b\r\n>--b\r\n");
}

static void test_transfer(void **state)
{
	static const char part[] = PART_1 "--b\r\n" TYPE_2
		"Content-Transfer-Encoding: ";
	static const struct {
		const char *cte, *text;
		bool right;
	} t[] = {
		{ "7bit", ARMOR, true }, { "8bit", ARMOR, true },
		{ "Binary", ARMOR, true },
		{ " 7bit (plain)", ARMOR, true },
		{ "base64", "LS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tDQoNCmFHVnNi"
		  "Rzg9DQo9Ui9XSw0K\r\nLS0tLS1FTkQgUEdQIE1FU1NBR0UtLS0tLQ=="
		  "\r\n",
		  true },
		{ "BASE64", "LS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tCgphR1ZzYkc4P"
		  "QotLS0tLUVORCBQR1AgTUVTU0FHRS0tLS0t\r\n", true },
		{ "quoted-printable", "-----BEGIN PGP MESSAGE-----\r\n\r\naGVs="
		  "\r\nbG8=3D\r\n=3DR/WK\r\n=2D----END PGP MESSAGE-----\r\n",
		  true },
		{ "base64", ARMOR, false },
		{ "base64", "LS0tLS1CRUdJTiBQR1AgTUVTU0FHRS0tLS0tCgphR1ZzYkc4P"
		  "QotLS0tLUVORCBQR1AgTUVTU0FHRS0tLS0tA\r\n", false },
		{ "quoted-printable", ARMOR, false },
		{ "quoted-printable", "-----BEGIN PGP MESSAGE-----\r\n\r\naGVs="
		  "\r\nbG8=3D\r\n-----END PGP MESSAGE-----\r\n=\r\n=", false },
		{ "x-uuencode", ARMOR, false },
		{ "7bit base64", ARMOR, false },
	};
	char body[2000];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(body, sizeof body, "%s%s\r\n\r\n%s--b--\r\n", part,
		         t[i].cte, t[i].text);
		if (t[i].right)
			assert_opens(B, body);
		else
			assert_refused(B, body);
	}
}

/* ---- every other form ---- */

static void test_parts(void **state)
{
	static const char *const t[] = {
		"", "\r\n", "--b\r\n", "--b--\r\n", ARMOR,
		PART_1 "--b--\r\n",
		PART_2 ARMOR "--b--\r\n",
		PART_2 ARMOR PART_1 "--b--\r\n",	/* order */
		PART_1 PART_1 "--b--\r\n",
		PART_2 ARMOR PART_2 ARMOR "--b--\r\n",
		PART_1 PART_2 ARMOR PART_2 ARMOR "--b--\r\n",	/* a third */
		PART_1 PART_1 PART_2 ARMOR "--b--\r\n",
		PART_1 PART_2 ARMOR "--b\r\n"
		"Content-Type: text/plain\r\n\r\nfooter\r\n--b--\r\n",
		"--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n" BODY,
		"--b\r\nContent-Type: text/plain\r\n\r\n\r\n" BODY,
		"--b--\r\n" BODY,			/* ended before */
		BODY BODY, BODY "--b\r\n", BODY "--b--\r\n",
		PART_1 "--b--\r\n" PART_2 ARMOR "--b--\r\n",
		"--b--\r\n" TYPE_1 "\r\nVersion: 1\r\n" PART_2 ARMOR
		"--b--\r\n",
		PART_1 "--b--\r\n" TYPE_2 "\r\n" ARMOR "--b--\r\n",
		/* types */
		"--b\r\nContent-Type: text/plain\r\n\r\nVersion: 1\r\n" PART_2
		ARMOR "--b--\r\n",
		"--b\r\n\r\nVersion: 1\r\n" PART_2 ARMOR "--b--\r\n",
		"--b\r\nVersion: 1\r\n" PART_2 ARMOR "--b--\r\n",
		"--b\r\n" TYPE_1 TYPE_1 "\r\nVersion: 1\r\n" PART_2 ARMOR
		"--b--\r\n",
		"--b\r\n" TYPE_2 "\r\nVersion: 1\r\n" PART_2 ARMOR "--b--\r\n",
		PART_1 "--b\r\n\r\n" ARMOR "--b--\r\n",
		PART_1 "--b\r\n" TYPE_1 "\r\n" ARMOR "--b--\r\n",
		PART_1 "--b\r\nContent-Type: text/plain\r\n\r\n" ARMOR
		"--b--\r\n",
		PART_1 "--b\r\nContent-Type: message/rfc822\r\n\r\n" ARMOR
		"--b--\r\n",
		PART_1 "--b\r\n" TYPE_2 "Content-Type: text/html\r\n\r\n" ARMOR
		"--b--\r\n",
		PART_1 "--b\r\nContent-Type: application/octet-stream-x\r\n\r\n"
		ARMOR "--b--\r\n",
		/* the header of a part does not end */
		PART_1 "--b\r\n" TYPE_2 "--b--\r\n",
		"--b\r\n" TYPE_1 "--b\r\n" TYPE_2 "\r\n" ARMOR "--b--\r\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_refused(B, t[i]);
}

static void test_version(void **state)
{
	static const char *const t[] = {
		"", "Version: 2\r\n", "Version: 11\r\n", "Version:\r\n",
		"Version 1\r\n", "Version: 1\r\nx\r\n", "x\r\nVersion: 1\r\n",
		"Version: 1\r\nVersion: 1\r\n", "Hello Alice\r\n", ARMOR,
		"-Version: 1\r\n", "Version: 1-\r\n", "--b\r\n", "--bVersion",
	};
	char body[2000];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(body, sizeof body, "--b\r\n%s\r\n%s%s--b--\r\n",
		         TYPE_1, t[i], PART_2 ARMOR);
		assert_refused(B, body);
	}
}

/* Nothing but one block in the second part (R2). */
static void test_armor(void **state)
{
	static const char *const t[] = {
		"", "\r\n", "hello\r\n",
		"Hello Alice\r\n" ARMOR, ARMOR "Yours, Bob\r\n",
		"<img src=\"http://evil/?\r\n" ARMOR "\">\r\n",
		ARMOR ARMOR, "x" ARMOR, " " ARMOR, "--\r\n" ARMOR,
		"-----BEGIN PGP MESSAGE-----\r\n\r\naGVsbG8=\r\n",
		"-----BEGIN PGP MESSAGE-----\r\n\r\naGVsbG8=\r\n=R/WA\r\n"
		"-----END PGP MESSAGE-----\r\n",
		"-----BEGIN PGP MASSAGE-----\r\n\r\naGVsbG8=\r\n"
		"-----END PGP MASSAGE-----\r\n",
		"-----BEGIN PGP SIGNATURE-----\r\n\r\naGVsbG8=\r\n"
		"-----END PGP SIGNATURE-----\r\n",
		"-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\naGVsbG8=\r\n"
		"-----END PGP PUBLIC KEY BLOCK-----\r\n",
		"--c\r\n" TYPE_2 "\r\n" ARMOR "--c--\r\n",
		"-----BEGIN PGP MESSAGE-----\r\n\r\naGVs\r\n--c\r\nbG8=\r\n"
		"-----END PGP MESSAGE-----\r\n",
	};
	char body[2000];

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		snprintf(body, sizeof body, "%s%s--b--\r\n", PART_1 PART_2,
		         t[i]);
		assert_refused(B, body);
	}
	/* a NUL is none of it */
	for (size_t i = 0; i < sizeof BODY - 1; i++) {
		struct membuf m;

		memcpy(body, BODY, sizeof BODY);
		body[i] = '\0';
		if (read_body(&m, B, body, sizeof BODY - 1, 0, 0))
			assert_hello(&m);
		membuf_free(&m);
		if (i == (size_t)(strstr(BODY, ": 1") - BODY) + 3)
			assert_false(read_body(&m, B, body, sizeof BODY - 1, 0,
			                       0));
		membuf_free(&m);
	}
}

/* A boundary that begins another is not that other. */
static void test_prefix(void **state)
{
	static const char bb[] = "--bb\r\n" TYPE_1 "\r\nVersion: 1\r\n\r\n"
		"--bb\r\n" TYPE_2 "\r\n" ARMOR "--bb--\r\n";

	(void)state;
	assert_refused(B, bb);
	assert_opens(TOP "bb\r\n", bb);
	assert_refused(TOP "bb\r\n", BODY);
	assert_opens(B, "--bXX\r\n--b-\r\n--b--X\r\n--b---\r\n--bb--\r\n" BODY
	             "--bXX\r\n--b-\r\n--b--X\r\n--bXX--\r\n");
	assert_opens(B, "--B\r\n--b x\r\n--b\v\r\n--b -- \r\n" BODY);
	assert_refused(B, PART_1 "--bXX\r\n" TYPE_2 "\r\n" ARMOR "--b--\r\n");
	assert_refused(B, PART_1 PART_2 ARMOR "--bXX--\r\n");
	assert_refused(B, PART_1 PART_2 ARMOR "--bXX--\r\n--b--\r\n");
	assert_refused(B, PART_1 PART_2 ARMOR "--b---\r\n");
	assert_refused(B, PART_1 PART_2 ARMOR "--b-\r\n");
	/* one whose end looks like the closing one's */
	assert_opens(TOP "\"c--\"\r\n", "--c--\r\n" TYPE_1 "\r\nVersion: 1\r\n"
	             "--c--\r\n" TYPE_2 "\r\n" ARMOR "--c----\r\n");
}

/* Cut short anywhere: refused, unless only the last line end is gone. */
static void test_short(void **state)
{
	size_t n = strlen(BODY);
	struct membuf m;

	(void)state;
	for (size_t i = 0; i <= n; i++) {
		assert_int_equal(read_body(&m, B, BODY, i, 0, 0), i + 2 >= n);
		membuf_free(&m);
	}
}

/* A sink that fails is not the letter's fault: put tells it. */
static void test_sink_fails(void **state)
{
	size_t n = strlen(BODY);
	struct membuf full;
	struct pgpmime *p;
	struct header h;
	struct err e;
	int r;

	(void)state;
	membuf_init(&full, 4);
	assert_int_equal(header_cut(&h, B, strlen(B), NULL), 0);
	for (size_t i = 0; i <= n; i++) {
		memset(&e, 0, sizeof e);
		p = pgpmime_new(&h, KIND_SEALED, &full.sink, NULL);
		assert_non_null(p);
		r = pgpmime_put(p, BODY, i, &e);
		if (r == 0)
			r = pgpmime_put(p, BODY + i, n - i, &e);
		assert_int_equal(r, -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
		assert_false(pgpmime_end(p));
		pgpmime_free(p);
	}
	header_free(&h);
	membuf_free(&full);
	pgpmime_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_top),
		cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_around),
		cmocka_unit_test(test_transfer),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_version),
		cmocka_unit_test(test_armor),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
