/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor, in two halves that meet only in descriptors and in the records of bpf/wire.h.
 *
 * Loader half (library sensor_loader; turncoatd, root): loads and attaches the BPF programs, opens
 * the perf events, owns the fanotify group. It never reads a ring.
 * Reader half (library sensor_reader; the engine, no rights): maps what it was handed, decodes
 * records to struct trn_event. No bpf(), no open, no root.
 */
#ifndef TRN_SENSOR_SENSOR_H
#define TRN_SENSOR_SENSOR_H

#include "event/event.h"
#include "sensor/permission.h" /* loader half: opens that wait for an answer */

/* ---- what travels from the loader to the reader ---- */

enum trn_sensor_fd_kind {
    TRN_SENSOR_FD_PROCESS = 1, /* ring: fork, exec, exit */
    TRN_SENSOR_FD_NETWORK,     /* ring: connections and DNS */
    TRN_SENSOR_FD_COUNTERS,    /* losses, one record per CPU */
    TRN_SENSOR_FD_PERF,        /* one per CPU: mappings, BPF programs */
    TRN_SENSOR_FD_ACCESS,      /* ring: reaching into others, credentials, throttling */
    TRN_SENSOR_FD_RECORDS,     /* socket: records that turncoatd makes (existing processes, files) */
    TRN_SENSOR_FD_KIND_MAX,
};

struct trn_sensor_fd {
    uint32_t kind;
    uint32_t size; /* rings: bytes; counters: CPUs; perf: bytes of data; records: 0 */
    int fd;
};

/* Takes one wire record; a negative return stops the source. */
struct trn_record_sink {
    int (*record)(void *ctx, struct trn_str record);
    void *ctx;
};

/* What each hook does, for `status`: never silent about what is missing. */
enum trn_hook_state { TRN_HOOK_OFF = 0, TRN_HOOK_DEGRADED, TRN_HOOK_ON };

struct trn_sensor_hook {
    const char *name;  /* "process.exec", "network.connect4", "mapping.perf", "file.marks" */
    const char *gives; /* what is blind without it */
    enum trn_hook_state state;
    char reason[200]; /* empty when on */
};
const char *trn_hook_state_name(enum trn_hook_state s);

/* ---- loader half: BPF and perf ---- */

struct trn_sensor;

struct trn_sensor_options {
    size_t sz;                /* sizeof this struct */
    const char *scope_cgroup; /* path of a cgroup v2 folder; NULL: the whole machine */
    bool no_perf;             /* leave the perf records out */
    bool compat;              /* the programs for kernels before 5.17 also where they are not needed: for tests */
    /* How many records a second one process may make (network, dns, tls, access; as many at once after a rest). Never
     * asked for fork, exec and exit. 0: the default, TRN_SHARE_NONE: no limit */
    uint32_t share;
    /* Connections a second that one process makes to the same place, or gets from there, and that are told one by one
     * (TRN_ONE_BY_ONE_BURST seconds' worth at once after a rest). 0: the default, TRN_SHARE_NONE: all. */
    uint32_t one_by_one;
};

#define TRN_ONE_BY_ONE_DEFAULT 32u
#define TRN_ONE_BY_ONE_BURST 4u

#define TRN_SHARE_DEFAULT 20000u
#define TRN_SHARE_NONE UINT32_MAX

/* Fails only when not root or when the scope is not there; whatever the kernel refuses, up to all of BPF
 * (no BTF), is in the hook table. */
