/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a mail program says to the POP3 port. */
#include <string.h>

#include "agent/roles.h"
#include "tests/fuzz/fuzz.h"

enum { HANDS = 4 };		/* the front's other ends, the client's included */

static const char CONF[] =
	"[a@b.example]\nuser = a\npop3 = localhost:110 plaintext\n";

static void say(struct membuf *m, unsigned type, struct pack *p)
{
	uint32_t head[2] = { type, p ? (uint32_t)p->len : 0 };

	CHECK(sink_put(&m->sink, head, sizeof head, NULL) == 0);
	CHECK(sink_put(&m->sink, p ? p->buf : NULL, head[1], NULL) == 0);
}

/* Logged in as it may be, then a list, then yes to all. */
static void upstream_says(struct membuf *m, uint8_t login)
{
	static struct pack p, item;

	pack_init(&item);
	pack_u32(&item, 1);
	pack_str(&item, "120");
	pack_init(&p);
	pack_u32(&p, login & 3 ? DONE_OK : DONE_DENIED);
	pack_u32(&p, 0);
	pack_str(&p, "2 320");
	for (int i = 0; i < 60; i++) {
		say(m, U_DONE, &p);
		if (i >> (login & 7) & 1)
			say(m, U_ITEM, &item);
	}
}

static void mime_says(struct membuf *m)
{
	static const char letter[] = "Subject: a letter\r\n\r\n.\r\n..b\r\nc";
	static struct pack p;

	pack_init(&p);
	pack_mem(&p, letter, sizeof letter - 1);
	for (int i = 0; i < 20; i++) {
		say(m, M_DATA, &p);
		say(m, M_END, NULL);
	}
}

/* One session: what each of the others heard. */
static void session(const uint8_t *p, size_t n, uint8_t how, uint8_t login,
                    struct membuf heard[HANDS])
{
	static struct conf conf;
	struct front_ends f;
	struct ends ends[HANDS];
	struct chan *chan[HANDS] = { NULL, &f.guard, &f.mime, &f.upstream };
	struct membuf said[HANDS];

	if (!conf.n_accounts)
		CHECK(conf_parse(&conf, "c", CONF, sizeof CONF - 1, NULL) == 0);
	for (int i = 0; i < HANDS; i++) {
		membuf_init(&said[i], 1 << 20);
		membuf_init(&heard[i], 1 << 24);
	}
	mime_says(&said[2]);
	upstream_says(&said[3], login);
	for (int i = 0; i < HANDS; i++) {
		ends_open(&ends[i], i ? (const void *)said[i].buf : p,
		          i ? said[i].len : n, i ? 0 : how);
		ends_hang_up(&ends[i]);
		if (i)
			chan_init(chan[i], ends[i].theirs);
		membuf_free(&said[i]);
	}
	chan_init(&f.keeper, -1);
	chan_init(&f.crypt, -1);
	f.client = ends[0].theirs;
	CHECK(front_pop3(&conf, &f) == 0);
	for (int i = 0; i < HANDS; i++)
		ends_read(&ends[i], &heard[i]);
	chan_close(&f.guard);
	chan_close(&f.mime);
	for (int i = 0; i < HANDS; i++) {
		ends[i].theirs = i ? -1 : ends[i].theirs;
		ends_close(&ends[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	uint8_t login = fuzz_octet(&data, &size);
	struct membuf whole[HANDS], cut[HANDS];

	session(data, size, 0, login, whole);
	session(data, size, how, login, cut);
	CHECK(clean_lines(whole[0].buf, whole[0].len, 2048));
	CHECK(whole[0].len > 3 && memcmp(whole[0].buf, "+OK", 3) == 0);
	for (int i = 0; i < HANDS; i++) {
		CHECK(same(&whole[i], &cut[i]));
		membuf_free(&whole[i]);
		membuf_free(&cut[i]);
	}
	return 0;
}
