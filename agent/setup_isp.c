/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Files about providers (clientConfig 1.1), Thunderbird's and those of autoconfig,
 * by a small reader of XML: elements, attributes and text; all that is rarer, a
 * document type above all, is refused. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/file.h"
#include "agent/setup.h"

enum { ISP_MAX = 256 << 10, DEPTH_MAX = 16, NAME_SIZE = 32, VALUE_SIZE = 384 };

struct isp {
	const char *p, *end;
	const char *address, *domain, *from;
	enum session_kind kind;
	struct setup_guesses *g;
	unsigned depth;
	char open[DEPTH_MAX][NAME_SIZE];
	bool done;			/* the outermost element ended */
	/* of the server that is being read */
	bool wanted;			/* of our kind */
	char host[VALUE_SIZE], port[VALUE_SIZE], socket[VALUE_SIZE];
	char user[VALUE_SIZE];
	bool auth, password, token;	/* one is named; which there are */
};

static void blanks(struct isp *x)
{
	while (x->p < x->end && isspace((unsigned char)*x->p))
		x->p++;
}

/* Behind the next of these words. */
static int skip_to(struct isp *x, const char *word)
{
	const char *at = memmem(x->p, (size_t)(x->end - x->p), word,
	                        strlen(word));

	if (!at)
		return -1;
	x->p = at + strlen(word);
	return 0;
}

static bool starts(const struct isp *x, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(x->end - x->p) >= n && memcmp(x->p, word, n) == 0;
}

static int name(struct isp *x, char out[NAME_SIZE])
{
	size_t n = 0;

	while (x->p < x->end && n < NAME_SIZE - 1
	       && (isalnum((unsigned char)*x->p) || strchr("-_.:", *x->p))
	       && *x->p)
		out[n++] = *x->p++;
	out[n] = '\0';
	return n && n < NAME_SIZE - 1 ? 0 : -1;
}

/* ---- what it means ---- */

static void value(char out[VALUE_SIZE], const char *text, size_t n)
{
	while (n && isspace((unsigned char)*text)) {
		text++;
		n--;
	}
	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	if (n >= VALUE_SIZE || memchr(text, '&', n) || memchr(text, 0, n))
		n = 0;
	memcpy(out, text, n);
	out[n] = '\0';
}

static void text(struct isp *x, const char *p, size_t n)
{
	const char *in = x->depth ? x->open[x->depth - 1] : "";
	char word[VALUE_SIZE];

	if (!x->wanted || !*in)
		return;
	value(word, p, n);
	if (!*word)
		return;
	if (strcmp(in, "hostname") == 0)
		memcpy(x->host, word, sizeof word);
	else if (strcmp(in, "port") == 0)
		memcpy(x->port, word, sizeof word);
	else if (strcmp(in, "socketType") == 0)
		memcpy(x->socket, word, sizeof word);
	else if (strcmp(in, "username") == 0)
		memcpy(x->user, word, sizeof word);
	else if (strcmp(in, "authentication") == 0) {
		x->auth = true;
		x->token = x->token || strcmp(word, "OAuth2") == 0;
		x->password = x->password || strcmp(word, "plain") == 0
		              || strcmp(word, "secure") == 0
		              || strncmp(word, "password-", 9) == 0;
	}
}

static int add(char out[VALUE_SIZE], size_t *n, const char *p, size_t len)
{
	if (len >= VALUE_SIZE - *n)
		return -1;
	memcpy(out + *n, p, len);
	*n += len;
	out[*n] = '\0';
	return 0;
}

/* The value with what its %WORDS% stand for: 0, or -1 where it gets too long. */
static int expand(const struct isp *x, const char *in, char out[VALUE_SIZE])
{
	const struct { const char *word, *is; size_t len; } var[] = {
		{ "%EMAILADDRESS%", x->address, strlen(x->address) },
		{ "%EMAILLOCALPART%", x->address,
		  (size_t)(strrchr(x->address, '@') - x->address) },
		{ "%EMAILDOMAIN%", x->domain, strlen(x->domain) },
	};
	const size_t vars = sizeof var / sizeof var[0];
	size_t n = 0, i;

	out[0] = '\0';
	while (*in) {
		for (i = 0; i < vars; i++)
			if (strncmp(in, var[i].word, strlen(var[i].word)) == 0)
				break;
		if (add(out, &n, i < vars ? var[i].is : in,
		        i < vars ? var[i].len : 1))
			return -1;
		in += i < vars ? strlen(var[i].word) : 1;
	}
	return 0;
}

static bool host(const struct isp *x, char out[VALUE_SIZE])
{
	/* one of ours tells of the agent itself */
	return expand(x, x->host, out) == 0 && setup_domain_ok(out)
	       && strcmp(out, "localhost") != 0 && strncmp(out, "127.", 4) != 0;
}

/* A login that can stand in a line of the configuration; none is the address. */
static bool user(const struct isp *x, char out[ADDR_MAX + 1])
{
	char name[VALUE_SIZE];

	/* it is shown: UTF-8 has words for terminals, too; the address is known */
	for (const char *p = x->user; *p; p++)
		if ((unsigned char)*p >= 0x80)
			return false;
	if (expand(x, x->user, name) || strlen(name) > ADDR_MAX)
		return false;
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f || strchr("#;\"%", *p))
			return false;
	if (addr_same(name, x->address))
		name[0] = '\0';
	memcpy(out, name, strlen(name) + 1);
	return true;
}

