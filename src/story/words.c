/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the sentence of a story, and what the files of its reasons (words_why.c, words_benign.c) share: facts of its own
 * findings, in words, escaped. Must not: judge (score.c) or lay out a page (print.c).
 */
#include "story/words.h"

struct trn_str trn_evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

bool trn_words_is(const struct trn_finding *f, const char *id)
{
    return trn_str_eq_c(trn_str_of(f->check->id), id);
}

/* Name of whose data it is, as people write it: "firefox" -> "Firefox". */
void trn_words_owner(struct trn_buf *b, const struct trn_finding *f)
{
    struct trn_str owner = trn_evidence(f, "owner");
    if (owner.n && owner.p[owner.n - 1] == '*')
        owner.n--;
    if (!owner.n) {
        trn_put_c(b, "another program");
        return;
    }
    char first = owner.p[0] >= 'a' && owner.p[0] <= 'z' ? (char)(owner.p[0] - 'a' + 'A') : owner.p[0];
    trn_escape(b, (struct trn_str){&first, 1});
    trn_escape(b, trn_str_slice(owner, 1, owner.n));
}

/* The other end of a contact: its name, else its address. */
void trn_words_place(struct trn_buf *b, const struct trn_finding *f)
{
    struct trn_str domain = trn_evidence(f, "domain"), address = trn_evidence(f, "address");
    if (trn_str_is_empty(domain) && trn_str_is_empty(address))
        trn_put_c(b, "a place");
    else
        trn_escape(b, trn_str_is_empty(domain) ? address : domain);
}

/* "autostart (starts at login)" */
static void words_start(struct trn_buf *b, const struct trn_finding *f)
{
    trn_escape(b, trn_evidence(f, "place"));
    trn_put_c(b, " (");
    trn_escape(b, trn_evidence(f, "starts"));
    trn_put_c(b, ")");
}

/* ---- the sentence: one phrase a stage, in order of time ---- */

