/* SPDX-License-Identifier: GPL-3.0-or-later */
/* accounts: what the configuration says of each; and which one a plug-in means. */
#include "agent/conf_value.h"
#include "agent/plugin.h"

const struct account *plugin_account(const struct plugin *p, json_t *request,
                                     struct fault *f)
{
	const char *name = json_string_value(json_object_get(request, "account"));
	const struct account *a = conf_account(p->conf, name);

	for (unsigned i = 0; !a && i < p->conf->n_accounts; i++)
		if (addr_ok(name) && account_owns(&p->conf->account[i], name))
			a = &p->conf->account[i];
	if (!a)
		fault_set(f, "no-account", "There is no such account");
	return a;
}

const char *plugin_from(const struct account *a, json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "account"));

	return addr_ok(name) && account_owns(a, name) ? name : a->address;
}

static json_t *describe(const struct account *a)
{
	static const char *const sign[] = {
		[SIGN_SEALED] = "sealed", [SIGN_ALWAYS] = "always",
		[SIGN_NEVER] = "never"
	};
	json_t *aliases = json_array();

	for (size_t i = 0; i < a->aliases.n; i++)
		json_array_append_new(aliases, json_words(a->aliases.addr[i]));
	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:b, s:b}",
	                 "address", json_words(a->address),
	                 "login", json_words(a->user), "aliases", aliases,
	                 "encrypt", conf_value_policy_word(a->encrypt),
	                 "sign", sign[a->sign],
	                 "submission", a->smtp.host != NULL,
	                 "pop3", a->pop3.host != NULL);
}

json_t *plugin_accounts(struct plugin *p, json_t *request, struct fault *f)
{
	json_t *list = json_array();

	(void)request, (void)f;
	for (unsigned i = 0; i < p->conf->n_accounts; i++)
		json_array_append_new(list, describe(&p->conf->account[i]));
	return json_pack("{s:o}", "accounts", list);
}
