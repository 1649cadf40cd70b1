/* SPDX-License-Identifier: Apache-2.0 */
#include "story.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct machine machine_new(uint32_t max_entities)
{
    struct machine m = {.now = TRN_NS_PER_SEC};
    struct trn_process_options o = {.sz = sizeof(o), .max_entities = max_entities};
    cr_assert_eq(trn_process_table_new(&o, &m.t), 0);
    return m;
}

void machine_done(struct machine *m)
{
    m->t = trn_process_table_free(m->t);
}

void apply(struct machine *m, struct trn_event *ev)
{
    m->now += TRN_NS_PER_MS;
    ev->boot_ns = m->now;
    ev->wall_ns = m->now + 1000 * TRN_NS_PER_SEC;
    ev->seq = ++m->seq;
    cr_assert_eq(trn_process_apply(m->t, ev), 0);
}

static struct trn_event event_of(enum trn_event_type type, uint64_t entity)
{
    struct trn_event ev;
    trn_event_init(&ev, type);
    ev.entity = entity;
    ev.pid = (uint32_t)entity;
    return ev;
}

void act_fork_pid(struct machine *m, uint64_t parent, uint64_t child, uint32_t pid)
{
    struct trn_event ev = event_of(TRN_EV_FORK, child);
    ev.pid = pid;
    ev.fork.parent = parent;
    apply(m, &ev);
}

void act_fork(struct machine *m, uint64_t parent, uint64_t child)
{
    act_fork_pid(m, parent, child, (uint32_t)child);
}

struct trn_file_key key_of(const char *path)
{
    return (struct trn_file_key){.dev = 1, .ino = trn_hash64_str(trn_str_of(path)), .ctime_ns = 77};
}

static struct trn_event exec_of(uint64_t entity, const char *path)
{
    struct trn_event ev = event_of(TRN_EV_EXEC, entity);
    ev.exec.path = ev.exec.invoked = trn_str_of(path);
    ev.exec.file = key_of(path);
    ev.exec.cwd = TRN_STR("/home/u");
    return ev;
}

void act_exec(struct machine *m, uint64_t entity, const char *path, const char *words)
{
    char argv[1024];
    struct trn_event ev = exec_of(entity, path);
    size_t n = (size_t)snprintf(argv, sizeof(argv), "%s", words);
    for (size_t i = 0; i < n; i++)
        if (argv[i] == ' ')
            argv[i] = '\0';
    ev.exec.argv = (struct trn_str){argv, n + 1};
    apply(m, &ev);
}

void act_script(struct machine *m, uint64_t entity, const char *interpreter, const char *script)
{
    struct trn_event ev = exec_of(entity, interpreter);
    ev.exec.interp = trn_str_of(interpreter);
    ev.exec.script = ev.exec.invoked = trn_str_of(script);
    apply(m, &ev);
}

void act_exit(struct machine *m, uint64_t entity)
{
    struct trn_event ev = event_of(TRN_EV_EXIT, entity);
    ev.exit.code = 0;
    apply(m, &ev);
}

void act_run(struct machine *m, uint64_t parent, uint64_t child, const char *path, const char *argv)
{
    act_fork(m, parent, child);
    act_exec(m, child, path, argv);
}

void act_run_tty(struct machine *m, uint64_t parent, uint64_t child, const char *path)
{
    act_fork(m, parent, child);
    struct trn_event ev = exec_of(child, path);
    ev.exec.tty = TRN_STR("pts/3");
    ev.exec.session = (uint32_t)child;
    apply(m, &ev);
}

void act_existing(struct machine *m, uint64_t parent, uint64_t entity, const char *path)
{
    struct trn_event ev = exec_of(entity, path);
    ev.flags = TRN_EVF_EXISTING;
    ev.exec.parent = parent;
    apply(m, &ev);
}

void act_identity(struct machine *m, const char *path, const char *name, const char *version, enum trn_origin origin,
                  uint32_t flags)
{
    struct trn_event ev = event_of(TRN_EV_IDENTITY, 0);
    ev.pid = TRN_NO_U32;
    ev.identity.file = key_of(path);
    ev.identity.path = trn_str_of(path);
    ev.identity.id.software = (struct trn_software){.name = trn_str_of(name),
                                                    .version = trn_str_of(version),
                                                    .origin = origin,
                                                    .flags = flags};
    apply(m, &ev);
}

const struct trn_entity *at(const struct machine *m, uint64_t entity)
{
    const struct trn_entity *e = trn_process_get(m->t, entity);
    cr_assert_not_null(e, "entity %llu is not in the table", (unsigned long long)entity);
    return e;
}

static const char *name_of(const struct trn_entity *e)
{
    static char text[8][128]; /* several answers in one assertion */
    static unsigned turn;
    char *p = text[turn++ % 8];
    struct trn_software sw;
    trn_process_software(e, &sw);
    snprintf(p, 128, "%.*s%s%.*s", TRN_STR_ARG(sw.name), trn_str_is_none(sw.version) ? "" : " ",
             TRN_STR_ARG(sw.version));
    return p;
}

const char *acting(const struct machine *m, uint64_t entity)
{
    const struct trn_entity *e = at(m, entity), *a = trn_process_acting(m->t, e);
    cr_assert_eq(a ? a->id : 0, e->acting, "acting as a number and as an entity differ");
    return a ? name_of(a) : e->session_only ? "session" : "nobody";
}

const char *starter(const struct machine *m, uint64_t entity)
{
    bool session;
    const struct trn_entity *a = trn_process_starter(m->t, at(m, entity), &session);
    return a ? name_of(a) : session ? "session" : "nobody";
}

const char *software(const struct machine *m, uint64_t entity)
{
    return name_of(at(m, entity));
}
