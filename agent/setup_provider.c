/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Providers that many people have, and what they want before a mail program may
 * log in. */
#include <stdio.h>
#include <strings.h>

#include "agent/setup.h"

#define SECOND_STEP "Where you log in to it by a second step, too, make an app " \
	"password in its settings and give that here"

static const struct setup_provider gmail = {
	"Gmail", SETUP_APP_PASSWORD, "smtp.gmail.com:465 tls",
	"pop.gmail.com:995 tls", false,
	"Gmail wants an app password: switch on 2-Step Verification, make one at "
	"https://myaccount.google.com/apppasswords and give it here instead of "
	"your own. To fetch, switch on POP in Gmail's settings (Forwarding and "
	"POP/IMAP)"
};
static const struct setup_provider outlook = {
	"Outlook", SETUP_NOT_YET, "smtp-mail.outlook.com:587 starttls",
	"outlook.office365.com:995 tls", false,
	"Microsoft takes no passwords from mail programs, only tokens (OAuth). "
	SETUP_TOKENS
};
static const struct setup_provider office = {
	"Microsoft 365", SETUP_NOT_YET, "smtp.office365.com:587 starttls",
	"outlook.office365.com:995 tls", false,
	"Microsoft takes no passwords from mail programs, only tokens (OAuth), and "
	"your organization may have switched off SMTP and POP. " SETUP_TOKENS
};
static const struct setup_provider yahoo = {
	"Yahoo", SETUP_APP_PASSWORD, "smtp.mail.yahoo.com:465 tls",
	"pop.mail.yahoo.com:995 tls", false,
	"Yahoo wants an app password: make one at "
	"https://login.yahoo.com/account/security and give it here instead of "
	"your own"
};
static const struct setup_provider aol = {
	"AOL", SETUP_APP_PASSWORD, "smtp.aol.com:465 tls", "pop.aol.com:995 tls",
	false,
	"AOL wants an app password: make one at "
	"https://login.aol.com/account/security and give it here instead of your "
	"own"
};
static const struct setup_provider icloud = {
	"iCloud", SETUP_APP_PASSWORD, "smtp.mail.me.com:587 starttls", NULL, false,
	"iCloud wants an app-specific password: make one at "
	"https://account.apple.com (Sign-In and Security) and give it here instead "
	"of your own. iCloud has no POP3, so Letterlock sends only: add "
	"--sending-only"
};
static const struct setup_provider proton = {
	"Proton Mail", SETUP_NOT_YET, NULL, NULL, false,
	"Proton Mail lets mail programs in only through its own Bridge, which "
	"seals letters itself"
};
static const struct setup_provider tuta = {
	"Tuta", SETUP_NOT_YET, NULL, NULL, false, "Tuta lets no mail program in"
};
static const struct setup_provider fastmail = {
	"Fastmail", SETUP_APP_PASSWORD, "smtp.fastmail.com:465 tls",
	"pop.fastmail.com:995 tls", false,
	"Fastmail wants an app password: make one in Settings, Privacy & Security, "
	"and give it here instead of your own"
};

#define SWITCH_ON "Switch on POP3 and IMAP in the settings of its web page, or no " \
	"mail program is let in. " SECOND_STEP
static const struct setup_provider gmx = {
	"GMX", SETUP_WORKS, "mail.gmx.net:465 tls", "pop.gmx.net:995 tls", false,
	SWITCH_ON
};
static const struct setup_provider gmx_com = {
	"GMX", SETUP_WORKS, "mail.gmx.com:465 tls", "pop.gmx.com:995 tls", false,
	SWITCH_ON
};
static const struct setup_provider web_de = {
	"WEB.DE", SETUP_WORKS, "smtp.web.de:465 tls", "pop3.web.de:995 tls", true,
	SWITCH_ON
};
static const struct setup_provider telekom = {
	"Telekom", SETUP_APP_PASSWORD, "securesmtp.t-online.de:465 tls",
	"securepop.t-online.de:995 tls", false,
	"Make a password for mail programs in the customer centre (E-Mail-Passwort) "
	"and give it here"
};
static const struct setup_provider posteo = {
	"Posteo", SETUP_WORKS, "posteo.de:465 tls", "posteo.de:995 tls", false,
	NULL
};
static const struct setup_provider mailbox = {
	"mailbox.org", SETUP_WORKS, "smtp.mailbox.org:465 tls",
	"pop3.mailbox.org:995 tls", false, SECOND_STEP
};

