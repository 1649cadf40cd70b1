/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the act isolate: one software is cut off the network, but for what is excepted. The kernel refuses (sensor/cut.h);
 * here is who is meant, what is tried, and what is said. It survives a restart of turncoatd: between its end and the next
 * start nothing is refused.
 * Must not own: who may ask, the journal (executor.c).
 */
#include "response/execute/marked.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define DISCARD 9

/* Nobody talks to these; the last two are set aside for documentation. */
static const struct trn_cut_host nobody[] = {
    {.family = 4, .prefix = 32, .port = DISCARD, .address = {127, 0, 0, 1}},
    {.family = 6, .prefix = 128, .port = DISCARD, .address = {[15] = 1}},
    {.family = 4, .prefix = 32, .port = DISCARD, .address = {192, 0, 2, 1}},
    {.family = 6, .prefix = 128, .port = DISCARD, .address = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
};

/* ---- words ---- */

static const char *host_words(const struct trn_cut_host *h, char *dst, size_t size)
{
    char address[INET6_ADDRSTRLEN] = "?", prefix[8] = "", port[16] = "";

    (void)inet_ntop(h->family == 6 ? AF_INET6 : AF_INET, h->address, address, sizeof(address));
    if (h->prefix != (h->family == 6 ? 128 : 32))
        (void)snprintf(prefix, sizeof(prefix), "/%u", h->prefix);
    if (h->port)
        (void)snprintf(port, sizeof(port), " port %u", h->port);
    (void)snprintf(dst, size, "%s%s%s", address, prefix, port);
    return dst;
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

/* ---- exceptions ---- */

struct hosts {
    struct trn_cut_host v[TRN_ACT_HOSTS];
    uint32_t n;
};

static int hosts_of(const struct trn_act_request *q, struct hosts *ret, struct trn_err *err)
{
    if (q->n_hosts > TRN_ACT_HOSTS)
        return trn_fail(err, -E2BIG, "more than %u exceptions", TRN_ACT_HOSTS);
    for (uint32_t i = 0; i < q->n_hosts; i++) {
        const struct trn_act_host *h = &q->hosts[i];

        ret->v[i] = (struct trn_cut_host){.family = h->family, .prefix = h->prefix, .port = h->port};
        memcpy(ret->v[i].address, h->address, sizeof(h->address));
        if (!trn_cut_host_is_good(&ret->v[i]))
            return trn_fail(err, -EINVAL, "exception %u is no address", i + 1);
    }
    ret->n = q->n_hosts;
    return 0;
}

static bool is_excepted(const struct hosts *except, const struct trn_cut_host *one)
{
    for (uint32_t i = 0; i < except->n; i++) {
        if (trn_cut_host_has(&except->v[i], one))
            return true;
    }
    return false;
}

static bool all_excepted(const struct hosts *except)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(nobody); i++) {
        if (!is_excepted(except, &nobody[i]))
            return false;
    }
    return true;
}

/* ---- plan ---- */

static void plan_hosts(const struct trn_act_request *q, const struct hosts *except, struct trn_buf *plan)
{
    char words[80];
    bool names = false;

    for (uint32_t i = 0; i < except->n; i++) {
        trn_put_fmt(plan, "still reached: %s\n", host_words(&except->v[i], words, sizeof(words)));
        names = names || except->v[i].port == 53;
    }
    if (!names)
        trn_put_c(plan, "names are not asked for, unless a resolver is among what is still reached\n");
    trn_put_c(plan, q->flags & TRN_ACT_EXCEPT_ESTABLISHED
                        ? "connections that stand stay; new ones are refused\n"
                        : "connections that stand are reset, new ones refused, datagrams neither sent nor got\n");
}

static int plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                struct trn_err *err)
{
    struct hosts except;
    int r = hosts_of(q, &except, err);

    if (r == 0 && all_excepted(&except)) {
        r = trn_fail(err, -EINVAL, "nothing would be refused: every address is excepted");
        trn_hint(err, "name the hosts that it needs: --except HOST");
    }
    if (r == 0)
        trn_put_c(ret_plan, "cut off from the network:\n");
    if (r == 0)
        r = trn_marked_plan(t, q, ret_plan, err);
    if (r == 0)
        plan_hosts(q, &except, ret_plan);
    return r;
}

/* ---- act ---- */

static unsigned what_of(const struct trn_act_request *q)
{
    return TRN_CUT_NETWORK | (q->flags & TRN_ACT_EXCEPT_ESTABLISHED ? (unsigned)TRN_CUT_STANDING_STAYS : 0u);
}

static int carry_out(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *did, struct trn_err *err)
{
    struct hosts except;
    struct trn_marked *m = NULL;
    struct trn_err reset = {0};
    uint32_t ended = 0;
    int r = hosts_of(&a->q, &except, err);

    if (r == 0)
        r = trn_marked_set(t, a, what_of(&a->q), except.v, except.n, &m, err);
    if (!m)
        return r;
    a->live = m;
    if (!(a->q.flags & TRN_ACT_EXCEPT_ESTABLISHED))
        r = trn_cut_abort(t->cut, m->rule, &ended, &reset);
    if (!did)
        return 0;
    trn_put_fmt(did, "%u process%s and %u program%s cut off from the network", m->processes,
                m->processes == 1 ? "" : "es", m->programs, plural(m->programs));
    if (r < 0) /* not one packet of theirs passes, which is what was asked for; the peers are not told */
        trn_put_fmt(did, "; connections that stand are silent, but could not be reset (%s)", trn_errno_name(r));
    else if (ended > 0)
        trn_put_fmt(did, "; %u connection%s reset", ended, plural(ended));
    return 0;
}

static int act(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    return carry_out(t, a, ret_did, err);
}

