/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The AUTH exchange with the client, whichever protocol it speaks. */
#include "agent/front_login.h"

#include <string.h>
#include <strings.h>

#include "agent/base64.h"

enum { AUTH_OCTETS = CLIENT_LINE_MAX / 4 * 3 };	/* of a line of base64 */

/* ---- what AUTH carries ---- */

/* One base64 line into out[size], NUL-terminated: 0, or -1. */
static int auth_decode(const char *b64, char *out, size_t size)
{
	ssize_t n = base64_decode(b64, strlen(b64), out, size - 1);

	if (n < 0 || memchr(out, '\0', (size_t)n))
		return -1;
	out[n] = '\0';
	return 0;
}

/* "authzid NUL user NUL password" (RFC 4616): 0, or -1. */
static int auth_plain(const char *b64, struct login *who)
{
	char buf_secret[AUTH_OCTETS];
	const char *user, *pass, *end;
	ssize_t n = base64_decode(b64, strlen(b64), buf_secret,
	                        sizeof buf_secret);
	int rc = -1;

	if (n < 0)
		goto out;
	end = buf_secret + n;
	/* authzid NUL authcid NUL passwd; an authzid must say the same */
	user = memchr(buf_secret, '\0', (size_t)n);
	if (!user)
		goto out;
	user++;
	pass = memchr(user, '\0', (size_t)(end - user));
	if (!pass)
		goto out;
	pass++;
	if (pass - user > ADDR_MAX || end - pass >= SECRET_MAX
	    || memchr(pass, '\0', (size_t)(end - pass)))
		goto out;
	if (buf_secret[0] && strcmp(buf_secret, user) != 0)
		goto out;
	memcpy(who->user, user, (size_t)(pass - user));
	memcpy(who->password_secret, pass, (size_t)(end - pass));
	who->password_secret[end - pass] = '\0';
	rc = 0;
out:
	explicit_bzero(buf_secret, sizeof buf_secret);
	return rc;
}

