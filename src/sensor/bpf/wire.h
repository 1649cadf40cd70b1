/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Overview: the records that travel from the kernel programs, and from turncoatd's fanotify reader,
 * to the engine. One header for both sides.
 *
 * Layout: a fixed head per type, then a tail of strings whose lengths stand in the head. Little
 * endian; records never leave the machine they were made on. A change of any struct here bumps
 * TRN_WIRE_VERSION; the decoder refuses other versions.
 *
 * A process is always named by (tgid, start): start_boottime of its leader in nanoseconds, so that
 * a reused pid is another process. A record from fanotify knows only the tgid; its start is 0 and
 * the engine resolves it.
 */
#ifndef TRN_SENSOR_WIRE_H
#define TRN_SENSOR_WIRE_H

#include <linux/types.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the wire format is little endian"
#endif

#define TRN_WIRE_VERSION 3

enum trn_wire_type {
    TRN_WIRE_FORK = 1,
    TRN_WIRE_EXEC = 2,
    TRN_WIRE_EXIT = 3,
    TRN_WIRE_CRED = 4,         /* another user, other capabilities */
    TRN_WIRE_ACCESS = 5,       /* reached into another process */
    TRN_WIRE_MAPPED = 6,       /* executable mapping that was there before the sensor */
    TRN_WIRE_CONNECT = 16,     /* connect(2) was asked for */
    TRN_WIRE_ESTABLISHED = 17, /* outgoing TCP is up */
    TRN_WIRE_FAILED = 18,      /* outgoing TCP never came up */
    TRN_WIRE_ACCEPT = 19,      /* incoming TCP is up */
    TRN_WIRE_CLOSE = 20,       /* TCP ended, with its bytes */
    TRN_WIRE_SEND = 21,        /* first datagram of a socket to a destination */
    TRN_WIRE_LISTEN = 22,      /* TCP listen, UDP bind */
    TRN_WIRE_REPEATED = 23,    /* made by turncoatd: connections that were not told one by one */
    TRN_WIRE_DNS = 32,
    TRN_WIRE_DNS_STREAM = 33, /* DNS over TCP: one segment */
    TRN_WIRE_TLS = 34,        /* one piece of a ClientHello */
    TRN_WIRE_FILE = 48,       /* made by turncoatd from fanotify */
    TRN_WIRE_LOSS = 64,       /* made by turncoatd: what it had to drop */
    TRN_WIRE_THROTTLE = 65,   /* records of one process that were left out on purpose */
    TRN_WIRE_HOOK = 66,       /* made by turncoatd: a hook was lost or came back */
    TRN_WIRE_FILTER = 67,     /* made by turncoatd: a filter was set or ended */
};

/* Flags of an exec record. */
#define TRN_WIRE_EXISTING (1u << 0) /* ran before the sensor did */
#define TRN_WIRE_DELETED (1u << 1)  /* the file has no name left */
#define TRN_WIRE_MEMFD (1u << 2)    /* lives on the kernel's own tmpfs */
#define TRN_WIRE_ARGV_TRUNCATED (1u << 3)
#define TRN_WIRE_PATH_TRUNCATED (1u << 4) /* leading components are missing */
#define TRN_WIRE_CWD_TRUNCATED (1u << 5)
#define TRN_WIRE_CGROUP_TRUNCATED (1u << 6)
#define TRN_WIRE_CGROUP1_TRUNCATED (1u << 7)
#define TRN_WIRE_SCRIPT_TRUNCATED (1u << 9)
#define TRN_WIRE_ENV_TRUNCATED (1u << 8) /* variables that were not looked at, or not kept whole */

/* Flags of a file record. */
#define TRN_WIRE_FILE_DIRECTORY (1u << 0)
#define TRN_WIRE_FILE_NO_STAT (1u << 1) /* gone before it could be looked at; the inode may be known */
#define TRN_WIRE_FILE_GONE (1u << 2)    /* who did it had ended when it was read */

/* Flags of a network record. */
#define TRN_WIRE_NET_EXISTING (1u << 0) /* was there before the sensor */
#define TRN_WIRE_NET_RAW (1u << 1)      /* LISTEN: a raw socket, or one on the wire itself (family AF_PACKET) */

