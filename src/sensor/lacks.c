/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: says what a BPF program needs and this kernel does not have: a tracepoint, function, hook or
 * iterator to attach to, or a helper to call. Asks the kernel's own BTF, loads nothing.
 */
#include "sensor/load.h"

#include <stdio.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

/* Where a section's name stands for a type of the kernel's BTF. */
static const struct {
    const char *section, *prefix, *what;
    uint32_t kind;
} targets[] = {
    {"tp_btf/", "btf_trace_", "tracepoint", BTF_KIND_TYPEDEF},
    {"fentry/", "", "function", BTF_KIND_FUNC},
    {"fexit/", "", "function", BTF_KIND_FUNC},
    {"lsm/", "bpf_lsm_", "security hook", BTF_KIND_FUNC},
    {"iter/", "bpf_iter_", "iterator", BTF_KIND_FUNC},
    {"iter.s/", "bpf_iter_", "iterator", BTF_KIND_FUNC},
};

static bool lacks_target(const struct btf *kernel, const struct bpf_program *p, char *ret_why, size_t size)
{
    const char *section = bpf_program__section_name(p);
    char type[160];

    section += *section == '?'; /* loaded only when it is chosen */
    for (size_t k = 0; k < TRN_ARRAY_SIZE(targets); k++) {
        size_t n = strlen(targets[k].section);

        if (strncmp(section, targets[k].section, n) != 0)
            continue;
        (void)snprintf(type, sizeof(type), "%s%s", targets[k].prefix, section + n);
        if (btf__find_by_name_kind(kernel, type, targets[k].kind) >= 0)
            return false;
        (void)snprintf(ret_why, size, "this kernel has no %s '%s'", targets[k].what, section + n);
        return true;
    }
    return false;
}

/* One more than the last helper that this kernel has; 0: it does not say. */
static int32_t helpers_end(const struct btf *kernel)
{
    int id = btf__find_by_name_kind(kernel, "bpf_func_id", BTF_KIND_ENUM);
    const struct btf_type *t = id > 0 ? btf__type_by_id(kernel, (uint32_t)id) : NULL;
    const struct btf_enum *e = t ? btf_enum(t) : NULL;

    for (unsigned i = 0; t && i < btf_vlen(t); i++) {
        if (strcmp(btf__name_by_offset(kernel, e[i].name_off), "__BPF_FUNC_MAX_ID") == 0)
            return e[i].val;
    }
    return 0;
}

static const char *helper_name(int32_t id)
{
#define HELPER_NAME(name) [BPF_FUNC_##name] = "bpf_" #name
    static const char *const names[] = {__BPF_FUNC_MAPPER(HELPER_NAME)};
#undef HELPER_NAME

    /* cppcheck-suppress arrayIndexOutOfBoundsCond ; it does not know the kernel's macro, and sees one name */
    return id > 0 && (size_t)id < TRN_ARRAY_SIZE(names) && names[id] ? names[id] : "of a later kernel";
}

/* No program has a helper in a branch that is never taken; what functions of its own call is left to the verifier. */
static bool lacks_helper(const struct btf *kernel, const struct bpf_program *p, char *ret_why, size_t size)
{
    const struct bpf_insn *in = bpf_program__insns(p);
    int32_t end = helpers_end(kernel);

    for (size_t i = 0; end > 0 && i < bpf_program__insn_cnt(p); i++) {
        if (in[i].code != (BPF_JMP | BPF_CALL) || in[i].src_reg != 0 || in[i].imm < end)
            continue;
        (void)snprintf(ret_why, size, "this kernel has no helper '%s'", helper_name(in[i].imm));
        return true;
    }
    return false;
}

bool trn_kernel_lacks(const struct btf *kernel, const struct bpf_program *p, char *ret_why, size_t size)
{
    return lacks_target(kernel, p, ret_why, size) || lacks_helper(kernel, p, ret_why, size);
}
