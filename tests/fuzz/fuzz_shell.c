/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any text crash the reader of shell scripts, or tell a command out of order or out of bounds? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
    uint32_t next;
    size_t size;
};

static bool command(void *ctx, const struct trn_shell_command *c)
{
    struct state *s = ctx;
    if (c->number != s->next++ || c->n_words == 0 || c->n_words > TRN_SHELL_WORDS || c->at > s->size ||
        c->depth > TRN_SHELL_DEPTH)
        abort();
    for (uint32_t i = 0; i < c->n_words; i++)
        if (c->words[i].last > c->number || c->words[i].first > c->words[i].last)
            abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(8 << 20);
    struct state s = {.size = size};
    if (a && trn_shell_parse((struct trn_str){(const char *)data, size}, a, command, &s) < 0 && s.next < 1000 &&
        size < 100000)
        abort();
    return 0;
}
