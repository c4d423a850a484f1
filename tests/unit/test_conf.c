/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration: every default, every key, the words of every error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "agent/conf.h"

#define PIN "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define FPR "0123456789ABCDEF0123456789ABCDEF01234567"

static struct conf c;
static struct err e;

static int parse(const char *text)
{
	memset(&e, 0, sizeof e);
	return conf_parse(&c, "letterlock.conf", text, strlen(text), &e);
}

static void parse_ok(const char *text)
{
	if (parse(text) < 0)
		fail_msg("%s", e.text);
}

static void is_listener(const struct listen *l, const char *host, int port)
{
	char text[INET6_ADDRSTRLEN];
	const struct sockaddr_in *in = (const void *)&l->addr;
	const struct sockaddr_in6 *in6 = (const void *)&l->addr;
	bool v6 = l->addr.ss_family == AF_INET6;

	assert_int_equal(l->len, v6 ? sizeof *in6 : sizeof *in);
	assert_non_null(inet_ntop(l->addr.ss_family, v6 ?
	                (const void *)&in6->sin6_addr :
	                (const void *)&in->sin_addr, text, sizeof text));
	assert_string_equal(text, host);
	assert_int_equal(ntohs(v6 ? in6->sin6_port : in->sin_port), port);
}

static void defaults(void **state)
{
	(void)state;
	parse_ok("");
	assert_string_equal(c.path, "letterlock.conf");
	assert_int_equal(c.n_submission, 1);
	is_listener(&c.submission[0], "127.0.0.1", 587);
	assert_int_equal(c.n_pop3, 1);
	is_listener(&c.pop3[0], "127.0.0.1", 110);
	assert_null(c.gnupghome);
	assert_int_equal(c.max_message_size, 104857600);
	assert_int_equal(c.max_sessions, 16);
	assert_int_equal(c.max_sessions_per_user, 16);
	assert_int_equal(c.max_recipients, 1000);
	assert_int_equal(c.min_rate, 100);
	assert_int_equal(c.reply_timeout, 300);
	assert_false(c.sandbox_required);
	assert_int_equal(c.discover, DISCOVER_WKD);
	assert_int_equal(c.max_bcc, 8);
	assert_int_equal(c.look_ahead, 4);
	assert_false(c.allow_remote);
	assert_int_equal(c.client_timeout, 300);
	assert_int_equal(c.provider_timeout, 120);
	assert_int_equal(c.gpg_timeout, 30);
	assert_int_equal(c.unlock_timeout, 60);
	assert_int_equal(c.n_accounts, 0);
	assert_int_equal(c.n_contacts, 0);
	conf_free(&c);

	parse_ok("[alice@example.org]\n");
	assert_int_equal(c.n_accounts, 1);
	assert_string_equal(c.account[0].address, "alice@example.org");
	assert_string_equal(c.account[0].user, "alice@example.org");
	assert_null(c.account[0].smtp.host);
	assert_null(c.account[0].pop3.host);
	assert_null(c.account[0].ca_file);
	assert_null(c.account[0].key);
	assert_int_equal(c.account[0].aliases.n, 0);
	assert_int_equal(c.account[0].encrypt, POLICY_ASK);
	assert_int_equal(c.account[0].sign, SIGN_SEALED);
	conf_free(&c);
}

