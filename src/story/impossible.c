/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which single act is impossible for a software, so that it needs no second stage: what a finding says of itself
 * (evidence "impossible", in words; a detector adds it), and two that only the findings of one story together show:
 *
 *   a program that is no browser reads a browser's cookies, logins or keys and sends to a place that is new for it
 *   a second stage reads keys or credentials
 *
 * Must not: weigh (score.c). Findings below a stage's weight never count: what a person does at a prompt is possible.
 */
#include "story/internal.h"

#define RIGHT_AFTER_NS (600 * TRN_NS_PER_SEC) /* as behaviour.exfiltration */

/* An exception for one half of the act does not make the whole possible. */
static bool is_check(const struct trn_finding *f, const char *id)
{
    return TRN_MAX(f->score, f->full_score) >= TRN_COUNTS_FROM && trn_str_eq_c(trn_str_of(f->check->id), id);
}

/* What lets somebody in elsewhere; history does not. */
static bool is_secret(struct trn_str klass, bool of_browser)
{
    static const char *const browser[] = {"browser-cookies", "browser-logins", "browser-key"};
    static const char *const other[] = {"ssh-key", "gpg-key", "cloud-credentials", "keyring", "wallet", "shadow"};
    for (size_t i = 0; i < TRN_ARRAY_SIZE(browser); i++)
        if (trn_str_eq_c(klass, browser[i]))
            return true;
    for (size_t i = 0; !of_browser && i < TRN_ARRAY_SIZE(other); i++)
        if (trn_str_eq_c(klass, other[i]))
            return true;
    return false;
}

static bool reads_secret(const struct trn_finding *f, bool of_browser)
{
    bool read = is_check(f, "behaviour.browser-data") || (!of_browser && is_check(f, "behaviour.collection"));
    return read && is_secret(trn_evidence(f, "class"), of_browser);
}

static bool sent_right_after(const struct trn_finding *read, const struct trn_finding *sent)
{
    return is_check(sent, "behaviour.exfiltration") && read->acting && sent->acting == read->acting &&
           sent->wall_ns >= read->wall_ns && sent->wall_ns - read->wall_ns <= RIGHT_AFTER_NS;
}

/* The process that ran the file, or another run of the same file. */
static bool second_stage_reads(const struct trn_finding *stage, const struct trn_finding *read)
{
    if (!is_check(stage, "behaviour.second-stage") || !stage->acting || read->wall_ns < stage->wall_ns ||
        trn_str_eq_c(trn_evidence(stage, "how"), "mapped executable"))
        return false;
    struct trn_str path = trn_evidence(stage, "path");
    return read->entity == stage->entity || (path.n && trn_str_eq(path, trn_evidence(read, "program")));
}

struct trn_str trn_impossible(const struct trn_finding *f, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct trn_str told = trn_evidence(&f[i], "impossible");
        if (f[i].score >= TRN_COUNTS_FROM && !trn_str_is_empty(told))
            return told;
    }
    for (uint32_t i = 0; i < n; i++) {
        bool browser = reads_secret(&f[i], true), any = reads_secret(&f[i], false);
        for (uint32_t k = 0; any && k < n; k++) {
            if (browser && sent_right_after(&f[i], &f[k]))
                return TRN_STR("it is no browser, read what lets one in at web sites, and sent to a new place right "
                               "after");
            if (second_stage_reads(&f[k], &f[i]))
                return TRN_STR("a program that came in at run time read keys or credentials");
        }
    }
    return TRN_STR_NONE;
}
