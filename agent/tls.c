/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenSSL as a low stream of libetpan's, whose own TLS verifies nothing. */
#include "agent/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "agent/stream.h"
#include "agent/tls_cas.h"
#include "agent/tls_words.h"

enum { LEVEL = 2 };	/* OpenSSL's: no RSA below 2048 bits, no SHA-1 */

struct tls_trust {
	SSL_CTX *ctx;
	struct tls_cas *system;
	X509_STORE *mine;	/* the account's own CAs */
	const unsigned char (*pin)[32];
	unsigned n_pins;
	bool pin_only;
};

struct tls {
	struct stream stream;	/* first: see stream_of() */
	SSL *ssl;
	bool broken;		/* nothing more may be said, not even goodbye */
};

/* OpenSSL's own default is a folder that it would search in the box. */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",		/* Debian */
	"/etc/pki/tls/certs/ca-bundle.crt",		/* Fedora */
	"/etc/ssl/ca-bundle.pem",			/* openSUSE */
	"/etc/ssl/cert.pem",				/* Alpine */
};

/* Into the store go all CAs that this chain's verification could look up: the
 * system's before the account's, since X509_STORE prefers the first of a name.
 */
static int complete(X509_STORE_CTX *ctx, struct tls_trust *t)
{
	X509_STORE *store = X509_STORE_CTX_get0_store(ctx);
	STACK_OF(X509) *mine = X509_STORE_get1_all_certs(t->mine);
	STACK_OF(X509) *all = mine ? X509_chain_up_ref(mine) : NULL;
	const int up = X509_ADD_FLAG_UP_REF;
	int rc = -1;

	if (!all || !X509_add_cert(all, X509_STORE_CTX_get0_cert(ctx), up) ||
	    !X509_add_certs(all, X509_STORE_CTX_get0_untrusted(ctx), up) ||
	    (t->system && tls_cas_supply(t->system, store, all)))
		goto out;
	for (int i = 0; i < sk_X509_num(mine); i++)
		if (!X509_STORE_add_cert(store, sk_X509_value(mine, i)))
			goto out;
	rc = 0;
out:
	sk_X509_pop_free(all, X509_free);
	sk_X509_pop_free(mine, X509_free);
	return rc;
}

/* Is the public key (the whole SubjectPublicKeyInfo) of this one pinned? */
static bool pinned(const struct tls_trust *t, X509 *x)
{
	unsigned char *der = NULL, sum[SHA256_DIGEST_LENGTH];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	bool found = false;

	if (len <= 0)
		return false;
	SHA256(der, (size_t)len, sum);
	OPENSSL_free(der);
	for (unsigned i = 0; i < t->n_pins; i++)
		found = found || memcmp(t->pin[i], sum, sizeof sum) == 0;
	return found;
}

static bool chain_pinned(const struct tls_trust *t, STACK_OF(X509) *chain)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (pinned(t, sk_X509_value(chain, i)))
			return true;
	return false;
}

/* The server has shown that it has the key of its own certificate; that is the
 * only one that counts where nobody looks at the chain. */
static int verify(X509_STORE_CTX *ctx, void *trust)
{
	struct tls_trust *t = trust;
	int v = X509_V_OK;

	if (t->pin_only) {
		if (!pinned(t, X509_STORE_CTX_get0_cert(ctx)))
			v = X509_V_ERR_APPLICATION_VERIFICATION;
	} else if (complete(ctx, t)) {
		v = X509_V_ERR_OUT_OF_MEM;
	} else if (X509_verify_cert(ctx) <= 0) {
		return 0;
	} else if (t->n_pins &&
	           !chain_pinned(t, X509_STORE_CTX_get0_chain(ctx))) {
		v = X509_V_ERR_APPLICATION_VERIFICATION;
	}
	X509_STORE_CTX_set_error(ctx, v);
	return v == X509_V_OK;
}

static struct tls_trust *trust_start(void)
{
	struct tls_trust *t = calloc(1, sizeof *t);

