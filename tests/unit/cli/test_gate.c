/* SPDX-License-Identifier: Apache-2.0 */
/* Is what apt says before it unpacks read as it is meant, and is nothing taken that is not right? */
#include "call.h"
#include "cli/gate.h"
#include "made_up_diff.h"

#include <fcntl.h>
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
