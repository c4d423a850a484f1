/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's throw-away folder, walked with nftw(). */
#include "agent/demo_folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/demo_run.h"

enum { FTW_FDS = 16, FILE_MAX = 16 << 20 };

static const char *const *wanted;	/* nftw() has no argument for it */

int demo_folder_make(char folder[sizeof DEMO_FOLDER], struct err *e)
{
	memcpy(folder, DEMO_FOLDER, sizeof DEMO_FOLDER);
	if (mkdtemp(folder))
		return 0;
	folder[0] = '\0';
	return err_errno(e, "a folder in /tmp");
}

static bool file_holds(int fd)
{
	struct membuf m;
	bool yes = true;

	membuf_init(&m, FILE_MAX);
	if (demo_slurp(fd, &m, NULL) == 0) {
		yes = false;
		for (const char *const *w = wanted; *w; w++)
			yes |= memmem(m.buf, m.len, *w, strlen(*w)) != NULL;
	}
	membuf_free(&m);
	return yes;
}

static int look(const char *path, const struct stat *st, int type,
                struct FTW *ftw)
{
	bool yes;
	int fd;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 1;
	yes = file_holds(fd);
	close(fd);
	return yes;
}

bool demo_folder_holds(const char *folder, const char *const *words)
{
	wanted = words;
	return nftw(folder, look, FTW_FDS, FTW_PHYS) != 0;
}

static int away(const char *path, const struct stat *st, int type,
                struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int demo_folder_remove(const char *folder)
{
	return nftw(folder, away, FTW_FDS, FTW_DEPTH | FTW_PHYS);
}
