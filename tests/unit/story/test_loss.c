/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does each way of not seeing mark the stories that it can have touched, and no other? */
#include "../detect/script.h"

#include <criterion/criterion.h>

#define SOFTPHONE 812u
#define OTHER 900u
#define CHILD 813u

/* Story 1 is about the softphone, which has a child of its own; story 2 about another program. */
static void two_stories(struct script *s)
{
    softphone(s, "1.1");
    act_start(s, SOFTPHONE, CHILD, "/usr/bin/dash", "sh");
    act_start(s, 1, OTHER, "/opt/other/other", "other");
    act_identity(s, "/opt/other/other", "other", "2.0", TRN_ORIGIN_MANUAL, 0);
    act_open(s, SOFTPHONE, "/x/places.sqlite", "browser-history", "firefox");
    wait_ms(s, 100);
    act_open(s, OTHER, "/x/places.sqlite", "browser-history", "firefox");
    wait_ms(s, 1000);
}

static struct trn_event *event(struct script *s, enum trn_event_type type)
{
    act_tick(s);
    struct trn_event *ev = &s->ev[s->n - 1];
    struct trn_event fresh;
    trn_event_init(&fresh, type);
    fresh.seq = ev->seq;
    fresh.boot_ns = ev->boot_ns;
    fresh.wall_ns = ev->wall_ns;
    *ev = fresh;
    return ev;
}

static struct trn_event *throttled(struct script *s, enum trn_class klass, uint32_t pid, uint64_t entity)
{
    struct trn_event *ev = event(s, TRN_EV_LOSS);
    ev->action = TRN_ACT_THROTTLED;
    ev->meta.klass = klass;
    ev->meta.count = 5;
    ev->meta.from_boot_ns = s->boot_ns - TRN_NS_PER_SEC;
    ev->pid = pid;
    ev->entity = entity;
    return ev;
}

static struct trn_event *filter(struct script *s, enum trn_action act, const char *path, uint64_t holds_ms)
{
    struct trn_event *ev = event(s, TRN_EV_FILTER);
    ev->action = (uint16_t)act;
    ev->filter.path = trn_str_of(path);
    ev->filter.holds_ns = holds_ms * TRN_NS_PER_MS;
    ev->filter.classes = 1u << TRN_CLASS_NETWORK;
    ev->filter.why = TRN_STR("a test");
    return ev;
}

/* Which stories say that not all was seen: a bit each. */
static unsigned marked(const struct script *s)
{
    struct machine *m = machine_new(NULL);
    machine_run(m, s, 0, s->n);
    cr_assert(m->told[1] && m->told[2], "the play has two stories");
    cr_assert(trn_str_eq_c(m->told[2]->software.name, "other"));
    unsigned bits = (m->told[1]->loss_overlap ? 1u : 0) | (m->told[2]->loss_overlap ? 2u : 0);
    machine_free(m);
    return bits;
}

#define PLAY(name) static void name##_play(struct script *s)

/* Runs one injection behind the two stories and expects the bits. */
static void expect(unsigned bits, const char *what, void (*inject)(struct script *s))
{
    struct script *s = script_new();
    two_stories(s);
    inject(s);
    act_stop(s);
    unsigned got = marked(s);
    cr_expect_eq(got, bits, "%s: stories %u instead of %u", what, got, bits);
    script_free(s);
}

Test(loss, each_class_that_is_evidence_touches_everybody)
{
    for (int k = 0; k < TRN_CLASS_MAX; k++) {
        struct script *s = script_new();
        two_stories(s);
        act_loss(s, (enum trn_class)k);
        unsigned got = marked(s);
        cr_expect_eq(got, k == TRN_CLASS_STORE || k == TRN_CLASS_CLIENT ? 0 : 3, "%s",
                     trn_class_name((enum trn_class)k));
        script_free(s);
    }
}

