/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a worker reads from one file: digests in one pass over pread windows, kind, build-id, the
 * interpreter of a script. Must not own: the descriptor, or what the facts mean. The file may change
 * meanwhile: one that got shorter is an error, bytes behind the size at the start are not looked at.
 */
#include "formats/formats.h"
#include "software/software.h"

#include <sys/stat.h>
#include <unistd.h>

#define WINDOW 65536u
#define HEAD 256u
#define ZIP_NAME 30u /* offset of the first member's name */

static void digest_freep(struct trn_digest **d)
{
    *d = trn_digest_free(*d);
}

static int read_digests(int fd, uint64_t size, struct trn_file_facts *ret, struct trn_err *err)
{
    TRN_AUTO(digest_freep) struct trn_digest *d = trn_digest_new(true);
    TRN_AUTO(trn_freep) uint8_t *window = malloc(WINDOW);
    if (!d || !window)
        return trn_fail(err, -ENOMEM, "out of memory for a digest");
    for (uint64_t at = 0; at < size;) {
        size_t n = (size_t)TRN_MIN(size - at, (uint64_t)WINDOW);
        int r = trn_pread_full(fd, window, n, at);
        if (r == 0)
            r = trn_digest_update(d, window, n);
        if (r < 0)
            return trn_fail(err, r, "cannot read the file at byte %llu", (unsigned long long)at);
        at += n;
    }
    int r = trn_digest_end(d, ret->sha256, ret->md5);
    return r < 0 ? trn_fail(err, r, "cannot finish a digest") : 0;
}

static int64_t read_at(void *ctx, uint64_t at, void *dst, size_t n)
{
    ssize_t r = pread(*(const int *)ctx, dst, n, (off_t)TRN_MIN(at, (uint64_t)INT64_MAX));
    return r < 0 ? -errno : r;
}

/* A JAR is a zip whose first member is in META-INF/. */
static bool is_jar(struct trn_str head)
{
    struct trn_cursor c = trn_cur_of(head);
    if (trn_cur_u32le(&c) != 0x04034b50u || c.bad)
        return false;
    trn_cur_seek(&c, ZIP_NAME);
    return trn_str_eq(trn_cur_bytes(&c, 9), TRN_STR("META-INF/"));
}

static int read_kind(int fd, uint64_t size, struct trn_arena *arena, struct trn_file_facts *ret)
{
    char head[HEAD];
    struct trn_str h = {head, (size_t)TRN_MIN(size, (uint64_t)sizeof(head))};
    int r = trn_pread_full(fd, head, h.n, 0);
    if (r < 0)
        return r;
    enum trn_format f = trn_format_of(h);
    ret->kind = trn_str_of(is_jar(h) ? "jar" : trn_format_name(f));
    if (f == TRN_FORMAT_ELF || f == TRN_FORMAT_APPIMAGE) {
        struct trn_elf elf;
        r = trn_elf_read(&(struct trn_elf_source){.read = read_at, .ctx = &fd}, arena, &elf);
        if (r == 0)
            ret->build_id = elf.build_id;
        return r == -ENOMEM ? r : 0; /* damaged tables: an ELF file without a build-id */
    }
    struct trn_script s;
    if (f == TRN_FORMAT_SCRIPT && trn_script_parse(h, &s)) {
        ret->interpreter = trn_arena_str(arena, s.interp);
        return trn_str_is_none(ret->interpreter) ? -ENOMEM : 0;
    }
    return 0;
}

int trn_file_facts_read(int fd, uint64_t max_bytes, struct trn_arena *arena, struct trn_file_facts *ret,
                        struct trn_err *err)
{
    struct stat st;
    int sized = trn_fstat(fd, &st);
    if (sized < 0)
        return trn_fail(err, sized, "cannot size the file");
    if (!S_ISREG(st.st_mode) || st.st_size < 0)
        return trn_fail(err, -EINVAL, "not a regular file");
    struct trn_file_facts f = {.size = (uint64_t)st.st_size};
    int r = read_kind(fd, f.size, arena, &f);
    if (r < 0)
        return trn_fail(err, r, "cannot read the head of the file");
    if (f.size > max_bytes) {
        *ret = (struct trn_file_facts){.size = f.size, .kind = f.kind};
        return trn_fail(err, -EFBIG, "file of %llu bytes is longer than what is hashed", (unsigned long long)f.size);
    }
    r = read_digests(fd, f.size, &f, err);
    if (r == 0)
        *ret = f;
    return r;
}
