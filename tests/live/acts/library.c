/* SPDX-License-Identifier: Apache-2.0 */
/* A library that does nothing: what acts load. */
#include <link.h>

int acts_library(void);
int acts_library(void)
{
    return 7;
}

/* So that LD_AUDIT takes it: the loader asks for its version. */
unsigned la_version(unsigned version);
unsigned la_version(unsigned version)
{
    return version;
}
