/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do names and numbers of the small enumerations agree, and is each check well described? */
#include "event/event.h"

#include <criterion/criterion.h>

Test(types, names_parse_back)
{
    enum trn_event_type type;
    enum trn_action action;
    enum trn_class klass;
    enum trn_origin origin;
    enum trn_verdict verdict;

    for (int i = 1; i < TRN_EV_MAX; i++)
        if (trn_event_type_name(i)[0])
            cr_expect(trn_event_type_parse(trn_str_of(trn_event_type_name(i)), &type) == 0 && (int)type == i);
    for (int i = 1; i < TRN_ACT_MAX; i++)
        cr_expect(trn_action_parse(trn_str_of(trn_action_name(i)), &action) == 0 && (int)action == i, "action %d", i);
    for (int i = 0; i < TRN_CLASS_MAX; i++)
        cr_expect(trn_class_parse(trn_str_of(trn_class_name(i)), &klass) == 0 && (int)klass == i, "class %d", i);
    for (int i = 0; i < TRN_ORIGIN_MAX; i++)
        cr_expect(trn_origin_parse(trn_str_of(trn_origin_name(i)), &origin) == 0 && (int)origin == i, "origin %d", i);
    for (int i = 0; i < TRN_VERDICT_MAX; i++)
        cr_expect(trn_verdict_parse(trn_str_of(trn_verdict_name(i)), &verdict) == 0 && (int)verdict == i);
    for (int i = 0; i < TRN_STAGE_MAX; i++)
        cr_expect(trn_stage_name(i)[0] != '\0', "stage %d", i);
}

Test(types, strange_values_and_words)
{
    enum trn_event_type type;
    enum trn_action action;

    cr_expect_str_eq(trn_event_type_name((enum trn_event_type)9999), "");
    cr_expect_str_eq(trn_action_name((enum trn_action) - 1), "");
    cr_expect_eq(trn_event_type_parse(TRN_STR(""), &type), -EINVAL);
    cr_expect_eq(trn_event_type_parse(TRN_STR("invalid"), &type), -EINVAL);
    cr_expect_eq(trn_action_parse(TRN_STR(""), &action), -EINVAL);
    cr_expect_eq(trn_action_parse(TRN_STR_NONE, &action), -EINVAL);
}

Test(types, entities_differ)
{
    uint8_t host[16] = {1}, boot[16] = {2};
    uint64_t salt = trn_entity_salt(host, boot);

    cr_expect_neq(salt, trn_entity_salt(boot, host));
    cr_expect_neq(trn_entity_id(salt, 1, 100), trn_entity_id(salt, 2, 100));
    cr_expect_neq(trn_entity_id(salt, 1, 100), trn_entity_id(salt, 1, 101));
    cr_expect_eq(trn_entity_id(salt, 1, 100), trn_entity_id(salt, 1, 100));
}

Test(types, file_keys)
{
    struct trn_file_key a = {1, 2, 3}, b = {1, 2, 4}, c = {2, 1, 3};

    cr_expect_eq(trn_file_inode_hash(&a), trn_file_inode_hash(&b));
    cr_expect_neq(trn_file_key_hash(&a), trn_file_key_hash(&b));
    cr_expect_neq(trn_file_inode_hash(&a), trn_file_inode_hash(&c));
}

/* What an act can be about stands in one place; each act that lasts says for how long. */
Test(respond, each_act_has_a_name_and_a_target)
{
    for (unsigned r = 1; r < TRN_RESPOND_KINDS; r++) {
        enum trn_respond back;
        unsigned targets = 0;
        cr_expect(trn_respond_parse(trn_str_of(trn_respond_name(r)), &back) == 0 && back == r, "%u", r);
        for (unsigned t = 0; t < TRN_TARGET_MAX; t++) {
            enum trn_target again;
            cr_expect(trn_target_parse(trn_str_of(trn_target_name(t)), &again) == 0 && again == t, "%u", t);
            targets += trn_respond_takes(r, t);
        }
        cr_expect_gt(targets, 0, "%s", trn_respond_name(r));
    }
    cr_expect(!trn_respond_takes(TRN_RESPOND_UNDO, TRN_TARGET_PATH) && !trn_respond_takes(99, TRN_TARGET_NONE));
    cr_expect(!trn_respond_takes(TRN_RESPOND_KILL, TRN_TARGET_SOFTWARE), "a whole software is held, not killed");
}

Test(check, each_is_described)
{
    const struct trn_check *c;
    size_t n = 0;

    for (; (c = trn_check_at(n)) != NULL; n++) {
        cr_expect_eq(trn_check_find(trn_str_of(c->id)), c, "%s", c->id);
        cr_expect(c->title[0] && strlen(c->means) > 40 && strlen(c->false_alarms) > 40, "%s", c->id);
        cr_expect(c->score > 0 && c->score <= 100 && c->attack[0], "%s", c->id);
    }
    cr_assert_geq(n, 6);
    cr_expect_null(trn_check_find(TRN_STR("behaviour.nothing")));
    cr_expect_null(trn_check_find(TRN_STR_NONE));
}

Test(finding, round_trip_and_limits)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0);
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    struct trn_finding f, back = {0}, copy;

    trn_buf_init(&b, 1 << 16);
    trn_finding_init(&f, trn_check_find(TRN_STR("indicator.ip")));
    cr_expect_eq(f.score, 50);
    f.summary = TRN_STR("talks to \xff");
    f.software = (struct trn_software){.name = TRN_STR("x"), .origin = TRN_ORIGIN_NPM, .flags = TRN_SW_MODIFIED};
    f.id = 1, f.acting = 2, f.entity = 3, f.boot_ns = 4, f.wall_ns = 5, f.telemetry = 6;
    for (uint64_t i = 0; i < 2 * TRN_FINDING_EVENTS; i++)
        trn_finding_event(&f, 100 - i);
    cr_expect_eq(f.n_events, TRN_FINDING_EVENTS);
    for (uint32_t i = 1; i < f.n_events; i++)
        cr_expect_lt(f.events[i - 1], f.events[i]);
    for (int i = 0; i < 2 * TRN_FINDING_EVIDENCE; i++)
        trn_finding_add(&f, "key", TRN_STR("value"));
    cr_expect_eq(f.n_evidence, TRN_FINDING_EVIDENCE);

    trn_finding_encode(&f, &b);
    struct trn_cursor c = trn_cur_of(trn_buf_str(&b));
    cr_assert_eq(trn_finding_decode(&c, &back), 0);
    cr_expect(trn_cur_end(&c));
    cr_expect_eq(back.check, f.check);
    cr_expect(trn_str_eq(back.summary, f.summary) && trn_str_eq(back.software.name, f.software.name));
    cr_expect(trn_str_is_none(back.software.version));
    cr_expect(back.id == 1 && back.acting == 2 && back.entity == 3 && back.boot_ns == 4 && back.wall_ns == 5 &&
              back.telemetry == 6);
    cr_expect_arr_eq(back.events, f.events, sizeof(f.events));
    cr_assert_eq(trn_finding_copy(&back, a, &copy), 0);
    cr_expect(copy.summary.p != back.summary.p && trn_str_eq(copy.summary, back.summary));
    for (size_t n = 0; n < b.n; n++) {
        struct trn_cursor cut = trn_cur(b.p, n);
        cr_expect_eq(trn_finding_decode(&cut, &back), -EBADMSG, "%zu bytes", n);
    }
}
