/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The upstream: one connection to one provider, from the name to the login. */
#include "agent/upstream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/box.h"
#include "agent/log.h"
#include "agent/stream.h"

static bool needs_tls(const struct server *s)
{
	return s->host && s->transport != TRANSPORT_PLAINTEXT;
}

struct upstream *upstream_prepare(const struct conf *conf)
{
	struct upstream *up = calloc(1, sizeof *up);
	bool tls = false;
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	tzset();	/* OpenSSL's dates want its file, the box allows none */
	if (!up)
		return NULL;
	up->conf = conf;
	up->wire.connect_timeout = conf->connect_timeout;
	up->wire.reply_timeout = conf->reply_timeout;
	up->wire.silence = conf->provider_timeout;
	up->wire.min_rate = conf->min_rate;
	for (unsigned i = 0; i < conf->n_accounts; i++)
		tls = tls || needs_tls(&conf->account[i].smtp) ||
		      needs_tls(&conf->account[i].pop3);
	if (tls && !(up->trust = tls_trust_new(&e)))
		log_error("%s", e.text);	/* the login says it too */
	return up;
}

int upstream_run(struct upstream *up, enum session_kind kind,
                 struct upstream_ends *ends)
{
	int rc = kind == SESSION_SMTP ? upstream_smtp(up, ends)
	                              : upstream_pop3(up, ends);

	wire_close(&up->wire);
	chan_close(&ends->front);
	chan_close(&ends->pipe);
	tls_trust_free(up->trust);
	free(up);
	return rc;
}

/* ---- connecting ---- */

static bool is_loopback(const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* Connect to one address until deadline: a socket that does not block, or -1
 * with errno. */
static int dial(const struct addrinfo *a, int64_t deadline)
{
	struct stream s = { .deadline = deadline };
	socklen_t len = sizeof s.error;
	int one = 1;

	s.fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
	              0);
	if (s.fd < 0)
		return -1;
	setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(s.fd, a->ai_addr, a->ai_addrlen) == 0)
		return s.fd;
	s.error = errno;
	if (s.error == EINPROGRESS && stream_wait(&s, POLLOUT) == 0 &&
	    getsockopt(s.fd, SOL_SOCKET, SO_ERROR, &s.error, &len) == 0 &&
	    s.error == 0)
		return s.fd;
	close(s.fd);
	errno = s.error;
	return -1;
}

static int64_t share(int64_t end, const struct addrinfo *a)
{
	int64_t now = stream_clock();
	int n = 0;

	for (; a; a = a->ai_next)
		n++;
	return now + (end - now) / n;
}

struct question {
	char host[256], port[8];
	struct addrinfo *list;
	int r;
};

static void *ask(void *question)
{
	const struct addrinfo want = { .ai_socktype = SOCK_STREAM };
	struct question *q = question;

	q->r = getaddrinfo(q->host, q->port, &want, &q->list);
	return NULL;
}

/* The host's addresses, by a thread, since getaddrinfo() knows no deadline.  If
 * it is late it is left behind, with its question, and nothing comes after
 * that: there is no connection in this process then, and no box around it. */
static int look_up(struct upstream *up, int64_t end, struct addrinfo **list,
                   struct err *e)
{
	struct question *q = calloc(1, sizeof *q);
	const struct server *s = up->server;
	const int64_t left = end - stream_clock();
	struct timespec when;
	pthread_t t;
	int rc = -1;

	if (!q || snprintf(q->host, sizeof q->host, "%s", s->host)
	          >= (int)sizeof q->host ||
	    snprintf(q->port, sizeof q->port, "%u", (unsigned)s->port) < 0 ||
	    pthread_create(&t, NULL, ask, q)) {
		err_set(e, GPG_ERR_ENOMEM, "%s cannot be looked up", s->host);
		goto out;
	}
	clock_gettime(CLOCK_REALTIME, &when);
	when.tv_sec += left / 1000 + 1;
	if (pthread_timedjoin_np(t, NULL, &when)) {
		up->boxed = true;
		return err_set(e, GPG_ERR_ETIMEDOUT, "%s: its address was not "
		               "found in time", s->host);
	}
	if (q->r) {
		err_set(e, GPG_ERR_UNKNOWN_HOST, "%s: %s", s->host,
		        gai_strerror(q->r));
		goto out;
	}
	*list = q->list;
	rc = 0;
out:
	free(q);
	return rc;
}

