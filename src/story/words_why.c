/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: why a story is no false alarm: a line for how much there is, one for each thing that a finding says.
 * Must not: judge (score.c) or lay out a page (print.c).
 */
#include "story/words.h"

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
    trn_put_path(b, trn_evidence(f, "path"));
    trn_put_c(b, trn_str_eq_c(origin, "manual") ? " belongs to no package" : " was written at run time");
    if (!trn_str_is_empty(remote)) {
        trn_put_c(b, "; its writer had talked to ");
        trn_escape(b, remote);
    }
}

static void why_browser_data(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    trn_words_owner(b, f);
    trn_put_c(b, "'s data; ");
    trn_put_software(b, &st->software);
    trn_put_c(b, " is neither that browser nor of its package");
}

static void why_first_contact(const struct trn_finding *f, struct trn_buf *b)
{
    struct trn_str novelty = trn_evidence(f, "novelty"), like = trn_evidence(f, "looks_like");
    trn_put_c(b, "contact with ");
    trn_words_place(b, f);
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
    trn_put_path(b, trn_evidence(f, "path"));
    if (novelty.n) {
        trn_put_c(b, ", such data: ");
        trn_escape(b, novelty);
    }
}

static void why_exfiltration(const struct trn_finding *f, struct trn_buf *b)
{
    trn_escape(b, trn_evidence(f, "bytes"));
    trn_put_c(b, " bytes to ");
    trn_words_place(b, f);
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
    trn_words_place(b, f);
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
    trn_put_path(b, trn_evidence(f, "path"));
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
    trn_put_path(b, trn_evidence(f, "path"));
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
    trn_put_software(b, &st->software);
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
static void why_reached(const struct trn_stories *s, const struct trn_case *c, struct trn_lines *l, struct trn_buf *b)
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
        trn_lines_add(l, b);
    }
}

int trn_words_why(const struct trn_stories *s, const struct trn_case *c, struct trn_buf *b)
{
    struct trn_story *st = s->scratch;
    struct trn_lines l = {st->why, &st->n_why, s->arena, false};
    struct trn_str impossible = trn_impossible(st->findings, st->n_findings);
    st->n_why = 0;
    trn_buf_clear(b);
    count_line(st, b);
    trn_lines_add(&l, b);
    if (impossible.n) {
        trn_put_c(b, "one act is enough here: ");
        trn_escape(b, impossible);
        trn_lines_add(&l, b);
    }
    why_reached(s, c, &l, b);
    for (uint32_t i = 0; i < st->n_findings; i++) {
        const struct trn_finding *f = &st->findings[i];
        if (trn_words_is(f, "behaviour.second-stage"))
            why_second_stage(f, b);
        else if (trn_words_is(f, "behaviour.exec-memory"))
            why_exec_memory(f, b);
        else if (trn_words_is(f, "behaviour.foreign-library"))
            why_foreign_library(f, b);
        else if (trn_words_is(f, "behaviour.browser-data"))
            why_browser_data(st, f, b);
        else if (trn_words_is(f, "behaviour.first-contact"))
            why_first_contact(f, b);
        else if (trn_words_is(f, "behaviour.collection"))
            why_collection(f, b);
        else if (trn_words_is(f, "behaviour.exfiltration"))
            why_exfiltration(f, b);
        else if (trn_words_is(f, "behaviour.beacon"))
            why_beacon(f, b);
        else if (trn_words_is(f, "behaviour.hands-on-keyboard"))
            why_hands(f, b);
        else if (trn_words_is(f, TRN_CHECK_MANY_EXCEPTIONS))
            why_exceptions(f, b);
        else if (trn_words_is(f, "behaviour.persistence"))
            why_persistence(f, b);
        else if (trn_words_is(f, "behaviour.drift"))
            why_drift(st, f, b);
        else if (f->check->stage == TRN_STAGE_INDICATOR)
            why_indicator(f, b);
        if (b->n)
            trn_lines_add(&l, b);
    }
    enum trn_origin o = st->software.origin;
    if (o == TRN_ORIGIN_DPKG || o == TRN_ORIGIN_RPM) {
        why_package(st, b);
        trn_lines_add(&l, b);
    }
    return l.failed ? -ENOMEM : 0;
}
