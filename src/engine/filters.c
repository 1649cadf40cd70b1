/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the list of filters that hold now, as the FILTER events told it, for whoever asks. Must not own:
 * setting one (turncoatd does), or any decision that rests on it (src/story).
 */
#include "engine/filters.h"

struct row {
    struct trn_str path, why; /* owned copies */
    struct trn_file_key file;
    uint64_t until_wall_ns;
    uint32_t target_pid, classes, uid, pid;
};

struct trn_filter_list {
    struct row rows[TRN_FILTER_LIST_MAX];
    uint32_t n;
};

struct trn_filter_list *trn_filter_list_new(void)
{
    return calloc(1, sizeof(struct trn_filter_list));
}

static struct trn_str copy(struct trn_str s)
{
    char *p = trn_str_is_none(s) ? NULL : strndup(s.p, s.n);
    return p ? (struct trn_str){p, s.n} : TRN_STR_NONE;
}

static void row_done(struct row *r)
{
    free((void *)(uintptr_t)r->path.p);
    free((void *)(uintptr_t)r->why.p);
}

struct trn_filter_list *trn_filter_list_free(struct trn_filter_list *l)
{
    for (uint32_t i = 0; l && i < l->n; i++)
        row_done(&l->rows[i]);
    free(l);
    return NULL;
}

static bool is_about(const struct row *r, const struct trn_ev_filter *f)
{
    return r->target_pid == f->target_pid && trn_str_is_none(r->path) == trn_str_is_none(f->path) &&
           (trn_str_is_none(f->path) || trn_str_eq(r->path, f->path));
}

static void drop(struct trn_filter_list *l, uint32_t i)
{
    row_done(&l->rows[i]);
    memmove(&l->rows[i], &l->rows[i + 1], (l->n - i - 1) * sizeof l->rows[0]);
    l->n--;
}

void trn_filter_list_event(struct trn_filter_list *l, const struct trn_event *ev)
{
    for (uint32_t i = l->n; i-- > 0;)
        if (is_about(&l->rows[i], &ev->filter))
            drop(l, i);
    if (ev->action != TRN_ACT_SET)
        return;
    if (l->n == TRN_FILTER_LIST_MAX)
        drop(l, 0); /* turncoatd has a limit of its own, which is lower */
    l->rows[l->n++] = (struct row){.path = copy(ev->filter.path),
                                   .why = copy(ev->filter.why),
                                   .file = ev->filter.file,
                                   .until_wall_ns = ev->wall_ns + ev->filter.holds_ns,
                                   .target_pid = ev->filter.target_pid,
                                   .classes = ev->filter.classes,
                                   .uid = ev->uid,
                                   .pid = ev->pid};
}

static const char *what_of(const struct row *r)
{
    if (r->target_pid != TRN_NO_U32)
        return "process";
    if (r->file.ctime_ns)
        return "program";
    return r->file.ino ? "path" : "filesystem";
}

static void put_row(const struct row *r, struct trn_buf *out)
{
    const char *comma = "";
    trn_put_fmt(out, "{\"what\":\"%s\"", what_of(r));
    if (!trn_str_is_none(r->path)) {
        trn_put_c(out, ",\"path\":");
        trn_json_str(out, r->path);
    }
    if (r->target_pid != TRN_NO_U32)
        trn_put_fmt(out, ",\"pid\":%u", r->target_pid);
    trn_put_c(out, ",\"classes\":[");
    for (unsigned k = 0; k < TRN_CLASS_MAX; k++) {
        if (!(r->classes & (1u << k)))
            continue;
        trn_put_fmt(out, "%s\"%s\"", comma, trn_class_name((enum trn_class)k));
        comma = ",";
    }
    trn_put_c(out, "],\"until\":\"");
    trn_put_time_iso(out, r->until_wall_ns);
    trn_put_fmt(out, "\",\"by_uid\":%u,\"why\":", r->uid);
    trn_json_str(out, r->why);
    trn_put_c(out, "}");
}

void trn_filter_list_json(const struct trn_filter_list *l, struct trn_buf *out)
{
    trn_put_c(out, "[");
    for (uint32_t i = 0; i < l->n; i++) {
        trn_put_c(out, i ? "," : "");
        put_row(&l->rows[i], out);
    }
    trn_put_c(out, "]");
}

void trn_filter_list_lines(const struct trn_filter_list *l, struct trn_buf *out)
{
    for (uint32_t i = 0; i < l->n; i++) {
        trn_put_c(out, "{\"type\":\"filter\",\"filter\":");
        put_row(&l->rows[i], out);
        trn_put_c(out, "}\n");
    }
}
