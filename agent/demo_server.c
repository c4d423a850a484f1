/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's mail provider: its listeners, its threads, its letters. */
#include "agent/demo_server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "agent/demo_session.h"
#include "crypto/sink.h"

enum {
	SESSIONS_MAX = 64,		/* connections in the server's life */
	HEARD_MAX = 16 << 20		/* octets of talk kept */
};

struct demo_server {
	const struct demo_user *user;
	size_t n_users;
	int listener[2];		/* submission, POP3 */
	uint16_t port[2];
	int stop[2];			/* a pipe: its end ends accepting */
	pthread_t thread;
	bool running;
	struct demo_session session[SESSIONS_MAX];
	size_t n_sessions;
	pthread_mutex_t lock;		/* guards all below */
	struct demo_letter letter[DEMO_LETTERS_MAX];
	size_t n_letters;
	struct membuf heard;
};

uint16_t demo_server_smtp(const struct demo_server *s)
{
	return s->port[0];
}

uint16_t demo_server_pop3(const struct demo_server *s)
{
	return s->port[1];
}

size_t demo_server_count(struct demo_server *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->n_letters;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const struct demo_letter *demo_server_letter(struct demo_server *s, size_t i)
{
	return i < demo_server_count(s) ? &s->letter[i] : NULL;
}

bool demo_letter_for(const struct demo_letter *l, const char *address)
{
	for (size_t i = 0; i < l->n_to; i++)
		if (!strcasecmp(l->to[i], address))
			return true;
	return false;
}

bool demo_server_heard(struct demo_server *s, const char *words)
{
	bool yes;

	pthread_mutex_lock(&s->lock);
	yes = memmem(s->heard.buf, s->heard.len, words, strlen(words)) != NULL;
	pthread_mutex_unlock(&s->lock);
	return yes;
}

int demo_server_keep(struct demo_server *s, struct demo_letter *l)
{
	int rc = -1;

	pthread_mutex_lock(&s->lock);
	if (s->n_letters < DEMO_LETTERS_MAX) {
		s->letter[s->n_letters++] = *l;
		memset(l, 0, sizeof *l);
		rc = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static bool server_hears(struct demo_server *s, const char *line, size_t n)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = sink_put(&s->heard.sink, line, n, NULL);
	pthread_mutex_unlock(&s->lock);
	return rc == 0;
}

bool demo_session_line(struct demo_session *s)
{
	ssize_t n;

	if (fflush(s->out) != 0)
		return false;
	n = getline(&s->line, &s->size, s->in);
	/* What the record can't hold is not taken: it is to be complete. */
	if (n <= 0 || !server_hears(s->server, s->line, (size_t)n))
		return false;
	while (n > 0 && strchr("\r\n", s->line[n - 1]))
		n--;
	s->line[n] = '\0';
	s->len = (size_t)n;
	return true;
}

void demo_session_say(struct demo_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(s->out, fmt, ap);
	va_end(ap);
	fputs("\r\n", s->out);
}

void demo_session_commands(struct demo_session *s, void *state,
                           const struct demo_command *table,
                           const char *unknown)
{
	while (!s->bye && demo_session_line(s)) {
		const struct demo_command *c = table;
		char *arg = s->line + strcspn(s->line, " ");

		if (*arg)
			*arg++ = '\0';
		while (c->name && strcasecmp(c->name, s->line))
			c++;
		if (c->name)
			c->run(s, state, arg);
		else
			demo_session_say(s, "%s", unknown);
	}
	fflush(s->out);
}

int demo_unbase64(const char *base64, char *out, size_t size, size_t *len)
{
	size_t n = strlen(base64);
	int got;

	if (n % 4 || n / 4 * 3 >= size)
		return -1;
	got = EVP_DecodeBlock((unsigned char *)out,
	                      (const unsigned char *)base64, (int)n);
	if (got < 0)
		return -1;
	for (; n > 0 && base64[n - 1] == '='; n--)
		got--;
	out[got] = '\0';
	*len = (size_t)got;
	return 0;
}

void demo_session_login(struct demo_session *s, const char *user,
                        const char *password)
{
	const struct demo_user *u = s->server->user;

	for (size_t i = 0; i < s->server->n_users; i++)
		if (!strcasecmp(u[i].address, user) &&
		    !strcmp(u[i].password, password))
			s->user = &u[i];
}

void demo_session_plain(struct demo_session *s, const char *base64)
{
	char text[1024];
	const char *user, *password;
	size_t n;

	if (demo_unbase64(base64, text, sizeof text, &n) < 0)
		return;
	user = text + strlen(text) + 1;
	if (user >= text + n)
		return;
	password = user + strlen(user) + 1;
	if (password <= text + n)
		demo_session_login(s, user, password);
}

static void *session_thread(void *arg)
{
	struct demo_session *s = arg;
	int copy = dup(s->fd);

	s->in = fdopen(s->fd, "r");
	s->out = copy < 0 ? NULL : fdopen(copy, "w");
	if (s->in && s->out) {
		if (s->pop3)
			demo_session_pop3(s);
		else
			demo_session_smtp(s);
	}
	/* s->fd itself stays open until the server stops: it is shut there. */
	shutdown(s->fd, SHUT_RDWR);
	return NULL;
}

static void server_accept(struct demo_server *s, int listener, bool pop3)
{
	struct demo_session *n = &s->session[s->n_sessions];
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (s->n_sessions == SESSIONS_MAX) {
		close(fd);
		return;
	}
	n->server = s;
	n->fd = fd;
	n->pop3 = pop3;
	if (pthread_create(&n->thread, NULL, session_thread, n) != 0)
		close(fd);
	else
		s->n_sessions++;
}

static void *server_thread(void *arg)
{
	struct demo_server *s = arg;
	struct pollfd p[3] = {
		{ .fd = s->listener[0], .events = POLLIN },
		{ .fd = s->listener[1], .events = POLLIN },
		{ .fd = s->stop[0], .events = POLLIN },
	};

	while (poll(p, 3, -1) >= 0 && !p[2].revents)
		for (int i = 0; i < 2; i++)
			if (p[i].revents)
				server_accept(s, s->listener[i], i == 1);
	return NULL;
}

static int server_listen(struct demo_server *s, int i, struct err *e)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listener[i] < 0 ||
	    bind(s->listener[i], (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(s->listener[i], 16) < 0 ||
	    getsockname(s->listener[i], (struct sockaddr *)&a, &len) < 0)
		return err_errno(e, "a port for the demo's mail server");
	s->port[i] = ntohs(a.sin_port);
	return 0;
}

/* Signals are for the thread that tells the story. */
static int server_run(struct demo_server *s, struct err *e)
{
	sigset_t all, old;

	if (pipe2(s->stop, O_CLOEXEC) < 0)
		return err_errno(e, "a pipe");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	errno = pthread_create(&s->thread, NULL, server_thread, s);
	s->running = errno == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s->running ? 0 : err_errno(e, "a thread");
}

struct demo_server *demo_server_start(const struct demo_user *user, size_t n,
                                      struct err *e)
{
	struct demo_server *s = calloc(1, sizeof *s);

	if (!s) {
		err_errno(e, "the demo's mail server");
		return NULL;
	}
	s->user = user;
	s->n_users = n;
	s->listener[0] = s->listener[1] = s->stop[0] = s->stop[1] = -1;
	pthread_mutex_init(&s->lock, NULL);
	membuf_init(&s->heard, HEARD_MAX);
	if (server_listen(s, 0, e) < 0 || server_listen(s, 1, e) < 0 ||
	    server_run(s, e) < 0) {
		demo_server_stop(s);
		return NULL;
	}
	return s;
}

static void session_free(struct demo_session *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	if (s->out)
		fclose(s->out);
	if (s->in)
		fclose(s->in);
	else
		close(s->fd);
	free(s->line);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void demo_server_stop(struct demo_server *s)
{
	if (!s)
		return;
	close_fd(s->stop[1]);
	if (s->running)
		pthread_join(s->thread, NULL);
	for (size_t i = 0; i < s->n_sessions; i++)
		session_free(&s->session[i]);
	for (size_t i = 0; i < s->n_letters; i++) {
		free(s->letter[i].from);
		free(s->letter[i].raw);
		for (size_t k = 0; k < s->letter[i].n_to; k++)
			free(s->letter[i].to[k]);
	}
	close_fd(s->stop[0]);
	close_fd(s->listener[0]);
	close_fd(s->listener[1]);
	membuf_free(&s->heard);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
