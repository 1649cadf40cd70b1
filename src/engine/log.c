/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the event log's files: STATE/log/RUN-SEGMENT.trnl, their rotation and their total size. A run
 * is replayed by giving its segments in order. Must not own: the format (event/codec.h).
 */
#include "engine/pipeline_internal.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEGMENT_BYTES (64ull << 20)
#define TOTAL_BYTES (512ull << 20)
#define FLUSH_NS (200 * TRN_NS_PER_MS)

/* Names sort by time. Removes the oldest until there is room for one more segment. */
static void make_room(const char *dir)
{
    for (int round = 0; round < 64; round++) {
        uint64_t total = 0;
        char oldest[256] = "", path[4600];
        DIR *d = opendir(dir);
        if (!d)
            return;
        for (struct dirent *de; (de = readdir(d));) {
            struct stat st;
            snprintf(path, sizeof path, "%s/%s", dir, de->d_name);
            if (de->d_name[0] == '.' || stat(path, &st) < 0 || !S_ISREG(st.st_mode))
                continue;
            total += (uint64_t)st.st_size;
            if (!oldest[0] || strcmp(de->d_name, oldest) < 0)
                snprintf(oldest, sizeof oldest, "%s", de->d_name);
        }
        closedir(d);
        if (total + SEGMENT_BYTES <= TOTAL_BYTES || !oldest[0])
            return;
        snprintf(path, sizeof path, "%s/%s", dir, oldest);
        if (unlink(path) < 0)
            return;
    }
}

int trn_pipe_log_open(struct trn_pipeline *p, struct trn_err *err)
{
    char dir[4200], stamp[32];
    snprintf(dir, sizeof dir, "%s/log", p->o.state_dir);
    if (mkdir(dir, 0750) < 0 && errno != EEXIST)
        return trn_fail(err, -errno, "cannot make the folder '%s': %s", dir, trn_errno_name(-errno));
    make_room(dir);
    if (p->log_segment == 0)
        p->log_header.wall_ns = trn_wall_ns();
    time_t sec = (time_t)(p->log_header.wall_ns / TRN_NS_PER_SEC);
    struct tm tm;
    gmtime_r(&sec, &tm);
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", &tm);
    memcpy(p->log_header.host_id, p->hello.host_id, sizeof p->log_header.host_id);
    memcpy(p->log_header.boot_id, p->hello.boot_id, sizeof p->log_header.boot_id);
    unsigned millis = (unsigned)(p->log_header.wall_ns / TRN_NS_PER_MS % 1000); /* two starts in one second */
    snprintf(p->log_path, sizeof p->log_path, "%s/%s.%03u-%04u.trnl", dir, stamp, millis, p->log_segment);
    return trn_log_create(p->log_path, &p->log_header, &p->log, err);
}

void trn_pipe_log(struct trn_pipeline *p, struct trn_str encoded)
{
    if (p->log && trn_log_size(p->log) > SEGMENT_BYTES) {
        p->log = trn_log_close(p->log);
        p->log_segment++;
        struct trn_err err = {0};
        if (trn_pipe_log_open(p, &err) < 0)
            trn_pipe_tell_health(p, "events are not logged: %s", err.message);
    }
    if (!p->log || trn_str_is_none(encoded) || trn_log_write_encoded(p->log, encoded) < 0)
        p->log_lost++;
}

void trn_pipe_log_flush(struct trn_pipeline *p, uint64_t now)
{
    if (!p->log || now < p->log_flushed_ns + FLUSH_NS)
        return;
    p->log_flushed_ns = now;
    if (trn_log_flush(p->log) == 0)
        return;
    trn_pipe_tell_health(p, "the event log '%s' cannot be written; detection goes on", p->log_path);
    p->log = trn_log_close(p->log); /* what came before stays readable */
}
