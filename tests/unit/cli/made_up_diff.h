/* SPDX-License-Identifier: Apache-2.0 */
/* A made-up diff: two releases as a scan would tell them, changes and findings put in by hand, so that outputs can be judged
 * whatever the comparers say. */
#ifndef TRN_TEST_CLI_MADE_UP_DIFF_H
#define TRN_TEST_CLI_MADE_UP_DIFF_H

#include "cli/diff.h"

#include <stdio.h>
#include <stdlib.h>

struct made {
    struct trn_release *before, *after;
    struct trn_diff *diff;
};

static inline void made_must(int e)
{
    if (e < 0) {
        fprintf(stderr, "made_up_diff: %s\n", trn_errno_name(e));
        abort();
    }
}

static inline void made_artifact(struct trn_release *r, uint32_t file, uint32_t id, uint32_t parent, const char *name,
                                 enum trn_format format, uint64_t size, uint8_t hash)
{
    struct trn_artifact a = {.id = id,
                             .parent = parent,
                             .depth = parent ? 1 : 0,
                             .name = trn_str_of(name),
                             .format = format,
                             .size = size,
                             .mode = 0644};
    memset(a.sha256, hash, sizeof(a.sha256));
    made_must(trn_release_artifact(r, file, &a));
}

static inline struct trn_release *made_release(const char *label, const char *version, bool turned)
{
    const struct trn_release_options o = {.sz = sizeof(o), .label = trn_str_of(label)};
    struct trn_release *r = NULL;
    struct trn_signature s = {.kind = TRN_SIGNATURE_AUTHENTICODE,
                              .digest = TRN_DIGEST_OK,
                              .signer = TRN_STR("Acme <Softphones> Ltd"),
                              .uncovered_total = turned ? 277256 : 0};
    uint32_t f = 0;
    made_must(trn_release_new(&o, &r));
    made_must(trn_release_file(r, TRN_STR(""), &f));
    made_artifact(r, f, 1, 0, trn_path_base(trn_str_of(label)).p, TRN_FORMAT_MSI, turned ? 5400000 : 5000000,
                  turned ? 2 : 1);
    made_artifact(r, f, 2, 1, "app/ffmpeg.dll", TRN_FORMAT_PE, turned ? 2800000 : 2780000, turned ? 4 : 3);
    made_artifact(r, f, 3, 1, "app/d3dcompiler_47.dll", TRN_FORMAT_PE, turned ? 5168344 : 4891080, turned ? 6 : 5);
    made_artifact(r, f, 4, 1, "app/licence.txt", TRN_FORMAT_TEXT, 1000, 7);
    made_artifact(r, f, 5, 1, turned ? "app/core-1.1.js" : "app/core-1.0.js", TRN_FORMAT_JAVASCRIPT, 4000,
                  turned ? 9 : 8);
    made_artifact(r, f, 6, 1, turned ? "app/new<b>\x1b[31m&\xff.ico" : "app/old.dat", TRN_FORMAT_DATA, 300,
                  turned ? 11 : 10);
    made_artifact(r, f, 7, 1, turned ? "lib/moved.so" : "app/moved.so", TRN_FORMAT_ELF, 70000, turned ? 13 : 12);
    made_must(trn_release_property(r, f, 1, TRN_STR("product"), TRN_STR("acme-softphone")));
    made_must(trn_release_property(r, f, 1, TRN_STR("version"), trn_str_of(version)));
    made_must(trn_release_signature(r, f, 3, &s));
    made_must(trn_release_gap(r, f, 6,
                              &(struct trn_gap){.kind = turned ? TRN_GAP_ENCRYPTED : TRN_GAP_DAMAGED,
                                                .what = TRN_STR("it ends too early"),
                                                .member = TRN_STR("x<y>")}));
    made_must(trn_release_finish(r));
    return r;
}

static inline const struct trn_release_member *made_member(const struct trn_release *r, const char *start)
{
    for (size_t i = 0; i < trn_release_count(r); i++)
        if (trn_str_starts(trn_release_at(r, i)->path, trn_str_of(start)) && (*start || i == 0))
            return trn_release_at(r, i);
    abort();
}

static inline void made_change(struct made *m, const char *was, const char *is, enum trn_change_kind kind,
                               enum trn_pair_reason by)
{
    struct trn_change *c = &m->diff->changes[m->diff->n_changes++];
    *c = (struct trn_change){.kind = kind, .by = by, .similarity = by == TRN_PAIR_SIMILAR ? 934 : 0};
    c->old_member = was ? made_member(m->before, was) : NULL;
    c->new_member = is ? made_member(m->after, is) : NULL;
    c->findings = trn_arena_array(m->diff->arena, 8, sizeof(*c->findings));
    m->diff->counts[kind]++;
}

