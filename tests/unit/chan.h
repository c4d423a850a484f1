/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two channels at either end of a pipe or a socket, for units. */
#ifndef TESTS_CHAN_H
#define TESTS_CHAN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "agent/chan.h"

enum { HEAD = 8 };

static unsigned char many[3 * FRAME_DATA + 1000];

static inline int fill(void **state)
{
	uint32_t x = 1;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof many; i++) {
		x = x * 1664525 + 1013904223;
		many[i] = x >> 24 & 0xff;
	}
	return 0;
}

/* Two ends.  SOCK_SEQPACKET keeps the cuts: one write is one read. */
static inline void pair(int kind, struct chan *a, struct chan *b)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, fd), 0);
	chan_init(a, fd[0]);
	chan_init(b, fd[1]);
}

static inline void pipe_pair(struct chan *a, struct chan *b)
{
	int fd[2];

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_true(fcntl(fd[1], F_SETPIPE_SZ, 1 << 18) > FRAME_MAX);
	chan_init(a, fd[1]);
	chan_init(b, fd[0]);
}

static inline void close_both(struct chan *a, struct chan *b)
{
	chan_close(a);
	chan_close(b);
	assert_false(chan_open(a));
}

static inline size_t put_frame(unsigned char *p, unsigned type, const void *data,
                               uint32_t n)
{
	uint32_t head[2] = { type, n };

	memcpy(p, head, HEAD);
	memcpy(p + HEAD, data, n);
	return HEAD + n;
}

static inline void write_all(const struct chan *c, const void *p, size_t n)
{
	if (n)
		assert_int_equal(write(c->fd, p, n), n);
}

static inline void assert_frame(struct chan *c, unsigned type, const void *data,
                                size_t n)
{
	struct err e = { 0 };
	struct frame f;

	if (chan_recv(c, &f, &e))
		fail_msg("%s", e.text);
	assert_int_equal(f.type, type);
	assert_int_equal(f.len, n);
	assert_memory_equal(f.data, data, n);
}

static inline gpg_err_code_t recv_fails(struct chan *c)
{
	struct err e = { 0 };
	struct frame f;

	assert_int_equal(chan_recv(c, &f, &e), -1);
	assert_true(*e.text);
	return gpg_err_code(e.code);
}

static inline void assert_ended(struct chan *c)
{
	assert_int_equal(chan_wait(c, 0), 1);
	assert_int_equal(recv_fails(c), GPG_ERR_EOF);
	assert_int_equal(recv_fails(c), GPG_ERR_EOF);
}

#endif
