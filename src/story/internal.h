/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of src/story share. Not for outsiders. */
#ifndef TRN_STORY_INTERNAL_H
#define TRN_STORY_INTERNAL_H

#include "story/story.h"

#define TRN_CASE_ACTORS 24
#define TRN_CASE_FILES 32
#define TRN_TEXT_MAX 4096
#define TRN_COUNTS_FROM 25 /* what a person did at a prompt, or a package manager, is no stage of an attack */

/* One open story. Its content is the encoded form (a few KB); struct trn_story, fifty times as large, exists once. */
struct trn_case {
    uint64_t id;
    uint16_t score;
    uint32_t n_findings, n_processes;
    uint64_t software;                /* hash of name, version, origin; 0: not to be joined by */
    uint64_t session;                 /* hash of check and program, when nobody acts */
    uint64_t actors[TRN_CASE_ACTORS]; /* entities that act in it; the first is the one it is about */
    uint32_t n_actors;
    uint64_t files[TRN_CASE_FILES]; /* what was written and run, what runs of no package: inode and content hashes;
                                     * who else wrote it */
    uint32_t n_files;
    uint64_t first_wall_ns, last_wall_ns; /* of its findings */
    uint64_t second_boot_ns;              /* begin of the second in which reports are counted */
    uint32_t told;                        /* reports in it */
    bool dirty;                           /* hosts changed since */
    bool loss;
    bool closed; /* by a person; it stays, so that new evidence finds it */
    char *blob;  /* trn_story_encode */
    size_t n_blob;
};

struct trn_stories {
    struct trn_stories_options o;
    struct trn_case **cases; /* by id */
    uint32_t n_cases;
    uint64_t next_id, dropped;
    size_t blobs; /* bytes of all contents */
    uint32_t n_dirty;
    struct trn_map *actors; /* entity -> story id */
    struct trn_hosts *hosts;
    struct trn_changes *changes;
    struct trn_losses *losses;
    struct trn_reaches *reaches;
    struct trn_story *scratch; /* the one that is being worked on or was asked for */
    struct trn_arena *arena;   /* texts of scratch */
};

/* ---- case.c: a case and its content ---- */
struct trn_case *trn_case_free(struct trn_case *c);
/* Into s->scratch; views into the case's blob. */
int trn_case_open(struct trn_stories *s, const struct trn_case *c) TRN_MUST_CHECK;
/* Rescores, rewords, encodes s->scratch back, reports and remembers it. */
int trn_case_close(struct trn_stories *s, struct trn_case *c, const struct trn_event *now) TRN_MUST_CHECK;
bool trn_case_has_actor(const struct trn_case *c, uint64_t entity);
int trn_case_add_actor(struct trn_stories *s, struct trn_case *c, uint64_t entity, bool first) TRN_MUST_CHECK;
/* f is new evidence, or weighs anew. */
void trn_case_reopen(struct trn_story *st, const struct trn_finding *f);
int trn_case_add_finding(struct trn_stories *s, struct trn_case *c, const struct trn_finding *f) TRN_MUST_CHECK;

/* ---- join.c: which case does a finding belong to ---- */
uint64_t trn_software_key(const struct trn_software *w);
uint64_t trn_session_key(const struct trn_finding *f);
bool trn_is_of_session(const struct trn_finding *f); /* nobody's software acted: a person or job at a prompt */
/* What a finding says about files that may be known from elsewhere: the one it tells of, the one that its program runs. */
#define TRN_FINDING_FILES 4
uint64_t trn_writer_key(uint64_t acting);
uint64_t trn_finding_writer(const struct trn_finding *f); /* the other software that wrote it, hashed; 0: none */
uint32_t trn_finding_files(const struct trn_stories *s, const struct trn_finding *f, uint64_t ret[TRN_FINDING_FILES]);
struct trn_case *trn_join(const struct trn_stories *s, const struct trn_finding *f);
/* The case among whose actors e or an ancestor of e is; NULL. */
struct trn_case *trn_case_above(const struct trn_stories *s, const struct trn_entity *e);
struct trn_case *trn_case_by_id(const struct trn_stories *s, uint64_t id);
/* A second case that this finding ties to c; NULL. */
struct trn_case *trn_join_second(const struct trn_stories *s, const struct trn_finding *f, const struct trn_case *c);

/* ---- impossible.c ---- */
/* Why one act among these is enough, in words; absent when none is. */
struct trn_str trn_impossible(const struct trn_finding *f, uint32_t n);

