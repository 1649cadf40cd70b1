/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the store keep what it was given, through restarts, and say so when it cannot? */
#include "store_fixture.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(store, .init = store_set_up, .fini = store_tear_down);

static uint64_t matches(struct trn_store *s, const char *expr)
{
    struct trn_hunt_summary sum = {0};
    struct trn_err err = {0};

    cr_assert_eq(trn_store_hunt(s, trn_str_of(expr), NOW, 1, NULL, &sum, &err), 0, "%s", err.message);
    return sum.matches;
}

static struct trn_finding finding(uint64_t id, uint64_t wall)
{
    struct trn_finding f;

    trn_finding_init(&f, trn_check_find(TRN_STR("behaviour.second-stage")));
    f.id = id;
    f.wall_ns = wall;
    f.summary = TRN_STR("wrote and ran a file");
    trn_finding_event(&f, 7);
    return f;
}

static void put_story(struct trn_store *s, uint64_t id, uint32_t revision, enum trn_verdict verdict, uint64_t updated)
{
    struct trn_story TRN_AUTO(trn_freep) *st = calloc(1, sizeof(*st));
    struct trn_err err = {0};

    *st = (struct trn_story){.id = id,
                             .revision = revision,
                             .verdict = verdict,
                             .score = 50,
                             .updated_wall_ns = updated,
                             .software = {.name = TRN_STR("acme-softphone")},
                             .sentence = TRN_STR("it turned")};
    st->findings[0] = finding(id, updated);
    st->n_findings = 1;
    cr_assert_eq(trn_store_story(s, st, &err), 0, "%s", err.message);
}

Test(store, everything_survives_a_restart)
{
    struct trn_store *s = store_open(NULL);
    struct trn_finding f = finding(1ull << 63 | 5, NOW);
    struct lines l = {0};
    const struct trn_json_sink sink = {gather_line, &l};

    store_history(s, 100);
    cr_assert_eq(trn_store_finding(s, &f, 3, NULL), 0);
    cr_assert_eq(trn_store_finding(s, &f, 0, NULL), 0, "the same one again replaces it");
    put_story(s, 3, 1, TRN_VERDICT_SUSPICIOUS, NOW);
    cr_expect_null(trn_store_close(s), "commits what is open");
    s = store_open(NULL);
    cr_expect_eq(matches(s, "type=exec"), 20);
    cr_assert_eq(trn_store_findings(s, 0, 0, &sink, NULL), 0);
    cr_expect_eq(l.n, 1);
    cr_expect_not_null(strstr(l.first, "\"id\":\"8000000000000005\""));
    cr_expect_gt(trn_store_bytes(s), 4096);
    cr_expect_eq(trn_store_lost(s), 0);
    cr_expect(trn_str_is_none(trn_store_health(s)));
    trn_store_close(s);
}

Test(store, stories_by_verdict_and_number)
{
    struct trn_store *s = store_open(NULL);
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct lines l = {0};
    const struct trn_json_sink sink = {gather_line, &l};
    struct trn_story *st;
    struct trn_err err = {0};

    put_story(s, 1, 1, TRN_VERDICT_NOTE, NOW);
    put_story(s, 2, 1, TRN_VERDICT_MALICIOUS, NOW - SECOND);
    put_story(s, 2, 2, TRN_VERDICT_MALICIOUS, NOW + SECOND);
    cr_assert_eq(trn_store_stories(s, TRN_VERDICT_CLEAN, 0, &sink, NULL), 0);
    cr_expect_eq(l.n, 2);
    cr_expect_not_null(strstr(l.first, "{\"id\":2,"), "newest first");
    cr_expect_not_null(strstr(l.first, "\"revision\":2"));
    l.n = 0;
    cr_assert_eq(trn_store_stories(s, TRN_VERDICT_SUSPICIOUS, 0, &sink, NULL), 0);
    cr_expect_eq(l.n, 1);
    cr_assert_eq(trn_store_story_get(s, 2, a, &st, &err), 0, "%s", err.message);
    cr_expect_eq(st->revision, 2);
    cr_expect(trn_str_eq_c(st->findings[0].summary, "wrote and ran a file"));
    cr_expect_eq(trn_store_story_get(s, 9, a, &st, &err), -ENOENT);
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    trn_buf_init(&b, 1 << 16);
    cr_expect_eq(trn_store_story_json(s, 1, &b, NULL), 0);
    cr_expect_eq(trn_store_story_json(s, 9, &b, NULL), -ENOENT);
    trn_store_close(s);
}

