/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the look at one ELF file: its facts, segments, what stands behind its end.
 * Must not own: reading of tables (formats), what its dynamic table asks for (check_elf_dynamic.c), the whole release.
 * Hand-offs: facts live in the look's arena.
 */
#include "artifact/check_elf.h"
#include "artifact/appended.h"
#include "artifact/kinds.h"

#include <stdio.h>

#define OVERLAY_MIN 4096u
#define RANDOM_LOOKING 7200u
#define FOR_PROGRAMS 10u
#define FOR_STACKS 10u
#define MODULE_MAGIC "~Module signature appended~\n"

static bool is_program(const struct trn_elf_image *f)
{
    return f->type == TRN_ELF_EXEC || !trn_str_is_none(f->interp);
}

static int check_segments(struct trn_look *l, const struct trn_elf_facts *facts)
{
    const struct trn_elf_image *f = &facts->image;
    struct trn_finding out;
    for (uint32_t i = 0; i < f->n_segments; i++) {
        const struct trn_elf_segment *s = &f->segments[i];
        bool stack = s->type == TRN_ELF_PT_GNU_STACK;
        bool both = (s->flags & TRN_ELF_EXECUTE) && (s->flags & TRN_ELF_WRITE);
        if (!both || !(stack || s->type == TRN_ELF_PT_LOAD))
            continue;
        trn_finding_init(&out, trn_check_find(TRN_STR("elf.writable-code")));
        if (stack) {
            out.score = FOR_STACKS;
            trn_look_say(l, &out, "it asks for a stack that can be executed, so data put there can run as code");
            trn_finding_add(&out, "segment", TRN_STR("stack"));
        } else {
            trn_look_say(l, &out,
                         "%llu bytes of it, from 0x%llx, are mapped so that they can be written and executed at once",
                         (unsigned long long)s->size, (unsigned long long)s->offset);
            trn_look_evidence(l, &out, s->offset, s->file_size);
        }
        return trn_look_found(l, &out);
    }
    return 0;
}

/* ---- behind the end ---- */

static bool is_signed_module(struct trn_look *l, const struct trn_elf_image *f)
{
    struct trn_str tail;
    size_t n = sizeof(MODULE_MAGIC) - 1;
    return f->type == TRN_ELF_REL && f->bytes.size > n &&
           trn_source_take(&f->bytes, f->bytes.size - n, n, l->arena, &tail) == 0 && trn_str_eq_c(tail, MODULE_MAGIC);
}

static int tell_overlay(struct trn_look *l, const struct trn_elf_image *f, uint64_t at, uint64_t size)
{
    struct trn_finding out;
    if (size <= OVERLAY_MIN || trn_look_entropy(l, at, size) <= RANDOM_LOOKING)
        return 0;
    trn_finding_init(&out, trn_check_find(TRN_STR("elf.overlay")));
    if (is_program(f))
        out.score = FOR_PROGRAMS;
    trn_look_say(
        l, &out,
        "%llu bytes that look random stand behind the end of the %s at 0x%llx, where the loader never maps them",
        (unsigned long long)size, is_program(f) ? "program" : "library", (unsigned long long)at);
    trn_look_evidence(l, &out, at, size);
    return trn_look_found(l, &out);
}

/* A whole program behind the end of one is opened as a member; that it is there is worth a word too. */
static int tell_program(struct trn_look *l, const struct trn_elf_image *f, const struct trn_appended *a)
{
    struct trn_finding out;
    static const enum trn_format programs[] = {TRN_FORMAT_PE, TRN_FORMAT_ELF, TRN_FORMAT_MACHO};
    bool is_one = false;
    for (size_t i = 0; i < TRN_ARRAY_SIZE(programs); i++)
        is_one = is_one || strcmp(a->what, trn_format_name(programs[i])) == 0;
    if (!is_one)
        return 0;
    trn_finding_init(&out, trn_check_find(TRN_STR("elf.overlay")));
    if (is_program(f))
        out.score = FOR_PROGRAMS;
    trn_look_say(l, &out, "another program (%s) of %llu bytes stands behind the end of the %s at 0x%llx", a->what,
                 (unsigned long long)a->size, is_program(f) ? "program" : "library", (unsigned long long)a->at);
    trn_look_evidence(l, &out, a->at, a->size);
    return trn_look_found(l, &out);
}

