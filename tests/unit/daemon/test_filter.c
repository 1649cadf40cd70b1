/* SPDX-License-Identifier: Apache-2.0 */
/* Who may make turncoatd look away, from what, and for how long? Only refusals: nothing here reaches the kernel. */
#include "daemon/filter.h"
#include "folder.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int no_record(void *ctx, struct trn_str record)
{
    unsigned *n = ctx;
    *n += record.n > 0;
    return 0;
}

static unsigned told;
static const struct trn_record_sink sink = {no_record, &told};

static const struct trn_filter_request a_program = {.kind = TRN_FILTER_PROGRAM,
                                                    .classes = 1u << TRN_CLASS_DNS,
                                                    .path = TRN_STR("/bin/sh"),
                                                    .why = TRN_STR("a test")};

/* The local socket, a client of it, and the client as the engine has it. Its name is in no folder. */
struct local {
    int listening, client, accepted;
};

static struct local local_new(void)
{
    struct local l;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "turncoat-test-filter-%d", (int)getpid());
    l.listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    l.client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(l.listening, (struct sockaddr *)&a, sizeof a) == 0 && listen(l.listening, 1) == 0);
    cr_assert_eq(connect(l.client, (struct sockaddr *)&a, sizeof a), 0);
    l.accepted = accept4(l.listening, NULL, NULL, SOCK_CLOEXEC);
    cr_assert_geq(l.accepted, 0);
    return l;
}

static void local_done(struct local *l)
{
    close(l->listening);
    close(l->client);
    close(l->accepted);
}

static int ask(const struct trn_filter_request *q, gid_t respond, struct trn_err *err)
{
    struct local l = local_new();
    struct trn_filters *f = trn_filters_new(NULL, "/nonexistent", respond, l.listening);
    cr_assert(f);
    int r = trn_filters_serve(f, q, l.accepted, &sink, err);
    local_done(&l);
    trn_filters_free(f);
    return r;
}

