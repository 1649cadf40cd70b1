/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of 'turncoat gate' share.
 *
 *   apt --stdin--> supervisor -> child: protocol -> items -> judge (pool of strict workers, src/release/) -> verdict of each
 *                  (deadline, crash)     keep: where the installed version is found          books: told, refused, allowed
 *
 * The folder of the gate is root's alone (0700), beside the daemon's state folder, which belongs to the engine's user: what
 * stands in it decides what may be installed.
 */
#ifndef TRN_CLI_GATE_H
#define TRN_CLI_GATE_H

#include "cli/diff.h"

#define TRN_GATE_CONFIG "/etc/turncoat/gate.conf"
#define TRN_GATE_HOOK_DIR "/etc/apt/apt.conf.d"
#define TRN_GATE_HOOK TRN_GATE_HOOK_DIR "/05turncoat-gate"
#define TRN_GATE_PATH_MAX 4096u

/* ---- cmd_gate_protocol.c: what apt says before it unpacks (DPkg::Pre-Install-Pkgs, version 3); pure ---- */
enum trn_gate_step { TRN_GATE_UNPACK, TRN_GATE_CONFIGURE, TRN_GATE_REMOVE };
struct trn_gate_item {                                                       /* one line; views into the text */
    struct trn_str name, old_version, old_arch, new_version, new_arch, file; /* absent version: "-" was said */
    enum trn_gate_step step;
};
#define TRN_GATE_TEXT_MAX (16u << 20)
#define TRN_GATE_LINE_MAX 8192u
#define TRN_GATE_ITEMS_MAX 20000u
struct trn_gate_list {
    struct trn_gate_item *items; /* owned */
    size_t n, cap;
    size_t bad;      /* lines that are none */
    size_t bad_line; /* the first of them, from 1 */
};
/* 0; -EPROTO: this is not version 3 of that protocol, or it is cut off. */
int trn_gate_parse(struct trn_str text, struct trn_gate_list *ret, struct trn_err *err) TRN_MUST_CHECK;
void trn_gate_list_done(struct trn_gate_list *l);
bool trn_gate_is_name(struct trn_str s); /* of a package */
bool trn_gate_is_version(struct trn_str s);

/* ---- cmd_gate_config.c: settings, and the hook in apt's configuration ---- */
#define TRN_GATE_WATCHED_MAX 64u
#define TRN_GATE_WATCHED_NAME 100u
struct trn_gate_config {
    bool fail_closed;
    uint64_t deadline_ms, package_ms;                          /* of a transaction, of a package */
    uint64_t keep_bytes;                                       /* kept packages in all */
    char rules[1024], indicators[1024];                        /* "": none */
    char watched[TRN_GATE_WATCHED_MAX][TRN_GATE_WATCHED_NAME]; /* names or patterns of packages */
    unsigned n_watched;
};
void trn_gate_config_default(struct trn_gate_config *c);
/* Faults of a text (path: of which file) are told there, and leave what stood there before. */
void trn_gate_config_parse(FILE *told, const char *path, struct trn_str text, struct trn_gate_config *ret);
/* The same of a file, on cli->err. No file: the defaults. */
void trn_gate_config_read(struct trn_cli *cli, const char *path, struct trn_gate_config *ret);
int trn_gate_hook_install(struct trn_cli *cli, struct trn_err *err) TRN_MUST_CHECK;
int trn_gate_hook_remove(struct trn_cli *cli, struct trn_err *err) TRN_MUST_CHECK;
bool trn_gate_hook_is_there(void);
/* It names a program that is not there (any more): which. */
bool trn_gate_hook_is_broken(char *program, size_t size);
bool trn_gate_is_watched(const struct trn_gate_config *c, struct trn_str name);
/* Gives the settings of the configuration to trn_scan_settings_read, where the call says nothing itself. */
void trn_gate_config_apply(struct trn_cli *cli, const struct trn_gate_config *c);

void trn_gate_forget_value(struct trn_cli *cli, const char *name);
/* What trn_scan_settings_read keeps goes into the folder of the gate (dst, size: its name), not into the engine's. */
void trn_gate_cache_beside(struct trn_cli *cli, char *dst, size_t size);

/* ---- cmd_gate_keep.c: kept packages, and where the installed version of one is found ---- */
enum trn_gate_old { TRN_GATE_OLD_NONE, TRN_GATE_OLD_KEPT, TRN_GATE_OLD_CACHE, TRN_GATE_OLD_INSTALLED };
const char *trn_gate_old_name(enum trn_gate_old o);
bool trn_gate_only_roots(const struct stat *st); /* nobody else can have written it */
/* The folder of the gate, made when it is not there. fd; negative: it is not root's alone, or there is no room. */
int trn_gate_folder(const char *state, struct trn_err *err) TRN_MUST_CHECK;
int trn_gate_kept_open(int folder, const struct trn_gate_item *i) TRN_MUST_CHECK; /* the installed version; fd */
int trn_gate_cached_open(const struct trn_gate_item *i) TRN_MUST_CHECK;
/* Copies the new package in; of a name and architecture the last two stay, the one that is installed now among them (of watched
 * software it is taken from apt's cache if need be). One larger than a quarter of keep_bytes is not kept, unless it is watched. */
