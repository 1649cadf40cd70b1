/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One-way doors: rlimits, users, capabilities, landlock, seccomp, in this order, in one call at the
 * start of each process. What the kernel does not offer is reported in the result, never silent.
 * A refused system call kills the process with SIGSYS (visible to its parent) except where the
 * profile says EPERM.
 */
#ifndef TRN_BASE_SANDBOX_H
#define TRN_BASE_SANDBOX_H

#include "base/err.h"

#include <sys/types.h>

enum trn_sandbox_profile {
    /* poll, read, write, pidfd_send_signal, clock, exit */
    TRN_SANDBOX_GUARD,
    /* files below its state folder, threads, accept on what it was given; no socket(), connect(), bind(), exec,
     * ptrace, kill of others */
    TRN_SANDBOX_ENGINE,
    /* fork, recvmsg, sendmsg, wait, prctl, seccomp for its children */
    TRN_SANDBOX_INSPECT_SERVER,
    /* read/pread/lseek/fstat on what it was given, sendmsg, memory, exit; no open, no fork */
    TRN_SANDBOX_INSPECT_WORKER,
    /* the same for many files: also takes descriptors and writes the scratch file it was given */
    TRN_SANDBOX_SCAN_WORKER,
    TRN_SANDBOX_PROFILE_MAX,
};

/*
 * What a profile means for code that runs inside it: no executable mapping, no new socket, no ioctl
 * (ENOTTY), threads only in the engine. SQLite must keep its temporary tables in memory
 * (PRAGMA temp_store=MEMORY), because no folder but state_dir exists. A worker should have called
 * trn_digest_new once before it enters.
 */
struct trn_sandbox_options {
    enum trn_sandbox_profile profile;
    uid_t uid;             /* (uid_t)-1: keep */
    gid_t gid;             /* (gid_t)-1: keep; supplementary groups are always cleared with a change */
    bool keep_cap_kill;    /* the guard */
    const char *state_dir; /* landlock: the only folder it may read and write; NULL: no file at all */
    uint64_t max_memory;   /* RLIMIT_AS in bytes, 0: none */
    uint64_t max_cpu_sec;  /* RLIMIT_CPU, 0: none */
    uint64_t max_files;    /* RLIMIT_NOFILE, 0: keep */
};

struct trn_sandbox_result {
    bool seccomp, landlock, users; /* what took effect */
    int landlock_abi;
    bool relaxed; /* sanitizer build: the sanitizer's own system calls are allowed too */
};

/* A sanitizer build: see relaxed. */
bool trn_sandbox_is_relaxed(void);
/* Irreversible. On failure the process must exit: it may be half inside. ret may be NULL. */
int trn_sandbox_enter(const struct trn_sandbox_options *o, struct trn_sandbox_result *ret, struct trn_err *err)
    TRN_MUST_CHECK;

#endif
