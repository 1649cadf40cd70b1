/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: finds the sensitive folders of all homes and puts an inode mark for opens on each, and one on each sensitive
 * file in it: a mark on the folder sees opens by the folder's names only, a mark on the file those by any. Bounded:
 * names come from users, who may make as many folders as they like.
 */
#include "sensor/fanotify.h"
#include "sensor/hook.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define PER_FOLDER_MAX 256   /* entries that one '*' may stand for */
#define FILES_LOOKED_AT 1024 /* of one sensitive folder */
#define SCAN_MAX 4096        /* marks in all */
#define BELOW_MAX 512

struct scan {
    struct trn_fanotify *f;
    const struct trn_place_visit *visit; /* who else wants to know; NULL: our own marks */
    size_t marked, failed;
};

/* Where a walk is: what is left of the pattern, and what it has stood for below the home so far. */
struct step {
    struct trn_str rest;
    unsigned above; /* components until the home is reached */
    char below[BELOW_MAX];
};

static void walk(struct scan *s, int at, const struct step *before);

/* A path for fanotify_mark, which takes no O_PATH descriptor. */
static void link_of(int fd, char dst[40])
{
    (void)snprintf(dst, 40, "/proc/self/fd/%d", fd);
}

/* The plain file behind a name that says it is sensitive, O_PATH; -1: it is none. */
static int open_file(const struct trn_fanotify *f, int at, const char *name, const char *below, unsigned *ret_place)
{
    char path[PATH_MAX];
    struct stat st;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", below, name) >= sizeof(path))
        return -1;
    *ret_place = trn_sensitive_find(trn_str_of(path));
    if (*ret_place == 0)
        return -1;
    TRN_AUTO(trn_fd_closep) int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return -1;
    if (S_ISLNK(st.st_mode)) {
        trn_fd_close(fd);
        fd = trn_places_follow(f, at, name);
        if (fd < 0 || fstat(fd, &st) != 0)
            return -1;
    }
    return S_ISREG(st.st_mode) ? trn_fd_steal(&fd) : -1;
}

void trn_places_mark_file(struct trn_fanotify *f, int at, const char *name, const char *below)
{
    char path[PATH_MAX], link[40];
    unsigned place;
    uint64_t key;
    ssize_t n;
    TRN_AUTO(trn_fd_closep) int fd = open_file(f, at, name, below, &place);

    if (fd < 0 || trn_place_key_of(fd, &key) != 0)
        return;
    link_of(fd, link);
    n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0 || fanotify_mark(f->group[TRN_GROUP_OPENS], FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, link) != 0)
        return;
    path[n] = '\0';
    (void)!trn_places_put_file(f->places, key, place, path);
}

static void show_file(const struct scan *s, int at, const char *name, const char *below)
{
    unsigned place;
    TRN_AUTO(trn_fd_closep) int fd = open_file(s->f, at, name, below, &place);

    if (fd >= 0)
        s->visit->file(s->visit->ctx, fd);
}

static void mark_files(struct scan *s, int at, const char *below)
{
    int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;

    if (!dir) {
        trn_fd_close(fd);
        return;
    }
    for (unsigned n = 0; n < FILES_LOOKED_AT && (e = readdir(dir)); n++) { /* NOLINT(concurrency-mt-unsafe) */
        if (e->d_type != DT_REG && e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
            continue;
        if (s->visit)
            show_file(s, at, e->d_name, below);
        else
            trn_places_mark_file(s->f, at, e->d_name, below);
    }
    (void)closedir(dir);
}

static bool mark_folder(struct scan *s, int dir, const char *below)
{
    uint64_t key;

    return fanotify_mark(s->f->group[TRN_GROUP_OPENS], FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN | FAN_EVENT_ON_CHILD,
                         dir, ".") == 0 &&
           trn_place_key_of(dir, &key) == 0 && trn_places_put_folder(s->f->places, key, below) == 0;
}

static void mark(struct scan *s, int dir, const char *below)
{
    if (s->marked == SCAN_MAX)
        return;
    if (s->visit ? !s->visit->folder(s->visit->ctx, dir) : !mark_folder(s, dir, below)) {
        s->failed++;
        return;
    }
    s->marked++;
    mark_files(s, dir, below);
}

/* A link counts as the folder it leads to, where its owner may decide that. */
static int open_folder(const struct trn_fanotify *f, int at, const char *name)
{
    int dir = openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (dir >= 0 || (errno != ENOTDIR && errno != ELOOP))
        return dir;
    dir = trn_places_follow(f, at, name);
    return dir >= 0 && (fstat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) ? trn_fd_close(dir) : dir;
}

static void walk_into(struct scan *s, int at, const char *name, const struct step *before)
{
    TRN_AUTO(trn_fd_closep) int dir = open_folder(s->f, at, name);
    struct step step = *before;
    size_t n = strlen(step.below), add = strlen(name);

    if (dir < 0)
        return;
    if (step.above > 0) {
        step.above--;
    } else {
        if (n + add + 2 > sizeof(step.below))
            return;
        if (n > 0)
            step.below[n++] = '/';
        memcpy(step.below + n, name, add + 1);
    }
    if (trn_str_is_none(step.rest))
        mark(s, dir, step.below);
    else
        walk(s, dir, &step);
}

static void walk_all(struct scan *s, int at, const struct step *step)
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
        if (e->d_name[0] == '.' || (e->d_type != DT_DIR && e->d_type != DT_LNK && e->d_type != DT_UNKNOWN))
            continue;
        n++;
        walk_into(s, at, e->d_name, step);
    }
    (void)closedir(dir);
}

/* One component at a time. */
static void walk(struct scan *s, int at, const struct step *before)
{
    struct step step = *before;
    struct trn_str part;
    char name[NAME_MAX + 1];

    if (!trn_str_split(&step.rest, '/', &part) || part.n > NAME_MAX)
        return;
    if (trn_str_eq_c(part, "*")) {
        walk_all(s, at, &step);
        return;
    }
    memcpy(name, part.p, part.n);
    name[part.n] = '\0';
    walk_into(s, at, name, &step);
}

static unsigned components(const char *home)
{
    struct trn_str rest = trn_str_of(home), part;
    unsigned n = 0;

    while (trn_str_split(&rest, '/', &part))
        n += part.n > 0;
    return n;
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

static void scan(struct scan *s)
{
    TRN_AUTO(trn_fd_closep) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    size_t count;
    const struct trn_sensitive_place *places = trn_sensitive_places(&count);
    char pattern[PATH_MAX];

    for (char **home = s->f->homes; *home; home++) {
        for (size_t i = 0; i < count; i++) {
            bool again = i > 0 && strcmp(places[i].directory, places[i - 1].directory) == 0;

            if (!again && join(pattern, sizeof(pattern), *home, places[i].directory))
                walk(s, root, &(struct step){.rest = trn_str_of(pattern), .above = components(*home)});
        }
    }
}

size_t trn_places_visit(struct trn_fanotify *f, const struct trn_place_visit *visit, size_t *ret_failed)
{
    struct scan s = {.f = f, .visit = visit};

    scan(&s);
    *ret_failed = s.failed;
    return s.marked;
}

void trn_places_scan(struct trn_fanotify *f)
{
    struct trn_sensor_hook *hook = &f->hooks[TRN_FILE_HOOK_SENSITIVE];
    struct scan s = {.f = f};

    f->look_again = false;
    scan(&s);
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
