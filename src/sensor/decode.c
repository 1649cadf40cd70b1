/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: wire records to struct trn_event: the head, and the process class. Records come from the
 * kernel or from turncoatd, and are read as if they came from an enemy: field by field through the
 * cursor, every length checked, nothing left over. Views point into the record or the arena.
 */
#include "sensor/reader.h"

#include <signal.h>

#include "sensor/bpf/wire.h"

void trn_decode_begin(struct trn_event *ev, enum trn_event_type type, const struct trn_wire_head *h, uint64_t salt)
{
    trn_event_init(ev, type);
    ev->boot_ns = h->time;
    if (h->tgid == 0)
        return;
    ev->pid = h->tgid;
    if (h->tid != 0)
        ev->tid = h->tid;
    if (h->start != 0)
        ev->entity = trn_entity_id(salt, h->tgid, h->start);
}

static int read_head(struct trn_cursor *c, struct trn_wire_head *ret)
{
    uint8_t version;

    ret->size = trn_cur_u32le(c);
    ret->type = trn_cur_u16le(c);
    version = trn_cur_u8(c);
    (void)trn_cur_u8(c);
    ret->time = trn_cur_u64le(c);
    ret->start = trn_cur_u64le(c);
    ret->tgid = trn_cur_u32le(c);
    ret->tid = trn_cur_u32le(c);
    if (c->bad || version != TRN_WIRE_VERSION || ret->size != c->n)
        return -EBADMSG;
    return 0;
}

/*
 * "id\0bin\0usr\0" -> "/usr/bin/id". The kernel side writes components leaf first; a path whose
 * upper part did not fit begins with "...".
 */
static int join_path(struct trn_str parts, bool cut, struct trn_arena *arena, struct trn_str *ret)
{
    size_t n = parts.n + (cut ? 3 : 0), at;
    char *out = trn_arena_alloc(arena, n + 2);

    if (!out)
        return -ENOMEM;
    at = n;
    for (struct trn_cursor c = trn_cur_of(parts); trn_cur_left(&c) > 0;) {
        struct trn_str name = trn_cur_until(&c, '\0', TRN_WIRE_NAME_MAX);

        if (c.bad)
            return -EBADMSG;
        at -= name.n;
        if (name.n > 0)
            memcpy(out + at, name.p, name.n);
        out[--at] = '/';
    }
    if (parts.n == 0)
        out[n++] = '/'; /* the root itself */
    if (cut) {
        at -= 3;
        memcpy(out + at, "...", 3);
    }
    *ret = (struct trn_str){out + at, n - at};
    return 0;
}

/* "pts3" -> "pts/3", as people and /dev write it. */
static struct trn_str tty_name(struct trn_str raw, struct trn_arena *arena)
{
    if (raw.n > 3 && trn_str_starts(raw, TRN_STR("pts")) && raw.p[3] >= '0' && raw.p[3] <= '9')
        return trn_arena_printf(arena, "pts/%.*s", (int)(raw.n - 3), raw.p + 3);
    return raw;
}

static struct trn_str or_none(struct trn_str s)
{
    return s.n == 0 ? TRN_STR_NONE : s;
}

/* Ends the last word with the NUL that truncation cut off. */
static int end_argv(struct trn_str raw, struct trn_arena *arena, struct trn_str *ret)
{
    char *copy;

    if (raw.n == 0 || raw.p[raw.n - 1] == '\0') {
        *ret = or_none(raw);
        return 0;
    }
    copy = trn_arena_alloc(arena, raw.n + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, raw.p, raw.n);
    copy[raw.n] = '\0';
    *ret = (struct trn_str){copy, raw.n + 1};
    return 0;
}

static uint32_t count_words(struct trn_str argv)
{
    uint32_t n = 0;

    for (size_t i = 0; i < argv.n; i++)
        n += argv.p[i] == '\0';
    return n;
}

