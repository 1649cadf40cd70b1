/* SPDX-License-Identifier: Apache-2.0 */
/* Is what apt says before it unpacks read as it is meant, and is nothing taken that is not right? */
#include "call.h"
#include "cli/gate.h"
#include "made_up_diff.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD "VERSION 3\nAPT::Architecture=amd64\nDir::Cache::archives=archives/\n\n"
#define GOOD "acme 1.0 amd64 none < 1:1.1-2 amd64 none /var/cache/apt/archives/acme_1%3a1.1-2_amd64.deb\n"

TestSuite(gate, .timeout = 30);

static int parse(const char *text, struct trn_gate_list *ret)
{
    struct trn_err err = {0};
    int e = trn_gate_parse(trn_str_of(text), ret, &err);
    cr_assert(e == 0 || err.message[0], "no words for %d", e);
    return e;
}

Test(gate, reads_what_apt_says)
{
    struct trn_gate_list l = {0};
    cr_assert_eq(parse(HEAD GOOD "libx - - none < 2 amd64 same /srv/my repo/libx.deb\n"
                                 "acme 1.0 amd64 none < 1:1.1-2 amd64 none **CONFIGURE**\n"
                                 "old 3 all none > - - none **REMOVE**\n",
                       &l),
                 0);
    cr_assert_eq(l.n, 4);
    cr_assert_eq(l.bad, 0);
    cr_assert(trn_str_eq_c(l.items[0].name, "acme") && trn_str_eq_c(l.items[0].old_version, "1.0"));
    cr_assert(trn_str_eq_c(l.items[0].new_version, "1:1.1-2") && trn_str_eq_c(l.items[0].new_arch, "amd64"));
    cr_assert(trn_str_eq_c(l.items[0].file, "/var/cache/apt/archives/acme_1%3a1.1-2_amd64.deb"));
    cr_assert(trn_str_is_none(l.items[1].old_version) && trn_str_eq_c(l.items[1].file, "/srv/my repo/libx.deb"));
    cr_assert(l.items[2].step == TRN_GATE_CONFIGURE && l.items[3].step == TRN_GATE_REMOVE);
    trn_gate_list_done(&l);
}

Test(gate, a_line_that_is_not_right_is_counted_and_the_others_are_read)
{
    static const char *const bad[] = {
        "acme",
        "acme 1.0 amd64 none < 1.1 amd64 none",                /* no file */
        "acme 1.0 amd64 none < 1.1 amd64 none ",               /* an empty one */
        "acme 1.0 amd64 none < 1.1 amd64 none x.deb",          /* not from the root on */
        "acme 1.0 amd64 none < 1.1 amd64 none /a/../../etc/x", /* a way up */
        "acme 1.0 amd64 none < 1.1 amd64 none /a\x1b[31m.deb", /* control bytes */
        "../acme 1.0 amd64 none < 1.1 amd64 none /x.deb",      /* a name that is a path */
        ". 1.0 amd64 none < 1.1 amd64 none /x.deb",
        "acme ../1.0 amd64 none < 1.1 amd64 none /x.deb",
        "acme 1.0/2 amd64 none < 1.1 amd64 none /x.deb",
        "acme 1.0 ../a none < 1.1 amd64 none /x.deb",
        "acme 1.0 amd64 some < 1.1 amd64 none /x.deb",
        "acme 1.0 amd64 none ? 1.1 amd64 none /x.deb",
        "acme 1.0 amd64 none < - - none /x.deb",   /* a file of no version */
        "acme 1.0 - none < 1.1 amd64 none /x.deb", /* a version of no architecture */
        "acme 1.0 amd64 none < 1.1 amd64 none **ERROR**",
        "",
    };
    char text[4096];
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++) {
        struct trn_gate_list l = {0};
        snprintf(text, sizeof(text), "%s%s\n%s", HEAD, bad[i], GOOD);
        cr_assert_eq(parse(text, &l), 0, "'%s'", bad[i]);
        cr_assert(l.n == 1 && l.bad == 1 && l.bad_line == 5, "'%s'", bad[i]);
        trn_gate_list_done(&l);
    }
}

