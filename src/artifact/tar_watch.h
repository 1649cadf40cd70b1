/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the room: what of a tar no unpacker gives: padding behind members, values of extended headers that are none of the
 * known ones, what other headers have behind the text that is theirs. Fed with the bytes of the archive as they come; what it does not understand it leaves to libarchive, silently.
 */
#ifndef TRN_ARTIFACT_TAR_WATCH_H
#define TRN_ARTIFACT_TAR_WATCH_H

#include "artifact/unowned.h"

#define TRN_TAR_BLOCK 512u
#define TRN_TAR_PAX_MAX (1u << 20)

struct trn_tar_watch {
    uint64_t at;      /* of the next byte to come */
    uint64_t payload; /* bytes of a member still to come */
    uint32_t pad;     /* and of the padding behind it */
    uint32_t have;    /* of the block */
    uint8_t block[TRN_TAR_BLOCK];
    bool over;          /* the end was reached, or something that is not understood */
    bool lost;          /* that was it: what stands behind `at` was not followed */
    bool sparse;        /* the next block is a map of GNU's, in front of the content */
    bool maybe_payload; /* a hard link that says a size: has it content? */
    bool has_size;      /* an extended header said one */
    char about; /* type of a header whose content says something of the next ones; 0: the content is a member's */
    uint64_t link_size, pax_size;
    struct trn_buf text; /* what such a header has */
    struct trn_pieces padding, values;
};
void trn_tar_watch_init(struct trn_tar_watch *w);
void trn_tar_watch_done(struct trn_tar_watch *w);
/* The next bytes of the archive. */
void trn_tar_watch_feed(struct trn_tar_watch *w, const uint8_t *p, size_t n);
/* How many of the next bytes are content that it does not look at: they need not be fed, but passed. */
uint64_t trn_tar_watch_skip(const struct trn_tar_watch *w);
void trn_tar_watch_pass(struct trn_tar_watch *w, uint64_t n);
/* in_artifact: the places fed are places of the look's bytes. */
int trn_tar_watch_tell(struct trn_tar_watch *w, struct trn_look *l, bool in_artifact) TRN_MUST_CHECK;

#endif
