/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keys that are pinned, and the binding to a channel of TLS. */
#include "tests/unit/tls_cas.h"

static void pinned(const struct chain *c, const struct who *key,
                   const char *host, const char *want)
{
	char said[ERR_TEXT_MAX], text[ERR_TEXT_MAX] = "";

	pin_key(key);
	if (*want)
		snprintf(text, sizeof text, "%s: %s", host, want);
	shake(c, host, NULL, said, sizeof said);
	assert_string_equal(said, text);
}

static void test_pins(void **state)
{
	static const char none[] = "its certificate has none of the pinned keys";
	struct chain c = { plain(SERVER, "leaf", &inter),
	                   { &others[3], &inter } };
	struct chain alone = { plain(SERVER, "leaf", NULL), { 0 } };
	struct chain old = { plain(OLD_SERVER, "leaf", &root), { 0 } };

	(void)state;
	/* besides the chain: any of it, but not what was only sent */
	pinning = PIN;
	pinned(&c, &c.leaf, HOST, "");
	pinned(&c, &inter, HOST, "");
	pinned(&c, &root, HOST, "");
	pinned(&c, &others[3], HOST, none);
	pinned(&c, &alone.leaf, HOST, none);
	pinned(&c, &c.leaf, "x.example.test",
	       "its certificate is for another name");
	pinned(&alone, &alone.leaf, HOST,
	       "its certificate is vouched for by itself only");
	/* instead of it: the server's own, and nothing else */
	pinning = PIN_ONLY;
	pinned(&c, &c.leaf, "x.example.test", "");
	pinned(&alone, &alone.leaf, HOST, "");
	pinned(&old, &old.leaf, HOST, "");
	pinned(&c, &inter, HOST, none);
	pinned(&c, &root, HOST, none);
	pinning = NO_PIN;
	gone(&c.leaf);
	gone(&alone.leaf);
	gone(&old.leaf);
}

/* The server's side: it tells what binds to this channel, and ends. */
static void tell_binding(SSL *ssl)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	unsigned char text[TLS_BINDING_MAX];
	size_t n = 32;

	if (SSL_accept(ssl) != 1)
		_exit(1);
	if (SSL_version(ssl) == TLS1_3_VERSION)
		SSL_export_keying_material(ssl, text, n, label,
			sizeof label - 1, (const unsigned char *)"", 0, 1);
	else
		n = SSL_get_peer_finished(ssl, text, sizeof text);
	SSL_write(ssl, text, (int)n);
	SSL_read(ssl, text, 1);
	_exit(0);
}

/* With a server of this version: what binds is of this type (NULL: nothing),
 * and the server knows it. */
static void binding(int version, uint64_t options, const char *type)
{
	struct who leaf = plain(SERVER, "leaf", &root);
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	struct tls_trust *t = tls_trust_read(bundle, NULL);
	unsigned char text[TLS_BINDING_MAX];
	struct tls_binding b;
	struct err e = { 0 };
	mailstream_low *low;
	int fd[2];
	pid_t pid;

	SSL_CTX_use_certificate(ctx, leaf.cert);
	SSL_CTX_use_PrivateKey(ctx, leaf.key);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_options(ctx, options);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		SSL *ssl = SSL_new(ctx);

		close(fd[0]);
		SSL_set_fd(ssl, fd[1]);
		tell_binding(ssl);
	}
	close(fd[1]);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	low = tls_low_new(t, fd[0], HOST, stream_clock() + 10000, &e);
	assert_non_null(low);
	assert_true(tls_is(low));
	assert_int_equal(tls_binding(low, &b), !!type);
	if (type) {
		assert_string_equal(b.type, type);
		assert_int_equal(mailstream_low_read(low, text, sizeof text),
		                 b.n);
		assert_memory_equal(text, b.data, b.n);
	}
	mailstream_low_close(low);
	mailstream_low_free(low);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	tls_trust_free(t);
	SSL_CTX_free(ctx);
	gone(&leaf);
}

static void test_binding(void **state)
{
	struct tls_binding b;
	mailstream_low *clear;
	int fd[2];

	(void)state;
	binding(TLS1_3_VERSION, 0, "tls-exporter");
	binding(TLS1_2_VERSION, 0, "tls-unique");
	binding(TLS1_2_VERSION, SSL_OP_NO_EXTENDED_MASTER_SECRET, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	clear = stream_low_new(fd[0]);
	assert_false(tls_is(clear));
	assert_false(tls_binding(clear, &b));
	mailstream_low_close(clear);
	mailstream_low_free(clear);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_binding),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
