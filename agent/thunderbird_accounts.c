/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The outgoing server of accounts in Thunderbird's profiles: an entry of our own
 * beside those that are there, since others may use these. */
#include "agent/thunderbird_accounts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/addr.h"
#include "agent/file.h"
#include "agent/thunderbird.h"
#include "agent/thunderbird_prefs.h"
#include "crypto/sink.h"

enum { OVERRIDE_MAX = 1 << 20, KEYS_MAX = 16 << 20 };

/* Ours, in the profile: the server's key, and the identity's before. */
#define OURS "letterlock.smtp."
#define BEFORE "letterlock.before."

struct job {
	const struct thunderbird_account *a;
	const char *profile;
	json_t *prefs, *changes;
	unsigned found;			/* identities of the address */
	bool fetches;			/* one of them by POP3 */
	bool undo;			/* then these are the ones with our server */
};

struct all {
	const struct thunderbird_account *a;
	int left;			/* profiles in which Thunderbird runs */
};

/* ---- values ---- */

static void set(struct job *j, json_t *value, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The reference is taken; NULL removes it. */
static void set(struct job *j, json_t *value, const char *fmt, ...)
{
	char name[THUNDERBIRD_NAME_SIZE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(name, sizeof name, fmt, ap);
	va_end(ap);
	if (n < (int)sizeof name)
		json_object_set_new(j->changes, name, value ? value
		                                            : json_null());
	else
		json_decref(value);
}

/* As it is, with what was changed so far. */
static const char *text(const struct job *j, const char *fmt, const char *id)
{
	char name[THUNDERBIRD_NAME_SIZE];
	const char *s;
	json_t *v;

	snprintf(name, sizeof name, "%s%.150s", fmt, id);
	v = json_object_get(j->changes, name);
	s = json_string_value(v ? v : json_object_get(j->prefs, name));
	return s ? s : "";
}

static const char *host_of(const struct listen *l)
{
	static char host[ADDR_HOST_MAX];

	addr_host(&l->addr, host);
	return host;
}

static unsigned port_of(const struct listen *l)
{
	return addr_port(&l->addr);
}

/* ---- the outgoing server ---- */

/* The list of outgoing servers with this one, or without. */
static void list(struct job *j, const char *key, bool with)
{
	char *keys = strdup(text(j, "mail.smtpservers", "")), *save = NULL, *word;
	struct membuf m;

	if (!keys)
		return;
	membuf_init(&m, KEYS_MAX);
	for (word = strtok_r(keys, ", ", &save); word;
	     word = strtok_r(NULL, ", ", &save))
		if (strcmp(word, key) != 0)
			membuf_printf(&m, NULL, "%s%s", m.len ? "," : "", word);
	if (with)
		membuf_printf(&m, NULL, "%s%s", m.len ? "," : "", key);
	set(j, json_stringn(m.buf ? m.buf : "", m.len), "mail.smtpservers");
	membuf_free(&m);
	free(keys);
}

/* A key that no server ever had: "smtp" and a number. */
static void new_key(const struct job *j, char *key, size_t size)
{
	const char *lists[] = { text(j, "mail.smtpservers", "") }, *name, *at;
	unsigned long most = 0, n;
	json_t *value;

	for (at = lists[0]; (at = strstr(at, "smtp")); at += 4)
		if ((n = strtoul(at + 4, NULL, 10)) > most && n < 1000000)
			most = n;
	json_object_foreach(j->prefs, name, value)
		if (sscanf(name, "mail.smtpserver.smtp%6lu.", &n) == 1
		    && n > most)
			most = n;
	snprintf(key, size, "smtp%lu", most + 1);
}

/* None, STARTTLS, TLS as Thunderbird numbers them. */
static int security(const struct listen *l)
{
	return l->tls == LOCAL_TLS ? 3 : l->tls == LOCAL_STARTTLS ? 2 : 0;
}

static void set_server(struct job *j, const char *key)
{
	const struct thunderbird_account *a = j->a;

	set(j, json_string("smtp"), "mail.smtpserver.%s.type", key);
	set(j, json_string("Letterlock"), "mail.smtpserver.%s.description", key);
	set(j, json_string(host_of(a->smtp)), "mail.smtpserver.%s.hostname",
	    key);
	set(j, json_integer(port_of(a->smtp)), "mail.smtpserver.%s.port", key);
	set(j, json_integer(security(a->smtp)), "mail.smtpserver.%s.try_ssl",
	    key);
	set(j, json_integer(3), "mail.smtpserver.%s.authMethod", key);
	set(j, json_string(a->user), "mail.smtpserver.%s.username", key);
}

static void use(struct job *j, const char *identity)
{
	char key[64];
	const char *ours = text(j, OURS, identity);

	if (*ours && strlen(ours) < sizeof key)
		snprintf(key, sizeof key, "%s", ours);
	else
		new_key(j, key, sizeof key);
	if (strcmp(thunderbird_pref_text(j->prefs, "identity", identity,
	                                 "smtpServer"), key) != 0)
		set(j, json_string(thunderbird_pref_text(
			j->prefs, "identity", identity, "smtpServer")),
		    BEFORE "%s", identity);
	set(j, json_string(key), OURS "%s", identity);
	set(j, json_string(key), "mail.identity.%s.smtpServer", identity);
	set_server(j, key);
	list(j, key, true);
}

static void give_back(struct job *j, const char *identity)
{
	const char *key = text(j, OURS, identity), *name;
	const char *before = text(j, BEFORE, identity);
	char prefix[THUNDERBIRD_NAME_SIZE];
	json_t *value;

	if (!*key)
		return;
	snprintf(prefix, sizeof prefix, "mail.smtpserver.%.100s.", key);
	if (strcmp(thunderbird_pref_text(j->prefs, "identity", identity,
	                                 "smtpServer"), key) == 0)
		set(j, *before ? json_string(before) : NULL,
		    "mail.identity.%s.smtpServer", identity);
	if (strcmp(text(j, "mail.smtp.defaultserver", ""), key) == 0)
		set(j, *before ? json_string(before) : NULL,
		    "mail.smtp.defaultserver");
	list(j, key, false);
	json_object_foreach(j->prefs, name, value)
		if (strncmp(name, prefix, strlen(prefix)) == 0)
			set(j, NULL, "%s", name);
	set(j, NULL, OURS "%s", identity);
	set(j, NULL, BEFORE "%s", identity);
}

static void look_at(void *arg, const char *identity, const char *address)
{
	struct job *j = arg;
	const char *server = thunderbird_server_of(j->prefs, identity);

	if (!addr_same(address, j->a->address)
	    || (j->undo && !*text(j, OURS, identity)))
		return;
	j->found++;
	j->fetches = j->fetches
	             || (strcmp(thunderbird_pref_text(j->prefs, "server", server,
	                                              "type"), "pop3") == 0
	                 && !thunderbird_is_local(thunderbird_pref_text(
				j->prefs, "server", server, "hostname")));
	if (!j->changes)
		return;
	if (j->a->smtp)
		use(j, identity);
	else
		give_back(j, identity);
}

/* ---- the certificate ---- */

/* Trusted for this port alone: a line of cert_override.txt, others stay. */
static int put_override(const char *old, const struct listen *l,
                        const char *print, struct membuf *out, struct err *e)
{
	char begin[INET6_ADDRSTRLEN + 16];
	const int b = snprintf(begin, sizeof begin, "%s:%u:", host_of(l),
	                       port_of(l));
	size_t n;
	int rc = 0;

	for (; rc == 0 && *old; old += n) {
		n = strcspn(old, "\n");
		n += old[n] == '\n';
		if (strncmp(old, begin, (size_t)b) != 0)
			rc = sink_put(&out->sink, old, n, e);
	}
	if (rc || l->tls == LOCAL_OFFERED || !print)
		return rc;
	return membuf_printf(out, e, "%s%s\tOID.2.16.840.1.101.3.4.2.1\t%s\t\n",
	                     out->len && out->buf[out->len - 1] != '\n' ? "\n"
	                     : "", begin, print);
}

static int trust(const struct job *j, const struct listen *l, struct err *e)
{
	char *path = file_path(j->profile, "/cert_override.txt", NULL);
	char *old = NULL;
	struct membuf out;
	size_t n;
	int rc = -1;

	membuf_init(&out, OVERRIDE_MAX);
	if (!path)
		err_errno(e, "memory");
	else if (!(old = file_read(path, OVERRIDE_MAX, &n, e))
	         && gpg_err_code(e->code) != GPG_ERR_ENOENT)
		;
	else if (put_override(old ? old : "", l, j->a->print, &out, e) == 0)
		rc = out.len || old
		     ? file_write(path, out.buf ? out.buf : "", out.len, 0600, e)
		     : 0;
	membuf_free(&out);
	free(old);
	free(path);
	return rc;
}

/* ---- a profile ---- */

static void tell(const struct job *j)
{
	const struct thunderbird_account *a = j->a;
	static const char *const how[] = { [LOCAL_OFFERED] = "None",
		[LOCAL_STARTTLS] = "STARTTLS", [LOCAL_TLS] = "SSL/TLS" };

	printf("Thunderbird sends as %s %s (%s). It asks for the password when it "
	       "sends\n", a->address, a->smtp ? "through Letterlock"
	       : "as it did before", j->profile);
	if (a->smtp && a->pop3 && j->fetches)
		printf("  It still fetches straight from the provider: in Account "
		       "Settings, Server Settings of %s, put\n"
		       "  Server Name %s, Port %u, Connection security %s\n",
		       a->address, host_of(a->pop3), port_of(a->pop3),
		       how[a->pop3->tls]);
}

static int change(void *arg, const char *profile, struct err *e)
{
	struct all *all = arg;
	struct job j = { .a = all->a, .profile = profile,
	                 .prefs = thunderbird_prefs(profile),
	                 .undo = !all->a->smtp };
	int rc = 0;

	if (j.prefs)
		thunderbird_identities(j.prefs, look_at, &j);
	if (!j.found)
		goto out;
	if (thunderbird_runs(profile)) {
		printf("Thunderbird runs, so its account %s stays as it is (%s): "
		       "end it, then run this command again\n", j.a->address,
		       profile);
		all->left++;
		goto out;
	}
	j.changes = json_object();
	thunderbird_identities(j.prefs, look_at, &j);
	if (json_object_size(j.changes) == 0)
		goto out;
	if ((j.a->smtp && trust(&j, j.a->smtp, e))
	    || (j.a->smtp && j.a->pop3 && trust(&j, j.a->pop3, e)))
		rc = -1;
	if (rc == 0)
		rc = thunderbird_prefs_change(profile, j.changes, e);
	if (rc == 0)
		tell(&j);
out:
	json_decref(j.changes);
	json_decref(j.prefs);
	return rc;
}

int thunderbird_accounts_set(const char *home,
                             const struct thunderbird_account *a,
                             struct err *e)
{
	struct all all = { .a = a };

	return thunderbird_profiles(home, change, &all, e) < 0 ? -1 : all.left;
}

struct count {
	struct thunderbird_account a;
	int n;
};

static int count(void *arg, const char *profile, struct err *e)
{
	struct count *c = arg;
	struct job j = { .a = &c->a, .prefs = thunderbird_prefs(profile) };

	(void)e;
	if (j.prefs)
		thunderbird_identities(j.prefs, look_at, &j);
	c->n += j.found > 0;
	json_decref(j.prefs);
	return 0;
}

int thunderbird_accounts(const char *home, const char *address, struct err *e)
{
	struct count c = { .a = { .address = address } };

	return thunderbird_profiles(home, count, &c, e) < 0 ? -1 : c.n;
}
