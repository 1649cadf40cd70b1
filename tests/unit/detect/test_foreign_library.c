/* SPDX-License-Identifier: Apache-2.0 */
/* Question: is a library that is not the software's own told, and are packages, venvs, mounts and builds left alone? */
#include "play.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define CHECK "behaviour.foreign-library"
#define STAGE "behaviour.second-stage"
#define PHONE "/opt/acme-softphone/bin/acme-softphone"
#define CODEC "/home/alice/.cache/acme/codec.so"
#define DAY_MS (24ull * 3600 * 1000)

static uint32_t start_as(uint32_t parent, const char *path, const char *name, const char *version,
                         enum trn_origin origin, const char *env)
{
    act_start(s, parent, ++pid, path, name);
    if (env)
        act_env(s, env);
    act_identity(s, path, name, version, origin, origin == TRN_ORIGIN_DPKG ? TRN_SW_MODIFIED_KNOWN : 0);
    return pid;
}

static uint32_t start(const char *version)
{
    return start_as(1, PHONE, "acme-softphone", version, TRN_ORIGIN_DPKG, NULL);
}

/* The machine asks what a library is only when no package owns it. */
static void load(uint32_t who, const char *path, bool nobodys)
{
    act_load(s, who, path, true);
    if (nobodys)
        act_identity_hash(s, path, 0x5e);
}

static void grow(const char *version, unsigned days, const char *library)
{
    for (unsigned i = 0; i < days; i++) {
        uint32_t run = start(version);
        load(run, "/usr/lib/x86_64-linux-gnu/libc.so.6", false);
        if (library)
            load(run, library, true);
        wait_ms(s, 1000);
        act_exit(s, run);
        wait_ms(s, DAY_MS - 1000);
    }
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

static void nothing(void)
{
    later();
    size_t n = told_of(CHECK);
    cr_assert_eq(n, 0, "%.*s", TRN_STR_ARG(machine_finding(m, CHECK, 0)->summary));
}

TestSuite(foreign_library, .init = play_setup, .fini = play_teardown);

Test(foreign_library, a_library_that_no_package_owns)
{
    grow("1.0", 25, NULL);
    uint32_t run = start("1.0");
    load(run, CODEC, true);
    load(run, "/home/alice/.cache/acme/second.so", true);
    load(start("1.0"), CODEC, true);
    const struct trn_finding *f = only(30);
    cr_assert_eq(f->acting, entity_of(run));
    cr_assert(trn_str_starts(f->summary,
                             TRN_STR("loaded ~/.cache/acme/codec.so (sha256 5e5e…), which no package owns; first in")),
              "%.*s", TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "path"), CODEC));
    cr_assert_eq(evidence(f, "sha256").n, 64);
    cr_assert(evidence(f, "since_version").n > 0);
    cr_assert_eq(f->telemetry, TRN_TEL_MEMORY);
}

Test(foreign_library, in_a_folder_of_the_system_and_known_only_later)
{
    grow("1.0", 25, NULL);
    uint32_t run = start("1.0");
    act_load(s, run, "/usr/lib/x86_64-linux-gnu/libcodec.so", false);
    wait_ms(s, 700);
    cr_assert_eq(told_of(CHECK), 0);
    act_identity_hash(s, "/usr/lib/x86_64-linux-gnu/libcodec.so", 0x5e);
    only(30);
}

Test(foreign_library, it_is_gone_before_anybody_could_look)
{
    grow("1.0", 25, NULL);
    act_load(s, start("1.0"), "/dev/shm/x.so", false);
    cr_assert_eq(told_of(CHECK), 0);
    later();
    only(30);
}

