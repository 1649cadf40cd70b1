/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the stages of a story on its page: when, what, how often, and the ids of ATT&CK. Several findings of one stage
 * are one line and a count; --json has each. Must not: choose or weigh findings.
 */
#include "story/print.h"

#define CHANGE_NEAR_NS (35ull * 86400 * TRN_NS_PER_SEC)
#define ATTACK_MAX 64

/* The stage in words: dashes are for machines, except where the word has them. */
static void put_stage(struct trn_buf *b, enum trn_stage stage, size_t want)
{
    const char *name = trn_stage_name(stage);
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        trn_put_u8(b, (uint8_t)(name[i] == '-' && stage != TRN_STAGE_HANDS_ON_KEYBOARD ? ' ' : name[i]));
    trn_print_pad(b, n, want);
}

/* From the update on, when it is near; else from the first finding. */
uint64_t trn_print_zero(const struct trn_story *s)
{
    uint64_t first = s->n_findings ? s->findings[0].wall_ns : 0;
    bool near = trn_print_has_change(s) && s->change_wall_ns <= first && first - s->change_wall_ns < CHANGE_NEAR_NS;
    return near ? s->change_wall_ns : first;
}

/* Of one stage the strongest is shown, the first of equals; the others are counted. */
struct shown {
    const struct trn_finding *best;
    uint64_t first_wall_ns, last_wall_ns;
    uint32_t n;
};

static uint32_t collapse(const struct trn_story *s, struct shown ret[TRN_STAGE_MAX])
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_findings; i++) {
        const struct trn_finding *f = &s->findings[i];
        struct shown *at = ret;
        while (at < ret + n && at->best->check->stage != f->check->stage)
            at++;
        if (at == ret + n)
            ret[n++] = (struct shown){.best = f, .first_wall_ns = f->wall_ns};
        if (f->score > at->best->score)
            at->best = f;
        at->last_wall_ns = f->wall_ns;
        at->n++;
    }
    return n;
}

void trn_print_when(struct trn_buf *b, uint64_t wall_ns, uint64_t zero, size_t want)
{
    struct trn_buf when;
    trn_buf_init(&when, 64);
    trn_put_c(&when, "+");
    trn_put_span(&when, wall_ns > zero ? wall_ns - zero : 0);
    trn_put_str(b, trn_buf_str(&when));
    trn_print_pad(b, trn_print_columns(trn_buf_str(&when)), want);
    trn_buf_done(&when);
}

static void put_one(const struct shown *one, uint64_t zero, unsigned width, struct trn_buf *b)
{
    const size_t indent = 3 + 9 + 19, id_column = width - indent - (sizeof("T1102.001") - 1);
    const struct trn_finding *f = one->best;
    trn_put_c(b, "   ");
    trn_print_when(b, one->first_wall_ns, zero, 9);
    put_stage(b, f->check->stage, 19);
    const char *id = f->check->attack[0] ? f->check->attack[0] : "";
    size_t used = trn_print_wrapped(b, f->summary, indent, width - indent - strlen(id) - 2);
    trn_print_pad(b, used, *id ? TRN_MAX(used + 2, id_column) : used);
    trn_put_c(b, id);
    trn_put_c(b, "\n");
    if (one->n == 1)
        return;
    trn_print_pad(b, 0, indent);
    trn_put_fmt(b, "and %u more, the last at ", one->n - 1);
    trn_print_when(b, one->last_wall_ns, zero, 0);
    trn_put_c(b, "\n");
}

static uint32_t add_ids(const struct trn_check *c, const char **ids, uint32_t n)
{
    for (size_t i = 0; i < TRN_ARRAY_SIZE(c->attack) && c->attack[i] && n < ATTACK_MAX; i++) {
        bool known = false;
        for (uint32_t k = 0; k < n; k++)
            known = known || strcmp(ids[k], c->attack[i]) == 0;
        if (!known)
            ids[n++] = c->attack[i];
    }
    return n;
}

/* All ids once, in the order of time. */
static void put_attack(const struct trn_story *s, unsigned width, struct trn_buf *b)
{
    const char *ids[ATTACK_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_findings; i++)
        n = add_ids(s->findings[i].check, ids, n);
    if (!n)
        return;
    struct trn_buf line;
    trn_buf_init(&line, 4096);
    for (uint32_t i = 0; i < n; i++)
        trn_put_fmt(&line, "%s%s", i ? " " : "", ids[i]);
    trn_put_c(b, "\n   ATT&CK v" TRN_ATTACK_VERSION "  ");
    trn_print_wrapped(b, trn_buf_str(&line), 16, width - 16);
    trn_put_c(b, "\n");
    trn_buf_done(&line);
}

void trn_print_stages(const struct trn_story *s, unsigned width, struct trn_buf *b)
{
    struct shown shown[TRN_STAGE_MAX];
    uint32_t n = collapse(s, shown);
    for (uint32_t i = 0; i < n; i++)
        put_one(&shown[i], trn_print_zero(s), width, b);
    if (s->n_findings_dropped)
        trn_put_fmt(b, "   and %u weaker findings that found no room\n", s->n_findings_dropped);
    put_attack(s, width, b);
}
