/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binary form of events (log, messages, store): u16 type, then for each present field u16 id,
 * varint length, bytes. Unknown field ids are kept as extras. Round trip is exact.
 * The log file: header (magic, version, host id, boot id, snapshot hash, wall offset), then records
 * of u32 length + u32 checksum (XXH3 low bits) + event. A torn last record is not an error.
 */
#ifndef TRN_EVENT_CODEC_H
#define TRN_EVENT_CODEC_H

#include "event/record.h"

void trn_event_encode(const struct trn_event *ev, struct trn_buf *out);
/* Views point into the cursor's bytes. 0, -EBADMSG. */
int trn_event_decode(struct trn_cursor *in, struct trn_event *ret) TRN_MUST_CHECK;

struct trn_log_header {
    uint8_t host_id[16], boot_id[16];
    uint8_t snapshot[TRN_SHA256_SIZE];   /* of the snapshot the engine started from; zero: none */
    uint8_t indicators[TRN_SHA256_SIZE]; /* of the compiled indicator set; zero: none */
    uint64_t wall_ns;                    /* when the file was begun */
};

struct trn_log_writer;
/* Creates path (0640), or fails with -EEXIST. */
int trn_log_create(const char *path, const struct trn_log_header *h, struct trn_log_writer **ret, struct trn_err *err)
    TRN_MUST_CHECK;
int trn_log_write(struct trn_log_writer *w, const struct trn_event *ev) TRN_MUST_CHECK; /* buffered */
/* The same for what trn_event_encode made already. */
int trn_log_write_encoded(struct trn_log_writer *w, struct trn_str event) TRN_MUST_CHECK;
int trn_log_flush(struct trn_log_writer *w) TRN_MUST_CHECK;
uint64_t trn_log_size(const struct trn_log_writer *w);
struct trn_log_writer *trn_log_close(struct trn_log_writer *w); /* flushes; takes NULL, returns NULL */

struct trn_log_reader;
/* Owns fd from here on, also on failure. */
int trn_log_open(int fd, struct trn_log_reader **ret, struct trn_err *err) TRN_MUST_CHECK;
const struct trn_log_header *trn_log_header(const struct trn_log_reader *r);
/* 1 and an event (valid until the next call), 0 at the end (torn tail included: see torn), negative errno. */
int trn_log_next(struct trn_log_reader *r, struct trn_event *ret, struct trn_err *err) TRN_MUST_CHECK;
bool trn_log_torn(const struct trn_log_reader *r);
struct trn_log_reader *trn_log_reader_free(struct trn_log_reader *r);

#endif
