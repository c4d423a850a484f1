/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What becomes of a letter: what mime finds in its header block, what keeper
 * and crypt know of its recipients, and what policy says to that. */
#include "agent/keeper.h"
#include "agent/letter.h"
#include "agent/recipients.h"
#include "crypto/idn.h"
#include "crypto/smime.h"
#include "crypto/utf8.h"

/* ---- what mime finds in it ---- */

int letter_take_fact(struct letter *l, const struct frame *f)
{
	char addr[ADDR_MAX + 1], words[1000];
	uint32_t field, code;
	struct unpack u;

	unpack_init(&u, f);
	switch (f->type) {
	case M_ADDR:
		field = unpack_u32(&u);
		unpack_str(&u, addr, sizeof addr);
		if (!unpack_end(&u)
		    || addrs_add(field == FIELD_FROM ? &l->from : &l->shown,
		                 addr, NULL))
			return letter_broken(l);
		return 0;
	case M_ANSWERS:
		unpack_str(&u, words, sizeof words);
		if (!unpack_end(&u) || l->wishes.answers_sealed)
			return u.bad ? letter_broken(l) : 0;
		if (keeper_did_come(&l->s->ends->keeper, words,
		                    &l->wishes.answers_sealed, NULL))
			return letter_broken(l);
		return 0;
	case M_FACTS:
		code = unpack_u32(&u);
		l->code = code > 9999 ? -1 : (int)code;
		l->wishes.encrypt = (enum wish)unpack_u32(&u);
		l->sign = (enum wish)unpack_u32(&u);
		l->form = (enum form)unpack_u32(&u);
		unpack_str(&u, l->id, sizeof l->id);
		return unpack_end(&u) ? 0 : letter_broken(l);
	case M_FORM:
		l->form = (enum form)unpack_u32(&u);
		return unpack_end(&u) ? 0 : letter_broken(l);
	case M_UNFIT:
		l->unfit = unpack_u32(&u);
		unpack_str(&u, l->unfit_words, sizeof l->unfit_words);
		return unpack_end(&u) ? 0 : letter_broken(l);
	case M_BAD:
		code = unpack_u32(&u);
		unpack_str(&u, words, sizeof words);
		return letter_refuse(l, code, "%s", words);
	}
	return letter_broken(l);
}

static int ask_mime(struct letter *l)
{
	struct chan *mime = &l->s->ends->mime;
	struct frame f;

	l->at_mime = true;
	chan_sink_init(&l->to_mime, mime, M_DATA);
	if (chan_send(mime, M_LETTER, NULL, 0, NULL)
	    || sink_put(&l->to_mime.sink, l->head.buf, l->head_len, NULL)
	    || chan_sink_flush(&l->to_mime, NULL)
	    || chan_send(mime, M_HEADER_END, NULL, 0, NULL))
		return letter_broken(l);
	do {
		if (chan_recv(mime, &f, NULL))
			return letter_broken(l);
		if (letter_take_fact(l, &f))
			return -1;
	} while (f.type != M_FACTS);
	return 0;
}

static int check_from(struct letter *l)
{
	if (l->from.n != 1)
		return letter_refuse(l, 550, "5.6.0 Letterlock did not send "
		                     "this: it must say exactly one sender "
		                     "in From");
	if (!account_owns(l->s->who.account, l->from.addr[0]))
		return letter_refuse(l, 550, "5.7.1 Letterlock did not send "
		                     "this: %s is not an address of this "
		                     "account. Add it to aliases in the "
		                     "configuration if it is yours",
		                     l->from.addr[0]);
	return 0;
}

/* ---- the decision ---- */

/* The keys, or why one that is there can't be used now: the letter does not go. */
static int ask_keys(struct letter *l, enum key_state *own)
{
	struct chan *crypt = &l->s->lane[0].crypt;
	struct err e = { .code = 0 };

	if (recipients_ask_keys(crypt, l->s->who.index, l->to, l->n, &e) == 0
	    && recipients_take_keys(crypt, l->to, l->n, own, &e) == 0)
		return 0;
	if (gpg_err_code(e.code) != GPG_ERR_NO_PUBKEY)
		return letter_broken(l);
	return letter_refuse(l, 451, "4.3.0 Letterlock did not send this: %s. "
	                     "Press Send again", e.text);
}

static int know_recipients(struct letter *l, enum key_state *own)
{
	struct smtp *s = l->s;
	struct chan *keeper = &s->ends->keeper;

	l->n = s->to.n;
	for (size_t i = 0; i < l->n; i++) {
		l->to[i].addr = s->to.addr[i];
		l->to[i].bcc = !addrs_have(&l->shown, l->to[i].addr);
	}
	if (recipients_know(s->conf, s->who.account, keeper, l->to, l->n, NULL)
	    || recipients_code(keeper, l->to, l->n, l->code, &l->wishes, NULL))
		return letter_broken(l);
	return ask_keys(l, own);
}

/* What is sealed by S/MIME goes as it is, whatever keys there are. */
static int look_up_keys(struct letter *l, enum key_state *own)
{
	bool found;

	if (l->form == FORM_SMIME)
		return 0;
	if (recipients_look_up(l->s->conf, &l->s->ends->keeper, LOOKUP_WAIT, l->to,
	                       l->n, &l->wishes, &found, NULL))
		return letter_broken(l);
	return found ? ask_keys(l, own) : 0;
}

