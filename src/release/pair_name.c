/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is a version number in a name: "1.2.3", "v2", "6.1.0-56", "2.6.1+deb12u1", "1.0.0-beta.2", and the hash that bundlers put
 * into names ("main.3f2a9c1b.js"). How a stream is packed is left out too: "data.tar.xz!" and "data.tar.zst!" are one place, "./x" and "x" as well.
 * Must not: take the digits of a name itself for one: "x64" is not another version of "x86".
 */
#include "release/release_internal.h"

#include <ctype.h>

#define HASH_MIN 8u

static bool digit(struct trn_str s, size_t i)
{
    return i < s.n && isdigit((unsigned char)s.p[i]);
}

static bool alnum(struct trn_str s, size_t i)
{
    return i < s.n && isalnum((unsigned char)s.p[i]);
}

static bool begins_word(struct trn_str s, size_t i)
{
    return i == 0 || !alnum(s, i - 1);
}

static size_t digits(struct trn_str s, size_t i)
{
    while (digit(s, i))
        i++;
    return i;
}

/* Letters, then digits: "rc1", "u2", "a10". Where it ends; i: there is none. */
static size_t letters_and_number(struct trn_str s, size_t i)
{
    size_t k = i;
    while (k < s.n && k - i < 8 && isalpha((unsigned char)s.p[k]))
        k++;
    return k > i && digit(s, k) ? digits(s, k) : i;
}

/* What follows "-" in a version: a number, or the name of a state with or without one. */
static size_t after_dash(struct trn_str s, size_t i)
{
    static const char *const words[] = {"alpha", "beta", "rc", "pre", "dev", "next", "canary", "nightly", "snapshot"};
    if (digit(s, i)) {
        size_t end = digits(s, i);
        return alnum(s, end) && letters_and_number(s, end) == end ? 0 : end; /* "-64bit" is none */
    }
    for (size_t k = 0; k < TRN_ARRAY_SIZE(words); k++) {
        size_t n = strlen(words[k]);
        if (trn_str_starts(trn_str_slice(s, i, s.n), trn_str_of(words[k])) &&
            !isalpha(i + n < s.n ? (unsigned char)s.p[i + n] : 0))
            return digits(s, i + n);
    }
    return 0;
}

/* Where a version number that was read up to `at` goes on to; 0: it ends here. */
static size_t goes_on(struct trn_str s, size_t at)
{
    char c = at < s.n ? s.p[at] : 0;
    if (c == '.')
        return digit(s, at + 1) ? digits(s, at + 1) : 0;
    if (c == '-')
        return after_dash(s, at + 1);
    if ((c == '+' || c == '~') && alnum(s, at + 1)) {
        for (at++; alnum(s, at);)
            at++;
        return at;
    }
    size_t end = letters_and_number(s, at);
    return end > at ? end : 0;
}

/* Where the version number that begins at i ends; i: there is none. */
static size_t version_end(struct trn_str s, size_t i)
{
    bool v = i + 1 < s.n && (s.p[i] == 'v' || s.p[i] == 'V') && digit(s, i + 1);
    if (!begins_word(s, i) || !(v || digit(s, i)))
        return i;
    size_t at = digits(s, i + v);
    for (size_t more; (more = goes_on(s, at)) > at;)
        at = more;
    return at;
}

/* A word of hexadecimal digits, both letters and numbers: a hash of the content. */
static size_t hash_end(struct trn_str s, size_t i)
{
    size_t k = i;
    bool number = false, letter = false;
    if (!begins_word(s, i))
        return i;
    for (; k < s.n && isxdigit((unsigned char)s.p[k]); k++) {
        number = number || digit(s, k);
        letter = letter || !digit(s, k);
    }
    return k - i >= HASH_MIN && number && letter && !alnum(s, k) ? k : i;
}

/* Eight letters and digits between "-" or "." and ".", with a number or a capital inside: the same by other bundlers
 * ("view-BQT9Z6FV.js"). A word may look like that; but it is asked only where no path is the same. */
static size_t short_hash_end(struct trn_str s, size_t i)
{
    bool mixed = false;
    size_t k = i;
    if (i == 0 || (s.p[i - 1] != '-' && s.p[i - 1] != '.'))
        return i;
    for (; k < s.n && k - i < HASH_MIN && (alnum(s, k) || s.p[k] == '_' || s.p[k] == '-'); k++)
        mixed = mixed || digit(s, k) || (k > i && isupper((unsigned char)s.p[k]));
    return mixed && k - i == HASH_MIN && k < s.n && s.p[k] == '.' ? k : i;
}

/* The ending of a compressed stream in a path, ".xz" of "data.tar.xz!data.tar": how it is packed says nothing. */
static size_t packing_end(struct trn_str s, size_t i)
{
    static const char *const endings[] = {".gz", ".xz", ".zst", ".bz2", ".lzma", ".lz4"};
    for (size_t k = 0; i && s.p[i] == '.' && k < TRN_ARRAY_SIZE(endings); k++) {
        size_t end = i + strlen(endings[k]);
        if (trn_str_starts(trn_str_slice(s, i, s.n), trn_str_of(endings[k])) && (end == s.n || s.p[end] == '!'))
            return end;
    }
    return i;
}

/* "./" at the beginning of a path, as tar writes it and zip does not. */
static size_t here_end(struct trn_str s, size_t i)
{
    bool begins = i == 0 || s.p[i - 1] == '!';
    return begins && trn_str_starts(trn_str_slice(s, i, s.n), TRN_STR("./")) ? i + 2 : i;
}

size_t trn_versionless(struct trn_str text, bool loose, char *out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < max;) {
        size_t end = packing_end(text, i);
        if (end == i)
            end = here_end(text, i);
        if (end > i) {
            i = end;
            continue;
        }
        end = hash_end(text, i);
        if (end == i)
            end = short_hash_end(text, i);
        if (end == i)
            end = version_end(text, i);
        if (end == i && loose)
            end = digits(text, i);
        if (end == i) {
            out[n++] = text.p[i++];
            continue;
        }
        out[n++] = '#';
        i = end;
    }
    return n;
}

struct trn_str trn_version_in(struct trn_str name)
{
    for (size_t i = 0; i < name.n; i++) {
        size_t end = version_end(name, i);
        if (end > i) {
            size_t from = i + !digit(name, i);
            return trn_str_slice(name, from, end - from);
        }
    }
    return TRN_STR_NONE;
}
