/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: reading a result back, by artifact; the score and verdict of one file, and the sum of all.
 * Must not: trust a result: a worker told it, or a file of the cache held it.
 * Hand-offs: views of an item live until the next read of the same index.
 */
#include "cli/scan.h"

#define WINDOW ((size_t)256 << 10)
#define ITEM_MAX ((size_t)1 << 20)
#define HEAD 4u
#define DEPTH_MAX 80u

void trn_results_init(struct trn_results *x)
{
    *x = (struct trn_results){0};
    trn_buf_init(&x->window, WINDOW + ITEM_MAX);
}

void trn_results_done(struct trn_results *x)
{
    free(x->nodes);
    free(x->links);
    trn_buf_done(&x->window);
}

/* ---- decoding ---- */

static int get_artifact(struct trn_cursor *c, struct trn_item *ret)
{
    struct trn_artifact a = {.id = ret->artifact};
    a.parent = (uint32_t)trn_cur_varint(c);
    a.depth = (uint32_t)trn_cur_varint(c);
    a.name = trn_cur_lstr(c);
    uint8_t format = trn_cur_u8(c);
    a.format = format < TRN_FORMAT_MAX ? (enum trn_format)format : TRN_FORMAT_DATA;
    a.size = trn_cur_varint(c);
    uint8_t has = trn_cur_u8(c);
    a.has_offset = has & 1;
    a.offset = a.has_offset ? trn_cur_varint(c) : 0;
    a.mode = (uint32_t)trn_cur_varint(c);
    a.entropy_milli = (uint32_t)trn_cur_varint(c);
    trn_cur_copy(c, a.sha256, TRN_SHA256_SIZE);
    if (has & 2)
        trn_cur_copy(c, a.md5, TRN_MD5_SIZE);
    ret->a = a;
    return format < TRN_FORMAT_MAX ? 0 : -EBADMSG;
}

static int get_uncovered(struct trn_cursor *c, struct trn_signature *s)
{
    for (uint32_t i = 0; i < s->n_uncovered; i++) {
        struct trn_uncovered *u = &s->uncovered[i];
        u->at = trn_cur_u64le(c);
        u->size = trn_cur_u64le(c);
        u->expected = trn_cur_u8(c) != 0;
        struct trn_str what = trn_cur_lstr(c);
        if (what.n == 0 || what.p[what.n - 1] != '\0')
            return -EBADMSG;
        u->what = what.p;
    }
    return 0;
}

static int get_signature(struct trn_cursor *c, struct trn_item *ret)
{
    struct trn_signature *s = &ret->s;
    *s = (struct trn_signature){0};
    uint8_t kind = trn_cur_u8(c), digest = trn_cur_u8(c), chain = trn_cur_u8(c);
    if (kind >= TRN_SIGNATURE_KIND_MAX || digest >= TRN_DIGEST_STATE_MAX || chain >= TRN_CHAIN_STATE_MAX)
        return -EBADMSG;
    s->kind = (enum trn_signature_kind)kind;
    s->digest = (enum trn_digest_state)digest;
    s->chain = (enum trn_chain_state)chain;
    s->signer = trn_cur_lstr(c);
    s->issuer = trn_cur_lstr(c);
    s->serial = trn_cur_lstr(c);
    s->team = trn_cur_lstr(c);
    s->digest_name = trn_cur_lstr(c);
    s->content_digest = trn_cur_lstr(c);
    s->signed_at = (int64_t)trn_cur_u64le(c);
    s->signatures = trn_cur_u32le(c);
    s->uncovered_total = trn_cur_u64le(c);
    s->n_uncovered = trn_cur_u8(c);
    return s->n_uncovered <= TRN_UNCOVERED_MAX ? get_uncovered(c, s) : -EBADMSG;
}

static int get_gap(struct trn_cursor *c, struct trn_item *ret)
{
    uint8_t kind = trn_cur_u8(c);
    ret->g = (struct trn_gap){.kind = (enum trn_gap_kind)kind};
    ret->g.what = trn_cur_lstr(c);
    ret->g.member = trn_cur_lstr(c);
    ret->g.value = trn_cur_u64le(c);
    ret->g.limit = trn_cur_u64le(c);
    return kind < TRN_GAP_KIND_MAX ? 0 : -EBADMSG;
}

