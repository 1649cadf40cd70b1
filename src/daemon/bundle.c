/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: copying a package database into one memory file, byte for byte, for an inspect worker.
 * Must not own: any understanding of its content. Form: see src/software/software.h, "a bundle".
 * Names are opened below the given root and nowhere else, whatever links are in the way.
 */
#include "daemon/daemon.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3; not in Debian 12's headers */
#endif

#define DATABASE "var/lib/dpkg"
#define BUNDLE_MAX (256ull << 20)
#define FILES_MAX 100000

static uint64_t mtime_of(int root_fd, const char *path)
{
    struct stat st;
    TRN_AUTO(trn_fd_closep) int fd = trn_open_in_root(root_fd, path, O_PATH | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return 0;
    return (uint64_t)st.st_mtim.tv_sec * TRN_NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec + (uint64_t)st.st_ino;
}

int trn_dpkg_stamp(int root_fd, uint64_t *ret)
{
    uint64_t status = mtime_of(root_fd, DATABASE "/status");
    if (!status)
        return -ENODATA; /* told apart from a root that is gone */
    uint64_t h = trn_hash64_mix(status, mtime_of(root_fd, DATABASE "/info"));
    h = trn_hash64_mix(h, mtime_of(root_fd, DATABASE "/diversions"));
    h = trn_hash64_mix(h, mtime_of(root_fd, DATABASE "/updates"));
    *ret = h ? h : 1;
    return 0;
}

static int put_file(int out, int root_fd, const char *path, const char *name, uint64_t *total)
{
    struct stat st;
    TRN_AUTO(trn_fd_closep) int fd = trn_open_plain(root_fd, path, &st);
    if (fd < 0)
        return fd == -ENOENT || fd == -EINVAL ? 0 : fd;
    struct trn_buf head;
    trn_buf_init(&head, 1024);
    trn_put_u32(&head, (uint32_t)strlen(name));
    trn_put_u64(&head, (uint64_t)st.st_size);
    trn_put_c(&head, name);
    *total += head.n + (uint64_t)st.st_size;
    int r = head.bad || *total > BUNDLE_MAX ? -EFBIG : trn_write_full(out, head.p, head.n);
    trn_buf_done(&head);
    off_t left = st.st_size;
    while (r == 0 && left > 0) {
        ssize_t n = sendfile(out, fd, NULL, (size_t)left);
        if (n < 0)
            return -errno;
        if (n == 0) /* shrank meanwhile: the length is already written, so keep the form */
            return ftruncate(out, lseek(out, left, SEEK_CUR)) < 0 ? -errno : 0;
        left -= n;
    }
    return r;
}

static bool wanted_info(struct trn_str name)
{
    return trn_str_ends(name, TRN_STR(".list")) || trn_str_ends(name, TRN_STR(".md5sums"));
}

/* dpkg's journal over "status" while it runs, and after it was killed: files named by numbers. */
static bool wanted_update(struct trn_str name)
{
    uint64_t number;
    return trn_str_u64(name, &number) == 0;
}

static int put_folder(int out, int root_fd, const char *folder, bool (*wanted)(struct trn_str), uint64_t *total)
{
    char path[512];
    snprintf(path, sizeof path, DATABASE "/%s", folder);
    int fd = trn_open_in_root(root_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fd == -ENOENT ? 0 : fd;
    DIR *d = fdopendir(fd);
    if (!d) {
        trn_fd_close(fd);
        return -ENOMEM;
    }
    int r = 0, count = 0;
    for (struct dirent *de; r == 0 && (de = readdir(d));) {
        char name[300];
        if (!wanted(trn_str_of(de->d_name)))
            continue;
        snprintf(path, sizeof path, DATABASE "/%s/%s", folder, de->d_name);
        snprintf(name, sizeof name, "%s/%s", folder, de->d_name);
        r = ++count > FILES_MAX ? -EFBIG : put_file(out, root_fd, path, name, total);
    }
    closedir(d);
    return r;
}

int trn_dpkg_bundle(int root_fd)
{
    uint64_t total = 4;
    TRN_AUTO(trn_fd_closep) int out = memfd_create("dpkg", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (out < 0 && errno == EINVAL) /* kernel before 6.3 */
        out = memfd_create("dpkg", MFD_CLOEXEC);
    if (out < 0)
        return -errno;
    int r = trn_write_full(out, "TRNB", 4);
    if (r == 0)
        r = put_file(out, root_fd, DATABASE "/status", "status", &total);
    if (r == 0)
        r = put_file(out, root_fd, DATABASE "/diversions", "diversions", &total);
    if (r == 0)
        r = put_folder(out, root_fd, "info", wanted_info, &total);
    if (r == 0)
        r = put_folder(out, root_fd, "updates", wanted_update, &total);
    if (r == 0 && lseek(out, 0, SEEK_SET) < 0)
        r = -errno;
    return r < 0 ? r : trn_fd_steal(&out);
}
