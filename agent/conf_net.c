/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of the configuration that name a place in the network: providers'
 * servers and our own listeners. */
#include "agent/conf_value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HOST_MAX = 253,		/* octets of a name, RFC 1035 2.3.4 */
	LABEL_MAX = 63		/* octets between two of its dots */
};

/* A name of letters, digits, - and _ in labels (RFC 1123 section 2.1). */
static bool host_ok(const char *host)
{
	size_t label = 0, n = strlen(host);

	if (n < 1 || n > HOST_MAX || host[n - 1] == '-')
		return false;
	for (const char *p = host; *p; p++) {
		if (*p == '.') {
			if (!label || p[-1] == '-')
				return false;
			label = 0;
		} else if (!(isalnum((unsigned char)*p) || *p == '_' ||
		             (*p == '-' && label)) || ++label > LABEL_MAX) {
			return false;
		}
	}
	return label > 0;
}

/* Split "host:port" or "[ipv6]:port" in place. */
static bool split_port(char *text, char **host, uint16_t *port, bool *v6)
{
	uint64_t n = 0;
	const char *end;
	char *colon = strrchr(text, ':');

	if (!colon)
		return false;
	end = conf_value_digits(colon + 1, UINT16_MAX, &n);
	if (!end || *end)
		return false;
	*colon = '\0';
	*port = (uint16_t)n;
	*v6 = *text == '[';
	*host = text + *v6;
	if (*v6) {
		if (colon - text < 3 || colon[-1] != ']')
			return false;
		colon[-1] = '\0';
	}
	return !strchr(*host, ':') == !*v6;
}

/* Names are not trusted here: 127.example.org is no loopback host. */
static bool host_loopback(const char *host)
{
	struct in6_addr a6;
	struct in_addr a4;

	if (!strcasecmp(host, "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &a4) == 1)
		return ntohl(a4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &a6) == 1 && IN6_IS_ADDR_LOOPBACK(&a6);
}

int conf_value_server(const struct conf_value *v, struct server *out,
                      struct err *e)
{
	static const struct conf_word words[] = {
		{ "tls", TRANSPORT_TLS }, { "starttls", TRANSPORT_STARTTLS },
		{ "plaintext", TRANSPORT_PLAINTEXT }, { NULL, 0 }
	};
	struct in6_addr a6;
	char *copy = strdup(v->text), *how, *host;
	const struct conf_word *w;
	uint16_t port = 0;
	bool v6 = false;
	int ret = -1;

	if (!copy)
		return err_errno(e, v->path);
	how = copy + strcspn(copy, " \t");
	if (*how)
		*how++ = '\0';
	how += strspn(how, " \t");
	w = conf_value_word(words, how);
	if (!split_port(copy, &host, &port, &v6) || !port || !w ||
	    (v6 ? inet_pton(AF_INET6, host, &a6) != 1 : !host_ok(host))) {
		conf_value_bad(v, e, "host:port and one of tls, starttls, plaintext "
		               "is wanted, such as mail.example.org:465 tls");
		goto out;
	}
	if (w->value == TRANSPORT_PLAINTEXT && !host_loopback(host)) {
		conf_value_bad(v, e, "plaintext is only for 127.0.0.1, [::1] and "
		               "localhost, so tls or starttls is wanted");
		goto out;
	}
	if (conf_value_copy(v, host, strlen(host), &out->host, e) < 0)
		goto out;
	out->port = port;
	out->transport = (enum transport)w->value;
	ret = 0;
out:
	free(copy);
	return ret;
}

/* An address with its port, and how, into l. */
static bool read_listen(char *text, void *item)
{
	struct listen *l = item;
	static const struct conf_word words[] = {
		{ "", LOCAL_OFFERED }, { "starttls", LOCAL_STARTTLS },
		{ "tls", LOCAL_TLS }, { NULL, 0 }
	};
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
	char *how = text + strcspn(text, " \t"), *name;
	const struct conf_word *w;
	const char *host;
	uint16_t port = 0;
	bool v6 = false;

	if (*how)
		*how++ = '\0';
	w = conf_value_word(words, how + strspn(how, " \t"));
	if (!w || !split_port(text, &name, &port, &v6))
		return false;
	host = strcasecmp(name, "localhost") ? name : "127.0.0.1";
	memset(l, 0, sizeof *l);
	l->tls = (enum local_tls)w->value;
	l->remote = !host_loopback(host);
	in.sin_port = in6.sin6_port = htons(port);
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1) {
		memcpy(&l->addr, &in, l->len = sizeof in);
		return true;
	}
	if (inet_pton(AF_INET6, host, &in6.sin6_addr) != 1)
		return false;
	memcpy(&l->addr, &in6, l->len = sizeof in6);
	return true;
}

bool conf_listen_same(const struct listen *a, const struct listen *b)
{
	const struct sockaddr_in *in = (const void *)&a->addr;

	/* The port is at the same place in both families. */
	return a->len == b->len && in->sin_port &&
	       !memcmp(&a->addr, &b->addr, a->len);
}

int conf_value_listen(const struct conf_value *v,
                      struct listen out[CONF_LISTEN_MAX], unsigned *n,
                      struct err *e)
{
	static const struct conf_list how = {
		CONF_LISTEN_MAX, sizeof *out, read_listen, "addresses",
		"an address with its port, and perhaps tls or starttls, such as "
		"127.0.0.1:1587 tls or [::1]:1587, is wanted"
	};
	struct listen list[CONF_LISTEN_MAX];
	unsigned got;

	if (conf_value_list(v, &how, list, &got, e))
		return -1;
	for (unsigned i = 0; i < got; i++)
		for (unsigned k = 0; k < i; k++)
			if (conf_listen_same(&list[k], &list[i]))
				return conf_value_bad(v, e, "each address is "
				                      "wanted only once");
	memcpy(out, list, got * sizeof *list);
	*n = got;
	return 0;
}
