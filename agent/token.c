/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local tokens and the file with their hashes: a line each, "TIME SALT HASH
 * ADDRESS", numbers in hexadecimal. */
#include "agent/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

enum {
	TOKEN_OCTETS = 32,
	TIME_HEX = 16,
	HEAD = TIME_HEX + 1 + 2 * TOKEN_SALT + 1 + 2 * TOKEN_HASH + 1,
	LINE_MAX_OCTETS = HEAD + ADDR_MAX + 1,
	FILE_MAX = TOKENS_MAX * LINE_MAX_OCTETS
};

static const char name[] = "tokens";

/* A token is 256 random bits: whoever has the hash can't try them all, however
 * fast the hash is.  A slow one is for passwords that people think up, and
 * would only hold up the keeper. */
static int hash(const char *address, const char *text_secret,
                const unsigned char salt[TOKEN_SALT],
                unsigned char out[TOKEN_HASH], struct err *e)
{
	char *who = addr_fold(address), *both_secret = NULL;
	size_t w, t = strnlen(text_secret, TOKEN_TEXT);
	unsigned n = 0;
	int rc = -1;

	if (!who)
		return err_errno(e, "memory");
	w = strlen(who) + 1;
	if (!(both_secret = malloc(w + t))) {
		err_errno(e, "memory");
		goto out;
	}
	memcpy(both_secret, who, w);
	memcpy(both_secret + w, text_secret, t);
	if (HMAC(EVP_sha256(), salt, TOKEN_SALT, (unsigned char *)both_secret,
	         w + t, out, &n))
		rc = 0;
	else
		err_set(e, gpg_error(GPG_ERR_GENERAL), "no HMAC");
out:
	if (both_secret)
		OPENSSL_cleanse(both_secret, w + t);
	free(both_secret);
	free(who);
	return rc;
}

/* ---- the file ---- */

static bool read_hex(const char *p, unsigned char *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < 2 * n; i++) {
		const char *d = p[i] ? strchr(digits, p[i]) : NULL;

		if (!d)
			return false;
		out[i / 2] = (unsigned char)(out[i / 2] << 4 | (d - digits));
	}
	return true;
}

static void write_hex(FILE *f, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%02x", p[i]);
}

static bool read_line(const char *p, size_t n, struct token *t)
{
	unsigned char since[TIME_HEX / 2];
	const char *salt = p + TIME_HEX + 1, *digest = salt + 2 * TOKEN_SALT + 1;

	if (n <= HEAD || n - HEAD > ADDR_MAX || salt[-1] != ' '
	    || digest[-1] != ' ' || p[HEAD - 1] != ' ' || memchr(p, '\0', n)
	    || !read_hex(p, since, sizeof since)
	    || !read_hex(salt, t->salt, TOKEN_SALT)
	    || !read_hex(digest, t->hash, TOKEN_HASH))
		return false;
	t->since = 0;
	for (size_t i = 0; i < sizeof since; i++)
		t->since = (int64_t)((uint64_t)t->since << 8 | since[i]);
	memcpy(t->address, p + HEAD, n - HEAD);
	t->address[n - HEAD] = '\0';
	return true;
}

static int damaged(struct err *e)
{
	return err_set(e, gpg_error(GPG_ERR_BAD_DATA), "the file tokens in the "
	               "state folder is damaged. Remove it and make new tokens");
}

/* What the file holds, with a NUL behind; *text NULL: there is none. */
static int read_file(int dir, char **text, size_t *n, struct err *e)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	char *buf = NULL;
	ssize_t got;

	*text = NULL;
	*n = 0;
	if (fd == -1)
		return errno == ENOENT ? 0 : err_errno(e, name);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		close(fd);
		return damaged(e);
	}
	buf = malloc((size_t)st.st_size + 1);
	got = buf ? read(fd, buf, (size_t)st.st_size) : -1;
	close(fd);
	if (got < 0) {
		free(buf);
		return err_errno(e, name);
	}
	buf[got] = '\0';
	*text = buf;
	*n = (size_t)got;
	return 0;
}

static int read_all(int dir, struct tokens *t, struct err *e)
{
	char *text, *p, *lf, *end;
	size_t n;

	memset(t, 0, sizeof *t);
	if (read_file(dir, &text, &n, e))
		return -1;
	if (!(t->token = calloc(TOKENS_MAX, sizeof *t->token))) {
		free(text);
		return err_errno(e, "memory");
	}
	for (p = text, end = text + n; p < end; p = lf + 1) {
		lf = memchr(p, '\n', (size_t)(end - p));
		if (!lf || t->n == TOKENS_MAX
		    || !read_line(p, (size_t)(lf - p), &t->token[t->n])) {
			free(text);
			tokens_free(t);
			return damaged(e);
		}
		t->n++;
	}
	free(text);
	return 0;
}

void tokens_free(struct tokens *t)
{
	free(t->token);
	memset(t, 0, sizeof *t);
}

static int open_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd == -1 ? err_errno(e, dir) : fd;
}