/* What a descriptor is, by the kernel's own objects: a name in /dev says nothing. */
enum trn_wire_stdio {
    TRN_WIRE_STDIO_UNKNOWN = 0, /* not looked at: the process is ending, or the record is older */
    TRN_WIRE_STDIO_CLOSED = 1,
    TRN_WIRE_STDIO_FILE = 2,
    TRN_WIRE_STDIO_NULL = 3, /* /dev/null */
    TRN_WIRE_STDIO_TERMINAL = 4,
    TRN_WIRE_STDIO_PIPE = 5,
    TRN_WIRE_STDIO_UNIX = 6,    /* socket to another process of this machine */
    TRN_WIRE_STDIO_NETWORK = 7, /* socket of IPv4, IPv6 or a virtual machine's host */
    TRN_WIRE_STDIO_DEVICE = 8,
    TRN_WIRE_STDIO_OTHER = 9,
    TRN_WIRE_STDIO_MAX = 10,
};
#define TRN_WIRE_STDIO_BITS 4

enum trn_wire_file_op {
    TRN_WIRE_FILE_CREATE = 1,
    TRN_WIRE_FILE_OPEN = 2, /* only in sensitive places */
    TRN_WIRE_FILE_CLOSE_WRITE = 3,
    TRN_WIRE_FILE_RENAME = 4,
    TRN_WIRE_FILE_DELETE = 5,
    TRN_WIRE_FILE_ATTRIBUTES = 6,
};

/* Limits of the tail, so that both sides can size their buffers. */
#define TRN_WIRE_ARGV_MAX 1536
#define TRN_WIRE_PATH_MAX 2048
#define TRN_WIRE_NAME_MAX 256
#define TRN_WIRE_TTY_MAX 64
#define TRN_WIRE_COMM_MAX 16
#define TRN_WIRE_DEPTH_MAX 40
#define TRN_WIRE_ENV_MAX 1024 /* bytes of variables kept */
#define TRN_WIRE_ENV_ONE 512  /* of one of them, NUL included */
#define TRN_WIRE_ENV_LOOK 256 /* strings looked at (a long one counts once per ENV_ONE) */
#define TRN_WIRE_CGROUP_MAX 512
#define TRN_WIRE_CGROUP_DEPTH 12
#define TRN_WIRE_DNS_MAX 512
#define TRN_WIRE_PIECE_MAX 1024
#define TRN_WIRE_HELLO_MAX 8192 /* bytes of a connection that may be told as a ClientHello */
#define TRN_WIRE_RECORD_MAX 9216

struct trn_wire_header {
    __u32 size; /* of the whole record, this header included */
    __u16 type;
    __u8 version;
    __u8 reserved;
    __u64 time;  /* CLOCK_BOOTTIME, ns */
    __u64 start; /* of the process that acted; 0: unknown */
    __u32 tgid;  /* 0: unknown */
    __u32 tid;
};

/* The child is the header's process. */
struct trn_wire_fork {
    struct trn_wire_header head;
    __u64 parent_start;
    __u64 cgroup;
    __u32 parent_tgid;
    __u32 uid;
};

struct trn_wire_exit {
    struct trn_wire_header head;
    __u32 status; /* as wait(2) gives it: code << 8 | signal */
    __u32 uid;
};

/*
 * Tail, in this order: path, invoked name, interpreter, argv, env, cwd, tty,
 * comm, cgroup, cgroup1, script. path, cwd, the cgroups and script are components,
 * leaf first, each ended by a NUL, so that the kernel side never has to turn them
 * round. script is what the N of an invoked "/dev/fd/N..." was, for a script only.
 * argv is as the kernel lays it out, NUL between the words; env holds only the
 * variables of env.bpf.h's table. cgroup1 is the place in the memory controller
 * where that is still a hierarchy of its own (cgroup v1).
 */
struct trn_wire_exec {
    struct trn_wire_header head;
    __u64 parent_start;
    __u64 cgroup;
    __u64 inode;
    __u64 file_size;
    __s64 ctime_sec;
    __u32 ctime_nsec;
    __u32 nlink;
    __u32 dev_major;
    __u32 dev_minor;
    __u32 parent_tgid;
    __u32 session;
    __u32 mnt_ns;
    __u32 uid;
    __u32 euid;
    __u32 gid;
    __u32 flags;
    __u32 argc; /* 0: not known */
    __u32 auid; /* all ones: nobody logged in */
    __u32 login;
    __u32 pid_ns;
    __u32 net_ns;
    __u32 user_ns;
    __u32 tracer; /* tgid; 0: nobody */
    __u64 capabilities;
    __u16 path_len;
    __u16 name_len;
    __u16 interp_len;
    __u16 argv_len;
    __u16 cwd_len;
    __u16 tty_len;
    __u16 comm_len;
    __u16 env_len;
    __u16 cgroup_len;
    __u16 cgroup1_len;
    __u16 script_len;
    __u16 stdio; /* what descriptors 0, 1 and 2 are: enum trn_wire_stdio, 4 bits each, 0 lowest */
};

