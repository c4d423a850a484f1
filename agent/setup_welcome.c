/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The welcome letter: to oneself through the agent and the provider, and back; what
 * the provider saw of it beside what is read. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sysexits.h>
#include <time.h>

#include "agent/cert_file.h"
#include "agent/demo_letter.h"
#include "agent/demo_screen.h"
#include "agent/file.h"
#include "agent/setup_end.h"
#include "crypto/header.h"
#include "crypto/verdict.h"

enum {
	LETTER_MAX = 64 << 10,		/* octets of ours, sealed too */
	LINES_SHOWN = 12,
	CONNECT_SECONDS = 20,
	LOCAL_SECONDS = 180,		/* a passphrase may be asked for */
	ID_MAX = 64 + ADDR_MAX
};

#define WELCOME_SUBJECT "Welcome to Letterlock"

struct welcome {
	const struct setup *s;
	char id[ID_MAX];
	char *ca;			/* our own authority's file, or NULL */
	char local[2][SETUP_SERVER_MAX];	/* the agent, by session_kind */
};

static const char text[] =
"Welcome!\r\n"
"\r\n"
"This letter went to your provider and back, sealed for your key.\r\n"
"Your provider saw that you wrote to yourself, and when. It could\r\n"
"read neither these lines nor the subject.\r\n"
"\r\n"
"What to do now:\r\n"
"\r\n"
"* Write as always. A letter goes sealed when the keys of all who\r\n"
"  get it are known. Where one is missing you are told before\r\n"
"  anything is sent, and how it goes readable this once.\r\n"
"* Your own key goes along with what you write. Whose mail program\r\n"
"  understands Autocrypt can answer sealed from then on.\r\n"
"* Letterlock says of each letter that you fetch whether it came\r\n"
"  sealed, and who signed it. In Thunderbird its add-on shows that:\r\n"
"      letterlock thunderbird install\r\n"
"* Without your key sealed letters stay closed for ever, for you as\r\n"
"  well. Keep a copy:\r\n"
"      letterlock backup FILE\r\n"
"* When something is not well:\r\n"
"      letterlock doctor\r\n"
"\r\n"
"Keep this letter or delete it, as you like.\r\n"
"\r\n"
"Letterlock, on your own computer\r\n";

/* ---- the letter ---- */

static int make_id(struct welcome *w)
{
	unsigned char r[12];
	int n = 0;

	if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
		return -1;
	w->id[n++] = '<';
	for (size_t i = 0; i < sizeof r; i++)
		n += snprintf(w->id + n, sizeof w->id - (size_t)n, "%02x", r[i]);
	snprintf(w->id + n, sizeof w->id - (size_t)n, "@%s>", w->s->domain);
	return 0;
}

/* It asks to be sealed, whatever the policy is: else it is refused. */
static int write_letter(const struct welcome *w, struct membuf *m, struct err *e)
{
	const time_t now = time(NULL);
	char date[64];
	struct tm tm;

	if (!gmtime_r(&now, &tm)
	    || !strftime(date, sizeof date, "%a, %d %b %Y %T +0000", &tm))
		return err_set(e, GPG_ERR_INV_TIME, "what time is it?");
	return membuf_printf(m, e,
		"From: %s\r\nTo: %s\r\nSubject: " WELCOME_SUBJECT "\r\n"
		"Date: %s\r\nMessage-ID: %s\r\n"
		"X-Letterlock: encrypt=yes; sign=yes\r\n"
		"MIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=us-ascii\r\n\r\n%s",
		w->s->address, w->s->address, date, w->id, text);
}

/* ---- how to reach the agent ---- */

/* As a mail program on this computer does: the first that one can log in at. */
static bool place(const struct listen *l, unsigned n, char out[SETUP_SERVER_MAX])
{
	static const char *const how[] = { [LOCAL_OFFERED] = "plaintext",
		[LOCAL_STARTTLS] = "starttls", [LOCAL_TLS] = "tls" };
	const struct sockaddr_in *in;
	char host[INET_ADDRSTRLEN];

	for (; n; n--, l++) {
		in = (const void *)&l->addr;
		if (l->remote || in->sin_family != AF_INET || !in->sin_port)
			continue;
		inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		snprintf(out, SETUP_SERVER_MAX, "%s:%u %s", host,
		         (unsigned)ntohs(in->sin_port), how[l->tls]);
		return true;
	}
	return false;
}

/* Our own authority, which the agent's certificate is to be from; in a file, since
 * that is what an account can name. */
static char *authority(struct err *e)
{
	char *dir = conf_state_dir(e), *pem_secret = NULL, *ca = NULL;
	char *path = dir ? file_path(dir, "/authority.pem", NULL) : NULL;
	size_t len = 0, n = 0;
	int rc = path ? cert_load(dir, &pem_secret, &len, e) : -1;

	if (rc != 1 || cert_authority(pem_secret, len, false, &ca, &n, e)
	    || file_write(path, ca, n, 0644, e)) {
		free(path);
		path = NULL;
	}
	free(ca);
	cert_free(pem_secret, len);
	free(dir);
	return path;
}

