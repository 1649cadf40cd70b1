/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between turncoatd and the engine. Four sockets, so that nobody waits for the wrong thing
 * (the records of fanotify and of existing processes go over the sensor's own channel):
 *   control  turncoatd -> engine: HELLO, SOCKETS, RINGS, READY, then HEALTH; its end means: finish
 *   files    engine -> turncoatd: OPEN, DPKG, VIEW; answers come back on the same socket. turncoatd opens
 *            and hands the descriptor to inspect, never to the engine.
 *   acts     engine -> turncoatd: FILTER; the answer comes back on the same socket. The client's own socket
 *            travels with it, so that turncoatd itself sees who asks.
 *   respond  both ways: what the policy wants done, and every step of every action (act.h)
 * Decoders check ranges and that no byte is left over; a message that fails ends the connection.
 */
#ifndef TRN_CHANNEL_CHANNEL_H
#define TRN_CHANNEL_CHANNEL_H

#include "channel/act.h"
#include "channel/peer.h"
#include "event/event.h"

enum trn_channel_message {
    TRN_CH_HELLO = 0x40,
    TRN_CH_SOCKETS, /* descriptors: enum trn_channel_socket */
    TRN_CH_RINGS,   /* descriptors of the sensor; body: u32 kind, u32 size for each; several messages */
    TRN_CH_READY,   /* all was handed over, existing processes were sent */
    TRN_CH_HEALTH,  /* hooks and counters, at start and when they change */
    TRN_CH_OPEN,
    TRN_CH_OPENED,
    TRN_CH_FAILED,
    TRN_CH_DPKG,
    TRN_CH_DPKG_STAMP,
    TRN_CH_DPKG_SAME,
    TRN_CH_INSPECT_LOST, /* control: inspect died and was started anew; its jobs are lost */
    TRN_CH_FILTER,       /* acts: with the socket of whoever asks */
    TRN_CH_FILTERED,
    TRN_CH_ACT_FILES, /* acts, respond: files of the job that follows */
    TRN_CH_ACT,       /* acts: with the socket of whoever asks; respond: by policy, without */
    TRN_CH_ACTED,
    TRN_CH_ACTION, /* respond, from turncoatd: an encoded RESPONSE event */
    TRN_CH_HELD,   /* respond, from turncoatd: a new program waits */
    TRN_CH_JUDGED, /* respond, from the engine: it may run, or not */
    TRN_CH_VIEW,   /* files: a process that runs in another mount namespace; no answer */
    TRN_CH_POLICY, /* control: the encoded policy, at start and when it changed */
};

enum trn_channel_socket {
    TRN_CH_SOCK_LISTEN = 0, /* the local socket, listening */
    TRN_CH_SOCK_FILES,
    TRN_CH_SOCK_RESULTS, /* inspect's results */
    TRN_CH_SOCK_ACTS,    /* what somebody asks turncoatd to do, and its answers */
    TRN_CH_SOCK_RESPOND, /* what the policy wants done, and every step of every action */
    TRN_CH_SOCK_COUNT,
};

struct trn_hello {
    uint8_t host_id[16], boot_id[16];
    uint32_t sensor_fds; /* how many sensor descriptors follow */
    uint32_t restarts;   /* engines lost before this one */
    uint32_t dropped;    /* malformed messages that cost a peer its connection */
    uint32_t daemon_pid, guard_pid, inspect_pid;
    uint32_t indicator_files; /* jobs trn_indicator_job(restarts, 0..n-1) are on their way */
    uint32_t mntns;           /* turncoatd's own */
    uint32_t respond_gid;     /* group turncoat-respond; TRN_NO_U32: only root may act */
    struct trn_str state_dir, scope, config_note;
    struct trn_str indicator_names; /* in the order of their jobs, each ended by NUL */
};
void trn_hello_encode(const struct trn_hello *h, struct trn_buf *out);
int trn_hello_decode(struct trn_cursor *in, struct trn_hello *ret) TRN_MUST_CHECK;

struct trn_hook_report {
    struct trn_str name, state, reason; /* state: "on" "degraded" "off" */
};
/* What turncoatd answered to those who asked to open or to start something, since it began. */
struct trn_health_answers {
    uint64_t asked, refused, allowed;
    uint64_t late, late_refused; /* of these: by the deadline, or for lack of room */
    uint64_t held, judged;       /* new programs: told to the engine, answered in time */
    uint64_t slowest_ns;
    uint32_t rules, mounts; /* of now */
};
#define TRN_HEALTH_HOOKS 64
struct trn_health {
    struct trn_hook_report hooks[TRN_HEALTH_HOOKS];
    uint32_t n_hooks;
    uint64_t losses[TRN_CLASS_MAX]; /* of turncoatd's own sources (fanotify, records socket) */
    uint64_t map_bytes;             /* memory of BPF maps and rings */
    uint32_t restarts, dropped;
    uint32_t guard_pid, inspect_pid; /* of now: they may have been started anew since HELLO */
    struct trn_health_answers answers;
};
void trn_health_encode(const struct trn_health *h, struct trn_buf *out);
int trn_health_decode(struct trn_cursor *in, struct trn_health *ret) TRN_MUST_CHECK;

struct trn_open_request {
    uint64_t job;
    uint16_t kind;            /* enum trn_job_kind, opaque here */
    uint32_t pid;             /* whose root the path is in; 0: turncoatd's own */
    bool image;               /* try /proc/PID/exe first: it is the image, whatever its name is now */
    struct trn_file_key want; /* none: any content */
    struct trn_str path;      /* absolute inside that root */
};
void trn_open_encode(const struct trn_open_request *o, struct trn_buf *out);
int trn_open_decode(struct trn_cursor *in, struct trn_open_request *ret) TRN_MUST_CHECK;

struct trn_opened {
    uint64_t job, size;
    struct trn_file_key key;
    struct trn_str path; /* the real one, links resolved; absent when the file is in another root */
};
void trn_opened_encode(const struct trn_opened *o, struct trn_buf *out);
int trn_opened_decode(struct trn_cursor *in, struct trn_opened *ret) TRN_MUST_CHECK;

struct trn_failed {
    uint64_t job;
    int32_t code; /* negative errno; -ESTALE: another content is there now */
};
void trn_failed_encode(const struct trn_failed *f, struct trn_buf *out);
int trn_failed_decode(struct trn_cursor *in, struct trn_failed *ret) TRN_MUST_CHECK;

struct trn_dpkg_request {
    uint64_t job;
    uint32_t pid;   /* a process in that root; 0: turncoatd's own */
    uint64_t stamp; /* of what the engine has; the same stamp answers DPKG_SAME and no bundle */
};
void trn_dpkg_encode(const struct trn_dpkg_request *d, struct trn_buf *out);
int trn_dpkg_decode(struct trn_cursor *in, struct trn_dpkg_request *ret) TRN_MUST_CHECK;
/* DPKG_STAMP and DPKG_SAME share a body. */
struct trn_dpkg_answer {
    uint64_t job, stamp;
};
void trn_dpkg_answer_encode(const struct trn_dpkg_answer *d, struct trn_buf *out);
int trn_dpkg_answer_decode(struct trn_cursor *in, struct trn_dpkg_answer *ret) TRN_MUST_CHECK;

struct trn_view_request {
    uint32_t pid;
};
void trn_view_encode(const struct trn_view_request *v, struct trn_buf *out);
int trn_view_decode(struct trn_cursor *in, struct trn_view_request *ret) TRN_MUST_CHECK;

enum trn_filter_kind { TRN_FILTER_PROGRAM = 1, TRN_FILTER_PROCESS, TRN_FILTER_PATH, TRN_FILTER_FILESYSTEM };
#define TRN_FILTER_KINDS 5
#define TRN_FILTER_WHY_MAX 200
/* Classes that a program or a process may be filtered of; of paths it is always TRN_CLASS_FILE. */
#define TRN_FILTER_CLASSES \
    (1u << TRN_CLASS_NETWORK | 1u << TRN_CLASS_DNS | 1u << TRN_CLASS_TLS | 1u << TRN_CLASS_ACCESS)

struct trn_filter_request {
    uint64_t job;
    bool remove;
    uint16_t kind;       /* enum trn_filter_kind */
    uint32_t pid;        /* PROCESS */
    uint32_t classes;    /* 1 << enum trn_class */
    uint64_t seconds;    /* how long; 0: the default */
    struct trn_str path; /* absent for a process */
    struct trn_str why;
};
void trn_filter_encode(const struct trn_filter_request *f, struct trn_buf *out);
int trn_filter_decode(struct trn_cursor *in, struct trn_filter_request *ret) TRN_MUST_CHECK;

struct trn_filter_answer {
    uint64_t job;
    int32_t code; /* 0 or a negative errno */
    struct trn_str message, hint;
};
void trn_filter_answer_encode(const struct trn_filter_answer *f, struct trn_buf *out);
int trn_filter_answer_decode(struct trn_cursor *in, struct trn_filter_answer *ret) TRN_MUST_CHECK;

/* A job for inspect, in the bytes that src/inspect expects (TRN_INSPECT_JOB): turncoatd may not link
 * that room. kind is opaque here; fd is borrowed. */
#define TRN_CH_INSPECT_JOB 0x10
/* The policy's job, which turncoatd reads the results of by itself (src/daemon/policy.c). */
#define TRN_CH_INSPECT_POLICY_JOB 6
#define TRN_CH_INSPECT_BAD_LINE 0x25 /* u64 job, u64 line, lstr why */
#define TRN_CH_INSPECT_END 0x27      /* u64 job, i32 code, lstr message */
#define TRN_CH_INSPECT_POLICY 0x28   /* u64 job, an encoded policy */
/* The facts of one file, of which turncoatd reads the build-id by itself (src/response/execute/judge_build_id.c). */
#define TRN_CH_INSPECT_FACTS_JOB 1
#define TRN_CH_INSPECT_FACTS 0x20
#define TRN_CH_BUILD_ID_MAX 64u
struct trn_channel_facts {
    uint64_t job, size;
    uint8_t sha256[TRN_SHA256_SIZE];
    struct trn_str build_id; /* raw; absent; a view into the message */
};
int trn_channel_facts_decode(struct trn_cursor *in, struct trn_channel_facts *ret) TRN_MUST_CHECK;
int trn_channel_end_decode(struct trn_cursor *in, uint64_t *ret_job) TRN_MUST_CHECK; /* of TRN_CH_INSPECT_END */
/* Results of jobs that a lost engine had asked for still come, to the next one: no two runs share numbers.
 * turncoatd's own jobs (indicator files) come first, then what the engine asks for. */
#define TRN_CH_FIRST_ENGINE_JOB (1u << 16)
static inline uint64_t trn_run_job(uint32_t run, uint32_t n)
{
    return (uint64_t)(run & 0x7fff) << 32 | n; /* below 1 << 48, where the engine's index jobs begin */
}
static inline uint64_t trn_indicator_job(uint32_t run, uint32_t file)
{
    return trn_run_job(run, file + 1);
}
int trn_channel_job(int jobs_sock, uint64_t id, uint16_t kind, struct trn_str name, int fd) TRN_MUST_CHECK;

#endif