int trn_gate_keep(int folder, const struct trn_gate_item *i, int fd, const struct trn_gate_config *c) TRN_MUST_CHECK;
/* Of all together, the newest keep_bytes stay: those of watched software first. */
void trn_gate_keep_within(int folder, const struct trn_gate_config *c);
/* Every kept package, newest first: NAME, VERSION_ARCH.deb. */
void trn_gate_kept_each(int folder, void (*each)(void *ctx, struct trn_str name, struct trn_str file, uint64_t wall_ns),
                        void *ctx);
void trn_gate_kept_sum(int folder, uint64_t *ret_files, uint64_t *ret_bytes);

/* ---- cmd_gate_judge.c: many pairs at once in one pool ---- */
struct trn_gate_file {
    char path[TRN_GATE_PATH_MAX]; /* as members are to be called; "": the only file of its release */
    char name[256];               /* as a worker is told; in a package, from its root on */
    int fd;                       /* owned by who is given it */
    uint32_t mode;
};
/* Fills *ret for a descriptor, which it takes (also on failure). 1, or negative: also when fd is. */
int trn_gate_give(int fd, const char *member, struct trn_str name, struct trn_gate_file *ret) TRN_MUST_CHECK;
struct trn_gate_outcome {
    size_t pair;
    int code;                        /* 0; -ETIME: too late; else it could not be judged */
    const char *why;                 /* with code */
    struct trn_diff *diff;           /* NULL: with a code, or nothing was before it; borrowed */
    const struct trn_release *after; /* NULL: with a code; borrowed */
};
struct trn_gate_judge {
    const struct trn_scan_settings *settings;
    size_t n; /* pairs */
    uint64_t package_ms, until_mono_ns;
    /* The k-th file of a side: 1, and *ret is filled; 0: no more of them; negative: this pair cannot be judged. */
    int (*next)(void *ctx, size_t pair, bool after, uint32_t k, struct trn_gate_file *ret);
    /* The old side as it was told before, finished: 0, and it is taken over; negative: it must be looked at. May be NULL. */
    int (*known)(void *ctx, size_t pair, struct trn_release **ret);
    int (*done)(void *ctx, const struct trn_gate_outcome *o); /* once for each pair, in the order they end */
    void (*bad_rule)(void *ctx, struct trn_str file, uint32_t line, struct trn_str why);
    bool (*stopped)(void *ctx); /* may be NULL */
    void *ctx;
};
int trn_gate_judge(const struct trn_gate_judge *j, struct trn_err *err) TRN_MUST_CHECK;

/* ---- cmd_gate_installed.c: an installed package as one release, file by file ---- */
struct trn_gate_installed {
    struct trn_buf list; /* of its files, a line each */
    struct trn_str rest; /* not given yet */
    uint32_t script;     /* of the maintainer scripts, not given yet */
    struct trn_str name, arch;
    char control[32], data[32]; /* as the new package calls what they were in: "data.tar.xz!./" */
};
/* fresh: the new package. -ENOENT: no such package is installed. */
int trn_gate_installed_open(const struct trn_gate_item *i, int fresh, struct trn_gate_installed *ret) TRN_MUST_CHECK;
int trn_gate_installed_next(struct trn_gate_installed *x, struct trn_gate_file *ret)
    TRN_MUST_CHECK; /* as judge's next */
/* A hash over which files those are, and when each changed last: the same hash, the same contents. Before the first next. */
int trn_gate_installed_identity(const struct trn_gate_installed *x, uint8_t ret[TRN_SHA256_SIZE]) TRN_MUST_CHECK;
void trn_gate_installed_done(struct trn_gate_installed *x);

