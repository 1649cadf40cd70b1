/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what the pure engine costs an event of a recorded log, part by part: the log is read again and again, once with
 * nothing but decoding, once with the process table, once with detectors and stories as well; what a part costs is the
 * difference. Processor time, so that others on the machine matter less; the rounds take turns.
 * With "types" one more pass reads the clock of the thread around detectors and stories and says where the time goes.
 * Must not own: how events reach the parts (src/engine/pure.c says the same).
 *
 *   engine-cost LOG ROUNDS [types]     one JSON object
 */
#include "detect/detect.h"
#include "story/story.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS_MAX 32

enum pass { DECODE, PROCESS, ALL, PASSES };

struct spent {
    uint64_t n, detect_ns, story_ns;
};

struct engine {
    struct trn_process_table *processes;
    struct trn_detect *detect;
    struct trn_stories *stories;
    uint64_t findings, stories_told, rows, worst;
    bool by_type;
    struct spent types[TRN_EV_MAX];
    uint64_t finding_ns;
};

static uint64_t now(clockid_t clock)
{
    struct timespec ts;
    clock_gettime(clock, &ts);
    return (uint64_t)ts.tv_sec * TRN_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct engine *e = ctx;
    e->findings++;
    uint64_t from = e->by_type ? now(CLOCK_THREAD_CPUTIME_ID) : 0;
    int r = trn_stories_finding(e->stories, f);
    if (e->by_type)
        e->finding_ns += now(CLOCK_THREAD_CPUTIME_ID) - from;
    return r;
}

static int on_story(void *ctx, const struct trn_story *s)
{
    struct engine *e = ctx;
    e->stories_told++;
    e->worst = TRN_MAX(e->worst, (uint64_t)s->verdict);
    return 0;
}

static int on_state(void *ctx, const struct trn_event *ev)
{
    ((struct engine *)ctx)->rows++;
    return 0;
}

static int begin(struct engine *e)
{
    struct trn_process_options p = {.sz = sizeof(p)};
    int r = trn_process_table_new(&p, &e->processes);
    if (r < 0)
        return r;
    struct trn_detect_options d = {.sz = sizeof(d),
                                   .processes = e->processes,
                                   .findings = {on_finding, e},
                                   .state = {on_state, e}};
    r = trn_detect_new(&d, &e->detect);
    if (r < 0)
        return r;
    struct trn_stories_options s = {
        .sz = sizeof(s), .processes = e->processes, .story = on_story, .state = {on_state, e}, .ctx = e};
    return trn_stories_new(&s, &e->stories);
}

static void end(struct engine *e)
{
    e->stories = trn_stories_free(e->stories);
    e->detect = trn_detect_free(e->detect);
    e->processes = trn_process_table_free(e->processes);
}

static int push(struct engine *e, const struct trn_event *ev)
{
    int r = trn_detect_push(e->detect, ev);
    return r < 0 ? r : trn_stories_event(e->stories, ev);
}

static int push_timed(struct engine *e, const struct trn_event *ev)
{
    struct spent *t = &e->types[ev->type < TRN_EV_MAX ? ev->type : 0];
    uint64_t from = now(CLOCK_THREAD_CPUTIME_ID);
    int r = trn_detect_push(e->detect, ev);
    uint64_t between = now(CLOCK_THREAD_CPUTIME_ID);
    if (r == 0)
        r = trn_stories_event(e->stories, ev);
    t->story_ns += now(CLOCK_THREAD_CPUTIME_ID) - between;
    t->detect_ns += between - from;
    t->n++;
    return r;
}

