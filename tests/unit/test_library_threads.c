/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libletterlock: threads that share a handle, and its socket. */
#include "tests/unit/library.h"

/* ---- threads ---- */

enum { THREADS = 4, CALLS = 200 };

/* Answers each line with its "x", and says an event each time. */
static void *echo(void *of)
{
	FILE *f = of;
	char *line = NULL, out[200];
	size_t size = 0;
	json_t *j;
	int n;

	while (getline(&line, &size, f) > 0) {
		j = json_loads(line, 0, NULL);
		n = snprintf(out, sizeof out, EVENT("0") "\n{\"id\":%d,\"ok\":{"
		             "\"x\":%d}}\n", (int)result_number(j, "id"),
		             (int)result_number(j, "x"));
		json_decref(j);
		if (send(fileno(f), out, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	}
	free(line);
	return NULL;
}

struct caller {
	struct letterlock *l;
	int first, bad, events;
	pthread_t thread;
};

static void *call_many(void *of)
{
	struct caller *c = of;
	char members[40], want[40], *ok, *event;

	for (int i = c->first; i < c->first + CALLS; i++) {
		snprintf(members, sizeof members, "{\"x\":%d}", i);
		snprintf(want, sizeof want, "{\"x\":%d}", i);
		if (letterlock_call(c->l, "x", members, &ok, MS, NULL)
		    || strcmp(ok, want) != 0 || letterlock_fd(c->l) == -1)
			c->bad++;
		free(ok);
		if (letterlock_next_event(c->l, &event, 0, NULL) == 1)
			c->events++;
		free(event);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct caller c[THREADS];
	struct letterlock *l;
	pthread_t server;
	int ours, events = 0;
	char *event;
	FILE *f;

	(void)state;
	l = stream(&ours);
	f = fdopen(ours, "r+");
	assert_non_null(f);
	/* hello was answered before it was asked */
	assert_int_equal(fgetc(f), '{');
	while (fgetc(f) != '\n')
		;
	assert_int_equal(pthread_create(&server, NULL, echo, f), 0);
	for (int i = 0; i < THREADS; i++) {
		c[i] = (struct caller){ .l = l, .first = i * CALLS };
		assert_int_equal(pthread_create(&c[i].thread, NULL, call_many,
		                                &c[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(c[i].thread, NULL);
		assert_int_equal(c[i].bad, 0);
		events += c[i].events;
	}
	for (; letterlock_next_event(l, &event, 0, NULL) == 1; events++)
		free(event);
	assert_int_equal(events, THREADS * CALLS);
	letterlock_close(l);
	pthread_join(server, NULL);
	fclose(f);
}

static void *wait_long(void *of)
{
	struct caller *c = of;
	char *event;

	c->events = letterlock_next_event(c->l, &event, MS, NULL);
	free(event);
	return NULL;
}

/* While one waits, another does no longer than it has time for. */
static void test_in_use(void **state)
{
	struct letterlock_error e = { .code = LETTERLOCK_OK };
	struct caller c = { .first = 0 };
	bool waits;
	char *event;
	int ours;

	(void)state;
	c.l = stream(&ours);
	assert_int_equal(pthread_create(&c.thread, NULL, wait_long, &c), 0);
	do {
		pthread_mutex_lock(&c.l->lock);
		waits = c.l->busy;
		pthread_mutex_unlock(&c.l->lock);
	} while (!waits && usleep(1000) == 0);
	assert_int_equal(letterlock_next_event(c.l, &event, 0, NULL), 0);
	assert_int_equal(letterlock_call(c.l, "x", NULL, NULL, 1, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_IN_USE);
	assert_int_not_equal(letterlock_fd(c.l), -1);
	assert_int_equal(write(ours, S(EVENT("1") "\n")),
	                 sizeof EVENT("1"));
	pthread_join(c.thread, NULL);
	assert_int_equal(c.events, 1);
	letterlock_close(c.l);
	close(ours);
}

/* ---- the socket ---- */

static char dir[] = "/tmp/lllib.XXXXXX", path[sizeof dir + 8];

static int folder_make(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof path, "%s/s", dir);
	return 0;
}

static int folder_remove(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir);
}

static int bound(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(a.sun_path, path, sizeof path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static enum letterlock_code connect_fails(const char *where)
{
	struct letterlock_error e;
	struct letterlock *l;

	assert_int_equal(letterlock_connect(&l, where, MS, &e), -1);
	assert_null(l);
	assert_true(*e.text && *e.word);
	return e.code;
}

static void test_nobody_listens(void **state)
{
	char longest[200];
	int fd;

	(void)state;
	assert_int_equal(connect_fails(path), LETTERLOCK_NOT_RUNNING);
	fd = bound();
	assert_int_equal(connect_fails(path), LETTERLOCK_NOT_RUNNING);
	close(fd);
	assert_int_equal(connect_fails(path), LETTERLOCK_NOT_RUNNING);
	assert_int_equal(setenv("LETTERLOCK_SOCKET", path, 1), 0);
	assert_int_equal(connect_fails(NULL), LETTERLOCK_NOT_RUNNING);
	unsetenv("LETTERLOCK_SOCKET");
	unsetenv("XDG_RUNTIME_DIR");
	assert_int_equal(connect_fails(NULL), LETTERLOCK_USE);
	setenv("XDG_RUNTIME_DIR", dir, 1);
	assert_int_equal(connect_fails(NULL), LETTERLOCK_NOT_RUNNING);
	assert_int_equal(connect_fails("relative"), LETTERLOCK_USE);
	memset(longest, '/', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	assert_int_equal(connect_fails(longest), LETTERLOCK_USE);
}

static void test_stranger(void **state)
{
	int fd;

	(void)state;
	if (geteuid() != 0)
		skip();
	fd = bound();
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(connect_fails(path), LETTERLOCK_STRANGER);
	close(fd);
}

/* Says hello, and hangs up after so many calls; the second time it is good. */
static void *serve_twice(void *of)
{
	int fd = *(int *)of, c;
	FILE *f;

	c = accept(fd, NULL, NULL);
	if (c >= 0 && send(c, S(HELLO), MSG_NOSIGNAL) > 0)
		close(c);
	c = accept(fd, NULL, NULL);
	if (c >= 0 && (f = fdopen(c, "r+"))) {
		echo(f);
		fclose(f);
	}
	return NULL;
}

static void test_reconnect(void **state)
{
	struct letterlock_error e;
	struct letterlock *l;
	pthread_t server;
	int fd = bound();
	char *ok;

	(void)state;
	assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(pthread_create(&server, NULL, serve_twice, &fd), 0);
	assert_int_equal(letterlock_connect(&l, path, MS, &e), 0);
	assert_int_equal(letterlock_call(l, "x", NULL, NULL, MS, &e), -1);
	assert_int_equal(e.code, LETTERLOCK_LOST);
	assert_int_equal(letterlock_fd(l), -1);
	assert_int_equal(letterlock_reconnect(l, MS, &e), 0);
	assert_int_equal(letterlock_call(l, "x", "{\"x\":5}", &ok, MS, &e), 0);
	assert_string_equal(ok, "{\"x\":5}");
	free(ok);
	letterlock_close(l);
	pthread_join(server, NULL);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_in_use),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_stranger),
		cmocka_unit_test(test_reconnect),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
