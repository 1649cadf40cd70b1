/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what stands behind the program of self-extracting files that are no archive by themselves: the settings of a 7-Zip
 * installer before its archive; Inno Setup's data, which is named and not opened.
 * Must not: search further than where those programs put it.
 */
#include "artifact/kinds.h"

#include "formats/formats.h"

#define SETTINGS_MAX 65536u
#define INNO_WITHIN (4u << 20)
#define WINDOW 65536u

static ptrdiff_t find(struct trn_str s, const char *mark, size_t n)
{
    const char *p = s.n ? memmem(s.p, s.n, mark, n) : NULL;
    return p ? p - s.p : -1;
}

int trn_open_sfx7z(struct trn_look *l, struct trn_err *err)
{
    struct trn_cursor c;
    int e = trn_source_cursor(l->bytes, 0, SETTINGS_MAX, l->arena, &c);
    if (e < 0)
        return e;
    ptrdiff_t at = find((struct trn_str){(const char *)c.p, c.n}, "7z\xbc\xaf\x27\x1c", 6);
    if (at < 0)
        return trn_fail(err, -EBADMSG, "there is no archive behind the settings of the 7-Zip installer");
    struct trn_member settings = {.name = TRN_STR("settings.txt"), .size = (uint64_t)at};
    struct trn_member archive = {.name = TRN_STR("archive.7z"), .size = l->bytes->size - (uint64_t)at};
    e = trn_look_part(l, &settings, 0, (uint64_t)at);
    return e < 0 ? e : trn_look_part(l, &archive, (uint64_t)at, archive.size);
}

/* Inno Setup puts its own program first, packed, then the data with this mark. */
int trn_look_inno(struct trn_look *l, struct trn_err *err)
{
    static const char mark[] = "Inno Setup Setup Data (";
    char window[WINDOW + sizeof(mark)], version[32];
    if (l->parent_format != TRN_FORMAT_PE || l->self->format != TRN_FORMAT_DATA || !l->self->has_offset)
        return 0;
    for (uint64_t at = 0; at < TRN_MIN(l->bytes->size, (uint64_t)INNO_WITHIN); at += WINDOW) {
        int64_t n = trn_source_read(l->bytes, at, window, sizeof(window)); /* with the start of the next one */
        if (n < 0)
            return (int)n;
        struct trn_str s = {window, (size_t)n};
        ptrdiff_t found = find(s, mark, sizeof(mark) - 1);
        if (found < 0)
            continue;
        struct trn_str rest = trn_str_slice(s, (size_t)found + sizeof(mark) - 1, 24);
        ptrdiff_t end = trn_str_find(rest, ')');
        return trn_look_gap(l, TRN_GAP_UNSUPPORTED, TRN_STR_NONE,
                            "the data of an Inno Setup installer (%s) is not opened",
                            trn_escape_into(version, sizeof(version),
                                            trn_str_slice(rest, 0, end < 0 ? 0 : (size_t)end)));
    }
    return 0;
}
