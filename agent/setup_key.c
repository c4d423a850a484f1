/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user's own key: the one there is, or a new one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/file.h"
#include "agent/gpg_run.h"
#include "agent/setup.h"
#include "agent/thunderbird.h"
#include "crypto/engine.h"

enum { GPG_STALL = 30, STATUS_MAX = 64 << 10, PREFS_MAX = 16 << 20 };

/* gpg makes its usual home itself, and no other. */
static int make_home(const char *home, struct err *e)
{
	if (!home)
		home = getenv("GNUPGHOME");
	if (home && *home && mkdir(home, 0700) && errno != EEXIST)
		return err_errno(e, home);
	return 0;
}

int setup_key_find(const struct setup_key *k, char fpr[41], struct err *e)
{
	enum key_state state;
	struct engine *g;
	struct key key;
	int rc = -1;

	err_set(e, 0, "%s", "");
	if (make_home(k->home, e) || !(g = engine_new(k->home, GPG_STALL, e)))
		return -1;
	if (engine_find_secret(g, k->fpr, k->address, &key, &state, e))
		goto out;
	rc = state == KEY_USABLE;
	if (rc)
		memcpy(fpr, key.fpr, 41);
	else if (state == KEY_EXPIRED)
		err_set(e, GPG_ERR_KEY_EXPIRED, "the key of %s has ended. Make "
		        "it last longer: gpg --quick-set-expire FINGERPRINT 2y "
		        "(or have a new one made: --new-key)", k->address);
	else if (state != KEY_NONE || k->fpr)
		err_set(e, GPG_ERR_UNUSABLE_SECKEY, "the secret key %s for %s "
		        "can't be used. Choose another: --key FINGERPRINT (or "
		        "have a new one made: --new-key)",
		        k->fpr ? k->fpr : "", k->address);
	else
		err_set(e, 0, "%s", "");
out:
	engine_free(g);
	return rc;
}

/* ---- a new one ---- */

/* The words of gpg's --gen-key: nothing may end a line of them. */
static int ask_for(const struct setup_key *k, struct membuf *in, struct err *e)
{
	const char *s = k->name ? k->name : "";

	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == '<' || *s == '>'
		    || *s == '%')
			return err_set(e, GPG_ERR_INV_NAME, "a name without <, "
			               "> and %% is wanted");
	if (k->name && strlen(k->name) > 100)
		return err_set(e, GPG_ERR_INV_NAME, "that name is too long");
	return membuf_printf(in, e,
		"%sKey-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: cert sign\n"
		"Subkey-Type: ECDH\nSubkey-Curve: cv25519\n"
		"Subkey-Usage: encrypt\n%s%s%sName-Email: %s\n"
		"Expire-Date: 2y\n%%commit\n",
		k->no_passphrase ? "%no-protection\n" : "",
		k->name ? "Name-Real: " : "", k->name ? k->name : "",
		k->name ? "\n" : "", k->address);
}

static int created(const struct membuf *out, char fpr[41], struct err *e)
{
	static const char word[] = "[GNUPG:] KEY_CREATED B ";
	const char *p = out->len ? memmem(out->buf, out->len, word,
	                                  strlen(word)) : NULL;

	if (!p || out->len - (size_t)(p - out->buf) < strlen(word) + 40)
		return err_set(e, GPG_ERR_GENERAL, "gpg made no key");
	memcpy(fpr, p + strlen(word), 40);
	fpr[40] = '\0';
	return fpr_ok(fpr) ? 0 : err_set(e, GPG_ERR_GENERAL, "gpg made no key");
}

static void find_revocation(const struct setup_key *k, const char *fpr,
                            char *out, size_t size)
{
	struct engine_places places;
	struct engine *g = engine_new(k->home, GPG_STALL, NULL);
	int n;

	out[0] = '\0';
	if (!g)
		return;
	engine_places(g, &places);
	n = snprintf(out, size, "%s/openpgp-revocs.d/%s.rev", places.home, fpr);
	if (n < 0 || (size_t)n >= size || access(out, R_OK))
		out[0] = '\0';
	engine_free(g);
}

int setup_key_make(const struct setup_key *k, char fpr[41], char *revocation,
                   size_t size, struct err *e)
{
	static const char *const args[] = { "--status-fd", "1", "--gen-key",
	                                    NULL };
	struct membuf in, out;
	struct gpg_run r = { .home = k->home, .out = &out,
	                     .pass_secret = k->passphrase_secret };
	int rc = -1;

	membuf_init(&in, STATUS_MAX);
	membuf_init(&out, STATUS_MAX);
	if (make_home(k->home, e) || ask_for(k, &in, e))
		goto out;
	r.in = in.buf;
	r.n_in = in.len;
	if (gpg_run(&r, args, e) || created(&out, fpr, e))
		goto out;
	find_revocation(k, fpr, revocation, size);
	rc = 0;
out:
	membuf_free(&in);
	membuf_free(&out);
	return rc;
}

/* ---- Thunderbird's ---- */

/* Is this line this preference of this identity, with a text as value? */
static bool pref(const char *line, const char *id, const char *what,
                 char value[ADDR_MAX + 1])
{
	char name[200];
	int n = snprintf(name, sizeof name, "user_pref(\"mail.identity.%s.%s\", "
	                 "\"", id, what);

	return n > 0 && n < (int)sizeof name && strncmp(line, name, (size_t)n) == 0
	       && sscanf(line + n, "%320[^\"\n]", value) == 1;
}

struct search {
	const char *address;
	bool found;
};

/* Does this identity, whose key this line tells, write as the address? */
static bool is_of(const char *text, const char *line, const char *address)
{
	char id[100], value[ADDR_MAX + 1];

	if (sscanf(line, "user_pref(\"mail.identity.%99[^.\"]", id) != 1
	    || !pref(line, id, "openpgp_key_id", value))
		return false;
	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (pref(text, id, "useremail", value)
		    && addr_same(value, address))
			return true;
	}
	return false;
}

static int look(void *arg, const char *profile, struct err *e)
{
	struct search *s = arg;
	char *path = file_path(profile, "/prefs.js", NULL);
	char *text = path ? file_read(path, PREFS_MAX, &(size_t){ 0 }, e) : NULL;
	const char *line = text;
	unsigned tried = 0;
	enum { TRIED_MAX = 100 };	/* of identities with a key */

	while (line && !s->found && tried < TRIED_MAX) {
		line += *line == '\n';
		if (strncmp(line, "user_pref(\"mail.identity.", 25) == 0
		    && memmem(line, strcspn(line, "\n"), "openpgp_key_id", 14)) {
			tried++;
			s->found = is_of(text, line, s->address);
		}
		line = strchr(line, '\n');
	}
	free(text);
	free(path);
	return s->found;
}

bool setup_key_thunderbird(const char *address)
{
	struct search s = { .address = address };
	const char *home = getenv("HOME");
	struct err e;

	if (home)
		thunderbird_profiles(home, look, &s, &e);
	return s.found;
}
