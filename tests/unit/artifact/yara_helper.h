/* SPDX-License-Identifier: Apache-2.0 */
/* Rules given as text, contents given as bytes, what matched as text. */
#ifndef TRN_TEST_YARA_HELPER_H
#define TRN_TEST_YARA_HELPER_H

#include "artifact/yara_scanner.h"

struct yara_source {
    const char *name, *text;
    size_t n; /* 0: strlen */
};
struct yara_world { /* zeroed is a good start */
    struct trn_yara_rules *rules;
    struct trn_yara_scanner *scanner;
    struct trn_arena *arena;
    struct trn_err err;
    struct trn_artifact artifact;
    uint32_t milliseconds;
    uint64_t deadline_ns; /* 0: none */
    int refuse;           /* what found says */
    char bad[4096];       /* "file:line: words\n" */
    char found[65536];    /* "rule rule " in the order told */
    uint32_t n;
    uint16_t score;
    char evidence[4096], summary[1024]; /* of the last */
};
int yara_bundle(const struct yara_source *files, size_t n);
/* Also makes the scanner. */
int yara_compile(struct yara_world *w, const struct yara_source *files, size_t n, int cache_in, int cache_out);
int yara_compile_bundle(struct yara_world *w, int bundle, int cache_in, int cache_out);
int yara_match(struct yara_world *w, const char *bytes, size_t n, const char *name);
int yara_match_source(struct yara_world *w, const struct trn_source *s, const char *name);
void yara_done(struct yara_world *w);

#endif
