/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The front: the client's connection, whichever protocol it speaks. */
#include "agent/front.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/box.h"
#include "agent/cert_file.h"
#include "agent/log.h"
#include "agent/tls_serve.h"

/* For a client that wants TLS; read late, so that a new one is used at once. */
static void take_certificate(struct front_ends *ends)
{
	struct err e;
	char *dir = conf_state_dir(&e);

	if (!dir || cert_load(dir, &ends->pem_secret, &ends->pem_len, &e) == -1)
		log_error("TLS with mail programs is not possible: %s", e.text);
	free(dir);
}

int front_run(const struct conf *conf, enum session_kind kind,
              struct front_ends *ends)
{
	int one = 1;

	if (ends->client < 0)
		return 1;
	setsockopt(ends->client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	fcntl(ends->client, F_SETFL, fcntl(ends->client, F_GETFL) | O_NONBLOCK);
	take_certificate(ends);
	if (box_enter(BOX_FRONT, NULL, conf->sandbox_required))
		return 1;
	return kind == SESSION_SMTP ? front_smtp(conf, ends)
	                            : front_pop3(conf, ends);
}

/* ---- the client's octets ---- */

int client_wait(struct client *c, short events)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int64_t ms = (int64_t)c->timeout * 1000, since = front_clock();
	int r;

	if (c->patience >= 0 && c->patience < ms)
		ms = c->patience;
	do
		r = poll(&p, 1, (int)ms);
	while (r == -1 && errno == EINTR);
	if (c->patience >= 0) {
		c->patience -= front_clock() - since;
		if (c->patience < 0)
			c->patience = 0;
	}
	c->silent = r == 0 && events == POLLIN;
	return r > 0 ? 0 : -1;
}

/* After r of send() or recv(): octets, 0 to be tried again, after poll() if
 * *want is set, -1. */
static ssize_t again(ssize_t r, short event, short *want)
{
	if (r > 0)
		return r;
	if (r == 0 || (errno != EAGAIN && errno != EINTR))
		return -1;
	*want = errno == EAGAIN ? event : 0;
	return 0;
}

static ssize_t put_some(struct client *c, const char *p, size_t n, short *want)
{
	return c->tls ? tls_serve_write(c->tls, p, n, want)
	              : again(send(c->fd, p, n, MSG_NOSIGNAL), POLLOUT, want);
}

static ssize_t get_some(struct client *c, char *p, size_t n, short *want)
{
	return c->tls ? tls_serve_read(c->tls, p, n, want)
	              : again(recv(c->fd, p, n, 0), POLLIN, want);
}

