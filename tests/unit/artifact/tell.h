/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that writes what it is told as lines of text, so that a test can ask for one:
 *   "a.msi > acme.cab > README: text 3092" "property a.msi product=Acme" "finding PATH: archive.irregular 50 at 0x10 size 3"
 *   "gap PATH: damaged words" */
#ifndef TRN_TESTS_TELL_H
#define TRN_TESTS_TELL_H

#include "artifact/artifact.h"

#include <stdio.h>
#include <stdlib.h>

struct tell {
    struct trn_buf text;
    char *paths[4096];
    uint32_t n;
};

static const char *tell_path(const struct tell *t, uint32_t id)
{
    return id && id <= t->n && t->paths[id - 1] ? t->paths[id - 1] : "";
}

static int tell_artifact(void *ctx, const struct trn_artifact *a)
{
    struct tell *t = ctx;
    char name[256], *path = NULL;
    trn_escape_into(name, sizeof(name), a->name);
    if (asprintf(&path, "%s%s%s", tell_path(t, a->parent), a->parent ? " > " : "", name) < 0)
        return -ENOMEM;
    if (t->n < TRN_ARRAY_SIZE(t->paths))
        t->paths[t->n++] = path;
    else
        free(path);
    trn_put_fmt(&t->text, "%s: %s %llu\n", tell_path(t, a->id), trn_format_name(a->format),
                (unsigned long long)a->size);
    return 0;
}

static int tell_signature(void *ctx, uint32_t id, const struct trn_signature *s)
{
    struct tell *t = ctx;
    trn_put_fmt(&t->text, "signature %s\n", tell_path(t, id));
    return 0;
}

static int tell_property(void *ctx, uint32_t id, struct trn_str key, struct trn_str value)
{
    struct tell *t = ctx;
    trn_put_fmt(&t->text, "property %s %.*s=%.*s\n", tell_path(t, id), TRN_STR_ARG(key), TRN_STR_ARG(value));
    return 0;
}

static int tell_finding(void *ctx, uint32_t id, const struct trn_finding *f)
{
    struct tell *t = ctx;
    trn_put_fmt(&t->text, "finding %s: %s %u", tell_path(t, id), f->check->id, f->score);
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, "offset") || trn_str_eq_c(f->evidence[i].key, "size"))
            trn_put_fmt(&t->text, " %.*s %.*s", TRN_STR_ARG(f->evidence[i].key), TRN_STR_ARG(f->evidence[i].value));
    trn_put_fmt(&t->text, "\n");
    return 0;
}

static int tell_gap(void *ctx, uint32_t id, const struct trn_gap *g)
{
    struct tell *t = ctx;
    trn_put_fmt(&t->text, "gap %s: %s %.*s %.*s\n", tell_path(t, id), trn_gap_kind_name(g->kind),
                TRN_STR_ARG(g->member), TRN_STR_ARG(g->what));
    return 0;
}

static inline void tell_done(struct tell *t)
{
    trn_buf_done(&t->text);
    for (uint32_t i = 0; i < t->n; i++)
        free(t->paths[i]);
}

/* Scans bytes under that name; the text is t->text.p. */
static inline int tell_scan(struct tell *t, struct trn_str bytes, const char *name)
{
    struct trn_scan_options o = {.sz = sizeof(o), .scratch = -1};
    struct trn_scan_sink sink = {tell_artifact, tell_signature, tell_property, tell_finding, tell_gap, t};
    struct trn_source src = trn_source_mem(bytes);
    *t = (struct tell){0};
    trn_buf_init(&t->text, 4u << 20);
    int e = trn_scan_run(&src, trn_str_of(name), 0, &o, &sink, NULL);
    trn_put_u8(&t->text, '\0');
    return e;
}

#endif
