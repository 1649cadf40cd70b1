/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the blocker: its threads' life, its rules from the outside, what is armed in the kernel.
 * Must not own: answers (blocker_answer.c), contents (judge.c), the gate's questions (blocker_gate.c).
 *
 * A rule is in the index before the kernel asks about its files, and what was allowed before is asked about again after
 * that: no moment in between at which both rules, old and new, are passed by.
 */
#include "response/execute/blocker_internal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOTH (TRN_PERMIT_OPEN | TRN_PERMIT_EXEC)
#define ALL (BOTH | TRN_PERMIT_WRITTEN)
#define DEADLINE_MS 1000u
#define DEADLINE_MS_MAX 10000u

/* ---- life ---- */

static int new_groups(struct trn_blocker *b, struct trn_err *err)
{
    struct trn_permission_options o = {.sz = sizeof(o), .deadline_us = b->o.deadline_ms * 1000, .ctx = b};

    o.late = block_files_late;
    o.at_once = block_files_at_once;
    o.ask = block_files_ask;
    o.ask_always = true; /* the marks of single files are the rules' own: no ignore marks between them */
    int r = trn_permission_new(&o, &b->files, err);
    if (r != 0)
        return r;
    o.at_once = block_places_at_once;
    o.ask = block_places_ask;
    o.late = block_places_late;
    o.ask_always = false;
    return trn_permission_new(&o, &b->places, err);
}

static uint32_t deadline_of(uint32_t asked_ms)
{
    return asked_ms ? TRN_MIN(asked_ms, DEADLINE_MS_MAX) : DEADLINE_MS;
}

void trn_blocker_limits(struct trn_blocker *b, uint32_t deadline_ms, uint32_t held_ms, bool fail_closed)
{
    block_lock(b);
    b->o.deadline_ms = deadline_of(deadline_ms);
    b->o.held_ms = deadline_of(held_ms);
    b->places_closed = fail_closed;
    block_unlock(b);
    trn_permission_deadline(b->files, deadline_of(deadline_ms) * 1000);
    trn_permission_deadline(b->places, deadline_of(deadline_ms) * 1000);
}

int trn_blocker_new(const struct trn_blocker_options *o, struct trn_blocker **ret, struct trn_err *err)
{
    struct trn_blocker *b = calloc(1, sizeof(*b));

    if (!b)
        return trn_fail(err, -ENOMEM, "cannot block: out of memory");
    b->o = *o;
    b->o.deadline_ms = deadline_of(o->deadline_ms);
    b->o.held_ms = deadline_of(o->held_ms);
    b->judge_wake = b->gate_wake = b->notify = b->inspect_jobs = b->inspect_results = -1;
    pthread_mutex_init(&b->api, NULL);
    pthread_mutex_init(&b->lock, NULL);
    pthread_mutex_init(&b->inspect, NULL);
    b->index = block_index_new();
    b->told = trn_map_new(TRN_BLOCKER_FILES);
    int r = b->index && b->told ? new_groups(b, err) : trn_fail(err, -ENOMEM, "cannot block: out of memory");
    if (r != 0) {
        trn_blocker_free(b);
        return r;
    }
    *ret = b;
    return 0;
}

static void stop_threads(struct trn_blocker *b)
{
    block_lock(b);
    const bool started = b->started;
    b->stop = true;
    b->started = false; /* no more jobs */
    block_unlock(b);
    if (!started)
        return;
    block_wake(b->judge_wake);
    block_wake(b->gate_wake);
    pthread_join(b->judge, NULL);
    if (b->o.gate)
        pthread_join(b->gate_thread, NULL);
}

