/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a person sees: what was opened as a tree, findings and gaps in their place, what is clean as a number, a
 * verdict for each file and one for all.
 * Must not: print foreign text unescaped; drop a gap.
 */
#include "cli/scan.h"

#define FLUSH ((size_t)64 << 10)
#define TEXT_MAX ((size_t)64 << 10)

void trn_scan_tree_init(struct trn_scan_tree *t, FILE *out, bool colour, bool all)
{
    *t = (struct trn_scan_tree){.out = out, .colour = colour, .all = all, .width = trn_page_width(out)};
    trn_buf_init(&t->b, (size_t)64 << 20);
}

static void put_coloured(struct trn_scan_tree *t, enum trn_colour colour, const char *text)
{
    trn_put_c(&t->b, trn_colour_on(t->colour, colour));
    trn_put_c(&t->b, text);
    trn_put_c(&t->b, trn_colour_off(t->colour, colour));
}

/* ---- one thing told ---- */

static void put_pair(struct trn_buf *b, struct trn_str key, struct trn_str value, size_t most)
{
    if (trn_str_is_empty(value))
        return;
    trn_put_c(b, b->n ? ", " : "");
    trn_escape(b, key);
    trn_put_c(b, " ");
    trn_escape(b, trn_str_slice(value, 0, most));
    trn_put_c(b, value.n > most ? "..." : "");
}

/* "offset 0x4edcd8, size 277256, entropy 7.99, ..., excerpt 4f6a": where, how much, then the rest, the bytes last. */
static void put_evidence(const struct trn_finding *f, struct trn_buf *b)
{
    static const char *const ranks[] = {"offset", "size", "entropy", NULL, "excerpt"};
    for (size_t r = 0; r < TRN_ARRAY_SIZE(ranks); r++)
        for (uint32_t i = 0; i < f->n_evidence; i++) {
            const struct trn_pair *p = &f->evidence[i];
            bool named = trn_str_eq_c(p->key, "rule"); /* stands in the check's name */
            for (size_t k = 0; k < TRN_ARRAY_SIZE(ranks); k++)
                named = named || (ranks[k] && trn_str_eq_c(p->key, ranks[k]));
            if (ranks[r] ? trn_str_eq_c(p->key, ranks[r]) : !named)
                put_pair(b, p->key, p->value, ranks[r] ? 80 : 240);
        }
}

#define TOLD 16 /* columns of the word before what is told */

static void put_told(struct trn_scan_tree *t, struct trn_str draw, enum trn_colour colour, const char *word,
                     struct trn_str text)
{
    size_t column = trn_page_columns(draw.p, draw.n);
    size_t wide = strlen(word);
    trn_put_str(&t->b, draw);
    put_coloured(t, colour, word);
    trn_put_fmt(&t->b, "%*s", wide < TOLD ? (int)(TOLD - wide) : 1, "");
    trn_page_wrapped(&t->b, t->width, draw, column + TRN_MAX((size_t)TOLD, wide + 1), column + TOLD, text);
}

static void put_finding(struct trn_scan_tree *t, struct trn_str draw, const struct trn_finding *f)
{
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    char name[160], head[40];
    enum trn_verdict v;
    uint16_t weight = trn_score_alone(f, &v);
    const char *word = trn_verdict_name(v);
    trn_buf_init(&line, TEXT_MAX);
    (void)snprintf(head, sizeof(head), "%s %u", word, weight);
    trn_put_fmt(&line, "%s: ", trn_finding_name(f, name, sizeof(name)));
    trn_page_sentence(&line, f->summary);
    put_told(t, draw, trn_verdict_colour(trn_str_of(word)), head, trn_buf_str(&line));
    trn_buf_clear(&line);
    put_evidence(f, &line);
    if (line.n == 0)
        return;
    trn_put_c(&t->b, trn_colour_on(t->colour, TRN_DIM));
    put_told(t, draw, TRN_PLAIN, "", trn_buf_str(&line));
    trn_put_c(&t->b, trn_colour_off(t->colour, TRN_DIM));
}

