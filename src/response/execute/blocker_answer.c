/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns what the threads that answer the kernel are told at once: refused, allowed, or the judge is asked.
 * Must not: wait, read a file, call the permission groups. All of it runs with a group's lock held.
 */
#include "response/execute/blocker_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* By name: what the path rules' folders show under their names, whatever file that is now. With lock held. */
static bool has_blocked_name(const struct trn_blocker *b, const struct trn_permit_question *q)
{
    char link[40], name[4096];
    struct statx st;
    ssize_t n;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", q->fd);
    n = readlink(link, name, sizeof(name));
    if (n <= 0 || (size_t)n == sizeof(name))
        return false;
    const struct trn_str base = trn_path_base((struct trn_str){name, (size_t)n});
    for (const struct block_path *p = block_index_paths(b->index); p; p = p->next) {
        if (p->folder < 0 || !trn_str_eq_c(base, p->base))
            continue;
        if (statx(p->folder, p->base, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_INO, &st) == 0 &&
            st.stx_ino == q->key.ino && (uint64_t)makedev(st.stx_dev_major, st.stx_dev_minor) == q->key.dev)
            return true;
    }
    return false;
}

/* The file behind a blocked path is another one now: it is to be known by its inode, too. */
static void ask_for_paths(struct trn_blocker *b)
{
    const struct block_job job = {.kind = FOR_PATHS, .fd = -1};

    if (block_job_put(b, &job) == 0)
        block_wake(b->judge_wake);
}

/* Whoever makes and deletes files at a blocked path must not have the numbers of those refused to others. On a disk, that is:
 * what has no device of its own either gives no number twice (tmpfs, btrfs), or bears a file again when it is first written
 * (overlayfs), or may have to ask somebody (NFS, FUSE). */
bool block_is_known(const struct trn_blocker *b, int fd, const struct trn_permit_key *key)
{
    struct statx st;

    if (block_index_file(b->index, key) != BLOCK_REFUSED)
        return false;
    if (major(key->dev) == 0 || statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BTIME, &st) != 0 ||
        !(st.stx_mask & STATX_BTIME))
        return true;
    return !block_index_is_newer(b->index, key, (uint64_t)st.stx_btime.tv_sec * TRN_NS_PER_SEC + st.stx_btime.tv_nsec);
}

static enum block_known known_file(const struct trn_blocker *b, const struct trn_permit_question *q)
{
    const enum block_known known = block_index_file(b->index, &q->key);

    return known == BLOCK_REFUSED && !block_is_known(b, q->fd, &q->key) ? BLOCK_STRANGER : known;
}

enum trn_permit_now block_files_at_once(void *blocker, const struct trn_permit_question *q)
{
    struct trn_blocker *b = blocker;
    enum trn_permit_now now = TRN_PERMIT_ALLOW_ONCE;

    block_lock(b);
    const enum block_known known = known_file(b, q);
    if (known == BLOCK_REFUSED) {
        now = TRN_PERMIT_DENY_ONCE;
    } else if (block_index_paths(b->index) && has_blocked_name(b, q)) {
        now = TRN_PERMIT_DENY_ONCE;
        ask_for_paths(b);
    } else if (known == BLOCK_CHANGED && block_index_may_be(b->index, q->key.size)) {
        now = TRN_PERMIT_ASK_TABLE;
    }
    block_unlock(b);
    return now;
}

enum trn_permit_now block_places_at_once(void *blocker, const struct trn_permit_question *q)
{
    struct trn_blocker *b = blocker;
    enum trn_permit_now now = TRN_PERMIT_ALLOW_KEEP;

    block_lock(b);
    if (known_file(b, q) == BLOCK_REFUSED)
        now = TRN_PERMIT_DENY_ONCE;
    else if (block_index_may_be(b->index, q->key.size) || block_index_counts(b->index).build_ids > 0)
        now = TRN_PERMIT_ASK_TABLE;
    block_unlock(b);
    return now;
}

static void ask_judge(struct trn_blocker *b, int kind, const struct trn_permit_question *q)
{
    struct block_job job = {.kind = kind, .fd = fcntl(q->fd, F_DUPFD_CLOEXEC, 0), .key = q->key};
    int r = job.fd < 0 ? -errno : 0;

    block_lock(b);
    job.until_mono_ns = trn_mono_ns() + b->o.deadline_ms * TRN_NS_PER_MS;
    if (r == 0)
        r = block_job_put(b, &job);
    block_unlock(b);
    if (r != 0)
        trn_fd_close(job.fd); /* the deadline decides */
    else
        block_wake(b->judge_wake);
}

void block_files_ask(void *blocker, const struct trn_permit_question *q)
{
    ask_judge(blocker, FOR_FILES, q);
}

void block_places_ask(void *blocker, const struct trn_permit_question *q)
{
    ask_judge(blocker, FOR_PLACES, q);
}

static bool late(struct trn_blocker *b, const struct trn_permit_question *q, bool places)
{
    block_lock(b);
    const bool refuse = (places && b->places_closed) || block_index_may_be_closed(b->index, q->key.size);
    b->counts.late++;
    b->counts.late_refused += refuse;
    block_unlock(b);
    return refuse;
}

bool block_files_late(void *blocker, const struct trn_permit_question *q)
{
    return late(blocker, q, false);
}

bool block_places_late(void *blocker, const struct trn_permit_question *q)
{
    return late(blocker, q, true);
}
