/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Look-ups by WKD, with a dirmngr and a gpgconf that are played, and the time in
 * our hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/dirmngr.h"
#include "agent/log.h"
#include "agent/peers.h"
#include "agent/wkd.h"

#define BOB "bob@example.org"
#define ASKED "WKD_GET -- " BOB "\n"
/* two packets: a key of version 4, made at a time, and a user ID */
#define KEY(t) "\xc6%06%04%00%00%00" t "%01\xcd%05<b@b>"
#define OCTETS(t) "\xc6\x06\x04\x00\x00\x00" t "\x01\xcd\x05<b@b>"
#define GREETED "OK Pleased to meet you, process 1\n"
#define NO_DATA "ERR 167772218 No data <Dirmngr>\n"
#define NO_NAME "ERR 167772380 No name <Dirmngr>\n"
#define STALE "S NOTE wkd_cached_result 167772218\n" NO_DATA
#define POLICY "WKD_GET --policy-flags -- " BOB "\n"

static char dir[64] = "/tmp/test_wkd.XXXXXX";
static struct sockaddr_un at = { .sun_family = AF_UNIX };
static int door = -1;		/* the played one listens there */

static void open_door(int backlog)
{
	unlink(at.sun_path);
	door = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(door, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(listen(door, backlog), 0);
}

static void close_door(void)
{
	if (door != -1)
		close(door);
	door = -1;
	unlink(at.sun_path);
}

/* ---- one look-up ---- */

static void say(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		assert_true(w > 0);
		p += w;
		n -= (size_t)w;
	}
}

/* What it makes of an answer that comes in two, or (cut 0) octet by octet, having
 * asked these. */
static enum looked answered(const char *text, size_t n, size_t cut, bool hangs_up,
                            const char *asks, struct dirmngr *d)
{
	enum looked is = LOOKED_NOT;
	char said[200];
	ssize_t got;
	int fd;

	assert_int_equal(dirmngr_begin(d, &at, BOB), 0);
	assert_int_equal(dirmngr_take(d), LOOKED_NOT);
	fd = accept(door, NULL, NULL);
	assert_true(fd >= 0);
	for (size_t i = 0; i < n && is == LOOKED_NOT; i += cut ? cut : 1) {
		if (cut && i)
			cut = n - i;
		say(fd, text + i, cut ? cut : 1);
		is = dirmngr_take(d);
	}
	got = recv(fd, said, sizeof said, MSG_DONTWAIT);
	if (n >= sizeof GREETED - 1
	    && memcmp(text, GREETED, sizeof GREETED - 1) == 0) {
		assert_int_equal(got, strlen(asks));
		assert_memory_equal(said, asks, strlen(asks));
	} else if (strncmp(text, "OK", 2) != 0 && *text != '#') {
		assert_int_equal(got, -1);	/* not a word to who is none */
	}
	close(fd);
	if (hangs_up && is == LOOKED_NOT)
		is = dirmngr_take(d);
	return is;
}

