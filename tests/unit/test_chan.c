/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/chan.c. */
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

static int fill(void **state)
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
static void pair(int kind, struct chan *a, struct chan *b)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, kind | SOCK_CLOEXEC, 0, fd), 0);
	chan_init(a, fd[0]);
	chan_init(b, fd[1]);
}

static void pipe_pair(struct chan *a, struct chan *b)
{
	int fd[2];

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_true(fcntl(fd[1], F_SETPIPE_SZ, 1 << 18) > FRAME_MAX);
	chan_init(a, fd[1]);
	chan_init(b, fd[0]);
}

static void close_both(struct chan *a, struct chan *b)
{
	chan_close(a);
	chan_close(b);
	assert_false(chan_open(a));
}

static size_t put_frame(unsigned char *p, unsigned type, const void *data,
                        uint32_t n)
{
	uint32_t head[2] = { type, n };

	memcpy(p, head, HEAD);
	memcpy(p + HEAD, data, n);
	return HEAD + n;
}

static void write_all(const struct chan *c, const void *p, size_t n)
{
	if (n)
		assert_int_equal(write(c->fd, p, n), n);
}

static void assert_frame(struct chan *c, unsigned type, const void *data,
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

static gpg_err_code_t recv_fails(struct chan *c)
{
	struct err e = { 0 };
	struct frame f;

	assert_int_equal(chan_recv(c, &f, &e), -1);
	assert_true(*e.text);
	return gpg_err_code(e.code);
}

static void assert_ended(struct chan *c)
{
	assert_int_equal(chan_wait(c, 0), 1);
	assert_int_equal(recv_fails(c), GPG_ERR_EOF);
	assert_int_equal(recv_fails(c), GPG_ERR_EOF);
}

/* ---- frames ---- */

static void test_sizes(void **state)
{
	static const size_t n[] = { 0, 1, 7, 8, 9, 4096, FRAME_DATA - 1,
	                            FRAME_DATA, FRAME_MAX - 1, FRAME_MAX };
	struct chan a, b;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		if (kind == 2)
			pipe_pair(&a, &b);
		else
			pair(kind ? SOCK_STREAM : SOCK_SEQPACKET, &a, &b);
		for (size_t i = 0; i < sizeof n / sizeof *n; i++) {
			assert_int_equal(chan_wait(&b, 0), 0);
			assert_int_equal(chan_send(&a, 1000 + (unsigned)i,
			                           many, n[i], NULL), 0);
			assert_int_equal(chan_wait(&b, 0), 1);
			assert_frame(&b, 1000 + (unsigned)i, many, n[i]);
		}
		assert_int_equal(chan_wait(&b, 0), 0);
		chan_close(&a);
		assert_ended(&b);
		close_both(&a, &b);
	}
}

