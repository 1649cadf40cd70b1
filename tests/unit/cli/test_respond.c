/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does 'turncoat respond' ask for what was meant, wait for the effect, end as its caller must know, and tell a whole journal
 * from a damaged one?
 */
#include "call.h"
#include "pretend.h"

#include <fcntl.h>
#include <sys/stat.h>

#define HASH "5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1F"

TestSuite(cli_respond, .timeout = 30);

/* ---- a pretended engine with two clients: who watches, and who asks ---- */

struct two {
    char dir[64];
    pid_t pid;
    int heard; /* what was asked for, as it came */
};

static ssize_t read_line(int fd, char *line, size_t size)
{
    size_t n = 0;
    while (n + 1 < size && read(fd, line + n, 1) == 1 && line[n] != '\n')
        n++;
    line[n] = '\0';
    return (ssize_t)n;
}

static void say(int fd, const char *text)
{
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
        _exit(1);
}

/* Answers the request, then tells the steps to the watcher. */
static struct two two(const char *answer, const char *const *steps)
{
    struct two e = {.dir = "/tmp/trn-respond-XXXXXX"};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int heard[2];
    cr_assert(mkdtemp(e.dir) && pipe(heard) == 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s/turncoat.sock", e.dir);
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(s, (struct sockaddr *)&a, sizeof a) == 0 && listen(s, 2) == 0);
    e.pid = fork();
    if (e.pid == 0) {
        char line[8192];
        int watcher = accept(s, NULL, NULL);
        read_line(watcher, line, sizeof line); /* watch */
        read_line(watcher, line, sizeof line); /* what tells that it does */
        say(watcher, "{\"type\":\"end\"}\n");
        int asker = accept(s, NULL, NULL);
        ssize_t n = read_line(asker, line, sizeof line);
        if (write(heard[1], line, (size_t)n) != n)
            _exit(1);
        close(heard[1]);
        say(asker, answer);
        for (; *steps; steps++)
            say(watcher, *steps);
        poll(NULL, 0, 300); /* the reader leaves first */
        _exit(0);
    }
    close(s);
    close(heard[1]);
    e.heard = heard[0];
    return e;
}

static void two_done(struct two *e)
{
    char path[100];
    close(e->heard);
    waitpid(e->pid, NULL, 0);
    snprintf(path, sizeof path, "%s/turncoat.sock", e->dir);
    unlink(path);
    rmdir(e->dir);
}
#define TWO(name, answer, ...) \
    TRN_AUTO(two_done) struct two name = two(answer, (const char *const[]){__VA_ARGS__, NULL})

#define ACCEPTED \
    "{\"type\":\"respond\",\"respond\":{\"id\":7,\"plan\":[\"refuse its connections\"]}}\n{\"type\":\"end\"}\n"
#define STEP(id, state, text)                                                                  \
    "{\"type\":\"action\",\"action\":{\"id\":" #id ",\"state\":\"" state "\",\"text\":\"" text \
    "\",\"until\":\"2030-01-02T03:04:05Z\"}}\n"

static json_t *heard(struct two *e)
{
    char text[8192];
    ssize_t n, all = 0;
    while ((n = read(e->heard, text + all, sizeof text - 1 - (size_t)all)) > 0)
        all += n;
    text[all] = '\0';
    json_t *j = json_loads(text, 0, NULL);
    cr_assert(j, "no JSON: %s", text);
    return j;
}

static void expect_text(const json_t *j, const char *key, const char *want)
{
    const char *got = json_string_value(json_object_get(j, key));
    cr_expect(want ? got && strcmp(got, want) == 0 : !got, "%s: '%s', wanted '%s'", key, got ? got : "-",
              want ? want : "-");
}

