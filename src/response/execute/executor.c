/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the list of actions, who may ask for one, how often, and the two threads that carry them out (one for what takes
 * milliseconds, one for what may take minutes). Must not own: what an act does (one file each), the steps of one
 * (steps.c), the journal (record.c).
 *
 * A request is answered when it stands in the journal; carrying it out is its thread's. The lock is never held while an
 * act's code runs, but for plan(), which changes nothing, and which runs without it as well.
 */
#include "response/execute/executor.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define MINUTE_NS (60 * TRN_NS_PER_SEC)
#define ACTS_MINUTE 60u
#define IDLE_NS (500 * TRN_NS_PER_MS) /* a wall clock that jumps is noticed that soon */
#define ARENA_MAX (8u << 20)

struct trn_row *trn_row_new(const struct trn_act_request *q, const struct trn_act_ops *ops)
{
    struct trn_row *row = calloc(1, sizeof *row);
    if (row)
        row->a.arena = trn_arena_new(ARENA_MAX);
    if (!row || !row->a.arena || trn_act_copy(q, row->a.arena, &row->a.q) < 0)
        return trn_row_free(row);
    row->ops = ops;
    return row;
}

struct trn_row *trn_row_free(struct trn_row *row)
{
    if (!row)
        return NULL;
    if (row->ops && row->ops->done)
        row->ops->done(&row->a);
    trn_arena_free(row->a.arena);
    free(row);
    return NULL;
}

/* ---- who, how often ---- */

static bool is_harsh(unsigned act)
{
    return act == TRN_RESPOND_HOLD || act == TRN_RESPOND_KILL || act == TRN_RESPOND_QUARANTINE ||
           act == TRN_RESPOND_ISOLATE_HOST || act == TRN_RESPOND_REMOVE || act == TRN_RESPOND_ROLLBACK;
}

static bool within(struct trn_rate *rate, uint32_t max)
{
    uint64_t now = trn_boot_ns();
    if (now > rate->minute_ns + MINUTE_NS) {
        rate->minute_ns = now;
        rate->n = 0;
    }
    return rate->n < max ? ++rate->n != 0 : false;
}

/* An engine that is taken over must not be able to end everything that runs, one allowed act after the other. What a
 * person takes back or confirms is counted by itself: a busy policy must not keep anybody from that. */
static int check_rate(struct trn_executor *x, const struct trn_act_request *q, bool by_policy, struct trn_err *err)
{
    uint32_t acts = by_policy ? x->o.acts_minute : ACTS_MINUTE, harsh = x->o.kills_minute; /* 0: none */
    bool is_order = q->act >= TRN_RESPOND_KINDS;
    if (!within(by_policy ? &x->policy : is_order ? &x->orders : &x->people, acts)) {
        (void)trn_fail(err, -EAGAIN, "more than %u actions a minute", acts);
        trn_hint(err, "try again in a minute; what holds can be taken back all the same");
        return -EAGAIN;
    }
    if (by_policy && is_harsh(q->act) && !within(&x->harsh, harsh))
        return trn_fail(err, -EAGAIN, "more than %u processes or files a minute are not ended by the policy", harsh);
    return 0;
}

static int check_who(struct trn_executor *x, const struct trn_act_request *q, int client, struct trn_row *ret_who,
                     struct trn_err *err)
{
    struct ucred who;
    ret_who->uid = ret_who->pid = TRN_NO_U32;
    if (client < 0)
        return x->o.allowed ? x->o.allowed(x->o.ctx, q, err)
                            : trn_fail(err, -EPERM, "no policy lets turncoat act by itself");
    int r = trn_peer_check(&x->peers, client, "act", &who, err);
    if (r < 0)
        return r;
    ret_who->uid = who.uid;
    ret_who->pid = (uint32_t)who.pid;
    return 0;
}

/* ---- finding one that is there ---- */

static struct trn_row *find_id(struct trn_executor *x, uint64_t id)
{
    for (uint32_t i = 0; i < x->n; i++)
        if (x->rows[i]->a.id == id && !x->rows[i]->over)
            return x->rows[i];
    return NULL;
}

static struct trn_row *find_same(struct trn_executor *x, unsigned act, struct trn_str text)
{
    for (uint32_t i = x->n; i-- > 0;)
        if (x->rows[i]->a.q.act == act && trn_str_eq(x->rows[i]->a.q.text, text) && !x->rows[i]->over)
            return x->rows[i];
    return NULL;
}

/* ---- orders about one ---- */