/* Tail: path, as in an exec record; none for memory without a file. */
struct trn_wire_mapped {
    struct trn_wire_header head;
    __u64 inode;
    __u64 ctime; /* ns */
    __u64 address;
    __u64 length;
    __u32 dev_major;
    __u32 dev_minor;
    __u32 nlink;
    __u32 prot;  /* PROT_* */
    __u32 flags; /* TRN_WIRE_MEMFD, TRN_WIRE_PATH_TRUNCATED */
    __u16 path_len;
    __u16 reserved;
};

struct trn_wire_net {
    struct trn_wire_header head;
    __u64 cookie; /* the same for all records of one socket */
    __u64 bytes_out;
    __u64 bytes_in;
    __u64 opened; /* boot ns when the socket was first seen */
    __u32 uid;
    __u32 error; /* errno of a failed connection */
    __u16 local_port;
    __u16 remote_port;
    __u8 family;   /* AF_INET, AF_INET6; AF_PACKET in LISTEN */
    __u8 protocol; /* IPPROTO_* */
    __u8 incoming;
    __u8 flags;     /* TRN_WIRE_NET_* */
    __u8 local[16]; /* IPv4 in the first four bytes */
    __u8 remote[16];
};

/*
 * What connections of one process to one place (or from there) have in common, as net.head.type REPEATED.
 * No cookie, no port of the calling side; bytes are the sums. head.tgid 0, no address: not known any more.
 */
struct trn_wire_repeated {
    struct trn_wire_net net;
    __u64 since; /* boot ns of the first */
    __u32 count;
    __u16 what; /* CONNECT, FAILED, ACCEPT or CLOSE */
    __u16 reserved;
};

struct trn_wire_dns {
    struct trn_wire_header head;
    __u64 cookie;
    __u16 local_port;
    __u16 remote_port;
    __u16 payload_len; /* bytes kept */
    __u16 full_len;    /* bytes on the wire */
    __u8 family;
    __u8 answer; /* came from port 53 */
    __u8 reserved[6];
    __u8 local[16];
    __u8 remote[16];
    __u8 payload[TRN_WIRE_DNS_MAX];
};

/* One piece of what a TCP connection carries: DNS_STREAM and TLS. */
struct trn_wire_piece {
    struct trn_wire_header head;
    __u64 cookie;
    __u32 seq; /* TCP sequence number of its first byte */
    __u16 local_port;
    __u16 remote_port;
    __u16 payload_len;
    __u8 family;
    __u8 incoming; /* the other side sent it */
    __u8 first;    /* DNS_STREAM: begins a segment; TLS: begins the hello */
    __u8 reserved[3];
    __u8 local[16];
    __u8 remote[16];
    __u8 payload[TRN_WIRE_PIECE_MAX];
};

/* Tail: path, then the old path of a rename. */
struct trn_wire_file {
    struct trn_wire_header head;
    __u64 inode;
    __u64 file_size;
    __s64 ctime_sec;
    __u32 ctime_nsec;
    __u32 nlink;
    __u32 dev_major;
    __u32 dev_minor;
    __u32 mode;
    __u32 flags;
    __u32 uid;
    __u32 gid;
    __u16 op;
    __u16 sensitive; /* place in the table of sensitive.c, from 1; 0: none */
    __u16 path_len;
    __u16 old_path_len;
};

enum trn_wire_loss_reason {
    TRN_WIRE_LOSS_PIPE = 0,  /* no room in the pipe to the engine */
    TRN_WIRE_LOSS_QUEUE = 1, /* fanotify's queue overflowed */
    TRN_WIRE_LOSS_REASONS = 2,
};

/* The header's process reached into another one. */
enum trn_wire_access_act { TRN_WIRE_ACCESS_ATTACH = 1, TRN_WIRE_ACCESS_READ = 2, TRN_WIRE_ACCESS_WRITE = 3 };
enum trn_wire_access_way {
    TRN_WIRE_WAY_PTRACE = 1,
    TRN_WIRE_WAY_PROCESS_VM = 2,    /* process_vm_readv, process_vm_writev */
    TRN_WIRE_WAY_PROC_MEM = 3,      /* /proc/PID/mem */
    TRN_WIRE_WAY_PROC_MEM_RING = 4, /* the same by io_uring */
    TRN_WIRE_WAY_PIDFD_GETFD = 5,
    TRN_WIRE_WAY_MAX = 6,
};