/* The example of the manual, with a path and a key put in. */
static void example(void **state)
{
	const struct account *a = &c.account[0];

	(void)state;
	setenv("HOME", "/home/alice", 1);
	parse_ok("[agent]\n"
	         "submission = 127.0.0.1:587        # several allowed, comma-separated; loopback only unless allow-remote = yes\n"
	         "pop3       = 127.0.0.1:110\n"
	         "gnupghome  = ~/.gnupg\n"
	         "max-message-size = 100M\n"
	         "max-sessions     = 16\n"
	         "\n"
	         "[alice@example.org]               # an account: its address\n"
	         "user  = alice@example.org         # login the client uses, and sent upstream; default: the address\n"
	         "smtp  = smtp.example.org:465 tls  # host:port and tls | starttls | plaintext (plaintext: loopback hosts only)\n"
	         "pop3  = pop.example.org:995 tls\n"
	         "ca-file = /etc/ssl/own.pem        # besides the system's\n"
	         "aliases = a@example.org, *@alice.example\n"
	         "key   = " FPR "                   # default: the best usable secret key for the address\n"
	         "encrypt = ask                     # always | ask | when-possible | never\n"
	         "sign    = sealed                  # sealed (sign what is encrypted) | always | never\n"
	         "\n"
	         "[to bob@example.org]              # what the user says of a contact; a whole domain: [to @example.net]\n"
	         "encrypt = always\n");
	is_listener(&c.submission[0], "127.0.0.1", 587);
	assert_string_equal(c.gnupghome, "/home/alice/.gnupg");
	assert_int_equal(c.n_accounts, 1);
	assert_string_equal(a->user, "alice@example.org");
	assert_string_equal(a->smtp.host, "smtp.example.org");
	assert_int_equal(a->smtp.port, 465);
	assert_int_equal(a->smtp.transport, TRANSPORT_TLS);
	assert_string_equal(a->pop3.host, "pop.example.org");
	assert_int_equal(a->pop3.port, 995);
	assert_string_equal(a->ca_file, "/etc/ssl/own.pem");
	assert_string_equal(a->key, FPR);
	assert_int_equal(a->aliases.n, 2);
	assert_string_equal(a->aliases.addr[1], "*@alice.example");
	assert_int_equal(c.n_contacts, 1);
	assert_string_equal(c.contact[0].address, "bob@example.org");
	assert_int_equal(c.contact[0].encrypt, POLICY_ALWAYS);
	conf_free(&c);
}

static void every_key(void **state)
{
	const struct account *a = &c.account[0], *b = &c.account[1];

	(void)state;
	setenv("HOME", "/home/alice", 1);
	parse_ok("\xef\xbb\xbf# a comment\r\n; and one\r\n\r\n"
	         "  [agent] ; indented, and with CRLF\r\n"
	         "\tsubmission=127.0.0.1:0 , [::1]:2587 tls,"
	         "localhost:0\t starttls\r\n"
	         " pop3 = [::1]:0\r\n"
	         "gnupghome = ~\r\n"
	         "discover = none\r\n"
	         "max-message-size = 2G\r\n"
	         "max-sessions = 256\r\n"
	         "max-bcc = 0\r\n"
	         "look-ahead = 32\r\n"
	         "allow-remote = no\r\n"
	         "max-sessions-per-user = 3\r\n"
	         "max-recipients = 7\r\n"
	         "users = root, 1234 , 0\r\n"
	         "sandbox = required\r\n"
	         "connect-timeout = 4\r\n"
	         "greeting-timeout = 5\r\n"
	         "reply-timeout = 6\r\n"
	         "min-rate = 0\r\n"
	         "client-timeout = 1\r\n"
	         "provider-timeout = 2\r\n"
	         "gpg-timeout = 3\r\n"
	         "unlock-timeout = 3600\r\n"
	         "[a@example.org]\r\n"
	         "user = a#b;c=d e\r\n"
	         "smtp = 127.1.2.3:25 plaintext\r\n"
	         "pop3 = [::1]:110\t plaintext\r\n"
	         "ca-file = ~/ca.pem\r\n"
	         "pin = " PIN ", " PIN "\r\npin-only = yes\r\n"
	         "credentials = command \"pass # x ; y\" ; why\r\n"
	         "login = oauth\r\n"
	         "key = 0123 4567 89ab cdef 0123  4567 89ab cdef 0123 4567\r\n"
	         "encrypt = never\r\nsign = always\r\nautocrypt = no\r\n"
	         "renew = no\r\n"
	         "[b@example.org]\r\n"
	         "smtp = LocalHost:25 plaintext\r\n"
	         "pop3 = [2001:db8::1]:110 starttls\r\n"
	         "encrypt = when-possible\r\nsign = never");
	assert_int_equal(c.n_submission, 3);
	is_listener(&c.submission[0], "127.0.0.1", 0);
	is_listener(&c.submission[1], "::1", 2587);
	is_listener(&c.submission[2], "127.0.0.1", 0);
	assert_int_equal(c.submission[0].tls, LOCAL_OFFERED);
	assert_int_equal(c.submission[1].tls, LOCAL_TLS);
	assert_int_equal(c.submission[2].tls, LOCAL_STARTTLS);
	assert_int_equal(c.n_pop3, 1);
	is_listener(&c.pop3[0], "::1", 0);
	assert_string_equal(c.gnupghome, "/home/alice");
	assert_int_equal(c.discover, DISCOVER_NONE);
	assert_true(c.max_message_size == UINT64_C(2) << 30);
	assert_int_equal(c.max_sessions, 256);
	assert_int_equal(c.max_bcc, 0);
	assert_int_equal(c.max_sessions_per_user, 3);
	assert_int_equal(c.max_recipients, 7);
	assert_int_equal(c.n_users, 3);
	assert_int_equal(c.user[0], 0);
	assert_int_equal(c.user[1], 1234);
	assert_true(c.sandbox_required);
	assert_int_equal(c.connect_timeout, 4);
	assert_int_equal(c.greeting_timeout, 5);
	assert_int_equal(c.reply_timeout, 6);
	assert_int_equal(c.min_rate, 0);
	assert_int_equal(a->n_pins, 2);
	assert_int_equal(a->pin[1][0], 0);
	assert_int_equal(a->pin[1][31], 31);
	assert_true(a->pin_only);
	assert_false(a->autocrypt);
	assert_true(b->autocrypt);
	assert_false(a->renew);
	assert_true(b->renew);
	assert_string_equal(a->command, "pass # x ; y");
	assert_int_equal(a->login, LOGIN_OAUTH);
	assert_null(b->command);
	assert_int_equal(c.look_ahead, 32);
	assert_false(c.allow_remote);
	assert_int_equal(c.client_timeout, 1);
	assert_int_equal(c.provider_timeout, 2);
	assert_int_equal(c.gpg_timeout, 3);
	assert_int_equal(c.unlock_timeout, 3600);
	assert_string_equal(a->user, "a#b;c=d e");
	assert_string_equal(a->smtp.host, "127.1.2.3");
	assert_int_equal(a->smtp.transport, TRANSPORT_PLAINTEXT);
	assert_string_equal(a->pop3.host, "::1");
	assert_string_equal(a->ca_file, "/home/alice/ca.pem");
	assert_string_equal(a->key, FPR);
	assert_int_equal(a->encrypt, POLICY_NEVER);
	assert_int_equal(a->sign, SIGN_ALWAYS);
	assert_string_equal(b->smtp.host, "LocalHost");
	assert_string_equal(b->pop3.host, "2001:db8::1");
	assert_int_equal(b->pop3.transport, TRANSPORT_STARTTLS);
	assert_int_equal(b->encrypt, POLICY_WHEN_POSSIBLE);
	assert_int_equal(b->sign, SIGN_NEVER);
	conf_free(&c);
}

