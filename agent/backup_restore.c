/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A backup put back: keys first, since without them the rest is of no use, the
 * configuration last, since the agent starts by it. */
#include "agent/backup_private.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/conf.h"
#include "agent/file.h"
#include "agent/gpg_run.h"
#include "agent/tar.h"

struct found {
	char name[TAR_NAME_MAX];
	const char *p;
	size_t n;
};

struct all {
	struct found file[BACKUP_FILES_MAX];
	unsigned n;
};

static const struct found *find(const struct all *a, const char *name)
{
	for (unsigned i = 0; i < a->n; i++)
		if (strcmp(a->file[i].name, name) == 0)
			return &a->file[i];
	return NULL;
}

static int read_archive(const struct membuf *archive, struct all *a,
                        struct err *e)
{
	struct tar t;
	int r;

	a->n = 0;
	tar_begin(&t, archive->buf, archive->len);
	while ((r = tar_next(&t, e)) == 1) {
		if (a->n == BACKUP_FILES_MAX || find(a, t.name))
			return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
			               "This is no backup of Letterlock");
		memcpy(a->file[a->n].name, t.name, sizeof t.name);
		a->file[a->n].p = t.file;
		a->file[a->n++].n = t.n;
	}
	if (r)
		return -1;
	if (!a->n || strcmp(a->file[0].name, BACKUP_MARK) != 0
	    || !find(a, "keys/secret.gpg"))
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "This is no backup of Letterlock");
	if (a->file[0].n != strlen(BACKUP_VERSION "\n")
	    || memcmp(a->file[0].p, BACKUP_VERSION "\n", a->file[0].n) != 0)
		return err_set(e, gpg_error(GPG_ERR_BAD_DATA),
		               "A newer Letterlock wrote this backup");
	return 0;
}

/* ---- is there something already? ---- */

static char *state_path(const struct backup_places *p, const char *name)
{
	return file_path(p->state, "/", name, NULL);
}

static bool in_state(const struct backup_places *p, const char *name)
{
	char *path = state_path(p, name);
	bool is = !path || access(path, F_OK) == 0;

	free(path);
	return is;
}

static int nothing_there(const struct backup_places *p, const struct all *a,
                         struct err *e)
{
	bool conf = find(a, BACKUP_CONF) && access(p->conf, F_OK) == 0;

	if (!conf && !in_state(p, "mac.key") && !in_state(p, "contacts.db"))
		return 0;
	return err_set(e, gpg_error(GPG_ERR_EEXIST),
	               "%s: Letterlock is set up here already. To put the "
	               "backup in its place, say --force",
	               conf ? p->conf : p->state);
}

/* ---- keys ---- */

/* The home that the saved configuration names. */
static int use_conf(struct backup_places *p, const struct all *a, struct err *e)
{
	const struct found *f = find(a, BACKUP_CONF);
	struct conf conf;
	char *home = NULL;
	int rc;

	if (!f)
		return 0;
	memset(&conf, 0, sizeof conf);
	rc = conf_parse(&conf, BACKUP_CONF, f->p, f->n, e);
	if (rc == 0 && conf.gnupghome && !(home = strdup(conf.gnupghome)))
		rc = err_errno(e, "memory");
	if (rc == 0) {
		free(p->gnupghome);
		p->gnupghome = home;
	}
	conf_free(&conf);
	return rc;
}

static int make_home(const char *home, struct err *e)
{
	char *inside = file_path(home, "/.", NULL);
	mode_t mask = umask(077);
	int rc = inside ? file_folders(inside, e) : err_errno(e, "memory");

	umask(mask);
	free(inside);
	return rc;
}

static int import(const struct backup_places *p, const struct all *a,
                  const char *name, const char *const args[], struct err *e)
{
	const struct found *f = find(a, name);
	struct gpg_run r = { .home = p->gnupghome };

	if (!f || !f->n)
		return 0;
	r.in = f->p;
	r.n_in = f->n;
	return gpg_run(&r, args, e);
}

static int import_keys(const struct backup_places *p, const struct all *a,
                       struct err *e)
{
	static const char *const keys[] = {
		"--import-options=restore", "--import", NULL
	}, *const trust[] = { "--import-ownertrust", NULL };

	if (p->gnupghome && make_home(p->gnupghome, e))
		return -1;
	return import(p, a, "keys/public.gpg", keys, e)
	       || import(p, a, "keys/secret.gpg", keys, e)
	       || import(p, a, "keys/ownertrust.txt", trust, e) ? -1 : 0;
}

/* ---- files ---- */

static int put_state(const struct backup_places *p, const struct all *a,
                     const char *name, struct err *e)
{
	char in_archive[TAR_NAME_MAX], *path;
	const struct found *f;
	int rc;

	snprintf(in_archive, sizeof in_archive, "state/%s", name);
	if (!(f = find(a, in_archive)))
		return 0;
	if (!(path = state_path(p, name)))
		return err_errno(e, "memory");
	rc = file_write(path, f->p, f->n, 0600, e);
	free(path);
	return rc;
}

/* A journal beside it would be that of another file. */
static int put_contacts(const struct backup_places *p, const struct all *a,
                        struct err *e)
{
	char *journal = state_path(p, "contacts.db-journal");
	int rc = journal ? file_remove(journal, e) : err_errno(e, "memory");

	free(journal);
	return rc == -1 ? -1 : put_state(p, a, "contacts.db", e);
}

int backup_put_back(struct backup_places *p, const struct membuf *archive,
                    bool over, struct err *e)
{
	const struct found *conf;
	struct all a;

	if (read_archive(archive, &a, e) || use_conf(p, &a, e)
	    || (!over && nothing_there(p, &a, e)) || import_keys(p, &a, e))
		return -1;
	for (int i = 0; backup_state[i]; i++)
		if (put_state(p, &a, backup_state[i], e))
			return -1;
	if (put_contacts(p, &a, e))
		return -1;
	conf = find(&a, BACKUP_CONF);
	return conf ? file_write(p->conf, conf->p, conf->n, 0600, e) : 0;
}