/* Findings are told strongest first: that is the order of reasons. */
static inline void made_finding(struct made *m, size_t change, const char *check, uint16_t score, const char *summary,
                                const char *was, const char *is)
{
    struct trn_change *c = &m->diff->changes[change];
    struct trn_finding *f = &c->findings[c->n_findings++];
    trn_finding_init(f, trn_check_find(trn_str_of(check)));
    f->score = score;
    f->id = trn_hash64_str(trn_str_of(summary));
    f->telemetry = TRN_TEL_ARTIFACT;
    f->summary = trn_str_of(summary);
    if (was) {
        trn_finding_add(f, "old", trn_str_of(was));
        trn_finding_add(f, "new", trn_str_of(is));
        trn_finding_add(f, "offset", TRN_STR("0x4edcd8"));
        trn_finding_add(f, "entropy", TRN_STR("7.99"));
    }
    if (score == 0)
        trn_finding_add(f, "accepted", TRN_STR("looked at by the release team"));
    m->diff->reasons[m->diff->n_reasons++] = (struct trn_reason){c, f};
}

static inline struct made made_diff(void)
{
    struct made m = {made_release("dist/acme-1.0.msi", "1.0", false), made_release("dist/acme-1.1.msi", "1.1", true),
                     calloc(1, sizeof(struct trn_diff))};
    struct trn_diff *d = m.diff;
    d->arena = trn_arena_new(0);
    d->old_release = m.before;
    d->new_release = m.after;
    d->changes = trn_arena_array(d->arena, 16, sizeof(*d->changes));
    d->reasons = trn_arena_array(d->arena, 32, sizeof(*d->reasons));
    made_change(&m, "", "", TRN_CHANGE_CHANGED, TRN_PAIR_PATH);
    made_change(&m, "app/ffmpeg.dll", "app/ffmpeg.dll", TRN_CHANGE_CHANGED, TRN_PAIR_PATH);
    made_change(&m, "app/d3d", "app/d3d", TRN_CHANGE_CHANGED, TRN_PAIR_PATH);
    made_change(&m, "app/licence.txt", "app/licence.txt", TRN_CHANGE_SAME, TRN_PAIR_PATH);
    made_change(&m, "app/core-1.0", "app/core-1.1", TRN_CHANGE_CHANGED, TRN_PAIR_VERSION_IN_PATH);
    made_change(&m, NULL, "app/new", TRN_CHANGE_ADDED, TRN_PAIR_NONE);
    made_change(&m, "app/moved.so", "lib/moved.so", TRN_CHANGE_RENAMED, TRN_PAIR_SIMILAR);
    made_change(&m, "app/old.dat", NULL, TRN_CHANGE_REMOVED, TRN_PAIR_NONE);
    made_finding(&m, 2, "diff.same-authentihash", 85,
                 "what its signature covers is exactly as before, but the file grew", "0 bytes not covered",
                 "277256 bytes not covered");
    made_finding(&m, 5, "diff.became-program", 55, "an icon \\x1b[31m became a program", "icon <img src=x>", "program");
    made_finding(&m, 1, "diff.new-capability", 50, "it can open files and execute memory now", "math",
                 "math, file, memory");
    made_finding(&m, 1, "diff.sibling-read", 50, "it opens d3dcompiler_47.dll as data", "none", "d3dcompiler_47.dll");
    for (size_t i = 0; i < 5; i++)
        made_finding(&m, 4, "diff.script-capability", (uint16_t)(40 - i), "the script runs programs now", "none",
                     "exec");
    made_finding(&m, 6, "diff.elf-ifunc", 30, "one more resolver", "0", "1");
    made_finding(&m, 6, "diff.new-library", 20, "one more library", "libc.so.6", "libc.so.6, libcurl.so.4");
    made_finding(&m, 6, "diff.exports-changed", 12, "other functions", "4", "9");
    made_finding(&m, 1, "diff.exports-changed", 11, "other functions", "104", "109");
    made_finding(&m, 1, "diff.toolchain-outlier", 0, "built by another linker", "14.0", "14.3");
    d->changes[1].scanned_before = 3;
    d->verdict = TRN_VERDICT_MALICIOUS;
    d->score = 96;
    d->undecided = true;
    return m;
}

static inline void made_done(struct made *m)
{
    m->diff = trn_diff_free(m->diff);
    m->before = trn_release_free(m->before);
    m->after = trn_release_free(m->after);
}

#endif
