/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of each kind of section, their limits and their defaults. */
#include "agent/conf_key.h"

#include <string.h>

enum {
	SESSIONS_MAX = 256,
	BCC_MAX = 32,
	LOOK_AHEAD_MAX = 32,
	SECONDS_MAX = 3600
};

static const uint64_t size_min = UINT64_C(64) << 10;	/* octets */
static const uint64_t size_max = UINT64_C(64) << 30;

/* The section that is being read is the last one. */
static struct account *last_account(struct conf *c)
{
	return &c->account[c->n_accounts - 1];
}

#define SET(name, ...) \
	static int name(struct conf *c, const struct conf_value *v, \
	                struct err *e) \
	{ \
		return __VA_ARGS__; \
	}

SET(set_submission, conf_value_listen(v, c->submission, &c->n_submission, e))
SET(set_pop3, conf_value_listen(v, c->pop3, &c->n_pop3, e))
SET(set_gnupghome, conf_value_path(v, &c->gnupghome, e))
SET(set_size, conf_value_size(v, size_min, size_max, &c->max_message_size, e))
SET(set_sessions, conf_value_number(v, 1, SESSIONS_MAX, &c->max_sessions, e))
SET(set_bcc, conf_value_number(v, 0, BCC_MAX, &c->max_bcc, e))
SET(set_ahead, conf_value_number(v, 0, LOOK_AHEAD_MAX, &c->look_ahead, e))
SET(set_client_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->client_timeout, e))
SET(set_provider_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->provider_timeout, e))
SET(set_gpg_timeout, conf_value_number(v, 1, SECONDS_MAX, &c->gpg_timeout, e))
SET(set_unlock_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->unlock_timeout, e))
SET(set_user, conf_value_login(v, &last_account(c)->user, e))
SET(set_account_smtp, conf_value_server(v, &last_account(c)->smtp, e))
SET(set_account_pop3, conf_value_server(v, &last_account(c)->pop3, e))
SET(set_ca_file, conf_value_path(v, &last_account(c)->ca_file, e))
SET(set_aliases, conf_value_aliases(v, &last_account(c)->aliases, e))
SET(set_key, conf_value_fpr(v, &last_account(c)->key, e))
SET(set_encrypt, conf_value_policy(v, &last_account(c)->encrypt, e))
SET(set_sign, conf_value_sign(v, &last_account(c)->sign, e))
SET(set_contact,
    conf_value_policy(v, &c->contact[c->n_contacts - 1].encrypt, e))

static int set_allow_remote(struct conf *c, const struct conf_value *v,
                            struct err *e)
{
	bool yes = false;

	if (conf_value_bool(v, &yes, e) < 0)
		return -1;
	if (yes)
		return conf_value_bad(v, e, "other machines cannot be served yet, "
		                      "so no is wanted");
	c->allow_remote = yes;
	return 0;
}

static const struct conf_key agent_keys[] = {
	{ "submission", set_submission, false },
	{ "pop3", set_pop3, false },
	{ "gnupghome", set_gnupghome, false },
	{ "max-message-size", set_size, false },
	{ "max-sessions", set_sessions, false },
	{ "max-bcc", set_bcc, false },
	{ "look-ahead", set_ahead, false },
	{ "allow-remote", set_allow_remote, false },
	{ "client-timeout", set_client_timeout, false },
	{ "provider-timeout", set_provider_timeout, false },
	{ "gpg-timeout", set_gpg_timeout, false },
	{ "unlock-timeout", set_unlock_timeout, false },
	{ NULL, NULL, false }
};

static const struct conf_key account_keys[] = {
	{ "user", set_user, true },
	{ "smtp", set_account_smtp, false },
	{ "pop3", set_account_pop3, false },
	{ "ca-file", set_ca_file, false },
	{ "aliases", set_aliases, true },
	{ "key", set_key, false },
	{ "encrypt", set_encrypt, false },
	{ "sign", set_sign, false },
	{ NULL, NULL, false }
};

static const struct conf_key contact_keys[] = {
	{ "encrypt", set_contact, false },
	{ NULL, NULL, false }
};

static const struct {
	const struct conf_key *keys;
	const char *wanted;
} sections[] = {
	[SECTION_NONE] = { NULL, NULL },
	[SECTION_AGENT] = { agent_keys, "submission, pop3, gnupghome, "
		"max-message-size, max-sessions, max-bcc, look-ahead, "
		"allow-remote, client-timeout, provider-timeout, gpg-timeout, "
		"unlock-timeout" },
	[SECTION_ACCOUNT] = { account_keys,
		"user, smtp, pop3, ca-file, aliases, key, encrypt, sign" },
	[SECTION_CONTACT] = { contact_keys, "encrypt" }
};

const struct conf_key *conf_keys(enum conf_section section)
{
	return sections[section].keys;
}

const char *conf_key_names(enum conf_section section)
{
	return sections[section].wanted;
}

int conf_defaults(struct conf *c, const char *path, struct err *e)
{
	struct conf_value v = { path, 0, "submission", "127.0.0.1:587", false };

	c->path = strdup(path);
	if (!c->path)
		return err_errno(e, path);
	c->max_message_size = UINT64_C(100) << 20;
	c->max_sessions = 16;
	c->max_bcc = 8;
	c->look_ahead = 4;
	c->client_timeout = 300;
	c->provider_timeout = 120;
	c->gpg_timeout = 30;
	c->unlock_timeout = 60;
	if (set_submission(c, &v, e) < 0)
		return -1;
	v.key = "pop3";
	v.text = "127.0.0.1:110";
	return set_pop3(c, &v, e);
}