Test(cli_respond, the_target_is_what_it_looks_like)
{
    static const struct {
        const char *word, *operand, *act, *target, *text, *undo_of;
        int id;
    } cases[] = {
        {"block", HASH, "block", "sha256", "5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f5e1f", NULL, 0},
        {"block", "build-id:00FFee11", "block", "build-id", "00ffee11", NULL, 0},
        {"block", "/opt/acme/helper", "block", "path", "/opt/acme/helper", NULL, 0},
        {"block", "acme-softphone=1.1", "block", "software", "acme-softphone=1.1", NULL, 0},
        {"unblock", "acme-softphone=1.1", "undo", "software", "acme-softphone=1.1", "block", 0},
        {"hold", "2AB94E4BC2998C2B", "hold", "entity", "2ab94e4bc2998c2b", NULL, 0},
        {"hold", "acme-softphone", "hold", "software", "acme-softphone", NULL, 0},
        {"continue", "2ab94e4bc2998c2b", "undo", "entity", "2ab94e4bc2998c2b", "hold", 0},
        {"kill", "1234567890123456", "kill", "entity", "1234567890123456", NULL, 0},
        {"isolate", "acme-softphone=1.1", "isolate", "software", "acme-softphone=1.1", NULL, 0},
        {"isolate", "host", "isolate-host", "host", "host", NULL, 0},
        {"unisolate", "host", "undo", "host", "host", "isolate-host", 0},
        {"shield", "acme-softphone", "shield", "software", "acme-softphone", NULL, 0},
        {"quarantine", "/opt/812", "quarantine", "path", "/opt/812", NULL, 0},
        {"restore", "/opt/812", "undo", "path", "/opt/812", "quarantine", 0},
        {"restore", "12", "undo", NULL, NULL, NULL, 12},
        {"undo", "12", "undo", NULL, NULL, NULL, 12},
        {"remove", "acme-softphone=1.1", "remove", "software", "acme-softphone=1.1", NULL, 0},
        {"rollback", "acme-softphone", "rollback", "software", "acme-softphone", NULL, 0},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TWO(e, ACCEPTED, STEP(7, "seen", "x"), STEP(7, "undone", "x"));
        struct said s = CALL("respond", cases[i].word, cases[i].operand, "--state", e.dir);
        json_t *j = heard(&e);
        cr_expect_eq(s.code, TRN_EXIT_OK, "%s %s: %d %s", cases[i].word, cases[i].operand, s.code, s.err);
        expect_text(j, "ask", "respond");
        expect_text(j, "act", cases[i].act);
        expect_text(j, "target", cases[i].target);
        expect_text(j, "text", cases[i].text);
        expect_text(j, "undo_of", cases[i].undo_of);
        cr_expect_eq(json_integer_value(json_object_get(j, "id")), cases[i].id);
        json_decref(j);
        said_done(&s);
    }
}

Test(cli_respond, what_is_wrong_by_itself_asks_nobody)
{
    static const char *const words[][5] = {
        {"block", "812"},
        {"hold", "812"},
        {"kill", "812"},
        {"continue", "812"},
        {"kill", "acme-softphone"},
        {"block", "acme-softphone"},
        {"block", "acme-softphone="},
        {"block", "build-id:xyz"},
        {"isolate"},
        {"isolate", ""},
        {"isolate", "=1"},
        {"undo", "x"},
        {"undo", "0"},
        {"confirm"},
        {"list", "all"},
        {"bogus", "x"},
        {"block", HASH, "--for", "soon"},
        {"block", HASH, "--for", "400d"},
        {"block", HASH, "--to", "1.0"},
        {"block", HASH, "--except", "10.0.0.1"},
        {"kill", "2ab94e4bc2998c2b", "--for", "1h"},
        {"list", "--dry-run"},
        {"isolate", "acme=1", "--except", "10.0.0.1:0"},
        {"isolate", "acme=1", "--except", "10.0.0.0/33"},
        {"isolate", "acme=1", "--except", "2001:db8::/129"},
        {"isolate", "acme=1", "--except", "[::1]443"},
        {"isolate", "acme=1", "--except", ""},
        {"isolate", "acme=1", "--wait", "-1"},
        {"isolate", "acme=1", "--story", "x"},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++) {
        const char *argv[8] = {"turncoat", "respond"};
        int n = 2;
        for (size_t k = 0; k < 5 && words[i][k]; k++)
            argv[n++] = words[i][k];
        argv[n++] = "--state=/nonexistent";
        struct said s = call(n, argv);
        cr_expect_eq(s.code, TRN_EXIT_USAGE, "%zu: %d %s", i, s.code, s.err);
        cr_expect(strstr(s.err, "\nhint: "), "%zu: %s", i, s.err);
        said_done(&s);
    }
}

