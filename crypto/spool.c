/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeps cleartext until the verdict is in: in memory, then sealed in a file. */
#include "crypto/spool.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPOOL_KEY = 32, SPOOL_NONCE = 12, SPOOL_TAG = 16 };
enum { SPOOL_SEALED = SPOOL_RECORD + SPOOL_TAG };

#define SPOOL_NONE UINT64_MAX

struct spool {
	struct sink sink;
	int fd;
	bool failed;			/* takes no more until reset */
	uint64_t size;			/* octets of cleartext */
	uint64_t records;		/* in the file, each of them full */
	uint64_t cached;		/* the record in cache, or SPOOL_NONE */
	EVP_CIPHER_CTX *ctx;
	unsigned char key_secret[SPOOL_KEY];
	unsigned char memory[SPOOL_MEMORY];	/* the first octets */
	unsigned char tail[SPOOL_RECORD];	/* the last, not yet a record */
	unsigned char cache[SPOOL_RECORD];
	unsigned char sealed[SPOOL_SEALED];
};

/* Octets in tail. */
static size_t spool_tail(const struct spool *s)
{
	if (s->size <= SPOOL_MEMORY)
		return 0;
	return s->size - SPOOL_MEMORY - s->records * SPOOL_RECORD;
}

/* Each record is written once under its key: its number is a good nonce, and
 * a record moved to another place does not open there. */
static int spool_cipher(struct spool *s, int seal, uint64_t record,
                        const unsigned char *in, unsigned char *out)
{
	unsigned char nonce[SPOOL_NONCE] = { 0 };
	int n;

	for (int i = SPOOL_NONCE - 1; record; i--, record >>= 8)
		nonce[i] = record & 0xff;
	if (EVP_CipherInit_ex(s->ctx, NULL, NULL, s->key_secret, nonce,
	                      seal) != 1 ||
	    EVP_CipherUpdate(s->ctx, out, &n, in, SPOOL_RECORD) != 1)
		return -1;
	if (!seal && EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG,
	                                 SPOOL_TAG,
	                                 s->sealed + SPOOL_RECORD) != 1)
		return -1;
	if (EVP_CipherFinal_ex(s->ctx, out + n, &n) != 1)
		return -1;
	if (seal && EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG,
	                                SPOOL_TAG,
	                                s->sealed + SPOOL_RECORD) != 1)
		return -1;
	return 0;
}

static int spool_write_tail(struct spool *s, struct err *e)
{
	off_t at = (off_t)(s->records * SPOOL_SEALED);
	ssize_t k;

	if (spool_cipher(s, 1, s->records, s->tail, s->sealed))
		return err_set(e, GPG_ERR_INTERNAL,
		               "A record of the spool cannot be sealed");
	for (size_t done = 0; done < SPOOL_SEALED; done += (size_t)k) {
		k = pwrite(s->fd, s->sealed + done, SPOOL_SEALED - done,
		           at + (off_t)done);
		if (k < 0 && errno != EINTR)
			return err_errno(e, "The spool cannot be written");
		if (k < 0)
			k = 0;
	}
	s->records++;
	return 0;
}

static int spool_load(struct spool *s, uint64_t record, struct err *e)
{
	off_t at = (off_t)(record * SPOOL_SEALED);
	size_t done;
	ssize_t k;

	if (s->cached == record)
		return 0;
	s->cached = SPOOL_NONE;
	for (done = 0; done < SPOOL_SEALED; done += (size_t)k) {
		k = pread(s->fd, s->sealed + done, SPOOL_SEALED - done,
		          at + (off_t)done);
		if (k < 0 && errno != EINTR)
			return err_errno(e, "The spool cannot be read");
		if (!k)
			break;
		if (k < 0)
			k = 0;
	}
	if (done < SPOOL_SEALED ||
	    spool_cipher(s, 0, record, s->sealed, s->cache)) {
		OPENSSL_cleanse(s->cache, sizeof s->cache);
		return err_set(e, GPG_ERR_CHECKSUM,
		               "The spool is not what was written to it");
	}
	s->cached = record;
	return 0;
}

