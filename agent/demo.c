/* SPDX-License-Identifier: GPL-3.0-or-later */
/* letterlock demo: a letter from Alice to Bob through two real agents and a
 * mail server of its own, and what each of them saw of it. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/cmd.h"
#include "agent/demo_client.h"
#include "agent/demo_folder.h"
#include "agent/demo_letter.h"
#include "agent/demo_people.h"
#include "agent/demo_run.h"
#include "agent/demo_screen.h"
#include "agent/demo_server.h"
#include "agent/file.h"

enum { ALICE, BOB, CAROL, PEOPLE, PAGE_MAX = 1 << 20 };

#define EVE "eve@example.net"

struct demo {
	char folder[sizeof DEMO_FOLDER];	/* "" until it is made */
	struct demo_person p[PEOPLE];
	struct demo_user user[PEOPLE];
	struct demo_server *server;
	const struct demo_letter *copy[PEOPLE];	/* at the provider */
	unsigned held, of;			/* checks */
};

static const char usage[] =
"Usage: letterlock demo [--keep]\n"
"Send a letter through two real agents and a mail server on this computer,\n"
"show what the provider saw and what the reader got, and check both.\n"
"\n"
"  --keep   leave the folder with its keyrings and logs, and say where it is\n"
"  --help   this text\n"
"\n"
"Nothing of yours is read or changed.  LETTERLOCKD names another letterlockd.\n"
"Exit status: 0 when every check held, 1 when one did not.\n";

static void on_signal(int sig)
{
	demo_stopped = sig;
	/* One that comes between a look and a wait is not lost. */
	alarm(1);
}

static void signals_catch(void)
{
	static const int caught[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a = { .sa_handler = on_signal };

	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		sigaction(caught[i], &a, NULL);
	a.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &a, NULL);
}

static void check(struct demo *d, bool held, const char *text)
{
	d->of++;
	d->held += held;
	screen_check(held, text);
}

static int set_up_people(struct demo *d, struct err *e)
{
	static const struct demo_person people[PEOPLE] = {
		{ .name = "Alice", .address = "alice@example.org",
		  .password = "looking-glass" },
		{ .name = "Bob", .address = "bob@example.org",
		  .password = "builder" },
		{ .name = "Carol", .address = "carol@example.org",
		  .password = "singer" },
	};

	screen_begin("Keys for Alice, Bob and Carol, in keyrings of their own");
	memcpy(d->p, people, sizeof people);
	if (demo_folder_make(d->folder, e) < 0 ||
	    demo_people_make(d->p, PEOPLE, d->folder, e) < 0 ||
	    demo_person_meet(&d->p[ALICE], &d->p[BOB], e) < 0 ||
	    demo_person_meet(&d->p[ALICE], &d->p[CAROL], e) < 0 ||
	    demo_person_meet(&d->p[BOB], &d->p[ALICE], e) < 0 ||
	    demo_person_meet(&d->p[CAROL], &d->p[ALICE], e) < 0)
		return -1;
	screen_done();
	return 0;
}

static int set_up_servers(struct demo *d, struct err *e)
{
	char letterlockd[4096];

	file_program("LETTERLOCKD", "letterlockd", letterlockd,
	             sizeof letterlockd);
	screen_begin("A mail server, and letterlockd for Alice and for Bob");
	for (int i = 0; i < PEOPLE; i++) {
		d->user[i].address = d->p[i].address;
		d->user[i].password = d->p[i].password;
	}
	d->server = demo_server_start(d->user, PEOPLE, e);
	if (!d->server)
		return -1;
	for (int i = ALICE; i <= BOB; i++)
		if (demo_person_start(&d->p[i], letterlockd,
		                      demo_server_smtp(d->server),
		                      demo_server_pop3(d->server), e) < 0)
			return -1;
	screen_done();
	return 0;
}

/* Alice's mail client sends: the answer's code, or -1; the answer is shown. */
static int alice_sends(struct demo *d, const char *const *to, const char *bcc)
{
	const struct demo_person *a = &d->p[ALICE];
	struct demo_login in = { a->submission, a->address, a->password };
	char *letter = demo_letter_write(a->address, to[0], bcc);
	char reply[DEMO_REPLY_MAX];
	struct err e = { 0 };
	int code = -1;

	if (letter)
		code = demo_submit(&in, a->address, to, letter, reply, &e);
	screen_line("Her agent on 127.0.0.1:%u answers:", a->submission);
	screen_text(code < 0 ? e.text : reply);
	free(letter);
	return code;
}

static bool provider_heard_secret(struct demo *d)
{
	for (const char *const *s = demo_secrets(); *s; s++)
		if (demo_server_heard(d->server, *s))
			return true;
	return false;
}

/* Which of the provider's letters is for whom; true when there are just two
 * and each is for one. */
static bool find_copies(struct demo *d)
{
	size_t n = demo_server_count(d->server);

	for (size_t i = 0; i < n; i++) {
		const struct demo_letter *l = demo_server_letter(d->server, i);

		for (int k = 0; k < PEOPLE; k++)
			if (demo_letter_for(l, d->p[k].address))
				d->copy[k] = l;
	}
	return n == 2 && d->copy[BOB] && d->copy[CAROL] &&
	       d->copy[BOB]->n_to == 1 && d->copy[CAROL]->n_to == 1;
}

/* Does plain gpg with this person's keyring open this letter? */
static bool opens(struct demo *d, int who, const struct demo_letter *l)
{
	struct membuf m;
	bool yes;

	membuf_init(&m, PAGE_MAX);
	yes = l && demo_person_decrypt(&d->p[who], l->raw, &m, NULL) == 0 &&
	      strstr(m.buf, DEMO_SUBJECT);
	membuf_free(&m);
	return yes;
}