static const struct {
	const char *text;
	enum looked is;
	const char *key;
	size_t n;
	const char *asks;
} cases[] = {
#define FOUND(text, key) { text, LOOKED_FOUND, key, sizeof key - 1, ASKED }
#define IS(is, text) { text, is, NULL, 0, ASKED }
#define LONG(is, asks, text) { text, is, NULL, 0, asks }
	FOUND(GREETED "S SOURCE https://example.org\nD " KEY("%05") "\nOK\n",
	      OCTETS("\x05")),
	FOUND(GREETED "# it takes time\nS PROGRESS tick ? 0 0\nD \xc6%06\n"
	      "D %04%00%00\nD %00%05%01\xcd%05<b@b>\nOK done\n",
	      OCTETS("\x05")),
	FOUND("# first\n" GREETED "D %25%0a%0D%00%fF\nOK\n",
	      "%\n\r\0\xff"),
	FOUND(GREETED "D <html>nothing here</html>\nOK\n",
	      "<html>nothing here</html>"),
	IS(LOOKED_NONE, GREETED NO_DATA),
	IS(LOOKED_NONE, GREETED "ERR 27\n"),
	IS(LOOKED_NONE, GREETED "ERR 167772380 No name <Dirmngr>\n"),
	IS(LOOKED_NONE, GREETED "ERR 167772209 Unknown host <Dirmngr>\n"),
	IS(LOOKED_NONE, GREETED "OK\n"),
	IS(LOOKED_NONE, GREETED "D \nOK\n"),
	IS(LOOKED_FAILED, GREETED "ERR 167804953 Connection refused\n"),
	IS(LOOKED_FAILED, GREETED "ERR 167772339 Not enabled <Dirmngr>\n"),
	IS(LOOKED_FAILED, GREETED "ERR 58x\n"),
	IS(LOOKED_FAILED, GREETED "ERR -58\n"),
	IS(LOOKED_FAILED, GREETED "ERR 99999999999999999999 No data\n"),
	IS(LOOKED_FAILED, GREETED "ERR\n"),
	IS(LOOKED_FAILED, GREETED "ERR \n"),
	IS(LOOKED_FAILED, GREETED "D %0\nOK\n"),
	IS(LOOKED_FAILED, GREETED "D %\nOK\n"),
	IS(LOOKED_FAILED, GREETED "D %0g\nOK\n"),
	IS(LOOKED_FAILED, GREETED "DATA\nOK\n"),
	IS(LOOKED_FAILED, GREETED "OKAY\n"),
	IS(LOOKED_FAILED, GREETED "INQUIRE PASSPHRASE\n"),
	IS(LOOKED_FAILED, GREETED "\n"),
	IS(LOOKED_FAILED, GREETED GREETED + 3),
	IS(LOOKED_FAILED, "ERR 167772218 No data <Dirmngr>\n"),
	IS(LOOKED_FAILED, "D " KEY("%05") "\nOK\n"),
	IS(LOOKED_FAILED, "220 mx.example.org ESMTP\n"),
	IS(LOOKED_FAILED, "\n"),
	IS(LOOKED_FAILED, "S SOURCE x\nOK\n"),
	/* what it was told once it has to ask again */
	{ GREETED STALE "D # none\nOK\nD " KEY("%05") "\nOK\n", LOOKED_FOUND,
	  OCTETS("\x05"), sizeof OCTETS("\x05") - 1, ASKED POLICY ASKED },
	LONG(LOOKED_NONE, ASKED POLICY, GREETED STALE NO_DATA),
	LONG(LOOKED_NONE, ASKED POLICY, GREETED STALE STALE),
	LONG(LOOKED_NONE, ASKED POLICY, GREETED STALE NO_NAME),
	LONG(LOOKED_FAILED, ASKED POLICY, GREETED STALE "ERR 1 General error\n"),
	LONG(LOOKED_FAILED, ASKED POLICY, GREETED STALE),
	LONG(LOOKED_NONE, ASKED POLICY ASKED, GREETED STALE "OK\n" NO_DATA),
	LONG(LOOKED_NONE, ASKED POLICY ASKED, GREETED STALE "OK\n" STALE),
	LONG(LOOKED_FAILED, ASKED POLICY ASKED, GREETED STALE "OK\nERR 1 x\n"),
	/* it hangs up */
	IS(LOOKED_FAILED, ""),
	IS(LOOKED_FAILED, "OK"),
	IS(LOOKED_FAILED, GREETED),
	IS(LOOKED_FAILED, GREETED "D " KEY("%05") "\n"),
	IS(LOOKED_FAILED, GREETED "D " KEY("%05") "\nOK"),
};

