/* SPDX-License-Identifier: Apache-2.0 */
/* The one header that other rooms include. */
#ifndef TRN_ENGINE_ENGINE_H
#define TRN_ENGINE_ENGINE_H

#include "engine/names.h"
#include "engine/pipeline.h"
#include "engine/pure.h"
#include "engine/recorder.h"
#include "engine/snapshot.h"

#endif
