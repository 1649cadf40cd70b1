/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: a load of open + close on one file that interests nobody, at full speed or at a fixed rate.
 * Must not own: what is compared with what (sensor.py). Prints one JSON object.
 *
 *   load-open FILE COUNT             as fast as it goes, COUNT rounded up to whole slices
 *   load-open FILE RATE SECONDS      so many a second, in slices of a millisecond
 */
#include "load.h"

#include <fcntl.h>

#define SLICE 500u

static void one(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        load_die(file);
    close(fd);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: load-open FILE COUNT | FILE RATE SECONDS\n");
        return 2;
    }
    uint64_t n = load_number(argv[2]);
    one(argv[1]); /* the dentry is warm before the clock starts */

    struct load load = load_begin();
    if (argc == 3) {
        for (uint64_t i = 0; i < n; i += SLICE) {
            for (unsigned j = 0; j < SLICE; j++)
                one(argv[1]);
            load_slice(&load, SLICE);
        }
        load_end(&load, (n + SLICE - 1) / SLICE * SLICE);
        return 0;
    }
    uint64_t total = n * load_number(argv[3]), done = 0;
    while (done < total) {
        uint64_t due = load_due(&load, n, total);
        for (; done < due; done++)
            one(argv[1]);
        if (done < total)
            load_pause();
    }
    load_end(&load, total);
    return 0;
}
