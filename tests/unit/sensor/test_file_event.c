/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does an event of fanotify become the right records, also when nothing of it can be looked at any more? */
#include "sensor/fanotify.h"

#include <criterion/criterion.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "sensor/bpf/wire.h"

#define TMPFS_HANDLE "\x0c\0\0\0\x01\0\0\0GGGG\x39\x05\0\0\0\0\0\0" /* inode 1337 */
#define EXT4_HANDLE "\x08\0\0\0\x01\0\0\0\x39\x05\0\0GGGG"
#define FSID "\1\2\3\4\5\6\7\x08"

struct told {
    unsigned n;
    struct trn_wire_file file[8];
    struct trn_wire_loss loss;
    char path[64];
};

static int take(void *ctx, struct trn_str record)
{
    struct told *t = ctx;
    const struct trn_wire_header *h = (const void *)record.p;

    cr_assert_lt(t->n, 8);
    if (h->type == TRN_WIRE_LOSS) {
        memcpy(&t->loss, record.p, sizeof(t->loss));
    } else {
        memcpy(&t->file[t->n], record.p, sizeof(t->file[0]));
        memcpy(t->path, record.p + sizeof(t->file[0]), TRN_MIN(record.n - sizeof(t->file[0]), sizeof(t->path) - 1));
    }
    t->n++;
    return 0;
}

struct built {
    uint8_t b[512];
    size_t n;
};

static void put(struct built *b, const void *p, size_t n)
{
    memcpy(b->b + b->n, p, n);
    b->n += n;
}

static void put_info(struct built *b, uint8_t type, const void *body, size_t n, const void *tail, size_t tail_n)
{
    uint16_t len = (uint16_t)(4 + n + tail_n);

    put(b, (const uint8_t[]){type, 0, (uint8_t)len, (uint8_t)(len >> 8)}, 4);
    put(b, body, n);
    put(b, tail, tail_n);
}

static struct built event(uint64_t mask, uint32_t pid)
{
    struct fanotify_event_metadata m = {
        .vers = FANOTIFY_METADATA_VERSION, .metadata_len = sizeof(m), .mask = mask, .fd = FAN_NOFD, .pid = (int)pid};
    struct built b = {.n = 0};

    put(&b, &m, sizeof(m));
    return b;
}

static void finish(struct built *b)
{
    uint32_t n = (uint32_t)b->n;

    memcpy(b->b, &n, sizeof(n));
}

static struct told read_built(const struct built *b, size_t n, int expected)
{
    static char home[] = "/home/*", point[] = "/nowhere/at/all";
    char *homes[] = {home, NULL};
    struct trn_fanotify *f = calloc(1, sizeof(*f));
    struct told t = {0};
    const struct trn_record_sink sink = {take, &t};

    cr_assert(f);
    f->epoll = -1;
    f->self = (uint32_t)getpid();
    for (int i = 0; i < TRN_GROUP_COUNT; i++)
        f->group[i] = -1;
    for (size_t i = 0; i < TRN_DIRS; i++)
        f->cache[i].fd = -1;
    f->homes = homes;
    f->fs[0] = (struct trn_fs){.point = point, .fd = -1, .major = 7, .minor = 8};
    memcpy(f->fs[0].fsid, FSID, 8);
    f->n_fs = 1;
    cr_assert_eq(trn_fanotify_batch(f, TRN_GROUP_CHANGES, b->b, n, &sink), expected);
    trn_fanotify_end_batch(f);
    free(f);
    return t;
}

#define DIR_AND_NAME FSID EXT4_HANDLE "file"

Test(file_event, a_deleted_file_keeps_its_number_and_its_last_owner_is_known_to_be_gone)
{
    struct built b = event(FAN_DELETE, 42);
    struct told t;

    put_info(&b, FAN_EVENT_INFO_TYPE_DFID_NAME, DIR_AND_NAME, sizeof(DIR_AND_NAME), "", 0);
    put_info(&b, FAN_EVENT_INFO_TYPE_FID, FSID TMPFS_HANDLE, 28, "", 0);
    put_info(&b, 4, "\xff\xff\xff\xff", 4, "", 0); /* FAN_NOPIDFD */
    finish(&b);
    t = read_built(&b, b.n, 0);
    cr_assert_eq(t.n, 1);
    cr_expect_eq(t.file[0].op, TRN_WIRE_FILE_DELETE);
    cr_expect_eq(t.file[0].inode, 1337);
    cr_expect_eq(t.file[0].dev_major, 7);
    cr_expect_eq(t.file[0].dev_minor, 8);
    cr_expect_eq(t.file[0].head.tgid, 42);
    cr_expect_eq(t.file[0].flags, TRN_WIRE_FILE_NO_STAT | TRN_WIRE_FILE_GONE);
    cr_expect_str_eq(t.path, "file", "its folder cannot be named any more");
}

