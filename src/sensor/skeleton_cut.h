/* SPDX-License-Identifier: Apache-2.0 */
/* As skeleton.h: the generated code is left alone. */
#ifndef TRN_SENSOR_SKELETON_CUT_H
#define TRN_SENSOR_SKELETON_CUT_H
#pragma GCC system_header

#include "sensor/bpf/cut.h"

#include "cut.skel.h"

#endif
