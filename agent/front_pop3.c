/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POP3 (RFC 1939, 2449, 5034) for the client; numbers, sizes and UIDLs are the
 * provider's, the letters come opened from mime. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/dots.h"
#include "agent/front.h"
#include "agent/log.h"

enum {
	COMMANDS_MAX = 1000000,
	ERRORS_MAX = 20,
	AUTH_FAILURES_MAX = 5,
	MESSAGE_MAX = 10000000,		/* message numbers */
	TOP_OPEN_MAX = 256 << 10,	/* TOP opens what is not larger, octets */
	OPENING_FIRST = 30000,		/* ms until "+OK" is begun ... */
	OPENING_DOT = 20000		/* ... and fed a dot each time */
};

struct pop3 {
	const struct conf *conf;
	struct front_ends *ends;
	struct client client;
	struct lane lane;
	struct login who;
	bool has_user, authed, quit;
	unsigned auth_failures;
	char unreachable[500];	/* words for every command after login */
};

/* ---- AUTHORIZATION ---- */

static int try_login(struct pop3 *s)
{
	const struct account *a = conf_account(s->conf, s->who.user);
	struct lane *l = &s->lane;

	if (!a || !a->pop3.host)
		return client_say(&s->client, "-ERR [AUTH] Letterlock knows "
		                  "no account with this user name");
	s->who.account = a;
	s->who.index = (uint32_t)(a - s->conf->account);
	lane_login(l, &s->who);
	explicit_bzero(s->who.password_secret, sizeof s->who.password_secret);
	if (l->outcome == DONE_DENIED || l->outcome == DONE_REFUSED) {
		s->auth_failures++;
		return client_say(&s->client, "-ERR [AUTH] %s says: %s",
		                  a->pop3.host, l->text);
	}
	s->authed = true;
	if (l->outcome != DONE_OK) {
		/* a failed login would raise a password dialog */
		log_note("the provider could not be reached");
		snprintf(s->unreachable, sizeof s->unreachable, "[SYS/TEMP] "
		         "Letterlock cannot reach %.100s. Check the connection "
		         "and fetch again%s%.200s%s", a->pop3.host,
		         l->code ? " (" : "", l->code ? l->text : "",
		         l->code ? ")" : "");
	}
	return client_say(&s->client, "+OK Welcome");
}

static int cmd_user(struct pop3 *s, char *arg)
{
	if (strlen(arg) >= sizeof s->who.user)
		return client_say(&s->client, "-ERR This name is too long");
	memcpy(s->who.user, arg, strlen(arg) + 1);
	s->has_user = true;
	return client_say(&s->client, "+OK Now the password");
}

static int cmd_pass(struct pop3 *s, char *arg)
{
	if (!s->has_user)
		return client_say(&s->client, "-ERR USER comes first");
	if (strlen(arg) >= SECRET_MAX)
		return client_say(&s->client, "-ERR This is too long");
	memcpy(s->who.password_secret, arg, strlen(arg) + 1);
	explicit_bzero(arg, strlen(arg));
	s->has_user = false;
	return try_login(s);
}

static int cmd_auth(struct pop3 *s, char *arg)
{
	char line_secret[CLIENT_LINE_MAX];
	char *initial = strchr(arg, ' ');
	int n, rc;

	if (initial)
		*initial++ = '\0';
	if (strcasecmp(arg, "PLAIN") != 0)
		return client_say(&s->client, "-ERR AUTH PLAIN is understood");
	if (!initial || strcmp(initial, "=") == 0) {
		client_say(&s->client, "+ ");
		n = client_line(&s->client, line_secret, sizeof line_secret);
		if (n == -1)
			return -1;
		if (n == -2 || strcmp(line_secret, "*") == 0)
			return client_say(&s->client,
			                  "-ERR Authentication ended");
		initial = line_secret;
	}
	if (auth_plain(initial, &s->who))
		rc = client_say(&s->client, "-ERR This is not what AUTH PLAIN "
		                "takes");
	else
		rc = try_login(s);
	explicit_bzero(line_secret, sizeof line_secret);
	return rc;
}

