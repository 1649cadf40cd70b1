/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: what the files of the reader half share. */
#ifndef TRN_SENSOR_READER_H
#define TRN_SENSOR_READER_H

#include "sensor/sensor.h"

/* Gets one record; borrowed until it returns. Negative stops. */
typedef int (*trn_record_fn)(void *ctx, struct trn_cursor record);

/* ---- ring.c: a BPF ring buffer, mapped ---- */

struct trn_ring {
    void *consumer, *producer; /* mappings, owned */
    size_t consumer_size, producer_size;
    const uint8_t *data; /* inside producer; twice the ring, so that no record is cut */
    uint64_t size;
};

int trn_ring_map(int fd, uint32_t size, struct trn_ring *ret) TRN_MUST_CHECK;
void trn_ring_unmap(struct trn_ring *r);
/* Gives what is there now. Number of records; -EBADMSG when the ring makes no sense (it is skipped). */
int trn_ring_drain(struct trn_ring *r, trn_record_fn fn, void *ctx);

/* ---- perf_ring.c: a perf buffer, mapped ---- */

struct trn_perf_ring {
    void *map; /* owned: one control page, then the data */
    size_t map_size;
    uint64_t size;
    size_t offset; /* of the data in the map */
};

#define TRN_PERF_RECORD_MAX 65536u

int trn_perf_ring_map(int fd, uint32_t size, struct trn_perf_ring *ret) TRN_MUST_CHECK;
void trn_perf_ring_unmap(struct trn_perf_ring *r);
/* scratch: TRN_PERF_RECORD_MAX bytes, for records that wrap. */
int trn_perf_ring_drain(struct trn_perf_ring *r, uint8_t *scratch, trn_record_fn fn, void *ctx);

/* ---- decode_perf.c: perf records that tell no event ---- */

enum trn_perf_kind {
    TRN_PERF_OTHER = 0,
    TRN_PERF_MAPPING,
    TRN_PERF_BPF,
    TRN_PERF_SYMBOL,
    TRN_PERF_EXEC,
    TRN_PERF_LOST
};

/* Kind of a record; for EXEC *ret_value is the tgid, for LOST the number of records. */
enum trn_perf_kind trn_perf_peek(struct trn_cursor record, uint64_t *ret_value);

/* Sets type and action; -ENODATA for the kernel's own pages. Path "//anon": memory without a file. */
int trn_classify_mapping(struct trn_str path, uint32_t prot, struct trn_event *ev) TRN_MUST_CHECK;

/* ---- bpf_name.c ---- */

struct trn_bpf_name {
    char tag[16], name[64];
    size_t n; /* of the name; 0: free */
};
struct trn_bpf_names {
    struct trn_bpf_name v[16];
    size_t next;
};
/* A TRN_PERF_SYMBOL record. */
int trn_bpf_names_see(struct trn_bpf_names *names, struct trn_cursor record) TRN_MUST_CHECK;
/* "tag" in the event's text becomes "name (tag)" when the name is known. */
int trn_bpf_names_add(const struct trn_bpf_names *names, struct trn_arena *arena, struct trn_event *ev) TRN_MUST_CHECK;

/* ---- decode_*.c: bodies behind the wire header ---- */

struct trn_wire_head {
    uint32_t size;
    uint16_t type;
    uint64_t time, start;
    uint32_t tgid, tid;
};

/* decode_exec.c: components, leaf first, to a path. */
int trn_join_path(struct trn_str parts, bool cut, struct trn_arena *arena, struct trn_str *ret) TRN_MUST_CHECK;
int trn_decode_exec(struct trn_cursor *c, uint64_t salt, struct trn_arena *arena, struct trn_event *ev) TRN_MUST_CHECK;
int trn_decode_net(struct trn_cursor *c, const struct trn_wire_head *h, struct trn_event *ev) TRN_MUST_CHECK;
/* What a REPEATED record sums up: CONNECT, FAILED, ACCEPT or CLOSE; 0: none of them. c: behind the head. */
uint16_t trn_repeated_what(struct trn_cursor c);
int trn_decode_dns(struct trn_cursor *c, struct trn_arena *arena, struct trn_event *ev) TRN_MUST_CHECK;
int trn_decode_file(struct trn_cursor *c, struct trn_event *ev) TRN_MUST_CHECK;
int trn_decode_filter(struct trn_cursor *c, const struct trn_wire_head *h, struct trn_event *ev) TRN_MUST_CHECK;
int trn_decode_access(struct trn_cursor *c, uint64_t salt, struct trn_event *ev) TRN_MUST_CHECK;
int trn_decode_cred(struct trn_cursor *c, struct trn_event *ev) TRN_MUST_CHECK;
int trn_decode_hook(struct trn_cursor *c, struct trn_arena *arena, struct trn_event *ev) TRN_MUST_CHECK;

