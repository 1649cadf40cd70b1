/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the plan's place in the live engine: its policy from turncoatd, its way to turncoatd, who waits for its answers. Must
 * not own: what it plans (plan.c).
 */
#include "engine/pipeline_internal.h"

static int to_turncoatd(void *ctx, uint16_t type, struct trn_str body)
{
    const struct trn_pipeline *p = ctx;
    return trn_ipc_send(p->respond_fd, type, body, NULL, 0);
}

static void say(void *ctx, const char *text)
{
    trn_pipe_tell_health(ctx, "%s", text);
}

int trn_pipe_plan_new(struct trn_pipeline *p)
{
    return trn_plan_new(&(struct trn_plan_options){.sz = sizeof(struct trn_plan_options),
                                                   .processes = trn_engine_processes(p->engine),
                                                   .names = p->names,
                                                   .mntns = p->hello.mntns,
                                                   .send = to_turncoatd,
                                                   .say = say,
                                                   .ctx = p},
                        &p->plan);
}

int trn_pipe_policy(struct trn_pipeline *p, struct trn_msg *m)
{
    TRN_AUTO(trn_freep) struct trn_policy *policy = malloc(sizeof *policy);
    if (!policy)
        return -ENOMEM;
    if (!p->plan || m->n_fds || trn_policy_decode(&m->body, policy) < 0)
        return -EPROTO;
    trn_plan_policy(p->plan, policy);
    return 0;
}

int trn_pipe_held(struct trn_pipeline *p, struct trn_msg *m)
{
    struct trn_held_question q;
    uint64_t now = trn_boot_ns();
    if (trn_held_decode(&m->body, &q) < 0)
        return -EPROTO;
    trn_recorder_hurry(p->recorder, now);
    trn_plan_held(p->plan, &q, now);
    return 0;
}

/* A refusal is no step of an action: nothing began, so it is said here. */
int trn_pipe_acted(struct trn_pipeline *p, struct trn_msg *m)
{
    struct trn_act_answer a;
    char text[300];
    if (trn_acted_decode(&m->body, &a) < 0)
        return -EPROTO;
    if (a.code < 0)
        trn_plan_refused(p->plan, a.job);
    if (a.code < 0)
        trn_pipe_tell_health(p, "what the policy wants was refused: %s", trn_escape_into(text, sizeof text, a.message));
    return 0;
}
