/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the act "isolate host": when the machine's network is closed, for how long, and that it comes back. Must not own:
 * which packets pass (host_rules.c), netlink (nft*.c), whether it holds (host_try.c), who may ask (executor.c).
 *
 * Nobody may lose a machine by this, so three things open the network again, each without the other two: the executor,
 * when the action's time is over; the kernel, a little later, by the timers of a set without whose elements every packet
 * passes; and the end of turncoatd, however it ends, because the kernel takes a table away with the socket that owns it.
 * What was confirmed (it has no end) is closed again when turncoatd is back; what was not stays open.
 */
#include "response/execute/host.h"

#include <stdio.h>

#define UNCONFIRMED_MAX_SEC 86400u
#define GRACE_NS (2 * TRN_NS_PER_SEC) /* the executor first: it tells what it did */

struct live {
    struct trn_nft *nft; /* owns the table */
    struct trn_host_try *managers;
};

static void live_freep(struct live **l)
{
    if (!*l)
        return;
    trn_host_try_free((*l)->managers);
    trn_nft_close((*l)->nft);
    free(*l);
    *l = NULL;
}

static void nft_closep(struct trn_nft **n)
{
    *n = trn_nft_close(*n);
}

/* ---- may it be ---- */

/* 1: turncoatd stands in process 1's network namespace; 0: it does not; -EACCES: that cannot be told. */
static int in_machines_network(void)
{
    /* The second pair needs no right over process 1: a file below net/ has one inode number per network namespace. */
    static const char *const pairs[][2] = {{"/proc/1/ns/net", "/proc/self/ns/net"},
                                           {"/proc/1/net/dev", "/proc/self/net/dev"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(pairs); i++) {
        struct stat a, b;
        if (stat(pairs[i][0], &a) == 0 && stat(pairs[i][1], &b) == 0)
            return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    }
    return -EACCES;
}

static int check_place(const struct trn_act_tools *t, struct trn_err *err)
{
    int machine = in_machines_network(), r = 0;
    if (t->scope_cgroup && machine != 0) {
        r = trn_fail(err, -EPERM, "turncoatd acts on one cgroup only: it does not isolate the whole machine");
        trn_hint(err, "start turncoatd without --scope-cgroup");
    } else if (!t->scope_cgroup && machine == 0) {
        r = trn_fail(err, -EPERM, "turncoatd runs in a network namespace of its own: the machine would stay connected");
        trn_hint(err, "start turncoatd in the machine's own network namespace");
    }
    return r;
}

static bool somebody_can_reach(const struct trn_act_request *q)
{
    for (uint32_t i = 0; i < q->n_hosts; i++)
        if (trn_host_role_of(&q->hosts[i]) != TRN_HOST_DNS)
            return true;
    return false;
}

static int check_request(const struct trn_act_request *q, struct trn_err *err)
{
    int r = 0;
    if (q->target != TRN_TARGET_NONE || q->n_processes || q->n_files)
        return trn_fail(err, -EINVAL, "isolating the host has no other target");
    if (q->flags & TRN_ACT_EXCEPT_ESTABLISHED) {
        r = trn_fail(err, -EINVAL, "isolating the host stops connections that stand");
        trn_hint(err, "name those that may stay: --except HOST[:PORT]");
        return r;
    }
    if (q->seconds > UNCONFIRMED_MAX_SEC) {
        r = trn_fail(err, -EINVAL, "isolating the host for more than a day needs somebody who confirms it");
        trn_hint(err, "ask for less, then 'turncoat respond confirm ID': it holds until it is undone");
    }
    for (uint32_t i = 0; r == 0 && i < q->n_hosts; i++)
        r = trn_host_check(&q->hosts[i], err);
    if (r == 0 && !somebody_can_reach(q) && trn_str_is_empty(trn_str_trim(q->why))) {
        r = trn_fail(err, -EINVAL, "nobody could reach the machine: that needs a reason");
        trn_hint(err, "--except HOST:PORT of the manager, or --why TEXT");
    }
    return r;
}

static int check_free(struct trn_nft *n, struct trn_err *err)
{
    struct trn_nft_table table;
    int r = trn_nft_find_table(n, TRN_HOST_TABLE, &table, err);
    if (r < 0 || !table.there)
        return r;
    r = trn_fail(err, -EEXIST, "a table 'inet " TRN_HOST_TABLE "' is there already%s",
                 table.owner ? ", owned by a program that runs" : ", and nobody owns it");
    trn_hint(err,
             "undo the isolation that 'turncoat respond list' shows; if none: nft list table inet " TRN_HOST_TABLE);
    return r;
}

/* ---- plan ---- */

static void put_host_line(struct trn_buf *out, const struct trn_act_host *h)
{
    static const char *const says[] = {
        [TRN_HOST_ANY] = "everything, both ways",
        [TRN_HOST_ADMIN] = "may come in by ssh (TCP port 22)",
        [TRN_HOST_DNS] = "DNS",
        [TRN_HOST_MANAGER] = "may be talked to at this port",
    };
    trn_put_c(out, "  stays: ");
    trn_host_put(out, h);
    trn_put_fmt(out, "  %s\n", says[trn_host_role_of(h)]);
}

static uint64_t seconds_of(const struct trn_act_request *q)
{
    return q->seconds ? q->seconds : trn_respond_default_sec(TRN_RESPOND_ISOLATE_HOST);
}

static void put_plan(struct trn_buf *out, const struct trn_act_request *q)
{
    trn_put_c(out, "drop every packet to, from and through this machine, at once, connections that stand as well\n");
    for (uint32_t i = 0; i < q->n_hosts; i++)
        put_host_line(out, &q->hosts[i]);
    trn_put_c(out, "  stays: loopback, DHCP by broadcast, IPv6 neighbours\n");
    if (!somebody_can_reach(q))
        trn_put_c(out, "  NOBODY CAN REACH THIS MACHINE over the network: no manager, no administration is excepted\n");
    trn_put_c(out, "after ");
    trn_put_span(out, seconds_of(q) * TRN_NS_PER_SEC);
    trn_put_c(out, " the network comes back, unless somebody confirms; then by undo only\n");
}

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                struct trn_err *err)
{
    TRN_AUTO(nft_closep) struct trn_nft *n = NULL;
    int r = check_request(q, err);
    if (r == 0)
        r = check_place(t, err);
    if (r == 0)
        r = trn_nft_open(&n, err);
    if (r == 0)
        r = check_free(n, err);
    if (r == 0)
        put_plan(ret_plan, q);
    return r;
}

