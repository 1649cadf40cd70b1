/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the words of a shell script and the pipes between its commands (POSIX shell, 2.2-2.9, and bash's <( ) and <<<).
 * Must not own: expansion, what a command does. Hand-offs: words are the arena's.
 */
#include "formats/shell.h"

#define WORD_MAX 4096u

struct shell {
    struct trn_str s;
    size_t at;
    uint32_t line;
    struct trn_arena *a;
    bool (*fn)(void *ctx, const struct trn_shell_command *c);
    void *ctx;
    uint32_t commands, pipelines, depth;
    bool stop;
    int error;
    struct trn_str here_end[4]; /* here-documents that begin at the next line */
    uint32_t n_here;
    char word[TRN_SHELL_DEPTH + 1][WORD_MAX];           /* that is being read, one a depth */
    struct trn_shell_command pool[TRN_SHELL_DEPTH + 1]; /* one a depth */
};

static int peek(const struct shell *h, size_t ahead)
{
    return h->at + ahead < h->s.n ? (uint8_t)h->s.p[h->at + ahead] : -1;
}

static int take(struct shell *h)
{
    int c = peek(h, 0);
    h->at += c >= 0;
    h->line += c == '\n';
    return c;
}

static void commands(struct shell *h, int end);

/* Inside of $( ), ` `, <( ): its commands, told first. */
static void substitution(struct shell *h, struct trn_shell_word *w, int end)
{
    uint32_t first = h->commands;
    w->substitution = true;
    if (h->depth >= TRN_SHELL_DEPTH) {
        h->stop = true;
        return;
    }
    h->depth++;
    commands(h, end);
    h->depth--;
    if (h->commands > first) {
        w->first = w->last ? w->first : first;
        w->last = h->commands;
    }
}

static void put(struct shell *h, size_t *n, int c)
{
    if (c >= 0 && *n < WORD_MAX)
        h->word[h->depth][(*n)++] = (char)c;
}

/* At a '$': $( is run, $(( is arithmetic, ${...} and $x are kept as they stand. */
static void dollar(struct shell *h, struct trn_shell_word *w, size_t *n)
{
    if (peek(h, 1) == '(' && peek(h, 2) != '(') {
        h->at += 2;
        substitution(h, w, ')');
        return;
    }
    put(h, n, take(h));
    int open = peek(h, 0), close = open == '{' ? '}' : open == '(' ? ')' : 0;
    uint32_t depth = 0;
    if (!close)
        return;
    for (int c; (c = take(h)) >= 0;) {
        put(h, n, c);
        depth += c == open;
        depth -= c == close;
        if (!depth)
            return;
    }
}

static void double_quoted(struct shell *h, struct trn_shell_word *w, size_t *n)
{
    h->at++;
    while (!h->stop) {
        int c = peek(h, 0);
        if (c < 0)
            return;
        if (c == '$') {
            dollar(h, w, n);
        } else if (c == '`') {
            h->at++;
            substitution(h, w, '`');
        } else if (c == '\\') {
            h->at++;
            c = take(h);
            if (c != '\n')
                put(h, n, c);
        } else {
            take(h);
            if (c == '"')
                return;
            put(h, n, c);
        }
    }
}

static void single_quoted(struct shell *h, size_t *n)
{
    h->at++;
    for (int c; (c = take(h)) >= 0 && c != '\'';)
        put(h, n, c);
}

static bool ends_word(int c)
{
    return c < 0 || c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' || c == '&' || c == '|' || c == '(' ||
           c == ')' || c == '<' || c == '>';
}

static struct trn_shell_word read_word(struct shell *h, int end)
{
    struct trn_shell_word w = {0};
    size_t n = 0;
    while (!h->stop) {
        int c = peek(h, 0);
        if ((c == '<' || c == '>') && peek(h, 1) == '(') {
            h->at += 2;
            substitution(h, &w, ')');
            continue;
        }
        if (ends_word(c) || (end == '`' && c == '`'))
            break;
        if (c == '\'') {
            single_quoted(h, &n);
        } else if (c == '"') {
            double_quoted(h, &w, &n);
        } else if (c == '$') {
            dollar(h, &w, &n);
        } else if (c == '`') {
            h->at++;
            substitution(h, &w, '`');
        } else if (c == '\\') {
            h->at++;
            c = take(h);
            if (c != '\n')
                put(h, &n, c);
        } else {
            put(h, &n, take(h));
        }
    }
    w.text = trn_arena_str(h->a, (struct trn_str){h->word[h->depth], n});
    if (trn_str_is_none(w.text)) {
        h->error = -ENOMEM;
        h->stop = true;
    }
    return w;
}

/* ---- commands ---- */

static void skip_blank(struct shell *h)
{
    for (;;) {
        int c = peek(h, 0);
        if (c == '\\' && peek(h, 1) == '\n') {
            h->at++;
            take(h);
        } else if (c == ' ' || c == '\t' || c == '\r') {
            h->at++;
        } else {
            return;
        }
    }
}

static void skip_line(struct shell *h)
{
    while (peek(h, 0) >= 0 && peek(h, 0) != '\n')
        h->at++;
}

/* Bodies of here-documents, at the beginning of a line. */
static void skip_here(struct shell *h)
{
    for (uint32_t i = 0; i < h->n_here; i++)
        while (peek(h, 0) >= 0) {
            size_t from = h->at;
            skip_line(h);
            struct trn_str line = trn_str_trim(trn_str_slice(h->s, from, h->at - from));
            take(h);
            if (trn_str_eq(line, h->here_end[i]))
                break;
        }
    h->n_here = 0;
}

/* At < or >. */
static void redirection(struct shell *h, struct trn_shell_command *c, int end)
{
    int kind = take(h);
    bool twice = peek(h, 0) == kind, here_string = kind == '<' && twice && peek(h, 1) == '<';
    h->at += here_string ? 2 : twice;
    if (!here_string && (peek(h, 0) == '-' || peek(h, 0) == '&' || peek(h, 0) == '|' || peek(h, 0) == '>'))
        h->at++;
    skip_blank(h);
    struct trn_shell_word w = read_word(h, end);
    if (kind == '>') {
        if (w.text.n > 1 || (w.text.n == 1 && (w.text.p[0] < '0' || w.text.p[0] > '9'))) /* not 2>&1 */
            c->output = w.text;
        return;
    }
    c->input = true;
    if (here_string) {
        c->here = w.text;
        if (w.substitution && c->n_words < TRN_SHELL_WORDS)
            c->words[c->n_words++] = w; /* what stands in it is its input */
    } else if (twice && h->n_here < TRN_ARRAY_SIZE(h->here_end)) {
        h->here_end[h->n_here++] = w.text;
    }
}

static bool is_word(struct trn_str s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (trn_str_eq_c(s, words[i]))
            return true;
    return false;
}

/* Words of the grammar behind which a command may stand. */
static bool is_reserved(struct trn_str s)
{
    static const char *const words[] = {"if", "then", "else", "elif", "do",   "while", "until",
                                        "!",  "{",    "}",    "fi",   "done", "esac"};
    return is_word(s, words, TRN_ARRAY_SIZE(words));
}

static bool is_assignment(struct trn_str s, struct trn_str *ret_name)
{
    ptrdiff_t eq = trn_str_find(s, '=');
    for (ptrdiff_t i = 0; i < eq; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (i && c >= '0' && c <= '9')))
            return false;
    }
    if (eq <= 0)
        return false;
    *ret_name = trn_str_slice(s, 0, (size_t)eq);
    return true;
}

