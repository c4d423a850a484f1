/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The roles: one process each, one file each.  NAME_prepare() is what a warm
 * spare does before a client comes; NAME_run() lives as long as its session and
 * returns the exit status. */
#ifndef AGENT_ROLES_H
#define AGENT_ROLES_H

#include "agent/chan.h"
#include "agent/conf.h"
#include "agent/frames.h"

/* The whole life of a process started by spawn_role(): its exit status. */
int role_main(const char *name);

struct front_ends {
	struct chan guard;	/* the leash: asks for lanes */
	int client;		/* the client's connection */
	struct chan keeper, mime, crypt, upstream;
	enum local_tls tls;
	bool remote;
	char peer[PEER_MAX];	/* who the client is: see frames.h */
	char *pem_secret;	/* the certificate and its key, NULL: none */
	size_t pem_len;
};
int front_run(const struct conf *conf, enum session_kind kind,
              struct front_ends *ends);
int front_smtp(const struct conf *conf, struct front_ends *ends);
int front_pop3(const struct conf *conf, struct front_ends *ends);

struct mime_ends {
	struct chan front, crypt;
	struct chan upstream;	/* POP3: the read end of upstream's pipe */
};
int mime_run(const struct conf *conf, enum session_kind kind,
             struct mime_ends *ends);

struct crypt_ends {
	struct chan front, mime, keeper;
	struct chan upstream;	/* SMTP: the write end of the pipe to upstream */
	int spool[2];		/* unlinked files, -1: memory only */
};
struct crypt;
struct crypt *crypt_prepare(const struct conf *conf);
int crypt_run(struct crypt *crypt, enum session_kind kind,
              struct crypt_ends *ends);

struct plugin_ends {
	struct chan guard;	/* the leash: asks for a crypt, and what runs */
	int client;		/* the plug-in's connection */
	struct chan keeper;
};
int plugin_run(const struct conf *conf, struct plugin_ends *ends);

struct upstream_ends {
	struct chan front;
	struct chan pipe;	/* SMTP: read end from crypt; POP3: write end to mime */
};
struct upstream;
struct upstream *upstream_prepare(const struct conf *conf);
int upstream_run(struct upstream *up, enum session_kind kind,
                 struct upstream_ends *ends);
int upstream_smtp(struct upstream *up, struct upstream_ends *ends);
int upstream_pop3(struct upstream *up, struct upstream_ends *ends);

#endif
