/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the listening socket, the clients and their buffers, the serving thread, the hand-over of
 * questions to the main thread. Must not own: what a request means (requests.c).
 *
 * Locking: `lock` guards clients' output (the main thread appends to watchers) and the one open
 * question. Requests are worked on without it, into a buffer of the serving thread.
 */
#include "engine/server_internal.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS 32
#define MAX_LINE (64u << 10)
#define MAX_ANSWER (64u << 20)
#define MAX_WATCH_BACKLOG (512u << 10)
#define ASK_TIMEOUT_SEC 3
#define MAX_GROUPS 256
#define TOO_LONG                                                                           \
    "{\"type\":\"error\",\"message\":\"the answer is too long\",\"hint\":\"ask for less: " \
    "'limit'\",\"code\":\"EFBIG\"}\n"

struct client {
    int fd;
    bool watch, events, may_act;
    uint32_t uid, pid;   /* the peer, when it connected */
    bool ended, closing; /* it says no more; it is dropped once it has read all */
    struct trn_buf in, out;
    size_t sent; /* of out */
};

struct trn_server {
    struct trn_server_options o;
    char store_path[4096];
    pthread_t thread;
    bool started, stop;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    int wake_fd, ask_fd;
    struct client clients[MAX_CLIENTS];
    unsigned n_clients;
    uint64_t dropped;
    struct {
        bool open, done;
        enum trn_ask ask;
        struct trn_str name;
        struct trn_buf *out;
    } question;
    struct trn_request_env env;
};

static bool stopping(const struct trn_server *s)
{
    return __atomic_load_n(&s->stop, __ATOMIC_ACQUIRE);
}

static void poke(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0)
        return; /* already poked as often as it can hold */
}

static void unpoke(int fd)
{
    uint64_t n;
    if (read(fd, &n, sizeof n) < 0)
        return;
}

static int ask_main_thread(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out)
{
    struct trn_server *s = ctx;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ASK_TIMEOUT_SEC;
    pthread_mutex_lock(&s->lock);
    s->question.open = true;
    s->question.done = false;
    s->question.ask = ask;
    s->question.name = name;
    s->question.out = out;
    poke(s->ask_fd);
    int r = 0;
    while (!s->question.done && r == 0 && !stopping(s))
        r = pthread_cond_timedwait(&s->answered, &s->lock, &until);
    bool done = s->question.done;
    s->question.open = false;
    pthread_mutex_unlock(&s->lock);
    return done ? 0 : -ETIMEDOUT;
}

void trn_server_serve(struct trn_server *s, trn_ask_fn *fn, void *ctx)
{
    unpoke(s->ask_fd);
    pthread_mutex_lock(&s->lock);
    if (s->question.open && !s->question.done) {
        fn(ctx, s->question.ask, s->question.name, s->question.out);
        s->question.done = true;
        pthread_cond_signal(&s->answered);
    }
    pthread_mutex_unlock(&s->lock);
}

int trn_server_ask_fd(const struct trn_server *s)
{
    return s->ask_fd;
}

