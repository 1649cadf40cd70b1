/* SPDX-License-Identifier: Apache-2.0 */
/* filter.c and filter_target.c: what is not watched for a while, because somebody who may act asked for it. */
#ifndef TRN_DAEMON_FILTER_H
#define TRN_DAEMON_FILTER_H

#include "daemon/daemon.h"

#include <sys/stat.h>

#define TRN_FILTERS_MAX 64
#define TRN_FILTER_DEFAULT_SEC 3600u
#define TRN_FILTER_MAX_SEC 86400u

/* What a request names, looked at and found fit to be left unwatched. */
struct trn_filter_target {
    uint16_t kind; /* enum trn_filter_kind */
    int fd;        /* O_PATH, owned: of a folder, file or file system; -1 */
    char path[4096];
    struct trn_mute_rule rule; /* of a program or a process */
    uint64_t dev, inode;
};
static inline void trn_filter_target_done(struct trn_filter_target *t)
{
    t->fd = trn_fd_close(t->fd);
}

/* Opens what the request names and refuses what must stay watched. files: they are watched. */
int trn_filter_find(const struct trn_filter_request *q, bool files, const char *state_dir,
                    struct trn_filter_target *ret, struct trn_err *err) TRN_MUST_CHECK;

#endif