Test(cli_respond, a_process_id_is_refused_with_the_way_to_its_entity)
{
    struct said s = CALL("respond", "kill", "812");
    cr_expect(strstr(s.err, "process id") && strstr(s.err, "turncoat hunt pid=812"), "%s", s.err);
    said_done(&s);
}

Test(cli_respond, hosts_that_stay_reachable_become_addresses)
{
    TWO(e, ACCEPTED, STEP(7, "seen", "x"));
    struct said s = CALL("respond", "isolate", "acme=1", "--except", "10.9.0.5:443", "--except", "10.0.0.0/8",
                         "--except", "[2001:DB8::1]:5060", "--except=2001:db8::/32", "--state", e.dir);
    json_t *j = heard(&e), *list = json_object_get(j, "except"), *first = json_array_get(list, 0),
           *third = json_array_get(list, 2);
    cr_assert_eq(json_array_size(list), 4, "%zu %s", json_array_size(list), s.err);
    expect_text(first, "address", "10.9.0.5");
    cr_expect_eq(json_integer_value(json_object_get(first, "port")), 443);
    cr_expect_eq(json_integer_value(json_object_get(first, "prefix")), 32);
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 1), "prefix")), 8);
    expect_text(third, "address", "2001:db8::1");
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 3), "prefix")), 32);
    json_decref(j);
    said_done(&s);
}

Test(cli_respond, options_go_with_the_request)
{
    TWO(e, ACCEPTED, STEP(7, "seen", "x"));
    struct said s = CALL("respond", "block", HASH, "--for", "2h", "--story", "9", "--why", "vendor says so",
                         "--fail-closed", "--dry-run", "--state", e.dir);
    json_t *j = heard(&e);
    cr_expect_eq(s.code, TRN_EXIT_OK);
    cr_expect_eq(json_integer_value(json_object_get(j, "seconds")), 7200);
    cr_expect_eq(json_integer_value(json_object_get(j, "story")), 9);
    expect_text(j, "why", "vendor says so");
    cr_expect(json_is_true(json_object_get(j, "dry_run")) && json_is_true(json_object_get(j, "fail_closed")));
    cr_expect(strstr(s.out, "refuse its connections") && strstr(s.err, "nothing was changed"), "%s%s", s.out, s.err);
    json_decref(j);
    said_done(&s);
}

Test(cli_respond, it_ends_as_the_effect_was)
{
    static const struct {
        const char *word, *operand, *step;
        int code;
    } cases[] = {
        {"isolate", "acme=1", STEP(7, "seen", "connect was refused"), TRN_EXIT_OK},
        {"isolate", "acme=1", STEP(7, "not-seen", "it still connects"), TRN_EXIT_FINDINGS},
        {"isolate", "acme=1", STEP(7, "failed", "no cgroup"), TRN_EXIT_UNDECIDED},
        {"isolate", "acme=1", STEP(7, "done", "marked"), TRN_EXIT_UNDECIDED},  /* in one second */
        {"isolate", "acme=1", STEP(8, "seen", "another"), TRN_EXIT_UNDECIDED}, /* not ours */
        {"undo", "7", STEP(7, "undone", "connects again"), TRN_EXIT_OK},
        {"undo", "7", STEP(7, "seen", "could not be taken back: busy"), TRN_EXIT_FINDINGS},
        {"undo", "7", STEP(7, "seen", "connect was refused"), TRN_EXIT_UNDECIDED}, /* of before */
        {"confirm", "7", STEP(7, "seen", "confirmed"), TRN_EXIT_OK},
        {"confirm", "7", STEP(7, "expired", "the network is back"), TRN_EXIT_UNDECIDED},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        TWO(e, ACCEPTED, STEP(7, "requested", ""), cases[i].step);
        struct said s = CALL("respond", cases[i].word, cases[i].operand, "--wait", "1", "--state", e.dir);
        cr_expect_eq(s.code, cases[i].code, "%zu: %d %s%s", i, s.code, s.out, s.err);
        said_done(&s);
    }
}

