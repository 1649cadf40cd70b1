/* SPDX-License-Identifier: Apache-2.0 */
/* Reads one foreign log into events and throws them away: what ingest alone costs, without the engine. */
#include "ingest/ingest.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int on_event(void *ctx, const struct trn_event *ev)
{
    (*(uint64_t *)ctx)++;
    return 0;
}

int main(int argc, char **argv)
{
    static char bytes[1 << 20];
    uint64_t events = 0;
    struct trn_ingest_options o = {.sz = sizeof(o), .sink = {on_event, &events}};
    struct trn_ingest_counts c;
    struct trn_ingest *in = NULL;
    int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0 || trn_ingest_new(&o, &in) < 0) {
        fputs("usage: ingest-rate FILE\n", stderr);
        return 2;
    }
    int r = 0;
    for (ssize_t n = 1; r == 0 && n > 0;) {
        n = read(fd, bytes, sizeof(bytes));
        r = n < 0 ? -1 : trn_ingest_feed(in, (struct trn_str){bytes, (size_t)n});
    }
    if (r == 0)
        r = trn_ingest_end(in);
    trn_ingest_counted(in, &c);
    printf("%llu events, %llu bad, %llu unmapped, %llu incomplete, %llu late\n", (unsigned long long)events,
           (unsigned long long)c.bad, (unsigned long long)c.unmapped, (unsigned long long)c.incomplete,
           (unsigned long long)c.late);
    trn_ingest_free(in);
    close(fd);
    return r ? 1 : 0;
}
