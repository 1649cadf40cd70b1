/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any file crash the reader of compound files, or make it read outside of the file, or not end? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    uint64_t size, ranges;
};

static int on_slack(void *ctx, const struct trn_ole2_slack *s)
{
    struct seen *seen = ctx;
    if (s->at > seen->size || s->size > seen->size - s->at || !s->nonzero || s->first < s->at ||
        s->end > s->at + s->size)
        abort();
    seen->ranges++;
    return 0;
}

static void read_all(const struct trn_ole2 *o, const struct trn_ole2_entry *e, struct trn_arena *a, uint64_t size)
{
    struct trn_source s, back;
    uint8_t window[777], again[777];
    uint64_t place;
    if (trn_ole2_stream(o, e, a, &s) < 0)
        return;
    if (s.size > size || s.size > e->size)
        abort();
    if (trn_ole2_contiguous(o, e, &place) && (place > size || e->size > size - place))
        abort();
    for (uint64_t at = 0; at < s.size; at += sizeof(window)) {
        int64_t n = trn_source_read(&s, at, window, sizeof(window));
        back = trn_source_part(&s, 0, s.size);
        int64_t first = trn_source_read(&back, 0, again, 1);
        int64_t m = trn_source_read(&s, at, again, sizeof(again)); /* after a step back: the same bytes */
        if (n < 0 || first < 0 || m != n || memcmp(window, again, (size_t)n) != 0)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *a = trn_arena_new(8u << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_ole2 *o = NULL;
    struct seen seen = {.size = size};
    if (!a || trn_ole2_open(&s, a, &o, NULL) < 0)
        return 0;
    for (size_t i = 0; i < trn_ole2_count(o) && i < 64; i++) {
        const struct trn_ole2_entry *e = trn_ole2_entry(o, i);
        (void)trn_ole2_name(e, a);
        if (i && !trn_ole2_by_id(o, e->parent))
            abort();
        read_all(o, e, a, size);
    }
    (void)trn_ole2_find(o, "!Property");
    if (trn_ole2_slack(o, on_slack, &seen) < 0)
        return 0;
    return 0;
}