static int cmd_capa(struct pop3 *s, char *arg)
{
	(void)arg;
	client_say(&s->client, "+OK What Letterlock can do");
	client_say(&s->client, "USER");
	client_say(&s->client, "SASL PLAIN");
	client_say(&s->client, "TOP");
	client_say(&s->client, "UIDL");
	client_say(&s->client, "RESP-CODES");
	client_say(&s->client, "AUTH-RESP-CODE");
	client_say(&s->client, "PIPELINING");
	client_say(&s->client, "IMPLEMENTATION Letterlock");
	return client_say(&s->client, ".");
}

/* ---- the provider's answers ---- */

/* What went wrong with the last command, in words; -1 ends the session where
 * the provider or a part of ours has gone. */
static int say_err(struct pop3 *s)
{
	struct lane *l = &s->lane;

	if (l->outcome == DONE_REFUSED)
		return client_say(&s->client, "-ERR %s", l->text);
	client_say(&s->client, "-ERR [SYS/TEMP] Letterlock: %s. Fetch again",
	           l->text);
	client_flush(&s->client);
	return -1;
}

static int ask(struct pop3 *s, unsigned type, const uint32_t *n, unsigned k)
{
	struct pack p;

	pack_init(&p);
	for (unsigned i = 0; i < k; i++)
		pack_u32(&p, n[i]);
	if (lane_ask(&s->lane, type, &p))
		return -1;
	return s->lane.outcome == DONE_OK ? 0 : -1;
}

/* "3" or "3 20": k numbers into n.  0, or -1. */
static int numbers(char *arg, uint32_t *n, unsigned k, uint32_t max)
{
	unsigned long v;
	char *end;

	for (unsigned i = 0; i < k; i++) {
		if (!isdigit((unsigned char)*arg) || strspn(arg, "0123456789") > 9)
			return -1;
		v = strtoul(arg, &end, 10);
		if (v > max || (i == 0 && v == 0))
			return -1;
		n[i] = (uint32_t)v;
		if (i + 1 < k && *end != ' ')
			return -1;
		arg = end + strspn(end, " ");
	}
	return *arg ? -1 : 0;
}

static int bad_number(struct pop3 *s)
{
	return client_say(&s->client, "-ERR This is no message number");
}

static int cmd_stat(struct pop3 *s, char *arg)
{
	(void)arg;
	if (ask(s, U_STAT, NULL, 0))
		return say_err(s);
	return client_say(&s->client, "+OK %s", s->lane.text);
}

/* LIST and UIDL: lines of the provider's, made anew. */
static int listing(struct pop3 *s, unsigned type, char *arg)
{
	struct lane *l = &s->lane;
	uint32_t one = 0, n;
	struct frame f;
	struct unpack u;
	char text[100];
	bool begun = false;

	if (*arg && numbers(arg, &one, 1, MESSAGE_MAX))
		return bad_number(s);
	if (lane_tell(l, type, &one, sizeof one))
		return say_err(s);
	for (;;) {
		if (!chan_wait(&l->upstream, -1)
		    || chan_recv(&l->upstream, &f, NULL))
			goto lost;
		if (f.type != U_ITEM)
			break;
		unpack_init(&u, &f);
		n = unpack_u32(&u);
		unpack_str(&u, text, sizeof text);
		if (!unpack_end(&u))
			goto lost;
		if (!begun && !one)
			client_say(&s->client, "+OK");
		begun = true;
		if (client_say(&s->client, "%s%u %s", one ? "+OK " : "", n,
		               text))
			return -1;
	}
	unpack_init(&u, &f);
	l->outcome = (enum outcome)unpack_u32(&u);
	unpack_u32(&u);
	unpack_str(&u, l->text, sizeof l->text);
	if (f.type != U_DONE || u.bad)
		goto lost;
	if (l->outcome != DONE_OK)
		return begun ? -1 : say_err(s);
	if (one)
		return begun ? 0 : bad_number(s);
	if (!begun)
		client_say(&s->client, "+OK");
	return client_say(&s->client, ".");
lost:
	if (begun)
		return -1;	/* half a list must not look whole */
	l->outcome = DONE_LOST;
	snprintf(l->text, sizeof l->text, "the connection broke");
	return say_err(s);
}

static int cmd_list(struct pop3 *s, char *arg)
{
	return listing(s, U_LIST, arg);
}

static int cmd_uidl(struct pop3 *s, char *arg)
{
	return listing(s, U_UIDL, arg);
}

