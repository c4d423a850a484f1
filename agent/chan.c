/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Frames between the roles: four octets of type, four of length, payload. */
#include "agent/chan.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { HEAD = 8, BUFFER = 2 * (FRAME_MAX + HEAD) };

void chan_init(struct chan *c, int fd)
{
	memset(c, 0, sizeof *c);
	c->fd = fd;
}

void chan_close(struct chan *c)
{
	if (c->in)
		explicit_bzero(c->in, BUFFER);
	free(c->in);
	while (c->n_fds)
		close(chan_take_fd(c));
	if (c->fd >= 0)
		close(c->fd);
	chan_init(c, -1);
}

int chan_take_fd(struct chan *c)
{
	int fd;

	if (c->n_fds == 0)
		return -1;
	fd = c->fds[0];
	c->n_fds--;
	memmove(c->fds, c->fds + 1, c->n_fds * sizeof c->fds[0]);
	return fd;
}

/* Write it all; descriptors go with the first octets. */
static int send_all(struct chan *c, struct msghdr *msg, struct err *e)
{
	struct iovec *v = msg->msg_iov;
	ssize_t r;

	while (msg->msg_iovlen) {
		r = c->pipe ? writev(c->fd, v, (int)msg->msg_iovlen)
		            : sendmsg(c->fd, msg, MSG_NOSIGNAL);
		if (r == -1 && errno == ENOTSOCK && !c->pipe
		    && !msg->msg_control) {
			c->pipe = true;
			continue;
		}
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return err_set(e, gpg_error(GPG_ERR_EPIPE),
			               "a part of the agent is gone");
		msg->msg_control = NULL;
		msg->msg_controllen = 0;
		while (msg->msg_iovlen && (size_t)r >= v->iov_len) {
			r -= (ssize_t)v->iov_len;
			v++;
			msg->msg_iovlen--;
		}
		if (msg->msg_iovlen) {
			v->iov_base = (char *)v->iov_base + r;
			v->iov_len -= (size_t)r;
		}
		msg->msg_iov = v;
	}
	return 0;
}

int chan_send_fds(struct chan *c, unsigned type, const void *data, size_t n,
                  const int *fds, unsigned n_fds, struct err *e)
{
	uint32_t head[2] = { type, (uint32_t)n };
	struct iovec v[2] = {
		{ head, HEAD }, { (void *)(uintptr_t)data, n }
	};
	struct msghdr msg = { .msg_iov = v, .msg_iovlen = n ? 2 : 1 };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * CHAN_FDS_MAX)];
	} ctl = { 0 };
	struct cmsghdr *h;

	if (c->fd < 0)
		return err_set(e, gpg_error(GPG_ERR_EPIPE),
		               "a part of the agent is gone");
	if (n > FRAME_MAX || n_fds > CHAN_FDS_MAX)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "a frame is too large");
	if (n_fds) {
		msg.msg_control = ctl.buf;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		h = CMSG_FIRSTHDR(&msg);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(h), fds, sizeof(int) * n_fds);
	}
	return send_all(c, &msg, e);
}

int chan_send(struct chan *c, unsigned type, const void *data, size_t n,
              struct err *e)
{
	return chan_send_fds(c, type, data, n, NULL, 0, e);
}

/* Keep the descriptors of a message; those beyond the bound are closed. */
static void keep_fds(struct chan *c, struct msghdr *msg)
{
	struct cmsghdr *h;
	size_t n;
	int fd;

	for (h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof fd;
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
			if (c->n_fds < CHAN_FDS_MAX)
				c->fds[c->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

/* Read once into the buffer: octets, 0 at the end, -1. */
static ssize_t read_some(struct chan *c)
{
	struct iovec v = { c->in + c->len, BUFFER - c->len };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int) * CHAN_FDS_MAX)];
	} ctl;
	struct msghdr msg = {
		.msg_iov = &v, .msg_iovlen = 1,
		.msg_control = ctl.buf, .msg_controllen = sizeof ctl.buf
	};
	ssize_t r;

	if (c->pipe)
		return read(c->fd, v.iov_base, v.iov_len);
	do
		r = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
	while (r == -1 && errno == EINTR);
	if (r == -1 && errno == ENOTSOCK) {
		c->pipe = true;
		return read_some(c);
	}
	if (r >= 0)
		keep_fds(c, &msg);
	return r;
}

/* Is a whole frame in the buffer?  1, 0, or -1: it is none. */
static int whole_frame(const struct chan *c, uint32_t head[2])
{
	if (c->len - c->off < HEAD)
		return 0;
	memcpy(head, c->in + c->off, HEAD);
	if (head[1] > FRAME_MAX)
		return -1;
	return c->len - c->off >= HEAD + head[1];
}

