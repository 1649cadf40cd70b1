/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Release 1.0 of the bundled library: does nothing beyond being loaded.
 */
#include "media.h"

const char *acme_media_version(void)
{
    return "1.0";
}

void acme_media_open(void)
{
}

void acme_media_close(void)
{
}
