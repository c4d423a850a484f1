/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A QR code in half blocks: two modules above each other in one character. */
#include "agent/qr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <qrencode.h>

enum {
	QUIET = 4,		/* modules around it (section 6.3.8) */
	TEXT_MAX = 100
};

static const char BLACK_ON_WHITE[] = "\033[30;107m", PLAIN[] = "\033[0m";

/* As setlocale() would choose, whose other effects nobody here wants. */
static bool is_utf8(void)
{
	static const char *const name[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *v, *set;

	for (int i = 0; i < 3; i++) {
		v = getenv(name[i]);
		if (!v || !*v)
			continue;
		set = strchr(v, '.');
		return set && (strncasecmp(set, ".utf-8", 6) == 0
		               || strncasecmp(set, ".utf8", 5) == 0);
	}
	return false;
}

bool qr_fits(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && is_utf8() && term
	       && strcmp(term, "dumb") != 0;
}

static bool is_dark(const QRcode *q, int row, int column)
{
	return row >= 0 && row < q->width && column >= 0 && column < q->width
	       && (q->data[row * q->width + column] & 1);
}

static int draw_row(const QRcode *q, int row, bool colours, struct sink *out,
                    struct err *e)
{
	static const char *const block[] = { " ", "▄", "▀", "█" };
	const char *b;

	if (colours && sink_put(out, BLACK_ON_WHITE, sizeof BLACK_ON_WHITE - 1, e))
		return -1;
	for (int c = -QUIET; c < q->width + QUIET; c++) {
		b = block[2 * is_dark(q, row, c) + is_dark(q, row + 1, c)];
		if (sink_put(out, b, strlen(b), e))
			return -1;
	}
	if (colours && sink_put(out, PLAIN, sizeof PLAIN - 1, e))
		return -1;
	return sink_put(out, "\n", 1, e);
}

int qr_draw(const char *text_secret, bool colours, struct sink *out,
            struct err *e)
{
	size_t n = strnlen(text_secret, TEXT_MAX + 1);
	QRinput *in = QRinput_new2(0, QR_ECLEVEL_M);
	QRcode *q = NULL;
	int rc = -1;

	if (n > TEXT_MAX)
		err_set(e, gpg_error(GPG_ERR_TOO_LARGE), "The text is too long");
	else if (!in
	         || QRinput_append(in, QR_MODE_AN, (int)n,
	                           (const unsigned char *)text_secret)
	         || !(q = QRcode_encodeInput(in)))
		err_errno(e, "QR code");
	else
		rc = 0;
	for (int row = -QUIET; q && rc == 0 && row < q->width + QUIET; row += 2)
		rc = draw_row(q, row, colours, out, e);
	if (q)
		explicit_bzero(q->data, (size_t)q->width * (size_t)q->width);
	QRcode_free(q);
	QRinput_free(in);
	return rc;
}
