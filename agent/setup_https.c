/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Small files of web servers, by libcurl: HTTPS alone, verified, within bounds. */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "agent/setup.h"

enum {
	CONNECT_MS = 3000, ALL_MS = 5000,
	REDIRECTS_MAX = 3,
	POLL_MS = 1000,
	OK = 200
};

struct fetch {
	CURL *easy;
	struct setup_page *page;
	char words[CURL_ERROR_SIZE];
};

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct setup_page *page = arg;

	return sink_put(&page->body.sink, p, size * n, NULL) ? 0 : size * n;
}

/* Proxies are what the environment says.  Where libcurl has a folder of authorities,
 * as Debian's has, those are believed besides ca_file's. */
static int prepare(struct fetch *f, const char *ca_file)
{
	CURL *c = f->easy;

	return !c
	       || curl_easy_setopt(c, CURLOPT_URL, f->page->url)
	       || curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https")
	       || curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "https")
	       || curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L)
	       || curl_easy_setopt(c, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX)
	       || curl_easy_setopt(c, CURLOPT_SSLVERSION,
	                           (long)CURL_SSLVERSION_TLSv1_2)
	       || (ca_file && curl_easy_setopt(c, CURLOPT_CAINFO, ca_file))
	       || curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
	                           (long)CURL_HTTP_VERSION_1_1)
	       || curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L)
	       || curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L)
	       || curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
	                           (long)CONNECT_MS)
	       || curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)ALL_MS)
	       || curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take)
	       || curl_easy_setopt(c, CURLOPT_WRITEDATA, f->page)
	       || curl_easy_setopt(c, CURLOPT_ERRORBUFFER, f->words)
	       || curl_easy_setopt(c, CURLOPT_PRIVATE, f) ? -1 : 0;
}

static void settle(struct fetch *f, CURLcode code)
{
	struct setup_page *p = f->page;
	long status = 0;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status == OK) {
		p->is = SETUP_PAGE_FOUND;
	} else if (code == CURLE_OK) {
		p->is = SETUP_PAGE_NONE;
		snprintf(p->why, sizeof p->why, "it answers %ld", status);
	} else if (code == CURLE_COULDNT_RESOLVE_HOST) {
		p->is = SETUP_PAGE_NOWHERE;
		snprintf(p->why, sizeof p->why, "no such host");
	} else {
		p->is = SETUP_PAGE_FAILED;
		snprintf(p->why, sizeof p->why, "%s", code == CURLE_WRITE_ERROR
		         ? "it is too large" : *f->words ? f->words
		         : curl_easy_strerror(code));
	}
}

/* Until all have ended. */
static void run(CURLM *m)
{
	int running, left;
	struct fetch *f;
	CURLMsg *msg;

	do {
		if (curl_multi_perform(m, &running))
			return;
		while ((msg = curl_multi_info_read(m, &left)))
			if (msg->msg == CURLMSG_DONE
			    && !curl_easy_getinfo(msg->easy_handle,
			                          CURLINFO_PRIVATE, &f))
				settle(f, msg->data.result);
	} while (running && !curl_multi_poll(m, NULL, 0, POLL_MS, NULL));
}

void setup_https(struct setup_page *pages, unsigned n, const char *ca_file)
{
	struct fetch f[SETUP_PAGES_MAX];
	CURLM *m;

	memset(f, 0, sizeof f);
	for (unsigned i = 0; i < n; i++) {
		membuf_init(&pages[i].body, SETUP_PAGE_MAX);
		pages[i].is = SETUP_PAGE_FAILED;
		snprintf(pages[i].why, sizeof pages[i].why, "it can't be asked");
	}
	if (n > SETUP_PAGES_MAX || curl_global_init(CURL_GLOBAL_DEFAULT))
		return;
	m = curl_multi_init();
	for (unsigned i = 0; m && i < n; i++) {
		f[i].page = &pages[i];
		f[i].easy = curl_easy_init();
		if (prepare(&f[i], ca_file) == 0)
			curl_multi_add_handle(m, f[i].easy);
	}
	if (m)
		run(m);
	for (unsigned i = 0; i < n; i++) {
		if (m && f[i].easy)
			curl_multi_remove_handle(m, f[i].easy);
		curl_easy_cleanup(f[i].easy);
	}
	curl_multi_cleanup(m);
	curl_global_cleanup();
}
