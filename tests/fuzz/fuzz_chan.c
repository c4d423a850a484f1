/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: frames between the roles, and what is in them. */
#include <stdlib.h>
#include <string.h>

#include "agent/chan.h"
#include "tests/fuzz/fuzz.h"

enum { HEAD = 8, PART = 64 };

/* The payload as numbers and strings; nothing beyond it is read. */
static void unpack(const struct frame *f, uint8_t how)
{
	char text[PART], mem[PART];
	struct unpack u;
	size_t left;

	unpack_init(&u, f);
	for (unsigned i = 0; i < PART; i++) {
		left = u.left;
		switch (how >> i % 4 & 3) {
		case 0:
			unpack_u32(&u);
			CHECK(u.bad || u.left == left - 4);
			break;
		case 1:
			unpack_u64(&u);
			CHECK(u.bad || u.left == left - 8);
			break;
		case 2:
			unpack_str(&u, text, 1 + how % PART);
			CHECK(strlen(text) <= how % PART);
			CHECK(!u.bad || !text[0]);
			CHECK(u.bad || u.left == left - 4 - strlen(text));
			break;
		case 3:
			unpack_mem(&u, mem, how % PART);
			CHECK(u.bad || u.left == left - how % PART);
			break;
		}
		CHECK(u.left <= left && (!u.bad || !unpack_end(&u)));
	}
}

/* What comes out is what a plain reading of the octets gives. */
static void receive(const uint8_t *p, size_t n, uint8_t how)
{
	struct ends ends;
	struct chan c;
	struct frame f;
	uint32_t head[2];
	struct err e;

	ends_open(&ends, p, n, how);
	ends_hang_up(&ends);
	chan_init(&c, ends.theirs);
	while (chan_recv(&c, &f, &e) == 0) {
		CHECK(n >= HEAD);
		memcpy(head, p, HEAD);
		CHECK(f.type == head[0] && f.len == head[1]);
		CHECK(f.len <= n - HEAD
		      && memcmp(f.data, p + HEAD, f.len) == 0);
		p += HEAD + f.len;
		n -= HEAD + f.len;
		unpack(&f, how);
	}
	if (gpg_err_code(e.code) == GPG_ERR_BAD_DATA) {
		memcpy(head, p, HEAD);
		CHECK(head[1] > FRAME_MAX);
	} else {
		CHECK(gpg_err_code(e.code) == GPG_ERR_EOF);
	}
	chan_close(&c);
	ends.theirs = -1;
	ends_close(&ends);
}

/* What is packed, sent and received is unpacked the same. */
static void round_trip(const uint8_t *p, size_t n, uint8_t how)
{
	char *text = fuzz_text(p, n < 200 ? n : 200), back[256], mem[PART];
	struct unpack u;
	struct ends ends;
	struct chan a, b;
	struct frame f;
	struct pack pack;

	ends_open(&ends, NULL, 0, 0);
	chan_init(&a, ends.ours);
	chan_init(&b, ends.theirs);
	pack_init(&pack);
	pack_u32(&pack, how);
	pack_str(&pack, text);
	pack_u64(&pack, n);
	pack_mem(&pack, p, n < PART ? n : PART);
	CHECK(pack_send(&pack, &a, how, NULL) == 0);
	CHECK(chan_expect(&b, how, &f, NULL) == 0);
	unpack_init(&u, &f);
	CHECK(unpack_u32(&u) == how);
	unpack_str(&u, back, sizeof back);
	CHECK(strcmp(text, back) == 0 && unpack_u64(&u) == n);
	unpack_mem(&u, mem, n < PART ? n : PART);
	CHECK(unpack_end(&u) && (n == 0
	      || memcmp(mem, p, n < PART ? n : PART) == 0));
	chan_close(&a);
	chan_close(&b);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = fuzz_octet(&data, &size);

	receive(data, size, how);
	round_trip(data, size, how);
	return 0;
}
