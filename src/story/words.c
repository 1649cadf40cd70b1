/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the sentence of a story, why it is no false alarm, and what would make it one: facts of its own findings, in
 * words, escaped. Must not: judge (score.c) or lay out a page (print.c).
 */
#include "story/internal.h"

struct trn_str trn_evidence(const struct trn_finding *f, const char *key)
{
    for (uint32_t i = 0; i < f->n_evidence; i++)
        if (trn_str_eq_c(f->evidence[i].key, key))
            return f->evidence[i].value;
    return TRN_STR_NONE;
}

void trn_words_software(struct trn_buf *b, const struct trn_software *w)
{
    if (trn_str_is_empty(w->name))
        trn_put_c(b, "an unknown program");
    else
        trn_escape(b, w->name);
    if (!trn_str_is_empty(w->version)) {
        trn_put_c(b, " ");
        trn_escape(b, w->version);
    }
}

void trn_words_path(struct trn_buf *b, struct trn_str path)
{
    struct trn_str rest = path;
    if (trn_str_starts(path, TRN_STR("/root/"))) {
        rest = trn_str_slice(path, 5, path.n);
    } else if (trn_str_starts(path, TRN_STR("/home/"))) {
        struct trn_str below = trn_str_slice(path, 6, path.n);
        ptrdiff_t slash = trn_str_find(below, '/');
        if (slash > 0)
            rest = trn_str_slice(below, (size_t)slash, below.n);
    }
    if (rest.n != path.n)
        trn_put_c(b, "~");
    trn_escape(b, rest);
}

static bool is_check(const struct trn_finding *f, const char *id)
{
    return trn_str_eq_c(trn_str_of(f->check->id), id);
}

/* Name of whose data it is, as people write it: "firefox" -> "Firefox". */
static void put_owner(struct trn_buf *b, const struct trn_finding *f)
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
static void put_place(struct trn_buf *b, const struct trn_finding *f)
{
    struct trn_str domain = trn_evidence(f, "domain"), address = trn_evidence(f, "address");
    if (trn_str_is_empty(domain) && trn_str_is_empty(address))
        trn_put_c(b, "a place");
    else
        trn_escape(b, trn_str_is_empty(domain) ? address : domain);
}

/* "autostart (starts at login)" */
static void put_start(struct trn_buf *b, const struct trn_finding *f)
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
        if (!is_check(&st->findings[i], "behaviour.browser-data"))
            continue;
        for (uint32_t k = 0; k < n; k++)
            known = known || trn_str_eq(trn_evidence(told[k], "owner"), trn_evidence(&st->findings[i], "owner"));
        if (!known)
            told[n++] = &st->findings[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        trn_put_c(b, i == 0 ? "" : i + 1 == n ? " and " : ", ");
        put_owner(b, told[i]);
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
    if (is_check(f, "behaviour.exec-memory")) {
        phrase_exec_memory(b, f);
    } else if (is_check(f, "behaviour.foreign-library")) {
        trn_put_c(b, "loaded a library that is not its own");
    } else if (is_check(f, "behaviour.second-stage") && trn_evidence(f, "unnamed").n) {
        trn_put_c(b, "ran ");
        trn_escape(b, trn_evidence(f, "unnamed"));
        trn_put_c(b, " after it had talked to the network");
    } else if (is_check(f, "behaviour.second-stage")) {
        bool loaded = trn_str_eq_c(trn_evidence(f, "how"), "mapped executable");
        bool own = trn_str_is_none(trn_evidence(f, "weight")) || trn_str_starts(f->summary, TRN_STR("wrote "));
        trn_put_c(b, loaded ? "loaded code that came from the network"
                     : own  ? "ran a program that it had fetched"
                            : "ran a file that came from the network");
    } else if (is_check(f, "behaviour.browser-data")) {
        trn_put_c(b, "read the data of ");
        put_owners(b, st);
    } else if (is_check(f, "behaviour.first-contact")) {
        trn_put_c(b, "talked to ");
        put_place(b, f);
        trn_put_c(b, " for the first time");
    } else if (is_check(f, "behaviour.collection")) {
        trn_put_c(b, "read keys and credentials");
    } else if (is_check(f, "behaviour.exfiltration")) {
        trn_put_c(b, "sent bytes to ");
        put_place(b, f);
        trn_put_c(b, " right after");
    } else if (is_check(f, "behaviour.beacon")) {
        trn_put_c(b, "called ");
        put_place(b, f);
        trn_put_c(b, " at regular times");
    } else if (is_check(f, "behaviour.hands-on-keyboard")) {
        put_hands(b, f);
    } else if (is_check(f, "behaviour.persistence")) {
        trn_put_c(b, "wrote to ");
        put_start(b, f);
    } else if (is_check(f, "behaviour.drift")) {
        trn_put_c(b, "does what the versions before never did");
    } else if (is_check(f, "indicator.sha256")) {
        trn_put_c(b, "ran or loaded a file known to be bad");
    } else if (f->check->stage == TRN_STAGE_INDICATOR) {
        trn_put_c(b, "talked to a place known to be bad");
    } else if (is_check(f, TRN_CHECK_MANY_EXCEPTIONS)) {
        trn_put_c(b, "is excepted from several checks");
    } else {
        trn_put_c(b, f->check->title);
    }
}

