/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: asking turncoatd to do something for a client, and waiting for its answer. Runs in the serving thread.
 * Must not own: whether the client may: turncoatd looks at the client's own socket, which goes with the
 * message, and decides again.
 */
#include "engine/server_internal.h"

#include <poll.h>
#include <stdio.h>

#define FILTER_MS 3000

int trn_acts_send(struct trn_request_env *env, uint16_t type, struct trn_str body, int client_fd)
{
    return trn_ipc_send(env->acts_fd, type, body, &client_fd, client_fd >= 0 ? 1 : 0);
}

/* An answer to an older question, which nobody waits for any more, is passed over. */
int trn_acts_wait(struct trn_request_env *env, uint16_t type, uint64_t job, unsigned ms, char *buf,
                  struct trn_cursor *ret)
{
    uint64_t until = trn_mono_ns() + ms * TRN_NS_PER_MS;
    for (uint64_t now; (now = trn_mono_ns()) < until;) {
        struct pollfd p = {.fd = env->acts_fd, .events = POLLIN};
        struct trn_msg m;
        if (poll(&p, 1, (int)((until - now) / TRN_NS_PER_MS) + 1) <= 0)
            continue;
        int r = trn_ipc_recv(env->acts_fd, buf, TRN_IPC_MAX, &m);
        if (r < 0)
            return r;
        struct trn_cursor body = m.body, first = m.body; /* every answer begins with its job */
        bool known = m.n_fds == 0 && (m.type == TRN_CH_FILTERED || m.type == TRN_CH_ACTED);
        uint16_t got = m.type;
        trn_msg_done(&m); /* the bytes stay in buf */
        uint64_t of = trn_cur_u64le(&first);
        if (!known || first.bad || (of == job && got != type))
            return -EPROTO;
        if (of != job)
            continue;
        *ret = body;
        return 0;
    }
    return -ETIMEDOUT;
}

void trn_answer_refused(struct trn_buf *out, int code, struct trn_str message, struct trn_str hint)
{
    char text[1100], more[1100];
    snprintf(text, sizeof text, "%.*s", TRN_STR_ARG(message));
    snprintf(more, sizeof more, "%.*s", TRN_STR_ARG(hint));
    trn_answer_error(out, code, text, more);
}

/* ---- filters ---- */

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
        r = trn_acts_send(env, TRN_CH_FILTER, trn_buf_str(&b), client->fd);
    trn_buf_done(&b);
    return r;
}

void trn_ask_filter(struct trn_request_env *env, const struct trn_request_client *client,
                    const struct trn_filter_request *q)
{
    struct trn_filter_request own = *q;
    struct trn_filter_answer a = {0};
    struct trn_cursor in;
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
        r = trn_acts_wait(env, TRN_CH_FILTERED, own.job, FILTER_MS, buf, &in);
    if (r == 0)
        r = trn_filter_answer_decode(&in, &a);
    if (r < 0)
        trn_answer_error(client->out, r, "turncoatd did not answer", "try again");
    else if (a.code < 0)
        trn_answer_refused(client->out, a.code, a.message, a.hint);
    else
        trn_put_c(client->out, "{\"type\":\"end\"}\n");
}
