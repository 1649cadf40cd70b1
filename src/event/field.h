/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The field table: every member of struct trn_event that anybody outside may name, once, with its
 * id (stable in logs, never reused), its ECS name, its kind, the event types that have it, and its
 * place in the struct. Codec, JSON, hunt and (later) rules read events through it only.
 */
#ifndef TRN_EVENT_FIELD_H
#define TRN_EVENT_FIELD_H

#include "event/record.h"

/* Stable in logs: never renumber, never reuse; new ones go to the end. */
enum trn_field {
    TRN_F_TIMESTAMP = 1,
    TRN_F_MESSAGE = 2,
    TRN_F_SEQUENCE = 3,
    TRN_F_EVENT_KIND = 4,
    TRN_F_EVENT_CATEGORY = 5,
    TRN_F_ACTION = 6,
    TRN_F_ENTITY = 7,
    TRN_F_PID = 8,
    TRN_F_TID = 9,
    TRN_F_COMM = 10,
    TRN_F_EXECUTABLE = 11,
    TRN_F_PROCESS_NAME = 12,
    TRN_F_ARGS = 13,
    TRN_F_ARGC = 14,
    TRN_F_COMMAND_LINE = 15,
    TRN_F_CWD = 16,
    TRN_F_TTY = 17,
    TRN_F_SESSION = 18,
    TRN_F_PARENT = 19,
    TRN_F_PARENT_PID = 20,
    TRN_F_FORK_PARENT = 21,
    TRN_F_FORK_PARENT_PID = 22,
    TRN_F_EXIT_CODE = 23,
    TRN_F_PROCESS_SHA256 = 24,
    TRN_F_UID = 25,
    TRN_F_EUID = 26,
    TRN_F_GID = 27,
    TRN_F_IDENTITY_NAME = 28,
    TRN_F_IDENTITY_VERSION = 29,
    TRN_F_SOFTWARE_NAME = 30,
    TRN_F_SOFTWARE_VERSION = 31,
    TRN_F_DLL_PATH = 32,
    TRN_F_FILE_PATH = 33,
    TRN_F_FILE_OLD_PATH = 34,
    TRN_F_IDENTITY_PATH = 35,
    TRN_F_EXEC_INODE = 36,
    TRN_F_EXEC_DEVICE = 37,
    TRN_F_EXEC_CTIME = 38,
    TRN_F_EXEC_SIZE = 39,
    TRN_F_MAP_INODE = 40,
    TRN_F_MAP_DEVICE = 41,
    TRN_F_MAP_CTIME = 42,
    TRN_F_FILE_INODE = 43,
    TRN_F_FILE_DEVICE = 44,
    TRN_F_FILE_CTIME = 45,
    TRN_F_FILE_SIZE = 46,
    TRN_F_IDENTITY_INODE = 47,
    TRN_F_IDENTITY_DEVICE = 48,
    TRN_F_IDENTITY_CTIME = 49,
    TRN_F_IDENTITY_SIZE = 50,
    TRN_F_IDENTITY_SHA256 = 51,
    TRN_F_NET_FAMILY = 52,
    TRN_F_NET_PROTO = 53,
    TRN_F_SRC_IP = 54,
    TRN_F_SRC_PORT = 55,
    TRN_F_BYTES_OUT = 56,
    TRN_F_DST_IP = 57,
    TRN_F_DST_PORT = 58,
    TRN_F_BYTES_IN = 59,
    TRN_F_DNS_NAME = 60,
    TRN_F_DNS_TYPE = 61,
    TRN_F_DNS_ANSWERS = 62,
    TRN_F_DNS_RCODE = 63,
    TRN_F_TYPE = 64,
    TRN_F_FLAGS = 65,
    TRN_F_BOOT_NS = 66,
    TRN_F_MNTNS = 67,
    TRN_F_CGROUP = 68,
    TRN_F_INVOKED = 69,
    TRN_F_INTERP = 70,
    TRN_F_SCRIPT = 71,
    TRN_F_NLINK = 72,
    TRN_F_EXIT_SIGNAL = 73,
    TRN_F_MAP_BUILD_ID = 74,
    TRN_F_MAP_ADDRESS = 75,
    TRN_F_MAP_LENGTH = 76,
    TRN_F_MAP_PROT = 77,
    TRN_F_SENSITIVE = 78,
    TRN_F_OWNER_HINT = 79,
    TRN_F_FILE_MODE = 80,
    TRN_F_FILE_KIND = 81,
    TRN_F_FILE_BUILD_ID = 82,
    TRN_F_FILE_MNTNS = 83,
    TRN_F_SOCKET = 84,
    TRN_F_NET_ERROR = 85,
    TRN_F_IDENTITY_ORIGIN = 86,
    TRN_F_IDENTITY_SIGNER = 87,
    TRN_F_IDENTITY_FLAGS = 88,
    TRN_F_SOFTWARE_ORIGIN = 89,
    TRN_F_SOFTWARE_SIGNER = 90,
    TRN_F_SOFTWARE_FLAGS = 91,
    TRN_F_SOFTWARE_FROM = 92,
    TRN_F_SOFTWARE_BY = 93,
    TRN_F_STATE_KIND = 94,
    TRN_F_STATE_KEY = 95,
    TRN_F_STATE_VALUE = 96,
    TRN_F_LOSS_CLASS = 97,
    TRN_F_META_COUNT = 98,
    TRN_F_META_SINCE = 99,
    TRN_F_META_DELTA = 100,
    TRN_F_ENV = 101,
    TRN_F_CONTAINER = 102,
    TRN_F_CGROUP_PATH = 103,
    TRN_F_AUID = 104,
    TRN_F_LOGIN_SESSION = 105,
    TRN_F_PIDNS = 106,
    TRN_F_NETNS = 107,
    TRN_F_USERNS = 108,
    TRN_F_TRACER = 109,
    TRN_F_CAPABILITIES = 110,
    TRN_F_TLS_SNI = 111,
    TRN_F_TLS_ALPN = 112,
    TRN_F_TLS_JA4 = 113,
    TRN_F_TLS_VERSION = 114,
    TRN_F_TARGET = 115,
    TRN_F_TARGET_PID = 116,
    TRN_F_ACCESS_WAY = 117,
    TRN_F_CRED_OLD_UID = 118,
    TRN_F_CRED_OLD_EUID = 119,
    TRN_F_CRED_OLD_GID = 120,
    TRN_F_CRED_CAPABILITIES = 121,
    TRN_F_CRED_OLD_CAPABILITIES = 122,
    TRN_F_LOGIN_METHOD = 123,
    TRN_F_LOGIN_TTY = 124,
    TRN_F_LOGIN_AUID = 125,
    TRN_F_LOGIN_LOGIN = 126,
    TRN_F_LOGIN_FROM = 127,
    TRN_F_DST_DOMAIN = 128,
    TRN_F_FILE_UID = 129,
    TRN_F_FILE_GID = 130,
    TRN_F_FILTER_PATH = 131,
    TRN_F_FILTER_INODE = 132,
    TRN_F_FILTER_DEVICE = 133,
    TRN_F_FILTER_CTIME = 134,
    TRN_F_FILTER_TARGET = 135,
    TRN_F_FILTER_TARGET_PID = 136,
    TRN_F_FILTER_WHY = 137,
    TRN_F_FILTER_CLASSES = 138,
    TRN_F_FILTER_HOLDS = 139,
    TRN_F_CONNECTIONS = 140,
    TRN_F_CONNECTIONS_SINCE = 141,
    TRN_F_STDIO = 142,
    TRN_F_EXCEPTION_NAME = 143,
    TRN_F_EXCEPTION_VERSION = 144,
    TRN_F_EXCEPTION_SHA256 = 145,
    TRN_F_EXCEPTION_ID = 146,
    TRN_F_EXCEPTION_CHECK = 147,
    TRN_F_EXCEPTION_ONLY = 148,
    TRN_F_EXCEPTION_BY = 149,
    TRN_F_EXCEPTION_UNTIL = 150,
    TRN_F_EXCEPTION_REASON = 151,
    TRN_F_DECISION_STORY = 152,
    TRN_F_DECISION_TEXT = 153,
    TRN_F_RESPONSE_ID = 154,
    TRN_F_RESPONSE_STORY = 155,
    TRN_F_RESPONSE_ACT = 156,
    TRN_F_RESPONSE_STATE = 157,
    TRN_F_RESPONSE_TARGET_KIND = 158,
    TRN_F_RESPONSE_TARGET = 159,
    TRN_F_RESPONSE_CHECK = 160,
    TRN_F_RESPONSE_WHY = 161,
    TRN_F_RESPONSE_TEXT = 162,
    TRN_F_RESPONSE_UNTIL = 163,
    TRN_F_RESPONSE_TOOK = 164,
    TRN_F_RESPONSE_BY = 165,
    TRN_F_START = 166,
    TRN_F_BROUGHT_NAME = 167,
    TRN_F_BROUGHT_VERSION = 168,
    TRN_F_BROUGHT_FROM = 169,
    TRN_F_BROUGHT_CHECK = 170,
    TRN_F_BROUGHT_PATH = 171,
    TRN_F_BROUGHT_SUMMARY = 172,
    TRN_F_BROUGHT_SHA256 = 173,
    TRN_F_BROUGHT_VERDICT = 174,
    TRN_F_BROUGHT_SCORE = 175,
    TRN_F_BROUGHT_BY = 176,
    TRN_F_BROUGHT_ORIGIN = 177,
    TRN_F_MAX = 178,
};

