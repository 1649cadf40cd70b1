/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what is told of texts and PDF documents that go on as something else: a program behind a text, bytes behind the end of
 * a document. Must not own: what a document says; archives behind a text, which are opened as such (src/formats/probe.c).
 * Hand-offs: what stands there becomes a member.
 *
 * A text has no byte that is zero and no program is without one: nearly every text is done with one fast search.
 */
#include "artifact/kinds.h"
#include "artifact/trim.h"
#include "formats/formats.h"

#define WINDOW (256u << 10)
#define BEFORE_ZERO 64u /* a program's first zero is among its first bytes */
#define SHORT_LEAST 16u
#define SHORT_MAX 1024u
#define END "%%EOF"
#define END_SIZE 5u
#define REGIONS_MAX 8u
#define COMMENTS_MAX 1024u
#define TOLD_FROM 64u
#define LARGE 4096u
#define SELF_EXTRACTING 10u

struct window {
    const struct trn_source *s;
    uint8_t *copy; /* NULL: the source is in memory */
    uint64_t at;   /* of what is in it */
    size_t n;
};

static int window_of(struct trn_look *l, struct window *ret)
{
    *ret = (struct window){.s = l->bytes};
    if (!l->bytes->mem)
        ret->copy = trn_arena_alloc(l->arena, WINDOW);
    return l->bytes->mem || ret->copy ? 0 : -ENOMEM;
}

/* Bytes from `at` on: all when they are in memory, else half a window or more. n 0: the end, or they cannot be read. */
static struct trn_str bytes_at(struct window *w, uint64_t at)
{
    if (at >= w->s->size)
        return TRN_STR_NONE;
    if (!w->copy)
        return (struct trn_str){(const char *)w->s->mem + at, (size_t)(w->s->size - at)};
    uint64_t end = w->at + w->n;
    if (at < w->at || at >= end || (end - at < WINDOW / 2 && end < w->s->size)) { /* most finds are near the last one */
        int64_t n = trn_source_read(w->s, at, w->copy, WINDOW);
        w->at = at;
        w->n = n > 0 ? (size_t)n : 0;
        end = at + w->n;
    }
    return (struct trn_str){(const char *)w->copy + (at - w->at), (size_t)(end - at)};
}

/* Where a text of n bytes stands from `at` on, or the size of all. */
static uint64_t find(struct trn_look *l, struct window *w, uint64_t at, const char *text, size_t n)
{
    while (at < w->s->size && !trn_look_over(l)) {
        struct trn_str in = bytes_at(w, at);
        const char *p = in.n < n ? NULL : n == 1 ? memchr(in.p, *text, in.n) : memmem(in.p, in.n, text, n);
        if (p)
            return at + (uint64_t)(p - in.p);
        if (in.n < n || at + in.n >= w->s->size)
            break;
        at += in.n - (n - 1);
    }
    return w->s->size;
}

/* The first program in [at, end), or end. */
static uint64_t find_program(struct trn_look *l, struct window *w, uint64_t at, uint64_t end, const char **ret_what)
{
    while (at < end && !trn_look_over(l)) {
        struct trn_str in = bytes_at(w, at);
        size_t n = (size_t)TRN_MIN((uint64_t)in.n, end - at),
               k = trn_program_find((const uint8_t *)in.p, n, 0, ret_what);
        if (k < n)
            return at + k;
        if (n <= TRN_PROGRAM_HEAD || at + n >= end)
            break;
        at += n - TRN_PROGRAM_HEAD;
    }
    return end;
}

static int tell(struct trn_look *l, uint64_t at, uint64_t size, uint16_t score, const char *format, const char *are)
{
    struct trn_finding f;
    trn_finding_init(&f, trn_check_find(TRN_STR("document.trailing-data")));
    f.score = score ? score : f.score;
    trn_look_say(l, &f, "%llu bytes behind the end of %s %s (%s): who opens it does not see them",
                 (unsigned long long)size, l->self->format == TRN_FORMAT_PDF ? "the document" : "the text", are,
                 format);
    trn_look_evidence(l, &f, at, size);
    trn_finding_add(&f, "format", trn_str_of(format));
    return trn_look_found(l, &f);
}

static bool is_text(enum trn_format f)
{
    return f == TRN_FORMAT_TEXT || f == TRN_FORMAT_JSON || f == TRN_FORMAT_JAVASCRIPT || f == TRN_FORMAT_SHELL ||
           f == TRN_FORMAT_PYTHON || f == TRN_FORMAT_SCRIPT;
}

static int hand_on(struct trn_look *l, uint64_t at, uint64_t size)
{
    struct trn_member m = {.name = TRN_STR("behind-the-document"), .size = size};
    return trn_look_part(l, &m, at, size);
}

/* Of what begins as text and soon is none (so that it counts as data): a program right where the text ends. */
static uint64_t find_behind_short(struct trn_look *l, struct window *w, uint64_t zero, const char **ret_what)
{
    char head[SHORT_MAX];
    enum trn_format f = TRN_FORMAT_DATA;
    if (zero < SHORT_LEAST || zero >= SHORT_MAX || trn_source_read(w->s, 0, head, (size_t)zero) != (int64_t)zero)
        return w->s->size;
    uint64_t from = zero - TRN_MIN(zero - SHORT_LEAST, (uint64_t)BEFORE_ZERO);
    uint64_t end = TRN_MIN(w->s->size, zero + TRN_PROGRAM_HEAD + 1), at = find_program(l, w, from, end, ret_what);
    if (at > zero)
        return w->s->size;
    struct trn_source text = trn_source_mem((struct trn_str){head, (size_t)at});
    return trn_format_probe(&text, TRN_STR_NONE, &f) == 0 && is_text(f) ? at : w->s->size;
}

