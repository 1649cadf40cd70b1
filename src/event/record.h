/* SPDX-License-Identifier: Apache-2.0 */
/* The event itself; event.h says how it is used. */
#ifndef TRN_EVENT_RECORD_H
#define TRN_EVENT_RECORD_H

#include "event/types.h"

/* flags */
#define TRN_EVF_EXISTING 1u  /* was there when the sensor started */
#define TRN_EVF_LATE 2u      /* arrived after its lateness window; order is by arrival */
#define TRN_EVF_ARGS_CUT 4u  /* argv was longer than what was kept */
#define TRN_EVF_PATH_CUT 8u  /* a path was longer than what was kept */
#define TRN_EVF_MEMFD 16u    /* the image is a memory file */
#define TRN_EVF_DELETED 32u  /* the image has no name any more (nlink 0) */
#define TRN_EVF_NET_RAW 64u  /* DNS or TLS payload could not be read whole */
#define TRN_EVF_GONE 256u    /* FILE, OPEN: who did it had ended when it was read; the pid may be another's by now */
#define TRN_EVF_ENV_CUT 128u /* there were more variables than were looked at */
#define TRN_EVF_UNTOLD 512u  /* CRED: the kernel told no change; it was noticed at what the process did next */

struct trn_ev_exec {
    struct trn_str path;    /* real path inside the process's root */
    struct trn_str invoked; /* as given to execve */
    struct trn_str interp;  /* interpreter when the kernel started one for a script; else absent */
    struct trn_str script;  /* the script's path in that case (= invoked, made absolute when possible) */
    struct trn_str argv;    /* arguments, each ended by NUL */
    struct trn_str cwd;
    struct trn_str tty;       /* "pts/3"; absent when none */
    struct trn_str stdio;     /* what descriptors 0, 1, 2 are, each ended by NUL: terminal, pipe, file, null,
                                 unix-socket, network-socket, device, closed, other, unknown; absent: not told */
    struct trn_file_key file; /* of the image (path) */
    uint64_t size;
    uint32_t nlink, argc;
    uint64_t parent; /* entity */
    uint32_t parent_pid, session;
    struct trn_str env;       /* the few variables that decide what code runs (LD_PRELOAD=...), each ended by NUL */
    struct trn_str cgroup;    /* path of its cgroup, as far as it was kept; absent when unknown */
    struct trn_str container; /* id of the container, taken from the cgroup's name; absent outside one */
    uint32_t auid, login;     /* audit user id and audit session id: who logged in; TRN_NO_U32 when nobody did */
    uint32_t pidns, netns, userns; /* inode numbers of the namespaces; 0 absent */
    uint32_t tracer_pid;           /* who holds it as a debugger; 0 nobody */
    uint64_t capabilities;         /* effective; TRN_NO_U64 absent */
};

struct trn_ev_fork {
    uint64_t parent; /* entity; the header's entity is the child */
    uint32_t parent_pid;
};

struct trn_ev_exit {
    uint32_t code, signal; /* code TRN_NO_U32 when killed by a signal, and the other way round */
};

struct trn_ev_map {           /* LIB_LOAD and MEM_EXEC */
    struct trn_str path;      /* absent for anonymous memory */
    struct trn_str build_id;  /* raw bytes */
    struct trn_file_key file; /* may be none: perf gives either inode or build-id */
    uint64_t address, length;
    uint32_t prot; /* PROT_* */
};

struct trn_ev_file {               /* FILE and OPEN */
    struct trn_str path, old_path; /* old_path: renamed from */
    struct trn_file_key file;
    uint64_t size;
    uint32_t mode;             /* st_mode */
    uint32_t uid, gid;         /* who owns it now; TRN_NO_U32 absent */
    struct trn_str sensitive;  /* OPEN: class such as "browser-cookies", "ssh-key" */
    struct trn_str owner_hint; /* OPEN: whose data it is, such as "firefox"; absent when nobody's in particular */
};

