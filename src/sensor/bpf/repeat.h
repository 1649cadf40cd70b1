/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: the rows that stand for connections which are not told one by one, because their process
 * makes many to the same place. Written by the kernel programs, read by turncoatd (repeats.c), seen by
 * nobody else.
 */
#ifndef TRN_SENSOR_REPEAT_H
#define TRN_SENSOR_REPEAT_H

#include <linux/types.h>

#define TRN_REPEATS_MAX 4096 /* places of processes; the one that was quiet for longest goes */

struct trn_repeat_key {
    __u64 start;
    __u32 tgid;
    __u16 port; /* network order; outgoing: theirs, incoming: ours */
    __u8 incoming;
    __u8 family;
    __u8 remote[16];
};

/* The sums only grow, so that CPUs add without a lock and turncoatd tells what they grew by. */
struct trn_repeat_sums {
    __u64 begun;  /* outgoing: asked for; incoming: accepted */
    __u64 ended;  /* and had been up */
    __u64 failed; /* outgoing: never came up */
    __u64 bytes_out;
    __u64 bytes_in;
};

struct trn_repeat {
    __u64 due;   /* of the bucket, as in struct trn_share */
    __u64 born;  /* boot ns: another row of the same key begins with sums of 0 */
    __u64 since; /* boot ns of the first connection in the sums */
    struct trn_repeat_sums sums;
    __u32 uid;
    __u32 error;    /* errno of the last that failed */
    __u8 local[16]; /* incoming: the address that the first one reached */
};

#endif
