/* SPDX-License-Identifier: Apache-2.0 */
/* As skeleton.h: the generated code is left alone. */
#ifndef TRN_SENSOR_SKELETON_GATE_H
#define TRN_SENSOR_SKELETON_GATE_H
#pragma GCC system_header

#include "sensor/bpf/gate.h"

#include "gate.skel.h"

#endif
