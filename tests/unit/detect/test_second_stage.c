/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is code that came from the network noticed when it runs, with the right weight and the right subject? */
#include "script_and_machine.h"

#include <criterion/criterion.h>

#define CHECK "behaviour.second-stage"
#define HELPER "/home/alice/.cache/acme/helper"

static void run(void)
{
    machine_run(m, s, 0, s->n);
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

static const struct trn_finding *only(void)
{
    cr_assert_eq(machine_count(m, CHECK), 1, "%zu findings", machine_count(m, CHECK));
    return machine_finding(m, CHECK, 0);
}

static void none(void)
{
    run();
    cr_assert_eq(machine_count(m, CHECK), 0);
}

TestSuite(second_stage, .init = setup, .fini = teardown);

Test(second_stage, fetched_and_run_by_the_same_software)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, HELPER);
    wait_ms(s, 400);
    act_start(s, 812, 845, HELPER, "helper");
    act_identity_hash(s, HELPER, 0x5e);
    run();
    const struct trn_finding *f = only();
    cr_assert_eq(f->score, 45);
    cr_assert(trn_str_eq_c(f->software.name, "acme-softphone") && trn_str_eq_c(f->software.version, "1.1"));
    cr_assert_eq(f->acting, entity_of(812));
    cr_assert_eq(f->entity, entity_of(845));
    cr_assert(trn_str_eq_c(f->summary, "wrote ~/.cache/acme/helper (sha256 5e5e…), ran it 0.4 s later"), "%.*s",
              TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "remote"), "10.9.0.5:8443"));
    cr_assert_eq(evidence(f, "sha256").n, 64);
    cr_assert(trn_str_eq_c(evidence(f, "delay_ms"), "401"));
    cr_assert_eq(f->n_events, 2);
}

Test(second_stage, the_news_of_the_writing_comes_after_the_exec)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_start(s, 812, 845, HELPER, "helper");
    wait_ms(s, 30);
    act_write(s, 812, HELPER);
    s->ev[s->n - 1].file.file.ctime_ns = s->ev[s->n - 3].exec.file.ctime_ns;
    act_identity_hash(s, HELPER, 0x5e);
    act_stop(s);
    run();
    only();
}

Test(second_stage, chmod_and_rename_do_not_hide_it)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/tmp/x.part");
    act_chmod(s, 812, "/tmp/x.part");
    act_rename(s, 812, "/tmp/x.part", "/tmp/x");
    act_start(s, 812, 845, "/tmp/x", "x");
    act_stop(s);
    run();
    cr_assert(trn_str_eq_c(evidence(only(), "path"), "/tmp/x"));
}

Test(second_stage, written_by_its_shell_and_curl)
{
    softphone(s, "1.1");
    act_start(s, 812, 820, "/usr/bin/dash", "sh -c x");
    act_start(s, 820, 821, "/usr/bin/curl", "curl -o " HELPER);
    act_connect(s, 821, "10.9.0.5", 443);
    act_write(s, 821, HELPER);
    act_exit(s, 821);
    act_start(s, 820, 822, HELPER, "helper");
    act_stop(s);
    run();
    cr_assert_eq(only()->score, 45);
    cr_assert_eq(only()->acting, entity_of(812));
}

Test(second_stage, mapped_as_a_library_by_path_only)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/home/alice/.cache/acme/codec.so");
    wait_ms(s, 50);
    act_load(s, 812, "/home/alice/.cache/acme/codec.so", false);
    act_stop(s);
    run();
    cr_assert(trn_str_eq_c(only()->summary, "wrote ~/.cache/acme/codec.so, loaded it 50 ms later"), "%.*s",
              TRN_STR_ARG(only()->summary));
}

Test(second_stage, run_as_a_script_by_an_interpreter)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/home/alice/x.py");
    act_start(s, 812, 830, "/usr/bin/python3", "python3 x.py");
    act_stop(s);
    run();
    cr_assert(trn_str_eq_c(evidence(only(), "how"), "run as a script"));
}

