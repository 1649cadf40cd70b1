/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the tables of a Windows Installer database: pool of strings, columns, values.
 * Must not own: the compound file under it (ole2.c); what the values mean.
 * Hand-offs: texts are borrowed from the arena that was given at open.
 */
#include "formats/msi.h"

#define STRINGS_MAX (1u << 20)
#define STRING_DATA_MAX (32u << 20)
#define COLUMNS_MAX 32768u /* of all tables together */
#define TYPE_STRING 0x800u
#define TYPE_NULLABLE 0x1000u
#define TYPE_BINARY 0x900u

struct trn_msi {
    const struct trn_ole2 *ole2;
    struct trn_arena *arena;
    uint8_t ref_width;   /* of a string in a table: 2 or 3 */
    struct trn_str data; /* all strings, one behind another */
    uint32_t *ends;      /* of string i in data; ends[0] is 0 */
    uint32_t n_strings;
    struct trn_msi_table columns;
};

bool trn_msi_probe(const struct trn_source *s)
{
    /* 000C1084 an installer, 000C1086 a patch, 000C1082 a transform; the rest of the class is the same */
    static const uint8_t rest[15] = "\x10\x0c\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";
    uint8_t head[52], clsid[TRN_OLE2_CLSID];
    if (trn_source_read(s, 0, head, sizeof(head)) != (int64_t)sizeof(head) ||
        memcmp(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8) != 0)
        return false;
    struct trn_cursor c = trn_cur(head, sizeof(head));
    trn_cur_seek(&c, 30);
    uint16_t shift = trn_cur_u16le(&c);
    trn_cur_seek(&c, 48);
    uint64_t at = (uint64_t)trn_cur_u32le(&c) + 1;
    if (shift != 9 && shift != 12)
        return false;
    return trn_source_read(s, (at << shift) + 80, clsid, sizeof(clsid)) == (int64_t)sizeof(clsid) &&
           (clsid[0] == 0x84 || clsid[0] == 0x86 || clsid[0] == 0x82) && memcmp(clsid + 1, rest, sizeof(rest)) == 0;
}

static int take_stream(const struct trn_msi *m, const char *name, size_t max, struct trn_str *ret)
{
    const struct trn_ole2_entry *e = trn_ole2_find(m->ole2, name);
    struct trn_source s;
    if (!e)
        return -ENOENT;
    int r = trn_ole2_stream(m->ole2, e, m->arena, &s);
    if (r < 0)
        return r;
    if (s.size > max)
        return -ENOMEM;
    return trn_source_take(&s, 0, (size_t)s.size, m->arena, ret);
}

/* The pool: code page and flags, then for each string its length and how often it is used. A length of 0 that is used is
 * the upper half of the length that follows. */
static int read_pool(struct trn_msi *m, struct trn_str pool)
{
    struct trn_cursor c = trn_cur_of(pool);
    uint32_t first = trn_cur_u32le(&c);
    uint64_t end = 0;
    m->ref_width = first & 0x80000000u ? 3 : 2;
    size_t max = pool.n / 4;
    if (c.bad)
        return -EBADMSG;
    if (max > STRINGS_MAX)
        return -ENOMEM;
    m->ends = trn_arena_array(m->arena, max + 1, sizeof(*m->ends));
    if (!m->ends)
        return -ENOMEM;
    m->n_strings = 1;
    while (trn_cur_left(&c) >= 4) {
        uint64_t n = trn_cur_u16le(&c), used = trn_cur_u16le(&c);
        if (n == 0 && used && trn_cur_left(&c) >= 4) {
            n = used << 16 | trn_cur_u16le(&c);
            trn_cur_skip(&c, 2);
        }
        end += n;
        if (end > m->data.n)
            return -EBADMSG;
        m->ends[m->n_strings++] = (uint32_t)end;
    }
    return 0;
}

static struct trn_str string_at(const struct trn_msi *m, uint32_t id)
{
    if (id == 0 || id >= m->n_strings)
        return TRN_STR_NONE;
    return trn_str_slice(m->data, m->ends[id - 1], m->ends[id] - m->ends[id - 1]);
}

static uint8_t width_of(const struct trn_msi *m, uint16_t type)
{
    if ((type & ~TYPE_NULLABLE) == TYPE_BINARY)
        return 2;
    if (type & TYPE_STRING)
        return m->ref_width;
    return (type & 0xff) == 4 ? 4 : 2;
}

/* Places of the columns, once their widths and the size of the table are known. */
static void lay_out(struct trn_msi_table *t)
{
    uint64_t width = 0, before = 0;
    for (uint32_t i = 0; i < t->n_columns; i++)
        width += t->columns[i].width;
    t->rows = width ? (uint32_t)(t->bytes.n / width) : 0;
    t->uneven = width == 0 || t->bytes.n % width != 0;
    for (uint32_t i = 0; i < t->n_columns; i++) {
        t->columns[i].at = before;
        before += (uint64_t)t->rows * t->columns[i].width;
    }
}

