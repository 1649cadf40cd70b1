/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the tags of XML property lists; base64 and entities in them. Must not own: XML (no entities of its own, no
 * namespaces, no attributes that mean something), a tree.
 * Hand-offs: texts are borrowed from the bytes; decoded ones are the arena's.
 */
#include "formats/plist.h"

static const struct {
    const char *name;
    enum trn_plist_kind kind;
} tags[] = {
    {"dict", TRN_PLIST_DICT}, {"array", TRN_PLIST_ARRAY},     {"key", TRN_PLIST_KEY},   {"string", TRN_PLIST_STRING},
    {"data", TRN_PLIST_DATA}, {"integer", TRN_PLIST_INTEGER}, {"real", TRN_PLIST_REAL}, {"date", TRN_PLIST_DATE},
    {"true", TRN_PLIST_TRUE}, {"false", TRN_PLIST_FALSE},
};

void trn_plist_init(struct trn_plist *p, struct trn_str bytes)
{
    *p = (struct trn_plist){.c = trn_cur_of(bytes)};
}

static struct trn_str rest(const struct trn_plist *p)
{
    return (struct trn_str){(const char *)p->c.p + p->c.at, trn_cur_left(&p->c)};
}

/* Behind the first place where text stands. */
static int behind(struct trn_plist *p, const char *text)
{
    struct trn_str r = rest(p), t = trn_str_of(text);
    const char *at = r.n ? memmem(r.p, r.n, t.p, t.n) : NULL;
    if (!at)
        return -EBADMSG;
    trn_cur_skip(&p->c, (size_t)(at - r.p) + t.n);
    return 0;
}

static void blanks(struct trn_plist *p)
{
    struct trn_str r = rest(p);
    size_t n = 0;
    while (n < r.n && (r.p[n] == ' ' || r.p[n] == '\n' || r.p[n] == '\r' || r.p[n] == '\t' || r.p[n] == '\0'))
        n++;
    trn_cur_skip(&p->c, n);
}

/* The inside of the next <tag>; comments and declarations before it are skipped. Absent at the end of the bytes. */
static int next_tag(struct trn_plist *p, struct trn_str *ret)
{
    for (;;) {
        blanks(p);
        struct trn_str r = rest(p);
        if (r.n == 0) {
            *ret = TRN_STR_NONE;
            return 0;
        }
        if (r.p[0] != '<')
            return -EBADMSG;
        int e;
        if (trn_str_starts(r, TRN_STR("<!--")))
            e = behind(p, "-->");
        else if (trn_str_starts(r, TRN_STR("<?")) || trn_str_starts(r, TRN_STR("<!DOCTYPE")))
            e = behind(p, ">");
        else
            break;
        if (e < 0)
            return e;
    }
    trn_cur_skip(&p->c, 1);
    *ret = trn_cur_until(&p->c, '>', 256);
    return p->c.bad || ret->n == 0 ? -EBADMSG : 0;
}

static int tag_kind(struct trn_str name, enum trn_plist_kind *ret)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(tags); i++)
        if (trn_str_eq_c(name, tags[i].name)) {
            *ret = tags[i].kind;
            return 0;
        }
    return -EBADMSG;
}

static int close_one(struct trn_plist *p, enum trn_plist_kind kind, struct trn_plist_item *ret)
{
    if (p->depth == 0 || p->stack[p->depth - 1] != kind)
        return -EBADMSG;
    p->depth--;
    *ret = (struct trn_plist_item){.kind = kind == TRN_PLIST_DICT ? TRN_PLIST_DICT_END : TRN_PLIST_ARRAY_END,
                                   .depth = p->depth};
    return 0;
}

/* Text up to the end tag of its own kind. */
static int value(struct trn_plist *p, struct trn_str name, bool empty, struct trn_plist_item *item)
{
    item->text = TRN_STR("");
    if (empty)
        return 0;
    struct trn_str end;
    struct trn_str r = rest(p);
    ptrdiff_t at = r.n ? trn_str_find(r, '<') : -1;
    if (at < 0)
        return -EBADMSG;
    item->text = trn_cur_bytes(&p->c, (size_t)at);
    trn_cur_skip(&p->c, 1);
    end = trn_cur_until(&p->c, '>', 64);
    return !p->c.bad && end.n == name.n + 1 && end.p[0] == '/' && memcmp(end.p + 1, name.p, name.n) == 0 ? 0 : -EBADMSG;
}

