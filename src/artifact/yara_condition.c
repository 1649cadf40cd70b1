/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading a rule's condition as a tree, and which parts of one are false when none of its strings was found.
 * Must not: call a part false that could be true. Only the shapes below are known; all else may be true.
 * Every string that a condition names exists (libyara's compiler sees to it), so `any of`, `all of` and `N of` have one at least.
 */
#include "artifact/yara_condition.h"

#define DEPTH_MAX 48

bool trn_yara_is(const struct trn_yara_parsed *p, size_t i, const char *what)
{
    return trn_str_eq_c(trn_yara_token_text(p, i), what);
}

bool trn_yara_is_op(const struct trn_yara_parsed *p, size_t i, uint16_t op)
{
    return p->tokens[i].kind == TRN_YARA_PUNCT && p->tokens[i].op == op;
}

bool trn_yara_begins(const struct trn_yara_parsed *p, size_t lo, size_t hi, const char *const *words)
{
    for (; *words; words++, lo++) {
        if (lo >= hi)
            return false;
        if (**words == '#' ? p->tokens[lo].kind != TRN_YARA_NUMBER : !trn_yara_is(p, lo, *words))
            return false;
    }
    return true;
}

size_t trn_yara_behind(const struct trn_yara_parsed *p, size_t i, size_t hi)
{
    size_t depth = 0;
    for (; i < hi; i++) {
        if (trn_yara_is_op(p, i, '(') || trn_yara_is_op(p, i, '['))
            depth++;
        else if ((trn_yara_is_op(p, i, ')') || trn_yara_is_op(p, i, ']')) && --depth == 0)
            return i + 1;
    }
    return hi;
}

/* The bracket at lo closes at the very end. */
static bool in_brackets(const struct trn_yara_parsed *p, size_t lo, size_t hi)
{
    return lo < hi && trn_yara_is_op(p, lo, '(') && trn_yara_behind(p, lo, hi) == hi && trn_yara_is_op(p, hi - 1, ')');
}

/* ---- the tree ---- */

/* The next place of the word at depth 0 from lo on; hi: none. */
static size_t split(const struct trn_yara_parsed *p, size_t lo, size_t hi, const char *at)
{
    size_t i = lo;
    while (i < hi && !(p->tokens[i].kind == TRN_YARA_IDENT && trn_yara_is(p, i, at)))
        i = trn_yara_is_op(p, i, '(') || trn_yara_is_op(p, i, '[') ? trn_yara_behind(p, i, hi) : i + 1;
    return i;
}

static bool leaf(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth)
{
    if (lo >= hi || depth > DEPTH_MAX)
        return false;
    if (in_brackets(j->p, lo, hi))
        return trn_yara_false(j, lo + 1, hi - 1, depth + 1);
    return j->is_false(j, lo, hi, depth);
}

static bool all(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth)
{
    bool no = false;
    for (size_t end; lo <= hi; lo = end + 1) {
        end = split(j->p, lo, hi, "and");
        no = leaf(j, lo, end, depth) || no;
    }
    return no;
}

bool trn_yara_false(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth)
{
    bool no = true;
    for (size_t end; lo <= hi; lo = end + 1) {
        end = split(j->p, lo, hi, "or");
        no = all(j, lo, end, depth) && no;
    }
    return no;
}

/* ---- without strings ---- */

/* $a, #a, @a: the token's kind is the same, its first letter is not. */
static bool is_string(const struct trn_yara_parsed *p, size_t i, char sigil)
{
    struct trn_str t = trn_yara_token_text(p, i);
    return p->tokens[i].kind == TRN_YARA_STRING && t.n && t.p[0] == sigil;
}

static bool at_least_one(const struct trn_yara_parsed *p, size_t i)
{
    return p->tokens[i].kind == TRN_YARA_NUMBER && p->tokens[i].value >= 1 && p->tokens[i].value != UINT64_MAX;
}

/* $a; $a at ...; $a in (...) */
static bool one_string(const struct trn_yara_parsed *p, size_t lo, size_t hi)
{
    if (!is_string(p, lo, '$'))
        return false;
    if (hi - lo == 1)
        return true;
    if (trn_yara_is(p, lo + 1, "in"))
        return in_brackets(p, lo + 2, hi);
    if (!trn_yara_is(p, lo + 1, "at") || hi - lo < 3)
        return false;
    for (size_t i = lo + 2; i < hi; i++) { /* a place, nothing that compares */
        uint16_t op = p->tokens[i].kind == TRN_YARA_PUNCT ? p->tokens[i].op : '.';
        if (op != '.' && op != '(' && op != ')' && op != '+' && op != '-' && op != '*' && op != '[' && op != ']')
            return false;
        if (trn_yara_is(p, i, "not") || trn_yara_is(p, i, "of") || trn_yara_is(p, i, "for"))
            return false;
    }
    return true;
}

/* #a > N; #a >= N and #a == N for an N from 1 on */
static bool count_of_one(const struct trn_yara_parsed *p, size_t lo, size_t hi)
{
    if (hi - lo != 3 || !is_string(p, lo, '#') || p->tokens[lo + 2].kind != TRN_YARA_NUMBER)
        return false;
    if (trn_yara_is(p, lo + 1, ">"))
        return true;
    return (trn_yara_is(p, lo + 1, ">=") || trn_yara_is(p, lo + 1, "==")) && at_least_one(p, lo + 2);
}

/* them, or ($a, $b*): index behind it; 0: no strings (rules can be meant too). */
static size_t behind_strings(const struct trn_yara_parsed *p, size_t lo, size_t hi)
{
    if (lo < hi && trn_yara_is(p, lo, "them"))
        return lo + 1;
    if (lo >= hi || !trn_yara_is_op(p, lo, '('))
        return 0;
    size_t end = trn_yara_behind(p, lo, hi);
    for (size_t i = lo + 1; i + 1 < end; i++)
        if (!is_string(p, i, '$') && !trn_yara_is_op(p, i, ',') && !trn_yara_is_op(p, i, '*'))
            return 0;
    return end - lo > 2 ? end : 0;
}

/* any of, all of, N of, N% of: index behind "of"; 0: something else, as `none of` or `0 of`. */
static size_t behind_of(const struct trn_yara_parsed *p, size_t lo, size_t hi)
{
    size_t i = lo;
    if (i >= hi || !(trn_yara_is(p, i, "any") || trn_yara_is(p, i, "all") || at_least_one(p, i)))
        return 0;
    i++;
    if (i < hi && trn_yara_is_op(p, i, '%'))
        i++;
    return i < hi && trn_yara_is(p, i, "of") ? i + 1 : 0;
}

/* any of them; 2 of ($a*) in (...) */
static bool some_of(const struct trn_yara_parsed *p, size_t lo, size_t hi)
{
    size_t i = behind_of(p, lo, hi);
    i = i ? behind_strings(p, i, hi) : 0;
    return i && (i == hi || (trn_yara_is(p, i, "in") && in_brackets(p, i + 1, hi)));
}

/* for any of them : ( a body that is false ); for any i in (1..#a) : ( ... ), which goes round no time */
static bool loop(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth)
{
    const struct trn_yara_parsed *p = j->p;
    if (!trn_yara_is(p, lo, "for"))
        return false;
    if (trn_yara_begins(p, lo, hi, (const char *const[]){"for", "any", NULL}) && hi - lo > 10 &&
        trn_yara_is(p, lo + 3, "in") && trn_yara_begins(p, lo + 4, hi, (const char *const[]){"(", "#", "..", NULL}) &&
        at_least_one(p, lo + 5))
        return is_string(p, lo + 7, '#') && trn_yara_is_op(p, lo + 8, ')') && trn_yara_is_op(p, lo + 9, ':') &&
               in_brackets(p, lo + 10, hi);
    size_t i = behind_of(p, lo + 1, hi);
    i = i ? behind_strings(p, i, hi) : 0;
    return i && i + 1 < hi && trn_yara_is_op(p, i, ':') && in_brackets(p, i + 1, hi) &&
           trn_yara_false(j, i + 2, hi - 1, depth + 1);
}

bool trn_yara_false_without_strings(const struct trn_yara_judge *j, size_t lo, size_t hi, unsigned depth)
{
    return one_string(j->p, lo, hi) || count_of_one(j->p, lo, hi) || some_of(j->p, lo, hi) || loop(j, lo, hi, depth);
}