PLAY(nothing)
{
    wait_ms(s, 1);
}
PLAY(gap)
{
    struct trn_event *ev = event(s, TRN_EV_GAP);
    ev->meta.from_boot_ns = s->boot_ns - 20 * TRN_NS_PER_SEC;
}
PLAY(far_loss)
{
    wait_ms(s, 60000);
    act_loss(s, TRN_CLASS_NETWORK);
}
PLAY(throttled_actor)
{
    throttled(s, TRN_CLASS_NETWORK, SOFTPHONE, entity_of(SOFTPHONE));
}
PLAY(throttled_child)
{
    throttled(s, TRN_CLASS_DNS, CHILD, entity_of(CHILD));
}
PLAY(throttled_pid_only)
{
    throttled(s, TRN_CLASS_FILE, OTHER, 0);
}
PLAY(throttled_unknown)
{
    throttled(s, TRN_CLASS_FILE, TRN_NO_U32, 0);
}
PLAY(throttled_stranger)
{
    act_start(s, 101, 950, "/usr/bin/curl", "curl");
    throttled(s, TRN_CLASS_NETWORK, 950, entity_of(950));
}
PLAY(filter_program)
{
    struct trn_event *ev = filter(s, TRN_ACT_SET, "/opt/other/other", 60000);
    for (size_t i = 0; i < s->n_files; i++)
        if (trn_str_eq_c(s->files[i].path, "/opt/other/other"))
            ev->filter.file = (struct trn_file_key){.ino = s->files[i].key.ino, .ctime_ns = s->files[i].key.ctime_ns};
    cr_assert_neq(ev->filter.file.ctime_ns, 0);
}
PLAY(filter_other_content)
{
    filter_program_play(s);
    s->ev[s->n - 1].filter.file.ctime_ns++;
}
PLAY(filter_process)
{
    struct trn_event *ev = filter(s, TRN_ACT_SET, "", 60000);
    ev->filter.path = TRN_STR_NONE;
    ev->filter.target_pid = CHILD;
}
PLAY(filter_folder)
{
    filter(s, TRN_ACT_SET, "/srv/build", 60000)->filter.file.ino = 77;
}

Test(loss, what_is_about_one_process_touches_its_story_only)
{
    expect(0, "nothing", nothing_play);
    expect(3, "gap", gap_play);
    expect(0, "a loss long after", far_loss_play);
    expect(1, "the actor was throttled", throttled_actor_play);
    expect(1, "its child was throttled", throttled_child_play);
    expect(2, "known by pid only", throttled_pid_only_play);
    expect(3, "nobody knows who", throttled_unknown_play);
    expect(0, "somebody else", throttled_stranger_play);
    expect(2, "its program is filtered", filter_program_play);
    expect(0, "another content of that file is filtered", filter_other_content_play);
    expect(1, "its child is filtered", filter_process_play);
    expect(3, "a folder is filtered", filter_folder_play);
}

/* 0: the filter was over long before the stories; 1: it held, and they opened later. */
Test(loss, a_filter_counts_as_long_as_it_holds)
{
    for (unsigned holds = 0; holds < 2; holds++) {
        struct script *s = script_new();
        filter(s, TRN_ACT_SET, "/srv/build", 3600000)->filter.file.ino = 77;
        wait_ms(s, 1000);
        if (!holds)
            filter(s, TRN_ACT_EXPIRED, "/srv/build", 0);
        wait_ms(s, 60000);
        two_stories(s);
        cr_expect_eq(marked(s), holds ? 3u : 0u);
        script_free(s);
    }
}

Test(loss, a_storm_does_not_push_out_what_was_lost_before)
{
    struct script *s = script_new();
    softphone(s, "1.1");
    act_loss(s, TRN_CLASS_PROCESS);
    for (int i = 0; i < 200; i++) {
        wait_ms(s, 20);
        throttled(s, TRN_CLASS_NETWORK, 101, entity_of(101));
    }
    act_start(s, 1, OTHER, "/opt/other/other", "other");
    act_identity(s, "/opt/other/other", "other", "2.0", TRN_ORIGIN_MANUAL, 0);
    act_open(s, SOFTPHONE, "/x/places.sqlite", "browser-history", "firefox");
    act_open(s, OTHER, "/x/places.sqlite", "browser-history", "firefox");
    cr_expect_eq(marked(s), 3u);
    script_free(s);
}
