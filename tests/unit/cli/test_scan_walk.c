/* SPDX-License-Identifier: Apache-2.0 */
/* Does the walk give every file once, in order, and nothing that is none? */
#include "cli/scan.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

static char dir[64];

static void set_up(void)
{
    snprintf(dir, sizeof(dir), "/tmp/trn-walk-XXXXXX");
    cr_assert(mkdtemp(dir));
    cr_assert_eq(chdir(dir), 0);
}

static void tear_down(void)
{
    char command[200];
    cr_assert_eq(seteuid(getuid()), 0);
    snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", dir, dir);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(command), 0);
}

TestSuite(scan_walk, .init = set_up, .fini = tear_down, .timeout = 30);

static void put(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(write(fd, path, strlen(path)), (ssize_t)strlen(path));
    close(fd);
}

/* All paths with a blank behind each; what was told instead of a file in parentheses. */
static const char *walked(char *const *paths, int n, uint64_t *ret_links, uint64_t *ret_skipped)
{
    static char all[4096];
    struct trn_walk *w = NULL;
    struct trn_walked f;
    int r;
    all[0] = '\0';
    cr_assert_eq(trn_walk_new(paths, n, &w), 0);
    while ((r = trn_walk_next(w, &f)) == 1) {
        size_t at = strlen(all);
        snprintf(all + at, sizeof(all) - at, f.error ? "(%.*s) " : "%.*s ", (int)f.path.n, f.path.p);
        if (f.error == 0) {
            int fd = trn_walk_open(&f);
            cr_assert_geq(fd, 0, "%.*s", (int)f.path.n, f.path.p);
            close(fd);
        }
    }
    cr_assert_eq(r, 0);
    trn_walk_counts(w, ret_links, ret_skipped);
    trn_walk_free(w);
    return all;
}

static uint64_t links, skipped;
#define WALK(...) \
    walked((char *const[]){__VA_ARGS__}, (int)TRN_ARRAY_SIZE(((char *const[]){__VA_ARGS__})), &links, &skipped)

Test(scan_walk, order_is_that_of_whole_paths)
{
    mkdir("t", 0755);
    mkdir("t/a", 0755);
    mkdir("t/b", 0755);
    put("t/b/z");
    put("t/a/2");
    put("t/a/10");
    put("t/a-c");
    put("t/a.d");
    put("t/a0");
    put("t/c");
    cr_assert_str_eq(WALK((char *)"t"), "t/a-c t/a.d t/a/10 t/a/2 t/a0 t/b/z t/c ");
    cr_assert_str_eq(WALK((char *)"t/"), "t/a-c t/a.d t/a/10 t/a/2 t/a0 t/b/z t/c ");
}

Test(scan_walk, links_are_followed_when_named_only)
{
    mkdir("t", 0755);
    mkdir("out", 0755);
    put("out/secret");
    put("t/file");
    cr_assert_eq(symlink("../out", "t/folder"), 0);
    cr_assert_eq(symlink("../out/secret", "t/link"), 0);
    cr_assert_eq(symlink("..", "t/up"), 0);
    cr_assert_eq(symlink("nowhere", "dangling"), 0);
    cr_assert_str_eq(WALK((char *)"t"), "t/file ");
    cr_assert_eq(skipped, 3);
    cr_assert_str_eq(WALK((char *)"t/folder"), "t/folder/secret ");
    cr_assert_str_eq(WALK((char *)"t/link"), "t/link ");
    cr_assert_str_eq(WALK((char *)"dangling"), "(dangling) ");
}

Test(scan_walk, other_names_of_a_file_come_once)
{
    mkdir("t", 0755);
    put("t/a");
    cr_assert_eq(link("t/a", "t/b"), 0);
    cr_assert_str_eq(WALK((char *)"t"), "t/a ");
    cr_assert_eq(links, 1);
    cr_assert_str_eq(WALK((char *)"t", (char *)"t/a"), "t/a ");
    cr_assert_eq(links, 2);
}

Test(scan_walk, what_is_no_file_is_passed_over_and_told_when_named)
{
    mkdir("t", 0755);
    cr_assert_eq(mkfifo("t/pipe", 0644), 0);
    put("t/z");
    cr_assert_str_eq(WALK((char *)"t"), "t/z ");
    cr_assert_eq(skipped, 1);
    cr_assert_str_eq(WALK((char *)"t/pipe"), "(t/pipe) ");
    cr_assert_str_eq(WALK((char *)"none"), "(none) ");
    cr_assert_str_eq(WALK((char *)"t/z/below"), "(t/z/below) ");
    cr_assert_str_eq(WALK((char *)"/dev/null"), "(/dev/null) ");
}

Test(scan_walk, the_kernels_file_systems_are_not_entered)
{
    cr_assert_str_eq(WALK((char *)"/proc"), "(/proc) ");
    cr_assert_str_eq(WALK((char *)"/sys"), "(/sys) ");
}

Test(scan_walk, a_file_that_became_another_is_not_opened)
{
    struct trn_walk *w = NULL;
    struct trn_walked f;
    char *paths[] = {(char *)"t"};
    mkdir("t", 0755);
    put("t/a");
    put("other");
    cr_assert_eq(trn_walk_new(paths, 1, &w), 0);
    cr_assert_eq(trn_walk_next(w, &f), 1);
    cr_assert_eq(rename("other", "t/a"), 0);
    cr_assert_eq(trn_walk_open(&f), -ESTALE);
    cr_assert_eq(unlink("t/a"), 0);
    cr_assert_eq(symlink("/etc/passwd", "t/a"), 0);
    cr_assert_eq(trn_walk_open(&f), -ELOOP);
    cr_assert_eq(unlink("t/a"), 0);
    cr_assert_eq(mkfifo("t/a", 0644), 0);
    cr_assert_eq(trn_walk_open(&f), -ESTALE, "and it did not wait for somebody to write");
    trn_walk_free(w);
}

Test(scan_walk, folders_deeper_than_there_are_descriptors_are_told)
{
    mkdir("t", 0755);
    int fd = open("t", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 250; i++) {
        cr_assert_eq(mkdirat(fd, "d", 0755), 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        cr_assert_geq(next, 0);
        close(fd);
        fd = next;
    }
    close(fd);
    const char *all = WALK((char *)"t");
    cr_assert_eq(all[0], '(', "%s", all);
}

Test(scan_walk, a_folder_that_may_not_be_read_is_told)
{
    mkdir("t", 0777);
    mkdir("t/closed", 0700);
    put("t/closed/x");
    put("t/open");
    cr_assert_eq(chmod("t", 0755), 0);
    cr_assert_eq(chmod(dir, 0755), 0);
    cr_assert_eq(chmod("t/closed", 0), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    cr_assert_str_eq(WALK((char *)"t"), "(t/closed) t/open ");
}
