/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: how software and paths are called in a sentence for people, the same in findings and stories.
 * Must not: print; every foreign byte goes through trn_escape.
 */
#include "event/event.h"

void trn_put_path(struct trn_buf *b, struct trn_str path)
{
    struct trn_str rest = path;
    if (trn_str_starts(path, TRN_STR("/root/"))) {
        rest = trn_str_slice(path, sizeof("/root") - 1, path.n);
    } else if (trn_str_starts(path, TRN_STR("/home/"))) {
        struct trn_str below = trn_str_slice(path, sizeof("/home/") - 1, path.n);
        ptrdiff_t slash = trn_str_find(below, '/');
        if (slash > 0)
            rest = trn_str_slice(below, (size_t)slash, below.n);
    }
    if (rest.n != path.n)
        trn_put_c(b, "~");
    trn_escape(b, rest);
}

void trn_put_software(struct trn_buf *b, const struct trn_software *s)
{
    if (trn_str_is_empty(s->name))
        trn_put_c(b, "an unknown program");
    else
        trn_escape(b, s->name);
    if (!trn_str_is_empty(s->version)) {
        trn_put_c(b, " ");
        trn_escape(b, s->version);
    }
}
