/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: exec records, also of processes that ran before: paths out of components, words, the
 * variables without passwords, the container. Owns nothing; views point into the record or the arena.
 */
#include "sensor/container.h"
#include "sensor/reader.h"

#include "sensor/bpf/wire.h"

/*
 * "id\0bin\0usr\0" -> "/usr/bin/id". The kernel side writes components leaf first; a path whose
 * upper part did not fit begins with "...".
 */
int trn_join_path(struct trn_str parts, bool cut, struct trn_arena *arena, struct trn_str *ret)
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
static int end_words(struct trn_str raw, struct trn_arena *arena, struct trn_str *ret)
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

/* A script that was started by its descriptor: parts are what N was, behind it may stand a name below. */
static int script_of_descriptor(struct trn_str parts, bool cut, struct trn_arena *arena, struct trn_ev_exec *x)
{
    struct trn_str rest = trn_str_slice(x->invoked, strlen("/dev/fd/"), x->invoked.n), file;
    int r = trn_join_path(parts, cut, arena, &file);

    if (r != 0)
        return r;
    while (rest.n > 0 && rest.p[0] >= '0' && rest.p[0] <= '9')
        rest = trn_str_slice(rest, 1, rest.n);
    x->script = trn_arena_printf(arena, "%.*s%.*s", TRN_STR_ARG(file), TRN_STR_ARG(rest));
    return trn_str_is_none(x->script) ? -ENOMEM : 0;
}

/* A script is named by what was invoked, made absolute when that is possible. */
static int take_script(struct trn_str parts, uint32_t flags, struct trn_arena *arena, struct trn_ev_exec *x)
{
    if (trn_str_is_none(x->interp) || trn_str_is_none(x->invoked))
        return 0;
    if (parts.n > 0 && trn_str_starts(x->invoked, TRN_STR("/dev/fd/")))
        return script_of_descriptor(parts, (flags & TRN_WIRE_SCRIPT_TRUNCATED) != 0, arena, x);
    x->script = x->invoked;
    if (x->invoked.p[0] == '/' || trn_str_is_none(x->cwd))
        return 0;
    x->script =
        trn_arena_printf(arena, "%.*s%s%.*s", TRN_STR_ARG(x->cwd), x->cwd.n > 1 ? "/" : "", TRN_STR_ARG(x->invoked));
    return trn_str_is_none(x->script) ? -ENOMEM : 0;
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
    {TRN_WIRE_ENV_TRUNCATED, TRN_EVF_ENV_CUT},
    {TRN_WIRE_SCRIPT_TRUNCATED, TRN_EVF_PATH_CUT},
};

/* "http_proxy=http://user:password@host:3128/" -> the same without "user:password@". In place. */
static size_t hide_password(char *variable, size_t n)
{
    struct trn_str s = {variable, n}, name;
    ptrdiff_t eq = trn_str_find(s, '='), slashes;
    size_t from, to, keep;

    if (eq < 0)
        return n;
    name = trn_str_slice(s, 0, (size_t)eq);
    if (!trn_str_ends(name, TRN_STR("_proxy")) && !trn_str_ends(name, TRN_STR("_PROXY")))
        return n;
    from = (size_t)eq + 1;
    slashes = trn_str_find(trn_str_slice(s, from, n), '/');
    if (slashes >= 0 && from + (size_t)slashes + 1 < n && s.p[from + (size_t)slashes + 1] == '/')
        from += (size_t)slashes + 2;
    for (to = keep = from; to < n && s.p[to] != '/'; to++)
        if (s.p[to] == '@')
            keep = to + 1;
    if (keep == from && n + 1 >= TRN_WIRE_ENV_ONE)
        return from; /* cut before the host came */
    memmove(variable + from, variable + keep, n - keep);
    return n - (keep - from);
}

static int take_env(struct trn_str raw, struct trn_arena *arena, struct trn_ev_exec *x)
{
    size_t n = 0;
    char *out;

    if (raw.n == 0)
        return 0;
    out = trn_arena_alloc(arena, raw.n);
    if (!out)
        return -ENOMEM;
    for (struct trn_cursor c = trn_cur_of(raw); trn_cur_left(&c) > 0;) {
        struct trn_str one = trn_cur_until(&c, '\0', TRN_WIRE_ENV_ONE);

        if (c.bad)
            return -EBADMSG;
        if (one.n > 0)
            memcpy(out + n, one.p, one.n);
        n += hide_password(out + n, one.n);
        out[n++] = '\0';
    }
    x->env = (struct trn_str){out, n};
    return 0;
}

/*
 * The container may stand in either path: on a host whose controllers have hierarchies of their own
 * the runtime's service is in the common one and the container in the memory controller's.
 */
static int take_cgroups(struct trn_str unified, struct trn_str memory, uint32_t flags, struct trn_arena *arena,
                        struct trn_event *ev)
{
    struct trn_ev_exec *x = &ev->exec;
    struct trn_str other = TRN_STR_NONE;
    int r = 0;

    if (ev->cgroup != 0)
        r = trn_join_path(unified, (flags & TRN_WIRE_CGROUP_TRUNCATED) != 0, arena, &x->cgroup);
    if (r == 0 && memory.n > 0)
        r = trn_join_path(memory, (flags & TRN_WIRE_CGROUP1_TRUNCATED) != 0, arena, &other);
    if (r != 0)
        return r;
    x->container = trn_container_of(x->cgroup, arena);
    if (!trn_str_is_none(x->container) || trn_str_is_none(other))
        return 0;
    x->container = trn_container_of(other, arena);
    if (!trn_str_is_none(x->container) || unified.n == 0)
        x->cgroup = other;
    return 0;
}

