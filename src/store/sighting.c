/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the roll-up of what was ever seen: first, last, how often. It outlives the events.
 * Must not own: events, retention.
 * Hand-offs: sightings of one transaction are gathered in the handle and written by trn_seen_flush.
 */
#include "store/db.h"

#include <arpa/inet.h>

static const char *const kinds[TRN_SEEN_MAX] = {
    [TRN_SEEN_SHA256] = "sha256", [TRN_SEEN_DOMAIN] = "domain",     [TRN_SEEN_IP] = "ip",
    [TRN_SEEN_PATH] = "path",     [TRN_SEEN_SOFTWARE] = "software",
};

static int write_entry(struct trn_store *s, struct trn_seen_entry *e, struct trn_err *err)
{
    if (e->value == 0)
        return 0;
    sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_SIGHTING_PUT);
    if (q == NULL)
        return trn_db_fail(s, sqlite3_errcode(s->db), err, "store a sighting");
    sqlite3_bind_int64(q, 1, e->value);
    sqlite3_bind_int64(q, 2, e->kind);
    sqlite3_bind_int64(q, 3, (int64_t)e->first);
    sqlite3_bind_int64(q, 4, (int64_t)e->last);
    sqlite3_bind_int64(q, 5, (int64_t)e->count);
    *e = (struct trn_seen_entry){0};
    return trn_db_run(s, q, err, "store a sighting");
}

