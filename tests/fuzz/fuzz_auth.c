/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: what stands behind AUTH, in base64 (which no fuzzer guesses) and not. */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/front_login.h"
#include "tests/fuzz/fuzz.h"

static const char *const mechs[] = { "PLAIN", "XOAUTH2", "OAUTHBEARER", "x" };

static enum login_talk take(const char *mech, const void *p, size_t n, bool raw,
                            struct login *who)
{
	size_t m = strlen(mech) + 1;
	static struct client nobody;	/* who is told, and says nothing */
	char *arg = malloc(m + 4 * (n / 3 + 1) + 1), *exact;
	enum login_talk t;
	int k;

	memcpy(arg, mech, m - 1);
	arg[m - 1] = ' ';
	k = (int)n;
	if (raw)
		memcpy(arg + m, p, n);
	else
		k = EVP_EncodeBlock((unsigned char *)arg + m, p, (int)n);
	arg[m + (size_t)k] = '\0';
	exact = fuzz_text(arg, strlen(arg));
	memset(who, 0xee, sizeof *who);
	client_init(&nobody, -1, 0);
	t = login_take(&nobody, "", exact, who);
	free(exact);
	free(arg);
	return t;
}

/* Written as the RFC says, it reads as the same. */
static void check_again(const char *mech, const struct login *who)
{
	struct membuf m;
	struct login same_one;
	bool plain = strcmp(mech, "PLAIN") == 0;

	membuf_init(&m, 1 << 16);
	if (plain) {
		sink_put(&m.sink, "", 1, NULL);
	} else {
		const char *first = *mech == 'X' ? "user=" : "n,a=";

		sink_put(&m.sink, first, strlen(first), NULL);
	}
	for (const char *c = who->user; *c; c++)
		if (*mech == 'O' && (*c == ',' || *c == '='))
			sink_put(&m.sink, *c == ',' ? "=2C" : "=3D", 3, NULL);
		else
			sink_put(&m.sink, c, 1, NULL);
	if (*mech == 'O')
		sink_put(&m.sink, ",", 1, NULL);
	if (plain)
		sink_put(&m.sink, "", 1, NULL);
	else
		sink_put(&m.sink, "\1auth=Bearer ", 13, NULL);
	sink_put(&m.sink, who->password_secret, strlen(who->password_secret),
	         NULL);
	if (!plain)
		sink_put(&m.sink, "\1\1", 2, NULL);
	CHECK(take(mech, m.buf, m.len, false, &same_one) == LOGIN_TAKEN);
	CHECK(strcmp(same_one.user, who->user) == 0);
	CHECK(strcmp(same_one.password_secret, who->password_secret) == 0);
	CHECK(same_one.with == who->with);
	membuf_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);
	const char *mech = mechs[how & 3];
	struct login who;
	enum login_talk t;

	if (size > CLIENT_LINE_MAX / 4 * 3)
		return 0;
	t = take(mech, data, size, how >= 4, &who);
	CHECK((t == LOGIN_UNKNOWN) == (*mech == 'x'));
	CHECK(t != LOGIN_ENDED);	/* who is asked for more is gone */
	if (t != LOGIN_TAKEN)
		return 0;
	CHECK(memchr(who.user, '\0', sizeof who.user));
	CHECK(memchr(who.password_secret, '\0', sizeof who.password_secret));
	CHECK((who.with == LOGIN_OAUTH) == (*mech != 'P'));
	for (const char *c = who.password_secret; *c && *mech != 'P'; c++)
		CHECK(*c > ' ' && *c <= '~');
	check_again(mech, &who);
	return 0;
}
