/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a domain's DNS says of its servers (SRV, RFC 2782, 6186 and 8314), and who
 * has its mail (MX). */
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/setup.h"

enum {
	ANSWER_SIZE = 16 << 10,
	SECONDS = 3,		/* for one server to answer one question */
	SERVERS_MAX = 2,	/* that are asked */
	HEAD_SIZE = 12, RECORD_FIXED = 10,	/* octets of RFC 1035, 4.1.1 and 4.1.3 */
	SRV_FIXED = 6, MX_FIXED = 2
};

static unsigned u16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* One record's data: of SRV, or of MX (RFC 1035, 3.3.9). */
static bool take(const unsigned char *answer, const unsigned char *end,
                 unsigned type, const unsigned char *data, size_t len,
                 struct setup_srv *out)
{
	const size_t fixed = type == ns_t_srv ? SRV_FIXED : MX_FIXED;

	memset(out, 0, sizeof *out);
	if (len <= fixed
	    || dn_expand(answer, end, data + fixed, out->target,
	                 sizeof out->target) != (int)(len - fixed))
		return false;
	out->priority = u16(data);
	if (type == ns_t_srv) {
		out->weight = u16(data + 2);
		out->port = u16(data + 4);
	}
	/* "." says that there is none */
	return (out->port || type == ns_t_mx) && setup_domain_ok(out->target);
}

static int before(const void *a, const void *b)
{
	const struct setup_srv *x = a, *y = b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcmp(x->target, y->target);
}

/* The records of this type, the best first. */
static int parse(const unsigned char *answer, size_t n, unsigned type,
                 struct setup_srv out[SETUP_SRV_MAX])
{
	const unsigned char *end = answer + n, *p = answer + HEAD_SIZE;
	unsigned questions, answers, got = 0;
	size_t len;
	int name;

	/* an answer, not cut, without an error */
	if (n < HEAD_SIZE || n > ANSWER_SIZE || !(answer[2] & 0x80)
	    || answer[2] & 0x02 || answer[3] & 0x0f)
		return -1;
	questions = u16(answer + 4);
	answers = u16(answer + 6);
	while (questions--) {
		if ((name = dn_skipname(p, end)) < 0 || end - p < name + 4)
			return -1;
		p += name + 4;
	}
	while (answers--) {
		if ((name = dn_skipname(p, end)) < 0 || end - p < name + RECORD_FIXED)
			return -1;
		p += name;
		len = u16(p + 8);
		if ((size_t)(end - p - RECORD_FIXED) < len)
			return -1;
		if (u16(p) == type && u16(p + 2) == ns_c_in
		    && got < SETUP_SRV_MAX
		    && take(answer, end, type, p + RECORD_FIXED, len,
		            &out[got]))
			got++;
		p += RECORD_FIXED + len;
	}
	qsort(out, got, sizeof out[0], before);
	return (int)got;
}

int setup_srv_parse(const unsigned char *answer, size_t n,
                    struct setup_srv out[SETUP_SRV_MAX])
{
	return parse(answer, n, ns_t_srv, out);
}

int setup_mx_parse(const unsigned char *answer, size_t n,
                   struct setup_srv out[SETUP_SRV_MAX])
{
	return parse(answer, n, ns_t_mx, out);
}

bool setup_within(const char *host, const char *domain)
{
	size_t h = strlen(host), d = strlen(domain);

	return h >= d && strcasecmp(host + h - d, domain) == 0
	       && (h == d || host[h - d - 1] == '.');
}

/* Ask: how many there are; 0 where nobody answers, too. */
static int query(const char *name, unsigned type,
                 struct setup_srv out[SETUP_SRV_MAX])
{
	unsigned char *answer = malloc(ANSWER_SIZE);
	struct __res_state r = { .options = 0 };
	int n;

	if (!answer || res_ninit(&r)) {
		free(answer);
		return 0;
	}
	r.retrans = SECONDS;
	r.retry = 1;
	if (r.nscount > SERVERS_MAX)
		r.nscount = SERVERS_MAX;
	n = res_nquery(&r, name, ns_c_in, (int)type, answer, ANSWER_SIZE);
	n = n > 0 ? parse(answer, (size_t)n, type, out) : 0;
	res_nclose(&r);
	free(answer);
	return n > 0 ? n : 0;
}

bool setup_mx(const char *domain, char host[SETUP_DOMAIN_MAX])
{
	struct setup_srv mx[SETUP_SRV_MAX];

	if (!query(domain, ns_t_mx, mx))
		return false;
	memcpy(host, mx[0].target, SETUP_DOMAIN_MAX);
	return true;
}

static void look_up(struct setup_guesses *g, const char *service,
                    const char *domain, const char *how)
{
	struct setup_guess one = { .from = "DNS" };
	struct setup_srv srv[SETUP_SRV_MAX];
	char name[SETUP_SERVER_MAX];
	int n;

	snprintf(name, sizeof name, "%s._tcp.%s", service, domain);
	n = query(name, ns_t_srv, srv);
	for (int i = 0; i < n; i++) {
		one.elsewhere = !setup_within(srv[i].target, domain);
		snprintf(one.server, sizeof one.server, "%s:%u %s",
		         srv[i].target, srv[i].port, how);
		setup_guess_add(g, &one);
	}
}

void setup_dns(struct setup_guesses *g, const char *domain,
               enum session_kind kind)
{
	bool smtp = kind == SESSION_SMTP;

	look_up(g, smtp ? "_submissions" : "_pop3s", domain, "tls");
	look_up(g, smtp ? "_submission" : "_pop3", domain, "starttls");
}
