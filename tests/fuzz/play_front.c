/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A front alone in this process. */
#include <string.h>
#include <strings.h>

#include "agent/log.h"
#include "tests/fuzz/play.h"

static const char CONF[] =
	"[a@b.example]\nuser = a\nencrypt = never\n"
	"smtp = localhost:25 plaintext\npop3 = localhost:110 plaintext\n"
	"[t@b.example]\nuser = t\nencrypt = never\n"
	"credentials = command \"x\"\nlogin = oauth\n"
	"smtp = localhost:25 plaintext\npop3 = localhost:110 plaintext\n";

void play_say(struct membuf *m, unsigned type, const struct pack *p)
{
	uint32_t head[2] = { type, p ? (uint32_t)p->len : 0 };

	CHECK(sink_put(&m->sink, head, sizeof head, NULL) == 0);
	CHECK(sink_put(&m->sink, p ? p->buf : NULL, head[1], NULL) == 0);
}

/* ---- submission ---- */

static void say_done(struct membuf *m, enum outcome o, unsigned code)
{
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, o);
	pack_u32(&p, code);
	pack_str(&p, "2.0.0 words of the provider's");
	pack_u32(&p, HAS_8BIT | HAS_UTF8);
	pack_u64(&p, 1000);
	play_say(m, U_DONE, &p);
}

/* Logged in as it may be, then letters to one recipient. */
static void upstream_says(struct membuf *m, uint8_t login)
{
	say_done(m, login & 3 ? DONE_OK : DONE_DENIED, 0);
	for (int i = 0; i < 3; i++) {
		say_done(m, DONE_OK, 250);
		say_done(m, DONE_OK, 250);
		say_done(m, DONE_OK, 354);
		play_say(m, U_READY, NULL);
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
		play_say(m, M_ADDR, &p);
		pack_init(&p);
		pack_u32(&p, UINT32_MAX);
		pack_u32(&p, WISH_NONE);
		pack_u32(&p, WISH_NONE);
		pack_u32(&p, FORM_OTHER);
		pack_str(&p, "");
		play_say(m, M_FACTS, &p);
		pack_init(&p);
		pack_str(&p, "<made@b.example>");
		play_say(m, M_END, &p);
	}
}

static void crypt_says(struct membuf *m)
{
	static struct pack found, done;

	pack_init(&found);
	pack_u32(&found, 0);
	pack_u32(&found, 1);
	pack_u32(&found, 0);
	pack_u32(&found, 0);
	pack_u64(&found, 0);
	pack_str(&found, "");
	pack_u32(&found, KEY_FROM_KEYRING);
	pack_init(&done);
	pack_u32(&done, DONE_OK);
	pack_str(&done, "");
	for (int i = 0; i < 3; i++) {
		play_say(m, C_KEYS_FOUND, &found);
		play_say(m, C_DONE, &done);
	}
}

/* Of a contact, of the code, and of a letter sent in part: nothing. */
static void keeper_says(struct membuf *m, bool secret)
{
	static struct pack contact, two, one;

	pack_init(&contact);
	for (int i = 0; i < 3; i++)
		pack_u32(&contact, 0);
	pack_str(&contact, "");
	pack_u64(&contact, 0);
	pack_init(&two);
	pack_u64(&two, 0);
	pack_init(&one);
	pack_u32(&one, 0);
	play_say(m, K_ANSWER, &one);	/* how long to wait at the login */
	play_say(m, K_ANSWER, &one);	/* did its provider give no proof */
	if (secret)			/* found, and it is empty */
		play_say(m, K_ANSWER, &two);
	for (int i = 0; i < 3; i++) {
		play_say(m, K_ANSWER, &contact);
		play_say(m, K_ANSWER, &two);
		play_say(m, K_ANSWER, &one);
	}
}

/* ---- POP3 ---- */

/* Logged in as it may be, then a list, then yes to all. */
static void maildrop_says(struct membuf *m, uint8_t login)
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
		play_say(m, U_DONE, &p);
		if (i >> (login & 7) & 1)
			play_say(m, U_ITEM, &item);
	}
}

static void letters_say(struct membuf *m)
{
	static const char letter[] = "Subject: a letter\r\n\r\n.\r\n..b\r\nc";
	static struct pack p;

	pack_init(&p);
	pack_mem(&p, letter, sizeof letter - 1);
	for (int i = 0; i < 20; i++) {
		play_say(m, M_DATA, &p);
		play_say(m, M_END, NULL);
	}
}

/* ---- a session ---- */

static void session(int (*front)(const struct conf *, struct front_ends *),
                    const struct script *client, struct membuf said[HANDS],
                    struct membuf heard[HANDS])
{
	static struct conf conf;
	struct front_ends f = { .peer = "" };
	struct ends ends[HANDS];
	struct chan *chan[HANDS] = {
		NULL, &f.guard, &f.keeper, &f.mime, &f.crypt, &f.upstream
	};

	if (!conf.n_accounts)
		CHECK(conf_parse(&conf, "c", CONF, sizeof CONF - 1, NULL) == 0);
	log_level = 0;
	ends_open(&ends[HAND_CLIENT], client->p, client->split, 0);
	ends_say(&ends[HAND_CLIENT], (const char *)client->p + client->split,
	         client->n - client->split, client->how);
	/* in a piece of its own: a client that says no more has gone */
	ends_say(&ends[HAND_CLIENT], "QUIT\r\n", 6, 0);
	for (int i = 0; i < HANDS; i++) {
		if (i) {
			ends_open(&ends[i], said[i].buf, said[i].len, 0);
			chan_init(chan[i], ends[i].theirs);
		}
		ends_hang_up(&ends[i]);
		membuf_free(&said[i]);
		membuf_init(&heard[i], 1 << 24);
	}
	f.client = ends[HAND_CLIENT].theirs;
	CHECK(front(&conf, &f) == 0);
	for (int i = 0; i < HANDS; i++)
		ends_read(&ends[i], &heard[i]);
	chan_close(&f.guard);
	chan_close(&f.keeper);
	chan_close(&f.mime);
	if (front == front_pop3)
		chan_close(&f.crypt);
	for (int i = 0; i < HANDS; i++) {
		ends[i].theirs = i ? -1 : ends[i].theirs;
		ends_close(&ends[i]);
	}
}

static void said_init(struct membuf said[HANDS])
{
	for (int i = 0; i < HANDS; i++)
		membuf_init(&said[i], 1 << 20);
}

void play_smtp(const struct script *client, uint8_t login,
               struct membuf heard[HANDS])
{
	struct membuf said[HANDS];

	said_init(said);
	keeper_says(&said[HAND_KEEPER], login & 8);
	mime_says(&said[HAND_MIME]);
	crypt_says(&said[HAND_CRYPT]);
	upstream_says(&said[HAND_UPSTREAM], login);
	session(front_smtp, client, said, heard);
}

void play_pop3(const struct script *client, uint8_t login,
               struct membuf heard[HANDS])
{
	struct membuf said[HANDS];

	said_init(said);
	letters_say(&said[HAND_MIME]);
	maildrop_says(&said[HAND_UPSTREAM], login);
	session(front_pop3, client, said, heard);
}

bool play_same(enum hand h)
{
	return h != HAND_MIME && h != HAND_KEEPER;
}

bool play_has(const uint8_t *data, size_t size, const char *word)
{
	size_t n = strlen(word);

	for (; size >= n; data++, size--)
		if (strncasecmp((const char *)data, word, n) == 0)
			return true;
	return false;
}
