/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Autocrypt specification's own letters: what we read in them, and what they make
 * of a peer that nothing was known of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/autocrypt.h"
#include "crypto/keydata.h"
#include "tests/unit/autocrypt_examples.h"

#define ALICE "alice@autocrypt.example"
#define ALICE_FPR "E60468CE44D77C3FCE9FD07271DBC5657FDE65A7"

enum { SENT = 1510062830 };	/* Tue, 07 Nov 2017 14:53:50 +0100 */

/* Its header block, as it came from a server. */
static void cut(const char *letter, struct header *h)
{
	static char text[20000];
	size_t n = 0;
	struct err e;

	for (const char *p = letter; strncmp(p, "\n\n", 2); p++) {
		assert_in_range(n, 0, sizeof text - 6);
		if (*p == '\n')
			text[n++] = '\r';
		text[n++] = *p;
	}
	memcpy(text + n, "\r\n", 2);
	n += 2;
	assert_int_equal(header_cut(h, text, n, &e), 0);
}

static void assert_key(const struct autocrypt *a, const char *addr,
                       const char *fpr)
{
	struct membuf least;
	struct keydata k;
	struct err e;

	assert_string_equal(a->addr, addr);
	assert_string_equal(a->fpr, fpr);
	assert_int_equal(keydata_read(&k, a->key, a->n, &e), 0);
	assert_true(k.has_uid);
	/* it is as small as can be already */
	membuf_init(&least, 1 << 20);
	assert_int_equal(keydata_minimal(a->key, a->n, addr, SENT, &least.sink,
	                                 &e), 0);
	assert_int_equal(least.len, a->n);
	assert_memory_equal(least.buf, a->key, a->n);
	membuf_free(&least);
}

static void test_simple(void **state)
{
	struct autocrypt_peer p = { .last_seen = 0 };
	struct autocrypt_advised advised;
	struct autocrypt a;
	struct header h;
	struct err e;

	(void)state;
	cut(example_simple, &h);
	assert_false(autocrypt_ignores(&h));
	assert_int_equal(autocrypt_of(&h, "bob@autocrypt.example", &a, &e), 0);
	assert_int_equal(autocrypt_of(&h, ALICE, &a, &e), 1);
	assert_key(&a, ALICE, ALICE_FPR);
	assert_true(a.mutual);
	assert_true(autocrypt_update(&p, SENT, &a));
	assert_int_equal(p.last_seen, SENT);
	assert_int_equal(p.timestamp, SENT);
	assert_int_equal(p.gossip_timestamp, 0);
	assert_true(p.mutual);
	p.has_key = true;
	advised = autocrypt_advise(&p, true, false, true, false);
	assert_int_equal(advised.advice, AUTOCRYPT_ENCRYPT);
	assert_false(advised.gossip);
	advised = autocrypt_advise(&p, true, false, false, false);
	assert_int_equal(advised.advice, AUTOCRYPT_AVAILABLE);
	autocrypt_free(&a);
	header_free(&h);
}

static void test_gossip(void **state)
{
	static const struct { const char *addr, *fpr; } who[] = {
		{ "bob@autocrypt.example",
		  "69E4D9C7F387FCC9A357BDF1474EF8B3D4D10268" },
		{ "carol@autocrypt.example",
		  "4D639ECC0D2FEB8730D056D7C1ABB8DF9F6E5132" }
	};
	struct autocrypt_advised advised;
	struct autocrypt a;
	struct header h;
	struct err e;

	(void)state;
	cut(example_gossip, &h);
	assert_int_equal(h.n, 3);
	for (size_t i = 0; i < 2; i++) {
		struct autocrypt_peer p = { .last_seen = 0 };

		assert_int_equal(autocrypt_read(&h.field[i], &a, &e), 1);
		assert_key(&a, who[i].addr, who[i].fpr);
		assert_false(a.mutual);
		assert_true(autocrypt_update_gossip(&p, SENT));
		assert_int_equal(p.gossip_timestamp, SENT);
		assert_int_equal(p.last_seen, 0);
		p.has_gossip = true;
		advised = autocrypt_advise(&p, false, true, true, false);
		assert_int_equal(advised.advice, AUTOCRYPT_DISCOURAGE);
		assert_true(advised.gossip);
		/* "the thread will remain encrypted" */
		advised = autocrypt_advise(&p, false, true, true, true);
		assert_int_equal(advised.advice, AUTOCRYPT_ENCRYPT);
		autocrypt_free(&a);
	}
	/* gossip is no word of theirs */
	assert_int_equal(autocrypt_of(&h, who[0].addr, &a, &e), 0);
	header_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_gossip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
