/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The add-on in Thunderbird's policies.json, of which all else stays as it is. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/file.h"
#include "agent/thunderbird.h"

enum { POLICIES_MAX = 1 << 20 };

/* The one in force: where there are two, that in /etc alone counts. */
static char *policies_path(const struct thunderbird *t)
{
	char *etc = file_path(t->root, "/etc/thunderbird/policies/policies.json",
	                      NULL);
	char *lib = file_path(t->root, "/usr/lib/thunderbird/distribution/"
	                      "policies.json", NULL);
	bool use_lib = etc && lib && access(etc, F_OK) == -1
	               && access(lib, F_OK) == 0;

	free(use_lib ? etc : lib);
	return use_lib ? lib : etc;
}

static json_t *policies_read(const char *path, struct err *e)
{
	size_t n;
	char *text = file_read(path, POLICIES_MAX, &n, e);
	json_t *j;

	if (!text && gpg_err_code(e->code) == GPG_ERR_ENOENT)
		return json_pack("{s:{}}", "policies");
	if (!text)
		return NULL;
	j = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	if (json_is_object(json_object_get(j, "policies")))
		return j;
	json_decref(j);
	err_set(e, gpg_error(GPG_ERR_CONFIGURATION),
	        "%s is no policy file that can be read, so it stays as it is",
	        path);
	return NULL;
}

/* With nothing left in it, it goes. */
static int policies_write(const char *path, json_t *j, struct err *e)
{
	char *text;
	int rc;

	if (json_object_size(j) == 1
	    && json_object_size(json_object_get(j, "policies")) == 0) {
		rc = file_remove(path, e);
		if (rc == 1)
			printf("%s: removed\n", path);
		return rc == -1 ? -1 : 0;
	}
	if (!(text = json_dumps(j, JSON_INDENT(2))))
		return err_errno(e, "memory");
	rc = file_write(path, text, strlen(text), 0644, e);
	free(text);
	return rc;
}

/* ---- lists in Extensions ---- */

static json_t *list_of(json_t *j, const char *name)
{
	json_t *policies = json_object_get(j, "policies");
	json_t *ext = json_object_get(policies, "Extensions"), *list;

	if (!json_is_object(ext)) {
		ext = json_object();
		json_object_set_new(policies, "Extensions", ext);
	}
	list = json_object_get(ext, name);
	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(ext, name, list);
	}
	return list;
}

/* Ours, wherever it was and of whatever version, or the add-on's name. */
static bool is_ours(const json_t *j)
{
	const char *s = json_string_value(j);
	size_t n = s ? strcspn(s, "?") : 0, end = strlen("/letterlock.xpi");

	return s && (strcmp(s, THUNDERBIRD_ADDON) == 0
	             || (n >= end
	                 && strncmp(s + n - end, "/letterlock.xpi", end) == 0));
}

static bool take_out(json_t *list)
{
	bool any = false;

	for (size_t i = json_array_size(list); i-- > 0;)
		if (is_ours(json_array_get(list, i))) {
			json_array_remove(list, i);
			any = true;
		}
	return any;
}

static void prune(json_t *j)
{
	static const char *const names[] = { "Install", "Uninstall" };
	json_t *policies = json_object_get(j, "policies");
	json_t *ext = json_object_get(policies, "Extensions");

	for (int i = 0; i < 2; i++)
		if (json_array_size(json_object_get(ext, names[i])) == 0)
			json_object_del(ext, names[i]);
	if (json_object_size(ext) == 0)
		json_object_del(policies, "Extensions");
}

/* ---- */

/* As a URL, with what would end its path escaped; the version has Thunderbird
 * take a newer one, since it looks only when the list has changed. */
static json_t *addon_url(const char *path)
{
	static const char hex[] = "0123456789ABCDEF";
	static const char begin[] = "file://", end[] = "?" PACKAGE_VERSION;
	char *url = malloc(sizeof begin + 3 * strlen(path) + sizeof end);
	size_t n = sizeof begin - 1;
	json_t *j;

	if (!url)
		return NULL;
	memcpy(url, begin, n);
	for (const unsigned char *p = (const unsigned char *)path; *p; p++) {
		if (*p > ' ' && *p < 0x7f && !strchr("\"#%<>?[\\]^`{|}", *p)) {
			url[n++] = (char)*p;
			continue;
		}
		url[n++] = '%';
		url[n++] = hex[*p >> 4];
		url[n++] = hex[*p & 15];
	}
	memcpy(url + n, end, sizeof end);
	j = json_string(url);
	free(url);
	return j;
}

int thunderbird_policy_add(const struct thunderbird *t, struct err *e)
{
	char *path = policies_path(t);
	json_t *j = path ? policies_read(path, e) : NULL, *url;
	int rc = -1;

	if (!j)
		goto out;
	take_out(list_of(j, "Uninstall"));
	take_out(list_of(j, "Install"));
	url = addon_url(t->addon);
	if (json_array_append_new(list_of(j, "Install"), url)) {
		err_errno(e, "memory");
		goto out;
	}
	prune(j);
	rc = policies_write(path, j, e);
	if (rc == 0)
		printf("%s: has Thunderbird install the add-on\n", path);
out:
	json_decref(j);
	free(path);
	return rc;
}

int thunderbird_policy_remove(const struct thunderbird *t, struct err *e)
{
	char *path = policies_path(t);
	json_t *j = path ? policies_read(path, e) : NULL;
	bool installs, any;
	int rc = -1;

	if (!j)
		goto out;
	installs = take_out(list_of(j, "Install"));
	any = take_out(list_of(j, "Uninstall")) || installs;
	if (installs)
		json_array_append_new(list_of(j, "Uninstall"),
		                      json_string(THUNDERBIRD_ADDON));
	prune(j);
	rc = any ? policies_write(path, j, e) : 0;
	if (rc == 0 && installs)
		printf("%s: has each profile take the add-on out when "
		       "Thunderbird starts next; run this again after that to "
		       "remove the note from there, too\n", path);
out:
	json_decref(j);
	free(path);
	return rc;
}
