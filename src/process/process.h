/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities (a process over its life), images (what it runs since its last exec), lineage, borders,
 * and the acting software. Part of the pure engine: a function of the events applied, in order.
 *
 * Acting software (DESIGN section 2): who *acts* is the nearest ancestor-or-self whose image is not
 * a shell, tool or interpreter, never looking across a border (login, service, container). When only
 * tools stand between the process and a login, nobody acts but the session: session_only. Below a
 * service manager the service's own program acts. Ancestors count with the image they had when they
 * forked: a program that later runs something else, exits or is evicted still acts for its children,
 * and trn_process_acting then shows it as it was.
 */
#ifndef TRN_PROCESS_PROCESS_H
#define TRN_PROCESS_PROCESS_H

#include "event/event.h"
#include "process/derive.h"

struct trn_process_table;

enum trn_role { /* what kind of program an image is; from evidence first (script owner, package priority), names last */
                TRN_ROLE_APPLICATION = 0,
                TRN_ROLE_SHELL,
                TRN_ROLE_TOOL,        /* base system and small helpers: coreutils, ss, curl, tar ... */
                TRN_ROLE_INTERPRETER, /* python, node, perl without a script of a known owner */
                TRN_ROLE_BORDER, /* init, service manager, login, sshd, cron, container runtime: lineage breaks below it */
};

struct trn_image {                                   /* what an entity runs; new at every exec */
    struct trn_str path, invoked, script, argv, cwd; /* owned by the table; absent like in the event */
    struct trn_file_key file, script_file;
    uint64_t exec_boot_ns, exec_seq;
    uint32_t exec_count;
    uint32_t flags; /* TRN_EVF_MEMFD, DELETED, EXISTING */
    enum trn_role role;
    const struct trn_identity *identity;        /* of the file; NULL until known */
    const struct trn_identity *script_identity; /* of the script; NULL when none or unknown */
};

struct trn_entity {
    uint64_t id, parent; /* parent 0: unknown */
    uint32_t pid, session, uid, euid, mntns;
    uint64_t cgroup;
    uint64_t start_boot_ns, start_wall_ns, exit_boot_ns; /* exit 0: alive */
    uint64_t
        kernel_start_ns; /* its start as the kernel keeps it, by which turncoatd knows it again; above: as it was told */
    struct trn_str tty;
    struct trn_image image;
    uint64_t acting;   /* entity that acts for this one (may be itself); 0: session only */
    bool session_only; /* only shells and tools up to the border: a person or a job at a prompt */
};

struct trn_process_options {
    size_t sz;               /* sizeof this struct */
    uint32_t max_entities;   /* 0: 16384; the oldest exited go first, then the oldest */
    uint32_t max_identities; /* 0: 8192 */
};

int trn_process_table_new(const struct trn_process_options *o, struct trn_process_table **ret) TRN_MUST_CHECK;
struct trn_process_table *trn_process_table_free(struct trn_process_table *t);

/* FORK, EXEC, EXIT, CRED, IDENTITY change the table; an IDENTITY binds by its file key, and to a script by
 * its path as image.script has it (no event tells a script's inode, so each exec of a script needs
 * one, even when the file has been identified before). A LIB_LOAD may tell what a loader runs.
 * other types only advance its clock. Never fails on
 * odd input (unknown parent, exec without fork: a stub entity is made); -ENOMEM only. */
int trn_process_apply(struct trn_process_table *t, const struct trn_event *ev) TRN_MUST_CHECK;

/* Borrowed until the next apply. */
const struct trn_entity *trn_process_get(const struct trn_process_table *t, uint64_t id);
/* The entity an event is about: ev->entity, or by pid at ev->boot_ns (also just exited ones); NULL. */
const struct trn_entity *trn_process_of(const struct trn_process_table *t, const struct trn_event *ev);
/* The acting entity; NULL when session_only or unknown. */
const struct trn_entity *trn_process_acting(const struct trn_process_table *t, const struct trn_entity *e);
/* Who acted when e's image was started: like acting, but looking from just above that image. So for
 * a program that acts for itself (a dropped helper) this is the application that started it. NULL
 * when a session (*ret_session true), a service manager (false) or somebody unknown (true) did. */
const struct trn_entity *trn_process_starter(const struct trn_process_table *t, const struct trn_entity *e,
                                             bool *ret_session);
/* Whose software an image is: the script's when it runs one, else the file's. Absent name when
 * unknown; then *ret has name = base name of the path and origin MANUAL. Borrowed. */
void trn_process_software(const struct trn_entity *e, struct trn_software *ret);
/* True when a is b or an ancestor of b, not looking across borders. */
bool trn_process_is_above(const struct trn_process_table *t, uint64_t a, uint64_t b);
/* Identity known for this file content (device, inode, ctime), or NULL. */
const struct trn_identity *trn_process_identity(const struct trn_process_table *t, const struct trn_file_key *k);

/* Alive ones first, then recently exited, each by start time. */
bool trn_process_next(const struct trn_process_table *t, size_t *it, const struct trn_entity **ret);
size_t trn_process_count(const struct trn_process_table *t);
size_t trn_process_bytes(const struct trn_process_table *t);
uint64_t trn_process_evicted(const struct trn_process_table *t);

/* Role from what is known; also used by tests. path and software may be absent. */
enum trn_role trn_role_of(struct trn_str path, const struct trn_software *software, bool has_script);

/* The script that an interpreter was told to run on its command line, as written there; absent when
 * none ("-c", "-m", standard input, no interpreter). program: base name of the image. */
struct trn_str trn_script_of_args(struct trn_str program, struct trn_str argv);
/* The dynamic loader, by its name. Run by itself it runs the first file that it maps: where its arguments do not
 * name that file by a path, the LIB_LOAD does, and becomes image.script. */
bool trn_is_loader(struct trn_str path);

#endif
