/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A plug-in's connection alone in this process. */
#include <string.h>
#include <sys/socket.h>

#include "agent/log.h"
#include "agent/plugin.h"
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

void play_plugin(const struct script *client, uint8_t know,
                 struct membuf *heard, struct membuf *guard)
{
	static struct conf conf;
	struct plugin_ends p;
	struct ends c, g, k;
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
	if (know & 1)
		guard_says(&says);
	else if (know & 4)
		guard_has_none(&says);
	ends_open(&g, says.buf, says.len, 0);
	ends_hang_up(&g);
	membuf_free(&says);
	if (know & 2)
		keeper_says(&says);
	ends_open(&k, says.buf, says.len, 0);
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
	c.theirs = g.theirs = k.theirs = -1;
	ends_close(&c);
	ends_close(&g);
	ends_close(&k);
}