static void test_answers(void **state)
{
	(void)state;
	open_door(4);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = strlen(cases[i].text);

		for (size_t cut = 0; cut <= n; cut++) {
			struct dirmngr d;
			enum looked is = answered(cases[i].text, n, cut, true,
			                          cases[i].asks, &d);

			if (is != cases[i].is)
				print_error("%zu, cut at %zu\n", i, cut);
			assert_int_equal(is, cases[i].is);
			if (cases[i].key) {
				assert_int_equal(d.key.len, cases[i].n);
				assert_memory_equal(d.key.buf, cases[i].key,
				                    cases[i].n);
			}
			dirmngr_end(&d);
		}
	}
	close_door();
}

/* Whatever stands before the cut, it goes on or fails, and never has a key. */
static void test_every_beginning(void **state)
{
	const char *text = cases[0].text;
	struct dirmngr d;

	(void)state;
	open_door(4);
	for (size_t n = 1; n < strlen(text); n++) {
		assert_int_equal(answered(text, n, n, false, ASKED, &d),
		                 LOOKED_NOT);
		dirmngr_end(&d);
		assert_int_equal(answered(text, n, n, true, ASKED, &d),
		                 LOOKED_FAILED);
		dirmngr_end(&d);
	}
	close_door();
}

/* A line, or lines, without end; and more than any key has. */
static void test_too_much(void **state)
{
	static char text[DIRMNGR_OCTETS_MAX + 4096];
	static const struct {
		const char *line;
		size_t most;
		enum looked is;
	} endless[] = {
		{ "x", 2 * DIRMNGR_LINE_MAX, LOOKED_FAILED },
		{ "S tick\n", DIRMNGR_OCTETS_MAX + 1, LOOKED_FAILED },
		{ "# well\n", DIRMNGR_OCTETS_MAX + 1, LOOKED_FAILED },
		{ "D %00%00%00%00%00%00%00\n", DIRMNGR_OCTETS_MAX,
		  LOOKED_NONE },
	};

	(void)state;
	open_door(4);
	for (size_t i = 0; i < sizeof endless / sizeof endless[0]; i++) {
		size_t n = strlen(endless[i].line), len = sizeof GREETED - 1;
		enum looked is = LOOKED_NOT;
		struct dirmngr d;
		int fd;

		memcpy(text, GREETED, len);
		for (; len + n <= endless[i].most; len += n)
			memcpy(text + len, endless[i].line, n);
		memcpy(text + len, endless[i].line, n);
		len += n;
		assert_int_equal(dirmngr_begin(&d, &at, BOB), 0);
		fd = accept(door, NULL, NULL);
		for (size_t o = 0; o < len && is == LOOKED_NOT; o += 4096) {
			say(fd, text + o, len - o < 4096 ? len - o : 4096);
			is = dirmngr_take(&d);
		}
		assert_int_equal(is, endless[i].is);
		assert_true(d.key.len <= KEYDATA_MAX);
		close(fd);
		dirmngr_end(&d);
	}
	close_door();
}

/* ---- all of them ---- */

static struct conf conf;
static struct wkd *w;
static int64_t now;

static void script(const char *list, const char *launch)
{
	char path[100];
	FILE *f;

	assert_true(snprintf(path, sizeof path, "%s/gpgconf", dir) > 0);
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "#!/bin/sh\necho \"$*\" >>%s/calls\ncase \"$*\" in\n"
	        "*--list-dirs*) %s;;\n*--launch*) %s;;\nesac\n", dir, list,
	        launch);
	fclose(f);
	assert_int_equal(chmod(path, 0700), 0);
}

/* How often gpgconf was called like that. */
static int calls(const char *what)
{
	char path[100], line[300];
	int n = 0;
	FILE *f;

	assert_true(snprintf(path, sizeof path, "%s/calls", dir) > 0);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		n += strstr(line, what) != NULL;
	if (f)
		fclose(f);
	return n;
}

static void begin_wkd(void)
{
	char path[100];

	assert_true(snprintf(path, sizeof path, "%s/calls", dir) > 0);
	unlink(path);
	now = 1000;
	w = wkd_new(&conf);
	assert_non_null(w);
}

