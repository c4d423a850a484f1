/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock seal: a letter from standard input, sealed or only signed, to standard
 * output. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/cmd.h"
#include "agent/recipients.h"
#include "agent/rig.h"
#include "agent/smtp.h"
#include "crypto/crlf.h"
#include "crypto/header.h"

static const char usage[] =
"Usage: letterlock seal [-c FILE] [-n | -s] [-r ADDRESS]... < letter > sealed\n"
"Signs and encrypts a letter (RFC 5322) as the agent would when you send it.\n"
"\n"
"  -r, --recipient ADDRESS  for whom; may be repeated (default: all in To and\n"
"                           Cc).  Your own key is always among them\n"
"  -n, --no-sign            encrypt without signing\n"
"  -s, --sign-only          sign, and leave it readable for all\n"
"  -c, --config FILE        the configuration (default:\n"
"                           $XDG_CONFIG_HOME/letterlock/letterlock.conf)\n"
"  -h, --help               this text\n"
"\n"
"Only an exit status of 0 means that what was written is whole.\n";

struct job {
	struct rig rig;
	struct membuf letter;	/* the header block and what came with it */
	size_t head_len;
	struct crlf crlf;
	struct chan_sink to_mime;
	struct addrs from, to;
	bool no_sign, sign_only;
};

static int fail(struct err *e, gpg_err_code_t code, const char *words)
{
	return err_set(e, gpg_error(code), "%s", words);
}

/* ---- standard input ---- */

/* 1: more was taken, 0: the end, -1. */
static int take_some(struct job *j, struct err *e)
{
	static char buf[64 << 10];
	ssize_t n = read(STDIN_FILENO, buf, sizeof buf);

	if (n < 0)
		return err_errno(e, "standard input");
	if (n == 0)
		return crlf_end(&j->crlf, e);
	return sink_put(&j->crlf.sink, buf, (size_t)n, e) ? -1 : 1;
}

static int take_header(struct job *j, struct err *e)
{
	size_t from = 0;
	int r = 1;

	membuf_init(&j->letter, HEADER_MAX + (256 << 10));
	crlf_init(&j->crlf, &j->letter.sink);
	while (r == 1 && j->head_len == 0) {
		r = take_some(j, e);
		if (j->letter.len)
			j->head_len = header_span(j->letter.buf,
			                          j->letter.len, &from);
	}
	if (r == 0 && j->head_len == 0) {
		if (sink_put(&j->letter.sink, "\r\n", 2, e))
			return -1;
		j->head_len = j->letter.len;
	}
	return r == -1 ? -1 : 0;
}

static void addrs_of(const struct header *h, const char *name,
                     struct addrs *list)
{
	const struct field *f;
	char *text;

	for (size_t i = 0; (f = header_get(h, name, i)); i++)
		if ((text = field_text(f))) {
			addrs_parse(list, text, NULL);
			free(text);
		}
}

static int take_addresses(struct job *j, struct err *e)
{
	bool given = j->to.n > 0;
	struct header h = { 0 };
	int rc = header_cut(&h, j->letter.buf, j->head_len, e);

	if (rc == 0) {
		addrs_of(&h, "From", &j->from);
		if (!given) {
			addrs_of(&h, "To", &j->to);
			addrs_of(&h, "Cc", &j->to);
		}
	}
	header_free(&h);
	if (rc == 0 && j->from.n != 1)
		rc = fail(e, GPG_ERR_INV_VALUE,
		          "the letter must say exactly one sender in From");
	if (rc == 0 && j->sign_only)
		addrs_free(&j->to);	/* it is for all */
	else if (rc == 0 && (j->to.n == 0 || j->to.n > RCPT_MAX))
		rc = fail(e, GPG_ERR_INV_VALUE,
		          "the letter names nobody in To or Cc (see -r), or "
		          "too many");
	return rc;
}

/* ---- what front would ask ---- */

/* M_BAD, M_UNFIT: why it can't go. */
static int take_bad(const struct frame *f, struct err *e)
{
	char words[900];
	struct unpack u;

	unpack_init(&u, f);
	unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	return fail(e, GPG_ERR_INV_VALUE, words);
}

