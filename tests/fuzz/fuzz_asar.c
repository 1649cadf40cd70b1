/* SPDX-License-Identifier: Apache-2.0 */
/* Question: does any Electron archive crash its reader, or is a file told that lies outside of it? */
#include "formats/formats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_json(struct trn_str text, struct trn_arena *a)
{
    struct trn_json j;
    struct trn_json_piece p;
    trn_json_begin(&j, text);
    while (trn_json_next(&j, &p) == 0 && p.kind != TRN_JSON_END)
        if ((p.kind == TRN_JSON_STRING || p.kind == TRN_JSON_KEY) && trn_json_unescape(&p, a).n > p.raw.n)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trn_arena TRN_AUTO(trn_arena_freep) *a = trn_arena_new(8 << 20);
    struct trn_source s = trn_source_mem((struct trn_str){(const char *)data, size});
    struct trn_asar asar;
    struct trn_err err;
    uint32_t n = 0;
    if (!a)
        return 0;
    read_json((struct trn_str){(const char *)data, size}, a);
    if (trn_asar_parse(&s, a, &asar, &err) < 0)
        return 0;
    for (struct trn_asar_file *f = asar.files; f; f = f->next, n++) {
        struct trn_json j = {0};
        uint8_t hash[TRN_SHA256_SIZE];
        if (!f->bad_place && !f->link && !f->unpacked && (f->at > size || f->size > size - f->at))
            abort();
        for (uint32_t i = 0; i < f->n_blocks; i++)
            if (trn_asar_block(f, &j, hash) < 0)
                break;
    }
    if (n != asar.n_files)
        abort();
    return 0;
}