static int decode(struct trn_str bytes, struct trn_item *ret)
{
    struct trn_cursor c = trn_cur_of(bytes);
    uint8_t kind = trn_cur_u8(&c);
    int e = 0;
    ret->kind = (enum trn_item_kind)kind;
    ret->artifact = trn_cur_u32le(&c);
    switch (kind) {
    case TRN_ITEM_ARTIFACT:
        e = get_artifact(&c, ret);
        break;
    case TRN_ITEM_SIGNATURE:
        e = get_signature(&c, ret);
        break;
    case TRN_ITEM_PROPERTY:
        ret->p.key = trn_cur_lstr(&c);
        ret->p.value = trn_cur_lstr(&c);
        break;
    case TRN_ITEM_FINDING:
        e = trn_finding_decode(&c, &ret->f);
        break;
    case TRN_ITEM_GAP:
        e = get_gap(&c, ret);
        break;
    default:
        e = -EBADMSG;
    }
    return e == 0 && !trn_cur_end(&c) ? -EBADMSG : e;
}

/* n bytes at a place of the result, as a view. */
static int view(struct trn_results *x, uint64_t at, size_t n, struct trn_str *ret)
{
    struct trn_result *r = x->result;
    uint64_t in_file = r->fd < 0 ? 0 : r->size - r->mem.n;
    if (at > r->size || n > r->size - at || n > ITEM_MAX)
        return -EBADMSG;
    if (at >= in_file) {
        *ret = (struct trn_str){r->mem.p + (at - in_file), n};
        return 0;
    }
    if (n > in_file - at) /* never written so: what is spilled ends with an item */
        return -EBADMSG;
    if (at < x->window_at || at + n > x->window_at + x->window.n) {
        size_t want = (size_t)TRN_MIN(in_file - at, (uint64_t)TRN_MAX(WINDOW, n));
        TRN_AUTO(trn_freep) char *bytes = malloc(want);
        int e = bytes ? trn_pread_full(r->fd, bytes, want, at) : -ENOMEM;
        if (e < 0)
            return e;
        trn_buf_clear(&x->window);
        trn_put(&x->window, bytes, want);
        x->window_at = at;
        if (x->window.bad)
            return -ENOMEM;
    }
    *ret = (struct trn_str){x->window.p + (at - x->window_at), n};
    return 0;
}

int trn_results_read(struct trn_results *x, uint64_t at, struct trn_item *ret, uint64_t *ret_next)
{
    struct trn_str bytes;
    int e = view(x, at, HEAD, &bytes);
    if (e < 0)
        return e;
    struct trn_cursor c = trn_cur_of(bytes);
    uint32_t n = trn_cur_u32le(&c);
    e = n <= ITEM_MAX - HEAD ? view(x, at, HEAD + n, &bytes) : -EBADMSG;
    if (e == 0)
        e = decode(trn_str_slice(bytes, HEAD, n), ret);
    if (e == 0 && ret_next)
        *ret_next = at + HEAD + n;
    return e;
}

int trn_results_artifact(struct trn_results *x, uint32_t id, struct trn_item *ret)
{
    return id && id <= x->n ? trn_results_read(x, x->nodes[id - 1].at, ret, NULL) : -EBADMSG;
}

int trn_results_member(struct trn_results *x, uint32_t id, struct trn_buf *out)
{
    uint32_t way[DEPTH_MAX], n = 0;
    for (; id && x->nodes[id - 1].parent && n < DEPTH_MAX; id = x->nodes[id - 1].parent)
        way[n++] = id;
    for (uint32_t i = n; i-- > 0;) {
        struct trn_item item;
        int e = trn_results_artifact(x, way[i], &item);
        if (e != 0)
            return e;
        if (i + 1 < n)
            trn_put_c(out, "!/");
        trn_put_str(out, item.a.name);
    }
    return out->bad ? -ENOMEM : 0;
}

/* ---- building ---- */

static int grow(void **array, uint32_t *cap, uint32_t n, size_t each)
{
    if (n < *cap)
        return 0;
    uint32_t more = *cap ? 2 * *cap : 64;
    void *p = reallocarray(*array, more, each);
    if (!p)
        return -ENOMEM;
    *array = p;
    *cap = more;
    return 0;
}

static int add_node(struct trn_results *x, uint64_t at, const struct trn_artifact *a)
{
    /* Numbers come in order, a parent before its members; the first, and only the first, has none. */
    if (a->id != x->n + 1 || a->parent >= a->id || (a->parent == 0) != (a->id == 1))
        return -EBADMSG;
    int e = grow((void **)&x->nodes, &x->cap, x->n, sizeof(*x->nodes));
    if (e < 0)
        return e;
    x->nodes[x->n++] = (struct trn_scan_node){.at = at, .parent = a->parent, .below = 1};
    if (a->parent) {
        struct trn_scan_node *p = &x->nodes[a->parent - 1];
        if (p->last_child)
            x->nodes[p->last_child - 1].next = a->id;
        else
            p->child = a->id;
        p->last_child = a->id;
    }
    return 0;
}

