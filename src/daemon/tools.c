/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the tools that acts work with: the gate, the blocker, the cut, and the worker that parses for the blocker. Must not
 * own: an act, a rule, the table of held processes (turncoatd.c, which gives it to the guard).
 *
 * Each tool that this kernel refuses is said once, when it is opened; the acts that need it say so again when they are
 * asked for. None of them costs anything until its first rule.
 */
#include "daemon/turncoatd.h"

#include "response/execute/execute.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- what the blocker asks for ---- */

/* A new program waits for the engine's word. From a thread of the blocker. */
static void ask_engine(void *ctx, const struct trn_held_question *q)
{
    struct trn_daemon *d = ctx;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 256);
    trn_held_encode(q, &b);
    pthread_mutex_lock(&d->respond_lock);
    trn_orders_tell(d->orders, TRN_CH_HELD, trn_buf_str(&b));
    pthread_mutex_unlock(&d->respond_lock);
}

/* From a thread that takes the engine's messages: it may refuse only where the policy says so. */
void trn_tools_judged(void *ctx, const struct trn_judged *j)
{
    struct trn_daemon *d = ctx;
    if (d->blocker)
        trn_blocker_judged(d->blocker, j->question, j->refuse && trn_rules_may_refuse(d));
}

/* A turncoat-inspect whose results come to us and not to the engine. From a thread of the blocker. */
static int start_inspector(void *ctx, int *ret_jobs, int *ret_results, struct trn_err *err)
{
    struct trn_daemon *d = ctx;
    char uid[16], gid[16];
    int jobs[2] = {-1, -1}, results[2] = {-1, -1}, pidfd = -1;
    pid_t pid = 0;
    snprintf(uid, sizeof uid, "%u", d->place.inspect_uid);
    snprintf(gid, sizeof gid, "%u", d->place.inspect_gid);
    const char *const argv[] = {"turncoat-inspect", uid, gid, NULL};
    int r = trn_ipc_pair(jobs, 1 << 18);
    if (r == 0)
        r = trn_ipc_pair(results, 1 << 18);
    TRN_AUTO(trn_fd_closep) int our_jobs = jobs[0];
    TRN_AUTO(trn_fd_closep) int our_results = results[0];
    TRN_AUTO(trn_fd_closep) int their_jobs = jobs[1];
    TRN_AUTO(trn_fd_closep) int their_results = results[1];
    if (r < 0)
        return trn_fail(err, r, "cannot make a socket pair: %s", trn_errno_name(r));
    const int fds[] = {their_jobs, their_results};
    r = trn_spawn("turncoat-inspect", argv, fds, 2, -1, &pid, &pidfd, err);
    if (r < 0)
        return r;
    trn_fd_close(pidfd);
    __atomic_store_n(&d->judge_new_pid, (uint32_t)pid, __ATOMIC_RELEASE); /* the main thread waits for it */
    *ret_jobs = trn_fd_steal(&our_jobs);
    *ret_results = trn_fd_steal(&our_results);
    return 0;
}

/* Our own child, not waited for: the number is still its. */
static void end_judge(struct trn_daemon *d)
{
    if (d->judge_pid == 0)
        return;
    (void)kill((pid_t)d->judge_pid, SIGKILL);
    (void)waitpid((pid_t)d->judge_pid, NULL, 0);
    d->judge_pid = 0;
}

/* The blocker starts another when the sockets of the one before have ended; the old one ends with its sockets. */
static void look_after_judge(struct trn_daemon *d)
{
    uint32_t new_pid = __atomic_exchange_n(&d->judge_new_pid, 0, __ATOMIC_ACQ_REL);
    if (new_pid) {
        trn_blocker_own(d->blocker, d->judge_pid, new_pid);
        end_judge(d);
        d->judge_pid = new_pid;
    }
    if (d->judge_pid && waitpid((pid_t)d->judge_pid, NULL, WNOHANG) > 0) {
        trn_blocker_own(d->blocker, d->judge_pid, 0);
        d->judge_pid = 0;
    }
}

/* ---- life ---- */

static void open_gate(struct trn_daemon *d)
{
    struct trn_err err = {0};
    const struct trn_gate_options o = {.sz = sizeof o,
                                       .scope_cgroup = d->scope,
                                       .held = d->held,
                                       .own = {(uint32_t)getpid()}};
    if (trn_gate_open(&o, &d->gate, &err) < 0)
        trn_daemon_say("programs cannot be stopped at their start", &err);
}