static int cmd_dele(struct pop3 *s, char *arg)
{
	uint32_t n;

	if (numbers(arg, &n, 1, MESSAGE_MAX))
		return bad_number(s);
	if (ask(s, U_DELE, &n, 1))
		return say_err(s);
	return client_say(&s->client, "+OK Deleted at QUIT");
}

static int cmd_noop(struct pop3 *s, char *arg)
{
	(void)arg;
	if (ask(s, U_NOOP, NULL, 0))
		return say_err(s);
	return client_say(&s->client, "+OK");
}

static int cmd_rset(struct pop3 *s, char *arg)
{
	(void)arg;
	if (ask(s, U_RESET, NULL, 0))
		return say_err(s);
	return client_say(&s->client, "+OK Nothing is deleted");
}

static int cmd_quit(struct pop3 *s, char *arg)
{
	(void)arg;
	s->quit = true;
	if (!s->authed || s->unreachable[0])
		return client_say(&s->client, "+OK Goodbye");
	if (ask(s, U_QUIT, NULL, 0))
		return say_err(s);
	return client_say(&s->client, "+OK Goodbye");
}

/* ---- letters ---- */

/* Wait for mime's first frame; a long opening keeps the client awake by an
 * "+OK" line that grows (RFC 1939 sets no limit but 512 octets). */
static bool wait_opening(struct pop3 *s)
{
	struct chan *mime = &s->ends->mime;
	int wait = OPENING_FIRST;
	bool begun = false;

	while (!chan_wait(mime, wait)) {
		if (sink_put(&s->client.sink, begun ? "." : "+OK Opening ",
		             begun ? 1 : 12, NULL)
		    || client_flush(&s->client))
			break;
		begun = true;
		wait = OPENING_DOT;
	}
	return begun;
}

/* mime's letter to the client: 0, or -1 to end the connection. */
static int hand_over(struct pop3 *s)
{
	struct chan *mime = &s->ends->mime;
	bool line_begun = wait_opening(s), begun = false;
	char words[900];
	uint32_t last;
	struct dots d;
	struct unpack u;
	struct frame f;

	dots_init(&d, &s->client.sink);
	d.lenient = true;
	for (;;) {
		if (chan_recv(mime, &f, NULL))
			f.type = 0;
		if (f.type != M_DATA && f.type != M_END)
			break;
		if (!begun && client_say(&s->client, line_begun ? ""
		                         : "+OK The letter follows"))
			return -1;
		begun = true;
		if (f.type == M_END) {
			if (dots_end(&d, NULL))
				return -1;
			return client_say(&s->client, ".");
		}
		if (sink_put(&d.sink, f.data, f.len, NULL))
			return -1;
	}
	if (begun || line_begun)
		return -1;	/* half a letter must not look whole */
	if (f.type != M_BAD) {
		client_say(&s->client, "-ERR [SYS/TEMP] A part of Letterlock "
		           "failed. Fetch again");
		client_flush(&s->client);
		return -1;
	}
	unpack_init(&u, &f);
	last = unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	client_say(&s->client, "-ERR %s", words);
	return last ? -1 : 0;
}

static int fetch(struct pop3 *s, unsigned type, const uint32_t *n, unsigned k,
                 enum fetched how)
{
	struct pack p;

	if (ask(s, type, n, k))
		return say_err(s);
	pack_init(&p);
	pack_u32(&p, how);
	pack_u32(&p, how == FETCHED_ALL ? 0 : n[1]);
	if (pack_send(&p, &s->ends->mime, M_OPEN, NULL)) {
		client_say(&s->client, "-ERR [SYS/TEMP] A part of Letterlock "
		           "failed. Fetch again");
		client_flush(&s->client);
		return -1;
	}
	return hand_over(s);
}

static int cmd_retr(struct pop3 *s, char *arg)
{
	uint32_t n;

	if (numbers(arg, &n, 1, MESSAGE_MAX))
		return bad_number(s);
	return fetch(s, U_RETR, &n, 1, FETCHED_ALL);
}