int trn_sensor_open(const struct trn_sensor_options *o, struct trn_sensor **ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_sensor *trn_sensor_close(struct trn_sensor *s); /* detaches all; takes NULL, returns NULL */
const struct trn_sensor_hook *trn_sensor_hooks(const struct trn_sensor *s, size_t *ret_count);
/* Descriptors to hand on; they stay the sensor's. */
const struct trn_sensor_fd *trn_sensor_fds(const struct trn_sensor *s, size_t *ret_count);
/* What is there now, each record with the existing flag: processes (oldest pid first), then their sockets. Fails
 * when processes cannot be listed; for the rest the hook table says what is missing. */
int trn_sensor_existing(struct trn_sensor *s, const struct trn_record_sink *sink, struct trn_err *err) TRN_MUST_CHECK;

/* Who had records left out since the last call, as throttle records; to be called about once a second. */
int trn_sensor_throttled(struct trn_sensor *s, const struct trn_record_sink *sink) TRN_MUST_CHECK;
/* Connections since the last call that were not told one by one, as sums; to be called about once a second. */
int trn_sensor_repeated(struct trn_sensor *s, const struct trn_record_sink *sink) TRN_MUST_CHECK;

/* What a filter of a program or a process names; classes: 1 << enum trn_class. */
struct trn_mute_rule {
    uint32_t pid; /* 0: every process that runs this image */
    uint64_t start_ticks;
    uint64_t inode, ctime_ns; /* of the image */
    uint64_t until_boot_ns;
    uint32_t classes;
};
/* Takes effect at the next record of whoever it is about. -ENOTSUP without BPF, -ENOSPC. Not from two threads at once. */
int trn_sensor_mute(struct trn_sensor *s, const struct trn_mute_rule *rule) TRN_MUST_CHECK;
void trn_sensor_unmute(struct trn_sensor *s, const struct trn_mute_rule *rule);

/* Whether all that was attached still is, as a hook record for what is not; attaches it again, and tells that too. To
 * be called about once a second, by the thread that reads the hook table. */
int trn_sensor_check(struct trn_sensor *s, const struct trn_record_sink *sink) TRN_MUST_CHECK;

/* Whether a process is in this cgroup v2 folder or below it. folder_fd: of the folder. False also when it is gone. */
bool trn_cgroup_has(int folder_fd, uint32_t pid);

/* ---- loader half: files ---- */

struct trn_fanotify;

struct trn_fanotify_options {
    size_t sz;
    const char *const *roots; /* mark only file systems mounted at or below these; NULL: all */
    size_t n_roots;
    const char *const *homes; /* "/root", "/home/<star>" when NULL; '*' may be the last component */
    size_t n_homes;
    uint32_t share;           /* file events a second of one process; 0: the default, TRN_SHARE_NONE: no limit */
    const char *scope_cgroup; /* only processes of it are followed into their mount namespaces; NULL: all */
};

int trn_fanotify_open(const struct trn_fanotify_options *o, struct trn_fanotify **ret, struct trn_err *err)
    TRN_MUST_CHECK;
struct trn_fanotify *trn_fanotify_close(struct trn_fanotify *f);
int trn_fanotify_fd(const struct trn_fanotify *f); /* for poll; never hand it out */
/* Reads what is there (at most `budget` reads of 64 KiB; 0: 16) and gives file and loss records. */
int trn_fanotify_read(struct trn_fanotify *f, unsigned budget, const struct trn_record_sink *sink, struct trn_err *err)
    TRN_MUST_CHECK;
/* "file.marks", "file.sensitive"; the reason names what could not be marked. */
const struct trn_sensor_hook *trn_fanotify_hooks(const struct trn_fanotify *f, size_t *ret_count);
/* Looks for new file systems and sensitive folders; call when /proc/self/mounts polls POLLPRI. */
int trn_fanotify_rescan(struct trn_fanotify *f, struct trn_err *err) TRN_MUST_CHECK;

/* A process that runs in another mount namespace: what only that one shows is watched, too, as long as a process of it
 * is known. Never waits for a file system. */
void trn_fanotify_view(struct trn_fanotify *f, uint32_t pid);
/* Looks there again, when it is time; to be called about ten times a second. */
void trn_fanotify_views_tick(struct trn_fanotify *f);

/* No more events of changes in this folder (not below it), of this file, or of this whole file system; renames are still
 * told. at: an O_PATH descriptor. From any thread. */
int trn_fanotify_ignore(struct trn_fanotify *f, int at, bool file_system, bool on) TRN_MUST_CHECK;
/* A home, or in one what is hidden, or sensitive, or on the way there: never to be filtered. */
bool trn_path_is_private(struct trn_str path);
/* Who had file events left out because it made more than its share (share), as throttle records; to be called
 * about once a second. */
int trn_fanotify_throttled(struct trn_fanotify *f, const struct trn_record_sink *sink) TRN_MUST_CHECK;

/* The same for marks. */
int trn_fanotify_check(struct trn_fanotify *f, const struct trn_record_sink *sink, struct trn_err *err) TRN_MUST_CHECK;

/* ---- loader half: process events (other users, debuggers) ---- */

struct trn_proc_events;

/* Never fails for what the kernel refuses: the hook says why. NULL: out of memory. */
struct trn_proc_events *trn_proc_events_open(void) TRN_MUST_CHECK;
struct trn_proc_events *trn_proc_events_close(struct trn_proc_events *p); /* takes NULL, returns NULL */
int trn_proc_events_fd(const struct trn_proc_events *p);                  /* for poll; -1: off */
/* Gives what is there, bounded, as access, credential and loss records. */
int trn_proc_events_read(struct trn_proc_events *p, const struct trn_record_sink *sink, struct trn_err *err)
    TRN_MUST_CHECK;
const struct trn_sensor_hook *trn_proc_events_hook(const struct trn_proc_events *p);

/* A filter that was set or ended, as a record. */
struct trn_filter_note {
    uint32_t pid, uid; /* who asked */
    uint32_t target_pid, classes;
    uint64_t inode, ctime_ns, until_boot_ns;
    bool ended, existing;     /* existing: told again to an engine that came later */
    struct trn_str path, why; /* path: absent for a process */
};
int trn_filter_record(const struct trn_filter_note *n, const struct trn_record_sink *sink) TRN_MUST_CHECK;

/* ---- loader half: the pipe of records to the reader ---- */

struct trn_record_pipe; /* may be sent into by several threads */

/* A socket pair; *ret_reader_fd is handed to the engine (kind TRN_SENSOR_FD_RECORDS). */
int trn_record_pipe_new(struct trn_record_pipe **ret, int *ret_reader_fd, struct trn_err *err) TRN_MUST_CHECK;
struct trn_record_pipe *trn_record_pipe_free(struct trn_record_pipe *c);
/* Never waits: what finds no room is dropped, counted, and told as a loss record once there is room.
 * 0 also when dropped; negative when the reader is gone (-EPIPE; -ECONNRESET once when it left records unread). */
int trn_record_pipe_send(struct trn_record_pipe *c, struct trn_str record);
/* The same, but it may wait for others and go with them: before the next one that is sent, when it is flushed, or when
 * there are enough. For many records in a row: a packet each costs more than all the rest. */
int trn_record_pipe_hold(struct trn_record_pipe *c, struct trn_str record);
int trn_record_pipe_flush(struct trn_record_pipe *c);
/* Waits up to timeout_ms for room; for the start, when nothing else is to be done. */
int trn_record_pipe_send_wait(struct trn_record_pipe *c, struct trn_str record, int timeout_ms);
struct trn_record_sink trn_record_pipe_sink_hold(struct trn_record_pipe *c); /* whoever uses it flushes */
struct trn_record_sink trn_record_pipe_sink_wait(struct trn_record_pipe *c); /* waits up to 2 s a record */
/* The process a wire record is about (0: unknown), without decoding the rest. */
uint32_t trn_record_pid(struct trn_str record);
uint64_t trn_record_pipe_dropped(const struct trn_record_pipe *c, enum trn_class klass);

/* ---- reader half ---- */

struct trn_reader;

/* Takes the descriptors (also on failure) and maps them. salt: trn_entity_salt. */
int trn_reader_new(const struct trn_sensor_fd *fds, size_t n, uint64_t salt, struct trn_reader **ret,
                   struct trn_err *err) TRN_MUST_CHECK;
struct trn_reader *trn_reader_free(struct trn_reader *r);
/* Waits until a ring is a quarter full, the pipe of records has something, or timeout_ms passed. One epoll
 * descriptor, for a caller with a loop of its own: trn_reader_fd. 1: woken, 0: timeout. */
int trn_reader_poll(struct trn_reader *r, int timeout_ms);
int trn_reader_fd(const struct trn_reader *r);
/* Gives every event that is there now, rings first; then one TRN_EV_LOSS per class whose count grew.
 * Events are borrowed until the sink returns. Returns the number of events, or negative (the sink's
 * failure; -EPIPE: turncoatd closed the pipe and it is drained). Malformed records are counted and
 * skipped. */
int trn_reader_drain(struct trn_reader *r, const struct trn_event_sink *sink);
/* Since the start, per class: lost in the kernel, dropped by turncoatd, lost in perf buffers. What was left out on
 * purpose (throttled, filtered) is not among it. */
void trn_reader_losses(const struct trn_reader *r, uint64_t ret_lost[TRN_CLASS_MAX]);

/* The same by reason, and by CPU where the source has one buffer or counter a CPU. */
struct trn_loss_row {
    const char *name;   /* of the class; "throttled" and "filtered" for what was left out on purpose */
    const char *reason; /* "ring full", "scratch busy", "buffer full", "queue overflow" ... */
    uint64_t count;
    uint32_t cpus;           /* how many per_cpu has; 0: not by CPU */
    const uint64_t *per_cpu; /* borrowed until the next call */
};
#define TRN_LOSS_ROWS 24
size_t trn_reader_loss_rows(struct trn_reader *r, struct trn_loss_row ret[TRN_LOSS_ROWS]);
uint64_t trn_reader_malformed(const struct trn_reader *r);

/* One wire record to an event. 0; -EBADMSG; -ENOMEM; -ENODATA: fine, but tells nothing. */
int trn_decode_record(struct trn_cursor record, uint64_t salt, struct trn_arena *arena, struct trn_event *ret)
    TRN_MUST_CHECK;
/* One perf record (header and body), sample_id_all with TID and TIME. */
int trn_decode_perf(struct trn_cursor record, struct trn_arena *arena, struct trn_event *ret) TRN_MUST_CHECK;

/* ---- sensitive places: one table, in sensitive.c ---- */

struct trn_sensitive_place {
    const char *directory; /* below a home; '*' is one component */
    const char *files;     /* globs, separated by spaces; '!' before one excludes */
    const char *klass;     /* "browser-cookies", "ssh-key", ... */
    const char *owner;     /* whose data it is: what package names of the owner begin with; NULL */
};
const struct trn_sensitive_place *trn_sensitive_places(size_t *ret_count);
/* Place of a file by the path below a home ("" or ".ssh/id_rsa"): index from 1, 0: not sensitive. */
unsigned trn_sensitive_find(struct trn_str below_home);

/* ---- loader half: what turncoatd acts with; they need what stands above ---- */
#include "sensor/cn_proc.h"
#include "sensor/cut.h"
#include "sensor/gate.h"
#include "sensor/held.h"
#include "sensor/shield.h"

#endif
