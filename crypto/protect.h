/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Header protection both ways: RFC 9788 with HP-Outer, and the older
 * protected-headers="v1" that Thunderbird reads. */
#ifndef CRYPTO_PROTECT_H
#define CRYPTO_PROTECT_H

#include <stdbool.h>

#include "crypto/header.h"
#include "crypto/sink.h"

/* What a letter to be sent gets when it lacks them, made once by the caller. */
struct protect_new {
	const char *date;	/* "Mon, 23 Nov 2026 07:30:00 +0000" */
	const char *message_id;	/* "<...@example.org>" */
};

/* Outgoing and sealed.  outer: the fields that stay readable (O6, O8, O9, O12,
 * O13, O25: Subject "[...]", no Comments and Keywords, User-Agent and the like
 * only inside, no Bcc and Resent-Bcc, no X-Letterlock and Letterlock-*, no
 * Autocrypt of the client, no Content-* and MIME-Version; ASCII, lines of at
 * most 998 octets, refolded only if need be), each with CRLF, and without the
 * empty line; what is not ASCII becomes encoded words, and References and
 * In-Reply-To that are not stay inside alone.  inner: the header block of the
 * payload: every field but Bcc, Resent-Bcc, Received, MIME-Version and ours, a
 * Subject without the refusal code, then one HP-Outer for each field as it
 * stands in outer, then the original Content-* with hp="cipher" and
 * protected-headers="v1" added to Content-Type (one is made where there was
 * none), and the empty line.
 * Errors: GPG_ERR_INV_VALUE with words for what RFC 5322 forbids (O12, O17):
 * not exactly one From, a group in it, two Date, two Subject or Message-ID, two Content-Type,
 * an odd field; refold_ascii()'s for what can't stand outside. */
int protect_seal(const struct header *h, const struct protect_new *add,
                 struct membuf *outer, struct membuf *inner, struct err *e);

/* Outgoing and signed only (RFC 9788 section 5.2 with hp="clear"): as
 * protect_seal(), but outer keeps Subject, Comments and Keywords as they are, inner
 * has no HP-Outer, is ASCII in lines of at most 998 octets too, and its
 * Content-Transfer-Encoding is cte, unless that is NULL.  Both are without blanks
 * at line ends.  The same errors, and for a Content-* field but
 * Content-Description that isn't ASCII or has longer lines. */
int protect_sign(const struct header *h, const struct protect_new *add,
                 const char *cte, struct membuf *outer, struct membuf *inner,
                 struct err *e);

/* Outgoing and readable: the header block with its empty line, byte for byte
 * but for Bcc, Resent-Bcc, Autocrypt, Autocrypt-Gossip and our own fields, which
 * go, the refusal code "[clear 1234] " at the start of the Subject, which goes,
 * and a missing Date or Message-ID, which come last.  The same errors, but
 * refold_ascii()'s. */
int protect_clear(const struct header *h, const struct protect_new *add,
                  struct membuf *out, struct err *e);

/* The refusal code at the start of the Subject, "[clear 1234]": 1234, or -1. */
int protect_code(const struct header *h);

/* Incoming: do the inner headers count (hp=, or protected-headers="v1", on the
 * payload root)? */
bool protect_present(const struct header *inner);
/* ... and name another From address than outer? */
bool protect_from_differs(const struct header *outer,
                          const struct header *inner);
/* The header block to be shown, with its empty line (I4 to I8, R8): outer
 * fields and inner ones as the protection says, without Letterlock-*,
 * X-Letterlock, HP-Outer and the wrapper's Content-*; inner_from: the inner
 * From may be used.  Encoded words with CR, LF or NUL inside are refused as
 * values: the outer field stays. */
int protect_restore(const struct header *outer, const struct header *inner,
                    bool inner_from, struct membuf *out, struct err *e);
/* The same where the Content-* fields (and MIME-Version) are not the protected
 * block's own: those of the multipart/signed around it, which is content (outer
 * itself for a letter that is signed only). */
int protect_restore_signed(const struct header *outer,
                           const struct header *inner,
                           const struct header *content, bool inner_from,
                           struct membuf *out, struct err *e);
/* The header block of a letter whose body was one armored message (R2), opened:
 * the outer one without odd fields and what we must not let in, and with
 * Content-Transfer-Encoding: 8bit; MIME-Version and a text/plain type in UTF-8
 * are added where there is none. */
int protect_restore_inline(const struct header *outer, struct membuf *out,
                           struct err *e);

/* Incoming, not opened: is this a field we must not let in (R8: Letterlock-*
 * and X-Letterlock, in any case, with blanks or NUL before the colon, or one
 * that appears after a bare CR or LF inside the field)? */
bool protect_lookalike(const struct field *f);

#endif