static int decide(struct trn_store *s, enum trn_action action, uint64_t story, const char *text)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_DECISION);
    ev.action = (uint16_t)action;
    ev.uid = 0;
    ev.wall_ns = NOW;
    ev.decision.story = story;
    ev.decision.text = trn_str_of(text);
    return trn_store_decide(s, &ev, NULL);
}

Test(store, a_story_that_only_the_store_has_is_decided_about)
{
    struct trn_store *s = store_open(NULL);
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_story *st;

    put_story(s, 1, 1, TRN_VERDICT_SUSPICIOUS, NOW);
    cr_assert_eq(decide(s, TRN_ACT_ASSIGNED, 1, "ana"), 0);
    cr_assert_eq(decide(s, TRN_ACT_CLOSED, 1, "vendor confirmed"), 0);
    cr_expect_eq(decide(s, TRN_ACT_CLOSED, 2, "x"), -ENOENT);
    cr_expect_eq(decide(s, TRN_ACT_UPDATED, 1, "x"), -EINVAL);
    cr_assert_eq(trn_store_story_get(s, 1, a, &st, NULL), 0);
    cr_expect(st->closed && st->revision == 3 && st->close_wall_ns == NOW && st->close_uid == 0);
    cr_expect(trn_str_eq_c(st->close_why, "vendor confirmed") && trn_str_eq_c(st->assigned, "ana"));
    put_story(s, 1, 4, TRN_VERDICT_SUSPICIOUS, NOW);
    cr_assert_eq(trn_store_story_get(s, 1, a, &st, NULL), 0);
    cr_expect(!st->closed, "whether it is closed is the engine's word");
    trn_store_close(s);
}

struct states {
    unsigned n;
    uint64_t keys[8];
    char kinds[8][16];
};

static int gather_state(void *ctx, const struct trn_event *ev)
{
    struct states *st = ctx;

    cr_assert(ev->type == TRN_EV_STATE && st->n < 8);
    snprintf(st->kinds[st->n], sizeof(st->kinds[0]), "%.*s", TRN_STR_ARG(ev->state.kind));
    st->keys[st->n++] = ev->state.key;
    return 0;
}

static void put_state(struct trn_store *s, const char *kind, uint64_t key, const char *value)
{
    struct trn_event ev;

    trn_event_init(&ev, TRN_EV_STATE);
    ev.state.kind = trn_str_of(kind);
    ev.state.key = key;
    ev.state.value = trn_str_of(value);
    cr_assert_eq(trn_store_state(s, &ev, NULL), 0);
}

Test(store, states_come_back_in_order)
{
    struct trn_store *s = store_open(NULL);
    struct states st = {0};
    const struct trn_event_sink sink = {gather_state, &st};

    put_state(s, "story", 1, "a");
    put_state(s, "image", UINT64_MAX, "b");
    put_state(s, "image", 0, "c");
    put_state(s, "image", 1ull << 63, "d");
    put_state(s, "image", 5, "e");
    put_state(s, "image", 6, "f");
    put_state(s, "image", 5, "e2");
    put_state(s, "image", 6, "");
    cr_assert_eq(trn_store_states(s, &sink, NULL), 0);
    cr_assert_eq(st.n, 5);
    const uint64_t keys[] = {0, 5, 1ull << 63, UINT64_MAX, 1};
    for (int i = 0; i < 5; i++)
        cr_expect_eq(st.keys[i], keys[i], "row %d", i);
    cr_expect_str_eq(st.kinds[4], "story");
    trn_store_close(s);
}