#define SERVER_WANTED "host:port and one of tls, starttls, plaintext is " \
	"wanted, such as mail.example.org:465 tls"
#define LISTEN_WANTED "an address with its port, and perhaps tls or " \
	"starttls, such as 127.0.0.1:1587 tls or [::1]:1587, is wanted"
#define LOCAL_WANTED "an address that is not this machine's own is listed, " \
	"so 127.0.0.1 or [::1] is wanted (or allow-remote = yes)"
#define TLS_WANTED "an address that is not this machine's own is listed, " \
	"so tls or starttls is wanted behind it"
#define COMMAND_WANTED "client, or command and a command in quotes that " \
	"prints the secret, is wanted, such as command \"pass mail/alice\""
#define PIN_WANTED "sha256// and the base64 of a public key's SHA-256 is wanted"
#define SIZE_WANTED "a size such as 100M, 64K or 2G is wanted, from 64K to 64G"
#define POLICY_WANTED "one of always, ask, when-possible, never is wanted"
#define PLAIN_WANTED "plaintext is only for 127.0.0.1, [::1] and localhost, " \
	"so tls or starttls is wanted"
#define FPR_WANTED "a fingerprint of 40 hex digits is wanted " \
	"(gpg --list-secret-keys shows it)"
#define PATH_WANTED "a path that begins with / or ~/ is wanted"
#define ALIASES_WANTED "addresses or *@domain, with commas between them, " \
	"are wanted"
#define SECTION_WANTED "no such section: one of [agent], [ADDRESS], " \
	"[to ADDRESS], [to @DOMAIN] is wanted"

