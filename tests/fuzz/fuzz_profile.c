/* SPDX-License-Identifier: Apache-2.0 */
/* Question: can a damaged row of a profile, or a foreign path, name or command line, harm the profile? What was taken
 * must come out the same. */
#include "detect/behaviour/profile_internal.h"
#include "detect/behaviour/template.h"

#include <stdlib.h>

static void row(struct trn_str bytes)
{
    struct trn_lineage *l, *again;
    struct trn_event ev;
    if (trn_lineage_decode(bytes, &l))
        return;
    struct trn_buf out;
    trn_buf_init(&out, 1 << 20);
    trn_lineage_encode(l, &out);
    if (out.bad || trn_lineage_decode(trn_buf_str(&out), &again))
        abort();
    trn_event_init(&ev, TRN_EV_STATE);
    ev.state.kind = TRN_STR("profile");
    ev.state.key = l->key;
    ev.state.value = bytes;
    struct trn_profiles *p = trn_profiles_new();
    if (!p || trn_profile_restore(p, &ev) || trn_map_count(p->lineages) != 1)
        abort();
    uint64_t key, value;
    size_t it = 0;
    trn_map_next(p->lineages, &it, &key, &value);
    struct trn_lineage *there = (void *)(uintptr_t)value;
    trn_event_init(&ev, TRN_EV_CONNECT);
    ev.wall_ns = l->last_ns;
    struct trn_profile_version *v = trn_lineage_version(p, there, TRN_STR("9"), l->last_ns);
    struct trn_novelty n;
    for (unsigned i = 0; i < 3; i++)
        if (trn_feature_record(p, there, v, &ev, (enum trn_feature_class)i, TRN_STR("new"), &n))
            abort();
    trn_lineage_touch(there, v, ev.wall_ns);
    trn_profiles_free(p);
    trn_lineage_free(l);
    trn_lineage_free(again);
    trn_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[TRN_TEMPLATE_MAX];
    const struct trn_str s = {(const char *)data + 1, size ? size - 1 : 0};
    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0:
        row(s);
        break;
    case 1:
        return trn_template_folder(s, out).n >= TRN_TEMPLATE_MAX ? abort(), 0 : 0;
    case 2:
        return trn_template_domain(s, out).n >= TRN_TEMPLATE_MAX ? abort(), 0 : 0;
    default:
        return trn_template_flags(s, out).n >= TRN_TEMPLATE_MAX ? abort(), 0 : 0;
    }
    return 0;
}
