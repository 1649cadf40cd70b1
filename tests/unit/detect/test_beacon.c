/* SPDX-License-Identifier: Apache-2.0 */
/* Question: are regular calls told when the place is new for the software, and only then? */
#include "detect/behaviour/beacon.h"
#include "phone.h"

#include <criterion/criterion.h>
#include <netinet/in.h>

#define CHECK "behaviour.beacon"
#define SERVER "198.51.100.7"
#define COMMAND "203.0.113.9"
#define DAY_MS (24ull * 3600 * 1000)

static struct script *play_of;
static struct machine *m;
static uint32_t pid;
static size_t played;

static void setup(void)
{
    play_of = script_new();
    m = machine_new(NULL);
    pid = 1000;
    played = 0;
}

static void teardown(void)
{
    machine_free(m);
    script_free(play_of);
}

static void go(void)
{
    machine_run(m, play_of, played, play_of->n);
    played = play_of->n;
}

static uint32_t run_of(const char *version)
{
    act_start(play_of, 1, ++pid, PHONE, "acme-softphone");
    act_identity(play_of, PHONE, "acme-softphone", version, TRN_ORIGIN_DPKG, TRN_SW_MODIFIED_KNOWN);
    return pid;
}

/* One run a day, with its own server: what it has always done. */
static void live(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint32_t run = run_of("1.0");
        act_connect(play_of, run, SERVER, 5060);
        wait_ms(play_of, 1000);
        act_exit(play_of, run);
        wait_ms(play_of, DAY_MS - 1000);
    }
    go();
    cr_assert_eq(machine_count(m, CHECK), 0);
}

/* every: ms, +- 22 % */
static void call(uint32_t run, const char *address, unsigned n, uint64_t every)
{
    for (unsigned i = 0; i < n; i++) {
        act_connect(play_of, run, address, 8443);
        wait_ms(play_of, 300);
        act_close(play_of, run, address, 8443, 612, 90);
        wait_ms(play_of, every * (78 + i * 37 % 45) / 100 - 300);
    }
}

static struct trn_str evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

TestSuite(beacon, .init = setup, .fini = teardown);

Test(beacon, of_a_grown_up_program_after_an_update)
{
    live(25);
    act_update(play_of, "acme-softphone", "1.0", "1.1");
    uint32_t run = run_of("1.1");
    call(run, COMMAND, 15, 5100);
    go();
    cr_assert_eq(machine_count(m, CHECK), 1, "%zu", machine_count(m, CHECK));
    const struct trn_finding *f = machine_finding(m, CHECK, 0);
    cr_assert(f->score >= 25 && f->score <= 45, "%u", f->score);
    cr_assert(trn_str_starts(f->summary, TRN_STR(COMMAND ":8443 every 5.")), "%.*s", TRN_STR_ARG(f->summary));
    cr_assert(trn_str_starts(evidence(f, "novelty"), TRN_STR("seen before, but not a habit after 26 runs")), "%.*s",
              TRN_STR_ARG(evidence(f, "novelty")));
    cr_assert_geq(f->n_events, 4);
    cr_assert_eq(f->acting, entity_of(run));
    cr_assert(trn_str_eq_c(evidence(f, "bytes_out"), "about 612 bytes each time"), "%.*s",
              TRN_STR_ARG(evidence(f, "bytes_out")));
}

static void call_name(uint32_t run, const char *name, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        act_contact(play_of, run, name, COMMAND, 443);
        wait_ms(play_of, 60000 * (95 + i * 37 % 11) / 100);
    }
}

Test(beacon, a_new_name_that_is_called_regularly_is_a_note)
{
    live(25);
    act_update(play_of, "acme-softphone", "1.0", "1.1");
    call_name(run_of("1.1"), "telemetry.vendor.example", 40);
    go();
    cr_assert_gt(machine_count(m, CHECK), 0);
    cr_assert_eq(machine_finding(m, CHECK, 0)->score, 20,
                 "an update brought a maker of telemetry; timing alone tells nothing");
}

