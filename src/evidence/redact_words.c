/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the set of words that must not leave the machine, and taking them out of one text.
 * A word is found without regard to case, where it stands as a word: no letter, digit or byte above ASCII touches it.
 * Must not: know where texts stand in events and stories (redact.c).
 */
#include "evidence/redact_words.h"

#define WORDS_MAX 65536u
#define KEPT_MAX 131072u
#define ARENA_MAX ((size_t)16 << 20)
#define TEXT_MAX ((size_t)4 << 20)
#define SHORTEST 2u

struct trn_redactor *trn_redactor_new(void)
{
    struct trn_redactor *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    trn_buf_init(&r->folded, TEXT_MAX);
    trn_buf_init(&r->out, TEXT_MAX);
    r->arena = trn_arena_new(ARENA_MAX);
    r->index = trn_map_new(WORDS_MAX);
    r->kept = trn_map_new(KEPT_MAX);
    if (!r->arena || !r->index || !r->kept || trn_private_add(r, TRN_STR("/root"), TRN_PRIVATE_HOME) < 0)
        return trn_redactor_free(r);
    return r;
}

struct trn_redactor *trn_redactor_free(struct trn_redactor *r)
{
    if (!r)
        return NULL;
    trn_arena_free(r->arena);
    trn_map_free(r->index);
    trn_map_free(r->kept);
    trn_buf_done(&r->folded);
    trn_buf_done(&r->out);
    free(r->words);
    free(r);
    return NULL;
}

const struct trn_evidence_counts *trn_redactor_counts(const struct trn_redactor *r)
{
    return &r->counts;
}

