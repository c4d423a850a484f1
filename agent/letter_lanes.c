/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The lanes of a letter: one for those it is addressed to, one for each Bcc;
 * and its envelope on each. */
#include <stdio.h>
#include <string.h>

#include "agent/letter.h"
#include "crypto/idn.h"

const char *letter_host(const struct letter *l)
{
	return l->s->who.account->smtp.host;
}

const char *letter_enhanced(const char *text, unsigned code, char out[12])
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

int letter_failed(struct letter *l, const struct lane *lane)
{
	unsigned code = lane->code >= 400 ? lane->code : 554;
	const char *text;
	char enh[12];

	if (lane->outcome == DONE_REFUSED || lane->outcome == DONE_DENIED) {
		text = letter_enhanced(lane->text, code, enh);
		if (strncmp(text, "Letterlock", 10) == 0)
			return letter_refuse(l, code, "%s %s", enh, text);
		return letter_refuse(l, code, "%s %s says: %s", enh,
		                     letter_host(l), text);
	}
	if (lane->outcome == DONE_FAILED)
		l->broken = true;
	return letter_refuse(l, 451, "4.4.2 Letterlock did not send this: %s. "
	                     "Press Send again", lane->text);
}

bool letter_on_lane(const struct letter *l, size_t i, unsigned lane)
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
		while (n < RCPT_MAX && letter_on_lane(l, i, n))
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
	return letter_failed(l, &s->lane[n]);
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
			return letter_failed(l, &s->lane[i]);
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

/* Our key goes along with a letter from one person. */
static int go_from(struct letter *l, struct chan *crypt)
{
	struct pack p;

	if (!l->s->who.account->autocrypt || l->from.n != 1)
		return 0;
	pack_init(&p);
	pack_u32(&p, l->s->who.index);
	pack_str(&p, l->from.addr[0]);
	return pack_send(&p, crypt, C_FROM, NULL);
}

/* And with one that is sealed for several those of all who are named in it, who
 * can then answer all: never of a Bcc, and on each Bcc's lane too. */
static int go_gossip(struct letter *l, struct chan *crypt)
{
	struct pack p;
	uint32_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += !l->to[i].bcc;
	if (!l->s->who.account->autocrypt || l->how != GOES_SEALED || n < 2
	    || n > GOSSIP_PEOPLE_MAX)
		return 0;
	pack_init(&p);
	pack_u32(&p, n);
	for (size_t i = 0; i < l->n; i++)
		if (!l->to[i].bcc)
			pack_str(&p, l->to[i].addr);
	return pack_send(&p, crypt, C_GOSSIP, NULL);
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
			n += letter_on_lane(l, i, k);
		pack_u32(&p, n);
		for (size_t i = 0; i < l->n; i++)
			if (letter_on_lane(l, i, k))
				pack_str(&p, l->to[i].addr);
	}
	if (go_from(l, crypt) || go_gossip(l, crypt))
		return -1;
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
		wide = wide || (letter_on_lane(l, i, k)
		                && idn_is_wide(l->to[i].addr));
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
		return letter_failed(l, lane);
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
		if (!letter_on_lane(l, i, k))
			continue;
		pack_init(&p);
		pack_str(&p, l->to[i].addr);
		if (lane_ask(lane, U_RCPT, &p))
			return letter_failed(l, lane);
		if (lane->outcome == DONE_OK)
			continue;
		if (lane->outcome != DONE_REFUSED)
			return letter_failed(l, lane);
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
	                     letter_host(l), refused);
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
			return letter_failed(l, &lane[k]);
	for (unsigned k = 0; k < l->lanes; k++)
		if (lane_done(&lane[k]) || lane[k].outcome != DONE_OK)
			return letter_failed(l, &lane[k]);
	return 0;
}