static void add_word(struct trn_shell_command *c, struct trn_shell_word w)
{
    struct trn_str name = TRN_STR_NONE;
    bool assigned = !trn_str_is_none(c->assigned);
    if (c->n_words == 0 && is_reserved(w.text))
        return;
    if (c->n_words == (assigned ? 1u : 0u) && is_assignment(w.text, &name)) {
        c->assigned = name;
        w.text = trn_str_slice(w.text, name.n + 1, SIZE_MAX);
        c->words[0] = w;
        c->n_words = 1;
        return;
    }
    if (assigned) { /* NAME=value command: the command counts */
        c->assigned = TRN_STR_NONE;
        c->n_words = 0;
    }
    if (c->n_words < TRN_SHELL_WORDS)
        c->words[c->n_words++] = w;
}

static void tell(struct shell *h, struct trn_shell_command *c)
{
    if (c->n_words && !h->stop) {
        c->number = h->commands++;
        h->stop = !h->fn(h->ctx, c);
        if (h->commands >= TRN_SHELL_COMMANDS && !h->stop) {
            h->stop = true;
            h->error = -EFBIG;
        }
    }
    c->n_words = 0;
    c->output = c->here = c->assigned = TRN_STR_NONE;
    c->input = false;
}

/* One command's words, to what ends it, which is taken and given. */
static int one(struct shell *h, struct trn_shell_command *c, int end)
{
    for (;;) {
        skip_blank(h);
        int k = peek(h, 0);
        if (c->n_words == 0) {
            c->at = h->at;
            c->line = h->line;
        }
        if (h->stop || k < 0)
            return -1;
        if (k == '#') {
            skip_line(h);
        } else if ((k == '<' || k == '>') && peek(h, 1) != '(') {
            redirection(h, c, end);
        } else if (k == '<' || k == '>' || !ends_word(k)) {
            if (k == '`' && end == '`') {
                h->at++;
                return '`';
            }
            size_t before = h->at;
            struct trn_shell_word w = read_word(h, end);
            k = peek(h, 0);
            bool number = w.text.n == 1 && w.text.p[0] >= '0' && w.text.p[0] <= '9' && h->at == before + 1;
            if (number && (k == '<' || k == '>')) { /* 2> file: not what it prints */
                struct trn_str output = c->output;
                redirection(h, c, end);
                c->output = w.text.p[0] == '1' ? c->output : output;
                continue;
            }
            add_word(c, w);
            if (h->at == before && !h->stop)
                take(h);
        } else {
            return take(h);
        }
    }
}

