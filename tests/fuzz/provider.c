/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A provider made of fuzzed octets. */
#include "tests/fuzz/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/stream.h"

static const char CONF[] =
	"[a@b.example]\nuser = a\n"
	"smtp = localhost:25 plaintext\npop3 = localhost:110 plaintext\n"
	"[t@b.example]\nuser = t\n"
	"smtp = localhost:587 starttls\npop3 = localhost:110 starttls\n";

static struct provider *provider_of(mailstream_low *low)
{
	return *(struct provider **)((struct stream *)low->data + 1);
}

static void next_turn(struct provider *v)
{
	const uint8_t *end = v->left ? memchr(v->p, TURN_END, v->left) : NULL;

	v->turn = end ? (size_t)(end - v->p) : v->left;
}

static ssize_t low_read(mailstream_low *low, void *buf, size_t n)
{
	struct provider *v = provider_of(low);
	struct stream *s = low->data;
	size_t most = v->how % 4 == 1 ? 1
	              : v->how ? 1 + (v->left * 7 + v->how) % v->how : n;

	if (v->turn == 0) {	/* it says no more until it is spoken to */
		s->error = s->deadline == 0 ? ETIMEDOUT : 0;
		return -1;
	}
	if (n > most)
		n = most;
	if (n > v->turn)
		n = v->turn;
	memcpy(buf, v->p, n);
	v->p += n;
	v->left -= n;
	v->turn -= n;
	return (ssize_t)n;
}

static ssize_t low_write(mailstream_low *low, const void *buf, size_t n)
{
	struct provider *v = provider_of(low);
	const char *p = buf;

	CHECK(!v->secret || n < 5 || (memcmp(p, "AUTH ", 5) != 0
	      && memcmp(p, "USER ", 5) != 0 && memcmp(p, "PASS ", 5) != 0));
	CHECK(sink_put(&v->heard.sink, buf, n, NULL) == 0);
	v->early = v->early || v->turn;
	v->p += v->turn;	/* what was not read yet is not read any more */
	v->left -= v->turn;
	if (v->left) {
		v->p++;
		v->left--;
	}
	next_turn(v);
	if (v->spoken_to)
		v->spoken_to(v, buf, n);
	return (ssize_t)n;
}

static int low_close(mailstream_low *low)
{
	struct provider *v = provider_of(low);
	struct stream *s = low->data;

	if (v->spoken_to)
		v->spoken_to(v, NULL, 0);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	return 0;
}

static int low_fd(mailstream_low *low)
{
	return ((struct stream *)low->data)->fd;
}

static void low_free(mailstream_low *low)
{
	free(low->data);
	free(low);
}

static mailstream_low_driver driver = {
	.mailstream_read = low_read, .mailstream_write = low_write,
	.mailstream_close = low_close, .mailstream_get_fd = low_fd,
	.mailstream_free = low_free
};

void provider_open(struct provider *v, struct wire *w, const uint8_t *p,
                   size_t n, uint8_t how)
{
	struct stream *s = calloc(1, sizeof *s + sizeof v);
	mailstream_low *low;

	CHECK(s && (low = mailstream_low_new(s, &driver)));
	*(struct provider **)(s + 1) = v;
	/* for poll(): always ready */
	s->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	v->stream = s;
	v->p = p;
	v->left = n;
	v->how = how;
	membuf_init(&v->heard, 1 << 24);
	next_turn(v);
	w->host = "localhost";
	w->timeout = 1;
	CHECK(s->fd >= 0 && wire_open(w, low, NULL) == 0);
}

void provider_close(struct provider *v)
{
	membuf_free(&v->heard);
}

struct upstream *provider_upstream(struct provider *v, const uint8_t *p,
                                   size_t n, uint8_t how, bool starttls)
{
	static struct conf conf;
	static struct tls_trust *trust;
	struct upstream *up = calloc(1, sizeof *up);

	CHECK(up);
	if (!conf.n_accounts) {
		CHECK(conf_parse(&conf, "c", CONF, sizeof CONF - 1, NULL) == 0);
		CHECK((trust = tls_trust_new(NULL)));
	}
	up->conf = &conf;
	up->trust = trust;
	memset(v, 0, sizeof *v);
	v->secret = starttls;
	provider_open(v, &up->wire, p, n, how);
	return up;
}

void provider_upstream_free(struct upstream *up)
{
	wire_close(&up->wire);
	free(up);
}

void provider_login(struct chan *c, bool starttls)
{
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, starttls);
	pack_str(&p, starttls ? "t" : "a");
	pack_str(&p, "a secret");
	CHECK(pack_send(&p, c, U_LOGIN, NULL) == 0);
}

void provider_check_front(const struct membuf *heard)
{
	const char *p = heard->len ? heard->buf : "", *end = p + heard->len;
	char text[REPLY_TEXT_MAX + 1];
	uint32_t head[2], outcome;
	struct unpack u;
	struct frame f;

	while (p < end) {
		CHECK(end - p >= 8);
		memcpy(head, p, 8);
		f = (struct frame){ head[0], (const unsigned char *)p + 8,
		                    head[1] };
		CHECK(f.len <= (size_t)(end - p) - 8);
		p += 8 + f.len;
		unpack_init(&u, &f);
		switch (f.type) {
		case U_DONE:
			outcome = unpack_u32(&u);
			CHECK(outcome <= DONE_FAILED && unpack_u32(&u) < 600);
			break;
		case U_ITEM:
			CHECK(unpack_u32(&u));
			break;
		default:
			CHECK(f.type == U_READY && f.len == 0);
			continue;
		}
		unpack_str(&u, text, sizeof text);
		CHECK(!u.bad && (u.left == 0 || u.left == 12));
		for (const char *c = text; *c; c++)
			CHECK(*c >= ' ' && *c < 127);
	}
}
