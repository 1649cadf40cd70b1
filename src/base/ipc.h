/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between our processes: SOCK_SEQPACKET, one message a packet, typed, versioned,
 * length-checked, optionally with descriptors. Each side treats the other as hostile: unknown
 * version, type out of range, wrong length or left-over bytes end the connection (the caller counts).
 */
#ifndef TRN_BASE_IPC_H
#define TRN_BASE_IPC_H

#include "base/buf.h"
#include "base/cursor.h"
#include "base/err.h"

#define TRN_IPC_MAGIC 0x54524e31u /* "TRN1": bumped with any change of any message */
#define TRN_IPC_MAX 65536u        /* bytes a message, header included */
#define TRN_IPC_FDS 16u           /* descriptors a message */

struct trn_msg {
    uint16_t type;
    struct trn_cursor body; /* view into the caller's receive buffer */
    int fds[TRN_IPC_FDS];   /* owned by the receiver; trn_msg_done closes what was not taken (-1) */
    unsigned n_fds;
};

/* A connected pair, close-on-exec, with buffers of at least sndbuf bytes (0: default). */
int trn_ipc_pair(int ret_fds[2], int sndbuf) TRN_MUST_CHECK;
/* Sends header + body (+ fds, borrowed). Blocks unless the socket is non-blocking (-EAGAIN). */
int trn_ipc_send(int sock, uint16_t type, struct trn_str body, const int *fds, unsigned n_fds) TRN_MUST_CHECK;
/* Receives into buf (at least TRN_IPC_MAX bytes). 0; -EAGAIN; -ECONNRESET at end of stream;
 * -EPROTO for a malformed header (descriptors are closed). *ret needs trn_msg_done. */
int trn_ipc_recv(int sock, void *buf, size_t size, struct trn_msg *ret) TRN_MUST_CHECK;
void trn_msg_done(struct trn_msg *m);
int trn_msg_take_fd(struct trn_msg *m, unsigned i); /* the descriptor, now the caller's; -1 when none */

#endif
