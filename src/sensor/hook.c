/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overview: owns the wording of hook states. Must not decide anything.
 */
#include "sensor/hook.h"

#include <stdarg.h>
#include <stdio.h>

const char *trn_hook_state_name(enum trn_hook_state s)
{
    switch (s) {
    case TRN_HOOK_ON:
        return "on";
    case TRN_HOOK_DEGRADED:
        return "degraded";
    case TRN_HOOK_OFF:
        break;
    }
    return "off";
}

void trn_hook_set(struct trn_sensor_hook *h, enum trn_hook_state state, const char *fmt, ...)
{
    va_list args;

    h->state = state;
    va_start(args, fmt);
    (void)vsnprintf(h->reason, sizeof(h->reason), fmt, args);
    va_end(args);
}

void trn_hook_add(struct trn_sensor_hook *h, enum trn_hook_state state, const char *fmt, ...)
{
    size_t at = strlen(h->reason);
    va_list args;

    h->state = state;
    if (at > 0 && at + 3 < sizeof(h->reason)) {
        memcpy(h->reason + at, "; ", 3);
        at += 2;
    }
    va_start(args, fmt);
    (void)vsnprintf(h->reason + at, sizeof(h->reason) - at, fmt, args);
    va_end(args);
}