/* ---- act ---- */

/* The kernel's timer for an action that ends then; 0: never. */
static uint64_t kernel_timer_ms(uint64_t until_wall_ns)
{
    uint64_t now = trn_wall_ns();
    return until_wall_ns ? ((until_wall_ns > now ? until_wall_ns - now : 0) + GRACE_NS) / TRN_NS_PER_MS : 0;
}

static int close_network(struct trn_act *a, uint64_t until_wall_ns, struct trn_err *err)
{
    TRN_AUTO(live_freep) struct live *l = calloc(1, sizeof *l);
    TRN_AUTO(trn_nft_batch_done) struct trn_nft_batch b = {0};
    if (!l)
        return trn_fail(err, -ENOMEM, "out of memory");
    int r = trn_nft_open(&l->nft, err);
    if (r == 0)
        r = check_free(l->nft, err);
    if (r < 0)
        return r;
    r = trn_nft_batch_init(&b, TRN_HOST_TABLE);
    if (r < 0)
        return trn_fail(err, r, "out of memory");
    trn_host_rules(&b, a->q.hosts, a->q.n_hosts, kernel_timer_ms(until_wall_ns));
    r = trn_nft_commit(l->nft, &b, err);
    if (r < 0) {
        if (err && !err->hint[0])
            trn_hint(err, "it needs tables with an owner (Linux 5.12), sets and counters; nothing was changed");
        return r;
    }
    a->live = TRN_STEAL(l);
    a->until_wall_ns = until_wall_ns;
    return 0;
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    uint64_t now = trn_wall_ns();
    int r = check_request(&a->q, err);
    if (r == 0)
        r = check_place(t, err);
    if (r == 0)
        r = close_network(a, a->until_wall_ns ? a->until_wall_ns : now + seconds_of(&a->q) * TRN_NS_PER_SEC, err);
    if (r < 0)
        return r;
    trn_put_fmt(ret_did, "every packet is dropped, but for %u host%s, loopback, DHCP and neighbours; open again in ",
                a->q.n_hosts, a->q.n_hosts == 1 ? "" : "s");
    trn_put_span(ret_did, a->until_wall_ns > now ? a->until_wall_ns - now : 0);
    trn_put_c(ret_did, " unless confirmed");
    return 0;
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_seen, struct trn_err *err)
{
    struct live *l = a->live;
    struct trn_nft_table table;
    if (!l)
        return trn_fail(err, -ENOENT, "the rules are gone: the network is open");
    int r = trn_nft_find_table(l->nft, TRN_HOST_TABLE, &table, err);
    if (r == 0 && !table.own)
        r = trn_fail(err, -ENOENT, "the rules are gone: the network is open");
    if (r == 0)
        r = trn_host_try_dropped(l->nft, ret_seen, err);
    if (r == 0)
        r = trn_host_try_managers(&l->managers, a->q.hosts, a->q.n_hosts, ret_seen, err);
    if (r != -EAGAIN)
        l->managers = trn_host_try_free(l->managers);
    return r;
}

