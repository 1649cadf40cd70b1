/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the shape of made-up events: one clock, numbers of processes, inodes and sockets.
 * Must not own: what happens in which order (day_make.c, engine_fill.c).
 */
#include "stage.h"

#include <netinet/in.h>
#include <stdio.h>

#define WALL_START (1795000000ull * TRN_NS_PER_SEC)
#define DEVICE (8u << 20 | 1)
#define ARGV_MAX 512

void stage_init(struct stage *s, const struct trn_event_sink *sink)
{
    static const uint8_t host[16] = {1}, boot[16] = {2};
    *s = (struct stage){.sink = *sink,
                        .boot_ns = TRN_NS_PER_SEC,
                        .wall_offset_ns = WALL_START,
                        .salt = trn_entity_salt(host, boot),
                        .random = 20261127,
                        .next_pid = 1000,
                        .next_socket = 1,
                        .next_inode = 1000};
}

/* splitmix64 */
uint64_t stage_random(struct stage *s, uint64_t below)
{
    uint64_t x = s->random += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return (x ^ (x >> 31)) % below;
}

void stage_wait_us(struct stage *s, uint64_t us)
{
    s->boot_ns += us * 1000;
}

struct file stage_file_new(struct stage *s, const char *path)
{
    return (struct file){path, {.dev = DEVICE, .ino = s->next_inode++, .ctime_ns = s->wall_offset_ns + s->boot_ns}};
}

static void put(struct stage *s, struct trn_event *ev)
{
    ev->seq = ++s->seq;
    ev->boot_ns = s->boot_ns;
    ev->wall_ns = s->wall_offset_ns + s->boot_ns;
    int r = s->failed ? 0 : trn_sink_event(&s->sink, ev);
    if (r < 0)
        s->failed = r;
}

static void head(struct trn_event *ev, enum trn_event_type type, const struct actor *a)
{
    trn_event_init(ev, type);
    ev->entity = a->entity;
    ev->pid = ev->tid = a->pid;
    ev->uid = ev->euid = ev->gid = a->uid;
    ev->mntns = 4026531841u;
    ev->comm = trn_str_of(a->comm);
}

void stage_meta(struct stage *s, enum trn_event_type type)
{
    struct trn_event ev;
    trn_event_init(&ev, type);
    put(s, &ev);
}

void stage_identity(struct stage *s, const struct file *f, const char *name, const char *version,
                    enum trn_origin origin, uint32_t flags)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_IDENTITY);
    ev.identity.file = f->key;
    ev.identity.path = trn_str_of(f->path);
    ev.identity.id = (struct trn_identity){.size = 40000, .kind = TRN_STR("elf")};
    ev.identity.id.software.name = name ? trn_str_of(name) : TRN_STR_NONE;
    ev.identity.id.software.version = version ? trn_str_of(version) : TRN_STR_NONE;
    ev.identity.id.software.origin = origin;
    ev.identity.id.software.flags = flags;
    memcpy(ev.identity.id.sha256, &f->key.ino, sizeof(f->key.ino));
    put(s, &ev);
}

void stage_update(struct stage *s, const char *name, const char *from, const char *to)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_SOFTWARE);
    ev.action = from ? TRN_ACT_UPDATED : TRN_ACT_INSTALLED;
    ev.software.software.name = trn_str_of(name);
    ev.software.software.version = trn_str_of(to);
    ev.software.software.origin = TRN_ORIGIN_DPKG;
    ev.software.from = from ? trn_str_of(from) : TRN_STR_NONE;
    ev.software.by = TRN_STR("apt");
    put(s, &ev);
}

struct actor stage_fork(struct stage *s, const struct actor *parent)
{
    struct trn_event ev;
    struct actor a = {.pid = s->next_pid++, .uid = parent ? parent->uid : 0, .comm = parent ? parent->comm : "kernel"};
    a.entity = trn_entity_id(s->salt, a.pid, s->boot_ns);
    head(&ev, TRN_EV_FORK, &a);
    ev.fork.parent = parent ? parent->entity : 0;
    ev.fork.parent_pid = parent ? parent->pid : 0;
    put(s, &ev);
    return a;
}

void stage_exec(struct stage *s, struct actor *a, const struct file *f, const char *argv)
{
    struct trn_event ev;
    char list[ARGV_MAX];
    size_t n = TRN_MIN(strlen(argv), sizeof(list) - 1);
    uint32_t argc = 1;
    for (size_t i = 0; i < n; i++) {
        list[i] = argv[i] == ' ' ? '\0' : argv[i];
        argc += argv[i] == ' ';
    }
    list[n] = '\0';
    struct trn_str base = trn_path_base(trn_str_of(f->path));
    a->comm = base.p;
    head(&ev, TRN_EV_EXEC, a);
    ev.exec.path = ev.exec.invoked = trn_str_of(f->path);
    ev.exec.argv = (struct trn_str){list, n + 1};
    ev.exec.argc = argc;
    ev.exec.cwd = TRN_STR("/home/alice/work");
    ev.exec.file = f->key;
    ev.exec.size = 40000;
    ev.exec.nlink = 1;
    put(s, &ev);
}