Test(store, sightings_answer_since_when)
{
    struct trn_store *s = store_open(NULL);
    uint64_t first = 0, last = 0, n = 0;
    bool seen;

    store_history(s, 100);
    store_history(s, 100);
    cr_assert_eq(trn_store_sighting(s, TRN_STR("ip"), TRN_STR("10.9.0.5"), &seen, &first, &last, &n, NULL), 0);
    cr_expect(seen && n == 2 && first == NOW - 74 * SECOND && last == first, "%llu", (unsigned long long)n);
    cr_assert_eq(trn_store_sighting(s, TRN_STR("ip"), TRN_STR("10.9.0.77"), &seen, &first, &last, &n, NULL), 0);
    cr_expect(seen && n == 40, "from DNS answers");
    cr_assert_eq(trn_store_sighting(s, TRN_STR("domain"), TRN_STR("raw.codehost.test"), &seen, &first, &last, &n, NULL),
                 0);
    cr_expect(seen && n == 14 && last > first);
    cr_assert_eq(trn_store_sighting(s, TRN_STR("path"), TRN_STR("/tmp/part"), &seen, &first, &last, &n, NULL), 0);
    cr_expect(seen && n == 40);
    cr_assert_eq(trn_store_sighting(s, TRN_STR("software"), TRN_STR("acme-softphone"), &seen, &first, &last, &n, NULL),
                 0);
    cr_expect(seen);
    cr_assert_eq(trn_store_sighting(s, TRN_STR("sha256"),
                                    TRN_STR("0300000000000000000000000000000000000000000000000000000000000000"), &seen,
                                    &first, &last, &n, NULL),
                 0);
    cr_expect(seen);
    cr_assert_eq(trn_store_sighting(s, TRN_STR("domain"), TRN_STR("10.9.0.5"), &seen, &first, &last, &n, NULL), 0);
    cr_expect(!seen, "kinds are apart");
    cr_expect_eq(trn_store_sighting(s, TRN_STR("colour"), TRN_STR("red"), &seen, &first, &last, &n, NULL), -EINVAL);
    trn_store_close(s);
}

Test(store, a_sum_of_connections_is_as_many_sightings)
{
    struct trn_store *s = store_open(NULL);
    uint64_t first = 0, last = 0, n = 0;
    struct trn_event ev;
    bool seen;

    for (uint32_t count = 0; count < 2; count++) {
        trn_event_init(&ev, TRN_EV_ACCEPT);
        ev.wall_ns = NOW - SECOND;
        ev.net.family = 4;
        ev.net.src[0] = 10;
        ev.net.count = count ? 70000 : TRN_NO_U32;
        cr_assert_eq(trn_store_event(s, &ev, TRN_STR_NONE, NULL), 0);
    }
    cr_assert_eq(trn_store_sighting(s, TRN_STR("ip"), TRN_STR("10.0.0.0"), &seen, &first, &last, &n, NULL), 0);
    cr_expect(seen && n == 70001, "%llu", (unsigned long long)n);
    trn_store_close(s);
}

Test(store, ticks_and_forks_take_no_room)
{
    struct trn_store *s = store_open(NULL);
    struct trn_event ev;

    for (unsigned t = 1; t < TRN_EV_MAX; t++) {
        if (trn_event_type_name(t)[0] == '\0')
            continue;
        trn_event_init(&ev, t);
        ev.wall_ns = NOW - SECOND;
        cr_expect_eq(trn_store_event(s, &ev, TRN_STR_NONE, NULL), 0, "%s", trn_event_type_name(t));
    }
    cr_expect_eq(matches(s, "since=1h"), 29);
    trn_store_close(s);
}