enum trn_kind {
    TRN_KIND_STR,   /* text or path */
    TRN_KIND_LIST,  /* strings each ended by NUL: JSON array */
    TRN_KIND_BYTES, /* JSON: hex */
    TRN_KIND_U64,   /* any unsigned width in the struct */
    TRN_KIND_I64,
    TRN_KIND_IP,
    TRN_KIND_ENTITY, /* u64, JSON: 16 hex digits */
    TRN_KIND_TIME,   /* wall ns, JSON: ISO 8601 */
    TRN_KIND_NAME,   /* small enumeration with a name table: JSON string */
};

struct trn_value {
    enum trn_kind kind;
    struct trn_str s; /* STR LIST BYTES, and the name of NAME */
    uint64_t u;       /* U64 ENTITY TIME NAME */
    int64_t i;
    uint8_t ip[16];
    uint8_t family; /* of ip: 4 or 6 */
};

struct trn_field_def {
    uint16_t id;
    const char *name; /* ECS dotted name, such as "process.executable" */
    enum trn_kind kind;
    uint64_t types;        /* bit set: 1ull << enum trn_event_type */
    uint16_t offset, size; /* in struct trn_event; size 0: not in the struct (derived, or only ever an extra) */
    bool derived;          /* made from other fields: in JSON and hunt, never in the log */
    uint64_t absent;       /* the number that means absent */
    const char *about;     /* one phrase for docs and hunt's help */
};

