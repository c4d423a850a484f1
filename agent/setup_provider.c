/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Providers that many people have, and what they want before a mail program may
 * log in. */
#include <strings.h>

#include "agent/setup.h"

static const char google[] = "Gmail wants an app password: switch on 2-Step "
	"Verification, make one at https://myaccount.google.com/apppasswords and "
	"give it here instead of your own. To fetch, switch on POP in Gmail's "
	"settings (Forwarding and POP/IMAP)";
static const char microsoft[] = "Microsoft takes no passwords from mail programs, "
	"only tokens (OAuth). " SETUP_TOKENS;
static const char yahoo[] = "Yahoo wants an app password: make one at "
	"https://login.yahoo.com/account/security and give it here instead of "
	"your own";
static const char apple[] = "iCloud wants an app-specific password: make one at "
	"https://account.apple.com (Sign-In and Security) and give it here instead "
	"of your own. iCloud has no POP3, so Letterlock sends only: add "
	"--sending-only";
static const char proton[] = "Proton Mail lets mail programs in only through its own "
	"Bridge, which seals letters itself";
static const char tuta[] = "Tuta lets no mail program in";
static const char gmx[] = "Switch on POP3 and IMAP in the settings of its web page, "
	"or no mail program is let in";
static const char telekom[] = "Make a password for mail programs in the customer "
	"centre (E-Mail-Passwort) and give it here";
static const char fastmail[] = "Fastmail wants an app password: make one in Settings, "
	"Privacy & Security, and give it here instead of your own";

#define GMAIL "Gmail", SETUP_APP_PASSWORD, "smtp.gmail.com:465 tls", \
	"pop.gmail.com:995 tls", google
#define OUTLOOK "Outlook", SETUP_NOT_YET, "smtp-mail.outlook.com:587 starttls", \
	"outlook.office365.com:995 tls", microsoft
#define YAHOO "Yahoo", SETUP_APP_PASSWORD, "smtp.mail.yahoo.com:465 tls", \
	"pop.mail.yahoo.com:995 tls", yahoo
#define ICLOUD "iCloud", SETUP_APP_PASSWORD, "smtp.mail.me.com:587 starttls", \
	NULL, apple
#define PROTON "Proton Mail", SETUP_NOT_YET, NULL, NULL, proton
#define TUTA "Tuta", SETUP_NOT_YET, NULL, NULL, tuta
#define FASTMAIL "Fastmail", SETUP_APP_PASSWORD, "smtp.fastmail.com:465 tls", \
	"pop.fastmail.com:995 tls", fastmail

static const struct setup_provider known[] = {
	{ "gmail.com", GMAIL }, { "googlemail.com", GMAIL },
	{ "outlook.com", OUTLOOK }, { "hotmail.com", OUTLOOK },
	{ "live.com", OUTLOOK }, { "msn.com", OUTLOOK },
	{ "yahoo.com", YAHOO }, { "ymail.com", YAHOO },
	{ "icloud.com", ICLOUD }, { "me.com", ICLOUD }, { "mac.com", ICLOUD },
	{ "proton.me", PROTON }, { "protonmail.com", PROTON },
	{ "pm.me", PROTON },
	{ "tuta.com", TUTA }, { "tutanota.com", TUTA }, { "tutanota.de", TUTA },
	{ "fastmail.com", FASTMAIL }, { "fastmail.fm", FASTMAIL },
	{ "gmx.de", "GMX", SETUP_WORKS, "mail.gmx.net:465 tls",
	  "pop.gmx.net:995 tls", gmx },
	{ "gmx.net", "GMX", SETUP_WORKS, "mail.gmx.net:465 tls",
	  "pop.gmx.net:995 tls", gmx },
	{ "gmx.at", "GMX", SETUP_WORKS, "mail.gmx.net:465 tls",
	  "pop.gmx.net:995 tls", gmx },
	{ "gmx.ch", "GMX", SETUP_WORKS, "mail.gmx.net:465 tls",
	  "pop.gmx.net:995 tls", gmx },
	{ "web.de", "WEB.DE", SETUP_WORKS, "smtp.web.de:587 starttls",
	  "pop3.web.de:995 tls", gmx },
	{ "t-online.de", "Telekom", SETUP_APP_PASSWORD,
	  "securesmtp.t-online.de:465 tls", "securepop.t-online.de:995 tls",
	  telekom },
	{ "posteo.de", "Posteo", SETUP_WORKS, "posteo.de:465 tls",
	  "posteo.de:995 tls", NULL },
	{ "mailbox.org", "mailbox.org", SETUP_WORKS, "smtp.mailbox.org:465 tls",
	  "pop3.mailbox.org:995 tls", NULL },
};

const struct setup_provider *setup_provider(const char *domain)
{
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (strcasecmp(known[i].domain, domain) == 0)
			return &known[i];
	return NULL;
}
