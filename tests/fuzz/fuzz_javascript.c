/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any text crash the tokens of JavaScript or Python, keep them from going on, or count beside the text? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool command(void *ctx, struct trn_str text, size_t at)
{
    const struct trn_str *all = ctx;
    if (at > all->n || text.n > all->n - at)
        abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_str text = {(const char *)data, size};
    struct trn_js j;
    struct trn_js_token t;
    struct trn_py p;
    struct trn_py_token u;
    struct trn_js_measures m;
    trn_js_begin(&j, text);
    for (size_t at = j.at; trn_js_next(&j, &t); at = j.at)
        if (j.at <= at || j.at > size)
            abort();
    trn_py_begin(&p, text);
    for (size_t at = 0; trn_py_next(&p, &u); at = p.at)
        if (p.at <= at || p.at > size)
            abort();
    trn_js_measure(text, &m);
    if (m.hex_names > m.names || m.names > m.tokens || m.longest_string > size || m.longest_string_at > size)
        abort();
    trn_js_commands(text, command, &text);
    return 0;
}
