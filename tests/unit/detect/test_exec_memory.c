/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is code in memory told when a software never had any, and is a just-in-time compiler, a debugger and a start
 * from cold left alone? */
#include "play.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define CHECK "behaviour.exec-memory"
#define STAGE "behaviour.second-stage"
#define PHONE "/opt/acme-softphone/bin/acme-softphone"
#define MEMFD "/memfd:codec (deleted)"
#define DAY_MS (24ull * 3600 * 1000)

static uint32_t start(const char *version)
{
    act_start(s, 1, ++pid, PHONE, "acme-softphone --quiet");
    act_identity(s, PHONE, "acme-softphone", version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return pid;
}

/* One run a day; with executable memory of that kind each time when there is one. */
static void grow(const char *version, unsigned days, enum trn_action memory)
{
    for (unsigned i = 0; i < days; i++) {
        uint32_t run = start(version);
        if (memory)
            act_memory(s, run, memory, NULL);
        wait_ms(s, 1000);
        act_exit(s, run);
        wait_ms(s, DAY_MS - 1000);
    }
}

static uint32_t tool(uint32_t parent, const char *path, const char *package)
{
    act_start(s, parent, ++pid, path, package);
    act_identity(s, path, package, "1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return pid;
}

static void later(void)
{
    wait_ms(s, 6000);
    act_tick(s);
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

static const struct trn_finding *only(uint16_t score)
{
    size_t n = told_of(CHECK);
    cr_assert_eq(n, 1, "%zu findings", n);
    const struct trn_finding *f = machine_finding(m, CHECK, 0);
    cr_assert_eq(f->score, score, "%u: %.*s", f->score, TRN_STR_ARG(f->summary));
    return f;
}

TestSuite(exec_memory, .init = play_setup, .fini = play_teardown);

Test(exec_memory, a_version_that_ran_without_it_begins_to_have_it)
{
    grow("1.0", 25, TRN_ACT_NONE);
    uint32_t run = start("1.0");
    act_memory(s, run, TRN_ACT_ANONYMOUS, NULL);
    act_memory(s, run, TRN_ACT_ANONYMOUS, NULL);
    act_memory(s, start("1.0"), TRN_ACT_ANONYMOUS, NULL);
    const struct trn_finding *f = only(30);
    cr_assert_eq(f->acting, entity_of(run));
    cr_assert(trn_str_eq_c(f->software.name, "acme-softphone"));
    cr_assert_eq(f->telemetry, TRN_TEL_MEMORY);
    cr_assert(trn_str_eq_c(evidence(f, "memory"), "anonymous"));
    cr_assert(trn_str_starts(evidence(f, "novelty"), TRN_STR("first in 26 runs")), "%.*s",
              TRN_STR_ARG(evidence(f, "novelty")));
    cr_assert(trn_str_starts(f->summary, TRN_STR("has executable memory that belongs to no file; first in")), "%.*s",
              TRN_STR_ARG(f->summary));
}

Test(exec_memory, the_next_version_does_it_too)
{
    grow("1.0", 25, TRN_ACT_NONE);
    act_memory(s, start("1.0"), TRN_ACT_ANONYMOUS, NULL);
    grow("1.1", 7, TRN_ACT_ANONYMOUS);
    cr_assert_eq(told_of(CHECK), 2);
    cr_assert_eq(machine_finding(m, CHECK, 1)->score, 20, "the first told it in full");
}

Test(exec_memory, a_new_version_that_uses_a_compiler_is_merely_new)
{
    grow("1.0", 25, TRN_ACT_NONE);
    act_memory(s, start("2.0"), TRN_ACT_WRITABLE, NULL);
    only(20);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(exec_memory, a_compiler_that_was_there_from_the_first_run_on)
{
    grow("1.0", 25, TRN_ACT_ANONYMOUS);
    grow("1.1", 3, TRN_ACT_ANONYMOUS);
    cr_assert_eq(told_of(CHECK), 0);
}

Test(exec_memory, from_cold_nothing_is_said_of_compilers)
{
    uint32_t run = start("1.0");
    act_connect(s, run, "203.0.113.9", 443);
    act_memory(s, run, TRN_ACT_ANONYMOUS, NULL);
    act_memory(s, run, TRN_ACT_WRITABLE, NULL);
    act_memory(s, run, TRN_ACT_MEMFD, "/memfd:doublemapper (deleted)");
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
}

Test(exec_memory, from_cold_a_memory_file_is_told_after_the_network)
{
    uint32_t run = start("1.0");
    act_memory(s, run, TRN_ACT_MEMFD, MEMFD);
    cr_assert_eq(told_of(CHECK), 0, "it talked to nobody");
    act_identity(s, "/opt/other/bin/other", "other", "1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_start(s, 1, 700, "/opt/other/bin/other", "other");
    act_connect(s, 700, "203.0.113.9", 443);
    act_memory(s, 700, TRN_ACT_MEMFD, MEMFD);
    const struct trn_finding *f = only(30);
    cr_assert(trn_str_eq_c(evidence(f, "talked_to"), "203.0.113.9:443"));
    cr_assert_eq(f->n_events, 2);
}

Test(exec_memory, a_memory_file_that_runs_is_one_act_and_one_stage)
{
    uint32_t run = start("1.0");
    act_connect(s, run, "203.0.113.9", 443);
    act_start(s, run, 700, MEMFD, "codec");
    act_flags(s, TRN_EVF_MEMFD | TRN_EVF_DELETED);
    later();
    only(20);
    cr_assert_eq(machine_count(m, STAGE), 1);
    const struct trn_finding *f = machine_finding(m, STAGE, 0);
    cr_assert_eq(f->score, 45);
    cr_assert_eq(f->acting, entity_of(run));
    cr_assert(trn_str_eq_c(f->summary, "ran a memory file after it had talked to 203.0.113.9:443"), "%.*s",
              TRN_STR_ARG(f->summary));
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0, "one act is no story");
}

Test(exec_memory, a_memory_file_without_the_network)
{
    grow("1.0", 25, TRN_ACT_NONE);
    uint32_t run = start("1.0");
    act_start(s, run, 700, MEMFD, "codec");
    act_flags(s, TRN_EVF_MEMFD);
    only(40);
    cr_assert_eq(machine_count(m, STAGE), 0);
    cr_assert(trn_str_eq_c(machine_finding(m, CHECK, 0)->software.name, "acme-softphone"));
}

Test(exec_memory, a_script_that_no_name_leads_to)
{
    uint32_t run = start("1.0");
    act_connect(s, run, "203.0.113.9", 443);
    act_start(s, run, 700, "/usr/bin/bash", "bash /dev/fd/63");
    later();
    cr_assert_eq(told_of(STAGE), 1);
    const struct trn_finding *f = machine_finding(m, STAGE, 0);
    cr_assert_eq(f->score, 45);
    cr_assert(trn_str_starts(f->summary, TRN_STR("ran code from a descriptor")), "%.*s", TRN_STR_ARG(f->summary));
    cr_assert_eq(f->acting, entity_of(run));
}

Test(exec_memory, a_person_who_runs_what_a_pipe_gives)
{
    act_start(s, 101, 700, "/usr/bin/curl", "curl https://example.test/x");
    act_connect(s, 700, "203.0.113.9", 443);
    act_start(s, 101, 701, "/usr/bin/bash", "bash /dev/fd/63");
    act_start(s, 701, 702, MEMFD, "codec");
    act_flags(s, TRN_EVF_MEMFD);
    later();
    cr_assert_eq(told_of(CHECK), 0);
    for (size_t i = 0; i < told_of(STAGE); i++)
        cr_assert_leq(machine_finding(m, STAGE, i)->score, 20);
}

Test(exec_memory, its_own_program_after_an_update)
{
    grow("1.0", 25, TRN_ACT_NONE);
    uint32_t run = start("1.0");
    act_connect(s, run, "203.0.113.9", 443);
    act_start(s, run, 700, PHONE, "acme-softphone --type=renderer");
    act_flags(s, TRN_EVF_DELETED);
    later();
    cr_assert_eq(told_of(CHECK), 0);
    cr_assert_eq(told_of(STAGE), 0);
}

Test(exec_memory, a_deleted_file_that_runs)
{
    uint32_t run = start("1.0");
    act_connect(s, run, "203.0.113.9", 443);
    act_start(s, run, 700, "/home/alice/.cache/acme/helper (deleted)", "helper");
    act_flags(s, TRN_EVF_DELETED);
    act_load(s, run, "/home/alice/.cache/acme/codec.so (deleted)", true);
    later();
    cr_assert_eq(told_of(STAGE), 2);
    cr_assert(trn_str_eq_c(machine_finding(m, STAGE, 0)->summary,
                           "ran a deleted file, ~/.cache/acme/helper, after it had talked to 203.0.113.9:443"),
              "%.*s", TRN_STR_ARG(machine_finding(m, STAGE, 0)->summary));
    cr_assert_eq(told_of(CHECK), 2);
    for (size_t i = 0; i < 2; i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
}

Test(exec_memory, writing_into_another_program)
{
    tool(1, "/usr/bin/keepassxc", "keepassxc");
    uint32_t target = pid, run = start("1.0");
    act_access(s, run, TRN_ACT_WRITE, target, "process_vm_writev");
    const struct trn_finding *f = only(40);
    cr_assert_eq(f->telemetry, TRN_TEL_PROCESS);
    cr_assert(trn_str_starts(f->summary, TRN_STR("wrote into the memory of keepassxc; first in")), "%.*s",
              TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "way"), "process_vm_writev"));
}

Test(exec_memory, the_memory_of_a_keeper_of_secrets)
{
    const char *lsass = "C:/Windows/System32/lsass.exe", *wmi = "C:/Windows/System32/wbem/wmiprvse.exe",
               *dump = "C:/Program Files/dump.exe";
    act_start(s, 1, 600, lsass, "lsass.exe");
    act_start(s, 1, 601, wmi, "wmiprvse.exe");
    act_access(s, 601, TRN_ACT_READ, 600, "handle 0x1410: read memory");
    act_start(s, 1, 602, dump, "dump.exe -ma lsass.exe");
    act_identity(s, dump, "Dump", "10", TRN_ORIGIN_WINDOWS, 0);
    act_access(s, 602, TRN_ACT_READ, 600, "handle 0x1000");
    later();
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20,
                      "parts of the system do this; a look at its name is none");
    size_t before = told_of(CHECK);
    act_access(s, 602, TRN_ACT_WRITE, 600, "handle 0x1fffff: read memory, write memory");
    later();
    cr_assert_eq(told_of(CHECK), before + 1);
    const struct trn_finding *f = machine_finding(m, CHECK, before);
    cr_assert_eq(f->score, 35);
    cr_assert(trn_str_starts(f->summary, TRN_STR("opened the memory of a keeper of secrets, lsass.exe; first in")),
              "%.*s", TRN_STR_ARG(f->summary));
}

Test(exec_memory, reaching_into_its_own_processes)
{
    grow("1.0", 25, TRN_ACT_NONE);
    uint32_t run = start("1.0"), child = tool(run, PHONE, "acme-softphone");
    act_access(s, run, TRN_ACT_WRITE, child, "process_vm_writev");
    act_access(s, child, TRN_ACT_READ, run, "process_vm_readv");
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
}

Test(exec_memory, a_debugger_at_a_prompt_and_one_that_a_program_starts)
{
    uint32_t target = tool(1, "/usr/bin/keepassxc", "keepassxc");
    uint32_t gdb = tool(101, "/usr/bin/gdb", "gdb");
    act_access(s, gdb, TRN_ACT_PTRACE, target, "ptrace");
    act_access(s, gdb, TRN_ACT_WRITE, target, "ptrace");
    act_access(s, tool(101, "/usr/bin/strace", "strace"), TRN_ACT_PTRACE, target, "ptrace");
    grow("1.0", 25, TRN_ACT_NONE);
    uint32_t run = start("1.0");
    act_access(s, tool(run, "/usr/bin/gdb", "gdb"), TRN_ACT_PTRACE, target, "ptrace");
    told_of(CHECK);
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
}

Test(exec_memory, an_interpreter_that_it_started)
{
    grow("1.0", 25, TRN_ACT_NONE);
    uint32_t run = start("1.0");
    act_memory(s, tool(run, "/usr/bin/node", "nodejs"), TRN_ACT_ANONYMOUS, NULL);
    only(15);
}

Test(exec_memory, what_was_there_before_is_known_and_not_new)
{
    grow("1.0", 25, TRN_ACT_NONE);
    uint32_t run = start("1.0");
    act_memory(s, run, TRN_ACT_ANONYMOUS, NULL);
    act_flags(s, TRN_EVF_EXISTING);
    act_memory(s, start("1.0"), TRN_ACT_ANONYMOUS, NULL);
    cr_assert_eq(told_of(CHECK), 0);
}

Test(exec_memory, a_flood_is_bounded)
{
    uint32_t run = start("1.0");
    act_memory(s, run, TRN_ACT_MEMFD, MEMFD);
    told_of(CHECK);
    struct trn_event ev = s->ev[s->n - 1];
    size_t bytes = trn_detect_bytes(m->detect);
    for (unsigned i = 0; i < 20000; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/memfd:x%u (deleted)", i);
        ev.map.path = trn_str_of(path);
        ev.action = (uint16_t)(TRN_ACT_ANONYMOUS + i % 3);
        ev.seq++;
        machine_push(m, &ev);
    }
    cr_assert_leq(trn_detect_bytes(m->detect), bytes + 64 * 1024, "%zu", trn_detect_bytes(m->detect));
    cr_assert_leq(machine_count(m, CHECK), 3);
}

Test(exec_memory, a_restart_tells_it_not_again_and_a_replay_the_same)
{
    grow("1.0", 25, TRN_ACT_NONE);
    act_memory(s, start("1.0"), TRN_ACT_ANONYMOUS, NULL);
    wait_ms(s, 120000);
    act_tick(s);
    act_stop(s);
    only(30);
    struct machine *again = machine_new(NULL), *next = machine_new(NULL);
    machine_run(again, s, 0, s->n);
    cr_assert_eq(machine_count(again, CHECK), 1);
    cr_assert(trn_str_eq(machine_finding(again, CHECK, 0)->summary, machine_finding(m, CHECK, 0)->summary));
    machine_restore(next, m, s, s->n);
    size_t from = s->n;
    uint32_t run = start("1.0");
    act_memory(s, run, TRN_ACT_ANONYMOUS, NULL);
    act_memory(s, run, TRN_ACT_WRITABLE, NULL);
    machine_run(next, s, from, s->n);
    cr_assert_eq(machine_count(next, CHECK), 1, "only the kind that is new");
    machine_free(again);
    machine_free(next);
}
