/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: one event to one row: which columns it fills, and the table of files. Must not own: reading
 * rows back (hunt_run.c), sightings.
 * Hand-offs: nothing is kept of the event.
 */
#include "store/db.h"

struct columns {
    struct trn_str process, path, path2, name, software;
    struct trn_str ip;
    uint32_t port;
    struct trn_file_key file;
};

/* Rows that say nothing later: the tick of the clock, remembered rows (they have their own table), and
 * forks (the exec or the acts of the child carry the parent). */
static bool worth_a_row(const struct trn_event *ev)
{
    return ev->type != TRN_EV_TICK && ev->type != TRN_EV_STATE && ev->type != TRN_EV_FORK;
}

static struct trn_str destination_name(const struct trn_event *ev)
{
    struct trn_value v;

    return trn_event_get(ev, trn_field_by_id(TRN_F_DST_DOMAIN), &v) ? v.s : TRN_STR_NONE;
}

/* The other side: who was called, or who called; of a port that was opened, its own. */
static void net_columns(const struct trn_event *ev, struct columns *c)
{
    bool in = ev->type == TRN_EV_ACCEPT || ev->type == TRN_EV_LISTEN;

    if (ev->net.family == 4 || ev->net.family == 6)
        c->ip = (struct trn_str){(const char *)(in ? ev->net.src : ev->net.dst), ev->net.family == 4 ? 4 : 16};
    c->name = destination_name(ev);
    c->port = ev->type == TRN_EV_LISTEN
                  ? ev->net.src_port
                  : ev->net.dst_port; /* on an accepted connection: the service that was reached */
}

static void columns_of(const struct trn_event *ev, struct columns *c)
{
    *c = (struct columns){.port = TRN_NO_U32};
    switch (ev->type) {
    case TRN_EV_EXEC:
        c->process = c->path = ev->exec.path;
        c->path2 = ev->exec.script;
        c->file = ev->exec.file;
        break;
    case TRN_EV_LIB_LOAD:
    case TRN_EV_MEM_EXEC:
        c->path = ev->map.path;
        c->file = ev->map.file;
        break;
    case TRN_EV_FILE:
    case TRN_EV_OPEN:
        c->path = ev->file.path;
        c->path2 = ev->file.old_path;
        c->file = ev->file.file;
        break;
    case TRN_EV_CONNECT:
    case TRN_EV_ACCEPT:
    case TRN_EV_NET_CLOSE:
    case TRN_EV_LISTEN:
        net_columns(ev, c);
        break;
    case TRN_EV_DNS:
        net_columns(ev, c);
        c->name = ev->dns.name;
        break;
    case TRN_EV_TLS:
        net_columns(ev, c);
        if (!trn_str_is_none(ev->tls.sni))
            c->name = ev->tls.sni;
        break;
    case TRN_EV_IDENTITY:
        c->path = ev->identity.path;
        c->file = ev->identity.file;
        c->software = ev->identity.id.software.name;
        break;
    case TRN_EV_SOFTWARE:
        c->software = ev->software.software.name;
        break;
    case TRN_EV_BROUGHT:
        c->path = ev->brought.path;
        c->software = ev->brought.name;
        break;
    default:
        break;
    }
}

static int64_t intern(struct trn_store *s, struct trn_str text, int *r, struct trn_err *err)
{
    int64_t id = 0;
    if (*r == 0)
        *r = trn_dict_intern(s, text, &id, err);
    return id;
}

static void bind_id(sqlite3_stmt *q, int at, int64_t id)
{
    if (id)
        sqlite3_bind_int64(q, at, id);
}

static void bind_u32(sqlite3_stmt *q, int at, uint32_t v)
{
    if (v != TRN_NO_U32)
        sqlite3_bind_int64(q, at, v);
}

