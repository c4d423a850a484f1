/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Autocrypt's fields: read without mercy, written at their smallest. */
#include "crypto/autocrypt.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "crypto/keydata.h"
#include "crypto/transfer.h"

enum {
	COLUMNS = 76,
	CHUNK = (COLUMNS - 1) / 4 * 3	/* octets of a key in one line */
};

/* ---- reading ---- */

static char *trimmed(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

/* 1, 0 where it is no public key, -1. */
static int take_key(struct autocrypt *a, const char *text, struct err *e)
{
	struct untransfer t;
	struct keydata k;
	struct membuf m;
	int rc = 0;

	membuf_init(&m, AUTOCRYPT_FIELD_MAX);
	untransfer_init(&t, TRANSFER_BASE64, &m.sink);
	if (sink_put(&t.sink, text, strlen(text), e)) {
		rc = -1;
		goto out;
	}
	untransfer_end(&t);
	if (t.bad || keydata_read(&k, m.buf, m.len, NULL) || !k.has_uid)
		goto out;
	memcpy(a->fpr, k.fpr, sizeof a->fpr);
	a->key = malloc(m.len);
	if (!a->key) {
		rc = err_errno(e, "memory");
		goto out;
	}
	memcpy(a->key, m.buf, m.len);
	a->n = m.len;
	rc = 1;
out:
	membuf_free(&m);
	return rc;
}

/* An attribute: 1, 0 where the field can't be valid, -1. */
static int take(struct autocrypt *a, const char *name, const char *value,
                struct err *e)
{
	if (strcasecmp(name, "addr") == 0) {
		if (*a->addr || strlen(value) > ADDR_MAX || !addr_ok(value))
			return 0;
		memcpy(a->addr, value, strlen(value) + 1);
		return 1;
	}
	if (strcasecmp(name, "prefer-encrypt") == 0) {
		a->mutual = strcmp(value, "mutual") == 0;
		return 1;
	}
	if (strcasecmp(name, "keydata") == 0)
		return a->key ? 0 : take_key(a, value, e);
	return name[0] == '_';
}

/* keydata is the last one: nothing is behind it. */
static int take_all(struct autocrypt *a, char *text, struct err *e)
{
	char *at = text, *end, *eq;
	int r = 1;

	while (r == 1 && at) {
		if (a->key)
			return *trimmed(at) == '\0';
		end = strchr(at, ';');
		if (end)
			*end++ = '\0';
		eq = strchr(at, '=');
		if (!eq)
			return 0;
		*eq = '\0';
		r = take(a, trimmed(at), trimmed(eq + 1), e);
		at = end;
	}
	return r;
}

int autocrypt_read(const struct field *f, struct autocrypt *a, struct err *e)
{
	char *text;
	int r;

	memset(a, 0, sizeof *a);
	if (f->odd || f->raw_len > AUTOCRYPT_FIELD_MAX)
		return 0;
	if (!(text = field_text(f)))
		return err_errno(e, "memory");
	r = take_all(a, text, e);
	free(text);
	if (r == 1 && *a->addr && a->key)
		return 1;
	autocrypt_free(a);
	return r == -1 ? -1 : 0;
}

void autocrypt_free(struct autocrypt *a)
{
	free(a->key);
	memset(a, 0, sizeof *a);
}

int autocrypt_of(const struct header *h, const char *from, struct autocrypt *a,
                 struct err *e)
{
	struct autocrypt other;
	int r, found = 0;

	memset(a, 0, sizeof *a);
	for (size_t i = 0; i < h->n; i++) {
		if (!field_is(&h->field[i], AUTOCRYPT_NAME))
			continue;
		r = autocrypt_read(&h->field[i], &other, e);
		/* one for somebody else is not valid here (section "The
		 * Autocrypt Header") */
		if (r == 1 && !addr_same(other.addr, from)) {
			autocrypt_free(&other);
			continue;
		}
		if (r == 1 && ++found == 1) {
			*a = other;
			continue;
		}
		autocrypt_free(&other);
		if (r == -1 || found > 1) {
			autocrypt_free(a);
			return r == -1 ? -1 : 0;
		}
	}
	return found;
}

bool autocrypt_ignores(const struct header *h)
{
	const struct field *f = header_get(h, "Auto-Submitted", 0);
	char *token = f ? field_token(f) : NULL;
	bool machine = token && strcmp(token, "auto-replied") == 0;

	free(token);
	if (machine)
		return true;
	f = header_get(h, "Content-Type", 0);
	token = f ? field_token(f) : NULL;
	machine = token && strcmp(token, "multipart/report") == 0;
	free(token);
	return machine;
}

/* ---- writing ---- */

static bool can_stand(const char *addr)
{
	if (!addr_ok(addr))
		return false;
	for (; *addr; addr++)
		if (*addr <= ' ' || *addr > '~' || *addr == ';')
			return false;
	return true;
}

int autocrypt_write(struct sink *out, const char *name, const char *addr,
                    bool mutual, const void *key, size_t n, struct err *e)
{
	char line[1 + 4 * (CHUNK / 3) + 3];
	const unsigned char *p = key;
	struct membuf m;
	size_t some;
	int rc = -1, len;

	if (!can_stand(addr))
		return err_set(e, gpg_error(GPG_ERR_INV_VALUE),
		               "This address can't be told with a key");
	membuf_init(&m, AUTOCRYPT_FIELD_MAX);
	if (membuf_printf(&m, e, "%s: addr=%s;%s\r\n keydata=\r\n", name, addr,
	                  mutual ? " prefer-encrypt=mutual;" : ""))
		goto out;
	for (; n; p += some, n -= some) {
		some = n < CHUNK ? n : CHUNK;
		line[0] = ' ';
		len = EVP_EncodeBlock((unsigned char *)line + 1, p, (int)some);
		memcpy(line + 1 + len, "\r\n", 2);
		if (sink_put(&m.sink, line, (size_t)len + 3, e))
			goto out;
	}
	rc = sink_put(out, m.buf, m.len, e);
out:
	membuf_free(&m);
	return rc;
}
