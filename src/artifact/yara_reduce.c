/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which rules cannot match a content of which only is known that it does not begin with "MZ" (and, for the set of large
 * ones, that it has more than TRN_YARA_LARGE_FROM bytes). libyara evaluates every condition for every content and fills the
 * tables of module pe for it: on a tree of small ELF files and scripts that is most of its time.
 * Also which of those that stay cannot match as long as none of their strings was found (yara_quiet.c).
 * Must not: leave out a rule that could match. A condition is read as a tree (yara_condition.c); a part of it is known to be
 * false only when it is one of the few shapes below; everything else may be true. Rules that others ask for, and global ones,
 * always stay. What stays keeps its lines.
 *
 * Of a content without "MZ" module pe defines nothing (tests/unit/artifact/test_yara_reduce.c asks libyara for each word in
 * pe_words); comparing something undefined is undefined, and that is false to `and`, `or` and a rule.
 */
#include "artifact/yara_condition.h"
#include "artifact/yara_internal.h"

#include <stdio.h>

#define MZ_LE 0x5a4du
#define MZ_BE 0x4d5au

const char *const trn_yara_pe_words[] = {
    "calculate_checksum",
    "characteristics",
    "checksum",
    "entry_point",
    "exports",
    "image_base",
    "imphash",
    "imports",
    "is_32bit",
    "is_64bit",
    "is_dll",
    "linker_version",
    "machine",
    "number_of_exports",
    "number_of_imports",
    "number_of_resources",
    "number_of_sections",
    "number_of_signatures",
    "overlay",
    "pdb_path",
    "resources",
    "rich_signature",
    "section_index",
    "sections",
    "signatures",
    "size_of_image",
    "subsystem",
    "timestamp",
    "version_info",
    NULL,
};

struct reduce {
    struct trn_yara_parsed p;
    enum trn_yara_set set;
    char *out;
    bool changed, without_strings, write;
};

static bool is(const struct reduce *r, size_t i, const char *what)
{
    return trn_yara_is(&r->p, i, what);
}

static bool is_op(const struct reduce *r, size_t i, uint16_t op)
{
    return trn_yara_is_op(&r->p, i, op);
}

/* pe . WORD, of those that are undefined without a PE. */
static bool is_pe_word(const struct reduce *r, size_t lo, size_t hi)
{
    if (!trn_yara_begins(&r->p, lo, hi, (const char *const[]){"pe", ".", NULL}) || hi - lo < 3)
        return false;
    for (size_t i = 0; trn_yara_pe_words[i]; i++)
        if (is(r, lo + 2, trn_yara_pe_words[i]))
            return true;
    return false;
}

/* ---- shapes that are known to be false ---- */

/* uint16(0) == N and the like, for an N that only a content with "MZ" at its start has. */
static bool false_magic(const struct reduce *r, size_t lo, size_t hi)
{
    static const char *const reads[] = {"uint16", "uint32", "uint16be", "uint32be"};
    if (hi - lo != 6)
        return false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(reads); i++) {
        if (!trn_yara_begins(&r->p, lo, hi, (const char *const[]){reads[i], "(", "#", ")", "==", "#", NULL}))
            continue;
        uint64_t v = r->p.tokens[lo + 5].value;
        return r->p.tokens[lo + 2].value == 0 && v != UINT64_MAX &&
               (i == 0   ? v == MZ_LE
                : i == 1 ? (v & 0xffff) == MZ_LE
                : i == 2 ? v == MZ_BE
                         : v >> 16 == MZ_BE);
    }
    return false;
}

/* filesize < N, <= N, == N, for an N that a large content does not go below. */
static bool false_size(const struct reduce *r, size_t lo, size_t hi)
{
    if (r->set != TRN_YARA_LARGE || hi - lo != 3 || !is(r, lo, "filesize"))
        return false;
    uint64_t v = r->p.tokens[lo + 2].value;
    if (r->p.tokens[lo + 2].kind != TRN_YARA_NUMBER || v == UINT64_MAX)
        return false;
    if (is(r, lo + 1, "<"))
        return v <= TRN_YARA_LARGE_FROM + 1;
    return (is(r, lo + 1, "<=") || is(r, lo + 1, "==")) && v <= TRN_YARA_LARGE_FROM;
}