	if (!t || !(t->mine = X509_STORE_new()) ||
	    !(t->ctx = SSL_CTX_new(TLS_client_method())) ||
	    SSL_CTX_set_min_proto_version(t->ctx, TLS1_2_VERSION) != 1) {
		tls_trust_free(t);
		return NULL;
	}
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(t->ctx, verify, t);
	/* whatever the system's openssl.cnf says */
	SSL_CTX_set_security_level(t->ctx, LEVEL);
	SSL_CTX_clear_options(t->ctx, SSL_OP_LEGACY_SERVER_CONNECT |
	                              SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
	SSL_CTX_set_options(t->ctx, SSL_OP_NO_RENEGOTIATION |
	                            SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
	SSL_CTX_set_session_cache_mode(t->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	                         SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(t->ctx, 1);
	SSL_CTX_set_default_read_buffer_len(t->ctx, 64 << 10);
	return t;
}

struct tls_trust *tls_trust_read(const char *bundle, struct err *e)
{
	struct tls_trust *t = trust_start();

	if (t && bundle && (t->system = tls_cas_read(bundle)))
		return t;
	if (t && !bundle && SSL_CTX_set_default_verify_paths(t->ctx) == 1)
		return t;
	err_set(e, GPG_ERR_CONFIGURATION,
	        "the system's certificates cannot be read");
	tls_trust_free(t);
	return NULL;
}

struct tls_trust *tls_trust_new(struct err *e)
{
	const char *found = NULL;

	for (size_t i = 0; i < sizeof bundles / sizeof *bundles && !found; i++)
		if (access(bundles[i], R_OK) == 0)
			found = bundles[i];
	return tls_trust_read(found, e);
}

int tls_trust_add(struct tls_trust *t, const char *ca_file, struct err *e)
{
	if (X509_STORE_load_file(t->mine, ca_file) == 1)
		return 0;
	return err_set(e, GPG_ERR_CONFIGURATION,
	               "%s: no certificate can be read from it", ca_file);
}

void tls_trust_pin(struct tls_trust *t, const unsigned char (*pin)[32],
                   unsigned n, bool only)
{
	t->pin = pin;
	t->n_pins = n;
	t->pin_only = only;
}

void tls_trust_free(struct tls_trust *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	X509_STORE_free(t->mine);
	tls_cas_free(t->system);
	free(t);
}

/* After a call that returned r: 0 when it is to be tried again, or -1 with
 * the stream's error set. */
static int tls_again(struct tls *t, int r)
{
	int saved = errno, reason;

	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return stream_wait(&t->stream, POLLIN);
	case SSL_ERROR_WANT_WRITE:
		return stream_wait(&t->stream, POLLOUT);
	case SSL_ERROR_ZERO_RETURN:
		t->stream.error = 0;
		return -1;
	case SSL_ERROR_SYSCALL:
		t->stream.error = saved;
		break;
	default:
		/* cut without a goodbye: as bad as closed, no worse */
		reason = ERR_GET_REASON(ERR_peek_error());
		t->stream.error = reason == SSL_R_UNEXPECTED_EOF_WHILE_READING
		                  ? 0 : EPROTO;
	}
	t->broken = true;
	return -1;
}

static ssize_t low_read(mailstream_low *low, void *buf, size_t n)
{
	struct tls *t = low->data;
	size_t got;
	int r;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		r = SSL_read_ex(t->ssl, buf, n, &got);
		if (r == 1) {
			t->stream.moved += got;
			return (ssize_t)got;
		}
		if (tls_again(t, r))
			return -1;
	}
}

static ssize_t low_write(mailstream_low *low, const void *buf, size_t n)
{
	struct tls *t = low->data;
	size_t put;
	int r;

	if (n == 0)
		return 0;
	for (;;) {
		ERR_clear_error();
		errno = 0;
		r = SSL_write_ex(t->ssl, buf, n, &put);
		if (r == 1) {
			t->stream.moved += put;
			return (ssize_t)put;
		}
		if (tls_again(t, r))
			return -1;
	}
}

static int low_close(mailstream_low *low)
{
	struct tls *t = low->data;
	int fd = t->stream.fd;

	ERR_clear_error();
	if (fd >= 0 && !t->broken)
		SSL_shutdown(t->ssl);
	t->stream.fd = -1;
	return fd >= 0 ? close(fd) : 0;
}

static int low_fd(mailstream_low *low)
{
	return ((struct tls *)low->data)->stream.fd;
}

static void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

static void low_free(mailstream_low *low)
{
	tls_free(low->data);
	free(low);
}

static mailstream_low_driver driver = {
	.mailstream_read = low_read,
	.mailstream_write = low_write,
	.mailstream_close = low_close,
	.mailstream_get_fd = low_fd,
	.mailstream_free = low_free,
};

/* The name that the certificate must have, and that we ask for (SNI; RFC 6066
 * section 3: never an IP address). */
static int expect_name(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *want = SSL_get0_param(ssl);
	unsigned char ip[16];

	X509_VERIFY_PARAM_set_hostflags(want,
		X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
		X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (inet_pton(AF_INET, host, ip) == 1 ||
	    inet_pton(AF_INET6, host, ip) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(want, host) == 1 ? 0 : -1;
	if (X509_VERIFY_PARAM_set1_host(want, host, 0) != 1)
		return -1;
	return SSL_set_tlsext_host_name(ssl, host) == 1 ? 0 : -1;
}

static int handshake_words(struct tls *t, const char *host, struct err *e)
{
	long v = SSL_get_verify_result(t->ssl);
	const char *why = tls_words_shake(ERR_peek_error());

	if (v != X509_V_OK)
		return err_set(e, GPG_ERR_NOT_TRUSTED, "%s: %s", host,
		               tls_words_cert(v));
	if (t->stream.error == ETIMEDOUT)
		why = "no answer in time";
	else if (t->stream.error == 0)
		why = "it closed the connection";
	else if (!why)
		why = strerror(t->stream.error);
	return err_set(e, GPG_ERR_BAD_DATA, "%s: TLS: %s", host, why);
}

mailstream_low *tls_low_new(struct tls_trust *trust, int fd, const char *host,
                            int64_t deadline, struct err *e)
{
	struct tls *t = calloc(1, sizeof *t);
	mailstream_low *low = NULL;
	int r;

	err_set(e, GPG_ERR_ENOMEM, "%s: TLS could not be set up", host);
	if (!t || !(t->ssl = SSL_new(trust->ctx)))
		goto out;
	t->stream = (struct stream){ .fd = fd, .deadline = deadline };
	if (expect_name(t->ssl, host) || SSL_set_fd(t->ssl, fd) != 1)
		goto out;
	do {
		ERR_clear_error();
		errno = 0;
		r = SSL_connect(t->ssl);
	} while (r != 1 && tls_again(t, r) == 0);
	if (r == 1)
		low = mailstream_low_new(t, &driver);
	else
		handshake_words(t, host, e);
out:
	if (!low)
		tls_free(t);
	return low;
}

bool tls_is(const mailstream_low *low)
{
	return low->driver == &driver;
}

bool tls_binding(mailstream_low *low, struct tls_binding *b)
{
	static const char label[] = "EXPORTER-Channel-Binding";
	SSL *ssl;

	if (!tls_is(low))
		return false;
	ssl = ((struct tls *)low->data)->ssl;
	if (SSL_version(ssl) >= TLS1_3_VERSION) {
		b->type = "tls-exporter";
		b->n = 32;
		return SSL_export_keying_material(ssl, b->data, b->n, label,
			sizeof label - 1, NULL, 0, 0) == 1;
	}
	if (SSL_get_extms_support(ssl) != 1)
		return false;
	/* ours was the first Finished, since no session is resumed */
	b->type = "tls-unique";
	b->n = SSL_get_finished(ssl, b->data, sizeof b->data);
	return b->n > 0 && b->n <= sizeof b->data;
}
