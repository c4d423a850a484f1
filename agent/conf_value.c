/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of the configuration: words, numbers, paths, addresses. */
#include "agent/conf_value.h"

#include <ctype.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SHOWN_MAX = 60,		/* octets of a bad value in a message */
	LOGIN_MAX = 320		/* octets of the name a client logs in with */
};

int conf_value_bad(const struct conf_value *v, struct err *e,
                   const char *fmt, ...)
{
	char shown[SHOWN_MAX + 4], what[ERR_TEXT_MAX];
	size_t n = 0;
	va_list ap;

	va_start(ap, fmt);
	if (vsnprintf(what, sizeof what, fmt, ap) < 0)
		*what = '\0';
	va_end(ap);
	for (; v->text[n] && n < SHOWN_MAX; n++)
		shown[n] = isprint((unsigned char)v->text[n]) ?
		           v->text[n] : '?';
	memcpy(shown + n, v->text[n] ? "..." : "", v->text[n] ? 4 : 1);
	if (v->private || !n)
		return err_set(e, GPG_ERR_CONFIGURATION, "%s:%u: %s: %s",
		               v->path, v->line, v->key, what);
	return err_set(e, GPG_ERR_CONFIGURATION, "%s:%u: %s = %s: %s",
	               v->path, v->line, v->key, shown, what);
}

int conf_value_copy(const struct conf_value *v, const char *text, size_t n,
                      char **out, struct err *e)
{
	char *copy = strndup(text, n);

	if (!copy)
		return err_errno(e, v->path);
	free(*out);
	*out = copy;
	return 0;
}

const struct conf_word *conf_value_word(const struct conf_word *w, const char *text)
{
	for (; w->name; w++)
		if (!strcmp(w->name, text))
			return w;
	return NULL;
}

static const struct conf_word policies[] = {
	{ "always", POLICY_ALWAYS }, { "ask", POLICY_ASK },
	{ "when-possible", POLICY_WHEN_POSSIBLE }, { "never", POLICY_NEVER },
	{ NULL, 0 }
};

const char *conf_value_policy_word(enum policy policy)
{
	const struct conf_word *w = policies;

	while (w->name && w->value != (int)policy)
		w++;
	return w->name;
}

int conf_value_policy(const struct conf_value *v, enum policy *out,
                      struct err *e)
{
	const struct conf_word *w = conf_value_word(policies, v->text);

	if (!w)
		return conf_value_bad(v, e, "one of always, ask, when-possible, "
		                      "never is wanted");
	*out = (enum policy)w->value;
	return 0;
}

int conf_value_sign(const struct conf_value *v, enum sign *out, struct err *e)
{
	static const struct conf_word words[] = {
		{ "sealed", SIGN_SEALED }, { "always", SIGN_ALWAYS },
		{ "never", SIGN_NEVER }, { NULL, 0 }
	};
	const struct conf_word *w = conf_value_word(words, v->text);

	if (!w)
		return conf_value_bad(v, e, "one of sealed, always, never is wanted");
	*out = (enum sign)w->value;
	return 0;
}

int conf_value_bool(const struct conf_value *v, bool *out, struct err *e)
{
	static const struct conf_word words[] = {
		{ "yes", true }, { "no", false }, { NULL, 0 }
	};
	const struct conf_word *w = conf_value_word(words, v->text);

	if (!w)
		return conf_value_bad(v, e, "yes or no is wanted");
	*out = w->value;
	return 0;
}

const char *conf_value_digits(const char *p, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)*p))
		return NULL;
	for (; isdigit((unsigned char)*p); p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (digit > max || n > (max - digit) / 10)
			return NULL;
		n = n * 10 + digit;
	}
	*out = n;
	return p;
}

int conf_value_number(const struct conf_value *v, unsigned min, unsigned max,
                      unsigned *out, struct err *e)
{
	uint64_t n = 0;
	const char *end = conf_value_digits(v->text, max, &n);

	if (!end || *end || n < min)
		return conf_value_bad(v, e, "a number from %u to %u is wanted",
		                      min, max);
	*out = (unsigned)n;
	return 0;
}

int conf_value_size(const struct conf_value *v, uint64_t min, uint64_t max,
                    uint64_t *out, struct err *e)
{
	static const char units[] = "KMG";
	uint64_t n = 0, unit = 1;
	const char *end = conf_value_digits(v->text, max, &n);
	const char *u = end && *end ? strchr(units, *end) : NULL;

	if (u) {
		unit = UINT64_C(1) << 10 * (u - units + 1);
		end++;
	}
	if (!end || *end || n > max / unit || n * unit < min)
		return conf_value_bad(v, e, "a size such as 100M, 64K or 2G is "
		                      "wanted, from %" PRIu64 "K to %" PRIu64 "G",
		                      min >> 10, max >> 30);
	*out = n * unit;
	return 0;
}

