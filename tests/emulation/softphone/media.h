/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The softphone's bundled "media library": the part that differs between release 1.0 and release 1.1. */

const char *acme_media_version(void);

/* Called once by the softphone at its start. */
void acme_media_open(void);

/* Called once before the softphone ends; waits for whatever acme_media_open started. */
void acme_media_close(void);
