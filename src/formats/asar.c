/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the header of an Electron archive to a list of files. Must not own: the files' bytes, judging them.
 * Hand-offs: the list is the arena's; its texts are borrowed from the header.
 */
#include "formats/asar.h"

#define PICKLES 16u
#define PATH_MAX_ASAR 4096u

struct reader {
    struct trn_json j;
    struct trn_arena *a;
    struct trn_asar *r;
    struct trn_asar_file **last;
    uint64_t size; /* of the archive */
};

static bool bad_name(struct trn_str name)
{
    if (name.n == 0 || trn_str_eq_c(name, ".") || trn_str_eq_c(name, ".."))
        return true;
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '/' || name.p[i] == '\\' || name.p[i] == '\0')
            return true;
    return false;
}

static int next(struct reader *r, struct trn_json_piece *p)
{
    return trn_json_next(&r->j, p);
}

static int read_blocks(struct reader *r, struct trn_asar_file *f)
{
    struct trn_json_piece p;
    size_t from = r->j.at - 1;
    int e = next(r, &p);
    for (; e == 0 && p.kind != TRN_JSON_ARRAY_END; e = next(r, &p)) {
        if (p.kind != TRN_JSON_STRING)
            return -EBADMSG;
        f->n_blocks++;
    }
    f->blocks = trn_str_slice(r->j.text, from, r->j.at - from);
    return e;
}