static const struct {
	const char *text, *words;	/* words: behind "letterlock.conf:" */
} bad[] = {
	{ "[a@b.example]\n\nencrypt = sometimes",
	  "3: encrypt = sometimes: " POLICY_WANTED },
	{ "[a@b.example]\nencrypt =", "2: encrypt: " POLICY_WANTED },
	{ "[a@b.example]\nencrypt = Ask", "2: encrypt = Ask: " POLICY_WANTED },
	{ "[to @b.example]\nencrypt = no # x", "2: encrypt = no: " POLICY_WANTED },
	{ "[a@b.example]\nsign = yes",
	  "2: sign = yes: one of sealed, always, never is wanted" },
	{ "[agent]\nallow-remote = maybe",
	  "2: allow-remote = maybe: yes or no is wanted" },
	{ "[agent]\nusers = root,nobody-of-this-name",
	  "2: users = root,nobody-of-this-name: names or numbers of this "
	  "machine's users, with commas between them, are wanted" },
	{ "[agent]\nsandbox = yes",
	  "2: sandbox = yes: when-possible or required is wanted" },
	{ "[a@b.example]\ncredentials = command pass",
	  "2: credentials: " COMMAND_WANTED },
	{ "[a@b.example]\ncredentials = command \"\"",
	  "2: credentials: " COMMAND_WANTED },
	{ "[a@b.example]\ncredentials = \"x\"",
	  "2: credentials: " COMMAND_WANTED },
	{ "[a@b.example]\nlogin = token",
	  "2: login = token: password or oauth is wanted" },
	{ "[a@b.example]\npin = " PIN ", sha256//AAAA",
	  "2: pin = sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=, sha256"
	  "...: " PIN_WANTED },
	{ "[a@b.example]\n\npin-only = yes",
	  "3: pin-only: a pin is wanted in this section" },
	/* listeners */
	{ "[agent]\nsubmission = 0.0.0.0:587",
	  "2: submission: " LOCAL_WANTED },
	{ "[agent]\npop3 = [::]:110", "2: pop3: " LOCAL_WANTED },
	{ "[agent]\nallow-remote = yes\npop3 = [::]:110 tls, 10.0.0.1:110",
	  "3: pop3: " TLS_WANTED },
	{ "[agent]\npop3 = 127.0.0.1:110 ssl",
	  "2: pop3 = 127.0.0.1:110 ssl: " LISTEN_WANTED },
	{ "[agent]\npop3 = ::1:110", "2: pop3 = ::1:110: " LISTEN_WANTED },
	{ "[agent]\npop3 = [127.0.0.1]:110",
	  "2: pop3 = [127.0.0.1]:110: " LISTEN_WANTED },
	{ "[agent]\npop3 = 127.0.0.1", "2: pop3 = 127.0.0.1: " LISTEN_WANTED },
	{ "[agent]\npop3 = 127.0.0.1:65536",
	  "2: pop3 = 127.0.0.1:65536: " LISTEN_WANTED },
	{ "[agent]\npop3 = 127.0.0.1:1,",
	  "2: pop3 = 127.0.0.1:1,: " LISTEN_WANTED },
	{ "[agent]\npop3 = ", "2: pop3: " LISTEN_WANTED },
	{ "[agent]\npop3 = 127.0.0.1:1, localhost:1",
	  "2: pop3 = 127.0.0.1:1, localhost:1: each address is wanted only once" },
	{ "[agent]\npop3 = [::1]:0,[::1]:0,[::1]:0,[::1]:0,[::1]:0,[::1]:0,"
	  "[::1]:0,[::1]:0,[::1]:0",
	  "2: pop3 = [::1]:0,[::1]:0,[::1]:0,[::1]:0,[::1]:0,[::1]:0,[::1]:0,[::1...: "
	  "at most 8 addresses are possible" },
	{ "[agent]\nsubmission = 127.0.0.1:99\npop3 = 127.0.0.1:99",
	  "1: submission and pop3 have the same address, another port is "
	  "wanted for one of them" },
	{ "\n[agent]\npop3 = 127.0.0.1:587",
	  "2: submission and pop3 have the same address, another port is "
	  "wanted for one of them" },
	/* sizes and numbers */
	{ "[agent]\nmax-message-size = 63K",
	  "2: max-message-size = 63K: " SIZE_WANTED },
	{ "[agent]\nmax-message-size = 65G",
	  "2: max-message-size = 65G: " SIZE_WANTED },
	{ "[agent]\nmax-message-size = 18446744073709551617",
	  "2: max-message-size = 18446744073709551617: " SIZE_WANTED },
	{ "[agent]\nmax-message-size = 100MB",
	  "2: max-message-size = 100MB: " SIZE_WANTED },
	{ "[agent]\nmax-message-size = -1M",
	  "2: max-message-size = -1M: " SIZE_WANTED },
	{ "[agent]\nmax-message-size = M", "2: max-message-size = M: " SIZE_WANTED },
	{ "[agent]\nmax-sessions = 0",
	  "2: max-sessions = 0: a number from 1 to 256 is wanted" },
	{ "[agent]\nmax-sessions = 257",
	  "2: max-sessions = 257: a number from 1 to 256 is wanted" },
	{ "[agent]\nmax-bcc = 33",
	  "2: max-bcc = 33: a number from 0 to 32 is wanted" },
	{ "[agent]\nlook-ahead = four",
	  "2: look-ahead = four: a number from 0 to 32 is wanted" },
	{ "[agent]\nclient-timeout = 0",
	  "2: client-timeout = 0: a number from 1 to 3600 is wanted" },
	{ "[agent]\nprovider-timeout = 3601",
	  "2: provider-timeout = 3601: a number from 1 to 3600 is wanted" },
	{ "[agent]\ngpg-timeout = 4294967297",
	  "2: gpg-timeout = 4294967297: a number from 1 to 3600 is wanted" },
	{ "[agent]\nunlock-timeout = 5m",
	  "2: unlock-timeout = 5m: a number from 1 to 3600 is wanted" },
	/* paths, logins, keys, aliases */
	{ "[agent]\ngnupghome = gnupg", "2: gnupghome = gnupg: " PATH_WANTED },
	{ "[agent]\ngnupghome = ~bob/x", "2: gnupghome = ~bob/x: " PATH_WANTED },
	{ "[a@b.example]\nca-file =", "2: ca-file: " PATH_WANTED },
	{ "[a@b.example]\nuser =",
	  "2: user: the name the mail client logs in with is wanted" },
	{ "[a@b.example]\nkey = 89ABCDEF", "2: key = 89ABCDEF: " FPR_WANTED },
	{ "[a@b.example]\nkey = " FPR "0", "2: key = " FPR "0: " FPR_WANTED },
	{ "[a@b.example]\naliases = a@b.example, b",
	  "2: aliases: " ALIASES_WANTED },
	{ "[a@b.example]\naliases = *", "2: aliases: " ALIASES_WANTED },
	{ "[a@b.example]\naliases = *@", "2: aliases: " ALIASES_WANTED },
	/* servers */
	{ "[a@b.example]\nsmtp = mail.b.example:465",
	  "2: smtp = mail.b.example:465: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = mail.b.example tls",
	  "2: smtp = mail.b.example tls: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = mail.b.example:0 tls",
	  "2: smtp = mail.b.example:0 tls: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = mail.b.example:465 ssl",
	  "2: smtp = mail.b.example:465 ssl: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = mail.b.example:465 tls 2",
	  "2: smtp = mail.b.example:465 tls 2: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = mail..example:465 tls",
	  "2: smtp = mail..example:465 tls: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = -mail.example:465 tls",
	  "2: smtp = -mail.example:465 tls: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = m\xc3\xa4il.example:465 tls",
	  "2: smtp = m??il.example:465 tls: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = 2001:db8::1:465 tls",
	  "2: smtp = 2001:db8::1:465 tls: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = [2001:zz::1]:465 tls",
	  "2: smtp = [2001:zz::1]:465 tls: " SERVER_WANTED },
	{ "[a@b.example]\nsmtp = mail.b.example:25 plaintext",
	  "2: smtp = mail.b.example:25 plaintext: " PLAIN_WANTED },
	{ "[a@b.example]\nsmtp = 10.0.0.1:25 plaintext",
	  "2: smtp = 10.0.0.1:25 plaintext: " PLAIN_WANTED },
	{ "[a@b.example]\npop3 = 127.evil.example:25 plaintext",
	  "2: pop3 = 127.evil.example:25 plaintext: " PLAIN_WANTED },
	{ "[a@b.example]\npop3 = [2001:db8::1]:25 plaintext",
	  "2: pop3 = [2001:db8::1]:25 plaintext: " PLAIN_WANTED },
	/* keys */
	{ "smtp = x", "1: smtp: a section such as [agent] is wanted before "
	  "the first key" },
	{ "[agent]\nmax-size = 3",
	  "2: max-size: unknown key, one of submission, pop3, gnupghome, discover, "
	  "max-message-size, max-sessions, max-sessions-per-user, "
	  "max-recipients, max-bcc, look-ahead, allow-remote, users, sandbox, "
	  "client-timeout, connect-timeout, greeting-timeout, reply-timeout, "
	  "provider-timeout, min-rate, gpg-timeout, unlock-timeout is wanted" },
	{ "[a@b.example]\nsecret-thing = hunter2",
	  "2: secret-thing: unknown key, one of user, smtp, pop3, ca-file, "
	  "pin, pin-only, credentials, login, aliases, key, encrypt, sign, "
	  "autocrypt, renew is wanted" },
	{ "[a@b.example]\npassword = hunter2",
	  "2: password: no password is kept here, the mail client has it" },
	{ "[to a@b.example]\nsign = never",
	  "2: sign: unknown key, one of encrypt is wanted" },
	{ "[agent]\nmax-bcc = 1\nlook-ahead = 1\nmax-bcc = 1",
	  "4: max-bcc: was there before, on line 2: one of them is wanted" },
	{ "[a@b.example]\nuser = a\n\nuser = b",
	  "4: user: was there before, on line 2: one of them is wanted" },
	{ "[agent]\nmax-bcc", "2: this is no \"key = value\"" },
	{ "[agent]\nmax-bcc: 3", "2: this is no \"key = value\"" },
	{ "[agent]\n= 3", "2: this is no \"key = value\"" },
	{ "[agent]\nmax-bcc = 3\n 4", "3: this is no \"key = value\"" },
	{ "[agent]\nmax-bcc = \001" "3",
	  "2: a control character, only text is wanted" },
	/* sections */
	{ "[agent]\n\n[agent]",
	  "3: [agent] was there before, on line 1: one of them is wanted" },
	{ "[a@b.example]\n[x@b.example]\n[A@B.Example]",
	  "3: this account was there before, on line 1: one of them is wanted" },
	{ "[to a@b.example]\nencrypt = ask\n[to A@b.example]",
	  "3: this contact was there before, on line 1: one of them is wanted" },
	{ "[to a@b.example]\n\n[agent]",
	  "1: encrypt is missing here: " POLICY_WANTED },
	{ "\n[to @b.example]", "2: encrypt is missing here: " POLICY_WANTED },
	{ "[agent", "1: the ] that ends the section's name is missing" },
	{ "[Agent]", "1: " SECTION_WANTED },
	{ "[]", "1: " SECTION_WANTED },
	{ "[@b.example]", "1: " SECTION_WANTED },
	{ "[to *@b.example]", "1: [to ADDRESS] or [to @DOMAIN] is wanted" },
	{ "[to bob]", "1: [to ADDRESS] or [to @DOMAIN] is wanted" },
	{ "[to  ]", "1: [to ADDRESS] or [to @DOMAIN] is wanted" },
	{ "[a@b.example]\nuser = x\n[c@d.example]\nuser = x",
	  "1: user: this account and that on line 3 have the same login, a "
	  "user of its own is wanted" },
	{ "[a@b.example]\nuser = x\n[c@d.example]\nuser = a@b.example",
	  "3: user: this account and that on line 1 have the same login, a "
	  "user of its own is wanted" },
};

