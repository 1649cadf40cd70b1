/* SPDX-License-Identifier: Apache-2.0 */
/* Do logs of other products become the events they mean, in order of time, whatever is wrong with a line? */
#include "ingest/ingest.h"

#include <criterion/criterion.h>

struct got {
    struct trn_buf text;    /* one line an event, as trn_event_describe has it */
    struct trn_buf notices; /* "LINE: text" */
    struct trn_ingest_counts counts;
    struct trn_arena *arena;
    struct trn_event events[64];
    size_t n;
};

static int on_event(void *ctx, const struct trn_event *ev)
{
    struct got *g = ctx;
    trn_put_fmt(&g->text, "%s ", trn_event_type_name(ev->type));
    trn_event_describe(ev, &g->text);
    trn_put_c(&g->text, "\n");
    return g->n < TRN_ARRAY_SIZE(g->events) ? trn_event_copy(ev, g->arena, &g->events[g->n++]) : 0;
}

static void on_notice(void *ctx, uint64_t line, struct trn_str text)
{
    struct got *g = ctx;
    trn_put_fmt(&g->notices, "%llu: %.*s\n", (unsigned long long)line, TRN_STR_ARG(text));
}

static void got_done(struct got *g)
{
    trn_buf_done(&g->text);
    trn_buf_done(&g->notices);
    trn_arena_free(g->arena);
}

static void run(struct got *g, struct trn_str log, size_t step)
{
    struct trn_ingest_options o = {.sz = sizeof(o), .sink = {on_event, g}, .notice = on_notice, .ctx = g};
    struct trn_ingest *in = NULL;
    *g = (struct got){.arena = trn_arena_new(0)};
    trn_buf_init(&g->text, 1 << 20);
    trn_buf_init(&g->notices, 1 << 20);
    cr_assert_eq(trn_ingest_new(&o, &in), 0);
    for (size_t i = 0; i < log.n; i += step)
        cr_assert_eq(trn_ingest_feed(in, trn_str_slice(log, i, step)), 0);
    cr_assert_eq(trn_ingest_end(in), 0);
    trn_ingest_counted(in, &g->counts);
    trn_ingest_free(in);
}
#define RUN(g, text)                 \
    TRN_AUTO(got_done) struct got g; \
    run(&g, trn_str_of(text), (size_t)1 << 20)

#define HEAD(id) "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"Hostname\":\"pc1\",\"EventID\":" id ","
#define AT(second) "\"UtcTime\":\"2026-11-27 10:00:" second "\","
#define APP "\"ProcessGuid\":\"{00000000-0000-0000-0001-000000000000}\",\"ProcessId\":\"100\","
#define IMAGE "\"Image\":\"C:\\\\Program Files\\\\Acme\\\\acme.exe\""

Test(ingest, a_start_tells_who_started_it_what_it_is_and_the_start)
{
    RUN(g, HEAD("1") AT("01.500") APP IMAGE
        ",\"Product\":\"Acme Desktop App\",\"FileVersion\":\"18.12.416 (release)\","
        "\"CommandLine\":\"\\\"C:\\\\Program Files\\\\Acme\\\\acme.exe\\\" /quiet\","
        "\"Hashes\":\"SHA256=0fcec4fb26b43563e6ba2ebe159a9efbbc8ec7196c86a451673b8e979d5032dd\","
        "\"ParentProcessGuid\":\"{00000000-0000-0000-0002-000000000000}\",\"ParentProcessId\":7,"
        "\"ParentImage\":\"C:\\\\Windows\\\\explorer.exe\"}\n");
    cr_assert_eq(g.n, 4, "%s", g.text.p);
    cr_assert_eq(g.events[0].type, TRN_EV_EXEC);
    cr_assert(g.events[0].flags & TRN_EVF_EXISTING);
    cr_assert(trn_str_eq_c(g.events[0].exec.path, "C:/Windows/explorer.exe"));
    const struct trn_identity *id = &g.events[1].identity.id;
    cr_assert_eq(g.events[1].type, TRN_EV_IDENTITY);
    cr_assert(trn_str_eq_c(id->software.name, "Acme Desktop App"));
    cr_assert(trn_str_eq_c(id->software.version, "18.12.416"));
    cr_assert_eq(id->software.origin, TRN_ORIGIN_MANUAL, "a start tells no signature");
    cr_assert_eq(id->sha256[0], 0x0f);
    const struct trn_event *exec = &g.events[2];
    cr_assert_eq(exec->type, TRN_EV_EXEC);
    cr_assert_eq(exec->exec.parent, g.events[0].entity);
    cr_assert_eq(exec->pid, 100);
    cr_assert_eq(exec->exec.parent_pid, 7);
    cr_assert_eq(memcmp(&exec->exec.file, &g.events[1].identity.file, sizeof(exec->exec.file)), 0);
    cr_assert(trn_str_eq(exec->exec.argv, TRN_STR("C:\\Program Files\\Acme\\acme.exe\0/quiet\0")));
    cr_assert_eq(exec->wall_ns % (60 * TRN_NS_PER_SEC), 1500 * TRN_NS_PER_MS);
    cr_assert_eq(g.events[3].type, TRN_EV_STOP, "nothing waits any more");
}

