/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asking a running letterlockd over the plug-in socket. */
#include "agent/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/plugin.h"
#include "agent/plugin_socket.h"

enum { HELLO_SECONDS = 20, CHUNK = 64 << 10 };

/* ---- lines ---- */

static int put(struct ask *a, json_t *request, struct err *e)
{
	size_t n = 0, done = 0;
	char *line = json_write(request, &n);
	ssize_t r;

	if (!line)
		return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
		               "the request is too long");
	while (done < n) {
		r = send(a->fd, line + done, n - done, MSG_NOSIGNAL);
		if (r == -1 && errno != EINTR)
			break;
		done += r > 0 ? (size_t)r : 0;
	}
	free(line);
	return done == n ? 0 : err_set(e, gpg_error(GPG_ERR_EPIPE),
	                               "letterlockd has hung up");
}

static int fill(struct ask *a, int64_t until, struct err *e)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	int64_t left = until - now_ms();
	char *more;
	ssize_t r;

	if (a->size - a->len < CHUNK) {
		if (a->size > JSON_ANSWER_MAX
		    || !(more = realloc(a->in, a->size + 2 * CHUNK)))
			return err_set(e, gpg_error(GPG_ERR_TOO_LARGE),
			               "letterlockd's answer is too long");
		a->in = more;
		a->size += 2 * CHUNK;
	}
	if (left <= 0 || poll(&p, 1, (int)left) == 0)
		return err_set(e, gpg_error(GPG_ERR_TIMEOUT),
		               "letterlockd does not answer");
	r = recv(a->fd, a->in + a->len, CHUNK, 0);
	if (r == 0 || (r == -1 && errno != EINTR))
		return err_set(e, gpg_error(GPG_ERR_EOF),
		               "letterlockd has hung up");
	a->len += r > 0 ? (size_t)r : 0;
	return 0;
}

static json_t *get(struct ask *a, int64_t until, struct err *e)
{
	json_t *answer;
	char *lf;
	size_t n;

	while (!(lf = a->len ? memchr(a->in, '\n', a->len) : NULL))
		if (fill(a, until, e))
			return NULL;
	n = (size_t)(lf - a->in);
	answer = json_read(a->in, n, e);
	a->len -= n + 1;
	memmove(a->in, lf + 1, a->len);
	return answer;
}

/* ---- calls ---- */

static json_t *take_ok(struct ask *a, json_t *answer, struct err *e)
{
	json_t *id = json_object_get(answer, "id");
	json_t *ok = json_object_get(answer, "ok");
	const char *code = NULL, *text = NULL;

	if (json_integer_value(id) == a->id && json_is_object(ok))
		return json_incref(ok);
	json_unpack(json_object_get(answer, "error"), "{s:s, s:s}",
	            "code", &code, "text", &text);
	if (code)
		snprintf(a->code, sizeof a->code, "%.*s", ASK_CODE_MAX - 1,
		         code);
	err_set(e, gpg_error(GPG_ERR_GENERAL), "%s", text ? text
	        : "what letterlockd says is not understood");
	return NULL;
}

json_t *ask_call(struct ask *a, const char *call, json_t *members,
                 unsigned seconds, struct err *e)
{
	int64_t until = now_ms() + (int64_t)seconds * 1000;
	json_t *request = json_pack("{s:I, s:s}", "id", ++a->id, "call", call);
	json_t *answer = NULL, *ok = NULL;

	a->code[0] = '\0';
	if (members)
		json_object_update(request, members);
	json_decref(members);
	if (put(a, request, e) == 0)
		answer = get(a, until, e);
	if (answer)
		ok = take_ok(a, answer, e);
	json_decref(request);
	json_decref(answer);
	return ok;
}

static int connected(struct ask *a, struct err *e)
{
	struct sockaddr_un addr;

	if (plugin_socket_addr(&addr, e))
		return -1;
	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (a->fd == -1)
		return err_errno(e, "socket");
	if (connect(a->fd, (struct sockaddr *)&addr, sizeof addr)) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(e, gpg_error(GPG_ERR_NO_AGENT),
			               "letterlockd does not run (nobody "
			               "listens at %s). Start it first",
			               addr.sun_path);
		return err_errno(e, addr.sun_path);
	}
	if (!plugin_socket_trusts(a->fd))
		return err_set(e, gpg_error(GPG_ERR_FORBIDDEN),
		               "%s: somebody else listens there",
		               addr.sun_path);
	return 0;
}

int ask_open(struct ask *a, struct err *e)
{
	json_t *ok;

	memset(a, 0, sizeof *a);
	a->fd = -1;
	if (connected(a, e) == 0
	    && (ok = ask_call(a, "hello", json_pack("{s:i}", "version",
	                                            PLUGIN_VERSION),
	                      HELLO_SECONDS, e))) {
		json_decref(ok);
		return 0;
	}
	ask_close(a);
	return -1;
}

void ask_close(struct ask *a)
{
	if (a->fd != -1)
		close(a->fd);
	a->fd = -1;
	free(a->in);
	a->in = NULL;
	a->len = a->size = 0;
}

void ask_print(const char *s)
{
	for (; s && *s; s++)
		putchar(*s >= ' ' && *s <= '~' ? *s : '?');
}
