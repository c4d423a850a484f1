/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Typed, length-checked frames between the roles, blocking, over a socketpair
 * or a pipe.  A stream ends only by a frame that says so: the end of a file is
 * a dead peer, never the end of a letter. */
#ifndef AGENT_CHAN_H
#define AGENT_CHAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "crypto/err.h"
#include "crypto/sink.h"

enum {
	FRAME_DATA = 64 << 10,		/* octets of letter in one data frame */
	FRAME_MAX = FRAME_DATA + 256,	/* octets of payload of any frame */
	CHAN_FDS_MAX = 8		/* descriptors that may come with one frame */
};

struct frame {
	unsigned type;			/* enum frame_type */
	const unsigned char *data;	/* valid until the next chan_recv() */
	size_t len;
};

struct chan {
	int fd;
	bool pipe;		/* found to be none of a socket's ends */
	unsigned char *in;		/* FRAME_MAX + header, made at first use */
	size_t off, len;
	int fds[CHAN_FDS_MAX];		/* came with the last frames, -1 = taken */
	unsigned n_fds;
};

/* Made over fd (-1: none); chan_close() closes it and frees the buffer, wiped. */
void chan_init(struct chan *c, int fd);
void chan_close(struct chan *c);
static inline bool chan_open(const struct chan *c) { return c->fd >= 0; }

/* 0, or -1: the peer is gone (GPG_ERR_EPIPE) or the frame is too large. */
int chan_send(struct chan *c, unsigned type, const void *data, size_t n,
              struct err *e);
int chan_send_fds(struct chan *c, unsigned type, const void *data, size_t n,
                  const int *fds, unsigned n_fds, struct err *e);
/* The next frame: 0, or -1: the peer is gone (GPG_ERR_EOF) or sent something
 * that is no frame (GPG_ERR_BAD_DATA). */
int chan_recv(struct chan *c, struct frame *f, struct err *e);
/* 1: a frame (or the end) can be received at once, 0: not within ms. */
int chan_wait(struct chan *c, int ms);
/* Receive and insist on a type: anything else is GPG_ERR_BAD_DATA. */
int chan_expect(struct chan *c, unsigned type, struct frame *f, struct err *e);
/* Take the next descriptor that came with frames so far, or -1. */
int chan_take_fd(struct chan *c);

/* A sink that sends what it takes as data frames of one type, gathered into
 * full ones. */
struct chan_sink {
	struct sink sink;
	struct chan *chan;
	unsigned type;
	size_t len;
	unsigned char buf[FRAME_DATA];
};
void chan_sink_init(struct chan_sink *s, struct chan *c, unsigned type);
int chan_sink_flush(struct chan_sink *s, struct err *e);

/* Payloads: numbers (host order) and strings in a fixed buffer. Packing and
 * unpacking errors stick: look at bad once at the end. */
struct pack {
	unsigned char buf[FRAME_DATA];
	size_t len;
	bool bad;			/* did not fit */
};
void pack_init(struct pack *p);
void pack_u32(struct pack *p, uint32_t v);
void pack_u64(struct pack *p, uint64_t v);
void pack_str(struct pack *p, const char *s);
void pack_mem(struct pack *p, const void *m, size_t n);
int pack_send(struct pack *p, struct chan *c, unsigned type, struct err *e);

struct unpack {
	const unsigned char *p;
	size_t left;
	bool bad;			/* too short, or not of its form */
};
void unpack_init(struct unpack *u, const struct frame *f);
uint32_t unpack_u32(struct unpack *u);
uint64_t unpack_u64(struct unpack *u);
/* Copy a string of less than size octets (no NUL inside) to out; "" if bad. */
void unpack_str(struct unpack *u, char *out, size_t size);
void unpack_mem(struct unpack *u, void *out, size_t n);
/* True when all of it was read and nothing was bad. */
bool unpack_end(const struct unpack *u);

#endif