struct trn_wire_access {
    struct trn_wire_header head;
    __u64 target_start; /* 0: unknown */
    __u32 target_tgid;  /* 0: unknown */
    __u32 uid;          /* of the one who reached, at this moment; all ones: unknown */
    __u32 euid;
    __u32 gid;
    __u16 act;
    __u16 way;
    __u32 reserved;
};

/* Made by turncoatd. The header's process has other ids now; those that are not told are all ones. */
struct trn_wire_cred {
    struct trn_wire_header head;
    __u32 uid;
    __u32 euid;
    __u32 gid;
    __u32 reserved;
};

/* Made by turncoatd. Tail: the hook's name, then a sentence. */
struct trn_wire_hook {
    struct trn_wire_header head;
    __u32 returned; /* 0: lost */
    __u16 name_len;
    __u16 text_len;
};

struct trn_wire_loss {
    struct trn_wire_header head;
    __u32 class;  /* enum trn_class */
    __u32 reason; /* enum trn_wire_loss_reason */
    __u64 count;
    __u64 since; /* boot ns */
};

/* What one process was refused because it did more than its share; the head names it, tgid 0: not known. */
struct trn_wire_throttle {
    struct trn_wire_header head;
    __u32 class; /* enum trn_class */
    __u32 reserved;
    __u64 count;
    __u64 since; /* boot ns */
};

#define TRN_WIRE_FILTER_ENDED (1u << 0)
#define TRN_WIRE_FILTER_EXISTING (1u << 1) /* told again to an engine that started later */
#define TRN_WIRE_FILTER_WHY_MAX 200

/* The head names who asked. Tail: path (plain, from turncoatd's root; none: a process), then the reason. */
struct trn_wire_filter {
    struct trn_wire_header head;
    __u64 inode;
    __u64 ctime; /* ns */
    __u64 until; /* boot ns */
    __u32 target_tgid;
    __u32 uid;     /* who asked */
    __u32 classes; /* 1 << enum trn_class */
    __u32 flags;
    __u16 path_len;
    __u16 why_len;
    __u32 reserved;
};

/* One per CPU, read by the engine through a plain mapping; loss.c says which class each one belongs to. */
#define TRN_WIRE_LOST_PROCESS 0
#define TRN_WIRE_LOST_NETWORK 1
#define TRN_WIRE_LOST_DNS 2
#define TRN_WIRE_LOST_TLS 3
#define TRN_WIRE_LOST_ACCESS 4
#define TRN_WIRE_LOST_THROTTLED 5 /* left out on purpose, told in THROTTLE records too */
#define TRN_WIRE_LOST_MUTED 6     /* left out because of a filter */
#define TRN_WIRE_LOST_SCRATCH 7   /* of the process ones: two tasks wanted one CPU's scratch */
#define TRN_WIRE_LOST_MAX 8

struct trn_wire_losses {
    __u64 lost[TRN_WIRE_LOST_MAX];
};

_Static_assert(sizeof(struct trn_wire_header) == 32, "wire header");
_Static_assert(sizeof(struct trn_wire_fork) == 56, "fork record");
_Static_assert(sizeof(struct trn_wire_exit) == 40, "exit record");
_Static_assert(sizeof(struct trn_wire_exec) == 176, "exec record");
_Static_assert(sizeof(struct trn_wire_net) == 112, "network record");
_Static_assert(sizeof(struct trn_wire_repeated) == 128, "repeated record");
_Static_assert(sizeof(struct trn_wire_dns) == 600, "dns record");
_Static_assert(sizeof(struct trn_wire_piece) == 1112, "piece record");
_Static_assert(sizeof(struct trn_wire_file) == 96, "file record");
_Static_assert(sizeof(struct trn_wire_access) == 64, "access record");
_Static_assert(sizeof(struct trn_wire_cred) == 48, "credentials record");
_Static_assert(sizeof(struct trn_wire_hook) == 40, "hook record");
_Static_assert(sizeof(struct trn_wire_loss) == 56, "loss record");
_Static_assert(sizeof(struct trn_wire_mapped) == 88, "mapped record");
_Static_assert(sizeof(struct trn_wire_filter) == 80, "filter record");
_Static_assert(sizeof(struct trn_wire_throttle) == 56, "throttle record");
_Static_assert(sizeof(struct trn_wire_losses) == 64, "losses fill a cache line");

#endif
