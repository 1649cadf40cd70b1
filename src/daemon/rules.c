/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the policy that holds now: read at the start (policy.c), read again at SIGHUP, given to the engine, asked for
 * each request that no person made. Must not own: how the file is read, what a rule means (src/policy).
 *
 * The engine is told the policy, and does not decide by it alone: whatever it asks for without a person is held against
 * the policy here.
 */
#include "daemon/turncoatd.h"

#include <stdio.h>

static void put_in_force(struct trn_daemon *d, const struct trn_policy *p)
{
    pthread_mutex_lock(&d->policy_lock);
    *d->policy = *p;
    pthread_mutex_unlock(&d->policy_lock);
    trn_vital_set(d->vital, p->vital, p->n_vital);
}

int trn_rules_start(struct trn_daemon *d, struct trn_err *err)
{
    TRN_AUTO(trn_freep) struct trn_policy *p = calloc(1, sizeof *p);
    pthread_mutex_init(&d->policy_lock, NULL);
    d->policy = calloc(1, sizeof *d->policy);
    d->vital = trn_vital_new();
    if (!p || !d->policy || !d->vital)
        return trn_fail(err, -ENOMEM, "out of memory");
    int r = trn_daemon_policy_load(d->policy_path, d->policy_named, &d->place, p, err);
    if (r == 0)
        put_in_force(d, p);
    return r;
}

void trn_rules_stop(struct trn_daemon *d)
{
    d->policy_reading = trn_policy_read_end(d->policy_reading);
    d->vital = trn_vital_free(d->vital);
    free(d->policy);
    d->policy = NULL;
}

void trn_rules_tell(struct trn_daemon *d)
{
    if (d->engine.pid && trn_policy_send(d->control_fd, d->policy) < 0)
        fprintf(stderr, "turncoatd: the engine does not take the policy\n");
}

void trn_rules_again(struct trn_daemon *d)
{
    struct trn_err err = {0};
    d->policy_reading = trn_policy_read_end(d->policy_reading);
    if (trn_policy_read_start(d->policy_path, &d->place, &d->policy_reading, &err) < 0)
        trn_daemon_say("the policy is not read again, the old one holds", &err);
}

void trn_rules_step(struct trn_daemon *d)
{
    struct trn_err err = {0};
    TRN_AUTO(trn_freep) struct trn_policy *p = calloc(1, sizeof *p);
    int r = p ? trn_policy_read_step(d->policy_reading, p, &err) : -ENOMEM;
    if (r == 1)
        return;
    d->policy_reading = trn_policy_read_end(d->policy_reading);
    if (r < 0) {
        trn_daemon_say("the policy is not taken, the old one holds", &err);
        return;
    }
    put_in_force(d, p);
    trn_rules_tell(d);
    trn_hands_rules(d);
    fprintf(stderr, "turncoatd: the policy was read again: %s\n", p->protect ? "protect" : "detect");
}

/* From any thread. */
int trn_rules_allow(void *ctx, const struct trn_act_request *q, struct trn_err *err)
{
    struct trn_daemon *d = ctx;
    const struct trn_policy_claim c = {.act = (enum trn_respond)q->act,
                                       .target = (enum trn_target)q->target,
                                       .text = q->text,
                                       .check = q->check,
                                       .score = q->score,
                                       .seconds = q->seconds};
    pthread_mutex_lock(&d->policy_lock);
    int r = trn_policy_allows(d->policy, &c, err);
    pthread_mutex_unlock(&d->policy_lock);
    return r;
}

bool trn_rules_may_refuse(struct trn_daemon *d)
{
    pthread_mutex_lock(&d->policy_lock);
    bool may = trn_policy_may_refuse(d->policy);
    pthread_mutex_unlock(&d->policy_lock);
    return may;
}
