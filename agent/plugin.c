/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role plugin: lines in, lines out, one after the other. */
#include "agent/plugin.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { DRAIN_MAX = 1 << 20, DRAIN_MS = 1000 };

static struct plugin plugin;

int plugin_run(const struct conf *conf, struct plugin_ends *ends)
{
	const struct timeval t = { .tv_sec = PLUGIN_SEND_SECONDS };

	if (ends->client < 0)
		return 1;
	setsockopt(ends->client, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
	json_object_seed(0);	/* from /dev/urandom, while it can be opened */
	box_probe(&plugin.walls);
	if (box_enter(BOX_FRONT, NULL, conf->sandbox_required))
		return 1;
	return plugin_serve(conf, ends);
}

int plugin_crypt(struct plugin *p, struct chan *crypt)
{
	struct frame f;

	if (chan_send(&p->ends->guard, G_CRYPT, NULL, 0, NULL)
	    || chan_expect(&p->ends->guard, G_CRYPT, &f, NULL))
		return -1;
	chan_init(crypt, chan_take_fd(&p->ends->guard));
	plugin_hurry(crypt);
	return chan_open(crypt) ? 0 : -1;
}

struct chan *plugin_kept_crypt(struct plugin *p)
{
	if (chan_open(&p->crypt) && chan_wait(&p->crypt, 0))
		chan_close(&p->crypt);	/* nothing was asked: it has ended */
	if (!chan_open(&p->crypt) && plugin_crypt(p, &p->crypt))
		return NULL;
	return &p->crypt;
}

int plugin_patience(const struct plugin *p)
{
	return (int)p->conf->gpg_timeout * 1000 + PLUGIN_MORE_MS;
}

/* Until the plug-in speaks; meanwhile, what it has not used lately goes. */
static int wait_for_plugin(struct plugin *p)
{
	int fd = p->ends->client;
	int r = plugin_wait_on(p, fd, POLLIN, chan_open(&p->crypt)
	                       ? PLUGIN_KEEP_MS : -1);

	if (r == 1) {
		chan_close(&p->crypt);
		r = plugin_wait_on(p, fd, POLLIN, -1);
	}
	return r;
}

/* ---- lines ---- */

/* What would be too long says so instead: malloced, or NULL. */
static char *line_of(json_t *answer, size_t *n)
{
	char *line = json_write(answer, n);
	struct fault f;
	json_t *error;

	if (line)
		return line;
	fault_set(&f, "too-large", "The answer would have more than %d octets",
	          JSON_ANSWER_MAX);
	error = plugin_error(json_object_get(answer, "id"), &f);
	line = error ? json_write(error, n) : NULL;
	json_decref(error);
	return line;
}

int plugin_say(struct plugin *p, json_t *answer)
{
	char *line, *at;
	ssize_t r = 0;
	size_t n;

	line = at = answer ? line_of(answer, &n) : NULL;
	json_decref(answer);
	if (!line)
		return -1;
	while (n) {
		r = send(p->ends->client, at, n, MSG_NOSIGNAL);
		if (r == -1 && errno != EINTR)
			break;
		at += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
	free(line);
	return n ? -1 : 0;
}

/* Who still writes would not read these words. */
static void too_long(struct plugin *p)
{
	struct pollfd w = { .fd = p->ends->client, .events = POLLIN };
	size_t left = DRAIN_MAX;
	struct fault f;
	ssize_t r = 1;

	fault_set(&f, "too-long", "A line may have %d octets at most",
	          JSON_LINE_MAX);
	plugin_say(p, plugin_error(NULL, &f));
	shutdown(p->ends->client, SHUT_WR);
	while (r > 0 && left && poll(&w, 1, DRAIN_MS) > 0) {
		r = recv(p->ends->client, p->in, sizeof p->in, 0);
		left -= r > 0 && (size_t)r < left ? (size_t)r : left;
	}
}

/* Answer the whole lines that are there: 0, or -1: that was the last. */
static int serve_lines(struct plugin *p)
{
	size_t done = 0, n;
	char *lf;
	int rc = 0;

	while (rc == 0 && (lf = memchr(p->in + done, '\n', p->len - done))) {
		n = (size_t)(lf - (p->in + done));
		if (n >= JSON_LINE_MAX)
			break;
		rc = plugin_say(p, plugin_call(p, p->in + done, n));
		if (!chan_open(&p->ends->keeper))
			rc = -1;	/* a new connection has a new one */
		done += n + 1;
	}
	memmove(p->in, p->in + done, p->len - done);
	p->len -= done;
	if (rc == 0 && p->len >= JSON_LINE_MAX) {
		too_long(p);
		rc = -1;
	}
	return rc;
}

int plugin_serve(const struct conf *conf, struct plugin_ends *ends)
{
	struct plugin *p = &plugin;
	ssize_t r;

	p->conf = conf;
	p->ends = ends;
	p->greeted = false;
	p->len = 0;
	chan_init(&p->crypt, -1);
	plugin_letter_begin(p);
	plugin_senders_begin(p);
	chan_init(&p->events, -1);
	while (wait_for_plugin(p) == 0) {
		r = recv(ends->client, p->in + p->len, PLUGIN_PIECE, 0);
		if (r == -1 && errno == EINTR)
			continue;
		if (r <= 0)
			break;
		p->len += (size_t)r;
		if (serve_lines(p))
			break;
	}
	plugin_letter_forget(p);
	plugin_senders_forget(p);
	chan_close(&p->crypt);
	chan_close(&p->events);
	close(ends->client);
	return 0;
}