static void open_blocker(struct trn_daemon *d)
{
    struct trn_err err = {0};
    const struct trn_blocker_options o = {.sz = sizeof o,
                                          .gate = d->gate,
                                          .deadline_ms = d->policy->deadline_ms,
                                          .held_ms = d->policy->hold_ms,
                                          .held = ask_engine,
                                          .inspector = start_inspector,
                                          .vital = d->vital,
                                          .ctx = d};
    if (trn_blocker_new(&o, &d->blocker, &err) < 0)
        trn_daemon_say("nothing can be blocked", &err);
}

static void open_shield(struct trn_daemon *d)
{
    struct trn_err err = {0};
    const struct trn_shield_options o = {.sz = sizeof o, .cut = d->cut};
    if (d->cut && trn_shield_new(&o, &d->shield, &err) < 0)
        trn_daemon_say("sensitive files cannot be shielded", &err);
}

void trn_tools_open(struct trn_daemon *d)
{
    struct trn_err err = {0};
    const struct trn_cut_options cut = {.sz = sizeof cut, .scope_cgroup = d->scope};
    if (trn_cut_open(&cut, &d->cut, &err) < 0)
        trn_daemon_say("software cannot be isolated", &err);
    open_gate(d);
    open_blocker(d);
    open_shield(d);
    (void)malloc_trim(0); /* as after the sensor: the kernel's types were read again */
    trn_tools_rules(d);
}

void trn_tools_rules(struct trn_daemon *d)
{
    const struct trn_policy *p = d->policy;
    const char *mounts[TRN_POLICY_MOUNTS];
    struct trn_err err = {0};
    if (!d->blocker)
        return;
    trn_blocker_limits(d->blocker, p->deadline_ms, p->hold_ms, p->fail_closed);
    for (uint32_t i = 0; i < p->n_mounts; i++)
        mounts[i] = p->mounts[i];
    int r = trn_blocker_protect(d->blocker, mounts, p->n_mounts, &err);
    if (r < 0)
        trn_daemon_say("the file systems that the policy names are not protected", &err);
    d->protect_hook = (struct trn_sensor_hook){.name = p->n_mounts ? "response.protect" : NULL,
                                               .state = r < 0 ? TRN_HOOK_OFF : TRN_HOOK_ON};
    snprintf(d->protect_hook.reason, sizeof d->protect_hook.reason, "%.199s", r < 0 ? err.message : "");
    bool hold = p->protect && p->hold_new;
    if (trn_blocker_hold_new(d->blocker, hold ? p->fresh_sec : 0, p->hold_refuse, &err) < 0)
        trn_daemon_say("new programs are not held", &err);
}

void trn_tools_tick(struct trn_daemon *d)
{
    if (d->blocker)
        look_after_judge(d);
}

void trn_tools_close(struct trn_daemon *d)
{
    d->blocker = trn_blocker_free(d->blocker); /* its judge ends with the sockets */
    d->shield = trn_shield_free(d->shield);
    d->gate = trn_gate_close(d->gate);
    d->cut = trn_cut_close(d->cut);
    end_judge(d);
}

void trn_hands_answers(const struct trn_daemon *d, struct trn_health_answers *ret)
{
    struct trn_blocker_counts c;
    if (!d->blocker)
        return;
    trn_blocker_counts(d->blocker, &c);
    *ret = (struct trn_health_answers){.asked = c.asked,
                                       .refused = c.refused,
                                       .allowed = c.allowed,
                                       .late = c.late,
                                       .late_refused = c.late_refused,
                                       .held = c.held,
                                       .judged = c.judged,
                                       .slowest_ns = c.slowest_ns,
                                       .rules = c.rules,
                                       .mounts = c.protect};
}

/* ---- heartbeat ---- */

bool trn_hands_may_hold(const struct trn_daemon *d)
{
    return (d->shield && trn_shield_is_open(d->shield)) || (d->blocker && trn_blocker_may_hold(d->blocker)) ||
           trn_held_count(d->held) > 0;
}

bool trn_hands_stuck(const struct trn_daemon *d)
{
    return (d->blocker && trn_blocker_stuck(d->blocker)) || (d->shield && trn_shield_stuck(d->shield));
}

void trn_hands_own(struct trn_daemon *d)
{
    const uint32_t now[] = {(uint32_t)getpid(), (uint32_t)d->guard.pid, (uint32_t)d->engine.pid,
                            (uint32_t)d->inspect.pid};
    bool same = memcmp(now, d->own, sizeof now) == 0;
    if (same)
        return;
    for (size_t i = 1; d->blocker && i < TRN_ARRAY_SIZE(now); i++)
        if (now[i] != d->own[i])
            trn_blocker_own(d->blocker, d->own[i], now[i]);
    if (d->gate)
        trn_gate_own(d->gate, now);
    if (d->executor)
        trn_executor_own(d->executor, now);
    memcpy(d->own, now, sizeof now);
}
