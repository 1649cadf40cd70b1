/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does the table name every member once, in an order that JSON can be written in? */
#include "random_event.h"

#include "event/event.h"

#include <criterion/criterion.h>

#define BODY(member) offsetof(struct trn_event, member), sizeof(((struct trn_event *)NULL)->member)

Test(field, ids_and_names_are_unique)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);

    cr_assert_eq(n, (size_t)TRN_F_MAX - 1);
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(trn_field_by_id(f[i].id), &f[i], "%s", f[i].name);
        cr_expect(f[i].about && f[i].about[0], "%s", f[i].name);
        for (size_t k = 0; k < i; k++) {
            cr_expect_neq(f[k].id, f[i].id);
            if (strcmp(f[k].name, f[i].name) == 0) {
                cr_expect_eq(f[k].types & f[i].types, 0, "%s twice for one type", f[i].name);
                cr_expect_eq(f[k].kind, f[i].kind, "%s in two kinds", f[i].name);
            }
        }
    }
    cr_expect_null(trn_field_by_id(0));
    cr_expect_null(trn_field_by_id(TRN_F_MAX));
    cr_expect_null(trn_field_by_id(UINT16_MAX));
}

/* A member that no row covers would be lost in the log. What is not covered must be padding, counted
 * here; of DNS also how many connections it stands for, which it does not. */
Test(field, every_member_has_a_row)
{
    static const struct {
        enum trn_event_type type;
        size_t from, size, padding;
    } bodies[] = {
        {TRN_EV_EXEC, BODY(exec), 0},         {TRN_EV_FORK, BODY(fork), 4},
        {TRN_EV_EXIT, BODY(exit), 0},         {TRN_EV_LIB_LOAD, BODY(map), 4},
        {TRN_EV_MEM_EXEC, BODY(map), 4},      {TRN_EV_FILE, BODY(file), 4},
        {TRN_EV_OPEN, BODY(file), 4},         {TRN_EV_CONNECT, BODY(net), 6},
        {TRN_EV_DNS, BODY(dns), 18},          {TRN_EV_IDENTITY, BODY(identity), 4},
        {TRN_EV_SOFTWARE, BODY(software), 0}, {TRN_EV_STATE, BODY(state), 0},
        {TRN_EV_LOSS, BODY(meta), 4},         {TRN_EV_GAP, BODY(meta), 4},
        {TRN_EV_BPF, BODY(meta), 4},          {TRN_EV_EXCEPTION, BODY(exception), 0},
        {TRN_EV_BROUGHT, BODY(brought), 0},   {TRN_EV_TICK, 0, offsetof(struct trn_event, exec), 0},
    };
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);

    for (size_t b = 0; b < TRN_ARRAY_SIZE(bodies); b++) {
        uint8_t covered[sizeof(struct trn_event)] = {0};
        size_t missing = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; trn_field_has(&f[i], bodies[b].type) && k < f[i].size; k++)
                cr_expect_eq(covered[f[i].offset + k]++, 0, "%s overlaps", f[i].name);
        for (size_t k = 0; k < bodies[b].size; k++)
            missing += !covered[bodies[b].from + k];
        cr_expect_eq(missing, bodies[b].padding, "%s: %zu bytes without a row", trn_event_type_name(bodies[b].type),
                     missing);
    }
}

static size_t prefix_end(const char *name, size_t from)
{
    const char *dot = strchr(name + from, '.');
    return dot ? (size_t)(dot - name) + 1 : 0;
}

/* JSON opens each object once: rows with a common prefix must stand together. */
Test(field, prefixes_stand_together)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);

    for (size_t i = 0; i < n; i++) {
        for (size_t end = prefix_end(f[i].name, 0); end; end = prefix_end(f[i].name, end)) {
            bool left = false;
            for (size_t k = i + 1; k < n; k++) {
                bool same = strncmp(f[i].name, f[k].name, end) == 0;
                cr_expect(!(same && left), "%s is opened again by %s", f[i].name, f[k].name);
                left |= !same;
            }
        }
    }
}

Test(field, init_is_absent)
{
    size_t n;
    const struct trn_field_def *f = trn_fields(&n);

    for (int t = 1; t < TRN_EV_MAX; t++) {
        struct trn_event ev;
        struct trn_value v;
        if (trn_event_type_name(t)[0] == '\0')
            continue;
        trn_event_init(&ev, t);
        for (size_t i = 0; i < n; i++)
            if (trn_field_has(&f[i], t) && f[i].id != TRN_F_TYPE)
                cr_expect(!trn_field_read(&ev, &f[i], &v), "%s of %s", f[i].name, trn_event_type_name(t));
        cr_expect_eq(ev.pid, TRN_NO_U32);
    }
}

