/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the package indexes and when they were last known to be true. Must not own: sockets' life,
 * files, parsing (an inspect worker does it; what arrives here is already typed).
 *
 * Freshness instead of watching: dpkg gives every unpacked file a new inode, so a file that changed
 * after the last check asks for a new check; turncoatd compares a stamp and most checks end there.
 */
#include "engine/roots.h"

#include "channel/channel.h"

#define ROOTS 32
#define FOREIGN_INDEXES 3 /* some megabytes each */
#define CHECK_EVERY_NS (2 * TRN_NS_PER_SEC)
#define PARSE_EVERY_NS (500 * TRN_NS_PER_MS)
#define GIVE_UP_NS (20 * TRN_NS_PER_SEC)
#define CTIME_GRAIN_NS (20 * TRN_NS_PER_MS) /* the kernel's coarse clock */

struct trn_root {
    uint32_t mntns, pid;
    bool used, ours, answered;   /* answered: an index, or the knowledge that there is none */
    const struct trn_root *twin; /* ours, when its database is the same: its index is used */
    struct trn_package_index *index, *building;
    bool asked_for_twin;
    uint64_t stamp, building_stamp;
    uint64_t job, asked_boot_ns, asked_wall_ns; /* check under way; job 0: none */
    uint64_t checked_boot_ns, valid_wall_ns;    /* true for files that changed before */
    uint64_t used_boot_ns;
};

struct trn_roots {
    struct trn_roots_options o;
    struct trn_root roots[ROOTS];
    uint64_t next_job, now_boot_ns, now_wall_ns, reindexed;
    char by[64];
    struct trn_buf scratch;
};

static struct trn_root *root_done(struct trn_root *root)
{
    trn_package_index_free(root->index);
    trn_package_index_free(root->building);
    *root = (struct trn_root){0};
    return root;
}

int trn_roots_new(const struct trn_roots_options *o, struct trn_roots **ret)
{
    struct trn_roots *r = calloc(1, sizeof *r);
    if (!r)
        return -ENOMEM;
    r->o = *o;
    r->next_job = TRN_ROOTS_JOB_FIRST + trn_run_job(o->run, 0);
    trn_buf_init(&r->scratch, 4096);
    *ret = r;
    return 0;
}

struct trn_roots *trn_roots_free(struct trn_roots *r)
{
    if (!r)
        return NULL;
    for (int i = 0; i < ROOTS; i++)
        root_done(&r->roots[i]);
    trn_buf_done(&r->scratch);
    free(r);
    return NULL;
}

static bool is_root_of(const struct trn_roots *r, const struct trn_root *root, uint32_t mntns)
{
    bool ours = mntns == 0 || mntns == r->o.mntns;
    return root->used && (ours ? root->ours : root->mntns == mntns && !root->ours);
}

struct trn_root *trn_roots_find(struct trn_roots *r, uint32_t mntns)
{
    for (int i = 0; i < ROOTS; i++)
        if (is_root_of(r, &r->roots[i], mntns))
            return &r->roots[i];
    return NULL;
}

struct trn_root *trn_roots_get(struct trn_roots *r, uint32_t mntns, uint32_t pid, uint64_t now)
{
    bool ours = mntns == 0 || mntns == r->o.mntns;
    struct trn_root *oldest = NULL;
    for (int i = 0; i < ROOTS; i++) {
        struct trn_root *root = &r->roots[i];
        if (is_root_of(r, root, mntns)) {
            root->used_boot_ns = now;
            if (!ours)
                root->pid = pid; /* a process known to live there now */
            return root;
        }
        if (!root->ours && (!oldest || !root->used || (oldest->used && root->used_boot_ns < oldest->used_boot_ns)))
            oldest = root;
    }
    root_done(oldest); /* never NULL: at most one root is ours */
    *oldest = (struct trn_root){.used = true, .ours = ours, .mntns = mntns, .pid = ours ? 0 : pid, .used_boot_ns = now};
    return oldest;
}

