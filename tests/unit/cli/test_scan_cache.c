/* SPDX-License-Identifier: Apache-2.0 */
/* Is a remembered result the one of this very file and question, and does a cache that cannot work harm nothing? */
#include "made_up.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

static char dir[64], place[100], file[128];
static const uint8_t QUESTION[TRN_SHA256_SIZE] = {1, 2, 3};

static void set_up(void)
{
    snprintf(dir, sizeof(dir), "/tmp/trn-cache-XXXXXX");
    cr_assert(mkdtemp(dir));
    snprintf(place, sizeof(place), "%s/a/b", dir);
    snprintf(file, sizeof(file), "%s/scan.db", place);
}

static void tear_down(void)
{
    char command[200];
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    cr_assert_eq(seteuid(getuid()), 0);
    cr_assert_eq(system(command), 0);
}

TestSuite(scan_cache, .init = set_up, .fini = tear_down, .timeout = 60);

static struct trn_cache *opened(struct trn_err *err)
{
    struct trn_cache *c = NULL;
    cr_assert_eq(trn_cache_open(place, QUESTION, 64u << 20, &c, err), 0);
    return c;
}

static const struct trn_cache_key KEY = {.dev = 1, .ino = 2, .ctime_ns = 3, .size = 4, .name = 5, .mode = 6};
static const uint8_t SHA[TRN_SHA256_SIZE] = {9};

static void put(struct trn_cache *c, const struct trn_cache_key *k, void (*made)(struct trn_result *))
{
    struct trn_result r;
    trn_result_init(&r);
    made(&r);
    trn_cache_put(c, k, SHA, &r);
    trn_result_done(&r);
}

static uint64_t found(struct trn_cache *c, const struct trn_cache_key *k)
{
    struct trn_result r;
    trn_result_init(&r);
    uint64_t n = trn_cache_find(c, k, &r) ? r.size : 0;
    trn_result_done(&r);
    return n;
}

Test(scan_cache, what_was_put_is_found_also_the_next_time)
{
    struct trn_err err = {0};
    struct trn_cache *c = opened(&err);
    struct stat st;
    cr_assert(c, "%s", err.message);
    cr_assert_eq(found(c, &KEY), 0);
    put(c, &KEY, made_up_installer);
    uint64_t n = found(c, &KEY);
    cr_assert_gt(n, 500);
    trn_cache_close(c, &err);
    c = opened(&err);
    cr_assert_eq(found(c, &KEY), n);
    trn_cache_close(c, &err);
    cr_assert_eq(err.code, 0, "%s", err.message);
    cr_assert(stat(file, &st) == 0 && (st.st_mode & 07777) == 0600);
    cr_assert(stat(place, &st) == 0 && (st.st_mode & 07777) == 0700);
}

Test(scan_cache, another_file_or_question_is_not_found)
{
    struct trn_err err = {0};
    struct trn_cache *c = opened(&err);
    put(c, &KEY, made_up_installer);
    for (size_t i = 0; i < 6; i++) {
        struct trn_cache_key k = KEY;
        uint64_t *const part[] = {&k.dev, &k.ino, &k.ctime_ns, &k.size, &k.name, &k.mode};
        (*part[i])++;
        cr_assert_eq(found(c, &k), 0, "part %zu does not count", i);
    }
    trn_cache_close(c, &err);
    uint8_t other[TRN_SHA256_SIZE] = {1, 2, 4};
    cr_assert_eq(trn_cache_open(place, other, 64u << 20, &c, &err), 0);
    cr_assert_eq(found(c, &KEY), 0, "other rules or limits are another question");
    trn_cache_close(c, &err);
}

static int content(const char *name, const char *text, struct trn_cache_key *ret)
{
    char path[120];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(fstat(fd, &st), 0);
    *ret = trn_cache_key_of(&st, TRN_STR("same-name"));
    return fd;
}

