/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: the events of turncoatd's logs as JSON lines, every one of them: what the sensor told, before
 * the store decided what to keep.  log-lines FILE...
 */
#include "event/event.h"

#include <fcntl.h>
#include <stdio.h>

static int print_log(const char *path, struct trn_err *err)
{
    struct trn_log_reader *log = NULL;
    struct trn_event ev;
    struct trn_buf line;
    int fd = open(path, O_RDONLY | O_CLOEXEC), r;

    if (fd < 0)
        return trn_fail(err, -errno, "cannot open '%s': %s", path, trn_errno_name(-errno));
    r = trn_log_open(fd, &log, err);
    if (r != 0)
        return r;
    trn_buf_init(&line, 1u << 20);
    while ((r = trn_log_next(log, &ev, err)) == 1) {
        line.n = 0;
        trn_event_to_json(&ev, &line);
        (void)fwrite(line.p, 1, line.n, stdout);
        (void)fputc('\n', stdout);
    }
    trn_buf_done(&line);
    trn_log_reader_free(log);
    return r;
}

int main(int argc, char **argv)
{
    struct trn_err err = {0};

    for (int i = 1; i < argc; i++) {
        if (print_log(argv[i], &err) != 0) {
            (void)fprintf(stderr, "log-lines: %s\n", err.message);
            return 1;
        }
    }
    return argc > 1 ? 0 : 2;
}
