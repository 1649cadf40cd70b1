/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: counting what a recorded log holds (the matches beside a speed), and making a log of made-up events for the
 * replay benchmark (log_make.c), or of a whole day (day_make.c).
 * Must not own: the log's format (src/event), what the numbers mean (sensor.py).
 *
 *   log-tool count LOG...     {"events": n, "types": {...}, "execs_of": {"/usr/bin/true": n, ...}, "invoked_of": ...}
 *   log-tool make N LOG       writes at least N events; {"events": n, "planted": n}
 *   log-tool day SECONDS LOG  writes a recorded day of a workstation (day_make.c); {"events": n}
 */
#include "log_tool.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define PATHS 64
#define PATH_BYTES 256

/* How often each path was met: the first ones seen; later ones count in `types` only. */
struct paths {
    struct path_count {
        char path[PATH_BYTES];
        uint64_t n;
    } of[PATHS];
    unsigned n;
};

struct counts {
    uint64_t events, types[TRN_EV_MAX];
    struct paths execs, invoked;
};

static void count_path(struct paths *p, struct trn_str path)
{
    if (path.n == 0 || path.n >= PATH_BYTES)
        return;
    unsigned i = 0;
    while (i < p->n && !trn_str_eq_c(path, p->of[i].path))
        i++;
    if (i == PATHS)
        return;
    if (i == p->n) {
        memcpy(p->of[i].path, path.p, path.n);
        p->n++;
    }
    p->of[i].n++;
}

static int count_log(struct counts *c, const char *path, struct trn_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return trn_fail(err, -errno, "cannot open '%s'", path);
    struct trn_log_reader *r = NULL;
    int got = trn_log_open(fd, &r, err);
    if (got < 0)
        return got;
    struct trn_event ev;
    while ((got = trn_log_next(r, &ev, err)) > 0) {
        c->events++;
        if (ev.type < TRN_EV_MAX)
            c->types[ev.type]++;
        if (ev.type == TRN_EV_EXEC && !(ev.flags & TRN_EVF_EXISTING)) {
            count_path(&c->execs, ev.exec.path);
            count_path(&c->invoked, ev.exec.invoked);
        }
    }
    trn_log_reader_free(r);
    return got;
}

static void print_paths(struct trn_buf *out, const char *name, const struct paths *p)
{
    const char *comma = "";
    trn_put_fmt(out, ", \"%s\": {", name);
    for (unsigned i = 0; i < p->n; i++) {
        trn_put_c(out, comma);
        (void)trn_json_str(out, trn_str_of(p->of[i].path));
        trn_put_fmt(out, ": %" PRIu64, p->of[i].n);
        comma = ", ";
    }
    trn_put_c(out, "}");
}

static void print_counts(const struct counts *c)
{
    struct trn_buf out;
    trn_buf_init(&out, 1u << 20);
    trn_put_fmt(&out, "{\"events\": %" PRIu64 ", \"types\": {", c->events);
    const char *comma = "";
    for (unsigned t = 0; t < TRN_EV_MAX; t++) {
        if (!c->types[t])
            continue;
        trn_put_fmt(&out, "%s\"%s\": %" PRIu64, comma, trn_event_type_name((enum trn_event_type)t), c->types[t]);
        comma = ", ";
    }
    trn_put_c(&out, "}");
    print_paths(&out, "execs_of", &c->execs);
    print_paths(&out, "invoked_of", &c->invoked);
    trn_put_c(&out, "}");
    printf("%.*s\n", TRN_STR_ARG(trn_buf_str(&out)));
    trn_buf_done(&out);
}

static int fail(const struct trn_err *err)
{
    fprintf(stderr, "log-tool: %s\n", err->message);
    return 1;
}

static int count(char **logs)
{
    static struct counts c;
    struct trn_err err = {0};
    for (; *logs; logs++)
        if (count_log(&c, *logs, &err) < 0)
            return fail(&err);
    print_counts(&c);
    return 0;
}

static int make(const char *number, const char *path)
{
    struct trn_err err = {0};
    uint64_t n, planted = 0;
    if (trn_str_u64(trn_str_of(number), &n) < 0 || n == 0 || n > 100000000) {
        fprintf(stderr, "log-tool: '%s' is not a number from 1 to 10^8\n", number);
        return 2;
    }
    int64_t made = log_make(n, path, &planted, &err);
    if (made < 0)
        return fail(&err);
    printf("{\"events\": %" PRId64 ", \"planted\": %" PRIu64 "}\n", made, planted);
    return 0;
}

static int day(const char *number, const char *path)
{
    struct trn_err err = {0};
    uint64_t n;
    if (trn_str_u64(trn_str_of(number), &n) < 0 || n == 0 || n > 24 * 3600) {
        fprintf(stderr, "log-tool: '%s' is not a number of seconds from 1 to a day\n", number);
        return 2;
    }
    int64_t made = day_make((uint32_t)n, path, &err);
    if (made < 0)
        return fail(&err);
    printf("{\"events\": %" PRId64 "}\n", made);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "count") == 0)
        return count(argv + 2);
    if (argc == 4 && strcmp(argv[1], "make") == 0)
        return make(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "day") == 0)
        return day(argv[2], argv[3]);
    fprintf(stderr, "usage: log-tool count LOG... | make N LOG | day SECONDS LOG\n");
    return 2;
}