struct trn_ev_net {              /* CONNECT, ACCEPT, NET_CLOSE, LISTEN, and the carrier of DNS and TLS */
    uint8_t family;              /* 4 or 6; 0 absent */
    uint8_t proto;               /* IPPROTO_* */
    uint8_t src[16], dst[16];    /* network order; IPv4 in the first 4 bytes */
    uint32_t src_port, dst_port; /* host order; TRN_NO_U32 absent */
    uint64_t bytes_out, bytes_in;
    uint64_t socket;        /* cookie, joins connect and close */
    int32_t error;          /* FAILED: errno; TRN_NO_I32 absent */
    uint32_t count;         /* CONNECT, ACCEPT, NET_CLOSE: connections it stands for; TRN_NO_U32 absent: one */
    uint64_t since_boot_ns; /* of the first of them; 0 absent */
};

struct trn_ev_dns {
    struct trn_ev_net net;
    struct trn_str name;
    struct trn_str answers; /* text forms ("10.0.0.1", "::1", a CNAME), each ended by NUL */
    uint32_t qtype, rcode;
};

struct trn_ev_tls {
    struct trn_ev_net net;
    struct trn_str sni;  /* server name; absent when none (or encrypted) */
    struct trn_str alpn; /* protocols, each ended by NUL */
    struct trn_str ja4;  /* fingerprint of the client */
    uint32_t version;    /* highest offered, such as 0x0304; TRN_NO_U32 absent */
};

struct trn_ev_access {
    uint64_t target; /* entity of the process that was reached into; 0 absent */
    uint32_t target_pid;
    struct trn_str way; /* "ptrace", "process_vm_writev", "/proc/PID/mem" ... */
};

struct trn_ev_cred { /* the header's uid, euid and gid are the new ones */
    uint32_t old_uid, old_euid, old_gid;
    uint64_t capabilities, old_capabilities; /* effective; TRN_NO_U64 absent */
};

struct trn_ev_login {
    struct trn_str method; /* program that let them in: "sshd", "login", "sudo", "su" ... */
    struct trn_str tty;
    uint32_t auid, login; /* audit user and session; TRN_NO_U32 absent */
    uint32_t from_uid;    /* SUDO, SU: who asked */
};

struct trn_ev_identity {
    struct trn_file_key file;
    struct trn_str path;
    struct trn_identity id;
};

struct trn_ev_software {
    struct trn_software software; /* the new one (the old one when removed) */
    struct trn_str from;          /* previous version; absent when newly installed */
    struct trn_str by;            /* "dpkg" ... */
};

struct trn_ev_state {    /* a remembered row: (kind, key) -> value */
    struct trn_str kind; /* "provenance", "image", "story", ... */
    uint64_t key;
    struct trn_str value; /* opaque to everybody but its owner; empty: forget */
};

struct trn_ev_meta {       /* LOSS, TICK, START, STOP, GAP, CLOCK, BPF, HOOK */
    uint32_t klass;        /* LOSS: enum trn_class */
    uint64_t count;        /* LOSS: how many; BPF: program id */
    uint64_t from_boot_ns; /* LOSS, GAP: since when */
    int64_t delta_ns;      /* CLOCK: jump of wall time against boot time */
    struct trn_str text;   /* a sentence or a name */
};

struct trn_ev_filter {        /* what is not watched: a program, a folder, file or file system, a process */
    struct trn_str path;      /* absent for a process */
    struct trn_file_key file; /* of the program or of the process's image */
    uint64_t target;          /* PROCESS: entity; 0 absent: the process table resolves target_pid */
    uint32_t target_pid;      /* TRN_NO_U32 absent */
    uint32_t classes;         /* 1 << enum trn_class each */
    uint64_t holds_ns;        /* from this event on */
    struct trn_str why;       /* who asked stands in the header */
};

struct trn_ev_exception {   /* SET, REMOVED, EXPIRED; who did it stands in the header */
    uint64_t id;            /* small number, from 1, never used again */
    struct trn_str check;   /* that weighs less */
    struct trn_str name;    /* of the acting software */
    struct trn_str version; /* of it: another version is not meant */
    struct trn_str only;    /* only where the evidence says this; absent: wherever it fires */
    struct trn_str by;      /* name of the user in the header, from the system's list of users */
    struct trn_str reason;  /* a sentence */
    uint64_t until_wall_ns;
    uint8_t sha256[TRN_SHA256_SIZE]; /* of the file that acts */
};

