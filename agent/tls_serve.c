/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenSSL as a server, without its configuration file. */
#include "agent/tls_serve.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "agent/cert.h"

struct tls_serve {
	SSL_CTX *ctx;
	SSL *ssl;
	const char *why;
	bool broken;		/* nothing more may be said, not even goodbye */
};

/* ---- set-up ---- */

/* A web browser's connection is none, however it was led here (ALPACA). */
static int refuse_web(SSL *ssl, const unsigned char **out,
                      unsigned char *out_len, const unsigned char *in,
                      unsigned n, void *arg)
{
	(void)ssl, (void)out, (void)out_len, (void)arg;
	for (unsigned i = 0; i < n; i += 1u + in[i]) {
		const unsigned char *p = in + i + 1;
		unsigned len = in[i];

		if (len > n - i - 1)
			break;
		if ((len >= 2 && memcmp(p, "h2", 2) == 0)
		    || (len >= 4 && memcmp(p, "http", 4) == 0))
			return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	return SSL_TLSEXT_ERR_NOACK;
}

/* A session lives as long as its process: there is none to resume. */
static int settle(SSL_CTX *ctx)
{
	SSL_CTX_set_security_level(ctx, 2);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
	                         SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(ctx, 1);
	SSL_CTX_set_default_read_buffer_len(ctx, 64 << 10);
	SSL_CTX_set_alpn_select_cb(ctx, refuse_web, NULL);
	return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(ctx, 0) == 1 &&
	       SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1
	       ? 0 : -1;
}

static int identify(SSL_CTX *ctx, const char *pem_secret, size_t len,
                    struct err *e)
{
	struct cert_look look;
	struct cert_pair own;
	X509 *ca = NULL;
	int rc = -1;

	if (cert_read(pem_secret, len, &own, &ca, e))
		return -1;
	if (cert_look_at(own.cert, ca, &look, e)
	    || cert_valid(&look, time(NULL), e))
		goto out;
	if (SSL_CTX_use_certificate(ctx, own.cert) == 1 &&
	    SSL_CTX_use_PrivateKey(ctx, own.key) == 1)
		rc = 0;
	else
		err_set(e, gpg_error(GPG_ERR_BAD_CERT),
		        "the certificate cannot be used");
out:
	cert_pair_free(&own);
	X509_free(ca);
	return rc;
}

struct tls_serve *tls_serve_new(int fd, const char *pem_secret, size_t len,
                                struct err *e)
{
	struct tls_serve *t = calloc(1, sizeof *t);

	err_set(e, gpg_error(GPG_ERR_ENOMEM), "TLS could not be set up");
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	if (!t || !(t->ctx = SSL_CTX_new(TLS_server_method())) ||
	    settle(t->ctx) || identify(t->ctx, pem_secret, len, e) ||
	    !(t->ssl = SSL_new(t->ctx)) || SSL_set_fd(t->ssl, fd) != 1) {
		tls_serve_free(t);
		return NULL;
	}
	SSL_set_accept_state(t->ssl);
	return t;
}

/* ---- talking ---- */

static const char *reason(unsigned long code)
{
	switch (ERR_GET_REASON(code)) {
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		return "the mail program does not trust our certificate "
		       "(letterlock certificate tells how it does)";
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
		return "what came was no TLS";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
		return "the mail program knows only versions of TLS that are "
		       "too old";
	case SSL_R_UNEXPECTED_EOF_WHILE_READING:
		return NULL;
	}
	return ERR_reason_error_string(code);
}

/* After a call that returned r: 0 with *want set, or -1. */
static int again(struct tls_serve *t, int r, short *want)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		*want = POLLIN;
		return 0;
	case SSL_ERROR_WANT_WRITE:
		*want = POLLOUT;
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return -1;
	case SSL_ERROR_SSL:
		t->why = reason(ERR_peek_error());
		break;
	}
	t->broken = true;
	return -1;
}

int tls_serve_shake(struct tls_serve *t, short *want)
{
	int r;

	ERR_clear_error();
	r = SSL_accept(t->ssl);
	return r == 1 ? 1 : again(t, r, want);
}

ssize_t tls_serve_read(struct tls_serve *t, void *buf, size_t n, short *want)
{
	size_t got;
	int r;

	ERR_clear_error();
	r = SSL_read_ex(t->ssl, buf, n, &got);
	return r == 1 ? (ssize_t)got : again(t, r, want);
}

ssize_t tls_serve_write(struct tls_serve *t, const void *buf, size_t n,
                        short *want)
{
	size_t put;
	int r;

	ERR_clear_error();
	r = SSL_write_ex(t->ssl, buf, n, &put);
	return r == 1 ? (ssize_t)put : again(t, r, want);
}

bool tls_serve_ended(struct tls_serve *t)
{
	char octet;
	size_t n;
	short want;
	int r;

	ERR_clear_error();
	r = SSL_peek_ex(t->ssl, &octet, 1, &n);
	return r != 1 && again(t, r, &want);
}

const char *tls_serve_why(const struct tls_serve *t)
{
	return t->why;
}

void tls_serve_free(struct tls_serve *t)
{
	if (!t)
		return;
	ERR_clear_error();
	if (t->ssl && !t->broken && SSL_is_init_finished(t->ssl))
		SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	SSL_CTX_free(t->ctx);
	free(t);
}
