/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acme-softphone: keeps one TCP connection to its PBX and pings it every second, for a number of seconds.
 * Owns: the connection to the PBX. What a release does beside that is in the bundled library (media_*.c).
 * The same source for both releases; only the library differs, as in the incident this imitates.
 *
 * Usage: acme-softphone [SECONDS]
 */
#include "loopback.h"
#include "media.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char pbx_name[] = "pbx.acme.test";
enum { PBX_PORT = 5060, RUN_SECONDS = 6, RUN_SECONDS_MAX = 60 };

static int ping(int pbx, int number)
{
    char line[64];
    int n = snprintf(line, sizeof(line), "PING %d\n", number);

    if (write_all(pbx, line, (size_t)n) != 0 || read_line(pbx, line, sizeof(line)) != 0)
        return -1;
    return 0;
}

int main(int argc, char **argv)
{
    long seconds = argc > 1 ? strtol(argv[1], NULL, 10) : RUN_SECONDS;
    char address[64];
    int pbx;
    int failed = 0;

    if (seconds < 1 || seconds > RUN_SECONDS_MAX)
        seconds = RUN_SECONDS;
    if (loopback_resolve(pbx_name, address, sizeof(address)) != 0)
        return fputs("acme-softphone: cannot find the PBX\n", stderr), 1;
    pbx = loopback_connect(address, PBX_PORT);
    if (pbx < 0)
        return fputs("acme-softphone: cannot reach the PBX\n", stderr), 1;
    printf("acme-softphone %s: registered at %s\n", acme_media_version(), pbx_name);
    fflush(stdout);
    acme_media_open();
    for (int i = 0; i < seconds && !failed; i++) {
        failed = ping(pbx, i) != 0;
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    acme_media_close();
    close(pbx);
    if (failed)
        fputs("acme-softphone: the PBX went away\n", stderr);
    return failed;
}
