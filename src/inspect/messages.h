/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the wire form of jobs and results, for server.c and worker.c. */
#ifndef TRN_INSPECT_MESSAGES_H
#define TRN_INSPECT_MESSAGES_H

#include "inspect/inspect.h"

#define TRN_INSPECT_BODY_MAX (TRN_IPC_MAX - 64u) /* room for the header of the message */
#define TRN_INSPECT_NAME_MAX 255u
#define TRN_INSPECT_TEXT_MAX 4096u /* bytes of one text; longer ones are left out by the worker */

/* One received job. *ret_fd is the caller's. Views borrow from the message. 0 or -EPROTO. */
int trn_job_decode(struct trn_msg *m, struct trn_job *ret, int *ret_fd) TRN_MUST_CHECK;

/* Bodies of single messages. */
void trn_inspect_put_facts(struct trn_buf *b, uint64_t job, const struct trn_file_facts *f);
void trn_inspect_put_software(struct trn_buf *b, uint64_t job, const struct trn_software *s);
void trn_inspect_put_bad_line(struct trn_buf *b, uint64_t job, uint64_t line, struct trn_str why);
void trn_inspect_put_evidence(struct trn_buf *b, uint64_t job, const struct trn_evidence_facts *f);
void trn_inspect_put_policy(struct trn_buf *b, uint64_t job, const struct trn_policy *p);
void trn_inspect_put_accept(struct trn_buf *b, uint64_t job, const struct trn_accept_list *a);
void trn_inspect_put_end(struct trn_buf *b, uint64_t job, int code, struct trn_str message);

/* Items of batches; the body of a batch is u64 job, u32 count, items. */
void trn_inspect_put_package(struct trn_buf *b, uint32_t index, const struct trn_package *p);
void trn_inspect_put_file(struct trn_buf *b, uint32_t package, struct trn_str path, const uint8_t *md5);
void trn_inspect_put_indicator(struct trn_buf *b, const struct trn_indicator *i);

/* May a job of this kind send a message of this type? */
bool trn_inspect_allowed(enum trn_job_kind kind, uint16_t type);

#endif
