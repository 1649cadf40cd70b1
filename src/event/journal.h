/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal of actions: every step of every action, in the order they happened, each record bound to all before it.
 * turncoatd alone writes it (STATE/response/journal, append-only); the command line reads and verifies it without
 * turncoatd.
 *
 *   file     "TRNACTS1" record*
 *   record   u32 size of the body, body, SHA-256 of (hash of the record before it, body)
 *   body     u64 number from 1, u64 wall time (ns), lstr RESPONSE event (trn_event_encode),
 *            lstr request, lstr files, lstr keep
 *
 * The hash before the first record is that of the 8 bytes at the beginning. Whoever changes, drops or swaps a record
 * changes every hash behind it. Whole records that are cut off the end leave no trace here: the engine's log and store
 * have the same steps.
 */
#ifndef TRN_EVENT_JOURNAL_H
#define TRN_EVENT_JOURNAL_H

#include "event/record.h"

#define TRN_JOURNAL_NAME "journal"
#define TRN_JOURNAL_RECORD_MAX (4u << 20)
#define TRN_JOURNAL_MAX (1ull << 30)

struct trn_journal_entry { /* views, borrowed during the call */
    uint64_t number, wall_ns, offset;
    struct trn_event event;              /* TRN_EV_RESPONSE */
    struct trn_str request, files, keep; /* as turncoatd wrote them for itself; absent where the step needs none */
    uint8_t hash[TRN_SHA256_SIZE];
};

enum trn_journal_state {
    TRN_JOURNAL_WHOLE = 0,
    TRN_JOURNAL_TORN,   /* the last record was not written to its end: a crash, or somebody cut it */
    TRN_JOURNAL_BROKEN, /* a record does not fit what stands before it, or is none */
};

struct trn_journal_end {
    enum trn_journal_state state;
    uint64_t records;              /* that hold */
    uint64_t offset;               /* behind the last of them */
    uint8_t head[TRN_SHA256_SIZE]; /* of the last of them */
};

/* Reads and verifies from the beginning. entry may be NULL; what it returns unless 0 ends the reading and is returned.
 * A torn or broken journal is no error: ret says where. -EBADMSG: it is no journal at all. */
int trn_journal_read(int fd, int (*entry)(void *ctx, const struct trn_journal_entry *e), void *ctx,
                     struct trn_journal_end *ret, struct trn_err *err) TRN_MUST_CHECK;

/* One record in its bytes; head is that of the record before it, and becomes that of this one. */
int trn_journal_record(const struct trn_journal_entry *e, uint8_t head[TRN_SHA256_SIZE], struct trn_buf *out)
    TRN_MUST_CHECK;
/* The first bytes of an empty journal and their hash. */
struct trn_str trn_journal_begin(uint8_t ret_head[TRN_SHA256_SIZE]);

#endif