static int open_one(struct trn_plist *p, enum trn_plist_kind kind, bool empty)
{
    if (p->depth == TRN_PLIST_DEPTH)
        return -E2BIG;
    p->stack[p->depth++] = (uint8_t)kind;
    p->pending = empty ? kind : TRN_PLIST_END;
    return 0;
}

static int begun(struct trn_plist *p)
{
    struct trn_str tag, all = rest(p);
    if (trn_str_starts(all, TRN_STR("bplist")))
        return -ENOTSUP;
    if (trn_str_starts(all, TRN_STR("\xef\xbb\xbf")))
        trn_cur_skip(&p->c, 3);
    int e = next_tag(p, &tag);
    if (e == 0 && (trn_str_is_none(tag) || !trn_str_starts(tag, TRN_STR("plist"))))
        e = -EBADMSG;
    p->begun = e == 0;
    return e;
}

int trn_plist_next(struct trn_plist *p, struct trn_plist_item *ret)
{
    struct trn_str tag;
    int e = p->begun ? 0 : begun(p);
    if (e < 0)
        return e;
    if (p->pending) {
        enum trn_plist_kind kind = p->pending;
        p->pending = TRN_PLIST_END;
        return close_one(p, kind, ret);
    }
    e = next_tag(p, &tag);
    if (e < 0)
        return e;
    if (trn_str_is_none(tag) || trn_str_eq_c(tag, "/plist")) {
        *ret = (struct trn_plist_item){0};
        p->c.at = p->c.n; /* what is behind it is not of it */
        return p->depth ? -EBADMSG : 0;
    }
    if (trn_str_eq_c(tag, "/dict") || trn_str_eq_c(tag, "/array"))
        return close_one(p, tag.p[1] == 'd' ? TRN_PLIST_DICT : TRN_PLIST_ARRAY, ret);
    bool empty = tag.p[tag.n - 1] == '/';
    struct trn_str name = trn_str_trim(trn_str_slice(tag, 0, tag.n - empty));
    struct trn_plist_item item = {.depth = p->depth};
    e = tag_kind(name, &item.kind);
    if (e == 0)
        e = item.kind == TRN_PLIST_DICT || item.kind == TRN_PLIST_ARRAY ? open_one(p, item.kind, empty)
                                                                        : value(p, name, empty, &item);
    if (e == 0)
        *ret = item;
    return e;
}

int trn_plist_skip(struct trn_plist *p)
{
    struct trn_plist_item item;
    uint32_t want = p->depth - (p->depth ? 1 : 0);
    int e = 0;
    while (e == 0 && p->depth > want)
        e = trn_plist_next(p, &item);
    return e;
}

static bool entity(struct trn_str s, char *ret_c, size_t *ret_n)
{
    static const struct {
        const char *name;
        char c;
    } table[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(table); i++)
        if (trn_str_starts(s, trn_str_of(table[i].name))) {
            *ret_c = table[i].c;
            *ret_n = strlen(table[i].name);
            return true;
        }
    return false;
}

struct trn_str trn_plist_text(struct trn_arena *a, struct trn_str raw)
{
    char *out = trn_arena_alloc(a, raw.n + 1);
    size_t n = 0;
    if (!out)
        return TRN_STR_NONE;
    for (size_t i = 0; i < raw.n;) {
        char c = raw.p[i];
        size_t took = 1;
        if (c == '&')
            (void)entity(trn_str_slice(raw, i, raw.n - i), &c, &took);
        out[n++] = c;
        i += took;
    }
    return (struct trn_str){out, n};
}

static int digit64(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

struct trn_str trn_plist_data(struct trn_arena *a, struct trn_str raw)
{
    char *out = trn_arena_alloc(a, raw.n / 4 * 3 + 4);
    size_t n = 0;
    uint32_t bits = 0, have = 0;
    if (!out)
        return TRN_STR_NONE;
    for (size_t i = 0; i < raw.n && raw.p[i] != '='; i++) {
        int v = digit64(raw.p[i]);
        if (v < 0 && raw.p[i] != ' ' && raw.p[i] != '\n' && raw.p[i] != '\r' && raw.p[i] != '\t')
            return TRN_STR_NONE;
        if (v < 0)
            continue;
        bits = bits << 6 | (uint32_t)v;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have & 0xff);
        }
    }
    return (struct trn_str){out, n};
}
