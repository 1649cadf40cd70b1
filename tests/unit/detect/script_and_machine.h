/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that each need one script and one machine: both fresh before a test, gone after it. */
#ifndef TRN_TEST_SCRIPT_AND_MACHINE_H
#define TRN_TEST_SCRIPT_AND_MACHINE_H

#include "script.h"

static struct script *s;
static struct machine *m;

static void setup(void)
{
    s = script_new();
    m = machine_new(NULL);
}

static void teardown(void)
{
    machine_free(m);
    script_free(s);
}

#endif
