/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the files of an NSIS installer: every block of its data is a member, whether its script names it or not.
 * Must not: run or follow the script; check its CRC, which covers the program before it as well.
 */
#include "artifact/irregular.h"
#include "artifact/kinds.h"
#include "artifact/nsis_stream.h"

#define WINDOW 65536u
#define COMPRESSED 0x80000000u
#define APPENDED_MIN 16u
#define ENTROPY_HIGH 7200u
#define LARGE 4096u
#define SCORE_SMALL 15
#define SCORE_LARGE 50

struct installer {
    struct trn_look *look;
    struct trn_nsis head;
    struct trn_nsis_script script;
    struct trn_nsis_stream *solid;
    uint8_t *window;
    uint64_t at;                /* in the file (each by itself), or in the unpacked data behind the script */
    struct trn_str uninstaller; /* of the block that was named last: its data come right behind it */
};

int trn_look_nsis(struct trn_look *l, struct trn_err *err)
{
    struct trn_nsis h;
    int e = trn_nsis_read(l->bytes, &h, err);
    if (e == 0)
        e = trn_look_property(l, "compression",
                              trn_arena_printf(l->arena, "%s%s", trn_nsis_method_name(h.method),
                                               h.solid ? ", solid" : ""));
    if (e == 0 && h.size > l->bytes->size)
        e = trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE, "the installer is cut off: %llu of %llu bytes are there",
                         (unsigned long long)l->bytes->size, (unsigned long long)h.size);
    uint64_t rest = h.size < l->bytes->size ? l->bytes->size - h.size : 0;
    uint32_t entropy = e == 0 && rest >= APPENDED_MIN ? trn_look_entropy(l, h.size, rest) : 0;
    if (e < 0 || entropy == 0)
        return e;
    struct trn_irregular i = {.kind = "appended",
                              .score = entropy < ENTROPY_HIGH && rest < LARGE ? SCORE_SMALL : SCORE_LARGE,
                              .at = h.size,
                              .size = rest};
    return trn_irregular(l, &i,
                         "Behind the end of the installer's data, at 0x%llx, stand %llu bytes that it does not use.",
                         (unsigned long long)h.size, (unsigned long long)rest);
}

static const char *words_of(int e)
{
    return e == -EMSGSIZE  ? "its decoder wants more memory than is allowed"
           : e == -ENOTSUP ? "its compression is not opened here"
                           : "its compressed data is damaged or cut off";
}

/* Reads exactly n bytes. */
static int take(struct trn_nsis_stream *s, void *dst, size_t n)
{
    size_t done = 0;
    while (done < n) {
        int64_t got = trn_nsis_stream_read(s, (uint8_t *)dst + done, n - done);
        if (got <= 0)
            return got < 0 ? (int)got : -EBADMSG;
        done += (size_t)got;
    }
    return 0;
}

static uint32_t le32(const uint8_t p[4])
{
    struct trn_cursor c = trn_cur(p, 4);
    return trn_cur_u32le(&c);
}

/* ---- members ---- */

static struct trn_str name_at(struct installer *in, uint64_t at)
{
    const struct trn_nsis_file *f = trn_nsis_file_at(&in->script, at);
    struct trn_str before = in->uninstaller;
    in->uninstaller = f && f->uninstaller ? f->name : TRN_STR_NONE;
    if (f && f->uninstaller) /* the program is the installer's own; this is what is changed in it */
        return trn_arena_printf(in->look->arena, "%.*s (changes)", TRN_STR_ARG(f->name));
    if (f)
        return f->name;
    return before.n ? before : trn_arena_printf(in->look->arena, "unnamed-%llx", (unsigned long long)at);
}

