/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/chan.c: descriptors. */
#include "tests/unit/chan.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fds),
		cmocka_unit_test(test_fds_too_many),
		cmocka_unit_test(test_fds_closed),
		cmocka_unit_test(test_fds_over_pipe),
	};

	return cmocka_run_group_tests(tests, fill, NULL);
}