Test(gate, what_is_not_that_protocol_is_refused)
{
    static const char *const bad[] = {
        "",
        "VERSION 3",
        "VERSION 3\n",
        "VERSION 2\n\n" GOOD,
        GOOD,
        "VERSION 3\nAPT::Architecture=amd64\n",
        HEAD "acme 1.0 amd",
    };
    struct trn_gate_list l = {0};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(bad); i++)
        cr_assert_eq(parse(bad[i], &l), -EPROTO, "'%s'", bad[i]);
}

Test(gate, a_line_that_is_too_long_is_none_and_there_is_an_end_of_packages)
{
    struct trn_gate_list l = {0};
    struct trn_buf b;
    trn_buf_init(&b, TRN_GATE_TEXT_MAX);
    trn_put_c(&b, HEAD "acme 1.0 amd64 none < 1.1 amd64 none /");
    for (unsigned i = 0; i < TRN_GATE_LINE_MAX; i++)
        trn_put_u8(&b, 'x');
    trn_put_c(&b, "\n" GOOD);
    cr_assert_eq(trn_gate_parse(trn_buf_str(&b), &l, NULL), 0);
    cr_assert(l.n == 1 && l.bad == 1);
    trn_gate_list_done(&l);
    trn_buf_clear(&b);
    trn_put_c(&b, HEAD);
    for (unsigned i = 0; i <= TRN_GATE_ITEMS_MAX; i++)
        trn_put_c(&b, GOOD);
    cr_assert_eq(trn_gate_parse(trn_buf_str(&b), &l, NULL), -EFBIG);
    trn_buf_done(&b);
}

static int made_folder(char *path)
{
    cr_assert_not_null(mkdtemp(path));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(fd >= 0);
    return fd;
}