static uint8_t fold(char c)
{
    return (uint8_t)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_word_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

static int fold_into(struct trn_buf *b, struct trn_str s)
{
    trn_buf_clear(b);
    for (size_t i = 0; i < s.n; i++)
        trn_put_u8(b, fold(s.p[i]));
    return b->bad ? -ENOMEM : 0;
}

static int more_room(struct trn_redactor *r)
{
    if (r->n < r->cap)
        return 0;
    size_t cap = r->cap ? r->cap * 2 : 256;
    struct trn_private_word *p = realloc(r->words, cap * sizeof(*p));
    if (!p)
        return -ENOMEM;
    r->words = p;
    r->cap = cap;
    return 0;
}

int trn_private_add(struct trn_redactor *r, struct trn_str text, enum trn_private kind)
{
    uint64_t place = 0;
    if (text.n < SHORTEST)
        return 0;
    int e = r->sealed ? -EINVAL : fold_into(&r->folded, text);
    if (e < 0)
        return e;
    struct trn_str word = trn_buf_str(&r->folded);
    uint64_t h = trn_hash64_str(word);
    for (; trn_map_get(r->index, h, &place); h++) { /* hashes can be made to collide */
        struct trn_private_word *w = &r->words[place - 1];
        if (!trn_str_eq(w->text, word))
            continue;
        w->kind = TRN_MIN(w->kind, kind);
        return 0;
    }
    e = r->n == WORDS_MAX ? -E2BIG : more_room(r);
    if (e < 0)
        return e;
    word = trn_arena_str(r->arena, word);
    if (!word.p)
        return -E2BIG;
    e = trn_map_put(r->index, h, r->n + 1);
    if (e < 0)
        return e;
    r->words[r->n++] = (struct trn_private_word){word, kind};
    r->longest = TRN_MAX(r->longest, word.n);
    return 0;
}

void trn_private_keep(struct trn_redactor *r, struct trn_str evidence)
{
    /* Not known to be evidence is on the safe side: it is removed. */
    if (!trn_str_is_empty(evidence) && fold_into(&r->folded, evidence) == 0)
        (void)!trn_map_put(r->kept, trn_hash64_str(trn_buf_str(&r->folded)), 1);
}

/* ---- homes ---- */

static bool is_path_byte(uint8_t c)
{
    return is_word_byte(c) || (c && strchr("/._-~+@%", c));
}

/* Where the path of the home begins whose "/home/" stands at `at`; SIZE_MAX: this is no home, but a folder in something. */
static size_t home_begins(struct trn_str s, size_t at)
{
    /* "C:/Users/" */
    if (at >= 2 && s.p[at + 1] == 'U' && s.p[at - 1] == ':' && (at == 2 || !is_path_byte((uint8_t)s.p[at - 3])))
        return at - 2;
    static const char *const above[] = {"", "/var", "/export", "/usr"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(above); i++) {
        size_t n = strlen(above[i]);
        if (n > at || memcmp(s.p + at - n, above[i], n) != 0)
            continue;
        if (n == at || !is_path_byte((uint8_t)s.p[at - n - 1]))
            return at - n;
    }
    return SIZE_MAX;
}

static bool is_nobodys(struct trn_str name)
{
    static const char *const names[] = {"Shared", "Public", "Default", "root", "lost+found"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (trn_str_eq_c(name, names[i]))
            return true;
    return name.n == 0 || name.p[0] == '.';
}

static int learn_below(struct trn_redactor *r, struct trn_str s, const char *root)
{
    size_t n_root = strlen(root);
    for (size_t at = 0; at + n_root < s.n; at++) {
        if (s.p[at] != '/' || memcmp(s.p + at, root, n_root) != 0)
            continue;
        size_t from = at + n_root, to = from, begin = home_begins(s, at);
        while (to < s.n && is_path_byte((uint8_t)s.p[to]) && s.p[to] != '/')
            to++;
        struct trn_str name = trn_str_slice(s, from, to - from);
        if (begin == SIZE_MAX || is_nobodys(name))
            continue;
        int e = trn_private_add(r, trn_str_slice(s, begin, to - begin), TRN_PRIVATE_HOME);
        if (e == 0)
            e = trn_private_add(r, name, TRN_PRIVATE_USER);
        if (e < 0)
            return e;
    }
    return 0;
}

int trn_private_learn(struct trn_redactor *r, struct trn_str text)
{
    if (trn_str_is_empty(text))
        return 0;
    int e = learn_below(r, text, "/home/");
    return e < 0 ? e : learn_below(r, text, "/Users/");
}

/* ---- sealing ---- */

static int by_text(const void *a, const void *b)
{
    return trn_str_cmp(((const struct trn_private_word *)a)->text, ((const struct trn_private_word *)b)->text);
}

static size_t two(struct trn_str s, size_t at)
{
    return (size_t)(uint8_t)s.p[at] << 8 | (uint8_t)s.p[at + 1];
}

int trn_redactor_seal(struct trn_redactor *r)
{
    size_t n = 0;
    uint64_t one;
    for (size_t i = 0; i < r->n; i++) {
        struct trn_private_word w = r->words[i];
        if (w.kind == TRN_PRIVATE_ARGUMENT && trn_map_get(r->kept, trn_hash64_str(w.text), &one))
            continue;
        r->words[n++] = w;
        r->begins[two(w.text, 0) / 8] |= (uint8_t)(1u << two(w.text, 0) % 8);
    }
    r->n = n;
    r->sealed = true;
    qsort(r->words, r->n, sizeof(*r->words), by_text);
    return 0;
}

/* ---- taking out ---- */

static size_t common(struct trn_str a, struct trn_str b)
{
    size_t n = 0;
    while (n < a.n && n < b.n && a.p[n] == b.p[n])
        n++;
    return n;
}

/* How many words sort at or before s. */
static size_t not_after(const struct trn_redactor *r, struct trn_str s)
{
    size_t lo = 0, hi = r->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (trn_str_cmp(r->words[mid].text, s) <= 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool stands_alone(const struct trn_private_word *w, struct trn_str s, size_t at)
{
    size_t end = at + w->text.n;
    uint8_t before = at ? (uint8_t)s.p[at - 1] : 0, behind = end < s.n ? (uint8_t)s.p[end] : 0;
    if (w->kind == TRN_PRIVATE_HOME) /* "/home/al" is not the home in "/home/alice", nor "/root" that in "/mnt/root" */
        return !is_word_byte(before) && (behind == '/' || !is_path_byte(behind));
    return !(is_word_byte((uint8_t)w->text.p[0]) && is_word_byte(before)) &&
           !(is_word_byte((uint8_t)w->text.p[w->text.n - 1]) && is_word_byte(behind));
}

/*
 * The longest word that begins at s[at]. All words between a word that is a prefix of s and s itself begin with that
 * word too; so what the last word before s has in common with s holds every shorter candidate.
 */
static const struct trn_private_word *word_at(const struct trn_redactor *r, struct trn_str s, size_t at, bool free_text)
{
    size_t n = TRN_MIN(s.n - at, r->longest);
    while (n >= SHORTEST) {
        struct trn_str rest = trn_str_slice(s, at, n);
        size_t i = not_after(r, rest);
        if (i == 0)
            return NULL;
        const struct trn_private_word *w = &r->words[i - 1];
        size_t same = common(w->text, rest);
        bool whole = same == w->text.n;
        if (whole && (free_text || w->kind != TRN_PRIVATE_ARGUMENT) && stands_alone(w, s, at))
            return w;
        n = whole ? same - 1 : same;
    }
    return NULL;
}

static void put_instead(struct trn_redactor *r, enum trn_private kind)
{
    static const char *const instead[] = {"~", "[user]", "[host]", "[removed]", "[argument]"};
    uint64_t *const counts[] = {&r->counts.homes, &r->counts.users, &r->counts.hosts, &r->counts.notes,
                                &r->counts.arguments};
    trn_put_c(&r->out, instead[kind]);
    ++*counts[kind];
}

/* free_text: a sentence, where an argument may have been quoted; paths and names of hosts are evidence. */
static int take_out(struct trn_redactor *r, struct trn_str *text, bool free_text, struct trn_arena *arena)
{
    bool changed = false;
    if (!r->sealed)
        return -EINVAL;
    if (text->n < SHORTEST)
        return 0;
    if (fold_into(&r->folded, *text) < 0)
        return -ENOMEM;
    struct trn_str s = trn_buf_str(&r->folded);
    trn_buf_clear(&r->out);
    for (size_t at = 0; at < s.n;) {
        const struct trn_private_word *w = NULL;
        if (at + 1 < s.n && r->begins[two(s, at) / 8] >> two(s, at) % 8 & 1u)
            w = word_at(r, s, at, free_text);
        if (w) {
            put_instead(r, w->kind);
            changed = true;
            at += w->text.n;
        } else {
            trn_put(&r->out, text->p + at, 1);
            at++;
        }
    }
    if (!changed)
        return 0;
    struct trn_str fresh = trn_arena_str(arena, trn_buf_str(&r->out));
    if (r->out.bad || !fresh.p)
        return -ENOMEM;
    *text = fresh;
    return 0;
}

int trn_redact_text(struct trn_redactor *r, struct trn_str *text, struct trn_arena *arena)
{
    return take_out(r, text, true, arena);
}

int trn_redact_name(struct trn_redactor *r, struct trn_str *text, struct trn_arena *arena)
{
    return take_out(r, text, false, arena);
}
