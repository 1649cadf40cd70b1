/* SPDX-License-Identifier: Apache-2.0 */
/* Which script does an interpreter run, told by its arguments? Each row is one question. */
#include "engine/script.h"

#include <criterion/criterion.h>

static const struct {
    const char *path, *argv; /* argv: arguments separated by '|' */
    const char *script;      /* NULL: none */
} rows[] = {
    {"/usr/bin/python3.11", "python3|app.py", "/srv/app.py"},
    {"/usr/bin/python3.11", "python3|-u|-W|ignore|/opt/x/app.py|-c", "/opt/x/app.py"},
    {"/usr/bin/python3.11", "python3|-m|http.server", NULL},
    {"/usr/bin/python3.11", "python3|-c|import os", NULL},
    {"/usr/bin/python3.11", "python3", NULL},
    {"/usr/bin/python3.11", "python3|-", NULL},
    {"/usr/bin/python3-config", "python3-config|x", NULL},
    {"/bin/sh", "sh|./configure|--prefix=/x", "/srv/configure"},
    {"/bin/sh", "sh|-c|./configure", NULL},
    {"/bin/sh", "sh|-ec|id", NULL},
    {"/bin/bash", "bash|-o|pipefail|../run.sh", "/run.sh"},
    {"/usr/bin/perl", "perl|-w|--|-odd.pl", "/srv/-odd.pl"},
    {"/usr/bin/node", "node|--inspect|server.js", "/srv/server.js"},
    {"/usr/bin/id", "id|app.py", NULL},
    {"/usr/bin/python3.11", "python3|a/../../../b.py", "/b.py"},
    {"/usr/bin/java", "java|-cp|x.jar|-jar|app.jar", "/srv/app.jar"},
};

Test(script, table)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(rows); i++) {
        struct trn_arena *arena = trn_arena_new(0);
        struct trn_event ev;
        trn_event_init(&ev, TRN_EV_EXEC);
        ev.exec.path = trn_str_of(rows[i].path);
        ev.exec.cwd = TRN_STR("/srv");
        struct trn_str argv = trn_arena_printf(arena, "%s|", rows[i].argv);
        for (char *p = (char *)(uintptr_t)argv.p; *p; p++)
            if (*p == '|')
                *p = 0;
        ev.exec.argv = argv;
        struct trn_str got = trn_script_of(&ev, arena);
        cr_assert(trn_str_eq(got, trn_str_of(rows[i].script)), "row %zu (%s): got '%.*s'", i, rows[i].argv,
                  TRN_STR_ARG(got));
        trn_arena_free(arena);
    }
}
