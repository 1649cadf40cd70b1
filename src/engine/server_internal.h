/* SPDX-License-Identifier: Apache-2.0 */
/* Between server.c (sockets, threads) and requests.c (what is asked). */
#ifndef TRN_ENGINE_SERVER_INTERNAL_H
#define TRN_ENGINE_SERVER_INTERNAL_H

#include "channel/channel.h"
#include "engine/server.h"

#include <jansson.h>

struct trn_request_client {
    int fd;             /* its socket, for what turncoatd must see itself */
    uint32_t uid, pid;  /* who it is, as the kernel says */
    bool may_act;       /* root, or in the group that may respond */
    bool watch, events; /* set by {"ask":"watch"} */
    struct trn_buf *out;
};

struct trn_request_env {
    const char *store_path;
    struct trn_store *store; /* reading handle, opened when first needed */
    struct trn_writer *writer;
    /* Asks the main thread; 0 or -ETIMEDOUT. */
    int (*live)(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out);
    void *ctx;
    int acts_fd; /* to turncoatd; 0: none */
    uint64_t acts;
    const struct trn_evidence_key *key; /* NULL: bundles cannot be signed; key_why says why */
    const char *key_why;
    uint8_t host_id[16];
};

/* acts.c: what turncoatd must do. */
int trn_acts_send(struct trn_request_env *env, uint16_t type, struct trn_str body, int client_fd) TRN_MUST_CHECK;
/* The body of that job's answer, in buf (TRN_IPC_MAX bytes). -ETIMEDOUT; what is no answer is -EPROTO. */
int trn_acts_wait(struct trn_request_env *env, uint16_t type, uint64_t job, unsigned ms, char *buf,
                  struct trn_cursor *ret) TRN_MUST_CHECK;
void trn_answer_refused(struct trn_buf *out, int code, struct trn_str message, struct trn_str hint);
void trn_ask_filter(struct trn_request_env *env, const struct trn_request_client *client,
                    const struct trn_filter_request *q);
/* respond.c: acts of response, and orders about them. */
void trn_ask_respond(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request);
/* exceptions.c: adding one, taking one back. */
void trn_ask_exception(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request);
/* brought.c: what the gate found in an update. */
void trn_ask_brought(struct trn_request_env *env, const struct trn_request_client *client, const json_t *request);
/* bundle.c: one story as a signed evidence bundle. */
void trn_ask_bundle(struct trn_request_env *env, const json_t *request, struct trn_buf *out);
/* requests.c */
struct trn_str trn_request_text(const json_t *request, const char *name); /* absent: there is no such text */
uint64_t trn_request_number(const json_t *request, const char *name);     /* 0: absent, or no number from 1 on */
void trn_answer_error(struct trn_buf *out, int code, const char *message, const char *hint);
bool trn_request_store(struct trn_request_env *env, struct trn_buf *out); /* env->store, or an error is the answer */

/* One line in, whole answer lines appended to client->out. Never fails: errors are answers. */
void trn_request(struct trn_request_env *env, struct trn_request_client *client, struct trn_str line);

#endif
