/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: the making of events. machine.c runs them. */
#include "script.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define WALL_START 1795417260000000000ull /* 2026-11-23T07:01:00Z */
#define BOOT_START (1000 * TRN_NS_PER_SEC)

static void must(bool ok)
{
    if (!ok)
        abort();
}

static struct trn_str text(struct script *s, const char *c)
{
    return c ? trn_arena_str(s->arena, trn_str_of(c)) : TRN_STR_NONE;
}

uint64_t entity_of(uint32_t pid)
{
    return trn_entity_id(0x1234, pid, pid);
}

static struct trn_event *make(struct script *s, enum trn_event_type type, uint32_t pid)
{
    must(s->n < SCRIPT_MAX);
    struct trn_event *ev = &s->ev[s->n++];
    trn_event_init(ev, type);
    ev->seq = ++s->seq;
    ev->boot_ns = s->boot_ns;
    ev->wall_ns = WALL_START + s->boot_ns - BOOT_START;
    ev->pid = pid;
    if (pid != TRN_NO_U32)
        ev->entity = entity_of(pid);
    ev->uid = ev->euid = 1000;
    return ev;
}

/* Inode by path; the number says nothing about the path, as in life. */
static struct trn_file_key *file(struct script *s, const char *path)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (trn_str_eq_c(s->files[i].path, path))
            return &s->files[i].key;
    must(s->n_files < SCRIPT_FILES);
    struct script_file *f = &s->files[s->n_files++];
    f->path = text(s, path);
    f->key = (struct trn_file_key){.dev = 8 << 20 | 1, .ino = 100 + s->n_files, .ctime_ns = WALL_START / 2};
    return &f->key;
}

void wait_ms(struct script *s, uint64_t ms)
{
    s->boot_ns += ms * TRN_NS_PER_MS;
}

void act_fork(struct script *s, uint32_t parent, uint32_t pid)
{
    struct trn_event *ev = make(s, TRN_EV_FORK, pid);
    ev->fork.parent = entity_of(parent);
    ev->fork.parent_pid = parent;
}

static struct trn_event *exec(struct script *s, uint32_t pid, const char *path, const char *argv)
{
    struct trn_event *ev = make(s, TRN_EV_EXEC, pid);
    char *list = trn_arena_alloc(s->arena, strlen(argv) + 1);
    must(list != NULL);
    for (size_t i = 0; i <= strlen(argv); i++)
        list[i] = argv[i] == ' ' ? '\0' : argv[i];
    ev->exec.path = ev->exec.invoked = text(s, path);
    ev->exec.argv = (struct trn_str){list, strlen(argv) + 1};
    ev->exec.cwd = TRN_STR("/home/alice");
    ev->exec.file = *file(s, path);
    ev->exec.nlink = 1;
    ev->exec.parent = 0;
    return ev;
}

void act_exec(struct script *s, uint32_t pid, const char *path, const char *argv)
{
    exec(s, pid, path, argv);
}

void act_script(struct script *s, uint32_t pid, const char *interp, const char *script, const char *argv)
{
    struct trn_event *ev = exec(s, pid, interp, argv);
    ev->exec.interp = text(s, interp);
    ev->exec.script = text(s, script);
}

void act_start(struct script *s, uint32_t parent, uint32_t pid, const char *path, const char *argv)
{
    act_fork(s, parent, pid);
    wait_ms(s, 1);
    act_exec(s, pid, path, argv);
}

void act_exit(struct script *s, uint32_t pid)
{
    struct trn_event *ev = make(s, TRN_EV_EXIT, pid);
    ev->exit.code = 0;
}

void act_identity(struct script *s, const char *path, const char *name, const char *version, enum trn_origin origin,
                  uint32_t flags)
{
    struct trn_event *ev = make(s, TRN_EV_IDENTITY, TRN_NO_U32);
    ev->identity.file = *file(s, path);
    ev->identity.path = text(s, path);
    ev->identity.id = (struct trn_identity){.size = TRN_NO_U64};
    ev->identity.id.software = (struct trn_software){text(s, name), text(s, version), TRN_STR_NONE, origin, flags};
    for (size_t i = 0; i < TRN_SHA256_SIZE; i++)
        ev->identity.id.sha256[i] = (uint8_t)(strlen(path) + i);
}

void act_identity_hash(struct script *s, const char *path, uint8_t hash)
{
    act_identity(s, path, strrchr(path, '/') + 1, NULL, TRN_ORIGIN_MANUAL, 0);
    memset(s->ev[s->n - 1].identity.id.sha256, hash, TRN_SHA256_SIZE);
}

