/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/tls_serve.c against a client in the same process, whose octets
 * are cut, damaged, or end at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "agent/cert.h"
#include "agent/tls_serve.h"

enum { ROUNDS_MAX = 100 };

static char *pem;
static size_t pem_len;
static SSL_CTX *client_ctx;
static X509 *ca;

static int set_up(void **state)
{
	struct cert_names none = { 0 };
	struct cert_pair own;

	(void)state;
	signal(SIGPIPE, SIG_IGN);	/* as each role does */
	if (cert_make(&none, &pem, &pem_len, NULL)
	    || cert_read(pem, pem_len, &own, &ca, NULL))
		return -1;
	cert_pair_free(&own);
	client_ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL);
	return X509_STORE_add_cert(SSL_CTX_get_cert_store(client_ctx), ca) == 1
	       ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	SSL_CTX_free(client_ctx);
	X509_free(ca);
	cert_free(pem, pem_len);
	return 0;
}

/* ---- the two ends ---- */

struct ends {
	int fd[2];		/* the server's, and where its octets come from */
	struct tls_serve *server;
	SSL *client;
	BIO *in, *out;		/* what the client hears and says */
};

static void ends_open(struct ends *x)
{
	struct err e = { 0 };

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	                            x->fd), 0);
	x->server = tls_serve_new(x->fd[0], pem, pem_len, &e);
	assert_non_null(x->server);
	x->client = SSL_new(client_ctx);
	x->in = BIO_new(BIO_s_mem());
	x->out = BIO_new(BIO_s_mem());
	SSL_set_bio(x->client, x->in, x->out);
	SSL_set_connect_state(x->client);
	SSL_set1_host(x->client, "localhost");
}

static void ends_close(struct ends *x)
{
	tls_serve_free(x->server);
	SSL_free(x->client);
	close(x->fd[0]);
	if (x->fd[1] >= 0)
		close(x->fd[1]);
	ERR_clear_error();
}

/* What the server said goes to the client. */
static void deliver(struct ends *x)
{
	char buf[4096];
	ssize_t n;

	while ((n = recv(x->fd[1], buf, sizeof buf, 0)) > 0)
		assert_int_equal(BIO_write(x->in, buf, (int)n), n);
}

/* Octets of the client to the server, which shakes hands after each piece. */
static int give(struct ends *x, const char *p, size_t n)
{
	short want;

	if (n)
		assert_int_equal(send(x->fd[1], p, n, MSG_NOSIGNAL), n);
	return tls_serve_shake(x->server, &want);
}

enum how { WHOLE, CUT, OCTETS, FLIP, END };

/* Shake hands, the client's first octets (at most at of them) treated like this:
 * 1 as the server has it, 0 it waits for more, or -1.  *first is how many octets
 * the client said in all. */
static int shake(struct ends *x, enum how how, size_t at, size_t *said)
{
	char buf[8192];
	int r = 0, n, done = -1;

	*said = 0;
	for (int i = 0; i < ROUNDS_MAX && r == 0; i++) {
		if (done != 1)
			done = SSL_do_handshake(x->client);
		n = BIO_read(x->out, buf, sizeof buf);
		n = n < 0 ? 0 : n;
		size_t k = at > *said && at - *said < (size_t)n ? at - *said
		                                                : 0;
		bool here = at >= *said && at < *said + (size_t)n;

		*said += (size_t)n;
		if (how == FLIP && here)
			buf[k] ^= 0x11;
		if (how == OCTETS) {
			for (int j = 0; j < n && r == 0; j++)
				r = give(x, buf + j, 1);
		} else if (how == END && here) {
			give(x, buf, k);
			close(x->fd[1]);
			x->fd[1] = -1;
			return give(x, NULL, 0);
		} else if (here && k) {
			r = give(x, buf, k);
			if (r == 0)
				r = give(x, buf + k, (size_t)n - k);
		} else {
			r = give(x, buf, (size_t)n);
		}
		deliver(x);
		if (r == 0 && n == 0 && i > 10)
			break;
	}
	if (r == 1 && done != 1)
		done = SSL_do_handshake(x->client);
	return r == 1 && done != 1 ? -1 : r;
}

