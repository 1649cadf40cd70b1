/* SPDX-License-Identifier: Apache-2.0 */
/* The behaviour detectors and the memory they share. Inside src/detect only. */
#ifndef TRN_DETECT_BEHAVIOUR_H
#define TRN_DETECT_BEHAVIOUR_H

#include "detect/internal.h"

/* ---- contact.c: which software talked to the network ---- */
struct trn_contact {
    uint64_t root; /* entity: trn_root_of the one that talked */
    uint64_t first_boot_ns, first_wall_ns;
    uint64_t seq;                /* event of the latest contact */
    uint8_t address[16], family; /* latest */
    uint32_t port;
};
struct trn_contacts;
struct trn_contacts *trn_contacts_new(uint32_t max) TRN_MUST_CHECK;
struct trn_contacts *trn_contacts_free(struct trn_contacts *c);
int trn_contacts_push(struct trn_contacts *c, const struct trn_detect_ctx *ctx, const struct trn_event *ev)
    TRN_MUST_CHECK;
/* Contact of e or of its acting software's tree; NULL when it never talked. */
const struct trn_contact *trn_contacts_of(const struct trn_contacts *c, const struct trn_process_table *t,
                                          const struct trn_entity *e);
size_t trn_contacts_bytes(const struct trn_contacts *c);

/* ---- provenance.c: who wrote which file ---- */
#define TRN_WRITTEN_NET 1u     /* the writer talked to the network, or its own file came from there */
#define TRN_WRITTEN_TALKED 2u  /* the former: it talked itself */
#define TRN_WRITTEN_SESSION 4u /* nobody but a person or job at a prompt acted */
struct trn_written {
    struct trn_file_key file; /* ctime at the time of writing */
    uint64_t boot_ns, wall_ns, seq;
    uint64_t writer, acting;      /* entities */
    uint32_t flags;               /* TRN_WRITTEN_* */
    struct trn_software software; /* of the acting one, or of the writer in a session */
    struct trn_str path, remote;  /* remote: "10.9.0.5:8443", absent when unknown */
};
struct trn_provenance;
struct trn_provenance *trn_provenance_new(uint32_t max) TRN_MUST_CHECK;
struct trn_provenance *trn_provenance_free(struct trn_provenance *p);
/* FILE and STATE events. *ret_changed (may be NULL): the row that a FILE event made or changed, else NULL. */
int trn_provenance_push(struct trn_provenance *p, const struct trn_detect_ctx *ctx, const struct trn_contacts *contacts,
                        const struct trn_event *ev, const struct trn_written **ret_changed) TRN_MUST_CHECK;
/* By file, else by path; key may be none, path absent. Borrowed until the next push. */
const struct trn_written *trn_provenance_find(const struct trn_provenance *p, const struct trn_file_key *key,
                                              struct trn_str path);
size_t trn_provenance_count(const struct trn_provenance *p);
size_t trn_provenance_bytes(const struct trn_provenance *p);

/* written.c: rows on the heap and as bytes */
struct trn_written *trn_written_copy(const struct trn_written *w) TRN_MUST_CHECK; /* free() it */
void trn_written_encode(const struct trn_written *w, struct trn_buf *out);
int trn_written_decode(struct trn_str bytes, struct trn_written *ret) TRN_MUST_CHECK; /* views into bytes */

/* ---- second_stage.c ---- */
struct trn_second_stage;
struct trn_profiles;
struct trn_second_stage *trn_second_stage_new(struct trn_profiles *p) TRN_MUST_CHECK; /* p is borrowed */
struct trn_second_stage *trn_second_stage_free(struct trn_second_stage *s);
/* changed: what provenance said about this very event, or NULL. */
int trn_second_stage_push(struct trn_second_stage *s, const struct trn_detect_ctx *ctx, const struct trn_provenance *p,
                          const struct trn_contacts *contacts, const struct trn_event *ev,
                          const struct trn_written *changed) TRN_MUST_CHECK;
size_t trn_second_stage_bytes(const struct trn_second_stage *s);

/* second_stage_judge.c: one use of a file that came from the network */
enum trn_use_how { TRN_USE_EXEC, TRN_USE_SCRIPT, TRN_USE_LOAD };
enum trn_unnamed { TRN_NAMED, TRN_UNNAMED_MEMORY, TRN_UNNAMED_DELETED, TRN_UNNAMED_DESCRIPTOR };
struct trn_use {
    enum trn_use_how how;
    enum trn_unnamed unnamed; /* code that no name leads to: who wrote it is not known, only that its user had talked */
    uint64_t seq, boot_ns, wall_ns, entity;
    struct trn_file_key key;
    uint64_t path_hash;
};
/* What the used file is, as far as known by now; NULL. */
const struct trn_identity *trn_use_identity(const struct trn_process_table *t, const struct trn_use *use,
                                            const struct trn_written *w);
int trn_second_stage_judge(const struct trn_detect_ctx *ctx, struct trn_profiles *p, struct trn_seen *seen,
                           const struct trn_use *use, const struct trn_written *w) TRN_MUST_CHECK;
/* second_stage_excuse.c: the score, or less of it, and why */
uint16_t trn_second_stage_excuse(const struct trn_detect_ctx *ctx, struct trn_profiles *p, const struct trn_use *use,
                                 const struct trn_written *w, const struct trn_entity *runner, uint16_t score,
                                 const char **ret_because);

/* ---- browser_data.c ---- */
struct trn_browser_data;
struct trn_browser_data *trn_browser_data_new(void) TRN_MUST_CHECK;
struct trn_browser_data *trn_browser_data_free(struct trn_browser_data *b);
struct trn_read;
/* *ret_weight is raised to what the read weighs. */
int trn_browser_data_read(struct trn_browser_data *b, const struct trn_detect_ctx *ctx, const struct trn_read *r,
                          uint16_t *ret_weight) TRN_MUST_CHECK;
size_t trn_browser_data_bytes(const struct trn_browser_data *b);

#endif
