/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: getting the BPF programs past this kernel's verifier. */
#ifndef TRN_SENSOR_LOAD_H
#define TRN_SENSOR_LOAD_H

#include "sensor/sensor.h"

#define TRN_PROGRAMS_MAX 64u

struct bpf_program;
struct btf;
struct trn_bpf;

/* One program and its row in the hook table. */
struct trn_hook_spec {
    const char *program, *name, *gives;
    bool needs_cgroup;
};

struct trn_load {
    const struct trn_hook_spec *specs;
    size_t n;
    struct trn_sensor_hook *hooks; /* of the specs; what cannot be loaded gets its reason */
    /* Opens one of the two objects with its settings, for loading. */
    struct trn_bpf *(*open)(void *ctx, bool compat);
    /* The program of a row; NULL when it has none on this kernel, and its hook says why. */
    struct bpf_program *(*program_of)(void *ctx, const struct trn_bpf *bpf, size_t row);
    void *ctx;
    bool compat; /* in: take the second object; out: it was taken */
};

/* lacks.c: what the program needs and this kernel does not have at all, in words. */
bool trn_kernel_lacks(const struct btf *kernel, const struct bpf_program *p, char *ret_why, size_t size);

/* Whether this kernel lacks a helper that the first object cannot do without. */
bool trn_load_needs_compat(void);

/* Loads all programs that this kernel takes. Fails only when there can be none at all. */
int trn_load(struct trn_load *l, struct trn_bpf **ret, struct trn_err *err) TRN_MUST_CHECK;

#endif