Test(gate, what_was_told_of_a_release_is_found_by_its_content)
{
    char path[] = "/tmp/trn-gate-XXXXXX", name[2 * TRN_SHA256_SIZE + 1];
    uint8_t key[TRN_SHA256_SIZE] = {1}, other[TRN_SHA256_SIZE] = {2};
    struct trn_release *r = made_release("acme", "1.0", false), *back = NULL;
    int folder = made_folder(path);
    cr_assert_eq(trn_gate_features_read(folder, key, &back), -ENOENT, "there is no folder yet");
    trn_gate_features_keep(folder, key, r);
    cr_assert_eq(trn_gate_features_read(folder, other, &back), -ENOENT);
    cr_assert_eq(trn_gate_features_read(folder, key, &back), 0);
    cr_assert_eq(trn_release_count(back), trn_release_count(r));
    cr_assert_arr_eq(trn_release_at(back, 0)->sha256, trn_release_at(r, 0)->sha256, TRN_SHA256_SIZE);
    back = trn_release_free(back);
    trn_gate_known_within(folder);
    cr_assert_eq(trn_gate_features_read(folder, key, &back), 0, "there is room for it");
    back = trn_release_free(back);
    /* A link that stands there is not followed, nor is one in the place of the folder. */
    trn_hex(key, TRN_SHA256_SIZE, name);
    int dir = openat(folder, "features", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(renameat(dir, name, dir, "elsewhere") == 0 && symlinkat("elsewhere", dir, name) == 0);
    cr_assert_eq(trn_gate_features_read(folder, key, &back), -ENOENT);
    cr_assert(unlinkat(dir, name, 0) == 0 && renameat(dir, "elsewhere", dir, name) == 0);
    cr_assert(renameat(folder, "features", folder, "moved") == 0 && symlinkat("moved", folder, "features") == 0);
    cr_assert_eq(trn_gate_features_read(folder, key, &back), -ENOENT);
    cr_assert(unlinkat(folder, "features", 0) == 0 && unlinkat(dir, name, 0) == 0);
    cr_assert_eq(unlinkat(folder, "moved", AT_REMOVEDIR), 0, "nothing else is left there");
    close(dir);
    close(folder);
    rmdir(path);
    trn_release_free(r);
}

Test(gate, what_was_not_used_for_longest_goes_when_there_is_too_much)
{
    enum { MOST = 8192, MORE = 3 };
    char path[] = "/tmp/trn-gate-XXXXXX", name[16];
    int folder = made_folder(path), left = 0;
    cr_assert_eq(mkdirat(folder, "verdicts", 0700), 0);
    int dir = openat(folder, "verdicts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < MOST + MORE; i++) {
        const struct timespec when[2] = {{.tv_sec = 1000000 + i}, {.tv_sec = 1000000 + i}};
        snprintf(name, sizeof(name), "%d", i);
        int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        cr_assert(fd >= 0 && futimens(fd, when) == 0);
        close(fd);
    }
    trn_gate_known_within(folder);
    for (int i = 0; i < MOST + MORE; i++) {
        snprintf(name, sizeof(name), "%d", i);
        bool there = unlinkat(dir, name, 0) == 0;
        cr_assert_eq(there, i >= MORE, "%d", i);
        left += there;
    }
    cr_assert_eq(left, MOST);
    close(dir);
    cr_assert_eq(unlinkat(folder, "verdicts", AT_REMOVEDIR), 0);
    close(folder);
    rmdir(path);
}

static void settings(const char *text, struct trn_gate_config *ret, char **ret_said)
{
    char path[] = "/tmp/trn-gate-XXXXXX";
    size_t n;
    int fd = mkstemp(path);
    struct trn_cli cli = {.err = open_memstream(ret_said, &n)};
    cr_assert(fd >= 0 && trn_write_full(fd, text, strlen(text)) == 0);
    trn_gate_config_read(&cli, path, ret);
    fclose(cli.err);
    close(fd);
    unlink(path);
}

Test(gate, settings_are_read_and_a_wrong_one_changes_nothing)
{
    struct trn_gate_config c;
    char *said = NULL;
    settings("# a word\nfail closed\ndeadline 90s\npackage-deadline 1500ms\nkeep-mb 10\nrules /etc/rules\n"
             "watch acme\nwatch lib*-1.?\n",
             &c, &said);
    cr_assert(c.fail_closed && c.deadline_ms == 90000 && c.package_ms == 1500 && c.keep_bytes == 10u << 20);
    cr_assert_str_eq(c.rules, "/etc/rules");
    cr_assert(trn_gate_is_watched(&c, TRN_STR("acme")) && trn_gate_is_watched(&c, TRN_STR("libssl-1.1")));
    cr_assert(!trn_gate_is_watched(&c, TRN_STR("acme2")) && !trn_gate_is_watched(&c, TRN_STR("libssl-1")));
    cr_assert_str_eq(said, "");
    free(said);
    settings("fail maybe\ndeadline -1\ndeadline 2h\npackage-deadline 0ms\nkeep-mb x\nrules rel\nnonsense\nwatch A b\n",
             &c, &said);
    cr_assert(!c.fail_closed && c.deadline_ms == 60000 && c.package_ms == 20000 && c.keep_bytes == 2ull << 30 &&
              !c.rules[0]);
    for (int i = 1; i <= 8; i++) {
        char line[16];
        snprintf(line, sizeof(line), "line %d of", i);
        cr_assert(strstr(said, line), "%s: %s", line, said);
    }
    free(said);
}

/* apt waits for the gate, and who may write its settings decides what it judges. */
Test(gate, settings_that_others_may_write_or_that_are_no_file_are_not_used)
{
    struct trn_gate_config c;
    char path[64], dir[] = "/tmp/trn-gate-XXXXXX", *said = NULL;
    size_t n;
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/gate.conf", dir);
    for (int i = 0; i < 4; i++) {
        struct trn_cli cli = {.err = open_memstream(&said, &n)};
        TRN_AUTO(trn_fd_closep) int fd = i < 2 ? open(path, O_WRONLY | O_CREAT, 0600) : -1;
        if (i < 2)
            cr_assert(trn_write_full(fd, "fail closed\n", 12) == 0 && fchmod(fd, i == 0 ? 0644 : 0666) == 0);
        else
            cr_assert_eq(i == 2 ? mkfifo(path, 0600) : mkdir(path, 0700), 0);
        trn_gate_config_read(&cli, path, &c);
        fclose(cli.err);
        cr_expect_eq(c.fail_closed, i == 0, "case %d: %s", i, said);
        cr_expect_eq(strstr(said, "are not used") == NULL, i == 0, "case %d: %s", i, said);
        free(said);
        cr_assert_eq(remove(path), 0);
    }
    cr_assert_eq(rmdir(dir), 0);
}

Test(gate, thousands_of_wrong_settings_are_a_few_words)
{
    struct trn_gate_config c;
    char *said = NULL, text[6000];
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        text[i] = i % 2 ? '\n' : 'x';
    text[sizeof(text) - 1] = '\0';
    settings(text, &c, &said);
    cr_expect_lt(strlen(said), 2000);
    cr_expect(strstr(said, "2992 lines more"), "%s", said);
    free(said);
    settings("rules /etc/a\tb\nindicators /etc/\x01x\n", &c, &said);
    cr_expect(!c.rules[0] && !c.indicators[0] && strstr(said, "line 2"), "%s", said);
    free(said);
}

static char state[64];

static void make_state(void)
{
    snprintf(state, sizeof(state), "/tmp/trn-gate-XXXXXX");
    cr_assert(mkdtemp(state));
}

static void drop_state(void)
{
    char command[200];
    snprintf(command, sizeof(command), "rm -rf %s %s-gate", state, state);
    cr_assert_eq(system(command), 0);
}

TestSuite(gate_books, .init = make_state, .fini = drop_state, .timeout = 30);

static void put_told(int folder, const char *name, const char *to, uint8_t content)
{
    struct trn_gate_told t = {.name = trn_str_of(name),
                              .from = TRN_STR("1.0"),
                              .to = trn_str_of(to),
                              .arch = TRN_STR("all"),
                              .old_side = "kept package",
                              .judged = true,
                              .verdict = TRN_VERDICT_MALICIOUS,
                              .score = 90};
    uint8_t hash[TRN_SHA256_SIZE];
    memset(hash, content, sizeof(hash));
    trn_hex(hash, sizeof(hash), t.sha256);
    cr_assert_eq(trn_gate_book(folder, trn_gate_told_json(&t, 1)), 0);
}

Test(gate_books, what_is_allowed_is_one_content_of_one_version_for_a_while)
{
    char a[2 * TRN_SHA256_SIZE + 1], b[2 * TRN_SHA256_SIZE + 1];
    memset(a, 'a', sizeof(a) - 1);
    memset(b, 'b', sizeof(b) - 1);
    a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    cr_assert_geq(folder, 0);
    put_told(folder, "acme", "1.1", 0xaa);
    TRN_AUTO(said_done)
    struct said s = CALL("--state", state, "gate", "allow", "acme=1.1", "--reason", "ticket 4711", "--for", "1h");
    cr_assert_eq(s.code, 0, "%s", s.err);
    json_t *found = trn_gate_allowed(folder, TRN_STR("acme"), TRN_STR("1.1"), a);
    cr_assert(found && trn_str_eq_c(trn_json_text(found, "reason"), "ticket 4711"));
    json_decref(found);
    cr_assert_null(trn_gate_allowed(folder, TRN_STR("acme"), TRN_STR("1.1"), b), "another content");
    cr_assert_null(trn_gate_allowed(folder, TRN_STR("acme"), TRN_STR("1.2"), a), "another version");
    cr_assert_null(trn_gate_allowed(folder, TRN_STR("acm"), TRN_STR("1.1"), a), "another package");
}

/* It takes the connection, and then says nothing: apt waits for that once, not for each package. */
Test(gate_books, an_engine_that_hangs_is_asked_once)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    TRN_AUTO(trn_fd_closep) int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct trn_gate_told t = {.name = TRN_STR("acme"),
                              .from = TRN_STR("1.0"),
                              .to = TRN_STR("1.1"),
                              .verdict = TRN_VERDICT_SUSPICIOUS,
                              .reasons = json_pack("[{s:s, s:i, s:s, s:s}]", "check", "diff.new-capability", "score",
                                                   50, "path", "x", "summary", "y")};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/turncoat.sock", state);
    cr_assert(bind(s, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(s, 8) == 0);
    bool answers = true;
    unsigned asked = 0;
    for (int i = 0; i < 5; i++)
        cr_expect_eq(trn_gate_tell(state, folder, &t, &answers), 0, "it waits in the folder");
    for (int c; (c = accept(s, NULL, NULL)) >= 0; close(c))
        asked++;
    json_t *untold = trn_gate_lines(folder, "untold.jsonl", 64);
    cr_expect(asked == 1 && !answers && json_array_size(untold) == 5, "asked %u, kept %zu", asked,
              json_array_size(untold));
    json_decref(untold);
    json_decref(t.reasons);
}

Test(gate_books, what_was_judged_alone_is_told_without_a_version_before_it)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    struct trn_gate_told t = {.name = TRN_STR("acme"),
                              .to = TRN_STR("1.1"),
                              .verdict = TRN_VERDICT_SUSPICIOUS,
                              .reasons = json_pack("[{s:s}]", "check", "pe.certificate-slack")};
    bool answers = true;
    cr_expect_eq(trn_gate_tell(state, folder, &t, &answers), 0);
    json_t *untold = trn_gate_lines(folder, "untold.jsonl", 64), *o = json_array_get(untold, 0);
    cr_expect(trn_str_eq_c(trn_json_text(o, "by"), "gate") && !json_object_get(o, "from"),
              "the engine refuses it else");
    json_decref(untold);
    json_decref(t.reasons);
}