/* Nobody's software acted: a person or a timed job used the program. */
static void put_session(struct trn_buf *b, const struct trn_story *st)
{
    const struct trn_finding *f = &st->findings[0];
    trn_put_c(b, "a person or job at a prompt ");
    if (is_check(f, "behaviour.second-stage")) {
        trn_put_c(b, "ran ");
        trn_words_path(b, trn_evidence(f, "path"));
        trn_put_c(b, ", which came from the network");
        return;
    }
    put_phrase(b, st, f);
    trn_put_c(b, ", with ");
    trn_words_software(b, &st->software);
}

static void put_acting(struct trn_buf *b, const struct trn_story *st)
{
    uint32_t done = 0, n = 0, stages = 0;
    for (uint32_t i = 0; i < st->n_findings; i++)
        stages |= 1u << st->findings[i].check->stage;
    uint32_t total = (uint32_t)__builtin_popcount(stages);
    trn_words_software(b, &st->software);
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
    if (st->n_findings && trn_is_of_session(&st->findings[0]) && !is_check(&st->findings[0], TRN_CHECK_MANY_EXCEPTIONS))
        put_session(b, st);
    else
        put_acting(b, st);
    st->sentence = trn_arena_str(a, trn_buf_str(b));
    return b->bad || !st->sentence.p ? -ENOMEM : 0;
}

/* ---- lines ---- */

struct lines {
    struct trn_str *lines;
    uint32_t *n;
    struct trn_arena *a;
    bool failed;
};

static void add(struct lines *l, struct trn_buf *b)
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

static void count_line(const struct trn_story *st, struct trn_buf *b)
{
    static const char *const names[] = {"process", "file", "network", "memory", "artifact"};
    uint32_t stages = 0, telemetry = 0;
    for (uint32_t i = 0; i < st->n_findings; i++) {
        stages |= 1u << st->findings[i].check->stage;
        telemetry |= st->findings[i].telemetry;
    }
    uint32_t n = (uint32_t)__builtin_popcount(stages), kinds = (uint32_t)__builtin_popcount(telemetry), put = 0;
    trn_put_fmt(b, "%u stage%s, %u kind%s of telemetry (", n, n == 1 ? "" : "s", kinds, kinds == 1 ? "" : "s");
    for (uint32_t i = 0; i < TRN_ARRAY_SIZE(names); i++)
        if (telemetry >> i & 1u)
            trn_put_fmt(b, "%s%s", put++ ? ", " : "", names[i]);
    trn_put_c(b, ")");
}

