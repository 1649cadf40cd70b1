/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this room share. Two graphs, on purpose:
 * - slots: entities and their parents (ids; for trees and is_above);
 * - images: each points to the image that was running when it was started, `from`. A fork shares its
 *   parent's image. Acting is read from this graph, so what a parent does later (another exec, exit,
 *   eviction) cannot change who acted for a child.
 * Everything an outsider sees is a view built on demand (view.c) and dropped by the next apply.
 */
#ifndef TRN_PROCESS_INTERNAL_H
#define TRN_PROCESS_INTERNAL_H

#include "process/process.h"

#define TRN_PATH_KEPT 1024 /* path and script: longer ones are cut, such a path names nobody's file */
#define TRN_WORD_KEPT 256  /* invoked, cwd, tty, names */
#define TRN_ARGV_KEPT 512
#define TRN_DEPTH_MAX 64                  /* images above an image */
#define TRN_CLIMB_MAX 256                 /* steps of any walk: ends also on nonsense input */
#define TRN_LATE_NS (10 * TRN_NS_PER_SEC) /* how long after its exit a pid still means the old process */
#define TRN_ENTITY_BUDGET 512u            /* bytes per entity on average; more evicts early */
#define TRN_WAIT_BUCKETS 1024u
#define TRN_TOLD_MAX 128u          /* identities of files by path, kept for the scripts that are about to start */
#define TRN_TOLD_NS TRN_NS_PER_SEC /* and for how long */
#define TRN_NO_SLOT UINT32_MAX

/* ---- interned strings (intern.c) ---- */
struct trn_word {
    struct trn_word *next;
    uint32_t hash, n, refs;
    char p[];
};
struct trn_word_set {
    struct trn_word **buckets;
    size_t n_buckets, count, bytes;
};
int trn_words_init(struct trn_word_set *w) TRN_MUST_CHECK;
void trn_words_done(struct trn_word_set *w);
/* One reference more on the bytes of s (cut at max); absent gives NULL. -ENOMEM. */
int trn_words_take(struct trn_word_set *w, struct trn_str s, size_t max, struct trn_word **ret) TRN_MUST_CHECK;
void trn_words_drop(struct trn_word_set *w, struct trn_word *word); /* takes NULL */
static inline struct trn_str trn_word_str(const struct trn_word *w)
{
    return w ? (struct trn_str){w->p, w->n} : TRN_STR_NONE;
}

/* ---- identities (identity.c) ---- */
struct trn_known {
    struct trn_known *next;          /* bucket, by device and inode */
    struct trn_known *older, *newer; /* order of arrival; only while cached */
    uint32_t refs;                   /* images that use it */
    bool cached;
    struct trn_file_key key;
    struct trn_identity id; /* strings are views of words */
    struct trn_word *name, *version, *signer, *build_id, *kind;
};
struct trn_known_cache {
    struct trn_known **buckets;
    struct trn_known *oldest, *newest;
    size_t n_buckets, count, detached, max;
};
int trn_known_init(struct trn_known_cache *c, size_t max) TRN_MUST_CHECK;
void trn_known_done(struct trn_known_cache *c, struct trn_word_set *w);
struct trn_known *trn_known_find(const struct trn_known_cache *c, const struct trn_file_key *k); /* newest match */
/* New or replaced content for a key; *ret is cached. *ret_changed: an entry in use now says something else. */
int trn_known_put(struct trn_known_cache *c, struct trn_word_set *w, const struct trn_ev_identity *i,
                  struct trn_known **ret, bool *ret_changed) TRN_MUST_CHECK;
void trn_known_drop(struct trn_known_cache *c, struct trn_word_set *w, struct trn_known *k); /* one reference less */

/* ---- images (image.c) ---- */
enum trn_border {
    TRN_BORDER_NONE = 0,
    TRN_BORDER_SESSION, /* login, sshd, cron: a person or a job below */
    TRN_BORDER_SERVICE, /* service managers and container runtimes: a service below */
    TRN_BORDER_SOFT,    /* terminals: a session only when no application started the terminal */
};

struct trn_node { /* an image, shared by the entities that run it and by the images started from it */
    struct trn_node *from;
    uint64_t from_entity; /* who ran `from` when this image was started */
    uint64_t owner;       /* who called exec */
    struct trn_word *path, *invoked, *script, *argv, *cwd;
    struct trn_file_key file;
    struct trn_known *known, *script_known;
    struct trn_node *wait_file, *wait_script; /* chains of images that wait for an identity */
    struct trn_node *prev, *next;             /* all images */
    uint64_t exec_boot_ns, exec_seq;
    uint32_t refs, flags, mntns;
    uint32_t asker, became; /* user who ran it; whom sudo or su made of them: TRN_NO_U32 not known, nobody */
    uint16_t depth;
    uint8_t role, border;
    bool tty_leader, waits_file, waits_script;
    bool loaded; /* a file was mapped since the exec */
};

/* What a file of a path was, told a moment ago: an exec is held until its script's identity is there, so
 * that the identity stands before it in the order. */
struct trn_process_told {
    struct trn_known *known; /* a reference; NULL: free */
    struct trn_word *path;
    uint64_t boot_ns;
    uint32_t mntns;
};

