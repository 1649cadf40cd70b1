/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: 'turncoat replay': recorded events through the pure engine. Needs no daemon and no root.
 * Must not: read a clock into the engine, or reorder what the log holds.
 * A log names by hash what its engine started from (snapshot, indicators); both are looked for in the
 * folder 'snapshots' beside the log's folder and loaded first: missing or changed is an error, not a
 * guess. A file with another header than the one before begins a new run of the engine.
 */
#include "cli/render.h"
#include "cli/view.h"
#include "engine/engine.h"
#include "ingest/ingest.h"

#include <fcntl.h>
#include <unistd.h>

#define STORIES_MAX 65536
#define FOREIGN_READ ((size_t)1 << 20)

struct trn_replay {
    struct trn_cli *cli;
    struct trn_view view;
    struct trn_engine *engine;
    struct trn_indicators *indicators;
    struct trn_map *stories; /* id -> struct trn_buf * with the JSON of its last revision */
    struct trn_buf json;
    uint64_t events, findings;
    enum trn_verdict worst;
    struct trn_log_header run; /* of the run so far */
    bool run_begins;           /* no event of it was seen yet */
    uint64_t told_stories;
    uint64_t talk_ns;
    struct trn_names *names; /* of a foreign log: which name an address was answered for */
    struct trn_arena *arena;
    struct trn_ingest_counts foreign;
};

/* {"type":"finding", and the object's own keys. */
static void print_typed(FILE *out, const char *type, struct trn_str json)
{
    fprintf(out, "{\"type\":\"%s\"%s%.*s\n", type, json.n > 2 ? "," : "", (int)json.n - 1, json.p + 1);
}

static int on_finding(void *ctx, const struct trn_finding *f)
{
    struct trn_replay *r = ctx;
    r->findings++;
    trn_buf_clear(&r->json);
    trn_finding_to_json(f, &r->json);
    if (r->json.bad || r->json.n < 2)
        return -ENOMEM;
    if (r->cli->json) {
        print_typed(r->cli->out, "finding", trn_buf_str(&r->json));
        return 0;
    }
    json_t *o = json_loadb(r->json.p, r->json.n, JSON_ALLOW_NUL, NULL);
    if (o)
        trn_view_line(&r->view, "finding", o);
    json_decref(o);
    return 0;
}

static int on_story(void *ctx, const struct trn_story *s)
{
    struct trn_replay *r = ctx;
    struct trn_buf *kept = trn_map_get_ptr(r->stories, s->id);
    if (!kept) {
        kept = calloc(1, sizeof(*kept));
        if (!kept || trn_map_put_ptr(r->stories, s->id, kept) < 0) {
            free(kept);
            return -ENOMEM;
        }
        trn_buf_init(kept, (size_t)8 << 20);
    }
    trn_buf_clear(kept);
    trn_story_to_json(s, kept);
    return kept->bad ? -ENOMEM : 0;
}

static int begin_run(struct trn_replay *r, struct trn_err *err)
{
    struct trn_engine_options o = {.sz = sizeof(o),
                                   .indicators = r->indicators,
                                   .sink = {.finding = on_finding, .story = on_story, .ctx = r}};
    r->engine = trn_engine_free(r->engine);
    int e = trn_engine_new(&o, &r->engine);
    return e < 0 ? trn_fail(err, e, "cannot start the engine: %s", trn_errno_name(e)) : 0;
}

static int push(struct trn_replay *r, const struct trn_event *ev, struct trn_err *err)
{
    int e = trn_engine_push(r->engine, ev);
    if (e < 0)
        return trn_fail(err, e, "cannot replay event %llu: %s", (unsigned long long)ev->seq, trn_errno_name(e));
    r->events++;
    if (r->cli->talk_terminal && r->events % 65536 == 0 && trn_mono_ns() > r->talk_ns) {
        fprintf(r->cli->err, "\r%llu events ...", (unsigned long long)r->events);
        fflush(r->cli->err);
        r->talk_ns = trn_mono_ns() + TRN_NS_PER_SEC / 4;
    }
    return 0;
}

static int push_log(struct trn_replay *r, struct trn_log_reader *log, struct trn_err *err)
{
    struct trn_event ev;
    int e;
    while ((e = trn_log_next(log, &ev, err)) == 1) {
        if (r->run_begins && ev.type != TRN_EV_START)
            fputs("turncoat: the beginning of this run is not in the log, going on without it\n", r->cli->err);
        r->run_begins = false;
        e = push(r, &ev, err);
        if (e < 0)
            return e;
    }
    return e;
}

