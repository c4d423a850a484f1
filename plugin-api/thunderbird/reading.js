/* SPDX-License-Identifier: GPL-3.0-or-later
 * Reading: what the message button shows. */
"use strict";
