/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the names of the small enumerations, and the hashes that make keys of files and entities.
 * Must not own: events themselves.
 * Hand-offs: names are static strings.
 */
#include "event/types.h"

static const char *const type_names[TRN_EV_MAX] = {
    [TRN_EV_INVALID] = "invalid",   [TRN_EV_FORK] = "fork",           [TRN_EV_EXEC] = "exec",
    [TRN_EV_EXIT] = "exit",         [TRN_EV_LIB_LOAD] = "lib_load",   [TRN_EV_MEM_EXEC] = "mem_exec",
    [TRN_EV_FILE] = "file",         [TRN_EV_OPEN] = "open",           [TRN_EV_CONNECT] = "connect",
    [TRN_EV_ACCEPT] = "accept",     [TRN_EV_NET_CLOSE] = "net_close", [TRN_EV_DNS] = "dns",
    [TRN_EV_BPF] = "bpf",           [TRN_EV_LISTEN] = "listen",       [TRN_EV_TLS] = "tls",
    [TRN_EV_ACCESS] = "access",     [TRN_EV_CRED] = "cred",           [TRN_EV_LOGIN] = "login",
    [TRN_EV_IDENTITY] = "identity", [TRN_EV_SOFTWARE] = "software",   [TRN_EV_LOSS] = "loss",
    [TRN_EV_TICK] = "tick",         [TRN_EV_START] = "start",         [TRN_EV_STOP] = "stop",
    [TRN_EV_GAP] = "gap",           [TRN_EV_CLOCK] = "clock",         [TRN_EV_STATE] = "state",
    [TRN_EV_FILTER] = "filter",     [TRN_EV_HOOK] = "hook",           [TRN_EV_EXCEPTION] = "exception",
    [TRN_EV_DECISION] = "decision", [TRN_EV_RESPONSE] = "response",   [TRN_EV_BROUGHT] = "brought",
};

static const char *const action_names[TRN_ACT_MAX] = {
    [TRN_ACT_NONE] = "",
    [TRN_ACT_CREATED] = "created",
    [TRN_ACT_WRITTEN] = "written",
    [TRN_ACT_RENAMED] = "renamed",
    [TRN_ACT_DELETED] = "deleted",
    [TRN_ACT_ATTRIBUTES] = "attributes",
    [TRN_ACT_ATTEMPTED] = "attempted",
    [TRN_ACT_ESTABLISHED] = "established",
    [TRN_ACT_FAILED] = "failed",
    [TRN_ACT_QUESTION] = "question",
    [TRN_ACT_ANSWER] = "answer",
    [TRN_ACT_INSTALLED] = "installed",
    [TRN_ACT_UPDATED] = "updated",
    [TRN_ACT_REMOVED] = "removed",
    [TRN_ACT_LOADED] = "loaded",
    [TRN_ACT_UNLOADED] = "unloaded",
    [TRN_ACT_ANONYMOUS] = "anonymous",
    [TRN_ACT_WRITABLE] = "writable",
    [TRN_ACT_MEMFD] = "memfd",
    [TRN_ACT_PTRACE] = "ptrace",
    [TRN_ACT_READ] = "read",
    [TRN_ACT_WRITE] = "write",
    [TRN_ACT_USER] = "user",
    [TRN_ACT_CAPABILITIES] = "capabilities",
    [TRN_ACT_LOGIN] = "logged_in",
    [TRN_ACT_SUDO] = "sudo",
    [TRN_ACT_SU] = "su",
    [TRN_ACT_THROTTLED] = "throttled",
    [TRN_ACT_LOST] = "lost",
    [TRN_ACT_RETURNED] = "returned",
    [TRN_ACT_SET] = "set",
    [TRN_ACT_EXPIRED] = "expired",
    [TRN_ACT_CLOSED] = "closed",
    [TRN_ACT_ASSIGNED] = "assigned",
};

static const char *const class_names[TRN_CLASS_MAX] = {
    [TRN_CLASS_PROCESS] = "process", [TRN_CLASS_NETWORK] = "network", [TRN_CLASS_DNS] = "dns",
    [TRN_CLASS_MAPPING] = "mapping", [TRN_CLASS_FILE] = "file",       [TRN_CLASS_OPEN] = "open",
    [TRN_CLASS_STORE] = "store",     [TRN_CLASS_CLIENT] = "client",   [TRN_CLASS_IDENTITY] = "identity",
    [TRN_CLASS_TLS] = "tls",         [TRN_CLASS_ACCESS] = "access",
};

static const char *const origin_names[TRN_ORIGIN_MAX] = {
    [TRN_ORIGIN_UNKNOWN] = "unknown",   [TRN_ORIGIN_DPKG] = "dpkg",       [TRN_ORIGIN_RPM] = "rpm",
    [TRN_ORIGIN_APPIMAGE] = "appimage", [TRN_ORIGIN_NPM] = "npm",         [TRN_ORIGIN_PYTHON] = "python",
    [TRN_ORIGIN_MANUAL] = "manual",     [TRN_ORIGIN_WINDOWS] = "windows", [TRN_ORIGIN_MACOS] = "macos",
};