static int find_ordered(struct trn_executor *x, const struct trn_act_request *q, struct trn_row **ret,
                        struct trn_err *err)
{
    struct trn_row *row = q->id ? find_id(x, q->id) : find_same(x, q->undo_of, q->text);
    if (!row) {
        char shown[200];
        int r = q->id ? trn_fail(err, -ENOENT, "no action %llu holds", (unsigned long long)q->id)
                      : trn_fail(err, -ENOENT, "nothing of '%s' holds that %s did",
                                 trn_escape_into(shown, sizeof shown, q->text),
                                 trn_respond_name((enum trn_respond)q->undo_of));
        trn_hint(err, "turncoat respond list shows what holds");
        return r;
    }
    if (q->act == TRN_RESPOND_UNDO && !row->ops->undo)
        return trn_fail(err, -ENOTSUP, "%s cannot be taken back", trn_respond_name(row->ops->kind));
    if (q->act == TRN_RESPOND_CONFIRM && !row->ops->confirm)
        return trn_fail(err, -EINVAL, "%s needs no confirmation", trn_respond_name(row->ops->kind));
    if (row->next == TRN_ORDER_ACT || row->next == TRN_ORDER_UNDO || (row->busy && row->ops->slow)) {
        int r = trn_fail(err, -EBUSY, "action %llu is being carried out", (unsigned long long)row->a.id);
        trn_hint(err, "try again in a moment");
        return r;
    }
    *ret = row;
    return 0;
}

static int order(struct trn_executor *x, const struct trn_act_request *q, const struct trn_row *who, uint64_t *ret_id,
                 struct trn_buf *plan, struct trn_err *err)
{
    struct trn_row *row = NULL;
    int r = find_ordered(x, q, &row, err);
    if (r < 0 || !row)
        return r;
    trn_put_fmt(plan, "%s action %llu: %s ", q->act == TRN_RESPOND_UNDO ? "take back" : "confirm",
                (unsigned long long)row->a.id, trn_respond_name(row->ops->kind));
    trn_put_str(plan, row->a.q.text);
    trn_put_c(plan, "\n");
    *ret_id = row->a.id;
    if (q->flags & TRN_ACT_DRY_RUN)
        return 0;
    row->next = q->act == TRN_RESPOND_UNDO ? TRN_ORDER_UNDO : TRN_ORDER_CONFIRM;
    row->undo_as = TRN_ACTION_UNDONE;
    row->undo_uid = who->uid;
    row->undo_pid = who->pid;
    row->due_boot_ns = 0;
    pthread_cond_broadcast(&x->work);
    return 0;
}

/* ---- a new one ---- */

static int check_room(struct trn_executor *x, const struct trn_act_request *q, struct trn_err *err)
{
    const struct trn_row *same = find_same(x, q->act, q->text);
    int r = 0;
    if (x->journal_why[0])
        return trn_fail(err, -EIO, "the journal of actions cannot be written (%s): nothing is done without it",
                        x->journal_why);
    if (same) {
        r = trn_fail(err, -EEXIST, "action %llu does that already", (unsigned long long)same->a.id);
        trn_hint(err, "turncoat respond undo %llu, then ask again", (unsigned long long)same->a.id);
    } else if (x->n == TRN_ACTIONS_MAX) {
        r = trn_fail(err, -ENOSPC, "%u actions hold already", TRN_ACTIONS_MAX);
        trn_hint(err, "turncoat respond list; undo what is not needed any more");
    }
    return r;
}

static int enlist(struct trn_executor *x, const struct trn_act_request *q, const struct trn_act_ops *ops,
                  const struct trn_row *who, uint64_t *ret_id, struct trn_err *err)
{
    uint64_t seconds = q->seconds ? q->seconds : trn_respond_default_sec(ops->kind);
    struct trn_row *row = trn_row_new(q, ops);
    if (!row)
        return trn_fail(err, -ENOMEM, "out of memory");
    row->uid = who->uid;
    row->pid = who->pid;
    row->asked_boot_ns = trn_boot_ns();
    row->a.id = x->last_id + 1;
    if (seconds && ops->undo) {
        row->until_boot_ns = row->asked_boot_ns + seconds * TRN_NS_PER_SEC;
        row->a.until_wall_ns = trn_wall_ns() + seconds * TRN_NS_PER_SEC;
    }
    row->next = TRN_ORDER_ACT;
    int r = trn_journal_step(x, row, TRN_ACTION_REQUESTED, TRN_STR(""), row->uid, row->pid);
    if (r < 0) {
        trn_row_free(row);
        return trn_fail(err, r, "the journal of actions cannot be written: nothing is done without it");
    }
    x->last_id++;
    x->rows[x->n++] = row;
    *ret_id = row->a.id;
    pthread_cond_broadcast(&x->work);
    return 0;
}

