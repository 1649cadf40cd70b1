/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is the JSON what the contract says, valid for any bytes, and does it come back exactly? */
#include "random_event.h"

#include "event/event.h"

#include <criterion/criterion.h>
#include <jansson.h>

Test(json, round_trip_is_exact)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    uint64_t seed = 2;

    trn_buf_init(&b, 1 << 20);
    for (int i = 0; i < 5000; i++) {
        struct trn_event ev, back;
        struct trn_err err = {0};
        random_event(&seed, a, &ev);
        trn_buf_clear(&b);
        trn_event_to_json(&ev, &b);
        cr_assert(!b.bad && trn_utf8_valid(trn_buf_str(&b)));
        cr_assert_null(strchr(b.p, '\n'), "one line");
        cr_assert_eq(trn_event_from_json(trn_buf_str(&b), a, &back, &err), 0, "%s in %s", err.message, b.p);
        const char *d = event_difference(&ev, &back);
        cr_assert_null(d, "event %d: %s in %s", i, d, b.p);
        trn_arena_reset(a);
    }
}

Test(json, an_exec_in_ecs)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    struct trn_event ev;

    trn_buf_init(&b, 1 << 16);
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.seq = 3;
    ev.wall_ns = 1;
    ev.entity = 0xab;
    ev.pid = 812;
    ev.flags = TRN_EVF_ARGS_CUT;
    ev.exec.path = TRN_STR("/usr/bin/\xff");
    ev.exec.argv = TRN_STR("id\0-u\0");
    ev.exec.parent_pid = 1;
    trn_event_to_json(&ev, &b);
    cr_expect_str_eq(
        b.p,
        "{\"@timestamp\":\"1970-01-01T00:00:00.000000001Z\",\"event\":{\"sequence\":3,\"kind\":\"event\","
        "\"category\":\"process\",\"action\":\"exec\"},\"process\":{\"entity_id\":\"00000000000000ab\",\"pid\":812,"
        "\"executable\":\"/usr/bin/\xef\xbf\xbd\",\"name\":\"\xef\xbf\xbd\",\"args\":[\"id\",\"-u\"],"
        "\"command_line\":\"id -u\",\"parent\":{\"pid\":1}},\"turncoat\":{\"type\":\"exec\",\"flags\":4,"
        "\"flag_names\":[\"args_cut\"],\"raw\":{\"process.executable\":\"2f7573722f62696e2fff\"}}}");
}

static int from(const char *text, struct trn_arena *a, struct trn_event *ret)
{
    return trn_event_from_json(trn_str_of(text), a, ret, NULL);
}

Test(json, foreign_objects)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_event ev;
    struct trn_value v;

    cr_assert_eq(
        from("{\"process.executable\":\"/bin/sh\",\"process\":{\"command_line\":\"sh -c id\"},\"host\":{\"x\":[1]}}", a,
             &ev),
        0);
    cr_expect_eq(ev.type, TRN_EV_EXEC);
    cr_expect(trn_str_eq_c(ev.exec.path, "/bin/sh"));
    cr_expect(trn_str_is_none(ev.exec.argv));
    cr_assert(trn_event_get(&ev, trn_field_by_id(TRN_F_COMMAND_LINE), &v));
    cr_expect(trn_str_eq(v.s, (struct trn_str){"sh -c id\0", 9}));

    cr_assert_eq(from("{\"destination\":{\"ip\":\"::1\",\"port\":443},\"process\":{\"executable\":\"/x\"}}", a, &ev),
                 0);
    cr_expect_eq(ev.type, TRN_EV_CONNECT);
    cr_expect_eq(ev.net.family, 6);
    cr_assert(trn_event_get(&ev, trn_field_by_name(TRN_STR("process.executable"), ev.type), &v), "kept as an extra");
    cr_expect(trn_str_eq_c(v.s, "/x"));

    cr_assert_eq(from("{\"event\":{\"action\":\"connection_attempted\"},\"destination\":{\"ip\":\"1.2.3.4\"}}", a, &ev),
                 0);
    cr_expect_eq(ev.action, TRN_ACT_NONE);
}

Test(json, bad_objects)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_event ev = {.type = 99};
    struct trn_err err = {0};

    cr_expect_lt(from("", a, &ev), 0);
    cr_expect_lt(from("[]", a, &ev), 0);
    cr_expect_lt(from("{}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat\":{\"type\":\"nothing\"}}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat\":{\"type\":7}}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat.type\":\"exec\",\"process\":{\"pid\":-1}}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat.type\":\"exec\",\"process\":{\"pid\":5000000000}}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat.type\":\"exec\",\"process\":{\"args\":[1]}}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat.type\":\"exec\",\"process\":{\"args\":[\"a\\u0000b\"]}}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat.type\":\"connect\",\"destination\":{\"ip\":\"nowhere\"}}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat.type\":\"exec\",\"turncoat.raw\":{\"process.executable\":\"f\"}}", a, &ev), 0);
    cr_expect_lt(from("{\"turncoat.type\":\"exec\",\"turncoat.extras\":{\"x\":\"ff\"}}", a, &ev), 0);
    cr_expect_eq(ev.type, 99, "untouched on failure");
    cr_assert_eq(trn_event_from_json(TRN_STR("{\"turncoat.type\":\"exec\",\"@timestamp\":\"never\"}"), a, &ev, &err),
                 -EINVAL);
    cr_expect_str_eq(err.message, "cannot read '@timestamp': expected a time");
}

