/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An upstream alone in this process, and a provider made of octets. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/stream.h"
#include "agent/upstream.h"
#include "tests/fuzz/play.h"

enum { TURN_END = 1 };		/* the octet between two turns of the provider */

struct provider {
	const uint8_t *p;	/* what is left of all */
	size_t left;
	size_t turn;		/* of them may be read now */
	size_t split;		/* octets until the first cut */
	uint8_t how;		/* cuts behind that */
	bool early;		/* it was spoken to before a turn was read */
	bool secret;		/* no command of a login may come */
	bool letter;		/* what comes next is one, and no reason to speak */
	struct membuf heard;
	/* called behind each thing it heard, and with NULL when the connection is
	 * closed; may be NULL itself */
	void (*spoken_to)(struct provider *v, const char *p, size_t n);
	void *user;
};

static const char CONF[] =
	"[a@b.example]\nuser = a\n"
	"smtp = localhost:25 plaintext\npop3 = localhost:110 plaintext\n"
	"[t@b.example]\nuser = t\n"
	"smtp = localhost:587 starttls\npop3 = localhost:110 starttls\n";

/* ---- its wire ---- */

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
	if (v->split)
		most = v->split;
	if (n > most)
		n = most;
	if (n > v->turn)
		n = v->turn;
	v->split -= v->split ? n : 0;
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
	if (!v->letter) {
		v->p += v->turn;	/* what was not read is lost */
		v->left -= v->turn;
		if (v->left) {
			v->p++;
			v->left--;
		}
		next_turn(v);
	}
	v->letter = false;
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

static void provider_open(struct provider *v, struct wire *w,
                          const struct script *script)
{
	struct stream *s = calloc(1, sizeof *s + sizeof v);
	mailstream_low *low;

	CHECK(s && (low = mailstream_low_new(s, &driver)));
	*(struct provider **)(s + 1) = v;
	/* for poll(): always ready */
	s->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	v->p = script->p;
	v->left = script->n;
	v->split = script->split;
	v->how = script->how;
	membuf_init(&v->heard, 1 << 24);
	next_turn(v);
	w->host = "localhost";
	w->connect_timeout = w->reply_timeout = w->silence = 1;
	CHECK(s->fd >= 0 && wire_open(w, low, NULL) == 0);
}

static struct upstream *upstream_new(struct provider *v,
                                     const struct script *script, bool tls)
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
	v->secret = tls;
	provider_open(v, &up->wire, script);
	return up;
}

/* ---- front's side ---- */

static void login(struct chan *c, const struct script *script, bool tls)
{
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, tls);
	pack_u32(&p, script->token ? LOGIN_OAUTH : LOGIN_PASSWORD);
	pack_str(&p, tls ? "t" : "a");
	pack_str(&p, script->token ? script->token : "a secret");
	CHECK(pack_send(&p, c, U_LOGIN, NULL) == 0);
}

void play_check_heard(const struct membuf *heard)
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

/* The session is over: what front heard, and mime. */
static bool finish(const struct script *script, struct upstream *up,
                   struct upstream_ends *up_ends,
                   struct provider *v, struct ends *front, struct ends *pipe,
                   struct membuf *heard, struct membuf *letters)
{
	chan_close(&up_ends->front);
	chan_close(&up_ends->pipe);
	wire_close(&up->wire);
	membuf_init(heard, 1 << 22);
	ends_read(front, heard);
	if (letters) {
		membuf_init(letters, 1 << 22);
		ends_read(pipe, letters);
	}
	front->theirs = pipe->theirs = -1;
	ends_close(front);
	ends_close(pipe);
	CHECK(clean_lines(v->heard.buf, v->heard.len, WIRE_COMMAND_MAX));
	if (script->sent)
		*script->sent = v->heard;
	else
		membuf_free(&v->heard);
	free(up);
	return !v->early;
}

/* ---- submission ---- */

struct sender {
	struct chan front;	/* our end */
	bool data, rest;
};

