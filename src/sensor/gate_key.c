/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the key of a file by its descriptor, in the numbers that the gate's programs see. stat(2) makes up a device
 * on some file systems; the kernel's own list of mounts names the super block's. Must not open any file of others.
 */
#include "sensor/gate.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#define MOUNTINFO_MAX (4u << 20)

/* "36 35 98:0 /root /place ...": the first and the third word of the line with this id. */
static bool device_in(struct trn_str line, uint64_t mount, uint64_t *ret)
{
    struct trn_str id, parent, device, major;
    uint64_t n, high, low;

    if (!trn_str_split(&line, ' ', &id) || trn_str_u64(id, &n) != 0 || n != mount)
        return false;
    if (!trn_str_split(&line, ' ', &parent) || !trn_str_split(&line, ' ', &device) ||
        !trn_str_split(&device, ':', &major))
        return false;
    if (trn_str_u64(major, &high) != 0 || trn_str_u64(device, &low) != 0)
        return false;
    *ret = high << 20 | low;
    return true;
}

static int device_of_mount(uint64_t mount, uint64_t *ret)
{
    struct trn_buf b;
    struct trn_cursor c;
    int r = trn_read_file("/proc/self/mountinfo", MOUNTINFO_MAX, &b, NULL);

    if (r != 0)
        return r;
    r = -ENODEV;
    c = trn_cur_of(trn_buf_str(&b));
    for (struct trn_str line; r != 0 && !trn_str_is_none(line = trn_cur_line(&c));) {
        if (device_in(line, mount, ret))
            r = 0;
    }
    trn_buf_done(&b);
    return r;
}

int trn_gate_key_of(int fd, struct trn_gate_key *ret)
{
    struct statx st;
    struct statfs fs;
    struct trn_gate_key key;
    int r;

    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_SYNC_AS_STAT, STATX_BASIC_STATS | STATX_MNT_ID, &st) != 0 ||
        fstatfs(fd, &fs) != 0)
        return -errno;
    if (!S_ISREG(st.stx_mode))
        return -EINVAL;
    key = (struct trn_gate_key){.dev = (uint64_t)st.stx_dev_major << 20 | st.stx_dev_minor,
                                .ino = st.stx_ino,
                                .ctime_ns = (uint64_t)st.stx_ctime.tv_sec * TRN_NS_PER_SEC + st.stx_ctime.tv_nsec,
                                .size = st.stx_size};
    if (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC) {
        r = st.stx_mask & STATX_MNT_ID ? device_of_mount(st.stx_mnt_id, &key.dev) : -ENOTSUP;
        if (r != 0)
            return r;
    }
    *ret = key;
    return 0;
}
