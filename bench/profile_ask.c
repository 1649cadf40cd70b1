/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one question to the profile costs: 200 software with 180 features each; questions about what is ordinary, what
 * is new every time, and what is looked at without recording. Prints nanoseconds a question, the median of nine rounds.
 */
#include "detect/behaviour/profile_internal.h"

#include <stdio.h>
#include <time.h>

#define SOFTWARE 200
#define FEATURES 180
#define ROUNDS 9
#define ASKS 200000

struct bench {
    struct trn_process_table *t;
    struct trn_profiles *p;
    struct trn_detect_ctx ctx;
    char names[FEATURES][32];
};

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * TRN_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void push(struct bench *b, const struct trn_event *ev)
{
    must(trn_process_apply(b->t, ev) == 0 && trn_profiles_push(b->p, &b->ctx, ev) == 0);
}

static void start(struct bench *b, uint32_t i)
{
    char path[64], name[32];
    struct trn_event ev;
    snprintf(path, sizeof(path), "/opt/program%u/bin/program%u", i, i);
    snprintf(name, sizeof(name), "program%u", i);
    trn_event_init(&ev, TRN_EV_IDENTITY);
    ev.identity.file = (struct trn_file_key){1, i + 10, 1};
    ev.identity.path = trn_str_of(path);
    ev.identity.id = (struct trn_identity){.size = TRN_NO_U64};
    ev.identity.id.software = (struct trn_software){trn_str_of(name), TRN_STR("1.0"), TRN_STR("vendor"),
                                                    TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN};
    push(b, &ev);
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.seq = i + 1;
    ev.wall_ns = TRN_NS_PER_SEC;
    ev.pid = i + 10;
    ev.entity = i + 10;
    ev.exec.path = trn_str_of(path);
    ev.exec.file = (struct trn_file_key){1, i + 10, 1};
    push(b, &ev);
}

static int ask(struct bench *b, uint32_t i, struct trn_str text, uint64_t seq)
{
    struct trn_novelty n;
    struct trn_event ev;
    ev.seq = seq;
    ev.wall_ns = TRN_NS_PER_SEC + seq;
    return trn_profiles_ask(b->p, &b->ctx, trn_process_get(b->t, i + 10), &ev, TRN_FEATURE_DESTINATION, text, &n);
}

/* kind 0: known, one software; 1: known, any of them; 2: new every time */
static uint64_t round_of(struct bench *b, int kind, uint64_t *seq)
{
    static char fresh[ASKS][24];
    for (uint32_t i = 0; kind == 2 && i < ASKS; i++)
        snprintf(fresh[i], sizeof(fresh[i]), "h%llu.example", (unsigned long long)(*seq + i));
    uint64_t begin = now_ns();
    for (uint32_t i = 0; i < ASKS; i++) {
        struct trn_str text = trn_str_of(kind == 2 ? fresh[i] : b->names[i % FEATURES]);
        must(ask(b, kind == 1 ? i * 7 % SOFTWARE : 3, text, ++*seq) == 0);
    }
    return (now_ns() - begin) / ASKS;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static struct bench b;
    static const char *const kinds[] = {"known, one software", "known, any of all", "new every time"};
    uint64_t seq = 1000;
    must(trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &b.t) == 0);
    b.p = trn_profiles_new();
    must(b.p != NULL);
    b.ctx.processes = b.t;
    for (uint32_t i = 0; i < FEATURES; i++)
        snprintf(b.names[i], sizeof(b.names[i]), "host%u.example", i);
    for (uint32_t i = 0; i < SOFTWARE; i++) {
        start(&b, i);
        for (uint32_t k = 0; k < FEATURES; k++)
            must(ask(&b, i, trn_str_of(b.names[k]), ++seq) == 0);
    }
    printf("%d software, %zu features, %zu bytes\n", SOFTWARE, b.p->features, trn_profiles_bytes(b.p));
    for (int kind = 0; kind < 3; kind++) {
        uint64_t ns[ROUNDS];
        for (int i = 0; i < ROUNDS; i++)
            ns[i] = round_of(&b, kind, &seq);
        qsort(ns, ROUNDS, sizeof(ns[0]), compare);
        printf("%-22s %5llu ns (%llu to %llu)\n", kinds[kind], (unsigned long long)ns[ROUNDS / 2],
               (unsigned long long)ns[0], (unsigned long long)ns[ROUNDS - 1]);
    }
    trn_profiles_free(b.p);
    trn_process_table_free(b.t);
    return 0;
}