static void log_freep(struct trn_log_reader **log)
{
    *log = trn_log_reader_free(*log);
}

/* STATE/log/x.log -> STATE/snapshots */
static int snapshots_of(const char *file, char *dst, size_t size, struct trn_err *err)
{
    struct trn_str dir = strchr(file, '/') ? trn_path_dir(trn_str_of(file)) : TRN_STR(".");
    int n = snprintf(dst, size, "%.*s/../snapshots", TRN_STR_ARG(dir));
    return n < 0 || (size_t)n >= size ? trn_fail(err, -ENAMETOOLONG, "the path of the log is too long") : 0;
}

/* Each story once, in its last revision, in order of its first. */
static void print_stories(struct trn_replay *r)
{
    size_t it = 0;
    uint64_t id, value;
    enum trn_verdict v;
    while (trn_map_next(r->stories, &it, &id, &value)) {
        const struct trn_buf *kept = trn_map_get_ptr(r->stories, id);
        const struct trn_story *live = r->engine ? trn_engine_story(r->engine, id) : NULL;
        json_t *o = json_loadb(kept->p, kept->n, JSON_ALLOW_NUL, NULL);
        if (trn_verdict_parse(trn_json_text(o, "verdict"), &v) == 0)
            r->worst = TRN_MAX(r->worst, v);
        r->told_stories++;
        trn_buf_clear(&r->json);
        if (r->cli->json) {
            print_typed(r->cli->out, "story", trn_buf_str(kept));
        } else if (live && live->verdict >= TRN_VERDICT_SUSPICIOUS) {
            fputc('\n', r->cli->out);
            trn_story_print(live, 100, r->cli->colour, &r->json);
            trn_print(r->cli->out, &r->json);
        } else if (o) {
            trn_view_line(&r->view, "story", o);
        }
        json_decref(o);
    }
}

static void forget_stories(struct trn_replay *r)
{
    size_t it = 0;
    uint64_t id, value;
    while (r->stories && trn_map_next(r->stories, &it, &id, &value)) {
        struct trn_buf *kept = trn_map_get_ptr(r->stories, id);
        trn_map_remove(r->stories, id, NULL);
        trn_buf_done(kept);
        free(kept);
    }
}

/* The segments of one run of the engine have one header. */
static bool same_run(const struct trn_log_header *a, const struct trn_log_header *b)
{
    return a->wall_ns == b->wall_ns && memcmp(a->host_id, b->host_id, sizeof(a->host_id)) == 0 &&
           memcmp(a->boot_id, b->boot_id, sizeof(a->boot_id)) == 0 &&
           memcmp(a->snapshot, b->snapshot, sizeof(a->snapshot)) == 0;
}

static int start_for(struct trn_replay *r, const char *file, const struct trn_log_header *h, struct trn_err *err)
{
    char dir[1200];
    if (r->engine && same_run(&r->run, h))
        return 0;
    if (r->engine && trn_sha256_is_none(h->snapshot)) { /* it remembers nothing and counts stories from 1 */
        print_stories(r);
        forget_stories(r);
    }
    r->run = *h;
    r->run_begins = true;
    int e = snapshots_of(file, dir, sizeof(dir), err);
    if (e == 0) {
        r->engine = trn_engine_free(r->engine); /* it borrows the indicators */
        r->indicators = trn_indicators_free(r->indicators);
        e = trn_snapshot_indicators_load(dir, h->indicators, &r->indicators, err);
    }
    if (e == 0)
        e = begin_run(r, err);
    if (e == 0)
        e = trn_snapshot_load(dir, h->snapshot, r->engine, err);
    return e;
}

static int replay_log(struct trn_replay *r, const char *file, int fd, struct trn_err *err)
{
    TRN_AUTO(log_freep) struct trn_log_reader *log = NULL;
    int e = trn_log_open(fd, &log, err);
    if (e == 0)
        e = start_for(r, file, trn_log_header(log), err);
    if (e == 0)
        e = push_log(r, log, err);
    if (e == 0 && trn_log_torn(log))
        fprintf(r->cli->err, "turncoat: the last record of this log is torn, ignoring\n");
    return e;
}

