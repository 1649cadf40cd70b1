/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what an inventory wants to know of an ELF file. Must not own: judgement.
 * Hand-offs: texts live in the look's arena.
 */
#include "artifact/check_elf.h"

const char *trn_elf_compiler(const struct trn_elf_notes *n)
{
    static const struct {
        const char *text, *name;
    } marks[] = {{"rustc", "rust"}, {"clang", "clang"}, {"GCC:", "gcc"}}; /* start files of gcc are in all of them */
    if (n->go_build_id.n)
        return "go";
    for (size_t i = 0; i < TRN_ARRAY_SIZE(marks); i++)
        for (uint32_t k = 0; k < n->n_comments; k++)
            if (trn_str_contains(n->comments[k], trn_str_of(marks[i].text)))
                return marks[i].name;
    return "";
}

static struct trn_str hex_of(struct trn_look *l, struct trn_str raw)
{
    char hex[2 * TRN_ELF_BUILD_ID_MAX + 1];
    if (raw.n == 0 || raw.n > TRN_ELF_BUILD_ID_MAX)
        return TRN_STR_NONE;
    trn_hex(raw.p, raw.n, hex);
    return trn_arena_str(l->arena, trn_str_of(hex));
}

static const char *type_of(const struct trn_elf_facts *f)
{
    switch (f->image.type) {
    case TRN_ELF_REL:
        return "object";
    case TRN_ELF_EXEC:
        return "program";
    case TRN_ELF_DYN:
        return f->is_library ? "library" : "program";
    case TRN_ELF_CORE:
        return "core dump";
    default:
        return "other";
    }
}

int trn_elf_properties(struct trn_look *l, const struct trn_elf_facts *f)
{
    const struct trn_elf_dynamic *d = &f->dynamic;
    const struct trn_elf_notes *n = &f->notes;
    int e = trn_look_property(l, "arch", trn_str_of(trn_elf_machine_name(f->image.machine)));
    if (e == 0)
        e = trn_look_property(l, "type", trn_str_of(type_of(f)));
    if (e == 0)
        e = trn_look_property(l, "soname", d->soname);
    for (uint32_t i = 0; e == 0 && i < d->n_needed; i++)
        e = trn_look_property(l, "dependency", d->needed[i]);
    if (e == 0)
        e = trn_look_property(l, "build_id", hex_of(l, n->build_id));
    if (e == 0)
        e = trn_look_property(l, "go_build_id", n->go_build_id);
    for (uint32_t i = 0; e == 0 && i < n->n_comments; i++)
        e = trn_look_property(l, "compiler", n->comments[i]);
    if (e == 0)
        e = trn_look_property(l, "interpreter", f->image.interp);
    if (e == 0)
        e = trn_look_property(l, "package", n->package);
    if (e == 0 && n->has_abi && n->abi_os == 0)
        e = trn_look_property(l, "kernel_min", trn_arena_printf(l->arena, "%u.%u.%u", n->abi[0], n->abi[1], n->abi[2]));
    if (e == 0)
        e = trn_look_property(l, "rpath", d->rpath);
    return e < 0 ? e : trn_look_property(l, "runpath", d->runpath);
}