/* Let it go on, for a moment of real time, without its own growing. */
static void work(void)
{
	struct pollfd p[WKD_POLL_MAX];
	int due = wkd_due(w, now);

	poll(p, wkd_poll(w, p), due < 0 || due > 10 ? 10 : due);
	wkd_work(w, now);
}

/* Until it connects: a descriptor. */
static int comes(void)
{
	int fd = -1;

	for (int i = 0; i < 1000 && fd == -1; i++) {
		work();
		fd = accept(door, NULL, NULL);
	}
	assert_true(fd >= 0);
	return fd;
}

static void answers(int fd, const char *text)
{
	say(fd, text, strlen(text));
	for (int i = 0; i < 5; i++)
		work();
	close(fd);
}

static enum looked ends(const char *addr)
{
	for (int i = 0; i < 1000 && wkd_known(w, addr) == LOOKED_NOT; i++)
		work();
	assert_string_equal(wkd_ended(w), addr);
	assert_null(wkd_ended(w));
	return wkd_known(w, addr);
}

static char plain[200];		/* gpgconf that says where it is */

static void test_found(void **state)
{
	const void *key;
	int64_t when;
	size_t n;

	(void)state;
	open_door(4);
	script(plain, "exit 1");
	begin_wkd();
	assert_int_equal(wkd_due(w, now), -1);
	assert_int_equal(wkd_known(w, BOB), LOOKED_FAILED);
	assert_int_equal(wkd_want(w, "BOB@Example.org", now), LOOKED_NOT);
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_NOT);
	answers(comes(), GREETED "D " KEY("%05") "\nOK\n");
	assert_int_equal(ends(BOB), LOOKED_FOUND);
	key = wkd_key(w, "bob@EXAMPLE.org", &n, &when);
	assert_non_null(key);
	assert_int_equal(n, sizeof OCTETS("\x05") - 1);
	assert_memory_equal(key, OCTETS("\x05"), n);
	assert_true(when > 1000000000);
	assert_int_equal(calls("--list-dirs"), 1);
	assert_int_equal(calls("--launch"), 0);
	/* for a day */
	now += WKD_FOUND_MS - 1;
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_FOUND);
	assert_int_equal(wkd_due(w, now), 1);
	now++;
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_NOT);
	assert_null(wkd_key(w, BOB, &n, &when));
	answers(comes(), GREETED "D " KEY("%05") "\nOK\n");
	assert_int_equal(ends(BOB), LOOKED_FOUND);
	/* gpg says no */
	wkd_unfit(w, BOB, now);
	assert_null(wkd_key(w, BOB, &n, &when));
	assert_int_equal(wkd_want(w, BOB, now + WKD_NONE_MS - 1), LOOKED_NONE);
	assert_int_equal(wkd_want(w, BOB, now + WKD_NONE_MS), LOOKED_NOT);
	/* where it is is known by now */
	assert_int_equal(calls("--list-dirs"), 1);
	wkd_free(w);
	close_door();
}