static void why_second_stage(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str remote = trn_evidence(f, "remote"), origin = trn_evidence(f, "file_origin"),
                   unnamed = trn_evidence(f, "unnamed");
    if (unnamed.n) {
        trn_put_c(b, "it ran ");
        trn_escape(b, unnamed);
        trn_put_c(b, ": nothing that is installed leads to this code; before that it had talked to ");
        trn_escape(b, remote);
        return;
    }
    trn_words_path(b, trn_evidence(f, "path"));
    trn_put_c(b, trn_str_eq_c(origin, "manual") ? " belongs to no package" : " was written at run time");
    if (!trn_str_is_empty(remote)) {
        trn_put_c(b, "; its writer had talked to ");
        trn_escape(b, remote);
    }
}

static void why_browser_data(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    put_owner(b, f);
    trn_put_c(b, "'s data; ");
    trn_words_software(b, &st->software);
    trn_put_c(b, " is neither that browser nor of its package");
}

static void why_first_contact(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str novelty = trn_evidence(f, "novelty"), like = trn_evidence(f, "looks_like");
    trn_put_c(b, "contact with ");
    put_place(b, f);
    if (novelty.n) {
        trn_put_c(b, ": ");
        trn_escape(b, novelty);
    }
    if (like.n) {
        trn_put_c(b, "; the name looks like ");
        trn_escape(b, like);
    }
}

static void why_collection(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str kinds = trn_evidence(f, "kinds"), novelty = trn_evidence(f, "novelty");
    if (kinds.n) {
        trn_put_c(b, "it read ");
        trn_escape(b, kinds);
        trn_put_c(b, " within two minutes");
        return;
    }
    trn_words_path(b, trn_evidence(f, "path"));
    if (novelty.n) {
        trn_put_c(b, ", such data: ");
        trn_escape(b, novelty);
    }
}

static void why_exfiltration(const struct trn_finding *f, struct trn_buf *b)
{
    trn_escape(b, trn_evidence(f, "bytes"));
    trn_put_c(b, " bytes to ");
    put_place(b, f);
    trn_put_c(b, ", ");
    trn_escape(b, trn_evidence(f, "after"));
    trn_put_c(b, " after it read ");
    trn_escape(b, trn_evidence(f, "read"));
}

static void why_indicator(const struct trn_finding *f, struct trn_buf *b)
{
    static const char *const kinds[] = {"sha256", "domain", "ip", "url"};
    trn_put_c(b, "a loaded list of indicators names ");
    for (size_t i = 0; i < TRN_ARRAY_SIZE(kinds); i++) {
        struct trn_str value = trn_evidence(f, kinds[i]);
        if (value.p)
            trn_escape(b, i == 0 ? trn_str_slice(value, 0, 16) : value);
    }
    struct trn_str note = trn_evidence(f, "note");
    if (note.n) {
        trn_put_c(b, ": ");
        trn_escape(b, trn_str_slice(note, 0, 120));
    }
}

static void why_exceptions(const struct trn_finding *f, struct trn_buf *b)
{
    trn_escape(b, trn_evidence(f, "count"));
    trn_put_c(b, " exceptions hold for it, the last by ");
    trn_escape(b, trn_evidence(f, "last_by"));
    trn_put_c(b, ": ");
    trn_escape(b, trn_evidence(f, "checks"));
}

static void why_package(const struct trn_story *st, struct trn_buf *b)
{
    trn_put_fmt(b, "its package (%s) says only who built it", trn_origin_name(st->software.origin));
    if (st->software.flags & TRN_SW_MODIFIED)
        trn_put_c(b, ", and a file differs from the package's own list");
}

static void why_beacon(const struct trn_finding *f, struct trn_buf *b)
{
    put_place(b, f);
    trn_put_c(b, ": ");
    trn_escape(b, trn_evidence(f, "count"));
    trn_put_c(b, " calls, every ");
    trn_escape(b, trn_evidence(f, "period"));
    trn_put_c(b, "; ");
    struct trn_str novelty = trn_evidence(f, "novelty"), file = trn_evidence(f, "file");
    trn_escape(b, novelty.n ? novelty : file);
}