struct name {
	const char *name;
	const struct setup_provider *is;
};

static const struct name domains[] = {
	{ "gmail.com", &gmail }, { "googlemail.com", &gmail },
	{ "outlook.com", &outlook }, { "outlook.de", &outlook },
	{ "outlook.fr", &outlook }, { "outlook.es", &outlook },
	{ "outlook.it", &outlook }, { "outlook.at", &outlook },
	{ "hotmail.com", &outlook }, { "hotmail.de", &outlook },
	{ "hotmail.fr", &outlook }, { "hotmail.es", &outlook },
	{ "hotmail.it", &outlook }, { "hotmail.co.uk", &outlook },
	{ "live.com", &outlook }, { "live.de", &outlook },
	{ "live.co.uk", &outlook }, { "msn.com", &outlook },
	{ "yahoo.com", &yahoo }, { "ymail.com", &yahoo }, { "yahoo.de", &yahoo },
	{ "yahoo.fr", &yahoo }, { "yahoo.es", &yahoo }, { "yahoo.it", &yahoo },
	{ "yahoo.co.uk", &yahoo }, { "rocketmail.com", &yahoo },
	{ "aol.com", &aol }, { "aol.de", &aol }, { "aim.com", &aol },
	{ "icloud.com", &icloud }, { "me.com", &icloud }, { "mac.com", &icloud },
	{ "proton.me", &proton }, { "protonmail.com", &proton },
	{ "pm.me", &proton },
	{ "tuta.com", &tuta }, { "tutanota.com", &tuta }, { "tutanota.de", &tuta },
	{ "tutamail.com", &tuta }, { "tuta.io", &tuta }, { "keemail.me", &tuta },
	{ "fastmail.com", &fastmail }, { "fastmail.fm", &fastmail },
	{ "gmx.de", &gmx }, { "gmx.net", &gmx }, { "gmx.at", &gmx },
	{ "gmx.ch", &gmx }, { "gmx.org", &gmx }, { "gmx.eu", &gmx },
	{ "gmx.com", &gmx_com }, { "gmx.us", &gmx_com }, { "gmx.co.uk", &gmx_com },
	{ "gmx.fr", &gmx_com }, { "gmx.es", &gmx_com },
	{ "web.de", &web_de },
	{ "t-online.de", &telekom }, { "magenta.de", &telekom },
	{ "posteo.de", &posteo }, { "posteo.net", &posteo }, { "posteo.at", &posteo },
	{ "posteo.ch", &posteo }, { "posteo.eu", &posteo }, { "posteo.org", &posteo },
	{ "mailbox.org", &mailbox },
};

/* The hosts that take mail for the domains of others: these, and those within. */
static const struct name hosts[] = {
	{ "google.com", &gmail }, { "googlemail.com", &gmail },
	{ "olc.protection.outlook.com", &outlook },
	{ "mail.protection.outlook.com", &office },
	{ "mx.microsoft", &office },
	{ "messagingengine.com", &fastmail },
	{ "mail.icloud.com", &icloud },
	{ "protonmail.ch", &proton },
	{ "tutanota.de", &tuta },
	{ "mailbox.org", &mailbox },
};

const struct setup_provider *setup_provider(const char *domain)
{
	for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++)
		if (strcasecmp(domains[i].name, domain) == 0)
			return domains[i].is;
	return NULL;
}

const struct setup_provider *setup_provider_of_mx(const char *host)
{
	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
		if (setup_within(host, hosts[i].name))
			return hosts[i].is;
	return NULL;
}

void setup_know(struct setup *s)
{
	char mx[SETUP_DOMAIN_MAX];

	s->provider = setup_provider(s->domain);
	if (s->provider || s->no_dns || s->old || s->server[SESSION_SMTP]
	    || !setup_domain_ok(s->ascii) || !setup_mx(s->ascii, mx))
		return;
	s->provider = setup_provider_of_mx(mx);
	s->by_mx = s->provider != NULL;
}
