/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what comes from turncoatd on the respond socket: each step of each action, told to the recorder as an event like
 * any other, so that it stands in the log and in the story. Must not own: what is to be done (plan.c).
 */
#include "engine/pipeline_internal.h"

#define MESSAGES_A_ROUND 64

static int on_action(struct trn_pipeline *p, struct trn_msg *m)
{
    struct trn_event ev;
    if (trn_event_decode(&m->body, &ev) < 0 || !trn_cur_end(&m->body) || ev.type != TRN_EV_RESPONSE)
        return -EPROTO;
    return trn_recorder_tell(p->recorder, &ev);
}

int trn_pipe_actions(struct trn_pipeline *p)
{
    for (int i = 0; i < MESSAGES_A_ROUND; i++) {
        struct trn_msg m;
        int r = trn_ipc_recv(p->respond_fd, p->receive, sizeof p->receive, &m);
        if (r < 0)
            return r == -EAGAIN ? 0 : r;
        if (m.n_fds)
            r = -EPROTO;
        else if (m.type == TRN_CH_ACTION)
            r = on_action(p, &m);
        else if (m.type == TRN_CH_ACTED)
            r = trn_pipe_acted(p, &m);
        else if (m.type == TRN_CH_HELD)
            r = trn_pipe_held(p, &m);
        else
            r = -EPROTO;
        trn_msg_done(&m);
        if (r < 0)
            return r;
    }
    return 0;
}
