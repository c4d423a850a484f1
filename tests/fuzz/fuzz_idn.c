/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: internationalized domain names, both ways. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto/idn.h"
#include "tests/fuzz/fuzz.h"

enum { NAME_MAX_ALL = 4096 };

/* What ASCII gives, ASCII again, is the same name. */
static void from_ascii(const char *name)
{
	static char wide[NAME_MAX_ALL], back[4 * NAME_MAX_ALL];

	if (!idn_to_utf8(name, wide, sizeof wide))
		return;
	CHECK(idn_to_ascii(wide, back, sizeof back));
	CHECK(strcasecmp(name, back) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char ascii[NAME_MAX_ALL], wide[NAME_MAX_ALL], small[20];
	char *name = fuzz_text(data, size);

	if (idn_to_ascii(name, ascii, sizeof ascii)) {
		CHECK(!idn_is_wide(ascii) && strlen(ascii) < sizeof ascii);
		CHECK(idn_is_wide(name) || strcmp(name, ascii) == 0);
		from_ascii(ascii);
		if (idn_to_utf8(ascii, wide, sizeof wide) && idn_is_wide(name)
		    && !strcasestr(name, "xn--"))
			CHECK(strcasecmp(name, wide) == 0);
	}
	if (!idn_is_wide(name))
		from_ascii(name);
	if (idn_to_ascii(name, small, sizeof small))
		CHECK(strlen(small) < sizeof small && strlen(ascii)
		      == strlen(small));
	free(name);
	return 0;
}