static void errors(void **state)
{
	char want[ERR_TEXT_MAX + 100];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(want, sizeof want, "letterlock.conf:%s", bad[i].words);
		if (parse(bad[i].text) == 0)
			fail_msg("taken, not refused: %s", bad[i].text);
		assert_string_equal(e.text, want);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_CONFIGURATION);
		/* Nothing is left behind, and freeing again does no harm. */
		assert_null(c.path);
		conf_free(&c);
	}
}

/* libinih alone would cut these without a word. */
static void long_lines(void **state)
{
	static char text[10000], want[400];
	char name[300];

	(void)state;
	memset(name, 'a', sizeof name);
	memcpy(name + 60, "@", 1);
	for (int i = 100; i < 250; i += 50)
		name[i] = '.';
	memcpy(name + 250, ".example", 9);
	snprintf(text, sizeof text, "[%s]\n[to x%s]\nencrypt=never\n", name,
	         name);
	parse_ok(text);
	assert_string_equal(c.account[0].address, name);
	assert_string_equal(c.contact[0].address + 1, name);
	conf_free(&c);

	for (size_t len = 4094; len <= 4097; len++) {
		memset(text, 'x', sizeof text);
		memcpy(text, "[agent]\ngnupghome=/", 19);
		text[8 + len] = '\0';
		if (len <= 4095) {
			parse_ok(text);
			assert_int_equal(strlen(c.gnupghome), len - 10);
			conf_free(&c);
		} else {
			assert_int_equal(parse(text), -1);
			assert_string_equal(e.text, "letterlock.conf:2: this "
			        "line is too long, at most 4095 octets are "
			        "wanted");
		}
	}
	snprintf(want, sizeof want, "[agent]\n%.*s= 3", 80,
	         "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
	         "kkkkkkkkkkkkkkkkkkkkkkkk");
	assert_int_equal(parse(want), -1);
	assert_non_null(strstr(e.text, "unknown key"));
	assert_int_equal(conf_parse(&c, "x", "[agent]\nmax\0-bcc = 3", 20, &e),
	                 -1);
	assert_string_equal(e.text,
	                    "x:2: a control character, only text is wanted");
}

