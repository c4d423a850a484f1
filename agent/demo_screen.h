/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The demo's page: headings, columns, checks; coloured on a terminal. */
#ifndef AGENT_DEMO_SCREEN_H
#define AGENT_DEMO_SCREEN_H

#include <stdbool.h>

/* Look at stdout (terminal, width) and the environment (NO_COLOR, COLUMNS). */
void screen_init(void);
void screen_heading(const char *text);
/* A line, and a step that is begun and, when done, gets its time. */
void screen_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void screen_begin(const char *text);
void screen_done(void);
/* Text in one column; two texts side by side, or one below the other where
 * there is no room. */
void screen_text(const char *text);
void screen_pair(const char *left_title, const char *left,
                 const char *right_title, const char *right);
void screen_check(bool held, const char *text);
/* The last line. */
void screen_verdict(unsigned held, unsigned of);

#endif
