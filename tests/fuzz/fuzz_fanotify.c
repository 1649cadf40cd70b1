/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any buffer of fanotify events crash its reader, or become a record that the other half refuses? */
#include "sensor/fanotify.h"

static int check(void *ctx, struct trn_str record)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(1 << 16);
    struct trn_event ev;

    (void)ctx;
    if (a && trn_decode_record(trn_cur_of(record), 1, a, &ev) != 0)
        abort();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char home[] = "/home/*";
    char *homes[] = {home, NULL};
    const struct trn_record_sink sink = {.record = check};
    TRN_AUTO(trn_freep) struct trn_fanotify *f = calloc(1, sizeof(*f));
    char point[] = "/nowhere/at/all";

    if (!f)
        return 0;
    f->epoll = -1;
    for (int i = 0; i < TRN_GROUP_COUNT; i++)
        f->group[i] = -1;
    f->homes = homes;
    for (size_t i = 0; i < TRN_DIRS; i++)
        f->cache[i].fd = -1;
    f->fs[0] = (struct trn_fs){.point = point, .fd = -1}; /* known, but not there: every folder is gone */
    f->n_fs = 1;
    if (trn_fanotify_batch(f, TRN_GROUP_CHANGES, data, size, &sink) > 0)
        abort();
    trn_fanotify_end_batch(f);
    return 0;
}
