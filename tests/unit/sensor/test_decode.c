/* SPDX-License-Identifier: Apache-2.0 */
/* Question: do process and file records become the events they describe, and are lying ones refused? */
#include "wire_build.h"

#include <criterion/criterion.h>

#define SALT 5u

static struct trn_arena *arena;
static uint8_t record[TRN_WIRE_RECORD_MAX];

static void set_up(void)
{
    arena = trn_arena_new(1 << 20);
}

static void tear_down(void)
{
    arena = trn_arena_free(arena);
}

TestSuite(sensor_decode, .init = set_up, .fini = tear_down);

static int decode(size_t n, struct trn_event *ret)
{
    return trn_decode_record(trn_cur(record, n), SALT, arena, ret);
}

static const char exec_tail[] = "id\0bin\0usr\0"                                             /* path */
                                "./id"                                                       /* invoked */
                                "id\0-u\0"                                                   /* argv */
                                "LD_PRELOAD=x.so\0https_proxy=http://me:secret@proxy:3128\0" /* env */
                                "alice\0home\0"                                              /* cwd */
                                "pts7"                                                       /* tty */
                                "id"                                                         /* comm */
                                "a.scope\0user.slice\0"                                      /* cgroup */
                                "lxc.payload.web\0";                                         /* cgroup1 */

static struct trn_wire_exec exec_head(void)
{
    return (struct trn_wire_exec){.head = wire_head(TRN_WIRE_EXEC, 0),
                                  .parent_start = 66,
                                  .parent_tgid = 41,
                                  .cgroup = 9,
                                  .inode = 1234,
                                  .file_size = 5000,
                                  .ctime_sec = 3,
                                  .ctime_nsec = 4,
                                  .nlink = 1,
                                  .dev_major = 8,
                                  .dev_minor = 2,
                                  .session = 40,
                                  .mnt_ns = 99,
                                  .uid = 1000,
                                  .euid = 0,
                                  .gid = 100,
                                  .argc = 2,
                                  .auid = 1001,
                                  .login = 12,
                                  .pid_ns = 71,
                                  .net_ns = 72,
                                  .user_ns = 73,
                                  .tracer = 74,
                                  .capabilities = 1ull << 40 | 1,
                                  .path_len = 11,
                                  .name_len = 4,
                                  .argv_len = 6,
                                  .cwd_len = 11,
                                  .tty_len = 4,
                                  .comm_len = 2,
                                  .env_len = 56,
                                  .cgroup_len = 19,
                                  .cgroup1_len = 16};
}

/* A tail of its own without environment and cgroups. */
static void forget_rest(struct trn_wire_exec *head)
{
    head->env_len = head->cgroup_len = head->cgroup1_len = 0;
}

static size_t build_exec(const struct trn_wire_exec *head)
{
    return wire_join(record, head, sizeof(*head), exec_tail, sizeof(exec_tail) - 1);
}

Test(sensor_decode, exec_tells_file_words_and_place)
{
    struct trn_wire_exec head = exec_head();
    struct trn_event ev;

    cr_assert_eq(decode(build_exec(&head), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_EXEC);
    cr_expect_eq(ev.boot_ns, 1000);
    cr_expect_eq(ev.pid, 42);
    cr_expect_eq(ev.entity, trn_entity_id(SALT, 42, 77));
    cr_expect_eq(ev.exec.parent, trn_entity_id(SALT, 41, 66));
    cr_expect_eq(ev.uid, 1000);
    cr_expect_eq(ev.euid, 0);
    cr_expect_eq(ev.mntns, 99);
    cr_expect(trn_str_eq_c(ev.exec.path, "/usr/bin/id"));
    cr_expect(trn_str_eq_c(ev.exec.cwd, "/home/alice"));
    cr_expect(trn_str_eq_c(ev.exec.invoked, "./id"));
    cr_expect(trn_str_eq(ev.exec.argv, (struct trn_str){"id\0-u", 6}));
    cr_expect(trn_str_eq_c(ev.exec.tty, "pts/7"));
    cr_expect(trn_str_eq_c(ev.comm, "id"));
    cr_expect(trn_str_is_none(ev.exec.interp) && trn_str_is_none(ev.exec.script));
    cr_expect_eq(ev.exec.file.dev, 8u << 20 | 2);
    cr_expect_eq(ev.exec.file.ctime_ns, 3000000004u);
    cr_expect_eq(ev.flags, 0);
}

Test(sensor_decode, descriptors_are_told_in_words)
{
    static const struct {
        unsigned packed;
        struct trn_str words;
    } cases[] = {
        {0, {NULL, 0}},
        {0x444, TRN_STR("terminal\0terminal\0terminal\0")},
        {0x357, TRN_STR("network-socket\0pipe\0null\0")},
        {0x126, TRN_STR("unix-socket\0file\0closed\0")},
        {0x098, TRN_STR("device\0other\0unknown\0")},
        {0xfffa, TRN_STR("other\0other\0other\0")}, /* what nobody knows yet */
    };

    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_wire_exec head = exec_head();
        struct trn_event ev;

        head.stdio = (__u16)cases[i].packed;
        cr_assert_eq(decode(build_exec(&head), &ev), 0);
        cr_expect(trn_str_eq(ev.exec.stdio, cases[i].words), "%x", cases[i].packed);
    }
}