int conf_value_login(const struct conf_value *v, char **out, struct err *e)
{
	size_t n = strlen(v->text);

	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)v->text[i]))
			n = 0;
	if (n < 1 || n > LOGIN_MAX)
		return conf_value_bad(v, e, "the name the mail client logs in with "
		                      "is wanted");
	return conf_value_copy(v, v->text, n, out, e);
}

static const char *home_dir(void)
{
	const char *home = getenv("HOME");
	const struct passwd *pw;

	if (home && *home == '/')
		return home;
	pw = getpwuid(getuid());
	return pw && pw->pw_dir && *pw->pw_dir == '/' ? pw->pw_dir : NULL;
}

int conf_value_path(const struct conf_value *v, char **out, struct err *e)
{
	const char *rest = v->text, *home = "";
	char *full = NULL;
	size_t n = strlen(rest);

	if (!strcmp(rest, "~") || !strncmp(rest, "~/", 2)) {
		home = home_dir();
		if (!home)
			return conf_value_bad(v, e, "HOME is not set, so a path that "
			                      "begins with / is wanted");
		rest++;
	} else if (*rest != '/') {
		return conf_value_bad(v, e, "a path that begins with / or ~/ is "
		                      "wanted");
	}
	n += strlen(home) + 1;
	full = malloc(n);
	if (!full)
		return err_errno(e, v->path);
	if (snprintf(full, n, "%s%s", home, rest) >= (int)n)
		abort();
	free(*out);
	*out = full;
	return 0;
}

int conf_value_fpr(const struct conf_value *v, char **out, struct err *e)
{
	const char *p = v->text;
	char hex[41];
	size_t n = 0;

	if (!strncmp(p, "0x", 2))
		p += 2;
	for (; *p && n < sizeof hex; p++) {
		if (isxdigit((unsigned char)*p))
			hex[n++] = (char)toupper((unsigned char)*p);
		else if (*p != ' ')
			break;
	}
	if (*p || n != 40)
		return conf_value_bad(v, e, "a fingerprint of 40 hex digits is "
		                      "wanted (gpg --list-secret-keys shows it)");
	return conf_value_copy(v, hex, n, out, e);
}

bool conf_value_is_domain(const char *pattern)
{
	char addr[ADDR_MAX + 1];
	int n;

	if (*pattern == '*')
		pattern++;
	if (*pattern != '@')
		return false;
	n = snprintf(addr, sizeof addr, "x%s", pattern);
	return n > 0 && n < (int)sizeof addr && addr_ok(addr);
}

char *conf_value_piece(char **list)
{
	char *p = strsep(list, ","), *end;

	if (!p)
		return NULL;
	p += strspn(p, " \t");
	end = p + strlen(p);
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return p;
}

int conf_value_list(const struct conf_value *v, const struct conf_list *list,
                    void *out, unsigned *n, struct err *e)
{
	char *copy = strdup(v->text), *rest = copy, *p;
	unsigned char *item = calloc(list->most, list->size);
	unsigned got = 0;
	int ret = -1;

	if (!copy || !item) {
		err_errno(e, v->path);
		goto out;
	}
	while ((p = conf_value_piece(&rest))) {
		if (got == list->most) {
			conf_value_bad(v, e, "at most %u %s are possible",
			               list->most, list->many);
			goto out;
		}
		if (!list->read(p, item + got++ * list->size)) {
			conf_value_bad(v, e, "%s", list->wanted);
			goto out;
		}
	}
	memcpy(out, item, got * list->size);
	*n = got;
	ret = 0;
out:
	free(item);
	free(copy);
	return ret;
}

int conf_value_aliases(const struct conf_value *v, struct addrs *out,
                       struct err *e)
{
	struct addrs list = { 0 };
	char *copy = strdup(v->text), *rest = copy, *p;
	int ret = -1;

	if (!copy)
		return err_errno(e, v->path);
	while ((p = conf_value_piece(&rest))) {
		bool any = *p == '*' && conf_value_is_domain(p);

		if (!any && (*p == '*' || !addr_ok(p))) {
			conf_value_bad(v, e, "addresses or *@domain, with commas "
			               "between them, are wanted");
			goto out;
		}
		if (addrs_add(&list, p, e) < 0)
			goto out;
	}
	addrs_free(out);
	*out = list;
	memset(&list, 0, sizeof list);
	ret = 0;
out:
	addrs_free(&list);
	free(copy);
	return ret;
}
