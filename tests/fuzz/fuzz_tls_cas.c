/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the index of a bundle of CA certificates. */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/tls_cas.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("bundle", MFD_CLOEXEC), decoded = 0;
	STACK_OF(X509) *certs = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	struct tls_cas *cas;
	const X509_NAME *name;
	char path[40];
	X509 *x;

	CHECK(fd >= 0 && certs && store);
	CHECK(write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	cas = tls_cas_read(path);
	if (cas) {
		/* someone who is certified by each of them in turn */
		for (size_t i = 0; (name = tls_cas_subject(cas, i, &decoded));
		     i++) {
			CHECK(!decoded);
			x = X509_new();
			CHECK(x && X509_set_issuer_name(x, name)
			      && X509_set_subject_name(x, name));
			CHECK(sk_X509_push(certs, x));
		}
		CHECK(sk_X509_num(certs) > 0);
		CHECK(tls_cas_supply(cas, store, certs) == 0);
		tls_cas_free(cas);
	}
	ERR_clear_error();
	sk_X509_pop_free(certs, X509_free);
	X509_STORE_free(store);
	close(fd);
	return 0;
}