static int put_row(struct trn_store *s, const struct trn_event *ev, struct trn_str encoded, const struct columns *c,
                   struct trn_err *err)
{
    int r = 0;
    int64_t process = intern(s, c->process, &r, err), path = intern(s, c->path, &r, err);
    int64_t path2 = intern(s, c->path2, &r, err), name = intern(s, c->name, &r, err);
    int64_t software = intern(s, c->software, &r, err);

    if (r < 0)
        return r;
    sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_EVENT_PUT);
    if (q == NULL)
        return trn_db_fail(s, sqlite3_errcode(s->db), err, "store an event");
    sqlite3_bind_int64(q, 1, (int64_t)ev->seq);
    sqlite3_bind_int64(q, 2, (int64_t)ev->wall_ns);
    sqlite3_bind_int64(q, 3, ev->type);
    bind_id(q, 4, (int64_t)ev->entity);
    bind_u32(q, 5, ev->pid);
    bind_u32(q, 6, ev->uid);
    bind_id(q, 7, process);
    bind_id(q, 8, path);
    bind_id(q, 9, path2);
    if (!trn_file_key_is_none(&c->file))
        sqlite3_bind_int64(q, 10, (int64_t)trn_file_key_hash(&c->file));
    bind_id(q, 11, name);
    trn_db_bind_text(q, 12, c->ip);
    bind_u32(q, 13, c->port);
    bind_id(q, 14, software);
    trn_db_bind_text(q, 15, encoded);
    return trn_db_run(s, q, err, "store an event");
}

/* What a file is, by its content key: lets hunt find every act on a hash or by a package. */
static int put_file(struct trn_store *s, const struct trn_event *ev, struct trn_err *err)
{
    const struct trn_identity *id = &ev->identity.id;
    int r = 0;
    int64_t software = intern(s, id->software.name, &r, err), path = intern(s, ev->identity.path, &r, err);

    if (r < 0 || trn_file_key_is_none(&ev->identity.file))
        return r;
    sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_FILE_PUT);
    if (q == NULL)
        return trn_db_fail(s, sqlite3_errcode(s->db), err, "store a file");
    sqlite3_bind_int64(q, 1, (int64_t)trn_file_key_hash(&ev->identity.file));
    sqlite3_bind_int64(q, 2, (int64_t)ev->wall_ns);
    if (!trn_sha256_is_none(id->sha256))
        sqlite3_bind_blob(q, 3, id->sha256, TRN_SHA256_SIZE, SQLITE_STATIC);
    bind_id(q, 4, software);
    bind_id(q, 5, path);
    return trn_db_run(s, q, err, "store a file");
}

int trn_store_event(struct trn_store *s, const struct trn_event *ev, struct trn_str entity_path, struct trn_err *err)
{
    trn_buf_clear(&s->scratch);
    trn_event_encode(ev, &s->scratch);
    if (s->scratch.bad)
        return trn_fail(err, -E2BIG, "cannot store event: it is too large");
    return trn_store_encoded(s, ev, trn_buf_str(&s->scratch), entity_path, err);
}

int trn_store_encoded(struct trn_store *s, const struct trn_event *ev, struct trn_str encoded,
                      struct trn_str entity_path, struct trn_err *err)
{
    struct columns c;

    if (s->db == NULL || s->damaged)
        return trn_fail(err, -EUCLEAN, "cannot write to store: it is damaged");
    if (!worth_a_row(ev))
        return 0;
    columns_of(ev, &c);
    if (c.process.p == NULL)
        c.process = entity_path;
    int r = trn_db_begin(s, err);
    if (r == 0) {
        s->pending++;
        r = put_row(s, ev, encoded, &c, err);
        if (r == 0 && ev->type == TRN_EV_IDENTITY)
            r = put_file(s, ev, err);
        if (r == 0)
            r = trn_seen_event(s, ev, err);
        if (r == -E2BIG) { /* this row alone */
            s->pending--;
            s->lost++;
            return r;
        }
    } else {
        s->lost++;
    }
    return r < 0 ? trn_db_abort(s, r) : 0;
}
