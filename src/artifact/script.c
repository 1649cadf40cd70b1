/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: the words and weights of what scripts do, and reading them with a limit. Must not own: how it was found.
 * Hand-offs: none.
 */
#include "artifact/script.h"

#define NOT_INSTALLING 20u
#define USUAL_WAY 15u
#define MODE_WEIGHT 30u
#define SHOWN 300

void trn_script_stronger(struct trn_script_found *found, struct trn_script_found other)
{
    if (other.act > found->act)
        *found = other;
}

int trn_script_take(struct trn_look *l, struct trn_str *ret)
{
    int e = l->bytes->size <= TRN_SCRIPT_MAX
                ? 0
                : trn_look_gap(l, TRN_GAP_LIMIT, TRN_STR_NONE, "only the first %u MiB of the script were looked at",
                               TRN_SCRIPT_MAX >> 20);
    if (e < 0)
        return e;
    return trn_source_take(l->bytes, 0, (size_t)TRN_MIN(l->bytes->size, (uint64_t)TRN_SCRIPT_MAX), l->arena, ret);
}

int trn_script_tell(struct trn_look *l, uint32_t member, const struct trn_script_found *found, bool installs)
{
    static const char *const says[] = {
        [TRN_SCRIPT_FETCHES] = "fetches a file from the network and starts a program",
        [TRN_SCRIPT_FETCH_MODE] = "fetches a file from the network and makes it executable",
        [TRN_SCRIPT_DECODE_RUN] = "decodes hidden text and runs it",
        [TRN_SCRIPT_FETCH_RUN] = "fetches code from the network and runs it at once",
    };
    struct trn_finding f;
    char shown[SHOWN];
    bool decodes = found->act == TRN_SCRIPT_DECODE_RUN;
    if (found->act == TRN_SCRIPT_NOTHING)
        return 0;
    trn_finding_init(&f, trn_check_find(decodes ? TRN_STR("script.obfuscated") : TRN_STR("script.download-run")));
    if (found->act == TRN_SCRIPT_FETCHES)
        f.score = USUAL_WAY;
    else if (!installs)
        f.score = NOT_INSTALLING;
    else if (found->act == TRN_SCRIPT_FETCH_MODE)
        f.score = MODE_WEIGHT;
    trn_escape_into(shown, sizeof(shown), found->words);
    trn_look_say(l, &f, "%s %s (line %u)",
                 installs ? "when the package is installed, this script" : "when it is run, this script",
                 says[found->act], found->line);
    trn_finding_add(&f, "offset", trn_arena_printf(l->arena, "0x%zx", found->at));
    trn_finding_add(&f, "line", trn_arena_printf(l->arena, "%u", found->line));
    trn_finding_add(&f, "words", trn_arena_str(l->arena, trn_str_of(shown)));
    return member ? trn_look_found_in(l, member, &f) : trn_look_found(l, &f);
}
