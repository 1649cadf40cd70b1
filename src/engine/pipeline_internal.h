/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the live engine: handover.c (start), pipeline.c (loop), output.c (results), status.c (answers). */
#ifndef TRN_ENGINE_PIPELINE_INTERNAL_H
#define TRN_ENGINE_PIPELINE_INTERNAL_H

#include "channel/channel.h"
#include "engine/enrich.h"
#include "engine/filters.h"
#include "engine/names.h"
#include "engine/pipeline.h"
#include "engine/plan.h"
#include "engine/pure.h"
#include "engine/recorder.h"
#include "engine/server.h"
#include "engine/snapshot.h"
#include "engine/writer.h"
#include "evidence/evidence.h"
#include "sensor/sensor.h"

#define TRN_PIPE_BAD_LINES 8
#define TRN_PIPE_LOADS 8192
#define TRN_PIPE_SENSOR_FDS 512
#define TRN_PIPE_DECISIONS (64u << 10)

struct trn_pipeline {
    struct trn_pipeline_options o;
    struct trn_hello hello;
    struct trn_arena *hello_arena; /* text of the hello */
    int listen_fd, files_fd, results_fd, acts_fd, respond_fd;
    struct trn_sensor_fd sensor_fds[TRN_PIPE_SENSOR_FDS];
    uint32_t n_sensor_fds;
    bool ready_told; /* READY came; ready: and what was sent before it was read */
    bool ready;
    uint64_t salt;

    struct trn_reader *reader;
    struct trn_recorder *recorder;
    struct trn_enrich *enrich;
    struct trn_names *names;
    struct trn_engine *engine;
    struct trn_plan *plan; /* what the policy wants done */
    struct trn_deriver *deriver;
    struct trn_indicators *indicators;
    struct trn_writer *writer;
    struct trn_server *server;
    struct trn_filter_list *filters;
    struct trn_buf exception;     /* encoded event that was answered and is still to be told */
    struct trn_arena *scratch;    /* one arrival */
    struct trn_evidence_key *key; /* signs evidence bundles; NULL: key_why */
    char key_why[320];
    struct trn_buf decisions; /* encoded, each behind its length: asked for, not yet told */

    struct trn_log_writer *log;
    char log_path[4300];
    struct trn_log_header log_header;
    uint32_t log_segment;
    uint64_t log_flushed_ns, log_lost;

    uint32_t indicator_jobs_left;
    uint64_t indicators_bad;
    char bad_lines[TRN_PIPE_BAD_LINES][400];

    struct trn_arena *health_arena;
    struct trn_health health;
    uint64_t told_losses[TRN_CLASS_MAX]; /* of the classes that the engine itself counts */
    struct trn_map *loads;       /* hash of (program, library), of a change of user -> boot time it was last stored */
    struct trn_map *story_marks; /* story id -> findings << 9 | closed << 8 | verdict, as last printed */
    uint64_t seconds_ns, events_before, rate, remembered_ns;
    uint64_t started_wall_ns, malformed_told;
    char receive[TRN_IPC_MAX];
};

/* handover.c */
int trn_pipe_receive(struct trn_pipeline *p, struct trn_err *err) TRN_MUST_CHECK;
int trn_pipe_control(struct trn_pipeline *p) TRN_MUST_CHECK; /* one later message; -ECONNRESET: the end */
int trn_pipe_start(struct trn_pipeline *p, struct trn_err *err) TRN_MUST_CHECK;
void trn_pipe_stop(struct trn_pipeline *p);
/* So that the next engine knows since when none was there, and whether this one left in good order. */
void trn_pipe_remember_run(struct trn_pipeline *p, bool clean);

void trn_pipe_told(struct trn_pipeline *p); /* what the deriver may rely on, when that changes */

/* log.c */
int trn_pipe_log_open(struct trn_pipeline *p, struct trn_err *err) TRN_MUST_CHECK;
void trn_pipe_log(struct trn_pipeline *p, struct trn_str encoded); /* trn_event_encode; absent: lost */
void trn_pipe_log_flush(struct trn_pipeline *p, uint64_t now_boot_ns);

/* output.c: what the pure engine says, and each numbered event */
int trn_pipe_numbered(void *ctx, const struct trn_event *ev);
struct trn_engine_sink trn_pipe_engine_sink(struct trn_pipeline *p);
void trn_pipe_tell_health(struct trn_pipeline *p, const char *fmt, ...) TRN_PRINTF(2, 3);
int trn_pipe_decide(struct trn_pipeline *p) TRN_MUST_CHECK; /* what people asked for since the last round */
void trn_pipe_losses(struct trn_pipeline *p);               /* counters of our own that grew, as LOSS events */

/* exceptions.c */
/* Answers the request that this encoded event is, and keeps it for trn_pipe_tell_exceptions. */
void trn_pipe_exception(struct trn_pipeline *p, struct trn_str encoded, struct trn_buf *out);
void trn_pipe_tell_exceptions(struct trn_pipeline *p); /* what was answered, and what is over */
void trn_pipe_list_exceptions(const struct trn_pipeline *p, struct trn_buf *out);
size_t trn_pipe_count_exceptions(const struct trn_pipeline *p);
/* Of a user, from lines NAME:X:UID:...; "user 1001" in text when it is not among them. */
struct trn_str trn_user_name(struct trn_str users, uint32_t uid, char text[32]);

/* respond_resolve.c: a person's request, resolved to processes and files; what respond.c sends on is appended to out. */
void trn_pipe_respond(struct trn_pipeline *p, struct trn_str encoded, struct trn_buf *out);

/* actions.c: what turncoatd says about acts. 0; negative: it is gone, or hostile. */
int trn_pipe_actions(struct trn_pipeline *p) TRN_MUST_CHECK;

/* plan_pipe.c: the plan, and one message from turncoatd each */
int trn_pipe_plan_new(struct trn_pipeline *p) TRN_MUST_CHECK;
int trn_pipe_policy(struct trn_pipeline *p, struct trn_msg *m) TRN_MUST_CHECK;
int trn_pipe_held(struct trn_pipeline *p, struct trn_msg *m) TRN_MUST_CHECK;
int trn_pipe_acted(struct trn_pipeline *p, struct trn_msg *m) TRN_MUST_CHECK;

/* status.c */
void trn_pipe_answer(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out);

#endif