Test(scan_cache, a_copy_is_known_by_its_content)
{
    struct trn_err err = {0};
    struct trn_cache *c = opened(&err);
    struct trn_cache_key a, b, d;
    uint8_t sha[TRN_SHA256_SIZE];
    struct trn_result r;
    int first = content("1", "one content", &a), copy = content("2", "one content", &b),
        other = content("3", "two content", &d);
    cr_assert_eq(trn_sha256("one content", 11, sha), 0);
    trn_result_init(&r);
    made_up_clean(&r);
    cr_assert(!trn_cache_find_content(c, &b, copy, &r));
    trn_cache_put(c, &a, sha, &r);
    trn_result_done(&r);
    trn_result_init(&r);
    cr_assert(!trn_cache_find(c, &b, &r));
    cr_assert(!trn_cache_find_content(c, &d, other, &r), "same size and name, other bytes");
    cr_assert(trn_cache_find_content(c, &b, copy, &r));
    trn_result_done(&r);
    trn_cache_close(c, &err);
    close(first);
    close(copy);
    close(other);
}

Test(scan_cache, a_damaged_file_is_thrown_away_with_a_word)
{
    static const char junk[] =
        "this is no database, and long enough to be looked at as one ...............................";
    struct trn_err err = {0};
    trn_cache_close(opened(&err), &err);
    cr_assert_eq(trn_write_file_atomic(file, (struct trn_str){junk, sizeof(junk)}, 0600, NULL), 0);
    struct trn_cache *c = opened(&err);
    cr_assert(c);
    cr_assert_eq(err.code, -EUCLEAN);
    cr_assert(strstr(err.message, "thrown away"), "%s", err.message);
    put(c, &KEY, made_up_installer);
    cr_assert_gt(found(c, &KEY), 0, "and begun anew");
    trn_cache_close(c, &err);
}

Test(scan_cache, damage_anywhere_gives_no_wrong_answer)
{
    struct trn_err err = {0};
    struct trn_cache *c = opened(&err);
    uint64_t right = 0;
    for (uint64_t i = 0; i < 200; i++) {
        struct trn_cache_key k = KEY;
        k.ino = i;
        put(c, &k, made_up_installer);
        right = found(c, &k);
    }
    trn_cache_close(c, &err);
    struct trn_buf whole;
    cr_assert_eq(trn_read_file(file, 64u << 20, &whole, NULL), 0);
    for (size_t at = 0; at < whole.n; at += 1 + whole.n / 40) {
        char was = whole.p[at];
        whole.p[at] = (char)~was;
        cr_assert_eq(trn_write_file_atomic(file, trn_buf_str(&whole), 0600, NULL), 0);
        whole.p[at] = was;
        err = (struct trn_err){0};
        c = opened(&err);
        for (uint64_t i = 0; c && i < 200; i++) {
            struct trn_cache_key k = KEY;
            k.ino = i;
            uint64_t n = found(c, &k);
            cr_assert(n == 0 || n == right);
        }
        trn_cache_close(c, &err);
    }
    trn_buf_done(&whole);
}

Test(scan_cache, it_does_not_grow_past_its_room)
{
    struct trn_err err = {0};
    struct trn_cache *c = NULL;
    struct stat st;
    cr_assert_eq(trn_cache_open(place, QUESTION, 1u << 20, &c, &err), 0);
    for (uint64_t i = 0; i < 4000; i++) {
        struct trn_cache_key k = KEY;
        k.ino = i;
        put(c, &k, made_up_installer);
    }
    trn_cache_close(c, &err);
    cr_assert(stat(file, &st) == 0 && st.st_size <= 1 << 20, "%lld bytes", (long long)st.st_size);
    cr_assert_eq(trn_cache_open(place, QUESTION, 1u << 20, &c, &err), 0);
    unsigned left = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        struct trn_cache_key k = KEY;
        k.ino = i;
        left += found(c, &k) > 0;
    }
    cr_assert(left > 50 && left < 4000, "%u are left", left);
    trn_cache_close(c, &err);
}

