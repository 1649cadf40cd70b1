/* SPDX-License-Identifier: Apache-2.0 */
/* Does what is private leave every text, and does what is evidence stay? */
#include "evidence/evidence.h"

#include <criterion/criterion.h>
#include <stdio.h>

static struct trn_redactor *r;
static struct trn_arena *arena;

static void set_up(void)
{
    r = trn_redactor_new();
    arena = trn_arena_new(0);
    cr_assert(r && arena);
}

static void tear_down(void)
{
    trn_redactor_free(r);
    trn_arena_free(arena);
}

TestSuite(redact, .init = set_up, .fini = tear_down);

static void exec_event(struct trn_event *ev)
{
    static const char argv[] =
        "sh\0-c\0curl --token=s3cr3t http://in.test/x\0--user=Hidden Words\0/home/alice/.cache/acme/helper\0";
    static const char env[] = "LD_PRELOAD=/home/bob/lib.so\0PYTHONPATH=/srv/quiet\0";
    trn_event_init(ev, TRN_EV_EXEC);
    ev->pid = 812;
    ev->entity = 1;
    ev->comm = TRN_STR("helper");
    ev->exec.path = TRN_STR("/home/alice/.cache/acme/helper");
    ev->exec.argv = (struct trn_str){argv, sizeof(argv) - 1};
    ev->exec.env = (struct trn_str){env, sizeof(env) - 1};
    ev->exec.cwd = TRN_STR("/home/alice");
    ev->exec.argc = 5;
}

static struct trn_str json_of(const struct trn_event *ev, struct trn_buf *b)
{
    trn_buf_init(b, 1u << 20);
    trn_event_to_json(ev, b);
    cr_assert(!b->bad);
    return trn_buf_str(b);
}

static void expect_text(const char *before, const char *after)
{
    struct trn_str s = trn_str_of(before);
    cr_assert_eq(trn_redact_text(r, &s, arena), 0);
    cr_assert(trn_str_eq_c(s, after), "'%s' became '%.*s', not '%s'", before, TRN_STR_ARG(s), after);
}

Test(redact, an_exec_keeps_what_ran_and_loses_who_and_with_what)
{
    struct trn_event ev;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    exec_event(&ev);
    cr_assert_eq(trn_redactor_see_event(r, &ev), 0);
    cr_assert_eq(trn_redactor_seal(r), 0);
    cr_assert_eq(trn_redact_event(r, &ev, arena), 0);
    struct trn_str json = json_of(&ev, &b);
    static const char *const gone[] = {"alice", "bob", "s3cr3t", "in.test", "Hidden", "quiet", "lib.so", "-c"};
    static const char *const kept[] = {"\"executable\":\"~/.cache/acme/helper\"", "LD_PRELOAD=\"", "\"args_count\":5",
                                       "\"working_directory\":\"~\"", "\"pid\":812"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(gone); i++)
        cr_assert(!trn_str_contains(json, trn_str_of(gone[i])), "%s in %.*s", gone[i], TRN_STR_ARG(json));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kept); i++)
        cr_assert(trn_str_contains(json, trn_str_of(kept[i])), "no %s in %.*s", kept[i], TRN_STR_ARG(json));
    const struct trn_evidence_counts *c = trn_redactor_counts(r);
    cr_assert(c->arguments == 4 && c->variables == 2 && c->homes >= 2, "%d %d %d", (int)c->arguments, (int)c->variables,
              (int)c->homes);
}

Test(redact, an_argument_leaves_sentences_but_a_path_that_is_evidence_stays)
{
    struct trn_event ev;
    exec_event(&ev);
    cr_assert_eq(trn_redactor_see_event(r, &ev), 0);
    cr_assert_eq(trn_redactor_seal(r), 0);
    expect_text("ran with --token=s3cr3t, s3cr3t", "ran with [argument], [argument]"); /* words of one long argument */
    expect_text("said \"Hidden Words\" and HIDDEN WORDS", "said \"[argument]\" and [argument]");
    expect_text("wrote /home/alice/.cache/acme/helper", "wrote ~/.cache/acme/helper");
    expect_text("helper of Alice's malice", "helper of [user]'s malice");
}

Test(redact, names_are_removed_where_they_stand_alone)
{
    cr_assert_eq(trn_redactor_user(r, TRN_STR("ann")), 0);
    cr_assert_eq(trn_redactor_user(r, TRN_STR("root")), 0);
    cr_assert_eq(trn_redactor_home(r, TRN_STR("/srv/people/ann/")), 0);
    cr_assert_eq(trn_redactor_host(r, TRN_STR("pc7.corp.test")), 0);
    cr_assert_eq(trn_redactor_seal(r), 0);
    expect_text("/srv/people/ann/x and /srv/people/anna", "~/x and /srv/people/anna");
    expect_text("/var/mail/ann annual ann-laptop ANN", "/var/mail/[user] annual [user]-laptop [user]");
    expect_text("pc7 PC7.corp.test pc77 pc7.corp.test.", "[host] [host] pc77 [host].");
    expect_text("/root/.ssh /rootfs /mnt/root/x root", "~/.ssh /rootfs /mnt/root/x root");
    expect_text("", "");
}