Test(ingest, a_value_of_the_registry_is_a_file_of_its_path)
{
    RUN(g, HEAD("13") AT("01.000") APP IMAGE
        ",\"EventType\":\"SetValue\",\"TargetObject\":\"HKU\\\\S-1-5-21-1\\\\Software\\\\Microsoft\\\\Windows\\\\"
        "CurrentVersion\\\\Run\\\\Acme\",\"Details\":\"C:\\\\t\\\\x.exe\"}\n");
    const struct trn_event *set = &g.events[1];
    cr_assert_eq(g.n, 3, "%s", g.text.p);
    cr_assert_eq(set->type, TRN_EV_FILE);
    cr_assert_eq(set->action, TRN_ACT_WRITTEN);
    cr_assert_eq(set->pid, 100);
    cr_assert(trn_str_eq_c(set->file.path, "HKU/S-1-5-21-1/Software/Microsoft/Windows/CurrentVersion/Run/Acme"));
    cr_assert_neq(set->file.file.ino, 0);
}

Test(ingest, three_shapes_of_one_record_give_one_event)
{
    static const char *const shapes[] = {
        HEAD("11") AT("01.000") APP IMAGE ",\"TargetFilename\":\"C:\\\\t\\\\x.dll\"}",
        "{\"@timestamp\":\"2026-11-27T10:00:01.000Z\",\"winlog\":{\"event_id\":11,\"computer_name\":\"pc1\",\"provider_"
        "name\":"
        "\"Microsoft-Windows-Sysmon\",\"event_data\":{" APP IMAGE ",\"TargetFilename\":\"C:\\\\t\\\\x.dll\"}}}",
        "{\n\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"Microsoft-Windows-Sysmon\"}},\"EventID\":"
        "11,\n"
        "\"Computer\":\"pc1\",\"TimeCreated\":{\"#attributes\":{\"SystemTime\":\"2026-11-27T10:00:01Z\"}}},"
        "\n\"EventData\":"
        "{" APP IMAGE ",\"TargetFilename\":\"C:\\\\t\\\\x.dll\"}}\n}\n",
    };
    struct got g[3];
    for (int i = 0; i < 3; i++) {
        cr_assert(trn_ingest_knows(trn_str_of(shapes[i])), "shape %d", i);
        run(&g[i], trn_str_of(shapes[i]), 1 << 20);
        cr_assert_eq(g[i].n, 3, "shape %d: %s", i, g[i].text.p);
        cr_assert(trn_str_eq(trn_buf_str(&g[i].text), trn_buf_str(&g[0].text)), "%s", g[i].text.p);
        cr_assert_eq(g[i].events[1].entity, g[0].events[1].entity);
        cr_assert_eq(g[i].events[1].wall_ns, g[0].events[1].wall_ns);
        cr_assert_eq(g[i].events[1].file.file.dev, g[0].events[1].file.file.dev);
    }
    for (int i = 0; i < 3; i++)
        got_done(&g[i]);
}