/* The provider's size of one message, or UINT64_MAX. */
static uint64_t size_of(struct pop3 *s, uint32_t n)
{
	struct lane *l = &s->lane;
	uint64_t size = UINT64_MAX;
	struct frame f;
	struct unpack u;
	char text[100];

	if (lane_tell(l, U_LIST, &n, sizeof n)
	    || chan_recv(&l->upstream, &f, NULL))
		return size;
	if (f.type == U_ITEM) {
		unpack_init(&u, &f);
		unpack_u32(&u);
		unpack_str(&u, text, sizeof text);
		if (unpack_end(&u))
			size = strtoull(text, NULL, 10);
		lane_done(l);
	}
	return size;
}

static int cmd_top(struct pop3 *s, char *arg)
{
	uint32_t n[2];

	if (numbers(arg, n, 2, 999999999) || n[0] > MESSAGE_MAX)
		return bad_number(s);
	if (size_of(s, n[0]) <= TOP_OPEN_MAX)
		return fetch(s, U_RETR, n, 1, FETCHED_FOR_TOP);
	return fetch(s, U_TOP, n, 2, FETCHED_TOP);
}

/* ---- commands ---- */

enum when { ANYTIME, BEFORE_LOGIN, AFTER_LOGIN };

static const struct command {
	const char *name;
	int (*run)(struct pop3 *s, char *arg);	/* -1: end the connection */
	enum when when;
	bool arg;
} commands[] = {
	{ "CAPA", cmd_capa, ANYTIME, false },
	{ "QUIT", cmd_quit, ANYTIME, false },
	{ "USER", cmd_user, BEFORE_LOGIN, true },
	{ "PASS", cmd_pass, BEFORE_LOGIN, true },
	{ "AUTH", cmd_auth, BEFORE_LOGIN, true },
	{ "STAT", cmd_stat, AFTER_LOGIN, false },
	{ "LIST", cmd_list, AFTER_LOGIN, false },
	{ "UIDL", cmd_uidl, AFTER_LOGIN, false },
	{ "RETR", cmd_retr, AFTER_LOGIN, true },
	{ "TOP", cmd_top, AFTER_LOGIN, true },
	{ "DELE", cmd_dele, AFTER_LOGIN, true },
	{ "NOOP", cmd_noop, AFTER_LOGIN, false },
	{ "RSET", cmd_rset, AFTER_LOGIN, false },
};

static int run_command(struct pop3 *s, const struct command *c, char *arg)
{
	if (c->when == AFTER_LOGIN && !s->authed)
		return client_say(&s->client, "-ERR Log in first");
	if (c->when == BEFORE_LOGIN && s->authed)
		return client_say(&s->client, "-ERR You are logged in");
	if (c->arg && !*arg)
		return client_say(&s->client, "-ERR %s wants an argument",
		                  c->name);
	if (c->when == AFTER_LOGIN && s->unreachable[0])
		return client_say(&s->client, "-ERR %s", s->unreachable);
	return c->run(s, arg);
}

static int dispatch(struct pop3 *s, char *line, unsigned *errors)
{
	char *arg = line + strcspn(line, " ");

	if (*arg)
		*arg++ = '\0';
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
		if (strcasecmp(line, commands[i].name) == 0)
			return run_command(s, &commands[i], arg);
	(*errors)++;
	return client_say(&s->client, "-ERR This command is not known");
}

static void converse(struct pop3 *s)
{
	char line_secret[CLIENT_LINE_MAX];
	unsigned errors = 0;
	int n;

	client_say(&s->client, "+OK Letterlock POP3");
	for (unsigned i = 0; i < COMMANDS_MAX && !s->quit; i++) {
		n = client_line(&s->client, line_secret, sizeof line_secret);
		if (n == -1)
			break;
		if (n == -2) {
			errors++;
			client_say(&s->client,
			           "-ERR This line is too long or no text");
		} else if (dispatch(s, line_secret, &errors)) {
			break;
		}
		if (errors > ERRORS_MAX
		    || s->auth_failures >= AUTH_FAILURES_MAX) {
			client_say(&s->client, "-ERR Too many errors");
			break;
		}
	}
	explicit_bzero(line_secret, sizeof line_secret);
	client_flush(&s->client);
}

int front_pop3(const struct conf *conf, struct front_ends *ends)
{
	static struct pop3 s;

	s.conf = conf;
	s.ends = ends;
	client_init(&s.client, ends->client, conf->client_timeout);
	s.lane.crypt = ends->crypt;
	s.lane.upstream = ends->upstream;
	converse(&s);
	explicit_bzero(&s.who, sizeof s.who);
	return 0;
}