static bool in_group(int fd, uint32_t gid)
{
    gid_t groups[MAX_GROUPS];
    socklen_t n = sizeof groups;
    if (gid == TRN_NO_U32 || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0)
        return false;
    for (size_t i = 0; i < n / sizeof groups[0]; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

static void accept_client(struct trn_server *s)
{
    int fd = accept4(s->o.listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t n = sizeof peer;
    if (s->n_clients == MAX_CLIENTS || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0) {
        trn_fd_close(fd);
        return;
    }
    pthread_mutex_lock(&s->lock);
    struct client *c = &s->clients[s->n_clients++];
    *c = (struct client){.fd = fd,
                         .uid = peer.uid,
                         .pid = (uint32_t)peer.pid,
                         .may_act = peer.uid == 0 || peer.gid == s->o.respond_gid || in_group(fd, s->o.respond_gid)};
    trn_buf_init(&c->in, MAX_LINE);
    trn_buf_init(&c->out, MAX_ANSWER);
    pthread_mutex_unlock(&s->lock);
}

static void drop_client(struct trn_server *s, unsigned i)
{
    pthread_mutex_lock(&s->lock);
    struct client *c = &s->clients[i];
    trn_fd_close(c->fd);
    trn_buf_done(&c->in);
    trn_buf_done(&c->out);
    s->clients[i] = s->clients[--s->n_clients];
    pthread_mutex_unlock(&s->lock);
}

static void handle_line(struct trn_server *s, struct client *c, struct trn_str line)
{
    struct trn_buf answer;
    trn_buf_init(&answer, MAX_ANSWER);
    struct trn_request_client rc = {.fd = c->fd,
                                    .uid = c->uid,
                                    .pid = c->pid,
                                    .may_act = c->may_act,
                                    .watch = c->watch,
                                    .events = c->events,
                                    .out = &answer};
    trn_request(&s->env, &rc, line);
    pthread_mutex_lock(&s->lock);
    if (answer.bad)
        trn_put_c(&c->out, TOO_LONG);
    else
        trn_put_str(&c->out, trn_buf_str(&answer));
    c->closing |= answer.bad || c->out.bad;
    c->watch = rc.watch;
    c->events = rc.events;
    pthread_mutex_unlock(&s->lock);
    trn_buf_done(&answer);
}

/* False when the client is gone or misbehaves. */
static bool read_client(struct trn_server *s, struct client *c)
{
    char chunk[8192];
    ssize_t n = read(c->fd, chunk, sizeof chunk);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0) { /* it may have asked and closed its half: the answer is still owed */
        c->ended = true;
        pthread_mutex_lock(&s->lock);
        c->closing = true;
        pthread_mutex_unlock(&s->lock);
        return true;
    }
    trn_put(&c->in, chunk, (size_t)n);
    if (c->in.bad)
        return false; /* a line longer than any request */
    struct trn_str rest = trn_buf_str(&c->in);
    ptrdiff_t at;
    size_t used = 0;
    while ((at = trn_str_find(trn_str_slice(rest, used, rest.n), '\n')) >= 0) {
        handle_line(s, c, trn_str_slice(rest, used, (size_t)at));
        used += (size_t)at + 1;
    }
    if (used) {
        memmove(c->in.p, c->in.p + used, c->in.n - used);
        c->in.n -= used;
    }
    return true;
}

static bool flush_client(struct trn_server *s, struct client *c)
{
    bool alive = true;
    pthread_mutex_lock(&s->lock);
    while (c->sent < c->out.n) {
        ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            alive = errno == EAGAIN || errno == EINTR;
            break;
        }
        c->sent += (size_t)n;
    }
    if (c->sent > MAX_WATCH_BACKLOG / 2 && c->sent < c->out.n) { /* a steady watcher never quite drains */
        memmove(c->out.p, c->out.p + c->sent, c->out.n - c->sent);
        c->out.n -= c->sent;
        c->sent = 0;
    }
    if (c->sent == c->out.n) {
        c->sent = 0;
        trn_buf_done(&c->out); /* a long answer's memory goes back */
        trn_buf_init(&c->out, MAX_ANSWER);
        if (c->closing)
            alive = false;
    }
    pthread_mutex_unlock(&s->lock);
    return alive;
}

/* Who does not read what was asked for is not heard either: answers do not pile up. */
static short interest(const struct client *c)
{
    size_t unread = c->out.n - c->sent;
    return (short)((!c->ended && unread < MAX_WATCH_BACKLOG ? POLLIN : 0) | (unread ? POLLOUT : 0));
}

static void *serving(void *arg)
{
    struct trn_server *s = arg;
    while (!stopping(s)) {
        struct pollfd p[MAX_CLIENTS + 2] = {{.fd = s->wake_fd, .events = POLLIN},
                                            {.fd = s->o.listen_fd, .events = POLLIN}};
        unsigned n = s->n_clients; /* only this thread changes it */
        pthread_mutex_lock(&s->lock);
        for (unsigned i = 0; i < n; i++)
            p[i + 2] = (struct pollfd){.fd = s->clients[i].fd, .events = interest(&s->clients[i])};
        pthread_mutex_unlock(&s->lock);
        if (poll(p, n + 2, 1000) < 0 && errno != EINTR)
            break;
        if (p[0].revents)
            unpoke(s->wake_fd);
        for (unsigned i = n; i-- > 0;) { /* backwards: dropping moves the last one here */
            struct client *c = &s->clients[i];
            bool alive = true;
            if (!c->ended && p[i + 2].revents & (POLLIN | POLLHUP | POLLERR))
                alive = read_client(s, c);
            if (!flush_client(s, c) || !alive)
                drop_client(s, i);
        }
        if (p[1].revents)
            accept_client(s);
    }
    return NULL;
}

int trn_server_new(const struct trn_server_options *o, struct trn_server **ret)
{
    struct trn_server *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->o = *o;
    snprintf(s->store_path, sizeof s->store_path, "%s", o->store_path);
    s->env = (struct trn_request_env){.store_path = s->store_path,
                                      .writer = o->writer,
                                      .live = ask_main_thread,
                                      .ctx = s,
                                      .acts_fd = o->acts_fd,
                                      .key = o->key,
                                      .key_why = o->key_why};
    memcpy(s->env.host_id, o->host_id, sizeof s->env.host_id);
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_t steady; /* three seconds, also when the wall clock is set */
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&s->answered, &steady);
    pthread_condattr_destroy(&steady);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->ask_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = s->wake_fd < 0 || s->ask_fd < 0 ? -errno : trn_set_nonblock(o->listen_fd, true);
    if (r == 0)
        r = -pthread_create(&s->thread, NULL, serving, s);
    s->started = r == 0;
    if (r < 0) {
        s->o.listen_fd = s->o.acts_fd = -1; /* stay the caller's */
        trn_server_free(s);
        return r;
    }
    *ret = s;
    return 0;
}