Test(foreign_library, packaged_ones_are_silent)
{
    grow("1.0", 25, NULL);
    uint32_t run = start("1.1");
    for (int i = 0; i < 100; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/lib%d.so", i);
        load(run, path, false);
    }
    act_identity(s, "/usr/lib/x86_64-linux-gnu/libz.so", "zlib1g", "1", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    load(run, "/usr/lib/x86_64-linux-gnu/libz.so", false);
    nothing();
}

Test(foreign_library, its_own_folder_is_its_own)
{
    grow("1.0", 25, NULL);
    load(start("1.1"), "/opt/acme-softphone/lib/libnew.so", true);
    uint32_t image = start_as(1, "/tmp/.mount_AcmeXabc123/usr/bin/app", "Acme", "1", TRN_ORIGIN_APPIMAGE, NULL);
    load(image, "/tmp/.mount_AcmeXabc123/usr/lib/libapp.so", true);
    uint32_t own = start_as(101, "/home/alice/src/prog/prog", "prog", NULL, TRN_ORIGIN_MANUAL, NULL);
    load(own, "/home/alice/src/prog/lib/libprog.so", true);
    load(own, "/usr/local/lib/libprog.so", true);
    nothing();
}

Test(foreign_library, a_venv_is_its_interpreters)
{
    uint32_t python = start_as(101, "/usr/bin/python3.11", "python3.11-minimal", "3.11", TRN_ORIGIN_DPKG, NULL);
    load(python, "/home/alice/venv/lib/python3.11/site-packages/numpy/core/_multiarray.so", true);
    act_identity(s, "/usr/bin/python3.11", "python3.11-minimal", "3.11", TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    act_fork(s, 1, 900);
    act_script(s, 900, "/usr/bin/python3.11", "/srv/venv/bin/service", "python3 /srv/venv/bin/service");
    act_identity(s, "/srv/venv/bin/service", "service", "1", TRN_ORIGIN_PYTHON, 0);
    load(900, "/srv/venv/lib/python3.11/site-packages/x/_x.so", true);
    act_start(s, 1, 901, "/usr/bin/node", "node");
    load(901, "/home/alice/site/node_modules/native/build/native.node", true);
    nothing();
}

Test(foreign_library, one_that_it_has_always_loaded)
{
    grow("1.0", 25, CODEC);
    size_t before = told_of(CHECK);
    grow("1.1", 2, CODEC);
    cr_assert_eq(told_of(CHECK), before);
}

Test(foreign_library, from_cold_only_what_anybody_may_write_is_a_note)
{
    uint32_t run = start("1.0");
    load(run, CODEC, true);
    later();
    cr_assert_eq(told_of(CHECK), 0);
    load(run, "/tmp/jna-1/jna.so", true);
    only(20);
    cr_assert_eq(machine_stories(m, TRN_VERDICT_SUSPICIOUS), 0);
}

Test(foreign_library, the_environment_puts_it_there)
{
    grow("1.0", 25, NULL);
    uint32_t run = start_as(1, PHONE, "acme-softphone", "1.0", TRN_ORIGIN_DPKG, "LD_PRELOAD=/srv/a.so:hook.so LANG=C");
    load(run, "/srv/lib/hook.so", true);
    const struct trn_finding *f = only(35);
    cr_assert(trn_str_contains(f->summary, TRN_STR("put there by LD_PRELOAD")), "%.*s", TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "put_there_by"), "LD_PRELOAD"));
}

Test(foreign_library, a_packaged_library_by_the_environment)
{
    grow("1.0", 25, NULL);
    uint32_t run = start_as(1, PHONE, "acme-softphone", "1.0", TRN_ORIGIN_DPKG, "LD_PRELOAD=libeatmydata.so");
    load(run, "/usr/lib/x86_64-linux-gnu/libeatmydata.so", false);
    nothing();
}

Test(foreign_library, the_file_that_all_programs_obey)
{
    grow("1.0", 25, NULL);
    act_start(s, 101, 700, "/usr/bin/cat", "cat");
    act_write(s, 700, "/etc/ld.so.preload");
    wait_ms(s, 1000);
    uint32_t run = start("1.0");
    load(run, "/usr/local/lib/hook.so", true);
    const struct trn_finding *f = only(35);
    cr_assert(trn_str_eq_c(evidence(f, "put_there_by"), "/etc/ld.so.preload"));
    cr_assert_eq(f->n_events, 2);
}

Test(foreign_library, one_of_a_package_that_somebody_wrote_over)
{
    uint32_t other = start_as(1, "/opt/other/bin/other", "other", "1", TRN_ORIGIN_DPKG, NULL);
    act_write(s, other, "/usr/lib/x86_64-linux-gnu/libmedia.so");
    uint32_t run = start("1.0");
    load(run, "/usr/lib/x86_64-linux-gnu/libmedia.so", false);
    later();
    const struct trn_finding *f = only(35);
    cr_assert(trn_str_contains(f->summary, TRN_STR("is not as its package has it")), "%.*s", TRN_STR_ARG(f->summary));
    cr_assert(trn_str_eq_c(evidence(f, "written_by"), "other"));
}

Test(foreign_library, one_of_a_package_that_a_talker_wrote_over)
{
    uint32_t other = start_as(1, "/opt/other/bin/other", "other", "1", TRN_ORIGIN_DPKG, NULL);
    act_connect(s, other, "203.0.113.9", 443);
    act_write(s, other, "/usr/lib/x86_64-linux-gnu/libmedia.so");
    load(start("1.0"), "/usr/lib/x86_64-linux-gnu/libmedia.so", false);
    load(other, "/usr/lib/x86_64-linux-gnu/libmedia.so", false);
    later();
    cr_assert_eq(told_of(CHECK), 2);
    cr_assert_eq(machine_finding(m, CHECK, 0)->score, 35);
    cr_assert_eq(machine_finding(m, CHECK, 1)->score, 20, "its own doing: that is a second stage");
}

Test(foreign_library, one_that_differs_from_its_packages_list)
{
    act_identity(s, "/usr/lib/x86_64-linux-gnu/libmedia.so", "libmedia", "1", TRN_ORIGIN_DPKG,
                 TRN_SW_MODIFIED_KNOWN | TRN_SW_MODIFIED);
    load(start("1.0"), "/usr/lib/x86_64-linux-gnu/libmedia.so", false);
    only(35);
}

