/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: which conditions libyara evaluates. Version 4.2 evaluates each of some thousand for every content, also when none of the
 * rule's strings was found; on a tree of small files that is a fifth of all its time. Of most rules it can be read off the
 * condition that it is false then (yara_condition.c). libyara asks its caller about a module after all strings were looked for
 * and before the first condition, so that is when rules are switched off, by the flag that yr_rule_disable sets.
 * Must not: skip a rule of which a string was found, or one that another asks for; enable a rule that somebody else disabled.
 */
#include "artifact/yara_internal.h"

enum { NOT_OURS = 0, SKIPPED = 1 }; /* in wanted, between skip and end */

static bool holds(const struct trn_yara_names *names, size_t *from, const char *name)
{
    for (size_t k = 0; k < names->n; k++) { /* they come in the same order, so the first is nearly always it */
        size_t i = (*from + k) % names->n;
        if (trn_str_eq_c(names->v[i], name)) {
            *from = i + 1;
            return true;
        }
    }
    return false;
}

static bool is_of(const struct trn_yara_file *f, const YR_RULE *rule)
{
    return strcmp(f->name, rule->ns->name) == 0;
}

int trn_yara_quiet_mark(const struct trn_yara_file *files, size_t n, const YR_RULES *rules, uint8_t **ret)
{
    uint8_t *quiet = calloc(rules->num_rules + 1, 1);
    size_t file = 0, from = 0;
    if (!quiet)
        return -ENOMEM;
    for (uint32_t i = 0; i < rules->num_rules; i++) {
        const YR_RULE *rule = &rules->rules_table[i];
        while (file < n && !is_of(&files[file], rule)) { /* rules come in the order of their files */
            file++;
            from = 0;
        }
        if (file == n)
            break; /* not in order: all others are evaluated */
        bool same_name = file + 1 < n && strcmp(files[file].name, files[file + 1].name) == 0;
        quiet[i] = !same_name && !RULE_IS_GLOBAL(rule) && holds(&files[file].quiet, &from, rule->identifier);
    }
    *ret = quiet;
    return 0;
}

void trn_yara_quiet_skip(YR_SCAN_CONTEXT *scan, const uint8_t *quiet, uint8_t *wanted)
{
    YR_RULES *rules = scan->rules;
    memset(wanted, 0, rules->num_rules);
    for (uint32_t i = 0; i < rules->num_strings; i++)
        if (scan->matches[i].head) /* of a chain of parts: when all of it was found */
            wanted[rules->strings_table[i].rule_idx] = 1;
    for (uint32_t i = 0; i < rules->num_rules; i++) {
        YR_RULE *rule = &rules->rules_table[i];
        bool skip = quiet[i] && !wanted[i] && !RULE_IS_DISABLED(rule);
        wanted[i] = skip ? SKIPPED : NOT_OURS;
        if (skip)
            rule->flags |= RULE_FLAGS_DISABLED;
    }
}

void trn_yara_quiet_end(YR_RULES *rules, const uint8_t *wanted)
{
    for (uint32_t i = 0; i < rules->num_rules; i++)
        if (wanted[i] == SKIPPED)
            rules->rules_table[i].flags &= ~RULE_FLAGS_DISABLED;
}