/* ---- confirm, undo ---- */

static int confirm(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    struct live *l = a->live;
    TRN_AUTO(trn_nft_batch_done) struct trn_nft_batch b = {0};
    if (!l)
        return trn_fail(err, -ENOENT, "the host is not isolated any more");
    int r = trn_nft_batch_init(&b, TRN_HOST_TABLE);
    if (r < 0)
        return trn_fail(err, r, "out of memory");
    trn_host_rules_hold(&b, kernel_timer_ms(0));
    r = trn_nft_commit(l->nft, &b, err);
    if (r == -ENOENT) {
        trn_fail(err, r, "too late: the time is over, and the kernel opened the network");
        trn_hint(err, "undo, then isolate again");
    }
    if (r < 0)
        return r;
    a->until_wall_ns = 0;
    return 0;
}

static void put_counts(struct trn_nft *n, struct trn_buf *out)
{
    static const char *const counters[] = {TRN_HOST_COUNT_IN, TRN_HOST_COUNT_OUT, TRN_HOST_COUNT_FORWARD};
    uint64_t packets[TRN_ARRAY_SIZE(counters)] = {0};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(counters); i++)
        if (trn_nft_read_counter(n, TRN_HOST_TABLE, counters[i], &packets[i], NULL) < 0)
            return;
    trn_put_fmt(out, "; dropped meanwhile: %llu packets to, %llu from, %llu through this machine",
                (unsigned long long)packets[0], (unsigned long long)packets[1], (unsigned long long)packets[2]);
}

/* The table goes with the socket, also when the kernel refuses to delete it; then it is looked for by another one. */
static int undo(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    TRN_AUTO(nft_closep) struct trn_nft *other = NULL;
    TRN_AUTO(trn_buf_done) struct trn_buf counts;
    struct live *l = a->live;
    struct trn_nft_table table;
    trn_buf_init(&counts, 256);
    if (l)
        put_counts(l->nft, &counts);
    live_freep(&l);
    a->live = NULL;
    int r = trn_nft_open(&other, err);
    if (r == 0)
        r = trn_nft_find_table(other, TRN_HOST_TABLE, &table, err);
    if (r == 0 && table.there) {
        r = trn_fail(err, -EBUSY, "a table 'inet " TRN_HOST_TABLE "' is still there, and it is not ours");
        trn_hint(err, "nft list table inet " TRN_HOST_TABLE "; whoever made it can delete it");
    }
    if (r < 0)
        return r;
    trn_put_c(ret_did, "the network is open again");
    trn_put_str(ret_did, trn_buf_str(&counts));
    return 0;
}

static int resume(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    if (a->until_wall_ns) {
        trn_fail(err, -ECANCELED, "nobody had confirmed when turncoatd ended: the network is open");
        trn_hint(err, "isolate the host again if it still must be");
        return -ECANCELED;
    }
    int r = check_request(&a->q, err);
    if (r == 0)
        r = check_place(t, err);
    return r < 0 ? r : close_network(a, 0, err);
}

static void done(struct trn_act *a)
{
    struct live *l = a->live;
    live_freep(&l);
    a->live = NULL;
}

const struct trn_act_ops trn_act_host = {
    .kind = TRN_RESPOND_ISOLATE_HOST,
    .survives = true,
    .plan = plan,
    .act = act,
    .check = check,
    .undo = undo,
    .confirm = confirm,
    .resume = resume,
    .done = done,
};