static void add_column(struct trn_msi_table *t, struct trn_str name, uint16_t type)
{
    if (t->n_columns < TRN_MSI_COLUMNS)
        t->columns[t->n_columns++] =
            (struct trn_msi_column){.name = name, .type = type, .width = width_of(t->msi, type)};
}

static bool value_at(const struct trn_msi_table *t, uint32_t row, const char *column, const struct trn_msi_column **ret,
                     uint32_t *ret_raw)
{
    for (uint32_t i = 0; i < t->n_columns; i++) {
        const struct trn_msi_column *col = &t->columns[i];
        if (row >= t->rows || !trn_str_eq_c(col->name, column))
            continue;
        struct trn_cursor c = trn_cur_of(t->bytes);
        trn_cur_seek(&c, (size_t)(col->at + (uint64_t)row * col->width));
        uint32_t low = trn_cur_u16le(&c);
        *ret_raw = col->width == 2 ? low : low | (uint32_t)(col->width == 3 ? trn_cur_u8(&c) : trn_cur_u16le(&c)) << 16;
        *ret = col;
        return !c.bad;
    }
    return false;
}

struct trn_str trn_msi_text(const struct trn_msi_table *t, uint32_t row, const char *column)
{
    const struct trn_msi_column *col;
    uint32_t raw;
    if (!value_at(t, row, column, &col, &raw) || !(col->type & TYPE_STRING) ||
        (col->type & ~TYPE_NULLABLE) == TYPE_BINARY)
        return TRN_STR_NONE;
    return string_at(t->msi, raw);
}

bool trn_msi_number(const struct trn_msi_table *t, uint32_t row, const char *column, int32_t *ret)
{
    const struct trn_msi_column *col;
    uint32_t raw;
    if (!value_at(t, row, column, &col, &raw) || (col->type & TYPE_STRING) || raw == 0)
        return false;
    *ret = col->width == 4 ? (int32_t)(raw ^ 0x80000000u) : (int32_t)raw - 0x8000;
    return true;
}

int trn_msi_table(const struct trn_msi *m, const char *name, struct trn_msi_table *ret)
{
    struct trn_msi_table t = {.msi = m};
    char stream[64];
    size_t n = strlen(name);
    if (n + 2 > sizeof(stream))
        return -ENOENT;
    stream[0] = '!';
    memcpy(stream + 1, name, n + 1);
    int32_t type;
    /* rows of one table are in the order of their numbers, as Windows itself wants them */
    for (uint32_t i = 0; i < TRN_MIN(m->columns.rows, COLUMNS_MAX); i++)
        if (trn_str_eq_c(trn_msi_text(&m->columns, i, "Table"), name) && trn_msi_number(&m->columns, i, "Type", &type))
            add_column(&t, trn_msi_text(&m->columns, i, "Name"), (uint16_t)type);
    int e = t.n_columns ? take_stream(m, stream, TRN_MSI_TABLE_MAX, &t.bytes) : -ENOENT;
    if (e < 0)
        return e;
    lay_out(&t);
    *ret = t;
    return 0;
}

static int read_columns(struct trn_msi *m)
{
    struct trn_msi_table *t = &m->columns;
    t->msi = m;
    add_column(t, TRN_STR("Table"), 0x2d40);
    add_column(t, TRN_STR("Number"), 0x2502);
    add_column(t, TRN_STR("Name"), 0x0d40);
    add_column(t, TRN_STR("Type"), 0x0502);
    int e = take_stream(m, "!_Columns", TRN_MSI_TABLE_MAX, &t->bytes);
    if (e == 0)
        lay_out(t);
    return e;
}

int trn_msi_open(const struct trn_ole2 *o, struct trn_arena *a, struct trn_msi **ret, struct trn_err *err)
{
    struct trn_msi *m = trn_arena_alloc(a, sizeof(*m));
    struct trn_str pool;
    if (!m)
        return trn_fail(err, -ENOMEM, "no memory for the installer database");
    *m = (struct trn_msi){.ole2 = o, .arena = a};
    int e = take_stream(m, "!_StringPool", 4u * STRINGS_MAX, &pool);
    if (e == 0)
        e = take_stream(m, "!_StringData", STRING_DATA_MAX, &m->data);
    if (e == 0)
        e = read_pool(m, pool);
    if (e == 0)
        e = read_columns(m);
    if (e < 0)
        return trn_fail(err, e, "the tables of the installer database cannot be read: %s",
                        e == -ENOENT    ? "they are missing"
                        : e == -EBADMSG ? "they are damaged"
                                        : trn_errno_name(e));
    *ret = m;
    return 0;
}

struct trn_str trn_msi_long_name(struct trn_str name)
{
    ptrdiff_t bar = trn_str_find(name, '|');
    return bar < 0 ? name : trn_str_slice(name, (size_t)bar + 1, name.n);
}