Test(ingest, only_a_valid_signature_makes_a_product)
{
#define LOAD(signed, status)                                                                                           \
    HEAD("7")                                                                                                          \
    AT("01.000")                                                                                                       \
    APP IMAGE                                                                                                          \
        ",\"ImageLoaded\":\"C:\\\\t\\\\x.dll\",\"Product\":\"Acme Desktop App\",\"Signed\":\"" signed "\","            \
                                                                                                      "\"Signature\":" \
                                                                                                      "\"Acme "        \
                                                                                                      "Ltd\","         \
                                                                                                      "\"SignatureSta" \
                                                                                                      "tus\":"         \
                                                                                                      "\"" status      \
                                                                                                      "\"}\n"
    RUN(g, LOAD("true", "Revoked") LOAD("true", "Valid") LOAD("true", "Revoked"));
    cr_assert_eq(g.events[1].type, TRN_EV_IDENTITY, "%s", g.text.p);
    cr_assert_eq(g.events[1].identity.id.software.origin, TRN_ORIGIN_MANUAL);
    cr_assert(trn_str_is_none(g.events[1].identity.id.software.signer));
    cr_assert_eq(g.events[3].type, TRN_EV_IDENTITY, "told again when it became known: %s", g.text.p);
    cr_assert_eq(g.events[3].identity.id.software.origin, TRN_ORIGIN_WINDOWS);
    cr_assert(trn_str_eq_c(g.events[3].identity.id.software.signer, "Acme Ltd"));
    cr_assert_eq(g.n, 7, "and not a third time: %s", g.text.p);
}

Test(ingest, connections_answers_and_reaching_into_others)
{
    RUN(g,
        HEAD("22") AT("01.000") APP IMAGE ",\"QueryName\":\"codehost.test\",\"QueryStatus\":\"0\","
                                          "\"QueryResults\":\"::ffff:192.0.2.7;\"}\n" HEAD("3") AT("02.000") APP IMAGE
        ",\"Initiated\":\"true\",\"Protocol\":\"tcp\",\"SourceIp\":\"10.0.0.2\","
        "\"SourcePort\":\"50000\",\"DestinationIp\":\"192.0.2.7\",\"DestinationPort\":443}\n" HEAD("3") AT("03.000")
            APP IMAGE
        ",\"Initiated\":\"false\",\"Protocol\":\"udp\",\"SourceIp\":\"::ffff:10.0.0.9\","
        "\"SourcePort\":\"5\",\"DestinationIp\":\"10.0.0.2\",\"DestinationPort\":\"6\"}\n" HEAD("10")
            AT("04.000") "\"SourceProcessGUID\":\"{00000000-0000-0000-0001-000000000000}\",\"SourceProcessId\":\"100\","
                         "\"TargetProcessGUID\":\"{00000000-0000-0000-0009-000000000000}\",\"TargetProcessId\":\"9\","
                         "\"GrantedAccess\":\"0x1010\",\"SourceImage\":\"C:\\\\a.exe\",\"TargetImage\":\"C:\\\\b.exe\"}"
                         "\n");
    cr_assert_eq(g.events[1].type, TRN_EV_DNS, "%s", g.text.p);
    cr_assert(trn_str_eq(g.events[1].dns.answers, TRN_STR("192.0.2.7\0")));
    cr_assert_eq(g.events[2].type, TRN_EV_CONNECT);
    cr_assert_eq(g.events[2].net.dst_port, 443);
    cr_assert_eq(g.events[2].net.proto, 6);
    cr_assert_eq(g.events[3].type, TRN_EV_ACCEPT);
    cr_assert_eq(g.events[3].net.family, 4, "mapped addresses are IPv4");
    const struct trn_event *access = &g.events[5];
    cr_assert_eq(access->type, TRN_EV_ACCESS, "%s", g.text.p);
    cr_assert_eq(access->action, TRN_ACT_READ);
    cr_assert_eq(access->entity, g.events[1].entity);
    cr_assert(trn_str_eq_c(access->access.way, "handle 0x1010: read memory"));
}