int trn_executor_submit(struct trn_executor *x, const struct trn_act_request *q, int client, uint64_t *ret_id,
                        struct trn_buf *ret_plan, struct trn_err *err)
{
    bool is_order = q->act >= TRN_RESPOND_KINDS;
    const struct trn_act_ops *ops = trn_act_ops_of(q->act);
    struct trn_row who = {0};
    uint64_t id = 0;
    int r = check_who(x, q, client, &who, err);
    if (r == 0 && !is_order && !ops)
        r = trn_fail(err, -ENOTSUP, "%s is not built in", trn_respond_name((enum trn_respond)q->act));
    if (r < 0)
        return r;
    pthread_mutex_lock(&x->lock);
    r = x->stop ? trn_fail(err, -ESHUTDOWN, "turncoatd is stopping") : check_rate(x, q, client < 0, err);
    if (r == 0)
        r = is_order ? order(x, q, &who, &id, ret_plan, err) : check_room(x, q, err);
    pthread_mutex_unlock(&x->lock);
    if (r == 0 && ops) /* there are none for an order */
        r = ops->plan(&x->o.tools, q, ret_plan, err);
    if (r == 0 && ops && !(q->flags & TRN_ACT_DRY_RUN)) {
        pthread_mutex_lock(&x->lock);
        /* Again: the plan was made without the lock. */
        r = x->stop ? trn_fail(err, -ESHUTDOWN, "turncoatd is stopping") : check_room(x, q, err);
        if (r == 0)
            r = enlist(x, q, ops, &who, &id, err);
        pthread_mutex_unlock(&x->lock);
    }
    if (r == 0)
        *ret_id = q->flags & TRN_ACT_DRY_RUN ? 0 : id;
    return r;
}

/* Read by the acts' threads without the lock: each is one aligned word, and an old pid among them does no harm. */
void trn_executor_own(struct trn_executor *x, const uint32_t own[4])
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(x->o.tools.own); i++)
        __atomic_store_n(&x->o.tools.own[i], own[i], __ATOMIC_RELAXED);
}

void trn_executor_limits(struct trn_executor *x, uint32_t acts_minute, uint32_t kills_minute, bool survive)
{
    pthread_mutex_lock(&x->lock);
    x->o.acts_minute = acts_minute;
    x->o.kills_minute = kills_minute;
    x->o.survive = survive;
    pthread_mutex_unlock(&x->lock);
}

void trn_executor_tell_all(struct trn_executor *x)
{
    pthread_mutex_lock(&x->lock);
    for (uint32_t i = 0; i < x->n; i++)
        trn_journal_tell(x, x->rows[i]);
    pthread_mutex_unlock(&x->lock);
}

/* ---- the threads ---- */

static void drop_over(struct trn_executor *x)
{
    for (uint32_t i = x->n; i-- > 0;) {
        if (!x->rows[i]->over || x->rows[i]->busy)
            continue;
        trn_row_free(x->rows[i]);
        x->rows[i] = x->rows[--x->n];
    }
}

static void look_at_time(struct trn_row *row, uint64_t now)
{
    if (row->next != TRN_ORDER_NONE && row->next != TRN_ORDER_CHECK)
        return;
    if (row->until_boot_ns == 0 || now < row->until_boot_ns)
        return;
    row->next = TRN_ORDER_UNDO;
    row->undo_as = TRN_ACTION_EXPIRED;
    row->undo_uid = row->undo_pid = TRN_NO_U32;
    row->due_boot_ns = 0;
}

/* Oldest first; but what is to be done does not wait until something else was tried. */
static bool sooner(const struct trn_row *a, const struct trn_row *b)
{
    bool looks = a->next == TRN_ORDER_CHECK, other_looks = b->next == TRN_ORDER_CHECK;
    return looks != other_looks ? other_looks : a->a.id < b->a.id;
}

/* What this thread is to do next; *ret_due: when to look again. */
static struct trn_row *next_row(struct trn_executor *x, bool slow, uint64_t *ret_due)
{
    uint64_t now = trn_boot_ns();
    struct trn_row *found = NULL;
    *ret_due = now + IDLE_NS;
    for (uint32_t i = 0; i < x->n; i++) {
        struct trn_row *row = x->rows[i];
        if (row->ops->slow != slow || row->busy || row->over)
            continue;
        look_at_time(row, now);
        if (row->next != TRN_ORDER_NONE && now >= row->due_boot_ns) {
            if (!found || sooner(row, found))
                found = row;
        } else if (row->next != TRN_ORDER_NONE) {
            *ret_due = TRN_MIN(*ret_due, row->due_boot_ns);
        } else if (row->until_boot_ns) {
            *ret_due = TRN_MIN(*ret_due, row->until_boot_ns);
        }
    }
    return found;
}

static void wait_until(struct trn_executor *x, uint64_t due_boot_ns)
{
    uint64_t now = trn_boot_ns(), mono = trn_mono_ns() + (due_boot_ns > now ? due_boot_ns - now : 0);
    const struct timespec t = {.tv_sec = (time_t)(mono / TRN_NS_PER_SEC), .tv_nsec = (long)(mono % TRN_NS_PER_SEC)};
    pthread_cond_timedwait(&x->work, &x->lock, &t);
}

