/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: telling functions that a program does not import but asks the loader for by their names: whole texts in its data, of
 * code that can ask (GetProcAddress, dlsym). What is put together while it runs is not seen.
 * Must not own: what a function lets a program do (src/release/capability.c).
 * Hand-offs: none; names are static.
 */
#include "artifact/feature_code.h"

#define OVERLAP 64u
#define NAME_MIN 5u
#define NAME_MAX 40u

static const char *const names[] = {
    /* sorted by bytes; of weight 2 and more */
    "CreateProcessA",
    "CreateProcessW",
    "CreateRemoteThread",
    "CreateRemoteThreadEx",
    "CreateServiceA",
    "CreateServiceW",
    "CryptUnprotectData",
    "HttpSendRequestA",
    "HttpSendRequestW",
    "InternetConnectA",
    "InternetConnectW",
    "InternetOpenA",
    "InternetOpenUrlA",
    "InternetOpenUrlW",
    "InternetOpenW",
    "NtCreateThreadEx",
    "NtMapViewOfSection",
    "NtProtectVirtualMemory",
    "NtQueueApcThread",
    "NtUnmapViewOfSection",
    "NtWriteVirtualMemory",
    "QueueUserAPC",
    "RegSetValueExA",
    "RegSetValueExW",
    "RtlCreateUserThread",
    "SetThreadContext",
    "ShellExecuteA",
    "ShellExecuteExW",
    "ShellExecuteW",
    "URLDownloadToFileA",
    "URLDownloadToFileW",
    "VirtualAllocEx",
    "VirtualProtect",
    "VirtualProtectEx",
    "WSAConnect",
    "WSASocketA",
    "WSASocketW",
    "WinExec",
    "WinHttpConnect",
    "WinHttpOpen",
    "WinHttpOpenRequest",
    "WinHttpSendRequest",
    "WriteProcessMemory",
    "connect",
    "execl",
    "execle",
    "execlp",
    "execv",
    "execve",
    "execvp",
    "fexecve",
    "getaddrinfo",
    "mach_vm_protect",
    "mach_vm_write",
    "memfd_create",
    "mprotect",
    "popen",
    "posix_spawn",
    "posix_spawnp",
    "process_vm_writev",
    "ptrace",
    "socket",
    "system",
    "task_for_pid",
    "vm_protect",
};

struct asked {
    struct trn_look *l;
    bool first[256]; /* with which a name begins */
    bool told[TRN_ARRAY_SIZE(names)];
    bool (*imported)(const void *ctx, const char *name);
    const void *ctx;
};

static size_t index_of(struct trn_str text)
{
    size_t lo = 0, hi = TRN_ARRAY_SIZE(names);
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int d = trn_str_cmp(trn_str_of(names[mid]), text);
        if (d == 0)
            return mid;
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return SIZE_MAX;
}

static int in_window(void *ctx, struct trn_str b, uint64_t at, bool first)
{
    struct asked *a = ctx;
    const uint8_t *p = (const uint8_t *)b.p;
    for (size_t i = 0; i + NAME_MIN + 1 < b.n; i++) {
        if (p[i] != 0 || !a->first[p[i + 1]])
            continue;
        struct trn_str rest = trn_str_slice(b, i + 1, NAME_MAX);
        ptrdiff_t end = trn_str_find(rest, '\0');
        size_t k = end >= (ptrdiff_t)NAME_MIN ? index_of(trn_str_slice(rest, 0, (size_t)end)) : SIZE_MAX;
        if (k == SIZE_MAX || a->told[k] || (a->imported && a->imported(a->ctx, names[k])))
            continue;
        a->told[k] = true;
        int e = trn_look_fact(a->l, TRN_FEATURE_IMPORT, "by name", trn_str_of(names[k]), 0, at + i + 1);
        if (e < 0)
            return e;
    }
    return 0;
}

int trn_feature_asked(struct trn_look *l, const struct trn_code_region *r, size_t n,
                      bool (*imported)(const void *ctx, const char *name), const void *ctx)
{
    struct asked a = {.l = l, .imported = imported, .ctx = ctx};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        a.first[(uint8_t)names[i][0]] = true;
    return trn_feature_windows(l, r, n, OVERLAP, in_window, &a);
}
