/* SPDX-License-Identifier: Apache-2.0 */
/* Calls the whole command line and keeps what it said. */
#ifndef TRN_TEST_CLI_CALL_H
#define TRN_TEST_CLI_CALL_H

#include "cli/cli.h"

#include <criterion/criterion.h>

struct said {
    char *out, *err;
    size_t out_n, err_n;
    int code;
};

static inline void said_done(struct said *s)
{
    free(s->out);
    free(s->err);
}

static inline struct said call(int argc, const char *const *words)
{
    struct said s = {0};
    char *argv[20], *copies[20];
    FILE *out = open_memstream(&s.out, &s.out_n), *err = open_memstream(&s.err, &s.err_n);
    for (int i = 0; i < argc; i++)
        copies[i] = argv[i] = strdup(words[i]);
    argv[argc] = NULL;
    s.code = trn_cli_main(argc, argv, out, err);
    for (int i = 0; i < argc; i++)
        free(copies[i]);
    fclose(out);
    fclose(err);
    return s;
}

#define CALL(...)                                                               \
    call((int)TRN_ARRAY_SIZE(((const char *const[]){"turncoat", __VA_ARGS__})), \
         (const char *const[]){"turncoat", __VA_ARGS__})

#endif
