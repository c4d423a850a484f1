/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: the file of the certificate for mail programs. */
#include <stdlib.h>
#include <string.h>

#include "agent/cert.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct cert_look look, again;
	struct err e = { 0 };
	size_t n = 0;
	char *out;

	if (cert_look(text, size, &look, &e)) {
		CHECK(e.code && *e.text);
		return 0;
	}
	CHECK(strlen(look.authority) == CERT_PRINT - 1);
	CHECK(strlen(look.server) == CERT_PRINT - 1);
	for (unsigned i = 0; i < look.names.n; i++)
		CHECK(cert_names_have(&look.names, look.names.name[i]));
	/* what is exported is the same authority, and no secret */
	CHECK(cert_authority(text, size, false, &out, &n, NULL) == 0);
	CHECK(n && !memmem(out, n, "PRIVATE", 7));
	free(out);
	CHECK(cert_look(text, size, &again, NULL) == 0);
	CHECK(memcmp(&look, &again, sizeof look) == 0);
	return 0;
}
