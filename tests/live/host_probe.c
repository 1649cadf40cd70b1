/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the act "isolate host" alone, for tests: told what to do line by line on stdin, one JSON object is the answer
 * to each. Acts on the network namespace that it was started in; as a scoped turncoatd it refuses that of process 1.
 *
 *   host-probe [--unscoped] [--seconds N] [--why TEXT] [--except ADDRESS PREFIX PORT]...
 *   plan | act | check | confirm | undo | resume | timer (what the kernel and the executor would do, in seconds)
 *   forget               as after a crash: the socket is gone, the action is remembered
 *   measure N ADDRESS    N times act and undo; nanoseconds until a packet to ADDRESS is dropped, and passes again
 */
#include "response/execute/execute.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 1000u

struct probe {
    struct trn_act_tools tools;
    struct trn_act act;
    struct trn_act_host hosts[TRN_ACT_HOSTS];
};

static void say(int r, const struct trn_buf *text, const struct trn_err *err)
{
    TRN_AUTO(trn_buf_done) struct trn_buf out;
    trn_buf_init(&out, 1 << 16);
    trn_put_fmt(&out, "{\"code\":\"%s\",\"text\":", r ? trn_errno_name(r) : "ok");
    trn_json_str(&out, trn_buf_str(text));
    trn_put_c(&out, ",\"message\":");
    trn_json_str(&out, trn_str_of(err->message));
    trn_put_c(&out, ",\"hint\":");
    trn_json_str(&out, trn_str_of(err->hint));
    trn_put_c(&out, "}\n");
    (void)fwrite(out.p, 1, out.n, stdout);
}

/* As the executor does. */
static int check(struct probe *p, struct trn_buf *text, struct trn_err *err)
{
    for (int i = 0; i < 50; i++) {
        trn_buf_clear(text);
        int r = trn_act_host.check(&p->tools, &p->act, text, err);
        if (r != -EAGAIN)
            return r;
        (void)poll(NULL, 0, 100);
    }
    return -ETIMEDOUT;
}

/* ---- how long it takes ---- */

struct sender {
    struct sockaddr_in to;
    _Atomic bool stop;
    _Atomic uint64_t passed_ns, dropped_ns; /* the last packet of each kind */
};

static void *send_always(void *arg)
{
    struct sender *s = arg;
    TRN_AUTO(trn_fd_closep) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    while (!s->stop) {
        ssize_t n = sendto(fd, "x", 1, MSG_DONTWAIT, (const struct sockaddr *)&s->to, sizeof s->to);
        uint64_t now = trn_mono_ns();
        if (n == 1)
            s->passed_ns = now;
        else if (errno == EPERM)
            s->dropped_ns = now;
    }
    return NULL;
}

static uint64_t wait_for(_Atomic uint64_t *last, uint64_t began)
{
    const struct timespec moment = {.tv_nsec = 10000}; /* the sender needs a processor, too */
    while (*last <= began)
        (void)nanosleep(&moment, NULL);
    return *last - began;
}

static int measure(struct probe *p, unsigned n, const char *address, struct trn_buf *text, struct trn_err *err)
{
    struct sender s = {.to = {.sin_family = AF_INET, .sin_port = htons(9)}};
    pthread_t thread;
    int r = 0;
    if (n > ROUNDS_MAX || inet_pton(AF_INET, address, &s.to.sin_addr) != 1 ||
        pthread_create(&thread, NULL, send_always, &s) != 0)
        return -EINVAL;
    for (unsigned i = 0; r == 0 && i < n; i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf did;
        trn_buf_init(&did, 4096);
        wait_for(&s.passed_ns, trn_mono_ns());
        uint64_t began = trn_mono_ns();
        r = trn_act_host.act(&p->tools, &p->act, &did, err);
        uint64_t called = trn_mono_ns() - began, closed = r ? 0 : wait_for(&s.dropped_ns, began);
        began = trn_mono_ns();
        if (r == 0)
            r = trn_act_host.undo(&p->tools, &p->act, &did, err);
        uint64_t opened = r ? 0 : wait_for(&s.passed_ns, began);
        trn_put_fmt(text, "%llu %llu %llu\n", (unsigned long long)closed, (unsigned long long)opened,
                    (unsigned long long)called);
    }
    s.stop = true;
    pthread_join(thread, NULL);
    return r;
}

