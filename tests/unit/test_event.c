/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of what the keeper is told: whose it is, what is believed of it, and
 * who watches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/keeper_ends.h"
#include "agent/keeper_event.h"
#include "agent/peers.h"
#include "crypto/utf8.h"
#include "crypto/verdict.h"

static const char CONF[] =
	"[a@b.example]\nsmtp = localhost:25 plaintext\n"
	"[c@b.example]\nsmtp = localhost:25 plaintext\n";

static struct conf conf;
static struct kept kept;
static char dir[] = "/tmp/lleventXXXXXX";
static struct chan events;	/* one that watches */
static struct frame told;
static struct unpack rest;	/* of the event that came last */
static char account[ADDR_MAX + 1];

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(conf_parse(&conf, "c", CONF, sizeof CONF - 1, NULL), 0);
	assert_non_null(mkdtemp(dir));
	kept.conf = &conf;
	kept.memory = memory_open(dir, NULL);
	kept.contacts = contacts_open(dir, NULL);
	kept.logins = logins_new();
	kept.watchers = watchers_new();
	assert_true(kept.memory && kept.contacts && kept.logins && kept.watchers);
	chan_init(&events, watchers_add(kept.watchers));
	assert_true(chan_open(&events));
	return 0;
}

static int tear_down(void **state)
{
	char cmd[64];

	(void)state;
	chan_close(&events);
	watchers_free(kept.watchers);
	free(kept.logins);
	contacts_close(kept.contacts);
	memory_close(kept.memory);
	conf_free(&conf);
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

/* The next event, -1: there is none. */
static int next(void)
{
	uint32_t what;

	if (!chan_wait(&events, 0))
		return -1;
	assert_int_equal(chan_expect(&events, K_EVENT, &told, NULL), 0);
	unpack_init(&rest, &told);
	what = unpack_u32(&rest);
	assert_true(unpack_u64(&rest) > 1700000000);
	unpack_str(&rest, account, sizeof account);
	assert_false(rest.bad);
	return (int)what;
}

static int tell(const struct teller *t, const struct teller *head,
                unsigned type, const struct pack *p)
{
	struct frame f = { .type = type, .data = p->buf, .len = p->len };

	return event_tell(&kept, t, head, &f);
}

static struct teller front(uint32_t generation)
{
	return (struct teller){ .role = ROLE_FRONT, .generation = generation,
	                        .session = 7, .account = -1 };
}

static void login(struct teller *t, uint32_t a, enum outcome o)
{
	static struct pack p;
	struct frame f = { .type = K_LOGIN, .data = p.buf };

	pack_init(&p);
	pack_str(&p, "uid 1");
	pack_u32(&p, a);
	pack_u32(&p, SESSION_SMTP);
	pack_u32(&p, o);
	pack_u32(&p, 0);
	pack_str(&p, "");
	f.len = p.len;
	event_login(&kept, t, &f);
}

static void pack_sent(struct pack *p, const char *id, unsigned n)
{
	pack_init(p);
	pack_u32(p, GOES_SEALED);
	pack_str(p, id);
	pack_u32(p, n);
	for (unsigned i = 0; i < n; i++)
		pack_str(p, "x@y.example");
}

static void expect_text(const char *want)
{
	char text[EVENT_WORDS_MAX];

	unpack_str(&rest, text, sizeof text);
	assert_string_equal(text, want);
}

static void expect_sent(const char *of, const char *id, unsigned n)
{
	assert_int_equal(next(), EVENT_SENT);
	assert_string_equal(account, of);
	assert_int_equal(unpack_u32(&rest), GOES_SEALED);
	expect_text(id);
	assert_int_equal(unpack_u32(&rest), n);
}

/* A session is of the account it logged in to first, by whatever number that has
 * later. */
static void test_whose(void **state)
{
	static struct pack p;
	struct teller t = front(0), old = front(1);
	const int from[] = { 1, -1, 0 }, gone[] = { 1 };

	(void)state;
	pack_sent(&p, "<1@x>", 2);
	assert_int_equal(tell(&t, &t, K_SENT, &p), 0);
	assert_int_equal(next(), -1);
	login(&t, 1, DONE_DENIED);
	login(&t, 1, DONE_REFUSED);
	login(&t, 2, DONE_OK);		/* there is none */
	assert_int_equal(t.account, -1);
	login(&old, 1, DONE_OK);	/* another one's number */
	assert_int_equal(old.account, -1);
	login(&t, 1, DONE_UNREACHABLE);
	assert_int_equal(tell(&t, &t, K_SENT, &p), 0);
	expect_sent("c@b.example", "", 0);
	login(&t, 0, DONE_OK);
	assert_int_equal(tell(&t, &t, K_SENT, &p), 0);
	expect_sent("c@b.example", "", 0);
	login(&t, 1, DONE_OK);
	login(&t, 0, DONE_OK);
	assert_int_equal(tell(&t, &t, K_SENT, &p), 0);
	expect_sent("c@b.example", "<1@x>", 2);
	assert_int_equal(event_account(0, from, 3), 2);
	assert_int_equal(event_account(1, from, 3), 0);
	assert_int_equal(event_account(-1, from, 3), -1);
	assert_int_equal(event_account(0, gone, 1), -1);
}

static void expect_key(const struct teller *t, const struct teller *head,
                       uint32_t named, enum key_is is, int want,
                       const char *of)
{
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, named);
	pack_u32(&p, is);
	assert_int_equal(tell(t, head, K_KEY, &p), 0);
	assert_int_equal(next(), want);
	if (want != -1)
		assert_string_equal(account, of);
}

