/* SPDX-License-Identifier: Apache-2.0 */
/*
 * struct trn_str: a borrowed view of bytes. p == NULL means absent, which is not the same as empty
 * (p != NULL, n == 0). The bytes may hold anything, also NUL; they are not NUL-terminated unless the
 * function that made them says so. Passed by value.
 */
#ifndef TRN_BASE_STR_H
#define TRN_BASE_STR_H

#include "base/macros.h"

#include <string.h>

struct trn_str {
    const char *p;
    size_t n;
};

#define TRN_STR(literal) ((struct trn_str){(literal), sizeof(literal) - 1})
#define TRN_STR_NONE ((struct trn_str){NULL, 0})
/* For printf("%.*s"): TRN_STR_ARG(s). Only for text that is already escaped or trusted. */
#define TRN_STR_ARG(s) (int)(s).n, ((s).p ? (s).p : "")

static inline struct trn_str trn_str_of(const char *c) /* c may be NULL: absent */
{
    return (struct trn_str){c, c ? strlen(c) : 0};
}
static inline bool trn_str_is_none(struct trn_str s)
{
    return s.p == NULL;
}
static inline bool trn_str_is_empty(struct trn_str s) /* absent or empty */
{
    return s.n == 0;
}
bool trn_str_eq(struct trn_str a, struct trn_str b); /* two absent ones are equal; absent != empty */
bool trn_str_eq_c(struct trn_str a, const char *b);
int trn_str_cmp(struct trn_str a, struct trn_str b); /* bytewise; absent sorts first */
/* Is s one of these few words? TRN_ONE_OF(s, "a", "b") */
bool trn_str_one_of(struct trn_str s, const char *const *words, size_t n);
#define TRN_ONE_OF(s, ...) \
    trn_str_one_of(s, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
/* The entry of a table sorted that way that equals s; NULL: none. */
const char *trn_str_in_table(struct trn_str s, const char *const *table, size_t n);
bool trn_str_starts(struct trn_str s, struct trn_str prefix);
bool trn_str_ends(struct trn_str s, struct trn_str suffix);
bool trn_str_contains(struct trn_str s, struct trn_str needle);
/* Index of the first/last byte c, or -1. */
ptrdiff_t trn_str_find(struct trn_str s, char c);
ptrdiff_t trn_str_rfind(struct trn_str s, char c);
/* Sub-view; from and n are clamped to s. */
struct trn_str trn_str_slice(struct trn_str s, size_t from, size_t n);
struct trn_str trn_str_trim(struct trn_str s); /* ASCII white space at both ends */
/* Last path component ("/usr/bin/id" -> "id"), and everything before it ("/usr/bin"; "/" for "/x"). */
struct trn_str trn_path_base(struct trn_str path);
struct trn_str trn_path_dir(struct trn_str path);
/* Splits off the text before the first c: *rest is advanced behind it. False when *rest is used up
 * (absent); the last piece is returned with true. */
bool trn_str_split(struct trn_str *rest, char c, struct trn_str *ret_piece);
/* A code point (at most 0x10ffff) as UTF-8; how many bytes: 1 to 4. */
size_t trn_utf8_of(uint32_t c, char dst[4]);
/* Decimal or 0x-hex, the whole text, no sign, no space. 0 or -EINVAL/-ERANGE. */
int trn_str_u64(struct trn_str s, uint64_t *ret) TRN_MUST_CHECK;
/* Shell-like glob over all bytes: '*' any run (also '/'), '?' one byte, '\' escapes. Time at most
 * pattern times text (no exponential backtracking). Absent matches nothing. ASCII case is ignored when fold is true. */
bool trn_glob(struct trn_str pattern, struct trn_str s, bool fold);

#endif
