/* SPDX-License-Identifier: Apache-2.0 */
/* Internal to the reader half: which container a cgroup's path belongs to. */
#ifndef TRN_SENSOR_CONTAINER_H
#define TRN_SENSOR_CONTAINER_H

#include "base/base.h"

/* The id or name of the innermost container; absent outside one. Points into cgroup or the arena. */
struct trn_str trn_container_of(struct trn_str cgroup, struct trn_arena *arena);

#endif
