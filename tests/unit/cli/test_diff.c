/* SPDX-License-Identifier: Apache-2.0 */
/* What does 'turncoat diff' say and with which exit code: of equal inputs, of changes, of what is in its way? */
#include "scan_place.h"

#include "cli/diff.h"

#include <jansson.h>
#include <sys/wait.h>

static void make(void)
{
    place_make();
    cr_assert_eq(mkdir("old", 0755), 0);
    cr_assert_eq(mkdir("new", 0755), 0);
    place_put("old/a.txt", "the first line\nthe second\n");
    place_put("new/a.txt", "the first line\nthe second\n");
    place_put("old/b.txt", "one thing\n");
}

TestSuite(diff, .init = make, .fini = place_done, .timeout = 90);

Test(diff, equal_inputs_are_one_line)
{
    place_put("new/b.txt", "one thing\n");
    TRN_AUTO(said_done) struct said s = CALL("diff", "old", "new");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert_str_eq(s.out, "equal: new, 2 members, nothing changed\n");
    cr_assert_str_empty(s.err);
}

Test(diff, the_same_twice_is_said_to_be_that)
{
    TRN_AUTO(said_done) struct said s = CALL("diff", "old/a.txt", "./old/../old/a.txt");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert_str_eq(s.out, "equal: a.txt, 1 file, nothing changed (the same was given twice)\n");
}

Test(diff, a_harmless_change_has_the_verdict_first_and_counts)
{
    place_put("new/b.txt", "another thing\n");
    place_put("new/c.txt", "a third\n");
    TRN_AUTO(said_done) struct said s = CALL("diff", "old/", "new/");
    cr_assert_eq(s.code, TRN_EXIT_OK, "%s", s.err);
    cr_assert_eq(strncmp(s.out, "CLEAN  old -> new\n", 18), 0, "%s", s.out);
    cr_assert(strstr(s.out, "1 changed, 1 added, 1 the same"), "%s", s.out);
}

Test(diff, all_shows_each_change_and_its_pairing)
{
    place_put("new/moved.txt", "one thing\n");
    TRN_AUTO(said_done) struct said s = CALL("diff", "--all", "old", "new");
    cr_assert(strstr(s.out, "> moved.txt  renamed, text, 10 bytes, paired by content, was b.txt\n"), "%s", s.out);
    cr_assert(strstr(s.out, "= 1 the same\n"), "%s", s.out);
}