/* An upgrade of a whole system has thousands of packages, and the journal may begin anew in the middle of it. */
Test(gate_books, what_was_refused_is_found_behind_all_the_others_of_its_transaction)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    put_told(folder, "acme", "1.1", 0xaa);
    cr_assert_eq(renameat(folder, "journal.jsonl", folder, "journal.jsonl.1"), 0);
    for (unsigned i = 0; i < 2500; i++)
        put_told(folder, "other", "2.0", 0xbb);
    TRN_AUTO(said_done) struct said s = CALL("--state", state, "gate", "allow", "acme=1.1", "--reason", "x");
    cr_expect_eq(s.code, 0, "%s", s.err);
}

Test(gate_books, what_was_not_judged_cannot_be_allowed)
{
    static const char *const what[] = {"acme=1.1", "acme", "=1", "acme=", "acme=1/2", "a b=1"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(what); i++) {
        TRN_AUTO(said_done) struct said s = CALL("--state", state, "gate", "allow", what[i], "--reason", "x");
        cr_assert_eq(s.code, TRN_EXIT_USAGE, "'%s': %s", what[i], s.err);
    }
}

Test(gate_books, the_list_says_when_nothing_was_judged_and_shows_a_reason_as_it_was_given)
{
    TRN_AUTO(said_done) struct said none = CALL("--state", state, "gate", "list");
    cr_assert_str_eq(none.out, "nothing was judged yet\n");
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    put_told(folder, "acme", "1.1", 0xaa);
    TRN_AUTO(said_done)
    struct said s =
        CALL("--state", state, "gate", "allow", "acme=1.1", "--reason", "two\nlines \x1b[31m", "--for", "1s");
    cr_assert_eq(s.code, 0, "%s", s.err);
    TRN_AUTO(said_done) struct said list = CALL("--state", state, "gate", "list");
    cr_assert(strstr(list.out, ": two\\nlines \\x1b[31m\n"), "%s", list.out);
    cr_assert(strstr(list.out, "  acme 1.1 until "), "%s", list.out);
    usleep(1100 * 1000);
    TRN_AUTO(said_done) struct said over = CALL("--state", state, "gate", "list");
    cr_assert(strstr(over.out, "  acme 1.1 was allowed until "), "%s", over.out);
}