static void ask(struct trn_roots *r, struct trn_root *root)
{
    if (root->job)
        return;
    const struct trn_root *ours = trn_roots_find(r, 0);
    bool for_twin = !root->ours && ours && ours->stamp && (root->twin || !root->index);
    uint64_t job = r->next_job++, stamp = for_twin ? ours->stamp : root->stamp;
    trn_buf_clear(&r->scratch);
    trn_dpkg_encode(&(struct trn_dpkg_request){.job = job, .pid = root->pid, .stamp = stamp}, &r->scratch);
    if (r->scratch.bad || trn_ipc_send(r->o.files_sock, TRN_CH_DPKG, trn_buf_str(&r->scratch), NULL, 0) < 0)
        return; /* the socket is full: the next tick asks again */
    root->job = job;
    root->asked_for_twin = for_twin;
    root->asked_boot_ns = r->now_boot_ns;
    root->asked_wall_ns = r->now_wall_ns;
}

bool trn_root_fresh(struct trn_roots *r, struct trn_root *root, uint64_t ctime_wall_ns)
{
    if (root->answered && ctime_wall_ns + CTIME_GRAIN_NS < root->valid_wall_ns)
        return true;
    struct trn_root *ours = trn_roots_find(r, 0);
    ask(r, root->ours || !ours || ours->answered ? root : ours); /* ours first: it may be the same */
    return false;
}

const struct trn_package_index *trn_root_index(const struct trn_root *root)
{
    return !root ? NULL : root->twin ? root->twin->index : root->index;
}

bool trn_root_answered(const struct trn_root *root)
{
    return root && root->answered;
}

bool trn_root_is_ours(const struct trn_root *root)
{
    return root->ours;
}

static struct trn_root *root_of_job(struct trn_roots *r, uint64_t job)
{
    for (int i = 0; i < ROOTS && job; i++)
        if (r->roots[i].used && r->roots[i].job == job)
            return &r->roots[i];
    return NULL;
}

/* The check ends: what was asked at asked_wall_ns is true for everything that changed before it. */
static void settle(struct trn_roots *r, struct trn_root *root)
{
    root->job = 0;
    root->answered = true;
    root->valid_wall_ns = root->asked_wall_ns;
    root->checked_boot_ns = r->now_boot_ns;
}

/* Room for one more index that is not ours: the one used longest ago goes. */
static void bound_foreign(struct trn_roots *r, const struct trn_root *keep)
{
    struct trn_root *oldest = NULL;
    int n = 0;
    for (int i = 0; i < ROOTS; i++) {
        struct trn_root *root = &r->roots[i];
        if (root == keep || root->ours || (!root->index && !root->building))
            continue;
        n++;
        if (!oldest || root->used_boot_ns < oldest->used_boot_ns)
            oldest = root;
    }
    if (n >= FOREIGN_INDEXES)
        root_done(oldest);
}

bool trn_roots_answer(struct trn_roots *r, uint64_t job, uint64_t stamp, bool same)
{
    struct trn_root *root = root_of_job(r, job);
    if (!root)
        return job >= TRN_ROOTS_JOB_FIRST;
    if (same) {
        if (root->asked_for_twin)
            root->twin = trn_roots_find(r, 0);
        settle(r, root);
        return true;
    }
    root->twin = NULL;
    if (!root->ours)
        bound_foreign(r, root);
    trn_package_index_free(root->building);
    root->building = NULL;
    if (trn_package_index_new(&root->building) < 0)
        settle(r, root);
    root->building_stamp = stamp;
    return true;
}

bool trn_roots_failed(struct trn_roots *r, uint64_t job, int code)
{
    struct trn_root *root = root_of_job(r, job);
    /* No dpkg there: go on without. But when only the process is gone, the next one there is asked about. */
    if (root && code == -ENOENT && !root->ours)
        root->job = 0;
    else if (root)
        settle(r, root);
    return root || job >= TRN_ROOTS_JOB_FIRST;
}

bool trn_roots_package(struct trn_roots *r, uint64_t job, uint32_t index, const struct trn_package *p)
{
    struct trn_root *root = root_of_job(r, job);
    if (root && root->building && trn_package_index_package(root->building, index, p) < 0)
        root->building = trn_package_index_free(root->building);
    return root || job >= TRN_ROOTS_JOB_FIRST;
}

