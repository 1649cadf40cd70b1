/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that keeps what a scan told, and a tar to put several files into one artifact. */
#ifndef TRN_TEST_ARTIFACT_PE_SEEN_H
#define TRN_TEST_ARTIFACT_PE_SEEN_H

#include "artifact/artifact.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct seen_finding {
    char check[48], summary[320], offset[24];
    uint16_t score;
    uint32_t artifact;
};
struct seen_all {
    uint32_t n_findings, n_artifacts, n_gaps;
    struct seen_finding findings[64];
    char artifacts[64][96]; /* "format name" */
    char properties[128][128];
    uint32_t n_properties;
    struct trn_score score;
};

static inline int seen_artifact(void *ctx, const struct trn_artifact *a)
{
    struct seen_all *s = ctx;
    if (s->n_artifacts < 64)
        snprintf(s->artifacts[s->n_artifacts], 96, "%s %.*s", trn_format_name(a->format), TRN_STR_ARG(a->name));
    s->n_artifacts++;
    return 0;
}
static inline int seen_signature(void *ctx, uint32_t a, const struct trn_signature *g)
{
    return 0;
}
static inline int seen_property(void *ctx, uint32_t a, struct trn_str k, struct trn_str v)
{
    struct seen_all *s = ctx;
    if (s->n_properties < 128)
        snprintf(s->properties[s->n_properties++], 128, "%.*s=%.*s", TRN_STR_ARG(k), TRN_STR_ARG(v));
    return 0;
}
static inline int seen_finding(void *ctx, uint32_t a, const struct trn_finding *f)
{
    struct seen_all *s = ctx;
    trn_score_add(&s->score, f);
    if (s->n_findings == 64)
        return 0;
    struct seen_finding *k = &s->findings[s->n_findings++];
    snprintf(k->check, sizeof(k->check), "%s", f->check->id);
    snprintf(k->summary, sizeof(k->summary), "%.*s", TRN_STR_ARG(f->summary));
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, "offset"))
            snprintf(k->offset, sizeof(k->offset), "%.*s", TRN_STR_ARG(f->evidence[i].value));
    k->score = f->score;
    k->artifact = a;
    return 0;
}
static inline int seen_gap(void *ctx, uint32_t a, const struct trn_gap *g)
{
    ((struct seen_all *)ctx)->n_gaps++;
    return 0;
}

static inline void seen_scan(struct seen_all *s, struct trn_str bytes, const char *name, uint32_t mode)
{
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1};
    struct trn_scan_sink sink = {seen_artifact, seen_signature, seen_property, seen_finding, seen_gap, s};
    struct trn_source src = trn_source_mem(bytes);
    memset(s, 0, sizeof(*s));
    cr_assert_eq(trn_scan_run(&src, trn_str_of(name), mode, &o, &sink, NULL), 0);
}

/* The n-th finding of that check; NULL. */
static inline const struct seen_finding *seen_find(const struct seen_all *s, const char *check)
{
    for (uint32_t i = 0; i < s->n_findings; i++)
        if (strcmp(s->findings[i].check, check) == 0)
            return &s->findings[i];
    return NULL;
}

static inline bool seen_has_property(const struct seen_all *s, const char *text)
{
    for (uint32_t i = 0; i < s->n_properties; i++)
        if (strcmp(s->properties[i], text) == 0)
            return true;
    return false;
}

static inline bool seen_has_artifact(const struct seen_all *s, const char *text)
{
    for (uint32_t i = 0; i < TRN_MIN(s->n_artifacts, 64u); i++)
        if (strcmp(s->artifacts[i], text) == 0)
            return true;
    return false;
}

/* Adds a member to a tar of *n bytes; the two zero blocks of its end must follow (zeroed room is enough). */
static inline void seen_tar_add(uint8_t *tar, size_t room, size_t *n, const char *name, const void *bytes, size_t size)
{
    uint8_t *h = tar + *n;
    uint32_t sum = 0;
    cr_assert(*n + 512 + (size + 511) / 512 * 512 + 1024 <= room);
    memset(h, 0, 512);
    snprintf((char *)h, 100, "%s", name);
    snprintf((char *)h + 100, 8, "%07o", 0644u);
    snprintf((char *)h + 108, 8, "%07o", 0u);
    snprintf((char *)h + 116, 8, "%07o", 0u);
    snprintf((char *)h + 124, 12, "%011o", (unsigned)size);
    snprintf((char *)h + 136, 12, "%011o", 0u);
    memset(h + 148, ' ', 8);
    h[156] = '0';
    snprintf((char *)h + 257, 6, "ustar");
    h[263] = h[264] = '0';
    for (size_t i = 0; i < 512; i++)
        sum += h[i];
    snprintf((char *)h + 148, 8, "%06o", sum);
    memcpy(h + 512, bytes, size);
    *n += 512 + (size + 511) / 512 * 512;
}

static inline uint8_t seen_random(uint32_t *seed)
{
    return (uint8_t)((*seed = *seed * 1664525u + 1013904223u) >> 24);
}

#endif
