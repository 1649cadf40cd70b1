/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the main loop of the live engine: wait, drain the sensor, read answers, let time pass.
 * Must not own: start and end (handover.c), results (output.c), answers (status.c).
 *
 * Order within a round: answers before results, results before the recorder moves, so that an exec
 * waits as short as it can for its identity.
 */
#include "engine/pipeline_internal.h"

#include "engine/script.h"

#include <poll.h>
#include <stdio.h>

#define ROUND_MS 50
#define HELD_ROUND_MS 5 /* a program waits for its answer */
#define SECOND_NS TRN_NS_PER_SEC
#define REMEMBER_NS (10 * TRN_NS_PER_SEC)

/* What the arriving event tells the recorder's side, before it waits its turn. */
static void on_arrival(struct trn_pipeline *p, struct trn_event *ev)
{
    switch (ev->type) {
    case TRN_EV_EXEC:
        ev->exec.script = trn_script_of(ev, p->scratch);
        trn_enrich_exec(p->enrich, ev);
        break;
    case TRN_EV_LIB_LOAD:
        trn_enrich_library(p->enrich, ev);
        break;
    default:
        break;
    }
}

static int arrived(void *ctx, const struct trn_event *ev)
{
    struct trn_pipeline *p = ctx;
    struct trn_event own = *ev; /* the script may be added; texts stay the reader's */
    trn_arena_reset(p->scratch);
    on_arrival(p, &own);
    int r = trn_names_see(p->names, &own, p->scratch); /* here: a name is answered and used in the order of the ring */
    if (r < 0)
        return r;
    return trn_recorder_add(p->recorder, &own);
}

static void once_a_second(struct trn_pipeline *p, uint64_t now)
{
    if (now < p->seconds_ns + SECOND_NS)
        return;
    struct trn_recorder_stats st;
    trn_recorder_stats(p->recorder, &st);
    p->rate = p->seconds_ns ? (st.events - p->events_before) * SECOND_NS / (now - p->seconds_ns) : 0;
    p->events_before = st.events;
    p->seconds_ns = now;
    trn_pipe_losses(p);
    trn_pipe_tell_exceptions(p);
    trn_deriver_time(p->deriver, now);
    if (trn_deriver_after(p->deriver) < 0)
        p->log_lost++;
    if (now > p->remembered_ns + REMEMBER_NS) {
        p->remembered_ns = now;
        trn_pipe_remember_run(p, false);
    }
    uint64_t malformed = trn_reader_malformed(p->reader);
    if (malformed > p->malformed_told) {
        trn_pipe_tell_health(p, "%llu malformed sensor records were skipped",
                             (unsigned long long)(malformed - p->malformed_told));
        p->malformed_told = malformed;
    }
}

/* One round. 1: go on; 0: turncoatd is done with us; negative: failure. */
static int one_round(struct trn_pipeline *p)
{
    struct pollfd fds[] = {
        {.fd = p->o.control_fd, .events = POLLIN},
        {.fd = trn_reader_fd(p->reader), .events = POLLIN},
        {.fd = p->files_fd, .events = POLLIN},
        {.fd = p->results_fd, .events = POLLIN},
        {.fd = trn_server_ask_fd(p->server), .events = POLLIN},
        {.fd = p->respond_fd, .events = POLLIN},
    };
    if (poll(fds, TRN_ARRAY_SIZE(fds), trn_plan_waits(p->plan) ? HELD_ROUND_MS : ROUND_MS) < 0 && errno != EINTR)
        return -errno;
    uint64_t boot = trn_boot_ns(), wall = trn_wall_ns();
    bool ended = false;
    int r = 0;
    if (fds[0].revents) {
        r = trn_pipe_control(p);
        ended = r == -ECONNRESET;
        if (r < 0 && !ended)
            return r;
    }
    bool ready_before_drain = p->ready_told;
    r = trn_enrich_tick(p->enrich, boot, wall);
    const struct trn_event_sink sink = {arrived, p};
    int drained = trn_reader_drain(p->reader, &sink);
    if (drained < 0 && drained != -EPIPE)
        return drained;
    if (ready_before_drain && !p->ready) {
        p->ready = true;
        trn_pipe_told(p);
    }
    if (r == 0)
        r = trn_enrich_read_answers(p->enrich);
    if (r == 0)
        r = trn_enrich_read_results(p->enrich, NULL);
    if (r < 0 && r != -ECONNRESET)
        return r;
    r = fds[5].revents ? trn_pipe_actions(p) : 0;
    if (r < 0 && r != -ECONNRESET)
        return r;
    r = trn_recorder_advance(p->recorder, trn_boot_ns(), wall);
    if (r < 0)
        return r;
    trn_plan_tick(p->plan, trn_boot_ns());
    trn_pipe_log_flush(p, boot);
    if (fds[4].revents) {
        trn_server_serve(p->server, trn_pipe_answer, p);
        trn_pipe_tell_exceptions(p);
        r = trn_pipe_decide(p); /* here: what it tells the watchers needs the server's lock */
        if (r < 0)
            return r;
    }
    once_a_second(p, boot);
    return ended || drained == -EPIPE ? 0 : 1;
}

static int pipeline_new(const struct trn_pipeline_options *o, struct trn_pipeline **ret)
{
    struct trn_pipeline *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->o = *o;
    p->listen_fd = p->files_fd = p->results_fd = p->acts_fd = p->respond_fd = -1;
    trn_buf_init(&p->exception, 16384);
    p->hello_arena = trn_arena_new(64 << 10);
    p->health_arena = trn_arena_new(256 << 10);
    p->scratch = trn_arena_new(1 << 20);
    p->story_marks = trn_map_new(65536);
    p->loads = trn_map_new(TRN_PIPE_LOADS);
    p->names = trn_names_new();
    trn_buf_init(&p->decisions, TRN_PIPE_DECISIONS);
    p->filters = trn_filter_list_new();
    p->started_wall_ns = trn_wall_ns();
    if (!p->hello_arena || !p->health_arena || !p->scratch || !p->story_marks || !p->loads || !p->names ||
        !p->filters) {
        trn_pipe_stop(p);
        free(p);
        return -ENOMEM;
    }
    *ret = p;
    return 0;
}

int trn_pipeline_run(const struct trn_pipeline_options *o, const volatile int *stop, struct trn_err *err)
{
    struct trn_pipeline *p = NULL;
    int r = pipeline_new(o, &p);
    if (r < 0)
        return trn_fail(err, r, "cannot start the engine: %s", trn_errno_name(r));
    r = trn_pipe_receive(p, err);
    if (r == 0)
        r = trn_pipe_start(p, err);
    if (r == 0) {
        do
            r = one_round(p);
        while (r > 0 && !*stop);
        if (r < 0)
            trn_fail(err, r, "the engine's loop ended: %s", trn_errno_name(r));
        else
            r = 0;
    }
    trn_pipe_stop(p);
    free(p);
    return r;
}
