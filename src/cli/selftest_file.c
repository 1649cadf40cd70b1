/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the self-test's acts about files, in the scratch folder, and the fake browser profile in a
 * scratch home. No real profile is ever opened.
 */
#include "cli/selftest.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static void name_of(const struct trn_scratch *s, const char *suffix, char *dst, size_t size)
{
    (void)snprintf(dst, size, "%s/%s.%s", s->dir, s->marker, suffix);
}

/* Created, written, closed. */
static int act_write(struct trn_scratch *s)
{
    char path[200];
    name_of(s, "txt", path, sizeof(path));
    TRN_AUTO(trn_fd_closep) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return fd < 0 ? -errno : trn_write_full(fd, "self-test\n", 10);
}

/* May run from now on. */
static int act_attributes(struct trn_scratch *s)
{
    char path[200];
    name_of(s, "txt", path, sizeof(path));
    return chmod(path, 0700) < 0 ? -errno : 0;
}

static int act_rename(struct trn_scratch *s)
{
    char from[200], to[200];
    name_of(s, "txt", from, sizeof(from));
    name_of(s, "renamed", to, sizeof(to));
    return rename(from, to) < 0 ? -errno : 0;
}

static int act_delete(struct trn_scratch *s)
{
    char path[200];
    name_of(s, "renamed", path, sizeof(path));
    return unlink(path) < 0 ? -errno : 0;
}

/* The mark on a new folder is made live, so the first opens may come before it. */
static int act_sensitive(struct trn_scratch *s)
{
    char path[300];
    if (!s->home[0])
        return -EOPNOTSUPP;
    (void)snprintf(path, sizeof(path), "%s/.mozilla/firefox/test.default/places.sqlite", s->home);
    for (int i = 0; i < 10; i++) {
        (void)poll(NULL, 0, 150);
        TRN_AUTO(trn_fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return -errno;
    }
    return 0;
}

/* Of this very file: other acts (a library that is copied) make some in the scratch folder too. */
static bool file_event(const struct trn_scratch *s, const struct trn_event *ev, enum trn_action action,
                       const char *suffix)
{
    char path[200];
    name_of(s, suffix, path, sizeof(path));
    return ev->type == TRN_EV_FILE && ev->action == (uint16_t)action && trn_str_eq_c(ev->file.path, path);
}

static bool saw_created(const struct trn_scratch *s, const struct trn_event *ev)
{
    return file_event(s, ev, TRN_ACT_CREATED, "txt");
}

static bool saw_written(const struct trn_scratch *s, const struct trn_event *ev)
{
    return file_event(s, ev, TRN_ACT_WRITTEN, "txt");
}

static bool saw_attributes(const struct trn_scratch *s, const struct trn_event *ev)
{
    return file_event(s, ev, TRN_ACT_ATTRIBUTES, "txt");
}

static bool saw_renamed(const struct trn_scratch *s, const struct trn_event *ev)
{
    return file_event(s, ev, TRN_ACT_RENAMED, "renamed");
}

static bool saw_deleted(const struct trn_scratch *s, const struct trn_event *ev)
{
    return file_event(s, ev, TRN_ACT_DELETED, "renamed");
}

static bool saw_sensitive(const struct trn_scratch *s, const struct trn_event *ev)
{
    return ev->type == TRN_EV_OPEN && trn_str_contains(ev->file.path, trn_str_of(s->marker));
}

static int act_none(struct trn_scratch *s)
{
    return 0;
}

const struct trn_selftest_act trn_acts_file[] = {
    {"file written and closed", "file.marks", act_write, saw_written},
    {"file created", "file.marks", act_none, saw_created},
    {"file's attributes changed", "file.marks", act_attributes, saw_attributes, .wait_ms = 2000},
    {"file renamed", "file.marks", act_rename, saw_renamed},
    {"file deleted", "file.marks", act_delete, saw_deleted},
    {"open in a browser profile", "file.sensitive", act_sensitive, saw_sensitive},
};
const size_t trn_n_acts_file = TRN_ARRAY_SIZE(trn_acts_file);
