/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/chan.c: frames, and the sink. */
#include "tests/unit/chan.h"

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
		cmocka_unit_test(test_sink),
		cmocka_unit_test(test_sink_fails),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