static void refused(const char *words, const char *a, const char *b, const char *c)
{
    /* a state that cannot be: whatever goes wrong here, nothing is installed on the machine that tests */
    TRN_AUTO(said_done) struct said s = CALL("--state", "/proc/none/there", "gate", a, b, c);
    cr_assert_eq(s.code, TRN_EXIT_USAGE, "%s: %d, %s%s", a, s.code, s.out, s.err);
    cr_assert(strstr(s.err, words), "%s: %s", a, s.err);
    cr_assert_str_empty(s.out);
}

Test(gate_books, what_does_not_go_together_is_refused)
{
    refused("--deadline goes with 'gate install', not with 'gate status'", "status", "--deadline", "5s");
    refused("--reason goes with 'gate allow', not with 'gate install'", "install", "--reason", "x");
    refused("--fail-on goes with 'gate sweep', not with 'gate list'", "list", "--fail-on", "note");
    refused("'--deadline' cannot be 'soon'\nhint: such as 20s or 2m, from 1ms to 60m\n", "install", "--deadline",
            "soon");
    refused("'--keep-mb' cannot be '-1'\nhint: MiB", "install", "--keep-mb", "-1");
    refused("cannot use --rules '/none/here': it is not there", "install", "--rules", "/none/here");
    refused("'gate install' takes one --rules", "install", "--rules=/", "--rules=/tmp");
    refused("'install' takes nothing behind it", "install", "acme", "--fail-closed");
}

