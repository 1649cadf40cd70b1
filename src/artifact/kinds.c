/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the table of formats: who looks at one, who opens it. Must not own: any of their code.
 * One line a format; keep the order of enum trn_format.
 */
#include "artifact/kinds.h"

static const struct trn_kind_ops kinds[] = {
    {TRN_FORMAT_EMPTY, NULL, NULL, NULL},
};

int (*const trn_look_always[])(struct trn_look *l, struct trn_err *err) = {
    NULL,
};

int (*const trn_look_release[])(struct trn_look *l, struct trn_err *err) = {
    NULL,
};

const struct trn_kind_ops *trn_kind_of(enum trn_format f)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds); i++)
        if (kinds[i].format == f)
            return &kinds[i];
    return NULL;
}
