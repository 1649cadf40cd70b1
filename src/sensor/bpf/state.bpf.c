// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Overview: owns the settings and the map that the other programs share. Linked with them into one
 * object by `bpftool gen object`.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "limits.h"
#include "wire.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u64 scope_id = 0;
const volatile __u32 scope_level = 0;

/* Changed while all runs. */
volatile __u64 share_token_ns = 0;
volatile __u64 share_burst_ns = 0;
volatile __u32 muted_generation = 0;

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(map_flags, BPF_F_MMAPABLE);
    __uint(max_entries, 1); /* the loader sets the number of CPUs */
    __type(key, __u32);
    __type(value, struct trn_wire_losses);
} losses SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, TRN_SHARES_MAX);
    __type(key, struct trn_share_key);
    __type(value, struct trn_share);
} shares SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, TRN_MUTES_MAX);
    __type(key, struct trn_mute_key);
    __type(value, struct trn_mute);
} muted SEC(".maps");