Test(store, age_prunes_events_not_sightings)
{
    const struct trn_store_options o = {.sz = sizeof(o), .max_age_ns = 50 * SECOND};
    struct trn_store *s = store_open(&o);
    uint64_t first, last, n;
    bool seen = false;

    store_history(s, 1000);
    cr_assert_eq(trn_store_prune(s, NOW, NULL), 0);
    cr_expect_eq(matches(s, "since=1h"), 50);
    cr_assert_eq(trn_store_sighting(s, TRN_STR("domain"), TRN_STR("raw.codehost.test"), &seen, &first, &last, &n, NULL),
                 0);
    cr_expect(seen && first < NOW - 900 * SECOND);
    store_history(s, 10); /* texts that stayed are still the right ones */
    cr_expect_eq(matches(s, "process=curl since=11s"), 5);
    trn_store_close(s);
}

/* Texts that any program can make without end must not stay for ever. */
Test(store, bytes_prune_the_oldest)
{
    const struct trn_store_options o = {.sz = sizeof(o), .max_bytes = 4 << 20};
    struct trn_store *s = store_open(&o);
    struct trn_err err = {0};
    struct trn_event ev;
    char path[200];

    for (unsigned i = 0; i < 60000; i++) {
        trn_event_init(&ev, TRN_EV_FILE);
        ev.seq = i + 1;
        ev.wall_ns = NOW + i;
        ev.file.path = (struct trn_str){path, (size_t)snprintf(path, sizeof(path),
                                                               "/tmp/a-directory-with-a-long-name/file-%u", i)};
        cr_assert_eq(trn_store_event(s, &ev, TRN_STR_NONE, &err), 0, "%s", err.message);
        if (i % 1000 == 999)
            cr_assert_eq(trn_store_prune(s, NOW, &err), 0, "%u: %s", i, err.message);
    }
    for (int i = 0; i < 20; i++)
        cr_assert_eq(trn_store_prune(s, NOW, &err), 0, "%s", err.message);
    /* the limit, a quarter more, and the write-ahead log */
    cr_expect_leq(trn_store_bytes(s), 10u << 20, "%llu", (unsigned long long)trn_store_bytes(s));
    cr_expect_eq(matches(s, "seq=60000"), 1, "the newest stay");
    cr_expect_eq(matches(s, "seq=1"), 0);
    cr_expect_eq(trn_store_lost(s), 0);
    trn_store_close(s);
}

Test(store, a_full_store_says_so_and_comes_back)
{
    const struct trn_store_options o = {.sz = sizeof(o), .max_bytes = 200 << 10};
    struct trn_store *s = store_open(&o);
    struct trn_err err = {0};
    int r = 0;

    for (int i = 0; r == 0 && i < 20000; i++) {
        struct trn_event ev;
        history_event(&ev, (unsigned)i, 20000);
        r = trn_store_event(s, &ev, TRN_STR_NONE, &err);
        if (r == 0 && i % 100 == 0)
            r = trn_store_commit(s, &err);
    }
    cr_assert_eq(r, -ENOSPC, "%s", err.message);
    cr_expect(err.hint[0]);
    cr_expect_gt(trn_store_lost(s), 0);
    cr_expect(!trn_str_is_none(trn_store_health(s)));
    for (int i = 0; i < 5; i++)
        cr_assert_eq(trn_store_prune(s, NOW, &err), 0, "%s", err.message);
    store_history(s, 10);
    cr_expect(trn_str_is_none(trn_store_health(s)), "well again");
    trn_store_close(s);
}

static unsigned files_like(const char *prefix)
{
    DIR *d = opendir(store_dir);
    struct dirent *e;
    unsigned n = 0;

    while ((e = readdir(d)) != NULL)
        n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    closedir(d);
    return n;
}

Test(store, a_damaged_file_is_set_aside)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_store *s = NULL;
    struct trn_str note = TRN_STR_NONE;
    struct trn_err err = {0};

    FILE *f = fopen(store_path, "w");
    for (int i = 0; i < 10000; i++)
        fputs("this is no database ", f);
    fclose(f);
    cr_assert_eq(trn_store_open(store_path, NULL, NOW, a, &s, &note, &err), 0, "%s", err.message);
    cr_expect(trn_str_contains(note, TRN_STR("damaged")));
    cr_expect_eq(files_like("store.db.damaged-"), 1);
    store_history(s, 10);
    cr_expect_eq(matches(s, "since=1h"), 10);
    trn_store_close(s);
}

