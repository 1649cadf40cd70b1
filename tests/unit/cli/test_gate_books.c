/* SPDX-License-Identifier: Apache-2.0 */
/* Is what the gate judged, kept and was allowed written and read as it is meant, and does nobody else's word count? */
#include "call.h"
#include "cli/gate.h"
#include "made_up_diff.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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
