/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the account of every byte of a zip: members, directory, ends; what lies before, between, over each other and behind.
 * What belongs to no member is looked at as a part of its own.
 */
#include "artifact/zip_job.h"

#define FRONT_MAX 8192u
#define LINE_MAX_SIZE 256u
#define TOLD_MAX 8u
#define PAD_MAX 65536u
#define SMALL 16u
#define COMMENT_TEXT 1024u
#define APK_MAGIC "APK Sig Block 42"

enum told { TOLD_GAP = 2, TOLD_OVER };

static int by_place(const void *a, const void *b)
{
    const struct trn_zip_range *x = a, *y = b;
    return x->from != y->from ? (x->from < y->from ? -1 : 1) : x->entry < y->entry ? -1 : x->entry > y->entry;
}

static bool is_zero(struct trn_zip_job *j, uint64_t at, uint64_t size)
{
    uint8_t window[4096];
    while (size) {
        int64_t n = trn_source_read(j->l->bytes, at, window, (size_t)TRN_MIN(size, (uint64_t)sizeof(window)));
        if (n <= 0 || window[0] != 0 || (n > 1 && memcmp(window, window + 1, (size_t)n - 1) != 0))
            return false;
        at += (uint64_t)n;
        size -= (uint64_t)n;
    }
    return true;
}

static bool starts(struct trn_zip_job *j, uint64_t at, const char *magic)
{
    char b[4];
    return trn_source_read(j->l->bytes, at, b, 4) == 4 && memcmp(b, magic, 4) == 0;
}

struct outside {
    const char *kind, *name, *words;
    uint16_t score;
};

static int tell(struct trn_zip_job *j, const struct outside *o, uint64_t at, uint64_t size)
{
    struct trn_irregular i = {.kind = o->kind, .score = size < SMALL ? 20 : o->score, .at = at, .size = size};
    struct trn_member m = {.name = trn_str_of(o->name), .size = size};
    if (size == 0 || (size <= PAD_MAX && is_zero(j, at, size)) || j->told[TOLD_GAP]++ >= TOLD_MAX)
        return 0;
    int e =
        trn_irregular(j->l, &i, "%llu bytes at 0x%llx %s.", (unsigned long long)size, (unsigned long long)at, o->words);
    return e < 0 ? e : trn_look_part(j->l, &m, at, size);
}

/* Android's signature stands right before the directory and says its own size. */
static bool is_apk_block(struct trn_zip_job *j, uint64_t at, uint64_t end)
{
    uint8_t tail[24], head[8];
    if (end - at < 32 || trn_source_read(j->l->bytes, end - 24, tail, 24) != 24 ||
        memcmp(tail + 8, APK_MAGIC, 16) != 0 || trn_source_read(j->l->bytes, at, head, 8) != 8)
        return false;
    struct trn_cursor a = trn_cur(head, 8), b = trn_cur(tail, 24);
    uint64_t size = trn_cur_u64le(&a);
    return size == trn_cur_u64le(&b) && size == end - at - 8;
}

/* What honest tools put first: the header of a Chrome extension (which says its own size), the mark of a Java module, the line
 * that names the program for a Python archive. Only as long as those are. */
static bool is_known_front(struct trn_zip_job *j, uint64_t end)
{
    uint8_t head[16] = {0}, last = 0;
    if ((end < 12 && end != 4) || end > FRONT_MAX ||
        trn_source_read(j->l->bytes, 0, head, sizeof(head)) != (int64_t)sizeof(head))
        return false;
    struct trn_cursor c = trn_cur(head, sizeof(head));
    trn_cur_skip(&c, 4);
    uint32_t version = trn_cur_u32le(&c);
    uint64_t first = trn_cur_u32le(&c), second = trn_cur_u32le(&c);
    if (end == 4) /* Java's modules */
        return memcmp(head, "JM\1\0", 4) == 0;
    if (memcmp(head, "Cr24", 4) == 0)
        return end == (version == 2 ? 16 + first + second : 12 + first);
    return end <= LINE_MAX_SIZE && memcmp(head, "#!", 2) == 0 && trn_source_read(j->l->bytes, end - 1, &last, 1) == 1 &&
           last == '\n';
}

static int gap(struct trn_zip_job *j, uint64_t at, uint64_t end, bool last)
{
    static const struct outside unlisted = {
        "unlisted-member", "[member that the directory does not list]",
        "are a member that the directory does not list: programs that read from the "
        "front unpack it, others never see it",
        55};
    static const struct outside between = {"between-members", "[between members]", "belong to no member of the archive",
                                           45};
    if (at == 0 && is_known_front(j, end))
        return trn_look_property(j->l, "in_front", trn_arena_printf(j->l->arena, "%llu", (unsigned long long)end));
    if (last && is_apk_block(j, at, end))
        return trn_look_property(j->l, "apk_signing_block",
                                 trn_arena_printf(j->l->arena, "%llu", (unsigned long long)(end - at)));
    return tell(j, starts(j, at, "PK\3\4") ? &unlisted : &between, at, end - at);
}

