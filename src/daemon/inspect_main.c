/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turncoat-inspect: started by turncoatd with descriptor 3 (jobs in) and 4 (results out). Everything
 * else, the sandbox first of all, is the inspect room's.
 */
#include "inspect/inspect.h"

#include <signal.h>
#include <stdio.h>

#define JOBS_FD 3
#define RESULTS_FD 4

/* Arguments, all from turncoatd: UID GID. */
int main(int argc, char **argv)
{
    struct trn_err err = {0};
    uint64_t uid, gid;
    if (argc != 3 || trn_str_u64(trn_str_of(argv[1]), &uid) < 0 || trn_str_u64(trn_str_of(argv[2]), &gid) < 0) {
        fprintf(stderr, "turncoat-inspect: started by turncoatd only\n");
        return 2;
    }
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGINT, &ignore, NULL) < 0 || sigaction(SIGPIPE, &ignore, NULL) < 0)
        return 3;
    const struct trn_inspect_options o = {.sz = sizeof o, .uid = (uid_t)uid, .gid = (gid_t)gid};
    int r = trn_inspect_serve(JOBS_FD, RESULTS_FD, &o, &err);
    if (err.code)
        fprintf(stderr, "turncoat-inspect: %s\n", err.message);
    return r;
}