static void test_none_and_failed(void **state)
{
	int fd;

	(void)state;
	open_door(4);
	script(plain, "exit 1");
	begin_wkd();
	wkd_want(w, BOB, now);
	answers(comes(), GREETED NO_DATA);
	assert_int_equal(ends(BOB), LOOKED_NONE);
	wkd_unfit(w, BOB, now);
	assert_int_equal(wkd_want(w, BOB, now + WKD_NONE_MS - 1), LOOKED_NONE);
	now += WKD_NONE_MS;
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_NOT);
	answers(comes(), GREETED "ERR 1 General error\n");
	assert_int_equal(ends(BOB), LOOKED_FAILED);
	assert_int_equal(wkd_want(w, BOB, now + WKD_FAILED_MS - 1),
	                 LOOKED_FAILED);
	/* there is no such domain; or so it says when nobody has answered */
	now += WKD_FAILED_MS;
	wkd_want(w, BOB, now);
	answers(comes(), GREETED NO_NAME);
	assert_int_equal(ends(BOB), LOOKED_NONE);
	now += WKD_NONE_MS;
	wkd_want(w, BOB, now);
	fd = comes();
	now += WKD_NO_NAME_MS;
	answers(fd, GREETED NO_NAME);
	assert_int_equal(ends(BOB), LOOKED_FAILED);
	now += WKD_FAILED_MS;
	wkd_want(w, BOB, now);
	fd = comes();
	now += WKD_NO_NAME_MS;
	answers(fd, GREETED NO_DATA);
	assert_int_equal(ends(BOB), LOOKED_NONE);
	now += WKD_NONE_MS;
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_NOT);
	/* while it runs, and at once after it, it is not asked anew */
	wkd_again(w, BOB, now + WKD_AGAIN_MS);
	assert_int_equal(wkd_known(w, BOB), LOOKED_NOT);
	answers(comes(), GREETED NO_DATA);
	assert_int_equal(ends(BOB), LOOKED_NONE);
	wkd_again(w, BOB, now + WKD_AGAIN_MS - 1);
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_NONE);
	now += WKD_AGAIN_MS;
	wkd_again(w, BOB, now);
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_NOT);
	/* it stands still */
	close(comes());
	assert_int_equal(ends(BOB), LOOKED_FAILED);
	now += WKD_FAILED_MS;
	wkd_want(w, BOB, now);
	work();
	now += WKD_RUN_MS - 1;
	work();
	assert_int_equal(wkd_known(w, BOB), LOOKED_NOT);
	now++;
	assert_int_equal(ends(BOB), LOOKED_FAILED);
	/* what is old is forgotten by itself */
	now += WKD_FAILED_MS;
	work();
	assert_int_equal(wkd_due(w, now), -1);
	wkd_free(w);
	close_door();
}

/* What a web server may give for a key. */
static void test_what_is_chosen(void **state)
{
	static const struct {
		const char *data;
		const char *key;	/* NULL: none */
	} gives[] = {
		{ KEY("%05") KEY("%07") KEY("%06"), OCTETS("\x07") },
		{ KEY("%05") "\xc6%06%03%00%00%00%09%01\xcd%05<b@b>",
		  OCTETS("\x05") },
		{ KEY("%05") "\xc6%06%04%00%00%00%09%01", OCTETS("\x05") },
		{ KEY("%05") "<html>", NULL },
		{ "<html>sorry</html>", NULL },
		{ "-----BEGIN PGP PUBLIC KEY BLOCK-----", NULL },
		{ "\xc5%06%04%00%00%00%05%01\xcd%05<b@b>", NULL },
		{ "\xcd%05<b@b>", NULL },
		{ "\xc6%06%04%00%00%00%05%01\xcd%06<b@b>", NULL },
	};
	char text[300];
	int64_t when;
	size_t n;

	(void)state;
	open_door(4);
	script(plain, "exit 1");
	begin_wkd();
	for (size_t i = 0; i < sizeof gives / sizeof gives[0]; i++) {
		assert_int_equal(wkd_want(w, BOB, now), LOOKED_NOT);
		snprintf(text, sizeof text, "%sD %s\nOK\n", GREETED,
		         gives[i].data);
		answers(comes(), text);
		assert_int_equal(ends(BOB), gives[i].key ? LOOKED_FOUND
		                 : LOOKED_NONE);
		if (gives[i].key)
			assert_memory_equal(wkd_key(w, BOB, &n, &when),
			                    gives[i].key,
			                    sizeof OCTETS("\x05") - 1);
		now += WKD_FOUND_MS;
	}
	wkd_free(w);
	close_door();
}

/* A key with so many packets of 300 octets more: what came of it.  fill: with tag
 * and length, as dirmngr writes them, and the first octet. */
static enum looked larger(const char *fill, size_t packets)
{
	static char line[3 * 300 + 10];
	int fd;

