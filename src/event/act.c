/* SPDX-License-Identifier: Apache-2.0 */
/* Owns: the names of acts, targets and states, and how long an act holds by itself. Must not own: what they do. */
#include "event/act.h"

static const char *const respond_names[TRN_RESPOND_MAX] = {
    [TRN_RESPOND_BLOCK] = "block",
    [TRN_RESPOND_HOLD] = "hold",
    [TRN_RESPOND_KILL] = "kill",
    [TRN_RESPOND_ISOLATE] = "isolate",
    [TRN_RESPOND_SHIELD] = "shield",
    [TRN_RESPOND_QUARANTINE] = "quarantine",
    [TRN_RESPOND_ISOLATE_HOST] = "isolate-host",
    [TRN_RESPOND_REMOVE] = "remove",
    [TRN_RESPOND_ROLLBACK] = "rollback",
    [TRN_RESPOND_UNDO] = "undo",
    [TRN_RESPOND_CONFIRM] = "confirm",
};

static const char *const target_names[TRN_TARGET_MAX] = {"host", "sha256", "build-id", "path", "software", "entity"};

static const char *const state_names[TRN_ACTION_MAX] = {
    [TRN_ACTION_REQUESTED] = "requested", [TRN_ACTION_DONE] = "done",           [TRN_ACTION_SEEN] = "seen",
    [TRN_ACTION_NOT_SEEN] = "not-seen",   [TRN_ACTION_FAILED] = "failed",       [TRN_ACTION_UNDONE] = "undone",
    [TRN_ACTION_EXPIRED] = "expired",     [TRN_ACTION_WITHDRAWN] = "withdrawn",
};

static const char *name_in(const char *const *names, size_t n, unsigned i)
{
    return i < n && names[i] ? names[i] : "?";
}

const char *trn_respond_name(enum trn_respond r)
{
    return name_in(respond_names, TRN_ARRAY_SIZE(respond_names), (unsigned)r);
}

const char *trn_target_name(enum trn_target t)
{
    return name_in(target_names, TRN_ARRAY_SIZE(target_names), (unsigned)t);
}

const char *trn_action_state_name(enum trn_action_state s)
{
    return name_in(state_names, TRN_ARRAY_SIZE(state_names), (unsigned)s);
}

bool trn_action_state_is_over(enum trn_action_state s)
{
    return s >= TRN_ACTION_FAILED;
}

int trn_respond_parse(struct trn_str s, enum trn_respond *ret)
{
    for (unsigned i = 0; i < TRN_RESPOND_MAX; i++) {
        if (!respond_names[i] || !trn_str_eq_c(s, respond_names[i]))
            continue;
        *ret = (enum trn_respond)i;
        return 0;
    }
    return -EINVAL;
}

int trn_target_parse(struct trn_str s, enum trn_target *ret)
{
    for (unsigned i = 0; i < TRN_TARGET_MAX; i++) {
        if (!trn_str_eq_c(s, target_names[i]))
            continue;
        *ret = (enum trn_target)i;
        return 0;
    }
    return -EINVAL;
}

bool trn_respond_takes(enum trn_respond r, enum trn_target t)
{
    switch (r) {
    case TRN_RESPOND_BLOCK:
        return t == TRN_TARGET_SHA256 || t == TRN_TARGET_BUILD_ID || t == TRN_TARGET_PATH || t == TRN_TARGET_SOFTWARE;
    case TRN_RESPOND_HOLD:
        return t == TRN_TARGET_ENTITY || t == TRN_TARGET_SOFTWARE;
    case TRN_RESPOND_KILL:
        return t == TRN_TARGET_ENTITY;
    case TRN_RESPOND_ISOLATE:
    case TRN_RESPOND_SHIELD:
    case TRN_RESPOND_REMOVE:
    case TRN_RESPOND_ROLLBACK:
        return t == TRN_TARGET_SOFTWARE;
    case TRN_RESPOND_QUARANTINE:
        return t == TRN_TARGET_PATH;
    case TRN_RESPOND_ISOLATE_HOST:
        return t == TRN_TARGET_NONE;
    default:
        return false;
    }
}

uint64_t trn_respond_default_sec(enum trn_respond r)
{
    switch (r) {
    case TRN_RESPOND_HOLD:
        return 15u * 60u;
    case TRN_RESPOND_ISOLATE_HOST: /* the dead man's timer: longer only when somebody confirms */
        return 10u * 60u;
    case TRN_RESPOND_BLOCK:
    case TRN_RESPOND_ISOLATE:
    case TRN_RESPOND_SHIELD:
        return 7u * 86400u;
    default:
        return 0;
    }
}