Test(store, damage_found_later_is_set_aside_too)
{
    struct trn_store *s = store_open(NULL);
    struct trn_err err = {0};
    struct trn_event ev;
    char noise[4096];

    store_history(s, 5000);
    trn_store_close(s);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (char)(i * 7);
    int fd = open(store_path, O_RDWR);
    for (off_t page = 2; page < lseek(fd, 0, SEEK_END) / 4096; page++)
        cr_assert_eq(pwrite(fd, noise, sizeof(noise), page * 4096), (ssize_t)sizeof(noise));
    close(fd);
    s = store_open(NULL);
    int r = 0;
    for (unsigned i = 0; r == 0 && i < 100; i++) {
        history_event(&ev, i, 100);
        r = trn_store_event(s, &ev, TRN_STR_NONE, &err);
    }
    cr_assert_eq(r, -EUCLEAN, "%s", err.message);
    cr_expect_eq(trn_store_commit(s, &err), -EUCLEAN, "what was given is lost");
    cr_expect_gt(trn_store_lost(s), 0);
    cr_expect_geq(files_like("store.db.damaged-"), 1);
    store_history(s, 10);
    cr_expect_eq(matches(s, "since=1h"), 10, "and it goes on");
    trn_store_close(s);
}

Test(store, a_newer_schema_is_not_touched)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_store *s = store_open(NULL);
    struct trn_str note;
    struct trn_err err = {0};
    sqlite3 *db;

    trn_store_close(s);
    cr_assert_eq(sqlite3_open(store_path, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA user_version=99", NULL, NULL, NULL);
    sqlite3_close(db);
    cr_expect_eq(trn_store_open(store_path, NULL, NOW, a, &s, &note, &err), -ENOTSUP);
    cr_expect(err.hint[0]);
    cr_expect_eq(files_like("store.db.damaged-"), 0);
}

Test(store, a_place_that_cannot_be_written)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_store *s = NULL;
    struct trn_str note;
    struct trn_err err = {0};

    cr_expect_eq(trn_store_open("/proc/nowhere/store.db", NULL, NOW, a, &s, &note, &err), -EACCES);
    cr_expect(err.hint[0]);
    cr_expect_null(s);
    const struct trn_store_options o = {.sz = sizeof(o), .read_only = true};
    cr_expect_lt(trn_store_open(store_path, &o, NOW, a, &s, &note, &err), 0, "nothing there to read");
}

Test(store, hostile_texts_are_kept_apart)
{
    struct trn_store *s = store_open(NULL);
    struct trn_event ev;

    trn_event_init(&ev, TRN_EV_FILE);
    ev.wall_ns = NOW - SECOND;
    ev.file.path = TRN_STR("/tmp/\xff\xfe\n\x1b");
    cr_assert_eq(trn_store_event(s, &ev, TRN_STR_NONE, NULL), 0);
    ev.file.path = TRN_STR("/tmp/\xff\xff\n\x1b");
    cr_assert_eq(trn_store_event(s, &ev, TRN_STR_NONE, NULL), 0);
    ev.file.path = TRN_STR("");
    cr_assert_eq(trn_store_event(s, &ev, TRN_STR_NONE, NULL), 0);
    cr_expect_eq(matches(s, "path=\"/tmp/\xff\xfe\n\x1b\""), 1);
    cr_expect_eq(matches(s, "path=\"\""), 1);
    char *big = malloc(1 << 20);
    memset(big, 'x', 1 << 20);
    ev.file.path = (struct trn_str){big, 1 << 20};
    cr_expect_eq(trn_store_event(s, &ev, TRN_STR_NONE, NULL), 0, "kept, in the record only");
    ev.file.path = (struct trn_str){big, 1 << 20};
    trn_store_close(s);
    free(big);
}