static void put_owners(struct trn_buf *b, const struct trn_story *st)
{
    const struct trn_finding *told[TRN_STORY_FINDINGS];
    uint32_t n = 0;
    for (uint32_t i = 0; i < st->n_findings; i++) {
        bool known = false;
        if (!trn_words_is(&st->findings[i], "behaviour.browser-data"))
            continue;
        for (uint32_t k = 0; k < n; k++)
            known = known || trn_str_eq(trn_evidence(told[k], "owner"), trn_evidence(&st->findings[i], "owner"));
        if (!known)
            told[n++] = &st->findings[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        trn_put_c(b, i == 0 ? "" : i + 1 == n ? " and " : ", ");
        trn_words_owner(b, told[i]);
    }
}

static void put_hands(struct trn_buf *b, const struct trn_finding *f)
{
    if (trn_str_starts(trn_evidence(f, "pace"), TRN_STR("typed")))
        trn_put_c(b, "let somebody type through a shell");
    else if (trn_str_is_empty(trn_evidence(f, "commands")))
        trn_put_c(b, "gave a shell to a connection");
    else
        trn_put_c(b, "looked around the machine");
}

static void phrase_exec_memory(struct trn_buf *b, const struct trn_finding *f)
{
    struct trn_str target = trn_evidence(f, "target"), memory = trn_evidence(f, "memory");
    if (!trn_str_is_none(trn_evidence(f, "reach"))) {
        trn_put_c(b, "reached into ");
        trn_escape(b, trn_str_is_empty(target) ? TRN_STR("another program") : trn_path_base(target));
    } else if (trn_str_starts(memory, TRN_STR("runs "))) {
        trn_put_c(b, "ran a program that no name leads to");
    } else {
        trn_put_c(b, "ran code from memory");
    }
}

static void put_phrase(struct trn_buf *b, const struct trn_story *st, const struct trn_finding *f)
{
    if (f->telemetry == TRN_TEL_ARTIFACT) {
        bool compared = trn_evidence(f, "compared_with").n;
        trn_put_c(b, compared ? "came with what a vendor does not change (" : "holds what does not belong there (");
        trn_put_c(b, f->check->title);
        trn_put_c(b, ")");
    } else if (trn_words_is(f, "behaviour.exec-memory")) {
        phrase_exec_memory(b, f);
    } else if (trn_words_is(f, "behaviour.foreign-library")) {
        trn_put_c(b, "loaded a library that is not its own");
    } else if (trn_words_is(f, "behaviour.second-stage") && trn_evidence(f, "unnamed").n) {
        trn_put_c(b, "ran ");
        trn_escape(b, trn_evidence(f, "unnamed"));
        trn_put_c(b, " after it had talked to the network");
    } else if (trn_words_is(f, "behaviour.second-stage")) {
        bool loaded = trn_str_eq_c(trn_evidence(f, "how"), "mapped executable");
        bool own = trn_str_is_none(trn_evidence(f, "weight")) || trn_str_starts(f->summary, TRN_STR("wrote "));
        trn_put_c(b, loaded ? "loaded code that came from the network"
                     : own  ? "ran a program that it had fetched"
                            : "ran a file that came from the network");
    } else if (trn_words_is(f, "behaviour.browser-data")) {
        trn_put_c(b, "read the data of ");
        put_owners(b, st);
    } else if (trn_words_is(f, "behaviour.first-contact")) {
        trn_put_c(b, "talked to ");
        trn_words_place(b, f);
        trn_put_c(b, " for the first time");
    } else if (trn_words_is(f, "behaviour.collection")) {
        trn_put_c(b, "read keys and credentials");
    } else if (trn_words_is(f, "behaviour.exfiltration")) {
        trn_put_c(b, "sent bytes to ");
        trn_words_place(b, f);
        trn_put_c(b, " right after");
    } else if (trn_words_is(f, "behaviour.beacon")) {
        trn_put_c(b, "called ");
        trn_words_place(b, f);
        trn_put_c(b, " at regular times");
    } else if (trn_words_is(f, "behaviour.hands-on-keyboard")) {
        put_hands(b, f);
    } else if (trn_words_is(f, "behaviour.persistence")) {
        trn_put_c(b, "wrote to ");
        words_start(b, f);
    } else if (trn_words_is(f, "behaviour.drift")) {
        trn_put_c(b, "does what the versions before never did");
    } else if (trn_words_is(f, "indicator.sha256")) {
        trn_put_c(b, "ran or loaded a file known to be bad");
    } else if (f->check->stage == TRN_STAGE_INDICATOR) {
        trn_put_c(b, "talked to a place known to be bad");
    } else if (trn_words_is(f, TRN_CHECK_MANY_EXCEPTIONS)) {
        trn_put_c(b, "has several exceptions");
    } else if (f->telemetry == TRN_TEL_ARTIFACT) { /* found in its files; some titles are nouns, some are verbs */
        trn_put_fmt(b, "came with \"%s\"", f->check->title);
    } else {
        trn_put_c(b, f->check->title);
    }
}

/* Nobody's software acted: a person or a timed job used the program. */
static void put_session(struct trn_buf *b, const struct trn_story *st)
{
    const struct trn_finding *f = &st->findings[0];
    trn_put_c(b, "a person or job at a prompt ");
    if (trn_words_is(f, "behaviour.second-stage")) {
        trn_put_c(b, "ran ");
        trn_put_path(b, trn_evidence(f, "path"));
        trn_put_c(b, ", which came from the network");
        return;
    }
    put_phrase(b, st, f);
    trn_put_c(b, ", with ");
    trn_put_software(b, &st->software);
}

static void put_acting(struct trn_buf *b, const struct trn_story *st)
{
    uint32_t done = 0, n = 0, stages = 0;
    for (uint32_t i = 0; i < st->n_findings; i++)
        stages |= 1u << st->findings[i].check->stage;
    uint32_t total = (uint32_t)__builtin_popcount(stages);
    trn_put_software(b, &st->software);
    for (uint32_t i = 0; i < st->n_findings; i++) {
        uint32_t bit = 1u << st->findings[i].check->stage;
        if (done & bit)
            continue;
        done |= bit;
        n++;
        trn_put_c(b, n == 1 ? " " : n == total ? " and " : ", ");
        put_phrase(b, st, &st->findings[i]);
    }
}

static int sentence(struct trn_story *st, struct trn_arena *a, struct trn_buf *b)
{
    trn_buf_clear(b);
    if (st->n_findings && trn_is_of_session(&st->findings[0]) &&
        !trn_words_is(&st->findings[0], TRN_CHECK_MANY_EXCEPTIONS))
        put_session(b, st);
    else
        put_acting(b, st);
    st->sentence = trn_arena_str(a, trn_buf_str(b));
    return b->bad || !st->sentence.p ? -ENOMEM : 0;
}

void trn_lines_add(struct trn_lines *l, struct trn_buf *b)
{
    struct trn_str kept = trn_arena_str(l->a, trn_buf_str(b));
    l->failed = l->failed || b->bad || !kept.p;
    for (uint32_t i = 0; kept.p && i < *l->n; i++)
        if (trn_str_eq(l->lines[i], kept)) {
            trn_buf_clear(b);
            return; /* two findings may say the same */
        }
    if (kept.p && *l->n < TRN_STORY_LINES)
        l->lines[(*l->n)++] = kept;
    trn_buf_clear(b);
}

int trn_words(struct trn_stories *s, const struct trn_case *c)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 65536);
    int r = sentence(s->scratch, s->arena, &b);
    if (!r)
        r = trn_words_why(s, c, &b);
    return r ? r : trn_words_benign(s->scratch, s->arena, &b);
}
