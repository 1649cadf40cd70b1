/* SPDX-License-Identifier: Apache-2.0 */
/* A state folder of its own for each test. */
#ifndef TRN_TEST_ENGINE_FOLDER_H
#define TRN_TEST_ENGINE_FOLDER_H

#include "base/base.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static inline void folder_new(char path[64])
{
    snprintf(path, 64, "/tmp/turncoat-engine-XXXXXX");
    cr_assert(mkdtemp(path));
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    return remove(path);
}

static inline void folder_done(const char *path)
{
    nftw(path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
