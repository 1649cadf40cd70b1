/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a log of made-up events: short processes of a busy machine, some connections and files between them, and now
 * and then a second stage (a program that talked to the network writes a file, which then runs), so that a replay has
 * something to find. Nothing random in it: the same N gives the same events.
 * Must not own: the log's format.
 */
#include "log_tool.h"

#include <netinet/in.h>
#include <stdio.h>

#define PLANT_EVERY 50000u /* processes between two second stages */
#define FIRST_PID 1000u
#define PIDS 4000000u

struct maker {
    struct trn_log_writer *log;
    uint64_t seq, boot_ns, salt, next_pid;
    uint64_t shell, fetcher; /* entities that live throughout */
    uint32_t shell_pid, fetcher_pid;
    int failed;
};

static const char *const tools[] = {"/usr/bin/true", "/usr/bin/sed", "/usr/bin/cc1", "/usr/bin/ld",
                                    "/usr/bin/make", "/usr/bin/cat", "/usr/bin/git", "/usr/bin/tr"};

static void put(struct maker *m, struct trn_event *ev)
{
    m->boot_ns += 100000;
    ev->seq = ++m->seq;
    ev->boot_ns = m->boot_ns;
    ev->wall_ns = 1795000000ull * TRN_NS_PER_SEC + m->boot_ns;
    int r = trn_log_write(m->log, ev);
    if (r < 0 && m->failed == 0)
        m->failed = r;
}

static void head(struct trn_event *ev, enum trn_event_type type, uint64_t entity, uint32_t pid, const char *comm)
{
    trn_event_init(ev, type);
    ev->entity = entity;
    ev->pid = ev->tid = pid;
    ev->uid = ev->euid = ev->gid = 1000;
    ev->mntns = 4026531841u;
    ev->comm = trn_str_of(comm);
}

static uint32_t new_pid(struct maker *m)
{
    return FIRST_PID + (uint32_t)(m->next_pid++ % PIDS);
}

static uint64_t fork_and_exec(struct maker *m, uint64_t parent, uint32_t pid, const char *path, struct trn_file_key key)
{
    struct trn_event ev;
    uint64_t entity = trn_entity_id(m->salt, pid, m->boot_ns);
    struct trn_str base = trn_path_base(trn_str_of(path));
    head(&ev, TRN_EV_FORK, entity, pid, "sh");
    ev.fork.parent = parent;
    ev.fork.parent_pid = m->shell_pid;
    put(m, &ev);

    char argv[128];
    int n = snprintf(argv, sizeof(argv), "%.*s%c--work%c%u", TRN_STR_ARG(base), 0, 0, (unsigned)(m->seq % 1000));
    head(&ev, TRN_EV_EXEC, entity, pid, base.p);
    ev.exec.path = ev.exec.invoked = trn_str_of(path);
    ev.exec.argv = (struct trn_str){argv, (size_t)n + 1};
    ev.exec.argc = 3;
    ev.exec.cwd = TRN_STR("/home/alice/work");
    ev.exec.file = key;
    ev.exec.size = 40000;
    ev.exec.nlink = 1;
    ev.exec.parent = parent;
    ev.exec.parent_pid = m->shell_pid;
    put(m, &ev);
    return entity;
}

static void ended(struct maker *m, uint64_t entity, uint32_t pid)
{
    struct trn_event ev;
    head(&ev, TRN_EV_EXIT, entity, pid, "sh");
    ev.exit.code = 0;
    put(m, &ev);
}

static void identity(struct maker *m, const char *path, struct trn_file_key key, const char *name, uint32_t flags)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_IDENTITY);
    ev.identity.file = key;
    ev.identity.path = trn_str_of(path);
    ev.identity.id.software.name = trn_str_of(name);
    ev.identity.id.software.version = TRN_STR("1.0");
    ev.identity.id.software.origin = TRN_ORIGIN_DPKG;
    ev.identity.id.software.flags = flags;
    ev.identity.id.size = 40000;
    ev.identity.id.kind = TRN_STR("elf");
    put(m, &ev);
}