/* Where the next octets go, and how many there may be. */
static unsigned char *spool_room(struct spool *s, size_t *n, struct err *e)
{
	size_t used;

	if (s->size < SPOOL_MEMORY) {
		*n = SPOOL_MEMORY - s->size;
		return s->memory + s->size;
	}
	if (s->fd < 0) {
		err_set(e, GPG_ERR_TOO_LARGE,
		        "This is larger than the limit of %d octets",
		        SPOOL_MEMORY);
		return NULL;
	}
	if (spool_tail(s) == SPOOL_RECORD && spool_write_tail(s, e))
		return NULL;
	used = spool_tail(s);
	*n = SPOOL_RECORD - used;
	return s->tail + used;
}

static int spool_put(struct sink *sink, const void *buf, size_t n,
                     struct err *e)
{
	struct spool *s = (struct spool *)sink;
	const unsigned char *p = buf;
	unsigned char *to;
	size_t k;

	if (s->failed)
		return err_set(e, GPG_ERR_INV_STATE,
		               "The spool failed before this");
	while (n) {
		to = spool_room(s, &k, e);
		if (!to) {
			s->failed = true;
			return -1;
		}
		if (k > n)
			k = n;
		memcpy(to, p, k);
		s->size += k;
		p += k;
		n -= k;
	}
	return 0;
}

/* The cleartext at off, and how much of it lies together. */
static const unsigned char *spool_at(struct spool *s, uint64_t off, size_t *n,
                                     struct err *e)
{
	uint64_t record;
	size_t in;

	if (off < SPOOL_MEMORY) {
		in = s->size < SPOOL_MEMORY ? s->size : SPOOL_MEMORY;
		*n = in - off;
		return s->memory + off;
	}
	record = (off - SPOOL_MEMORY) / SPOOL_RECORD;
	in = (off - SPOOL_MEMORY) % SPOOL_RECORD;
	if (record == s->records) {
		*n = spool_tail(s) - in;
		return s->tail + in;
	}
	if (spool_load(s, record, e))
		return NULL;
	*n = SPOOL_RECORD - in;
	return s->cache + in;
}

ssize_t spool_read(struct spool *s, uint64_t off, void *buf, size_t n,
                   struct err *e)
{
	unsigned char *to = buf;
	const unsigned char *p;
	size_t done, k;

	for (done = 0; done < n && off < s->size; done += k, off += k) {
		p = spool_at(s, off, &k, e);
		if (!p) {
			OPENSSL_cleanse(buf, done);
			return -1;
		}
		if (k > n - done)
			k = n - done;
		memcpy(to + done, p, k);
	}
	return (ssize_t)done;
}

/* Forget the octets; the pages that were never used stay untouched. */
static void spool_wipe(struct spool *s)
{
	OPENSSL_cleanse(s->memory,
	                s->size < SPOOL_MEMORY ? s->size : SPOOL_MEMORY);
	if (s->size > SPOOL_MEMORY) {
		OPENSSL_cleanse(s->tail, sizeof s->tail);
		OPENSSL_cleanse(s->cache, sizeof s->cache);
	}
	OPENSSL_cleanse(s->key_secret, sizeof s->key_secret);
	s->size = s->records = 0;
	s->cached = SPOOL_NONE;
}

int spool_reset(struct spool *s, struct err *e)
{
	spool_wipe(s);
	s->failed = true;
	/* Without a new key the next record would have an old nonce. */
	if (RAND_bytes(s->key_secret, sizeof s->key_secret) != 1)
		return err_set(e, GPG_ERR_INTERNAL,
		               "There is no randomness for a key");
	if (s->fd >= 0 && ftruncate(s->fd, 0))
		return err_errno(e, "The spool cannot be emptied");
	s->failed = false;
	return 0;
}

struct spool *spool_new(int fd)
{
	struct spool *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->sink.put = spool_put;
	s->fd = fd;
	s->cached = SPOOL_NONE;
	s->ctx = EVP_CIPHER_CTX_new();
	if (s->ctx && RAND_bytes(s->key_secret, sizeof s->key_secret) == 1 &&
	    EVP_CipherInit_ex(s->ctx, EVP_aes_256_gcm(), NULL, NULL, NULL,
	                      1) == 1)
		return s;
	spool_free(s);
	return NULL;
}

struct sink *spool_sink(struct spool *s)
{
	return &s->sink;
}

uint64_t spool_size(const struct spool *s)
{
	return s->size;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	spool_wipe(s);
	EVP_CIPHER_CTX_free(s->ctx);
	free(s);
}
