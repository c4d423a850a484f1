/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tellers' side of the keeper: what has happened, without an answer.  What can't
 * be told is not: events are no promise. */
#ifndef AGENT_KEEPER_TELL_H
#define AGENT_KEEPER_TELL_H

#include "agent/chan.h"
#include "agent/frames.h"
#include "crypto/addr.h"

/* Front: a letter went out, or did not; id: its Message-ID or "". */
void keeper_tell_sent(struct chan *k, enum going how, const char *id,
                      const struct addrs *to);
void keeper_tell_refused(struct chan *k, unsigned code, const char *words,
                         const char *id, const struct addrs *to);
/* Front: a letter was handed over, of which mime said this in M_END. */
void keeper_tell_opened(struct chan *k, const struct frame *end);
/* Crypt: of the key of an account, UINT32_MAX: of the session's. */
void keeper_tell_key(struct chan *k, uint32_t account, enum key_is is);
/* Crypt: when an account's own key ends; 0: never, or there is none. */
void keeper_tell_ends(struct chan *k, uint32_t account, int64_t at);
/* Crypt: it has been made to last until then; or why (not "") not. */
void keeper_tell_renewed(struct chan *k, uint32_t account, int64_t until,
                         const char *why);
/* Crypt: when a key of somebody else ends; 0: never. */
void keeper_tell_lasts(struct chan *k, const char *fpr, int64_t at);
/* Plugin: what is known of these (EVENT_ADDRS_MAX) has changed, so that who shows
 * it asks again. */
void keeper_tell_changed(struct chan *k, const char *const *addr, size_t n);

/* Plugin: be told of events.  0 with events made, from which K_EVENT comes, or -1:
 * no keeper, or no place. */
int keeper_watch(struct chan *k, struct chan *events);

#endif