static void connected(struct maker *m, uint64_t number)
{
    struct trn_event ev;
    head(&ev, TRN_EV_CONNECT, m->fetcher, m->fetcher_pid, "fetcher");
    ev.action = TRN_ACT_ESTABLISHED;
    ev.net.family = 4;
    ev.net.proto = IPPROTO_TCP;
    const uint8_t to[4] = {198, 51, 100, (uint8_t)(number % 250)};
    memcpy(ev.net.dst, to, sizeof(to));
    ev.net.dst_port = 443;
    ev.net.socket = 1 + number;
    put(m, &ev);
}

static void written(struct maker *m, const char *path, struct trn_file_key key)
{
    struct trn_event ev;
    head(&ev, TRN_EV_FILE, m->fetcher, m->fetcher_pid, "fetcher");
    ev.action = TRN_ACT_WRITTEN;
    ev.file.path = trn_str_of(path);
    ev.file.file = key;
    ev.file.size = 4096;
    ev.file.mode = 0100755;
    put(m, &ev);
}

static struct trn_file_key tool_key(uint64_t i)
{
    return (struct trn_file_key){.dev = 8u << 20 | 1, .ino = 100 + i, .ctime_ns = 1};
}

static void begin(struct maker *m)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_START);
    put(m, &ev);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(tools); i++)
        identity(m, tools[i], tool_key(i), "base-tools", TRN_SW_BASE);
    identity(m, "/usr/bin/dash", tool_key(90), "dash", TRN_SW_BASE);
    identity(m, "/opt/fetcher/fetcher", tool_key(91), "fetcher", 0);
    m->shell_pid = new_pid(m);
    m->shell = fork_and_exec(m, 0, m->shell_pid, "/usr/bin/dash", tool_key(90));
    m->fetcher_pid = new_pid(m);
    m->fetcher = fork_and_exec(m, 0, m->fetcher_pid, "/opt/fetcher/fetcher", tool_key(91));
}

static void plant(struct maker *m, uint64_t i)
{
    char path[64];
    snprintf(path, sizeof(path), "/home/alice/.cache/fetcher/helper-%u", (unsigned)i);
    struct trn_file_key key = {.dev = 8u << 20 | 1, .ino = 1000000 + i, .ctime_ns = m->boot_ns};
    connected(m, i);
    written(m, path, key);
    uint32_t pid = new_pid(m);
    ended(m, fork_and_exec(m, m->fetcher, pid, path, key), pid);
}

int64_t log_make(uint64_t n, const char *path, uint64_t *ret_planted, struct trn_err *err)
{
    struct trn_log_header header = {.host_id = {1}, .boot_id = {2}, .wall_ns = 1795000000ull * TRN_NS_PER_SEC};
    struct maker m = {.boot_ns = TRN_NS_PER_SEC};
    int r = trn_log_create(path, &header, &m.log, err);
    if (r < 0)
        return r;
    m.salt = trn_entity_salt(header.host_id, header.boot_id);
    begin(&m);
    uint64_t planted = 0;
    for (uint64_t i = 1; m.seq < n && m.failed == 0; i++) {
        size_t tool = i % TRN_ARRAY_SIZE(tools);
        uint32_t pid = new_pid(&m);
        ended(&m, fork_and_exec(&m, m.shell, pid, tools[tool], tool_key(tool)), pid);
        if (i % 16 == 0)
            connected(&m, i);
        if (i % PLANT_EVERY == 0) {
            plant(&m, i);
            planted++;
        }
    }
    r = trn_log_flush(m.log);
    trn_log_close(m.log);
    if (m.failed || r < 0)
        return trn_fail(err, m.failed ? m.failed : r, "cannot write '%s'", path);
    *ret_planted = planted;
    return (int64_t)m.seq;
}
