/* SPDX-License-Identifier: Apache-2.0 */
/* Does a bundle hold what the store has behind a story, is it proven, and does a redacted one keep its promise? */
#include "engine/evidence.h"
#include "engine/server_internal.h"
#include "folder.h"

#include <openssl/evp.h>

#define LONG_NAME "a-name-of-more-than-sixty-four-bytes-a-name-of-more-than-sixty-four-bytes"

#define AT(seconds) ((1700000000ull + (seconds)) * TRN_NS_PER_SEC)
#define PHONE 0xf00dull
#define HELPER 0xbeefull
#define OTHER 0x0123ull

struct bench {
    char dir[64], path[96];
    struct trn_store *store;
    struct trn_evidence_key *key;
    struct trn_evidence_request q;
};

static void put(struct bench *b, struct trn_event *ev, uint64_t seq, uint64_t entity, uint64_t wall_ns)
{
    ev->seq = seq;
    ev->entity = entity;
    ev->wall_ns = wall_ns;
    ev->pid = 100;
    cr_assert_eq(trn_store_event(b->store, ev, TRN_STR("/home/alice/acme/softphone"), NULL), 0);
}

static void put_exec(struct bench *b, uint64_t seq, uint64_t entity, uint64_t wall_ns, const char *path)
{
    static const char argv[] = "helper\0--token=s3cr3t-word\0call mum\0";
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.exec.path = trn_str_of(path);
    ev.exec.argv = (struct trn_str){argv, sizeof argv - 1};
    ev.exec.cwd = TRN_STR("/home/alice");
    ev.exec.file = (struct trn_file_key){.dev = 1, .ino = 55, .ctime_ns = 9};
    put(b, &ev, seq, entity, wall_ns);
}

static void put_connect(struct bench *b, uint64_t seq, uint64_t entity, uint64_t wall_ns)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_CONNECT);
    ev.net.family = 4;
    ev.net.dst[0] = 10;
    ev.net.dst[3] = 5;
    ev.net.dst_port = 8443;
    put(b, &ev, seq, entity, wall_ns);
}

static void put_file(struct bench *b, uint64_t seq, uint64_t entity, uint64_t wall_ns, const char *path)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_FILE);
    ev.action = TRN_ACT_WRITTEN;
    ev.file.path = trn_str_of(path);
    put(b, &ev, seq, entity, wall_ns);
}

static void put_loss(struct bench *b, uint64_t seq, uint64_t wall_ns)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_LOSS);
    ev.meta.klass = TRN_CLASS_FILE;
    ev.meta.count = 3;
    ev.meta.text = TRN_STR("alice's disk was too fast");
    put(b, &ev, seq, 0, wall_ns);
}

static void put_step(struct bench *b, uint64_t seq, uint64_t action, uint64_t wall_ns)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_RESPONSE);
    ev.response.id = action;
    ev.response.act = TRN_STR("block");
    ev.response.state = TRN_STR("seen");
    ev.response.target = action == 3 ? TRN_STR("/home/alice/.cache/helper") : TRN_STR("/home/mallory/mine");
    ev.response.text = TRN_STR("an attempt of alice was refused");
    put(b, &ev, seq, 0, wall_ns);
}

static void put_identity(struct bench *b, uint64_t seq, uint64_t wall_ns)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_IDENTITY);
    ev.identity.file = (struct trn_file_key){.dev = 1, .ino = 55, .ctime_ns = 9};
    ev.identity.path = TRN_STR("/home/alice/.cache/helper");
    ev.identity.id.sha256[0] = 0x5e;
    put(b, &ev, seq, 0, wall_ns);
}