static struct setup_login login_at(const struct welcome *w, const char *server,
                                   const char *ca_file, unsigned seconds)
{
	return (struct setup_login) {
		.address = w->s->address, .user = w->s->old->user,
		.server = server, .ca_file = ca_file,
		.password_secret = w->s->password_secret,
		.seconds = CONNECT_SECONDS, .reply_seconds = seconds
	};
}

static int reach(struct welcome *w, struct err *e)
{
	const struct conf *c = &w->s->conf;
	struct err unused;

	if (!place(c->submission, c->n_submission, w->local[SESSION_SMTP])
	    || (!w->s->sending_only
	        && !place(c->pop3, c->n_pop3, w->local[SESSION_POP3])))
		return err_set(e, GPG_ERR_NOT_FOUND, "letterlockd is not to be "
		               "reached on this computer");
	w->ca = authority(&unused);	/* needed by TLS alone, which says so */
	return 0;
}

/* ---- looked at ---- */

/* Printable ASCII and line ends stay: it goes to a terminal. */
static void tame(struct membuf *m)
{
	for (size_t i = 0; i + 1 < m->len; i++)
		if ((m->buf[i] < ' ' || m->buf[i] > '~') && m->buf[i] != '\n'
		    && m->buf[i] != '\r')
			m->buf[i] = '?';
}

static int put_fields(const struct header *h, const char *const *names,
                      struct membuf *out, struct err *e)
{
	const struct field *f;
	char *value;
	int rc = 0;

	for (; rc == 0 && *names; names++) {
		if (!(f = header_get(h, *names, 0)))
			continue;
		if (!(value = field_text(f)))
			return err_errno(e, "memory");
		rc = membuf_printf(out, e, "%s: %.200s\n", *names, value);
		free(value);
	}
	return rc;
}

/* The first lines of a text; the rest is in the mailbox. */
static int put_lines(const char *p, struct membuf *out, struct err *e)
{
	const char *end = p;

	for (int i = 0; i < LINES_SHOWN && *end; i++) {
		end += strcspn(end, "\n");
		end += *end == '\n';
	}
	return membuf_printf(out, e, "\n%.*s%s", (int)(end - p), p,
	                     *end ? "...\n" : "");
}

/* What counts of the letter: some fields, and how its text begins. */
static int shorten(const struct membuf *letter, const char *const *names,
                   bool cut, struct membuf *out, struct err *e)
{
	struct header h = { 0 };
	size_t from = 0, n = header_span(letter->buf, letter->len - 1, &from);
	struct membuf short_one;
	int rc;

	membuf_init(&short_one, LETTER_MAX * 2);
	rc = header_cut(&h, letter->buf, n, e)
	     || put_fields(&h, names, &short_one, e)
	     || (cut ? put_lines(letter->buf + n, &short_one, e)
	         : membuf_printf(&short_one, e, "\n%s", letter->buf + n))
	     || sink_put(&short_one.sink, "", 1, e) ? -1 : 0;
	if (rc == 0) {
		tame(&short_one);
		rc = demo_show_raw(short_one.buf, out, e);
	}
	membuf_free(&short_one);
	header_free(&h);
	return rc;
}

/* Sealed on the way, and genuine here? */
static int judge(const struct membuf *raw, const struct membuf *read,
                 struct err *e)
{
	struct header h = { 0 };
	const struct field *f;
	size_t from = 0, n = header_span(read->buf, read->len - 1, &from);
	char *status = NULL;
	int rc = -1;

	if (header_cut(&h, read->buf, n, e) == 0
	    && (f = header_get(&h, VERDICT_NAME, 0)))
		status = field_text(f);
	if (strstr(raw->buf, WELCOME_SUBJECT) || strstr(raw->buf, "Welcome!"))
		err_set(e, GPG_ERR_GENERAL, "it was readable on its way");
	else if (!status || !strstr(status, "encryption=ok")
	         || !strstr(status, "signature=good"))
		err_set(e, GPG_ERR_GENERAL, "it was not opened as it should: "
		        "%.200s", status ? status : "nothing was found in it");
	else if (strcmp(read->buf + n, text) != 0)
		err_set(e, GPG_ERR_GENERAL, "what was read is not what was "
		        "written");
	else
		rc = 0;
	free(status);
	header_free(&h);
	return rc;
}

static int show(const struct membuf *raw, const struct membuf *read,
                struct err *e)
{
	static const char *const seen[] = { "From", "To", "Date", "Subject",
	                                    "Content-Type", NULL };
	static const char *const got[] = { "From", "To", "Date", "Subject",
	                                   NULL };
	struct membuf left, right;
	int rc;