static void put_gap(struct trn_scan_tree *t, struct trn_str draw, const struct trn_gap *g)
{
    static const char *const words[TRN_GAP_KIND_MAX] = {"cut short",  "damaged",          "not opened",
                                                        "not opened", "not opened again", "crashed"};
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    trn_buf_init(&line, TEXT_MAX);
    if (!trn_str_is_empty(g->member)) {
        trn_put_c(&line, "'");
        trn_escape(&line, g->member);
        trn_put_c(&line, "': ");
    }
    if (g->kind == TRN_GAP_LIMIT)
        trn_put_c(&line, "the limit of ");
    else if (g->kind == TRN_GAP_ENCRYPTED)
        trn_put_c(&line, "encrypted: ");
    trn_page_sentence(&line, g->what);
    if (g->kind == TRN_GAP_LIMIT && g->limit) {
        trn_put_c(&line, " was reached: ");
        trn_put_count(&line, g->value);
        trn_put_c(&line, " where ");
        trn_put_count(&line, g->limit);
        trn_put_c(&line, " are allowed (--limit)");
    } else if (g->kind == TRN_GAP_LIMIT) {
        trn_put_c(&line, " was reached");
    }
    put_told(t, draw, TRN_YELLOW, words[g->kind], trn_buf_str(&line));
}

/* ---- one artifact ---- */

static void put_signature(struct trn_buf *b, const struct trn_signature *s)
{
    if (s->kind == TRN_SIGNATURE_NONE)
        return;
    trn_put_c(b, ", signed");
    if (s->kind == TRN_SIGNATURE_APPLE_ADHOC)
        trn_put_c(b, " by nobody (ad-hoc)");
    if (!trn_str_is_empty(s->signer)) {
        trn_put_c(b, " by ");
        trn_escape(b, trn_str_slice(s->signer, 0, 120));
    }
    trn_put_fmt(b, " (digest %s, chain %s)", trn_digest_state_name(s->digest), trn_chain_state_name(s->chain));
}

/* Name, format, size, who signed it. */
static int put_head(struct trn_scan_tree *t, struct trn_scanned *f, uint32_t id, struct trn_str draw, size_t used)
{
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    struct trn_results *x = &f->index;
    struct trn_item item;
    trn_buf_init(&line, 1u << 20);
    int e = trn_results_artifact(x, id, &item);
    if (e < 0)
        return e;
    trn_escape(&line, id == 1 ? f->path : item.a.name);
    if (line.n == 0)
        trn_put_c(&line, "(without a name)");
    trn_put_c(&t->b, trn_colour_on(t->colour, id == 1 ? TRN_BOLD : TRN_PLAIN));
    trn_put_str(&t->b, trn_buf_str(&line));
    trn_put_c(&t->b, trn_colour_off(t->colour, id == 1 ? TRN_BOLD : TRN_PLAIN));
    used += trn_page_columns(line.p, line.n) + 2;
    trn_buf_clear(&line);
    trn_put_fmt(&line, "%s, ", trn_format_name(item.a.format));
    trn_put_size(&line, item.a.size);
    for (uint32_t l = x->nodes[id - 1].first; l; l = x->links[l - 1].next) {
        e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind == TRN_ITEM_SIGNATURE)
            put_signature(&line, &item.s);
    }
    trn_put_c(&t->b, "  ");
    trn_page_wrapped(&t->b, t->width, draw, used, trn_page_columns(draw.p, draw.n) + 4, trn_buf_str(&line));
    return line.bad ? -ENOMEM : 0;
}

static int put_body(struct trn_scan_tree *t, struct trn_scanned *f, uint32_t id, struct trn_str draw)
{
    struct trn_results *x = &f->index;
    for (uint32_t l = x->nodes[id - 1].first; x->nodes[id - 1].told && l; l = x->links[l - 1].next) {
        struct trn_item item;
        int e = trn_results_read(x, x->links[l - 1].at, &item, NULL);
        if (e < 0)
            return e;
        if (item.kind == TRN_ITEM_FINDING)
            put_finding(t, draw, &item.f);
        else if (item.kind == TRN_ITEM_GAP)
            put_gap(t, draw, &item.g);
    }
    return t->b.bad ? -ENOMEM : 0;
}

