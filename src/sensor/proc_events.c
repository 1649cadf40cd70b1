/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the kernel's process events (CN_PROC): another user or group, and who became somebody's debugger. Owns the
 * socket. Must not interpret: old ids, entities and the scope are the engine's.
 *
 *   kernel ── one datagram an event, fixed layout ──> ACCESS and CRED records ──> sink
 *
 * The events live in the first network namespace only, so a turncoatd in another one opens its socket there, in a
 * thread that ends at once. A filter on the socket lets nothing pass but what we read, on every kernel; newer kernels
 * (6.6) are also told what we want, and then do not even make the copies. Whether events really come is tried out,
 * not believed: the thread changes its own file-system user id and back, and must read that.
 */
#include "sensor/proc_events.h"

#include "sensor/cn_proc.h"
#include "sensor/hook.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>

#include "sensor/bpf/wire.h"

#define RECEIVE_BYTES (512 << 10)
#define READS_DEFAULT 256u
#define DATAGRAM_MAX 512u
#define EVENT_HEAD 16u /* what, cpu, time */
#define EVENT_BODY 16u /* the ids: the same length for all that we read */
#define TRY_ID 65534u
/* Numbers of the kernel's, whose names moved between versions of its headers. */
#define WHAT_UID 0x4u
#define WHAT_GID 0x40u
#define WHAT_PTRACE 0x100u

struct trn_proc_events {
    int fd;
    struct trn_sensor_hook hook;
    struct trn_proc_seen seen;
};

/* ---- opening ---- */

static int open_filtered(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, TRN_CN_PROC_WHAT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_UID), 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_GID), 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(WHAT_PTRACE), 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
    };
    const struct sock_fprog prog = {TRN_ARRAY_SIZE(code), code};

    return trn_cn_proc_socket(&prog, RECEIVE_BYTES);
}

static int count_own(void *ctx, struct trn_str record)
{
    unsigned *n = ctx;

    if (trn_record_pid(record) == (uint32_t)getpid())
        *n += 1;
    return 0;
}

/* Changes what no check of ours depends on, of this thread alone, and looks whether the kernel told it. */
static bool events_come(int fd)
{
    char buf[DATAGRAM_MAX];
    struct trn_proc_seen seen = {0};
    unsigned own = 0;
    const struct trn_record_sink sink = {count_own, &own};
    int before = setfsuid(TRY_ID);

    (void)setfsuid((uid_t)before);
    for (unsigned i = 0; i < READS_DEFAULT && own == 0; i++) {
        ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

        if (n < 0)
            break;
        if (trn_proc_event(&seen, (struct trn_str){buf, (size_t)n}, 0, &sink) < 0)
            break;
    }
    return own > 0;
}

static int open_here(void)
{
    TRN_AUTO(trn_fd_closep) int fd = open_filtered();

    if (fd < 0)
        return fd;
    int r = trn_cn_proc_ask(fd, TRN_CN_PROC_LISTEN, WHAT_UID | WHAT_GID | WHAT_PTRACE);
    if (r == 0 && events_come(fd))
        return trn_fd_steal(&fd);
    if (r == 0)
        r = trn_cn_proc_ask(fd, TRN_CN_PROC_LISTEN, 0);
    if (r < 0)
        return r;
    return events_come(fd) ? trn_fd_steal(&fd) : -ENODATA;
}

/* The kernel's own threads never leave the first network namespace; pid 2 is their parent. Pid 1 most often is there. */
static int first_namespace(void)
{
    int fd = open("/proc/2/ns/net", O_RDONLY | O_CLOEXEC);

    return fd >= 0 ? fd : open("/proc/1/ns/net", O_RDONLY | O_CLOEXEC);
}

/* Only this thread moves, and it ends. When it cannot, it may still be there already: trying shows it. */
static void *open_there(void *arg)
{
    int *ret = arg;
    TRN_AUTO(trn_fd_closep) int ns = first_namespace();

    if (ns >= 0)
        (void)!setns(ns, CLONE_NEWNET);
    *ret = open_here();
    return NULL;
}