Test(cli_respond, it_says_the_number_and_the_way_back)
{
    TWO(e, ACCEPTED, STEP(7, "done", "marked"), STEP(7, "seen", "connect was refused"));
    struct said s = CALL("respond", "isolate", "acme=1", "--state", e.dir);
    cr_expect(strstr(s.out, "action 7") && strstr(s.out, "connect was refused") && strstr(s.out, "respond undo 7"),
              "%s", s.out);
    said_done(&s);
}

Test(cli_respond, the_same_as_json)
{
    TWO(e, ACCEPTED, STEP(7, "seen", "connect was refused"));
    struct said s = CALL("respond", "isolate", "acme=1", "--json", "--state", e.dir);
    json_t *j = json_loads(s.out, 0, NULL);
    cr_assert(j, "%s", s.out);
    expect_text(j, "schema", "turncoat.respond/1");
    expect_text(j, "act", "isolate");
    expect_text(j, "target", "acme=1");
    expect_text(j, "state", "seen");
    expect_text(j, "text", "connect was refused");
    expect_text(j, "until", "2030-01-02T03:04:05Z");
    expect_text(j, "undo", "turncoat respond undo 7");
    cr_expect_eq(json_integer_value(json_object_get(j, "id")), 7);
    cr_expect_eq(json_array_size(json_object_get(j, "plan")), 1);
    json_decref(j);
    said_done(&s);
}

Test(cli_respond, what_the_daemon_refuses_is_said)
{
    static const struct {
        const char *answer;
        int code;
    } answers[] = {
        {"{\"type\":\"error\",\"message\":\"init is vital\",\"hint\":\"x\",\"code\":\"EPERM\"}\n", TRN_EXIT_UNDECIDED},
        {"{\"type\":\"error\",\"message\":\"init is vital\",\"hint\":\"x\",\"code\":\"EINVAL\"}\n", TRN_EXIT_USAGE},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(answers); i++) {
        TWO(e, answers[i].answer, STEP(7, "seen", "x"));
        struct said s = CALL("respond", "kill", "2ab94e4bc2998c2b", "--state", e.dir);
        cr_expect_eq(s.code, answers[i].code);
        cr_expect(strstr(s.err, "init is vital") && s.out[0] == '\0', "%s", s.err);
        said_done(&s);
    }
}

Test(cli_respond, help_states_the_times_that_hold)
{
    struct said s = CALL("respond", "--help");
    static const enum trn_respond acts[] = {TRN_RESPOND_BLOCK,      TRN_RESPOND_HOLD,         TRN_RESPOND_KILL,
                                            TRN_RESPOND_ISOLATE,    TRN_RESPOND_ISOLATE_HOST, TRN_RESPOND_SHIELD,
                                            TRN_RESPOND_QUARANTINE, TRN_RESPOND_REMOVE,       TRN_RESPOND_ROLLBACK};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(acts); i++) {
        bool host = acts[i] == TRN_RESPOND_ISOLATE_HOST;
        uint64_t sec = trn_respond_default_sec(acts[i]);
        char begin[40], time[24];
        snprintf(begin, sizeof begin, "\n  %s %s", host ? "isolate" : trn_respond_name(acts[i]), host ? "host" : "");
        snprintf(time, sizeof time,
                 sec == 0      ? " -"
                 : sec % 86400 ? " %llum"
                               : " %llud",
                 (unsigned long long)(sec % 86400 ? sec / 60 : sec / 86400));
        const char *at = strstr(s.out, begin), *end = at ? strchr(at + 1, '\n') : NULL;
        cr_assert(end, "no line of %s", begin);
        char *line = strndup(at, (size_t)(end - at));
        cr_expect(strstr(line, time), "'%s' does not say '%s'", line, time);
        free(line);
    }
    said_done(&s);
}

