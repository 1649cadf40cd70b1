/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the name of a container, read out of its cgroup's path. A path is what a runtime chose to
 * call things, so this is a table of habits: a new runtime needs a row here and in its test.
 * Must not own: where the path comes from.
 */
#include "sensor/container.h"

#define ID_HEX 64u

static bool is_hex(struct trn_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return s.n > 0;
}

static struct trn_str without_end(struct trn_str s, struct trn_str end)
{
    return trn_str_ends(s, end) ? trn_str_slice(s, 0, s.n - end.n) : s;
}

/*
 * docker-ID.scope, cri-containerd-ID.scope, crio-ID.scope, libpod-ID.scope, ...slice:cri-containerd:ID,
 * and the bare ID of the cgroupfs drivers. A conmon is the runtime's own process beside the container.
 */
static struct trn_str by_id(struct trn_str unit)
{
    struct trn_str id, before;

    if (unit.n < ID_HEX)
        return TRN_STR_NONE;
    id = trn_str_slice(unit, unit.n - ID_HEX, unit.n);
    before = trn_str_slice(unit, 0, unit.n - ID_HEX);
    if (!is_hex(id) || trn_str_ends(before, TRN_STR("conmon-")))
        return TRN_STR_NONE;
    if (before.n > 0 && before.p[before.n - 1] != '-' && before.p[before.n - 1] != ':')
        return TRN_STR_NONE;
    return id;
}

static struct trn_str by_prefix(struct trn_str unit, struct trn_str prefix)
{
    if (unit.n <= prefix.n || !trn_str_starts(unit, prefix))
        return TRN_STR_NONE;
    return trn_str_slice(unit, prefix.n, unit.n);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* systemd writes "web-1" as web\x2d1. */
static struct trn_str unescape(struct trn_str s, struct trn_arena *arena)
{
    char *out = trn_arena_alloc(arena, s.n + 1);
    size_t n = 0;

    if (!out)
        return TRN_STR_NONE;
    for (size_t i = 0; i < s.n; i++) {
        int hi = -1, lo = -1;

        if (s.n - i >= 4 && s.p[i] == '\\' && s.p[i + 1] == 'x') {
            hi = hex_digit(s.p[i + 2]);
            lo = hex_digit(s.p[i + 3]);
        }
        if (hi >= 0 && lo >= 0) {
            out[n++] = (char)(hi << 4 | lo);
            i += 3;
        } else {
            out[n++] = s.p[i];
        }
    }
    return (struct trn_str){out, n};
}

/* systemd-nspawn: machine-NAME.scope, or payload below systemd-nspawn@NAME.service. Machines of qemu are no containers. */
static struct trn_str by_machine(struct trn_str unit, bool scope, struct trn_arena *arena)
{
    struct trn_str name = scope ? by_prefix(unit, TRN_STR("machine-")) : by_prefix(unit, TRN_STR("systemd-nspawn@"));

    if (trn_str_is_none(name) || trn_str_starts(name, TRN_STR("qemu\\x2d")))
        return TRN_STR_NONE;
    return unescape(name, arena);
}

static struct trn_str of_component(struct trn_str name, struct trn_str parent, struct trn_str child,
                                   struct trn_arena *arena)
{
    bool scope = trn_str_ends(name, TRN_STR(".scope"));
    struct trn_str unit = scope ? without_end(name, TRN_STR(".scope")) : without_end(name, TRN_STR(".service")), id;

    id = by_id(unit);
    if (trn_str_is_none(id))
        id = by_prefix(name, TRN_STR("lxc.payload."));
    if (trn_str_is_none(id) && trn_str_eq_c(parent, "lxc"))
        id = name;
    if (trn_str_is_none(id) && scope)
        id = by_machine(unit, true, arena);
    /* The service also holds nspawn itself, in "supervisor". */
    if (trn_str_is_none(id) && unit.n < name.n && trn_str_eq_c(child, "payload"))
        id = by_machine(unit, false, arena);
    return id;
}

/* The last component of s, which is taken off. */
static struct trn_str pop(struct trn_str *s)
{
    size_t at = s->n;

    while (at > 0 && s->p[at - 1] != '/')
        at--;
    struct trn_str name = trn_str_slice(*s, at, s->n);
    *s = trn_str_slice(*s, 0, at > 0 ? at - 1 : 0);
    return name;
}

struct trn_str trn_container_of(struct trn_str cgroup, struct trn_arena *arena)
{
    struct trn_str child = TRN_STR_NONE, rest = cgroup, name = pop(&rest);

    /* From the leaf: a container in a container is the inner one. */
    while (name.n > 0) {
        struct trn_str parent = pop(&rest);
        struct trn_str id = of_component(name, parent, child, arena);

        if (!trn_str_is_none(id))
            return id;
        child = name;
        name = parent;
    }
    return TRN_STR_NONE;
}
