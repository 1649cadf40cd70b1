/* SPDX-License-Identifier: Apache-2.0 */
/* Small stories for tests of src/process: a machine where things happen one after another. */
#ifndef TRN_TEST_PROCESS_STORY_H
#define TRN_TEST_PROCESS_STORY_H

#include "process/process.h"

struct machine {
    struct trn_process_table *t;
    uint64_t now; /* boot clock, ns; a millisecond passes before each act */
    uint64_t seq;
};

struct machine machine_new(uint32_t max_entities);
void machine_done(struct machine *m);

/* Entities are named by small numbers in tests; the pid is the same number unless said. */
void act_fork(struct machine *m, uint64_t parent, uint64_t child);
void act_fork_pid(struct machine *m, uint64_t parent, uint64_t child, uint32_t pid);
/* argv in words, split at blanks. The file's inode is made from the path. */
void act_exec(struct machine *m, uint64_t entity, const char *path, const char *argv);
void act_script(struct machine *m, uint64_t entity, const char *interpreter, const char *script);
void act_exit(struct machine *m, uint64_t entity);
/* fork + exec */
void act_run(struct machine *m, uint64_t parent, uint64_t child, const char *path, const char *argv);
/* A session leader on a terminal. */
void act_run_tty(struct machine *m, uint64_t parent, uint64_t child, const char *path);
/* Who was there before: exec with the flag, parent from the event. */
void act_existing(struct machine *m, uint64_t parent, uint64_t entity, const char *path);
/* The identity of the file at path arrives. version may be NULL. */
void act_identity(struct machine *m, const char *path, const char *software, const char *version,
                  enum trn_origin origin, uint32_t flags);
void apply(struct machine *m, struct trn_event *ev);

struct trn_file_key key_of(const char *path);
const struct trn_entity *at(const struct machine *m, uint64_t entity);

/* Acting software as text: "acme-softphone 1.0", "session", "nobody". */
const char *acting(const struct machine *m, uint64_t entity);
const char *starter(const struct machine *m, uint64_t entity);
/* Whose software the image is. */
const char *software(const struct machine *m, uint64_t entity);

#endif
