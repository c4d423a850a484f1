/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What libetpan's mailstream reads from and writes to: a connected socket with
 * a deadline, in clear here and under TLS in tls.h. */
#ifndef AGENT_STREAM_H
#define AGENT_STREAM_H

#include <stdint.h>

#include <libetpan/mailstream.h>

/* The data of each mailstream_low of ours begins with this. */
struct stream {
	int fd;			/* not blocking; -1: somebody else's now */
	int64_t deadline;	/* of each read and write, by stream_clock() */
	int64_t silence;	/* milliseconds without an octet, 0: any */
	uint64_t least;		/* octets in STREAM_MINUTE of waiting, 0: any */
	uint64_t moved;		/* octets, and milliseconds waited for them, */
	int64_t waited;		/* since that was last looked at */
	int error;		/* errno of what failed, 0: peer closed; ETIME:
				 * fewer than least moved */
};

enum { STREAM_MINUTE = 60000 };

/* Milliseconds that only go forward. */
int64_t stream_clock(void);
/* Until fd is ready for events (POLLIN, POLLOUT): 0, or -1 with error set,
 * ETIMEDOUT at the deadline, ETIME as above. */
int stream_wait(struct stream *s, short events);

/* A low stream over a connected socket that does not block; it owns fd.  NULL:
 * out of memory, and fd is still the caller's.  A read at the end of the
 * connection is -1: 0 sends libetpan into an endless loop. */
mailstream_low *stream_low_new(int fd);

static inline struct stream *stream_of(mailstream *m)
{
	return mailstream_get_low(m)->data;
}

#endif
