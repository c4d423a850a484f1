/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libletterlock from inside. */
#ifndef PLUGIN_API_PRIVATE_H
#define PLUGIN_API_PRIVATE_H

#include <pthread.h>
#include <stddef.h>
#include <sys/un.h>

#include <jansson.h>

#include "plugin-api/letterlock.h"

enum {
	PROTOCOL_VERSION = 1,
	ANSWER_MAX = 1 << 20,	/* octets of a line that comes, with its LF */
	REQUEST_MAX = 64 << 10,	/* octets of a line that goes, with its LF */
	DEPTH_MAX = 16,		/* objects and arrays within one another */
	PIECE = 45000,		/* octets of base64 that go in one line */
	DATA_MAX = (LETTERLOCK_LETTER_MAX + 2) / 3 * 4,	/* in all */
	EVENTS_MAX = 1000,	/* that wait to be taken */
	EVENTS_OCTETS_MAX = 4 << 20	/* of these */
};

struct event {
	struct event *next;
	char *text;
	size_t n;
};

struct letterlock {
	pthread_mutex_t lock;	/* of busy, and of fd where it is changed */
	pthread_cond_t idle;
	bool busy;		/* all below belongs to one thread */
	struct sockaddr_un addr;
	int fd;			/* -1: there is no connection */
	json_int_t id;		/* of the last request */
	json_t *hello;
	char *in;		/* octets from..len came and are no line yet, of */
	size_t from, seen, len, size;	/* which from..seen have no LF */
	struct event *first, **last;
	size_t n_events, n_octets, n_lost;
};

/* error.c: fill e, which may be NULL, with the code's word; -1. */
int error_set(struct letterlock_error *e, enum letterlock_code code,
              const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int error_memory(struct letterlock_error *e);

/* time.c: the milliseconds of a clock that nobody sets, and what is left until
 * then, as poll() wants it. */
int64_t time_until(int ms);
int time_left(int64_t until);

/* handle.c: one without a connection; one over a descriptor, for tests. */
struct letterlock *handle_new(void);
struct letterlock *handle_over(int fd, int ms, struct letterlock_error *e);
/* The handle for this thread alone: 0, or -1 (it was not free in time). */
int handle_take(struct letterlock *l, int64_t until,
                struct letterlock_error *e);
void handle_give(struct letterlock *l);
void handle_hang_up(struct letterlock *l);
/* handle_hang_up() where this error is one that ends the connection; -1. */
int handle_failed(struct letterlock *l, const struct letterlock_error *e);

/* lines.c, for who has the handle: a line goes; the next one that came, without
 * its LF, which stays until the next call: 1, 0 (not in time), or -1. */
int lines_put(struct letterlock *l, const char *line, size_t n, int64_t until,
              struct letterlock_error *e);
int lines_get(struct letterlock *l, const char **line, size_t *n,
              int64_t until, struct letterlock_error *e);

/* read.c: an object from n octets, which have no NUL, no name twice and no depth;
 * NULL.  Its text, malloced, or NULL. */
json_t *read_object(const char *p, size_t n);
char *read_text(const json_t *object);

/* events.c: a line into the handle, if it is an event; else false, and *other is
 * its object, or NULL (other may be NULL).  One out of it, or NULL. */
bool events_put(struct letterlock *l, const char *line, size_t n,
                json_t **other);
char *events_take(struct letterlock *l);
void events_free(struct letterlock *l);

/* call.c, for who has the handle: members is a reference that is taken, or NULL.
 * What is "ok": a new reference, or NULL. */
json_t *call_make(struct letterlock *l, const char *call, json_t *members,
                  int64_t until, struct letterlock_error *e);
/* The same for who has not. */
json_t *call_alone(struct letterlock *l, const char *call, json_t *members,
                   int ms, struct letterlock_error *e);

/* letter.c: is it a call with a whole letter in "data"?  The same for one, of any
 * size, both ways. */
bool letter_is_whole(const char *call, const json_t *members);
json_t *letter_call(struct letterlock *l, const char *call, json_t *members,
                    int64_t until, struct letterlock_error *e);

/* base64.c: malloced, with a NUL behind the *len octets; NULL without memory, or
 * where it is no base64 (RFC 4648 section 4, nothing else in it). */
char *base64_write(const void *p, size_t n, size_t *len);
void *base64_read(const char *p, size_t n, size_t *len);

/* result.c: members of an object, NULL, 0 or false where there is none such. */
const char *result_word(const json_t *object, const char *name);
int64_t result_number(const json_t *object, const char *name);
bool result_true(const json_t *object, const char *name);
/* A structure that is handed out, behind what it holds. */
struct result {
	json_t *ok;		/* the answer, whose words it has */
	struct room *rooms;
	max_align_t whole[];	/* the structure */
};
/* For an answer, a reference that is taken: size octets, all 0; NULL with e filled,
 * also where ok is NULL (then e is the call's). */
struct result *result_new(json_t *ok, size_t size, struct letterlock_error *e);
/* The structure where it is whole; else all of it is freed: NULL. */
void *result_give(struct result *r, bool whole);
/* By the structure, or NULL. */
void result_free(void *whole);
/* So many octets, all 0, until result_free(); NULL. */
void *result_room(struct result *r, size_t n);
/* An array of pointers to *n structures of size octets, each filled from an object
 * by fill(), which is -1 where that lacks what it must have.  NULL with e filled. */
void *result_list(struct result *r, const json_t *array, size_t size,
                  int (*fill)(struct result *r, void *item,
                              const json_t *object),
                  size_t *n, struct letterlock_error *e);
/* LETTERLOCK_BAD_ANSWER; -1. */
int result_bad(struct letterlock_error *e);

/* connect.c: say hello to a new connection. */
int connect_hello(struct letterlock *l, int64_t until,
                  struct letterlock_error *e);

#endif
