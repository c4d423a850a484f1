/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Backups: what goes in, and sealing it. */
#include "agent/backup_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conf.h"
#include "agent/contacts.h"
#include "agent/file.h"
#include "agent/gpg_run.h"
#include "agent/tar.h"

/* Told in the archive, for who has no Letterlock any more. */
static const char read_me[] =
"A backup of Letterlock: letterlock restore FILE puts it back.\n"
"\n"
"Without Letterlock: gpg -d FILE | tar x\n"
"and then gpg --import keys/public.gpg keys/secret.gpg\n"
"The secret keys have the passphrases that they always had.\n";

const char *const backup_state[] = { "mac.key", "came", "tokens",
                                     "certificate.pem", NULL };

/* ---- places ---- */

int backup_places(struct backup_places *p, const char *path, bool absent_ok,
                  struct err *e)
{
	struct conf conf;
	char *text = NULL;
	size_t len = 0;
	int rc = -1;

	memset(p, 0, sizeof *p);
	memset(&conf, 0, sizeof conf);
	if (!(p->conf = conf_path(path)) || !(p->state = conf_state_dir(e)))
		goto out;
	if (absent_ok && access(p->conf, F_OK) == -1 && errno == ENOENT)
		return 0;
	if (!(text = conf_read(p->conf, &len, e))
	    || conf_parse(&conf, p->conf, text, len, e))
		goto out;
	if (conf.gnupghome && !(p->gnupghome = strdup(conf.gnupghome)))
		err_errno(e, "memory");
	else
		rc = 0;
out:
	conf_free(&conf);
	free(text);
	if (rc)
		backup_places_free(p);
	return rc;
}

void backup_places_free(struct backup_places *p)
{
	free(p->conf);
	free(p->state);
	free(p->gnupghome);
	memset(p, 0, sizeof *p);
}

/* ---- collecting ---- */

static int add_file(struct membuf *to, const char *name, const char *dir,
                    const char *file, int64_t now, struct err *e)
{
	char *path = file_path(dir, "/", file, NULL), *buf = NULL;
	size_t n;
	int rc = -1;

	if (!path) {
		err_errno(e, "memory");
	} else if ((buf = file_read(path, BACKUP_FILE_MAX, &n, e))) {
		rc = tar_put(&to->sink, name, buf, n, now, e);
		explicit_bzero(buf, n);
	} else if (gpg_err_code(e->code) == GPG_ERR_ENOENT) {
		rc = 0;
	}
	free(buf);
	free(path);
	return rc;
}

static int add_state(const struct backup_places *p, struct membuf *to,
                     int64_t now, struct err *e)
{
	char name[TAR_NAME_MAX];
	struct membuf m;
	int rc;

	for (int i = 0; backup_state[i]; i++) {
		snprintf(name, sizeof name, "state/%s", backup_state[i]);
		if (add_file(to, name, p->state, backup_state[i], now, e))
			return -1;
	}
	membuf_init(&m, BACKUP_FILE_MAX);
	rc = contacts_copy(p->state, &m, e);
	if (rc == 1)
		rc = tar_put(&to->sink, "state/contacts.db", m.buf, m.len, now,
		             e);
	membuf_free(&m);
	return rc;
}

/* What gpg writes, as a file of the archive. */
static int add_keys(const struct backup_places *p, struct membuf *to,
                    const char *name, const char *const args[], int64_t now,
                    size_t *n, struct err *e)
{
	struct gpg_run r = { .home = p->gnupghome };
	struct membuf m;
	int rc;

	membuf_init(&m, BACKUP_FILE_MAX);
	r.out = &m;
	rc = gpg_run(&r, args, e);
	if (rc == 0)
		rc = tar_put(&to->sink, name, m.buf, m.len, now, e);
	*n = m.len;
	membuf_free(&m);
	return rc;
}

static int add_all_keys(const struct backup_places *p, struct membuf *to,
                        int64_t now, struct err *e)
{
	static const char *const public[] = {
		"--export", "--export-options=backup", NULL
	}, *const secret[] = {
		"--export-secret-keys", "--export-options=backup", NULL
	}, *const check[] = { "--check-trustdb", NULL
	}, *const trust[] = { "--export-ownertrust", NULL };
	struct gpg_run r = { .home = p->gnupghome };
	size_t n;

	if (add_keys(p, to, "keys/secret.gpg", secret, now, &n, e))
		return -1;
	if (!n)
		return err_set(e, gpg_error(GPG_ERR_NO_SECKEY),
		               "there is no secret key to save");
	/* which makes one where there was none, as the next wants it */
	if (gpg_run(&r, check, e))
		return -1;
	return add_keys(p, to, "keys/public.gpg", public, now, &n, e)
	       || add_keys(p, to, "keys/ownertrust.txt", trust, now, &n, e)
	       ? -1 : 0;
}

int backup_collect(const struct backup_places *p, int64_t now,
                   struct membuf *archive, struct err *e)
{
	struct sink *s = &archive->sink;

	if (tar_put(s, BACKUP_MARK, BACKUP_VERSION "\n",
	            strlen(BACKUP_VERSION "\n"), now, e)
	    || tar_put(s, "READ-ME.txt", read_me, strlen(read_me), now, e)
	    || add_file(archive, BACKUP_CONF, "", p->conf, now, e)
	    || add_state(p, archive, now, e) || add_all_keys(p, archive, now, e))
		return -1;
	return tar_end(s, e);
}

/* ---- sealing ---- */

/* With a home of its own: that of the user may not be there yet, and nothing of
 * it is wanted. */
static int run_apart(struct gpg_run *r, const char *const args[], struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	char *home = file_path(tmp && *tmp == '/' ? tmp : "/tmp",
	                       "/letterlock.XXXXXX", NULL);
	int rc;

	if (!home || !mkdtemp(home)) {
		rc = err_errno(e, home ? home : "memory");
	} else {
		r->home = home;
		rc = gpg_run(r, args, e);
		file_remove_folder(home);
	}
	free(home);
	return rc;
}

int backup_seal(const struct membuf *archive, const char *code_secret,
                struct membuf *sealed, struct err *e)
{
	static const char *const args[] = {
		"--no-options", "--cipher-algo=AES256", "--digest-algo=SHA512",
		"--s2k-mode=3", "--s2k-digest-algo=SHA512",
		"--s2k-count=65011712", "--set-filename=letterlock-backup.tar",
		"--symmetric", NULL
	};
	struct gpg_run r = { .in = archive->buf, .n_in = archive->len,
	                     .pass_secret = code_secret, .out = sealed };

	return run_apart(&r, args, e);
}

/* gpg ends well, too, where there was nothing to decrypt: a file that is only
 * packed would pass for a backup.  Of what was sealed the integrity is proven. */
int backup_open(const void *sealed, size_t n, const char *code_secret,
                struct membuf *archive, struct err *e)
{
	static const char *const args[] = { "--no-options", "--decrypt", NULL };
	struct gpg_run r = { .in = sealed, .n_in = n,
	                     .pass_secret = code_secret, .out = archive,
	                     .proof = "DECRYPTION_OKAY" };

	if (run_apart(&r, args, e) == 0)
		return 0;
	archive->len = 0;
	if (gpg_err_code(e->code) != GPG_ERR_GENERAL)
		return -1;
	return err_set(e, gpg_error(GPG_ERR_BAD_PASSPHRASE),
	               "It does not open: this is the code of another backup, "
	               "or the file is damaged");
}