	membuf_init(&left, LETTER_MAX * 2);
	membuf_init(&right, LETTER_MAX * 2);
	rc = shorten(raw, seen, false, &left, e)
	     || shorten(read, got, true, &right, e) ? -1 : 0;
	if (rc == 0) {
		screen_init();
		screen_pair("What your provider saw", left.buf,
		            "What you read", right.buf);
	}
	membuf_free(&left);
	membuf_free(&right);
	return rc;
}

/* ---- there and back ---- */

/* Asked for again and again, ever more slowly: providers count logins. */
static int await(const struct welcome *w, const struct setup_login *l,
                 struct membuf *raw, struct err *e)
{
	const time_t until = time(NULL) + w->s->welcome_wait;
	long pause = 250;		/* ms */
	int rc;

	for (;;) {
		rc = setup_mail_fetch(l, w->id, raw, e);
		if (rc == 1)
			return 0;
		if (rc == 0)
			err_set(e, GPG_ERR_NOT_FOUND, "it is not there yet");
		if (time(NULL) >= until)
			return -1;
		membuf_free(raw);
		putchar('.');
		fflush(stdout);
		nanosleep(&(struct timespec){ .tv_sec = pause / 1000,
		          .tv_nsec = pause % 1000 * 1000000L }, NULL);
		pause = pause < 4000 ? pause * 2 : 5000;
	}
}

static int come_back(const struct welcome *w, struct err *e)
{
	char server[SETUP_SERVER_MAX];
	struct setup_login provider = login_at(w, server, w->s->old->ca_file, 0);
	struct setup_login agent = login_at(w, w->local[SESSION_POP3], w->ca,
	                                    LOCAL_SECONDS);
	struct membuf raw, read;
	int rc = -1, got;

	setup_server_text(&w->s->old->pop3, server);
	membuf_init(&raw, LETTER_MAX);
	membuf_init(&read, LETTER_MAX);
	printf("  to your provider, and back ");
	fflush(stdout);
	if (await(w, &provider, &raw, e))
		goto out;
	printf(" it is there\n  opened ... ");
	fflush(stdout);
	got = setup_mail_fetch(&agent, w->id, &read, e);
	if (got == 0)
		err_set(e, GPG_ERR_NOT_FOUND, "the agent does not find it");
	if (got == 1 && judge(&raw, &read, e) == 0) {
		printf("sealed, and signed by you\n");
		rc = show(&raw, &read, e);
	}
out:
	membuf_free(&raw);
	membuf_free(&read);
	return rc;
}

static int there(const struct welcome *w, struct err *e)
{
	struct setup_login agent = login_at(w, w->local[SESSION_SMTP], w->ca,
	                                    LOCAL_SECONDS);
	struct membuf m;
	int rc;

	membuf_init(&m, LETTER_MAX);
	printf("  sealed and sent (you may be asked for your key's passphrase) ... ");
	fflush(stdout);
	rc = write_letter(w, &m, e) || sink_put(&m.sink, "", 1, e)
	     || setup_mail_send(&agent, m.buf, e) ? -1 : 0;
	if (rc == 0)
		printf("your provider has it\n");
	membuf_free(&m);
	return rc;
}

/* An SMTP reply's words without its enhanced code (RFC 3463). */
static const char *words_of(const struct err *e)
{
	unsigned a, b, c;
	int n = 0;

	return sscanf(e->text, "%1u.%3u.%3u %n", &a, &b, &c, &n) == 3 && n
	       ? e->text + n : e->text;
}

static int failed(bool sent, const struct err *e)
{
	putchar('\n');
	return setup_fail(EX_UNAVAILABLE, "the welcome letter %s: %s\n"
	                  "All else is set up and stays. %s", sent
	                  ? "was sent, but has not come back as it should"
	                  : "was not sent", words_of(e), sent
	                  ? "Look into your inbox in a while, or have "
	                    "letterlock doctor look for what is wrong"
	                  : "Have letterlock doctor look for what is wrong, then "
	                    "run this command again");
}

int setup_welcome(const struct setup *s)
{
	struct welcome w = { .s = s };
	struct err e;
	int rc = 0;

	if (s->no_welcome || s->no_start)
		return 0;
	if (!s->password_secret || s->old->command) {
		printf("No welcome letter is sent: %s\n", s->old->command
		       ? "mail programs log in by a token of their own here "
		         "(letterlock token)" : "no password is known here");
		return 0;
	}
	if (!setup_ask(s, "Send a sealed letter to yourself, to see that it "
	               "works?"))
		return 0;
	printf("A welcome letter to yourself:\n");
	if (make_id(&w) || reach(&w, &e) || there(&w, &e))
		rc = failed(false, &e);
	else if (s->sending_only)
		printf("  it comes to your inbox sealed; the add-on opens it\n");
	else if (come_back(&w, &e))
		rc = failed(true, &e);
	free(w.ca);
	return rc;
}