static void too_much(void **state)
{
	static char text[CONF_MAX + 2];
	size_t n = 0;

	(void)state;
	for (int i = 0; i <= CONF_ACCOUNTS_MAX; i++)
		n += (size_t)sprintf(text + n, "[a%d@b.example]\n", i);
	assert_int_equal(conf_parse(&c, "x", text, n, &e), -1);
	assert_string_equal(e.text,
	                    "x:65: too many accounts, 64 are possible");
	for (n = 0; n < CONF_MAX; n++)
		text[n] = '\n';
	assert_int_equal(conf_parse(&c, "x", text, n, &e), 0);
	conf_free(&c);
	text[n++] = '\n';
	assert_int_equal(conf_parse(&c, "x", text, n, &e), -1);
	assert_string_equal(e.text, "x: too long, at most 1M is wanted");
}

/* Each cut of a good file gives an account or an error, never a crash. */
static void cut_everywhere(void **state)
{
	static const char text[] =
		"[agent]\nsubmission = [::1]:0, 127.0.0.1:0 # x\n"
		"[a@b.example]\nsmtp = m.example:465 tls\naliases = a@b.c, *@d\n"
		"[to @b.example]\nencrypt = always\n";

	(void)state;
	for (size_t n = 0; n < sizeof text; n++) {
		char *copy = malloc(n ? n : 1);

		memcpy(copy, text, n);
		if (!conf_parse(&c, "x", copy, n, &e))
			conf_free(&c);
		else
			assert_int_equal(gpg_err_code(e.code),
			                 GPG_ERR_CONFIGURATION);
		free(copy);
	}
}

