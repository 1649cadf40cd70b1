/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a zip says beside its members' names: extra fields of the directory and of each member's own header, comments of
 * members. Nobody who unpacks sees them. Fields of known kinds and honest sizes, short comments and padding are not told; the
 * rest is put together and looked at as one content, for it can lie in small pieces.
 */
#include "artifact/zip_job.h"

#define UNKNOWN_TOTAL 64u /* of all unknown fields together: a tool of its own leaves a few bytes */
#define COMMENT_MAX 1024u
#define COMMENTS_TOTAL (64u << 10)

/* Kinds of the format's own description, of Info-ZIP's list and of libraries, and how large each honestly is. */
static const struct {
    uint16_t id, most;
} known[] = {
    {0x0001, 32},  {0x0007, 64},   {0x0009, 1024}, {0x000a, 64},   {0x000c, 64},   {0x000d, 1024}, {0x000e, 64},
    {0x000f, 64},  {0x0014, 4096}, {0x0015, 64},   {0x0016, 64},   {0x0017, 64},   {0x0018, 64},   {0x0019, 1024},
    {0x0065, 256}, {0x07c8, 512},  {0x1a51, 16},   {0x2605, 1024}, {0x2705, 1024}, {0x2805, 64},   {0x334d, 512},
    {0x4341, 64},  {0x4453, 4096}, {0x4704, 256},  {0x470f, 256},  {0x4b46, 64},   {0x4c41, 1024}, {0x4d49, 64},
    {0x4d63, 256}, {0x4f4c, 64},   {0x5356, 256},  {0x5455, 13},   {0x554e, 1024}, {0x5855, 12},   {0x6375, 1029},
    {0x6542, 512}, {0x6865, 64},   {0x6c78, 64},   {0x7075, 4101}, {0x7441, 512},  {0x756e, 4110}, {0x7855, 8},
    {0x7875, 24},  {0x9901, 7},    {0xa11e, 6},    {0xa220, 4},    {0xcafe, 0},    {0xd935, 2},
};

static bool all_zero(struct trn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i])
            return false;
    return true;
}

/* Of one member each kind comes once. */
static size_t most_of(uint16_t id, uint64_t *seen)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(known); i++) {
        uint64_t bit = 1ull << i;
        if (known[i].id != id)
            continue;
        size_t most = *seen & bit ? 0 : known[i].most;
        *seen |= bit;
        return most;
    }
    return 0;
}
_Static_assert(TRN_ARRAY_SIZE(known) <= 64, "a bit each");

/* What of the fields nobody knows, or comes again; what is larger than its kind honestly is counts behind that size, but for zeroes: they are
 * how members are aligned. */
static void add_unknown(struct trn_pieces *to, struct trn_str extra, uint64_t at)
{
    struct trn_cursor c = trn_cur_of(extra);
    uint64_t seen = 0;
    while (trn_cur_left(&c)) {
        size_t from = c.at;
        uint16_t id = trn_cur_u16le(&c), n = trn_cur_u16le(&c);
        struct trn_str field = trn_cur_bytes(&c, n);
        if (c.bad) /* it is not made of fields from here on */
            field = trn_str_slice(extra, from, extra.n);
        else
            from += 4;
        size_t skip = c.bad ? 0 : TRN_MIN(most_of(id, &seen), field.n);
        struct trn_str rest = trn_str_slice(field, skip, field.n);
        if (!all_zero(rest))
            trn_pieces_add(to, at + from + skip, rest.p, rest.n);
    }
}

void trn_zip_fields_add(struct trn_zip_job *j, const struct trn_zip_entry *e, const struct trn_zip_local *local)
{
    struct trn_str comment = {e->comment, e->comment_n};
    add_unknown(&j->listed_fields, (struct trn_str){e->extra, e->extra_n}, e->extra_at);
    add_unknown(&j->local_fields, local->extra, local->data_at - local->extra.n);
    if (comment.n == 0)
        return;
    trn_pieces_add(&j->comments, e->extra_at + e->extra_n, comment.p, comment.n);
    j->odd_comment |= !trn_is_short_text(comment, COMMENT_MAX);
}

int trn_zip_fields_tell(struct trn_zip_job *j)
{
    static const struct trn_unowned listed = {"extra-fields", "[extra fields of the directory]",
                                              "stand in extra fields of the archive's directory that no known program "
                                              "writes: who unpacks it never sees them",
                                              0};
    static const struct trn_unowned local = {"extra-fields", "[extra fields of the members]",
                                             "stand in extra fields in front of members that no known program writes: "
                                             "who unpacks it never sees them",
                                             0};
    static const struct trn_unowned comments = {"comment-content", "[comments of the members]",
                                                "are comments of the archive's members, which are no short texts", 0};
    int e = j->listed_fields.total > UNKNOWN_TOTAL ? trn_pieces_tell(j->l, &listed, &j->listed_fields) : 0;
    if (e == 0 && j->local_fields.total > UNKNOWN_TOTAL)
        e = trn_pieces_tell(j->l, &local, &j->local_fields);
    if (e == 0 && (j->odd_comment || j->comments.total > COMMENTS_TOTAL))
        e = trn_pieces_tell(j->l, &comments, &j->comments);
    return e;
}