static void test_key(void **state)
{
	struct teller crypt = { .role = ROLE_CRYPT, .account = -1 };
	struct teller of = front(0), plugin = { .role = ROLE_PLUGIN };
	const char *a = "a@b.example", *c = "c@b.example";
	const int from[] = { 1, 0 };

	(void)state;
	expect_key(&crypt, NULL, 0, KEY_IS_LOCKED, -1, "");
	expect_key(&crypt, &of, 0, KEY_IS_LOCKED, -1, "");
	login(&of, 0, DONE_OK);
	expect_key(&crypt, &of, 0, KEY_IS_OPEN, -1, "");
	expect_key(&crypt, &of, 1, KEY_IS_LOCKED, EVENT_LOCKED, a);
	expect_key(&crypt, &of, 1, KEY_IS_LOCKED, -1, "");
	expect_key(&crypt, &plugin, 1, KEY_IS_LOCKED, EVENT_LOCKED, c);
	expect_key(&crypt, &plugin, UINT32_MAX, KEY_IS_LOCKED, EVENT_LOCKED, "");
	expect_key(&crypt, &of, 0, KEY_IS_OPEN, EVENT_UNLOCKED, a);
	event_move(&kept, from, 2);	/* c is the first one now */
	expect_key(&crypt, &plugin, 0, KEY_IS_LOCKED, -1, "");
	expect_key(&crypt, &plugin, 1, KEY_IS_OPEN, -1, "");
	event_move(&kept, from, 2);
	expect_key(&crypt, &of, 0, KEY_IS_ASKED, EVENT_KEY_NEEDED, a);
	expect_key(&crypt, &of, 0, KEY_IS_ASKED, EVENT_KEY_NEEDED, a);
	expect_key(&crypt, &of, 0, KEY_IS_LOCKED, EVENT_LOCKED, a);
	expect_key(&crypt, &of, 0, KEY_IS_ASKED, EVENT_KEY_NEEDED, a);
	expect_key(&crypt, &of, 0, KEY_IS_OPEN, EVENT_UNLOCKED, a);
	expect_key(&crypt, &of, 0, KEY_IS_OPEN, -1, "");
	crypt.generation = 1;
	expect_key(&crypt, &plugin, 0, KEY_IS_OPEN, EVENT_UNLOCKED, "");
}