Test(beacon, but_not_when_something_else_was_told)
{
    live(25);
    uint32_t run = run_of("1.1");
    act_contact(play_of, run, "raw.codehost.test", "203.0.113.77", 443);
    call_name(run, "telemetry.vendor.example", 40);
    go();
    cr_assert_gt(machine_count(m, CHECK), 0);
    cr_assert_geq(machine_finding(m, CHECK, 0)->score, 35);
}

Test(beacon, nor_for_a_kind_of_name_that_honest_software_avoids)
{
    live(25);
    call_name(run_of("1.1"), "x4.duckdns.org", 40);
    go();
    cr_assert_gt(machine_count(m, CHECK), 0);
    cr_assert_geq(machine_finding(m, CHECK, 0)->score, 35);
}

Test(beacon, told_again_with_the_same_id)
{
    live(25);
    call(run_of("1.1"), COMMAND, 70, 60000);
    go();
    size_t n = machine_count(m, CHECK);
    cr_assert(n >= 2 && n <= 4, "%zu: at twice as many, no more often", n);
    cr_assert_eq(machine_finding(m, CHECK, 0)->id, machine_finding(m, CHECK, n - 1)->id);
}

Test(beacon, its_own_server_as_regular_as_that)
{
    live(25);
    uint32_t run = run_of("1.1");
    for (int i = 0; i < 100; i++) {
        act_connect(play_of, run, SERVER, 5060);
        wait_ms(play_of, 30000);
    }
    go();
    cr_assert_eq(machine_count(m, CHECK), 0);
}

Test(beacon, calls_at_random_to_a_new_place)
{
    uint64_t x = 42;
    live(25);
    uint32_t run = run_of("1.1");
    for (int i = 0; i < 200; i++) {
        act_connect(play_of, run, COMMAND, 8443);
        x = x * 6364136223846793005ull + 1442695040888963407ull;
        wait_ms(play_of, 3000 + (x >> 33) % 1000 * ((x >> 50) % 100) * ((x >> 20) % 3));
    }
    go();
    cr_assert_eq(machine_count(m, CHECK), 0);
}

Test(beacon, without_history_regularity_says_nothing)
{
    call(run_of("1.0"), COMMAND, 40, 60000);
    go();
    cr_assert_eq(machine_count(m, CHECK), 0);
}

Test(beacon, without_history_but_the_program_came_from_the_network)
{
    uint32_t run = run_of("1.0");
    act_connect(play_of, run, SERVER, 443);
    act_write(play_of, run, "/home/alice/.cache/acme/helper");
    act_start(play_of, run, 845, "/home/alice/.cache/acme/helper", "helper");
    call(845, "127.0.0.9", 40, 5100);
    go();
    cr_assert_geq(machine_count(m, CHECK), 1, "loopback is a place, but for 127.0.0.1");
    cr_assert_eq(machine_finding(m, CHECK, 0)->score, 30);
    cr_assert(trn_str_starts(evidence(machine_finding(m, CHECK, 0), "file"), TRN_STR("written by ")));
}

/* It ran what it had fetched, which is told; then its own calls count without history. */
Test(beacon, without_history_but_something_else_was_told)
{
    uint32_t run = run_of("1.0");
    act_connect(play_of, run, SERVER, 443);
    act_write(play_of, run, "/home/alice/.cache/acme/helper");
    act_start(play_of, run, 845, "/home/alice/.cache/acme/helper", "helper");
    call(run, COMMAND, 30, 5100);
    go();
    cr_assert_geq(machine_count(m, "behaviour.second-stage"), 1);
    cr_assert_geq(machine_count(m, CHECK), 1);
    cr_assert_eq(machine_finding(m, CHECK, 0)->score, 25);
}

Test(beacon, places_that_are_nobodys)
{
    live(25);
    uint32_t run = run_of("1.1");
    call(run, "127.0.0.1", 30, 5100);
    call(run, "239.255.255.250", 30, 5100);
    call(run, "169.254.169.254", 30, 5100);
    go();
    cr_assert_eq(machine_count(m, CHECK), 0);
}

Test(beacon, a_person_at_a_prompt_is_a_note_at_most)
{
    for (int i = 0; i < 40; i++) {
        act_start(play_of, 101, 2000 + (uint32_t)i, "/usr/bin/curl", "curl");
        act_connect(play_of, 2000 + (uint32_t)i, COMMAND, 443);
        act_exit(play_of, 2000 + (uint32_t)i);
        wait_ms(play_of, 60000);
    }
    go();
    for (size_t i = 0; i < machine_count(m, CHECK); i++)
        cr_assert_leq(machine_finding(m, CHECK, i)->score, 20);
}

