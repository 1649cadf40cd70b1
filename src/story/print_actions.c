/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what a story's page says about what was done: the words of its head, the block "What was done", the commands that
 * would stop it. Must not: offer what holds already, nor a command with a word that a shell would read otherwise.
 */
#include "story/print.h"

#include <stdio.h>

#define INDENT "\n                               "
#define EXCEPT_MAX 4

static bool is_act(const struct trn_story_action *a, enum trn_respond r)
{
    return trn_str_eq_c(a->act, trn_respond_name(r));
}

static bool holds(const struct trn_story *s, enum trn_respond r)
{
    for (uint32_t i = 0; i < s->n_actions; i++)
        if (is_act(&s->actions[i], r) && trn_story_action_holds(&s->actions[i]))
            return true;
    return false;
}

static bool in_state(const struct trn_story_action *a, enum trn_action_state state)
{
    return trn_str_eq_c(a->state, trn_action_state_name(state));
}

/* ---- the head ---- */

/* The path of a content that the story knows; else the target itself. */
static struct trn_str thing(const struct trn_story *s, const struct trn_story_action *a)
{
    for (uint32_t i = 0; i < s->n_files; i++)
        if (s->files[i].path.n && trn_str_eq(s->files[i].sha256, a->target))
            return s->files[i].path;
    return a->target;
}

static void put_target(struct trn_buf *b, struct trn_str target, bool whole)
{
    bool path = target.n && target.p[0] == '/', hash = target.n == (size_t)2 * TRN_SHA256_SIZE;
    if (path && whole)
        trn_put_path(b, target);
    else
        trn_escape(b, path ? trn_path_base(target) : trn_str_slice(target, 0, hash ? 8 : target.n));
    trn_put_c(b, hash ? "…" : "");
}

static void put_stopped(struct trn_buf *b, const struct trn_story *s, const struct trn_story_action *a)
{
    static const struct {
        enum trn_respond act;
        bool thing; /* named; else it is the software */
        const char *word;
    } words[] = {{TRN_RESPOND_BLOCK, true, " blocked"},       {TRN_RESPOND_HOLD, false, "held"},
                 {TRN_RESPOND_KILL, false, "killed"},         {TRN_RESPOND_ISOLATE, false, "isolated"},
                 {TRN_RESPOND_SHIELD, false, "shielded"},     {TRN_RESPOND_QUARANTINE, true, " quarantined"},
                 {TRN_RESPOND_REMOVE, false, "removed"},      {TRN_RESPOND_ISOLATE_HOST, false, "host isolated"},
                 {TRN_RESPOND_ROLLBACK, false, "rolled back"}};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(words); i++) {
        if (!is_act(a, words[i].act))
            continue;
        if (words[i].thing)
            put_target(b, thing(s, a), false);
        trn_put_c(b, words[i].word);
        return;
    }
    trn_escape(b, a->act);
}

void trn_print_stopped(const struct trn_story *s, struct trn_buf *b)
{
    bool any = false, tried = false;
    for (uint32_t i = 0; i < s->n_actions; i++) {
        const struct trn_story_action *a = &s->actions[i];
        tried = tried || in_state(a, TRN_ACTION_NOT_SEEN) || in_state(a, TRN_ACTION_FAILED);
        if (!trn_story_action_holds(a))
            continue;
        trn_put_c(b, any ? ", " : "stopped: ");
        put_stopped(b, s, a);
        if (!any) {
            trn_put_c(b, " since ");
            trn_print_clock(b, a->since_wall_ns, s->opened_wall_ns);
        }
        any = true;
    }
    if (any)
        return;
    trn_put_c(b, tried          ? "not stopped (what was tried did not take)"
                 : s->n_actions ? "not stopped (no action holds)"
                                : "not stopped (detect mode)");
}

/* ---- what was done ---- */

/* "isolated acme-softphone=1.1, seen to hold"; "block ~/.cache/acme/helper failed" */
static void put_act(struct trn_buf *b, const struct trn_story *s, const struct trn_story_action *a)
{
    static const struct {
        enum trn_respond act;
        const char *word;
    } done[] = {{TRN_RESPOND_BLOCK, "blocked"},         {TRN_RESPOND_HOLD, "held"},
                {TRN_RESPOND_KILL, "killed"},           {TRN_RESPOND_ISOLATE, "isolated"},
                {TRN_RESPOND_SHIELD, "shielded from"},  {TRN_RESPOND_QUARANTINE, "quarantined"},
                {TRN_RESPOND_ISOLATE_HOST, "isolated"}, {TRN_RESPOND_REMOVE, "removed"},
                {TRN_RESPOND_ROLLBACK, "rolled back"}};
    static const struct {
        enum trn_action_state state;
        const char *words;
    } states[] = {{TRN_ACTION_REQUESTED, " is asked for"},
                  {TRN_ACTION_DONE, ", effect not seen yet"},
                  {TRN_ACTION_SEEN, ", seen to hold"},
                  {TRN_ACTION_NOT_SEEN, ", which DID NOT TAKE"},
                  {TRN_ACTION_FAILED, " failed, nothing was done"},
                  {TRN_ACTION_UNDONE, ", taken back since"},
                  {TRN_ACTION_EXPIRED, ", its time is over"},
                  {TRN_ACTION_WITHDRAWN, ", withdrawn when turncoatd stopped"}};
    bool happened = !in_state(a, TRN_ACTION_REQUESTED) && !in_state(a, TRN_ACTION_FAILED);
    const char *word = NULL;
    for (size_t i = 0; happened && i < TRN_ARRAY_SIZE(done); i++)
        if (is_act(a, done[i].act))
            word = done[i].word;
    if (word)
        trn_put_c(b, word);
    else
        trn_escape(b, a->act);
    trn_put_c(b, " ");
    put_target(b, thing(s, a), true);
    for (size_t i = 0; i < TRN_ARRAY_SIZE(states); i++)
        if (in_state(a, states[i].state))
            trn_put_c(b, states[i].words);
}