static bool is_shown(const struct trn_scan_tree *t, const struct trn_scan_node *n)
{
    return t->all || n->told || n->told_below;
}

static int put_members(struct trn_scan_tree *t, struct trn_scanned *f, uint32_t id, struct trn_buf *draw);

/* One member behind its branch, and all in it. */
static int put_member(struct trn_scan_tree *t, struct trn_scanned *f, uint32_t id, struct trn_buf *draw, bool last)
{
    size_t before = draw->n;
    trn_put_str(&t->b, trn_buf_str(draw));
    trn_put_c(&t->b, last ? "└─ " : "├─ ");
    trn_put_c(draw, last ? "   " : "│  ");
    int e = put_head(t, f, id, trn_buf_str(draw), trn_page_columns(draw->p, draw->n));
    if (e == 0) {
        size_t own = draw->n;
        trn_put_c(draw, f->index.nodes[id - 1].child && f->index.nodes[id - 1].told_below ? "│    " : "     ");
        e = put_body(t, f, id, trn_buf_str(draw));
        draw->n = own;
    }
    if (e == 0)
        e = put_members(t, f, id, draw);
    draw->n = before;
    return e;
}

/* Members that have something to tell, then the number of the others. At most as deep as a worker goes. */
static int put_members(struct trn_scan_tree *t, struct trn_scanned *f, uint32_t id, struct trn_buf *draw)
{
    const struct trn_scan_node *nodes = f->index.nodes;
    uint64_t quiet = 0;
    uint32_t last = 0;
    for (uint32_t c = nodes[id - 1].child; c; c = nodes[c - 1].next) {
        if (is_shown(t, &nodes[c - 1]))
            last = c;
        else
            quiet += nodes[c - 1].below;
    }
    for (uint32_t c = nodes[id - 1].child; c; c = nodes[c - 1].next) {
        int e = is_shown(t, &nodes[c - 1]) ? put_member(t, f, c, draw, c == last && quiet == 0) : 0;
        if (e < 0)
            return e;
        if (t->b.n > FLUSH)
            trn_print(t->out, &t->b);
    }
    if (quiet == 0 || (last == 0 && !nodes[id - 1].told))
        return 0;
    trn_put_str(&t->b, trn_buf_str(draw));
    trn_put_c(&t->b, "└─ ");
    trn_put_c(&t->b, trn_colour_on(t->colour, TRN_DIM));
    trn_put_count(&t->b, quiet);
    trn_put_fmt(&t->b, " %s%s, nothing to tell", last ? "more " : "", quiet == 1 ? "file" : "files");
    trn_put_c(&t->b, trn_colour_off(t->colour, TRN_DIM));
    trn_put_c(&t->b, "\n");
    return 0;
}

/* ---- one file, and all ---- */

static void put_verdict(struct trn_scan_tree *t, enum trn_verdict v, uint16_t score, bool undecided)
{
    const char *name = trn_verdict_name(v);
    put_coloured(t, trn_verdict_colour(trn_str_of(name)), name);
    if (v > TRN_VERDICT_CLEAN)
        trn_put_fmt(&t->b, " %u", score);
    if (undecided && v < TRN_VERDICT_SUSPICIOUS)
        trn_put_c(&t->b, " as far as it could be looked at");
}

static void put_file_verdict(struct trn_scan_tree *t, const struct trn_scanned *f)
{
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    trn_buf_init(&line, TEXT_MAX);
    trn_put_c(&t->b, "=> ");
    put_verdict(t, f->verdict, f->score, trn_scanned_undecided(f));
    trn_put_c(&line, "  ");
    trn_escape(&line, f->path);
    if (f->findings) {
        trn_put_c(&line, ": ");
        trn_page_sentence(&line, trn_str_of(f->strongest_text));
    }
    if (f->findings > 1)
        trn_put_fmt(&line, " (and %u more)", f->findings - 1);
    trn_put_str(&t->b, trn_buf_str(&line));
    trn_put_c(&t->b, "\n");
}