Test(second_stage, the_helper_passes_it_on)
{
    /* helper came from the network; what it writes did, too, though it never talked itself */
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, HELPER);
    act_start(s, 812, 845, HELPER, "helper");
    act_identity_hash(s, HELPER, 1);
    act_write(s, 845, "/home/alice/.cache/acme/third");
    act_start(s, 845, 846, "/home/alice/.cache/acme/third", "third");
    act_stop(s);
    run();
    cr_assert_eq(machine_count(m, CHECK), 2);
    const struct trn_finding *f = machine_finding(m, CHECK, 1);
    cr_assert(trn_str_eq_c(evidence(f, "path"), "/home/alice/.cache/acme/third"));
    cr_assert_eq(f->score, 45);
}

Test(second_stage, a_script_made_executable_after_its_writing_has_its_hash)
{
    /* identified before it runs, at a ctime that no event about the script tells */
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/home/alice/unknown");
    act_start(s, 812, 829, "/home/alice/unknown", "unknown"); /* waits for an identity that never comes */
    act_write(s, 812, "/home/alice/x.py");
    act_chmod(s, 812, "/home/alice/x.py");
    wait_ms(s, 10);
    act_chmod(s, 812, "/home/alice/x.py");
    act_identity_hash(s, "/home/alice/x.py", 0x77);
    act_start(s, 812, 830, "/usr/bin/python3", "python3 x.py");
    run();
    const struct trn_finding *f = only();
    cr_assert(trn_str_eq_c(trn_str_slice(evidence(f, "sha256"), 0, 8), "77777777"));
}

Test(second_stage, the_helpers_tools_pass_it_on)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, HELPER);
    act_start(s, 1, 845, HELPER, "helper");
    act_identity_hash(s, HELPER, 1);
    act_start(s, 845, 846, "/usr/bin/cp", "cp a b");
    act_write(s, 846, "/tmp/copy");
    act_start(s, 845, 847, "/tmp/copy", "copy");
    act_stop(s);
    run();
    cr_assert_eq(machine_count(m, CHECK), 2);
}

Test(second_stage, a_process_replaces_itself)
{
    act_start(s, 1, 500, "/opt/dropper/dropper", "dropper");
    act_connect(s, 500, "10.9.0.5", 8443);
    act_write(s, 500, "/tmp/payload");
    act_exec(s, 500, "/tmp/payload", "payload");
    act_stop(s);
    run();
    cr_assert_geq(only()->score, 35);
    cr_assert_eq(only()->acting, entity_of(500));
}

Test(second_stage, started_by_the_service_manager_is_about_the_writer)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, HELPER);
    wait_ms(s, 5000);
    act_start(s, 1, 900, HELPER, "helper");
    act_stop(s);
    run();
    cr_assert(trn_str_eq_c(only()->software.name, "acme-softphone"));
    cr_assert_eq(only()->score, 45);
}

Test(second_stage, one_finding_for_many_runs)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, HELPER);
    for (uint32_t i = 0; i < 20; i++) {
        act_start(s, 812, 845 + i, HELPER, "helper");
        act_exit(s, 845 + i);
    }
    act_stop(s);
    run();
    only();
}

Test(second_stage, no_network_no_finding)
{
    softphone(s, "1.1");
    act_write(s, 812, HELPER);
    act_start(s, 812, 845, HELPER, "helper");
    act_stop(s);
    none();
}

Test(second_stage, a_question_to_a_name_server_fetches_nothing)
{
    softphone(s, "1.1");
    act_connect(s, 812, "127.0.0.53", 53);
    act_write(s, 812, HELPER);
    act_start(s, 812, 845, HELPER, "helper");
    act_stop(s);
    none();
}

Test(second_stage, the_network_after_the_writing_does_not_count)
{
    softphone(s, "1.1");
    act_write(s, 812, HELPER);
    act_connect(s, 812, "10.9.0.5", 8443);
    act_start(s, 812, 845, HELPER, "helper");
    act_stop(s);
    none();
}

Test(second_stage, the_inode_in_another_life)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, HELPER);
    act_delete(s, 812, HELPER);
    struct trn_file_key reused = s->ev[s->n - 2].file.file;
    act_start(s, 812, 845, "/usr/bin/other", "other");
    s->ev[s->n - 1].exec.file = reused;
    act_stop(s);
    none();
}

Test(second_stage, an_unmodified_file_of_a_package_is_nothing)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/usr/bin/hello");
    act_identity(s, "/usr/bin/hello", "hello", "2.10", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_start(s, 812, 845, "/usr/bin/hello", "hello");
    act_stop(s);
    none();
}

