/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the one library of a release that was built otherwise than all its siblings. Must not own: looks at single files.
 * Hand-offs: works on traits; the finding is told about the member.
 */
#include "artifact/check_elf.h"
#include "artifact/kinds.h"

#define SIBLINGS_MIN 8u

struct count {
    uint32_t all, without_id, said; /* said: compiler known */
    struct trn_str usual;           /* most frequent compiler */
    uint32_t usual_n;
    const struct trn_trait *no_id;
};

static bool is_build(const struct trn_trait *t)
{
    return strcmp(t->trait, TRN_TRAIT_ELF_BUILD) == 0 && t->value.n;
}

static struct trn_str compiler_of(const struct trn_trait *t)
{
    return trn_str_slice(t->value, 1, t->value.n);
}

static struct count count_all(const struct trn_trait *t, size_t n)
{
    static const char *const compilers[] = {"gcc", "clang", "rust", "go"};
    uint32_t by[TRN_ARRAY_SIZE(compilers)] = {0};
    struct count c = {0};
    for (size_t i = 0; i < n; i++) {
        if (!is_build(&t[i]))
            continue;
        c.all++;
        if (t[i].value.p[0] == '-') {
            c.without_id++;
            c.no_id = &t[i];
        }
        for (size_t k = 0; k < TRN_ARRAY_SIZE(compilers); k++)
            by[k] += trn_str_eq_c(compiler_of(&t[i]), compilers[k]);
    }
    for (size_t k = 0; k < TRN_ARRAY_SIZE(compilers); k++) {
        c.said += by[k];
        if (by[k] > c.usual_n) {
            c.usual_n = by[k];
            c.usual = trn_str_of(compilers[k]);
        }
    }
    return c;
}

static int tell(struct trn_look *l, const struct trn_trait *t, const struct count *c, const char *what)
{
    struct trn_finding f;
    char name[160];
    trn_finding_init(&f, trn_check_find(TRN_STR("elf.toolchain-outlier")));
    trn_look_say(l, &f, "'%s' %s, alone among %u libraries",
                 trn_escape_into(name, sizeof(name), trn_path_base(t->name)), what, c->all);
    trn_finding_add(&f, "compiler", compiler_of(t));
    trn_finding_add(&f, "usual_compiler", c->usual);
    return trn_look_found_in(l, t->artifact, &f);
}

int trn_look_elf_release(struct trn_look *l, struct trn_err *err)
{
    size_t n = 0;
    const struct trn_trait *t = trn_look_traits(l, &n);
    struct count c = count_all(t, n);
    if (c.all < SIBLINGS_MIN)
        return 0;
    if (c.without_id == 1)
        return tell(l, c.no_id, &c, "has no build-id");
    if (c.said < SIBLINGS_MIN || c.usual_n != c.said - 1)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (is_build(&t[i]) && compiler_of(&t[i]).n && !trn_str_eq(compiler_of(&t[i]), c.usual))
            return tell(l, &t[i], &c, "was built by another compiler");
    return 0;
}