static void carry_out(struct trn_executor *x, bool slow)
{
    pthread_mutex_lock(&x->lock);
    while (!x->stop) {
        uint64_t due;
        struct trn_row *row = next_row(x, slow, &due);
        if (!row) {
            if (!slow && x->unsynced)
                trn_journal_sync(x);
            wait_until(x, due);
            continue;
        }
        row->busy = true;
        pthread_mutex_unlock(&x->lock);
        trn_step(x, row);
        pthread_mutex_lock(&x->lock);
        row->busy = false;
        if (!x->stop) /* then the list is gone through by whoever stops us */
            drop_over(x);
    }
    pthread_mutex_unlock(&x->lock);
}

static void *quick_thread(void *arg)
{
    carry_out(arg, false);
    return NULL;
}

static void *slow_thread(void *arg)
{
    carry_out(arg, true);
    return NULL;
}

/* Signals are the main thread's. */
static int start_threads(struct trn_executor *x)
{
    static void *(*const bodies[])(void *) = {quick_thread, slow_thread};
    sigset_t all, before;
    int r = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; r == 0 && x->n_threads < TRN_ARRAY_SIZE(bodies); x->n_threads += r == 0)
        r = -pthread_create(&x->threads[x->n_threads], NULL, bodies[x->n_threads], x);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

/* ---- life ---- */

int trn_executor_new(const struct trn_executor_options *o, struct trn_executor **ret, struct trn_err *err)
{
    pthread_condattr_t attr;
    struct trn_executor *x = calloc(1, sizeof *x);
    if (!x)
        return trn_fail(err, -ENOMEM, "out of memory");
    x->o = *o;
    x->journal_fd = -1;
    trn_peer_rule_init(&x->peers, o->listen_fd, o->respond_gid);
    pthread_mutex_init(&x->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&x->work, &attr);
    pthread_condattr_destroy(&attr);
    int r = trn_journal_open(x, err);
    if (r == 0)
        r = trn_journal_recall(x, err);
    if (r == 0) {
        r = start_threads(x);
        if (r < 0)
            trn_fail(err, r, "cannot start the threads that act: %s", trn_errno_name(r));
    }
    if (r < 0) {
        trn_executor_free(x);
        return r;
    }
    *ret = x;
    return 0;
}

static bool must_go(const struct trn_executor *x, const struct trn_row *row)
{
    return !row->over && !(row->ops->survives && (x->o.survive || row->a.until_wall_ns == 0));
}

/* What would die with us anyway is taken back in good order, and so is all that must not outlive us. The thread of these
 * acts has ended; the list does not change any more. */
static void withdraw(struct trn_executor *x, bool slow)
{
    for (uint32_t i = 0; i < x->n; i++) {
        struct trn_row *row = x->rows[i];
        if (row->ops->slow != slow || !must_go(x, row))
            continue;
        if (row->a.state == TRN_ACTION_REQUESTED) {
            pthread_mutex_lock(&x->lock);
            (void)!trn_journal_step(x, row, TRN_ACTION_FAILED,
                                    TRN_STR("turncoatd was stopped before it was carried out"), TRN_NO_U32, TRN_NO_U32);
            pthread_mutex_unlock(&x->lock);
            continue;
        }
        if (!row->ops->undo)
            continue;
        row->next = TRN_ORDER_UNDO;
        row->undo_as = TRN_ACTION_WITHDRAWN;
        row->undo_uid = row->undo_pid = TRN_NO_U32;
        trn_step(x, row);
    }
}

/* The quick ones first: a slow act may have minutes to go. */
void trn_executor_stop(struct trn_executor *x)
{
    pthread_mutex_lock(&x->lock);
    x->stop = true;
    pthread_cond_broadcast(&x->work);
    pthread_mutex_unlock(&x->lock);
    for (unsigned i = 0; i < x->n_threads; i++) {
        pthread_join(x->threads[i], NULL);
        withdraw(x, i == 1);
        pthread_mutex_lock(&x->lock);
        if (x->unsynced)
            trn_journal_sync(x);
        pthread_mutex_unlock(&x->lock);
    }
    x->n_threads = 0;
}

struct trn_executor *trn_executor_free(struct trn_executor *x)
{
    if (!x)
        return NULL;
    trn_executor_stop(x);
    for (uint32_t i = 0; i < x->n; i++)
        trn_row_free(x->rows[i]);
    trn_fd_close(x->journal_fd);
    pthread_cond_destroy(&x->work);
    pthread_mutex_destroy(&x->lock);
    free(x);
    return NULL;
}
