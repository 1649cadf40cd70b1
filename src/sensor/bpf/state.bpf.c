// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: owns the settings and the map that the other programs share. Linked with them into one
 * object by `bpftool gen object`.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "wire.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u64 scope_id = 0;
const volatile __u32 scope_level = 0;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1); /* the loader sets the number of CPUs */
    __type(key, __u32);
    __type(value, struct trn_wire_losses);
} losses SEC(".maps");
