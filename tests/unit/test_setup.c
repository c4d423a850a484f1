/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Setup: changes in a configuration's text, and what may be a domain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent/conf_value.h"
#include "agent/setup.h"

static void assert_set(const char *text, const char *section, const char *key,
                       const char *value, const char *want)
{
	struct membuf m;
	struct err e;

	membuf_init(&m, 4096);
	assert_int_equal(0, setup_conf_set(&m, text, strlen(text), section, key,
	                                   value, &e));
	assert_int_equal(strlen(want), m.len);
	assert_memory_equal(want, m.buf, m.len);
	membuf_free(&m);
}

static void test_set(void **state)
{
	(void)state;
	assert_set("", "a@b.c", "smtp", "x", "[a@b.c]\nsmtp = x\n");
	assert_set("# x", "agent", "k", "v", "# x\n\n[agent]\nk = v\n");
	assert_set("[agent]\nk = 1 # one\nkk = 2\n", "agent", "k", "3",
	           "[agent]\nk = 3\nkk = 2\n");
	assert_set("[agent]\nkk = 2", "agent", "k", "3",
	           "[agent]\nkk = 2\nk = 3\n");
	assert_set("[A@B.c] # me\nsmtp=x\n# end\n\n[d@e.f]\nsmtp = y\n",
	           "a@b.c", "pop3", "z",
	           "[A@B.c] # me\nsmtp=x\npop3 = z\n# end\n\n[d@e.f]\n"
	           "smtp = y\n");
	/* another section's key is not ours */
	assert_set("[to a@b.c]\nencrypt = ask\n[a@b.c]\nsmtp = x\n", "a@b.c",
	           "encrypt", "always", "[to a@b.c]\nencrypt = ask\n[a@b.c]\n"
	           "smtp = x\nencrypt = always\n");
	/* a comment is no section, and no key */
	assert_set("#[a@b.c]\n", "a@b.c", "k", "v",
	           "#[a@b.c]\n\n[a@b.c]\nk = v\n");
	assert_set("[a@b.c]\n;k = 1\nj = 2\n", "a@b.c", "k", "v",
	           "[a@b.c]\n;k = 1\nj = 2\nk = v\n");
}

static void test_remove(void **state)
{
	static const char text[] = "# mine\n[agent]\nk = 1\n\n[a@b.c]\n"
		"smtp = x\n# of it\npop3 = y\n\n# theirs\n[d@e.f]\nsmtp = z\n";
	static const char want[] = "# mine\n[agent]\nk = 1\n\n\n# theirs\n"
		"[d@e.f]\nsmtp = z\n";
	struct membuf m;
	struct err e;

	(void)state;
	membuf_init(&m, 4096);
	assert_int_equal(1, setup_conf_remove(&m, text, strlen(text), "x@b.c",
	                                      &e));
	assert_int_equal(0, m.len);
	assert_int_equal(0, setup_conf_remove(&m, text, strlen(text), "A@b.c",
	                                      &e));
	assert_int_equal(strlen(want), m.len);
	assert_memory_equal(want, m.buf, m.len);
	membuf_free(&m);
}

/* Cut anywhere, each change keeps all octets that are not its own. */
static void test_cut(void **state)
{
	static const char text[] = "[agent]\nk = 1\n[ a@b.c\n[a@b.c]x\n=\n\0k\n"
		"[a@b.c]\r\nk = 2\r\n]";
	struct membuf m;
	struct err e;

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		membuf_init(&m, 4096);
		assert_int_equal(0, setup_conf_set(&m, text, n, "a@b.c", "new",
		                                   "v", &e));
		assert_true(m.len >= n + strlen("new = v\n"));
		assert_non_null(memmem(m.buf, m.len, "new = v\n", 8));
		membuf_free(&m);
		membuf_init(&m, 4096);
		assert_true(setup_conf_remove(&m, text, n, "a@b.c", &e) >= 0);
		assert_true(m.len <= n);
		membuf_free(&m);
	}
}

