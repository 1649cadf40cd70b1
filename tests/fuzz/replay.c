/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: running one fuzz target over files and folders of files, so that a crash once found stays
 * fixed in the normal suite. Links with exactly one fuzz_NAME.c.
 * Must not: pass when there was nothing to run.
 */
#include "base/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST_INPUT ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(int dir, const char *name)
{
    TRN_AUTO(trn_fd_closep) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    TRN_AUTO(trn_buf_done) struct trn_buf input;
    trn_buf_init(&input, LARGEST_INPUT);
    int r = trn_read_all(fd, &input);
    if (r < 0)
        return r;
    /* A copy of exactly this size, so that the address sanitizer sees a read of one byte too much. */
    TRN_AUTO(trn_freep) uint8_t *exact = malloc(input.n ? input.n : 1);
    if (!exact)
        return -ENOMEM;
    if (input.n)
        memcpy(exact, input.p, input.n);
    LLVMFuzzerTestOneInput(exact, input.n);
    return 0;
}

/* The number of files run, or a negative errno; *at names the file in work when something fails. */
static int run_folder(const char *path, char at[512])
{
    DIR *dir = opendir(path);
    int count = 0, r = 0;
    if (!dir)
        return -errno;
    for (struct dirent *e; r >= 0 && (e = readdir(dir)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        trn_escape_into(at, 512, trn_str_of(e->d_name));
        r = run_file(dirfd(dir), e->d_name);
        count++;
    }
    closedir(dir);
    return r < 0 ? r : count;
}

int main(int argc, char **argv)
{
    int total = 0;
    for (int i = 1; i < argc; i++) {
        char at[512] = "";
        struct stat st;
        if (stat(argv[i], &st) < 0) {
            fprintf(stderr, "cannot find '%s'\n", argv[i]);
            return 1;
        }
        int r = S_ISDIR(st.st_mode) ? run_folder(argv[i], at) : run_file(AT_FDCWD, argv[i]);
        if (r < 0) {
            fprintf(stderr, "cannot replay '%s' '%s': %s\n", argv[i], at, trn_errno_name(r));
            return 1;
        }
        total += S_ISDIR(st.st_mode) ? r : 1;
    }
    printf("replayed %d inputs\n", total);
    return total > 0 ? 0 : 1;
}
