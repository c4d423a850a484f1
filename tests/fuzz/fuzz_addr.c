/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Fuzzed: address lists, user IDs, addresses compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/addr.h"
#include "tests/fuzz/fuzz.h"

static void check_addr(const char *addr)
{
	char *fold = addr_fold(addr), *again;

	CHECK(addr_ok(addr) && addr_same(addr, addr) && fold);
	again = addr_fold(fold);
	CHECK(again);
	/* one dot behind a domain is no part of it, two are odd */
	if (!strstr(addr, ".."))
		CHECK(strcmp(fold, again) == 0 && addr_same(addr, fold));
	CHECK(addr_match(addr, addr));
	free(fold);
	free(again);
}

/* An address that was found is found again where it stands alone. */
static void check_found(const char *addr)
{
	char text[ADDR_MAX + 10];
	struct addrs list = { 0 };

	check_addr(addr);
	CHECK(addrs_parse(&list, addr, NULL) == 0);
	CHECK(list.n == 1 && !list.bad && !list.group
	      && strcmp(list.addr[0], addr) == 0);
	addrs_free(&list);
	CHECK(snprintf(text, sizeof text, "x y <%s>", addr) > 0);
	CHECK(addrs_parse(&list, text, NULL) == 0);
	CHECK(list.n == 1 && !list.bad && strcmp(list.addr[0], addr) == 0);
	addrs_free(&list);
}

static void check_list(const struct addrs *list)
{
	struct addrs again = { 0 };
	struct membuf m;

	membuf_init(&m, 1 << 20);
	for (size_t i = 0; i < list->n; i++) {
		check_found(list->addr[i]);
		CHECK(addrs_have(list, list->addr[i]));
		CHECK(membuf_printf(&m, NULL, "%s%s", i ? ", " : "",
		                    list->addr[i]) == 0);
	}
	CHECK(addrs_parse(&again, m.len ? m.buf : "", NULL) == 0);
	CHECK(again.n == list->n && !again.bad && !again.group);
	addrs_free(&again);
	membuf_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), addr[ADDR_MAX + 1];
	struct addrs list = { 0 };
	struct err e;

	if (addrs_parse(&list, text, &e) == 0)
		check_list(&list);
	else
		CHECK(gpg_err_code(e.code) == GPG_ERR_TOO_LARGE);
	CHECK(list.n <= ADDRS_MAX);
	addrs_free(&list);
	if (addr_of_uid(text, addr)) {
		CHECK(strstr(text, addr));
		check_addr(addr);
	}
	if (addr_ok(text))
		check_addr(text);
	free(text);
	return 0;
}
