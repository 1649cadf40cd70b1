/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The small words that every later room shares: keys of files and software, and the enumerations
 * whose names appear in JSON. Names come from trn_*_name(); parsing back from trn_*_parse().
 */
#ifndef TRN_EVENT_TYPES_H
#define TRN_EVENT_TYPES_H

#include "base/base.h"

enum trn_event_type {
    TRN_EV_INVALID = 0,
    /* what the machine did */
    TRN_EV_FORK = 1,
    TRN_EV_EXEC = 2, /* also for processes that existed before us: flag TRN_EVF_EXISTING */
    TRN_EV_EXIT = 3,
    TRN_EV_LIB_LOAD = 4, /* executable mapping of a file */
    TRN_EV_MEM_EXEC = 5, /* executable memory without a file, or written then executable */
    TRN_EV_FILE = 6,     /* created, written-and-closed, renamed, deleted, attributes */
    TRN_EV_OPEN = 7,     /* a sensitive file was opened */
    TRN_EV_CONNECT = 8,
    TRN_EV_ACCEPT = 9,
    TRN_EV_NET_CLOSE = 10, /* with bytes */
    TRN_EV_DNS = 11,       /* question or answer */
    TRN_EV_BPF = 12,       /* program loaded or unloaded */
    TRN_EV_LISTEN = 13,    /* TCP port opened for connections, UDP port bound */
    TRN_EV_TLS = 14,       /* ClientHello that left */
    TRN_EV_ACCESS = 15,    /* a process reached into another: ptrace, memory read or written */
    TRN_EV_CRED = 16,      /* a process became another user, or gained or lost capabilities */
    TRN_EV_LOGIN = 17,     /* a session began, or somebody became another user by sudo or su */
    /* what the recorder told, so that a replay needs nothing else */
    TRN_EV_IDENTITY = 32, /* what a file is: software, hashes */
    TRN_EV_SOFTWARE = 33, /* a package was installed, updated, removed */
    TRN_EV_LOSS = 34,
    TRN_EV_TICK = 35, /* time passes, once a second at most, only when something is pending */
    TRN_EV_START = 36,
    TRN_EV_STOP = 37,
    TRN_EV_GAP = 38,       /* the engine was away from .. to */
    TRN_EV_CLOCK = 39,     /* the wall clock jumped */
    TRN_EV_STATE = 40,     /* one remembered row: from a snapshot when the engine starts, or to be stored */
    TRN_EV_FILTER = 41,    /* something is no longer watched, or watched again: who asked, until when */
    TRN_EV_HOOK = 42,      /* a hook of the sensor was lost or came back */
    TRN_EV_EXCEPTION = 43, /* a check weighs less for one version of one software, or does no longer: who asked */
    TRN_EV_DECISION = 44,  /* what a person decided about a story: closed, assigned */
    TRN_EV_RESPONSE = 45,  /* a step of an action: requested, done, seen, undone ... */
    TRN_EV_BROUGHT = 46,   /* what was found in an update, or in files of an installed software */
    TRN_EV_MAX = 47,
};

enum trn_action {
    TRN_ACT_NONE = 0,
    TRN_ACT_CREATED,
    TRN_ACT_WRITTEN, /* closed after writing */
    TRN_ACT_RENAMED,
    TRN_ACT_DELETED,
    TRN_ACT_ATTRIBUTES,
    TRN_ACT_ATTEMPTED, /* connect() called */
    TRN_ACT_ESTABLISHED,
    TRN_ACT_FAILED,
    TRN_ACT_QUESTION,
    TRN_ACT_ANSWER,
    TRN_ACT_INSTALLED,
    TRN_ACT_UPDATED,
    TRN_ACT_REMOVED,
    TRN_ACT_LOADED,
    TRN_ACT_UNLOADED,
    TRN_ACT_ANONYMOUS,    /* MEM_EXEC: anonymous executable memory */
    TRN_ACT_WRITABLE,     /* MEM_EXEC: writable and executable at once */
    TRN_ACT_MEMFD,        /* MEM_EXEC: memory file mapped executable */
    TRN_ACT_PTRACE,       /* ACCESS: attached as a debugger */
    TRN_ACT_READ,         /* ACCESS: memory read */
    TRN_ACT_WRITE,        /* ACCESS: memory written */
    TRN_ACT_USER,         /* CRED: user or group ids changed */
    TRN_ACT_CAPABILITIES, /* CRED: only capabilities changed */
    TRN_ACT_LOGIN,
    TRN_ACT_SUDO,
    TRN_ACT_SU,
    TRN_ACT_THROTTLED, /* LOSS: one process did more than its share; header names it */
    TRN_ACT_LOST,      /* HOOK */
    TRN_ACT_RETURNED,  /* HOOK */
    TRN_ACT_SET,       /* FILTER, EXCEPTION */
    TRN_ACT_EXPIRED,  /* FILTER: its time was over, or it was taken back; EXCEPTION: its time or its version was over */
    TRN_ACT_CLOSED,   /* DECISION: with a reason */
    TRN_ACT_ASSIGNED, /* DECISION: to somebody */
    TRN_ACT_MAX,
};

/* Loss and sensor classes. */
enum trn_class {
    TRN_CLASS_PROCESS = 0, /* fork, exec, exit */
    TRN_CLASS_NETWORK,
    TRN_CLASS_DNS,
    TRN_CLASS_MAPPING,  /* perf records */
    TRN_CLASS_FILE,     /* fanotify changes */
    TRN_CLASS_OPEN,     /* fanotify sensitive opens */
    TRN_CLASS_STORE,    /* rows that could not be stored */
    TRN_CLASS_CLIENT,   /* lines a slow watcher did not get */
    TRN_CLASS_IDENTITY, /* files that could not be identified in time */
    TRN_CLASS_TLS,
    TRN_CLASS_ACCESS, /* reaching into others, credentials */
    TRN_CLASS_MAX,
};

