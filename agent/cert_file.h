/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the certificate of this installation is kept: one file of the state
 * folder, so that its parts always belong together. */
#ifndef AGENT_CERT_FILE_H
#define AGENT_CERT_FILE_H

#include "agent/cert.h"
#include "agent/guard.h"

#define CERT_FILE "certificate.pem"

/* Read it whole: 1 (to be freed by cert_free()), 0 there is none, -1. */
int cert_load(const char *dir, char **pem_secret, size_t *len, struct err *e);
/* Write it, 0600, whole or not at all.  over: in place of one that is there;
 * else one that is there stays, and 1 is returned.  0, 1 or -1. */
int cert_store(const char *dir, const char *pem_secret, size_t len, bool over,
               struct err *e);
/* Add the addresses that the configuration listens on. */
int cert_names_of_conf(struct cert_names *names, const struct conf *conf,
                       struct err *e);
/* What the guard does before it accepts: make one if a listener wants TLS and
 * there is none, and say in the log what is not well with it. */
void cert_at_start(const char *dir, const struct listener *l, unsigned n);

#endif
