/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys of each kind of section, their limits and their defaults. */
#include "agent/conf_key.h"

#include <string.h>

enum {
	SESSIONS_MAX = 256,
	BCC_MAX = 32,
	LOOK_AHEAD_MAX = 32,
	SECONDS_MAX = 3600,
	RATE_MAX = 1 << 20
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
SET(set_discover, conf_value_discover(v, &c->discover, e))
SET(set_size, conf_value_size(v, size_min, size_max, &c->max_message_size, e))
SET(set_sessions, conf_value_number(v, 1, SESSIONS_MAX, &c->max_sessions, e))
SET(set_per_user,
    conf_value_number(v, 1, SESSIONS_MAX, &c->max_sessions_per_user, e))
SET(set_recipients, conf_value_number(v, 1, CONF_RECIPIENTS_MAX,
                                      &c->max_recipients, e))
SET(set_users, conf_value_users(v, c->user, &c->n_users, e))
SET(set_allow_remote, conf_value_bool(v, &c->allow_remote, e))
SET(set_sandbox, conf_value_sandbox(v, &c->sandbox_required, e))
SET(set_bcc, conf_value_number(v, 0, BCC_MAX, &c->max_bcc, e))
SET(set_ahead, conf_value_number(v, 0, LOOK_AHEAD_MAX, &c->look_ahead, e))
SET(set_client_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->client_timeout, e))
SET(set_connect_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->connect_timeout, e))
SET(set_greeting_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->greeting_timeout, e))
SET(set_reply_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->reply_timeout, e))
SET(set_min_rate, conf_value_number(v, 0, RATE_MAX, &c->min_rate, e))
SET(set_provider_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->provider_timeout, e))
SET(set_gpg_timeout, conf_value_number(v, 1, SECONDS_MAX, &c->gpg_timeout, e))
SET(set_unlock_timeout,
    conf_value_number(v, 1, SECONDS_MAX, &c->unlock_timeout, e))
SET(set_user, conf_value_login(v, &last_account(c)->user, e))
SET(set_account_smtp, conf_value_server(v, &last_account(c)->smtp, e))
SET(set_account_pop3, conf_value_server(v, &last_account(c)->pop3, e))
SET(set_ca_file, conf_value_path(v, &last_account(c)->ca_file, e))
SET(set_pin, conf_value_pins(v, last_account(c)->pin,
                            &last_account(c)->n_pins, e))
SET(set_pin_only, conf_value_bool(v, &last_account(c)->pin_only, e))
SET(set_credentials,
    conf_value_credentials(v, &last_account(c)->command, e))
SET(set_login, conf_value_login_with(v, &last_account(c)->login, e))
SET(set_aliases, conf_value_aliases(v, &last_account(c)->aliases, e))
SET(set_key, conf_value_fpr(v, &last_account(c)->key, e))
SET(set_encrypt, conf_value_policy(v, &last_account(c)->encrypt, e))
SET(set_sign, conf_value_sign(v, &last_account(c)->sign, e))
SET(set_autocrypt, conf_value_bool(v, &last_account(c)->autocrypt, e))
SET(set_renew, conf_value_bool(v, &last_account(c)->renew, e))
SET(set_contact,
    conf_value_policy(v, &c->contact[c->n_contacts - 1].encrypt, e))

static const struct conf_key agent_keys[] = {
	{ "submission", set_submission, false },
	{ "pop3", set_pop3, false },
	{ "gnupghome", set_gnupghome, false },
	{ "discover", set_discover, false },
	{ "max-message-size", set_size, false },
	{ "max-sessions", set_sessions, false },
	{ "max-sessions-per-user", set_per_user, false },
	{ "max-recipients", set_recipients, false },
	{ "max-bcc", set_bcc, false },
	{ "look-ahead", set_ahead, false },
	{ "allow-remote", set_allow_remote, false },
	{ "users", set_users, false },
	{ "sandbox", set_sandbox, false },
	{ "client-timeout", set_client_timeout, false },
	{ "connect-timeout", set_connect_timeout, false },
	{ "greeting-timeout", set_greeting_timeout, false },
	{ "reply-timeout", set_reply_timeout, false },
	{ "provider-timeout", set_provider_timeout, false },
	{ "min-rate", set_min_rate, false },
	{ "gpg-timeout", set_gpg_timeout, false },
	{ "unlock-timeout", set_unlock_timeout, false },
	{ NULL, NULL, false }
};

static const struct conf_key account_keys[] = {
	{ "user", set_user, true },
	{ "smtp", set_account_smtp, false },
	{ "pop3", set_account_pop3, false },
	{ "ca-file", set_ca_file, false },
	{ "pin", set_pin, false },
	{ "pin-only", set_pin_only, false },
	{ "credentials", set_credentials, true },
	{ "login", set_login, false },
	{ "aliases", set_aliases, true },
	{ "key", set_key, false },
	{ "encrypt", set_encrypt, false },
	{ "sign", set_sign, false },
	{ "autocrypt", set_autocrypt, false },
	{ "renew", set_renew, false },
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
	[SECTION_AGENT] = { agent_keys, "submission, pop3, gnupghome, discover, "
		"max-message-size, max-sessions, max-sessions-per-user, "
		"max-recipients, max-bcc, look-ahead, allow-remote, users, "
		"sandbox, client-timeout, connect-timeout, greeting-timeout, "
		"reply-timeout, provider-timeout, min-rate, gpg-timeout, "
		"unlock-timeout" },
	[SECTION_ACCOUNT] = { account_keys,
		"user, smtp, pop3, ca-file, pin, pin-only, credentials, login, "
		"aliases, key, encrypt, sign, autocrypt, renew" },
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
	c->max_recipients = 1000;
	c->max_bcc = 8;
	c->look_ahead = 4;
	c->client_timeout = 300;
	c->connect_timeout = 20;
	c->greeting_timeout = 60;
	c->reply_timeout = 300;
	c->provider_timeout = 120;
	c->min_rate = 100;
	c->gpg_timeout = 30;
	c->unlock_timeout = 60;
	if (set_submission(c, &v, e) < 0)
		return -1;
	v.key = "pop3";
	v.text = "127.0.0.1:110";
	return set_pop3(c, &v, e);
}
