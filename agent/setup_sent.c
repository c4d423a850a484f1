/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Has the user written with a key before?  Then letters in Thunderbird's folders of
 * sent ones name it (Autocrypt): the newest of them are looked at. */
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/file.h"
#include "agent/mbox.h"
#include "agent/setup.h"
#include "agent/thunderbird.h"
#include "crypto/autocrypt.h"
#include "crypto/date.h"

enum {
	PREFS_MAX = 16 << 20,
	TAIL = 4 << 20,		/* octets of a folder that are read: its end */
	FOLDERS_MAX = 16,	/* that are read of a profile */
	ENTRIES_MAX = 5000,	/* that are passed while looking for them */
	READ_SIZE = 64 << 10,
	DEPTH_MAX = 4		/* Mail/server/INBOX.sbd/Sent */
};

struct sent {
	const struct setup *s;
	int64_t date;			/* of the newest with a key; 0: there is none */
	struct autocrypt newest;
};

/* ---- letters ---- */

static bool is_from(const struct header *h, const char *address)
{
	const struct field *f = header_count(h, "From") == 1
	                        ? header_get(h, "From", 0) : NULL;
	char *text = f ? field_text(f) : NULL;
	struct addrs from = { .n = 0 };
	bool is = text && addrs_parse(&from, text, NULL) == 0 && from.n == 1
	          && addr_same(from.addr[0], address);

	addrs_free(&from);
	free(text);
	return is;
}

static void take(struct sent *x, const char *head, size_t n)
{
	struct autocrypt a;
	struct header h;
	int64_t date;

	if (header_cut(&h, head, n, NULL) == 0
	    && is_from(&h, x->s->address)
	    && (date = date_of(&h)) > x->date
	    && autocrypt_of(&h, x->s->address, &a, NULL) == 1) {
		if (x->date)
			autocrypt_free(&x->newest);
		x->newest = a;
		x->date = date;
	}
	header_free(&h);
}

static int letter(void *arg, const struct mbox_letter *l, struct err *e)
{
	(void)e;
	if (l->whole && memmem(l->head, l->n, "\n" AUTOCRYPT_NAME ":",
	                       sizeof AUTOCRYPT_NAME + 1))
		take(arg, l->head, l->n);
	return 0;
}

/* ---- folders ---- */

/* The end of one. */
static void folder(struct sent *x, const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char buf[READ_SIZE];
	struct stat st;
	struct mbox m;
	ssize_t n;

	if (fd == -1)
		return;
	mbox_init(&m, false, letter, x);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
	    && (st.st_size <= TAIL || lseek(fd, -TAIL, SEEK_END) != -1)) {
		for (off_t left = TAIL; left > 0
		     && (n = read(fd, buf, sizeof buf)) > 0; left -= n)
			if (mbox_put(&m, buf, (size_t)n, NULL))
				break;
		mbox_end(&m, NULL);
	}
	mbox_free(&m);
	close(fd);
}

/* IMAP's are named by the provider, in its language. */
static bool is_sent(const FTSENT *f)
{
	size_t n = f->fts_namelen;

	return f->fts_info == FTS_F
	       && (strncmp(f->fts_name, "Sent", 4) == 0
	           || strncmp(f->fts_name, "Gesendet", 8) == 0)
	       && (n < 4 || strcmp(f->fts_name + n - 4, ".msf") != 0);
}

static void folders(struct sent *x, const char *profile)
{
	char *mail = file_path(profile, "/Mail", NULL);
	char *imap = file_path(profile, "/ImapMail", NULL);
	char *const tops[] = { mail, imap, NULL };
	unsigned left = FOLDERS_MAX, entries = ENTRIES_MAX;
	FTS *fts = mail && imap ? fts_open(tops, FTS_PHYSICAL | FTS_NOCHDIR, NULL)
	                        : NULL;
	FTSENT *f;

	while (fts && left && entries-- && (f = fts_read(fts))) {
		if (f->fts_info == FTS_D && f->fts_level > DEPTH_MAX)
			fts_set(fts, f, FTS_SKIP);
		if (is_sent(f)) {
			left--;
			folder(x, f->fts_accpath);
		}
	}
	if (fts)
		fts_close(fts);
	free(mail);
	free(imap);
}

/* ---- profiles ---- */

/* Has it an identity with this address? */
static bool writes_as(const char *prefs, const char *address)
{
	char value[ADDR_MAX + 1];

	for (const char *line = prefs; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		/* sscanf() counts all that follows, each time */
		if (strncmp(line, "user_pref(\"mail.identity.", 25) != 0)
			continue;
		if (sscanf(line, "user_pref(\"mail.identity.%*99[^.\"].useremail\""
		           ", \"%320[^\"\n]", value) == 1
		    && addr_same(value, address))
			return true;
	}
	return false;
}

static int look(void *arg, const char *profile, struct err *e)
{
	struct sent *x = arg;
	char *path = file_path(profile, "/prefs.js", NULL);
	char *text = path ? file_read(path, PREFS_MAX, &(size_t){ 0 }, e) : NULL;

	if (text && writes_as(text, x->s->address))
		folders(x, profile);
	free(text);
	free(path);
	return 0;
}

bool setup_sent(const struct setup *s, struct setup_sent *out)
{
	struct sent x = { .s = s, .date = 0 };
	const char *home = getenv("HOME");
	struct err e;
	bool is;

	if (home)
		thunderbird_profiles(home, look, &x, &e);
	if (!x.date)
		return false;
	out->date = x.date;
	is = setup_judge(s, x.newest.key, x.newest.n, out->fpr);
	autocrypt_free(&x.newest);
	return is;
}