static void test_domain(void **state)
{
	static const char *const good[] = { "example.org", "a", "x-1.b.c", NULL };
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "../x",
		"a/b", "-a", "a-", "a-.b", "a.-b", "a b", "\xc3\xa4.de", "a:1", NULL };
	char large[300];

	(void)state;
	for (int i = 0; good[i]; i++)
		assert_true(setup_domain_ok(good[i]));
	for (int i = 0; bad[i]; i++)
		assert_false(setup_domain_ok(bad[i]));
	memset(large, 'a', sizeof large);
	large[64] = '\0';
	assert_false(setup_domain_ok(large));
	large[63] = '\0';
	assert_true(setup_domain_ok(large));
	memset(large, 'a', sizeof large);
	for (size_t i = 50; i < sizeof large; i += 50)
		large[i] = '.';
	large[254] = '\0';
	assert_false(setup_domain_ok(large));
	large[253] = '\0';
	assert_true(setup_domain_ok(large));
}

static void test_usual(void **state)
{
	struct setup_guesses g = { .n = 0 };

	(void)state;
	setup_usual(&g, "example.org", SESSION_SMTP);
	assert_int_equal(4, g.n);
	assert_string_equal("smtp.example.org:465 tls", g.guess[0].server);
	setup_usual(&g, "example.org", SESSION_SMTP);
	assert_int_equal(4, g.n);
	for (int i = 0; i < 3 * SETUP_GUESSES_MAX; i++)
		setup_usual(&g, (char[]){ 'a' + i % 26, 'a' + i / 26, 0 },
		            SESSION_POP3);
	assert_int_equal(SETUP_GUESSES_MAX, g.n);
}

/* ---- Thunderbird's files ---- */

static const char isp[] =
	"<?xml version=\"1.0\"?>\n<!-- > < -->\n<clientConfig version='1.1'>"
	"<emailProvider id=\"example.org\"><domain>example.org</domain>"
	"<incomingServer type=\"imap\"><hostname>i.example.org</hostname>"
	"<port>993</port><socketType>SSL</socketType></incomingServer>"
	"<incomingServer type=\"pop3\"><hostname> pop.%EMAILDOMAIN%\n</hostname>"
	"<port>995</port><socketType>SSL</socketType><username>%EMAILLOCALPART%"
	"</username><authentication>OAuth2</authentication>"
	"<authentication>password-cleartext</authentication><x/>"
	"</incomingServer>"
	"<outgoingServer type=\"smtp\"><hostname>out.example.org</hostname>"
	"<port>587</port><socketType>STARTTLS</socketType>"
	"<username>%EMAILADDRESS%</username></outgoingServer>"
	"</emailProvider></clientConfig>";

static int read_isp(struct setup_guesses *g, const char *text, size_t n,
                    enum session_kind kind)
{
	char *exact = malloc(n ? n : 1);	/* so that one too far is seen */
	int rc;

	assert_non_null(exact);
	memcpy(exact, text, n);
	g->n = 0;
	rc = setup_isp_parse(g, exact, n, "al.ice@example.org", "example.org",
	                     kind, "a test");
	free(exact);
	return rc;
}

static void test_isp(void **state)
{
	struct setup_guesses g;

	(void)state;
	assert_int_equal(1, read_isp(&g, isp, strlen(isp), SESSION_POP3));
	assert_string_equal("pop.example.org:995 tls", g.guess[0].server);
	assert_string_equal("al.ice", g.guess[0].user);
	assert_false(g.guess[0].token);
	assert_string_equal("a test", g.guess[0].from);
	assert_int_equal(1, read_isp(&g, isp, strlen(isp), SESSION_SMTP));
	assert_string_equal("out.example.org:587 starttls", g.guess[0].server);
	assert_string_equal("", g.guess[0].user);
	for (size_t n = 0; n < strlen(isp); n++) {
		assert_int_equal(-1, read_isp(&g, isp, n, SESSION_SMTP));
		assert_int_equal(0, g.n);
	}
}

#define SMTP(host, port, how, more) "<a><outgoingServer type='smtp'><hostname>" \
	host "</hostname><port>" port "</port><socketType>" how "</socketType>" \
	more "</outgoingServer></a>"