/* pe.WORD... alone, or compared with whatever. */
static bool false_pe(const struct reduce *r, size_t lo, size_t hi)
{
    static const char *const operators[] = {"==",          "!=",       "<",         ">",         "<=",
                                            ">=",          "&",        "contains",  "icontains", "startswith",
                                            "istartswith", "endswith", "iendswith", "iequals",   "matches"};
    if (!is_pe_word(r, lo, hi))
        return false;
    size_t i = lo + 3;
    while (i < hi) {
        if (is_op(r, i, '(') || is_op(r, i, '['))
            i = trn_yara_behind(&r->p, i, hi);
        else if (is_op(r, i, '.') && i + 1 < hi && r->p.tokens[i + 1].kind == TRN_YARA_IDENT)
            i += 2;
        else
            break;
    }
    if (i >= hi)
        return true;
    bool known = false;
    for (size_t k = 0; k < TRN_ARRAY_SIZE(operators); k++)
        known = known || is(r, i, operators[k]);
    for (size_t k = i; known && k < hi; k++) /* one comparison, nothing with words of its own */
        known = !is(r, k, "not") && !is(r, k, "defined") && !is(r, k, "of") && !is(r, k, "for");
    return known;
}

/* pe.is_pe alone: it is the one that is defined, as 0. */
static bool false_is_pe(const struct reduce *r, size_t lo, size_t hi)
{
    return hi - lo == 3 && trn_yara_begins(&r->p, lo, hi, (const char *const[]){"pe", ".", "is_pe", NULL});
}

/* for any X in (N..pe.WORD ...) : (...) and for any X in pe.WORD : (...) go round no time. */
static bool false_loop(const struct reduce *r, size_t lo, size_t hi)
{
    if (!trn_yara_begins(&r->p, lo, hi, (const char *const[]){"for", "any", NULL}) || hi - lo < 12)
        return false;
    size_t i = lo + 3;
    if (!is(r, i++, "in"))
        return false;
    size_t end;
    if (is_op(r, i, '(')) {
        if (!trn_yara_begins(&r->p, i, hi, (const char *const[]){"(", "#", "..", NULL}) || !is_pe_word(r, i + 3, hi))
            return false;
        end = trn_yara_behind(&r->p, i, hi);
    } else {
        if (!is_pe_word(r, i, hi))
            return false;
        end = i + 3;
    }
    return end + 1 < hi && is_op(r, end, ':') && is_op(r, end + 1, '(') && trn_yara_behind(&r->p, end + 1, hi) == hi;
}

/* $x at pe.entry_point */
static bool false_at(const struct reduce *r, size_t lo, size_t hi)
{
    return hi - lo == 5 && r->p.tokens[lo].kind == TRN_YARA_STRING && is(r, lo + 1, "at") && is_pe_word(r, lo + 2, hi);
}

/* ---- the tree ---- */

static void blank(struct reduce *r, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        if (r->out[i] != '\n' && r->out[i] != '\r')
            r->out[i] = ' ';
    r->changed = true;
}

/* Puts words in place of the tokens, when there is room on their first line. */
static bool put(struct reduce *r, size_t lo, size_t hi, const char *words)
{
    const struct trn_yara_token *a = &r->p.tokens[lo], *b = &r->p.tokens[hi - 1];
    size_t n = strlen(words);
    if (b->at + b->n - a->at < n || memchr(r->out + a->at, '\n', n) || memchr(r->out + a->at, '\r', n))
        return false;
    blank(r, a->at, b->at + b->n);
    memcpy(r->out + a->at, words, n);
    for (size_t i = lo; i < hi; i++)
        r->p.tokens[i].kind = TRN_YARA_PUNCT; /* no longer an identifier: the import may go */
    return true;
}

static bool has_strings(const struct reduce *r, size_t lo, size_t hi)
{
    for (size_t i = lo; i < hi; i++)
        if (r->p.tokens[i].kind == TRN_YARA_STRING || is(r, i, "them"))
            return true;
    return false;
}

/* A part that is false and asks module pe is put otherwise, so that the module is not needed; its strings stay referenced. */
static void write_false(struct reduce *r, size_t lo, size_t hi)
{
    char text[96];
    if (!has_strings(r, lo, hi)) {
        (void)put(r, lo, hi, "false");
    } else if (false_at(r, lo, hi) && r->p.tokens[lo].n < 64) {
        (void)snprintf(text, sizeof(text), "(%.*s and false)", TRN_STR_ARG(trn_yara_token_text(&r->p, lo)));
        (void)put(r, lo, hi, text);
    }
}

static bool leaf(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth)
{
    struct reduce *r = j->ctx;
    if (r->without_strings && trn_yara_false_without_strings(j, lo, hi, depth))
        return true;
    if (r->set == TRN_YARA_ALL)
        return false;
    size_t bare = is(r, lo, "not") ? lo + 1 : lo; /* not undefined is undefined */
    bool pe = false_pe(r, bare, hi) || false_is_pe(r, lo, hi) || false_loop(r, lo, hi) || false_at(r, lo, hi);
    if (pe && r->write)
        write_false(r, lo, hi);
    return pe || false_magic(r, lo, hi) || false_size(r, lo, hi);
}

