/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: the disk in a disk image as a source, unpacked chunk by chunk when it is read; HFS+ out of any source. */
#ifndef TRN_ARTIFACT_DMG_DISK_H
#define TRN_ARTIFACT_DMG_DISK_H

#include "artifact/kinds.h"

struct trn_dmg_disk {
    const struct trn_source *file;
    const struct trn_dmg *dmg;
    uint8_t *cache; /* owned: the chunk that was unpacked last */
    size_t cache_size, cache_cap;
    const struct trn_dmg_chunk *cached;
    uint8_t *packed; /* owned, when the file is not in memory */
    size_t packed_cap;
    const char *why; /* static: the last thing that could not be unpacked; NULL */
};
/* Both are borrowed; the source reads through d, which must outlive it. -EBADMSG and d->why: a chunk is damaged; -ENOTSUP: it
 * is packed in a way that is not opened here. */
struct trn_source trn_dmg_disk(struct trn_dmg_disk *d, const struct trn_source *file, const struct trn_dmg *dmg);
void trn_dmg_disk_done(struct trn_dmg_disk *d);

/* unpack_hfs.c: all files of a volume as members; prefix: what stands before their paths ("" or "name/"). why: asked for the
 * reason when the volume's source failed, may be NULL. */
int trn_unpack_hfs(struct trn_look *l, const struct trn_source *volume, struct trn_str prefix, const char *const *why,
                   struct trn_err *err) TRN_MUST_CHECK;

#endif
