/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: exceptions.many: two or more exceptions for one file or one version are a finding about it. Must not: lower one.
 */
#include "detect/exceptions.h"

#include <stdio.h>

#define LEAST_FOR_MANY 2

/* A process that runs the file, so that the finding joins what is told about it. */
static const struct trn_entity *runner(const struct trn_detect_ctx *ctx, const struct trn_ev_exception *e)
{
    const struct trn_entity *p;
    for (size_t it = 0; trn_process_next(ctx->processes, &it, &p);) {
        const struct trn_identity *id = p->exit_boot_ns ? NULL : trn_acting_file(p);
        if (id && memcmp(id->sha256, e->sha256, TRN_SHA256_SIZE) == 0 && trn_str_eq(id->software.name, e->name) &&
            trn_str_eq(id->software.version, e->version))
            return p;
    }
    return NULL;
}

/* Of the file, or of the version: whichever has more. The checks by name, each once. */
static uint32_t count(const struct trn_exceptions *x, const struct trn_ev_exception *e, uint64_t now, bool by_file,
                      struct trn_buf *checks)
{
    uint32_t n = 0;
    trn_buf_clear(checks);
    const struct trn_event *set;
    for (size_t it = 0; trn_exceptions_next(x, &it, &set);) {
        const struct trn_ev_exception *o = &set->exception;
        bool same = by_file ? memcmp(o->sha256, e->sha256, TRN_SHA256_SIZE) == 0
                            : trn_str_eq(o->name, e->name) && trn_str_eq(o->version, e->version);
        if (!same || !trn_exceptions_hold(x, it - 1, now))
            continue;
        n++;
        if (trn_str_contains(trn_buf_str(checks), o->check))
            continue;
        trn_put_c(checks, checks->n ? ", " : "");
        trn_put_str(checks, o->check);
    }
    return n;
}

static void put_number(struct trn_buf *b, uint32_t n)
{
    static const char *const words[] = {"two", "three", "four", "five", "six"};
    if (n >= 2 && n - 2 < TRN_ARRAY_SIZE(words))
        trn_put_c(b, words[n - 2]);
    else
        trn_put_fmt(b, "%u", n);
}

int trn_exceptions_tell_many(const struct trn_exceptions *x, const struct trn_detect_ctx *ctx,
                             const struct trn_event *ev)
{
    const struct trn_check *check = trn_check_find(trn_str_of(TRN_CHECK_MANY_EXCEPTIONS));
    const struct trn_ev_exception *e = &ev->exception;
    TRN_AUTO(trn_buf_done) struct trn_buf checks, more, text;
    trn_buf_init(&checks, 8192);
    trn_buf_init(&more, 8192);
    trn_buf_init(&text, 16384);
    uint32_t n = count(x, e, ev->wall_ns, true, &checks), of_version = count(x, e, ev->wall_ns, false, &more);
    bool by_file = n >= of_version;
    if (TRN_MAX(n, of_version) < LEAST_FOR_MANY || !check)
        return 0;
    char hash[2 * TRN_SHA256_SIZE + 1], number[16];
    struct trn_finding f;
    trn_finding_init(&f, check);
    const struct trn_entity *p = runner(ctx, e);
    if (p)
        (void)trn_subject(ctx->processes, p, &f);
    if (!p || !trn_str_eq(f.software.name, e->name) || !trn_str_eq(f.software.version, e->version)) {
        f.acting = f.entity = 0;
        f.software = (struct trn_software){.name = e->name, .version = e->version};
    }
    f.boot_ns = ev->boot_ns;
    f.wall_ns = ev->wall_ns;
    put_number(&text, TRN_MAX(n, of_version));
    trn_put_c(&text, by_file ? " exceptions for one file of " : " exceptions for ");
    trn_put_software(&text, &f.software);
    trn_put_c(&text, ": ");
    trn_escape(&text, trn_buf_str(by_file ? &checks : &more));
    f.summary = trn_buf_str(&text);
    trn_finding_event(&f, ev->seq);
    trn_hex(e->sha256, TRN_SHA256_SIZE, hash);
    snprintf(number, sizeof(number), "%u", TRN_MAX(n, of_version));
    trn_finding_add(&f, "count", trn_str_of(number));
    trn_finding_add(&f, "checks", trn_buf_str(by_file ? &checks : &more));
    trn_finding_add(&f, "sha256", trn_str_of(hash));
    trn_finding_add(&f, "last_by", e->by);
    /* Told again with news when one more is made: one finding a version. */
    return trn_report(ctx, &f, trn_hash64_mix(trn_hash64_str(e->name), trn_hash64_str(e->version)));
}
