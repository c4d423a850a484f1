/* SPDX-License-Identifier: GPL-3.0-or-later */
/* SIGHUP: the configuration is read again.  Sessions that run go on with theirs, to
 * their last lane: accounts are numbers, which mean others in another one. */
#include "agent/guard_parts.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/box.h"
#include "agent/cert_file.h"
#include "agent/log.h"
#include "agent/notify.h"

/* The octets of an error's text that say where it is; what follows may be an address
 * or a command, which are not for the log. */
static int where(const char *text, const char *path)
{
	size_t n = strlen(path);

	if (strncmp(text, path, n) != 0 || text[n] != ':'
	    || !isdigit((unsigned char)text[n + 1]))
		return (int)strlen(text);
	return (int)(n + 1 + strspn(text + n + 1, "0123456789"));
}

/* The configuration and its text in a memfd, or -1: said in the log. */
static int read_again(const char *path, struct conf *c, int *fd)
{
	struct err e = { .text = "" };
	char *text;
	size_t len;
	int rc = -1;

	*fd = -1;
	if (!(text = conf_read(path, &len, &e))) {
		log_error("the configuration was not read again, the old one "
		          "stays: %s", e.text);
		return -1;
	}
	if (conf_parse(c, path, text, len, &e)) {
		log_error("the configuration was not read again, the old one "
		          "stays: there is an error at %.*s, which letterlockd "
		          "-t explains", where(e.text, path), e.text);
	} else if (c->sandbox_required && box_check(true)) {
		log_error("so the old configuration stays");
		conf_free(c);
	} else if ((*fd = spawn_conf_fd(text, len, &e)) == -1) {
		log_error("the configuration was not read again: %s", e.text);
		conf_free(c);
	} else {
		rc = 0;
	}
	free(text);
	return rc;
}

/* Those that run keep what they began with. */
static void keep_old(struct guard *g)
{
	for (unsigned i = 0; i < PLACES_MAX; i++) {
		struct session *s = &g->session[i];

		if (!s->used || s->generation != g->generation)
			continue;
		s->conf_fd = fcntl(g->conf_fd, F_DUPFD_CLOEXEC, 10);
		/* it knows the old accounts: it ends, and is connected again */
		if (s->kind == SESSION_PLUGIN)
			chan_close(&s->front.leash);
	}
}

static void take_new(struct guard *g, struct conf *c, int fd)
{
	keep_old(g);
	if (g->own_conf) {
		conf_free(g->own_conf);
		free(g->own_conf);
	}
	g->conf = g->own_conf = c;
	close(g->conf_fd);
	g->conf_fd = fd;
	g->generation++;
	for (int r = 0; r < ROLES; r++)
		if (g->spare[r].pid) {
			guard_kill(g->spare[r].pid);
			guard_forget(&g->spare[r]);
		}
	guard_tell_keeper(g);
	guard_fill(g);
}

void guard_reload(struct guard *g)
{
	struct conf *c = calloc(1, sizeof *c);
	struct err e;
	int fd;

	notify_reloading();
	if (!c || read_again(g->conf->path, c, &fd)) {
		free(c);
	} else if (listen_again(c, g->listener, &g->n_listeners, &e)) {
		log_error("the configuration was not read again, the old one "
		          "stays: %s", e.text);
		close(fd);
		conf_free(c);
		free(c);
	} else {
		cert_at_start(g->state_dir, g->listener, g->n_listeners);
		take_new(g, c, fd);
		log_note("the configuration was read again");
	}
	notify("READY=1");
}
