/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of its own for a test of the whole command, with a cache of its own. */
#ifndef TRN_TEST_CLI_SCAN_PLACE_H
#define TRN_TEST_CLI_SCAN_PLACE_H

#include "call.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char place[64];

static inline void place_make(void)
{
    char cache[100];
    snprintf(place, sizeof(place), "/tmp/trn-scan-XXXXXX");
    cr_assert(mkdtemp(place));
    cr_assert_eq(chdir(place), 0);
    snprintf(cache, sizeof(cache), "%.60s/cache", place);
    cr_assert_eq(setenv("XDG_CACHE_HOME", cache, 1), 0);
    cr_assert_eq(mkdir("t", 0755), 0);
}

static inline void place_done(void)
{
    char command[200];
    cr_assert_eq(seteuid(getuid()), 0);
    cr_assert_eq(chdir("/"), 0);
    snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", place, place);
    cr_assert_eq(system(command), 0);
}

static inline void place_put(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

#endif