const struct trn_field_def *trn_fields(size_t *ret_count); /* the whole table */
const struct trn_field_def *trn_field_by_id(uint16_t id);  /* NULL when unknown */
/* By ECS name; for one type, or (TRN_EV_INVALID) the first of that name. */
const struct trn_field_def *trn_field_by_name(struct trn_str name, enum trn_event_type type);

/* False when the event has no such field or it is absent. *ret borrows from ev. */
bool trn_event_get(const struct trn_event *ev, const struct trn_field_def *f, struct trn_value *ret);
/* Puts a value of the right kind; -EINVAL when it does not fit or the type has no such field. Views
 * are kept, not copied. */
int trn_event_set(struct trn_event *ev, const struct trn_field_def *f, const struct trn_value *v) TRN_MUST_CHECK;
/* The same for a field that this type does not have: kept as an extra (bytes in the arena).
 * -EINVAL, -ENOSPC when all extras are used, -ENOMEM. */
int trn_event_set_extra(struct trn_event *ev, const struct trn_field_def *f, const struct trn_value *v,
                        struct trn_arena *arena) TRN_MUST_CHECK;
bool trn_field_has(const struct trn_field_def *f, enum trn_event_type type);
/* Name of an enumeration value of a TRN_KIND_NAME field ("tcp", "AAAA"); NULL when it has none. */
const char *trn_field_name_of(const struct trn_field_def *f, uint64_t v);
/* Value of a name or of decimal digits. 0 or -EINVAL. */
int trn_field_name_parse(const struct trn_field_def *f, struct trn_str s, uint64_t *ret) TRN_MUST_CHECK;
/* Text form as hunt and people see it ("10.0.0.1", "5e1f", "812"); LIST joined by spaces. */
void trn_value_text(const struct trn_value *v, struct trn_buf *out);

#endif
