/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the landlock part of the sandbox: files, TCP, abstract sockets, signals.
 * Must not: need newer kernel headers than Debian 12 has (so the few constants stand here), or fail
 * on a kernel without landlock: it says ABI 0 and the caller shows that.
 */
#include "base/escape.h"
#include "base/fd.h"
#include "base/sandbox_internal.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RULESET_VERSION (1u << 0)
#define RULE_PATH_BENEATH 1

/* Rights in the order in which the ABIs brought them. */
#define FS_EXECUTE (1ull << 0)
#define FS_MAKE_CHAR (1ull << 6)
#define FS_MAKE_BLOCK (1ull << 11)
#define FS_ALL_1 ((1ull << 13) - 1)
#define FS_REFER (1ull << 13)     /* ABI 2 */
#define FS_TRUNCATE (1ull << 14)  /* ABI 3 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5 */
#define NET_ALL 3ull              /* ABI 4: bind and connect over TCP */
#define SCOPE_ABSTRACT_UNIX 1ull  /* ABI 6 */
#define SCOPE_SIGNAL 2ull         /* ABI 6 */

struct ruleset {
    uint64_t fs, net, scoped;
};

struct path_beneath {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

/* The kernel refuses bits it does not know, and sizes it does not know when they are not zero. */
static struct ruleset ruleset_for(int abi, bool allow_signals, size_t *ret_size)
{
    struct ruleset r = {.fs = FS_ALL_1};
    *ret_size = sizeof(r.fs);
    if (abi >= 2)
        r.fs |= FS_REFER;
    if (abi >= 3)
        r.fs |= FS_TRUNCATE;
    if (abi >= 4) {
        r.net = NET_ALL;
        *ret_size = sizeof(r.fs) + sizeof(r.net);
    }
    if (abi >= 5)
        r.fs |= FS_IOCTL_DEV;
    if (abi >= 6) {
        r.scoped = SCOPE_ABSTRACT_UNIX | (allow_signals ? 0 : SCOPE_SIGNAL);
        *ret_size = sizeof(r);
    }
    return r;
}

static int allow_folder(int ruleset, const char *path, uint64_t rights, struct trn_err *err)
{
    char name[160];
    TRN_AUTO(trn_fd_closep) int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct path_beneath rule = {.allowed = rights, .parent = dir};
    if (dir < 0 || syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) < 0)
        return trn_fail(err, -errno, "cannot confine to folder '%s': %s",
                        trn_escape_into(name, sizeof(name), trn_str_of(path)), trn_errno_name(-errno));
    return 0;
}

int trn_landlock_enter(const char *state_dir, bool allow_signals, int *ret_abi, struct trn_err *err)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, RULESET_VERSION);
    if (abi < 0 && (errno == ENOSYS || errno == EOPNOTSUPP)) {
        *ret_abi = 0;
        return 0;
    }
    if (abi < 0)
        return trn_fail(err, -errno, "cannot ask for landlock: %s", trn_errno_name(-errno));
    size_t size;
    struct ruleset attr = ruleset_for((int)abi, allow_signals, &size);
    /* The leak check of a sanitizer reads /proc. */
    if (TRN_SANDBOX_RELAXED)
        attr.fs = FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK;
    TRN_AUTO(trn_fd_closep) int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        return trn_fail(err, -errno, "cannot create a landlock ruleset: %s", trn_errno_name(-errno));
    uint64_t rights = attr.fs & ~(FS_EXECUTE | FS_MAKE_CHAR | FS_MAKE_BLOCK);
    if (state_dir && rights) {
        int r = allow_folder(ruleset, state_dir, rights, err);
        if (r < 0)
            return r;
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return trn_fail(err, -errno, "cannot enter landlock: %s", trn_errno_name(-errno));
    *ret_abi = (int)abi;
    return 0;
}