static void lookups(void **state)
{
	const struct account *a;

	(void)state;
	parse_ok("[alice@example.org]\nuser = alice\nencrypt = when-possible\n"
	         "aliases = a@example.org, *@alice.example\n"
	         "[bob@example.org]\nencrypt = never\n"
	         "[to carol@example.net]\nencrypt = ask\n"
	         "[to @example.net]\nencrypt = always\n"
	         "[to dan@example.com]\nencrypt = never\n");
	a = conf_account(&c, "alice");
	assert_ptr_equal(a, &c.account[0]);
	assert_ptr_equal(conf_account(&c, "Alice@Example.org"), a);
	assert_null(conf_account(&c, "Alice"));
	assert_null(conf_account(&c, ""));
	assert_null(conf_account(&c, "a@example.org"));
	assert_ptr_equal(conf_account(&c, "bob@example.org"), &c.account[1]);
	assert_true(account_owns(a, "ALICE@example.org"));
	assert_true(account_owns(a, "a@example.org"));
	assert_true(account_owns(a, "anything@alice.example"));
	assert_false(account_owns(a, "x@sub.alice.example"));
	assert_false(account_owns(a, "bob@example.org"));
	assert_false(account_owns(a, "alice"));
	/* The strictest wins, whichever of the three it is. */
	assert_int_equal(conf_policy(&c, a, "x@other.example"),
	                 POLICY_WHEN_POSSIBLE);
	assert_int_equal(conf_policy(&c, a, "Carol@Example.net"),
	                 POLICY_ALWAYS);
	assert_int_equal(conf_policy(&c, a, "x@example.net"), POLICY_ALWAYS);
	assert_int_equal(conf_policy(&c, a, "x@sub.example.net"),
	                 POLICY_WHEN_POSSIBLE);
	assert_int_equal(conf_policy(&c, a, "dan@example.com"),
	                 POLICY_WHEN_POSSIBLE);
	assert_int_equal(conf_policy(&c, &c.account[1], "dan@example.com"),
	                 POLICY_NEVER);
	conf_free(&c);
}

