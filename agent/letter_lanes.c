/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lanes of a letter: one for those it is addressed to, one for each Bcc.
 * Nobody gets the final dot before every lane is ready for it. */
#include <stdio.h>
#include <string.h>

#include "agent/keeper.h"
#include "agent/letter.h"
#include "agent/log.h"
#include "crypto/idn.h"

static const char *host(const struct letter *l)
{
	return l->s->who.account->smtp.host;
}

/* The enhanced code (RFC 3463) a reply begins with moves before our words; one
 * is made from the reply's class where it has none. */
static const char *enhanced(const char *text, unsigned code, char out[12])
{
	size_t a = strspn(text, "0123456789."), dots = 0;

	for (size_t i = 0; i < a; i++)
		dots += text[i] == '.';
	if (a >= 5 && a <= 11 && dots == 2 && text[a] == ' ') {
		memcpy(out, text, a);
		out[a] = '\0';
		return text + a + 1;
	}
	snprintf(out, 12, "%u.0.0", code / 100 % 10);
	return text;
}

static int failed(struct letter *l, const struct lane *lane)
{
	unsigned code = lane->code >= 400 ? lane->code : 554;
	const char *text;
	char enh[12];

	if (lane->outcome == DONE_REFUSED || lane->outcome == DONE_DENIED) {
		text = enhanced(lane->text, code, enh);
		if (strncmp(text, "Letterlock", 10) == 0)
			return letter_refuse(l, code, "%s %s", enh, text);
		return letter_refuse(l, code, "%s %s says: %s", enh, host(l),
		                     text);
	}
	if (lane->outcome == DONE_FAILED)
		l->broken = true;
	return letter_refuse(l, 451, "4.4.2 Letterlock did not send this: %s. "
	                     "Press Send again", lane->text);
}

/* Is recipient i on this lane?  Lane 0 is for those in To and Cc; each Bcc of a
 * sealed letter has its own; a letter to Bccs only begins with the first. */
static bool on_lane(const struct letter *l, size_t i, unsigned lane)
{
	unsigned at = 0;
	bool shown = false;

	if (l->how != GOES_SEALED || !l->to[i].bcc)
		return lane == 0;
	for (size_t k = 0; k < l->n; k++)
		shown = shown || !l->to[k].bcc;
	for (size_t k = 0; k < i; k++)
		at += l->to[k].bcc;
	return lane == at + shown;
}

static unsigned count_lanes(const struct letter *l)
{
	unsigned n = 1;

	for (size_t i = 0; i < l->n; i++)
		while (n < RCPT_MAX && on_lane(l, i, n))
			n++;
	return n;
}

/* All at once. */
static int login_lanes(struct letter *l)
{
	struct smtp *s = l->s;
	unsigned n = 1;

	if (login_secret(&s->entry, &s->lane[n]))
		goto fail;
	for (; n < l->lanes; n++)
		if (lane_login_start(&s->lane[n], &s->who))
			goto fail;
	for (n = 1; n < l->lanes; n++)
		if (lane_login_end(&s->lane[n]) || !s->lane[n].logged_in)
			goto fail;
	login_end(&s->entry, &s->lane[1]);
	return 0;
fail:
	login_end(&s->entry, &s->lane[n]);
	return failed(l, &s->lane[n]);
}

int letter_open_lanes(struct letter *l)
{
	struct smtp *s = l->s;

	l->lanes = count_lanes(l);
	if (l->lanes > s->conf->max_bcc + 1 || l->lanes > LANES) {
		l->lanes = 1;
		return letter_refuse(l, 452, "4.5.3 Letterlock did not send "
		                     "this: at most %u people can be in Bcc "
		                     "of one sealed letter", s->conf->max_bcc);
	}
	for (unsigned i = 1; i < l->lanes; i++)
		if (smtp_lane_open(s, i))
			return failed(l, &s->lane[i]);
	return l->lanes > 1 ? login_lanes(l) : 0;
}

static unsigned command(const struct letter *l)
{
	switch (l->how) {
	case GOES_SEALED: return C_SEAL;
	case GOES_SIGNED: return C_SIGN;
	case GOES_PASSED: return l->form == FORM_SMIME ? C_CLEAR : C_PASS;
	case GOES_CLEAR: break;
	}
	return C_CLEAR;
}

static int go_lane(struct letter *l, unsigned k)
{
	struct chan *crypt = &l->s->lane[k].crypt;
	unsigned type = command(l);
	uint32_t n = 0;
	struct pack p;

	pack_init(&p);
	if (type == C_SEAL)
		pack_u32(&p, l->signs);
	if (type != C_CLEAR)
		pack_u32(&p, l->s->who.index);
	if (type == C_SEAL || type == C_PASS) {
		for (size_t i = 0; i < l->n; i++)
			n += on_lane(l, i, k);
		pack_u32(&p, n);
		for (size_t i = 0; i < l->n; i++)
			if (on_lane(l, i, k))
				pack_str(&p, l->to[i].addr);
	}
	return pack_send(&p, crypt, type, NULL);
}

/* mime and crypt may begin while the provider still hears the envelope. */
int letter_go(struct letter *l)
{
	char from[ADDR_MAX + 1];
	struct pack p;

	pack_init(&p);
	pack_u32(&p, l->lanes);
	pack_u32(&p, l->how);
	/* for a Message-ID, which must be ASCII */
	pack_str(&p, addr_to_ascii(l->from.addr[0], from)
	             ? strrchr(from, '@') + 1 : "localhost");
	for (unsigned k = 0; k < l->lanes; k++)
		if (go_lane(l, k))
			goto broken;
	if (pack_send(&p, &l->s->ends->mime, M_GO, NULL) == 0)
		return 0;
broken:
	return letter_broken(l);
}

