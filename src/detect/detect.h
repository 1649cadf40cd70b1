/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detection: events in, findings out. Pure: reads the event, the process table (already updated with
 * it) and its own memory. Each detector is streaming, bounded and explains itself.
 */
#ifndef TRN_DETECT_DETECT_H
#define TRN_DETECT_DETECT_H

#include "event/event.h"
#include "process/process.h"

struct trn_detect;
struct trn_indicators; /* an immutable set, shared */

struct trn_detect_options {
    size_t sz;
    const struct trn_process_table *processes; /* borrowed, outlives the detectors */
    const struct trn_indicators *indicators;   /* borrowed; NULL: none */
    struct trn_finding_sink findings;
    struct trn_event_sink state; /* TRN_EV_STATE rows to remember (provenance); may be empty */
    uint32_t max_provenance;     /* 0: 32768 files */
};

int trn_detect_new(const struct trn_detect_options *o, struct trn_detect **ret) TRN_MUST_CHECK;
struct trn_detect *trn_detect_free(struct trn_detect *d);
/* Every event after the process table has applied it; TRN_EV_STATE rows restore memory. */
int trn_detect_push(struct trn_detect *d, const struct trn_event *ev) TRN_MUST_CHECK;
size_t trn_detect_bytes(const struct trn_detect *d);
/* Places that software called, forgotten because there was no room. */
uint64_t trn_detect_places_forgotten(const struct trn_detect *d);
/* That software talked to this place before its version of now, or always does. name may be absent. */
bool trn_detect_usual_place(const struct trn_detect *d, const struct trn_software *s, struct trn_str name,
                            const uint8_t *address, uint8_t family);
/* What software of this name has always done: a JSON line of type "profile" each. */
void trn_detect_profile(const struct trn_detect *d, struct trn_str name, struct trn_buf *out);

/* ---- exceptions: one check, one file, one version, for a time: what it finds there is a note ---- */
#define TRN_EXCEPTIONS_MAX 64
#define TRN_EXCEPTION_SCORE 20 /* told and stored, but no stage of an attack */
#define TRN_EXCEPTION_MAX_SEC (14u * 86400u)
#define TRN_EXCEPTION_DEFAULT_SEC (7u * 86400u)
#define TRN_EXCEPTION_REASON_MIN 10
#define TRN_EXCEPTION_TEXT_MAX 200

/* Whether a SET event, from whomever, says all it must and asks for no more than is given. */
int trn_exception_check(const struct trn_event *set, struct trn_err *err) TRN_MUST_CHECK;
/* The number it would have: that of the same binding, or the next; -ENOSPC. */
int trn_detect_exception_room(const struct trn_detect *d, const struct trn_event *set, uint64_t *ret_id,
                              struct trn_err *err) TRN_MUST_CHECK;
/* The SET events of those that hold, by number; borrowed until the next push. */
bool trn_detect_exceptions(const struct trn_detect *d, size_t *it, const struct trn_event **ret);
/* The EXPIRED event of one whose time or version is over and that nobody told yet. */
bool trn_detect_exception_over(const struct trn_detect *d, uint64_t now_wall_ns, struct trn_event *ret);

/* ---- indicators: sha256, domain (also below it), ip (also CIDR), url ---- */
enum trn_indicator_kind { TRN_IND_SHA256, TRN_IND_DOMAIN, TRN_IND_IP, TRN_IND_URL, TRN_IND_KIND_MAX };

/* Parse results, in a worker: sent on as messages. */
struct trn_indicator {
    enum trn_indicator_kind kind;
    struct trn_str value; /* normalised text: lower case, no trailing dot, CIDR with prefix */
    struct trn_str note;  /* description or STIX name; may be absent */
};
struct trn_indicator_sink {
    int (*indicator)(void *ctx, const struct trn_indicator *i);
    int (*bad)(void *ctx, uint64_t line, struct trn_str why); /* skipped; the rest is loaded */
    void *ctx;
};
/* CSV "kind,value[,note]" (header and # comments allowed; a bare value is guessed) or a STIX 2.1 bundle
 * (pattern comparisons of file hashes, domain-name, ipv4-addr, ipv6-addr, url joined by OR). */
int trn_indicators_parse(struct trn_str content, const struct trn_indicator_sink *sink, struct trn_err *err)
    TRN_MUST_CHECK;

/* Compact set; lookup time does not grow with the number of indicators. A match fills *ret (may be NULL) with
 * views into the set; value is text for domains and URLs, raw bytes for hashes and addresses. */
int trn_indicators_new(struct trn_indicators **ret) TRN_MUST_CHECK;
struct trn_indicators *trn_indicators_free(struct trn_indicators *x);
int trn_indicators_add(struct trn_indicators *x, const struct trn_indicator *i) TRN_MUST_CHECK;
int trn_indicators_seal(struct trn_indicators *x) TRN_MUST_CHECK;
size_t trn_indicators_count(const struct trn_indicators *x);
size_t trn_indicators_bytes(const struct trn_indicators *x);
bool trn_indicators_sha256(const struct trn_indicators *x, const uint8_t hash[TRN_SHA256_SIZE],
                           struct trn_indicator *ret);
bool trn_indicators_domain(const struct trn_indicators *x, struct trn_str name, struct trn_indicator *ret);
bool trn_indicators_ip(const struct trn_indicators *x, const uint8_t *address, uint8_t family,
                       struct trn_indicator *ret);
bool trn_indicators_url(const struct trn_indicators *x, struct trn_str url, struct trn_indicator *ret);
/* Compiled form, the same bytes for the same set whatever the order of adds; for snapshots and replay. */
int trn_indicators_save(const struct trn_indicators *x, struct trn_buf *out) TRN_MUST_CHECK;
int trn_indicators_load(struct trn_str bytes, struct trn_indicators **ret, struct trn_err *err) TRN_MUST_CHECK;

#endif