static void put_story(struct bench *b)
{
    struct trn_story *s = calloc(1, sizeof *s);
    s->id = 7;
    s->revision = 3;
    s->verdict = TRN_VERDICT_MALICIOUS;
    s->score = 93;
    s->software = (struct trn_software){.name = TRN_STR("acme-softphone"), .version = TRN_STR("1.1")};
    s->sentence = TRN_STR("acme-softphone 1.1 <b>ran</b> /home/alice/.cache/helper");
    s->opened_wall_ns = AT(10);
    s->updated_wall_ns = AT(30);
    struct trn_finding *f = &s->findings[s->n_findings++];
    trn_finding_init(f, trn_check_find(TRN_STR("behaviour.second-stage")));
    f->wall_ns = AT(20);
    f->entity = HELPER;
    f->acting = PHONE;
    f->summary = TRN_STR("wrote ~/.cache/helper, \"ran\" it & left");
    trn_finding_add(f, "path", TRN_STR("/home/alice/.cache/helper"));
    trn_finding_event(f, 3);
    trn_finding_event(f, 4);
    trn_finding_event(f, 999); /* no longer stored */
    s->processes[s->n_processes++] = (struct trn_story_process){.entity = PHONE,
                                                                .pid = 100,
                                                                .path = TRN_STR("/opt/acme/softphone"),
                                                                .start_wall_ns = AT(5)};
    s->processes[s->n_processes++] = (struct trn_story_process){.entity = HELPER,
                                                                .parent = PHONE,
                                                                .pid = 101,
                                                                .path = TRN_STR("/home/alice/.cache/helper"),
                                                                .args = TRN_STR("helper --token=s3cr3t-word call mum"),
                                                                .start_wall_ns = AT(20)};
    s->actions[s->n_actions++] = (struct trn_story_action){.id = 3,
                                                           .act = TRN_STR("block"),
                                                           .state = TRN_STR("seen"),
                                                           .target = TRN_STR("/home/alice/.cache/helper"),
                                                           .text = TRN_STR("an attempt of alice was refused"),
                                                           .by = TRN_STR("user carol-the-admin"),
                                                           .since_wall_ns = AT(25),
                                                           .wall_ns = AT(26)};
    cr_assert_eq(trn_store_story(b->store, s, NULL), 0);
    free(s);
}

static void bench_init(struct bench *b)
{
    const uint8_t seed[TRN_EVIDENCE_KEY] = {7};
    const struct trn_store_options o = {.sz = sizeof o};
    struct trn_arena *a = trn_arena_new(0);
    struct trn_str note;
    memset(b, 0, sizeof *b);
    folder_new(b->dir);
    snprintf(b->path, sizeof b->path, "%s/store.db", b->dir);
    cr_assert_eq(trn_store_open(b->path, &o, AT(0), a, &b->store, &note, NULL), 0);
    trn_arena_free(a);
    cr_assert_eq(trn_evidence_key_from(seed, &b->key), 0);
    b->q = (struct trn_evidence_request){.story = 7, .now_wall_ns = AT(100), .key = b->key, .host_id = {0xaa}};
    /* An engine before this one gave the same numbers to somebody else's acts. */
    put_file(b, 3, OTHER, AT(1), "/home/mallory/other");
    put_exec(b, 4, OTHER, AT(2), "/usr/bin/other");
    put_identity(b, 1, AT(4));
    put_exec(b, 2, PHONE, AT(5), "/opt/acme/softphone");
    put_file(b, 3, PHONE, AT(19), "/home/alice/.cache/helper");
    put_exec(b, 4, HELPER, AT(20), "/home/alice/.cache/helper");
    put_connect(b, 5, HELPER, AT(21));
    put_file(b, 6, PHONE, AT(22), "/home/alice/diary"); /* no finding names it */
    put_loss(b, 7, AT(23));
    put_exec(b, 8, OTHER, AT(24), "/usr/bin/unrelated");
    put_step(b, 9, 3, AT(26));
    put_step(b, 10, 4, AT(27)); /* about something else */
    put_story(b);
    cr_assert_eq(trn_store_commit(b->store, NULL), 0);
}

static void bench_done(struct bench *b)
{
    trn_store_close(b->store);
    trn_evidence_key_free(b->key);
    folder_done(b->dir);
}

struct opened {
    struct trn_buf bytes;
    struct trn_arena *arena;
    struct trn_evidence_facts f;
};