int chan_recv(struct chan *c, struct frame *f, struct err *e)
{
	uint32_t head[2];
	ssize_t r;
	int got;

	if (c->fd < 0)
		return err_set(e, gpg_error(GPG_ERR_EOF),
		               "a part of the agent is gone");
	if (!c->in && !(c->in = malloc(BUFFER)))
		return err_errno(e, "memory");
	while ((got = whole_frame(c, head)) == 0) {
		if (c->off) {
			memmove(c->in, c->in + c->off, c->len - c->off);
			c->len -= c->off;
			c->off = 0;
		}
		r = read_some(c);
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			return err_set(e, gpg_error(GPG_ERR_EOF),
			               "a part of the agent is gone");
		c->len += (size_t)r;
	}
	if (got == -1)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "a part of the agent went wrong");
	f->type = head[0];
	f->len = head[1];
	f->data = c->in + c->off + HEAD;
	c->off += HEAD + f->len;
	return 0;
}

int chan_wait(struct chan *c, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	uint32_t head[2];
	int r;

	if (c->fd < 0 || (c->in && whole_frame(c, head) != 0))
		return 1;
	do
		r = poll(&p, 1, ms);
	while (r == -1 && errno == EINTR);
	return r != 0;
}

int chan_expect(struct chan *c, unsigned type, struct frame *f, struct err *e)
{
	if (chan_recv(c, f, e) == -1)
		return -1;
	if (f->type != type)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "a part of the agent went wrong");
	return 0;
}

/* ---- a sink over a channel ---- */

static int chan_sink_put(struct sink *sink, const void *buf, size_t n,
                         struct err *e)
{
	struct chan_sink *s = (struct chan_sink *)sink;
	const unsigned char *p = buf;
	size_t m;

	while (n) {
		if (s->len == 0 && n >= FRAME_DATA) {
			if (chan_send(s->chan, s->type, p, FRAME_DATA, e))
				return -1;
			p += FRAME_DATA;
			n -= FRAME_DATA;
			continue;
		}
		m = FRAME_DATA - s->len < n ? FRAME_DATA - s->len : n;
		memcpy(s->buf + s->len, p, m);
		s->len += m;
		p += m;
		n -= m;
		if (s->len == FRAME_DATA && chan_sink_flush(s, e))
			return -1;
	}
	return 0;
}

void chan_sink_init(struct chan_sink *s, struct chan *c, unsigned type)
{
	s->sink.put = chan_sink_put;
	s->chan = c;
	s->type = type;
	s->len = 0;
}

int chan_sink_flush(struct chan_sink *s, struct err *e)
{
	size_t n = s->len;

	s->len = 0;
	return n ? chan_send(s->chan, s->type, s->buf, n, e) : 0;
}

/* ---- payloads ---- */

void pack_init(struct pack *p)
{
	p->len = 0;
	p->bad = false;
}

void pack_mem(struct pack *p, const void *m, size_t n)
{
	if (p->bad || n > sizeof p->buf - p->len) {
		p->bad = true;
		return;
	}
	if (n)
		memcpy(p->buf + p->len, m, n);
	p->len += n;
}

void pack_u32(struct pack *p, uint32_t v) { pack_mem(p, &v, sizeof v); }
void pack_u64(struct pack *p, uint64_t v) { pack_mem(p, &v, sizeof v); }

void pack_str(struct pack *p, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	pack_u32(p, (uint32_t)n);
	pack_mem(p, s, n);
}

int pack_send(struct pack *p, struct chan *c, unsigned type, struct err *e)
{
	if (p->bad)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "a frame is too large");
	return chan_send(c, type, p->buf, p->len, e);
}

void unpack_init(struct unpack *u, const struct frame *f)
{
	u->p = f->data;
	u->left = f->len;
	u->bad = false;
}

void unpack_mem(struct unpack *u, void *out, size_t n)
{
	if (u->bad || n > u->left) {
		u->bad = true;
		memset(out, 0, n);
		return;
	}
	memcpy(out, u->p, n);
	u->p += n;
	u->left -= n;
}

uint32_t unpack_u32(struct unpack *u)
{
	uint32_t v;

	unpack_mem(u, &v, sizeof v);
	return v;
}

uint64_t unpack_u64(struct unpack *u)
{
	uint64_t v;

	unpack_mem(u, &v, sizeof v);
	return v;
}

void unpack_str(struct unpack *u, char *out, size_t size)
{
	uint32_t n = unpack_u32(u);

	out[0] = '\0';
	if (u->bad || n >= size || n > u->left || memchr(u->p, '\0', n)) {
		u->bad = true;
		return;
	}
	unpack_mem(u, out, n);
	out[n] = '\0';
}

bool unpack_end(const struct unpack *u)
{
	return !u->bad && u->left == 0;
}
