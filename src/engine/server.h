/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local socket: one JSON object per line, both ways (docs/local-socket.md). A thread of its own;
 * what it needs of the live engine it asks the main thread for, what is stored it reads itself.
 * A watcher that reads too slowly loses lines, counted; it never slows the engine.
 */
#ifndef TRN_ENGINE_SERVER_H
#define TRN_ENGINE_SERVER_H

#include "engine/writer.h"
#include "event/event.h"

struct trn_evidence_key;
struct trn_server;

struct trn_server_options {
    size_t sz;
    int listen_fd;                      /* taken over on success */
    const char *store_path;             /* borrowed */
    struct trn_writer *writer;          /* borrowed; for closing stories */
    int acts_fd;                        /* taken over on success; to turncoatd, for what it must do; 0: none */
    uint32_t respond_gid;               /* who may change something; TRN_NO_U32: only root */
    const struct trn_evidence_key *key; /* borrowed; signs evidence bundles; NULL: key_why (borrowed) says why not */
    const char *key_why;
    uint8_t host_id[16];
};

int trn_server_new(const struct trn_server_options *o, struct trn_server **ret) TRN_MUST_CHECK;
struct trn_server *trn_server_free(struct trn_server *s);

enum trn_ask {
    TRN_ASK_STATUS,
    TRN_ASK_SOFTWARE,
    TRN_ASK_PROCESSES,
    TRN_ASK_FILTERS,
    TRN_ASK_EXCEPTIONS,
    TRN_ASK_EXCEPTION,
    TRN_ASK_DECIDE,
    TRN_ASK_RESPOND,
    TRN_ASK_OWNER, /* of a file: name is its path */
};
/* Called in the main thread by trn_server_serve: append whole lines to out. name may be absent; for TRN_ASK_EXCEPTION it is
 * an encoded EXCEPTION event, and the last line (end or error) is appended too; for
 * TRN_ASK_DECIDE a DECISION or BROUGHT event, for TRN_ASK_RESPOND an encoded struct trn_act_request, and out gets what respond.c reads,
 * no lines. What answers must not tell watchers yet: the server's lock is held. */
typedef void trn_ask_fn(void *ctx, enum trn_ask ask, struct trn_str name, struct trn_buf *out);
int trn_server_ask_fd(const struct trn_server *s); /* readable when something is asked */
void trn_server_serve(struct trn_server *s, trn_ask_fn *fn, void *ctx);

/* To all watchers: a whole line, without its end. event: only to those who asked for events. */
void trn_server_tell(struct trn_server *s, struct trn_str line, bool event);
bool trn_server_wants_events(struct trn_server *s);
uint64_t trn_server_dropped(struct trn_server *s);

#endif