int trn_seen_flush(struct trn_store *s, struct trn_err *err)
{
    for (size_t i = 0; i < TRN_SEEN_CACHE; i++) {
        int r = write_entry(s, &s->seen[i], err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int seen_often(struct trn_store *s, enum trn_sighting_kind kind, struct trn_str value, uint64_t wall,
                      uint32_t times, struct trn_err *err)
{
    int64_t id = 0;

    if (value.n == 0)
        return 0;
    int r = trn_dict_intern(s, value, &id, err);
    if (r < 0 || id == 0)
        return r;
    struct trn_seen_entry *e = &s->seen[((uint64_t)id * TRN_SEEN_MAX + kind) % TRN_SEEN_CACHE];
    if (e->value && (e->value != id || e->kind != (int64_t)kind)) {
        r = write_entry(s, e, err);
        if (r < 0)
            return r;
    }
    if (e->value == 0)
        *e = (struct trn_seen_entry){.kind = kind, .value = id, .first = wall, .last = wall};
    e->first = TRN_MIN(e->first, wall);
    e->last = TRN_MAX(e->last, wall);
    e->count += times;
    return 0;
}

static int seen(struct trn_store *s, enum trn_sighting_kind kind, struct trn_str value, uint64_t wall,
                struct trn_err *err)
{
    return seen_often(s, kind, value, wall, 1, err);
}

static int seen_ip(struct trn_store *s, const struct trn_event *ev, struct trn_err *err)
{
    const uint8_t *address = ev->type == TRN_EV_ACCEPT ? ev->net.src : ev->net.dst;
    char text[INET6_ADDRSTRLEN];

    if ((ev->net.family != 4 && ev->net.family != 6) ||
        !inet_ntop(ev->net.family == 4 ? AF_INET : AF_INET6, address, text, sizeof(text)))
        return 0;
    return seen_often(s, TRN_SEEN_IP, trn_str_of(text), ev->wall_ns, ev->net.count == TRN_NO_U32 ? 1 : ev->net.count,
                      err);
}

/* A question is a sighting of the name, its answers are ones of the addresses. */
static int seen_dns(struct trn_store *s, const struct trn_event *ev, struct trn_err *err)
{
    struct trn_str rest = ev->dns.answers, one;
    int r = seen(s, TRN_SEEN_DOMAIN, ev->dns.name, ev->wall_ns, err);

    while (r == 0 && rest.n && trn_str_split(&rest, '\0', &one)) {
        uint8_t raw[16];
        char text[64];
        if (one.n == 0 || one.n >= sizeof(text))
            continue;
        for (size_t i = 0; i <= one.n; i++)
            text[i] = i < one.n ? one.p[i] : '\0';
        if (inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1)
            r = seen(s, TRN_SEEN_IP, one, ev->wall_ns, err);
    }
    return r;
}

static int seen_identity(struct trn_store *s, const struct trn_event *ev, struct trn_err *err)
{
    const struct trn_identity *id = &ev->identity.id;
    char hex[2 * TRN_SHA256_SIZE + 1];
    int r = seen(s, TRN_SEEN_PATH, ev->identity.path, ev->wall_ns, err);

    if (r == 0)
        r = seen(s, TRN_SEEN_SOFTWARE, id->software.name, ev->wall_ns, err);
    if (r < 0 || trn_sha256_is_none(id->sha256))
        return r;
    trn_hex(id->sha256, TRN_SHA256_SIZE, hex);
    return seen(s, TRN_SEEN_SHA256, trn_str_of(hex), ev->wall_ns, err);
}

int trn_seen_event(struct trn_store *s, const struct trn_event *ev, struct trn_err *err)
{
    int r;

    switch (ev->type) {
    case TRN_EV_EXEC:
        r = seen(s, TRN_SEEN_PATH, ev->exec.path, ev->wall_ns, err);
        return r < 0 ? r : seen(s, TRN_SEEN_PATH, ev->exec.script, ev->wall_ns, err);
    case TRN_EV_LIB_LOAD:
        return seen(s, TRN_SEEN_PATH, ev->map.path, ev->wall_ns, err);
    case TRN_EV_FILE:
    case TRN_EV_OPEN:
        r = seen(s, TRN_SEEN_PATH, ev->file.path, ev->wall_ns, err);
        return r < 0 ? r : seen(s, TRN_SEEN_PATH, ev->file.old_path, ev->wall_ns, err);
    case TRN_EV_CONNECT:
    case TRN_EV_ACCEPT:
        return seen_ip(s, ev, err);
    case TRN_EV_DNS:
        return seen_dns(s, ev, err);
    case TRN_EV_IDENTITY:
        return seen_identity(s, ev, err);
    case TRN_EV_SOFTWARE:
        return seen(s, TRN_SEEN_SOFTWARE, ev->software.software.name, ev->wall_ns, err);
    default:
        return 0;
    }
}

static enum trn_sighting_kind kind_of(struct trn_str name)
{
    for (int k = 1; k < TRN_SEEN_MAX; k++)
        if (trn_str_eq_c(name, kinds[k]))
            return (enum trn_sighting_kind)k;
    return TRN_SEEN_MAX;
}

int trn_store_sighting(struct trn_store *s, struct trn_str kind, struct trn_str value, bool *ret_seen,
                       uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_count, struct trn_err *err)
{
    enum trn_sighting_kind k = kind_of(kind);
    int64_t id = 0;

    if (k == TRN_SEEN_MAX)
        return trn_fail(err, -EINVAL, "cannot look up sighting: no such kind");
    if (s->db == NULL)
        return trn_fail(err, -EUCLEAN, "cannot read store: it is damaged");
    int r = s->in_transaction ? trn_seen_flush(s, err) : 0;
    if (r == 0)
        r = trn_dict_find(s, value, &id, err);
    if (r < 0)
        return r;
    *ret_seen = false;
    if (id == 0)
        return 0;
    sqlite3_stmt *q = trn_db_stmt(s, TRN_SQL_SIGHTING_GET);
    if (q == NULL)
        return trn_db_fail(s, sqlite3_errcode(s->db), err, "look up a sighting");
    sqlite3_bind_int64(q, 1, id);
    sqlite3_bind_int64(q, 2, k);
    int rc = sqlite3_step(q);
    if (rc == SQLITE_ROW) {
        *ret_seen = true;
        *ret_first = (uint64_t)sqlite3_column_int64(q, 0);
        *ret_last = (uint64_t)sqlite3_column_int64(q, 1);
        *ret_count = (uint64_t)sqlite3_column_int64(q, 2);
    }
    sqlite3_reset(q);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : trn_db_fail(s, rc, err, "look up a sighting");
}
