/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A QR code (ISO/IEC 18004) as text, for a phone to read. */
#ifndef AGENT_QR_H
#define AGENT_QR_H

#include <stdbool.h>

#include "crypto/sink.h"

/* Can what is at standard output show one: a terminal, with UTF-8? */
bool qr_fits(void);
/* One with these digits, capitals and -, in half blocks (UTF-8), dark on light, and
 * light all around: in colours, else as it is to be on paper.  0, or -1:
 * GPG_ERR_TOO_LARGE, no memory.  The text can be read from it. */
int qr_draw(const char *text_secret, bool colours, struct sink *out,
            struct err *e);

#endif