/* Nanoseconds of processor time; or a negative errno. */
static int64_t pass(const char *path, enum pass what, struct engine *e, uint64_t *ret_events)
{
    struct trn_err err = {0};
    struct trn_log_reader *log = NULL;
    struct trn_event ev;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 ? -errno : trn_log_open(fd, &log, &err);
    if (r == 0)
        r = begin(e);
    uint64_t events = 0, from = now(CLOCK_PROCESS_CPUTIME_ID);
    while (r >= 0 && (r = trn_log_next(log, &ev, &err)) == 1) {
        events++;
        if (what != DECODE)
            r = trn_process_apply(e->processes, &ev);
        if (what == ALL && r >= 0)
            r = e->by_type ? push_timed(e, &ev) : push(e, &ev);
    }
    uint64_t to = now(CLOCK_PROCESS_CPUTIME_ID);
    end(e);
    if (log)
        trn_log_reader_free(log);
    *ret_events = events;
    return r < 0 ? r : (int64_t)(to - from);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle(double *values, int n)
{
    qsort(values, (size_t)n, sizeof(values[0]), compare);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* What reading the clock three times adds to each event goes off again. */
static double clock_cost(void)
{
    uint64_t from = now(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < 100000; i++)
        (void)now(CLOCK_THREAD_CPUTIME_ID);
    return (double)(now(CLOCK_THREAD_CPUTIME_ID) - from) / 100000;
}

static void print_types(const struct engine *e)
{
    double cost = clock_cost();
    const char *comma = "";
    printf(", \"finding_us\": %.2f, \"types\": {", e->findings ? (double)e->finding_ns / (double)e->findings / 1e3 : 0);
    for (unsigned t = 0; t < TRN_EV_MAX; t++) {
        const struct spent *s = &e->types[t];
        if (!s->n)
            continue;
        printf("%s\"%s\": {\"n\": %" PRIu64 ", \"detect_ns\": %.0f, \"story_ns\": %.0f}", comma,
               trn_event_type_name((enum trn_event_type)t), s->n, (double)s->detect_ns / (double)s->n - cost,
               (double)s->story_ns / (double)s->n - cost);
        comma = ", ";
    }
    printf("}");
}

int main(int argc, char **argv)
{
    static struct engine e;
    static double ns[PASSES][ROUNDS_MAX], extra[ROUNDS_MAX];
    uint64_t rounds = 0, events = 0;
    if (argc < 3 || trn_str_u64(trn_str_of(argv[2]), &rounds) < 0 || rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: engine-cost LOG ROUNDS [types]\n");
        return 2;
    }
    for (uint64_t i = 0; i < rounds; i++) {
        for (int k = 0; k < PASSES; k++) {
            enum pass what = (enum pass)((i + (uint64_t)k) % PASSES);
            e = (struct engine){0};
            int64_t took = pass(argv[1], what, &e, &events);
            if (took < 0 || events == 0) {
                fprintf(stderr, "engine-cost: cannot read '%s': %s\n", argv[1], trn_errno_name((int)took));
                return 1;
            }
            ns[what][i] = (double)took / (double)events;
        }
        extra[i] = ns[ALL][i] - ns[PROCESS][i];
    }
    double fastest = extra[0], slowest = extra[0];
    for (uint64_t i = 1; i < rounds; i++) {
        fastest = TRN_MIN(fastest, extra[i]);
        slowest = TRN_MAX(slowest, extra[i]);
    }
    struct engine seen = {.by_type = true};
    if (pass(argv[1], ALL, &seen, &events) < 0)
        return 1;
    printf("{\"events\": %" PRIu64 ", \"rounds\": %" PRIu64 ", \"detect_and_story_ns\": %.1f, \"fastest\": %.1f, "
           "\"slowest\": %.1f, ",
           events, rounds, middle(extra, (int)rounds), fastest, slowest);
    printf("\"decode_ns\": %.1f, \"decode_and_process_ns\": %.1f, \"all_ns\": %.1f, ", middle(ns[DECODE], (int)rounds),
           middle(ns[PROCESS], (int)rounds), middle(ns[ALL], (int)rounds));
    printf("\"findings\": %" PRIu64 ", \"stories_told\": %" PRIu64 ", \"rows\": %" PRIu64 ", \"worst\": \"%s\"",
           seen.findings, seen.stories_told, seen.rows, trn_verdict_name((enum trn_verdict)seen.worst));
    if (argc > 3)
        print_types(&seen);
    puts("}");
    return 0;
}
