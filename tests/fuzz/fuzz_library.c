/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what a server at the plug-in socket answers libletterlock, and what an
 * add-on says to letterlock-nmh. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin-api/nmh.h"
#include "plugin-api/private.h"
#include "tests/fuzz/fuzz.h"

/* Nothing here waits: all is there, and then the end. */
enum { MS = 10000 };

static const char HELLO[] = "{\"id\":1,\"ok\":{\"capabilities\":[1,\"x\"]}}\n";

static void keep(struct membuf *m, int rc, char *text,
                 const struct letterlock_error *e)
{
	char c = (char)('0' + (rc < 0 ? 2 : rc));

	CHECK(sink_put(&m->sink, &c, 1, NULL) == 0);
	if (rc < 0) {
		CHECK(e->code > LETTERLOCK_OK && e->code <= LETTERLOCK_REFUSED);
		CHECK(e->word[0] && memchr(e->text, '\0', sizeof e->text));
		CHECK(sink_put(&m->sink, e->word, strlen(e->word), NULL) == 0);
	} else if (text) {
		json_t *j = json_loads(text, 0, NULL);

		CHECK(json_is_object(j));
		json_decref(j);
		CHECK(sink_put(&m->sink, text, strlen(text), NULL) == 0);
	}
	free(text);
}

static void types(struct letterlock *l, struct membuf *m)
{
	const char *const to[] = { "a@b.example", NULL };
	struct letterlock_recipients *r;
	struct letterlock_accounts *a;
	struct letterlock_status *s;
	struct letterlock_verdict *v;
	struct letterlock_error e;
	size_t n;
	void *p;

	keep(m, letterlock_recipients(l, "a", to, LETTERLOCK_YES, LETTERLOCK_NO,
	                              &r, MS, &e), NULL, &e);
	for (size_t i = 0; r && i < r->n; i++)
		CHECK(r->recipient[i]->address && r->recipient[i]->state);
	letterlock_recipients_free(r);
	keep(m, letterlock_accounts(l, &a, MS, &e), NULL, &e);
	for (size_t i = 0; a && i < a->n; i++)
		for (size_t k = 0; k < a->account[i]->n_aliases; k++)
			CHECK(a->account[i]->alias[k]);
	letterlock_accounts_free(a);
	keep(m, letterlock_status(l, true, &s, MS, &e), NULL, &e);
	for (size_t i = 0; s && i < s->n_accounts; i++)
		CHECK(s->account[i]->address);
	letterlock_status_free(s);
	keep(m, letterlock_open(l, "x", 1, true, &p, &n, &v, MS, &e), NULL, &e);
	CHECK(!p == !v);
	if (p)
		CHECK(sink_put(&m->sink, p, n, NULL) == 0);
	free(p);
	letterlock_verdict_free(v);
}

static void answers(const uint8_t *data, size_t size, uint8_t how,
                    struct membuf *m)
{
	struct letterlock_error e;
	struct letterlock *l;
	struct ends s;
	char *text;
	int rc;

	ends_open(&s, HELLO, sizeof HELLO - 1, 0);
	ends_say(&s, data, size, how);
	ends_hang_up(&s);
	membuf_init(m, 1 << 24);
	l = handle_over(s.theirs, MS, &e);
	CHECK(l);
	rc = letterlock_call(l, "x", "{}", &text, MS, &e);
	keep(m, rc, text, &e);
	types(l, m);
	do {
		rc = letterlock_next_event(l, &text, MS, &e);
		keep(m, rc, text, &e);
	} while (rc == 1);
	CHECK(rc == -1 && letterlock_fd(l) == -1);
	letterlock_close(l);
	s.theirs = -1;
	ends_close(&s);
}

static void frames(const uint8_t *data, size_t size)
{
	const char *why;
	int sv[2], big = 4 << 20, rc;
	size_t n;
	char *p;

	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	setsockopt(sv[0], SOL_SOCKET, SO_SNDBUF, &big, sizeof big);
	CHECK(size == 0 || send(sv[0], data, size, MSG_DONTWAIT)
	      == (ssize_t)size);
	close(sv[0]);
	while ((rc = frame_read(sv[1], &p, &n, &why)) == 1) {
		CHECK(n <= NMH_IN_MAX && p[n] == '\0');
		free(p);
	}
	CHECK(!p);
	close(sv[1]);
}

static void base64(const uint8_t *data, size_t size)
{
	char *copy = fuzz_copy(data, size), *text;
	size_t n, len;
	void *p = base64_read(copy, size, &n);

	free(p);
	text = base64_write(copy, size, &len);
	CHECK(text && (p = base64_read(text, len, &n)));
	CHECK(n == size && memcmp(p, copy, n) == 0);
	free(p);
	free(text);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	struct membuf whole, cut;

	answers(data, size, 0, &whole);
	answers(data, size, how, &cut);
	CHECK(same(&whole, &cut));
	membuf_free(&whole);
	membuf_free(&cut);
	frames(data, size);
	base64(data, size);
	return 0;
}
