/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The add-on in a user's profiles, which stand in ~/.thunderbird/profiles.ini. */
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/file.h"
#include "agent/thunderbird.h"

enum { PROFILES_MAX = 64, INI_MAX_OCTETS = 1 << 20, ADDON_MAX = 16 << 20 };

struct profile {
	char section[64];
	char *path;		/* as it is written */
	bool absolute;
};

struct profiles {
	char *dir;		/* ~/.thunderbird */
	struct profile p[PROFILES_MAX];
	unsigned n;
};

static struct profile *profile_of(struct profiles *all, const char *section)
{
	if (strncmp(section, "Profile", 7) != 0
	    || strlen(section) >= sizeof all->p[0].section)
		return NULL;
	for (unsigned i = 0; i < all->n; i++)
		if (strcmp(all->p[i].section, section) == 0)
			return &all->p[i];
	if (all->n == PROFILES_MAX)
		return NULL;
	strncpy(all->p[all->n].section, section,
	        sizeof all->p[0].section - 1);
	return &all->p[all->n++];
}

static int take(void *arg, const char *section, const char *name,
                const char *value)
{
	struct profile *p = profile_of(arg, section);

	if (p && value && strcmp(name, "Path") == 0 && !p->path)
		p->path = strdup(value);
	if (p && value && strcmp(name, "IsRelative") == 0)
		p->absolute = strcmp(value, "0") == 0;
	return 1;
}

static void profiles_free(struct profiles *all)
{
	for (unsigned i = 0; i < all->n; i++)
		free(all->p[i].path);
	free(all->dir);
}

/* None at all where Thunderbird was never started. */
static int profiles_read(struct profiles *all, const char *home, struct err *e)
{
	char *file = NULL, *text = NULL;
	size_t n;
	int rc = -1;

	memset(all, 0, sizeof *all);
	all->dir = file_path(home, "/.thunderbird", NULL);
	if (!all->dir || !(file = file_path(all->dir, "/profiles.ini", NULL))) {
		err_errno(e, "memory");
		goto out;
	}
	text = file_read(file, INI_MAX_OCTETS, &n, e);
	if (!text && gpg_err_code(e->code) != GPG_ERR_ENOENT)
		goto out;
	if (text && strlen(text) == n)
		ini_parse_string(text, take, all);
	rc = 0;
out:
	free(text);
	free(file);
	return rc;
}

/* The folder of a profile, malloced; NULL: it is not there. */
static char *profile_dir(const struct profiles *all, const struct profile *p)
{
	struct stat st;
	char *dir;

	if (!p->path)
		return NULL;
	dir = p->absolute ? strdup(p->path)
	                  : file_path(all->dir, "/", p->path, NULL);
	if (dir && (stat(dir, &st) == -1 || !S_ISDIR(st.st_mode))) {
		free(dir);
		dir = NULL;
	}
	return dir;
}

static bool ever_started(const char *dir)
{
	char *path = file_path(dir, "/extensions.json", NULL);
	bool is = path && access(path, F_OK) == 0;

	free(path);
	return is;
}

int thunderbird_profiles(const char *home,
                         int (*found)(void *arg, const char *profile,
                                      struct err *e), void *arg,
                         struct err *e)
{
	struct profiles all;
	int rc = profiles_read(&all, home, e), n = 0;
	char *dir;

	for (unsigned i = 0; i < all.n && rc == 0; i++) {
		if (!(dir = profile_dir(&all, &all.p[i])))
			continue;
		rc = found(arg, dir, e);
		n++;
		free(dir);
	}
	profiles_free(&all);
	return rc ? -1 : n;
}

struct addon {
	char *p;
	size_t n;
};

static int add_one(void *arg, const char *profile, struct err *e)
{
	const struct addon *addon = arg;
	char *path = file_path(profile, "/extensions/" THUNDERBIRD_ADDON ".xpi",
	                       NULL);
	int rc = path ? file_write(path, addon->p, addon->n, 0644, e)
	              : err_errno(e, "memory");

	if (rc == 0)
		printf("%s: the add-on\n", path);
	/* what it finds there at its first start is not switched on */
	if (rc == 0 && !ever_started(profile))
		puts("  this profile was never used: switch the add-on on in "
		     "Thunderbird's list of add-ons");
	free(path);
	return rc;
}

int thunderbird_profiles_add(const struct thunderbird *t, struct err *e)
{
	struct addon addon;
	int n;

	if (!(addon.p = file_read(t->addon, ADDON_MAX, &addon.n, e)))
		return -1;
	n = thunderbird_profiles(t->home, add_one, &addon, e);
	free(addon.p);
	if (n == 0)
		return err_set(e, gpg_error(GPG_ERR_NO_DATA), "Thunderbird has no "
		               "profile in %s/.thunderbird yet. Start it once, "
		               "then try again", t->home);
	return n < 0 ? -1 : 0;
}

static int remove_one(void *arg, const char *profile, struct err *e)
{
	char *path = file_path(profile, "/extensions/" THUNDERBIRD_ADDON ".xpi",
	                       NULL);
	int rc = path ? file_remove(path, e) : err_errno(e, "memory");

	(void)arg;
	if (rc == 1)
		printf("%s: removed\n", path);
	free(path);
	return rc == -1 ? -1 : 0;
}

int thunderbird_profiles_remove(const struct thunderbird *t, struct err *e)
{
	return thunderbird_profiles(t->home, remove_one, NULL, e) < 0 ? -1 : 0;
}