/* ---- entities (table.c) ---- */
struct trn_slot {
    uint64_t id, parent;
    uint64_t cgroup, start_boot_ns, start_wall_ns, exit_boot_ns, kernel_start_ns;
    struct trn_node *node;
    struct trn_word *tty;
    struct trn_entity *view; /* valid when view_gen is the table's */
    uint64_t view_gen;
    uint64_t capabilities; /* effective, at its last exec; TRN_NO_U64 unknown, or its user changed since */
    uint32_t pid, session, uid, euid, gid, mntns, userns;
    uint32_t split_uid, split_euid; /* of a thread that has ids of its own */
    uint32_t exec_count;
    uint32_t kids;       /* children in the table */
    uint32_t same_pid;   /* older slot of this pid */
    uint32_t prev, next; /* in the list of the living or of the exited; next also links free slots */
    bool used, unlinked /* parent was not there yet */, start_unknown;
    bool split; /* its threads do not agree about their user */
};
struct trn_slot_list {
    uint32_t first, last;
};

/* Finds slots by what stands in them (index.c). Never full: there are more places than slots. */
struct trn_slot_index {
    uint32_t *at; /* number of a slot, or TRN_NO_SLOT */
    uint32_t mask;
    bool of_pid; /* else of the id */
};

struct trn_view_chunk; /* view.c */

struct trn_process_table {
    struct trn_slot *slots;
    uint32_t max, used, n_unlinked;
    uint32_t fresh;                      /* slots never used start here */
    uint32_t free_first;                 /* slots used before */
    struct trn_slot_list living, exited; /* in order of arrival, of exit */
    struct trn_slot_index by_id, by_pid; /* by_pid: the newest of each */
    struct trn_word_set words;
    struct trn_known_cache known;
    struct trn_node *nodes; /* newest first */
    size_t n_nodes;
    struct trn_node **wait_file, **wait_script;
    struct trn_process_told told[TRN_TOLD_MAX]; /* a ring */
    uint32_t told_next;
    uint64_t evicted, gen;
    struct trn_view_chunk *views;
    size_t view_chunks, views_used;
    uint32_t *order; /* trn_process_next */
    size_t n_order;
    uint64_t order_gen;
};

/* index.c: a slot may be put before its key stands in it, and is removed while it does */
int trn_index_init(struct trn_slot_index *x, uint32_t max) TRN_MUST_CHECK;
void trn_index_done(struct trn_slot_index *x);
uint32_t trn_index_get(const struct trn_slot_index *x, const struct trn_slot *slots, uint64_t key);
void trn_index_put(struct trn_slot_index *x, const struct trn_slot *slots, uint64_t key, uint32_t slot);
void trn_index_remove(struct trn_slot_index *x, const struct trn_slot *slots, uint64_t key);
size_t trn_index_bytes(const struct trn_slot_index *x);

/* table.c */
struct trn_slot *trn_slot_by_id(const struct trn_process_table *t, uint64_t id);
struct trn_slot *trn_slot_by_pid(const struct trn_process_table *t, uint32_t pid, uint64_t boot_ns);
/* The last owner of the pid that had ended by then. */
struct trn_slot *trn_slot_gone(const struct trn_process_table *t, uint32_t pid, uint64_t boot_ns);
/* A new entity; evicts when full. */
struct trn_slot *trn_slot_add(struct trn_process_table *t, uint64_t id, uint32_t pid, uint64_t boot_ns);
void trn_slot_exit(struct trn_process_table *t, struct trn_slot *s, uint64_t boot_ns);
void trn_slot_set_parent(struct trn_process_table *t, struct trn_slot *s, uint64_t parent);
void trn_table_fit(struct trn_process_table *t); /* evicts down to the budget */

/* image.c */
/* What ev (an EXEC) starts in s. */
int trn_node_exec(struct trn_process_table *t, struct trn_slot *s, const struct trn_event *ev, struct trn_node **ret)
    TRN_MUST_CHECK;
/* What n, an image without a script, turned out to run. */
int trn_node_set_script(struct trn_process_table *t, struct trn_node *n, struct trn_str path,
                        const struct trn_file_key *file) TRN_MUST_CHECK;
struct trn_node *trn_node_ref(struct trn_node *n); /* takes NULL */
void trn_node_drop(struct trn_process_table *t, struct trn_node *n);
/* For an image whose ancestor became known late (processes that existed before). */
void trn_node_link(struct trn_process_table *t, struct trn_node *n, struct trn_node *from, uint64_t from_entity);
/* ev: an IDENTITY, of what k now is. */
void trn_nodes_learn(struct trn_process_table *t, const struct trn_event *ev, struct trn_known *k, bool changed);
void trn_told_done(struct trn_process_table *t);

/* role.c */
bool trn_in_system(struct trn_str path); /* only root writes there */
enum trn_border trn_border_of(struct trn_str path, const struct trn_software *software);
/* role_windows.c */
bool trn_is_windows_path(struct trn_str path); /* "C:/..." */
enum trn_border trn_windows_border(struct trn_str path);
enum trn_role trn_windows_role(struct trn_str path);
/* role.c */
bool trn_role_tables_sorted(void);                     /* for a test */
struct trn_str trn_plain_program(struct trn_str name); /* without target prefix and version: "python3.11" -> "python" */

/* lineage.c */
struct trn_actor {
    const struct trn_node *node; /* NULL: nobody */
    uint64_t entity;
    bool session;
};
struct trn_actor trn_lineage_actor(const struct trn_slot *s);

/* view.c */
const struct trn_entity *trn_view_as(const struct trn_process_table *t, uint64_t id, const struct trn_node *n);
void trn_views_reset(struct trn_process_table *t);
void trn_views_done(struct trn_process_table *t);
size_t trn_views_bytes(const struct trn_process_table *t);

#endif