static void test_isp_hostile(void **state)
{
	static const struct { const char *text; int want; } t[] = {
		{ SMTP("a.b", "465", "SSL", ""), 1 },
		{ SMTP("a.b", "465", "plain", ""), 0 },
		{ SMTP("a.b", "0", "SSL", ""), 0 },
		{ SMTP("a.b", "65536", "SSL", ""), 0 },
		{ SMTP("a.b", "-1", "SSL", ""), 0 },
		{ SMTP("a.b", "465x", "SSL", ""), 0 },
		{ SMTP("a.b", "99999999999999999999", "SSL", ""), 0 },
		{ SMTP("a.b tls\n[x]", "465", "SSL", ""), 0 },
		{ SMTP("a&amp;b", "465", "SSL", ""), 0 },
		{ SMTP("127.0.0.1", "465", "SSL", ""), 0 },
		{ SMTP("localhost", "465", "SSL", ""), 0 },
		{ SMTP("", "465", "SSL", ""), 0 },
		{ SMTP("a.b", "465", "SSL", "<authentication>none"
		       "</authentication>"), 0 },
		{ SMTP("a.b", "465", "SSL", "<username>%REALNAME%</username>"),
		  0 },
		{ SMTP("a.b", "465", "SSL", "<username>m e</username>"), 0 },
		{ SMTP("a.b", "465", "SSL", "<username>me\nkey</username>"), 0 },
		{ SMTP("a.b", "465", "SSL", "<username>me#1</username>"), 0 },
		{ "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", -1 },
		{ "<a><![CDATA[x]]></a>", -1 },
		{ "<a></b>", -1 }, { "<a/><b/>", -1 }, { "</a>", -1 },
		{ "<a b>", -1 }, { "<a b=c/>", -1 }, { "", -1 },
		{ "<a><b><c><d><e><f><g><h><i><j><k><l><m><n><o><p><q>", -1 },
		{ "<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/>",
		  -1 },
		{ "<a/>", 0 }
	};
	struct setup_guesses g;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++)
		assert_int_equal(t[i].want, read_isp(&g, t[i].text,
			strlen(t[i].text), SESSION_SMTP));
}

static void test_isp_login(void **state)
{
	static const struct { const char *text, *user; bool token; } t[] = {
		{ SMTP("a.b", "465", "SSL", ""), "", false },
		{ SMTP("a.b", "465", "SSL", "<username>m0123</username>"),
		  "m0123", false },
		{ SMTP("a.b", "465", "SSL", "<username>AL.ICE@example.org"
		       "</username>"), "", false },
		{ SMTP("a.b", "465", "SSL", "<username>%EMAILLOCALPART%@"
		       "%EMAILDOMAIN%</username>"), "", false },
		{ SMTP("a.b", "465", "SSL", "<username>%EMAILDOMAIN%-"
		       "%EMAILLOCALPART%</username>"), "example.org-al.ice",
		  false },
		{ SMTP("a.b", "465", "SSL", "<authentication>OAuth2"
		       "</authentication>"), "", true },
		{ SMTP("a.b", "465", "SSL", "<authentication>OAuth2"
		       "</authentication><authentication>password-encrypted"
		       "</authentication>"), "", false },
	};
	struct setup_guesses g;

	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
		assert_int_equal(1, read_isp(&g, t[i].text, strlen(t[i].text),
		                             SESSION_SMTP));
		assert_string_equal(t[i].user, g.guess[0].user);
		assert_int_equal(t[i].token, g.guess[0].token);
	}
}

/* What its words stand for may be longer than there is room for. */
static void test_isp_long(void **state)
{
	static const char user[] = "<username>%EMAILADDRESS%%EMAILADDRESS%"
		"</username>";
	const char text[] = SMTP("a.b", "465", "SSL", "<username>%EMAILADDRESS%"
		"%EMAILADDRESS%</username>");
	char address[ADDR_MAX + 1];
	struct setup_guesses g = { .n = 0 };

	(void)state;
	assert_non_null(strstr(text, user));
	for (size_t n = 1; n <= ADDR_MAX - 4; n++) {
		memset(address, 'a', n);
		memcpy(address + n, "@b.c", 5);
		g.n = 0;
		assert_int_equal(2 * (n + 4) <= ADDR_MAX,
			setup_isp_parse(&g, text, strlen(text), address, "b.c",
			                SESSION_SMTP, ""));
		if (g.n)
			assert_int_equal(2 * (n + 4), strlen(g.guess[0].user));
	}
}

