/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Question: does any sequence of events leave a process table that does not hold together? An act is
 * four bytes: what, who, whose child, which program; a program may also be the raw bytes that follow.
 */
#include "process/process.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct trn_str paths[] = {
    TRN_STR("/usr/bin/dash"),
    TRN_STR("/opt/app"),
    TRN_STR("/usr/sbin/sshd"),
    TRN_STR("/usr/lib/ld-linux.so.2"),
    TRN_STR("/usr/bin/tmux"),
    TRN_STR("/usr/bin/python3.11"),
    TRN_STR("/usr/lib/systemd/systemd"),
    TRN_STR("/usr/bin/node"),
};

static void check(const struct trn_process_table *t)
{
    const struct trn_entity *e;
    size_t n = 0;
    for (size_t it = 0; trn_process_next(t, &it, &e); n++) {
        const struct trn_entity *a = trn_process_acting(t, e);
        struct trn_software sw;
        bool session;
        if ((a ? a->id : 0) != e->acting || (a && e->session_only) || trn_process_get(t, e->id) != e)
            abort();
        trn_process_software(e, &sw);
        (void)trn_process_starter(t, e, &session);
        (void)trn_process_is_above(t, e->parent, e->id);
    }
    if (n != trn_process_count(t) || n > 64)
        abort();
}

static void fill_exec(struct trn_event *ev, uint8_t how, struct trn_str path, struct trn_str raw, uint64_t parent)
{
    ev->exec.path = path;
    ev->exec.argv = raw;
    ev->exec.cwd = how & 1 ? raw : TRN_STR("/home/u");
    ev->exec.parent = parent;
    ev->exec.session = how & 2 ? ev->pid : 1;
    ev->exec.tty = how & 4 ? TRN_STR("pts/0") : TRN_STR_NONE;
    ev->exec.script = how & 8 ? path : TRN_STR_NONE;
    ev->flags = how & 16 ? TRN_EVF_EXISTING : 0;
    ev->exec.file = (struct trn_file_key){.dev = 1, .ino = path.n, .ctime_ns = how & 32};
}

static int act(struct trn_process_table *t, struct trn_cursor *c, uint64_t now)
{
    static const enum trn_event_type types[] = {TRN_EV_FORK, TRN_EV_EXEC, TRN_EV_EXIT, TRN_EV_IDENTITY, TRN_EV_FILE};
    uint8_t what = trn_cur_u8(c), who = trn_cur_u8(c), parent = trn_cur_u8(c), program = trn_cur_u8(c);
    struct trn_str raw = trn_str_slice((struct trn_str){(const char *)c->p + c->at, trn_cur_left(c)}, 0, program);
    struct trn_str path = program & 0x80 ? raw : paths[program % TRN_ARRAY_SIZE(paths)];
    struct trn_event ev;
    trn_event_init(&ev, types[what % TRN_ARRAY_SIZE(types)]);
    if (ev.type == TRN_EV_FILE && (parent & 1)) {
        trn_event_init(&ev, TRN_EV_LIB_LOAD);
        ev.map.path = path;
        ev.map.file = (struct trn_file_key){.dev = 1, .ino = parent & 2 ? path.n : 0};
    }
    ev.boot_ns = now;
    ev.entity = who & 0x80 ? 0 : who;
    ev.pid = who & 0x1f;
    if (ev.type == TRN_EV_FORK)
        ev.fork.parent = parent;
    if (ev.type == TRN_EV_EXEC)
        fill_exec(&ev, what / 5, path, raw, parent);
    if (ev.type == TRN_EV_IDENTITY) {
        ev.identity.path = path;
        ev.identity.file = (struct trn_file_key){.dev = 1, .ino = path.n, .ctime_ns = who & 32};
        ev.identity.id.software = (struct trn_software){.name = raw,
                                                        .origin = (enum trn_origin)(parent % TRN_ORIGIN_MAX),
                                                        .flags = parent / TRN_ORIGIN_MAX};
    }
    int r = trn_process_apply(t, &ev);
    (void)trn_process_of(t, &ev);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_process_options o = {.sz = sizeof(o), .max_entities = 64, .max_identities = 8};
    struct trn_process_table *t;
    struct trn_cursor c = trn_cur(data, size);
    if (trn_process_table_new(&o, &t) < 0)
        return 0;
    for (uint64_t now = 1; trn_cur_left(&c) >= 4; now += TRN_NS_PER_SEC)
        if (act(t, &c, now) < 0)
            abort();
    check(t);
    trn_process_table_free(t);
    return 0;
}