static void show_both(const struct demo_letter *seen,
                      const struct demo_opened *read)
{
	struct membuf left, right;

	membuf_init(&left, PAGE_MAX);
	membuf_init(&right, PAGE_MAX);
	if (membuf_printf(&left, NULL, "MAIL FROM:<%s>\nRCPT TO:<%s>\n\n",
	                  seen->from, seen->to[0]) == 0 &&
	    demo_show_raw(seen->raw, &left, NULL) == 0 &&
	    demo_show_opened(read, &right, NULL) == 0)
		screen_pair("What the provider saw", left.buf,
		            "What Bob reads", right.buf);
	membuf_free(&left);
	membuf_free(&right);
}

static void check_provider(struct demo *d, bool apart)
{
	const char *raw = d->copy[BOB] ? d->copy[BOB]->raw : NULL;

	check(d, !provider_heard_secret(d),
	      "The provider saw no word of subject, text or attachment");
	check(d, raw && strstr(raw, "\r\nSubject: [...]\r\n"),
	      "The subject it saw is [...]");
	check(d, apart, "Carol's blind copy went as a letter of its own");
	check(d, raw && !strcasestr(raw, d->p[CAROL].address) &&
	      !opens(d, CAROL, d->copy[BOB]),
	      "Bob's letter doesn't name Carol and isn't readable to her");
	check(d, opens(d, CAROL, d->copy[CAROL]),
	      "Carol can open hers with gpg alone");
}

static void check_reader(struct demo *d, const struct demo_opened *o)
{
	check(d, strstr(o->status, "encryption=ok;") &&
	      strstr(o->status, "signature=good;") &&
	      strstr(o->status, "signer=alice@example.org;"),
	      "Bob's agent says: encryption=ok, signature=good, by Alice");
	check(d, !strcmp(o->subject, DEMO_SUBJECT) &&
	      demo_text_is(o->text, demo_text),
	      "Bob reads the subject and the text that Alice wrote");
	check(d, o->file && !strcmp(o->file, DEMO_FILE) &&
	      demo_text_is(o->data, demo_map),
	      "Bob has the attachment, every octet of it");
}

static void first_letter(struct demo *d)
{
	const char *const to[] = {
		d->p[BOB].address, d->p[CAROL].address, NULL
	};
	struct demo_login in = { d->p[BOB].pop3, to[0], d->p[BOB].password };
	struct demo_opened o = { 0 };
	struct err e = { 0 };
	char *letter;
	bool apart;

	screen_heading("Alice writes to Bob, with a blind copy to Carol");
	check(d, alice_sends(d, to, to[1]) == 250,
	      "The provider has the letter");
	apart = find_copies(d);
	letter = demo_fetch(&in, &e);
	if (letter && demo_letter_read(letter, &o, &e) == 0 && d->copy[BOB])
		show_both(d->copy[BOB], &o);
	check_provider(d, apart);
	if (o.status)
		check_reader(d, &o);
	else
		check(d, false, e.text);
	demo_opened_free(&o);
	free(letter);
}

static void second_letter(struct demo *d)
{
	const char *const to[] = { EVE, NULL };
	size_t before = demo_server_count(d->server);
	int code;

	screen_heading("Alice writes to " EVE ", whose key nobody knows");
	code = alice_sends(d, to, NULL);
	check(d, code >= 500, "The letter was refused, in words");
	check(d, demo_server_count(d->server) == before &&
	      !demo_server_heard(d->server, EVE) && !provider_heard_secret(d),
	      "The provider heard nothing of it, not even the address");
}

static int story(struct demo *d, struct err *e)
{
	screen_heading("Letterlock demo: all of it on this computer");
	if (set_up_people(d, e) < 0 || set_up_servers(d, e) < 0)
		return -1;
	first_letter(d);
	if (!demo_stopped)
		second_letter(d);
	/* Their files stand still only then. */
	for (int i = 0; i < PEOPLE; i++)
		demo_person_end(&d->p[i]);
	screen_heading("Afterwards");
	check(d, !demo_folder_holds(d->folder, demo_secrets()),
	      "No file of the agents holds a word of it");
	return 0;
}

/* Whatever happened: nothing of it goes on running, or stays. */
static void clean_up(struct demo *d, bool keep)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	alarm(0);
	demo_stopped = 0;
	for (int i = 0; i < PEOPLE; i++)
		demo_person_end(&d->p[i]);
	demo_server_stop(d->server);
	if (keep && *d->folder)
		screen_line("Kept: %s", d->folder);
	else if (*d->folder && demo_folder_remove(d->folder) < 0)
		fprintf(stderr, "letterlock: %s could not be removed\n",
		        d->folder);
}

static int tell(bool keep)
{
	struct demo d = { 0 };
	struct err e = { 0 };
	int rc, sig;

	signals_catch();
	screen_init();
	rc = story(&d, &e);
	sig = demo_stopped;
	clean_up(&d, keep);
	if (sig) {
		fprintf(stderr, "\nletterlock: interrupted\n");
		return 128 + sig;
	}
	if (rc < 0) {
		fprintf(stderr, "\nletterlock: %s\n", e.text);
		return EX_UNAVAILABLE;
	}
	screen_verdict(d.held, d.of);
	return d.held == d.of ? 0 : 1;
}

int cmd_demo(int argc, char **argv)
{
	static const struct option options[] = {
		{ "keep", no_argument, NULL, 'k' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	bool keep = false;
	int c;

	optind = 1;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'k':
			keep = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return EX_USAGE;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return EX_USAGE;
	}
	return tell(keep);
}
