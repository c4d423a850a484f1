/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where a socket is or connects, in words. */
#ifndef AGENT_ADDR_H
#define AGENT_ADDR_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDR_HOST_MAX 46		/* with its NUL: INET6_ADDRSTRLEN */

/* Of IPv4 or IPv6: its port, and its host as inet_ntop() has it ("?": neither). */
uint16_t addr_port(const struct sockaddr_storage *a);
void addr_host(const struct sockaddr_storage *a, char out[ADDR_HOST_MAX]);

/* "127.0.0.1:587" or "[::1]:587" into n octets at most, with its NUL. */
void addr_name(const struct sockaddr_storage *a, char *out, size_t n);

#endif