/* A call an hour, the engine restarts in the middle: both halves together are enough, and it is told once. */
Test(beacon, survives_a_restart)
{
    live(25);
    uint32_t run = run_of("1.1");
    call(run, COMMAND, 6, 3600000);
    go();
    cr_assert_eq(machine_count(m, CHECK), 0, "six are too few with this jitter");
    size_t before = play_of->n;
    call(run, COMMAND, 9, 3600000);
    struct machine *after = machine_new(NULL);
    machine_restore(after, m, play_of, before);
    machine_run(after, play_of, before, play_of->n);
    cr_assert_geq(machine_count(after, CHECK), 1);
    const struct trn_finding *f = machine_finding(after, CHECK, 0);
    cr_assert(trn_str_starts(f->summary, TRN_STR(COMMAND ":8443 every ")), "%.*s", TRN_STR_ARG(f->summary));
    machine_free(after);
}

Test(beacon, the_same_events_give_the_same_words)
{
    live(25);
    call(run_of("1.1"), COMMAND, 40, 5100);
    go();
    struct machine *again = machine_new(NULL);
    machine_run(again, play_of, 0, play_of->n);
    size_t n = machine_count(m, CHECK);
    cr_assert(n > 0 && n == machine_count(again, CHECK));
    for (size_t i = 0; i < n; i++) {
        const struct trn_finding *a = machine_finding(m, CHECK, i), *b = machine_finding(again, CHECK, i);
        cr_assert(a->id == b->id && a->score == b->score && trn_str_eq(a->summary, b->summary));
        for (uint32_t k = 0; k < a->n_evidence; k++)
            cr_assert(trn_str_eq(a->evidence[k].value, b->evidence[k].value));
    }
    machine_free(again);
}

/* ---- the detector alone: a million places ---- */

static size_t told;

static int count_finding(void *c, const struct trn_finding *f)
{
    told++;
    return 0;
}

Test(beacon, a_million_places_do_not_hide_one, .init = phone_setup, .fini = phone_teardown, .timeout = 60)
{
    uint32_t run = grow("1.0", 30);
    struct trn_beacons *b = trn_beacons_new(1000);
    struct trn_provenance *written = trn_provenance_new(16);
    struct trn_novelty novelty = ask(run, TRN_FEATURE_DESTINATION, "203.0.113.0/24");
    size_t bytes = trn_beacons_bytes(b);
    struct trn_event ev;
    told = 0;
    ctx.findings = (struct trn_finding_sink){count_finding, NULL};
    cr_assert(trn_novelty_mature(&novelty));
    trn_event_init(&ev, TRN_EV_CONNECT);
    ev.action = TRN_ACT_ESTABLISHED;
    ev.entity = entity_of(run);
    ev.pid = run;
    ev.net.family = 4;
    ev.net.proto = IPPROTO_TCP;
    ev.net.dst_port = 8443;
    for (uint32_t i = 0; i < 1000000; i++) {
        if (i < 4)
            ev.boot_ns += 20 * TRN_NS_PER_SEC; /* it has begun before */
        bool beat = i < 4 || i % 20000 == 0;
        uint32_t to = beat ? 0xcb007109u : 0x0b000000u + i;
        for (int k = 0; k < 4; k++)
            ev.net.dst[k] = (uint8_t)(to >> (24 - 8 * k));
        ev.seq = ++seq;
        ev.boot_ns += TRN_NS_PER_MS;
        ev.wall_ns = WALL_NS + days * DAY_NS + ev.boot_ns;
        cr_assert_eq(trn_beacons_push(b, &ctx, p, written, &ev), 0);
    }
    cr_assert_geq(told, 1);
    cr_assert_eq(trn_beacons_count(b), 1000);
    cr_assert_geq(trn_beacons_evicted(b), 990000);
    cr_assert_eq(trn_beacons_bytes(b), bytes);
    trn_provenance_free(written);
    trn_beacons_free(b);
}
