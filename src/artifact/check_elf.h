/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the room: what the checks of ELF files share. */
#ifndef TRN_ARTIFACT_CHECK_ELF_H
#define TRN_ARTIFACT_CHECK_ELF_H

#include "artifact/look.h"

struct trn_elf_facts { /* of one file, read once */
    struct trn_elf_image image;
    struct trn_elf_dynamic dynamic;
    struct trn_elf_notes notes;
    bool is_library; /* shared, and nothing that people start */
};

#define TRN_TRAIT_ELF_BUILD \
    "elf.build" /* of each shared library: "+gcc": with build-id, by gcc; "-": without, by nobody */

int trn_elf_properties(struct trn_look *l, const struct trn_elf_facts *f) TRN_MUST_CHECK;
/* gcc clang rust go; empty: it does not say. */
const char *trn_elf_compiler(const struct trn_elf_notes *n);
int trn_elf_check_dynamic(struct trn_look *l, const struct trn_elf_facts *f) TRN_MUST_CHECK;
int trn_elf_check_hook(struct trn_look *l, const struct trn_elf_facts *f) TRN_MUST_CHECK;

int trn_feature_elf(struct trn_look *l, const struct trn_elf_facts *f) TRN_MUST_CHECK; /* feature_elf.c */

/* check_elf_gaps.c: random-looking bytes that are in no segment and no section */
int trn_elf_check_gaps(struct trn_look *l, const struct trn_elf_facts *f) TRN_MUST_CHECK;

#endif
