/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: programs that were not there: new ones, and places where something else was.
 * Must not: tell the parts of a program as programs of their own.
 */
#include "release/compare_code.h"

#include <stdio.h>

#define MANY 10u
#define SEVERAL 6u

static bool in_program(const struct trn_release *r, const struct trn_release_member *m)
{
    const struct trn_release_member *up = m->parent == TRN_NO_MEMBER ? NULL : trn_release_at(r, m->parent);
    return up && trn_member_is_program(up);
}

static int became_program(struct trn_compare *c)
{
    const struct trn_release_member *was = c->old_member, *is = c->new_member;
    struct trn_finding f;
    if (trn_member_is_program(was) || was->format == TRN_FORMAT_APPIMAGE || c->change->kind != TRN_CHANGE_CHANGED)
        return 0;
    int e = trn_compare_begin(c, "diff.became-program", &f);
    if (e < 0)
        return e;
    bool started = trn_member_is_script(was) || was->format == TRN_FORMAT_SCRIPT || was->format == TRN_FORMAT_EMPTY;
    f.score = started ? 20 : f.check->score; /* a launcher that was a script */
    trn_compare_say(c, &f, "a program (%s, %llu bytes) stands where %s was", trn_format_name(is->format),
                    (unsigned long long)is->size,
                    was->format == TRN_FORMAT_EMPTY ? "an empty file" : trn_format_name(was->format));
    trn_compare_values(c, &f, trn_str_of(trn_format_name(was->format)), trn_str_of(trn_format_name(is->format)), 0);
    return trn_compare_found(c, c->change, &f);
}

static struct trn_str programs(struct trn_compare *c, size_t n)
{
    return trn_arena_printf(c->arena, "%zu program%s", n, n == 1 ? "" : "s");
}

static int new_program(struct trn_compare *c)
{
    struct trn_finding f;
    char name[160];
    int e = trn_compare_begin(c, "diff.new-program", &f);
    if (e < 0)
        return e;
    size_t before = trn_release_programs(c->diff->old_release);
    size_t now = trn_release_programs(c->diff->new_release);
    /* large products bring some with each version; who begins to build for several systems brings all of them at once */
    f.score = before >= MANY ? 10 : before || now >= SEVERAL ? f.check->score : 28;
    trn_compare_say(c, &f, "'%s' (%s, %llu bytes) is a program that the old release had nothing of%s",
                    trn_escape_into(name, sizeof(name), c->new_member->name), trn_format_name(c->new_member->format),
                    (unsigned long long)c->new_member->size, before ? "" : "; it had no program at all");
    trn_compare_values(c, &f, programs(c, before), programs(c, now), TRN_FEATURE_NOWHERE);
    return trn_compare_found(c, c->change, &f);
}

int trn_compare_code_program(struct trn_compare *c)
{
    if (!c->new_member || !trn_member_is_program(c->new_member) || in_program(c->diff->new_release, c->new_member))
        return 0;
    return c->old_member ? became_program(c) : new_program(c);
}
