/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any file crash the log reader or make it loop? */
#include "event/event.h"

#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_log_reader *r;
    struct trn_event ev;
    struct trn_err err;
    int fd = memfd_create("log", MFD_CLOEXEC);

    if (fd < 0 || (size && write(fd, data, size) != (ssize_t)size) || lseek(fd, 0, SEEK_SET) != 0) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    if (trn_log_open(fd, &r, &err) < 0)
        return 0;
    size_t n = 0;
    while (trn_log_next(r, &ev, &err) == 1)
        if (++n > size)
            abort();
    trn_log_reader_free(r);
    return 0;
}