static struct trn_event *file_event(struct script *s, uint32_t pid, enum trn_action action, const char *path)
{
    struct trn_event *ev = make(s, TRN_EV_FILE, pid);
    ev->entity = 0; /* fanotify knows the pid only */
    ev->action = (uint16_t)action;
    ev->file.path = text(s, path);
    ev->file.file = *file(s, path);
    return ev;
}

static void touch(struct script *s, const char *path)
{
    file(s, path)->ctime_ns = WALL_START + s->boot_ns - BOOT_START;
}

void act_write(struct script *s, uint32_t pid, const char *path)
{
    touch(s, path);
    file_event(s, pid, TRN_ACT_CREATED, path);
    file_event(s, pid, TRN_ACT_WRITTEN, path);
}

void act_rename(struct script *s, uint32_t pid, const char *from, const char *to)
{
    struct trn_file_key key = *file(s, from);
    for (size_t i = 0; i < s->n_files; i++)
        if (trn_str_eq_c(s->files[i].path, to) || trn_str_eq_c(s->files[i].path, from))
            s->files[i].path = TRN_STR("(gone)");
    *file(s, to) = key;
    touch(s, to);
    file_event(s, pid, TRN_ACT_RENAMED, to)->file.old_path = text(s, from);
}

void act_delete(struct script *s, uint32_t pid, const char *path)
{
    struct trn_event *ev = file_event(s, pid, TRN_ACT_DELETED, path);
    ev->file.file = (struct trn_file_key){0}; /* it is gone, nobody could look */
    for (size_t i = 0; i < s->n_files; i++)
        if (trn_str_eq_c(s->files[i].path, path))
            s->files[i].path = TRN_STR("(gone)");
}

void act_chmod(struct script *s, uint32_t pid, const char *path)
{
    touch(s, path);
    file_event(s, pid, TRN_ACT_ATTRIBUTES, path);
}

static void address(struct trn_ev_net *net, const char *to, uint32_t port)
{
    net->family = strchr(to, ':') ? 6 : 4;
    net->proto = port == 53 ? IPPROTO_UDP : IPPROTO_TCP;
    must(inet_pton(net->family == 6 ? AF_INET6 : AF_INET, to, net->dst) == 1);
    net->dst_port = port;
    net->src_port = 40000;
}

void act_connect(struct script *s, uint32_t pid, const char *to, uint32_t port)
{
    struct trn_event *ev = make(s, TRN_EV_CONNECT, pid);
    ev->action = TRN_ACT_ESTABLISHED;
    address(&ev->net, to, port);
}

void act_contact(struct script *s, uint32_t pid, const char *name, const char *to, uint32_t port)
{
    act_connect(s, pid, to, port);
    struct trn_value v = {.kind = TRN_KIND_STR, .s = text(s, name)};
    must(trn_event_set_extra(&s->ev[s->n - 1], trn_field_by_id(TRN_F_DST_DOMAIN), &v, s->arena) == 0);
}

void act_close(struct script *s, uint32_t pid, const char *to, uint32_t port, uint64_t out, uint64_t in)
{
    struct trn_event *ev = make(s, TRN_EV_NET_CLOSE, pid);
    address(&ev->net, to, port);
    ev->net.bytes_out = out;
    ev->net.bytes_in = in;
}

void act_dns(struct script *s, uint32_t pid, const char *name, const char *answer)
{
    struct trn_event *ev = make(s, TRN_EV_DNS, pid);
    ev->action = answer ? TRN_ACT_ANSWER : TRN_ACT_QUESTION;
    address(&ev->dns.net, "127.0.0.53", 53);
    ev->dns.name = text(s, name);
    if (answer) {
        ev->dns.answers = text(s, answer);
        ev->dns.answers.n++; /* with its NUL */
    }
}

void act_open(struct script *s, uint32_t pid, const char *path, const char *klass, const char *owner)
{
    struct trn_event *ev = make(s, TRN_EV_OPEN, pid);
    ev->entity = 0;
    ev->file.path = text(s, path);
    ev->file.file = *file(s, path);
    ev->file.sensitive = text(s, klass);
    ev->file.owner_hint = text(s, owner);
}