struct trn_blocker *trn_blocker_free(struct trn_blocker *b)
{
    if (!b)
        return NULL;
    stop_threads(b);
    if (b->o.gate) {
        if (b->armed)
            (void)!trn_gate_arm(b->o.gate, 0, 0, NULL);
        block_gate_release_all(b);
    }
    b->files = trn_permission_free(b->files);
    b->places = trn_permission_free(b->places);
    for (; b->n_jobs > 0; b->n_jobs--, b->first_job = (b->first_job + 1) % JOBS_MAX)
        trn_fd_close(b->jobs[b->first_job].fd);
    for (uint32_t i = 0; i < b->n_places; i++)
        trn_fd_close(b->place_fds[i]);
    const int fds[] = {b->judge_wake, b->gate_wake, b->notify, b->inspect_jobs, b->inspect_results};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(fds); i++)
        trn_fd_close(fds[i]);
    block_index_free(b->index);
    block_told_free(b);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->inspect);
    pthread_mutex_destroy(&b->api);
    free(b);
    return NULL;
}

/* Signals are the main thread's. */
static int start_threads(struct trn_blocker *b, struct trn_err *err)
{
    sigset_t all, before;
    int r = 0;

    if (b->started)
        return 0;
    b->judge_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    b->gate_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    b->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (b->judge_wake < 0 || b->gate_wake < 0 || b->notify < 0)
        r = -errno;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (r == 0)
        r = -pthread_create(&b->judge, NULL, block_judge_main, b);
    const bool judge = r == 0;
    if (r == 0 && b->o.gate)
        r = -pthread_create(&b->gate_thread, NULL, block_gate_main, b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (r == 0) {
        block_lock(b);
        b->started = true;
        block_unlock(b);
        return 0;
    }
    if (judge) {
        block_lock(b);
        b->stop = true;
        block_unlock(b);
        block_wake(b->judge_wake);
        pthread_join(b->judge, NULL);
        b->stop = false;
    }
    b->judge_wake = trn_fd_close(b->judge_wake);
    b->gate_wake = trn_fd_close(b->gate_wake);
    b->notify = trn_fd_close(b->notify);
    return trn_fail(err, r, "cannot start the judge: %s", trn_errno_name(r));
}

/* ---- what is armed ---- */

/* By what the rules need now. With api held. */
static int arm_gate(struct trn_blocker *b, struct trn_err *err)
{
    const struct block_index_counts n = block_index_counts(b->index);
    unsigned what = n.rules ? TRN_GATE_EXEC | TRN_GATE_MAP : 0;

    if (n.contents + n.build_ids > 0)
        what |= TRN_GATE_HOLD_MEMFD;
    if (b->fresh_sec)
        what |= TRN_GATE_EXEC | TRN_GATE_HOLD_MEMFD | TRN_GATE_HOLD_FRESH;
    if (!b->o.gate || (what == 0 && !b->armed))
        return 0;
    int r = trn_gate_arm(b->o.gate, what, b->fresh_sec, err);
    if (r == 0)
        b->armed = what != 0;
    return r;
}

static int watch_places(struct trn_blocker *b, const int *fds, uint32_t n, struct trn_err *err)
{
    for (uint32_t i = 0; i < n; i++) {
        int r = trn_permission_watch_file_system(b->places, fds[i], ALL, err);
        if (r == 0)
            continue;
        while (i > 0)
            (void)!trn_permission_unwatch_file_system(b->places, fds[--i], ALL);
        return r;
    }
    return 0;
}

static void unwatch_places(struct trn_blocker *b)
{
    for (uint32_t i = 0; i < b->n_places && b->places_watched; i++)
        (void)!trn_permission_unwatch_file_system(b->places, b->place_fds[i], ALL);
    b->places_watched = false;
}

/* Only as long as a rule is about contents. What was allowed until now is asked about again. */
static int arm_places(struct trn_blocker *b, struct trn_err *err)
{
    const struct block_index_counts n = block_index_counts(b->index);
    int r = 0;

    if (n.contents + n.build_ids == 0) {
        unwatch_places(b);
    } else if (!b->places_watched) {
        r = watch_places(b, b->place_fds, b->n_places, err);
        b->places_watched = r == 0;
    }
    trn_permission_reset(b->places);
    return r;
}

/* ---- rules ---- */

int trn_blocker_watch(struct trn_blocker *b, int fd, struct trn_err *err)
{
    struct block_told told = {.why = BLOCK_BY_FILE};
    int r = trn_permit_key_of(fd, &told.file);

    if (r != 0)
        return trn_fail(err, r, "cannot block what is not a plain file");
    r = trn_permission_watch(b->files, fd, BOTH, err);
    if (r == 0 && b->o.gate && trn_gate_key_of(fd, &told.key) == 0)
        block_tell(b, &told); /* when there is no room in its table, the marks still hold */
    return r;
}

int trn_blocker_ask_about(struct trn_blocker *b, int fd, struct trn_err *err)
{
    return trn_permission_watch(b->files, fd, BOTH, err);
}

static int remove_rule(struct trn_blocker *b, uint64_t id)
{
    block_lock(b);
    const int r = block_index_remove(b->index, id);
    const bool empty = block_index_counts(b->index).rules == 0;
    block_unlock(b);
    if (r != 0)
        return r;
    /* Marks of single files stay until no rule is left: then all go. Until then such an open is asked about and allowed. */
    if (empty)
        trn_permission_reset(b->files);
    else
        trn_permission_forget_all(b->files);
    block_untell(b);
    (void)!arm_places(b, NULL);
    (void)!arm_gate(b, NULL);
    return 0;
}

static int add_rule(struct trn_blocker *b, const struct trn_block_rule *r, struct trn_err *err)
{
    int code = start_threads(b, err);

    if (code != 0)
        return code;
    if (r->build_id.n && b->o.inspector)
        (void)!block_inspect_ready(b); /* otherwise it is tried again when it is needed */
    block_lock(b);
    code = block_index_add(b->index, r);
    block_unlock(b);
    if (code != 0)
        return trn_fail(err, code, "cannot add the rule: %s",
                        code == -ENOSPC ? "there are too many rules, or files in them" : trn_errno_name(code));
    trn_permission_forget_all(b->files);
    block_untell(b);
    code = arm_gate(b, err);
    if (code == 0)
        code = arm_places(b, err);
    if (code != 0) {
        (void)!remove_rule(b, r->id);
        return code;
    }
    if (r->path)
        block_paths_look(b);
    block_wake(b->judge_wake); /* its second ticks as long as there are paths */
    return 0;
}

int trn_blocker_add(struct trn_blocker *b, const struct trn_block_rule *r, struct trn_err *err)
{
    pthread_mutex_lock(&b->api);
    const int code = add_rule(b, r, err);
    pthread_mutex_unlock(&b->api);
    return code;
}

int trn_blocker_remove(struct trn_blocker *b, uint64_t id)
{
    pthread_mutex_lock(&b->api);
    const int r = remove_rule(b, id);
    pthread_mutex_unlock(&b->api);
    return r;
}

/* ---- the rest from outside ---- */

static int open_place(const char *path, struct trn_err *err)
{
    char shown[200];
    struct statx st;

    trn_escape_into(shown, sizeof(shown), trn_str_of(path));
    TRN_AUTO(trn_fd_closep) int fd = path[0] == '/' ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st) != 0) {
        int r = path[0] == '/' ? -errno : -EINVAL;
        return trn_fail(err, r, "cannot protect '%s': %s", shown, trn_errno_name(r));
    }
    if (!(st.stx_attributes_mask & st.stx_attributes & STATX_ATTR_MOUNT_ROOT)) {
        trn_fail(err, -EINVAL, "cannot protect '%s': no file system is mounted there", shown);
        trn_hint(err, "name the place where it is mounted: the whole of it is judged");
        return -EINVAL;
    }
    return trn_fd_steal(&fd);
}