/* As somebody without rights, and with one group: 0 when the answer contains `words`. */
static int as_nobody(gid_t group, gid_t respond, const char *words)
{
    pid_t child = fork();
    if (child == 0) {
        struct trn_err err = {0};
        if (setgroups(1, &group) < 0 || setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
            _exit(9);
        _exit(ask(&a_program, respond, &err) < 0 && strstr(err.message, words) ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(filter, who_may_ask)
{
    if (geteuid() != 0)
        cr_skip("another user needs root");
    cr_expect_eq(as_nobody(65534, (gid_t)-1, "only root"), 0);
    cr_expect_eq(as_nobody(65534, 4242, "only root"), 0);
    cr_expect_eq(as_nobody(4242, 4242, "others act through it"), 0, "the group may ask; this program it may not have");
}

Test(filter, a_socket_that_is_none_names_nobody)
{
    struct trn_filters *f = trn_filters_new(NULL, "/nonexistent", (gid_t)-1, -1);
    struct trn_err err = {0};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    cr_expect_eq(trn_filters_serve(f, &a_program, fd, &sink, &err), -EPERM);
    cr_expect_eq(trn_filters_serve(f, &a_program, -1, &sink, &err), -EPERM);
    close(fd);
    trn_filters_free(f);
}

/* The kernel says of them that root is at the other end: root made them. */
Test(filter, sockets_that_the_engine_got_from_turncoatd_ask_for_nothing)
{
    struct local l = local_new();
    struct trn_filters *f = trn_filters_new(NULL, "/nonexistent", getegid(), l.listening);
    struct trn_err err = {0};
    int pair[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    cr_expect_eq(trn_filters_serve(f, &a_program, pair[1], &sink, &err), -EPERM);
    cr_expect(strstr(err.message, "not known who asks"), "%s", err.message);
    cr_expect_eq(trn_filters_serve(f, &a_program, l.listening, &sink, &err), -EPERM);
    cr_expect(strstr(err.message, "not known who asks"), "%s", err.message);
    cr_expect_eq(trn_filters_serve(f, &a_program, l.client, &sink, &err), -EPERM);
    cr_expect(strstr(err.message, "not known who asks"), "%s", err.message);
    cr_expect_eq(trn_filters_serve(f, &a_program, l.accepted, &sink, &err), -EPERM);
    cr_expect(strstr(err.message, "others act through it"), "a client is asked for what it wants: %s", err.message);
    close(pair[0]);
    close(pair[1]);
    local_done(&l);
    trn_filters_free(f);
}

static int find(uint16_t kind, const char *path, uint32_t pid, const char *state, struct trn_err *err)
{
    const struct trn_filter_request q = {.kind = kind,
                                         .pid = pid,
                                         .path = path ? trn_str_of(path) : TRN_STR_NONE,
                                         .classes = 1,
                                         .why = TRN_STR("a test")};
    struct trn_filter_target t;
    int r = trn_filter_find(&q, true, state, &t, err);
    if (r == 0)
        trn_filter_target_done(&t);
    return r;
}

Test(filter, what_must_stay_watched)
{
    static const struct {
        uint16_t kind;
        const char *path;
        uint32_t pid;
        int code;
    } cases[] = {
        {TRN_FILTER_PROGRAM, "/bin/sh", 0, -EPERM},
        {TRN_FILTER_PROGRAM, "/proc/self/exe", 0, -EPERM},
        {TRN_FILTER_PROGRAM, "/etc/passwd", 0, -EINVAL},
        {TRN_FILTER_PROGRAM, "/dev/null", 0, -EINVAL},
        {TRN_FILTER_PROGRAM, "/nothing/here", 0, -ENOENT},
        {TRN_FILTER_PROCESS, NULL, 1, -EPERM},
        {TRN_FILTER_PROCESS, NULL, 4194304, -ESRCH},
        {TRN_FILTER_PATH, "/etc", 0, -EPERM},
        {TRN_FILTER_PATH, "/etc/passwd", 0, -EPERM},
        {TRN_FILTER_PATH, "/usr/share/doc", 0, -EPERM},
        {TRN_FILTER_PATH, "/", 0, -EPERM},
        {TRN_FILTER_PATH, "/tmp", 0, -EPERM},
        {TRN_FILTER_PATH, "/dev/null", 0, -EINVAL},
        {TRN_FILTER_FILESYSTEM, "/", 0, -EPERM},
        {TRN_FILTER_FILESYSTEM, "/etc", 0, -EINVAL},
    };
    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_err err = {0};
        int r = find(cases[i].kind, cases[i].path, cases[i].pid, "/nonexistent", &err);
        cr_expect(r < 0 && (r == cases[i].code || cases[i].kind == TRN_FILTER_FILESYSTEM), "%s %u: %s, %s",
                  cases[i].path ? cases[i].path : "process", cases[i].pid, trn_errno_name(r), err.message);
    }
}

Test(filter, a_folder_is_known_by_what_it_is_and_not_by_its_name)
{
    struct folder f = folder_new();
    struct trn_err err = {0};
    char path[4200], link[4200];
    snprintf(path, sizeof path, "%s/out", f.path);
    snprintf(link, sizeof link, "%s/link", f.path);
    cr_assert(mkdir(path, 0755) == 0 && symlink("/etc", link) == 0);
    cr_expect_eq(find(TRN_FILTER_PATH, path, 0, "/nonexistent", &err), 0, "%s", err.message);
    cr_expect_eq(find(TRN_FILTER_PATH, link, 0, "/nonexistent", &err), -EPERM, "a link to what is refused");
    cr_expect_eq(find(TRN_FILTER_PATH, path, 0, f.path, &err), -EPERM, "below turncoat's own folder");
    folder_done(&f);
}

static void copy_program(const char *from, const char *to)
{
    struct stat st;
    TRN_AUTO(trn_fd_closep) int in = open(from, O_RDONLY | O_CLOEXEC);
    TRN_AUTO(trn_fd_closep) int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    cr_assert(fstat(in, &st) == 0);
    for (ssize_t n = 1, left = st.st_size; left > 0 && n > 0; left -= n)
        n = sendfile(out, in, NULL, (size_t)left);
}

/* After an upgrade the old shell runs on, under a name that the kernel writes " (deleted)" behind. */
Test(filter, a_shell_that_was_replaced_is_still_one)
{
    struct folder f = folder_new();
    struct trn_err err = {0};
    char path[4200], word[16] = "";
    int in[2], out[2];
    snprintf(path, sizeof path, "%s/bash", f.path);
    cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    copy_program("/bin/cat", path);
    pid_t child = fork();
    if (child == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl(path, "bash", (char *)NULL);
        _exit(127);
    }
    cr_assert(write(in[1], "ready", 5) == 5 && read(out[0], word, sizeof word) == 5, "it runs");
    cr_expect_eq(find(TRN_FILTER_PROCESS, NULL, (uint32_t)child, "/nonexistent", &err), -EPERM);
    cr_assert_eq(unlink(path), 0);
    cr_expect_eq(find(TRN_FILTER_PROCESS, NULL, (uint32_t)child, "/nonexistent", &err), -EPERM, "%s", err.message);
    close(in[1]);
    waitpid(child, NULL, 0);
    folder_done(&f);
}

Test(filter, not_for_ever_and_not_all_the_time)
{
    struct trn_filter_request q = a_program;
    struct trn_err err = {0};
    if (geteuid() != 0)
        cr_skip("who asks must be root");
    q.seconds = TRN_FILTER_MAX_SEC + 1;
    cr_expect_eq(ask(&q, (gid_t)-1, &err), -ERANGE);
    struct local l = local_new();
    struct trn_filters *f = trn_filters_new(NULL, "/nonexistent", (gid_t)-1, l.listening);
    int r = 0;
    for (int i = 0; i < 21; i++)
        r = trn_filters_serve(f, &a_program, l.accepted, &sink, &err);
    cr_expect_eq(r, -EAGAIN, "21 within a minute");
    cr_expect_eq(told, 0u);
    local_done(&l);
    trn_filters_free(f);
}
