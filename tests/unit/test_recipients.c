/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of agent/recipients.c: what crypt says of keys is not taken on trust. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/frames.h"
#include "agent/recipients.h"

enum { NEITHER = KEY_CHANGED + 1 };

/* What comes of crypt's answer, of one recipient. */
static int told(uint32_t own, uint32_t state, struct recipient *r,
                enum key_state *own_is)
{
	struct chan crypt, us;
	struct pack p;
	int fd[2], rc;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	chan_init(&crypt, fd[0]);
	chan_init(&us, fd[1]);
	memset(r, 0, sizeof *r);
	pack_init(&p);
	pack_u32(&p, own);
	pack_u32(&p, state);
	pack_u32(&p, 1);
	pack_u32(&p, 0);
	pack_u64(&p, 7);
	pack_str(&p, "");
	pack_u32(&p, KEY_FROM_KEYRING);
	assert_int_equal(pack_send(&p, &crypt, C_KEYS_FOUND, NULL), 0);
	rc = recipients_take_keys(&us, r, 1, own_is, NULL);
	chan_close(&crypt);
	chan_close(&us);
	return rc;
}

static void test_states(void **state)
{
	struct recipient r;
	enum key_state own;

	(void)state;
	for (uint32_t s = KEY_USABLE; s <= KEY_CHANGED; s++) {
		assert_int_equal(told(KEY_CHANGED - s, s, &r, &own), 0);
		assert_int_equal(r.state, s);
		assert_int_equal(own, KEY_CHANGED - s);
		assert_true(r.valid && !r.verified && r.expires == 7);
	}
	/* no state at all, which would be looked up in lists of words */
	assert_int_equal(told(KEY_USABLE, NEITHER, &r, &own), -1);
	assert_int_equal(told(NEITHER, KEY_USABLE, &r, &own), -1);
	assert_int_equal(told(KEY_USABLE, UINT32_MAX, &r, &own), -1);
	assert_int_equal(told(UINT32_MAX, KEY_USABLE, &r, &own), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_states) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