/* ---- loss.c: what was lost, by class, reason and CPU ---- */

struct trn_wire_losses;

struct trn_losses_read {
    const struct trn_wire_losses *counters; /* mapping of the kernel's; NULL: none */
    size_t n_cpus;
    uint64_t *perf; /* owned: lost records of each perf buffer */
    size_t n_perf;
    uint64_t made[TRN_CLASS_MAX][2]; /* told by turncoatd: enum trn_wire_loss_reason */
    uint64_t throttled_files;        /* left out by turncoatd, told by throttle records */
    uint64_t *sums;                  /* owned: per_cpu of the rows given last */
};

int trn_losses_init(struct trn_losses_read *l, size_t n_perf) TRN_MUST_CHECK;
void trn_losses_done(struct trn_losses_read *l);
void trn_losses_sum(const struct trn_losses_read *l, uint64_t ret_lost[TRN_CLASS_MAX]);
size_t trn_losses_rows(struct trn_losses_read *l, struct trn_loss_row ret[TRN_LOSS_ROWS]);

/* ---- pieces of TCP connections: decode_net.c, stream.c ---- */

struct trn_piece {
    uint64_t cookie;
    uint32_t seq;
    bool incoming, first;
    struct trn_str bytes; /* borrowed from the record */
};

/* ret_ev gets time, process and ends; its type says what the piece is of. -ENOMSG: a record of another kind. */
int trn_decode_piece(struct trn_cursor record, uint64_t salt, struct trn_piece *ret, struct trn_event *ret_ev)
    TRN_MUST_CHECK;
int trn_decode_piece_body(struct trn_cursor *c, struct trn_piece *ret, struct trn_event *ev) TRN_MUST_CHECK;
/* One DNS message into the event, which is flagged when it cannot be read whole. 0, -ENOMEM. */
int trn_decode_dns_message(struct trn_str message, bool cut, struct trn_arena *arena, struct trn_event *ev)
    TRN_MUST_CHECK;

struct trn_streams;

struct trn_streams *trn_streams_new(void) TRN_MUST_CHECK;
struct trn_streams *trn_streams_free(struct trn_streams *all);
/* Gives an event for each message that this piece makes whole. ev: from trn_decode_piece; it is filled.
 * arena: for one message, forgotten before each. 0, -ENOMEM, or the sink's failure. */
int trn_streams_piece(struct trn_streams *all, const struct trn_piece *p, struct trn_arena *arena, struct trn_event *ev,
                      const struct trn_event_sink *sink) TRN_MUST_CHECK;
/* The connection is over. */
int trn_streams_closed(struct trn_streams *all, uint64_t cookie, const struct trn_event_sink *sink) TRN_MUST_CHECK;

/* ---- seen.c: one mapping event per image and file ---- */

struct trn_mapped;

struct trn_mapped *trn_mapped_new(void) TRN_MUST_CHECK;
struct trn_mapped *trn_mapped_free(struct trn_mapped *s);
/* After either, all mappings of the process are new again; the first one after exec is the program. */
void trn_mapped_fork(struct trn_mapped *s, uint32_t pid, uint64_t when);
void trn_mapped_exec(struct trn_mapped *s, uint32_t pid, uint64_t when);
void trn_mapped_exit(struct trn_mapped *s, uint32_t pid);
/* True when this mapping is worth an event. One that was there before is the same as one that perf tells of a time
 * before the last of them was read, whatever else is known of it. */
bool trn_mapped_is_new(struct trn_mapped *s, const struct trn_event *ev);

/* ---- startup.c: what both the iterators and the hooks tell while the sensor starts ---- */

struct trn_startup;

struct trn_startup *trn_startup_new(uint64_t now) TRN_MUST_CHECK;
struct trn_startup *trn_startup_free(struct trn_startup *s);
/* True for an exec, or a mapping that was there before, that was told already. */
bool trn_startup_repeats(struct trn_startup *s, const struct trn_event *ev);

#endif
