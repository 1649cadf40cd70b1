/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: decides which of the two programs of access.bpf.c this kernel can have, and finds mem_rw() for the one that
 * needs it. Must not load anything: loader.c does.
 *
 *   fexit offered ──> on_access_check      else, from 6.14 on ──> on_memory      else: off, with the reason
 */
#include "sensor/hook.h"
#include "sensor/loader.h"

#include <inttypes.h>
#include <stdio.h>

#include <bpf/btf.h>

#define MEMORY_ARGS 4 /* context, map, write, success; before 6.14 a cgroup's path stood between, and was dear */

/* How many arguments the tracepoint's programs get; 0: there is no such tracepoint. */
static unsigned tracepoint_args(const struct btf *btf, const char *name)
{
    int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
    const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

    t = t ? btf__type_by_id(btf, t->type) : NULL; /* pointer */
    t = t ? btf__type_by_id(btf, t->type) : NULL;
    return t && btf_is_func_proto(t) ? btf_vlen(t) : 0;
}

static bool has_memory_tracepoint(void)
{
    struct btf *btf = btf__load_vmlinux_btf();
    unsigned n = btf ? tracepoint_args(btf, "btf_trace_mmap_lock_acquire_returned") : 0;

    btf__free(btf);
    return n == MEMORY_ARGS;
}

enum trn_access_choice trn_access_choose(bool fexit_loads, struct trn_sensor_hook *hook)
{
    if (fexit_loads)
        return TRN_ACCESS_CHECK;
    if (has_memory_tracepoint())
        return TRN_ACCESS_MEMORY;
    trn_hook_set(hook, TRN_HOOK_OFF, "this kernel refuses fexit and is older than 6.14");
    return TRN_ACCESS_NONE;
}

/* "ffffffff8177d090 t mem_rw", perhaps with a suffix of the compiler's (mem_rw.isra.0). */
static bool is_mem_rw(const char *name)
{
    return strncmp(name, "mem_rw", 6) == 0 && (name[6] == '\n' || name[6] == '.' || name[6] == '\0');
}

/* The list is sorted by address; a function ends where the next symbol begins. */
static bool find_mem_rw(FILE *f, uint64_t *ret_start, uint64_t *ret_end)
{
    char line[512];
    uint64_t start = 0;

    while (fgets(line, sizeof(line), f)) {
        char *rest;
        uint64_t at = strtoull(line, &rest, 16);

        if (rest == line || rest[0] != ' ' || rest[1] == '\0' || rest[2] != ' ')
            continue;
        if (start != 0 && at > start) {
            *ret_start = start;
            *ret_end = at;
            return true;
        }
        if (start == 0 && is_mem_rw(rest + 3))
            start = at; /* 0 when addresses are hidden */
    }
    return false;
}

void trn_access_find_mem_rw(uint64_t *ret_start, uint64_t *ret_end)
{
    FILE *f = fopen("/proc/kallsyms", "re");

    if (!f)
        return;
    (void)find_mem_rw(f, ret_start, ret_end);
    (void)fclose(f);
}
