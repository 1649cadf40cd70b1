/* SPDX-License-Identifier: Apache-2.0 */
/* A log of what a scan told, a line each: "signature 1 apple ok", "finding 1 macho.signature-slack 85 0x10 300",
 * "gap 1 damaged MEMBER: words". Artifacts and properties are the test's own to write. */
#ifndef TRN_TEST_ARTIFACT_NOTED_H
#define TRN_TEST_ARTIFACT_NOTED_H

#include "artifact/artifact.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct seen {
    char log[16384];
    struct trn_score score;
};

static void note(struct seen *s, const char *fmt, ...) TRN_PRINTF(2, 3);
static void note(struct seen *s, const char *fmt, ...)
{
    size_t n = strlen(s->log);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->log + n, sizeof(s->log) - n, fmt, ap);
    va_end(ap);
}
static int on_signature(void *ctx, uint32_t a, const struct trn_signature *s)
{
    note(ctx, "signature %u %s %s\n", a, trn_signature_kind_name(s->kind), trn_digest_state_name(s->digest));
    return 0;
}
static int on_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    struct seen *s = ctx;
    note(s, "finding %u %s %u", a, f->check->id, f->score);
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, "offset") || trn_str_eq_c(f->evidence[i].key, "size"))
            note(s, " %.*s", TRN_STR_ARG(f->evidence[i].value));
    note(s, "\n");
    trn_score_add(&s->score, f);
    return 0;
}
static int on_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    note(ctx, "gap %u %s %.*s: %.*s\n", a, trn_gap_kind_name(g->kind), TRN_STR_ARG(g->member), TRN_STR_ARG(g->what));
    return 0;
}

/* A file of the fuzzing corpus ("hfs/all") into room; how long it is. */
static size_t load_into(char *room, size_t n, const char *name)
{
    char path[512];
    const char *source = getenv("TRN_TEST_SOURCE");
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", source ? source : ".", name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    size_t got = fread(room, 1, n, f);
    fclose(f);
    return got;
}

#define HAS(s, text) cr_expect(strstr((s)->log, text), "'%s' is not in\n%s", text, (s)->log)
#define HAS_NOT(s, text) cr_expect(!strstr((s)->log, text), "'%s' is in\n%s", text, (s)->log)

#endif
