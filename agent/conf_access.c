/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of the configuration that say who is let in and how we are. */
#include "agent/conf_value.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum { COMMAND_MAX = 1024 };	/* octets of a command */

/* A user's number, by name or as it is. */
static bool read_user(char *text, void *item)
{
	const struct passwd *pw;
	uint64_t n = 0;
	const char *end = conf_value_digits(text, (uid_t)-2, &n);
	uid_t *user = item;

	if (end && !*end) {
		*user = (uid_t)n;
		return true;
	}
	pw = *text ? getpwnam(text) : NULL;
	if (pw)
		*user = pw->pw_uid;
	return pw != NULL;
}

int conf_value_users(const struct conf_value *v, uid_t out[CONF_USERS_MAX],
                     unsigned *n, struct err *e)
{
	static const struct conf_list list = {
		CONF_USERS_MAX, sizeof *out, read_user, "users",
		"names or numbers of this machine's users, with commas between "
		"them, are wanted"
	};

	return conf_value_list(v, &list, out, n, e);
}

/* "sha256//" and 44 characters of base64. */
static bool read_pin(char *text, void *pin)
{
	static const char start[] = "sha256//";
	const size_t n = sizeof start - 1;
	unsigned char octets[33];

	if (strncmp(text, start, n) != 0 || strlen(text) != n + 44 ||
	    text[n + 43] != '=' || text[n + 42] == '=' ||
	    EVP_DecodeBlock(octets, (const unsigned char *)text + n, 44) != 33)
		return false;
	memcpy(pin, octets, 32);
	return true;
}

int conf_value_pins(const struct conf_value *v,
                    unsigned char out[CONF_PINS_MAX][32], unsigned *n,
                    struct err *e)
{
	static const struct conf_list list = {
		CONF_PINS_MAX, sizeof *out, read_pin, "pins",
		"sha256// and the base64 of a public key's SHA-256 is wanted"
	};

	return conf_value_list(v, &list, out, n, e);
}

int conf_value_credentials(const struct conf_value *v, char **out,
                           struct err *e)
{
	static const char word[] = "command";
	const char *p = v->text, *end = p + strlen(p);

	if (strcmp(p, "client") == 0) {
		free(*out);
		*out = NULL;
		return 0;
	}
	if (strncmp(p, word, sizeof word - 1) != 0)
		goto bad;
	p += sizeof word - 1;
	p += strspn(p, " \t");
	if (end - p < 3 || *p != '"' || end[-1] != '"' ||
	    end - p - 2 > COMMAND_MAX)
		goto bad;
	return conf_value_copy(v, p + 1, (size_t)(end - p - 2), out, e);
bad:
	return conf_value_bad(v, e, "client, or command and a command in "
	                      "quotes that prints the secret, is wanted, such "
	                      "as command \"pass mail/alice\"");
}

int conf_value_login_with(const struct conf_value *v, enum login_with *out,
                          struct err *e)
{
	static const struct conf_word words[] = {
		{ "password", LOGIN_PASSWORD }, { "oauth", LOGIN_OAUTH },
		{ NULL, 0 }
	};
	const struct conf_word *w = conf_value_word(words, v->text);

	if (!w)
		return conf_value_bad(v, e, "password or oauth is wanted");
	*out = (enum login_with)w->value;
	return 0;
}

int conf_value_sandbox(const struct conf_value *v, bool *required,
                       struct err *e)
{
	static const struct conf_word words[] = {
		{ "when-possible", false }, { "required", true }, { NULL, 0 }
	};
	const struct conf_word *w = conf_value_word(words, v->text);

	if (!w)
		return conf_value_bad(v, e, "when-possible or required is wanted");
	*required = w->value;
	return 0;
}

int conf_value_discover(const struct conf_value *v, enum discover *out,
                        struct err *e)
{
	static const struct conf_word words[] = {
		{ "wkd", DISCOVER_WKD }, { "none", DISCOVER_NONE }, { NULL, 0 }
	};
	const struct conf_word *w = conf_value_word(words, v->text);

	if (!w)
		return conf_value_bad(v, e, "wkd or none is wanted");
	*out = (enum discover)w->value;
	return 0;
}
