/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role plugin: one connection to the plug-in socket, which is spoken as
 * plugin-api/PROTOCOL.md says. */
#ifndef AGENT_PLUGIN_H
#define AGENT_PLUGIN_H

#include "agent/box.h"
#include "agent/json.h"
#include "agent/roles.h"

enum {
	PLUGIN_VERSION = 1,	/* of the protocol */
	PLUGIN_PIECE = 4096,	/* octets that are read at once */
	PLUGIN_SEND_SECONDS = 30	/* for a plug-in to take an answer */
};

struct plugin {
	const struct conf *conf;
	struct plugin_ends *ends;
	struct walls walls;	/* as they were found before this one was entered */
	bool greeted;		/* by hello */
	size_t len;
	char in[JSON_LINE_MAX + PLUGIN_PIECE];	/* what is no whole line yet */
};

/* Calls and answers until the plug-in or the guard hangs up: 0. */
int plugin_serve(const struct conf *conf, struct plugin_ends *ends);

/* Wait until c has a frame: 0, or -1 where the plug-in or the guard has gone. */
int plugin_wait(struct plugin *p, struct chan *c);
/* A crypt of one's own for a while, to be closed: 0, or -1. */
int plugin_crypt(struct plugin *p, struct chan *crypt);

/* Why a call failed: code is one of those in PROTOCOL.md. */
struct fault {
	const char *code;
	char text[ERR_TEXT_MAX];
};
/* Fill it; returns NULL. */
json_t *fault_set(struct fault *f, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The answer to a request, an object or null: a new reference, which is not NULL.
 * Errors are answers, too. */
json_t *plugin_call(struct plugin *p, const char *line, size_t n);
/* That there was an error which belongs to no request, or to this one. */
json_t *plugin_error(const json_t *id, const struct fault *f);

/* The calls: what is "ok" in the answer, or NULL with f filled. */
json_t *plugin_status(struct plugin *p, json_t *request, struct fault *f);
json_t *plugin_unlock(struct plugin *p, json_t *request, struct fault *f);

#endif