Test(redact, homes_are_found_in_any_text)
{
    struct trn_event ev;
    trn_event_init(&ev, TRN_EV_FILE);
    ev.file.path = TRN_STR("/var/home/carol/x");
    ev.file.old_path = TRN_STR("C:/Users/dave/Desktop/y");
    cr_assert_eq(trn_redactor_see_event(r, &ev), 0);
    trn_event_init(&ev, TRN_EV_FILE);
    ev.file.path = TRN_STR("/opt/home/bin/tool"); /* a folder in something, nobody's home */
    ev.file.old_path = TRN_STR("/Users/Shared/z");
    cr_assert_eq(trn_redactor_see_event(r, &ev), 0);
    cr_assert_eq(trn_redactor_seal(r), 0);
    expect_text("/var/home/carol/x /home/carol c:/users/DAVE/z", "~/x /home/[user] ~/z");
    expect_text("/opt/home/bin/tool /usr/bin/id /Users/Shared/z", "/opt/home/bin/tool /usr/bin/id /Users/Shared/z");
}

Test(redact, lists_extras_and_bytes_that_are_no_text_are_covered)
{
    struct trn_event ev;
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    static const char answers[] = "10.0.0.1\0pc7.lan\0";
    trn_event_init(&ev, TRN_EV_DNS);
    ev.dns.name = TRN_STR("alice.pc7.lan");
    ev.dns.answers = (struct trn_str){answers, sizeof(answers) - 1};
    struct trn_value v = {.kind = TRN_KIND_STR,
                          .s = TRN_STR("/home/alice/\xff\xfe"
                                       "bin")};
    cr_assert_eq(trn_event_set_extra(&ev, trn_field_by_id(TRN_F_EXECUTABLE), &v, arena), 0);
    ev.extras[ev.n_extras++] = (struct trn_extra){.field = 60000, .value = TRN_STR("alice")};
    cr_assert_eq(trn_redactor_host(r, TRN_STR("pc7.lan")), 0);
    cr_assert_eq(trn_redactor_see_event(r, &ev), 0);
    cr_assert_eq(trn_redactor_seal(r), 0);
    cr_assert_eq(trn_redact_event(r, &ev, arena), 0);
    struct trn_str json = json_of(&ev, &b);
    cr_assert(!trn_str_contains(json, TRN_STR("alice")) && !trn_str_contains(json, TRN_STR("pc7")), "%.*s",
              TRN_STR_ARG(json));
    cr_assert(!trn_str_contains(json, TRN_STR("616c696365")), "nor as hex: %.*s", TRN_STR_ARG(json));
    cr_assert(trn_str_contains(json, TRN_STR("\"10.0.0.1\",\"[host]\"")), "%.*s", TRN_STR_ARG(json));
    cr_assert(trn_str_contains(json, TRN_STR("[user].[host]")), "%.*s", TRN_STR_ARG(json));
}

Test(redact, a_story_loses_the_same)
{
    struct trn_story *s = trn_arena_alloc(arena, sizeof(*s));
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    s->software.name = TRN_STR("acme-softphone");
    s->sentence = TRN_STR("ran /home/alice/.cache/helper for alice on pc7 with 'launch code'");
    s->processes[0] = (struct trn_story_process){.entity = 1,
                                                 .pid = 5,
                                                 .path = TRN_STR("/home/alice/.cache/helper"),
                                                 .args = TRN_STR("helper --quietly launch")};
    s->n_processes = 1;
    s->files[0] =
        (struct trn_story_file){.path = TRN_STR("/home/alice/.cache/helper"), .role = TRN_STR("wrote and ran")};
    s->n_files = 1;
    s->closed = true;
    s->close_why = TRN_STR("mallory looked at it");
    s->assigned = TRN_STR("trudy");
    s->close_wall_ns = s->assign_wall_ns = 5 * TRN_NS_PER_SEC;
    s->why[0] = TRN_STR("--quietly is not documented");
    s->n_why = 1;
    trn_finding_init(&s->findings[0], trn_check_find(TRN_STR("behaviour.second-stage")));
    s->findings[0].summary = TRN_STR("wrote ~/.cache/helper");
    trn_finding_add(&s->findings[0], "path", TRN_STR("/home/alice/.cache/helper"));
    s->n_findings = 1;
    s->actions[0] = (struct trn_story_action){.id = 3,
                                              .act = TRN_STR("quarantine"),
                                              .state = TRN_STR("seen"),
                                              .target = TRN_STR("/home/alice/.cache/helper"),
                                              .text = TRN_STR("in the vault, out of /home/alice by wendy"),
                                              .by = TRN_STR("user wendy")};
    s->n_actions = 1;
    cr_assert_eq(trn_redactor_host(r, TRN_STR("pc7")), 0);
    cr_assert_eq(trn_redactor_see_story(r, s), 0);
    cr_assert_eq(trn_redactor_seal(r), 0);
    cr_assert_eq(trn_redact_story(r, s, arena), 0);
    trn_buf_init(&b, 1u << 20);
    trn_story_to_json(s, &b);
    static const char *const gone[] = {"alice", "pc7", "quietly", "launch", "mallory", "trudy", "wendy"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(gone); i++)
        cr_assert(!trn_str_contains(trn_buf_str(&b), trn_str_of(gone[i])), "%s in %s", gone[i], b.p);
    cr_assert(strstr(b.p, "ran ~/.cache/helper for [user] on [host]") && strstr(b.p, "acme-softphone"), "%s", b.p);
}