static void open_bundle(struct bench *b, struct opened *o)
{
    struct trn_err err = {0};
    cr_assert_eq(trn_evidence_bundle(b->store, &b->q, &o->bytes, &err), 0, "%s", err.message);
    o->arena = trn_arena_new(0);
    cr_assert_eq(trn_evidence_verify(trn_buf_str(&o->bytes), o->arena, &o->f, &err), 0, "%s", err.message);
}

static void opened_done(struct opened *o)
{
    trn_buf_done(&o->bytes);
    trn_arena_free(o->arena);
}

/* The bytes of a member: where its name stands as a header's first bytes. */
static struct trn_str member(const struct opened *o, const char *name)
{
    for (size_t at = 0; at + 512 < o->bytes.n; at += 512) {
        if (strcmp(o->bytes.p + at, name) != 0)
            continue;
        for (uint32_t i = 0; i < o->f.n_members; i++)
            if (trn_str_eq_c(o->f.members[i].name, name))
                return trn_str_slice(trn_buf_str(&o->bytes), at + 512, (size_t)o->f.members[i].size);
    }
    cr_assert(false, "no member '%s'", name);
    return TRN_STR_NONE;
}

static bool says(struct trn_str s, const char *what)
{
    return trn_str_contains(s, trn_str_of(what));
}

Test(evidence, a_bundle_has_the_events_of_findings_and_processes_and_no_others, .timeout = 30)
{
    struct bench b;
    struct opened o = {0};
    bench_init(&b);
    open_bundle(&b, &o);
    struct trn_str events = member(&o, "events.jsonl"), losses = member(&o, "losses.jsonl");
    cr_assert(o.f.events == 5 && o.f.events_missing == 1 && o.f.losses == 1, "%d %d %d", (int)o.f.events,
              (int)o.f.events_missing, (int)o.f.losses);
    cr_assert(says(events, "/opt/acme/softphone") && says(events, "\"path\":\"/home/alice/.cache/helper\""));
    cr_assert(says(events, "\"port\":8443") && says(events, "s3cr3t-word"));
    cr_assert(!says(events, "diary") && !says(events, "unrelated") && !says(events, "mallory") &&
              !says(events, "other"));
    cr_assert(says(events, "\"hash\":{\"sha256\":\"5e00"), "what is known of the program's file stands beside it");
    cr_assert(says(events, "an attempt of alice was refused"), "what was done about it");
    cr_assert(says(losses, "too fast") && !says(events, "too fast"));
    opened_done(&o);
    bench_done(&b);
}

Test(evidence, a_finding_that_was_told_again_has_what_came_later, .timeout = 30)
{
    struct bench b;
    struct opened o = {0};
    struct trn_story *s = NULL;
    struct trn_arena *a = trn_arena_new(0);
    bench_init(&b);
    put_file(&b, 12, OTHER, AT(3), "/home/mallory/before");
    put_file(&b, 12, PHONE, AT(45), "/home/alice/later"); /* the finding is of AT(20) */
    put_file(&b, 12, OTHER, AT(46), "/home/mallory/behind");
    put_file(&b, 13, OTHER, AT(47), "/home/mallory/alone");
    put_file(&b, 12, PHONE, AT(90), "/home/alice/of-another-engine");
    cr_assert_eq(trn_store_story_get(b.store, 7, a, &s, NULL), 0);
    trn_finding_event(&s->findings[0], 12);
    trn_finding_event(&s->findings[0], 13);
    s->updated_wall_ns = AT(48);
    s->revision++;
    cr_assert_eq(trn_store_story(b.store, s, NULL), 0);
    cr_assert_eq(trn_store_commit(b.store, NULL), 0);
    open_bundle(&b, &o);
    struct trn_str events = member(&o, "events.jsonl");
    cr_assert(says(events, "/home/alice/later") && !says(events, "mallory") && !says(events, "another-engine"));
    cr_assert_eq(o.f.events_missing, 2, "999, and what is somebody else's");
    opened_done(&o);
    bench_done(&b);
    trn_arena_free(a);
}