static int ask_mime(struct job *j, struct err *e)
{
	struct chan *mime = &j->rig.to_mime;
	struct frame f;

	chan_sink_init(&j->to_mime, mime, M_DATA);
	if (chan_send(mime, M_LETTER, NULL, 0, e)
	    || sink_put(&j->to_mime.sink, j->letter.buf, j->head_len, e)
	    || chan_sink_flush(&j->to_mime, e)
	    || chan_send(mime, M_HEADER_END, NULL, 0, e))
		return -1;
	do {
		if (chan_recv(mime, &f, e))
			return -1;
		if (f.type == M_BAD || f.type == M_UNFIT)
			return take_bad(&f, e);
	} while (f.type != M_FACTS);
	return 0;
}

/* One C_DONE: 0 when it was fine. */
static int take_done(struct job *j, struct err *e)
{
	char words[500];
	struct unpack u;
	struct frame f;
	enum outcome o;

	if (chan_expect(&j->rig.to_crypt, C_DONE, &f, e))
		return -1;
	unpack_init(&u, &f);
	o = (enum outcome)unpack_u32(&u);
	unpack_str(&u, words, sizeof words);
	if (o == DONE_OK)
		return 0;
	return fail(e, o == DONE_LOCKED ? GPG_ERR_CANCELED : GPG_ERR_GENERAL,
	            o == DONE_LOCKED ? "your key is locked" : words);
}

static void pack_people(struct job *j, struct pack *p)
{
	pack_u32(p, (uint32_t)j->to.n);
	for (size_t i = 0; i < j->to.n; i++)
		pack_str(p, j->to.addr[i]);
}

static int check_keys(struct job *j, uint32_t account, struct err *e)
{
	static const char *const why[] = {
		[KEY_NONE] = "no key is known", [KEY_EXPIRED] = "the key ended",
		[KEY_UNUSABLE] = "the key is revoked or can't encrypt",
		[KEY_AMBIGUOUS] = "there are several keys, none checked",
		[KEY_CHANGED] = "there is a new key, which nobody has checked"
	};
	static struct recipient to[RCPT_MAX];
	struct chan *crypt = &j->rig.to_crypt;
	enum key_state own;

	for (size_t i = 0; i < j->to.n; i++)
		to[i].addr = j->to.addr[i];
	if (recipients_ask_keys(crypt, account, to, j->to.n, e)
	    || recipients_take_keys(crypt, to, j->to.n, &own, e))
		return -1;
	if (own != KEY_USABLE)
		return err_set(e, gpg_error(GPG_ERR_NO_SECKEY), "there is no "
		               "usable key of your own for %s",
		               j->from.addr[0]);
	for (size_t i = 0; i < j->to.n; i++)
		if (to[i].state != KEY_USABLE && to[i].state <= KEY_CHANGED)
			return err_set(e, gpg_error(GPG_ERR_NO_PUBKEY),
			               "%s cannot read sealed letters: %s",
			               j->to.addr[i], why[to[i].state]);
	return 0;
}

static int begin(struct job *j, struct err *e)
{
	const struct account *a = conf_account(&j->rig.conf, j->from.addr[0]);
	uint32_t account = (uint32_t)(a - j->rig.conf.account);
	struct pack p;

	if (check_keys(j, account, e))
		return -1;
	if (!j->no_sign) {
		pack_init(&p);
		pack_u32(&p, account);
		pack_u32(&p, ASK_SIGN);
		if (pack_send(&p, &j->rig.to_crypt, C_WARM, e)
		    || take_done(j, e))
			return -1;
	}
	pack_init(&p);
	pack_u32(&p, account);
	pack_str(&p, j->from.addr[0]);
	if (a->autocrypt && pack_send(&p, &j->rig.to_crypt, C_FROM, e))
		return -1;
	pack_init(&p);
	if (!j->sign_only)
		pack_u32(&p, !j->no_sign);
	pack_u32(&p, account);
	if (!j->sign_only)
		pack_people(j, &p);
	if (pack_send(&p, &j->rig.to_crypt, j->sign_only ? C_SIGN : C_SEAL, e))
		return -1;
	pack_init(&p);
	pack_u32(&p, 1);
	pack_u32(&p, j->sign_only ? GOES_SIGNED : GOES_SEALED);
	pack_str(&p, strrchr(j->from.addr[0], '@') + 1);
	return pack_send(&p, &j->rig.to_mime, M_GO, e);
}