Test(second_stage, a_modified_file_of_a_package_is_no_excuse)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/usr/bin/hello");
    act_identity(s, "/usr/bin/hello", "hello", "2.10", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN | TRN_SW_MODIFIED);
    act_start(s, 812, 845, "/usr/bin/hello", "hello");
    act_stop(s);
    run();
    cr_assert_eq(only()->score, 45);
}

Test(second_stage, a_node_modules_folder_of_its_own_is_no_excuse)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/tmp/node_modules/x/x");
    act_identity(s, "/tmp/node_modules/x/x", "x", "1", TRN_ORIGIN_NPM, 0);
    act_start(s, 812, 845, "/tmp/node_modules/x/x", "x");
    act_stop(s);
    run();
    cr_assert_eq(only()->score, 45);
}

Test(second_stage, a_person_runs_what_curl_fetched)
{
    act_start(s, 101, 200, "/usr/bin/curl", "curl -o tool");
    act_connect(s, 200, "10.0.0.1", 443);
    act_write(s, 200, "/home/alice/tool");
    act_exit(s, 200);
    wait_ms(s, 2000);
    act_start(s, 101, 201, "/home/alice/tool", "./tool");
    act_stop(s);
    run();
    cr_assert_leq(only()->score, 20);
    cr_assert_eq(only()->acting, 0);
}

Test(second_stage, a_file_called_git_is_not_git)
{
    act_start(s, 1, 500, "/home/alice/bin/git", "git");
    act_identity(s, "/home/alice/bin/git", "git", NULL, TRN_ORIGIN_MANUAL, 0);
    act_connect(s, 500, "10.9.0.5", 443);
    act_write(s, 500, "/tmp/x");
    act_start(s, 500, 501, "/tmp/x", "x");
    act_stop(s);
    run();
    cr_assert_eq(only()->score, 45);
}

Test(second_stage, names_are_escaped)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, "/tmp/\033[2J\nx");
    act_start(s, 812, 845, "/tmp/\033[2J\nx", "x");
    act_stop(s);
    run();
    cr_assert(!memchr(only()->summary.p, '\033', only()->summary.n) &&
              !memchr(only()->summary.p, '\n', only()->summary.n));
}

Test(second_stage, provenance_survives_a_reboot)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, HELPER);
    run();
    struct machine *after = machine_new(NULL);
    for (size_t i = 0; i < m->n_state; i++)
        machine_push(after, &m->state[i]);
    size_t from = s->n;
    wait_ms(s, 3600 * 1000);
    act_start(s, 0, 1, "/usr/lib/systemd/systemd", "systemd");
    act_start(s, 1, 77, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone");
    act_identity(s, "/opt/acme-softphone/bin/acme-softphone", "acme-softphone", "1.1", TRN_ORIGIN_DPKG,
                 TRN_SW_MODIFIED_KNOWN);
    act_start(s, 77, 78, HELPER, "helper");
    act_stop(s);
    for (size_t i = from; i < s->n; i++)
        if (s->ev[i].pid != TRN_NO_U32)
            s->ev[i].entity ^= 0xabcdef00ull; /* another boot, other entities */
    for (size_t i = from; i < s->n; i++) {
        if (s->ev[i].type == TRN_EV_FORK)
            s->ev[i].fork.parent ^= 0xabcdef00ull;
        machine_push(after, &s->ev[i]);
    }
    cr_assert_eq(machine_count(after, CHECK), 1);
    const struct trn_finding *f = machine_finding(after, CHECK, 0);
    cr_assert_eq(f->score, 45);
    cr_assert(trn_str_eq_c(evidence(f, "remote"), "10.9.0.5:8443"));
    machine_free(after);
}

Test(second_stage, damaged_rows_are_forgotten_rows)
{
    softphone(s, "1.1");
    act_connect(s, 812, "10.9.0.5", 8443);
    act_write(s, 812, HELPER);
    run();
    struct machine *after = machine_new(NULL);
    for (size_t i = 0; i < m->n_state; i++) {
        for (size_t cut = 0; cut < m->state[i].state.value.n; cut++) {
            struct trn_event ev = m->state[i];
            ev.state.value.n = cut;
            machine_push(after, &ev);
        }
    }
    cr_assert_eq(machine_count(after, CHECK), 0);
    machine_free(after);
}