/* ---- autoconfig ---- */

static void test_url(void **state)
{
	char url[SETUP_URL_MAX], far[SETUP_DOMAIN_MAX], address[ADDR_MAX + 1];

	(void)state;
	assert_int_equal(0, setup_autoconfig_url(SETUP_AT_AUTOCONFIG,
		"a&b=#%+\xc3\xa4~@example.org", "example.org", url));
	assert_string_equal("https://autoconfig.example.org/mail/config-v1.1.xml"
		"?emailaddress=a%26b%3D%23%25%2B%C3%A4~%40example.org", url);
	assert_int_equal(0, setup_autoconfig_url(SETUP_AT_WELL_KNOWN,
		"a@example.org", "example.org", url));
	assert_string_equal("https://example.org/.well-known/autoconfig/mail/"
		"config-v1.1.xml", url);
	assert_int_equal(0, setup_autoconfig_url(SETUP_AT_MOZILLA,
		"a@example.org", "example.org", url));
	assert_string_equal("https://autoconfig.thunderbird.net/v1.1/example.org",
	                    url);
	/* the longest there are */
	memset(far, 'a', sizeof far - 1);
	far[sizeof far - 1] = '\0';
	memset(address, '+', ADDR_MAX);
	address[ADDR_MAX] = '\0';
	assert_int_equal(0, setup_autoconfig_url(SETUP_AT_AUTOCONFIG, address,
	                                         far, url));
	assert_true(strlen(url) > 3 * ADDR_MAX + sizeof far);
}

/* ---- DNS ---- */

#define RR "\xc0\x0c\0\x21\0\1\0\0\0\x3c"
static const char answer[] =
	"\x12\x34\x81\x80\0\1\0\4\0\0\0\0"
	"\x0c_submissions\4_tcp\7example\3org\0\0\x21\0\1"
	RR "\0\x0c\0\x14\0\1\1\xd1\3two\xc0\x1e"		/* 20 1 465 two */
	RR "\0\x0c\0\x0a\0\1\1\xd1\3low\xc0\x1e"		/* 10 1 465 low */
	RR "\0\x0c\0\x0a\0\x09\1\xd1\3one\xc0\x1e"	/* 10 9 465 one */
	RR "\0\x07\0\0\0\0\0\0";				/* and none */

static int read_srv(struct setup_srv out[SETUP_SRV_MAX], const void *p, size_t n)
{
	unsigned char *exact = malloc(n ? n : 1);
	int rc;

	assert_non_null(exact);
	memcpy(exact, p, n);
	rc = setup_srv_parse(exact, n, out);
	free(exact);
	return rc;
}

static void test_srv(void **state)
{
	struct setup_srv s[SETUP_SRV_MAX];
	char bad[sizeof answer];
	size_t n = sizeof answer;	/* its NUL is the last name */
	int rc;

	(void)state;
	assert_int_equal(3, read_srv(s, answer, n));
	assert_string_equal("one.example.org", s[0].target);
	assert_string_equal("low.example.org", s[1].target);
	assert_string_equal("two.example.org", s[2].target);
	assert_int_equal(465, s[0].port);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(-1, read_srv(s, answer, i));
	/* any octet may be any: what is taken is a host */
	for (size_t i = 0; i < n; i++)
		for (int c = 0; c < 256; c++) {
			memcpy(bad, answer, n);
			bad[i] = (char)c;
			rc = read_srv(s, bad, n);
			assert_true(rc <= SETUP_SRV_MAX);
			for (int k = 0; k < rc; k++)
				assert_true(setup_domain_ok(s[k].target)
				            && s[k].port);
		}
}

#define MX "\xc0\x0c\0\x0f\0\1\0\0\0\x3c"
static const char mx_answer[] =
	"\x12\x34\x81\x80\0\1\0\4\0\0\0\0"
	"\7example\3org\0\0\x0f\0\1"
	MX "\0\7\0\x14\2mx\xc0\x0c"			/* 20 mx */
	MX "\0\x09\0\5\4mail\xc0\x0c"		/* 5 mail */
	RR "\0\x0c\0\0\0\1\1\xd1\3low\xc0\x0c"	/* SRV, which does not count */
	MX "\0\3\0\0\0";				/* none */