/* A verdict with the MAC of this keeper, and no other. */
static void test_opened(void **state)
{
	unsigned char digest[VERDICT_DIGEST] = { 1 };
	struct verdict v = { .encryption = ENC_OK, .t = 1700000000,
	                     .has_body = true, .body = { 2 } };
	size_t skip = strlen(VERDICT_NAME ":");
	char line[VERDICT_LINE_MAX];
	struct teller t = front(0);
	static struct pack p;

	(void)state;
	assert_int_equal(verdict_format(&v, digest, memory_key(kept.memory),
	                                line, NULL), 0);
	login(&t, 0, DONE_UNREACHABLE);
	for (int i = 0; i < 4; i++) {
		if (i == 1)
			login(&t, 0, DONE_OK);
		if (i == 2)
			digest[0]++;
		if (i == 3) {
			digest[0]--;
			memcpy(strstr(line, "=ok"), "=no", 3);
		}
		pack_init(&p);
		pack_str(&p, line + skip);
		pack_mem(&p, digest, sizeof digest);
		pack_str(&p, "<1@x>");
		assert_int_equal(tell(&t, &t, K_OPENED, &p), 0);
		assert_int_equal(next(), i == 1 ? EVENT_OPENED : -1);
		if (i != 1)
			continue;
		expect_text(line + skip);
		expect_text("<1@x>");
		assert_true(unpack_end(&rest));
	}
}

static void test_texts(void **state)
{
	struct teller t = front(0);
	static struct pack p;
	const char *const addr[] = { "a\nb@x", "\xff@x" };

	(void)state;
	login(&t, 0, DONE_OK);
	pack_init(&p);
	pack_u32(&p, 550);
	pack_str(&p, "a\r\nb\x1b[\xc3\xa4\xc3\x7f\xc2\x85.\xe2\x80\xa8");
	pack_str(&p, "<\x01>");
	pack_u32(&p, 1);
	pack_str(&p, "\xed\xa0\x80@x");
	assert_int_equal(tell(&t, &t, K_REFUSED, &p), 0);
	assert_int_equal(next(), EVENT_REFUSED);
	assert_int_equal(unpack_u32(&rest), 550);
	expect_text("a??b?[\xc3\xa4????.\xe2\x80\xa8");
	expect_text("<?>");
	assert_int_equal(unpack_u32(&rest), 1);
	expect_text("???@x");
	assert_true(unpack_end(&rest));
	event_changed(&kept, addr, 2);
	assert_int_equal(next(), EVENT_RECIPIENTS);
	assert_int_equal(unpack_u32(&rest), 2);
	expect_text("a?b@x");
	expect_text("?@x");
}

/* Frames that are cut anywhere, or too long: nothing is told, and their teller is
 * dropped. */
static void test_nonsense(void **state)
{
	struct teller t = front(0);
	static struct pack p, q;
	static char words[EVENT_WORDS_MAX + 1];

	(void)state;
	login(&t, 0, DONE_OK);
	pack_sent(&p, "<1@x>", 3);
	for (q = p, q.len = 0; q.len < p.len; q.len++)
		assert_int_equal(tell(&t, &t, K_SENT, &q), -1);
	q.len++;
	assert_int_equal(tell(&t, &t, K_SENT, &q), -1);
	pack_sent(&p, "<1@x>", EVENT_ADDRS_MAX + 1);
	assert_int_equal(tell(&t, &t, K_SENT, &p), -1);
	pack_init(&p);
	pack_u32(&p, EVENT_ADDRS_MAX + 1);
	for (int i = 0; i <= EVENT_ADDRS_MAX; i++)
		pack_str(&p, "x@y.example");
	assert_int_equal(tell(&t, &t, K_CHANGED, &p), -1);
	memset(words, 'w', EVENT_WORDS_MAX);
	pack_init(&p);
	pack_u32(&p, 550);
	pack_str(&p, words);
	pack_str(&p, "");
	pack_u32(&p, 0);
	assert_int_equal(tell(&t, &t, K_REFUSED, &p), -1);
	assert_int_equal(tell(&t, &t, K_MAC, &p), -1);
	pack_init(&p);
	pack_u32(&p, 0);
	pack_u32(&p, KEY_IS_OPEN + 1);
	assert_int_equal(tell(&t, &t, K_KEY, &p), -1);
	assert_int_equal(next(), -1);
}

/* ---- who watches ---- */

static void poll_watchers(struct watchers *w)
{
	struct pollfd p[WATCHERS_MAX];
	unsigned n = watchers_poll(w, p);

	assert_int_not_equal(poll(p, n, 0), -1);
	watchers_work(w, p, n);
}

static uint32_t lost_or_told(struct chan *c, unsigned *got)
{
	struct unpack u;
	struct frame f;

	assert_int_equal(chan_recv(c, &f, NULL), 0);
	unpack_init(&u, &f);
	if (unpack_u32(&u) != EVENT_LOST) {
		++*got;
		return 0;
	}
	u.p += 12;	/* the time, and nobody's account */
	u.left -= 12;
	return unpack_u32(&u);
}

