/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does a name mean the processes and files that a person would mean by it, and no others? */
#include "engine/resolve.h"

#include "../process/story.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct trn_arena *arena;
static struct machine m;

/* 1 init, 10 softphone, 11 its shell, 12 id, 13 helper that it dropped, 14 a browser that it opened, 20 another program */
static void set_up(void)
{
    arena = trn_arena_new(1 << 20);
    m = machine_new(0);
    act_existing(&m, 0, 1, "/usr/lib/systemd/systemd");
    act_identity(&m, "/usr/bin/softphone", "acme-softphone", "1.1", TRN_ORIGIN_DPKG, 0);
    act_identity(&m, "/usr/bin/browser", "browser", "9", TRN_ORIGIN_DPKG, 0);
    act_identity(&m, "/usr/bin/other", "other", "2", TRN_ORIGIN_DPKG, 0);
    act_run(&m, 1, 10, "/usr/bin/softphone", "softphone");
    act_run(&m, 10, 11, "/usr/bin/sh", "sh -c id");
    act_run(&m, 11, 12, "/usr/bin/id", "id");
    act_run(&m, 10, 13, "/home/u/helper", "helper");
    act_run(&m, 10, 14, "/usr/bin/browser", "browser");
    act_run(&m, 1, 20, "/usr/bin/other", "other");
}

static void tear_down(void)
{
    machine_done(&m);
    arena = trn_arena_free(arena);
}

TestSuite(engine_resolve, .init = set_up, .fini = tear_down);

static const char *pids(const struct trn_resolved *r)
{
    static char text[400];
    size_t n = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < r->n_processes; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%u", i ? " " : "", r->processes[i].pid);
    return text;
}

static const char *files(const struct trn_resolved *r)
{
    static char text[400];
    size_t n = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < r->n_files; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", i ? " " : "", TRN_STR_ARG(r->files[i].path));
    return text;
}

Test(engine_resolve, an_entity_is_its_tree)
{
    struct trn_resolved r;
    cr_assert_eq(trn_resolve_entity(m.t, 10, 0, arena, &r), 0);
    cr_expect_str_eq(pids(&r), "10 11 12 13 14");
    cr_expect_str_eq(files(&r), "/usr/bin/softphone");
    cr_expect_eq(r.processes[1].entity, 11);
    cr_expect_eq(r.processes[1].start_boot_ns, at(&m, 11)->start_boot_ns);
    cr_assert_eq(trn_resolve_entity(m.t, 11, 0, arena, &r), 0);
    cr_expect_str_eq(pids(&r), "11 12");
    cr_expect_str_eq(files(&r), "", "a shell runs what others wrote: it is not the file to act on");
    cr_expect_eq(trn_resolve_entity(m.t, 99, 0, arena, &r), -ENOENT);
}

Test(engine_resolve, who_ended_still_has_children_and_a_file)
{
    struct trn_resolved r;
    act_run(&m, 13, 15, "/home/u/helper2", "helper2");
    act_exit(&m, 13);
    cr_assert_eq(trn_resolve_entity(m.t, 13, 0, arena, &r), 0);
    cr_expect_str_eq(pids(&r), "15");
    cr_expect_str_eq(files(&r), "/home/u/helper");
}

Test(engine_resolve, a_software_is_what_acts_for_it)
{
    struct trn_resolved r;
    cr_assert_eq(trn_resolve_software(m.t, TRN_STR("acme-softphone"), TRN_STR_NONE, 0, arena, &r), 0);
    cr_expect_str_eq(pids(&r), "10 11 12 13", "the helper it dropped too, the browser it opened not");
    cr_expect_str_eq(files(&r), "/usr/bin/softphone");
    cr_assert_eq(trn_resolve_software(m.t, TRN_STR("acme-softphone"), TRN_STR("1.0"), 0, arena, &r), 0);
    cr_expect_eq(r.n_processes + r.n_files, 0, "another version is not meant");
    cr_assert_eq(trn_resolve_software(m.t, TRN_STR("acme-softphone"), TRN_STR("1.1"), 0, arena, &r), 0);
    cr_expect_eq(r.n_processes, 4);
}

Test(engine_resolve, a_script_is_the_file_and_not_its_interpreter)
{
    struct trn_resolved r;
    act_run(&m, 1, 30, "/usr/bin/python3", "python3 /opt/x/tool.py");
    act_script(&m, 30, "/usr/bin/python3", "/opt/x/tool.py");
    cr_assert_eq(trn_resolve_entity(m.t, 30, 0, arena, &r), 0);
    cr_expect_str_eq(files(&r), "/opt/x/tool.py");
}