	now += WKD_FOUND_MS;
	wkd_want(w, BOB, now);
	fd = comes();
	say(fd, GREETED "D " KEY("%05") "\n",
	    strlen(GREETED "D " KEY("%05") "\n"));
	for (size_t i = 0; i < packets; i++) {
		size_t n = (size_t)snprintf(line, sizeof line, "D %s", fill);

		memset(line + n, 'a', 296);
		line[n + 296] = '\n';
		say(fd, line, n + 297);
		work();
	}
	answers(fd, "OK\n");
	return ends(BOB);
}

/* Others' names in it are left out, and what can't be kept then is none, however
 * good. */
static void test_a_large_key(void **state)
{
	static const char name[] = "\xcd\xc0%69a", subkey[] = "\xce\xc0%69%04";
	enum { FITS = PEER_KEY_MAX / 300 - 1 };
	int64_t when;
	size_t n;

	(void)state;
	open_door(6);
	script(plain, "exit 1");
	begin_wkd();
	assert_int_equal(larger(name, FITS), LOOKED_FOUND);
	assert_non_null(wkd_key(w, BOB, &n, &when));
	assert_int_equal(n, sizeof OCTETS("\5") - 1 + 300 * FITS);
	assert_int_equal(larger(name, FITS + 5), LOOKED_FOUND);
	assert_memory_equal(wkd_key(w, BOB, &n, &when), OCTETS("\5"), 8);
	assert_int_equal(n, 8);
	assert_int_equal(larger(subkey, FITS), LOOKED_FOUND);
	assert_int_equal(larger(subkey, FITS + 5), LOOKED_NONE);
	wkd_free(w);
	close_door();
}

/* A few at once, the others in order; and no more than there is room for. */
static void test_many(void **state)
{
	char addr[40];
	int fd[WKD_RUNS_MAX];

	(void)state;
	open_door(100);
	script(plain, "exit 1");
	begin_wkd();
	for (int i = 0; i < WKD_KNOWN_MAX; i++) {
		snprintf(addr, sizeof addr, "%d@example.org", i);
		assert_int_equal(wkd_want(w, addr, now), LOOKED_NOT);
	}
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_FAILED);
	for (int i = 0; i < WKD_RUNS_MAX; i++)
		fd[i] = comes();
	for (int i = 0; i < 10; i++)
		work();
	assert_int_equal(accept(door, NULL, NULL), -1);
	/* with all places taken it wakes up for nobody */
	assert_true(wkd_due(w, now) > 1000);
	answers(fd[0], GREETED NO_DATA);
	assert_int_equal(ends("0@example.org"), LOOKED_NONE);
	fd[0] = comes();
	answers(fd[0], GREETED NO_DATA);
	assert_int_equal(ends("4@example.org"), LOOKED_NONE);
	/* one that is known makes room */
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_NOT);
	assert_int_equal(wkd_known(w, "0@example.org"), LOOKED_FAILED);
	/* those that wait for too long */
	now += WKD_QUEUE_MS;
	work();
	assert_int_equal(wkd_known(w, "99@example.org"), LOOKED_FAILED);
	for (int i = 1; i < WKD_RUNS_MAX; i++)
		close(fd[i]);
	wkd_free(w);
	close_door();
}

static void test_started(void **state)
{
	char launch[200];

	(void)state;
	close_door();
	script(plain, "exit 0");
	begin_wkd();
	wkd_want(w, BOB, now);
	assert_int_equal(ends(BOB), LOOKED_FAILED);
	assert_int_equal(calls("--launch dirmngr"), 1);
	/* not again at once */
	now += 5000;
	wkd_want(w, "dan@example.org", now);
	assert_int_equal(ends("dan@example.org"), LOOKED_FAILED);
	assert_int_equal(calls("--launch"), 1);
	/* later; and then it is there: the shell can't listen, so we do */
	now += WKD_FAILED_MS;
	snprintf(launch, sizeof launch, "mv %s/hidden %s", dir, at.sun_path);
	script(plain, launch);
	open_door(4);
	snprintf(launch, sizeof launch, "%s/hidden", dir);
	assert_int_equal(rename(at.sun_path, launch), 0);
	wkd_want(w, BOB, now);
	answers(comes(), GREETED NO_DATA);
	assert_int_equal(ends(BOB), LOOKED_NONE);
	assert_int_equal(calls("--launch"), 2);
	/* one that has ended since is started again */
	close(door);
	script(plain, "exit 0");
	now += WKD_NONE_MS;
	wkd_want(w, BOB, now);
	assert_int_equal(ends(BOB), LOOKED_FAILED);
	assert_int_equal(calls("--launch"), 3);
	wkd_free(w);
	close_door();
}

