/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of turncoatd. Each struct is owned by main's struct trn_daemon. */
#ifndef TRN_DAEMON_DAEMON_H
#define TRN_DAEMON_DAEMON_H

#include "channel/channel.h"
#include "policy/policy.h"
#include "sensor/sensor.h"

#include <sys/types.h>

/* ---- place.c: state folder, ids, users ---- */
struct trn_place {
    char state_dir[4096]; /* absolute */
    int state_fd;
    int lock_fd; /* holds the lock that makes us the only turncoatd of this folder */
    uint8_t host_id[16], boot_id[16];
    uid_t engine_uid, inspect_uid;
    gid_t engine_gid, inspect_gid, look_gid, respond_gid; /* (gid_t)-1: the group does not exist */
    bool spare_users;                                     /* the users are not there: fixed spare ids are used */
    uint32_t mntns;
};
/* Makes the folder and the host id when missing. -EBUSY: another turncoatd uses it; -ENOTEMPTY: it is somebody's. */
int trn_place_open(const char *state_dir, struct trn_place *ret, struct trn_err *err) TRN_MUST_CHECK;
void trn_place_close(struct trn_place *p);
/* Listening Unix socket STATE/turncoat.sock for the group that may look; fd or negative errno. */
int trn_place_listen(const struct trn_place *p, struct trn_err *err) TRN_MUST_CHECK;

/* ---- spawn.c: the siblings ---- */
/* Starts `name` from the folder turncoatd itself was started from. fds become 3, 4, ... in the child;
 * cwd_fd its folder (-1: unchanged). */
int trn_spawn(const char *name, const char *const *argv, const int *fds, unsigned n_fds, int cwd_fd, pid_t *ret_pid,
              int *ret_pidfd, struct trn_err *err) TRN_MUST_CHECK;

/* ---- policy.c: the policy, read by a worker of our own ---- */
/* At start: waits for the worker, at most 15 s. A file that is not there is to detect, unless it must exist. */
int trn_daemon_policy_load(const char *path, bool must_exist, const struct trn_place *place, struct trn_policy *ret,
                           struct trn_err *err) TRN_MUST_CHECK;
/* Again, from the main thread, which waits for nobody: start, poll the descriptor, step until it is not 1 (0: *ret is the new
 * policy; otherwise the old one holds), end. */
struct trn_policy_reading;
int trn_policy_read_start(const char *path, const struct trn_place *place, struct trn_policy_reading **ret,
                          struct trn_err *err) TRN_MUST_CHECK;
int trn_policy_read_fd(const struct trn_policy_reading *r);
int trn_policy_read_step(struct trn_policy_reading *r, struct trn_policy *ret, struct trn_err *err) TRN_MUST_CHECK;
struct trn_policy_reading *trn_policy_read_end(struct trn_policy_reading *r); /* takes NULL */
/* To the engine, on the control socket. */
int trn_policy_send(int control_sock, const struct trn_policy *p) TRN_MUST_CHECK;

/* ---- open_plain.c ---- */
struct stat;
/* Opens a plain file of a real file system for reading, below root_fd or (root_fd -1) as the path says;
 * -EINVAL for anything else, which was then not opened. */
int trn_open_plain(int root_fd, const char *path, struct stat *ret) TRN_MUST_CHECK;

/* ---- filter.c: what is not watched for a while ---- */
struct trn_filters;
/* listen_fd: the local socket, of which those who ask are clients. */
struct trn_filters *trn_filters_new(struct trn_sensor *sensor, const char *state_dir, gid_t respond_gid, int listen_fd)
    TRN_MUST_CHECK;
struct trn_filters *trn_filters_free(
    struct trn_filters *f); /* takes NULL; what was filtered is watched again by closing */
void trn_filters_files(struct trn_filters *f, struct trn_fanotify *files); /* NULL: before it is closed */
/* One request; client: the socket of whoever asks, borrowed. From the thread that takes requests. */
int trn_filters_serve(struct trn_filters *f, const struct trn_filter_request *q, int client,
                      const struct trn_record_sink *sink, struct trn_err *err) TRN_MUST_CHECK;
void trn_filters_tick(struct trn_filters *f, const struct trn_record_sink *sink); /* lets expire; about once a second */
void trn_filters_tell(struct trn_filters *f, const struct trn_record_sink *sink); /* all, to a new engine */

/* ---- opener.c: a thread that serves one engine's OPEN and DPKG requests ---- */
struct trn_opener;
struct trn_opener_options {
    int files_sock;                  /* taken over */
    int jobs_sock;                   /* borrowed: inspect's jobs; non-blocking */
    int control_sock;                /* borrowed: READY is sent here */
    struct trn_sensor *sensor;       /* borrowed: existing processes are read first; NULL: none */
    struct trn_record_pipe *records; /* borrowed */
    struct trn_filters *filters;     /* borrowed: told to a new engine; NULL: none */
    const char *const *indicators;   /* files to submit as jobs, borrowed */
    uint32_t n_indicators;
    uint32_t run;          /* engines before this one: keeps the numbers of their jobs apart */
    const char *state_dir; /* borrowed; indicators below it are opened in it and nowhere else */
    int views_fd;          /* borrowed: pids of processes in other mount namespaces, to the main thread; 0: none */
    unsigned *dropped;     /* atomic counter of malformed messages */
};
int trn_opener_start(const struct trn_opener_options *o, struct trn_opener **ret, struct trn_err *err) TRN_MUST_CHECK;
/* True when the engine misbehaved or went away. */
bool trn_opener_ended(const struct trn_opener *o);
/* The engine must be gone, so that nothing waits for it. Returns within 300 ms. Takes NULL. */
struct trn_opener *trn_opener_stop(struct trn_opener *o);

/* ---- bundle.c: a package database in one descriptor, unparsed ---- */
/* Stamp of the database below root (an O_PATH descriptor): changes whenever dpkg changed something.
 * -ENODATA: there is none. */
int trn_dpkg_stamp(int root_fd, uint64_t *ret) TRN_MUST_CHECK;
int trn_dpkg_bundle(int root_fd) TRN_MUST_CHECK; /* memory file, rewound; or negative errno */

#endif