/* It was told when it came into the scope, or when turncoat was started: that is no start. */
Test(engine_resolve, a_start_is_the_kernels)
{
    struct trn_event ev;
    struct trn_resolved r;
    trn_event_init(&ev, TRN_EV_EXEC);
    ev.flags = TRN_EVF_EXISTING;
    ev.entity = ev.pid = 40;
    ev.start_ns = 1234567;
    ev.exec.path = TRN_STR("/usr/bin/old");
    apply(&m, &ev);
    cr_assert_eq(trn_resolve_entity(m.t, 40, 0, arena, &r), 0);
    cr_assert(r.n_processes == 1 && r.processes[0].start_boot_ns == 1234567);
    cr_expect(trn_resolve_process(m.t, 40, 1234567) && !trn_resolve_process(m.t, 40, at(&m, 40)->start_boot_ns));
}

Test(engine_resolve, a_process_is_its_pid_and_its_start)
{
    uint64_t start = at(&m, 13)->kernel_start_ns;
    const struct trn_entity *e = trn_resolve_process(m.t, 13, start);
    cr_assert(e);
    cr_expect_eq(e->id, 13);
    cr_expect_null(trn_resolve_process(m.t, 13, start + 1));
    act_exit(&m, 13);
    cr_expect_null(trn_resolve_process(m.t, 13, start));
}

Test(engine_resolve, hosts_in_every_form)
{
    static const struct {
        const char *text;
        int code;
        uint8_t family, prefix;
        uint16_t port;
    } cases[] = {
        {"10.9.0.5", 0, 4, 32, 0},         {"10.9.0.5:8443", 0, 4, 32, 8443},
        {"10.9.0.0/24", 0, 4, 24, 0},      {"10.9.0.0/24:443", 0, 4, 24, 443},
        {"2001:db8::1", 0, 6, 128, 0},     {"[2001:db8::1]:443", 0, 6, 128, 443},
        {"[2001:db8::1]", 0, 6, 128, 0},   {"2001:db8::/32", 0, 6, 32, 0},
        {"10.9.0.5:0", -EINVAL, 0, 0, 0},  {"10.9.0.5:70000", -EINVAL, 0, 0, 0},
        {"10.9.0.5/33", -EINVAL, 0, 0, 0}, {"", -EINVAL, 0, 0, 0},
        {"a b", -EINVAL, 0, 0, 0},         {"[::1", -EINVAL, 0, 0, 0},
        {"[::1]x", -EINVAL, 0, 0, 0},      {"pbx.acme.test", -ENOENT, 0, 0, 0},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_act_host h[2] = {0};
        uint32_t n = 0;
        int r = trn_resolve_host(NULL, trn_str_of(cases[i].text), h, 2, &n);
        cr_expect_eq(r, cases[i].code, "%s: %d", cases[i].text, r);
        cr_expect_eq(n, cases[i].code == 0, "%s", cases[i].text);
        cr_expect(h[0].family == cases[i].family && h[0].prefix == cases[i].prefix && h[0].port == cases[i].port, "%s",
                  cases[i].text);
    }
}

Test(engine_resolve, a_name_is_what_dns_answered_for_it)
{
    struct trn_names *names = trn_names_new();
    struct trn_act_host h[2] = {0};
    struct trn_event ev;
    uint32_t n = 0;
    cr_assert(names);
    trn_event_init(&ev, TRN_EV_DNS);
    ev.action = TRN_ACT_ANSWER;
    ev.entity = 10;
    ev.dns.name = TRN_STR("pbx.acme.test");
    ev.dns.answers = TRN_STR("10.9.0.7\0"
                             "2001:db8::7\0");
    cr_assert_eq(trn_names_see(names, &ev, arena), 0);
    cr_assert_eq(trn_resolve_host(names, TRN_STR("PBX.acme.test:5060"), h, 2, &n), 0);
    cr_expect_eq(n, 2);
    cr_expect(h[0].family == 4 && h[0].address[3] == 7 && h[0].port == 5060 && h[0].prefix == 32);
    cr_expect(h[1].family == 6 && h[1].prefix == 128);
    n = 1;
    cr_expect_eq(trn_resolve_host(names, TRN_STR("pbx.acme.test"), h, 2, &n), -E2BIG, "said, not cut in silence");
    trn_names_free(names);
}
