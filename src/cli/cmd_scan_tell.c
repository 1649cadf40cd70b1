/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what of one scanned file is told to the engine: its strongest findings, when the file is suspicious or worse.
 * Must not: judge, or decide whether the file is installed software's (the engine knows).
 */
#include "cli/tell.h"

#include <limits.h>

/* "/usr/lib/libx.so!/member", as people see it elsewhere. */
static int place_of(struct trn_scanned *f, uint32_t id, const char *real, struct trn_buf *out)
{
    TRN_AUTO(trn_buf_done) struct trn_buf member;
    trn_buf_init(&member, 1u << 20);
    int e = trn_results_member(&f->index, id, &member);
    trn_buf_clear(out);
    trn_put_c(out, real);
    if (member.n)
        trn_put_c(out, "!/");
    trn_put_str(out, trn_buf_str(&member));
    return e;
}

static int add_findings(struct trn_scanned *f, uint32_t id, const char *real, json_t *findings)
{
    TRN_AUTO(trn_buf_done) struct trn_buf place;
    struct trn_results *x = &f->index;
    int e = 0;
    trn_buf_init(&place, 2u << 20);
    for (uint32_t l = x->nodes[id - 1].first; e == 0 && l; l = x->links[l - 1].next) {
        struct trn_item item;
        e = place.n ? 0 : place_of(f, id, real, &place);
        if (e == 0)
            e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e == 0 && item.kind == TRN_ITEM_FINDING)
            trn_tell_add(findings, &item.f, trn_buf_str(&place), item.f.summary);
    }
    return e;
}

void trn_scan_tell(struct trn_tell *t, struct trn_scanned *f)
{
    char path[PATH_MAX], real[PATH_MAX];
    struct trn_item top;
    if (!t->on || f->verdict < TRN_VERDICT_SUSPICIOUS || f->index.n == 0 || f->path.n >= sizeof(path))
        return;
    (void)snprintf(path, sizeof(path), "%.*s", TRN_STR_ARG(f->path));
    int e = realpath(path, real) ? trn_results_artifact(&f->index, 1, &top) : -errno;
    if (e < 0 || top.kind != TRN_ITEM_ARTIFACT)
        return;
    struct trn_tell_about about = {.path = real, .verdict = f->verdict, .findings = json_array()};
    memcpy(about.sha256, top.a.sha256, TRN_SHA256_SIZE);
    for (uint32_t id = 1; e == 0 && id <= f->index.n; id++)
        e = add_findings(f, id, real, about.findings);
    trn_tell(t, &about);
    json_decref(about.findings);
}
