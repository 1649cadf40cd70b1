/* SPDX-License-Identifier: Apache-2.0 */
/* Can the owner of a link choose somebody else's file for what is done to a path? Only in folders made for it. */
#include "response/execute/reach.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALICE 1000
#define BOB 1001

static char dir[] = "/tmp/trn-reach-XXXXXX";

static const char *in_dir(const char *name)
{
    static char path[4][200];
    static unsigned n;

    (void)snprintf(path[n % 4], sizeof(path[0]), "%s/%s", dir, name);
    return path[n++ % 4];
}

static void make(const char *name, uid_t owner)
{
    TRN_AUTO(trn_fd_closep) int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    cr_assert(fd >= 0 && fchown(fd, owner, (gid_t)-1) == 0);
}

static void make_link(const char *to, const char *name, uid_t owner)
{
    cr_assert_eq(symlink(to, in_dir(name)), 0);
    cr_assert_eq(lchown(in_dir(name), owner, (gid_t)-1), 0);
}

static int reach(const char *path)
{
    int fd = trn_reach(path);
    struct stat a, b;

    if (fd < 0)
        return fd;
    cr_expect_eq(stat(path, &a), 0);
    cr_expect_eq(fstat(fd, &b), 0);
    cr_expect(a.st_ino == b.st_ino && a.st_dev == b.st_dev, "%s: where the kernel would go", path);
    trn_fd_close(fd);
    return 0;
}

static void setup(void)
{
    if (geteuid() != 0)
        cr_skip_test("needs root: files of several owners");
    cr_assert(mkdtemp(dir));
    cr_assert_eq(mkdir(in_dir("sub"), 0755), 0);
    make("roots", 0);
    make("alices", ALICE);
    make("bobs", BOB);
    make("sub/deep", 0);
}

static void teardown(void)
{
    char command[64];

    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_expect_eq(system(command), 0);
}

Test(reach, only_links_of_root_and_of_the_owner_are_followed, .init = setup, .fini = teardown)
{
    make_link("roots", "root-to-root", 0);
    make_link("alices", "root-to-alice", 0);
    make_link("alices", "alice-to-alice", ALICE);
    make_link("roots", "alice-to-root", ALICE);
    make_link("bobs", "alice-to-bob", ALICE);
    make_link(in_dir("alice-to-bob"), "root-to-alice-to-bob", 0);
    make_link("alice-to-bob", "bob-to-alice-to-bob", BOB);
    make_link("sub", "alices-way", ALICE);
    make_link("sub", "roots-way", 0);

    cr_expect_eq(reach(in_dir("roots")), 0);
    cr_expect_eq(reach(in_dir("root-to-root")), 0);
    cr_expect_eq(reach(in_dir("root-to-alice")), 0);
    cr_expect_eq(reach(in_dir("alice-to-alice")), 0);
    cr_expect_eq(reach(in_dir("roots-way/deep")), 0);
    cr_expect_eq(reach(in_dir("sub/..//./sub/deep")), 0);
    cr_expect_eq(reach(in_dir("alice-to-root")), -ELOOP);
    cr_expect_eq(reach(in_dir("alice-to-bob")), -ELOOP);
    cr_expect_eq(reach(in_dir("root-to-alice-to-bob")), -ELOOP);
    cr_expect_eq(reach(in_dir("bob-to-alice-to-bob")), -ELOOP, "the links of two");
    cr_expect_eq(reach(in_dir("alices-way/deep")), -ELOOP, "a folder on the way");
}

Test(reach, what_leads_nowhere_is_said, .init = setup, .fini = teardown)
{
    char way[160], deep[9000] = "/a";

    make_link("circle", "circle", 0);
    make_link("gone", "dangles", 0);
    cr_expect_eq(trn_reach(in_dir("circle")), -ELOOP);
    cr_expect_eq(trn_reach(in_dir("dangles")), -ENOENT);
    cr_expect_eq(trn_reach(in_dir("roots/below")), -ENOTDIR);
    cr_expect_eq(trn_reach("relative"), -EINVAL);
    cr_expect_eq(trn_reach(in_dir("roots/")), -ENOTDIR);
    cr_expect_eq(reach(in_dir("sub/")), 0);
    (void)snprintf(way, sizeof(way), "/proc/self/fd/%d", 0);
    cr_expect_eq(trn_reach(way), -ELOOP, "a link of /proc");
    memset(deep + 1, 'a', sizeof(deep) - 2);
    cr_expect_eq(trn_reach(deep), -ENAMETOOLONG);
    int root = trn_reach("/");
    cr_expect(root >= 0);
    trn_fd_close(root);
}
