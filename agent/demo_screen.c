/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's page: plain text of the terminal's width. */
#include "agent/demo_screen.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
	MARGIN = 2,
	PAIR_MIN = 100,			/* columns that two texts need */
	WIDTH_MIN = 40, WIDTH_MAX = 140
};

enum colour { PLAIN, BOLD, GREEN, RED, YELLOW };

static int width = 80;
static bool coloured;
static struct timespec started, began;

static const char *colour(enum colour c)
{
	static const char *const code[] = {
		"\033[0m", "\033[1m", "\033[32m", "\033[1;31m", "\033[33m"
	};

	return coloured ? code[c] : "";
}

void screen_init(void)
{
	const char *columns = getenv("COLUMNS"), *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	bool tty = isatty(STDOUT_FILENO);
	struct winsize w;

	if (tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		width = w.ws_col;
	else if (columns && atoi(columns) > 0)
		width = atoi(columns);
	if (width < WIDTH_MIN)
		width = WIDTH_MIN;
	if (width > WIDTH_MAX)
		width = WIDTH_MAX;
	coloured = tty && (!no || !*no) && term && strcmp(term, "dumb") != 0;
	clock_gettime(CLOCK_MONOTONIC, &started);
}

static double since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) +
	       (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

void screen_heading(const char *text)
{
	printf("\n%s%s%s\n", colour(BOLD), text, colour(PLAIN));
}

void screen_line(const char *fmt, ...)
{
	va_list ap;

	printf("%*s", MARGIN, "");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void screen_begin(const char *text)
{
	clock_gettime(CLOCK_MONOTONIC, &began);
	printf("%*s%s ", MARGIN, "", text);
	fflush(stdout);
}

void screen_done(void)
{
	printf("(%.1f s)\n", since(&began));
}

/* The next piece of *text that fits in room columns: its start and length;
 * *text moves behind it.  A line is broken at a blank, or else cut off. */
static const char *piece(const char **text, int room, int *n, bool *cut)
{
	const char *p = *text;
	int len = (int)strcspn(p, "\n"), at = room;

	*cut = false;
	*n = len;
	if (len > room) {
		while (at > room / 3 && p[at] != ' ')
			at--;
		*cut = p[at] != ' ';
		*n = *cut ? room - 3 : at;
	}
	*text = p + (len > room && !*cut ? *n + 1 : len + (p[len] == '\n'));
	return p;
}

/* One line of a column, filled up with blanks to room where fill is set. */
static void print_piece(const char **text, int room, enum colour c, bool fill)
{
	bool cut;
	int n;
	const char *p = piece(text, room, &n, &cut);

	fputs(colour(c), stdout);
	for (int i = 0; i < n; i++)
		putchar(iscntrl((unsigned char)p[i]) ? '?' : p[i]);
	fputs(cut ? "..." : "", stdout);
	fputs(colour(PLAIN), stdout);
	n += cut ? 3 : 0;
	if (fill)
		printf("%*s", room - n, "");
}

static void print_column(const char *text, enum colour c)
{
	while (*text) {
		printf("%*s", 2 * MARGIN, "");
		print_piece(&text, width - 3 * MARGIN, c, false);
		putchar('\n');
	}
}

void screen_text(const char *text)
{
	print_column(text, PLAIN);
}

static void print_rule(int n)
{
	while (n-- > 0)
		putchar('-');
}

static void print_stacked(const char *title, const char *text, enum colour c)
{
	int rule = width - 2 * MARGIN - 4 - (int)strlen(title);

	printf("\n%*s-- %s%s%s ", MARGIN, "", colour(BOLD), title,
	       colour(PLAIN));
	print_rule(rule);
	putchar('\n');
	print_column(text, c);
}

void screen_pair(const char *left_title, const char *left,
                 const char *right_title, const char *right)
{
	int room = (width - MARGIN - 3) / 2;

	if (width < PAIR_MIN) {
		print_stacked(left_title, left, YELLOW);
		print_stacked(right_title, right, GREEN);
		putchar('\n');
		return;
	}
	printf("\n%*s%s%-*s%s | %s%s%s\n%*s", MARGIN, "", colour(BOLD), room,
	       left_title, colour(PLAIN), colour(BOLD), right_title,
	       colour(PLAIN), MARGIN, "");
	print_rule(room + 1);
	putchar('+');
	print_rule(room + 1);
	putchar('\n');
	while (*left || *right) {
		printf("%*s", MARGIN, "");
		print_piece(&left, room, YELLOW, true);
		fputs(*right && *right != '\n' ? " | " : " |", stdout);
		print_piece(&right, room, GREEN, false);
		putchar('\n');
	}
	putchar('\n');
}

void screen_check(bool held, const char *text)
{
	printf("%*s%s%-6s%s %s\n", MARGIN, "", colour(held ? GREEN : RED),
	       held ? "ok" : "FAILED", colour(PLAIN), text);
	fflush(stdout);
}

void screen_verdict(unsigned held, unsigned of)
{
	printf("\n%s", colour(held == of ? GREEN : RED));
	if (held == of)
		printf("All %u checks held", of);
	else
		printf("%u of %u checks FAILED", of - held, of);
	printf("%s (%.1f s)\n", colour(PLAIN), since(&started));
	if (held != of)
		puts("letterlock demo --keep leaves the agents' logs behind");
}