/* ---- the letter ---- */

/* A process that writes what comes out of the pipe: 0 when it was whole. */
static pid_t writer_start(struct job *j)
{
	pid_t pid = fork();
	struct frame f;

	if (pid)
		return pid;
	chan_close(&j->rig.to_mime);
	chan_close(&j->rig.to_crypt);
	while (chan_recv(&j->rig.pipe, &f, NULL) == 0) {
		if (f.type == P_END)
			_exit(fflush(stdout) ? EX_IOERR : 0);
		if (f.type != P_DATA
		    || fwrite(f.data, 1, f.len, stdout) != f.len)
			break;
	}
	_exit(EX_IOERR);
}

static int pass_body(struct job *j, struct err *e)
{
	struct frame f;
	int r;

	if (sink_put(&j->to_mime.sink, j->letter.buf + j->head_len,
	             j->letter.len - j->head_len, e))
		return -1;
	j->crlf.out = &j->to_mime.sink;
	while ((r = take_some(j, e)) == 1)
		;
	if (r || chan_sink_flush(&j->to_mime, e)
	    || chan_send(&j->rig.to_mime, M_END, NULL, 0, e)
	    || chan_recv(&j->rig.to_mime, &f, e))
		return -1;
	if (f.type == M_BAD)
		return take_bad(&f, e);
	return f.type == M_END ? take_done(j, e)
	       : fail(e, GPG_ERR_BAD_DATA, "a part of the agent went wrong");
}

static int seal(struct job *j, struct err *e)
{
	int status = -1, rc;
	pid_t writer;

	if (ask_mime(j, e) || begin(j, e))
		return -1;
	if ((writer = writer_start(j)) < 0)
		return err_errno(e, "fork");
	chan_close(&j->rig.pipe);
	rc = pass_body(j, e);
	if (rc)
		rig_stop(&j->rig);	/* the writer must not wait */
	waitpid(writer, &status, 0);
	if (rc == 0 && status != 0)
		rc = fail(e, GPG_ERR_EIO, "standard output");
	return rc;
}

static int exit_code(const struct err *e)
{
	switch (gpg_err_code(e->code)) {
	case GPG_ERR_NO_PUBKEY: case GPG_ERR_NO_SECKEY: return EX_NOUSER;
	case GPG_ERR_INV_VALUE: return EX_DATAERR;
	case GPG_ERR_CONFIGURATION: return EX_CONFIG;
	case GPG_ERR_CANCELED: return EX_TEMPFAIL;
	case GPG_ERR_EIO: return EX_IOERR;
	default: return EX_SOFTWARE;
	}
}

int cmd_seal(int argc, char **argv)
{
	static const struct option opts[] = {
		{ "recipient", required_argument, NULL, 'r' },
		{ "no-sign", no_argument, NULL, 'n' },
		{ "sign-only", no_argument, NULL, 's' },
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	static struct job j;
	const char *config = NULL;
	struct err e = { .text = "out of memory" };
	int c, rc = -1;

	while ((c = getopt_long(argc, argv, "r:nsc:h", opts, NULL)) != -1)
		switch (c) {
		case 'r':
			if (!addr_ok(optarg) || addrs_add(&j.to, optarg, &e)) {
				fprintf(stderr, "letterlock seal: %s is no "
				        "address\n", optarg);
				return EX_USAGE;
			}
			break;
		case 'n': j.no_sign = true; break;
		case 's': j.sign_only = true; break;
		case 'c': config = optarg; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs(usage, stderr); return EX_USAGE;
		}
	if (optind < argc || (j.no_sign && j.sign_only)) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	if (take_header(&j, &e) == 0 && take_addresses(&j, &e) == 0
	    && rig_start(&j.rig, config, j.from.addr[0], SESSION_SMTP,
	                 &e) == 0) {
		rc = seal(&j, &e);
		rig_stop(&j.rig);
	}
	if (rc)
		fprintf(stderr, "letterlock seal: %s\n", e.text);
	membuf_free(&j.letter);
	addrs_free(&j.from);
	addrs_free(&j.to);
	return rc ? exit_code(&e) : 0;
}
