/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a socket is or connects, in words. */
#include "agent/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

_Static_assert(ADDR_HOST_MAX == INET6_ADDRSTRLEN, "room for any host");

uint16_t addr_port(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET6
	             ? ((const struct sockaddr_in6 *)a)->sin6_port
	             : ((const struct sockaddr_in *)a)->sin_port);
}

void addr_host(const struct sockaddr_storage *a, char out[ADDR_HOST_MAX])
{
	const void *ip = a->ss_family == AF_INET6
		? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
		: (const void *)&((const struct sockaddr_in *)a)->sin_addr;

	if (!inet_ntop(a->ss_family, ip, out, ADDR_HOST_MAX))
		snprintf(out, ADDR_HOST_MAX, "?");
}

void addr_name(const struct sockaddr_storage *a, char *out, size_t n)
{
	char host[ADDR_HOST_MAX];

	addr_host(a, host);
	snprintf(out, n, a->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u", host,
	         (unsigned)addr_port(a));
}
