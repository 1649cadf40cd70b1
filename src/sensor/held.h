/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes that are stopped on turncoat's account, in one small table that three parties share: the BPF gate writes
 * it when it stops one, turncoatd writes it for the act "hold", and the guard, which has it mapped read-only, continues
 * all of them when turncoatd is silent or gone. A slot is free when its tgid is 0.
 */
#ifndef TRN_SENSOR_HELD_H
#define TRN_SENSOR_HELD_H

#include "base/base.h"

#define TRN_HELD_SLOTS 1024u

struct trn_held_slot {
    uint32_t tgid; /* 0: free; written last, cleared first */
    uint32_t kind; /* enum trn_held_kind */
    uint64_t start_boot_ns;
};
enum trn_held_kind { TRN_HELD_BY_GATE = 1, TRN_HELD_BY_ACT = 2 };

struct trn_held_table {
    struct trn_held_slot slots[TRN_HELD_SLOTS];
};

struct trn_held; /* turncoatd's end: descriptor of a mappable BPF array (or a memory file where BPF is refused) */
int trn_held_new(struct trn_held **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_held *trn_held_free(struct trn_held *h); /* takes NULL; continues nobody */
int trn_held_fd(const struct trn_held *h);          /* for the guard and for the gate; stays the table's */
/* -ENOSPC when all slots are taken. */
int trn_held_add(struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns, enum trn_held_kind kind) TRN_MUST_CHECK;
/* Frees the slot, or gives one share of it back. */
void trn_held_remove(struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns);
/* One more holds a process that is in the table: false if it is not there. Each share wants a trn_held_remove of its own. */
bool trn_held_share(struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns);
/* Whether somebody else would still hold it after a trn_held_remove. */
bool trn_held_is_shared(struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns);
bool trn_held_has(const struct trn_held *h, uint32_t tgid, uint64_t start_boot_ns);
uint32_t trn_held_count(const struct trn_held *h);
/* Frees the slots of processes that are gone; returns how many. To be called about once a second. */
uint32_t trn_held_sweep(struct trn_held *h);
/* Whether this process is still the one that started then, as /proc tells it (10 ms), and no zombie. */
bool trn_held_lives(uint32_t tgid, uint64_t start_boot_ns);

#endif
