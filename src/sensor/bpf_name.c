/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: names of BPF programs. perf tells a load or unload by id and tag only, and right before it, on the same
 * CPU, the symbol that the program's code has: "bpf_prog_<tag>_<name>". Owns the last few of those.
 */
#include "sensor/reader.h"

#include <linux/perf_event.h>

#define TAG_HEX 16u

/* PERF_RECORD_KSYMBOL: address, length, kind, flags, name, trailer. */
int trn_bpf_names_see(struct trn_bpf_names *names, struct trn_cursor record)
{
    struct trn_str prefix = TRN_STR("bpf_prog_"), name;
    uint16_t kind;

    trn_cur_skip(&record, 8 + 8 + 4);
    kind = trn_cur_u16le(&record);
    trn_cur_skip(&record, 2);
    name = trn_cur_until(&record, '\0', 512);
    if (record.bad)
        return -EBADMSG;
    if (kind != PERF_RECORD_KSYMBOL_TYPE_BPF || !trn_str_starts(name, prefix) || name.n <= prefix.n + TAG_HEX + 1 ||
        name.p[prefix.n + TAG_HEX] != '_')
        return 0;
    struct trn_bpf_name *to = &names->v[names->next];
    struct trn_str program = trn_str_slice(name, prefix.n + TAG_HEX + 1, sizeof(to->name));

    memcpy(to->tag, name.p + prefix.n, TAG_HEX);
    memcpy(to->name, program.p, program.n);
    to->n = program.n;
    names->next = (names->next + 1) % TRN_ARRAY_SIZE(names->v);
    return 0;
}

/* Newest first: what has the same code has the same tag, and perhaps another name. */
static const struct trn_bpf_name *find(const struct trn_bpf_names *names, struct trn_str tag)
{
    size_t n = TRN_ARRAY_SIZE(names->v);

    for (size_t i = 0; i < n; i++) {
        const struct trn_bpf_name *v = &names->v[(names->next + n - 1 - i) % n];

        if (v->n > 0 && trn_str_eq(tag, (struct trn_str){v->tag, TAG_HEX}))
            return v;
    }
    return NULL;
}

int trn_bpf_names_add(const struct trn_bpf_names *names, struct trn_arena *arena, struct trn_event *ev)
{
    const struct trn_bpf_name *v = find(names, ev->meta.text);

    if (!v)
        return 0;
    ev->meta.text = trn_arena_printf(arena, "%.*s (%.*s)", (int)v->n, v->name, TRN_STR_ARG(ev->meta.text));
    return trn_str_is_none(ev->meta.text) ? -ENOMEM : 0;
}