static int add_link(struct trn_results *x, uint64_t at, uint32_t artifact, bool told)
{
    if (artifact == 0 || artifact > x->n)
        return -EBADMSG;
    int e = grow((void **)&x->links, &x->cap_links, x->n_links, sizeof(*x->links));
    if (e < 0)
        return e;
    struct trn_scan_node *node = &x->nodes[artifact - 1];
    x->links[x->n_links++] = (struct trn_link){.at = at};
    if (node->last)
        x->links[node->last - 1].next = x->n_links;
    else
        node->first = x->n_links;
    node->last = x->n_links;
    node->told = node->told || told;
    return 0;
}

static void sum_up(struct trn_results *x)
{
    for (uint32_t id = x->n; id > 1; id--) {
        const struct trn_scan_node *node = &x->nodes[id - 1];
        struct trn_scan_node *parent = &x->nodes[node->parent - 1];
        parent->below += node->below;
        parent->told_below = parent->told_below || node->told || node->told_below;
    }
}

static int build(struct trn_scanned *t, struct trn_score *score)
{
    struct trn_results *x = &t->index;
    uint16_t strongest = 0;
    for (uint64_t at = 0, next; at < x->result->size; at = next) {
        struct trn_item item;
        int e = trn_results_read(x, at, &item, &next);
        if (e == 0 && item.kind == TRN_ITEM_ARTIFACT)
            e = add_node(x, at, &item.a);
        else if (e == 0)
            e = add_link(x, at, item.artifact, item.kind == TRN_ITEM_FINDING || item.kind == TRN_ITEM_GAP);
        if (e != 0)
            return e;
        if (item.kind == TRN_ITEM_ARTIFACT && item.a.id == 1)
            t->size = item.a.size;
        if (item.kind == TRN_ITEM_GAP)
            t->gaps[item.g.kind]++;
        if (item.kind != TRN_ITEM_FINDING)
            continue;
        t->findings++;
        trn_score_add(score, &item.f);
        uint16_t weight = trn_score_alone(&item.f, NULL);
        if (weight > strongest || !t->strongest_text[0]) {
            strongest = weight;
            (void)snprintf(t->strongest_text, sizeof(t->strongest_text), "%.*s", TRN_STR_ARG(item.f.summary));
        }
    }
    return 0;
}

int trn_scanned_judge(struct trn_scanned *t, struct trn_result *r)
{
    struct trn_score score = {0};
    struct trn_results *x = &t->index;
    x->result = r;
    x->n = x->n_links = 0;
    trn_buf_clear(&x->window);
    x->window_at = 0;
    if (r->bad && t->code == 0) {
        t->code = -ENOSPC;
        t->why = TRN_STR("no room for what was found in it");
    }
    int e = r->bad ? 0 : build(t, &score);
    if (e == -ENOMEM)
        return e;
    if (e < 0) {
        x->n = x->n_links = t->findings = 0;
        score = (struct trn_score){0};
        t->code = -EBADMSG;
        t->why = TRN_STR("what was told of it makes no sense");
    }
    sum_up(x);
    t->score = trn_score_of(&score, &t->verdict);
    return 0;
}

bool trn_scanned_undecided(const struct trn_scanned *t)
{
    return t->code < 0 || t->gaps[TRN_GAP_LIMIT] || t->gaps[TRN_GAP_DAMAGED] || t->gaps[TRN_GAP_CRASHED];
}

void trn_scan_sum_add(struct trn_scan_sum *s, const struct trn_scanned *t)
{
    s->files += !t->note;
    s->notes += t->note;
    s->artifacts += t->index.n;
    s->bytes += t->size;
    s->findings += t->findings;
    s->verdicts[t->verdict] += t->code == 0 || t->verdict > TRN_VERDICT_CLEAN;
    for (size_t i = 0; i < TRN_GAP_KIND_MAX; i++)
        s->gaps[i] += t->gaps[i];
    s->failed += t->code < 0;
    s->changed += t->changed;
    s->score = TRN_MAX(s->score, t->score);
    s->verdict = TRN_MAX(s->verdict, t->verdict);
    s->undecided = s->undecided || trn_scanned_undecided(t);
}
