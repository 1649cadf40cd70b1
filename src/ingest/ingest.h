/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs of other products (JSON lines, or JSON objects one after the other) to events, by tables: Sysmon of Windows in
 * three common shapes, eslogger of macOS. Bytes go in as they come, events come out in the order of their time.
 * Nothing in a log is fatal: what cannot be used is counted, and told with its line.
 *
 * Paths of Windows keep their letters and get '/' for '\': no name of Windows holds '/', so nothing is lost, and every
 * room finds base names and folders. Command lines are cut into arguments as Windows does it.
 */
#ifndef TRN_INGEST_INGEST_H
#define TRN_INGEST_INGEST_H

#include "event/event.h"

struct trn_ingest;

struct trn_ingest_options {
    size_t sz;
    struct trn_event_sink sink; /* events have no sequence number yet; borrowed during the call */
    /* What was left out, once for each kind and for the first bad lines. text: escaped, for people. */
    void (*notice)(void *ctx, uint64_t line, struct trn_str text);
    void *ctx;
};

struct trn_ingest_counts {
    uint64_t records;    /* JSON objects of a known shape */
    uint64_t events;     /* given to the sink; one record may make several, such as what a file is and its start */
    uint64_t bad;        /* lines that are no JSON, of no known shape, or longer than the limit */
    uint64_t unmapped;   /* records of a kind that no table row takes */
    uint64_t incomplete; /* records of a known kind without what the event needs */
    uint64_t unneeded;   /* records of a known kind that no detector asks for, such as the opening of a plain file */
    uint64_t late;       /* events older than the window; they keep their place and are marked */
};

/* Does the beginning of a file hold a record of another product? It must hold the whole first record. */
bool trn_ingest_knows(struct trn_str head);
int trn_ingest_new(const struct trn_ingest_options *o, struct trn_ingest **ret) TRN_MUST_CHECK;
struct trn_ingest *trn_ingest_free(struct trn_ingest *in); /* takes NULL, returns NULL */
/* -ENOMEM, or what the sink returned. */
int trn_ingest_feed(struct trn_ingest *in, struct trn_str bytes) TRN_MUST_CHECK;
/* The rest, and a STOP event, so that nothing waits any more. */
int trn_ingest_end(struct trn_ingest *in) TRN_MUST_CHECK;
void trn_ingest_counted(const struct trn_ingest *in, struct trn_ingest_counts *ret);

#endif
