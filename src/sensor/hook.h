/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the room only: filling the hook tables. */
#ifndef TRN_SENSOR_HOOK_H
#define TRN_SENSOR_HOOK_H

#include "sensor/sensor.h"

void trn_hook_set(struct trn_sensor_hook *h, enum trn_hook_state state, const char *fmt, ...) TRN_PRINTF(3, 4);
/* Adds to the reason, separated by "; ", as long as there is room. */
void trn_hook_add(struct trn_sensor_hook *h, enum trn_hook_state state, const char *fmt, ...) TRN_PRINTF(3, 4);

#endif