struct trn_proc_events *trn_proc_events_open(void)
{
    struct trn_proc_events *p = calloc(1, sizeof(*p));
    pthread_t thread;
    int r;

    if (!p)
        return NULL;
    p->fd = -1;
    p->hook = (struct trn_sensor_hook){.name = "process.events", .gives = "other users, and debuggers that attach"};
    r = pthread_create(&thread, NULL, open_there, &p->fd);
    if (r == 0)
        pthread_join(thread, NULL);
    else
        p->fd = -r;
    if (p->fd >= 0)
        trn_hook_set(&p->hook, TRN_HOOK_ON, "%s", "");
    else if (p->fd == -ENODATA)
        trn_hook_set(
            &p->hook, TRN_HOOK_OFF,
            "the kernel tells no process events here (not in the first process namespace, or no CONFIG_PROC_EVENTS)");
    else
        trn_hook_set(&p->hook, TRN_HOOK_OFF, "cannot listen to process events: %s", trn_errno_name(p->fd));
    return p;
}

struct trn_proc_events *trn_proc_events_close(struct trn_proc_events *p)
{
    if (p && p->fd >= 0) {
        (void)!trn_cn_proc_ask(p->fd, TRN_CN_PROC_IGNORE,
                               0); /* before 6.6 a socket that is closed goes on being counted */
        trn_fd_close(p->fd);
    }
    free(p);
    return NULL;
}

int trn_proc_events_fd(const struct trn_proc_events *p)
{
    return p->fd >= 0 ? p->fd : -1;
}

const struct trn_sensor_hook *trn_proc_events_hook(const struct trn_proc_events *p)
{
    return &p->hook;
}

/* ---- reading: include/uapi/linux/cn_proc.h ---- */

struct ids {
    uint32_t tid, tgid, a, b;
};

static int give_cred(uint32_t what, const struct ids *i, uint64_t time, const struct trn_record_sink *sink)
{
    struct trn_wire_cred r = {
        .head = {.size = sizeof(r), .type = TRN_WIRE_CRED, .version = TRN_WIRE_VERSION, .time = time},
        .uid = TRN_NO_U32,
        .euid = TRN_NO_U32,
        .gid = TRN_NO_U32,
    };

    r.head.tgid = i->tgid;
    r.head.tid = i->tid;
    if (what == WHAT_UID) {
        r.uid = i->a;
        r.euid = i->b;
    } else {
        r.gid = i->a;
    }
    return sink->record(sink->ctx, (struct trn_str){(const char *)&r, sizeof(r)});
}

/* A debugger attaches to each thread: told once. */
static bool seen_already(struct trn_proc_seen *s, uint32_t tracer, uint32_t target, uint64_t time)
{
    for (size_t i = 0; i < TRN_PROC_SEEN; i++) {
        if (s->pair[i].tracer == tracer && s->pair[i].target == target && time < s->pair[i].time + TRN_NS_PER_SEC)
            return true;
    }
    s->pair[s->next].tracer = tracer;
    s->pair[s->next].target = target;
    s->pair[s->next].time = time;
    s->next = (s->next + 1) % TRN_PROC_SEEN;
    return false;
}

static int give_attach(struct trn_proc_seen *seen, const struct ids *i, uint64_t time,
                       const struct trn_record_sink *sink)
{
    struct trn_wire_access r = {
        .head = {.size = sizeof(r), .type = TRN_WIRE_ACCESS, .version = TRN_WIRE_VERSION, .time = time},
        .target_tgid = i->tgid,
        .uid = TRN_NO_U32,
        .euid = TRN_NO_U32,
        .gid = TRN_NO_U32,
        .act = TRN_WIRE_ACCESS_ATTACH,
        .way = TRN_WIRE_WAY_PTRACE,
    };

    if (i->a == 0) /* detached */
        return 0;
    r.head.tid = i->a;
    r.head.tgid = i->b;
    if (seen_already(seen, i->b, i->tgid, time))
        return 0;
    return sink->record(sink->ctx, (struct trn_str){(const char *)&r, sizeof(r)});
}

