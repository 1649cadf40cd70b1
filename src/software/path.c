/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: how a path becomes a key, and the two names of a file under merged /usr. */
#include "software/internal.h"

#include <stdlib.h>

uint64_t trn_path_hash(struct trn_str path)
{
    return trn_hash64_str(path);
}

static bool is_aliased(struct trn_str path)
{
    static const char *const dirs[] = {"/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(dirs); i++)
        if (trn_str_starts(path, trn_str_of(dirs[i])))
            return true;
    return false;
}

bool trn_path_hash_alias(struct trn_str path, uint64_t *ret)
{
    struct trn_str usr = TRN_STR("/usr");
    char other[TRN_SOFTWARE_PATH_MAX + 4];
    if (trn_str_starts(path, TRN_STR("/usr/"))) {
        struct trn_str rest = trn_str_slice(path, usr.n, path.n);
        if (!is_aliased(rest))
            return false;
        *ret = trn_path_hash(rest);
        return true;
    }
    if (!is_aliased(path) || path.n > TRN_SOFTWARE_PATH_MAX)
        return false;
    memcpy(other, usr.p, usr.n);
    memcpy(other + usr.n, path.p, path.n);
    *ret = trn_path_hash((struct trn_str){other, usr.n + path.n});
    return true;
}

int trn_grow(void **p, size_t *cap, size_t n, size_t each, size_t max)
{
    if (n < *cap)
        return 0;
    if (n >= max)
        return -EFBIG;
    size_t more = TRN_MIN(TRN_MAX(*cap + *cap / 2, (size_t)64), max);
    void *q = reallocarray(*p, more, each);
    if (!q)
        return -ENOMEM;
    *p = q;
    *cap = more;
    return 0;
}
