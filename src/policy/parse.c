/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the file as libyaml reads it, in a tree with hard limits: bytes, nodes, depth; no anchors, no aliases, no tags, one
 * document. Must not own: what the words mean (words.c). Runs in a strict worker only: turncoatd never links it.
 */
#include "policy/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#define DEPTH_MAX 5
#define NODES_MAX 8192u
#define TEXT_MAX 512u

struct builder {
    yaml_parser_t yaml;
    struct trn_arena *arena;
    struct trn_policy_error *err;
    struct trn_policy_node *open[DEPTH_MAX], *root;
    unsigned depth;
    uint32_t nodes;
};

int trn_policy_wrong(struct trn_policy_error *err, const struct trn_policy_node *at, const char *fmt, ...)
{
    va_list ap;
    *err = (struct trn_policy_error){.line = at ? at->line : 0, .column = at ? at->column : 0};
    va_start(ap, fmt);
    (void)vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static struct trn_policy_node place_of(const yaml_mark_t *m)
{
    return (struct trn_policy_node){.line = (uint32_t)TRN_MIN(m->line, (size_t)TRN_POLICY_FILE_MAX) + 1,
                                    .column = (uint32_t)TRN_MIN(m->column, (size_t)TRN_POLICY_FILE_MAX) + 1};
}

static int not_yaml(struct builder *b, struct trn_str file)
{
    const yaml_parser_t *y = &b->yaml;
    struct trn_policy_node at = place_of(&y->problem_mark);
    if (y->error == YAML_MEMORY_ERROR)
        return trn_policy_wrong(b->err, NULL, "out of memory");
    if (y->error == YAML_READER_ERROR) { /* it counts bytes there, not lines */
        at.line = at.column = 1;
        for (size_t i = 0; file.p && i < y->problem_offset && i < file.n; i++) {
            at.line += file.p[i] == '\n';
            at.column = file.p[i] == '\n' ? 1 : at.column + 1;
        }
    }
    return trn_policy_wrong(b->err, &at, "%s", y->problem ? y->problem : "this is no YAML");
}

static struct trn_policy_node *new_node(struct builder *b, enum trn_node_kind kind, const yaml_mark_t *mark)
{
    struct trn_policy_node *n = b->nodes < NODES_MAX ? trn_arena_alloc(b->arena, sizeof *n) : NULL;
    if (!n)
        return NULL;
    b->nodes++;
    *n = place_of(mark);
    n->kind = kind;
    return n;
}

/* Hangs n into what is open, and opens it when it holds others. */
static int add(struct builder *b, struct trn_policy_node *n, bool opens)
{
    if (!n)
        return trn_policy_wrong(b->err, NULL, "it has too many parts: at most %u words", NODES_MAX);
    struct trn_policy_node *in = b->depth ? b->open[b->depth - 1] : NULL;
    if (!in)
        b->root = n;
    else if (in->last)
        in->last->next = n;
    else
        in->child = n;
    if (in)
        in->last = n;
    if (!opens)
        return 0;
    if (b->depth == DEPTH_MAX)
        return trn_policy_wrong(b->err, n, "nested too deep: at most %d levels", DEPTH_MAX);
    b->open[b->depth++] = n;
    return 0;
}

static int text(struct builder *b, const yaml_event_t *ev)
{
    struct trn_policy_node *n = new_node(b, TRN_NODE_TEXT, &ev->start_mark);
    const struct trn_str s = {(const char *)ev->data.scalar.value, ev->data.scalar.length};
    if (n && s.n > TEXT_MAX)
        return trn_policy_wrong(b->err, n, "a text is longer than %u bytes", TEXT_MAX);
    for (size_t i = 0; n && i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return trn_policy_wrong(b->err, n, "a text with control characters");
    if (n) {
        n->text = trn_arena_str(b->arena, s);
        if (trn_str_is_none(n->text))
            return trn_policy_wrong(b->err, NULL, "out of memory");
    }
    return add(b, n, false);
}

static int refuse_extras(struct builder *b, const yaml_event_t *ev, const void *anchor, const void *tag)
{
    struct trn_policy_node at = place_of(&ev->start_mark);
    if (anchor)
        return trn_policy_wrong(b->err, &at, "an anchor ('&'): each rule is written out");
    return tag ? trn_policy_wrong(b->err, &at, "a tag ('!'): plain words only") : 0;
}

static int one_event(struct builder *b, const yaml_event_t *ev)
{
    struct trn_policy_node at = place_of(&ev->start_mark);
    int r;
    switch (ev->type) {
    case YAML_DOCUMENT_START_EVENT:
        return b->root ? trn_policy_wrong(b->err, &at, "a second document: one file is one policy") : 0;
    case YAML_ALIAS_EVENT:
        return trn_policy_wrong(b->err, &at,
                                "an alias ('*'): each rule is written out; a '*' of a check stands in quotes");
    case YAML_SCALAR_EVENT:
        r = refuse_extras(b, ev, ev->data.scalar.anchor, ev->data.scalar.tag);
        return r < 0 ? r : text(b, ev);
    case YAML_SEQUENCE_START_EVENT:
        r = refuse_extras(b, ev, ev->data.sequence_start.anchor, ev->data.sequence_start.tag);
        return r < 0 ? r : add(b, new_node(b, TRN_NODE_LIST, &ev->start_mark), true);
    case YAML_MAPPING_START_EVENT:
        r = refuse_extras(b, ev, ev->data.mapping_start.anchor, ev->data.mapping_start.tag);
        return r < 0 ? r : add(b, new_node(b, TRN_NODE_MAP, &ev->start_mark), true);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth -= b->depth > 0;
        return 0;
    default:
        return 0;
    }
}

static int build(struct builder *b, struct trn_str file)
{
    bool ended = false;
    int r = 0;
    while (r == 0 && !ended) {
        yaml_event_t ev;
        if (!yaml_parser_parse(&b->yaml, &ev))
            return not_yaml(b, file);
        r = one_event(b, &ev);
        ended = ev.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&ev);
    }
    return r;
}

int trn_policy_tree(struct trn_str file, struct trn_arena *arena, const struct trn_policy_node **ret,
                    struct trn_policy_error *err)
{
    struct builder b = {.arena = arena, .err = err};
    if (file.n > TRN_POLICY_FILE_MAX)
        return trn_policy_wrong(err, NULL, "it is larger than %u KB", TRN_POLICY_FILE_MAX >> 10);
    if (!arena || !yaml_parser_initialize(&b.yaml))
        return trn_policy_wrong(err, NULL, "out of memory");
    yaml_parser_set_encoding(&b.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.yaml, (const unsigned char *)(file.p ? file.p : ""), file.n);
    int r = build(&b, file);
    if (r == 0)
        *ret = b.root;
    yaml_parser_delete(&b.yaml);
    return r;
}

int trn_policy_parse(struct trn_str file, struct trn_policy *ret, struct trn_policy_error *err)
{
    TRN_AUTO(trn_arena_freep) struct trn_arena *arena = trn_arena_new(4u << 20);
    TRN_AUTO(trn_freep) struct trn_policy *p = malloc(sizeof *p);
    const struct trn_policy_node *root = NULL;
    if (!p)
        return trn_policy_wrong(err, NULL, "out of memory");
    int r = trn_policy_tree(file, arena, &root, err);
    if (r == 0)
        r = trn_policy_words(root, p, err);
    if (r == 0)
        *ret = *p;
    return r;
}
