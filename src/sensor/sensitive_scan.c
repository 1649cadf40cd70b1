/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: finds the sensitive folders of all homes and puts an inode mark for opens on each.
 * Bounded: names come from users, who may make as many folders as they like. Symbolic links are not
 * followed, or a user could put the mark, and its cost, on any folder of the system.
 */
#include "sensor/fanotify.h"
#include "sensor/hook.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/fanotify.h>
#include <unistd.h>

#define PER_FOLDER_MAX 256 /* entries that one '*' may stand for */
#define SCAN_MAX 4096      /* marks in all */

struct scan {
    struct trn_fanotify *f;
    size_t marked, failed;
};

static void walk(struct scan *s, int at, struct trn_str rest);

static void mark(struct scan *s, int dir)
{
    if (s->marked == SCAN_MAX)
        return;
    if (fanotify_mark(s->f->fd, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN | FAN_EVENT_ON_CHILD, dir, ".") == 0)
        s->marked++;
    else
        s->failed++;
}

static void walk_into(struct scan *s, int at, const char *name, struct trn_str rest)
{
    TRN_AUTO(trn_fd_closep) int dir = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0)
        return;
    if (trn_str_is_none(rest))
        mark(s, dir);
    else
        walk(s, dir, rest);
}

static void walk_all(struct scan *s, int at, struct trn_str rest)
{
    int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;
    unsigned n = 0;

    if (!dir) {
        trn_fd_close(fd);
        return;
    }
    while (n < PER_FOLDER_MAX && (e = readdir(dir))) { /* NOLINT(concurrency-mt-unsafe): a stream of our own */
        if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
            continue;
        n++;
        walk_into(s, at, e->d_name, rest);
    }
    (void)closedir(dir);
}

/* rest: what is left of the pattern, one component at a time. */
static void walk(struct scan *s, int at, struct trn_str rest)
{
    struct trn_str part;
    char name[NAME_MAX + 1];

    if (!trn_str_split(&rest, '/', &part) || part.n > NAME_MAX)
        return;
    if (trn_str_eq_c(part, "*")) {
        walk_all(s, at, rest);
        return;
    }
    memcpy(name, part.p, part.n);
    name[part.n] = '\0';
    walk_into(s, at, name, rest);
}

/* home pattern + place, without the leading slash; false when too long. */
static bool join(char *dst, size_t size, const char *home, const char *place)
{
    size_t a, b = strlen(place);

    while (*home == '/')
        home++;
    a = strlen(home);
    if (a + 1 + b >= size)
        return false;
    memcpy(dst, home, a);
    dst[a] = '/';
    memcpy(dst + a + 1, place, b + 1);
    return true;
}

void trn_places_scan(struct trn_fanotify *f)
{
    TRN_AUTO(trn_fd_closep) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct trn_sensor_hook *hook = &f->hooks[TRN_FILE_HOOK_SENSITIVE];
    struct scan s = {.f = f};
    size_t count;
    const struct trn_sensitive_place *places = trn_sensitive_places(&count);
    char pattern[PATH_MAX];

    f->look_again = false;
    for (char **home = f->homes; *home; home++) {
        for (size_t i = 0; i < count; i++) {
            bool again = i > 0 && strcmp(places[i].directory, places[i - 1].directory) == 0;

            if (!again && join(pattern, sizeof(pattern), *home, places[i].directory))
                walk(&s, root, trn_str_of(pattern));
        }
    }
    f->n_places = s.marked;
    if (s.marked == SCAN_MAX)
        trn_hook_set(hook, TRN_HOOK_DEGRADED, "more than %d sensitive folders; the rest is not watched", SCAN_MAX);
    else if (s.failed > 0)
        trn_hook_set(hook, TRN_HOOK_DEGRADED, "cannot watch %zu of %zu sensitive folders", s.failed,
                     s.failed + s.marked);
    else if (f->n_fs == 0)
        trn_hook_set(hook, TRN_HOOK_DEGRADED, "folders that appear later are not noticed");
    else
        trn_hook_set(hook, TRN_HOOK_ON, "%s", "");
}

struct trn_str trn_places_below_home(char *const *homes, struct trn_str path)
{
    for (; *homes; homes++) {
        struct trn_str pattern = trn_str_of(*homes), rest = path, p, part;
        bool match = true;

        while (match && trn_str_split(&pattern, '/', &p))
            match = trn_str_split(&rest, '/', &part) && (trn_str_eq_c(p, "*") ? part.n > 0 : trn_str_eq(p, part));
        if (match)
            return trn_str_is_none(rest) ? TRN_STR("") : rest;
    }
    return TRN_STR_NONE;
}

bool trn_places_on_the_way(struct trn_str below_home)
{
    size_t count;
    const struct trn_sensitive_place *places = trn_sensitive_places(&count);

    if (below_home.n == 0)
        return true; /* a home itself */
    for (size_t i = 0; i < count; i++) {
        struct trn_str pattern = trn_str_of(places[i].directory), rest = below_home, p, part;
        bool match = true;

        while (match && trn_str_split(&rest, '/', &part))
            match = trn_str_split(&pattern, '/', &p) && (trn_str_eq_c(p, "*") || trn_str_eq(p, part));
        if (match)
            return true;
    }
    return false;
}