/* Is a rule's condition false whatever the content of the set? */
static bool is_false(struct reduce *r, const struct trn_yara_rule_text *rule, bool without_strings, bool write)
{
    struct trn_yara_judge j = {&r->p, leaf, r};
    r->without_strings = without_strings;
    r->write = write;
    return trn_yara_false(&j, rule->condition, rule->condition_end, 0);
}

/* ---- a file ---- */

static void refer(struct reduce *r, size_t i)
{
    struct trn_str name = trn_yara_token_text(&r->p, i);
    bool many = i + 1 < r->p.n_tokens && is_op(r, i + 1, '*');
    for (size_t k = 0; k < r->p.n_rules; k++) {
        struct trn_yara_rule_text *rule = &r->p.rules[k];
        if (many ? trn_str_starts(rule->name, name) : trn_str_eq(rule->name, name))
            rule->referenced = true;
    }
}

/* Rules that a condition of the file asks for by name, or by the beginning of names and "*". */
static void mark_referenced(struct reduce *r, struct trn_map *names)
{
    uint64_t unused;
    for (size_t k = 0; k < r->p.n_rules; k++)
        for (size_t i = r->p.rules[k].condition; i < r->p.rules[k].condition_end; i++) {
            if (r->p.tokens[i].kind != TRN_YARA_IDENT)
                continue;
            bool many = is_op(r, i + 1, '*');
            if (many || trn_map_get(names, trn_hash64_str(trn_yara_token_text(&r->p, i)), &unused))
                refer(r, i);
        }
}

static bool uses(const struct reduce *r, struct trn_str module)
{
    for (size_t k = 0; k < r->p.n_rules; k++) {
        const struct trn_yara_rule_text *rule = &r->p.rules[k];
        for (size_t i = rule->condition; !rule->left_out && i < rule->condition_end; i++)
            if (r->p.tokens[i].kind == TRN_YARA_IDENT && trn_str_eq(trn_yara_token_text(&r->p, i), module) &&
                is_op(r, i + 1, '.'))
                return true;
    }
    return false;
}

static int add_name(struct trn_yara_names *names, struct trn_str name)
{
    if (names->n == names->cap) {
        size_t cap = names->cap ? names->cap * 2 : 16;
        struct trn_str *more = reallocarray(names->v, cap, sizeof(*more));
        if (!more)
            return -ENOMEM;
        names->v = more;
        names->cap = cap;
    }
    names->v[names->n++] = name;
    return 0;
}

static int reduce_file(struct reduce *r, struct trn_yara_names *quiet)
{
    int e = 0;
    for (size_t k = 0; k < r->p.n_rules; k++) {
        struct trn_yara_rule_text *rule = &r->p.rules[k];
        bool alone = !rule->global && !rule->referenced;
        rule->left_out = alone && r->set != TRN_YARA_ALL && is_false(r, rule, false, false);
        if (e == 0 && alone && !rule->left_out && is_false(r, rule, true, false))
            e = add_name(quiet, rule->name);
        if (rule->left_out)
            blank(r, rule->from, rule->to);
        else
            (void)is_false(r, rule, false, true);
    }
    for (size_t i = 0; r->changed && i < r->p.n_imports; i++)
        if (!uses(r, r->p.imports[i].module))
            blank(r, r->p.imports[i].from, r->p.imports[i].to);
    return e;
}

static void reduce_done(struct reduce *r)
{
    trn_yara_parsed_done(&r->p);
    free(r->out);
}

int trn_yara_reduce(const char *text, size_t n, enum trn_yara_set set, char **ret, struct trn_yara_names *quiet)
{
    TRN_AUTO(reduce_done) struct reduce r = {.set = set};
    int e = trn_yara_lex((struct trn_str){text, n}, &r.p);
    if (e < 0 || r.p.n_rules == 0)
        return e == -EBADMSG || e == 0 ? 0 : e;
    TRN_AUTO(trn_map_freep) struct trn_map *names = trn_map_new(r.p.n_rules + 1);
    r.out = malloc(n + 1);
    if (!r.out || !names)
        return -ENOMEM;
    memcpy(r.out, text, n + 1);
    for (size_t k = 0; e == 0 && k < r.p.n_rules; k++)
        e = trn_map_put(names, trn_hash64_str(r.p.rules[k].name), 1);
    if (e < 0)
        return e;
    mark_referenced(&r, names);
    e = reduce_file(&r, quiet);
    if (e == 0 && r.changed)
        *ret = TRN_STEAL(r.out);
    return e;
}
