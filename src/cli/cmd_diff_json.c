/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: turncoat.diff/1.
 */
#include "cli/diff.h"

static const struct trn_release_member *shown_of(const struct trn_change *c)
{
    return c->new_member ? c->new_member : c->old_member;
}

static void put_finding(struct trn_buf *b, const struct trn_finding *f)
{
    trn_out_comma(b);
    trn_put_c(b, "{");
    trn_out_c(b, "check", f->check->id);
    trn_out_u64(b, "score", f->score);
    trn_out_str(b, "summary", f->summary);
    trn_out_key(b, "evidence");
    trn_put_c(b, "{");
    for (uint32_t i = 0; i < f->n_evidence; i++) {
        char key[80];
        trn_out_str(b, trn_escape_into(key, sizeof(key), f->evidence[i].key), f->evidence[i].value);
    }
    trn_put_c(b, "}}");
}

static void put_release(struct trn_buf *b, const char *key, const struct trn_release *r)
{
    trn_out_key(b, key);
    trn_put_c(b, "{");
    trn_out_name(b, "path", trn_release_label(r));
    trn_out_name(b, "product", trn_release_product(r));
    trn_out_name(b, "version", trn_release_version(r));
    trn_out_u64(b, "members", trn_release_count(r));
    trn_put_c(b, "}");
}

void trn_diff_print_json(const struct trn_diff *d, FILE *out)
{
    struct trn_out o;
    trn_out_init(&o, out);
    struct trn_buf *b = &o.b;
    trn_put_c(b, "{");
    trn_out_c(b, "schema", "turncoat.diff/1");
    trn_out_c(b, "verdict", trn_verdict_name(d->verdict));
    trn_out_u64(b, "score", d->score);
    trn_out_bool(b, "undecided", d->undecided);
    put_release(b, "old", d->old_release);
    put_release(b, "new", d->new_release);
    trn_out_key(b, "changes");
    trn_put_c(b, "[");
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct trn_change *c = &d->changes[i];
        if (c->kind == TRN_CHANGE_SAME)
            continue;
        trn_out_comma(b);
        trn_put_c(b, "{");
        trn_out_name(b, "path", shown_of(c)->path);
        trn_out_c(b, "kind", trn_change_kind_name(c->kind));
        trn_out_key(b, "findings");
        trn_put_c(b, "[");
        for (size_t k = 0; k < c->n_findings; k++)
            put_finding(b, &c->findings[k]);
        trn_put_c(b, "]}");
        trn_out_flush(&o, 65536);
    }
    trn_put_c(b, "]}\n");
    trn_out_flush(&o, 0);
    trn_out_done(&o);
}