static void is_path(char *got, const char *want)
{
	assert_non_null(got);
	assert_string_equal(got, want);
	free(got);
}

static void folders(void **state)
{
	char top[] = "/tmp/letterlock-conf-XXXXXX", text[200], want[200];
	struct stat st;
	size_t n = 0;
	FILE *f;
	char *p;

	(void)state;
	assert_non_null(mkdtemp(top));
	setenv("HOME", top, 1);
	setenv("XDG_CONFIG_HOME", "/xdg", 1);
	is_path(conf_path(NULL), "/xdg/letterlock/letterlock.conf");
	is_path(conf_path("given"), "given");
	setenv("XDG_CONFIG_HOME", "relative", 1);
	snprintf(want, sizeof want, "%s/.config/letterlock/letterlock.conf",
	         top);
	is_path(conf_path(NULL), want);

	unsetenv("XDG_STATE_HOME");
	snprintf(want, sizeof want, "%s/.local/state/letterlock", top);
	is_path(conf_state_dir(&e), want);
	is_path(conf_state_dir(&e), want);
	assert_int_equal(stat(want, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	chmod(want, 0770);
	assert_null(conf_state_dir(&e));
	assert_non_null(strstr(e.text, "nobody else can write to"));
	snprintf(text, sizeof text, "%s/state", top);
	setenv("XDG_STATE_HOME", text, 1);
	strcat(text, "/letterlock");
	is_path(conf_state_dir(&e), text);
	unsetenv("XDG_STATE_HOME");
	unsetenv("HOME");
	assert_null(conf_state_dir(&e));

	snprintf(text, sizeof text, "%s/f", top);
	assert_null(conf_read(text, &n, &e));
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_ENOENT);
	f = fopen(text, "w");
	for (size_t i = 0; i < CONF_MAX; i++)
		fputc('#', f);
	fclose(f);
	p = conf_read(text, &n, &e);
	assert_non_null(p);
	assert_int_equal(n, CONF_MAX);
	free(p);
	for (mode_t mode = 0620; mode; mode = mode == 0620 ? 0602 : 0) {
		chmod(text, mode);
		assert_null(conf_read(text, &n, &e));
		assert_non_null(strstr(e.text, "nobody else can write to"));
	}
	chmod(text, 0644);
	if (geteuid() == 0) {
		assert_int_equal(chown(text, 65534, 0), 0);
		assert_null(conf_read(text, &n, &e));
		assert_non_null(strstr(e.text, "of your own"));
		assert_int_equal(chown(text, 0, 0), 0);
	}
	f = fopen(text, "a");
	fputc('#', f);
	fclose(f);
	assert_null(conf_read(text, &n, &e));
	assert_non_null(strstr(e.text, "at most 1M"));
	assert_null(conf_read(top, &n, &e));
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_EISDIR);
	snprintf(text, sizeof text, "rm -r %s", top);
	assert_int_equal(system(text), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(example),
		cmocka_unit_test(every_key),
		cmocka_unit_test(errors),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(too_much),
		cmocka_unit_test(cut_everywhere),
		cmocka_unit_test(lookups),
		cmocka_unit_test(folders),
	};

	return cmocka_run_group_tests_name("conf", tests, NULL, NULL);
}
