/* SPDX-License-Identifier: GPL-3.0-or-later */
/* invite: the letter that asks a contact for a key, in words that anybody
 * understands. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/plugin.h"
#include "agent/recipients.h"

enum { BODY_MAX = 8 << 10 };

struct invitation {
	const char *to, *from;
	char file[ADDR_MAX + 5];
};

struct language {
	const char *name, *subject;
	int (*body)(struct membuf *m, const struct invitation *i);
};

/* One paragraph a line: mail programs wrap them. */

static int body_en(struct membuf *m, const struct invitation *i)
{
	return membuf_printf(m, NULL,
"Hello,\n"
"\n"
"I would like our letters to be read by the two of us alone. Ordinary mail is "
"like a postcard: whoever carries it can read it. A sealed letter is one that "
"only you can open.\n"
"\n"
"For that I need the public key of your address, %s. It is no secret: others can "
"seal letters for you with it, but not open them. Mine is attached "
"(%s), so that you can seal yours for me.\n"
"\n"
"This is how you can send me yours:\n"
"\n"
"- You use Thunderbird: open Account Settings, then End-To-End Encryption, and "
"add a key if there is none. Then answer this letter, and in the window of your "
"answer choose My OpenPGP Public Key below Attach.\n"
"- You use another mail program that knows OpenPGP: answer this letter and attach "
"your public key.\n"
"- You have nothing of the kind yet: I use Letterlock, a free program on my own "
"computer that seals and opens letters for any mail program.\n"
"\n"
"When your key is here, what I write to you is sealed. If we want to be sure that "
"nobody has swapped our keys on the way, we compare them by phone one day.\n"
"\n"
"%s\n", i->to, i->file, i->from);
}

static int body_de(struct membuf *m, const struct invitation *i)
{
	return membuf_printf(m, NULL,
"Hallo,\n"
"\n"
"ich möchte, dass unsere Briefe nur von uns beiden gelesen werden. Eine "
"gewöhnliche E-Mail ist wie eine Postkarte: Wer sie befördert, kann sie lesen. "
"Einen versiegelten Brief öffnet nur, wer ihn bekommen soll.\n"
"\n"
"Dafür fehlt mir noch der öffentliche Schlüssel der Adresse %s. Er ist kein "
"Geheimnis: Mit ihm lassen sich Briefe versiegeln, aber nicht öffnen. Meiner "
"hängt an diesem Brief (%s), damit auch Briefe an mich versiegelt werden "
"können.\n"
"\n"
"So kommt der Schlüssel zu mir:\n"
"\n"
"- Mit Thunderbird: In den Konten-Einstellungen unter „Ende-zu-Ende-"
"Verschlüsselung“ einen Schlüssel hinzufügen, wenn noch keiner da ist. Dann auf "
"diesen Brief antworten und im Fenster der Antwort unter „Anhängen“ den eigenen "
"öffentlichen OpenPGP-Schlüssel wählen.\n"
"- Mit einem anderen Mailprogramm, das OpenPGP kennt: auf diesen Brief antworten "
"und den eigenen öffentlichen Schlüssel anhängen.\n"
"- Noch ohne all das: Ich benutze Letterlock, ein freies Programm auf meinem "
"eigenen Computer, das Briefe für jedes Mailprogramm versiegelt und öffnet.\n"
"\n"
"Sobald der Schlüssel da ist, sind meine Briefe versiegelt. Und um sicher zu sein, "
"dass niemand unterwegs die Schlüssel vertauscht hat, vergleichen wir sie "
"irgendwann am Telefon.\n"
"\n"
"%s\n", i->to, i->file, i->from);
}

static const struct language languages[] = {
	{ "en", "May I send you sealed letters?", body_en },
	{ "de", "Wollen wir unsere Briefe versiegeln?", body_de },
};

static const struct language *language_of(json_t *request)
{
	const char *name = json_string_value(json_object_get(request,
	                                                     "language"));

	for (size_t i = 0; i < sizeof languages / sizeof *languages; i++)
		if (!name || strcmp(languages[i].name, name) == 0)
			return &languages[i];
	return NULL;
}

/* A name that any system takes. */
static void name_file(struct invitation *i)
{
	snprintf(i->file, sizeof i->file, "%s.asc", i->from);
	for (char *c = i->file; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("@.-_+", *c))
			*c = '_';
	if (i->file[0] == '.')
		i->file[0] = '_';
}

static json_t *answer(const struct language *l, const struct invitation *i,
                      const char *armor)
{
	struct membuf body;
	json_t *j = NULL;

	membuf_init(&body, BODY_MAX);
	if (l->body(&body, i) == 0)
		j = json_pack("{s:s, s:o, s:{s:s, s:s, s:s}}",
		              "subject", l->subject,
		              "body", json_stringn(body.buf, body.len),
		              "attachment", "name", i->file,
		              "type", "application/pgp-keys", "data", armor);
	membuf_free(&body);
	return j;
}

json_t *plugin_invite(struct plugin *p, json_t *request, struct fault *f)
{
	const struct account *a = plugin_account(p, request, f);
	const struct language *l = language_of(request);
	struct invitation i = { 0 };
	char same[ADDR_MAX + 1], *armor;
	const char *why;
	json_t *j;

	if (!a)
		return NULL;
	if (!l)
		return fault_set(f, "request", "language has to be en or de");
	i.to = json_string_value(json_object_get(request, "to"));
	if ((why = recipients_addr(i.to, same)))
		return fault_set(f, "request", "to: %s", why);
	i.from = plugin_from(a, request);
	name_file(&i);
	if (plugin_export_own(p, a, &armor, f))
		return NULL;
	j = answer(l, &i, armor);
	free(armor);
	return j;
}
