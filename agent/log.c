/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Log lines, each written whole. */
#include "agent/log.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "crypto/addr.h"

enum { KEY = 16, SHOWN = 3 };	/* octets: so few that it tells of a run only */

static const char key_name[] = "LETTERLOCK_LOG_KEY";

const char *log_role = "letterlock";
int log_level = 1;
bool log_syslog;
bool log_addresses;
static unsigned char key_secret[KEY];
static bool have_key;

static bool journal;		/* stderr is one, and wants levels */
static const int priority[] = { LOG_ERR, LOG_NOTICE, LOG_DEBUG };

/* Does stderr lead to the journal (systemd.exec(5), JOURNAL_STREAM)? */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2
	       && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev
	       && st.st_ino == ino;
}

void log_open(void)
{
	journal = !log_syslog && is_journal();
	if (!log_syslog)
		return;
	tzset();
	openlog("letterlockd", LOG_PID | LOG_NDELAY, LOG_MAIL);
}

static int begin(char *line, size_t size, int level)
{
	if (log_syslog)
		return snprintf(line, size, "%s: ", log_role);
	if (journal)
		return snprintf(line, size, "<%d>%s: ", priority[level],
		                log_role);
	return snprintf(line, size, "letterlockd[%d] %s: ", (int)getpid(),
	                log_role);
}

static void __attribute__((format(printf, 2, 0)))
log_line(int level, const char *fmt, va_list ap)
{
	char line[1024];
	int n, m;

	n = begin(line, sizeof line - 1, level);
	m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
	if (m < 0)
		return;
	n = n + m < (int)sizeof line - 2 ? n + m : (int)sizeof line - 2;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	if (log_syslog) {
		syslog(priority[level], "%.*s", n, line);
		return;
	}
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return;		/* nowhere left to say it */
}

#define LOG_AT(name, level) \
	void name(const char *fmt, ...) \
	{ \
		va_list ap; \
\
		if (log_level < (level)) \
			return; \
		va_start(ap, fmt); \
		log_line(level, fmt, ap); \
		va_end(ap); \
	}

LOG_AT(log_error, 0)
LOG_AT(log_note, 1)
LOG_AT(log_debug, 2)

/* ---- addresses ---- */

static bool make_key(void)
{
	have_key = have_key
	           || getrandom(key_secret, KEY, GRND_NONBLOCK) == KEY;
	return have_key;
}

int log_key_give(void)
{
	char hex_secret[2 * KEY + 1];
	int rc;

	if (!make_key())
		return -1;
	for (int i = 0; i < KEY; i++)
		snprintf(hex_secret + 2 * i, 3, "%02x", key_secret[i]);
	rc = setenv(key_name, hex_secret, 1);
	explicit_bzero(hex_secret, sizeof hex_secret);
	return rc;
}

/* What the role starts itself has no use for it. */
void log_key_take(void)
{
	char *hex_secret = getenv(key_name);
	unsigned octet;

	if (!hex_secret)
		return;
	have_key = strlen(hex_secret) == 2 * KEY;
	for (int i = 0; have_key && i < KEY; i++) {
		have_key = sscanf(hex_secret + 2 * i, "%2x", &octet) == 1;
		key_secret[i] = (unsigned char)octet;
	}
	explicit_bzero(hex_secret, strlen(hex_secret));
	unsetenv(key_name);
}

const char *log_addr(const char *addr)
{
	static char out[ADDR_MAX + 3];
	unsigned char mac[EVP_MAX_MD_SIZE];
	char *folded = NULL;

	snprintf(out, sizeof out, "<?>");
	if (log_addresses)
		snprintf(out, sizeof out, "<%.*s>", ADDR_MAX, addr);
	else if (make_key() && (folded = addr_fold(addr))
	         && HMAC(EVP_sha256(), key_secret, KEY,
	                 (const unsigned char *)folded, strlen(folded), mac,
	                 NULL))
		snprintf(out, sizeof out, "<%02x%02x%02x>", mac[0], mac[1],
		         mac[SHOWN - 1]);
	free(folded);
	return out;
}