static int protect(struct trn_blocker *b, const char *const *paths, size_t n, struct trn_err *err)
{
    int fds[TRN_BLOCKER_PROTECT] = {0}, r = 0;
    uint32_t have = 0;

    if (n > TRN_BLOCKER_PROTECT)
        return trn_fail(err, -E2BIG, "cannot protect %zu file systems: at most %u", n, TRN_BLOCKER_PROTECT);
    for (; have < n && r >= 0; have += r >= 0) {
        r = open_place(paths[have], err);
        if (r >= 0)
            fds[have] = r;
    }
    const bool now = b->places_watched;
    if (r >= 0 && now)
        r = watch_places(b, fds, have, err); /* the new ones first: those that stay are never unwatched for long */
    if (r < 0) {
        while (have > 0)
            trn_fd_close(fds[--have]);
        if (now)
            (void)!watch_places(b, b->place_fds, b->n_places, NULL);
        return r;
    }
    unwatch_places(b);
    for (uint32_t i = 0; i < b->n_places; i++)
        trn_fd_close(b->place_fds[i]);
    memcpy(b->place_fds, fds, have * sizeof(fds[0]));
    block_lock(b);
    b->n_places = have;
    block_unlock(b);
    return arm_places(b, err);
}

int trn_blocker_protect(struct trn_blocker *b, const char *const *paths, size_t n, struct trn_err *err)
{
    pthread_mutex_lock(&b->api);
    const int r = protect(b, paths, n, err);
    pthread_mutex_unlock(&b->api);
    return r;
}

