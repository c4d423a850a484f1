/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The configuration as setup finds and leaves it, and the certificate that goes
 * with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "agent/cert_file.h"
#include "agent/file.h"
#include "agent/setup.h"

enum { PORT_SMTP = 587, PORT_POP3 = 110 };

void setup_server_text(const struct server *s, char out[SETUP_SERVER_MAX])
{
	static const char *const how[] = {
		[TRANSPORT_TLS] = "tls", [TRANSPORT_STARTTLS] = "starttls",
		[TRANSPORT_PLAINTEXT] = "plaintext"
	};
	bool v6 = s->host && strchr(s->host, ':');

	out[0] = '\0';
	if (s->host)
		snprintf(out, SETUP_SERVER_MAX, "%s%s%s:%u %s", v6 ? "[" : "",
		         s->host, v6 ? "]" : "", (unsigned)s->port,
		         how[s->transport]);
}

/* ---- reading ---- */

static const struct account *account_of(const struct conf *c, const char *address)
{
	for (unsigned i = 0; i < c->n_accounts; i++)
		if (addr_same(c->account[i].address, address))
			return &c->account[i];
	return NULL;
}

int setup_conf_read(struct setup *s, const char *given)
{
	char *real;
	struct err e;

	if (!(s->conf_path = conf_path(given)))
		return setup_fail(EX_CONFIG, "HOME is not set");
	if (access(s->conf_path, F_OK))
		return 0;
	/* what a link leads to is what is replaced */
	if ((real = realpath(s->conf_path, NULL))) {
		free(s->conf_path);
		s->conf_path = real;
	}
	if (!(s->text = conf_read(s->conf_path, &s->len, &e))
	    || conf_parse(&s->conf, s->conf_path, s->text, s->len, &e))
		return setup_fail(EX_CONFIG, "%s", e.text);
	s->has_conf = true;
	s->old = account_of(&s->conf, s->address);
	return 0;
}

void setup_forget(struct setup *s)
{
	if (s->password_secret)
		explicit_bzero(s->password_secret, strlen(s->password_secret));
	free(s->password_secret);
	s->password_secret = NULL;
}

void setup_free(struct setup *s)
{
	if (s->has_conf)
		conf_free(&s->conf);
	setup_forget(s);
	membuf_free(&s->autoconfig);
	free(s->text);
	free(s->conf_path);
	free(s->ca_file);
}

/* ---- writing ---- */

/* Is the file what was read?  People edit it while servers are asked. */
static bool is_as_read(const struct setup *s)
{
	struct err e;
	char *now;
	size_t n;
	bool is;

	if (!s->text)
		return access(s->conf_path, F_OK) == -1;
	now = conf_read(s->conf_path, &n, &e);
	is = now && n == s->len && memcmp(now, s->text, n) == 0;
	free(now);
	return is;
}

int setup_conf_store(struct setup *s, const struct membuf *text)
{
	struct conf c;
	struct err e;

	if (conf_parse(&c, s->conf_path, text->len ? text->buf : "", text->len,
	               &e))
		return setup_fail(EX_CONFIG, "%s", e.text);
	conf_free(&c);
	if (!is_as_read(s))
		return setup_fail(EX_CANTCREAT, "%s was changed meanwhile, and "
		                  "stays as it is now. Run this command again",
		                  s->conf_path);
	if (file_write(s->conf_path, text->buf, text->len, 0600, &e))
		return setup_fail(EX_CANTCREAT, "%s", e.text);
	return 0;
}

/* One more change of the text in m: 0 or -1. */
static int set(struct membuf *m, const char *section, const char *key,
               const char *value, struct err *e)
{
	struct membuf next;
	int rc;

	if (!value || !*value)
		return 0;
	membuf_init(&next, SETUP_CONF_MAX);
	rc = setup_conf_set(&next, m->len ? m->buf : "", m->len, section, key,
	                    value, e);
	if (rc == 0) {
		membuf_free(m);
		*m = next;
	} else {
		membuf_free(&next);
	}
	return rc;
}

/* May this port be bound, and by nobody whom the system does not trust? */
static bool port_ours(uint16_t port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port),
	                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int on = 1;
	unsigned first = 1024;
	bool ok;
	int fd;
	FILE *f = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "re");

	if (f) {
		if (fscanf(f, "%u", &first) != 1)
			first = 0;
		fclose(f);
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	ok = port < first && bind(fd, (const void *)&in, sizeof in) == 0
	     && listen(fd, 1) == 0;
	close(fd);
	return ok;
}

/* Where mail programs connect, in a new configuration. */
static int set_agent(const struct setup *s, struct membuf *m, struct err *e)
{
	const char *smtp = s->listen[SESSION_SMTP];
	const char *pop3 = s->listen[SESSION_POP3];
	const char *gnupghome = getenv("GNUPGHOME");
	bool low;

	if (!s->has_conf) {
		low = s->units == UNITS_SYSTEM
		      || (s->units != UNITS_USER && port_ours(PORT_SMTP)
		          && port_ours(PORT_POP3));
		if (!smtp)
			smtp = low ? "127.0.0.1:587" : "127.0.0.1:1587 tls";
		if (!pop3)
			pop3 = low ? "127.0.0.1:110" : "127.0.0.1:1110 tls";
		/* a service does not see it */
		if (gnupghome && *gnupghome == '/'
		    && set(m, "agent", "gnupghome", gnupghome, e))
			return -1;
	}
	return set(m, "agent", "submission", smtp, e)
	       || set(m, "agent", "pop3", pop3, e) ? -1 : 0;
}

