/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a name means at this moment: an entity or a software to processes and files, a host to addresses. For people's
 * requests (respond.c) and for the policy's (plan.c). turncoatd looks at each of them again.
 */
#ifndef TRN_ENGINE_RESOLVE_H
#define TRN_ENGINE_RESOLVE_H

#include "channel/channel.h"
#include "engine/names.h"
#include "process/process.h"

#define TRN_RESOLVE_FILES 2048u

struct trn_resolved { /* arrays and texts in the arena */
    struct trn_act_process *processes;
    struct trn_act_file *files;
    uint32_t n_processes, n_files;
    bool cut; /* there were more than fit */
};

/* The living processes of an entity's tree, parents before children, itself first; and the file that it runs: its script, or
 * its program unless that is a shell, a tool or an interpreter. -ENOENT: the table does not know it. A path is given only
 * for processes of the mount namespace mntns (0: all). */
int trn_resolve_entity(const struct trn_process_table *t, uint64_t entity, uint32_t mntns, struct trn_arena *arena,
                       struct trn_resolved *ret) TRN_MUST_CHECK;

/* The living processes that run a software or act for it (children that are no installed software of their own included),
 * and its programs and scripts that the table has seen run. version absent: any. Nothing found: 0 and empty. */
int trn_resolve_software(const struct trn_process_table *t, struct trn_str name, struct trn_str version, uint32_t mntns,
                         struct trn_arena *arena, struct trn_resolved *ret) TRN_MUST_CHECK;

/* One more file of a software, by its path alone, unless it is there already. */
int trn_resolve_add_path(struct trn_resolved *r, struct trn_str path, struct trn_arena *arena) TRN_MUST_CHECK;

/* The process the kernel calls pid, when it is alive and started at start_boot_ns; NULL. */
const struct trn_entity *trn_resolve_process(const struct trn_process_table *t, uint32_t pid, uint64_t start_boot_ns);

/* "pbx.acme.test", "pbx.acme.test:5060", "10.9.0.5", "10.9.0.0/24:443", "[2001:db8::1]:443", "2001:db8::/32". A name becomes
 * the addresses that DNS answered for it on this machine. Appends to hosts; -EINVAL: no host; -ENOENT: a name that
 * nobody asked for; -E2BIG: no room for all. */
int trn_resolve_host(const struct trn_names *names, struct trn_str text, struct trn_act_host *hosts, uint32_t max,
                     uint32_t *n) TRN_MUST_CHECK;

#endif
