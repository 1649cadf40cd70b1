/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: reads /proc/self/mountinfo, or another process's: the kernel's own text (proc(5)):
 *   36 35 98:0 /root /point opts [optional...] - fstype source super-opts
 * Owns the text; the fields point into it. Lines that do not parse are skipped.
 */
#include "sensor/mounts.h"

#include <stdio.h>

#define MOUNTINFO_MAX (8u << 20)

static const char *const watched_types[] = {"ext2",    "ext3", "ext4",  "xfs", "btrfs", "f2fs",     "tmpfs",  "ramfs",
                                            "overlay", "vfat", "exfat", "zfs", "jfs",   "bcachefs", "nilfs2", "ntfs3"};

/* "\040" -> " ", in place. */
static void unescape(char *s)
{
    char *to = s;

    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

static bool has_option(const char *options, const char *want)
{
    struct trn_str rest = trn_str_of(options), one;

    while (trn_str_split(&rest, ',', &one)) {
        if (trn_str_eq_c(one, want))
            return true;
    }
    return false;
}

static bool is_watched(const char *fstype)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(watched_types); i++) {
        if (strcmp(fstype, watched_types[i]) == 0)
            return true;
    }
    return false;
}

static bool parse_device(const char *s, struct trn_mount *m)
{
    struct trn_str rest = trn_str_of(s), major, minor;
    uint64_t a, b;

    if (!trn_str_split(&rest, ':', &major) || !trn_str_split(&rest, ':', &minor) || trn_str_u64(major, &a) != 0 ||
        trn_str_u64(minor, &b) != 0 || a > UINT32_MAX || b > UINT32_MAX)
        return false;
    m->major = (uint32_t)a;
    m->minor = (uint32_t)b;
    return true;
}

enum { F_ID, F_PARENT, F_DEVICE, F_ROOT, F_POINT, F_OPTIONS, F_FIXED };

static bool parse_line(char *line, struct trn_mount *ret)
{
    struct trn_mount m = {0};
    char *field[F_FIXED], *word, *save = line, *super;
    uint64_t id;
    int n = 0;

    while (n < F_FIXED && (word = strsep(&save, " ")))
        field[n++] = word;
    if (n < F_FIXED)
        return false;
    do
        word = strsep(&save, " ");
    while (word && strcmp(word, "-") != 0);
    m.fstype = word ? strsep(&save, " ") : NULL;
    if (!m.fstype || !strsep(&save, " ") || !(super = strsep(&save, " ")) || !parse_device(field[F_DEVICE], &m))
        return false;
    if (trn_str_u64(trn_str_of(field[F_ID]), &id) != 0 || id > UINT32_MAX)
        return false;
    m.id = (uint32_t)id;
    unescape(field[F_POINT]);
    m.point = field[F_POINT];
    m.whole = strcmp(field[F_ROOT], "/") == 0;
    m.read_only = has_option(field[F_OPTIONS], "ro") || has_option(super, "ro");
    m.watchable = is_watched(m.fstype);
    *ret = m;
    return true;
}

int trn_mounts_parse(char *text, struct trn_mounts *ret)
{
    struct trn_mounts m = {.text = text};
    size_t room = 1;
    char *save = text, *line;

    for (const char *c = text; *c; c++)
        room += *c == '\n';
    m.v = calloc(room, sizeof(*m.v));
    if (!m.v) {
        free(text);
        return -ENOMEM;
    }
    while ((line = strsep(&save, "\n"))) {
        if (parse_line(line, &m.v[m.n]))
            m.n++;
    }
    *ret = m;
    return 0;
}

static int read_path(const char *path, size_t max_bytes, struct trn_mounts *ret, struct trn_err *err)
{
    struct trn_buf b;
    int r = trn_read_file(path, max_bytes, &b, err);
    char *text;

    if (r != 0)
        return r;
    text = strndup(b.p ? b.p : "", b.n);
    trn_buf_done(&b);
    if (!text)
        return trn_fail(err, -ENOMEM, "cannot read the mounts: out of memory");
    return trn_mounts_parse(text, ret);
}

int trn_mounts_read(struct trn_mounts *ret, struct trn_err *err)
{
    return read_path("/proc/self/mountinfo", MOUNTINFO_MAX, ret, err);
}

int trn_mounts_read_of(uint32_t pid, size_t max_bytes, struct trn_mounts *ret, struct trn_err *err)
{
    char path[40];

    (void)snprintf(path, sizeof(path), "/proc/%u/mountinfo", pid);
    return read_path(path, max_bytes, ret, err);
}

void trn_mounts_done(struct trn_mounts *m)
{
    free(m->v);
    free(m->text);
    *m = (struct trn_mounts){0};
}
