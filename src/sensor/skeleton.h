/* SPDX-License-Identifier: Apache-2.0 */
/* The generated skeleton is not written to our warnings; as a system header it is left alone. */
#ifndef TRN_SENSOR_SKELETON_H
#define TRN_SENSOR_SKELETON_H
#pragma GCC system_header

#include "trn.skel.h"
#include "trn_compat.skel.h"

#endif