Test(evidence, it_explains_itself_to_who_has_no_turncoat, .timeout = 30)
{
    struct bench b;
    struct opened o = {0};
    bench_init(&b);
    open_bundle(&b, &o);
    struct trn_str page = member(&o, "page.html");
    cr_assert(says(page, "&lt;b&gt;ran&lt;/b&gt;") && !says(page, "<b>ran"), "foreign text is no markup");
    cr_assert(says(page, "&quot;ran&quot; it &amp; left"));
    static const char *const outside[] = {"<script", "src=",     "href=",   "url(",
                                          "http://", "https://", "@import", "onload"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(outside); i++)
        cr_assert(!says(page, outside[i]), "%s", outside[i]);
    cr_assert(says(page, "blocked ~/.cache/helper, seen to hold, by user carol"), "what was done about it");
    cr_assert(says(page, "T1105") && says(page, "False alarms:") && says(page, "--verify FILE"));
    cr_assert(says(member(&o, "page.txt"), "MALICIOUS 93") &&
              says(member(&o, "checks.jsonl"), "behaviour.second-stage"));
    cr_assert(says(member(&o, "story.json"), "\"id\":7") && says(member(&o, "host.json"), "\"id\":\"aa00"));
    opened_done(&o);
    bench_done(&b);
}

Test(evidence, nothing_private_is_anywhere_in_a_redacted_one, .timeout = 30)
{
    static const char *const gone[] = {"alice", "s3cr3t", "call mum", "--token", "carol-the-admin", "/srv/people"};
    struct bench b;
    struct opened o = {0};
    char host[256] = "";
    bench_init(&b);
    b.q.redact = true;
    b.q.users[b.q.n_users++] = TRN_STR("carol-the-admin");
    b.q.homes[b.q.n_homes++] = TRN_STR("/srv/people/carol-the-admin");
    put_file(&b, 9, PHONE, AT(25), "/srv/people/carol-the-admin/.cache/x");
    put_connect(&b, 10, PHONE, AT(26));
    cr_assert_eq(trn_store_commit(b.store, NULL), 0);
    open_bundle(&b, &o);
    struct trn_str all = trn_buf_str(&o.bytes);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(gone); i++)
        cr_assert(!says(all, gone[i]), "'%s' is in it", gone[i]);
    cr_assert_eq(gethostname(host, sizeof host - 1), 0);
    if (strlen(host) > 3) /* a short one may be part of any word */
        cr_assert(!says(all, host), "'%s' is in it", host);
    cr_assert(trn_str_is_none(o.f.host_name) && says(o.f.redacted, "arguments of programs ("));
    cr_assert(says(member(&o, "events.jsonl"), "\"executable\":\"~/.cache/helper\""));
    cr_assert(says(member(&o, "page.html"), "~/.cache/helper") && says(member(&o, "events.jsonl"), "\"port\":8443"));
    opened_done(&o);
    bench_done(&b);
}

Test(evidence, the_lines_give_the_same_bytes, .timeout = 30)
{
    struct bench b;
    struct opened o = {0};
    TRN_AUTO(trn_buf_done) struct trn_buf lines, again;
    bench_init(&b);
    open_bundle(&b, &o);
    trn_buf_init(&lines, 1u << 20);
    trn_buf_init(&again, 1u << 20);
    cr_assert_eq(trn_evidence_lines(trn_buf_str(&o.bytes), &lines), 0);
    for (const char *at = lines.p; (at = strstr(at, "\"data\":\"")) != NULL;) {
        static uint8_t bytes[65536];
        const char *text = at + 8, *end = strchr(text, '"');
        int n = EVP_DecodeBlock(bytes, (const uint8_t *)text, (int)(end - text));
        trn_put(&again, bytes, (size_t)(n - (end[-1] == '=') - (end[-2] == '=')));
        at = end;
    }
    cr_assert(trn_str_eq(trn_buf_str(&again), trn_buf_str(&o.bytes)), "%zu, %zu", again.n, o.bytes.n);
    char size[64];
    snprintf(size, sizeof size, "\"size\":%zu,", o.bytes.n);
    cr_assert(strstr(lines.p, size));
    opened_done(&o);
    bench_done(&b);
}