struct trn_ev_decision { /* the header's uid and pid are those of who decided, as the kernel told them */
    uint64_t story;      /* its number */
    struct trn_str text; /* CLOSED: why; ASSIGNED: to whom */
};

struct trn_ev_response { /* one step of an action; the header's uid and pid are those of who asked, absent: by policy */
    uint64_t id, story;  /* of the action; of the story it answers, 0: none */
    struct trn_str act, state;          /* trn_respond_name, trn_action_state_name */
    struct trn_str target_kind, target; /* "software", "acme-softphone=1.1" */
    struct trn_str check, why;          /* by policy: which check; the reason */
    struct trn_str text;                /* what was done, seen, or went wrong: a sentence */
    uint64_t until_wall_ns;             /* 0: no end */
    uint64_t took_ns;                   /* from the finding (by policy) or the request to this step */
    struct trn_str
        by; /* name of the user in the header, from the system's list of users; absent: by policy, not known */
};

struct trn_ev_brought { /* one finding about a software; the header's uid and pid are those of who told it */
    struct trn_str name, version, from; /* of the software; the version it was compared with */
    struct trn_str by, origin;          /* "gate" (also when absent), "scan", "diff"; trn_origin_name, absent: dpkg */
    struct trn_str check, path, summary;
    struct trn_str sha256;  /* of the package, or of the installed file, as text */
    struct trn_str verdict; /* of that as a whole */
    uint64_t score;
};

#define TRN_EV_EXTRAS 16

struct trn_extra {
    uint16_t field;       /* enum trn_field */
    struct trn_str value; /* string fields as they are; numbers as 8 bytes little endian */
};

struct trn_event {
    uint16_t type, action; /* enum trn_event_type, enum trn_action */
    uint32_t flags;        /* TRN_EVF_* */
    uint64_t seq;          /* given by the recorder, from 1; 0 before */
    uint64_t boot_ns;      /* CLOCK_BOOTTIME of the act */
    uint64_t wall_ns;      /* boot_ns + the wall offset the recorder knew */
    uint64_t entity;       /* 0: only pid is known, the process table resolves it */
    uint64_t start_ns;     /* FORK, EXEC: when the process began, CLOCK_BOOTTIME as the kernel keeps it; 0 absent */
    uint32_t pid, tid;     /* TRN_NO_U32 absent */
    uint32_t uid, euid, gid;
    uint32_t mntns;      /* mount namespace inode number; 0 absent */
    uint64_t cgroup;     /* cgroup v2 id; 0 absent */
    struct trn_str comm; /* the kernel's short name */
    union {
        struct trn_ev_exec exec;
        struct trn_ev_fork fork;
        struct trn_ev_exit exit;
        struct trn_ev_map map;
        struct trn_ev_file file;
        struct trn_ev_net net;
        struct trn_ev_dns dns;
        struct trn_ev_tls tls;
        struct trn_ev_access access;
        struct trn_ev_cred cred;
        struct trn_ev_login login;
        struct trn_ev_identity identity;
        struct trn_ev_software software;
        struct trn_ev_state state;
        struct trn_ev_meta meta;
        struct trn_ev_filter filter;
        struct trn_ev_exception exception;
        struct trn_ev_decision decision;
        struct trn_ev_response response;
        struct trn_ev_brought brought;
    };
    struct trn_extra extras[TRN_EV_EXTRAS];
    uint32_t n_extras;
};

/* Everything absent for this type. */
void trn_event_init(struct trn_event *ev, enum trn_event_type type);
/* Deep copy into the arena. 0 or -ENOMEM. */
int trn_event_copy(const struct trn_event *ev, struct trn_arena *arena, struct trn_event *ret) TRN_MUST_CHECK;
/* One line for people: "exec /usr/bin/id (812)"; foreign text escaped. */
void trn_event_describe(const struct trn_event *ev, struct trn_buf *out);

#endif