static void why_hands(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str shell = trn_evidence(f, "shell"), of = trn_evidence(f, "descriptors");
    struct trn_str novelty = trn_evidence(f, "novelty");
    if (shell.n)
        trn_escape(b, shell);
    else
        trn_put_c(b, "such commands");
    trn_put_c(b, " below it: ");
    trn_escape(b, novelty.n ? novelty : trn_evidence(f, "weight"));
    if (of.n) {
        trn_put_c(b, "; its input, output and errors: ");
        trn_escape(b, of);
    }
}

static void put_after_version(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str since = trn_evidence(f, "since_version"), talked = trn_evidence(f, "talked_to");
    if (since.n) {
        trn_put_c(b, "; ");
        trn_escape(b, since);
        trn_put_c(b, " after this version came");
    }
    if (talked.n) {
        trn_put_c(b, "; it had talked to ");
        trn_escape(b, talked);
    }
}

static void why_exec_memory(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str reach = trn_evidence(f, "reach"), memory = trn_evidence(f, "memory");
    trn_put_c(b, reach.n ? "reaching into other processes (" : "executable memory (");
    trn_escape(b, reach.n ? reach : memory);
    trn_put_c(b, "): ");
    trn_escape(b, trn_evidence(f, "novelty"));
    put_after_version(f, b);
}

static void why_foreign_library(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str library = trn_evidence(f, "library"), by = trn_evidence(f, "put_there_by"),
                   writer = trn_evidence(f, "written_by");
    trn_words_path(b, trn_evidence(f, "path"));
    trn_put_c(b, trn_str_eq_c(library, "modified")   ? " is not as its package has it"
                 : trn_str_eq_c(library, "nobody's") ? " is no package's and nobody's whose signature is known"
                                                     : " is not this software's");
    if (by.n) {
        trn_put_c(b, ", put there by ");
        trn_escape(b, by);
    }
    if (writer.n) {
        trn_put_c(b, ", written by ");
        trn_escape(b, writer);
    }
    trn_put_c(b, "; such a load: ");
    trn_escape(b, trn_evidence(f, "novelty"));
    put_after_version(f, b);
}

static void why_persistence(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str novelty = trn_evidence(f, "novelty"), fetched = trn_evidence(f, "fetched");
    trn_words_path(b, trn_evidence(f, "path"));
    trn_put_c(b, ": ");
    trn_escape(b, trn_evidence(f, "starts"));
    if (fetched.n) {
        trn_put_c(b, "; ");
        trn_escape(b, fetched);
    }
    if (novelty.n) {
        trn_put_c(b, "; writing to such a place: ");
        trn_escape(b, novelty);
    }
}

static void why_drift(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str news = trn_evidence(f, "new"), usual = trn_evidence(f, "usual");
    trn_put_c(b, "new in ");
    trn_words_software(b, &st->software);
    trn_put_c(b, ": ");
    trn_escape(b, news);
    if (usual.n) {
        trn_put_c(b, "; ");
        trn_escape(b, usual);
    }
}

static struct trn_str shown_name(const struct trn_story *st, uint64_t entity)
{
    for (uint32_t i = 0; i < st->n_processes; i++)
        if (st->processes[i].entity == entity)
            return trn_path_base(st->processes[i].path);
    return TRN_STR_NONE;
}

/* Why a process that nobody of the story started is part of it. */
static void why_reached(const struct trn_stories *s, const struct trn_case *c, struct lines *l, struct trn_buf *b)
{
    for (uint32_t i = 0; i < c->n_actors; i++) {
        uint64_t by = trn_reached_by(s->reaches, c->actors[i]);
        struct trn_str who = shown_name(s->scratch, by), whom = shown_name(s->scratch, c->actors[i]);
        if (trn_str_is_empty(who) || trn_str_is_empty(whom))
            continue;
        trn_escape(b, who);
        trn_put_c(b, " had reached into ");
        trn_escape(b, whom);
        trn_put_c(b, " and could make it do what it did");
        add(l, b);
    }
}

