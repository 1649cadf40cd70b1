/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the YARA part of the room. */
#ifndef TRN_ARTIFACT_YARA_INTERNAL_H
#define TRN_ARTIFACT_YARA_INTERNAL_H

#include "artifact/yara_rules.h"

#include <yara.h>

/* The same rules, compiled for three kinds of content. A rule is left out of a set only when yara_reduce.c proves that it
 * cannot match there: so for each content one set gives what all rules would. */
enum trn_yara_set {
    TRN_YARA_ALL = 0, /* contents that begin with "MZ" */
    TRN_YARA_PLAIN,   /* all others */
    TRN_YARA_LARGE,   /* those of more than TRN_YARA_LARGE_FROM bytes */
    TRN_YARA_SETS,
};
#define TRN_YARA_LARGE_FROM (1u << 20)

#define TRN_YARA_FILES_MAX 65536u
#define TRN_YARA_SOURCE_MAX (64ull << 20) /* all sources together */
#define TRN_YARA_CACHE_MAX (512ull << 20)
#define TRN_YARA_WHY_MAX 320

struct trn_yara_names {
    struct trn_str *v; /* owned; the names are views */
    size_t n, cap;
};
struct trn_yara_file {
    struct trn_str path;
    char *name;                  /* path up to its first NUL, as libyara's namespace; owned */
    char *text;                  /* NUL-terminated; owned */
    char *reduced;               /* for the set that is being compiled; NULL: text serves; owned */
    struct trn_yara_names quiet; /* views into text */
    size_t n;
    bool bad;
};
struct trn_yara_bad {
    struct trn_str file; /* in the arena */
    uint32_t line;
    struct trn_str why;
};
struct trn_yara_rules {
    YR_RULES *set[TRN_YARA_SETS];
    uint8_t *quiet[TRN_YARA_SETS]; /* a byte a rule (yara_quiet.c); owned */
    uint32_t count;
    bool cached, initialised;
    struct trn_arena *arena;
    struct trn_yara_bad *bad; /* owned */
    size_t n_bad;
};

/* yara_reduce.c: the text without the rules that cannot match contents of the set, as long as the text and with the same line
 * breaks. NULL in *ret: nothing to leave out. quiet: names (views into text) of those that stay and cannot match a content in
 * which none of their strings was found. -ENOMEM. Text that is not understood is left as it is. */
int trn_yara_reduce(const char *text, size_t n, enum trn_yara_set set, char **ret, struct trn_yara_names *quiet)
    TRN_MUST_CHECK;

/* yara_quiet.c: conditions that need not be evaluated.
 * A byte for each rule of a set: 1 when it cannot match without one of its strings. As long as num_rules. */
int trn_yara_quiet_mark(const struct trn_yara_file *files, size_t n, const YR_RULES *rules, uint8_t **ret)
    TRN_MUST_CHECK;
/* Once all strings were looked for, before the first condition: quiet rules of which no string was found are skipped. */
void trn_yara_quiet_skip(YR_SCAN_CONTEXT *scan, const uint8_t *quiet, uint8_t *wanted);
/* All that were skipped are there again. */
void trn_yara_quiet_end(YR_RULES *rules, const uint8_t *wanted);
#define TRN_YARA_FIRST "import \"time\"\n" /* in front of all files: libyara says when it starts on the conditions */
#define TRN_YARA_FIRST_NAME "/"            /* no file of a bundle has this name */

extern const char *const trn_yara_pe_words[]; /* of module pe: undefined without a PE; NULL-ended */

/* yara_cache.c */
#define TRN_YARA_KEY TRN_SHA256_SIZE
struct trn_yara_body { /* what a cache holds, checked, before libyara sees it; views into the bytes */
    struct trn_str set[TRN_YARA_SETS], quiet[TRN_YARA_SETS];
    uint32_t count, n_bad;
    struct trn_cursor bad; /* n_bad times lstr file, u32 line, lstr why: known to be whole */
};
/* -ESTALE: of other sources or another version; -EBADMSG: not one, cut off, or changed. */
int trn_yara_cache_parse(struct trn_str bytes, const uint8_t key[TRN_YARA_KEY], struct trn_yara_body *ret)
    TRN_MUST_CHECK;
/* Into r: sets and bad files. Negative: use the sources. */
int trn_yara_cache_load(int fd, const uint8_t key[TRN_YARA_KEY], struct trn_yara_rules *r) TRN_MUST_CHECK;
int trn_yara_cache_save(int fd, const uint8_t key[TRN_YARA_KEY], const struct trn_yara_rules *r) TRN_MUST_CHECK;
int trn_yara_add_bad(struct trn_yara_rules *r, struct trn_str file, uint32_t line, struct trn_str why) TRN_MUST_CHECK;

/* yara_match.c: what a match is as a finding. */
struct trn_yara_told {
    const struct trn_source *bytes; /* of the content: for excerpts */
    struct trn_arena *arena;
    int (*found)(void *ctx, const struct trn_finding *f);
    void *found_ctx;
    int code; /* what found said, or -ENOMEM: ends the scan */
};
int trn_yara_tell(struct trn_yara_told *t, YR_SCAN_CONTEXT *scan, const YR_RULE *rule) TRN_MUST_CHECK;

/* yara_blocks.c: a source as blocks. */
struct trn_yara_blocks {
    YR_MEMORY_BLOCK_ITERATOR it; /* for libyara */
    YR_MEMORY_BLOCK block;
    const struct trn_source *src;
    uint8_t *head, *body; /* the first block, and the one that was asked for last; owned */
    bool head_read;
    uint64_t held; /* base of what is in body; 0: nothing */
    int code;      /* of reading */
};
int trn_yara_blocks_init(struct trn_yara_blocks *b, const struct trn_source *src) TRN_MUST_CHECK;
void trn_yara_blocks_done(struct trn_yara_blocks *b);

/* yara_vars.c: the variables that rules may ask for, set for one content. */
extern const char *const trn_yara_variables[]; /* NULL-ended */
struct trn_yara_place {                        /* kinds of the containers above, by depth */
    enum trn_format formats[64];
};
int trn_yara_set_variables(YR_SCANNER *scan, const struct trn_yara_place *place, const struct trn_artifact *a,
                           struct trn_str name) TRN_MUST_CHECK;

#endif