/* The command that tells the password, and what that is. */
static int set_command(const struct setup *s, const char *section,
                       struct membuf *m, struct err *e)
{
	const struct account *old = s->old;
	const bool was = old && old->login == LOGIN_OAUTH;
	char value[SETUP_COMMAND_MAX + 16];

	if (!s->command)
		return 0;
	if (snprintf(value, sizeof value, "command \"%s\"", s->command)
	    >= (int)sizeof value)
		return err_set(e, GPG_ERR_TOO_LARGE, "the command is too long");
	if ((!old || !old->command || strcmp(old->command, s->command) != 0)
	    && set(m, section, "credentials", value, e))
		return -1;
	return was == s->oauth ? 0
	       : set(m, section, "login", s->oauth ? "oauth" : "password", e);
}

/* What differs from what is there, so that nothing is touched needlessly. */
static int set_account(const struct setup *s, struct membuf *m, struct err *e)
{
	char was[SETUP_SERVER_MAX];
	const struct account *old = s->old;
	const char *user = s->user;
	const char *section = old ? old->address : s->address;
	static const char *const key[] = { [SESSION_SMTP] = "smtp",
	                                   [SESSION_POP3] = "pop3" };

	if (!user && !old && *s->login)
		user = s->login;
	if (user && strcmp(user, old ? old->user : s->address) != 0
	    && set(m, section, "user", user, e))
		return -1;
	if (set_command(s, section, m, e))
		return -1;
	for (int kind = SESSION_SMTP; kind <= SESSION_POP3; kind++) {
		if (old)
			setup_server_text(kind == SESSION_SMTP ? &old->smtp
			                  : &old->pop3, was);
		if ((!old || strcmp(was, s->found[kind].server) != 0)
		    && set(m, section, key[kind], s->found[kind].server, e))
			return -1;
	}
	if (s->ca_file && (!old || !old->ca_file
	                   || strcmp(old->ca_file, s->ca_file) != 0)
	    && set(m, section, "ca-file", s->ca_file, e))
		return -1;
	if (s->name_key && (!old || !old->key || strcmp(old->key, s->fpr) != 0))
		return set(m, section, "key", s->fpr, e);
	return 0;
}

/* The one for mail programs, if they speak TLS with us and there is none. */
static int make_certificate(const struct conf *c, struct err *e)
{
	struct cert_names names = { .n = 0 };
	char *dir = conf_state_dir(e), *pem_secret = NULL;
	size_t len = 0;
	int rc = dir ? cert_load(dir, &pem_secret, &len, e) : -1;

	if (rc == 0) {
		rc = cert_names_of_conf(&names, c, e)
		     || cert_make(&names, &pem_secret, &len, e)
		     || cert_store(dir, pem_secret, len, false, e) == -1
		     ? -1 : 0;
		if (rc == 0)
			printf("A certificate for mail programs was made\n");
	}
	cert_free(pem_secret, len);
	free(dir);
	return rc == -1 ? -1 : 0;
}

static bool wants_tls(const struct conf *c)
{
	bool tls = false;

	for (unsigned i = 0; i < c->n_submission; i++)
		tls = tls || c->submission[i].tls != LOCAL_OFFERED;
	for (unsigned i = 0; i < c->n_pop3; i++)
		tls = tls || c->pop3[i].tls != LOCAL_OFFERED;
	return tls;
}

/* From now on s->conf is what was written. */
static int take(struct setup *s, const struct membuf *m)
{
	struct err e;

	if (s->has_conf)
		conf_free(&s->conf);
	s->old = NULL;
	s->has_conf = conf_parse(&s->conf, s->conf_path, m->buf, m->len, &e)
	              == 0;
	if (!s->has_conf)
		return setup_fail(EX_CONFIG, "%s", e.text);
	s->old = account_of(&s->conf, s->address);
	if (wants_tls(&s->conf) && make_certificate(&s->conf, &e))
		return setup_fail(EX_CANTCREAT, "%s", e.text);
	return 0;
}

int setup_write(struct setup *s)
{
	struct membuf m;
	struct err e;
	int rc;

	membuf_init(&m, SETUP_CONF_MAX);
	if ((s->len && sink_put(&m.sink, s->text, s->len, &e))
	    || set_agent(s, &m, &e) || set_account(s, &m, &e)) {
		rc = setup_fail(EX_CANTCREAT, "%s", e.text);
	} else if (s->has_conf && m.len == s->len
	           && memcmp(m.buf, s->text, m.len) == 0) {
		printf("%s stays as it is\n", s->conf_path);
		rc = take(s, &m);
	} else if (!(rc = setup_conf_store(s, &m))) {
		printf("%s was written\n", s->conf_path);
		rc = take(s, &m);
	}
	membuf_free(&m);
	return rc;
}
