/* SPDX-License-Identifier: Apache-2.0 */
/* Findings joined by cause about one software: the shape that store, CLI and JSON share. Views. */
#ifndef TRN_EVENT_STORY_H
#define TRN_EVENT_STORY_H

#include "event/finding.h"
#include "event/record.h"

#define TRN_STORY_FINDINGS 64
#define TRN_STORY_PROCESSES 64
#define TRN_STORY_FILES 32
#define TRN_STORY_HOSTS 32
#define TRN_STORY_LINES 12
#define TRN_STORY_ACTIONS 16

struct trn_story_process {   /* in order of start; parents before children */
    uint64_t entity, parent; /* parent 0 or one of the same list */
    uint32_t pid;
    struct trn_str path, args; /* args: readable command line, cut */
    uint64_t start_wall_ns;
};
struct trn_story_file {
    struct trn_str path, sha256; /* hex; absent when not known */
    struct trn_str role;         /* "wrote and ran", "read" */
};
struct trn_story_host {
    struct trn_str address; /* "10.9.0.5:8443" */
    struct trn_str name;    /* from DNS; absent */
    uint64_t bytes_out, bytes_in;
    uint32_t count;
    bool usual; /* earlier versions or earlier days of the software talked to it: what it needs */
};
struct trn_story_action { /* what was done about it, in the order of their numbers */
    uint64_t id;
    struct trn_str act, state;          /* "isolate"; "seen" */
    struct trn_str target_kind, target; /* "software", "acme-softphone=1.1" */
    struct trn_str text, by;            /* what was done or seen; "user alice", "policy behaviour.second-stage" */
    uint64_t since_wall_ns;             /* of its first step */
    uint64_t wall_ns, until_wall_ns;    /* of its last step; until 0: no end */
};

struct trn_story {
    uint64_t id;       /* small number given by the engine, from 1, stable over replays */
    uint32_t revision; /* grows with every change */
    enum trn_verdict verdict;
    uint16_t score;
    bool closed, loss_overlap;
    struct trn_str close_why, assigned; /* the reason stays when it is opened again; absent: never, to nobody */
    uint32_t close_uid, assign_uid;     /* who did, as the kernel told; only where the time says that somebody did */
    uint64_t close_wall_ns, assign_wall_ns;
    uint64_t reopened_wall_ns; /* by new evidence, since it was closed; 0: not */
    struct trn_str reopen_why; /* title of the check that found it */
    struct trn_software software;
    struct trn_str change_from, change_to, change_by; /* absent when no update is known */
    uint64_t change_wall_ns;
    uint64_t opened_wall_ns, updated_wall_ns;
    struct trn_str sentence;                         /* one line a tired analyst understands */
    struct trn_finding findings[TRN_STORY_FINDINGS]; /* by time */
    uint32_t n_findings, n_findings_dropped;
    struct trn_story_process processes[TRN_STORY_PROCESSES];
    uint32_t n_processes;
    struct trn_story_file files[TRN_STORY_FILES];
    uint32_t n_files;
    struct trn_story_host hosts[TRN_STORY_HOSTS];
    uint32_t n_hosts;
    struct trn_str why[TRN_STORY_LINES]; /* why this is no false alarm */
    uint32_t n_why;
    struct trn_str benign_if[TRN_STORY_LINES]; /* what would make it one */
    uint32_t n_benign_if;
    struct trn_story_action actions[TRN_STORY_ACTIONS];
    uint32_t n_actions;
};

/* Binary form, for the store and state rows; the round trip is exact. */
void trn_story_encode(const struct trn_story *s, struct trn_buf *out);
int trn_story_decode(struct trn_cursor *in, struct trn_story *ret) TRN_MUST_CHECK; /* views into the cursor */
/* What a person decided about it (a DECISION event). False: nothing that is known. Views into the event. */
bool trn_story_decide(struct trn_story *s, const struct trn_event *ev);
/* One step of an action (a RESPONSE event) into its row; by: absent, then as the event itself says. False: nothing new.
 * Views into the event; a text that is made goes into the arena. The oldest that is over makes room, else the oldest. */
bool trn_story_respond(struct trn_story *s, const struct trn_event *ev, struct trn_arena *arena);
bool trn_story_action_holds(const struct trn_story_action *a); /* done or seen, and not over */
uint64_t trn_story_actions_hash(const struct trn_story *s);    /* changes with every step; 0: there is none */
/* Who decided, for people: "root", "user 1000"; "somebody" when the kernel did not say. */
void trn_story_put_who(struct trn_buf *out, uint32_t uid);

#endif
