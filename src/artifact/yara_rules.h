/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YARA behind the matcher interface: libyara 4.2 and nothing of it in anybody else's sight.
 *
 *   sources (bundle) --trn_yara_compile--> rules --fork--> trn_yara_scanner_new in each worker --> struct trn_matcher
 *
 * Each file of the bundle is a namespace named by its path; includes are refused; a file that does not compile costs itself.
 * Defined for every rule, as strings: filename filepath extension filetype filemode md5 id owner group unpack_parent
 * unpack_source (what they hold: docs/yara.md). Rules are code: compile only what its user chose, load only a cache that
 * nobody else can write (it is checked: owner, mode, key, hash).
 *
 * Contents up to 32 MiB are seen whole. Of larger ones a rule sees blocks of 4 MiB that overlap by 64 KiB: filesize, offsets,
 * integers at a place and the hash module are right; a string longer than the overlap that lies across a border is not found, and
 * the module pe sees the first block only.
 */
#ifndef TRN_ARTIFACT_YARA_RULES_H
#define TRN_ARTIFACT_YARA_RULES_H

#include "artifact/artifact.h"

struct trn_yara_rules; /* compiled; scanning changes flags of rules and back: one scan at a time in a process */

struct trn_yara_options {
    size_t sz;
    int bundle;   /* sources (software/software.h), borrowed; only pread */
    int cache_in; /* what cache_out got for these sources, borrowed; -1: none. Anything wrong with it: compiled again */
    int cache_out; /* written by pwrite from 0 on when cache_in did not serve, borrowed; -1: nowhere. Failure is no error */
    /* A file that was left out: its path in the bundle (raw), line (0: the whole file), words (escaped). May be NULL. */
    void (*bad_rule)(void *ctx, struct trn_str file, uint32_t line, struct trn_str why);
    void *ctx;
};

/* Before the sandbox closes: libyara and libcrypto set themselves up. What follows may run behind closed doors. */
int trn_yara_warm(struct trn_err *err) TRN_MUST_CHECK;
/* -EINVAL: no file of the bundle compiles. */
int trn_yara_compile(const struct trn_yara_options *o, struct trn_yara_rules **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_yara_rules *trn_yara_rules_free(struct trn_yara_rules *r); /* takes NULL */
uint32_t trn_yara_rules_count(const struct trn_yara_rules *r);
bool trn_yara_rules_cached(const struct trn_yara_rules *r); /* came from cache_in */
static inline void trn_yara_rules_freep(struct trn_yara_rules **r)
{
    *r = trn_yara_rules_free(*r);
}

/* One a worker. Best made once in the mother (it warms what libraries load lazily) and inherited: after a fork each process has
 * its own. */
struct trn_yara_scanner;
/* milliseconds: what one content may take, and as much more for each 64 MiB of it; 0: 10,000. On a time-out the rules are run again in
 * groups, so that only the slow rule is lost for this content: trn_matcher.match then gives -ETIME. */
int trn_yara_scanner_new(struct trn_yara_rules *rules, uint32_t milliseconds, struct trn_yara_scanner **ret,
                         struct trn_err *err) TRN_MUST_CHECK;
struct trn_yara_scanner *trn_yara_scanner_free(struct trn_yara_scanner *s); /* takes NULL; before its rules */
struct trn_matcher trn_yara_matcher(struct trn_yara_scanner *s);            /* lives as long as s */
static inline void trn_yara_scanner_freep(struct trn_yara_scanner **s)
{
    *s = trn_yara_scanner_free(*s);
}

#endif