Test(foreign_library, one_that_the_package_manager_wrote)
{
    uint32_t dpkg = start_as(1, "/usr/bin/dpkg", "dpkg", "1.21", TRN_ORIGIN_DPKG, NULL);
    act_write(s, dpkg, "/usr/lib/x86_64-linux-gnu/libmedia.so.dpkg-new");
    act_rename(s, dpkg, "/usr/lib/x86_64-linux-gnu/libmedia.so.dpkg-new", "/usr/lib/x86_64-linux-gnu/libmedia.so");
    load(start("1.0"), "/usr/lib/x86_64-linux-gnu/libmedia.so", false);
    nothing();
}

Test(foreign_library, fetched_and_loaded_is_one_act_and_one_stage)
{
    grow("1.0", 25, NULL);
    uint32_t run = start("1.0");
    act_connect(s, run, "203.0.113.9", 443);
    act_write(s, run, CODEC);
    load(run, CODEC, true);
    later();
    only(20);
    cr_assert_eq(machine_finding(m, STAGE, 0)->score, 45);
}

Test(foreign_library, a_person_at_a_prompt)
{
    uint32_t own = start_as(101, "/usr/bin/ffmpeg", "ffmpeg", "5", TRN_ORIGIN_DPKG, "LD_PRELOAD=/home/alice/x.so");
    load(own, "/home/alice/x.so", true);
    later();
    for (size_t i = 0; i < told_of(CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
}

Test(foreign_library, signed_products_of_windows)
{
    const char *app = "C:/Program Files/Acme/Acme.exe";
    act_identity(s, app, "Acme App", "1", TRN_ORIGIN_WINDOWS, 0);
    s->ev[s->n - 1].identity.id.software.signer = TRN_STR("Acme Ltd");
    act_start(s, 1, 700, app, "Acme.exe");
    act_identity(s, "C:/Program Files/Acme/Media.dll", "Acme Media", "1", TRN_ORIGIN_WINDOWS, 0);
    s->ev[s->n - 1].identity.id.software.signer = TRN_STR("Acme Ltd");
    act_load(s, 700, "C:/Program Files/Acme/Media.dll", true);
    act_identity(s, "C:/Windows/System32/ntdll.dll", "Windows", "10", TRN_ORIGIN_WINDOWS, TRN_SW_BASE);
    act_load(s, 700, "C:/Windows/System32/ntdll.dll", true);
    cr_assert_eq(told_of(CHECK), 0);
    act_identity_hash(s, "C:/Users/alice/AppData/Local/Temp/codec64.dll", 0x5e);
    act_load(s, 700, "C:/Users/alice/AppData/Local/Temp/codec64.dll", true);
    const struct trn_finding *f = only(20);
    cr_assert(trn_str_contains(f->summary, TRN_STR("which nobody signed")), "%.*s", TRN_STR_ARG(f->summary));
    struct trn_buf b;
    trn_buf_init(&b, 1 << 16);
    trn_detect_profile(m->detect, TRN_STR("Acme App"), &b);
    cr_assert(!trn_str_contains(trn_buf_str(&b), TRN_STR("alice")), "%.*s", TRN_STR_ARG(trn_buf_str(&b)));
    trn_buf_done(&b);
}

Test(foreign_library, the_environment_of_macos)
{
    const char *app = "/Applications/Acme.app/Contents/MacOS/Acme";
    uint32_t run =
        start_as(1, app, "Acme", NULL, TRN_ORIGIN_MACOS, "DYLD_INSERT_LIBRARIES=/Users/alice/Library/x.dylib");
    act_load(s, run, "/Applications/Acme.app/Contents/Frameworks/libmedia.dylib", true);
    later();
    cr_assert_eq(told_of(CHECK), 0, "its own bundle");
    act_load(s, run, "/Users/alice/Library/x.dylib", true);
    later();
    const struct trn_finding *f = only(20);
    cr_assert(trn_str_eq_c(evidence(f, "put_there_by"), "DYLD_INSERT_LIBRARIES"));
}

Test(foreign_library, a_flood_is_bounded)
{
    uint32_t run = start("1.0");
    act_load(s, run, "/tmp/0.so", false);
    told_of(CHECK);
    struct trn_event ev = s->ev[s->n - 1];
    size_t bytes = trn_detect_bytes(m->detect);
    for (unsigned i = 0; i < 20000; i++) {
        char path[40];
        snprintf(path, sizeof(path), "/home/alice/%u/x/%u.so", i / 100, i);
        ev.map.path = trn_str_of(path);
        ev.seq++;
        machine_push(m, &ev);
    }
    cr_assert_leq(trn_detect_bytes(m->detect), bytes + 64 * 1024, "%zu", trn_detect_bytes(m->detect));
    cr_assert_leq(machine_count(m, CHECK), 2);
}

Test(foreign_library, a_restart_tells_it_not_again_and_a_replay_the_same)
{
    grow("1.0", 25, NULL);
    load(start("1.0"), CODEC, true);
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
    load(run, CODEC, true);
    load(run, "/srv/plugins/y.so", true);
    machine_run(next, s, from, s->n);
    cr_assert_eq(machine_count(next, CHECK), 1, "only the place that is new");
    machine_free(again);
    machine_free(next);
}