static int replay_lines(struct trn_replay *r, int fd, struct trn_err *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new((size_t)16 << 20);
    TRN_AUTO(trn_freep) char *line = NULL;
    size_t size = 0;
    uint64_t number = 0;
    FILE *in = fdopen(fd, "r");
    int e = !r->engine ? begin_run(r, err) : 0;
    if (!in || !arena) {
        trn_fd_close(in ? -1 : fd);
        e = trn_fail(err, -ENOMEM, "cannot read: out of memory");
    }
    for (ssize_t n; e == 0 && (n = getline(&line, &size, in)) >= 0;) {
        struct trn_str text = trn_str_trim((struct trn_str){line, (size_t)n});
        struct trn_event ev;
        number++;
        if (trn_str_is_empty(text))
            continue;
        trn_arena_reset(arena);
        e = trn_event_from_json(text, arena, &ev, err);
        if (e < 0) {
            e = trn_fail_in(err, e, "line %llu", (unsigned long long)number);
            break;
        }
        if (ev.seq == 0)
            ev.seq = r->events + 1;
        e = push(r, &ev, err);
    }
    if (in)
        fclose(in);
    return e;
}

/* ---- logs of other products ---- */

static int on_foreign(void *ctx, const struct trn_event *ev)
{
    struct trn_replay *r = ctx;
    struct trn_err err = {0};
    struct trn_event own = *ev;
    trn_arena_reset(r->arena);
    own.seq = r->events + 1;
    int e = trn_names_see(r->names, &own, r->arena);
    return e < 0 ? e : push(r, &own, &err);
}

static void on_notice(void *ctx, uint64_t line, struct trn_str text)
{
    struct trn_replay *r = ctx;
    fprintf(r->cli->err, "turncoat: line %llu: %.*s\n", (unsigned long long)line, TRN_STR_ARG(text));
}

static void ingest_freep(struct trn_ingest **in)
{
    *in = trn_ingest_free(*in);
}

static void add_counts(struct trn_ingest_counts *sum, const struct trn_ingest_counts *c)
{
    sum->records += c->records;
    sum->bad += c->bad;
    sum->unmapped += c->unmapped;
    sum->incomplete += c->incomplete;
    sum->unneeded += c->unneeded;
    sum->late += c->late;
}

static int replay_foreign(struct trn_replay *r, int fd, struct trn_err *err)
{
    TRN_AUTO(ingest_freep) struct trn_ingest *in = NULL;
    TRN_AUTO(trn_freep) char *bytes = malloc(FOREIGN_READ);
    struct trn_ingest_options o = {.sz = sizeof(o), .sink = {on_foreign, r}, .notice = on_notice, .ctx = r};
    struct trn_ingest_counts counts;
    if (!r->arena)
        r->arena = trn_arena_new((size_t)16 << 20);
    if (!r->names)
        r->names = trn_names_new();
    int e = bytes && r->arena && r->names ? trn_ingest_new(&o, &in) : -ENOMEM;
    if (e == 0 && !r->engine)
        e = begin_run(r, err);
    for (ssize_t n = 1; e == 0 && n > 0;) {
        n = read(fd, bytes, FOREIGN_READ);
        e = n < 0 ? -errno : trn_ingest_feed(in, (struct trn_str){bytes, (size_t)n});
    }
    if (e == 0)
        e = trn_ingest_end(in);
    if (e < 0)
        return err->code ? err->code : trn_fail(err, e, "cannot replay: %s", trn_errno_name(e));
    trn_ingest_counted(in, &counts);
    add_counts(&r->foreign, &counts);
    return 0;
}

static bool is_foreign(int fd)
{
    TRN_AUTO(trn_freep) char *head = malloc(FOREIGN_READ);
    ssize_t n = head ? pread(fd, head, FOREIGN_READ, 0) : 0;
    return n > 0 && trn_ingest_knows((struct trn_str){head, (size_t)n});
}

static int replay_file(struct trn_replay *r, const char *file, struct trn_err *err)
{
    char shown[200], first = 0;
    trn_escape_into(shown, sizeof(shown), trn_str_of(file));
    TRN_AUTO(trn_fd_closep) int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return trn_fail(err, -errno, "cannot open '%s': %s", shown, trn_errno_name(-errno));
    bool lines = pread(fd, &first, 1, 0) == 1 && (first == '{' || first == '\n' || first == ' ');
    int e = is_foreign(fd) ? replay_foreign(r, fd, err)
            : lines        ? replay_lines(r, trn_fd_steal(&fd), err)
                           : replay_log(r, file, trn_fd_steal(&fd), err);
    return e < 0 ? trn_fail_in(err, e, "'%s'", shown) : 0;
}

