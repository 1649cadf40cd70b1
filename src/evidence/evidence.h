/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evidence bundles ("turncoat.bundle/1"): one story with what lies behind it in one file that anybody can open with
 * tar, signed by the host's key. A file is a plain ustar archive in one canonical form:
 *
 *   manifest.json    who made it, when, about which story; name, size and SHA-256 of each member behind manifest.sig
 *   manifest.sig     64 bytes: Ed25519 over "turncoat.bundle/1\n" and the exact bytes of manifest.json
 *   the members      in the manifest's order
 *   1024 zero bytes  the end; nothing follows
 *
 * Every header, padding byte and the order follow from the manifest, so no byte can change unseen.
 */
#ifndef TRN_EVIDENCE_EVIDENCE_H
#define TRN_EVIDENCE_EVIDENCE_H

#include "event/event.h"

#define TRN_EVIDENCE_SCHEMA "turncoat.bundle/1"
#define TRN_EVIDENCE_MAX ((size_t)64 << 20)          /* bytes of a bundle */
#define TRN_EVIDENCE_MEMBERS 16u                     /* behind the signature */
#define TRN_EVIDENCE_NAME 64u                        /* bytes of a member's name */
#define TRN_EVIDENCE_MANIFEST_MAX ((size_t)64 << 10) /* bytes of manifest.json */
#define TRN_EVIDENCE_TEXT 2048u                      /* bytes of one text of the facts */
#define TRN_EVIDENCE_KEY 32u
#define TRN_EVIDENCE_SIGNATURE 64u

/* ---- the host's key (key.c) ---- */
struct trn_evidence_key;
/* STATE/host-key: 32 random bytes, mode 0600, made when it is not there. What is there and is no key is an error,
 * never replaced: earlier bundles were signed with it. */
int trn_evidence_key_load(const char *state_dir, struct trn_evidence_key **ret, struct trn_err *err) TRN_MUST_CHECK;
int trn_evidence_key_from(const uint8_t seed[TRN_EVIDENCE_KEY], struct trn_evidence_key **ret) TRN_MUST_CHECK;
struct trn_evidence_key *trn_evidence_key_free(struct trn_evidence_key *k);
/* The public half. Its 64 hex digits are what people compare: a key this short needs no fingerprint. */
const uint8_t *trn_evidence_key_public(const struct trn_evidence_key *k);

/* ---- writing (write.c) ---- */
struct trn_evidence_counts { /* of what the redactor took out (redact.h) */
    uint64_t arguments, variables, users, hosts, homes, notes;
};
struct trn_evidence_about { /* what the manifest says */
    uint64_t made_wall_ns;
    uint8_t host_id[16];
    struct trn_str host_name; /* absent: removed */
    struct trn_str kernel, machine;
    const struct trn_story *story;
    uint64_t events, events_left_out, events_missing; /* missing: named by a finding and no longer stored */
    uint64_t losses;                                  /* records of losses and gaps in the story's time */
    const struct trn_evidence_counts *redacted;       /* NULL: nothing was removed */
};
struct trn_evidence_writer;
/* max: most bytes of all members. */
struct trn_evidence_writer *trn_evidence_writer_new(uint64_t made_wall_ns, size_t max) TRN_MUST_CHECK;
struct trn_evidence_writer *trn_evidence_writer_free(struct trn_evidence_writer *w);
/* Begins a member, ending the one before; its content is what is appended to the buffer until the next call. Errors
 * stick and come out of trn_evidence_finish. */
struct trn_buf *trn_evidence_member(struct trn_evidence_writer *w, const char *name);
/* The whole bundle into out, which the caller initialised and owns. */
int trn_evidence_finish(struct trn_evidence_writer *w, const struct trn_evidence_about *about,
                        const struct trn_evidence_key *key, struct trn_buf *out, struct trn_err *err) TRN_MUST_CHECK;

/* ---- proving (verify.c) ---- */
struct trn_evidence_entry {
    struct trn_str name;
    uint64_t size;
    uint8_t sha256[TRN_SHA256_SIZE];
};
struct trn_evidence_facts { /* what a signed manifest says; texts are foreign */
    uint8_t key[TRN_EVIDENCE_KEY];
    struct trn_str made, host_id, host_name, version, kernel; /* host_name absent: removed */
    uint64_t story, score, findings, events, events_left_out, events_missing, losses;
    struct trn_str verdict, status, software, software_version, sentence;
    bool loss_overlap;
    struct trn_str redacted; /* what was removed, in words; absent: nothing */
    uint64_t size;           /* of the bundle */
    struct trn_evidence_entry members[TRN_EVIDENCE_MEMBERS];
    uint32_t n_members;
};
/*
 * Is this a bundle, unchanged since its key signed it? 0: yes, and *ret says what it is (views in bytes and arena).
 * -EBADMSG: it is one and was changed; err says what and where. -ENOMSG: it is no bundle. -ENOTSUP: unchanged, but of
 * a later form. Others: could not be decided. Pure; runs in a strict worker.
 */
int trn_evidence_verify(struct trn_str bytes, struct trn_arena *arena, struct trn_evidence_facts *ret,
                        struct trn_err *err) TRN_MUST_CHECK;

/* ---- removing what is private, before signing (redact.c) ---- */
struct trn_redactor;
struct trn_redactor *trn_redactor_new(void) TRN_MUST_CHECK;
struct trn_redactor *trn_redactor_free(struct trn_redactor *r);
/* First everything is shown to it, then it is sealed, then it removes: so that what one event gives away is removed
 * from all. Each 0, -ENOMEM or -E2BIG (more than it can remember: then nothing may be given out). */
int trn_redactor_host(struct trn_redactor *r, struct trn_str name) TRN_MUST_CHECK; /* this machine's */
int trn_redactor_user(struct trn_redactor *r, struct trn_str name) TRN_MUST_CHECK;
int trn_redactor_home(struct trn_redactor *r, struct trn_str path) TRN_MUST_CHECK;
int trn_redactor_see_event(struct trn_redactor *r, const struct trn_event *ev) TRN_MUST_CHECK;
int trn_redactor_see_story(struct trn_redactor *r, const struct trn_story *s) TRN_MUST_CHECK;
int trn_redactor_seal(struct trn_redactor *r) TRN_MUST_CHECK;
/* In place; new texts live in the arena. 0 or -ENOMEM: then the thing may not be given out. */
int trn_redact_event(struct trn_redactor *r, struct trn_event *ev, struct trn_arena *arena) TRN_MUST_CHECK;
int trn_redact_story(struct trn_redactor *r, struct trn_story *s, struct trn_arena *arena) TRN_MUST_CHECK;
int trn_redact_text(struct trn_redactor *r, struct trn_str *text, struct trn_arena *arena) TRN_MUST_CHECK;
const struct trn_evidence_counts *trn_redactor_counts(const struct trn_redactor *r);

#endif
