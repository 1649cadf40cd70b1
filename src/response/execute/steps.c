/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one action's way: requested -> done -> seen or not seen -> taken back. Runs in the action's own thread, without
 * the lock while an act's code runs. Must not own: when a step is due (executor.c).
 */
#include "response/execute/executor.h"

#include <stdio.h>

#define CHECK_AGAIN_NS (100 * TRN_NS_PER_MS)
#define CHECK_FOR_NS (5 * TRN_NS_PER_SEC)
#define UNDO_AGAIN_NS (30 * TRN_NS_PER_SEC) /* what could not be taken back when its time was over, at first */
#define UNDO_DOUBLINGS 7u /* about an hour: each try is a record in the journal, and may fail for ever */

/* Text of an error for the journal: with its hint, so that a list shows what to do. */
static struct trn_str text_of(const struct trn_err *err, int code, char *dst, size_t size)
{
    snprintf(dst, size, "%s%s%s%s", err->message[0] ? err->message : trn_errno_name(code), err->hint[0] ? " (" : "",
             err->hint, err->hint[0] ? ")" : "");
    return trn_str_of(dst);
}

static void end_step(struct trn_executor *x, struct trn_row *row, enum trn_action_state state, struct trn_str text,
                     uint32_t uid, uint32_t pid)
{
    pthread_mutex_lock(&x->lock);
    row->a.state = state;
    row->over = trn_action_state_is_over(state) ||
                (!row->ops->undo && (state == TRN_ACTION_SEEN || state == TRN_ACTION_NOT_SEEN));
    if (trn_journal_step(x, row, state, text, uid, pid) < 0)
        fprintf(stderr, "turncoatd: action %llu is %s, and that could not be written into the journal\n",
                (unsigned long long)row->a.id, trn_action_state_name(state));
    pthread_mutex_unlock(&x->lock);
    if (state == TRN_ACTION_NOT_SEEN || state == TRN_ACTION_FAILED)
        fprintf(stderr, "turncoatd: action %llu (%s) %s: %.*s\n", (unsigned long long)row->a.id,
                trn_respond_name(row->ops->kind), state == TRN_ACTION_FAILED ? "failed" : "did not take",
                TRN_STR_ARG(text));
}

/* was: what it has just done; an order that came meanwhile stays. */
static void set_next(struct trn_executor *x, struct trn_row *row, enum trn_order was, enum trn_order next,
                     uint64_t after_ns)
{
    pthread_mutex_lock(&x->lock);
    if (row->next == was) {
        row->next = next;
        row->due_boot_ns = after_ns ? trn_boot_ns() + after_ns : 0;
    }
    pthread_mutex_unlock(&x->lock);
}

static void step_act(struct trn_executor *x, struct trn_row *row)
{
    char text[TRN_ACT_TEXT_MAX + 200];
    struct trn_err err = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf did;
    trn_buf_init(&did, TRN_ACT_TEXT_MAX);
    bool again = row->a.resumed;
    int r = again && row->ops->resume ? row->ops->resume(&x->o.tools, &row->a, &err)
                                      : row->ops->act(&x->o.tools, &row->a, &did, &err);
    if (again && r == 0 && did.n == 0)
        trn_put_c(&did, "holds again after turncoatd was started anew");
    if (r < 0) {
        end_step(x, row, TRN_ACTION_FAILED, text_of(&err, r, text, sizeof text), row->uid, row->pid);
        return;
    }
    end_step(x, row, TRN_ACTION_DONE, trn_buf_str(&did), row->uid, row->pid);
    row->check_until_boot_ns = trn_boot_ns() + CHECK_FOR_NS;
    set_next(x, row, TRN_ORDER_ACT, row->ops->check ? TRN_ORDER_CHECK : TRN_ORDER_NONE, 0);
}

static void step_check(struct trn_executor *x, struct trn_row *row)
{
    char text[TRN_ACT_TEXT_MAX + 200];
    struct trn_err err = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf seen;
    trn_buf_init(&seen, TRN_ACT_TEXT_MAX);
    int r = row->ops->check(&x->o.tools, &row->a, &seen, &err);
    if (r == -EAGAIN && trn_boot_ns() < row->check_until_boot_ns) {
        set_next(x, row, TRN_ORDER_CHECK, TRN_ORDER_CHECK, CHECK_AGAIN_NS);
        return;
    }
    set_next(x, row, TRN_ORDER_CHECK, TRN_ORDER_NONE, 0);
    if (r == 0)
        end_step(x, row, TRN_ACTION_SEEN, trn_buf_str(&seen), row->uid, row->pid);
    else
        end_step(x, row, TRN_ACTION_NOT_SEEN, text_of(&err, r, text, sizeof text), row->uid, row->pid);
}

static void step_undo(struct trn_executor *x, struct trn_row *row)
{
    char text[TRN_ACT_TEXT_MAX + 200];
    struct trn_err err = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf did;
    trn_buf_init(&did, TRN_ACT_TEXT_MAX);
    int r = row->ops->undo(&x->o.tools, &row->a, &did, &err);
    if (r == 0) {
        end_step(x, row, row->undo_as, trn_buf_str(&did), row->undo_uid, row->undo_pid);
        return;
    }
    char whole[sizeof text + 40];
    snprintf(whole, sizeof whole, "could not be taken back: %.*s", TRN_STR_ARG(text_of(&err, r, text, sizeof text)));
    pthread_mutex_lock(&x->lock);
    bool expired = row->undo_as == TRN_ACTION_EXPIRED;
    row->next = expired ? TRN_ORDER_UNDO : TRN_ORDER_NONE;
    row->due_boot_ns = trn_boot_ns() + (UNDO_AGAIN_NS << TRN_MIN(row->undo_tries, UNDO_DOUBLINGS));
    row->undo_tries++;
    pthread_mutex_unlock(&x->lock);
    end_step(x, row, row->a.state, trn_str_of(whole), row->undo_uid, row->undo_pid);
    fprintf(stderr, "turncoatd: action %llu %s\n", (unsigned long long)row->a.id, whole);
}

static void step_confirm(struct trn_executor *x, struct trn_row *row)
{
    char text[TRN_ACT_TEXT_MAX + 200];
    struct trn_err err = {0};
    int r = row->ops->confirm(&x->o.tools, &row->a, &err);
    bool unseen = row->a.state == TRN_ACTION_DONE && row->ops->check; /* it came between two looks at the effect */
    set_next(x, row, TRN_ORDER_CONFIRM, unseen ? TRN_ORDER_CHECK : TRN_ORDER_NONE, 0);
    pthread_mutex_lock(&x->lock);
    uint64_t wall = trn_wall_ns(), until = row->a.until_wall_ns;
    row->until_boot_ns = until ? trn_boot_ns() + (until > wall ? until - wall : 0) : 0;
    pthread_mutex_unlock(&x->lock);
    end_step(x, row, row->a.state, r < 0 ? text_of(&err, r, text, sizeof text) : TRN_STR("confirmed"), row->undo_uid,
             row->undo_pid);
}

void trn_step(struct trn_executor *x, struct trn_row *row)
{
    switch (row->next) {
    case TRN_ORDER_ACT:
        step_act(x, row);
        break;
    case TRN_ORDER_CHECK:
        step_check(x, row);
        break;
    case TRN_ORDER_UNDO:
        step_undo(x, row);
        break;
    case TRN_ORDER_CONFIRM:
        step_confirm(x, row);
        break;
    case TRN_ORDER_NONE:
        break;
    }
}
