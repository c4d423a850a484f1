/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Plain words for what OpenSSL has against a server. */
#ifndef AGENT_TLS_WORDS_H
#define AGENT_TLS_WORDS_H

/* "its certificate has expired": for an error of X509_verify_cert(). */
const char *tls_words_cert(long verdict);
/* "it speaks no TLS 1.2 or later": for an error of OpenSSL's queue, or NULL. */
const char *tls_words_shake(unsigned long error);

#endif
