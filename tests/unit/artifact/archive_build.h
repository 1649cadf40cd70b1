/* SPDX-License-Identifier: Apache-2.0 */
/* Archives made in memory by libarchive, for tests of the readers. */
#ifndef TRN_TEST_ARCHIVE_BUILD_H
#define TRN_TEST_ARCHIVE_BUILD_H

#include "base/base.h"

#include <archive.h>
#include <archive_entry.h>
#include <criterion/criterion.h>
#include <sys/stat.h>

struct built_member {
    const char *name;
    struct trn_str data; /* absent: a folder, or a link when link is set */
    mode_t mode;         /* 0: 0644 */
    const char *link;
};
#define BUILT_MAX (96u << 20)

static la_ssize_t built_write(struct archive *a, void *ctx, const void *p, size_t n)
{
    trn_put(ctx, p, n);
    return ((struct trn_buf *)ctx)->bad ? -1 : (la_ssize_t)n;
}

/* set_format: archive_write_set_format_*; add_filter: archive_write_add_filter_* or NULL. out is initialised here. */
static TRN_UNUSED void build(struct trn_buf *out, int (*set_format)(struct archive *),
                             int (*add_filter)(struct archive *), const struct built_member *members, size_t n)
{
    struct archive *a = archive_write_new();
    trn_buf_init(out, BUILT_MAX);
    cr_assert_eq(set_format(a), ARCHIVE_OK);
    if (add_filter)
        cr_assert_eq(add_filter(a), ARCHIVE_OK);
    archive_write_set_bytes_in_last_block(a, 1);
    cr_assert_eq(archive_write_open(a, out, NULL, built_write, NULL), ARCHIVE_OK);
    for (size_t i = 0; i < n; i++) {
        struct archive_entry *e = archive_entry_new();
        archive_entry_set_pathname(e, members[i].name);
        archive_entry_set_mode(e, (members[i].mode & S_IFMT ? 0
                                   : members[i].link        ? S_IFLNK
                                                            : S_IFREG) |
                                      (members[i].mode ? members[i].mode : 0644));
        if (members[i].link)
            archive_entry_set_symlink(e, members[i].link);
        archive_entry_set_size(e, (la_int64_t)members[i].data.n);
        cr_assert_eq(archive_write_header(a, e), ARCHIVE_OK, "%s", archive_error_string(a));
        if (members[i].data.n)
            cr_assert_eq(archive_write_data(a, members[i].data.p, members[i].data.n), (la_ssize_t)members[i].data.n);
        archive_entry_free(e);
    }
    cr_assert_eq(archive_write_close(a), ARCHIVE_OK);
    archive_write_free(a);
    cr_assert(!out->bad);
}
#define BUILD(out, format, filter, ...)                                                                   \
    build((out), archive_write_set_format_##format, (filter), (const struct built_member[]){__VA_ARGS__}, \
          sizeof((const struct built_member[]){__VA_ARGS__}) / sizeof(struct built_member))

#endif
