/* SPDX-License-Identifier: Apache-2.0 */
/* Does a replay find what is in the log, the same each time, and say what is wrong with a log? */
#include "call.h"
#include "engine/engine.h"

#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#define FETCHER 0x1111ull
#define HELPER 0x2222ull
#define N_EVENTS 8

struct place {
    char dir[64], log[128], lines[128];
};

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    return remove(path);
}

static void place_done(struct place *p)
{
    nftw(p->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void place_make(struct place *p)
{
    char folder[100];
    snprintf(p->dir, sizeof(p->dir), "/tmp/trn-replay-XXXXXX");
    cr_assert(mkdtemp(p->dir));
    snprintf(folder, sizeof(folder), "%s/log", p->dir);
    cr_assert_eq(mkdir(folder, 0700), 0);
    snprintf(p->log, sizeof(p->log), "%s/log/one", p->dir);
    snprintf(p->lines, sizeof(p->lines), "%s/one.jsonl", p->dir);
}
#define PLACE(p)                               \
    TRN_AUTO(place_done) struct place p = {0}; \
    place_make(&p)

static const struct trn_file_key FETCHER_FILE = {.dev = 8388609, .ino = 91, .ctime_ns = 1};
static const struct trn_file_key HELPER_FILE = {.dev = 8388609, .ino = 1000, .ctime_ns = 2};

static void exec_of(struct trn_event *ev, uint64_t entity, const char *path, struct trn_file_key key)
{
    trn_event_init(ev, TRN_EV_EXEC);
    ev->entity = entity;
    ev->exec.path = ev->exec.invoked = trn_str_of(path);
    ev->exec.argv = TRN_STR("program\0");
    ev->exec.file = key;
    ev->exec.nlink = 1;
    ev->exec.parent = entity == HELPER ? FETCHER : 0;
}

/* A packaged program talks to the network, writes a file and runs it. */
static void event_at(int i, struct trn_event *ev)
{
    const uint8_t to[4] = {198, 51, 100, 7};
    if (i == 0) {
        trn_event_init(ev, TRN_EV_START);
    } else if (i == 1) {
        trn_event_init(ev, TRN_EV_IDENTITY);
        ev->identity.file = FETCHER_FILE;
        ev->identity.path = TRN_STR("/opt/fetcher/fetcher");
        ev->identity.id.software =
            (struct trn_software){.name = TRN_STR("fetcher"), .version = TRN_STR("1.0"), .origin = TRN_ORIGIN_DPKG};
        ev->identity.id.kind = TRN_STR("elf");
    } else if (i == 2) {
        exec_of(ev, FETCHER, "/opt/fetcher/fetcher", FETCHER_FILE);
    } else if (i == 3) {
        trn_event_init(ev, TRN_EV_CONNECT);
        ev->action = TRN_ACT_ESTABLISHED;
        ev->entity = FETCHER;
        ev->net.family = 4;
        ev->net.proto = IPPROTO_TCP;
        memcpy(ev->net.dst, to, sizeof(to));
        ev->net.dst_port = 443;
        ev->net.socket = 5;
    } else if (i == 4) {
        trn_event_init(ev, TRN_EV_FILE);
        ev->action = TRN_ACT_WRITTEN;
        ev->entity = FETCHER;
        ev->file.path = TRN_STR("/home/alice/.cache/helper");
        ev->file.file = HELPER_FILE;
        ev->file.size = 4096;
        ev->file.mode = 0100755;
    } else if (i == 5) {
        trn_event_init(ev, TRN_EV_FORK);
        ev->entity = HELPER;
        ev->fork.parent = FETCHER;
    } else if (i == 6) {
        exec_of(ev, HELPER, "/home/alice/.cache/helper", HELPER_FILE);
    } else { /* what still waits for an identity is judged at the end */
        trn_event_init(ev, TRN_EV_STOP);
    }
    ev->seq = (uint64_t)i + 1;
    if (ev->entity)
        ev->pid = ev->tid = ev->entity == HELPER ? 812u : 811u;
    ev->boot_ns = (uint64_t)(i + 1) * TRN_NS_PER_SEC;
    ev->wall_ns = 1795000000ull * TRN_NS_PER_SEC + ev->boot_ns;
}

static void write_part(const char *path, const uint8_t *snapshot, uint64_t wall_sec, int from, int to)
{
    struct trn_log_header h = {.host_id = {1}, .boot_id = {2}, .wall_ns = wall_sec * TRN_NS_PER_SEC};
    struct trn_log_writer *w = NULL;
    if (snapshot)
        memcpy(h.snapshot, snapshot, sizeof(h.snapshot));
    cr_assert_eq(trn_log_create(path, &h, &w, NULL), 0);
    for (int i = from; i < to; i++) {
        struct trn_event ev;
        event_at(i, &ev);
        cr_assert_eq(trn_log_write(w, &ev), 0);
    }
    trn_log_close(w);
}

static void write_log(const char *path, const uint8_t *snapshot)
{
    write_part(path, snapshot, 1795000000, 0, N_EVENTS);
}

static void write_lines(const char *path, const char *tail)
{
    struct trn_buf b;
    trn_buf_init(&b, 1 << 20);
    for (int i = 0; i < N_EVENTS; i++) {
        struct trn_event ev;
        event_at(i, &ev);
        trn_event_to_json(&ev, &b);
        trn_put_c(&b, i == 2 ? "\n\n" : "\n");
    }
    trn_put_c(&b, tail);
    cr_assert_eq(trn_write_file_atomic(path, trn_buf_str(&b), 0600, NULL), 0);
    trn_buf_done(&b);
}

/* What was printed before the summary, which has the time it took. */
static char *before_summary(const struct said *s)
{
    const char *end = strstr(s->out, "{\"type\":\"summary\"");
    cr_assert(end, "%s%s", s->out, s->err);
    return strndup(s->out, (size_t)(end - s->out));
}

Test(replay, a_second_stage_is_found_and_told)
{
    PLACE(p);
    write_log(p.log, NULL);
    TRN_AUTO(said_done) struct said s = CALL("replay", "--json", p.log);
    cr_assert_eq(s.code, TRN_EXIT_OK, "one finding alone is a note: %d %s", s.code, s.err);
    cr_assert_eq(strncmp(s.out, "{\"type\":\"finding\",\"check\":\"behaviour.second-stage\"", 49), 0, "%s", s.out);
    cr_assert(strstr(s.out, "\n{\"type\":\"story\",\"id\":1,\"verdict\":\"note\""), "%s", s.out);
    cr_assert(strstr(s.out, "\n{\"type\":\"summary\",\"events\":8,"), "%s", s.out);
    cr_assert(strstr(s.out, "\"name\":\"fetcher\",\"version\":\"1.0\""));
    TRN_AUTO(said_done) struct said strict = CALL("replay", "--fail-on", "note", p.log);
    cr_assert_eq(strict.code, TRN_EXIT_FINDINGS);
    cr_assert(strstr(strict.out, "verdict: note   8 events"), "%s", strict.out);
}

Test(replay, the_same_log_gives_the_same_bytes)
{
    PLACE(p);
    write_log(p.log, NULL);
    TRN_AUTO(said_done) struct said one = CALL("replay", "--json", p.log), two = CALL("replay", "--json", p.log);
    TRN_AUTO(trn_freep) char *a = before_summary(&one), *b = before_summary(&two);
    cr_assert_str_eq(a, b);
}

Test(replay, json_lines_give_what_the_log_gives)
{
    PLACE(p);
    write_log(p.log, NULL);
    write_lines(p.lines, "");
    TRN_AUTO(said_done) struct said one = CALL("replay", "--json", p.log), two = CALL("replay", "--json", p.lines);
    TRN_AUTO(trn_freep) char *a = before_summary(&one), *b = before_summary(&two);
    cr_assert_str_eq(a, b);
}

Test(replay, a_bad_line_is_named)
{
    PLACE(p);
    write_lines(p.lines, "{\"event\":\n");
    TRN_AUTO(said_done) struct said s = CALL("replay", p.lines);
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(s.err, "line 10: "), "%s", s.err);
}

Test(replay, segments_of_one_run_are_one_run)
{
    PLACE(p);
    char second[160];
    snprintf(second, sizeof(second), "%s-2", p.log);
    write_part(p.log, NULL, 1795000000, 0, 4);
    write_part(second, NULL, 1795000000, 4, N_EVENTS);
    TRN_AUTO(said_done) struct said s = CALL("replay", "--json", p.log, second);
    cr_assert(strstr(s.out, "\"events\":8,") && strstr(s.out, "\"findings\":1,\"stories\":1,"), "%s", s.out);
    cr_assert_eq(s.err_n, 0, "%s", s.err);
    TRN_AUTO(said_done) struct said half = CALL("replay", "--json", second);
    cr_assert(strstr(half.err, "the beginning of this run is not in the log"), "%s", half.err);
}

Test(replay, two_runs_know_nothing_of_each_other)
{
    PLACE(p);
    char second[160];
    snprintf(second, sizeof(second), "%s-2", p.log);
    write_part(p.log, NULL, 1795000000, 0, N_EVENTS);
    write_part(second, NULL, 1796000000, 0, N_EVENTS);
    TRN_AUTO(said_done) struct said s = CALL("replay", "--json", p.log, second);
    cr_assert(strstr(s.out, "\"findings\":2,\"stories\":2,"), "%s", s.out);
}

static int no_rows(void *ctx, const struct trn_event_sink *to)
{
    struct trn_event row;
    trn_event_init(&row, TRN_EV_STATE);
    row.state.kind = TRN_STR("of-nobody");
    row.state.key = 7;
    row.state.value = TRN_STR("value");
    return trn_sink_event(to, &row);
}

static void snapshot_path(const struct place *p, const uint8_t hash[TRN_SHA256_SIZE], char *dst, size_t size)
{
    char hex[2 * TRN_SHA256_SIZE + 1];
    trn_hex(hash, TRN_SHA256_SIZE, hex);
    snprintf(dst, size, "%s/snapshots/%s.trns", p->dir, hex);
}

Test(replay, the_snapshot_must_be_there_and_be_the_one)
{
    PLACE(p);
    uint8_t hash[TRN_SHA256_SIZE];
    char path[300];
    const struct trn_snapshot_source rows = {no_rows, NULL};
    cr_assert_eq(trn_snapshot_write(p.dir, &rows, hash, NULL), 0);
    write_log(p.log, hash);
    TRN_AUTO(said_done) struct said good = CALL("replay", "--json", p.log);
    cr_assert_eq(good.code, TRN_EXIT_OK, "%s", good.err);
    cr_assert(strstr(good.out, "\"events\":8,"), "rows of the snapshot are not counted as replayed");

    snapshot_path(&p, hash, path, sizeof(path));
    int fd = open(path, O_WRONLY | O_APPEND);
    cr_assert(fd >= 0 && write(fd, "x", 1) == 1);
    close(fd);
    TRN_AUTO(said_done) struct said changed = CALL("replay", "--json", p.log);
    cr_assert_eq(changed.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(changed.err, "it was changed"), "%s", changed.err);

    cr_assert_eq(unlink(path), 0);
    TRN_AUTO(said_done) struct said missing = CALL("replay", "--json", p.log);
    cr_assert_eq(missing.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(missing.err, "hint: "), "%s", missing.err);
}

Test(replay, a_torn_end_is_said_and_the_rest_replayed)
{
    PLACE(p);
    struct stat st;
    write_log(p.log, NULL);
    cr_assert_eq(stat(p.log, &st), 0);
    cr_assert_eq(truncate(p.log, st.st_size - 3), 0);
    TRN_AUTO(said_done) struct said s = CALL("replay", "--json", p.log);
    cr_assert_eq(s.code, TRN_EXIT_OK);
    cr_assert(strstr(s.out, "\"events\":7,"), "%s", s.out);
    cr_assert(strstr(s.err, "torn, ignoring"), "%s", s.err);
}

Test(replay, what_is_no_log_is_an_error)
{
    PLACE(p);
    cr_assert_eq(trn_write_file_atomic(p.log,
                                       TRN_STR("not a log at all, but long enough for a header of one, is it not? yes"),
                                       0600, NULL),
                 0);
    TRN_AUTO(said_done) struct said bad = CALL("replay", p.log), none = CALL("replay", "/nonexistent");
    cr_assert_eq(bad.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(bad.err, p.log), "%s", bad.err);
    cr_assert_eq(none.code, TRN_EXIT_UNDECIDED);
    cr_assert_str_eq(none.err,
                     "turncoat: cannot open '/nonexistent': ENOENT\n"
                     "hint: replay reads logs of turncoatd (log/*.trnl), events as JSON lines, and JSON of Sysmon and "
                     "eslogger\n");
}