Test(file_event, what_was_merged_is_told_in_the_order_in_which_it_must_have_happened)
{
    static const uint16_t order[] = {TRN_WIRE_FILE_CREATE, TRN_WIRE_FILE_CLOSE_WRITE, TRN_WIRE_FILE_DELETE};
    struct built b = event(FAN_DELETE | FAN_CLOSE_WRITE | FAN_CREATE, 42);
    struct told t;

    put_info(&b, FAN_EVENT_INFO_TYPE_DFID_NAME, DIR_AND_NAME, sizeof(DIR_AND_NAME), "", 0);
    finish(&b);
    t = read_built(&b, b.n, 0);
    cr_assert_eq(t.n, 3);
    for (int i = 0; i < 3; i++)
        cr_expect_eq(t.file[i].op, order[i]);
    cr_expect_eq(t.file[0].flags, TRN_WIRE_FILE_NO_STAT);
    cr_expect_eq(trn_fanotify_worth(FAN_DELETE | FAN_CLOSE_WRITE | FAN_CREATE), 3, "and counted so when left out");
}

Test(file_event, a_folder_is_told_when_it_is_renamed_or_open_to_all)
{
    struct built b = event(FAN_CREATE | FAN_DELETE | FAN_ONDIR, 42);

    put_info(&b, FAN_EVENT_INFO_TYPE_DFID_NAME, DIR_AND_NAME, sizeof(DIR_AND_NAME), "", 0);
    finish(&b);
    cr_expect_eq(read_built(&b, b.n, 0).n, 0);
    cr_expect_eq(trn_fanotify_worth(FAN_CREATE | FAN_DELETE | FAN_ONDIR), 0);
    cr_expect_eq(trn_fanotify_worth(FAN_RENAME | FAN_ONDIR), 1);
}

Test(file_event, attributes_of_what_is_gone_are_not_told)
{
    struct built b = event(FAN_ATTRIB, 42);

    put_info(&b, FAN_EVENT_INFO_TYPE_DFID_NAME, DIR_AND_NAME, sizeof(DIR_AND_NAME), "", 0);
    finish(&b);
    cr_expect_eq(read_built(&b, b.n, 0).n, 0);
}

Test(file_event, a_full_queue_is_a_loss_and_our_own_acts_are_nothing)
{
    struct built b = event(FAN_Q_OVERFLOW, 0);
    struct told t;

    finish(&b);
    t = read_built(&b, b.n, 0);
    cr_assert_eq(t.n, 1);
    cr_expect_eq(t.loss.class, TRN_CLASS_FILE);
    cr_expect_eq(t.loss.count, 1);
    b = event(FAN_CLOSE_WRITE, (uint32_t)getpid());
    put_info(&b, FAN_EVENT_INFO_TYPE_DFID_NAME, DIR_AND_NAME, sizeof(DIR_AND_NAME), "", 0);
    finish(&b);
    cr_expect_eq(read_built(&b, b.n, 0).n, 0);
}

Test(file_event, bad_buffers_are_refused)
{
    struct built b = event(FAN_CREATE, 42);

    put_info(&b, FAN_EVENT_INFO_TYPE_DFID_NAME, DIR_AND_NAME, sizeof(DIR_AND_NAME), "", 0);
    finish(&b);
    read_built(&b, b.n - 1, -EBADMSG);
    b.b[4] = 9; /* version */
    read_built(&b, b.n, -EBADMSG);
    b.b[4] = FANOTIFY_METADATA_VERSION;
    b.b[24 + 2] = 3; /* an information record shorter than its head */
    read_built(&b, b.n, -EBADMSG);
}

Test(file_event, inode_numbers_of_known_handles)
{
    cr_expect_eq(trn_handle_inode((struct trn_str){TMPFS_HANDLE, 20}), 1337);
    cr_expect_eq(trn_handle_inode((struct trn_str){EXT4_HANDLE, 16}), 1337);
    cr_expect_eq(trn_handle_inode((struct trn_str){EXT4_HANDLE, 10}), 0, "cut short");
    cr_expect_eq(trn_handle_inode((struct trn_str){"\x0c\0\0\0\xf8\0\0\0", 8}), 0, "overlay: its own");
}

Test(file_event, places_are_known_by_their_handles_and_bounded)
{
    struct trn_places *p = trn_places_new();
    const char *path = NULL;

    cr_assert(p);
    cr_expect_eq(trn_places_put_folder(p, 1, ".ssh"), 0);
    cr_expect_eq(trn_places_put_folder(p, 1, ".gnupg"), 0);
    cr_expect_str_eq(trn_places_folder(p, 1), ".gnupg");
    cr_expect_null(trn_places_folder(p, 2));
    for (uint64_t key = 1; key <= 10000; key++)
        cr_assert_eq(trn_places_put_file(p, key, 3, "/home/al/.ssh/id_rsa"), 0);
    cr_expect_eq(trn_places_file(p, 1, &path), 0, "the oldest made room");
    cr_expect_eq(trn_places_file(p, 10000, &path), 3);
    cr_expect_str_eq(path, "/home/al/.ssh/id_rsa");
    cr_expect_eq(trn_places_put_file(p, 10000, 4, "/other"), 0);
    cr_expect_eq(trn_places_file(p, 10000, &path), 4);
    cr_expect_eq(trn_places_count(p), 1 + 8192);
    trn_places_free(p);
}