static void test_mx(void **state)
{
	struct setup_srv s[SETUP_SRV_MAX];
	char *exact;

	(void)state;
	for (size_t n = 0; n < sizeof mx_answer; n++) {
		exact = malloc(n ? n : 1);
		assert_non_null(exact);
		memcpy(exact, mx_answer, n);
		assert_int_equal(n < sizeof mx_answer - 1 ? -1 : 2,
			setup_mx_parse((unsigned char *)exact, n, s));
		free(exact);
	}
	assert_string_equal("mail.example.org", s[0].target);
	assert_string_equal("mx.example.org", s[1].target);
	assert_int_equal(20, s[1].priority);
	assert_int_equal(0, s[0].port);
}

/* ---- the table ---- */

static void test_provider(void **state)
{
	static const char *const all[] = { "gmail.com", "outlook.com", "yahoo.com",
		"aol.com", "icloud.com", "proton.me", "tuta.com", "fastmail.com",
		"gmx.de", "gmx.com", "web.de", "t-online.de", "posteo.de",
		"mailbox.org", NULL };
	struct conf_value v = { .path = "", .key = "" };
	const struct setup_provider *p;
	struct server s = { .host = NULL };

	(void)state;
	for (int i = 0; all[i]; i++) {
		p = setup_provider(all[i]);
		assert_non_null(p);
		for (int pop3 = 0; pop3 < 2; pop3++) {
			v.text = pop3 ? p->pop3 : p->smtp;
			if (!v.text)
				continue;
			assert_int_equal(0, conf_value_server(&v, &s, NULL));
			assert_true(s.transport != TRANSPORT_PLAINTEXT);
		}
		/* what does not simply work says what to do */
		assert_true(p->works == SETUP_WORKS || p->todo);
		assert_true(p->works != SETUP_WORKS || (p->smtp && p->pop3));
	}
	free(s.host);
	assert_ptr_equal(setup_provider("gmail.com"), setup_provider("GMail.com"));
	assert_true(setup_provider("web.de")->local_part);
	assert_null(setup_provider("example.org"));
	assert_null(setup_provider("xgmail.com"));
	assert_null(setup_provider(""));
}

static void test_provider_of_mx(void **state)
{
	(void)state;
	assert_ptr_equal(setup_provider("gmail.com"),
	                 setup_provider_of_mx("ASPMX.L.Google.com"));
	assert_ptr_equal(setup_provider("outlook.com"),
		setup_provider_of_mx("eur.olc.protection.outlook.com"));
	assert_string_equal("Microsoft 365",
		setup_provider_of_mx("x.mail.protection.outlook.com")->name);
	assert_ptr_equal(setup_provider("fastmail.com"),
		setup_provider_of_mx("in1-smtp.messagingengine.com"));
	assert_null(setup_provider_of_mx("notgoogle.com"));
	assert_null(setup_provider_of_mx("google.com.example.org"));
	assert_null(setup_provider_of_mx("mx.example.org"));
}

static void test_srv_many(void **state)
{
	static const char one[] = RR "\0\x0c\0\x0a\0\1\1\xd1\3low\xc0\x1e";
	enum { HEAD = 12 + 35 + 1, MANY = 100 };
	struct setup_srv s[SETUP_SRV_MAX];
	char all[HEAD + MANY * (sizeof one - 1)];
	char *p = memmem(answer, sizeof answer, RR, sizeof RR - 1);
	size_t head = (size_t)(p - answer), n;

	(void)state;
	assert_true(head < HEAD);
	memcpy(all, answer, head);
	all[7] = MANY;
	for (n = head; n - head < MANY * (sizeof one - 1); n += sizeof one - 1)
		memcpy(all + n, one, sizeof one - 1);
	assert_int_equal(SETUP_SRV_MAX, read_srv(s, all, n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_isp),
		cmocka_unit_test(test_isp_hostile),
		cmocka_unit_test(test_isp_login),
		cmocka_unit_test(test_isp_long),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_srv),
		cmocka_unit_test(test_srv_many),
		cmocka_unit_test(test_mx),
		cmocka_unit_test(test_provider),
		cmocka_unit_test(test_provider_of_mx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
