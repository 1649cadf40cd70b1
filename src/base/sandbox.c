/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the order of the one-way doors, users, capabilities and rlimits.
 * Must not: decide which process gets which profile, or go on quietly when a door stays open.
 * Landlock and seccomp stand in sandbox_landlock.c and sandbox_seccomp.c.
 */
#include "base/sandbox.h"

#include "base/sandbox_internal.h"

#include <cap-ng.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int limit(int what, uint64_t most, const char *name, struct trn_err *err)
{
    struct rlimit r = {most, most};
    if (setrlimit((__rlimit_resource_t)what, &r) < 0)
        return trn_fail(err, -errno, "cannot limit %s: %s", name, trn_errno_name(-errno));
    return 0;
}

static int enter_limits(const struct trn_sandbox_options *o, struct trn_err *err)
{
    int r = limit(RLIMIT_CORE, 0, "core files", err);
    if (r == 0 && o->max_memory && !TRN_SANDBOX_RELAXED)
        r = limit(RLIMIT_AS, o->max_memory, "memory", err);
    if (r == 0 && o->max_cpu_sec)
        r = limit(RLIMIT_CPU, o->max_cpu_sec, "cpu time", err);
    if (r == 0 && o->max_files)
        r = limit(RLIMIT_NOFILE, o->max_files, "open files", err);
    return r;
}

/* Before the change of user, while CAP_SETPCAP is still there; best effort, since no_new_privs is set anyway. */
static void drop_bounds(void)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
            return;
}

static int enter_users(const struct trn_sandbox_options *o, struct trn_err *err)
{
    bool change_uid = o->uid != (uid_t)-1, change_gid = o->gid != (gid_t)-1;
    if (!change_uid && !change_gid)
        return 0;
    /* The capabilities of the new user are chosen right after; without this they would be gone. */
    if (o->keep_cap_kill && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
        return trn_fail(err, -errno, "cannot keep capabilities: %s", trn_errno_name(-errno));
    if (setgroups(0, NULL) < 0 || (change_gid && setresgid(o->gid, o->gid, o->gid) < 0) ||
        (change_uid && setresuid(o->uid, o->uid, o->uid) < 0)) {
        int r = trn_fail(err, -errno, "cannot change user to %u:%u: %s", o->uid, o->gid, trn_errno_name(-errno));
        trn_hint(err, "start it as root");
        return r;
    }
    /* A change that could be undone is no change. */
    if (change_uid && o->uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
        return trn_fail(err, -EPERM, "changing the user to %u can be undone", o->uid);
    return 0;
}

/* Asked by hand: libcap-ng would open a file in /proc, which a sandboxed parent already forbids. */
static bool has_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {0};
    if (syscall(SYS_capget, &header, data) < 0)
        return true;
    return data[0].permitted || data[1].permitted || data[0].inheritable || data[1].inheritable;
}

static int enter_capabilities(const struct trn_sandbox_options *o, struct trn_err *err)
{
    if (!has_capabilities())
        return o->keep_cap_kill ? trn_fail(err, -EPERM, "cannot keep CAP_KILL: not held") : 0;
    capng_clear(CAPNG_SELECT_BOTH);
    if (o->keep_cap_kill)
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_KILL);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    int r = capng_apply(CAPNG_SELECT_CAPS);
    if (r < 0)
        return trn_fail(err, -EPERM, "cannot drop capabilities (libcap-ng says %d)", r);
    return 0;
}

static int enter_flags(struct trn_err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return trn_fail(err, -errno, "cannot set no_new_privs: %s", trn_errno_name(-errno));
    /* Not dumpable: /proc/PID belongs to root and no sibling of the same user may trace it. */
    if (!TRN_SANDBOX_RELAXED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return trn_fail(err, -errno, "cannot forbid tracing: %s", trn_errno_name(-errno));
    return 0;
}

bool trn_sandbox_is_relaxed(void)
{
    return TRN_SANDBOX_RELAXED;
}

int trn_sandbox_enter(const struct trn_sandbox_options *o, struct trn_sandbox_result *ret, struct trn_err *err)
{
    struct trn_sandbox_result done = {.relaxed = TRN_SANDBOX_RELAXED};
    if ((unsigned)o->profile >= TRN_SANDBOX_PROFILE_MAX)
        return trn_fail(err, -EINVAL, "unknown sandbox profile %d", (int)o->profile);
    int r = enter_limits(o, err);
    if (r == 0 && o->profile != TRN_SANDBOX_INSPECT_WORKER &&
        o->profile != TRN_SANDBOX_SCAN_WORKER) /* the worker's server has done it */
        drop_bounds();
    if (r == 0)
        r = enter_users(o, err);
    if (r == 0)
        r = enter_capabilities(o, err);
    if (r == 0)
        r = enter_flags(err);
    if (r == 0)
        r = trn_landlock_enter(o->state_dir, o->profile == TRN_SANDBOX_GUARD, &done.landlock_abi, err);
    if (r == 0)
        r = trn_seccomp_enter(o->profile, err);
    if (r < 0 && r != -ENOSYS)
        return r;
    done.seccomp = r == 0;
    done.landlock = done.landlock_abi > 0;
    done.users = o->uid != (uid_t)-1;
    if (ret)
        *ret = done;
    return 0;
}
