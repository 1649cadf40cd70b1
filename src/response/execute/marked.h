/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: what isolate and shield share: acts that hold by a mark on processes and programs. */
#ifndef TRN_RESPONSE_EXECUTE_MARKED_H
#define TRN_RESPONSE_EXECUTE_MARKED_H

#include "response/execute/execute.h"

struct trn_marked_program {
    uint64_t ino, ctime_ns;
};

/* Of one action, as long as turncoatd lives. */
struct trn_marked {
    uint32_t rule;
    uint32_t processes, programs; /* when it was set */
    uint64_t own;                 /* refusals that were turncoatd's own tries */
};

/* The lines about who is meant. -ESRCH when there is nobody, -EPERM when one of them is vital. */
int trn_marked_plan(const struct trn_act_tools *t, const struct trn_act_request *q, struct trn_buf *ret_plan,
                    struct trn_err *err) TRN_MUST_CHECK;
/* The rule, its processes and programs, all or nothing; what a restart needs goes to a->keep. Processes first: the
 * programs take a look at files. */
int trn_marked_set(const struct trn_act_tools *t, struct trn_act *a, unsigned what, const struct trn_cut_host *except,
                   size_t n, struct trn_marked **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_marked *trn_marked_clear(const struct trn_act_tools *t, struct trn_marked *m); /* takes NULL */

/* What a->keep says; false: nothing, or nothing that we wrote. Separate for its test. */
struct trn_marked_keep {
    uint64_t set_boot_ns; /* a later one than now: the machine was started again */
    uint32_t n;
    struct trn_marked_program programs[];
};
void trn_marked_put_keep(uint64_t set_boot_ns, const struct trn_marked_program *v, uint32_t n, struct trn_buf *out);
int trn_marked_read_keep(struct trn_str keep, struct trn_marked_keep **ret) TRN_MUST_CHECK; /* to be freed */

/* ---- marked_try.c ---- */

#define TRN_TRY_MAX 8u
/* Runs in a child that has only system calls and one descriptor for its answers; results: 0 or an errno each. */
typedef void (*trn_try_fn)(const void *arg, int32_t results[TRN_TRY_MAX]);
/* A child of ours, in the scope, with the mark of this rule (0: without), does it. -ETIME: it did not answer. */
int trn_marked_try(const struct trn_act_tools *t, uint32_t rule, trn_try_fn does, const void *arg,
                   int32_t ret_results[TRN_TRY_MAX], struct trn_err *err) TRN_MUST_CHECK;

#endif
