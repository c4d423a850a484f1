/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What letterlock-gpg is told, in its environment, by the engine that starts it. */
#ifndef CRYPTO_RING_H
#define CRYPTO_RING_H

/* Whole paths: of gpg, and of the keyring that it has besides the user's. */
#define RING_GPG "LETTERLOCK_GPG"
#define RING_FILE "LETTERLOCK_RING"

#endif
