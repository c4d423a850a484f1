/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a mail program says to the submission port. */
#include <string.h>

#include "agent/log.h"
#include "agent/roles.h"
#include "tests/fuzz/fuzz.h"

enum { HANDS = 5 };		/* the front's other ends, the client's included */

static const char CONF[] =
	"[a@b.example]\nuser = a\nsmtp = localhost:25 plaintext\n"
	"encrypt = never\n";

/* Frames that are there before they are asked for, one behind the other. */
static void say(struct membuf *m, unsigned type, struct pack *p)
{
	uint32_t head[2] = { type, p ? (uint32_t)p->len : 0 };

	CHECK(sink_put(&m->sink, head, sizeof head, NULL) == 0);
	CHECK(sink_put(&m->sink, p ? p->buf : NULL, head[1], NULL) == 0);
}

static void say_done(struct membuf *m, enum outcome o, unsigned code)
{
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, o);
	pack_u32(&p, code);
	pack_str(&p, "2.0.0 words of the provider's");
	pack_u32(&p, HAS_8BIT);
	pack_u64(&p, 1000);
	say(m, U_DONE, &p);
}

/* Logged in as it may be, then letters to one recipient. */
static void upstream_says(struct membuf *m, uint8_t login)
{
	say_done(m, login & 3 ? DONE_OK : DONE_DENIED, 0);
	for (int i = 0; i < 3; i++) {
		say_done(m, DONE_OK, 250);
		say_done(m, DONE_OK, 250);
		say_done(m, DONE_OK, 354);
		say(m, U_READY, NULL);
		say_done(m, login & 4 ? DONE_OK : DONE_REFUSED, 250);
	}
}

static void mime_says(struct membuf *m)
{
	static struct pack p;

	for (int i = 0; i < 3; i++) {
		pack_init(&p);
		pack_u32(&p, FIELD_FROM);
		pack_str(&p, "a@b.example");
		say(m, M_ADDR, &p);
		pack_init(&p);
		pack_u32(&p, UINT32_MAX);
		pack_u32(&p, WISH_NONE);
		pack_u32(&p, WISH_NONE);
		say(m, M_FACTS, &p);
		say(m, M_END, NULL);
	}
}

static void crypt_says(struct membuf *m)
{
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, DONE_OK);
	pack_str(&p, "");
	for (int i = 0; i < 3; i++)
		say(m, C_DONE, &p);
}

/* One session: what each of the others heard. */
static void session(const uint8_t *p, size_t n, uint8_t how, uint8_t login,
                    struct membuf heard[HANDS])
{
	static struct conf conf;
	struct front_ends f;
	struct ends ends[HANDS];
	struct chan *chan[HANDS] = {
		NULL, &f.guard, &f.mime, &f.crypt, &f.upstream
	};
	struct membuf said[HANDS];

	if (!conf.n_accounts)
		CHECK(conf_parse(&conf, "c", CONF, sizeof CONF - 1, NULL) == 0);
	for (int i = 0; i < HANDS; i++) {
		membuf_init(&said[i], 1 << 20);
		membuf_init(&heard[i], 1 << 24);
	}
	mime_says(&said[2]);
	crypt_says(&said[3]);
	upstream_says(&said[4], login);
	for (int i = 0; i < HANDS; i++) {
		ends_open(&ends[i], i ? (const void *)said[i].buf : p,
		          i ? said[i].len : n, i ? 0 : how);
		ends_hang_up(&ends[i]);
		if (i)
			chan_init(chan[i], ends[i].theirs);
		membuf_free(&said[i]);
	}
	chan_init(&f.keeper, -1);
	f.client = ends[0].theirs;
	CHECK(front_smtp(&conf, &f) == 0);
	for (int i = 0; i < HANDS; i++)
		ends_read(&ends[i], &heard[i]);
	chan_close(&f.guard);
	chan_close(&f.mime);
	for (int i = 0; i < HANDS; i++) {
		ends[i].theirs = i ? -1 : ends[i].theirs;
		ends_close(&ends[i]);
	}
}

/* "250-...", "250 ...": of digits and text, a code per reply. */
static void check_replies(const char *p, size_t n)
{
	const char *end, *lf, *code = NULL;

	CHECK(n && clean_lines(p, n, 2048));
	end = p + n;
	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		CHECK(lf - p >= 5 && *p >= '2' && *p <= '5');
		CHECK(p[1] >= '0' && p[1] <= '9' && p[2] >= '0' && p[2] <= '9'
		      && (p[3] == ' ' || p[3] == '-'));
		CHECK(!code || memcmp(code, p, 3) == 0);
		code = p[3] == '-' ? p : NULL;
		for (const char *c = p; c < lf - 1; c++)
			CHECK((unsigned char)*c >= ' ' && *c != 0x7f);
	}
	CHECK(!code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	uint8_t login = fuzz_octet(&data, &size);
	struct membuf whole[HANDS], cut[HANDS];

	log_level = 0;
	session(data, size, 0, login, whole);
	session(data, size, how, login, cut);
	check_replies(whole[0].buf, whole[0].len);
	for (int i = 0; i < HANDS; i++) {
		/* how letters are cut into frames is nobody's business */
		CHECK(i == 2 || same(&whole[i], &cut[i]));
		membuf_free(&whole[i]);
		membuf_free(&cut[i]);
	}
	return 0;
}
