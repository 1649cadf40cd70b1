/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: opening, as root, a file whose name somebody else chose: only a plain file of a real file system
 * is ever opened, everything else is only looked at. Must not own: whether it is the file that was meant.
 *
 * An open can be an act by itself: of /dev/watchdog it arms a timer that restarts the machine, of a FIFO
 * it wakes a writer, a read of /proc/kmsg takes the line away from its reader. So the name is resolved
 * to an O_PATH descriptor first, which touches nothing, and that very file is opened then.
 */
#include "daemon/daemon.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* File systems whose plain files are doors into the kernel. */
static bool is_kernel_fs(int fd)
{
    static const unsigned long kernel_fs[] = {
        PROC_SUPER_MAGIC,
        SYSFS_MAGIC,
        DEBUGFS_MAGIC,
        TRACEFS_MAGIC,
        SECURITYFS_MAGIC,
        SELINUX_MAGIC,
        SMACK_MAGIC,
        CGROUP_SUPER_MAGIC,
        BPF_FS_MAGIC,
        CGROUP2_SUPER_MAGIC,
        EFIVARFS_MAGIC,
        PSTOREFS_MAGIC,
        BINFMTFS_MAGIC,
        NSFS_MAGIC,
        RDTGROUP_SUPER_MAGIC,
        BINDERFS_SUPER_MAGIC,
        DEVPTS_SUPER_MAGIC,
        ANON_INODE_FS_MAGIC,
        0x62656570 /* configfs */,
    };
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return true;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kernel_fs); i++)
        if ((unsigned long)fs.f_type == kernel_fs[i])
            return true;
    return false;
}

int trn_open_plain(int root_fd, const char *path, struct stat *ret)
{
    char self[64];
    struct stat st;
    const int look = O_PATH | O_CLOEXEC;
    TRN_AUTO(trn_fd_closep) int seen = root_fd >= 0 ? trn_open_in_root(root_fd, path, look) : open(path, look);
    if (seen < 0)
        return root_fd >= 0 ? seen : -errno;
    if (fstat(seen, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || is_kernel_fs(seen))
        return -EINVAL;
    snprintf(self, sizeof self, "/proc/self/fd/%d", seen);
    int fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    *ret = st;
    return fd;
}