static void commands(struct shell *h, int end)
{
    struct trn_shell_command *c = &h->pool[h->depth];
    uint32_t open = 0;
    memset(c, 0, sizeof(*c));
    c->depth = h->depth;
    c->pipeline = h->pipelines++;
    while (!h->stop) {
        int k = one(h, c, end);
        bool pipe = k == '|' && peek(h, 0) != '|';
        tell(h, c);
        if (pipe) {
            h->at += peek(h, 0) == '&'; /* |& */
            c->position++;
            continue;
        }
        if (k == '(') {
            open++;
            continue; /* a group in a pipe stays in it */
        }
        if (k == ')' && open) {
            open--;
            continue;
        }
        if (k < 0 || (end && k == end))
            return;
        if (k == '\n' && h->n_here)
            skip_here(h);
        if (k == '|' || k == '&')
            h->at += peek(h, 0) == k;
        if (k == '\n' && c->position && trn_str_ends(trn_str_trim(trn_str_slice(h->s, 0, h->at)), TRN_STR("|")))
            continue; /* the pipe goes on in the next line */
        c->position = 0;
        c->pipeline = h->pipelines++;
    }
}

int trn_shell_parse(struct trn_str text, struct trn_arena *a, bool (*fn)(void *ctx, const struct trn_shell_command *c),
                    void *ctx)
{
    struct shell *h = trn_arena_alloc(a, sizeof(*h));
    if (!h)
        return -ENOMEM;
    *h = (struct shell){.s = text, .line = 1, .a = a, .fn = fn, .ctx = ctx};
    while (!h->stop && h->at < text.n)
        commands(h, 0);
    return h->error;
}