Test(sensor_decode, a_script_is_made_absolute)
{
    static const char tail[] = "dash\0bin\0usr\0./x.sh/bin/sh/bin/sh\0./x.sh\0srv\0";
    struct trn_wire_exec head = exec_head();
    struct trn_event ev;

    head.path_len = 13;
    head.name_len = 6;
    head.interp_len = 7;
    head.argv_len = 15;
    head.cwd_len = 4;
    head.tty_len = head.comm_len = 0;
    forget_rest(&head);
    cr_assert_eq(decode(wire_join(record, &head, sizeof(head), tail, sizeof(tail) - 1), &ev), 0);
    cr_expect(trn_str_eq_c(ev.exec.interp, "/bin/sh"));
    cr_expect(trn_str_eq_c(ev.exec.script, "/srv/./x.sh"));
    cr_expect(trn_str_is_none(ev.exec.tty) && trn_str_is_none(ev.comm));
}

Test(sensor_decode, a_script_by_descriptor_has_the_name_of_its_file)
{
    static const struct {
        const char *invoked, *script;
    } cases[] = {
        {"/dev/fd/7", "/srv/x"},  {"/dev/fd/71/y.sh", "/srv/x/y.sh"},
        {"/dev/fd/", "/srv/x"},   {"/dev/fd/x", "/srv/xx"}, /* nonsense of a lying kernel: no crash */
        {"/dev/fdx", "/dev/fdx"},
    };

    for (size_t i = 0; i < TRN_ARRAY_SIZE(cases); i++) {
        struct trn_wire_exec head = exec_head();
        struct trn_event ev;
        struct trn_str tail;

        forget_rest(&head);
        head.path_len = head.argv_len = head.cwd_len = head.tty_len = head.comm_len = 0;
        head.name_len = (uint16_t)strlen(cases[i].invoked);
        head.interp_len = 7;
        head.script_len = 6;
        tail = trn_arena_printf(arena, "%s/bin/shx%csrv%c", cases[i].invoked, 0, 0);
        cr_assert_eq(decode(wire_join(record, &head, sizeof(head), tail.p, tail.n), &ev), 0, "%s", cases[i].invoked);
        cr_expect(trn_str_eq_c(ev.exec.script, cases[i].script), "%s: got '%.*s'", cases[i].invoked,
                  TRN_STR_ARG(ev.exec.script));
    }
}

Test(sensor_decode, what_was_cut_says_so)
{
    static const char tail[] = "c\0b\0tru";
    struct trn_wire_exec head = exec_head();
    struct trn_event ev;

    head.flags = TRN_WIRE_PATH_TRUNCATED | TRN_WIRE_ARGV_TRUNCATED | TRN_WIRE_MEMFD | TRN_WIRE_DELETED |
                 TRN_WIRE_EXISTING | TRN_WIRE_ENV_TRUNCATED;
    head.path_len = 4;
    head.argv_len = 3;
    head.argc = 0;
    head.name_len = head.cwd_len = head.tty_len = head.comm_len = 0;
    head.cgroup = 0;
    forget_rest(&head);
    cr_assert_eq(decode(wire_join(record, &head, sizeof(head), tail, sizeof(tail) - 1), &ev), 0);
    cr_expect(trn_str_eq_c(ev.exec.path, ".../b/c"));
    cr_expect(trn_str_eq_c(ev.exec.cwd, "/"), "no component at all is the root");
    cr_expect(trn_str_eq(ev.exec.argv, (struct trn_str){"tru", 4}), "the last word gets its end");
    cr_expect_eq(ev.exec.argc, 1);
    cr_expect_eq(ev.flags, TRN_EVF_PATH_CUT | TRN_EVF_ARGS_CUT | TRN_EVF_MEMFD | TRN_EVF_DELETED | TRN_EVF_EXISTING |
                               TRN_EVF_ENV_CUT);
    cr_expect(trn_str_is_none(ev.exec.env) && trn_str_is_none(ev.exec.cgroup) && trn_str_is_none(ev.exec.container));
}

