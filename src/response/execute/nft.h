/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the room only: nftables by netlink (libmnl), as much of it as "isolate host" needs. A batch is one message to
 * the kernel: it takes all of it or nothing. A table with an owner dies with the socket that made it, whatever happens to
 * the process that holds the socket.
 */
#ifndef TRN_RESPONSE_EXECUTE_NFT_H
#define TRN_RESPONSE_EXECUTE_NFT_H

#include "base/base.h"

#define TRN_NFT_BATCH_MAX (1u << 20)
#define TRN_NFT_MESSAGES_MAX 1024u
#define TRN_NFT_ANSWER_MAX 16384u

/* ---- a batch: messages one behind the other, all of one table of family inet ---- */
struct trn_nft_batch {
    struct trn_nft_batch_memory *m; /* owned */
    const char *table;              /* borrowed, as are all names */
    uint32_t n_messages;
    bool bad; /* too large, out of memory, or used wrongly; sticky */
};

enum trn_nft_hook { TRN_NFT_INPUT, TRN_NFT_FORWARD, TRN_NFT_OUTPUT, TRN_NFT_POSTROUTING };
enum trn_nft_verdict { TRN_NFT_DROP, TRN_NFT_ACCEPT, TRN_NFT_GOTO };
enum trn_nft_meta { TRN_NFT_FAMILY, TRN_NFT_PROTOCOL, TRN_NFT_IN_TYPE, TRN_NFT_OUT_TYPE };
enum trn_nft_base { TRN_NFT_NETWORK, TRN_NFT_TRANSPORT };

struct trn_nft_field { /* bytes of a header */
    enum trn_nft_base base;
    uint8_t offset, len; /* len at most 16 */
    bool differs;        /* matches when they are not value */
};

int trn_nft_batch_init(struct trn_nft_batch *b, const char *table) TRN_MUST_CHECK;
void trn_nft_batch_done(struct trn_nft_batch *b);
/* The bytes, closed by the end of the batch. -E2BIG when something did not fit. */
int trn_nft_batch_close(struct trn_nft_batch *b, struct trn_str *ret) TRN_MUST_CHECK;
/* What the message with this number (from 1) is, for errors: "rule 'loopback' of chain 'input'". */
const char *trn_nft_batch_name(const struct trn_nft_batch *b, uint32_t sequence, char *dst, size_t size);

void trn_nft_put_table(struct trn_nft_batch *b, bool owner); /* must not be there yet */
void trn_nft_put_counter(struct trn_nft_batch *b, const char *name);
void trn_nft_put_chain(struct trn_nft_batch *b, const char *name);
void trn_nft_put_base_chain(struct trn_nft_batch *b, const char *name, enum trn_nft_hook hook, int32_t priority);
/* A set of families whose elements the kernel itself drops after so many milliseconds (0: never). */
void trn_nft_put_family_set(struct trn_nft_batch *b, const char *name);
void trn_nft_put_family(struct trn_nft_batch *b, const char *set, uint8_t family, uint64_t timeout_ms);
void trn_nft_delete_family(struct trn_nft_batch *b, const char *set, uint8_t family);

/* One rule: begin, conditions, what happens, end. name: for errors. */
void trn_nft_rule_begin(struct trn_nft_batch *b, const char *chain, const char *name);
void trn_nft_rule_meta(struct trn_nft_batch *b, enum trn_nft_meta what, uint16_t value);
/* mask NULL: all bits. value and mask as on the wire. */
void trn_nft_rule_field(struct trn_nft_batch *b, struct trn_nft_field field, const void *value, const void *mask);
void trn_nft_rule_family_in(struct trn_nft_batch *b, const char *set, bool differs);
void trn_nft_rule_count(struct trn_nft_batch *b, const char *counter);
void trn_nft_rule_verdict(struct trn_nft_batch *b, enum trn_nft_verdict v, const char *chain);
void trn_nft_rule_end(struct trn_nft_batch *b);

/* ---- nft_socket.c: the kernel ---- */
struct trn_nft; /* a socket; what it owns dies with it */

int trn_nft_open(struct trn_nft **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_nft *trn_nft_close(struct trn_nft *n); /* takes NULL, returns NULL */
/* 0: all of it is done. Otherwise nothing is, and err names what was refused. */
int trn_nft_commit(struct trn_nft *n, struct trn_nft_batch *b, struct trn_err *err) TRN_MUST_CHECK;

struct trn_nft_table {
    bool there;
    uint32_t owner; /* netlink's number of the socket that owns it; 0: nobody */
    bool own;       /* that is n */
};
int trn_nft_find_table(struct trn_nft *n, const char *table, struct trn_nft_table *ret, struct trn_err *err)
    TRN_MUST_CHECK;
int trn_nft_read_counter(struct trn_nft *n, const char *table, const char *counter, uint64_t *ret_packets,
                         struct trn_err *err) TRN_MUST_CHECK;

/* ---- nft_answer.c: what the kernel answers, bounded; pure ---- */
struct trn_nft_answer {
    uint16_t type; /* of the message; NLMSG_ERROR: code counts */
    uint32_t sequence;
    int32_t code;        /* 0: done; or a negative errno */
    struct trn_str note; /* the kernel's own words, if any; view */
    struct trn_str name; /* of the table or object; view; absent */
    uint32_t flags, owner;
    uint64_t packets;
    bool has_packets;
};
/* The next message of a datagram. 0; -ENODATA at its end; -EBADMSG. */
int trn_nft_answer_next(struct trn_cursor *datagram, struct trn_nft_answer *ret) TRN_MUST_CHECK;

#endif