/* ---- orders ---- */

static int timer(const struct probe *p, struct trn_buf *text)
{
    uint64_t now = trn_wall_ns(), until = p->act.until_wall_ns;
    trn_put_fmt(text, "%llu", (unsigned long long)(until > now ? (until - now) / TRN_NS_PER_SEC : 0));
    return 0;
}

static int obey(struct probe *p, char *line, struct trn_buf *text, struct trn_err *err)
{
    const struct trn_act_ops *ops = &trn_act_host;
    char *rest = NULL, *word = strtok_r(line, " \n", &rest);
    if (!word)
        return -EINVAL;
    if (strcmp(word, "plan") == 0)
        return ops->plan(&p->tools, &p->act.q, text, err);
    if (strcmp(word, "act") == 0)
        return ops->act(&p->tools, &p->act, text, err);
    if (strcmp(word, "check") == 0)
        return check(p, text, err);
    if (strcmp(word, "confirm") == 0)
        return ops->confirm(&p->tools, &p->act, err);
    if (strcmp(word, "undo") == 0)
        return ops->undo(&p->tools, &p->act, text, err);
    if (strcmp(word, "resume") == 0)
        return ops->resume(&p->tools, &p->act, err);
    if (strcmp(word, "timer") == 0)
        return timer(p, text);
    if (strcmp(word, "forget") == 0) {
        ops->done(&p->act);
        return 0;
    }
    if (strcmp(word, "measure") == 0) {
        const char *n = strtok_r(NULL, " \n", &rest), *address = strtok_r(NULL, " \n", &rest);
        return n && address ? measure(p, (unsigned)strtoul(n, NULL, 10), address, text, err) : -EINVAL;
    }
    return -EINVAL;
}

static int add_host(struct probe *p, const char *address, const char *prefix, const char *port)
{
    struct trn_act_host *h = &p->hosts[p->act.q.n_hosts];
    bool four = strchr(address, ':') == NULL;
    if (p->act.q.n_hosts == TRN_ACT_HOSTS || inet_pton(four ? AF_INET : AF_INET6, address, h->address) != 1)
        return -EINVAL;
    h->family = four ? 4 : 6;
    h->prefix = (uint8_t)strtoul(prefix, NULL, 10);
    h->port = (uint16_t)strtoul(port, NULL, 10);
    p->act.q.n_hosts++;
    return 0;
}

static int options(struct probe *p, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--unscoped") == 0) {
            p->tools.scope_cgroup = NULL;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            p->act.q.seconds = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--why") == 0 && i + 1 < argc) {
            p->act.q.why = trn_str_of(argv[++i]);
        } else if (strcmp(argv[i], "--except") == 0 && i + 3 < argc) {
            if (add_host(p, argv[i + 1], argv[i + 2], argv[i + 3]) < 0)
                return -EINVAL;
            i += 3;
        } else {
            return -EINVAL;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct probe p = {.tools = {.response_fd = -1, .scope_cgroup = "a test's", .scope_fd = -1}};
    char line[256];
    p.act.id = 1;
    p.act.q.act = TRN_RESPOND_ISOLATE_HOST;
    p.act.q.hosts = p.hosts;
    p.act.arena = trn_arena_new(1 << 20);
    if (!p.act.arena || options(&p, argc, argv) < 0) {
        (void)fprintf(stderr, "host-probe: no such option\n");
        return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    printf("{\"ready\":%d}\n", (int)getpid());
    while (fgets(line, sizeof line, stdin)) {
        struct trn_err err = {0};
        TRN_AUTO(trn_buf_done) struct trn_buf text;
        trn_buf_init(&text, 1 << 16);
        int r = obey(&p, line, &text, &err);
        say(r, &text, &err);
    }
    trn_act_host.done(&p.act);
    trn_arena_free(p.act.arena);
    return 0;
}