/* A script is named by what was invoked, made absolute when that is possible. */
static struct trn_str script_path(const struct trn_ev_exec *x, struct trn_arena *arena)
{
    if (trn_str_is_none(x->interp) || trn_str_is_none(x->invoked) || x->invoked.p[0] == '/')
        return trn_str_is_none(x->interp) ? TRN_STR_NONE : x->invoked;
    if (trn_str_is_none(x->cwd))
        return x->invoked;
    return trn_arena_printf(arena, "%.*s%s%.*s", TRN_STR_ARG(x->cwd), x->cwd.n > 1 ? "/" : "", TRN_STR_ARG(x->invoked));
}

static const struct {
    uint32_t wire, event;
} flag_map[] = {
    {TRN_WIRE_EXISTING, TRN_EVF_EXISTING},
    {TRN_WIRE_DELETED, TRN_EVF_DELETED},
    {TRN_WIRE_MEMFD, TRN_EVF_MEMFD},
    {TRN_WIRE_ARGV_TRUNCATED, TRN_EVF_ARGS_CUT},
    {TRN_WIRE_PATH_TRUNCATED, TRN_EVF_PATH_CUT},
    {TRN_WIRE_CWD_TRUNCATED, TRN_EVF_PATH_CUT},
};

struct exec_lengths {
    uint16_t path, name, interp, argv, cwd, tty, comm;
};

static int decode_exec_tail(struct trn_cursor *c, const struct exec_lengths *n, uint32_t flags, struct trn_arena *arena,
                            struct trn_event *ev)
{
    struct trn_ev_exec *x = &ev->exec;
    struct trn_str path = trn_cur_bytes(c, n->path);
    struct trn_str name = trn_cur_bytes(c, n->name);
    struct trn_str interp = trn_cur_bytes(c, n->interp);
    struct trn_str argv = trn_cur_bytes(c, n->argv);
    struct trn_str cwd = trn_cur_bytes(c, n->cwd);
    struct trn_str tty = trn_cur_bytes(c, n->tty);
    int r;

    ev->comm = or_none(trn_cur_bytes(c, n->comm));
    if (!trn_cur_end(c))
        return -EBADMSG;
    r = end_argv(argv, arena, &x->argv);
    /* A kernel thread and a process that is just ending have no file and no place. */
    if (r == 0 && path.n > 0)
        r = join_path(path, (flags & TRN_WIRE_PATH_TRUNCATED) != 0, arena, &x->path);
    if (r == 0 && x->file.ino != 0)
        r = join_path(cwd, (flags & TRN_WIRE_CWD_TRUNCATED) != 0, arena, &x->cwd);
    if (r != 0)
        return r;
    x->invoked = or_none(name);
    x->interp = or_none(interp);
    x->tty = tty.n ? tty_name(tty, arena) : TRN_STR_NONE;
    x->script = script_path(x, arena);
    if (x->argc == 0)
        x->argc = count_words(x->argv);
    return 0;
}

static int decode_exec(struct trn_cursor *c, const struct trn_wire_head *h, uint64_t salt, struct trn_arena *arena,
                       struct trn_event *ev)
{
    struct trn_ev_exec *x = &ev->exec;
    uint64_t parent_start = trn_cur_u64le(c), ctime_sec;
    uint32_t ctime_nsec, flags, major;
    struct exec_lengths n;

    ev->cgroup = trn_cur_u64le(c);
    x->file.ino = trn_cur_u64le(c);
    x->size = trn_cur_u64le(c);
    ctime_sec = trn_cur_u64le(c);
    ctime_nsec = trn_cur_u32le(c);
    x->nlink = trn_cur_u32le(c);
    major = trn_cur_u32le(c);
    x->file.dev = (uint64_t)major << 20 | trn_cur_u32le(c);
    x->parent_pid = trn_cur_u32le(c);
    x->session = trn_cur_u32le(c);
    ev->mntns = trn_cur_u32le(c);
    ev->uid = trn_cur_u32le(c);
    ev->euid = trn_cur_u32le(c);
    ev->gid = trn_cur_u32le(c);
    flags = trn_cur_u32le(c);
    x->argc = trn_cur_u32le(c);
    n.path = trn_cur_u16le(c);
    n.name = trn_cur_u16le(c);
    n.interp = trn_cur_u16le(c);
    n.argv = trn_cur_u16le(c);
    n.cwd = trn_cur_u16le(c);
    n.tty = trn_cur_u16le(c);
    n.comm = trn_cur_u16le(c);
    (void)trn_cur_u16le(c);
    if (c->bad || ctime_nsec >= TRN_NS_PER_SEC)
        return -EBADMSG;
    x->file.ctime_ns = ctime_sec * TRN_NS_PER_SEC + ctime_nsec;
    if (x->parent_pid != 0 && parent_start != 0)
        x->parent = trn_entity_id(salt, x->parent_pid, parent_start);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(flag_map); i++)
        ev->flags |= (flags & flag_map[i].wire) ? flag_map[i].event : 0;
    return decode_exec_tail(c, &n, flags, arena, ev);
}