#define TOKEN "\"audit_token\":{\"pid\":41,\"pidversion\":7,\"ruid\":501,\"euid\":501,\"rgid\":20}"
#define MAC                                                                                                        \
    "{\"event_type\":10,\"time\":\"2026-11-27T10:00:01.5Z\",\"process\":{" TOKEN                                   \
    ",\"start_time\":\"2026-11-27T09:00:00Z\",\"ppid\":1,\"team_id\":\"ACME123456\",\"is_platform_binary\":false," \
    "\"signing_id\":\"test.acme.app\",\"executable\":{\"path\":\"/Applications/Acme.app/Contents/MacOS/Acme\","    \
    "\"stat\":{\"st_dev\":1,\"st_ino\":9,\"st_ctimespec\":\"2026-11-01T00:00:00Z\"}}},\"event\":"

Test(ingest, eslogger_tells_who_acts_and_what_was_opened)
{
    RUN(g,
        MAC "{\"open\":{\"file\":{\"path\":\"/Users/alice/Library/Application Support/Google/Chrome/Default/Cookies\","
            "\"stat\":{\"st_ino\":77,\"st_dev\":1}}}}}\n" MAC "{\"open\":{\"file\":{\"path\":\"/etc/hosts\"}}}}\n" MAC
            "{\"create\":{\"destination\":{\"new_path\":{\"dir\":{\"path\":\"/tmp\"},\"filename\":\"x\"}}}}}\n" MAC
            "{\"close\":{\"modified\":false,\"target\":{\"path\":\"/tmp/x\"}}}}\n" MAC
            "{\"mmap\":{\"protection\":5,\"source\":{\"path\":\"/tmp/"
            "x.dylib\",\"stat\":{\"st_ino\":78,\"st_dev\":1}}}}}\n" MAC "{\"lookup\":{}}}\n");
    cr_assert_eq(g.n, 6, "%s", g.text.p);
    cr_assert_eq(g.events[0].type, TRN_EV_IDENTITY);
    cr_assert(trn_str_eq_c(g.events[0].identity.id.software.name, "Acme"));
    cr_assert(trn_str_eq_c(g.events[0].identity.id.software.signer, "ACME123456"));
    cr_assert_eq(g.events[0].identity.id.software.origin, TRN_ORIGIN_MACOS);
    cr_assert_eq(g.events[1].type, TRN_EV_EXEC);
    cr_assert_eq(g.events[1].uid, 501);
    cr_assert_eq(g.events[2].type, TRN_EV_OPEN);
    cr_assert(trn_str_eq_c(g.events[2].file.sensitive, "browser-cookies"));
    cr_assert_eq(g.events[2].file.file.ino, 77);
    cr_assert(trn_str_eq_c(g.events[3].file.path, "/tmp/x"));
    cr_assert_eq(g.events[4].type, TRN_EV_LIB_LOAD);
    cr_assert_eq(g.counts.unneeded, 2, "a plain file, a close without change");
    cr_assert_eq(g.counts.unmapped, 1);
    cr_assert_str_eq(g.notices.p, "6: no use for events of kind 'eslogger lookup'\n");
}

Test(ingest, eslogger_of_an_environment_what_the_loader_heeds)
{
    RUN(g, MAC "{\"exec\":{\"target\":{" TOKEN ",\"start_time\":\"2026-11-27T09:00:00Z\",\"ppid\":1,"
               "\"executable\":{\"path\":\"/bin/x\",\"stat\":{\"st_dev\":1,\"st_ino\":10}}},\"args\":[\"x\"],"
               "\"env\":[\"HOME=/Users/alice\",\"DYLD_INSERT_LIBRARIES=/tmp/x.dylib\",\"SECRET=1\"]}}}\n");
    const struct trn_event *ev = &g.events[3];
    cr_assert_eq(ev->type, TRN_EV_EXEC, "%s", g.text.p);
    cr_assert_eq(ev->exec.env.n, strlen("DYLD_INSERT_LIBRARIES=/tmp/x.dylib") + 1);
    cr_assert_str_eq(ev->exec.env.p, "DYLD_INSERT_LIBRARIES=/tmp/x.dylib");
}