Test(sensor_decode, exec_tells_environment_login_and_namespaces)
{
    static const char env[] = "LD_PRELOAD=x.so\0https_proxy=http://proxy:3128";
    struct trn_wire_exec head = exec_head();
    struct trn_event ev;

    cr_assert_eq(decode(build_exec(&head), &ev), 0);
    cr_expect(trn_str_eq(ev.exec.env, (struct trn_str){env, sizeof(env)}), "without the password");
    cr_expect_eq(ev.exec.auid, 1001);
    cr_expect_eq(ev.exec.login, 12);
    cr_expect_eq(ev.exec.pidns, 71);
    cr_expect_eq(ev.exec.netns, 72);
    cr_expect_eq(ev.exec.userns, 73);
    cr_expect_eq(ev.exec.tracer_pid, 74);
    cr_expect_eq(ev.exec.capabilities, 1ull << 40 | 1);
    cr_expect(trn_str_eq_c(ev.exec.container, "web"), "found in the memory controller's hierarchy");
    cr_expect(trn_str_eq_c(ev.exec.cgroup, "/lxc.payload.web"));
    head.cgroup1_len = 0;
    cr_assert_eq(decode(build_exec(&head) - 16, &ev), -EBADMSG);
    cr_assert_eq(decode(wire_join(record, &head, sizeof(head), exec_tail, sizeof(exec_tail) - 17), &ev), 0);
    cr_expect(trn_str_eq_c(ev.exec.cgroup, "/user.slice/a.scope") && trn_str_is_none(ev.exec.container));
}

/* The variable, and what is left of it. */
static const struct {
    const char *raw, *want;
} proxies[] = {
    {"http_proxy=http://me:secret@proxy:3128/", "http_proxy=http://proxy:3128/"},
    {"HTTPS_PROXY=me:se@cret@proxy", "HTTPS_PROXY=proxy"},
    {"all_proxy=socks5h://proxy:1080/a@b", "all_proxy=socks5h://proxy:1080/a@b"},
    {"http_proxy=", "http_proxy="},
    {"http_proxy=/", "http_proxy=/"},
    {"http_proxy=@", "http_proxy="},
    {"LD_PRELOAD=/tmp/a@b.so", "LD_PRELOAD=/tmp/a@b.so"},
    {"ENV", "ENV"},
};

static struct trn_str decode_env(const char *raw, struct trn_event *ev)
{
    struct trn_wire_exec head = exec_head();
    size_t n = strlen(raw) + 1;

    forget_rest(&head);
    head.path_len = head.name_len = head.argv_len = head.cwd_len = head.tty_len = head.comm_len = 0;
    head.env_len = (uint16_t)n;
    cr_assert_eq(decode(wire_join(record, &head, sizeof(head), raw, n), ev), 0, "%s", raw);
    return ev->exec.env;
}

Test(sensor_decode, the_password_of_a_proxy_is_left_out)
{
    char cut[TRN_WIRE_ENV_ONE];
    struct trn_event ev;

    for (size_t i = 0; i < TRN_ARRAY_SIZE(proxies); i++) {
        struct trn_str got = decode_env(proxies[i].raw, &ev);

        cr_expect(trn_str_eq(got, (struct trn_str){proxies[i].want, strlen(proxies[i].want) + 1}), "%s: got '%.*s'",
                  proxies[i].raw, TRN_STR_ARG(got));
    }
    memset(cut, 'p', sizeof(cut));
    memcpy(cut, "http_proxy=http://me:", 21);
    cut[sizeof(cut) - 1] = '\0';
    cr_expect(trn_str_eq(decode_env(cut, &ev), (struct trn_str){"http_proxy=http://", 19}), "cut inside a password");
}