/* ---- the journal ---- */

struct folder {
    char dir[64], journal[128];
    uint8_t head[TRN_SHA256_SIZE];
    uint64_t records;
};

static struct folder folder_new(void)
{
    struct folder f = {.dir = "/tmp/trn-journal-XXXXXX"};
    char path[100];
    cr_assert(mkdtemp(f.dir));
    snprintf(path, sizeof path, "%s/response", f.dir);
    cr_assert_eq(mkdir(path, 0750), 0);
    snprintf(f.journal, sizeof f.journal, "%s/journal", path);
    int fd = open(f.journal, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    struct trn_str begin = trn_journal_begin(f.head);
    cr_assert(fd >= 0 && write(fd, begin.p, begin.n) == (ssize_t)begin.n);
    close(fd);
    return f;
}

static void folder_done(struct folder *f)
{
    char path[100];
    unlink(f->journal);
    snprintf(path, sizeof path, "%s/response", f->dir);
    rmdir(path);
    rmdir(f->dir);
}

static void step(struct folder *f, uint64_t id, const char *act, const char *target, enum trn_action_state state,
                 const char *check)
{
    struct trn_journal_entry e = {.number = ++f->records, .wall_ns = (1800000000 + f->records) * TRN_NS_PER_SEC};
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 65536);
    trn_event_init(&e.event, TRN_EV_RESPONSE);
    e.event.uid = check ? TRN_NO_U32 : 0;
    e.event.response.id = id;
    e.event.response.act = trn_str_of(act);
    e.event.response.target = trn_str_of(target);
    e.event.response.target_kind = TRN_STR("software");
    e.event.response.state = trn_str_of(trn_action_state_name(state));
    e.event.response.check = trn_str_of(check);
    e.event.response.until_wall_ns = 1900000000 * TRN_NS_PER_SEC;
    cr_assert_eq(trn_journal_record(&e, f->head, &b), 0);
    int fd = open(f->journal, O_WRONLY | O_APPEND | O_CLOEXEC);
    cr_assert(fd >= 0 && write(fd, b.p, b.n) == (ssize_t)b.n);
    close(fd);
}

static void fill(struct folder *f)
{
    step(f, 1, "isolate", "acme=1", TRN_ACTION_REQUESTED, NULL);
    step(f, 1, "isolate", "acme=1", TRN_ACTION_DONE, NULL);
    step(f, 2, "hold", "other=2", TRN_ACTION_REQUESTED, "behaviour.beacon");
    step(f, 1, "isolate", "acme=1", TRN_ACTION_SEEN, NULL);
    step(f, 2, "hold", "other=2", TRN_ACTION_EXPIRED, "behaviour.beacon");
    step(f, 3, "kill", "00000000000000aa", TRN_ACTION_SEEN, NULL);
    step(f, 4, "kill", "00000000000000bb", TRN_ACTION_NOT_SEEN, NULL);
}