/* What waits for one that is slow has its bound; it hears how many it missed where
 * they are missing, or once there is room. */
static void test_bounds(void **state)
{
	enum { MANY = 5000 };
	struct watchers *w = watchers_new();
	struct chan slow, gone;
	unsigned got = 0, lost = 0, octets = 0;
	static struct pack p;
	int fd[WATCHERS_MAX];

	(void)state;
	chan_init(&slow, watchers_add(w));
	chan_init(&gone, watchers_add(w));
	chan_close(&gone);
	pack_init(&p);
	pack_u32(&p, EVENT_UNLOCKED);
	pack_mem(&p, CONF, sizeof CONF);
	for (int i = 0; i < MANY; i++)
		watchers_tell(w, &p);
	poll_watchers(w);
	while (chan_wait(&slow, 0)) {
		lost += lost_or_told(&slow, &got);
		octets += (unsigned)p.len;
	}
	assert_int_equal(lost, 0);
	assert_true(got > 20 && octets < 2 * WATCH_QUEUE);
	poll_watchers(w);	/* there is room now */
	assert_true(chan_wait(&slow, 0));
	lost = lost_or_told(&slow, &got);
	assert_int_equal(got + lost, MANY);
	watchers_tell(w, &p);
	lost_or_told(&slow, &got);
	assert_int_equal(got + lost, MANY + 1);
	/* so many and no more; the place of one that has gone is free */
	for (int i = 1; i < WATCHERS_MAX; i++)
		assert_int_not_equal(fd[i] = watchers_add(w), -1);
	assert_int_equal(watchers_add(w), -1);
	poll_watchers(w);
	assert_int_equal(watchers_add(w), -1);
	close(fd[1]);
	poll_watchers(w);
	assert_int_not_equal(fd[1] = watchers_add(w), -1);
	for (int i = 1; i < WATCHERS_MAX; i++)
		close(fd[i]);
	chan_close(&slow);
	poll_watchers(w);
	watchers_free(w);
}

static void test_outages(void **state)
{
	struct logged in = { .peer = "uid 1", .account = 1, .kind = SESSION_POP3,
	                     .words = "mx says <a@b.example> \xff" };
	static const struct {
		enum outcome outcome;
		bool outage, begins;
	} steps[] = {
		{ DONE_DENIED, false, false }, { DONE_UNREACHABLE, true, true },
		{ DONE_FAILED, true, false }, { DONE_DENIED, false, false },
		{ DONE_UNREACHABLE, true, false }, { DONE_OK, false, false },
		{ DONE_REFUSED, true, false }, { DONE_FAILED, true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		in.outcome = steps[i].outcome;
		in.outage = steps[i].outage;
		assert_int_equal(logins_note(kept.logins, &in, 10, 10),
		                 steps[i].begins);
	}
	event_error(&kept, 1, SESSION_POP3);
	assert_int_equal(next(), EVENT_ERROR);
	assert_string_equal(account, "c@b.example");
	assert_int_equal(unpack_u32(&rest), SESSION_POP3);
	expect_text("mx says (address) ?");
	assert_true(unpack_end(&rest));
}

static void tell_ends(uint32_t of, uint32_t generation, int64_t at)
{
	struct teller crypt = { .role = ROLE_CRYPT, .generation = generation };
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, of);
	pack_u64(&p, (uint64_t)at);
	assert_int_equal(tell(&crypt, NULL, K_ENDS, &p), 0);
}

static void expect_end(int64_t now, int days, const char *of)
{
	event_ends(&kept, now);
	if (days == -1) {
		assert_int_equal(next(), -1);
		return;
	}
	assert_int_equal(next(), EVENT_KEY_ENDS);
	assert_string_equal(account, of);
	assert_int_equal(unpack_u32(&rest), days);
	assert_true(unpack_end(&rest));
	event_ends(&kept, now + 1);
	assert_int_equal(next(), -1);
}

