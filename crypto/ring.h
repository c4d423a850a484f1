/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What letterlock-gpg is told, in its environment, by the engine that starts it. */
#ifndef CRYPTO_RING_H
#define CRYPTO_RING_H

/* Whole paths: of gpg; of the keyring that it has besides the user's, and alone
 * when it imports; and of the trustdb it has when it does. */
#define RING_GPG "LETTERLOCK_GPG"
#define RING_FILE "LETTERLOCK_RING"
#define RING_TRUST "LETTERLOCK_RING_TRUST"

#endif