void trn_print_action(const struct trn_story *s, const struct trn_story_action *a, struct trn_buf *b)
{
    put_act(b, s, a);
    trn_put_c(b, ", by ");
    trn_escape(b, a->by);
    if (trn_str_is_empty(a->text))
        return;
    trn_put_c(b, ": ");
    trn_escape(b, a->text);
}

void trn_print_actions(const struct trn_story *s, unsigned width, struct trn_buf *b)
{
    TRN_AUTO(trn_buf_done) struct trn_buf line;
    trn_buf_init(&line, 16384);
    for (uint32_t i = 0; i < s->n_actions; i++) {
        const struct trn_story_action *a = &s->actions[i];
        trn_buf_clear(&line);
        trn_print_when(&line, a->wall_ns, trn_print_zero(s), 9);
        trn_print_action(s, a, &line);
        trn_print_line(b, "What was done", trn_buf_str(&line), i == 0, width);
        if (!trn_story_action_holds(a) || is_act(a, TRN_RESPOND_KILL))
            continue;
        trn_buf_clear(&line);
        trn_put_c(&line, "         ");
        if (a->until_wall_ns) {
            trn_put_c(&line, "until ");
            trn_print_clock(&line, a->until_wall_ns, s->opened_wall_ns);
            trn_put_c(&line, " UTC; ");
        }
        trn_put_fmt(&line, "turncoat respond undo %llu", (unsigned long long)a->id);
        trn_print_line(b, "", trn_buf_str(&line), false, width);
    }
}

/* ---- what now ---- */

/* A word that means itself to every shell. */
static bool is_plain(struct trn_str s)
{
    static const char others[] = "._+:/=@%,-";
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || !strchr(others, c)))
            return false;
    }
    return s.n > 0 && s.p[0] != '-';
}

static bool put_software(struct trn_buf *b, const struct trn_software *w)
{
    if (!is_plain(w->name) || (w->version.n && !is_plain(w->version)))
        return false;
    trn_put_str(b, w->name);
    if (w->version.n) {
        trn_put_c(b, "=");
        trn_put_str(b, w->version);
    }
    return true;
}

static void put_story(struct trn_buf *b, const struct trn_story *s)
{
    trn_put_fmt(b, " --story %llu" INDENT, (unsigned long long)s->id);
}

static void offer(struct trn_buf *out, const struct trn_story *s, const char *act, struct trn_buf *words)
{
    if (!words->bad && words->n) {
        trn_put_fmt(out, "turncoat respond %s ", act);
        trn_put_str(out, trn_buf_str(words));
        put_story(out, s);
    }
    trn_buf_clear(words);
}

/* Hosts that it always talked to stay reachable: the phone goes on ringing. */
static void offer_isolate(struct trn_buf *out, const struct trn_story *s, struct trn_buf *words)
{
    unsigned n = 0;
    if (!s->n_hosts || holds(s, TRN_RESPOND_ISOLATE) || holds(s, TRN_RESPOND_ISOLATE_HOST) ||
        !put_software(words, &s->software)) {
        trn_buf_clear(words);
        return;
    }
    for (uint32_t i = 0; i < s->n_hosts && n < EXCEPT_MAX; i++) {
        struct trn_str host = s->hosts[i].name.n ? s->hosts[i].name : s->hosts[i].address;
        if (!s->hosts[i].usual || !is_plain(host))
            continue;
        trn_put_c(words, " --except ");
        trn_put_str(words, host);
        n++;
    }
    offer(out, s, "isolate", words);
}

static const struct trn_story_file *second_stage(const struct trn_story *s)
{
    for (uint32_t i = 0; i < s->n_files; i++)
        if (s->files[i].sha256.n && trn_str_contains(s->files[i].role, TRN_STR("ran")))
            return &s->files[i];
    return NULL;
}

static bool has_stage(const struct trn_story *s, enum trn_stage stage)
{
    for (uint32_t i = 0; i < s->n_findings; i++)
        if (s->findings[i].check->stage == stage && s->findings[i].score >= TRN_COUNTS_FROM)
            return true;
    return false;
}

void trn_print_respond(const struct trn_story *s, struct trn_buf *out)
{
    TRN_AUTO(trn_buf_done) struct trn_buf words;
    const struct trn_story_file *file = second_stage(s);
    trn_buf_init(&words, 16384);
    if (s->verdict < TRN_VERDICT_SUSPICIOUS)
        return;
    offer_isolate(out, s, &words);
    if (file && !holds(s, TRN_RESPOND_BLOCK) && is_plain(file->sha256)) {
        trn_put_str(&words, file->sha256);
        offer(out, s, "block", &words);
    }
    if (file && !holds(s, TRN_RESPOND_QUARANTINE) && is_plain(file->path) && file->path.p[0] == '/') {
        trn_put_str(&words, file->path);
        offer(out, s, "quarantine", &words);
    }
    if (has_stage(s, TRN_STAGE_COLLECTION) && !holds(s, TRN_RESPOND_SHIELD) && put_software(&words, &s->software))
        offer(out, s, "shield", &words);
    trn_buf_clear(&words);
    if (s->software.origin == TRN_ORIGIN_DPKG && is_plain(s->change_from) && is_plain(s->software.name) &&
        !holds(s, TRN_RESPOND_ROLLBACK) && !holds(s, TRN_RESPOND_REMOVE)) {
        trn_put_str(&words, s->software.name);
        trn_put_c(&words, " --to ");
        trn_put_str(&words, s->change_from);
        offer(out, s, "rollback", &words);
    }
}
