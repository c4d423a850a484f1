/* SPDX-License-Identifier: GPL-3.0-or-later
 * Writing: what the compose button shows, and what stops a letter. */
"use strict";
