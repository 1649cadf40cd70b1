/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: an MSI as check_msi.c and unpack_msi.c share it. */
#ifndef TRN_ARTIFACT_MSI_H
#define TRN_ARTIFACT_MSI_H

#include "artifact/look.h"
#include "formats/formats.h"

/* ---- msi_files.c: what the File, Component and Directory tables call the keys that stand in cabinets ---- */
struct trn_msi_files;
struct trn_msi_files *trn_msi_files_new(const struct trn_msi *m, struct trn_arena *a)
    TRN_MUST_CHECK; /* NULL: no memory */
struct trn_msi_files *trn_msi_files_free(struct trn_msi_files *f);
static inline void trn_msi_files_freep(struct trn_msi_files **f)
{
    *f = trn_msi_files_free(*f);
}
/* Lives as long as f, what it names as long as the arena. */
const struct trn_look_names *trn_msi_files_names(const struct trn_msi_files *f);

/* ---- msi_actions.c ---- */
/* What an installer runs: told as properties; scripts that stand in the tables are members of their own. */
int trn_msi_tell_actions(struct trn_look *l, const struct trn_msi *m) TRN_MUST_CHECK;
int trn_msi_open_scripts(struct trn_look *l, const struct trn_msi *m) TRN_MUST_CHECK;

#endif