/* ---- tree.c: processes of a story ---- */
/* e and what stands between it and the actors of c. */
int trn_tree_add(struct trn_stories *s, const struct trn_case *c, const struct trn_entity *e) TRN_MUST_CHECK;

/* ---- hosts.c: who talked to whom, how much ---- */
struct trn_hosts;
struct trn_hosts *trn_hosts_new(void) TRN_MUST_CHECK;
struct trn_hosts *trn_hosts_free(struct trn_hosts *h);
/* CONNECT, ACCEPT, NET_CLOSE, DNS; *ret_actor: who, 0 when nothing changed. */
int trn_hosts_push(struct trn_hosts *h, const struct trn_process_table *t, const struct trn_event *ev,
                   uint64_t *ret_actor) TRN_MUST_CHECK;
/* Adds what came since the last time for the actors of c. */
int trn_hosts_into(struct trn_stories *s, const struct trn_case *c, struct trn_story *st) TRN_MUST_CHECK;
size_t trn_hosts_bytes(const struct trn_hosts *h);

/* ---- change.c: the last update of each software ---- */
struct trn_changes;
struct trn_changes *trn_changes_new(void) TRN_MUST_CHECK;
struct trn_changes *trn_changes_free(struct trn_changes *c);
int trn_changes_push(struct trn_changes *c, const struct trn_event_sink *state, const struct trn_event *ev)
    TRN_MUST_CHECK;
void trn_changes_into(const struct trn_changes *c, struct trn_story *st);            /* views into c */
struct trn_str trn_changes_before(const struct trn_changes *c, struct trn_str name); /* absent: not known; borrowed */
size_t trn_changes_bytes(const struct trn_changes *c);

/* ---- reach.c: who reached into whom ---- */
struct trn_reaches;
struct trn_reaches *trn_reaches_new(void) TRN_MUST_CHECK;
struct trn_reaches *trn_reaches_free(struct trn_reaches *r);
int trn_reaches_push(struct trn_reaches *r, const struct trn_process_table *t, const struct trn_event_sink *state,
                     const struct trn_event *ev) TRN_MUST_CHECK;
uint64_t trn_reached_by(const struct trn_reaches *r, uint64_t target); /* 0: nobody */
#define TRN_REACH_MAX 4                                                /* who reaches into more is no cause */
uint32_t trn_reached_into(const struct trn_reaches *r, uint64_t source, uint64_t ret[TRN_REACH_MAX]);
size_t trn_reaches_bytes(const struct trn_reaches *r);

/* ---- loss.c: what was lost, left out or switched off, and whom it touches ---- */
struct trn_losses;
struct trn_losses *trn_losses_new(void) TRN_MUST_CHECK;
struct trn_losses *trn_losses_free(struct trn_losses *l);
/* LOSS, GAP, FILTER. True: something may have been missed. */
bool trn_losses_push(struct trn_losses *l, const struct trn_process_table *t, const struct trn_event *ev);
bool trn_losses_touch(const struct trn_stories *s, const struct trn_case *c);

/* ---- exception.c: a finding that was lowered weighs again when its exception is over ---- */
int trn_exception_ended(struct trn_stories *s, const struct trn_event *ev) TRN_MUST_CHECK;

/* ---- action.c: what was done about a story ---- */
int trn_responded(struct trn_stories *s, const struct trn_event *ev) TRN_MUST_CHECK;
void trn_actions_move(struct trn_story *into, const struct trn_story *from);

/* ---- words.c: sentence, why, benign_if of s->scratch ---- */
int trn_words(struct trn_stories *s, const struct trn_case *c) TRN_MUST_CHECK;
struct trn_str trn_evidence(const struct trn_finding *f, const char *key); /* absent when not there */

/* ---- state.c: open stories as STATE rows ---- */
int trn_case_remember(struct trn_stories *s, const struct trn_case *c, const struct trn_event *now) TRN_MUST_CHECK;
int trn_case_forget(struct trn_stories *s, uint64_t id, const struct trn_event *now) TRN_MUST_CHECK;
int trn_next_id_remember(struct trn_stories *s, const struct trn_event *now) TRN_MUST_CHECK;
int trn_case_restore(struct trn_stories *s, const struct trn_event *ev) TRN_MUST_CHECK;

/* ---- stories.c ---- */
int trn_case_insert(struct trn_stories *s, struct trn_case *c) TRN_MUST_CHECK; /* takes c, also on failure */
void trn_case_remove(struct trn_stories *s, struct trn_case *c);               /* and frees it */

/* ---- print_tree.c ---- */
void trn_print_tree(const struct trn_story *s, struct trn_buf *out);

#endif
