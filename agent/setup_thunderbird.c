/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Thunderbird: its accounts of the address send through the agent; where it has
 * none, the agent stands in its list of providers (clientConfig 1.1), so that nobody
 * has to type its servers in. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "agent/addr.h"
#include "agent/cert_file.h"
#include "agent/cmd.h"
#include "agent/file.h"
#include "agent/setup_end.h"
#include "agent/thunderbird_accounts.h"

enum { FILE_MAX = 256 << 10 };

static const char mark[] = "<!-- made by letterlock setup -->";

/* DIR/domain.xml: malloced. */
static char *path_in(const char *dir, const char *domain)
{
	char low[ADDR_MAX + 1] = "";

	if (!setup_domain_ok(domain))
		return NULL;
	for (size_t i = 0; domain[i]; i++)
		low[i] = (char)tolower((unsigned char)domain[i]);
	return file_path(dir, "/", low, ".xml", NULL);
}

static int server(struct membuf *m, const char *element, const char *type,
                  const struct listen *l, struct err *e)
{
	static const char *const how[] = {
		[LOCAL_OFFERED] = "plain", [LOCAL_STARTTLS] = "STARTTLS",
		[LOCAL_TLS] = "SSL"
	};
	char host[ADDR_HOST_MAX];

	addr_host(&l->addr, host);
	return membuf_printf(m, e,
		"<%s type=\"%s\"><hostname>%s</hostname><port>%u</port>"
		"<socketType>%s</socketType><username>%s</username>"
		"<authentication>password-cleartext</authentication></%s>\n",
		element, type, host, (unsigned)addr_port(&l->addr),
		how[l->tls], "%EMAILADDRESS%", element);
}

static int document(const struct setup *s, struct membuf *m, struct err *e)
{
	return membuf_printf(m, e, "<?xml version=\"1.0\"?>\n%s\n"
	                     "<clientConfig version=\"1.1\">"
	                     "<emailProvider id=\"%s\"><domain>%s</domain>"
	                     "<displayName>Letterlock</displayName>\n", mark,
	                     s->domain, s->domain)
	       || server(m, "incomingServer", "pop3", &s->conf.pop3[0], e)
	       || server(m, "outgoingServer", "smtp", &s->conf.submission[0],
	                 e)
	       || membuf_printf(m, e, "</emailProvider></clientConfig>\n");
}

/* 1: there is a file of ours, 0: there is none, -1: it is somebody else's. */
static int whose(const char *path)
{
	struct err e;
	size_t n;
	char *text = file_read(path, FILE_MAX, &n, &e);
	int rc = text && memmem(text, n, mark, strlen(mark)) ? 1 : -1;

	if (!text && gpg_err_code(e.code) == GPG_ERR_ENOENT)
		rc = 0;
	free(text);
	return rc;
}

/* To where the user may write, and how an administrator puts it there. */
static int write_here(const struct setup *s, const struct membuf *m,
                      struct err *e)
{
	char *dir = conf_state_dir(e);
	char *path = dir ? path_in(dir, s->domain) : NULL;
	int rc = path ? file_write(path, m->buf, m->len, 0644, e) : -1;

	if (rc == 0)
		printf("Only an administrator can tell Thunderbird where the agent "
		       "is:\n  sudo install -m 644 %s %s/\n", path, s->isp_dir);
	free(path);
	free(dir);
	return rc;
}

/* For an account that is added there from now on. */
static int new_account(const struct setup *s)
{
	char *path = path_in(s->isp_dir, s->domain);
	struct membuf m;
	struct err e;
	int rc = 0;

	membuf_init(&m, FILE_MAX);
	if (!path || s->sending_only || strcmp(s->old->user, s->address) != 0
	    || whose(path) == -1)
		printf("Thunderbird can't be told by a file what a new account has: "
		       "type in what is said below\n");
	else if (document(s, &m, &e))
		rc = setup_fail(EX_CANTCREAT, "%s", e.text);
	else if (file_write(path, m.buf, m.len, 0644, &e) == 0)
		printf("Thunderbird finds the agent by %s: add the account there, "
		       "by its address\n", path);
	else if (write_here(s, &m, &e))
		rc = setup_fail(EX_CANTCREAT, "%s", e.text);
	membuf_free(&m);
	free(path);
	return rc;
}

/* The fingerprint of what mail programs are shown, or false. */
static bool fingerprint(char print[CERT_PRINT])
{
	struct cert_look look;
	char *pem_secret = NULL;
	size_t len = 0;
	struct err e;
	char *dir = conf_state_dir(&e);
	bool is = dir && cert_load(dir, &pem_secret, &len, &e) == 1
	          && cert_look(pem_secret, len, &look, &e) == 0;

	if (is)
		memcpy(print, look.server, CERT_PRINT);
	cert_free(pem_secret, len);
	free(dir);
	return is;
}

static int old_accounts(const struct setup *s, const char *home)
{
	const struct conf *c = &s->conf;
	char print[CERT_PRINT];
	struct thunderbird_account a = {
		.address = s->address, .user = s->old->user,
		.smtp = &c->submission[0],
		.pop3 = s->sending_only || !c->n_pop3 ? NULL : &c->pop3[0],
		.print = fingerprint(print) ? print : NULL
	};
	struct err e;

	return thunderbird_accounts_set(home, &a, &e) == -1
	       ? setup_fail(EX_CANTCREAT, "%s", e.text) : 0;
}

bool setup_thunderbird_has(const struct setup *s)
{
	const char *home = getenv("HOME");
	struct err e;

	return home && thunderbird_accounts(home, s->address, &e) > 0;
}

int setup_thunderbird(const struct setup *s)
{
	const char *home = getenv("HOME");
	int rc;

	if (!setup_thunderbird_has(s))
		return new_account(s);
	rc = old_accounts(s, home);
	if (cmd_thunderbird_install())	/* it has said why not */
		printf("All else works without the add-on\n");
	return rc;
}

int setup_thunderbird_undo(const struct setup *s)
{
	const struct thunderbird_account a = { .address = s->address };
	char *path = path_in(s->isp_dir, s->domain);
	const char *home = getenv("HOME");
	struct err e;
	int left = home ? thunderbird_accounts_set(home, &a, &e) : 0;

	if (left == -1)
		printf("%s\n", e.text);
	if (path && whose(path) == 1 && file_remove(path, &e) == -1)
		printf("Thunderbird still finds the agent for new accounts. An "
		       "administrator ends that:\n  sudo rm %s\n", path);
	free(path);
	return left == -1 ? EX_CANTCREAT : left ? EX_TEMPFAIL : 0;
}
