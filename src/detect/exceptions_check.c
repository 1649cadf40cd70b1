/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns: what an exception must say, and from what none can be made. Must not: know which hold, or who may ask.
 */
#include "detect/exceptions.h"

#define SLACK_NS (60 * TRN_NS_PER_SEC) /* between the asking and its place in the order of events */

/* An exact hash of a file known to be bad says all; and an exception must not silence the finding about exceptions. */
bool trn_exception_is_never(struct trn_str check)
{
    return trn_str_eq_c(check, "indicator.sha256") || trn_str_eq_c(check, TRN_CHECK_MANY_EXCEPTIONS);
}

static bool is_text(struct trn_str s, size_t min, size_t max)
{
    return trn_str_trim(s).n >= min && s.n <= max && trn_utf8_valid(s);
}

static int check_binding(const struct trn_ev_exception *e, struct trn_err *err)
{
    int r = 0;
    if (!trn_check_find(e->check))
        r = trn_fail(err, -EINVAL, "there is no such check");
    else if (trn_exception_is_never(e->check))
        r = trn_fail(err, -EINVAL, "no exception can be made from '%.*s'", TRN_STR_ARG(e->check));
    else if (!is_text(e->name, 1, TRN_EXCEPTION_TEXT_MAX) || !is_text(e->version, 1, TRN_EXCEPTION_TEXT_MAX))
        r = trn_fail(err, -EINVAL, "an exception is bound to one version of one software");
    else if (trn_sha256_is_none(e->sha256))
        r = trn_fail(err, -EINVAL, "an exception is bound to the hash of the file that acts");
    else if (!trn_str_is_none(e->only) && !is_text(e->only, 1, TRN_EXCEPTION_TEXT_MAX))
        r = trn_fail(err, -EINVAL, "what it is limited to must be text of 1 to %d bytes", TRN_EXCEPTION_TEXT_MAX);
    if (r < 0)
        trn_hint(err, "turncoat explain lists the checks; --software NAME=VERSION and --sha256 HEX or --file PATH");
    return r;
}

int trn_exception_check(const struct trn_event *set, struct trn_err *err)
{
    const struct trn_ev_exception *e = &set->exception;
    int r = check_binding(e, err);
    if (r < 0)
        return r;
    if (!is_text(e->reason, TRN_EXCEPTION_REASON_MIN, TRN_EXCEPTION_TEXT_MAX)) {
        r = trn_fail(err, -EINVAL, "a reason is a sentence of %d to %d bytes", TRN_EXCEPTION_REASON_MIN,
                     TRN_EXCEPTION_TEXT_MAX);
        trn_hint(err, "who reads the story must understand it: --reason 'vendor confirmed the new host, ticket 4711'");
        return r;
    }
    if (!is_text(e->by, 1, TRN_EXCEPTION_TEXT_MAX))
        return trn_fail(err, -EINVAL, "it is not known who asks");
    uint64_t most = set->wall_ns + TRN_EXCEPTION_MAX_SEC * TRN_NS_PER_SEC + SLACK_NS;
    if (e->until_wall_ns > set->wall_ns && e->until_wall_ns <= most)
        return 0;
    r = trn_fail(err, -ERANGE, "an exception holds for %u days at most", TRN_EXCEPTION_MAX_SEC / 86400);
    trn_hint(err, "make it again when it has expired, if the reason still stands");
    return r;
}