static int resume(const struct trn_act_tools *t, struct trn_act *a, struct trn_err *err)
{
    return carry_out(t, a, NULL, err);
}

/* ---- check ---- */

/* What the child tries: to aim a datagram socket, which sends nothing, and a connection to ourselves. */
struct tries {
    struct trn_cut_host v[TRN_TRY_MAX];
    bool stream[TRN_TRY_MAX];
    bool refused[TRN_TRY_MAX]; /* what is expected */
    uint32_t n;
};

static int32_t aim(const struct trn_cut_host *h, bool stream)
{
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(h->port ? h->port : DISCARD)};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};
    int fd = socket(h->family == 6 ? AF_INET6 : AF_INET, (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0), r;

    if (fd < 0)
        return errno == EPERM ? EACCES : errno; /* not by us: it is the service that may not */
    memcpy(&four.sin_addr, h->address, 4);
    memcpy(&six.sin6_addr, h->address, 16);
    r = h->family == 6 ? connect(fd, (const struct sockaddr *)&six, sizeof(six))
                       : connect(fd, (const struct sockaddr *)&four, sizeof(four));
    r = r == 0 ? 0 : errno;
    (void)close(fd);
    return r;
}

static void try_all(const void *arg, int32_t results[TRN_TRY_MAX])
{
    const struct tries *w = arg;

    for (uint32_t i = 0; i < w->n; i++)
        results[i] = aim(&w->v[i], w->stream[i]);
}

static void add_try(struct tries *w, const struct trn_cut_host *h, bool stream, bool refused)
{
    if (w->n == TRN_TRY_MAX)
        return;
    w->v[w->n] = *h;
    w->stream[w->n] = stream;
    w->refused[w->n++] = refused;
}

static void choose(const struct hosts *except, struct tries *w)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(nobody); i++) {
        if (is_excepted(except, &nobody[i]))
            continue;
        add_try(w, &nobody[i], false, true);
        if (i == 0)
            add_try(w, &nobody[i], true, true);
    }
    for (uint32_t i = 0; i < TRN_MIN(except->n, 2u); i++)
        add_try(w, &except->v[i], false, false);
}

/* 0 when all went as it must. could: something was tried at all. */
static int judge(const struct tries *w, const int32_t *results, bool *ret_could, struct trn_err *err)
{
    char words[80];

    *ret_could = false;
    for (uint32_t i = 0; i < w->n; i++) {
        bool none = results[i] == EAFNOSUPPORT || results[i] == EACCES || results[i] == EPROTONOSUPPORT;

        if (none)
            continue;
        *ret_could = true;
        if (w->refused[i] && results[i] != EPERM)
            return trn_fail(err, -EPROTO, "it does not hold: a marked process is let through to %s (%s)",
                            host_words(&w->v[i], words, sizeof(words)), trn_errno_name(-results[i]));
        if (!w->refused[i] && results[i] == EPERM)
            return trn_fail(err, -EPROTO, "it holds too much: %s is excepted, and a marked process is refused it",
                            host_words(&w->v[i], words, sizeof(words)));
    }
    return 0;
}

static int check(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_seen, struct trn_err *err)
{
    struct trn_marked *m = a->live;
    int32_t results[TRN_TRY_MAX] = {0};
    struct trn_cut_counts before = {0}, after = {0};
    struct tries w = {.n = 0};
    struct hosts except = {.n = 0};
    const char *trouble = trn_cut_trouble(t->cut);
    bool could = false;
    int r = hosts_of(&a->q, &except, err);

    if (r < 0)
        return r;
    if (trouble)
        return trn_fail(err, -EPROTO, "it does not hold: a hook of it was %s", trouble);
    choose(&except, &w);
    trn_cut_counts(t->cut, &before);
    r = trn_marked_try(t, m->rule, try_all, &w, results, err);
    if (r == 0)
        r = judge(&w, results, &could, err);
    if (r < 0)
        return r;
    trn_cut_counts(t->cut, &after);
    const uint64_t others = before.refused[m->rule] - TRN_MIN(before.refused[m->rule], m->own);
    m->own += after.refused[m->rule] - before.refused[m->rule];
    if (!could)
        trn_put_fmt(ret_seen, "its hooks are in place (it could not be tried: a socket of our own is refused)");
    else
        trn_put_fmt(ret_seen, "a process with the mark got EPERM%s",
                    except.n ? ", and was let through to what is excepted" : "");
    if (others > 0)
        trn_put_fmt(ret_seen, "; %llu attempt%s of the software refused so far", (unsigned long long)others,
                    others == 1 ? "" : "s");
    if (after.unmarked > 0)
        trn_put_fmt(ret_seen, "; %llu processes could not be marked", (unsigned long long)after.unmarked);
    return 0;
}

/* ---- undo ---- */

static int undo(const struct trn_act_tools *t, struct trn_act *a, struct trn_buf *ret_did, struct trn_err *err)
{
    struct trn_cut_counts counts = {0};
    const struct trn_marked *m = a->live;

    (void)err;
    if (m)
        trn_cut_counts(t->cut, &counts);
    trn_put_fmt(ret_did, "the network is open to it again");
    if (m && counts.refused[m->rule] > m->own)
        trn_put_fmt(ret_did, "; %llu attempts had been refused",
                    (unsigned long long)(counts.refused[m->rule] - m->own));
    a->live = trn_marked_clear(t, a->live);
    return 0;
}

static void done(struct trn_act *a)
{
    free(a->live);
    a->live = NULL;
}

const struct trn_act_ops trn_act_isolate = {
    .kind = TRN_RESPOND_ISOLATE,
    .survives = true,
    .plan = plan,
    .act = act,
    .check = check,
    .undo = undo,
    .resume = resume,
    .done = done,
};