Test(cli_respond, the_journal_lists_what_holds)
{
    TRN_AUTO(folder_done) struct folder f = folder_new();
    fill(&f);
    struct said s = CALL("respond", "list", "--state", f.dir), all = CALL("respond", "list", "--all", "--state", f.dir);
    cr_expect_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_expect(strstr(s.out, "acme=1") && strstr(s.out, "seen") && strstr(s.out, "root"), "%s", s.out);
    cr_expect(!strstr(s.out, "other=2") && !strstr(s.out, "00aa"), "%s", s.out);
    cr_expect(strstr(s.out, "00bb"), "a kill that did not take is still to be done: %s", s.out);
    cr_expect(strstr(all.out, "other=2") && strstr(all.out, "expired") && strstr(all.out, "policy: behaviour.beacon"),
              "%s", all.out);
    said_done(&s);
    said_done(&all);
}

Test(cli_respond, the_journal_as_json)
{
    TRN_AUTO(folder_done) struct folder f = folder_new();
    fill(&f);
    struct said s = CALL("respond", "list", "--all", "--json", "--state", f.dir);
    json_t *j = json_loads(s.out, 0, NULL);
    cr_assert(j, "%s", s.out);
    const json_t *first = json_array_get(json_object_get(j, "actions"), 0),
                 *second = json_array_get(json_object_get(j, "actions"), 1);
    expect_text(first, "state", "seen");
    expect_text(first, "undo", "turncoat respond undo 1");
    expect_text(second, "by", "policy: behaviour.beacon");
    expect_text(second, "undo", NULL);
    expect_text(json_object_get(j, "journal"), "chain", "whole");
    cr_expect_eq(json_integer_value(json_object_get(json_object_get(j, "journal"), "records")), 7);
    json_decref(j);
    said_done(&s);
}

Test(cli_respond, a_whole_chain_is_said_with_its_head)
{
    TRN_AUTO(folder_done) struct folder f = folder_new();
    char head[2 * TRN_SHA256_SIZE + 1];
    fill(&f);
    trn_hex(f.head, sizeof f.head, head);
    struct said s = CALL("respond", "list", "--verify", "--state", f.dir);
    cr_expect_eq(s.code, TRN_EXIT_OK);
    cr_expect(strstr(s.out, "7 records, chain whole, head ") && strstr(s.out, head), "%s", s.out);
    said_done(&s);
}

/* Any byte of any record, or a piece that was cut off. */
Test(cli_respond, a_damaged_journal_is_named)
{
    TRN_AUTO(folder_done) struct folder f = folder_new();
    struct stat st;
    fill(&f);
    cr_assert_eq(stat(f.journal, &st), 0);
    for (off_t at = 8 + 30; at < st.st_size; at += 97) {
        int fd = open(f.journal, O_RDWR | O_CLOEXEC);
        uint8_t byte = 0;
        cr_assert_eq(pread(fd, &byte, 1, at), 1);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
        struct said s = CALL("respond", "list", "--verify", "--state", f.dir);
        cr_expect_eq(s.code, TRN_EXIT_FINDINGS, "byte %lld: %d", (long long)at, s.code);
        cr_expect(strstr(s.err, "record ") && !strstr(s.out, "whole"), "%s%s", s.out, s.err);
        said_done(&s);
        byte ^= 1;
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
        close(fd);
    }
    cr_assert_eq(truncate(f.journal, st.st_size - 5), 0);
    struct said s = CALL("respond", "list", "--state", f.dir);
    cr_expect_eq(s.code, TRN_EXIT_FINDINGS);
    cr_expect(strstr(s.err, "record 7 of the journal is not whole"), "%s", s.err);
    said_done(&s);
}

Test(cli_respond, without_a_journal_nothing_was_done)
{
    char dir[] = "/tmp/trn-none-XXXXXX";
    cr_assert(mkdtemp(dir));
    struct said s = CALL("respond", "list", "--state", dir), v = CALL("respond", "list", "--verify", "--state", dir);
    cr_expect_eq(s.code, TRN_EXIT_OK);
    cr_expect_eq(v.code, TRN_EXIT_UNDECIDED); /* it may have been taken away */
    rmdir(dir);
    said_done(&s);
    said_done(&v);
}