/* What foreign logs held that gave no event. */
static void print_foreign_json(const struct trn_replay *r)
{
    const struct trn_ingest_counts *c = &r->foreign;
    if (c->records + c->bad)
        fprintf(r->cli->out,
                ",\"foreign\":{\"records\":%llu,\"bad\":%llu,\"unmapped\":%llu,\"incomplete\":%llu,\"unneeded\":%llu,"
                "\"late\":%llu}",
                (unsigned long long)c->records, (unsigned long long)c->bad, (unsigned long long)c->unmapped,
                (unsigned long long)c->incomplete, (unsigned long long)c->unneeded, (unsigned long long)c->late);
}

static void print_foreign(const struct trn_replay *r)
{
    const struct trn_ingest_counts *c = &r->foreign;
    if (c->records + c->bad)
        fprintf(r->cli->out,
                "%llu records of other products; %llu bad lines; left out: %llu of kinds without use, %llu without a "
                "needed field, %llu not needed; %llu late\n",
                (unsigned long long)c->records, (unsigned long long)c->bad, (unsigned long long)c->unmapped,
                (unsigned long long)c->incomplete, (unsigned long long)c->unneeded, (unsigned long long)c->late);
}

static void print_summary(struct trn_replay *r, double seconds)
{
    if (r->cli->talk_terminal)
        fputs("\r", r->cli->err);
    if (r->cli->json) {
        fprintf(r->cli->out,
                "{\"type\":\"summary\",\"events\":%llu,\"seconds\":%.3f,\"matches\":0,\"findings\":%llu,"
                "\"stories\":%zu,\"verdict\":\"%s\"",
                (unsigned long long)r->events, seconds, (unsigned long long)r->findings, (size_t)r->told_stories,
                trn_verdict_name(r->worst));
        print_foreign_json(r);
        fputs("}\n", r->cli->out);
        return;
    }
    fprintf(r->cli->out, "verdict: %s   %llu events in %.2f s, %llu findings, %zu stories\n",
            trn_verdict_name(r->worst), (unsigned long long)r->events, seconds, (unsigned long long)r->findings,
            (size_t)r->told_stories);
    print_foreign(r);
}

static void done(struct trn_replay *r)
{
    r->engine = trn_engine_free(r->engine);
    r->indicators = trn_indicators_free(r->indicators);
    forget_stories(r);
    r->stories = trn_map_free(r->stories);
    r->names = trn_names_free(r->names);
    r->arena = trn_arena_free(r->arena);
    trn_buf_done(&r->json);
    trn_view_done(&r->view);
}

static int run(struct trn_cli *cli)
{
    struct trn_replay r = {.cli = cli, .stories = trn_map_new(STORIES_MAX)};
    struct trn_err err = {0};
    uint64_t start = trn_mono_ns();
    trn_buf_init(&r.json, (size_t)8 << 20);
    int e = trn_view_init(&r.view, cli, cli->out, cli->colour, false);
    if (e == 0 && !r.stories)
        e = -ENOMEM;
    for (int i = 0; e == 0 && i < cli->n_operands; i++)
        e = replay_file(&r, cli->operands[i], &err);
    if (e == 0 || r.events) /* what was found before the damage is worth its telling */
        print_stories(&r);
    if (e == 0)
        print_summary(&r, (double)(trn_mono_ns() - start) / (double)TRN_NS_PER_SEC);
    int code = e < 0                                                    ? TRN_EXIT_UNDECIDED
               : r.worst >= cli->fail_on && r.worst > TRN_VERDICT_CLEAN ? TRN_EXIT_FINDINGS
                                                                        : TRN_EXIT_OK;
    done(&r);
    if (e < 0 && !err.hint[0])
        trn_hint(&err,
                 "replay reads logs of turncoatd (log/*.trnl), events as JSON lines, and JSON of Sysmon and eslogger");
    return e < 0 ? trn_cli_error(cli, &err, TRN_EXIT_UNDECIDED) : code;
}

static const struct trn_example EXAMPLES[] = {
    {"turncoat replay /var/lib/turncoat/log/*", "the same findings and stories as when it was recorded"},
    {"turncoat replay --json events.jsonl", "events as JSON lines in ECS names; one result a line"},
    {"turncoat replay sysmon.json", "a log of Sysmon or of eslogger, told by its content"},
};
static const struct trn_option OPTIONS[] = {
    {"fail-on", "VERDICT", "exit 1 from this verdict up (default suspicious)"},
};

const struct trn_command trn_cmd_replay = {
    .name = "replay",
    .usage = "FILE...",
    .summary = "run detection over recorded events",
    .examples = EXAMPLES,
    .n_examples = TRN_ARRAY_SIZE(EXAMPLES),
    .options = OPTIONS,
    .n_options = TRN_ARRAY_SIZE(OPTIONS),
    .min_operands = 1,
    .max_operands = -1,
    .run = run,
};