struct trn_server *trn_server_free(struct trn_server *s)
{
    if (!s)
        return NULL;
    __atomic_store_n(&s->stop, true, __ATOMIC_RELEASE);
    pthread_mutex_lock(&s->lock);
    pthread_cond_signal(&s->answered);
    pthread_mutex_unlock(&s->lock);
    poke(s->wake_fd);
    if (s->started)
        pthread_join(s->thread, NULL);
    for (unsigned i = 0; i < s->n_clients; i++) {
        flush_client(s, &s->clients[i]);
        trn_fd_close(s->clients[i].fd);
        trn_buf_done(&s->clients[i].in);
        trn_buf_done(&s->clients[i].out);
    }
    trn_store_close(s->env.store);
    trn_fd_close(s->o.listen_fd);
    if (s->o.acts_fd > 0)
        trn_fd_close(s->o.acts_fd);
    trn_fd_close(s->wake_fd);
    trn_fd_close(s->ask_fd);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->answered);
    free(s);
    return NULL;
}

void trn_server_tell(struct trn_server *s, struct trn_str line, bool event)
{
    bool told = false;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n_clients; i++) {
        struct client *c = &s->clients[i];
        if (!c->watch || (event && !c->events))
            continue;
        if (c->out.n - c->sent + line.n > MAX_WATCH_BACKLOG) {
            s->dropped++;
            continue;
        }
        trn_put_str(&c->out, line);
        trn_put_c(&c->out, "\n");
        told = true;
    }
    pthread_mutex_unlock(&s->lock);
    if (told)
        poke(s->wake_fd);
}

bool trn_server_wants_events(struct trn_server *s)
{
    bool wanted = false;
    pthread_mutex_lock(&s->lock);
    for (unsigned i = 0; i < s->n_clients; i++)
        wanted |= s->clients[i].watch && s->clients[i].events;
    pthread_mutex_unlock(&s->lock);
    return wanted;
}

uint64_t trn_server_dropped(struct trn_server *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->dropped;
    pthread_mutex_unlock(&s->lock);
    return n;
}
