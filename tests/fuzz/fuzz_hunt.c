/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any hunt expression crash the parser, become wrong SQL, or match what it should not? */
#include "store/store.h"

#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One small store for all inputs, in memory; reached through a name that SQLite knows. */
static struct trn_store *store(void)
{
    static struct trn_store *s;
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_str note;
    struct trn_event ev;

    if (s || a == NULL || trn_store_open(":memory:", NULL, 1, a, &s, &note, NULL) < 0)
        return s;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.wall_ns = 5;
    ev.exec.path = TRN_STR("/usr/bin/curl");
    ev.exec.argv = TRN_STR("curl\0");
    if (trn_store_event(s, &ev, TRN_STR_NONE, NULL) < 0 || trn_store_commit(s, NULL) < 0)
        abort();
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_hunt_summary sum = {0};
    struct trn_err err = {0};
    struct trn_store *s = store();

    if (s == NULL)
        return 0;
    int r = trn_store_hunt(s, (struct trn_str){(const char *)data, size}, 1000, 10, NULL, &sum, &err);
    if (r == -EIO || r == -EUCLEAN || sum.matches > 1)
        abort(); /* SQL that SQLite refuses, or more than there is */
    return 0;
}