int trn_scan_tree_file(struct trn_scan_tree *t, struct trn_scanned *f)
{
    TRN_AUTO(trn_buf_done) struct trn_buf draw = {0};
    const struct trn_scan_node *top = f->index.n ? &f->index.nodes[0] : NULL;
    bool told = f->code < 0 || f->changed || (top && (top->told || top->told_below));
    int e = 0;
    if (!told && !t->all)
        return 0;
    trn_buf_init(&draw, 4096);
    if (top) {
        e = put_head(t, f, 1, TRN_STR(""), 0);
        if (e == 0)
            e = put_body(t, f, 1, top->told_below ? TRN_STR("│    ") : TRN_STR("     "));
        if (e == 0)
            e = put_members(t, f, 1, &draw);
    } else {
        put_coloured(t, TRN_BOLD, "");
        trn_escape(&t->b, f->path);
        trn_put_c(&t->b, "\n");
    }
    if (f->code < 0)
        put_told(t, TRN_STR("     "), TRN_YELLOW,
                 f->code == -EPIPE || f->code == -EPROTO ? "crashed"
                 : f->code == -ETIME                     ? "hung"
                                                         : "not read",
                 f->why);
    if (f->changed)
        put_told(t, TRN_STR("     "), TRN_YELLOW, "changed",
                 TRN_STR("while it was read: what is told is of no one state"));
    if (told && top)
        put_file_verdict(t, f);
    trn_print(t->out, &t->b);
    return e;
}

static void put_part(struct trn_buf *b, uint64_t n, const char *what, bool *any)
{
    if (n == 0)
        return;
    trn_put_c(b, *any ? ", " : "");
    trn_put_count(b, n);
    trn_put_fmt(b, " %s", what);
    *any = true;
}

void trn_scan_tree_end(struct trn_scan_tree *t, const struct trn_scan_sum *s)
{
    struct trn_buf *b = &t->b;
    bool any = false;
    trn_put_c(b, "verdict: ");
    put_verdict(t, s->verdict, s->score, s->undecided);
    trn_put_c(b, "   ");
    trn_put_count(b, s->files);
    trn_put_c(b, s->files == 1 ? " file" : " files");
    if (s->artifacts > s->files) {
        trn_put_c(b, " (");
        trn_put_count(b, s->artifacts);
        trn_put_c(b, " with what is in them)");
    }
    trn_put_c(b, ", ");
    trn_put_size(b, s->bytes);
    trn_put_c(b, ": ");
    put_part(b, s->verdicts[TRN_VERDICT_MALICIOUS], "malicious", &any);
    put_part(b, s->verdicts[TRN_VERDICT_SUSPICIOUS], "suspicious", &any);
    put_part(b, s->verdicts[TRN_VERDICT_NOTE], "with a note", &any);
    if (!any && s->failed + s->notes == 0) {
        trn_put_c(b, "nothing to tell");
        any = true;
    } else {
        put_part(b, s->verdicts[TRN_VERDICT_CLEAN], "clean", &any);
    }
    uint64_t unopened = s->gaps[TRN_GAP_ENCRYPTED] + s->gaps[TRN_GAP_UNSUPPORTED];
    put_part(b, s->failed, "could not be read", &any);
    put_part(b, s->gaps[TRN_GAP_LIMIT] + s->gaps[TRN_GAP_DAMAGED] + s->gaps[TRN_GAP_CRASHED], "cut short or damaged",
             &any);
    put_part(b, unopened, "not opened", &any);
    if (s->interrupted)
        trn_put_c(b, "; interrupted: the rest was not looked at");
    trn_put_c(b, "\n");
    trn_print(t->out, b);
    trn_buf_done(b);
}