Test(gate_books, lines_that_were_cut_off_are_passed_over)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    put_told(folder, "acme", "1.1", 0xaa);
    TRN_AUTO(trn_fd_closep) int fd = openat(folder, "journal.jsonl", O_WRONLY | O_APPEND);
    cr_assert_eq(trn_write_full(fd, "{\"event\":\"pack\n[]\n\n7\n", 21), 0);
    put_told(folder, "acme", "1.2", 0xbb);
    json_t *all = trn_gate_book_read(folder, 100);
    cr_assert_eq(json_array_size(all), 2);
    json_decref(all);
}

/* A line that was cut off by a full disk does not take the next one with it. */
Test(gate_books, what_is_written_behind_half_a_line_is_read)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    put_told(folder, "acme", "1.1", 0xaa);
    TRN_AUTO(trn_fd_closep) int fd = openat(folder, "journal.jsonl", O_WRONLY | O_APPEND);
    cr_assert_eq(trn_write_full(fd, "{\"event\":\"pack", 14), 0);
    put_told(folder, "acme", "1.2", 0xbb);
    json_t *all = trn_gate_book_read(folder, 100);
    cr_assert_eq(json_array_size(all), 2);
    json_decref(all);
    cr_assert(unlinkat(folder, "journal.jsonl", 0) == 0 && mkfifoat(folder, "journal.jsonl", 0600) == 0);
    cr_expect_lt(trn_gate_book(folder, json_object()), 0, "a pipe is no journal");
}

/* Lines as they could stand there: only what was said before now, for at most 14 days, holds. */
Test(gate_books, what_is_allowed_lives_no_longer_when_the_clock_goes_back)
{
    static const struct {
        const char *time, *until;
        bool holds;
    } cases[] = {
        {"-1h", "+1h", true}, {"-1h", "-1m", false}, {"+1d", "+2d", false}, {"-1d", "+14d", false},
        {NULL, "+1h", false}, {"-1h", NULL, false},  {"5m", "+1h", false},  {"-1h", "5m", false},
    };
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    char hash[2 * TRN_SHA256_SIZE + 1] = "";
    memset(hash, 'a', sizeof(hash) - 1);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        json_t *line = json_pack("{s:s, s:s, s:s}", "package", "acme", "version", "1.1", "sha256", hash);
        const char *said[] = {cases[i].time, cases[i].until}, *const keys[] = {"time", "until"};
        for (size_t k = 0; k < 2; k++) {
            TRN_AUTO(trn_buf_done) struct trn_buf b;
            char unit = said[k] ? said[k][strlen(said[k]) - 1] : 0;
            int64_t by = said[k] ? strtol(said[k], NULL, 10) * (unit == 'm' ? 60 : unit == 'h' ? 3600 : 86400) : 0;
            trn_buf_init(&b, 64);
            trn_put_time_iso(&b, trn_wall_ns() + (uint64_t)by * TRN_NS_PER_SEC);
            if (said[k]) /* "5m": as it stands */
                json_object_set_new(line, keys[k],
                                    strchr("+-", said[k][0]) ? json_stringn(b.p, b.n) : json_string(said[k]));
        }
        cr_assert_eq(trn_gate_append(folder, "allowed.jsonl", line), 0);
        json_t *found = trn_gate_allowed(folder, TRN_STR("acme"), TRN_STR("1.1"), hash);
        cr_expect_eq(found != NULL, cases[i].holds, "case %zu", i);
        json_decref(found);
        cr_assert_eq(unlinkat(folder, "allowed.jsonl", 0), 0);
    }
}