static int decode_fork(struct trn_cursor *c, uint64_t salt, struct trn_event *ev)
{
    uint64_t parent_start = trn_cur_u64le(c);

    ev->cgroup = trn_cur_u64le(c);
    ev->fork.parent_pid = trn_cur_u32le(c);
    ev->uid = trn_cur_u32le(c);
    if (!trn_cur_end(c))
        return -EBADMSG;
    if (ev->fork.parent_pid != 0 && parent_start != 0)
        ev->fork.parent = trn_entity_id(salt, ev->fork.parent_pid, parent_start);
    return 0;
}

/* As perf says it, so that the two can be compared: "/memfd:x (deleted)". */
static int mapped_path(struct trn_str parts, bool cut, bool deleted, struct trn_arena *arena, struct trn_str *ret)
{
    int r = 0;

    *ret = TRN_STR("//anon");
    if (parts.n > 0)
        r = join_path(parts, cut, arena, ret);
    if (r == 0 && parts.n > 0 && deleted) {
        *ret = trn_arena_printf(arena, "%.*s (deleted)", TRN_STR_ARG(*ret));
        r = trn_str_is_none(*ret) ? -ENOMEM : 0;
    }
    return r;
}

static int decode_mapped(struct trn_cursor *c, struct trn_arena *arena, struct trn_event *ev)
{
    uint32_t major, nlink, flags;
    struct trn_str parts, path;
    uint16_t path_len;
    int r;

    ev->map.file.ino = trn_cur_u64le(c);
    ev->map.file.ctime_ns = trn_cur_u64le(c);
    ev->map.address = trn_cur_u64le(c);
    ev->map.length = trn_cur_u64le(c);
    major = trn_cur_u32le(c);
    ev->map.file.dev = (uint64_t)major << 20 | trn_cur_u32le(c);
    nlink = trn_cur_u32le(c);
    ev->map.prot = trn_cur_u32le(c);
    flags = trn_cur_u32le(c);
    path_len = trn_cur_u16le(c);
    (void)trn_cur_u16le(c);
    parts = trn_cur_bytes(c, path_len);
    if (!trn_cur_end(c))
        return -EBADMSG;
    r = mapped_path(parts, (flags & TRN_WIRE_PATH_TRUNCATED) != 0, nlink == 0, arena, &path);
    if (r == 0)
        r = trn_classify_mapping(path, ev->map.prot, ev);
    if (r != 0)
        return r;
    ev->flags = TRN_EVF_EXISTING;
    if (flags & TRN_WIRE_PATH_TRUNCATED)
        ev->flags |= TRN_EVF_PATH_CUT;
    if (ev->map.file.ino == 0)
        ev->map.file = (struct trn_file_key){0};
    if (parts.n > 0)
        ev->map.path = path;
    return 0;
}

static int decode_exit(struct trn_cursor *c, struct trn_event *ev)
{
    uint32_t status = trn_cur_u32le(c), sig = status & 0x7f;

    ev->uid = trn_cur_u32le(c);
    if (!trn_cur_end(c))
        return -EBADMSG;
    if (sig != 0)
        ev->exit.signal = sig;
    else
        ev->exit.code = (status >> 8) & 0xff;
    return 0;
}

