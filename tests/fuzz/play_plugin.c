/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plug-in's connection alone in this process. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/log.h"
#include "agent/plugin.h"
#include "crypto/verdict.h"
#include "tests/fuzz/play.h"

static const char CONF[] = "[a@b.example]\nsmtp = localhost:25 plaintext\n";

enum { ANSWERS = 40 };

static void guard_says(struct membuf *m)
{
	static struct pack p;

	pack_init(&p);
	pack_u64(&p, 1700000000);
	pack_u32(&p, 2);
	pack_u32(&p, 3);
	pack_u32(&p, 2);
	pack_str(&p, "127.0.0.1:1587");
	pack_u32(&p, SESSION_SMTP);
	pack_u32(&p, LOCAL_STARTTLS);
	pack_str(&p, "/run/x\xff");
	pack_u32(&p, SESSION_PLUGIN);
	pack_u32(&p, LOCAL_OFFERED);
	for (int i = 0; i < ANSWERS; i++)
		play_say(m, G_STATUS, &p);
}

static void guard_has_none(struct membuf *m)
{
	for (int i = 0; i < ANSWERS; i++)
		play_say(m, G_CRYPT, NULL);
}

static void keeper_says(struct membuf *m)
{
	static struct pack p;

	pack_init(&p);
	pack_u64(&p, 1700000001);
	pack_u64(&p, 0);
	pack_str(&p, "");
	pack_u64(&p, 0);
	pack_u64(&p, 1700000002);
	pack_str(&p, "no\xff\r\n");
	for (int i = 0; i < ANSWERS; i++)
		play_say(m, K_ANSWER, &p);
}

/* ---- openers ---- */

static void mime_says(struct membuf *m, int nth)
{
	static const unsigned char digest[2 * 32];
	static struct pack p;

	pack_init(&p);
	if (nth == 0 || nth == 3) {
		pack_u32(&p, 1);
		pack_str(&p, " " PLAY_VERDICT "\r\n");
		pack_mem(&p, digest, sizeof digest);
		pack_u32(&p, FORM_OTHER);
		pack_u64(&p, sizeof PLAY_LETTER - 1);
		play_say(m, M_CHECKED, &p);
		if (nth)
			return;
		pack_init(&p);
		pack_mem(&p, PLAY_LETTER, sizeof PLAY_LETTER - 1);
		play_say(m, M_DATA, &p);
		play_say(m, M_END, NULL);
	} else if (nth == 1) {
		pack_u32(&p, FORM_SEALED);
		play_say(m, M_FORM, &p);
	} else {
		pack_u32(&p, 2);
		pack_str(&p, "locked");
		play_say(m, M_BAD, &p);
	}
}

/* One of them, by the guard: our ends. */
static void opener_open(struct ends *guard, int nth, struct ends *mime, int *pipe)
{
	struct membuf says;
	struct chan c;
	int p[2];

	membuf_init(&says, 1 << 16);
	mime_says(&says, nth);
	ends_open(mime, says.buf, says.len, 0);
	membuf_free(&says);
	CHECK(pipe2(p, O_CLOEXEC) == 0);
	chan_init(&c, guard->ours);
	CHECK(chan_send_fds(&c, nth % 2 ? G_READER : G_OPENER, NULL, 0,
	                    (int[]){ mime->theirs, p[1] }, 2, NULL) == 0);
	close(p[1]);
	close(mime->theirs);
	mime->theirs = -1;
	*pipe = p[0];
}

/* What each of them heard, appended. */
static void opener_close(struct ends *mime, int pipe, struct membuf *heard)
{
	char buf[4096];
	ssize_t n;

	ends_read(mime, heard);
	while ((n = read(pipe, buf, sizeof buf)) > 0)
		CHECK(sink_put(&heard->sink, buf, (size_t)n, NULL) == 0);
	close(pipe);
	ends_close(mime);
}

static void keeper_checks(struct membuf *m, enum verdict_check check)
{
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, check);
	for (int i = 0; i < ANSWERS; i++)
		play_say(m, K_ANSWER, &p);
}

/* ---- events ---- */

static void event(struct ends *v, enum event what, const char *account,
                  const struct pack *rest)
{
	static struct pack p;
	struct membuf m;

	pack_init(&p);
	pack_u32(&p, what);
	pack_u64(&p, 1700000003);
	pack_str(&p, account);
	pack_mem(&p, rest->buf, rest->len);
	membuf_init(&m, 1 << 20);
	play_say(&m, K_EVENT, &p);
	ends_say(v, m.buf, m.len, 0);
	membuf_free(&m);
}

static void pack_people(struct pack *p)
{
	pack_u32(p, 2);
	pack_str(p, "b@c.example");
	pack_str(p, "d\"\\@e.example");
}

