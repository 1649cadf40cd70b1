/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hand-made event streams: a script is written with act_*() as a small play, then run through process table, detection
 * and stories like in the engine. Also used by the story tests and the golden page.
 */
#ifndef TRN_TEST_SCRIPT_H
#define TRN_TEST_SCRIPT_H

#include "detect/detect.h"
#include "story/story.h"

#define SCRIPT_MAX 2048
#define SCRIPT_FILES 256

struct script_file {
    struct trn_str path;
    struct trn_file_key key;
};

struct script {
    struct trn_arena *arena;
    struct trn_event ev[SCRIPT_MAX];
    size_t n;
    uint64_t boot_ns, seq;
    struct script_file files[SCRIPT_FILES];
    size_t n_files;
};

struct script *script_new(void); /* starts with systemd (1), sshd (100) and a bash (101) of alice below it */
void script_free(struct script *s);
void wait_ms(struct script *s, uint64_t ms);
uint64_t entity_of(uint32_t pid);

/* argv: arguments by spaces */
void act_fork(struct script *s, uint32_t parent, uint32_t pid);
void act_exec(struct script *s, uint32_t pid, const char *path, const char *argv);
void act_script(struct script *s, uint32_t pid, const char *interp, const char *script,
                const char *argv); /* by its "#!" line */
void act_start(struct script *s, uint32_t parent, uint32_t pid, const char *path, const char *argv); /* fork + exec */
void act_exit(struct script *s, uint32_t pid);
void act_identity(struct script *s, const char *path, const char *name, const char *version, enum trn_origin origin,
                  uint32_t flags);
void act_identity_hash(struct script *s, const char *path,
                       uint8_t hash);                             /* nobody's file; sha256 is 32 times that byte */
void act_write(struct script *s, uint32_t pid, const char *path); /* created, written and closed */
void act_rename(struct script *s, uint32_t pid, const char *from, const char *to);
void act_delete(struct script *s, uint32_t pid, const char *path);
void act_chmod(struct script *s, uint32_t pid, const char *path);
void act_connect(struct script *s, uint32_t pid, const char *address, uint32_t port);
/* the same where the name had been asked for */
void act_contact(struct script *s, uint32_t pid, const char *name, const char *address, uint32_t port);
void act_close(struct script *s, uint32_t pid, const char *address, uint32_t port, uint64_t out, uint64_t in);
void act_dns(struct script *s, uint32_t pid, const char *name, const char *answer);
void act_open(struct script *s, uint32_t pid, const char *path, const char *klass, const char *owner);
void act_load(struct script *s, uint32_t pid, const char *path, bool with_inode);
void act_memory(struct script *s, uint32_t pid, enum trn_action action, const char *path); /* path NULL: anonymous */
void act_access(struct script *s, uint32_t pid, enum trn_action action, uint32_t target, const char *way);
void act_env(struct script *s, const char *env);  /* of the exec before: "LD_PRELOAD=/x.so LD_AUDIT=y.so" */
void act_flags(struct script *s, uint32_t flags); /* of the event before */
void act_update(struct script *s, const char *name, const char *from, const char *to);
/* what a look at an installed file found */
void act_brought(struct script *s, const char *name, const char *version, const char *check, uint64_t score,
                 const char *verdict);
void act_loss(struct script *s, enum trn_class klass);
void act_tick(struct script *s);
void act_stop(struct script *s);

/* the files of alice's softphone, owned by the package acme-softphone VERSION; run by the service manager as pid 812 */
void softphone(struct script *s, const char *version);

#define MACHINE_MAX 512
struct machine {
    struct trn_process_table *processes;
    struct trn_detect *detect;
    struct trn_stories *stories;
    struct trn_arena *arena;
    struct trn_finding findings[MACHINE_MAX];
    size_t n_findings;
    struct trn_story *told[64]; /* by id: the latest form; views in blobs */
    struct trn_buf blobs[64];
    uint64_t tellings;
    struct trn_event state[MACHINE_MAX * 8]; /* every row that was to be remembered, in order */
    size_t n_state;
    char *page; /* of the story asked for last */
};

struct machine *machine_new(const struct trn_indicators *indicators);
void machine_free(struct machine *m);
void machine_push(struct machine *m, const struct trn_event *ev);
void machine_run(struct machine *m, const struct script *s, size_t from, size_t to);
/* What a restart does: the remembered rows, and the processes that run (existing execs). */
void machine_restore(struct machine *m, const struct machine *before, const struct script *s, size_t to);
size_t machine_stories(const struct machine *m, enum trn_verdict min); /* how many open ones from this verdict up */
const char *machine_page(struct machine *m, uint64_t id);
const struct trn_finding *machine_finding(const struct machine *m, const char *check, size_t nth);
size_t machine_count(const struct machine *m, const char *check);

#endif