/* A gpgconf that does not do what it should. */
static void test_gpgconf(void **state)
{
	static const char *const says[] = {
		"exit 2", "echo", "echo relative", "printf /no/end",
		"head -c 200 /dev/zero | tr '\\0' /; echo",
	};

	(void)state;
	close_door();
	for (size_t i = 0; i < sizeof says / sizeof says[0]; i++) {
		script(says[i], "exit 1");
		begin_wkd();
		wkd_want(w, BOB, now);
		assert_int_equal(ends(BOB), LOOKED_FAILED);
		assert_int_equal(calls("--launch"), 0);
		wkd_free(w);
	}
	/* it does not end: asked, and starting */
	for (int i = 0; i < 2; i++) {
		script(i ? plain : "exec sleep 100", "exec sleep 100");
		begin_wkd();
		wkd_want(w, BOB, now);
		for (int j = 0; j < 30; j++)
			work();
		assert_int_equal(wkd_known(w, BOB), LOOKED_NOT);
		now += WKD_START_MS;
		assert_int_equal(ends(BOB), LOOKED_FAILED);
		wkd_free(w);
	}
	/* it is ended in the midst */
	begin_wkd();
	wkd_want(w, BOB, now);
	work();
	wkd_free(w);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* Who is not asked about, whoever wants it. */
static void test_not_asked(void **state)
{
	static const char *const addr[] = {
		"bob@localhost", "bob@[192.0.2.1]", "\"b b\"@example.org",
		"\"b\"@example.org", "bob", "@example.org", "b@b@example.org",
		"bob@example.org\nRESET@x.org", "bob@exa mple.org", ""
	};

	(void)state;
	script(plain, "exit 1");
	begin_wkd();
	for (size_t i = 0; i < sizeof addr / sizeof addr[0]; i++)
		assert_int_equal(wkd_want(w, addr[i], now), LOOKED_NONE);
	assert_int_equal(wkd_known(w, addr[0]), LOOKED_NONE);
	assert_int_equal(wkd_due(w, now), -1);
	wkd_free(w);
	conf.discover = DISCOVER_NONE;
	begin_wkd();
	assert_int_equal(wkd_want(w, BOB, now), LOOKED_FAILED);
	assert_int_equal(wkd_known(w, BOB), LOOKED_FAILED);
	assert_int_equal(wkd_due(w, now), -1);
	work();
	assert_int_equal(calls("gpgconf"), 0);
	assert_int_equal(calls("--"), 0);
	wkd_free(w);
	conf.discover = DISCOVER_WKD;
}

static void remove_all(void)
{
	static const char *const names[] = { "gpgconf", "calls", "S" };
	char path[100];

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_every_beginning),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_none_and_failed),
		cmocka_unit_test(test_what_is_chosen),
		cmocka_unit_test(test_a_large_key),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_started),
		cmocka_unit_test(test_gpgconf),
		cmocka_unit_test(test_not_asked),
	};
	char path[200];
	int rc;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s:/usr/bin:/bin", dir);
	setenv("PATH", path, 1);
	snprintf(at.sun_path, sizeof at.sun_path, "%s/S", dir);
	snprintf(plain, sizeof plain, "echo %s", at.sun_path);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	remove_all();
	return rc;
}
