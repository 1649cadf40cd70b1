/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what would make a story a false alarm: what somebody would have to know or to have asked for, for each finding.
 * Must not: judge (score.c) or lay out a page (print.c).
 */
#include "story/words.h"

static void benign_second_stage(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you fetched or built ");
        trn_put_path(b, trn_evidence(f, "path"));
        trn_put_c(b, " and ran it yourself");
        return;
    }
    trn_put_c(b, "the vendor documents that ");
    trn_put_software(b, &st->software);
    trn_put_c(b, " fetches and runs ");
    if (trn_evidence(f, "unnamed").n)
        trn_put_c(b, "code that never has a name");
    else
        trn_put_path(b, trn_evidence(f, "path"));
}

static void benign_browser_data(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you opened ");
        trn_put_path(b, trn_evidence(f, "path"));
        trn_put_c(b, " yourself");
        return;
    }
    trn_put_c(b, "somebody asked ");
    trn_put_software(b, &st->software);
    trn_put_c(b, " to import or back up the data of ");
    trn_words_owner(b, f);
}

static void benign_first_contact(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you went to ");
        trn_words_place(b, f);
        trn_put_c(b, " yourself");
        return;
    }
    trn_put_c(b, "the vendor documents ");
    trn_words_place(b, f);
    trn_put_c(b, " for ");
    trn_put_software(b, &st->software);
}

static void benign_collection(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you read these files yourself");
        return;
    }
    trn_put_software(b, &st->software);
    trn_put_c(b, " is there to keep, find or move such files, and somebody set it up to");
}

static void benign_exfiltration(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    trn_put_c(b, "somebody set up ");
    trn_put_software(b, &st->software);
    trn_put_c(b, " to send what it reads to ");
    trn_words_place(b, f);
}

static void benign_beacon(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you had it called again and again yourself");
        return;
    }
    trn_put_c(b, "the vendor documents that ");
    trn_put_software(b, &st->software);
    trn_put_c(b, " keeps in touch with ");
    trn_words_place(b, f);
}

static void benign_hands(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    if (!f->acting) {
        trn_put_c(b, "you opened this shell yourself");
        return;
    }
    trn_put_c(b, "somebody who may do so worked in a shell below ");
    trn_put_software(b, &st->software);
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
    trn_put_software(b, &st->software);
    trn_put_c(b, reach ? " debugs, injects into or inspects other programs" : " makes or unpacks code at run time");
}

static void benign_foreign_library(const struct trn_story *st, const struct trn_finding *f, struct trn_buf *b)
{
    trn_put_c(b, f->acting ? "somebody added " : "you added ");
    trn_put_path(b, trn_evidence(f, "path"));
    trn_put_c(b, " to ");
    trn_put_software(b, &st->software);
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
        trn_put_path(b, trn_evidence(f, "path"));
        trn_put_c(b, " yourself");
        return;
    }
    trn_put_c(b, "somebody asked ");
    trn_put_software(b, &st->software);
    trn_put_c(b, " to set up ");
    trn_put_path(b, trn_evidence(f, "path"));
}

static void benign_drift(const struct trn_story *st, struct trn_buf *b)
{
    trn_put_c(b, "what changed with ");
    trn_put_software(b, &st->software);
    trn_put_c(b, " according to its vendor explains what is new");
}

int trn_words_benign(struct trn_story *st, struct trn_arena *a, struct trn_buf *b)
{
    struct trn_lines l = {st->benign_if, &st->n_benign_if, a, false};
    st->n_benign_if = 0;
    trn_buf_clear(b);
    for (uint32_t i = 0; i < st->n_findings; i++) {
        const struct trn_finding *f = &st->findings[i];
        if (f->exception) {
            benign_exception(f, b);
            trn_lines_add(&l, b);
        }
        if (trn_words_is(f, "behaviour.second-stage"))
            benign_second_stage(st, f, b);
        else if (trn_words_is(f, "behaviour.exec-memory"))
            benign_exec_memory(st, f, b);
        else if (trn_words_is(f, "behaviour.foreign-library"))
            benign_foreign_library(st, f, b);
        else if (trn_words_is(f, "behaviour.browser-data"))
            benign_browser_data(st, f, b);
        else if (trn_words_is(f, "behaviour.first-contact"))
            benign_first_contact(st, f, b);
        else if (trn_words_is(f, "behaviour.collection"))
            benign_collection(st, f, b);
        else if (trn_words_is(f, "behaviour.exfiltration"))
            benign_exfiltration(st, f, b);
        else if (trn_words_is(f, "behaviour.beacon"))
            benign_beacon(st, f, b);
        else if (trn_words_is(f, "behaviour.hands-on-keyboard"))
            benign_hands(st, f, b);
        else if (trn_words_is(f, TRN_CHECK_MANY_EXCEPTIONS))
            trn_put_c(b, "whoever made the exceptions has the vendor's word for each of them");
        else if (trn_words_is(f, "behaviour.persistence"))
            benign_persistence(st, f, b);
        else if (trn_words_is(f, "behaviour.drift"))
            benign_drift(st, b);
        else if (f->check->stage == TRN_STAGE_INDICATOR)
            trn_put_c(b, "the entry of the list is old, or names what many share");
        if (b->n)
            trn_lines_add(&l, b);
    }
    return l.failed ? -ENOMEM : 0;
}