/* Each address of the host in turn, with a fair share of the time. */
static int dial_any(struct upstream *up, int64_t end, struct err *e)
{
	const struct server *s = up->server;
	struct addrinfo *list = NULL, *a;
	int fd = -1;

	if (look_up(up, end, &list, e))
		return -1;
	for (a = list; a && fd < 0; a = a->ai_next) {
		if (s->transport == TRANSPORT_PLAINTEXT &&
		    !is_loopback(a->ai_addr)) {
			err_set(e, GPG_ERR_FORBIDDEN, "%s: plaintext is for "
			        "this machine's own addresses only", s->host);
			continue;
		}
		fd = dial(a, share(end, a));
		if (fd < 0)
			err_errno(e, s->host);
	}
	freeaddrinfo(list);
	return fd;
}

static int trust_account(struct upstream *up, struct err *e)
{
	if (!needs_tls(up->server))
		return 0;
	if (!up->trust && !(up->trust = tls_trust_new(e)))
		return -1;
	tls_trust_pin(up->trust, up->account->pin, up->account->n_pins,
	              up->account->pin_only);
	if (!up->account->ca_file)
		return 0;
	return tls_trust_add(up->trust, up->account->ca_file, e);
}

int upstream_connect(struct upstream *up, struct err *e)
{
	int64_t end = stream_clock() + (int64_t)up->wire.connect_timeout * 1000;
	mailstream_low *low = NULL;
	int fd;

	if (up->boxed)
		return err_set(e, GPG_ERR_EPIPE, "%s closed the connection",
		               up->server->host);
	if (trust_account(up, e))
		return -1;
	fd = dial_any(up, end, e);
	if (fd < 0) {
		if (gpg_err_code(e->code) != GPG_ERR_FORBIDDEN)
			up->why = UNREACHED_NO_ROUTE;
		return -1;
	}
	up->boxed = true;
	if (box_enter(BOX_UPSTREAM, NULL, up->conf->sandbox_required)) {
		err_set(e, GPG_ERR_FORBIDDEN, "the box could not be entered");
		goto fail;
	}
	err_set(e, GPG_ERR_ENOMEM, "Out of memory");
	low = up->server->transport == TRANSPORT_TLS
	      ? tls_low_new(up->trust, fd, up->server->host, end, e)
	      : stream_low_new(fd);
	if (!low)
		goto fail;
	if (wire_open(&up->wire, low, e) == 0)
		return 0;
	mailstream_low_close(low);
	mailstream_low_free(low);
	return -1;
fail:
	close(fd);
	return -1;
}

/* ---- answering the front ---- */

int upstream_done(struct chan *front, enum outcome o, unsigned code,
                  const char *text)
{
	struct pack p;

	pack_init(&p);
	pack_u32(&p, o);
	pack_u32(&p, code);
	pack_u32(&p, (uint32_t)strnlen(text, REPLY_TEXT_MAX));
	pack_mem(&p, text, strnlen(text, REPLY_TEXT_MAX));
	return pack_send(&p, front, U_DONE, NULL);
}

int upstream_lost(struct upstream *up, struct chan *front,
                  const struct err *e)
{
	wire_close(&up->wire);
	return upstream_done(front, DONE_LOST, 0, e->text);
}

int upstream_says(struct upstream *up, const struct reply *r, struct err *e)
{
	if (r->code)
		return err_set(e, GPG_ERR_SERVER_FAILED, "%s says: %u %s",
		               up->server->host, r->code, r->text);
	return err_set(e, GPG_ERR_SERVER_FAILED, "%s says: %s",
	               up->server->host, r->text);
}
