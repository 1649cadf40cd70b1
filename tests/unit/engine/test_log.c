/* SPDX-License-Identifier: Apache-2.0 */
/* Does the log turn its pages, stay inside its limit, and say so when it cannot be written? */
#include "engine/pipeline_internal.h"
#include "folder.h"

#include <dirent.h>
#include <fcntl.h>

static void log_event(struct trn_pipeline *p, const struct trn_event *ev)
{
    struct trn_str bytes = encoded(ev);

    trn_pipe_log(p, bytes);
    free((char *)bytes.p);
}

#define MIB (1ull << 20)

static struct trn_pipeline *pipeline(const char *dir)
{
    struct trn_pipeline *p = calloc(1, sizeof *p);
    cr_assert(p);
    p->o.state_dir = dir;
    p->listen_fd = p->files_fd = p->results_fd = p->o.control_fd = -1;
    return p;
}

struct files {
    unsigned n;
    uint64_t bytes;
    bool oldest;
};

static struct files files_in(const char *dir)
{
    struct files f = {0};
    char path[400];
    snprintf(path, sizeof path, "%s/log", dir);
    DIR *d = opendir(path);
    for (struct dirent *de; d && (de = readdir(d));) {
        struct stat st;
        snprintf(path, sizeof path, "%s/log/%s", dir, de->d_name);
        if (de->d_name[0] == '.' || stat(path, &st) < 0)
            continue;
        f.n++;
        f.bytes += (uint64_t)st.st_size;
        f.oldest |= strcmp(de->d_name, "20200101T000000Z.000-0000.trnl") == 0;
    }
    if (d)
        closedir(d);
    return f;
}

Test(log, a_full_segment_is_followed_by_the_next_and_nothing_is_lost, .timeout = 60)
{
    char dir[64], first[sizeof((struct trn_pipeline *)NULL)->log_path];
    struct trn_err err = {0};
    folder_new(dir);
    struct trn_pipeline *p = pipeline(dir);
    cr_assert_eq(trn_pipe_log_open(p, &err), 0, "%s", err.message);
    snprintf(first, sizeof first, "%s", p->log_path);
    static char text[32 << 10];
    memset(text, 't', sizeof text);
    uint64_t n = 0;
    for (; p->log_segment == 0 && n < 10000; n++) {
        struct trn_event ev;
        trn_event_init(&ev, TRN_EV_START);
        ev.seq = n + 1;
        ev.meta.text = (struct trn_str){text, sizeof text};
        log_event(p, &ev);
    }
    cr_assert_eq(p->log_segment, 1);
    cr_assert_eq(p->log_lost, 0);
    cr_assert_gt(strcmp(p->log_path, first), 0, "names sort by time");
    p->log = trn_log_close(p->log);
    uint64_t read = 0;
    const char *const paths[] = {first, p->log_path};
    for (int i = 0; i < 2; i++) {
        struct trn_log_reader *r = NULL;
        struct trn_event ev;
        cr_assert_eq(trn_log_open(open(paths[i], O_RDONLY | O_CLOEXEC), &r, &err), 0, "%s", err.message);
        while (trn_log_next(r, &ev, &err) > 0)
            cr_assert_eq(ev.seq, ++read);
        cr_assert(!trn_log_torn(r));
        trn_log_reader_free(r);
    }
    cr_assert_eq(read, n);
    trn_pipe_stop(p);
    free(p);
    folder_done(dir);
}

Test(log, the_oldest_goes_when_the_limit_is_near)
{
    char dir[64], path[200];
    struct trn_err err = {0};
    folder_new(dir);
    snprintf(path, sizeof path, "%s/log", dir);
    cr_assert_eq(mkdir(path, 0750), 0);
    for (int i = 0; i < 10; i++) { /* 600 MiB, sparse */
        snprintf(path, sizeof path, "%s/log/2020010%dT000000Z.000-0000.trnl", dir, i + 1);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
        cr_assert(fd >= 0 && ftruncate(fd, (off_t)(60 * MIB)) == 0);
        close(fd);
    }
    cr_assert(files_in(dir).oldest);
    struct trn_pipeline *p = pipeline(dir);
    cr_assert_eq(trn_pipe_log_open(p, &err), 0, "%s", err.message);
    struct files left = files_in(dir);
    cr_assert(!left.oldest);
    cr_assert_leq(left.bytes, 512 * MIB - 64 * MIB + 4096, "room for a whole segment");
    cr_assert_geq(left.n, 7, "and no more than needed is thrown away");
    trn_pipe_stop(p);
    free(p);
    folder_done(dir);
}

Test(log, a_folder_that_cannot_be_made_is_an_error_and_events_are_counted)
{
    struct trn_err err = {0};
    struct trn_event ev;
    struct trn_pipeline *p = pipeline("/proc/nowhere");
    cr_assert_lt(trn_pipe_log_open(p, &err), 0);
    trn_event_init(&ev, TRN_EV_START);
    log_event(p, &ev);
    cr_assert_eq(p->log_lost, 1);
    trn_pipe_log_flush(p, TRN_NS_PER_SEC);
    trn_pipe_stop(p);
    free(p);
}