static const char *text_at(json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

Test(json, a_story_by_the_contract)
{
    struct trn_story *s = calloc(1, sizeof(*s)), *back = calloc(1, sizeof(*s));
    struct trn_buf b, bin;
    static const char *const ids[] = {"behaviour.browser-data", "behaviour.second-stage", "behaviour.browser-data"};

    trn_buf_init(&b, 1 << 20);
    trn_buf_init(&bin, 1 << 20);
    *s = (struct trn_story){.id = 7,
                            .revision = 2,
                            .verdict = TRN_VERDICT_MALICIOUS,
                            .score = 96,
                            .software = {.name = TRN_STR("acme\n"),
                                         .version = TRN_STR("1.1"),
                                         .origin = TRN_ORIGIN_DPKG},
                            .change_from = TRN_STR("1.0"),
                            .change_to = TRN_STR("1.1"),
                            .change_by = TRN_STR("dpkg"),
                            .change_wall_ns = 1,
                            .opened_wall_ns = 2,
                            .updated_wall_ns = 3,
                            .sentence = TRN_STR("x"),
                            .loss_overlap = true,
                            .closed = true,
                            .close_why = TRN_STR("tested"),
                            .close_uid = 1000,
                            .close_wall_ns = 4,
                            .assigned = TRN_STR("ana"),
                            .assign_wall_ns = 5,
                            .reopened_wall_ns = 6,
                            .reopen_why = TRN_STR("beacon")};
    for (int i = 0; i < 3; i++) {
        struct trn_finding *f = &s->findings[s->n_findings++];
        trn_finding_init(f, trn_check_find(trn_str_of(ids[i])));
        f->id = (uint64_t)i + 1;
        f->wall_ns = 1000000000ull * (uint64_t)(i + 1);
        f->summary = TRN_STR("a sentence");
        f->entity = 5;
        f->telemetry = TRN_TEL_FILE | TRN_TEL_NETWORK;
        trn_finding_event(f, 9);
        trn_finding_event(f, 4);
        trn_finding_event(f, 9);
        trn_finding_add(f, "path", TRN_STR("/a"));
        trn_finding_add(f, "none", TRN_STR_NONE);
    }
    s->processes[s->n_processes++] =
        (struct trn_story_process){.entity = 5, .pid = 812, .path = TRN_STR("/bin/x"), .start_wall_ns = 1};
    s->files[s->n_files++] = (struct trn_story_file){.path = TRN_STR("/a"), .role = TRN_STR("read")};
    s->hosts[s->n_hosts++] =
        (struct trn_story_host){.address = TRN_STR("10.9.0.5:8443"), .bytes_out = 612, .count = 14};
    s->why[s->n_why++] = TRN_STR("because");
    s->benign_if[s->n_benign_if++] = TRN_STR("documented");

    trn_story_encode(s, &bin);
    struct trn_cursor c = trn_cur_of(trn_buf_str(&bin));
    cr_assert_eq(trn_story_decode(&c, back), 0);
    cr_expect(trn_cur_end(&c));
    trn_story_to_json(back, &b);
    json_t *j = json_loadb(b.p, b.n, 0, NULL);
    cr_assert_not_null(j, "%s", b.p);
    cr_expect_eq(json_integer_value(json_object_get(j, "id")), 7);
    cr_expect_str_eq(text_at(j, "verdict"), "malicious");
    cr_expect_str_eq(text_at(j, "status"), "closed");
    cr_expect_str_eq(text_at(json_object_get(j, "software"), "name"), "acme\n");
    cr_expect_str_eq(text_at(json_object_get(j, "change"), "from"), "1.0");
    cr_expect_str_eq(text_at(j, "close_why"), "tested");
    cr_expect_str_eq(text_at(j, "closed_by"), "user 1000");
    cr_expect_str_eq(text_at(j, "assigned"), "ana");
    cr_expect_str_eq(text_at(j, "assigned_by"), "root");
    cr_expect_str_eq(text_at(j, "reopened_why"), "beacon");
    cr_expect_str_eq(text_at(j, "attack_version"), TRN_ATTACK_VERSION);
    json_t *stages = json_object_get(j, "stages");
    cr_assert_eq(json_array_size(stages), 2);
    cr_expect_str_eq(text_at(json_array_get(stages, 0), "stage"), "collection");
    cr_expect_str_eq(text_at(json_array_get(stages, 0), "time"), "1970-01-01T00:00:01.000000000Z");
    cr_expect_str_eq(text_at(json_array_get(stages, 1), "stage"), "second-stage");
    json_t *findings = json_object_get(json_array_get(stages, 0), "findings");
    cr_assert_eq(json_array_size(findings), 2);
    json_t *f = json_array_get(findings, 0);
    cr_expect_str_eq(text_at(f, "id"), "0000000000000001");
    cr_expect_str_eq(text_at(f, "entity"), "0000000000000005");
    cr_expect_eq(json_array_size(json_object_get(f, "events")), 2);
    cr_expect_eq(json_integer_value(json_array_get(json_object_get(f, "events"), 0)), 4);
    cr_expect_str_eq(text_at(json_object_get(f, "evidence"), "path"), "/a");
    cr_expect_eq(json_object_size(json_object_get(f, "evidence")), 1);
    cr_expect(json_is_true(json_object_get(j, "loss_overlap")));
    cr_expect_eq(json_array_size(json_object_get(j, "actions")), 0);
    json_decref(j);

    for (size_t n = 0; n < bin.n; n++) {
        struct trn_cursor cut = trn_cur(bin.p, n);
        cr_assert_eq(trn_story_decode(&cut, back), -EBADMSG, "%zu bytes", n);
    }
    trn_buf_done(&b);
    trn_buf_done(&bin);
    free(s);
    free(back);
}