static int check_overlay(struct trn_look *l, const struct trn_elf_image *f)
{
    struct trn_appended a;
    uint64_t size = f->bytes.size - f->end;
    if (size <= OVERLAY_MIN || f->end == 0 || l->self->format == TRN_FORMAT_APPIMAGE || is_signed_module(l, f))
        return 0;
    int e = trn_appended_of(l, f->end, size, &a);
    if (e < 0 || !a.what)
        return e < 0 ? e : tell_overlay(l, f, f->end, size);
    e = trn_look_property(l, "overlay", trn_str_of(a.what));
    if (e == 0)
        e = tell_program(l, f, &a);
    return e < 0 ? e : tell_overlay(l, f, f->end, a.at - f->end);
}

int trn_open_elf(struct trn_look *l, struct trn_err *err)
{
    struct trn_elf_image f;
    struct trn_appended a;
    int e = trn_elf_image_read(l->bytes, l->arena, &f);
    if (e < 0) /* what is damaged was said when it was looked at */
        return e == -ENOEXEC || e == -EBADMSG ? 0 : e;
    uint64_t size = f.bytes.size - f.end;
    if (size < 64 || f.end == 0 || is_signed_module(l, &f)) /* no segment, no section: nothing has an end */
        return 0;
    e = trn_appended_of(l, f.end, size, &a);
    if (e < 0 || !(a.opened || size > OVERLAY_MIN))
        return e;
    struct trn_member m = {.name = TRN_STR("overlay"), .size = a.size, .packed = a.size};
    return trn_look_part(l, &m, a.at, a.size);
}

/* ---- the look ---- */

static int remember(struct trn_look *l, const struct trn_elf_facts *f)
{
    char text[16];
    if (!f->is_library || trn_str_is_none(f->dynamic.soname))
        return 0; /* plug-ins and objects of languages follow their own rules */
    snprintf(text, sizeof(text), "%c%s", f->notes.build_id.n ? '+' : '-', trn_elf_compiler(&f->notes));
    return trn_look_trait(l, TRN_TRAIT_ELF_BUILD, trn_str_of(text));
}

static int read_facts(struct trn_look *l, struct trn_elf_facts *f)
{
    int e = trn_elf_dynamic(&f->image, l->arena, &f->dynamic);
    f->is_library =
        f->image.type == TRN_ELF_DYN && !is_program(&f->image) && !(f->dynamic.flags_1 & TRN_ELF_FLAGS_1_PIE);
    return e < 0 ? e : trn_elf_notes(&f->image, l->arena, &f->notes);
}

/* Cut off while it was copied, or never whole: then nothing is proven by what is not found. */
static int check_whole(struct trn_look *l, const struct trn_elf_image *f)
{
    for (uint32_t i = 0; i < f->n_segments; i++) {
        const struct trn_elf_segment *s = &f->segments[i];
        uint64_t end;
        if (s->type == TRN_ELF_PT_LOAD && (!trn_add_ok(s->offset, s->file_size, &end) || end > l->bytes->size))
            return trn_look_gap(
                l, TRN_GAP_DAMAGED, TRN_STR_NONE,
                "the program is cut off: a segment that is to be loaded ends behind the end of the file");
    }
    return f->cut ? trn_look_gap(l, TRN_GAP_DAMAGED, TRN_STR_NONE,
                                 "its tables of segments and sections go behind the end of the file, or are too long")
                  : 0;
}

int trn_look_elf(struct trn_look *l, struct trn_err *err)
{
    struct trn_elf_facts *f = trn_arena_alloc(l->arena, sizeof(*f));
    int e = f ? trn_elf_image_read(l->bytes, l->arena, &f->image) : -ENOMEM;
    if (e == -ENOEXEC)
        return 0;
    if (e == 0)
        e = read_facts(l, f);
    if (e < 0)
        return trn_fail(err, e, "the header of the ELF file is damaged or cut off");
    e = trn_elf_properties(l, f);
    if (e == 0)
        e = check_whole(l, &f->image);
    if (e == 0)
        e = remember(l, f);
    if (e == 0 && f->image.type != TRN_ELF_REL)
        e = check_segments(l, f);
    if (e == 0)
        e = check_overlay(l, &f->image);
    if (e == 0)
        e = trn_elf_check_gaps(l, f);
    if (e == 0 && f->dynamic.present)
        e = trn_elf_check_dynamic(l, f);
    if (e == 0 && f->dynamic.present)
        e = trn_elf_check_hook(l, f);
    return e < 0 ? e : trn_feature_elf(l, f);
}