Test(scan_cache, a_full_disk_ends_the_remembering_and_nothing_else)
{
    struct trn_err err = {0};
    struct trn_cache *c = opened(&err);
    const struct rlimit most = {256 << 10, 256 << 10};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &most), 0);
    for (uint64_t i = 0; i < 20000; i++) {
        struct trn_cache_key k = KEY;
        k.ino = i;
        put(c, &k, made_up_installer);
    }
    trn_cache_close(c, &err);
    cr_assert_lt(err.code, 0);
    cr_assert(strstr(err.message, "cannot remember results"), "%s", err.message);
}

Test(scan_cache, a_place_that_may_not_be_written_is_said_and_no_error)
{
    struct trn_err err = {0};
    cr_assert_eq(mkdir(place, 0700), -1);
    snprintf(place, sizeof(place), "%s/read-only/c", dir);
    char above[120];
    snprintf(above, sizeof(above), "%s/read-only", dir);
    cr_assert_eq(mkdir(above, 0555), 0);
    cr_assert_eq(chmod(dir, 0755), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    cr_assert_null(opened(&err));
    cr_assert(strstr(err.message, "cannot remember results in "), "%s", err.message);
    cr_assert(strstr(err.message, ": permission denied"), "%s", err.message);
    cr_assert(strstr(err.hint, "--no-cache"), "%s", err.hint);
}

Test(scan_cache, a_folder_that_others_may_write_is_not_trusted)
{
    struct trn_err err = {0};
    char above[120];
    snprintf(above, sizeof(above), "%s/a", dir);
    cr_assert_eq(mkdir(above, 0755), 0);
    cr_assert_eq(mkdir(place, 0755), 0);
    cr_assert_eq(chmod(place, 0777), 0);
    cr_assert_null(opened(&err));
    cr_assert(strstr(err.message, "others may write there"), "%s", err.message);
    cr_assert_eq(rmdir(place), 0);
    cr_assert_eq(symlink("/tmp", place), 0);
    err = (struct trn_err){0};
    cr_assert_null(opened(&err), "nor is a link");
}

Test(scan_cache, what_was_changed_this_moment_is_not_remembered)
{
    uint64_t now = 1000 * TRN_NS_PER_SEC;
    struct trn_cache_key k = {.ctime_ns = now - TRN_NS_PER_SEC};
    cr_assert(!trn_cache_too_fresh(&k, now));
    k.ctime_ns = now - 1000000;
    cr_assert(trn_cache_too_fresh(&k, now));
    k.ctime_ns = now + TRN_NS_PER_SEC;
    cr_assert(trn_cache_too_fresh(&k, now), "a file of the future");
}

Test(scan_cache, other_root_certificates_are_another_question)
{
    static const char *const lists[] = {"one", "two", "", NULL}; /* the last is not there */
    uint8_t asked[TRN_ARRAY_SIZE(lists)][TRN_SHA256_SIZE], again[TRN_SHA256_SIZE];
    char path[120];
    for (size_t i = 0; i < TRN_ARRAY_SIZE(lists); i++) {
        TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
        snprintf(path, sizeof(path), "%s/roots.pem", dir);
        if (lists[i])
            cr_assert_eq(trn_write_file_atomic(path, trn_str_of(lists[i]), 0600, NULL), 0);
        else
            cr_assert_eq(unlink(path), 0);
        cr_assert_eq(trn_cache_roots(d, path), 0);
        cr_assert_eq(trn_digest_end(d, asked[i], NULL), 0);
        for (size_t k = 0; k < i; k++)
            cr_expect_arr_neq(asked[i], asked[k], TRN_SHA256_SIZE, "%zu and %zu", i, k);
    }
    TRN_AUTO(trn_digest_freep) struct trn_digest *d = trn_digest_new(false);
    cr_assert_eq(trn_cache_roots(d, ""), 0);
    cr_assert_eq(trn_digest_end(d, again, NULL), 0);
    cr_expect_arr_eq(asked[3], again, TRN_SHA256_SIZE, "not there is the same as none");
}