static int why(const struct trn_stories *s, const struct trn_case *c, struct trn_buf *b)
{
    struct trn_story *st = s->scratch;
    struct lines l = {st->why, &st->n_why, s->arena, false};
    struct trn_str impossible = trn_impossible(st->findings, st->n_findings);
    st->n_why = 0;
    trn_buf_clear(b);
    count_line(st, b);
    add(&l, b);
    if (impossible.n) {
        trn_put_c(b, "one act is enough here: ");
        trn_escape(b, impossible);
        add(&l, b);
    }
    why_reached(s, c, &l, b);
    for (uint32_t i = 0; i < st->n_findings; i++) {
        const struct trn_finding *f = &st->findings[i];
        if (is_check(f, "behaviour.second-stage"))
            why_second_stage(f, b);
        else if (is_check(f, "behaviour.exec-memory"))
            why_exec_memory(f, b);
        else if (is_check(f, "behaviour.foreign-library"))
            why_foreign_library(f, b);
        else if (is_check(f, "behaviour.browser-data"))
            why_browser_data(st, f, b);
        else if (is_check(f, "behaviour.first-contact"))
            why_first_contact(f, b);
        else if (is_check(f, "behaviour.collection"))
            why_collection(f, b);
        else if (is_check(f, "behaviour.exfiltration"))
            why_exfiltration(f, b);
        else if (is_check(f, "behaviour.beacon"))
            why_beacon(f, b);
        else if (is_check(f, "behaviour.hands-on-keyboard"))
            why_hands(f, b);
        else if (is_check(f, TRN_CHECK_MANY_EXCEPTIONS))
            why_exceptions(f, b);
        else if (is_check(f, "behaviour.persistence"))
            why_persistence(f, b);
        else if (is_check(f, "behaviour.drift"))
            why_drift(st, f, b);
        else if (f->check->stage == TRN_STAGE_INDICATOR)
            why_indicator(f, b);
        if (b->n)
            add(&l, b);
    }
    enum trn_origin o = st->software.origin;
    if (o == TRN_ORIGIN_DPKG || o == TRN_ORIGIN_RPM) {
        why_package(st, b);
        add(&l, b);
    }
    return l.failed ? -ENOMEM : 0;
}

static void benign_second_stage(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you fetched or built ");
        trn_words_path(b, trn_evidence(f, "path"));
        trn_put_c(b, " and ran it yourself");
        return;
    }
    trn_put_c(b, "the vendor documents that ");
    trn_words_software(b, &st->software);
    trn_put_c(b, " fetches and runs ");
    if (trn_evidence(f, "unnamed").n)
        trn_put_c(b, "code that never has a name");
    else
        trn_words_path(b, trn_evidence(f, "path"));
}

static void benign_browser_data(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you opened ");
        trn_words_path(b, trn_evidence(f, "path"));
        trn_put_c(b, " yourself");
        return;
    }
    trn_put_c(b, "somebody asked ");
    trn_words_software(b, &st->software);
    trn_put_c(b, " to import or back up the data of ");
    put_owner(b, f);
}

static void benign_first_contact(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you went to ");
        put_place(b, f);
        trn_put_c(b, " yourself");
        return;
    }
    trn_put_c(b, "the vendor documents ");
    put_place(b, f);
    trn_put_c(b, " for ");
    trn_words_software(b, &st->software);
}

static void benign_collection(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you read these files yourself");
        return;
    }
    trn_words_software(b, &st->software);
    trn_put_c(b, " is there to keep, find or move such files, and somebody set it up to");
}

static void benign_exfiltration(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    trn_put_c(b, "somebody set up ");
    trn_words_software(b, &st->software);
    trn_put_c(b, " to send what it reads to ");
    put_place(b, f);
}

static void benign_beacon(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you had it called again and again yourself");
        return;
    }
    trn_put_c(b, "the vendor documents that ");
    trn_words_software(b, &st->software);
    trn_put_c(b, " keeps in touch with ");
    put_place(b, f);
}

static void benign_hands(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you opened this shell yourself");
        return;
    }
    trn_put_c(b, "somebody who may do so worked in a shell below ");
    trn_words_software(b, &st->software);
    trn_put_c(b, ": remote support, or looking for a fault");
}