Test(ingest, order_is_by_time_and_equal_times_keep_theirs)
{
    RUN(g, HEAD("5") AT("03.000") APP IMAGE "}\n" HEAD("5") AT("01.000") APP IMAGE "}\n" HEAD("5")
               AT("02.000") "\"ProcessGuid\":\"x\",\"ProcessId\":1}\n" HEAD("5")
                   AT("02.000") "\"ProcessGuid\":\"y\",\"ProcessId\":2}\n");
    cr_assert_eq(g.n, 5);
    cr_assert(g.events[0].wall_ns < g.events[1].wall_ns);
    cr_assert_eq(g.events[1].pid, 1);
    cr_assert_eq(g.events[2].pid, 2);
    cr_assert(g.events[2].wall_ns < g.events[3].wall_ns);
    cr_assert_eq(g.counts.late, 0);
}

Test(ingest, an_event_beyond_the_window_is_marked_and_kept)
{
    RUN(g, HEAD("5") "\"UtcTime\":\"2026-11-27 10:00:00\"," APP IMAGE
                     "}\n" HEAD("5") "\"UtcTime\":\"2026-11-27 10:10:00\"," APP IMAGE
                                     "}\n" HEAD("5") "\"UtcTime\":\"2026-11-27 09:00:00\"," APP IMAGE "}\n");
    cr_assert_eq(g.counts.late, 1);
    cr_assert(g.events[1].flags & TRN_EVF_LATE, "%s", g.text.p);
}

Test(ingest, bad_lines_are_told_and_cost_only_themselves)
{
    const char *text =
        HEAD("5") AT("01.000") APP IMAGE "}\n"
                                         "{\"broken\n\n[1,2]\n{\"a\":1}\n" HEAD("1")
                                             AT("01.000") "\"ProcessId\":\"5\"}\n" HEAD("5") AT("02.000") APP IMAGE "}";
    RUN(g, text);
    cr_assert_eq(g.n, 3, "%s", g.text.p);
    cr_assert_eq(g.counts.bad, 3);
    cr_assert_eq(g.counts.incomplete, 1);
    cr_assert_str_eq(g.notices.p,
                     "2: not valid JSON, left out\n4: of no known shape, left out\n5: of no known shape, left "
                     "out\n");
    struct got bytewise;
    run(&bytewise, trn_str_of(text), 1);
    cr_assert_str_eq(bytewise.text.p, g.text.p, "the same however the bytes arrive");
    cr_assert_str_eq(bytewise.notices.p, g.notices.p);
    got_done(&bytewise);
}

Test(ingest, a_line_without_end_is_passed_over_in_constant_memory)
{
    struct trn_buf b;
    trn_buf_init(&b, 8 << 20);
    trn_put_c(&b, HEAD("5") AT("01.000") APP IMAGE "}\n{\"a\":\"");
    for (int i = 0; i < 3 << 18; i++)
        trn_put_c(&b, "aaaaaaaa");
    trn_put_c(&b, "\"}\n" HEAD("5") AT("02.000") APP IMAGE "}\n");
    struct got g;
    run(&g, trn_buf_str(&b), 65536);
    cr_assert_eq(g.counts.bad, 1);
    cr_assert_eq(g.n, 3);
    cr_assert_str_eq(g.notices.p, "2: longer than 1 MiB, left out\n");
    got_done(&g);
    trn_buf_done(&b);
}

Test(ingest, our_own_lines_are_not_foreign)
{
    cr_assert_not(trn_ingest_knows(TRN_STR("{\"@timestamp\":\"2026-11-27T10:00:00Z\",\"event\":{\"action\":\"exec\"},"
                                           "\"process\":{\"pid\":1,\"executable\":\"/usr/bin/id\"}}\n")));
    cr_assert_not(trn_ingest_knows(TRN_STR("")));
    cr_assert_not(trn_ingest_knows(TRN_STR("TRNL\0\1")));
}