static void test_too_large(void **state)
{
	struct chan a, b;
	struct err e;

	(void)state;
	pair(SOCK_STREAM, &a, &b);
	assert_int_equal(chan_send(&a, 1, many, FRAME_MAX + 1, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(chan_send(&a, 1, many, SIZE_MAX, &e), -1);
	assert_int_equal(chan_wait(&b, 0), 0);	/* not one octet went */
	assert_int_equal(chan_send(&a, 2, "x", 1, &e), 0);
	assert_frame(&b, 2, "x", 1);
	close_both(&a, &b);
}

/* Three frames, cut at two places, every one of them. */
static void test_cut(void **state)
{
	unsigned char text[100];
	struct chan a, b;
	size_t n = put_frame(text, 7, "letter", 6);

	(void)state;
	n += put_frame(text + n, 0xffffffff, "", 0);
	n += put_frame(text + n, 8, "\0two", 4);
	for (size_t i = 0; i <= n; i++)
		for (size_t j = i; j <= n; j++) {
			pair(SOCK_SEQPACKET, &a, &b);
			write_all(&a, text, i);
			write_all(&a, text + i, j - i);
			write_all(&a, text + j, n - j);
			assert_frame(&b, 7, "letter", 6);
			assert_frame(&b, 0xffffffff, "", 0);
			assert_frame(&b, 8, "\0two", 4);
			chan_close(&a);
			assert_ended(&b);
			close_both(&a, &b);
		}
	pair(SOCK_SEQPACKET, &a, &b);
	for (size_t i = 0; i < n; i++)
		write_all(&a, text + i, 1);
	assert_frame(&b, 7, "letter", 6);
	assert_frame(&b, 0xffffffff, "", 0);
	assert_frame(&b, 8, "\0two", 4);
	close_both(&a, &b);
}

/* A dead peer is not the end of a letter, wherever it died. */
static void test_end_in_the_middle(void **state)
{
	unsigned char text[100];
	struct chan a, b;
	size_t first = put_frame(text, 7, "letter", 6), n;

	(void)state;
	n = first + put_frame(text + first, 8, "two", 3);
	for (int kind = 0; kind < 2; kind++)
		for (size_t i = 0; i < n; i++) {
			if (kind)
				pipe_pair(&a, &b);
			else
				pair(SOCK_STREAM, &a, &b);
			write_all(&a, text, i);
			chan_close(&a);
			if (i >= first)
				assert_frame(&b, 7, "letter", 6);
			assert_ended(&b);
			close_both(&a, &b);
		}
}

static void test_garbage(void **state)
{
	static const uint32_t len[] = { FRAME_MAX + 1, FRAME_MAX + 9,
	                                0x10000000, 0x7fffffff, 0x80000000,
	                                0xfffffff8, 0xffffffff };
	struct chan a, b;
	struct frame f;

	(void)state;
	for (size_t i = 0; i < sizeof len / sizeof *len; i++) {
		uint32_t head[2] = { 1, len[i] };

		pair(SOCK_STREAM, &a, &b);
		assert_int_equal(chan_send(&a, 5, "good", 4, NULL), 0);
		write_all(&a, head, HEAD);
		assert_frame(&b, 5, "good", 4);
		assert_int_equal(recv_fails(&b), GPG_ERR_BAD_DATA);
		/* and so it stays, whatever follows */
		assert_int_equal(chan_send(&a, 5, "good", 4, NULL), 0);
		assert_int_equal(chan_wait(&b, 0), 1);
		assert_int_equal(recv_fails(&b), GPG_ERR_BAD_DATA);
		close_both(&a, &b);
	}
	pair(SOCK_STREAM, &a, &b);
	write_all(&a, "GET / HTTP/1.1\r\n", 16);
	assert_int_equal(chan_expect(&b, 1, &f, NULL), -1);
	assert_int_equal(recv_fails(&b), GPG_ERR_BAD_DATA);
	close_both(&a, &b);
}

static void test_expect(void **state)
{
	struct chan a, b;
	struct frame f;
	struct err e;

	(void)state;
	pair(SOCK_STREAM, &a, &b);
	for (unsigned type = 0; type < 3; type++)
		assert_int_equal(chan_send(&a, type, "abc", 3, NULL), 0);
	assert_int_equal(chan_expect(&b, 0, &f, &e), 0);
	assert_memory_equal(f.data, "abc", 3);
	assert_int_equal(chan_wait(&b, 0), 1);	/* one is here already */
	assert_int_equal(chan_expect(&b, 2, &f, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_BAD_DATA);
	assert_int_equal(chan_expect(&b, 2, &f, &e), 0);
	chan_close(&a);
	assert_int_equal(chan_expect(&b, 2, &f, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_EOF);
	close_both(&a, &b);
}

static void test_nobody(void **state)
{
	struct chan a, b;
	struct frame f;
	struct err e;

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		if (kind)
			pipe_pair(&a, &b);
		else
			pair(SOCK_STREAM, &a, &b);
		chan_close(&b);
		assert_int_equal(chan_send(&a, 1, "x", 1, &e), -1);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_EPIPE);
		close_both(&a, &b);
	}
	/* closed, and closed again */
	assert_int_equal(chan_send(&a, 1, "x", 1, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_EPIPE);
	assert_int_equal(chan_recv(&a, &f, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_EOF);
	assert_int_equal(chan_wait(&a, 1000), 1);
	assert_int_equal(chan_take_fd(&a), -1);
	chan_close(&a);
}

/* Frames of all sizes against a full socket or pipe, both sides at work; the
 * alarms make them read and write in part. */
struct flood {
	struct chan *chan;
	unsigned n_fds;			/* with each frame */
};

static int send_many(void *arg)
{
	struct flood *f = arg;
	int fd = 0;

	for (size_t i = 0; i < 300; i++)
		if (chan_send_fds(f->chan, (unsigned)i, many + i,
		                  i * 997 % FRAME_MAX, &fd, f->n_fds, NULL))
			return 1;
	chan_close(f->chan);
	return 0;
}

/* The other side has to wait. */
static void nap(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	nanosleep(&ms, NULL);
}

static void on_alarm(int no)
{
	(void)no;
}

static void hear_alarms(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	assert_int_equal(pthread_sigmask(how, &set, NULL), 0);
}

static void set_alarms(int usec)
{
	const struct itimerval it = {
		.it_interval.tv_usec = usec, .it_value.tv_usec = usec
	};
	struct sigaction sa = { .sa_handler = on_alarm };

	assert_int_equal(sigaction(SIGALRM, &sa, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &it, NULL), 0);
}

static void test_flood(void **state)
{
	struct chan a, b;
	struct flood f = { .chan = &a };
	const int little = 8192;
	thrd_t t;
	int r;

	(void)state;
	set_alarms(200);
	for (int kind = 0; kind < 2; kind++) {
		if (kind)
			pipe_pair(&a, &b);
		else
			pair(SOCK_STREAM, &a, &b);
		f.n_fds = kind ? 0 : 1;
		if (!kind)
			assert_int_equal(setsockopt(a.fd, SOL_SOCKET, SO_SNDBUF,
			                            &little, sizeof little), 0);
		assert_int_equal(thrd_create(&t, send_many, &f), thrd_success);
		hear_alarms(SIG_BLOCK);		/* so that it hears them */
		for (size_t i = 0; i < 300; i++) {
			assert_frame(&b, (unsigned)i, many + i,
			             i * 997 % FRAME_MAX);
			for (unsigned k = 0; k < f.n_fds; k++)
				assert_int_equal(close(chan_take_fd(&b)), 0);
			if (i % 10 == 0)
				nap();
		}
		assert_int_equal(chan_take_fd(&b), -1);
		assert_int_equal(recv_fails(&b), GPG_ERR_EOF);
		assert_int_equal(thrd_join(t, &r), thrd_success);
		assert_int_equal(r, 0);
		hear_alarms(SIG_UNBLOCK);
		chan_close(&b);
	}
	set_alarms(0);
}

/* ---- descriptors ---- */

/* Ends of pipes to send: [0] of each is kept, [1] goes. */
struct ends {
	int fd[CHAN_FDS_MAX + 1][2];
};

static void ends_make(struct ends *e, int go[CHAN_FDS_MAX + 1])
{
	for (int i = 0; i <= CHAN_FDS_MAX; i++) {
		assert_int_equal(pipe2(e->fd[i], O_NONBLOCK), 0);
		go[i] = e->fd[i][1];
	}
}

static void ends_sent(struct ends *e)
{
	for (int i = 0; i <= CHAN_FDS_MAX; i++)
		close(e->fd[i][1]);
}

static void ends_close(struct ends *e)
{
	for (int i = 0; i <= CHAN_FDS_MAX; i++)
		close(e->fd[i][0]);
}

/* Nobody holds the other end of this one any more. */
static bool is_gone(struct ends *e, int i)
{
	char c;

	return read(e->fd[i][0], &c, 1) == 0;
}

/* This one came as the i-th: what is written there is read here. */
static void assert_end(struct ends *e, int i, int fd)
{
	char c = 0;

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_false(is_gone(e, i));
	assert_int_equal(write(fd, "!", 1), 1);
	assert_int_equal(read(e->fd[i][0], &c, 1), 1);
	assert_int_equal(c, '!');
	close(fd);
	assert_true(is_gone(e, i));
}

static void test_fds(void **state)
{
	int go[CHAN_FDS_MAX + 1];
	struct ends ends;
	struct chan a, b;

	(void)state;
	for (unsigned n = 0; n <= CHAN_FDS_MAX; n++) {
		pair(SOCK_STREAM, &a, &b);
		ends_make(&ends, go);
		assert_int_equal(chan_send_fds(&a, 3, "fds", 3, go, n, NULL),
		                 0);
		assert_int_equal(chan_send(&a, 4, "", 0, NULL), 0);
		ends_sent(&ends);
		assert_frame(&b, 3, "fds", 3);
		assert_frame(&b, 4, "", 0);
		for (unsigned i = 0; i < n; i++)
			assert_end(&ends, (int)i, chan_take_fd(&b));
		assert_int_equal(chan_take_fd(&b), -1);
		ends_close(&ends);
		close_both(&a, &b);
	}
}

static void test_fds_too_many(void **state)
{
	int go[CHAN_FDS_MAX + 1];
	struct ends ends;
	struct chan a, b;
	struct err e;

	(void)state;
	pair(SOCK_STREAM, &a, &b);
	ends_make(&ends, go);
	assert_int_equal(chan_send_fds(&a, 3, "", 0, go, CHAN_FDS_MAX + 1,
	                               &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	/* not taken before more come: those beyond the bound are closed */
	assert_int_equal(chan_send_fds(&a, 3, "", 0, go, CHAN_FDS_MAX - 1,
	                               NULL), 0);
	assert_int_equal(chan_send_fds(&a, 3, "", 0, go + CHAN_FDS_MAX - 1, 2,
	                               NULL), 0);
	ends_sent(&ends);
	assert_frame(&b, 3, "", 0);
	assert_frame(&b, 3, "", 0);
	assert_true(is_gone(&ends, CHAN_FDS_MAX));
	for (int i = 0; i < CHAN_FDS_MAX; i++)
		assert_end(&ends, i, chan_take_fd(&b));
	assert_int_equal(chan_take_fd(&b), -1);
	ends_close(&ends);
	close_both(&a, &b);
}

/* What nobody took is closed with the channel. */
static void test_fds_closed(void **state)
{
	int go[CHAN_FDS_MAX + 1];
	struct ends ends;
	struct chan a, b;

	(void)state;
	pair(SOCK_STREAM, &a, &b);
	ends_make(&ends, go);
	assert_int_equal(chan_send_fds(&a, 3, "", 0, go, CHAN_FDS_MAX, NULL),
	                 0);
	ends_sent(&ends);
	assert_frame(&b, 3, "", 0);
	close(chan_take_fd(&b));
	assert_true(is_gone(&ends, 0));
	for (int i = 1; i < CHAN_FDS_MAX; i++)
		assert_false(is_gone(&ends, i));
	close_both(&a, &b);
	for (int i = 0; i < CHAN_FDS_MAX; i++)
		assert_true(is_gone(&ends, i));
	ends_close(&ends);
}

/* A pipe carries none: that must not look as if it had. */
static void test_fds_over_pipe(void **state)
{
	struct chan a, b;
	struct err e;

	(void)state;
	pipe_pair(&a, &b);
	assert_int_equal(chan_send_fds(&a, 3, "", 0, &b.fd, 1, &e), -1);
	assert_int_equal(chan_wait(&b, 0), 0);
	close_both(&a, &b);
}

/* ---- the sink ---- */

struct sending {
	struct chan *chan;
	size_t part;
};

static int send_parts(void *arg)
{
	struct sending *g = arg;
	static struct chan_sink s;
	size_t n;

	chan_sink_init(&s, g->chan, 9);
	for (size_t i = 0; i < sizeof many; i += n) {
		n = sizeof many - i < g->part ? sizeof many - i : g->part;
		if (sink_put(&s.sink, many + i, n, NULL))
			return 1;
	}
	/* once more finds nothing to send */
	if (chan_sink_flush(&s, NULL) || chan_sink_flush(&s, NULL))
		return 1;
	return chan_send(g->chan, 10, NULL, 0, NULL) ? 1 : 0;
}

static void test_sink(void **state)
{
	static const size_t part[] = { 1, 3, 1000, FRAME_DATA - 1, FRAME_DATA,
	                               FRAME_DATA + 1, sizeof many };
	struct chan a, b;
	struct sending g = { .chan = &a };
	thrd_t t;
	int r;

	(void)state;
	for (size_t i = 0; i < sizeof part / sizeof *part; i++) {
		pair(SOCK_STREAM, &a, &b);
		g.part = part[i];
		assert_int_equal(thrd_create(&t, send_parts, &g),
		                 thrd_success);
		for (size_t k = 0; k < 3; k++)	/* full ones */
			assert_frame(&b, 9, many + k * FRAME_DATA, FRAME_DATA);
		assert_frame(&b, 9, many + 3 * FRAME_DATA,
		             sizeof many - 3 * FRAME_DATA);
		assert_frame(&b, 10, "", 0);
		assert_int_equal(thrd_join(t, &r), thrd_success);
		assert_int_equal(r, 0);
		close_both(&a, &b);
	}
}

static void test_sink_fails(void **state)
{
	static struct chan_sink s;
	struct chan a, b;
	struct err e;

	(void)state;
	for (size_t n = 1; n <= FRAME_DATA; n = 4 * n) {
		pair(SOCK_STREAM, &a, &b);
		chan_close(&b);
		chan_sink_init(&s, &a, 9);
		if (sink_put(&s.sink, many, n, &e) == 0)
			assert_int_equal(chan_sink_flush(&s, &e), -1);
		else
			assert_int_equal(n, FRAME_DATA);
		assert_int_equal(gpg_err_code(e.code), GPG_ERR_EPIPE);
		close_both(&a, &b);
	}
}

/* ---- payloads ---- */

/* Exactly these octets, so that a sanitizer sees a step too far. */
static unsigned char *copy_of(struct frame *f, const void *p, size_t n)
{
	unsigned char *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	*f = (struct frame){ 1, copy, n };
	return copy;
}

static bool unpack_all(const void *p, size_t n)
{
	unsigned char mem[3], *copy;
	char str[7], empty[1], none[4];
	struct unpack u;
	struct frame f;
	uint32_t a;
	uint64_t b;

	copy = copy_of(&f, p, n);
	unpack_init(&u, &f);
	a = unpack_u32(&u);
	unpack_str(&u, str, sizeof str);
	b = unpack_u64(&u);
	unpack_str(&u, empty, sizeof empty);
	unpack_mem(&u, mem, sizeof mem);
	unpack_str(&u, none, sizeof none);
	free(copy);
	if (!unpack_end(&u)) {	/* nothing of what was not there */
		assert_true(!u.bad || *none == '\0');
		return false;
	}
	assert_int_equal(a, 0xfffffffe);
	assert_string_equal(str, "string");
	assert_true(b == 0x123456789abcdef0);
	assert_string_equal(empty, "");
	assert_memory_equal(mem, "\0m\0", 3);
	assert_string_equal(none, "");
	return true;
}

static void test_pack(void **state)
{
	static struct pack p;
	struct chan a, b;
	struct frame f;

	(void)state;
	pack_init(&p);
	pack_u32(&p, 0xfffffffe);
	pack_str(&p, "string");
	pack_u64(&p, 0x123456789abcdef0);
	pack_str(&p, "");
	pack_mem(&p, "\0m\0", 3);
	pack_str(&p, NULL);
	assert_false(p.bad);
	for (size_t n = 0; n < p.len; n++)
		assert_false(unpack_all(p.buf, n));
	assert_true(unpack_all(p.buf, p.len));
	assert_false(unpack_all(p.buf, p.len + 1));	/* something left */
	pair(SOCK_STREAM, &a, &b);
	assert_int_equal(pack_send(&p, &a, 77, NULL), 0);
	assert_int_equal(chan_expect(&b, 77, &f, NULL), 0);
	assert_true(unpack_all(f.data, f.len));
	close_both(&a, &b);
}

static void test_pack_bounds(void **state)
{
	static struct pack p;
	struct chan a, b;
	struct err e;

	(void)state;
	pack_init(&p);
	pack_mem(&p, many, FRAME_DATA - 4);
	pack_u32(&p, 5);
	assert_false(p.bad);
	assert_int_equal(p.len, FRAME_DATA);
	pack_mem(&p, "", 0);
	assert_false(p.bad);
	pack_mem(&p, "x", 1);
	assert_true(p.bad);
	assert_int_equal(p.len, FRAME_DATA);

	pack_init(&p);
	pack_mem(&p, many, FRAME_DATA - 3);
	pack_u32(&p, 5);
	assert_true(p.bad);
	pack_mem(&p, "x", 1);	/* it would fit, but bad stays */
	assert_true(p.bad);
	pair(SOCK_STREAM, &a, &b);
	assert_int_equal(pack_send(&p, &a, 1, &e), -1);
	assert_int_equal(gpg_err_code(e.code), GPG_ERR_TOO_LARGE);
	assert_int_equal(chan_wait(&b, 0), 0);
	close_both(&a, &b);
}

static void unpack_one(struct unpack *u, unsigned char **copy,
                       const void *p, size_t n)
{
	struct frame f;

	*copy = copy_of(&f, p, n);
	unpack_init(u, &f);
}

/* A string of this length that says it has that one, into size octets. */
static bool str_passes(size_t has, uint32_t says, size_t size)
{
	unsigned char text[4 + 16], *copy;
	struct unpack u;
	char *out = malloc(size);
	bool good;

	assert_non_null(out);
	memcpy(text, &says, 4);
	memset(text + 4, 'a', sizeof text - 4);
	unpack_one(&u, &copy, text, 4 + has);
	unpack_str(&u, out, size);
	good = unpack_end(&u);
	assert_int_equal(strlen(out), good || !u.bad ? says : 0);
	free(copy);
	free(out);
	return good;
}

static void test_unpack_bounds(void **state)
{
	unsigned char *copy, mem[8];
	struct unpack u;
	char out[8];

	(void)state;
	for (size_t has = 0; has <= 16; has++)
		for (uint32_t says = 0; says <= 17; says++)
			for (size_t size = 1; size <= 18; size++)
				assert_int_equal(str_passes(has, says, size),
				                 says == has && says < size);
	assert_false(str_passes(16, 0x80000000, 8));
	assert_false(str_passes(16, 0xffffffff, 8));
	assert_false(str_passes(16, 0xfffffffc, 8));

	unpack_one(&u, &copy, "\3\0\0\0a\0b", 7);	/* a NUL inside */
	unpack_str(&u, out, sizeof out);
	assert_true(u.bad);
	assert_string_equal(out, "");
	free(copy);
	memset(mem, 0xa5, sizeof mem);
	unpack_one(&u, &copy, "1234567", 7);
	unpack_mem(&u, mem, 8);
	assert_true(u.bad);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(mem[i], 0);
	assert_int_equal(unpack_u32(&u), 0);	/* there, but bad stays */
	assert_true(unpack_u64(&u) == 0);
	assert_false(unpack_end(&u));
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_end_in_the_middle),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_expect),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_fds),
		cmocka_unit_test(test_fds_too_many),
		cmocka_unit_test(test_fds_closed),
		cmocka_unit_test(test_fds_over_pipe),
		cmocka_unit_test(test_sink),
		cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_pack_bounds),
		cmocka_unit_test(test_unpack_bounds),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