Test(diff, json_says_both_sides)
{
    place_put("new/b.txt", "another thing\n");
    TRN_AUTO(said_done) struct said s = CALL("diff", "--json", "old/b.txt", "new/b.txt");
    json_t *o = json_loads(s.out, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(o, "%s", s.out);
    cr_assert_str_eq(json_string_value(json_object_get(o, "schema")), "turncoat.diff/1");
    cr_assert_eq(json_string_length(json_object_get(json_object_get(o, "old"), "sha256")), 64);
    const json_t *change = json_array_get(json_object_get(o, "changes"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(change, "path")), "b.txt");
    cr_assert_str_eq(json_string_value(json_object_get(change, "kind")), "changed");
    cr_assert_str_eq(json_string_value(json_object_get(change, "paired_by")), "path");
    cr_assert_eq(json_integer_value(json_object_get(change, "old_size")), 10);
    cr_assert_eq(json_integer_value(json_object_get(change, "new_size")), 14);
    json_decref(o);
}

static void put_bytes(const char *path, const char *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
    close(fd);
}

Test(diff, only_what_changed_and_was_not_seen_is_a_doubt)
{
    static const char cut[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd";
    put_bytes("old/cut.gz", cut, sizeof(cut) - 1);
    put_bytes("new/cut.gz", cut, sizeof(cut) - 1);
    place_put("new/b.txt", "another thing\n");
    TRN_AUTO(said_done) struct said same = CALL("diff", "old", "new");
    cr_assert_eq(same.code, TRN_EXIT_OK, "%s", same.out);
    cr_assert(strstr(same.out, "not seen   old: 1 damaged"), "%s", same.out);
    put_bytes("new/cut.gz", cut, sizeof(cut) - 2);
    TRN_AUTO(said_done) struct said other = CALL("diff", "old", "new");
    cr_assert_eq(other.code, TRN_EXIT_UNDECIDED, "%s", other.out);
    cr_assert(strstr(other.out, ", as far as it could be looked at\n"), "%s", other.out);
    cr_assert(strstr(other.out, "it is not decided: look at what was not seen\n"), "%s", other.out);
}

static void refused(int code, const char *a, const char *b, const char *words)
{
    TRN_AUTO(said_done) struct said s = CALL("diff", a, b);
    cr_assert_eq(s.code, code, "'%s' and '%s': %d, %s", a, b, s.code, s.err);
    cr_assert(strstr(s.err, words), "'%s' and '%s': %s", a, b, s.err);
    cr_assert_str_empty(s.out);
}

Test(diff, what_is_in_the_way_is_named)
{
    cr_assert_eq(mkdir("empty", 0755), 0);
    cr_assert_eq(mkfifo("pipe", 0644), 0);
    refused(2, "none", "new", "turncoat: cannot look at 'none': it is not there\n");
    refused(2, "old", "no\x1bne", "cannot look at 'no\\x1bne': it is not there\n");
    refused(2, "empty", "new", "cannot look at 'empty': there is no file in this folder\n");
    refused(2, "old", "empty", "cannot look at 'empty': there is no file in this folder\n");
    refused(2, "pipe", "old", "cannot look at 'pipe': it is neither a file nor a folder\n");
    refused(2, "/dev/null", "old", "cannot look at '/dev/null': it is neither a file nor a folder\n");
    refused(2, "old", "new/a.txt",
            "'old' (a folder) and 'new/a.txt' (text) are of different kinds: there is nothing to compare\n");
    refused(2, "old/a.txt", "new", "'old/a.txt' (text) and 'new' (a folder) are of different kinds");
}

Test(diff, two_that_have_nothing_in_common_get_no_verdict)
{
    cr_assert_eq(mkdir("other", 0755), 0);
    place_put("other/z.json", "{\"of\": [1, 2, 3], \"another\": \"product\"}\n");
    refused(2, "old", "other", "'old' (a folder) and 'other' (a folder) have nothing in common: not one member");
}

Test(diff, programs_of_two_systems_are_of_different_kinds)
{
    static const char pe[] = "MZ\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
                             "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0PE\0\0\x64\x86";
    static const char elf[] = "\x7f"
                              "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0\x01\0\0\0";
    put_bytes("pe", pe, sizeof(pe) - 1);
    put_bytes("elf", elf, sizeof(elf) - 1);
    refused(2, "pe", "elf", "'pe' (a Windows program) and 'elf' (a Linux program) are of different kinds");
}

/* ---- outputs ---- */

Test(diff, a_pipe_or_a_device_is_written_and_stays_what_it_is)
{
    struct stat st;
    char text[16] = "";
    cr_assert_eq(mkfifo("pipe", 0644), 0);
    int reader = open("pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert_geq(reader, 0);
    TRN_AUTO(said_done) struct said s = CALL("diff", "--html", "pipe", "old", "new");
    cr_assert_eq(s.code, 0, "%s", s.err);
    cr_assert_eq(read(reader, text, 14), 14);
    cr_assert_str_eq(text, "<!doctype html");
    close(reader);
    cr_assert(stat("pipe", &st) == 0 && S_ISFIFO(st.st_mode), "a file took its place");
    TRN_AUTO(said_done) struct said dev = CALL("diff", "--sarif", "/dev/null", "old", "new");
    cr_assert_eq(dev.code, 0, "%s", dev.err);
    cr_assert(stat("/dev/null", &st) == 0 && S_ISCHR(st.st_mode), "a file took its place");
}

static void not_written(const char *path, const char *words)
{
    TRN_AUTO(said_done) struct said s = CALL("diff", "--html", path, "old", "new");
    cr_assert_eq(s.code, 2, "'%s': %d, %s", path, s.code, s.err);
    cr_assert(strstr(s.err, words), "'%s': %s", path, s.err);
    cr_assert_str_empty(s.out);
}

Test(diff, where_nothing_can_be_written_is_said_before_anything_is_compared)
{
    cr_assert_eq(mkdir("folder", 0755), 0);
    not_written("folder", "turncoat: cannot write 'folder': it is a folder\n");
    not_written("none/x.html", "turncoat: cannot write 'none/x.html': its folder is not there\n");
    not_written("", "turncoat: cannot write '': the name is empty\n");
}

Test(diff, a_full_disk_is_called_that_and_no_answer)
{
    if (access("/dev/full", W_OK) < 0)
        cr_skip("no /dev/full that may be written here");
    TRN_AUTO(said_done) struct said s = CALL("diff", "--html", "/dev/full", "old", "new");
    cr_assert_eq(s.code, TRN_EXIT_UNDECIDED, "%s", s.err);
    cr_assert(strstr(s.err, "cannot write '/dev/full': no space is left\n"), "%s", s.err);
}

Test(diff, what_may_not_be_read_is_undecided)
{
    cr_assert_eq(chmod(place, 0777), 0);
    cr_assert_eq(chmod("new/a.txt", 0), 0);
    cr_assert_eq(mkdir("closed", 0), 0);
    if (geteuid() == 0)
        cr_assert_eq(seteuid(65534), 0);
    refused(3, "old/a.txt", "new/a.txt", "cannot look at 'new/a.txt': permission denied\n");
    refused(3, "old", "closed", "cannot look at 'closed': permission denied\n");
    TRN_AUTO(said_done) struct said s = CALL("diff", "old", "old");
    cr_assert_eq(s.code, 0, "%s", s.err);
}

Test(diff, two_are_needed_and_no_more)
{
    TRN_AUTO(said_done)
    struct said none = CALL("diff"), three = CALL("diff", "a", "b", "c"), from = CALL("diff", "--from", "x", "a", "b");
    cr_assert_eq(none.code, TRN_EXIT_USAGE);
    cr_assert_eq(three.code, TRN_EXIT_USAGE);
    cr_assert_eq(from.code, TRN_EXIT_USAGE);
    cr_assert(strstr(from.err, "--from goes with --package"), "%s", from.err);
}

Test(diff, outputs_are_whole_or_not_there)
{
    place_put("new/b.txt", "another thing\n");
    TRN_AUTO(said_done)
    struct said s = CALL("diff", "--html", "r.html", "--sarif", "r.sarif", "--sbom", "r.json", "old", "new");
    struct stat st;
    cr_assert_eq(s.code, 0, "%s", s.err);
    cr_assert_eq(stat("r.html", &st), 0);
    cr_assert_gt(st.st_size, 1000);
    cr_assert_eq(stat("r.sarif", &st), 0);
    cr_assert_eq(stat("r.json", &st), 0);
    TRN_AUTO(said_done) struct said bad = CALL("diff", "--html", "no.html", "old", "none");
    cr_assert_eq(bad.code, TRN_EXIT_USAGE);
    cr_assert_neq(stat("no.html", &st), 0);
    cr_assert_neq(system("ls | grep -q part"), 0);
    TRN_AUTO(said_done) struct said nowhere = CALL("diff", "--html", "no/where.html", "old", "new");
    cr_assert_eq(nowhere.code, TRN_EXIT_USAGE);
    cr_assert(strstr(nowhere.err, "cannot write 'no/where.html'"), "%s", nowhere.err);
    TRN_AUTO(said_done) struct said both = CALL("diff", "--json", "--html", "-", "old", "new");
    cr_assert_eq(both.code, TRN_EXIT_USAGE);
}
