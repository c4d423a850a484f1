/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a letter on its lanes: nobody gets the final dot before every lane
 * is ready for it, and who lacks it then is named. */
#include <stdio.h>
#include <string.h>

#include "agent/keeper.h"
#include "agent/letter.h"
#include "agent/log.h"

static int crypt_done(struct letter *l, struct lane *lane)
{
	char words[500];
	struct unpack u;
	struct frame f;
	enum outcome o;

	if (chan_expect(&lane->crypt, C_DONE, &f, NULL))
		return letter_broken(l);
	unpack_init(&u, &f);
	o = (enum outcome)unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	if (o == DONE_OK)
		return 0;
	if (o == DONE_LOST) {	/* upstream will say why */
		lane_done(lane);
		return letter_failed(l, lane);
	}
	if (o == DONE_REFUSED)
		return letter_refuse(l, 550, "5.7.5 Letterlock did not send "
		                     "this: %s. Switch its own encryption off, "
		                     "then press Send again", words);
	log_note("not sent: sealing failed");
	if (o == DONE_LOCKED)
		return letter_locked(l);
	return letter_refuse(l, 451, "4.3.0 Letterlock did not send this: "
	                     "%s it failed (%s). Press Send again",
	                     l->how == GOES_SIGNED ? "signing" : "sealing",
	                     words);
}

/* All of the letter but the final dot has reached the provider. */
static int upstream_ready(struct letter *l, struct lane *lane)
{
	struct unpack u;
	struct frame f;

	if (chan_recv(&lane->upstream, &f, NULL)) {
		lane->outcome = DONE_LOST;
		snprintf(lane->text, sizeof lane->text,
		         "the connection to the provider broke");
		return letter_failed(l, lane);
	}
	if (f.type == U_READY)
		return 0;
	unpack_init(&u, &f);
	lane->outcome = (enum outcome)unpack_u32(&u);
	lane->code = unpack_u32(&u);
	unpack_str(&u, lane->text, sizeof lane->text);
	return letter_failed(l, lane);
}

/* Everybody on this lane has the letter from an earlier Send. */
static bool all_have(const struct letter *l, unsigned k)
{
	for (size_t i = 0; i < l->n; i++)
		if (letter_on_lane(l, i, k)
		    && !addrs_have(&l->have, l->to[i].addr))
			return false;
	return l->have.n > 0;
}

static void name(char list[700], size_t *n, const char *addr)
{
	size_t len = strlen(list);

	snprintf(list + len, 700 - len, "%s%s", len ? ", " : "", addr);
	++*n;
}

/* Some have it and some have not: say who, and let a second Send reach the
 * others only. */
static void part_words(struct letter *l, const bool *has)
{
	char have[700] = "", lack[700] = "", why[500] = "";
	size_t n_have = 0, n_lack = 0;
	struct addrs who = { 0 };

	for (size_t i = 0; i < l->n; i++)
		for (unsigned k = 0; k < l->lanes; k++) {
			if (!letter_on_lane(l, i, k))
				continue;
			if (has[k]) {
				name(have, &n_have, l->to[i].addr);
				addrs_add(&who, l->to[i].addr, NULL);
				continue;
			}
			name(lack, &n_lack, l->to[i].addr);
			snprintf(why, sizeof why, "%s", l->s->lane[k].text);
		}
	keeper_part_keep(&l->s->ends->keeper, l->digest, &who, NULL);
	addrs_free(&who);
	letter_refuse(l, 554, "5.0.0 %s %s this letter, %s %s not: %s says: "
	              "%.300s. Press Send again within an hour and only %s "
	              "will get it", have, n_have > 1 ? "have" : "has", lack,
	              n_lack > 1 ? "do" : "does", letter_host(l), why, lack);
}

static int commit(struct letter *l)
{
	struct lane *lane = l->s->lane;
	bool has[LANES] = { false };
	unsigned sent = 0, last = 0;
	const char *text;
	char enh[12];

	for (unsigned k = 0; k < l->lanes; k++) {
		has[k] = all_have(l, k);
		if (has[k]) {	/* closed without its final dot */
			lane_close(&lane[k]);
			l->s->lane_known[k] = false;
		} else {
			lane_tell(&lane[k], U_COMMIT, NULL, 0);
		}
	}
	for (unsigned k = 0; k < l->lanes; k++) {
		if (!has[k])
			has[k] = lane_done(&lane[k]) == 0
			         && lane[k].outcome == DONE_OK;
		sent += has[k];
		if (!has[k])
			last = k;
	}
	if (sent == l->lanes && !lane_alive(&lane[0])) {
		letter_refuse(l, 250, "2.0.0 %s has this letter", letter_host(l));
		return 0;
	}
	if (sent == l->lanes) {
		text = letter_enhanced(lane[0].text, 250, enh);
		letter_refuse(l, 250, "%s %s says: %s", enh, letter_host(l),
		              text);
		return 0;
	}
	if (sent)
		part_words(l, has);
	else
		letter_failed(l, &lane[last]);
	return -1;
}

static void lane_quit(struct smtp *s, unsigned k)
{
	chan_send(&s->lane[k].upstream, U_QUIT, NULL, 0, NULL);
	lane_close(&s->lane[k]);
	s->lane_known[k] = false;
}

/* Once sealed, sealed for ever: what is not noted is not sent. */
static int note_sealed(struct letter *l)
{
	static struct keeper_sealing to[RCPT_MAX];
	struct err e;

	if (l->how != GOES_SEALED
	    && (l->how != GOES_PASSED || l->form != FORM_SEALED))
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		to[i].addr = l->to[i].addr;
		to[i].fpr = l->to[i].fpr;
	}
	if (keeper_sealed(&l->s->ends->keeper, to, l->n, &e) == 0)
		return 0;
	if (gpg_err_code(e.code) != GPG_ERR_EIO)
		return letter_broken(l);
	return letter_refuse(l, 451, "4.3.0 Letterlock did not send this: it "
	                     "cannot write into its state folder. Is the disk "
	                     "full? Make room, then press Send again");
}

int letter_finish(struct letter *l)
{
	struct lane *lane = l->s->lane;

	for (unsigned k = 0; k < l->lanes; k++)
		if (crypt_done(l, &lane[k]) || upstream_ready(l, &lane[k]))
			return -1;
	if (note_sealed(l) || commit(l))
		return -1;
	for (unsigned k = 1; k < l->lanes; k++)
		lane_quit(l->s, k);
	return 0;
}

void letter_drop_lanes(struct letter *l)
{
	/* mime closes its ends at M_ABORT; a lane without is of no use */
	for (unsigned k = 0; k < LANES; k++) {
		lane_close(&l->s->lane[k]);
		l->s->lane_known[k] = false;
	}
}