/* Who made an exception and why is a person's, also where our own sentences say it. */
Test(redact, what_people_wrote_about_exceptions_is_removed)
{
    static const char note[] = "by carol until 2026-12-01 10:00 UTC: the vendor\\us \"said\" so";
    struct trn_story *s = trn_arena_alloc(arena, sizeof(*s));
    struct trn_event ev;
    TRN_AUTO(trn_buf_done) struct trn_buf line, b;
    trn_finding_init(&s->findings[0], trn_check_find(TRN_STR("behaviour.second-stage")));
    trn_finding_add(&s->findings[0], "exception", trn_str_of(note));
    trn_finding_add(&s->findings[0], "last_by", TRN_STR("mallory"));
    s->n_findings = 1;
    trn_buf_init(&line, 4096);
    trn_put_c(&line, "exception for second stage, ");
    trn_escape(&line, trn_str_of(note));
    s->benign_if[s->n_benign_if++] = trn_buf_str(&line);
    s->why[s->n_why++] = TRN_STR("2 exceptions hold for it, the last by mallory: second stage");
    trn_event_init(&ev, TRN_EV_EXCEPTION);
    ev.exception.by = TRN_STR("dave");
    ev.exception.reason = TRN_STR("eve told me");
    cr_assert_eq(trn_redactor_see_story(r, s), 0);
    cr_assert_eq(trn_redactor_see_event(r, &ev), 0);
    cr_assert_eq(trn_redactor_seal(r), 0);
    cr_assert_eq(trn_redact_story(r, s, arena), 0);
    cr_assert_eq(trn_redact_event(r, &ev, arena), 0);
    trn_buf_init(&b, 1u << 20);
    trn_story_to_json(s, &b);
    trn_event_to_json(&ev, &b);
    static const char *const gone[] = {"carol", "vendor", "mallory", "dave", "told me"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(gone); i++)
        cr_assert(!trn_str_contains(trn_buf_str(&b), trn_str_of(gone[i])), "%s in %s", gone[i], b.p);
    cr_assert(strstr(b.p, "exception for second stage, [removed]") && strstr(b.p, "the last by [user]: second"), "%s",
              b.p);
}

/* Many words, and the same answer as looking for each at each place. */
Test(redact, among_many_words_the_longest_that_fits_is_taken, .timeout = 60)
{
    char word[32];
    for (int i = 0; i < 20000; i++) {
        snprintf(word, sizeof(word), "u%d", i * 7);
        cr_assert_eq(trn_redactor_user(r, trn_str_of(word)), 0);
    }
    cr_assert_eq(trn_redactor_user(r, TRN_STR("u7-old")), 0);
    cr_assert_eq(trn_redactor_user(r, TRN_STR("u7-old-times")), 0);
    cr_assert_eq(trn_redactor_seal(r), 0);
    for (int i = 0; i < 3000; i++) {
        char before[64], after[64];
        snprintf(before, sizeof(before), "a u%d b", i);
        snprintf(after, sizeof(after), i % 7 ? "a u%d b" : "a [user] b", i);
        expect_text(before, after);
    }
    expect_text("u7-old u7-olden u7-old-time u7-old-times", "[user] [user]-olden [user]-time [user]");
}

Test(redact, more_than_it_can_remove_is_an_error_not_a_leak, .timeout = 60)
{
    char word[32];
    int e = 0;
    for (int i = 0; e == 0 && i < 100000; i++) {
        snprintf(word, sizeof(word), "user-%d", i);
        e = trn_redactor_user(r, trn_str_of(word));
    }
    cr_assert_eq(e, -E2BIG);
    struct trn_str s = TRN_STR("anything");
    cr_assert(trn_redact_text(r, &s, arena) < 0, "not sealed: nothing may be taken for clean");
}
