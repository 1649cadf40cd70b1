/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: a softphone's life in days, for the tests of profile and drift. */
#include "phone.h"

#include <criterion/criterion.h>

struct trn_process_table *t;
struct trn_profiles *p;
struct trn_detect_ctx ctx;
static size_t done;
uint64_t days;
uint32_t next_pid;
uint64_t seq;

static int drop_state(void *c, const struct trn_event *ev)
{
    size_t *n = c;
    *n += ev->state.value.n > 0;
    return 0;
}
size_t rows;

void phone_setup(void)
{
    s = script_new();
    cr_assert_eq(trn_process_table_new(&(struct trn_process_options){.sz = sizeof(struct trn_process_options)}, &t), 0);
    p = trn_profiles_new();
    cr_assert_not_null(p);
    rows = 0;
    ctx = (struct trn_detect_ctx){.processes = t, .state = {drop_state, &rows}};
    done = 0;
    days = 0;
    next_pid = 1000;
    seq = 1000000;
}

void phone_teardown(void)
{
    trn_profiles_free(p);
    trn_process_table_free(t);
    script_free(s);
}

void play(void)
{
    for (; done < s->n; done++) {
        s->ev[done].wall_ns += days * DAY_NS;
        s->ev[done].seq = ++seq;
        cr_assert_eq(trn_process_apply(t, &s->ev[done]), 0);
        cr_assert_eq(trn_profiles_push(p, &ctx, &s->ev[done]), 0);
    }
    s->n = done = 0; /* what was played is known */
}

uint32_t start(const char *version)
{
    uint32_t pid = next_pid++;
    act_identity(s, PHONE, "acme-softphone", version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_start(s, 1, pid, PHONE, "acme-softphone --quiet -c 17");
    play();
    return pid;
}

struct trn_novelty ask(uint32_t pid, enum trn_feature_class class, const char *text)
{
    struct trn_novelty n;
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_CONNECT);
    ev.pid = pid;
    ev.entity = entity_of(pid);
    ev.seq = ++seq;
    ev.boot_ns = s->boot_ns;
    ev.wall_ns = WALL_NS + days * DAY_NS;
    const struct trn_entity *e = trn_process_get(t, ev.entity);
    cr_assert_not_null(e);
    cr_assert_eq(trn_profiles_ask(p, &ctx, e, &ev, class, trn_str_of(text), &n), 0);
    return n;
}

uint32_t grow(const char *version, unsigned n)
{
    uint32_t pid = 0;
    for (unsigned i = 0; i < n; i++) {
        days++;
        pid = start(version);
        ask(pid, TRN_FEATURE_DESTINATION, "acme.example");
    }
    return pid;
}

struct trn_lineage *phone(void)
{
    const struct trn_software sw = {.name = TRN_STR("acme-softphone"), .origin = TRN_ORIGIN_DPKG};
    return trn_lineage_find(p, &sw);
}