/* "terminal\0pipe\0null\0"; absent when nothing is known. What a later kernel side may tell is "other". */
static int take_stdio(uint16_t packed, struct trn_arena *arena, struct trn_str *ret)
{
    static const char *const words[TRN_WIRE_STDIO_MAX] = {
        [TRN_WIRE_STDIO_UNKNOWN] = "unknown",   [TRN_WIRE_STDIO_CLOSED] = "closed",
        [TRN_WIRE_STDIO_FILE] = "file",         [TRN_WIRE_STDIO_NULL] = "null",
        [TRN_WIRE_STDIO_TERMINAL] = "terminal", [TRN_WIRE_STDIO_PIPE] = "pipe",
        [TRN_WIRE_STDIO_UNIX] = "unix-socket",  [TRN_WIRE_STDIO_NETWORK] = "network-socket",
        [TRN_WIRE_STDIO_DEVICE] = "device",     [TRN_WIRE_STDIO_OTHER] = "other",
    };
    const unsigned mask = (1u << TRN_WIRE_STDIO_BITS) - 1;
    const char *of[3];

    if (packed == 0)
        return 0;
    for (unsigned i = 0; i < TRN_ARRAY_SIZE(of); i++) {
        unsigned kind = packed >> (i * TRN_WIRE_STDIO_BITS) & mask;

        of[i] = words[kind < TRN_WIRE_STDIO_MAX ? kind : (unsigned)TRN_WIRE_STDIO_OTHER];
    }
    *ret = trn_arena_printf(arena, "%s%c%s%c%s", of[0], '\0', of[1], '\0', of[2]);
    if (trn_str_is_none(*ret))
        return -ENOMEM;
    ret->n++; /* with the NUL that ends it */
    return 0;
}

struct exec_lengths {
    uint16_t path, name, interp, argv, cwd, tty, comm, env, cgroup, cgroup1, script;
};

static int decode_exec_tail(struct trn_cursor *c, const struct exec_lengths *n, uint32_t flags, struct trn_arena *arena,
                            struct trn_event *ev)
{
    struct trn_ev_exec *x = &ev->exec;
    struct trn_str path = trn_cur_bytes(c, n->path);
    struct trn_str name = trn_cur_bytes(c, n->name);
    struct trn_str interp = trn_cur_bytes(c, n->interp);
    struct trn_str argv = trn_cur_bytes(c, n->argv);
    struct trn_str env = trn_cur_bytes(c, n->env);
    struct trn_str cwd = trn_cur_bytes(c, n->cwd);
    struct trn_str tty = trn_cur_bytes(c, n->tty);
    struct trn_str comm = trn_cur_bytes(c, n->comm);
    struct trn_str cgroup = trn_cur_bytes(c, n->cgroup);
    struct trn_str cgroup1 = trn_cur_bytes(c, n->cgroup1);
    struct trn_str script = trn_cur_bytes(c, n->script);
    int r;

    ev->comm = or_none(comm);
    if (!trn_cur_end(c))
        return -EBADMSG;
    r = end_words(argv, arena, &x->argv);
    if (r == 0)
        r = take_env(env, arena, x);
    /* A kernel thread and a process that is just ending have no file and no place. */
    if (r == 0 && path.n > 0)
        r = trn_join_path(path, (flags & TRN_WIRE_PATH_TRUNCATED) != 0, arena, &x->path);
    if (r == 0 && x->file.ino != 0)
        r = trn_join_path(cwd, (flags & TRN_WIRE_CWD_TRUNCATED) != 0, arena, &x->cwd);
    if (r == 0)
        r = take_cgroups(cgroup, cgroup1, flags, arena, ev);
    if (r != 0)
        return r;
    x->invoked = or_none(name);
    x->interp = or_none(interp);
    x->tty = tty.n ? tty_name(tty, arena) : TRN_STR_NONE;
    if (x->argc == 0)
        x->argc = count_words(x->argv);
    return take_script(script, flags, arena, x);
}

int trn_decode_exec(struct trn_cursor *c, uint64_t salt, struct trn_arena *arena, struct trn_event *ev)
{
    struct trn_ev_exec *x = &ev->exec;
    uint64_t parent_start = trn_cur_u64le(c), ctime_sec;
    uint32_t ctime_nsec, flags, major;
    uint16_t stdio;
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
    x->auid = trn_cur_u32le(c);
    x->login = trn_cur_u32le(c);
    x->pidns = trn_cur_u32le(c);
    x->netns = trn_cur_u32le(c);
    x->userns = trn_cur_u32le(c);
    x->tracer_pid = trn_cur_u32le(c);
    x->capabilities = trn_cur_u64le(c);
    n.path = trn_cur_u16le(c);
    n.name = trn_cur_u16le(c);
    n.interp = trn_cur_u16le(c);
    n.argv = trn_cur_u16le(c);
    n.cwd = trn_cur_u16le(c);
    n.tty = trn_cur_u16le(c);
    n.comm = trn_cur_u16le(c);
    n.env = trn_cur_u16le(c);
    n.cgroup = trn_cur_u16le(c);
    n.cgroup1 = trn_cur_u16le(c);
    n.script = trn_cur_u16le(c);
    stdio = trn_cur_u16le(c);
    if (c->bad || ctime_nsec >= TRN_NS_PER_SEC)
        return -EBADMSG;
    if (take_stdio(stdio, arena, &x->stdio) < 0)
        return -ENOMEM;
    x->file.ctime_ns = ctime_sec * TRN_NS_PER_SEC + ctime_nsec;
    if (x->parent_pid != 0 && parent_start != 0)
        x->parent = trn_entity_id(salt, x->parent_pid, parent_start);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(flag_map); i++)
        ev->flags |= (flags & flag_map[i].wire) ? flag_map[i].event : 0;
    return decode_exec_tail(c, &n, flags, arena, ev);
}