/* Once for each step, also by a keeper that has begun anew. */
static void test_ends(void **state)
{
	enum { DAY = 86400 };
	const int64_t end = 1900000000;
	const char *a = "a@b.example", *c = "c@b.example";
	const int from[] = { 1, 0 };
	struct watchers *none = watchers_new(), *were = kept.watchers;

	(void)state;
	tell_ends(0, 0, end);
	expect_end(end - 31 * DAY, -1, NULL);
	kept.watchers = none;
	event_ends(&kept, end - 29 * DAY);
	kept.watchers = were;
	watchers_free(none);
	expect_end(end - 29 * DAY, 29, a);
	tell_ends(0, 0, end);
	expect_end(end - 8 * DAY, -1, NULL);
	expect_end(end - 7 * DAY, 7, a);
	memset(kept.key_end, 0, sizeof kept.key_end);
	tell_ends(0, 0, end);
	expect_end(end - 7 * DAY, -1, NULL);
	expect_end(end - 2, 1, a);
	expect_end(end, -1, NULL);
	tell_ends(0, 0, end + 700 * DAY);
	expect_end(end - 2, -1, NULL);
	tell_ends(1, 1, end);		/* of another configuration */
	tell_ends(2, 0, end);		/* of none */
	expect_end(end - 6 * DAY, -1, NULL);
	tell_ends(1, 0, end + 10);
	event_move(&kept, from, 2);
	tell_ends(1, 0, 0);
	expect_end(end - 6 * DAY, 7, a);	/* by its number of now */
	event_move(&kept, from, 2);
	assert_int_equal(kept.key_end[1].at, end + 10);
	tell_ends(1, 0, 0);
	expect_end(end - DAY, -1, c);
}

/* What became of a try to let our own key last longer. */
static void tell_renewed(uint32_t of, uint32_t generation, const char *why)
{
	struct teller crypt = { .role = ROLE_CRYPT, .generation = generation };
	static struct pack p;

	pack_init(&p);
	pack_u32(&p, of);
	pack_u64(&p, 2000000000);
	pack_str(&p, why);
	assert_int_equal(tell(&crypt, NULL, K_RENEWED, &p), 0);
}

static int renewal(uint32_t of, uint32_t generation, char why[RENEWAL_WHY])
{
	static struct pack q, p;
	struct frame f = { .type = K_RENEWAL, .data = q.buf };
	struct unpack u;
	int64_t at;

	pack_init(&q);
	pack_init(&p);
	pack_u32(&q, of);
	f.len = q.len;
	unpack_init(&u, &f);
	if (ends_answer(&kept, K_RENEWAL, &u, &p, generation) != 1)
		return -1;
	f.data = p.buf;
	f.len = p.len;
	unpack_init(&u, &f);
	at = (int64_t)unpack_u64(&u);
	assert_true(!at || (at > 1700000000 && unpack_u64(&u) == 2000000000));
	if (!at)
		unpack_u64(&u);
	unpack_str(&u, why, RENEWAL_WHY);
	assert_true(unpack_end(&u));
	return at != 0;
}

static void test_renewed(void **state)
{
	const int from[] = { 1, 0 };
	char why[RENEWAL_WHY];

	(void)state;
	tell_renewed(1, 0, "");
	assert_int_equal(next(), EVENT_KEY_RENEWED);
	assert_string_equal(account, "c@b.example");
	assert_true(unpack_u64(&rest) == 2000000000 && unpack_end(&rest));
	assert_int_equal(renewal(0, 0, why), 0);
	assert_int_equal(renewal(1, 0, why), 1);
	assert_string_equal(why, "");
	tell_renewed(0, 0, "no\x1b room");
	tell_renewed(1, 1, "of another configuration");
	tell_renewed(2, 0, "of none");
	assert_int_equal(next(), -1);
	event_move(&kept, from, 2);
	assert_int_equal(renewal(1, 0, why), 1);
	assert_null(strchr(why, '\x1b'));
	assert_non_null(strstr(why, " room"));
	assert_int_equal(renewal(0, 0, why), 1);
	assert_string_equal(why, "");
	assert_int_equal(renewal(0, 1, why), -1);
	assert_int_equal(renewal(2, 0, why), -1);
}

#define F1 "1111111111111111111111111111111111111111"
#define F2 "2222222222222222222222222222222222222222"