/* Moves up to `left` bytes (UINT64_MAX: to the end) of a stream into a member that is begun, or nowhere (skip). */
static int copy(struct installer *in, struct trn_nsis_stream *s, uint64_t left, bool skip)
{
    while (left && !trn_look_over(in->look)) {
        int64_t n = trn_nsis_stream_read(s, in->window, (size_t)TRN_MIN(left, (uint64_t)WINDOW));
        if (n <= 0)
            return n < 0 ? (int)n : left == UINT64_MAX ? 0 : -EBADMSG;
        int e = skip ? 0 : trn_look_data(in->look, in->window, (size_t)n);
        if (e == -ECANCELED)
            skip = true; /* a limit of this member; the stream goes on */
        else if (e < 0)
            return e;
        left -= left == UINT64_MAX ? 0 : (uint64_t)n;
    }
    return left && left != UINT64_MAX ? -ETIME : 0;
}

static bool is_of_stream(int e)
{
    return e == -EBADMSG || e == -EMSGSIZE || e == -ENOTSUP;
}

static int member(struct installer *in, struct trn_nsis_stream *s, uint64_t at, uint64_t size)
{
    struct trn_member m = {.name = name_at(in, at), .size = size == UINT64_MAX ? TRN_SIZE_UNKNOWN : size};
    int e = trn_look_member(in->look, &m);
    bool skip = e == -ECANCELED;
    if (e < 0 && !skip)
        return e;
    e = copy(in, s, size, skip);
    if (e < 0 && !is_of_stream(e))
        return e;
    int end = skip ? 0 : trn_look_end(in->look, e, words_of(e));
    return end < 0 ? end : e;
}

/* ---- one stream for all ---- */

static int open_solid(struct installer *in)
{
    uint8_t raw[4];
    int e = 0;
    while (e == 0 && !trn_look_over(in->look)) {
        int64_t n = trn_nsis_stream_read(in->solid, raw, 1);
        if (n == 0)
            return 0;
        e = n < 0 ? (int)n : take(in->solid, raw + 1, 3);
        if (e == 0)
            e = member(in, in->solid, in->at, le32(raw));
        in->at += 4ull + le32(raw);
    }
    if (is_of_stream(e))
        return trn_look_gap(in->look, TRN_GAP_DAMAGED, TRN_STR_NONE, "%s; what comes behind was not read", words_of(e));
    return e;
}

/* ---- each block by itself ---- */

static int open_block(struct installer *in, uint64_t data_at, uint32_t word)
{
    uint64_t size = word & ~COMPRESSED, from = in->at + 4;
    struct trn_source part = trn_source_part(in->look->bytes, from, TRN_MIN(size, in->head.data_end - from));
    uint8_t head[8];
    TRN_AUTO(trn_nsis_stream_freep) struct trn_nsis_stream *s = NULL;
    if (!(word & COMPRESSED)) {
        struct trn_member m = {.name = name_at(in, data_at), .size = size, .packed = size};
        return trn_look_part(in->look, &m, from, size);
    }
    int64_t n = trn_source_read(&part, 0, head, sizeof(head));
    int e = n < 0 ? (int)n : trn_nsis_stream_new(trn_nsis_method_of(head, (size_t)n), &part, &s);
    if (is_of_stream(e))
        return trn_look_gap(in->look, e == -ENOTSUP ? TRN_GAP_UNSUPPORTED : TRN_GAP_DAMAGED, name_at(in, data_at), "%s",
                            words_of(e));
    e = e == 0 ? member(in, s, data_at, UINT64_MAX) : e;
    return is_of_stream(e) ? 0 : e; /* told with the member */
}

static int open_blocks(struct installer *in)
{
    uint64_t first = in->at;
    int e = 0;
    while (e == 0 && in->at + 4 <= in->head.data_end && !trn_look_over(in->look)) {
        uint8_t raw[4];
        if (trn_source_read(in->look->bytes, in->at, raw, 4) != 4)
            break;
        uint64_t size = le32(raw) & ~COMPRESSED;
        e = open_block(in, in->at - first, le32(raw));
        in->at += 4 + size;
    }
    return e;
}