int trn_blocker_hold_new(struct trn_blocker *b, uint32_t fresh_sec, bool fail_closed, struct trn_err *err)
{
    int r = 0;

    if (fresh_sec && !b->o.gate)
        return trn_fail(err, -ENOTSUP, "cannot hold new programs: BPF is refused here");
    pthread_mutex_lock(&b->api);
    if (fresh_sec)
        r = start_threads(b, err);
    if (r == 0) {
        block_lock(b);
        const uint32_t before = b->fresh_sec;
        b->fresh_sec = fresh_sec;
        b->fresh_closed = fail_closed;
        block_unlock(b);
        r = arm_gate(b, err);
        if (r != 0)
            b->fresh_sec = before;
    }
    pthread_mutex_unlock(&b->api);
    return r;
}

void trn_blocker_judged(struct trn_blocker *b, uint64_t question, bool refuse)
{
    block_gate_judged(b, question, refuse);
}

void trn_blocker_own(struct trn_blocker *b, uint32_t old_pid, uint32_t pid)
{
    (void)!trn_permission_own(b->files, old_pid, pid);
    (void)!trn_permission_own(b->places, old_pid, pid);
}

bool trn_blocker_may_hold(struct trn_blocker *b)
{
    block_lock(b);
    const bool may = block_index_counts(b->index).rules > 0 || b->fresh_sec > 0;
    block_unlock(b);
    return may;
}

bool trn_blocker_stuck(struct trn_blocker *b)
{
    return trn_permission_stuck(b->files) || trn_permission_stuck(b->places) ||
           (b->o.gate && trn_gate_stuck(b->o.gate));
}

bool block_is_vital(const struct trn_blocker *b, int fd)
{
    const struct trn_act_tools t = {.response_fd = -1, .scope_fd = -1, .vital = b->o.vital};

    return trn_vital_file(&t, fd, "", NULL) == -EPERM;
}

bool trn_blocker_has_gate(const struct trn_blocker *b)
{
    return b->o.gate != NULL;
}

bool trn_blocker_has_inspector(const struct trn_blocker *b)
{
    return b->o.inspector != NULL;
}

uint32_t trn_blocker_protected(struct trn_blocker *b)
{
    block_lock(b);
    const uint32_t n = b->n_places;
    block_unlock(b);
    return n;
}

void trn_blocker_counts(struct trn_blocker *b, struct trn_blocker_counts *ret)
{
    struct trn_permit_counts files, places;

    trn_permission_counts(b->files, &files);
    trn_permission_counts(b->places, &places);
    block_lock(b);
    const struct block_index_counts n = block_index_counts(b->index);
    *ret = b->counts;
    block_unlock(b);
    ret->asked += files.asked + places.asked;
    ret->refused += files.denied + places.denied;
    ret->allowed += files.allowed + places.allowed;
    ret->cached = files.cached + places.cached;
    ret->slowest_ns = TRN_MAX(ret->slowest_ns, TRN_MAX(files.slowest_ns, places.slowest_ns));
    ret->rules = n.rules;
    ret->files = n.files;
    ret->contents = n.contents + n.build_ids;
    ret->protect = trn_blocker_protected(b);
}
