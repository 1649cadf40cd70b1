/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: the rows of the maps of the cut. Written by its kernel programs and by turncoatd, seen by nobody else.
 *
 * A rule is known by an id: a number from 1 to 63 in the low bits, and how often the number was given out above them.
 * Marks name ids, and an id counts only while the table of rules has it: to clear a rule is one store, and no mark, no
 * program and no socket that still names it means anything from then on.
 */
#ifndef TRN_SENSOR_CUT_WIRE_H
#define TRN_SENSOR_CUT_WIRE_H

#include <linux/types.h>

#define TRN_CUT_NUMBERS 64u /* number 0 is none */
#define TRN_CUT_SLOTS 4u    /* rules that one process can be under at once */
#define TRN_CUT_MARKS_MAX 65536u
#define TRN_CUT_PROGRAMS_MAX 16384u
#define TRN_CUT_PORTS 64u
#define TRN_CUT_ANY_PORT 0xffffu

struct trn_cut_rule_row {
    __u32 id;   /* 0: no such rule */
    __u32 what; /* TRN_CUT_NETWORK ... of cut.h */
};

/* One for each marked process, by its tgid. Ticks, because that is all that some know of a start. */
struct trn_cut_mark {
    __u64 start_ticks;
    __u32 rule[TRN_CUT_SLOTS];
};

/* What a socket carries: under which rules it is, and under which of them it stays as it is. */
struct trn_cut_note {
    __u32 rule[TRN_CUT_SLOTS];
    __u32 keep[TRN_CUT_SLOTS];
};

/* Without a device, as in limits.h: /proc and stat(2) name another one than the kernel uses inside. */
struct trn_cut_program_key {
    __u64 inode, ctime;
};

struct trn_cut_program {
    __u32 rule[TRN_CUT_SLOTS];
};

/* Bits that always count: number, family, zeros; then those of the address. */
#define TRN_CUT_EXCEPT_HEAD_BITS 32u
struct trn_cut_except_key {
    __u32 bits;
    __u8 rule, family, zero[2];
    __u8 address[16];
};

/* All ports that are excepted for this prefix, with those of the wider prefixes around it. */
struct trn_cut_except {
    __u16 n; /* TRN_CUT_ANY_PORT: all */
    __u16 ports[TRN_CUT_PORTS];
};

/* A live connection that is to be ended. */
struct trn_cut_found {
    __u64 cookie;
    __u32 tgid, fd;
};

_Static_assert(sizeof(struct trn_cut_mark) == 24 && sizeof(struct trn_cut_except_key) == 24 &&
                   sizeof(struct trn_cut_found) == 16 && sizeof(struct trn_cut_except) == 130,
               "no padding");

#endif
