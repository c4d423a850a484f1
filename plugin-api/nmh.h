/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock-nmh from inside: one thread reads what the add-on asks, each lane has
 * a thread and a connection for its calls, one more watches. */
#ifndef PLUGIN_API_NMH_H
#define PLUGIN_API_NMH_H

#include <jansson.h>

#include "plugin-api/letterlock.h"

enum {
	/* octets of a message: what a browser takes is 1 MB, and what an add-on
	 * sends holds at most a letter in base64 */
	NMH_OUT_MAX = 700000,
	NMH_IN_MAX = LETTERLOCK_LETTER_MAX / 3 * 4 + (1 << 20),
	/* octets of a part's text: they can double where it is written as JSON */
	NMH_PART = 340000,
	NMH_HEAD = 4		/* octets of a length */
};

/* ---- nmh_frame.c ---- */

/* The next message, malloced, with a NUL behind its *n octets: 1; 0 at the end; -1
 * with the reason in *why. */
int frame_read(int fd, char **p, size_t *n, const char **why);
/* 0, or -1: nobody reads any more. */
int frame_write(int fd, const char *p, size_t n);
/* The first octets of n that make a part of their own, no half character. */
size_t frame_part(const char *p, size_t n);

/* ---- nmh_say.c: any thread; ends the process where nobody listens ---- */

void say_to(int fd);
/* Nothing more is said, and nothing by halves, if that is to be had in a second. */
void say_end(void);
/* "ok" as it is written in JSON. */
void say_ok(json_int_t id, const char *ok);
void say_error(json_int_t id, const char *code, const char *text);
void say_failed(json_int_t id, const struct letterlock_error *e);
/* An object; the first takes the reference. */
void say_event(json_t *event);
void say_event_text(const char *event);

/* ---- nmh_lane.c ---- */

struct request {
	struct request *next;
	json_int_t id;
	char *call;
	json_t *members;	/* all the others */
	size_t n;		/* octets it came in */
};
void request_free(struct request *r);

/* Start the threads: 0, or -1. */
int lanes_start(void);
/* Into the lane of its call; r is the lane's then. */
void lanes_put(struct request *r);

/* ---- nmh_watch.c: the thread that watches ---- */

void *watch_run(void *unused);

#endif