/* ---- cmd_gate_books.c: what was told, what is allowed; JSON lines in the folder of the gate ---- */
struct trn_gate_told {                        /* of one package in one transaction */
    struct trn_str name, from, to, arch, why; /* why: with no verdict */
    char sha256[2 * TRN_SHA256_SIZE + 1];     /* of the new package; "": not read */
    const char *old_side;                     /* trn_gate_old_name */
    bool judged, allowed, undecided;
    enum trn_verdict verdict;
    uint16_t score;
    uint64_t ms;
    json_t *reasons; /* owned by who fills it */
};
/* A line of the journal; takes the reference. */
int trn_gate_book(int folder, json_t *line) TRN_MUST_CHECK;
json_t *trn_gate_told_json(const struct trn_gate_told *t, uint64_t transaction);
json_t *trn_gate_reasons(const struct trn_diff *d);
/* Nothing was before it: what a scan finds in it alone. */
json_t *trn_gate_alone(const struct trn_release *r, enum trn_verdict *ret_verdict, uint16_t *ret_score);
#define TRN_GATE_REASONS 10u
json_t *trn_gate_reason(const struct trn_release_member *m, const struct trn_finding *f);
void trn_gate_say_reasons(FILE *to, const json_t *reasons);
void trn_gate_say_bad_rule(FILE *to, struct trn_str file, uint32_t line, struct trn_str why);
/* Lines of the journal that are objects, oldest first, the last `most` of them. */
json_t *trn_gate_book_read(int folder, size_t most);
/* What holds now for this package and content: the object, or NULL. */
json_t *trn_gate_allowed(int folder, struct trn_str name, struct trn_str version, const char *sha256);
json_t *trn_gate_allow_list(int folder); /* also those that are over */
int trn_gate_allow(struct trn_cli *cli, struct trn_err *err) TRN_MUST_CHECK;
json_t *trn_gate_now(const char *event); /* {"event":..., "time":...} */
#define TRN_GATE_VERDICTS "verdicts"
/* A verdict that was given before for these two contents under this question: NULL: none. */
json_t *trn_gate_remembered(int folder, const uint8_t key[TRN_SHA256_SIZE]);
void trn_gate_remember(int folder, const uint8_t key[TRN_SHA256_SIZE], const json_t *verdict);

/* Other files of lines in the folder, the same care. */
json_t *trn_gate_lines(int folder, const char *name, size_t most);
int trn_gate_append(int folder, const char *name, json_t *line) TRN_MUST_CHECK;

/* ---- cmd_gate_watched.c: kept packages of watched software, and the command that goes back ---- */
void trn_gate_put_watched(const struct trn_gate_config *c, const char *state, int folder, struct trn_buf *b);
json_t *trn_gate_watched_json(const struct trn_gate_config *c, const char *state, int folder);

/* ---- cmd_gate_features.c: what was told of a release, by its content; in the folder of the gate ---- */
/* key: a hash over the content and the question. -ENOENT: none, or not readable. */
int trn_gate_features_read(int folder, const uint8_t key[TRN_SHA256_SIZE], struct trn_release **ret) TRN_MUST_CHECK;
void trn_gate_features_keep(int folder, const uint8_t key[TRN_SHA256_SIZE], const struct trn_release *r);
/* Of features and of verdicts (cmd_gate_books.c), those that were not used for longest go when there are too many. */
void trn_gate_known_within(int folder);

/* ---- cmd_gate_place.c: what a publish place has ---- */
#define TRN_GATE_VERDICT_END ".turncoat.json"
struct trn_gate_published { /* one file */
    char *path;             /* owned; from the place on: "stable/acme-1.1.deb" */
    size_t base;            /* where its name begins in it */
    char *key;              /* owned; the same for all versions of a product */
    struct stat st;
    struct trn_gate_published *before; /* the version before it; NULL: none */
    bool known, bad;                   /* it was judged; nothing is compared with it */
};
struct trn_gate_place {
    int dir;                          /* borrowed */
    struct trn_gate_published *files; /* by product, then version */
    size_t n, cap;
    char **folders; /* "" is the place itself */
    size_t n_folders;
    size_t later;      /* those that may still be written: not among the files */
    uint64_t left_out; /* folders and names that were not looked at */
};
int trn_gate_place_read(struct trn_gate_place *p) TRN_MUST_CHECK;
/* A path of it, never through a link. fd or negative errno. */
int trn_gate_place_open(const struct trn_gate_place *p, const char *path, int flags) TRN_MUST_CHECK;
void trn_gate_place_forget(struct trn_gate_place *p);

/* ---- cmd_gate_tell.c: into the story of that version ---- */
/* What was found in an update, to the engine; kept for later when it does not answer. 0 when either worked. *answers: false and it is
 * not asked; it gets to be false when it was asked and did not answer. */
int trn_gate_tell(const char *state, int folder, const struct trn_gate_told *t, bool *answers) TRN_MUST_CHECK;
int trn_gate_tell_untold(const char *state, int folder);

/* ---- cmd_gate_apt.c, cmd_gate_show.c, cmd_gate_sweep.c: the verbs ---- */
int trn_gate_run_apt(struct trn_cli *cli);
int trn_gate_run_ahead(struct trn_cli *cli);
int trn_gate_show_status(struct trn_cli *cli);
int trn_gate_show_list(struct trn_cli *cli);
int trn_gate_sweep_once(struct trn_cli *cli);
int trn_gate_sweep_stay(struct trn_cli *cli);

#endif