Test(sensor_decode, every_wrong_length_is_refused)
{
    struct trn_wire_exec head = exec_head();
    size_t n = build_exec(&head);
    struct trn_event ev;

    for (size_t cut = 0; cut < n; cut++)
        cr_assert_eq(decode(cut, &ev), -EBADMSG, "cut at %zu", cut);
    cr_expect_eq(decode(n + 1, &ev), -EBADMSG, "a byte left over");
    head.argv_len = 7; /* one more than there is */
    cr_expect_eq(decode(build_exec(&head), &ev), -EBADMSG);
    head.argv_len = UINT16_MAX;
    cr_expect_eq(decode(build_exec(&head), &ev), -EBADMSG);
    head = exec_head();
    head.ctime_nsec = 1000000000;
    cr_expect_eq(decode(build_exec(&head), &ev), -EBADMSG);
    head = exec_head();
    head.path_len = 10; /* the last component has lost its NUL */
    head.name_len = 5;
    cr_expect_eq(decode(build_exec(&head), &ev), -EBADMSG);
}

Test(sensor_decode, other_versions_and_types_are_refused)
{
    struct trn_wire_exit r = {.head = wire_head(TRN_WIRE_EXIT, sizeof(r))};
    struct trn_event ev;

    memcpy(record, &r, sizeof(r));
    cr_expect_eq(decode(sizeof(r), &ev), 0);
    record[6]++;
    cr_expect_eq(decode(sizeof(r), &ev), -EBADMSG);
    record[6]--;
    record[4] = 200;
    cr_expect_eq(decode(sizeof(r), &ev), -EBADMSG);
}

Test(sensor_decode, exit_is_a_code_or_a_signal)
{
    struct trn_wire_exit r = {.head = wire_head(TRN_WIRE_EXIT, sizeof(r)), .status = 3 << 8, .uid = 7};
    struct trn_event ev;

    memcpy(record, &r, sizeof(r));
    cr_assert_eq(decode(sizeof(r), &ev), 0);
    cr_expect_eq(ev.exit.code, 3);
    cr_expect_eq(ev.exit.signal, TRN_NO_U32);
    r.status = 11 | 0x80; /* SIGSEGV, core dumped */
    memcpy(record, &r, sizeof(r));
    cr_assert_eq(decode(sizeof(r), &ev), 0);
    cr_expect_eq(ev.exit.code, TRN_NO_U32);
    cr_expect_eq(ev.exit.signal, 11);
}

Test(sensor_decode, fork_names_child_and_parent)
{
    struct trn_wire_fork r = {.head = wire_head(TRN_WIRE_FORK, sizeof(r)),
                              .parent_start = 5,
                              .parent_tgid = 6,
                              .uid = 8};
    struct trn_event ev;

    memcpy(record, &r, sizeof(r));
    cr_assert_eq(decode(sizeof(r), &ev), 0);
    cr_expect_eq(ev.entity, trn_entity_id(SALT, 42, 77));
    cr_expect_eq(ev.fork.parent, trn_entity_id(SALT, 6, 5));
    cr_expect_eq(ev.fork.parent_pid, 6);
    cr_expect_eq(ev.uid, 8);
}

static struct trn_wire_file file_head(uint16_t op)
{
    struct trn_wire_file f = {.head = wire_head(TRN_WIRE_FILE, 0),
                              .inode = 9,
                              .file_size = 10,
                              .mode = 0100644,
                              .uid = 5,
                              .gid = 6,
                              .op = op};

    f.head.start = 0;
    f.head.tid = 0;
    return f;
}