bool trn_roots_file(struct trn_roots *r, uint64_t job, uint32_t package, struct trn_str path, const uint8_t *md5)
{
    struct trn_root *root = root_of_job(r, job);
    if (root && root->building && trn_package_index_file(root->building, package, path, md5) < 0)
        root->building = trn_package_index_free(root->building);
    return root || job >= TRN_ROOTS_JOB_FIRST;
}

static int tell_change(void *ctx, const struct trn_package *before, const struct trn_package *after)
{
    struct trn_roots *r = ctx;
    const struct trn_package *p = after ? after : before;
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_SOFTWARE);
    ev.boot_ns = r->now_boot_ns;
    ev.action = !before ? TRN_ACT_INSTALLED : !after ? TRN_ACT_REMOVED : TRN_ACT_UPDATED;
    if (!p || (before && after && trn_str_eq(before->version, after->version)))
        return 0; /* only its state moved */
    ev.software.software = (struct trn_software){
        .name = p->name, .version = p->version, .signer = p->maintainer, .origin = TRN_ORIGIN_DPKG, .flags = p->flags};
    ev.software.from = before && after ? before->version : TRN_STR_NONE;
    ev.software.by = r->by[0] ? trn_str_of(r->by) : TRN_STR("dpkg");
    return trn_sink_event(&r->o.tell, &ev);
}

bool trn_roots_end(struct trn_roots *r, uint64_t job, int code)
{
    struct trn_root *root = root_of_job(r, job);
    if (!root)
        return job >= TRN_ROOTS_JOB_FIRST;
    settle(r, root);
    if (code < 0 || !root->building || trn_package_index_seal(root->building) < 0) {
        root->building = trn_package_index_free(root->building);
        return true; /* the old index stays, and its stamp: the next check tries again */
    }
    if (root->ours && root->index && trn_package_index_diff(root->index, root->building, tell_change, r) < 0)
        root->stamp = 0;
    trn_package_index_free(root->index);
    root->index = TRN_STEAL(root->building);
    root->stamp = root->building_stamp;
    r->reindexed++;
    return true;
}

void trn_roots_inspect_lost(struct trn_roots *r)
{
    for (int i = 0; i < ROOTS; i++) {
        struct trn_root *root = &r->roots[i];
        if (!root->used || !root->building)
            continue;
        root->building = trn_package_index_free(root->building);
        root->job = 0;
        ask(r, root);
    }
}

void trn_roots_changed(struct trn_roots *r, struct trn_str by)
{
    if (by.n)
        trn_escape_into(r->by, sizeof r->by, by);
    for (int i = 0; i < ROOTS; i++)
        if (r->roots[i].ours && r->roots[i].checked_boot_ns + PARSE_EVERY_NS < r->now_boot_ns)
            ask(r, &r->roots[i]);
}

void trn_roots_tick(struct trn_roots *r, uint64_t now_boot_ns, uint64_t now_wall_ns)
{
    r->now_boot_ns = now_boot_ns;
    r->now_wall_ns = now_wall_ns;
    for (int i = 0; i < ROOTS; i++) {
        struct trn_root *root = &r->roots[i];
        if (!root->used)
            continue;
        if (root->job && root->asked_boot_ns + GIVE_UP_NS < now_boot_ns)
            settle(r, root);
        if (root->ours && !root->job && root->checked_boot_ns + CHECK_EVERY_NS < now_boot_ns)
            ask(r, root);
    }
}

size_t trn_roots_bytes(const struct trn_roots *r)
{
    size_t n = sizeof *r;
    for (int i = 0; i < ROOTS; i++)
        n += (r->roots[i].index ? trn_package_index_bytes(r->roots[i].index) : 0) +
             (r->roots[i].building ? trn_package_index_bytes(r->roots[i].building) : 0);
    return n;
}

uint64_t trn_roots_reindexed(const struct trn_roots *r)
{
    return r->reindexed;
}
