/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A submission session's lanes to its provider. */
#include <stdio.h>

#include "agent/smtp.h"

enum { IDLE_MS = 2000 };	/* then it is asked before it is used again */

int smtp_lane_open(struct smtp *s, unsigned n)
{
	struct lane *l = &s->lane[n];
	struct frame f;
	uint32_t k = n;
	int fd, rc;

	if (lane_alive(l) && s->lane_known[n])
		return 0;
	lane_close(l);
	s->lane_known[n] = false;
	if (chan_send(&s->ends->guard, G_LANE, NULL, 0, NULL)
	    || chan_expect(&s->ends->guard, G_LANE, &f, NULL))
		goto fail;
	chan_init(&l->crypt, chan_take_fd(&s->ends->guard));
	fd = chan_take_fd(&s->ends->guard);
	chan_init(&l->upstream, chan_take_fd(&s->ends->guard));
	if (fd < 0 || !lane_alive(l)) {
		lane_close(l);
		goto fail;
	}
	rc = chan_send_fds(&s->ends->mime, M_LANE, &k, sizeof k, &fd, 1, NULL);
	chan_close(&(struct chan){ .fd = fd });
	if (rc)
		goto fail;
	s->lane_known[n] = true;
	return 0;
fail:
	l->outcome = DONE_FAILED;
	l->code = 0;
	snprintf(l->text, sizeof l->text, "Letterlock could not start a part "
	         "of itself, so nothing was sent. Press Send again");
	return -1;
}

/* A provider that has closed an idle connection is not worth a failed Send. */
static bool still_there(struct lane *l)
{
	if (front_clock() - l->answered < IDLE_MS)
		return true;
	if (lane_ask(l, U_NOOP, NULL) == 0 && l->outcome == DONE_OK)
		return true;
	lane_close(l);
	return false;
}

int smtp_lane(struct smtp *s, unsigned n)
{
	struct lane *l = &s->lane[n];

	if (lane_alive(l) && l->logged_in && still_there(l))
		return 0;
	if (l->answered && l->outcome != DONE_OK)
		lane_close(l);	/* it ended with its connection */
	if (smtp_lane_open(s, n))
		return -1;
	if (login_secret(&s->entry, l) == 0)
		lane_login(l, &s->who);
	login_end(&s->entry, l);
	return l->logged_in ? 0 : -1;
}
