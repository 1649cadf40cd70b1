/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a pure engine filled to the brim through events alone: 65,536 living processes, 100,000 places that are called,
 * 1,024 open stories, then more of each than there is room for. Says what each part holds by its own account, what
 * malloc says, and whether the overload dropped the lowest scores first and counted them.
 * Must not own: limits (bench/behaviour.py), the shape of events (stage.c).
 *
 *   engine-fill STORIES PROCESSES PLACES EVERY     one JSON object; of EVERY processes one runs a program of its own
 */
#include "detect/behaviour/beacon_table.h"
#include "full_engine.h"

#include <inttypes.h>
#include <stdio.h>

#define EXTRA_STORIES 256u
#define FILES 40000u
#define BEACONS 100000u

/* One application that does something of which a story is made; every third does more. */
static void act(struct full_engine *e, const struct actor *init, uint32_t i, bool more)
{
    static const uint8_t raw[4] = {198, 51, 100, 77}, cdn[4] = {198, 51, 100, 90};
    struct stage *s = &e->s;
    char path[64], name[32], helper[96];
    snprintf(path, sizeof(path), "/opt/app%u/bin/app%u", i, i);
    snprintf(name, sizeof(name), "app%u", i);
    snprintf(helper, sizeof(helper), "/home/alice/.cache/app%u/helper", i);
    struct file f = stage_file_new(s, path);
    stage_identity(s, &f, name, "1.0", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    struct actor a = stage_start(s, init, &f, name);
    stage_closed(s, &a, "raw.codehost.test", raw, 443, stage_connected(s, &a, "raw.codehost.test", raw, 443), 500,
                 4000);
    struct file h = stage_file_new(s, helper);
    stage_changed(s, &a, TRN_ACT_CREATED, &h);
    stage_changed(s, &a, TRN_ACT_WRITTEN, &h);
    stage_identity(s, &h, NULL, NULL, TRN_ORIGIN_MANUAL, 0);
    struct actor b = stage_start(s, &a, &h, "helper --quiet");
    if (!more)
        return;
    struct file data = {"/home/alice/.mozilla/firefox/x.default/logins.json", {.dev = 8u << 20 | 1, .ino = 902}};
    stage_open(s, &b, &data, "browser-credentials", "firefox");
    stage_closed(s, &b, "media-cdn.test", cdn, 443, stage_connected(s, &b, "media-cdn.test", cdn, 443), 70000, 400);
}

/* Places that are called twice, a minute apart, by applications of which each talks to 196. */
static void call_places(struct full_engine *e, const struct actor *init, uint32_t places)
{
    struct stage *s = &e->s;
    for (uint32_t from = 0; from < places; from += 196) {
        char path[64], name[48];
        snprintf(path, sizeof(path), "/opt/talker%u/talker%u", from, from);
        snprintf(name, sizeof(name), "talker%u", from);
        struct file f = stage_file_new(s, path);
        stage_identity(s, &f, name, "1.0", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
        struct actor a = stage_start(s, init, &f, name);
        for (int round = 0; round < 2; round++) {
            for (uint32_t i = from; i < TRN_MIN(from + 196, places); i++) {
                const uint8_t to[4] = {198, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
                snprintf(name, sizeof(name), "www.place%u.test", i);
                stage_connected(s, &a, name, to, 443);
            }
            stage_wait_us(s, 60000000);
        }
        stage_exit(s, &a);
    }
}

static void write_files(struct full_engine *e, const struct actor *init, uint32_t n)
{
    static const uint8_t to[4] = {198, 51, 100, 7};
    struct stage *s = &e->s;
    struct file f = stage_file_new(s, "/opt/loader/loader");
    stage_identity(s, &f, "loader", "1.0", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    struct actor a = stage_start(s, init, &f, "loader");
    stage_connected(s, &a, "files.loader.test", to, 443);
    for (uint32_t i = 0; i < n; i++) {
        char path[96];
        snprintf(path, sizeof(path), "/home/alice/Downloads/some folder/of files/file-%u.tar.gz", i);
        struct file w = stage_file_new(s, path);
        stage_changed(s, &a, TRN_ACT_CREATED, &w);
        stage_changed(s, &a, TRN_ACT_WRITTEN, &w);
    }
}

/* Living processes: of `every` one starts a program with arguments of its own, the others are forks of a worker. */
static void crowd(struct full_engine *e, const struct actor *init, uint32_t n, uint32_t every)
{
    struct stage *s = &e->s;
    struct file f = stage_file_new(s, "/usr/lib/worker/worker");
    stage_identity(s, &f, "worker", "2.0", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    struct actor root = stage_start(s, init, &f, "worker");
    for (uint32_t i = 0; i < n; i++) {
        char argv[64];
        snprintf(argv, sizeof(argv), "worker --slot=%u --queue=jobs", i);
        struct actor a = stage_fork(s, &root);
        if (i % every == 0)
            stage_exec(s, &a, &f, argv);
        stage_wait_us(s, 300);
    }
}

/* Of those told before `from` (an id): is what is gone nowhere above what stayed? */
static bool lowest_went(const struct full_engine *e, uint64_t from, uint32_t *ret_gone)
{
    uint32_t highest_gone = 0, lowest_kept = UINT32_MAX;
    *ret_gone = 0;
    for (uint64_t id = 1; id < from; id++) {
        if (e->told[id].closed)
            continue;
        if (trn_stories_get(e->stories, id)) {
            lowest_kept = TRN_MIN(lowest_kept, (uint32_t)e->told[id].score);
        } else {
            highest_gone = TRN_MAX(highest_gone, (uint32_t)e->told[id].score);
            (*ret_gone)++;
        }
    }
    return highest_gone <= lowest_kept;
}

static size_t beacon_bytes(void)
{
    struct trn_beacon_table *t = trn_beacon_table_new(BEACONS);
    size_t n = t ? trn_beacon_table_bytes(t) : 0;
    trn_beacon_table_free(t);
    return n;
}

int main(int argc, char **argv)
{
    static struct full_engine e;
    uint64_t stories, processes, places, every;
    if (argc != 5 || trn_str_u64(trn_str_of(argv[1]), &stories) < 0 ||
        trn_str_u64(trn_str_of(argv[2]), &processes) < 0 || trn_str_u64(trn_str_of(argv[3]), &places) < 0 ||
        trn_str_u64(trn_str_of(argv[4]), &every) < 0 || !stories || !processes || !every || stories > 100000 ||
        processes > 1000000 || places > 1u << 24) {
        fprintf(stderr, "usage: engine-fill STORIES PROCESSES PLACES EVERY\n");
        return 2;
    }
    if (full_engine_begin(&e, (uint32_t)stories, (uint32_t)processes, stories + EXTRA_STORIES + 4096) < 0)
        return 1;
    printf("{\"beacon_bytes\": %zu, \"steps\": [", beacon_bytes());
    full_engine_report(&e, "at rest");
    struct file systemd = stage_file_new(&e.s, "/usr/lib/systemd/systemd");
    stage_identity(&e.s, &systemd, "systemd", "252", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN);
    struct actor init = stage_start(&e.s, NULL, &systemd, "systemd");
    call_places(&e, &init, (uint32_t)places);
    printf(", ");
    full_engine_report(&e, "places");
    write_files(&e, &init, FILES);
    printf(", ");
    full_engine_report(&e, "files");
    for (uint32_t i = 0; i < stories; i++)
        act(&e, &init, i, i % 3 == 0);
    uint64_t dropped_early = trn_stories_dropped(e.stories);
    printf(", ");
    full_engine_report(&e, "stories");
    crowd(&e, &init, (uint32_t)processes, (uint32_t)every);
    printf(", ");
    full_engine_report(&e, "processes");
    for (uint32_t i = 0; i < EXTRA_STORIES; i++)
        act(&e, &init, (uint32_t)stories + i, true);
    printf(", ");
    full_engine_report(&e, "overload");
    uint32_t gone;
    bool fair = lowest_went(&e, stories + 1, &gone);
    printf("], \"findings\": %" PRIu64 ", \"dropped_before_overload\": %" PRIu64 ", \"dropped\": %" PRIu64
           ", \"gone\": %u, \"lowest_first\": %s, \"evicted_processes\": %" PRIu64 ", \"failed\": %d}\n",
           e.findings, dropped_early, trn_stories_dropped(e.stories), gone, fair ? "true" : "false",
           trn_process_evicted(e.processes), e.s.failed);
    full_engine_end(&e);
    return e.s.failed ? 1 : 0;
}
