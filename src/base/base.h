/* SPDX-License-Identifier: Apache-2.0 */
/* The one header that other rooms include. */
#ifndef TRN_BASE_BASE_H
#define TRN_BASE_BASE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/checked.h"
#include "base/clock.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/escape.h"
#include "base/fd.h"
#include "base/hash.h"
#include "base/ipc.h"
#include "base/macros.h"
#include "base/map.h"
#include "base/ranges.h"
#include "base/sandbox.h"
#include "base/source.h"
#include "base/str.h"

#endif