Test(evidence, a_busy_process_is_cut_and_the_cut_is_told, .timeout = 60)
{
    struct bench b;
    struct opened o = {0};
    bench_init(&b);
    for (uint64_t i = 0; i < 9000; i++)
        put_connect(&b, 100 + i, PHONE, AT(40) + i);
    cr_assert_eq(trn_store_commit(b.store, NULL), 0);
    open_bundle(&b, &o);
    cr_assert(o.f.events >= 4000 && o.f.events_left_out >= 4000 && o.bytes.n < (8u << 20), "%d of %d", (int)o.f.events,
              (int)o.f.events_left_out);
    cr_assert(says(member(&o, "events.jsonl"), "\"path\":\"/home/alice/.cache/helper\""),
              "what findings name is there");
    opened_done(&o);
    bench_done(&b);
}

Test(evidence, a_story_that_is_not_there_is_an_error, .timeout = 30)
{
    struct bench b;
    struct trn_buf out;
    struct trn_err err = {0};
    bench_init(&b);
    b.q.story = 8;
    cr_assert_eq(trn_evidence_bundle(b.store, &b.q, &out, &err), -ENOENT);
    cr_assert(err.message[0]);
    bench_done(&b);
}

/* One request to the engine, as its server gets it. */
static void ask(struct bench *b, const struct trn_evidence_key *key, const char *line, struct trn_buf *out)
{
    struct trn_request_env env = {.store_path = b->path, .key = key, .key_why = "the key is gone"};
    struct trn_request_client client = {.fd = -1, .out = out};
    trn_buf_init(out, 8u << 20);
    trn_request(&env, &client, trn_str_of(line));
    trn_store_close(env.store);
    cr_assert(!out->bad);
}

Test(evidence, a_request_names_a_story_and_what_to_remove_never_bytes, .timeout = 30)
{
    static const char *const bad[] = {
        "{\"ask\":\"bundle\"}",
        "{\"ask\":\"bundle\",\"id\":\"7\"}",
        "{\"ask\":\"bundle\",\"id\":0}",
        "{\"ask\":\"bundle\",\"id\":7,\"users\":\"ann\"}",
        "{\"ask\":\"bundle\",\"id\":7,\"users\":[1]}",
        "{\"ask\":\"bundle\",\"id\":7,\"users\":[\"\"]}",
        "{\"ask\":\"bundle\",\"id\":7,\"homes\":{\"a\":1}}",
        "{\"ask\":\"bundle\",\"id\":7,\"users\":[\"" LONG_NAME "\"]}",
        "{\"ask\":\"bundle\",\"id\":7,\"redact\":1}",
        "{\"ask\":\"bundle\",\"id\":7,\"redact\":\"yes\"}",
        "{\"ask\":\"bundle\",\"id\":7,\"redact\":null}",
        "{\"ask\":\"bundle\",\"id\":8}",
    };
    struct bench b;
    bench_init(&b);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        TRN_AUTO(trn_buf_done) struct trn_buf out = {0};
        ask(&b, b.key, bad[i], &out);
        cr_assert(strstr(out.p, "\"type\":\"error\"") && !strstr(out.p, "data"), "%s: %s", bad[i], out.p);
    }
    TRN_AUTO(trn_buf_done) struct trn_buf out = {0}, none = {0};
    ask(&b, b.key, "{\"ask\":\"bundle\",\"id\":7,\"redact\":true,\"users\":[\"ann\"],\"homes\":[\"/srv/ann\"]}", &out);
    cr_assert(strstr(out.p, "\"data\":\"") && strstr(out.p, "\"sha256\":\"") && strstr(out.p, "{\"type\":\"end\"}"));
    ask(&b, NULL, "{\"ask\":\"bundle\",\"id\":7}", &none);
    cr_assert(strstr(none.p, "the key is gone") && strstr(none.p, "ENOKEY"), "%s", none.p);
    bench_done(&b);
}