Test(gate_books, a_folder_that_others_may_write_is_not_used)
{
    char path[100];
    trn_fd_close(trn_gate_folder(state, NULL));
    snprintf(path, sizeof(path), "%s-gate", state);
    cr_assert_eq(chmod(path, 0770), 0);
    cr_assert_eq(trn_gate_folder(state, NULL), -EPERM);
    cr_assert(rmdir(path) == 0 && symlink(state, path) == 0);
    cr_assert_lt(trn_gate_folder(state, NULL), 0, "a link was followed");
}

static int made_up_package(unsigned bytes)
{
    char path[] = "/tmp/trn-gate-XXXXXX";
    int fd = mkstemp(path);
    for (unsigned i = 0; i < bytes; i++)
        cr_assert_eq(trn_write_full(fd, "x", 1), 0);
    unlink(path);
    return fd;
}

static void keep(int folder, const char *name, const char *before, const char *version, const char *arch, int fd,
                 const struct trn_gate_config *c)
{
    const struct trn_gate_item item = {.name = trn_str_of(name),
                                       .old_version = before ? trn_str_of(before) : TRN_STR_NONE,
                                       .old_arch = trn_str_of(arch),
                                       .new_version = trn_str_of(version),
                                       .new_arch = trn_str_of(arch)};
    cr_assert_eq(trn_gate_keep(folder, &item, fd, c), 0);
}

static bool is_kept(int folder, const char *name, const char *version, const char *arch)
{
    const struct trn_gate_item item = {.name = trn_str_of(name),
                                       .old_version = trn_str_of(version),
                                       .old_arch = trn_str_of(arch)};
    TRN_AUTO(trn_fd_closep) int fd = trn_gate_kept_open(folder, &item);
    return fd >= 0;
}

Test(gate_books, of_a_name_the_last_two_packages_are_kept)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    TRN_AUTO(trn_fd_closep) int fd = made_up_package(8);
    struct trn_gate_config c = {.keep_bytes = 1u << 20};
    uint64_t files, bytes;
    keep(folder, "acme", NULL, "1:0", "all", fd, &c);
    keep(folder, "acme", "1:0", "1:1", "all", fd, &c);
    keep(folder, "acme", "1:1", "1:2", "all", fd, &c);
    keep(folder, "acme", "1:2", "1:3", "all", fd, &c);
    trn_gate_kept_sum(folder, &files, &bytes);
    cr_assert(files == 2 && bytes == 16, "%llu files", (unsigned long long)files);
    cr_assert(is_kept(folder, "acme", "1:3", "all") && !is_kept(folder, "acme", "1:1", "all"));
    /* somebody went back to 1:2: it is the one that a next update replaces */
    keep(folder, "acme", "1:2", "1:4", "all", fd, &c);
    cr_assert(is_kept(folder, "acme", "1:2", "all") && is_kept(folder, "acme", "1:4", "all"));
    cr_assert(!is_kept(folder, "acme", "1:3", "all"));
    c.keep_bytes = 8;
    trn_gate_keep_within(folder, &c);
    trn_gate_kept_sum(folder, &files, &bytes);
    cr_assert_eq(files, 1);
}

Test(gate_books, two_architectures_of_a_name_do_not_push_each_other_out)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    TRN_AUTO(trn_fd_closep) int fd = made_up_package(8);
    const struct trn_gate_config c = {.keep_bytes = 1u << 20};
    const char *const before[] = {NULL, "1"}, *const version[] = {"1", "2"};
    for (int i = 0; i < 2; i++) {
        keep(folder, "libx", before[i], version[i], "amd64", fd, &c);
        keep(folder, "libx", before[i], version[i], "i386", fd, &c);
    }
    cr_assert(is_kept(folder, "libx", "1", "amd64") && is_kept(folder, "libx", "1", "i386"));
}

