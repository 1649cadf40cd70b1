/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live engine: everything between what turncoatd handed over and what people see. One main
 * thread; the store and the local socket have threads of their own.
 */
#ifndef TRN_ENGINE_PIPELINE_H
#define TRN_ENGINE_PIPELINE_H

#include "base/base.h"

struct trn_pipeline_options {
    size_t sz;
    int control_fd;         /* taken over; turncoatd speaks first */
    const char *state_dir;  /* borrowed */
    bool stories_to_stdout; /* JSON lines, for the journal */
    struct trn_str users; /* borrowed: lines NAME:X:UID:..., so that who makes an exception has a name; may be absent */
};

/* Receives the hand-over, runs until turncoatd closes the control socket or *stop becomes true,
 * writes what is pending, returns 0 or a negative errno with err filled. */
int trn_pipeline_run(const struct trn_pipeline_options *o, const volatile int *stop, struct trn_err *err)
    TRN_MUST_CHECK;

#endif
