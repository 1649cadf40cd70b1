/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: the rows of the two maps that say what is left out on purpose. Written by the kernel
 * programs and by turncoatd, seen by nobody else.
 */
#ifndef TRN_SENSOR_LIMITS_H
#define TRN_SENSOR_LIMITS_H

#include <linux/types.h>

#define TRN_SHARES_MAX 4096  /* processes whose share is remembered; the one that was quiet for longest goes */
#define TRN_MUTES_MAX 128    /* programs and processes */
#define TRN_SHARE_CLASSES 5u /* indices TRN_WIRE_LOST_*: process (never used), network, dns, tls, access */

struct trn_share_key {
    __u64 start;
    __u32 tgid; /* 0: records whose process is not known share one row */
    __u32 reserved;
};

/*
 * A bucket in one number: when the tokens that were taken will have come back. It is full when that
 * is past, empty when it is more than the burst ahead. Adding to it is atomic, so that CPUs need no
 * lock; two that refill at the same instant let a record too many through.
 */
struct trn_share {
    __u64 due;
    __u64 since; /* boot ns of the first record that was left out */
    __u64 left_out[TRN_SHARE_CLASSES];
};

struct trn_mute_key {
    __u64 number;  /* program: inode; process: tgid */
    __u64 process; /* 1: a process */
};

/* Without a device: /proc and stat(2) name another one than the kernel uses inside; inode and change time suffice. */
struct trn_mute {
    __u64 until;   /* boot ns: over even when turncoatd is gone */
    __u64 inode;   /* the image: what the process runs later is watched again */
    __u64 ctime;   /* ns; a changed file is watched again */
    __u64 ticks;   /* process: when it started, in ticks as /proc says it */
    __u32 classes; /* 1 << TRN_WIRE_LOST_* */
    __u32 reserved;
};

#define TRN_TICK_NS 10000000ull /* USER_HZ is 100 on every architecture that we build for */

#endif