void act_load(struct script *s, uint32_t pid, const char *path, bool with_inode)
{
    struct trn_event *ev = make(s, TRN_EV_LIB_LOAD, pid);
    ev->map.path = text(s, path);
    if (with_inode)
        ev->map.file = *file(s, path);
}

void act_memory(struct script *s, uint32_t pid, enum trn_action action, const char *path)
{
    struct trn_event *ev = make(s, TRN_EV_MEM_EXEC, pid);
    ev->action = (uint16_t)action;
    ev->map.path = text(s, path);
}

void act_access(struct script *s, uint32_t pid, enum trn_action action, uint32_t target, const char *way)
{
    struct trn_event *ev = make(s, TRN_EV_ACCESS, pid);
    ev->action = (uint16_t)action;
    ev->access.target = entity_of(target);
    ev->access.target_pid = target;
    ev->access.way = text(s, way);
}

void act_env(struct script *s, const char *env)
{
    struct trn_event *ev = &s->ev[s->n - 1];
    must(ev->type == TRN_EV_EXEC);
    char *list = trn_arena_alloc(s->arena, strlen(env) + 1);
    must(list != NULL);
    for (size_t i = 0; i <= strlen(env); i++)
        list[i] = env[i] == ' ' ? '\0' : env[i];
    ev->exec.env = (struct trn_str){list, strlen(env) + 1};
}

void act_flags(struct script *s, uint32_t flags)
{
    s->ev[s->n - 1].flags |= flags;
}

void act_update(struct script *s, const char *name, const char *from, const char *to)
{
    struct trn_event *ev = make(s, TRN_EV_SOFTWARE, TRN_NO_U32);
    ev->action = from ? TRN_ACT_UPDATED : TRN_ACT_INSTALLED;
    ev->software.software = (struct trn_software){text(s, name), text(s, to), TRN_STR_NONE, TRN_ORIGIN_DPKG, 0};
    ev->software.from = text(s, from);
    ev->software.by = TRN_STR("apt");
}

void act_brought(struct script *s, const char *name, const char *version, const char *check, uint64_t score,
                 const char *verdict)
{
    struct trn_event *ev = make(s, TRN_EV_BROUGHT, TRN_NO_U32);
    ev->brought = (struct trn_ev_brought){.name = text(s, name),
                                          .version = text(s, version),
                                          .check = text(s, check),
                                          .path = TRN_STR("/opt/acme-softphone/codec.so"),
                                          .summary = TRN_STR("it is not as it was"),
                                          .sha256 = TRN_STR("5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f"
                                                            "5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f"),
                                          .verdict = text(s, verdict),
                                          .score = score};
}

void act_loss(struct script *s, enum trn_class klass)
{
    struct trn_event *ev = make(s, TRN_EV_LOSS, TRN_NO_U32);
    ev->meta.klass = klass;
    ev->meta.count = 7;
    ev->meta.from_boot_ns = s->boot_ns - TRN_NS_PER_SEC;
}

void act_tick(struct script *s)
{
    make(s, TRN_EV_TICK, TRN_NO_U32);
}

void act_stop(struct script *s)
{
    make(s, TRN_EV_STOP, TRN_NO_U32);
}

void softphone(struct script *s, const char *version)
{
    act_start(s, 1, 812, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone 20");
    act_identity(s, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone", version, TRN_ORIGIN_DPKG,
                 TRN_SW_MODIFIED_KNOWN);
}

struct script *script_new(void)
{
    static const char *const base[] = {"/usr/bin/dash", "/usr/bin/bash", "/usr/bin/cat", "/usr/bin/id",
                                       "/usr/bin/hostname"};
    struct script *s = calloc(1, sizeof(*s));
    must(s != NULL);
    s->arena = trn_arena_new(0);
    must(s->arena != NULL);
    s->boot_ns = BOOT_START;
    act_start(s, 0, 1, "/usr/lib/systemd/systemd", "systemd");
    act_identity(s, "/usr/lib/systemd/systemd", "systemd", "252", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN);
    act_start(s, 1, 100, "/usr/sbin/sshd", "sshd");
    act_identity(s, "/usr/sbin/sshd", "openssh-server", "9.2", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_start(s, 100, 101, "/usr/bin/bash", "-bash");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(base); i++)
        act_identity(s, base[i], "base-files", "12", TRN_ORIGIN_DPKG, TRN_SW_BASE | TRN_SW_MODIFIED_KNOWN);
    wait_ms(s, 1000);
    return s;
}

void script_free(struct script *s)
{
    trn_arena_free(s->arena);
    free(s);
}