Test(gate_books, watched_software_is_not_thrown_out_for_others)
{
    TRN_AUTO(trn_fd_closep) int folder = trn_gate_folder(state, NULL);
    TRN_AUTO(trn_fd_closep) int fd = made_up_package(8), large = made_up_package(20);
    struct trn_gate_config c = {.keep_bytes = 40, .watched = {"acme*"}, .n_watched = 1};
    keep(folder, "acme-app", NULL, "1", "all", fd, &c);
    keep(folder, "acme-app", "1", "2", "all", fd, &c);
    keep(folder, "bee", NULL, "1", "all", fd, &c);
    keep(folder, "cee", NULL, "1", "all", fd, &c);
    keep(folder, "dee", NULL, "1", "all", fd, &c);
    keep(folder, "eff", NULL, "1", "all", large, &c);
    cr_assert(!is_kept(folder, "eff", "1", "all"), "more than a quarter");
    c.keep_bytes = 24;
    trn_gate_keep_within(folder, &c);
    cr_assert(is_kept(folder, "acme-app", "1", "all") && is_kept(folder, "acme-app", "2", "all"));
    cr_assert(is_kept(folder, "dee", "1", "all") && !is_kept(folder, "bee", "1", "all"));
    keep(folder, "acme-lib", NULL, "1", "all", large, &c);
    cr_assert(is_kept(folder, "acme-lib", "1", "all"), "watched software may take all the room");
    trn_gate_keep_within(folder, &c);
    cr_assert(is_kept(folder, "acme-lib", "1", "all") && !is_kept(folder, "acme-app", "1", "all"),
              "there is an end also for what is watched, the oldest go first");
}

/* Of a made-up place, once nothing in it is fresh. */
Test(gate, which_version_is_before_which_in_a_place)
{
    static const struct {
        const char *path, *before; /* "": none */
    } all[] = {
        {"app-1.9.msi", ""},
        {"app-1.10.msi", "app-1.9.msi"},
        {"app-2.0-x64.msi", ""},
        {"app-2.0-x86.msi", ""},
        {"app-2.1-x64.msi", "app-2.0-x64.msi"},
        {"tool-v9.zip", ""},
        {"tool-v10.zip", "tool-v9.zip"},
        {"libfoo2-1.0.so", ""},
        {"libfoo3-1.1.so", ""},
        {"beta/app-3.0.msi", ""},
        {"rel/1.9/setup.exe", ""},
        {"rel/1.10/setup.exe", "rel/1.9/setup.exe"},
        {"rel/1.10/app-9.0.msi", ""},
        {"rel/1.9/app-8.0.msi", ""}, /* the name says it: the folder is part of the product */
    };
    char top[] = "/tmp/trn-place-XXXXXX", path[200];
    cr_assert(mkdtemp(top));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(all); i++) {
        snprintf(path, sizeof(path), "mkdir -p \"$(dirname '%s/%s')\" && : > '%s/%s'", top, all[i].path, top,
                 all[i].path);
        cr_assert_eq(system(path), 0);
    }
    struct trn_gate_place p = {.dir = open(top, O_RDONLY | O_DIRECTORY)};
    cr_assert(trn_gate_place_read(&p) == 0 && p.later, "what is fresh may still be written");
    usleep(2100000);
    trn_gate_place_forget(&p);
    cr_assert_eq(trn_gate_place_read(&p), 0);
    cr_assert_eq(p.n, TRN_ARRAY_SIZE(all));
    for (size_t i = 0; i < TRN_ARRAY_SIZE(all); i++)
        for (size_t k = 0; k < p.n; k++)
            if (strcmp(p.files[k].path, all[i].path) == 0)
                cr_expect_str_eq(p.files[k].before ? p.files[k].before->path : "", all[i].before, "%s", all[i].path);
    trn_gate_place_forget(&p);
    close(p.dir);
    snprintf(path, sizeof(path), "rm -r '%s'", top);
    cr_assert_eq(system(path), 0);
}