enum trn_origin { /* where software comes from */
                  TRN_ORIGIN_UNKNOWN = 0,
                  TRN_ORIGIN_DPKG,
                  TRN_ORIGIN_RPM,
                  TRN_ORIGIN_APPIMAGE,
                  TRN_ORIGIN_NPM,
                  TRN_ORIGIN_PYTHON,  /* venv or site-packages */
                  TRN_ORIGIN_MANUAL,  /* a file of its own */
                  TRN_ORIGIN_WINDOWS, /* a product of a signed file of Windows */
                  TRN_ORIGIN_MACOS,   /* a bundle or program that a team or the system's maker signed */
                  TRN_ORIGIN_MAX,
};

enum trn_verdict {
    TRN_VERDICT_CLEAN = 0,
    TRN_VERDICT_NOTE,
    TRN_VERDICT_SUSPICIOUS,
    TRN_VERDICT_MALICIOUS,
    TRN_VERDICT_MAX,
};

enum trn_stage { /* in the order of DESIGN section 6 */
                 TRN_STAGE_RELEASE_CHANGE = 0,
                 TRN_STAGE_ABNORMAL_LOAD,
                 TRN_STAGE_FIRST_CONTACT,
                 TRN_STAGE_BEACON,
                 TRN_STAGE_SECOND_STAGE,
                 TRN_STAGE_COLLECTION,
                 TRN_STAGE_EXFILTRATION,
                 TRN_STAGE_HANDS_ON_KEYBOARD,
                 TRN_STAGE_PERSISTENCE,
                 TRN_STAGE_INDICATOR,
                 TRN_STAGE_RULE,
                 TRN_STAGE_FLEET_SPIKE,
                 TRN_STAGE_MAX,
};

const char *trn_event_type_name(enum trn_event_type t); /* "exec", "lib_load", ...; never NULL */
const char *trn_action_name(enum trn_action a);         /* "" for none */
const char *trn_class_name(enum trn_class c);
const char *trn_origin_name(enum trn_origin o);
const char *trn_verdict_name(enum trn_verdict v);
const char *trn_stage_name(enum trn_stage s);
/* 0 or -EINVAL. */
int trn_event_type_parse(struct trn_str s, enum trn_event_type *ret) TRN_MUST_CHECK;
int trn_action_parse(struct trn_str s, enum trn_action *ret) TRN_MUST_CHECK;
int trn_class_parse(struct trn_str s, enum trn_class *ret) TRN_MUST_CHECK;
int trn_verdict_parse(struct trn_str s, enum trn_verdict *ret) TRN_MUST_CHECK;
int trn_origin_parse(struct trn_str s, enum trn_origin *ret) TRN_MUST_CHECK;

/* Numbers that may be absent use all ones. */
#define TRN_NO_U32 UINT32_MAX
#define TRN_NO_U64 UINT64_MAX
#define TRN_NO_I32 INT32_MIN

/* A file's content at one moment. dev is the super block's device as the kernel numbers it inside
 * (major << 20 | minor), not always st_dev (overlayfs, btrfs): the sensor normalises. */
struct trn_file_key {
    uint64_t dev, ino;
    uint64_t ctime_ns; /* 0: unknown */
};
static inline bool trn_file_key_is_none(const struct trn_file_key *k)
{
    return k->ino == 0;
}
uint64_t trn_file_key_hash(const struct trn_file_key *k);   /* with ctime */
uint64_t trn_file_inode_hash(const struct trn_file_key *k); /* device and inode only */

/* entity = hash(host id, boot id, tgid, start time): salt comes from trn_entity_salt. Never 0. */
uint64_t trn_entity_salt(const uint8_t host_id[16], const uint8_t boot_id[16]);
uint64_t trn_entity_id(uint64_t salt, uint32_t tgid, uint64_t start_boot_ns);

/* Package or product. Views; borrowed from whoever gave the struct. */
struct trn_software {
    struct trn_str name;    /* "acme-softphone"; absent when unknown */
    struct trn_str version; /* "1.1"; absent when it has none */
    struct trn_str signer;  /* maintainer or certificate name; absent when none */
    enum trn_origin origin;
    uint32_t flags; /* TRN_SW_* */
};
#define TRN_SW_MODIFIED 1u       /* a file differs from its package's own list */
#define TRN_SW_BASE 2u           /* part of the system's base (dpkg: Essential, or priority required/important) */
#define TRN_SW_UNPACKED 4u       /* its package is half-way through an installation */
#define TRN_SW_MODIFIED_KNOWN 8u /* the package's list was there to compare with */

/* What a file is. Travels as TRN_EV_IDENTITY. */
struct trn_identity {
    struct trn_software software;
    uint8_t sha256[TRN_SHA256_SIZE]; /* all zero: not known */
    struct trn_str build_id;         /* raw bytes, absent when none */
    uint64_t size;                   /* TRN_NO_U64 unknown */
    struct trn_str kind;             /* "elf" "script" "appimage" "data" ...; absent when not read */
    uint32_t mntns;                  /* bound in this mount namespace; 0: any */
};
static inline bool trn_sha256_is_none(const uint8_t h[TRN_SHA256_SIZE])
{
    for (int i = 0; i < TRN_SHA256_SIZE; i++)
        if (h[i])
            return false;
    return true;
}

#endif
