/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: asking turncoatd to act for a client, and waiting for its answer. Runs in the serving thread.
 * Must not own: whether the client may: turncoatd looks at the client's own socket, which goes with the
 * message, and decides again.
 */
#include "engine/server_internal.h"

#include <poll.h>
#include <stdio.h>

#define ANSWER_MS 3000

static int send_filter(struct trn_request_env *env, const struct trn_request_client *client,
                       const struct trn_filter_request *q)
{
    struct trn_buf b;
    trn_buf_init(&b, 16384);
    trn_filter_encode(q, &b);
    /* What turncoatd would take for an attack must not leave: it would end the connection of all. */
    struct trn_filter_request again;
    struct trn_cursor own = trn_cur_of(trn_buf_str(&b));
    int r = b.bad || trn_filter_decode(&own, &again) < 0 ? -EINVAL : 0;
    if (r == 0)
        r = trn_ipc_send(env->acts_fd, TRN_CH_FILTER, trn_buf_str(&b), &client->fd, 1);
    trn_buf_done(&b);
    return r;
}

/* An answer to an older question, which nobody waits for any more, is passed over. */
static int read_answer(struct trn_request_env *env, uint64_t job, char *buf, struct trn_filter_answer *ret)
{
    uint64_t until = trn_mono_ns() + ANSWER_MS * TRN_NS_PER_MS;
    for (uint64_t now; (now = trn_mono_ns()) < until;) {
        struct pollfd p = {.fd = env->acts_fd, .events = POLLIN};
        struct trn_msg m;
        if (poll(&p, 1, (int)((until - now) / TRN_NS_PER_MS) + 1) <= 0)
            continue;
        int r = trn_ipc_recv(env->acts_fd, buf, TRN_IPC_MAX, &m);
        if (r < 0)
            return r;
        r = m.type == TRN_CH_FILTERED && m.n_fds == 0 ? trn_filter_answer_decode(&m.body, ret) : -EPROTO;
        trn_msg_done(&m); /* the texts stay in buf */
        if (r < 0 || ret->job == job)
            return r;
    }
    return -ETIMEDOUT;
}

void trn_ask_filter(struct trn_request_env *env, const struct trn_request_client *client,
                    const struct trn_filter_request *q)
{
    struct trn_filter_request own = *q;
    struct trn_filter_answer a = {0};
    TRN_AUTO(trn_freep) char *buf = malloc(TRN_IPC_MAX);
    own.job = ++env->acts;
    if (!buf || env->acts_fd <= 0) {
        trn_answer_error(client->out, -ENOTSUP, "turncoatd cannot be asked", "");
        return;
    }
    int r = send_filter(env, client, &own);
    if (r == -EINVAL) {
        trn_answer_error(client->out, r,
                         "a filter needs an absolute path or a process id, and a reason of 3 to 200 characters",
                         "turncoat filter add --program PATH --why TEXT");
        return;
    }
    if (r == 0)
        r = read_answer(env, own.job, buf, &a);
    if (r < 0) {
        trn_answer_error(client->out, r, "turncoatd did not answer", "try again");
        return;
    }
    if (a.code < 0) {
        char message[1100], hint[1100];
        snprintf(message, sizeof message, "%.*s", TRN_STR_ARG(a.message));
        snprintf(hint, sizeof hint, "%.*s", TRN_STR_ARG(a.hint));
        trn_answer_error(client->out, a.code, message, hint);
        return;
    }
    trn_put_c(client->out, "{\"type\":\"end\"}\n");
}