int trn_proc_event(struct trn_proc_seen *seen, struct trn_str datagram, int64_t to_boot,
                   const struct trn_record_sink *sink)
{
    struct trn_cursor c = trn_cur_of(datagram);
    uint32_t size = trn_cur_u32le(&c), idx, val, what;
    uint16_t type = trn_cur_u16le(&c), length;
    uint64_t time;
    struct ids i;

    trn_cur_skip(&c, 2 + 4 + 4); /* flags, sequence, sender: the socket's word counts */
    idx = trn_cur_u32le(&c);
    val = trn_cur_u32le(&c);
    trn_cur_skip(&c, 4 + 4);
    length = trn_cur_u16le(&c);
    trn_cur_skip(&c, 2);
    what = trn_cur_u32le(&c);
    trn_cur_skip(&c, 4);
    time = trn_cur_u64le(&c) + (uint64_t)to_boot;
    i.tid = trn_cur_u32le(&c);
    i.tgid = trn_cur_u32le(&c);
    i.a = trn_cur_u32le(&c);
    i.b = trn_cur_u32le(&c);
    if (c.bad || type != NLMSG_DONE || size > datagram.n || size < TRN_CN_PROC_WHAT + EVENT_HEAD + EVENT_BODY ||
        length < EVENT_HEAD + EVENT_BODY || length > size - TRN_CN_PROC_WHAT || idx != CN_IDX_PROC ||
        val != CN_VAL_PROC)
        return -EBADMSG;
    if (i.tgid == 0 || i.tgid == TRN_NO_U32) /* no process has such a number */
        return 0;
    switch (what) {
    case WHAT_UID:
    case WHAT_GID:
        return give_cred(what, &i, time, sink);
    case WHAT_PTRACE:
        return give_attach(seen, &i, time, sink);
    default:
        return 0;
    }
}

static int give_loss(const struct trn_record_sink *sink)
{
    uint64_t now = trn_boot_ns();
    struct trn_wire_loss loss = {
        .head = {.size = sizeof(loss), .type = TRN_WIRE_LOSS, .version = TRN_WIRE_VERSION, .time = now},
        .class = TRN_CLASS_ACCESS,
        .reason = TRN_WIRE_LOSS_QUEUE,
        .count = 1, /* at least: the kernel does not say how many */
        .since = now,
    };

    return sink->record(sink->ctx, (struct trn_str){(const char *)&loss, sizeof(loss)});
}

/* 1: one was read; 0: nothing more there. */
static int read_one(struct trn_proc_events *p, int64_t to_boot, const struct trn_record_sink *sink)
{
    char buf[DATAGRAM_MAX];
    struct sockaddr_nl from = {0};
    struct iovec iov = {buf, sizeof(buf)};
    struct msghdr m = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = recvmsg(p->fd, &m, MSG_DONTWAIT);
    int r;

    if (n < 0 && errno == EINTR)
        return 1;
    if (n < 0 && errno == ENOBUFS) {
        r = give_loss(sink);
        return r < 0 ? r : 1;
    }
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    /* Anybody may send to a netlink socket: only the kernel is 0. */
    if (m.msg_namelen != sizeof(from) || from.nl_family != AF_NETLINK || from.nl_pid != 0 || (m.msg_flags & MSG_TRUNC))
        return 1;
    r = trn_proc_event(&p->seen, (struct trn_str){buf, (size_t)n}, to_boot, sink);
    return r < 0 && r != -EBADMSG ? r : 1;
}

int trn_proc_events_read(struct trn_proc_events *p, const struct trn_record_sink *sink, struct trn_err *err)
{
    int64_t to_boot = (int64_t)(trn_boot_ns() - trn_mono_ns()); /* the kernel's time stamps stand still in a suspend */
    int r = p->fd >= 0;

    for (unsigned i = 0; i < READS_DEFAULT && r > 0; i++)
        r = read_one(p, to_boot, sink);
    if (r >= 0)
        return 0;
    p->fd = trn_fd_close(p->fd);
    trn_hook_set(&p->hook, TRN_HOOK_OFF, "reading failed: %s", trn_errno_name(r));
    return trn_fail(err, r, "cannot read process events: %s", trn_errno_name(r));
}