static void benign_exec_memory(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    bool reach = !trn_str_is_none(trn_evidence(f, "reach"));
    if (!f->acting) {
        trn_put_c(b, reach ? "you looked into the process yourself, with a debugger or tracer"
                           : "you ran a compiler or tool that makes code in memory yourself");
        return;
    }
    trn_put_c(b, "the vendor documents that ");
    trn_words_software(b, &st->software);
    trn_put_c(b, reach ? " debugs, injects into or inspects other programs" : " makes or unpacks code at run time");
}

static void benign_foreign_library(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    trn_put_c(b, f->acting ? "somebody added " : "you added ");
    trn_words_path(b, trn_evidence(f, "path"));
    trn_put_c(b, " to ");
    trn_words_software(b, &st->software);
    trn_put_c(b, " as a plug-in or for debugging, and knows where it came from");
}

/* What somebody vouched for, and who. */
static void benign_exception(const struct trn_finding *f, struct trn_buf *b)
{
    trn_put_fmt(b, "exception for %s, ", f->check->title);
    trn_escape(b, trn_evidence(f, "exception"));
}

static void benign_persistence(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you wrote ");
        trn_words_path(b, trn_evidence(f, "path"));
        trn_put_c(b, " yourself");
        return;
    }
    trn_put_c(b, "somebody asked ");
    trn_words_software(b, &st->software);
    trn_put_c(b, " to set up ");
    trn_words_path(b, trn_evidence(f, "path"));
}

static void benign_drift(const struct trn_story *st, struct trn_buf *b)
{
    trn_put_c(b, "what changed with ");
    trn_words_software(b, &st->software);
    trn_put_c(b, " according to its vendor explains what is new");
}

static int benign(struct trn_story *st, struct trn_arena *a, struct trn_buf *b)
{
    struct lines l = {st->benign_if, &st->n_benign_if, a, false};
    st->n_benign_if = 0;
    trn_buf_clear(b);
    for (uint32_t i = 0; i < st->n_findings; i++) {
        const struct trn_finding *f = &st->findings[i];
        if (f->exception) {
            benign_exception(f, b);
            add(&l, b);
        }
        if (is_check(f, "behaviour.second-stage"))
            benign_second_stage(st, f, b);
        else if (is_check(f, "behaviour.exec-memory"))
            benign_exec_memory(st, f, b);
        else if (is_check(f, "behaviour.foreign-library"))
            benign_foreign_library(st, f, b);
        else if (is_check(f, "behaviour.browser-data"))
            benign_browser_data(st, f, b);
        else if (is_check(f, "behaviour.first-contact"))
            benign_first_contact(st, f, b);
        else if (is_check(f, "behaviour.collection"))
            benign_collection(st, f, b);
        else if (is_check(f, "behaviour.exfiltration"))
            benign_exfiltration(st, f, b);
        else if (is_check(f, "behaviour.beacon"))
            benign_beacon(st, f, b);
        else if (is_check(f, "behaviour.hands-on-keyboard"))
            benign_hands(st, f, b);
        else if (is_check(f, TRN_CHECK_MANY_EXCEPTIONS))
            trn_put_c(b, "whoever made the exceptions has the vendor's word for each of them");
        else if (is_check(f, "behaviour.persistence"))
            benign_persistence(st, f, b);
        else if (is_check(f, "behaviour.drift"))
            benign_drift(st, b);
        else if (f->check->stage == TRN_STAGE_INDICATOR)
            trn_put_c(b, "the entry of the list is old, or names what many share");
        if (b->n)
            add(&l, b);
    }
    return l.failed ? -ENOMEM : 0;
}

int trn_words(struct trn_stories *s, const struct trn_case *c)
{
    TRN_AUTO(trn_buf_done) struct trn_buf b;
    trn_buf_init(&b, 65536);
    int r = sentence(s->scratch, s->arena, &b);
    if (!r)
        r = why(s, c, &b);
    return r ? r : benign(s->scratch, s->arena, &b);
}