/* ---- the script ---- */

static int read_script(struct installer *in, struct trn_str *ret)
{
    struct trn_look *l = in->look;
    uint8_t raw[4];
    struct trn_source rest =
        trn_source_part(l->bytes, TRN_NSIS_FIRST_HEADER, in->head.data_end - TRN_NSIS_FIRST_HEADER);
    TRN_AUTO(trn_nsis_stream_freep) struct trn_nsis_stream *own = NULL;
    uint32_t word = 0;
    if (in->head.script_size > TRN_NSIS_SCRIPT_MAX)
        return -EMSGSIZE;
    if (!in->head.solid) {
        if (trn_source_read(&rest, 0, raw, 4) != 4)
            return -EBADMSG;
        word = le32(raw);
        rest = trn_source_part(&rest, 4, word & ~COMPRESSED);
        in->at = TRN_NSIS_FIRST_HEADER + 4 + (uint64_t)(word & ~COMPRESSED);
        if (!(word & COMPRESSED))
            return trn_source_take(&rest, 0, in->head.script_size, l->arena, ret);
    }
    int e = trn_nsis_stream_new(in->head.method, &rest, in->head.solid ? &in->solid : &own);
    struct trn_nsis_stream *s = in->head.solid ? in->solid : own;
    if (e == 0 && in->head.solid)
        e = take(s, raw, 4);
    if (e == 0 && in->head.solid && le32(raw) != in->head.script_size)
        e = -EBADMSG;
    char *script = e == 0 ? trn_arena_alloc(l->arena, in->head.script_size) : NULL;
    if (e == 0)
        e = script ? take(s, script, in->head.script_size) : -ENOMEM;
    if (e == 0)
        *ret = (struct trn_str){script, in->head.script_size};
    return e;
}

/* Which of the two it is was guessed from its first bytes: the script proves it. */
static int read_script_either_way(struct installer *in, struct trn_str *ret)
{
    int e = read_script(in, ret);
    if (e != -EBADMSG)
        return e;
    uint8_t head[12];
    int64_t n = trn_source_read(in->look->bytes, TRN_NSIS_FIRST_HEADER, head, sizeof(head));
    in->solid = trn_nsis_stream_free(in->solid);
    in->at = 0;
    in->head.solid = !in->head.solid;
    if (n == (int64_t)sizeof(head))
        in->head.method = trn_nsis_method_of(head + (in->head.solid ? 0 : 4), in->head.solid ? 12 : 8);
    return read_script(in, ret);
}

static int open_all(struct installer *in, struct trn_err *err)
{
    struct trn_str script = TRN_STR_NONE;
    int e = read_script_either_way(in, &script);
    if (e == -ENOTSUP)
        return trn_look_gap(in->look, TRN_GAP_UNSUPPORTED, TRN_STR_NONE,
                            "an NSIS installer packed with %s is not opened", trn_nsis_method_name(in->head.method));
    if (e < 0)
        return trn_fail(err, e, "the script of the NSIS installer cannot be read: %s", words_of(e));
    e = trn_nsis_script_read(script, in->look->arena, &in->script);
    if (e == -EBADMSG) /* the files are there all the same, without names */
        e = trn_look_gap(in->look, TRN_GAP_DAMAGED, TRN_STR_NONE,
                         "the script of the installer is damaged: its files have no names");
    if (e < 0)
        return e;
    return in->head.solid ? open_solid(in) : open_blocks(in);
}

int trn_open_nsis(struct trn_look *l, struct trn_err *err)
{
    struct installer in = {.look = l};
    int e = trn_nsis_read(l->bytes, &in.head, err);
    if (e < 0)
        return e;
    in.window = malloc(WINDOW);
    e = in.window ? open_all(&in, err) : -ENOMEM;
    trn_nsis_stream_free(in.solid);
    free(in.window);
    return e;
}