static int refuse_own_key(struct letter *l, enum key_state own)
{
	char words[POLICY_WORDS_MAX];

	policy_refuse_own(own, l->from.addr[0], words);
	return letter_refuse(l, 550, "5.7.5 %s", words);
}

/* The label of S/MIME is worth nothing before the body was seen (O24). */
static int look_inside(struct letter *l)
{
	struct chan *mime = &l->s->ends->mime;
	struct frame f;
	size_t n;

	if (l->form != FORM_SMIME)
		return 0;
	if (letter_take_more(l, SMIME_HEAD_MAX))
		return -1;
	n = l->head.len - l->head_len;
	if (n > SMIME_HEAD_MAX)
		n = SMIME_HEAD_MAX;
	if (chan_send(mime, M_BEGINS, l->head.buf + l->head_len, n, NULL)
	    || chan_expect(mime, M_FORM, &f, NULL))
		return letter_broken(l);
	return letter_take_fact(l, &f);
}

/* The client has sealed it: as it is, or not at all.  It names all its readers,
 * so none of them may be hidden. */
static int pass(struct letter *l)
{
	l->how = GOES_PASSED;
	for (size_t i = 0; i < l->n; i++)
		if (l->to[i].bcc)
			return letter_refuse(l, 550, "5.7.5 Letterlock did not "
			                     "send this: your mail program "
			                     "sealed it, which shows everybody "
			                     "who is in Bcc. Switch its own "
			                     "encryption off, then press Send "
			                     "again");
	return 0;
}

static int go_own(struct letter *l, enum going how, enum key_state own)
{
	l->how = how;
	if (l->unfit)
		return letter_refuse(l, l->unfit, "%s", l->unfit_words);
	if (own != KEY_USABLE)
		return refuse_own_key(l, own);
	return l->signs ? letter_warm(l) : 0;
}

static int decide(struct letter *l)
{
	char words[POLICY_WORDS_MAX];
	enum key_state own = KEY_NONE;
	enum decision d;

	if (ask_mime(l) || check_from(l) || know_recipients(l, &own)
	    || look_inside(l) || look_up_keys(l, &own))
		return -1;
	d = policy_decide(l->to, l->n, &l->wishes, words);
	l->signs = policy_signs(l->s->who.account, l->sign, d == SEND_SEALED);
	if (d == SEND_CLEAR && (l->form != FORM_OTHER || !l->signs))
		return 0;	/* never signed twice */
	if (d == SEND_CLEAR)
		return go_own(l, GOES_SIGNED, own);
	if (l->form == FORM_SMIME
	    || (l->form == FORM_SEALED && d == SEND_SEALED))
		return pass(l);
	if (d == SEND_REFUSED)
		return letter_refuse(l, 550, "5.7.5 %s", words);
	return go_own(l, GOES_SEALED, own);
}

/* ---- beyond ASCII ---- */

static bool envelope_wide(const struct smtp *s)
{
	bool wide = idn_is_wide(s->from);

	for (size_t i = 0; i < s->to.n; i++)
		wide = wide || idn_is_wide(s->to.addr[i]);
	return wide;
}

static bool has_8bit(const char *p, size_t n)
{
	unsigned char any = 0;

	while (n--)
		any |= (unsigned char)*p++;
	return any & 0x80;
}

/* A header block that is not touched, and was announced as UTF-8 (RFC 6531
 * section 3.2).  One that was not goes up as 8-bit text, as it always has: most
 * servers take that, and fewer know SMTPUTF8. */
static int check_header(struct letter *l)
{
	bool ours = l->how == GOES_SEALED || l->how == GOES_SIGNED;

	if (ours || !l->s->utf8 || !has_8bit(l->head.buf, l->head_len))
		return 0;
	l->utf8 = true;
	if (utf8_ok(l->head.buf, l->head_len))
		return 0;
	return letter_refuse(l, 554, "5.6.0 Letterlock did not send this: its "
	                     "header has letters other than a to z, digits "
	                     "and signs that are not UTF-8, though your mail "
	                     "program says so. Have it write encoded words, "
	                     "or seal the letter");
}

/* What needs SMTPUTF8 goes only where the provider has it (O14). */
static int check_utf8(struct letter *l)
{
	bool wide = envelope_wide(l->s);

	if (check_header(l))
		return -1;
	if (l->s->lane[0].has & HAS_UTF8 || (!wide && !l->utf8))
		return 0;
	return letter_refuse(l, 550, "5.6.7 Letterlock did not send this: %s "
	                     "takes no %s with letters other than a to z, "
	                     "digits and signs%s",
	                     l->s->who.account->smtp.host,
	                     wide ? "addresses" : "header",
	                     wide ? " before the @. Use another address, then "
	                            "press Send again"
	                     : ". Have your mail program write encoded words, "
	                       "or seal the letter");
}

int letter_decide(struct letter *l)
{
	return decide(l) || check_utf8(l) ? -1 : 0;
}