int tokens_read(const char *dir, struct tokens *t, struct err *e)
{
	int d = open_dir(dir, e), rc;

	if (d == -1)
		return -1;
	rc = read_all(d, t, e);
	close(d);
	return rc;
}

/* Whole under another name, then in the old one's place: the keeper reads at
 * any time. */
static int write_all(int dir, const struct tokens *t, struct err *e)
{
	static const char new_name[] = "tokens.new";
	bool fine;
	FILE *f;
	int fd;

	unlinkat(dir, new_name, 0);
	fd = openat(dir, new_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 || !(f = fdopen(fd, "w")))
		return err_errno(e, new_name);
	for (size_t i = 0; i < t->n; i++) {
		fprintf(f, "%0*llx ", TIME_HEX,
		        (unsigned long long)t->token[i].since);
		write_hex(f, t->token[i].salt, TOKEN_SALT);
		fputc(' ', f);
		write_hex(f, t->token[i].hash, TOKEN_HASH);
		fprintf(f, " %s\n", t->token[i].address);
	}
	fine = fflush(f) == 0 && !ferror(f) && fsync(fd) == 0
	       && renameat(dir, new_name, dir, name) == 0
	       && fsync(dir) == 0;
	if (!fine)
		err_errno(e, name);
	fclose(f);
	if (!fine)
		unlinkat(dir, new_name, 0);
	return fine ? 0 : -1;
}

static struct token *find(const struct tokens *t, const char *address)
{
	for (size_t i = 0; i < t->n; i++)
		if (addr_same(t->token[i].address, address))
			return &t->token[i];
	return NULL;
}

/* ---- one token ---- */

static void write_text(const unsigned char octets[TOKEN_OCTETS],
                       char text_secret[TOKEN_TEXT])
{
	static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned bits = 0, have = 0;
	char *out = text_secret;

	for (int i = 0; i < TOKEN_OCTETS; i++) {
		bits = bits << 8 | octets[i];
		for (have += 8; have >= 6; have -= 6)
			*out++ = set[bits >> (have - 6) & 63];
	}
	*out++ = set[bits << (6 - have) & 63];
	*out = '\0';
}

static int fill(struct token *t, const char *address, int64_t now,
                char text_secret[TOKEN_TEXT], struct err *e)
{
	unsigned char octets_secret[TOKEN_OCTETS];
	int rc = -1;

	memcpy(t->address, address, strlen(address) + 1);
	t->since = now;
	if (RAND_bytes(octets_secret, TOKEN_OCTETS) != 1
	    || RAND_bytes(t->salt, TOKEN_SALT) != 1) {
		err_set(e, gpg_error(GPG_ERR_GENERAL), "no randomness");
	} else {
		write_text(octets_secret, text_secret);
		rc = hash(address, text_secret, t->salt, t->hash, e);
	}
	OPENSSL_cleanse(octets_secret, sizeof octets_secret);
	return rc;
}

/* Read, change and write under a lock: two who do it at once both count. */
static int change(const char *dir, const char *address, int64_t now,
                  char *text_secret, bool *had, struct err *e)
{
	struct tokens t = { 0 };
	struct token *k;
	int d = open_dir(dir, e), rc = -1;

	if (d == -1)
		return -1;
	if (flock(d, LOCK_EX)) {
		err_errno(e, dir);
		goto out;
	}
	if (read_all(d, &t, e))
		goto out;
	k = find(&t, address);
	*had = k != NULL;
	if (text_secret) {
		if (!k && t.n == TOKENS_MAX) {
			err_set(e, gpg_error(GPG_ERR_TOO_MANY),
			        "there are too many tokens");
			goto out;
		}
		if (!k)
			k = &t.token[t.n++];
		if (fill(k, address, now, text_secret, e))
			goto out;
	} else if (k) {
		*k = t.token[--t.n];
	}
	rc = text_secret || *had ? write_all(d, &t, e) : 0;
out:
	if (rc && text_secret)
		OPENSSL_cleanse(text_secret, TOKEN_TEXT);
	tokens_free(&t);
	close(d);
	return rc;
}

int token_make(const char *dir, const char *address, int64_t now,
               char text_secret[TOKEN_TEXT], struct err *e)
{
	bool had;

	if (!addr_ok(address))
		return err_set(e, gpg_error(GPG_ERR_INV_VALUE),
		               "this is no address");
	return change(dir, address, now, text_secret, &had, e);
}

int token_remove(const char *dir, const char *address, bool *had,
                 struct err *e)
{
	return change(dir, address, 0, NULL, had, e);
}

int token_check(const char *dir, const char *address, const char *text_secret,
                bool *right, struct err *e)
{
	unsigned char digest[TOKEN_HASH];
	struct tokens t;
	const struct token *k;
	int rc = 0;

	*right = false;
	if (tokens_read(dir, &t, e))
		return -1;
	k = find(&t, address);
	if (k && (rc = hash(address, text_secret, k->salt, digest, e)) == 0)
		*right = CRYPTO_memcmp(digest, k->hash, TOKEN_HASH) == 0;
	tokens_free(&t);
	return rc;
}