static int read_integrity(struct reader *r, struct trn_asar_file *f)
{
    struct trn_json_piece k, p;
    int e;
    while ((e = next(r, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        e = next(r, &p);
        if (e == 0 && trn_str_eq_c(k.raw, "algorithm"))
            f->other_algorithm = !trn_str_eq_c(p.raw, "SHA256");
        else if (e == 0 && trn_str_eq_c(k.raw, "hash"))
            f->has_hash = trn_unhex(p.raw, f->sha256, TRN_SHA256_SIZE) == 0;
        else if (e == 0 && trn_str_eq_c(k.raw, "blockSize") && trn_str_u64(p.raw, &f->block) < 0)
            f->block = 0;
        else if (e == 0 && trn_str_eq_c(k.raw, "blocks") && p.kind == TRN_JSON_ARRAY)
            e = read_blocks(r, f);
        else if (e == 0)
            e = trn_json_skip(&r->j, &p);
        if (e < 0)
            return e;
    }
    return e;
}

/* One member of a file's object. */
static int member(struct reader *r, struct trn_str k, const struct trn_json_piece *p, struct trn_asar_file *f,
                  bool *ret_placed)
{
    uint64_t v;
    if (trn_str_eq_c(k, "offset") || trn_str_eq_c(k, "size")) {
        bool offset = k.n == 6;
        if ((p->kind != TRN_JSON_STRING && p->kind != TRN_JSON_NUMBER) || trn_str_u64(p->raw, &v) < 0) {
            f->bad_place = true;
            return trn_json_skip(&r->j, p);
        }
        if (offset && !trn_add_ok(r->r->data_at, v, &f->at))
            f->bad_place = true;
        *ret_placed = *ret_placed || offset;
        f->size = offset ? f->size : v;
        return 0;
    }
    if (trn_str_eq_c(k, "unpacked"))
        f->unpacked = p->kind == TRN_JSON_TRUE;
    else if (trn_str_eq_c(k, "executable"))
        f->executable = p->kind == TRN_JSON_TRUE;
    else if (trn_str_eq_c(k, "link") && p->kind == TRN_JSON_STRING) {
        f->link = true;
        f->target = trn_json_unescape(p, r->a);
    } else if (trn_str_eq_c(k, "integrity") && p->kind == TRN_JSON_OBJECT)
        return read_integrity(r, f);
    return trn_json_skip(&r->j, p);
}

static int read_folder(struct reader *r, struct trn_str path, uint32_t depth, bool bad);

static bool fits(const struct reader *r, const struct trn_asar_file *f)
{
    return f->at <= r->size && f->size <= r->size - f->at;
}

/* What a name stands for; its object was just opened. A folder has "files". */
static int read_node(struct reader *r, struct trn_str path, uint32_t depth, bool bad)
{
    struct trn_asar_file f = {.path = path, .bad_name = bad};
    struct trn_json_piece k, p;
    bool folder = false, placed = false;
    int e;
    while ((e = next(r, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        e = next(r, &p);
        if (e == 0 && trn_str_eq_c(k.raw, "files") && p.kind == TRN_JSON_OBJECT) {
            folder = true;
            e = read_folder(r, path, depth + 1, bad);
        } else if (e == 0) {
            e = member(r, k.raw, &p, &f, &placed);
        }
        if (e < 0)
            return e;
    }
    if (e < 0 || folder)
        return e;
    if (r->r->n_files == TRN_ASAR_FILES_MAX) {
        r->r->cut = true;
        return 0;
    }
    f.beyond = !f.link && !f.unpacked && !f.bad_place && placed && !fits(r, &f);
    f.bad_place = !f.link && !f.unpacked && (f.bad_place || !placed || !fits(r, &f));
    struct trn_asar_file *own = trn_arena_alloc(r->a, sizeof(*own));
    if (!own)
        return -ENOMEM;
    *own = f;
    *r->last = own;
    r->last = &own->next;
    r->r->n_files++;
    return 0;
}

static int read_folder(struct reader *r, struct trn_str path, uint32_t depth, bool bad)
{
    struct trn_json_piece k, p;
    int e;
    r->r->n_folders++;
    if (depth > TRN_ASAR_DEPTH)
        return -EBADMSG;
    while ((e = next(r, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        struct trn_str name = trn_json_unescape(&k, r->a), whole = name;
        if (path.n)
            whole = trn_arena_printf(r->a, "%.*s/%.*s", TRN_STR_ARG(path), TRN_STR_ARG(name));
        if (trn_str_is_none(whole))
            return -ENOMEM;
        if (whole.n > PATH_MAX_ASAR)
            return -EBADMSG;
        e = next(r, &p);
        if (e == 0)
            e = p.kind == TRN_JSON_OBJECT ? read_node(r, whole, depth, bad || bad_name(name)) : -EBADMSG;
        if (e < 0)
            return e;
    }
    return e;
}

static int compare(const void *a, const void *b)
{
    return trn_str_cmp((*(const struct trn_asar_file *const *)a)->path,
                       (*(const struct trn_asar_file *const *)b)->path);
}

/* Marks names that stand twice: readers differ in which one they take. */
static int mark_twice(struct trn_asar *r, struct trn_arena *a)
{
    struct trn_asar_file **all = trn_arena_array(a, r->n_files, sizeof(struct trn_asar_file *));
    size_t n = 0;
    if (!all)
        return -ENOMEM;
    for (struct trn_asar_file *f = r->files; f; f = f->next)
        all[n++] = f;
    qsort(all, n, sizeof(*all), compare);
    for (size_t i = 1; i < n; i++)
        all[i]->twice = trn_str_eq(all[i]->path, all[i - 1]->path);
    return 0;
}

static int read_tree(struct reader *r)
{
    struct trn_json_piece k, p;
    int e = next(r, &k);
    if (e < 0 || k.kind != TRN_JSON_OBJECT)
        return -EBADMSG;
    while ((e = next(r, &k)) == 0 && k.kind == TRN_JSON_KEY) {
        e = next(r, &p);
        if (e == 0 && trn_str_eq_c(k.raw, "files") && p.kind == TRN_JSON_OBJECT)
            e = read_folder(r, TRN_STR(""), 0, false);
        else if (e == 0)
            e = trn_json_skip(&r->j, &p);
        if (e < 0)
            return e;
    }
    return e < 0 ? e : next(r, &p);
}

static int read_pickles(const struct trn_source *s, struct trn_asar *r, struct trn_err *err)
{
    uint8_t head[PICKLES] = {0}, pad[8] = {0};
    int64_t got = trn_source_read(s, 0, head, sizeof(head));
    if (got < 0)
        return trn_fail(err, (int)got, "cannot read it: %s", trn_errno_name((int)got));
    struct trn_cursor c = trn_cur(head, (size_t)got);
    uint32_t four = trn_cur_u32le(&c), header = trn_cur_u32le(&c), payload = trn_cur_u32le(&c);
    r->json_size = trn_cur_u32le(&c);
    r->json_at = PICKLES;
    if (c.bad || four != 4 || r->json_size < 2)
        return -ENOMSG;
    r->data_at = 8 + (uint64_t)header;
    if (r->json_at + r->json_size > r->data_at || r->data_at > s->size)
        return trn_fail(err, -EBADMSG, "its header is longer than the room for it");
    if (r->json_size > TRN_ASAR_HEADER_MAX)
        return trn_fail(err, -EFBIG, "its header is larger than %u MiB", TRN_ASAR_HEADER_MAX >> 20);
    uint64_t left = r->data_at - r->json_at - r->json_size;
    if (header != payload + 4u)
        r->irregular = "the sizes of its two headers do not agree";
    else if (left > 3)
        r->irregular = "between its header and its files lies more than padding";
    else if (trn_source_read(s, r->json_at + r->json_size, pad, (size_t)left) != (int64_t)left || pad[0] || pad[1] ||
             pad[2])
        r->irregular = "the padding of its header is not zero";
    return 0;
}

int trn_asar_parse(const struct trn_source *s, struct trn_arena *a, struct trn_asar *ret, struct trn_err *err)
{
    struct trn_asar r = {0};
    struct trn_str json = TRN_STR_NONE;
    int e = read_pickles(s, &r, err);
    if (e == 0)
        e = trn_source_take(s, r.json_at, (size_t)r.json_size, a, &json);
    if (e < 0)
        return e;
    struct reader reader = {.a = a, .r = &r, .last = &r.files, .size = s->size};
    trn_json_begin(&reader.j, json);
    e = read_tree(&reader);
    if (e == 0)
        e = mark_twice(&r, a);
    uint64_t at = r.json_at + reader.j.at;
    if (e == -EBADMSG)
        return trn_fail(err, e, "its header is no JSON as it must be, at 0x%llx", (unsigned long long)at);
    if (e < 0)
        return e;
    *ret = r;
    return 0;
}

int trn_asar_block(const struct trn_asar_file *f, struct trn_json *j, uint8_t ret[TRN_SHA256_SIZE])
{
    struct trn_json_piece p;
    int e = 0;
    if (trn_str_is_none(j->text)) {
        trn_json_begin(j, f->blocks);
        e = trn_json_next(j, &p);
    }
    if (e == 0)
        e = trn_json_next(j, &p);
    return e < 0 ? e : p.kind == TRN_JSON_STRING ? trn_unhex(p.raw, ret, TRN_SHA256_SIZE) : -EBADMSG;
}