/* "Bearer" and a token (RFC 6750 section 2.1): what can be sent on as it is. */
static bool take_bearer(const char *p, size_t n, struct login *who)
{
	static const char word[] = "Bearer ";
	const size_t k = sizeof word - 1;

	if (n <= k || strncasecmp(p, word, k) != 0 || n - k >= SECRET_MAX)
		return false;
	for (size_t i = k; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return false;
	memcpy(who->password_secret, p + k, n - k);
	who->password_secret[n - k] = '\0';
	return true;
}

/* "key=value^A" ... "^A": the value of auth must be there, once. */
static bool take_pairs(const char *p, struct login *who)
{
	bool found = false;
	const char *end;

	for (; *p != '\1'; p = end + 1) {
		if (!(end = strchr(p, '\1')))
			return false;
		if (strncmp(p, "auth=", 5) != 0)
			continue;
		if (found || !take_bearer(p + 5, (size_t)(end - p) - 5, who))
			return false;
		found = true;
	}
	return found && p[1] == '\0';
}

static bool take_user(const char *p, size_t n, struct login *who)
{
	if (!n || n > ADDR_MAX)
		return false;
	memcpy(who->user, p, n);
	who->user[n] = '\0';
	return true;
}

/* "user=USER^Aauth=Bearer TOKEN^A^A" */
static bool read_xoauth2(char *p, struct login *who)
{
	char *end = strchr(p, '\1');

	return end && strncmp(p, "user=", 5) == 0
	       && take_user(p + 5, (size_t)(end - p) - 5, who)
	       && take_pairs(end + 1, who);
}

/* RFC 5801 section 4: "=2C" is a comma, "=3D" an equals sign. */
static bool unescape(char *p)
{
	char *out = p;

	while (*p) {
		if (*p != '=') {
			*out++ = *p++;
			continue;
		}
		if (strncmp(p, "=2C", 3) != 0 && strncmp(p, "=3D", 3) != 0)
			return false;
		*out++ = p[1] == '2' ? ',' : '=';
		p += 3;
	}
	*out = '\0';
	return true;
}

/* "n,a=USER,^Aauth=Bearer TOKEN^A^A" (RFC 7628 section 3.1); there is no channel
 * binding here, and no user besides the a=. */
static bool read_oauthbearer(char *p, struct login *who)
{
	char *end;

	if (strncmp(p, "n,a=", 4) != 0 && strncmp(p, "y,a=", 4) != 0)
		return false;
	p += 4;
	if (!(end = strchr(p, ',')) || end[1] != '\1')
		return false;
	*end = '\0';
	return unescape(p) && take_user(p, strlen(p), who)
	       && take_pairs(end + 2, who);
}

/* ---- the exchange ---- */

/* Ask, and take the client's line. */
static enum login_talk ask(struct client *c, const char *prompt,
                           const char *b64, char line[CLIENT_LINE_MAX])
{
	int n;

	client_say(c, "%s%s", prompt, b64);
	n = client_line(c, line, CLIENT_LINE_MAX);
	if (n == -1)
		return LOGIN_GONE;
	return n == -2 || strcmp(line, "*") == 0 ? LOGIN_ENDED : LOGIN_TAKEN;
}

static enum login_talk take_plain(struct client *c, const char *prompt,
                                  const char *b64, struct login *who)
{
	(void)c;
	(void)prompt;
	return auth_plain(b64, who) ? LOGIN_MALFORMED : LOGIN_TAKEN;
}

/* The user name came; the password is asked for. */
static enum login_talk take_login(struct client *c, const char *prompt,
                                  const char *b64, struct login *who)
{
	char line_secret[CLIENT_LINE_MAX];
	enum login_talk t;

	if (auth_decode(b64, who->user, sizeof who->user))
		return LOGIN_MALFORMED;
	t = ask(c, prompt, "UGFzc3dvcmQ6", line_secret);
	if (t == LOGIN_TAKEN
	    && auth_decode(line_secret, who->password_secret, SECRET_MAX))
		t = LOGIN_MALFORMED;
	explicit_bzero(line_secret, sizeof line_secret);
	return t;
}

static enum login_talk take_oauth(const char *b64, struct login *who,
                                  bool (*read)(char *p, struct login *who))
{
	char buf_secret[AUTH_OCTETS];
	enum login_talk t = LOGIN_MALFORMED;

	if (auth_decode(b64, buf_secret, sizeof buf_secret) == 0
	    && read(buf_secret, who)) {
		who->with = LOGIN_OAUTH;
		t = LOGIN_TAKEN;
	}
	explicit_bzero(buf_secret, sizeof buf_secret);
	return t;
}

static enum login_talk take_xoauth2(struct client *c, const char *prompt,
                                    const char *b64, struct login *who)
{
	(void)c;
	(void)prompt;
	return take_oauth(b64, who, read_xoauth2);
}

static enum login_talk take_oauthbearer(struct client *c, const char *prompt,
                                        const char *b64, struct login *who)
{
	(void)c;
	(void)prompt;
	return take_oauth(b64, who, read_oauthbearer);
}

static const struct mech {
	const char *name;
	const char *first;	/* what is asked first, in base64 */
	enum login_talk (*take)(struct client *c, const char *prompt,
	                        const char *b64, struct login *who);
} mechs[] = {
	{ "PLAIN", "", take_plain },
	{ "LOGIN", "VXNlcm5hbWU6", take_login },
	{ "XOAUTH2", "", take_xoauth2 },
	{ "OAUTHBEARER", "", take_oauthbearer },
};

static const struct mech *find(const char *name)
{
	for (size_t i = 0; i < sizeof mechs / sizeof mechs[0]; i++)
		if (strcasecmp(mechs[i].name, name) == 0)
			return &mechs[i];
	return NULL;
}

/* A client's own OAuth token is of use where the account's password is the
 * client's, too: whether the provider takes one is seen at the login. */
const char *login_mechs(const struct conf *conf, bool remote)
{
	for (unsigned i = 0; i < conf->n_accounts && !remote; i++)
		if (!conf->account[i].command)
			return "PLAIN LOGIN XOAUTH2 OAUTHBEARER";
	return "PLAIN LOGIN";
}

enum login_talk login_take(struct client *c, const char *prompt, char *arg,
                           struct login *who)
{
	char line_secret[CLIENT_LINE_MAX];
	char *initial = strchr(arg, ' ');
	enum login_talk t = LOGIN_TAKEN;
	const struct mech *m;

	if (initial)
		*initial++ = '\0';
	m = find(arg);
	if (!m)
		return LOGIN_UNKNOWN;
	who->with = LOGIN_PASSWORD;
	if (!initial || strcmp(initial, "=") == 0) {
		t = ask(c, prompt, m->first, line_secret);
		initial = line_secret;
	}
	if (t == LOGIN_TAKEN)
		t = m->take(c, prompt, initial, who);
	explicit_bzero(line_secret, sizeof line_secret);
	return t;
}
