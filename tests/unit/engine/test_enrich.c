/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file told too early, as nobody's, only because the machine is slow? And is it told at all when nobody answers? */
#include "channel/channel.h"
#include "engine/enrich.h"

#include <criterion/criterion.h>

#define S TRN_NS_PER_SEC
#define WALL (1000000 * S)

struct told {
    unsigned n;
};

static int count(void *ctx, const struct trn_event *ev)
{
    ((struct told *)ctx)->n += ev->type == TRN_EV_IDENTITY;
    return 0;
}

struct bench {
    struct told told;
    struct trn_process_table *processes;
    struct trn_enrich *enrich;
    int files[2], results[2];
};

/* The first check of the package database has been asked for. */
static void begin(struct bench *b)
{
    const struct trn_process_options p = {.sz = sizeof p};
    memset(b, 0, sizeof *b);
    cr_assert_eq(trn_process_table_new(&p, &b->processes), 0);
    cr_assert_eq(trn_ipc_pair(b->files, 0), 0);
    cr_assert_eq(trn_ipc_pair(b->results, 0), 0);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(trn_set_nonblock(b->files[i], true) | trn_set_nonblock(b->results[i], true), 0);
    const struct trn_enrich_options o = {.sz = sizeof o,
                                         .files_sock = b->files[0],
                                         .results_sock = b->results[0],
                                         .processes = b->processes,
                                         .tell = {count, &b->told}};
    cr_assert_eq(trn_enrich_new(&o, &b->enrich), 0);
    cr_assert_eq(trn_enrich_tick(b->enrich, 10 * S, WALL), 0);
}

static void start_a_program(struct bench *b)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.pid = 1;
    ev.exec.path = TRN_STR("/usr/bin/true");
    ev.exec.file = (struct trn_file_key){.dev = 1, .ino = 2, .ctime_ns = 3};
    trn_enrich_exec(b->enrich, &ev);
}

static void end(struct bench *b)
{
    trn_enrich_free(b->enrich);
    trn_process_table_free(b->processes);
    for (int i = 0; i < 2; i++) {
        trn_fd_close(b->files[i]);
        trn_fd_close(b->results[i]);
    }
}

/* turncoatd answers every request of this type with "failed"; how many there were. */
static unsigned fail_all(struct bench *b, uint16_t type)
{
    static char buf[TRN_IPC_MAX];
    struct trn_msg m;
    unsigned n = 0;
    while (trn_ipc_recv(b->files[1], buf, sizeof buf, &m) == 0) {
        struct trn_failed f = {.code = -ENOENT};
        struct trn_open_request o;
        struct trn_dpkg_request d;
        struct trn_buf out;
        bool is_open = m.type == TRN_CH_OPEN;
        if (is_open)
            cr_assert_eq(trn_open_decode(&m.body, &o), 0);
        else
            cr_assert_eq(trn_dpkg_decode(&m.body, &d), 0);
        f.job = is_open ? o.job : d.job;
        if (m.type == type) {
            trn_buf_init(&out, 64);
            trn_failed_encode(&f, &out);
            cr_assert_eq(trn_ipc_send(b->files[1], TRN_CH_FAILED, trn_buf_str(&out), NULL, 0), 0);
            trn_buf_done(&out);
            n++;
        }
        trn_msg_done(&m);
    }
    cr_assert_eq(trn_enrich_read_answers(b->enrich), 0);
    return n;
}

Test(enrich, waits_for_the_first_package_index)
{
    struct bench b;
    struct trn_enrich_stats stats;
    begin(&b);
    start_a_program(&b);
    cr_assert_eq(fail_all(&b, TRN_CH_OPEN), 1);
    cr_assert_eq(trn_enrich_tick(b.enrich, 15 * S, WALL + 5 * S), 0);
    cr_assert_eq(b.told.n, 0, "five seconds without an index: the owner may still come");
    for (unsigned s = 16; s < 60; s++)
        cr_assert_eq(trn_enrich_tick(b.enrich, s * S, WALL + s * S), 0);
    trn_enrich_stats(b.enrich, &stats);
    cr_assert_eq(b.told.n, 1, "but not for ever");
    cr_assert_eq(stats.pending, 0);
    end(&b);
}

Test(enrich, a_file_that_nobody_opens_is_told_in_time)
{
    struct bench b;
    struct trn_enrich_stats stats;
    begin(&b);
    cr_assert_eq(fail_all(&b, TRN_CH_DPKG), 1, "the check is over: there is no package database");
    start_a_program(&b);
    cr_assert_eq(trn_enrich_tick(b.enrich, 13 * S, WALL + 3 * S), 0);
    trn_enrich_stats(b.enrich, &stats);
    cr_assert_eq(b.told.n, 1);
    cr_assert_eq(stats.given_up, 1);
    end(&b);
}
