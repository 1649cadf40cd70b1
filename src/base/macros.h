/* SPDX-License-Identifier: Apache-2.0 */
/* Language helpers that every room uses: ownership, attributes, small arithmetic. */
#ifndef TRN_BASE_MACROS_H
#define TRN_BASE_MACROS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define TRN_MUST_CHECK __attribute__((warn_unused_result))
#define TRN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define TRN_UNUSED __attribute__((unused))
#define TRN_NORETURN __attribute__((noreturn))

#define TRN_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define TRN_MIN(a, b) ((a) < (b) ? (a) : (b))
#define TRN_MAX(a, b) ((a) > (b) ? (a) : (b))
#define TRN_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Frees (or closes) a local variable when it leaves scope: TRN_AUTO(trn_fd_closep) int fd = -1; */
#define TRN_AUTO(fn) __attribute__((cleanup(fn)))

/* Hands a pointer on and leaves NULL behind, so that TRN_AUTO does not free it: return TRN_STEAL(p); */
#define TRN_STEAL(p)                    \
    ({                                  \
        __typeof__(p) trn_taken_ = (p); \
        (p) = NULL;                     \
        trn_taken_;                     \
    })

#define TRN_NS_PER_SEC 1000000000ull
#define TRN_NS_PER_MS 1000000ull

static inline void trn_freep(void *p)
{
    free(*(void **)p);
}

#endif
