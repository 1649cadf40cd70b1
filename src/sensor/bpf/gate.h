/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: what the gate's programs and turncoatd share: rows of verdicts, questions, slots of the held table,
 * counters. Seen by nobody else.
 */
#ifndef TRN_SENSOR_BPF_GATE_H
#define TRN_SENSOR_BPF_GATE_H

#include <linux/types.h>

#define TRN_GATE_REFUSED_MAX 16384 /* contents; never evicted */
#define TRN_GATE_ALLOWED_MAX 8192  /* contents; what was asked about longest ago goes */
#define TRN_GATE_SLOTS 1024        /* as TRN_HELD_SLOTS */
#define TRN_GATE_RING (1 << 17)
#define TRN_GATE_OWN 8

/* As struct trn_gate_key. */
struct trn_gate_row_key {
    __u64 dev, ino, ctime_ns, size;
};

/* A process that waits for an answer; its row goes when it has one, or ends. */
struct trn_gate_wait {
    __u64 start;
    __u32 slot;
    __u32 answered; /* our own signal to go on is under way */
};

enum { /* trn_gate_ask.flags */
       TRN_GATE_ASK_MAP = 1,
       TRN_GATE_ASK_MEMFD = 2,
       TRN_GATE_ASK_REFUSED = 4,
       TRN_GATE_ASK_NOT_HELD = 8, /* it could not be stopped, or is stopped already for another question */
       TRN_GATE_ASK_SEALED = 16,
};

struct trn_gate_ask {
    struct trn_gate_row_key key;
    __u64 start;
    __u64 time; /* boot ns */
    __u32 tgid;
    __u32 uid;
    __u32 flags;
    __u32 reserved;
};

/* As struct trn_held_slot: `kind` says that it is taken, `tgid` that it is filled in. */
struct trn_gate_slot {
    __u32 tgid, kind;
    __u64 start;
};
#define TRN_GATE_SLOT_KIND 1 /* TRN_HELD_BY_GATE */

struct trn_gate_slots {
    struct trn_gate_slot slots[TRN_GATE_SLOTS];
};

/* Written by turncoatd while all runs. */
struct trn_gate_settings {
    __u64 fresh_ns;
    __u64 wall_minus_tai_ns;  /* as signed: what to add to the kernel's TAI clock */
    __u64 wall_minus_boot_ns; /* where it has none that we may read */
    __u32 what;               /* TRN_GATE_* of sensor/gate.h */
    __u32 kill_unasked;       /* who cannot be held, or asked about, is killed */
    __u32 own[TRN_GATE_OWN];
};
enum { /* settings.what: the same numbers as in sensor/gate.h */
       TRN_GATE_BPF_EXEC = 1,
       TRN_GATE_BPF_MAP = 2,
       TRN_GATE_BPF_HOLD_MEMFD = 4,
       TRN_GATE_BPF_HOLD_FRESH = 8,
       TRN_GATE_BPF_HOLD_UNKNOWN = 16,
       TRN_GATE_BPF_REFUSE_MEMFD = 32,
};

struct trn_gate_totals {
    __u64 asked, refused, lost, continued;
    __u64 told; /* records on the ring */
};

_Static_assert(sizeof(struct trn_gate_row_key) == 32, "no hole in a key");
_Static_assert(sizeof(struct trn_gate_ask) == 64, "question");
_Static_assert(sizeof(struct trn_gate_slot) == 16, "slot");

#endif