static int decode_loss(struct trn_cursor *c, struct trn_event *ev)
{
    uint32_t reason;

    ev->meta.klass = trn_cur_u32le(c);
    reason = trn_cur_u32le(c);
    ev->meta.count = trn_cur_u64le(c);
    ev->meta.from_boot_ns = trn_cur_u64le(c);
    ev->meta.delta_ns = reason; /* for the reader, which counts them and tells one event a class */
    return trn_cur_end(c) && ev->meta.klass < TRN_CLASS_MAX && reason < TRN_WIRE_LOSS_REASONS ? 0 : -EBADMSG;
}

static int decode_throttle(struct trn_cursor *c, struct trn_event *ev)
{
    ev->action = TRN_ACT_THROTTLED;
    ev->meta.klass = trn_cur_u32le(c);
    (void)trn_cur_u32le(c);
    ev->meta.count = trn_cur_u64le(c);
    ev->meta.from_boot_ns = trn_cur_u64le(c);
    return trn_cur_end(c) && ev->meta.klass < TRN_CLASS_MAX ? 0 : -EBADMSG;
}

static enum trn_event_type event_type_of(uint16_t wire)
{
    switch (wire) {
    case TRN_WIRE_FORK:
        return TRN_EV_FORK;
    case TRN_WIRE_EXEC:
        return TRN_EV_EXEC;
    case TRN_WIRE_EXIT:
        return TRN_EV_EXIT;
    case TRN_WIRE_MAPPED:
        return TRN_EV_LIB_LOAD;
    case TRN_WIRE_CONNECT:
    case TRN_WIRE_ESTABLISHED:
    case TRN_WIRE_FAILED:
    case TRN_WIRE_SEND:
        return TRN_EV_CONNECT;
    case TRN_WIRE_ACCEPT:
        return TRN_EV_ACCEPT;
    case TRN_WIRE_CLOSE:
        return TRN_EV_NET_CLOSE;
    case TRN_WIRE_LISTEN:
        return TRN_EV_LISTEN;
    case TRN_WIRE_DNS:
        return TRN_EV_DNS;
    case TRN_WIRE_FILE:
        return TRN_EV_FILE;
    case TRN_WIRE_LOSS:
    case TRN_WIRE_THROTTLE:
        return TRN_EV_LOSS;
    case TRN_WIRE_ACCESS:
        return TRN_EV_ACCESS;
    case TRN_WIRE_CRED:
        return TRN_EV_CRED;
    case TRN_WIRE_HOOK:
        return TRN_EV_HOOK;
    default:
        return TRN_EV_INVALID;
    }
}

int trn_decode_record(struct trn_cursor record, uint64_t salt, struct trn_arena *arena, struct trn_event *ret)
{
    struct trn_wire_head h = {0};
    enum trn_event_type type;
    int r = read_head(&record, &h);

    if (r != 0)
        return r;
    type = event_type_of(h.type);
    if (type == TRN_EV_INVALID)
        return -EBADMSG;
    trn_decode_begin(ret, type, &h, salt);
    switch (type) {
    case TRN_EV_FORK:
        return decode_fork(&record, salt, ret);
    case TRN_EV_EXEC:
        return decode_exec(&record, &h, salt, arena, ret);
    case TRN_EV_EXIT:
        return decode_exit(&record, ret);
    case TRN_EV_LIB_LOAD:
        return decode_mapped(&record, arena, ret);
    case TRN_EV_DNS:
        return trn_decode_dns(&record, arena, ret);
    case TRN_EV_FILE:
        return trn_decode_file(&record, ret);
    case TRN_EV_LOSS:
        return h.type == TRN_WIRE_THROTTLE ? decode_throttle(&record, ret) : decode_loss(&record, ret);
    case TRN_EV_ACCESS:
        return trn_decode_access(&record, salt, ret);
    case TRN_EV_CRED:
        return trn_decode_cred(&record, ret);
    case TRN_EV_HOOK:
        return trn_decode_hook(&record, arena, ret);
    default:
        return trn_decode_net(&record, &h, ret);
    }
}