/* Of a sealed letter only the lanes with such addresses (RFC 6531). */
static bool needs_utf8(const struct letter *l, unsigned k)
{
	bool wide = l->utf8 || idn_is_wide(l->s->from);

	for (size_t i = 0; i < l->n; i++)
		wide = wide || (on_lane(l, i, k) && idn_is_wide(l->to[i].addr));
	return wide;
}

static int envelope_from(struct letter *l, unsigned k)
{
	bool ours = l->how == GOES_SEALED || l->how == GOES_SIGNED;
	struct lane *lane = &l->s->lane[k];
	struct pack p;

	pack_init(&p);
	pack_str(&p, l->s->from);
	/* what we seal or sign is ASCII (O14); what comes as it is may have more
	 * than the client said, and upstream sees to it where the provider can't */
	pack_u32(&p, (!ours && lane->has & HAS_8BIT ? MAIL_8BIT : 0)
	         | (needs_utf8(l, k) ? MAIL_UTF8 : 0));
	pack_u64(&p, ours ? 0 : l->s->size);
	if (lane_ask(lane, U_MAIL, &p) || lane->outcome != DONE_OK)
		return failed(l, lane);
	return 0;
}

/* Every recipient is tried, so that the answer can name all those refused. */
static int envelope_to(struct letter *l, unsigned k)
{
	struct lane *lane = &l->s->lane[k];
	char refused[1200] = "";
	unsigned code = 0;
	struct pack p;
	size_t len;

	for (size_t i = 0; i < l->n; i++) {
		if (!on_lane(l, i, k))
			continue;
		pack_init(&p);
		pack_str(&p, l->to[i].addr);
		if (lane_ask(lane, U_RCPT, &p))
			return failed(l, lane);
		if (lane->outcome == DONE_OK)
			continue;
		if (lane->outcome != DONE_REFUSED)
			return failed(l, lane);
		if (lane->code > code)
			code = lane->code;
		len = strlen(refused);
		snprintf(refused + len, sizeof refused - len, "%s%s: %s",
		         len ? "; " : "", l->to[i].addr, lane->text);
	}
	if (!code)
		return 0;
	return letter_refuse(l, code, "%c.1.1 Letterlock did not send this to "
	                     "anybody. %s says: %s", code >= 500 ? '5' : '4',
	                     host(l), refused);
}

int letter_envelope(struct letter *l)
{
	for (unsigned k = 0; k < l->lanes; k++)
		if (envelope_from(l, k) || envelope_to(l, k))
			return -1;
	return 0;
}

int letter_data(struct letter *l)
{
	struct lane *lane = l->s->lane;

	for (unsigned k = 0; k < l->lanes; k++)
		if (lane_tell(&lane[k], U_DATA, NULL, 0))
			return failed(l, &lane[k]);
	for (unsigned k = 0; k < l->lanes; k++)
		if (lane_done(&lane[k]) || lane[k].outcome != DONE_OK)
			return failed(l, &lane[k]);
	return 0;
}

/* ---- the end ---- */

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
		return failed(l, lane);
	}
	if (o == DONE_REFUSED)
		return letter_refuse(l, 550, "5.7.5 Letterlock did not send "
		                     "this: %s. Switch its own encryption off, "
		                     "then press Send again", words);
	log_note("not sent: sealing failed");
	if (o == DONE_LOCKED)
		return letter_refuse(l, 451, "4.7.0 Letterlock did not send "
		                     "this: your key is locked. Unlock it "
		                     "with the Letterlock button or: "
		                     "letterlock unlock. Then press Send "
		                     "again");
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
		return failed(l, lane);
	}
	if (f.type == U_READY)
		return 0;
	unpack_init(&u, &f);
	lane->outcome = (enum outcome)unpack_u32(&u);
	lane->code = unpack_u32(&u);
	unpack_str(&u, lane->text, sizeof lane->text);
	return failed(l, lane);
}

/* Everybody on this lane has the letter from an earlier Send. */
static bool all_have(const struct letter *l, unsigned k)
{
	for (size_t i = 0; i < l->n; i++)
		if (on_lane(l, i, k) && !addrs_have(&l->have, l->to[i].addr))
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
			if (!on_lane(l, i, k))
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
	              n_lack > 1 ? "do" : "does", host(l), why, lack);
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
		letter_refuse(l, 250, "2.0.0 %s has this letter", host(l));
		return 0;
	}
	if (sent == l->lanes) {
		text = enhanced(lane[0].text, 250, enh);
		letter_refuse(l, 250, "%s %s says: %s", enh, host(l), text);
		return 0;
	}
	if (sent)
		part_words(l, has);
	else
		failed(l, &lane[last]);
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
	struct chan *keeper = &l->s->ends->keeper;
	struct err e;

	if (l->how != GOES_SEALED
	    && (l->how != GOES_PASSED || l->form != FORM_SEALED))
		return 0;
	for (size_t i = 0; i < l->n; i++) {
		if (l->to[i].sealed_before
		    || keeper_sealed(keeper, l->to[i].addr, &e) == 0)
			continue;
		if (gpg_err_code(e.code) != GPG_ERR_EIO)
			return letter_broken(l);
		return letter_refuse(l, 451, "4.3.0 Letterlock did not send "
		                     "this: it cannot write into its state "
		                     "folder. Is the disk full? Make room, "
		                     "then press Send again");
	}
	return 0;
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