Test(field, wrong_values_are_refused)
{
    struct trn_event ev;
    struct trn_value v = {.kind = TRN_KIND_U64, .u = 1ull << 32};

    trn_event_init(&ev, TRN_EV_CONNECT);
    cr_expect_eq(trn_event_set(&ev, trn_field_by_id(TRN_F_PID), &v), -EINVAL, "too large");
    v.u = 1;
    cr_expect_eq(trn_event_set(&ev, trn_field_by_id(TRN_F_EXIT_CODE), &v), -EINVAL, "other type");
    cr_expect_eq(trn_event_set(&ev, trn_field_by_id(TRN_F_COMM), &v), -EINVAL, "other kind");
    v = (struct trn_value){.kind = TRN_KIND_NAME, .u = TRN_ACT_MAX};
    cr_expect_eq(trn_event_set(&ev, trn_field_by_id(TRN_F_ACTION), &v), -EINVAL, "no such action");
    v = (struct trn_value){.kind = TRN_KIND_NAME, .u = 5};
    cr_expect_eq(trn_event_set(&ev, trn_field_by_id(TRN_F_NET_FAMILY), &v), -EINVAL, "no such family");
    v = (struct trn_value){.kind = TRN_KIND_IP, .family = 6};
    cr_expect_eq(trn_event_set(&ev, trn_field_by_id(TRN_F_DST_IP), &v), 0);
    v.family = 4;
    cr_expect_eq(trn_event_set(&ev, trn_field_by_id(TRN_F_SRC_IP), &v), -EINVAL, "two families");
}

Test(field, action_falls_back_to_the_type)
{
    const struct trn_field_def *f = trn_field_by_name(TRN_STR("event.action"), TRN_EV_EXEC);
    struct trn_event ev;
    struct trn_value v;

    trn_event_init(&ev, TRN_EV_EXEC);
    cr_assert(trn_event_get(&ev, f, &v));
    cr_expect(trn_str_eq_c(v.s, "exec"));
    ev.action = TRN_ACT_LOADED;
    cr_assert(trn_event_get(&ev, f, &v));
    cr_expect(trn_str_eq_c(v.s, "loaded"));
}

Test(field, derived_fields)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    struct trn_event ev;
    struct trn_value v;

    trn_buf_init(&b, 100);
    trn_event_init(&ev, TRN_EV_EXEC);
    cr_expect(!trn_event_get(&ev, trn_field_by_id(TRN_F_PROCESS_NAME), &v));
    cr_expect(!trn_event_get(&ev, trn_field_by_id(TRN_F_COMMAND_LINE), &v));
    ev.exec.path = TRN_STR("/usr/bin/id");
    ev.exec.argv = TRN_STR("id\0-u\0");
    cr_assert(trn_event_get(&ev, trn_field_by_id(TRN_F_PROCESS_NAME), &v));
    cr_expect(trn_str_eq_c(v.s, "id"));
    cr_assert(trn_event_get(&ev, trn_field_by_id(TRN_F_COMMAND_LINE), &v));
    trn_value_text(&v, &b);
    cr_expect_str_eq(b.p, "id -u");
}

Test(field, unbound_address_is_absent_but_a_connection_to_it_is_not)
{
    struct trn_event ev;
    struct trn_value v;

    trn_event_init(&ev, TRN_EV_CONNECT);
    ev.net.family = 4;
    ev.net.dst_port = 80;
    cr_expect(!trn_event_get(&ev, trn_field_by_id(TRN_F_SRC_IP), &v));
    cr_expect(trn_event_get(&ev, trn_field_by_id(TRN_F_DST_IP), &v), "0.0.0.0:80 reaches the machine itself");
}

Test(field, copy_is_independent)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(0), *b = trn_arena_new(0);
    struct trn_event ev, copy;
    uint64_t seed = 7;

    for (int i = 0; i < 500; i++) {
        random_event(&seed, a, &ev);
        cr_assert_eq(trn_event_copy(&ev, b, &copy), 0);
        const char *d = event_difference(&ev, &copy);
        cr_assert_null(d, "%s", d);
    }
    struct trn_arena TRN_AUTO(trn_arena_freep) *small = trn_arena_new(16);
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.exec.path = TRN_STR("/a/path/that/is/longer/than/what/the/arena/holds");
    copy.type = 99;
    cr_expect_eq(trn_event_copy(&ev, small, &copy), -ENOMEM);
    cr_expect_eq(copy.type, 99, "untouched on failure");
}

Test(field, describe_escapes)
{
    struct trn_buf TRN_AUTO(trn_buf_done) b;
    struct trn_event ev;

    trn_buf_init(&b, 1000);
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.exec.path = TRN_STR("/tmp/\x1b[2J");
    ev.pid = 812;
    trn_event_describe(&ev, &b);
    cr_expect_str_eq(b.p, "exec /tmp/\\x1b[2J (812)");
    trn_buf_clear(&b);
    trn_event_init(&ev, TRN_EV_CONNECT);
    ev.action = TRN_ACT_ATTEMPTED;
    ev.net.family = 4;
    ev.net.dst[0] = 10;
    ev.net.dst[3] = 5;
    ev.net.dst_port = 443;
    trn_event_describe(&ev, &b);
    cr_expect_str_eq(b.p, "connect attempted 10.0.0.5 port 443");
    trn_buf_clear(&b);
    struct trn_event step;
    trn_event_init(&step, TRN_EV_RESPONSE);
    step.response.act = TRN_STR("isolate");
    step.response.target = TRN_STR("acme=1.1");
    step.response.state = TRN_STR("seen");
    step.response.text = TRN_STR("a connection was refused");
    trn_event_describe(&step, &b);
    cr_expect_str_eq(b.p, "response isolate acme=1.1: seen, a connection was refused");
    trn_buf_clear(&b);
    ev.net.count = 300;
    trn_event_describe(&ev, &b);
    cr_expect_str_eq(b.p, "connect attempted 10.0.0.5 port 443, connections: 300");
}
