/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Made-up events for the benchmarks: who started what, read what, talked to whom, on one clock. Nothing random but
 * stage_random(), whose seed is fixed: the same calls give the same events.
 */
#ifndef TRN_BENCH_STAGE_H
#define TRN_BENCH_STAGE_H

#include "event/event.h"

struct stage {
    struct trn_event_sink sink;
    int failed; /* the first error of the sink */
    uint64_t seq, boot_ns, wall_offset_ns, salt, random;
    uint32_t next_pid;
    uint64_t next_socket, next_inode;
};

struct actor {
    uint64_t entity;
    uint32_t pid, uid;
    const char *comm;
};

struct file {
    const char *path;
    struct trn_file_key key;
};

void stage_init(struct stage *s, const struct trn_event_sink *sink);
uint64_t stage_random(struct stage *s, uint64_t below);
void stage_wait_us(struct stage *s, uint64_t us);
struct file stage_file_new(struct stage *s, const char *path); /* with an inode of its own */

void stage_meta(struct stage *s, enum trn_event_type type);
void stage_identity(struct stage *s, const struct file *f, const char *name, const char *version,
                    enum trn_origin origin, uint32_t flags);
void stage_update(struct stage *s, const char *name, const char *from, const char *to);

struct actor stage_fork(struct stage *s, const struct actor *parent);
/* argv: arguments by spaces */
void stage_exec(struct stage *s, struct actor *a, const struct file *f, const char *argv);
struct actor stage_start(struct stage *s, const struct actor *parent, const struct file *f, const char *argv);
void stage_exit(struct stage *s, const struct actor *a);
void stage_load(struct stage *s, const struct actor *a, const struct file *f);
void stage_changed(struct stage *s, const struct actor *a, enum trn_action action, const struct file *f);
void stage_open(struct stage *s, const struct actor *a, const struct file *f, const char *sensitive, const char *owner);
/* A question, its answer, the connection (with its name), its hello, its end. */
void stage_asked(struct stage *s, const struct actor *a, const char *name, const uint8_t address[4]);
uint64_t stage_connected(struct stage *s, const struct actor *a, const char *name, const uint8_t address[4],
                         uint32_t port);
void stage_hello(struct stage *s, const struct actor *a, const char *name, const uint8_t address[4], uint64_t socket);
void stage_closed(struct stage *s, const struct actor *a, const char *name, const uint8_t address[4], uint32_t port,
                  uint64_t socket, uint64_t out, uint64_t in);

#endif
