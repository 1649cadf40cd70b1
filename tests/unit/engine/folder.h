/* SPDX-License-Identifier: Apache-2.0 */
/* A state folder of its own for each test. */
#ifndef TRN_TEST_ENGINE_FOLDER_H
#define TRN_TEST_ENGINE_FOLDER_H

#include "event/event.h"

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

/* What trn_event_encode makes of it; free() the text. */
static inline struct trn_str encoded(const struct trn_event *ev)
{
    struct trn_buf b;

    trn_buf_init(&b, 1 << 20);
    trn_event_encode(ev, &b);
    char *copy = malloc(b.n + 1);
    memcpy(copy, b.p, b.n);
    struct trn_str s = {copy, b.n};
    trn_buf_done(&b);
    return s;
}

#endif