static void talk(struct ends *x)
{
	char buf[100], raw[1000];
	short want;
	int n;

	assert_int_equal(SSL_write(x->client, "hello", 5), 5);
	n = BIO_read(x->out, raw, sizeof raw);
	for (int i = 0; i < n; i++) {
		assert_int_equal(tls_serve_read(x->server, buf, sizeof buf,
		                                &want), 0);
		assert_int_equal(want, POLLIN);
		assert_int_equal(send(x->fd[1], raw + i, 1, 0), 1);
	}
	assert_int_equal(tls_serve_read(x->server, buf, sizeof buf, &want), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(tls_serve_write(x->server, "you too", 7, &want), 7);
	deliver(x);
	assert_int_equal(SSL_read(x->client, buf, sizeof buf), 7);
	assert_memory_equal(buf, "you too", 7);
	assert_false(tls_serve_ended(x->server));
}

/* ---- the tests ---- */

static void cut_everywhere(void)
{
	size_t total, said;
	struct ends x;

	ends_open(&x);
	assert_int_equal(shake(&x, WHOLE, 0, &total), 1);
	talk(&x);
	ends_close(&x);
	assert_true(total > 200);
	for (size_t at = 0; at < total; at++) {
		ends_open(&x);
		if (shake(&x, CUT, at, &said) != 1)
			fail_msg("cut at %zu", at);
		ends_close(&x);
	}
	ends_open(&x);
	assert_int_equal(shake(&x, OCTETS, 0, &said), 1);
	talk(&x);
	ends_close(&x);
}

static void test_cut(void **state)
{
	(void)state;
	cut_everywhere();
	SSL_CTX_set_max_proto_version(client_ctx, TLS1_2_VERSION);
	cut_everywhere();
	SSL_CTX_set_max_proto_version(client_ctx, 0);
}

/* A handshake that ends, or whose octet was changed on the way, never succeeds. */
static void test_damaged(void **state)
{
	size_t total, said;
	struct ends x;

	(void)state;
	ends_open(&x);
	assert_int_equal(shake(&x, WHOLE, 0, &total), 1);
	ends_close(&x);
	for (size_t at = 0; at < total; at++) {
		ends_open(&x);
		assert_int_equal(shake(&x, END, at, &said), -1);
		ends_close(&x);
		ends_open(&x);
		/* the version in a record's head is not looked at (RFC 8446
		 * section 5.1), nor is the compatible one of a record */
		if (shake(&x, FLIP, at, &said) == 1 && at > 2)
			fail_msg("changed at %zu of %zu", at, total);
		ends_close(&x);
	}
}

static void test_no_tls(void **state)
{
	static const struct { const char *p; size_t n; } said[] = {
		{ "EHLO x\r\n", 8 }, { "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "\x16\x03\x01\xff\xff....", 9 },
		{ "\x15\x03\x01\x00\x02\x02\x28", 7 },
		{ "\0\0\0\0\0\0", 6 }
	};
	struct ends x;

	(void)state;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		ends_open(&x);
		if (give(&x, said[i].p, said[i].n) != -1)
			fail_msg("%zu", i);
		ends_close(&x);
	}
	ends_open(&x);
	assert_int_equal(give(&x, said[0].p, said[0].n), -1);
	assert_string_equal(tls_serve_why(x.server), "what came was no TLS");
	ends_close(&x);
}

/* A goodbye is known as one behind what was said before it. */
static void test_goodbye(void **state)
{
	char buf[100];
	struct ends x;
	size_t said;
	short want;
	int n;

	(void)state;
	ends_open(&x);
	assert_int_equal(shake(&x, WHOLE, 0, &said), 1);
	SSL_write(x.client, "last", 4);
	SSL_shutdown(x.client);
	n = BIO_read(x.out, buf, sizeof buf);
	assert_int_equal(send(x.fd[1], buf, (size_t)n, 0), n);
	assert_false(tls_serve_ended(x.server));
	assert_int_equal(tls_serve_read(x.server, buf, sizeof buf, &want), 4);
	assert_true(tls_serve_ended(x.server));
	assert_int_equal(tls_serve_read(x.server, buf, sizeof buf, &want), -1);
	assert_null(tls_serve_why(x.server));
	ends_close(&x);

	/* and ours is heard */
	ends_open(&x);
	assert_int_equal(shake(&x, WHOLE, 0, &said), 1);
	tls_serve_free(x.server);
	x.server = NULL;
	deliver(&x);
	assert_int_equal(SSL_read(x.client, buf, sizeof buf), 0);
	assert_int_equal(SSL_get_error(x.client, 0), SSL_ERROR_ZERO_RETURN);
	ends_close(&x);
}

/* One that does not read stops us, until it does. */
static void test_full(void **state)
{
	static char much[1 << 20], got[1 << 16];
	size_t put = 0, taken = 0, said;
	struct ends x;
	short want = 0;
	ssize_t n;

	(void)state;
	ends_open(&x);
	assert_int_equal(shake(&x, WHOLE, 0, &said), 1);
	for (size_t i = 0; i < sizeof much; i++)
		much[i] = (char)(i * 7 ^ i >> 9);
	while (taken < sizeof much) {
		n = put == sizeof much ? 0
		    : tls_serve_write(x.server, much + put, sizeof much - put,
		                      &want);
		assert_true(n >= 0);
		put += (size_t)n;
		if (n > 0)
			continue;
		assert_true(put == sizeof much || want == POLLOUT);
		deliver(&x);
		while ((n = SSL_read(x.client, got, sizeof got)) > 0) {
			assert_memory_equal(got, much + taken, (size_t)n);
			taken += (size_t)n;
		}
	}
	assert_int_equal(want, POLLOUT);
	ends_close(&x);
}

static void test_no_certificate(void **state)
{
	struct err e;

	(void)state;
	assert_null(tls_serve_new(0, pem, pem_len / 2, &e));
	assert_int_equal(e.code, gpg_error(GPG_ERR_BAD_CERT));
	assert_null(tls_serve_new(0, "", 0, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_goodbye),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_no_certificate),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