static int client_write(struct client *c, const char *p, size_t n)
{
	short want = 0;
	ssize_t r;

	while (n) {
		r = c->gone ? -1 : put_some(c, p, n, &want);
		if (r == -1 || (r == 0 && want && client_wait(c, want)))
			return -1;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

int client_flush(struct client *c)
{
	size_t n = c->out_len;

	c->out_len = 0;
	return client_write(c, c->out, n);
}

static int client_put(struct sink *sink, const void *buf, size_t n,
                      struct err *e)
{
	struct client *c = (struct client *)sink;

	if (n > sizeof c->out - c->out_len && client_flush(c))
		goto gone;
	if (n >= sizeof c->out) {
		if (client_write(c, buf, n))
			goto gone;
		return 0;
	}
	memcpy(c->out + c->out_len, buf, n);
	c->out_len += n;
	return 0;
gone:
	return err_set(e, gpg_error(GPG_ERR_EPIPE), "the client is gone");
}

void client_init(struct client *c, int fd, unsigned timeout)
{
	memset(c, 0, sizeof *c);
	c->sink.put = client_put;
	c->fd = fd;
	c->timeout = timeout;
	c->patience = BEFORE_LOGIN_MS;
}

void client_known(struct client *c)
{
	c->patience = -1;
	client_forget_key(c);
}

/* More octets behind those that are there: 0, or -1. */
static int client_fill(struct client *c)
{
	short want = 0;
	ssize_t r;

	c->silent = false;
	if (c->off) {
		memmove(c->in, c->in + c->off, c->len - c->off);
		c->len -= c->off;
		c->off = 0;
	}
	if (client_flush(c))
		return -1;
	do {
		r = get_some(c, c->in + c->len, sizeof c->in - c->len, &want);
		if (r == -1 || (r == 0 && want && client_wait(c, want)))
			return -1;
	} while (r == 0);
	c->len += (size_t)r;
	return 0;
}

/* A ClientHello (RFC 8446 section 5.1) where a command was to come. */
static bool client_is_tls(const struct client *c)
{
	if (c->len - c->off < 2 || c->in[c->off] != 0x16
	    || c->in[c->off + 1] != 3)
		return false;
	log_note("a client began TLS on a port that does not begin with it; "
	         "STARTTLS is what to set in it, or another port");
	return true;
}

int client_line(struct client *c, char *line, size_t size)
{
	size_t n, skipped = 0;
	bool skip;
	char *lf;

	for (;;) {
		if (!skipped && client_is_tls(c))
			return -1;
		lf = memchr(c->in + c->off, '\n', c->len - c->off);
		if (lf)
			break;
		if (c->len - c->off >= size) {
			skipped += c->len - c->off;
			c->off = c->len = 0;
			if (skipped > LINE_SKIP_MAX)
				return -1;
		}
		if (client_fill(c))
			return -1;
	}
	skip = skipped > 0;
	n = (size_t)(lf - (c->in + c->off));
	if (n && lf[-1] == '\r')
		lf--;
	if (skip || lf < c->in + c->off
	    || (size_t)(lf - (c->in + c->off)) >= size
	    || memchr(c->in + c->off, '\0', n)) {
		c->off += n + 1;
		return -2;
	}
	memcpy(line, c->in + c->off, (size_t)(lf - (c->in + c->off)));
	line[lf - (c->in + c->off)] = '\0';
	size = (size_t)(lf - (c->in + c->off));
	explicit_bzero(c->in + c->off, n);
	c->off += n + 1;
	return (int)size;
}

int client_some(struct client *c, const char **p, size_t *n)
{
	if (c->off == c->len && client_fill(c))
		return -1;
	*p = c->in + c->off;
	*n = c->len - c->off;
	return 0;
}

void client_used(struct client *c, size_t n)
{
	c->off += n;
}

int client_say(struct client *c, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof line - 2, fmt, ap);
	va_end(ap);
	if (n < 0)
		return -1;
	if (n > (int)sizeof line - 3)
		n = (int)sizeof line - 3;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\r';
	line[n++] = '\n';
	return client_put(&c->sink, line, (size_t)n, NULL);
}

bool client_is_browser(const char *line)
{
	static const char *const verbs[] = {
		"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE",
		"PATCH", "TRACE", "PRI"	/* which begins HTTP/2 */
	};
	size_t n = strcspn(line, " \t");

	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (n == strlen(verbs[i])
		    && strncasecmp(line, verbs[i], n) == 0) {
			log_note("a web browser was turned away");
			return true;
		}
	return false;
}

/* ---- a lane ---- */

int64_t front_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void lane_close(struct lane *l)
{
	chan_close(&l->crypt);
	chan_close(&l->upstream);
	l->logged_in = false;
}

bool lane_alive(const struct lane *l)
{
	return chan_open(&l->crypt) && chan_open(&l->upstream);
}

static int lane_lost(struct lane *l)
{
	l->outcome = DONE_LOST;
	l->code = 0;
	l->logged_in = false;
	snprintf(l->text, sizeof l->text,
	         "the connection to the provider broke");
	return -1;
}

int lane_done(struct lane *l)
{
	struct frame f;
	struct unpack u;

	if (chan_expect(&l->upstream, U_DONE, &f, NULL))
		return lane_lost(l);
	l->answered = front_clock();
	unpack_init(&u, &f);
	l->outcome = (enum outcome)unpack_u32(&u);
	l->code = unpack_u32(&u);
	unpack_str(&u, l->text, sizeof l->text);
	if (u.left) {
		l->has = unpack_u32(&u);
		l->size_max = unpack_u64(&u);
	}
	if (!unpack_end(&u))
		return lane_lost(l);
	if (l->outcome == DONE_LOST || l->outcome == DONE_UNREACHABLE)
		l->logged_in = false;
	return 0;
}

int lane_tell(struct lane *l, unsigned type, const void *data, size_t n)
{
	if (chan_send(&l->upstream, type, data, n, NULL))
		return lane_lost(l);
	return 0;
}

int lane_ask(struct lane *l, unsigned type, struct pack *p)
{
	if (lane_tell(l, type, p ? p->buf : NULL, p ? p->len : 0))
		return -1;
	return lane_done(l);
}

int lane_login_start(struct lane *l, const struct login *who)
{
	struct pack p;
	int rc;

	pack_init(&p);
	pack_u32(&p, who->index);
	pack_u32(&p, who->prove && who->with == LOGIN_PASSWORD ? LOGIN_PROVEN
	         : who->with);
	pack_str(&p, who->user);
	pack_str(&p, who->password_secret);
	rc = lane_tell(l, U_LOGIN, p.buf, p.len);
	explicit_bzero(&p, sizeof p);
	return rc;
}

int lane_login_end(struct lane *l)
{
	l->has = 0;
	l->size_max = 0;
	if (lane_done(l))
		return -1;
	l->logged_in = l->outcome == DONE_OK;
	return 0;
}

int lane_login(struct lane *l, const struct login *who)
{
	return lane_login_start(l, who) ? -1 : lane_login_end(l);
}