static void send_frame(struct chan *c, unsigned type)
{
	static struct pack p;

	pack_init(&p);
	if (type == U_MAIL || type == U_RCPT)
		pack_str(&p, "a@b.example");
	if (type == U_MAIL) {
		pack_u32(&p, 0);
		pack_u64(&p, 100);
	}
	pack_send(&p, c, type, NULL);
}

/* What the front says behind the letter, or where there is none. */
static void rest(struct sender *s, bool letter)
{
	static const unsigned types[] = { U_RESET, U_MAIL, U_NOOP, U_QUIT };

	if (s->rest)
		return;
	s->rest = true;
	if (letter)
		send_frame(&s->front, U_COMMIT);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		send_frame(&s->front, types[i]);
	shutdown(s->front.fd, SHUT_WR);
}

static void spoken_to(struct provider *v, const char *p, size_t n)
{
	struct sender *s = v->user;

	if (s->data || !p)
		rest(s, s->data && p);
	s->data = n == 6 && memcmp(p, "DATA\r\n", 6) == 0;
	v->letter = s->data && v->turn >= 3 && memcmp(v->p, "354", 3) == 0;
	if (s->data && !v->letter)
		rest(s, false);		/* there will be none */
}

bool play_upstream_smtp(const struct script *provider, bool tls,
                        struct membuf *heard)
{
	static const char letter[] = "Subject: x\r\n\r\n.a\r\n\xc3\xa4\r\n.";
	struct upstream_ends up_ends;
	struct ends ends, pipe;
	struct sender s = { 0 };
	struct provider v = { .user = &s, .spoken_to = spoken_to };
	struct upstream *up = upstream_new(&v, provider, tls);

	ends_open(&ends, NULL, 0, 0);
	ends_open(&pipe, NULL, 0, 0);
	chan_init(&s.front, pipe.ours);
	CHECK(chan_send(&s.front, P_DATA, letter, sizeof letter - 1, NULL)
	      == 0);
	send_frame(&s.front, P_END);
	ends_hang_up(&pipe);
	chan_init(&s.front, ends.ours);
	login(&s.front, provider, tls);
	send_frame(&s.front, U_MAIL);
	send_frame(&s.front, U_RCPT);
	send_frame(&s.front, U_DATA);
	chan_init(&up_ends.front, ends.theirs);
	chan_init(&up_ends.pipe, pipe.theirs);
	upstream_smtp(up, &up_ends);
	return finish(provider, up, &up_ends, &v, &ends, &pipe, heard, NULL);
}

/* ---- POP3 ---- */

static void fetch_frame(struct chan *c, unsigned type)
{
	static struct pack p;

	pack_init(&p);
	if (type != U_STAT && type != U_NOOP && type != U_RESET
	    && type != U_QUIT)
		pack_u32(&p, type == U_RETR || type == U_TOP || type == U_DELE);
	if (type == U_TOP)
		pack_u32(&p, 2);
	CHECK(pack_send(&p, c, type, NULL) == 0);
}

bool play_upstream_pop3(const struct script *provider, bool tls,
                        struct membuf *heard, struct membuf *letters)
{
	static const unsigned types[] = {
		U_STAT, U_LIST, U_UIDL, U_RETR, U_TOP, U_DELE, U_RESET, U_NOOP,
		U_UIDL, U_RETR, U_RETR, U_QUIT
	};
	struct upstream_ends up_ends;
	struct ends ends, pipe;
	struct provider v = { 0 };
	struct upstream *up = upstream_new(&v, provider, tls);
	struct chan front;

	ends_open(&ends, NULL, 0, 0);
	ends_open(&pipe, NULL, 0, 0);
	chan_init(&front, ends.ours);
	login(&front, provider, tls);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		fetch_frame(&front, types[i]);
	ends_hang_up(&ends);
	chan_init(&up_ends.front, ends.theirs);
	chan_init(&up_ends.pipe, pipe.theirs);
	upstream_pop3(up, &up_ends);
	return finish(provider, up, &up_ends, &v, &ends, &pipe, heard, letters);
}
