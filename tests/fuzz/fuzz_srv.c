/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what DNS answers to setup. */
#include <string.h>

#include "agent/setup.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct setup_srv out[SETUP_SRV_MAX];
	bool mx;
	int n;

	if (!size)
		return 0;
	mx = data[0] & 1;
	n = mx ? setup_mx_parse(data + 1, size - 1, out)
	    : setup_srv_parse(data + 1, size - 1, out);
	CHECK(n >= -1 && n <= SETUP_SRV_MAX);
	for (int i = 0; i < n; i++) {
		CHECK(setup_domain_ok(out[i].target));
		CHECK(out[i].priority < 65536 && out[i].port < 65536);
		CHECK(mx ? !out[i].port : out[i].port > 0);
		CHECK(i == 0 || out[i - 1].priority <= out[i].priority);
	}
	return 0;
}