static void tell_lasts(const char *fpr, int64_t at, int wanted)
{
	struct teller crypt = { .role = ROLE_CRYPT };
	static struct pack p;

	pack_init(&p);
	pack_str(&p, fpr);
	pack_u64(&p, (uint64_t)at);
	assert_int_equal(tell(&crypt, NULL, K_LASTS, &p), wanted);
}

static void expect_contact(int64_t now, const char *addr, int days)
{
	event_ends(&kept, now);
	if (days == -1) {
		assert_int_equal(next(), -1);
		return;
	}
	assert_int_equal(next(), EVENT_CONTACT_KEY_ENDS);
	assert_string_equal(account, "");
	expect_text(addr);
	assert_int_equal(unpack_u32(&rest), days);
	assert_true(unpack_end(&rest));
	assert_int_equal(next(), -1);
}

/* Contacts that were sealed to within a year, by the key used last. */
static void test_contacts_end(void **state)
{
	enum { DAY = 86400 };
	const int64_t end = 1900000000, now = end - 29 * DAY;
	const char *d = "d@x.example", *o = "o@x.example";

	(void)state;
	memset(kept.key_end, 0, sizeof kept.key_end);
	assert_int_equal(contacts_sealed(kept.contacts, d, F1, now - DAY,
	                                 NULL), 0);
	assert_int_equal(contacts_sealed(kept.contacts, o, F2, end - 400 * DAY,
	                                 NULL), 0);
	expect_contact(now, NULL, -1);
	tell_lasts(F2, end, 0);		/* not for more than a year */
	tell_lasts("F1", end, -1);
	expect_contact(now, NULL, -1);
	tell_lasts(F1, end, 0);
	expect_contact(now, d, 29);
	tell_lasts(F1, end, 0);
	expect_contact(now, NULL, -1);
	/* looked at now and then */
	expect_contact(end - 7 * DAY + 1, d, 7);
	expect_contact(end - 7 * DAY + 3, NULL, -1);
	expect_contact(end - DAY, d, 1);
	expect_contact(end + 1, NULL, -1);
	tell_lasts(F1, end + 31 * DAY, 0);
	expect_contact(end - DAY, NULL, -1);
	tell_lasts(F1, 0, 0);
	expect_contact(end + 30 * DAY, NULL, -1);
	/* another key is used by now */
	tell_lasts(F1, end + 5, 0);
	assert_int_equal(contacts_sealed(kept.contacts, d, F2, now, NULL), 0);
	kept.ends_look = 0;
	tell_lasts(F2, 0, 0);
	expect_contact(end - DAY, NULL, -1);
}

static int days_left(void)
{
	struct contact_end list[2];
	size_t n;

	assert_int_equal(contacts_ending(kept.contacts, 0, 0, 100 * 86400, list,
	                                 2, &n, NULL), 0);
	assert_true(n < 2);
	return n ? (int)(list[0].at / 86400) : 0;
}

/* A copy that came with letters lasts longer, or the other one does. */
static void test_copies_end(void **state)
{
	enum { DAY = 86400 };
	struct peer_news w = { .from = KEY_FROM_AUTOCRYPT,
		.addr = "p@x.example", .date = 1700000000, .fpr = F1,
		.key = "\xc6\x06\x04" "AAAA\x01", .n = 8 };
	bool taken;

	(void)state;
	assert_int_equal(contacts_sealed(kept.contacts, w.addr, F1, DAY, NULL),
	                 0);
	tell_lasts(F1, 45 * DAY, 0);
	assert_int_equal(days_left(), 45);
	w.expires = 50 * DAY;
	assert_int_equal(peers_learn(kept.contacts, &w, w.date, &taken, NULL),
	                 0);
	assert_int_equal(days_left(), 50);
	tell_lasts(F1, 60 * DAY, 0);
	assert_int_equal(days_left(), 60);
	w.expires = 0;
	w.key = "\xc6\x06\x04" "AAAA\x01" "\xc2\x01s";
	w.n += 3;
	w.date++;
	assert_int_equal(peers_learn(kept.contacts, &w, w.date, &taken, NULL),
	                 0);
	assert_true(taken);
	assert_int_equal(days_left(), 0);
	tell_lasts(F1, 0, 0);
	assert_int_equal(days_left(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose),
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_opened),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_outages),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_renewed),
		cmocka_unit_test(test_contacts_end),
		cmocka_unit_test(test_copies_end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
