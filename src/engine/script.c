/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the absolute path of a script. Must not own: reading arguments (process room), any decision
 * about it. Nothing here follows a link or opens a file.
 */
#include "engine/script.h"

#include "process/process.h"

/* path made absolute against cwd and normalised as text; absent when that is not possible. */
static struct trn_str path_absolute(struct trn_str cwd, struct trn_str path, struct trn_arena *arena)
{
    if (path.n == 0 || (path.p[0] != '/' && (cwd.n == 0 || cwd.p[0] != '/')))
        return TRN_STR_NONE;
    char *out = trn_arena_alloc(arena, cwd.n + path.n + 3);
    if (!out)
        return TRN_STR_NONE;
    size_t n = 0;
    struct trn_str parts[2] = {path.p[0] == '/' ? TRN_STR_NONE : cwd, path};
    for (int i = 0; i < 2; i++) {
        struct trn_str rest = parts[i], piece;
        while (trn_str_split(&rest, '/', &piece)) {
            if (piece.n == 0 || trn_str_eq_c(piece, "."))
                continue;
            if (trn_str_eq_c(piece, "..")) {
                while (n > 0 && out[--n] != '/')
                    ;
                continue;
            }
            out[n++] = '/';
            memcpy(out + n, piece.p, piece.n);
            n += piece.n;
        }
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = 0;
    return (struct trn_str){out, n};
}

struct trn_str trn_script_of(const struct trn_event *exec, struct trn_arena *arena)
{
    struct trn_str script = exec->exec.script;
    if (trn_str_is_empty(script))
        script = trn_script_of_args(trn_path_base(exec->exec.path), exec->exec.argv);
    return path_absolute(exec->exec.cwd, script, arena);
}