static const char *const verdict_names[TRN_VERDICT_MAX] = {
    [TRN_VERDICT_CLEAN] = "clean",
    [TRN_VERDICT_NOTE] = "note",
    [TRN_VERDICT_SUSPICIOUS] = "suspicious",
    [TRN_VERDICT_MALICIOUS] = "malicious",
};

static const char *const stage_names[TRN_STAGE_MAX] = {
    [TRN_STAGE_RELEASE_CHANGE] = "release-change",
    [TRN_STAGE_ABNORMAL_LOAD] = "abnormal-load",
    [TRN_STAGE_FIRST_CONTACT] = "first-contact",
    [TRN_STAGE_BEACON] = "beacon",
    [TRN_STAGE_SECOND_STAGE] = "second-stage",
    [TRN_STAGE_COLLECTION] = "collection",
    [TRN_STAGE_EXFILTRATION] = "exfiltration",
    [TRN_STAGE_HANDS_ON_KEYBOARD] = "hands-on-keyboard",
    [TRN_STAGE_PERSISTENCE] = "persistence",
    [TRN_STAGE_INDICATOR] = "indicator",
    [TRN_STAGE_RULE] = "rule",
    [TRN_STAGE_FLEET_SPIKE] = "fleet-spike",
};

static const char *name_of(const char *const *names, unsigned max, unsigned v)
{
    return v < max && names[v] ? names[v] : "";
}

/* Index of s among the names; -EINVAL when it is none (or empty). */
static int parse_of(const char *const *names, unsigned max, struct trn_str s)
{
    for (unsigned i = 0; i < max; i++)
        if (names[i] && names[i][0] && trn_str_eq_c(s, names[i]))
            return (int)i;
    return -EINVAL;
}

const char *trn_event_type_name(enum trn_event_type t)
{
    return name_of(type_names, TRN_EV_MAX, (unsigned)t);
}

const char *trn_action_name(enum trn_action a)
{
    return name_of(action_names, TRN_ACT_MAX, (unsigned)a);
}

const char *trn_class_name(enum trn_class c)
{
    return name_of(class_names, TRN_CLASS_MAX, (unsigned)c);
}

const char *trn_origin_name(enum trn_origin o)
{
    return name_of(origin_names, TRN_ORIGIN_MAX, (unsigned)o);
}

const char *trn_verdict_name(enum trn_verdict v)
{
    return name_of(verdict_names, TRN_VERDICT_MAX, (unsigned)v);
}

const char *trn_stage_name(enum trn_stage s)
{
    return name_of(stage_names, TRN_STAGE_MAX, (unsigned)s);
}

int trn_event_type_parse(struct trn_str s, enum trn_event_type *ret)
{
    int r = parse_of(type_names, TRN_EV_MAX, s);
    if (r <= 0)
        return -EINVAL;
    *ret = (enum trn_event_type)r;
    return 0;
}

int trn_action_parse(struct trn_str s, enum trn_action *ret)
{
    int r = parse_of(action_names, TRN_ACT_MAX, s);
    if (r < 0)
        return r;
    *ret = (enum trn_action)r;
    return 0;
}

int trn_class_parse(struct trn_str s, enum trn_class *ret)
{
    int r = parse_of(class_names, TRN_CLASS_MAX, s);
    if (r < 0)
        return r;
    *ret = (enum trn_class)r;
    return 0;
}

int trn_verdict_parse(struct trn_str s, enum trn_verdict *ret)
{
    int r = parse_of(verdict_names, TRN_VERDICT_MAX, s);
    if (r < 0)
        return r;
    *ret = (enum trn_verdict)r;
    return 0;
}

int trn_origin_parse(struct trn_str s, enum trn_origin *ret)
{
    int r = parse_of(origin_names, TRN_ORIGIN_MAX, s);
    if (r < 0)
        return r;
    *ret = (enum trn_origin)r;
    return 0;
}

uint64_t trn_file_inode_hash(const struct trn_file_key *k)
{
    return trn_hash64_mix(trn_hash64_mix(0, k->dev), k->ino);
}

uint64_t trn_file_key_hash(const struct trn_file_key *k)
{
    return trn_hash64_mix(trn_file_inode_hash(k), k->ctime_ns);
}

uint64_t trn_entity_salt(const uint8_t host_id[16], const uint8_t boot_id[16])
{
    return trn_hash64_mix(trn_hash64(host_id, 16), trn_hash64(boot_id, 16));
}

uint64_t trn_entity_id(uint64_t salt, uint32_t tgid, uint64_t start_boot_ns)
{
    uint64_t h = trn_hash64_mix(trn_hash64_mix(salt, tgid), start_boot_ns);
    return h ? h : 1;
}
