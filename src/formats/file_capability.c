/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the attribute's layout (revisions 1 to 3, little-endian) and the names of its bits.
 * Must not: say what a capability is good for.
 */
#include "formats/file_capability.h"

#include <stdio.h>

#define REVISION 0xff000000u
#define EFFECTIVE 1u
#define WORDS_MAX 2u

static const char *const names[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};

const char *trn_file_capability_text(struct trn_str xattr, char *out, size_t size)
{
    struct trn_cursor c = trn_cur_of(xattr);
    uint32_t magic = trn_cur_u32le(&c);
    uint64_t permitted = 0, inheritable = 0;
    uint32_t revision = magic >> 24, words = revision == 1 ? 1 : WORDS_MAX;
    size_t at = 0;
    for (uint32_t i = 0; i < words; i++) {
        permitted |= (uint64_t)trn_cur_u32le(&c) << 32 * i;
        inheritable |= (uint64_t)trn_cur_u32le(&c) << 32 * i;
    }
    if (c.bad || revision < 1 || revision > 3 || magic & ~(REVISION | EFFECTIVE)) {
        (void)snprintf(out, size, "not readable");
        return out;
    }
    out[0] = '\0';
    for (uint32_t i = 0; i < 64 && at < size; i++) {
        char number[16];
        if (!((permitted | inheritable) >> i & 1))
            continue;
        (void)snprintf(number, sizeof(number), "%u", i);
        at += (size_t)snprintf(out + at, size - at, "%scap_%s", at ? "," : "",
                               i < TRN_ARRAY_SIZE(names) ? names[i] : number);
    }
    if (at && at < size)
        (void)snprintf(out + at, size - at, "=%s%s%s", magic & EFFECTIVE ? "e" : "", inheritable ? "i" : "",
                       permitted ? "p" : "");
    return out;
}
