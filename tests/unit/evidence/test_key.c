/* SPDX-License-Identifier: Apache-2.0 */
/* Is the host's key made once, private, and never replaced? */
#include "evidence/evidence.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], path[96];

static void set_up(void)
{
    snprintf(dir, sizeof(dir), "/tmp/trn-key-XXXXXX");
    cr_assert(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/host-key", dir);
}

static void tear_down(void)
{
    unlink(path);
    rmdir(dir);
}

TestSuite(key, .init = set_up, .fini = tear_down);

Test(key, it_is_made_once_for_its_owner_alone)
{
    struct trn_evidence_key *a = NULL, *b = NULL;
    struct stat st;
    struct trn_err err = {0};
    mode_t before = umask(0);
    cr_assert_eq(trn_evidence_key_load(dir, &a, &err), 0, "%s", err.message);
    umask(before);
    cr_assert(stat(path, &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_size == 32);
    cr_assert_eq(trn_evidence_key_load(dir, &b, &err), 0);
    cr_assert_arr_eq(trn_evidence_key_public(a), trn_evidence_key_public(b), TRN_EVIDENCE_KEY);
    trn_evidence_key_free(a);
    trn_evidence_key_free(b);
}

static void refused(const char *why)
{
    struct trn_evidence_key *k = NULL;
    struct trn_err err = {0};
    struct stat before, after;
    cr_assert_eq(lstat(path, &before), 0);
    cr_assert_eq(trn_evidence_key_load(dir, &k, &err), -EBADMSG, "%s", why);
    cr_assert(strstr(err.message, "host-key") && err.hint[0], "%s: %s", why, err.message);
    cr_assert(lstat(path, &after) == 0 && before.st_ino == after.st_ino && before.st_size == after.st_size);
    unlink(path);
}

Test(key, what_is_no_key_is_refused_and_left_alone)
{
    cr_assert_eq(trn_write_file_atomic(path, TRN_STR("too short"), 0600, NULL), 0);
    refused("short");
    cr_assert_eq(trn_write_file_atomic(path, TRN_STR("0123456789abcdef0123456789abcdefX"), 0600, NULL), 0);
    refused("long");
    cr_assert_eq(trn_write_file_atomic(path, TRN_STR("0123456789abcdef0123456789abcdef"), 0640, NULL), 0);
    refused("readable for a group");
    cr_assert_eq(mkfifo(path, 0600), 0);
    refused("a pipe");
    cr_assert_eq(symlink("/dev/zero", path), 0);
    refused("a link");
}

/* RFC 8032, test 1: the key that another program derives from the same seed. */
Test(key, the_public_half_is_the_standard_one)
{
    uint8_t seed[32], want[32];
    struct trn_evidence_key *k = NULL;
    cr_assert_eq(trn_unhex(TRN_STR("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"), seed,
                           sizeof(seed)),
                 0);
    cr_assert_eq(trn_unhex(TRN_STR("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"), want,
                           sizeof(want)),
                 0);
    cr_assert_eq(trn_evidence_key_from(seed, &k), 0);
    cr_assert_arr_eq(trn_evidence_key_public(k), want, sizeof(want));
    trn_evidence_key_free(k);
}