static int look_behind_text(struct trn_look *l, struct window *w)
{
    const char *what = NULL;
    char first[2] = {0};
    uint64_t size = l->bytes->size, zero = find(l, w, 0, "", 1), at = size;
    if (zero < size && l->self->format == TRN_FORMAT_DATA)
        at = find_behind_short(l, w, zero, &what);
    else if (zero < size)
        at = find_program(l, w, zero - TRN_MIN(zero, (uint64_t)BEFORE_ZERO), size, &what);
    if (at >= size)
        return 0;
    /* installers that are a script with their own program behind it */
    bool script = trn_source_read(l->bytes, 0, first, 2) == 2 && memcmp(first, "#!", 2) == 0;
    int e = tell(l, at, size - at, script ? SELF_EXTRACTING : 0, what, "are a program");
    return e < 0 ? e : hand_on(l, at, size - at);
}

/* What stands in [at, at + size) of a document and is no part of it. *told counts what was told. */
static int look_at_region(struct trn_look *l, struct window *w, uint64_t at, uint64_t size, uint32_t *told)
{
    struct trn_range r = {at, size};
    enum trn_format inside = TRN_FORMAT_DATA;
    const char *what = NULL;
    int e = trn_trim_zeros(l->bytes, &r);
    if (e < 0 || r.size < TOLD_FROM)
        return e;
    ++*told;
    uint64_t end = at + size, program = find_program(l, w, r.at, end, &what);
    if (program < end) {
        e = tell(l, program, end - program, 0, what, "are a program");
        return e < 0 ? e : hand_on(l, program, end - program);
    }
    struct trn_source part = trn_source_part(l->bytes, r.at, r.size);
    e = trn_format_probe(&part, TRN_STR_NONE, &inside);
    if (e < 0)
        return e;
    if (inside != TRN_FORMAT_DATA && inside != TRN_FORMAT_TEXT && inside != TRN_FORMAT_PE && inside != TRN_FORMAT_ELF) {
        e = tell(l, r.at, r.size, inside == TRN_FORMAT_PDF ? 15 : 45, trn_format_name(inside),
                 "are a file of another kind");
        return e < 0 ? e : hand_on(l, r.at, r.size);
    }
    if (inside == TRN_FORMAT_DATA && trn_look_entropy(l, r.at, r.size) >= trn_random_milli(r.size))
        return tell(l, r.at, r.size, r.size >= LARGE ? 45 : 20, "data", "look compressed or encrypted");
    return tell(l, r.at, r.size, 10, trn_format_name(inside), "belong to nothing");
}

static size_t digits(struct trn_str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
        n++;
    return n;
}

/* "12 0 obj" */
static bool is_object(struct trn_str s)
{
    for (int i = 0; i < 2; i++) {
        size_t n = digits(s);
        if (n == 0 || n > 10)
            return false;
        s = trn_str_trim(trn_str_slice(s, n, s.n));
    }
    return trn_str_starts(s, TRN_STR("obj"));
}

/* Behind an end that is not the last the document goes on with an object, a table or short comments; or the end was that of a
 * document within this one. */
static bool goes_on(const struct window *w, uint64_t at)
{
    static const char *const words[] = {"xref", "startxref", "trailer", "endstream", "endobj"};
    char b[COMMENTS_MAX];
    int64_t got = trn_source_read(w->s, at, b, sizeof(b));
    struct trn_str s = {b, got > 0 ? (size_t)got : 0};
    for (;;) {
        while (s.n && strchr("\r\n\t\f ", s.p[0])) /* and NUL */
            s = trn_str_slice(s, 1, s.n);
        if (s.n == 0 || s.p[0] != '%')
            break;
        while (s.n && s.p[0] != '\r' && s.p[0] != '\n')
            s = trn_str_slice(s, 1, s.n);
        if (s.n == 0)
            return false;
    }
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++)
        if (trn_str_starts(s, trn_str_of(words[i])))
            return true;
    return s.n == 0 || is_object(s);
}

static int look_behind_pdf(struct trn_look *l, struct window *w)
{
    uint64_t size = l->bytes->size, at = find(l, w, 0, END, END_SIZE);
    uint32_t told = 0, left_out = 0;
    int e = 0;
    while (at < size && e == 0 && !trn_look_over(l)) {
        uint64_t from = at + END_SIZE, next = find(l, w, from, END, END_SIZE);
        if (next < size && told >= REGIONS_MAX)
            left_out += !goes_on(w, from);
        else if (next >= size || !goes_on(w, from)) /* behind the last end is always looked */
            e = look_at_region(l, w, from, next - from, &told);
        at = next;
    }
    return e == 0 && left_out ? trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE,
                                             "places looked at behind ends of the document (%u left out)", left_out)
                              : e;
}

int trn_look_behind_document(struct trn_look *l, struct trn_err *err)
{
    struct window w;
    enum trn_format f = l->self->format;
    int e = 0;
    if (f == TRN_FORMAT_PDF || f == TRN_FORMAT_DATA || is_text(f))
        e = window_of(l, &w);
    else
        return 0;
    if (e == 0)
        e = f == TRN_FORMAT_PDF ? look_behind_pdf(l, &w) : look_behind_text(l, &w);
    return e < 0 ? trn_fail(err, e, "cannot look behind the document: %s", trn_errno_name(e)) : 0;
}