static int overlap(struct trn_zip_job *j, const struct trn_zip_range *r, uint64_t covered)
{
    char name[160];
    const struct trn_zip_entry *e = &j->zip.entry[r->entry];
    struct trn_irregular i = {.kind = "overlapping-members", .score = 55, .at = r->from, .member = trn_zip_name(e)};
    if (j->told[TOLD_OVER]++ >= TOLD_MAX)
        return 0;
    return trn_irregular(j->l, &i,
                         "The member '%s' at 0x%llx lies on bytes of another one, which reaches to 0x%llx: the same "
                         "bytes are unpacked several times.",
                         trn_escape_into(name, sizeof(name), trn_zip_name(e)), (unsigned long long)r->from,
                         (unsigned long long)covered);
}

static int between(struct trn_zip_job *j, uint64_t dir_at)
{
    uint64_t covered = 0;
    int e = 0;
    qsort(j->range, j->n_ranges, sizeof(*j->range), by_place);
    for (uint32_t i = 0; i < j->n_ranges && e == 0; i++) {
        const struct trn_zip_range *r = &j->range[i];
        if (r->from < covered)
            e = overlap(j, r, covered);
        else if (r->from > covered)
            e = gap(j, covered, r->from, false);
        covered = TRN_MAX(covered, r->to);
    }
    return e < 0 || covered >= dir_at || j->zip.damaged ? e : gap(j, covered, dir_at, true);
}

static int comment(struct trn_zip_job *j, const struct trn_zip_end *end)
{
    static const struct outside binary = {"comment-content", "[comment]",
                                          "are the archive's comment, which is no short text", 30};
    struct trn_str text;
    if (end->comment_n == 0)
        return 0;
    int e = trn_source_take(j->l->bytes, end->comment_at, end->comment_n, j->l->arena, &text);
    if (e < 0)
        return e;
    return trn_is_short_text(text, COMMENT_TEXT) ? trn_look_property(j->l, "comment", text)
                                                 : tell(j, &binary, end->comment_at, end->comment_n);
}

/* Another end with a directory, that is no part of a member: a stored zip is one. */
static int other_ends(struct trn_zip_job *j)
{
    for (size_t k = 0; k < j->n_ends; k++) {
        const struct trn_zip_end *o = &j->ends[k];
        bool inside = k == j->main || !o->fits;
        for (uint32_t i = 0; i < j->n_ranges && !inside; i++)
            inside = o->at >= j->range[i].from && o->at < j->range[i].to;
        if (inside)
            continue;
        struct trn_irregular i = {.kind = "several-ends", .score = 60, .at = o->at, .size = 22};
        int e = trn_irregular(j->l, &i,
                              "A second end record with a directory of its own lies at 0x%llx, the one that is used at "
                              "0x%llx: two programs can see different archives.",
                              (unsigned long long)o->at, (unsigned long long)j->ends[j->main].at);
        if (e < 0)
            return e;
    }
    return 0;
}

static int two_records(struct trn_zip_job *j, const struct trn_zip_end *end)
{
    struct trn_irregular i = {.kind = "several-directories", .score = 60, .at = end->tail_at, .size = 56};
    return end->disagrees
               ? trn_irregular(j->l, &i,
                               "The end record and its 64-bit form at 0x%llx point to different directories: two "
                               "programs can see different archives.",
                               (unsigned long long)end->tail_at)
               : 0;
}

/* Data in front makes the directory's places wrong by its length; is there a directory at the place it says, too? */
static int second_directory(struct trn_zip_job *j, const struct trn_zip_end *end)
{
    uint64_t said = end->dir_at - (uint64_t)end->shift;
    if (end->shift == 0 || said >= end->tail_at || !starts(j, said, "PK\1\2"))
        return 0;
    struct trn_irregular i = {.kind = "several-directories", .score = 60, .at = said, .size = 46};
    return trn_irregular(
        j->l, &i,
        "The end record points to a directory at 0x%llx, but another one lies before it at 0x%llx: two "
        "programs can see different archives.",
        (unsigned long long)said, (unsigned long long)end->dir_at);
}

int trn_zip_layout(struct trn_zip_job *j)
{
    static const struct outside behind_dir = {"behind-directory", "[behind the directory]",
                                              "lie between the archive's directory and its end", 45};
    static const struct outside behind = {"behind-end", "[behind the end of the archive]",
                                          "lie behind the end of the archive", 45};
    const struct trn_zip_end *end = &j->ends[j->main];
    uint64_t last = end->comment_at + end->comment_n, size = j->l->bytes->size;
    int e = between(j, end->dir_at);
    if (e == 0 && !j->zip.damaged && !j->zip.more && !starts(j, j->zip.dir_end, "PK\5\5"))
        e = tell(j, &behind_dir, j->zip.dir_end, end->tail_at - TRN_MIN(j->zip.dir_end, end->tail_at));
    if (e == 0)
        e = comment(j, end);
    if (e == 0)
        e = tell(j, &behind, last, size - TRN_MIN(last, size));
    if (e == 0)
        e = other_ends(j);
    if (e == 0)
        e = two_records(j, end);
    return e < 0 ? e : second_directory(j, end);
}
