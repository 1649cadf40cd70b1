/* SPDX-License-Identifier: Apache-2.0 */
/* What does 'turncoat scan' say when something is in its way: is it told, is the exit code right, does it end? */
#include "scan_place.h"

#include "cli/scan.h"

#include <signal.h>
#include <sys/wait.h>

TestSuite(scan_bad, .init = place_make, .fini = place_done, .timeout = 90);

Test(scan_bad, a_path_that_is_not_there_is_undecided_and_the_rest_is_scanned)
{
    place_put("t/a", "one\n");
    TRN_AUTO(said_done) struct said s = CALL("scan", "none", "t");
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(s.out, "none\n     not read        there is no such file\n"), "%s", s.out);
    cr_assert(strstr(s.out,
                     "verdict: clean as far as it could be looked at   1 file, 4 B: 1 clean, 1 could not be read\n"),
              "%s", s.out);
    TRN_AUTO(said_done) struct said j = CALL("scan", "none", "t", "--json");
    cr_assert_eq(j.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(j.out,
                     "{\"path\":\"none\",\"member\":null,\"kind\":\"unreadable\",\"what\":\"there is no such file\"}"),
              "%s", j.out);
    cr_assert(strstr(j.err, "turncoat: cannot look at 'none': there is no such file, going on\n"), "%s", j.err);
}

Test(scan_bad, a_file_that_may_not_be_read)
{
    place_put("t/a", "one\n");
    place_put("t/b", "two\n");
    cr_assert_eq(chmod("t/a", 0), 0);
    cr_assert_eq(chmod(place, 0777), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    TRN_AUTO(said_done) struct said s = CALL("scan", "t", "--no-cache");
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED, "%s", s.err);
    cr_assert(strstr(s.out, "t/a\n     not read        permission denied\n"), "%s", s.out);
}

Test(scan_bad, a_pipe_is_never_waited_for)
{
    cr_assert_eq(mkfifo("t/pipe", 0644), 0);
    TRN_AUTO(said_done) struct said walked = CALL("scan", "t"), named = CALL("scan", "t/pipe");
    cr_assert_eq(walked.code, TRN_EXIT_OK, "%s", walked.err);
    cr_assert_eq(named.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(named.out, "neither a file nor a folder"), "%s", named.out);
}

Test(scan_bad, links_that_go_round_end)
{
    place_put("t/a", "one\n");
    cr_assert_eq(symlink(".", "t/self"), 0);
    cr_assert_eq(symlink("loop", "loop"), 0);
    TRN_AUTO(said_done) struct said s = CALL("scan", "t/self"), loop = CALL("scan", "loop");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert(strstr(s.out, "1 file, 4 B"), "%s", s.out);
    cr_assert_eq(loop.code, TRN_EXIT_UNDECIDED);
    cr_assert(strstr(loop.out, "too many symbolic links"), "%s", loop.out);
}

Test(scan_bad, names_are_shown_escaped)
{
    place_put("t/\x1b[31mred\nline\xff", "one\n");
    TRN_AUTO(said_done) struct said s = CALL("scan", "t", "--all");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert(strstr(s.out, "t/\\x1b[31mred\\nline\\xff  text, 4 B\n"), "%s", s.out);
    TRN_AUTO(said_done) struct said j = CALL("scan", "t", "--json");
    json_t *o = json_loads(j.out, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(o, "%s", j.out);
    const json_t *a = json_array_get(json_object_get(o, "artifacts"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(a, "path_hex")), "742f1b5b33316d7265640a6c696e65ff");
    json_decref(o);
    TRN_AUTO(said_done) struct said f = CALL("scan", "t", "--sarif=-"), b = CALL("scan", "t", "--sbom=-");
    cr_assert(!strchr(f.out, 0x1b) && !strchr(b.out, 0x1b));
}

Test(scan_bad, a_cache_that_cannot_be_kept_is_one_word)
{
    place_put("t/a", "one\n");
    place_put("cache", "a file where the folder should be");
    TRN_AUTO(said_done) struct said s = CALL("scan", "t");
    cr_assert_eq(s.code, TRN_EXIT_OK);
    cr_assert(strstr(s.out, "verdict: clean"), "%s", s.out);
    cr_assert(strstr(s.err, "turncoat: cannot remember results in "), "%s", s.err);
}

/* ---- a scan that takes long ---- */

static void put_sparse(int n)
{
    for (int i = 0; i < n; i++) {
        char path[40];
        snprintf(path, sizeof(path), "t/sparse-%02d", i);
        int fd = open(path, O_WRONLY | O_CREAT, 0644);
        if (ftruncate(fd, (off_t)3 << 30) < 0)
            cr_skip("no room for large sparse files here");
        close(fd);
    }
}

/* The command in a process of its own; its page in the file "page". */
static pid_t start(int out, int reader)
{
    pid_t pid = fork();
    if (pid == 0) {
        trn_fd_close(reader); /* or it would read its own page */
        char *argv[] = {(char *)"turncoat", (char *)"scan", (char *)"t", (char *)"--all", NULL};
        FILE *f = out >= 0 ? fdopen(out, "w") : fopen("page", "w"), *err = fopen("talk", "w");
        int code = trn_cli_main(4, argv, f, err);
        fclose(f);
        fclose(err);
        _exit(code);
    }
    return pid;
}

static unsigned children_of(pid_t pid)
{
    char command[80];
    unsigned n = 0;
    snprintf(command, sizeof(command), "cat /proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *f = popen(command, "r");
    for (int c; (c = fgetc(f)) != EOF;)
        n += c == ' ';
    pclose(f);
    return n;
}

static int ended(pid_t pid, unsigned ms)
{
    int status;
    for (unsigned i = 0; i < ms / 20; i++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            return status;
        usleep(20000);
    }
    kill(pid, SIGKILL); /* our own child */
    waitpid(pid, &status, 0);
    cr_assert(false, "it did not end within %u ms", ms);
    return status;
}

Test(scan_bad, an_interrupted_scan_tells_what_it_has_and_ends_its_workers)
{
    place_put("t/a-first", "one\n");
    put_sparse(20);
    pid_t pid = start(-1, -1);
    for (int i = 0; i < 100 && children_of(pid) == 0; i++)
        usleep(20000);
    usleep(300000);
    cr_assert_eq(kill(pid, SIGINT), 0);
    int status = ended(pid, 8000);
    cr_assert(WIFEXITED(status), "status %x", (unsigned)status);
    cr_assert_eq(WEXITSTATUS(status), TRN_EXIT_UNDECIDED);
    struct trn_buf page;
    cr_assert_eq(trn_read_file("page", 1u << 20, &page, NULL), 0);
    cr_assert(strstr(page.p, "t/a-first  text, 4 B\n"), "%s", page.p);
    cr_assert(strstr(page.p, "interrupted: the rest was not looked at"), "%s", page.p);
    trn_buf_done(&page);
}

Test(scan_bad, a_reader_that_goes_away_ends_it)
{
    int ends[2];
    for (int i = 0; i < 400; i++) {
        char path[220];
        snprintf(path, sizeof(path), "t/%03d-%0180d", i, i);
        place_put(path, "x\n");
    }
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    cr_assert_geq(fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
    pid_t pid = start(ends[1], ends[0]);
    close(ends[1]);
    char some[100];
    cr_assert_gt(read(ends[0], some, sizeof(some)), 0);
    close(ends[0]);
    int status = ended(pid, 20000);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == TRN_EXIT_UNDECIDED, "status %x", (unsigned)status);
}