Test(sensor_decode, files_keep_raw_names_and_have_no_entity)
{
    struct trn_wire_file f = file_head(TRN_WIRE_FILE_RENAME);
    struct trn_event ev;

    f.path_len = 4;
    f.old_path_len = 3;
    cr_assert_eq(decode(wire_join(record, &f, sizeof(f), "/\xff\nx/ol", 7), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_FILE);
    cr_expect_eq(ev.action, TRN_ACT_RENAMED);
    cr_expect_eq(ev.entity, 0);
    cr_expect_eq(ev.pid, 42);
    cr_expect(trn_str_eq_c(ev.file.path, "/\xff\nx"));
    cr_expect(trn_str_eq_c(ev.file.old_path, "/ol"));
    cr_expect_eq(ev.file.file.ino, 9);
    cr_expect_eq(ev.file.mode, 0100644);
    cr_expect_eq(ev.file.uid, 5);
    cr_expect_eq(ev.file.gid, 6);
    cr_expect_eq(ev.flags, 0);
}

Test(sensor_decode, attributes_and_an_actor_that_has_ended)
{
    struct trn_wire_file f = file_head(TRN_WIRE_FILE_ATTRIBUTES);
    struct trn_event ev;

    f.mode = 0104755;
    f.flags = TRN_WIRE_FILE_GONE;
    f.path_len = 2;
    cr_assert_eq(decode(wire_join(record, &f, sizeof(f), "/a", 2), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_FILE);
    cr_expect_eq(ev.action, TRN_ACT_ATTRIBUTES);
    cr_expect_eq(ev.file.mode, 0104755);
    cr_expect(ev.flags & TRN_EVF_GONE);
}

Test(sensor_decode, sensitive_numbers_become_words)
{
    struct trn_wire_file f = file_head(TRN_WIRE_FILE_OPEN);
    unsigned place = trn_sensitive_find(TRN_STR(".ssh/id_rsa"));
    struct trn_event ev;
    size_t count;

    f.path_len = 2;
    f.sensitive = (uint16_t)place;
    cr_assert_eq(decode(wire_join(record, &f, sizeof(f), "/a", 2), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_OPEN);
    cr_expect(trn_str_eq_c(ev.file.sensitive, "ssh-key"));
    cr_expect(trn_str_eq_c(ev.file.owner_hint, "openssh"));
    (void)trn_sensitive_places(&count);
    f.sensitive = (uint16_t)(count + 1);
    cr_expect_eq(decode(wire_join(record, &f, sizeof(f), "/a", 2), &ev), -EBADMSG);
}

Test(sensor_decode, a_file_that_is_gone_has_its_number_at_most)
{
    struct trn_wire_file f = file_head(TRN_WIRE_FILE_DELETE);
    struct trn_event ev;

    f.flags = TRN_WIRE_FILE_NO_STAT;
    f.path_len = 2;
    cr_assert_eq(decode(wire_join(record, &f, sizeof(f), "/a", 2), &ev), 0);
    cr_expect_eq(ev.file.file.ino, 9);
    cr_expect_eq(ev.file.file.ctime_ns, 0);
    cr_expect_eq(ev.file.size, TRN_NO_U64);
    cr_expect_eq(ev.file.uid, TRN_NO_U32);
    f.inode = 0;
    cr_assert_eq(decode(wire_join(record, &f, sizeof(f), "/a", 2), &ev), 0);
    cr_expect(trn_file_key_is_none(&ev.file.file));
    f.op = TRN_WIRE_FILE_ATTRIBUTES + 1;
    cr_expect_eq(decode(wire_join(record, &f, sizeof(f), "/a", 2), &ev), -EBADMSG);
}

Test(sensor_decode, losses_have_a_known_class)
{
    struct trn_wire_loss l = {.head = wire_head(TRN_WIRE_LOSS, sizeof(l)),
                              .class = TRN_CLASS_FILE,
                              .count = 3,
                              .since = 2};
    struct trn_event ev;

    memcpy(record, &l, sizeof(l));
    cr_assert_eq(decode(sizeof(l), &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_LOSS);
    cr_expect_eq(ev.meta.klass, TRN_CLASS_FILE);
    cr_expect_eq(ev.meta.count, 3);
    l.class = TRN_CLASS_MAX;
    memcpy(record, &l, sizeof(l));
    cr_expect_eq(decode(sizeof(l), &ev), -EBADMSG);
}

Test(sensor_decode, no_memory_is_an_error)
{
    struct trn_wire_exec head = exec_head();
    size_t n = build_exec(&head);
    struct trn_arena *tiny = trn_arena_new(1);
    struct trn_event ev;

    cr_expect_eq(trn_decode_record(trn_cur(record, n), SALT, tiny, &ev), -ENOMEM);
    trn_arena_free(tiny);
}

Test(sensor_decode, a_mapping_that_was_there_before)
{
    static const char path[] = "libz.so.1\0lib\0usr\0";
    struct trn_wire_mapped m = {.head = wire_head(TRN_WIRE_MAPPED, 0),
                                .inode = 7,
                                .ctime = 8,
                                .address = 0x1000,
                                .dev_major = 8,
                                .nlink = 1,
                                .prot = 5,
                                .path_len = sizeof(path) - 1};
    struct trn_event ev;
    size_t n = wire_join(record, &m, sizeof(m), path, sizeof(path) - 1);

    cr_assert_eq(decode(n, &ev), 0);
    cr_expect_eq(ev.type, TRN_EV_LIB_LOAD);
    cr_expect(trn_str_eq_c(ev.map.path, "/usr/lib/libz.so.1"));
    cr_expect(ev.flags == TRN_EVF_EXISTING && ev.map.file.ino == 7 && ev.map.file.dev == 8ull << 20);
    cr_expect_eq(ev.entity, trn_entity_id(SALT, 42, 77));
    cr_expect_eq(decode(n - 1, &ev), -EBADMSG);
    m.nlink = 0;
    n = wire_join(record, &m, sizeof(m), path, sizeof(path) - 1);
    cr_assert_eq(decode(n, &ev), 0);
    cr_expect(trn_str_eq_c(ev.map.path, "/usr/lib/libz.so.1 (deleted)"), "as perf says it");
    m.path_len = 0;
    m.prot = 7;
    n = wire_join(record, &m, sizeof(m), NULL, 0);
    cr_assert_eq(decode(n, &ev), 0);
    cr_expect(ev.type == TRN_EV_MEM_EXEC && ev.action == TRN_ACT_WRITABLE && trn_str_is_none(ev.map.path));
}

Test(sensor_decode, who_was_throttled)
{
    struct trn_wire_throttle t = {.head = wire_head(TRN_WIRE_THROTTLE, sizeof(t)),
                                  .class = TRN_CLASS_DNS,
                                  .count = 9,
                                  .since = 500};
    struct trn_event ev;

    memcpy(record, &t, sizeof(t));
    cr_assert_eq(decode(sizeof(t), &ev), 0);
    cr_expect(ev.type == TRN_EV_LOSS && ev.action == TRN_ACT_THROTTLED && ev.pid == 42);
    cr_expect(ev.meta.klass == TRN_CLASS_DNS && ev.meta.count == 9 && ev.meta.from_boot_ns == 500);
    t.class = TRN_CLASS_MAX;
    memcpy(record, &t, sizeof(t));
    cr_expect_eq(decode(sizeof(t), &ev), -EBADMSG);
}

Test(sensor_decode, a_filter_that_was_set)
{
    static const char tail[] = "/srv/outnightly build";
    struct trn_wire_filter f = {.head = wire_head(TRN_WIRE_FILTER, 0),
                                .inode = 7,
                                .until = 1000 + 60,
                                .uid = 5,
                                .classes = 1u << TRN_CLASS_FILE,
                                .path_len = 8,
                                .why_len = sizeof(tail) - 1 - 8};
    struct trn_event ev;
    size_t n = wire_join(record, &f, sizeof(f), tail, sizeof(tail) - 1);

    cr_assert_eq(decode(n, &ev), 0);
    cr_expect(ev.type == TRN_EV_FILTER && ev.action == TRN_ACT_SET && ev.uid == 5 && ev.pid == 42);
    cr_expect(trn_str_eq_c(ev.filter.path, "/srv/out") && trn_str_eq_c(ev.filter.why, "nightly build"));
    cr_expect(ev.filter.holds_ns == 60 && ev.filter.target_pid == TRN_NO_U32 && ev.filter.file.ino == 7);
    cr_expect_eq(decode(n - 1, &ev), -EBADMSG);
    f.flags = TRN_WIRE_FILTER_ENDED;
    f.classes = 1u << TRN_CLASS_MAX;
    n = wire_join(record, &f, sizeof(f), tail, sizeof(tail) - 1);
    cr_expect_eq(decode(n, &ev), -EBADMSG, "a class that is none");
    f.classes = 1;
    n = wire_join(record, &f, sizeof(f), tail, sizeof(tail) - 1);
    cr_assert_eq(decode(n, &ev), 0);
    cr_expect_eq(ev.action, TRN_ACT_EXPIRED);
}
