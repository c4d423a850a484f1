/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Telling systemd how far the agent is (sd_notify(3)), without its library. */
#ifndef AGENT_NOTIFY_H
#define AGENT_NOTIFY_H

/* Where to is taken from the environment once, and from the roles' sight. */
void notify_init(void);
/* "READY=1", "STOPPING=1"; nothing where nobody wants to know. */
void notify(const char *state);
/* That the configuration is being read again; READY=1 has to follow. */
void notify_reloading(void);

#endif
