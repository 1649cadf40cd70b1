/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the three sandbox files; nobody else includes it. */
#ifndef TRN_BASE_SANDBOX_INTERNAL_H
#define TRN_BASE_SANDBOX_INTERNAL_H

#include "base/sandbox.h"

/* A sanitizer reads /proc, maps memory and traces itself for its leak check. So in its builds (never
 * in a release) file reads, clone and ptrace are let through and memory is not limited. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TRN_SANDBOX_RELAXED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#define TRN_SANDBOX_RELAXED 1
#endif
#endif
#ifndef TRN_SANDBOX_RELAXED
#define TRN_SANDBOX_RELAXED 0
#endif

/* 0 and the ABI (0: kernel has none, nothing was done); allow_signals: may signal outside itself. */
int trn_landlock_enter(const char *state_dir, bool allow_signals, int *ret_abi, struct trn_err *err) TRN_MUST_CHECK;
/* 0; -ENOSYS when the kernel has no seccomp filter. */
int trn_seccomp_enter(enum trn_sandbox_profile profile, struct trn_err *err) TRN_MUST_CHECK;

#endif