static void server(struct isp *x)
{
	struct setup_guess one = { .from = x->from };
	const char *how = strcmp(x->socket, "SSL") == 0 ? "tls"
	                  : strcmp(x->socket, "STARTTLS") == 0 ? "starttls"
	                                                       : NULL;
	char *end, at[VALUE_SIZE];
	long port = strtol(x->port, &end, 10);

	one.token = x->token && !x->password;
	if (!how || !isdigit((unsigned char)x->port[0]) || *end || port < 1
	    || port > 65535 || !host(x, at) || !user(x, one.user)
	    || (x->auth && !x->password && !x->token))
		return;
	if (snprintf(one.server, sizeof one.server, "%s:%ld %s", at, port, how)
	    < (int)sizeof one.server)
		setup_guess_add(x->g, &one);
}

/* ---- its form ---- */

/* <name attribute="value" ...>, from behind the name. */
static int attributes(struct isp *x, char type[NAME_SIZE])
{
	char key[NAME_SIZE];
	const char *end;

	type[0] = '\0';
	for (;;) {
		blanks(x);
		if (x->p == x->end)
			return -1;
		if (*x->p == '>' || starts(x, "/>"))
			return 0;
		if (name(x, key))
			return -1;
		blanks(x);
		if (!starts(x, "="))
			return -1;
		x->p++;
		blanks(x);
		if (x->p == x->end || (*x->p != '"' && *x->p != '\'')
		    || !(end = memchr(x->p + 1, *x->p,
		                      (size_t)(x->end - x->p - 1))))
			return -1;
		if (strcmp(key, "type") == 0 && end - x->p - 1 < NAME_SIZE) {
			memcpy(type, x->p + 1, (size_t)(end - x->p - 1));
			type[end - x->p - 1] = '\0';
		}
		x->p = end + 1;
	}
}

static bool is_server(const char *element)
{
	return strcmp(element, "incomingServer") == 0
	       || strcmp(element, "outgoingServer") == 0;
}

static int close_element(struct isp *x, const char *element)
{
	if (!x->depth || strcmp(x->open[x->depth - 1], element) != 0)
		return -1;
	if (x->wanted && is_server(element)) {
		server(x);
		x->wanted = false;
	}
	x->done = --x->depth == 0;
	return 0;
}

static int open_element(struct isp *x)
{
	char element[NAME_SIZE], type[NAME_SIZE];

	if (x->done || x->depth == DEPTH_MAX || name(x, element)
	    || attributes(x, type))
		return -1;
	memcpy(x->open[x->depth++], element, sizeof element);
	if (is_server(element)) {
		x->wanted = strcmp(type, x->kind == SESSION_SMTP ? "smtp"
		                         : "pop3") == 0;
		x->host[0] = x->port[0] = x->socket[0] = x->user[0] = '\0';
		x->auth = x->password = x->token = false;
	}
	if (*x->p == '/') {
		x->p += 2;
		return close_element(x, element);
	}
	x->p++;
	return 0;
}

static int markup(struct isp *x)
{
	char element[NAME_SIZE];

	if (starts(x, "<?"))
		return skip_to(x, "?>");
	if (starts(x, "<!--")) {
		x->p += 4;
		return skip_to(x, "-->");
	}
	if (starts(x, "</")) {
		x->p += 2;
		if (name(x, element))
			return -1;
		blanks(x);
		if (!starts(x, ">"))
			return -1;
		x->p++;
		return close_element(x, element);
	}
	x->p++;			/* and <! is the name of no element */
	return open_element(x);
}

static int document(struct isp *x)
{
	const char *from;

	while (x->p < x->end) {
		from = x->p;
		while (x->p < x->end && *x->p != '<')
			x->p++;
		text(x, from, (size_t)(x->p - from));
		if (x->p < x->end && markup(x))
			return -1;
	}
	return x->done ? 0 : -1;
}

int setup_isp_parse(struct setup_guesses *g, const char *p, size_t n,
                    const char *address, const char *domain,
                    enum session_kind kind, const char *from)
{
	struct setup_guesses found = { .n = 0 };
	struct isp x = { .p = p, .end = p + n, .address = address,
	                 .domain = domain, .from = from, .kind = kind,
	                 .g = &found };

	if (n > ISP_MAX || document(&x))
		return -1;
	for (unsigned i = 0; i < found.n; i++)
		setup_guess_add(g, &found.guess[i]);
	return (int)found.n;
}

void setup_isp(struct setup_guesses *g, const char *dir, const char *address,
               const char *domain, enum session_kind kind)
{
	char low[VALUE_SIZE], *path, *p;
	struct err e;
	size_t n = strlen(domain);

	if (n >= sizeof low)
		return;
	for (size_t i = 0; i <= n; i++)
		low[i] = (char)tolower((unsigned char)domain[i]);
	path = file_path(dir, "/", low, ".xml", NULL);
	p = path ? file_read(path, ISP_MAX, &n, &e) : NULL;
	if (p && setup_isp_parse(g, p, n, address, domain, kind,
	                         "Thunderbird's list") == -1)
		printf("  %s is not understood, and left out\n", path);
	free(p);
	free(path);
}