static void letters_events(struct ends *v, const char *account)
{
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, GOES_SEALED);
	pack_str(&p, "<1@b.example>");
	pack_people(&p);
	event(v, EVENT_SENT, account, &p);
	pack_init(&p);
	pack_u32(&p, 451);
	pack_str(&p, "No");
	pack_str(&p, "");
	pack_people(&p);
	event(v, EVENT_REFUSED, account, &p);
	pack_init(&p);
	pack_str(&p, " v=1; encryption=ok; signature=none; t=1700000000; kid=0; "
	         "mac=x\r\n");
	pack_str(&p, "<1@b.example>");
	event(v, EVENT_OPENED, account, &p);
}

/* One of each, in the order of enum event, which wait with the keeper's answer to
 * K_WATCH. */
static void events_come(struct ends *k, struct ends *v)
{
	const char *account = "a@b.example";
	static struct pack p;
	struct chan keeper;
	uint32_t there = 1;

	letters_events(v, account);
	pack_init(&p);
	event(v, EVENT_KEY_NEEDED, account, &p);
	event(v, EVENT_LOCKED, "", &p);
	event(v, EVENT_UNLOCKED, account, &p);
	pack_u32(&p, SESSION_POP3);
	pack_str(&p, "Gone");
	event(v, EVENT_ERROR, account, &p);
	pack_init(&p);
	pack_people(&p);
	event(v, EVENT_RECIPIENTS, "", &p);
	pack_init(&p);
	pack_u32(&p, 7);
	event(v, EVENT_LOST, "", &p);
	chan_init(&keeper, k->ours);
	CHECK(chan_send_fds(&keeper, K_ANSWER, &there, sizeof there, &v->theirs,
	                    1, NULL) == 0);
}

void play_events(struct membuf *heard, struct membuf *events)
{
	const char *p = heard->buf, *end = p + heard->len, *lf;
	struct membuf rest, *to;

	membuf_init(events, 1 << 24);
	membuf_init(&rest, 1 << 24);
	for (; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		CHECK(lf);
		to = end - p > 9 && memcmp(p, "{\"event\":", 9) == 0 ? events
		                                                   : &rest;
		CHECK(sink_put(&to->sink, p, (size_t)(lf + 1 - p), NULL) == 0);
	}
	membuf_free(heard);
	*heard = rest;
}

/* ---- all of it ---- */

void play_plugin(const struct script *client, uint8_t know,
                 struct membuf *heard, struct membuf *guard)
{
	static struct conf conf;
	struct plugin_ends p;
	struct ends c, g, k, v, mime[PLAY_OPENERS];
	int pipe[PLAY_OPENERS];
	struct membuf says;

	if (!conf.n_accounts)
		CHECK(conf_parse(&conf, "c", CONF, sizeof CONF - 1, NULL) == 0);
	log_level = 0;
	ends_open(&c, client->p, client->split, 0);
	for (size_t at = client->split, n; at < client->n; at += n) {
		n = client->n - at < PLUGIN_PIECE ? client->n - at : PLUGIN_PIECE;
		ends_say(&c, (const char *)client->p + at, n, client->how);
	}
	ends_hang_up(&c);
	membuf_init(&says, 1 << 20);
	if (know & 1 && !(know & 8))
		guard_says(&says);
	else if (know & 4 && !(know & 8))
		guard_has_none(&says);
	ends_open(&g, says.buf, says.len, 0);
	for (int i = 0; i < PLAY_OPENERS && know & 8; i++)
		opener_open(&g, i, &mime[i], &pipe[i]);
	ends_hang_up(&g);
	membuf_free(&says);
	ends_open(&k, NULL, 0, 0);
	ends_open(&v, NULL, 0, 0);
	if (know & 32)
		events_come(&k, &v);
	if (know & (16 | 64))
		keeper_checks(&says, know & 16 ? VERDICT_GENUINE
		                               : VERDICT_FORGED);
	else if (know & 2)
		keeper_says(&says);
	ends_say(&k, says.buf, says.len, 0);
	membuf_free(&says);
	ends_hang_up(&k);
	p.client = c.theirs;
	chan_init(&p.guard, g.theirs);
	chan_init(&p.keeper, k.theirs);
	CHECK(plugin_serve(&conf, &p) == 0);
	membuf_init(heard, 1 << 24);
	membuf_init(guard, 1 << 24);
	ends_read(&c, heard);
	ends_read(&g, guard);
	chan_close(&p.guard);
	chan_close(&p.keeper);
	for (int i = 0; i < PLAY_OPENERS && know & 8; i++)
		opener_close(&mime[i], pipe[i], guard);
	c.theirs = g.theirs = k.theirs = -1;
	ends_close(&c);
	ends_close(&g);
	ends_close(&k);
	ends_close(&v);
}
