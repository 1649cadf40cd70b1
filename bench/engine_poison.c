/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a flood that somebody makes to hide a deed: one process talks to very many places, another starts 100,000
 * programs a minute, the wall clock jumps by hours and days; in between a program of a package does what a story is made
 * of. Says how the engine grew and whether the story is there.
 * Must not own: limits (bench/behaviour.py), the shape of events (stage.c).
 *
 *   engine-poison PLACES PROCESSES     one JSON object
 */
#include "full_engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define STEPS 4u

static const uint8_t raw[4] = {198, 51, 100, 77}, cdn[4] = {198, 51, 100, 90};

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void talks_to_many(struct stage *s, const struct actor *a, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        char name[48];
        const uint8_t address[4] = {(uint8_t)(100 + (i >> 24)), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        snprintf(name, sizeof(name), "p%u.flood%u.test", i, i);
        stage_connected(s, a, name, address, 443);
    }
}

/* 600 us a program: 100,000 a minute. */
static void starts_many(struct stage *s, const struct actor *a, const struct file *f, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        char argv[48];
        snprintf(argv, sizeof(argv), "true --n=%u", i);
        struct actor child = stage_start(s, a, f, argv);
        stage_wait_us(s, 300);
        stage_exit(s, &child);
    }
}

static void clock_jumps(struct stage *s, uint32_t i)
{
    static const int64_t seconds[] = {3600, -7200, 86400, -3 * 86400, 5 * 86400, -1, 40 * 86400, -43 * 86400};
    s->wall_offset_ns += (uint64_t)(seconds[i % TRN_ARRAY_SIZE(seconds)] * (int64_t)TRN_NS_PER_SEC);
    stage_meta(s, TRN_EV_CLOCK);
    stage_wait_us(s, 20000000);
}

/* What the product does, a step each time. */
static void deed(struct stage *s, struct actor *app, struct actor *helper, struct file *file, uint32_t step)
{
    struct file data = {"/home/alice/.mozilla/firefox/x.default/logins.json", {.dev = 8u << 20 | 1, .ino = 902}};
    switch (step) {
    case 0:
        stage_closed(s, app, "raw.codehost.test", raw, 443, stage_connected(s, app, "raw.codehost.test", raw, 443), 500,
                     4000);
        *file = stage_file_new(s, "/home/alice/.cache/app/helper");
        stage_changed(s, app, TRN_ACT_CREATED, file);
        stage_changed(s, app, TRN_ACT_WRITTEN, file);
        break;
    case 1:
        stage_identity(s, file, NULL, NULL, TRN_ORIGIN_MANUAL, 0);
        *helper = stage_start(s, app, file, "helper --quiet");
        break;
    case 2:
        stage_open(s, helper, &data, "browser-logins", "firefox");
        break;
    default:
        stage_closed(s, helper, "media-cdn.test", cdn, 443, stage_connected(s, helper, "media-cdn.test", cdn, 443),
                     70000, 400);
    }
}

static struct actor launch(struct stage *s, const struct actor *init, const char *path, const char *name,
                           struct file *f)
{
    *f = stage_file_new(s, path);
    stage_identity(s, f, name, "1.0", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return stage_start(s, init, f, name);
}

int main(int argc, char **argv)
{
    static struct full_engine e;
    uint64_t places, processes;
    if (argc != 3 || trn_str_u64(trn_str_of(argv[1]), &places) < 0 ||
        trn_str_u64(trn_str_of(argv[2]), &processes) < 0 || places > 1u << 26 || processes > 1u << 26) {
        fprintf(stderr, "usage: engine-poison PLACES PROCESSES\n");
        return 2;
    }
    if (full_engine_begin(&e, 0, 0, 4096) < 0)
        return 1;
    struct stage *s = &e.s;
    struct file systemd, program, other, file, tool;
    struct actor init = launch(s, NULL, "/usr/lib/systemd/systemd", "systemd", &systemd);
    struct actor app = launch(s, &init, "/opt/acme-app/acme-app", "acme-app", &program), helper = {0};
    struct actor noise = launch(s, &init, "/opt/noise/noise", "noise", &other);
    tool = stage_file_new(s, "/usr/bin/true");
    stage_identity(s, &tool, "coreutils", "9.1", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN);
    stage_wait_us(s, 1000000);
    printf("{\"steps\": [");
    full_engine_report(&e, "before");
    double from = now();
    for (uint32_t i = 0; i < STEPS; i++) {
        deed(s, &app, &helper, &file, i);
        talks_to_many(s, &noise, (uint32_t)(places * i / STEPS), (uint32_t)(places * (i + 1) / STEPS));
        starts_many(s, &noise, &tool, (uint32_t)(processes * i / STEPS), (uint32_t)(processes * (i + 1) / STEPS));
        clock_jumps(s, 2 * i);
        clock_jumps(s, 2 * i + 1);
        printf(", ");
        full_engine_report(&e, i + 1 < STEPS ? "flood" : "after");
    }
    unsigned worst = 0, open = 0;
    for (uint64_t id = 1; id < e.max_told; id++) {
        worst = TRN_MAX(worst, (unsigned)e.told[id].verdict);
        open += e.told[id].score && !e.told[id].closed;
    }
    printf("], \"events\": %" PRIu64 ", \"us_an_event\": %.2f, \"findings\": %" PRIu64 ", \"stories\": %u, "
           "\"worst\": \"%s\", \"dropped_stories\": %" PRIu64 ", \"evicted_processes\": %" PRIu64 ", \"failed\": %d}\n",
           s->seq, (now() - from) / (double)s->seq * 1e6, e.findings, open, trn_verdict_name((enum trn_verdict)worst),
           trn_stories_dropped(e.stories), trn_process_evicted(e.processes), s->failed);
    int failed = s->failed;
    full_engine_end(&e);
    return failed ? 1 : 0;
}