struct actor stage_start(struct stage *s, const struct actor *parent, const struct file *f, const char *argv)
{
    struct actor a = stage_fork(s, parent);
    stage_wait_us(s, 300);
    stage_exec(s, &a, f, argv);
    return a;
}

void stage_exit(struct stage *s, const struct actor *a)
{
    struct trn_event ev;
    head(&ev, TRN_EV_EXIT, a);
    ev.exit.code = 0;
    put(s, &ev);
}

void stage_load(struct stage *s, const struct actor *a, const struct file *f)
{
    struct trn_event ev;
    head(&ev, TRN_EV_LIB_LOAD, a);
    ev.map.path = trn_str_of(f->path);
    ev.map.file = f->key;
    ev.map.file.ctime_ns = 0; /* perf tells none */
    ev.map.address = 0x7f0000000000ull;
    ev.map.length = 0x21000;
    ev.map.prot = 5;
    put(s, &ev);
}

void stage_changed(struct stage *s, const struct actor *a, enum trn_action action, const struct file *f)
{
    struct trn_event ev;
    head(&ev, TRN_EV_FILE, a);
    ev.entity = 0; /* fanotify knows the pid only */
    ev.action = (uint16_t)action;
    ev.file.path = trn_str_of(f->path);
    if (action != TRN_ACT_DELETED)
        ev.file.file = f->key;
    ev.file.size = 4096;
    ev.file.mode = 0100644;
    put(s, &ev);
}

void stage_open(struct stage *s, const struct actor *a, const struct file *f, const char *sensitive, const char *owner)
{
    struct trn_event ev;
    head(&ev, TRN_EV_OPEN, a);
    ev.entity = 0;
    ev.file.path = trn_str_of(f->path);
    ev.file.file = f->key;
    ev.file.sensitive = trn_str_of(sensitive);
    ev.file.owner_hint = owner ? trn_str_of(owner) : TRN_STR_NONE;
    put(s, &ev);
}

static void net(struct trn_ev_net *n, uint8_t proto, const uint8_t address[4], uint32_t port, uint64_t socket)
{
    static const uint8_t own[4] = {192, 0, 2, 20};
    n->family = 4;
    n->proto = proto;
    memcpy(n->src, own, sizeof(own));
    memcpy(n->dst, address, 4);
    n->src_port = 40000 + (uint32_t)(socket % 20000);
    n->dst_port = port;
    n->socket = socket;
}

void stage_asked(struct stage *s, const struct actor *a, const char *name, const uint8_t address[4])
{
    static const uint8_t resolver[4] = {127, 0, 0, 53};
    struct trn_event ev;
    char text[16];
    for (int i = 0; i < 2; i++) {
        head(&ev, TRN_EV_DNS, a);
        ev.action = i ? TRN_ACT_ANSWER : TRN_ACT_QUESTION;
        net(&ev.dns.net, IPPROTO_UDP, resolver, 53, s->next_socket);
        ev.dns.name = trn_str_of(name);
        ev.dns.qtype = 1;
        if (i) {
            int n = snprintf(text, sizeof(text), "%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
            ev.dns.answers = (struct trn_str){text, (size_t)n + 1};
            ev.dns.rcode = 0;
        }
        put(s, &ev);
        stage_wait_us(s, 900);
    }
    s->next_socket++;
}

uint64_t stage_connected(struct stage *s, const struct actor *a, const char *name, const uint8_t address[4],
                         uint32_t port)
{
    struct trn_event ev;
    uint64_t socket = s->next_socket++;
    for (int i = 0; i < 2; i++) {
        head(&ev, TRN_EV_CONNECT, a);
        ev.action = i ? TRN_ACT_ESTABLISHED : TRN_ACT_ATTEMPTED;
        net(&ev.net, IPPROTO_TCP, address, port, socket);
        if (name)
            ev.extras[ev.n_extras++] = (struct trn_extra){TRN_F_DST_DOMAIN, trn_str_of(name)};
        put(s, &ev);
        stage_wait_us(s, 4000);
    }
    return socket;
}

void stage_hello(struct stage *s, const struct actor *a, const char *name, const uint8_t address[4], uint64_t socket)
{
    struct trn_event ev;
    head(&ev, TRN_EV_TLS, a);
    net(&ev.tls.net, IPPROTO_TCP, address, 443, socket);
    ev.tls.sni = trn_str_of(name);
    ev.tls.alpn = (struct trn_str){"h2\0http/1.1", 12};
    ev.tls.ja4 = TRN_STR("t13d1516h2_8daaf6152771_02713d6af862");
    ev.tls.version = 0x0304;
    put(s, &ev);
}

void stage_closed(struct stage *s, const struct actor *a, const char *name, const uint8_t address[4], uint32_t port,
                  uint64_t socket, uint64_t out, uint64_t in)
{
    struct trn_event ev;
    head(&ev, TRN_EV_NET_CLOSE, a);
    net(&ev.net, IPPROTO_TCP, address, port, socket);
    if (name)
        ev.extras[ev.n_extras++] = (struct trn_extra){TRN_F_DST_DOMAIN, trn_str_of(name)};
    ev.net.bytes_out = out;
    ev.net.bytes_in = in;
    put(s, &ev);
}
